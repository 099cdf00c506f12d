"""A run: training, its record, its checkpoints, its stopping. The one file that knows all four."""

import contextlib
import shlex
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sparring.data.batches import Batched
from sparring.diagnose.examiner import Examiner
from sparring.diagnose.finding import Finding
from sparring.diagnose.modes import told
from sparring.diagnose.remedies import remedies_for
from sparring.errors import CheckpointWarning, Diverged, FolderError, Interrupted, RankLost, Trouble
from sparring.place import Place
from sparring.record import Record
from sparring.room import kept_memory
from sparring.training import Game, State, Step, train
from sparring.training.checkpoint import Stateful, forget_after, last_step, path_of, read_newest, restore, write
from sparring.training.stopping import Patience

__all__ = [
    "Diagnosis",
    "Intervals",
    "Lines",
    "Progress",
    "Stopping",
    "Watch",
    "measures",
    "resume_state",
    "run",
    "shower",
]

AGREE_EVERY = 16  # steps between two agreements of several ranks on whether to stop


@dataclass(frozen=True)
class Intervals:
    """How often, in steps, rows are written and samples drawn; and how often the run is saved.

    checkpoint: in steps, or None for every ``seconds`` seconds. Rows and samples fall on steps
    alone, so that a resumed run has the same ones.
    """

    log: int = 100
    sample: int | None = None
    checkpoint: int | None = None
    seconds: float = 30.0

    @classmethod
    def of(cls, steps: int, rows: int = 250, samples: int = 12, checkpoint: int | None = None) -> "Intervals":
        """About so many rows and samples in a run; rows at multiples of 4, where lazy penalties fall."""
        log = max(4 * round(steps / rows / 4), 1 if steps < 100 else 4)
        return cls(log, max(steps // samples // log, 1) * log, checkpoint)

    def samples_at(self, step: int, steps: int) -> bool:
        """At the first and the last step too."""
        return self.sample is not None and (step % self.sample == 0 or step in (1, steps))


@dataclass(frozen=True)
class Progress:
    """What a progress display sees after a step.

    row: the newest row, if this step has one. seconds: since this session began. findings: that begin or end with it.
    """

    step: int
    steps: int
    first: int
    seconds: float
    row: Mapping[str, float | int] | None
    findings: tuple[Finding, ...] = ()

    @property
    def speed(self) -> float:
        """Steps a second in this session."""
        return (self.step - self.first) / max(self.seconds, 1e-9)


def measures(row: Mapping[str, float | int]) -> str:
    """The losses, errors and scores of a row in a few words."""
    shown = {
        name: value for name, value in row.items() if name.endswith(("/loss", "/error", "/score", "/w1", "/coverage"))
    }
    names = {name: name.removesuffix("/loss").removesuffix("/error").replace("/", " ") for name in shown}
    return "  ".join(f"{names[name]} {value:.3f}" for name, value in shown.items())


class Lines:
    """A progress display of one line now and then, for pipes and scripts.

    say: takes a line. every: seconds between two; the last step has one in any case.
    """

    def __init__(self, say: Callable[[str], None], every: float = 10.0) -> None:
        self.say, self.every = say, every
        self._next, self._measures = every, ""

    def __call__(self, progress: Progress) -> None:
        if progress.row is not None:
            self._measures = measures(progress.row)
        for finding in progress.findings:
            self.say(told(finding))
        if progress.seconds < self._next and progress.step < progress.steps:
            return
        self._next = progress.seconds + self.every
        left = (progress.steps - progress.step) / max(progress.speed, 1e-9)
        self.say(
            f"step {progress.step:,} of {progress.steps:,}  {progress.speed:,.0f} steps/s  "
            f"{left:,.0f} s left  {self._measures}"
        )


def shower(verbose: Any) -> Callable[[Progress], None] | None:
    """The display that an estimator's ``verbose`` asks for: none, lines, or the user's own."""
    shown: Any = verbose if callable(verbose) else Lines(print) if verbose else None
    return shown


class Watch(Stateful, Protocol):
    """Looks at every step, may measure something, and may end the run. Its state is in the checkpoints."""

    done: bool

    def see(self, step: Step) -> Mapping[str, float | int] | None:
        """Take in a step; what it measured, if it did, is recorded."""
        ...


class Stopping:
    """Early stopping: every ``every`` steps ``measure(step)`` is taken, and patience decides."""

    def __init__(self, patience: Patience, measure: Callable[[Step], float], every: int = 1) -> None:
        self.patience, self.measure, self.every = patience, measure, every
        self.done = False

    def see(self, step: Step) -> None:
        if step.index % self.every == 0:
            self.done = self.patience.see(step.index, self.measure(step))

    def state_dict(self) -> dict[str, Any]:
        return {"patience": self.patience.state_dict(), "done": self.done}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.patience.load_state_dict(state["patience"])
        self.done = state["done"]


@dataclass(frozen=True)
class Diagnosis:
    """What is done about failures. examiner: looks at every row. stops: whether a finding ends the run."""

    examiner: Examiner
    stops: Callable[[Finding], bool]

    def of(self, row: Mapping[str, float | int] | None, record: Record) -> tuple[Finding, ...]:
        """The findings that begin or end with a row; all are in the record then."""
        changed = () if row is None else self.examiner.take(row)
        if changed:
            self.keep(record)
        return changed

    def keep(self, record: Record) -> None:
        record.write_findings([finding.to_json() for finding in self.examiner.findings])

    def grave(self, findings: tuple[Finding, ...], place: Place) -> Finding | None:
        """The one that ends the run, if there is one. Several ranks do what rank 0 does, which has read all rows."""
        found = next((f for f in findings if f.severity == "failure" and f.until is None and self.stops(f)), None)
        if place.ranks == 1:
            return found
        plain = place.broadcast(None if found is None else found.to_json())
        return None if plain is None else Finding.from_json(plain)


@dataclass
class _Session:
    """This process's stretch of a run."""

    record: Record
    first: int
    began: float = field(default_factory=time.perf_counter)
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def end(self, step: int, status: str, failure: str | None = None) -> None:
        entry = {"from_step": self.first, "to_step": step, "seconds": round(self.seconds, 2), "started": self.started}
        sessions = [*self.record.about["sessions"], entry]
        self.record.update(status=status, failure=failure, sessions=sessions)


@contextlib.contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    """Collect Ctrl-C and SIGTERM instead of breaking off; a second Ctrl-C breaks off at once."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before: dict[int, Any] = {}

    def note(number: int, frame: object) -> None:
        asked.append(number)
        signal.signal(number, before[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, note)
    try:
        yield lambda: bool(asked)
    except RankLost:
        # the launcher is about to end the other ranks with SIGTERM; ours leaves by itself, with its last words
        before[signal.SIGTERM] = signal.SIG_IGN
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def resume_state(record: Record, parts: Mapping[str, Stateful], writes: bool = True) -> tuple[str, ...]:
    """Bring parts to a run's newest usable checkpoint, and the record to the same step.

    writes: whether this process may change the record (rank 0 may).
    Returns a line for every checkpoint that had to be passed over.
    Raises CheckpointError if none can be used.
    """
    if writes:
        record.hold()
    if record.begins_again:
        told = f"the run in {record.folder} was killed before its first checkpoint; it begins again."
        warnings.warn(told, CheckpointWarning, stacklevel=3)
        if writes:
            record.forget_after(0)
        return ()
    checkpoint = read_newest(record.checkpoint_folder)
    restore(checkpoint, parts)
    if writes:
        record.forget_after(checkpoint.step)
        forget_after(record.checkpoint_folder, checkpoint.step)  # what could not be read must not pass for saved
    return checkpoint.skipped


def run(
    game: Game,
    batches: Batched,
    steps: int,
    *,
    state: State,
    place: Place,
    record: Record,
    intervals: Intervals | None = None,
    snapshot: Callable[[int], None] | None = None,
    show: Callable[[Progress], None] | None = None,
    watches: Mapping[str, Watch] | None = None,
    diagnosis: Diagnosis | None = None,
) -> None:
    """Train from ``state`` until ``steps`` rounds are played or a watch is done.

    snapshot(step): draws samples into the record. show: told after every step. watches: by the names under which
    checkpoints hold them. With a record in memory nothing is saved. A run in a folder always has a checkpoint, from
    step 0 on.
    Raises Diverged, Trouble, RankLost, FolderError (the disk is full) or Interrupted, each after the record
    says so; after Trouble and Interrupted the last step is saved.
    """
    intervals, watches = intervals or Intervals.of(steps), watches or {}
    if place.leads:
        record.hold()
    session = _Session(record, state.step)
    saver = _Saver(game, state, place, record, watches, intervals)
    record.update(status="running", failure=None)
    try:
        with kept_memory(), _stop_requests() as asked:
            saver.save()
            for step in train(game.turns, batches, _end(steps, state, watches), state, place):
                row = _log(step, steps, intervals, place, record, snapshot, _seen(watches, step))
                findings = () if diagnosis is None else diagnosis.of(row, record)
                if show is not None:
                    show(Progress(step.index, steps, session.first, session.seconds, row, findings))
                if diagnosis is not None and row is not None and (grave := diagnosis.grave(findings, place)):
                    saver.save()
                    raise Trouble(grave.name, step.index, told(grave) + _way_on(grave, record))
                if any(watch.done for watch in watches.values()):
                    break
                agree = place.ranks == 1 or step.index % AGREE_EVERY == 0
                if agree and place.any(asked()) and step.index < steps:
                    saver.save()
                    raise Interrupted(_farewell(step.index, steps, record))
                saver.save_if_due()
        saver.save()
    except BaseException as error:
        _fail(session, saver, state, error, diagnosis)
        record.let_go()
        raise
    session.end(state.step, "finished")
    record.let_go()


def _farewell(step: int, steps: int, record: Record) -> str:
    advice = f"; all is saved. Go on with: sparring resume {shlex.quote(str(record.folder))}" if record.kept else ""
    return f"stopped at step {step:,} of {steps:,}{advice}"


def _way_on(grave: Finding, record: Record) -> str:
    """How to go on with another game, for a run that is saved."""
    remedies = remedies_for(grave.name, record.about)
    if not record.kept or not remedies:
        return ""
    return f" All is saved. Change the game: sparring resume {shlex.quote(str(record.folder))} --apply {remedies[0]}"


def _end(steps: int, state: State, watches: Mapping[str, Watch]) -> int:
    """The last step to be played; a run that had ended early stays so when it is resumed."""
    return state.step if any(watch.done for watch in watches.values()) else steps


def _seen(watches: Mapping[str, Watch], step: Step) -> dict[str, float | int] | None:
    """What the watches measured at a step, together; None if none of them did."""
    found = [seen for watch in watches.values() if (seen := watch.see(step)) is not None]
    return {name: value for seen in found for name, value in seen.items()} if found else None


def _log(
    step: Step,
    steps: int,
    intervals: Intervals,
    place: Place,
    record: Record,
    snapshot: Callable[[int], None] | None,
    seen: Mapping[str, float | int] | None,
) -> dict[str, float | int] | None:
    row = None
    if seen is not None or step.index % intervals.log == 0:
        row = {**(step.row(place) if step.index % intervals.log == 0 else {"step": step.index}), **(seen or {})}
        record.append(row)
    if snapshot is not None and intervals.samples_at(step.index, steps):
        snapshot(step.index)
    return row


def _fail(session: _Session, saver: "_Saver", state: State, error: BaseException, diagnosis: Diagnosis | None) -> None:
    """Leave a record that says what happened. A disk that is full cannot take even that."""
    status = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
    with contextlib.suppress(FolderError):
        if isinstance(error, Diverged):
            status, error.last_good = "diverged", saver.last
            if diagnosis is not None:
                diagnosis.examiner.diverged(error.step, f"{error.turn}/{error.quantity}")
                diagnosis.keep(session.record)
        session.end(state.step, status, str(error))


class _Saver:
    """Writes checkpoints when they fall due. Only rank 0 writes; all ranks hold the same state."""

    def __init__(
        self,
        game: Game,
        state: State,
        place: Place,
        record: Record,
        watches: Mapping[str, Watch],
        intervals: Intervals,
    ) -> None:
        self.parts: dict[str, Stateful] = {**game.parts, "state": state, **watches}
        self.state, self.record, self.intervals = state, record, intervals
        self.writes = record.kept and place.leads
        self.step = last_step(record.checkpoint_folder) if self.writes else None
        self.time = time.perf_counter()

    def save_if_due(self) -> None:
        if not self.writes:
            return
        if self.intervals.checkpoint is not None:
            due = self.state.step % self.intervals.checkpoint == 0
        else:
            due = time.perf_counter() - self.time > self.intervals.seconds
        if due:
            self.save()

    def save(self) -> None:
        """Save this step, unless it is saved already. Rows reach the disk first: no checkpoint is ahead of them."""
        self.state.finiteness.confirm()
        if not self.writes or self.step == self.state.step:
            return
        self.record.sync()
        write(self.record.checkpoint_folder, self.state.step, self.parts)
        self.step, self.time = self.state.step, time.perf_counter()

    @property
    def last(self) -> str | None:
        """The newest checkpoint's path."""
        return None if self.step is None else str(path_of(self.record.checkpoint_folder, self.step))
