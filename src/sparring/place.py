"""Where a run computes: device, precision, threads, ranks, and the averaging of gradients over ranks."""

import contextlib
import ctypes
import functools
import json
import os
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from sparring.errors import InputError, RankLost

__all__ = ["Place", "ranked", "threads"]

PRECISIONS = ("auto", "float32", "bfloat16")

# gloo's threads let go of a tensor a little after its reduction, and need the interpreter for it: if that is
# shutting down by then, the process aborts. So we look after the last ones, and leave when they are gone.
_REDUCED: deque[weakref.ref[Tensor]] = deque(maxlen=8)
LET_GO = 2.0  # seconds to wait for that at most


def _has_fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    mkldnn: Any = torch.backends.mkldnn
    if device.type != "cpu" or not mkldnn.is_available() or not mkldnn.enabled:
        return False
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported() and torch.cpu._is_avx512_bf16_supported())
    except AttributeError:  # a torch that was built without the one or the other cannot have it
        return False


def _mps_count() -> int:
    return int(torch.backends.mps.is_available())


DEVICES: Mapping[str, Callable[[], int]] = MappingProxyType(
    {"cpu": lambda: 1, "cuda": lambda: torch.cuda.device_count(), "mps": _mps_count}
)
"""Kind of device -> how many there are. "mps" is Apple's, and nobody has measured it: it is never taken by itself."""


def _there(kind: str, count: int) -> str:
    """What there is instead of the device that was asked for."""
    if not count:
        kinds = {"cuda": "GPU", "mps": "Apple GPU"}
        return f"torch sees no {kinds[kind]} here; use device='auto'"
    if count == 1:
        return f"there is {kind!r} alone; use that" if kind != "cuda" else "torch sees one GPU here, 'cuda:0'"
    return f"torch sees {count} GPUs here, 'cuda:0' to 'cuda:{count - 1}'"


@dataclass(frozen=True)
class Place:
    """A device, a precision, and this process's rank among all ranks.

    Make it with ``Place.of``. precision is "float32" or "bfloat16": the type in which
    networks run under autocast; weights, penalties and optimisers stay in float32.
    """

    device: torch.device = torch.device("cpu")
    precision: str = "float32"
    rank: int = 0
    ranks: int = 1

    @classmethod
    def of(cls, device: str = "auto", precision: str = "float32") -> "Place":
        """Choose a place. "auto" takes a GPU where there is one, and bfloat16 where it is fast.

        device: "auto", "cpu", "cuda" (with torchrun the rank's own), "cuda:N", or "mps", which "auto" never takes.
        Raises InputError for a device or precision that this machine does not have.
        """
        if precision not in PRECISIONS:
            raise InputError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}")
        rank = int(os.environ.get("RANK", 0)) if dist.is_initialized() else 0
        ranks = dist.get_world_size() if dist.is_initialized() else 1
        chosen = cls._device(device)
        if precision == "auto":
            precision = "bfloat16" if _has_fast_bfloat16(chosen) else "float32"
        return cls(chosen, precision, rank, ranks)

    @staticmethod
    def _device(name: str) -> torch.device:
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            device = torch.device(name)
        except (RuntimeError, ValueError, TypeError):
            device = None
        if device is None or device.type not in DEVICES:
            raise InputError(f"device must be auto, cpu, cuda, cuda:N or mps; got {name!r}")
        if device.type == "cuda" and device.index is None and torch.cuda.is_available():
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        there = DEVICES[device.type]()
        if (device.index or 0) >= there:
            raise InputError(f"device {str(device)!r} was asked for, but {_there(device.type, there)}")
        return device if device.type == "cuda" else torch.device(device.type)

    @property
    def leads(self) -> bool:
        """Whether this process is rank 0, the one that writes."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """Run networks in the place's precision."""
        return contextlib.nullcontext() if self.precision == "float32" else self._autocast()

    @contextlib.contextmanager
    def _autocast(self) -> Iterator[None]:
        with torch.autocast(self.device.type, torch.bfloat16):
            yield
        torch.clear_autocast_cache()  # torch keeps weights of before an update if the user autocasts around us

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their mean over all ranks, in place, as one flat buffer.

        Raises RankLost if another rank went away.
        """
        if self.ranks == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self._reduce(flat, dist.ReduceOp.SUM)
        flat /= self.ranks
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def any(self, flag: bool) -> bool:
        """Whether the flag is true on any rank: the ranks must stop at the same step."""
        if self.ranks == 1:
            return flag
        shared = torch.tensor(float(flag), device=self.device)
        self._reduce(shared, dist.ReduceOp.MAX)
        return bool(shared.item())

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value (anything JSON-like) on every rank."""
        if self.ranks == 1:
            return value
        content = json.dumps(value).encode() if self.leads else b""
        size = torch.tensor(len(content), device=self.device)
        self._tell(size)
        text = torch.zeros(int(size.item()), dtype=torch.uint8, device=self.device)
        if self.leads:
            text.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        self._tell(text)
        return json.loads(bytes(text.tolist()))

    def _tell(self, tensor: Tensor) -> None:
        """Rank 0's numbers to every rank, in place; by tensors of our own, so that we know when they are let go."""
        with self._lost_ranks():
            dist.broadcast(tensor, src=0)
        _REDUCED.append(weakref.ref(tensor))

    def _reduce(self, tensor: Tensor, operation: Any) -> None:
        with self._lost_ranks():
            dist.all_reduce(tensor, operation)
        _REDUCED.append(weakref.ref(tensor))

    @contextlib.contextmanager
    def _lost_ranks(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise RankLost(
                f"rank {self.rank} of {self.ranks} lost its connection to another rank, which has ended or hangs. "
                "The run folder holds the last checkpoint: start the same ranks again with sparring resume."
            ) from error


@contextlib.contextmanager
def ranked() -> Iterator[bool]:
    """Join the other processes when torchrun started this one. Gives whether it did.

    gloo on CPU, NCCL on GPUs. A rank that says nothing for ten minutes counts as lost.
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or dist.is_initialized():
        yield dist.is_initialized()
        return
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=timedelta(minutes=10))
    try:
        yield True
    finally:
        dist.destroy_process_group()
        deadline = time.monotonic() + LET_GO
        while any(reference() is not None for reference in _REDUCED) and time.monotonic() < deadline:
            time.sleep(0.005)


@contextlib.contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Compute with so many threads inside the block (None: leave it), and put the user's number back.

    On Linux only what the calling thread computes is changed, whatever others do meanwhile. Elsewhere torch has one
    number for all of the process.
    """
    before = torch.get_num_threads()
    if count is None or count == before:
        yield before
        return
    _set_threads(count)
    try:
        yield count
    finally:
        _set_threads(before)


def _set_threads(count: int) -> None:
    setters = _own_thread_setters()
    if not setters:
        torch.set_num_threads(count)
    for setter in setters:
        setter(count)


@functools.cache
def _own_thread_setters() -> tuple[Callable[[int], Any], ...]:
    """OpenMP's and MKL's functions that set the calling thread's number of threads; none where torch hides them.

    torch.set_num_threads calls these two, and sets the number for threads that have not computed yet as well.
    """
    if not sys.platform.startswith("linux"):
        return ()
    folder = Path(torch.__file__).parent / "lib"
    try:
        library = ctypes.CDLL(str(folder / "libtorch_cpu.so"))
        openmp = library.omp_set_num_threads
    except (OSError, AttributeError):
        return ()
    if not torch.backends.mkl.is_available():
        return (openmp,)
    mkl = getattr(library, "MKL_Set_Num_Threads_Local", None)
    return () if mkl is None else (openmp, mkl)
