"""What users hold: load a model, analyse it, and ask the analysis for reports.

The classes here add to the data of `analysis` and the text of `report` what leads on to the next step, so that no
module below has to know what is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

import networkx as nx

from . import analysis as _analysis
from . import plugins, render
from . import report as _report
from .binding import ShapeLike, bind
from .dims import Extent
from .errors import ArgumentError
from .garbage import collection_paused
from .graph import Model
from .importers import AnyFile, AnyModel, load
from .report import ReportOptions
from .target import AS_IT_IS, Target

if TYPE_CHECKING:
    import pandas

    from .columns import Column
    from .compare.result import Diff
    from .conventions import Convention
    from .decide.largest import Largest
    from .devices import Device
    from .importers.source import AnyPath
    from .layers import Layer, Layers
    from .passes.timing import Timing
    from .render import Format
    from .sections import Section


class Report(_report.Report):
    """A laid-out analysis that can be rendered: `report.render("md")`; its options are those of the class below."""

    def render(self, format: str = "md") -> str:
        """The report as text: md, html, text, json or csv. Raises ModelError for another format."""
        with collection_paused():
            return render.render(self, format)


class Analysis(_analysis.Analysis):
    """What one model costs at one set of input shapes. Counts are integers, or formulas while dimensions are open.

    Its layers are iterated, `for layer in analysis`, in schedule order, and `analysis["conv1"]` is the row of one.
    """

    @property
    def layers(self) -> Layers:
        """A record for each operator with the names that JSON has: `analysis.layers["conv1"].macs`."""
        from .layers import Layers

        return Layers(self)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __len__(self) -> int:
        """How many layers there are, those in bodies included."""
        return len(self.rows)

    def __bool__(self) -> bool:
        """An analysis of a network without layers is one too."""
        return True

    def __repr__(self) -> str:
        """`<Analysis det1: 44,760 MACs, 6,632 parameters, complete>`"""
        macs, params = (_shown(self.total(quantity)) for quantity in ("macs", "params"))
        bound = "" if self.complete else ">= "
        coverage = "complete" if self.complete else "lower bounds"
        return f"<Analysis {self.model.name or 'network'}: {bound}{macs} MACs, {params} parameters, {coverage}>"

    def records(self, columns: Sequence[str] | str | None = None) -> list[dict[str, Any]]:
        """A flat dict of numbers and text for each layer, for data frames of any library: `polars.DataFrame(...)`.

        `columns` are keys of a report's columns, any tool's metric among them; without it the fields of `Layer`. None
        is what is not known. A column in which some size is open is of text, formulas in Python's syntax.
        """
        from . import records

        return records.records(self, columns)

    def to_dataframe(self, columns: Sequence[str] | str | None = None) -> pandas.DataFrame:
        """The same as a pandas data frame with a row for each layer. Raises ImportError where there is no pandas."""
        from . import records

        return records.to_dataframe(self, columns)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `--format json`: integers, open dimensions as formulas in text, None for unknown."""
        from . import export

        with collection_paused():
            return export.to_dict(self)

    def to_networkx(self, *, tensors: bool = False) -> nx.DiGraph | nx.MultiDiGraph:
        """A graph of the operators' names whose nodes carry costs and whose edges carry bytes; see `export`."""
        from . import export

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
        found = copy(self)
        if isinstance(profile, str | Path):
            from .timing import profiles
            from .timing.join import join

            read = profiles.read(Path(profile))
            found.timing = join(found, read.ops, f"{read.source}, {Path(profile).name}", run=read.run)
        else:
            found.timing = profile
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

    def report(self, **options: Unpack[ReportOptions]) -> Report:
        """The report that the command prints: `analysis.report(style="netscope").render("md")`; see Report."""
        return Report(self, **options)

    def save(self, path: str | Path, *, format: str | None = None, **options: Unpack[ReportOptions]) -> None:
        """Write a report atomically; unless it is given, the suffix names the format (.md, .html, .json, .csv, .txt).

        The other keywords are those of `report`.
        """
        render.save(self.report(**options), Path(path), format)

    def _repr_html_(self) -> str:
        """What a notebook shows of an analysis: its summary and its table."""
        return render.fragment(self.report(top=_report.default_top(self)))

    def _repr_markdown_(self) -> str:
        """The same where only Markdown is shown."""
        return self.report(top=_report.default_top(self)).render("md")


def analyze(
    model: Model | AnyModel,
    *,
    shapes: Mapping[str, ShapeLike] | None = None,
    dims: Mapping[str, Extent | str] | None = None,
    values: Mapping[str, int | bool] | None = None,
    target: Target = AS_IT_IS,
    phase: str | None = None,
    level: int | None = None,
    stages: Iterable[str] | None = None,
    weights: AnyFile | None = None,
    check_dims: bool = True,
) -> Analysis:
    """What a model costs: one that `load` made, or whatever `load` takes (a path, bytes, an open file, a ModelProto).

    `shapes` overrides inputs: `{"data": (1, 3, 640, 640)}` or `{"data": "1x3x640x640"}`; a name such as `"N"` leaves
    that axis symbolic. What it says of a symbol of the file holds for the other inputs too. A sequence takes its items:
    `[("float32", (1, 3))]`. `dims` gives symbolic dimensions values, or formulas of others: `{"N": 8}`; with
    `check_dims=False` one that the model does not have is only warned of. `values` gives inputs of one integer or
    boolean their content, which may choose a branch: `{"use_cache_branch": True}`. `target` says where and how the
    network is to run. `phase`, `level`, `stages` and `weights` are of a Caffe net that is read, as for `load`.

    Raises ModelError when the file cannot be read or operators contradict each other. What is wrong with an argument is
    an ArgumentError, which is one too: an input without a shape, a name that the model does not have, a device that
    does not exist, a better order asked for while a size is not known. Raises TypeError for arguments of another kind.
    """
    plugins.load_installed()
    if not isinstance(target, Target):
        raise TypeError(f"target is a graphcost.Target, as Target(device='cortex-m4'), and not {target!r:.60}")
    if target.device:
        from . import devices

        devices.find(target.device)
    model = _loaded(model, phase, level, stages, weights)
    with collection_paused():
        binding = bind(model, shapes, dims, values)
        analysis = Analysis.of(model, binding, target)
        if check_dims and binding.dims:
            analysis.check_dims()
        if target.reorder:
            analysis = analysis.in_order(analysis.memory.reorder().schedule)
        return analysis


def _loaded(
    model: Model | AnyModel,
    phase: str | None,
    level: int | None,
    stages: Iterable[str] | None,
    weights: AnyFile | None,
) -> Model:
    """The model itself, or what is in a file."""
    if not isinstance(model, Model):
        return load(model, phase=phase or "test", level=level or 0, stages=stages or (), weights=weights)
    for argument, given in {"phase": phase, "level": level, "stages": stages, "weights": weights}.items():
        if given is not None:
            raise ArgumentError(argument, "is about a file that is read, and this model has been: give it to load")
    return model


def _shown(count: Extent | None) -> str:
    return f"{count:,}" if isinstance(count, int) else "unknown" if count is None else str(count)


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
    from . import columns, conventions, devices, sections

    tables: dict[type, Callable[..., None]] = {
        columns.Column: columns.register,
        conventions.Convention: conventions.register,
        sections.Section: sections.register,
        render.Format: render.register,
        devices.Device: devices.register,
    }
    for thing in things:
        table = tables.get(type(thing))
        if table is None:
            kinds = ", ".join(kind.__name__ for kind in tables)
            raise TypeError(f"{thing!r} cannot be registered; there are {kinds}, and graphcost.rule for operators")
        table(thing, replace=replace)
