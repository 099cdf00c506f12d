"""Generative adversarial networks with a scikit-learn face."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sparring.chance import Chance, generator
from sparring.data.batches import Batches
from sparring.data.schema import schema_from_json
from sparring.data.source import Source, read, read_like
from sparring.data.split import split_rows, taken
from sparring.data.write import write
from sparring.errors import DataError, FolderError, InputError
from sparring.estimators.design import Design, Settings, design, settle, threads_for
from sparring.estimators.provenance import command_of, data_of, machine, networks_of, now, place_of, plain, versions
from sparring.files import read_json, write_json
from sparring.judging import Verdict, judge
from sparring.networks import Average
from sparring.objectives import scores
from sparring.place import Place, threads
from sparring.record import Record
from sparring.report import write_report
from sparring.run import Intervals, Progress, resume_state, run, shower
from sparring.seeds import derive, seed_from
from sparring.training import Game, Recipe, State, adversarial_game
from sparring.training.checkpoint import read_newest, restore
from sparring.training.checkpoint import write as write_checkpoint

__all__ = ["GAN"]

SHOWN = {"image": 64, "table": 1000}  # samples in a picture, rows in a table of samples
AT_ONCE = 1024  # samples made in one pass
WIDE = 32  # pixels of an image's longer side from which bfloat16 pays


@dataclass(frozen=True)
class _Job:
    """A run about to be played."""

    source: Source
    settings: Settings
    place: Place
    threads: int | None
    networks: Design
    game: Game
    batches: Batches
    state: State

    @property
    def average(self) -> Average:
        found = self.game.parts["average"]
        assert isinstance(found, Average)
        return found


class GAN(BaseEstimator):
    """A generative adversarial network: learns to make more data like the data it is given.

    A generator turns noise into samples, a critic scores samples, and the two learn against each
    other (Algorithm 1 of Goodfellow et al. 2014, with k = ``critic_steps``). Images of shape
    (n, h, w) or (n, h, w, c), tables and vectors of shape (n, p), folders of images, .npy, .npz and
    .csv files are taken as they are; samples come back in the data's range, shape and dtype.

    recipe: "r3gan" (the default), "nonsaturating", "wgan-gp", "gan-2014", or a ``Recipe``.
    steps: rounds of turns. batch_size: rows per turn, over all ranks together. latent_size: length of
    the noise vector. generator, critic: a module, or a factory called with latent_size= and shape=
    (generator) or shape= (critic). learning_rate: the critic's; the generator's keeps its
    proportion. critic_steps: k. None everywhere means: what the recipe says for such data.
    validation_fraction: share of the rows held out and used for a verdict at the end; None: a tenth, if
    that makes at least 20 rows.
    image_size: for folders of images: a number or (height, width).
    run: a new folder for the run (resumable, with a report); None keeps the run in memory.
    checkpoint_every: steps between two checkpoints; None: every half minute.
    device: "auto", "cpu", "cuda". precision: "auto", "float32", "bfloat16". threads: None chooses.
    verbose: 0, 1 (a line now and then), or a callable that is told a ``Progress`` after every step.

    After ``fit``: generator_ (its moving average, which samples), critic_, schema_, latent_size_,
    seed_, record_, and verdict_ if rows were held out.

    >>> gan = GAN(steps=20, random_state=0).fit(np.random.default_rng(0).normal(size=(100, 3)))
    >>> gan.sample(5, random_state=1).shape
    (5, 3)
    """

    def __init__(
        self,
        recipe: str | Recipe = "r3gan",
        *,
        steps: int | None = None,
        batch_size: int | None = None,
        latent_size: int | None = None,
        generator: nn.Module | Callable[..., nn.Module] | None = None,
        critic: nn.Module | Callable[..., nn.Module] | None = None,
        learning_rate: float | None = None,
        critic_steps: int | None = None,
        validation_fraction: float | None = 0.0,
        image_size: int | tuple[int, int] | None = None,
        run: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        random_state: Any = None,
        verbose: int | Callable[[Progress], None] = 0,
    ) -> None:
        self.recipe = recipe
        self.steps = steps
        self.batch_size = batch_size
        self.latent_size = latent_size
        self.generator = generator
        self.critic = critic
        self.learning_rate = learning_rate
        self.critic_steps = critic_steps
        self.validation_fraction = validation_fraction
        self.image_size = image_size
        self.run = run
        self.checkpoint_every = checkpoint_every
        self.device = device
        self.precision = precision
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    def __getstate__(self) -> dict[str, Any]:
        # a pickled model, like a saved one, holds no training rows
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_train", "_held_out")}

    # -- learning

    skipped_: tuple[str, ...] = ()  # newer checkpoints that resume or load had to pass over, and why

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from data; y is not used.

        X: an array, DataFrame, list of lists, or the path of a file or folder.
        Raises InputError (and its kinds) for data or settings that cannot be used, before anything
        is written; Diverged if the training blows up; Interrupted after Ctrl-C, once the run is saved.
        """
        place = Place.of(self.device)
        if self.run is not None and place.leads:
            Record.refuse_taken(self.run)
        source = read(X, self.image_size)
        self.seed_ = place.broadcast(seed_from(self.random_state))
        job = self._prepare(source)
        about = self._about(job)
        self.record_ = Record.create(self.run, about) if self.run is not None and place.leads else Record(about)
        return self._play(job)

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        X: Any = None,
        *,
        verbose: int | Callable[[Progress], None] = 0,
        **networks: Any,
    ) -> "GAN":
        """Go on with a run from its newest checkpoint, to the same bits as if it had never stopped.

        X: the data, if the run was not fitted from a file or folder that is still there.
        generator=, critic=: again, if the run had the user's own networks.
        Raises FolderError if it is no run, DataError if the data have changed.
        """
        record = Record.open(folder)
        self = cls._configured(record, verbose=verbose, **networks)
        job = self._prepare(self._source_again(record, X))
        ranks = record.about["place"]["ranks"]
        if ranks != job.place.ranks:
            raise InputError(f"{folder} was begun by {ranks} process(es) and needs as many; now {job.place.ranks} run.")
        parts = {**job.game.parts, "state": job.state}
        self.skipped_ = resume_state(record, parts, writes=job.place.leads)
        job.place.broadcast(None)  # no rank may write before all have read
        self.record_ = record if job.place.leads else Record(record.about)
        return self._play(job)

    def _prepare(self, source: Source) -> _Job:
        settings = settle(self.get_params(deep=False), source.schema)
        place = Place.of(self.device, self._precision(source))
        recipe, shown = settings.recipe, derive(self.seed_, "held out")
        rows, held_out = split_rows(len(source.values), self.validation_fraction, shown)
        self.schema_, self.latent_size_ = source.schema, settings.latent_size
        self._train, self._held_out = taken(source.values, rows), taken(source.values, held_out)
        networks = design(source.schema, settings.latent_size, self.seed_, self.generator, self.critic)
        networks = networks.to(place.device)
        game = adversarial_game(
            networks.generator, networks.critic, settings.latent_size, recipe, settings.steps, ranks=place.ranks
        )
        resident = torch.from_numpy(source.schema.encode(self._train)).to(place.device)
        order, draws = derive(self.seed_, "batches"), derive(self.seed_, "chance")
        batches = Batches(resident, size=recipe.batch_size, seed=order, rank=place.rank, ranks=place.ranks)
        state = State(Chance(draws, place.device, place.rank, place.ranks))
        count = self.threads or threads_for(networks.critic, recipe.batch_size // place.ranks)
        return _Job(source, settings, place, count, networks, game, batches, state)

    def _precision(self, source: Source) -> str:
        """bfloat16 pays for convolutions only, and costs quality in small networks."""
        if self.precision == "auto" and (source.schema.kind != "image" or max(source.schema.shape[1:]) < WIDE):
            return "float32"
        return self.precision

    def _play(self, job: _Job) -> Self:
        self.generator_, self.critic_, self._average = job.average.module, job.networks.critic, job.average
        kept = self.record_.kept
        intervals = Intervals.of(job.settings.steps, checkpoint=self.checkpoint_every)
        if kept:
            self._write_samples("real", taken(self._train, np.arange(min(len(self._train), self._shown()))))
        try:
            with threads(job.threads):
                run(
                    job.game,
                    job.batches,
                    job.settings.steps,
                    state=job.state,
                    place=job.place,
                    record=self.record_,
                    intervals=intervals,
                    snapshot=self._snapshot if kept else None,
                    show=shower(self.verbose),
                )
        except BaseException:
            with contextlib.suppress(FolderError):  # why the run ended matters more than its report
                self._end(job)
            raise
        self._end(job)
        return self

    def _end(self, job: _Job) -> None:
        """Leave networks ready for use and, in a folder, a report; also after a run that was broken off."""
        job.networks.critic.eval()
        job.networks.generator.eval()
        finished = job.state.step == job.settings.steps
        if finished and len(self._held_out) and job.place.leads:
            self.judge(self._held_out)
        if self.record_.kept:
            write_report(self.record_.folder)

    # -- using

    def sample(self, n: int = 1, *, random_state: Any = None) -> Any:
        """Make n new samples, in the data's own range, shape and dtype.

        random_state: repeats a draw; None gives a fresh one. Returns (n, ...), or a DataFrame if the
        model was fitted on one.
        """
        check_is_fitted(self, "generator_")
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise InputError(f"n must be a whole number above 0; got {n!r}")
        return self._made(self._noise(int(n), seed_from(random_state)))

    def _noise(self, n: int, seed: int) -> Tensor:
        return torch.randn(n, self.latent_size_, generator=generator(seed, "sample"))

    def _made(self, noise: Tensor) -> Any:
        device = next(self.generator_.parameters()).device
        with torch.inference_mode():
            parts = [self.generator_(part.to(device)).float().cpu() for part in noise.split(AT_ONCE)]
        return self.schema_.decode(torch.cat(parts).numpy())

    def score_samples(self, X: Any) -> np.ndarray:
        """The critic's score of every sample, (n,): higher means more like the data, to this critic.

        Scores have no unit, and mean nothing across models.
        """
        check_is_fitted(self, "critic_")
        encoded = torch.from_numpy(self.schema_.encode(read_like(X, self.schema_).values))
        device = next(self.critic_.parameters()).device
        with torch.inference_mode():
            parts = [scores(self.critic_, part.to(device)).cpu() for part in encoded.split(AT_ONCE)]
        return torch.cat(parts).double().numpy()

    def judge(
        self, X_test: Any, X_train: Any = None, *, labels: Any = None, draws: int = 10, random_state: Any = 0
    ) -> Verdict:
        """How good are the samples? Every figure stands beside its noise floor.

        X_test: held-out data, which the model has not seen. X_train: the training data, if this model
        was loaded. labels: of the training rows; then the samples are also named by a classifier.
        The verdict is kept in verdict_, and in the run folder if there is one.
        """
        check_is_fitted(self, "generator_")
        train = self._training_values(X_train)
        test = read_like(X_test, self.schema_).values
        self.verdict_ = judge(
            lambda n, seed: np.asarray(self.sample(n, random_state=seed)),
            np.asarray(train),
            np.asarray(test),
            labels=labels,
            draws=draws,
            random_state=random_state,
        )
        if self.record_.kept:
            write_json(self.record_.verdict_path, self.verdict_.to_json())
        return self.verdict_

    def _training_values(self, X: Any) -> Any:
        if X is not None:
            return read_like(X, self.schema_).values
        if hasattr(self, "_train"):
            return self._train
        source = self._source_again(self.record_, None)
        rows, _ = split_rows(len(source.values), self.validation_fraction, derive(self.seed_, "held out"))
        return taken(source.values, rows)

    # -- keeping

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save for use: networks, moving average, configuration and record; no pickles, no training rows.

        Raises FolderError if the folder exists and is not empty.
        """
        check_is_fitted(self, "generator_")
        copy = self.record_.save_to(folder)
        step = self.record_.about["sessions"][-1]["to_step"] if self.record_.about["sessions"] else 0
        write_checkpoint(copy.checkpoint_folder, step, {"average": self._average, "critic": self.critic_})
        if hasattr(self, "verdict_"):
            write_json(copy.verdict_path, self.verdict_.to_json())

    @classmethod
    def _loaded(cls, record: Record, **networks: Any) -> "GAN":
        self = cls._configured(record, **networks)
        self.record_ = record
        made = design(self.schema_, self.latent_size_, self.seed_, self.generator, self.critic)
        self._average, self.critic_ = Average(made.generator, 1.0), made.critic.eval()
        checkpoint = read_newest(record.checkpoint_folder)
        restore(checkpoint, {"average": self._average, "critic": self.critic_})
        self.generator_, self.skipped_ = self._average.module, checkpoint.skipped
        if record.verdict_path.exists():
            self.verdict_ = Verdict.from_json(read_json(record.verdict_path))
        return self

    @classmethod
    def _configured(cls, record: Record, verbose: Any = 0, **networks: Any) -> "GAN":
        """An estimator with a run's parameters, not yet trained."""
        about = record.about
        for name in about["custom"]:
            if networks.get(name) is None:
                raise InputError(f"{record.folder} was trained with its own {name}; give it again: {name}=...")
        self = cls(**{**about["parameters"], **networks}, run=str(record.folder), verbose=verbose)
        self.threads, self.precision = about["place"]["threads"], about["place"]["precision"]
        self.seed_, self.latent_size_ = about["seed"], about["latent_size"]
        self.schema_ = schema_from_json(about["schema"])
        return self

    # -- the record

    def _about(self, job: _Job) -> dict[str, Any]:
        """The content of run.json."""
        given = self.get_params(deep=False)
        custom = [name for name in ("generator", "critic", "recipe") if not isinstance(given[name], str | None)]
        dropped = {*custom, "run", "verbose", "generator", "critic"}
        parameters = {name: plain(value) for name, value in given.items() if name not in dropped}
        count = job.threads or torch.get_num_threads()
        networks = {"generator": job.networks.generator, "critic": job.networks.critic}
        about = {
            "kind": "gan",
            "title": f"GAN on {job.source.description}",
            "parameters": parameters,
            "custom": custom,
            "recipe": self.recipe if isinstance(self.recipe, str) else "custom",
            "settings": job.settings.described(),
            "seed": self.seed_,
            "latent_size": self.latent_size_,
            "schema": job.source.schema.to_json(),
            "created": now(),
            "versions": versions(),
            "machine": machine(count),
            "place": place_of(job.place, count),
            "data": data_of(job.source, len(self._train), len(self._held_out)),
            "networks": networks_of(networks),
            "steps": job.settings.steps,
        }
        return {**about, "command": command_of(about)}

    def _source_again(self, record: Record, X: Any) -> Source:
        """A run's data: as given, or from where they were; refused if they have changed."""
        about = record.about["data"]
        if X is None and about["path"] is None:
            raise DataError(f"{record.folder} was fitted on data in memory; give them again.")
        source = read(about["path"] if X is None else X, self.image_size)
        if source.fingerprint != about["fingerprint"]:
            raise DataError(
                f"the data have changed since the run began: they were {about['description']}, and now are "
                f"{source.description}{', of other content' if source.description == about['description'] else ''}."
            )
        return source

    def _snapshot(self, step: int) -> None:
        self._write_samples(step, self._made(self._noise(self._shown(), derive(self.seed_, "shown"))))

    def _write_samples(self, name: str | int, samples: Any) -> None:
        suffix = ".png" if self.schema_.kind == "image" else ".csv"
        folder = self.record_.folder / "samples"
        path = self.record_.sample_path(name, suffix) if isinstance(name, int) else folder / f"{name}{suffix}"
        # pictures span the data's range, not the samples' own: a pale generator must look pale
        low, high = self.schema_.span
        write(samples, path, low=low, high=high)

    def _shown(self) -> int:
        return SHOWN[self.schema_.kind]
