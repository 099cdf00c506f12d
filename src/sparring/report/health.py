"""The report's findings: what failed and when, with a ribbon over the run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from sparring.diagnose.advice import About
from sparring.diagnose.examiner import LOOKED
from sparring.diagnose.finding import Finding, Row
from sparring.diagnose.modes import MODES, cure_for
from sparring.record import Record
from sparring.report.words import number

__all__ = ["Health", "read_health"]

WIDTH, TALL = 1000, 14
TONES = {"failure": "poor", "warning": "fair"}


@dataclass(frozen=True)
class Health:
    """What is said of a run's health. ribbon: an SVG; findings: their words. looks: of the probes."""

    ribbon: Markup
    findings: tuple[dict[str, Any], ...]
    looks: int


def read_health(record: Record, rows: Iterable[Row], last: int) -> Health | None:
    """The health of a run whose probes looked; None where nothing was looked at. last: the run's last step."""
    found = [Finding.from_json(plain) for plain in record.findings()]
    looks = sum(any(name in row for name in LOOKED) for row in rows)
    if not looks and not found:
        return None
    return Health(_ribbon(found, last), tuple(_told(finding, record.about) for finding in found), looks)


def _told(finding: Finding, about: About) -> dict[str, Any]:
    mode = MODES[finding.name]
    end = "its end" if finding.until is None else f"step {finding.until:,}"
    return {
        "title": mode.title,
        "tone": TONES[finding.severity],
        "severity": finding.severity,
        "span": f"step {finding.since:,} to {end}",
        "evidence": [(part.name, number(part.value), part.normal) for part in finding.evidence],
        "meaning": mode.meaning,
        "cause": mode.cause,
        "cure": cure_for(finding, about),
    }


def _ribbon(found: list[Finding], last: int) -> Markup:
    """Green where nothing holds; what holds is painted over it, warnings first, so that failures show."""
    parts = [f'<rect class="good" width="{WIDTH}" height="{TALL}" rx="4"/>']
    for finding in sorted(found, key=lambda finding: finding.severity == "failure"):
        start = WIDTH * min(finding.since, last) / last
        end = WIDTH * min(finding.until or last, last) / last
        title = escape(MODES[finding.name].title)
        parts.append(
            f'<rect class="{TONES[finding.severity]}" x="{start:.1f}" width="{max(end - start, 4):.1f}" '
            f'height="{TALL}"><title>{title}</title></rect>'
        )
    label = "; ".join(MODES[finding.name].title for finding in found) or "nothing was found"
    return Markup(
        f'<svg class="ribbon" viewBox="0 0 {WIDTH} {TALL}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
