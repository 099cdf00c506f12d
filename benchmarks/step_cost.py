"""What a training step costs: ours, a plain hand-written loop doing the same work, and a careless one.

    python benchmarks/step_cost.py [--blocks 30] [--threads N]

The three train the same networks on the same data at the same sizes. They are timed in turn, a
block of steps each, over and over, and the ratio is taken within each round of blocks; the table
shows the median ratio and the middle half. Nothing else should be running.

plain     batch by index, fakes under no_grad, the critic frozen in the generator's turn, fused
          Adam, a foreach moving average, finiteness of both losses looked at every step
careless  the same with maps and weights in torch's default layout; fakes carry a graph, the critic's
          gradients are computed in the generator's turn, Adam updates by a Python loop, and losses
          are read by .item() (all of it seen in public codes)
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.networks import LEAKY, MLP, ConvCritic, ConvGenerator, ResidualCritic, ResidualGenerator
from sparring.objectives import NON_SATURATING, RELATIVISTIC, WASSERSTEIN, Objective
from sparring.place import Place
from sparring.training import RECIPES, Recipe, State, adversarial_game, changed, train

Networks = tuple[nn.Module, nn.Module]
HALF_LIFE = 500.0


@dataclass(frozen=True)
class Case:
    """What is trained. penalty: "" for none, "r1 r2" on every step, or "one_centred"; critic_steps: k."""

    name: str
    networks: Callable[[], Networks]
    data: Callable[[], Tensor]
    latent: int
    batch: int
    objective: Objective = NON_SATURATING
    penalty: str = ""
    critic_steps: int = 1
    steps: int = 4  # of a block


def _points() -> Networks:
    return MLP((2,), (2,), (128, 128, 128)), MLP((2,), (), (128, 128, 128), LEAKY)


def _table() -> Networks:
    pair = RECIPES["r3gan"]["table"].networks
    assert pair is not None
    return pair.generator(12, (2,), None), pair.critic((2,), None)


def _dcgan() -> Networks:
    return ConvGenerator(64, COLOUR, 32, "batch", nn.Tanh()), ConvCritic(COLOUR, 32, "batch")


def _wgan_gp() -> Networks:
    return ConvGenerator(128, GREY, 32, "batch", nn.Tanh()), ConvCritic(GREY, 32, "layer")


def _residual() -> Networks:
    return ResidualGenerator(64, GREY, 16, last=nn.Tanh()), ResidualCritic(GREY, 16)


COLOUR, GREY = (3, 32, 32), (1, 28, 28)
CASES = (
    Case("points, MLP", _points, lambda: torch.randn(10_000, 2), 2, 128, steps=100),
    Case("points, r3gan", _table, lambda: torch.randn(10_000, 2), 12, 512, RELATIVISTIC, "r1 r2", steps=40),
    Case("images, DCGAN", _dcgan, lambda: torch.rand(2_000, *COLOUR) * 2 - 1, 64, 64),
    Case(
        "images, WGAN-GP, k = 5",
        _wgan_gp,
        lambda: torch.rand(2_000, *GREY) * 2 - 1,
        128,
        64,
        WASSERSTEIN,
        "one_centred",
        5,
        2,
    ),
    Case("images, residual R3GAN", _residual, lambda: torch.rand(2_000, *GREY) * 2 - 1, 64, 64, RELATIVISTIC, "r1 r2"),
)
WEIGHTS = {"r1": 0.5, "r2": 0.5, "one_centred": 10.0}


class _DefaultGenerator(ConvGenerator):
    def forward(self, z: Tensor) -> Tensor:
        return self.layers(self.dense(z).view(-1, *self.start))


class _DefaultCritic(ConvCritic):
    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def in_default_layout(made: Networks) -> Networks:
    """The same networks as their authors would have written them first."""
    for network, kind in zip(made, (_DefaultGenerator, _DefaultCritic), strict=True):
        if isinstance(network, kind.__base__):
            network.__class__ = kind
            network.to(memory_format=torch.contiguous_format)
    return made


def ours(made: Networks, case: Case, data: Tensor, precision: str) -> Iterator[object]:
    generator, critic = made
    recipe = changed(
        Recipe(case.objective, half_life=HALF_LIFE, hold=1.0, critic_steps=case.critic_steps),
        {"penalties": {name: WEIGHTS[name] for name in case.penalty.split()}},
    )
    game = adversarial_game(generator, critic, case.latent, recipe, 10**9)
    place = Place.of("cpu", precision)
    return train(game.turns, Batches(data, size=case.batch), 10**9, State(Chance(0)), place)


def _slopes(critic: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0].flatten(1)


def slope_penalty(case: Case, critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    if case.penalty == "one_centred":
        t = torch.rand(len(real), *[1] * (real.dim() - 1))
        return 10.0 * (_slopes(critic, torch.lerp(real, fake, t)).norm(dim=1) - 1).square().mean()
    return 0.5 * sum(_slopes(critic, x).square().sum(1).mean() for x in (real, fake))


def critic_loss(case: Case, critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The critic's. Both in one pass, unless batch normalisation needs two."""
    if case.name == "images, DCGAN":
        r, f = critic(real).float(), critic(fake).float()
    else:
        r, f = critic(torch.cat([real, fake])).float().chunk(2)
    return case.objective.critic(r, f)


def plain(made: Networks, case: Case, data: Tensor, precision: str) -> Iterator[None]:
    generator, critic = made
    average = copy.deepcopy(generator).requires_grad_(False)
    adam_g = torch.optim.Adam(generator.parameters(), 1e-3, (0.0, 0.99), fused=True)
    adam_c = torch.optim.Adam(critic.parameters(), 1e-3, (0.0, 0.99), fused=True)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
    batches = _batches(data, case.batch)
    real = next(batches)
    while True:
        for _ in range(case.critic_steps):
            real = next(batches)
            with autocast:
                with torch.no_grad():
                    fake = generator(torch.randn(case.batch, case.latent)).float()
                loss = critic_loss(case, critic, real, fake)
            if case.penalty:
                loss = loss + slope_penalty(case, critic, real, fake)
            adam_c.zero_grad()
            loss.backward()
            adam_c.step()
            assert torch.isfinite(loss)
        critic.requires_grad_(False)
        with autocast:
            scores, reals = critic(generator(torch.randn(case.batch, case.latent))).float(), None
            if case.objective.needs_real:
                real = next(batches)
                with torch.no_grad():
                    reals = critic(real).float()
            loss = case.objective.generator(reals, scores)
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
        assert torch.isfinite(loss)
        critic.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 0.5 / HALF_LIFE)
        yield


def careless(made: Networks, case: Case, data: Tensor, precision: str) -> Iterator[None]:
    generator, critic = in_default_layout(made)
    average = copy.deepcopy(generator)
    adam_g = torch.optim.Adam(generator.parameters(), 1e-3, (0.0, 0.99), foreach=False)
    adam_c = torch.optim.Adam(critic.parameters(), 1e-3, (0.0, 0.99), foreach=False)
    losses: list[float] = []
    batches = _batches(data, case.batch)
    real = next(batches)
    while True:
        for _ in range(case.critic_steps):
            real = next(batches)
            adam_c.zero_grad()
            fake = generator(torch.randn(case.batch, case.latent))
            loss = case.objective.critic(critic(real), critic(fake.detach()))
            if case.penalty:
                loss = loss + slope_penalty(case, critic, real, fake.detach())
            loss.backward()
            adam_c.step()
            losses.append(loss.item())
        adam_g.zero_grad()
        loss = case.objective.generator(critic(real), critic(generator(torch.randn(case.batch, case.latent))))
        loss.backward()
        adam_g.step()
        losses.append(loss.item())
        with torch.no_grad():
            for ours, theirs in zip(average.parameters(), generator.parameters(), strict=True):
                ours.mul_(1 - 0.5 / HALF_LIFE).add_(theirs, alpha=0.5 / HALF_LIFE)
        yield


def _batches(data: Tensor, size: int) -> Iterator[Tensor]:
    while True:
        for rows in torch.randperm(len(data)).split(size):
            if len(rows) == size:
                yield data[rows]


def seconds(loop: Iterator[object], steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        next(loop)
    return time.perf_counter() - began


def compare(case: Case, precision: str, blocks: int) -> str:
    networks, data = case.networks(), case.data()
    loops = [maker(copy.deepcopy(networks), case, data, precision) for maker in (ours, plain, careless)]
    for loop in loops:
        seconds(loop, case.steps)
    times = [[seconds(loop, case.steps) for loop in loops] for _ in range(blocks)]
    cost = sorted(a / b for a, b, _ in times)
    gain = sorted(c / a for a, _, c in times)
    milliseconds = statistics.median(a for a, _, _ in times) / case.steps * 1e3
    outside = f"{1 - _in_kernels(loops[0], case.steps):.0%}"
    return f"| {case.name} | {precision} | {milliseconds:.2f} | {_middle(cost)} | {_middle(gain)} | {outside} |"


def _in_kernels(loop: Iterator[object], steps: int) -> float:
    """The share of a step's time that torch's operators say they took themselves (measuring adds to both)."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiled:
        took = seconds(loop, steps)
    inside = sum(event.self_cpu_time_total for event in profiled.key_averages() if event.key.startswith("aten::"))
    return min(inside / 1e6 / took, 1.0)


def _middle(ratios: list[float]) -> str:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--only", help="a part of the names of what is timed")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), {chosen.blocks} blocks\n")
    print("| what | precision | our ms a step | our time / plain | careless time / ours | our time outside operators |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        if chosen.only is None or chosen.only in case.name:
            print(compare(case, "float32", chosen.blocks), flush=True)
            if "images" in case.name and Place.of("cpu", "auto").precision == "bfloat16":
                print(compare(case, "bfloat16", chosen.blocks), flush=True)


if __name__ == "__main__":
    main()
