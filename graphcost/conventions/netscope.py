"""netscope CNN analyzer (the dgschwend fork): macc, comp, add, div, exp, activation and param of every layer.

What it does not do, and so neither do these figures: count biases and PReLU slopes, tell in-place results from new
ones, or know any layer type beyond its list.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from ..dims import Extent
from ..graph import Op, Tensor
from ..passes.rows import Row
from ..rules import GLOBAL, Work
from ..table import EXTENT, LONG, Table, extents_text, formula
from . import Convention, Metric
from .families import ends, family, linear, macs, neighbours, share

if TYPE_CHECKING:
    from ..analysis import Analysis
KEYS = ("macc", "comp", "add", "div", "exp", "activation", "param")
_AFFINE = {"relu", "prelu", "leaky_relu", "elu", "relu6", "dropout"}


def work(row: Row) -> dict[str, Extent] | None:
    """The operations that the tool lists for a layer; None where its shapes are not known."""
    if row.constant:
        return {}
    kind = family(row)
    first, out = ends(row)
    if first is None or out is None or row.facts is None:
        return None
    size = first.size
    if kind in ("conv", "deconv") or linear(row):
        return {"macc": _products(row, kind)}
    if kind in ("max_pool", "average_pool"):
        window = row.facts.window
        taps = size if window == GLOBAL else out.size * prod(window.kernel)
        return {"comp" if kind == "max_pool" else "add": taps}
    if kind in _AFFINE:
        return {"comp": size}
    if kind == "batch_norm":
        return {"add": size, "div": size}
    if kind == "lrn":
        return {"macc": size * neighbours(row), "add": size, "exp": size, "div": 2 * size}
    if kind == "softmax":
        return {"add": size, "div": size, "exp": size}
    if kind == "eltwise":
        return {"add": size}
    if kind == "scale":
        return {"macc": out.size}
    if kind == "power":
        done = row.facts.work or Work()
        return {"macc": done.muls, "add": done.adds, "exp": done.exps}
    return {}


def _products(row: Row, kind: str) -> Extent:
    """Multiply-accumulates; a deconvolution as input positions x output channels x taps per stride."""
    x, y, window = row.inputs[0], row.outputs[0], row.facts.window if row.facts else GLOBAL
    if kind != "deconv" or x is None or window == GLOBAL:
        return macs(row)
    return share(x.shape[1] * y.size * prod(window.kernel), prod(window.up))


def param(row: Row) -> Extent:
    """Weights and biases of convolutions and inner products, 2C of a batch normalisation, 2 of an LRN; else none."""
    kind = family(row)
    if kind in ("conv", "deconv") or linear(row):
        return sum((weight.tensor.size for weight in row.weights), 0)
    _, y = ends(row)
    if kind == "batch_norm" and y is not None and y.rank > 1:
        return 2 * y.shape[1]
    return 2 if kind == "lrn" else 0


def activation(row: Row) -> Extent | None:
    """Elements of every top, in place or not."""
    if row.constant:
        return 0
    if not all(tensor.ranked for tensor in row.outputs):
        return None
    return sum((tensor.size for tensor in row.outputs), 0)


def _metric(key: str, doc: str, word: str = "") -> Metric:
    def count(row: Row) -> Extent | None:
        found = work(row)
        return None if found is None else found.get(key, 0)

    return Metric(key, "operations", doc, count, word=word)


def short(number: Extent) -> str:
    """netscope's numbers: k, M, G of 1000 with at most two decimals."""
    if not isinstance(number, int):
        return formula(number, LONG)
    value, unit = float(number), ""
    for factor, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number > factor:
            value, unit = number / factor, name
            break
    return f"{value:.2f}".rstrip("0").rstrip(".") + unit


def table(analysis: Analysis) -> Table:
    """The tool's table: a row per input and layer in its own order, and the totals."""
    totals: dict[str, Extent] = dict.fromkeys(KEYS, 0)
    rows: list[tuple[str, ...]] = []

    def add(name: str, type_: str, before: Tensor | None, after: Tensor | None, found: dict[str, Extent]) -> None:
        for key, value in found.items():
            totals[key] += value
        cells = _cells(found)
        rows.append((str(len(rows) + 1), name, type_, *_extents(before), *_extents(after), *cells))

    for name, tensor in analysis.inputs.items():
        add(name, "data", tensor, tensor, {"activation": tensor.size} if tensor.ranked else {})
    for row in _in_order(analysis):
        found = dict(work(row) or {})
        memory = {"activation": activation(row), "param": param(row)}
        found.update({key: value for key, value in memory.items() if value is not None})
        before, after = (row.inputs or (None,))[0], (row.outputs or (None,))[0]
        add(row.name, row.op.type, before, after, found)
    titles = ("ID", "Name", "Type", "Input CH", "Input DIM", "Output CH", "Output DIM", "OPS", "Mem")
    right = (True, False, False, True, False, True, False, False, False)
    total = ("TOTAL", "", "", "", "", "", "", *_cells(totals))
    notes = [] if analysis.complete else ["Layers of unknown shape or type add nothing to these totals."]
    return Table(titles, right, rows, total, notes)


def _cells(found: dict[str, Extent]) -> tuple[str, str]:
    listed = [(key, short(found[key])) for key in KEYS if found.get(key, 0) != 0]
    ops = "\n".join(f"{key} {text}" for key, text in listed if key not in KEYS[5:])
    mem = "\n".join(f"{key} {text}" for key, text in listed if key in KEYS[5:])
    return ops, mem


def _extents(tensor: Tensor | None) -> tuple[str, str]:
    """Channels and height x width."""
    if tensor is None or not tensor.ranked or tensor.rank < 2:
        return "", ""
    return formula(tensor.shape[1], LONG), extents_text(tensor.shape[2:] or (1, 1), EXTENT)


def _in_order(analysis: Analysis) -> list[Row]:
    """Reverse postorder of a depth-first walk, children in file order, as the tool's topological sort yields."""
    dag = analysis.model.dag
    done: list[Op] = []
    seen: set[Op] = set()
    for source in (op for op in dag if not dag.in_degree(op)):
        seen.add(source)
        open_ = [(source, iter(dag.successors(source)))]
        while open_:
            child = next((child for child in open_[-1][1] if child not in seen), None)
            if child is None:
                done.append(open_.pop()[0])
            else:
                seen.add(child)
                open_.append((child, iter(dag.successors(child))))
    rank = {op: at for at, op in enumerate(reversed(done))}
    rows = (row for row in analysis.rows if row.op in rank and not row.constant)
    return sorted(rows, key=lambda row: rank[row.op])


CONVENTION = Convention(
    name="netscope",
    tool="netscope CNN analyzer",
    source="https://github.com/dgschwend/netscope/blob/gh-pages/src/analyzer.coffee",
    metrics=(
        _metric("macc", "multiply-accumulates of convolutions, inner products, LRN and scaling; no bias", word="macc"),
        _metric("comp", "comparisons: every tap of max pooling, every element of ReLU, PReLU and dropout"),
        _metric("add", "additions of average pooling, normalisation, softmax and elementwise layers"),
        _metric("div", "divisions of normalisation and softmax"),
        _metric("exp", "exponentials of softmax, powers of LRN"),
        Metric("activation", "elements", "elements of every top, in-place ones too", activation),
        Metric("param", "elements", "weights and biases; PReLU slopes and scales are left out", param),
    ),
    table=table,
)
