"""Where the places of a mixed table's rows stand among the ranks of a column's values: numbers as one number each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparring.data.codecs import Bins, Clock, Codec
from sparring.data.mixed import MixedSchema

__all__ = ["Standing", "numbered_parts"]


@dataclass(frozen=True)
class Standing:
    """The numbers of an encoded row, by their ranks in [0, 1] among the rows that the schema is of.

    A place of a number (a lump of equal values, or a bin) covers the ranks from middle - half to middle + half.
    number: (places,), which number each place tells, and -1 for labels and missing values. middle, half: (places,).
    lump: (places,), whether it is a single value. scalars: which number each scalar of a row is of.
    """

    number: NDArray[np.int64]
    middle: NDArray[np.float32]
    half: NDArray[np.float32]
    lump: NDArray[np.bool_]
    scalars: tuple[int, ...]

    @classmethod
    def of(cls, schema: MixedSchema) -> "Standing":
        total = sum(schema.parts)
        number, lump = np.full(total, -1), np.zeros(total, bool)
        middle, half = np.full(total, 0.5, np.float32), np.zeros(total, np.float32)
        scalars: list[int] = []
        count = 0
        for start, size, bins in zip(schema.starts, schema.parts, numbered_parts(schema), strict=True):
            if bins is None:
                continue
            known = slice(start, start + size - bins.missing)
            number[known] = count
            lows, highs = _ends(bins, np.array(schema.shares[known]))
            middle[known], half[known] = (lows + highs) / 2, (highs - lows) / 2
            lump[start : start + len(bins.spikes)] = True
            scalars += [count] * bins.scalars
            count += 1
        return cls(number, middle, half, lump, tuple(scalars))

    @property
    def count(self) -> int:
        """How many numbers a row has."""
        return int(self.number.max(initial=-1)) + 1


def numbered_parts(schema: MixedSchema) -> list[Bins | None]:
    """The codec of each part that tells a number, and None for each part of labels."""
    return [bins for codec in schema.codecs for bins in _of_codec(codec)]


def _of_codec(codec: Codec) -> tuple[Bins | None, ...]:
    if isinstance(codec, Clock):
        return (codec.day, codec.time)
    return (codec,) if isinstance(codec, Bins) and codec.parts else (None,) * len(codec.parts)


def _ends(bins: Bins, shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ranks where each place begins and ends. shares: of its places among the rows."""
    shares = shares / max(shares.sum(), 1e-12)
    spikes, edges = np.array(bins.spikes), np.array(bins.edges)
    lumped, binned = shares[: len(spikes)], shares[len(spikes) :]
    below_bins = np.concatenate([[0.0], np.cumsum(binned)])
    below_spikes = np.concatenate([[0.0], np.cumsum(lumped)])
    at_edges = below_bins + below_spikes[np.searchsorted(spikes, edges)] if len(edges) else below_bins[:0]
    before = below_spikes[:-1]
    if len(edges):  # and the rows of bins below the spike, of a bin that it lies in as many as lie below it there
        before = before + np.interp(spikes, edges, below_bins)
    return np.concatenate([before, at_edges[:-1]]), np.concatenate([before + lumped, at_edges[1:]])
