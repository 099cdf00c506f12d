"""Run folders that anyone may have written: damaged, edited, crafted, and of runs that failed or were killed."""

import copy
import json
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from commands import run as command

import sparring as sp
from sparring.documents import checksum_of, parsed, read_whole, sealed
from sparring.errors import CheckpointError, CheckpointWarning, FolderError, FolderWarning, InputError
from sparring.record import Record
from sparring.report import write_report
from sparring.training.checkpoint import pack, path_of, read_newest, unpack
from sparring.training.checkpoint import write as write_checkpoint

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import fuzz_folders

DEEP = "[" * 100_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with finished runs: "gan" of points, judged, and "mlp", a classifier of a table."""
    place = tmp_path_factory.mktemp("made")
    chance = np.random.default_rng(0)
    np.save(place / "x.npy", chance.normal(size=(80, 2)).astype("float32"))
    gan = sp.GAN(steps=12, random_state=0, threads=1, checkpoint_every=5, validation_fraction=0.2, run=place / "gan")
    gan.fit(str(place / "x.npy"))
    rows = [f"{size:.3f},{'rgb'[i % 3]},{'yes' if size > 0 else 'no'}" for i, size in enumerate(chance.normal(size=80))]
    (place / "t.csv").write_text("\n".join(["size,colour,kind", *rows]) + "\n")
    mlp = sp.Classifier((8,), max_iter=2, random_state=0, threads=1, run=place / "mlp", validation_fraction=0.1)
    mlp.fit(str(place / "t.csv"), "kind")
    return place


@pytest.fixture
def gan(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "gan", tmp_path / "gan"))


@pytest.fixture
def mlp(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "mlp", tmp_path / "mlp"))


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change run.json as a stranger would who knows its checksum."""
    about = json.loads((folder / "run.json").read_text())
    change(about)
    (folder / "run.json").write_text(json.dumps(sealed(about)))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


# -- JSON


@pytest.mark.parametrize("text", [DEEP, '{"a": ' * 100 + "1" + "}" * 100, "1" * 41, "[1,", "", "nul"])
def test_json_is_bounded(text: str) -> None:
    with pytest.raises(ValueError):
        parsed(text)


def test_numbers_that_are_not_finite_are_read_only_where_they_may_be() -> None:
    assert parsed('{"x": [NaN, Infinity, 1e999]}')["x"][1] == float("inf")
    for text in ("NaN", "-Infinity", "1e999"):
        with pytest.raises(ValueError, match="not finite"):
            parsed(text, infinite=False)


def test_only_plain_files_of_bounded_size_are_read(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 11)
    with pytest.raises(ValueError, match="more than 10 bytes"):
        read_whole(tmp_path / "large", 10)
    with pytest.raises(OSError):
        read_whole(tmp_path)


def test_a_checksum_depends_on_what_is_said_alone() -> None:
    assert checksum_of({"a": (1, 2.5), "b": None}) == checksum_of({"b": None, "a": [1, 2.5], "checksum": "x"})
    assert checksum_of({"a": 1}) != checksum_of({"a": 2})


# -- damaged


@pytest.mark.parametrize("name", ["run.json", "verdict.json", "metrics.jsonl", "findings.jsonl", "checksums.json"])
@pytest.mark.parametrize("how", ["cut", "deep", "not utf-8", "a list", "text", "huge", "a folder"])
def test_damaged_json_is_one_line(gan: Path, capsys: pytest.CaptureFixture[str], name: str, how: str) -> None:
    path = gan / name
    content = path.read_bytes()
    damaged = {
        "cut": content[: len(content) // 2],
        "deep": DEEP.encode(),
        "not utf-8": b"\x80\xff",
        "a list": b"[1, 2]",
    }
    damaged |= {"text": b'{"step": "x"}\n', "huge": b'{"step": 1, "a": 1' + b"0" * 400 + b"}\n", "a folder": b""}
    path.unlink()
    path.mkdir() if how == "a folder" else path.write_bytes(damaged[how])
    if name == "findings.jsonl" and how == "cut":  # there were none
        path.write_bytes(b'{"name": "mode')
    code = command("report", gan)
    assert code == 2
    error = said(capsys)
    assert name in error
    assert error.count("\n") == 1


def test_edited_rows_and_verdicts_are_noticed(gan: Path) -> None:
    verdict = json.loads((gan / "verdict.json").read_text())
    (gan / "verdict.json").write_text(json.dumps({**verdict, "summary": "All is well."}))
    for use in (write_report, sp.load):
        with pytest.raises(FolderError, match=r"verdict\.json has been changed or damaged"):
            use(gan)
    (gan / "verdict.json").unlink()
    lines = (gan / "metrics.jsonl").read_text().splitlines()
    row = json.loads(lines[1])
    lines[1] = json.dumps({**row, "critic/loss": 0.25})
    (gan / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(FolderError, match=r"metrics\.jsonl has been changed or damaged"):
        Record.open(gan).rows()


def test_what_is_missing_is_said(gan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (gan / "verdict.json").unlink()
    (gan / "samples" / "00000012.csv").write_text("x0,x1\n1,2\n")
    (gan / "samples" / "real.csv").unlink()
    assert command("show", gan) == 0
    error = said(capsys)
    for line in ("verdict.json is missing", "00000012.csv has been changed", "real.csv is missing"):
        assert error.count(line) == 1
    (gan / "checksums.json").unlink()
    with pytest.warns(FolderWarning, match=r"checksums\.json is missing: .*metrics\.jsonl cannot be checked"):
        assert len(Record.open(gan).rows()) == 12


def test_a_run_that_goes_on_is_not_damaged(gan: Path) -> None:
    with (gan / "metrics.jsonl").open("a") as log:
        log.write('{"step": 13, "critic/loss": 1.0}\n{"step": 14, "cri')  # not told yet; and torn
    assert [row["step"] for row in Record.open(gan).rows()] == [*range(1, 14)]


def test_killed_between_a_checksum_and_its_file_neither_is_wrong(gan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record.open(gan)
    verdict = record.verdict()
    assert verdict is not None
    with monkeypatch.context() as patched:
        patched.setattr("sparring.record.replaced_file", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            record.write_verdict({**verdict, "summary": "new"})
    assert Record.open(gan).verdict() == verdict
    record.write_verdict({**verdict, "summary": "new"})
    assert Record.open(gan).verdict() == {**verdict, "summary": "new"}


def test_a_copy_of_a_record_goes_on_with_its_checksums(gan: Path) -> None:
    record = Record.open(gan)
    record.append({"step": 13, "critic/loss": 1.0})
    copied = copy.deepcopy(record)
    copied.append({"step": 14, "critic/loss": 1.0})
    copied.sync()
    assert [row["step"] for row in Record.open(gan).rows()] == [*range(1, 15)]


def test_an_older_folder_is_used_and_said_to_be_unchecked(gan: Path) -> None:
    about = json.loads((gan / "run.json").read_text())
    del about["checksum"]
    (gan / "run.json").write_text(json.dumps(about))
    (gan / "checksums.json").unlink()
    with pytest.warns(FolderWarning, match="has no checksum"):
        assert sp.load(gan).sample(2, random_state=0).shape == (2, 2)


# -- edited and crafted


@pytest.mark.parametrize("key", ["seed", "title", "schema", "parameters", "checksum"])
def test_an_edited_run_is_refused(gan: Path, key: str) -> None:
    about = json.loads((gan / "run.json").read_text())
    if key == "schema":
        about["schema"]["means"][0] += 1.0
    elif key == "parameters":
        about["parameters"]["recipe"] = "wgan"
    else:
        about[key] = 5 if key == "seed" else "other"
    (gan / "run.json").write_text(json.dumps(about))
    for use in (sp.load, sp.GAN.resume, write_report):
        with pytest.raises(FolderError, match=r"run\.json has been changed or damaged"):
            use(gan)


CRAFTED = {
    "network": ("os.system", "no parameter 'network'"),
    "activation": ("__class__", "activation"),
    "hidden_layer_sizes": ([1_000_000, 1_000_000], "far larger than the weights"),
    "self": (5, "no parameter 'self'"),
    "verbose": (5, "no parameter 'verbose'"),
    "run": ("elsewhere", "no parameter 'run'"),
    "device": ("meta", "the device must be"),
    "threads": (10**12, r"\$\.threads"),
    "batch_size": (10**12, r"\$\.batch_size"),
    "image_size": ([10**6, 10**6], r"\$\.image_size"),
    "max_iter": (10**18, r"\$\.max_iter"),
}


@pytest.mark.parametrize("key", CRAFTED)
def test_crafted_parameters_are_refused(mlp: Path, key: str) -> None:
    value, match = CRAFTED[key]
    edit(mlp, lambda about: about["parameters"].__setitem__(key, value))
    for use in (sp.load, sp.Classifier.resume):
        with pytest.raises(InputError, match=match):
            use(mlp)


@pytest.mark.parametrize("layers", [[1] * 100_000, [2**11] * 3, [4]])
def test_networks_are_bounded_by_the_weights(mlp: Path, layers: list[int]) -> None:
    edit(mlp, lambda about: about["parameters"].__setitem__("hidden_layer_sizes", layers))
    with pytest.raises(FolderError, match="far larger than the weights|does not fit network"):
        sp.load(mlp)


def test_rows_are_bounded_by_the_weights(gan: Path) -> None:
    def widen(about: dict[str, Any]) -> None:
        lists = {"names": "x", "means": 0.0, "deviations": 1.0, "dtypes": "float32"}
        about["schema"] |= {name: [value] * 10_000 for name, value in lists.items()}

    edit(gan, widen)
    with pytest.raises(FolderError, match="rows of 10000 numbers do not fit the weights"):
        sp.load(gan)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["means", "deviations"])
def test_scalings_that_are_not_finite_are_refused(gan: Path, name: str, value: float) -> None:
    edit(gan, lambda about: about["schema"].__setitem__(name, [value, 1.0]))
    with pytest.raises(FolderError, match="where a finite number is needed"):
        sp.load(gan)


SPOILED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "one scale too few": lambda about: about["schema"]["means"].pop(),
    "deviation of 0": lambda about: about["schema"].__setitem__("deviations", [0.0, 1.0]),
    "text for a number": lambda about: about["schema"].__setitem__("means", ["x", 1.0]),
    "no dtype": lambda about: about["schema"].__setitem__("dtypes", ["os.system", "float32"]),
    "unknown kind": lambda about: about["schema"].__setitem__("kind", "signal"),
    "no schema": lambda about: about.pop("schema"),
    "no place": lambda about: about.pop("place"),
    "unknown recipe": lambda about: about["parameters"].__setitem__("recipe", "os"),
    "noise of another size": lambda about: about.__setitem__("latent_size", 10**7),
    "text for a seed": lambda about: about.__setitem__("seed", "x"),
    "text for steps": lambda about: about["sessions"][0].__setitem__("to_step", "x"),
    "custom": lambda about: about.__setitem__("custom", ["__class__"]),
}


@pytest.mark.parametrize("how", SPOILED)
def test_what_does_not_fit_together_is_refused(gan: Path, how: str) -> None:
    edit(gan, SPOILED[how])
    for use in (sp.load, sp.GAN.resume):
        with pytest.raises(InputError):
            use(gan)


CODES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "fewer codes": lambda inputs: inputs["codes"].pop(),
    "labels of no column": lambda inputs: inputs["codes"][1].__setitem__("order", [0, 1, 99]),
    "labels beyond all": lambda inputs: inputs["codes"][1].__setitem__("count", 10**12),
    "no deviation": lambda inputs: inputs["codes"][0].__setitem__("deviation", 0.0),
    "another kind of code": lambda inputs: inputs["codes"][0].__setitem__("kind", "os"),
    "no kind of column": lambda inputs: inputs["columns"][0].__setitem__("kind", "os"),
    "labels in lists": lambda inputs: inputs["columns"][1].__setitem__("labels", [[1], [2], [3]]),
}


@pytest.mark.parametrize("how", CODES)
def test_codes_that_do_not_fit_their_columns_are_refused(mlp: Path, how: str) -> None:
    edit(mlp, lambda about: CODES[how](about["inputs"]))
    with pytest.raises(InputError):
        sp.load(mlp)


def test_an_encoding_that_there_is_not_is_refused(mlp: Path) -> None:
    edit(mlp, lambda about: about["parameters"].__setitem__("encoding", "../../outside"))
    with pytest.raises(FolderError, match=r"no parameter 'encoding'|no encoding"):
        sp.load(mlp)


# -- weights


def flip(folder: Path, step: int) -> None:
    path = path_of(folder / "checkpoint", step) / "state.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_an_older_checkpoint_is_said(gan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flip(gan, 12)
    with pytest.warns(CheckpointWarning, match="step-00000012 cannot be used.*older checkpoint of step 10 is used"):
        sp.load(gan)
    assert command("sample", gan, "-n", 2, "-o", tmp_path / "s.npy") == 0
    assert said(capsys).count("sparring: warning: ") == 1
    shutil.rmtree(path_of(gan / "checkpoint", 12))
    with pytest.warns(CheckpointWarning, match="came to step 12; these are the weights of step 10"):
        sp.load(gan)
    flip(gan, 10)
    with pytest.raises(CheckpointError, match="no usable checkpoint"):
        sp.load(gan)


def test_a_checkpoint_under_another_name_is_passed_over(gan: Path) -> None:
    path_of(gan / "checkpoint", 12).rename(path_of(gan / "checkpoint", 99))
    with pytest.warns(CheckpointWarning, match="it says that it is of step 12"):
        assert read_newest(gan / "checkpoint").step == 10


class _Kept:
    """A state that was read, to be written again."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


@pytest.mark.parametrize("part", ["average", "critic"])
def test_weights_that_are_not_finite_are_refused(gan: Path, part: str) -> None:
    found = read_newest(gan / "checkpoint")
    tensors: dict[str, torch.Tensor] = {}
    packed = {name: pack(state, name, tensors) for name, state in found.state.items()}
    spoiled = next(name for name in tensors if name.startswith(f"{part}/") and name.endswith("weight"))
    tensors[spoiled].view(-1)[0] = float("nan")
    write_checkpoint(gan / "checkpoint", 12, {name: _Kept(unpack(one, tensors)) for name, one in packed.items()})
    for use in (sp.load, sp.GAN.resume):
        with pytest.raises(CheckpointError, match=f"not finite: {part}/"):
            use(gan)


# -- runs that failed or were killed


def ended(folder: Path, status: str, step: int) -> None:
    edit(folder, lambda about: (about.update(status=status), about["sessions"][-1].update(to_step=step)))


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_weights_of_a_failed_run_are_said(
    gan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    ended(gan, status, 14)
    with pytest.warns(CheckpointWarning, match=f"{status} at step 14; these are the weights of step 12"):
        sp.load(gan)
    assert command("sample", gan, "-n", 2, "-o", tmp_path / "s.npy") == 0
    assert f"{status} at step 14; these are the weights of step 12" in said(capsys)
    assert command("show", gan) == 0
    assert "its newest weights are those of step 12" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["failed", "diverged", "running"])
def test_weights_that_have_learned_nothing_are_refused(
    gan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    found = read_newest(gan / "checkpoint")
    shutil.rmtree(gan / "checkpoint")
    write_checkpoint(gan / "checkpoint", 0, {name: _Kept(state) for name, state in found.state.items()})
    ended(gan, status, 3)
    with pytest.raises(CheckpointError, match="before its first good checkpoint"):
        sp.load(gan)
    assert command("sample", gan, "-n", 2, "-o", tmp_path / "s.npy") == 2
    assert not (tmp_path / "s.npy").exists()
    assert command("show", gan) == 0
    assert "step 0, which have learned nothing" in capsys.readouterr().out


def test_a_killed_run_says_so(gan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(gan, lambda about: about.update(status="running", sessions=[]))
    assert command("show", gan) == 0
    out = capsys.readouterr().out
    assert "running: step 12 of 12" in out
    assert "it goes on, or was killed; its newest weights are those of step 12" in out
    with pytest.warns(CheckpointWarning, match="goes on, or was killed. These are the weights of step 12"):
        sp.load(gan)


def test_a_sound_folder_is_used_without_a_word(gan: Path, mlp: Path, made: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for folder in (gan, mlp):
            sp.load(folder)
            write_report(folder)
        sp.load(gan).save(made / "saved")
        sp.load(made / "saved")
        sp.load(mlp).judge(str(made / "t.csv"), "kind")
        write_report(mlp)
        sp.Classifier.resume(mlp)


# -- changed at random


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limits of memory are Linux's")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_sample_of_the_fuzz_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, asked = fuzz_folders.RUNS["points"]
    monkeypatch.setattr(fuzz_folders, "RUNS", {"points": (words, {"sample": asked["sample"]})})
    fuzz_folders.make_runs(tmp_path)
    count, faults = fuzz_folders.fuzz(range(4), 0, tmp_path, say=lambda line: None)
    assert count == 20
    assert not faults
