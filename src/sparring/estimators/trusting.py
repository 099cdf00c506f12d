"""What of a run folder can be relied on: its weights first, and what run.json says as far as it fits them."""

import codecs
import contextlib
import inspect
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sparring.contents import Parameters
from sparring.documents import converted, finite
from sparring.errors import CheckpointError, CheckpointWarning, FolderError
from sparring.judging.saved import verdict_from_json, verdict_in
from sparring.record import Record
from sparring.training.checkpoint import Checkpoint, last_step, read_newest, refuse_infinite

__all__ = ["bounded", "newest", "refuse_unknown", "refuse_unlike", "take_verdict", "use_best"]

ROOM = 2**22  # numbers that may be there beside four times the weights: what start-up needs
MODULES = 50  # tensors that may be made for each one that is saved
OWN = ("network", "generator", "critic")  # parameters that no JSON can hold
DESCRIBED = ("schema", "schemas", "inputs", "targets", "coding")  # what must be finite in run.json
FAULTS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    RecursionError,
    MemoryError,
)


# -- the weights


def newest(record: Record) -> Checkpoint:
    """The newest usable checkpoint, for answers. Warns (CheckpointWarning) if it is not that of the run's end.

    Raises CheckpointError if there is none, or none but that of step 0 of a run that failed or was killed.
    """
    status, reached = record.about.get("status"), _reached(record)
    ended = {"failed": "failed", "diverged": "diverged"}.get(str(status))
    there = last_step(record.checkpoint_folder)
    if there is None and status in ("running", None):
        raise CheckpointError(f"{record.folder} has no weights: the run was killed before its first checkpoint.")
    found = read_newest(record.checkpoint_folder)
    if "state" not in found.state:  # saved for use
        if ended is not None:
            _warn(f"the run that {record.folder} was saved from {ended} at step {reached:,}.")
        return found
    if not found.step and (ended is not None or status == "running"):
        how = f"{ended} at step {reached:,}" if ended else "was killed, or has just begun,"
        raise CheckpointError(
            f"the run in {record.folder} {how} before its first good checkpoint: its weights have learned nothing."
        )
    if ended is not None:
        _warn(f"the run in {record.folder} {ended} at step {reached:,}; these are the weights of step {found.step:,}.")
    elif status == "running":
        _warn(
            f"the run in {record.folder} has not ended: it goes on, or was killed. "
            f"These are the weights of step {found.step:,}."
        )
    elif found.step != reached and not found.skipped:
        _warn(f"the run in {record.folder} came to step {reached:,}; these are the weights of step {found.step:,}.")
    return found


def _reached(record: Record) -> int:
    sessions = record.about.get("sessions")
    return sessions[-1]["to_step"] if sessions else 0


def _warn(line: str) -> None:
    warnings.warn(line, CheckpointWarning, stacklevel=4)


def use_best(checkpoint: Checkpoint, network: nn.Module) -> None:
    """Fill a network with the best weights that early stopping kept, if it kept some."""
    found: Any = checkpoint.state
    for name in ("watch", "best", "weights"):
        found = found.get(name) if isinstance(found, Mapping) else None
    if found is not None:
        refuse_infinite(checkpoint, "watch/best/weights", found)
        network.load_state_dict(found)


def take_verdict(model: Any, record: Record) -> None:
    """Let a model know the verdict that is in its folder."""
    known = verdict_in(record)
    if known is not None:
        model.verdict_ = verdict_from_json(known)


# -- what run.json says


def refuse_unknown(kind: type, record: Record) -> None:
    """Raise FolderError for parameters that a model of this kind does not have, and for sizes that cannot be."""
    about, path = record.about, record.folder / "run.json"
    missing = [name for name in ("parameters", "custom", "place", "seed", "data") if about.get(name) is None]
    if missing:
        raise FolderError(f"{path} cannot be used: it does not say {', '.join(missing)}.")
    known = {*inspect.signature(kind).parameters} - {"run", "verbose"}
    strange = sorted({*about["parameters"]} - known | {*about["parameters"]} & {*OWN} | {*about["custom"]} - known)
    if strange:
        raise FolderError(f"{path} cannot be used: {kind.__name__} has no parameter {strange[0]!r}.")
    try:
        converted(about["parameters"], Parameters)
        finite({name: about[name] for name in DESCRIBED if about.get(name) is not None})
    except ValueError as error:
        raise FolderError(f"{path} cannot be used: {error}.") from None
    encoding = about["parameters"].get("encoding", "utf-8")
    try:
        codecs.lookup(encoding)
    except (LookupError, TypeError, ValueError):
        raise FolderError(f"{path} cannot be used: there is no encoding {encoding!r}.") from None
    device = about["parameters"].get("device", "auto")
    if not isinstance(device, str) or device.partition(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise FolderError(f"{path} cannot be used: the device must be auto, cpu, cuda or mps; got {device!r}.")


def refuse_unlike(record: Record, checkpoint: Checkpoint, shape: Sequence[int]) -> None:
    """Raise FolderError if rows of a shape, which run.json names, cannot be those of a checkpoint's networks.

    As many columns as no weight has cannot be; nor so large a picture that its pixels outnumber weights by far.
    """
    shapes = [tensor.shape for tensor in _tensors(checkpoint.state)]
    largest = max((max(found, default=0) for found in shapes), default=0)
    total = sum(found.numel() for found in shapes)
    sizes = all(isinstance(size, int) and size > 0 for size in shape)
    if not sizes or (shape[0] > largest if len(shape) == 1 else math.prod(shape) > max(total, ROOM)):
        described = " × ".join(map(str, shape))
        raise FolderError(
            f"{record.folder / 'run.json'} cannot be used: its rows of {described} numbers do not fit the weights."
        )


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from _tensors(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from _tensors(value)


class _Bounded(TorchFunctionMode):
    """Refuses tensors, before they are made, that all together are far larger than those that were saved."""

    def __init__(self, most: int, count: int) -> None:
        super().__init__()
        self.left, self.count, self.broken = most, count, False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        wanted = _wanted(getattr(func, "__name__", ""), args, kwargs or {})
        if wanted is not None:
            self.left, self.count = self.left - wanted, self.count - 1
            if self.left < 0 or self.count < 0:
                self.broken = True
                raise FolderError("a network is larger than its weights")
        return func(*args, **(kwargs or {}))


MAKING = frozenset(
    ("empty", "zeros", "ones", "full", "rand", "randn", "randint", "arange", "eye", "linspace", "randperm")
)
GROWING = frozenset(("new_empty", "new_zeros", "new_ones", "new_full", "repeat"))


def _wanted(name: str, args: Any, kwargs: Mapping[str, Any]) -> int | None:
    """How many numbers a call makes room for, or more; None if it makes nothing anew."""
    if name not in MAKING and name not in GROWING:
        return None
    given = [*args[name in GROWING :], kwargs.get("size", ())]
    sizes = [side for part in given for side in (part if isinstance(part, list | tuple) else (part,))]
    return math.prod(abs(side) for side in sizes if isinstance(side, int) and not isinstance(side, bool) and side)


@contextlib.contextmanager
def bounded(record: Record, checkpoint: Checkpoint) -> Iterator[None]:
    """Let no network be made in the block that is much larger than what a checkpoint holds. Raises FolderError."""
    sizes = [tensor.numel() for tensor in _tensors(checkpoint.state)]
    mode = _Bounded(4 * sum(sizes) + ROOM, MODULES * (len(sizes) + MODULES))
    try:
        with mode:
            yield
    except FolderError:
        if not mode.broken:
            raise
        raise FolderError(
            f"{record.folder / 'run.json'} cannot be used: the networks that it describes are far larger than the "
            "weights that are there."
        ) from None
