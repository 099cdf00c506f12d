"""The command line of CycleGANs: fit, translate, judge, resume, and what is said to bad input."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run
from PIL import Image

import sparring as sp
from sparring.data import toy
from sparring.data.image import read_grey

QUICK = ["--steps", "6", "--batch-size", "8", "--seed", "0", "--threads", "1", "--run", "r"]
pytestmark = pytest.mark.usefixtures("empty_folder")
DIGITS = (toy.digits_split()[0] * 15).astype(np.uint8)


@pytest.fixture
def folders(empty_folder: Path) -> Path:
    """A/, B/ (inverted), and held out C/ and D/, which belong to each other."""
    parts = {"A": DIGITS[:60], "B": 255 - DIGITS[60:120], "C": DIGITS[120:150], "D": 255 - DIGITS[120:150]}
    for name, images in parts.items():
        Path(name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(Path(name) / f"{i:02d}.png")
    return empty_folder


def test_folders_are_translated_judged_and_gone_on_with(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "cyclegan", "A", "B", *QUICK, "--cycle", "8,2", "--held-out", "0.2") == 0
    assert "sparring translate r FOLDER_OR_FILE -o OUT" in capsys.readouterr().err
    about = json.loads(Path("r/run.json").read_text())
    assert about["command"] == ["sparring fit cyclegan A B --seed 0 --held-out 0.2 --batch-size 8 --cycle 8.0,2.0 "
                                "--steps 6 --threads 1"]  # fmt: skip
    assert about["settings"]["cycle"] == [8.0, 2.0]
    (Path("C") / "in").mkdir()
    Image.fromarray(DIGITS[0]).save("C/in/deep.bmp")
    assert run("translate", "r", "C", "-o", "out") == 0
    assert capsys.readouterr().out == "31 translations in out\n"
    assert len(list(Path("out").glob("*.png"))) == 30
    made = read_grey(Path("out/in/deep.png"))
    model = sp.load("r")
    assert np.array_equal(made, model.transform(DIGITS[:1])[0])
    Path("C/in/deep.bmp").unlink()
    assert run("judge", "r", "--data", "C", "D", "--pairs") == 0
    shown = capsys.readouterr().out
    assert "A to B: what is translated back strays by" in shown
    assert "the true partner is nearest of 30 in 100.0%" in shown
    assert run("judge", "r", "--data", "C", "D", "--json") == 0
    assert json.loads(capsys.readouterr().out)["directions"][1]["name"] == "B to A"
    assert run("resume", "r") == 0
    assert run("show", "r") == 0


def test_files_of_every_kind(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "cyclegan", "A", "B", *QUICK) == 0
    np.save("c.npy", DIGITS[:7])
    assert run("translate", "r", "c.npy", "-o", "d.npy", "--reverse") == 0
    assert (np.load("d.npy").shape, np.load("d.npy").dtype) == ((7, 8, 8), np.uint8)
    assert run("translate", "r", "C/00.png", "-o", "one.png") == 0
    assert read_grey(Path("one.png")).shape == (8, 8)
    Image.fromarray(np.tile(DIGITS[0], (3, 5))).save("wide.png")
    assert run("translate", "r", "wide.png", "-o", "wide-2.png", "--full-size") == 0
    assert read_grey(Path("wide-2.png")).shape == (24, 40)
    assert run("translate", "r", "C", "-o", "c.csv") == 0
    assert pd.read_csv("c.csv").shape == (30, 64)
    capsys.readouterr()


def test_tables_and_signals_to_files(empty_folder: Path) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(80, 2)), columns=["x", "y"]).to_csv("a.csv", index=False)
    pd.DataFrame(rng.normal(size=(70, 3)) + 9, columns=["u", "v", "w"]).to_csv("b.csv", index=False)
    assert run("fit", "cyclegan", "a.csv", "b.csv", *QUICK, "--restarts", "2", "--restart-steps", "3") == 0
    assert len(json.loads(Path("r/run.json").read_text())["restarts"]["tried"]) == 2
    assert run("translate", "r", "a.csv", "-o", "made.csv") == 0
    made = pd.read_csv("made.csv")
    assert list(made.columns) == ["u", "v", "w"]
    assert abs(made["u"].mean() - 9) < 1


def test_tables_of_any_columns(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    sides = []
    for seed in range(4):
        rng = np.random.default_rng(seed // 2 if seed < 2 else 9)
        kind, height = rng.choice(3, 120, p=[0.5, 0.35, 0.15]), rng.normal(170, 9, 120)
        gap = rng.random(120) < 0.2
        a = {
            "note": [f"{seed} a remark, number {i}" for i in range(120)],
            "town": np.array(["Ulm", "Bonn", "Jena"])[kind],
        }
        a |= {"cm": (height + 4 * kind).round(1), "member": kind > 0, "paid": np.where(gap, np.nan, kind + 0.5)}
        b = {"inch": ((height + 4 * kind) / 2.54).round(2), "club": np.where(kind > 0, "yes", "no")}
        b |= {"place": np.array(["x", "y", "z"])[kind], "fee": np.where(gap, np.nan, 2 * kind + 1.0)}
        sides.append(pd.DataFrame(a if seed % 2 == 0 else b))
    for name, side in zip("abcd", sides, strict=True):
        side.to_csv(f"{name}.csv", index=False)
    assert run("fit", "cyclegan", "a.csv", "b.csv", *QUICK) == 2
    assert "A: texts and identifiers cannot be made: column 'note'" in capsys.readouterr().err
    assert run("fit", "cyclegan", "a.csv", "b.csv", *QUICK, "--leave-out", "note") == 0
    assert "--leave-out note" in json.loads(Path("r/run.json").read_text())["command"][0]
    assert run("translate", "r", "c.csv", "-o", "made.csv") == 0
    made = pd.read_csv("made.csv")
    assert list(made.columns) == list(sides[1].columns)
    assert (made["place"] == sides[3]["place"]).all()
    assert run("translate", "r", "d.csv", "-o", "back.csv", "--reverse") == 0
    assert pd.read_csv("back.csv").dtypes.to_dict() == pd.read_csv("c.csv").drop(columns="note").dtypes.to_dict()
    assert run("translate", "r", "c.csv", "-o", "made.npy") == 2
    assert "choose -o FILE.csv" in capsys.readouterr().err
    assert run("judge", "r", "--data", "c.csv", "d.csv", "--pairs") == 0
    assert "- place: wrong in 0.0%" in capsys.readouterr().out
    assert "Columns of A, and of F(B)" in Path("r/report.html").read_text()
    assert run("resume", "r") == 0
    sides[2].assign(town="Rome").to_csv("e.csv", index=False)
    assert run("translate", "r", "e.csv", "-o", "rome.csv") == 2
    assert "column 'town', row 0: 'Rome' is not one of Bonn, Jena, Ulm" in capsys.readouterr().err
    assert not Path("rome.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fit", "cyclegan", "A", "nope"], "B: there is no file or folder nope"),
        (["fit", "cyclegan", "A", "B", "--cycle", "a"], "--cycle takes one number, or two with a comma"),
        (["fit", "cyclegan", "A", "B", "--set", "widht=3"], "did you mean 'width'"),
        (["fit", "cyclegan", "A", "B", "--restarts", "0"], "restarts must be a whole number above 0"),
        (["fit", "cyclegan", "A", "B", "--kind", "table"], "are no table"),
        (["translate", "r", "C"], "give -o OUT"),
        (["translate", "r", "C", "-o", "B"], "B exists and is not empty"),
        (["translate", "r", "nope", "-o", "x"], "there is no file or folder nope"),
        (["translate", "r", "C", "-o", "x.png", "--beam", "3"], "--beam is for texts"),
        (["translate", "r", "C", "-o", "x.doc"], "cannot write .doc files"),
        (["judge", "r", "--data", "C"], "--data takes two collections for a CycleGAN, A and B; got 1"),
        (["judge", "r", "--data", "C", "D", "--train", "A"], "are not for a CycleGAN"),
        (["resume", "r", "--data", "A"], "--data takes A and B; got 1"),
        (["resume", "r", "--data", "A", "C"], "B has changed since the run began"),
        (["resume", "r", "--apply", "another-seed"], "gives no game that a remedy could change"),
        (["sample", "r", "-o", "x.npy"], "sparring translate"),
        (["predict", "r", "C"], "sparring translate"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_said_in_a_line(
    folders: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if words[0] != "fit":
        assert run("fit", "cyclegan", "A", "B", *QUICK) == 0
        capsys.readouterr()
    before = sorted(str(path) for path in Path().rglob("*"))
    assert run(*words) == 2
    shown = capsys.readouterr().err.strip()
    assert said in shown
    assert "\n" not in shown
    assert sorted(str(path) for path in Path().rglob("*")) == before
