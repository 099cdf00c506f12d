"""What comes next in a long series: learned from its windows, as a change of the naive forecast."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.data.plain import refuse, typed
from sparring.data.sequence_files import SeriesWindows, read_windows, series_of
from sparring.data.sequences import Signals
from sparring.data.series import Scaling
from sparring.data.targets import Numbers
from sparring.data.windows import Overlapping, naive, windows, windows_within
from sparring.errors import InputError
from sparring.estimators.lessons import Lesson
from sparring.estimators.sequence_reading import Coding
from sparring.judging import Answers, judge_answers
from sparring.shapes import check

__all__ = ["ForecastNetwork", "Forecasting", "Horizon", "last_in_time"]


@dataclass(frozen=True)
class Horizon:
    """back: steps that are seen. ahead: steps that are forecast. season: of the naive forecast (``windows.naive``)."""

    back: int
    ahead: int
    season: int | None = None

    def __post_init__(self) -> None:
        if self.season is not None and self.season > self.back:
            raise InputError(
                f"a season of {self.season} steps is not seen in windows of back={self.back}; "
                f"give back={self.season} or more, or a shorter season."
            )

    def naive_steps(self) -> NDArray[np.int64]:
        """Which steps of a window the naive forecast repeats, (ahead,).

        >>> Horizon(back=6, ahead=3, season=2).naive_steps()
        array([4, 5, 4])
        """
        return naive(np.arange(self.back)[None, :, None], self.ahead, self.season)[0, :, 0]


class ForecastNetwork(nn.Module):
    """The naive forecast, and what a network changes of it: y = naive(x) + f(x).

    changes: f, from (n, back, c) to (n, ahead * k). Its last layer begins at zero: untrained, this is the naive
    forecast. columns: the k of the c columns that are forecast. relative: f sees x less its last step, so that the
    forecast moves along with the series' level; otherwise x. All is in the columns' scaled units.

    Source: Zeng et al. 2023, "Are transformers effective for time series forecasting?", NLinear: the last value is
    subtracted from what a linear layer sees, and added to what it says. Here f is recurrent, and a season may be added.
    """

    steps: Tensor
    columns: Tensor

    def __init__(self, changes: Any, horizon: Horizon, columns: Sequence[int], relative: bool = True) -> None:
        super().__init__()
        self.changes, self.relative = changes, relative
        nn.init.zeros_(changes.last.weight)
        nn.init.zeros_(changes.last.bias)
        self.register_buffer("steps", torch.from_numpy(horizon.naive_steps()), persistent=False)
        self.register_buffer("columns", torch.tensor(list(columns)), persistent=False)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        simple = x[:, self.steps][:, :, self.columns].flatten(1)
        return simple + self.changes(x - x[:, -1:] if self.relative else x, lengths)


@dataclass(frozen=True, kw_only=True)
class Forecasting(Coding):
    """How windows become numbers. names: of the series' columns. columns: those of them that are forecast.

    Inputs and targets are scaled with the mean and the deviation of the training steps alone.
    """

    horizon: Horizon
    names: tuple[str, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, found: SeriesWindows, train: NDArray[np.int64], horizon: Horizon) -> Self:
        """train: the windows that are learned from."""
        seen = int(found.starts[train].max()) + horizon.back + horizon.ahead
        scaling = Scaling.of(found.series.values[:seen])
        wanted = scaling.only(found.columns)
        targets = Numbers(wanted.means * horizon.ahead, wanted.deviations * horizon.ahead, flat=False)
        return cls(Signals(scaling), targets, horizon=horizon, names=found.series.names, columns=found.columns)

    @property
    def scaling(self) -> Scaling:
        assert isinstance(self.inputs, Signals)
        return self.inputs.scaling

    @property
    def targets_named(self) -> list[str]:
        return [self.names[i] for i in self.columns]

    # -- what is asked about

    def windows(self, data: Any, targets: Any = None) -> SeriesWindows:
        """All windows of a series that has the same columns. targets: those to forecast; None: the same."""
        found = series_of(data, self.names)
        wanted = self.targets_named if targets is None else targets
        return read_windows(found, wanted, self.horizon.back, self.horizon.ahead)

    def end(self, data: Any) -> NDArray[np.float64]:
        """The last window of a series that has the same columns, (1, back, c)."""
        series = series_of(data, self.names)
        if len(series) < self.horizon.back:
            raise InputError(
                f"a series of {len(series)} steps cannot be gone on from: its last {self.horizon.back} are looked at."
            )
        return series.values[None, -self.horizon.back :]

    def checked(self, X: Any) -> NDArray[np.float64]:
        """Windows given as an array, (n, back, c)."""
        rows = np.asarray(X, np.float64)
        hint = "forecast(series) goes on after the end of a series." if rows.ndim < 3 else ""
        check("windows", rows, "n back columns", hint, back=self.horizon.back, columns=len(self.names))
        return rows

    # -- for the network, and back

    def lesson(self, found: SeriesWindows) -> Lesson:
        """Windows ready to be learned from, which share the series' memory. Raises InputError for other columns."""
        if (found.series.names, found.columns) != (self.names, self.columns):
            raise InputError(
                f"the series must have the columns {', '.join(self.names)}, of which "
                f"{', '.join(self.targets_named)} are forecast, like the series that is learned from; got "
                f"{', '.join(found.series.names)}, of which {', '.join(found.series.names[i] for i in found.columns)}."
            )
        values = torch.from_numpy(self.scaling.scale(found.series.values).astype(np.float32))
        rows = Overlapping(values, torch.from_numpy(found.starts), self.horizon.back)
        return Lesson(rows, (torch.from_numpy(self.targets.encode(found.targets)),), np.arange(len(found)))

    def forecasts(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """What outputs (n, ahead * k) mean, (n, ahead, k)."""
        return self.targets.answer(outputs).reshape(len(outputs), self.horizon.ahead, len(self.columns))

    def judged(self, outputs: NDArray[np.float64], found: SeriesWindows, train: SeriesWindows | None) -> Answers:
        """How good outputs for windows are, beside the naive forecast. train: what was learned from, if it is at hand.

        R² is the mean over columns and steps ahead. Its interval resamples blocks of ``ahead`` windows, which share
        their targets; the mean absolute error is over all steps ahead, for each column.
        """
        back, ahead, season = self.horizon.back, self.horizon.ahead, self.horizon.season
        expected, rows = self.targets.encode(found.targets), np.arange(len(found))
        known = None if train is None else self.targets.encode(train.targets)
        inputs, _ = windows(found.series.values, back, ahead)
        simple = self.targets.encode(naive(inputs, ahead, season, self.columns)[found.starts])
        answers = judge_answers(outputs, expected, self.targets, rows, known, together=ahead)
        typical = np.reshape(answers.typical, (ahead, -1)).mean(0)
        baseline = judge_answers(simple.astype(np.float64), expected, self.targets, rows).score
        return replace(answers, naive=baseline, typical=tuple(typical.tolist()))

    # -- kept

    def described(self) -> str:
        ahead = self.horizon.ahead
        steps = f"{self.horizon.back} {self.inputs.described()}"
        return f"{steps}, and the {ahead} after them" if ahead > 1 else f"{steps}, and the one after them"

    def to_json(self) -> dict[str, Any]:
        return {
            "inputs": self.inputs.to_json(),
            "targets": self.targets.to_json(),
            "horizon": asdict(self.horizon),
            "names": list(self.names),
            "columns": list(self.columns),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        inputs, targets = Signals.from_json(content["inputs"]), Numbers.from_json(content["targets"])
        horizon = typed(content["horizon"], Horizon)
        names, columns = tuple(content["names"]), tuple(content["columns"])
        refuse(not 1 <= horizon.back <= 2**24 or not 1 <= horizon.ahead <= 2**24, "steps are looked at and forecast")
        refuse(horizon.season is not None and horizon.season < 1, "a season has steps")
        refuse(len(names) != len(inputs.scaling.means) or not columns, "each column has its scale")
        refuse(not all(isinstance(i, int) and 0 <= i < len(names) for i in columns), "some columns are forecast")
        refuse(len(targets.means) != len(columns) * horizon.ahead, "each step ahead has its scale")
        return cls(inputs, targets, horizon=horizon, names=names, columns=columns)


def last_in_time(
    found: SeriesWindows, fraction: float, horizon: Horizon
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Windows to train on, and those whose targets lie in the last ``fraction`` of the steps, to hold out.

    No training window has a target there; windows whose targets lie on both sides are in neither. Raises InputError if
    one of the parts has no window.
    """
    back, ahead, t = horizon.back, horizon.ahead, len(found.series)
    if not fraction:
        return np.arange(len(found)), np.arange(0)
    held = round(t * fraction)
    if held < ahead or t - held < back + ahead:
        enough = math.ceil(max((back + ahead + 1) / (1 - fraction), ahead / fraction))
        raise InputError(
            f"of {t:,} steps the last {held:,} are held out, and {t - held:,} are left to learn from; at least {ahead} "
            f"and {back + ahead} are needed. {enough:,} steps are long enough; or give another validation_fraction, or "
            "a smaller back or ahead."
        )
    parts = (windows_within(part, back, ahead) for part in (range(t - held), range(t - held, t)))
    train, held_out = (np.array(part, np.int64) for part in parts)
    return train, held_out
