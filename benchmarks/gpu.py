"""Images per second on a GPU: ours against a plain loop that does the same work, with and without torch.compile.

    python benchmarks/gpu.py [--seconds 8] [--batch 256] [--width 64] [--device cuda] [--compile]

The networks are the residual pair under the relativistic objective with R1 and R2 on every step, and the
convolutional pair under the non-saturating one, both for 64 x 64 colour images of noise (the time does not depend
on what they show). The plain loop is benchmarks/step_cost.py's, moved to the device, in bfloat16 and channels-last,
and without a look at its losses. Ours is what ``sp.GAN`` runs, with its checks that losses are finite. On a machine
without a GPU, ``--device cpu --seconds 1 --batch 8 --width 4`` shows that the script works.
"""

import argparse
import copy
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from step_cost import HALF_LIFE, Case, critic_loss, slope_penalty
from torch import Tensor, nn

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.networks import ConvCritic, ConvGenerator, ResidualCritic, ResidualGenerator
from sparring.objectives import RELATIVISTIC
from sparring.place import Place
from sparring.training import Recipe, State, adversarial_game, changed, train

SHAPE, LATENT = (3, 64, 64), 64
Networks = tuple[nn.Module, nn.Module]


def _images() -> Tensor:
    return torch.rand(2048, *SHAPE) * 2 - 1


def _residual(width: int) -> Networks:
    return ResidualGenerator(LATENT, SHAPE, width, last=nn.Tanh()), ResidualCritic(SHAPE, width)


def _convolutional(width: int) -> Networks:
    return ConvGenerator(LATENT, SHAPE, width, last=nn.Tanh()), ConvCritic(SHAPE, width)


def cases(width: int, batch: int) -> tuple[Case, ...]:
    return (
        Case("residual, R3GAN", partial(_residual, width), _images, LATENT, batch, RELATIVISTIC, "r1 r2"),
        Case("convolutional, non-saturating", partial(_convolutional, width), _images, LATENT, batch),
    )


def ours(made: Networks, case: Case, data: Tensor, place: Place) -> Iterator[object]:
    penalties = dict.fromkeys(case.penalty.split(), 0.5)
    recipe = changed(Recipe(case.objective, half_life=HALF_LIFE, hold=1.0), {"penalties": penalties})
    game = adversarial_game(*made, case.latent, recipe, 10**9)
    return train(game.turns, Batches(data, size=case.batch), 10**9, State(Chance(0, place.device)), place)


def plain(made: Networks, case: Case, data: Tensor, place: Place) -> Iterator[None]:
    generator, critic = made
    average = copy.deepcopy(generator).requires_grad_(False)
    adam_g = torch.optim.Adam(generator.parameters(), 1e-3, (0.0, 0.99), fused=True)
    adam_c = torch.optim.Adam(critic.parameters(), 1e-3, (0.0, 0.99), fused=True)
    noise = lambda: torch.randn(case.batch, case.latent, device=place.device)  # noqa: E731
    rows = lambda: torch.randint(len(data), (case.batch,), device=place.device)  # noqa: E731
    while True:
        real = data[rows()]
        with place.autocast():
            with torch.no_grad():
                fake = generator(noise()).float()
            loss = critic_loss(case, critic, real, fake)
        if case.penalty:
            loss = loss + slope_penalty(case, critic, real, fake)
        adam_c.zero_grad()
        loss.backward()
        adam_c.step()
        critic.requires_grad_(False)
        with place.autocast():
            reals = None
            if case.objective.needs_real:
                with torch.no_grad():
                    reals = critic(data[rows()]).float()
            loss = case.objective.generator(reals, critic(generator(noise())).float())
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
        critic.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 0.5 / HALF_LIFE)
        yield


def speed(loop: Iterator[object], batch: int, seconds: float, device: torch.device) -> float:
    """Images per second: real images that the critic learns from. The device's work is waited for at both ends."""
    wait: Callable[[], None] = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    for _ in range(10 if device.type == "cuda" else 1):
        next(loop)
    wait()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(10 if device.type == "cuda" else 1):
            next(loop)
            steps += 1
        wait()
    return steps * batch / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="also with torch.compile around both networks")
    chosen = parser.parse_args()
    place = Place.of(chosen.device, "auto")
    name = torch.cuda.get_device_name(place.device) if place.device.type == "cuda" else "processor"
    print(f"torch {torch.__version__}, {name}, {place.precision}, batch {chosen.batch}, width {chosen.width}\n")
    print("| what | compiled | ours, images/s | plain, images/s | ours / plain, each round |")
    print("| --- | --- | --- | --- | --- |")
    for case in cases(chosen.width, chosen.batch):
        data = case.data().to(place.device).contiguous(memory_format=torch.channels_last)
        for compiled in (False, True) if chosen.compile else (False,):
            loops = []
            for maker in (ours, plain):
                made = tuple(network.to(place.device) for network in case.networks())
                if compiled:
                    made = tuple(torch.compile(network) for network in made)  # pyright: ignore[reportAssignmentType]
                loops.append(maker(made, case, data, place))
            rounds = [
                [speed(loop, case.batch, chosen.seconds, place.device) for loop in loops] for _ in range(chosen.rounds)
            ]
            a, b = (max(speeds) for speeds in zip(*rounds, strict=True))
            ratios = ", ".join(f"{x / y:.2f}" for x, y in rounds)
            print(f"| {case.name} | {'yes' if compiled else 'no'} | {a:,.0f} | {b:,.0f} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
