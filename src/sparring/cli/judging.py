"""sparring judge: a run, a saved model, or samples from anywhere, by data that were not learned from."""

import sys
from pathlib import Path
from typing import Any

from sparring.cli.display import Display
from sparring.data.frames import TABLES
from sparring.data.mixed_source import read_mixed
from sparring.data.source import read, read_like
from sparring.errors import InputError
from sparring.judging import Verdict
from sparring.judging import judge as judged
from sparring.record import Record
from sparring.report import write_report

__all__ = ["judge"]


def judge(what: Path, given: list[str], options: dict[str, Any], seed: int, markdown: bool, as_json: bool) -> None:
    """what: a run's or model's folder, or samples. options: target, train, pairs and leave_out."""
    display = Display(as_json=as_json)
    if (what / "run.json").exists() and Record.open(what).about["kind"] == "cyclegan":
        _translations(what, given, options, seed, markdown, display)
        return
    if len(given) != 1:
        raise InputError(f"--data takes one file or folder; got {len(given)}.")
    if options["pairs"]:
        raise InputError("--pairs is for the run of a CycleGAN.")
    if what.exists() and not (what / "run.json").exists():
        _say(_of_samples(what, given[0], options["train"], options["leave_out"], seed), markdown, display)
        return
    if options["leave_out"]:
        raise InputError("--leave-out is for samples in a file; a run knows which columns it learned.")
    _of_run(what, given[0], options["target"], options["train"], seed, markdown, display)


def _translations(
    folder: Path, data: list[str], options: dict[str, Any], seed: int, markdown: bool, display: Display
) -> None:
    if len(data) != 2:
        raise InputError(f"--data takes two collections for a CycleGAN, A and B; got {len(data)}.")
    if options["target"] is not None or options["train"] is not None:
        raise InputError("--target and --train are not for a CycleGAN.")
    from sparring.estimators import load

    found = load(folder).judge(*data, pairs=options["pairs"] or None, random_state=seed)
    write_report(folder)
    if markdown:
        sys.stdout.write(found.to_markdown())
    else:
        display.result(found.to_json(), lambda: display.lines(found.lines()))


def _of_run(
    what: Path, data: str, target: str | None, train: str | None, seed: int, markdown: bool, display: Display
) -> None:
    record = Record.open(what)
    from sparring.estimators import load

    model = load(what)
    if record.about["kind"] == "gan":
        verdict = model.judge(data, train, random_state=seed)
        write_report(what)
        _say(verdict, markdown, display)
        return
    if markdown:
        raise InputError("--markdown is for verdicts on samples; this run gives answers. Use --json.")
    named = target is None and data.lower().endswith(TABLES)
    with display.telling():
        found = model.judge(data, record.about["data"]["target"] if named else target)
    write_report(what)
    display.result(found.to_json(), lambda: display.lines(found.lines()))


def _of_samples(samples: Path, data: str, train: str | None, leave_out: list[str], seed: int) -> Verdict:
    """Samples in a file, or a folder of images. Raises InputError without training data, which the floor is made of."""
    if train is None:
        raise InputError(f"{samples} holds samples, not a run: give the data they were learned from too, --train.")
    source = read_mixed(train, leave_out) or read(train)
    rows = [read_like(given, source.schema).values for given in (str(samples), data)]
    return judged(rows[0], source.values, rows[1], random_state=seed, schema=source.schema)


def _say(verdict: Verdict, markdown: bool, display: Display) -> None:
    if markdown:
        sys.stdout.write(verdict.to_markdown())
    else:
        display.result(verdict.to_json(), lambda: display.verdict(verdict.to_json()))
