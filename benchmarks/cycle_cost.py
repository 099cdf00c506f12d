"""What a CycleGAN's round costs: ours, and a loop in the manner of the reference code with its waste as it is.

    python benchmarks/cycle_cost.py [--blocks 15] [--threads 1] [--only NAME]

Both train the same networks on the same data with the paper's objectives, weights and buffer of 50. They are timed in
turn, a block of rounds each, over and over, each in a process of its own that waits while another works; the ratio is
taken within each round of blocks, and the table shows the median and the middle half. Peak memory is of fresh
processes: the most that one held while it played, less what it held before. Linux. Nothing else should be running.

reference   as in junyanz/pytorch-CycleGAN-and-pix2pix: networks of torch's own layers that rectify in place, images
            through a DataLoader, identity losses as passes of their own, targets expanded to the scores' shape, a
            buffer that is a Python list of single images with a random draw each, each critic on real and on fake in
            two passes and backward by itself, Adam by a loop over the weights, every loss read after the round
ours        what ``sp.CycleGAN`` runs: fakes and identities in one pass, critics on real and fake in one, maps enlarged
            and convolved in one, norms with a written gradient, a fused Adam, maps in channels-last layout, a buffer on
            tensors, losses looked at all together, freed memory kept for the next round; in float32, and in bfloat16
            where that is fast, the default for images of 16 x 16 pixels or more there
"""

import argparse
import contextlib
import copy
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from sparring.chance import Chance
from sparring.data.batches import Batches
from sparring.data.unpaired import Unpaired
from sparring.networks import LEAKY, MLP, ImageTranslator, MapNorm, PatchCritic, VectorTranslator, WinogradConv2d
from sparring.place import Place
from sparring.room import kept_memory
from sparring.training import State, train
from sparring.training.cycle import CycleRecipe, cycle_game
from sparring.training.cycle_recipes import PAPER

ROWS, POOL = 200, 50
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """What is trained. identity: as a share of the cycle's weight of 10, as in the reference."""

    name: str
    shape: tuple[int, ...]
    recipe: CycleRecipe
    identity: float = 0.5
    rounds: int = 2  # of a block


PLAIN = replace(PAPER, width=16, blocks=2, halvings=0, kernel=3, depth=2, norm=None)
CASES = (
    Case("points, perceptrons, batch 256", (2,), replace(PLAIN, batch_size=256), rounds=40),
    Case("28×28 grey, batch 16", (1, 28, 28), replace(PLAIN, batch_size=16), rounds=4),
    Case("28×28 grey, batch 16, no identity", (1, 28, 28), replace(PLAIN, batch_size=16), 0.0, 4),
    Case("64×64 colour, batch 4", (3, 64, 64), replace(PLAIN, blocks=3, halvings=1, batch_size=4)),
    Case("64×64 colour, the paper's at half width, batch 1", (3, 64, 64), replace(PAPER, width=32, blocks=6)),
)
Networks = tuple[nn.ModuleDict, nn.ModuleDict]


def networks(case: Case) -> Networks:
    torch.manual_seed(0)
    recipe = case.recipe
    if len(case.shape) == 1:
        points = nn.ModuleDict({name: VectorTranslator(2, 2, recipe.hidden) for name in "GF"})
        return points, nn.ModuleDict({side: MLP((2,), (), recipe.hidden, LEAKY) for side in "AB"})
    drawn = (recipe.width, recipe.blocks, recipe.halvings, recipe.kernel, recipe.norm, nn.Tanh())
    generators = nn.ModuleDict({name: ImageTranslator(case.shape, case.shape[0], *drawn) for name in "GF"})
    critics = nn.ModuleDict(
        {side: PatchCritic(case.shape, recipe.width, recipe.depth or 0, recipe.norm) for side in "AB"}
    )
    return generators, critics


def data(case: Case) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(1)
    a, b = (torch.rand(max(ROWS, 8 * case.recipe.batch_size), *case.shape, generator=chance) * 2 - 1 for _ in range(2))
    return a, b


def ours(case: Case, made: Networks, place: Place | None = None) -> Iterator[object]:
    weight = 10 * case.identity
    game = cycle_game(*made, replace(case.recipe, identity=(weight, weight)), 10**9)
    a, b = data(case)
    batches = Unpaired(*(Batches(rows, size=case.recipe.batch_size, seed=i) for i, rows in enumerate((a, b))))
    return train(game.turns, batches, 10**9, State(Chance(0)), place or Place())


# -- the reference


class Both(Dataset[dict[str, Tensor]]):
    """A row of A, and one of B by chance."""

    def __init__(self, a: Tensor, b: Tensor) -> None:
        self.a, self.b = a, b

    def __len__(self) -> int:
        return len(self.a)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"A": self.a[index], "B": self.b[random.randint(0, len(self.b) - 1)]}


class Pool:
    """Past fakes in a list."""

    def __init__(self, size: int) -> None:
        self.size, self.images = size, []

    def query(self, images: Tensor) -> Tensor:
        shown = []
        for image in images:
            kept = image.data.unsqueeze(0)
            if len(self.images) < self.size:
                self.images.append(kept)
                shown.append(kept)
            elif random.uniform(0, 1) > 0.5:
                place = random.randint(0, self.size - 1)
                shown.append(self.images[place].clone())
                self.images[place] = kept
            else:
                shown.append(kept)
        return torch.cat(shown, 0)


class Added(nn.Module):
    """A residual block, as a hand-written network has it."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def plain(layer: nn.Module) -> nn.Module:
    """The same function of the same weights, of torch's own layers: what a loop written by hand would call."""
    if isinstance(layer, MapNorm):
        norm = nn.InstanceNorm2d(len(layer.weight), affine=True)
        norm.load_state_dict(layer.state_dict())
        return norm
    if isinstance(layer, nn.Sequential):
        return nn.Sequential(*map(plain, layer))
    if hasattr(layer, "branch"):
        return Added(plain(layer.branch))
    if type(layer) in (nn.Conv2d, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Identity):
        return copy.deepcopy(layer)
    assert isinstance(layer, nn.Conv2d), layer
    convolution = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1)
    convolution.load_state_dict(layer.state_dict())
    if isinstance(layer, WinogradConv2d):
        return convolution
    return nn.Sequential(nn.Upsample(scale_factor=2), convolution)  # one that enlarges


def in_layout(made: Networks, layout: torch.memory_format) -> tuple[list[nn.Module], list[nn.Module]]:
    """The same networks of torch's layers, without a layout of their own choice."""
    generators, critics = copy.deepcopy(made)
    if isinstance(generators["G"], VectorTranslator):
        return list(generators.values()), list(critics.values())
    drawn = [plain(nn.Sequential(generators[name].layers, generators[name].last)) for name in "GF"]
    judged = [plain(critics[side].layers) for side in "AB"]
    for network in (*drawn, *judged):
        network.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    return drawn, judged


def reference(
    case: Case, made: Networks, device: torch.device = CPU, layout: torch.memory_format = torch.contiguous_format
) -> Iterator[dict[str, float]]:
    (g, f), (d_a, d_b) = in_layout(made, layout)
    both = [*g.parameters(), *f.parameters()], [*d_a.parameters(), *d_b.parameters()]
    makers, judges = (torch.optim.Adam(weights, lr=2e-4, betas=(0.5, 0.999)) for weights in both)
    pools, share = (Pool(POOL), Pool(POOL)), case.identity
    squares, absolute = nn.MSELoss(), nn.L1Loss()
    real, fake = torch.tensor(1.0, device=device), torch.tensor(0.0, device=device)
    loader = DataLoader(Both(*data(case)), batch_size=case.recipe.batch_size, shuffle=True, drop_last=True)

    def judged(scores: Tensor, target: Tensor) -> Tensor:
        return squares(scores, target.expand_as(scores))

    def taught(critic: nn.Module, true: Tensor, made: Tensor) -> Tensor:
        loss = (judged(critic(true), real) + judged(critic(made.detach()), fake)) * 0.5
        loss.backward()
        return loss

    while True:
        for batch in loader:
            a, b = batch["A"].to(device), batch["B"].to(device)
            fake_b = g(a)
            back_a = f(fake_b)
            fake_a = f(b)
            back_b = g(fake_a)
            for weight in both[1]:
                weight.requires_grad = False
            makers.zero_grad()
            same = [torch.zeros((), device=device)] * 2
            if share > 0:
                same = [absolute(g(b), b) * 10 * share, absolute(f(a), a) * 10 * share]
            losses = [judged(d_b(fake_b), real), judged(d_a(fake_a), real)]
            losses += [absolute(back_a, a) * 10, absolute(back_b, b) * 10, *same]
            sum(losses, torch.zeros((), device=device)).backward()
            makers.step()
            for weight in both[1]:
                weight.requires_grad = True
            judges.zero_grad()
            losses += [taught(d_b, b, pools[1].query(fake_b)), taught(d_a, a, pools[0].query(fake_a))]
            judges.step()
            names = ("G", "F", "cycle A", "cycle B", "identity B", "identity A", "D_B", "D_A")
            yield {name: loss.item() for name, loss in zip(names, losses, strict=True)}


# -- measuring


def fast(case: Case, made: Networks) -> Iterator[object]:
    """Ours where bfloat16 is fast, as ``precision="auto"`` has it for images of 16 x 16 pixels or more."""
    return ours(case, made, Place.of("cpu", "auto"))


WAYS: dict[str, Callable[[Case, Networks], Iterator[Any]]] = {"ours": ours, "reference": reference, "bfloat16": fast}


def playing(name: str, number: int) -> Iterator[None]:
    """A way to play a case, a round at each step."""
    case = CASES[number]
    with contextlib.nullcontext() if name == "reference" else kept_memory():
        for _ in WAYS[name](case, networks(case)):
            yield


def play(name: str, number: int) -> None:
    """In a process of its own: for each line that is read, play a block of rounds and print its seconds."""
    rounds = playing(name, number)
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(CASES[number].rounds):
            next(rounds)
        print(time.perf_counter() - began, flush=True)


def timed(number: int, blocks: int, threads: int) -> dict[str, list[float]]:
    """Seconds of each block, in a process for each way; one of them works at a time."""
    command = [sys.executable, __file__, "--threads", str(threads), "--play"]
    made = {
        name: subprocess.Popen(
            [*command, name, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for name in WAYS
    }
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for block in range(blocks + 1):
        for name, process in made.items():
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            seconds = float(process.stdout.readline())
            if block:  # the first is for warming up
                found[name].append(seconds)
    for process in made.values():
        process.communicate()
    return found


def peak(name: str, number: int, rounds: int = 6) -> None:
    """In a process of its own: print the bytes that playing some rounds added to what it held."""
    played = playing(name, number)
    Path("/proc/self/clear_refs").write_text("5")  # forget what was held at most before
    before = _kib("VmRSS")
    for _ in range(rounds):
        next(played)
    print(1024 * (_kib("VmHWM") - before))


def _kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def held(name: str, number: int) -> float:
    """MiB, the median of three processes."""
    command = [sys.executable, __file__, "--peak", name, str(number)]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(3)]
    return statistics.median(int(run) / 2**20 for run in runs)


def row(number: int, blocks: int, threads: int) -> str:
    found = timed(number, blocks, threads)
    ratios = sorted(theirs / mine for theirs, mine in zip(found["reference"], found["ours"], strict=True))
    quarter = len(ratios) // 4
    low, middle, high = ratios[quarter], statistics.median(ratios), ratios[-1 - quarter]
    faster = statistics.median(t / m for t, m in zip(found["reference"], found["bfloat16"], strict=True))
    each = 1000 * statistics.median(found["ours"]) / CASES[number].rounds
    memory = " | ".join(f"{held(name, number):.0f}" for name in WAYS)
    return (
        f"| {CASES[number].name} | {each:.0f} | **{middle:.2f}** ({low:.2f} to {high:.2f}) | {faster:.2f} | {memory} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--play", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    if chosen.peak:
        peak(chosen.peak[0], int(chosen.peak[1]))
        return
    if chosen.play:
        play(chosen.play[0], int(chosen.play[1]))
        return
    heads = ("case", "ms a round", "times as fast in float32", "in bfloat16", *(f"MiB, {name}" for name in WAYS))
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}", flush=True)
    for number, case in enumerate(CASES):
        if chosen.only in case.name:
            print(row(number, chosen.blocks, chosen.threads), flush=True)


if __name__ == "__main__":
    main()
