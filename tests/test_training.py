"""The engine: one turn, one loop, against recurrences and derivatives written out by hand."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.errors import Diverged, InputError
from sparring.networks import MLP, ConvCritic, ConvGenerator
from sparring.objectives import MINIMAX, RELATIVISTIC, cross_entropy, mean_squared_error
from sparring.place import Place
from sparring.training import (
    RECIPES,
    Loss,
    Recipe,
    State,
    Turn,
    adversarial_game,
    gradient_descent,
    supervised_game,
    train,
)


def test_sgd_with_momentum_is_the_lectures_recurrence() -> None:
    # theta <- gamma theta + eta grad C, p <- p - theta, on C(p) = mean (x p - y)^2
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    network = nn.Linear(3, 1, bias=False).double()
    p = network.weight.detach().numpy().copy().T
    eta, gamma, theta = 0.05, 0.9, 0.0
    game = supervised_game(network, mean_squared_error, gradient_descent(network, eta, gamma))
    batches = Batches(torch.from_numpy(x), torch.from_numpy(y))
    for step in train(game.turns, batches, 50):
        rows = batches.indices(step.index - 1).numpy()
        gradient = 2 * x[rows].T @ (x[rows] @ p - y[rows]) / len(rows)
        theta = gamma * theta + eta * gradient
        p = p - theta
        np.testing.assert_allclose(network.weight.detach().numpy().T, p, rtol=1e-13, atol=1e-14)
    assert step.index == 50


def test_full_batch_descent_finds_the_least_squares_solution() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 2))
    y = x @ np.array([[2.0, -1.0], [0.5, 3.0]]) + np.array([1.0, -2.0])
    network = nn.Linear(2, 2).double()
    game = supervised_game(network, mean_squared_error, gradient_descent(network, 0.3, 0.5))
    *_, last = train(game.turns, Batches(torch.from_numpy(x), torch.from_numpy(y)), 400)
    assert last.row(Place())["network/loss"] < 1e-20
    np.testing.assert_allclose(network.weight.detach(), [[2.0, 0.5], [-1.0, 3.0]], atol=1e-9)


def test_minibatch_cross_entropy_separates_two_clouds() -> None:
    rng = np.random.default_rng(2)
    x = torch.from_numpy(np.concatenate([rng.normal(-2, 1, (100, 2)), rng.normal(2, 1, (100, 2))])).float()
    y = torch.arange(200) // 100
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MLP((2,), (2,), hidden=(8,))
    game = supervised_game(network, cross_entropy, gradient_descent(network, 0.1, 0.9))
    for _ in train(game.turns, Batches(x, y, size=32, short=True), 100):
        pass
    assert (network(x).argmax(1) == y).float().mean() > 0.98


# -- Algorithm 1 by hand: G(z) = a z + b in one dimension, D(x) = sigmoid(w x + c)


def _sigmoid(t: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-t))


@pytest.mark.parametrize("k", [1, 3])
def test_algorithm_1_replayed_with_analytic_gradients(k: int) -> None:
    eta, gamma, n, rounds = 0.1, 0.5, 8, 6
    data = np.random.default_rng(3).normal(2.0, 0.5, size=(40, 1))
    generator, critic = nn.Linear(1, 1).double(), nn.Sequential(nn.Linear(1, 1).double(), nn.Flatten(0))
    a, b = (v.item() for v in generator.parameters())
    w, c = (v.item() for v in critic.parameters())

    class Doubles(Chance):
        def draw(self, law: Callable[..., torch.Tensor], n: int, *shape: int) -> torch.Tensor:
            return super().draw(law, n, *shape).double()

    recipe = Recipe(
        MINIMAX, critic_steps=k, optimizer=lambda p, lr: torch.optim.SGD(p, lr, gamma, fused=True),
        generator_rate=eta, critic_rate=eta, hold=1.0,
    )  # fmt: skip
    game = adversarial_game(generator, critic, 1, recipe, steps=rounds)
    batches = Batches(torch.from_numpy(data), size=n, seed=5)
    for _ in train(game.turns, batches, rounds, State(Doubles(7))):
        pass

    draws, position = Doubles(7), 0  # the same noise and the same minibatches, in the paper's order
    va = vb = vw = vc = 0.0
    for _ in range(rounds):
        for _ in range(k):  # ascend the critic: gradient of mean log D(x) + log(1 - D(G(z)))
            z = draws.normal(n, 1).numpy()
            x = data[batches.indices(position).numpy()]
            position += 1
            g = a * z + b
            real, fake = _sigmoid(w * x + c), _sigmoid(w * g + c)
            up_w = np.mean((1 - real) * x) - np.mean(fake * g)
            up_c = np.mean(1 - real) - np.mean(fake)
            vw, vc = gamma * vw - up_w, gamma * vc - up_c
            w, c = w - eta * vw, c - eta * vc
        z = draws.normal(n, 1).numpy()  # descend the generator: gradient of mean log(1 - D(G(z)))
        fake = _sigmoid(w * (a * z + b) + c)
        va, vb = gamma * va + np.mean(-fake * w * z), gamma * vb + np.mean(-fake * w)
        a, b = a - eta * va, b - eta * vb

    ours = [v.item() for v in (*generator.parameters(), *critic.parameters())]
    np.testing.assert_allclose(ours, [a, b, w, c], rtol=1e-12)
    assert position == k * rounds


# -- nothing is computed to be thrown away


def _linear_flops(network: nn.Module, n: int) -> int:
    """Of one forward pass: 2 n inputs outputs per layer."""
    return sum(2 * n * m.in_features * m.out_features for m in network.modules() if isinstance(m, nn.Linear))


def _first_flops(network: nn.Module, n: int) -> int:
    layer = next(m for m in network.modules() if isinstance(m, nn.Linear))
    return 2 * n * layer.in_features * layer.out_features


@pytest.mark.parametrize("k", [1, 3])
def test_a_round_costs_what_its_formulas_need_and_no_more(k: int) -> None:
    n = 16
    generator, critic = MLP((5,), (3,), (12, 12)), MLP((3,), (), (14, 14), nn.Tanh)
    game = adversarial_game(generator, critic, 5, Recipe(MINIMAX, critic_steps=k), steps=9)
    batches = Batches(torch.randn(64, 3), size=n)
    g, c = _linear_flops(generator, n), _linear_flops(critic, n)
    g1, c1 = _first_flops(generator, n), _first_flops(critic, n)
    # critic: G forward; C forward, weights' gradients and inputs' gradients (not the first layer's), real and fake
    critic_turn = g + 2 * (c + c + (c - c1))
    # generator: G and C forward, C's inputs' gradients only, G's weights' and inputs' (not the first layer's)
    generator_turn = g + c + c + g + (g - g1)
    loop = train(game.turns, batches, 9)
    with FlopCounterMode(display=False) as counter:
        next(loop)
    assert counter.get_total_flops() == k * critic_turn + generator_turn


@pytest.mark.parametrize("k", [1, 2])
def test_forward_passes_per_round(k: int) -> None:
    generator, critic = MLP((2,), (2,), (4,)), MLP((2,), (), (4,))
    calls = {"generator": 0, "critic": 0}
    generator.register_forward_hook(lambda *_: calls.__setitem__("generator", calls["generator"] + 1))
    critic.register_forward_hook(lambda *_: calls.__setitem__("critic", calls["critic"] + 1))
    game = adversarial_game(generator, critic, 2, Recipe(RELATIVISTIC, critic_steps=k), steps=5)
    next(train(game.turns, Batches(torch.randn(20, 2), size=4), 5))
    # the critic scores real and fake in one pass in its turn; in the generator's, real needs no gradient
    assert calls == {"generator": k + 1, "critic": k + 2}


def test_a_critic_that_looks_across_its_batch_sees_real_and_fake_apart() -> None:
    sizes: list[int] = []
    generator, critic = MLP((2,), (2,), (4,)), nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    critic.register_forward_hook(lambda module, args, out: sizes.append(len(out)))
    game = adversarial_game(generator, critic, 2, Recipe(MINIMAX), steps=5)
    next(train(game.turns, Batches(torch.randn(20, 2), size=4), 5))
    assert sizes == [4, 4, 4]


def test_a_turn_leaves_no_gradient_anywhere() -> None:
    generator, critic = MLP((2,), (2,), (4,)), MLP((2,), (), (4,))
    touched: list[str] = []
    for name, parameter in itertools.chain(generator.named_parameters("g"), critic.named_parameters("c")):
        parameter.register_hook(lambda gradient, name=name: touched.append(name[0]))
    critic_turn, generator_turn = adversarial_game(generator, critic, 2, Recipe(MINIMAX), steps=5).turns
    batches = Batches(torch.randn(20, 2), size=4)
    next(train([critic_turn], batches, 5))
    assert set(touched) == {"c"}
    touched.clear()
    next(train([critic_turn, generator_turn], batches, 5))
    assert touched.count("c") == len(list(critic.parameters()))
    assert touched.count("g") == len(list(generator.parameters()))
    assert all(parameter.grad is None for parameter in [*generator.parameters(), *critic.parameters()])


def test_fused_updates_do_not_mix_up_weights_of_channels_last_gradients() -> None:
    # a fused optimiser walks raw memory; a plain loop with .backward() is the yardstick
    def networks() -> tuple[nn.Module, nn.Module]:
        torch.manual_seed(0)
        return ConvGenerator(4, (3, 12, 12), width=4), ConvCritic((3, 12, 12), width=4)

    with torch.random.fork_rng():
        (generator, critic), (g, c) = networks(), networks()
    x = torch.rand(16, 3, 12, 12)
    recipe = Recipe(MINIMAX, hold=1.0, optimizer=lambda p, lr: torch.optim.Adam(p, lr, fused=True))
    game = adversarial_game(generator, critic, 4, recipe, steps=3)
    batches, draws = Batches(x, size=8), Chance(0)
    for _ in train(game.turns, batches, 3, State(Chance(0))):
        pass
    adam_g, adam_c = torch.optim.Adam(g.parameters(), 1e-3), torch.optim.Adam(c.parameters(), 1e-3)
    softplus = nn.functional.softplus
    for i in range(3):
        fake = g(draws.normal(8, 4)).detach()
        adam_c.zero_grad()
        (softplus(-c(batches[i][0])).mean() + softplus(c(fake)).mean()).backward()
        adam_c.step()
        adam_g.zero_grad()
        (-softplus(c(g(draws.normal(8, 4)))).mean()).backward()
        adam_g.step()
    for ours, plain in zip(
        [*generator.parameters(), *critic.parameters()], [*g.parameters(), *c.parameters()], strict=True
    ):
        torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


# -- random state, failures, refusals


def test_the_users_random_state_is_left_alone_and_does_not_matter() -> None:
    def weights(users_seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        for parameter in network.parameters():
            nn.init.constant_(parameter, 0.1)
        game = supervised_game(network, mean_squared_error, gradient_descent(network, 0.1))
        torch.manual_seed(users_seed)
        for _ in train(game.turns, Batches(torch.ones(12, 4), torch.ones(12, 1), size=4), 5):
            torch.rand(1)  # a user's own draw between two steps
        return network[0].weight.detach(), torch.rand(1)

    with torch.random.fork_rng():
        (first, drawn), (second, _) = weights(1), weights(2)
        torch.manual_seed(1)
        for _ in range(5):
            torch.rand(1)
        assert torch.equal(torch.rand(1), drawn)  # as if no training had been
    assert torch.equal(first, second)


def test_divergence_names_turn_and_step_and_spares_the_weights() -> None:
    network = nn.Linear(1, 1)
    game = supervised_game(network, mean_squared_error, gradient_descent(network, 1e6))
    batches = Batches(torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [5.0]]))
    with pytest.raises(Diverged) as caught:
        for _ in train(game.turns, batches, 1000):
            pass
    assert caught.value.turn == "network"
    assert 1 < caught.value.step < 20
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    assert "no checkpoint was written" in str(caught.value)


def test_gradients_are_taken_under_weight_noise_and_weights_stay_without_it() -> None:
    """One step of y = W x + b: the error's gradient at W + noise, taken from W; biases have no noise."""
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    W, b = (parameter.detach().clone() for parameter in network.parameters())
    x, y = torch.randn(16, 3), torch.randn(16, 2)
    game = supervised_game(network, mean_squared_error, gradient_descent(network, 0.1), weight_noise=0.5)
    next(train(game.turns, Batches(x, y, size=16), 1, State(Chance(0))))
    with Chance(0).redirected():
        noisy = W + 0.5 * torch.randn(2, 3)
    batch = Batches(x, y, size=16)[0]
    residual = 2 * (batch[0] @ noisy.T + b - batch[1]) / (16 * 2)
    torch.testing.assert_close(network.weight.detach(), W - 0.1 * residual.T @ batch[0])
    torch.testing.assert_close(network.bias.detach(), b - 0.1 * residual.sum(0))


def test_noise_is_taken_off_weights_whose_step_fails() -> None:
    network = torch.nn.Linear(2, 1)
    before = network.weight.detach().clone()
    x = torch.full((4, 2), 1e38)
    game = supervised_game(network, mean_squared_error, gradient_descent(network, 0.1), weight_noise=0.5)
    with pytest.raises(Diverged):
        next(train(game.turns, Batches(x, torch.zeros(4, 1), size=4), 1, State(Chance(0))))
    assert torch.equal(network.weight, before)


def test_a_gradient_that_is_not_finite_is_reported_though_the_loss_is() -> None:
    weight = nn.Parameter(torch.tensor([0.0]))
    module = nn.Module()
    module.weight = weight
    turn = Turn("root", module, torch.optim.SGD([weight], 0.1), lambda round: Loss(weight.sqrt().sum()))
    with pytest.raises(Diverged, match="the gradient of the turn 'root' is not finite at step 1"):
        next(train([turn], Batches(torch.zeros(1, 1)), 1))
    assert weight.item() == 0.0


def test_repeats_may_depend_on_the_step() -> None:
    network = nn.Linear(1, 1)
    seen: list[int] = []
    turn = Turn(
        "counted", network, gradient_descent(network, 0.1),
        lambda round: (seen.append(round.step), Loss(network.weight.sum()))[1],
        repeats=lambda step: 3 if step == 0 else 1,
    )  # fmt: skip
    state = State()
    for _ in train([turn], Batches(torch.zeros(2, 1)), 3, state):
        pass
    assert seen == [0, 0, 0, 1, 2]
    assert state.position == 5


def test_batch_normalisation_is_refused_where_it_makes_the_game_meaningless() -> None:
    generator, critic = ConvGenerator(4, (1, 8, 8), norm="batch"), ConvCritic((1, 8, 8), norm="batch", smallest=2)
    with pytest.raises(InputError, match="batch normalisation"):
        adversarial_game(generator, critic, 4, RECIPES["wgan-gp"]["image"], 10)
    with pytest.raises(InputError, match="several ranks"):
        adversarial_game(generator, critic, 4, RECIPES["gan-2014"]["image"], 10, ranks=2)
    adversarial_game(generator, critic, 4, RECIPES["gan-2014"]["image"], 10)


def test_schedules_are_written_before_the_update() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    turn = Turn(
        "scheduled", network, gradient_descent(network, 99.0), lambda round: Loss(network.weight.sum()),
        rate=lambda step: 10.0**-step,
    )  # fmt: skip
    rates = [step.row(Place())["scheduled/rate"] for step in train([turn], Batches(torch.zeros(2, 1)), 3)]
    assert rates == [1.0, 0.1, 0.01]
    assert network.weight.item() == pytest.approx(-1.11)


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_a_clipped_step_is_as_long_as_the_clip_allows(factor: float) -> None:
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(20, 3))), torch.from_numpy(rng.normal(size=(20, 2)))
    network = nn.Linear(3, 2).double()
    before = [p.detach().clone() for p in network.parameters()]
    gradients = torch.autograd.grad(mean_squared_error(network(x), y), list(network.parameters()))
    norm = float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
    clip = factor * norm
    game = supervised_game(network, mean_squared_error, gradient_descent(network, 0.1), clip=clip)
    (step,) = train(game.turns, Batches(x, y), 1)
    assert float(step.played["network"].gradient) == pytest.approx(norm)  # from before
    for old, new, gradient in zip(before, network.parameters(), gradients, strict=True):
        assert torch.allclose(old - new, 0.1 * min(factor, 1.0) * gradient, atol=1e-14)
