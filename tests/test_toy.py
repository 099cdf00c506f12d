"""Distributions whose truth is known: against SciPy, closed forms and hand-made samples."""

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal

from sparring.data import toy
from sparring.errors import InputError, ShapeError


def test_the_ring_and_the_grid_lie_where_they_should() -> None:
    ring = toy.ring(modes=4, radius=2.0)
    np.testing.assert_allclose(ring.centres, [[2, 0], [0, 2], [-2, 0], [0, -2]], atol=1e-12)
    centres = toy.grid().centres
    assert sorted(map(tuple, centres)) == [(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]


@pytest.mark.parametrize("mixture", [toy.ring(), toy.grid(3, 1.0, 0.2)], ids=["ring", "grid"])
def test_the_density_is_the_mean_of_scipys_normals(mixture: toy.Mixture) -> None:
    x = np.random.default_rng(0).normal(size=(50, 2))
    normals = [multivariate_normal(centre, mixture.sigma**2).pdf(x) for centre in mixture.centres]
    np.testing.assert_allclose(mixture.density(x), np.mean(normals, 0), rtol=1e-10)


def test_the_density_integrates_to_one() -> None:
    mixture = toy.grid(2, 1.0, 0.3)
    density = lambda y, x: mixture.density(np.array([[x, y]]))[0]  # noqa: E731
    assert dblquad(density, -4, 4, -4, 4, epsabs=1e-6)[0] == pytest.approx(1, abs=1e-5)


def test_the_log_density_is_finite_where_the_density_vanishes() -> None:
    mixture, far = toy.ring(modes=1, sigma=0.01), np.array([[51.0, 0.0]])
    assert mixture.density(far) == 0
    expected = -(50**2) / (2 * 0.01**2) - np.log(2 * np.pi * 0.01**2)
    np.testing.assert_allclose(mixture.log_density(far), [expected], rtol=1e-12)


@pytest.mark.parametrize("mixture", [toy.ring(), toy.grid()], ids=["ring", "grid"])
def test_real_samples_reach_every_mode_with_the_known_quality(mixture: toy.Mixture) -> None:
    n = 200_000
    found = mixture.modes_and_quality(mixture.sample(n, 0))
    share = 1 - np.exp(-4.5)  # P(r < 3 sigma) of a Rayleigh variable
    assert found.modes == len(mixture.centres)
    assert found.high_quality == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
    assert found.spread == pytest.approx(1, abs=0.01)
    assert found.reverse_kl == pytest.approx((len(mixture.centres) - 1) / (2 * n), rel=0.8)


def test_modes_quality_and_spread_of_hand_made_samples() -> None:
    ring = toy.ring(sigma=0.01)
    collapsed = ring.modes_and_quality(np.repeat(ring.centres[:3], 5, axis=0))
    assert (collapsed.modes, collapsed.high_quality) == (3, 1.0)
    assert collapsed.spread == pytest.approx(0, abs=1e-12)
    assert collapsed.reverse_kl == pytest.approx(np.log(8 / 3))  # a third each in 3 of 8 modes
    aside = ring.modes_and_quality(np.repeat(np.add(ring.centres, 0.01), 5, axis=0))
    assert aside.spread == pytest.approx(0, abs=1e-12)  # beside the mode's middle, but all in one place
    edge = ring.centres[0] + [[0.029, 0.0], [0.031, 0.0]]
    assert ring.modes_and_quality(edge).high_quality == 0.5
    nowhere = ring.modes_and_quality(np.full((4, 2), 9.0))
    assert (nowhere.modes, nowhere.high_quality) == (0, 0.0)
    assert np.isnan(nowhere.spread)


def test_the_spread_tells_too_little_variety() -> None:
    mixture = toy.grid(sigma=0.05)
    narrow = toy.Mixture(mixture.centres, 0.025).sample(50_000, 0)
    kept = 2 * (1 - 5.5 * np.exp(-4.5)) / (1 - np.exp(-4.5))  # E[r^2 | r < 3] for a standard normal pair
    assert mixture.modes_and_quality(narrow).spread == pytest.approx(0.5 * np.sqrt(2 / kept), abs=0.01)


def test_samples_repeat_with_their_seed_and_have_the_mixtures_moments() -> None:
    mixture = toy.grid()
    np.testing.assert_array_equal(mixture.sample(9, 3), mixture.sample(9, 3))
    assert (mixture.sample(9, 3) != mixture.sample(9, 4)).any()
    x = mixture.sample(100_000, 0)
    assert x.shape == (100_000, 2)
    assert x.dtype == np.float64
    np.testing.assert_allclose(np.cov(x.T), (8 + 0.05**2) * np.eye(2), atol=0.1)  # Var of {-4,...,4} is 8


def test_impossible_mixtures_and_points_are_refused() -> None:
    with pytest.raises(InputError, match="sigma > 0"):
        toy.ring(sigma=0.0)
    with pytest.raises(InputError, match="needs a centre"):
        toy.ring(modes=0)
    with pytest.raises(ShapeError, match=r"\(k, 2\)"):
        toy.Mixture(np.zeros((3, 3)), 1.0)
    for points in (np.zeros((4, 3)), np.zeros(4)):
        with pytest.raises(ShapeError):
            toy.ring().modes_and_quality(points)
    with pytest.raises(ShapeError, match="at least 1"):
        toy.ring().modes_and_quality(np.zeros((0, 2)))


def test_the_digits_and_their_split_are_fixed() -> None:
    images, classes = toy.digits()
    assert (images.shape, images.dtype, images.min(), images.max()) == ((1797, 8, 8), np.float64, 0, 16)
    train, test, train_classes, test_classes = toy.digits_split()
    assert (train.shape, test.shape) == ((1437, 8, 8), (360, 8, 8))
    again = toy.digits_split()
    for one, other in zip((train, test, train_classes, test_classes), again, strict=True):
        np.testing.assert_array_equal(one, other)
    key = lambda rows: sorted(row.tobytes() for row in rows)  # noqa: E731
    assert key(np.concatenate([train, test])) == key(images)
    share = np.bincount(test_classes) / np.bincount(classes)
    assert abs(share - 0.2).max() < 0.01
    assert (toy.digits_split(1)[1] != test).any()
