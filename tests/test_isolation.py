"""Models that learn and answer side by side in threads, and under a user's settings of torch, to the same bits.

Every estimator fits, answers and is judged alone; all the rest must give the same numbers.
"""

import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import sparring as sp
from sparring.quiet import _OpenBlock

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 3)).astype(np.float32)
LABELS = (ROWS[:, 0] > 0).astype(int)
IMAGES = RNG.integers(0, 256, size=(24, 8, 8), dtype=np.uint8)
MIXED = pd.DataFrame({"size": ROWS[:, 0], "colour": np.where(LABELS, "red", "blue"), "count": np.arange(60) % 7})
WORDS = [["a", "b", "c"], ["b", "a"], ["c", "c", "a", "b"], ["a"]] * 4
TAGS = [["X" if word == "a" else "Y" for word in words] for words in WORDS]
TEXTS = [" ".join(words) for words in WORDS]
SERIES = np.sin(np.arange(90) / 5)[:, None]


class Foreign(nn.Module):
    """A user's network, which drops out and draws by functions that know torch's global state alone."""

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(*shape, 8), nn.Linear(8, outputs)
        self.apart = nn.Sequential(nn.Dropout(0.1), nn.RReLU(), nn.AlphaDropout(0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.dropout(self.apart(self.first(x)), 0.2, self.training)
        if not self.training:
            return self.last(x)
        noise = torch.rand_like(x) + torch.randn(x.shape) + torch.empty_like(x).uniform_() + torch.randint(3, (1,))
        return self.last(x + 0.1 * noise)


def _gan(X: Any, y: Any = None, **more: Any) -> list[Any]:
    model = sp.GAN(random_state=0, **{"steps": 12, "batch_size": 16, **more}).fit(X, y)
    verdict = model.judge(X, draws=2, random_state=0)
    return [model.sample(5, random_state=1), str(verdict.to_json()["samples"]), [w.numpy() for w in _weights(model)]]


def _weights(model: Any) -> list[torch.Tensor]:
    return [weight.detach() for weight in model.critic_.parameters()]


def _cycle(A: Any, B: Any, **more: Any) -> list[Any]:
    model = sp.CycleGAN(random_state=0, steps=6, **more).fit(A, B)
    return [model.transform(A[:5]), model.inverse_transform(B[:5]), model.cycle_error(A[:5])]


def _fit(model: Any, X: Any, y: Any, *answers: str) -> list[Any]:
    model.fit(X, y)
    return [np.asarray(model.loss_curve_), *(getattr(model, name)(X) for name in answers), str(model.judge(X, y))]


def _streamed() -> list[Any]:
    model = sp.Classifier(random_state=0, dropout=0.2)
    for start in (0, 30):
        model.partial_fit(ROWS[start : start + 30], LABELS[start : start + 30], classes=[0, 1])
    return [model.predict_proba(ROWS)]


JOBS: dict[str, Callable[[], list[Any]]] = {
    "classifier": lambda: _fit(sp.Classifier(max_iter=3, random_state=0), ROWS, LABELS, "predict_proba"),
    "classifier with dropout": lambda: _fit(
        sp.Classifier(max_iter=3, random_state=0, dropout=0.3, l1=1e-3, early_stopping=True), ROWS, LABELS, "predict"
    ),
    "classifier in parts": _streamed,
    "classifier of images": lambda: _fit(
        sp.Classifier(max_iter=1, random_state=0), IMAGES, LABELS[:24], "predict_proba"
    ),
    "a user's network": lambda: _fit(
        sp.Classifier(max_iter=3, random_state=0, network=Foreign), ROWS, LABELS, "predict_proba"
    ),
    "regressor": lambda: _fit(sp.Regressor(max_iter=3, random_state=0, dropout=0.1), MIXED, ROWS[:, 1:], "predict"),
    "GAN of numbers": lambda: _gan(ROWS),
    "GAN of classes": lambda: _gan(ROWS, LABELS),
    "GAN of a mixed table": lambda: _gan(MIXED),
    "GAN of images": lambda: _gan(IMAGES, steps=3),
    "GAN of the lecture": lambda: _gan(ROWS, recipe="gan-2014"),
    "CycleGAN of numbers": lambda: _cycle(ROWS, ROWS[::-1] + 1),
    "CycleGAN of images": lambda: _cycle(IMAGES, 255 - IMAGES),
    "sequence classifier": lambda: _fit(
        sp.SequenceClassifier(max_iter=2, random_state=0, hidden_size=8), WORDS, ["x", "y"] * 8, "predict_proba"
    ),
    "sequence regressor": lambda: _fit(
        sp.SequenceRegressor(max_iter=2, random_state=0, hidden_size=8, weight_noise=0.1),
        [SERIES[i : i + 9] for i in range(30)],
        SERIES[9:39, 0],
        "predict",
    ),
    "tagger": lambda: _fit(sp.SequenceTagger(max_iter=2, random_state=0, hidden_size=8), WORDS, TAGS, "predict_proba"),
    "generator": lambda: [
        (model := sp.SequenceGenerator(max_iter=2, random_state=0, hidden_size=8).fit(TEXTS)).log_likelihood(TEXTS),
        model.sample(3, random_state=1),
    ],
    "translator": lambda: _fit(
        sp.SequenceTranslator(max_iter=2, random_state=0, hidden_size=8), TEXTS, TEXTS[::-1], "predict"
    ),
}


@cache
def _alone(name: str) -> list[Any]:
    return JOBS[name]()


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, pd.DataFrame):
        return bool(expected.equals(found))
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(_same, found, expected))
    if isinstance(expected, np.ndarray):
        return found.dtype == expected.dtype and np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f")
    return bool(found == expected)


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Whatever a test does, what all threads share is as it was."""
    before = torch.get_rng_state(), torch.get_num_threads(), list(warnings.filters), np.random.get_state()[1].copy()
    yield
    after = torch.get_rng_state(), torch.get_num_threads(), list(warnings.filters), np.random.get_state()[1]
    assert torch.equal(before[0], after[0])
    assert before[1] == after[1]
    assert [one for one in after[2] if one in before[2]] == before[2]  # libraries add theirs when they are imported
    assert not any(isinstance(one[1], _OpenBlock) for one in after[2])
    assert np.array_equal(before[3], after[3])


@pytest.mark.parametrize("name", JOBS)
def test_a_fit_leaves_what_all_share_as_it_was(name: str) -> None:
    _alone(name)


def test_all_estimators_four_at_a_time_give_the_bits_that_each_gives_alone() -> None:
    expected = {name: _alone(name) for name in JOBS}
    order = [*JOBS, *list(JOBS)[::-1]]  # each beside others of its kind, and of other kinds
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda name: JOBS[name](), order))
    assert [name for name, one in zip(order, found, strict=True) if not _same(one, expected[name])] == []


def test_one_model_answers_four_threads_as_it_answers_one() -> None:
    numbers, images = sp.GAN(random_state=0, steps=8).fit(ROWS), sp.GAN(random_state=0, steps=2).fit(IMAGES)
    classifier = sp.Classifier(max_iter=2, random_state=0, dropout=0.3).fit(ROWS, LABELS)
    translator = sp.SequenceTranslator(max_iter=1, random_state=0, hidden_size=8).fit(TEXTS, TEXTS[::-1])
    generator = sp.SequenceGenerator(max_iter=1, random_state=0, hidden_size=8).fit(TEXTS)
    tagger = sp.SequenceTagger(max_iter=1, random_state=0, hidden_size=8).fit(WORDS, TAGS)
    cycle = sp.CycleGAN(random_state=0, steps=3).fit(ROWS, ROWS[::-1] + 1)
    questions: list[Callable[[], Any]] = [
        lambda: numbers.sample(40, random_state=3),
        lambda: str(numbers.judge(ROWS, draws=2, random_state=0).to_json()["samples"]),
        lambda: images.sample(9, random_state=3),
        lambda: classifier.predict_proba(ROWS),
        lambda: str(classifier.judge(ROWS, LABELS)),
        lambda: translator.predict(TEXTS),
        lambda: generator.sample(5, random_state=3),
        lambda: tagger.predict_proba(WORDS),
        lambda: cycle.transform(ROWS),
    ]
    expected = [ask() for ask in questions]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda ask: ask(), questions * 4))
    assert [i for i, one in enumerate(found) if not _same(one, expected[i % len(questions)])] == []


@contextmanager
def _default_type() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def _deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


SETTINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "default type": _default_type,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "device context": lambda: torch.device("meta"),
    "deterministic": _deterministic,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "numpy errors": lambda: np.errstate(all="raise"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_user_has_set_changes_no_bit(setting: str) -> None:
    expected = {name: _alone(name) for name in JOBS}
    with SETTINGS[setting]():
        found = {name: job() for name, job in JOBS.items()}
    assert [name for name in JOBS if not _same(found[name], expected[name])] == []
