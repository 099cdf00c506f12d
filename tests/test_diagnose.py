"""Diagnosis: what probes measure, which failures detectors see in rows, and what a run does about them."""

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sparring as sp
from sparring.chance import ambient_seed
from sparring.data import toy
from sparring.diagnose.examiner import QUIET, Examiner, examined
from sparring.diagnose.finding import Evidence, Finding
from sparring.diagnose.games import GAME
from sparring.diagnose.modes import MODES, told
from sparring.diagnose.probes import PROBES, probe_names
from sparring.diagnose.remedies import CURES, REMEDIES, Applied, next_remedy
from sparring.diagnose.scenes import Scene
from sparring.diagnose.series import Series
from sparring.diagnose.yardstick import Yardstick
from sparring.errors import Diverged, FolderError, InputError, Interrupted, Trouble, TroubleWarning
from sparring.metrics import metric
from sparring.networks import MLP
from sparring.record import Record

GRID = toy.grid().sample(4_000, 0)


# -- the yardstick


def test_fresh_points_of_the_same_law_score_one() -> None:
    yardstick = Yardstick.of(GRID, toy.grid().sample(1_000, 1), 0)
    assert yardstick is not None
    found = [yardstick.figures(toy.grid().sample(yardstick.size, i)) for i in range(10, 20)]
    means = {name: float(np.mean([figures[name] for figures in found])) for name in found[0]}
    assert 0.8 < means["w1"] < 1.25
    assert 0.9 < means["coverage"] < 1.1
    assert 0.9 < means["recall"] < 1.1
    assert 0.97 < means["dispersion"] < 1.03
    assert means["missed"] < 0.01
    assert means["duplicates"] < 0.05
    assert 0.42 < means["nearer"] < 0.58


def test_points_of_one_mode_miss_the_others() -> None:
    yardstick = Yardstick.of(GRID, GRID[:0], 0)
    assert yardstick is not None
    rng = np.random.default_rng(0)
    figures = yardstick.figures(rng.normal(0.0, 0.05, (yardstick.size, 2)))
    assert 0.94 < figures["missed"] < 0.99  # a cell or two of 25 has the mode
    assert figures["dispersion"] == pytest.approx(0.05 / math.sqrt(8.0 + 0.05**2), rel=0.1)
    assert "nearer" not in figures  # nothing is held out


def test_copies_of_training_rows_are_nearer_to_them() -> None:
    rows = np.random.default_rng(0).normal(size=(600, 5))
    yardstick = Yardstick.of(rows[:400], rows[400:], 0)
    assert yardstick is not None
    copies = yardstick.figures(rows[:400][np.random.default_rng(1).permutation(400)[: yardstick.size]])
    assert copies["nearer"] > 0.7  # half of the training rows stand against as many held-out rows
    assert copies["voices"] > 50
    constant = yardstick.figures(np.repeat(rows[:1], yardstick.size, axis=0))
    assert constant["nearer"] in (0.0, 1.0)
    assert constant["voices"] == 1.0  # one row has a say, on whichever side it is
    doubled = np.repeat(rows[400 : 400 + (yardstick.size + 1) // 2], 2, axis=0)[: yardstick.size]
    assert yardstick.figures(doubled)["duplicates"] > 0.98


def test_rows_that_are_all_alike_are_no_error() -> None:
    yardstick = Yardstick.of(np.ones((400, 3)), np.ones((100, 3)), 0)
    assert yardstick is not None
    assert yardstick.figures(np.ones((yardstick.size, 3)))["missed"] == 0


def test_few_rows_give_no_yardstick() -> None:
    assert Yardstick.of(np.zeros((12, 2)), np.zeros((0, 2)), 0) is None


# -- the probes


class _Linear(nn.Module):
    """A critic whose slope is known."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ self.weight.T)[:, 0]


class _Shift(nn.Module):
    """Noise moved along one axis: exact Wasserstein-1 to the noise itself is the shift."""

    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.tensor([-2.0, 0.0]))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return z + self.by


def _scene(noise: torch.Tensor, **changed: Any) -> Scene:
    usual: dict[str, Any] = {
        "generator": _Shift(),
        "critic": _Linear(),
        "real": (noise,),
        "learned": None,
        "noise": noise,
        "pack": 1,
        "samples": lambda: None,
        "yardstick": None,
    }
    return Scene(**usual | changed)


def test_critic_figures_against_closed_forms() -> None:
    from sparring.diagnose.scenes import _of_critic

    noise = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    found = _of_critic(_scene(noise), PROBES)
    assert found["critic/slope"] == pytest.approx(5.0)
    assert found["critic layer 1/singular"] == pytest.approx(5.0)
    # a gap of 3 * 2 over a slope of 5 and a distance of 2
    assert found["critic/estimate"] == pytest.approx(6.0 / 5.0 / 2.0, rel=1e-5)
    real = (noise @ torch.tensor([3.0, 4.0])).numpy()
    pairs = real[:, None] - (real - 6.0)[None]
    assert found["critic/auc"] == pytest.approx((pairs > 0).mean() + (pairs == 0).mean() / 2)
    assert found["critic/score_size"] == pytest.approx(max(np.abs(real).max(), np.abs(real - 6).max()), rel=1e-5)


def test_the_power_iteration_finds_the_largest_singular_value() -> None:
    from sparring.diagnose.scenes import _singular

    with ambient_seed(0):
        network = MLP((5,), (3,), (8, 8))
    exact = [float(torch.linalg.matrix_norm(p.detach(), 2)) for p in network.parameters() if p.dim() > 1]
    assert _singular(network) == pytest.approx(exact, rel=0.03)


def test_jumps_are_decades_between_percentiles_of_whole_gradients() -> None:
    from sparring.diagnose.probes import _jumps

    steady = [torch.tensor([3.0, 4.0])] * 50
    assert _jumps(steady) == 0.0
    # sizes 10^0, 10^0.1, ... 10^5: the middle 80 % span 4 decades; each is split among two parameters
    growing = [10 ** (i / 10) * torch.tensor([0.6, 0.8]) for i in range(51)]
    assert _jumps(growing) == pytest.approx(4.0, rel=1e-5)
    assert _jumps([torch.zeros(2)] * 50) == 0.0


def test_a_run_that_stops_before_a_look_measures_the_same_jumps(tmp_path: Path) -> None:
    whole = sp.GAN(steps=120, random_state=0).fit(GRID[:500])
    halves = sp.GAN(steps=120, random_state=0, run=tmp_path / "run")

    def stop(progress: Any) -> None:
        if progress.step == 80:
            os.kill(os.getpid(), signal.SIGINT)

    halves.verbose = stop
    with pytest.raises(Interrupted):
        halves.fit(GRID[:500])
    resumed = sp.GAN.resume(tmp_path / "run", GRID[:500])
    (one,), (other,) = ([row for row in gan.record_.rows() if "generator/jumps" in row] for gan in (whole, resumed))
    assert one["step"] == other["step"] == 100
    assert one["generator/jumps"] == other["generator/jumps"] > 0


def test_probes_change_no_bit_of_a_run() -> None:
    made = [sp.GAN(steps=250, random_state=0, probes=probes).fit(GRID[:500]) for probes in (True, False)]
    for one, other in zip(made[0].generator_.parameters(), made[1].generator_.parameters(), strict=True):
        assert torch.equal(one, other)
    looked = [row for row in made[0].record_.rows() if "critic/auc" in row]
    assert [row["step"] for row in looked] == [100, 200]
    assert not any("critic/auc" in row for row in made[1].record_.rows())


def test_every_measure_of_a_run_is_explained() -> None:
    gan = sp.GAN(steps=100, random_state=0, validation_fraction=0.2).fit(GRID[:800])
    for name in gan.record_.rows()[-1]:
        assert metric(name).meaning
    row = gan.record_.rows()[-1]
    assert {"critic/memory", "samples/nearer", "generator/update", "generator layer 2/layer_gradient"} <= set(row)
    layers = [row[name] for name in row if name.startswith("critic layer") and name.endswith("layer_gradient")]
    assert math.sqrt(sum(value**2 for value in layers)) == pytest.approx(row["critic/gradient"], rel=1e-4)


def test_probes_by_name() -> None:
    assert probe_names(True) == PROBES
    assert probe_names(False) == ()
    assert probe_names(["samples", "layers"]) == ("layers", "samples")
    gan = sp.GAN(steps=100, random_state=0, probes=["scores"]).fit(GRID[:500])
    row = gan.record_.rows()[-1]
    assert "critic/auc" in row
    assert not {"critic/slope", "samples/w1"} & set(row)
    with pytest.raises(InputError, match="probes must be"):
        sp.GAN(steps=10, probes=["nonsense"]).fit(GRID[:100])


@pytest.mark.parametrize("recipe", ["dcgan", "hinge", "pacgan", "wgan-gp"])
def test_every_kind_of_game_can_be_probed(recipe: str) -> None:
    images = toy.digits_split()[0][:200]
    gan = sp.GAN(recipe, steps=100, batch_size=8, random_state=0, validation_fraction=0.0).fit(images)
    assert {"critic/auc", "samples/missed"} <= set(gan.record_.rows()[-1])


@pytest.mark.parametrize(("rows", "pack"), [(2, 1), (3, 4), (4, 4), (9, 4)])
def test_few_rows_are_no_error(rows: int, pack: int) -> None:
    changes = {"pack": pack, "batch_size": 8}
    gan = sp.GAN("pacgan", changes=changes, steps=100, random_state=0).fit(GRID[:rows])
    assert ("critic/auc" in gan.record_.rows()[-1]) == (rows >= pack)


def test_a_labelled_game_can_be_probed() -> None:
    gan = sp.GAN(steps=100, random_state=0).fit(GRID[:400], np.arange(400) % 3)
    assert "critic/auc" in gan.record_.rows()[-1]


# -- the detectors, on rows made by hand


def _rows(looks: int = 20, **measures: Any) -> list[dict[str, float]]:
    """Rows of a healthy game, or with other measures: numbers, or functions of how far the run is, in [0, 1]."""
    healthy: dict[str, Any] = {
        "generator/gradient": 0.3,
        "generator/jumps": 0.3,
        "critic/auc": 0.7,
        "critic/score_size": 2.0,
        "samples/w1": 1.2,
        "samples/dispersion": 1.0,
        "samples/missed": 0.01,
        "samples/coverage": 1.0,
        "critic/memory": 0.5,
        "samples/nearer": 0.5,
    }
    rows = []
    for i in range(5 * looks):
        values = {
            name: value(i / (5 * looks)) if callable(value) else value for name, value in (healthy | measures).items()
        }
        rows.append({"step": 20 * (i + 1)} | {k: float(v) for k, v in values.items() if "/gr" in k or i % 5 == 4})
    return rows


def _found(rows: list[dict[str, float]]) -> list[str]:
    return [finding.name for finding in Examiner(GAME, rows).findings]


def test_a_healthy_game_has_no_finding() -> None:
    assert _found(_rows()) == []


@pytest.mark.parametrize(
    ("name", "measures"),
    [
        ("divergence", {"generator/gradient": lambda t: 10 ** (10 * t)}),
        ("divergence", {"samples/dispersion": lambda t: 1 + 100 * t}),
        ("divergence", {"samples/w1": lambda t: 2 + 100 * t}),
        ("divergence", {"samples/w1": lambda t: math.nan if t > 0.5 else 2}),
        ("vanishing-gradient", {"generator/gradient": lambda t: 10 ** (-8 * t), "critic/auc": 1.0}),
        ("unstable-gradient", {"generator/jumps": 0.7, "samples/coverage": 0.2}),
        ("mode-collapse", {"samples/dispersion": lambda t: 1 - t}),
        ("mode-collapse", {"samples/missed": lambda t: min(10 * t, 0.9)}),
        ("mode-collapse", {"samples/dispersion": 0.45, "samples/coverage": 0.1}),
        ("lost-modes", {"samples/missed": 0.2}),
        ("overpowering-critic", {"critic/auc": 1.0, "samples/w1": 2.0}),
        ("underfit-critic", {"critic/auc": 0.5, "samples/w1": 5.0}),
        ("overfitting-critic", {"critic/memory": 0.9}),
        ("memorised-rows", {"samples/nearer": 0.8}),
    ],
)
def test_a_failure_is_called_by_its_name(name: str, measures: dict[str, Any]) -> None:
    assert _found(_rows(**measures)) == [name]


def test_a_sure_critic_whose_samples_get_better_is_no_failure() -> None:
    assert _found(_rows(**{"critic/auc": 1.0, "samples/w1": lambda t: 10 * 0.1**t})) == []


def test_samples_that_come_nearer_are_taught_however_little_the_critic_tells_them_apart() -> None:
    """Numbers of a healthy game of 1,600 steps."""
    short = {"critic/auc": 0.55, "samples/w1": lambda t: 12 * 0.2**t}
    assert _found(_rows(16, **short)) == []
    assert _found(_rows(16, **{**short, "samples/w1": lambda t: 12 * 0.95**t})) == ["underfit-critic"]


@pytest.mark.parametrize(("voices", "found"), [(1, []), (4, []), (40, ["memorised-rows"])])
def test_memory_needs_rows_that_have_a_say(voices: float, found: list[str]) -> None:
    assert _found(_rows(**{"samples/nearer": 0.8, "samples/voices": voices})) == found


def test_alike_samples_have_no_memory_in_runs_that_did_not_count_voices() -> None:
    assert _found(_rows(**{"samples/nearer": 1.0, "samples/dispersion": 0.45})) == []


def test_modes_that_are_still_being_learned_are_not_lost() -> None:
    assert _found(_rows(50, **{"samples/missed": lambda t: 0.9 * 0.005**t})) == []


def test_jumps_and_a_sure_critic_are_no_failure_where_samples_are_good() -> None:
    assert _found(_rows(**{"critic/auc": 1.0, "samples/w1": 1.1, "generator/jumps": 1.5})) == []
    assert (
        _found(_rows(**{"samples/w1": 1.9, "samples/coverage": 0.9, "generator/jumps": 1.5})) == []
    )  # near, but in parts


def test_what_follows_from_a_failure_is_no_finding_of_its_own() -> None:
    stuck = {"generator/gradient": lambda t: 10 ** (-20 * t), "critic/auc": 1.0}
    late = {"samples/missed": lambda t: 0.9 if t > 0.6 else 0.01}
    assert _found(_rows(**stuck, **late)) == ["vanishing-gradient"]


def test_a_small_gradient_is_no_failure_where_nothing_is_told_apart() -> None:
    assert _found(_rows(**{"generator/gradient": lambda t: 10 ** (-8 * t), "critic/auc": 0.5})) == []


def test_nothing_is_concluded_from_the_first_looks() -> None:
    assert _found(_rows(**{"samples/dispersion": lambda t: 0.1 if t < 0.4 else 1.0})) == []


def test_samples_that_spread_further_are_not_collapsed() -> None:
    assert _found(_rows(**{"samples/dispersion": lambda t: 0.1 * 8**t, "samples/coverage": 0.1})) == []


def test_a_gradient_of_nothing_has_vanished_and_not_grown() -> None:
    assert _found(_rows(**{"generator/gradient": 0.0, "critic/auc": 1.0})) == ["vanishing-gradient"]


def test_a_finding_has_its_steps_and_its_end() -> None:
    rows = _rows(40, **{"samples/missed": lambda t: 0.9 if 0.3 < t < 0.6 else 0.01})
    (finding,) = Examiner(GAME, rows).findings
    looks = [row for row in rows if "samples/missed" in row]
    first, over = [
        next(row["step"] for row in looks if (row["samples/missed"] > 0.5) is bad and row["step"] > after)
        for bad, after in ((True, 0), (False, 0.3 * rows[-1]["step"] + 200))
    ]
    assert finding.since == first
    assert finding.seen == looks[[row["step"] for row in looks].index(first) + 2]["step"]
    assert finding.until == over + 20 * (QUIET - 1)
    assert "is over at step" in told(finding)
    assert Finding.from_json(finding.to_json()) == finding


def test_rows_in_any_parts_give_the_same_findings() -> None:
    rows = _rows(40, **{"samples/missed": lambda t: 0.9 if 0.3 < t < 0.6 else 0.01})
    parts = Examiner(GAME, rows[:90])
    for row in rows[90:]:
        parts.take(row)
    assert parts.findings == Examiner(GAME, rows).findings


def test_every_detector_has_its_words() -> None:
    assert set(GAME) <= set(MODES)
    for mode in MODES.values():
        assert all(text.endswith(".") for text in (mode.meaning, mode.cause, mode.cure))


def test_series_reads_rows_by_measure() -> None:
    series = Series([{"step": 1, "a": 1.0}, {"step": 2}, {"step": 3, "a": 3.0}])
    assert series.values("a").tolist() == [1.0, 3.0]
    assert series.values("a", 1).tolist() == [3.0]
    assert series.first("a", 1).tolist() == [1.0]
    assert (series.since("a", 2), series.count("a"), series.count("b")) == (1, 2, 0)


# -- runs


def _collapsing(**more: Any) -> sp.GAN:
    """The lecture's collapse: a fast generator against a slow critic."""
    rates = {"generator_rate": 3e-3, "critic_rate": 3e-5}
    return sp.GAN("dcgan", changes=rates, steps=2_000, random_state=0, **more)


@pytest.mark.slow
def test_a_collapse_is_said_while_it_happens(tmp_path: Path) -> None:
    with pytest.warns(TroubleWarning, match="mode collapse"):
        gan = _collapsing(run=tmp_path / "run").fit(GRID)
    assert "mode-collapse" in [finding.name for finding in gan.findings_]
    assert truth_of(gan) < 4
    assert [finding.name for finding in examined(Record.open(tmp_path / "run")).findings] == [
        finding.name for finding in gan.findings_
    ]


def truth_of(gan: sp.GAN) -> int:
    """How many of the 25 modes the samples reach, with a tenth of the mode's share at least."""
    points = np.asarray(gan.sample(2_500, random_state=0))
    names = np.linalg.norm(points[:, None] - toy.grid().centres[None], axis=2).argmin(1)
    return int((np.bincount(names, minlength=25) > 10).sum())


def test_a_run_stops_when_asked_to_and_goes_on(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="mode collapse") as caught:
        _collapsing(run=tmp_path / "run", on_trouble="stop").fit(GRID)
    assert caught.value.finding == "mode-collapse"
    record = Record.open(tmp_path / "run")
    assert record.about["status"] == "failed"
    assert record.findings()[0]["name"] == "mode-collapse"
    assert record.rows()[-1]["step"] == caught.value.step


def test_a_remedy_changes_the_game_and_keeps_the_step_count(tmp_path: Path) -> None:
    gan = _collapsing(run=tmp_path / "run", on_trouble="remedy").fit(GRID)
    assert [entry.name for entry in gan.applied_][:1] == ["default-game"]
    first = gan.applied_[0]
    steps = [row["step"] for row in gan.record_.rows()]
    assert steps == sorted(set(steps))
    assert steps[-1] > first.step > 0
    found = gan.findings_
    assert found[0].until == first.step
    assert truth_of(gan) > 5  # the default wants more steps for all of them
    again = sp.load(tmp_path / "run")
    assert again.applied_ == gan.applied_
    assert np.array_equal(np.asarray(again.sample(50, random_state=1)), np.asarray(gan.sample(50, random_state=1)))
    gan.save(tmp_path / "saved")
    kept = sp.load(tmp_path / "saved")
    assert kept.findings_ == found
    assert np.array_equal(np.asarray(kept.sample(50, random_state=1)), np.asarray(gan.sample(50, random_state=1)))


def test_a_treated_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stopper(progress: Any) -> None:
        if progress.step == 1_160:
            raise Stop

    whole = _collapsing(run=tmp_path / "whole", on_trouble="remedy", checkpoint_every=50).fit(GRID)
    assert whole.applied_[0].step < 1_160
    with pytest.raises(Stop):
        _collapsing(run=tmp_path / "cut", on_trouble="remedy", checkpoint_every=50, verbose=stopper).fit(GRID)
    cut = sp.GAN.resume(tmp_path / "cut", GRID)
    for one, other in zip(whole.generator_.parameters(), cut.generator_.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole.record_.rows() == cut.record_.rows()
    assert whole.findings_ == cut.findings_
    assert whole.applied_ == cut.applied_


def test_a_remedy_can_be_applied_to_a_stopped_run(tmp_path: Path) -> None:
    with pytest.raises(Trouble) as caught:
        _collapsing(run=tmp_path / "run", on_trouble="stop").fit(GRID)
    gan = sp.GAN.resume(tmp_path / "run", GRID, apply="lower-rates")
    (entry,) = gan.applied_
    assert (entry.name, entry.step, entry.finding) == ("lower-rates", caught.value.step, "")
    assert gan.record_.about["settings"]["generator_rate"] == pytest.approx(6e-4)
    assert gan.record_.rows()[-1]["generator/rate"] == pytest.approx(6e-4)
    with pytest.raises(InputError, match="has played all its steps"):
        sp.GAN.resume(tmp_path / "run", GRID, apply="another-seed")
    with pytest.raises(InputError, match="no remedy is called 'nothing'; there are default-game"):
        sp.GAN.resume(tmp_path / "run", GRID, apply="nothing")


def test_remedies_are_tried_in_turn_and_are_bounded() -> None:
    had = [Applied(name, 1, "", {}) for name in CURES["mode-collapse"]]
    names = [remedy.name for i in range(2) if (remedy := next_remedy("mode-collapse", had[:i]))]
    assert names == list(CURES["mode-collapse"])
    assert next_remedy("mode-collapse", had) is None
    assert next_remedy("unstable-gradient", [Applied("x", 1, "", {})] * 3) is None
    assert next_remedy("memorised-rows", []) is None
    assert {name for names in CURES.values() for name in names} <= set(REMEDIES)


def test_divergence_can_be_remedied() -> None:
    changes = {"penalties": {}, "optimizer": "sgd", "generator_rate": 1e4, "critic_rate": 1e4, "hold": 1.0}
    gan = sp.GAN("nonsaturating", changes=changes, steps=300, random_state=0, on_trouble="remedy").fit(GRID)
    assert [(entry.finding, entry.name) for entry in gan.applied_] == [("divergence", "default-game")]
    assert gan.findings_[0].name == "divergence"
    assert np.isfinite(np.asarray(gan.sample(100, random_state=0))).all()


def test_divergence_is_a_finding(tmp_path: Path) -> None:
    from functools import partial

    heavy = partial(torch.optim.SGD, momentum=0.99)
    changes = {"penalties": {}, "optimizer": heavy, "generator_rate": 1e4, "critic_rate": 1e4, "hold": 1.0}
    with pytest.raises(Diverged):
        sp.GAN("nonsaturating", changes=changes, steps=500, random_state=0, run=tmp_path / "run").fit(GRID)
    assert [plain["name"] for plain in Record.open(tmp_path / "run").findings()] == ["divergence"]
    assert [finding.name for finding in examined(Record.open(tmp_path / "run")).findings] == ["divergence"]


def test_a_finding_is_valid_json_also_where_a_value_is_not_finite() -> None:
    found = Finding("divergence", "failure", 3, 3, (Evidence("critic/loss", math.nan, "finite"),))
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert math.isnan(Finding.from_json(plain).evidence[0].value)


def test_an_unknown_word_for_trouble_is_refused() -> None:
    with pytest.raises(InputError, match="on_trouble must be"):
        sp.GAN(steps=10, on_trouble="panic").fit(GRID[:100])


def test_what_cannot_be_diagnosed_is_said(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "run", {"kind": "a-later-kind"})
    with pytest.raises(FolderError, match="cannot be diagnosed"):
        examined(record)


def test_diagnosis_of_an_old_run_needs_no_torch() -> None:
    code = "import sys, sparring.diagnose.examiner, sparring.diagnose.modes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
