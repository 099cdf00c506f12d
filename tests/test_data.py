"""Data from wherever they are, and samples to files."""

import dataclasses
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sparring.data import Batches, read, read_like, schema_from_json, write
from sparring.data.schema import checked_numbers
from sparring.data.source import BUILT_IN, HELD_OUT
from sparring.errors import DataError, FolderError, InputError, ShapeError

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(20, 3))
IMAGES = RNG.integers(0, 256, (5, 6, 7), dtype=np.uint8)


# -- reading


def test_the_kinds_of_data_are_told_apart(tmp_path: Path) -> None:
    Image.fromarray(IMAGES[0]).save(tmp_path / "a.png")
    Image.fromarray(IMAGES[1]).save(tmp_path / "b.png")
    np.save(tmp_path / "rows.npy", ROWS)
    np.savez(tmp_path / "rows.npz", whatever=ROWS)
    for name, separator in [("rows.csv", ","), ("rows.tsv", "\t"), ("rows.txt", ";")]:
        pd.DataFrame(ROWS, columns=pd.Index(list("abc"))).to_csv(tmp_path / name, sep=separator, index=False)
    assert read(tmp_path).schema.kind == "image"
    assert read(tmp_path).names == ("a.png", "b.png")
    for name in ("rows.npy", "rows.npz", "rows.csv", "rows.tsv", "rows.txt"):
        source = read(str(tmp_path / name))
        assert source.path == str(tmp_path / name)
        np.testing.assert_allclose(np.asarray(source.values), ROWS)
    assert source.names == ("a", "b", "c")
    assert read([[1, 2.5], [3, 4]]).schema.shape == (2,)
    assert read(IMAGES).schema.shape == (1, 6, 7)


def test_a_source_is_frozen_and_describes_itself() -> None:
    source = read(np.linspace(0, 16, 1797 * 64).reshape(1797, 8, 8))
    assert source.description == "1,797 images of 8×8, grey, float64 in [0, 16]"
    assert read(ROWS).description == "20 rows of 3 numbers"
    assert (source.path, source.names) == (None, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        source.path = "elsewhere"  # type: ignore[misc]
    assert source.encoded().shape == (1797, 1, 8, 8)


def test_the_fingerprint_tells_content_shape_and_type() -> None:
    one = read(ROWS).fingerprint
    assert one == read(ROWS.copy(order="F")).fingerprint
    changed = ROWS.copy()
    changed[3, 1] += 1e-9
    others = [changed, ROWS[::-1], ROWS.reshape(30, 2), ROWS.astype(np.float32)]
    assert len({one, *(read(other).fingerprint for other in others)}) == 5


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_data_are_always_the_same(name: str) -> None:
    source = read(name)
    assert source.path == name
    assert source.fingerprint == read(name).fingerprint
    assert source.labels is None or len(source.labels) == len(source.values)


@pytest.mark.parametrize(("name", "held_out"), HELD_OUT.items())
def test_built_in_data_share_no_row_with_what_judges_them(name: str, held_out: str) -> None:
    source = read(name)
    judging = read_like(held_out, source.schema)
    assert not set(map(bytes, np.asarray(source.values))) & set(map(bytes, np.asarray(judging.values)))


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (np.array([[1.0, 2.0], [np.nan, 3.0]]), DataError, r"found nan at index \(1, 0\)"),
        (np.array([[[1.0, np.inf]], [[2.0, 3.0]]]), DataError, r"found inf at index \(0, 0, 1\)"),
        ([["a", "b"], ["c", "d"]], DataError, "must be numbers; got the dtype"),
        (np.array([[1, "x"], [2, None]], dtype=object), DataError, "got the dtype object"),
        (np.ones((3, 2), complex), DataError, "complex128"),
        (np.array([["2020-01-01"]], "datetime64[D]"), DataError, "datetime64"),
        ([[1, 2], [3]], DataError, "not an array"),
        (np.ma.masked_array(ROWS, ROWS > 0), DataError, "masked values"),
        (ROWS[:1], DataError, "too few; at least 2"),
        (ROWS[:0], DataError, "too few"),
        (np.zeros((4, 0)), ShapeError, "no dimension of size 0"),
        (np.zeros(9), ShapeError, r"\(n, p\) for rows, \(n, h, w\) or \(n, h, w, c\)"),
        (np.zeros((2, 2, 2, 2, 2)), ShapeError, r"got \(2, 2, 2, 2, 2\)"),
        (3.0, ShapeError, r"got \(\)"),
        (np.ones((5, 2)), DataError, "constant"),
        (scipy.sparse.eye(4, format="csr"), DataError, r"sparse matrix; give data\.toarray"),
        (torch.ones(4, 3, requires_grad=True), DataError, r"not an array: .*detach"),
        (None, DataError, "got the dtype object"),
        (pd.DataFrame(), DataError, "too few"),
        (pd.DataFrame(index=[1, 2]), ShapeError, "no dimension of size 0"),
        ("", DataError, "no file or folder ''"),
        ("x" * 5000, DataError, "File name too long"),
        ("demo:photographs", DataError, "no built-in data demo:photographs; choose demo:digits, demo:ring, demo:grid"),
    ],
)
def test_bad_arrays_are_refused(data: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        read(data)
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value)


def test_booleans_count_as_zero_and_one() -> None:
    assert checked_numbers(np.array([True, False])).tolist() == [1, 0]
    source = read(ROWS > 0)
    assert np.asarray(source.values).dtype == np.uint8
    full = np.ma.masked_array(ROWS, False)
    np.testing.assert_array_equal(read(full).values, ROWS)


def test_a_missing_path_suggests_a_near_one(tmp_path: Path) -> None:
    np.save(tmp_path / "faces.npy", ROWS)
    with pytest.raises(DataError, match=r"no file or folder .*face\.npy; did you mean .*faces\.npy\?"):
        read(tmp_path / "face.npy")
    with pytest.raises(DataError, match="did you mean demo:digits"):
        read("demo:digit")
    with pytest.raises(DataError, match=r"no file or folder .*zzz\.$"):
        read(tmp_path / "zzz")


def test_unknown_kinds_of_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"no known kind; a folder of images, \.npy, \.npz, \.csv"):
        read(tmp_path / "data.xlsx")
    (tmp_path / "x.npy").mkdir()
    with pytest.raises(DataError, match=r"x\.npy holds no images"):
        read(tmp_path / "x.npy")


def test_the_array_of_an_archive_is_found_or_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    for known in ("X", "images", "arr_0"):
        np.savez_compressed(path, **{known: ROWS, "labels": np.zeros(20)})
        np.testing.assert_array_equal(read(path).values, ROWS)
    np.savez(path, train=ROWS, labels=np.zeros(20))
    with pytest.raises(DataError, match="holds the arrays train, labels; call the one to use X"):
        read(path)
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(DataError, match="holds the arrays none"):
        read(path)


def _saved(save: Any, *arrays: Any, **named: Any) -> bytes:
    content = io.BytesIO()
    save(content, *arrays, **named)
    return content.getvalue()


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    objects = np.array([[{}, {}], [{}, {}]], dtype=object)
    (tmp_path / "a.npy").write_bytes(_saved(np.save, objects, allow_pickle=True))
    (tmp_path / "a.npz").write_bytes(_saved(np.savez, X=objects))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match=rf"{name}.*it holds Python objects"):
            read(tmp_path / name)


def _header(*shape: int) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return content.getvalue()


def _refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except InputError as error:
        return str(error)
    return ""


ARRAY, ARCHIVE = _saved(np.save, ROWS), _saved(np.savez, X=ROWS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.npy", b""),
        ("junk.npy", b"hello, this is no array"),
        ("cut.npy", ARRAY[:-9]),
        ("archive.npy", ARCHIVE),
        ("empty.npz", b""),
        ("cut.npz", ARCHIVE[: len(ARCHIVE) // 2]),
        ("changed.npz", ARCHIVE.replace(ROWS[3].tobytes(), ROWS[4].tobytes())),
        ("array.npz", ARRAY),
        ("vast.npy", _header(10**12, 3)),
        ("unfinished.npy", ARRAY.replace(b"(20, 3), }", b"(20, 3),((")),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}.* cannot be read"):
        read(tmp_path / name)


@given(
    st.sampled_from(["a.npy", "a.npz"]),
    st.lists(st.tuples(st.integers(0, 250), st.binary(min_size=1, max_size=3)), min_size=1, max_size=3),
)
@settings(deadline=None)
def test_damage_of_any_kind_is_one_line(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("damaged") / name
    content = bytearray(ARRAY if name == "a.npy" else ARCHIVE)
    for place, new in changes:
        content[place : place + len(new)] = new
    path.write_bytes(content)
    assert "\n" not in _refusal(lambda: read(path))  # and no other error


def test_bad_numbers_in_a_file_are_reported_with_the_file(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows[2, 1] = np.nan
    np.save(tmp_path / "holes.npy", rows)
    with pytest.raises(DataError, match=r"holes\.npy .*found nan at index \(2, 1\)"):
        read(tmp_path / "holes.npy")


def test_an_unknown_schema_is_refused() -> None:
    with pytest.raises(DataError, match="image or signal or table or mixed table; got 'sound'"):
        schema_from_json({"kind": "sound"})
    for damaged in ({"kind": "image"}, {"kind": "table", "names": ["a"]}, {"kind": "image", "height": 3, "more": 1}):
        with pytest.raises(DataError, match="damaged"):
            schema_from_json(damaged)


# -- writing


@pytest.mark.parametrize("samples", [ROWS, IMAGES], ids=["rows", "images"])
def test_arrays_come_back_from_numpy_files(tmp_path: Path, samples: np.ndarray) -> None:
    for name in ("a.npy", "a.npz"):
        assert write(samples, tmp_path / name) == tmp_path / name
        back = np.asarray(read(str(tmp_path / name)).values)
        assert back.dtype == samples.dtype
        np.testing.assert_array_equal(back, samples)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "a.npz"]


def test_tables_come_back_from_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame({"height": [1.5, 2.25], "children": [1, 2]})
    pd.testing.assert_frame_equal(read(write(frame, tmp_path / "a.csv")).values, frame)
    write(ROWS, str(tmp_path / "b.csv"))
    assert read(tmp_path / "b.csv").names == ("x0", "x1", "x2")
    np.testing.assert_array_equal(read(tmp_path / "b.csv").values, ROWS)
    write(ROWS, tmp_path / "c.csv", names=["a", "b", "c"])
    assert read(tmp_path / "c.csv").names == ("a", "b", "c")
    with pytest.raises(ShapeError, match="2 column names cannot name 3 columns"):
        write(ROWS, tmp_path / "d.csv", names=["a", "b"])
    assert not (tmp_path / "d.csv").exists()


def test_images_in_a_csv_are_one_row_each(tmp_path: Path) -> None:
    source = read(write(IMAGES, tmp_path / "a.csv"))
    assert source.names is not None
    assert source.names[:2] == ("p0", "p1")
    np.testing.assert_array_equal(source.values, IMAGES.reshape(5, 42))


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_a_folder_of_images_comes_back(tmp_path: Path, channels: int) -> None:
    images = RNG.integers(0, 256, (3, 6, 7, channels) if channels else (3, 6, 7), dtype=np.uint8)
    source = read(write(images, tmp_path / "out"))
    assert source.names == ("0001.png", "0002.png", "0003.png")
    np.testing.assert_array_equal(source.values, images[..., 0] if channels == 1 else images)


def test_a_picture_is_the_grid_in_the_datas_range(tmp_path: Path) -> None:
    path = write(np.array([[[0.0, 4.0]], [[8.0, 8.0]]]), tmp_path / "a.png", columns=1, low=0, high=16)
    with Image.open(path) as picture:
        values = np.asarray(picture)
    assert values.tolist() == [[0, 0, 0, 0], [0, 0, 64, 0], [0, 0, 0, 0], [0, 128, 128, 0], [0, 0, 0, 0]]
    write(np.array([[[0.0, 4.0]]]), tmp_path / "faint", low=0, high=16)
    with Image.open(tmp_path / "faint" / "0001.png") as image:
        assert np.asarray(image).tolist() == [[0, 64]]


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp", "bmp", "PNG"])
@pytest.mark.parametrize("channels", [0, 3, 4])
def test_pictures_open_in_every_format(tmp_path: Path, suffix: str, channels: int) -> None:
    images = RNG.integers(0, 256, (4, 6, 7, channels) if channels else (4, 6, 7), dtype=np.uint8)
    with Image.open(write(images, tmp_path / f"a.{suffix}")) as picture:
        assert picture.size == (2 * 8 + 1, 2 * 7 + 1)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for name in ("a.png", "folder"):
        with pytest.raises(DataError, match="rows of numbers are no picture"):
            write(ROWS, tmp_path / name)
    with pytest.raises(DataError, match=r"cannot write \.xyz files"):
        write(ROWS, tmp_path / "a.xyz")
    with pytest.raises(DataError, match="the present folder"):
        write(IMAGES, "")
    for name in ("a.png", "folder"):
        with pytest.raises(ShapeError, match=r"got \(0, 6, 7\)"):
            write(IMAGES[:0], tmp_path / name)
        with pytest.raises(DataError, match="found nan"):
            write(np.full((2, 3, 3), np.nan), tmp_path / name)
    for name, longest in [("a.webp", 16383), ("a.jpg", 65500)]:
        with pytest.raises(DataError, match=rf"too large for .* \(at most {longest} a side\)"):
            write(np.zeros((1, 1, 70_000), np.uint8), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.png", "folder"])
def test_places_that_cannot_be_written_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / name / "inside").mkdir(parents=True)
    for path in (tmp_path / "file" / name, tmp_path / name):
        with pytest.raises(FolderError, match=re.escape(str(path))):
            write(IMAGES, path)
    assert {path.name for path in tmp_path.rglob("*")} == {"file", name, "inside"}
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_of_other_channels_show_the_first(tmp_path: Path, channels: int) -> None:
    images = RNG.integers(0, 256, (2, 6, 7, channels), dtype=np.uint8)
    np.testing.assert_array_equal(read(write(images, tmp_path / "out")).values, images[..., 0])
    with Image.open(write(images, tmp_path / "a.png", columns=2)) as picture:
        np.testing.assert_array_equal(np.asarray(picture)[1:7, 9:16], images[1, ..., 0])


def test_yes_and_no_are_written_as_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"yes": [True, False], "also": pd.array([False, True], "boolean"), "x": [0.5, 1]})
    back = read(write(frame, tmp_path / "a.csv"))
    np.testing.assert_array_equal(back.values, [[1, 0, 0.5], [0, 1, 1]])
    back = read_like(write(ROWS > 0, tmp_path / "b.csv"), read(ROWS > 0).schema)
    np.testing.assert_array_equal(back.values, ROWS > 0)


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FolderError, match="not empty"):
        write(IMAGES, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"
    (tmp_path / "file").write_text("precious")
    with pytest.raises(FolderError):
        write(IMAGES, tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert len(list(write(IMAGES, tmp_path / "empty").iterdir())) == 5


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(ROWS, tmp_path / "a.npy")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(FolderError, match="No space left"):
        write(ROWS + 1, path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npy"]
    np.testing.assert_array_equal(np.load(path), ROWS)


@pytest.mark.parametrize("short", [False, True])
def test_batches_are_the_same_however_their_rows_are_taken(short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.arange(23.0)[:, None]
    quick = Batches(rows, rows * 2, size=5, seed=3, short=short)
    monkeypatch.setattr("sparring.data.batches.SMALL", 0)
    slow = Batches(rows, rows * 2, size=5, seed=3, short=short)
    for index in [0, 4, 3, 9, 10, 1]:
        assert all(torch.equal(a, b) for a, b in zip(quick[index], slow[index], strict=True))
        assert torch.equal(quick[index][0][:, 0].long(), quick.indices(index))
