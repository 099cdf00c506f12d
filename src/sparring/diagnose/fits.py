"""Detectors of what goes wrong in a supervised fit: pure functions of the rows so far, as games.py. No torch."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from sparring.diagnose.finding import Evidence
from sparring.diagnose.series import Series
from sparring.diagnose.sign import Detector, Sign

__all__ = ["FIT", "dead_units", "exploding_delta", "not_learning", "over_fitting", "patient", "vanishing_delta"]

SETTLED = 5  # epochs since the validation error was least
RISEN = 1.1  # times its least, from which a validation error has risen
LOST = 0.05  # of what was gained on the error without inputs, from which a rise matters
LEARNED = 0.98  # of the error without inputs: above it, nothing is learned
EPOCHS, LONG = 5, 10  # before a fit can be said to learn nothing, at least and at most
CERTAIN = 3  # looks that must all show it
DEAD = 0.5  # of a layer's units
FACTOR = 1e3  # from the last layer's delta to the first's, or from the last steps' to the earliest
DEAF = 1e-3  # of what is heard best: what an early layer or step hears at most, where the error vanishes
STUCK, HARD = 0.95, 0.5  # of the error without inputs: above them next to nothing is learned, or not much
STEEP = 100.0  # times the error without inputs: a layer's pull, from which no step is small enough
STEADY = 0.25  # of a growth in time, as a power: what the earliest steps have of it at least


def over_fitting(series: Series) -> Sign | None:
    """A validation error above its least, while the training error is below what it was then.

    The rise counts beside the least error, and beside what had been gained on an answer without inputs: of an error of
    next to nothing, a few rows can make up the half.
    """
    validation, training = series.values("validation/error"), series.values("training/error")
    if len(validation) < SETTLED + 1 or len(training) != len(validation):
        return None
    least = int(validation.argmin())
    late = validation[least + 1 :]
    if len(late) < SETTLED or np.median(late[-3:]) < RISEN * validation[least] or training[-1] >= training[least]:
        return None
    rise = np.median(late[-3:]) - validation[least]
    if rise < LOST * (_without_inputs(series) - validation[least]):
        return None
    evidence = (
        Evidence("validation/error", float(validation[-1]), f"near its least, {validation[least]:.3g}"),
        Evidence(
            "training/error", float(training[-1]), f"not far below the validation error; then {training[least]:.3g}"
        ),
    )
    return Sign(series.since("validation/error", len(late)), evidence)


def patient(epochs: int) -> int:
    """How many epochs a fit of so many has to begin to learn: half of them, within bounds.

    A recurrent network may stay for many epochs where it began, while its rate still rises, before it learns all at
    once; and a fit that learns nothing for ten epochs is usually stopped.
    """
    return min(max(epochs // 2, EPOCHS), LONG)


def not_learning(series: Series, wait: int = LONG) -> Sign | None:
    """A training error that stays where an answer without inputs would be, after so many epochs."""
    training, baseline = series.values("training/error", 3), series.values("baseline/error", 1)
    if series.count("training/error") < wait or not len(baseline) or training.min() < LEARNED * baseline[0]:
        return None
    evidence = Evidence("training/error", float(training[-1]), f"well below that of no inputs, {baseline[0]:.3g}")
    return Sign(series.since("training/error", 3), (evidence,))


def dead_units(series: Series) -> Sign | None:
    """Layers of which half the units give zero for every row looked at, look after look, and no fewer."""
    shown = []
    for name in series.names("/dead"):
        shares = series.values(name, CERTAIN)
        if len(shares) == CERTAIN and shares.min() > DEAD and shares[-1] >= shares[0]:
            shown.append(Evidence(name, float(shares[-1]), "a few hundredths at most"))
    return Sign(series.since(shown[0].name, CERTAIN), tuple(shown)) if shown else None


def vanishing_delta(series: Series) -> Sign | None:
    """A first layer, or early steps, that hear next to nothing of an error that does not fall.

    Where the error has fallen, it was heard; and a network that has learned that early steps say nothing need not hear
    of them any more. So only a fit that has learned nothing yet can be said to be deaf.
    """
    if not _unlearned(series, STUCK, CERTAIN):
        return None
    pulls, back = series.names("/pull"), series.names("/heard")
    ends = [(pulls[0], pulls[-1], "of one size in all layers")] if len(pulls) > 1 else []
    if len(back) > 1:  # counted back from the end
        ends.append((back[-1], max(back, key=partial(_newest, series)), "of one size in all steps"))
    for early, late, normal in ends:
        heard, best = series.values(early, CERTAIN), series.values(late, CERTAIN)
        if len(heard) == len(best) == CERTAIN and (heard < DEAF * best).all():
            told = (Evidence(early, float(heard[-1]), normal), Evidence(late, float(best[-1]), normal))
            return Sign(series.since(early, CERTAIN), told)
    return None


def _unlearned(series: Series, share: float, last: int) -> bool:
    """Whether the last training errors are all above a share of the error without inputs, or else of the first one."""
    errors = series.values("training/error", last)
    return bool((errors >= share * _without_inputs(series)).all()) if len(errors) else True


def _without_inputs(series: Series) -> float:
    """The error of the best answer without inputs, or the first training error, which is near it."""
    known = series.values("baseline/error", 1)
    return float((known if len(known) else series.first("training/error", 1))[0])


def exploding_delta(series: Series) -> Sign | None:
    """Deltas that grow by a thousand from the last layer to the first, or from the last step back to early ones.

    In time they grow by as much at each step back, so half of it in the last doubling. If they jump at once, and not
    there, then because a row's beginning is hard to answer: its own errors are heard there, and not those of later.
    Where all layers' errors grow alike, each of them moves the error by far more than there is of it. A fit that has
    learned much is not said to explode.
    """
    if not _unlearned(series, HARD, 1):
        return None
    for early, late, between in _ends(series):
        grown = 0 < early.value >= FACTOR * late.value
        if grown and (between is None or early.value / between.value >= (early.value / late.value) ** STEADY):
            return Sign(series.since(early.name, 1), (early, late))
    without, pulls = series.values("baseline/error", 1), series.names("/pull")
    if len(without) and pulls and _newest(series, pulls[0]) > STEEP * without[0]:
        told = Evidence(pulls[0], _newest(series, pulls[0]), f"below {STEEP * without[0]:.3g}: the error, within 1 %")
        return Sign(series.since(pulls[0], 1), (told,))
    return None


def _ends(series: Series) -> list[tuple[Evidence, Evidence, Evidence | None]]:
    """The newest deltas of the first layer and the last, and of the earliest step, the largest of the last ones and
    the next to the earliest.

    A network that answers at every step may be sure of its last answer, whose delta is then next to nothing: so a few
    steps are asked, of which the largest counts. None of one alone.
    """
    layers, steps = series.names("/delta"), series.names("/time_delta")[::-1]  # steps are counted back
    found = []
    for names, last, normal in (
        (layers, 1, "of one size in all layers"),
        (steps, len(steps) // 2, "of one size in all steps"),
    ):
        if len(names) > 1:
            deltas = [Evidence(name, _newest(series, name), normal) for name in names]
            between = deltas[1] if names is steps and len(names) > 2 else None
            found.append((deltas[0], max(deltas[-last:], key=lambda delta: delta.value), between))
    return found


def _newest(series: Series, name: str) -> float:
    return float(series.values(name, 1)[0])


FIT: Mapping[str, Detector] = MappingProxyType(
    {
        "not-learning": not_learning,
        "dead-units": dead_units,
        "vanishing-delta": vanishing_delta,
        "exploding-delta": exploding_delta,
        "over-fitting": over_fitting,
    }
)
"""Of supervised fits, by the name of the failure."""
