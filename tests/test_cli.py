"""The command line, as a person and as a script meet it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import run
from PIL import Image

from sparring.data import toy

QUICK = ["--steps", "8", "--batch-size", "8", "--seed", "0", "--threads", "1"]


pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def data(empty_folder: Path) -> Path:
    np.save("digits.npy", toy.digits_split()[0][:100])
    return Path("digits.npy")


def test_a_run_from_fit_to_samples(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "gan", data, "--run", "r", "--held-out", "0.2", *QUICK) == 0
    shown = capsys.readouterr()
    assert "finished: step 8 of 8" in shown.out
    assert "w1" in shown.out
    assert "sparring sample r" in shown.err
    assert {path.name for path in Path("r").iterdir()} >= {
        "run.json", "metrics.jsonl", "samples", "checkpoint", "report.html", "verdict.json",
    }  # fmt: skip
    assert run("sample", "r", "-n", 12, "-o", "out.npy", "--seed", 1) == 0
    assert np.load("out.npy").shape == (12, 8, 8)
    assert "12 samples in out.npy" in capsys.readouterr().out
    assert run("sample", "r", "-n", 3, "-o", "pictures") == 0
    assert len(list(Path("pictures").glob("*.png"))) == 3
    assert run("show", "r") == 0
    assert run("report", "r") == 0
    assert run("judge", "r", "--data", data) == 0
    assert "floor" in capsys.readouterr().out


def test_json_for_scripts(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said() -> dict[str, Any]:
        return json.loads(capsys.readouterr().out)

    assert run("fit", "gan", data, "--run", "r", "--held-out", "0.2", "--json", *QUICK) == 0
    state = said()
    assert (state["status"], state["steps"], state["run"]) == ("finished", 8, "r")
    assert {figure["name"] for figure in state["verdict"]["figures"]} >= {"w1", "coverage"}
    assert run("sample", "r", "-n", 2, "-o", "s.csv", "--json") == 0
    assert said() == {"samples": 2, "output": "s.csv"}
    assert run("judge", "r", "--data", data, "--json") == 0
    assert said()["samples"] > 5
    assert run("show", "r", "--json") == 0
    assert said()["of"] == 8
    assert run("report", "r", "--json") == 0
    assert said() == {"report": "r/report.html"}


def test_the_demo_and_how_it_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("demo", "--steps", 8) == 0
    assert run("demo", "--steps", 8) == 0
    assert Path("demo-2/report.html").exists()
    assert "confident" in capsys.readouterr().out
    command = json.loads(Path("demo/run.json").read_text())["command"]
    assert command[0].startswith("sparring fit gan demo:digits --seed 0")
    assert run(*command[0].split()[1:], "--run", "again") == 0
    assert Path("demo/metrics.jsonl").read_bytes() == Path("again/metrics.jsonl").read_bytes()


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_built_in_tables(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "gan", f"demo:{name}", *QUICK) == 0
    assert Path(f"runs/{name}-1/samples/real.csv").exists()
    assert "w1" in capsys.readouterr().out


def test_ctrl_c_saves_and_resume_goes_on(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "sparring", "fit", "gan", str(data), "--run", "r", "--steps", "100000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (Path("r/metrics.jsonl").exists() and Path("r/metrics.jsonl").stat().st_size):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("sparring: stopped at step ")
    assert errors.splitlines()[-1].endswith("sparring resume r")
    assert "Traceback" not in errors
    about = json.loads(Path("r/run.json").read_text())
    assert about["status"] == "stopped"
    assert run("show", "r") == 0
    assert "stopped" in capsys.readouterr().out
    assert Path("r/report.html").exists()


# -- wrong things, typed on purpose: one line, exit code 2, nothing lost


def _folder_of(tmp_path: Path, **files: bytes) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return folder


WRONG: dict[str, tuple[list[str], str]] = {
    "no such file": (["fit", "gan", "digit.npy"], r"no file or folder digit.npy; did you mean digits.npy?"),
    "an empty folder": (["fit", "gan", "empty"], "empty holds no images"),
    "a folder of texts": (["fit", "gan", "texts"], "holds no images (but 1 other file(s))"),
    "a broken image": (["fit", "gan", "broken"], "bad.png cannot be read as an image"),
    "text in a CSV": (["fit", "gan", "text.csv"], "text.csv, line 3, column 'b': found 'cat'"),
    "NaN in a CSV": (["fit", "gan", "nan.csv"], "nan.csv, line 2, column 'a': found"),
    "one row": (["fit", "gan", "one.csv"], "at least 2"),
    "a constant column": (["fit", "gan", "constant.csv"], "b (always 3)"),
    "wrong dimensions": (["fit", "gan", "line.npy"], "must have the shape"),
    "objects": (["fit", "gan", "objects.npy"], "Python objects"),
    "an unknown kind": (["fit", "gan", "a.xyz"], "has no known kind"),
    "a taken folder": (["fit", "gan", "digits.npy", "--run", "texts"], "texts exists and is not empty"),
    "an unwritable place": (["fit", "gan", "digits.npy", "--run", "text.csv/run", *QUICK], "cannot write text.csv/run"),
    "an unknown option": (["fit", "gan", "digits.npy", "--stepz", "3"], "Did you mean --steps?"),
    "an unknown command": (["fitt"], 'Did you mean "fit"?'),
    "an unknown model": (["fit", "gam", "x"], 'Did you mean "gan"?'),
    "an unknown recipe": (["fit", "gan", "digits.npy", "--recipe", "r3gam"], "r3gan"),
    "a number that is none": (["fit", "gan", "digits.npy", "--steps", "many"], "many"),
    "no steps": (["fit", "gan", "digits.npy", "--steps", "0"], "steps must be a whole number above 0"),
    "no data": (["fit", "gan"], "requires an argument"),
    "no such run": (["resume", "nowhere"], "there is no folder nowhere"),
    "not a run": (["resume", "texts"], "is not a run folder"),
    "not a run to show": (["show", "texts"], "is not a run folder"),
    "not a run to sample": (["sample", "texts", "-o", "x.npy"], "is not a run folder"),
    "no training data to judge by": (
        ["judge", "texts", "--data", "digits.npy"],
        "give the data they were learned from",
    ),
    "not a run to report": (["report", "digits.npy"], "is not a run folder"),
    "no device": (["fit", "gan", "digits.npy", "--device", "cuda:77"], "cuda"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_wrong_things_get_one_line_and_code_2(
    tmp_path: Path, data: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/notes.txt").write_text("x")
    Path("broken").mkdir()
    Image.new("L", (8, 8)).save("broken/good.png")
    Path("broken/bad.png").write_bytes(Path("broken/good.png").read_bytes()[:40])
    Path("text.csv").write_text("a,b\n1,2\n3,cat\n")
    Path("nan.csv").write_text("a,b\nNaN,2\n3,4\n")
    Path("one.csv").write_text("a,b\n1,2\n")
    Path("constant.csv").write_text("a,b\n1,3\n2,3\n5,3\n")
    Path("a.xyz").write_text("?")
    np.save("line.npy", np.arange(9.0))
    np.save("objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    arguments, message = WRONG[what]
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.strip().splitlines()
    assert line.startswith("sparring: ")
    assert message in line
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_full_disk_ends_the_run_in_one_line(data: Path) -> None:
    # a limit on file size stands in for a full disk: writing the checkpoint fails in the same way
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        "from sparring.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "fit", "gan", str(data), "--run", "r", *QUICK]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("sparring: cannot write r/checkpoint/step-")
    assert "File too large" in last
    assert "Traceback" not in done.stderr
    assert json.loads(Path("r/run.json").read_text())["status"] == "failed"
    assert not list(Path("r").rglob("*.partial"))


def test_divergence_is_code_1_with_its_finding(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run("fit", "gan", data, "--run", "r", "--recipe", "wgan-gp", "--learning-rate", "1e30", "--steps", "200")
    assert code == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "is not finite at step" in last
    assert "the last good checkpoint is r/checkpoint/step-" in last


def test_help_is_fast_and_names_every_command() -> None:
    done = subprocess.run([sys.executable, "-m", "sparring", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for verb in ("demo", "fit", "resume", "sample", "judge", "report", "show"):
        assert verb in done.stdout
    loads = """
import sys
from sparring.cli.app import app
try:
    app(["--help"])
except SystemExit:
    pass
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", loads], stdout=subprocess.DEVNULL).returncode == 0


def test_a_closed_pipe_is_no_crash(data: Path) -> None:
    assert run("fit", "gan", data, "--run", "r", *QUICK) == 0
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "sparring", "show", "r"], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert b"Traceback" not in done.stderr
