"""`graphcost completion SHELL`: the script that completes the command in a shell, made of its parser by shtab."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from .. import options
from ..errors import ModelError
from ..suggest import no_such
from .shared import write_out

SHELLS = {
    "bash": "graphcost completion bash > ~/.local/share/bash-completion/completions/graphcost",
    "zsh": "graphcost completion zsh > a folder of your fpath, as _graphcost",
    "fish": "graphcost completion fish > ~/.config/fish/completions/graphcost.fish",
}
"""The shells, and where each looks for the script."""
FILES = ("models", "output", "plan", "calibrate", "profile", "baseline", "plugin")
"""What takes the name of a file."""


def run(words: Sequence[str]) -> int:
    """Print the script for a shell. Raises ModelError for another shell, and where shtab is not installed."""
    if not words or words[0] in ("-h", "--help"):
        write_out("".join(f"{command}\n" for command in SHELLS.values()), None)
        return 0
    if len(words) > 1 or words[0] not in SHELLS:
        raise ModelError("", "", no_such("completion for", " ".join(words), SHELLS))
    write_out(script(words[0]), None)
    return 0


def script(shell: str) -> str:
    """The script for a shell."""
    try:
        import shtab
    except ImportError:
        reason = "completion needs shtab: pip install 'graphcost[completion]', or pip install shtab"
        raise ModelError("", "", reason) from None
    return str(shtab.complete(_parser(shtab.FILE), shell))


def _parser(file: object) -> argparse.ArgumentParser:
    """The command's parser with what its options can be: names of files, or one of a few words."""
    from .. import conventions, devices, render, target

    choices = {
        "format": [*render.FORMATS],
        "style": ["default", *(each.name for each in conventions.known() if each.table)],
        "by": ["op", "scope", "stage"],
        "device": [*devices.DEVICES],
        "dtype": [*target.DTYPES],
        "weights_dtype": [*target.DTYPES],
        "io": [*target.IO],
    }
    parser = options.parser()
    for action in parser._actions:
        if action.dest in choices:
            action.choices = choices[action.dest]
        elif action.dest in FILES:
            action.complete = file  # type: ignore[attr-defined]  # shtab looks for it
    return parser
