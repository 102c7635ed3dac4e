"""Reports as text. The formats for people are the jinja2 templates in `templates/`; JSON and CSV are data.

Adding one is a `Format` here, or `register` from a plugin.

Templates lay out finished text and compute nothing. Everything from the model is escaped where the format needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data_text import csv_lines, json_lines, json_pieces, spreadsheet_text
from .errors import ArgumentError, ModelError
from .files import Content, write
from .printable import printable, printable_lines
from .registry import Registry
from .report import Report
from .suggest import no_such
from .table import Table
from .version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

    from .summary import Summary

_SUFFIXES = {"md": (".md", ".markdown"), "text": (".txt", ".text")}
_HERE = Path(__file__).resolve().parent
FOLDERS = (_HERE / "templates", _HERE.parent / "templates")
"""Where templates are found: in the installed package, or beside it in a checkout."""
_RULES: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True, "optimized": False}
"""How templates are compiled; `optimized` would call filters then, and what was compiled would be stale with them."""
_ESCAPED = ".html"
"""What the names of the templates have that jinja2 escapes."""


@cache
def environment() -> Environment:
    """The jinja2 environment; only HTML is escaped by it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context

    from .compiled import CompiledTemplates

    folder = next(folder for folder in FOLDERS if folder.is_dir())
    env = Environment(
        loader=FileSystemLoader(folder),
        autoescape=lambda name: bool(name) and _ESCAPED in str(name),
        undefined=StrictUndefined,
        bytecode_cache=CompiledTemplates(folder, (_RULES, _ESCAPED)),
        **_RULES,
    )
    env.filters["plain"] = _plain
    env.filters["line"] = _line
    env.filters["markdown"] = lambda table: "\n".join(aligned(table, escape=True))
    env.filters["text"] = pass_context(_text_table)
    env.globals["version"] = __version__
    return env


@dataclass(frozen=True)
class Format:
    """A way to write reports."""

    name: str
    """What `--format` calls it."""
    suffixes: tuple[str, ...]
    """Suffixes of files that are written so when no format is given: `.md`."""
    report: Callable[[Report], Content]
    """One model: text, pieces of it, or bytes where the format is none of text."""
    summary: Callable[[Summary], Content] | None = None
    """Several models side by side; None where the format has no such form."""


def render(report: Report | Summary, format: str) -> str:
    """One report, or what several models cost side by side. Raises ModelError for an unknown format."""
    content = rendered(report, format)
    if isinstance(content, bytes):
        raise ArgumentError("format", f"{format} is no text: it is written to a file")
    return content if isinstance(content, str) else "".join(content)


def rendered(report: Report | Summary, format: str) -> Content:
    """The same as it is written to a file: bytes of a format that is none of text, pieces of what may be long."""
    found = find(format)
    if isinstance(report, Report):
        return found.report(report)
    if found.summary is None:
        raise ArgumentError("format", f"{format} is for one model at a time")
    return found.summary(report)


def document(format: str, title: str, lines: Sequence[str], tables: Sequence[Table]) -> str:
    """A title, lines under it and tables with their headings and notes, as "md", "text" or "html"."""
    if format == "html":
        return page("document.html.j2", title=title, lines=lines, tables=tables)
    return environment().get_template(f"document.{format}.j2").render(title=title, lines=lines, tables=tables)


def page(template: str, styles: Sequence[str] = (), **content: object) -> str:
    """A page of HTML without scripts from a template of its own, which gets `content`; `styles` add to those of all."""
    from .page.assets import STYLES, bundle

    assets = bundle(_text, (*STYLES, *styles), scripts=())
    return printable_lines(environment().get_template(template).render(**content, assets=assets))


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as comma-separated values for spreadsheets: None as nothing, text that one would run as text."""
    return csv_lines(rows, spreadsheet_text)


def _template(name: str) -> Format:
    """A format for people, as the templates of its name have it."""

    def report(report: Report) -> str:
        tables = report.tables
        form = "listing" if tables[0].listing else "report"
        return environment().get_template(f"{form}.{name}.j2").render(report=report, tables=tables)

    def summary(summary: Summary) -> str:
        return environment().get_template(f"summary.{name}.j2").render(table=summary.table)

    return Format(name, _SUFFIXES[name], report, summary)


def terminal(report: Report, width: int, color: bool) -> str:
    """A report as plain text that fits a terminal, its most expensive and its unknown rows in colour."""
    tables = report.tables
    form = "listing" if tables[0].listing else "report"
    template = environment().get_template(f"{form}.text.j2")
    return template.render(
        report=report,
        tables=[_fit(table, width) for table in tables],
        expensive=report.most_expensive if color else None,
    )


def _fit(table: Table, width: int) -> Table:
    from . import plain

    return plain.fitted(table, width) if width and table.titles and not table.frame else table


def _text_table(context: Context, table: Table) -> str:
    """A table in plain text; a tool's own table with bars or as a grid, if that has them."""
    from . import plain

    if table.frame == "grid":
        return "\n".join(plain.grid(table))
    if table.frame == "bars":
        return "\n".join(plain.bars(table))
    return "\n".join(plain.lines(table, expensive=context.get("expensive")))


def _html(report: Report) -> str:
    from . import page

    report = report.of_whole_formulas()
    html = environment().get_template("report.html.j2").render(report=report, page=page.build(report, _text))
    return printable_lines(html)


def _html_summary(summary: Summary) -> str:
    from .page.assets import bundle

    assets = bundle(_text, scripts=())
    return printable_lines(environment().get_template("summary.html.j2").render(table=summary.table, assets=assets))


def fragment(report: Report) -> str:
    """A report as part of another page, such as a notebook: HTML without scripts that brings its own small style."""
    return printable_lines(environment().get_template("fragment.html.j2").render(report=report, table=report.table))


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
        texts = _written(set(cells), escape)  # each distinct one once
        width = max(3, *map(len, texts.values()))
        padded = {cell: text.rjust(width) if right else text.ljust(width) for cell, text in texts.items()}
        columns.append([padded[cell] for cell in cells])
        rules.append("-" * (width + 1) + ":" if right else ":" + "-" * (width + 1))
    titles, *body = ("| " + " | ".join(cells) + " |" for cells in zip(*columns, strict=True))
    return [titles, f"|{'|'.join(rules)}|", *body]


_EDGE = re.compile(r"_(?:(?!\w)|(?<!\w_))")  # an underscore that could open or close emphasis
_MARKUP = re.compile(rf"[\\<`*\[\]]|&(?=\w+;)|{_EDGE.pattern}")
_SPECIAL = re.compile(r"[|\\<`*\[\]&]")  # one set, and _EDGE apart: many times as fast as both in one


def _line(text: str) -> str:
    """Text on one line; what parts the lines of a cell is a blank there."""
    return printable(text.replace("\n", " "))


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
    return bool(_SPECIAL.search(text) or _EDGE.search(text)) or not text.isprintable()


def _cell(text: str) -> str:
    """A cell of a Markdown table."""
    return "<br>".join(_plain(_barless(part)) for part in text.split("\n"))


def _latex_summary(summary: Summary) -> str:
    from . import latex

    return latex.document("models", [], [summary.table], [])


def _latex(report: Report) -> str:
    assumed = [f"Assumptions: {report.assumptions}."] if report.assumptions else []
    unknown = [f"Not known: {each}" for each in report.causes]
    warnings = [f"Warning: {each}" for each in report.analysis.warnings]
    foot = [f"Coverage: {report.coverage}.", *unknown, *assumed, *warnings]
    from . import latex

    return latex.document(report.title, report.summary, report.tables, foot)


def _json(report: Report) -> Iterator[str]:
    """A line for each layer and tensor, each made when it is written."""
    return json_pieces(report.parts)


def _json_summary(summary: Summary) -> str:
    return json_lines(summary.data) + "\n"


def _csv(report: Report) -> str:
    """Exact values, a line per row; formulas as text, nothing where it is not known. A style's cells as it has them."""
    return csv_lines(_values(report), spreadsheet_text)


def _csv_raw(report: Report) -> str:
    """The same with text as the model has it, for programs: a spreadsheet would run a name that begins with `=`."""
    return csv_lines(_values(report))


def _values(report: Report) -> Iterable[Sequence[object]]:
    if report.style != "default":
        return list(_cells_of(report.table))
    chosen, columns, order = report.values(report.data_keys, range(len(report.analysis.rows)))
    keys = [column.key for column in chosen]
    if report.analysis.notes and not report.by and not report.columns_given:  # which branch was counted, and the like
        keys.append("note")
        columns.append([report.analysis.rows[at].why for at in order])
    return [keys, *zip(*columns, strict=True)]


def _cells_of(table: Table) -> Iterator[Sequence[str]]:
    """The rows of a tool's own table, its blocks below each other, narrower ones filled up."""
    for block in table.blocks:
        for row in (block.titles, *block.rows, *[row for row in [block.total] if any(row)]):
            yield (*row, *[""] * (len(table.titles) - len(row)))


def _graph(form: str) -> Callable[[Report], str]:
    """A form of the graph; networkx's writers take a while to be imported."""

    def write(report: Report) -> str:
        from .formats import graphs

        return graphs.graphml(report) if form == "graphml" else graphs.dot(report)

    return write


def _node_data(report: Report) -> str:
    from .formats import model_explorer

    return model_explorer.write(report)


def _trace(report: Report) -> str:
    from .formats import trace

    return trace.write(report)


def _xlsx(report: Report) -> bytes:
    from .formats import xlsx

    return xlsx.write(report)


def _xlsx_summary(summary: Summary) -> bytes:
    from .formats import xlsx

    return xlsx.write_summary(summary)


_BUILT_IN = {
    "md": _template("md"),
    "html": Format("html", (".html", ".htm"), _html, _html_summary),
    "json": Format("json", (".json",), _json, _json_summary),
    "csv": Format("csv", (".csv",), _csv, lambda summary: csv_lines(summary.lines, spreadsheet_text)),
    "csv-raw": Format("csv-raw", (), _csv_raw, lambda summary: csv_lines(summary.lines)),
    "text": _template("text"),
    "graphml": Format("graphml", (".graphml",), _graph("graphml")),
    "dot": Format("dot", (".dot", ".gv"), _graph("dot")),
    "model-explorer": Format("model-explorer", (), _node_data),
    "trace": Format("trace", (), _trace),
    "xlsx": Format("xlsx", (".xlsx",), _xlsx, _xlsx_summary),
    "latex": Format("latex", (".tex",), _latex, _latex_summary),
}
FORMATS: Registry[Format] = Registry("format", _BUILT_IN, _BUILT_IN.__getitem__)


def register(format: Format, *, replace: bool = False) -> None:
    """Add a format under its name. Raises ValueError when the name or a suffix is taken and `replace` is not set."""
    taken = [suffix for suffix in format.suffixes if suffix in _by_suffix()]
    if taken and not replace:
        raise ValueError(f"there is already a format for {taken[0]}; replace=True puts another in its place")
    FORMATS.register(format.name, format, replace=replace)


def find(name: str) -> Format:
    """A format by name. Raises ModelError."""
    if name not in FORMATS:
        raise ArgumentError("format", no_such("format", name, FORMATS))
    return FORMATS[name]


def _by_suffix() -> dict[str, str]:
    return {suffix: format.name for format in FORMATS.values() for suffix in format.suffixes}


def format_of(path: Path) -> str:
    """The format that a file's suffix names. Raises ModelError."""
    known = _by_suffix()
    if (name := known.get(path.suffix.lower())) is None:
        reason = f"no format has the suffix {path.suffix!r}; there are {', '.join(known)}, or give a format"
        raise ModelError(str(path), "", reason)
    return name


def save(report: Report, path: Path, format: str | None = None) -> None:
    """Write a report in a format, else the one its suffix names. Raises ModelError when there is none, or for I/O."""
    write(rendered(report, format or format_of(path)), path)
