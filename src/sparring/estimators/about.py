"""What run.json says of a fit."""

from typing import Any

import torch

from sparring.data.image import ImageSchema
from sparring.data.labelled import Labelled
from sparring.data.sequence_files import Sequences
from sparring.estimators.fitting import Fit
from sparring.estimators.provenance import command_of, machine, networks_of, now, place_of, plain, versions

__all__ = ["about_fit", "about_sequences"]


def about_fit(model: Any, made: Fit, found: Labelled, content: str, validation_data: bool) -> dict[str, Any]:
    """The content of run.json for a supervised fit. content: the fingerprint of the data."""
    given = model.get_params(deep=False)
    parameters = {name: plain(value) for name, value in given.items() if name not in ("run", "verbose", "network")}
    count = made.threads or torch.get_num_threads()
    described = _described(made)
    named = f" of {found.target}" if found.target else ""
    about = {
        "kind": model.kind,
        "title": f"{type(model).__name__}{named} on {described}",
        "parameters": parameters,
        "custom": [] if model.network is None else ["network"],
        "settings": made.settings.described(),
        "seed": model.seed_,
        "inputs": made.data.inputs.to_json(),
        "targets": made.data.targets.to_json(),
        "created": now(),
        "versions": versions(),
        "machine": machine(count),
        "place": place_of(made.place, count),
        "data": {
            "description": described,
            "path": found.path,
            "target": found.target,
            "fingerprint": content,
            "rows_train": len(made.data.train),
            "rows_held_out": len(made.data.held_out),
            "validation_data": validation_data,
            "named": hasattr(model, "feature_names_in_"),
        },
        "networks": networks_of({"network": made.network}, made.data.inputs.shape),
        "steps": made.steps,
        "steps_per_epoch": made.batches.per_epoch,
    }
    return {
        **about,
        "command": command_of(about, {name: plain(value) for name, value in type(model)().get_params().items()}),
    }


def about_sequences(model: Any, made: Any, found: Sequences, content: str, validation_data: bool) -> dict[str, Any]:
    """The content of run.json for a sequence model. content: the fingerprint of the data."""
    given = model.get_params(deep=False)
    count = made.threads or torch.get_num_threads()
    described = f"{len(found):,} sequences of {model._described(made.coding)}"
    about = {
        "kind": model.kind,
        "title": f"{type(model).__name__} on {described}",
        "parameters": {name: plain(value) for name, value in given.items() if name not in ("run", "verbose")},
        "custom": [],
        "settings": {"epochs": made.epochs, "batch_size": made.batches.size},
        "seed": model.seed_,
        "coding": model._coding_json(made.coding),
        "created": now(),
        "versions": versions(),
        "machine": machine(count),
        "place": place_of(made.place, count),
        "data": {
            "description": described,
            "path": found.path,
            "target": found.target,
            "fingerprint": content,
            "rows_train": len(made.train),
            "rows_held_out": len(made.raw[1]),
            "validation_data": validation_data,
        },
        "networks": networks_of({"network": made.network}),
        "steps": made.steps,
        "steps_per_epoch": made.batches.per_epoch,
    }
    return {
        **about,
        "command": command_of(about, {name: plain(value) for name, value in type(model)().get_params().items()}),
    }


def _described(made: Fit) -> str:
    inputs, rows = made.data.inputs, len(made.data.train) + len(made.data.held_out)
    if isinstance(inputs, ImageSchema):
        colours = {1: "grey", 3: "RGB", 4: "RGBA"}.get(inputs.channels, f"{inputs.channels} channels")
        return f"{rows:,} images of {inputs.height}×{inputs.width}, {colours}"
    return f"{rows:,} rows of {len(inputs.columns)} columns"
