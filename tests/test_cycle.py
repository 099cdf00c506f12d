"""A CycleGAN's game, its buffer and restarts, translators of any size, and the maps that it begins with."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.data.source import read
from sparring.data.unpaired import Unpaired
from sparring.errors import InputError
from sparring.estimators.cycle import CycleGAN
from sparring.estimators.cycle_job import cycle_job
from sparring.estimators.cycle_starts import starts_of
from sparring.networks import (
    LEAKY,
    MLP,
    ImageTranslator,
    MapNorm,
    PatchCritic,
    Symmetry,
    VectorTranslator,
    symmetries,
    tiled,
)
from sparring.objectives import LEAST_SQUARES
from sparring.place import Place
from sparring.training import State, train
from sparring.training.buffer import Buffer
from sparring.training.cycle import CycleRecipe, cycle_game
from sparring.training.cycle_recipes import CYCLE_RECIPES
from sparring.training.recipe import Penalty
from sparring.training.restarts import Restarts, own_step
from sparring.training.slopes import PENALTIES
from sparring.transport.aligning import alignments

STEPS = 6
RECIPE = CycleRecipe(
    buffer=0, steps=STEPS, batch_size=8, adversarial=(1.0, 0.5), cycle=(10.0, 4.0), identity=(2.0, 3.0)
)


def _networks(seed: int = 0) -> tuple[nn.ModuleDict, nn.ModuleDict]:
    torch.manual_seed(seed)
    generators = nn.ModuleDict({name: VectorTranslator(2, 2, (8,)) for name in "GF"})
    critics = nn.ModuleDict({side: MLP((2,), (), (8,), LEAKY) for side in "AB"})
    return generators, critics


def _batches(size: int = 8, shape: Sequence[int] = (2,)) -> Unpaired:
    chance = torch.Generator().manual_seed(1)
    a, b = (torch.randn(40, *shape, generator=chance) for _ in range(2))
    return Unpaired(Batches(a, size=size, seed=1), Batches(b + 1, size=size, seed=2))


def _play(recipe: CycleRecipe, networks: tuple[nn.ModuleDict, nn.ModuleDict], steps: int = STEPS) -> list[dict]:
    game = cycle_game(*networks, recipe, steps)
    steps_made = train(game.turns, _batches(recipe.batch_size), steps, State(Chance(0)))
    return [dict(step.row(Place())) for step in steps_made]


# -- the game


def test_a_round_is_the_papers_equations_written_out() -> None:
    """Against a plain loop: both generators' losses, then both critics' on the fakes of that round, Adam, the fall."""
    ours, plain = _networks(), _networks()
    _play(RECIPE, ours)
    (g, f), (d_a, d_b) = (plain[0]["G"], plain[0]["F"]), (plain[1]["A"], plain[1]["B"])
    makers = torch.optim.Adam(plain[0].parameters(), lr=2e-4, betas=(0.5, 0.999))
    judges = torch.optim.Adam(plain[1].parameters(), lr=2e-4, betas=(0.5, 0.999))
    batches = _batches()
    for step in range(STEPS):
        for optimizer in (makers, judges):
            optimizer.param_groups[0]["lr"] = 2e-4 * min(1.0, (STEPS - step) / (STEPS / 2))
        a, b = batches[step]
        fake_b, fake_a = g(a), f(b)
        loss = 1.0 * ((d_b(fake_b) - 1) ** 2).mean() / 2 + 0.5 * ((d_a(fake_a) - 1) ** 2).mean() / 2
        loss = loss + 10 * (f(fake_b) - a).abs().mean() + 4 * (g(fake_a) - b).abs().mean()
        loss = loss + 2 * (f(a) - a).abs().mean() + 3 * (g(b) - b).abs().mean()
        makers.zero_grad()
        loss.backward()
        makers.step()
        loss = torch.zeros(())
        for critic, real, fake in ((d_a, a, fake_a), (d_b, b, fake_b)):
            loss = loss + (((critic(real) - 1) ** 2).mean() + (critic(fake.detach()) ** 2).mean()) / 2
        judges.zero_grad()
        loss.backward()
        judges.step()
    for mine, theirs in zip(ours, plain, strict=True):
        for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def _counted(networks: tuple[nn.ModuleDict, nn.ModuleDict]) -> dict[str, int]:
    """How many rows each network has seen; filled while it is played."""
    seen = dict.fromkeys(("G", "F", "A", "B"), 0)

    def count(name: str, module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        seen[name] += len(given[0])

    for group in networks:
        for name, network in group.items():
            network.register_forward_hook(partial(count, name))
    return seen


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # of 8 rows: fakes, those that come back; a critic sees fakes once, then real rows and fakes
        ({}, {"G": 16, "F": 16, "A": 24, "B": 24}),
        ({"adversarial": (0, 0)}, {"G": 16, "F": 16, "A": 0, "B": 0}),  # cycle alone
        ({"cycle": (0, 0)}, {"G": 8, "F": 8, "A": 24, "B": 24}),  # the critics alone
        ({"cycle": (10, 0)}, {"G": 8, "F": 16, "A": 24, "B": 24}),  # forward only
        ({"cycle": (0, 10)}, {"G": 16, "F": 8, "A": 24, "B": 24}),  # backward only
        ({"adversarial": (1, 0), "cycle": (0, 0)}, {"G": 8, "F": 0, "A": 0, "B": 24}),  # one GAN
        ({"identity": (1, 1)}, {"G": 24, "F": 24, "A": 24, "B": 24}),
    ],
    ids=str,
)
def test_what_weighs_nothing_is_not_computed(changes: dict, expected: dict[str, int]) -> None:
    networks = _networks()
    seen = _counted(networks)
    recipe = replace(RECIPE, **{"identity": (0.0, 0.0), **changes})
    rows = _play(recipe, networks, steps=1)
    assert seen == expected
    terms = {name.partition("/")[2] for name in rows[0]}
    assert ("A/cycle" in terms, "B/cycle" in terms) == tuple(weight > 0 for weight in recipe.cycle)
    assert ("B/adversarial" in terms, "A/adversarial" in terms) == tuple(weight > 0 for weight in recipe.adversarial)
    assert ("A/identity" in terms) == (recipe.identity[0] > 0)


def test_a_critic_whose_game_weighs_nothing_does_not_learn() -> None:
    networks = _networks()
    before = copy.deepcopy(networks)
    _play(replace(RECIPE, adversarial=(1.0, 0.0)), networks)
    assert all(map(torch.equal, networks[1]["A"].parameters(), before[1]["A"].parameters()))
    assert not all(map(torch.equal, networks[1]["B"].parameters(), before[1]["B"].parameters()))


def test_penalties_are_on_both_critics_slopes() -> None:
    penalty = Penalty("r1", PENALTIES["r1"], 0.5, 0.5)
    (row, *_) = _play(replace(RECIPE, penalties=(penalty,)), _networks())
    _, critics = _networks()
    for side, rows in zip("AB", _batches()[0], strict=True):
        point = rows.clone().requires_grad_()
        (slope,) = torch.autograd.grad(critics[side](point).sum(), point)
        assert row[f"critics/{side}/r1"] == pytest.approx(float(slope.square().sum(1).mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "ranks", "said"),
    [
        ({"adversarial": (0, 0), "cycle": (0, 0), "identity": (0, 0)}, 1, "every weight is 0"),
        ({"cycle": (-1, 0)}, 1, "at least 0"),
        ({"buffer": 5}, 2, "use buffer=0, or one process"),
    ],
)
def test_games_that_cannot_be_are_refused(changes: dict, ranks: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        cycle_game(*_networks(), replace(RECIPE, **changes), 4, ranks=ranks)


# -- what is remembered between rounds


def test_a_buffer_shows_old_fakes_half_of_the_time() -> None:
    chance, buffer = Chance(0), Buffer(50)
    first = torch.arange(50.0).view(-1, 1)
    assert torch.equal(buffer.shown(first, chance), first)  # there is room for them
    old = shown_twice = 0
    for i in range(1, 201):
        fakes = torch.arange(10.0).view(-1, 1) + 1000 * i
        shown = buffer.shown(fakes, chance)
        kept = shown[:, 0] < 1000 * i
        assert torch.equal(shown[~kept], fakes[~kept])
        old += int(kept.sum())
        shown_twice += 10 - len(set(shown[:, 0].tolist()))
        assert buffer.kept is not None
        assert set(fakes[kept, 0].tolist()) <= set(buffer.kept[:, 0].tolist())  # the new ones took their places
    assert abs(old / 2000 - 0.5) < 0.04  # 3.6 standard errors
    assert shown_twice == 0
    again = Buffer(50)
    again.load_state_dict(buffer.state_dict())
    assert torch.equal(again.kept, buffer.kept)


def test_a_buffer_smaller_than_a_batch_and_none_at_all() -> None:
    fakes = torch.arange(20.0).view(-1, 1)
    small = Buffer(4)
    small.shown(fakes, Chance(0))
    assert torch.equal(small.shown(fakes + 100, Chance(0))[4:], fakes[4:] + 100)
    assert Buffer(0).shown(fakes, Chance(0)) is fakes


class _Part:
    def __init__(self) -> None:
        self.value = 0.0

    def state_dict(self) -> dict:
        return {"value": self.value}

    def load_state_dict(self, state: dict) -> None:
        self.value = state["value"]


@pytest.mark.parametrize(
    "figures", [(3.0, 1.0, 2.0), (1.0, 1.5, 2.0), (float("nan"), 2.0, 1.0), (2.0, float("nan"), 3.0)]
)
def test_the_best_restart_is_gone_on_with(figures: tuple[float, ...]) -> None:
    part, measured = _Part(), iter(figures)
    restarts = Restarts({"part": part}, 3, 4, lambda i: {"part": {"value": 10.0 * i}}, lambda: {"w1": next(measured)})
    game = cycle_game(*_networks(), RECIPE, 20)
    for step in train(game.turns, _batches(), 14, State(Chance(0))):
        part.value += 1
        said = restarts.see(step)
        assert (said is None) == (step.index not in (4, 8, 12))
    best = min(range(3), key=lambda i: figures[i] if figures[i] == figures[i] else np.inf)
    assert restarts.chosen == best
    assert part.value == 10 * best + 4 + 2  # its short game, and what came after
    assert restarts.state_dict()["best"] is None


def test_a_restarts_schedule_is_its_own() -> None:
    assert [own_step(i, 2, 3) for i in range(8)] == [0, 1, 2, 0, 1, 2, 3, 4]
    assert [own_step(i, 1, 3) for i in range(4)] == [0, 1, 2, 3]


# -- networks


@pytest.mark.parametrize("size", [(7, 9), (1, 11), (5, 5), (16, 16), (13, 1)])
@pytest.mark.parametrize("halvings", [0, 1, 2])
@pytest.mark.parametrize("norm", [None, "instance"])
def test_a_translation_has_its_images_size_whatever_it_is(
    size: tuple[int, int], halvings: int, norm: str | None
) -> None:
    network = ImageTranslator((3, *size), 2, 4, 1, halvings, norm=norm)
    assert network(torch.rand(2, 3, *size)).shape == (2, 2, *size)
    assert PatchCritic((2, *size), 4, halvings, norm)(torch.rand(2, 2, *size)).shape[0] == 2


@pytest.mark.parametrize("size", [(6, 9), (1, 7), (5, 1), (1, 1)])
def test_enlarged_is_interpolated_and_then_convolved(size: tuple[int, int]) -> None:
    """As torch does it in two steps: the same maps, and the same gradients of input, weights and bias."""
    factors = [1.0 if side == 1 else 2.0 for side in size]
    layer = ImageTranslator((1, *size), 1, width=2, blocks=0, halvings=1).layers[5]
    assert isinstance(layer, nn.Conv2d)
    x, given = torch.randn(2, 4, *size, requires_grad=True), [*layer.parameters()]
    large = nn.functional.interpolate(x, scale_factor=factors, mode="nearest")  # pyright: ignore[reportArgumentType]
    expected = nn.functional.conv2d(large, layer.weight, layer.bias, padding=layer.padding)
    weights = torch.randn_like(expected)
    found = [torch.autograd.grad(y, [x, *given], weights) for y in (layer(x), expected)]
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (1, 1)])
def test_a_flat_image_is_translated_and_learned_from(size: tuple[int, int]) -> None:
    network = ImageTranslator((1, *size), 1, 4, 2, 0, norm="instance")
    critic = PatchCritic((1, *size), 4, 1, "instance")
    made = network(torch.full((2, 1, *size), 0.5))
    critic(made).mean().backward()
    assert torch.isfinite(made).all()
    assert all(
        torch.isfinite(p.grad).all() for p in [*network.parameters(), *critic.parameters()] if p.grad is not None
    )


@pytest.mark.parametrize("shape", [(3, 5, 6, 4), (1, 5, 7, 1), (2, 5, 1, 1)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_map_norm_is_torchs(shape: tuple[int, ...], layout: torch.memory_format) -> None:
    """Values and gradients; torch's own gradients are taken in double precision, and of contiguous maps."""
    norm, x = MapNorm(5), torch.randn(shape).to(memory_format=layout).requires_grad_()
    with torch.no_grad():
        norm.weight.copy_(torch.randn(5))
        norm.bias.copy_(torch.randn(5))
    exact = [value.detach().double().contiguous().requires_grad_() for value in (x, norm.weight, norm.bias)]
    mean, variance = exact[0].mean((2, 3), keepdim=True), exact[0].var((2, 3), correction=0, keepdim=True)
    weight, bias = (value.view(-1, 1, 1) for value in exact[1:])
    expected = (exact[0] - mean) / (variance + 1e-5).sqrt() * weight + bias
    said, direction = norm(x), torch.randn(shape)
    torch.testing.assert_close(said.double(), expected, rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad(said, [x, norm.weight, norm.bias], direction)
    true = torch.autograd.grad(expected, exact, direction.double())
    torch.testing.assert_close([one.double() for one in found], [*true], rtol=1e-4, atol=1e-4)


def test_map_norm_has_second_derivatives() -> None:
    """A penalty on a critic's slopes is learned from through its norm: R1 along a direction, by finite differences."""
    torch.manual_seed(0)
    norm, x, step = MapNorm(2).double(), torch.randn(2, 2, 3, 3).double(), 1e-5
    project = torch.randn_like(x)

    def slope(x: Tensor) -> Tensor:
        x = x.requires_grad_()
        return torch.autograd.grad((norm(x).double().pow(3) * project).sum(), x, create_graph=True)[0].square().sum()

    (found,) = torch.autograd.grad(slope(x.clone()), norm.weight)
    with torch.no_grad():
        norm.weight[0] += step
    above = slope(x.clone()).item()
    with torch.no_grad():
        norm.weight[0] -= 2 * step
    below = slope(x.clone()).item()
    assert found[0].item() == pytest.approx((above - below) / (2 * step), rel=1e-3)


def test_every_symmetry_is_undone_by_its_inverse() -> None:
    x = torch.rand(2, 1, 4, 4)
    made = [symmetry(x) for symmetry in symmetries(4, 4)]
    assert all(torch.equal(s.inverse()(y), x) for s, y in zip(symmetries(4, 4), made, strict=True))
    assert len({tuple(y.flatten().tolist()) for y in made}) == 8
    assert len(symmetries(4, 6)) == 4


def test_a_translator_begins_at_the_map_that_it_is_given() -> None:
    direct, symmetry = (-torch.eye(2), torch.zeros(2)), Symmetry(transposed=True)
    network = ImageTranslator((2, 6, 6), 2, 4, 1, symmetry=symmetry, direct=direct)
    x = torch.rand(3, 2, 6, 6)
    torch.testing.assert_close(network(x), -x.transpose(2, 3))
    other = ImageTranslator((2, 6, 6), 2, 4, 1, direct=(torch.zeros(2, 2), torch.zeros(2)))
    other.load_state_dict(network.state_dict())  # which symmetry it is, is saved with the weights
    torch.testing.assert_close(other(x), network(x))


@pytest.mark.parametrize("size", [(40, 24), (16, 50), (17, 16), (10, 12)])
def test_tiles_are_seamless(size: tuple[int, int]) -> None:
    """Far from a tile's edges, a local network says the same as of the whole image; a constant stays one everywhere."""
    x = torch.rand(1, 1, *size)
    torch.testing.assert_close(tiled(lambda part: 3 * part - 1, x, (16, 16)), 3 * x - 1)
    seen: list[tuple[int, ...]] = []

    def note(part: Tensor) -> Tensor:
        seen.append(tuple(part.shape[2:]))
        return part

    tiled(note, x, (16, 16))
    assert max(h for h, _ in seen) <= 16
    assert max(w for _, w in seen) <= 16


# -- where it begins


def _cloud(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.array([[-1, -0.6], [1.2, 0.1], [0.1, 1.3]])
    return centres[rng.choice(3, n, p=[0.5, 0.3, 0.2])] + 0.15 * rng.normal(size=(n, 2))


@pytest.mark.parametrize("degrees", [45, 180])
def test_a_rotation_is_found_without_pairs(degrees: int) -> None:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    best = alignments(_cloud(500, 0), _cloud(500, 1) @ turn.T + 3)[0]
    assert np.abs(best.matrix - turn).max() < 0.1
    x = _cloud(20, 2)
    np.testing.assert_allclose((best(x) - best.offset) @ best.inverse.T, x, atol=1e-8)


def _digits(seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sparring.data import toy

    images = toy.digits_split()[0][:600, None].astype(np.float32) / 8 - 1
    images = images[np.random.default_rng(seed).permutation(600)]
    return images[:300], images[300:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x, "as it is"),
        (lambda x: -x, "colours inverted"),
        (lambda x: x.swapaxes(2, 3), "transposed"),
        (lambda x: -x[:, :, ::-1], "upside down, colours inverted"),
        (lambda x: np.concatenate([x, -x, x], 1), "colours matched"),
    ],
    ids=["same", "inverted", "transposed", "both", "channels"],
)
def test_the_simplest_map_that_brings_images_together(change, said: str) -> None:  # noqa: ANN001
    a, b = _digits(0)
    best = starts_of(a, np.ascontiguousarray(change(b)), 1, seed=0)[0]
    assert best.said == said
    assert best.maps is not None
    (matrix, offset), _ = best.maps
    assert best.symmetry is not None
    mapped = best.symmetry(torch.einsum("qp,nphw->nqhw", matrix, torch.from_numpy(a)) + offset.view(-1, 1, 1))
    np.testing.assert_allclose(mapped.numpy(), change(a), atol=0.15)


@pytest.mark.parametrize(
    ("change", "near"),
    [
        (lambda x: -x.swapaxes(2, 3), True),
        (lambda x: (x + np.roll(x, 1, 3)) / 2, False),  # W1 hardly sees it
        (lambda x: 0.9 * x, False),
    ],
    ids=["turned", "blurred", "paler"],
)
def test_collections_that_a_simple_map_makes_alike_are_played_a_twentieth_of_the_steps(change, near: bool) -> None:  # noqa: ANN001
    a, b = _digits(0)[0], np.ascontiguousarray(change(_digits(0)[1]))
    assert starts_of(a, b, 1, seed=0)[0].near is near
    given = {**CycleGAN().get_params(deep=False), "kind": "image"}
    sources = [read(((side[:, 0] + 1) * 127.5).round().clip(0, 255).astype(np.uint8), kind="image") for side in (a, b)]
    usual = CYCLE_RECIPES["small image"].steps
    assert cycle_job(given, *sources, 0).steps == (usual // 20 if near else usual)
    assert cycle_job({**given, "steps": 7}, *sources, 0).steps == 7


def test_without_alignment_nothing_is_looked_for() -> None:
    a, b = _digits(0)
    (only,) = starts_of(a, b, 3, seed=0, align=False)
    assert (only.said, only.maps, only.w1) == ("by chance", None, None)


def test_least_squares_are_the_papers_halves() -> None:
    real, fake = torch.tensor([0.5, 2.0]), torch.tensor([0.2, -1.0])
    expected = (((real - 1) ** 2).mean() + (fake**2).mean()) / 2
    torch.testing.assert_close(LEAST_SQUARES.critic(real, fake), expected)
