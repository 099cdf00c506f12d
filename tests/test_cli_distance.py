"""sparring distance: what it measures, draws, and refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import run
from PIL import Image

from sparring.transport import grey_mass, solve, wasserstein


@pytest.fixture
def files(empty_folder: Path) -> Path:
    rng = np.random.default_rng(0)
    a = pd.DataFrame({"kind": "a", "length": rng.normal(0, 1, 40), "weight": rng.normal(0, 500, 40)})
    b = pd.DataFrame({"weight": rng.normal(800, 500, 30), "length": rng.normal(1, 1, 30), "kind": "b"})
    a.to_csv("a.csv", index=False)
    b.to_csv("b.csv", index=False)
    b[["weight", "length"]].to_csv("b-numbers.csv", index=False)
    a[["length", "weight"]].to_csv("a-numbers.csv", index=False)
    Path("empty.csv").touch()
    np.save("x.npy", rng.normal(size=(20, 2)))
    np.save("y.npy", rng.normal(size=(25, 2)) + 1)
    np.save("three.npy", rng.normal(size=(25, 3)))
    np.save("line.npy", rng.normal(size=50))
    np.save("image.npy", rng.integers(0, 9, (6, 6)))
    Image.fromarray(rng.integers(0, 255, (12, 10), dtype=np.uint8)).save("p.png")
    Image.fromarray(rng.integers(0, 255, (8, 9, 3), dtype=np.uint8)).save("q.png")
    for folder in ("one", "two"):
        Path(folder).mkdir()
        for i in range(6):
            Image.fromarray(rng.integers(0, 255, (5, 5), dtype=np.uint8)).save(f"{folder}/{i}.png")
    return empty_folder


def _found(capsys: pytest.CaptureFixture[str], *arguments: Any) -> dict[str, Any]:
    assert run("distance", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_arrays_in_words_and_as_json(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = wasserstein(np.load("x.npy"), np.load("y.npy"), p=2)
    assert run("distance", "x.npy", "y.npy", "-p", "2") == 0
    out = capsys.readouterr().out
    assert f"W2 = {expected:.10g} (20 points against 25, euclidean" in out
    assert "proven: no plan is cheaper by more than" in out
    found = _found(capsys, "x.npy", "y.npy", "-p", "2")
    assert found["distance"] == pytest.approx(expected)
    assert found["certified"] is True


def test_columns_are_matched_by_name_and_chosen(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = pd.read_csv("a.csv"), pd.read_csv("b.csv")
    expected = wasserstein(a[["length", "weight"]], b[["length", "weight"]])
    assert _found(capsys, "a-numbers.csv", "b-numbers.csv")["distance"] == pytest.approx(expected)
    assert _found(capsys, "a.csv", "b.csv", "--columns", "length", "weight")["distance"] == pytest.approx(expected)
    scaled = _found(capsys, "a-numbers.csv", "b-numbers.csv", "--standardise")["distance"]
    spread = a[["length", "weight"]].to_numpy().std(axis=0)
    assert scaled == pytest.approx(wasserstein(a[["length", "weight"]] / spread, b[["length", "weight"]] / spread))
    run("distance", "a-numbers.csv", "b-numbers.csv")
    assert "--standardise gives each the same say" in capsys.readouterr().err


def test_pictures_are_grey_mass_and_folders_are_sets(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [np.asarray(Image.open(name).convert("L")) for name in ("p.png", "q.png")]
    (x, a), (y, b) = map(grey_mass, pictures)
    assert _found(capsys, "p.png", "q.png")["distance"] == pytest.approx(wasserstein(x, y, a, b))
    assert _found(capsys, "one", "two")["points"] == [6, 6]
    assert _found(capsys, "image.npy", "image.npy", "--mass")["distance"] == pytest.approx(0, abs=1e-12)


def test_floor_interval_samples_and_sliced(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _found(capsys, "x.npy", "y.npy", "--floor", "--interval")
    assert found["interval"][0] < found["distance"] < found["interval"][1]
    assert found["beside_floor"]["samples"] == 10
    few = _found(capsys, "x.npy", "y.npy", "--samples", "5")
    assert "distance" not in few
    assert few["beside_floor"]["samples"] == 5
    sliced = _found(capsys, "x.npy", "y.npy", "--sliced", "50")
    assert 0 < sliced["sliced"] < found["distance"]
    assert run("distance", "x.npy", "y.npy", "--floor", "--sliced", "9") == 0
    out = capsys.readouterr().out
    assert "standard error" in out
    assert "between parts of the first" in out


@pytest.mark.parametrize("names", [("x.npy", "y.npy"), ("line.npy", "line.npy"), ("p.png", "q.png")])
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plans_are_drawn(files: Path, names: tuple[str, str], ending: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("distance", *names, "--plot", f"plan.{ending}") == 0
    assert Path(f"plan.{ending}").stat().st_size > 2000
    assert f"plan drawn in plan.{ending}" in capsys.readouterr().out


def test_long_lines_are_drawn_as_densities(files: Path) -> None:
    np.save("long.npy", np.random.default_rng(0).normal(size=300))
    assert run("distance", "long.npy", "line.npy", "--plot", "plan.png") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("x.npy", "three.npy"), "x.npy holds points of the shape (2,) and three.npy of (3,)"),
        (("x.npy", "p.png"), "p.png is one picture, a distribution of grey, but x.npy is a set of points"),
        (("x.npy", "z.npy"), "there is no file or folder z.npy; did you mean"),
        (("a.csv", "b.csv"), "Or choose the columns of numbers by --columns"),
        (("a.csv", "b.csv", "--columns", "size"), "a.csv has no column 'size'; it has kind, length, weight"),
        (("a.csv", "b.csv", "--columns", "kind"), "a.csv, row 1 of data, column 'kind': found 'a'"),
        (("p.png", "q.png", "--floor"), "need sets of points"),
        (("p.png", "q.png", "--standardise"), "--standardise is for tables"),
        (("three.npy", "three.npy", "--plot", "p.pdf"), "--plot draws points of one or two columns"),
        (("x.npy", "y.npy", "--plot", "p.gif"), "p.gif: a plan is drawn as .png, .svg, .pdf"),
        (("x.npy", "y.npy", "--plot", "p.png", "--sliced", "9"), "--plot needs an exact plan"),
        (("x.npy", "y.npy", "--sliced", "9", "--metric", "cityblock"), "--sliced is for the metric euclidean"),
        (("x.npy", "y.npy", "--sliced", "0"), "projections must be at least 2; got 0"),
        (("empty.csv", "b.csv"), "empty.csv is empty; a CSV of numbers is needed.\n"),
        (("x.npy", "y.npy", "-p", "0.5"), "p must be at least 1"),
    ],
)
def test_wrong_things_get_one_line(
    files: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("distance", *arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
    assert not list(Path().glob("p.pdf"))


def test_a_plan_without_points_cannot_be_drawn(tmp_path: Path) -> None:
    from sparring.errors import InputError
    from sparring.report.plans import draw_plan

    with pytest.raises(InputError, match="here are none"):
        draw_plan(solve(None, metric=[[1.0]]), tmp_path / "plan.png")
