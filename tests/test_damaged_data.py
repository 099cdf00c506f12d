"""Files of data that are damaged, or made to fill the memory or crash a reader: one clear line, and soon."""

import gzip
import io
import signal
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from test_odd_tables import TABLE

from sparring.data import image, rolls, unpacking
from sparring.data.frames import form_of, read_frame
from sparring.data.labelled import array_of, read_inputs
from sparring.data.lines import read_lines
from sparring.data.mixed_source import framed
from sparring.data.records import as_records
from sparring.data.rolls import read_rolls
from sparring.data.source import read
from sparring.data.table import MOST_COLUMNS, read_csv
from sparring.data.vectors import read_vectors
from sparring.data.words import Vocabulary
from sparring.data.write import write
from sparring.errors import DataError

BOMB = gzip.compress(bytes(3 * 2**20), 9)  # a thousandth of what it holds


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may be unpacked is small, so that small files stand in for large ones."""
    monkeypatch.setattr(unpacking, "LARGE", 2**20)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("name", ["a.txt.gz", "a-ubyte.gz", "a.json.gz", "v.txt.gz"])
def test_a_packed_file_that_swells_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BOMB)
    readers = {"a-ubyte.gz": read_inputs, "a.json.gz": read_rolls, "v.txt.gz": lambda path: read_vectors(path, {"a"})}
    with pytest.raises(DataError, match="made to fill the memory"):
        readers.get(name, read_lines)(tmp_path / name)


@pytest.mark.usefixtures("_small")
def test_an_archive_that_swells_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((1000, 30, 20)))
    for task in (read, read_rolls, lambda path: array_of(path, "X")):
        with pytest.raises(DataError, match="made to fill the memory"):
            task(tmp_path / "a.npz")


def test_texts_that_pack_well_are_read(tmp_path: Path) -> None:
    text = "the same line again and again\n" * 5_000
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text.encode()))
    assert len(read_lines(tmp_path / "a.txt.gz")) == 5_000


@pytest.mark.parametrize("cut", [b"", b"\x1f", BOMB[:-5], BOMB[:40] + b"\xff\xff\xff" + BOMB[43:]])
def test_a_packed_file_that_is_damaged_is_one_line(tmp_path: Path, cut: bytes) -> None:
    (tmp_path / "a-ubyte.gz").write_bytes(cut)
    with pytest.raises(DataError) as caught:
        read_inputs(tmp_path / "a-ubyte.gz")
    assert str(tmp_path) in str(caught.value)


def test_what_follows_an_array_is_seen(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((5, 2)))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content + content[-16:])
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("X.npy", content + b"more")
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match="something follows the array's last number"):
            read(tmp_path / name)


def test_texts_in_records_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    records = as_records(TABLE)
    start = records.dtype.fields["town"][1]
    records.view(np.uint8)[start : start + 4] = 0xFF
    np.save(tmp_path / "a.npy", records)
    with pytest.raises(DataError, match="column 'town' holds texts that are none"):
        framed(tmp_path / "a.npy")


def test_an_archive_whose_names_are_damaged_is_one_short_line(tmp_path: Path) -> None:
    write(np.ones((12, 2)), tmp_path / "a.npz")
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[30:32] = b"\xff\xff"
    (tmp_path / "a.npz").write_bytes(bytes(content))
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.npz")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_a_table_of_too_many_columns_is_refused_soon(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("," * MOST_COLUMNS + "\n1\n2\n")
    for task in (form_of, read_csv):
        with pytest.raises(DataError, match="65,537 cells; a table of at most 65,536 columns is needed"):
            task(tmp_path / "a.csv")


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "MOST_PIXELS", 100)
    Image.new("L", (11, 10)).save(tmp_path / "a.gif")
    with pytest.raises(DataError, match="it says 10 × 11 pixels, and 100 are the most"):
        image.read_images(tmp_path)


def test_a_mat_file_that_crashes_its_reader_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(128) + bytes(64))
    with pytest.raises(DataError, match=r"a\.mat is not a \.mat file of version 7 or before: "):
        read_rolls(tmp_path / "a.mat")
    crashed = SimpleNamespace(run=lambda *_, **__: subprocess.CompletedProcess([], -signal.SIGSEGV, b"", b""))
    monkeypatch.setattr(rolls, "subprocess", crashed)
    with pytest.raises(DataError, match="it makes its reader crash"):
        read_rolls(tmp_path / "a.mat")


def test_the_bound_holds_for_reading_in_blocks() -> None:
    class Endless(io.RawIOBase):
        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            return len(buffer)

    bounded = unpacking._Bounded(Endless(), Path(__file__))
    with pytest.raises(DataError, match="made to fill the memory"):
        while True:
            bounded.readinto(bytearray(2**26))


def test_a_message_that_quotes_far_too_much_is_shortened_in_its_middle(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3," + "x" * 100_000 + "\n4,5\n")
    for error in (DataError(f"{tmp_path}: found {'x' * 100_000!r}; a number is needed."),):
        assert len(str(error)) < 900
        assert str(error).startswith(f"{tmp_path}: found 'xxx")
        assert str(error).endswith("xxx'; a number is needed.")
    with pytest.raises(DataError) as caught:
        read_csv(tmp_path / "a.csv")
    assert len(str(caught.value)) < 900


def test_nul_bytes_in_texts_are_refused_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n3,4\n5\0,6\n" + b"7,8\n" * 20)
    for task in (read_csv, read_lines, read_frame):
        with pytest.raises(DataError, match=r"line 4: a NUL byte|byte 13 is NUL"):
            task(tmp_path / "a.csv")


def test_a_vocabulary_that_is_nested_without_end_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="is no vocabulary: it is nested"):
        Vocabulary.load(tmp_path / "v.json")
