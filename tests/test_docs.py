"""The documents point at things that exist. (Their code is run by pytest itself.)"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sparring.diagnose.modes import MODES, Mode
from sparring.diagnose.remedies import CURES
from sparring.metrics import METRICS
from sparring.training import RECIPES

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_row_of_the_lecture_names_tests_that_exist() -> None:
    file = ""
    for name in re.findall(r"`((?:test_\w+\.py)?(?:::\w+)?)`", (ROOT / "docs/lecture.md").read_text()):
        if not name:
            continue
        found, _, function = name.partition("::")
        file = found or file
        text = (ROOT / "tests" / file).read_text()
        assert not function or f"def {function}(" in text, name


def test_the_commands_page_is_the_commands_help() -> None:
    code = "from sparring.cli.app import app; print(app.generate_docs(output_format='markdown'))"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert (ROOT / "docs/commands.md").read_text() == made, "run: make docs"


def _code(page: Path) -> list[str]:
    """Python blocks of a page that are no sessions with prompts: those are run as doctests."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)
    return [block for block in blocks if ">>>" not in block]


@pytest.mark.parametrize("page", [page for page in PAGES if _code(page)], ids=lambda page: page.stem)
def test_code_on_pages_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    for block in _code(page):
        exec(compile(block, page.name, "exec"), made)
    if page.parent.name == "findings":
        assert made["found"].name == page.stem


@pytest.mark.parametrize("mode", MODES.values(), ids=lambda mode: mode.name)
def test_every_finding_has_a_page_in_its_own_words(mode: Mode) -> None:
    text = (ROOT / f"docs/findings/{mode.name}.md").read_text()
    words = " ".join(text.split()).lower()
    for part in (mode.title, mode.meaning, mode.cause, mode.cure):
        assert part.lower() in words
    for remedy in CURES.get(mode.name, ()):
        assert f"`{remedy}`" in text
    assert f"findings/{mode.name}.md" in (ROOT / "docs/diagnosis.md").read_text()
    assert "| measure | here | healthy |" in text, "run: python docs/finding_pages.py"


def test_every_metric_and_recipe_is_documented() -> None:
    metrics, recipes = (ROOT / "docs/metrics.md").read_text(), (ROOT / "docs/recipes.md").read_text()
    sys.path.insert(0, str(ROOT / "docs"))
    from recipe_settings import page  # pyright: ignore[reportMissingImports]

    for entry in METRICS:
        assert entry.name == "step" or f"`{entry.name}`" in metrics, entry.name
    for name in RECIPES:
        assert f"recipes/{name}.md" in recipes, name
        assert (ROOT / f"docs/recipes/{name}.md").read_text() == page(name), "run: make docs"
