"""What the report of a sequence model shows beside numbers: what a generator writes, and where a translator looks."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sparring.data.rolls import Roll
from sparring.data.sequence_files import Sequences
from sparring.data.sequences import Words
from sparring.data.words import joined
from sparring.files import replaced_file, write_json
from sparring.seeds import derive

__all__ = ["write_alignments", "write_samples"]

TEXTS, ROLLS, REAL = 6, 3, 2  # written, and real texts beside them
LENGTHS = {"letter": 400, "word": 60}  # steps of a text at most
FRAMES = 16, 128  # of a roll: at least, at most
LETTERS = 4000  # of a real text that are kept
SENTENCES = 3
WORDS = 16  # of a sentence whose alignment is drawn


def write_samples(model: Any, train: Sequences, held_out: Sequences) -> None:
    """Write RUN/samples/written.json, texts, or written.npz, rolls, of a fitted ``SequenceGenerator``.

    Its draws follow from the run's seed and the weights, and touch no random state. Beside them are the first held-out
    rows, or training rows where none were held out. Nothing is written of a run that diverged.

    written.json: {"texts": [...], "real": [...]}. written.npz: bool arrays (t, keys), "real" and "written-1", ...
    """
    if not _sound(model):
        return
    twin, folder = _on_cpu(model), model.record_.folder / "samples"
    rows, seed = (held_out if len(held_out) else train).inputs, derive(model.seed_, "report", "samples")
    if isinstance(twin.coding_, Words):
        texts = twin.sample(TEXTS, length=LENGTHS[twin.coding_.level], random_state=seed)
        real = [_as_text(row, twin.coding_.level)[:LETTERS] for row in rows[:REAL]]
        write_json(folder / "written.json", {"texts": texts, "real": real})
        return
    real = _frames(rows[0])[: FRAMES[1]]
    drawn = twin.sample(ROLLS, length=max(len(real), FRAMES[0]), random_state=seed)
    _write_arrays(folder / "written.npz", {"real": real, **{f"written-{i}": roll for i, roll in enumerate(drawn, 1)}})


def write_alignments(model: Any, found: Sequences) -> None:
    """Write RUN/pictures/alignments.json of a fitted ``SequenceTranslator`` with attention: a list of {source, said,
    weights}, words and (said, source) shares, for the first short ones of some sequences.

    Each translation is the model's own; what it has no words for is left out. Nothing is written without a folder, or
    of a run that diverged.
    """
    if not (model.record_.kept and model.attention and _sound(model)):
        return
    twin = _on_cpu(model)
    sources = [twin.source_.words(row, i) for i, row in enumerate(found.inputs)]
    short = [row for row in sources if 1 < len(row) <= WORDS] or [row[:WORDS] for row in sources if row]
    made = [
        dict(zip(("source", "said", "weights"), _plain(twin.alignment(source, said[: 2 * WORDS])), strict=True))
        for source, said in zip(short[:SENTENCES], twin.translated(short[:SENTENCES]), strict=True)
        if said
    ]
    write_json(model.record_.folder / "pictures" / "alignments.json", made)


def _plain(alignment: tuple[list[str], list[str], NDArray[np.float64]]) -> tuple[list[str], list[str], Any]:
    source, said, weights = alignment
    return source, said, weights.round(4).tolist()


def _on_cpu(model: Any) -> Any:
    """The model, or one that shares all with it but a network on the CPU: what is drawn depends on no device."""
    if all(one.device.type == "cpu" for one in model.network_.parameters()):
        return model
    twin = copy.copy(model)
    twin.network_ = copy.deepcopy(model.network_).cpu()
    return twin


def _sound(model: Any) -> bool:
    """Whether the network can still answer: a run that diverged has a report too."""
    finite = all(bool(torch.isfinite(one).all()) for one in model.network_.parameters())
    return finite and model.record_.about.get("status") != "diverged"


def _as_text(row: Any, level: str) -> str:
    if isinstance(row, str):
        return row
    return "".join(row) if level == "letter" else joined(row)


def _frames(row: Any) -> NDArray[np.bool_]:
    return np.asarray(row.frames if isinstance(row, Roll) else row) != 0


def _write_arrays(path: Path, arrays: dict[str, NDArray[np.bool_]]) -> None:
    write: Any = np.savez_compressed  # its type takes names for options
    with replaced_file(path) as partial, open(partial, "wb") as file:
        write(file, **arrays)
