"""What the commands do. Results go to standard output, progress and advice to standard error."""

import contextlib
import itertools
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np

from sparring.cli.display import Display
from sparring.data.source import HELD_OUT, read
from sparring.documents import understood
from sparring.errors import FolderError, InputError
from sparring.judging.saved import answers_in, verdict_in
from sparring.record import Record
from sparring.report import write_report

__all__ = [
    "changes_of",
    "default_folder",
    "finish",
    "fit_gan",
    "fit_supervised",
    "free_folder",
    "needs",
    "predict",
    "report",
    "resume",
    "show",
]


ANSWERING = ("classifier", "regressor", "sequence-classifier", "sequence-regressor", "sequence-tagger")
NEXT = {
    "gan": "samples  sparring sample {folder} -n 1000 -o samples{ending}",
    "cyclegan": "next     sparring translate {folder} FOLDER_OR_FILE -o OUT (--reverse: from B to A)",
    "classifier": "predict  sparring predict {folder} DATA -o answers.csv",
    "sequence-tagger": "tag      sparring predict {folder} TEXTS.txt -o tagged.conll",
    "sequence-generator": "samples  sparring sample {folder} -n 10 -o FILE (.txt; music: .mid)",
    "sequence-translator": "next     sparring translate {folder} TEXTS.txt -o translated.txt",
}  # what to run next, by kind of model


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


def changes_of(words: list[str]) -> dict[str, Any]:
    """Changes to a recipe from NAME=VALUE: numbers, true, false, none, names; for penalties NAME:WEIGHT,... or none."""
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or not value:
            raise InputError(f"--set takes NAME=VALUE, such as objective=hinge; got {word!r}")
        found[name] = _penalties(value) if name == "penalties" else _value(value)
    return found


def _penalties(value: str) -> dict[str, Any]:
    if value == "none":
        return {}
    parts = [part.partition(":") for part in value.split(",")]
    return {name: _value(weight) for name, _, weight in parts}


def _value(text: str) -> Any:
    if text.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text.lower()]
    for number in (int, float):
        with contextlib.suppress(ValueError):
            return number(text)
    return text


def fit_gan(data: str, folder: Path, chosen: dict[str, Any], as_json: bool, classes: str | bool | None = None) -> None:
    display = Display(quiet=not _leads(), as_json=as_json)
    from sparring.estimators import GAN  # torch loads here, after everything cheap that could go wrong

    if data in HELD_OUT:  # such data bring their own
        chosen = {"validation_fraction": 0.0, **{name: x for name, x in chosen.items() if x is not None}}
    gan = GAN(**chosen, run=folder, verbose=display.progress)
    with display.bar(f"training on {data} in {folder} (Ctrl-C saves and stops)"), display.heard():
        gan.fit(data, classes)
    finish(gan, display)


def fit_supervised(
    kind: str, data: str, target: str | None, folder: Path, chosen: dict[str, Any], as_json: bool
) -> None:
    display = Display(quiet=not _leads(), as_json=as_json)
    Record.refuse_taken(folder)
    from sparring.data.labelled import read_labelled

    found = read_labelled(data, target, chosen["image_size"])
    if chosen["early_stopping"] is None:  # the rate of images falls to zero, and their last weights are the best
        chosen["early_stopping"] = np.ndim(found.inputs) == 2
    from sparring.estimators.saved import KINDS

    model = KINDS[kind](**chosen, run=folder, verbose=display.progress)
    with display.bar(f"training on {data} in {folder} (Ctrl-C saves and stops)"):
        model.fit(found)
    finish(model, display)


def resume(folder: Path, data: list[str] | None, remedy: str | None, as_json: bool) -> None:
    record = Record.open(folder)
    sides = 2 if record.about.get("kind") == "cyclegan" else 1
    if data is not None and len(data) != sides:
        raise InputError(f"--data takes {'A and B' if sides == 2 else 'one file or folder'}; got {len(data)}.")
    if remedy is not None:
        needs(record, ("gan",), "game that a remedy could change", "sparring resume without --apply")
    display = Display(quiet=not _leads(), as_json=as_json)
    from sparring.estimators.saved import kind_of

    with display.bar(f"going on with {folder} (Ctrl-C saves and stops)"), display.heard():
        remedies = {} if remedy is None else {"apply": remedy}
        model = kind_of(record).resume(folder, *data or (), verbose=display.progress, **remedies)
    finish(model, display)


def finish(model: Any, display: Display) -> None:
    """Judge a finished run if there is something to judge it by, write its report, and show it."""
    if not _leads():
        return
    record = model.record_
    path = record.about["data"]["path"]
    generates = record.about["kind"] == "gan"
    if generates and path in HELD_OUT:
        display.say("judging on held-out data ...")
        model.judge(HELD_OUT[path], labels=read(path).labels)
        write_report(record.folder)
    _show(record, display)
    _say_kept(record, display)
    _say_health(record, display)
    folder = shlex.quote(str(record.folder))
    display.say(f"\nreport   {record.report_path}")
    # such a table has texts and dates, which an array of numbers cannot hold
    ending = ".csv" if dict(record.about.get("schema") or {}).get("kind") == "mixed table" else ".npy"
    display.say(NEXT.get(record.about["kind"], NEXT["classifier"]).format(folder=folder, ending=ending))
    if not record.verdict_path.exists() and not record.answers_path.exists():
        held_out = "HELD_OUT_A HELD_OUT_B" if record.about["kind"] == "cyclegan" else "HELD_OUT"
        display.say(f"verdict  sparring judge {folder} --data {held_out}")


def _say_kept(record: Record, display: Display) -> None:
    """Which generator was kept, and what looking for it cost."""
    about = record.about
    if "best_step" not in about or not about.get("looks"):
        return
    display.say(
        f"kept     the generator of step {about['best_step']:,}, the best of {about['looks']} looks "
        f"({_cost(about, about['looking'])})"
    )


def _say_health(record: Record, display: Display) -> None:
    """What was found and done about it while it learned, and what looking for it cost."""
    from sparring.diagnose.modes import MODES

    about = record.about
    for entry in about.get("remedies") or ():
        display.say(f"remedy   {entry['name']}, after step {entry['step']:,}")
    found = dict.fromkeys(MODES[finding["name"]].title for finding in record.findings())
    what = f"{', '.join(found)}: see sparring diagnose {shlex.quote(str(record.folder))}" if found else "nothing found"
    times = "1 look" if about.get("probes") == 1 else f"{about.get('probes')} looks"
    looks = f" ({times} of the probes, {_cost(about, about['probing'])})" if about.get("probes") else ""
    if found or looks:
        display.say(f"health   {what}{looks}")


def _cost(about: dict[str, Any], seconds: float) -> str:
    """Seconds, and which share of the last session they were."""
    whole = about["sessions"][-1]["seconds"]
    return f"{seconds:.1f} s" + (f", {seconds / whole:.1%} of the time" if whole else "")


def predict(folder: Path, data: str, output: Path | None, as_json: bool) -> None:
    record = Record.open(folder)
    needs(record, ANSWERING, "answers", "sparring sample, or sparring translate")
    display = Display(as_json=as_json)
    from sparring.cli.answering import answers_of, write_answers
    from sparring.estimators import load

    model = load(record.folder)
    if record.about["kind"] == "sequence-tagger":
        from sparring.cli.sequencing import tag

        tag(model, data, output, display)
        return
    with display.telling():
        frame = answers_of(model, data)
    if output is None and not as_json:
        sys.stdout.write(frame.to_csv(index=False))
        return
    if output is not None:
        write_answers(frame, output)
    state = {"rows": len(frame), "output": None if output is None else str(output)}
    if as_json and output is None:
        state["answers"] = frame.to_dict("records")
    display.result(state, lambda: display.print(f"{len(frame):,} answers in {output}"))


def needs(record: Record, kinds: tuple[str, ...], what: str, other: str) -> None:
    """Raise FolderError unless a run is of such a kind; other: the command for what it is."""
    kind = record.about.get("kind")
    if kind not in kinds:
        raise FolderError(f"{record.folder} holds a {kind}, which gives no {what}; use {other}.")


def report(folder: Path, as_json: bool) -> None:
    path = write_report(Record.open(folder).folder)
    display = Display(as_json=as_json)
    display.result({"report": str(path)}, lambda: display.print(str(path)))


def show(folder: Path, as_json: bool) -> None:
    record = Record.open(folder)
    with understood(record.folder):
        _show(record, Display(as_json=as_json))


def _show(record: Record, display: Display) -> None:
    about = record.about
    verdict, answers = verdict_in(record), answers_in(record)
    record.warn_of_changes()
    sessions = about.get("sessions") or ()
    samples, saved, running = record.samples(), record.saved_step(), about.get("status") == "running"
    state = {
        "run": str(record.folder),
        "title": about.get("title") or record.folder.resolve().name,
        "status": about.get("status"),
        "steps": (saved or 0) if running else sessions[-1]["to_step"] if sessions else 0,
        "saved": saved,
        "of": about.get("steps") or 0,
        "seconds": round(sum(session["seconds"] for session in sessions), 1),
        "failure": about.get("failure"),
        "networks": about.get("networks") or {},
        "verdict": verdict,
        "answers": answers,
        "report": str(record.report_path) if record.report_path.exists() else None,
    }
    display.result(state, lambda: display.run(state, samples[-1][1] if samples else None))
