"""Generated tables: how good classifiers become that saw nothing else, how alike all columns are, and what it costs.

    python benchmarks/tables.py adult --data FOLDER [--seeds 3] [--steps N] [--threads 1]
    python benchmarks/tables.py adult --data FOLDER --peer 300     beside ctgan (pip install ctgan), so many epochs
    python benchmarks/tables.py sensible --data FOLDER             penguins, and tables of one kind of column
    python benchmarks/tables.py complete --data FOLDER             gaps of Adult's test rows
    python benchmarks/tables.py speed [--rows 1000000] [--peer 1]  encoding, training steps, sampling, memory
    python benchmarks/tables.py large --threads 1 [--steps 200]    a CSV of more and more rows, read in parts

FOLDER holds table-adult and table-penguins. Adult: models learn from the training file (32,561 rows), make as many
rows, and classifiers that learn from those are tried on the test file (16,281 rows). The test file is used for nothing
else; settings were chosen by one seed and the figures below that need no test file.

F1       binary, of ">50K": mean of a decision tree of depth 15 and logistic regression, both with balanced classes,
         AdaBoost and an MLP of 50 units (as SDGym, where real rows give 0.669)
AUC      of gradient boosting on the test file
TV, KS   of each category, of each column of numbers, against the training rows; mean
two      AUC of gradient boosting between generated and real test rows, three folds: 0.5 where they cannot be told
pairs    mean total variation of two columns together (numbers in ten bins), over that of training against test rows
copies   share of rows nearer to a training row than the nearest 5 % of training rows are, beside test rows' share
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import AdaBoostClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

import sparring as sp
from sparring.data.mixed import MixedSchema
from sparring.estimators.completing import completed
from sparring.judging.marginals import kolmogorov_smirnov, total_variation
from sparring.judging.together import pairs_apart, shares_together

NAMES = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
]
NUMBERS = ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
LABELS = [name for name in NAMES if name not in NUMBERS]


def adult(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(training rows, test rows); the test file's labels end with a full stop, which is left away."""
    found = []
    for part in ("train", "test"):
        frame = pd.read_csv(folder / "table-adult" / f"adult-{part}.csv.gz", names=NAMES, skipinitialspace=True)
        found.append(frame.assign(income=frame["income"].str.rstrip(".")))
    return found[0], found[1]


# -- figures


def places(frame: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """Labels by their place among the training rows', below 0 for others."""
    known = {name: pd.Index(np.sort(train[name].unique())) for name in LABELS}
    return frame.assign(**{name: known[name].get_indexer(pd.Index(frame[name])) for name in LABELS})


def one_hot(frame: pd.DataFrame, train: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    numbers = (frame[NUMBERS] - train[NUMBERS].mean()) / train[NUMBERS].std()
    parts = [frame[name].to_numpy()[:, None] == np.sort(train[name].unique()) for name in LABELS[:-1]]
    return np.hstack([numbers.to_numpy(float), *parts]), (frame["income"] == ">50K").to_numpy(int)


def coded(frame: pd.DataFrame, train: pd.DataFrame) -> np.ndarray:
    places = {name: np.sort(train[name].unique()) for name in LABELS}
    columns = [pd.Index(places[n]).get_indexer(frame[n]) if n in places else frame[n] for n in NAMES]
    return np.column_stack(columns).astype(float)


def f1(rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame) -> float:
    x, y = one_hot(rows, train)
    x_test, y_test = one_hot(test, train)
    models = (
        DecisionTreeClassifier(max_depth=15, class_weight="balanced", random_state=0),
        AdaBoostClassifier(random_state=0),
        LogisticRegression(max_iter=200, class_weight="balanced"),
        MLPClassifier((50,), max_iter=50, random_state=0),
    )
    return float(np.mean([f1_score(y_test, model.fit(x, y).predict(x_test)) for model in models]))


def boosted(rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame) -> float:
    x, x_test = coded(rows, train), coded(test, train)
    labels = [NAMES.index(name) for name in LABELS[:-1]]
    model = HistGradientBoostingClassifier(categorical_features=labels, random_state=0).fit(x[:, :-1], x[:, -1])
    return float(roc_auc_score(x_test[:, -1], model.predict_proba(x_test[:, :-1])[:, 1]))


def two_sample(rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, most: int = 10_000) -> float:
    rng = np.random.default_rng(0)
    sides = [coded(side, train)[rng.permutation(len(side))[:most]] for side in (rows, test)]
    labels = [NAMES.index(name) for name in LABELS]
    model = HistGradientBoostingClassifier(categorical_features=labels, random_state=0)
    truth = np.repeat([0, 1], [len(side) for side in sides])
    said = cross_val_predict(model, np.vstack(sides), truth, cv=3, method="predict_proba")[:, 1]
    return float(roc_auc_score(truth, said))


def together(rows: pd.DataFrame, train: pd.DataFrame) -> float:
    """Mean total variation of two columns' joint shares; numbers in ten bins of the training rows."""
    edges = {name: np.unique(np.quantile(train[name], np.linspace(0, 1, 11)))[1:-1] for name in NUMBERS}
    binned = [
        places(f, train).assign(**{n: np.searchsorted(edges[n], f[n], side="right") for n in NUMBERS})[NAMES] + 1
        for f in (rows, train)
    ]
    sizes = (np.maximum(*(side.to_numpy().max(axis=0) for side in binned)) + 1).tolist()
    return float(pairs_apart(*(shares_together(side.to_numpy(), sizes) for side in binned), sizes).mean())


def near_copies(rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame) -> tuple[float, float]:
    verdict = sp.judge(rows, train, test, draws=2)
    return verdict["near_copies"].value, verdict["near_copies"].floor


HEAD = (
    "| rows of | F1 | AUC | TV | KS | P(capital-gain = 0) | out of range | two | pairs | copies (test) | CPU s |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def adult_row(name: str, rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, seconds: float) -> None:
    zero = [(side["capital-gain"] == 0).mean() for side in (rows, train)]
    outside = sum(((rows[n] < train[n].min()) | (rows[n] > train[n].max())).sum() for n in NUMBERS)
    outside += sum((~rows[n].isin(train[n])).sum() for n in LABELS)
    told = [places(side, train) for side in (rows, train)]
    tv = np.mean([total_variation(*(side[n].to_numpy() for side in told)) for n in LABELS])
    ks = np.mean([kolmogorov_smirnov(*(side[n].to_numpy() for side in told)) for n in NUMBERS])
    near, usual = near_copies(rows, train, test)
    print(
        f"| {name} | {f1(rows, train, test):.3f} | {boosted(rows, train, test):.4f} | {tv:.4f} | {ks:.4f} | "
        f"{zero[0]:.4f} ({zero[0] - zero[1]:+.4f}) | {outside} | {two_sample(rows, train, test):.3f} | "
        f"{together(rows, train) / together(test, train):.2f} | {near:.3f} ({usual:.3f}) | {seconds:.0f} |",
        flush=True,
    )


def fit_adult(folder: Path, seeds: int, peer: int | None, settings: dict[str, Any]) -> None:
    train, test = adult(folder)
    print(HEAD)
    adult_row("training file", train, train, test, 0.0)
    for seed in range(seeds):
        began = time.process_time()
        gan = sp.GAN(random_state=seed, probes=False, **settings).fit(train)
        seconds = time.process_time() - began
        adult_row(f"sparring, seed {seed}", gan.sample(len(train), random_state=seed), train, test, seconds)
    if peer is not None:
        import torch
        from ctgan import CTGAN

        torch.set_num_threads(settings["threads"] or torch.get_num_threads())
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002, where the peer draws from
        began = time.process_time()
        model = CTGAN(epochs=peer, cuda=False)
        model.fit(train, LABELS)
        adult_row(f"ctgan, {peer} epochs", model.sample(len(train)), train, test, time.process_time() - began)


# -- tables of one kind, without settings


def made_tables(folder: Path) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    n = 4_000
    group = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    size = rng.normal(size=n) + 2.0 * (group == "b")
    start = pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.gamma(2, 100, n).round(), "h")
    return {
        "penguins": pd.read_csv(next((folder / "table-penguins").glob("*.csv"))),
        "numbers": pd.DataFrame({"x": size, "y": size**2 + rng.normal(size=n), "z": rng.poisson(2, n)}),
        "categories": pd.DataFrame(
            {
                "group": group,
                "kind": np.where(rng.random(n) < 0.8, group, "d"),
                "town": rng.integers(0, 300, n).astype(str),
            }
        ),
        "dates": pd.DataFrame(
            {"start": start, "end": start + pd.to_timedelta(rng.gamma(2, 20, n).round(), "h"), "group": group}
        ),
    }


def sensible(folder: Path, settings: dict[str, Any]) -> None:
    print("| table | rows | W1 / floor | two sample / floor | coverage / floor | near copies (floor) | CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    tables = {**made_tables(folder), "a million rows": mixed_rows(1_000_000, 0)}
    for name, frame in tables.items():
        order = np.random.default_rng(1).permutation(len(frame))
        train, test = (frame.iloc[part].reset_index(drop=True) for part in np.split(order, [len(frame) * 7 // 10]))
        began = time.process_time()
        gan = sp.GAN(random_state=0, probes=False, **settings).fit(train)
        seconds = time.process_time() - began
        verdict = gan.judge(test)
        ratios = " | ".join(f"{verdict[f].ratio:.2f}" for f in ("w1", "two_sample", "coverage"))
        copies = verdict["near_copies"]
        said = f"{copies.value:.3f} ({copies.floor:.3f})"
        print(f"| {name} | {len(train):,} | {ratios} | {said} | {seconds:.0f} |", flush=True)


# -- gaps


FILLED = ["income", "sex", "occupation", "age", "hours-per-week", "capital-gain"]


def complete(folder: Path, seeds: int, settings: dict[str, Any]) -> None:
    """One column missing from 5,000 test rows, and then each cell of the six with a chance of a third.

    Beside the same with training rows in the place of made ones, and values of other rows by chance. Labels: how many
    are the true ones. Numbers: the mean error in ranks, from 0 to 1. Draws are meant to spread, not to hit.
    """
    train, test = adult(folder)
    rows = test.sample(5_000, random_state=0, ignore_index=True)
    schema = MixedSchema.of(train)
    gaps = np.random.default_rng(0).random((len(rows), len(FILLED))) < 1 / 3
    print("| missing | sparring | training rows as donors | by chance | its shares, TV or KS: sparring, donors |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for seed in range(seeds):
        gan = sp.GAN(random_state=seed, probes=False, **settings).fit(train)

        def real(n: int, random_state: int) -> pd.DataFrame:
            return train.sample(n, random_state=random_state % 2**31, ignore_index=True)

        cases = {name: np.arange(len(FILLED))[None] == FILLED.index(name) for name in FILLED} | {"a third of all": gaps}
        for case, missing in cases.items():
            mask = pd.DataFrame(np.broadcast_to(missing, gaps.shape), columns=FILLED)
            given = rows.assign(**{name: rows[name].astype(object).mask(mask[name]) for name in FILLED})
            ways = [
                gan.complete(given, random_state=seed),
                completed(real, schema, given, None, seed),
                rows.assign(**{name: train[name].sample(len(rows), random_state=1).to_numpy() for name in FILLED}),
            ]
            for name in [case] if case in FILLED else FILLED:
                told = [hit(way[name][mask[name]], rows[name][mask[name]], train[name]) for way in ways]
                apart = [distance(way[name][mask[name]], rows[name][mask[name]]) for way in ways[:2]]
                label = name if name == case else f"{case}: {name}"
                print(f"| {label} | {' | '.join(told)} | {apart[0]:.3f}, {apart[1]:.3f} |", flush=True)


def hit(made: Any, truth: Any, train: Any) -> str:
    if truth.name in LABELS:
        return f"{(made.to_numpy() == truth.to_numpy()).mean():.3f} right"
    order = np.sort(train)
    ranks = [(np.searchsorted(order, x) + np.searchsorted(order, x, "right")) / 2 / len(order) for x in (made, truth)]
    return f"{np.abs(ranks[0] - ranks[1]).mean():.3f} off"


def distance(made: Any, truth: Any) -> float:
    if truth.name not in LABELS:
        return kolmogorov_smirnov(made.to_numpy(float), truth.to_numpy(float))
    both = pd.Index(sorted(set(made) | set(truth)))
    return total_variation(*(both.get_indexer(side.to_numpy()).astype(float) for side in (made, truth)))


# -- speed

now = time.perf_counter


def speed(folder: Path, rows: int, peer: int | None, settings: dict[str, Any]) -> None:
    """Peaks of memory are of the process so far: ours first, then the peer's, then many rows."""
    train, _ = adult(folder)
    encoded("Adult", train)
    ticks: list[float] = []
    began = now()
    gan = sp.GAN(random_state=0, probes=False, **{**settings, "steps": 201}, verbose=lambda _: ticks.append(now()))
    gan.fit(train)
    print(f"training: {200 / (ticks[-1] - ticks[0]):.1f} steps/s, after {ticks[0] - began:.1f} s", flush=True)
    began = now()
    gan.sample(len(train), random_state=0)
    print(f"sampling: {len(train) / (now() - began):,.0f} rows/s; {peak()}", flush=True)
    if peer is not None:
        peer_speed(train, peer)
    encoded(f"{rows:,} rows", train.sample(rows, replace=True, random_state=0, ignore_index=True))


def encoded(name: str, frame: pd.DataFrame) -> None:
    began = now()
    schema = MixedSchema.of(frame)
    found = now() - began
    schema.compact(frame)
    print(f"{name}: schema {found:.2f} s, encoding {now() - began - found:.2f} s", flush=True)


def peak() -> str:
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB"


def peer_speed(train: pd.DataFrame, epochs: int) -> None:
    from ctgan import CTGAN
    from ctgan.data_transformer import DataTransformer

    began = time.perf_counter()
    transformer = DataTransformer()
    transformer.fit(train, LABELS)
    fitted = time.perf_counter() - began
    transformer.transform(train)
    encoded = time.perf_counter() - began - fitted
    print(f"ctgan: fit of the encoding {fitted:.1f} s, encoding {encoded:.1f} s", flush=True)
    model = CTGAN(epochs=epochs, cuda=False)
    began = time.perf_counter()
    model.fit(train, LABELS)
    steps = epochs * max(len(train) // 500, 1)
    print(f"ctgan: {steps / (time.perf_counter() - began - fitted - encoded):.1f} steps/s", flush=True)
    began = time.perf_counter()
    model.sample(len(train))
    print(f"ctgan: {len(train) / (time.perf_counter() - began):,.0f} rows/s; {peak()}", flush=True)


# -- larger than memory


def mixed_rows(n: int, seed: int) -> pd.DataFrame:
    """15 columns of mixed kinds, with gaps, lumps, dates, many labels, and rules that hold in every row."""
    rng = np.random.default_rng(seed)
    town = rng.zipf(1.3, n).clip(1, 2_000)
    net, share = rng.gamma(2.0, 40.0, n).round(2), rng.random(n)
    start = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3_000, n), "D")
    kind = rng.choice(["private", "public", "self"], n, p=[0.7, 0.2, 0.1])
    return pd.DataFrame(
        {
            "age": rng.integers(18, 95, n),
            "weight": rng.lognormal(12.0, 0.5, n),
            "town": [f"town {number}" for number in town],
            "region": np.array(["north", "east", "south", "west"])[town % 4],
            "kind": kind,
            "code": pd.Series(kind).map({"private": "A", "public": "B", "self": "C"}),
            "level": rng.integers(1, 17, n),
            "gain": np.where(share < 0.08, rng.gamma(1.0, 9_000.0, n).round(), 0).astype(int),
            "hours": rng.normal(40, 12, n).round(1).clip(1, 99),
            "net": net,
            "tax": (0.2 * net).round(2),
            "gross": (net + (0.2 * net).round(2)).round(2),
            "start": start,
            "end": start + pd.to_timedelta(rng.geometric(0.01, n), "D"),
            "works": pd.Series(rng.choice([True, False, None], n, p=[0.6, 0.35, 0.05])),
        }
    )


def large(settings: dict[str, Any]) -> None:
    """Each fit has a process of its own, whose memory at its peak is what the kernel says; no rows are held out."""
    print("| rows | CSV, MB | how | reading, s | peak MiB | with training, s | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for rows in (250_000, 1_000_000, 4_000_000):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "large.csv"
            for part in range(rows // 50_000):  # few at once: a process begins at the peak of the one that starts it
                mixed_rows(50_000, part).to_csv(path, index=False, mode="a", header=not part)
            for how in ("in parts", "at once") if rows <= 1_000_000 else ("in parts",):
                environment = {**os.environ, "SPARRING_CACHE": str(Path(folder) / "cache")}
                words = [sys.executable, __file__, "fit-large", "--data", str(path), "--how", how]
                words += ["--steps", str(settings["steps"] or 200), "--threads", str(settings["threads"] or 1)]
                found = subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout
                print(f"| {rows:,} | {path.stat().st_size / 1e6:.0f} | {how} | {found.strip()} |", flush=True)


def fit_large(path: Path, how: str, settings: dict[str, Any]) -> None:
    from sparring.data import stored
    from sparring.data.mixed_source import read_mixed

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    stored.MOST = np.inf if how == "at once" else 0.0
    began = time.perf_counter()
    read_mixed(path)
    read, most = time.perf_counter() - began, peak()
    gan = sp.GAN(random_state=0, probes=False, **settings).fit(path)  # what was read in parts is read once
    gan.sample(1_000, random_state=0)
    print(f"{read:.1f} | {most:,.0f} | {time.perf_counter() - began:.1f} | {peak():,.0f}")


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=("adult", "sensible", "complete", "speed", "large", "fit-large"))
    parser.add_argument("--data", type=Path, default=Path())
    parser.add_argument("--how", help="of fit-large, which large starts")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="rounds [default: the recipe's]")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer", type=int, help="ctgan's epochs")
    chosen = parser.parse_args(words)
    settings = {"steps": chosen.steps, "threads": chosen.threads}
    warnings.simplefilter("ignore")
    for what in chosen.what:
        if what == "fit-large":
            fit_large(chosen.data, chosen.how, settings)
            continue
        print(f"# {what}", flush=True)
        if what == "large":
            large(settings)
        elif what == "adult":
            fit_adult(chosen.data, chosen.seeds, chosen.peer, settings)
        elif what == "sensible":
            sensible(chosen.data, settings)
        elif what == "complete":
            complete(chosen.data, chosen.seeds, settings)
        else:
            speed(chosen.data, chosen.rows, chosen.peer, settings)


if __name__ == "__main__":
    main()
