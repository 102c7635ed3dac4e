"""`graphcost completion SHELL`: the script that completes the command in a shell, made of its parsers by shtab."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence

from .. import options
from ..errors import ModelError
from ..suggest import no_such
from .parsers import parsers
from .shared import write_out

SHELLS = {
    "bash": "graphcost completion bash > ~/.local/share/bash-completion/completions/graphcost",
    "zsh": "graphcost completion zsh > a folder of your fpath, as _graphcost",
    "fish": "graphcost completion fish > ~/.config/fish/completions/graphcost.fish",
}
"""The shells, and where each looks for the script."""
FILES = frozenset(
    {"models", "old", "new", "output", "plan", "calibrate", "profile", "weights", "baseline", "config", "plugin"}
)
"""What takes the name of a file."""
FOLDERS = frozenset({"folder"})
"""What takes the name of a folder."""


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
    if shell not in shtab.SUPPORTED_SHELLS:
        raise ModelError("", "", f"shtab {shtab.__version__} knows no {shell}; a newer one does: pip install -U shtab")
    parser = _parser(shtab.FILE, shtab.DIRECTORY)
    if shell == "zsh":
        parser._actions.pop()  # the models, beside which its script has no subcommands; `_models_too` adds them
    return _models_too(str(shtab.complete(parser, shell)), shell)


def _parser(file: object, folder: object) -> argparse.ArgumentParser:
    """The command's parser with the subcommands', and with what arguments can be: files, folders, one of some words."""
    parser = options.parser()
    words = _words()
    subparsers = parser.add_subparsers(dest="command")
    models = next(action for action in parser._actions if action.dest == "models")
    parser._actions.remove(models)  # to stand after the subcommands: the first word may be one
    parser._actions.append(models)
    for name, own in {**_of_words(), **parsers()}.items():
        formats = {"format": _formats()[name]} if name in _formats() else {}
        _fill(own._actions, {**words, **formats}, file, folder)
        subparsers.add_parser(name, help=options.COMMANDS[name], add_help=False, parents=[own])
    _fill([action for action in parser._actions if action is not subparsers], words, file, folder)
    return parser


def _fill(actions: Iterable[argparse.Action], words: Mapping[str, Sequence[str]], file: object, folder: object) -> None:
    for action in actions:
        if action.dest in words:
            action.choices = words[action.dest]
        elif action.dest in FILES:
            action.complete = file  # type: ignore[attr-defined]
        elif action.dest in FOLDERS:
            action.complete = folder  # type: ignore[attr-defined]


def _of_words() -> dict[str, argparse.ArgumentParser]:
    """Parsers that stand for the subcommands which take one word of a few."""
    from . import help

    found = {}
    for name, taken in {"help": help.topic_names(), "completion": list(SHELLS)}.items():
        found[name] = argparse.ArgumentParser(prog=f"graphcost {name}")
        found[name].add_argument(name, nargs="?", choices=taken)
    return found


def _words() -> dict[str, list[str]]:
    """The words that an option can be, by its name."""
    from .. import columns, conventions, devices, grouping, render, sections, target

    return {
        "format": [*render.FORMATS],
        "style": ["default", *(each.name for each in conventions.known() if each.table)],
        "by": [*grouping.GROUPS],
        "columns": [*columns.COLUMNS],
        "sort": [*columns.COLUMNS],
        "section": [*sections.SECTIONS],
        "device": [*devices.DEVICES],
        "dtype": [*target.DTYPES],
        "weights_dtype": [*target.DTYPES],
        "io": [*target.IO],
        "quantize": ["int8"],
    }


def _formats() -> dict[str, Sequence[str]]:
    """The formats of the subcommands that have their own."""
    from ..budgets import text as verdicts
    from ..compare import text as differences

    return {"diff": differences.FORMATS, "check": verdicts.FORMATS, "baseline": ("json",)}


_BASH = "_shtab_graphcost_pos_0_COMPGEN=_shtab_compgen_files\n"
_FISH = (
    "complete -c graphcost -n '_shtab_graphcost_using; and test $_shtab_graphcost_npos -eq 0'"
    ' -ka "(__fish_complete_path (commandline -ct))"\n'
)
_ZSH = {
    "_describe 'graphcost commands' _commands": "_describe 'graphcost commands' _commands\n  _files",
    "_arguments -C -s $_shtab_graphcost_options": "_arguments -C -s -A '-*' $_shtab_graphcost_options",
    "\n      esac\n  esac\n": (
        "\n        *) _arguments -C -s ${_shtab_graphcost_options:#(: :*|\\*::*)} '*:models:_files' ;;"
        "\n      esac\n  esac\n"
    ),
}
"""What is put in the place of lines of the script."""


def _models_too(text: str, shell: str) -> str:
    """The script with files offered where a subcommand is, and options and files after them.

    shtab's scripts have a first word that is a subcommand, or one that is a file, and none that may be either.
    """
    if shell == "zsh":
        for old, new in _ZSH.items():
            text = text.replace(old, new)
        return text
    return f"{text}\n{_BASH if shell == 'bash' else _FISH}"
