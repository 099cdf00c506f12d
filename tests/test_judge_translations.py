"""The judge of translations: against hand-made figures, its baselines, and structural similarity by its formula."""

import json
from typing import Any

import numpy as np
import pytest

from sparring.data import toy
from sparring.errors import DataError, InputError, ShapeError
from sparring.judging import TranslationVerdict, judge_translations, ssim
from sparring.judging.truths import Side

RNG = np.random.default_rng(0)
DIGITS = toy.digits_split()[0]
PAIRS = np.arange(80)[:, None].repeat(2, 1)


def _sides(made: Any = None, kind: str = "image") -> dict[str, Side]:
    """Digits and their inverse; made: what is said in the place of the inverse."""
    a, b, test = DIGITS[:200], 16 - DIGITS[200:400], DIGITS[400:480]
    truth = 16 - test
    said = truth if made is None else made
    span = (0.0, 16.0) if kind == "image" else None
    return {"A": Side(a, test, said, test + 0.5, span), "B": Side(b, truth, test, truth, span)}


# -- structural similarity


def test_ssim_is_its_formula_written_out() -> None:
    """A loop over the pixels of two small pictures, with the window of the paper and mirrored borders."""
    x, y = RNG.uniform(0, 255, size=(2, 7, 6))
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    padded = [np.pad(image, 5, mode="symmetric") for image in (x, y)]
    c, d = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for i in range(7):
        for j in range(6):
            one, other = (image[i : i + 11, j : j + 11] for image in padded)
            m, n = (window * one).sum(), (window * other).sum()
            v, w = (window * one**2).sum() - m**2, (window * other**2).sum() - n**2
            shared = (window * one * other).sum() - m * n
            found.append((2 * m * n + c) * (2 * shared + d) / ((m**2 + n**2 + c) * (v + w + d)))
    assert ssim(x[None], y[None], 255)[0] == pytest.approx(np.mean(found), rel=1e-9)


def test_ssim_of_equal_constant_and_coloured_pictures() -> None:
    x = RNG.integers(0, 256, size=(4, 20, 17, 3), dtype=np.uint8)
    np.testing.assert_allclose(ssim(x, x, 255), 1.0)
    a, b, c = 100.0, 140.0, (0.01 * 255) ** 2
    flat = ssim(np.full((1, 9, 9), a), np.full((1, 9, 9), b), 255)
    assert flat[0] == pytest.approx((2 * a * b + c) / (a**2 + b**2 + c))
    y = RNG.integers(0, 256, size=x.shape, dtype=np.uint8)
    by_channel = np.mean([ssim(x[..., i], y[..., i], 255) for i in range(3)], axis=0)
    np.testing.assert_allclose(ssim(x, y, 255), by_channel)
    with pytest.raises(ShapeError, match="of one shape"):
        ssim(x, y[:, :5], 255)
    with pytest.raises(InputError, match="above 0"):
        ssim(x, y, 0)


# -- the truth


def test_a_perfect_translation_beats_both_baselines() -> None:
    made = 16 - DIGITS[400:480] + 0.16
    verdict = judge_translations("image", _sides(made), PAIRS)
    truth = verdict["A to B"].truth
    assert truth is not None
    assert truth["translated"].mae == pytest.approx(0.01)  # 0.16 of 16
    assert truth["as it is"].mae == pytest.approx(np.abs(2 * DIGITS[400:480] - 16).mean() / 16)
    assert truth["linear map"].mae == pytest.approx(0, abs=1e-12)  # the truth is linear here
    assert not truth.better
    assert truth.retrieval == 1.0
    assert verdict["A to B"].cycle_error == pytest.approx(0.5 / 16)
    assert verdict["A to B"].verdict["w1"].grade == "good"
    middle = (16 - DIGITS[200:400]).mean(0)
    far = np.linalg.norm((16 - DIGITS[400:480] - middle).reshape(80, -1), axis=1).mean()
    assert truth["translated"].relative == pytest.approx(0.16 * 8 / far)
    assert truth["translated"].ssim == pytest.approx(ssim(np.minimum(made, 16), 16 - DIGITS[400:480], 16).mean())


def test_transposed_digits_are_better_than_any_linear_map() -> None:
    test = DIGITS[400:480]
    sides = _sides()
    flip = {"A": Side(DIGITS[:200], test, test.swapaxes(1, 2), test, (0.0, 16.0))}
    flip["B"] = Side(DIGITS[200:400].swapaxes(1, 2), test.swapaxes(1, 2), test, test.swapaxes(1, 2), (0.0, 16.0))
    truth = judge_translations("image", flip, PAIRS)["A to B"].truth
    assert truth is not None
    assert truth.better
    assert truth.gap[1] < 0
    assert "no nearer to the truth" in judge_translations("image", sides, PAIRS).summary


def test_wrong_partners_are_seen_though_the_sets_agree() -> None:
    shuffled = (16 - DIGITS[400:480])[RNG.permutation(80)]
    verdict = judge_translations("image", _sides(shuffled), PAIRS)["A to B"]
    assert verdict.verdict["w1"].grade == "good"
    assert verdict.truth is not None
    assert verdict.truth.retrieval < 0.15
    assert verdict.truth["translated"].mae > 0.1


def test_untranslated_rows_are_far() -> None:
    verdict = judge_translations("image", _sides(DIGITS[400:480]))
    assert verdict["A to B"].verdict["w1"].grade in ("poor", "broken")
    assert verdict["B to A"].verdict["w1"].grade == "good"
    assert verdict["A to B"].truth is None
    assert verdict.summary.startswith("A to B: ")


def test_columns_of_tables_are_measured_in_deviations() -> None:
    a, b = RNG.normal(size=(300, 2)), RNG.normal(size=(300, 3)) * [1, 10, 100] + 50
    x, y = RNG.normal(size=(60, 2)), RNG.normal(size=(60, 3)) * [1, 10, 100] + 50
    sides = {"A": Side(a, x, y + b.std(0), x), "B": Side(b, y, x, y)}
    truth = judge_translations("table", sides, np.arange(60)[:, None].repeat(2, 1))["A to B"].truth
    assert truth is not None
    assert truth["translated"].mae == pytest.approx(1.0)
    assert [error.name for error in truth.errors] == ["translated", "linear map"]  # of another width: not as it is
    full = np.hstack([x, np.ones((60, 1))])
    fitted = full @ np.linalg.lstsq(full, y, rcond=None)[0]
    assert truth["linear map"].mae == pytest.approx(np.abs((fitted - y) / b.std(0)).mean())
    assert truth["linear map"].ssim is None


def test_bytes_and_floats_of_the_same_pictures_have_the_same_errors() -> None:
    test = (DIGITS[400:480] * 15).astype(np.uint8)
    found = []
    for scale, kind in ((1, np.uint8), (1 / 255, np.float64)):
        rows = [(part * scale).astype(kind) for part in ((DIGITS[:200] * 15).astype(np.uint8), test, 255 - test)]
        span = (0.0, 255.0 * scale)
        sides = {side: Side(rows[0], *[rows[i]] * 3, span) for i, side in enumerate("AB", 1)}
        truth = judge_translations("image", sides, PAIRS)["A to B"].truth
        assert truth is not None
        found.append([(e.mae, e.relative, e.ssim) for e in truth.errors])
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-9)


# -- bad input, and files


@pytest.mark.parametrize(
    ("pairs", "error", "said"),
    [
        ([[0, 1, 2]], ShapeError, r"shape \(k, 2\)"),
        ([[0.5, 1.0], [1.0, 2.0]], ShapeError, "whole numbers"),
        ([[0, 0], [80, 1]], InputError, "row 80 of A, which has 80 test rows"),
        ([[0, 3], [1, 3]], InputError, "a row of B twice"),
    ],
)
def test_pairs_that_cannot_be(pairs: list, error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        judge_translations("image", _sides(), pairs)


def test_the_direction_is_named_when_it_cannot_be_judged() -> None:
    made = 16 - DIGITS[400:480]
    made[3, 2, 2] = np.nan
    with pytest.raises(DataError, match=r"^A to B: "):
        judge_translations("image", _sides(made))


def test_a_verdict_is_written_and_read() -> None:
    verdict = judge_translations("image", _sides(), PAIRS)
    assert TranslationVerdict.from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict
    with pytest.raises(InputError, match="no verdict on translations"):
        TranslationVerdict.from_json({"directions": [{}]})
    shown = str(verdict)
    assert "A to B: what is translated back strays by 0.0312 shares of the range." in shown
    assert "the true partner is nearest of 80 in 100.0%" in shown
    assert "| w1 |" in verdict.to_markdown()
    with pytest.raises(KeyError, match="there is no direction"):
        verdict["A"]
