"""torchstat: MAdd, Flops and memory traffic of every module.

A row is a module, so functional operators (a bare relu, a concatenation, a permutation) have none and count as nothing:
what they would add stands under the table. Flops counts a multiply-accumulate once and takes the whole batch, MAdd
counts it twice and takes one image. Of convolutions, normalisations and pools it knows those of images alone, and it
stops at a linear layer of more than two axes, which is counted here as if it did not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from ..dims import Extent
from ..graph import Tensor
from ..passes.parameters import is_parameter
from ..passes.rows import Row
from ..table import LONG, Table, extent_text, formula
from . import Convention, Metric
from .families import bias, by_ends, ends, family, halves, linear, macs, over_channels, share, taps
from .modules import functional, module_paths, path, pathless
from .patterns import calls

if TYPE_CHECKING:
    from ..analysis import Analysis
_RELUS = {"relu", "relu6", "prelu", "leaky_relu", "elu"}
_POOLS = {"max_pool", "average_pool"}
_IMAGES = {"conv", "deconv", "batch_norm", *_POOLS}
"""Families of which the tool knows those of images alone."""
_MOVES = {"conv", "batch_norm", "dense", *_POOLS, *_RELUS}
"""Families whose memory traffic the tool counts."""


def _kind(row: Row, x: Tensor) -> str:
    """The family of an operator, "" where the tool has no rule for its module."""
    kind = family(row)
    return "" if kind in _IMAGES and x.rank != 4 else kind


@by_ends
def flops(row: Row, x: Tensor, y: Tensor, kind: str) -> Extent | None:
    """Per batch: convolution out x K (+ out with a bias), batch norm 2 in, pool and ReLU in, linear in x out."""
    kind = _kind(row, x)
    if kind == "conv":
        return macs(row) + (y.size if bias(row) else 0)
    if linear(row):
        return macs(row)
    if kind and (half := halves(row)):
        return half * x.size
    if kind == "upsample":  # it takes the first image for the batch, and so leaves the channels out
        return x.shape[0] * prod(y.shape[2:])
    return x.size if kind in _RELUS or kind in _POOLS else 0


def madd(row: Row) -> Extent | None:
    """Per image: convolutions out x (2K - 1 + bias), batch norm 4 in, max pool out x (k - 1), softmax 3n - 1, ..."""
    x, y = ends(row)
    if x is None or y is None or not y.rank:
        return None
    kind, batch = _kind(row, x), y.shape[0]
    if batch == 0:
        return 0
    made, taken = prod(y.shape[1:]), prod(x.shape[1:])
    if kind == "conv":
        return share(2 * macs(row), batch) - made + (made if bias(row) else 0)
    if kind == "deconv":  # as a convolution, but over the positions of its input
        positions, filters = prod(x.shape[2:]), y.shape[1]
        seen = share(macs(row), batch * positions * filters)
        return positions * filters * (2 * seen - 1 + (1 if bias(row) else 0))
    if linear(row):
        return share(2 * macs(row), batch) - made
    if kind and halves(row):
        return (2 if row.op.type in ("BatchNorm", "Scale") else 4) * taken
    if kind in _POOLS:
        return made * (taps(row, x) - (kind == "max_pool"))
    if kind == "softmax":
        return 0 if over_channels(row) else 3 * made - 1
    return made if kind in ("relu", "relu6") else 0


def mem_read(row: Row) -> Extent | None:
    """Bytes of input and parameters at 4 each, of the module types that the tool knows; of batch norm always 2C."""
    x, _ = ends(row)
    if x is None or _kind(row, x) not in _MOVES:
        return None if x is None else 0
    return 4 * (x.size + (2 * x.shape[1] if row.op.type == "BatchNormalization" else params([row])))


def mem_write(row: Row) -> Extent | None:
    """Bytes of the output at 4 each, of the module types that the tool knows."""
    x, y = ends(row)
    return None if x is None or y is None else 4 * y.size if _kind(row, x) in _MOVES else 0


def params(rows: Iterable[Row]) -> Extent:
    """Parameters of a module, each once; the statistics of a normalisation are none."""
    total: Extent = 0
    distinct: dict[Hashable, Extent] = {}
    for row in rows:
        _, y = ends(row)
        if family(row) == "batch_norm":
            total += 2 * y.shape[1] if halves(row) == 2 and y is not None and y.rank > 1 else 0
            continue
        own = (weight for weight in row.weights if is_parameter(weight, row))
        distinct.update((weight.key, weight.tensor.size) for weight in own if weight.tensor.rank)
    return total + sum(distinct.values(), 0)


_FOLDED = "norm in "
"""Stands before the path of the module into which a normalisation was folded."""


@dataclass
class _Module:
    name: str
    calls: list[Row] = field(default_factory=list)
    counts: list[Extent] = field(default_factory=lambda: [0] * len(METRICS))
    """Flops, MAdd, MemRead, MemWrite."""

    @property
    def path(self) -> tuple[str, ...]:
        """The names on the way to it; a normalisation that was folded away stands at what it is folded into."""
        return tuple(self.name.removeprefix(_FOLDED).split("."))

    @property
    def ends(self) -> tuple[Tensor | None, Tensor | None]:
        """Its input and output; when it is called again, of the last call."""
        again = len({row.op.type for row in self.calls}) == 1
        return ends(self.calls[-1 if again else 0])[0], ends(self.calls[-1])[1]


def _modules(analysis: Analysis) -> tuple[list[_Module], list[Row]]:
    """Modules by path, in order, and the functional rest; without paths every layer that the tool has is one."""
    modules: dict[str, _Module] = {}
    rest: list[Row] = []
    unscoped, outside, paths = pathless(analysis), functional(analysis), module_paths(analysis)
    for at, row in enumerate(analysis.rows):
        if row.constant:
            continue  # makes a constant: part of the module's parameters, not a step of it
        layer = row.name if family(row) in _LAYERS else ""
        path_ = layer if unscoped else "" if at in outside else paths[at]
        if not path_:
            rest.append(row)
            continue
        counted = [metric.parts(analysis, at) for metric in METRICS]
        for number, call in enumerate(calls(analysis)[at]):
            name = path_ if call.op.origin == row.op.origin else path(call.op.scope) or f"{_FOLDED}{path_}"
            module = modules.setdefault(name, _Module(name))
            module.calls.append(call)
            values = (parts[number][1] for parts in counted)
            module.counts = [
                total if value is None else total + value for total, value in zip(module.counts, values, strict=True)
            ]
    found = list(modules.values())
    return found if unscoped else _as_defined(found), rest


def _as_defined(modules: list[_Module]) -> list[_Module]:
    """In the order in which the network has them: children together, those of a list by number, else by first call."""
    first: dict[tuple[str, ...], int] = {}
    for module in modules:
        for depth in range(1, len(module.path) + 1):
            first.setdefault(module.path[:depth], len(first))

    def place(module: _Module) -> list[tuple[bool, int]]:
        path_ = module.path
        return [
            (False, int(part)) if _NUMBER.fullmatch(part) else (True, first[path_[:depth]])
            for depth, part in enumerate(path_, 1)
        ]

    return sorted(modules, key=place)


_NUMBER = re.compile(r"[0-9]{1,9}")
_LAYERS = {*_MOVES, "deconv", "softmax", "sigmoid", "tanh", "dropout", "lrn", "layer_norm", "group_norm", "normalize"}

TITLES = (
    "number", "module name", "input shape", "output shape", "params", "memory(MB)", "MAdd", "Flops",
    "MemRead(B)", "MemWrite(B)", "duration[%]", "MemR+W(B)",
)  # fmt: skip


def table(analysis: Analysis) -> Table:
    """The tool's table, and below it what a table of modules leaves out."""
    modules, rest = _modules(analysis)
    durations = _durations(analysis, modules)
    rows: list[tuple[str, ...]] = []
    totals: list[Extent] = [0] * 6
    for number, module in enumerate(modules):
        x, y = module.ends
        count, madds, read, write = module.counts
        figures = [params(module.calls), 0 if y is None else y.size, madds, count, read, write]
        totals = [a + b for a, b in zip(totals, figures, strict=True)]
        rows.append((str(number), module.name, _image(x), _image(y), *_cells(figures, durations[number])))
    total = ("total", "", "", "", *_cells(totals, "-" if analysis.timing is None else "100.00%"))
    work = sum((row.work.ops for row in rest if row.work), 0)
    made = sum((t.nbytes for row in rest for t in row.outputs if t.ranked), 0)
    notes = [
        f"Flops counts a multiply-accumulate as one operation, MAdd as two; {_DURATION[analysis.timing is not None]}.",
        f"Functional operators have no row: {len(rest)} of them, {_exact(work)} operations, {_exact(made)} bytes.",
    ]
    sequences = [module.name for module in modules if any(map(of_sequences, module.calls))]
    if sequences:
        more = f" and {len(sequences) - 1} more" if len(sequences) > 1 else ""
        notes.append(f"The tool stops at a linear layer of more than two axes: {sequences[0]}{more}.")
    right = (False, False, False, False, *[True] * 8)
    return Table(TITLES, right, rows, total, notes, frame="grid", closing=[_closing(totals)])


def _closing(totals: Sequence[Extent]) -> Table:
    """The sums as the tool writes them below its table: with a unit and two decimals."""
    params, made, madds, count, read, write = totals
    cells = (
        _exact(params),
        f"{_mebibytes(made)}MB",
        f"{_rounded(madds, 1000)}MAdd",
        f"{_rounded(count, 1000)}Flops",
        f"{_rounded(read + write, 1024)}B",
    )
    titles = ("Total params", "Total memory", "Total MAdd", "Total Flops", "Total MemR+W")
    return Table(titles, (False,) * len(titles), [cells], frame="grid")


def _rounded(number: Extent, thousand: int) -> str:
    """At most two decimals with K, M, G or T, by 1000 or 1024."""
    if not isinstance(number, int):
        return f"{formula(number, LONG)} "
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if number >= thousand**power:
            return f"{round(number / thousand**power, 2)}{unit}"
    return str(number)


_DURATION = {
    False: "duration is not measured",
    True: "duration is of the modules' measured time, that of modules which ran together at one of them",
}


def _durations(analysis: Analysis, modules: Sequence[_Module]) -> list[str]:
    """The share that each module has of the measured time of all, "-" for one without a time of its own."""
    if analysis.timing is None:
        return ["-"] * len(modules)
    place = {id(row): at for at, row in enumerate(analysis.rows)}
    leaders = analysis.timing.leaders
    calls = [{place.get(id(call)) for call in module.calls} for module in modules]
    seconds = [sum(leaders[at].seconds for at in rows if at in leaders) for rows in calls]
    total = sum(seconds)
    return [f"{100 * each / total:.2f}%" if each else "-" for each in seconds]


def _cells(figures: Sequence[Extent], duration: str) -> tuple[str, ...]:
    """Of all but shapes and names, as the tool prints its floats: thousands are parted in MAdd and Flops alone."""
    params, made, madds, flop, read, write = figures
    counts = (_parted(madds), _parted(flop), _number(read), _number(write), duration, _number(read + write))
    return (_number(params), _mebibytes(made), *counts)


def _mebibytes(elements: Extent) -> str:
    """Elements at 4 bytes each."""
    return f"{elements * 4 / 2**20:.2f}" if isinstance(elements, int) else formula(4 * elements, LONG)


def _number(number: Extent) -> str:
    return f"{number}.0" if isinstance(number, int) else formula(number, LONG)


def _exact(number: Extent) -> str:
    return f"{number:,}" if isinstance(number, int) else formula(number, LONG)


def _parted(number: Extent) -> str:
    return f"{number:,}.0" if isinstance(number, int) else formula(number, LONG)


def _image(tensor: Tensor | None) -> str:
    """A shape without its batch, as `64 150 150`."""
    return " ".join(map(extent_text, tensor.shape[1:])) if tensor is not None else ""


def of_sequences(row: Row) -> bool:
    """Whether a linear layer has an input of more than two axes, at which the tool stops."""
    x, _ = ends(row)
    return x is not None and x.rank > 2 and family(row) == "matmul" and linear(row)


def _metric(key: str, unit: str, doc: str, count: Callable[[Row], Extent | None], **options: Any) -> Metric:
    return Metric(key, unit, doc, count, functional=lambda row: 0, calls=True, once=True, **options)


METRICS: tuple[Metric, ...] = (
    _metric(
        "flops",
        "multiply-accumulates",
        "per batch; a bias, a pooled input and a ReLU count as one each",
        flops,
        word="Flops",
    ),
    _metric(
        "madd", "operations", "per image; a multiply-accumulate as two", madd, word="MAdd", per_mac=2, per_image=True
    ),
    _metric("mem_read", "bytes", "input and parameters", mem_read, form="bytes"),
    _metric("mem_write", "bytes", "output", mem_write, form="bytes"),
)
CONVENTION = Convention(
    name="torchstat",
    tool="torchstat",
    source="https://github.com/Swall0w/torchstat/tree/master/torchstat",
    metrics=METRICS,
    table=table,
)
