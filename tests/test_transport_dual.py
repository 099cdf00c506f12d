"""The dual as a function, how good a critic is, and the distances that need no plan."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from sparring.errors import DataError, InputError, ShapeError
from sparring.transport import critic_quality, gaussian, sliced, solve, wasserstein


def _case(n: int, m: int, d: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, n) + 0.0, rng.integers(0, 4, m) + 0.0
    a[0] += 1
    b[-1] += 1
    return rng.integers(0, 5, (n, d)) + 0.0, rng.integers(0, 5, (m, d)) + 0.0, a / a.sum(), b / b.sum()


# -- the critic


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 15), st.integers(1, 15), st.integers(1, 4), st.integers(0, 10_000),
    st.sampled_from(["euclidean", "cityblock", "chebyshev"]),
)  # fmt: skip
def test_the_critics_gap_is_the_distance_and_its_slope_is_at_most_one(
    n: int, m: int, d: int, seed: int, metric: Any
) -> None:
    x, y, a, b = _case(n, m, d, seed)
    plan = solve(x, y, a, b, metric=metric)
    critic = plan.critic()
    assert a @ critic(x) - b @ critic(y) == pytest.approx(plan.cost, rel=1e-9, abs=1e-11)
    anywhere = np.concatenate([x, y, np.random.default_rng(seed).normal(0, 4, (40, d))])
    values = critic(anywhere)
    assert (np.abs(values[:, None] - values) - cdist(anywhere, anywhere, metric)).max() <= 1e-9


def test_a_critic_of_many_points_and_of_images() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(30, 2)) + 1
    critic, many = solve(x, y).critic(), rng.normal(size=(3000, 2))
    direct = (cdist(many, y) - critic.prices).min(axis=1)
    np.testing.assert_allclose(critic(many), direct, atol=1e-12)
    images = rng.random((5, 3, 3)), rng.random((5, 3, 3))
    assert solve(*images).critic()(images[0]).shape == (5,)
    with pytest.raises(ShapeError, match="takes points of 2 columns; got 3"):
        critic(np.zeros((4, 3)))


def test_where_there_is_no_critic() -> None:
    with pytest.raises(InputError, match="the plan is for p=2"):
        solve([0.0, 1.0], [2.0, 3.0], p=2).critic()
    with pytest.raises(InputError, match="made from a matrix of distances"):
        solve(None, metric=[[1.0, 2.0]]).critic()


def test_the_quality_of_critics() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)) + np.eye(3)[0], rng.normal(size=(50, 3))
    best = solve(x, y).critic()
    assert critic_quality(best, x, y) == pytest.approx(1.0)
    assert critic_quality(lambda points: 7 * best(points) + 3, x, y) == pytest.approx(
        1.0
    )  # scale and offset do not count
    assert critic_quality(lambda points: -best(points), x, y) == 0.0
    assert critic_quality(lambda points: np.ones(len(points)), x, y) == 0.0
    linear = critic_quality(lambda points: points[:, :1], x, y)  # one score per point may be a column
    assert linear == pytest.approx((x[:, 0].mean() - y[:, 0].mean()) / _slope(x, y) / wasserstein(x, y))
    assert 0 < critic_quality(lambda points: np.sin(9 * points[:, 0]) + points[:, 0], x, y) < linear < 1


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    joined = np.concatenate([x, y])
    apart = cdist(joined, joined) + np.eye(len(joined))
    return float((np.abs(joined[:, :1] - joined[:, 0]) / apart).max())


@pytest.mark.parametrize(
    ("critic", "y", "kind", "words"),
    [
        (lambda points: points[:, 0], [[0.0]], InputError, "at distance 0"),
        (lambda points: np.zeros(3), [[1.0]], ShapeError, r"one score per point, \(1,\); got \(3\)"),
        (lambda points: points[:, 0] / 0, [[1.0]], DataError, "not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:(invalid|divide)")
def test_critics_that_cannot_be_judged(critic: Any, y: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        critic_quality(critic, np.array([[0.0]]), np.array(y))


# -- sliced, gaussian


def test_sliced_distance_of_a_translation_is_its_mean_projection() -> None:
    # |t . v| for t uniform on the circle has the mean 2 |v| / pi, and its square the mean |v|^2 / 2
    x = np.random.default_rng(0).normal(size=(30, 2))
    for p, expected in ((1.0, 5 * 2 / np.pi), (2.0, 5 / np.sqrt(2))):
        found = sliced(x, x + np.array([3.0, 4.0]), projections=3000, p=p, random_state=1)
        assert abs(found.value - expected) < 4 * found.error
        assert found.error < 0.02 * expected


def test_sliced_is_below_exact_repeats_and_is_exact_in_one_dimension() -> None:
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(60, 3)), rng.normal(size=(40, 3)) * 2, rng.random(60)
    found = sliced(x, y, weights, random_state=5)
    assert found == sliced(x, y, weights, random_state=5)
    assert found.value < wasserstein(x, y, weights)
    line = sliced(x[:, 0], y[:, 0], weights, projections=5)
    assert line.value == pytest.approx(wasserstein(x[:, 0], y[:, 0], weights))
    assert line.error == pytest.approx(0, abs=1e-12)
    assert sliced(x, x).value == pytest.approx(0, abs=1e-12)


def test_gaussian_distance_is_its_formula() -> None:
    rng = np.random.default_rng(0)
    roots = rng.normal(size=(2, 4, 4))
    (c, d), (m, n) = roots @ roots.transpose(0, 2, 1), rng.normal(size=(2, 4))
    cross = np.real(np.asarray(sqrtm(np.asarray(sqrtm(c)) @ d @ np.asarray(sqrtm(c)))))
    expected = np.sqrt(np.square(m - n).sum() + np.trace(c + d - 2 * cross))
    assert gaussian(m, c, n, d) == pytest.approx(expected)
    assert gaussian(m, c, m, c) == pytest.approx(0, abs=1e-6)
    assert gaussian(m, np.zeros((4, 4)), n, np.zeros((4, 4))) == pytest.approx(np.linalg.norm(m - n))


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: sliced([1.0], [2.0], projections=1), InputError, "projections must be at least 2; got 1"),
        (lambda: sliced([1.0], [2.0], p=0.5), InputError, "p must be at least 1"),
        (lambda: gaussian([0.0], [[1.0, 0], [0, 1]], [0.0], [[1.0]]), ShapeError, "covariance_x has the shape (2, 2)"),
        (lambda: gaussian([0.0], [[1.0]], [0.0, 1], np.eye(2)), ShapeError, "both means need one shape"),
        (lambda: gaussian([0.0], [[-1.0]], [0.0], [[1.0]]), DataError, "covariance_x must be symmetric and positive"),
    ],
)
def test_bad_input_is_refused(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=re.escape(words)):
        call()
