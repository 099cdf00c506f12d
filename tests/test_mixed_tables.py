"""Tables of any columns: what they are found to be, there and back, and what holds in every row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from sparring.data.codecs import Bins, Labels, codec_from_json, codec_of
from sparring.data.columns import Column, column_of
from sparring.data.input_codes import code_from_json, code_of
from sparring.data.mixed import MixedSchema, without
from sparring.data.relations import AtMost, Determines, Total
from sparring.data.schema import schema_from_json
from sparring.data.schema_file import corrected, read_schema_file, write_schema_file
from sparring.errors import DataError

N = 300
RNG = np.random.default_rng(0)
CLASSES = pd.CategoricalDtype(["third", "second", "first"], ordered=True)


def schema_of(frame: pd.DataFrame) -> MixedSchema:
    """The schema as it is after a file."""
    made = MixedSchema.of(frame)
    again = schema_from_json(json.loads(json.dumps(made.to_json())))
    assert isinstance(again, MixedSchema)
    # a NaN among what determines another column is not equal to itself
    assert json.dumps(again.to_json()) == json.dumps(made.to_json())
    return again


def there_and_back(frame: pd.DataFrame) -> None:
    schema = schema_of(frame)
    encoded = schema.encode(frame)
    assert encoded.shape == (len(frame), *schema.shape)
    assert np.abs(encoded).max(initial=0) <= 1
    found = schema.decode(encoded)
    for name in frame:
        if any(wide in str(name) for wide in ("float", "lump", "nanosecond")):  # exact to 2^-24 of a bin
            assert (found[name].isna() == frame[name].isna()).all()
            apart = (found[name] - frame[name]).abs().max()
            assert not apart > (frame[name].max() - frame[name].min()) * 2**-23
            assert found[name].dtype == frame[name].dtype
        else:
            assert_frame_equal(found[[name]], frame[[name]])


# -- any table


def gaps(values: pd.Series, rng: np.random.Generator, share: float) -> pd.Series:
    return values.mask(rng.random(len(values)) < share, None) if share else values


def of_kind(kind: str, n: int, rng: np.random.Generator, share: float) -> pd.Series:
    """A column of some kind, with a share of gaps where its dtype can hold them."""
    day = pd.Timestamp("1999-12-31")
    match kind:
        case "float":
            return gaps(pd.Series(rng.standard_cauchy(n)), rng, share)
        case "float32":
            return gaps(pd.Series(rng.normal(size=n).astype(np.float32)), rng, share)
        case "cents":
            return gaps(pd.Series(rng.exponential(1e4, n).round(2)), rng, share)
        case "lump":
            return gaps(pd.Series(np.where(rng.random(n) < 0.9, 0.0, rng.lognormal(8, 2, n))), rng, share)
        case "int":
            return pd.Series(rng.integers(-(2**20), 2**20, n))
        case "uint8":
            return pd.Series(rng.integers(0, 256, n).astype(np.uint8))
        case "whole":
            return gaps(pd.Series(rng.poisson(3, n).astype(float)), rng, share)
        case "Int64":
            return gaps(pd.Series(rng.poisson(300, n)).astype("Int64"), rng, share)
        case "bool":
            return pd.Series(rng.random(n) < 0.3)
        case "boolean":
            return gaps(pd.Series(rng.random(n) < 0.3).astype("boolean"), rng, share)
        case "str":
            return gaps(pd.Series(rng.choice(["Zürich", "", "a,b", "NaN", "7"], n)), rng, share)
        case "object":
            return gaps(pd.Series(rng.choice(["x", "y"], n).tolist(), dtype=object), rng, share)
        case "category":
            return gaps(pd.Series(pd.Categorical(rng.choice([3, 1, 2], n))), rng, share)
        case "ordered":
            return gaps(pd.Series(pd.Categorical.from_codes(rng.integers(0, 2, n), dtype=CLASSES)), rng, share)
        case "day":
            return gaps(pd.Series(day + pd.to_timedelta(rng.integers(0, 9000, n), "D")), rng, share)
        case "moment":
            made = pd.Series(day + pd.to_timedelta(rng.integers(0, 10**9, n), "s"))
            return gaps(made.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"), rng, share)
        case "nanosecond":
            return gaps(pd.Series(pd.to_datetime(rng.integers(0, 2**50, n))), rng, share)
        case "duration":
            return gaps(pd.Series(pd.to_timedelta(rng.integers(0, 10**6, n), "s")), rng, share)
        case "constant":
            return pd.Series(np.full(n, 7))
    return pd.Series([None] * n, dtype=object)  # empty


ALL = ["float", "float32", "cents", "lump", "int", "uint8", "whole", "Int64", "bool", "boolean", "str", "object",
       "category", "ordered", "day", "moment", "nanosecond", "duration", "constant", "empty"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(ALL), min_size=1, max_size=6), st.integers(2, N), st.integers(0, 2**32), st.booleans())
def test_any_table_comes_back(kinds: list[str], n: int, seed: int, holes: bool) -> None:
    rng = np.random.default_rng(seed)
    columns = {f"{i} {kind}": of_kind(kind, n, rng, 0.2 * holes) for i, kind in enumerate(kinds)}
    frame = pd.DataFrame(columns)
    if all(column_of(name, frame[name]).kind == "constant" for name in frame):
        with pytest.raises(DataError, match="constant or empty"):
            MixedSchema.of(frame)
        return
    there_and_back(frame)


@pytest.mark.parametrize("kind", ALL[:-2])
def test_every_kind_comes_back_with_gaps(kind: str) -> None:
    rng = np.random.default_rng(1)
    there_and_back(pd.DataFrame({kind: of_kind(kind, N, rng, 0.3)}))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_generated_fits_the_columns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({kind: of_kind(kind, N, rng, 0.2) for kind in ALL})
    schema = schema_of(frame)
    made = schema.decode(rng.uniform(-1, 1, (500, *schema.shape)).astype(np.float32))
    assert list(made.dtypes) == list(frame.dtypes)
    for name in frame:
        known, seen = made[name].dropna(), frame[name].dropna()
        if name in ("str", "object", "category", "bool", "boolean", "constant"):
            assert set(known) <= set(seen)
        elif name != "empty":
            assert known.min() >= seen.min()
            assert known.max() <= seen.max()
        assert made[name].isna().any() == frame[name].isna().any() or made[name].isna().sum() == 0
    assert_frame_equal(made[["cents"]].round(2), made[["cents"]])


# -- what columns are


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (RNG.normal(size=100), "continuous"),
        (np.arange(100) // 3, "integer"),
        (np.array([1.0, np.nan, 3.0, 4.0]), "integer"),
        ([True, False] * 5, "boolean"),
        (["a", "b"] * 5, "category"),
        (["a"] * 10, "constant"),
        (np.arange(100), "identifier"),
        ([f"user-{i}" for i in range(100)], "identifier"),
        ([f"the cat number {i} sat" for i in range(100)], "text"),
        ([None] * 5, "constant"),
    ],
)
def test_kinds(values: Any, kind: str) -> None:
    assert column_of("a", pd.Series(values)).kind == kind


def test_different_numbers_are_identifiers_if_they_are_called_so() -> None:
    numbers = pd.Series(RNG.permutation(10_000)[:200])
    for name in ("id", "user_id", "userId", "ID", "key"):
        assert column_of(name, numbers).kind == "identifier"
    for name in ("income", "width", "paid", "grid", "monkey"):
        assert column_of(name, numbers).kind == "integer"


def test_decimals_and_bounds_are_found() -> None:
    found = column_of("price", pd.Series([0.1, 2.25, 19.9]))
    assert (found.decimals, found.low, found.high) == (2, 0.1, 19.9)
    assert column_of("x", pd.Series([0.1, 1 / 3])).decimals is None


def test_steps_of_dates() -> None:
    for text, step in (("2020-01-01", "day"), ("2020-01-01 05:00", "hour"), ("2020-01-01 00:00:00.001", "millisecond")):
        assert column_of("t", pd.Series([pd.Timestamp("2019-01-01"), pd.Timestamp(text)])).step == step


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, "a"], "make them all numbers or all texts"),
        ([[1], [2]], "type.s. list"),
        ([pd.Timestamp("2020-01-01").date()] * 2, "pandas.to_datetime"),
        (np.array([1 + 2j, 3]), "complex"),
        (np.array([1.0, np.inf]), "inf in row 1"),
        (np.array([2**60, 0]), "beyond 2"),
        (pd.Series(pd.to_datetime([0, 2**60 + 1])), "round it to microseconds"),
    ],
)
def test_what_no_kind_holds(values: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        column_of("a", pd.Series(values))


def test_texts_and_identifiers_are_refused_with_advice() -> None:
    frame = pd.DataFrame({"id": np.arange(100), "x": RNG.normal(size=100)})
    with pytest.raises(DataError, match="'id' is an identifier .100 different whole numbers, one a row.*Leave"):
        MixedSchema.of(frame)
    assert MixedSchema.of(without(frame, ["id"])).names == ("x",)
    with pytest.raises(DataError, match="no column 'ids' to leave out; did you mean 'id'"):
        without(frame, ["ids"])


def test_rows_that_do_not_fit() -> None:
    frame = pd.DataFrame({"x": RNG.normal(size=100), "c": ["a", "b"] * 50})
    schema = MixedSchema.of(frame)
    assert_frame_equal(schema.decode(schema.encode(frame.assign(more=1)[["more", "c", "x"]])), frame)
    with pytest.raises(DataError, match="column 'c', row 1: 'd' is not one of a, b"):
        schema.encode(frame.assign(c=["a", "d"] * 50))
    with pytest.raises(DataError, match="'x' has a missing value in row 0"):
        schema.encode(frame.assign(x=np.nan))
    with pytest.raises(DataError, match="'x' must hold numbers"):
        schema.encode(frame.assign(x="a"))
    with pytest.raises(DataError, match="no column 'c'.*the model needs it"):
        schema.encode(frame[["x"]])
    with pytest.raises(DataError, match="DataFrame"):
        schema.encode(frame.to_numpy())


# -- codecs


def test_many_labels_take_few_places() -> None:
    numbers = RNG.integers(0, 50_000, 200_000).astype(float)
    column = Column("a", "category", "str", labels=tuple(map(str, range(50_000))), missing=True)
    numbers[::7] = np.nan
    codec = Labels.of(numbers, column)
    assert codec.parts == (224 + 1, 224)
    np.testing.assert_array_equal(codec.decode(*codec.encode(numbers)), numbers)


def test_a_lump_is_a_place_of_its_own() -> None:
    numbers = np.where(RNG.random(10_000) < 0.9, 0.0, RNG.lognormal(8, 2, 10_000))
    codec = Bins.of(numbers, missing=False, whole=False)
    assert codec.spikes == (0.0,)
    codes, places = codec.encode(numbers)
    assert (codes[:, 0] == 0).mean() == (numbers == 0).mean()
    shares = np.bincount(codes[:, 0])[1:] / (numbers > 0).sum()
    np.testing.assert_allclose(shares, 1 / 40, rtol=0.1)  # bins between quantiles have as many rows each
    assert (places[codes[:, 0] == 0] == 0).all()


def test_whole_numbers_in_bins_are_all_as_likely() -> None:
    """A bin from 0 to below 10 gives each of its ten numbers a tenth."""
    codec = Bins((), (0.0, 10.0), (0.5,), missing=False, whole=True)
    made = codec.decode(np.zeros((100_001, 1), np.int32), np.linspace(-1, 1, 100_001, dtype=np.float32)[:, None])
    np.testing.assert_allclose(np.bincount(made.astype(int)) / len(made), 0.1, atol=1e-4)


def test_levels_are_ranks() -> None:
    numbers = np.repeat([5.0, 7.0, 9.0], [50, 25, 25])
    codec = Bins.of(numbers, missing=True, whole=True)
    np.testing.assert_allclose(codec.levels()[0], [-0.5, 0.25, 0.75, 0.0])


# -- relations


def related(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    city = rng.choice(["Bern", "Basel", "Paris", "Lyon"], n)
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    net, tax = rng.integers(100, 10_000, n) / 100, rng.integers(1, 500, n) / 100
    return pd.DataFrame(
        {
            "city": city,
            "country": np.where(np.isin(city, ["Bern", "Basel"]), "CH", "FR"),
            "start": start,
            "end": start + pd.to_timedelta(rng.integers(0, 60, n), "h"),
            "net": net,
            "tax": tax,
            "gross": (net + tax).round(2),
            "noise": rng.normal(size=n) * 10,
        }
    )


def test_relations_are_found_and_hold_in_whatever_is_generated() -> None:
    frame = related()
    schema = schema_of(frame)
    assert [relation.said() for relation in schema.relations] == [
        "start is at most end", "city determines country", "gross is net + tax"]  # fmt: skip
    there_and_back(frame)
    made = schema.decode(RNG.uniform(-1, 1, (2000, *schema.shape)).astype(np.float32))
    assert (made["start"] <= made["end"]).all()
    np.testing.assert_allclose(made["gross"], made["net"] + made["tax"], rtol=1e-12)
    assert made["gross"].between(frame["gross"].min(), frame["gross"].max()).all()
    assert_frame_equal(made[["net", "tax", "gross"]].round(2), made[["net", "tax", "gross"]])
    assert set(zip(made["city"], made["country"], strict=True)) == set(
        zip(frame["city"], frame["country"], strict=True)
    )


def test_relations_can_be_switched_off() -> None:
    schema = MixedSchema.of(related(), relations=())
    made = schema.decode(RNG.uniform(-1, 1, (2000, *schema.shape)).astype(np.float32))
    assert (made["start"] > made["end"]).any()
    assert len(set(zip(made["city"], made["country"], strict=True))) == 8


def test_what_may_be_chance_is_no_relation() -> None:
    few = pd.DataFrame({"a": ["x", "y", "z"] * 10, "b": ["u", "u", "v"] * 10, "c": np.arange(30) * 1.5})
    assert MixedSchema.of(few).relations == ()
    rng = np.random.default_rng(0)
    apart = pd.DataFrame({"small": rng.random(500), "large": 5 + rng.random(500), "rare": rng.random(500) < 0.004})
    assert MixedSchema.of(apart).relations == ()


def test_a_missing_value_can_determine_and_be_determined() -> None:
    code = pd.Series(["a", "b", None, "c"] * 100)
    frame = pd.DataFrame({"code": code, "name": code.map({"a": "Anna", "b": None, "c": "Cleo"}), "x": range(1, 801, 2)})
    schema = schema_of(frame.assign(x=RNG.normal(size=400)))
    assert any(isinstance(relation, Determines) for relation in schema.relations)
    there_and_back(frame.assign(x=RNG.normal(size=400)))


def test_chains_of_relations_are_set_in_order() -> None:
    rng = np.random.default_rng(5)
    street = rng.integers(0, 20, 600)
    frame = pd.DataFrame({"country": street // 10, "city": street // 5, "street": street, "x": rng.normal(size=600)})
    schema = schema_of(frame)
    assert {relation.columns[-1] for relation in schema.relations} == {"country", "city"}
    there_and_back(frame)


def test_relations_have_plain_words() -> None:
    assert AtMost("a", "b").said() == "a is at most b"
    assert Total(("a", "b"), "c").said() == "c is a + b"


# -- a schema in a file


def test_a_schema_file_says_the_same(tmp_path: Path) -> None:
    frame = related()
    schema = MixedSchema.of(frame)
    write_schema_file(tmp_path / "schema.toml", schema.columns, schema.relations)
    kept, again = corrected(frame, read_schema_file(tmp_path / "schema.toml"))
    assert_frame_equal(kept, frame)
    assert again == schema


def test_a_schema_can_be_corrected() -> None:
    frame = related().assign(stars=np.arange(400) % 5, id=np.arange(400))
    told = {
        "columns": {
            "city": {"kind": "ordered", "labels": ["Paris", "Lyon", "Bern", "Basel", "Nice"]},
            "net": {"kind": "continuous", "low": 0, "high": 1000, "decimals": 1},
            "stars": {"kind": "category"},
            "id": {"kind": "integer"},
            "country": {"kind": "category"},
        }
    }
    kept, schema = corrected(frame, told)
    assert list(kept.columns) == ["city", "country", "net", "stars", "id"]
    assert schema.relations == ()
    made = schema.decode(RNG.uniform(-1, 1, (500, *schema.shape)))
    assert made["net"].max() <= 1000
    assert_frame_equal(made[["net"]].round(1), made[["net"]])
    assert schema.columns[0].labels[-1] == "Nice"
    assert schema.columns[3].kind == "category"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"citi": {}}, "column 'citi', which the table has not; did you mean 'city'"),
        ({"city": {"kind": "words"}}, "no kind 'words'"),
        ({"city": {"kind": "category", "labels": ["Bern"]}}, "labels leave out"),
        ({"net": {"low": 50}}, "lies outside 50 to"),
        ({"net": {"kind": "integer"}}, "not all whole numbers"),
        ({"city": {"kind": "date"}}, "it cannot be made date"),
        ({"city": {"colour": 1}}, "'colour' cannot be set"),
    ],
)
def test_corrections_that_do_not_fit(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        corrected(related(), {"columns": columns})


def test_relations_that_do_not_hold_are_named() -> None:
    told = {"columns": {"city": {}, "noise": {}}, "relations": [{"kind": "at most", "columns": ["city", "noise"]}]}
    with pytest.raises(DataError, match="'at most' of city, noise does not hold"):
        corrected(related(), told)


@pytest.mark.parametrize(("text", "said"), [("a = ", "is no TOML"), ("a = 1", "has no columns")])
def test_files_that_are_no_schema(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "schema.toml").write_text(text)
    with pytest.raises(DataError, match=said):
        read_schema_file(tmp_path / "schema.toml")
    with pytest.raises(DataError, match="cannot be read"):
        read_schema_file(tmp_path / "none.toml")


def test_rows_to_judge_by_may_hold_what_was_never_seen() -> None:
    frame = pd.DataFrame({"x": np.arange(100) * 1.5, "c": ["a", "b"] * 50, "t": [pd.Timestamp("2020-01-01 10:30")] * 99
                          + [pd.Timestamp("2021-05-05 04:00")]})  # fmt: skip
    schema = MixedSchema.of(frame)
    other = frame.assign(x=np.nan, c="new", t=pd.NaT)
    known, strange = schema.points(frame), schema.points(other)
    assert strange.shape == known.shape
    assert np.isfinite(strange).all()
    assert (np.linalg.norm(strange - known, axis=(1, 2)) <= np.sqrt(3)).all()
    with pytest.raises(DataError):
        schema.encode(other)


def test_points_are_at_most_one_apart_for_each_column() -> None:
    rng = np.random.default_rng(0)
    for kind in ALL[:-2]:
        frame = pd.DataFrame({kind: of_kind(kind, N, rng, 0.2)})
        points = MixedSchema.of(frame).points(frame)[..., 0].astype(float)
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)
        assert apart.max() <= 1 + 1e-6
        same = frame[kind].isna().to_numpy()
        assert apart[same][:, same].max(initial=0) < 1e-6


def test_codes_and_codecs_come_back_from_plain_values() -> None:
    hours = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(400) * 7, "h"))
    column = column_of("when", hours)
    numbers = column.numbers(hours)
    for made, read in ((codec_of(column, numbers), codec_from_json), (code_of(column, numbers), code_from_json)):
        assert read(json.loads(json.dumps(made.to_json()))) == made
    with pytest.raises(DataError, match="a codec must be of the kind nothing, labels, bins or clock; got 'x'"):
        codec_from_json({"kind": "x"})
    with pytest.raises(
        DataError, match="a code must be of the kind nothing, amount, one-hot, clock or calendar; got None"
    ):
        code_from_json({})
