"""Images: there and back, folders of every kind of file, and pictures of many."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sparring.data.image import as_bytes, grid, read_images, to_pillow
from sparring.data.schema import schema_from_json
from sparring.data.source import read, read_like
from sparring.errors import DataError, InputError, ShapeError

RNG = np.random.default_rng(0)
GREY = Image.fromarray(RNG.integers(0, 255, (6, 5), dtype=np.uint8))
COLOUR = Image.fromarray(RNG.integers(0, 255, (6, 5, 3), dtype=np.uint8))


def _there_and_back(values: Any) -> Any:
    source = read(values)
    return source.schema.decode(source.encoded())


def _folder(folder: Path, **images: Image.Image) -> Path:
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    return folder


# -- the schema


shapes = st.one_of(
    st.tuples(st.integers(2, 4), st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(2, 4), st.integers(1, 6), st.integers(1, 6), st.integers(1, 5)),
)


@given(arrays(np.uint8, shapes))
@settings(deadline=None)
def test_bytes_come_back_exactly(x: np.ndarray) -> None:
    assume(x.min() != x.max())
    source = read(x)
    encoded = source.encoded()
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(x), *source.schema.shape)
    assert abs(encoded).max() <= 1
    back = source.schema.decode(encoded)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, x)


@given(
    arrays(np.float64, shapes, elements=st.floats(0, 1)),
    st.sampled_from([1e-300, 1e-9, 1.0, 1e300]),
    st.sampled_from([0.0, -0.5, -7.0, 1e6]),
    st.sampled_from([np.float32, np.float64]),
)
@settings(deadline=None)
def test_floats_come_back_to_rounding_wherever_they_lie(x: np.ndarray, scale: float, offset: float, dtype: Any) -> None:
    assume(dtype is np.float64 or 1e-30 < scale < 1e30)
    x = (scale * (x + offset)).astype(dtype)
    assume(np.ptp(x) > 1e-3 * scale)
    source = read(x)
    assert abs(source.encoded()).max() <= 1
    back = source.schema.decode(source.encoded())
    assert back.dtype == dtype
    # 2^-24 of half the range, and the last digit of the numbers themselves
    bound = 2.0**-24 * float(np.ptp(x)) + 2 * np.finfo(dtype).eps * float(abs(x).max())
    assert abs(back.astype(float) - x).max() <= bound


@given(st.data(), st.sampled_from(["int8", "uint16", "int32", "int64", "uint64"]))
@settings(deadline=None)
def test_whole_numbers_come_back_exactly(data: st.DataObject, dtype: str) -> None:
    limits = np.iinfo(dtype)
    low = data.draw(st.integers(max(limits.min, -(2**50)), min(limits.max, 2**50)))
    x = data.draw(arrays(dtype, shapes, elements=st.integers(low, min(limits.max, low + 2**23 - 1))))
    assume(x.min() != x.max())
    back = _there_and_back(x)
    assert back.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("dtype", ["float16", ">f8", ">i4"])
def test_other_dtypes_come_back(dtype: str) -> None:
    x = RNG.integers(0, 120, (4, 3, 3)).astype(dtype)
    back = _there_and_back(x)
    assert back.dtype == np.dtype(dtype)
    np.testing.assert_allclose(back, x, atol=1e-4)


def test_the_range_is_the_datas_own_or_that_of_bytes() -> None:
    bytes_ = RNG.integers(50, 99, (3, 4, 4), dtype=np.uint8)
    bytes_[0, 0, 0] = 51
    np.testing.assert_allclose(read(bytes_).encoded()[0, 0, 0, 0], 2 * 51 / 255 - 1, rtol=1e-6)
    digits = np.array([[[0.0, 4.0]], [[8.0, 16.0]]])
    np.testing.assert_array_equal(read(digits).encoded().ravel(), [-1, -0.5, 0, 1])
    masks = RNG.random((5, 4, 4)) > 0.5
    source = read(masks)
    assert set(np.unique(source.encoded())) == {-1.0, 1.0}
    np.testing.assert_array_equal(source.schema.decode(source.encoded()), masks.astype(np.uint8))


def test_decoding_stays_in_range_and_rounds() -> None:
    schema = read(RNG.integers(0, 255, (3, 2, 2), dtype=np.uint8)).schema
    assert schema.decode(np.array([-3.0, 3.0, 0.999, -0.999]).reshape(1, 1, 2, 2)).ravel().tolist() == [0, 255, 255, 0]


def test_channels_move_to_the_front() -> None:
    x = RNG.integers(0, 255, (2, 4, 5, 3), dtype=np.uint8)
    encoded = read(x).encoded()
    assert encoded.shape == (2, 3, 4, 5)
    np.testing.assert_allclose(encoded[1, 2, 3, 4], 2 * float(x[1, 3, 4, 2]) / 255 - 1, atol=1e-6)
    assert encoded.flags.c_contiguous


def test_a_schema_survives_json() -> None:
    for shape in [(3, 4, 5), (3, 4, 5, 1), (3, 4, 5, 7)]:
        schema = read(RNG.random(shape)).schema
        assert schema_from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert schema.bounded


def test_impossible_images_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"channels first\. Use images\.transpose\(0, 2, 3, 1\)"):
        read(RNG.random((5, 3, 32, 32)))
    with pytest.raises(ShapeError, match=r"got \(5, 1, 8, 8\).*for \(5, 8, 8, 1\)"):
        read(RNG.random((5, 1, 8, 8)))
    assert read(RNG.random((5, 3, 32, 3))).schema.shape == (3, 3, 32)  # plausibly last
    with pytest.raises(DataError, match=f"the pixels: numbers from {2**60} .* too close"):
        read(2**60 + np.arange(32).reshape(2, 4, 4))
    np.testing.assert_array_equal(_there_and_back(np.array([[[0.0]], [[1.7e308]]])), [[[0.0]], [[1.7e308]]])
    with pytest.raises(DataError, match="every pixel of every image is 7"):
        read(np.full((5, 4, 4), 7))
    with pytest.raises(DataError, match="too far apart"):
        read(np.array([[[-1e308]], [[1e308]]]))
    spot = RNG.random((5, 4, 4))
    spot[:, 0, 0] = 0  # a pixel that never changes is fine
    assert read(spot).encoded().shape == (5, 1, 4, 4)


def test_images_of_another_shape_do_not_fit() -> None:
    schema = read(RNG.random((5, 4, 6))).schema
    for shape, found in [((5, 6, 4), r"\(5, 6, 4\)"), ((5, 4, 6, 3), r"\(5, 4, 6, 3\)"), ((5, 24), r"\(5, 24\)")]:
        with pytest.raises(ShapeError, match=rf"\(n, 4, 6\); got {found}"):
            read_like(RNG.random(shape), schema)
    assert read_like(RNG.random((1, 4, 6)), schema).encoded().shape == (1, 1, 4, 6)


def test_images_scaled_to_one_do_not_fit_bytes() -> None:
    images = RNG.integers(0, 256, (5, 4, 6), dtype=np.uint8)
    schema = read(images).schema
    with pytest.raises(DataError, match="bytes from 0 to 255; got float64 of at most"):
        read_like(images / 255, schema)
    same = read_like(images.astype(float), schema)  # of their own range, they are welcome
    np.testing.assert_allclose(same.encoded(), read(images).encoded(), atol=1e-6)
    dark = read_like(np.zeros((1, 4, 6), np.uint8), schema)
    assert (dark.encoded() == -1).all()


# -- folders


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "gif", "webp", "jpg", "PNG", "jfif"])
def test_every_common_format_is_read(tmp_path: Path, suffix: str) -> None:
    smooth = Image.fromarray(np.add.outer(np.arange(16), np.arange(16)).astype(np.uint8) * 8)
    smooth.convert("RGB" if suffix in ("webp", "ppm") else "L").save(
        tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {})
    )
    images, names = read_images(tmp_path)
    assert names == (f"a.{suffix}",)
    grey = images if images.ndim == 3 else images[..., 0]
    assert abs(grey[0].astype(int) - np.asarray(smooth)).max() <= (12 if suffix in ("jpg", "jfif") else 0)


def test_names_are_sorted_nested_and_other_files_passed_over(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b.png", "a.png", "sub/c.png", ".secret.png", ".hidden/d.png"):
        GREY.save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    images, names = read_images(tmp_path)
    assert names == ("a.png", "b.png", str(Path("sub/c.png")))
    assert images.shape == (3, 6, 5)


def test_all_grey_is_one_channel_and_one_colour_makes_all_colour(tmp_path: Path) -> None:
    modes = {"plain": GREY, "bits": GREY.convert("1"), "clear": GREY.convert("LA")}
    assert read_images(_folder(tmp_path, **modes))[0].shape == (3, 6, 5)
    images, names = read_images(_folder(tmp_path, colour=COLOUR))
    assert images.shape == (4, 6, 5, 3)
    np.testing.assert_array_equal(images[names.index("colour.png")], np.asarray(COLOUR))
    np.testing.assert_array_equal(images[names.index("plain.png")], np.stack([np.asarray(GREY)] * 3, 2))


def test_transparency_counts_only_where_it_is_used(tmp_path: Path) -> None:
    opaque = COLOUR.copy()
    opaque.putalpha(255)
    assert read_images(_folder(tmp_path, opaque=opaque))[0].shape == (1, 6, 5, 3)
    seen_through = COLOUR.copy()
    seen_through.putalpha(100)
    images, names = read_images(_folder(tmp_path, through=seen_through, grey=GREY))
    assert images.shape == (3, 6, 5, 4)
    assert images[names.index("through.png"), ..., 3].tolist() == np.full((6, 5), 100).tolist()
    assert (images[names.index("grey.png"), ..., 3] == 255).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA"])
def test_every_way_to_write_transparency_is_seen(tmp_path: Path, mode: str) -> None:
    image = {"L": GREY, "RGB": COLOUR, "P": COLOUR.convert("P"), "LA": GREY.convert("LA")}[mode]
    if mode == "LA":
        image.putalpha(9)
        image.save(tmp_path / "a.png")
    else:
        image.save(tmp_path / "a.png", transparency=image.getpixel((0, 0)))
    images, _ = read_images(tmp_path)
    assert images.shape == (1, 6, 5, 4)
    assert images[0, 0, 0, 3] == (9 if mode == "LA" else 0)


@pytest.mark.parametrize("image", [COLOUR.quantize(8), COLOUR.convert("CMYK")], ids=["palette", "ink"])
def test_palettes_and_inks_become_colours(tmp_path: Path, image: Image.Image) -> None:
    image.save(tmp_path / "a.tiff")
    np.testing.assert_array_equal(read_images(tmp_path)[0][0], np.asarray(image.convert("RGB")))


def test_sixteen_bits_become_eight_by_one_rule_for_all(tmp_path: Path) -> None:
    dark, bright = np.full((2, 2), 200, np.uint16), np.array([[0, 257 * 5], [257 * 99, 65535]], np.uint16)
    images, _ = read_images(_folder(tmp_path, dark=Image.fromarray(dark), bright=Image.fromarray(bright)))
    assert images.tolist() == [[[0, 5], [99, 255]], [[1, 1], [1, 1]]]
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"a\.tiff.*range is unknown"):  # 32 bits have no such rule
        read_images(tmp_path)


def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    first, second = Image.new("L", (4, 4), 10), Image.new("L", (4, 4), 200)
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert (read_images(tmp_path)[0] == 10).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    upright = {  # by the EXIF standard: where the stored first row and first column are seen
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.T,
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].T,
        8: np.rot90(stored),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_images(tmp_path)[0][0], upright)


def test_other_sizes_are_scaled_to_cover_and_cut_at_the_middle(tmp_path: Path) -> None:
    wide = np.repeat(np.array([0, 100, 100, 250], np.uint8), 4)[None].repeat(8, 0)  # 8 high, 16 wide
    square = Image.new("L", (8, 8), 7)
    images, names = read_images(_folder(tmp_path, wide=Image.fromarray(wide), a=square, b=square))
    assert images.shape == (3, 8, 8)  # the commonest size
    assert (images[names.index("wide.png")] == 100).all()  # both sides are cut off
    assert read_images(tmp_path, 4)[0].shape == (3, 4, 4)
    assert read_images(tmp_path, (3, 5))[0].shape == (3, 3, 5)


def test_a_given_size_changes_no_rule(tmp_path: Path) -> None:
    wide = np.full((8, 16, 4), 255, np.uint8)
    wide[:, 0, 3] = 0  # transparent where the cut takes it away: used all the same
    images, _ = read_images(_folder(tmp_path, a=Image.fromarray(wide), grey=GREY.resize((8, 8))), 8)
    assert images.shape == (2, 8, 8, 4)
    assert (images[0] == 255).all()
    assert (images[1] == np.asarray(GREY.resize((8, 8)).convert("RGBA"))).all()


def test_very_many_images_hold_no_files_open(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    for i in range(200):
        Image.new("L", (3, 2), i).save(tmp_path / f"{i:03}.png")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, limits[1]))
    try:
        images, _ = read_images(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert images[:, 0, 0].tolist() == list(range(200))


@pytest.mark.parametrize("size", [0, -3, 2.5, True, (4,), (4, 0), (1, 2, 3), "8"])
def test_an_impossible_size_is_refused(tmp_path: Path, size: Any) -> None:
    with pytest.raises(InputError, match=r"whole number above 0, or \(height, width\)"):
        read_images(_folder(tmp_path, a=GREY), size)


def test_folders_without_images_say_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no images; .*\.png"):
        read_images(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"but 1 other file\(s\)"):
        read_images(tmp_path)
    with pytest.raises(DataError, match=r"1 sample\(s\) in .* are too few"):
        read(_folder(tmp_path, a=GREY))


def _cut(kind: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(RNG.integers(0, 255, (40, 40), dtype=np.uint8)).save(content, kind)
    return content.getvalue()[:-200]


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\0", _cut("PNG"), _cut("JPEG"), _cut("GIF")])
def test_a_broken_image_is_named(tmp_path: Path, content: bytes) -> None:
    _folder(tmp_path, a=GREY)
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png cannot be read as an image.*Mend or remove it"):
        read_images(tmp_path)


def _shape_or_refusal(folder: Path) -> tuple[int, ...] | str:
    try:
        return read_images(folder, 8)[0].shape
    except DataError as error:
        return str(error)


@given(
    st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"]),
    st.lists(st.tuples(st.integers(0, 150), st.binary(min_size=1, max_size=3)), max_size=3),
    st.integers(0, 100),
)
@settings(deadline=None)
def test_damage_of_any_kind_is_one_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, bytes]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.png"  # the content counts, not the name
    COLOUR.save(path, kind)
    content = bytearray(path.read_bytes())
    for place, new in changes:
        content[place : place + len(new)] = new
    path.write_bytes(content[: len(content) - cut])
    found = _shape_or_refusal(path.parent)
    assert found[:3] == (1, 8, 8) if isinstance(found, tuple) else str(path) in found and "\n" not in found


def test_a_held_out_folder_takes_the_size_of_the_schema(tmp_path: Path) -> None:
    schema = read(RNG.integers(0, 255, (3, 6, 5), dtype=np.uint8)).schema
    source = read_like(_folder(tmp_path, a=GREY.resize((50, 60))), schema)
    assert source.encoded().shape == (1, 1, 6, 5)


# -- pictures


def test_a_grid_puts_images_row_by_row() -> None:
    images = np.stack([np.full((2, 3), value, np.uint8) for value in (10, 20, 30)])
    assert grid(images, columns=2, padding=1).tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 10, 10, 10, 0, 20, 20, 20, 0],
        [0, 10, 10, 10, 0, 20, 20, 20, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 30, 30, 30, 0, 0, 0, 0, 0],
        [0, 30, 30, 30, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert grid(images, padding=0).shape == (4, 6)
    assert grid(np.zeros((5, 2, 2, 4), np.uint8)).shape == (7, 10, 4)


def test_a_given_range_keeps_faint_images_faint() -> None:
    faint = np.array([[[7.0, 9.0]]])
    assert as_bytes(faint).tolist() == [[[0, 255]]]
    assert as_bytes(faint, 0, 16).tolist() == [[[112, 143]]]  # 255 * 7 / 16 and 255 * 9 / 16, rounded
    assert as_bytes(np.array([-1.0, 99.0]), 0, 16).tolist() == [0, 255]
    assert grid(faint, padding=0, low=0, high=16).tolist() == [[112, 143]]
    assert as_bytes(np.array([0, 1], np.uint8)).tolist() == [0, 255]
    assert as_bytes(np.array([0, 2], np.uint8)).tolist() == [0, 2]


def test_impossible_grids_are_refused() -> None:
    for shape in [(0, 4, 4), (4, 4), (3, 0, 4)]:
        with pytest.raises(ShapeError):
            grid(np.zeros(shape))
    with pytest.raises(DataError, match="found nan at index"):
        grid(np.full((2, 4, 4), np.nan))
    with pytest.raises(InputError, match="columns >= 1"):
        grid(np.zeros((2, 4, 4)), columns=0)


@pytest.mark.parametrize(("channels", "mode"), [(0, "L"), (1, "L"), (2, "L"), (3, "RGB"), (4, "RGBA"), (5, "L")])
def test_a_picture_has_a_mode_for_every_count_of_channels(channels: int, mode: str) -> None:
    image = np.zeros((4, 5, channels) if channels else (4, 5), np.uint8)
    picture = to_pillow(image)
    assert (picture.mode, picture.size) == (mode, (5, 4))
