"""Outputs that cannot be written, what killed processes leave behind, links, and one writer at a time."""

import json
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

import sparring as sp
from sparring import cli, files, locks
from sparring.cli import endings
from sparring.errors import FolderError, OutputError
from sparring.files import append_bytes, refuse_nowhere, removed, replaced_file, replaced_folder, write_bytes
from sparring.locks import Lock, refuse_held
from sparring.record import Record

GONE = 2**22 + 7  # above the largest number of a process that Linux gives


def _left_by(path: Path, process: int, host: str = files.HOST) -> Path:
    """A temporary file of the same path, as another process would call it."""
    left = path.with_name(f"{path.name}.{host}-{process}-0123456789ab{files.TEMPORARY}")
    left.write_text("half")
    return left


# -- temporary names


@pytest.mark.parametrize("windows", [False, True])
def test_what_dead_processes_left_is_removed_and_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: bool
) -> None:
    if windows:  # where files cannot be opened without following links
        monkeypatch.setattr(files, "NOT_FOLLOWING", 0)
    path = tmp_path / "a.csv"
    dead, alive, other = _left_by(path, GONE), _left_by(path, os.getppid()), _left_by(tmp_path / "b.csv", GONE)
    abroad = _left_by(path, GONE, "0" * 8)
    (tmp_path / "a.csv.partial").write_text("of an older version")
    write_bytes(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()
    assert abroad.exists()
    os.utime(abroad, (0, 0))
    write_bytes(path, b"whole again")
    assert not abroad.exists()


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replaced_file(path) as one, replaced_file(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # the last to end
    assert [found.name for found in tmp_path.iterdir()] == ["a.txt"]


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "mine.txt", tmp_path / "mine"
    outside.write_text("mine")
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    place = tmp_path / "run"
    place.mkdir()
    (place / "report.html").symlink_to(outside)
    (place / "checkpoint").symlink_to(folder)
    (place / "rows").symlink_to(outside)
    write_bytes(place / "report.html", b"new")
    with replaced_folder(place / "checkpoint") as partial:
        (partial / "new.txt").write_text("new")
    with pytest.raises(OutputError, match="cannot write"):
        append_bytes(place / "rows", b"new")
    removed(place / "rows")
    assert not (place / "rows").exists()
    assert outside.read_text() == "mine"
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert (place / "report.html").read_text() == "new"
    assert [path.name for path in (place / "checkpoint").iterdir()] == ["new.txt"]


@pytest.mark.parametrize("name", ["samples", "metrics.jsonl", "report.html", "checkpoint"])
def test_a_run_folder_with_links_in_it_is_refused(tmp_path: Path, name: str) -> None:
    Record.create(tmp_path / "run", {"kind": "gan"})
    removed(tmp_path / "run" / name)
    (tmp_path / "run" / name).symlink_to(tmp_path)
    with pytest.raises(FolderError, match=rf"run/{name} is a symbolic link"):
        Record.open(tmp_path / "run")


def test_an_output_in_a_folder_that_is_missing_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("x")
    refuse_nowhere(Path("fine.csv"))
    for place, what in (("no/a.csv", "no does not exist"), ("file/a.csv", "file is no folder")):
        with pytest.raises(OutputError, match=what):
            refuse_nowhere(Path(place))
    with pytest.raises(SystemExit) as ended:
        cli.main(["sample", "nothing", "-o", "no/a.csv"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "sparring: cannot write no/a.csv: no does not exist. Make it first, or choose another place.\n"
    )


# -- the ends of commands


def _sparring(*words: str, redirect: str = "") -> subprocess.CompletedProcess[str]:
    code = "from sparring.cli import main; main()"
    line = f'"$0" -c "{code}" "$@" {redirect}'
    return subprocess.run(["sh", "-c", line, sys.executable, *words], capture_output=True, text=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs") / "run"
    sp.GAN(steps=4, random_state=0, run=folder).fit(np.random.default_rng(0).normal(size=(60, 2)))
    return folder


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_standard_output_is_one_line_and_code_1(run: Path) -> None:
    done = _sparring("show", str(run), redirect=">/dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "sparring: cannot write to standard output: No space left on device.\n",
    )


@pytest.mark.skipif(os.name == "nt", reason="a shell closes it")
def test_a_closed_standard_output_is_one_line_and_code_1(run: Path) -> None:
    done = _sparring("show", str(run), redirect=">&-")
    assert (done.returncode, done.stderr) == (1, "sparring: cannot write to standard output: it is closed.\n")


def test_what_nobody_foresaw_is_one_line_a_code_of_its_own_and_a_trace(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: list[str]) -> None:
        raise KeyError("a thing\nthat is not there")

    monkeypatch.setattr(cli, "_call", broken)
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))
    for words, folder in ((["show", str(run)], run), (["schema", "a b.csv"], tmp_path)):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == endings.UNFORESEEN == 70
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("sparring: unforeseen KeyError: 'a thing\\nthat is not there' (sparring ")
        assert platform.python_version() in line
        (kept,) = folder.glob("trace-*.txt")
        assert line.endswith(f"Please report it with {kept}.")
        assert "in broken" in kept.read_text()
        kept.unlink()
    assert "'a b.csv'" in line


# -- one writer at a time


def _written_by(folder: Path, **changed: object) -> None:
    found = {"process": os.getpid(), "began": psutil.Process().create_time(), "host": platform.node(), **changed}
    (folder / "lock").write_text(json.dumps(found))


def _in_thread(task: Callable[[], object]) -> BaseException | None:
    found: list[BaseException] = []

    def tried() -> None:
        try:
            task()
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=tried)
    thread.start()
    thread.join()
    return found[0] if found else None


def test_a_lock_is_held_by_one_thread_until_it_is_released(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    error = _in_thread(lambda: Lock(tmp_path))
    assert isinstance(error, FolderError)
    assert "another thread of this process" in str(error)
    lock.release()
    lock.release()
    assert list(tmp_path.iterdir()) == []
    assert _in_thread(lambda: Lock(tmp_path).release()) is None


def test_a_lock_of_the_same_thread_is_taken_over(tmp_path: Path) -> None:
    """What held it there was broken off: nothing else can be going on in this thread."""
    first, second = Lock(tmp_path), Lock(tmp_path)
    assert not first.held
    first.release()
    assert (tmp_path / "lock").exists()
    second.release()
    assert not (tmp_path / "lock").exists()


def test_a_lock_that_is_forgotten_is_released(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    del lock
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize(
    "stale",
    [
        {"process": GONE},
        {"process": os.getppid(), "began": 1.0},  # the number belongs to another process now
        {"process": "me"},
        {"began": None},
    ],
)
def test_a_stale_lock_is_taken_over(tmp_path: Path, stale: dict[str, object]) -> None:
    _written_by(tmp_path, **stale)
    refuse_held(tmp_path)
    lock = Lock(tmp_path)
    assert json.loads((tmp_path / "lock").read_text())["process"] == os.getpid()
    lock.release()


def test_a_torn_lock_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('{"proc')
    Lock(tmp_path).release()


def test_a_lock_of_a_living_process_says_which_holds_it(tmp_path: Path) -> None:
    parent = psutil.Process(os.getppid())
    _written_by(tmp_path, process=parent.pid, began=parent.create_time())
    for task in (lambda: Lock(tmp_path), lambda: refuse_held(tmp_path)):
        with pytest.raises(FolderError, match=f"is being written by process {parent.pid}"):
            task()
    assert (tmp_path / "lock").exists()


def test_a_lock_of_another_machine_says_what_to_do(tmp_path: Path) -> None:
    _written_by(tmp_path, host="elsewhere", process=7)
    with pytest.raises(FolderError, match="is held by process 7 on elsewhere. If that has ended, remove .*lock"):
        Lock(tmp_path)


def test_a_file_system_without_links_has_locks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlinkable(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(locks.os, "link", unlinkable)
    lock = Lock(tmp_path)
    assert isinstance(_in_thread(lambda: Lock(tmp_path)), FolderError)
    lock.release()
    assert list(tmp_path.iterdir()) == []


# -- folders of runs that had not begun


def test_a_folder_of_a_run_that_learned_nothing_is_taken_as_empty(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "run", {"kind": "gan", "status": "running"})
    record.append({"step": 1, "loss": 1.0})
    record.sync()
    record.let_go()
    (tmp_path / "run/checkpoint/step-00000000").mkdir(parents=True)
    _left_by(tmp_path / "run/run.json", GONE)
    Record.refuse_taken(tmp_path / "run")
    again = Record.create(tmp_path / "run", {"kind": "classifier", "status": "running"})
    assert again.rows() == []
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "checksums.json", "lock", "run.json", "samples",
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["trained", "finished", "reached", "foreign"])
def test_a_folder_that_holds_something_is_not(tmp_path: Path, what: str) -> None:
    sessions = [{"from_step": 0, "to_step": 5 * (what == "reached"), "seconds": 1.0, "started": "2026-01-01T00:00:00"}]
    status = "finished" if what == "finished" else "failed"
    Record.create(tmp_path / "run", {"kind": "gan", "status": status, "sessions": sessions}).let_go()
    (tmp_path / f"run/checkpoint/step-{5 * (what == 'trained'):08d}").mkdir(parents=True)
    if what == "foreign":
        (tmp_path / "run/notes.txt").write_text("mine")
    with pytest.raises(FolderError, match="holds a run already"):
        Record.refuse_taken(tmp_path / "run")
