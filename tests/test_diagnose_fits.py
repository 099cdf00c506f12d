"""Diagnosis of supervised fits: over-fitting, nothing learned, dead units, deltas that vanish or explode."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sparring as sp
from sparring.diagnose.examiner import Examiner
from sparring.diagnose.fits import FIT
from sparring.networks import MLP, dead_shares


def _rows(epochs: int = 20, **measures: Any) -> list[dict[str, float]]:
    """Rows of a healthy fit, or with other measures: numbers, or functions of the epoch."""
    healthy: dict[str, Any] = {
        "training/error": lambda e: 0.2 + 2 * 0.7**e,
        "validation/error": lambda e: 0.25 + 2 * 0.7**e,
        "baseline/error": 2.3,
        "layer 1/delta": 0.1,
        "layer 2/delta": 0.2,
        "layer 1/pull": 0.5,
        "layer 2/pull": 0.5,
        "layer 1/dead": 0.01,
    }
    return [
        {"step": 10 * e} | {name: float(v(e) if callable(v) else v) for name, v in (healthy | measures).items()}
        for e in range(1, epochs + 1)
    ]


def _found(rows: list[dict[str, float]]) -> list[str]:
    return [finding.name for finding in Examiner(FIT, rows).findings]


def test_a_healthy_fit_has_no_finding() -> None:
    assert _found(_rows()) == []


@pytest.mark.parametrize(
    ("name", "measures"),
    [
        ("over-fitting", {"validation/error": lambda e: 1 + 0.05 * abs(e - 5), "training/error": lambda e: 1 / e}),
        ("not-learning", {"training/error": 2.3, "validation/error": 2.3}),
        ("dead-units", {"layer 1/dead": 0.7}),
        ("exploding-delta", {"layer 1/delta": 1e3}),
        ("exploding-delta", {"back 0/time_delta": 0.3, "back 8/time_delta": 1e5}),
    ],
)
def test_a_failure_is_called_by_its_name(name: str, measures: dict[str, Any]) -> None:
    assert _found(_rows(**measures)) == [name]


BLANK = {"training/error": 2.2, "validation/error": 2.2}  # a little is learned at most


@pytest.mark.parametrize(
    "measures", [{"layer 1/pull": 1e-5}, {"back 0/heard": 1.0, "back 1/heard": 0.1, "back 8/heard": 1e-5}]
)
def test_what_is_hardly_heard_vanishes_only_while_nothing_is_learned(measures: dict[str, Any]) -> None:
    assert _found(_rows(**BLANK, **measures)) == ["vanishing-delta"]
    assert _found(_rows(**measures)) == []
    assert _found(_rows(epochs=2, **BLANK, **measures)) == []


def test_a_rise_by_next_to_nothing_is_not_over_fitting() -> None:
    """From 0.020 to 0.024, where the answer without inputs has 2.3."""
    ended = {"training/error": lambda e: 0.02 / e, "validation/error": lambda e: 0.02 + 0.0004 * abs(e - 5)}
    assert _found(_rows(**ended)) == []


def test_small_deltas_of_a_fit_that_has_converged_are_no_finding() -> None:
    """Deltas spread over a convolution's pixels, at an error of next to nothing."""
    small = {"layer 1/delta": 1e-9, "layer 2/delta": 1e-4, "back 0/time_delta": 1e-3, "back 8/time_delta": 1e-9}
    done = {"training/error": 1e-4, "validation/error": 1e-3}
    assert _found(_rows(**small, **done)) == []


def test_dead_units_are_said_of_layers_that_stay_so() -> None:
    assert _found(_rows(**{"layer 1/dead": lambda e: 0.7 if e % 3 else 0.4})) == []
    assert _found(_rows(**{"layer 1/dead": lambda e: 0.9 * 0.8**e})) == []  # they come back to life


def test_a_fit_that_has_learned_much_does_not_explode() -> None:
    assert _found(_rows(**{"layer 1/delta": 1e3, "training/error": 0.1, "validation/error": 0.1})) == []


def test_an_answer_that_is_sure_at_the_last_step_alone_is_no_explosion() -> None:
    sure = {f"back {k}/time_delta": size for k, size in ((0, 1e-6), (1, 0.1), (2, 0.2), (4, 0.3), (8, 0.4))}
    assert _found(_rows(**sure)) == []


def test_a_beginning_that_is_hard_to_answer_is_no_explosion_and_steady_growth_is() -> None:
    """Deltas of chorales after a few steps: near a beginning they are loud at once."""
    back = (0, 1, 2, 4, 8, 16, 32, 64, 128)
    jump = (3.3e-5, 3.3e-5, 3.1e-5, 3.1e-5, 3.4e-5, 3.4e-5, 0.02, 0.041, 0.067)
    assert _found(_rows(**{f"back {k}/time_delta": size for k, size in zip(back, jump, strict=True)})) == []
    steady = {f"back {k}/time_delta": 1e-3 * 1.2**k for k in back}
    assert _found(_rows(**steady)) == ["exploding-delta"]


def test_deltas_of_nothing_neither_vanish_nor_explode() -> None:
    assert _found(_rows(**{"layer 1/delta": 0.0, "layer 2/delta": 0.0})) == []


def test_an_error_that_rises_on_both_sides_is_not_over_fitting() -> None:
    both = {"validation/error": lambda e: 1 + 0.05 * abs(e - 5), "training/error": lambda e: 0.9 + 0.05 * abs(e - 5)}
    assert _found(_rows(**both)) == []


def test_dead_shares_against_units_that_are_known() -> None:
    network = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Linear(4, 2), nn.ReLU())
    with torch.no_grad():
        network[0].weight[:] = torch.tensor([[1.0], [1.0], [-1.0], [1.0]])
        network[0].bias[:] = torch.tensor([0.0, -5.0, -5.0, 1.0])
        network[2].weight[:] = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])
        network[2].bias[:] = 0.0
    x = torch.linspace(0, 1, 11)[:, None]
    network.train()
    assert dead_shares(network, x) == (("1", 0.5), ("3", 0.5))
    assert network.training


def test_filters_are_units() -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU())
    with torch.no_grad():
        network[0].weight[:] = torch.tensor([1.0, -1.0, 1.0]).view(3, 1, 1, 1)
        network[0].bias[:] = torch.tensor([0.0, -0.1, 0.0])
    assert dead_shares(network, torch.rand(5, 1, 4, 4)) == (("1", pytest.approx(1 / 3)),)


def test_the_baseline_is_the_best_answer_without_inputs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 3)), rng.choice(["a", "b", "c"], p=[0.5, 0.3, 0.2], size=400)
    model = sp.Classifier(max_iter=2, random_state=0, run=tmp_path / "c").fit(x, y)
    shares = np.unique(y, return_counts=True)[1] / 400
    assert model.record_.rows()[-1]["baseline/error"] == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-4)
    numbers = sp.Regressor(max_iter=2, random_state=0, run=tmp_path / "r").fit(x, rng.normal(3, 2, size=400))
    assert numbers.record_.rows()[-1]["baseline/error"] == pytest.approx(1.0, rel=1e-4)  # targets are standardised


def test_over_fitting_is_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 20))
    y = (x[:, 0] + 2 * rng.normal(size=120) > 0).astype(int)
    kept = {"max_iter": 100, "validation_fraction": 0.3, "learning_rate_init": 0.01, "random_state": 0}
    model = sp.Classifier((200,), run=tmp_path / "run", **kept).fit(x, y)
    assert [finding.name for finding in model.findings_] == ["over-fitting"]
    assert "Over-fitting" in (tmp_path / "run/report.html").read_text()
    in_memory = sp.Classifier((200,), **kept).fit(x, y)
    assert in_memory.findings_ == model.findings_


def test_a_fit_of_noise_that_learns_nothing_is_said() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 3)), rng.integers(2, size=200)
    model = sp.Classifier((8,), learning_rate_init=1e-9, n_iter_no_change=50, max_iter=20, random_state=0)
    rows = [*model.fit(x, y).record_.rows()]
    told = [{**row, "baseline/error": math.log(2)} for row in rows]
    assert "not-learning" in [finding.name for finding in Examiner(FIT, told).findings]


def test_a_deep_network_of_sigmoids_has_a_vanishing_delta(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(200, 4)), np.arange(200) % 2
    model = sp.Classifier((16,) * 8, activation="logistic", max_iter=3, random_state=0, run=tmp_path / "run").fit(x, y)
    assert "vanishing-delta" in [finding.name for finding in model.findings_]


def test_relus_that_are_dead_are_said(tmp_path: Path) -> None:
    def dead(shape: tuple[int, ...], outputs: int) -> nn.Module:
        network = MLP(shape, (outputs,), (16,))
        with torch.no_grad():
            next(m for m in network.modules() if isinstance(m, nn.Linear)).bias[:12] = -100.0
        return network

    x, y = np.random.default_rng(0).normal(size=(200, 4)), np.arange(200) % 2
    model = sp.Classifier(network=dead, max_iter=3, random_state=0, run=tmp_path / "run").fit(x, y)
    assert "dead-units" in [finding.name for finding in model.findings_]
