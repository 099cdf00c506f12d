"""The Fréchet distance: against its formula with SciPy's root, closed forms, and what it must not depend on."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from sparring.errors import InputError
from sparring.judging import frechet_distance

RNG = np.random.default_rng(0)


def test_it_is_the_formula_with_a_root_of_the_product() -> None:
    x, y = RNG.normal(size=(200, 5)) @ RNG.normal(size=(5, 5)), RNG.normal(size=(150, 5)) + 0.3
    a, b = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-10)


def test_of_one_column_it_is_the_gap_of_means_and_deviations() -> None:
    x, y = RNG.normal(2, 3, size=(50, 1)), RNG.normal(size=(80, 1))
    expected = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-12)


def test_it_is_zero_for_the_same_cloud_symmetric_and_blind_to_rotation() -> None:
    x, y = RNG.normal(size=(60, 4)), RNG.normal(size=(60, 4)) * [1, 2, 3, 4]
    turned, _ = np.linalg.qr(RNG.normal(size=(4, 4)))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-10)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x))
    assert frechet_distance(x @ turned, y @ turned) == pytest.approx(frechet_distance(x, y))


def test_features_that_never_vary_are_no_trouble() -> None:
    x = np.hstack([RNG.normal(size=(50, 2)), np.zeros((50, 3))])
    assert frechet_distance(x, np.add(x, [1.0, 0, 0, 0, 0])) == pytest.approx(1)


def test_clouds_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="as many columns"):
        frechet_distance(np.zeros((5, 2)), np.zeros((5, 3)))
    with pytest.raises(InputError, match="two points"):
        frechet_distance(np.zeros((1, 2)), np.zeros((5, 2)))
