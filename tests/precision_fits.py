"""What the tests of precision fit: short runs of every estimator, each with what shows that it has learned."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

import sparring as sp

__all__ = ["DATA", "FITS", "SETTINGS"]

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(64, 3)).astype(np.float32)
LABELS = np.where(ROWS[:, 0] > 0, "above", "below")
DARK = (RNG.random((32, 17, 17)) * 40).astype(np.uint8)
SMALL = DARK[:, :8, :8]
TOWN = RNG.integers(0, 3, 600)
MIXED = pd.DataFrame(
    {"town": np.array(["Ulm", "Bonn", "Jena"])[TOWN], "zone": np.array(["a", "b", "c"])[TOWN], "pay": RNG.random(600)}
)
WORDS = [["a", "b", "c"], ["b", "a"], ["c", "c", "a", "b"], ["a"]] * 8
TAGS = [["X" if word == "a" else "Y" for word in words] for words in WORDS]
TEXTS = [" ".join(words) for words in WORDS]
SERIES = np.sin(np.arange(40) / 3)[:, None].astype(np.float32)
WINDOWS = [SERIES[i : i + 8] for i in range(32)]

DATA: Mapping[str, Any] = {"table": ROWS, "mixed table": MIXED, "small image": SMALL, "image": DARK}
"""Kind -> rows, as recipes tell kinds apart."""


def _fallen(model: Any, X: Any, y: Any, *answers: str) -> bool:
    """Whether the error fell, and answers are finite."""
    model.fit(X, y)
    for name in answers:
        found = getattr(model, name)(X)
        for part in found if isinstance(found, list) else [found]:
            assert not np.issubdtype(np.asarray(part).dtype, np.number) or np.isfinite(part).all()
    return model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]


def _classifier(**more: Any) -> Any:
    return sp.Classifier(max_iter=12, learning_rate_init=0.01, random_state=0, **more)


def _gan_of_rows(**more: Any) -> bool:
    """Rows of deviation one; the first have 0.02."""
    made = sp.GAN(steps=120, batch_size=64, random_state=0, **more).fit(ROWS).sample(300, random_state=0)
    assert made.dtype == ROWS.dtype
    return bool(made.std(0).mean() > 0.1)


def _gan_of_a_table(**more: Any) -> bool:
    """Zones that follow from towns; and with second moments, which the default has for so many rows."""
    gan = sp.GAN(steps=60, batch_size=200, random_state=0, **more).fit(MIXED)
    assert any("generator/moments" in row for row in gan.record_.rows())
    made = gan.sample(300, random_state=0)
    assert np.isfinite(made["pay"]).all()
    pairs = {("Ulm", "a"), ("Bonn", "b"), ("Jena", "c")}
    return bool(np.mean([pair in pairs for pair in zip(made["town"], made["zone"], strict=True)]) > 0.6)  # chance: 1/3


def _gan_of_images(images: Any, **more: Any) -> bool:
    """Dark ones; the first are grey."""
    made = sp.GAN(steps=40, batch_size=16, random_state=0, **more).fit(images).sample(20, random_state=0)
    assert made.dtype == np.uint8
    return bool(made.mean() < 80)


def _cycle(a: Any, b: Any, steps: int = 40, **more: Any) -> bool:
    """What comes back is nearer to what was sent."""
    model = sp.CycleGAN(steps=steps, restarts=1, align=False, random_state=0, **more).fit(a, b)
    for made in (model.transform(a[:5]), model.inverse_transform(b[:5])):
        numbers = made.select_dtypes("number") if isinstance(made, pd.DataFrame) else made
        assert np.isfinite(numbers).all(axis=None)
    rows = [row["generators/A/cycle"] for row in model.record_.rows() if "generators/A/cycle" in row]
    return rows[-1] < 0.8 * rows[0]


def _generator(**more: Any) -> bool:
    model = sp.SequenceGenerator(max_iter=12, random_state=0, hidden_size=8, **more).fit(TEXTS)
    model.sample(3, random_state=1)
    return bool(model.loss_curve_[-1] < 0.9 * model.loss_curve_[0] and np.isfinite(model.log_likelihood(TEXTS)).all())


SHORT: Mapping[str, Any] = {"max_iter": 12, "random_state": 0, "hidden_size": 8, "learning_rate_init": 0.02}

FITS: Mapping[str, Callable[..., bool]] = {
    "Classifier": lambda **more: _fallen(_classifier(**more), ROWS, LABELS, "predict_proba"),
    "Classifier, dropout": lambda **more: _fallen(
        _classifier(dropout=0.2, l1=1e-4, l2=1e-3, early_stopping=True, **more), ROWS, LABELS, "predict_proba"
    ),
    "Classifier of images": lambda **more: _fallen(_classifier(**more), DARK, LABELS[:32], "predict_proba"),
    "Classifier of a mixed table": lambda **more: _fallen(
        _classifier(**more), MIXED[["zone", "pay"]][:64], MIXED["town"][:64], "predict_proba"
    ),
    "Regressor": lambda **more: _fallen(
        sp.Regressor(max_iter=12, learning_rate_init=0.01, random_state=0, **more), ROWS, ROWS @ [1.0, 2, 3], "predict"
    ),
    "GAN": _gan_of_rows,
    "GAN of a mixed table": _gan_of_a_table,
    "GAN of small images": lambda **more: _gan_of_images(SMALL, **more),
    "GAN of images": lambda **more: _gan_of_images(DARK, **more),
    "CycleGAN": lambda **more: _cycle(ROWS, ROWS[::-1] + 1, **more),
    "CycleGAN of mixed tables": lambda **more: _cycle(MIXED, MIXED[::-1], **more),
    "CycleGAN of small images": lambda **more: _cycle(SMALL, 255 - SMALL, 12, **more),
    "CycleGAN of images": lambda **more: _cycle(DARK[:16], 255 - DARK[:16], 12, changes={"width": 8}, **more),
    "SequenceClassifier": lambda **more: _fallen(
        sp.SequenceClassifier(**SHORT, **more), WORDS, ["x", "y", "x", "y"] * 8, "predict_proba"
    ),
    "SequenceRegressor": lambda **more: _fallen(
        sp.SequenceRegressor(**SHORT, **more), WINDOWS, SERIES[8:40, 0], "predict"
    ),
    "SequenceTagger": lambda **more: _fallen(sp.SequenceTagger(**SHORT, **more), WORDS, TAGS, "predict_proba"),
    "SequenceGenerator": _generator,
    "SequenceTranslator": lambda **more: _fallen(sp.SequenceTranslator(**SHORT, **more), TEXTS, TEXTS[::-1], "predict"),
}
"""Estimator, and of what -> whether it has learned; the settings that it is given are added to it."""


# -- settings that lead through other code

BIO = [["B-x" if word == "a" else "O" for word in words] for words in WORDS]
ROLLS = [(RNG.random((10, 12)) < 0.2).astype(np.float32) for _ in range(8)]


def _own() -> dict[str, nn.Module]:
    """Networks of the user's."""
    return {
        "generator": nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 3)),
        "critic": nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Dropout(0.1), nn.Linear(8, 1)),
    }


def _short_gan(X: Any, y: Any = None, recipe: str = "auto", **more: Any) -> Any:
    model = sp.GAN(recipe, **{"steps": 4, "batch_size": 8, "random_state": 0, **more}).fit(X, y)
    scores = model.score_samples(X[:5], None if y is None else y[:5]) if "changes" not in more else None
    return scores, model.sample(3, random_state=0)


def _short_cycle(a: Any, b: Any, **more: Any) -> Any:
    model = sp.CycleGAN(steps=4, batch_size=8, random_state=0, **more).fit(a, b)
    return model.transform(a[:3]), model.cycle_error(a[:3])


def _short(kind: Any, X: Any, y: Any, answer: str, **more: Any) -> Any:
    words = {} if kind in (sp.Classifier, sp.Regressor) else {"hidden_size": 8}
    return getattr(kind(max_iter=2, random_state=0, **words, **more).fit(X, y), answer)(X)


SETTINGS: Mapping[str, Callable[..., Any]] = {
    "GAN of classes": lambda **more: _short_gan(ROWS, LABELS, **more),
    "GAN of classes of images": lambda **more: _short_gan(DARK, LABELS[:32], "hinge", **more),
    "GAN that stops": lambda **more: _short_gan(MIXED, steps=10, early_stopping=True, **more),
    "GAN of packed rows": lambda **more: _short_gan(MIXED, changes={"pack": 2}, **more),
    "GAN of a table in perceptrons": lambda **more: _short_gan(MIXED, changes={"networks": "perceptrons"}, **more),
    "GAN of residual networks": lambda **more: _short_gan(DARK, changes={"networks": "residual"}, **more),
    "GAN of the user's networks": lambda **more: _short_gan(ROWS, latent_size=4, **_own(), **more),
    "CycleGAN of the paper": lambda **more: _short_cycle(
        SMALL,
        255 - SMALL,
        buffer=4,
        identity=1,
        objective="least-squares",
        changes={"norm": "instance", "halvings": 1, "depth": 2, "width": 8},
        **more,
    ),
    "CycleGAN of aligned tables": lambda **more: _short_cycle(MIXED, MIXED[::-1], **more),
    "CycleGAN with restarts": lambda **more: _short_cycle(ROWS, ROWS[::-1] + 1, restarts=2, restart_steps=2, **more),
    "Classifier of labels": lambda **more: _short(sp.Classifier, ROWS, (ROWS > 0).astype(int), "predict_proba", **more),
    "Regressor, tanh": lambda **more: _short(sp.Regressor, ROWS, ROWS[:, :2], "predict", activation="tanh", **more),
    "SequenceClassifier, both ways": lambda **more: _short(
        sp.SequenceClassifier, WORDS, ["x", "y"] * 16, "predict_proba", bidirectional=True, layers=2, cell="gru", **more
    ),
    "SequenceRegressor, noise": lambda **more: _short(
        sp.SequenceRegressor, WINDOWS, SERIES[8:40, 0], "predict", weight_noise=0.1, cell="rnn", **more
    ),
    "SequenceTagger, CRF": lambda **more: _short(sp.SequenceTagger, WORDS, BIO, "predict_proba", crf=True, **more),
    "SequenceGenerator of rolls": lambda **more: _short(sp.SequenceGenerator, ROLLS, None, "log_likelihood", **more),
    "SequenceTranslator, no attention": lambda **more: _short(
        sp.SequenceTranslator, TEXTS, TEXTS[::-1], "predict", attention=False, cell="lstm", **more
    ),
}
"""Short runs that need not learn -> their answers."""
