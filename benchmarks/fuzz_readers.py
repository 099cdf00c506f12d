"""Files changed at random, under every reader of data: what breaks, and what goes wrong in silence.

    python benchmarks/fuzz_readers.py [--count 10000] [--first 0] [--seed 0] [--only NAME ...]

Each trial changes one small file and reads it in a child that is forked warm. A trial fails if the child

- raises anything but the product's own errors, or one whose message is not one line of at most 1,000 characters;
- is ended by a signal; takes more than 10 s of a processor (so that a busy machine finds the same), or more than 1 GB
  above the warm process;
- reads something else than of the undamaged file without an error or a warning, although the damage can be seen
  (silence).

That damage can be seen is said here, apart from the readers: by the format, of the kinds of change that its lengths and
checksums tell (``seen`` of a ``Reader``); and by the content, of a text that is not UTF-8 or holds a NUL, of rows of a
table that differ in their number of cells, and of what is no JSON. A change of bytes that no checksum covers (a digit
in a CSV, a pixel in a BMP) makes another file, which is read as what it says.
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

os.environ.setdefault("OMP_NUM_THREADS", "1")

SECONDS, MEMORY, HARD = 10, 2**30, 3 * 2**30  # of a trial; bytes above the warm process; where the system stops it
LONGEST = 1_000  # characters of a message
ROWS = 120
LENGTHS = frozenset({"cut", "taken out", "doubled part", "filled in"})  # what a format sees that knows its length
SUMS = LENGTHS | {"flipped"}  # and one with checksums of all its bytes


@dataclass(frozen=True)
class Reader:
    """A way to read a file. file: its name. make: its undamaged bytes. seen: the changes that its format shows.

    text: whether it is UTF-8. cells: what parts the cells of a row, for tables.
    """

    file: str
    make: Callable[[], bytes]
    read: Callable[[Path], Any]
    seen: frozenset[str] = frozenset()
    text: bool = False
    cells: str = ""


# -- undamaged files


@cache
def table() -> pd.DataFrame:
    """A table of numbers, labels, dates, durations and gaps."""
    chance = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": chance.normal(size=ROWS).round(2),
            "colour": chance.choice(["red", "blue", "green"], ROWS),
            "day": pd.to_datetime("2026-01-01") + pd.to_timedelta(chance.integers(0, 300, ROWS), "D"),
            "took": pd.to_timedelta(chance.integers(0, 900, ROWS), "min"),
            "note": np.where(chance.random(ROWS) < 0.1, np.nan, chance.integers(0, 5, ROWS)),
        }
    )


def _numbers(kind: str = "float32", *shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape or (ROWS, 3)).astype(kind)


def _bytes(*shape: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, shape, np.uint8)


def _written(save: Callable[..., Any], *values: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(file, *values, **named)
    return file.getvalue()


def _records() -> np.ndarray:
    from sparring.data.records import as_records

    return as_records(table())


def _csv(sep: str = ",") -> bytes:
    return table().to_csv(index=False, sep=sep).encode()


def _plain_csv() -> bytes:
    return pd.DataFrame(_numbers(), columns=["a", "b", "c"]).round(3).to_csv(index=False).encode()


def _parquet() -> bytes:
    return _written(lambda file: table().to_parquet(file, index=False, write_page_checksum=True))


def _idx() -> bytes:
    return b"\0\0\x08\x03" + struct.pack(">3I", 20, 8, 8) + _bytes(20, 8, 8).tobytes()


def _picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    shape = {"L": (24, 20), "RGB": (24, 20, 3), "RGBA": (24, 20, 4)}.get(mode, (24, 20, 3))
    smooth = np.add.outer(np.arange(24) * 7, np.arange(20) * 5).astype(np.uint8)
    values = (smooth if len(shape) == 2 else smooth[..., None] + np.arange(shape[2], dtype=np.uint8) * 40).copy()
    values[::5, ::3] = 9
    image = Image.fromarray(values)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode in ("P", "1"):
        image = image.convert(mode)
    return _written(lambda file: image.save(file, format=kind, **options))


def _animation() -> bytes:
    frames = [Image.fromarray(_bytes(16, 16)).convert("P") for _ in range(3)]
    return _written(lambda file: frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:]))


def _rolls() -> list[np.ndarray]:
    return [(np.random.default_rng(i).random((12 + i, 88)) < 0.05).astype(np.uint8) for i in range(3)]


def _mat(compressed: bool) -> bytes:
    from scipy.io import savemat

    cells = np.empty((1, 3), object)
    cells[0, :] = _rolls()
    parts = {"traindata": cells, "validdata": cells[:, :1], "testdata": cells[:, 1:]}
    return _written(savemat, parts, do_compression=compressed)


def _rolls_json() -> bytes:
    pieces = [[(np.flatnonzero(row) + 21).tolist() for row in roll] for roll in _rolls()]
    return json.dumps({"train": pieces, "valid": pieces[:1], "test": pieces[1:]}).encode()


def _midi() -> bytes:
    import mido

    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=400_000)])
    for i in range(30):
        track.append(mido.Message("note_on", note=50 + i % 20, velocity=80, time=0))
        track.append(mido.Message("note_off", note=50 + i % 20, velocity=0, time=240))
    return _written(lambda file: mido.MidiFile(type=1, tracks=[track, mido.MidiTrack(track[1:])]).save(file=file))


def _ts() -> bytes:
    head = "# cases\n@problemName made\n@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"
    rows = [":".join(",".join(f"{x:.3f}" for x in part) for part in case) for case in _numbers("float64", 20, 2, 15)]
    return (head + "".join(f"{row}:{'ab'[i % 2]}\n" for i, row in enumerate(rows))).encode()


def _lines() -> bytes:
    words = ["good", "bad", "film", "the", "naïve", "plot", "dull", "bright", "very", "scène"]
    chance = np.random.default_rng(3)
    return "".join(" ".join(chance.choice(words, 6)) + "\n" for _ in range(60)).encode()


def _labelled() -> bytes:
    return b"".join(line + b"\t" + b"+-"[i % 2 : i % 2 + 1] + b"\n" for i, line in enumerate(_lines().splitlines()))


def _vectors(headed: bool) -> bytes:
    rows = [f"word{i} " + " ".join(f"{x:.4f}" for x in row) for i, row in enumerate(_numbers("float64", 40, 8))]
    return ((f"{len(rows)} 8\n" if headed else "") + "".join(f"{row}\n" for row in rows)).encode()


def _abc() -> bytes:
    tune = "X:{}\nT:A tune\nM:4/4\nL:1/8\nK:D\n|:d2fd B>AFA|(3ABc d2 [DFA]4:|1 A4 z4:|2 ^c'4- c'4||\n\n"
    return "".join(tune.format(i) for i in range(1, 6)).encode()


def _series() -> bytes:
    days = pd.date_range("2026-01-01", periods=ROWS).astype(str)
    frame = pd.DataFrame({"day": days, "wave": np.sin(np.arange(ROWS) / 5).round(4), "load": np.arange(ROWS) % 7})
    return frame.to_csv(index=False).encode()


SCHEMA = b'[columns.size]\nkind = "continuous"\n\n[columns.colour]\nkind = "category"\nlabels = ["red", "blue"]\n'
SCHEMA += b'\n[[relations]]\nkind = "order"\ncolumns = ["size", "colour"]\n'


def _packed(make: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: gzip.compress(make(), mtime=0)


# -- readers


def _of(module: str, name: str, *values: Any, **named: Any) -> Callable[[Path], Any]:
    """A function of the product, called with a path first."""

    def read(path: Path) -> Any:
        found = getattr(__import__(f"sparring.data.{module}", fromlist=[name]), name)(path, *values, **named)
        return list(found) if isinstance(found, Iterator) else found

    return read


def _folder(path: Path) -> Any:
    from sparring.data.image import read_images

    return read_images(path.parent)


def _beside(path: Path) -> Any:
    from sparring.data.labelled import read_labelled

    np.save(path.with_name("y.npy"), np.arange(20) % 2)
    return read_labelled(path, target=str(path.with_name("y.npy"))).inputs


def _parallel(path: Path) -> Any:
    from sparring.data.lines import read_parallel

    path.with_name("other.txt").write_bytes(_lines())
    return read_parallel(path, path.with_name("other.txt"))


def _pictures() -> dict[str, Reader]:
    kinds: dict[str, tuple[str, Callable[[], bytes], frozenset[str]]] = {
        "png": ("a.png", lambda: _picture("PNG"), SUMS),
        "png grey": ("a.png", lambda: _picture("PNG", "L"), SUMS),
        "png palette": ("a.png", lambda: _picture("PNG", "P"), SUMS),
        "png clear": ("a.png", lambda: _picture("PNG", "RGBA"), SUMS),
        "png deep": ("a.png", lambda: _picture("PNG", "I;16"), SUMS),
        "jpeg": ("a.jpg", lambda: _picture("JPEG"), frozenset({"cut"})),
        "jpeg progressive": ("a.jpg", lambda: _picture("JPEG", progressive=True), frozenset({"cut"})),
        "gif": ("a.gif", lambda: _picture("GIF", "P"), frozenset({"cut"})),
        "gif frames": ("a.gif", _animation, frozenset({"cut"})),
        "bmp": ("a.bmp", lambda: _picture("BMP"), frozenset({"cut"})),
        "webp": ("a.webp", lambda: _picture("WEBP"), frozenset({"cut"})),
        "webp exact": ("a.webp", lambda: _picture("WEBP", "RGBA", lossless=True), frozenset({"cut"})),
        "tiff": ("a.tif", lambda: _picture("TIFF"), frozenset({"cut"})),
        "tiff lzw": ("a.tif", lambda: _picture("TIFF", compression="tiff_lzw"), frozenset({"cut"})),
        "tiff deflate": ("a.tif", lambda: _picture("TIFF", compression="tiff_adobe_deflate"), frozenset({"cut"})),
        "ppm": ("a.ppm", lambda: _picture("PPM"), frozenset({"cut"})),
        "pbm": ("a.pbm", lambda: _picture("PPM", "1"), frozenset({"cut"})),
    }
    return {name: Reader(file, make, _folder, seen) for name, (file, make, seen) in kinds.items()}


def readers() -> dict[str, Reader]:
    """Every reader of data, by a name."""
    rolls, works = _of("rolls", "read_rolls"), _of("works", "read_works")
    frames, labelled = _of("frames", "read_frame"), _of("labelled", "read_labelled", target="note")
    arrays = _written(np.savez, X=_bytes(20, 8, 8), y=np.arange(20) % 3)
    packed = _written(np.savez_compressed, X=_bytes(20, 8, 8), y=np.arange(20) % 3)
    return {
        "numbers csv": Reader("a.csv", _plain_csv, _of("source", "read"), text=True, cells=","),
        "points csv": Reader("a.csv", _csv, _of("source", "read_points", columns=("size",)), text=True, cells=","),
        "table csv": Reader("a.csv", _csv, frames, text=True, cells=","),
        "table tsv": Reader("a.tsv", lambda: _csv("\t"), frames, text=True, cells="\t"),
        "table semicolons": Reader("a.txt", lambda: _csv(";"), frames, text=True, cells=";"),
        "table parts": Reader("a.csv", _csv, _of("frame_parts", "frame_parts"), text=True, cells=","),
        "table labelled": Reader("a.csv", _csv, labelled, text=True, cells=","),
        "table inputs": Reader("a.csv", _csv, _of("labelled", "read_inputs", names=("size",)), text=True, cells=","),
        "table mixed": Reader("a.csv", _csv, _of("mixed_source", "columns_found"), text=True, cells=","),
        "parquet": Reader("a.parquet", _parquet, frames, frozenset({"cut"})),
        "parquet parts": Reader("a.parquet", _parquet, _of("frame_parts", "frame_parts"), frozenset({"cut"})),
        "schema": Reader("a.toml", lambda: SCHEMA, _of("schema_file", "read_schema_file"), text=True),
        "npy": Reader("a.npy", lambda: _written(np.save, _numbers()), _of("source", "read"), LENGTHS),
        "npy records": Reader("a.npy", lambda: _written(np.save, _records()), _of("mixed_source", "framed"), LENGTHS),
        "npy series": Reader("a.npy", lambda: _written(np.save, _numbers()), _of("series", "read_series"), LENGTHS),
        "npy roll": Reader("a.npy", lambda: _written(np.save, _rolls()[0]), rolls, LENGTHS),
        "npz": Reader("a.npz", lambda: arrays, labelled_npz, SUMS),
        "npz packed": Reader("a.npz", lambda: packed, labelled_npz, SUMS),
        "npz images": Reader("a.npz", lambda: packed, _of("source", "read"), SUMS),
        "npz records": Reader(
            "a.npz", lambda: _written(np.savez_compressed, X=_records()), _of("mixed_source", "framed"), SUMS
        ),
        "npz sequences": Reader("a.npz", lambda: packed, _of("sequence_files", "read_one_each"), SUMS),
        "npz rolls": Reader("a.npz", lambda: _written(np.savez_compressed, *_rolls()), rolls, SUMS),
        "idx": Reader("a-idx3-ubyte", _idx, _beside, LENGTHS),
        "idx gz": Reader("a-idx3-ubyte.gz", _packed(_idx), _beside, SUMS),
        **_pictures(),
        "lines": Reader("a.txt", _lines, works, text=True),
        "lines gz": Reader("a.txt.gz", _packed(_lines), works, SUMS),
        "pairs": Reader("a.txt", _lines, _parallel, text=True),
        "labelled lines": Reader("a.tsv", _labelled, _of("sequence_files", "read_one_each"), text=True),
        "texts csv": Reader(
            "a.csv",
            lambda: b"text,y\n" + _labelled().replace(b"\t", b","),
            _of("sequence_files", "read_one_each", target="y"),
            text=True,
            cells=",",
        ),
        "tagged": Reader(
            "a.conll", lambda: b"EU B-ORG\nrejects O\ncall O\n\n" * 20, _of("lines", "read_conll"), text=True
        ),
        "ts": Reader("a.ts", _ts, _of("ts_files", "read_ts"), text=True),
        "ts gz": Reader("a.ts.gz", _packed(_ts), _of("sequence_files", "read_one_each"), SUMS),
        "series": Reader("a.csv", _series, _of("series", "read_series"), text=True, cells=","),
        "series gz": Reader("a.csv.gz", _packed(_series), _of("series", "read_series"), SUMS),
        "vectors": Reader("a.txt", lambda: _vectors(False), _of("vectors", "read_vectors", None), text=True),
        "vectors counted": Reader("a.vec", lambda: _vectors(True), _of("vectors", "read_vectors", None), text=True),
        "vectors gz": Reader("a.gz", _packed(lambda: _vectors(False)), _of("vectors", "read_vectors", None), SUMS),
        "vocabulary": Reader("a.json", lambda: b'{"words": ["<pad>", "<unk>", "a", "film"]}', _vocabulary, text=True),
        "abc": Reader("a.abc", _abc, works, text=True),
        "midi": Reader("a.mid", _midi, works, frozenset({"cut"})),
        "mat": Reader("a.mat", lambda: _mat(False), rolls, frozenset({"cut"})),
        "mat packed": Reader("a.mat", lambda: _mat(True), rolls, frozenset({"cut", "flipped"})),
        "rolls json": Reader("a.json", _rolls_json, rolls, text=True),
        "rolls json gz": Reader("a.json.gz", _packed(_rolls_json), rolls, SUMS),
    }


def labelled_npz(path: Path) -> Any:
    from sparring.data.labelled import read_labelled

    return read_labelled(path)


def _vocabulary(path: Path) -> Any:
    from sparring.data.words import Vocabulary

    return Vocabulary.load(path).words


# -- changes


def _numbers_swollen(chance: random.Random, content: bytes) -> bytes:
    """One of the first numbers, in binary or in digits, made very large."""
    head = content[:4096]
    digits = [i for i, byte in enumerate(head) if 48 <= byte <= 57]
    if digits and chance.random() < 0.5:
        at = chance.choice(digits)
        return (
            content[:at]
            + chance.choice([b"9" * 9, b"4000000000", b"9" * 30, b"1e308", b"9" * 5000])
            + content[at + 1 :]
        )
    at = chance.randrange(min(len(content), chance.choice([32, 256, 4096])))
    huge = [2**31 - 1, 2**32 - 1, 2**30, 2**16, 0]
    packed = struct.pack(chance.choice("<>") + "I", chance.choice(huge))
    if chance.random() < 0.3:
        packed = struct.pack(chance.choice("<>") + "Q", chance.choice([2**63 - 1, 2**40, 2**33]))
    return content[:at] + packed + content[at + len(packed) :]


@cache
def _zeros() -> bytes:
    """1.2 GB of zeros, deflated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(packer.compress(bytes(2**24)) for _ in range(72)) + packer.flush()


def _bomb(chance: random.Random, content: bytes) -> bytes:
    """A small file that says, and often holds, much more than a gigabyte."""
    if content[:2] == b"\x1f\x8b":
        size = 72 * 2**24
        return b"\x1f\x8b\x08\0\0\0\0\0\2\xff" + _zeros() + struct.pack("<II", _zeros_sum(), size & 0xFFFFFFFF)
    if content[:2] == b"PK":
        return _zip_bomb()
    if content[:4] == b"\x89PNG":
        sides = chance.choice([(30_000, 30_000), (12_000, 14_000), (8_000, 9_000)])
        return _png(*sides, chance.choice([2, 6, 3]))
    if content[:3] == b"GIF":
        wide = struct.pack("<HH", *chance.choice([(65_535, 65_535), (13_000, 13_000)]))
        at = content.find(b"\x2c\0\0\0\0")  # the first frame
        return content[:6] + wide + content[10 : at + 5] + wide + content[at + 9 :]
    if content[:6] == b"MATLAB":
        packed = zlib.compress(struct.pack("<II", 14, 2**31 - 8) + bytes(2**27), 9)
        return content[:128] + struct.pack("<II", 15, len(packed)) + packed
    return chance.choice([content * (2**22 // max(len(content), 1)), b"\n" * 2**22, b"," * 2**20 + b"\n" + content])


@cache
def _zeros_sum() -> int:
    found = 0
    for _ in range(72):
        found = zlib.crc32(bytes(2**24), found)
    return found


@cache
def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("X.npy", "y.npy"):
            with archive.open(name, "w", force_zip64=True) as array:
                np.lib.format.write_array_header_1_0(
                    array, {"descr": "|u1", "fortran_order": False, "shape": (72 * 2**24 // 64, 8, 8)}
                )
                for _ in range(72):
                    array.write(bytes(2**24))
    return file.getvalue()


def _png(width: int, height: int, colour: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(bytes(2**26), 9)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + palette + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _nested(chance: random.Random, content: bytes) -> bytes:
    deep = chance.choice([1_000, 100_000])
    inner = chance.choice([b"[" * deep, b"[" * deep + b"]" * deep, b'{"a":' * deep, b"(" * deep, b'"' + b"," * deep])
    return chance.choice([inner, content[: len(content) // 2] + inner, b'{"train": ' + inner, b"a = " + inner])


def change(chance: random.Random, content: bytes, others: list[bytes]) -> tuple[str, bytes]:
    """How a file is changed, and its bytes then."""
    at = chance.randrange(1, max(len(content), 2))
    size = chance.choice([1, 4, 16, 300])
    kind = chance.choices([*CHANGES], [*CHANGES.values()])[0]
    match kind:
        case "flipped":
            changed = bytearray(content)
            for _ in range(chance.choice([1, 1, 1, 3, 20])):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
            made = bytes(changed)
        case "cut":
            made = content[: chance.choice([at, len(content) - chance.randrange(1, min(12, len(content)))])]
        case "taken out":
            made = content[:at] + content[at + size :]
        case "doubled part":
            made = content[: at + size] + content[at:]
        case "filled in":
            made = content[:at] + chance.randbytes(size) + content[at:]
        case "swollen":
            made = _numbers_swollen(chance, content)
        case "NULs":
            made = content[:at] + bytes(size) + content[at + size * chance.randrange(2) :]
        case "encoding":
            text = content.decode("utf-8", "replace")
            codes = ["utf-16", "utf-16-le", "utf-8-sig", "utf-32"]
            made = chance.choice(
                [text.encode(chance.choice(codes)), text.encode("latin-1", "replace").replace(b"e", b"\xe9")]
            )
        case "nested":
            made = _nested(chance, content)
        case "bomb":
            made = _bomb(chance, content)
        case "repeated":
            made = content * chance.choice([2, 3, 2**20 // len(content) + 1])
        case "other":
            made = chance.choice(others)
        case _:
            made = chance.choice([b"", b"\n", b"\0", b"\xff\xfe", b"\x1f\x8b", b"PK\3\4", b"\n" * 10_000, bytes(5_000)])
    return kind, made


CHANGES = {
    "flipped": 20,
    "cut": 15,
    "taken out": 8,
    "doubled part": 8,
    "filled in": 8,
    "swollen": 20,
    "NULs": 5,
    "encoding": 3,
    "nested": 3,
    "bomb": 4,
    "repeated": 2,
    "other": 2,
    "little": 2,
}


# -- a trial


def digest(value: Any) -> str:
    """A hash of what was read, whatever it is."""
    made = hashlib.blake2b(digest_size=8)
    _feed(made, value)
    return made.hexdigest()


def _feed(made: Any, value: Any) -> None:
    if isinstance(value, pd.DataFrame):
        made.update(
            f"{[*value.columns]}{[*map(str, value.dtypes)]}{value.to_csv(index=False)}".encode("utf-8", "replace")
        )
    elif isinstance(value, np.ndarray):
        made.update(f"{value.dtype}{value.shape}".encode())
        made.update(repr(value.tolist()).encode("utf-8", "replace") if value.dtype.hasobject else value.tobytes())
    elif isinstance(value, dict):
        _feed(made, list(value.items()))
    elif isinstance(value, list | tuple):
        made.update(f"{len(value)}".encode())
        for part in value:
            _feed(made, part)
    elif hasattr(value, "__dict__") or hasattr(value, "__dataclass_fields__"):
        known = (
            vars(value) if hasattr(value, "__dict__") else {n: getattr(value, n) for n in value.__dataclass_fields__}
        )
        _feed(made, {name: part for name, part in known.items() if name not in ("path", "fingerprint")})
    else:
        made.update(repr(value).encode("utf-8", "replace"))


def visibly_damaged(reader: Reader, kind: str, content: bytes) -> bool:
    """Whether the damage of a file can be seen without the undamaged one."""
    if kind in reader.seen:
        return True
    if not reader.text:
        return False
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return True
    if "\0" in text:
        return True
    if reader.file.endswith(".json"):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return True
    if reader.cells:
        try:
            rows = [len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=reader.cells) if row]
        except csv.Error:
            return True
        return len({*rows}) > 1
    return False


def attempt(reader: Reader, content: bytes) -> dict[str, Any]:
    """Read some bytes in a forked child. What came of it: found, refused, or broken, and why."""
    with tempfile.TemporaryDirectory(prefix="fuzz-readers-") as folder:
        path = Path(folder) / "data" / reader.file
        path.parent.mkdir()
        path.write_bytes(content)
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(here)
            os.environ["SPARRING_CACHE"] = str(Path(folder) / "cache")
            _child(reader, path, there)
        os.close(there)
        with os.fdopen(here, "rb") as pipe:
            told = pipe.read()
        _, status, used = os.wait4(child, 0)
    seconds = used.ru_utime + used.ru_stime
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        slow = number in (signal.SIGXCPU, signal.SIGALRM, signal.SIGKILL)
        return {"broken": "slower than 10 s" if slow else f"ended by {signal.Signals(number).name}", "seconds": seconds}
    return {**json.loads(told), "seconds": seconds}


def _status(name: str) -> int:
    found = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(found.split()[1]) * 1024


def _child(reader: Reader, path: Path, pipe: int) -> None:
    """Read, tell the parent through the pipe, and end."""
    told: dict[str, Any] = {"broken": "ended without a word"}
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 1, SECONDS + 2))
        resource.setrlimit(resource.RLIMIT_DATA, (_status("VmData") + HARD,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(60)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        before = _status("VmRSS")
        told = _outcome(reader, path)
        taken = _status("VmHWM") - before
        if taken > MEMORY:
            told = {"broken": f"took {taken / 2**30:.1f} GB"}
    except BaseException as error:
        told = {"broken": f"{type(error).__name__}: {error}"}
    finally:
        os.write(pipe, json.dumps(told).encode()[:60_000])
        os._exit(0)


def _outcome(reader: Reader, path: Path) -> dict[str, Any]:
    from sparring.errors import SparringError

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = reader.read(path)
        except SparringError as error:
            said, cause = str(error), error.__cause__ or error.__context__
            if isinstance(cause, MemoryError) or "llocat" in said:
                return {"broken": f"asked for more than {HARD / 2**30:.0f} GB: {said[:200]}"}
            if "\n" in said or "\r" in said or len(said) > LONGEST:
                return {"broken": f"no line, or a long one: {said[:200]!r}"}
            return {"refused": said}
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            return {"broken": f"{type(error).__name__} at {where}: {str(error)[:200]}"}
    return {"found": digest(found), "warned": [str(one.message) for one in warned]}


@cache
def known() -> dict[str, tuple[Reader, bytes]]:
    """Every reader and its undamaged file."""
    return {name: (reader, reader.make()) for name, reader in readers().items()}


def trial(number: int, seed: int, names: list[str]) -> dict[str, Any]:
    """One file changed and read."""
    chance = random.Random(f"{seed}/{number}")
    name = names[number % len(names)]
    reader, content = known()[name]
    kind, content = change(chance, content, [other for _, other in known().values()])
    got = attempt(reader, content)
    if got.get("found") not in (None, whole(name)) and not got["warned"] and visibly_damaged(reader, kind, content):
        got = {"broken": "silence", "seconds": got["seconds"]}
    return {"trial": number, "reader": name, "change": kind, "same": got.get("found") == whole(name), **got}


@cache
def whole(name: str) -> str:
    """What the undamaged file is read as."""
    got = attempt(*known()[name])
    assert "found" in got, f"{name}: {got}"
    return got["found"]


def warm() -> None:
    """Import what children need."""
    import mido
    import pyarrow.parquet
    import scipy.io

    import sparring.data.frame_parts
    import sparring.data.mixed_source
    import sparring.data.works

    Image.init()
    assert all((mido, pyarrow, scipy, sparring))


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--count", type=int, default=10_000)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--only", nargs="+", default=[])
    options = asked.parse_args()
    warm()
    names = options.only or [*readers()]
    counts, failures = Counter[str](), Counter[str]()
    began, slowest = time.process_time(), 0.0
    for number in range(options.first, options.first + options.count):
        got = trial(number, options.seed, names)
        slowest = max(slowest, got["seconds"])
        state = "broken" if "broken" in got else "refused" if "refused" in got else "same" if got["same"] else "other"
        counts[state] += 1
        if state == "broken":
            failures[got["broken"].partition(":")[0]] += 1
            print(f"{number} {got['reader']}, {got['change']}: {got['broken']}", flush=True)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = time.process_time() - began + children.ru_utime + children.ru_stime
    print(f"\n{options.count} files, {len(names)} readers, {used / 60:.1f} CPU minutes, slowest {slowest:.1f} s")
    print(", ".join(f"{count} {state}" for state, count in counts.most_common()))
    print(", ".join(f"{count} {kind}" for kind, count in failures.most_common()) or "no failure")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
