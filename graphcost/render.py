"""Reports as text. The formats for people are the jinja2 templates in `templates/`; JSON and CSV are data.

Templates lay out finished text and compute nothing. Everything from the model is escaped where the format needs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ModelError
from .report import Report, Table
from .version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

SUFFIXES = {".md": "md", ".markdown": "md", ".html": "html", ".htm": "html", ".json": "json", ".csv": "csv",
            ".txt": "text", ".text": "text"}  # fmt: skip
FORMATS = ("md", "html", "json", "csv", "text")

_HERE = Path(__file__).resolve().parent
FOLDERS = (_HERE / "templates", _HERE.parent / "templates")
"""Where templates are found: in the installed package, or beside it in a checkout."""


@cache
def environment() -> Environment:
    """The jinja2 environment; only HTML is escaped by it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    env = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=lambda name: bool(name) and ".html" in str(name),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    env.filters["plain"] = _cell
    env.globals["version"] = __version__
    return env


def render(report: Report | Sequence[Report], format: str) -> str:
    """One report, or several as a list of objects or one summary row each. Raises ModelError for an unknown format."""
    if format == "json":
        return _json(report)
    if format not in FORMATS:
        raise ModelError("--format", "", f"no format {format!r}; there are {', '.join(FORMATS)}")
    if not isinstance(report, Report):
        raise TypeError("several reports are rendered as json, or as a summary")
    if format == "csv":
        return _csv(report)
    table = report.table
    lines = [] if format == "html" else aligned(table, escape=format == "md")
    name = "listing" if table.listing else "report"
    return environment().get_template(f"{name}.{format}.j2").render(report=report, table=table, lines=lines)


def summary(table: Table, format: str) -> str:
    """A table about several models as md, html or text."""
    lines = [] if format == "html" else aligned(table, escape=format == "md")
    return environment().get_template(f"summary.{format}.j2").render(table=table, lines=lines)


def aligned(table: Table, escape: bool) -> list[str]:
    """The lines of a pipe table with its columns padded, numbers at the right."""
    clean = _cell if escape else _line
    body = [tuple(map(clean, row)) for row in table.rows]
    total = [tuple(map(clean, table.total))] if any(table.total) else []
    everything = [table.titles, *body, *total]
    widths = [max(3, *(len(row[at]) for row in everything)) for at in range(len(table.titles))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, table.right, strict=True)
        )
        return "| " + " | ".join(padded) + " |"

    rule = "|".join(
        "-" * (width + 1) + ":" if right else ":" + "-" * (width + 1)
        for width, right in zip(widths, table.right, strict=True)
    )
    return [line(table.titles), f"|{rule}|", *map(line, body), *map(line, total)]


def _line(text: str) -> str:
    """A cell on one line, without control characters or bars."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).replace("|", "\u00a6")


def _cell(text: str) -> str:
    """A cell of a Markdown table: names keep their letters and cannot become markup."""
    parts = (re.sub(r"([\\<`*\[\]]|&(?=\w+;)|(?<!\w)_|_(?!\w))", r"\\\1", _line(part)) for part in text.split("\n"))
    return "<br>".join(parts)


def _json(report: Report | Sequence[Report]) -> str:
    import json

    one = isinstance(report, Report)
    data: Any = report.analysis.to_dict() if isinstance(report, Report) else [r.analysis.to_dict() for r in report]
    return json.dumps(data, indent=1 if one else None, allow_nan=False) + "\n"


def _csv(report: Report) -> str:
    """Exact values, one line per row; a formula as text, nothing where it is not known."""
    chosen, rows, _ = report.values()
    cells = [["" if value is None else value for value in row] for row in rows]
    return summary_csv([column.key for column in chosen], cells)


def summary_csv(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as comma-separated values."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(rows)
    return out.getvalue()


def save(report: Report, path: Path) -> None:
    """Write a report in the format its suffix names. Raises ModelError when there is none for it or on I/O errors."""
    write(report.render(format_of(path)), path)


def format_of(path: Path) -> str:
    """The format that a file's suffix names. Raises ModelError."""
    if (format := SUFFIXES.get(path.suffix.lower())) is None:
        known = ", ".join(SUFFIXES)
        raise ModelError(
            str(path), "", f"no format has the suffix {path.suffix!r}; there are {known}, or give --format"
        )
    return format


def write(text: str, path: Path) -> None:
    """Write a file whole or not at all: into a neighbour first, which then takes its place. Raises ModelError."""
    import tempfile

    try:
        handle, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise ModelError(str(path), "", f"cannot be written: {problem.strerror or problem}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
