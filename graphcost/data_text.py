"""Values as text for programs: a line of JSON, lines of comma-separated values."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence

from .printable import printable


def json_line(value: object) -> str:
    """A value as JSON in ASCII; halves of surrogate pairs, which no reader has to take, are replaced."""
    text = json.dumps(value, allow_nan=False)
    if "\\ud" in text:
        raw = json.dumps(value, allow_nan=False, ensure_ascii=False)
        whole = raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = json.dumps(json.loads(whole), allow_nan=False)
    return text


_FORMULA = re.compile(r"[=+\-@\t\r]")
_FIGURE = re.compile(r"[+\-\d.,x ]+")


def spreadsheet_text(text: str) -> str:
    """Text of a cell that a spreadsheet takes for text, whatever it begins with."""
    text = printable(text)
    return f"'{text}" if _FORMULA.match(text) and not _FIGURE.fullmatch(text) else text


def csv_lines(rows: Iterable[Sequence[object]], write: Callable[[str], str] | None = None) -> str:
    """Rows as comma-separated values, None as nothing; `write` makes cells of text.

    Without `write` text may hold any character: lines then end as RFC 4180 has it, and both ends of lines are quoted.
    """
    out = io.StringIO()
    if write is None:
        csv.writer(out, lineterminator="\r\n").writerows(rows)
    else:
        cells = ([write(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
        csv.writer(out, lineterminator="\n").writerows(cells)
    return out.getvalue()
