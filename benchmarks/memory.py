"""What recurrent cells remember: sums and symbols over many steps, and digits read row by row.

    python benchmarks/memory.py adding copying --keep FOLDER [--picture docs/images/memory.png]
    python benchmarks/memory.py rows --data FOLDER          folder of the four IDX files of MNIST

adding (Hochreiter & Schmidhuber 1997, in the form of Le et al. 2015): each of T steps has a value from U[0, 1] and a
mark; one step of each half is marked, and the answer is the sum of the two values. A network that says 1 has an error
of 1/6. copying (Arjovsky et al. 2016): ten symbols out of eight, T - 1 blanks, a sign, and ten blanks in which the
symbols are to be said; a network that guesses them has an error of 10 ln 8 / (T + 20) nats a step. Every batch is new,
so training and test errors are of the same law. rows: 28 steps of 28 pixels.

The delta k steps back is what an input hears of the last answer's error (``training.delta_in_time``).
"""

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import sparring as sp
from sparring.chance import ambient_seed, generator
from sparring.data.labelled import read_labelled
from sparring.networks import SequenceNetwork, count_parameters
from sparring.networks.reading import Answer
from sparring.training import State, delta_in_time, supervised_game, train
from sparring.training.adam import Adam
from sparring.training.schedules import rise_then_cosine

CELLS = ("rnn", "gru", "lstm")
COLOURS = {"rnn": "#b8860b", "gru": "#9a9a9a", "lstm": "#1c2228"}
SYMBOLS, COPIED, BLANK, SIGN = 8, 10, 8, 9
TESTED, EVERY = 500, 100  # rows of a test, steps between two of them
SEED = 2**20  # of the test rows, where no batch's seed is


@dataclass(frozen=True)
class Task:
    """An endless supply of examples. draw: rows and chance to (inputs (n, t, width), targets).

    error: of outputs and targets. last: the same of the last step alone. guess: the error of a network without memory.
    solved: an error below which the task counts as solved.
    """

    width: int
    outputs: int
    answer: Answer
    length: int
    hidden: int
    steps: int
    rate: float
    draw: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
    error: Callable[[Tensor, Tensor], Tensor]
    last: Callable[[Tensor, Tensor], Tensor]
    guess: float
    solved: float
    remember: int | None = None
    size: int = 32


@dataclass(frozen=True)
class Outcome:
    """A trained cell. curve: (step, test error). first, final: (k, delta k steps back), before and after training."""

    task: str
    cell: str
    seed: int
    parameters: int
    error: float
    solved_at: int | None
    seconds: float
    curve: list[tuple[int, float]]
    first: list[tuple[int, float]]
    final: list[tuple[int, float]]


class Endless:
    """Batches that never come again: batch i is a pure function of (seed, i)."""

    per_epoch = 1

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.seed, self.rows, self.size = task, seed, task.size, task.size

    def count(self, index: int) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return batch(self.task, self.size, generator(self.seed, "batch", index))


def batch(task: Task, n: int, chance: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """(inputs, lengths, targets) of n rows."""
    inputs, targets = task.draw(n, chance)
    return inputs, torch.full((n,), inputs.shape[1]), targets


# -- the tasks


def adding(length: int = 200) -> Task:
    def draw(n: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        values, half = torch.rand(n, length, generator=chance), length // 2
        marked = torch.stack(
            [
                torch.randint(0, half, (n,), generator=chance),
                torch.randint(half, length, (n,), generator=chance),
            ],
            dim=1,
        )
        marks = torch.zeros(n, length).scatter_(1, marked, 1.0)
        return torch.stack([values, marks], dim=2), values.gather(1, marked).sum(1)

    def error(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs[:, 0] - targets).square().mean()

    return Task(2, 1, "last", length, 32, 5000, 1e-2, draw, error, error, guess=1 / 6, solved=0.01)


def copying(length: int = 30) -> Task:
    steps = length + 2 * COPIED

    def draw(n: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        symbols = torch.randint(0, SYMBOLS, (n, COPIED), generator=chance)
        seen, said = torch.full((2, n, steps), BLANK)
        seen[:, :COPIED], said[:, -COPIED:] = symbols, symbols
        seen[:, COPIED + length - 1] = SIGN
        return nn.functional.one_hot(seen, SYMBOLS + 2).float(), said

    def error(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())

    def last(outputs: Tensor, targets: Tensor) -> Tensor:
        return error(outputs[:, -1:], targets[:, -1:])

    guess = COPIED * math.log(SYMBOLS) / steps
    return Task(
        SYMBOLS + 2, SYMBOLS + 1, "each", length, 64, 20_000, 2e-2, draw, error, last, guess, guess / 10, remember=steps
    )


TASKS: Mapping[str, Callable[..., Task]] = {"adding": adding, "copying": copying}


# -- learning


def learned(name: str, task: Task, cell: str, seed: int) -> Outcome:
    """One network on new batches until its steps are played, tested on the same rows now and then."""
    with ambient_seed(seed):
        network = SequenceNetwork(
            task.outputs,
            width=task.width,
            answer=task.answer,
            hidden=task.hidden,
            cell=cell,
            remember=task.remember,
        )
    test = batch(task, TESTED, generator(SEED, "test"))
    optimizer = Adam(network.parameters(), lr=task.rate)
    rate = rise_then_cosine(task.rate, task.steps)
    game = supervised_game(network, task.error, optimizer, rate, takes=2, clip=1.0)
    first, curve, began = _delta(network, task), [(0, _tested(network, task, test))], time.perf_counter()
    for step in train(game.turns, Endless(task, seed), task.steps, State()):
        if step.index % EVERY == 0:
            curve.append((step.index, _tested(network, task, test)))
    seconds = time.perf_counter() - began
    solved_at = next((at for at, error in curve if error < task.solved), None)
    count, final = count_parameters(network), _delta(network, task)
    return Outcome(name, cell, seed, count, curve[-1][1], solved_at, seconds, curve, first, final)


def _tested(network: nn.Module, task: Task, test: tuple[Tensor, Tensor, Tensor]) -> float:
    with torch.inference_mode():
        return task.error(network(*test[:2]), test[2]).item()


def _delta(network: nn.Module, task: Task) -> list[tuple[int, float]]:
    inputs, lengths, targets = batch(task, 256, generator(SEED, "delta"))
    return list(delta_in_time(network, inputs, lengths, targets, task.last))


def outcomes(name: str, task: Task, cells: list[str], seeds: int, folder: Path | None) -> list[Outcome]:
    """All cells and seeds; those that are in the folder already are read from it."""
    found = []
    for cell in cells:
        for seed in range(seeds):
            path = None if folder is None else folder / f"{name}-{task.length}-{cell}-{seed}.json"
            if path is not None and path.exists():
                found.append(Outcome(**json.loads(path.read_text())))
                continue
            found.append(learned(name, task, cell, seed))
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(asdict(found[-1])))
            print(f"({name}, {cell}, seed {seed}: {found[-1].error:.4g})", flush=True)
    return found


# -- showing


def table(name: str, task: Task, found: list[Outcome]) -> None:
    far = found[0].first[-1][0]
    print(f"\n{name}, T = {task.length}, {task.hidden} units, {task.steps:,} steps of {task.size} rows:")
    print(f"guessing {task.guess:.4f}, solved below {task.solved:.4f}\n")
    print(
        f"| cell | seed | numbers learned | final error | solved at step | delta {far} steps back / at the end, before"
        " training | after |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for one in found:
        solved = "not solved" if one.solved_at is None else f"{one.solved_at:,}"
        before, after = (sizes[-1][1] / sizes[0][1] for sizes in (one.first, one.final))
        print(
            f"| {one.cell} | {one.seed} | {one.parameters:,} | {one.error:.2g} | {solved} | {before:.1g} | "
            f"{after:.1g} |"
        )


def picture(path: Path, shown: dict[str, tuple[Task, list[Outcome]]]) -> None:
    """For every task, the test error against the steps, and the delta against the steps back."""
    figure = Figure(figsize=(9, 3.2 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 2, squeeze=False)
    for (errors, deltas), (name, (task, found)) in zip(axes, shown.items(), strict=True):
        for one in found:
            colour, label = COLOURS[one.cell], one.cell if one.seed == 0 else None
            errors.plot(*zip(*one.curve, strict=True), color=colour, linewidth=1, label=label)
            steps = np.maximum([k for k, _ in one.final], 0.5)  # a logarithmic axis has no 0
            deltas.plot(steps, [size for _, size in one.final], color=colour, linewidth=1, label=label)
            deltas.plot(steps, [size for _, size in one.first], color=colour, linewidth=0.7, linestyle=":")
        errors.axhline(task.guess, color="#c04040", linewidth=0.8, linestyle="--", label="guessing")
        errors.set(title=f"{name}, T = {task.length}", xlabel="steps of training", ylabel="test error", yscale="log")
        deltas.set(title="dotted: before training", xlabel="steps back", ylabel="delta", xscale="log", yscale="log")
        errors.legend(frameon=False)
    figure.savefig(path, dpi=110)
    print(f"\n{path}, {path.stat().st_size // 1000} kB")


# -- digits by rows


def rows(folder: Path, cells: list[str], seeds: int) -> None:
    """A classifier that sees an image's 28 rows one after the other, tested once on 10,000 images."""
    known, test = (read_labelled(next(folder.glob(f"{part}-images-idx3-ubyte*"))) for part in ("train", "t10k"))
    (X, unseen) = (np.asarray(part.inputs).reshape(-1, 28, 28) / np.float32(255) for part in (known, test))
    print("| cell | seed | accuracy | numbers learned | delta 16 steps back / at the end, epoch 1 | last epoch | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for cell in cells:
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as run:
                began = time.perf_counter()
                model = _reader(cell, seed, Path(run) / "run").fit(X, known.targets)
                seconds = time.perf_counter() - began
                probed = [row for row in model.record_.rows() if "back 16/time_delta" in row]
                before, after = (at["back 16/time_delta"] / at["back 0/time_delta"] for at in (probed[0], probed[-1]))
                accuracy, count = model.score(unseen, test.targets), count_parameters(model.network_)
            print(
                f"| {cell} | {seed} | {accuracy:.4f} | {count:,} | {before:.2g} | {after:.2g} | {seconds:.0f} |",
                flush=True,
            )


def _reader(cell: str, seed: int, run: Path) -> Any:
    return sp.SequenceClassifier(
        cell=cell,
        pooling="last",
        bidirectional=False,
        dropout=0.2,
        hidden_size=128,
        batch_size=128,
        max_iter=10,
        run=run,
        random_state=seed,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=[*TASKS, "rows"])
    parser.add_argument("--data", type=Path, help="a folder of IDX files")
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=CELLS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder for what was found; what is there is not trained again")
    parser.add_argument("--picture", type=Path, help="a .png of the tasks' errors and deltas")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    shown = {}
    for what in chosen.what:
        if what == "rows":
            if chosen.data is None:
                parser.error("rows needs --data FOLDER")
            rows(chosen.data, chosen.cells, chosen.seeds)
            continue
        task = TASKS[what]()
        shown[what] = task, outcomes(what, task, chosen.cells, chosen.seeds, chosen.keep)
        table(what, *shown[what])
    if chosen.picture is not None and shown:
        picture(chosen.picture, shown)


if __name__ == "__main__":
    main()
