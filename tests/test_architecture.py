"""The layers, the public names, and what importing costs."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import sparring

ROOT = Path(sparring.__file__).parent
LAYERS = {
    "errors": 0, "shapes": 0, "seeds": 0, "chance": 0, "place": 0, "files": 0, "room": 0,
    "isolation": 0, "precision": 0, "quiet": 0, "rerouting": 0,
    "documents": 0, "locks": 0,
    "data": 1, "networks": 1, "filters": 1,
    "objectives": 2, "transport": 2,
    "training": 3, "record": 3, "metrics": 3, "contents": 3, "ledger": 3,
    "run": 4, "judging": 4, "diagnose": 4,
    "estimators": 5, "report": 5, "cli": 5,
}  # fmt: skip
WITHOUT_TORCH = (
    "record",
    "documents",
    "contents",
    "ledger",
    "metrics",
    "transport",
    "judging",
    "report",
    "files",
    "room",
    "quiet",
    "errors",
    "shapes",
    "seeds",
    "filters",
)
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem[0] != "_")


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> list[tuple[str, int]]:
    """(module, line) of everything imported anywhere in a file; relative imports are not used."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found.append((node.module or "", node.lineno))
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_file_imports_from_its_own_layer_or_lower(path: Path) -> None:
    own = LAYERS[_name(path).split(".")[1]]
    for module, line in _imports(path):
        parts = module.split(".")
        if parts[0] == "sparring" and len(parts) > 1 and parts[1] in LAYERS:
            assert LAYERS[parts[1]] <= own, f"{path.name}:{line} (layer {own}) imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_torch_stays_where_it_belongs(path: Path) -> None:
    if _name(path).split(".")[1] in WITHOUT_TORCH:
        for module, line in _imports(path):
            assert module.split(".")[0] != "torch", f"{path.name}:{line} imports torch"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_rich_and_cyclopts_live_in_the_command_line_alone(path: Path) -> None:
    if _name(path).split(".")[1] != "cli":
        assert not {module.split(".")[0] for module, _ in _imports(path)} & {"rich", "cyclopts"}


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_public_names_are_listed(path: Path) -> None:
    module = importlib.import_module(_name(path))
    listed = list(module.__all__)
    assert all(hasattr(module, name) for name in listed)
    if path.stem != "__init__":
        defined = {
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        }
        assert defined <= set(listed), f"public but not listed: {sorted(defined - set(listed))}"


def test_every_name_has_a_home() -> None:
    assert sorted(sparring.__all__) == sorted(sparring._HOMES)


@pytest.mark.parametrize("name", sparring.__all__)
def test_the_face_has_every_name_it_lists(name: str) -> None:
    assert getattr(sparring, name) is not None
    assert name in dir(sparring)
    assert type(sparring.judge).__name__ == "function"


def test_help_and_a_record_need_no_torch() -> None:
    code = "import sys, sparring, sparring.record, sparring.cli.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_functions_and_files_stay_short() -> None:
    for path in MODULES:
        text = path.read_text()
        assert len(text.splitlines()) <= 450, f"{path} is too long: split it by meaning"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                body = node.end_lineno - node.body[0].lineno + 1
                if isinstance(node.body[0], ast.Expr) and len(node.body) > 1:  # the docstring is free
                    body = node.end_lineno - node.body[1].lineno + 1
                assert body <= 45, f"{path}:{node.lineno} {node.name} has {body} lines"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_file_can_run_code_from_data(path: Path) -> None:
    modules = {module.split(".")[0] for module, _ in _imports(path)}
    assert not modules & {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not called & {"eval", "exec", "torch.load", "pd.read_pickle"}
    loads = [
        n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call) and ast.unparse(n.func) == "np.load"
    ]
    assert all("allow_pickle=False" in ast.unparse(call) for call in loads)
