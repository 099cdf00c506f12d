"""Classifiers and regressors on tables as they are: every kind of column, gaps, and rows unlike those learned from."""

import json
import pickle
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import run
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sparring as sp
from sparring.data.columns import Column, column_of
from sparring.data.features import Features
from sparring.data.input_codes import Amount, Calendar, Clock, OneHot, code_from_json, code_of
from sparring.data.labelled import read_labelled
from sparring.data.mixed_features import MixedFeatures, inputs_of
from sparring.errors import DataError, Interrupted, UnseenWarning

LEVELS = pd.CategoricalDtype(["low", "middle", "high"], ordered=True)
FEW: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 4, "random_state": 0}


def table(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """A column of every kind; the answer follows from the town, the level and whether the pay is known."""
    rng = np.random.default_rng(seed)
    level = rng.integers(0, 3, n)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 70, n),
            "pay": np.where(rng.random(n) < 0.3, np.nan, rng.lognormal(8, 2, n)),
            "gain": np.where(rng.random(n) < 0.8, 0.0, rng.lognormal(6, 1, n)),
            "town": rng.choice(["Bern", "Basel", "Lyon"], n),
            "level": pd.Categorical.from_codes(level, dtype=LEVELS),
            "club": pd.Series(rng.choice(["x", "y"], n)).mask(rng.random(n) < 0.2, None),
            "member": rng.random(n) < 0.5,
            "maybe": pd.Series(rng.random(n) < 0.5).astype("boolean").mask(rng.random(n) < 0.1, pd.NA),
            "hired": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "seen": pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 10**7, n), "s"),
            "took": pd.to_timedelta(rng.integers(0, 10**5, n), "s"),
            "same": "always",
            "empty": pd.Series([None] * n, dtype=object),
        }
    )
    score = (frame["town"] == "Bern") * 2 + (level - 1) + frame["pay"].isna() * 2
    return frame.assign(answer=np.where(score > 1, "yes", "no"), amount=score + 0.1 * rng.normal(size=n))


@pytest.fixture(scope="module")
def fitted() -> sp.Classifier:
    return sp.Classifier((32,), max_iter=100, random_state=0, leave_out=["amount"]).fit(table(), "answer")


# -- codes


def test_a_number_is_scaled_and_told_in_pieces() -> None:
    numbers = np.random.default_rng(0).standard_cauchy(5000)
    numbers[:1000] = 0.0  # a lump
    code = Amount.of(numbers)
    made = code.encode(numbers)
    assert made.shape == (5000, code.width)
    assert np.abs(made).max() <= 5  # a tail of 10^4 and more does not get further
    assert 0.0 in code.knots
    # x is again the first knot and the sum of what was passed of each piece
    lengths = np.diff(code.knots)
    np.testing.assert_allclose(code.knots[0] + made[:, 1:].astype(float) @ lengths, numbers, rtol=1e-4, atol=1e-2)
    at = list(code.knots).index(0.0)
    assert (made[:1000, 1 : at + 1] == 1).all()  # the lump ends a piece
    assert (made[:1000, at + 1 :] == 0).all()  # and begins one
    few = Amount.of(numbers[990:1010])
    assert few.width == 1


def test_a_gap_has_an_input_only_where_training_rows_had_one() -> None:
    code = Amount.of(np.array([1.0, 2.0, np.nan, 6.0]))
    assert code.encode(np.array([np.nan, 2.0]))[:, -1].tolist() == [1, 0]
    assert code.encode(np.array([np.nan]))[0, 0] == code.encode(np.array([2.0]))[0, 0]  # the median
    full = Amount.of(np.array([1.0, 2.0, 6.0]))
    assert full.width == code.width - 1
    assert full.encode(np.array([np.nan])).tolist() == full.encode(np.array([2.0])).tolist()


def test_many_labels_take_bounded_memory() -> None:
    rng = np.random.default_rng(0)
    numbers = np.r_[np.arange(50_000), rng.integers(0, 50_000, 50_000)].astype(float)
    code = OneHot.of(numbers, 50_000)
    assert code.width == 224 + 224
    made = code.encode(np.arange(50_000.0)[:3000])
    assert (made.sum(1) == 2).all()
    assert len(np.unique(made, axis=0)) == 3000  # each has a pair of places of its own
    assert code.encode(np.array([-1.0])).sum() == 0
    few = OneHot.of(np.array([0.0, 3.0, np.nan, 3.0]), 4)
    assert few.encode(np.array([0.0, 1.0, 3.0, np.nan, -1.0])).tolist() == [
        [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]
    ]  # fmt: skip


def test_codes_come_back_from_json() -> None:
    rng = np.random.default_rng(0)
    moments = rng.integers(0, 10**6, 500).astype(float)
    for code in (
        Amount.of(rng.normal(size=900)),
        OneHot.of(np.arange(300.0), 300),
        Clock(86_400, Amount.of(np.append(moments, np.nan)), Amount.of(moments % 86_400)),  # of models of old
    ):
        numbers = rng.integers(0, 300, 50).astype(float)
        again = code_from_json(json.loads(json.dumps(code.to_json())))
        assert again == code
        assert np.array_equal(again.encode(numbers), code.encode(numbers))
    with pytest.raises(DataError, match="kind nothing, amount, one-hot, clock or calendar; got 'other'"):
        code_from_json({"kind": "other"})


@pytest.mark.parametrize("zone", [None, "Europe/Zurich"])
@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_dates_tell_their_weekday_month_and_time(zone: str | None, unit: str) -> None:
    rng = np.random.default_rng(0)
    when = pd.Series(pd.Timestamp("2023-12-30", tz=zone) + pd.to_timedelta(rng.integers(0, 2_000, 700), "h"))
    when = when.dt.as_unit(unit) + pd.Timedelta(1 if unit == "ns" else 0, "ns")
    when[3] = pd.NaT
    column = column_of("when", when)
    code = code_of(column, column.numbers(when))
    assert isinstance(code, Calendar)
    made = code.encode(column.numbers(when))
    start = code.moment.width
    known = when.notna()
    for part, count in ((when.dt.day_of_week, 7), (when.dt.month, 4)):  # from December to March
        there = np.unique(part[known])
        assert len(there) == count
        assert np.array_equal(there[made[known, start : start + count].argmax(1)], part[known])
        assert np.array_equal(made[:, start : start + count].sum(1), known)
        start += count
    hours = when.dt.hour[known].to_numpy()
    order = np.argsort(hours, kind="stable")
    assert (np.diff(made[known][order, start]) >= -1e-6).all()  # the time of day, scaled
    assert len(np.unique(made[known, start])) == 24
    assert code_from_json(json.loads(json.dumps(code.to_json()))) == code


def test_what_never_varies_in_a_date_is_no_input() -> None:
    weeks = pd.Series(pd.Timestamp("2024-01-01", tz="Asia/Tokyo") + pd.to_timedelta(7 * np.arange(4), "D"))
    column = column_of("week", weeks)
    code = code_of(column, column.numbers(weeks))
    assert code.width == 1  # all of them Mondays of one January, at midnight


def test_a_weekday_is_learned() -> None:
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1_500, 1_600), "D")
    frame = pd.DataFrame({"day": days, "other": rng.choice(["a", "b"], 1_600)})
    open_ = np.where(frame["day"].dt.day_of_week.isin([1, 4, 6]), "yes", "no")
    model = sp.Classifier(max_iter=30, random_state=0).fit(frame[:1_200], open_[:1_200])
    assert (open_[1_200:] == "no").mean() < 0.62  # the majority's share
    assert model.score(frame[1_200:], open_[1_200:]) > 0.98


def test_every_column_becomes_inputs_that_json_keeps() -> None:
    frame = table()
    found = inputs_of(frame)
    assert found is not None
    schema = MixedFeatures.of(*found)
    made = schema.encode(frame)
    assert made.dtype == np.float32
    assert made.shape == (len(frame), *schema.shape)
    assert np.abs(made).max() <= 5
    widths = {name: code.width for name, code in zip(schema.names, schema.codes, strict=True)}
    assert widths["town"] == 3
    assert widths["club"] == 3  # two labels, and gaps
    assert widths["member"] == 1
    assert widths["maybe"] == 2
    assert widths["same"] == widths["empty"] == 0
    again = MixedFeatures.from_json(json.loads(json.dumps(schema.to_json())))
    assert again == schema
    assert np.array_equal(again.encode(frame), made)


# -- plain numbers stay as they were


@pytest.mark.parametrize("kind", ["frame", "booleans", "objects", "csv"])
def test_tables_of_numbers_are_scaled_as_arrays_are(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    X[:, 2] = np.where(X[:, 2] > 0, 1, 0)  # a lump
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    wanted = sp.Classifier(**FEW).fit(X, y)
    data: Any = (
        frame.astype({"c": bool}) if kind == "booleans" else frame.astype(object) if kind == "objects" else frame
    )
    target: Any = y
    if kind == "csv":
        data, target = tmp_path / "table.csv", "y"
        frame.assign(y=y).to_csv(data, index=False)
    model = sp.Classifier(**FEW).fit(data, target)
    assert isinstance(model.inputs_, Features)
    assert np.array_equal(model.predict_proba(data), wanted.predict_proba(X))


# -- learning and answering


def test_all_kinds_are_learned_from(fitted: sp.Classifier) -> None:
    test = table(seed=1)
    assert fitted.score(test.drop(columns="answer"), test["answer"]) > 0.85
    assert fitted.judge(test, "answer").score > 0.85
    regressor = sp.Regressor((32,), max_iter=100, random_state=0).fit(table().drop(columns="answer"), "amount")
    assert regressor.score(test, test["amount"]) > 0.8


def test_answers_never_depend_on_the_order_of_columns(fitted: sp.Classifier) -> None:
    train, test = table(), table(seed=1)
    turned = train[train.columns[::-1]]
    other = clone(fitted).fit(turned, "answer")
    wanted = fitted.predict_proba(test)
    assert np.array_equal(other.predict_proba(test), wanted)  # not even when it was fitted
    assert np.array_equal(fitted.predict_proba(test[test.columns[::-1]].assign(more="text")), wanted)


def test_a_column_that_is_missing_is_named(fitted: sp.Classifier) -> None:
    with pytest.raises(DataError, match=r"there is no column 'town'; did you mean 'twon'\?; the model needs it"):
        fitted.predict(table().rename(columns={"town": "twon"}))
    with pytest.raises(DataError, match=r"a DataFrame with the columns that were learned from \(age, pay"):
        fitted.predict(np.zeros((3, 13)))


def test_what_was_never_learned_from_is_said(fitted: sp.Classifier) -> None:
    test = table(30, seed=1)
    strange = test.astype({"town": object, "age": float, "level": object})
    strange.loc[[2, 5], "town"] = "Oslo"
    strange.loc[3, "age"] = np.nan
    strange.loc[4, "level"] = "top"
    strange.loc[6, "same"] = "never"
    strange.loc[7, "empty"] = "full"
    with pytest.warns(UnseenWarning) as caught:
        answers = fitted.predict_proba(strange)
    said = {str(found.message) for found in caught}
    assert said == {
        "column 'town': 2 of 30 rows hold labels that were never learned from, such as 'Oslo'; "
        "they count as none of the known.",
        "column 'age': 1 of 30 rows are missing (first in row 3), and none was in training; they count as the median.",
        "column 'level': 1 of 30 rows hold labels that were never learned from, such as 'top'; "
        "they count as the median.",
        "column 'same': 1 of 30 rows hold values that were never learned from, such as 'never'; "
        "they count as nothing: the column was always the same.",
        "column 'empty': 1 of 30 rows hold values that were never learned from, such as 'full'; "
        "they count as nothing: the column was always the same.",
    }
    assert np.isfinite(answers).all()
    rest = [row for row in range(30) if row not in range(2, 8)]
    assert np.array_equal(answers[rest], fitted.predict_proba(test)[rest])
    middle = test.assign(age=float(np.median(table()["age"])))
    assert np.array_equal(answers[3], fitted.predict_proba(middle)[3])


def test_rows_like_those_learned_from_warn_of_nothing(fitted: sp.Classifier) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict(table())
        fitted.predict(table().head(1))


def test_a_label_declared_but_never_met_is_unseen() -> None:
    frame = table(60)[["age", "town"]].assign(kind=pd.Categorical(["a", "b"] * 30, categories=["a", "b", "c"]))
    model = sp.Classifier(**FEW).fit(frame, table(60)["answer"])
    with pytest.warns(UnseenWarning, match="column 'kind': 60 of 60 rows hold labels.*such as 'c'"):
        model.predict(frame.assign(kind="c"))


@pytest.mark.parametrize("given", [[1, 2], [1.0, 2.0], ["1", "2"]])
def test_labels_are_known_by_how_they_are_written(given: list[Any]) -> None:
    code = pd.Series(["1", "2", "x"] * 20)
    model = sp.Classifier(**FEW).fit(pd.DataFrame({"code": code, "z": range(60, 0, -1)}), code == "1")
    rows = pd.DataFrame({"code": given, "z": [1, 2]})
    wanted = model.predict_proba(rows.assign(code=["1", "2"]))
    assert np.array_equal(model.predict_proba(rows), wanted)


def test_texts_and_identifiers_are_refused() -> None:
    frame = table().assign(
        name=[f"person {i} of many" for i in range(240)], number=np.arange(240) * 7 + 1, number_id=np.arange(240)[::-1]
    )
    with pytest.raises(DataError) as told:
        sp.Classifier().fit(frame, "answer")
    assert "column 'name' is free text" in str(told.value)
    assert "column 'number_id' is an identifier" in str(told.value)
    assert "leave_out=['name', 'number_id'] (--leave-out name --leave-out number_id)" in str(told.value)
    left = ["name", "number_id", "number", "amount"]
    model = sp.Classifier(**FEW, leave_out=left).fit(frame, "answer")
    assert set(model.feature_names_in_) == set(frame.columns) - {*left, "answer"}
    plain = sp.Classifier(**FEW).fit(frame.drop(columns=left), "answer")
    assert np.array_equal(model.predict_proba(frame), plain.predict_proba(frame))
    with pytest.raises(DataError, match=r"no column 'nmae' to leave out; did you mean 'name'\?"):
        sp.Classifier(leave_out=["nmae"]).fit(frame, "answer")
    with pytest.raises(DataError, match="columns can be left out of a table that names them"):
        sp.Classifier(leave_out=["a"]).fit(np.eye(4), [0, 1, 0, 1])


def test_columns_of_numbers_can_be_left_out() -> None:
    rng = np.random.default_rng(0)
    frame, y = pd.DataFrame(rng.normal(size=(50, 3)), columns=list("abc")), rng.integers(0, 2, 50)
    model = sp.Classifier(**FEW, leave_out=["b"]).fit(frame, y)
    wanted = sp.Classifier(**FEW).fit(frame[["a", "c"]], y).predict_proba(frame[["a", "c"]])
    assert np.array_equal(model.predict_proba(frame), wanted)
    assert np.array_equal(model.predict_proba(frame[["a", "c"]]), wanted)


def test_infinity_is_refused(fitted: sp.Classifier) -> None:
    with pytest.raises(DataError, match="column 'pay' holds inf in row"):
        sp.Classifier().fit(table().assign(pay=[np.inf] + [1.0, 2.0] * 119 + [3.0]), "answer")
    with pytest.raises(DataError, match="column 'gain' holds -inf in row 0"):
        fitted.predict(table().assign(gain=-np.inf))
    with pytest.raises(DataError, match="column 'gain' must hold numbers"):
        fitted.predict(table().assign(gain="much"))


def test_the_target_does_not_leak() -> None:
    frame = table()
    model = sp.Classifier(**FEW).fit(frame, "answer")
    assert "answer" not in model.inputs_.names
    turned = frame.assign(answer=np.where(frame["answer"] == "yes", "no", "yes"))
    assert np.array_equal(model.predict_proba(turned), model.predict_proba(frame.drop(columns="answer")))


# -- targets


@pytest.mark.parametrize(
    ("dtype", "classes"),
    [
        ("category", ["no", "yes"]),
        ("string", ["no", "yes"]),
        (object, ["no", "yes"]),
        (bool, [False, True]),
        ("boolean", [False, True]),
        ("Int64", [0, 1]),
        ("int8", [0, 1]),
    ],
)
def test_a_target_of_any_dtype(dtype: Any, classes: list[Any]) -> None:
    frame = table(60)
    y = frame["answer"] if isinstance(classes[0], str) else (frame["answer"] == "yes").astype(int)
    model = sp.Classifier(**FEW).fit(frame.assign(answer=y.astype(dtype)), "answer")
    assert model.classes_.tolist() == classes
    wanted = sp.Classifier(**FEW).fit(frame.drop(columns="answer"), frame["answer"].to_numpy())
    assert np.array_equal(model.predict_proba(frame), wanted.predict_proba(frame))


def test_a_target_that_is_missing_or_of_another_kind() -> None:
    frame = table(60)
    holes = frame.assign(answer=frame["answer"].mask(np.arange(60) % 20 == 7, None))
    with pytest.raises(DataError, match=r"the target 'answer' is missing \(NaN\) in row 7 and 2 others; fill or leave"):
        sp.Classifier().fit(holes, "answer")
    with pytest.raises(DataError, match="to predict classes use a classifier"):
        sp.Regressor().fit(frame, "answer")
    with pytest.raises(DataError, match="Unknown label type: continuous"):
        sp.Classifier().fit(frame, "amount")
    with pytest.raises(DataError, match="the target 'hired' holds dates; labels or numbers are needed"):
        sp.Regressor().fit(frame, "hired")


# -- a schema of the user's


def test_a_schema_says_what_columns_are() -> None:
    frame = table()
    told = {
        "columns": {
            "age": {"kind": "category"},
            "town": {"kind": "ordered", "labels": ["Lyon", "Bern", "Basel"]},
            "answer": {},  # a schema of the whole table holds the target too
        }
    }
    model = sp.Classifier(**FEW, schema=told).fit(frame, "answer")
    kinds = {column.name: column.kind for column in model.inputs_.columns}
    assert kinds == {"age": "category", "town": "ordered"}
    with pytest.warns(UnseenWarning, match="column 'age': 240 of 240 rows hold labels"):
        model.predict(frame.assign(age=7))
    with pytest.raises(DataError, match="the schema has a column 'twon'"):
        sp.Classifier(schema={"columns": {"twon": {}}}).fit(frame, "answer")
    numbers = sp.Classifier(**FEW, schema={"columns": {"age": {"kind": "category"}}}).fit(
        frame[["age"]], frame["answer"]
    )
    assert numbers.inputs_.columns[0].kind == "category"


# -- keeping and going on


def test_saved_loaded_and_pickled_models_answer_alike(fitted: sp.Classifier, tmp_path: Path) -> None:
    test = table(seed=1)
    fitted.save(tmp_path / "saved")
    for other in (sp.load(tmp_path / "saved"), pickle.loads(pickle.dumps(fitted))):
        assert np.array_equal(other.predict_proba(test), fitted.predict_proba(test))
        assert other.feature_names_in_.tolist() == fitted.feature_names_in_.tolist()
        with pytest.warns(UnseenWarning, match="'Oslo'"):
            other.predict(test.assign(town="Oslo"))
    assert fitted.n_features_in_ == 13


def test_a_stopped_run_ends_with_the_same_bits(tmp_path: Path) -> None:
    frame = table()
    settings: dict[str, Any] = {
        **FEW,
        "early_stopping": True,
        "max_iter": 6,
        "checkpoint_every": 5,
        "leave_out": ["age"],
    }
    straight = sp.Classifier(**settings, run=tmp_path / "straight").fit(frame, "answer")

    def stop(progress: Any) -> None:
        if progress.step == 23:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        sp.Classifier(**settings, run=tmp_path / "stopped", verbose=stop).fit(frame, "answer")
    resumed = sp.Classifier.resume(tmp_path / "stopped", frame, "answer")
    assert np.array_equal(straight.predict_proba(frame), resumed.predict_proba(frame))
    with pytest.raises(DataError, match="have changed"):
        sp.Classifier.resume(tmp_path / "stopped", frame.assign(town="Bern"), "answer")


def test_weights_validation_data_and_partial_fits() -> None:
    frame, test = table(), table(100, seed=1)
    y = frame["answer"]
    weights = np.where(np.arange(240) < 40, 2, 1)
    twice = pd.concat([frame, frame.head(40)])
    a = sp.Classifier(**FEW).fit(frame, "answer", weights)
    b = sp.Classifier(**FEW).fit(twice, "answer")
    assert np.array_equal(a.predict_proba(test), b.predict_proba(test))
    watched = sp.Classifier(**FEW).fit(frame, "answer", validation_data=(test[test.columns[::-1]], test["answer"]))
    assert len(watched.validation_curve_) == 4
    part = sp.Classifier(**FEW)
    for _ in range(3):
        part.partial_fit(frame, y)
    assert part.n_iter_ == 3
    with pytest.warns(UnseenWarning, match="'Oslo'"):
        part.partial_fit(frame.assign(town="Oslo"), y)


# -- beside other libraries


def test_clones_pipelines_and_searches() -> None:
    frame = table().drop(columns=["amount", "answer"])
    y = table()["answer"]
    model = sp.Classifier(**FEW, leave_out=["age"])
    assert clone(model).get_params()["leave_out"] == ["age"]
    assert cross_val_score(make_pipeline(FunctionTransformer(), model), frame, y, cv=2).shape == (2,)
    search = GridSearchCV(model, {"hidden_layer_sizes": [(4,), (8,)]}, cv=2).fit(frame, y)
    assert search.best_estimator_.predict(frame).shape == (240,)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_frames_of_other_libraries(library: str) -> None:
    module = pytest.importorskip(library)
    frame = table(60)[["age", "pay", "town", "member", "hired", "answer"]]
    other = module.from_pandas(frame) if library == "polars" else module.Table.from_pandas(frame)
    wanted = sp.Classifier(**FEW).fit(frame, "answer").predict_proba(frame)
    model = sp.Classifier(**FEW).fit(other, "answer")
    np.testing.assert_allclose(model.predict_proba(other), wanted, atol=1e-6)


# -- files


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_files_hold_the_same_table(tmp_path: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    frame = table()[["age", "pay", "gain", "town", "club", "hired", "member", "same", "answer"]]
    path = tmp_path / f"table.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    found = read_labelled(path, "answer")
    assert str(found.inputs["hired"].dtype).startswith("datetime64")
    wanted = sp.Classifier(**FEW).fit(frame, "answer")
    model = sp.Classifier(**FEW).fit(path, "answer")
    np.testing.assert_allclose(model.predict_proba(path), wanted.predict_proba(frame), atol=1e-5)


def test_a_header_is_known_by_the_target(tmp_path: Path) -> None:
    path = tmp_path / "years.csv"
    rows = "".join(f"{i % 7},{i % 5},{'xy'[i % 2]}\n" for i in range(40))
    path.write_text("2019,2020,kind\n" + rows)
    assert list(read_labelled(path, "kind").inputs.columns) == ["2019", "2020"]
    path.write_text("39,5,x\n" + rows)
    assert len(read_labelled(path, "x2").inputs) == 41
    path.write_text("a,a,kind\n" + rows)
    with pytest.raises(DataError, match="the column name 'a' appears twice"):
        read_labelled(path, "kind")
    path.write_text("a,b,kind\n" + rows + "1,two,x\n")
    with pytest.raises(DataError, match="line 42, column 'b': found 'two'; a number is needed"):
        read_labelled(path, "kind")


@pytest.mark.usefixtures("empty_folder")
def test_the_command_line_from_table_to_answers(capsys: pytest.CaptureFixture[str]) -> None:
    frame = table().drop(columns=["amount", "took", "maybe", "empty"]).assign(name=[f"p-{i}" for i in range(240)])
    frame.to_csv("staff.csv", index=False)
    options = ["--seed", 0, "--epochs", 40, "--hidden-layer-sizes", 16]
    assert run("fit", "classifier", "staff.csv", "--y", "answer", *options) == 2
    assert "--leave-out name" in capsys.readouterr().err
    assert run("fit", "classifier", "staff.csv", "--y", "answer", "--leave-out", "name", "--run", "r", *options) == 0
    assert "Classifier of answer on 240 rows of 10 columns" in capsys.readouterr().out
    assert Path("r/report.html").exists()
    (command,) = json.loads(Path("r/run.json").read_text())["command"]
    assert "--leave-out name" in command
    table(seed=1)[frame.columns.drop(["name", "answer"])[::-1]].to_csv("new.csv", index=False)
    assert run("predict", "r", "new.csv", "-o", "answers.csv") == 0
    assert "warning" not in capsys.readouterr().err
    answers = pd.read_csv("answers.csv")
    assert (answers["answer"] == table(seed=1)["answer"]).mean() > 0.8
    table(3, seed=1).assign(town="Oslo", age=None).to_csv("three.csv", index=False)
    assert run("predict", "r", "three.csv") == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("row,answer,probability")
    lines = [line for line in shown.err.splitlines() if line.startswith("warning")]
    assert [line.split("'")[1] for line in lines] == ["age", "town"]
    assert run("judge", "r", "--data", "staff.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["seen"]
    assert run("schema", "staff.csv", "-o", "s.toml", "--leave-out", "name") == 0
    assert run("fit", "regressor", "staff.csv", "--y", "age", "--schema", "s.toml", "--run", "q", *options) == 0
    assert sp.load("q").inputs_.names == tuple(column for column in frame.columns if column not in ("age", "name"))


def test_columns_named_by_numbers() -> None:
    frame = pd.DataFrame({0: ["a", "b"] * 20, 1: np.arange(40) % 7})
    model = sp.Classifier(**FEW).fit(frame, frame[1] > 3)
    assert model.inputs_.columns[0] == Column("0", "category", str(frame[0].dtype), labels=("a", "b"))
    assert np.array_equal(model.predict(frame[[1, 0]]), model.predict(frame))
