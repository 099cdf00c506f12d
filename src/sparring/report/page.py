"""The report's page: a run folder as plain values, set into one template. Nothing is fetched, nothing trusted."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sparring.documents import understood
from sparring.files import write_bytes
from sparring.judging.said import MOST_SHOWN, WORDS, sections
from sparring.judging.saved import verdict_in
from sparring.record import Record
from sparring.report.answers import matrix_style, read_answers, read_filters
from sparring.report.columns import read_columns
from sparring.report.figures import MANY, PLOT, floor_bar
from sparring.report.health import read_health
from sparring.report.panels import panels
from sparring.report.restarts import read_restarts
from sparring.report.samples import read_samples
from sparring.report.words import duration, finite, number, plain, ratio, when
from sparring.report.writings import read_alignments, read_writings

__all__ = ["write_report"]

TONES = {"good": "good", "fair": "fair", "poor": "poor", "broken": "poor"}
KINDS = {
    "gan": "generative adversarial network",
    "cyclegan": "translation between two collections",
    "classifier": "classifier",
    "regressor": "regressor",
    "sequence-classifier": "classifier of sequences",
    "sequence-regressor": "regressor of sequences",
    "sequence-tagger": "tagger",
    "sequence-generator": "generator of sequences",
    "sequence-translator": "translator",
}
ANSWERING = frozenset(KINDS) - {"gan", "cyclegan"}  # kinds whose runs have no samples of each step
COLUMNS = {"cyclegan": "From left to right: A, G(A), F(G(A)); then B, F(B), G(F(B))."}  # of pictures of samples
ENDS = {
    "diverged": ("The run diverged", "poor"),
    "failed": ("The run failed", "poor"),
    "stopped": ("The run was stopped before its end", "fair"),
    "running": ("The run had not ended when this page was written", "fair"),
}


def write_report(folder: str | os.PathLike[str]) -> Path:
    """Write RUN/report.html, one file that needs nothing else, and return its path.

    What a run does not have yet (a verdict, samples, rows) is left out, and the page says so.
    Raises FolderError if the folder is not a run, or the page cannot be written.
    """
    record = Record.open(folder)
    record.warn_of_changes()
    with understood(record.folder):
        page = _environment().get_template("template.html.j2").render(**_content(record))
    write_bytes(record.report_path, page.encode("utf-8", "replace"))
    return record.report_path


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(number=number, duration=duration, plain=plain, shade=matrix_style)
    return made


def _content(record: Record) -> dict[str, Any]:
    about, rows = record.about, record.rows()
    verdict, samples, answers = _verdict(record), read_samples(record), read_answers(record)
    reached = _reached(about, rows)
    last = max([reached, *samples.steps])
    return {
        "title": str(about.get("title") or record.folder.resolve().name),
        "kind": KINDS.get(str(about.get("kind")), str(about.get("kind") or "run")),
        "about": about,
        "described": str(_mapping(about.get("data")).get("description") or ""),
        "outcome": _outcome(about, reached, verdict, answers is not None),
        "end": _end(record, reached),
        "facts": _facts(about, reached),
        "verdict": verdict,
        "samples": samples,
        "generates": str(about.get("kind")) not in ANSWERING,
        "answers": answers,
        "columns": COLUMNS.get(str(about.get("kind")), "") if samples.pictures else "",
        "restarts": read_restarts(about),
        "tables": read_columns(record),
        "writings": read_writings(record),
        "alignments": read_alignments(record),
        "filters": read_filters(record),
        "last": max(last, 1),
        "panels": panels(rows, last, _chosen(about)),
        "plot": PLOT,
        "binned": len(rows) > MANY,
        "networks": _networks(about),
        "health": read_health(record, rows, max(last, 1)),
        "parameters": _mapping(about.get("parameters")),
        "settings": _mapping(about.get("settings")),
        "commands": [str(line) for line in about.get("command") or []],
        "provenance": _provenance(about),
        "sessions": [_session(_mapping(entry)) for entry in about.get("sessions") or []],
    }


# -- plain values


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


# -- how it went


def _reached(about: Mapping[str, Any], rows: list[dict[str, Any]]) -> int:
    ends = [_mapping(session).get("to_step") for session in about.get("sessions") or []]
    seen = [*ends, *(row.get("step") for row in rows[-1:])]
    return int(max((value for value in map(finite, seen) if value is not None), default=0))


def _seconds(about: Mapping[str, Any]) -> float:
    return sum(finite(_mapping(session).get("seconds")) or 0.0 for session in about.get("sessions") or [])


def _outcome(about: Mapping[str, Any], reached: int, verdict: Mapping[str, Any] | None, answered: bool = False) -> str:
    """How the run went, in a line."""
    planned, status = finite(about.get("steps")), about.get("status")
    of = f" of {number(planned)}" if planned and planned != reached else ""
    taken = f" in {duration(_seconds(about))}" if _seconds(about) else ""
    said = {
        "finished": f"Ended early, as asked, after {reached:,}{of} steps" if of else f"Finished all {reached:,} steps",
        "diverged": f"Diverged after {reached:,}{of} steps",
        "failed": f"Failed after {reached:,}{of} steps",
        "stopped": f"Stopped after {reached:,}{of} steps",
    }.get(str(status), f"{reached:,}{of} steps so far")
    if verdict is None:
        chosen = about.get("best_epoch") if _keeps_best(about) else None
        kept = f" The weights of epoch {chosen} are kept, whose validation error was lowest." if chosen else ""
        return f"{said}{taken}.{kept}" + ("" if answered else " Not judged yet.")
    grades = [figure["grade"] for figure in verdict["figures"] if figure["grade"]]
    if not grades:
        return f"{said}{taken}."
    return f"{said}{taken}. {grades.count('good')} of {len(grades)} figures are as good as real."


def _end(record: Record, reached: int) -> dict[str, str] | None:
    """The box that says why a run did not finish; None if it did."""
    status = str(record.about.get("status"))
    if status not in ENDS:
        return None
    heading, tone = ENDS[status]
    said = str(record.about.get("failure") or "")
    said = said[:1].upper() + said[1:]
    again = "" if status == "diverged" else f"sparring resume {shlex.quote(str(record.folder))}"
    return {"heading": heading, "tone": tone, "said": said, "again": again}


def _facts(about: Mapping[str, Any], reached: int) -> list[tuple[str, str, str]]:
    """(name, value, remark) of what a reader asks first; what is not known is left out."""
    data, planned = _mapping(about.get("data")), finite(about.get("steps"))
    held, rows = finite(data.get("rows_held_out")), finite(data.get("rows_train"))
    weights = sum(int(entry["weights"] or 0) for entry in _networks(about))
    facts = [
        ("Recipe", plain(about.get("recipe")) if about.get("recipe") else "", ""),
        ("Steps", f"{reached:,}", f"of {number(planned)}" if planned and planned != reached else ""),
        ("Time", duration(_seconds(about)) if _seconds(about) else "", ""),
        ("Training rows", number(rows) if rows else "", f"and {number(held)} held out" if held else ""),
        ("Weights", f"{weights:,}" if weights else "", ""),
        ("Seed", str(about["seed"]) if about.get("seed") is not None else "", ""),
    ]
    return [fact for fact in facts if fact[1]]


# -- the verdict


def _verdict(record: Record) -> dict[str, Any] | None:
    """What the template shows of verdict.json: of samples, or of both directions of a translator."""
    verdict = verdict_in(record)
    if verdict is None:
        return None
    directions = [_direction(_mapping(found)) for found in verdict.get("directions") or ()]
    made = _shown(verdict)
    return {
        **made,
        "directions": directions,
        "figures": made["figures"] + [f for d in directions for f in d["figures"]],
    }


def _shown(verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "figures": [_figure(_mapping(figure)) for figure in verdict.get("figures") or []],
        "parts": [
            {
                "heading": part.heading,
                "rows": [_figure({**figure, "name": name}, part.detailed) for name, figure in part.rows],
                "note": part.note,
                "detailed": part.detailed,
            }
            for part in sections(verdict)
        ],
        "pairs": bool(verdict.get("pairs")),
        "shown": MOST_SHOWN,
        "summary": str(verdict.get("summary") or ""),
        "space": str(verdict.get("space") or ""),
        "notes": [str(note) for note in verdict.get("notes") or ()],
        **{name: finite(verdict.get(name)) for name in ("samples", "draws", "seconds")},
    }


def _direction(found: Mapping[str, Any]) -> dict[str, Any]:
    """One way of a translator's verdict: a verdict, with what came back, and the truth if it is known."""
    truth = _mapping(found.get("truth"))
    errors = [
        {
            "name": str(error["name"]),
            "figures": [number(finite(error.get(name))) for name in ("mae", "relative", "ssim")],
            "interval": " to ".join(number(finite(end)) for end in error["interval"]),
        }
        for error in truth.get("errors") or ()
    ]
    retrieval = finite(truth.get("retrieval"))
    columns = [
        {"name": str(column["name"]), "figures": [number(finite(column.get(name))) for name in ("error", "usual")]}
        for column in truth.get("columns") or ()
    ]
    return {
        **_shown(_mapping(found.get("verdict"))),
        "name": str(found.get("name") or ""),
        "returned": f"{number(finite(found.get('cycle_error')))} {found.get('unit') or ''}",
        "errors": errors,
        "columns": columns,
        "pairs": finite(truth.get("pairs")),
        "retrieval": None if retrieval is None else f"{retrieval:.1%}",
    }


def _figure(figure: Mapping[str, Any], named: bool = False) -> dict[str, Any]:
    """named: whether the name is a column's, which keeps its letters."""
    name = str(figure.get("name") or "figure")
    value, floor = finite(figure.get("value")), finite(figure.get("floor"))
    sides = [side for side in map(finite, figure.get("interval") or ()) if side is not None]
    known = len(sides) == 2
    low, high = sides if known else (0.0, 0.0)
    better = {
        "lower": "lower is better",
        "higher": "higher is better",
        "equal": "best at the floor",
    }
    return {
        "name": name if named else name.replace("_", " "),
        "better": better.get(str(figure.get("better")), ""),
        "value": value,
        "floor": floor,
        "ratio": ratio(figure),
        "interval": f"{number(low)} to {number(high)}" if known else "",
        "bar": floor_bar(value, floor, (low * floor, high * floor) if known and floor else None, figure.get("grade")),
        "grade": str(figure.get("grade") or ""),
        "word": WORDS.get(str(figure.get("grade")), "–"),
        "tone": TONES.get(str(figure.get("grade")), ""),
        "meaning": str(figure.get("meaning") or ""),
    }


# -- where it comes from


def _networks(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = {str(name): _mapping(entry) for name, entry in _mapping(about.get("networks")).items()}
    return [
        {
            "name": name,
            "summary": str(entry.get("summary") or ""),
            "weights": finite(entry.get("parameters")),
            "layers": [_mapping(layer) for layer in entry.get("layers") or []],
        }
        for name, entry in entries.items()
    ]


def _session(entry: Mapping[str, Any]) -> tuple[str, str]:
    """(when it began, what it did) of one session."""
    steps = f"steps {number(finite(entry.get('from_step')))} to {number(finite(entry.get('to_step')))}"
    return when(entry["started"]) if entry.get("started") else "–", f"{steps}, {duration(entry.get('seconds'))}"


def _provenance(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value); what is not known is left out."""
    data, machine = _mapping(about.get("data")), _mapping(about.get("machine"))
    versions = ", ".join(f"{name} {version}" for name, version in _mapping(about.get("versions")).items())
    about_machine = [str(machine[name]) for name in ("processor", "system") if machine.get(name)]
    counts = [f"{machine[name]} {name}" for name in ("cores", "threads") if machine.get(name) is not None]
    place = _mapping(about.get("place"))
    ranks = finite(place.get("ranks")) or 1
    where = [str(place[name]) for name in ("device", "precision") if place.get(name)]
    pairs = [
        ("Data", data.get("description")),
        ("Read from", data.get("path")),
        ("Fingerprint", data.get("fingerprint")),
        ("Seed", about.get("seed")),
        ("Versions", versions),
        ("Machine", ", ".join([*about_machine, *counts])),
        ("Computed on", ", ".join([*where, *([f"{int(ranks)} processes"] if ranks > 1 else [])])),
        ("Created", when(about["created"]) if about.get("created") else None),
    ]
    return [(name, str(value)) for name, value in pairs if value not in (None, "")]


def _chosen(about: Mapping[str, Any]) -> float | None:
    """The step whose weights were kept, if not the last's."""
    if not _keeps_best(about):
        return None
    epoch, per_epoch = finite(about.get("best_epoch")), finite(about.get("steps_per_epoch"))
    return epoch * per_epoch if epoch and per_epoch else None


def _keeps_best(about: Mapping[str, Any]) -> bool:
    """Whether the weights of the lowest validation error were given back; sequence models' settings do not say it."""
    asked = _mapping(about.get("parameters")).get("early_stopping")
    return bool(_mapping(about.get("settings")).get("best", asked))
