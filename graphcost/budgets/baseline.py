"""What models cost earlier: the file that `graphcost baseline` writes, in this folder or in a revision of git."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from ..compare import snapshot
from ..compare.snapshot import Snapshot
from ..data_text import json_text
from ..errors import ModelError
from ..version import __version__

SECONDS = 60
"""That git may take to show a file."""


class Baseline:
    """Networks of an earlier run, by the paths of their models."""

    def __init__(self, path: str, networks: Sequence[Snapshot]) -> None:
        self.path, self.networks = path, networks
        self._by_path = {_plain(network.path): network for network in networks}

    def of(self, model: str) -> Snapshot | None:
        """The network of a model: of the same path, else the only one whose path ends like it; None without one."""
        plain = _plain(model)
        if plain in self._by_path:
            return self._by_path[plain]
        for depth in range(len(PurePath(plain).parts), 0, -1):
            tail = PurePath(plain).parts[-depth:]
            found = [each for path, each in self._by_path.items() if PurePath(path).parts[-depth:] == tail]
            if found:
                return found[0] if len(found) == 1 else None
        return None


def _plain(path: str) -> str:
    """A path below the current folder without what leads there."""
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except (OSError, RuntimeError, ValueError):
        return path


def text(networks: Iterable[Snapshot]) -> str:
    """The file of some networks."""
    models = [snapshot.to_dict(network) for network in networks]
    return json_text({"schema": snapshot.SCHEMA, "generator": f"graphcost {__version__}", "models": models})


def read(path: str) -> Baseline:
    """A baseline, or the JSON reports of an earlier run: a file, or REVISION:FILE of git. Raises ModelError."""
    if Path(path).exists() or ":" not in path:
        return Baseline(path, snapshot.read(path))
    return Baseline(path, snapshot.parsed(_from_git(path), path))


def _from_git(path: str) -> bytes:
    """A file in a revision of git, relative to the current folder: main:costs.json."""
    revision, _, name = path.partition(":")
    if not revision or not name or revision.startswith("-"):
        raise ModelError("--baseline", "", f"{path!r} is no file, and no revision of git with a file: main:costs.json")
    spelled = f"{revision}:{name}" if name.startswith(("./", "../")) else f"{revision}:./{name}"
    command = ["git", "show", "--no-textconv", "--no-ext-diff", spelled, "--"]
    try:
        shown = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ModelError("--baseline", "", f"git cannot show {path}: {problem}") from None
    if shown.returncode:
        reason = shown.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ModelError("--baseline", "", f"git cannot show {path}: {reason[0] if reason else 'no reason given'}")
    return shown.stdout
