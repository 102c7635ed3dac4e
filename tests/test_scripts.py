"""The scripts that people and the continuous integration share."""

from __future__ import annotations

import configparser
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest


def script(root: Path, name: str) -> ModuleType:
    loader = SourceFileLoader(f"scripts_{name}", str(root / "scripts" / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


# --- release ----------------------------------------------------------------------------------------------------------

CHANGELOG = """# Changelog

## Unreleased

## 0.2.0 - 2026-02-03

### Added

- A column.

## 0.1.0 - 2026-01-02

- All of it.
"""


def test_the_text_of_a_tag_is_the_section_of_its_version(root: Path) -> None:
    assert script(root, "release").notes(CHANGELOG, "0.2.0") == "### Added\n\n- A column."


@pytest.mark.parametrize(
    ("changelog", "version", "reason"),
    [
        (CHANGELOG, "0.3.0", r"newest section is '0.2.0 - 2026-02-03', and graphcost/version.py says 0.3.0"),
        (CHANGELOG.replace(" - 2026-02-03", ""), "0.2.0", "newest section is '0.2.0'"),  # a day is missing
        (CHANGELOG.replace("### Added\n\n- A column.\n", ""), "0.2.0", "says nothing of 0.2.0"),
        (CHANGELOG.replace("Unreleased\n", "Unreleased\n\n- Another.\n"), "0.2.0", "move what is under Unreleased"),
        ("# Changelog\n", "0.1.0", "newest section is ''"),
    ],
)
def test_a_changelog_that_does_not_agree_with_the_version_is_no_release(
    root: Path, changelog: str, version: str, reason: str
) -> None:
    release = script(root, "release")
    with pytest.raises(release.Unready, match=reason):
        release.notes(changelog, version)


# --- matrix -----------------------------------------------------------------------------------------------------------


def test_the_oldest_versions_are_those_that_setup_declares(root: Path) -> None:
    setup = "[options]\ninstall_requires =\n    numpy>=1.24\n    onnx>=1.16\n"
    setup += "[options.extras_require]\ndev =\n    pytest>=8\n    ruff\n    numpy>=1.24\n"
    assert script(root, "matrix").oldest(setup) == ["numpy==1.24", "onnx==1.16", "pytest==8"]


def test_the_matrix_has_every_python_that_is_declared(root: Path) -> None:
    setup = (root / "setup.cfg").read_text(encoding="utf-8")
    declared = {f"3.{minor}" for minor in re.findall(r"Python :: 3\.(\d+)", setup)}
    assert declared <= set(script(root, "matrix").PYTHONS)
    workflow = (root / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert declared <= set(re.findall(r'python(?:-version)?: "(3\.\d+)"', workflow))


def test_everything_that_setup_names_is_locked(root: Path) -> None:
    """A constraint for each dependency and each tool, and none twice."""
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    extras = config["options.extras_require"]
    named = re.findall(
        r"^[\w-]+", "\n".join([config["options"]["install_requires"], extras["graph"], extras["dev"]]), re.M
    )
    lines = (root / ".ci/constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = [line.partition("==")[0].lower().replace("_", "-") for line in lines if not line.startswith("#")]
    assert {name.lower() for name in named} <= set(locked) and len(locked) == len(set(locked))
