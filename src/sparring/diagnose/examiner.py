"""Follows a run's rows as they come, and says which failures begin and end. No torch."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sparring.diagnose.advice import About, advised, parameter
from sparring.diagnose.cycles import CYCLE
from sparring.diagnose.finding import Evidence, Finding, Row
from sparring.diagnose.fits import FIT, not_learning, patient
from sparring.diagnose.games import GAME
from sparring.diagnose.modes import MODES
from sparring.diagnose.remedies import Applied
from sparring.diagnose.series import Series
from sparring.diagnose.sign import Detector, Sign
from sparring.errors import FolderError
from sparring.record import Record

__all__ = ["LOOKED", "Examiner", "detectors_for", "examined", "read_so_far"]

FITS = (
    "classifier",
    "regressor",
    "sequence-classifier",
    "sequence-regressor",
    "sequence-tagger",
    "sequence-generator",
    "sequence-translator",
)
DETECTORS: Mapping[str, Mapping[str, Detector]] = {
    "gan": GAME,
    "cyclegan": CYCLE,
    **dict.fromkeys(FITS, FIT),
}  # by kind of run
LOOKED = (
    "critic/auc",
    "samples/w1",
    "critic B/auc",
    "samples B/w1",
    "layer 1/delta",
    "back 0/time_delta",
)  # what rows of probes have
QUIET = 30  # rows without a sign of it, after which a failure is over


class Examiner:
    """Takes rows one by one. findings: so far, in the order in which they were seen.

    detectors: of this kind of run, causes before what follows from them. rows: those of earlier sessions. earlier:
    findings that are over, from before those. A failure that has ended may begin again, as another finding; what
    follows from one that holds is no finding of its own. about: what run.json says of the run, for what helps in it.
    """

    def __init__(
        self,
        detectors: Mapping[str, Detector],
        rows: Iterable[Row] = (),
        earlier: Sequence[Finding] = (),
        about: About | None = None,
    ) -> None:
        self.about = about
        self.detectors = detectors
        self.series = Series()
        self.findings = list(earlier)
        self._open: dict[str, int] = {}  # where in findings the ones lie that hold
        self._quiet: dict[str, int] = {}  # rows since each was last seen
        for row in rows:
            self.take(row)

    def take(self, row: Row) -> tuple[Finding, ...]:
        """Take in the next row. Returns the findings that begin or end with it."""
        self.series.add(row)
        step = int(row["step"])
        changed = [self._followed(name, detector(self.series), step) for name, detector in self.detectors.items()]
        return tuple(finding for finding in changed if finding is not None)

    @property
    def looks(self) -> int:
        """How often probes have looked."""
        return max(self.series.count(name) for name in LOOKED)

    def diverged(self, step: int, what: str) -> None:
        """Take in that a run had to end, because a quantity was not finite."""
        evidence = (Evidence(what, math.nan, "finite"),)
        if "divergence" not in self._open:
            self.findings.append(self._found("divergence", step, step, evidence))

    def _found(self, name: str, since: int, seen: int, evidence: tuple[Evidence, ...]) -> Finding:
        mode = MODES[name]
        cure = "" if self.about is None else advised(mode.helps, self.about)
        return Finding(name, mode.severity, since, seen, evidence, cure=cure)

    def _followed(self, name: str, sign: Sign | None, step: int) -> Finding | None:
        if name not in self._open:
            if sign is None or any(name in MODES[other].hides for other in self._open):
                return None
            found = self._found(name, sign.since, step, sign.evidence)
            self._open[name], self._quiet[name] = len(self.findings), 0
            self.findings.append(found)
            return found
        self._quiet[name] = 0 if sign is not None else self._quiet[name] + 1
        if self._quiet[name] < QUIET:
            return None
        place = self._open.pop(name)
        self.findings[place] = replace(self.findings[place], until=step)
        return self.findings[place]


def read_so_far(record: Record, applied: Sequence[Applied] = ()) -> Examiner:
    """An examiner that has read a run's rows; those before its last remedy are another game's.

    Raises FolderError for a kind of run that has no detectors.
    """
    kind = str(record.about.get("kind"))
    if kind not in DETECTORS:
        raise FolderError(f"a run of the kind {kind!r} cannot be diagnosed; {', '.join(DETECTORS)} can.")
    after = max((entry.step for entry in applied), default=0)
    before = [Finding.from_json(plain) for plain in record.findings()]
    over = [replace(f, until=f.until or after) for f in before if applied and f.seen <= after + 1]
    rows = (row for row in record.rows() if row["step"] > after)
    return Examiner(detectors_for(record.about), rows, over, record.about)


def detectors_for(about: About) -> Mapping[str, Detector]:
    """Those for a kind of run, and for how long a fit is meant to be.

    A fit that gives back the weights of its best epoch does not over-fit.
    """
    kind = str(about.get("kind"))
    found = dict(DETECTORS[kind])
    if kind not in FITS:
        return found
    if about.get("steps") and about.get("steps_per_epoch"):
        found["not-learning"] = partial(not_learning, wait=patient(about["steps"] // about["steps_per_epoch"]))
    if parameter(about, "early_stopping") and (about.get("data") or {}).get("rows_held_out"):
        del found["over-fitting"]
    return found


def examined(record: Record) -> Examiner:
    """The same of a run that has ended, with what ended it."""
    examiner = read_so_far(record, [Applied(**entry) for entry in record.about.get("remedies") or ()])
    if record.about.get("status") == "diverged":
        examiner.diverged(record.about["sessions"][-1]["to_step"] + 1, "loss or gradient")
    return examiner
