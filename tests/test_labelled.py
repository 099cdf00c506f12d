"""Rows with targets from arrays, frames, CSVs, folders of classes and IDX files; columns as inputs; targets."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sparring.data.features import Column, Features, columns_of
from sparring.data.labelled import LABELLED, fingerprint, read_inputs, read_labelled
from sparring.data.targets import Classes, Labels, Numbers, targets_from_json
from sparring.errors import DataError, InputError


def _idx(path: Path, values: np.ndarray) -> None:
    header = b"\0\0\x08" + bytes([values.ndim]) + np.array(values.shape, ">u4").tobytes()
    content = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


# -- where they come from


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files_and_the_labels_beside_them(tmp_path: Path, suffix: str) -> None:
    images, labels = np.arange(2 * 3 * 4).reshape(2, 3, 4), np.array([7, 9])
    _idx(tmp_path / f"t10k-images-idx3-ubyte{suffix}", images)
    path = tmp_path / f"t10k-images-idx3-ubyte{suffix}"
    with pytest.raises(DataError, match="no labels t10k-labels-idx1-ubyte"):
        read_labelled(path)
    _idx(tmp_path / f"t10k-labels-idx1-ubyte{suffix}", labels)
    found = read_labelled(path)
    assert np.array_equal(found.inputs, images)
    assert np.array_equal(found.targets, labels)
    assert np.array_equal(read_inputs(path).inputs, images)
    np.save(tmp_path / "other.npy", labels[::-1])
    assert read_labelled(path, tmp_path / "other.npy").targets.tolist() == [9, 7]


def test_idx_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a-ubyte"
    _idx(path, np.zeros((2, 2)))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="says 4 values, but holds 3"):
        read_inputs(path)
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="is not an IDX file of bytes: it begins with 68 65 6c 6c"):
        read_inputs(path)
    path.with_name("b-ubyte.gz").write_bytes(b"hello")
    with pytest.raises(DataError, match="cannot read .*b-ubyte.gz: Not a gzipped file"):
        read_inputs(path.with_name("b-ubyte.gz"))


def test_a_folder_of_classes(tmp_path: Path) -> None:
    for name, count in (("cat", 2), ("dog", 3)):
        (tmp_path / name).mkdir()
        for i in range(count):
            Image.new("RGB", (6 + i, 5), (40 * i, 0, 0)).save(tmp_path / name / f"{i}.png")
    found = read_labelled(tmp_path, size=(5, 6))
    assert found.inputs.shape == (5, 5, 6, 3)  # of several sizes, brought to one
    assert found.targets.tolist() == ["cat"] * 2 + ["dog"] * 3
    assert found.rows[0] == str(Path("cat/0.png"))
    with pytest.raises(InputError, match="needs no target"):
        read_labelled(tmp_path, "cat")
    Image.new("L", (5, 5)).save(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"loose\.png lies in it directly; one sub-folder"):
        read_labelled(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        read_labelled(tmp_path / "empty")


def test_a_csv_and_its_target(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("size,colour,kind\n1,red,a\n2.5,blue,b\n3,red,a\n")
    found = read_labelled(path, "kind")
    assert list(found.inputs.columns) == ["size", "colour"]
    assert found.targets.tolist() == ["a", "b", "a"]
    assert read_labelled(path, "size").targets.tolist() == [1, 2.5, 3]
    with pytest.raises(InputError, match="which column is to be predicted.*size, colour, kind"):
        read_labelled(path)
    with pytest.raises(DataError, match="no column 'kin'; did you mean 'kind'"):
        read_labelled(path, "kin")
    path.write_text("kind\na\nb\n")
    with pytest.raises(DataError, match="no column but the target"):
        read_labelled(path, "kind")
    path.write_text("size,kind\n1,a\ntwo,b\n")
    with pytest.raises(DataError, match="line 3, column 'size': found 'two'"):
        read_labelled(path, "kind")


def test_arrays_in_files(tmp_path: Path) -> None:
    X, y = np.ones((3, 2)), np.arange(3)
    np.savez(tmp_path / "a.npz", X=X, y=y, other=y + 1)
    assert read_labelled(tmp_path / "a.npz").targets.tolist() == [0, 1, 2]
    assert read_labelled(tmp_path / "a.npz", "other").targets.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="no array 'oter'; did you mean 'other'"):
        read_labelled(tmp_path / "a.npz", "oter")
    np.save(tmp_path / "X.npy", X)
    with pytest.raises(DataError, match="the targets are needed too"):
        read_labelled(tmp_path / "X.npy")
    assert read_labelled(tmp_path / "X.npy", y).targets is y


@pytest.mark.parametrize("name", LABELLED)
def test_built_in_data(name: str) -> None:
    found = read_labelled(name)
    assert len(found.inputs) == len(found.targets) > 100
    assert read_inputs(name).path == name


def test_built_in_names_are_suggested() -> None:
    with pytest.raises(DataError, match="did you mean demo:wine"):
        read_labelled("demo:win")


def test_a_fingerprint_sees_every_change() -> None:
    X, y = np.arange(6.0).reshape(3, 2), np.array(["a", "b", "b"])
    frame = pd.DataFrame(X, columns=["p", "q"])
    prints = [
        fingerprint(X, y, None), fingerprint(X + 1, y, None), fingerprint(X.astype(np.float32), y, None),
        fingerprint(X, y[::-1], None), fingerprint(X, y, np.ones(3)), fingerprint(frame, y, None),
        fingerprint(frame.rename(columns={"p": "r"}), y, None), fingerprint(X.reshape(2, 3), y, None),
    ]  # fmt: skip
    assert len(set(prints)) == len(prints)
    assert fingerprint(X.copy(), y.copy(), None) == prints[0]


# -- columns


def test_features_scale_numbers_and_spread_categories() -> None:
    frame = pd.DataFrame({"n": [1, 2, 3, 6], "c": ["x", "y", "x", "z"], "k": [5.1] * 4, "b": [True, False] * 2})
    columns = columns_of(frame)
    assert columns == (Column("n"), Column("c", ("x", "y", "z")), Column("k"), Column("b"))
    schema = Features((*columns,), (0.0,) * 6, (1.0,) * 6)
    made = Features.of(columns, schema.numbers(frame)).encode(frame)
    assert made.dtype == np.float32
    assert np.allclose(made[:, 0], (frame["n"] - 3) / frame["n"].std(ddof=0))
    assert made[:, 1:4].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert (made[:, 4] == 0).all()  # a constant column says nothing
    again = Features.from_json(Features.of(columns, schema.numbers(frame)).to_json())
    assert np.array_equal(again.encode(frame), made)


@pytest.mark.parametrize(
    ("numbers", "together"),
    [
        (
            [[0, 0, 0, 7], [16, 1, 0, 7], [8, 0, 16, 7], [0, 0, 12, 7]],
            True,
        ),  # pixels: one is never, one always the same
        ([[0.0, 0.5], [0.25, 0.0], [1.0, 0.75]], True),
        ([[0, 0], [1, 0], [3, 50], [7, 90]], True),  # two columns: their median range is half-way
        ([[0, 0, 0], [1, 0, 0], [3, 2, 50], [7, 5, 90]], False),  # one is much wider than half of the others
        ([[0, 1], [16, 17], [8, 3]], False),  # they do not begin at the same number
    ],
)
def test_columns_of_one_unit_are_scaled_together(numbers: list[list[float]], together: bool) -> None:
    rows = np.array(numbers, float)
    made = Features.of(tuple(Column(f"x{i}") for i in range(rows.shape[1])), rows).encode(rows)
    varying = np.ptp(rows, axis=0) > 0
    own = (rows - rows.mean(0)) / np.where(varying, rows.std(0), 1)
    common = (rows - rows.mean(0)) / np.sqrt(rows[:, varying].var(0).mean())
    np.testing.assert_allclose(made, common if together else own, atol=1e-6)


def test_categories_do_not_decide_the_unit_of_numbers() -> None:
    frame = pd.DataFrame({"c": ["x", "y", "x"], "a": [0.0, 1.0, 4.0], "b": [0.0, 3.0, 2.0]})
    columns = columns_of(frame)
    made = Features.of(columns, Features((*columns,), (0.0,) * 4, (1.0,) * 4).numbers(frame))
    assert made.deviations[:2] == (1.0, 1.0)
    assert made.deviations[2] == made.deviations[3] == pytest.approx(np.sqrt((26 / 9 + 14 / 9) / 2))


def test_columns_are_found_by_name() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    schema = Features.of(columns_of(frame), frame.to_numpy())
    assert np.array_equal(schema.encode(frame[["b", "a"]].assign(more="text")), schema.encode(frame))
    with pytest.raises(DataError, match="no column 'b'; there are a; the model needs it"):
        schema.encode(frame[["a"]])


def test_huge_numbers_are_refused_and_rounding_is_no_deviation() -> None:
    columns = (Column("a"),)
    with pytest.raises(DataError, match="too large to scale in column 'a'"):
        Features.of(columns, np.array([[1e200], [-1e200]]))
    still = Features.of(columns, np.full((7, 1), 0.1) + np.array([[0], [1e-17], [0], [0], [0], [0], [0]]))
    assert still.deviations == (1.0,)


# -- targets


@pytest.mark.parametrize("y", [np.array([3, 1, 3]), np.array(["b", "a", "b"]), np.array(["b", "a"], dtype=object)])
def test_classes_come_back(y: Any) -> None:
    targets = Classes.of(y)
    perfect = np.eye(targets.outputs)[targets.encode(y)]
    assert np.array_equal(targets.answer(perfect), y)
    again = targets_from_json(targets.to_json())
    assert np.array_equal(again.answer(perfect), y)
    assert again.answer(perfect).dtype == y.dtype


@pytest.mark.parametrize("shape", [(5,), (5, 3)])
def test_numbers_come_back(shape: tuple[int, ...]) -> None:
    y = np.random.default_rng(0).normal(100, 5, shape)
    targets = Numbers.of(y)
    encoded = targets.encode(y)
    assert encoded.shape == (5, targets.outputs)
    assert np.allclose(encoded.mean(0), 0, atol=1e-6)
    assert np.allclose(targets_from_json(targets.to_json()).answer(encoded.astype(float)), y, atol=1e-4)


def test_labels_come_back() -> None:
    y = np.array([[1, 0], [0, 1]])
    targets = targets_from_json(Labels(2).to_json())
    assert np.array_equal(targets.answer(targets.encode(y) * 2.0 - 1), y)
