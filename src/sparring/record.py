"""The run folder: its writer and its reader. No torch: a record can be read anywhere.

    RUN/run.json            configuration, versions, seed, data fingerprint, sessions
        metrics.jsonl       a row per logged step (names and units: metrics.py)
        findings.jsonl      failures that were found (diagnose/finding.py), as the rows show them
        verdict.json        what the judge said, beside the floors
        answers.json        how good a supervised network's answers are
        samples/            grids or tables as training went on
        pictures/           of a supervised network: mistakes, filters
        checkpoint/         written and read by training/checkpoint.py
        report.html         one self-contained file
        checksums.json      of the files beside run.json (ledger.py), which holds its own

Whatever is read is held against its types and bounds (contents.py) and its checksum, since anyone may have written it.
A row holds nothing that two equal runs would not share (no times of day, no durations), so
that a resumed run ends with the same rows, to the bit; durations are in run.json's sessions.
"""

import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sparring.contents import Finding, Run
from sparring.documents import converted, parsed, read_whole, sealed, unsealed
from sparring.errors import FolderError, FolderWarning
from sparring.files import PARTIAL, append_bytes, explained, removed, replaced_file, write_json
from sparring.ledger import Ledger, growing
from sparring.locks import NAME as LOCK
from sparring.locks import Lock, refuse_held

__all__ = ["Record"]

FORMAT = 1
FILES = ("run.json", "metrics.jsonl", "findings.jsonl", "verdict.json", "answers.json", "checksums.json", "report.html")
FOLDERS = ("samples", "pictures", "checkpoint")  # files and folders that a run makes
BROKEN_OFF = ("running", "failed", "diverged", "stopped", None)  # how a run stands that may have learned nothing
SHOWN = ("samples", "pictures")  # folders whose files are for people
MOST_ROWS = 2**30  # bytes of metrics.jsonl


class Record:
    """One run: in a folder, or in memory alone.

    ``Record.create`` starts a new folder, ``Record.open`` reads an old one, and ``Record(about)``
    keeps everything in memory until ``save_to`` is asked for.
    about: the content of run.json.
    """

    def __init__(self, about: Mapping[str, Any], folder: Path | None = None) -> None:
        self.about = {"format": FORMAT, **about}
        self.about.setdefault("sessions", [])
        self._folder = folder
        self._rows: list[dict[str, Any]] = []
        self._findings: list[dict[str, Any]] = []
        self._ledger = None if folder is None else Ledger(folder)
        self._opened = time.time_ns()
        self._hash: Any = None  # of the rows in the file, once this record has added one
        self._told = 0  # bytes of them
        self._checked = True  # whether run.json has a checksum
        self._lock: Lock | None = None

    # -- making and opening

    @classmethod
    def create(cls, folder: str | os.PathLike[str], about: Mapping[str, Any]) -> "Record":
        """Start a run folder. Raises FolderError if something is there already, or it can't be written."""
        path = Path(folder)
        cls.refuse_taken(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(f"cannot write {path}: {_said(error)}. Choose another place.") from None
        lock = Lock(path)
        with explained(path):
            _clear(path)
            (path / "samples").mkdir(exist_ok=True)
        record = cls(about, path)
        record._lock = lock
        record.save()
        Ledger(path).admit_files(())
        return record

    def save_to(self, folder: str | os.PathLike[str]) -> "Record":
        """Write run.json, all rows and findings to a new folder. Returns the new folder's record."""
        copy = Record.create(folder, self.about)
        for row in self.rows():
            copy.append(row)
        copy.sync()
        if findings := self.findings():
            copy.write_findings(findings)
        return copy

    @staticmethod
    def refuse_taken(folder: str | os.PathLike[str]) -> None:
        """Raise FolderError if a folder cannot become a new run, without writing anything.

        What a process has left that was killed before its run had learned anything is taken for nothing.
        """
        path = Path(folder)
        refuse_held(path)
        if _is_left_over(path):
            return
        if (path / "run.json").exists():
            raise FolderError(
                f"{path} holds a run already. Go on with it (sparring resume {path}), choose another folder, "
                "or delete it first."
            )
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FolderError(f"{path} exists and is not empty. A run needs a new or empty folder.")

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Record":
        """Read a run folder. Raises FolderError if it is not one."""
        path = Path(folder)
        if not path.exists():
            raise FolderError(f"there is no folder {path}. Give the folder of a run, made by sparring fit.")
        _refuse_links(path)
        about, checked = _about(path)
        record = cls(about, path)
        record._checked = checked
        return record

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_hash": None, "_told": 0, "_lock": None}  # taken anew from the file where a copy goes on

    @property
    def begins_again(self) -> bool:
        """Whether the run was killed before it had any checkpoint."""
        running = self.about.get("status") in ("running", None) and not self.about["sessions"]
        return self.kept and running and self.saved_step() is None

    # -- one writer at a time

    def hold(self) -> None:
        """Keep other processes from writing to the folder until ``let_go``. Raises FolderError if one does."""
        if self._folder is not None and (self._lock is None or not self._lock.held):
            self._lock = Lock(self._folder)

    def let_go(self) -> None:
        if self._lock is not None:
            self._lock.release()

    @property
    def kept(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    @property
    def folder(self) -> Path:
        """The run folder. Raises FolderError if the run is kept in memory."""
        if self._folder is None:
            raise FolderError("this run is in memory only; save it to a folder first: save(folder), or fit with run=.")
        return self._folder

    # -- run.json

    def save(self) -> None:
        if self.kept:
            write_json(self.folder / "run.json", sealed(self.about))

    def update(self, **fields: Any) -> None:
        """Set fields of run.json, atomically."""
        self.about.update(fields)
        self.save()

    # -- rows

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.jsonl"

    def append(self, row: Mapping[str, float | int]) -> None:
        """Add a row; it has a "step". NaN and infinities are written as JSON's usual extensions."""
        if not self.kept:
            self._rows.append(dict(row))
            return
        line = (json.dumps(dict(row)) + "\n").encode()
        self._begin_telling()
        append_bytes(self.metrics_path, line)
        self._hash.update(line)
        self._told += len(line)

    def _begin_telling(self) -> None:
        """Take the rows that are in the file already into the running checksum."""
        if self._hash is None:
            content = self.metrics_path.read_bytes() if self.metrics_path.exists() else b""
            self._hash, self._told = growing(content), len(content)

    def sync(self) -> None:
        """Put every row on the disk, and tell the checksums of all that is there.

        Done before each checkpoint, so that no checkpoint is ahead of its rows.
        """
        if self._ledger is None:
            return
        if self.metrics_path.exists():
            with explained(self.metrics_path), open(self.metrics_path, "rb+") as log:
                os.fsync(log.fileno())
        self._begin_telling()
        self._ledger.admit_first("metrics.jsonl", self._hash.hexdigest(), self._told)
        self.tell_files()

    def _content(self) -> bytes:
        """The bytes of metrics.jsonl, as they were written. Raises FolderError if they are not."""
        return self._read(self.metrics_path, MOST_ROWS) or b""

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Every whole line and its row; the last line of a killed run may be torn."""
        for i, line in enumerate(self._content().splitlines(keepends=True), 1):
            if line.endswith(b"\n"):
                try:
                    row = converted(parsed(line), dict[str, int | float])
                    step = row["step"]
                    if not isinstance(step, int) or step < 0:
                        raise ValueError(f"its step is {step!r}")
                except (ValueError, KeyError) as error:
                    raise FolderError(f"{self.metrics_path}, line {i}, is no row of a run: {_said(error)}.") from None
                yield line, row

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows, oldest first. Raises FolderError if one is damaged."""
        return [row for _, row in self._lines()] if self.kept else list(self._rows)

    def forget_after(self, step: int) -> None:
        """Drop the rows and samples that came after a step: a resumed run makes them again."""
        kept = b"".join(line for line, row in self._lines() if row["step"] <= step)
        drawn = [path for path in (self.folder / "samples").glob("*.*") if _step_of(path) > step]
        if self._ledger is not None:
            self._hash, self._told = growing(kept), len(kept)
            self._ledger.admit_first("metrics.jsonl", self._hash.hexdigest(), self._told)
            self._ledger.admit_files((), [f"samples/{path.name}" for path in drawn])
        with replaced_file(self.metrics_path) as partial:
            partial.write_bytes(kept)
        for path in drawn:
            removed(path)

    # -- findings

    def write_findings(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Set the findings, all of them."""
        self._findings = [dict(finding) for finding in findings]
        if self.kept:
            self._write("findings.jsonl", "".join(json.dumps(f) + "\n" for f in self._findings).encode())

    def findings(self) -> list[dict[str, Any]]:
        """What was found, oldest first. Raises FolderError if the file is damaged."""
        content = self._read(self.folder / "findings.jsonl") if self.kept else None
        if content is None:
            return list(self._findings)
        found = []
        for i, line in enumerate(content.splitlines(), 1):
            try:
                found.append(parsed(line))
                converted(found[-1], Finding)
            except ValueError as error:
                where = f"{self.folder / 'findings.jsonl'}, line {i},"
                raise FolderError(f"{where} is no finding: {_said(error)}.") from None
        return found

    # -- verdicts and answers

    def verdict(self) -> dict[str, Any] | None:
        """What verdict.json holds; None if there is none. Raises FolderError if it is damaged."""
        return self._document(self.verdict_path)

    def write_verdict(self, verdict: Mapping[str, Any]) -> None:
        self._write("verdict.json", _text(verdict))

    def answers(self) -> dict[str, Any] | None:
        """The same of answers.json."""
        return self._document(self.answers_path)

    def write_answers(self, answers: Mapping[str, Any]) -> None:
        self._write("answers.json", _text(answers))

    def _document(self, path: Path) -> dict[str, Any] | None:
        content = self._read(path)
        try:
            return None if content is None else converted(parsed(content), dict[str, Any])
        except ValueError as error:
            raise FolderError(f"{path} cannot be used: {_said(error)}. Judge the run again.") from None

    # -- checksums

    def tell_files(self) -> None:
        """Tell the checksums of the samples and pictures that are new, or were written since this record was opened."""
        if self._ledger is None:
            return
        known = self._ledger.read()
        there = [path for name in SHOWN for path in sorted((self.folder / name).glob("*")) if path.is_file()]
        new = [path for path in there if f"{path.parent.name}/{path.name}" not in known or self._is_ours(path)]
        self._ledger.admit_files(new)

    def _is_ours(self, path: Path) -> bool:
        return path.stat().st_mtime_ns >= self._opened

    def warn_of_changes(self) -> None:
        """Warn (FolderWarning) of samples, pictures and results that are not as they were written, or are missing."""
        if self._ledger is None:
            return
        for fault in self._ledger.faults(SHOWN):
            warnings.warn(f"{fault}.", FolderWarning, stacklevel=2)

    def _read(self, path: Path, most: int | None = None) -> bytes | None:
        """A file's bytes; None if it is not there. Raises FolderError if they are not those that were written."""
        assert self._ledger is not None
        try:
            content = read_whole(path) if most is None else read_whole(path, most)
        except FileNotFoundError:
            content = None
        except (OSError, ValueError) as error:
            raise FolderError(f"{path} cannot be read: {_said(error)}.") from None
        if content and self._checked and not self._ledger.path.exists():
            warnings.warn(f"{self._ledger.path} is missing: {path} cannot be checked.", FolderWarning, stacklevel=3)
        fault = self._ledger.fault(path, content)
        if fault is not None and content is None:
            warnings.warn(f"{fault}.", FolderWarning, stacklevel=3)
        elif fault is not None:
            raise FolderError(f"{fault}. Put it back as it was, or move it away to go on without it.")
        return content

    def _write(self, name: str, content: bytes) -> None:
        assert self._ledger is not None
        self._ledger.admit(name, content)
        with replaced_file(self.folder / name) as partial:
            partial.write_bytes(content)

    # -- other files

    @property
    def checkpoint_folder(self) -> Path:
        return self.folder / "checkpoint"

    def saved_step(self) -> int | None:
        """The step of the newest checkpoint, by its name; None if there is none. Nothing is read."""
        names = [path.name.partition("step-")[2] for path in self.checkpoint_folder.glob("step-*")]
        return max((int(name) for name in names if name.isdecimal()), default=None)

    @property
    def report_path(self) -> Path:
        return self.folder / "report.html"

    @property
    def verdict_path(self) -> Path:
        return self.folder / "verdict.json"

    @property
    def answers_path(self) -> Path:
        return self.folder / "answers.json"

    def picture_path(self, name: str) -> Path:
        return self.folder / "pictures" / f"{name}.png"

    def sample_path(self, step: int, suffix: str, part: str = "") -> Path:
        """Where the samples of a step go; suffix with its dot, such as ".png". part: of what is in several files."""
        return self.folder / "samples" / f"{step:08d}{'-' * bool(part)}{part}{suffix}"

    def samples(self) -> list[tuple[int, Path]]:
        """(step, path) of every step's sample file, oldest first; of several the one without a part."""
        folder = self.folder / "samples"
        found = sorted(path for path in folder.glob("*.*") if path.stem.isdecimal()) if folder.is_dir() else []
        return [(int(path.stem), path) for path in found]


def _is_left_over(folder: Path) -> bool:
    """Whether a folder holds nothing but what a run makes that was broken off before it had learned anything."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    names = {entry.name for entry in folder.iterdir()}
    if any(name not in (*FILES, *FOLDERS, LOCK) and not _is_temporary(name) for name in names):
        return False
    if any(int(path.name.partition("-")[2] or 1) for path in (folder / "checkpoint").glob("step-*[0-9]")):
        return False
    if "run.json" not in names:
        return not any((folder / name).is_dir() and any((folder / name).iterdir()) for name in ("samples", "pictures"))
    try:
        about = parsed(read_whole(folder / "run.json"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("status") in BROKEN_OFF and not _reached(about)


def _reached(about: Mapping[str, Any]) -> bool:
    """Whether a run's record says that it came to any step."""
    sessions = about.get("sessions")
    ends = [one.get("to_step") for one in sessions if isinstance(one, dict)] if isinstance(sessions, list) else []
    return any(isinstance(end, int) and end > 0 for end in ends)


def _is_temporary(name: str) -> bool:
    return PARTIAL.fullmatch(name) is not None or name.startswith(f"{LOCK}.")


def _clear(folder: Path) -> None:
    """Remove what ``_is_left_over``; run.json last, so that the rest is known for what it is if this is broken off."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == "run.json"):
        if path.name != LOCK:
            removed(path)


def _refuse_links(folder: Path) -> None:
    """Raise FolderError for symbolic links in a run folder: what is written or removed must be inside of it."""
    for name in (*FILES, *FOLDERS, LOCK):
        if (folder / name).is_symlink():
            raise FolderError(f"{folder / name} is a symbolic link; a run folder holds its files itself.")


def _about(folder: Path) -> tuple[dict[str, Any], bool]:
    """The content of run.json without its checksum, and whether it has one. Raises FolderError if it cannot be used."""
    path = folder / "run.json"
    try:
        about = parsed(read_whole(path))
    except (FileNotFoundError, NotADirectoryError):
        raise FolderError(f"{folder} is not a run folder: it has no run.json.") from None
    except (OSError, ValueError) as error:
        raise FolderError(f"{path} cannot be read: {_said(error)}.") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        found = about.get("format") if isinstance(about, dict) else None
        raise FolderError(f"{path} has the format {found!r}; this version reads format {FORMAT}.")
    about, checked = unsealed(about, path)
    try:
        converted(about, Run)
    except ValueError as error:
        raise FolderError(f"{path} cannot be used: {error}.") from None
    if not checked:
        told = f"{path} has no checksum: an older version wrote it, or it was changed. Its settings cannot be checked."
        warnings.warn(told, FolderWarning, stacklevel=4)
    return about, checked


def _said(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else " ".join(str(error).split())


def _step_of(path: Path) -> int:
    """The step of which a file of samples is; -1 if it is of none."""
    drawn = path.stem.partition("-")[0]
    return int(drawn) if drawn.isdecimal() else -1


def _text(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
