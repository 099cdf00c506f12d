"""Mixed tables from the command line: their schema, training, and samples under conditions."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from sparring.cli import main
from sparring.cli.tables import conditions
from sparring.errors import InputError
from sparring.estimators import load
from sparring.estimators.adversarial import GAN


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "sex": rng.choice(["Female", "Male"], n),
            "age": rng.integers(18, 70, n),
            "hired": (pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")).date,
            "pay": np.where(rng.random(n) < 0.3, np.nan, rng.gamma(2, 500, n).round(2)),
        }
    )
    frame.to_csv("staff.csv", index=False)
    return Path("staff.csv")


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def test_the_schema_is_said(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", str(table)) == 0
    out, err = capsys.readouterr()
    for words in (
        "300 rows of 5 columns",
        "identifier",
        "Female, Male",
        "18 to 69",
        "by the day",
        "2 decimals",
        "missing",
    ):
        assert words in out
    assert "sparring fit gan staff.csv --leave-out id" in err
    assert run("schema", str(table), "--leave-out", "id", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [column["kind"] for column in found["columns"]] == ["category", "integer", "date", "continuous"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["age", "sex"], "sparring fit classifier staff.csv --target sex"),
        (["id", "sex", "age"], "sparring fit regressor staff.csv --target age --leave-out id"),
        (["sex", "class", "age"], "sparring fit classifier staff.csv --target class"),
        (["age", "sex", "pay"], None),  # which has gaps
        (["age", "sex", "hired"], None),  # a date
        (["id", "sex"], None),  # nothing to predict it from
    ],
)
def test_what_may_be_predicted_is_said(
    table: Path, columns: list[str], said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.read_csv(table)
    frame.assign(**{"class": frame["sex"].str[:1]})[columns].to_csv(table, index=False)
    assert run("schema", str(table)) == 0
    err = capsys.readouterr().err
    assert (said in err) if said is not None else ("to predict" not in err)


def test_a_schema_is_corrected_and_used(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", str(table), "-o", "schema.toml") == 0
    assert "sparring fit gan staff.csv --schema schema.toml" in capsys.readouterr().err
    text = Path("schema.toml").read_text()
    assert "# left out: id (identifier" in text
    Path("schema.toml").write_text(text.replace("high = 69", "high = 99"))
    assert run("fit", "gan", str(table), "--run", "run", "--steps", "5", "--schema", "schema.toml", "--seed", "0") == 0
    columns = json.loads(Path("run/run.json").read_text())["schema"]["columns"]
    assert [column["name"] for column in columns] == ["sex", "age", "hired", "pay"]
    assert columns[1]["high"] == 99
    assert run("resume", "run") == 0


def test_from_a_table_to_samples_that_are_so(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fit", "gan", str(table), "--run", "run", "--steps", "20", "--seed", "0") == 2
    assert "'id' is an identifier" in capsys.readouterr().err
    assert run("fit", "gan", str(table), "--run", "run", "--steps", "20", "--seed", "0", "--leave-out", "id") == 0
    assert "sparring sample run -n 1000 -o samples.csv" in capsys.readouterr().err
    assert Path("run/report.html").exists()
    assert run("sample", "run", "-n", "40", "-o", "made.csv", "--where", "sex=Female", "--where", "age=30..50") == 0
    made = pd.read_csv("made.csv", parse_dates=["hired"])
    assert len(made) == 40
    assert (made["sex"] == "Female").all()
    assert made["age"].between(30, 50).all()
    assert made["hired"].dtype.kind == "M"
    assert run("sample", "run", "-n", "4", "-o", "made.csv", "--where", "sex=Femal") == 2
    assert "did you mean 'Female'" in capsys.readouterr().err


def test_classes_of_a_table_with_columns_of_any_kind(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--run", "run", "--steps", "100", "--seed", "0", "--leave-out", "id", "--target", "sex")
    assert run("fit", "gan", str(table), *words) == 0
    assert run("sample", "run", "-n", "40", "-o", "made.csv", "--label", "Male") == 0
    made = pd.read_csv("made.csv")
    assert set(made.columns) == {"age", "hired", "pay", "sex"}
    assert (made["sex"] == "Male").all()
    assert (
        run("sample", "run", "-n", "40", "-o", "made.csv", "--shares", "Male=1,Female=3", "--where", "age=20..60") == 0
    )
    assert pd.read_csv("made.csv")["sex"].value_counts().to_dict() == {"Female": 30, "Male": 10}
    assert run("judge", "run", "--data", str(table)) == 0


def test_a_mistake_in_a_column_of_numbers_is_named(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = table.read_text().splitlines()
    cells = lines[7].split(",")
    lines[7] = ",".join([*cells[:2], "4o", *cells[3:]])
    table.write_text("\n".join(lines))
    assert run("fit", "gan", str(table), "--steps", "2") == 2
    assert "staff.csv, line 8, column 'age': found '4o'; a number is needed" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["sex", "=Female", ""])
def test_conditions_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="--where takes COLUMN=VALUE"):
        conditions([text])


def test_a_column_is_named_once() -> None:
    with pytest.raises(InputError, match="twice; join its values by a bar"):
        conditions(["a=1", "a=2"])


def test_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    assert run("schema", str(tmp_path / "a.npy")) == 2
    assert "is no table with columns" in capsys.readouterr().err


def test_any_number_of_rows_goes_to_a_file(table: Path) -> None:
    assert run("fit", "gan", str(table), "--run", "run", "--steps", "3", "--seed", "0", "--leave-out", "id") == 0
    assert run("sample", "run", "-n", "120000", "-o", "many.csv", "--seed", "1") == 0
    many = pd.read_csv("many.csv")
    assert len(many) == 120_000
    model = load("run")
    few = model.sample(50, random_state=1)
    pd.testing.assert_frame_equal(next(model.sample_parts(50, random_state=1)), few)
    assert [len(part) for part in model.sample_parts(50, random_state=1, most=20)] == [20, 20, 10]


def test_numbers_are_written_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 999, (2, 300)) / 100
    rooms = pd.Series(rng.integers(1, 400, 300)).astype("Int64").mask(rng.random(300) < 0.3)
    beds = rooms.mask(rng.random(300) < 0.5)  # which is left out, and stays as it is written
    frame = pd.DataFrame({"rooms": rooms, "a": parts[0], "b": parts[1], "sum": parts.sum(0).round(2), "beds": beds})
    frame.to_csv("homes.csv", index=False)
    assert run("fit", "gan", "homes.csv", "--run", "run", "--steps", "3", "--seed", "0", "--leave-out", "beds") == 0
    assert run("sample", "run", "-n", "500", "-o", "made.csv", "--seed", "1") == 0
    assert run("complete", "run", "homes.csv", "-o", "full.csv", "--seed", "1") == 0
    made, full = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in ("made.csv", "full.csv"))
    assert made["rooms"].str.fullmatch(r"\d*").all()
    assert (made["rooms"] == "").any()
    assert (full["beds"] == beds.astype("string").fillna("")).all()
    assert full["rooms"].str.fullmatch(r"\d+").all()
    for name in ("a", "b", "sum"):
        assert made[name].str.fullmatch(r"\d+\.\d{1,2}").all()
    assert load("run").sample(3)["rooms"].dtype == np.float64  # of the file that was read
    assert (pd.read_csv("run/samples/real.csv", dtype=str)["rooms"].dropna().str.isdecimal()).all()


def test_a_table_goes_to_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "rooms": pd.Series(rng.integers(1, 400, 300).astype(float)).mask(rng.random(300) < 0.3),
            "beds": pd.Series(rng.integers(1, 9, 300)).astype("Int32").mask(rng.random(300) < 0.3),
            "size": pd.Categorical(rng.choice(["S", "L"], 300), ["S", "M", "L"], ordered=True),
            "built": pd.Timestamp("2020-01-01", tz="Europe/Zurich") + pd.to_timedelta(rng.integers(0, 900, 300), "h"),
            "area": rng.normal(80, 20, 300).astype(np.float32),
            "note": pd.Series([*["rare"] * 3, *[None] * 297], dtype=object),  # some parts hold none
            "sold": rng.random(300) < 0.5,
        }
    )
    frame.to_parquet("homes.parquet")
    assert run("fit", "gan", "homes.parquet", "--run", "run", "--steps", "3", "--seed", "0") == 0
    monkeypatch.setitem(GAN.sample_parts.__wrapped__.__kwdefaults__, "most", 40)
    assert run("sample", "run", "-n", "100", "-o", "made.parquet", "--seed", "1") == 0
    columns = ("--columns", "rooms", "--columns", "beds")
    assert run("complete", "run", "homes.parquet", *columns, "-o", "full.parquet") == 0
    made, full = pd.read_parquet("made.parquet"), pd.read_parquet("full.parquet")
    expected = frame.dtypes.to_dict() | {"rooms": pd.Int64Dtype(), "note": made["note"].dtype}
    assert made.dtypes.to_dict() == expected
    assert parquet.ParquetFile("made.parquet").num_row_groups == 3
    assert full.drop(columns="note").dtypes.to_dict() == {n: kind for n, kind in expected.items() if n != "note"}
    assert (full["rooms"] == frame["rooms"])[frame["rooms"].notna()].all()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for words in (("sample", "run"), ("complete", "run", "homes.parquet")):
        capsys.readouterr()
        assert run(*words, "-o", "none.parquet") == 2
        assert "none.parquet: writing Parquet needs pyarrow; install sparring[parquet]" in capsys.readouterr().err
    assert not Path("none.parquet").exists()
