"""Many to one: which class a whole sequence is of, or which number belongs to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor, nn

from sparring.data.sequence_files import Sequences, SeriesWindows, read_one_each, read_windows
from sparring.data.sequences import rows_of
from sparring.data.targets import Classes, Numbers, Targets
from sparring.errors import DataError, InputError, ShapeError
from sparring.estimators.examples import balanced
from sparring.estimators.fitting import baseline_of, error_of, score_of
from sparring.estimators.forecasting import Forecasting, ForecastNetwork, Horizon, last_in_time
from sparring.estimators.lessons import Lesson, asked
from sparring.estimators.parameters import CLASS_WEIGHT, FORECAST, POOLING, SEQUENCE
from sparring.estimators.sequence_reading import Coding, ReadingModel
from sparring.estimators.streaming import SequenceStream
from sparring.isolation import isolated
from sparring.judging import Answers, judge_answers
from sparring.networks.reading import Answer
from sparring.place import Place

__all__ = ["OneEach", "SequenceClassifier", "SequenceRegressor"]


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class OneEach(ReadingModel):
    """What the classifier and the regressor share: one answer for a row.

    pooling: what the answering layer sees: what the recurrent layers say at the row's end ("last"), or their "mean" or
    "max" over its steps.
    """

    pooling: Answer = "max"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**SEQUENCE, "pooling": POOLING}

    def _answer(self) -> Answer:
        return self.pooling

    def _read(self, X: Any, y: Any) -> Sequences:
        found = read_one_each(X, y, self.encoding)
        if found.targets is None:
            raise DataError(f"a {type(self).__name__} needs y, a target for each sequence.")
        return Sequences(found.inputs, self._checked(np.asarray(found.targets)), found.path, found.target)

    def _checked(self, y: NDArray[Any]) -> NDArray[Any]:
        return y

    def _weights(self, targets: Targets, y: NDArray[Any]) -> NDArray[np.float64] | None:
        return None

    def _encoded(self, coding: Coding, found: Sequences) -> Lesson:
        targets = [torch.from_numpy(coding.targets.encode(found.targets))]
        weights = self._weights(coding.targets, found.targets)
        if weights is not None:
            targets.append(torch.from_numpy((weights / weights.mean()).astype(np.float32)))
        return Lesson(coding.inputs.encode(found.inputs), tuple(targets), np.arange(len(found)))

    def _error_of(self, coding: Coding, network: nn.Module, train: Lesson) -> Callable[..., Tensor]:
        return error_of(coding.targets)

    def _baseline(self, coding: Coding, train: Lesson) -> float:
        targets: Any = train.targets
        return baseline_of(coding.targets, (torch.zeros(0), *targets), error_of(coding.targets))

    def _measured(self, network: nn.Module, coding: Coding, lesson: Lesson, place: Place) -> dict[str, float]:
        outputs = _outputs_of(network, lesson, place)
        error = error_of(coding.targets)(outputs, *lesson.targets)
        expected: Any = lesson.targets[0]
        return {"validation/error": error.item(), "validation/score": score_of(coding.targets, outputs, expected)}

    def _judged(self, found: Sequences, train: Sequences | None = None, seen: bool = False) -> Answers:
        targets = self.coding_.targets
        known = None if train is None else targets.encode(train.targets)
        expected = targets.encode(found.targets)
        return replace(
            judge_answers(self._raw(found.inputs), expected, targets, np.arange(len(found)), known), seen=seen
        )

    def _raw(self, X: Any) -> NDArray[np.float64]:
        """The network's outputs, (n, outputs)."""
        return torch.stack(self._outputs(rows_of(X))).double().numpy()


def _outputs_of(network: nn.Module, lesson: Lesson, place: Place) -> Tensor:
    """Of all rows, in their order."""
    blocks = [(places, outputs) for places, outputs, _ in asked(network, lesson, place)]
    order = torch.cat([places for places, _ in blocks])
    return torch.cat([outputs for _, outputs in blocks])[order.argsort().to(blocks[0][1].device)]


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class SequenceClassifier(ClassifierMixin, OneEach):
    """Says which class a text, or a sequence of numbers, is of: many to one.

    The parameters are those of ``ReadingModel``, and pooling and
    class_weight: "balanced" (classes count alike, however rare), or a dict of weights.

    ``fit(X, y)``: X a list of texts, of lists of words, or of arrays (t, columns); or a path, for which
    ``data.sequence_files.read_one_each`` lists the files that are understood. After it: classes_, network_, n_iter_
    (epochs), loss_curve_, validation_curve_ and best_epoch_ where rows were held out, record_, and answers_ if the run
    has a folder or ``judge`` was called.

    >>> texts = ["good fun", "a good film", "fun, so good", "bad", "a bad idea", "so bad, no fun"]
    >>> model = SequenceClassifier(max_iter=60, random_state=0).fit(texts, ["+"] * 3 + ["-"] * 3)
    >>> model.predict(["good", "no, bad"]).tolist()
    ['+', '-']
    """

    class_weight: Any = None
    kind: ClassVar[str] = "sequence-classifier"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **OneEach._parameter_constraints,
        "class_weight": CLASS_WEIGHT,
    }

    def _checked(self, y: NDArray[Any]) -> NDArray[Any]:
        if y.ndim != 1:
            raise ShapeError(f"y must hold one class for each sequence, (n,); got the shape {y.shape}.")
        try:
            check_classification_targets(y)
        except ValueError as error:
            raise DataError(str(error)) from None
        return y

    def _labels(self, found: Sequences) -> NDArray[Any]:
        return found.targets

    def _targets_of(self, found: Sequences) -> Targets:
        return Classes.of(found.targets)

    def _weights(self, targets: Targets, y: NDArray[Any]) -> NDArray[np.float64] | None:
        assert isinstance(targets, Classes)
        return None if self.class_weight is None else balanced(self.class_weight, targets, y, None)

    def _named(self) -> None:
        self.classes_ = self.coding_.targets.classes

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of every sequence, (n,)."""
        outputs = self._raw(X)
        return self.coding_.targets.answer(outputs)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of every class, (n, classes), in the order of classes_."""
        return special.softmax(self._raw(X), axis=1)


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class SequenceRegressor(RegressorMixin, OneEach):
    """Says which number, or which several, belong to a sequence: many to one; or, with ahead, what comes next in one.

    The parameters are those of ``ReadingModel``, pooling, and of forecasts: ahead, how many steps; back, how many steps
    before them are seen; season, after how many steps the series repeats (24 hours of a day), if it does; relative,
    whether the network sees a window less its last step, so that forecasts move along with the series' level.

    ``fit(X, y)``: as for ``SequenceClassifier``, with y numbers (n,) or (n, k).

    ``fit(X, y)`` with ahead: X one long series: an array (t,) or (t, columns), a frame, a ``data.series.Series``, or
    the path of a .csv (``read_series``); y the name of the column to forecast, several names, or None for all (those of
    an array are called x0, x1, ...). Held out is the end of the series: the last validation_fraction of its steps, of
    which no training window has a target. Means and deviations are those of the training steps. The network learns by
    how much to change the naive forecast (the last value, or those of the last season), and begins with no change at
    all; ``forecasting.ForecastNetwork`` has the formula and the source.

    >>> rows = [np.full(4, x) for x in np.linspace(-1, 1, 64)]
    >>> model = SequenceRegressor(hidden_size=16, max_iter=60, learning_rate_init=0.01, random_state=0)
    >>> model.fit(rows, np.linspace(-3, 3, 64)).score(rows, np.linspace(-3, 3, 64)) > 0.9
    True
    >>> wave = np.sin(np.arange(120) / 5)
    >>> model = SequenceRegressor(ahead=3, back=12, hidden_size=16, max_iter=60, random_state=0).fit(wave[:100])
    >>> model.forecast(wave[:100]).shape, model.score(wave[88:]) > 0.9
    ((3, 1), True)
    """

    pooling: Answer = "last"
    dropout: float = 0.0
    bidirectional: bool = False
    ahead: int | None = None
    back: int = 24
    season: int | None = None
    relative: bool = True
    kind: ClassVar[str] = "sequence-regressor"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {**OneEach._parameter_constraints, **FORECAST}

    def _checked(self, y: NDArray[Any]) -> NDArray[Any]:
        try:
            numbers = y.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"y must be numbers: {error}") from None
        if numbers.ndim not in (1, 2) or not np.isfinite(numbers).all():
            raise DataError(f"y must be finite numbers, (n,) or (n, k); got the shape {y.shape}.")
        return numbers

    def _targets_of(self, found: Sequences) -> Targets:
        return Numbers.of(found.targets)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The number of every sequence, (n,), or (n, k). Of forecasts: windows (n, back, columns) to (n, ahead, k)."""
        self._answering()
        coding: Coding = self.coding_
        if isinstance(coding, Forecasting):
            return coding.forecasts(self._raw(coding.checked(X)))
        return coding.targets.answer(self._raw(X))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """R², the mean over several numbers; of forecasts, for every window of a series, given as for ``fit``.

        To score the end of a series alone, give it with the ``back`` steps before it.
        """
        place, coding = self._answering(), self.coding_
        if not isinstance(coding, Forecasting):
            return super().score(X, y, sample_weight)
        lesson = coding.lesson(coding.windows(X, y)).to(place.device)
        return self._measured(self.network_, coding, lesson, place)["validation/score"]

    # -- one long series

    def forecast(self, series: Any) -> NDArray[np.float64]:
        """What comes after the end of a series, (ahead, k). series: as for ``fit``, of ``back`` steps or more."""
        self._answering()
        if not isinstance(self.coding_, Forecasting):
            raise InputError("this model answers for whole sequences; to forecast, fit one with ahead= to a series.")
        return self.predict(self.coding_.end(series))[0]

    def judge(self, X: Any, y: Any = None) -> Answers:
        """How good the answers are for data that the model has not learned from; kept in answers_.

        X, y: as for ``fit``. Of forecasts, all windows of a series, beside the naive forecast.
        """
        self._answering()
        coding = self.coding_
        return super().judge(*((coding.windows(X, y), None) if isinstance(coding, Forecasting) else (X, y)))

    def stream(self) -> SequenceStream:
        if isinstance(getattr(self, "coding_", None), Forecasting):
            raise InputError("forecasts look at the last steps of a series: use forecast(series).")
        return super().stream()

    def _horizon(self) -> Horizon:
        assert self.ahead is not None
        return Horizon(self.back, self.ahead, self.season)

    def _read(self, X: Any, y: Any) -> Sequences:
        if self.ahead is None:
            return super()._read(X, y)
        return X if isinstance(X, SeriesWindows) else read_windows(X, y, self._horizon().back, self.ahead)

    def _split(self, found: Sequences, fraction: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if not isinstance(found, SeriesWindows):
            return super()._split(found, fraction)
        return last_in_time(found, fraction, self._horizon())

    def _coding_of(self, found: Sequences, train: NDArray[np.int64]) -> Coding:
        if not isinstance(found, SeriesWindows):
            return super()._coding_of(found, train)
        if self.vectors is not None:
            raise InputError("vectors are of words, but a series holds numbers.")
        return Forecasting.of(found, train, self._horizon())

    def _encoded(self, coding: Coding, found: Sequences) -> Lesson:
        if isinstance(coding, Forecasting) and isinstance(found, SeriesWindows):
            return coding.lesson(found)
        return super()._encoded(coding, found)

    def _network_of(self, coding: Coding) -> nn.Module:
        if not isinstance(coding, Forecasting):
            return super()._network_of(coding)
        return ForecastNetwork(super()._network_of(coding), coding.horizon, coding.columns, self.relative)

    def _coding_json(self, coding: Coding) -> dict[str, Any]:
        return coding.to_json() if isinstance(coding, Forecasting) else super()._coding_json(coding)

    def _coding_from(self, content: dict[str, Any]) -> Coding:
        return Forecasting.from_json(content) if "horizon" in content else super()._coding_from(content)

    def _described(self, coding: Coding) -> str:
        return coding.described() if isinstance(coding, Forecasting) else super()._described(coding)

    def _judged(self, found: Sequences, train: Sequences | None = None, seen: bool = False) -> Answers:
        coding = self.coding_
        if not isinstance(coding, Forecasting):
            return super()._judged(found, train, seen)
        assert isinstance(found, SeriesWindows)
        assert train is None or isinstance(train, SeriesWindows)
        place = self._answering()
        outputs = _outputs_of(self.network_, coding.lesson(found).to(place.device), place)
        return replace(coding.judged(outputs.cpu().double().numpy(), found, train), seen=seen)
