"""What users hold: load a model, analyse it, and ask the analysis for reports.

The classes here add to the data of `analysis` and the text of `report` what leads on to the next step, so that no
module below has to know what is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

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
from .importers import load
from .importers.source import AnyPath
from .passes.timing import Timing
from .render import Format
from .sections import Section
from .target import AS_IT_IS, Target

if TYPE_CHECKING:
    from .compare.result import Diff
    from .decide.largest import Largest


class Report(_report.Report):
    """A laid-out analysis that can be rendered: `report.render("md")`; its options are those of the class below."""

    def render(self, format: str = "md") -> str:
        """The report as text: md, html, text, json or csv. Raises ModelError for another format."""
        return render.render(self, format)


class Analysis(_analysis.Analysis):
    """What one model costs at one set of input shapes. Counts are integers, or formulas while dimensions are open."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `--format json`: integers, open dimensions as formulas in text, None for unknown."""
        return export.to_dict(self)

    def to_networkx(self, *, tensors: bool = False) -> nx.DiGraph | nx.MultiDiGraph:
        """A graph of the operators' names whose nodes carry costs and whose edges carry bytes; see `export`."""
        return export.to_networkx(self, tensors=tensors)

    def largest(self, dim: str, **within: str | int | float) -> Largest:
        """The largest value of an open dimension within limits: `analysis.largest("N", peak="8MiB", macs=4e9).value`.

        Each limit is a total by name and the most it may be. Raises ModelError when a figure depends on more that is
        open, or on a device that is not given.
        """
        from .decide import largest

        return largest.largest(self, dim, [largest.within(name, most, "") for name, most in within.items()])

    def sweep(self, points: Iterable[Mapping[str, int]], *quantities: str) -> list[dict[str, int | float | None]]:
        """Totals at sizes that are open: `analysis.sweep([{"N": 1}, {"N": 8}], "macs", "peak")`, one dict for each.

        By substitution in the formulas of this analysis; None for what is not known, or where the network cannot have
        such sizes. Raises ModelError for a dimension that is not open, and for sizes that contradict each other.
        """
        from .decide.scenarios import Scenario, Scenarios

        named = [Scenario(", ".join(f"{name}={size}" for name, size in sizes.items()), sizes) for sizes in points]
        return [dict(point.totals) for point in Scenarios(self, named, quantities).points]

    def with_times(self, profile: str | Path | Timing) -> Self:
        """The same analysis with measured times: of a profile in a file (ONNX Runtime's or TensorRT's JSON, OpenVINO's
        per-layer counters, a CSV of name and milliseconds), or joined before. Raises ModelError for another file.
        """
        from .timing.join import join

        found = copy(self)
        if isinstance(profile, Timing):
            found.timing = profile
        else:
            from .timing import profiles

            read = profiles.read(Path(profile))
            found.timing = join(self, read.ops, f"{read.source}, {Path(profile).name}", run=read.run)
        return found

    def measured(
        self,
        source: AnyPath | None = None,
        *,
        threads: int = 0,
        provider: str = "CPU",
        seconds: float = 3.0,
        progress: Callable[[str], None] | None = None,
    ) -> Self:
        """The same analysis with times measured by running the model on this machine (needs onnxruntime).

        `source` is the ONNX file, which is the one that was loaded unless it is given; `seconds` is about how long it
        runs under the profiler, and as long without. Raises ModelError when it cannot be run.
        """
        from .timing import measuring

        timing = measuring.measure(
            self, source or self.model.path, threads=threads, provider=provider, seconds=seconds, progress=progress
        )
        return self.with_times(timing)

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


Side = _analysis.Analysis | Mapping[str, Any] | str | Path


def diff(a: Side, b: Side, *, columns: Sequence[str] | None = None, sort: str | None = None) -> Diff:
    """What differs from network `a` to `b`: analyses, their `to_dict()`, or paths of JSON reports of earlier runs.

    `columns` are shown for each layer, `sort` is the one that orders layers, largest difference first. Raises
    ModelError for a column that a side does not have, or a file that is no report of one network.
    """
    from .compare import diff, snapshot
    from .compare.result import Diff

    chosen = [*(columns or diff.DEFAULT), *([sort] if sort else [])]
    old, new = (
        snapshot.of_analysis(side, chosen) if isinstance(side, _analysis.Analysis)
        else snapshot.of_dict(side) if isinstance(side, Mapping)
        else snapshot.read_one(str(side))
        for side in (a, b)
    )  # fmt: skip
    return Diff(old, new, columns, sort)


def measure(
    model: AnyPath,
    *,
    shapes: Mapping[str, Iterable[int | str]] | None = None,
    dims: Mapping[str, Extent] | None = None,
    values: Mapping[str, int | bool] | None = None,
    target: Target = AS_IT_IS,
    threads: int = 0,
    provider: str = "CPU",
    seconds: float = 3.0,
) -> Analysis:
    """What the network in an ONNX file costs, with the times that its layers take on this machine.

    The sizes are given as for `analyze`, the rest as for `Analysis.measured`. Raises ModelError.
    """
    analysis = analyze(load(model), shapes=shapes, dims=dims, values=values, target=target)
    return analysis.measured(model, threads=threads, provider=provider, seconds=seconds)


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
