"""The documents point at things that exist. (Their code is run by pytest itself.)"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_every_metric_and_recipe_is_documented() -> None:
    metrics, recipes = (ROOT / "docs/metrics.md").read_text(), (ROOT / "docs/recipes.md").read_text()
    sys.path.insert(0, str(ROOT / "docs"))
    from recipe_settings import page  # pyright: ignore[reportMissingImports]

    for entry in METRICS:
        assert entry.name == "step" or f"`{entry.name}`" in metrics, entry.name
    for name in RECIPES:
        assert f"recipes/{name}.md" in recipes, name
        assert (ROOT / f"docs/recipes/{name}.md").read_text() == page(name), "run: make docs"
