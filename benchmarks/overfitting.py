"""Over-fitting shown and cured: a small noisy set, five ways to fit it, a table of test errors, and the picture.

    python benchmarks/overfitting.py [--picture docs/images/overfitting.png]

60 points of y = sin(3 x) + noise of deviation 0.8, x in [-2, 2]; an MLP with two hidden layers of 100. The
error is against the noiseless curve, over ten sets (seeds 0 to 9). The strengths were chosen on
five other sets (seeds 100 to 104): l1 of 1e-4 to 3e-3, l2 of 3e-3 to 0.1, dropout of 0.1 to 0.4.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import sparring as sp

POINTS, NOISE, SETS = 60, 0.8, 10
PICTURED = 1  # the set in the picture
ACROSS = np.linspace(-2, 2, 400)[:, None]
TRUTH = np.sin(3 * ACROSS[:, 0])
SAME: dict[str, Any] = {
    "hidden_layer_sizes": (100, 100),
    "learning_rate_init": 5e-3,
    "max_iter": 1500,
    "n_iter_no_change": 1500,
    "tol": 0,
    "batch_size": 1000,
}
WAYS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "L1 (0.003)": {"l1": 3e-3},
    "L2 (0.03)": {"l2": 3e-2},
    "dropout (0.4)": {"dropout": 0.4},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.25, "n_iter_no_change": 50},
}


def points(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (POINTS, 1))
    return x, np.sin(3 * x[:, 0]) + NOISE * rng.normal(size=POINTS)


def fitted(seed: int, way: dict[str, Any]) -> sp.Regressor:
    return sp.Regressor(**{**SAME, **way}, random_state=seed).fit(*points(seed))


def table() -> None:
    print("| what is done | test error | training error | zero weights |")
    print("| --- | --- | --- | --- |")
    for name, way in WAYS.items():
        tests, trains, zeros = [], [], []
        for seed in range(SETS):
            model, (x, y) = fitted(seed, way), points(seed)
            tests.append(np.square(model.predict(ACROSS) - TRUTH).mean())
            trains.append(np.square(model.predict(x) - y).mean())
            weights = [weight.detach().numpy() for weight in model.network_.parameters() if weight.dim() > 1]
            zeros.append(np.mean(np.concatenate([weight.ravel() for weight in weights]) == 0))
        spread = np.std(tests, ddof=1) / np.sqrt(SETS)
        print(
            f"| {name} | {np.mean(tests):.3f} ± {spread:.3f} | {np.mean(trains):.3f} | {np.mean(zeros):.1%} |",
            flush=True,
        )


def picture(path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.2), constrained_layout=True)
    x, y = points(PICTURED)
    for axis, (name, way) in zip(axes.flat, WAYS.items(), strict=False):
        model = fitted(PICTURED, way)
        error = np.square(model.predict(ACROSS) - TRUTH).mean()
        axis.plot(ACROSS, TRUTH, color="#b9c9d0", linewidth=5, label="truth")
        axis.plot(x, y, ".", color="#1f7391", markersize=5, label="data")
        axis.plot(ACROSS, model.predict(ACROSS), color="#cc5526", linewidth=1.4, label="network")
        axis.set(title=f"{name}: {error:.3f}", ylim=(-3, 3.6))
    axes[0, 0].legend(frameon=False, loc="upper center", fontsize=8, ncols=3)
    rng = np.random.default_rng(1000)
    inputs = rng.uniform(-2, 2, (200, 1))
    held = inputs, np.sin(3 * inputs[:, 0]) + NOISE * rng.normal(size=200)
    model = sp.Regressor(**SAME, random_state=PICTURED).fit(x, y, validation_data=held)
    axis, epochs = axes[1, 2], np.arange(1, model.n_iter_ + 1)
    axis.plot(epochs, model.loss_curve_, color="#cc5526", linewidth=1.4, label="training")
    axis.plot(epochs, model.validation_curve_, color="#1f8563", linewidth=1.4, label="validation")
    axis.axvline(model.best_epoch_, color="#1c2228", linewidth=1, linestyle="--")
    axis.text(model.best_epoch_ * 1.15, axis.get_ylim()[1] * 0.9, "chosen", fontsize=8)
    axis.set(title="error with nothing done, by epoch", xscale="log")
    axis.legend(frameon=False, fontsize=8, loc="lower left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--picture-only", action="store_true")
    chosen = parser.parse_args()
    if not chosen.picture_only:
        table()
    if chosen.picture:
        picture(chosen.picture)
