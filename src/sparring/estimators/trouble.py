"""What an estimator does about the failures that are found while it learns."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sparring.diagnose.examiner import read_so_far
from sparring.diagnose.finding import Finding
from sparring.diagnose.modes import told
from sparring.diagnose.remedies import Applied, Remedy, next_remedy
from sparring.errors import Diverged, InputError, Trouble, TroubleWarning
from sparring.record import Record
from sparring.run import Diagnosis, Progress, shower

__all__ = [
    "ON_TROUBLE",
    "check_word",
    "diagnosis_of",
    "findings_of",
    "name_of",
    "noticing",
    "remedy_for",
    "warning_shower",
]

GAMES = ("gan", "cyclegan")  # kinds whose findings are kept while they are played
ON_TROUBLE = ("warn", "stop", "remedy")


def diagnosis_of(
    on_trouble: str, record: Record, applied: Sequence[Applied], given: Mapping[str, Any] | None = None
) -> Diagnosis:
    """The diagnosis of a game, which has read the rows so far."""
    diagnosis = Diagnosis(
        read_so_far(record, applied), lambda finding: _stops(on_trouble, finding.name, applied, given)
    )
    diagnosis.keep(record)
    return diagnosis


def check_word(on_trouble: str) -> None:
    """Raise InputError for a word that ``on_trouble`` cannot be."""
    if on_trouble not in ON_TROUBLE:
        raise InputError(f"on_trouble must be {', '.join(ON_TROUBLE[:-1])} or {ON_TROUBLE[-1]}; got {on_trouble!r}")


def _stops(on_trouble: str, finding: str, applied: Sequence[Applied], given: Mapping[str, Any] | None) -> bool:
    """Whether a failure ends this stretch of a run: at "remedy" only while one is left, else the run goes on."""
    return on_trouble == "stop" or (on_trouble == "remedy" and next_remedy(finding, applied, given) is not None)


def name_of(error: Trouble | Diverged) -> str:
    """The finding that ended a run."""
    return error.finding if isinstance(error, Trouble) else "divergence"


def remedy_for(
    on_trouble: str, error: Trouble | Diverged, applied: Sequence[Applied], given: Mapping[str, Any] | None = None
) -> Remedy | None:
    """What to do about what ended a run; None: nothing."""
    return next_remedy(name_of(error), applied, given) if on_trouble == "remedy" else None


def noticing(record: Record) -> Diagnosis:
    """A diagnosis that only keeps what it finds."""
    diagnosis = Diagnosis(read_so_far(record), lambda finding: False)
    diagnosis.keep(record)
    return diagnosis


def findings_of(record: Record) -> tuple[Finding, ...]:
    """The findings in a record; of a fit in memory they are looked for now, to spare the fit."""
    if record.about.get("kind") not in GAMES and not record.kept:
        return tuple(read_so_far(record).findings)
    return tuple(Finding.from_json(plain) for plain in record.findings())


def warning_shower(verbose: Any, on_trouble: str) -> Callable[[Progress], None]:
    """The display that ``verbose`` asks for; where that is not the user's own, failures are warned of too."""
    show = shower(verbose)
    warns = on_trouble == "warn" and not callable(verbose)

    def shown(progress: Progress) -> None:
        if show is not None:
            show(progress)
        for finding in progress.findings if warns else ():
            if finding.severity == "failure" and finding.until is None:
                warnings.warn(told(finding), TroubleWarning, stacklevel=2)

    return shown
