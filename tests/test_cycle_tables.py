"""CycleGANs between tables of any columns: matching, ranks and places, what comes out, and bad input."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import rankdata
from torch import Tensor

import sparring as sp
from sparring.data.mixed import MixedSchema
from sparring.data.sides import read_sides
from sparring.data.standing import Standing
from sparring.errors import DataError, InputError, Interrupted
from sparring.estimators.cycle_tables import straying, table_translator
from sparring.judging.table_truth import usual_row
from sparring.networks import Choices, Places, Placing, Ranking
from sparring.report import write_report
from sparring.run import Progress
from sparring.transport.matching import Part, matchings

TOWNS, REGIONS = np.array(["Ulm", "Bonn", "Jena"]), np.array(["north", "east", "west"])


def _people(n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same people as two tables tell them: other names, units, labels, order; and a truth that is known."""
    rng = np.random.default_rng(seed)
    female = rng.random(n) < 0.6
    town = rng.choice(3, n, p=[0.55, 0.3, 0.15])
    height = np.where(female, 166, 179) + rng.normal(0, 6, n)
    wage = np.exp(rng.normal(0, 0.4, n) + 0.5 * town)
    gap = rng.random(n) < np.where(female, 0.05, 0.3)
    since = (rng.gamma(3, 500, n) * (1 + female)).astype(int)
    a = pd.DataFrame(
        {
            "cm": height.round(1),
            "woman": female,
            "town": TOWNS[town],
            "wage": np.where(gap, np.nan, (1000 * wage).round(2)),
            "since": pd.Timestamp("2024-01-01") - pd.to_timedelta(since, unit="D"),
        }
    )
    b = pd.DataFrame(
        {
            "region": pd.Categorical(REGIONS[town], categories=["east", "north", "west"]),
            "days": since,
            "inches": (height / 2.54).round(2),
            "pay": pd.array(np.where(gap, 0, (12_000 * wage).round(-1)), dtype="Int64"),
            "sex": np.where(female, "f", "m"),
        }
    )
    b["pay"] = b["pay"].mask(gap)
    return a, b


A, B = _people(900, 0)[0], _people(800, 1)[1]
A_TEST, B_TEST = _people(150, 2)


def _make(run: Path | None = None, **more: Any) -> sp.CycleGAN:
    given = {"steps": 12, "batch_size": 16, "random_state": 3, "run": run, "checkpoint_every": 5, "threads": 1}
    return sp.CycleGAN(**{**given, **more})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> sp.CycleGAN:
    return _make(tmp_path_factory.mktemp("fitted") / "run", validation_fraction=0.1).fit(A, B)


# -- which column is which


def _parts(values: np.ndarray, *labels: np.ndarray) -> list[Part]:
    standard = (values - values.mean(0)) / values.std(0)
    numbers = [Part(column, np.zeros(len(column), np.int64), 1) for column in standard.T]
    return [*numbers, *(Part(None, codes, codes.max() + 1) for codes in labels)]


def test_renamed_columns_turned_numbers_and_labels_of_unequal_shares_are_found_exactly() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.choice(4, 3000, p=[0.4, 0.3, 0.2, 0.1]), rng.choice(3, 3000, p=[0.5, 0.3, 0.2])
    values = rng.exponential(size=(3000, 4)) + 0.5 * one[:, None] * [1, -1, 2, 0] + other[:, None] * [0, 1, 0, -0.3]
    order, signs = np.array([2, 0, 3, 1]), np.array([1, -1, 1, -1])
    renamed = np.array([3, 1, 0, 2])
    shuffled = rng.permutation(3000)  # rows are in another order: no pair is known
    a = _parts(values, one, other)
    b = _parts((values[:, order] * signs)[shuffled], other[shuffled], renamed[one][shuffled])
    best, second = matchings(a, b, 2, seed=1)
    assert {(i, j, sign) for i, j, sign in best.numbers} == {(order[j], j, signs[j]) for j in range(4)}
    assert {(i, j): dict(places) for i, j, places in best.labels} == {
        (4, 5): dict(enumerate(renamed)),
        (5, 4): {0: 0, 1: 1, 2: 2},
    }
    assert best.gap == pytest.approx(0, abs=1e-9)
    assert second.gap > 0.01


def test_a_column_too_many_on_a_side_has_no_partner() -> None:
    rng = np.random.default_rng(0)
    codes = rng.choice(3, 2000, p=[0.6, 0.3, 0.1])
    values = rng.normal(size=(2000, 2)) + codes[:, None] * [1, 2]
    (best,) = matchings(_parts(values, codes), _parts(values[:, 1:], codes, rng.choice(2, 2000)))
    assert best.numbers == ((1, 0, 1),)
    assert best.labels == ((2, 1, ((0, 0), (1, 1), (2, 2))),)


# -- ranks and places


def _places(schema: MixedSchema) -> Places:
    found = Standing.of(schema)
    told = (torch.from_numpy(x) for x in (found.number, found.middle, found.half, found.lump))
    return Places(schema.parts, schema.spans, *told, found.scalars)  # type: ignore[call-arg]


def test_numbers_are_told_by_their_ranks_among_the_rows() -> None:
    """Against scipy's ranks, ties at their middle; bins are straight lines between quantiles."""
    schema = MixedSchema.of(A)
    found = Ranking(_places(schema))(torch.from_numpy(schema.encode(A))).numpy()
    assert found.shape == (900, 3)  # cm, wage, since
    known = A["wage"].notna()
    for i, values in enumerate((A["cm"], A["wage"][known], A["since"].astype("int64"))):
        ranks = (rankdata(values) - 0.5) / len(values)
        mine = found[known, i] if i == 1 else found[:, i]
        assert np.abs(mine - ranks).max() < 0.02
    assert (found[~known, 1] == 0.5).all()


def test_a_row_is_made_again_of_its_ranks_and_labels() -> None:
    schema = MixedSchema.of(A)
    layout, x = _places(schema), torch.from_numpy(schema.encode(A))
    own = torch.where(layout.number >= 0, 0, 4 * x[:, : layout.count] - 2)
    numbers = Placing(layout)(torch.cat([own, Ranking(layout)(x)], dim=1))
    made = schema.decode(Choices(schema.parts, schema.spans)(numbers).numpy())
    for name in ("woman", "town"):
        assert (made[name] == A[name]).all()
    assert (made["wage"].isna() == A["wage"].isna()).all()
    assert (made["cm"] - A["cm"]).abs().max() <= 0.5
    assert ((made["wage"] - A["wage"]).abs() / A["wage"]).max() < 0.1
    assert (made["since"] - A["since"]).abs().mean() < pd.Timedelta(days=20)


def test_a_translator_learns_with_every_weight_and_each_row_by_itself() -> None:
    a, b = MixedSchema.of(A), MixedSchema.of(B)
    torch.manual_seed(0)
    network = table_translator(a, b, (16, 16), None)
    with torch.no_grad():
        for value in network.map.residual[-1].parameters():
            value.normal_(std=0.1)
    x = torch.from_numpy(a.encode(A[:64]))
    made = network(x)
    assert made.shape == (64, *b.shape)
    (made * torch.randn_like(made)).sum().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
        assert value.grad.abs().sum() > 0, name
    torch.testing.assert_close(network(x[5:6]), made[5:6])
    again = table_translator(a, b, (16, 16), None)
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(x), made)


# -- how far rows are apart


def test_labels_that_differ_are_one_apart_and_numbers_their_ranks() -> None:
    schema = MixedSchema.of(A)
    changed = A[:2].copy()
    changed["town"] = TOWNS[[1, 1]]
    changed["cm"] = A["cm"].quantile([0.25, 0.75]).to_numpy()
    found = schema.apart_by_column(A[:2], changed)
    assert list(found) == list(A.columns)
    assert found["town"].tolist() == pytest.approx((A["town"][:2] != "Bonn").astype(float).tolist())
    ranks = [(A["cm"] < value).mean() for value in A["cm"][:2]]
    assert found["cm"].tolist() == pytest.approx(np.abs(np.array(ranks) - [0.25, 0.75]).tolist(), abs=0.02)
    assert schema.apart(A[:2], changed).tolist() == pytest.approx(np.mean(list(found.values()), axis=0).tolist())
    assert schema.apart(A, A).max() == 0


def test_the_cycle_s_loss_is_the_mean_over_cells_and_draws_at_what_is_wrong_alone() -> None:
    """Tables without gaps, so that one sum says it: |ranks| of two numbers, and whether two labels differ."""
    frame = A[["cm", "woman", "town", "since"]]
    schema = MixedSchema.of(frame)
    x = torch.from_numpy(schema.encode(frame))
    other = x.roll(1, 0)
    labels = (frame[["woman", "town"]].to_numpy() != np.roll(frame[["woman", "town"]].to_numpy(), 1, 0)).sum(1)
    ranks = Ranking(_places(schema))
    expected = (labels + (ranks(x) - ranks(other)).abs().sum(1).numpy()).mean() / 4
    stray = straying(schema, torch.device("cpu"))
    assert float(stray(torch.nn.Identity(), other, x)) == pytest.approx(expected, rel=1e-5)
    numbers = torch.zeros(1, schema.shape[0])
    start, size = int(schema.starts[2]), schema.parts[2]
    for right in (True, False):
        choice = Choices(schema.parts, schema.spans)
        given = numbers.clone().index_fill_(1, torch.tensor([start + (0 if right else 1)]), 1.0).requires_grad_()
        rows = torch.zeros_like(numbers).index_fill_(1, torch.tensor([start]), 1.0)
        stray(lambda x, choice=choice: choice(x), given, rows).backward()  # type: ignore[arg-type]
        slope = given.grad
        assert isinstance(slope, Tensor)
        label = slope[0, start : start + size]
        assert bool((label == 0).all()) == right
        assert right or label[0] < 0 < label[1]  # a step down raises the true place, and lowers the chosen one


# -- what comes out


def test_labels_units_dates_and_gaps_find_their_partners(fitted: sp.CycleGAN) -> None:
    made, back = fitted.transform(A_TEST), fitted.inverse_transform(B_TEST)
    assert made.dtypes.to_dict() == B.dtypes.to_dict()
    assert back.dtypes.to_dict() == A.dtypes.to_dict()
    assert (made["region"] == B_TEST["region"]).all()
    assert (made["sex"] == B_TEST["sex"]).all()
    assert (made["pay"].isna() == B_TEST["pay"].isna()).all()
    assert (back["woman"] == A_TEST["woman"]).all()
    assert (back["town"] == A_TEST["town"]).all()
    for one, other, spread in (
        (made["inches"], B_TEST["inches"], B["inches"].std()),
        (made["pay"], B_TEST["pay"], B["pay"].std()),
        (made["days"], B_TEST["days"], B["days"].std()),
        (back["cm"], A_TEST["cm"], A["cm"].std()),
    ):
        assert (one - other).abs().mean() < 0.3 * float(spread)
    assert (made["pay"].dropna() % 1 == 0).all()
    assert (made["inches"].round(2) == made["inches"]).all()
    assert made["inches"].between(B["inches"].min(), B["inches"].max()).all()
    assert fitted.start_.said == "columns and labels matched by second moments"
    error = fitted.cycle_error(A_TEST)
    assert error.shape == (150,)
    assert error.mean() < 0.05
    again = fitted.inverse_transform(made)  # settled to labels and decimals between, so not quite the same
    assert fitted.schema_a_.apart(again, A_TEST).mean() == pytest.approx(error.mean(), abs=0.02)


def test_the_judge_says_how_near_beside_floors_and_the_truth(fitted: sp.CycleGAN) -> None:
    verdict = fitted.judge(A_TEST, B_TEST, pairs=True, draws=4)
    for way, schema, truth_rows in (("A to B", fitted.schema_b_, B_TEST), ("B to A", fitted.schema_a_, A_TEST)):
        found = verdict[way]
        assert {"w1", "columns", "pairs"} <= {figure.name for figure in found.verdict.figures}
        assert found.verdict["w1"].grade == "good"
        truth = found.truth
        assert truth is not None
        columns = {column.name: column for column in truth.columns}
        made = fitted.transform(A_TEST) if way == "A to B" else fitted.inverse_transform(B_TEST)
        apart = schema.apart_by_column(made, truth_rows)
        assert {name: column.error for name, column in columns.items()} == pytest.approx(
            {name: values.mean() for name, values in apart.items()}
        )
        assert truth["translated"].mae == pytest.approx(schema.apart(made, truth_rows).mean())
        assert "as it is" not in [error.name for error in truth.errors]
    columns = {column.name: column for column in verdict["A to B"].truth.columns}  # type: ignore[union-attr]
    assert columns["region"].error == 0
    assert columns["region"].usual == pytest.approx((B_TEST["region"] != "north").mean())
    assert "- region: wrong in 0.0% (always the commonest:" in str(verdict)
    assert type(verdict).from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict
    shuffled = np.stack([np.arange(150), np.random.default_rng(0).permutation(150)], axis=1)
    wrong = fitted.judge(A_TEST, B_TEST, pairs=shuffled, draws=2)["A to B"].truth
    assert wrong is not None
    assert wrong["translated"].mae > 5 * verdict["A to B"].truth["translated"].mae  # type: ignore[index]


def test_the_usual_row_is_the_commonest_label_and_the_middle_number() -> None:
    row = usual_row(MixedSchema.of(A), A).iloc[0]
    assert row["town"] == "Ulm"
    assert row["woman"]
    assert row["cm"] == pytest.approx(A["cm"].median(), abs=0.1)
    assert usual_row(MixedSchema.of(A), A.assign(wage=A["wage"].where(A.index < 300))).isna()["wage"].item()


def test_a_saved_model_translates_as_before_and_its_report_shows_both_sides(
    fitted: sp.CycleGAN, tmp_path: Path
) -> None:
    fitted.judge(A_TEST, B_TEST, pairs=True, draws=2)
    fitted.save(tmp_path / "kept")
    for folder in (tmp_path / "kept", fitted.record_.folder):
        loaded = sp.load(folder)
        pd.testing.assert_frame_equal(loaded.transform(A_TEST), fitted.transform(A_TEST))
        pd.testing.assert_frame_equal(loaded.inverse_transform(B_TEST), fitted.inverse_transform(B_TEST))
        assert loaded.verdict_ == fitted.verdict_
    page = write_report(fitted.record_.folder).read_text()
    for words in ("Columns of B, and of G(A)", "Columns of A, and of F(B)", "Always the usual value", "region"):
        assert words in page


@pytest.mark.parametrize(("restarts", "at"), [(1, 7), (2, 3)], ids=["game", "restarts"])
def test_a_stopped_run_ends_with_the_same_bits(tmp_path: Path, restarts: int, at: int) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == at:
            raise KeyboardInterrupt

    more = {"restarts": restarts, "restart_steps": 5, "buffer": 20}
    a, b = A[:150], B[:150]
    straight = _make(tmp_path / "straight", **more).fit(a, b)
    with pytest.raises((Interrupted, KeyboardInterrupt)):
        _make(tmp_path / "stopped", verbose=stop, **more).fit(a, b)
    resumed = sp.CycleGAN.resume(tmp_path / "stopped", a, b)
    name = Path("checkpoint") / f"step-{straight.record_.about['steps']:08d}" / "state.safetensors"
    assert (tmp_path / "straight" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()
    assert straight.record_.rows() == resumed.record_.rows()
    assert straight.restarts_ == resumed.restarts_
    with pytest.raises(DataError, match="B has changed since the run began"):
        sp.CycleGAN.resume(tmp_path / "stopped", a, b.iloc[::-1])


# -- which way tables go


def test_tables_of_numbers_alone_go_as_they_ever_did() -> None:
    lumps = pd.DataFrame({"x": np.arange(60) % 3, "y": np.sin(np.arange(60.0))})
    a, b = read_sides(lumps, lumps + 1)
    assert (a.schema.kind, b.schema.kind) == ("table", "table")
    a, b = read_sides(lumps, A)  # and as the other side does where that is mixed
    assert (a.schema.kind, b.schema.kind) == ("mixed table", "mixed table")


def test_numbers_beside_labels_are_translated(tmp_path: Path) -> None:
    A[["cm", "since"]].assign(since=A["since"].astype("int64") / 1e18).to_csv(tmp_path / "a.csv", index=False)
    model = _make(steps=2).fit(tmp_path / "a.csv", B)
    assert list(model.transform(tmp_path / "a.csv").columns) == list(B.columns)
    assert list(model.inverse_transform(B[:5]).columns) == ["cm", "since"]


def test_columns_of_the_same_names_go_together_and_identity_needs_them() -> None:
    other = A.sample(frac=1, random_state=0).assign(cm=A["cm"] + 10)
    model = _make(steps=2).fit(A, other)
    assert model.start_.said == "columns of the same names"
    made = model.transform(A_TEST)
    assert (made["town"] == A_TEST["town"]).all()
    assert (made["cm"] - A_TEST["cm"]).mean() == pytest.approx(10, abs=1)
    kept = _make(steps=4, identity=1.0).fit(A, other)
    assert kept.schema_a_ == kept.schema_b_
    assert "generators/A/identity" in kept.record_.rows()[-1]
    with pytest.raises(DataError, match="identity weights are for two tables with the same columns: A has 'cm', and B"):
        _make(identity=1.0).fit(A, B)
    with pytest.raises(DataError, match="column 'cm' is float64 in A and int64 in B"):
        _make(identity=1.0).fit(A, A.assign(cm=A["cm"].astype("int64")))


def test_ones_own_networks_for_tables() -> None:
    def generator(shape: tuple[int, ...], outputs: tuple[int, ...]) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Linear(shape[0], outputs[0]), torch.nn.Sigmoid())

    model = _make(steps=3, generator=generator).fit(A, B)
    assert list(model.transform(A[:5])["region"].dtype.categories) == ["east", "north", "west"]


# -- bad input


LETTERS = [f"a long remark number {i}, of words" for i in range(900)]


@pytest.mark.parametrize(
    ("a", "b", "more", "said"),
    [
        (
            A.assign(note=LETTERS),
            B,
            {},
            "^A: texts and identifiers cannot be made: column 'note' .* Leave such columns out",
        ),
        (A, B[:9], {}, r"^B: 9 row\(s\) in the data are too few"),
        (A, np.zeros((50, 3)), {}, "B is no table with names of columns, which the other side is"),
        (A, B, {"kind": "signal"}, "^A: "),
        (A, B, {"leave_out": ["cms"]}, "no column 'cms' to leave out, in A or B; did you mean 'cm'"),
        (A.assign(cm=1, woman=True, town="x", wage=2).drop(columns="since"), B, {}, "^A: every column is constant"),
    ],
    ids=["texts", "few", "array", "signal", "leave out", "constant"],
)
def test_bad_input_is_said_in_a_line(tmp_path: Path, a: Any, b: Any, more: dict, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        _make(tmp_path / "run", **more).fit(a, b)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_columns_that_are_left_out_are_passed_over() -> None:
    model = _make(steps=2, leave_out=["note"]).fit(A.assign(note=LETTERS), B)
    assert "note" not in model.inverse_transform(B[:3]).columns
    assert len(model.transform(A[:3])) == 3  # nor are they needed again


def test_rows_to_translate_must_be_like_those_learned_from(fitted: sp.CycleGAN) -> None:
    with pytest.raises(DataError, match="there is no column 'town'"):
        fitted.transform(A_TEST.drop(columns="town"))
    with pytest.raises(DataError, match="column 'town', row 7: 'Rome' is not one of Bonn, Jena, Ulm"):
        fitted.transform(A_TEST.assign(town=["Rome" if i == 7 else "Ulm" for i in range(150)]))
    with pytest.raises(DataError, match="column 'cm' has a missing value in row 0"):
        fitted.transform(A_TEST.assign(cm=np.nan))
    with pytest.raises(DataError, match="a table with the columns cm, woman"):
        fitted.transform(np.zeros((3, 5)))
    moved = A_TEST[A_TEST.columns[::-1]].assign(more=1)  # columns go by name
    pd.testing.assert_frame_equal(fitted.transform(moved), fitted.transform(A_TEST))
