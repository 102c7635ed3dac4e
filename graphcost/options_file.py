"""Defaults of the command's options, as a project's file gives them (config.py): `device = "cortex-m4"`.

A key is the long name of an option. What runs code, writes a file or asks for something else than a report is for the
command line alone: a file that lies in a folder does none of these.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from .config import Config, written
from .errors import ModelError
from .suggest import no_such

BY_HAND = frozenset(
    {
        "plugin", "output", "plan", "calibrate", "help", "version", "show_config", "no_config", "json_schema",
        "list_columns", "list_ops", "list_styles", "list_devices",
    }
)  # fmt: skip
"""Options that only the command line has."""
BUDGETS = frozenset(
    {
        "max", "max-growth", "complete", "allow-incomplete", "require-fit", "device", "ram", "flash", "dim",
        "baseline", "models", "model", "scenario",
    }
)  # fmt: skip
"""The keys of budgets (budgets/config.py), which `check` and `baseline` read themselves."""
SHARED = frozenset({"device", "dim"})
"""Those of them that are options of other commands too, and mean the same there."""
READERS = ("graphcost check", "graphcost baseline")
YIELDS = {
    "format": ("output", "csv_raw"), "csv_raw": ("format",), "style": ("columns", "sort", "top", "by"),
    **dict.fromkeys(("columns", "sort", "top", "by"), ("style",)),
    **dict.fromkeys(
        ("memory", "anchors", "anchor_sizes", "reconcile", "section"),
        ("columns", "sort", "top", "by", "style", "csv_raw"),
    ),
}  # fmt: skip
"""The options on the command line that a default makes way for, because they do not go together."""


def merged(
    p: argparse.ArgumentParser,
    given: argparse.Namespace,
    defaults: Mapping[str, Any],
    config: Config,
    known: Callable[[], Collection[str]],
) -> argparse.Namespace:
    """The options given on the command line, for the others what the file says, and for the rest their defaults.

    The namespace also has `given`, the names of the first, `project`, the file, and `defaults`. `known` are the
    options of other parsers.
    Raises ModelError for a key that is no option, or has a value that the option does not take.
    """
    said = vars(_parsed(p, _words(p, config, known), config))
    names = frozenset(vars(given))
    chosen = {name: value for name, value in said.items() if not names.intersection(YIELDS.get(name, ()))}
    options = argparse.Namespace(**{**defaults, **chosen, **vars(given)})
    options.given, options.project, options.defaults = names, config, dict(defaults)
    return options


def _parsed(p: argparse.ArgumentParser, words: Sequence[str], config: Config) -> argparse.Namespace:
    """What the parser makes of the file's words. An error names the file."""
    positional = [action for action in p._actions if not action.option_strings]
    required = [action.required for action in positional]
    try:
        for action in positional:
            action.required = False
        found, _ = p.parse_known_args(words)
    except ModelError as problem:
        raise ModelError(str(config.path), "", problem.reason.partition("; see ")[0]) from None
    finally:
        for action, needed in zip(positional, required, strict=True):
            action.required = needed
    for action in positional:
        vars(found).pop(action.dest, None)  # a file names no models
    return found


def _words(p: argparse.ArgumentParser, config: Config, known: Callable[[], Collection[str]]) -> list[str]:
    """The file's options as words of the command line."""
    actions = {option: action for action in p._actions for option in action.option_strings}
    words: list[str] = []
    for key, value in config.table.items():
        name = key.replace("-", "_")
        option = f"--{name.replace('_', '-')}"
        if name in BY_HAND:
            raise ModelError(str(config.path), "", f"{key} is for the command line alone")
        if option[2:] in (BUDGETS if p.prog in READERS else BUDGETS - SHARED):
            continue
        if option in actions:
            words += _as_words(config, key, option, actions[option], value)
        elif option not in (others := known()):
            names = [each[2:] for each in sorted({*actions, *others}) if each.startswith("--")]
            names = [each for each in names if each.replace("-", "_") not in BY_HAND]
            raise ModelError(str(config.path), "", no_such("option", key, names))
    return words


def _as_words(config: Config, key: str, option: str, action: argparse.Action, value: object) -> list[str]:
    """An option with its value, or several values, in the form of the command line."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise ModelError(str(config.path), "", f"{key} = {written(value)}: it is true or false")
        return [option] if value else []
    many = isinstance(action, argparse._AppendAction)
    if isinstance(value, Mapping) and many:
        value = [f"{name}={_text(each)}" for name, each in value.items()]
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str | int | float) and not isinstance(each, bool) for each in values):
        raise ModelError(str(config.path), "", f"{key} = {written(value)}: it is no text, number or list of them")
    texts = [_path(config, key, str(each)) for each in values]
    return [f"{option}={text}" for text in (texts if many else [",".join(texts)])]


def _text(value: object) -> str:
    """A value in a table as the command line has it: `use_cache = true` is use_cache=true."""
    return written(value) if isinstance(value, bool) else str(value)


def _path(config: Config, key: str, text: str) -> str:
    """A device's file lies beside the file that names it."""
    beside = config.folder / text
    return str(beside) if key == "device" and text.endswith(".toml") and beside.is_file() else text


def only_given(options: argparse.Namespace, names: Collection[str]) -> argparse.Namespace:
    """The options without what the file says of some: where they do not apply, only what somebody asked for matters."""
    values = vars(options)
    mute = {name: options.defaults[name] for name in names if name in options.defaults and name not in options.given}
    return argparse.Namespace(**{**values, **mute})


def shown(options: argparse.Namespace) -> str:
    """The file and what it says, as --show-config prints it: lines of TOML."""
    config: Config = options.project
    if config.path is None:
        where = "here or above in this repository" if _in_repository(Path.cwd()) else "in this folder"
        return f"# no graphcost.toml, and no [tool.graphcost] in a pyproject.toml, {where}\n"
    lines = [f"# {config.path.absolute()}"]
    for key, value in config.table.items():
        over = "  # the command line says otherwise" if key.replace("-", "_") in options.given else ""
        lines.append(f"{_key(key)} = {written(value)}{over}")
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    """A key as TOML has it."""
    return written({key: 0})[1:].partition(" = ")[0]


def _in_repository(folder: Path) -> bool:
    return any((each / ".git").exists() for each in (folder, *folder.parents))
