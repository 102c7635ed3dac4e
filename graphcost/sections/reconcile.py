"""What each tool would call the cost of a model, and why that is not graphcost's multiply-accumulates.

The reasons of a tool sum to the difference, exactly: they are read row by row off what the tool counts for the row, or
for the calls that an exporter wrote as it, and what graphcost does. What is not known here is why an author chose so;
the reasons name operators and prices, no motives. What the file itself does not say is listed below the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .. import conventions
from ..analysis import Analysis
from ..conventions import Convention, Metric
from ..conventions.families import adds_bias, ends, family, linear, macs
from ..conventions.modules import functional, pathless
from ..conventions.patterns import NORM, calls
from ..conventions.torchstat import of_sequences
from ..dims import Dim, Extent, to_json
from ..graph import Tensor
from ..passes.rows import Row
from ..table import EXPLAINED, LONG, Table, formula, is_abbreviated, show
from . import Section

SHOWN = 6
"""Reasons of a tool that people see; the smaller ones are one line."""


@dataclass(frozen=True)
class Reason:
    """A part of the difference."""

    text: str
    difference: Extent


@dataclass
class _Group:
    """The operators of one type that have no multiply-accumulates; of those that are alike, one."""

    total: Extent
    counted: list[Extent]
    made: list[Extent]
    taken: list[Extent]

    def price(self) -> str:
        """What the tool charges for an element, when it is the same whole number for all."""
        same = self.made == self.taken
        for sizes, what in ((self.made, "element" if same else "output element"), (self.taken, "input element")):
            rate = _rate(self.counted, sizes)
            if rate is not None:
                return f" at {rate} per {what}"
        return ""


def _rate(counted: Sequence[Extent], sizes: Sequence[Extent]) -> int | None:
    """The whole number that all sizes are multiplied by, None when there is none."""
    rates = {count // size if size != 0 else 0 for count, size in zip(counted, sizes, strict=True)}
    rate = rates.pop()
    if rates or not isinstance(rate, int):
        return None
    return rate if all(count == rate * size for count, size in zip(counted, sizes, strict=True)) else None


def reasons(analysis: Analysis, metric: Metric) -> list[Reason]:
    """Why a metric's total is not our multiply-accumulates: the largest first, open formulas before numbers."""
    parts: dict[str, Extent] = {}
    groups: dict[str, _Group] = {}

    def add(text: str, difference: Extent) -> None:
        parts[text] = parts.get(text, 0) + difference

    for at, count in metric.rows(analysis):
        row = analysis.rows[at]
        left = row.work.macs if row.work else 0
        for call, value in metric.parts(analysis, at):
            counted = 0 if value is None else value
            ours = left if macs(call) != 0 else 0
            left = left - ours
            kind = _label(row, call)
            if counted == 0:
                add(f"{kind} not counted", -ours * count)
            elif ours == 0 and adds_bias(call):
                add("bias", counted * count)
            elif ours == 0:
                group = groups.setdefault(kind, _Group(0, [], [], []))
                group.total += counted * count
                group.counted.append(counted)
                group.made.append(_elements(call.outputs[:1], call, metric))
                group.taken.append(_elements(call.inputs[:1], call, metric))
            else:
                seen = _seen(call, metric, ours)
                add("bodies of loops count once", (seen.once - ours) * count)
                add("one image of the batch", (seen.image - seen.once) * count)
                add(f"{metric.per_mac} x MAC", (metric.per_mac - 1) * seen.image * count)
                rest = counted - metric.per_mac * seen.image
                add(_rest(kind, rest, _elements(call.outputs[:1], call, metric), metric), rest * count)
        add(f"{row.op.type} not counted", -left * count)
    for kind, group in groups.items():
        add(kind + group.price(), group.total)
    found = [Reason(text, difference) for text, difference in parts.items() if difference != 0]
    return sorted(found, key=lambda reason: _weight(analysis, reason.difference), reverse=True)


def _label(row: Row, call: Row) -> str:
    """The type of a call, and that it is gone from the file where an exporter folded it into another."""
    gone = call.op.type == NORM and row.op.type != NORM
    return f"folded {call.op.type}" if gone else call.op.type


@dataclass(frozen=True)
class _Seen:
    """Our multiply-accumulates of a row as far as a tool looks."""

    once: Extent
    image: Extent


def _seen(row: Row, metric: Metric, ours: Extent) -> _Seen:
    once = ours if metric.repeats or row.facts is None or row.facts.work is None else row.facts.work.macs
    return _Seen(once, _image(once, row) if metric.per_image else once)


def _image(extent: Extent, row: Row) -> Extent:
    """The part of one image of a batch; everything where the first axis of the output is not a batch."""
    _, y = ends(row)
    batch = y.shape[0] if y is not None and y.rank else 1
    part = extent // batch if batch != 0 else extent
    return part if part * batch == extent else extent


def _elements(tensors: Sequence[Tensor | None], row: Row, metric: Metric) -> Extent:
    """Elements that the tool sees of a row's first input or output."""
    size = sum((tensor.size for tensor in tensors if tensor is not None and tensor.ranked), 0)
    size = size * row.trip_count if metric.repeats else size
    return _image(size, row) if metric.per_image else size


def _rest(kind: str, rest: Extent, made: Extent, metric: Metric) -> str:
    """Why a row with multiply-accumulates differs by more than their price."""
    if rest == made:
        return "bias"
    if rest == -made and metric.per_mac == 2:
        return "n - 1 additions in a sum of n"
    return f"{kind} counted differently"


def _weight(analysis: Analysis, extent: Extent) -> float:
    number = analysis.evaluate(extent)
    return float("inf") if number is None else abs(number)


def _quoted() -> list[tuple[Convention, Metric]]:
    return [(convention, metric) for convention in conventions.known() for metric in convention.quoted]


def _unknown(analysis: Analysis, metric: Metric) -> dict[str, int]:
    """Operator types of which the tool has no figure because something of them is not known."""
    found: Counter[str] = Counter()
    for at, count in metric.rows(analysis):
        row = analysis.rows[at]
        if row.status != "known" and metric.of(analysis, at) is None:
            found[row.op.type] += count
    return dict(found)


def tables(analysis: Analysis) -> list[Table]:
    """A row for each reason; the tool and its total stand in the first."""
    ours = _value(analysis, analysis.work.macs)
    rows: list[tuple[str, ...]] = [("graphcost", "MACs", _exact(ours, analysis.complete), "", "", "", "")]
    silent: dict[str, dict[str, None]] = {}
    for convention, metric in _quoted():
        total = _value(analysis, metric.total(analysis))
        ratio = _ratio(total, ours)
        unknown = ", ".join(f"{kind} x{count}" for kind, count in _unknown(analysis, metric).items())
        head = (convention.tool, metric.word, _exact(total, not unknown), "" if ratio is None else f"{ratio:.3f}")
        for line in _lines(analysis, reasons(analysis, metric), ours):
            rows.append((*head, *line))
            head = ("", "", "", "")
        if unknown:
            silent.setdefault(unknown, {})[convention.tool] = None
    notes = ["Ratio and share are relative to graphcost's MACs; the reasons of a tool sum to its difference from them."]
    notes += unstated(analysis)
    notes += [f"Not known, and so without a figure: {text} ({_named(tools)})." for text, tools in silent.items()]
    if is_abbreviated(cell for row in rows for cell in row):
        notes.append(EXPLAINED)
    titles = ("tool", "metric", "total", "ratio", "difference", "share", "reason")
    return [Table(titles, (False, False, True, True, True, True, False), rows, notes=notes, heading="How tools count")]


def unstated(analysis: Analysis) -> list[str]:
    """What the file does not say of the module that was exported, and what the tools are taken to see instead."""
    notes = []
    if pathless(analysis):
        notes.append("The file has no module paths: tools that walk modules are taken to see every operator as one.")
    seen = [(row, call) for row, made in zip(analysis.rows, calls(analysis), strict=True) for call in made]
    notes += _folding([row for row, call in seen if call.op.type == NORM and row.op.type != NORM])
    notes += _spelling(analysis, [call for _, call in seen])
    if any(call.op.type.startswith(ATTENTION) for _, call in seen):
        notes.append("On a CPU torch.utils.flop_counter does not see scaled_dot_product_attention of four axes.")
    if any(of_sequences(call) for _, call in seen):
        notes.append("torchstat stops at linear layers of more than two axes; here it counts them like the others.")
    return notes


ATTENTION = ("ScaledDotProductAttention", "MultiheadAttention.")


def _folding(rows: Sequence[Row]) -> Iterator[str]:
    """What is taken to have been before a normalisation was folded into these."""
    if rows:
        yield (
            f"The exporter folded a normalisation into {_number(rows)}: tools that look at the PyTorch module are "
            "taken to count it there."
        )
    if guessed := [row for row in rows if row.op.origin is None or len(row.op.inputs) < 3]:
        yield (
            f"Of {_number(guessed)} the file does not say whether the module has a bias of its own, and whether the "
            "normalisation scales and shifts: they are counted as if only the latter were so."
        )


def _spelling(analysis: Analysis, seen: Sequence[Row]) -> Iterator[str]:
    """What some tools count or not by how the model's code is written."""
    products = [call for call in seen if family(call) == "matmul" and not linear(call) and call.op.type != "Einsum"]
    if products:
        work = _value(analysis, sum((call.work.macs for call in products if call.work), 0))
        size = formula(work, LONG) if isinstance(work, Dim) else show(work, "short")
        yield (
            f"The file does not say how {_number(products)} of activations ({size} MACs) were written: ptflops, "
            "DeepSpeed and calflops are taken to count them, but do not see `a @ b`, and the last two not torch.bmm."
        )
    outside = functional(analysis)
    called = [call for at, made in enumerate(calls(analysis)) if at in outside for call in made]
    if functions := [call for call in called if family(call) in ("relu", "gelu", "silu", "softmax")]:
        yield (
            f"The file does not say how {_number(functions)} outside of modules were called: ptflops, DeepSpeed and "
            "calflops are taken to count them, but do not see torch.relu or x.softmax()."
        )


def _number(rows: Sequence[Row]) -> str:
    """`1 Conv`, `12 operators`."""
    kinds = {row.op.type for row in rows}
    return f"{len(rows)} {kinds.pop() if len(kinds) == 1 else 'operators'}"


def _lines(analysis: Analysis, found: Sequence[Reason], ours: Extent) -> list[tuple[str, str, str]]:
    """Difference, share and text of the reasons that are shown; the smaller ones together."""
    shown = list(found[: SHOWN if len(found) > SHOWN + 1 else None])
    if rest := found[len(shown) :]:
        shown.append(Reason(f"{len(rest)} smaller reasons", sum((reason.difference for reason in rest), 0)))
    lines = []
    for reason in shown:
        part = _value(analysis, reason.difference)
        share = _ratio(part, ours)
        lines.append((_signed(part), "" if share is None else f"{share:+.2%}", reason.text))
    return lines or [("0", "", "identical")]


def _value(analysis: Analysis, extent: Extent) -> Extent:
    """A number where the assumptions make it one."""
    number = analysis.evaluate(extent)
    return extent if number is None else number


def _ratio(part: Extent, whole: Extent) -> float | None:
    return part / whole if isinstance(part, int) and isinstance(whole, int) and whole else None


def _named(tools: Container[str]) -> str:
    """Tools as a reader wants them: by name, or the others where those are fewer."""
    known = dict.fromkeys(convention.tool for convention, _ in _quoted())
    named, others = [tool for tool in known if tool in tools], [tool for tool in known if tool not in tools]
    if len(named) <= len(others):
        return "; ".join(named)
    return "every tool" + (f" but {'; '.join(others)}" if others else "")


def _exact(value: Extent, exact: bool) -> str:
    text = formula(value, LONG) if isinstance(value, Dim) else show(value, "count")
    return text if exact else f">= {text}"


def _signed(value: Extent) -> str:
    if isinstance(value, Dim):
        return formula(value, LONG)
    return f"{'-' if value < 0 else '+'}{show(abs(value), 'short')}"


def data(analysis: Analysis) -> dict[str, Any]:
    """Our MACs, and of each tool its total, the ratio, and all reasons with what each adds."""
    ours = _value(analysis, analysis.work.macs)
    tools = []
    for convention, metric in _quoted():
        total = _value(analysis, metric.total(analysis))
        tools.append(
            {
                "style": convention.name,
                "metric": metric.key,
                "tool": convention.tool,
                "word": metric.word,
                "total": to_json(total),
                "ratio": _ratio(total, ours),
                "reasons": [
                    {"reason": reason.text, "difference": to_json(_value(analysis, reason.difference))}
                    for reason in reasons(analysis, metric)
                ],
                "unknown_ops": _unknown(analysis, metric),
            }
        )
    return {"macs": to_json(ours), "tools": tools, "notes": unstated(analysis)}


SECTION = Section("reconcile", "what each tool would call the cost of the model, and why they differ", tables, data)
