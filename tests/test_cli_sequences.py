"""Sequence models on the command line: from files to answers, translations, texts and tunes; and what is refused."""

import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import run

from sparring.data.midi import read_midi

pytestmark = pytest.mark.usefixtures("empty_folder")

FAST = ("--epochs", 3, "--hidden-size", 8, "--width", 8, "--batch-size", 8, "--seed", 0)
LINES = ["a good film", "so good", "bad , so bad", "a bad idea", "good fun", "no fun , bad"] * 6


def _labelled(name: str = "texts.tsv") -> str:
    Path(name).write_text("".join(f"{line}\t{'+' if 'good' in line else '-'}\n" for line in LINES))
    return name


def test_texts_from_fit_to_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "sequence-classifier", _labelled(), "--run", "r", *FAST) == 0
    shown = capsys.readouterr()
    assert "accuracy" in shown.out
    assert "sparring predict r DATA -o answers.csv" in shown.err
    Path("new.txt").write_text("good\nbad idea\n")
    assert run("predict", "r", "new.txt", "-o", "answers.csv") == 0
    assert list(pd.read_csv("answers.csv")) == ["row", "answer", "probability", "p(+)", "p(-)"]
    assert run("judge", "r", "--data", "texts.tsv", "--json") == 0
    capsys.readouterr()
    assert run("show", "r") == 0
    assert "accuracy" in capsys.readouterr().out
    assert run("diagnose", "r") == 0
    Path("gap.txt").write_text("good\n\nbad\n")
    assert run("predict", "r", "gap.txt") == 2
    assert "gap.txt, line 2 is empty" in capsys.readouterr().err


def test_classes_in_files_and_columns(capsys: pytest.CaptureFixture[str]) -> None:
    Path("films").mkdir()
    for name, word in (("good", "good"), ("bad", "bad")):
        Path(f"films/{name}.txt").write_text("".join(f"{line}\n" for line in LINES if word in line), "latin-1")
    Path("films/README.md").write_text("no class")
    assert run("fit", "sequence-classifier", "films", "--run", "a", "--encoding", "latin-1", *FAST) == 0
    pd.DataFrame({"text": LINES, "stars": np.arange(len(LINES)) % 5}).to_csv("stars.csv", index=False)
    assert run("fit", "sequence-regressor", "stars.csv", "--target", "stars", "--run", "b", *FAST) == 0
    assert "R²" in capsys.readouterr().out
    assert run("fit", "sequence-regressor", "stars.csv", "--target", "star", "--run", "c", *FAST) == 2
    assert "no column 'star'" in capsys.readouterr().err
    np.savez("s.npz", X=np.random.default_rng(0).normal(size=(30, 5, 2)), y=np.arange(30) % 2)
    assert run("fit", "sequence-classifier", "s.npz", "--run", "d", *FAST) == 0


def test_a_series_is_forecast(capsys: pytest.CaptureFixture[str]) -> None:
    t = np.arange(120)
    pd.DataFrame({"wave": np.sin(t / 5), "drift": t / 100.0}).to_csv("series.csv", index=False)
    series = ("fit", "sequence-regressor", "series.csv", "--ahead", 4, "--back", 12)
    assert run(*series, "--target", "wave", "--run", "a", *FAST) == 0
    assert "naive" in capsys.readouterr().out
    assert run("predict", "a", "series.csv", "-o", "next.csv") == 0
    found = pd.read_csv("next.csv")
    assert list(found) == ["step", "answer wave"]
    assert found["step"].tolist() == [1, 2, 3, 4]
    assert run("judge", "a", "--data", "series.csv") == 0
    assert run(*series, "--run", "b", *FAST) == 0
    assert run("predict", "b", "series.csv", "-o", "next.npy") == 0
    assert np.load("next.npy").shape == (4, 2)
    capsys.readouterr()
    pd.DataFrame({"wave": np.sin(t[:10] / 5)}).to_csv("short.csv", index=False)
    assert run("predict", "a", "short.csv") == 2
    assert run("fit", "sequence-regressor", "short.csv", "--ahead", 4, "--run", "c", *FAST) == 2
    assert "10 steps" in capsys.readouterr().err


def test_tags(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "EU S-org\nrejects O\nthe O\nBrown B-per\nBob E-per\n\n"
    Path("train.conll").write_text(sentence * 20)
    assert run("fit", "sequence-tagger", "train.conll", "--run", "r", *FAST) == 0
    assert "sparring predict r TEXTS.txt -o tagged.conll" in capsys.readouterr().err
    Path("new.txt").write_text("EU sees Bob\n\nthe end\n")
    assert run("predict", "r", "new.txt", "-o", "tagged.conll") == 0
    lines = Path("tagged.conll").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == ["EU", "sees", "Bob", "", "the", "end", ""]
    assert run("judge", "r", "--data", "train.conll") == 0
    assert "F1 of exact entities" in capsys.readouterr().out
    Path("broken.conll").write_text("EU S-org\nrejects\n")
    assert run("fit", "sequence-tagger", "broken.conll", "--run", "x") == 2
    assert "broken.conll, line 2: a word and its tag are needed" in capsys.readouterr().err
    assert not Path("x").exists()


def test_translations(capsys: pytest.CaptureFixture[str]) -> None:
    Path("de.txt").write_text("eins zwei\nzwei drei\ndrei eins\n" * 10)
    Path("en.txt").write_text("one two\ntwo three\nthree one\n" * 10)
    assert run("fit", "sequence-translator", "de.txt", "en.txt", "--run", "r", *FAST, "--precision", "float32") == 0
    assert "sparring translate r TEXTS.txt" in capsys.readouterr().err
    Path("new.txt").write_text("drei zwei\n\neins\n")
    assert run("translate", "r", "new.txt", "-o", "out.txt", "--beam", 2) == 0
    assert Path("out.txt").read_text().count("\n") == 3
    assert Path("out.txt").read_text().splitlines()[1] == ""
    assert run("resume", "r") == 0
    Path("short.txt").write_text("one\n")
    assert run("fit", "sequence-translator", "de.txt", "short.txt", "--run", "x") == 2
    assert "de.txt has 30 lines and short.txt 1" in capsys.readouterr().err
    assert run("sample", "r", "-o", "x.txt") == 2
    assert "use sparring predict, or sparring translate" in capsys.readouterr().err


def test_texts_and_tunes(capsys: pytest.CaptureFixture[str]) -> None:
    Path("lines.txt").write_text("".join(f"{line}\n" for line in LINES))
    assert run("fit", "sequence-generator", "lines.txt", "--level", "letter", "--run", "r", *FAST) == 0
    capsys.readouterr()
    made = ("sample", "r", "-n", 4, "-o", "out.txt", "--prime", "good", "--length", 12, "--seed", 1)
    assert run(*made) == 0
    texts = Path("out.txt").read_text()
    assert all(line.startswith("good") for line in texts.splitlines())
    assert run(*made) == 0
    assert Path("out.txt").read_text() == texts
    assert run("sample", "r", "-o", "out.mid") == 2
    assert "this model writes texts; .txt, .abc is needed" in capsys.readouterr().err
    rolls = {f"roll{i}": np.eye(88, dtype=bool)[30 + (np.arange(12) + i) % 9] for i in range(12)}
    np.savez("rolls.npz", **rolls)
    assert run("fit", "sequence-generator", "rolls.npz", "--run", "m", *FAST) == 0
    assert run("sample", "m", "-o", "tune.mid", "--length", 40, "--temperature", 1.0, "--seed", 3) == 0
    assert read_midi("tune.mid").frames.any()
    assert run("sample", "m", "-o", "tunes", "-n", 2, "--prime", "rolls.npz", "--length", 20) == 0
    assert len(list(Path("tunes").glob("*.mid"))) == 2
    Path("broken.mid").write_bytes(b"MThd\x00\x00")
    assert run("fit", "sequence-generator", "broken.mid", "--run", "x") == 2
    assert "broken.mid" in capsys.readouterr().err


def test_wrong_encodings_and_words_are_told_with_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    Path("latin.tsv").write_bytes("gut\t+\nschön\t+\nschlecht\t-\n".encode("latin-1"))
    assert run("fit", "sequence-classifier", "latin.tsv", "--run", "x") == 2
    assert "latin.tsv, line 2: byte 9 (0xf6) is not in utf-8" in capsys.readouterr().err
    Path("empty.tsv").write_text("")
    assert run("fit", "sequence-classifier", "empty.tsv", "--run", "x") == 2
    assert "empty.tsv holds no text" in capsys.readouterr().err
    assert run("fit", "sequence-classifier", _labelled(), "--cell", "grue", "--run", "x") == 2
    assert run("fit", "sequence-classifier", "text.tsv", "--run", "x") == 2
    assert "texts.tsv" in capsys.readouterr().err  # a near name


def test_the_command_in_the_record_makes_the_run_again() -> None:
    assert run("fit", "sequence-classifier", _labelled(), "--run", "r", *FAST) == 0
    words = shlex.split(json.loads(Path("r/run.json").read_text())["command"][0])
    assert run(*words[1:], "--run", "again") == 0
    assert Path("r/metrics.jsonl").read_text() == Path("again/metrics.jsonl").read_text()
