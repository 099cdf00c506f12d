"""Words a second of recurrent networks, learning and answering: ours beside a plain loop of packed sequences.

    python benchmarks/sequence_speed.py [--rounds 5] [--threads 1]

Both train the same network (its weights are copied, and the answers compared) by Adam, with the gradient's norm
clipped, on the same sentences of 4 to 60 words. The plain loop is the one of most tutorials: a DataLoader that shuffles
and pads, pack_padded_sequence, the network, pad_packed_sequence. Ours is ``fit`` and ``predict`` as they come,
vocabulary and encoding included, while the plain loop finds its words encoded. They are timed in turn, and the ratio is
taken within each round: its median, and the middle half. Last, the time of a step pushed into ``stream()``.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

import sparring as sp

SENTENCES, WORDS, CLASSES = 4000, 5000, 5
SIZE, HIDDEN, WIDTH, CLIP = 32, 128, 100, 1.0
SAME: dict[str, Any] = {"width": WIDTH, "hidden_size": HIDDEN, "batch_size": SIZE, "dropout": 0.0, "clip": CLIP}
Rows = list[Tensor]


@dataclass(frozen=True)
class Case:
    """What is learned: the class of each sentence, or a tag for each word."""

    tags: bool
    cell: str
    layers: int

    @property
    def name(self) -> str:
        return f"{'tagger' if self.tags else 'classifier'}, {self.cell}, {self.layers} layer{'s' * (self.layers > 1)}"

    def model(self, threads: int, epochs: int) -> Any:
        settings = {**SAME, "cell": self.cell, "layers": self.layers, "threads": threads, "max_iter": epochs}
        if self.tags:
            return sp.SequenceTagger(crf=False, letters=False, word_dropout=0.0, random_state=0, **settings)
        return sp.SequenceClassifier(pooling="last", random_state=0, **settings)


class Packed(nn.Module):
    """The network of the plain loop."""

    def __init__(self, case: Case, words: int, outputs: int) -> None:
        super().__init__()
        self.case = case
        self.vectors = nn.Embedding(words, WIDTH, padding_idx=0)
        cell = nn.LSTM if case.cell == "lstm" else nn.GRU
        self.layers = cell(WIDTH, HIDDEN, case.layers, batch_first=True, bidirectional=True)
        self.last = nn.Linear(2 * HIDDEN, outputs)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.vectors(x), lengths, batch_first=True, enforce_sorted=False)
        outputs, state = self.layers(packed)
        if self.case.tags:
            return self.last(pad_packed_sequence(outputs, batch_first=True)[0])
        ends = state[0] if self.case.cell == "lstm" else state
        return self.last(torch.cat([ends[-2], ends[-1]], dim=1))

    def copy_of(self, network: Any) -> None:
        """Take the weights of ours, whose layers stand apart for each direction."""
        network = getattr(network, "reading", network)
        self.vectors.weight.data = network.inputs.vectors.weight.detach().clone()
        self.last.load_state_dict(network.last.state_dict())
        for i, layer in enumerate(network.recurrent.layers):
            number, backward = divmod(i, 2)
            for name, value in layer.state_dict().items():
                own = name.replace("l0", f"l{number}") + ("_reverse" if backward else "")
                getattr(self.layers, own).data.copy_(value)


def collated(rows: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    xs, ys = zip(*rows, strict=True)
    lengths = torch.tensor([len(x) for x in xs])
    y = torch.stack(ys) if ys[0].dim() == 0 else pad_sequence(list(ys), batch_first=True, padding_value=-100)
    return pad_sequence(list(xs), batch_first=True), lengths, y


def plain_fit(network: Packed, rows: Any, epochs: int) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    network.train()
    for _ in range(epochs):
        for x, lengths, y in DataLoader(rows, SIZE, shuffle=True, collate_fn=collated):
            optimizer.zero_grad()
            outputs = network(x, lengths)
            loss = nn.functional.cross_entropy(outputs.flatten(0, -2), y.flatten(), ignore_index=-100)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()


def plain_answers(network: Packed, rows: Any) -> list[Any]:
    network.eval()
    found: list[Any] = []
    with torch.no_grad():
        for x, lengths, _ in DataLoader(rows, SIZE, collate_fn=collated):
            said = network(x, lengths).argmax(-1)
            if said.dim() == 2:
                found += [row[:n].tolist() for row, n in zip(said, lengths.tolist(), strict=True)]
            else:
                found += said.tolist()
    return found


def sentences(chance: np.random.Generator) -> tuple[list[list[str]], list[int], list[list[str]]]:
    lengths = np.clip(chance.lognormal(2.95, 0.5, SENTENCES).round().astype(int), 4, 60)
    numbers = [np.minimum(chance.zipf(1.3, n), WORDS) for n in lengths]
    texts = [[f"w{i}" for i in row] for row in numbers]
    return texts, [int(row.sum()) % CLASSES for row in numbers], [[f"t{i % CLASSES}" for i in row] for row in numbers]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compared(case: Case, rounds: int, threads: int) -> None:
    texts, labels, tags = sentences(np.random.default_rng(0))
    y: Any = tags if case.tags else labels
    total = sum(map(len, texts))
    model = case.model(threads, 1).fit(texts, y)
    vocabulary = model.coding_.inputs.vocabulary
    targets = [torch.tensor([int(tag[1:]) for tag in row]) for row in tags] if case.tags else torch.tensor(labels)
    rows: Any = list(zip((torch.tensor(vocabulary.encode(text)) for text in texts), targets, strict=True))
    plain = Packed(case, len(vocabulary), CLASSES)
    plain.copy_of(model.network_)
    agree = np.mean(
        [a == b for a, b in zip(_named(plain_answers(plain, rows), model), model.predict(texts), strict=True)]
    )
    learning, answering = [], []
    for _ in range(rounds):
        ours = seconds(lambda: case.model(threads, 2).fit(texts, y))
        learning.append((ours, seconds(lambda: plain_fit(plain, rows, 2))))
        plain.copy_of(model.network_)
        answering.append((seconds(lambda: model.predict(texts)), seconds(lambda: plain_answers(plain, rows))))
    print(f"| {case.name} | {_row(learning, 2 * total)} | {_row(answering, total)} | {agree:.4f} |", flush=True)


def _named(answers: list[Any], model: Any) -> list[Any]:
    names = list(model.classes_)
    if isinstance(answers[0], list):
        return [[f"t{i}" for i in row] for row in answers] if names else answers
    return [names[i] for i in answers]


def _row(times: list[tuple[float, float]], words: int) -> str:
    rate = words / statistics.median(ours for ours, _ in times)
    low, middle, high = statistics.quantiles([plain / ours for ours, plain in times], n=4)
    return f"{rate:,.0f} | {middle:.2f} ({low:.2f} to {high:.2f})"


def streaming(threads: int) -> None:
    print("\n| streamed | ms a step, median | 99 % |\n| --- | --- | --- |")
    chance = np.random.default_rng(0)
    for cell in ("rnn", "gru", "lstm"):
        for layers in (1, 3):
            signals = [chance.normal(size=(20, 8)).astype(np.float32) for _ in range(64)]
            model = sp.SequenceRegressor(cell=cell, layers=layers, max_iter=1, threads=threads, random_state=0)
            stream = model.fit(signals, chance.normal(size=64)).stream()
            steps = chance.normal(size=(2000, 8))
            times = [seconds(partial(stream.push, x)) for x in steps][200:]
            print(f"| {cell}, {layers} x 128 | {1e3 * np.median(times):.3f} | {1e3 * np.quantile(times, 0.99):.3f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    print("| network | ours learns, words/s | over the plain loop | answers, words/s | over the plain loop | same |")
    print("|" + " --- |" * 6)
    for tags in (False, True):
        for cell, layers in (("lstm", 1), ("gru", 1), ("lstm", 2)):
            compared(Case(tags, cell, layers), chosen.rounds, chosen.threads)
    streaming(chosen.threads)
