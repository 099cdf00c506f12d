"""Gaps filled by made rows that are like the rows in what is known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sparring as sp
from sparring.cli import main
from sparring.data.mixed import MixedSchema
from sparring.data.relations import AtMost, Determines, Total
from sparring.errors import DataError, InputError
from sparring.estimators.completing import completed


def law(n: int, random_state: int = 0) -> pd.DataFrame:
    """Rows whose conditional laws are known: y = x^2 + a little, a + b = total, low <= high, the land by the town."""
    rng = np.random.default_rng(random_state)
    town = rng.choice(["Bern", "Basel", "Lyon", "Paris"], n)
    x, a, b = rng.normal(size=n), rng.integers(0, 50, n), rng.integers(0, 50, n)
    return (
        pd.DataFrame(
            {
                "town": town,
                "land": np.where(np.isin(town, ["Bern", "Basel"]), "CH", "FR"),
                "x": x.round(3),
                "y": (x**2 + 0.05 * rng.normal(size=n)).round(3),
                "a": a,
                "b": b,
                "total": a + b,
                "low": rng.integers(0, 40, n) + 100,
                "high": rng.integers(0, 40, n) + 120,
                "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            }
        )
        .query("low <= high", engine="python")
        .reset_index(drop=True)
    )


ROWS = law(3000)
SCHEMA = MixedSchema.of(ROWS)


def filled(rows: Any, columns: Any = None, seed: int = 0) -> Any:
    """By the law itself in the generator's place, so that what is expected is known."""
    return completed(law, SCHEMA, rows, columns, seed)


def with_gaps(seed: int = 5, share: float = 0.3) -> tuple[pd.DataFrame, pd.DataFrame]:
    whole = law(800, seed)
    gaps = np.random.default_rng(seed).random(whole.shape) < share
    return whole, whole.astype(object).mask(gaps).infer_objects()


def test_the_rules_are_there() -> None:
    assert {type(rule) for rule in SCHEMA.relations} == {Determines, Total, AtMost}


def test_no_gap_is_left_and_what_is_known_stays() -> None:
    whole, rows = with_gaps()
    made = filled(rows)
    assert not made.isna().any().any()
    assert list(made.dtypes) == list(ROWS.dtypes)
    assert made.index.equals(rows.index)
    known = rows.notna()
    assert (made.where(known) == whole.where(known)).to_numpy()[known.to_numpy()].all()


def test_rules_hold_in_filled_rows() -> None:
    _, rows = with_gaps()
    made = filled(rows)
    assert (made["total"] == made["a"] + made["b"]).mean() > 0.99  # both parts missing may have no fit near
    assert (made["low"] <= made["high"]).all()
    assert (made["land"] == np.where(made["town"].isin(["Bern", "Basel"]), "CH", "FR")).all()


def test_what_rules_say_is_computed() -> None:
    whole = law(200, 3)
    for name in ("total", "land", "a"):
        assert filled(whole.assign(**{name: None}))[name].tolist() == whole[name].tolist()


def test_values_come_from_the_conditional_distribution() -> None:
    """y given x has the mean x^2; x given y is one of two roots, each as often."""
    whole = law(1000, 7)
    y = filled(whole.assign(y=np.nan))["y"]
    usual = whole["x"].abs() < 1.5
    assert np.abs(y - whole["x"] ** 2)[usual].mean() < 0.1  # the law's own noise makes 0.04, draws regardless of x 0.9
    x = filled(whole.assign(x=np.nan))["x"]
    assert np.abs(x.abs() - whole["y"].clip(0) ** 0.5)[usual].mean() < 0.15
    assert 0.4 < (x > 0).mean() < 0.6


def test_equal_rows_are_given_different_values() -> None:
    rows = pd.concat([law(1, 9)] * 200, ignore_index=True).assign(x=np.nan, y=np.nan)
    assert filled(rows)["x"].nunique() > 3
    nothing = pd.DataFrame(index=range(300), columns=list(ROWS.columns))
    made = filled(nothing)
    assert made["town"].value_counts(normalize=True).between(0.15, 0.35).all()


def test_only_the_columns_that_are_asked_for() -> None:
    _, rows = with_gaps()
    made = filled(rows, ["x"])
    assert not made["x"].isna().any()
    assert made.drop(columns="x").equals(rows.drop(columns="x"))


def test_other_columns_and_the_index_stay() -> None:
    rows = law(5, 2).assign(x=np.nan, name=list("vwxyz")).set_axis([9, 8, 7, 6, 5])
    made = filled(rows)
    assert made["name"].tolist() == list("vwxyz")
    assert made.index.tolist() == [9, 8, 7, 6, 5]


def test_bad_requests_say_what_is_wrong() -> None:
    with pytest.raises(DataError, match="no column 'twon'.*town"):
        filled(ROWS[:5], ["twon"])
    with pytest.raises(InputError, match="list of names"):
        filled(ROWS[:5], "town")
    with pytest.raises(DataError, match="no rows to fill"):
        filled(ROWS[:0])
    with pytest.raises(DataError, match="no row that was made has a value in 'x'"):
        completed(lambda n, random_state: law(n).assign(x=np.nan), SCHEMA, ROWS[:5].assign(x=np.nan), None, 0)


def test_plain_numbers_in_arrays() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ np.diag([1.0, 10.0, 100.0])
    gan = sp.GAN(steps=20, random_state=0, probes=False).fit(X)
    rows = X[:20].copy()
    rows[::2, 1] = np.nan
    made = gan.complete(rows, random_state=1)
    assert isinstance(made, np.ndarray)
    assert np.isfinite(made).all()
    assert (made[1::2] == rows[1::2]).all()
    with pytest.raises(DataError, match="shape"):
        gan.complete(rows[:, :2])
    with pytest.raises(InputError, match="in tables"):
        sp.GAN(steps=2, batch_size=8, probes=False).fit(rng.random((10, 4, 4))).complete(rows)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sp.GAN(steps=20, random_state=0, probes=False, run=tmp_path / "run").fit(ROWS)
    _, rows = with_gaps()
    rows.to_csv(tmp_path / "rows.csv", index=False)
    words = ["complete", str(tmp_path / "run"), str(tmp_path / "rows.csv"), "--seed", "0", "--json"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "-o", str(tmp_path / "full.csv")])
    assert not ended.value.code
    assert json.loads(capsys.readouterr().out)["filled"] == rows.isna().sum().sum()
    assert not pd.read_csv(tmp_path / "full.csv").isna().any().any()
    with pytest.raises(SystemExit) as ended:
        main([*words, "-o", str(tmp_path / "full.xlsx")])
    assert ended.value.code == 2
