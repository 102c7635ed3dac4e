"""Charts of shares: horizontal bars that say which operator types, or modules, have how much of a total.

Which group a layer is of is the caller's; `scopes` cuts module paths to as many groups as a chart can name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

from ..table import show
from .figure import NAME_CHARS, NARROW, OPEN, Box, Layer, Mark, Measured, shorten
from .scales import rounded

MAX_GROUPS = 12
"""Operator types or scopes in a chart; the rest is summed."""
LINE = 24
"""Height of a bar with its margins."""


@dataclass(frozen=True)
class Share:
    """One line of a chart of shares."""

    label: str
    mark: Mark
    text: str
    y: float
    """Where its text stands."""


@dataclass(frozen=True)
class Shares:
    """Horizontal bars: who has how much of a total."""

    key: str
    title: str
    summary: str
    measure: str
    """The key of the column they are shares of."""
    measure_title: str
    width: int
    height: int
    box: Box
    lines: tuple[Share, ...]
    caption: str = ""


class _Group(NamedTuple):
    """Layers that share a bar."""

    name: str
    amount: int
    largest: Layer
    others: bool = False
    """It is all that have no bar of their own."""


def share_chart(
    key: str, title: str, measured: Measured, group_of: Callable[[Layer], str], coloured: bool = True
) -> Shares:
    """A bar per group, largest first and the smallest together; `coloured` by the kind of the largest layer."""
    column, total = measured.column, measured.total
    groups = _groups(measured.layers, group_of) if total is not None else []
    box = Box(166, 0, NARROW - 52, max(len(groups), 1) * LINE)
    longest = max((group.amount for group in groups), default=1)
    lines = [
        _line(group, number * LINE, box.width * group.amount / longest, measured, box, coloured)
        for number, group in enumerate(groups)
    ]
    words = ", ".join(line.mark.title for line in lines[:3])
    return Shares(
        key=key,
        title=title,
        summary=f"{words}." if lines else f"{column.title}: {'none' if total == 0 else 'unknown'}.",
        measure=column.key,
        measure_title=column.title,
        width=NARROW,
        height=int(box.bottom),
        box=box,
        lines=tuple(lines),
        caption=OPEN if total is None else "",
    )


def _groups(layers: Sequence[Layer], group_of: Callable[[Layer], str]) -> list[_Group]:
    """The groups that have something of the total, largest first; what a chart cannot name is one at the end."""
    members: dict[str, list[Layer]] = {}
    for layer in layers:
        members.setdefault(group_of(layer), []).append(layer)
    sums = [_Group(name, sum(map(_amount, each)), max(each, key=_amount)) for name, each in members.items()]
    ranked = sorted((group for group in sums if group.amount > 0), key=lambda group: -group.amount)
    named, rest = ranked[:MAX_GROUPS], ranked[MAX_GROUPS:]
    if rest:
        amount = sum(group.amount for group in rest)
        named.append(_Group(f"{len(rest)} others", amount, rest[0].largest, others=True))
    return named


def _line(group: _Group, y: int, width: float, measured: Measured, box: Box, coloured: bool) -> Share:
    column = measured.column
    share = show(group.amount / (measured.total or 1), "share")
    text = f"{group.name}: {show(group.amount, column.form)} {column.title}, {share}"
    style = f"k{group.largest.kind}" if coloured and not group.others else "accent"
    mark = Mark(box.left, y + 4, rounded(width), LINE - 8, group.largest.number, text, style)
    return Share(shorten(group.name, NAME_CHARS), mark, share, y + LINE / 2 + 4)


def _amount(layer: Layer) -> int:
    """What a layer adds to its group; nothing where that is not known."""
    return layer.amount or 0


def scopes(names: Sequence[str]) -> list[str]:
    """Module paths cut to the depth that leaves as near to as many as a chart names as can be."""
    paths = [name.split("/") for name in names]

    def distance(depth: int) -> float:
        return abs(log(len({tuple(path[:depth]) for path in paths}) / MAX_GROUPS))

    best = min(range(1, max(map(len, paths), default=1) + 1), key=distance) if paths else 1
    return ["/".join(path[:best]) or "(root)" for path in paths]
