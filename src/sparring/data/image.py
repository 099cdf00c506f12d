"""Images: their encoding, folders of them, and pictures that show many at once."""

import math
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sparring.data.schema import Schema
from sparring.errors import DataError, ShapeError
from sparring.shapes import describe

__all__ = ["ImageSchema", "as_bytes", "grid", "image_files", "read_images", "to_pillow"]

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class ImageSchema(Schema):
    """Images (n, h, w) or (n, h, w, c) <-> float32 (n, c, h, w) in [-1, 1].

    x -> 2 (x - low) / (high - low) - 1, with low and high of the data (0 and 255 for bytes).
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
        if images.ndim not in (3, 4) or 0 in images.shape:
            raise ShapeError(f"images must have the shape (n, h, w) or (n, h, w, c); got {describe(images.shape)}.")
        if images.ndim == 4 and images.shape[3] > 16 and images.shape[1] in (1, 3, 4):
            n, c, h, w = images.shape
            raise ShapeError(
                f"images must have their channels last, (n, h, w, c); got {describe(images.shape)}, which looks like "
                f"channels first. Use images.transpose(0, 2, 3, 1) for ({n}, {h}, {w}, {c})."
            )
        low, high = (0.0, 255.0) if images.dtype == np.uint8 else (float(images.min()), float(images.max()))
        if images.min() == images.max():
            raise DataError(f"every pixel of every image is {images.flat[0]}; there is nothing to learn.")
        channels = images.shape[3] if images.ndim == 4 else 1
        return cls(images.shape[1], images.shape[2], channels, images.ndim == 4, str(images.dtype), low, high)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, self.height, self.width)

    @property
    def bounded(self) -> bool:
        return True

    @property
    def _value_shape(self) -> tuple[int, ...]:
        return (self.height, self.width, *([self.channels] if self.channels_last else []))

    def check(self, values: Any) -> None:
        found = np.shape(values)[1:]
        if found != self._value_shape:
            raise ShapeError(
                f"the images must have the shape (n, {describe(self._value_shape)[1:]}; "
                f"got {describe(np.shape(values))}."
            )

    def encode(self, values: Any) -> NDArray[np.float32]:
        self.check(values)
        images = np.asarray(values).reshape(len(values), self.height, self.width, self.channels)
        scale = np.float32(2 / (self.high - self.low))
        encoded = (images.transpose(0, 3, 1, 2).astype(np.float32) - np.float32(self.low)) * scale - np.float32(1)
        return np.ascontiguousarray(encoded)

    def decode(self, encoded: NDArray[Any]) -> NDArray[Any]:
        images = (np.asarray(encoded, np.float64) + 1) * (self.high - self.low) / 2 + self.low
        images = images.clip(self.low, self.high).transpose(0, 2, 3, 1)
        dtype = np.dtype(self.dtype)
        images = images.round() if dtype.kind in "iu" else images
        return np.ascontiguousarray(images.reshape(len(images), *self._value_shape)).astype(dtype)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(**{name: value for name, value in content.items() if name != "kind"})


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

    Rules: all grey gives no channel axis; transparency used anywhere gives RGBA; else RGB. The
    orientation that a camera noted is applied; of an animation the first frame is taken. Images of
    another size than ``size`` (pixels of a side, or height and width; default: the commonest) are
    scaled to cover it and cut at the middle.
    Raises DataError for a folder without images and for a file that cannot be read.
    """
    paths, others = image_files(folder)
    if not paths:
        also = f" (but {others} other file(s))" if others else ""
        raise DataError(f"{folder} holds no images{also}; {', '.join(sorted(SUFFIXES))} files are needed.")
    opened = [_opened(path) for path in paths]
    channels = _common_channels(opened)
    height, width = _common_size(opened) if size is None else (size, size) if isinstance(size, int) else size
    images = np.stack([_fitted(image, MODES[channels], height, width) for image in opened])
    return images, tuple(str(path.relative_to(folder)) for path in paths)


def _opened(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no concern of ours
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image)
                return _plain(upright)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}. Mend or remove it.") from error


def _plain(image: Image.Image) -> Image.Image:
    """As grey, RGB or RGBA of 8 bits."""
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits of grey
        values = np.asarray(image, np.float64)
        largest = 65535.0 if values.max() > 255 else 255.0
        return Image.fromarray((values.clip(0, largest) * (255 / largest)).round().astype(np.uint8))
    if image.mode in ("L", "RGB", "RGBA"):
        return image.copy()
    if image.mode in ("LA", "PA", "La") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def _is_grey(image: Image.Image) -> bool:
    return image.mode == "L"


def _is_transparent(image: Image.Image) -> bool:
    return image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)


def _common_channels(images: Iterable[Image.Image]) -> int:
    images = list(images)
    if any(_is_transparent(image) for image in images):
        return 4
    return 1 if all(_is_grey(image) for image in images) else 3


def _common_size(images: Iterable[Image.Image]) -> tuple[int, int]:
    (size, _), *_ = Counter((image.height, image.width) for image in images).most_common(1)
    return size


def _fitted(image: Image.Image, mode: str, height: int, width: int) -> NDArray[np.uint8]:
    image = image if image.mode == mode else image.convert(mode)
    if (image.height, image.width) != (height, width):
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)


# -- pictures


def as_bytes(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Images of any numbers as bytes: their own range, over all of them, becomes 0 to 255; bytes stay as they are."""
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    scaled = (images.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    return scaled.clip(0, 255).round().astype(np.uint8)


def grid(images: NDArray[Any], columns: int | None = None, padding: int = 1) -> NDArray[np.uint8]:
    """Many images (n, h, w[, c]) as one of bytes (H, W[, c]), row by row; black between them.

    columns: default: about as many as rows. Values: see ``as_bytes``.
    """
    n, h, w = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    rest = images.shape[3:]
    whole = np.zeros((rows * (h + padding) + padding, columns * (w + padding) + padding, *rest), np.uint8)
    for i, image in enumerate(as_bytes(images)):
        top, left = padding + i // columns * (h + padding), padding + i % columns * (w + padding)
        whole[top : top + h, left : left + w] = image
    return whole


def to_pillow(image: NDArray[np.uint8]) -> Image.Image:
    """An array of bytes (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) as a picture; of other counts the first channel."""
    if image.ndim == 3 and image.shape[2] not in (3, 4):
        image = image[..., 0]
    return Image.fromarray(np.ascontiguousarray(image))
