"""Who may import whom, and what a run on a prototxt must not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import graphcost

PACKAGE = Path(graphcost.__file__).parent

# A room may import those below it, and its own neighbours where it is a folder.
ORDER = [
    {"version", "limits"},
    {"dims", "errors"},
    {"graph"},
    {"shapes", "rules", "table", "target", "devices", "options"},
    {"importers", "ops", "passes"},
    {"analysis"},
    {"conventions", "columns"},
    {"sections"},
    {"report"},
    {"page", "summary"},
    {"render"},
    {"listings", "calibrate"},
    {"cli"},
    {"__main__", "__init__"},
]
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def imported(path: Path) -> set[str]:
    """The rooms of graphcost that a file imports when it is loaded (not inside functions or for types only)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("graphcost")):
            base = list(parts[: len(parts) - node.level]) if node.level else []
            module = (node.module or "").removeprefix("graphcost").strip(".")
            names = [*base, *module.split(".")] if module else base
            rooms = [names[0]] if names else [alias.name for alias in node.names]
            found.update(rooms)
    return found & set(LEVEL)


# Imports inside functions that lead upward: what is convenient to ask of an analysis is not needed to have one.
LATER = {
    ("analysis", "report"),  # analysis.report()
    ("analysis", "render"),  # analysis.save()
    ("report", "render"),  # report.render()
    ("passes", "render"),  # analysis.memory.plan().save()
    ("rules", "ops"),  # the families register themselves when a rule is first looked up
}


def imported_later(path: Path) -> set[str]:
    """The rooms that a file imports inside its functions."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    found: set[str] = set()
    for outer in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(outer, ast.FunctionDef):
            continue
        for node in ast.walk(outer):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = list(parts[: len(parts) - node.level])
                names = [*base, *(node.module or "").split(".")] if node.module else base
                found.update([names[0]] if names else [alias.name for alias in node.names])
    return found & set(LEVEL)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_below_it(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for other in imported(path) - {room}:
        assert LEVEL[other] < LEVEL[room] or {room, other} == {"conventions", "columns"}, f"{room} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_function_imports_from_above_only_where_that_is_meant(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    above = {other for other in imported_later(path) - {room} if LEVEL[other] > LEVEL[room]}
    assert {(room, other) for other in above} <= LATER


@pytest.mark.parametrize("path", sorted((PACKAGE / "ops").glob("*.py")), ids=lambda p: p.name)
def test_operators_never_see_a_file_and_importers_never_a_rule(path: Path) -> None:
    assert not imported(path) & {"importers", "passes"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "importers").glob("*.py")), ids=lambda p: p.name)
def test_importers_never_call_a_rule(path: Path) -> None:
    assert not imported(path) & {"ops", "rules", "passes"}


def test_every_room_has_its_level() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert rooms <= set(LEVEL)


def test_a_prototxt_needs_neither_onnx_nor_numpy_nor_networkx(root: Path) -> None:
    """They take longer to import than the whole analysis takes."""
    code = (
        "import sys\nfrom graphcost.cli import main\nassert main([sys.argv[1]]) == 0\n"
        "print([name for name in ('onnx', 'numpy', 'networkx', 'google.protobuf', 'graphcost.importers.onnx') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(root / "prototxt/det1.prototxt")], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert graphcost.__all__ == sorted(graphcost.__all__)
    assert all(hasattr(graphcost, name) for name in graphcost.__all__)
