"""The benchmarks that take too long for the tests run for a few steps here, on small data."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sparring as sp
from sparring.data import toy
from sparring.place import Place

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import cycle_cost
import cycle_gpu
import cyclegan
import diagnosis
import diagnosis_fits
import gpu
import images
import libraries
import peers
import precision
import quality
import spoiled_fits
import stacked
import step_cost


def test_a_stacked_game_is_counted_by_its_modes() -> None:
    images, labels = toy.digits()
    namer = sp.Classifier((64,), max_iter=30, random_state=0).fit(images, labels)
    data = stacked.stacks(images, 500, seed=0)
    assert data.shape == (500, 8, 8, 3)
    modes = stacked.modes_of(data, namer)
    rows = np.random.default_rng(0).integers(len(images), size=(3, 500))  # the same draw
    assert (modes == labels[rows[0]] * 100 + labels[rows[1]] * 10 + labels[rows[2]]).mean() > 0.9
    gan = stacked.fitted("r3gan:networks=residual,batch_size=8", data, steps=3, seed=0, device="cpu")
    found, divergence = stacked.modes_and_divergence(stacked.named(gan, namer, 50))
    assert 1 <= found <= 50
    assert divergence > 0


def test_modes_and_divergence_of_known_shares() -> None:
    assert stacked.modes_and_divergence(np.arange(1000)) == (1000, pytest.approx(0, abs=1e-12))
    assert stacked.modes_and_divergence(np.array([7, 7, 123, 123])) == (2, pytest.approx(np.log(500)))


@pytest.mark.parametrize("name", list(peers.PLAIN))
def test_plain_loops_learn(name: str) -> None:
    torch.manual_seed(0)
    made = peers.PLAIN[name](torch.rand(128, 1, 12, 12) * 2 - 1, 4)
    before = [parameter.clone() for parameter in made.generator.parameters()]
    for _ in range(2):
        next(made.steps)
    assert any(not torch.equal(a, b) for a, b in zip(before, made.generator.parameters(), strict=True))
    assert made.generator(made.law(2, made.latent)).shape == (2, 1, 12, 12)


@pytest.mark.parametrize("case", step_cost.CASES, ids=lambda case: case.name)
def test_the_loops_that_are_timed_play(case: step_cost.Case) -> None:
    for maker in (step_cost.ours, step_cost.plain, step_cost.careless):
        networks, data = case.networks(), case.data()[: 2 * case.batch]
        next(maker(networks, case, data, "float32"))


def test_the_gpu_script_plays_on_a_processor() -> None:
    from sparring.place import Place

    for case in gpu.cases(width=2, batch=4):
        for maker in (gpu.ours, gpu.plain):
            next(maker(case.networks(), case, case.data()[:16], Place()))


def test_a_mixture_scores_itself_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "DRAWS", 4)
    monkeypatch.setattr(quality, "SIZE", 800)
    truth = toy.ring()
    found = quality.scores_of(truth, lambda n, seed: truth.sample(n, 900 + seed))
    assert found.modes == 8
    assert found.quality == pytest.approx(98.9, abs=0.7)
    assert found.spread == pytest.approx(1, abs=0.05)
    assert 0.6 < found.w1 < 1.6


def test_images_measure_nothing_between_equals_and_much_after_collapse() -> None:
    digits, labels = toy.digits()
    namer = sp.Classifier((64,), max_iter=30, random_state=0).fit(digits, labels)
    yardstick = images.Yardstick(namer, digits)
    same, collapsed = (yardstick.row("", found, 0, 0, 0).split("|") for found in (digits, digits[:1].repeat(500, 0)))
    distance, precision, coverage = (float(cell) for cell in same[2:5])
    assert (distance, precision, coverage) == (0.0, 1.0, 1.0)
    assert float(collapsed[2]) > 100
    assert float(collapsed[4]) < 0.05
    found, probabilities = images.features_of(namer, digits[:5])
    assert len(found) == len(probabilities) == 5
    assert probabilities.sum(1) == pytest.approx(1)


@pytest.mark.parametrize("method", ["r3gan", "plain-dcgan"])
def test_methods_take_their_time_and_give_images(method: str) -> None:
    data = np.random.default_rng(0).integers(0, 256, (200, 12, 12), dtype=np.uint8)
    made = images.ours if method == "r3gan" else images.others
    sample, steps = made(method, data, 2.0, 1, 0)
    assert steps >= 1  # of a busy machine no more can be said
    assert sample(3).shape == (3, 12, 12)
    assert sample(3).dtype == np.uint8


def test_batches_for_other_libraries_end_with_their_time() -> None:
    loader = libraries._Until(torch.arange(10.0), 4, seconds=0.3)
    found = iter(loader)
    assert len(found.next()) == 4
    rest = list(found)
    assert len(rest) > 10  # over and over
    assert loader.batches == len(rest) + 1
    assert list(loader) == []  # the time is over


def test_a_spoiled_game_is_played_and_rated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for game in (
        diagnosis.Game("divergence", "ring", "heavy", 1, 200),
        diagnosis.Game("healthy", "cancer", "r3gan", 1, 200),
    ):
        assert game.file in diagnosis.play(game, str(tmp_path), None)
        assert diagnosis.play(game, str(tmp_path), None).endswith("is there")
    diagnosis.rates(str(tmp_path), "test")
    assert "| divergence | 1 | 1 | 1 | 1 | 1.00 | 1 |" in capsys.readouterr().out
    diagnosis.rates(str(tmp_path), "tuning")
    assert "healthy games: 0" in capsys.readouterr().out


def test_the_truth_about_a_game() -> None:
    fine = {"w1": 1.1, "coverage": 1.0, "spread": 1.0, "occupied": 1.0}
    sick, steady, jumping = {**fine, "w1": 5.0}, [1.0] * 1500, [10.0 ** (i % 2) for i in range(1500)]

    def game(look: dict[str, float] = fine, norms: list[float] = steady, **more: Any) -> dict[str, Any]:
        looks = [{"step": 100 * (i + 1), **look} for i in range(15)]
        return {"healthy": False, "ended": "", "samples": look, "norms": norms, "rows": [], "looks": looks, **more}

    assert diagnosis.truths(game(healthy=True)) == {"healthy"}
    assert diagnosis.truths(game(sick, healthy=True)) == set()
    assert diagnosis.truths(game()) == set()
    assert diagnosis.truths(game(ended="not finite")) == {"divergence"}
    assert diagnosis.truths(game({**fine, "spread": 20.0})) == {"divergence"}
    assert diagnosis.truths(game(norms=steady[:500] + [1e4] * 1000)) == {"divergence"}
    assert diagnosis.truths(game(norms=steady[:500] + [1e-6] * 1000)) == {"vanishing-gradient"}
    assert diagnosis.truths(game(norms=jumping)) == set()  # good samples: no matter
    assert diagnosis.truths(game(sick, jumping)) == {"unstable-gradient"}
    assert diagnosis.truths(game({**sick, "occupied": 0.1}, jumping)) == {"mode-collapse"}
    late = game(sick, steady[:1100] + jumping[:400])
    assert diagnosis.truths(late) == {"unstable-gradient"}  # in four of the last five windows
    assert diagnosis.onset(late, "unstable-gradient") == 1100


@pytest.mark.parametrize("case", cycle_cost.CASES[1:4], ids=lambda case: case.name)
def test_both_loops_of_a_cyclegan_do_the_same(case: cycle_cost.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """On rows that are all one image, so that the order does not matter: three rounds' losses, the buffer filling."""
    recipe = replace(case.recipe, width=4, batch_size=2)
    case = replace(case, recipe=recipe, shape=(case.shape[0], 12, 12))
    a, b = (torch.rand(1, *case.shape) * 2 - 1 for _ in range(2))
    monkeypatch.setattr(cycle_cost, "data", lambda case: (a.expand(20, -1, -1, -1), b.expand(20, -1, -1, -1)))
    made = cycle_cost.networks(case)
    theirs = cycle_cost.reference(case, made)
    mine = cycle_cost.ours(case, cycle_cost.networks(case))
    for _ in range(3):
        losses, step = next(theirs), next(mine)
        row: Any = step.row(Place())  # type: ignore[attr-defined]
        pairs = {"G": 2 * row["generators/B/adversarial"], "F": 2 * row["generators/A/adversarial"]}
        pairs |= {"cycle A": 10 * row["generators/A/cycle"], "cycle B": 10 * row["generators/B/cycle"]}
        pairs |= {"D_A": row["critics/A/objective"], "D_B": row["critics/B/objective"]}
        if case.identity:
            pairs |= {"identity A": 5 * row["generators/A/identity"], "identity B": 5 * row["generators/B/identity"]}
        assert {name: losses[name] for name in pairs} == pytest.approx(pairs, rel=1e-3)


def test_the_gpu_script_of_cyclegans_plays_on_a_processor() -> None:
    case = cycle_cost.Case("", (3, 16, 16), replace(cycle_cost.PAPER, width=2, blocks=1, batch_size=2))
    place = Place.of("cpu", "bfloat16")
    for way in (cycle_gpu.ours, cycle_gpu.theirs):
        assert cycle_gpu.rate(way(case, cycle_cost.networks(case), place), 2, 0.05, place.device) > 0


def test_known_sets_know_their_truth() -> None:
    known, component, knowing = cyclegan.points("mirrored", 0)
    assert 0 < knowing < 0.02
    np.testing.assert_allclose(known.a_test[:, ::-1], known.b_test)
    model = sp.CycleGAN(steps=1, restarts=1, random_state=0).fit(known.a[:200], known.b[:200])
    assert 0 <= cyclegan.in_right_component(model, known, component) <= 1
    inverted, transposed = cyclegan.digits(0)
    assert (inverted.b_test == 16 - inverted.a_test).all()
    assert (transposed.b_test == transposed.a_test.swapaxes(1, 2)).all()
    assert cyclegan.relative(known.b_test, known.b_test) == 0
    tables = cyclegan.mixed_tables("derived", 0, rows=300, test=40)
    assert ((tables.a_test["height_cm"] / 2.54 - tables.b_test["inches"]).abs() <= 0.1).all()
    assert (tables.b_test.loc[tables.b_test["inches"] < 163 / 2.54 - 0.1, "size"] == "S").all()
    assert "coin" in cyclegan.mixed_tables("a coin", 0, rows=300).a


def test_two_precisions_take_turns() -> None:
    case = precision.Case(
        lambda **more: sp.Classifier((8,), max_iter=1000, **more),
        lambda _: (np.random.default_rng(0).normal(size=(200, 4)), np.arange(200) % 2),
    )
    milliseconds, ratios = precision.speeds(case, Path(), blocks=3, seconds=0.001)
    assert milliseconds > 0
    assert len(ratios) == 3
    assert min(ratios) > 0
    with pytest.raises(sp.InputError, match="hidden_layer_sizes"):  # a fit that fails ends both
        precision.speeds(replace(case, make=lambda **more: sp.Classifier((0,), **more)), Path(), 3, 0.001)


def test_fits_are_tried_and_what_is_true_of_them_is_decided(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = {("healthy", "moons", "default"), ("dead-units", "iris", "all"), ("not-learning", "iris", "tiny rate")}
    cases = [case for case in spoiled_fits.cases([0]) if (case.meant, case.data, case.way.name) in wanted]
    runs = [diagnosis_fits.tried(case) for case in cases]
    assert {run.case.meant for run in runs} == {"healthy", "dead-units", "not-learning"}
    assert all(run.true for run in runs)
    assert not runs[0].told
    assert all(run.case.meant in run.told for run in runs[1:])
    diagnosis_fits.table(runs)
    told = capsys.readouterr().out
    assert "Healthy fits: 1 (0 unclear); with any finding: 0 (0.0%)" in told
    assert "| dead-units | 1 | 0 | 1 | 1.00 | 0 of 1 |" in told


def test_every_finding_of_fits_has_enough_fits_and_others_left_out_of_the_choice() -> None:
    several = spoiled_fits.cases([0, 1])
    for meant, least in (("healthy", 60), *((name, 30) for name in spoiled_fits.WHAT)):
        assert sum(case.meant == meant for case in several) >= least
        assert any(case.data in spoiled_fits.LEFT_OUT for case in several if case.meant == meant)
    kinds = {spoiled_fits.data_of(case.data, 0).kind for case in several if case.meant == "healthy"}
    assert kinds == {"columns", "images", "sequences"}
