"""CycleGAN with a scikit-learn face: translates between two collections, of which no pairs are known."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sparring.data.chunks import Chunk
from sparring.data.schema import Schema, schema_from_json
from sparring.data.sides import read_sides
from sparring.data.source import Source, read_like
from sparring.diagnose.finding import Finding
from sparring.documents import understood
from sparring.errors import DataError, FolderError, InputError
from sparring.estimators.about_cycle import about_cycle, show_both, snapshot
from sparring.estimators.cycle_answers import judged_cycle
from sparring.estimators.cycle_design import blank_start, cycle_settings, design_cycle
from sparring.estimators.cycle_job import CycleJob, cycle_job
from sparring.estimators.cycle_probing import probed_cycle
from sparring.estimators.cycle_starts import Start
from sparring.estimators.cycle_use import strayed, together, translations
from sparring.estimators.playing import reported, run_of
from sparring.estimators.restoring import configured
from sparring.estimators.trouble import check_word, diagnosis_of, findings_of, warning_shower
from sparring.estimators.trusting import bounded, newest, refuse_unlike, take_verdict
from sparring.isolation import isolated
from sparring.judging import TranslationVerdict
from sparring.networks import Average
from sparring.place import Place, threads
from sparring.record import Record
from sparring.run import Intervals, Progress, resume_state, run
from sparring.seeds import seed_from
from sparring.training.checkpoint import Checkpoint, read_newest, restore
from sparring.training.checkpoint import write as write_checkpoint

__all__ = ["CycleGAN"]


@isolated
class CycleGAN(BaseEstimator):
    """Learns to translate between two collections A and B, of which no pairs are known.

    G makes B of A and F makes A of B; critics of either side judge what is made, and what was translated there and
    back must be what it was: min over G, F of max over D_A, D_B of L(G, D_B) + L(F, D_A) + L_cyc(F, G).
    Both collections are images of one size, tables, or signals: arrays, folders, .npy, .npz, .csv, .parquet files, as
    for ``GAN``. Tables may have labels, dates, booleans and gaps, and each its own columns.
    Source: Zhu et al. 2017; the lecture.

    objective: "least-squares" (the paper's), "non-saturating", "minimax", "hinge", "wasserstein" or "relativistic".
    adversarial, cycle, identity: weights of L(G, D_B) and L(F, D_A), of |F(G(a)) - a| and |G(F(b)) - b|, and of
    |F(a) - a| and |G(b) - b|; a number for both, or one each; what weighs 0 is not computed. Of tables with labels,
    dates or gaps |.| is ``objectives.cells_apart``, and an identity needs the same columns on both sides.
    buffer: past fakes that each critic is shown again. changes: a mapping of further settings (the fields of
    ``training.cycle.CycleRecipe``) to other values: {"width": 64, "blocks": 9, "halvings": 2, "norm": "instance"}.
    align: whether the generators begin with what brings the collections nearest to each other by exact Wasserstein-1:
    a linear map of vectors; a turn or mirroring of images, or none; or by second moments: a renaming of a table's
    columns and labels. restarts: so many games are begun, the best by W1(G(A), B) after ``restart_steps`` steps is gone
    on with; None: 4 for tables of numbers, else 1.
    steps: rounds of turns of the game that is kept (None: a twentieth of the usual where images begin as near to the
    other side as its own are to each other). batch_size: rows of each side. learning_rate: of the generators;
    the critics' keeps its proportion. generator: a factory called with shape= and outputs= for G and for F; critic:
    called with shape=; or modules, copied for both sides. None everywhere: what suits the data.
    leave_out: columns of either table to pass over. kind, image_size, run, checkpoint_every, device, precision,
    threads, random_state, verbose, probes, on_trouble ("warn" or "stop"), validation_fraction: as for ``GAN``.

    After ``fit``: generators_ ("G" and "F", averaged), critics_, schema_a_, schema_b_, restarts_ (what each was
    like), start_ (what G begins with), seed_, record_, findings_, and verdict_ if rows were held out.

    >>> a = np.random.default_rng(0).normal(size=(300, 2))
    >>> model = CycleGAN(steps=20, restarts=1, random_state=0).fit(a, 3 * a[::-1] + 5)
    >>> model.transform(a[:4]).shape, model.inverse_transform(model.transform(a[:4])).shape
    ((4, 2), (4, 2))
    """

    def __init__(
        self,
        *,
        objective: str | None = None,
        adversarial: float | Sequence[float] | None = None,
        cycle: float | Sequence[float] | None = None,
        identity: float | Sequence[float] | None = None,
        buffer: int | None = None,
        changes: Mapping[str, Any] | None = None,
        align: bool = True,
        restarts: int | None = None,
        restart_steps: int | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        generator: nn.Module | Callable[..., nn.Module] | None = None,
        critic: nn.Module | Callable[..., nn.Module] | None = None,
        kind: str = "auto",
        image_size: int | tuple[int, int] | None = None,
        leave_out: Sequence[str] = (),
        validation_fraction: float | None = 0.0,
        probes: bool | Sequence[str] = True,
        on_trouble: str = "warn",
        run: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        random_state: Any = None,
        verbose: int | Callable[[Progress], None] = 0,
    ) -> None:
        self.objective = objective
        self.adversarial = adversarial
        self.cycle = cycle
        self.identity = identity
        self.buffer = buffer
        self.changes = changes
        self.align = align
        self.restarts = restarts
        self.restart_steps = restart_steps
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.generator = generator
        self.critic = critic
        self.kind = kind
        self.image_size = image_size
        self.leave_out = leave_out
        self.validation_fraction = validation_fraction
        self.probes = probes
        self.on_trouble = on_trouble
        self.run = run
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    def __getstate__(self) -> dict[str, Any]:
        # a pickled model, like a saved one, holds no rows of either side
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_job"}

    # -- learning

    generators_: Any  # nn.ModuleDict of "G" and "F"
    skipped_: tuple[str, ...] = ()  # newer checkpoints that resume or load had to pass over, and why

    def fit(self, A: Any, B: Any) -> Self:
        """Learn from two collections: arrays, DataFrames, lists of lists, or paths of files or folders.

        Raises InputError (and its kinds) for data or settings that cannot be used, before anything is written;
        Diverged if the training blows up; Interrupted after Ctrl-C, once the run is saved.
        """
        check_word(self.on_trouble)
        place = Place.of(self.device)
        if self.run is not None and place.leads:
            Record.refuse_taken(self.run)
        sources = self._read(A, B)
        self.seed_ = place.broadcast(seed_from(self.random_state))
        job = self._made_ready(sources)
        about = about_cycle(self, job)
        self.record_ = Record.create(self.run, about) if self.run is not None and place.leads else Record(about)
        return self._play(job)

    def _made_ready(self, sources: tuple[Source, Source]) -> CycleJob:
        return probed_cycle(cycle_job(self.get_params(deep=False), *sources, self.seed_), self.probes, self.seed_)

    def _read(self, A: Any, B: Any) -> tuple[Source, Source]:
        return read_sides(A, B, self.image_size, self.kind, self.leave_out, self._keeps)

    @property
    def _keeps(self) -> bool:
        """Whether a generator is to leave alone what is of its own side."""
        weights = (self.changes or {}).get("identity") if self.identity is None else self.identity
        return weights is not None and bool(np.any(weights))

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        A: Any = None,
        B: Any = None,
        *,
        verbose: int | Callable[[Progress], None] = 0,
        **networks: Any,
    ) -> Self:
        """Go on with a run from its newest checkpoint, to the same bits as if it had never stopped.

        A, B: the data, if the run was not fitted from files or folders that are still there.
        generator=, critic=: again, if they were the user's own.
        Raises FolderError if it is no run, DataError if the data have changed.
        """
        record = run_of("cyclegan", folder)
        if not record.begins_again:
            cls._loaded(record, going_on=True, **networks)  # what run.json says fits the weights
        self = configured(cls, record, verbose, **networks)
        with understood(record.folder):
            sources = self._again(record, A, B)
            job = self._made_ready(sources)
        ranks = record.about["place"]["ranks"]
        if ranks != job.place.ranks:
            raise InputError(f"{folder} was begun by {ranks} process(es) and needs as many; now {job.place.ranks} run.")
        self.skipped_ = resume_state(record, job.parts, writes=job.place.leads)
        job.place.broadcast(None)  # no rank may write before all have read
        self.record_ = record if job.place.leads else Record(record.about)
        return self._play(job)

    def _again(self, record: Record, A: Any = None, B: Any = None) -> tuple[Source, Source]:
        """The data of a run: as given, or from where they were. Raises DataError if they have changed."""
        about = record.about["data"]
        given = {"A": A, "B": B}
        if any(given[side] is None and about[side]["path"] is None for side in "AB"):
            raise DataError(f"{record.folder} was fitted on data in memory; give A and B again.")
        data = [about[side]["path"] if given[side] is None else given[side] for side in "AB"]
        sources = self._read(*data)
        for side, source in zip("AB", sources, strict=True):
            known = about[side]
            if source.fingerprint != known["fingerprint"]:
                other = ", of other content" if source.description == known["description"] else ""
                raise DataError(
                    f"{side} has changed since the run began: it was {known['description']}, and now is "
                    f"{source.description}{other}."
                )
        return sources

    def _play(self, job: CycleJob) -> Self:
        self._learned(job)
        kept = self.record_.kept
        if kept:
            show_both(self.record_, job)
        try:
            with threads(job.threads):
                run(
                    job.game,
                    job.batches,
                    job.steps,
                    state=job.state,
                    place=job.place,
                    record=self.record_,
                    intervals=Intervals.of(job.steps, checkpoint=self.checkpoint_every),
                    snapshot=partial(snapshot, self.record_, job) if kept else None,
                    show=warning_shower(self.verbose, self.on_trouble),
                    watches=job.watches,
                    diagnosis=diagnosis_of(self.on_trouble, self.record_, ()),
                )
        except BaseException:
            with contextlib.suppress(FolderError):  # why the run ended matters more than its report
                self._end(job)
            raise
        self._end(job)
        return self

    def _learned(self, job: CycleJob) -> None:
        self._job = job
        self.schema_a_, self.schema_b_ = job.a.source.schema, job.b.source.schema
        self.generators_, self.critics_, self._average = job.generators, job.networks.critics, job.game.parts["average"]

    def _end(self, job: CycleJob) -> None:
        """Leave networks ready for use and, in a folder, a report; also after a run that was broken off."""
        job.networks.critics.eval()
        job.networks.generators.eval()
        chosen = 0
        self.restarts_: list[dict[str, float]] = []
        if job.restarts is not None:
            chosen, self.restarts_ = job.restarts.chosen or 0, job.restarts.tried
            self.record_.update(restarts={"tried": self.restarts_, "chosen": chosen, "steps": job.restarts.steps})
        if job.probes is not None:
            self.record_.update(probes=job.probes.looks, probing=round(job.probes.seconds, 3))
        self.start_ = job.starts[chosen % len(job.starts)]
        self.record_.update(start=self.start_.said)
        reported(self.record_)

    @property
    def findings_(self) -> tuple[Finding, ...]:
        """The failures that were found while it learned, oldest first."""
        check_is_fitted(self, "record_")
        return findings_of(self.record_)

    # -- using

    def transform(self, A: Any, *, full_size: bool = False) -> Any:
        """What G makes of rows of A: (n, ...), in B's own range and dtype; a DataFrame if B was one.

        A: an array, a DataFrame, a path, or a single image or signal, of which a single one is made.
        full_size: pictures of a folder, all of one size, keep it: they are translated in overlapping tiles.
        """
        return self._translated(A, False, full_size)

    def inverse_transform(self, B: Any, *, full_size: bool = False) -> Any:
        """What F makes of rows of B, in A's own range and dtype."""
        return self._translated(B, True, full_size)

    def stream(self, data: Any, *, reverse: bool = False, full_size: bool = False) -> Iterator[Chunk]:
        """The same part by part, in little memory however much there is: chunks of ``rows``, with ``names`` of files.

        data: as for ``transform``, or an iterator of rows, which may be endless. reverse: from B to A.
        """
        check_is_fitted(self, "generators_")
        network, source, target = self._direction(reverse)
        return translations(network, data, source, target, full_size=full_size)

    def _direction(self, reverse: bool) -> tuple[nn.Module, Schema, Schema]:
        if reverse:
            return self.generators_["F"], self.schema_b_, self.schema_a_
        return self.generators_["G"], self.schema_a_, self.schema_b_

    def _translated(self, data: Any, reverse: bool, full_size: bool) -> Any:
        check_is_fitted(self, "generators_")
        _, source, _ = self._direction(reverse)
        single = not source.kind.endswith("table") and hasattr(data, "shape") and np.shape(data) == source.row_shape
        made = together(self.stream(np.asarray(data)[None] if single else data, reverse=reverse, full_size=full_size))
        return made[0] if single else made

    def cycle_error(self, A: Any) -> np.ndarray:
        """Mean |F(G(a)) - a| of each row, (n,): of pixels in units of the data's range, of numbers in deviations.

        Of tables of any columns the mean over columns: 1 for a label that differs, for a number how far its rank among
        the training rows is off.
        """
        check_is_fitted(self, "generators_")
        return strayed(
            self.generators_["G"], self.generators_["F"], read_like(A, self.schema_a_).values, self.schema_a_
        )

    def judge(
        self, A_test: Any, B_test: Any, pairs: Any = None, *, draws: int = 10, random_state: Any = 0
    ) -> TranslationVerdict:
        """How good are the translations? Each direction's set against real rows of the other side, with noise floors.

        A_test, B_test: held-out data, which the model has not seen. pairs: (k, 2), which row of A_test is which of
        B_test; True: row i is row i; None: not known. With them, translations are held against the truth, beside
        leaving rows as they are and the best linear map of each channel. draws, random_state: as for ``sp.judge``.
        The verdict is kept in verdict_, and in the run's folder. Raises InputError (and its kinds).
        """
        check_is_fitted(self, "generators_")
        self.verdict_ = judged_cycle(self, A_test, B_test, pairs, draws, random_state)
        if self.record_.kept:
            self.record_.write_verdict(self.verdict_.to_json())
        return self.verdict_

    # -- keeping

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save for use: networks, configuration and record; no pickles, no rows of either side.

        Raises FolderError if the folder exists and is not empty.
        """
        check_is_fitted(self, "generators_")
        copied = self.record_.save_to(folder)
        step = self.record_.about["sessions"][-1]["to_step"] if self.record_.about["sessions"] else 0
        write_checkpoint(copied.checkpoint_folder, step, {"average": self._average, "critics": self.critics_})
        if hasattr(self, "verdict_"):
            copied.write_verdict(self.verdict_.to_json())

    @classmethod
    def _loaded(cls, record: Record, *, going_on: bool = False, **networks: Any) -> Self:
        """The model of a run. going_on: to look whether a run can be gone on with, not to answer."""
        with understood(record.folder):
            checkpoint = read_newest(record.checkpoint_folder) if going_on else newest(record)
            return configured(cls, record, **networks)._restored(record, checkpoint)

    def _restored(self: Any, record: Record, checkpoint: Checkpoint) -> Any:
        self.record_, about = record, record.about
        self.schema_a_, self.schema_b_ = (schema_from_json(about["schemas"][side]) for side in "AB")
        for schema in (self.schema_a_, self.schema_b_):
            refuse_unlike(record, checkpoint, schema.shape)
        recipe = cycle_settings(self.get_params(deep=False), self.schema_a_, self.schema_b_)
        with bounded(record, checkpoint):
            start = blank_start(self.schema_a_, self.schema_b_) if self.align else Start("saved")
            made = design_cycle(self.schema_a_, self.schema_b_, recipe, self.seed_, start, self.generator, self.critic)
        self._average, self.critics_ = Average(made.generators, 0.0), made.critics.eval()
        restore(checkpoint, {"average": self._average, "critics": self.critics_})
        self.generators_, self.skipped_ = self._average.module, checkpoint.skipped
        take_verdict(self, record)
        return self
