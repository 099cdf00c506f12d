"""Recurrent networks with a scikit-learn face: what all kinds of sequence models share is here."""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sparring.chance import Chance, ambient_seed
from sparring.data.batches import Batched, usual_size
from sparring.data.ragged import SequenceBatches
from sparring.data.sequence_files import Sequences, content_of
from sparring.diagnose.finding import Finding
from sparring.documents import understood
from sparring.estimators.about import about_sequences
from sparring.estimators.examples import split
from sparring.estimators.lessons import Lesson
from sparring.estimators.parameters import SEQUENCE, check_parameters
from sparring.estimators.playing import go_on, play, record_of, refuse_incomplete, reported, run_of
from sparring.estimators.restoring import configured
from sparring.estimators.trouble import findings_of
from sparring.estimators.trusting import bounded, newest, use_best
from sparring.isolation import isolated
from sparring.judging.saved import answers_from_json, answers_in
from sparring.networks import Recurrent
from sparring.place import Place
from sparring.record import Record
from sparring.seeds import derive, seed_from
from sparring.training import EpochWatch, Game, State, supervised_game
from sparring.training.adam import Adam
from sparring.training.backpropagation import Error
from sparring.training.checkpoint import Checkpoint, read_newest, restore
from sparring.training.checkpoint import write as write_checkpoint
from sparring.training.reach import heard_in_time
from sparring.training.schedules import Schedule, rise_then_cosine
from sparring.training.sensitivities import input_gradient, sizes_in_time
from sparring.training.stopping import Patience

__all__ = ["SequenceFit", "SequenceModel"]

PROBED = 64  # rows whose deltas are measured
STEPS, LEAST_ROWS = 128, 4  # of an epoch, of a step, where the size of a step is not given
PROBES = 50  # how often in a run, at most
SMALL_STEP = 2**24  # multiplications of one step of a batch, below which a second thread costs more than it brings


@dataclass(frozen=True)
class SequenceFit:
    """A run about to be played. coding: what is known of the data. raw: rows trained on and held out, as found."""

    coding: Any
    raw: tuple[Sequences, Sequences]
    train: Lesson
    epochs: int
    place: Place
    threads: int | None
    network: nn.Module
    game: Game
    batches: Batched
    state: State
    watch: EpochWatch

    @property
    def steps(self) -> int:
        return self.epochs * self.batches.per_epoch


@isolated
@dataclass(kw_only=True, eq=False, repr=False)
class SequenceModel(BaseEstimator, ABC):
    """One recurrent network, one turn.

    The parameters that all kinds share:

    cell: "rnn", "lstm" or "gru" (``networks.Recurrent``), with hidden_size units in each of ``layers`` layers.
    width: numbers in a word's vector. dropout: share of a layer's inputs left out while training. weight_noise:
    deviation of the noise that is added to matrices while a gradient is taken (Graves 2011). learned_start:
    whether the states before the first step are learned; zero otherwise.
    learning_rate_init: Adam's step size. learning_rate: "constant", or "cosine" (rises for 15 % of the steps, then
    falls to zero). clip: the largest norm of a gradient that is not scaled down; None: any. batch_size: rows of a step;
    "auto": a 128th of all, but at least 4 and at most 32 (translator: 64).
    max_iter: epochs. l1, l2: weights of the penalties, as for ``Classifier``.
    early_stopping: hold out rows, stop when their error has not fallen by more than ``tol`` for n_iter_no_change
    epochs, and give back the weights of the lowest. validation_fraction: the share held out; None: a tenth with
    early_stopping, else none. If it is given without early_stopping, the validation error is recorded only.
    encoding: of text files.
    run: a new folder for the run (resumable, with a report). checkpoint_every: steps; None: half a minute.
    device, precision, threads: as for ``GAN``. random_state: repeats a fit. verbose: 0, 1, or a callable that is told a
    ``Progress`` after every step.
    """

    cell: str = "lstm"
    hidden_size: int = 128
    layers: int = 1
    width: int = 100
    dropout: float = 0.3
    weight_noise: float = 0.0
    learned_start: bool = False
    learning_rate_init: float = 2e-3
    learning_rate: str = "cosine"
    clip: float | None = 1.0
    batch_size: int | str = "auto"
    max_iter: int = 20
    tol: float = 1e-4
    l1: float = 0.0
    l2: float = 0.0
    early_stopping: bool = False
    validation_fraction: float | None = None
    n_iter_no_change: int = 10
    encoding: str = "utf-8"
    run: str | os.PathLike[str] | None = None
    checkpoint_every: int | None = None
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    random_state: Any = None
    verbose: Any = 0

    kind: ClassVar[str]
    most_rows: ClassVar[int] = 32  # of a step, unless another size is asked for
    takes: ClassVar[int] = 2  # how many tensors of a batch the network is called with
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SEQUENCE
    skipped_: ClassVar[tuple[str, ...]] = ()

    # -- what the kinds say for themselves

    @abstractmethod
    def _read(self, X: Any, y: Any) -> Sequences:
        """Find sequences and targets, and check that they fit each other."""

    @abstractmethod
    def _coding_of(self, found: Sequences, train: NDArray[np.int64]) -> Any:
        """What is to be known of the data, from the training rows; of targets, from all."""

    @abstractmethod
    def _encoded(self, coding: Any, found: Sequences) -> Lesson:
        """The rows for the network. Raises DataError for what the coding does not know."""

    @abstractmethod
    def _network_of(self, coding: Any) -> nn.Module:
        """A new network; weights are drawn from torch's global random state."""

    @abstractmethod
    def _error_of(self, coding: Any, network: nn.Module, train: Lesson) -> Error:
        """(outputs, *targets) of a batch to a scalar. train: all rows that are learned from."""

    @abstractmethod
    def _measured(self, network: nn.Module, coding: Any, lesson: Lesson, place: Place) -> dict[str, float]:
        """ "validation/error" and "validation/score" of some rows, in the mode that the network is in."""

    @abstractmethod
    def _coding_json(self, coding: Any) -> dict[str, Any]: ...

    @abstractmethod
    def _coding_from(self, content: dict[str, Any]) -> Any: ...

    def _called(self, network: nn.Module) -> Callable[..., Tensor] | None:
        """What gives the outputs while training; None: the network itself."""
        return None

    def _labels(self, found: Sequences) -> NDArray[Any] | None:
        """Classes by which the held-out rows are chosen, of each its share."""
        return None

    def _split(self, found: Sequences, fraction: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places to train on, and to hold out."""
        return split(self._labels(found), len(found), fraction, derive(self.seed_, "held out"))

    def _batches_of(self, lesson: Lesson, seed: int) -> Batched:
        return SequenceBatches(lesson.inputs, *lesson.targets, size=self._size(len(lesson)), seed=seed)

    @abstractmethod
    def _judged(self, found: Sequences, train: Sequences | None = None, seen: bool = False) -> Any:
        """How good the answers for some rows are. train: what was learned from, if it is at hand. seen: is it these?"""

    def _pictured(self, train: Sequences, held_out: Sequences) -> None:
        """Leave in the run's folder what its report shows of this kind beside numbers."""

    def _named(self) -> None:
        """Set the attributes that say what is answered (classes_)."""

    # -- learning

    def fit(self, X: Any, y: Any = None, *, validation_data: Any = None) -> Self:
        """Learn from sequences and their targets. validation_data: (X, y) to use instead of held-out rows.

        Raises InputError (and its kinds) before anything is written; Diverged if the training blows up; Interrupted
        after Ctrl-C, once the run is saved.
        """
        check_parameters(self)
        place = self._place()
        if self.run is not None and place.leads:
            Record.refuse_taken(self.run)
        found = self._read(X, y)
        self.seed_ = place.broadcast(seed_from(self.random_state))
        made = self._prepared(found, validation_data, place)
        about = about_sequences(self, made, found, content_of(found), validation_data is not None)
        self.record_ = record_of(self, about, place)
        play(self, made)
        return self

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        X: Any = None,
        y: Any = None,
        *,
        validation_data: Any = None,
        verbose: Any = 0,
    ) -> Self:
        """Go on with a run from its newest checkpoint, to the same bits as if it had never stopped.

        X, y: again, if they are not files that are still there; so is the validation_data that the run was begun with.
        Raises FolderError if it is no run of this kind, DataError if the data have changed.
        """
        record = run_of(cls.kind, folder)
        if not record.begins_again:
            cls._loaded(record, going_on=True)  # what run.json says fits the weights
        self = configured(cls, record, verbose)
        data = record.about["data"]
        refuse_incomplete(record, X, validation_data)
        with understood(record.folder):
            found = self._read(data["path"], data["target"] if y is None else y) if X is None else self._read(X, y)
            made = self._prepared(found, validation_data, self._place())
        go_on(self, record, made, content_of(found))
        play(self, made)
        return self

    def _place(self) -> Place:
        return Place.of(self.device, "float32" if self.precision == "auto" else self.precision)

    def _prepared(self, found: Sequences, validation_data: Any, place: Place) -> SequenceFit:
        fraction = self.validation_fraction
        fraction = (0.1 if self.early_stopping else 0.0) if fraction is None else fraction
        fraction = 0.0 if validation_data is not None else fraction
        train, held_out = self._split(found, fraction)
        coding = self._coding_of(found, train)
        raw = found.part(train), found.part(held_out) if validation_data is None else self._read(*validation_data)
        with ambient_seed(derive(self.seed_, "weights")):
            network = self._network_of(coding)
        return self._fit_of(coding, raw, network.to(place.device).train(), place)

    def _fit_of(self, coding: Any, raw: tuple[Sequences, Sequences], network: nn.Module, place: Place) -> SequenceFit:
        """Bring network, error, optimiser, batches and watch together."""
        train = self._encoded(coding, raw[0]).to(place.device)
        held_out = self._encoded(coding, raw[1]).to(place.device) if len(raw[1]) else None
        batches = self._batches_of(train, derive(self.seed_, "batches"))
        error = self._error_of(coding, network, train)
        optimizer = Adam([one for one in network.parameters() if one.requires_grad], lr=self.learning_rate_init)
        falls = self.learning_rate == "cosine"
        schedule: Schedule | None = None
        if falls:
            schedule = rise_then_cosine(self.learning_rate_init, self.max_iter * batches.per_epoch)
        game = supervised_game(
            network,
            error,
            optimizer,
            schedule,
            l1=self.l1,
            l2=self.l2,
            takes=self.takes,
            clip=self.clip,
            called=self._called(network),
            weight_noise=self.weight_noise,
        )
        evaluate = partial(self._measured, network, coding, held_out, place) if held_out else None
        patience = Patience(self.n_iter_no_change, self.tol) if self.early_stopping or not falls else None
        probe = self._probe(network, train, error, self._baseline(coding, train)) if self.run is not None else None
        watch = EpochWatch(network, batches, evaluate, patience, probe, math.ceil(self.max_iter / PROBES), place)
        state = State(Chance(derive(self.seed_, "chance"), place.device, place.rank, place.ranks))
        threads = self.threads or self._threads(len(train))
        return SequenceFit(coding, raw, train, self.max_iter, place, threads, network, game, batches, state, watch)

    def _size(self, rows: int) -> int:
        """Rows of a step."""
        if isinstance(self.batch_size, str):
            return usual_size(rows, LEAST_ROWS, self.most_rows, STEPS)
        return self.batch_size

    def _threads(self, rows: int) -> int | None:
        """One thread for small layers: their steps follow each other, and each is too short to be shared out."""
        return 1 if self._size(rows) * 4 * self.hidden_size**2 < SMALL_STEP else None

    def _baseline(self, coding: Any, train: Lesson) -> float | None:
        """The training error of the best answer that looks at no input; None where it is not known."""
        return None

    def _probe(
        self, network: nn.Module, train: Lesson, error: Error, baseline: float | None
    ) -> Callable[[], dict[str, float]] | None:
        """The lecture's delta, by how many steps it has come back in time, on rows that stay the same."""
        if self.takes != 2 or not any(isinstance(module, Recurrent) for module in network.modules()):
            return None
        inputs, lengths, *targets = train.part(np.arange(min(PROBED, len(train)))).whole()

        def probe() -> dict[str, float]:
            gradient = input_gradient(network, inputs, lengths, targets, lambda outputs, y: error(outputs, *y))
            found, told = sizes_in_time(gradient, lengths), heard_in_time(gradient, lengths)
            return (
                {f"back {k}/time_delta": size for k, size in found}
                | {f"back {k}/heard": share for k, share in told}
                | ({} if baseline is None else {"baseline/error": baseline})
            )

        return probe

    def _end(self, made: SequenceFit) -> None:
        """Leave a network ready for use and, in a folder, a report; also after a run that was broken off."""
        watch = made.watch
        if self.early_stopping:
            watch.best.restore()
        self.network_, self.coding_ = made.network.eval(), made.coding
        self._named()
        self.n_iter_ = max(made.state.step // made.batches.per_epoch, 1)
        rows = self.record_.rows()
        self.loss_curve_ = [row["training/error"] for row in rows if "training/error" in row]
        self.validation_curve_ = [row["validation/error"] for row in rows if "validation/error" in row]
        if watch.best.weights is not None:
            self.best_epoch_ = watch.best_epoch
        if not self.record_.kept:
            return
        best = watch.best_epoch if watch.best.weights is not None else None
        self.record_.update(best_epoch=best, epochs_played=self.n_iter_)
        train, held_out = made.raw
        if len(held_out):
            self._keep(self._judged(held_out, train))
        self._pictured(train, held_out)
        reported(self.record_)

    @property
    def findings_(self) -> tuple[Finding, ...]:
        """What was found wrong with the fit, oldest first; more can be found of a run in a folder, which is probed."""
        check_is_fitted(self, "record_")
        return findings_of(self.record_)

    # -- using

    def judge(self, X: Any, y: Any = None) -> Any:
        """How good the answers are for sequences that the model has not learned from; kept in answers_."""
        check_is_fitted(self, "network_")
        found = self._read(X, y)
        seen = content_of(found) == self.record_.about["data"]["fingerprint"]
        return self._keep(self._judged(found, seen=seen))

    def _keep(self, answers: Any) -> Any:
        self.answers_ = answers
        if self.record_.kept:
            self.record_.write_answers(answers.to_json())
        return answers

    def _answering(self) -> Place:
        check_is_fitted(self, "network_")
        return Place(next(self.network_.parameters()).device)

    # -- keeping

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save for use: network, vocabulary and record; no pickles, no training rows.

        Raises FolderError if the folder exists and is not empty.
        """
        check_is_fitted(self, "network_")
        copied = self.record_.save_to(folder)
        write_checkpoint(copied.checkpoint_folder, self.n_iter_, {"network": self.network_})
        if hasattr(self, "answers_"):
            copied.write_answers(self.answers_.to_json())

    @classmethod
    def _loaded(cls, record: Record, *, going_on: bool = False, **networks: Any) -> Self:
        """The model of a run. going_on: to look whether a run can be gone on with, not to answer."""
        with understood(record.folder):
            checkpoint = read_newest(record.checkpoint_folder) if going_on else newest(record)
            self = configured(cls, record, **networks)
            check_parameters(self)
            return self._restored(record, checkpoint)

    def _restored(self: Any, record: Record, checkpoint: Checkpoint) -> Any:
        self.record_, self.coding_ = record, self._coding_from(record.about["coding"])
        with ambient_seed(0), bounded(record, checkpoint):
            network = self._network_of(self.coding_)
        restore(checkpoint, {"network": network})
        if self.early_stopping:
            use_best(checkpoint, network)
        self.network_, self.skipped_ = network.eval(), checkpoint.skipped
        self.n_iter_ = record.about.get("epochs_played") or 1
        self._named()
        if (known := answers_in(record)) is not None:
            self.answers_ = answers_from_json(known)
        return self
