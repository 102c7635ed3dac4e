"""The subcommands: `graphcost diff OLD NEW` and others, each a module here with its own parser.

The first word of the command's arguments chooses one. A model whose file is called so is given as ./diff.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Command = Callable[[Sequence[str]], int]
"""Takes the arguments after its name and returns the exit code. Raises ModelError."""


def find(name: str) -> Command | None:
    """The subcommand of a name; None when there is none, and the word is a model."""
    if name == "diff":
        from .diff import run
    elif name == "check":
        from .check import run
    elif name == "baseline":
        from .baseline import run
    elif name == "help":
        from .help import run
    elif name == "completion":
        from .completion import run
    elif name == "serve":
        from .serve import run
    else:
        return None
    return run
