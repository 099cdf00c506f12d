"""Generative adversarial networks with a scikit-learn face."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sparring.data.conditions import read_conditioned
from sparring.data.schema import schema_from_json
from sparring.data.source import Source
from sparring.data.spool import heard
from sparring.data.targets import Classes
from sparring.diagnose.finding import Finding
from sparring.diagnose.remedies import REMEDIES, Applied, Remedy, remedy_called, treated
from sparring.documents import understood
from sparring.errors import Diverged, FolderError, InputError, Trouble
from sparring.estimators.about_gan import about_gan, about_treated, show_real, snapshot
from sparring.estimators.completing import completed
from sparring.estimators.design import Settings, design, settle
from sparring.estimators.drawing import classes_drawn, classes_of, drawn, whole_rows, without_classes
from sparring.estimators.game import Job, job_of, take_over
from sparring.estimators.gan_answers import judge_held_out, judged, scored
from sparring.estimators.playing import reported, run_of
from sparring.estimators.probing import probed
from sparring.estimators.restoring import Treatments, configured_gan, data_again
from sparring.estimators.sampling import Sampler, counted
from sparring.estimators.trouble import check_word, diagnosis_of, findings_of, name_of, remedy_for, warning_shower
from sparring.estimators.trusting import bounded, newest, refuse_unlike, take_verdict, use_best
from sparring.isolation import isolated
from sparring.judging import Verdict
from sparring.networks import Average
from sparring.place import Place, threads
from sparring.record import Record
from sparring.run import Intervals, Progress, resume_state, run
from sparring.seeds import derive, seed_from
from sparring.training import Recipe
from sparring.training.checkpoint import Checkpoint, read_newest, restore
from sparring.training.checkpoint import write as write_checkpoint

__all__ = ["GAN"]

PART = 50_000  # samples made at once for a file


@isolated
class GAN(BaseEstimator):
    """A generative adversarial network: learns to make more data like the data it is given.

    A generator turns noise into samples, a critic scores samples, and the two learn against each
    other (Algorithm 1 of Goodfellow et al. 2014, with k = ``critic_steps``). Images of shape
    (n, h, w) or (n, h, w, c), tables and vectors of shape (n, p), folders of images, .npy, .npz and
    .csv files are taken as they are; samples come back in the data's range, shape and dtype. A DataFrame, CSV or
    Parquet file may have categories, dates, gaps and lumps, and rules that hold in every row: so will the samples.

    With ``fit(X, y)`` both networks are told the class of a sample, and ``sample(n, y=...)`` makes samples of
    the classes that are asked for. To a table of any columns the classes are one more column, which samples leave out.

    recipe: "auto" ("r3gan"; for images of more than 16 pixels "nonsaturating"), a name in ``training.RECIPES``, or a
    ``Recipe``. changes: a mapping of its settings (its fields) to other values, which may be plain: objective="hinge",
    penalties={"r1": 0.5}, noise="uniform", optimizer="rmsprop", networks="residual", pack=2, clip=0.01.
    steps: rounds of turns. batch_size: rows per turn, over all ranks together. latent_size: length of
    the noise vector. generator, critic: a module, or a factory called with latent_size= and shape=
    (generator) or shape= (critic), and classes= where there are some. learning_rate: the critic's; the
    generator's keeps its proportion. critic_steps: k. None everywhere means: what the recipe says for such data.
    kind: of the data: "auto" (two dimensions are a table, more are images), "table", "image" or "signal" (rows whose
    columns follow each other in time, (n, length) or (n, length, channels)).
    flip: whether images are also learned from left to right turned round.
    early_stopping: look 25 times at the generator by held-out rows, keep the best one, and stop after
    ``n_iter_no_change`` looks without a better one. stop_on: by what, "w1" (exact Wasserstein-1) or "coverage".
    validation_fraction: share of the rows held out and used for a verdict at the end; None: a tenth, if
    that makes at least 20 rows. With early_stopping a tenth unless it is given.
    probes: what is measured of the game as it is played: True (all), False, or some of ``diagnose.PROBES``.
    on_trouble: what a failure does that is found while it learns: "warn", "stop" (the run ends with Trouble, and
    can be gone on with), or "remedy" (the game is changed and goes on from the same step, up to three times).
    image_size: for folders of images: a number or (height, width). leave_out: columns of a table to pass over, such as
    names and identifiers, which cannot be made. schema: a TOML file that ``sparring schema -o`` wrote and a person has
    corrected, or a mapping like it.
    run: a new folder for the run (resumable, with a report); None keeps the run in memory.
    checkpoint_every: steps between two checkpoints; None: every half minute.
    device: "auto", "cpu", "cuda", "cuda:N", or "mps", which nobody has measured and "auto" never takes. precision:
    "float32", "bfloat16", or "auto": bfloat16 for convolutions over images where it is fast. threads: None chooses.
    verbose: 0, 1 (a line now and then), or a callable that is told a ``Progress`` after every step.

    After ``fit``: generator_ (its moving average, which samples), critic_, schema_, latent_size_, classes_ (or
    None), seed_, record_, findings_, applied_ (remedies), best_step_ with early_stopping, and verdict_ if rows were
    held out.

    >>> gan = GAN(steps=20, random_state=0).fit(np.random.default_rng(0).normal(size=(100, 3)))
    >>> gan.sample(5, random_state=1).shape
    (5, 3)
    """

    def __init__(
        self,
        recipe: str | Recipe = "auto",
        *,
        changes: Mapping[str, Any] | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        latent_size: int | None = None,
        generator: nn.Module | Callable[..., nn.Module] | None = None,
        critic: nn.Module | Callable[..., nn.Module] | None = None,
        learning_rate: float | None = None,
        critic_steps: int | None = None,
        kind: str = "auto",
        flip: bool = False,
        early_stopping: bool = False,
        stop_on: str = "w1",
        n_iter_no_change: int = 10,
        validation_fraction: float | None = 0.0,
        probes: bool | Sequence[str] = True,
        on_trouble: str = "warn",
        image_size: int | tuple[int, int] | None = None,
        leave_out: Sequence[str] = (),
        schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        run: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        random_state: Any = None,
        verbose: int | Callable[[Progress], None] = 0,
    ) -> None:
        self.recipe = recipe
        self.changes = changes
        self.steps = steps
        self.batch_size = batch_size
        self.latent_size = latent_size
        self.generator = generator
        self.critic = critic
        self.learning_rate = learning_rate
        self.critic_steps = critic_steps
        self.kind = kind
        self.flip = flip
        self.early_stopping = early_stopping
        self.stop_on = stop_on
        self.n_iter_no_change = n_iter_no_change
        self.validation_fraction = validation_fraction
        self.probes = probes
        self.on_trouble = on_trouble
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

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()  # a pickled model, like a saved one, holds no training rows
        return {name: value for name, value in state.items() if name not in ("_train", "_labels")}

    # -- learning

    skipped_: tuple[str, ...] = ()  # newer checkpoints that resume or load had to pass over, and why
    applied_: list[Applied]  # remedies, oldest first

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from data, and with y from the classes of their rows.

        X: an array, DataFrame, list of lists, or the path of a file or folder. y: classes (n,), the name of a CSV's
        or DataFrame's column (or of a file) that holds them, or True for those that come with the data: sub-folders of
        images, the array y of an .npz, the labels beside an IDX file. None: no classes.
        Raises InputError (and its kinds) for data or settings that cannot be used, before anything
        is written; Diverged if the training blows up; Interrupted after Ctrl-C, once the run is saved.
        """
        check_word(self.on_trouble)
        place = Place.of(self.device)
        if self.run is not None and place.leads:
            Record.refuse_taken(self.run)
        with heard(print if self.verbose == 1 else None):
            source, labels = read_conditioned(X, y, self.image_size, self.kind, self.leave_out, self.schema)
        self.seed_ = place.broadcast(seed_from(self.random_state))
        self.applied_ = []
        job = self._job(source, labels)
        about = about_gan(self, job, y if isinstance(y, str | bool) else None)
        self.record_ = Record.create(self.run, about) if self.run is not None and place.leads else Record(about)
        return self._play(job)

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        X: Any = None,
        y: Any = None,
        *,
        apply: str | None = None,
        verbose: int | Callable[[Progress], None] = 0,
        **networks: Any,
    ) -> "GAN":
        """Go on with a run from its newest checkpoint, to the same bits as if it had never stopped.

        X, y: the data, if the run was not fitted from a file or folder that is still there.
        apply: a remedy to apply first, a name in ``diagnose.remedies.REMEDIES``: it changes the game from here on.
        generator=, critic=, recipe=, changes=: again, if they were the user's own.
        Raises FolderError if it is no run, DataError if the data have changed, InputError for an unknown remedy.
        """
        remedy = None if apply is None else remedy_called(apply)
        record = run_of("gan", folder)
        if not record.begins_again:
            cls._loaded(record, going_on=True, **networks)  # what run.json says fits the weights
        with understood(record.folder):
            found = None if record.begins_again else read_newest(record.checkpoint_folder)
            self = configured_gan(cls, record, found, verbose, **networks)
            job = self._job(*data_again(self, record, X, y))
        ranks = record.about["place"]["ranks"]
        if ranks != job.place.ranks:
            raise InputError(f"{folder} was begun by {ranks} process(es) and needs as many; now {job.place.ranks} run.")
        self.skipped_ = resume_state(record, job.parts, writes=job.place.leads)
        job.place.broadcast(None)  # no rank may write before all have read
        self.record_ = record if job.place.leads else Record(record.about)
        if remedy is not None and job.state.step >= job.settings.steps:
            raise InputError(f"{folder} has played all its steps: a remedy has nothing left to change. Fit again.")
        return self._play(job if remedy is None else self._treated(job, remedy, ""))

    @property
    def _given(self) -> dict[str, Any]:
        """The parameters in force: the user's, and what remedies have changed."""
        return treated(self.get_params(deep=False), self.applied_)

    def _job(self, source: Source, labels: Any) -> Job:
        fresh = sum(REMEDIES[one.name].fresh for one in self.applied_)
        job = job_of(self._given, source, labels, self.seed_, fresh)
        game = replace(job.game, parts={**job.game.parts, "remedies": Treatments(self.applied_)})
        return probed(replace(job, game=game), self.probes, self.seed_)

    def _play(self, job: Job) -> Self:
        """Play a run to its end; where remedies are wanted, with another game after each failure."""
        while True:
            self._take(job)
            try:
                self._run(job)
                break
            except (Trouble, Diverged) as error:
                remedy = remedy_for(self.on_trouble, error, self.applied_, self._given)
                if remedy is None:
                    self._broken(job)
                    raise
                job = self._treated(job, remedy, name_of(error))
            except BaseException:
                self._broken(job)
                raise
        self._end(job)
        return self

    def _take(self, job: Job) -> None:
        """Hold a job's networks and rows as the model's own."""
        self._learned(job.settings, job.source.schema, job.classes, job.shares)
        self._train, self._labels = job.train, job.source.labels if job.classes is not None else None
        self.generator_, self.critic_, self._average = job.average.module, job.networks.critic, job.average

    def _run(self, job: Job) -> None:
        kept = self.record_.kept
        if kept:
            show_real(self.record_, self.schema_, self._train, self._labels, self.classes_)
        with threads(job.threads):
            run(
                job.game,
                job.batches,
                job.settings.steps,
                state=job.state,
                place=job.place,
                record=self.record_,
                intervals=Intervals.of(job.settings.steps, checkpoint=self.checkpoint_every),
                snapshot=partial(snapshot, self.record_, self._sampler, self.seed_) if kept else None,
                show=warning_shower(self.verbose, self.on_trouble),
                watches=job.watches,
                diagnosis=diagnosis_of(self.on_trouble, self.record_, self.applied_, self._given),
            )

    def _treated(self, job: Job, remedy: Remedy, finding: str) -> Job:
        """The run with a remedy applied, at the same step; in a folder it is saved at once."""
        changes = remedy.parameters(self._given, job.settings.described())
        self.applied_.append(Applied(remedy.name, job.state.step, finding, changes))
        made = self._job(job.source, job.source.labels if job.classes is not None else None)
        take_over(made, job, weights=not remedy.fresh)
        if self.record_.kept and job.place.leads:
            write_checkpoint(self.record_.checkpoint_folder, made.state.step, made.parts)
        self.record_.update(**about_treated(made), remedies=[entry.to_json() for entry in self.applied_])
        return made

    def _broken(self, job: Job) -> None:
        with contextlib.suppress(FolderError):  # why the run ended matters more than its report
            self._end(job)

    def _learned(self, settings: Settings, schema: Any, classes: Classes | None, shares: tuple[float, ...]) -> None:
        """What sampling needs to know."""
        self.schema_, self.latent_size_ = schema, settings.latent_size
        self.classes_ = classes_of(schema) if classes is None else classes.classes
        self._law, self._shares, self._pack = settings.recipe.noise, shares, settings.recipe.pack

    @property
    def findings_(self) -> tuple[Finding, ...]:
        """The failures that were found while it learned, oldest first."""
        check_is_fitted(self, "record_")
        return findings_of(self.record_)

    def _end(self, job: Job) -> None:
        """Leave networks ready for use and, in a folder, a report; also after a run that was broken off."""
        nn.ModuleList([job.networks.generator, job.networks.critic]).eval()
        if (watch := job.watch) is not None:
            watch.best.restore()
            self.best_step_ = watch.best.step
            self.record_.update(best_step=watch.best.step, looks=watch.looks, looking=round(watch.seconds, 2))
        if job.probes is not None:
            self.record_.update(probes=job.probes.looks, probing=round(job.probes.seconds, 2))
        finished = job.state.step == job.settings.steps or (watch is not None and watch.done)
        if finished and len(job.held_out) and job.place.leads:
            judge_held_out(self, job)
        reported(self.record_)

    # -- using

    @property
    def _sampler(self) -> Sampler:
        check_is_fitted(self, "generator_")
        known = None if self.classes_ is None or classes_of(self.schema_) is not None else Classes(self.classes_)
        return Sampler(self.generator_, self.schema_, self.latent_size_, self._law, known, self._shares)

    def sample(
        self,
        n: int | None = None,
        *,
        y: Any = None,
        where: Mapping[Any, Any] | None = None,
        latent: Any = None,
        random_state: Any = None,
    ) -> Any:
        """Make n new samples, in the data's own range, shape and dtype.

        n: one if it is left out, or as many as y or latent have. y: for a model fitted with classes: one class, (n,)
        classes, "balanced", or a mapping of classes to their shares; None: in the data's shares. latent: noise of
        one's own, (n, latent_size_). where: of a table, columns to what they must be: a value, a list of values, or of
        numbers and dates a pair (low, high); rows are drawn until n of them are so. random_state: repeats a draw; None
        gives a fresh one. Returns (n, ...), or a DataFrame if the model was fitted on one.
        """
        return drawn(self._sampler, n, y, where, latent, seed_from(random_state))

    def sample_parts(
        self,
        n: int,
        *,
        y: Any = None,
        where: Mapping[Any, Any] | None = None,
        random_state: Any = None,
        most: int = PART,
    ) -> Iterator[Any]:
        """n new samples in parts of at most ``most``, so that any number of them fits into memory.

        y: None, one class, "balanced" or shares. Rows of a mixed table keep the column of their classes. Else they are,
        up to ``most``, what ``sample`` makes of the same random_state; of more, each part is a draw of its own.
        """
        n, seed = counted(n), seed_from(random_state)
        for i, start in enumerate(range(0, n, most)):
            part = seed if n <= most else derive(seed, "part", i)
            yield whole_rows(self._sampler, min(most, n - start), y, where, None, part)

    def draw_labels(self, n: int, y: Any = None, *, random_state: Any = None) -> np.ndarray:
        """The classes (n,) that ``sample(n, y=y, random_state=...)`` makes samples of, with the same random_state."""
        return classes_drawn(self._sampler, counted(n), y, seed_from(random_state))

    def interpolate(
        self, steps: int = 8, pairs: int = 1, *, y: Any = None, latent: Any = None, random_state: Any = None
    ) -> Any:
        """Samples on the way from one latent vector to another: along an arc for normal noise, a line for uniform.

        steps: samples of a way, its ends included. pairs: how many ways. latent: (2, pairs, latent_size_), the starts
        and the ends. y: the class of each way, as for ``sample``. Returns (pairs * steps, ...), way after way.
        """
        return without_classes(self.schema_, self._sampler.ways(steps, pairs, y, latent, seed_from(random_state)))

    def complete(self, rows: Any, *, columns: Sequence[Any] | None = None, random_state: Any = None) -> Any:
        """Rows of a table with their missing values filled in, each from a made row like it in all that is known.

        rows: a DataFrame, the path of a table, or for a model of plain numbers an array. columns: to fill; None: all.
        What rules determine is computed; the rest are draws given what is known, not best guesses (``completing``).
        Raises InputError for models of other data, DataError for unknown columns.
        """
        check_is_fitted(self, "generator_")
        return completed(self._sampler.rows, self.schema_, rows, columns, seed_from(random_state))

    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """The critic's score of every sample, (n,): higher means more like the data, to this critic.

        y: their classes, (n,), for a model fitted with classes. Scores have no unit, and mean nothing across models.
        Raises InputError for a critic of packs, which has no score for a single sample.
        """
        check_is_fitted(self, "critic_")
        return scored(self, X, y)

    def judge(self, X_test: Any, X_train: Any = None, *, labels: Any = None, **more: Any) -> Verdict:
        """How good are the samples? Every figure stands beside its noise floor.

        X_test: held-out data, which the model has not seen. X_train: the training data, if this model
        was loaded. labels: of the training rows, or of all rows that were given to fit; then the samples are also
        named by a classifier. A model fitted with classes uses those. more: draws=, random_state=, features=, truth=
        test_labels= and what else ``sp.judge`` takes. The verdict is kept in verdict_, and in the run's folder.
        """
        check_is_fitted(self, "generator_")
        self.verdict_ = judged(self, X_test, X_train, labels, more)
        return self.verdict_

    # -- keeping

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save for use: networks, moving average, configuration and record; no pickles, no training rows.

        Raises FolderError if the folder exists and is not empty.
        """
        check_is_fitted(self, "generator_")
        copy = self.record_.save_to(folder)
        step = self.record_.about["sessions"][-1]["to_step"] if self.record_.about["sessions"] else 0
        parts = {"average": self._average, "critic": self.critic_, "remedies": Treatments(self.applied_)}
        write_checkpoint(copy.checkpoint_folder, step, parts)
        if hasattr(self, "verdict_"):
            copy.write_verdict(self.verdict_.to_json())

    @classmethod
    def _loaded(cls, record: Record, *, going_on: bool = False, **networks: Any) -> "GAN":
        """The model of a run. going_on: to look whether a run can be gone on with, not to answer."""
        with understood(record.folder):
            checkpoint = read_newest(record.checkpoint_folder) if going_on else newest(record)
            return configured_gan(cls, record, checkpoint, **networks)._restored(record, checkpoint)

    def _restored(self, record: Record, checkpoint: Checkpoint) -> "GAN":
        self.record_ = record
        targets = record.about.get("targets")
        classes = None if targets is None else Classes.from_json(targets)
        schema = schema_from_json(record.about["schema"])
        refuse_unlike(record, checkpoint, schema.shape)
        settings = settle(self._given, schema, 0 if classes is None else classes.outputs)
        with bounded(record, checkpoint):
            made = design(schema, settings, self.seed_, self.generator, self.critic)
        self._learned(settings, schema, classes, () if targets is None else tuple(targets["shares"]))
        self._average, self.critic_ = Average(made.generator, 1.0), made.critic.eval()
        restore(checkpoint, {"average": self._average, "critic": self.critic_})
        self.generator_, self.skipped_ = self._average.module, checkpoint.skipped
        use_best(checkpoint, self.generator_)
        take_verdict(self, record)
        return self
