"""What users hold: load a model, analyse it, and ask the analysis for reports.

The classes here add to the data of `analysis` and the text of `report` what leads on to the next step, so that no
module below has to know what is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import networkx as nx

from . import analysis as _analysis
from . import columns, conventions, devices, export, plugins, render, sections
from . import report as _report
from .binding import bind
from .columns import Column
from .conventions import Convention
from .devices import Device
from .dims import Extent
from .garbage import collection_paused
from .graph import Model
from .render import Format
from .sections import Section
from .target import AS_IT_IS, Target


class Report(_report.Report):
    """A laid-out analysis that can be rendered: `report.render("md")`; its options are those of the class below."""

    def render(self, format: str = "md") -> str:
        """The report as text: md, html, text, json or csv. Raises ModelError for another format."""
        with collection_paused():
            return render.render(self, format)


class Analysis(_analysis.Analysis):
    """What one model costs at one set of input shapes. Counts are integers, or formulas while dimensions are open."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `--format json`: integers, open dimensions as formulas in text, None for unknown."""
        with collection_paused():
            return export.to_dict(self)

    def to_networkx(self, *, tensors: bool = False) -> nx.DiGraph | nx.MultiDiGraph:
        """A graph of the operators' names whose nodes carry costs and whose edges carry bytes; see `export`."""
        return export.to_networkx(self, tensors=tensors)

    def report(self, **options: Any) -> Report:
        """The report that the command prints: `analysis.report(style="netscope").render("md")`; see Report."""
        return Report(self, **options)

    def save(self, path: str | Path, **options: Any) -> None:
        """Write a report atomically; the suffix names the format (.md, .html, .json, .csv, .txt)."""
        render.save(self.report(**options), Path(path))

    def _repr_html_(self) -> str:
        """What a notebook shows of an analysis: its summary and its table."""
        return render.fragment(self.report(top=_report.default_top(self)))

    def _repr_markdown_(self) -> str:
        """The same where only Markdown is shown."""
        return self.report(top=_report.default_top(self)).render("md")


def analyze(
    model: Model,
    *,
    shapes: Mapping[str, Iterable[int | str]] | None = None,
    dims: Mapping[str, Extent] | None = None,
    values: Mapping[str, int | bool] | None = None,
    target: Target = AS_IT_IS,
) -> Analysis:
    """What `model` costs.

    `shapes` overrides inputs: `{"data": (1, 3, 640, 640)}`; a text extent such as `"N"` leaves that axis symbolic. What
    it says of a symbol of the file holds for the other inputs too. A sequence takes its items: `[("float32", (1, 3))]`.
    `dims` gives symbolic dimensions values, or formulas of others: `{"N": 8}`. `values` gives inputs of one integer or
    boolean their content, which may choose a branch: `{"use_cache_branch": True}`. `target` says where and how the
    network is to run. Raises ModelError when an input has no shape, a name is not one of the model's, operators
    contradict each other, or the target asks for a better order and a size is not known.
    """
    plugins.load_installed()
    with collection_paused():
        binding = bind(model, shapes, dims, values)
        analysis = Analysis.of(model, binding, target)
        if target.reorder:
            analysis = analysis.in_order(analysis.memory.reorder().schedule)
        return analysis


def register(*things: Column | Convention | Section | Format | Device, replace: bool = False) -> None:
    """Add columns, conventions (with a table of their own, styles), sections, formats and devices, each by its name.

    Raises ValueError when a name is taken and `replace` is not set, TypeError for anything else. Operators are added by
    `graphcost.rule`.
    """
    for thing in things:
        table = _TABLES.get(type(thing))
        if table is None:
            kinds = ", ".join(kind.__name__ for kind in _TABLES)
            raise TypeError(f"{thing!r} cannot be registered; there are {kinds}, and graphcost.rule for operators")
        table(thing, replace=replace)


_TABLES: dict[type, Callable[..., None]] = {
    Column: columns.register,
    Convention: conventions.register,
    Section: sections.register,
    Format: render.register,
    Device: devices.register,
}
