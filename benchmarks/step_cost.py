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

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.networks import LEAKY, MLP, ConvCritic, ConvGenerator
from sparring.objectives import NON_SATURATING
from sparring.place import Place
from sparring.training import Recipe, State, adversarial_game, train

Networks = tuple[nn.Module, nn.Module]
HALF_LIFE = 500.0


def points() -> tuple[Networks, Tensor, int, int]:
    networks = MLP((2,), (2,), (128, 128, 128)), MLP((2,), (), (128, 128, 128), LEAKY)
    return networks, torch.randn(10_000, 2), 2, 128


def images() -> tuple[Networks, Tensor, int, int]:
    shape = (3, 32, 32)
    networks = ConvGenerator(64, shape, 32, "batch", nn.Tanh()), ConvCritic(shape, 32, "batch")
    return networks, torch.rand(2_000, *shape) * 2 - 1, 64, 64


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


def ours(made: Networks, data: Tensor, z: int, batch: int, precision: str) -> Iterator[object]:
    generator, critic = made
    recipe = Recipe(NON_SATURATING, half_life=HALF_LIFE, hold=1.0)
    game = adversarial_game(generator, critic, z, recipe, 10**9)
    place = Place.of("cpu", precision)
    return train(game.turns, Batches(data, size=batch), 10**9, State(Chance(0)), place)


def plain(made: Networks, data: Tensor, z: int, batch: int, precision: str) -> Iterator[None]:
    generator, critic = made
    average = copy.deepcopy(generator).requires_grad_(False)
    adam_g = torch.optim.Adam(generator.parameters(), 1e-3, (0.0, 0.99), fused=True)
    adam_c = torch.optim.Adam(critic.parameters(), 1e-3, (0.0, 0.99), fused=True)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
    while True:
        for rows in torch.randperm(len(data)).split(batch):
            if len(rows) < batch:
                continue
            with autocast:
                with torch.no_grad():
                    fake = generator(torch.randn(batch, z))
                loss = softplus(-critic(data[rows]).float()).mean() + softplus(critic(fake).float()).mean()
            adam_c.zero_grad()
            loss.backward()
            adam_c.step()
            assert torch.isfinite(loss)
            critic.requires_grad_(False)
            with autocast:
                loss = softplus(-critic(generator(torch.randn(batch, z))).float()).mean()
            adam_g.zero_grad()
            loss.backward()
            adam_g.step()
            assert torch.isfinite(loss)
            critic.requires_grad_(True)
            with torch.no_grad():
                torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 0.5 / HALF_LIFE)
            yield


def careless(made: Networks, data: Tensor, z: int, batch: int, precision: str) -> Iterator[None]:
    generator, critic = in_default_layout(made)
    average = copy.deepcopy(generator)
    adam_g = torch.optim.Adam(generator.parameters(), 1e-3, (0.0, 0.99), foreach=False)
    adam_c = torch.optim.Adam(critic.parameters(), 1e-3, (0.0, 0.99), foreach=False)
    losses: list[float] = []
    while True:
        for rows in torch.randperm(len(data)).split(batch):
            if len(rows) < batch:
                continue
            adam_c.zero_grad()
            fake = generator(torch.randn(batch, z))
            loss = softplus(-critic(data[rows])).mean() + softplus(critic(fake.detach())).mean()
            loss.backward()
            adam_c.step()
            losses.append(loss.item())
            adam_g.zero_grad()
            loss = softplus(-critic(generator(torch.randn(batch, z)))).mean()
            loss.backward()
            adam_g.step()
            losses.append(loss.item())
            with torch.no_grad():
                for ours, theirs in zip(average.parameters(), generator.parameters(), strict=True):
                    ours.mul_(1 - 0.5 / HALF_LIFE).add_(theirs, alpha=0.5 / HALF_LIFE)
            yield


def seconds(loop: Iterator[object], steps: int) -> float:
    began = time.perf_counter()
    for _ in range(steps):
        next(loop)
    return time.perf_counter() - began


def compare(make: Callable[[], tuple[Networks, Tensor, int, int]], precision: str, blocks: int, steps: int) -> str:
    networks, *rest = make()
    loops = [maker(copy.deepcopy(networks), *rest, precision) for maker in (ours, plain, careless)]
    for loop in loops:
        seconds(loop, steps)
    times = [[seconds(loop, steps) for loop in loops] for _ in range(blocks)]
    cost = sorted(a / b for a, b, _ in times)
    gain = sorted(c / a for a, _, c in times)
    milliseconds = statistics.median(a for a, _, _ in times) / steps * 1e3
    return f"| {make.__name__} | {precision} | {milliseconds:.2f} | {_middle(cost)} | {_middle(gain)} |"


def _middle(ratios: list[float]) -> str:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--threads", type=int, default=None)
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), {chosen.blocks} blocks\n")
    print("| networks | precision | our ms a step | our time / plain | careless time / ours |")
    print("| --- | --- | --- | --- | --- |")
    print(compare(points, "float32", chosen.blocks, 100), flush=True)
    print(compare(images, "float32", chosen.blocks, 4), flush=True)
    if Place.of("cpu", "auto").precision == "bfloat16":
        print(compare(images, "bfloat16", chosen.blocks, 4), flush=True)


if __name__ == "__main__":
    main()
