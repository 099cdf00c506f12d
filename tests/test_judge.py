"""The judge against hand-computed cases, invariances, and samples whose fault is known."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

import sparring.judging
from sparring.data.toy import ring
from sparring.errors import DataError, InputError, ShapeError
from sparring.judging import Verdict, fidelity, floor, judge, memory
from sparring.judging.measures import HeldOut, neighbour_accuracy
from sparring.judging.said import WORDS
from sparring.judging.verdict import EQUAL, HIGHER, LIMITS, LOWER, MEANINGS, Figure, grade, unsure
from sparring.transport import wasserstein
from sparring.transport.ratios import draws_interval

PER_DRAW = ("w1", "sliced_w1", "precision", "recall", "density", "coverage", "two_sample", "frechet")
COPYING = ("near_copies", "exact_copies", "nearer_to_training")
CLASSES = ("confident", "smallest_class", "largest_class")


def blobs(n: int, seed: int = 0, d: int = 6) -> np.ndarray:
    """Three normal clouds, unequal in width: a law that anyone can draw from."""
    rng = np.random.default_rng(seed)
    which = rng.integers(3, size=n)
    return rng.normal(size=(n, d)) * (1 + which[:, None]) / 2 + 4 * np.eye(3, d)[which]


def fresh(n: int, seed: int) -> np.ndarray:
    return blobs(n, seed + 10_000)


TRAIN, TEST = blobs(300, 1), blobs(100, 2)


@pytest.fixture(scope="module")
def honest() -> Verdict:
    return judge(fresh, TRAIN, TEST)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 8, 8) of training and held-out rows, and the training labels."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order].reshape(-1, 8, 8), labels[order]
    return images[:900], images[900:1200], labels[:900]


# -- fidelity, by hand

REAL = np.array([[0.0], [1.0], [2.0], [3.0], [10.0]])  # the nearest other point is 1, 1, 1, 1 and 7 away


def gaps(fake: list[float]) -> np.ndarray:
    return np.abs(np.array(fake)[:, None] - REAL[:, 0])


def test_radii_by_hand() -> None:
    one, two = fidelity.radii(REAL, [1, 2])
    np.testing.assert_allclose(one, [1, 1, 1, 1, 7], rtol=1e-8)
    np.testing.assert_allclose(two, [2, 1, 1, 2, 8], rtol=1e-8)


def test_figures_by_hand() -> None:
    (reach,) = fidelity.radii(REAL, [1])
    assert fidelity.precision(gaps([0.5, 5, 20]), reach) == 2 / 3  # 20 is 10 from the ball of radius 7
    assert fidelity.density(gaps([0.5, 5, 20]), reach, 1) == 3 / 3  # in 2, 1 and 0 balls
    assert fidelity.coverage(gaps([0.5, 5, 20]), reach) == 3 / 5  # the balls of 0, 1 and 10 hold a fake
    (fake_reach,) = fidelity.radii(np.array([[0.5], [5.0], [6.0]]), [1])  # 4.5, 1 and 1
    assert fidelity.recall(gaps([0.5, 5, 6]), fake_reach) == 4 / 5  # 10 is 4 from 6


def test_a_point_on_the_rim_is_inside() -> None:
    (reach,) = fidelity.radii(REAL, [1])
    assert fidelity.precision(gaps([17.0, -1.0]), reach) == 1.0
    assert fidelity.coverage(gaps([17.0]), reach) == 1 / 5
    assert fidelity.recall(gaps([0.0, 7.0]), np.array([2.0, 0.5])) == 3 / 5


@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 2), (25, 60, 5), (60, 25, 40)])
def test_figures_equal_a_plain_reading_of_the_definitions(n: int, m: int, d: int) -> None:
    rng = np.random.default_rng(0)
    fake, real = rng.normal(size=(n, d)) * 0.8 + 0.3, rng.normal(size=(m, d))

    def reach(points: np.ndarray, k: int) -> np.ndarray:
        return NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, k] * (1 + 1e-9)

    def inside(point: np.ndarray, centre: np.ndarray, radius: float) -> bool:
        return bool(np.linalg.norm(point - centre) <= radius)

    found = fidelity.fidelity(fake, real)
    three, five, fake_three = reach(real, 3), reach(real, 5), reach(fake, 3)
    assert found.precision == pytest.approx(
        np.mean([any(inside(f, r, t) for r, t in zip(real, three, strict=True)) for f in fake])
    )
    assert found.recall == pytest.approx(
        np.mean([any(inside(r, f, t) for f, t in zip(fake, fake_three, strict=True)) for r in real])
    )
    counts = [[inside(f, r, t) for r, t in zip(real, five, strict=True)] for f in fake]
    assert found.density == pytest.approx(np.sum(counts) / (5 * n))
    assert found.coverage == pytest.approx(np.any(counts, axis=0).mean())


def test_the_real_points_themselves_are_precise_and_cover_everything() -> None:
    points = blobs(80, d=50)
    found = fidelity.fidelity(points, points)
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)
    assert found.density == pytest.approx(6 / 5)  # every ball holds its own centre and five neighbours


def test_balls_need_more_points_than_neighbours() -> None:
    points = np.arange(5.0)[:, None]
    narrow, wide = fidelity.balls(points)
    assert narrow.tolist() == pytest.approx([3, 2, 2, 2, 3])
    assert wide.tolist() == pytest.approx([4, 3, 2, 3, 4])  # of five points there are four neighbours
    with pytest.raises(InputError, match="3 neighbours"):
        fidelity.balls(points[:3])


# -- memory, by hand


def test_nearest_and_spacing_in_blocks_equal_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = memory.nearest(TEST, TRAIN), memory.spacing(TRAIN, np.arange(50))
    monkeypatch.setattr(memory, "CHUNK_BYTES", 8 * len(TRAIN) * 7)
    np.testing.assert_array_equal(memory.nearest(TEST, TRAIN), whole[0])
    np.testing.assert_array_equal(memory.spacing(TRAIN, np.arange(50)), whole[1])
    expected = NearestNeighbors(n_neighbors=2).fit(TRAIN).kneighbors(TRAIN[:50])[0][:, 1]
    np.testing.assert_allclose(whole[1], expected)


def test_exact_copies_are_found_across_number_types() -> None:
    rows = np.array([[0.1, 0.0], [0.3, 2.0], [5.0, 7.0]])
    found = memory.exact_copies(np.array([[0.1, -0.0], [0.3, 2.1]], np.float32), rows)
    np.testing.assert_array_equal(found, [True, False])
    np.testing.assert_array_equal(memory.exact_copies(np.array([[5, 7], [5, 8]]), rows), [True, False])
    np.testing.assert_array_equal(memory.exact_copies(np.array([[0.1 + 1e-12, 0.0]]), rows), [False])


def test_sides_count_which_set_is_nearer() -> None:
    train, test = np.array([[0.0], [10.0]]), np.array([[1.0], [20.0]])
    samples = np.array([[0.2], [0.9], [9.0], [19.0]])
    found = memory.sides(samples, train, test, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(found.whole, 0.5)
    tied = memory.sides(samples, train, train, 3, np.random.default_rng(0))
    np.testing.assert_array_equal(tied.whole, 0.5)
    unequal = memory.sides(samples, np.repeat(train, 3, 0), test[:1], 5, np.random.default_rng(0))
    assert set(unequal.whole) <= {0.25, 0.5}  # one training row, whichever, against the one held-out row


# -- intervals and grades


def test_interval_of_draws_narrows_with_their_number_and_holds_the_ratio() -> None:
    rng = np.random.default_rng(0)

    def width(draws: int, overlap: float) -> float:
        fake, real = rng.normal(2, 0.1, draws), rng.normal(1, 0.1, draws)
        interval = draws_interval(fake, real, overlap, 0.0, rng)
        assert interval is not None
        assert interval[0] < fake.mean() / real.mean() < interval[1]
        return interval[1] - interval[0]

    assert width(1000, 0.0) < width(10, 0.0)
    assert width(1000, 1.0) > 2 * width(1000, 0.0)  # equal draws: their number teaches nothing
    assert draws_interval(np.ones(1), np.ones(1), 0.0, 0.2, rng) is None


def test_interval_of_independent_draws_equals_the_delta_method() -> None:
    rng = np.random.default_rng(0)
    fake, real = rng.normal(2, 0.1, 400), rng.normal(1, 0.05, 400)
    found = draws_interval(fake, real, 0.0, 0.0, rng)
    ratio, spread = fake.mean() / real.mean(), np.sqrt((0.1 / 2) ** 2 + (0.05 / 1) ** 2) / 20
    assert found == pytest.approx((ratio * (1 - 1.96 * spread), ratio * (1 + 1.96 * spread)), abs=0.004)


def test_interval_of_shares_equals_the_usual_one_for_large_counts() -> None:
    found = floor.share_interval(4000, 10_000, 2000, 10_000, np.random.default_rng(0))
    spread = np.sqrt(0.6 / 4000 + 0.8 / 2000)
    assert found == pytest.approx((2 * np.exp(-1.96 * spread), 2 * np.exp(1.96 * spread)), rel=0.01)
    assert floor.share_interval(3, 100, 0, 100, np.random.default_rng(0)) is None


def test_class_floor_of_a_coin_is_its_expected_extreme() -> None:
    labels = np.repeat([0, 1], 50)
    floors, _ = floor.class_intervals((0.5, 0.5), labels, 1000, np.random.default_rng(0))
    expected = 0.5 - np.sqrt(0.25 / 1000) * np.sqrt(2 / np.pi)  # mean of |normal|
    assert floors == pytest.approx((expected, 1 - expected), abs=1e-3)
    likely = floor.class_intervals((0.485, 0.515), labels, 1000, np.random.default_rng(0))[1]
    unlikely = floor.class_intervals((0.44, 0.56), labels, 1000, np.random.default_rng(0))[1]
    assert likely[0] is not None
    assert likely[0][0] < 1 < likely[0][1]
    assert unlikely[0] is not None
    assert unlikely[0][1] < 1
    assert unlikely[1] is not None
    assert unlikely[1][0] > 1


@pytest.mark.parametrize(
    ("limits", "value", "interval", "expected"),
    [
        (LOWER, 1.25, (1.1, 1.3), "good"),
        (LOWER, 1.26, (1.1, 1.3), "fair"),
        (LOWER, 2.1, (1.1, 3.0), "poor"),
        (LOWER, 2.1, (0.9, 3.0), "fair"),
        (LOWER, 5.1, (4.0, 6.0), "broken"),
        (HIGHER, 0.2, (0.1, 0.3), "broken"),
        (LOWER, 0.1, (0.0, 0.2), "good"),
        (HIGHER, 0.9, (0.8, 0.95), "good"),
        (HIGHER, 0.8, (0.7, 0.95), "fair"),
        (HIGHER, 0.8, (0.7, 1.05), "good"),
        (HIGHER, 0.6, None, "poor"),
        (EQUAL, 1.2, None, "good"),
        (EQUAL, 0.7, None, "fair"),
        (EQUAL, 3.0, None, "poor"),
        (EQUAL, 0.0, None, "broken"),
    ],
)
def test_grades(limits: Any, value: float, interval: tuple[float, float] | None, expected: str) -> None:
    assert grade(limits, value, 1.0, interval) == expected


def test_grades_without_a_floor() -> None:
    assert [grade(LOWER, value, 0.0, None) for value in (0.0, 0.005, 0.05, 0.5)] == list(WORDS)
    assert grade(HIGHER, 0.0, 0.0, None) == "good"


# -- whole judgements


def test_samples_of_the_same_law_reach_the_floor(honest: Verdict) -> None:
    assert (honest.samples, honest.draws) == (100, 10)
    assert [figure.name for figure in honest.figures] == [*PER_DRAW, *COPYING]
    for name in PER_DRAW:
        figure = honest[name]
        assert figure.ratio == pytest.approx(1, abs=0.25 if name in ("frechet", "sliced_w1") else 0.15)
        assert figure.interval is not None
        assert figure.interval[0] <= 1 <= figure.interval[1]
    assert all(figure.grade == "good" for figure in honest.figures)
    assert "nearly as close" in honest.summary
    assert "no sign of copying" in honest.summary


def test_real_rows_in_the_samples_place_reach_the_floor() -> None:
    """An array no larger than a draw: every draw is the same rows, and the interval still knows their noise."""
    verdict = judge(blobs(100, 5), TRAIN, TEST)
    for name in PER_DRAW:
        interval = verdict[name].interval
        assert interval is not None
        assert interval[0] <= 1 <= interval[1]
    assert verdict["w1"].ratio == pytest.approx(1, abs=0.1)


def test_w1_is_the_exact_distance_in_the_stated_units() -> None:
    fake = blobs(100, 5) * 1.5
    scale = TRAIN.std(axis=0)
    assert judge(fake, TRAIN, TEST)["w1"].value == pytest.approx(wasserstein(fake / scale, TEST / scale))
    images = [rows.reshape(-1, 3, 2) for rows in (fake, TRAIN, TEST)]
    assert judge(*images)["w1"].value == pytest.approx(wasserstein(fake, TEST))


def test_copies_of_training_rows_are_flagged() -> None:
    def copies(n: int, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).choice(TRAIN, n)

    verdict = judge(copies, TRAIN, TEST)
    assert verdict["exact_copies"].value == 1.0
    assert verdict["exact_copies"].grade == "broken"
    assert verdict["near_copies"].value == 1.0
    assert verdict["near_copies"].grade == "broken"
    assert verdict["nearer_to_training"].value > 0.6
    assert verdict["w1"].grade == "good"  # distance alone cannot see it
    assert "training rows are copied" in verdict.summary

    def nudged(n: int, seed: int) -> np.ndarray:
        return copies(n, seed) + np.random.default_rng(seed).normal(0, 0.01, (n, 6))

    verdict = judge(nudged, TRAIN, TEST)
    assert verdict["exact_copies"].value == 0
    assert verdict["near_copies"].grade == "broken"


def test_collapse_loses_coverage_and_recall_but_not_precision() -> None:
    def collapsed(n: int, seed: int) -> np.ndarray:
        return TEST[0] + np.random.default_rng(seed).normal(0, 0.1, (n, 6))

    verdict = judge(collapsed, TRAIN, TEST)
    assert verdict["coverage"].grade == verdict["recall"].grade == "broken"
    assert verdict["coverage"].value < 0.3
    assert verdict["recall"].value < 0.1
    assert verdict["precision"].grade == "good"
    assert "no samples near them" in verdict.summary


def test_garbage_is_far_away_and_no_copy() -> None:
    verdict = judge(lambda n, seed: 50 + fresh(n, seed), TRAIN, TEST)
    assert verdict["w1"].grade == verdict["two_sample"].grade == "broken"
    assert verdict["two_sample"].value == 1
    assert verdict["precision"].value == 0
    assert verdict["near_copies"].value == 0
    assert "nothing like held-out data" in verdict.summary


def test_held_out_rows_in_the_samples_place_are_suspicious() -> None:
    verdict = judge(TEST, TRAIN, TEST)
    assert verdict["w1"].value == 0.0
    assert "closer to held-out data than training data are" in verdict.summary


def test_a_column_in_other_units_changes_nothing() -> None:
    factors = np.array([1000, 1, 1, 1e-4, 1, 1])
    shifts = np.array([0, 1e3, 0, 0, 0, 0])
    fake = blobs(150, 5)
    before = judge(fake, TRAIN, TEST)
    after = judge(*(rows * factors + shifts for rows in (fake, TRAIN, TEST)))
    for old, new in zip(before.figures, after.figures, strict=True):
        assert new.value == pytest.approx(old.value, rel=1e-6)
        assert new.floor == pytest.approx(old.floor, rel=1e-6)


def test_a_constant_column_counts_in_its_own_unit() -> None:
    def widened(rows: np.ndarray, value: float) -> np.ndarray:
        return np.column_stack([rows, np.full(len(rows), value)])

    fake = blobs(100, 5)
    plain = judge(fake, TRAIN, TEST)
    same = judge(widened(fake, 0.1), widened(TRAIN, 0.1), widened(TEST, 0.1))
    assert same["w1"].value == pytest.approx(plain["w1"].value)
    off = judge(widened(fake, 1000.1), widened(TRAIN, 0.1), widened(TEST, 0.1))
    assert off["w1"].value == pytest.approx(1000, rel=0.01)


def test_vectors_are_one_column_and_bytes_are_numbers() -> None:
    rng = np.random.default_rng(0)
    verdict = judge(rng.normal(size=60), rng.normal(size=200), rng.normal(size=60))
    assert verdict["w1"].grade == "good"
    images = [rng.integers(0, 256, (n, 4, 4), dtype=np.uint8) for n in (60, 200, 60)]
    assert judge(*images) == judge(*(rows.astype(float) for rows in images))


def test_repeated_rows_of_a_discrete_table_are_not_called_copies() -> None:
    rng = np.random.default_rng(0)
    fake, train, test = (rng.integers(0, 3, (n, 3)) for n in (200, 500, 200))
    verdict = judge(fake, train, test)
    assert verdict["exact_copies"].value == 1.0 == verdict["exact_copies"].floor
    assert all(verdict[name].grade == "good" for name in COPYING)
    assert "no sign of copying" in verdict.summary


def test_data_of_one_value_have_no_floor() -> None:
    verdict = judge(np.ones((20, 2)), np.ones((40, 2)), np.ones((20, 2)))
    assert (verdict["w1"].value, verdict["w1"].floor, verdict["w1"].ratio) == (0, 0, None)
    assert verdict["w1"].interval is None
    assert verdict["w1"].grade == "good"
    assert "0" in verdict.summary
    assert "stray" in judge(np.ones((20, 2)) * 2, np.ones((40, 2)), np.ones((20, 2))).summary


# -- classes


def test_class_figures_of_held_out_like_digits(digits: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    train, test, labels = digits
    verdict = judge(train[:450], train[450:], test, labels=labels[450:])
    assert [figure.name for figure in verdict.figures] == [*PER_DRAW, *COPYING, *CLASSES]
    assert verdict["confident"].floor > 0.85
    assert verdict["confident"].ratio == pytest.approx(1, abs=0.1)
    assert 0.05 < verdict["smallest_class"].value <= 0.1 <= verdict["largest_class"].value < 0.15
    assert all(verdict[name].grade == "good" for name in CLASSES)


def test_one_class_alone_and_noise_are_seen(digits: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    train, test, labels = digits
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])[labels]

    def ones(n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.choice(train[labels == 1], n) + rng.normal(0, 0.5, (n, 8, 8))

    verdict = judge(ones, train, test, labels=names, draws=2)
    assert verdict["largest_class"].value > 0.9
    assert verdict["largest_class"].grade == "broken"
    assert verdict["smallest_class"].value == 0
    assert verdict["smallest_class"].grade == "broken"
    noise = judge(lambda n, s: np.random.default_rng(s).uniform(0, 16, (n, 8, 8)), train, test, labels=names, draws=2)
    assert noise["confident"].grade == "poor"


class Taught:
    """A classifier with its own idea: everything is of class 7, surely."""

    classes_ = np.arange(10)

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        assert rows.shape[1:] == (8, 8)  # rows arrive as they were given
        return np.eye(10)[np.full(len(rows), 7)]


def test_a_classifier_of_the_users_own(digits: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    train, test, labels = digits
    verdict = judge(train[:100], train, test, labels=labels, classifier=Taught(), draws=2)
    assert verdict["largest_class"].value == 1
    assert verdict["confident"].value == 1
    flat = [rows.reshape(len(rows), -1) / 16 for rows in (train[:100], train, test)]
    model = LogisticRegression(max_iter=500)
    verdict = judge(*flat, labels=labels, classifier=model, draws=2)
    assert verdict["confident"].value > 0.5
    assert not hasattr(model, "classes_")  # a copy was fitted


# -- sizes, determinism, errors


@pytest.mark.parametrize(
    ("fake", "train", "test", "samples", "expected"),
    [
        (fresh, 300, 100, None, 100),
        (fresh, 300, 100, 40, 40),
        (fresh, 300, 100, 5000, 100),
        (fresh, 120, 100, None, 60),
        (blobs(30), 300, 100, None, 30),
        (blobs(30), 300, 100, 80, 30),
        (blobs(3000), 5000, 1500, None, 1000),
    ],
)
def test_sizes_of_draws(fake: Any, train: int, test: int, samples: int | None, expected: int) -> None:
    assert judge(fake, blobs(train, 1), blobs(test, 2), samples=samples, draws=1).samples == expected


def test_each_draw_gets_fresh_samples_of_the_asked_size() -> None:
    calls = []

    def counted(n: int, seed: int) -> np.ndarray:
        calls.append((n, seed))
        return fresh(n, seed)

    judge(counted, TRAIN, TEST, draws=4, samples=50)
    assert [n for n, _ in calls] == [50] * 4
    assert len({seed for _, seed in calls}) == 4


def test_the_same_random_state_gives_the_same_verdict(honest: Verdict) -> None:
    assert judge(fresh, TRAIN, TEST) == honest
    assert judge(fresh, TRAIN, TEST, random_state=1) != honest
    assert judge(fresh, TRAIN, TEST, random_state=np.random.RandomState(0), draws=2).draws == 2


def test_samples_in_order_of_class_are_not_judged_by_the_first_ones(
    digits: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    train, test, labels = digits
    fake = np.repeat(train[np.argsort(labels, kind="stable")], 3, axis=0)
    verdict = judge(fake, train, test, labels=labels, draws=1, samples=50)
    assert verdict["largest_class"].value < 0.15


def test_nothing_given_is_changed() -> None:
    arrays = [rows.copy() for rows in (blobs(100, 5), TRAIN, TEST)]
    for array in arrays:
        array.setflags(write=False)
    judge(*arrays, draws=2, labels=np.arange(300) % 3)


LABELS = np.arange(300) % 3


def wrong_size(n: int, seed: int) -> np.ndarray:
    return fresh(n + 1, seed)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"fake": blobs(1)}, InputError, "fake has 1 row"),
        ({"test": TEST[:1]}, InputError, "test has 1 row"),
        ({"train": TRAIN[:8]}, InputError, "half of train has 4 row"),
        ({"fake": TRAIN[:, :5]}, ShapeError, "fake must hold rows of the shape"),
        ({"test": TEST.reshape(-1, 3, 2)}, ShapeError, "test must hold rows"),
        (
            {"fake": np.where(np.arange(100)[:, None] == 7, np.nan, TEST)},
            DataError,
            "fake holds nan in row 7",
        ),
        ({"fake": np.array([["a"] * 6] * 20)}, DataError, "real numbers"),
        ({"fake": np.full((20, 6), 1e200)}, DataError, "too large"),
        ({"fake": wrong_size}, ShapeError, "asked for 100 it returned 101"),
        ({"fake": lambda n, seed: fresh(n, seed)[:, :2]}, ShapeError, "fake must hold rows"),
        ({"draws": 0}, InputError, "draws must be 1 or more"),
        ({"samples": 1}, InputError, "samples 5 or more"),
        ({"labels": LABELS[:-1]}, ShapeError, "one class per training row"),
        ({"labels": LABELS * 0}, InputError, "two classes or more"),
        ({"labels": np.linspace(0, 1, 300)}, InputError, "two classes or more"),
        ({"labels": np.where(LABELS == 0, np.nan, LABELS)}, DataError, "labels holds nan in row 0"),
        ({"classifier": LogisticRegression()}, InputError, "without labels"),
        ({"labels": LABELS, "classifier": object()}, InputError, "predict_proba"),
        ({"random_state": -1}, InputError, "random_state"),
    ],
)
def test_bad_input_is_refused_in_one_line(change: dict[str, Any], kind: type[Exception], words: str) -> None:
    given: dict[str, Any] = {"fake": fresh, "train": TRAIN, "test": TEST, **change}
    with pytest.raises(kind, match=words) as refusal:
        judge(given.pop("fake"), given.pop("train"), given.pop("test"), **given)
    assert "\n" not in str(refusal.value)


# -- the verdict as a value


def test_a_verdict_survives_json(honest: Verdict) -> None:
    plain = json.loads(json.dumps(honest.to_json(), allow_nan=False))
    again = Verdict.from_json(plain)
    assert again == honest
    assert again.seconds == honest.seconds
    assert isinstance(again.figures, tuple)
    assert isinstance(again["w1"].interval, tuple)
    with pytest.raises(InputError, match="no verdict"):
        Verdict.from_json({"figures": []})


def test_a_verdict_prints_as_an_aligned_table(honest: Verdict) -> None:
    lines = str(honest).splitlines()
    assert lines[0] == (
        "10 draws of 100 samples, in standard deviations of the training columns; "
        "the floor is training data in the samples' place"
    )
    table = lines[3 : 3 + len(honest.figures) - len(COPYING)]
    privacy = lines.index("Privacy")
    for line in (*table, *lines[privacy + 1 : privacy + 1 + len(COPYING)]):
        assert line.endswith(tuple(WORDS.values()))
        assert len(line) == len(lines[3])
    assert [line.split()[0] for line in lines[privacy + 1 : privacy + 4]] == list(COPYING)
    assert "no anonymity and no differential privacy" in lines[privacy + 4]
    assert lines[-1 - len(honest.notes)] == honest.summary
    assert lines[len(lines) - len(honest.notes) :] == list(honest.notes)
    assert f"{honest['w1'].ratio:.2f}" in lines[3]


def test_an_unknown_figure_is_named(honest: Verdict) -> None:
    with pytest.raises(KeyError, match=r"fid.*there are w1, sliced_w1, precision"):
        honest["fid"]


def test_every_figure_has_limits_and_a_meaning() -> None:
    assert (
        set(LIMITS)
        == set(MEANINGS)
        == {
            *(*PER_DRAW, *COPYING, *CLASSES, "modes", "high_quality", "tstr"),
            *("columns", "pairs", "total_variation", "kolmogorov_smirnov", "missing"),
        }
    )
    assert all(meaning.endswith(".") and "  " not in meaning for meaning in MEANINGS.values())


def test_held_out_rows_that_were_not_held_out_are_noticed() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 2))
    honest, careless = judge(rows[:50] + 0.1, rows[50:], rows[:50]), judge(rows[:50] + 0.1, rows, rows[:50])
    assert "held-out rows stand" not in honest.summary
    assert careless.summary.endswith(
        "but 100% of the held-out rows stand in the training data too: were they held out?"
    )


def test_public_names() -> None:
    assert set(sparring.judging.__all__) == {
        "Answers",
        "ColumnFigures",
        "Figure",
        "Mistake",
        "PairFigure",
        "TranslationVerdict",
        "Verdict",
        "frechet_distance",
        "judge",
        "judge_answers",
        "judge_translations",
        "ssim",
    }
    code = "import sys, sparring.judging; assert 'torch' not in sys.modules and 'ot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_verdict_in_markdown(honest: Verdict) -> None:
    lines = honest.to_markdown().splitlines()
    assert lines[1] == "| --- | --- | --- | --- | --- | --- |"
    privacy = lines.index("**Privacy**")
    whole, copies = lines[: len(honest.figures) - len(COPYING) + 2], lines[privacy + 2 : privacy + 4 + len(COPYING)]
    assert all(line.count("|") == 7 for line in (*whole, *copies))
    assert lines[-1 - len(honest.notes)].endswith(honest.summary)


def test_what_chance_covers_is_said() -> None:
    wide = Figure.of("near_copies", 0.05, 0.04, (0.4, 3.0))
    sure = Figure.of("w1", 1.1, 1.0, (0.9, 1.2))
    (line,) = unsure((wide, sure))
    assert line.startswith("near_copies: anything from as good as real to far")
    assert unsure((sure,)) == ()


# -- the two-sample test, the Fréchet distance, features and modes


def test_the_two_sample_test_by_hand() -> None:
    fake, real = np.array([0.0, 1.0, 10.0]), np.array([11.0, 12.0, 2.1])
    between = np.abs(fake[:, None] - real[None])
    own = [np.sort(np.abs(x[:, None] - x), axis=1)[:, 1] for x in (fake, real)]
    # fakes: 0 and 1 are each other's nearest, 10 is nearest to 11; reals: 11 is as near to 10 as to 12, 2.1 to 1
    assert neighbour_accuracy(between, *own) == pytest.approx((2 / 3 + 1.5 / 3) / 2)


def test_the_two_sample_test_agrees_with_a_public_classifier() -> None:
    both = np.concatenate([blobs(80, 3) + 0.5, blobs(80, 4)])
    kinds = np.repeat([0, 1], 80)
    nearest = NearestNeighbors(n_neighbors=2).fit(both).kneighbors(both, return_distance=False)[:, 1]
    held = HeldOut.of(both[80:])
    assert held.measured(both[:80])["two_sample"] == pytest.approx((kinds[nearest] == kinds).mean())


def test_the_frechet_distance_is_left_out_where_it_cannot_tell(honest: Verdict) -> None:
    assert "frechet" in [figure.name for figure in honest.figures]
    wide = judge(blobs(60, 3, d=60), blobs(300, 1, d=60), blobs(60, 2, d=60))
    assert "frechet" not in [figure.name for figure in wide.figures]
    assert "wants draws of 120 rows" in str(wide)


def test_distances_can_be_measured_in_features() -> None:
    def doubled(rows: np.ndarray) -> np.ndarray:
        return 2 * rows

    fake = blobs(100, 5)
    verdict = judge(fake, TRAIN, TEST, features=doubled)
    assert verdict["w1"].value == pytest.approx(wasserstein(2 * fake, 2 * TEST))
    assert verdict.space == "the features of doubled"
    with pytest.raises(InputError, match="features must be a function"):
        judge(fake, TRAIN, TEST, features=3)
    with pytest.raises(ShapeError, match="a point for each row"):
        judge(fake, TRAIN, TEST, features=lambda rows: rows[:5])


def test_a_classifier_gives_its_features() -> None:
    import sparring as sp

    y = (TRAIN[:, 0] > 0).astype(int)
    model = sp.Classifier((7,), max_iter=5, random_state=0).fit(TRAIN, y)
    found = model.features(TEST)
    assert found.shape == (100, 7)
    last = list(model.network_.modules())[-1]
    scores = found @ last.weight.detach().double().numpy().T + last.bias.detach().double().numpy()
    np.testing.assert_allclose(scores[:, 1] - scores[:, 0], model.decision_function(TEST), rtol=1e-6)
    verdict = judge(fresh, TRAIN, TEST, features=model)
    assert verdict.space == "the features of Classifier"
    assert verdict["w1"].grade == "good"


def test_modes_of_a_known_law_are_counted() -> None:
    law = ring(sigma=0.05)
    train, test = law.sample(2_000, 0), law.sample(500, 1)
    whole = judge(law.sample, train, test, truth=law)
    assert whole["modes"].value == whole["modes"].floor == 1
    assert whole["high_quality"].value == pytest.approx(0.989, abs=0.01)
    half = judge(lambda n, seed: law.centres[np.arange(n) % 4], train, test, truth=law)
    assert half["modes"].value == 0.5
    assert half["modes"].grade in ("poor", "broken")


# -- traps that others fall into


def test_a_scaled_column_is_seen() -> None:
    scaled = judge(lambda n, seed: fresh(n, seed) * [1000, 1, 1, 1, 1, 1], TRAIN, TEST)
    assert scaled["w1"].grade == scaled["two_sample"].grade == "broken"


def test_permuted_columns_are_seen_though_every_column_is_right() -> None:
    def permuted(n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.stack([rng.permutation(column) for column in fresh(n, seed).T], axis=1)

    verdict = judge(permuted, TRAIN, TEST)
    assert verdict["w1"].grade != "good"
    assert verdict["precision"].ratio is not None
    assert verdict["precision"].ratio < 0.9


def test_permuted_rows_change_nothing() -> None:
    fake = blobs(100, 5)
    order = np.random.default_rng(0).permutation(100)
    one, other = judge(fake, TRAIN, TEST), judge(fake[order], TRAIN, TEST)
    for name in ("w1", "coverage", "two_sample", "frechet"):
        assert one[name].value == pytest.approx(other[name].value)


def test_a_diagonal_is_no_cloud() -> None:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(600, 2)), rng.normal(size=(200, 2))

    def diagonal(n: int, seed: int) -> np.ndarray:
        return np.repeat(np.random.default_rng(seed).normal(size=(n, 1)), 2, axis=1)  # y = x: both columns are right

    verdict = judge(diagonal, train, test)
    assert all(verdict[name].grade != "good" for name in ("w1", "coverage", "frechet", "two_sample"))


def test_samples_can_teach_a_classifier(digits: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    import sparring as sp

    train, test, labels = digits
    images, known = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    test_labels, other = known[order][900:1200], order[1200:]
    real = judge(
        images[other].reshape(-1, 8, 8), train, test, labels=labels, fake_labels=known[other], test_labels=test_labels
    )
    assert real["tstr"].value > 0.9
    assert real["tstr"].grade == "good"
    mixed = np.random.default_rng(1).permutation(known[other])
    wrong = judge(
        images[other].reshape(-1, 8, 8), train, test, labels=labels, fake_labels=mixed, test_labels=test_labels
    )
    assert wrong["tstr"].grade == "broken"
    with pytest.raises(InputError, match="given together"):
        judge(train, train, test, labels=labels, fake_labels=labels)
    gan = sp.GAN(steps=30, random_state=0).fit(train, labels)
    assert 0 <= gan.judge(test, test_labels=test_labels, draws=2)["tstr"].value <= 1
