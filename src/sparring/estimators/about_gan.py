"""What a GAN's run folder holds beside its rows: run.json, and samples as training goes on."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sparring.data.rows import Rows
from sparring.data.schema import Schema
from sparring.data.signals import SignalSchema, drawn
from sparring.data.split import taken
from sparring.data.write import write
from sparring.estimators.design import called
from sparring.estimators.game import Job
from sparring.estimators.provenance import command_of, data_of, machine, networks_of, now, place_of, plain, versions
from sparring.estimators.sampling import Sampler
from sparring.record import Record
from sparring.seeds import derive

__all__ = ["about_gan", "about_treated", "show_real", "snapshot"]

SHOWN = {
    "image": 64,
    "signal": 32,
    "table": 1000,
    "mixed table": 1000,
}  # samples in a picture, rows in a table
COLUMNS = 16  # of a picture, at most, where each is a class
CUSTOM = ("generator", "critic", "recipe", "changes")  # what may be the user's own objects
UNSAID = ("run", "verbose", "generator", "critic")


def about_gan(model: Any, job: Job, target: str | bool | None) -> dict[str, Any]:
    """The content of run.json. target: where the classes came from, if they can be read again."""
    given = model.get_params(deep=False)
    custom = [name for name in CUSTOM if not _is_plain(given[name])]
    parameters = {name: plain(value) for name, value in given.items() if name not in (*UNSAID, *custom)}
    count = job.threads or torch.get_num_threads()
    told = "" if job.classes is None else f" in {job.classes.outputs} classes"
    targets = {} if job.classes is None else {"targets": {**job.classes.to_json(), "shares": list(job.shares)}}
    about = {
        "kind": "gan",
        "title": f"GAN on {job.source.description}{told}",
        "parameters": parameters,
        "custom": custom,
        "recipe": called(model.recipe, job.source.schema) if isinstance(model.recipe, str) else "custom",
        "settings": job.settings.described(),
        "seed": model.seed_,
        "latent_size": job.settings.latent_size,
        "schema": job.source.schema.to_json(),
        **targets,
        "created": now(),
        "versions": versions(),
        "machine": machine(count),
        "place": place_of(job.place, count),
        "data": {**data_of(job.source, len(job.train), len(job.held_out)), "target": target},
        "networks": networks_of({"generator": job.networks.generator, "critic": job.networks.critic}),
        "steps": job.settings.steps,
    }
    usual = {name: plain(value) for name, value in type(model)().get_params(deep=False).items()}
    return {**about, "command": command_of(about, usual)}


def about_treated(job: Job) -> dict[str, Any]:
    """What a remedy changes in run.json."""
    return {
        "settings": job.settings.described(),
        "networks": networks_of({"generator": job.networks.generator, "critic": job.networks.critic}),
    }


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it, so that a run can be gone on with from its folder alone."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(found) for name, found in value.items())
    return value is None or isinstance(value, str | bool | int | float | np.generic)


# -- samples


def show_real(record: Record, schema: Schema, train: Rows, labels: NDArray[Any] | None, classes: Any) -> None:
    """Some of the training rows, for comparison; with classes, in the samples' order of classes."""
    wanted = _shown_labels(schema, classes)
    if wanted is not None and labels is not None:
        rows = _in_turn(train, labels, wanted)
    else:
        rows = train.first(_shown(schema, classes))
    _write_samples(record, schema, "real", rows, classes)


def snapshot(record: Record, sampler: Sampler, seed: int, step: int) -> None:
    """Samples from the same noise at every step. seed: of the run."""
    classes = None if sampler.classes is None else sampler.classes.classes
    count, labels = _shown(sampler.schema, classes), _shown_labels(sampler.schema, classes)
    seed = derive(seed, "shown")
    labels = sampler.labels(count, None, seed) if labels is None else labels
    _write_samples(record, sampler.schema, step, sampler.made(sampler.noise(count, seed), labels), classes)


def _shown(schema: Schema, classes: NDArray[Any] | None) -> int:
    """How many samples are shown: with few classes as many of each, so that each has its column."""
    if classes is None or not _in_columns(schema, classes):
        return SHOWN[schema.kind]
    return max(SHOWN[schema.kind] // len(classes), 1) * len(classes)


def _shown_labels(schema: Schema, classes: NDArray[Any] | None) -> NDArray[Any] | None:
    """The classes of the samples shown, in turn, where each has its column; else None: drawn in their shares."""
    return np.resize(classes, _shown(schema, classes)) if classes is not None and _in_columns(schema, classes) else None


def _in_turn(rows: Rows, labels: NDArray[Any], wanted: Any) -> Any:
    """Rows of the classes wanted, in their order. labels: of all the data's rows."""
    own = labels[rows.listed]
    places = {kind: np.flatnonzero(own == kind) for kind in np.unique(own)}
    taken_so_far: Counter[Any] = Counter()
    chosen = []
    for kind in wanted:
        if len(places.get(kind, ())):  # every row of a class may be held out
            chosen.append(places[kind][taken_so_far[kind] % len(places[kind])])
            taken_so_far[kind] += 1
    return taken(rows.values, rows.listed[chosen])


def _in_columns(schema: Schema, classes: NDArray[Any] | None) -> bool:
    return schema.kind == "image" and classes is not None and len(classes) <= COLUMNS


def _write_samples(record: Record, schema: Schema, name: str | int, samples: Any, classes: NDArray[Any] | None) -> None:
    """Write samples into a run's folder, as a picture or a table. name: a step, or "real"."""
    suffix = ".csv" if schema.kind.endswith("table") else ".png"
    folder = record.folder / "samples"
    path = record.sample_path(name, suffix) if isinstance(name, int) else folder / f"{name}{suffix}"
    if isinstance(schema, SignalSchema):
        write(drawn(samples, min(schema.lows), max(schema.highs))[None], path, columns=1, padding=0)
        return
    # pictures span the data's range, not the samples' own: a pale generator must look pale
    low, high = schema.span
    columns = len(classes) if classes is not None and _in_columns(schema, classes) else None
    write(samples, path, columns=columns, low=low, high=high)
