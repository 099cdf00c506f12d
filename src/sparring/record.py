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

A row holds nothing that two equal runs would not share (no times of day, no durations), so
that a resumed run ends with the same rows, to the bit; durations are in run.json's sessions.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sparring.errors import FolderError
from sparring.files import explained, read_json, replaced_file, write_json

__all__ = ["Record"]

FORMAT = 1


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

    # -- making and opening

    @classmethod
    def create(cls, folder: str | os.PathLike[str], about: Mapping[str, Any]) -> "Record":
        """Start a run folder. Raises FolderError if something is there already, or it can't be written."""
        path = Path(folder)
        cls.refuse_taken(path)
        with explained(path):
            (path / "samples").mkdir(parents=True, exist_ok=True)
        record = cls(about, path)
        record.save()
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
        """Raise FolderError if a folder cannot become a new run, without writing anything."""
        path = Path(folder)
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
        try:
            about = read_json(path / "run.json")
        except (FileNotFoundError, NotADirectoryError):
            raise FolderError(f"{path} is not a run folder: it has no run.json.") from None
        except (OSError, ValueError) as error:
            raise FolderError(f"{path / 'run.json'} cannot be read: {error}.") from None
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            found = about.get("format") if isinstance(about, dict) else None
            raise FolderError(f"{path / 'run.json'} has the format {found!r}; this version reads format {FORMAT}.")
        return cls(about, path)

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
            write_json(self.folder / "run.json", self.about)

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
        with explained(self.metrics_path), open(self.metrics_path, "a", encoding="utf-8") as log:
            log.write(json.dumps(dict(row)) + "\n")

    def sync(self) -> None:
        """Put every row on the disk. Done before each checkpoint, so that no checkpoint is ahead of its rows."""
        if self.kept and self.metrics_path.exists():
            with explained(self.metrics_path), open(self.metrics_path, "rb+") as log:
                os.fsync(log.fileno())

    def _lines(self) -> Iterator[str]:
        if not self.metrics_path.exists():
            return
        with open(self.metrics_path, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):  # the last line of a killed run may be torn
                    yield line

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows, oldest first."""
        if not self.kept:
            return list(self._rows)
        return [json.loads(line) for line in self._lines()]

    def forget_after(self, step: int) -> None:
        """Drop the rows and samples that came after a step: a resumed run makes them again."""
        kept = [line for line in self._lines() if json.loads(line)["step"] <= step]
        with replaced_file(self.metrics_path) as partial:
            partial.write_text("".join(kept), encoding="utf-8")
        for path in (self.folder / "samples").glob("*.*"):
            drawn = path.stem.partition("-")[0]
            if drawn.isdigit() and int(drawn) > step:
                path.unlink()

    # -- findings

    def write_findings(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Set the findings, all of them."""
        self._findings = [dict(finding) for finding in findings]
        if self.kept:
            with replaced_file(self.folder / "findings.jsonl") as partial:
                partial.write_text("".join(json.dumps(f) + "\n" for f in self._findings), encoding="utf-8")

    def findings(self) -> list[dict[str, Any]]:
        """What was found, oldest first."""
        path = self.folder / "findings.jsonl" if self.kept else None
        if path is None or not path.exists():
            return list(self._findings)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    # -- other files

    @property
    def checkpoint_folder(self) -> Path:
        return self.folder / "checkpoint"

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
        found = sorted(path for path in folder.glob("*.*") if path.stem.isdigit()) if folder.is_dir() else []
        return [(int(path.stem), path) for path in found]
