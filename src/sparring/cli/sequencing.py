"""What the commands for sequences do: fit, tag, translate, and write texts and music."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sparring.cli.actions import finish, needs
from sparring.cli.display import Display
from sparring.errors import InputError
from sparring.files import replaced_file
from sparring.record import Record

__all__ = ["fit_sequence", "tag", "translate", "write_works"]

SAMPLES = 10
STEPS = 200


def fit_sequence(kind: str, data: str, target: str | None, folder: Path, chosen: dict[str, Any], as_json: bool) -> None:
    display = Display(as_json=as_json)
    Record.refuse_taken(folder)
    from sparring.estimators.saved import KINDS

    model = KINDS[kind](**chosen, run=str(folder), verbose=display.progress)
    with display.bar(f"training on {data} in {folder} (Ctrl-C saves and stops)"):
        model.fit(data, target)
    finish(model, display)


def _texts(data: str, encoding: str) -> list[str]:
    from sparring.data.lines import read_lines
    from sparring.data.source import existing

    return [line.strip() for line in read_lines(existing(data), encoding)]


def _write_lines(lines: Sequence[str], output: Path) -> None:
    with replaced_file(output) as partial:
        partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def translate(folder: Path, data: str, output: Path | None, beam: int | None, as_json: bool) -> None:
    """A line for every line; an empty one stays empty."""
    record = Record.open(folder)
    needs(record, ("sequence-translator",), "translations", "sparring predict or sparring sample")
    display = Display(as_json=as_json)
    from sparring.estimators import load

    model = load(record.folder)
    if beam is not None and beam < 1:
        raise InputError(f"--beam must be at least 1; got {beam}")
    model.beam = beam or model.beam
    sources = _texts(data, model.encoding)
    with display.waiting(f"translating {len(sources):,} lines"):
        said = model.predict(sources) if sources else []
    if output is not None:
        _write_lines(said, output)
    state = {"lines": len(said), "output": None if output is None else str(output)}
    state |= {} if output is not None else {"translations": said}
    display.result(state, lambda: _say(display, said, output, "translations"))


def _say(display: Display, lines: Sequence[str], output: Path | None, what: str) -> None:
    if output is None:
        for line in lines:
            display.print(line)
    else:
        display.print(f"{len(lines):,} {what} in {output}")


def tag(model: Any, data: str, output: Path | None, display: Display) -> None:
    """Texts of a line each, or a CoNLL file's words, to a word and its tag on each line."""
    rows = _words_of(data, model.encoding)
    tags = model.predict(rows)
    lines = [
        line
        for row, its in zip(rows, tags, strict=True)
        for line in [*(f"{word}\t{tag}" for word, tag in zip(row, its, strict=True)), ""]
    ]
    if output is not None:
        _write_lines(lines, output)
    state: dict[str, Any] = {"sentences": len(rows), "output": None if output is None else str(output)}
    state |= {} if output is not None else {"tags": tags}
    display.result(state, lambda: _say_tagged(display, lines, len(rows), output))


def _say_tagged(display: Display, lines: Sequence[str], count: int, output: Path | None) -> None:
    if output is None:
        _say(display, lines, None, "")
    else:
        display.print(f"{count:,} tagged sentences in {output}")


def _words_of(data: str, encoding: str) -> list[list[str]]:
    """A sentence on each line; or, with tabs or in a .conll, a word on each, and an empty line after a sentence."""
    from sparring.data.words import words_of

    lines = _texts(data, encoding)
    in_columns = data.endswith((".conll", ".iob", ".bio")) or any("\t" in line for line in lines)
    if not in_columns:
        found = [words_of(line, lower=False) for line in lines if line]
    else:
        found = [[]]
        for line in lines:
            if line:
                found[-1].append(line.split("\t")[0].split(" ")[0])
            elif found[-1]:
                found.append([])
        found = [row for row in found if row]
    if not found:
        raise InputError(f"{data} holds no sentence.")
    return found


def write_works(
    folder: Path, n: int | None, output: Path, wanted: dict[str, Any], seed: int | None, as_json: bool
) -> None:
    """Samples of a sequence generator: texts as .txt, music as .mid (or a folder of them), rolls as .npz."""
    record = Record.open(folder)
    display = Display(as_json=as_json)
    from sparring.estimators import load

    model = load(record.folder)
    is_music = model.coding_.kind == "frames"
    kinds = (".mid", ".midi", ".npz", "") if is_music else (".txt", ".abc", "")
    if output.suffix.lower() not in kinds:
        raise InputError(
            f"{output}: this model writes {'music' if is_music else 'texts'}; {_choices(kinds)} is needed."
        )
    count = n or (1 if output.suffix.lower() in (".mid", ".midi") else SAMPLES)
    prime = wanted.pop("prime")
    wanted = {name: value for name, value in wanted.items() if value is not None}
    made = model.sample(count, prime=_prime(prime, is_music), random_state=seed, **{"length": STEPS, **wanted})
    if is_music:
        _write_music(model, made, output)
    else:
        _write_lines([text for one in made for text in (one.split("\n"))], output)
    display.result({"samples": count, "output": str(output)}, lambda: display.print(f"{count:,} samples in {output}"))


def _choices(kinds: tuple[str, ...]) -> str:
    return ", ".join(kind for kind in kinds if kind) + (" or a new folder" if ".mid" in kinds else "")


def _prime(prime: str | None, is_music: bool) -> Any:
    """What each sample begins with: a text, or for music the first steps of a file."""
    if prime is None or not is_music:
        return prime
    from sparring.data.works import read_works

    return read_works(prime).inputs[0]


def _write_music(model: Any, samples: list[Any], output: Path) -> None:
    if output.suffix.lower() == ".npz":
        with replaced_file(output) as partial, open(partial, "wb") as file:
            np.savez_compressed(file, **{f"roll_{i}": row for i, row in enumerate(samples, 1)})
        return
    from sparring.data.midi import write_midis

    write_midis(model.rolls(samples), output)
