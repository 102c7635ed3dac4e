"""Values as text for programs: a line of JSON, lines of comma-separated values."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .printable import printable

_encoded = json.JSONEncoder(allow_nan=False).encode


def json_line(value: object) -> str:
    """A value as JSON in ASCII; halves of surrogate pairs, which no reader has to take, are replaced."""
    text = _encoded(value)
    if "\\ud" in text:
        raw = json.dumps(value, allow_nan=False, ensure_ascii=False)
        whole = raw.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = json.dumps(json.loads(whole), allow_nan=False)
    return text


class Elements:
    """The elements of a list, each made when it is written: those of 10,000 layers take 60 MB at once."""

    brackets = "[", "]"

    def __init__(self, elements: Iterable[dict[str, Any]]) -> None:
        self._elements = elements

    def whole(self) -> object:
        """All of them."""
        return list(self._elements)

    def lines(self) -> Iterator[str]:
        """Each as JSON."""
        return map(json_line, self._elements)


class Members(Elements):
    """The same of the members of an object."""

    brackets = "{", "}"

    def __init__(self, members: Iterable[tuple[str, dict[str, Any]]]) -> None:
        self._members = members

    def whole(self) -> object:
        return dict(self._members)

    def lines(self) -> Iterator[str]:
        return (f"{json_line(key)}: {json_line(value)}" for key, value in self._members)


def whole(data: Mapping[str, object]) -> dict[str, Any]:
    """An object with all that would be made when it is written."""
    return {key: value.whole() if isinstance(value, Elements) else value for key, value in data.items()}


def json_text(data: Mapping[str, object]) -> str:
    """An object as JSON in ASCII, a line for each element of its lists of objects."""
    return "".join(json_pieces(data))


def json_pieces(data: Mapping[str, object]) -> Iterator[str]:
    """The same piece by piece: a text of a line is made by json's encoder in C, an indented one is not."""
    before = "{\n"
    for key, value in data.items():
        yield f"{before} {json_line(key)}: "
        yield from _value_pieces(value)
        before = ",\n"
    yield "\n}\n"


def json_lines(value: object) -> str:
    """A value as JSON, a line for each element of a list of objects and each member of an object of objects."""
    return "".join(_value_pieces(value))


def _value_pieces(value: object) -> Iterator[str]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = Elements(value)
    elif isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
        value = Members(value.items())
    if not isinstance(value, Elements):
        yield json_line(value)
        return
    lines, (opening, closing) = value.lines(), value.brackets
    first = next(lines, None)
    if first is None:
        yield opening + closing
        return
    yield f"{opening}\n  {first}"
    for line in lines:
        yield f",\n  {line}"
    yield f"\n {closing}"


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
