"""Make the picture of docs/transport.md: plans on a line and in the plane, and learned critics beside the exact one.

python docs/transport_pictures.py docs/images/transport.png
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from sparring import transport
from sparring.data import Batches
from sparring.networks import MLP
from sparring.objectives import WASSERSTEIN, one_centred
from sparring.report.plans import FROM, TO, WAY
from sparring.training import Loss, Round, Turn, train

rng = np.random.default_rng(0)


def on_a_line(axis: Any) -> None:
    """Two densities on a line, and their plan as a joint distribution."""
    grid = np.linspace(-4, 4, 161)
    p = np.exp(-((grid + 1.5) ** 2) / 0.5) + 0.8 * np.exp(-((grid - 1) ** 2) / 0.9)
    q = np.exp(-((grid - 1.5) ** 2) / 1.2)
    p, q = p / p.sum(), q / q.sum()
    plan = transport.solve(grid, grid, p, q)
    pairs = plan.coupling.tocoo()
    axis.hist2d(grid[pairs.row], grid[pairs.col], bins=80, weights=pairs.data, cmap="Greys")
    axis.fill_between(grid, -4, -4 + 60 * p, color=FROM, alpha=0.8, linewidth=0)
    axis.fill_betweenx(grid, -4, -4 + 60 * q, color=TO, alpha=0.8, linewidth=0)
    axis.set(title=f"a plan on a line: W1 = {plan.cost:.3f}", xlabel="x", ylabel="y")


def in_the_plane(axis: Any) -> None:
    """Two clouds and the ways between them."""
    x, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) * 0.6 + [3, 1]
    plan = transport.solve(x, y)
    pairs = plan.coupling.tocoo()
    axis.plot(*np.stack([x[pairs.row], y[pairs.col]]).transpose(2, 0, 1), color=WAY, linewidth=0.8)
    axis.plot(*x.T, "o", color=FROM, markersize=4)
    axis.plot(*y.T, "o", color=TO, markersize=4)
    axis.set(title=f"a plan in the plane: W1 = {plan.cost:.3f}", aspect="equal")


def critics(axis: Any) -> None:
    """The exact critic of two samples on a line, and those that a network learned under two weights of the penalty."""
    real = np.concatenate([rng.normal(-2, 0.4, (256, 1)), rng.normal(2, 0.4, (256, 1))])
    fake = rng.normal(0, 0.5, (512, 1))
    exact, across = transport.solve(real, fake).critic(), np.linspace(-4, 4, 400)[:, None]
    _curve(axis, across, exact(across), "#1c2228", "exact")
    for weight, colour in ((0.1, "#b8860b"), (10.0, "#9a9a9a")):
        learned = taught(real, fake, weight)
        quality = transport.critic_quality(learned, real, fake)
        _curve(axis, across, learned(across)[:, 0], colour, f"learned, penalty x {weight:g}: quality {quality:.2f}")
    axis.hist(real, 50, density=True, color=FROM, alpha=0.4, bottom=-4)
    axis.hist(fake, 50, density=True, color=TO, alpha=0.4, bottom=-4)
    axis.legend(frameon=False, fontsize=8, loc="upper center")
    axis.set(title="critics that tell two samples apart", ylim=(-4, 5.5))


def _curve(axis: Any, across: np.ndarray, values: np.ndarray, colour: str, label: str) -> None:
    values = values / np.abs(np.diff(values) / np.diff(across[:, 0])).max()  # as steep as a 1-Lipschitz function may be
    axis.plot(across, values - values.mean(), color=colour, label=label)


def taught(real: np.ndarray, fake: np.ndarray, weight: float) -> Any:
    """A critic that the library's loop has taught, as a function of points."""
    torch.manual_seed(0)
    critic = MLP((1,), (1,), hidden=(64, 64))

    def loss(round: Round) -> Loss:
        a, b = round.batch
        return Loss(WASSERSTEIN.critic(critic(a), critic(b)) + weight * one_centred(critic, a, b, torch.rand(len(a))))

    turn = Turn("critic", critic, torch.optim.Adam(critic.parameters(), lr=1e-3), loss)
    batches = Batches(torch.tensor(real).float(), torch.tensor(fake).float(), size=128)
    for _ in train([turn], batches, steps=1500):
        pass

    def learned(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return critic(torch.tensor(points).float()).numpy()

    return learned


def main(target: str) -> None:
    figure = Figure(figsize=(12, 4), layout="constrained")
    for draw, axis in zip((on_a_line, in_the_plane, critics), figure.subplots(1, 3), strict=True):
        draw(axis)
        axis.title.set_fontsize(10)
        axis.spines[["top", "right"]].set_visible(False)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=100)


if __name__ == "__main__":
    main(*sys.argv[1:])
