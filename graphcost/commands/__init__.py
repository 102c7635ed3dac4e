"""The subcommands: `graphcost diff OLD NEW` and others, each a module here with its own parser.

The first word of the command's arguments chooses one. A model whose file is called so is given as ./diff.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Command = Callable[[Sequence[str]], int]
"""Takes the arguments after its name and returns the exit code. Raises ModelError."""


def find(name: str) -> Command | None:
    """The subcommand of a name; None when there is none, and the word is a model."""
    if name == "help":
        from .help import run as help_run

        return help_run
    if name == "completion":
        from .completion import run as completion_run

        return completion_run
    return None
