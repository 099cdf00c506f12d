"""What the commands of a CycleGAN do: fit, and translate any amount of data in little memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sparring.cli.actions import finish, needs
from sparring.cli.display import Display
from sparring.errors import FolderError, InputError
from sparring.files import explained, replaced_file, replaced_folder
from sparring.record import Record

__all__ = ["fit_cyclegan", "translate", "weights"]

KINDS = ("cyclegan", "sequence-translator")


def weights(name: str, words: str | None) -> float | tuple[float, ...] | None:
    """A weight for both sides, or one for each: "10", or "10,0"."""
    if words is None:
        return None
    try:
        found = tuple(float(word) for word in words.split(","))
    except ValueError:
        found = ()
    if len(found) not in (1, 2):
        raise InputError(f"--{name} takes one number, or two with a comma between them; got {words!r}")
    return found[0] if len(found) == 1 else found


def fit_cyclegan(a: str, b: str, folder: Path, chosen: dict[str, Any], as_json: bool) -> None:
    display = Display(as_json=as_json)
    Record.refuse_taken(folder)
    from sparring.estimators import CycleGAN

    model = CycleGAN(**chosen, run=folder, verbose=display.progress)
    with display.bar(f"training on {a} and {b} in {folder} (Ctrl-C saves and stops)"):
        model.fit(a, b)
    finish(model, display)


def translate(
    folder: Path, data: str, output: Path | None, reverse: bool, full_size: bool, beam: int | None, as_json: bool
) -> None:
    """By what the run holds: rows or pictures to the other side, or a line for every line."""
    record = Record.open(folder)
    needs(record, KINDS, "translations", "sparring predict or sparring sample")
    if record.about["kind"] == "sequence-translator":
        if reverse or full_size:
            raise InputError(f"{folder} translates texts, one way; --reverse and --full-size are for a CycleGAN.")
        from sparring.cli import sequencing

        sequencing.translate(folder, data, output, beam, as_json)
        return
    if beam is not None:
        raise InputError(f"{folder} holds a CycleGAN; --beam is for texts.")
    if output is None:
        raise InputError("a CycleGAN's translations need a place: give -o OUT, a new folder or a file.")
    display = Display(as_json=as_json)
    from sparring.estimators import load

    model = load(folder)
    with display.waiting(f"translating {data}"):
        count = _written(model.stream(data, reverse=reverse, full_size=full_size), output)
    state = {"rows": count, "output": str(output)}
    display.result(state, lambda: display.print(f"{count:,} translation{'s' if count != 1 else ''} in {output}"))


def _written(chunks: Iterator[Any], output: Path) -> int:
    """Write chunks as they come, whole or not at all; how many rows they had."""
    suffix = output.suffix.lower()
    if suffix == ".npy":
        return _to_npy(chunks, output)
    if suffix == ".csv":
        return _to_csv(chunks, output)
    if not suffix:
        return _to_folder(chunks, output)
    from sparring.data.write import write
    from sparring.estimators.cycle_use import together

    parts = list(chunks)
    low, high = parts[0].schema.span
    write(together(iter(parts)), output, low=low, high=high, padding=0 if len(parts[0].rows) == 1 else 1)
    return sum(len(part.rows) for part in parts)


def _to_npy(chunks: Iterator[Any], output: Path) -> int:
    """The header is written again at the end, when the number of rows is known; NumPy leaves room for it."""
    import numpy as np

    count, shape, header = 0, (), {}
    with replaced_file(output) as partial, partial.open("wb") as file:
        for part in chunks:
            if part.schema.kind == "mixed table":
                raise InputError(f"{output}: a table with labels, dates or gaps is no array; choose -o FILE.csv.")
            rows = np.ascontiguousarray(part.rows)
            if not count:
                header = {"descr": np.lib.format.dtype_to_descr(rows.dtype), "fortran_order": False}
                shape = rows.shape[1:]
                np.lib.format.write_array_header_1_0(file, {**header, "shape": (0, *shape)})
            if rows.shape[1:] != shape:
                raise InputError("the pictures have several sizes; give -o a new folder for them.")
            file.write(rows.tobytes())
            count += len(rows)
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, {**header, "shape": (count, *shape)})
    return count


def _to_csv(chunks: Iterator[Any], output: Path) -> int:
    from sparring.data.write import as_frame

    count = 0
    with replaced_file(output) as partial:
        for part in chunks:
            mixed = part.schema.kind == "mixed table"  # whose booleans are read again as such
            (part.rows if mixed else as_frame(part.rows)).to_csv(partial, mode="a", header=not count, index=False)
            count += len(part.rows)
    return count


def _to_folder(chunks: Iterator[Any], output: Path) -> int:
    """A PNG for every picture, under the name of its file if it has one."""
    from sparring.data.image import as_bytes, to_pillow

    with explained(output):
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise FolderError(f"{output} exists and is not empty. Translations need a new or empty folder.")
    count = 0
    with explained(output), replaced_folder(output) as partial:
        for part in chunks:
            if part.schema.kind != "image":
                raise InputError(f"{output}: {part.schema.kind}s are no pictures; choose -o FILE.csv or FILE.npy.")
            names = part.names or [f"{count + i:06d}" for i in range(1, len(part.rows) + 1)]
            for name, image in zip(names, as_bytes(part.rows, *part.schema.span), strict=True):
                path = (partial / name).with_suffix(".png")
                if path.exists():  # a.jpg beside a.png
                    path = partial / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                to_pillow(image).save(path)
            count += len(part.rows)
    return count
