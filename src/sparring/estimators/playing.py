"""How an estimator plays a run that is made ready: its intervals, its display, its diagnosis."""

import contextlib
from typing import Any, Protocol

from sparring.data.batches import Batched
from sparring.errors import DataError, FolderError, InputError
from sparring.estimators.trouble import noticing
from sparring.place import Place, threads
from sparring.record import Record
from sparring.report import write_report
from sparring.run import Intervals, resume_state, run, shower
from sparring.training import EpochWatch, Game, State

__all__ = ["Playable", "go_on", "play", "record_of", "refuse_incomplete", "reported", "run_of"]


class Playable(Protocol):
    """A run about to be played."""

    @property
    def game(self) -> Game: ...
    @property
    def batches(self) -> Batched: ...
    @property
    def state(self) -> State: ...
    @property
    def watch(self) -> EpochWatch: ...
    @property
    def place(self) -> Place: ...
    @property
    def threads(self) -> int | None: ...
    @property
    def steps(self) -> int: ...


def play(model: Any, made: Playable) -> None:
    """Play a fit to its end; ``model._end(made)`` is called then, also if it was broken off."""
    kept = model.run is not None  # on every rank: rows are averaged over all of them
    intervals = Intervals.of(made.steps, checkpoint=model.checkpoint_every) if kept else Intervals(made.steps + 1)
    try:
        with threads(made.threads):
            run(
                made.game,
                made.batches,
                made.steps,
                state=made.state,
                place=made.place,
                record=model.record_,
                intervals=intervals,
                show=shower(model.verbose),
                watches={"watch": made.watch},
                diagnosis=noticing(model.record_) if kept else None,
            )
    except BaseException:
        with contextlib.suppress(FolderError):  # why the run ended matters more than its report
            model._end(made)
        raise
    model._end(made)


def record_of(model: Any, about: dict[str, Any], place: Place) -> Record:
    """A new run's record: in its folder, if it has one and this process writes it."""
    return Record.create(model.run, about) if model.run is not None and place.leads else Record(about)


def reported(record: Record) -> None:
    """Write the report of a run that has a folder, and the checksums of what is in it."""
    if record.kept:
        record.tell_files()
        write_report(record.folder)


def run_of(kind: str, folder: Any) -> Record:
    """The record of a run to go on with. Raises FolderError if it is none of this kind."""
    record = Record.open(folder)
    if record.about.get("kind") != kind:
        raise FolderError(f"{record.folder} holds a {record.about.get('kind')!r}, not a {kind}.")
    return record


def refuse_incomplete(record: Record, X: Any, validation_data: Any) -> None:
    """Raise DataError if a run cannot go on without data that were in memory alone, and are not given again."""
    data = record.about["data"]
    if X is None and data["path"] is None:
        raise DataError(f"{record.folder} was fitted on data in memory; give them again.")
    if data["validation_data"] and validation_data is None:
        raise DataError(f"{record.folder} was fitted with validation_data; give them again.")


def go_on(model: Any, record: Record, made: Playable, content: str) -> None:
    """Bring a fit made ready anew to a run's newest checkpoint. content: the fingerprint of the data as they are now.

    Raises DataError if the data are others, InputError if the number of processes is.
    """
    if content != record.about["data"]["fingerprint"]:
        raise DataError(f"the data or their weights have changed since the run in {record.folder} began.")
    ranks = record.about["place"]["ranks"]
    if ranks != made.place.ranks:
        raise InputError(
            f"{record.folder} was begun by {ranks} process(es) and needs as many; now {made.place.ranks} run."
        )
    parts = {**made.game.parts, "state": made.state, "watch": made.watch}
    model.skipped_ = resume_state(record, parts, writes=made.place.leads)
    made.place.broadcast(None)  # no rank may write before all have read
    model.record_ = record if made.place.leads else Record(record.about)
