"""What differs between two networks, written: for people as tables and as a page, for programs as JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import files, render
from ..columns import Column
from ..data_text import json_text
from ..dims import Dim, to_json
from ..errors import ModelError
from ..table import LONG, Table, Value, counted, formula, show
from .diff import Change, Delta, Diff
from .snapshot import Layer

FORMATS = ("md", "text", "html", "json", "csv")
RENAMED = 10
"""Layers that only have another name which a reader sees, before they are only counted."""
BAR = 60
"""The longest bar, in pixels."""
PAGE_LAYERS = 5000
"""Layers that a page shows in two columns."""


def write(diff: Diff, format: str, top: int = 0) -> str:
    """A diff in a format; for people, at most `top` layers (0: all). Raises ModelError for another format."""
    if format not in FORMATS:
        raise ModelError("--format", "", f"no format {format!r} of a diff; there are {', '.join(FORMATS)}")
    if format == "json":
        return json_text(diff.to_dict())
    if format == "csv":
        return render.csv_text(_lines(diff))
    if format == "html":
        return _page(diff)
    return render.document(format, title(diff), summary(diff), tables(diff, top))


def title(diff: Diff) -> str:
    """The two networks by name, or by path where the names are the same."""
    names = [side.name or "network" for side in (diff.old, diff.new)]
    if names[0] == names[1]:
        names = [side.path or name for side, name in zip((diff.old, diff.new), names, strict=True)]
    return f"{names[0]} -> {names[1]}"


def summary(diff: Diff) -> list[str]:
    """How many layers are what, what is taken for granted, and which totals are lower bounds."""
    counts = diff.counts
    parts = [f"{counted(counts['unchanged'], 'layer')} unchanged"]
    parts += [f"{number:,} {kind}" for kind, number in counts.items() if number and kind != "unchanged"]
    lines = [" · ".join(parts)]
    if diff.assumptions:
        lines.append("Assumptions: " + ", ".join(f"{name} = {size}" for name, size in diff.assumptions.items()))
    lower = [name for name, side in (("old", diff.old), ("new", diff.new)) if not side.complete]
    if lower:
        lines.append(f"Lower bounds on the {' and the '.join(lower)} side: differences are of what is known.")
    return lines


def tables(diff: Diff, top: int = 0) -> list[Table]:
    """The totals, and the layers that are not as they were."""
    return [_totals(diff), *([_layers(diff, top)] if diff.changes else [])]


def _totals(diff: Diff) -> Table:
    rows = []
    for name, delta in diff.totals.items():
        old, new = (
            _bound(_show(diff, value, delta.column), side.exact[name], value)
            for side, value in ((diff.old, delta.old), (diff.new, delta.new))
        )
        rows.append((name, old, new, _signed(diff, delta), _percent(delta)))
    return Table(("total", "old", "new", "difference", "%"), (False, True, True, True, True), rows, heading="Totals")


def _bound(text: str, exact: bool, value: Value) -> str:
    return text if exact or value is None else f">= {text}"


def _layers(diff: Diff, top: int) -> Table:
    renamed = [change for change in diff.changes if change.kinds == ("renamed",)]
    others = [change for change in diff.changes if change.kinds != ("renamed",)]
    shown = [*others, *renamed[:RENAMED]]
    cut = shown[:top] if top else shown
    titles = ("layer", "change", "type", "output", *(column.title for column in diff.columns))
    right = (False, False, False, False, *(column.form != "text" for column in diff.columns))
    rows = [_row(diff, change) for change in cut]
    hidden = len(diff.changes) - len(cut)
    more = "--top 0 shows them" if top else "they only have another name; --format json has them"
    notes = [f"{counted(hidden, 'more layer')} not shown ({more})"] if hidden else []
    return Table(titles, right, rows, notes=notes, heading="Layers")


def _row(diff: Diff, change: Change) -> tuple[str, ...]:
    sides = [layer for layer in (change.old, change.new) if layer is not None]
    return (
        _both(layer.name for layer in sides),
        ", ".join(change.kinds),
        _both(layer.type for layer in sides),
        _both(layer.shapes for layer in sides),
        *(_cell(diff, change.deltas[column.key]) for column in diff.columns),
    )


def _both(texts: Iterable[str]) -> str:
    """The texts of both sides, once where they agree or there is only one."""
    return " -> ".join(dict.fromkeys(texts))


def _cell(diff: Diff, delta: Delta) -> str:
    """A difference with its share, "" where there is none."""
    if delta.old == delta.new:
        return ""
    if isinstance(delta.old, str) or isinstance(delta.new, str):
        return _both([str(delta.old), str(delta.new)])
    percent = _percent(delta)
    return _signed(diff, delta) + (f" ({percent})" if percent else "")


def _signed(diff: Diff, delta: Delta) -> str:
    number = diff.evaluate(delta.difference)
    if delta.difference is None:
        return "" if delta.old == delta.new else "?"
    if number is None:
        return formula(delta.difference, LONG) if isinstance(delta.difference, Dim) else "?"
    if not number:
        return "0"
    return ("+" if number > 0 else "-") + show(abs(number), delta.column.form)


def _percent(delta: Delta) -> str:
    return "" if delta.percent is None else f"{delta.percent:+,.1f}%" if delta.percent else "0%"


def _show(diff: Diff, value: Value, column: Column) -> str:
    number = diff.evaluate(value)
    if number is None:
        return formula(value, LONG) if isinstance(value, Dim) else "?"
    return show(number, column.form)


# --- CSV --------------------------------------------------------------------------------------------------------------


def _lines(diff: Diff) -> Iterator[Sequence[Any]]:
    """A line for each total, then for each layer that is not as it was."""
    keys = [column.key for column in diff.columns]
    sides = ("old", "new", "difference", "percent")
    yield ["change", "layer", "old_layer", "type", *(f"{key}.{side}" for key in keys for side in sides)]
    totals = {delta.column.key: delta for delta in diff.totals.values()}
    yield ["total", "", "", "", *(cell for key in keys for cell in _csv_cells(totals.get(key)))]
    for change in diff.changes:
        names = [change.new.name if change.new else "", change.old.name if change.old else ""]
        cells = [cell for key in keys for cell in _csv_cells(change.deltas[key])]
        yield [" ".join(change.kinds), *names, change.layer.type, *cells]


def _csv_cells(delta: Delta | None) -> list[Any]:
    if delta is None:
        return [None] * 4
    values = (delta.old, delta.new, delta.difference)
    return [*(to_json(value) if isinstance(value, Dim) else value for value in values), delta.percent]


# --- the page ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A layer in the two columns of the page."""

    old: str
    new: str
    change: str
    style: str
    text: str
    x: float
    width: float


def _page(diff: Diff) -> str:
    measure = next((column for column in diff.columns if column.key == "macs"), diff.columns[0])
    lines, notes = _in_order(diff, measure)
    content: dict[str, Any] = {
        "title": title(diff),
        "lines": summary(diff),
        "totals": _totals(diff),
        "measure": measure.title,
        "largest": show(_largest(diff, measure), measure.form),
        "old": diff.old.path or "old",
        "new": diff.new.path or "new",
        "layers": lines,
        "notes": notes,
        "view": None,
    }
    return render.page("diff.html.j2", ("diff.css",), page=content | _graph(diff))


def _largest(diff: Diff, column: Column) -> float:
    numbers = [diff.evaluate(change.deltas[column.key].difference) for change in diff.changes]
    return max((abs(number) for number in numbers if number is not None), default=0)


def _in_order(diff: Diff, measure: Column) -> tuple[list[Line], list[str]]:
    """Every layer of both networks, those that are gone before the layer that stood after them."""
    changes = {change.new.name: change for change in diff.changes if change.new is not None}
    gone = {change.old.name for change in diff.changes if change.old is not None and change.new is None}
    before: dict[str, list[Layer]] = {}
    waiting: list[Layer] = []
    named = {change.old.name: change.new.name for change in diff.changes if change.old and change.new}
    for layer in diff.old.layers:
        if layer.name in gone:
            waiting.append(layer)
        elif waiting:
            before[named.get(layer.name, layer.name)] = waiting
            waiting = []
    largest = _largest(diff, measure)
    removed = {change.old.name: change for change in diff.changes if change.old is not None and change.new is None}
    lines = []
    for layer in diff.new.layers:
        lines += [_line(diff, removed[each.name], each, measure, largest) for each in before.get(layer.name, [])]
        lines.append(_line(diff, changes.get(layer.name), layer, measure, largest))
    lines += [_line(diff, removed[each.name], each, measure, largest) for each in waiting]
    cut = lines if len(lines) <= PAGE_LAYERS else [line for line in lines if line.change][:PAGE_LAYERS]
    hidden = len(lines) - len(cut)
    return cut, [f"{counted(hidden, 'more layer')} not shown."] if hidden else []


def _line(diff: Diff, change: Change | None, layer: Layer, measure: Column, largest: float) -> Line:
    if change is None:
        return Line(layer.name, layer.name, "", "", "", 0, 0)
    delta = change.deltas[measure.key]
    number = diff.evaluate(delta.difference) or 0
    width = round(BAR * abs(number) / largest, 1) if largest else 0
    texts = [f"{each.name} ({each.type})" if each else "" for each in (change.old, change.new)]
    x = BAR if number > 0 else BAR - width
    return Line(texts[0], texts[1], ", ".join(change.kinds), _style(change), _cell(diff, delta), x, width)


def _style(change: Change) -> str:
    first = change.kinds[0]
    return "moved" if first == "renamed" else first


def _graph(diff: Diff) -> dict[str, Any]:
    """The new network drawn, each box with the change of its layer; nothing where only a report of it is there."""
    analysis = diff.new.analysis
    if analysis is None:
        return {}
    from ..page.drawing import draw

    styles = {change.new.name: _style(change) for change in diff.changes if change.new is not None}
    rows = [styles.get(row.name, "") for row in analysis.rows]
    views = draw(analysis).views
    if not views:
        return {}
    boxes = [(box, next((rows[at] for at in box.node.rows if rows[at]), "")) for box in views[0].boxes]
    return {"view": views[0], "boxes": boxes}


def save(diff: Diff, path: Path) -> None:
    """Write a diff in the format that the file's suffix names. Raises ModelError."""
    files.write(write(diff, render.format_of(path)), path)
