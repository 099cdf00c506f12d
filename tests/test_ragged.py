"""Sequences of different lengths: padding, and batches among their like."""

import numpy as np
import pytest
import torch

from sparring.data.ragged import Ragged, SequenceBatches
from sparring.errors import InputError


def _ragged(n: int = 103, seed: int = 0, width: int | None = None) -> Ragged:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        shape = (int(rng.integers(1, 40)),) if width is None else (int(rng.integers(1, 40)), width)
        rows.append(np.full(shape, i))
    return Ragged.of(rows)


def test_rows_are_kept_end_to_end_and_padded() -> None:
    ragged = Ragged.of([[1, 2, 3], [4], [5, 6]])
    assert [row.tolist() for row in (ragged[0], ragged[1], ragged[2])] == [[1, 2, 3], [4], [5, 6]]
    assert ragged.padded(torch.tensor([1, 0])).tolist() == [[4, 0, 0], [1, 2, 3]]
    assert ragged.padded(torch.tensor([2, 1]), fill=-100).tolist() == [[5, 6], [4, -100]]
    vectors = Ragged.of([np.ones((2, 3)), np.full((1, 3), 7.0)])
    padded = vectors.padded(torch.tensor([0, 1]))
    assert padded.shape == (2, 2, 3)
    assert padded[1].tolist() == [[7, 7, 7], [0, 0, 0]]


def test_every_row_once_an_epoch_and_the_smaller_batch_last() -> None:
    batches = SequenceBatches(_ragged(), size=10)
    assert batches.per_epoch == 11
    for epoch in range(3):
        found = [batches.indices(epoch * 11 + i) for i in range(11)]
        assert sorted(torch.cat(found).tolist()) == list(range(103))
        assert [len(rows) for rows in found] == [10] * 10 + [3]
    assert not torch.equal(batches.indices(0), batches.indices(11))


def test_a_batch_is_a_function_of_seed_and_index() -> None:
    there = SequenceBatches(_ragged(), size=10, seed=5)
    back = SequenceBatches(_ragged(), size=10, seed=5)
    forward = [there.indices(i) for i in range(30)]
    for i in reversed(range(30)):
        assert torch.equal(back.indices(i), forward[i])
    assert not torch.equal(SequenceBatches(_ragged(), size=10, seed=6).indices(0), forward[0])


def test_batches_hold_their_rows_with_lengths_and_targets() -> None:
    inputs, tags = _ragged(width=2), _ragged()
    classes = torch.arange(103)
    batches = SequenceBatches(inputs, classes, tags, size=8, seed=1)
    for i in range(batches.per_epoch):
        x, lengths, y, tagged = batches[i]
        assert x.shape[:2] == tagged.shape == (len(y), int(lengths.max()))
        for row, length, number, tag in zip(x, lengths.tolist(), y.tolist(), tagged, strict=True):
            assert (row[:length] == number).all()
            assert (row[length:] == 0).all()
            assert (tag[:length] == number).all()
            assert (tag[length:] == -100).all()


def test_like_lengths_share_a_batch() -> None:
    inputs = _ragged(2_000)
    batches = SequenceBatches(inputs, size=20)
    padding = sum(int((lengths.max() - lengths).sum()) for lengths in (batches[i][1] for i in range(100)))
    plain = torch.randperm(2_000, generator=torch.Generator().manual_seed(0)).split(20)
    unsorted = sum(int((inputs.lengths[rows].max() - inputs.lengths[rows]).sum()) for rows in plain)
    assert padding < 0.1 * unsorted


def test_rows_that_are_much_longer_have_batches_of_their_own() -> None:
    lengths = torch.full((300,), 20)
    lengths[[7, 70, 71, 170]] = torch.tensor(
        [100_000, 30_000, 25_000, 3_000]
    )  # a batch of 32 has room for 65,536 steps
    batches = SequenceBatches(Ragged(torch.zeros(int(lengths.sum())), lengths), size=32)
    assert batches.per_epoch == 3 + 10
    for epoch in range(2):
        indices = range(epoch * 13, (epoch + 1) * 13)
        found = [batches.indices(i) for i in indices]
        assert sorted(torch.cat(found).tolist()) == list(range(300))
        assert [batches.count(i) for i in indices] == [len(rows) for rows in found]
        assert {tuple(rows.tolist()) for rows in found} >= {(7,), (70, 71), (170,)}
        assert len(found[-1]) == 296 % 32
    even = SequenceBatches(Ragged(torch.zeros(64 * 10_000), torch.full((64,), 10_000)), size=32)
    assert even.per_epoch == 2  # long, but no longer than others


def test_what_batches_refuse() -> None:
    with pytest.raises(InputError, match="row 1 is empty"):
        Ragged.of([[1], [], [2]])
    with pytest.raises(InputError, match="there are no rows"):
        Ragged.of([])
    with pytest.raises(InputError, match=r"as many targets as sequences.*\[103, 3\]"):
        SequenceBatches(_ragged(), torch.arange(3), size=10)
