"""Supervised networks with a scikit-learn face: what is shared by Classifier and Regressor is here."""

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sparring.data.features import Features
from sparring.data.image import ImageSchema
from sparring.data.labelled import Labelled, fingerprint, read_inputs, read_labelled
from sparring.data.mixed_features import MixedFeatures
from sparring.data.targets import Targets, targets_from_json
from sparring.diagnose.finding import Finding
from sparring.documents import understood
from sparring.errors import InputError
from sparring.estimators.about import about_fit
from sparring.estimators.checking import checked, checked_rows, columns_told, named_columns, needed_columns
from sparring.estimators.design import threads_for
from sparring.estimators.examples import Examples, Prepared, inputs_from_json, prepare
from sparring.estimators.fitting import AT_ONCE, Fit, fit_of, made_network, outputs_of, place_for, settle_fit
from sparring.estimators.parameters import SUPERVISED, check_parameters
from sparring.estimators.pictures import write_filters, write_mistakes
from sparring.estimators.playing import go_on, play, record_of, refuse_incomplete, reported, run_of
from sparring.estimators.restoring import configured
from sparring.estimators.stream import Stream
from sparring.estimators.trouble import findings_of
from sparring.estimators.trusting import bounded, newest, refuse_unlike, use_best
from sparring.isolation import isolated
from sparring.judging import Answers, judge_answers
from sparring.judging.saved import answers_from_json, answers_in
from sparring.networks import MLP
from sparring.place import Place, threads
from sparring.record import Record
from sparring.seeds import derive, seed_from
from sparring.training.checkpoint import Checkpoint, read_newest, restore
from sparring.training.checkpoint import write as write_checkpoint

__all__ = ["Supervised"]


@isolated
class Supervised(BaseEstimator, ABC):
    """One network, one turn: learns to answer for rows like those it was given.

    The parameters, shared by ``Classifier`` and ``Regressor``:

    hidden_layer_sizes, activation ("relu", "tanh", "logistic", "silu", "identity"): of the MLP that learns from
    columns; images (n, h, w) or (n, h, w, c) have a ``ConvNet``. network: a module instead, or a factory called
    with shape= and outputs=.
    solver: "adam" or "sgd" with ``momentum``. learning_rate_init: None: 0.001, for images 0.003,
    for mixed tables 0.001 times the batch size over 200 where that is more.
    learning_rate: "constant", "cosine" (rises for 15 % of the steps, then falls to zero), or "auto":
    cosine for images. batch_size: rows of a step; "auto": a tenth of the rows, but at least 32 and at most 200
    (images: 128; mixed tables: 512). max_iter: epochs; None:
    200, for images 20.
    l1, l2: weight of the penalties l1 sum |w| + l2 / 2 sum w^2 (biases are not penalised; L1 gives exact
    zeros). dropout: share of the hidden units left out while training; None: 0, for images 0.3.
    early_stopping: hold out rows, stop when their error has not fallen by more than ``tol`` for
    ``n_iter_no_change`` epochs, and give back the weights of the lowest. Without it, a constant rate stops on the
    training error by the same rule. validation_fraction: the share held out; None: a tenth with
    early_stopping, else none. If it is given without early_stopping, the validation error is recorded only.
    warm_start: go on from the weights of the last fit. image_size: for folders: a side, or (height, width).
    leave_out: columns of a table to pass over, such as names and identifiers, which cannot be learned from. schema:
    what the columns are: a TOML file that ``sparring schema -o`` wrote and a person corrected, or a mapping like it.
    run: a new folder for the run (resumable, with a report). checkpoint_every: steps; None: half a minute.
    device, precision, threads: as for ``GAN``. random_state: repeats a fit. verbose: 0, 1, or a callable
    that is told a ``Progress`` after every step.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = SUPERVISED
    kind: str
    _stream: Stream | None = None  # what partial_fit remembers
    skipped_: tuple[str, ...] = ()  # newer checkpoints that resume or load had to pass over, and why

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        network: nn.Module | Callable[..., nn.Module] | None = None,
        activation: str = "relu",
        solver: str = "adam",
        learning_rate_init: float | None = None,
        learning_rate: str = "auto",
        momentum: float = 0.9,
        batch_size: int | str = "auto",
        max_iter: int | None = None,
        tol: float = 1e-4,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout: float | None = None,
        early_stopping: bool = False,
        validation_fraction: float | None = None,
        n_iter_no_change: int = 10,
        warm_start: bool = False,
        image_size: int | tuple[int, int] | None = None,
        leave_out: Sequence[str] = (),
        schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        run: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        random_state: Any = None,
        verbose: Any = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.activation = activation
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.l1 = l1
        self.l2 = l2
        self.dropout = dropout
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.image_size = image_size
        self.leave_out = leave_out
        self.schema = schema
        self.run = run
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    # -- what the two kinds say for themselves

    @abstractmethod
    def _checked_targets(self, y: Any) -> NDArray[Any]:
        """Targets (n,) or (n, k) of the right kind; raises ValueError for others."""

    @abstractmethod
    def _targets_of(self, y: NDArray[Any]) -> Targets | None:
        """The classes or labels of y; None for numbers, whose scaling follows from the training rows."""

    def _class_weight(self) -> Any:
        return None

    @abstractmethod
    def _named(self, targets: Targets) -> None:
        """Set the attributes that say what is answered (classes_)."""

    # -- learning

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Learn from rows and their targets.

        X, y: arrays (n, p) or images; a table (a DataFrame of pandas, polars or Arrow, a CSV or Parquet) and the name
        of its target column, or a target for each row; or what else ``data.labelled.read_labelled`` reads. A table's
        columns may be numbers, booleans, labels, ordered labels, dates and durations, with gaps: see ``MixedFeatures``
        (numbers without gaps alone are only scaled). Texts and identifiers are refused. sample_weight: (n,), at least
        0; a whole weight is exactly the same as repeating the row. validation_data: (X, y) or (X, y, weights) to use
        instead of held-out rows.
        Raises InputError (and its kinds) before anything is written; Diverged if the training blows
        up; Interrupted after Ctrl-C, once the run is saved.
        """
        check_parameters(self)
        place = Place.of(self.device)
        if self.run is not None and place.leads:
            Record.refuse_taken(self.run)
        found, known = read_labelled(X, y, self.image_size), self.warm_start and hasattr(self, "network_")
        rows, targets, weights = checked(self, found, sample_weight, reset=not known)
        self.seed_ = place.broadcast(seed_from(self.random_state))
        made = self._prepare(rows, targets, weights, validation_data, self._known() if known else None)
        about = about_fit(self, made, found, fingerprint(rows, targets, weights), validation_data is not None)
        self.record_ = record_of(self, about, place)
        return self._play(made)

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        X: Any = None,
        y: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        verbose: Any = 0,
        network: nn.Module | Callable[..., nn.Module] | None = None,
    ) -> Self:
        """Go on with a run from its newest checkpoint, to the same bits as if it had never stopped.

        X, y: again, if they are not files that are still there; so are the weights and validation_data that
        the run was begun with. network=: again, if it was the user's own.
        Raises FolderError if it is no run, DataError if the data have changed.
        """
        record = run_of(cls.kind, folder)
        if not record.begins_again:
            cls._loaded(record, going_on=True, network=network)  # what run.json says fits the weights
        self = configured(cls, record, verbose, network=network)
        data = record.about["data"]
        refuse_incomplete(record, X, validation_data)
        source = (data["path"], data["target"] if y is None else y) if X is None else (X, y)
        with understood(record.folder):
            found = read_labelled(*source, self.image_size)
            rows, targets, weights = checked(self, found, sample_weight, reset=True)
            made = self._prepare(rows, targets, weights, validation_data)
        go_on(self, record, made, fingerprint(rows, targets, weights))
        return self._play(made)

    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, classes: Any = None, validation_data: Any = None
    ) -> Self:
        """Learn from some rows in one pass, and go on from where the last call ended, optimiser and all.

        The first call settles the scaling of the inputs, and the classes: classes= names those that its y
        does not hold. With early_stopping, rows held out of the first call (or validation_data) are measured
        after every call: the model answers with the best weights so far, and learns on from the newest;
        ``stalled_`` says when their error has not fallen for n_iter_no_change calls. Nothing is
        written: run= is for fit.
        """
        check_parameters(self)
        first = not hasattr(self, "network_")
        found = read_labelled(X, y, self.image_size, () if first else named_columns(self))
        rows, answers, weights = checked(self, found, sample_weight, reset=first)
        self.seed_ = seed_from(self.random_state) if first else self.seed_
        before = None if first else self._known()
        if first and classes is not None:
            before = (None, self._targets_of(np.asarray(classes)), None)
        stream = self._stream or Stream(self.n_iter_no_change, self.tol)
        call = 1 if first else self.n_iter_ + 1
        seed = derive(self.seed_, "call", call) if call > 1 else self.seed_
        made = self._prepare(rows, answers, weights, validation_data, before, seed=seed, passes=1, splits=first)
        if first:
            self.record_ = Record(about_fit(self, made, Labelled(None, None), "", False))
        self._learned(made, stream.play(made, call, self.record_))
        self._stream, self.n_iter_, self.stalled_ = stream, call, stream.stalled
        return self

    def _known(self) -> tuple[Any, Targets, nn.Module]:
        """What a fit that goes on takes over: schema, targets, network."""
        return self.inputs_, self.targets_, self.network_

    def _prepare(
        self,
        rows: Any,
        y: NDArray[Any],
        weights: NDArray[np.float64] | None,
        validation_data: Any,
        before: tuple[Any, Targets | None, nn.Module | None] | None = None,
        *,
        seed: int | None = None,
        passes: int | None = None,
        splits: bool = True,
    ) -> Fit:
        """All that a run needs. before: schema, targets and network to go on with. passes: epochs, if not max_iter."""
        seed = int(self.seed_ if seed is None else seed)
        given = {**self.get_params(deep=False), **({} if passes is None else {"max_iter": passes})}
        settings = settle_fit(given, np.ndim(rows) > 2)
        schema, targets, network = before or (None, None, None)
        data = prepare(
            rows,
            y,
            weights,
            targets or self._targets_of(y if weights is None else y[weights > 0]),
            schema=schema,
            told=columns_told(self, rows) if schema is None else None,
            class_weight=self._class_weight(),
            fraction=settings.held_out if splits and validation_data is None else 0.0,
            seed=derive(seed, "held out"),
        )
        if validation_data is not None:
            data = replace(data, held_out=self._validation(validation_data, data))
        if network is None:
            network = made_network(given, settings, data.inputs, data.targets, self.seed_)
        place = place_for(given, data.inputs)
        return fit_of(given, data, settings, copy.deepcopy(network).train(), place, seed, probed=self.run is not None)

    def _validation(self, given: Any, data: Prepared) -> Examples:
        """The user's own validation rows, encoded like the training rows."""
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise InputError("validation_data must be (X, y) or (X, y, sample_weight).")
        rows, y, weights = checked(
            self, read_labelled(*given[:2]), given[2] if len(given) == 3 else None, False, data.inputs
        )
        found = prepare(rows, y, weights, data.targets, schema=data.inputs)
        return found.train

    def _play(self, made: Fit) -> Self:
        play(self, made)
        return self

    def _end(self, made: Fit) -> None:
        """Leave a network ready for use and, in a folder, a report; also after a run that was broken off."""
        watch = made.watch
        if self.early_stopping:
            watch.best.restore()
        self._learned(made, made.network)
        self._stream = None
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
        if len(made.data.held_out):
            self._judged(made.data.held_out, made.data.train)
        if isinstance(self.inputs_, ImageSchema):
            write_filters(self.record_, self.network_, made.data.train.inputs[0], self.inputs_)
        reported(self.record_)

    @property
    def findings_(self) -> tuple[Finding, ...]:
        """What was found wrong with the fit, oldest first; more can be found of a run in a folder, which is probed."""
        check_is_fitted(self, "record_")
        return findings_of(self.record_)

    def _learned(self, made: Fit, network: nn.Module) -> None:
        self.network_, self.inputs_, self.targets_ = network.eval(), made.data.inputs, made.data.targets
        self.n_outputs_ = self.targets_.outputs
        self._named(self.targets_)

    # -- using

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        """The network's outputs, (n, outputs); by our own MLPs in float64, so that they do not depend on the batch."""
        check_is_fitted(self, "network_")
        found = read_inputs(X, self._size(), named_columns(self))
        rows = torch.from_numpy(self.inputs_.encode(checked_rows(self, needed_columns(self.inputs_, found))))
        network = self.network_
        if isinstance(network, MLP):
            network = copy.deepcopy(network)
            network = network.cpu() if next(network.parameters()).device.type == "mps" else network  # has no float64
            network, rows = network.double(), rows.double()
        device = next(network.parameters()).device
        with threads(threads_for(network, AT_ONCE)), torch.inference_mode():
            parts = [network(part.to(device)).cpu() for part in rows.split(AT_ONCE)]
        return torch.cat(parts).double().numpy().reshape(len(rows), self.targets_.outputs)

    def predict(self, X: Any) -> NDArray[Any]:
        """The answer for every row: (n,), or (n, outputs) where the targets had several.

        X: an array, a DataFrame, or a path; a CSV may hold other columns too. Columns of a mixed table are found by
        name, in any order. Warns (UnseenWarning) of labels that were never learned from, which count as none of the
        known, and of gaps in columns that had none, which count as the median. Raises DataError if one is missing.
        """
        outputs = self._outputs(X)
        return self.targets_.answer(outputs)

    def judge(self, X: Any, y: Any = None) -> Answers:
        """How good the answers are for rows that the model has not learned from.

        X, y: as in ``fit``. What is found is kept in answers_, and in the run folder if there is one.
        """
        check_is_fitted(self, "network_")
        found = read_labelled(X, y, self._size(), named_columns(self))
        found = replace(found, inputs=needed_columns(self.inputs_, found))
        rows, answers, _ = checked(self, found, None, reset=False)
        seen = fingerprint(rows, answers, None) == self.record_.about["data"]["fingerprint"]
        return self._judged(prepare(rows, answers, None, self.targets_, schema=self.inputs_).train, seen=seen)

    def _judged(self, rows: Examples, train: Examples | None = None, seen: bool = False) -> Answers:
        place = Place(next(self.network_.parameters()).device)
        outputs = outputs_of(self.network_, torch.from_numpy(rows.inputs).to(place.device), place).cpu().numpy()
        self.answers_ = judge_answers(
            outputs.reshape(len(rows), -1),
            rows.targets,
            self.targets_,
            rows.rows,
            None if train is None else train.targets,
        )
        self.answers_ = replace(self.answers_, seen=seen)
        if self.record_.kept:
            self.record_.write_answers(self.answers_.to_json())
            if isinstance(self.inputs_, ImageSchema):
                where = {int(row): i for i, row in enumerate(rows.rows)}
                worst = [where[mistake.row] for mistake in self.answers_.mistakes]
                write_mistakes(self.record_, self.answers_, rows.inputs[worst], self.inputs_)
                self.record_.tell_files()
        return self.answers_

    # -- checking

    def _size(self) -> Any:
        return self.inputs_.shape[1:] if isinstance(self.inputs_, ImageSchema) else None

    # -- keeping

    def __getstate__(self) -> dict[str, Any]:
        # a pickled model, like a saved one, holds no rows: what partial_fit held out stays behind
        state: Any = super().__getstate__()
        stream = state.get("_stream")
        return state if stream is None else {**state, "_stream": replace(stream, held_out=None)}

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save for use: network, configuration and record; no pickles, no training rows.

        Raises FolderError if the folder exists and is not empty.
        """
        check_is_fitted(self, "network_")
        self.record_.update(inputs=self.inputs_.to_json(), targets=self.targets_.to_json())
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

    def _restored(self, record: Record, checkpoint: Checkpoint) -> Self:
        about = record.about
        self.record_, self.inputs_ = record, inputs_from_json(about["inputs"])
        self.targets_ = targets_from_json(about["targets"])
        for sizes in (self.inputs_.shape, (self.targets_.outputs,)):
            refuse_unlike(record, checkpoint, sizes)
        given = self.get_params(deep=False)
        settings = settle_fit(given, isinstance(self.inputs_, ImageSchema))
        with bounded(record, checkpoint):
            network = made_network(given, settings, self.inputs_, self.targets_, self.seed_)
        restore(checkpoint, {"network": network})
        if self.early_stopping:
            use_best(checkpoint, network)
        self.network_, self.skipped_ = network.eval(), checkpoint.skipped
        self.n_outputs_, self.n_iter_ = self.targets_.outputs, about.get("epochs_played") or 1
        self._named(self.targets_)
        if (known := answers_in(record)) is not None:
            self.answers_: Any = answers_from_json(known)
        if isinstance(self.inputs_, Features | MixedFeatures):
            vars(self)["n_features_in_"] = len(self.inputs_.columns)
            if about["data"]["named"]:
                vars(self)["feature_names_in_"] = np.array(self.inputs_.names, dtype=object)
        return self
