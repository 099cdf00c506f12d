"""Where a run came from: data, networks, versions, machine. For the record, so that it can be repeated."""

import functools
import os
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import nn

from sparring.data.source import Source
from sparring.networks import count_parameters, layers, summary
from sparring.place import Place

__all__ = ["command_of", "data_of", "machine", "networks_of", "now", "place_of", "plain", "versions"]

NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})
_version = functools.cache(version)  # it reads a file each time


def versions() -> dict[str, str]:
    """The versions that can change a number."""
    packages = ("sparring", "torch", "numpy", "scikit-learn", "POT")
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


def machine(threads: int) -> dict[str, str | int]:
    """The processor, its cores and the threads used; no name of a host or user."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"processor": _processor(), "system": platform.system(), "cores": cores, "threads": threads}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def data_of(source: Source, rows_train: int, rows_held_out: int) -> dict[str, Any]:
    """What the data were, without any of their values."""
    return {
        "description": source.description,
        "path": source.path,
        "fingerprint": source.fingerprint,
        "rows_train": rows_train,
        "rows_held_out": rows_held_out,
    }


def networks_of(networks: dict[str, nn.Module], shape: Sequence[int] | None = None) -> dict[str, Any]:
    """Layers and sizes; with the shape of an input, also every layer's output shape and parameters."""
    return {
        name: {
            "summary": summary(network),
            "parameters": count_parameters(network),
            **({} if shape is None else {"layers": [asdict(layer) for layer in layers(network, shape)]}),
        }
        for name, network in networks.items()
    }


def place_of(place: Place, threads: int) -> dict[str, Any]:
    """What must be the same for a resumed run to have the same bits."""
    return {"device": place.device.type, "precision": place.precision, "ranks": place.ranks, "threads": threads}


def plain(value: Any) -> Any:
    """A parameter as JSON, NumPy's numbers too: what is no plain value (a random state object) is left out."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else None


def command_of(about: dict[str, Any], usual: Mapping[str, Any] = NO_DEFAULTS) -> list[str]:
    """The command line that makes a run again; none for data in memory or the user's own networks.

    usual: the parameters' defaults, which need not be said.
    """
    data, given, two = about["data"], dict(about["parameters"]), about["kind"] == "cyclegan"
    paths = [data["A"]["path"], data["B"]["path"]] if two else [data["path"]]
    if about["custom"] or None in paths:
        return []
    words = ["sparring", "fit", about["kind"], *paths, "--seed", str(about["seed"])]
    target, fraction = about["data"].get("target"), given.pop("validation_fraction")
    words += ["--classes"] if target is True else [] if target is None else ["--target", target]
    words += [] if fraction is None else ["--held-out", str(fraction)]
    for name, value in given.items():
        said = value is None or name in ("random_state", "warm_start") or (name in usual and value == usual[name])
        if said and (name != "early_stopping" or about["kind"] == "gan"):  # the others' command has another default
            continue
        if name == "changes" and isinstance(value, Mapping):
            words += [word for pair in value.items() for word in ("--set", _said(*pair))]
            continue
        if isinstance(value, Mapping):  # weights of classes have no words on the command line
            return []
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
        else:
            several = [str(part) for part in value] if isinstance(value, list) else [str(value)]
            words += [option, ",".join(several)] if two else [option, *several]  # both sides' weights, with a comma
    return [shlex.join(words)]


def _said(name: str, value: Any) -> str:
    """A change to a recipe as the command line says it: penalties=r1:0.5,r2:0.5."""
    if isinstance(value, Mapping):
        value = ",".join(f"{part}:{weight}" for part, weight in value.items())
    return f"{name}={value}"
