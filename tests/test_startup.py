"""What a run of the command imports: a module that a plain report does not need takes its time from every run."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

MODEL = Path(__file__).resolve().parent.parent / "prototxt/det1.prototxt"

HOUSE = {
    "__main__", "analysis", "api", "arguments", "binding", "cli", "columns", "commands", "commands.progress", "commands.shared",
    "commands.sizes", "commands.timing", "compiled", "config", "data_text", "defining", "errors", "expense", "files",
    "folders", "frozen", "garbage", "given", "graph", "grouping", "limits", "naming", "notation", "options", "options_file",
    "plugins", "printable", "registry", "remote", "render", "report", "rules", "shapes", "slices", "suggest", "table",
    "target", "times", "version", "windows", "wording",
}  # fmt: skip
DIMS = {
    "dims", "dims.atoms", "dims.bounds", "dims.dim", "dims.division", "dims.effort", "dims.errors", "dims.extrema", "dims.growth",
    "dims.names", "dims.polynomial", "dims.substitution", "dims.text",
}  # fmt: skip
IMPORTERS = {
    "importers", "importers.caffe", "importers.caffe_data", "importers.caffe_layers", "importers.caffe_precision",
    "importers.caffe_schema", "importers.caffe_solver", "importers.caffe_state", "importers.caffe_text",
    "importers.caffe_trained", "importers.caffe_types", "importers.foreign", "importers.prototxt", "importers.repeats",
    "importers.sniff", "importers.source", "importers.unpack",
}  # fmt: skip
PASSES = {
    "passes", "passes.blobs", "passes.buffers", "passes.checks", "passes.infer", "passes.invariant", "passes.memory",
    "passes.missing_weights", "passes.open_extents", "passes.parameters", "passes.rows", "passes.scores",
    "passes.storage", "passes.tables", "passes.tied", "passes.weight_names", "passes.weights",
}  # fmt: skip
RULES = {
    "ops", "ops.abstract", "ops.dense", "ops.detection", "ops.movement", "ops.normalize", "ops.pointwise", "ops.resize",
    "ops.sampling", "ops.shape_values", "ops.values", "ops.windowed",
}  # fmt: skip
"""The families of Caffe in ops/caffe/ are all loaded, and with them these of other formats that they call."""

BESIDE = """
import sys, networkx, jinja2, argparse
before = set(sys.modules)
from graphcost.__main__ import command
sys.argv[0] = "graphcost"
assert command() == 0
print(*sorted(set(sys.modules) - before))
"""


@cache
def imported() -> frozenset[str]:
    """The modules that a report imports beside networkx, jinja2, argparse and what these bring along."""
    words = [sys.executable, "-c", BESIDE, str(MODEL)]
    run = subprocess.run(words, capture_output=True, text=True, check=True)
    return frozenset(run.stdout.splitlines()[-1].split())


def ours(modules: frozenset[str]) -> set[str]:
    return {name.removeprefix("graphcost.") for name in modules if name.startswith("graphcost.")}


def test_a_plain_report_imports_what_it_needs_and_no_more() -> None:
    """A module that is needed now is added to the list; one that is not is imported where it is used."""
    needed = ours(imported())
    families = {name for name in needed if name.startswith("ops.caffe")}
    assert needed - families - HOUSE - DIMS - IMPORTERS - PASSES - RULES == set()
    assert (HOUSE | DIMS | IMPORTERS | PASSES | RULES) - needed == set()


def test_a_plain_report_imports_nothing_of_others_that_networkx_and_jinja2_do_not() -> None:
    others = {name for name in imported() if name.partition(".")[0] != "graphcost"}
    assert {name for name in others if not name.startswith("encodings.")} <= {"_csv", "csv", "gc", "pkgutil"}


def test_importing_the_package_imports_nothing_before_it_is_asked_for() -> None:
    code = "import sys, graphcost; print(*sorted(name for name in sys.modules if name.startswith('graphcost')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["graphcost", "graphcost.version"]


@pytest.mark.parametrize("name", ["rule", "Report", "load", "scan"])
def test_each_public_name_can_be_the_first_that_is_asked_for(name: str) -> None:
    """No order of imports leads in a circle."""
    subprocess.run([sys.executable, "-c", f"from graphcost import {name}"], check=True)
