"""sparring diagnose: which failures a run's rows show, with the numbers, the causes and the cures."""

import shlex
from pathlib import Path
from typing import Any

from sparring.cli.display import Display
from sparring.diagnose.advice import About
from sparring.diagnose.examiner import examined
from sparring.diagnose.finding import Finding
from sparring.diagnose.modes import MODES, cure_for
from sparring.diagnose.remedies import remedies_for
from sparring.documents import understood
from sparring.record import Record

__all__ = ["diagnose"]


def diagnose(folder: Path, as_json: bool) -> None:
    record = Record.open(folder)
    with understood(record.folder):
        _diagnose(record, as_json)


def _diagnose(record: Record, as_json: bool) -> None:
    examiner = examined(record)
    state = {
        "run": str(record.folder),
        "status": record.about.get("status"),
        "rows": examiner.series.count("step"),
        "looks": examiner.looks,
        "findings": [{**finding.to_json(), **_mode(finding, record.about)} for finding in examiner.findings],
        "next": _next(record, examiner.findings),
    }
    display = Display(as_json=as_json)
    display.result(state, lambda: display.lines(_lines(state, examiner.findings, record.about)))


def _mode(finding: Finding, about: About) -> dict[str, str]:
    mode = MODES[finding.name]
    return {"title": mode.title, "meaning": mode.meaning, "cause": mode.cause, "cure": cure_for(finding, about)}


def _next(record: Record, findings: list[Finding]) -> str | None:
    """The command that changes a failing game: from where it stands, or anew if it has no steps left."""
    cures = [name for finding in findings if finding.until is None for name in remedies_for(finding.name, record.about)]
    if not cures:
        return None
    if record.about.get("status") in ("stopped", "failed", "diverged"):
        return f"sparring resume {shlex.quote(str(record.folder))} --apply {cures[0]}"
    asked = (record.about.get("parameters") or {}).get("on_trouble") == "remedy"
    return "fit again with --on-trouble remedy" if record.about.get("status") == "finished" and not asked else None


def _lines(state: dict[str, Any], findings: list[Finding], about: About) -> list[str]:
    seen = f"{state['rows']:,} rows and {state['looks']:,} looks of the probes"
    if not state["looks"]:
        return [f"{seen}: without probes little can be found. Fit with probes (they are on by default)."]
    if not findings:
        return [f"nothing was found in {seen}."]
    lines = [f"{len(findings)} {'finding' if len(findings) == 1 else 'findings'} in {seen}:"]
    for finding in findings:
        mode = MODES[finding.name]
        until = "" if finding.until is None else f" to step {finding.until:,}"
        lines += ["", f"{finding.severity}: {mode.title}, from step {finding.since:,}{until}"]
        lines += [f"  {mode.meaning[:1].upper()}{mode.meaning[1:]}"]
        lines += [f"  evidence   {part}" for part in finding.evidence]
        lines += [f"  cause      {mode.cause}", f"  cure       {cure_for(finding, about)}"]
    return lines + (["", f"next         {state['next']}"] if state["next"] else [])
