"""What an estimator does about the failures that are found while it learns."""

import warnings
from collections.abc import Callable
from typing import Any

from sparring.diagnose.detectors import GAME
from sparring.diagnose.examiner import Examiner
from sparring.diagnose.finding import Finding
from sparring.diagnose.modes import told
from sparring.errors import InputError, TroubleWarning
from sparring.record import Record
from sparring.run import Diagnosis, Progress, shower

__all__ = ["ON_TROUBLE", "diagnosis_of", "findings_of", "warning_shower"]

ON_TROUBLE = ("warn", "stop")


def diagnosis_of(on_trouble: str, record: Record) -> Diagnosis:
    """The diagnosis of a game, which has read the rows so far. Raises InputError for an unknown word."""
    if on_trouble not in ON_TROUBLE:
        raise InputError(f"on_trouble must be {' or '.join(ON_TROUBLE)}; got {on_trouble!r}")
    diagnosis = Diagnosis(Examiner(GAME, record.rows()), on_trouble == "stop")
    diagnosis.keep(record)
    return diagnosis


def findings_of(record: Record) -> tuple[Finding, ...]:
    """The findings in a record."""
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
