"""Tables too large for memory: read in parts they are what they would be if read at once."""

# ruff: noqa: PD011 -- values are those of a Source

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import sparring as sp
from sparring.cli import actions, tables
from sparring.data import frame_parts, sampled_schema, spool, stored
from sparring.data.mixed import MixedSchema
from sparring.data.mixed_source import columns_found, read_mixed
from sparring.data.order import Shuffled
from sparring.data.relations import Relation
from sparring.data.split import split_shuffled
from sparring.data.stored_batches import StoredBatches
from sparring.errors import DataError

N = 2_000
SAMPLE = 500  # rows, where not all are in the sample


@pytest.fixture(autouse=True)
def _in_small_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 100 rows or so, and a cache of its own."""
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(frame_parts, "FEWEST", 100)
    monkeypatch.setattr(frame_parts, "CELLS", 1)
    monkeypatch.setattr(spool, "CELLS", 900)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled_schema, "SAMPLE", SAMPLE)


def rows(n: int = N, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    city = rng.choice(["Bern", "Basel", "Lyon", "Oslo"], n, p=[0.5, 0.3, 0.15, 0.05])
    start = pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 3000, n), "D")
    net = rng.gamma(2, 100, n).round(2)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "city": city,
            "country": np.where(city == "Lyon", "FR", "CH"),
            "pay": np.where(rng.random(n) < 0.3, 0.0, rng.lognormal(5, 1, n)),
            "net": net,
            "tax": (net / 5).round(2),
            "gross": net + (net / 5).round(2),
            "start": start,
            "end": start + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "at": pd.Timestamp("2020-02-29 10:00") + pd.to_timedelta(rng.integers(0, 10**6, n), "s"),
            "works": rng.random(n) < 0.6,
            "maybe": pd.Series(rng.choice([True, False, None], n)),
            "gaps": pd.Series(rng.normal(size=n)).mask(rng.random(n) < 0.1),
            "always": "x",
            "street": [f"street {number}" for number in rng.zipf(1.3, n).clip(1, 400)],
        }
    )


def written(folder: Path, frame: pd.DataFrame, suffix: str = ".csv") -> Path:
    path = folder / f"table{suffix}"
    frame.to_parquet(path, row_group_size=300) if suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def in_parts(path: Path, **more: Any) -> Any:
    found = read_mixed(path, in_parts=True, **more)
    assert found is not None
    return found


def at_once(path: Path, **more: Any) -> Any:
    found = read_mixed(path, in_parts=False, **more)
    assert found is not None
    return found


def table(source: Any, numbers: Any) -> pd.DataFrame:
    """Some rows of what was read in parts."""
    assert isinstance(source.values, stored.StoredTable)
    return source.values[numbers]


def told(schema: MixedSchema) -> dict[str, Any]:
    return json.loads(json.dumps(schema.to_json()))


def there_and_back(source: Any) -> pd.DataFrame:
    return source.schema.decode(source.schema.encode(source.values))


def column(schema: MixedSchema, name: str) -> Any:
    return next(column for column in schema.columns if column.name == name)


def said(relations: tuple[Relation, ...]) -> set[str]:
    return {relation.said() for relation in relations}


# -- at once and in parts


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_in_parts_is_at_once(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, rows(), suffix)
    whole, parts = at_once(path), in_parts(path)
    assert told(parts.schema) == told(whole.schema)
    everything = np.arange(N)
    assert np.array_equal(parts.values.compact(everything), whole.schema.compact(whole.values))
    assert (parts.description, parts.names, parts.path) == (whole.description, whole.names, whole.path)
    found = table(parts, everything)
    pd.testing.assert_frame_equal(found, there_and_back(whole))
    assert found["street"].tolist() == whole.values["street"].tolist()


def test_what_must_hold_in_all_rows_does_if_few_are_in_the_sample(tmp_path: Path, few: None) -> None:
    path = written(tmp_path, rows())
    whole, parts = at_once(path), in_parts(path)
    assert [c.to_json() for c in parts.schema.columns] == [c.to_json() for c in whole.schema.columns]
    assert [r.to_json() for r in parts.schema.relations] == [r.to_json() for r in whole.schema.relations]
    labels = [codec for codec in whole.schema.codecs if codec.kind == "labels"]
    assert [codec for codec in parts.schema.codecs if codec.kind == "labels"] == labels
    found = table(parts, np.arange(N))
    exact = [name for name in whole.values if name not in ("pay", "gaps")]
    pd.testing.assert_frame_equal(found[exact], there_and_back(whole)[exact])
    for name in ("pay", "gaps"):  # to 2^-24 of a bin
        apart = (found[name] - whole.values[name]).abs().max()
        assert apart <= 2**-23 * (whole.values[name].max() - whole.values[name].min())
    places = parts.values.compact(np.arange(N))[:, : len(parts.schema.parts)].astype(int)
    shares = [np.bincount(places[:, i], minlength=size) / N for i, size in enumerate(parts.schema.parts)]
    assert parts.schema.shares == tuple(np.concatenate(shares).tolist())


def test_bins_of_a_sample_are_as_full_as_those_of_all(tmp_path: Path, few: None) -> None:
    path = written(
        tmp_path, pd.DataFrame({"x": np.random.default_rng(1).normal(size=20_000), "y": ["a", "b"] * 10_000})
    )
    schema = in_parts(path).schema
    shares = np.array(schema.shares[: schema.parts[0]])
    assert len(shares) == SAMPLE // 25
    # a bin of a sample holds a share whose deviation is that of a beta law
    share = 1 / len(shares)
    assert np.abs(shares - share).max() < 5 * np.sqrt(share * (1 - share) / SAMPLE)


# -- what only a few rows say

Change = Callable[[pd.DataFrame], None]


def _set(name: str, value: Any, row: int = N - 3) -> Change:
    def change(frame: pd.DataFrame) -> None:
        frame[name] = frame[name].astype(object)
        frame.loc[row, name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("city", "Rome"),
        _set("street", "street 99999"),
        _set("age", None),
        _set("age", 130),
        _set("age", -7),
        _set("age", 40.5),
        _set("city", None),
        _set("works", None),
        _set("always", "y"),
        _set("always", None),
        _set("net", 1.23456),
        _set("gross", 9e3),
        _set("pay", -0.001),
        _set("gaps", 1e6),
        _set("country", "DE"),
        _set("end", pd.Timestamp("1999-01-01")),
        _set("start", pd.Timestamp("2011-01-01 10:11:12.5")),
        _set("at", pd.Timestamp("2031-01-01 23:59:59")),
        _set("at", None),
    ],
)
def test_what_the_last_part_says_is_found(tmp_path: Path, few: None, change: Change) -> None:
    frame = rows()
    change(frame)
    path = written(tmp_path, frame)
    whole, parts = at_once(path), in_parts(path)
    assert [c.to_json() for c in parts.schema.columns] == [c.to_json() for c in whole.schema.columns]
    assert said(parts.schema.relations) == said(whole.schema.relations)
    found, expected = table(parts, np.arange(N - 50, N)), there_and_back(whole).iloc[-50:].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1.0)  # of 10^6: 2^-24 of a bin


def test_a_relation_that_breaks_in_the_last_row_is_none(tmp_path: Path, few: None) -> None:
    frame = rows()
    assert said(in_parts(written(tmp_path, frame)).schema.relations) == {
        "start is at most end",
        "city determines country",
        "gross is net + tax",
    }
    frame.loc[N - 1, ["country", "gross"]] = "DE", 1e6
    frame.loc[N - 1, "end"] = frame.loc[N - 1, "start"] - pd.Timedelta(days=1)
    path = written(tmp_path, frame)
    found, whole = said(in_parts(path).schema.relations), at_once(path)
    assert found == said(whole.schema.relations) == {"tax is at most net", "net is at most gross"}


def test_a_number_of_the_source_that_comes_late_belongs_to_the_relation(tmp_path: Path, few: None) -> None:
    frame = rows()
    frame.loc[N - 1, ["city", "country"]] = "Rome", "IT"
    found = in_parts(written(tmp_path, frame))
    assert "city determines country" in said(found.schema.relations)
    assert table(found, np.array([N - 1]))["country"].tolist() == ["IT"]


def test_a_column_of_few_values_is_one_if_a_sample_misses_some(tmp_path: Path, few: None) -> None:
    values = np.repeat(np.arange(5.0), N // 5)
    values[[7, 1_990, 1_995]] = 77.25, 88.5, 99.125
    path = written(tmp_path, pd.DataFrame({"x": values, "y": ["a", "b"] * (N // 2)}))
    parts, whole = in_parts(path), at_once(path)
    assert parts.schema.codecs[0].spikes == whole.schema.codecs[0].spikes
    assert table(parts, np.array([7, 1_990, 1_995]))["x"].tolist() == [77.25, 88.5, 99.125]


# -- kinds that change


@pytest.mark.parametrize("first", ["7", "7.5", "True", "2020-01-01", ""])
def test_a_column_that_becomes_texts_half_way_has_labels(tmp_path: Path, first: str) -> None:
    cells = [first] * 500 + ["a", "b"] * 250
    path = written(tmp_path, pd.DataFrame({"x": cells, "y": range(1_000, 2_000)}))
    whole, parts = at_once(path, leave_out=["y"]), in_parts(path, leave_out=["y"])
    assert told(parts.schema) == told(whole.schema)
    pd.testing.assert_frame_equal(table(parts, np.arange(1_000)), there_and_back(whole))


@pytest.mark.parametrize(
    "cells",
    [
        ["1"] * 500 + ["2.5"] * 300 + [""] * 200,
        ["True"] * 500 + [""] * 250 + ["False"] * 250,
        ["2020-01-01"] * 500 + ["2020-01-02T03:04:05"] * 500,
        ["2020-01-01"] * 500 + ["2020-01-02T03:04:05Z"] * 500,
        ["2020-01-01"] * 500 + ["2020-01-02T03:04:05.123456789"] * 500,
        [""] * 500 + ["2020-01-01", "2021-01-01"] * 250,
        ["True"] * 500 + ["1"] * 500,
    ],
    ids=lambda cells: f"{cells[0]}, {cells[-1]}",
)
def test_kinds_of_parts_that_go_together(tmp_path: Path, cells: list[str]) -> None:
    path = written(tmp_path, pd.DataFrame({"x": cells, "y": ["a", "b"] * 500}))
    whole, parts = at_once(path), in_parts(path)
    assert told(parts.schema) == told(whole.schema)
    pd.testing.assert_frame_equal(table(parts, np.arange(1_000)), there_and_back(whole))


def test_files_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("".join(f"{i % 7},{'a' if i % 3 else 'b'},{i % 9 if i < 500 else 't'}\n" for i in range(1_000)))
    whole, parts = at_once(path), in_parts(path)
    assert told(parts.schema) == told(whole.schema)


# -- what is refused


def test_a_mistake_in_a_late_part_is_named_with_its_line(tmp_path: Path) -> None:
    frame = rows()
    frame["age"] = frame["age"].astype(object)
    frame.loc[1_800, "age"] = "oops"
    path = written(tmp_path, frame)
    with pytest.raises(DataError, match=r"table.csv, line 1802, column 'age': found 'oops'; a number is needed"):
        in_parts(path)
    lines = written(tmp_path, rows()).read_text().splitlines()
    lines[1_500] += ",one,more"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"table.csv cannot be read as a table: .*line 1501, saw 17"):
        in_parts(path)


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(DataError, match=r"empty.csv cannot be read as a table: No columns"):
        in_parts(empty)
    with pytest.raises(DataError, match=r"3 row\(s\) in .* are too few; at least 10"):
        in_parts(written(tmp_path, rows(3)))
    with pytest.raises(DataError, match="no column 'height' to leave out"):
        in_parts(written(tmp_path, rows()), leave_out=["height"])
    numbered = rows().assign(n=np.arange(5, N + 5))
    with pytest.raises(DataError, match=r"'n' is an identifier \(2,000 different whole numbers, one a row\)"):
        in_parts(written(tmp_path, numbered))
    named = rows().assign(name=[f"n{i}" for i in range(N)])
    with pytest.raises(DataError, match=r"'name' is an identifier \(2,000 of 2,000 texts differ\)"):
        in_parts(written(tmp_path, named))
    endless = rows()
    endless.loc[N - 1, "gaps"] = np.inf
    with pytest.raises(DataError, match="'gaps' holds inf in row 1999; finite numbers are needed"):
        in_parts(written(tmp_path, endless))
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match="torn.parquet cannot be read as Parquet"):
        in_parts(tmp_path / "torn.parquet")
    assert not list((tmp_path / "cache").iterdir())  # nothing is left of what failed


def test_too_many_texts_are_no_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST_TEXTS", 100)
    monkeypatch.setattr(sampled_schema, "MOST_TEXTS", 100)
    with pytest.raises(DataError, match=r"'street' is an identifier \(more than 100 texts differ\)"):
        in_parts(written(tmp_path, rows()))


def test_a_schema_file_is_held_against_all_rows(tmp_path: Path, few: None) -> None:
    frame = rows()
    frame.loc[N - 1, "age"] = 95
    path = written(tmp_path, frame)
    plain: dict[str, Any] = {"columns": {"age": {"kind": "integer", "high": 120}, "city": {}, "country": {}}}
    schema = in_parts(path, told=plain).schema
    assert schema.names == ("age", "city", "country")
    assert column(schema, "age").high == 120
    assert not schema.relations
    plain["columns"]["age"]["high"] = 92
    with pytest.raises(DataError, match="column 'age', row 1999: 95.* lies outside 18 to 92"):
        in_parts(path, told=plain)
    counted = {"columns": {"age": {"kind": "category"}, "city": {}}}
    assert 95 in column(in_parts(path, told=counted).schema, "age").labels


# -- how large is large


def test_only_what_memory_cannot_hold_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, rows())

    def read(path: Path) -> Any:
        found = read_mixed(path)
        assert found is not None
        return found.values

    monkeypatch.setattr("sparring.room.free_bytes", lambda: 10**9)
    assert isinstance(read(path), pd.DataFrame)
    monkeypatch.setattr("sparring.room.free_bytes", lambda: 10**6)
    assert isinstance(read(path), stored.StoredTable)
    monkeypatch.setattr("sparring.room.free_bytes", lambda: None)
    assert isinstance(read(path), pd.DataFrame)


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, rows())
    with caplog.at_level(logging.INFO, "sparring"):
        first = in_parts(path)
    assert f"{path} is read in parts" in caplog.text
    monkeypatch.setattr(stored, "Spool", None)  # nothing is read again
    assert in_parts(path).fingerprint == first.fingerprint
    monkeypatch.undo()
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "other"))
    (tmp_path / "copy").mkdir()
    assert in_parts(written(tmp_path / "copy", rows())).fingerprint == first.fingerprint
    assert in_parts(written(tmp_path / "copy", rows(seed=1))).fingerprint != first.fingerprint


# -- the cache


def age(folder: Path, days: float) -> None:
    for path in folder.iterdir():
        os.utime(path, (time.time() - days * 86_400,) * 2)


def test_what_is_not_used_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    names = ("a", "b", "c")
    for name in names:
        (tmp_path / name).mkdir()
    paths = [written(tmp_path / name, rows(seed=i)) for i, name in enumerate(names)]
    in_parts(paths[0])
    first = set((tmp_path / "cache").iterdir())
    assert {path.suffix for path in first} == {".npy", ".json"}
    second = in_parts(paths[1])
    (tmp_path / "cache" / "mine.npy").write_bytes(b"")
    (tmp_path / "cache" / f"{'0' * 16}.words").write_bytes(b"")  # of a process that was killed
    age(tmp_path / "cache", 31)
    del second
    in_parts(paths[1])  # used again
    in_parts(paths[2])
    left = {path.name for path in (tmp_path / "cache").iterdir()}
    assert "mine.npy" in left
    assert not left & {path.name for path in first}
    assert len(left) == 5  # two tables, and what is not ours
    age(tmp_path / "cache", 29)
    in_parts(written(tmp_path / "a", rows(seed=9)))
    assert len(set((tmp_path / "cache").iterdir())) == 7


def test_what_a_process_uses_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    path = written(tmp_path, rows())
    first = in_parts(path)
    whole = first.values[np.arange(5)]
    kept = set((tmp_path / "cache").iterdir())
    changed = in_parts(written(tmp_path, rows(seed=1)))
    assert kept < set((tmp_path / "cache").iterdir())
    assert first.values[np.arange(5)].equals(whole)
    del first, changed
    in_parts(written(tmp_path, rows(seed=2)))  # nobody uses the others now, and their table has changed
    left = set((tmp_path / "cache").iterdir())
    assert len(left) == 2
    assert not left & kept


def test_a_cache_that_is_emptied_meanwhile_is_filled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    path = written(tmp_path, rows())
    expected = in_parts(path).fingerprint

    def emptied(*files: Path) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
        for file in files:
            file.unlink()

    monkeypatch.setattr(stored, "touch", emptied)
    assert in_parts(path).fingerprint == expected


# -- learning


SETTINGS: dict[str, Any] = {"steps": 12, "batch_size": 50, "random_state": 0, "checkpoint_every": 6}


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: None) -> Path:
    monkeypatch.setattr(stored, "MOST", 0.0)
    return written(tmp_path, rows())


def test_a_gan_learns_from_a_file_in_parts(tmp_path: Path, large: Path) -> None:
    gan = sp.GAN(**SETTINGS, validation_fraction=0.1, run=tmp_path / "run").fit(large)
    made = gan.sample(300, random_state=1)
    assert list(made.dtypes) == list(at_once(large).values.dtypes)
    assert ((made["country"] == "FR") == (made["city"] == "Lyon")).all()
    assert gan.verdict_["coverage"].value >= 0
    assert gan.record_.about["data"]["rows_train"] == N - 200
    assert len(pd.read_csv(tmp_path / "run/samples/real.csv")) == 1000
    again = sp.load(tmp_path / "run")
    pd.testing.assert_frame_equal(again.sample(300, random_state=1), made)
    test = rows(300, seed=5)
    test["street"] = "street 1"
    assert again.judge(test).figures == gan.judge(test).figures


def test_a_run_goes_on_to_the_same_bits_whatever_memory_is_free(
    tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sp.GAN(**SETTINGS).fit(large)

    def stop(progress: Any) -> None:
        if progress.step == 7:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, sp.errors.Interrupted)):
        sp.GAN(**SETTINGS, run=tmp_path / "run", verbose=stop).fit(large)
    monkeypatch.setattr(stored, "MOST", np.inf)
    resumed = sp.GAN.resume(tmp_path / "run")
    pd.testing.assert_frame_equal(resumed.sample(50, random_state=0), whole.sample(50, random_state=0))
    written(tmp_path, rows(seed=3))
    with pytest.raises(DataError, match="the data have changed since the run began"):
        sp.GAN.resume(tmp_path / "run")


def test_the_best_generator_is_found_by_rows_held_out(large: Path) -> None:
    gan = sp.GAN(**{**SETTINGS, "steps": 200}, early_stopping=True, probes=False).fit(large)
    assert gan.best_step_ in (100, 200)


def test_what_takes_long_is_said(large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gan = sp.GAN(**{**SETTINGS, "steps": 1}, verbose=1).fit(large)
    assert f"{large} is read in parts" in capsys.readouterr().out
    gan.set_params(verbose=0).fit(large)
    assert capsys.readouterr().out == ""
    actions.fit_gan(str(large), large.parent / "run", {**SETTINGS, "steps": 1, "leave_out": ("net",)}, as_json=False)
    assert "is read in parts" in capsys.readouterr().err.replace("\n", "")


def test_the_schema_of_a_large_file(large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = rows().assign(name=[f"n{i}" for i in range(N)])
    frame.loc[1_234, "age"] = 101
    (tmp_path / "named").mkdir()
    tables.schema(str(written(tmp_path / "named", frame)), tmp_path / "schema.toml", (), as_json=False)
    printed = capsys.readouterr().out
    assert "2,000 rows of 16 columns" in printed
    assert "18 to 101" in printed
    assert f"{frame['maybe'].isna().mean():.1%} missing" in printed
    assert "city determines country" in printed
    found = columns_found(large)
    whole = at_once(large)
    assert found.schema is not None
    assert found.rows == N
    assert list(found.columns) == list(whole.schema.columns)
    assert not list((tmp_path / "cache").glob("*.words"))
    constant = columns_found(written(tmp_path, pd.DataFrame({"x": ["a"] * 1_000, "y": [1.0] * 1_000})))
    assert (constant.schema, constant.relations) == (None, ())


# -- orders that take no memory


@pytest.mark.parametrize("n", [1, 2, 3, 64, 1_000, 4_097])
def test_every_number_comes_once(n: int) -> None:
    order = Shuffled(n, 7)
    assert sorted(order[:].tolist()) == list(range(n))
    assert np.array_equal(order[np.arange(n)[::-1]], order[:][::-1])
    assert np.array_equal(order.part(n // 3, n)[:], order[n // 3 :])
    assert np.array_equal(order[:], Shuffled(n, 7)[:])


def test_orders_are_random() -> None:
    firsts = np.array([Shuffled(50, seed)[:3] for seed in range(4_000)])
    for column in firsts.T:  # chi-squared with 49 degrees of freedom: 1 in 10^6 is above 108
        assert (np.square(np.bincount(column, minlength=50) - 80) / 80).sum() < 108
    pairs = np.bincount(firsts[:, 0] // 10 * 5 + firsts[:, 1] // 10, minlength=25)
    expected = np.where(np.eye(5).ravel() > 0, 4_000 * 9 / 245, 4_000 * 10 / 245)
    assert (np.square(pairs - expected) / expected).sum() < 73  # 24 degrees


def test_rows_are_split_without_a_list() -> None:
    train, held_out = split_shuffled(1_000, 0.2, 3)
    assert (len(train), len(held_out)) == (800, 200)
    assert sorted([*train[:].tolist(), *held_out[:].tolist()]) == list(range(1_000))


def test_batches_of_stored_rows() -> None:
    table, among = np.arange(30)[:, None] * 10, Shuffled(30, 0).part(10, 30)

    def batches(**more: Any) -> StoredBatches:
        return StoredBatches(lambda rows: table[rows], among, size=6, seed=1, prepare=lambda rows: rows, **more)

    whole = batches()
    epoch = torch.cat([whole[i][0] for i in range(10)])[:, 0]  # 60 rows: three epochs of 20
    for part in epoch.split(20):
        assert sorted(part.tolist()) == sorted((among[:] * 10).tolist())
    assert not torch.equal(epoch[:20], epoch[20:40])
    halves = [batches(rank=rank, ranks=2)[4][0] for rank in range(2)]
    assert torch.equal(torch.cat(halves), whole[4][0])
    assert (whole.per_epoch, whole.count(3), whole.epoch(10)) == (4, 6, 3.0)
    with pytest.raises(sp.errors.InputError, match="must be a multiple of 4"):
        batches(ranks=4)
