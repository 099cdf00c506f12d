"""Linear filters on images: the lecture's convolution, and kernels that blur, sharpen and find edges. No torch.

    (I * K)(m, n) = sum_ij I(m - i, n - j) K(i, j)

This is a true convolution: the kernel is flipped against the image. A convolutional layer of a
network computes the cross-correlation, sum_ij I(m + i, n + j) K(i, j), and calls it convolution;
with the kernel flipped in both axes the two are the same.
"""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import convolve2d

from sparring.errors import DataError, InputError, ShapeError
from sparring.shapes import describe

__all__ = ["KERNELS", "as_picture", "convolve", "kernel_named"]

Mode = Literal["same", "valid", "full"]
Boundary = Literal["zero", "reflect", "wrap"]
_BOUNDARIES = {"zero": "fill", "reflect": "symm", "wrap": "wrap"}


def _kernel(*rows: list[float], scale: float = 1.0) -> NDArray[np.float64]:
    values = np.array(rows, dtype=np.float64) * scale
    values.setflags(write=False)
    return values


KERNELS: Mapping[str, NDArray[np.float64]] = MappingProxyType(
    {
        "identity": _kernel([0, 0, 0], [0, 1, 0], [0, 0, 0]),
        "box-blur": _kernel([1, 1, 1], [1, 1, 1], [1, 1, 1], scale=1 / 9),
        "gaussian-blur": _kernel([1, 2, 1], [2, 4, 2], [1, 2, 1], scale=1 / 16),
        "sharpen": _kernel([0, -1, 0], [-1, 5, -1], [0, -1, 0]),
        "sobel-x": _kernel([1, 0, -1], [2, 0, -2], [1, 0, -1]),
        "sobel-y": _kernel([1, 2, 1], [0, 0, 0], [-1, -2, -1]),
        "laplacian": _kernel([0, 1, 0], [1, -4, 1], [0, 1, 0]),
        "emboss": _kernel([2, 1, 0], [1, 1, -1], [0, -1, -2]),
        "edge-detection": _kernel([-1, -1, -1], [-1, 8, -1], [-1, -1, -1]),
    }
)
"""Kernels by name. Blurs sum to one (brightness stays); edge finders sum to zero (flat areas vanish);
sobel-x is positive where the image grows brighter to the right, sobel-y where it does downwards."""


def kernel_named(name: str) -> NDArray[np.float64]:
    """A kernel of KERNELS. Raises InputError with a suggestion for an unknown name."""
    if name in KERNELS:
        return KERNELS[name]
    near = difflib.get_close_matches(name, KERNELS, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise InputError(f"there is no kernel {name!r}.{hint} Known: {', '.join(KERNELS)}.")


def convolve(
    image: ArrayLike, kernel: ArrayLike | str, mode: Mode = "same", boundary: Boundary = "zero"
) -> NDArray[np.float64]:
    """The convolution of an image with a kernel, (I * K)(m, n) = sum_ij I(m - i, n - j) K(i, j).

    image: (h, w), or (h, w, c) with every channel by itself; any numbers. kernel: (a, b), or a name of
    KERNELS. mode: "same" keeps the size, "valid" only where the kernel lies wholly on the image
    (h - a + 1, w - b + 1), "full" wherever it touches it (h + a - 1, w + b - 1). boundary: what lies
    beyond the image: zeros, its mirror image, or its other side (not for "valid", which needs none).
    Returns float64, neither rounded nor clipped: edge finders go below zero (see ``as_picture``).
    Raises ShapeError or DataError.

    >>> convolve([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[1, 2], [3, 4]], mode="full")[1:3, 1:3].tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    pixels = _numbers("the image", image)
    weights = kernel_named(kernel) if isinstance(kernel, str) else _numbers("the kernel", kernel)
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        raise ShapeError(f"the image must have the shape (h, w) or (h, w, c); got {describe(pixels.shape)}.")
    if weights.ndim != 2 or 0 in weights.shape:
        raise ShapeError(f"the kernel must have the shape (a, b); got {describe(weights.shape)}.")
    _check_choices(mode, boundary)
    if mode == "valid" and (weights.shape[0] > pixels.shape[0] or weights.shape[1] > pixels.shape[1]):
        raise ShapeError(
            f"mode 'valid' needs a kernel that fits into the image; got {describe(weights.shape)} and "
            f"{describe(pixels.shape)}."
        )
    channels = pixels[..., None] if pixels.ndim == 2 else pixels
    parts = [_plane(channels[..., c], weights, mode, boundary) for c in range(channels.shape[2])]
    return parts[0] if pixels.ndim == 2 else np.stack(parts, axis=2)


def _plane(plane: NDArray[Any], kernel: NDArray[Any], mode: str, boundary: str) -> NDArray[np.float64]:
    return convolve2d(plane, kernel, mode=mode, boundary=_BOUNDARIES[boundary])


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is not an array: {error}.") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must hold real numbers; got the dtype {array.dtype}.")
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise DataError(f"{name} holds NaN or infinity; finite numbers are needed.")
    return numbers


def _check_choices(mode: str, boundary: str) -> None:
    if mode not in ("same", "valid", "full"):
        raise InputError(f"mode must be same, valid or full; got {mode!r}")
    if boundary not in _BOUNDARIES:
        raise InputError(f"boundary must be one of {', '.join(_BOUNDARIES)}; got {boundary!r}")


def as_picture(filtered: NDArray[Any]) -> NDArray[np.uint8]:
    """Filtered numbers as bytes: rounded, and cut off at 0 and 255."""
    return np.asarray(filtered).round().clip(0, 255).astype(np.uint8)
