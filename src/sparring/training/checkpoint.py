"""Checkpoints: everything a run needs to go on with the same bits, in two plain files.

    checkpoint/step-00001000/state.safetensors    every tensor, under its path
                            /state.json           all else, and a checksum of both

A checkpoint is written under a temporary name, synced and renamed, so a folder of that name is
whole; the last two are kept. Reading never unpickles and runs no code from a file.
"""

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.optim import Optimizer

from sparring.contents import State
from sparring.documents import converted, parsed, read_whole
from sparring.errors import CheckpointError, CheckpointWarning
from sparring.files import explained, replaced_folder

__all__ = [
    "Checkpoint",
    "Stateful",
    "forget_after",
    "last_step",
    "pack",
    "path_of",
    "read_newest",
    "refuse_infinite",
    "restore",
    "unpack",
    "write",
]

FORMAT = "sparring checkpoint 1"
KEPT = 2
MOST_BYTES = 2**28  # of state.json
NAME = re.compile(r"step-(\d{8,})")


class Stateful(Protocol):
    """What a checkpoint can save: modules, optimisers, averages, states, batches' positions."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Any, /) -> Any: ...


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read. skipped: a line for every newer one that could not be."""

    step: int
    path: Path
    state: Mapping[str, Any]
    skipped: tuple[str, ...] = ()


# -- nested states as one JSON text and one flat table of tensors


def pack(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """JSON for a nested state; its tensors go to ``tensors`` under their paths."""
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().contiguous().clone()  # a copy: shared memory is refused
        return {"tensor": path}
    if isinstance(value, Mapping):
        return {"map": [[key, pack(item, f"{path}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        items = [pack(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]
        return {type(value).__name__: items}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise TypeError(f"{path} is a {type(value).__name__}, which a checkpoint cannot hold")


def unpack(packed: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of ``pack``."""
    ((kind, content),) = packed.items()
    match kind:
        case "tensor":
            return tensors[content]
        case "map":
            return {key: unpack(item, tensors) for key, item in content}
        case "list":
            return [unpack(item, tensors) for item in content]
        case "tuple":
            return tuple(unpack(item, tensors) for item in content)
        case "value":
            return content
    raise ValueError(f"unknown kind {kind!r}")


# -- writing


def write(folder: Path, step: int, parts: Mapping[str, Stateful]) -> Path:
    """Save the state of every part, and keep the last two checkpoints. Returns the checkpoint's path."""
    tensors: dict[str, Tensor] = {}
    packed = {name: pack(part.state_dict(), name, tensors) for name, part in parts.items()}
    content = save(tensors)
    about = {"format": FORMAT, "step": step, "checksum": _checksum(content, packed), "parts": packed}
    path = path_of(folder, step)
    with replaced_folder(path) as partial:
        (partial / "state.safetensors").write_bytes(content)
        (partial / "state.json").write_text(json.dumps(about), encoding="utf-8")
    for old in _found(folder)[KEPT:]:
        with explained(old):
            shutil.rmtree(old)
    return path


def _checksum(content: bytes, packed: Mapping[str, Any]) -> str:
    return hashlib.blake2b(content + json.dumps(packed).encode(), digest_size=16).hexdigest()


def _found(folder: Path) -> list[Path]:
    """Checkpoints, newest first."""
    if not folder.is_dir():
        return []
    named = [(int(match[1]), path) for path in folder.iterdir() if (match := NAME.fullmatch(path.name))]
    return [path for _, path in sorted(named, reverse=True)]


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return folder / f"step-{step:08d}"


def forget_after(folder: Path, step: int) -> None:
    """Drop the checkpoints that came after a step: a resumed run makes them again, whole."""
    for path in _found(folder):
        if _step(path) > step:
            with explained(path):
                shutil.rmtree(path)


def last_step(folder: Path) -> int | None:
    """The step of the newest checkpoint, or None. Nothing is read."""
    found = _found(folder)
    return _step(found[0]) if found else None


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))


# -- reading


def read_newest(folder: Path) -> Checkpoint:
    """The newest checkpoint that is whole; what was passed over stands in ``skipped``.

    Warns (CheckpointWarning) if an older one has to be used. Raises CheckpointError if there is none.
    """
    skipped: list[str] = []
    for path in _found(folder):
        try:
            found = Checkpoint(*_read(path), tuple(skipped))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError) as error:
            skipped.append(f"{path} cannot be used: {error}")
            continue
        if skipped:
            told = f"{'; '.join(skipped)}. The older checkpoint of step {found.step:,} is used."
            warnings.warn(told, CheckpointWarning, stacklevel=3)
        return found
    reason = "; ".join(skipped) if skipped else "no checkpoint was ever finished there"
    raise CheckpointError(f"{folder} has no usable checkpoint: {reason}.")


def _read(path: Path) -> tuple[int, Path, dict[str, Any]]:
    about = converted(parsed(read_whole(path / "state.json", MOST_BYTES)), State)
    if about.format != FORMAT:
        raise ValueError(f"its format is {about.format!r}, and this version reads {FORMAT!r}")
    if about.step != _step(path):
        raise ValueError(f"it says that it is of step {about.step:,}")
    content = (path / "state.safetensors").read_bytes()
    if _checksum(content, about.parts) != about.checksum:
        raise ValueError("its content does not match its checksum (a truncated or changed file)")
    tensors = load(content)
    return about.step, path, {name: unpack(part, tensors) for name, part in about.parts.items()}


def restore(checkpoint: Checkpoint, parts: Mapping[str, Stateful]) -> None:
    """Put a checkpoint's state into the parts, which must be built alike.

    Raises CheckpointError if the checkpoint is of another network or recipe, or its weights are not finite.
    """
    missing = [name for name in parts if name not in checkpoint.state]
    if missing:
        raise CheckpointError(
            f"{checkpoint.path} holds {', '.join(checkpoint.state)}, but not {', '.join(missing)}: "
            "it was saved for use, or by another recipe, and cannot be gone on with."
        )
    for name, part in parts.items():
        if isinstance(getattr(part, "module", part), nn.Module):
            refuse_infinite(checkpoint, name, checkpoint.state[name])
        try:
            part.load_state_dict(checkpoint.state[name])
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(f"{checkpoint.path} does not fit {name}: {reason}") from error
        if isinstance(part, Optimizer):
            _restore_layout(part)


def refuse_infinite(checkpoint: Checkpoint, name: str, state: Any) -> None:
    """Raise CheckpointError if a number of a network's state is not finite. name: where in the checkpoint it lies."""
    if isinstance(state, Mapping):
        for key, value in state.items():
            refuse_infinite(checkpoint, f"{name}/{key}", value)
    elif isinstance(state, Tensor) and not bool(torch.isfinite(state).all()):
        raise CheckpointError(f"{checkpoint.path} holds weights that are not finite: {name}. They cannot be used.")


def _restore_layout(optimizer: Optimizer) -> None:
    """Lay an optimiser's tensors out like their weights: the fused updates walk through raw memory."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[name] = torch.empty_like(parameter).copy_(value)
