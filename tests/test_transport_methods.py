"""The four exact methods agree, for any metric and power, and say where they do not apply."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

from sparring.errors import DataError, InputError, RunError, ShapeError
from sparring.transport import Plan, simplex, solve, wasserstein
from sparring.transport.assignment import best_assignment
from sparring.transport.exact import certified, cheapest
from sparring.transport.line import on_a_line
from sparring.transport.plan import Potentials
from sparring.transport.program import constraints


def _clouds(n: int, m: int, d: int, seed: int, ties: bool) -> tuple[np.ndarray, ...]:
    """Points and weights; with ties: few values, repeated points, zero weights, equal running sums."""
    rng = np.random.default_rng(seed)
    if ties:
        x, y = rng.integers(0, 4, (n, d)).astype(float), rng.integers(0, 4, (m, d)).astype(float)
        a, b = rng.integers(0, 3, n).astype(float), rng.integers(0, 3, m).astype(float)
        a[0] += not a.any()
        b[0] += not b.any()
    else:
        x, y, a, b = rng.normal(size=(n, d)), rng.normal(size=(m, d)), rng.random(n) + 0.01, rng.random(m) + 0.01
    return x, y, a / a.sum(), b / b.sum()


def _assert_proven(plan: Plan, costs: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    gamma, lambda_ = plan.potentials
    coupling, scale = plan.coupling.toarray(), costs.max() or 1.0
    assert coupling.min() >= 0
    np.testing.assert_allclose(coupling.sum(1), a, rtol=0, atol=1e-12)
    np.testing.assert_allclose(coupling.sum(0), b, rtol=0, atol=1e-12)
    np.testing.assert_allclose((coupling * costs).sum(), plan.cost, rtol=1e-12, atol=1e-14 * scale)
    assert (costs - gamma[:, None] - lambda_).min() >= -1e-12 * scale
    np.testing.assert_allclose(a @ gamma + b @ lambda_, plan.cost, rtol=1e-9, atol=1e-12 * scale)
    np.testing.assert_allclose(a @ gamma, b @ lambda_, rtol=1e-9, atol=1e-12 * scale)


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000), st.booleans(), st.sampled_from([1.0, 1.5, 2.0, 3.0])
)
def test_on_a_line_all_methods_agree(n: int, m: int, seed: int, ties: bool, p: float) -> None:
    x, y, a, b = _clouds(n, m, 1, seed, ties)
    plans = [solve(x, y, a, b, p=p, method=method) for method in ("line", "simplex", "program")]
    for plan in plans:
        _assert_proven(plan, np.abs(x - y.T) ** p, a, b)
        assert plan.cost == pytest.approx(plans[0].cost, rel=1e-9, abs=1e-12)


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 10), st.integers(1, 10), st.integers(0, 10_000), st.booleans(),
    st.sampled_from(["euclidean", "cityblock", "chebyshev"]), st.sampled_from([1.0, 2.0]),
)  # fmt: skip
def test_simplex_and_program_agree(n: int, m: int, seed: int, ties: bool, metric: Any, p: float) -> None:
    x, y, a, b = _clouds(n, m, 3, seed, ties)
    one, other = (solve(x, y, a, b, metric=metric, p=p, method=method) for method in ("simplex", "program"))
    costs = cdist(x, y, metric) ** p
    _assert_proven(one, costs, a, b)
    _assert_proven(other, costs, a, b)
    assert one.cost == pytest.approx(other.cost, rel=1e-9, abs=1e-12)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 25), st.integers(0, 10_000), st.booleans())
def test_assignment_and_simplex_agree(n: int, seed: int, ties: bool) -> None:
    x, y, *_ = _clouds(n, n, 2, seed, ties)
    uniform = np.full(n, 1 / n)
    one, other = solve(x, y, method="assignment"), solve(x, y, method="simplex")
    _assert_proven(one, cdist(x, y), uniform, uniform)
    assert one.cost == pytest.approx(other.cost, rel=1e-12, abs=1e-14)
    assert one.coupling.nnz == n


def test_a_million_points_on_a_line_meet_their_weights() -> None:
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=300_000), rng.normal(size=200_000), rng.exponential(size=300_000)
    plan = solve(x, y, weights)
    assert plan.cost == pytest.approx(wasserstein_distance(x, y, weights), rel=1e-9)
    assert np.abs(plan.coupling.sum(axis=1) - weights / weights.sum()).max() < 1e-12


def test_a_metric_can_be_a_function_or_a_matrix() -> None:
    x, y, a, b = _clouds(6, 8, 2, 0, False)
    expected = solve(x, y, a, b, metric="cityblock").cost
    matrix = cdist(x, y, "cityblock")
    kept = matrix.copy()
    assert solve(x, y, a, b, metric=lambda u, v: cdist(u, v, "cityblock")).cost == expected
    assert solve(x, y, a, b, metric=matrix).cost == expected
    assert solve(None, None, a, b, metric=matrix).cost == expected
    assert wasserstein(None, None, a, b, metric=matrix, p=2) == pytest.approx(
        wasserstein(x, y, a, b, metric="cityblock", p=2)
    )
    assert np.array_equal(matrix, kept)  # the solver works in a copy


def test_two_histograms_on_a_grid() -> None:
    # all mass moves one place to the right; half of it stays
    grid = np.arange(4.0)
    assert wasserstein(grid, grid, [1, 1, 1, 0], [0, 1, 1, 1]) == pytest.approx(1.0)
    assert wasserstein(grid, grid, [2, 0, 0, 0], [1, 1, 0, 0]) == pytest.approx(0.5)


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_a_distance_scales_and_moves_with_the_data(p: float) -> None:
    x, y, a, b = _clouds(9, 7, 3, 1, False)
    distance = wasserstein(x, y, a, b, p=p)
    assert wasserstein(5 * x, 5 * y, a, b, p=p) == pytest.approx(5 * distance)
    assert wasserstein(x + 3, y + 3, a, b, p=p) == pytest.approx(distance)
    moved = wasserstein(x, x + np.array([3.0, 0.0, 4.0]), a, a, p=p)
    assert moved == pytest.approx(5.0)  # W_p of a translation is its length, for every p


def test_the_powers_are_ordered() -> None:
    x, y, a, b = _clouds(9, 7, 3, 2, False)
    found = [wasserstein(x, y, a, b, p=p) for p in (1.0, 1.5, 2.0, 4.0)]
    assert found == sorted(found)  # Jensen


def test_the_lectures_constraints() -> None:
    matrix, plan = constraints(3, 2), np.arange(6.0)
    assert (matrix @ plan).tolist() == [1, 5, 9, 6, 9]


@pytest.mark.parametrize(
    ("arguments", "settings_", "kind", "words"),
    [
        (([1.0, 2.0], [1.0]), {"method": "assignment"}, InputError, "as many points in x as in y"),
        (([1.0, 2.0], [1.0, 2.0], [1, 2]), {"method": "assignment"}, InputError, "all of equal weight"),
        (([[1.0, 2.0]], [[1.0, 2.0]]), {"method": "line"}, InputError, "points of one column"),
        ((None,), {"method": "line", "metric": [[1.0]]}, InputError, "points of one column"),
        ((np.zeros(600), np.zeros(600)), {"method": "program"}, InputError, r"up to 250,000 pairs; here are 360,000"),
        (([1.0], [2.0]), {"p": 0.5}, InputError, r"p must be at least 1; got 0\.5"),
        (([1.0], [2.0]), {"method": "sinkhorn"}, InputError, "method must be one of auto, simplex"),
        (
            ([1.0], [2.0]),
            {"metric": "cosine"},
            InputError,
            "metric must be euclidean, cityblock, chebyshev, a function",
        ),
        (([[1.0, 1]], [[2.0, 1]]), {"metric": "cosine"}, InputError, "got 'cosine'"),
        (([1.0], None), {}, InputError, "x and y are both needed"),
        (([1.0], [2.0]), {"metric": np.zeros((2, 2))}, ShapeError, r"must have the shape \(1, 1\); got \(2, 2\)"),
        ((None,), {"metric": np.zeros(3)}, ShapeError, r"must have the shape \(n, m\); got \(3\)"),
        ((None,), {"metric": [[0.0, -1.0]]}, DataError, "holds -1 in row 0, column 1; it cannot be negative"),
        ((None,), {"metric": [[0.0, np.nan]]}, DataError, "holds nan in row 0"),
        (([1.0], [2.0]), {"metric": lambda x, y: np.zeros(3)}, ShapeError, "metric's distances must have the shape"),
    ],
)
def test_what_does_not_apply_is_refused_in_one_line(
    arguments: tuple, settings_: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as refusal:
        solve(*arguments, **settings_)
    assert "\n" not in str(refusal.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(6, 25), st.integers(6, 25), st.integers(1, 3), st.integers(0, 10_000), st.booleans(),
    st.sampled_from([1.0, 2.0, 8.0]),
)  # fmt: skip
def test_short_lists_of_pairs_lead_to_the_same_plan(
    monkeypatch: pytest.MonkeyPatch, n: int, m: int, d: int, seed: int, ties: bool, p: float
) -> None:
    x, y, a, b = _clouds(n, m, d, seed, ties)
    costs = cdist(x, y) ** p
    whole = cheapest(costs, a, b)  # so small a problem is solved on all pairs
    with monkeypatch.context() as short:
        for name, value in {"ALL_PAIRS": 9, "SHORT": 2, "ADDED": 1, "CROWDED": 1, "PART": 5}.items():
            short.setattr(simplex, name, value)
        plan = cheapest(costs, a, b)
    assert plan.cost == pytest.approx(whole.cost, rel=1e-9, abs=1e-12 * (costs.max() or 1.0))
    _assert_proven(plan, costs, a, b)


@pytest.mark.parametrize("d", [1, 2, 10])
def test_short_lists_on_a_real_size(d: int) -> None:
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(700, d)), 1.5 * rng.normal(size=(900, d)) + 2
    a, b = rng.dirichlet(np.ones(700)), np.where(np.arange(900) % 7, 1.0, 0.0) / 771
    plan = solve(x, y, a, b, method="simplex")
    _assert_proven(plan, cdist(x, y), a, b)
    if d == 1:
        assert plan.cost == pytest.approx(wasserstein_distance(x[:, 0], y[:, 0], a, b), rel=1e-10)


def test_a_wrong_plan_is_never_returned() -> None:
    x, y, uniform = np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.full(2, 0.5)
    coupling, gamma, lambda_ = on_a_line(x, y, uniform, uniform, 1)
    with pytest.raises(RunError, match="'line' left a gap of 1"):
        certified(coupling, 1.0, Potentials(gamma, lambda_), uniform, uniform, 1.0, "line")
    with pytest.raises(RunError, match=r"missed the weights by 0\.5"):
        certified(coupling * 2, 0.0, Potentials(gamma, lambda_), uniform, uniform, 1.0, "line")


def test_best_assignment_prices_prove_it() -> None:
    costs = np.array([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])
    flow, gamma = best_assignment(costs, np.full(3, 1 / 3), np.full(3, 1 / 3))
    assert (flow * costs).sum() == pytest.approx(5 / 3)
    lambda_ = (costs - gamma[:, None]).min(axis=0)
    assert gamma.sum() + lambda_.sum() == pytest.approx(5)
