"""Reports as text. The formats for people are the jinja2 templates in `templates/`; JSON and CSV are data.

Templates lay out finished text and compute nothing. Everything from the model is escaped where the format needs it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ModelError
from .files import write
from .report import Report
from .table import Table
from .version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

    from .summary import Summary

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
    env.filters["plain"] = _plain
    env.filters["line"] = _line
    env.filters["markdown"] = lambda table: "\n".join(aligned(table, escape=True))
    env.filters["text"] = lambda table: "\n".join(aligned(table, escape=False))
    env.globals["version"] = __version__
    return env


def render(report: Report | Summary, format: str) -> str:
    """One report, or what several models cost side by side. Raises ModelError for an unknown format."""
    if format not in FORMATS:
        raise ModelError("--format", "", f"no format {format!r}; there are {', '.join(FORMATS)}")
    if format == "json":
        return _json(report)
    if not isinstance(report, Report):
        return _lines(report.lines) if format == "csv" else _summary(report.table, format)
    if format == "csv":
        return _csv(report)
    if format == "html":
        from . import page

        return environment().get_template("report.html.j2").render(report=report, page=page.build(report, _text))
    tables = report.tables
    name = "listing" if tables[0].listing else "report"
    return environment().get_template(f"{name}.{format}.j2").render(report=report, tables=tables)


def _summary(table: Table, format: str) -> str:
    if format == "html":
        from .page.assets import bundle

        assets = bundle(_text, scripts=())
        return environment().get_template("summary.html.j2").render(table=table, assets=assets)
    return environment().get_template(f"summary.{format}.j2").render(table=table)


def fragment(report: Report) -> str:
    """A report as part of another page, such as a notebook: HTML without scripts that brings its own small style."""
    return environment().get_template("fragment.html.j2").render(report=report, table=report.table)


def _text(name: str) -> str:
    """A file of the templates as it is, "" when there is none."""
    from jinja2 import TemplateNotFound

    env = environment()
    assert env.loader is not None
    try:
        return env.loader.get_source(env, name)[0]
    except TemplateNotFound:
        return ""


def aligned(table: Table, escape: bool) -> list[str]:
    """The lines of a pipe table with its columns padded, numbers at the right."""
    total = [table.total] if any(table.total) else []
    columns, rules = [], []
    for cells, right in zip(zip(table.titles, *table.rows, *total, strict=True), table.right, strict=True):
        texts = _written(set(cells), escape)  # each distinct one once: networks repeat
        width = max(3, *map(len, texts.values()))
        padded = {cell: text.rjust(width) if right else text.ljust(width) for cell, text in texts.items()}
        columns.append([padded[cell] for cell in cells])
        rules.append("-" * (width + 1) + ":" if right else ":" + "-" * (width + 1))
    titles, *body = ("| " + " | ".join(cells) + " |" for cells in zip(*columns, strict=True))
    return [titles, f"|{'|'.join(rules)}|", *body]


_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_CONTROL = re.compile(rf"[{_CONTROLS}]+")
_EDGE = re.compile(r"_(?:(?!\w)|(?<!\w_))")  # an underscore that could open or close emphasis
_MARKUP = re.compile(rf"[\\<`*\[\]]|&(?=\w+;)|{_EDGE.pattern}")
_SPECIAL = re.compile(rf"[|\\<`*\[\]&{_CONTROLS}]")  # one set, and _EDGE apart: many times as fast as both in one


def _line(text: str) -> str:
    """Text on one line, without control characters."""
    return _CONTROL.sub(" ", text)


def _plain(text: str) -> str:
    """The same in Markdown: names keep their letters and cannot become markup."""
    return _MARKUP.sub(r"\\\g<0>", _line(text))


def _barless(text: str) -> str:
    """A cell of a table as text, where bars part the columns."""
    return _line(text).replace("|", "\u00a6")


def _written(cells: set[str], escape: bool) -> dict[str, str]:
    """What stands in a table for each cell: mostly each itself."""
    if not _telling(" ".join(cells)):
        return {cell: cell for cell in cells}
    clean = _cell if escape else _barless
    return {cell: clean(cell) if _telling(cell) else cell for cell in cells}


def _telling(text: str) -> bool:
    """Whether there is anything in a text that a table may have to write otherwise."""
    return bool(_SPECIAL.search(text) or _EDGE.search(text))


def _cell(text: str) -> str:
    """A cell of a Markdown table."""
    return "<br>".join(_plain(_barless(part)) for part in text.split("\n"))


def _json(report: Report | Summary) -> str:
    import json

    return json.dumps(report.data, indent=1 if isinstance(report, Report) else None, allow_nan=False) + "\n"


def _csv(report: Report) -> str:
    """Exact values, a line per row; formulas as text, nothing where it is not known. A style's cells as it has them."""
    if report.style != "default":
        table = report.table
        return _lines([table.titles, *table.rows, *[row for row in [table.total] if any(row)]])
    chosen, columns, _ = report.values()
    return _lines([[column.key for column in chosen], *zip(*columns, strict=True)])


def _lines(rows: Sequence[Sequence[object]]) -> str:
    """Rows as comma-separated values, None as nothing."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
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
