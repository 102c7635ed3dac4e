"""Code from outside the package that extends it: modules named by the user, and those that installed packages announce.

A plugin registers what it has when it is imported. What it raises becomes a ModelError of one line that names it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from .errors import ModelError

GROUP = "graphcost.plugins"
"""The group of entry points whose modules are imported without being named."""


@cache
def load_installed() -> None:
    """Import the modules that installed packages announce as plugins, once. Raises ModelError."""
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as problem:  # a plugin may raise anything
            raise ModelError(f"plugin {entry.name}", "", f"{entry.value}: {_said(problem)}") from problem


def load(module: str) -> None:
    """Import a module by name, also from the current folder, or a .py file by path. Raises ModelError."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last: nothing there takes the place of what is installed
    try:
        if module.endswith(".py"):
            _load_file(Path(module))
        else:
            importlib.import_module(module)
    except Exception as problem:  # a plugin may raise anything
        raise ModelError("--plugin", "", f"{module}: {_said(problem)}") from problem


def _load_file(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _said(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"
