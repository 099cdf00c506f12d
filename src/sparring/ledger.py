"""The checksums of a run folder's files, in RUN/checksums.json, and what has become of the files since."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from sparring.contents import Sum, Sums
from sparring.documents import converted, digest_of, parsed, read_whole
from sparring.errors import FolderError
from sparring.files import write_json

__all__ = ["NAME", "Ledger", "growing"]

NAME = "checksums.json"
MOST = 2**31  # bytes of a file that is looked at


class Ledger:
    """The checksums of one folder. It is read anew for each change, so that two writers do not undo each other's.

    A file that is written anew is told here first, beside what it was: killed between the two, neither is wrong.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def path(self) -> Path:
        return self.folder / NAME

    def read(self) -> dict[str, Sum]:
        """Raises FolderError if it is damaged; without the file there are none."""
        try:
            content = read_whole(self.path)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise FolderError(f"{self.path} cannot be read: {error}.") from None
        try:
            return converted(parsed(content), Sums).files
        except ValueError as error:
            raise FolderError(
                f"{self.path} is damaged: {error}. Without this file the run can be used, but not checked."
            ) from None

    def admit(self, name: str, content: bytes) -> None:
        """Tell what a file will hold from now on."""
        before = self.read()
        known = before[name].sums[:1] if name in before else []
        self._write({**before, name: Sum([digest_of(content), *known])})

    def admit_first(self, name: str, digest: str, count: int) -> None:
        """Tell the first bytes of a file that grows."""
        before = self.read()
        if before.get(name) != Sum([digest], count):
            self._write({**before, name: Sum([digest], count)})

    def admit_files(self, paths: Iterable[Path], gone: Iterable[str] = ()) -> None:
        """Tell files that are there, and forget others."""
        before = self.read()
        left = {name: known for name, known in before.items() if name not in set(gone)}
        found = {self._name(path): Sum([digest_of(read_whole(path, MOST))]) for path in paths}
        if {**left, **found} != before or not self.path.exists():
            self._write({**left, **found})

    def _write(self, files: dict[str, Sum]) -> None:
        plain = {name: {"sums": known.sums, "bytes": known.bytes} for name, known in files.items()}
        write_json(self.path, {"files": plain})

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    # -- checking

    def fault(self, path: Path, content: bytes | None, known: dict[str, Sum] | None = None) -> str | None:
        """What is wrong with a file, in words, or None. content: None if it is not there."""
        told = (self.read() if known is None else known).get(self._name(path))
        if told is None:
            return None
        if content is None:
            return None if told.bytes == 0 else f"{path} is missing, although the run has written it"
        part = content if told.bytes is None else content[: told.bytes]
        whole = told.bytes is None or len(part) == told.bytes
        if whole and digest_of(part) in told.sums:
            return None
        return f"{path} has been changed or damaged since it was written: its checksum does not match"

    def faults(self, folders: Iterable[str]) -> list[str]:
        """What is wrong with the files of some folders that are told here."""
        known, found = self.read(), []
        for name in sorted(known):
            if name.partition("/")[0] not in folders or "/" not in name:
                continue
            path = self.folder / name
            if ".." in path.parts:
                raise FolderError(f"{self.path} is damaged: it names {name!r}, which is no file of this folder.")
            try:
                content = read_whole(path, MOST)
            except FileNotFoundError:
                content = None
            except (OSError, ValueError) as error:
                found.append(f"{path} cannot be read: {error}")
                continue
            found += [fault] if (fault := self.fault(path, content, known)) else []
        return found


def growing(content: bytes = b"") -> hashlib.blake2b:
    """The running checksum of a file that grows."""
    return hashlib.blake2b(content, digest_size=16)
