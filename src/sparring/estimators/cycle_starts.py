"""Where the generators of a CycleGAN begin: at simple maps that bring both collections near to each other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.stats import ks_2samp
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from sparring.networks import Symmetry, symmetries
from sparring.transport.aligning import Alignment, alignments, w1_between

__all__ = ["Affine", "Start", "starts_of"]

Affine = tuple[Tensor, Tensor]  # (q, p) and (q,)
COMPARED = 300  # rows of either side by which maps of images are compared
SIDE = 32  # pixels to which images are averaged for it
PIXELS = 2_000  # of either side, by which colours are matched
COLOURS = 3  # ways to match them
DOUBT = 1.05  # what a map must gain, for each way in which it is less simple
NEAR, DRAWS = 1.05, 4  # times the distance of two sets of real rows, the mean of so many
LOOKED_AT = 500  # images of either side, for their details
UNLIKELY = 1e-3  # by chance


@dataclass(frozen=True)
class Start:
    """Where both generators begin. said: in words. w1: exact Wasserstein-1 from A, mapped so, to B, in encoded units.

    maps: (W, b) of G and of F, of vectors or of a pixel's channels; None: by chance. symmetry: that G's images go
    through first; F's go through its inverse. near: whether that alone brings A as near to B as two sets of B are.
    """

    said: str
    w1: float | None = None
    maps: tuple[Affine, Affine] | None = None
    symmetry: Symmetry | None = None
    near: bool = False

    @classmethod
    def blank(cls, a: int, b: int) -> "Start":
        """Of the same form as any that is found for a and b numbers (or channels), to be filled from a file."""
        there, back = (torch.zeros(b, a), torch.zeros(b)), (torch.zeros(a, b), torch.zeros(a))
        return cls("saved", maps=(there, back))


def starts_of(a: np.ndarray, b: np.ndarray, count: int, seed: int, align: bool = True) -> list[Start]:
    """Starts for restarts 0, 1, ..., the most promising first. a, b: encoded rows, of vectors or images.

    They are found by exact Wasserstein-1 between the collections; no pairs are looked at.
    """
    if a.ndim == 2:
        return _linear_starts(a, b, count, seed) if align else [Start("by chance")]
    return _image_starts(a, b, count, seed) if align else [Start("by chance")]


def _linear_starts(a: np.ndarray, b: np.ndarray, count: int, seed: int) -> list[Start]:
    said = "a linear map found by optimal transport"
    return [Start(said, made.w1, _maps(made)) for made in alignments(a, b, count, seed=seed)]


def _maps(made: Alignment) -> tuple[Affine, Affine]:
    back = torch.from_numpy(-made.inverse @ made.offset).float()
    there = torch.from_numpy(made.matrix).float(), torch.from_numpy(made.offset).float()
    return there, (torch.from_numpy(made.inverse).float(), back)


# -- images, and signals, which are images a pixel high


@dataclass(frozen=True)
class _Colours:
    """A map of a pixel's channels. doubts: in how many ways it is less simple than leaving them as they are."""

    said: str
    maps: tuple[Affine, Affine]
    doubts: int


def _image_starts(a: np.ndarray, b: np.ndarray, count: int, seed: int) -> list[Start]:
    """Symmetries of the frame with maps of the colours; of two that do as well, the simpler first."""
    rng = np.random.default_rng(seed)
    first, second = (_shrunk(rows[rng.permutation(len(rows))[:COMPARED]]) for rows in (a, b))
    target = second.flatten(1).double().numpy()
    found: list[tuple[float, Start]] = []
    for colours in _colours(a, b, rng, seed):
        (matrix, offset), _ = colours.maps
        coloured = torch.einsum("qp,nphw->nqhw", matrix, first) + offset.view(-1, 1, 1)
        for symmetry in symmetries(*a.shape[2:]):
            w1 = w1_between(symmetry(coloured).flatten(1).double().numpy(), target)
            is_turned = str(symmetry) != str(Symmetry())
            said = ", ".join([*([str(symmetry)] if is_turned else []), *([colours.said] if colours.said else [])])
            doubts = colours.doubts + is_turned
            found.append((w1 * DOUBT**doubts, Start(said or "as it is", w1, colours.maps, symmetry)))
    found.sort(key=lambda pair: pair[0])
    return _near_first([start for _, start in found], a, b, rng)[:count]


def _near_first(starts: list[Start], a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> list[Start]:
    """The same, and first one after which the collections cannot be told apart, if there is any."""
    bound = NEAR * _floor(b, rng)
    some_a, some_b = (torch.from_numpy(rows[:LOOKED_AT]) for rows in (a, b))
    for start in starts:
        assert start.w1 is not None
        if start.w1 <= bound and _alike(_begun(start, some_a), some_b):
            return [replace(start, near=True), *(other for other in starts if other is not start)]
    return starts


def _begun(start: Start, images: Tensor) -> Tensor:
    assert start.maps is not None
    assert start.symmetry is not None
    (matrix, offset), _ = start.maps
    return start.symmetry(torch.einsum("qp,nphw->nqhw", matrix, images) + offset.view(-1, 1, 1))


def _floor(images: np.ndarray, rng: np.random.Generator) -> float:
    """W1 between two sets of these, as many as are compared, over a few draws."""
    n = min(COMPARED, len(images) // 2)
    draws = (_shrunk(images[rng.permutation(len(images))[: 2 * n]]).flatten(1).double().numpy() for _ in range(DRAWS))
    return float(np.mean([w1_between(rows[:n], rows[n:]) for rows in draws])) if n else 0.0


def _alike(a: Tensor, b: Tensor) -> bool:
    """Whether brightness, contrast and the finest edges, which averaged pixels do not show, are of the same law too."""
    pairs = list(zip(_details(a), _details(b), strict=True))
    return all(_chance(one, other) > UNLIKELY / len(pairs) for one, other in pairs)


def _chance(one: np.ndarray, other: np.ndarray) -> float:
    """Of numbers that differ as much, if both are of one law."""
    found: Any = ks_2samp(one, other)
    return float(found.pvalue)


def _details(images: Tensor) -> Iterator[np.ndarray]:
    for channel in images.double().unbind(1):
        flat = channel.flatten(1)
        yield from (flat.mean(1).numpy(), flat.std(1).numpy())
        for axis in (1, 2):
            if channel.shape[axis] > 1:
                yield channel.diff(dim=axis).abs().flatten(1).mean(1).numpy()


def _colours(a: np.ndarray, b: np.ndarray, rng: np.random.Generator, seed: int) -> Iterator[_Colours]:
    channels = a.shape[1]
    if channels == b.shape[1]:
        same, zero = torch.eye(channels), torch.zeros(channels)
        yield _Colours("", ((same, zero), (same, zero)), 0)
        yield _Colours("colours inverted", ((-same, zero), (-same, zero)), 1)
    first, second = _pixels(a, rng), _pixels(b, rng)
    if first.std() > 0 and second.std() > 0:
        for made in alignments(first, second, COLOURS, seed=seed):
            yield _Colours("colours matched", _maps(made), 2)


def _pixels(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    found = np.moveaxis(rows, 1, -1).reshape(-1, rows.shape[1])
    return found[rng.integers(len(found), size=PIXELS)]


def _shrunk(images: np.ndarray) -> Tensor:
    sizes = tuple(min(side, SIDE) for side in images.shape[2:])
    return adaptive_avg_pool2d(torch.from_numpy(images), sizes)  # pyright: ignore[reportArgumentType]
