"""The HTML report as data: everything its templates lay out, decided and computed here.

What the figures mean is the business of the analysis and the report; how they look, of `templates/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import sections
from ..columns import find
from ..graph import Tensor
from ..report import Report
from ..table import Table, shape_text, show
from . import live
from .assets import Assets, bundle
from .charts import Charts
from .drawing import Drawing, draw
from .scatter import Scatter, scatter

MOST_FIGURES = 16
"""Letters of a value that stands out; a longer one is a formula, and is set small."""


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
    """What it says of a device, for scripts: "time" or "room"."""
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
    instead: str = ""
    """The shape in the file, where that is another."""


@dataclass(frozen=True)
class Part:
    """A section of the report: its name, which is its anchor, and its tables."""

    name: str
    title: str
    tables: list[Table]


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
            Input(name, shape_text(tensor), tensor.dtype, _instead(stated.get(name), tensor))
            for name, tensor in self.analysis.inputs.items()
        ]

    @cached_property
    def cards(self) -> list[Card]:
        """The totals, each with its unit."""
        a, show = self.analysis, self.report.show
        memory = a.memory

        def total(title: str, key: str, unit: str = "", note: str = "") -> Card:
            column, value = find(key), a.total(key)
            text = show(value, column.form)
            least = not column.total_is_exact(a)
            return Card(title, text, unit, note, key, column.form, least, formula=len(text) > MOST_FIGURES)

        peak, at = show(memory.peak_bytes, "bytes"), memory.peak.name if memory.peak is not None else ""
        waits = "" if memory.peak is not None or not a.free_symbols else "while sizes are open"
        return [
            total("Parameters", "params", "elements"),
            total("Weights", "param_bytes", note="in their types"),
            total("MACs", "macs", "multiply-accumulates"),
            total("Operations", "ops", "scalar operations", "a MAC as two"),
            Card("Peak activations", peak, "", waits, "peak_activation_bytes", "bytes", at=at),
            Card("Layers", f"{len(a.rows):,}", "operators"),
        ]  # fmt: skip

    @cached_property
    def verdict(self) -> list[Card]:
        """What a device makes of the model: its least time, and whether everything has room."""
        roofline = self.analysis.roofline
        if roofline is None:
            return []
        seconds = roofline.seconds
        parts = [(roofline.compute, "compute"), (roofline.memory, "memory")]
        most, by = max(parts)
        note = f"{show(most / seconds, 'share')} bound by {by}" if seconds else roofline.why
        device = roofline.device.title
        cards = [Card("Time at least", show(seconds, "time"), f"on {device}", note, device="time")]
        fits = [fit for fit in self.analysis.fits if fit.place != "fast memory"]
        short = [f"{fit.what} in {show(fit.capacity, 'bytes')} of {fit.place}" for fit in fits if fit.fits is False]
        if fits:
            verdict = "does not fit" if short else "fits" if all(fit.fits for fit in fits) else "not known"
            rooms = ", ".join(f"{show(fit.capacity, 'bytes')} of {fit.place}" for fit in fits)
            cards.append(Card("Room", verdict, "", "; ".join(short) or rooms, device="room", warn=bool(short)))
        return cards

    @cached_property
    def charts(self) -> Charts:
        """The geometry of the charts."""
        return Charts(self.analysis)

    @cached_property
    def roofline(self) -> Scatter | None:
        """The layers under the limits of the device; None without one."""
        return scatter(self.analysis)

    @cached_property
    def drawing(self) -> Drawing:
        """The network as a picture, coloured by what the charts show."""
        return draw(self.analysis, self.charts.costs)

    @cached_property
    def contents(self) -> list[tuple[str, str]]:
        """The anchor and title of each part, in order."""
        return [
            ("totals", "Totals"),
            *([("sizes", "Sizes")] if self.live["symbols"] else []),
            ("charts", "Charts"),
            ("graph", "Graph"),
            ("layers", "Layers"),
            *((part.name, part.title) for part in self.parts),
        ]

    @cached_property
    def layers(self) -> Table:
        """The table of layers in the report's style."""
        return self.report.table

    @cached_property
    def parts(self) -> list[Part]:
        """The sections that were asked for, and always the one on memory and that on the device."""
        chosen = list(self.report.sections)
        always = ["device", "memory"] if self.analysis.device is not None else ["memory"]
        chosen += [sections.find(name) for name in always if all(section.name != name for section in chosen)]
        return [Part(each.name, each.name.capitalize(), each.tables(self.analysis)) for each in chosen]

    @cached_property
    def live(self) -> dict[str, Any]:
        """What scripts work with."""
        device = live.device(self.analysis)
        return {**live.data(self.report), "device": device, "charts": self.charts.data, "figures": MOST_FIGURES}

    @cached_property
    def data(self) -> str:
        """The same as JSON that cannot end the element it stands in."""
        return _inert(json.dumps(self.live, separators=(",", ":"), allow_nan=False))


def build(report: Report, read: Callable[[str], str]) -> Page:
    """Everything that the template of the HTML report lays out."""
    return Page(report, read)


def _instead(stated: Tensor | None, given: Tensor) -> str:
    return shape_text(stated) if stated is not None and shape_text(stated) != shape_text(given) else ""


def _inert(text: str) -> str:
    """JSON in which no character means anything to HTML."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
