"""Sentiment of sentences: recurrent classifiers beside bags of words, in ten folds.

    python benchmarks/sentiment.py polarity --data FOLDER     folder of rt-polarity.pos and rt-polarity.neg
    python benchmarks/sentiment.py sites --data FOLDER        folder of amazon, imdb and yelp_labelled.txt

Every fold is trained from nothing, with no outside vectors and the same settings, and tested once. The settings of ours
were chosen on the first two folds of polarity, so its mean over the other eight is printed too.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

import sparring as sp
from sparring.data.sequence_files import read_one_each

CELLS = ("rnn", "lstm", "gru")
SETTINGS: dict[str, Any] = {"batch_size": 32, "max_iter": 5, "dropout": 0.5, "threads": 1}
SITES = ("amazon_cells", "imdb", "yelp")
FOLDS, CHOSEN_ON = 10, 2

Texts = NDArray[np.object_]
Make = Callable[[int], Any]


def methods() -> dict[str, Make]:
    def ours(cell: str) -> Make:
        return lambda seed: sp.SequenceClassifier(cell=cell, random_state=seed, **SETTINGS)

    def words(last: Any) -> Make:
        pattern = r"(?u)\S+"  # the sentences are split into tokens by spaces; signs count
        return lambda seed: make_pipeline(TfidfVectorizer(token_pattern=pattern, ngram_range=(1, 2)), last())

    return {
        "naive Bayes, one and two words": words(MultinomialNB),
        "logistic regression, one and two words": words(lambda: LogisticRegression(C=10.0, max_iter=1000)),
        **{f"sparring, {cell}": ours(cell) for cell in CELLS},
    }


def folds(make: Make, texts: Texts, labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows are answered rightly, by the model that did not see them."""
    right = np.zeros(len(labels), bool)
    for seed, (train, test) in enumerate(cut(labels)):
        model = make(seed).fit(list(texts[train]), labels[train])
        right[test] = model.predict(list(texts[test])) == labels[test]
    return right


def cut(labels: NDArray[Any]) -> Any:
    return StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels)


def polarity(folder: Path) -> None:
    found = read_one_each(folder, encoding="latin-1")
    texts, labels = np.array(found.inputs, dtype=object), np.asarray(found.targets)
    tests = [test for _, test in cut(labels)]
    print("| method | accuracy | deviation of folds | of the eight not chosen on | s a fold |\n|" + " --- |" * 5)
    for name, make in methods().items():
        began = time.perf_counter()
        right = folds(make, texts, labels)
        seconds = (time.perf_counter() - began) / FOLDS
        scores = [right[test].mean() for test in tests]
        mean, rest, spread = np.mean(scores), np.mean(scores[CHOSEN_ON:]), np.std(scores, ddof=1)
        print(f"| {name} | {mean:.4f} | {spread:.4f} | {rest:.4f} | {seconds:.0f} |", flush=True)


def sites(folder: Path) -> None:
    parts = [read_one_each(folder / f"{site}_labelled.txt") for site in SITES]
    texts = np.array([text for part in parts for text in part.inputs], dtype=object)
    labels = np.concatenate([np.asarray(part.targets) for part in parts])
    site = np.repeat(SITES, [len(part) for part in parts])
    print("| method | all | " + " | ".join(SITES) + " |\n|" + " --- |" * (len(SITES) + 2))
    for name, make in methods().items():
        right = folds(make, texts, labels)
        shown = " | ".join(f"{right[site == one].mean():.3f}" for one in SITES)
        print(f"| {name} | {right.mean():.3f} | {shown} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("polarity", "sites"))
    parser.add_argument("--data", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    (polarity if chosen.what == "polarity" else sites)(chosen.data)
