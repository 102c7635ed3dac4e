"""The columns of a report: each one object with its title, unit, definition and how to read it off an analysis."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from . import defining, times
from .analysis import Analysis
from .defining import type_text
from .dims import Dim, substitute
from .errors import ArgumentError
from .graph import Tensor
from .registry import Registry
from .suggest import no_such
from .table import Form, Value, formula, shapes_text

if TYPE_CHECKING:
    from .conventions import Metric
    from .passes.roofline import Roofline

REASONS = 3  # why fields are not known, before the rest are only counted


@dataclass(frozen=True)
class Column:
    """One column. `value` reads a row (None: not known); `total` the whole model (None: has no total)."""

    key: str
    title: str
    unit: str
    doc: str
    form: Form
    value: Callable[[Analysis, int], Value]
    total: Callable[[Analysis], Value] | None = None
    per_signature: bool = False
    """Rows of the same signature (`passes.rows.sign`) have the same value."""
    short_text: Callable[[Analysis, int], str] | None = None
    """What stands in a table where the text is long."""
    aggregate: Literal["sum", "max"] = "sum"
    """How the value of a group of rows follows from theirs."""
    group_value: Callable[[Analysis, Sequence[int]], Value] | None = None
    """What a group of rows has, where that does not follow from their values."""
    total_is_exact: Callable[[Analysis], bool] = lambda analysis: analysis.complete
    """Whether the total is exact rather than a lower bound."""
    tensors: Callable[[Analysis, int], Sequence[Tensor]] | None = None
    """The tensors whose shapes it shows; where people read, they have the sizes that the report assumes."""
    notes: Callable[[Analysis], Sequence[str]] = lambda analysis: ()
    """What a reader of the column should know of this model."""


def _work(kind: str) -> Callable[[Analysis, int], Value]:
    def value(analysis: Analysis, at: int) -> Value:
        work = analysis.rows[at].work
        return None if work is None else getattr(work, kind)

    return value


def _total(quantity: str) -> Callable[[Analysis], Value]:
    return lambda analysis: analysis.total(quantity)


def _share(analysis: Analysis, at: int) -> Value:
    work = analysis.rows[at].work
    if work is None or work.macs == 0:
        return ""
    if not analysis.complete:
        return ""  # of a lower bound nothing has a share
    own, all_ = analysis.evaluate(work.macs), analysis.evaluate(analysis.work.macs)
    return own / all_ if own and all_ else ""


def _live_bytes(analysis: Analysis, at: int) -> Value:
    step = analysis.memory.step_of.get(at)
    if step is None:
        return ""  # inside a body: its operator's row has them
    return analysis.memory.curve[step] if analysis.memory.peak_bytes is not None else None


def _intensity(analysis: Analysis, rows: Sequence[int]) -> Value:
    moves = any(analysis.traffic.rows[at].nbytes != 0 for at in rows)
    return analysis.intensity_of(rows) if moves else ""


def _bound(analysis: Analysis, at: int, quantity: str) -> Value:
    return getattr(_roofline(analysis).rows[at], quantity)  # type: ignore[no-any-return]


def _roofline(analysis: Analysis) -> Roofline:
    """Raises ModelError when no device was given."""
    if analysis.roofline is None:
        raise ArgumentError("columns", "time_bound and bound_by are times on a device, and none is given")
    return analysis.roofline


def _field(analysis: Analysis, at: int, quantity: str) -> Value:
    texts = {source: field.format(quantity) for source, field in analysis.receptive_fields_of(at).items()}
    if len(texts) > 1:
        return ", ".join(f"{source} {text}" for source, text in texts.items())
    return next(iter(texts.values()), "")


def _unknown_reasons(analysis: Analysis) -> list[str]:
    """Why receptive fields are misaligned, or not known: the first few reasons."""
    fields = (field for at in range(len(analysis.rows)) for field in analysis.receptive_fields_of(at).values())
    reasons = list(dict.fromkeys(f"Receptive fields: {field.why}." for field in fields if field.why))
    more = [f"Receptive fields: {len(reasons) - REASONS} more such places."] if len(reasons) > REASONS else []
    return [*reasons[:REASONS], *more]


def _operands(analysis: Analysis, at: int) -> list[Tensor]:
    return [tensor for tensor in analysis.rows[at].inputs if tensor is not None]


_WORK_DOCS = {
    "muls": "multiplications outside multiply-accumulates",
    "adds": "additions and subtractions, biases too",
    "divs": "divisions",
    "exps": "transcendental functions: exp, log, power, root, sine, ...",
    "compares": "comparisons, maxima, minima, logic and rounding",
}

_BUILT_IN = {
    column.key: column
    for column in (
        Column("name", "layer", "", "the operator's name; inside a body loop/body/name", "text",
               lambda a, i: a.rows[i].name),
        Column("type", "type", "", "what the file calls the operator, with its kernel, /stride, dilation d and group g",
               "text", lambda a, i: type_text(a.rows[i]), per_signature=True),
        Column("kind", "kind", "", "the operator's type alone", "text", lambda a, i: a.rows[i].op.type,
               per_signature=True),
        Column("kernel", "kernel", "", "extents of the kernel that slides: 3x3", "text",
               lambda a, i: defining.kernel(a.rows[i]), per_signature=True),
        Column("stride", "stride", "", "steps of the kernel: 2, or 2x1 where axes differ", "text",
               lambda a, i: defining.stride(a.rows[i]), per_signature=True),
        Column("pad", "pad", "", "padding before the first input; of a transposed convolution what is cut off", "text",
               lambda a, i: defining.pad(a.rows[i]), per_signature=True),
        Column("dilation", "dilation", "", "input elements from one tap of the kernel to the next", "text",
               lambda a, i: defining.dilation(a.rows[i]), per_signature=True),
        Column("groups", "groups", "", "groups of channels of a convolution", "count",
               lambda a, i: defining.groups(a.rows[i])),
        Column("in_channels", "in", "channels", "channels of the input of what slides a kernel or multiplies", "count",
               lambda a, i: defining.channels(a.rows[i], False), per_signature=True),
        Column("out_channels", "out", "channels", "the same of the output", "count",
               lambda a, i: defining.channels(a.rows[i], True), per_signature=True),
        Column("weights_dtype", "weights dtype", "", "element types of the weights that the operator works with",
               "text", lambda a, i: defining.weights_dtype(a.rows[i])),
        Column("scope", "scope", "", "the module path in the operator's name", "text", lambda a, i: a.rows[i].scope),
        Column("count", "layers", "operators", "operators in the row; the total is without those that only make"
               " constants", "count", lambda a, i: 1, lambda a: len(a.layer_rows),
               total_is_exact=lambda a: True),
        Column("input", "input", "", "shapes of the inputs", "text",
               lambda a, i: shapes_text(_operands(a, i)), per_signature=True,
               short_text=lambda a, i: shapes_text(_operands(a, i), brief=True), tensors=_operands),
        Column("output", "output", "", "shapes of the outputs", "text",
               lambda a, i: shapes_text(a.rows[i].outputs), per_signature=True,
               short_text=lambda a, i: shapes_text(a.rows[i].outputs, brief=True),
               tensors=lambda a, i: list(a.rows[i].outputs)),
        Column("learned_params", "params", "elements", "learned weights, each counted at the first operator that uses"
               " it: without statistics, settings, quantisation, tables, states and copies", "count",
               lambda a, i: a.parameters.learned_rows[i], lambda a: a.parameters.learned),
        Column("params", "all params", "elements", "weights of every class, each counted at the first operator that"
               " uses it", "count",
               lambda a, i: a.parameters.rows[i], lambda a: a.parameters.total),
        Column("param_bytes", "param bytes", "bytes", "the weights' bytes in the file's own types", "bytes",
               lambda a, i: a.parameters.row_bytes[i], lambda a: a.parameters.nbytes),
        Column("macs", "MACs", "multiply-accumulates", "of convolutions, matrix products, recurrent and attention"
               " arithmetic; no bias, nothing elementwise", "short", _work("macs"),
               lambda a: a.work.macs, per_signature=True),
        Column("ops", "ops", "scalar operations", "2 x MACs + muls + adds + divs + exps + compares", "short",
               _work("ops"), lambda a: a.work.ops, per_signature=True),
        *(Column(kind, kind, "scalar operations", doc, "short", _work(kind),
                 _total(kind), per_signature=True) for kind, doc in _WORK_DOCS.items()),
        Column("activation", "activation", "bytes", "bytes of the outputs, in-place results too; none of a"
               " constant", "bytes",
               lambda a, i: a.rows[i].activation_bytes, lambda a: a.activation_bytes, per_signature=True),
        Column("share", "share", "%", "share of the model's MACs; blank where these are a lower bound", "share", _share,
               per_signature=True),
        Column("peak", "peak", "bytes", "live activation bytes while the operator runs; the total is the peak",
               "bytes", _live_bytes, lambda a: a.memory.least_peak_bytes, aggregate="max",
               total_is_exact=lambda a: a.memory.is_exact),
        Column("reads", "reads", "bytes", "bytes that the operator reads of its inputs and weights; with --fuse without"
               " what is fused away", "bytes",
               lambda a, i: a.traffic.rows[i].reads, lambda a: a.traffic.reads,
               total_is_exact=lambda a: a.traffic.complete),
        Column("writes", "writes", "bytes", "bytes of the outputs that the operator writes; none for a view", "bytes",
               lambda a, i: a.traffic.rows[i].writes, lambda a: a.traffic.writes,
               total_is_exact=lambda a: a.traffic.complete),
        Column("intensity", "ops/byte", "operations per byte", "arithmetic intensity: ops for each byte moved",
               "ratio", lambda a, i: _intensity(a, [i]), lambda a: _intensity(a, range(len(a.rows))),
               group_value=_intensity),
        Column("time_bound", "time bound", "seconds", "latency, lower bound: the least time on the --device by its peak"
               " and its bandwidths; no prediction", "time",
               lambda a, i: _bound(a, i, "seconds"), lambda a: _roofline(a).seconds),
        Column("bound_by", "bound by", "", "whether compute, memory or a cache sets the least time on the"
               " --device", "text",
               lambda a, i: _bound(a, i, "by")),
        Column("time_estimate", "time estimate", "seconds", "what the operator should take on a calibrated --device,"
               " from what was measured there of its like; what is fused takes none", "time",
               times.estimated, times.estimated_total, total_is_exact=times.estimate_is_complete),
        Column("time", "time", "seconds", "measured time (--measure, --profile): the median; of rows that ran"
               " together at the one that multiplies most; the total is a whole run by the clock where that was"
               " measured", "time", times.seconds, lambda a: times.timing(a).seconds, total_is_exact=lambda a: True),
        Column("spread", "spread", "%", "half the way from the 10th to the 90th percentile of the measured time, as a"
               " share of it", "share", times.spread, group_value=lambda a, rows: ""),
        Column("duration", "duration", "%", "share of the measured time of all operators", "share", times.share),
        Column("achieved", "MAC/s", "multiply-accumulates a second", "what the rows that ran together reach in their"
               " measured time", "short", lambda a, i: times.achieved(a, [i]),
               lambda a: times.achieved(a, range(len(a.rows))), group_value=times.achieved),
        Column("bandwidth", "bytes/s", "bytes a second", "the bytes that those rows have to move, operators fused, in"
               " their measured time", "short", lambda a, i: times.bandwidth(a, [i]),
               lambda a: times.bandwidth(a, range(len(a.rows))), group_value=times.bandwidth),
        Column("efficiency", "efficiency", "%", "the lower bound on the --device as a share of the measured time",
               "share", lambda a, i: times.efficiency(a, [i]),
               lambda a: times.efficiency(a, range(len(a.rows))), group_value=times.efficiency),
        Column("ran_with", "ran with", "", "the row that has the measured time of a row which ran as part of it",
               "text", times.together),
        Column("rf", "rf", "input elements", "receptive field: elements of each input that one output position sees,"
               " per axis",
               "text", lambda a, i: _field(a, i, "size"), notes=_unknown_reasons),
        Column("rf_stride", "rf stride", "input elements", "input elements between neighbouring output positions",
               "text", lambda a, i: _field(a, i, "stride"), notes=_unknown_reasons),
        Column("rf_offset", "rf offset", "input elements", "input coordinate of the first tap of position 0; negative"
               " in the padding", "text", lambda a, i: _field(a, i, "start"), notes=_unknown_reasons),
        Column("constant", "constant", "", "true for an operator that only makes a constant: tables for people"
               " leave its row out unless --all is given", "text",
               lambda a, i: "true" if a.rows[i].constant else "", per_signature=True),
        Column("status", "status", "", "known, partial (shape or cost, not both) or unknown", "text",
               lambda a, i: a.rows[i].status, per_signature=True),
        Column("note", "note", "", "why something is not known, or what was counted where data decides", "text",
               lambda a, i: a.rows[i].why),
        Column("where", "where", "", "place in the file", "text", lambda a, i: a.rows[i].op.location),
    )
}  # fmt: skip

DEFAULT = ("name", "type", "output", "learned_params", "macs", "ops", "activation", "share")
COLUMNS: Registry[Column] = Registry("column", _BUILT_IN, _BUILT_IN.__getitem__)


def register(column: Column, *, replace: bool = False) -> None:
    """Add a column under its key. Raises ValueError when the key is taken and `replace` is not set."""
    COLUMNS.register(column.key, column, replace=replace)


SCALES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SCALED = {"macs": ("macs", "MACs"), "flops": ("ops", "FLOPs"), "ops": ("ops", "ops")}
"""What stands behind `gmacs` and `gflops`: the column, and what its unit is called. `ops` takes a multiply-accumulate
for two, as most do who say FLOPs."""


def find(key: str, argument: str = "columns") -> Column:
    """A column by its key or its printed title, in any case: `macs`, `Rf stride`; a convention's metric such as
    `netscope.macc`; or `flops`, `gmacs`, `gflops`. Raises ArgumentError.
    """
    if key in COLUMNS:
        return COLUMNS[key]
    plain = _plain(key)
    for name in COLUMNS:
        if plain == _plain(name) or plain == _plain(COLUMNS[name].title):
            return COLUMNS[name]
    if (scaled := _scaled(plain)) is not None:
        return scaled
    convention, _, name = key.partition(".")
    if name and (metric := _metric(convention, name)) is not None:
        return Column(key, key, metric.unit, metric.doc, metric.form, metric.of, metric.total)
    raise ArgumentError(argument, no_such("column", key, known()))


def _metric(convention: str, key: str) -> Metric | None:
    from . import conventions

    return conventions.metric(convention, key)


def _plain(key: str) -> str:
    """A key or a title without what people write in different ways."""
    return re.sub(r"[\s_]+", " ", key.strip().lower())


def _scaled(key: str) -> Column | None:
    """`flops`, `gmacs`, `mflops`: a count in a fixed unit, None for another key."""
    for unit, (source, word) in _SCALED.items():
        prefix = key.removesuffix(unit)
        if prefix != key and (not prefix or prefix in SCALES):
            return _in_unit(COLUMNS[source], key, prefix, word)
    return None


def _in_unit(column: Column, key: str, prefix: str, word: str) -> Column:
    """A column of counts divided by a power of ten, as its own title says."""
    doc = f"{column.key} in {prefix.upper() or 'single'} {word}: {column.doc}"
    if not prefix:
        return replace(column, key=key, title=word, doc=doc)
    scale = SCALES[prefix]
    total = column.total

    def of(value: Value) -> Value:
        if isinstance(value, Dim):
            return f"({formula(value)})/{scale:.0e}"
        return value / scale if isinstance(value, int) else value

    return replace(
        column,
        key=key,
        title=f"{prefix if prefix == 'k' else prefix.upper()}{word}",
        unit=f"{scale:.0e} {column.unit}",
        doc=doc,
        form="scaled",
        value=lambda a, i: of(_assumed(a, column.value(a, i))),
        total=total and (lambda a: of(_assumed(a, total(a)))),
    )


def _assumed(analysis: Analysis, value: Value) -> Value:
    return substitute(value, analysis.assumptions) if isinstance(value, Dim) else value


def known() -> tuple[str, ...]:
    """Every column's key: those of the table, then each convention's."""
    from . import conventions

    metrics = (f"{c.name}.{metric.key}" for c in conventions.known() for metric in c.metrics)
    return (*COLUMNS, *metrics)
