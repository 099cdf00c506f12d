"""What ``sparring filter`` does."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sparring.cli.display import Display
from sparring.errors import DataError, InputError
from sparring.files import replaced_file
from sparring.filters import KERNELS, as_picture, convolve, kernel_named

__all__ = ["filter_image"]


def filter_image(image: Path, kernel: str, output: Path, repeat: int, as_json: bool) -> None:
    """Filter a picture's colours, keep its transparency, and write it by its ending."""
    if repeat < 1:
        raise InputError(f"--repeat must be at least 1; got {repeat}")
    weights = _weights(kernel)
    pixels, transparency = _read(image)
    for _ in range(repeat):
        pixels = convolve(pixels, weights, boundary="reflect")
    _write(as_picture(pixels), transparency, output)
    display = Display(as_json=as_json)
    done = {"image": str(image), "kernel": kernel, "repeat": repeat, "output": str(output)}
    display.result(done, lambda: display.print(f"{image} filtered by {kernel} in {output}"))


def _weights(kernel: str) -> NDArray[np.float64]:
    """A kernel by its name, or from a small file of numbers."""
    path = Path(kernel)
    if kernel in KERNELS or not path.is_file():
        return kernel_named(kernel)
    try:
        rows = [[float(cell) for cell in row] for row in csv.reader(path.read_text().splitlines()) if row]
        return np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{path} is no kernel: {error}. Rows of numbers with commas are needed.") from None


def _read(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Grey (h, w) or colours (h, w, 3), and transparency (h, w) if there is any."""
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            see_through = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
            if see_through:
                values = np.asarray(image.convert("RGBA"))
                return values[..., :3], values[..., 3]
            return np.asarray(image if image.mode == "L" else image.convert("RGB")), None
    except FileNotFoundError:
        raise DataError(f"there is no image {path}.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}.") from None


def _write(pixels: NDArray[np.uint8], transparency: NDArray[Any] | None, path: Path) -> None:
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise InputError(f"{path}: cannot write {path.suffix or 'files without an ending'}; choose .png or .jpg.")
    picture = Image.fromarray(pixels)
    if transparency is not None and kind != "JPEG":
        picture = Image.fromarray(np.dstack([pixels, transparency]))
    with replaced_file(path) as partial, open(partial, "wb") as file:
        picture.save(file, kind)
