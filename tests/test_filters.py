"""The lecture's convolution: against its sum written out, SciPy, and what a convolutional layer computes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import signal
from torch import nn

from sparring.cli import main
from sparring.cli.app import KERNEL_NAMES
from sparring.errors import DataError, InputError, ShapeError
from sparring.filters import KERNELS, as_picture, convolve, kernel_named

RNG = np.random.default_rng(0)


def _by_the_sum(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(I * K)(m, n) = sum_ij I(m - i, n - j) K(i, j), for every m, n where anything overlaps."""
    (h, w), (a, b) = image.shape, kernel.shape
    result = np.zeros((h + a - 1, w + b - 1))
    for m in range(h + a - 1):
        for n in range(w + b - 1):
            for i in range(a):
                for j in range(b):
                    if 0 <= m - i < h and 0 <= n - j < w:
                        result[m, n] += image[m - i, n - j] * kernel[i, j]
    return result


def test_it_is_the_lectures_sum() -> None:
    image, kernel = RNG.normal(size=(5, 7)), RNG.normal(size=(3, 2))
    np.testing.assert_allclose(convolve(image, kernel, "full"), _by_the_sum(image, kernel), atol=1e-12)


@pytest.mark.parametrize("mode", ["same", "valid", "full"])
@pytest.mark.parametrize(("boundary", "theirs"), [("zero", "fill"), ("reflect", "symm"), ("wrap", "wrap")])
@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (1, 1), (4, 2)])
def test_it_equals_scipy(mode: Any, boundary: Any, theirs: Any, shape: tuple[int, int]) -> None:
    image, kernel = RNG.normal(size=(9, 8)), RNG.normal(size=shape)
    expected = signal.convolve2d(image, kernel, mode, theirs)
    np.testing.assert_allclose(convolve(image, kernel, mode, boundary), expected, atol=1e-12)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_it_commutes_and_associates(h: int, w: int, a: int, b: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, k, g = rng.normal(size=(h, w)), rng.normal(size=(a, b)), rng.normal(size=(b, a))
    np.testing.assert_allclose(convolve(x, k, "full"), convolve(k, x, "full"), atol=1e-10)
    one = convolve(convolve(x, k, "full"), g, "full")
    np.testing.assert_allclose(one, convolve(x, convolve(k, g, "full"), "full"), atol=1e-10)


def test_the_impulse_response_is_the_kernel() -> None:
    impulse = np.zeros((7, 7))
    impulse[3, 3] = 1
    for kernel in KERNELS.values():
        np.testing.assert_array_equal(convolve(impulse, kernel)[2:5, 2:5], kernel)


def test_colours_are_filtered_one_by_one() -> None:
    image = RNG.integers(0, 256, size=(6, 5, 3), dtype=np.uint8)
    whole = convolve(image, "sharpen", boundary="reflect")
    for c in range(3):
        np.testing.assert_allclose(whole[..., c], convolve(image[..., c], "sharpen", boundary="reflect"))


def test_what_the_named_kernels_do() -> None:
    flat, ramp = np.full((6, 6), 40.0), np.tile(np.arange(6.0), (6, 1))
    inner = (slice(1, -1), slice(1, -1))
    for name in ("identity", "box-blur", "gaussian-blur", "sharpen", "emboss"):
        np.testing.assert_allclose(convolve(flat, name)[inner], 40.0 * KERNELS[name].sum())
    for name in ("sobel-x", "sobel-y", "laplacian", "edge-detection"):
        np.testing.assert_allclose(convolve(flat, name)[inner], 0.0, atol=1e-12)
    np.testing.assert_allclose(convolve(ramp, "sobel-x")[inner], 8.0)  # brighter to the right
    np.testing.assert_allclose(convolve(ramp, "sobel-y")[inner], 0.0)
    np.testing.assert_allclose(convolve(ramp.T, "sobel-y")[inner], 8.0)  # brighter downwards
    line = np.array([[1.0, 2.0, 1.0]]) / 4
    np.testing.assert_allclose(convolve(line.T, line, "full"), KERNELS["gaussian-blur"])


def test_a_convolutional_layer_is_the_same_with_the_kernel_flipped() -> None:
    image, kernel = RNG.normal(size=(8, 9)), RNG.normal(size=(3, 3))
    x, k = torch.from_numpy(image)[None, None], torch.from_numpy(kernel)[None, None]
    layer = nn.functional.conv2d(x, k)[0, 0].numpy()
    np.testing.assert_allclose(layer, convolve(image, kernel[::-1, ::-1], "valid"), atol=1e-12)
    assert not np.allclose(layer, convolve(image, kernel, "valid"))
    np.testing.assert_allclose(layer, signal.correlate2d(image, kernel, "valid"), atol=1e-12)


def test_the_lectures_count_of_a_convolutional_layer() -> None:
    layer = nn.Conv2d(3, 3, 3)  # three filters of 3 x 3 x 3
    assert sum(parameter.numel() for parameter in layer.parameters()) == 3 * (27 + 1)
    assert layer(torch.zeros(1, 3, 6, 6)).shape == (1, 3, 4, 4)  # 6 x 6 x 3 to 4 x 4 x 3


def test_max_pooling_by_hand() -> None:
    image = torch.tensor([[1.0, 3.0, 2.0, 4.0], [5.0, 6.0, 1.0, 2.0], [7.0, 2.0, 9.0, 0.0], [1.0, 8.0, 3.0, 4.0]])
    assert nn.MaxPool2d(2)(image[None])[0].tolist() == [[6.0, 4.0], [8.0, 9.0]]


def test_pictures_are_rounded_and_cut_off() -> None:
    assert as_picture(np.array([[-3.0, 0.4, 254.6, 300.0]])).tolist() == [[0, 0, 255, 255]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.zeros(4), "sharpen"), ShapeError, "image must have the shape"),
        ((np.zeros((4, 4)), np.zeros(3)), ShapeError, "kernel must have the shape"),
        ((np.zeros((2, 2)), "sharpen", "valid"), ShapeError, "fits into the image"),
        ((np.array([[np.nan]]), "sharpen"), DataError, "NaN"),
        (([["a"]], "sharpen"), DataError, "real numbers"),
        (([[1], [2, 3]], "sharpen"), DataError, "not an array"),
        ((np.zeros((4, 4)), "sharpn"), InputError, "Did you mean sharpen"),
        ((np.zeros((4, 4)), "sharpen", "some"), InputError, "mode must be"),
        ((np.zeros((4, 4)), "sharpen", "same", "mirror"), InputError, "boundary must be"),
    ],
)
def test_wrong_input_is_named(arguments: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        convolve(*arguments)


def test_the_command_filters_a_photo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = RNG.integers(0, 256, size=(20, 30, 4), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "photo.png")
    Image.fromarray(image[..., :3]).save(tmp_path / "photo.bmp")
    (tmp_path / "kernel.csv").write_text("0,-1,0\n-1,5,-1\n0,-1,0\n")

    def run(*arguments: object) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["filter", *map(str, arguments)])
        return ended.value.code  # type: ignore[return-value]

    assert run(tmp_path / "photo.png", "--kernel", "sharpen", "-o", tmp_path / "out.png") == 0
    done = np.asarray(Image.open(tmp_path / "out.png"))
    expected = as_picture(convolve(image[..., :3], "sharpen", boundary="reflect"))
    np.testing.assert_array_equal(done[..., :3], expected)
    np.testing.assert_array_equal(done[..., 3], image[..., 3])  # transparency is not filtered
    assert run(tmp_path / "photo.bmp", "--kernel", tmp_path / "kernel.csv", "-o", tmp_path / "out.bmp") == 0
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.bmp")), expected)
    assert run(tmp_path / "photo.png", "--kernel", "box-blur", "--repeat", 3, "-o", tmp_path / "out.jpg") == 0
    capsys.readouterr()
    for wrong, message in (
        (("nothing.png", "--kernel", "sharpen", "-o", "x.png"), "there is no image nothing.png"),
        ((tmp_path / "kernel.csv", "--kernel", "sharpen", "-o", "x.png"), "cannot be read as an image"),
        ((tmp_path / "photo.png", "--kernel", "sharpn", "-o", "x.png"), "Did you mean sharpen?"),
        ((tmp_path / "photo.png", "--kernel", "sharpen", "-o", "x.xyz"), "cannot write .xyz"),
        ((tmp_path / "photo.png", "--kernel", "sharpen", "--repeat", 0, "-o", "x.png"), "--repeat must be"),
    ):
        assert run(*wrong) == 2
        assert message in capsys.readouterr().err
    assert not Path("x.png").exists()


def test_the_help_names_every_kernel() -> None:
    assert ", ".join(KERNELS) == KERNEL_NAMES


def test_kernels_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        kernel_named("sharpen")[0, 0] = 1
