"""The HTML report as data: everything its templates lay out, decided and computed here.

What the figures mean is the business of the analysis and the report; how they look, of `templates/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .. import sections
from ..columns import find
from ..defining import type_text
from ..graph import Tensor
from ..passes.roofline import Fit, Roofline
from ..printable import printable
from ..report import Report
from ..sections.device import fit_row
from ..table import Table, counted, shape_text, show
from . import live
from .assets import Assets, bundle
from .charts import Charts
from .drawing import Drawing, draw
from .figure import Chart
from .lines import Line, line
from .timings import timings

FIGURE_CHARS = 16
"""Characters of a value that stands out; a longer one is a formula, and is set small."""


@dataclass(frozen=True)
class Card:
    """One of the figures at the top; `key` and `form` tell scripts how to write it anew."""

    title: str
    value: str
    unit: str
    note: str = ""
    key: str = ""
    form: str = ""
    bound: bool = False
    """The value is a lower bound."""
    device: str = ""
    """What it says of a device, for scripts: "latency" or "fit"."""
    warn: bool = False
    formula: bool = False
    """The value is too long to stand out."""
    at: str | None = None
    """The layer where it is so, "" when that is not known; None for what has no place."""


@dataclass(frozen=True)
class Input:
    """One input of the model as the report takes it."""

    name: str
    shape: str
    dtype: str
    declared: str = ""
    """The shape in the file, where that is another."""


@dataclass(frozen=True)
class Costly:
    """One of the most expensive layers."""

    row: int | None
    """Its row in the table, None where that does not have it."""
    name: str
    type: str
    cost: str
    share: str
    """"" beside a lower bound."""


@dataclass(frozen=True)
class Part:
    """A section of the report: its name, which is its anchor, and its tables."""

    name: str
    title: str
    tables: list[Table]
    lines: list[Line]
    """Its charts."""


class Page:
    """A report as one HTML file. `read` gives the text of a style sheet or script by its name."""

    def __init__(self, report: Report, read: Callable[[str], str]) -> None:
        self.report = report
        self.analysis = report.analysis
        self.assets: Assets = bundle(read)

    @cached_property
    def about(self) -> list[tuple[str, str]]:
        """What the model is: its format, operator sets and file, each under its name."""
        model = self.analysis.model
        opsets = ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in sorted(model.opsets.items()))
        facts = [("Format", "Caffe" if model.format == "caffe" else model.format.upper())]
        facts += [("Operator sets", opsets)] if opsets else []
        return [*facts, ("File", model.path)] if model.path else facts

    @cached_property
    def inputs(self) -> list[Input]:
        """The inputs, with what the file says where the user gave another shape."""
        stated = self.analysis.model.inputs
        return [
            Input(printable(name), shape_text(tensor), tensor.dtype, _declared(stated.get(name), tensor))
            for name, tensor in self.analysis.inputs.items()
        ]

    @cached_property
    def cards(self) -> list[Card]:
        """The totals, each with its unit."""
        analysis = self.analysis
        return [
            self._total(
                "Parameters", "learned_params", "elements", " ".join(f"+ {text}" for text in self.report.other_weights)
            ),
            self._total("Weights", "param_bytes", note="as stored"),
            self._total("MACs", "macs", "multiply-accumulates"),
            self._total("Operations", "ops", "scalar operations", "1 MAC = 2"),
            self._peak,
            Card(
                "Layers", f"{len(analysis.layer_rows):,}", "operator" if len(analysis.layer_rows) == 1 else "operators"
            ),
        ]

    def _total(self, title: str, key: str, unit: str = "", note: str = "") -> Card:
        """A column's total."""
        column = find(key)
        text = self.report.show(self.analysis.total(key), column.form)
        return Card(
            title,
            text,
            unit.removesuffix("s") if text == "1" else unit,
            note,
            key,
            column.form,
            bound=not column.total_is_exact(self.analysis),
            formula=len(text) > FIGURE_CHARS,
        )

    @property
    def _peak(self) -> Card:
        """The peak of the memory and where it is, or why it is not known."""
        memory = self.analysis.memory
        at = printable(memory.peak.name) if memory.peak is not None else ""
        note = f"depends on {waits}" if (waits := self.report.peak_waits) else ""
        text = self.report.total(find("peak"))
        return Card("Peak activations", text, "", note, "peak_activation_bytes", "bytes", at=at)

    @cached_property
    def device_cards(self) -> list[Card]:
        """What a device makes of the model: a lower bound of its latency, and whether everything fits."""
        roofline = self.analysis.roofline
        fits = [fit for fit in self.analysis.fits if fit.place != "fast memory"]
        cards = [_latency(roofline)] if roofline is not None else []
        return [*cards, _memory_fit(fits)] if fits else cards

    @cached_property
    def charts(self) -> Charts:
        """Which charts there are, and their words."""
        return Charts(self.analysis)

    @cached_property
    def timings(self) -> Chart | None:
        """The measured time of each layer; None where nothing was measured."""
        return timings(self.analysis)

    @cached_property
    def drawing(self) -> Drawing:
        """The network as a picture, coloured by what the charts show."""
        return draw(self.analysis, self.charts.measured(self.charts.measure.key))

    @cached_property
    def hottest(self) -> str:
        """What the hottest box of the first drawing costs, "" where no cost is known or nothing is drawn."""
        views = self.drawing.views
        return show(views[0].hottest_cost, self.charts.measure.form) if views and views[0].hottest_cost else ""

    @cached_property
    def contents(self) -> list[tuple[str, str]]:
        """The anchor and title of each part, in order."""
        return [
            ("totals", "Totals"),
            *([("sizes", "Input sizes")] if self.live["symbols"] else []),
            ("charts", "Charts"),
            ("graph", "Graph"),
            ("layers", "Layers"),
            *((part.name, part.title) for part in self.parts),
        ]

    @cached_property
    def layers(self) -> Table:
        """The table of layers in the report's style; only cells of a tool's table have several lines."""
        table = self.report.table
        if self.report.style != "default":
            return table
        notes = [note for note in table.notes if note not in self.report.constants_note]
        return replace(table, rows=list(map(_printable, table.rows)), notes=notes)

    @cached_property
    def numbers(self) -> dict[int, int | str]:
        """Which layer each row of the table is, as the charts count them, "" where it only makes constants."""
        number = {row: at for at, row in enumerate(self.analysis.layer_rows, 1)}
        return {row: number.get(row, "") for row in self.layers.at}

    @cached_property
    def hidden(self) -> frozenset[int]:
        """The rows that only make constants and are not in the table."""
        if not self.layers.at:
            return frozenset()
        return frozenset(self.live["constants"]).difference(self.layers.at)

    @property
    def constants(self) -> str:
        """That rows which only make constants are not in the table, "" where there are none or they are."""
        layers, rows = self.report.rows, self.analysis.rows
        if not self.layers.at or len(layers) == len(rows):
            return ""
        return f"{counted(len(layers), 'operator')}; {counted(len(rows) - len(layers), 'constant')} not shown"

    @cached_property
    def expensive(self) -> list[Costly]:
        """The most expensive layers, largest first; none where there is one only, or sizes are open."""
        measured = self.charts.measured(self.charts.measure.key)
        shown = frozenset(self.layers.at)
        exact = measured.column.total_is_exact(self.analysis)
        return [
            Costly(
                row if row in shown else None,
                layer.name,
                printable(type_text(layer.row)),
                show(layer.amount, measured.column.form),
                show(layer.amount / measured.total, "share") if exact and measured.total else "",
            )
            for row in self.report.most_expensive
            if (layer := measured.layers[row]).amount is not None
        ]

    @cached_property
    def parts(self) -> list[Part]:
        """The chosen sections, and always the one on memory and that on the device."""
        chosen = list(self.report.sections)
        always = ["device", "memory"] if self.analysis.device is not None else ["memory"]
        chosen += [sections.find(name) for name in always if all(section.name != name for section in chosen)]
        return [
            Part(
                each.name,
                each.name.capitalize(),
                each.tables(self.analysis),
                [chart for series in each.series(self.analysis) if (chart := line(series)) is not None],
            )
            for each in chosen
        ]

    @cached_property
    def live(self) -> dict[str, Any]:
        """What scripts work with."""
        device = live.device(self.analysis)
        return {**live.data(self.report), "device": device, "charts": self.charts.data, "figure_chars": FIGURE_CHARS}

    @cached_property
    def data(self) -> str:
        """The same as JSON that cannot end the element it stands in."""
        return _inert(json.dumps(self.live, separators=(",", ":"), allow_nan=False))


def build(report: Report, read: Callable[[str], str]) -> Page:
    """Everything that the template of the HTML report lays out."""
    return Page(report, read)


def _latency(roofline: Roofline) -> Card:
    """The lower bound, and how much of it is bound by what binds most of it."""
    seconds = roofline.seconds
    parts = {"compute": roofline.compute, "memory": roofline.memory, "cache": roofline.cache}
    by = max(parts, key=parts.__getitem__)
    part = parts[by]
    note = f"{show(part / seconds, 'share')} {by}-bound" if seconds else roofline.why
    unit = f"on {roofline.device.title}"
    return Card("Latency, lower bound", show(seconds, "time"), unit, note, device="latency")


def _memory_fit(fits: Sequence[Fit]) -> Card:
    """Whether everything fits, with what does not, or else with all that must."""
    missing = [fit for fit in fits if fit.fits is False]
    value = "does not fit" if missing else "fits" if all(fit.fits for fit in fits) else "unknown"
    uses = (fit_row(fit) for fit in missing or fits)
    note = "; ".join(f"{item}: {use}" for item, use, _ in uses)
    return Card("Memory fit", value, "", note, device="fit", warn=bool(missing))


def _declared(stated: Tensor | None, given: Tensor) -> str:
    """The shape in the file where the user gave another, else ""."""
    return shape_text(stated) if stated is not None and shape_text(stated) != shape_text(given) else ""


def _printable(cells: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(printable, cells))


def _inert(text: str) -> str:
    """JSON in which no character means anything to HTML."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
