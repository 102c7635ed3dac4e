"""The file in which a project says how it is costed: `graphcost.toml`, or the table [tool.graphcost] of pyproject.toml.

It is found and parsed here; whoever knows a key takes it from the table, and leaves the others to theirs. It is looked
for in the current folder and those above it up to the root of the repository; outside of a repository, in the current
folder alone, so that nobody else's file in a shared folder is taken for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import limits
from .errors import ModelError

OWN, SHARED = "graphcost.toml", "pyproject.toml"


@dataclass(frozen=True)
class Config:
    """What a project's file says."""

    path: Path | None = None
    """The file; None when there is none."""
    table: Mapping[str, Any] = field(default_factory=dict)
    """Its keys: the whole of graphcost.toml, or [tool.graphcost] of pyproject.toml."""

    @property
    def folder(self) -> Path:
        """Where paths in the file begin."""
        return self.path.parent if self.path is not None else Path()


def find(start: Path | None = None) -> Config:
    """The nearest file from a folder upwards. Raises ModelError when it cannot be read or is no TOML."""
    try:
        folders = [*_folders((start or Path.cwd()).absolute())]
    except OSError:  # the folder in which the command was started is gone
        return Config()
    for folder in folders:
        for name in (OWN, SHARED):
            path = Path(name) if start is None and folder == Path.cwd() else folder / name
            if path.is_file() and (table := _table(path)) is not None:
                return Config(path, table)
    return Config()


def _folders(start: Path) -> Iterator[Path]:
    """A folder and those above it in its repository."""
    folders = [start, *start.parents]
    roots = [at for at, folder in enumerate(folders) if (folder / ".git").exists()]
    yield from folders[: roots[0] + 1 if roots else 1]


def _table(path: Path) -> Mapping[str, Any] | None:
    """The table in a file, None for a pyproject.toml that has none."""
    try:
        with path.open("rb") as file:
            content = file.read(limits.MAX_CONFIG + 1)
    except OSError as problem:
        raise ModelError(str(path), "", f"cannot be read: {problem.strerror or problem}") from None
    if path.name == SHARED and b"graphcost" not in content:
        return None  # most are of other projects, and a parser takes longer to import than they do to read
    if len(content) > limits.MAX_CONFIG:
        raise ModelError(str(path), "", f"has more than {limits.MAX_CONFIG:,} bytes")
    import tomllib

    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ModelError(str(path), "", f"is no TOML: {problem}") from None
    if path.name == OWN:
        return table
    tool = table.get("tool", {})
    own = tool.get("graphcost") if isinstance(tool, dict) else None
    if own is not None and not isinstance(own, dict):
        raise ModelError(str(path), "", "tool.graphcost is no table")
    return own


def written(value: object) -> str:
    """A value as TOML has it, on one line: the texts, numbers, truths, lists and tables that a file can hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {written(each)}" for name, each in value.items()) + "}"
    return str(value)


def _key(name: str) -> str:
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isascii() and bare.isalnum() else _quoted(name)


def _quoted(text: str) -> str:
    import json

    return json.dumps(text).replace("\x7f", "\\u007f")
