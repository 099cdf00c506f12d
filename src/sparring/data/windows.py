"""Windows of a series: what was, as inputs, and what came next, as targets of a forecast."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from sparring.data.ragged import Ragged
from sparring.errors import InputError
from sparring.shapes import check

__all__ = ["Overlapping", "naive", "split_in_time", "windows", "windows_within"]


class Overlapping(Ragged):
    """Windows of one series as rows that share its values, so that they take no memory of their own.

    values: the whole series, (t, ...). starts: the first step of each window, (n,) int64. back: how many steps it has.

    >>> rows = Overlapping(torch.arange(5.0), torch.tensor([2, 0]), back=3)
    >>> rows.padded(torch.tensor([0, 1]))
    tensor([[2., 3., 4.],
            [0., 1., 2.]])
    """

    def __init__(self, values: Tensor, starts: Tensor, back: int) -> None:
        super().__init__(values, torch.full((len(starts),), back))
        self.starts, self.back = starts, back

    def part(self, rows: Tensor) -> "Overlapping":
        return Overlapping(self.values, self.starts[rows], self.back)

    def to(self, device: torch.device) -> "Overlapping":
        return Overlapping(self.values.to(device), self.starts, self.back)


def windows(
    values: NDArray[Any], back: int, ahead: int, targets: Sequence[int] | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Every window of a series (t, c): inputs (n, back, c) and targets (n, ahead, k), n = t - back - ahead + 1.

    Window i has the steps i to i + back - 1 as its inputs, and the ``ahead`` steps after them as its targets. Both are
    read-only views of the series, so they take no memory of their own; of targets that are not all columns, those
    columns are copied once, (t, k). targets: indices of columns, -1 for the last; None: all.

    Raises InputError for a series that is too short for one window, and for columns that it does not have.

    >>> inputs, targets = windows(np.arange(6.0)[:, None], back=3, ahead=2)
    >>> inputs[..., 0], targets[..., 0]
    (array([[0., 1., 2.],
           [1., 2., 3.]]), array([[3., 4.],
           [4., 5.]]))
    """
    sizes = check("the series", values, "t c", "One column is values[:, None].")
    _check_lengths(back, ahead)
    if sizes["t"] < back + ahead:
        raise InputError(
            f"a series of {sizes['t']:,} steps has no window of {back} back and {ahead} ahead; "
            f"at least {back + ahead:,} steps are needed."
        )
    wanted = values if targets is None else values[:, _columns(targets, sizes["c"])]
    inputs = sliding_window_view(values[:-ahead], back, axis=0)
    return inputs.swapaxes(1, 2), sliding_window_view(wanted[back:], ahead, axis=0).swapaxes(1, 2)


def naive(
    inputs: NDArray[Any], ahead: int, season: int | None = None, targets: Sequence[int] | None = None
) -> NDArray[Any]:
    """The forecast that any other has to beat, for windows (n, back, c): (n, ahead, k).

    The last value stays (season None), or the last season repeats: the forecast for h = 1, 2, ... steps ahead of t is
    y_(t + h - m ceil(h / m)) with the season m, in steps (24 for hours of a day). targets: as for ``windows``.
    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, section "Some simple forecasting methods".

    Raises InputError for a season that is longer than the inputs, or shorter than one step.

    >>> naive(np.array([[[1], [2], [3]]]), ahead=4, season=2)[0, :, 0]
    array([2, 3, 2, 3])
    """
    sizes = check("the inputs", inputs, "n back c")
    back, period = sizes["back"], 1 if season is None else season
    _check_lengths(back, ahead)
    if not 1 <= period <= back:
        raise InputError(f"a season must have 1 to {back} steps, as many as the inputs reach back; got {season}.")
    kept = inputs if targets is None else inputs[..., _columns(targets, sizes["c"])]
    return kept[:, back - period + np.arange(ahead) % period]


def split_in_time(n: int, fractions: Sequence[float]) -> tuple[range, ...]:
    """The steps of each part of a series of n steps: training first, what is to be forecast later.

    fractions: of the parts, in order of time, such as (0.7, 0.1, 0.2) for training, validation and test. They sum to
    at most 1; what is left at the end is in no part. ``windows_within`` gives the windows of a part.

    Raises InputError for other fractions, and if a part would have no step.

    >>> split_in_time(100, (0.7, 0.1, 0.2))
    (range(0, 70), range(70, 80), range(80, 100))
    """
    sums = [math.fsum(fractions[:i]) for i in range(len(fractions) + 1)]
    if not fractions or not all(fraction > 0 for fraction in fractions) or not sums[-1] <= 1 + 1e-9:
        raise InputError(f"fractions must be above 0 and sum to at most 1; got {tuple(fractions)}.")
    bounds = [min(round(n * total), n) for total in sums]
    parts = tuple(range(start, stop) for start, stop in pairwise(bounds))
    if not all(parts):
        raise InputError(f"{n} steps are too few for the parts {tuple(fractions)}: one would have no step.")
    return parts


def windows_within(part: range, back: int, ahead: int) -> range:
    """The windows of a series, numbered as ``windows`` does, whose targets all lie in a part of its steps.

    Inputs may reach back into the part before, which is known when the forecast is made. No two parts share a target:
    the ``ahead - 1`` windows whose targets lie across a border are in neither.

    Raises InputError if there is none.

    >>> windows_within(range(0, 70), back=10, ahead=5), windows_within(range(70, 80), back=10, ahead=5)
    (range(0, 56), range(60, 66))
    """
    _check_lengths(back, ahead)
    found = range(max(part.start - back, 0), part.stop - back - ahead + 1)
    if not found:
        raise InputError(
            f"the steps {part.start:,} to {part.stop - 1:,} hold no window of {back} back and {ahead} ahead; "
            f"the part must end at step {max(part.start, back) + ahead - 1:,} or later."
        )
    return found


def _check_lengths(back: int, ahead: int) -> None:
    if back < 1 or ahead < 1:
        raise InputError(f"a window needs at least 1 step back and 1 ahead; got {back} and {ahead}.")


def _columns(targets: Sequence[int], c: int) -> list[int]:
    columns = list(targets)
    wrong = [column for column in columns if not -c <= column < c]
    if wrong or not columns:
        raise InputError(f"targets must be some of the columns 0 to {c - 1}; got {wrong[0] if wrong else 'none'}.")
    return columns
