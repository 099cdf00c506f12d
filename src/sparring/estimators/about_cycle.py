"""What a CycleGAN's run folder holds beside its rows: run.json, and translations as training goes on."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from sparring.data.image import as_bytes
from sparring.data.schema import Schema
from sparring.data.signals import SignalSchema, drawn
from sparring.data.write import write
from sparring.estimators.cycle_job import CycleJob, Side
from sparring.estimators.cycle_use import translated
from sparring.estimators.provenance import command_of, machine, networks_of, now, place_of, plain, versions
from sparring.record import Record
from sparring.training.cycle import CycleRecipe

__all__ = ["about_cycle", "show_both", "snapshot"]

PICTURED = 8  # rows of images and signals in a picture; of tables ROWS
ROWS = 1000
TABLES = ("table", "mixed table")  # kinds that are shown as files of rows
CUSTOM = ("generator", "critic", "changes")  # what may be the user's own objects
UNSAID = ("run", "verbose", "generator", "critic")


def about_cycle(model: Any, job: CycleJob) -> dict[str, Any]:
    """The content of run.json."""
    given = model.get_params(deep=False)
    custom = [name for name in CUSTOM if not _is_plain(given[name])]
    count = job.threads or torch.get_num_threads()
    described = f"{job.a.source.description} and {job.b.source.description}"
    sides = {"A": job.a, "B": job.b}
    networks = {
        **dict(job.networks.generators.items()),
        **{f"critic of {side}": net for side, net in job.networks.critics.items()},
    }
    about = {
        "kind": "cyclegan",
        "title": f"CycleGAN between {described}",
        "parameters": {name: plain(value) for name, value in given.items() if name not in (*UNSAID, *custom)},
        "custom": custom,
        "settings": _described_settings(job.recipe),
        "seed": model.seed_,
        "schemas": {side: found.source.schema.to_json() for side, found in sides.items()},
        "created": now(),
        "versions": versions(),
        "machine": machine(count),
        "place": place_of(job.place, count),
        "data": {
            "description": described,
            "path": None if job.a.source.path is None or job.b.source.path is None else job.a.source.path,
            "fingerprint": f"{job.a.source.fingerprint} {job.b.source.fingerprint}",
            "rows_train": len(job.a.train) + len(job.b.train),
            "rows_held_out": len(job.a.held_out) + len(job.b.held_out),
            **{side: _side(found) for side, found in sides.items()},
        },
        "starts": [{"said": start.said, "w1": start.w1, "near": start.near} for start in job.starts],
        "networks": networks_of(networks),
        "steps": job.steps,
    }
    usual = {name: plain(value) for name, value in type(model)().get_params(deep=False).items()}
    return {**about, "command": command_of(about, usual)}


def _side(side: Side) -> dict[str, Any]:
    return {
        "description": side.source.description,
        "path": side.source.path,
        "fingerprint": side.source.fingerprint,
        "rows_train": len(side.train),
        "rows_held_out": len(side.held_out),
    }


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it, so that a run can be gone on with from its folder alone."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(found) for name, found in value.items())
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bool | int | float | np.generic)


def _described_settings(recipe: CycleRecipe) -> dict[str, Any]:
    """The recipe in plain values."""
    found = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    found["objective"] = recipe.objective.name
    found["penalties"] = [penalty.name for penalty in recipe.penalties]
    found["optimizer"] = getattr(recipe.optimizer, "func", recipe.optimizer).__name__
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


# -- translations as training goes on


def show_both(record: Record, job: CycleJob) -> None:
    """Of tables, rows of both sides, for comparison. Pictures have them in them."""
    if job.b.source.schema.kind in TABLES:
        for side, name in ((job.a, "real-a.csv"), (job.b, "real.csv")):
            write(side.train.some(ROWS), record.folder / "samples" / name)


def snapshot(record: Record, job: CycleJob, step: int) -> None:
    """The same rows at every step: in a picture A, G(A), F(G(A)), B, F(B), G(F(B)) side by side; of tables in files."""
    if job.a.source.schema.kind in TABLES:
        _tables(record, job, step)
    else:
        _picture(record, job, step)


def _tables(record: Record, job: CycleJob, step: int) -> None:
    """G(A) as the step's samples, and F(G(A)), F(B) and G(F(B)) in files with these parts of a name: a-a, b-a, b-b."""
    networks: Any = job.generators
    for start, end, there, back, parts in (
        (job.a, job.b, networks["G"], networks["F"], ("", "a-a")),
        (job.b, job.a, networks["F"], networks["G"], ("b-a", "b-b")),
    ):
        made = translated(there, start.encoded(ROWS))
        returned = translated(back, made)
        for side, values, part in ((end, made, parts[0]), (start, returned, parts[1])):
            write(side.source.schema.decode(values.numpy()), record.sample_path(step, ".csv", part))


def _picture(record: Record, job: CycleJob, step: int) -> None:
    networks: Any = job.generators
    columns: list[Any] = []
    for source, target, there, back in (
        (job.a, job.b, networks["G"], networks["F"]),
        (job.b, job.a, networks["F"], networks["G"]),
    ):
        rows = source.encoded(PICTURED)
        made = translated(there, rows)
        for schema, values in (
            (source.source.schema, rows),
            (target.source.schema, made),
            (source.source.schema, translated(back, made)),
        ):
            columns.append(_pictures(schema, schema.decode(values.numpy())))
    count = min(map(len, columns))
    cells = np.stack([column[:count] for column in columns], axis=1)
    write(cells.reshape(-1, *cells.shape[2:]), record.sample_path(step, ".png"), columns=len(columns))


def _pictures(schema: Schema, values: Any) -> np.ndarray:
    """Bytes (n, h, w, 3), as far as their range goes."""
    if isinstance(schema, SignalSchema):
        low, high = min(schema.lows), max(schema.highs)
        images = np.stack([drawn(value[None], low, high, 1) for value in values])
    else:
        images = as_bytes(values, *schema.span)
    images = images[..., None] if images.ndim == 3 else images
    return images[..., :3] if images.shape[3] in (3, 4) else images[..., :1].repeat(3, axis=3)
