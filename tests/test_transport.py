"""Exact transport against closed forms, two other solvers and its own certificates."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

import sparring.transport
from sparring.errors import DataError, InputError, RunError, ShapeError
from sparring.transport import Plan, exact, simplex, solve, wasserstein
from sparring.transport.clouds import distances


def normal(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def linear_program(costs: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    n, m = costs.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    answer = linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.r_[a, b], method="highs")
    assert answer.status == 0
    return answer.fun


def assert_proven(plan: Plan, costs: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Everything that makes a plan optimal, recomputed from the raw costs."""
    scale = costs.max() or 1.0
    gamma, lambda_ = plan.potentials
    coupling = plan.coupling.toarray()
    assert coupling.min() >= 0
    np.testing.assert_allclose(coupling.sum(1), a, rtol=0, atol=1e-12)
    np.testing.assert_allclose(coupling.sum(0), b, rtol=0, atol=1e-12)
    np.testing.assert_allclose((coupling * costs).sum(), plan.cost, rtol=1e-12)
    assert (costs - gamma[:, None] - lambda_).min() >= -1e-13 * scale
    np.testing.assert_allclose(a @ gamma + b @ lambda_, plan.cost, rtol=1e-9, atol=1e-12 * scale)
    np.testing.assert_allclose(a @ gamma, b @ lambda_, rtol=1e-9, atol=1e-12 * scale)
    assert plan.certified
    assert abs(plan.gap) <= 1e-9 * plan.cost + 1e-12 * scale


# -- against closed forms


def test_line_equals_the_mean_distance_of_sorted_points() -> None:
    x, y = normal(200, 1), normal(200, 1, seed=1) * 2 + 3
    expected = np.abs(np.sort(x[:, 0]) - np.sort(y[:, 0])).mean()
    assert wasserstein(x, y) == pytest.approx(expected, rel=1e-12)
    assert wasserstein(x[:, 0], y[:, 0]) == pytest.approx(expected, rel=1e-12)


def test_weighted_line_equals_scipy() -> None:
    rng = np.random.default_rng(0)
    x, y, a, b = rng.normal(size=40), rng.normal(size=70), rng.random(40), rng.random(70)
    expected = wasserstein_distance(x, y, a, b)
    assert wasserstein(x, y, a / a.sum(), b / b.sum()) == pytest.approx(expected, rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 6), st.floats(-1e6, 1e6), st.integers(0, 1000))
def test_a_translation_costs_its_length(n: int, d: int, length: float, seed: int) -> None:
    x = normal(n, d, seed)
    step = np.full(d, length)
    assert wasserstein(x, x + step) == pytest.approx(np.linalg.norm(step), rel=1e-9, abs=1e-9)


def test_the_same_cloud_is_at_distance_zero_in_any_order() -> None:
    for d in (1, 3, 200):
        x = normal(60, d)
        assert wasserstein(x, x[::-1]) == 0.0


def test_it_is_symmetric_and_scales_with_the_data() -> None:
    x, y = normal(50, 3), normal(70, 3, seed=1) + 1
    cost = wasserstein(x, y)
    assert wasserstein(y, x) == pytest.approx(cost, rel=1e-12)
    for factor in (1e-12, 1e-3, 1e12, 1e100):
        assert wasserstein(x * factor, y * factor) == pytest.approx(cost * factor, rel=1e-9)


# -- against other solvers


@pytest.mark.parametrize("d", [1, 2, 40])
def test_equal_weights_equal_the_best_assignment(d: int) -> None:
    x, y = normal(120, d), normal(120, d, seed=1) * 1.5 + 0.5
    costs = cdist(x, y)
    best = costs[linear_sum_assignment(costs)].mean()
    plan = solve(x, y)
    assert plan.cost == pytest.approx(best, rel=1e-12)
    assert_proven(plan, costs, np.full(120, 1 / 120), np.full(120, 1 / 120))


@pytest.mark.parametrize("seed", range(5))
def test_unequal_weights_equal_the_linear_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=(17, 2)) + 1
    a, b = rng.dirichlet(np.ones(12)), rng.dirichlet(np.ones(17))
    plan = solve(x, y, a, b)
    assert plan.cost == pytest.approx(linear_program(cdist(x, y), a, b), rel=1e-9)
    assert_proven(plan, cdist(x, y), a, b)


def test_points_without_mass_do_not_matter_but_their_potentials_are_feasible() -> None:
    x, y = normal(30, 2), normal(25, 2, seed=1)
    a = np.where(np.arange(30) < 10, 0, 1 / 20)
    b = np.where(np.arange(25) < 5, 0, 1 / 20)
    plan = solve(x, y, a, b)
    assert plan.cost == pytest.approx(wasserstein(x[10:], y[5:]), rel=1e-12)
    assert_proven(plan, cdist(x, y), a, b)


@pytest.mark.parametrize(
    ("name", "x", "y", "a", "b"),
    [
        ("unequal sizes", normal(90, 3), normal(61, 3, 1), np.ones(90), np.ones(61)),
        ("ties", np.round(normal(90, 2)), np.round(normal(77, 2, 1)), np.ones(90), np.ones(77)),
        ("one point", normal(1, 3), normal(50, 3, 1), np.ones(1), np.ones(50)),
        ("one place", np.zeros((40, 2)), np.zeros((30, 2)), np.ones(40), np.ones(30)),
        ("far away", normal(50, 3) + 1e7, normal(50, 3, 1), np.ones(50), np.ones(50)),
        ("twelve digits of weights", normal(50, 3), normal(50, 3, 1), np.logspace(-12, 0, 50), np.ones(50)),
    ],
)
def test_every_answer_proves_itself(name: str, x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    a, b = a / a.sum(), b / b.sum()
    assert_proven(solve(x, y, a, b), cdist(x, y), a, b)


def test_distances_by_matrix_product_equal_direct_ones() -> None:
    x = normal(80, 300) + 1e4
    y = np.vstack([x[:5], x[5:10] + 1e-7, normal(60, 300, seed=1) + 1e4])
    found = distances(x, y)
    np.testing.assert_allclose(found, cdist(x, y), rtol=1e-9)
    assert (found[np.arange(5), np.arange(5)] == 0).all()
    np.testing.assert_allclose(distances(x[:3], np.repeat(x[:1], 9, 0)), cdist(x[:3], np.repeat(x[:1], 9, 0)))


# -- inputs


def test_images_are_flat_rows_and_bytes_do_not_wrap_around() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (9, 4, 5), dtype=np.uint8), rng.integers(0, 256, (7, 4, 5), dtype=np.uint8)
    expected = wasserstein(x.reshape(9, -1).astype(float), y.reshape(7, -1).astype(float))
    assert wasserstein(x, y) == expected


def test_sums_of_float32_weights_need_not_agree_to_the_last_digit() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(1000).astype(np.float32), rng.random(900).astype(np.float32)
    plan = solve(rng.normal(size=(1000, 1)), rng.normal(size=(900, 1)), a / a.sum(), b / b.sum())
    assert plan.certified
    assert plan.coupling.sum() == pytest.approx(1.0, abs=1e-12)


def test_counts_on_one_side_are_shares_and_the_other_side_is_uniform() -> None:
    x, y = normal(3, 2), normal(8, 2, seed=1)
    assert wasserstein(x, y, [2, 1, 1]) == pytest.approx(wasserstein(x[[0, 0, 1, 2]], y), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (([[0.0], [np.nan]], [[1.0]]), DataError, "x holds nan in row 1"),
        (([[0.0]], [[np.inf]]), DataError, "y holds inf in row 0"),
        ((["a"], ["b"]), DataError, "real numbers"),
        (([[1j]], [[0.0]]), DataError, "real numbers"),
        (([], [1.0]), InputError, "x is empty"),
        ((np.zeros((3, 0)), np.zeros((3, 0))), InputError, "empty"),
        ((1.0, [1.0]), ShapeError, "single number"),
        ((np.zeros((3, 2)), np.zeros((3, 4))), ShapeError, r"\(2\) in x and \(4\) in y"),
        ((np.zeros((3, 2, 2)), np.zeros((3, 4))), ShapeError, "one shape"),
        (([0.0, 1.0], [1.0], [0.5, 0.6], [1.0]), InputError, "1.1 and those of y to 1"),
        (([0.0, 1.0], [1.0], [-0.5, 1.5], [1.0]), DataError, "-0.5 in row 0"),
        (([0.0, 1.0], [1.0], [0.0, 0.0]), InputError, "all zero"),
        (([0.0, 1.0], [1.0], [1.0]), ShapeError, r"shape \(2\)"),
        (([0.0, 1.0], [1.0], [np.nan, 1.0]), DataError, "x_weights holds nan"),
        (([0.0, 1e200], [0.0]), DataError, "x holds a value beyond 1e[+]150 in row 1"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments: tuple, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as refusal:
        solve(*arguments)
    assert "\n" not in str(refusal.value)


def test_a_solver_that_stops_early_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(200, 3), normal(200, 3, seed=1)
    monkeypatch.setattr(simplex, "PIVOTS", 20)
    with pytest.raises(RunError, match="no optimal plan") as stopped:
        solve(x, y)
    assert "\n" not in str(stopped.value)


def test_a_wrong_answer_called_optimal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(50, 3), normal(50, 3, seed=1)

    def mistaken(costs: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.outer(a, b), np.zeros(len(a))

    monkeypatch.setattr(exact, "network_simplex", mistaken)
    with pytest.raises(RunError, match="left a gap"):
        solve(x, y)


def test_a_plan_cannot_be_changed_and_prints_in_one_line() -> None:
    plan = solve([0.0, 1.0], [2.0, 4.0])
    with pytest.raises(AttributeError):
        plan.cost = 0.0  # type: ignore[misc]
    assert repr(plan) == "Plan(cost=2.5, gap=0.0, certified=True)"


def test_public_names() -> None:
    names = {
        "Beside", "Critic", "Estimate", "Plan", "Potentials", "against_floor", "bootstrap", "critic_quality",
        "gaussian", "grey_mass", "sliced", "solve", "wasserstein",
    }  # fmt: skip
    assert set(sparring.transport.__all__) == names
    code = "import sys, sparring.transport; assert 'torch' not in sys.modules and 'ot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
