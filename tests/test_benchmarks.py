"""The benchmarks that take too long for the tests run for a few steps here, on small data."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sparring as sp
from sparring.data import toy

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import gpu
import peers
import quality
import stacked
import step_cost


def test_a_stacked_game_is_counted_by_its_modes() -> None:
    images, labels = toy.digits()
    namer = sp.Classifier((64,), max_iter=30, random_state=0).fit(images, labels)
    data = stacked.stacks(images, 500, seed=0)
    assert data.shape == (500, 8, 8, 3)
    modes = stacked.modes_of(data, namer)
    rows = np.random.default_rng(0).integers(len(images), size=(3, 500))  # the same draw
    assert (modes == labels[rows[0]] * 100 + labels[rows[1]] * 10 + labels[rows[2]]).mean() > 0.9
    gan = stacked.fitted("r3gan:networks=residual,batch_size=8", data, steps=3, seed=0, device="cpu")
    found, divergence = stacked.modes_and_divergence(stacked.named(gan, namer, 50))
    assert 1 <= found <= 50
    assert divergence > 0


def test_modes_and_divergence_of_known_shares() -> None:
    assert stacked.modes_and_divergence(np.arange(1000)) == (1000, pytest.approx(0, abs=1e-12))
    assert stacked.modes_and_divergence(np.array([7, 7, 123, 123])) == (2, pytest.approx(np.log(500)))


@pytest.mark.parametrize("name", list(peers.PLAIN))
def test_plain_loops_learn(name: str) -> None:
    torch.manual_seed(0)
    made = peers.PLAIN[name](torch.rand(128, 1, 12, 12) * 2 - 1, 4)
    before = [parameter.clone() for parameter in made.generator.parameters()]
    for _ in range(2):
        next(made.steps)
    assert any(not torch.equal(a, b) for a, b in zip(before, made.generator.parameters(), strict=True))
    assert made.generator(made.law(2, made.latent)).shape == (2, 1, 12, 12)


@pytest.mark.parametrize("case", step_cost.CASES, ids=lambda case: case.name)
def test_the_loops_that_are_timed_play(case: step_cost.Case) -> None:
    for maker in (step_cost.ours, step_cost.plain, step_cost.careless):
        networks, data = case.networks(), case.data()[: 2 * case.batch]
        next(maker(networks, case, data, "float32"))


def test_the_gpu_script_plays_on_a_processor() -> None:
    from sparring.place import Place

    for case in gpu.cases(width=2, batch=4):
        for maker in (gpu.ours, gpu.plain):
            next(maker(case.networks(), case, case.data()[:16], Place()))


def test_a_mixture_scores_itself_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "DRAWS", 4)
    monkeypatch.setattr(quality, "SIZE", 800)
    truth = toy.ring()
    found = quality.scores_of(truth, lambda n, seed: truth.sample(n, 900 + seed))
    assert found.modes == 8
    assert found.quality == pytest.approx(98.9, abs=0.7)
    assert found.spread == pytest.approx(1, abs=0.05)
    assert 0.6 < found.w1 < 1.6
