"""A table as plain text: columns side by side without bars, narrowed to a terminal's width, coloured if asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from .naming import shortened
from .printable import printable
from .table import Table

DROPPED = (
    "where", "note", "constant", "status", "kind", "scope", "rf_offset", "rf_stride", "rf", "bound_by", "peak", "reads",
    "writes", "activation", "ops", "input", "share", "output", "type",
)  # fmt: skip
"""Columns that are left out where a terminal is too narrow, the first ones first."""
NARROWEST = 16
"""Letters of a name that stay, before columns are left out."""
GAP = "  "
EXPENSIVE, UNKNOWN, PLAIN = "\x1b[33m", "\x1b[31m", "\x1b[0m"
"""Colours of the most expensive rows and of those in which something is not known: yellow and red."""


def lines(table: Table, width: int = 0, expensive: Collection[int] | None = None) -> list[str]:
    """The lines of a table, in at most `width` letters where that can be (0: as wide as it is).

    `expensive` are the numbers of rows of the analysis to colour; with None nothing is coloured.
    """
    if width:
        table = fitted(table, width)
    body = [tuple(map(_one_line, row)) for row in table.rows]
    total = [tuple(map(_one_line, table.total))] if any(table.total) else []
    widths = [max(map(len, cells)) for cells in zip(table.titles, *body, *total, strict=True)]
    rule = GAP.join("-" * width for width in widths)
    written = [_row(row, widths, table.right) for row in body]
    if expensive is not None:
        written = [_painted(text, at, table, expensive) for at, text in enumerate(written)]
    ends = [rule, *(_row(row, widths, table.right) for row in total)] if total else []
    return [_row(table.titles, widths, table.right), rule, *written, *ends]


def bars(table: Table) -> list[str]:
    """The lines of a table with a bar behind every cell, all cells at the right, and lines above its `rules`."""
    body = [tuple(map(_barless, row)) for row in (table.titles, *table.rows)]
    widths = [max(map(len, cells)) for cells in zip(*body, strict=True)]
    written = ["".join(f"{cell.rjust(width)}|" for cell, width in zip(row, widths, strict=True)) for row in body]
    rule = "".join(f"{'-' * width}|" for width in widths)
    ruled = [(rule, line) if at in table.rules else (line,) for at, line in enumerate(written, -1)]
    return [line for lines in ruled for line in lines]


def grid(table: Table) -> list[str]:
    """The lines of a table with a line round every cell, double under the titles; all cells begin at the left."""
    total = [tuple(map(_barless, table.total))] if any(table.total) else []
    body = [tuple(map(_barless, row)) for row in table.rows] + total
    widths = [max(map(len, cells)) for cells in zip(table.titles, *body, strict=True)]
    rule = f"+{'+'.join('-' * (width + 2) for width in widths)}+"
    written = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in (table.titles, *body)]
    head = [rule, written[0], rule.replace("-", "=")]
    return [*head, *(line for row in written[1:] for line in (row, rule))]


def fitted(table: Table, width: int) -> Table:
    """The table in a width: names shortened in the middle, then columns left out in the order of DROPPED."""
    dropped = []
    while (excess := _width(table) - width) > 0:
        longest = max(len(row[0]) for row in [table.titles, *table.rows]) if table.titles else 0
        least = max(NARROWEST, len(table.titles[0])) if table.titles else 0
        if longest > least and (longest - least >= excess or not _droppable(table)):
            table = _with_names(table, max(least, longest - excess))
            if longest - least < excess:
                break
        elif (key := next(iter(_droppable(table)), None)) is not None:
            dropped.append(table.titles[table.keys.index(key)])
            table = _without(table, key)
        else:
            break
    if dropped:
        note = f"too narrow for {', '.join(dropped)}: a wider terminal or --columns shows them"
        table = replace(table, notes=[*table.notes, note])
    return table


def _droppable(table: Table) -> list[str]:
    return [key for key in DROPPED if key in table.keys]


def _width(table: Table) -> int:
    rows = [table.titles, *table.rows, *([table.total] if any(table.total) else [])]
    return sum(max(map(len, cells)) + len(GAP) for cells in zip(*rows, strict=True)) - len(GAP)


def _with_names(table: Table, most: int) -> Table:
    return replace(table, rows=[(shortened(row[0], most), *row[1:]) for row in table.rows])


def _without(table: Table, key: str) -> Table:
    at = table.keys.index(key)

    def cut(cells: Sequence[str]) -> tuple[str, ...]:
        return (*cells[:at], *cells[at + 1 :])

    right = (*table.right[:at], *table.right[at + 1 :])
    return replace(
        table, keys=cut(table.keys), titles=cut(table.titles), right=right, rows=list(map(cut, table.rows)),
        total=cut(table.total),
    )  # fmt: skip


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = zip(cells, widths, right, strict=True)
    return GAP.join(cell.rjust(width) if number else cell.ljust(width) for cell, width, number in padded).rstrip()


def _painted(text: str, row: int, table: Table, expensive: Collection[int]) -> str:
    colour = UNKNOWN if row in table.marked else EXPENSIVE if row < len(table.at) and table.at[row] in expensive else ""
    return f"{colour}{text}{PLAIN}" if colour else text


def _one_line(text: str) -> str:
    return printable(text.replace("\n", " "))


def _barless(text: str) -> str:
    """A cell of a table in which bars part the columns."""
    return _one_line(text).replace("|", "\u00a6")
