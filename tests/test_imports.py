"""Who may import whom: the whole module graph, of imports at load, inside functions and for types alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

import graphcost

PACKAGE = Path(graphcost.__file__).parent

FLOORS = [
    {"version", "printable", "limits", "garbage", "frozen", "folders", "suggest", "compiled"},
    {"errors", "naming", "data_text", "calibrations"},
    {"dims", "files", "plugins", "workers", "config", "slices"},
    {"remote", "units"},
    {"arguments", "given", "options_file"},
    {"graph"},
    {"windows"},
    {"shapes", "rules", "table", "target", "registry", "options"},
    {"devices", "notation", "plain", "latex"},
    {"importers", "ops"},
    {"passes"},
    {"binding"},
    {"analysis"},
    {"layers"},
    {"export", "conventions", "times", "timing"},
    {"defining"},
    {"columns", "sections"},
    {"records", "rule_stub"},
    {"quantities"},
    {"grouping", "expense", "wording"},
    {"report"},
    {"decide", "summary"},
    {"page", "formats"},
    {"render"},
    {"compare"},
    {"budgets"},
    {"api", "listings", "calibrate", "schema", "result_files"},
    {"scanning"},
    {"__init__"},
    {"commands"},
    {"cli"},
    {"__main__"},
]
"""The rooms of the package from the ground floor up: a room imports rooms below it, and none beside or above it."""
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

BY_NAME = {
    "graphcost.ops": "graphcost.ops",
    "graphcost.conventions": "graphcost.conventions",
    "graphcost.sections": "graphcost.sections",
}
"""Packages whose modules are found in their folder and imported by name: from where, and what is imported there."""


def modules() -> dict[str, Path]:
    """Every module of the package by its full name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(name: str) -> Iterator[str]:
    """The modules of the package that one imports anywhere in it; a package stands for itself, not for its parents."""
    path = MODULES[name]
    here = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                inner = f"{prefix}.{alias.name}"
                yield from (each for each in [inner if inner in MODULES else prefix] if each in MODULES)


ARROWS = [(name, target) for name in MODULES for target in dict.fromkeys(imported(name)) if target != name]


def room(module: str) -> str:
    """The file or folder of the package that a module stands in."""
    _, *parts = module.split(".")
    return parts[0] if parts else "__init__"


def test_no_module_leads_back_to_itself() -> None:
    circles = [sorted(each) for each in nx.strongly_connected_components(nx.DiGraph(ARROWS)) if len(each) > 1]
    assert circles == []


def test_imports_lead_down_only() -> None:
    across = [(a, b) for a, b in ARROWS if room(a) != room(b)]
    assert [(a, b) for a, b in across if FLOOR[room(b)] >= FLOOR[room(a)]] == []


def test_every_room_has_its_floor_and_every_floor_its_rooms() -> None:
    assert {room(module) for module in MODULES} == set(FLOOR)


def test_only_the_declared_packages_import_modules_by_name() -> None:
    callers = {name for name, path in MODULES.items() if "import_module(" in path.read_text(encoding="utf-8")}
    assert callers == {
        *BY_NAME,
        "graphcost",
        "graphcost.plugins",
    }  # the package's own names: those it imports for types


@pytest.mark.parametrize("package", sorted(BY_NAME))
def test_what_is_imported_by_name_stands_below_whoever_imports_it(package: str) -> None:
    """A discovered module may import its package, as the package does not need it to be loaded."""
    below = {target for name, target in ARROWS if name.startswith(f"{BY_NAME[package]}.")}
    assert all(FLOOR[room(target)] <= FLOOR[room(package)] for target in below)


def test_importers_never_call_a_rule_and_rules_never_see_a_file() -> None:
    assert not {(a, b) for a, b in ARROWS if room(a) == "importers" and room(b) in ("ops", "rules", "passes")}
    assert not {(a, b) for a, b in ARROWS if room(a) == "ops" and room(b) in ("importers", "passes", "files")}


def test_a_prototxt_needs_neither_onnx_nor_numpy(root: Path) -> None:
    """They take longer to import than the whole analysis takes."""
    code = (
        "import sys\nfrom graphcost.cli import main\nassert main([sys.argv[1]]) == 0\n"
        "print([name for name in ('onnx', 'numpy', 'google.protobuf', 'graphcost.importers.onnx') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(root / "prototxt/det1.prototxt")], capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[-1] == "[]"


def test_the_public_names_are_sorted_and_all_there() -> None:
    assert graphcost.__all__ == sorted(graphcost.__all__)
    assert all(hasattr(graphcost, name) for name in graphcost.__all__)
