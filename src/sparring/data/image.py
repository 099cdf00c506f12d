"""Images: their encoding, folders of them, and pictures that show many at once."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sparring.data.plain import refuse, typed
from sparring.data.schema import Schema, checked_numbers, refuse_too_close, rounded_to
from sparring.errors import DataError, InputError, ShapeError
from sparring.quiet import quiet
from sparring.shapes import describe

__all__ = [
    "ImageSchema",
    "as_bytes",
    "grid",
    "image_files",
    "image_reader",
    "is_image",
    "read_grey",
    "read_images",
    "read_picture",
    "to_pillow",
]

MOST_PIXELS = 2**26  # of one image: more would fill the memory
SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}


@dataclass(frozen=True)
class ImageSchema(Schema):
    """Images (n, h, w) or (n, h, w, c) <-> float32 (n, c, h, w) in [-1, 1].

    x -> 2 (x - low) / (high - low) - 1, with low and high of the data. Of bytes they are 0 and 255,
    or 0 and 1 where no byte is above 1 (masks).
    channels_last: whether the data have a channel axis. dtype: of the data.
    """

    height: int
    width: int
    channels: int
    channels_last: bool
    dtype: str
    low: float
    high: float
    kind = "image"

    @classmethod
    def of(cls, images: NDArray[Any]) -> Self:
        """The schema of some images. Raises ShapeError or DataError if they cannot be used."""
        _refuse_no_images(images.shape)
        _refuse_channels_first(images.shape)
        refuse_too_close(images, "the pixels")
        low, high = _range(images)
        if images.min() == images.max():
            raise DataError(f"every pixel of every image is {images.flat[0]}; there is nothing to learn.")
        if not math.isfinite(high - low):
            raise DataError(f"pixels from {low:g} to {high:g} are too far apart to scale; divide them first.")
        channels = images.shape[3] if images.ndim == 4 else 1
        return cls(images.shape[1], images.shape[2], channels, images.ndim == 4, str(images.dtype), low, high)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, self.height, self.width)

    @property
    def span(self) -> tuple[float, float]:
        return (self.low, self.high)

    @property
    def bounded(self) -> bool:
        return True

    @property
    def row_shape(self) -> tuple[int, ...]:
        return (self.height, self.width, *([self.channels] if self.channels_last else []))

    def check(self, values: Any) -> None:
        found = np.shape(values)[1:]
        if found != self.row_shape:
            raise ShapeError(
                f"the images must have the shape (n, {describe(self.row_shape)[1:]}; got {describe(np.shape(values))}."
            )
        images = np.asarray(values)
        if (self.dtype, self.high) == ("uint8", 255) and images.dtype.kind == "f" and images.max(initial=0) <= 1:
            raise DataError(
                f"the images must be bytes from 0 to 255; got {images.dtype} of at most {images.max(initial=0):g}. "
                "Scale them back first."
            )

    def encode(self, values: Any) -> NDArray[np.float32]:
        self.check(values)
        images = np.asarray(values).reshape(len(values), self.height, self.width, self.channels)
        images = images.transpose(0, 3, 1, 2)
        if images.dtype == np.uint8:  # exact in 32 bits, at half the memory
            scale = np.float32(2 / (self.high - self.low))
            encoded = (images.astype(np.float32) - np.float32(self.low)) * scale - np.float32(1)
        else:
            encoded = (images.astype(np.float64) - self.low) / (self.high - self.low) * 2 - 1
        return np.ascontiguousarray(encoded, np.float32)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        images = (np.asarray(encoded, np.float64) + 1) / 2 * (self.high - self.low) + self.low
        images = images.clip(self.low, self.high).transpose(0, 2, 3, 1)
        return rounded_to(np.ascontiguousarray(images.reshape(len(images), *self.row_shape)), self.dtype)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        made = typed(content, cls, dtypes="dtype")
        refuse(min(made.height, made.width, made.channels) < 1, "a picture has pixels")
        refuse(not made.low < made.high, "pixels go from low to high")
        return made


def _refuse_no_images(shape: tuple[int, ...]) -> None:
    if len(shape) not in (3, 4) or 0 in shape:
        raise ShapeError(f"images must have the shape (n, h, w) or (n, h, w, c); got {describe(shape)}.")


def _refuse_channels_first(shape: tuple[int, ...]) -> None:
    """Few, then two equal sides or more than 16: nobody's channels come last in (n, 1, 8, 8) or (n, 3, 32, 48)."""
    if len(shape) != 4 or shape[1] not in (1, 3, 4):
        return
    n, c, h, w = shape
    if w > 16 or (w > 5 and w == h):
        raise ShapeError(
            f"images must have their channels last, (n, h, w, c); got {describe(shape)}, which looks like "
            f"channels first. Use images.transpose(0, 2, 3, 1) for ({n}, {h}, {w}, {c})."
        )


def _range(images: NDArray[Any]) -> tuple[float, float]:
    """(low, high) that the values of images span, by the rule of ImageSchema."""
    if images.dtype == np.uint8:
        return 0.0, 255.0 if images.max(initial=0) > 1 else 1.0
    return float(images.min()), float(images.max())


# -- folders


def image_files(folder: Path) -> tuple[list[Path], int]:
    """Images in a folder and below, sorted by path, and how many other files there are. Hidden files do not count."""
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    found = [path for path in files if path.suffix.lower() in SUFFIXES]
    return found, len(files) - len(found)


def read_images(folder: Path, size: int | tuple[int, int] | None = None) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Every image in a folder and below as bytes (n, h, w) or (n, h, w, c), and their names.

    Rules: all stored as grey gives no channel axis; transparency used anywhere gives RGBA; else RGB. The
    orientation that a camera noted is applied; of an animation the first frame is taken. Images of
    another size than ``size`` (pixels of a side, or height and width; default: the commonest) are
    scaled to cover it and cut at the middle. Grey of 16 bits is scaled to 8, the same for every image.
    Raises DataError for a folder without images and for a file that cannot be read, InputError for
    an impossible size.
    """
    sides = _sides(size)
    paths, others = image_files(folder)
    if not paths:
        also = f" (but {others} other file(s))" if others else ""
        raise DataError(f"{folder} holds no images{also}; {', '.join(sorted(SUFFIXES))} files are needed.")
    opened = [_opened(path, sides) for path in paths]
    mode, sides = _common_mode(opened), sides or _common_size(opened)
    images = np.stack([np.asarray(_fitted(image, sides).convert(mode)) for image in opened])
    return images, tuple(str(path.relative_to(folder)) for path in paths)


def image_reader(
    paths: Sequence[Path], size: int | tuple[int, int] | None = None
) -> Callable[[Path], NDArray[np.uint8]]:
    """What reads one of these images as ``read_images`` would read them all. Each is looked at once for it."""
    sides = _sides(size)
    mode, counts = "L", Counter[tuple[int, int]]()
    for path in paths:
        image = _opened(path, sides)
        mode = max(mode, image.mode, key=len)
        counts[image.height, image.width] += 1
    common = sides or counts.most_common(1)[0][0]
    return lambda path: np.asarray(_fitted(_opened(path, sides), common).convert(mode))


def is_image(path: Path) -> bool:
    """Whether a file's name is a picture's."""
    return path.suffix.lower() in SUFFIXES


def read_grey(path: Path, size: int | tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """One picture as grey bytes (h, w), of another size if one is given. Raises DataError, InputError."""
    return read_picture(path, "L", _sides(size))


def read_picture(path: Path, mode: str, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """One picture as bytes (h, w) of grey (mode "L"), or (h, w, c) of "RGB" or "RGBA". Raises DataError."""
    return np.asarray(_opened(path, size).convert(mode))


def _sides(size: Any) -> tuple[int, int] | None:
    """(height, width) as whole numbers, or None to choose."""
    if size is None:
        return None
    sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
    whole = all(isinstance(side, int | np.integer) and not isinstance(side, bool) and side > 0 for side in sides)
    if len(sides) != 2 or not whole:
        raise InputError(f"the size of images must be a whole number above 0, or (height, width); got {size!r}.")
    return int(sides[0]), int(sides[1])


def _opened(path: Path, sides: tuple[int, int] | None) -> Image.Image:
    """An image of a mode L, RGB or RGBA; of its final size where that is known, for a folder's photos fill memory."""
    try:
        with quiet(), Image.open(path) as image:  # odd metadata is no concern of ours
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"it says {image.height:,} × {image.width:,} pixels, and {MOST_PIXELS:,} are the most")
            plain = _plain(ImageOps.exif_transpose(image))
            return _fitted(plain, sides) if sides else plain
    except Exception as error:  # what a damaged file makes a decoder raise is anybody's guess
        reason = " ".join(str(error).split()).rstrip(".") or "it is damaged"
        if isinstance(error, UnidentifiedImageError):  # Pillow repeats the path
            reason = "it is of no known kind, or empty"
        raise DataError(f"{path} cannot be read as an image: {reason}. Mend or remove it.") from error


def _plain(image: Image.Image) -> Image.Image:
    """As grey (L), RGB, or where transparency is used RGBA, of 8 bits."""
    image = _of_bytes(image)
    return image.convert("RGB") if image.mode == "RGBA" and not _is_transparent(image) else image


def _of_bytes(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image)
    if image.mode in ("LA", "La", "PA", "RGBa") or ("transparency" in image.info and image.mode != "RGBA"):
        clear = image.convert("RGBA")
        grey = image.mode in ("L", "LA", "La") and not _is_transparent(clear)
        return clear.getchannel("R") if grey else clear
    if image.mode in ("L", "RGB", "RGBA"):
        return image.copy()
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """16 bits of grey as 8. A rule per image (by its brightest pixel, say) would change how images compare."""
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its pixels are not 8 or 16 bits (mode {image.mode}), so their range is unknown")
    return Image.fromarray((values * (255 / 65535)).round().astype(np.uint8))


def _is_transparent(image: Image.Image) -> bool:
    return image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)


def _common_mode(images: Iterable[Image.Image]) -> str:
    """The mode that holds them all, of L, RGB and RGBA."""
    return max((image.mode for image in images), key=len)


def _common_size(images: Iterable[Image.Image]) -> tuple[int, int]:
    (size, _), *_ = Counter((image.height, image.width) for image in images).most_common(1)
    return size


def _fitted(image: Image.Image, sides: tuple[int, int]) -> Image.Image:
    """Scaled to cover (height, width) and cut at the middle."""
    height, width = sides
    if (image.height, image.width) == sides:
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


# -- pictures


def as_bytes(images: NDArray[Any], low: float | None = None, high: float | None = None) -> NDArray[np.uint8]:
    """Images of any numbers as bytes: low becomes 0 and high 255.

    low, high: default: of all the images; 0 and 255 for bytes (0 and 1 for masks). Give the data's
    own range to compare pictures: a faint image is stretched to full contrast otherwise.
    Raises DataError for what is no finite number.
    """
    images = checked_numbers(images, "the images")
    own = _range(images) if images.size else (0.0, 1.0)
    low, high = own[0] if low is None else low, own[1] if high is None else high
    if images.dtype == np.uint8 and (low, high) == (0, 255):
        return images
    scaled = (images.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    return scaled.clip(0, 255).round().astype(np.uint8)


def grid(
    images: NDArray[Any],
    columns: int | None = None,
    padding: int = 1,
    low: float | None = None,
    high: float | None = None,
) -> NDArray[np.uint8]:
    """Many images (n, h, w[, c]) as one of bytes (H, W[, c]), row by row; black between them.

    columns: default: about as many as rows. low, high: see ``as_bytes``.
    Raises ShapeError for what is no images, InputError for columns < 1 or padding < 0.
    """
    _refuse_no_images(images.shape)
    if padding < 0 or (columns is not None and columns < 1):
        raise InputError(f"a picture needs columns >= 1 and padding >= 0; got {columns} and {padding}.")
    n, h, w = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    rest = images.shape[3:]
    whole = np.zeros((rows * (h + padding) + padding, columns * (w + padding) + padding, *rest), np.uint8)
    for i, image in enumerate(as_bytes(images, low, high)):
        top, left = padding + i // columns * (h + padding), padding + i % columns * (w + padding)
        whole[top : top + h, left : left + w] = image
    return whole


def to_pillow(image: NDArray[np.uint8]) -> Image.Image:
    """An array of bytes (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) as a picture; of other counts the first channel."""
    if image.ndim == 3 and image.shape[2] not in (3, 4):
        image = image[..., 0]
    return Image.fromarray(np.ascontiguousarray(image))
