"""Gradients, the metric's axioms, floors and intervals, memory, and grey images as distributions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring import room
from sparring.errors import DataError, InputError
from sparring.transport import against_floor, bootstrap, grey_mass, pairs, problem, ratios, solve, wasserstein


def _cloud(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4, (n, d)) + rng.choice([0.0, 0.5]), rng.dirichlet(np.ones(n))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 8), st.integers(1, 8), st.integers(1, 8), st.integers(1, 3), st.integers(0, 10_000),
    st.sampled_from([1.0, 2.0]), st.sampled_from(["euclidean", "cityblock", "chebyshev"]),
)  # fmt: skip
def test_it_is_a_metric(n: int, m: int, k: int, d: int, seed: int, p: float, metric: Any) -> None:
    (x, a), (y, b), (z, c) = (_cloud(size, d, seed + i) for i, size in enumerate((n, m, k)))

    def distance(*of: np.ndarray) -> float:
        return wasserstein(*of, metric=metric, p=p)

    there = distance(x, y, a, b)
    assert there == pytest.approx(distance(y, x, b, a), rel=1e-9, abs=1e-9)
    assert there <= distance(x, z, a, c) + distance(z, y, c, b) + 1e-9
    order = np.random.default_rng(seed).permutation(n)
    assert distance(x, x[order], a, a[order]) == pytest.approx(0, abs=1e-7)  # the root of a rounding error, for p = 2
    if there < 1e-6:  # no distance without a difference: the same mass at every place
        places = {tuple(point) for point in np.concatenate([x, y])}
        for place in places:
            assert a[(x == place).all(axis=1)].sum() == pytest.approx(b[(y == place).all(axis=1)].sum(), abs=1e-5)


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_the_gradient_is_that_of_finite_differences(d: int, p: float) -> None:
    rng = np.random.default_rng(0)
    x, y, a, b = (
        rng.normal(size=(6, d)),
        rng.normal(size=(9, d)) + 1,
        rng.dirichlet(np.ones(6)),
        rng.dirichlet(np.ones(9)),
    )
    found, step = solve(x, y, a, b, p=p).gradient(), 1e-6
    for place in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        rise = solve(x + moved, y, a, b, p=p).cost - solve(x - moved, y, a, b, p=p).cost
        assert found[place] == pytest.approx(rise / (2 * step), rel=1e-5, abs=1e-7)


def test_points_that_meet_pull_nowhere_and_other_metrics_have_no_gradient() -> None:
    assert solve([[1.0, 2.0]], [[1.0, 2.0]]).gradient().tolist() == [[0.0, 0.0]]
    for plan in (solve(None, metric=[[1.0]]), solve([[1.0, 2.0]], [[0.0, 0.0]], metric="cityblock")):
        with pytest.raises(InputError, match="a gradient needs points, and the metric 'euclidean'"):
            plan.gradient()


def test_the_same_law_lies_at_its_floor_and_another_does_not() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 300, 3))
    same = against_floor(x, y, random_state=1)
    assert same == against_floor(x, y, random_state=1)
    assert (same.samples, same.draws) == (150, 10)
    assert same.interval is not None
    assert same.interval[0] < 1 < same.interval[1]
    other = against_floor(x, y + 1, samples=100, draws=5, p=2)
    assert other.ratio is not None
    assert other.interval is not None
    assert other.interval[0] > 1
    assert against_floor(np.zeros((8, 2)), np.ones((8, 2))).ratio is None


@pytest.mark.slow
def test_the_bootstrap_interval_holds_the_mean_distance_of_such_samples() -> None:
    rng = np.random.default_rng(0)

    def draw() -> tuple[np.ndarray, np.ndarray]:
        return rng.normal(size=(40, 2)), rng.normal(size=(50, 2)) + 1.5

    mean = np.mean([wasserstein(*draw()) for _ in range(1000)])
    held = np.mean([low <= mean <= high for low, high in (bootstrap(*draw(), replicates=40) for _ in range(150))])
    assert 0.89 <= held <= 0.99  # 0.95, within three standard errors


def test_a_floor_near_zero_in_a_replicate_is_no_warning() -> None:
    tops, bottoms = np.full(4000, 1e10), np.ones(4000)
    bottoms[:50] = -1.0  # fewer than the tail
    found = ratios.tails(tops, bottoms)
    assert found is not None
    assert found[0] == 1e10


def test_a_distance_has_an_interval_around_it() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(40, 2)) + 1
    low, high = bootstrap(x, y, p=2)
    assert 0 < low < wasserstein(x, y, p=2) < high
    assert (low, high) == bootstrap(x, y, p=2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: against_floor([1.0, 2, 3], [1.0, 2]), "draws of 1 points, twice from 3 in x"),
        (lambda: against_floor(np.arange(9.0), np.arange(9.0), samples=5), "draws of 5 points, twice from 9 in x"),
        (lambda: bootstrap([1.0, 2], [1.0, 2], replicates=3), "replicates must be at least 20; got 3"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        call()


def test_more_points_than_memory_holds_are_refused_with_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda: 1e9)
    with pytest.raises(InputError, match=r"10,000 points needs about 1.2 GB of memory; 1 GB are free. sliced"):
        problem.distance_matrix(np.zeros((10_000, 2)), np.zeros((10_000, 2)))
    with pytest.raises(InputError, match=r"1.2 GB"):
        solve(np.zeros((10_000, 2)), np.zeros((10_000, 2)))
    assert wasserstein(np.zeros(10_000), np.ones(10_000)) == pytest.approx(1.0)  # a line needs no matrix
    monkeypatch.setattr(room, "free_bytes", lambda: None)
    pairs.require_room(10**9, 10**9)  # unknown: try


def test_free_memory_is_known_here_or_unknown() -> None:
    free = room.free_bytes()
    assert free is None or 10**7 < free < 10**15


def test_a_grey_image_is_a_weighted_cloud() -> None:
    places, shares = grey_mass(np.array([[0, 2], [6, 0]], np.uint8))
    assert places.tolist() == [[0, 1], [1, 0]]
    assert shares.tolist() == [0.25, 0.75]
    assert grey_mass([0, 1, 1])[0].tolist() == [[1], [2]]
    image = np.zeros((9, 9))
    image[2:4, 3:5] = [[1, 2], [3, 4]]
    moved = np.roll(image, (4, 3), (0, 1))
    (x, a), (y, b) = grey_mass(image), grey_mass(moved)
    assert wasserstein(x, y, a, b) == pytest.approx(5.0)  # a translation costs its length
    with pytest.raises(DataError, match="holds -1; mass cannot be negative"):
        grey_mass([-1.0, 2])
    with pytest.raises(InputError, match="0 everywhere"):
        grey_mass(np.zeros((2, 2)))
