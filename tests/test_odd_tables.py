"""Tables that people have, through files and back: remarks, durations, few numbers, arrays of records."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sparring.data.frame_parts import frame_parts, part_with_dates
from sparring.data.frames import read_frame
from sparring.data.mixed_source import framed
from sparring.data.records import as_records, from_records
from sparring.data.write import write
from sparring.errors import DataError
from sparring.judging import judge
from sparring.report.terminal import file_picture

ROWS = "".join(f"{'xyz'[i % 3]},{i % 7},{i / 4}\n" for i in range(60))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# logger 7\ntown,age,score\n" + ROWS, "1 cell, and line 2 has 3"),
        ("town,age\n" + ROWS, "2 cells, and line 2 has 3"),  # the first column has no name
        ("town,age,score\n" + ROWS.replace("\n", ",\n"), "3 cells, and line 2 has 4"),  # delimiters at the ends
    ],
)
def test_rows_with_more_cells_than_the_first_line_are_refused(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    for read in (read_frame, lambda path: list(frame_parts(path))):
        with pytest.raises(DataError, match=found):
            read(tmp_path / "t.csv")


@pytest.mark.parametrize("end", ["z,3", "z,3\n", "z,3\n\n"])
def test_a_table_whose_last_row_is_cut_is_refused(tmp_path: Path, end: str) -> None:
    (tmp_path / "t.csv").write_text("town,age,score\n" + ROWS + end)
    for read in (read_frame, lambda path: list(frame_parts(path))):
        with pytest.raises(DataError, match="last line: 2 cells, but there are 3 columns"):
            read(tmp_path / "t.csv")


def test_a_last_cell_of_several_lines_is_whole(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("town,note\n" + 'x,"a\nb, c"\n' * 30)
    assert len(read_frame(tmp_path / "t.csv")) == 30


@pytest.mark.parametrize(
    "values",
    [
        pd.to_timedelta([0, 90, 1441, -5], "min"),
        pd.to_timedelta([1, 2, 400], "D"),
        pd.to_timedelta([1_500, 2_250, np.nan], "ms"),
        pd.to_timedelta([1, 10, 5_000_000_001], "ns"),
    ],
)
def test_durations_come_back_from_a_csv(tmp_path: Path, values: pd.TimedeltaIndex) -> None:
    table = pd.DataFrame({"d": values, "x": range(len(values))})
    table.to_csv(tmp_path / "t.csv", index=False)
    (part, _), *rest = frame_parts(tmp_path / "t.csv")
    assert not rest
    for found in (read_frame(tmp_path / "t.csv"), part_with_dates(part, {})):
        assert found["d"].dtype.kind == "m"
        pd.testing.assert_series_equal(found["d"], table["d"], check_dtype=False)


def test_times_of_day_stay_texts(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("d,x\n" + "".join(f"{i % 24:02d}:30:00,{i}\n" for i in range(30)))
    assert read_frame(tmp_path / "t.csv")["d"].dtype.kind not in "mM"


TABLE = pd.DataFrame(
    {
        "town": ["Bern", None, "Zürich"],
        "size": [1.5, np.nan, 3.0],
        "count": pd.array([1, None, 2**40], dtype="Int64"),
        "open": [True, False, True],
        "day": pd.to_datetime(["2020-01-01", "2021-06-01", None]),
        "seen": pd.to_datetime(["2020-01-01 12:00", "2021-06-01 12:00", None]).tz_localize("Europe/Zurich"),
        "took": pd.to_timedelta([1, 2, None], "h"),
        "kind": pd.Categorical(["u", "v", "u"]),
        "größe": [1, 2, 3],
    }
)


def test_a_table_as_records_and_back() -> None:
    found = from_records(as_records(TABLE))
    assert list(found) == list(TABLE)
    assert found["town"].isna().tolist() == [False, True, False]
    assert found["town"].tolist()[::2] == ["Bern", "Zürich"]
    assert found["count"].tolist()[::2] == [1, 2**40]
    assert found["kind"].tolist() == ["u", "v", "u"]
    assert found["open"].dtype == bool
    pd.testing.assert_series_equal(found["day"], TABLE["day"], check_dtype=False)
    pd.testing.assert_series_equal(found["took"], TABLE["took"], check_dtype=False)
    utc = TABLE["seen"].dt.tz_convert("UTC").dt.tz_localize(None)
    pd.testing.assert_series_equal(found["seen"], utc, check_dtype=False)


@pytest.mark.parametrize("name", ["t.npy", "t.npz"])
def test_a_mixed_table_in_an_array_file_is_read_as_a_table(tmp_path: Path, name: str) -> None:
    write(TABLE, tmp_path / name)
    with open(tmp_path / name, "rb") as file:  # no pickles: NumPy reads it by default
        loaded = np.load(file)
        assert (loaded if name == "t.npy" else loaded["X"]).dtype.names == tuple(TABLE)
    found, path = framed(tmp_path / name)
    assert path == str(tmp_path / name)
    assert found is not None
    pd.testing.assert_frame_equal(found, from_records(as_records(TABLE)))


def test_numbers_alone_stay_a_plain_array(tmp_path: Path) -> None:
    write(pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}), tmp_path / "t.npy")
    assert np.load(tmp_path / "t.npy").tolist() == [[1, 3], [2, 4]]
    assert framed(tmp_path / "t.npy") == (None, None)


def test_a_table_with_fewer_than_two_columns_of_numbers_is_written_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("town,age\nBern,3\nLyon,12\n" + "x" * 90 + ",1\n")
    lines = file_picture(tmp_path / "t.csv", 40, colour=False).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["town…"[:4], "Bern", "Lyon"]
    assert all(len(line) <= 40 for line in lines)
    assert len(lines) == 4


def test_five_samples_can_be_judged_and_equal_laws_are_not_told_apart() -> None:
    rng = np.random.default_rng(0)
    verdict = judge(rng.normal(size=(5, 2)), rng.normal(size=(60, 2)), rng.normal(size=(30, 2)), draws=4)
    density = next(figure for figure in verdict.figures if figure.name == "density")
    assert 0 < density.floor < 3  # one on average: balls of five points reach four neighbours
    assert verdict.samples == 5
