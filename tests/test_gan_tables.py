"""GANs of mixed tables: from any columns to samples like them, and under conditions."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
import torch
from torch import nn

import sparring as sp
from sparring.data.mixed import MixedSchema
from sparring.errors import DataError, InputError
from sparring.estimators.design import settle
from sparring.networks import Choices, Ranked, Ranks, Skipping, begin_at_shares
from sparring.objectives import Moments
from sparring.training import RECIPES


def people(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Who earns more is older, and never without a job; the country follows from the city."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, n)
    city = rng.choice(["Bern", "Basel", "Lyon"], n, p=[0.5, 0.3, 0.2])
    works = rng.random(n) < 0.7
    return pd.DataFrame(
        {
            "age": age,
            "city": city,
            "country": np.where(city == "Lyon", "FR", "CH"),
            "income": np.where(works, (1000 + 50 * age + 300 * rng.normal(size=n)).round(2), 0.0),
            "works": works,
            "since": pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 3000, n), "D"),
            "note": pd.Series(rng.choice(["a", None], n)),
        }
    )


PEOPLE = people()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> sp.GAN:
    folder = tmp_path_factory.mktemp("table") / "run"
    return sp.GAN(steps=400, batch_size=200, random_state=0, probes=False, run=folder).fit(PEOPLE)


# -- networks


def test_the_largest_number_of_each_part_is_chosen() -> None:
    torch.manual_seed(0)
    numbers = torch.randn(50, 6)
    made = Choices([3, 2], [(1, 3)])(numbers)
    assert torch.equal(made[:, :3].argmax(1), numbers[:, :3].argmax(1))
    assert torch.equal(made[:, 3:5].argmax(1), numbers[:, 3:5].argmax(1))
    assert set(made[:, :5].unique().tolist()) == {0.0, 1.0}
    binned = made[:, 1] + made[:, 2] > 0
    torch.testing.assert_close(made[:, 5], torch.where(binned, numbers[:, 5].tanh(), 0.0))


def test_choices_have_the_gradient_of_the_softmax() -> None:
    logits = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, dtype=torch.float64)
    (Choices([3, 2], temperature=0.7)(logits) @ weight).sum().backward()
    other = logits.detach().clone().requires_grad_()
    soft = torch.cat([(other[:, :3] / 0.7).softmax(1), (other[:, 3:] / 0.7).softmax(1)], 1)
    (soft @ weight).sum().backward()
    torch.testing.assert_close(logits.grad, other.grad)


def test_scalars_teach_their_bins_and_themselves() -> None:
    """Against y = [choice, tanh(s) * (choices of its bins)], with the gradient of the softmax, written out."""
    numbers = torch.randn(6, 7, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, dtype=torch.float64)
    choices = Choices([2, 3], [(3, 5), (1, 2)], temperature=0.5).double()
    (choices(numbers) @ weight).sum().backward()
    other = numbers.detach().clone().requires_grad_()
    soft = torch.cat([(other[:, :2] / 0.5).softmax(1), (other[:, 2:5] / 0.5).softmax(1)], 1)
    hard = torch.cat([nn.functional.one_hot(p.argmax(1), p.shape[1]) for p in (other[:, :2], other[:, 2:5])], 1)
    chosen = soft - soft.detach() + hard
    inside = torch.stack([chosen[:, 3:5].sum(1), chosen[:, 1]], 1)
    (torch.cat([chosen, other[:, 5:].tanh() * inside], 1) @ weight).sum().backward()
    torch.testing.assert_close(numbers.grad, other.grad)


def test_compact_rows_are_the_same_rows(model: sp.GAN) -> None:
    noise = torch.randn(300, model.latent_size_)
    assert isinstance(model.generator_, nn.Sequential)
    with torch.inference_mode():
        spread = model.generator_(noise).numpy()
    assert model._sampler.made(noise).equals(model.schema_.decode(spread))


def test_extreme_numbers_are_no_trouble() -> None:
    numbers = torch.tensor([[-1e30, 1e30, 0.0]], requires_grad=True)
    made = Choices([3])(numbers)
    assert made.tolist() == [[0.0, 1.0, 0.0]]
    made.sum().backward()
    assert numbers.grad is not None
    assert numbers.grad.isfinite().all()


def test_a_generator_begins_at_the_shares() -> None:
    generator = Skipping(8, 6, (16,), "layer")
    begin_at_shares(generator, [0.9, 0.1, 0.5, 0.5])
    torch.testing.assert_close(generator.last.bias.exp(), torch.tensor([0.9, 0.1, 0.5, 0.5, 1.0, 1.0]))


def test_ranks_are_read_off() -> None:
    ranks = Ranks(torch.tensor([[-1.0], [0.5], [0.0]]), pack=2)
    assert ranks(torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]))[0, 6:].tolist() == [-1.0, 0.5]


@pytest.mark.parametrize("pack", [1, 2])
def test_a_ranked_layer_sees_the_ranks(pack: int) -> None:
    levels = torch.randn(3, 2, dtype=torch.float64)
    linear, x = nn.Linear(pack * 6, 5).double(), torch.randn(7, pack * 4, dtype=torch.float64)
    torch.testing.assert_close(Ranked(linear, levels, pack).double()(x), linear(Ranks(levels, pack)(x)))


@pytest.mark.parametrize("norm", [None, "batch", "layer"])
def test_skipping_gives_every_parameter_a_gradient(norm: str | None) -> None:
    network = Skipping(3, 5, (7, 6), norm)
    network(torch.randn(4, 3)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert isinstance(network.last, nn.Linear)
    assert network.last.in_features == 3 + 7 + 6


def test_skipping_sees_all_layers_side_by_side() -> None:
    network, x = Skipping(3, 5, (7, 6)).double(), torch.randn(4, 3, dtype=torch.float64)
    seen = x
    for linear, *_ in network.layers:
        seen = torch.cat([linear(seen).relu(), seen], 1)
    torch.testing.assert_close(network(x), network.last(seen))


# -- learning


def test_samples_are_a_table_like_the_data(model: sp.GAN) -> None:
    made = model.sample(2000, random_state=1)
    assert list(made.dtypes) == list(PEOPLE.dtypes)
    assert list(made.columns) == list(PEOPLE.columns)
    assert ((made["country"] == "FR") == (made["city"] == "Lyon")).all()
    assert made["age"].between(PEOPLE["age"].min(), PEOPLE["age"].max()).all()
    assert (made["income"].round(2) == made["income"]).all()
    assert made.equals(model.sample(2000, random_state=1))


@pytest.mark.slow
def test_what_is_learned_is_true(model: sp.GAN) -> None:
    made = model.sample(4000, random_state=2)
    for name in ("city", "works", "note"):
        real = PEOPLE[name].value_counts(normalize=True, dropna=False)
        apart = real - made[name].value_counts(normalize=True, dropna=False).reindex(real.index).fillna(0)
        assert apart.abs().sum() / 2 < 0.08
    assert abs((made["income"] == 0).mean() - (PEOPLE["income"] == 0).mean()) < 0.06
    working = made[made["income"] > 0]
    assert np.corrcoef(working["age"], working["income"])[0, 1] > 0.5
    assert ((made["income"] == 0) != made["works"]).mean() > 0.95


def test_a_saved_model_makes_the_same(model: sp.GAN, tmp_path: Path) -> None:
    model.save(tmp_path / "saved")
    again = sp.load(tmp_path / "saved")
    assert isinstance(again, sp.GAN)
    pd.testing.assert_frame_equal(again.sample(50, random_state=3), model.sample(50, random_state=3))
    for path in (tmp_path / "saved").rglob("*"):
        assert path.suffix not in (".csv", ".pkl")


def test_a_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"steps": 12, "batch_size": 50, "random_state": 0, "checkpoint_every": 6}
    whole = sp.GAN(**settings).fit(PEOPLE)

    def stop(progress: Any) -> None:
        if progress.step == 7:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, sp.errors.Interrupted)):
        sp.GAN(**settings, run=tmp_path / "run", verbose=stop).fit(PEOPLE)
    resumed = sp.GAN.resume(tmp_path / "run", PEOPLE)
    pd.testing.assert_frame_equal(resumed.sample(50, random_state=0), whole.sample(50, random_state=0))


def test_the_judge_takes_tables(model: sp.GAN) -> None:
    verdict = model.judge(people(400, seed=9), draws=3)
    assert "ranks of numbers" in verdict.space
    assert 0.5 < verdict["w1"].ratio < 3
    noise = model.schema_.decode(np.random.default_rng(0).uniform(-1, 1, (400, *model.schema_.shape)))
    worse = sp.judge(*(model.schema_.points(rows) for rows in (noise, PEOPLE, people(400, seed=9))), draws=3)
    assert worse["w1"].ratio > verdict["w1"].ratio


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_takes_tables(recipe: str) -> None:
    made = sp.GAN(recipe, steps=2, batch_size=40, random_state=0).fit(PEOPLE).sample(5, random_state=0)
    assert list(made.dtypes) == list(PEOPLE.dtypes)


def test_files_of_any_columns(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    PEOPLE.to_csv(path, index=False)
    made = sp.GAN(steps=2, random_state=0).fit(path).sample(3)
    assert made["since"].dtype.kind == "M"
    assert list(made.columns) == list(PEOPLE.columns)


def test_parquet_and_other_frames(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    PEOPLE.to_parquet(path)
    made = sp.GAN(steps=2, random_state=0).fit(path).sample(3, random_state=0)
    assert list(made.dtypes) == list(PEOPLE.dtypes)
    for other in (polars.from_pandas(PEOPLE), polars.from_pandas(PEOPLE).to_arrow()):
        again = sp.GAN(steps=2, random_state=0).fit(other).sample(3, random_state=0)
        assert list(again["age"]) == list(made["age"])
    path.write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        sp.GAN(steps=2).fit(path)


def test_columns_can_be_left_out(tmp_path: Path) -> None:
    frame = PEOPLE.assign(id=np.arange(len(PEOPLE)))
    with pytest.raises(DataError, match="'id' is an identifier"):
        sp.GAN(steps=2).fit(frame)
    model = sp.GAN(steps=2, leave_out=["id"], random_state=0, run=tmp_path / "run").fit(frame)
    assert list(model.sample(2).columns) == list(PEOPLE.columns)
    assert sp.GAN.resume(tmp_path / "run", frame).schema_ == model.schema_


# -- classes


@pytest.fixture(scope="module")
def told() -> sp.GAN:
    works = PEOPLE["works"].map({True: "yes", False: "no"}).rename("job")
    return sp.GAN(steps=400, batch_size=200, random_state=0, probes=False).fit(PEOPLE.drop(columns="works"), works)


def test_classes_of_a_mixed_table_are_asked_for(told: sp.GAN) -> None:
    assert told.classes_.tolist() == ["no", "yes"]
    idle = told.sample(300, y="no", random_state=1)
    assert list(idle.columns) == list(PEOPLE.drop(columns="works").columns)
    assert len(idle) == 300
    # who has no job has no income, and nobody else
    assert (idle["income"] == 0).mean() > 0.9
    assert (told.sample(300, y="yes", random_state=1)["income"] == 0).mean() < 0.1
    y = told.draw_labels(300, {"yes": 1, "no": 2}, random_state=2)
    assert (y == "no").sum() == 200
    mixed = told.sample(300, y={"yes": 1, "no": 2}, random_state=2)
    assert ((mixed["income"] == 0) == (y == "no")).mean() > 0.9
    both = told.sample(50, y="no", where={"city": "Lyon"}, random_state=3)
    assert (both["country"] == "FR").all()
    free, known = told.sample(500, random_state=4), told.draw_labels(500, random_state=4)
    assert ((free["income"] == 0) == (known == "no")).mean() > 0.9
    with pytest.raises(DataError, match="'maybe'"):
        told.sample(3, y="maybe")
    with pytest.raises(InputError, match="cannot be given with latent"):
        told.sample(y="no", latent=np.zeros((2, told.latent_size_)))


def test_a_model_told_classes_is_used_like_others(told: sp.GAN, tmp_path: Path) -> None:
    other = people(200, 1)
    rows, y = other.drop(columns="works"), np.where(other["works"], "yes", "no")
    assert told.judge(rows, test_labels=y, draws=2) == told.judge(rows.assign(job=y), draws=2)
    np.testing.assert_array_equal(told.score_samples(rows, y), told.score_samples(rows.assign(job=y)))
    with pytest.raises(DataError, match="as y or as the column 'job'"):
        told.score_samples(rows)
    assert not told.complete(rows.assign(job=y, age=np.nan), random_state=0)["age"].isna().any()
    told.save(tmp_path / "saved")
    loaded = sp.load(tmp_path / "saved")
    pd.testing.assert_frame_equal(loaded.sample(20, y="no", random_state=5), told.sample(20, y="no", random_state=5))


def test_a_run_with_classes_goes_on(tmp_path: Path) -> None:
    PEOPLE.to_csv(tmp_path / "people.csv", index=False)
    settings: Any = {"steps": 6, "batch_size": 64, "random_state": 0, "probes": False, "leave_out": ["note"]}
    whole = sp.GAN(**settings).fit(tmp_path / "people.csv", "works")
    assert whole.classes_.tolist() == [False, True]
    run = tmp_path / "run"

    def stop(progress: Any) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, sp.errors.Interrupted)):
        sp.GAN(**settings, run=run, verbose=stop).fit(tmp_path / "people.csv", "works")
    resumed = sp.GAN.resume(run)
    pd.testing.assert_frame_equal(resumed.sample(9, random_state=1), whole.sample(9, random_state=1))


def test_classes_that_cannot_be_a_column() -> None:
    with pytest.raises(DataError, match="has a column 'city' beside its classes"):
        sp.GAN(steps=2).fit(PEOPLE, PEOPLE["city"])
    with pytest.raises(DataError, match="different values"):
        sp.GAN(steps=2).fit(PEOPLE, np.arange(len(PEOPLE)))


# -- conditions


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({"city": "Lyon"}, lambda t: t["city"] == "Lyon"),
        ({"city": ["Lyon", "Bern"], "works": True}, lambda t: t["city"].isin(["Lyon", "Bern"]) & t["works"]),
        ({"age": (30, 40)}, lambda t: t["age"].between(30, 40)),
        ({"age": (70, None)}, lambda t: t["age"] >= 70),
        ({"income": 0}, lambda t: t["income"] == 0),
        ({"since": ("2012-01-01", "2012-12-31")}, lambda t: t["since"].dt.year == 2012),
        ({"note": None}, lambda t: t["note"].isna()),
        ({"works": "False"}, lambda t: ~t["works"]),
    ],
)
def test_conditions_hold(model: sp.GAN, where: dict[str, Any], holds: Any) -> None:
    made = model.sample(150, where=where, random_state=0)
    assert len(made) == 150
    assert holds(made).all()
    assert made.equals(model.sample(150, where=where, random_state=0))


def test_conditions_give_the_conditional_distribution(model: sp.GAN) -> None:
    every = model.sample(20_000, random_state=5)
    wanted = every[every["city"] == "Lyon"]["works"].mean()
    found = model.sample(4_000, where={"city": "Lyon"}, random_state=6)["works"].mean()
    assert abs(found - wanted) < 4 * np.sqrt(0.25 / 4_000 + 0.25 / 4_000)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"town": "Bern"}, "no column 'town'"),
        ({"city": "Lyons"}, "never was 'Lyons'; did you mean 'Lyon'"),
        ({"age": 200}, "lies between 18 and 79; it never was 200"),
        ({"age": "old"}, "cannot be 'old'"),
        ({"age": (40, 30)}, "low end"),
        ({"city": ("a", "b")}, "is for numbers"),
        ({"age": None}, "never has a missing value"),
        ({}, "must map columns"),
        ({"city": "Lyon", "country": "CH"}, "0 of .* rows .* 'city', 'country' as asked"),
    ],
)
def test_conditions_that_cannot_hold(model: sp.GAN, where: dict[str, Any], said: str) -> None:
    with pytest.raises((DataError, InputError), match=said):
        model.sample(10, where=where, random_state=0)


def test_conditions_are_for_tables() -> None:
    model = sp.GAN(steps=2, random_state=0).fit(np.random.default_rng(0).normal(size=(50, 2)))
    with pytest.raises(InputError, match="where= is for tables"):
        model.sample(3, where={"x0": 1})
    with pytest.raises(DataError, match="columns can be left out of a table"):
        sp.GAN(steps=2, leave_out=["a"]).fit(np.zeros((5, 2)))


# -- second moments

NO_RANKS = torch.empty(3, 0, dtype=torch.float64)


def test_the_gap_is_the_squared_distance_of_moments() -> None:
    """Against M written out, on batches so large that chance hardly matters."""
    rng = np.random.default_rng(0)
    real = torch.from_numpy((rng.random((20_000, 4)) < [0.5, 0.1, 0.02, 0.9]).astype(np.float64))
    moments = Moments.of(lambda part: real[part], len(real), NO_RANKS)
    other = real.clone()
    other[:, 1] = other[:, 0]
    m, a = (x.T @ x / len(x) for x in (real, other))
    units = torch.sqrt(m.diagonal()[:, None] * m.diagonal())
    expected = ((a - m).square() / units).sum()
    torch.testing.assert_close(moments.gap(other[torch.randperm(len(other))]), expected, rtol=0.05, atol=0)


def test_the_gap_has_no_chance_part() -> None:
    """Its mean over small batches of real rows is zero, though each batch's own moments are far from the whole's."""
    torch.manual_seed(0)
    real = (torch.rand(4_000, 5) < 0.3).double()
    moments = Moments.of(lambda part: real[part], len(real), NO_RANKS)
    gaps = torch.stack([moments.gap(real[torch.randint(len(real), (20,))]) for _ in range(2_000)])
    assert abs(gaps.mean()) < 4 * gaps.std() / np.sqrt(len(gaps))
    assert gaps.std() > 0.1


def test_the_gap_has_the_gradient_of_its_formula() -> None:
    real = torch.rand(50, 4, dtype=torch.float64)
    moments = Moments.of(lambda part: real[part], len(real), torch.randn(3, 2, dtype=torch.float64))
    rows = torch.rand(7, 4, dtype=torch.float64, requires_grad=True)  # halves of 4 and 3
    assert torch.autograd.gradcheck(moments.gap, rows)


@pytest.mark.parametrize(
    ("rows", "given", "steps"),
    [
        (240, {}, 300),
        (2_800, {}, 1_680),  # 300 passes in batches of 500
        (2_800, {"batch_size": 1_000}, 840),
        (32_561, {}, 3_000),
        (240, {"steps": 2_000}, 2_000),
        (240, {"changes": {"steps": 2_000}}, 2_000),
        (240, {"changes": {"passes": None}}, 3_000),
        (240, {"recipe": "wgan-gp"}, 5_000),
    ],
    ids=str,
)
def test_few_rows_are_not_learned_by_heart(rows: int, given: dict[str, Any], steps: int) -> None:
    parameters = {**sp.GAN().get_params(deep=False), **given}
    assert settle(parameters, MixedSchema.of(PEOPLE), rows=rows).steps == steps


def test_moments_are_for_mixed_tables() -> None:
    with pytest.raises(InputError, match="moments are for tables with categories"):
        sp.GAN(steps=2, changes={"moments": 0.1}).fit(np.random.default_rng(0).normal(size=(50, 2)))
