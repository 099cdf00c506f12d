"""The judge on tables of any columns: against scipy and pandas, and samples whose fault is known."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
from scipy.stats import ks_2samp

import sparring as sp
from sparring.cli import main
from sparring.data.mixed import MixedSchema
from sparring.errors import DataError, InputError
from sparring.judging import Verdict, compared, judge, marginals
from sparring.judging.compared import Compared, drawn
from sparring.judging.floor import beside_splits
from sparring.judging.marginals import Marginals, kolmogorov_smirnov, total_variation
from sparring.judging.said import MOST_SHOWN, sections
from sparring.judging.together import Grid, pairs_apart, shares_together
from sparring.judging.verdict import LOWER, grade
from sparring.record import Record
from sparring.report import verdict_lines, write_report
from sparring.seeds import derive

KINDS = {"age": "integer", "town": "category", "pay": "continuous", "works": "boolean", "since": "date"}


def staff(n: int, seed: int) -> pd.DataFrame:
    """Numbers with a lump and gaps, labels, booleans, dates; pay follows age, and the town of those who work."""
    rng = np.random.default_rng(seed)
    age, works = rng.integers(18, 70, n), rng.random(n) < 0.7
    pay = np.where(works, (40 * age + 300 * rng.normal(size=n)).round(2), 0.0)
    return pd.DataFrame(
        {
            "age": age,
            "town": np.where(works & (rng.random(n) < 0.6), "Bern", rng.choice(["Basel", "Lyon"], n)),
            "pay": np.where(rng.random(n) < 0.1, np.nan, pay),
            "works": works,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )


TRAIN, TEST = staff(700, 1), staff(300, 2)


def by_name(verdict: Verdict) -> dict[str, Any]:
    return {column.name: column for column in verdict.columns}


@pytest.fixture(scope="module")
def honest() -> Verdict:
    return judge(staff(300, 3), TRAIN, TEST, draws=3)


# -- the measures, against others


@pytest.mark.parametrize("seed", range(4))
def test_the_gap_of_distributions_is_scipys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = np.maximum(rng.normal(size=80), 0), np.maximum(rng.normal(size=110) + 0.2, 0).round(1)  # with lumps
    assert kolmogorov_smirnov(one, other) == pytest.approx(ks_2samp(one, other).statistic, abs=1e-12)


def test_columns_are_what_scipy_and_pandas_say(honest: Verdict) -> None:
    fake, found = staff(300, 3), by_name(honest)  # all three draws are all of its rows
    assert {name: column.kind for name, column in found.items()} == KINDS
    for name in ("age", "pay", "since"):
        numbers = [side[name].dropna().astype("int64" if name == "since" else float) for side in (fake, TEST)]
        assert found[name].apart.value == pytest.approx(ks_2samp(*numbers).statistic, abs=1e-9)
        assert found[name].apart.name == "kolmogorov_smirnov"
    for name in ("town", "works"):
        shares = [side[name].value_counts(normalize=True) for side in (fake, TEST)]
        assert found[name].apart.value == pytest.approx((shares[0] - shares[1]).abs().sum() / 2)
        assert found[name].apart.name == "total_variation"
    gaps = abs(fake["pay"].isna().mean() - TEST["pay"].isna().mean())
    assert found["pay"].missing.value == pytest.approx(gaps)
    assert found["age"].missing is None
    values = [column.apart.value for column in honest.columns]
    assert honest["columns"].value == pytest.approx(np.mean(values))


def test_total_variation_by_hand() -> None:
    assert total_variation(np.array([0.0, 0, 1, 2]), np.array([0.0, 1, 1, 3])) == 0.5
    assert total_variation(np.array([0.0]), np.array([1.0])) == 1
    assert total_variation(np.empty(0), np.array([1.0])) == kolmogorov_smirnov(np.array([1.0]), np.empty(0)) == 1
    assert total_variation(np.empty(0), np.empty(0)) == 0


def test_pairs_are_what_a_crosstab_says() -> None:
    rng = np.random.default_rng(0)
    codes = [np.stack([rng.integers(0, size, n) for size in (3, 2, 4)], axis=1) for n in (50, 70)]
    found = pairs_apart(*(shares_together(side, [3, 2, 4]) for side in codes), [3, 2, 4])
    for place, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)]):
        tables = [pd.crosstab(side[:, a], side[:, b], normalize=True) for side in codes]
        expected = (tables[0] - tables[1].reindex_like(tables[0]).fillna(0)).abs().to_numpy().sum() / 2
        assert found[place] == pytest.approx(expected, abs=1e-6)


def test_a_grid_has_places_for_lumps_rare_labels_and_gaps() -> None:
    numbers = np.concatenate([np.zeros(60), np.linspace(1, 2, 40), [np.nan]])
    grid = Grid.of(numbers, labelled=False)
    codes = grid(np.array([-1.0, 0.0, 0.5, 2.0, np.nan]))
    assert codes[1] not in codes[[0, 2, 3, 4]]
    assert codes[4] == grid.size - 1
    labels = Grid.of(np.repeat(np.arange(12.0), np.arange(12, 0, -1)), labelled=True)
    assert labels(np.array([0.0, 7.0, 8.0, 11.0, -1.0, np.nan])).tolist() == [0, 7, 8, 8, 8, 9]


# -- chance


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.9, 1.0), (0.12, 0.0, 0.1)])
def test_a_share_near_its_floor_by_luck_is_not_held_against_samples(shift: float, least: float, most: float) -> None:
    """A column of yes and no, with all rows in every draw: how often samples of a law are graded good."""
    rng, good = np.random.default_rng(0), 0
    for _ in range(100):
        train, test, fake = (rng.random((n, 1)) < 0.25 + s for n, s in ((1200, 0), (400, 0), (400, shift)))
        known = Marginals.of(train.astype(float), (True,), rng)
        real = known.against(test.astype(float))
        floors = np.array(
            [real.measured(train[rng.permutation(1200)[:400]].astype(float)).columns[0] for _ in range(5)]
        )
        splits = known.splits(np.concatenate([train, test]).astype(float), 400, rng)
        value = np.repeat(real.measured(fake.astype(float)).columns[0], 5)
        good += grade(LOWER, *beside_splits(value, floors, np.array([s.columns[0] for s in splits]), 1.0)) == "good"
    assert least <= good / 100 <= most


def test_a_floor_of_zero_has_no_interval() -> None:
    assert beside_splits(np.ones(2), np.zeros(2), np.zeros(5), 1.0) == (1.0, 0.0, None)


# -- samples whose fault is known


def test_samples_of_the_same_law_are_good(honest: Verdict) -> None:
    assert "ranks of numbers" in honest.space
    assert honest["columns"].grade == honest["pairs"].grade == honest["near_copies"].grade == "good"
    assert {column.apart.grade for column in honest.columns} == {"good"}
    assert len(honest.pairs) == 3


def test_a_shuffled_column_is_seen_in_pairs_and_not_in_columns(honest: Verdict) -> None:
    fake = staff(300, 3)
    fake["pay"] = np.random.default_rng(0).permutation(fake["pay"])
    found = judge(fake, TRAIN, TEST, draws=3)
    assert found["columns"].value == pytest.approx(honest["columns"].value)
    assert found["pairs"].value > 1.2 * honest["pairs"].value
    assert set(found.pairs[0].names) == {"pay", "works"}
    assert found.pairs[0].apart.grade in ("poor", "broken")
    assert found["pairs"].grade != "good"


def test_a_wrong_column_is_named_first() -> None:
    def wrong(n: int, seed: int) -> pd.DataFrame:
        return staff(n, seed + 50).assign(town="Bern")

    found = judge(wrong, TRAIN, TEST, draws=3)
    assert found.columns[0].name == "town"
    assert found.columns[0].far
    assert "far off by themselves: town;" in found.summary


def test_gaps_that_are_not_made_are_seen() -> None:
    found = by_name(judge(staff(300, 3).fillna({"pay": 900.0}), TRAIN, TEST, draws=3))
    assert found["pay"].missing.value == pytest.approx(TEST["pay"].isna().mean())
    assert found["pay"].missing.grade != "good"


def test_labels_that_never_were_count_as_wrong() -> None:
    fake = staff(300, 3)
    fake.loc[:149, "town"] = "Paris"
    assert by_name(judge(fake, TRAIN, TEST, draws=2))["town"].apart.value >= 0.5


def test_a_copied_table_shows_in_privacy() -> None:
    found = judge(TRAIN.iloc[:300].reset_index(drop=True), TRAIN, TEST, draws=3)
    assert found["exact_copies"].value == 1  # gaps too: two missing values are equal
    assert found["exact_copies"].grade == found["near_copies"].grade == "broken"
    privacy = str(found).split("\nPrivacy\n")[1]
    for said in ("near_copies", "exact_copies", "nearer_to_training", "broken", "no differential privacy"):
        assert said in privacy
    assert "exact_copies" not in str(found).split("\nPrivacy\n", maxsplit=1)[0]


# -- large tables


def test_of_a_large_table_a_part_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "COMPARED", 150)
    found = judge(TRAIN, TRAIN, TEST, draws=3)
    assert found.compared == Compared(150, 700, 150, 300, 700)
    assert found["exact_copies"].value == 1  # of all training rows
    assert 0.1 < found["near_copies"].value < 0.5  # 150 of 700 are compared, and few others lie near them
    privacy = str(found).split("\nPrivacy\n")[1]
    assert "Compared with 150 of 700 training rows and 150 of 300 held-out rows, drawn by chance." in privacy
    assert "exact ones were looked for among all of them" in privacy
    assert judge(TRAIN, TRAIN, TEST, draws=3) == found
    other = judge(TRAIN, TRAIN, TEST, draws=3, random_state=1)
    assert other["near_copies"].value != found["near_copies"].value
    assert Verdict.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_what_is_compared_is_what_a_part_alone_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "COMPARED", 150)
    parts = [drawn(len(side), 150, derive(0, name)) for side, name in ((TRAIN, "train"), (TEST, "test"))]
    alone = [side.iloc[rows].reset_index(drop=True) for side, rows in zip((TRAIN, TEST), parts, strict=True)]
    labels = TRAIN["town"].to_numpy()
    schema, fake = MixedSchema.of(TRAIN), staff(300, 3).assign(pay=lambda t: t["pay"] + 0.001)  # which none has
    whole = judge(fake, TRAIN, TEST, draws=3, schema=schema, labels=labels)
    own = judge(fake, *alone, draws=3, schema=schema, labels=labels[parts[0]], out_of=(700, 300))
    assert own.figures == whole.figures
    assert own.compared == replace(whole.compared, exact=150)
    assert "exact ones were looked for among 150 of them" in str(own)
    assert "no sign of copying the 150 training rows compared" in whole.summary


def test_a_large_table_of_numbers_and_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "COMPARED", 50)
    rng = np.random.default_rng(0)
    fake, train, test = (rng.normal(size=(n, 4)) for n in (60, 300, 100))
    assert judge(fake, train, test, draws=2).compared == Compared(50, 300, 50, 100, 300)
    images = judge(*(side.reshape(-1, 2, 2) for side in (fake, train, test)), draws=2)
    assert images.compared == Compared(300, 300, 100, 100, 300)
    assert "Compared with" not in str(images)


# -- one rule for all


def test_a_model_is_judged_as_its_samples_are() -> None:
    gan = sp.GAN(steps=5, random_state=0, probes=False).fit(TRAIN)
    own = gan.judge(TEST, TRAIN, draws=2)
    other = judge(lambda n, seed: gan.sample(n, random_state=seed), TRAIN, TEST, draws=2)
    assert own == other
    assert {column.name for column in own.columns} == set(KINDS)


@pytest.mark.parametrize("kind", ["polars", "arrow"])
def test_frames_of_other_libraries(honest: Verdict, kind: str) -> None:
    frames = [polars.from_pandas(side) for side in (staff(300, 3), TRAIN, TEST)]
    found = judge(*(side.to_arrow() if kind == "arrow" else side for side in frames), draws=3)
    assert [figure.value for figure in found.figures] == pytest.approx([figure.value for figure in honest.figures])


def test_plain_numbers_are_measured_as_before_and_by_columns_too() -> None:
    rng = np.random.default_rng(0)
    fake, train, test = (rng.normal(size=(n, 3)) for n in (100, 300, 100))
    frames = [pd.DataFrame(side, columns=["a", "b", "c"]) for side in (fake, train, test)]
    plain, named = judge(fake, train, test, draws=3), judge(*frames, draws=3)
    assert [figure for figure in named.figures if figure.name not in ("columns", "pairs")] == list(plain.figures)
    assert named.space == plain.space == "standard deviations of the training columns"
    assert plain.columns == plain.pairs == ()
    assert by_name(named)["b"].apart.value == pytest.approx(ks_2samp(fake[:, 1], test[:, 1]).statistic)
    assert judge(frames[0][["c", "a", "b"]], *frames[1:], draws=3) == named


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train": TRAIN.assign(id=np.arange(700))}, "train: .*'id' is an identifier"),
        ({"train": TRAIN.assign(id=np.arange(700)), "leave_out": ["idd"]}, "no column 'idd' to leave out"),
        ({"fake": np.zeros((300, 5))}, "fake: a DataFrame with the columns"),
        ({"test": TEST.drop(columns="pay")}, "test: there is no column 'pay'"),
        ({"fake": staff(300, 3).assign(pay=np.inf)}, "fake, column 'pay', row 0: every number must be finite"),
        ({"fake": staff(300, 3).assign(age="old")}, "fake: column 'age' must hold numbers"),
        ({"schema": MixedSchema.of(TRAIN), "leave_out": ["age"]}, "a schema says which are looked at"),
        ({"train": TRAIN.to_numpy(), "leave_out": ["age"]}, "columns can be left out of a table"),
    ],
)
def test_tables_that_cannot_be_judged(change: dict[str, Any], said: str) -> None:
    with pytest.raises((DataError, InputError), match=said) as refusal:
        judge(**{"fake": staff(300, 3), "train": TRAIN, "test": TEST, **change})
    assert "\n" not in str(refusal.value)


def test_columns_can_be_left_out(honest: Verdict) -> None:
    assert judge(staff(300, 3), TRAIN.assign(id=np.arange(700)), TEST, leave_out=["id"], draws=3) == honest


def test_of_very_many_columns_some_pairs_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marginals, "MOST_PAIRED", 4)
    found = judge(staff(300, 3), TRAIN, TEST, draws=2)
    assert "pairs are those of 4 columns out of 5, drawn at random." in found.notes


# -- as text and files


def test_a_verdict_on_a_table_survives_json(honest: Verdict) -> None:
    plain = json.loads(json.dumps(honest.to_json(), allow_nan=False))
    assert Verdict.from_json(plain) == honest
    assert plain["privacy"]["figures"] == ["near_copies", "exact_copies", "nearer_to_training"]


def test_a_verdict_of_former_times_still_loads(honest: Verdict) -> None:
    old = {name: value for name, value in honest.to_json().items() if name not in ("columns", "pairs", "privacy")}
    found = Verdict.from_json(json.loads(json.dumps(old)))
    assert found.figures == honest.figures
    assert found.columns == found.pairs == ()
    assert "Columns" not in str(found)


def test_long_tables_are_cut_in_text_and_whole_in_markdown() -> None:
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame(rng.normal(size=(n, 20)), columns=[f"c|{i}" for i in range(20)]) for n in (60, 150, 60)]
    found = judge(*frames, draws=2)
    assert f"{20 - MOST_SHOWN} more rows in this order are not shown." in str(found)
    assert sum(f"c\\|{i} (number)" in found.to_markdown() for i in range(20)) == 20
    assert str(found).count("(number)") == MOST_SHOWN
    assert [part.heading for part in sections(found.to_json())][1:3] == [
        "Columns, the worst first",
        "Columns that go together worst",
    ]


@pytest.mark.parametrize("width", [24, 60, 120])
def test_names_of_columns_cannot_command_a_terminal_or_a_page(width: int, tmp_path: Path) -> None:
    evil = "<script>\x1b[2J" + "very long " * 9
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame(rng.normal(size=(n, 2)), columns=[evil, "b"]) for n in (60, 150, 60)]
    plain = judge(*frames, draws=2).to_json()
    lines = verdict_lines(plain, width)
    assert "".join(lines).isprintable()
    assert max(map(len, lines)) <= width
    assert "Columns, the worst first" in " ".join(" ".join(lines).split())
    assert "Columns" not in "".join(verdict_lines(plain, width, meanings=False))
    record = Record.create(tmp_path / "run", {"kind": "gan", "status": "finished"})
    record.verdict_path.write_text(json.dumps(plain))
    html = write_report(record.folder).read_text()
    assert "&lt;script&gt;" in html
    assert "<script>\x1b" not in html


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    TRAIN.assign(id=np.arange(700)).to_csv("train.csv", index=False)
    TEST.to_csv("test.csv", index=False)
    TEST.to_parquet("test.parquet")
    staff(300, 3).to_csv("made.csv", index=False)
    return tmp_path


def test_samples_in_files_are_judged(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("judge", "made.csv", "--train", "train.csv")
    assert run(*words, "--data", "test.csv", "--leave-out", "id") == 0
    out = capsys.readouterr().out
    for said in ("pay (continuous)", "pay, missing", "since (date)", "Columns that go together worst", "Privacy"):
        assert said in out
    assert run(*words, "--data", "test.parquet", "--leave-out", "id", "--json") == 0
    assert {column["name"] for column in json.loads(capsys.readouterr().out)["columns"]} == set(KINDS)
    assert run(*words, "--data", "test.csv") == 2
    err = capsys.readouterr().err
    assert "'id' is an identifier" in err
    assert len(err.strip().splitlines()) == 1
    TEST.drop(columns="town").to_csv("test.csv", index=False)
    assert run(*words, "--data", "test.csv", "--leave-out", "id") == 2
    assert "there is no column 'town'" in capsys.readouterr().err


def test_plain_numbers_in_parquet(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for name, n in (("made", 60), ("train", 150), ("test", 60)):
        pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"]).to_parquet(f"{name}.parquet")
    assert run("judge", "made.parquet", "--train", "train.parquet", "--data", "test.parquet") == 0
    assert "a (number)" in capsys.readouterr().out


def test_a_run_is_judged_and_its_report_shows_columns(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = ("fit", "gan", "train.csv", "--leave-out", "id", "--run", "run", "--steps", "5", "--seed", "0")
    assert run(*fit) == 0
    assert run("judge", "run", "--data", "test.csv") == 0
    out = capsys.readouterr().out
    assert "Columns, the worst first" in out
    assert "no differential privacy" in " ".join(out.split())
    html = Path("run/report.html").read_text()
    for said in ("Columns, the worst first", "Columns that go together worst", "Privacy", "pay (continuous)"):
        assert said in html
    assert "Pairs that fit worst" not in html  # the verdict names them, beside held-out rows
    assert run("judge", "run", "--data", "test.csv", "--leave-out", "id") == 2
    assert "--leave-out is for samples in a file" in capsys.readouterr().err
