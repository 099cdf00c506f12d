"""How alike two pictures look: structural similarity."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from sparring.errors import InputError, ShapeError
from sparring.shapes import describe

__all__ = ["ssim"]

SIGMA, RADIUS = 1.5, 5  # of the window, in pixels: 11 x 11
K1, K2 = 0.01, 0.03


def ssim(x: Any, y: Any, span: float) -> NDArray[np.float64]:
    """SSIM of images x and y (n, h, w) or (n, h, w, c), pair by pair, (n,): 1 if they are equal, at least -1.

    (2 m m' + C) (2 v + D) / (m² + m'² + C) / (s² + s'² + D), with means m, variances s² and covariance v in a Gaussian
    window of 11 x 11 pixels, averaged over pixels and channels; C = (0.01 span)², D = (0.03 span)². span: of the
    values, 255 for bytes. At the border the picture is mirrored. Raises ShapeError or InputError.
    Source: Wang et al. 2004, equation 13.
    """
    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if first.shape != second.shape or first.ndim not in (3, 4) or 0 in first.shape:
        raise ShapeError(
            f"two sets of images of one shape are needed; got {describe(first.shape)} and {describe(second.shape)}."
        )
    if not span > 0:
        raise InputError(f"span must be above 0; got {span}")
    c, d = (K1 * span) ** 2, (K2 * span) ** 2
    mean, other = _blurred(first), _blurred(second)
    variance, another = _blurred(first**2) - mean**2, _blurred(second**2) - other**2
    shared = _blurred(first * second) - mean * other
    found = (2 * mean * other + c) * (2 * shared + d) / ((mean**2 + other**2 + c) * (variance + another + d))
    return found.reshape(len(found), -1).mean(1)


def _blurred(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each image by itself, each channel by itself."""
    widths = (0, SIGMA, SIGMA, 0)[: images.ndim]
    return gaussian_filter(images, widths, mode="reflect", truncate=RADIUS / SIGMA)
