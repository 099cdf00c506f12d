"""Machines that the tests do not run on: other devices, processors with less and more, other systems. All by fakes.

What a processor or a system has is forced, so that each is tried everywhere; a fake of a system lacks what that system
lacks in the modules of this library, which is where it would be asked for.
"""

import contextlib
import json
import os
import pathlib
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from commands import run
from torch.utils._python_dispatch import TorchDispatchMode

import sparring as sp
from sparring import place
from sparring.documents import sealed, unsealed
from sparring.errors import InputError
from sparring.place import Place
from sparring.training import loop

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(48, 3)).astype(np.float32)
LABELS = np.where(ROWS[:, 0] > 0, "above", "below")
IMAGES = RNG.integers(0, 256, size=(16, 18, 18), dtype=np.uint8)
WORDS = [["a", "b", "c"], ["b", "a"], ["c", "c", "a", "b"], ["a"]] * 4
TAGS = [["X" if word == "a" else "Y" for word in words] for words in WORDS]


# -- devices


def _machine(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("asked", "cuda", "mps", "expected"),
    [
        ("auto", 0, False, "cpu"),
        ("auto", 2, False, "cuda:0"),
        ("auto", 0, True, "cpu"),  # nobody has measured it
        ("cpu", 2, True, "cpu"),
        ("cpu:0", 0, False, "cpu"),
        ("cuda", 2, False, "cuda:0"),
        ("cuda:1", 2, False, "cuda:1"),
        ("mps", 0, True, "mps"),
        ("mps:0", 0, True, "mps"),
    ],
)
def test_devices_that_are_there(
    monkeypatch: pytest.MonkeyPatch, asked: str, cuda: int, mps: bool, expected: str
) -> None:
    _machine(monkeypatch, cuda, mps)
    assert Place.of(asked).device == torch.device(expected)


def test_auto_is_float32_on_an_apple_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    _machine(monkeypatch, mps=True)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert Place.of("mps", "auto").precision == "float32"


ABSENT = [
    ("cuda", 0, "device 'cuda' was asked for, but torch sees no GPU here; use device='auto'"),
    ("cuda:7", 0, "device 'cuda:7' was asked for, but torch sees no GPU here; use device='auto'"),
    ("cuda:7", 1, "device 'cuda:7' was asked for, but torch sees one GPU here, 'cuda:0'"),
    ("cuda:7", 4, "device 'cuda:7' was asked for, but torch sees 4 GPUs here, 'cuda:0' to 'cuda:3'"),
    ("mps", 0, "device 'mps' was asked for, but torch sees no Apple GPU here; use device='auto'"),
    ("cpu:1", 0, "device 'cpu:1' was asked for, but there is 'cpu' alone; use that"),
    ("xpu", 0, "device must be auto, cpu, cuda, cuda:N or mps; got 'xpu'"),
    ("meta", 0, "device must be auto, cpu, cuda, cuda:N or mps; got 'meta'"),
    ("nonsense", 0, "device must be auto, cpu, cuda, cuda:N or mps; got 'nonsense'"),
    ("", 0, "device must be auto, cpu, cuda, cuda:N or mps; got ''"),
    ("cuda:99999999999", 1, "device must be auto, cpu, cuda, cuda:N or mps; got 'cuda:99999999999'"),
]


@pytest.mark.parametrize(("asked", "cuda", "message"), ABSENT)
def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch, asked: str, cuda: int, message: str) -> None:
    _machine(monkeypatch, cuda)
    with pytest.raises(InputError) as found:
        Place.of(asked)
    assert str(found.value) == message


@pytest.mark.parametrize("asked", ["cuda", "cuda:7", "mps", "nonsense"])
@pytest.mark.parametrize("kind", ["gan", "classifier", "cyclegan", "sequence-tagger"])
def test_an_absent_device_is_one_line_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, empty_folder: Path, capsys: pytest.CaptureFixture[str], asked: str, kind: str
) -> None:
    _machine(monkeypatch)
    np.savetxt("rows.csv", np.column_stack([ROWS, ROWS[:, 0] > 0]), delimiter=",", header="a,b,c,d", comments="")
    Path("words.conll").write_text("".join(f"{word} {'X' if word == 'a' else 'Y'}\n\n" for word in "abcabcabc"))
    given = {"gan": ["rows.csv"], "classifier": ["rows.csv", "--target", "d"], "cyclegan": ["rows.csv", "rows.csv"]}
    words = given.get(kind, ["words.conll"])
    assert run("fit", kind, *words, "--device", asked, "--run", "new") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert asked in error
    assert not Path("new").exists()


@pytest.mark.parametrize("kind", ["gan", "classifier"])
def test_a_run_goes_on_where_it_was_or_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, empty_folder: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    np.savetxt("rows.csv", np.column_stack([ROWS, ROWS[:, 0] > 0]), delimiter=",", header="a,b,c,d", comments="")
    length = ["--steps", "4"] if kind == "gan" else ["--target", "d", "--max-iter", "2"]
    assert run("fit", kind, "rows.csv", *length, "--run", "new", "--seed", "0") == 0
    _machine(monkeypatch, cuda=1)  # a GPU that was put in since: a run that began without goes on without
    assert run("resume", "new") == 0
    _machine(monkeypatch)
    path = Path("new/run.json")
    about, _ = unsealed(json.loads(path.read_text()), path)
    about["place"]["device"] = "cuda"
    path.write_text(json.dumps(sealed(about)))
    capsys.readouterr()
    assert run("resume", "new") == 2
    assert capsys.readouterr().err == (
        "sparring: new goes on where it began, or fit anew: device 'cuda' was asked for, but torch sees no GPU here.\n"
    )
    assert json.loads(path.read_text()) == sealed(about)
    if kind == "gan":
        assert run("sample", "new", "-n", "3", "-o", "three.csv") == 0  # on a machine without


class _NoDoubles(TorchDispatchMode):
    """A device without float64, as Apple's."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        assert not isinstance(found, torch.Tensor) or found.dtype != torch.float64, f"{func} makes float64"
        return found


# -- short fits


def _weights(model: Any, name: str) -> list[Any]:
    return [weight.numpy() for weight in getattr(model, name).state_dict().values() if isinstance(weight, torch.Tensor)]


def _gan(**more: Any) -> list[Any]:
    model = sp.GAN(steps=5, batch_size=16, random_state=0, **more).fit(ROWS)
    return [*_weights(model, "generator_"), model.sample(4, random_state=0)]


def _gan_of_images(**more: Any) -> list[Any]:
    model = sp.GAN(steps=4, batch_size=8, random_state=0, **{"threads": 1, **more}).fit(IMAGES)
    return [*_weights(model, "generator_"), model.sample(4, random_state=0)]


def _cycle(**more: Any) -> list[Any]:
    model = sp.CycleGAN(steps=3, restarts=1, random_state=0, **more).fit(ROWS, ROWS[::-1] + 1)
    return [*_weights(model, "generators_"), model.transform(ROWS)]


def _classifier(**more: Any) -> list[Any]:
    model = sp.Classifier(max_iter=2, random_state=0, dropout=0.1, **more).fit(ROWS, LABELS)
    return [*_weights(model, "network_"), model.predict_proba(ROWS)]


def _classifier_of_images(**more: Any) -> list[Any]:
    model = sp.Classifier(max_iter=1, random_state=0, **{"threads": 1, **more}).fit(IMAGES, LABELS[:16])
    return _weights(model, "network_")


def _tagger(**more: Any) -> list[Any]:
    model = sp.SequenceTagger(max_iter=2, random_state=0, hidden_size=8, **more).fit(WORDS, TAGS)
    return [*_weights(model, "network_"), *model.predict_proba(WORDS)]


SHORT: dict[str, Callable[..., list[Any]]] = {
    "GAN": _gan,
    "GAN of images": _gan_of_images,
    "CycleGAN": _cycle,
    "Classifier": _classifier,
    "Classifier of images": _classifier_of_images,
    "SequenceTagger": _tagger,
}


def _same(found: list[Any], expected: list[Any]) -> bool:
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


def _finite(found: list[Any]) -> bool:
    return all(np.isfinite(one).all() for one in found)


@pytest.mark.parametrize("name", SHORT)
def test_a_training_step_needs_no_float64(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def play(*given: Any) -> Any:
        with _NoDoubles():
            return played(*given)

    played = loop.play
    monkeypatch.setattr(loop, "play", play)
    SHORT[name]()


# -- what processors have


def _processor(monkeypatch: pytest.MonkeyPatch, **has: bool) -> None:
    mkldnn: Any = torch.ops.mkldnn
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: has.get("mkldnn", True))
    monkeypatch.setattr(mkldnn, "_is_mkldnn_bf16_supported", lambda: has.get("avx512", True), raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has.get("bfloat16", True), raising=False)


def test_bfloat16_is_fast_where_the_processor_and_the_library_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _processor(monkeypatch)
    assert Place.of("cpu", "auto").precision == "bfloat16"
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", False)
    assert Place.of("cpu", "auto").precision == "float32"
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", True)
    for missing in ("mkldnn", "avx512", "bfloat16"):
        _processor(monkeypatch, **{missing: False})
        assert Place.of("cpu", "auto").precision == "float32"
    _processor(monkeypatch)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")  # another torch
    assert Place.of("cpu", "auto").precision == "float32"


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("GAN", "float32"),
        ("GAN of images", "bfloat16"),
        ("CycleGAN", "float32"),
        ("Classifier", "float32"),
        ("Classifier of images", "bfloat16"),
        ("SequenceTagger", "float32"),
    ],
)
def test_auto_takes_bfloat16_where_it_was_measured_to_pay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, precision: str
) -> None:
    _processor(monkeypatch)
    assert _finite(SHORT[name](run=tmp_path / "run"))
    assert sp.Record.open(tmp_path / "run").about["place"]["precision"] == precision


class _Unready(torch.nn.Module):
    """A user's network that autocasting breaks: it adds up what was cast in what was not."""

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.last = torch.nn.Linear(int(np.prod(shape)), outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.last(x.flatten(1))
        return x.new_zeros(made.shape).index_add(0, torch.arange(len(x)), made)


def _judging(shape: tuple[int, ...]) -> torch.nn.Module:
    return torch.nn.Sequential(_Unready(shape, 1), torch.nn.Flatten(0))


def test_a_users_networks_are_in_float32_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a processor with fast bfloat16 as on any other."""
    _processor(monkeypatch)
    fits = [
        sp.Classifier(network=_Unready, max_iter=1, random_state=0).fit(IMAGES, LABELS[:16]),
        sp.GAN(critic=_judging, steps=2, batch_size=8, random_state=0).fit(IMAGES),
        sp.CycleGAN(critic=_judging, steps=2, batch_size=8, random_state=0).fit(IMAGES, IMAGES[::-1]),
    ]
    assert [model.record_.about["place"]["precision"] for model in fits] == ["float32"] * 3


# -- what systems have


class _Without:
    """A module, but for what it lacks and what it says otherwise."""

    def __init__(self, module: Any, lacks: tuple[str, ...] = (), **says: Any) -> None:
        self.__dict__.update(says, _module=module, _lacks=lacks)

    def __getattr__(self, name: str) -> Any:
        if name in self._lacks:
            raise AttributeError(name)
        return getattr(self._module, name)


LINUX = ("sched_getaffinity",)
POSIX = (*LINUX, "sysconf", "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "getuid", "geteuid", "fork", "fchmod", "statvfs")


def _opened(path: Any, *given: Any, **more: Any) -> int:
    if Path(path).is_dir():
        raise PermissionError(13, "Permission denied", str(path))  # as Windows has it
    return os.open(path, *given, **more)


MACOS = {
    "os": _Without(os, LINUX),
    "sys": _Without(sys, platform="darwin"),
    "platform": _Without(platform, system=lambda: "Darwin", libc_ver=lambda *_: ("", "")),
}
WINDOWS = {
    "os": _Without(os, POSIX, name="nt", open=_opened),
    "sys": _Without(sys, platform="win32"),
    "platform": _Without(platform, system=lambda: "Windows", libc_ver=lambda *_: ("", "")),
    "fcntl": None,
}


def _system(monkeypatch: pytest.MonkeyPatch, modules: dict[str, Any]) -> None:
    """In this library, the system's modules are others, and Linux's own files are not there."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "sparring":
            for kind, fake in modules.items():
                if isinstance(vars(module).get(kind), type(os)):
                    monkeypatch.setattr(module, kind, fake)
    exists, read_text = Path.exists, Path.read_text

    def read(path: Path, *given: Any, **more: Any) -> str:
        if path.parts[:2] in (("/", "proc"), ("/", "sys")):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read_text(path, *given, **more)

    def there(path: Path, **more: Any) -> bool:
        return path.parts[:2] not in (("/", "proc"), ("/", "sys")) and exists(path, **more)

    monkeypatch.setattr(pathlib.Path, "read_text", read)
    monkeypatch.setattr(pathlib.Path, "exists", there)
    monkeypatch.setattr(place, "_own_thread_setters", place._own_thread_setters.__wrapped__)


@contextlib.contextmanager
def _counted(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _libc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.room.platform", SimpleNamespace(libc_ver=lambda *_: ("", "")))


FEATURES: dict[str, Callable[[pytest.MonkeyPatch], Any]] = {
    "no glibc": _libc,
    "macOS": lambda monkeypatch: _system(monkeypatch, MACOS),
    "Windows": lambda monkeypatch: _system(monkeypatch, WINDOWS),
    "no bfloat16": lambda monkeypatch: _processor(monkeypatch, bfloat16=False),
    "fast bfloat16": _processor,
    "no mkldnn": lambda monkeypatch: monkeypatch.setattr(torch.backends.mkldnn, "enabled", False),
    "one thread": lambda monkeypatch: _counted(1),
    "three threads": lambda monkeypatch: _counted(3),
}
ALIKE = tuple(name for name in FEATURES if name != "no mkldnn")  # those that change no number in float32
EXPECTED: dict[str, list[Any]] = {}


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("name", ["GAN", "Classifier of images", "SequenceTagger"])
def test_a_run_on_another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, feature: str, name: str) -> None:
    """A run that is kept, and the numbers that this machine finds."""
    if name not in EXPECTED:
        EXPECTED[name] = SHORT[name](precision="float32")
    changed = FEATURES[feature](monkeypatch)
    with changed or contextlib.nullcontext():
        found = SHORT[name](precision="float32", run=tmp_path / "run")
        assert _finite(SHORT[name](precision="auto"))
    assert (tmp_path / "run" / "report.html").exists()
    assert _same(found, EXPECTED[name]) if feature in ALIKE else _finite(found)


# -- threads


@pytest.mark.parametrize("name", SHORT)
def test_small_networks_and_a_given_number_of_threads_have_the_same_bits_on_any_number(name: str) -> None:
    """Of images, networks with convolutions are given one thread (see ``SHORT``); the others choose it."""
    found = []
    for count in (1, 2, 4):
        with _counted(count):
            found.append(SHORT[name](precision="float32"))
    assert _same(found[1], found[0])
    assert _same(found[2], found[0])
