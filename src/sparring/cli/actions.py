"""What the commands do. Results go to standard output, progress and advice to standard error."""

import itertools
import os
import shlex
from pathlib import Path
from typing import Any

from sparring.cli.display import Display
from sparring.data.source import HELD_OUT, read
from sparring.errors import FolderError, InputError
from sparring.files import read_json
from sparring.record import Record
from sparring.report import write_report

__all__ = ["default_folder", "fit_gan", "free_folder", "judge", "report", "resume", "sample", "show"]


def free_folder(wanted: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, ... that does not exist."""
    numbered = (wanted.with_name(f"{wanted.name}-{i}") for i in itertools.count(2))
    return next(path for path in itertools.chain([wanted], numbered) if not path.exists())


def default_folder(data: str) -> Path:
    """runs/NAME-1 and so on, after the data's name."""
    name = Path(data.removeprefix("demo:")).stem or "data"
    return next(path for i in itertools.count(1) if not (path := Path("runs") / f"{name}-{i}").exists())


def _leads() -> bool:
    return int(os.environ.get("RANK", 0)) == 0


def fit_gan(data: str, folder: Path, chosen: dict[str, Any], as_json: bool) -> None:
    display = Display(quiet=not _leads(), as_json=as_json)
    from sparring.estimators import GAN  # torch loads here, after everything cheap that could go wrong

    if data in HELD_OUT:  # such data bring their own
        chosen = {"validation_fraction": 0.0, **{name: x for name, x in chosen.items() if x is not None}}
    gan = GAN(**chosen, run=folder, verbose=display.progress)
    with display.bar(f"training on {data} in {folder} (Ctrl-C saves and stops)"):
        gan.fit(data)
    _finish(gan, display)


def resume(folder: Path, data: str | None, as_json: bool) -> None:
    record = Record.open(folder)
    _refuse_other_kinds(record)
    display = Display(quiet=not _leads(), as_json=as_json)
    from sparring.estimators import GAN

    with display.bar(f"going on with {folder} (Ctrl-C saves and stops)"):
        gan = GAN.resume(folder, data, verbose=display.progress)
    for line in gan.skipped_:
        display.say(f"passed over: {line}")
    _finish(gan, display)


def _refuse_other_kinds(record: Record) -> None:
    if record.about.get("kind") != "gan":
        raise FolderError(f"{record.folder} holds a {record.about.get('kind')!r}, which this version does not know.")


def _finish(gan: Any, display: Display) -> None:
    """Judge a finished run if there is something to judge it by, write its report, and show it."""
    if not _leads():
        return
    record = gan.record_
    path = record.about["data"]["path"]
    if path in HELD_OUT:
        display.say("judging on held-out data ...")
        gan.judge(HELD_OUT[path], labels=read(path).labels)
        write_report(record.folder)
    _show(record, display)
    folder = shlex.quote(str(record.folder))
    display.say(f"\nreport   {record.report_path}")
    display.say(f"samples  sparring sample {folder} -n 1000 -o samples.npy")
    if not record.verdict_path.exists():
        display.say(f"verdict  sparring judge {folder} --data HELD_OUT")


def sample(folder: Path, n: int, output: Path, seed: int | None, as_json: bool) -> None:
    record = Record.open(folder)
    display = Display(as_json=as_json)
    from sparring.data.write import write
    from sparring.estimators import load

    if n < 1:
        raise InputError(f"-n must be at least 1; got {n}")
    model = load(record.folder)
    low, high = model.schema_.span
    write(model.sample(n, random_state=seed), output, low=low, high=high)
    display.result({"samples": n, "output": str(output)}, lambda: display.print(f"{n:,} samples in {output}"))


def judge(folder: Path, data: str, train: str | None, seed: int, as_json: bool) -> None:
    Record.open(folder)
    display = Display(as_json=as_json)
    from sparring.estimators import load

    model = load(folder)
    verdict = model.judge(data, train, random_state=seed)
    write_report(folder)
    display.result(verdict.to_json(), lambda: display.verdict(verdict.to_json()))


def report(folder: Path, as_json: bool) -> None:
    path = write_report(Record.open(folder).folder)
    display = Display(as_json=as_json)
    display.result({"report": str(path)}, lambda: display.print(str(path)))


def show(folder: Path, as_json: bool) -> None:
    _show(Record.open(folder), Display(as_json=as_json))


def _show(record: Record, display: Display) -> None:
    verdict = read_json(record.verdict_path) if record.verdict_path.exists() else None
    samples = record.samples()
    state = {
        "run": str(record.folder),
        "title": record.about["title"],
        "status": record.about.get("status"),
        "steps": record.about["sessions"][-1]["to_step"] if record.about["sessions"] else 0,
        "of": record.about["steps"],
        "seconds": round(sum(session["seconds"] for session in record.about["sessions"]), 1),
        "failure": record.about.get("failure"),
        "verdict": verdict,
        "report": str(record.report_path) if record.report_path.exists() else None,
    }
    display.result(state, lambda: display.run(state, samples[-1][1] if samples else None))
