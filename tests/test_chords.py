"""Keys that sound together: likelihoods that sum to one, draws that follow them, and music that is chords."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import sparring as sp
from sparring.networks import Chords
from sparring.record import Record

KEYS = 4
EVERY_FRAME = torch.tensor(list(product((0.0, 1.0), repeat=KEYS)))


def _chords(scale: float = 2.0) -> tuple[Chords, torch.Tensor]:
    chance = torch.Generator().manual_seed(3)
    chords = Chords(KEYS)
    with torch.no_grad():
        chords.weights.copy_(scale * torch.randn(chords.weights.shape, generator=chance))
    return chords, torch.randn(1, KEYS, generator=chance)


def _exact(chords: Chords, logits: torch.Tensor) -> torch.Tensor:
    """The probability of each frame in EVERY_FRAME, key by key as the formula says."""
    found = []
    for frame in EVERY_FRAME:
        likely = 1.0
        for k in range(KEYS):
            odds = logits[0, k] + sum(chords.matrix()[k, j] * frame[j] for j in range(k))
            likely *= odds.sigmoid() if frame[k] else 1 - odds.sigmoid()
        found.append(likely)
    return torch.stack(found).detach()


def test_the_probabilities_of_all_frames_sum_to_one() -> None:
    chords, logits = _chords()
    nats = nn.functional.binary_cross_entropy_with_logits(
        chords(logits.expand(2**KEYS, -1), EVERY_FRAME), EVERY_FRAME, reduction="none"
    ).sum(1)
    assert torch.allclose(torch.exp(-nats), _exact(chords, logits), atol=1e-6)
    assert torch.exp(-nats).sum().item() == pytest.approx(1.0, abs=1e-6)


def test_only_keys_below_are_looked_at() -> None:
    chords, _ = _chords()
    assert torch.equal(chords.matrix().triu(), torch.zeros(KEYS, KEYS))
    assert chords.weights.numel() == KEYS * (KEYS - 1) // 2
    assert Chords(1)(torch.ones(2, 1), torch.ones(2, 1)).tolist() == [[1.0], [1.0]]


def test_draws_follow_the_probabilities() -> None:
    chords, logits = _chords()
    n = 40_000
    drawn = chords.draw(logits.expand(n, -1), chance=torch.Generator().manual_seed(0))
    shares = torch.bincount((drawn @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long(), minlength=2**KEYS) / n
    expected = _exact(chords, logits)
    assert ((shares - expected).abs() < 4 * (expected * (1 - expected) / n).sqrt() + 1e-4).all()


def test_cold_draws_are_the_likelier_key_by_key() -> None:
    chords, logits = _chords()
    cold = chords.draw(logits, temperature=0)
    assert torch.equal(cold, (chords(logits, cold) > 0).float())
    assert torch.equal(chords.draw(logits, temperature=1e-6), cold)


def test_a_keys_probability_is_its_share_of_all_frames() -> None:
    chords, logits = _chords()
    expected = _exact(chords, logits) @ EVERY_FRAME
    assert torch.allclose(chords.probabilities(logits)[0], expected, atol=0.06)
    assert torch.equal(chords.probabilities(logits), chords.probabilities(logits))


def _pairs(n: int, steps: int) -> list[np.ndarray]:
    """Rolls of 8 keys: at each step one of the lower four at random, the one four above it, and nothing else."""
    rng, rolls = np.random.default_rng(0), []
    for _ in range(n):
        low = rng.integers(0, 4, steps)
        roll = np.zeros((steps, 8))
        roll[np.arange(steps), low] = roll[np.arange(steps), low + 4] = 1
        rolls.append(roll)
    return rolls


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_two_notes_that_go_together_are_learned_and_written(cell: str) -> None:
    """Four chords of equal chance: ln 4 nats a frame are the least there can be; keys drawn apart need many more."""
    settings = {"hidden_size": 8, "max_iter": 40, "batch_size": 8, "learning_rate_init": 0.1, "dropout": 0.0}
    rolls, fresh = _pairs(64, 16), _pairs(90, 16)[64:]
    together = sp.SequenceGenerator(cell=cell, random_state=0, **settings).fit(rolls)
    apart = sp.SequenceGenerator(cell=cell, random_state=0, chords=False, **{**settings, "max_iter": 10}).fit(rolls)
    assert -together.score(fresh) < 1.25 * np.log(4)
    assert -apart.score(fresh) > 3 * np.log(4)
    frames = np.concatenate(together.sample(8, length=16, random_state=1))
    intervals = [np.flatnonzero(frame) for frame in frames]
    assert np.mean([len(keys) == 2 and keys[1] - keys[0] == 4 for keys in intervals]) > 0.8
    few = np.concatenate(together.sample(4, length=8, top_k=2, random_state=1))
    assert (few.sum(1) <= 2).all()


def test_a_run_from_before_chords_is_read_as_it_was(tmp_path: Path) -> None:
    rolls = _pairs(8, 6)
    settings = {"hidden_size": 4, "max_iter": 2, "random_state": 0, "run": tmp_path / "r", "chords": False}
    model = sp.SequenceGenerator(**settings).fit(rolls)
    record = Record.open(tmp_path / "r")
    parameters = {name: value for name, value in record.about["parameters"].items() if name != "chords"}
    record.update(parameters=parameters)
    again = sp.load(tmp_path / "r")
    assert again.chords is False
    assert np.array_equal(again.log_likelihood(rolls), model.log_likelihood(rolls))
