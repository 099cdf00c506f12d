"""Classifiers and regressors on the command line."""

import json
import shlex
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run
from PIL import Image
from sklearn.datasets import load_digits, load_iris

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def iris(empty_folder: Path) -> str:
    found = load_iris(as_frame=True)
    frame = found.data.set_axis(["a", "b", "c", "d"], axis=1)
    frame["tone"] = np.where(found.target == 2, "dark", "light")
    frame["species"] = np.asarray(found.target_names)[found.target]
    frame.to_csv("iris.csv", index=False)
    return "iris.csv"


@pytest.fixture
def folders(empty_folder: Path) -> str:
    X, y = load_digits(return_X_y=True)
    for i in range(60):
        path = Path("digits", str(y[i] % 3), f"{i}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((X[i].reshape(8, 8) * 15).astype(np.uint8)).save(path)
    return "digits"


def test_a_table_from_fit_to_answers(iris: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "classifier", iris, "--target", "species", "--run", "r", "--seed", 0) == 0
    shown = capsys.readouterr()
    assert "Linear 6-100" in shown.out
    assert "accuracy" in shown.out
    assert "rows it has not learned from" in shown.out
    assert "sparring predict r DATA -o answers.csv" in shown.err
    assert run("predict", "r", iris, "-o", "answers.csv") == 0  # the target's column is passed over
    answers = pd.read_csv("answers.csv")
    assert list(answers) == ["row", "answer", "probability", "p(setosa)", "p(versicolor)", "p(virginica)"]
    assert (answers["answer"] == pd.read_csv(iris)["species"]).mean() > 0.9
    assert run("predict", "r", iris, "-o", "answers.npy") == 0
    assert np.load("answers.npy").tolist() == answers["answer"].tolist()
    capsys.readouterr()
    assert run("predict", "r", iris) == 0
    assert capsys.readouterr().out.startswith("row,answer,probability")
    pd.read_csv(iris).head(20).to_csv("few.csv", index=False)
    assert run("judge", "r", "--data", "few.csv", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 20
    assert not found["seen"]
    assert run("judge", "r", "--data", iris) == 0
    assert "of the data it was given to learn from" in capsys.readouterr().out
    assert run("show", "r", "--json") == 0
    assert json.loads(capsys.readouterr().out)["answers"]["rows"] == 150


def test_the_recorded_command_makes_the_run_again(iris: str) -> None:
    options = [
        "--hidden-layer-sizes",
        8,
        4,
        "--epochs",
        5,
        "--l2",
        0.01,
        "--no-early-stopping",
        "--class-weight",
        "balanced",
    ]
    assert run("fit", "classifier", iris, "--target", "species", "--run", "r", "--seed", 3, *options) == 0
    (command,) = json.loads(Path("r/run.json").read_text())["command"]
    assert run(*shlex.split(command)[1:], "--run", "again") == 0
    assert Path("r/metrics.jsonl").read_bytes() == Path("again/metrics.jsonl").read_bytes()


def test_a_folder_of_classes(folders: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "classifier", folders, "--run", "r", "--seed", 0, "--epochs", 4, "--held-out", 0.3) == 0
    assert "Conv2d 1-32" in capsys.readouterr().out
    assert run("predict", "r", "digits/1", "-o", "answers.csv") == 0
    answers = pd.read_csv("answers.csv", dtype=str)
    assert set(answers["row"]) == {path.name for path in Path("digits/1").iterdir()}
    assert set(answers["answer"]) <= {"0", "1", "2"}
    assert (
        list(Path("r/pictures").glob("mistake-*.png")) or json.loads(Path("r/answers.json").read_text())["score"] == 1
    )


def test_numbers_are_predicted(iris: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "regressor", iris, "--target", "a", "--run", "r", "--seed", 0) == 0
    assert "R²" in capsys.readouterr().out
    assert run("predict", "r", iris, "-o", "answers.csv") == 0
    answers = pd.read_csv("answers.csv")
    assert list(answers) == ["row", "answer"]
    assert np.corrcoef(answers["answer"], pd.read_csv(iris)["a"])[0, 1] > 0.8


def test_ctrl_c_and_resume(iris: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sparring.cli.display import Display

    arguments = ["fit", "classifier", iris, "--target", "species", "--seed", 0, "--epochs", 20, "--patience", 50]
    assert run(*arguments, "--run", "straight") == 0
    shown = Display.progress

    def stop(self: Display, progress: object) -> None:
        shown(self, progress)
        if progress.step == 31:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Display, "progress", stop)
    assert run(*arguments, "--run", "stopped") == 130
    assert "sparring resume stopped" in capsys.readouterr().err
    monkeypatch.setattr(Display, "progress", shown)
    assert run("resume", "stopped") == 0
    assert Path("straight/metrics.jsonl").read_bytes() == Path("stopped/metrics.jsonl").read_bytes()


WRONG = {
    "no target": (["fit", "classifier", "iris.csv"], "which column is to be predicted?"),
    "another target": (["fit", "classifier", "iris.csv", "--target", "specis"], "did you mean 'species'?"),
    "numbers as classes": (["fit", "classifier", "iris.csv", "--target", "a"], "Unknown label type: continuous"),
    "classes as numbers": (["fit", "regressor", "iris.csv", "--target", "species"], "to predict classes use"),
    "a text in numbers": (["fit", "classifier", "mixed.csv", "--target", "y"], "line 3, column 'a': found 'x'"),
    "an empty cell": (["fit", "classifier", "gap.csv", "--target", "y"], "line 2, column 'a': found an empty"),
    "one class": (["fit", "classifier", "one.csv", "--target", "y"], "every target is of the class 'k'"),
    "no classes": (["fit", "classifier", "digits/0"], "one sub-folder of images for every class"),
    "no such set": (["fit", "classifier", "demo:irs"], "did you mean demo:iris?"),
    "a taken folder": (["fit", "classifier", "iris.csv", "--target", "species", "--run", "digits"], "is not empty"),
    "a bad parameter": (["fit", "classifier", "iris.csv", "--target", "species", "--l1", "-1"], "'l1' parameter"),
    "an unknown option": (["fit", "classifier", "iris.csv", "--droput", "0.1"], "Did you mean --dropout?"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(WRONG))
def test_wrong_things_get_one_line(iris: str, folders: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mixed.csv").write_text("a,y\n1,k\nx,m\n3,k\n")
    Path("gap.csv").write_text("a,y\n,k\n2,m\n3,k\n")
    Path("one.csv").write_text("a,y\n1,k\n2,k\n3,k\n")
    arguments, message = WRONG[what]
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    (line,) = shown.err.strip().splitlines()
    assert message in line
    assert not Path("runs").exists()


def test_a_model_is_asked_for_what_it_can_do(iris: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "classifier", iris, "--target", "species", "--run", "r", "--epochs", 2) == 0
    assert run("sample", "r", "-o", "x.npy") == 2
    assert "r holds a classifier, which gives no samples; use sparring predict" in capsys.readouterr().err
    Path("other.csv").write_text("a,b,c\n1,2,3\n")
    assert run("predict", "r", "other.csv") == 2
    assert "there is no column 'd'" in capsys.readouterr().err
    assert run("predict", "r", iris, "-o", "x.txt") == 2
    assert "a .csv or .npy is written" in capsys.readouterr().err
