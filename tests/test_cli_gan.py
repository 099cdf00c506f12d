"""The command line of GANs: changed recipes, classes, signals, ways, and games that keep their best generator."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run
from PIL import Image

from sparring.data import toy

QUICK = ["--steps", "4", "--batch-size", "8", "--seed", "0", "--threads", "1", "--run", "r"]
pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def labelled(empty_folder: Path) -> Path:
    images, _, classes, _ = toy.digits_split()
    np.savez("digits.npz", X=images[:120], y=classes[:120])
    return Path("digits.npz")


def _about() -> dict:
    return json.loads(Path("r/run.json").read_text())


def test_a_recipe_is_changed_in_words(labelled: Path) -> None:
    words = ["objective=hinge", "penalties=r1:0.5,r2:0.25", "noise=uniform", "hold=1", "spectral=false", "clip=none"]
    assert run("fit", "gan", labelled, *QUICK, *(w for word in words for w in ("--set", word))) == 0
    settings = _about()["settings"]
    assert (settings["objective"], settings["noise"], settings["hold"]) == ("hinge", "symmetric_uniform", 1)
    assert settings["penalties"] == ["r1, weight 0.5, every 1 step(s)", "r2, weight 0.25, every 1 step(s)"]
    (command,) = _about()["command"]
    assert "--set penalties=r1:0.5,r2:0.25" in command
    assert "--set objective=hinge" in command
    assert run("resume", "r") == 0  # the folder alone is enough


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "objective"], "--set takes NAME=VALUE"),
        (["--set", "objektive=hinge"], "did you mean 'objective'"),
        (["--set", "penalties=r1:a"], "weight of r1"),
        (["--set", "penalties=r7:1"], "penalties are r1, r2, one_centred"),
        (["--set", "pack=7"], "cannot be packed by 7"),
        (["--target", "kind"], "no array 'kind'"),
        (["--early-stopping", "--patience", "0"], "n_iter_no_change"),
        (["--kind", "table"], "are no table"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_in_a_line(
    labelled: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fit", "gan", labelled, *QUICK, *words) == 2
    shown = capsys.readouterr().err.strip()
    assert said in shown
    assert len(shown.splitlines()) == 1
    assert not Path("r").exists()


def test_classes_are_learned_and_asked_for(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "gan", labelled, "--classes", *QUICK) == 0
    assert "in 10 classes" in capsys.readouterr().out
    assert "--classes" in _about()["command"][0]
    assert run("sample", "r", "--label", "3", "-n", 5, "-o", "three.npz") == 0
    found = np.load("three.npz", allow_pickle=False)
    assert (found["X"].shape, found["y"].tolist()) == ((5, 8, 8), [3] * 5)
    assert run("sample", "r", "--shares", "balanced", "-n", 20, "-o", "even.csv", "--seed", 0) == 0
    assert pd.read_csv("even.csv")["class"].value_counts().tolist() == [2] * 10
    assert run("sample", "r", "--shares", "1=3,2=1", "-n", 4, "-o", "some.csv") == 0
    assert sorted(pd.read_csv("some.csv")["class"]) == [1, 1, 1, 2]
    assert run("resume", "r") == 0
    assert run("judge", "r", "--data", "demo:digits-held-out") == 0
    capsys.readouterr()
    for words, said in (
        (["--label", "33"], "no class '33'; did you mean '3'"),
        (["--shares", "1:2"], "--shares takes"),
        (["--label", "3", "--shares", "balanced"], "not both"),
    ):
        assert run("sample", "r", *words, "-o", "x.npy") == 2
        assert said in capsys.readouterr().err


def test_a_column_of_a_table_holds_the_classes(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "kind": ["x", "y", "z"] * 20}).to_csv(
        "t.csv", index=False
    )
    assert run("fit", "gan", "t.csv", "--target", "kind", *QUICK) == 0
    assert run("sample", "r", "-n", 6, "-o", "more.csv") == 0
    frame = pd.read_csv("more.csv")
    assert list(frame.columns) == ["a", "b", "class"]
    assert sorted(frame["class"]) == ["x", "x", "y", "y", "z", "z"]
    assert run("resume", "r") == 0
    capsys.readouterr()
    assert run("fit", "gan", "t.csv", "--target", "knd", *QUICK[:-1], "other") == 2
    assert "did you mean 'kind'" in capsys.readouterr().err


def test_ways_between_samples_and_noise_of_ones_own(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "gan", labelled, *QUICK) == 0
    assert run("sample", "r", "--interpolate", 5, "-n", 3, "-o", "ways.png", "--seed", 0) == 0
    assert "3 ways of 5 samples" in capsys.readouterr().out
    with Image.open("ways.png") as picture:
        assert picture.size == (5 * 9 + 1, 3 * 9 + 1)  # a row for each way
    size = _about()["latent_size"]
    np.save("z.npy", np.random.default_rng(0).normal(size=(4, size)))
    assert run("sample", "r", "--latent", "z.npy", "-o", "a.npy") == 0
    assert run("sample", "r", "--latent", "z.npy", "-o", "b.npy") == 0
    assert np.array_equal(np.load("a.npy", allow_pickle=False), np.load("b.npy", allow_pickle=False))
    assert run("sample", "r", "--latent", "z.npy", "--interpolate", 3, "-o", "ways.npy") == 0
    assert np.load("ways.npy", allow_pickle=False).shape == (6, 8, 8)
    np.save("bad.npy", np.zeros((4, 2)))
    capsys.readouterr()
    assert run("sample", "r", "--latent", "bad.npy", "-o", "c.npy") == 2
    assert f"latent must be numbers (n, {size})" in capsys.readouterr().err
    assert run("sample", "r", "--label", "3", "-o", "c.npy") == 2
    assert "learned no classes" in capsys.readouterr().err


def test_the_kept_generator_and_its_cost_are_said(labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--early-stopping", "--held-out", "0.2", "--steps", "210", *QUICK[2:]]
    assert run("fit", "gan", labelled, *words) == 0
    shown = capsys.readouterr()
    assert "kept     the generator of step" in shown.err
    assert "of 3 looks" in shown.err  # at 100, 200 and the last
    assert "% of the time" in shown.err
    assert "Samples beside real rows" in Path("r/report.html").read_text()
    assert "--early-stopping" in _about()["command"][0]


def test_signals_are_drawn_as_curves(empty_folder: Path) -> None:
    times = np.linspace(0, 6, 40)
    np.save("waves.npy", np.sin(times + np.random.default_rng(0).uniform(0, 6, (50, 1))))
    assert run("fit", "gan", "waves.npy", "--kind", "signal", *QUICK) == 0
    assert run("sample", "r", "-n", 6, "-o", "more.png") == 0
    assert run("sample", "r", "-n", 6, "-o", "more.npy") == 0
    assert np.load("more.npy", allow_pickle=False).shape == (6, 40)
    with Image.open("more.png") as picture:
        assert picture.size[0] > 96
    assert Path("r/samples/real.png").exists()


def test_samples_of_any_origin_are_judged(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.random.default_rng(0).normal(size=(900, 3))
    for name, part in (("fake", rows[:200]), ("train", rows[200:700]), ("test", rows[700:])):
        np.save(f"{name}.npy", part)
    assert run("judge", "fake.npy", "--data", "test.npy", "--train", "train.npy") == 0
    assert "as good as real" in capsys.readouterr().out
    assert run("judge", "fake.npy", "--data", "test.npy", "--train", "train.npy", "--markdown") == 0
    assert capsys.readouterr().out.startswith("|  | value | floor |")
    assert run("judge", "fake.npy", "--data", "test.npy", "--train", "train.npy", "--json") == 0
    assert json.loads(capsys.readouterr().out)["space"] == "standard deviations of the training columns"
    assert run("judge", "fake.npy", "--data", "test.npy") == 2
    assert "fake.npy holds samples, not a run" in capsys.readouterr().err


def test_a_failing_game_is_diagnosed_and_remedied(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--recipe", "dcgan", "--set", "generator_rate=3e-3", "--set", "critic_rate=3e-5", "--steps", "1500"]
    assert run("fit", "gan", "demo:grid", *words, "--on-trouble", "stop", "--seed", "0", "--run", "r") == 1
    said = capsys.readouterr().err
    assert "mode collapse since step" in said
    assert "sparring resume r --apply default-game" in said
    assert run("diagnose", "r") == 0
    shown = capsys.readouterr().out
    assert "failure: mode collapse, from step" in shown
    assert "cause " in shown
    assert "cure " in shown
    assert "next         sparring resume r --apply default-game" in shown
    assert run("diagnose", "r", "--json") == 0
    assert json.loads(capsys.readouterr().out)["findings"][0]["title"] == "mode collapse"
    assert run("resume", "r", "--apply", "default-game") == 0
    assert "remedy   default-game, after step" in capsys.readouterr().err
    assert "Mode collapse" in Path("r/report.html").read_text()


def test_a_healthy_game_says_what_looking_cost(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("rows.npy", np.random.default_rng(0).normal(size=(300, 2)))
    assert run("fit", "gan", "rows.npy", "--steps", "100", "--seed", "0", "--run", "r") == 0
    assert "health   nothing found (1 look of the probes" in capsys.readouterr().err
    assert run("diagnose", "r") == 0
    assert "nothing was found in" in capsys.readouterr().out
    assert run("fit", "gan", "rows.npy", "--steps", "20", "--no-probes", "--run", "blind") == 0
    assert "health" not in capsys.readouterr().err
    assert run("diagnose", "blind") == 0
    assert "without probes little can be found" in capsys.readouterr().out
