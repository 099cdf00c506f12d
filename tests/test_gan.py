"""The GAN estimator: what a scikit-learn user expects of it, and that it learns."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

import sparring as sp
from sparring.data import toy
from sparring.errors import DataError, FolderError, InputError, ShapeError
from sparring.networks import ConvCritic, ConvGenerator
from sparring.objectives import WASSERSTEIN
from sparring.training import RECIPES, Recipe

RNG = np.random.default_rng(0)
KINDS: dict[str, Any] = {
    "rows": RNG.normal(5, 2, size=(60, 3)),
    "float32 rows": RNG.normal(size=(60, 4)).astype(np.float32),
    "whole rows": RNG.integers(-5, 90, size=(60, 2)),
    "grey bytes": RNG.integers(0, 256, size=(40, 8, 8), dtype=np.uint8),
    "RGB bytes": RNG.integers(0, 256, size=(40, 20, 17, 3), dtype=np.uint8),
    "RGBA bytes": RNG.integers(0, 256, size=(40, 9, 33, 4), dtype=np.uint8),
    "grey floats": RNG.uniform(-1, 3, size=(40, 5, 6)),
    "two channels": RNG.uniform(size=(40, 28, 28, 2)).astype(np.float32),
}


def _quick(**more: Any) -> sp.GAN:
    return sp.GAN(**{"steps": 6, "batch_size": 8, "random_state": 0, **more})


@pytest.mark.parametrize("kind", list(KINDS))
def test_samples_come_back_in_the_datas_range_shape_and_dtype(kind: str) -> None:
    data = KINDS[kind]
    samples = _quick().fit(data).sample(7, random_state=0)
    assert samples.shape == (7, *data.shape[1:])
    assert samples.dtype == data.dtype
    if data.ndim > 2:
        low, high = (0, 255) if data.dtype == np.uint8 else (data.min(), data.max())
        assert low <= samples.min() <= samples.max() <= high


def test_a_frame_comes_back_as_a_frame() -> None:
    frame = pd.DataFrame({"height": RNG.normal(170, 10, 50), "children": RNG.integers(0, 5, 50)})
    gan = _quick().fit(frame)
    samples = gan.sample(9, random_state=0)
    assert list(samples.columns) == ["height", "children"]
    assert list(samples.dtypes) == list(frame.dtypes)
    assert gan.score_samples(frame[:4]).shape == (4,)
    with pytest.raises(ShapeError, match="columns must be height, children"):
        gan.score_samples(frame[["children", "height"]])


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_random_state_alone_decides_a_run(recipe: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first = _quick(recipe=recipe).fit(KINDS["rows"]).sample(5, random_state=2)
        torch.manual_seed(2)
        np.random.seed(3)
        again = _quick(recipe=recipe).fit(KINDS["rows"]).sample(5, random_state=2)
    other = _quick(recipe=recipe, random_state=1).fit(KINDS["rows"]).sample(5, random_state=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_global_random_states_are_left_alone() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        np.random.seed(5)
        expected = torch.rand(3), np.random.rand(3)
        torch.manual_seed(5)
        np.random.seed(5)
        gan = _quick().fit(KINDS["rows"])
        gan.sample(3)
        gan.score_samples(KINDS["rows"])
        gan.judge(KINDS["rows"][:20])
        assert torch.equal(torch.rand(3), expected[0])
        assert np.array_equal(np.random.rand(3), expected[1])


def test_sampling_repeats_on_demand_and_only_then() -> None:
    gan = _quick().fit(KINDS["rows"])
    assert np.array_equal(gan.sample(4, random_state=7), gan.sample(4, random_state=7))
    assert not np.array_equal(gan.sample(4), gan.sample(4))
    assert len(gan.sample(3000)) == 3000
    for wrong in (0, -1, 2.5, "3", True):
        with pytest.raises(InputError, match="n must be a whole number"):
            gan.sample(wrong)


def test_numpys_numbers_are_numbers() -> None:
    gan = _quick(steps=np.int64(4), batch_size=np.int32(8), learning_rate=np.float32(1e-3)).fit(KINDS["rows"])
    assert gan.record_.about["steps"] == 4


def test_it_clones_pipes_and_pickles(tmp_path: Path) -> None:
    gan = _quick(recipe="wgan-gp", critic_steps=2)
    assert clone(gan).get_params() == gan.get_params()
    gan.fit(KINDS["rows"])
    again = pickle.loads(pickle.dumps(gan))
    assert np.array_equal(again.sample(3, random_state=0), gan.sample(3, random_state=0))
    assert not hasattr(again, "_train")
    make_pipeline(_quick()).fit(KINDS["rows"])
    with pytest.raises(NotFittedError):
        sp.GAN().sample(3)


def test_saved_models_come_back_without_pickles_or_rows(tmp_path: Path) -> None:
    gan = _quick().fit(KINDS["grey bytes"])
    gan.save(tmp_path / "model")
    again = sp.load(tmp_path / "model")
    assert np.array_equal(again.sample(5, random_state=1), gan.sample(5, random_state=1))
    assert np.allclose(again.score_samples(KINDS["grey bytes"]), gan.score_samples(KINDS["grey bytes"]))
    assert {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()} == {
        ".json", ".jsonl", ".safetensors",
    }  # fmt: skip
    with pytest.raises(DataError, match="data in memory; give them again"):
        again.judge(KINDS["grey bytes"])
    again.judge(KINDS["grey bytes"][:20], KINDS["grey bytes"][20:])
    with pytest.raises(FolderError, match="holds a run already"):
        gan.save(tmp_path / "model")
    with pytest.raises(FolderError, match="no folder"):
        sp.load(tmp_path / "nothing")


def test_a_users_own_networks_and_recipe(tmp_path: Path) -> None:
    generator, critic = ConvGenerator(5, (1, 8, 8), 4, last=nn.Tanh()), ConvCritic((1, 8, 8), 4)
    before = generator.dense.weight.clone()
    recipe = Recipe(WASSERSTEIN, critic_steps=2, batch_size=8, steps=4)
    gan = sp.GAN(recipe, generator=generator, critic=critic, latent_size=5, random_state=0).fit(KINDS["grey bytes"])
    assert torch.equal(generator.dense.weight, before)  # the user's module is a pattern, not the learner
    gan.save(tmp_path / "model")
    with pytest.raises(InputError, match="its own generator"):
        sp.load(tmp_path / "model")
    again = sp.load(tmp_path / "model", generator=generator, critic=critic, recipe=recipe)
    assert np.array_equal(again.sample(2, random_state=0), gan.sample(2, random_state=0))
    made: list[tuple[Any, ...]] = []

    def factory(latent_size: int, shape: tuple[int, ...]) -> nn.Module:
        made.append((latent_size, shape))
        return ConvGenerator(latent_size, shape, 4, last=nn.Tanh())

    _quick(generator=factory, latent_size=6).fit(KINDS["grey bytes"])
    assert made == [(6, (1, 8, 8))]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"recipe": "gan"}, "recipe must be auto, one of r3gan"),
        ({"steps": 0}, "steps must be a whole number above 0"),
        ({"batch_size": 2.5}, "batch_size must be"),
        ({"learning_rate": -1.0}, "learning_rate must be"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"validation_fraction": 1.5}, "validation_fraction must be"),
        ({"validation_fraction": 0.01}, "a verdict needs at least 12"),
        ({"device": "tpu-9"}, "device must be"),
        ({"precision": "half"}, "precision must be"),
        ({"random_state": -4}, "random_state must be"),
        ({"generator": nn.Linear(5, 3)}, "the generator cannot take noise"),
        ({"generator": nn.Linear(8, 4)}, "the generator must return samples"),
        ({"critic": nn.Linear(3, 2)}, "one score per sample"),
        ({"critic": nn.Linear(7, 1)}, "the critic cannot take samples"),
        ({"critic": nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))}, "batch normalisation"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _quick(run=tmp_path / "run", **wrong).fit(KINDS["rows"])
    assert not (tmp_path / "run").exists()


def test_a_taken_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(FolderError, match="not empty"):
        _quick(run=tmp_path).fit(KINDS["rows"])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_held_out_rows_give_a_verdict(tmp_path: Path) -> None:
    gan = _quick(validation_fraction=0.25, run=tmp_path / "run").fit(KINDS["rows"])
    assert gan.verdict_["w1"].floor > 0
    assert (tmp_path / "run/verdict.json").exists()
    assert (tmp_path / "run/report.html").stat().st_size > 5_000
    assert gan.record_.about["data"]["rows_train"] == 45
    assert sp.load(tmp_path / "run").verdict_ == gan.verdict_


def test_bfloat16_runs_where_it_is_asked_for() -> None:
    gan = _quick(precision="bfloat16").fit(KINDS["two channels"])
    assert gan.record_.about["place"]["precision"] == "bfloat16"
    assert gan.sample(3).dtype == np.float32
    assert next(gan.generator_.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("kind", "more", "precision"),
    [
        ("two channels", {}, "bfloat16"),
        ("two channels", {"recipe": "dcgan"}, "bfloat16"),
        ("two channels", {"recipe": "wgan-gp"}, "float32"),  # not measured
        ("two channels", {"recipe": "gan-2014"}, "float32"),
        ("grey floats", {}, "float32"),
        ("rows", {}, "float32"),
    ],
)
def test_bfloat16_is_chosen_for_convolutions_alone(
    monkeypatch: pytest.MonkeyPatch, kind: str, more: dict[str, Any], precision: str
) -> None:
    monkeypatch.setattr("sparring.place._has_fast_bfloat16", lambda device: True)
    gan = _quick(steps=2, **more).fit(KINDS[kind])
    assert gan.record_.about["place"]["precision"] == precision


# -- learning


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["r3gan", "nonsaturating", "wgan-gp"])
def test_it_learns_a_shifted_cloud(recipe: str) -> None:
    data = np.random.default_rng(1).normal([10.0, -3.0], [2.0, 0.5], size=(2000, 2))
    gan = sp.GAN(recipe, steps=400 if recipe == "wgan-gp" else 1500, random_state=0).fit(data)
    samples = gan.sample(2000, random_state=0)
    assert np.allclose(samples.mean(0), [10.0, -3.0], atol=[0.4, 0.12])
    assert np.allclose(samples.std(0), [2.0, 0.5], rtol=0.25)


@pytest.mark.slow
def test_it_finds_all_modes_of_a_ring() -> None:
    ring = toy.ring()
    gan = sp.GAN(steps=3000, random_state=0).fit(ring.sample(10_000, 0))
    assert ring.modes_and_quality(gan.sample(2500, random_state=0)).modes == 8


@pytest.mark.parametrize(
    ("shape", "recipe", "objective"),
    [
        ((40, 3), "r3gan", "relativistic"),
        ((40, 8, 8), "r3gan", "relativistic"),
        ((40, 20, 20), "nonsaturating", "non-saturating"),
    ],
)
def test_the_default_recipe_is_the_best_for_the_data(shape: tuple[int, ...], recipe: str, objective: str) -> None:
    data = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    gan = sp.GAN(steps=1, batch_size=4, random_state=0).fit(data)
    assert gan.record_.about["recipe"] == recipe
    assert gan.record_.about["settings"]["objective"] == objective
    assert gan.record_.about["parameters"]["recipe"] == "auto"
    assert "--recipe" not in (gan.record_.about["command"] or "")


def test_signals_have_the_recipe_that_was_measured_on_rows() -> None:
    gan = sp.GAN(steps=1, batch_size=4, random_state=0, kind="signal").fit(
        np.random.default_rng(0).normal(size=(40, 64))
    )
    assert gan.record_.about["recipe"] == "r3gan"
