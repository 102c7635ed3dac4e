"""torchstat: MAdd, Flops and memory traffic of every module.

A row is a module, so functional operators (a bare relu, a concatenation, a permutation) have none: what they would add
stands under the table. Flops counts a multiply-accumulate once and takes the whole batch, MAdd counts it twice and
takes one image. A module of several operators is unknown to the tool beyond its parameters and its output.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from ..dims import Extent
from ..graph import Tensor
from ..passes.parameters import learned
from ..passes.rows import Row
from ..table import LONG, Table, extent_text, formula
from . import Convention, Metric
from .families import adaptive, bias, by_ends, ends, family, halves, linear, macs, taps
from .modules import path

if TYPE_CHECKING:
    from ..analysis import Analysis
_RELUS = {"relu", "relu6", "prelu", "leaky_relu", "elu"}
_POOLS = {"max_pool", "average_pool"}
_MOVES = {"conv", "batch_norm", "dense", *_POOLS, *_RELUS}
"""Families whose memory traffic the tool counts."""


@by_ends
def flops(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """Per batch: convolution out x K (+ out with a bias), batch norm 2 in, pool and ReLU in, linear in x out."""
    if kind == "conv":
        return macs(row) + (y.size if bias(row) else 0)
    if linear(row):
        return macs(row)
    if half := halves(row):
        return half * x.size
    if kind == "upsample":  # it takes the first image for the batch, and so leaves the channels out
        return x.shape[0] * prod(y.shape[2:])
    return x.size if kind in _RELUS or (kind in _POOLS and not adaptive(row)) else 0


def madd(row: Row) -> Extent | None:
    """Per image: convolutions out x (2K - 1 + bias), batch norm 4 in, max pool out x (k - 1), softmax 3n - 1, ..."""
    x, y = ends(row)
    if x is None or y is None or not y.rank:
        return None
    kind, batch = family(row), y.shape[0]
    made, taken = prod(y.shape[1:]), prod(x.shape[1:])
    if kind == "conv":
        return (2 * macs(row)) // batch - made + (made if bias(row) else 0)
    if kind == "deconv":  # as a convolution, but over the positions of its input
        positions, filters = prod(x.shape[2:]), y.shape[1]
        seen = macs(row) // (batch * positions * filters)
        return positions * filters * (2 * seen - 1 + (1 if bias(row) else 0))
    if linear(row):
        return (2 * macs(row)) // batch - made
    if half := halves(row):
        return 2 * half * taken
    if kind in _POOLS and not adaptive(row):
        return made * (taps(row, x) - (kind == "max_pool"))
    if kind == "softmax":
        return 3 * made - 1
    return made if kind in ("relu", "relu6") else 0


def mem_read(row: Row) -> Extent | None:
    """Bytes of input and parameters at 4 each, of the module types that the tool knows."""
    x, _ = ends(row)
    return None if x is None else 4 * (x.size + _params([row])) if family(row) in _MOVES else 0


def mem_write(row: Row) -> Extent | None:
    """Bytes of the output at 4 each, of the module types that the tool knows."""
    _, y = ends(row)
    return None if y is None else 4 * y.size if family(row) in _MOVES else 0


def _params(rows: Iterable[Row]) -> Extent:
    distinct = {weight.key: weight.tensor.size for row in rows for weight in row.weights if learned(weight, row)}
    return sum(distinct.values(), 0)


@dataclass
class _Module:
    name: str
    rows: list[Row]

    def figures(self) -> tuple[Tensor | None, Tensor | None, list[Extent]]:
        """Its input and output, and params, output elements, MAdd, Flops, MemRead, MemWrite."""
        x, y = ends(self.rows[0])[0], ends(self.rows[-1])[1]
        made = y.size if y is not None else 0
        if len(self.rows) > 1:
            return x, y, [_params(self.rows), made, 0, 0, 0, 0]
        row = self.rows[0]
        counted = (metric(row) for metric in (madd, flops, mem_read, mem_write))
        return x, y, [_params(self.rows), made, *(0 if value is None else value for value in counted)]


def _modules(analysis: Analysis) -> tuple[list[_Module], list[Row]]:
    """Rows by module scope, in order, and the functional rest; without scopes every layer that the tool has is one."""
    modules: dict[str, _Module] = {}
    rest: list[Row] = []
    scoped = any(row.scope for row in analysis.rows)
    for row in analysis.rows:
        name = path(row.scope) if scoped else row.name if family(row) in _LAYERS else ""
        if row.constant:
            continue  # makes a constant: part of the module's parameters, not a step of it
        if name:
            modules.setdefault(name, _Module(name, [])).rows.append(row)
        else:
            rest.append(row)
    return list(modules.values()), rest


_LAYERS = {*_MOVES, "deconv", "softmax", "sigmoid", "tanh", "dropout", "lrn", "layer_norm", "group_norm", "normalize"}

TITLES = (
    "", "module name", "input shape", "output shape", "params", "memory(MB)", "MAdd", "Flops",
    "MemRead(B)", "MemWrite(B)", "duration[%]", "MemR+W(B)",
)  # fmt: skip


def table(analysis: Analysis) -> Table:
    """The tool's table, and below it what a table of modules leaves out."""
    modules, rest = _modules(analysis)
    rows: list[tuple[str, ...]] = []
    totals: list[Extent] = [0] * 6
    for number, module in enumerate(modules):
        x, y, figures = module.figures()
        totals = [a + b for a, b in zip(totals, figures, strict=True)]
        rows.append((str(number), module.name, _image(x), _image(y), *_cells(figures)))
    total = ("total", "", "", "", *_cells(totals))
    work = sum((row.work.ops for row in rest if row.work), 0)
    made = sum((t.nbytes for row in rest for t in row.outputs if t.ranked), 0)
    notes = [
        "Flops counts a multiply-accumulate as one operation, MAdd as two; duration is not measured.",
        f"Functional operators have no row: {len(rest)} of them, {_number(work)} operations, {_number(made)} bytes.",
    ]
    return Table(TITLES, (False, False, False, False, *[True] * 8), rows, total, notes)


def _cells(figures: Sequence[Extent]) -> tuple[str, ...]:
    params, made, madds, flop, read, write = figures
    memory = f"{made * 4 / 2**20:.2f}" if isinstance(made, int) else formula(4 * made, LONG)
    counts = (_number(madds), _number(flop), _number(read), _number(write), "-", _number(read + write))
    return (_number(params), memory, *counts)


def _number(number: Extent) -> str:
    return f"{number:,}" if isinstance(number, int) else formula(number, LONG)


def _image(tensor: Tensor | None) -> str:
    """A shape without its batch, as `64 150 150`."""
    return " ".join(map(extent_text, tensor.shape[1:])) if tensor is not None else ""


CONVENTION = Convention(
    name="torchstat",
    tool="torchstat",
    source="https://github.com/Swall0w/torchstat/tree/master/torchstat",
    metrics=(
        Metric(
            "flops",
            "multiply-accumulates",
            "per batch; a bias, a pooled input and a ReLU count as one each",
            flops,
            word="Flops",
        ),
        Metric(
            "madd",
            "operations",
            "per image; a multiply-accumulate as two",
            madd,
            functional=lambda row: 0,
            word="MAdd",
            per_mac=2,
            per_image=True,
        ),
        Metric("mem_read", "bytes", "input and parameters", mem_read, "bytes"),
        Metric("mem_write", "bytes", "output", mem_write, "bytes"),
    ),
    table=table,
)
