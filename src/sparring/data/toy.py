"""Distributions whose truth is known, and the digits that ship with scikit-learn."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparring.errors import InputError, ShapeError
from sparring.seeds import seed_from
from sparring.shapes import check

__all__ = ["Mixture", "ModeCount", "digits", "digits_split", "grid", "ring"]


@dataclass(frozen=True)
class ModeCount:
    """modes: found ones. high_quality: share of samples within 3 sigma of a mode (of real ones: 1 - e^-4.5 = 0.989).
    spread: standard deviation of those about their own mean in each mode, over that of real ones (below 1: too little
    variety). reverse_kl: sum_i p_i log(p_i / q_i) in nats, of the shares p of all samples by the nearest mode against
    the true shares q; real samples score about (modes - 1) / (2 n).
    """

    modes: int
    high_quality: float
    spread: float
    reverse_kl: float


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Mixture:
    """Equal Gaussians in the plane. centres: (k, 2). sigma: standard deviation of each, per axis, > 0."""

    centres: NDArray[np.float64]
    sigma: float

    def __post_init__(self) -> None:
        check("centres", self.centres, "k 2")
        if not len(self.centres) or not 0 < self.sigma < np.inf:
            raise InputError(
                f"a mixture needs a centre and a finite sigma > 0; got {len(self.centres)} and {self.sigma}."
            )

    def sample(self, n: int, random_state: Any = None) -> NDArray[np.float64]:
        """n points, (n, 2)."""
        rng = np.random.default_rng(seed_from(random_state))
        return self.centres[rng.integers(len(self.centres), size=n)] + self.sigma * rng.normal(size=(n, 2))

    def density(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """The density at points x (n, 2), shape (n,)."""
        return np.exp(self.log_density(x))

    def log_density(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Its logarithm, shape (n,): log sum_k N(x; centre_k, sigma^2 I) / k, finite also far from every mode."""
        check("points", np.asarray(x), "n 2")
        squared = ((np.asarray(x)[:, None] - self.centres) ** 2).sum(2) / self.sigma**2
        together = np.logaddexp.reduce(-squared / 2, axis=1)
        return together - np.log(len(self.centres) * 2 * np.pi * self.sigma**2)

    def modes_and_quality(self, x: NDArray[Any]) -> ModeCount:
        """Which modes the samples x (n, 2) reach, and how well.

        A sample is of high quality within 3 sigma of the nearest mode; a mode counts with one such.
        Source: Lin et al. 2018 (PacGAN), section 4.1, with the reverse KL divergence of Metz et al. 2017; the spread is
        ours.
        """
        x = np.asarray(x)
        if check("samples", x, "n 2")["n"] == 0:
            raise ShapeError("samples must have the shape (n, 2) with n of at least 1; got (0, 2).")
        distances = np.linalg.norm(x[:, None] - self.centres, axis=2)
        nearest, distance = distances.argmin(1), distances.min(1)
        good = distance < 3 * self.sigma
        shares = np.bincount(nearest, minlength=len(self.centres)) / len(x)
        divergence = float((shares[shares > 0] * np.log(shares[shares > 0] * len(shares))).sum())
        modes = len(np.unique(nearest[good]))
        return ModeCount(modes, float(good.mean()), self._spread(x[good], nearest[good]), divergence)

    def _spread(self, x: NDArray[Any], modes: NDArray[np.intp]) -> float:
        """Of samples within 3 sigma of their mode, pooled over modes; NaN unless a mode has two."""
        counts = np.bincount(modes, minlength=len(self.centres))
        free = len(x) - np.count_nonzero(counts)
        if free == 0:
            return float("nan")
        sums = np.stack([np.bincount(modes, column, len(self.centres)) for column in x.T], axis=1)
        means = sums / np.maximum(counts, 1)[:, None]
        kept = 2 * (1 - 5.5 * np.exp(-4.5)) / (1 - np.exp(-4.5))  # of r^2 / sigma^2 within 3 sigma, for real samples
        return float(np.sqrt(((x - means[modes]) ** 2).sum() / free / kept) / self.sigma)


def ring(modes: int = 8, radius: float = 1.0, sigma: float = 0.01) -> Mixture:
    """Gaussians on a circle."""
    angles = 2 * np.pi * np.arange(modes) / modes
    return Mixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> Mixture:
    """Gaussians on a square grid about zero; the defaults are {-4, -2, 0, 2, 4}^2."""
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return Mixture(np.array(list(itertools.product(line, line))), sigma)


def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """1,797 handwritten digits (n, 8, 8) with values 0 to 16, and their classes."""
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    return found.images, found.target


def digits_split(
    random_state: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """1,437 training and 360 held-out images, and the classes of each; each class in its share, by the seed alone."""
    from sklearn.model_selection import train_test_split

    images, classes = digits()
    parts: Any = train_test_split(images, classes, test_size=0.2, random_state=random_state, stratify=classes)
    return tuple(parts)
