"""The suite itself: that it tests this checkout, and that it has a place for every part of the package."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

import graphcost
from graphcost.render import environment


def test_what_is_tested_is_the_checkout(root: Path, tmp_path: Path) -> None:
    """Installed by `pip install -e '.[dev]'`: an edit here is what tests see, in this process and in those they start."""
    reason = "not this checkout is tested: pip install -e '.[dev]'"
    assert Path(graphcost.__file__) == root / "graphcost/__init__.py", reason
    assert Path(str(environment().get_template("report.md.j2").filename)).parent == root / "templates", reason
    told = subprocess.run(
        [sys.executable, "-c", "import graphcost; print(graphcost.__file__)"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    ).stdout.strip()  # fmt: skip
    assert Path(told) == root / "graphcost/__init__.py", reason


@pytest.mark.slow
def test_workers_test_the_checkout_too(root: Path) -> None:
    test = f"{Path(__file__).relative_to(root)}::{test_what_is_tested_is_the_checkout.__name__}"
    command = [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", test]
    run = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert "1 passed" in run.stdout, run.stdout


def test_every_family_of_onnx_operators_has_a_file_of_tests(root: Path) -> None:
    """A family is a module that registers rules; those without one serve the others."""
    modules = (root / "graphcost/ops").glob("*.py")
    families = {path.stem for path in modules if re.search(r"^ *@rule\(", path.read_text(), re.MULTILINE)}
    assert {"dense", "windowed"} <= families
    assert families <= {path.stem.removeprefix("test_") for path in (root / "tests/ops").glob("test_*.py")}


def test_every_folder_of_the_package_is_installed(root: Path) -> None:
    """setup.cfg lists them; templates/ stands beside the package."""
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg")
    folders = {path.parent.relative_to(root) for path in (root / "graphcost").rglob("__init__.py")}
    there = {".".join(folder.parts) for folder in folders} | {"graphcost.templates"}
    assert set(setup["options"]["packages"].split()) == there
