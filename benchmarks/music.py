"""Polyphonic music: the negative log-likelihood of a frame, by cells of about 20,000 numbers that are learned.

    python benchmarks/music.py jsb nottingham --data FOLDER     folder of JSB_Chorales.mat and Nottingham.mat
    python benchmarks/music.py jsb nottingham --apart --data FOLDER     keys of a frame independent of each other
    python benchmarks/music.py jsb --data FOLDER --picture FILE     only a picture: a real piece and written ones

The sets and splits of Chung et al. 2014. Keys of a frame are chosen together (``chords``), with so many units that
no network learns more numbers than theirs; or, with --apart, each by itself, with their 36 LSTM units, 46 GRU units
and 100 tanh units. Nats a frame (the sum over 88 keys) on the test pieces, averaged over all of their frames: with
each piece's first frame, which is predicted from nothing, and without it, as Bai et al. 2018 count. Epochs are chosen
by the validation pieces, and so were the settings; the test pieces are looked at once, after training.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import sparring as sp
from sparring.data.rolls import Roll, read_rolls
from sparring.networks import count_parameters

FILES = {"jsb": "JSB_Chorales.mat", "nottingham": "Nottingham.mat"}
UNITS = {"rnn": 89, "gru": 39, "lstm": 30}
APART_UNITS = {"rnn": 100, "gru": 46, "lstm": 36}
CHORALES = {"max_iter": 60, "batch_size": 2, "dropout": 0.1}
TUNES = {"max_iter": 20, "batch_size": 4, "dropout": 0.0}
Settings = dict[str, dict[str, dict[str, Any]]]
SETTINGS: Settings = {
    "jsb": {
        cell: {**CHORALES, "learning_rate_init": rate} for cell, rate in (("rnn", 1e-2), ("gru", 1e-2), ("lstm", 2e-2))
    },
    "nottingham": {"rnn": {**TUNES, "learning_rate_init": 5e-3}, "gru": TUNES, "lstm": TUNES},
}
APART_SETTINGS: Settings = {
    "jsb": SETTINGS["jsb"],
    "nottingham": {
        "rnn": {
            "max_iter": 690,
            "batch_size": 8,
            "dropout": 0.0,
            "input_dropout": 0.2,
            "remember": 100,
            "learning_rate_init": 3e-3,
        },
        "gru": TUNES,
        "lstm": TUNES,
    },
}
SHOWN = 64  # frames of a picture
SAME: dict[str, Any] = {"learning_rate_init": 1e-2, "early_stopping": True, "n_iter_no_change": 1000, "tol": 0}


@dataclass(frozen=True)
class Likelihood:
    """Nats a frame of some pieces, with and without each piece's first frame."""

    whole: float
    without_first: float


def fitted(name: str, cell: str, seed: int, known: Sequence[Roll], valid: Sequence[Roll], chords: bool = True) -> Any:
    settings = {**SAME, **(SETTINGS if chords else APART_SETTINGS)[name][cell]}
    units = (UNITS if chords else APART_UNITS)[cell]
    model = sp.SequenceGenerator(cell=cell, hidden_size=units, chords=chords, threads=1, random_state=seed, **settings)
    return model.fit(known, validation_data=(valid, None))


def likelihood(model: Any, pieces: Sequence[Roll]) -> Likelihood:
    nats = -model.log_likelihood(pieces).sum()
    first = -model.log_likelihood([replace(piece, frames=piece.frames[:1]) for piece in pieces]).sum()
    frames = sum(map(len, pieces))
    return Likelihood(nats / frames, (nats - first) / (frames - len(pieces)))


def table(name: str, folder: Path, cells: Sequence[str], seeds: int, chords: bool) -> None:
    known, valid, test = (read_rolls(folder / FILES[name], part) for part in ("train", "valid", "test"))
    print("| cell, units | numbers learned | seed | best epoch | validation | test | test, no first frames | CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for cell in cells:
        found = []
        for seed in range(seeds):
            began = time.process_time()
            model = fitted(name, cell, seed, known, valid, chords)
            seconds = time.process_time() - began
            judged, own = likelihood(model, test), likelihood(model, valid)
            found.append((own.whole, judged.whole, judged.without_first))
            count, epochs = count_parameters(model.network_), f"{model.best_epoch_} of {model.n_iter_}"
            shown = " | ".join(f"{value:.3f}" for value in found[-1])
            print(
                f"| {cell}, {model.hidden_size} | {count:,} | {seed} | {epochs} | {shown} | {seconds:.0f} |", flush=True
            )
        mean = " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0))
        print(f"| **{cell}** | | mean of {seeds} | | {mean} | |", flush=True)


def picture(name: str, folder: Path, path: Path) -> None:
    """A test piece, and what GRUs write whose keys are chosen together and apart."""
    known, valid, test = (read_rolls(folder / FILES[name], part) for part in ("train", "valid", "test"))
    drawn = {"a piece from the test part": np.asarray(test[0].frames[:SHOWN])}
    for chords, label in ((True, "written, keys chosen together"), (False, "written, keys chosen apart")):
        drawn[label] = fitted(name, "gru", 0, known, valid, chords).sample(1, length=SHOWN, random_state=0)[0]
    sounding = np.flatnonzero(np.concatenate(list(drawn.values())).any(0))
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    panels = figure.subplots(1, len(drawn), sharey=True)
    for area, (label, roll) in zip(panels, drawn.items(), strict=True):
        area.imshow(roll.T, origin="lower", aspect="auto", cmap="Greys", interpolation="nearest")
        area.set(title=label, xlabel="frame", ylim=(sounding.min() - 1.5, sounding.max() + 1.5))
    panels[0].set_ylabel("key")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=FILES)
    parser.add_argument("--data", type=Path, required=True, help="a folder of the two .mat files")
    parser.add_argument("--cells", nargs="+", choices=UNITS, default=list(UNITS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--apart", action="store_true", help="keys of a frame independent of each other")
    parser.add_argument("--picture", type=Path)
    chosen = parser.parse_args()
    if chosen.picture is not None:
        picture(chosen.what[0], chosen.data, chosen.picture)
        raise SystemExit
    for what in chosen.what:
        print(f"# {what}")
        table(what, chosen.data, chosen.cells, chosen.seeds, not chosen.apart)
