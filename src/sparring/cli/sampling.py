"""The command that makes samples: of any class, from given noise, or on the way from one to another."""

from pathlib import Path
from typing import Any

import numpy as np

from sparring.cli.actions import needs
from sparring.cli.display import Display
from sparring.cli.tables import conditions
from sparring.errors import InputError
from sparring.record import Record

__all__ = ["sample", "writes_sequences"]

WAYS = 8
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def writes_sequences(folder: Path) -> bool:
    """Whether a run's model writes texts or music."""
    return Record.open(folder).about.get("kind") == "sequence-generator"


def sample(
    folder: Path,
    n: int | None,
    output: Path,
    wanted: dict[str, Any],
    steps: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """wanted: label, shares, latent and where, as the user wrote them. steps: of a way; None for separate samples."""
    record = Record.open(folder)
    needs(record, ("gan",), "samples", "sparring predict, or sparring translate")
    display = Display(as_json=as_json)
    from sparring.estimators import load

    if n is not None and n < 1:
        raise InputError(f"-n must be at least 1; got {n}")
    model = load(record.folder)
    y = _classes(model, wanted["label"], wanted["shares"])
    latent, where = _latent(wanted["latent"]), conditions(wanted["where"])
    if where is not None and (latent is not None or steps is not None):
        raise InputError("--where draws until rows fit; it cannot be given with --latent or --interpolate.")
    if steps is not None:
        pairs = (n or WAYS) if latent is None else len(latent) // 2
        ends = None if latent is None else np.stack([latent[:pairs], latent[pairs : 2 * pairs]])
        made = model.interpolate(steps, pairs, y=y, latent=ends, random_state=seed)
        _write(model, made, output, columns=steps)
        state = {"samples": pairs * steps, "ways": pairs, "output": str(output)}
        display.result(state, lambda: display.print(f"{pairs:,} ways of {steps} samples in {output}"))
        return
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
    count = n or (100 if latent is None else len(latent))
    from sparring.data.mixed import MixedSchema
    from sparring.data.write import ROWS, write_rows

    mixed = isinstance(model.schema_, MixedSchema)
    rows = model.schema_.kind.endswith("table") and (mixed or model.classes_ is None) and latent is None
    if rows and output.suffix.lower() in ROWS:
        parts = model.sample_parts(count, y=y, where=where, random_state=seed)
        whole, like = (model.schema_.gapped, model.schema_.typical()) if mixed else ((), None)
        write_rows(parts, output, whole, like)
    else:
        labels = None if model.classes_ is None else model.draw_labels(count, y, random_state=seed)
        made = model.sample(count, y=labels, where=where, latent=latent, random_state=seed)
        _write(model, made, output, labels=labels)
    display.result({"samples": count, "output": str(output)}, lambda: display.print(f"{count:,} samples in {output}"))


def _write(model: Any, samples: Any, output: Path, columns: int | None = None, labels: Any = None) -> None:
    from sparring.data.signals import SignalSchema, drawn
    from sparring.data.write import write

    schema = model.schema_
    if isinstance(schema, SignalSchema) and output.suffix.lower() in PICTURES:
        picture = drawn(samples, min(schema.lows), max(schema.highs), columns)
        write(picture[None], output, columns=1, padding=0)
        return
    low, high = schema.span
    write(samples, output, columns=columns, low=low, high=high, labels=labels)


def _latent(path: Path | None) -> Any:
    if path is None:
        return None
    from sparring.data.source import existing, from_npy

    return from_npy(existing(str(path)))


def _classes(model: Any, label: str | None, shares: str | None) -> Any:
    """What ``GAN.sample`` calls y. Raises InputError for a class that is not known."""
    if label is not None and shares is not None:
        raise InputError("give --label or --shares, not both.")
    if label is None and shares in (None, "balanced"):
        return shares
    if model.classes_ is None:
        raise InputError(f"{model.record_.folder} learned no classes: fit it with --target or --classes.")
    known = {str(value): value for value in model.classes_.tolist()}
    if label is not None:
        return _known(known, label)
    found = {}
    for part in str(shares).split(","):
        name, equals, share = part.rpartition("=")
        try:
            found[_known(known, name)] = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"--shares takes balanced, or CLASS=SHARE,CLASS=SHARE; got {shares!r}")
    return found


def _known(known: dict[str, Any], name: str) -> Any:
    from sparring.data.schema import nearest

    if name not in known:
        raise InputError(f"there is no class {name!r}{nearest(name, known)}")
    return known[name]
