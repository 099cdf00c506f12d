"""CycleGANs on collections whose true pairing is known, though no pair is ever shown.

    python benchmarks/cyclegan.py points [--seeds 10] [--rows 16000]
    python benchmarks/cyclegan.py digits mnist characters --data FOLDER [--seeds 3]
    python benchmarks/cyclegan.py ablation [--seeds 3]
    python benchmarks/cyclegan.py tables [--seeds 3] [--rows 4000]
    python benchmarks/cyclegan.py looks --data FOLDER --fashion FOLDER --out FOLDER

FOLDER (--data) holds the folders images-mnist (IDX files) and images-pixel-characters (pixel-characters.tar.gz). Both
collections of a set are made from different rows (of characters: of the same figures, shuffled). Rows that are judged
were never learned from, and the settings were chosen on other seeds. For each set:

right     of points: the share that lands in the component of the mixture that the truth puts it in;
          of images: the share of translations to which their own partner is nearest of all test rows
relative  mean distance from the truth, over the mean size of the truth (of images from black)
knowing   of points: the relative error of the affine map between the components' means, if every row's component were
          known: what the rows allow
strict    the same over the mean distance of the truth from the mean training row: 1 for always saying that one
mae       mean absolute error, in shares of the range; as it is: of leaving images alone; linear: of the best linear map
          of each channel, fitted to the test pairs themselves
W1        exact, between translations and other real rows, over its floor
labels    of tables: the share of labels that are right, over all columns of labels (and of always saying the commonest)
ranks     of tables: by how much the ranks of numbers and dates are off (and those of always saying the middle)
"""

import argparse
import io
import tarfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from images import read as read_idx
from PIL import Image

import sparring as sp
from sparring.data import toy
from sparring.data.columns import LABELLED
from sparring.data.image import grid

CENTRES = np.array([[-1.0, -0.6], [1.2, 0.1], [0.1, 1.3]])
HALF = 0.5**0.5
MAPS = {
    "turned by 45°": np.array([[HALF, -HALF], [HALF, HALF]]),
    "turned by 180°": -np.eye(2),
    "mirrored": np.array([[0.0, 1.0], [1.0, 0.0]]),
}
ABLATION: dict[str, dict[str, Any]] = {
    "cycle alone": {"adversarial": 0},
    "GAN alone": {"cycle": 0},
    "GAN + forward cycle": {"cycle": (1, 0)},
    "GAN + backward cycle": {"cycle": (0, 1)},
    "CycleGAN": {},
}


@dataclass(frozen=True)
class Known:
    """Two collections to learn from, and rows of both that are each other's partners, to judge by."""

    name: str
    a: Any
    b: Any
    a_test: Any
    b_test: Any


def fitted(known: Known, seed: int, **settings: Any) -> tuple[Any, float]:
    """(the model, CPU seconds) on one thread."""
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sp.TroubleWarning)
        model = sp.CycleGAN(threads=1, random_state=seed, **settings).fit(known.a, known.b)
    return model, time.process_time() - began


def relative(made: np.ndarray, truth: np.ndarray) -> float:
    apart, size = (
        np.linalg.norm(np.asarray(x, float).reshape(len(x), -1), axis=1) for x in (made - truth * 1.0, truth)
    )
    return float(apart.mean() / size.mean())


# -- points


def mixture(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points of three unequal components, and which one each is of."""
    component = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return CENTRES[component] + 0.15 * rng.normal(size=(n, 2)), component


def points(name: str, seed: int, rows: int = 4000) -> tuple[Known, np.ndarray, float]:
    """(the set, the components of the test rows, the relative error of knowing the components)."""
    rng, matrix = np.random.default_rng(100 + seed), MAPS[name]
    (a, of_a), (b, of_b), (test, component) = mixture(rows, rng), mixture(rows, rng), mixture(2000, rng)
    known = Known(name, a, b @ matrix.T, test, test @ matrix.T)
    means = [np.stack([side[of == i].mean(0) for i in range(3)]) for side, of in ((known.a, of_a), (known.b, of_b))]
    affine = np.linalg.solve(np.c_[means[0], np.ones(3)], means[1])
    return known, component, relative(np.c_[test, np.ones(len(test))] @ affine, known.b_test)


def in_right_component(model: Any, known: Known, component: np.ndarray) -> float:
    made, centres = model.transform(known.a_test), CENTRES @ MAPS[known.name].T
    return float((np.linalg.norm(made[:, None] - centres, axis=2).argmin(1) == component).mean())


def point_table(seeds: int, rows: int) -> None:
    head = "seeds found | right, least | relative error, mean (most) | knowing, mean (most) | CPU s, mean (most)"
    print(f"| map, {rows:,} rows | {head} |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for name in MAPS:
        right, error, best, seconds = [], [], [], []
        for seed in range(seeds):
            known, component, floor = points(name, seed, rows)
            model, took = fitted(known, seed)
            right.append(in_right_component(model, known, component))
            error.append(relative(model.transform(known.a_test), known.b_test))
            best.append(floor)
            seconds.append(took)
        found = sum(r >= 0.99 and e <= 0.01 for r, e in zip(right, error, strict=True))
        print(
            f"| {name} | {found} of {seeds} | {min(right):.3f} | {np.mean(error):.4f} ({max(error):.4f}) | "
            f"{np.mean(best):.4f} ({max(best):.4f}) | "
            f"{np.mean(seconds):.0f} ({max(seconds):.0f}) |",
            flush=True,
        )


# -- images


def halves(
    name: str, rows: np.ndarray, test: np.ndarray, change: Callable[[np.ndarray], np.ndarray], seed: int
) -> Known:
    """One half of the rows as they are, and the other half changed."""
    rows = rows[np.random.default_rng(seed).permutation(len(rows))]
    half = len(rows) // 2
    return Known(name, rows[:half], change(rows[half:]), test, change(test))


def digits(seed: int) -> list[Known]:
    rows, test, *_ = toy.digits_split()
    return [
        halves("digits 8×8, inverted", rows, test, lambda x: 16 - x, seed),
        halves("digits 8×8, transposed", rows, test, lambda x: x.swapaxes(1, 2), seed),
    ]


def mnist(folder: Path, seed: int) -> list[Known]:
    rows, test = (read_idx(str(folder / "images-mnist"), part)[0] for part in ("train", "t10k"))
    rows, test = rows[np.random.default_rng(seed).permutation(len(rows))[:10_000]], test[:1000]
    return [
        halves("MNIST 28×28, inverted", rows, test, lambda x: 255 - x, seed),
        halves("MNIST 28×28, transposed", rows, test, lambda x: x.swapaxes(1, 2), seed),
    ]


def views(folder: Path, size: int) -> np.ndarray:
    """Pixel characters on white, (view, figure, size, size, 3): from the back, facing left, from the front, right."""
    found = {}
    with tarfile.open(folder / "images-pixel-characters" / "pixel-characters.tar.gz") as archive:
        for member in archive:
            if not member.name.endswith(".png"):
                continue
            view, number = Path(member.name).parts[-2:]
            file = archive.extractfile(member)
            assert file is not None
            with Image.open(io.BytesIO(file.read())) as image:
                white = Image.new("RGBA", image.size, (255, 255, 255, 255))
                white.alpha_composite(image.convert("RGBA"))
                shrunk = white.convert("RGB").resize((size, size), Image.Resampling.BOX)
                found[int(view), int(number[:-4])] = np.asarray(shrunk)
    figures = 1 + max(number for _, number in found)
    return np.stack([np.stack([found[view, number] for number in range(figures)]) for view in range(4)])


def characters(folder: Path, seed: int, size: int = 32) -> list[Known]:
    """Every tenth figure is judged by; the others are seen from both sides, in other orders, so that none is a pair."""
    seen, number, rng = views(folder, size), np.arange(912), np.random.default_rng(seed)
    test, rest = number[number % 10 == 0], number[number % 10 != 0]
    one, other = rng.permutation(rest), rng.permutation(rest)
    return [
        Known(f"characters {size}×{size}, {name}", seen[a][one], seen[b][other], seen[a][test], seen[b][test])
        for name, a, b in (("facing right to left", 3, 1), ("front to facing left", 2, 1))
    ]


HEAD = (
    "| set | begins at | right | relative | strict | SSIM | mae | as it is | linear | W1 / floor | CPU s |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def image_row(known: Known, seed: int, **settings: Any) -> Any:
    model, seconds = fitted(known, seed, **settings)
    way = model.judge(known.a_test, known.b_test, pairs=True, random_state=seed)["A to B"]
    truth = way.truth
    made = relative(model.transform(known.a_test), known.b_test)
    own, as_it_is, linear = (truth[name] for name in ("translated", "as it is", "linear map"))
    said = f"{truth.retrieval:.3f} | {made:.4f} | {own.relative:.3f} | {own.ssim:.3f}"
    print(
        f"| {known.name} | {model.start_.said} | {said} | "
        f"{own.mae:.4f} | {as_it_is.mae:.4f} | {linear.mae:.4f} | {way.verdict['w1'].ratio:.2f} | {seconds:.0f} |",
        flush=True,
    )
    return model


def picture(model: Any, known: Known, path: Path, n: int = 8) -> None:
    """Columns: rows of A, what they become, the truth, and what comes back."""
    a = known.a_test[:n]
    made = model.transform(a)
    columns = [a, made, known.b_test[:n], model.inverse_transform(made)]
    cells = np.stack([np.asarray(column) for column in columns], axis=1).reshape(-1, *a.shape[1:])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid(cells.astype(np.uint8) if cells.max() > 16 else cells, len(columns))).save(path)


def image_table(make: Callable[[int], list[Known]], seeds: int, out: Path | None, only: str, **settings: Any) -> None:
    print(HEAD, flush=True)
    for seed in range(seeds):
        for known in make(seed):
            if only in known.name:
                model = image_row(known, seed, **settings)
                if out is not None and seed == 0:
                    picture(model, known, out / f"{known.name.replace(' ', '-').replace(',', '')}.png")


# -- tables of any columns


def people(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What two tables tell of the same kind of people."""
    female, town = rng.random(n) < 0.56, rng.choice(4, n, p=[0.45, 0.28, 0.17, 0.10])
    age, height = np.clip(rng.gamma(6, 7, n), 18, 95), np.where(female, 166, 179) + rng.normal(0, 6, n)
    smokes = rng.random(n) < np.where(female, 0.15, 0.35)
    return {
        "female": female,
        "town": town,
        "age": age,
        "height": height,
        "weight": (height - 100) * 0.9 * np.exp(rng.normal(0, 0.13, n)) + 0.08 * (age - 40),
        "income": np.exp(np.array([7.6, 7.9, 8.2, 8.6])[town] + rng.normal(0, 0.35, n)),
        "smokes": smokes,
        "joined": ((age - 18) * 200 * rng.beta(3, 1, n)).astype(int),
        "gap": rng.random(n) < np.where(smokes, 0.25, 0.05),
    }


def metric(p: dict[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sex": np.where(p["female"], "female", "male"),
            "height_cm": p["height"].round(1),
            "weight_kg": p["weight"].round(1),
            "town": np.array(["Ulm", "Bonn", "Jena", "Trier"])[p["town"]],
            "age": p["age"].astype(int),
            "smokes": p["smokes"],
            "income": np.where(p["gap"], np.nan, p["income"].round(2)),
            "joined": pd.Timestamp("2024-01-01") - pd.to_timedelta(p["joined"], unit="D"),
        }
    )


def imperial(p: dict[str, np.ndarray]) -> pd.DataFrame:
    """Other names, units, labels and order: numbers that rise, or fall (born, days), with those of ``metric``."""
    return pd.DataFrame(
        {
            "residence": np.array(["north", "east", "south", "west"])[p["town"]],
            "pay": np.where(p["gap"], np.nan, (p["income"] * 13.2).round(-1)),
            "pounds": (p["weight"] * 2.2046).round().astype(int),
            "tobacco": np.where(p["smokes"], "yes", "no"),
            "gender": np.where(p["female"], "W", "M"),
            "inches": (p["height"] / 2.54).round(1),
            "born": 2024 - p["age"].astype(int),
            "days": p["joined"],
        }
    )


def derived(p: dict[str, np.ndarray]) -> pd.DataFrame:
    """And two columns of labels that A has not: a size by height, and a risk by smoking and weight."""
    size = np.array(["S", "M", "L", "XL"])[np.digitize(p["height"], [163, 172, 182])]
    risk = np.where(~p["smokes"], "low", np.where(p["weight"] > 74, "high", "medium"))
    return imperial(p)[["residence", "pay", "pounds", "gender", "inches"]].assign(size=size, risk=risk)


def tied(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Two labels of equal shares that no other column tells apart: which is which cannot be known."""
    return {**people(n, rng), "coin": rng.random(n) < 0.5}


TABLES: dict[str, tuple[Callable[..., Any], Callable[..., pd.DataFrame], Callable[..., pd.DataFrame]]] = {
    "renamed": (people, metric, imperial),
    "derived": (people, lambda p: metric(p).drop(columns=["age", "joined"]), derived),
    "a coin": (
        tied,
        lambda p: metric(p).assign(coin=np.where(p["coin"], "heads", "tails")),
        lambda p: imperial(p).assign(face=np.where(p["coin"], "up", "down")),
    ),
}


def mixed_tables(name: str, seed: int, rows: int = 4000, test: int = 1000) -> Known:
    made, one, other = TABLES[name]
    rng = np.random.default_rng(200 + seed)
    a, b, both = made(rows, rng), made(rows, rng), made(test, rng)
    return Known(name, one(a), other(b), one(both), other(both))


def mixed_table(seeds: int, rows: int, only: str, **settings: Any) -> None:
    print(f"| tables, {rows:,} rows | seed | way | labels | ranks | worst columns | W1 / floor | CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name in TABLES:
        for seed in range(seeds if only in name else 0):
            known = mixed_tables(name, seed, rows)
            model, seconds = fitted(known, seed, **settings)
            verdict = model.judge(known.a_test, known.b_test, pairs=True, random_state=seed)
            for way in verdict.directions:
                print(f"| {name} | {seed} | {way.name} | {said_of(way)} | {seconds:.0f} |", flush=True)


def said_of(way: Any) -> str:
    """Shares of right labels and ranks off, beside always saying the usual; the two worst columns; W1."""
    columns = way.truth.columns
    labels, numbers = ([c for c in columns if (c.kind in LABELLED) == kind] for kind in (True, False))
    right = f"{np.mean([1 - c.error for c in labels]):.3f} ({np.mean([1 - c.usual for c in labels]):.3f})"
    off = f"{np.mean([c.error for c in numbers]):.4f} ({np.mean([c.usual for c in numbers]):.3f})"
    worst = sorted(columns, key=lambda c: -c.error)[:2]
    named = ", ".join(f"{c.name} {c.error:.3f}" for c in worst)
    return f"{right} | {off} | {named} | {way.verdict['w1'].ratio:.2f}"


# -- the paper's ablation


def ablation_table(seeds: int) -> None:
    """Without alignment and restarts, so that the game alone finds what it finds."""
    print(
        "| points turned by 45°, from chance | right | relative error | digits inverted, from chance: right | strict |"
    )
    print("| --- | --- | --- | --- | --- |", flush=True)
    for name, weights in ABLATION.items():
        found = []
        for seed in range(seeds):
            known, component, _ = points("turned by 45°", seed)
            model, _ = fitted(known, seed, align=False, restarts=1, **weights)
            found.append(
                [in_right_component(model, known, component), relative(model.transform(known.a_test), known.b_test)]
            )
            image = digits(seed)[0]
            truth = fitted(image, seed, align=False, steps=600, **weights)[0]
            truth = truth.judge(image.a_test, image.b_test, pairs=True)["A to B"].truth
            found[-1] += [truth.retrieval, truth["translated"].relative]
        cells = [" ".join(f"{row[i]:.2f}" for row in found) for i in range(4)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


# -- for looks


def looks(data: Path, fashion: Path, out: Path, seed: int = 0) -> None:
    """MNIST and Fashion-MNIST, which have no true pairing: pictures, and the judge's word."""
    sides = {name: [read_idx(str(folder), part)[0] for part in ("train", "t10k")] for name, folder in
             (("digits", data / "images-mnist"), ("clothes", fashion))}  # fmt: skip
    known = Known("digits to clothes", sides["digits"][0][:5000], sides["clothes"][0][:5000],
                  sides["digits"][1][:500], sides["clothes"][1][:500])  # fmt: skip
    model, seconds = fitted(known, seed)
    print(model.judge(known.a_test, known.b_test))
    print(f"{seconds:.0f} CPU s")
    picture(model, known, out / "digits-to-clothes.png")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "what", nargs="+", choices=("points", "digits", "mnist", "characters", "ablation", "tables", "looks")
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--fashion", type=Path, help="a folder of Fashion-MNIST's four IDX files")
    parser.add_argument("--out", type=Path, help="a folder for pictures")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, help="of either side [default: points 16000, tables 4000]")
    parser.add_argument("--size", type=int, default=32, help="pixels of characters")
    parser.add_argument("--only", default="", help="sets with this in their names")
    parser.add_argument("--steps", type=int, help="rounds [default: the recipe's]")
    parser.add_argument("--no-align", action="store_true", help="begin by chance")
    chosen = parser.parse_args(words)
    settings = {"steps": chosen.steps, "align": not chosen.no_align}

    def images(make: Callable[[int], list[Known]]) -> None:
        image_table(make, chosen.seeds, chosen.out, chosen.only, **settings)

    table = {
        "points": lambda: point_table(chosen.seeds, chosen.rows or 16_000),
        "digits": lambda: images(digits),
        "mnist": lambda: image_table(
            lambda s: mnist(chosen.data, s), chosen.seeds, chosen.out, chosen.only, **settings
        ),
        "characters": lambda: image_table(
            lambda s: characters(chosen.data, s, chosen.size), chosen.seeds, chosen.out, chosen.only, **settings
        ),
        "ablation": lambda: ablation_table(chosen.seeds),
        "tables": lambda: mixed_table(chosen.seeds, chosen.rows or 4_000, chosen.only, **settings),
        "looks": lambda: looks(chosen.data, chosen.fashion, chosen.out),
    }
    for what in chosen.what:
        print(f"# {what}", flush=True)
        table[what]()


if __name__ == "__main__":
    main()
