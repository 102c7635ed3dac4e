"""Tables for papers: LaTeX with the rules of the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .printable import printable
from .table import Table

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "·": r"$\cdot$",
    "…": r"\dots{}", "ƒ": "f", "≥": r"$\geq$", "|": r"\textbar{}",
}  # fmt: skip
_MARKS = re.compile("|".join(map(re.escape, _SPECIAL)))


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is; what parts the lines of a cell is a blank."""
    plain = printable(text.replace("\n", " "))
    if plain.startswith(">= "):
        return rf"$\geq$ {escaped(plain[3:])}"
    return _MARKS.sub(lambda mark: _SPECIAL[mark[0]], plain)


def tabular(table: Table) -> list[str]:
    """The lines of a table: a tabular with booktabs' rules, the totals below one of their own."""
    if table.listing or not table.titles:
        return [comment(line) for line in [*(row[0] for row in table.rows if row), *table.notes]]
    columns = "".join("r" if right else "l" for right in table.right)
    total = [r"\midrule", _row(table.total)] if any(table.total) else []
    head = [comment(table.heading)] if table.heading else []
    return [
        *head, rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", _row(table.titles), r"\midrule",
        *map(_row, table.rows), *total, r"\bottomrule", r"\end{tabular}", *map(comment, table.notes),
    ]  # fmt: skip


def document(title: str, head: Sequence[str], tables: Sequence[Table], foot: Sequence[str]) -> str:
    """Tables to be put into a paper, what they are of in comments."""
    lines = [comment(r"needs \usepackage{booktabs}"), comment(title), *map(comment, head)]
    for table in tables:
        lines += tabular(table)
    return "\n".join([*lines, *map(comment, foot)]) + "\n"


def comment(text: str) -> str:
    return "% " + printable(" ".join(text.split()))


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"
