"""What keeps a critic in bounds, packs, classes, and games that keep their best generator."""

import copy
import json
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sparring as sp
from sparring.chance import Chance, symmetric_uniform
from sparring.data.batches import Batches
from sparring.errors import DataError, InputError, Interrupted, ShapeError
from sparring.networks import (
    MLP,
    LabelledCritic,
    LabelledGenerator,
    ResidualCritic,
    ResidualGenerator,
    Waves,
    spectrally_normalised,
    summary,
    treats_samples_apart,
)
from sparring.objectives import HINGE, MINIMAX, WASSERSTEIN, clip_weights, r1
from sparring.training import RECIPES, Recipe, State, adversarial_game, changed, train
from sparring.training.adversarial import packed
from sparring.training.selection import Selection

ROWS = np.random.default_rng(0).normal(size=(80, 3))
IMAGES = np.random.default_rng(1).integers(0, 256, (60, 9, 7, 3), dtype=np.uint8)


def _game(recipe: Recipe, critic: nn.Module | None = None, shape: tuple[int, ...] = (3,)):  # noqa: ANN202
    torch.manual_seed(0)
    critic = critic or MLP((recipe.pack * shape[0],), (), (8,))
    return adversarial_game(MLP((2,), shape, (8,)), critic, 2, recipe, 10)


def _play(game, steps: int, *arrays: torch.Tensor, size: int = 8) -> None:  # noqa: ANN001
    for _ in train(game.turns, Batches(*arrays, size=size), steps, State(Chance(0))):
        pass


# -- constraints


def test_clipping_is_done_after_the_update() -> None:
    recipe = Recipe(WASSERSTEIN, clip=0.05, critic_rate=0.2, batch_size=8, critic_steps=2)
    game = _game(recipe)
    _play(game, 3, torch.from_numpy(ROWS).float())
    weights = torch.cat([weight.detach().flatten() for weight in game.turns[0].parameters])
    assert weights.abs().max().item() == pytest.approx(0.05)  # at the bound, not merely inside: nothing came after it
    assert (weights.abs() > 0.049).float().mean() > 0.5


@pytest.mark.parametrize("shared", [False, True])
def test_fakes_may_be_shared_by_both_turns(shared: bool) -> None:
    """Played by hand: the generator's gradient is that on the fakes that the critic learned from."""
    noise: list[torch.Tensor] = []

    def law(*size: int, **others: Any) -> torch.Tensor:
        noise.append(torch.randn(*size, **others))
        return noise[-1]

    plain = partial(torch.optim.SGD, momentum=0.0)
    game = _game(Recipe(MINIMAX, shared=shared, noise=law, optimizer=plain, batch_size=8, half_life=0.0))
    generator, critic = (copy.deepcopy(game.parts[name]) for name in ("generator", "critic"))
    _play(game, 1, torch.from_numpy(ROWS).float())
    assert len(noise) == (1 if shared else 2)
    critic.load_state_dict(game.parts["critic"].state_dict())  # which has learned before the generator does
    loss = MINIMAX.generator(None, critic(generator(noise[-1])))
    for before, after, slope in zip(
        generator.parameters(),
        game.parts["generator"].parameters(),
        torch.autograd.grad(loss, [*generator.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(after, before - 1e-3 * slope)


def test_clip_weights_is_a_projection() -> None:
    weights = [torch.tensor([-3.0, 0.01, 2.0]), torch.tensor([[0.5]])]
    clip_weights(weights, 0.1)
    assert [w.tolist() for w in weights] == [pytest.approx([-0.1, 0.01, 0.1]), [[pytest.approx(0.1)]]]
    with pytest.raises(InputError, match="above 0"):
        clip_weights(weights, 0.0)


@pytest.mark.parametrize("layer", [nn.Linear(7, 5), nn.Conv2d(3, 4, 3)], ids=["linear", "convolution"])
def test_spectral_norms_become_one(layer: Any) -> None:
    torch.manual_seed(0)  # the power iteration needs a largest singular value that stands out
    layer.reset_parameters()
    with torch.no_grad():
        layer.weight.mul_(9)
    made = spectrally_normalised(nn.Sequential(layer))
    x = torch.zeros(2, 7) if isinstance(layer, nn.Linear) else torch.zeros(2, 3, 5, 5)
    for _ in range(200):
        made(x)
    largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0]
    assert largest.item() == pytest.approx(1.0, rel=1e-3)


def test_a_spectrally_normalised_network_has_a_slope_of_at_most_one() -> None:
    torch.manual_seed(0)
    critic = spectrally_normalised(MLP((6,), (), (32, 32), nn.ReLU))
    for _ in range(200):
        critic(torch.zeros(1, 6))
    slope = r1(critic.eval(), torch.randn(500, 6) * 3)
    assert 0 < slope.item() <= 1.0
    assert treats_samples_apart(critic)
    assert summary(critic) == "Linear 6-32, ReLU, Linear 32-32, ReLU, Linear 32-1, Flatten"


@pytest.mark.parametrize(
    "settings", [{"penalties": {"r1": 1.0}}, {"penalties": {"one_centred": 10}}, {"spectral": True}]
)
def test_batch_normalisation_is_refused_where_it_undoes_a_constraint(settings: dict[str, Any]) -> None:
    mixing = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    with pytest.raises(InputError, match="the critic has batch normalisation"):
        _game(changed(Recipe(HINGE, batch_size=8), settings), mixing)
    _game(Recipe(WASSERSTEIN, clip=0.01, batch_size=8), mixing)  # clipping bounds it all the same


# -- packs


def test_packs_join_samples_that_follow_each_other() -> None:
    images = torch.arange(2 * 2 * 1 * 2 * 2).view(4, 1, 2, 2)
    assert torch.equal(packed(images, 2), torch.cat([images[0::2], images[1::2]], 1))
    assert packed(images, 1) is images


def test_a_packed_critic_sees_packs_of_either_kind() -> None:
    class Watching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.seen = nn.Linear(6, 1), []

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen.append(tuple(x.shape))
            return self.linear(x)

    critic = Watching()
    recipe = changed(RECIPES["pacgan"]["table"], {"batch_size": 8, "penalties": {"r1": 1.0}})
    _play(_game(recipe, critic), 1, torch.from_numpy(ROWS).float())
    assert critic.seen == [(4, 6), (4, 6), (4, 6), (4, 6)]  # real, fake, the penalty's, the generator's turn


def test_batches_must_be_whole_packs() -> None:
    with pytest.raises(InputError, match=r"batches of 9 cannot be packed by 2.*multiple of 2"):
        _game(Recipe(MINIMAX, pack=2, batch_size=9))
    gan = sp.GAN("pacgan", steps=2, batch_size=8, random_state=0).fit(ROWS)
    with pytest.raises(InputError, match="judges 2 samples together"):
        gan.score_samples(ROWS)
    with pytest.raises(InputError, match="no one class"):
        sp.GAN("pacgan", steps=2).fit(ROWS, np.arange(80) % 2)


# -- changes


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"objektive": "hinge"}, "did you mean 'objective'"),
        ({"objective": "hing"}, "objective must be one of minimax"),
        ({"penalties": {"r3": 1.0}}, "penalties are r1, r2, one_centred"),
        ({"penalties": {"r1": -1.0}}, "weight of r1 must be"),
        ({"pack": 0}, "pack must be a whole number above 0"),
        ({"clip": 0}, "clip must be a number above 0"),
        ({"spectral": "yes"}, "spectral must be True or False"),
        ({"shared": 1}, "shared must be True or False"),
        ({"half_life": -1}, "half_life must be"),
        ({"networks": "residual"}, "are for images"),
    ],
    ids=str,
)
def test_wrong_changes_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sp.GAN(changes=wrong, steps=2).fit(ROWS)


def test_every_part_can_be_changed_in_plain_words(tmp_path: Path) -> None:
    changes = {
        "objective": "least-squares", "penalties": {"r1": 0.5, "one_centred": 1.0}, "noise": "uniform", "half_life": 0,
        "optimizer": "rmsprop", "networks": "residual", "critic_steps": 2, "hold": 1, "generator_rate": 1e-4,
    }  # fmt: skip
    gan = sp.GAN(changes=changes, steps=3, batch_size=8, random_state=0, run=tmp_path / "run").fit(IMAGES)
    settings = json.loads((tmp_path / "run/run.json").read_text())["settings"]
    assert settings["objective"] == "least-squares"
    assert settings["penalties"] == ["r1, weight 0.5, every 1 step(s)", "one_centred, weight 1, every 1 step(s)"]
    assert (settings["noise"], settings["networks"], settings["critic_steps"]) == ("symmetric_uniform", "residual", 2)
    assert settings["optimizer"] == "RMSprop(foreach=True)"
    back = sp.load(tmp_path / "run")
    assert np.array_equal(back.sample(5, random_state=1), gan.sample(5, random_state=1))


def test_a_users_own_objects_must_be_given_again(tmp_path: Path) -> None:
    gan = sp.GAN(changes={"objective": HINGE}, steps=2, batch_size=8, random_state=0, run=tmp_path / "run").fit(ROWS)
    with pytest.raises(InputError, match="its own changes; give it again"):
        sp.load(tmp_path / "run")
    back = sp.load(tmp_path / "run", changes={"objective": HINGE})
    assert np.array_equal(back.sample(5, random_state=1), gan.sample(5, random_state=1))


# -- networks


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 7), (4, 1, 40), (2, 33, 64), (1, 5, 5)], ids=str)
def test_the_residual_pair_takes_any_size(shape: tuple[int, int, int]) -> None:
    generator, critic = ResidualGenerator(6, shape, 4, last=nn.Tanh()), ResidualCritic(shape, 4)
    for network in (generator, critic):  # zero-initialised ends hide what lies before them
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.1)
    images = generator(torch.randn(3, 6))
    assert images.shape == (3, *shape)
    scores = critic(images)
    assert scores.shape == (3,)
    assert ResidualCritic(shape, 4, outputs=5)(images).shape == (3, 5)
    scores.sum().backward()
    for parameter in (*generator.parameters(), *critic.parameters()):
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0


def test_a_new_residual_block_changes_nothing() -> None:
    blocks = [module for module in ResidualCritic((1, 8, 8), 4).modules() if type(module).__name__ == "_Block"]
    for block in blocks:
        x = torch.randn(2, block.branch[0].in_channels, 6, 5)
        assert torch.equal(block(x), x)
    assert len(blocks) == 2


def test_penalties_differentiate_residual_critics_twice() -> None:
    torch.manual_seed(0)
    critic = ResidualCritic((1, 5, 4), 2).double()
    for parameter in critic.parameters():
        nn.init.normal_(parameter, std=0.3)
    x = torch.randn(2, 1, 5, 4, dtype=torch.float64)
    weight = next(critic.parameters())

    def value(step: float) -> float:
        with torch.no_grad():
            weight[0, 0, 1, 1] += step
        found = r1(critic, x).item()
        with torch.no_grad():
            weight[0, 0, 1, 1] -= step
        return found

    (slope,) = torch.autograd.grad(r1(critic, x), weight)
    difference = (value(1e-5) - value(-1e-5)) / 2e-5
    assert slope[0, 0, 1, 1].item() == pytest.approx(difference, rel=1e-6)


def test_waves_are_their_formula() -> None:
    x = torch.randn(4, 2, dtype=torch.float64)
    made = Waves(2, (1.5, 4.0)).double()(x)
    expected = [x, *(getattr(torch, f)(x[:, [i]] * w) for f in ("sin", "cos") for i in (0, 1) for w in (1.5, 4.0))]
    assert torch.allclose(made, torch.cat(expected, 1), rtol=1e-12)


# -- classes


def test_labelled_networks_are_their_formulas() -> None:
    network, body, last = nn.Linear(5, 2), nn.Linear(2, 4), nn.Linear(4, 3)
    z, y = torch.randn(3, 2), torch.tensor([2, 0, 1])
    told = torch.cat([z, torch.eye(3)[y]], 1)
    assert torch.equal(LabelledGenerator(network, 3)(z, y), network(told))
    x = torch.randn(3, 2)
    features = body(x)
    projected = (features * last.weight[y]).sum(1) + last.bias[y]  # <embedding of y, features> + its bias
    assert torch.allclose(LabelledCritic(nn.Sequential(body, last))(x, y), projected, atol=1e-6)


@pytest.mark.parametrize("recipe", ["r3gan", "wgan-gp", "hinge", "dcgan", "gan-2014"])
def test_classes_reach_both_networks(recipe: str, tmp_path: Path) -> None:
    y = np.array(["cat", "dog", "eel"])[np.arange(60) % 3]
    gan = sp.GAN(recipe, steps=3, batch_size=6, random_state=0, run=tmp_path / "run").fit(IMAGES, y)
    assert gan.classes_.tolist() == ["cat", "dog", "eel"]
    same = torch.randn(1, gan.latent_size_).repeat(3, 1).numpy()
    made = gan.sample(latent=same, y=["cat", "dog", "eel"]).astype(int)
    assert np.abs(made[0] - made[1]).max() > 0  # the same noise, another class
    assert gan.sample(4, y="dog").shape == (4, 9, 7, 3)
    assert gan.score_samples(IMAGES[:5], y[:5]).shape == (5,)
    back = sp.load(tmp_path / "run")
    assert np.array_equal(back.sample(7, random_state=1), gan.sample(7, random_state=1))


def test_shares_of_classes_are_kept_to_a_sample() -> None:
    y = np.repeat([10, 20, 30], [40, 30, 10])
    gan = sp.GAN(steps=2, batch_size=8, random_state=0).fit(ROWS, y)
    assert np.bincount(gan.draw_labels(80, random_state=0), minlength=31)[[10, 20, 30]].tolist() == [40, 30, 10]
    assert np.bincount(gan.draw_labels(7, "balanced", random_state=0))[[10, 20, 30]].tolist() in (
        [3, 2, 2], [2, 3, 2], [2, 2, 3],
    )  # fmt: skip
    assert np.bincount(gan.draw_labels(8, {20: 3, 10: 1}), minlength=31)[[10, 20, 30]].tolist() == [2, 6, 0]
    assert set(gan.draw_labels(5, 30)) == {30}
    single = [gan.draw_labels(1, random_state=seed)[0] for seed in range(400)]  # one alone is not always the commonest
    assert np.bincount(single)[[10, 20, 30]] / 400 == pytest.approx([0.5, 0.375, 0.125], abs=0.08)
    labels = gan.draw_labels(9, random_state=4)
    assert np.array_equal(gan.sample(9, random_state=4), gan.sample(9, y=labels, random_state=4))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"n": 3, "y": 99}, DataError, "the class 99, which is not among"),
        ({"n": 3, "y": [0, 1]}, ShapeError, "2 classes for 3 samples"),
        ({"n": 3, "y": {0: -1}}, InputError, "shares of classes"),
        ({"n": 3, "latent": np.zeros((3, 2))}, ShapeError, r"latent must be numbers \(n, 4\)"),
        ({"n": 3, "latent": np.full((3, 4), np.nan)}, DataError, "finite"),
        ({"n": 2, "latent": np.zeros((3, 4))}, InputError, "3 vectors for 2 samples"),
    ],
    ids=str,
)
def test_wrong_wishes_are_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    gan = sp.GAN(steps=1, batch_size=8, latent_size=4, random_state=0).fit(ROWS, np.arange(80) % 2)
    with pytest.raises(error, match=message):
        gan.sample(**given)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (np.zeros(80), DataError, "at least two classes"),
        (np.arange(79), ShapeError, "one class for each of the 80 rows"),
        (np.linspace(0, 1, 80), DataError, "classes are needed"),
        (np.arange(80), DataError, "80 different values"),
        (np.where(np.arange(80) == 3, np.nan, 1.0), DataError, "row 3"),
        (np.array(["a", None] * 40, object), DataError, "no class in row 1"),
    ],
    ids=["one", "short", "numbers", "all different", "missing", "none"],
)
def test_wrong_classes_are_refused(y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sp.GAN(steps=1).fit(ROWS, y)


def test_models_without_classes_say_so() -> None:
    gan = sp.GAN(steps=1, batch_size=8, random_state=0).fit(ROWS)
    with pytest.raises(InputError, match="fitted without classes"):
        gan.sample(2, y=1)
    with pytest.raises(InputError, match="fitted without classes"):
        gan.draw_labels(2)


@pytest.mark.slow
def test_samples_are_of_the_class_asked_for() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=2000)
    X = rng.normal(size=(2000, 1)) * 0.5 + np.where(y, 4.0, -4.0)[:, None]
    gan = sp.GAN(steps=600, random_state=0).fit(X, y)
    for label, centre in ((0, -4.0), (1, 4.0)):
        made = gan.sample(500, y=label, random_state=1)
        assert abs(made.mean() - centre) < 0.5
        assert (np.sign(made) == np.sign(centre)).mean() > 0.98


# -- sampling


def test_latent_vectors_are_the_samples() -> None:
    gan = sp.GAN(steps=2, batch_size=8, random_state=0).fit(ROWS)
    noise = gan._sampler.noise(1500, 3).numpy()  # more than are made in one pass
    assert np.array_equal(gan.sample(latent=noise), gan.sample(1500, random_state=3))
    assert np.allclose(gan.sample(latent=noise[1200:1300]), gan.sample(1500, random_state=3)[1200:1300], atol=1e-6)


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_ways_begin_and_end_at_samples(noise: str) -> None:
    gan = sp.GAN(changes={"noise": noise}, steps=2, batch_size=8, random_state=0).fit(ROWS)
    ends = np.random.default_rng(0).normal(size=(2, 3, gan.latent_size_)).astype(np.float32)
    way = gan.interpolate(5, latent=ends).reshape(3, 5, 3)
    assert np.allclose(way[:, 0], gan.sample(latent=ends[0]), atol=1e-5)
    assert np.allclose(way[:, -1], gan.sample(latent=ends[1]), atol=1e-5)
    assert np.array_equal(gan.interpolate(4, 2, random_state=0), gan.interpolate(4, 2, random_state=0))


def test_arcs_keep_the_length_of_the_noise() -> None:
    from sparring.estimators.sampling import between

    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    assert between(a, b, 7, straight=False).norm(dim=1).tolist() == pytest.approx([3.0] * 7)
    assert between(a, b, 3, straight=True)[1].tolist() == [1.5, 1.5]
    assert torch.allclose(between(a, a, 3, straight=False), a.repeat(3, 1))


def test_uniform_noise_lies_within_one() -> None:
    drawn = symmetric_uniform(4000, 3, generator=torch.Generator().manual_seed(0))
    assert -1 <= drawn.min() < -0.99
    assert 0.99 < drawn.max() < 1
    assert abs(drawn.mean().item()) < 0.03


# -- the best generator


def test_the_best_generator_is_kept_and_the_game_ends() -> None:
    values = iter([3.0, 1.0, 2.0, 5.0, 4.0])
    game = _game(Recipe(HINGE, batch_size=8))
    average = game.parts["average"]
    seen: list[torch.Tensor] = []

    def measure(generator: nn.Module) -> dict[str, float]:
        seen.append(next(generator.parameters()).clone())
        return {"validation/w1": next(values)}

    from sparring.training.stopping import Patience

    watch = Selection(average.module, measure, 2, 100, Patience(2))  # pyright: ignore[reportAttributeAccessIssue]
    rows = []
    for step in train(game.turns, Batches(torch.from_numpy(ROWS).float(), size=8), 100, State(Chance(0))):
        rows.append(watch.see(step))
        if watch.done:
            break
    assert [row and row["validation/w1"] for row in rows] == [None, 3.0, None, 1.0, None, 2.0, None, 5.0]
    assert (watch.best.step, watch.best.value, watch.looks) == (4, 1.0, 4)
    watch.best.restore()
    assert torch.equal(next(average.module.parameters()), seen[1])  # pyright: ignore[reportAttributeAccessIssue]


def test_a_game_that_may_stop_early_resumes_to_the_same_bits(tmp_path: Path) -> None:
    def make(name: str, **more: Any) -> sp.GAN:
        return sp.GAN(
            steps=450, batch_size=8, early_stopping=True, validation_fraction=0.3, random_state=0,
            checkpoint_every=50, run=tmp_path / name, **more,
        )  # fmt: skip

    straight = make("straight").fit(ROWS)
    looks = [row for row in straight.record_.rows() if "validation/w1" in row]
    assert [row["step"] for row in looks] == [100, 200, 300, 400, 450]
    assert straight.best_step_ == min(looks, key=lambda row: row["validation/w1"])["step"]

    def stop(progress: Any) -> None:
        if progress.step == 230:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        make("stopped", verbose=stop).fit(ROWS)
    resumed = sp.GAN.resume(tmp_path / "stopped", ROWS)
    assert resumed.best_step_ == straight.best_step_
    assert resumed.record_.rows() == straight.record_.rows()
    for model in (resumed, sp.load(tmp_path / "straight")):
        assert np.array_equal(model.sample(9, random_state=0), straight.sample(9, random_state=0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"stop_on": "loss"}, "stop_on must be w1 or coverage"), ({"n_iter_no_change": 0}, "n_iter_no_change must be")],
)
def test_wrong_reasons_to_stop_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sp.GAN(early_stopping=True, validation_fraction=0.3, steps=2, **wrong).fit(ROWS)


# -- data


def test_flipped_images_are_learned_both_ways_round() -> None:
    images = torch.arange(5 * 6, dtype=torch.float32).view(5, 1, 2, 3)
    batches = Batches(images, torch.arange(5), size=5, seed=3, mirrored=True)
    (first, a), (second, b) = batches[0], batches[1]  # one epoch of ten
    made, labels = torch.cat([first, second]), torch.cat([a, b])
    assert sorted(labels.tolist()) == sorted([*range(5), *range(5)])
    for i in range(5):
        pair = made[labels == i]
        assert sorted([torch.equal(x, images[i]) for x in pair]) == [False, True]
        assert sorted([torch.equal(x, images[i].flip(-1)) for x in pair]) == [False, True]
    with pytest.raises(InputError, match="flip is for images"):
        sp.GAN(flip=True, steps=1).fit(ROWS)
    sp.GAN(flip=True, steps=1, batch_size=8).fit(IMAGES)


def test_only_some_rows_of_an_array_may_be_taken() -> None:
    among = torch.tensor([1, 4, 5])
    (taken, labels), *_ = Batches(torch.arange(6) * 10, torch.tensor([7, 8, 9]), size=3, among=among)[0], None
    assert dict(zip(taken.tolist(), labels.tolist(), strict=True)) == {10: 7, 40: 8, 50: 9}


def test_rows_on_the_disk_teach_the_same_as_rows_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    settings = {"steps": 5, "batch_size": 8, "random_state": 0, "validation_fraction": 0.25}
    plain = sp.GAN(**settings).fit(tmp_path / "images.npy")
    monkeypatch.setattr("sparring.data.source.MAPPED", 100)
    monkeypatch.setattr("sparring.estimators.game.RESIDENT", 100)
    mapped = sp.GAN(**settings).fit(tmp_path / "images.npy")
    assert isinstance(mapped._train.values, np.memmap)
    assert np.array_equal(plain.sample(5, random_state=0), mapped.sample(5, random_state=0))
    assert plain.verdict_.figures == mapped.verdict_.figures


def test_a_folder_too_large_for_memory_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    from sparring.data.source import read

    (tmp_path / "images").mkdir()
    for i, image in enumerate(IMAGES[:6]):
        Image.fromarray(image).save(tmp_path / "images" / f"{i}.png")
    Image.fromarray(IMAGES[6][:, :5]).save(tmp_path / "images" / "6.png")  # of another size
    plain = read(tmp_path / "images").values
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sparring.data.source.MAPPED", 100)
    first = read(tmp_path / "images")
    assert isinstance(first.values, np.memmap)
    assert np.array_equal(first.values, plain)
    assert first.fingerprint == read(tmp_path / "images").fingerprint
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1
    Image.fromarray(IMAGES[9]).save(tmp_path / "images" / "7.png")
    assert len(read(tmp_path / "images").values) == 8


def test_several_may_decode_a_folder_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from PIL import Image

    from sparring.data import cache

    for i, image in enumerate(IMAGES[:20]):
        Image.fromarray(image).save(tmp_path / f"{i:02}.png")
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    together = Barrier(4)
    reader = cache.image_reader

    def waits(*given: Any) -> Any:
        together.wait(10)  # all have found that there is no file yet
        return reader(*given)

    monkeypatch.setattr(cache, "image_reader", waits)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: cache.read_cached(tmp_path, None, 0), range(4)))
    for each in found:
        assert each is not None
        assert np.array_equal(each[0].reshape(20, *IMAGES.shape[1:]), IMAGES[:20])
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("shape", [(40, 30), (40, 17, 2)], ids=str)
def test_signals_come_back_as_signals(shape: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    signals = np.sin(np.linspace(0, 6, shape[1]) + rng.uniform(0, 6, (40, 1)))
    signals = signals if len(shape) == 2 else np.stack([signals, signals**2], 2)
    gan = sp.GAN(kind="signal", steps=3, batch_size=8, random_state=0, run=tmp_path / "run").fit(signals)
    made = gan.sample(6, random_state=0)
    assert made.shape == (6, *shape[1:])
    assert made.dtype == signals.dtype
    assert np.allclose(gan.schema_.decode(gan.schema_.encode(signals)), signals, atol=1e-6)
    assert any("Conv" in type(module).__name__ for module in gan.generator_.modules())
    assert (tmp_path / "run/samples/real.png").exists()
    assert np.array_equal(sp.load(tmp_path / "run").sample(6, random_state=0), made)


def test_signals_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="kind must be auto, table, image or signal"):
        sp.GAN(kind="sound").fit(ROWS)
    with pytest.raises(ShapeError, match="signals must have the shape"):
        sp.GAN(kind="signal").fit(IMAGES)
    with pytest.raises(DataError, match="channel 0 of every signal is 1"):
        sp.GAN(kind="signal").fit(np.ones((20, 9)))
    with pytest.raises(ShapeError, match="are no image"):
        sp.GAN(kind="image").fit(ROWS)
