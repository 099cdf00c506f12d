"""Series, their scaling, windows for forecasts, and the .ts files of labelled sequences."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from sparring.data.series import Scaling, Series, read_series
from sparring.data.ts_files import read_ts
from sparring.data.windows import naive, split_in_time, windows, windows_within
from sparring.errors import DataError, InputError, ShapeError

RNG = np.random.default_rng(0)


def _file(folder: Path, content: str | bytes, name: str = "series.csv") -> Path:
    path = folder / name
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


# -- series


@pytest.mark.parametrize("name", ["series.csv", "series.csv.gz", "series.tsv"])
def test_a_table_is_read_as_pandas_wrote_it(tmp_path: Path, name: str) -> None:
    values = RNG.normal(size=(30, 3))
    frame = pd.DataFrame(values, columns=["a", "b, c", "OT"])
    dates = pd.date_range("2016-07-01", periods=30, freq="h").to_series().to_numpy()
    frame.insert(0, "date", dates)
    frame.insert(2, "again", dates)  # dates are left out wherever they are
    frame.to_csv(tmp_path / name, index=False, sep="\t" if ".tsv" in name else ",")
    found = read_series(tmp_path / name)
    assert found.names == ("a", "b, c", "OT")
    assert np.array_equal(found.values, values)
    some = read_series(tmp_path / name, ["OT", "a"])
    assert some.names == ("OT", "a")
    assert np.array_equal(some.values, values[:, [2, 0]])
    assert np.result_type(some.values) == np.float64
    assert len(some) == 30


@pytest.mark.parametrize(
    ("content", "names", "values"),
    [
        ('"Month","Passengers"\r\n"1949-01",112\r\n\r\n"1949-02",118\r\n', ("Passengers",), [[112], [118]]),
        ("YEAR,SUN\n1700,5\n1701,11\n", ("YEAR", "SUN"), [[1700, 5], [1701, 11]]),
        (",y\n0,1e3\n1,-2\n", ("y",), [[1000], [-2]]),  # the index that pandas writes
        ("\ufeffy\n1\n2\n", ("y",), [[1], [2]]),
        ("day;y;when\nMon;1;13/01/2020\nTue;2;2020Q1\n", ("y",), [[1], [2]]),
    ],
)
def test_what_says_when_is_left_out(tmp_path: Path, content: str, names: tuple[str, ...], values: list) -> None:
    found = read_series(_file(tmp_path, content))
    assert found.names == names
    assert np.array_equal(found.values, values)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("date,y\n1,2\n\n2,\n", "line 4, column 'y': found an empty cell; a finite number.*interpolate"),
        ("date,y\na,2\nb,NaN\n", "line 3, column 'y': found 'NaN'.*Fill gaps"),
        ("date,y\na,2\nb,inf\n", "line 3, column 'y': found 'inf'; a finite number is needed.$"),
        ("date,y\na,2\nb,1_0\n", "line 3, column 'y': found '1_0'"),
        ("date;y\na;2\nb;1,5\n", "line 3, column 'y': found '1,5'.*decimals with a point"),
        ("y,date\n2,a\n3,b\n", "line 2, column 'date': found 'a'"),  # text that is no date, and not first
        ("y,month\n2,May\n3,June\n", "line 2, column 'month': found 'May'"),
        ("y,z\n2,1\nx,3\n", "line 3, column 'y': found 'x'"),  # first, but not without numbers
        ("date,y\na,2\nb\n", "line 3: 1 cells, but there are 2 columns"),
        ("date,y,y\na,2,3\n", "line 1: the column name 'y' appears twice"),
        ("2016-07-01,5.8\n2016-07-02,5.9\n", "line 1: the names of the columns are needed; got 2016-07-01, 5.8"),
        ("1\n2\n", "line 1: the names of the columns are needed"),
        ("date,y\n", "holds no values"),
        ("", "holds no values"),
        ("date\na\nb\n", "has no column of numbers; it has date"),
        (b"date,y\na,2\ncaf\xe9,3\n", r"line 3: byte 14 \(0xe9\) is not in utf-8"),
    ],
)
def test_what_a_table_must_not_hold(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_series(_file(tmp_path, content))


def test_columns_that_are_asked_for(tmp_path: Path) -> None:
    path = _file(tmp_path, "kind,oil,load\na,1,\nb,2,\n")
    assert np.array_equal(read_series(path, ["oil"]).values, [[1], [2]])  # gaps elsewhere are no matter
    with pytest.raises(DataError, match="has no column 'iol'; did you mean 'oil'"):
        read_series(path, ["iol"])
    with pytest.raises(DataError, match="line 2, column 'kind': found 'a'"):
        read_series(path, ["kind"])
    with pytest.raises(DataError, match="was asked for no column"):
        read_series(path, [])


def test_an_array_is_a_series(tmp_path: Path) -> None:
    path = tmp_path / "series.npy"
    np.save(path, np.arange(5, dtype=np.int32))
    assert read_series(path).names == ("x0",)
    assert np.array_equal(read_series(path).values, [[0], [1], [2], [3], [4]])
    values = RNG.normal(size=(6, 3))
    np.save(path, values)
    assert np.array_equal(read_series(path, ["x2", "x0"]).values, values[:, [2, 0]])
    values[4, 1] = np.nan
    np.save(path, values)
    with pytest.raises(DataError, match=r"row 4 \(from 0\), column 'x1': found 'nan'.*Fill gaps"):
        read_series(path)
    assert np.array_equal(read_series(path, ["x0"]).values, values[:, :1])
    np.save(path, np.zeros((2, 3, 4)))
    with pytest.raises(ShapeError, match=r"\(t,\) or \(t, columns\); got \(2, 3, 4\)"):
        read_series(path)
    np.save(path, np.array(["a", "b"]))
    with pytest.raises(DataError, match="must be numbers"):
        read_series(path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    path = _file(tmp_path, "y\n1\n")
    with pytest.raises(DataError, match="there is no file.*did you mean .*series.csv"):
        read_series(tmp_path / "serie.csv")
    with pytest.raises(DataError, match="has no known kind"):
        read_series(path.rename(tmp_path / "series.json"))
    with pytest.raises(ShapeError, match="values of a series"):
        Series(np.zeros((3, 2)), ("a",))


# -- scaling


def test_scaling_is_what_scikit_learn_does() -> None:
    x = RNG.normal(5, [1, 100, 1e-3], size=(50, 3))
    scaling, theirs = Scaling.of(x), StandardScaler().fit(x)
    later = RNG.normal(size=(2, 4, 3))
    expected = np.stack([np.asarray(theirs.transform(part)) for part in later])
    np.testing.assert_allclose(scaling.scale(later), expected, rtol=1e-9)
    np.testing.assert_allclose(scaling.unscale(scaling.scale(later)), later, rtol=1e-12)
    assert Scaling.from_json(json.loads(json.dumps(scaling.to_json()))) == scaling
    some = scaling.only([2, 0])
    np.testing.assert_array_equal(some.scale(later[..., [2, 0]]), scaling.scale(later)[..., [2, 0]])


@pytest.mark.parametrize("value", [0.1, 1 / 3, -1e9 + 0.1, 0.0])
def test_a_column_that_never_changes_becomes_zero(value: float) -> None:
    x = np.stack([np.full(1001, value), np.arange(1001.0)], axis=1)
    scaling = Scaling.of(x)
    assert (scaling.means[0], scaling.deviations[0]) == (value, 1.0)
    assert (scaling.scale(x)[:, 0] == 0).all()


def test_what_scaling_refuses() -> None:
    for values, words in (
        ([[1.0], [np.nan]], "finite"),
        ([[1e200], [-1e200]], "column 0 has numbers too large"),
        ([1.0, 2.0], r"\(t, columns\)"),
        (np.zeros((0, 2)), "at least one row"),
    ):
        with pytest.raises(InputError, match=words):
            Scaling.of(values)
    with pytest.raises(ShapeError, match=r"\(..., 2\); got \(3\)"):
        Scaling((0.0, 0.0), (1.0, 1.0)).scale(np.zeros(3))
    for content in ({"means": [0.0]}, {"means": [0.0], "deviations": [0.0]}, {"means": ["x"], "deviations": [1]}, []):
        with pytest.raises(DataError, match="the scaling is damaged"):
            Scaling.from_json(content)  # type: ignore[arg-type]


# -- windows

LENGTHS = {"t": st.integers(1, 30), "back": st.integers(1, 6), "ahead": st.integers(1, 6)}


@settings(deadline=None)
@given(**LENGTHS)
def test_windows_are_the_slices_one_by_one(t: int, back: int, ahead: int) -> None:
    values = np.arange(2.0 * t).reshape(t, 2)
    starts = [i for i in range(t) if i + back + ahead <= t]
    if not starts:
        with pytest.raises(InputError, match=f"at least {back + ahead} steps are needed"):
            windows(values, back, ahead)
        return
    inputs, targets = windows(values, back, ahead, [1])
    assert np.array_equal(inputs, [values[i : i + back] for i in starts])
    assert np.array_equal(targets, [values[i + back : i + back + ahead, 1:] for i in starts])
    assert np.array_equal(windows(values, back, ahead)[1], [values[i + back : i + back + ahead] for i in starts])


def test_windows_take_no_memory() -> None:
    values = np.zeros((100, 3))
    inputs, targets = windows(values, 10, 5)
    assert np.shares_memory(inputs, values)
    assert np.shares_memory(targets, values)
    values[50] = 7  # seen through every window
    assert (inputs[41:51] == 7).sum() == 10 * 3
    some = windows(values, 10, 5, [-1])[1]
    assert some.base is not None
    assert some.strides[0] == some.strides[1]  # views of one column


def test_what_windows_refuse() -> None:
    with pytest.raises(InputError, match="at least 1 step back and 1 ahead; got 0 and 1"):
        windows(np.zeros((5, 1)), 0, 1)
    with pytest.raises(InputError, match="at least 1 step back and 1 ahead; got 1 and 0"):
        windows(np.zeros((5, 1)), 1, 0)
    with pytest.raises(InputError, match="columns 0 to 1; got 2"):
        windows(np.zeros((5, 2)), 1, 1, [0, 2])
    with pytest.raises(InputError, match="columns 0 to 1; got none"):
        windows(np.zeros((5, 2)), 1, 1, [])
    with pytest.raises(ShapeError, match=r"values\[:, None\]"):
        windows(np.zeros(5), 1, 1)


@settings(deadline=None)
@given(**LENGTHS, first=st.floats(0.1, 0.8), rest=st.floats(0.1, 0.9))
def test_a_window_is_where_its_targets_lie(t: int, back: int, ahead: int, first: float, rest: float) -> None:
    fractions = (first, (1 - first) * rest, (1 - first) * (1 - rest))
    try:
        parts = split_in_time(t, fractions)
    except InputError:
        assert t * min(fractions) < 1.5
        return
    assert [i for part in parts for i in part] == list(range(t))
    for part in parts:
        steps = {i: set(range(i + back, i + back + ahead)) for i in range(t - back - ahead + 1)}
        expected = [i for i in steps if steps[i] <= set(part)]
        if expected:
            assert list(windows_within(part, back, ahead)) == expected
        else:
            with pytest.raises(InputError, match="hold no window"):
                windows_within(part, back, ahead)


def test_a_part_that_is_just_long_enough() -> None:
    with pytest.raises(InputError, match="the part must end at step 13 or later"):
        windows_within(range(10, 13), back=3, ahead=4)
    assert list(windows_within(range(10, 14), back=3, ahead=4)) == [7]
    with pytest.raises(InputError, match="the part must end at step 6 or later"):
        windows_within(range(0, 6), back=3, ahead=4)
    assert list(windows_within(range(0, 7), back=3, ahead=4)) == [0]


def test_the_usual_split_of_etth1() -> None:
    """Zhou et al. 2021: 12, 4 and 4 months of 30 days; the data loader of Informer counts the windows so."""
    parts = split_in_time(14_400, (0.6, 0.2, 0.2))
    assert [len(part) for part in parts] == [8640, 2880, 2880]
    counts = [len(windows_within(part, back=96, ahead=24)) for part in parts]
    assert counts == [8640 - 96 - 24 + 1, 2880 - 24 + 1, 2880 - 24 + 1]


@pytest.mark.parametrize("fractions", [(), (0.5, 0.6), (1.0, 0.0), (-0.1, 0.5), (float("nan"),)])
def test_fractions_that_are_none(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="above 0 and sum to at most 1"):
        split_in_time(100, fractions)


def test_naive_forecasts_are_right_where_a_series_repeats() -> None:
    series = np.stack([np.tile([3.0, 1.0, 4.0], 8), np.tile([2.0, 7.0, 1.0, 8.0], 6)], axis=1)
    inputs, targets = windows(series, back=6, ahead=7)
    assert np.array_equal(naive(inputs, 7, season=3)[..., 0], targets[..., 0])
    assert np.array_equal(naive(inputs, 7, season=4, targets=[1]), targets[..., [1]])
    still = naive(inputs, 7)
    assert still.shape == targets.shape
    assert (still == inputs[:, -1:]).all()
    for season in (0, 7):
        with pytest.raises(InputError, match=f"a season must have 1 to 6 steps.*got {season}"):
            naive(inputs, 7, season=season)


# -- .ts files

HEADER = "#a remark\n\n@problemName Toy\n@TIMESTAMPS false\n@univariate false\n@classLabel TRUE up down\n@DATA\n"


@pytest.mark.parametrize("name", ["toy.ts", "toy.ts.gz"])
def test_cases_of_several_channels_and_lengths(tmp_path: Path, name: str) -> None:
    text = HEADER + "1,2,3:-1.5E-2, 5,6:up\r\n\n7:8:down\n"
    cases, labels = read_ts(_file(tmp_path, text, name))
    assert [case.tolist() for case in cases] == [[[1, -0.015], [2, 5], [3, 6]], [[7, 8]]]
    assert [case.dtype for case in cases] == [np.float64] * 2
    assert labels == ["up", "down"]


def test_headers_that_say_other_things(tmp_path: Path) -> None:
    cases, labels = read_ts(_file(tmp_path, "@univariate true\n@classLabel false\n@data\n1,2\n3\n"))
    assert ([case.tolist() for case in cases], labels) == ([[[1], [2]], [[3]]], [])
    cases, labels = read_ts(_file(tmp_path, "@targetLabel true\n@data\n1,2:3,4:0.5\n"))
    assert ([case.tolist() for case in cases], labels) == ([[[1, 3], [2, 4]]], ["0.5"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + "1,2:3,4:up\n1,?:3,4:up\n", r"line 9, channel 1, value 2: found '\?'; a finite number.*Fill"),
        (HEADER + "1,2:3,NaN:up\n", "line 8, channel 2, value 2: found 'NaN'"),
        (HEADER + "1,2:3,x:up\n", "line 8, channel 2, value 2: found 'x'"),
        (HEADER + "1,2::up\n", "line 8, channel 2, value 1: found ''"),
        (HEADER + "1,2:3,4:up\n1,2:3:up\n", "line 9: channel 2 has 1 values, but channel 1 has 2"),
        (HEADER + "1,2:3,4:up\n1,2:up\n", "line 9: 1 channels, but 2 are needed"),
        (HEADER + "1,2:3,4\n", r"line 8: a label \(up, down\) is needed last; got '3,4'"),
        (HEADER.replace("@univ", "@dimensions 3\n@univ") + "1:2:up\n", "line 9: 2 channels, but 3 are needed"),
        (HEADER.replace("lse\n@univariate false", "lse\n@univariate true") + "1:2:up\n", "2 channels, but 1 are"),
        (HEADER, "holds no case"),
        ("@timeStamps true\n@data\n(0,1)\n", "line 1: cases with times are not read"),
        ("1,2:up\n", "line 1: a line with # or @ is needed before @data; got '1,2:up'"),
        ("@problemName x\n", "has no line @data"),
        (b"@problemName caf\xe9\n", r"line 1: byte 16 \(0xe9\)"),
    ],
)
def test_what_a_ts_file_must_not_hold(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_ts(_file(tmp_path, text))
