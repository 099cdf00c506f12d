"""Run folders changed at random, under every command that reads them: what breaks, and what goes wrong in silence.

    python benchmarks/fuzz_folders.py [--count 2000] [--seed 0] [--processes 2]

A small run of each kind of model is made once. Each trial copies one, changes one file (half of the changes leave JSON
that is valid, some of those with a checksum that fits again, as a stranger could write it), and runs the commands that
read it, each in a child that is forked warm, with limits of time and memory. A trial fails if a command ends in a
traceback or an unforeseen error (exit code 70), takes longer than 10 s or more than 1 GB above the warm process, or
answers otherwise than of the undamaged folder without a word of what is wrong. Where the checksum was forged, an answer
may differ: nothing in the folder says that it is not the right one.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")

WORDS = ["good", "bad", "film", "the", "a", "plot", "dull", "bright", "very", "scene"]


# -- the runs


def _table(rows: int, seed: int) -> str:
    """A CSV of numbers, labels, dates and gaps, and a class that follows from them."""
    chance = np.random.default_rng(seed)
    lines = ["size,colour,day,note,kind"]
    for _ in range(rows):
        size, colour = chance.normal(), chance.choice(["red", "blue", "green"])
        note = "" if chance.random() < 0.1 else f"{chance.integers(5)}"
        day = f"2026-0{chance.integers(1, 10)}-1{chance.integers(10)}"
        lines.append(f"{size:.2f},{colour},{day},{note},{'yes' if size > 0 else 'no'}")
    return "\n".join(lines) + "\n"


def make_data(folder: Path) -> None:
    """The files that the runs learn from and are asked about."""
    chance = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("points", "other", "held"):
        np.save(folder / f"{name}.npy", chance.normal(size=(120, 2)).astype("float32"))
    for i, name in enumerate(("table", "table-b", "table-held")):
        (folder / f"{name}.csv").write_text(_table(160, i))
    (folder / "gaps.csv").write_text("size,colour,day,note,kind\n0.5,,2026-03-11,1,\n,red,,,no\n")
    images = chance.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 3
    images[labels == 1, :4] = 255
    np.savez(folder / "images.npz", X=images, y=labels)
    np.save(folder / "pictures.npy", images[:6])
    lines = [" ".join(chance.choice(WORDS, size=chance.integers(2, 7))) for _ in range(60)]
    (folder / "texts.txt").write_text("".join(f"{line}\n" for line in lines))
    (folder / "texts.tsv").write_text("".join(f"{x}\t{'+' if 'good' in x else '-'}\n" for x in lines))
    (folder / "new.txt").write_text("good film\nthe dull plot\n")
    (folder / "target.txt").write_text("".join(f"{' '.join(reversed(line.split()))}\n" for line in lines))
    sentence = "EU B-ORG\nrejects O\nGerman B-MISC\ncall O\n\nPeter B-PER\nwent O\n\n"
    (folder / "tags.conll").write_text(sentence * 12)
    (folder / "series.csv").write_text("wave\n" + "".join(f"{np.sin(t / 5):.4f}\n" for t in range(160)))


SHORT = ("--seed", 0, "--threads", 1)
SEQUENCE = ("--hidden-size", 6, "--width", 6, "--epochs", 3, "--checkpoint-every", 10, *SHORT)
RUNS: dict[str, tuple[tuple[Any, ...], dict[str, tuple[Any, ...]]]] = {
    "points": (
        ("gan", "points.npy", "--steps", 24, "--checkpoint-every", 10, "--held-out", 0.2, *SHORT),
        {"sample": ("-n", 5, "--seed", 1, "-o", "OUT.csv"), "judge": ("--data", "held.npy")},
    ),
    "mixed": (
        ("gan", "table.csv", "--steps", 16, "--checkpoint-every", 8, *SHORT),
        {
            "sample": ("-n", 5, "--seed", 1, "-o", "OUT.csv"),
            "complete": ("gaps.csv", "--seed", 1, "-o", "OUT.csv"),
            "judge": ("--data", "table-held.csv"),
        },
    ),
    "images": (
        ("gan", "images.npz", "--classes", "--steps", 8, "--checkpoint-every", 4, *SHORT),
        {"sample": ("-n", 4, "--seed", 1, "-o", "OUT.npy")},
    ),
    "cycle": (
        ("cyclegan", "points.npy", "other.npy", "--steps", 16, "--restarts", 1, "--checkpoint-every", 8, *SHORT),
        {"translate": ("held.npy", "-o", "OUT.npy"), "judge": ("--data", "held.npy", "other.npy")},
    ),
    "cycle-tables": (
        ("cyclegan", "table.csv", "table-b.csv", "--steps", 8, "--restarts", 1, "--checkpoint-every", 4, *SHORT),
        {"translate": ("table-held.csv", "-o", "OUT.csv")},
    ),
    "classifier": (
        ("classifier", "table.csv", "--target", "kind", "--max-iter", 4, "--checkpoint-every", 2, *SHORT),
        {"predict": ("table-held.csv", "-o", "OUT.csv"), "judge": ("--data", "table-held.csv")},
    ),
    "pictures": (
        ("classifier", "images.npz", "--max-iter", 2, "--checkpoint-every", 1, *SHORT),
        {"predict": ("pictures.npy", "-o", "OUT.csv"), "judge": ("--data", "images.npz")},
    ),
    "regressor": (
        ("regressor", "table.csv", "--target", "size", "--max-iter", 4, "--checkpoint-every", 2, *SHORT),
        {"predict": ("table-held.csv", "-o", "OUT.csv"), "judge": ("--data", "table-held.csv")},
    ),
    "texts": (
        ("sequence-classifier", "texts.tsv", *SEQUENCE),
        {"predict": ("new.txt", "-o", "OUT.csv"), "judge": ("--data", "texts.tsv")},
    ),
    "series": (
        ("sequence-regressor", "series.csv", "--ahead", 3, "--back", 8, *SEQUENCE),
        {"predict": ("series.csv", "-o", "OUT.csv"), "judge": ("--data", "series.csv")},
    ),
    "tags": (
        ("sequence-tagger", "tags.conll", *SEQUENCE),
        {"predict": ("new.txt", "-o", "OUT.conll"), "judge": ("--data", "tags.conll")},
    ),
    "writer": (
        ("sequence-generator", "texts.txt", *SEQUENCE),
        {"sample": ("-n", 3, "--seed", 1, "-o", "OUT.txt"), "judge": ("--data", "texts.txt")},
    ),
    "translator": (
        ("sequence-translator", "texts.txt", "target.txt", *SEQUENCE),
        {"translate": ("new.txt", "-o", "OUT.txt"), "judge": ("--data", "texts.txt", "--target", "target.txt")},
    ),
}  # name: (how it is fitted, the commands that use its weights)
READING: dict[str, tuple[Any, ...]] = {"show": (), "report": (), "diagnose": (), "resume": ()}


def command(*words: Any) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, run in this process."""
    from sparring.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(word) for word in words])
        except SystemExit as ended:
            code = ended.code
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def make_runs(folder: Path) -> None:
    """Fit one small run of each kind in a folder, beside its data."""
    make_data(folder)
    with inside(folder):
        for name, (words, _) in RUNS.items():
            if not (Path(name) / "report.html").exists():
                code, _, said = command("fit", *words, "--run", name)
                assert code == 0, f"{name}: {said}"
