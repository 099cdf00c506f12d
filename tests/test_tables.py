"""Tables: there and back, CSV files, and everything that must be refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from sparring.data.schema import schema_from_json
from sparring.data.source import read, read_like
from sparring.data.table import TableSchema, read_csv
from sparring.errors import DataError, ShapeError

RNG = np.random.default_rng(0)


def _there_and_back(values: Any) -> Any:
    source = read(values)
    return source.schema.decode(source.encoded())


def _csv(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# -- the schema


def test_encoding_is_what_scikit_learn_calls_standardising() -> None:
    x = RNG.normal(5, [1, 100, 1e-3], size=(50, 3))
    source = read(x)
    assert source.encoded().dtype == np.float32
    np.testing.assert_allclose(source.encoded(), StandardScaler().fit_transform(x), atol=1e-6)
    assert source.schema.shape == (3,)
    assert not source.schema.bounded


tables = st.tuples(st.integers(2, 8), st.integers(1, 4))


@given(
    arrays(np.float64, tables, elements=st.floats(-1, 1)),
    st.sampled_from([1e-150, 1e-9, 1.0, 1e150]),
    st.sampled_from([0.0, -3.0, 1e6, -1e12]),
    st.sampled_from([np.float32, np.float64]),
)
@settings(deadline=None)
def test_floats_come_back_to_rounding_wherever_they_lie(x: np.ndarray, scale: float, offset: float, dtype: Any) -> None:
    assume(scale < 1e38 or dtype is np.float64)
    x = (scale * (x + offset)).astype(dtype)
    assume((np.ptp(x, axis=0) > 1e-3 * scale).all())
    back = _there_and_back(x)
    assert back.dtype == dtype
    # 2^-24 of the distance from the mean, and the last digit of the numbers themselves
    bound = 2.0**-23 * np.ptp(x, axis=0).astype(float) + 4 * np.finfo(dtype).eps * abs(x).max().astype(float)
    assert (abs(back.astype(float) - x) <= bound).all()


@given(st.data(), st.sampled_from(["int8", "uint16", "int32", "int64", "uint64"]), st.booleans())
@settings(deadline=None)
def test_whole_numbers_come_back_exactly(data: st.DataObject, dtype: str, frame: bool) -> None:
    limits = np.iinfo(dtype)
    low = data.draw(st.integers(max(limits.min, -(2**50)), min(limits.max, 2**50)))
    elements = st.integers(low, min(limits.max, low + 2**23 - 1))
    x = data.draw(arrays(dtype, tables, elements=elements))
    assume((x != x[0]).any(0).all())
    given_ = pd.DataFrame(x) if frame else x
    back = _there_and_back(given_)
    assert type(back) is type(given_)
    assert np.asarray(back).dtype == np.dtype(dtype)
    np.testing.assert_array_equal(back, x)


def test_whole_numbers_that_floats_cannot_tell_apart_are_refused() -> None:
    close = 2**60 + np.arange(20).reshape(10, 2)
    for values in (close, pd.DataFrame(close), close.astype(np.uint64)):
        with pytest.raises(DataError, match=f"column (x0|0): numbers from {2**60} to .* subtract {2**60} first"):
            read(values)
    day = 86_400 * 10**9  # moments in nanoseconds, over a year
    moments = 1_700_000_000 * 10**9 + np.arange(365)[:, None] * day
    assert abs(_there_and_back(moments) - moments).max() < 1e-7 * np.ptp(moments)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint64", "float32", "float64", ">f8", "<i4"])
def test_arrays_come_back_in_their_dtype(dtype: str) -> None:
    x = RNG.integers(0, 100, size=(30, 2)).astype(dtype)
    back = _there_and_back(x)
    assert back.dtype == np.dtype(dtype)
    np.testing.assert_allclose(back, x, rtol=1e-6, atol=0 if np.dtype(dtype).kind in "iu" else 1e-4)


def test_a_frame_comes_back_as_it_was() -> None:
    frame = pd.DataFrame(
        {
            "whole": RNG.integers(0, 1000, 40),
            "small": RNG.integers(0, 255, 40).astype(np.uint8),
            "yes": RNG.random(40) > 0.5,
            "nullable": pd.array(RNG.integers(-5, 5, 40), dtype="Int64"),
            "real": RNG.normal(size=40),
            "single": RNG.normal(size=40).astype(np.float32),
        }
    )
    back = _there_and_back(frame)
    assert list(back.dtypes) == list(frame.dtypes)
    pd.testing.assert_frame_equal(back, frame, rtol=1e-5, atol=1e-5)
    whole = ["whole", "small", "yes", "nullable"]
    pd.testing.assert_frame_equal(back[whole], frame[whole])


def test_booleans_come_back_exactly() -> None:
    frame = pd.DataFrame({"yes": RNG.random(50) > 0.5, "real": RNG.random(50)})
    assert _there_and_back(frame)["yes"].tolist() == frame["yes"].tolist()


def test_numbered_columns_keep_their_numbers() -> None:
    frame = pd.DataFrame(RNG.integers(0, 9, (20, 3)))
    pd.testing.assert_frame_equal(_there_and_back(frame), frame, check_column_type=False)


def test_a_schema_survives_json() -> None:
    for values in (RNG.normal(size=(9, 2)), pd.DataFrame({"a": [1, 2], 7: [0.5, 0.25]})):
        schema = read(values).schema
        assert schema_from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_whole_numbers_stay_within_their_dtype() -> None:
    for dtype in (np.uint8, np.int64, np.uint64):
        limits = np.iinfo(dtype)
        schema = TableSchema.of(np.array([[limits.min], [limits.max]], dtype))
        low, high = schema.decode(np.array([[-5.0], [5.0]]))[:, 0]
        assert low == limits.min
        assert limits.max - high <= 2048  # a float64 near 2^64 is a multiple of 2048
    half = read(np.array([[-65000.0], [65000.0]], np.float16)).schema
    assert half.decode(np.array([[9.0]])).tolist() == [[65504.0]]


def test_constant_columns_are_named() -> None:
    frame = pd.DataFrame({"a": [1, 2], "still": [3, 3], "b": [1, 2]})
    with pytest.raises(DataError, match=r"still \(always 3\)\. Leave them out"):
        read(frame)
    with pytest.raises(DataError, match="x0, x1|x0 .* x1"):
        read(np.ones((5, 2)))
    with pytest.raises(DataError, match="and 3 more"):
        read(np.ones((5, 8)))
    with pytest.raises(DataError, match=r"cannot be scaled: x0 \(from 0 to 1e-200\)"):
        read(np.array([[0.0], [1e-200]]))  # apart, but their variance is no float


def test_numbers_that_cannot_be_squared_are_refused() -> None:
    with pytest.raises(DataError, match="too large"):
        read(np.array([[-1e200], [1e200]]))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a", "b"], "column 'x' has the dtype"),
        (pd.Categorical(["a", "b"]), "category"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "datetime64"),
        ([1 + 1j, 2], "complex128"),
        (pd.arrays.SparseArray([0.0, 1.0]), "Sparse"),
        ([1.0, np.nan], r"column 'x'.*found nan at index \(1,\)"),
        ([np.inf, 1.0], r"column 'x'.*found inf at index \(0,\)"),
        (pd.array([1, None], dtype="Int64"), "column 'x'"),
    ],
    ids=["text", "category", "date", "complex", "sparse", "nan", "inf", "missing"],
)
def test_columns_that_are_no_numbers_are_named(column: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(pd.DataFrame({"fine": [1, 2], "x": column}))


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="'a' appears twice"):
        read(pd.DataFrame([[1, 2], [3, 4]], columns=pd.Index(["a", "a"])))


def test_names_of_several_levels_are_refused() -> None:
    with pytest.raises(DataError, match="2 levels of names"):
        read(pd.DataFrame(RNG.random((4, 2)), columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])))


def test_other_columns_do_not_fit_a_schema() -> None:
    schema = read(pd.DataFrame({"a": [1, 2], "b": [3, 5]})).schema
    with pytest.raises(ShapeError, match="must be a, b, in this order; got b, a"):
        read_like(pd.DataFrame({"b": [1, 2], "a": [3, 5]}), schema)
    with pytest.raises(ShapeError, match=r"\(n, 2\); got \(4, 3\)"):
        read_like(np.ones((4, 3)), schema)
    one = read_like(pd.DataFrame({"a": [9], "b": [9]}), schema)
    assert one.encoded().shape == (1, 2)


# -- CSV files


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_delimiters_line_ends_and_marks_are_found_out(
    tmp_path: Path, delimiter: str, newline: str, mark: bytes
) -> None:
    rows = [["height", "children"], ["1.5", "2"], ["-2e3", "0"]]
    path = _csv(tmp_path, mark + newline.join(delimiter.join(row) for row in rows).encode())
    frame = read_csv(path)
    expected = pd.DataFrame({"height": [1.5, -2000.0], "children": [2, 0]})
    pd.testing.assert_frame_equal(frame, expected)


def test_a_first_line_of_numbers_is_data(tmp_path: Path) -> None:
    frame = read_csv(_csv(tmp_path, "1,2.5\n3,4\n"))
    assert list(frame.columns) == ["x0", "x1"]
    assert frame.to_numpy().tolist() == [[1, 2.5], [3, 4]]


def test_quotes_blank_lines_and_numbers_in_a_header_are_fine(tmp_path: Path) -> None:
    frame = read_csv(_csv(tmp_path, '"a, b",2020\n\n"1",2\n   \n3, 4\n'))
    assert frame.to_dict("list") == {"a, b": [1, 3], "2020": [2, 4]}


def test_columns_are_whole_where_they_are_written_so(tmp_path: Path) -> None:
    frame = read_csv(_csv(tmp_path, "a,b,c,d,e\n+1,1.0,1e3,9007199254740993,-2\n02,2,3,1,4\n"))
    assert [dtype.kind for dtype in frame.dtypes] == list("ifffi")  # 2^53 + 1 is no float64


@given(
    arrays(np.float64, st.tuples(st.integers(2, 6), st.integers(1, 4)), elements=st.floats(-1e300, 1e300)),
    st.sampled_from([",", ";", "\t"]),
)
@settings(deadline=None)
def test_what_pandas_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, by: str) -> None:
    path = tmp_path_factory.mktemp("csv") / "data.csv"
    pd.DataFrame(x, columns=pd.Index([f"c{i}" for i in range(x.shape[1])])).to_csv(path, sep=by, index=False)
    np.testing.assert_array_equal(read_csv(path).to_numpy(), x)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a,b\n", r"0 row\(s\)"),
        ("a,b\n1,2\n", r"1 row\(s\)"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells, but there are 2 columns"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 cells"),
        ("a,b\n1,2\n\n3,x\n", "line 4, column 'b': found 'x'"),
        ("a,b\n1,2\n3,\n", "line 3, column 'b': found an empty cell"),
        ("a,b\n1,2\n,\n3,4\n", "line 3, column 'a': found an empty cell"),
        ("1,,3\n4,5,6\n7,8,9\n", "line 1, column 'x1': found an empty cell"),
        ("a,b\n1,nan\n3,4\n", "line 2, column 'b': found 'nan'"),
        ("a,b\n1,2\n3,-inf\n", "line 3, column 'b': found '-inf'"),
        ("a,a\n1,2\n3,4\n", "'a' appears twice"),
        ("a\n1_000\n2\n", "found '1_000'"),
        ("a;b\n1,5;2\n3,5;4\n", "line 2, column 'a': found '1,5'.*with a point"),
        ("1,5;2,5\n3,5;4,5\n", "line 1, column 'x0': found '1,5'.*with a point"),
        ("1.5,x\n3,4\n5,6\n", "line 1, column 'x1': found 'x'"),  # a mistake, and no header
        ("1 2\n3 4\n", "line 1, column 'x0': found '1 2'.*commas between"),
        ("a,b\n1,True\n0,False\n", "found 'True'.*1 and 0"),
        ("a,b,\n1,2,\n3,4,\n", "line 2, column 'x2': found an empty cell"),
        ('"a\nb",c\n1,2\n3,x\n', "line 4, column 'c'"),
        ("größe,b\n1,2\n3,4\n".encode("latin-1"), r"not text in UTF-8 \(byte 2\)"),
        (b"a,b\n1,\x00\n3,4\n", "line 2: a NUL byte"),
        ("a,b\n1," + "2" * 140_000 + "\n3,4\n", "line 2: field larger"),
        (b"\xff\xfea\x00,\x00", "not text in UTF-8"),
    ],
)
def test_bad_files_are_refused_with_line_and_column(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = _csv(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        read_csv(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
