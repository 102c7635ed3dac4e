"""`graphcost diff OLD NEW`: what a network costs more or less than another, layer by layer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import arguments, options
from ..errors import ModelError
from .shared import analysed, format_of, load_plugins, target_of, write_out

if TYPE_CHECKING:
    from ..compare.snapshot import Snapshot
    from ..target import Target

TTY_TOP = 40


def parser() -> argparse.ArgumentParser:
    """The arguments of `graphcost diff`."""
    p = options.subparser(
        "diff",
        "OLD NEW [options]",
        "What differs between two networks: totals and layers, largest first. A side is a model, or the JSON report of"
        " an earlier run. Sizes and target are those of both models.",
        "md (default), text, html, json or csv",
    )
    p.add_argument("old", metavar="OLD", help="a model, or a JSON report of one")
    p.add_argument("new", metavar="NEW", help="the same, to be compared with it")
    group = p.add_argument_group("the table of layers")
    group.add_argument("--columns", metavar="A,B,...", help="which columns; see graphcost --list-columns")
    group.add_argument("--sort", metavar="COL", help="order layers by the difference in a column, largest first")
    group.add_argument("--top", metavar="N", type=int, help="only the N layers that differ most; 0 shows all")
    return p


def run(words: Sequence[str]) -> int:
    """Write the diff. Returns 0. Raises ModelError for what cannot be read."""
    given = parser().parse_args(words)
    load_plugins(given)
    from ..compare import diff, text
    from ..compare.result import Diff

    columns = arguments.listed(given.columns)
    format = format_of(given, text.FORMATS)
    if given.top is not None and given.top < 0:
        raise ModelError("--top", "", f"{given.top} rows cannot be shown; 0 shows all")
    if given.old == given.new == "-":
        raise ModelError("", "", "standard input can be one side of a diff, not both")
    arguments.check_outputs([("--output", given.output)], [given.old, given.new, *given.plugin])
    target, kept = target_of(given), [*(columns or diff.DEFAULT), *([given.sort] if given.sort else [])]
    old, new = (_side(path, given, target, kept) for path in (given.old, given.new))
    found = Diff(old, new, columns, given.sort)
    _check_dims(given, old, new)
    write_out(found.render(format, _top(given, format)), given.output)
    return 0


def _side(path: str, given: argparse.Namespace, target: Target, columns: Sequence[str]) -> Snapshot:
    """One of the networks, which a JSON report of it may stand for."""
    from ..compare import snapshot

    if path == "-" or not snapshot.is_report(path):
        return snapshot.of_analysis(analysed(path, given, target), columns)
    return snapshot.read_one(path)


def _check_dims(given: argparse.Namespace, *sides: Snapshot) -> None:
    """Raise ModelError for a dimension that neither model has."""
    analyses = [side.analysis for side in sides if side.analysis is not None]
    unused = [name for name in arguments.dims(given.dim) if all(name in a.unused_dims for a in analyses)]
    if unused and analyses:
        raise ModelError("--dim", "", f"neither model has a dimension {', '.join(unused)}")


def _top(given: argparse.Namespace, format: str) -> int:
    if given.top is not None:
        return int(given.top)
    person = format in ("md", "text") and given.output is None and sys.stdout is not None and sys.stdout.isatty()
    return TTY_TOP if person else 0
