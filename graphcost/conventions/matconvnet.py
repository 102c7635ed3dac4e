"""MatConvNet's vl_simplenn_display: support, filters, receptive field and memory of a chain of layers.

The tool knows chains only. In a network that branches, each layer shows the receptive field that our own pass finds,
and none (NaN, as in the tool's getVarReceptiveFields) where branches of different strides meet, or where it is not
known. A layer that sees everything (a loss), or has no one field, shows that of what it reads, as the tool does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

from ..dims import Extent
from ..graph import Tensor
from ..passes.parameters import is_parameter
from ..passes.receptive_field import Axis, Field
from ..passes.rows import Row
from ..rules import GLOBAL
from ..table import EXTENT, LONG, Table, extent_text, formula
from . import Convention, Metric
from .families import family

if TYPE_CHECKING:
    from ..analysis import Analysis
WIDTH = 18  # layers of a block of the tool's text
ROWS = (
    "layer", "type", "name", "support", "filt dim", "num filts", "stride", "pad",
    "rf size", "rf offset", "rf stride", "data size", "data depth", "data num", "data mem", "param mem",
)  # fmt: skip
RULED = ("support", "rf size", "data size", "data mem")
"""Quantities above which the tool draws a line."""
_TYPES = {
    "conv": "conv", "deconv": "convt", "dense": "conv", "relu": "relu", "max_pool": "mpool", "average_pool": "apool",
    "lrn": "lrn", "dropout": "dropout", "batch_norm": "bnorm", "sigmoid": "sigmoid", "softmax": "softmx",
}  # fmt: skip


def data_mem(row: Row) -> Extent | None:
    """4 bytes for each element of the output."""
    if row.constant:
        return 0
    return 4 * row.outputs[0].size if row.outputs and row.outputs[0].ranked else None


def param_mem(row: Row) -> Extent:
    """4 bytes for each filter weight and bias."""
    return 4 * sum((weight.tensor.size for weight in row.weights if is_parameter(weight, row)), 0)


def size_text(nbytes: Extent) -> str:
    """B, KB or MB of 1024, no decimals, halves rounded up."""
    if not isinstance(nbytes, int):
        return formula(nbytes, LONG)
    for unit, power in (("MB", 20), ("KB", 10)):
        if nbytes >= 1 << power:
            return f"{floor(Fraction(nbytes, 1 << power) + Fraction(1, 2))}{unit}"
    return f"{nbytes}B"


def table(analysis: Analysis) -> Table:
    """The tool's table: quantities as rows, layers as columns, at most 18 of them a block."""
    layers = _layers(analysis)
    first, *rest = [_block(layers[at : at + WIDTH]) for at in range(0, len(layers), WIDTH)]
    return replace(first, continued=rest, closing=[_memory(analysis)])


def _block(layers: Sequence[tuple[str, ...]]) -> Table:
    """Quantities as rows, with the lines that the tool draws between groups of them."""
    titles, *rows = [(title, *(layer[number] for layer in layers)) for number, title in enumerate(ROWS)]
    rules = frozenset(ROWS.index(title) - 1 for title in RULED)
    return Table(titles, (False, *[True] * len(layers)), rows, frame="bars", rules=rules)


def _memory(analysis: Analysis) -> Table:
    """What parameters take, and all data together."""
    made = sum((v for row in analysis.rows if (v := data_mem(row)) is not None), _bytes(_image(analysis)))
    params = analysis.parameters.total
    count = f"{float(params):.2g}" if isinstance(params, int) else formula(params, LONG)
    titles = ("parameter memory", f"{size_text(4 * params)} ({count} parameters)")
    row = ("data memory", f"{size_text(made)} (for batch size {_image(analysis).shape[0]})")
    return Table(titles, (False, True), [row], frame="bars")


def _image(analysis: Analysis) -> Tensor:
    """The input that the network looks at: the first with spatial axes, else the first."""
    ranked = [tensor for tensor in analysis.inputs.values() if tensor.ranked and tensor.rank]
    return next((tensor for tensor in ranked if tensor.rank > 2), ranked[0] if ranked else Tensor((1,)))


def _bytes(tensor: Tensor) -> Extent:
    return 4 * tensor.size


def _layers(analysis: Analysis) -> list[tuple[str, ...]]:
    image = _image(analysis)
    layers: list[tuple[str, ...]] = [("0", "input", *["n/a"] * 9, *_data(image), "n/a")]
    itself = Field((Axis(),) * max(image.rank - 2, 1))
    shown: dict[str, Field] = {}
    for at, row in enumerate(analysis.rows):
        if row.constant:
            continue
        field = analysis.receptive_field(at)
        if field is None or field.whole or any(axis.start is None for axis in field.axes):
            field = next((shown[name] for name, _ in row.read if name in shown), itself)
        shown.update(dict.fromkeys(row.op.outputs, field))
        layers.append(
            (
                str(len(layers)),
                _type(row),
                row.name,
                *_window(row),
                *_reach(field),
                *_data(row.outputs[0] if row.outputs else None),
                size_text(param_mem(row)),
            )
        )
    return layers


def _type(row: Row) -> str:
    if row.op.type == "SoftmaxWithLoss":
        return "softmxl"
    return _TYPES.get(family(row), row.op.type.lower())


def _window(row: Row) -> tuple[str, str, str, str, str]:
    """support, filt dim, num filts, stride, pad."""
    window = row.facts.window if row.facts else GLOBAL
    support = [(k - 1) * d + 1 for k, d in zip(window.kernel, window.dilation, strict=True)]
    filters = next((weight.tensor.shape for weight in row.weights if weight.tensor.rank > 1), None)
    dim, number = ("n/a", "n/a") if filters is None else (formula(filters[1], LONG), formula(filters[0], LONG))
    return _one(support or [1]), dim, number, _one(window.stride or [1]), _one(window.pad or [0])


def _reach(field: Field) -> tuple[str, str, str]:
    """rf size, rf offset (the 1-based centre of the first position), rf stride."""
    if field.why:
        return ("NaN",) * 3
    sizes, strides = ([number or 0 for number in numbers] for numbers in (field.size, field.stride))
    return _one(sizes), _one([1 + axis.centre(0) for axis in field.axes]), _one(strides)


def _data(tensor: Tensor | None) -> tuple[str, str, str, str]:
    """data size, depth, num and mem; a loss is 1x1x1."""
    if tensor is None or not tensor.ranked:
        return ("n/a",) * 4
    spatial = tensor.shape[2:] or (1,)
    depth, number = (tensor.shape[1] if tensor.rank > 1 else 1), (tensor.shape[0] if tensor.rank else 1)
    return _one(spatial), formula(depth, LONG), formula(number, LONG), size_text(_bytes(tensor))


def _one(numbers: Sequence[Extent | Fraction]) -> str:
    """One number when the axes agree, 3x5 when not."""
    texts = [f"{float(n):g}" if isinstance(n, (int, Fraction)) else extent_text(n, EXTENT) for n in numbers]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


CONVENTION = Convention(
    name="matconvnet",
    tool="MatConvNet vl_simplenn_display",
    source="https://github.com/vlfeat/matconvnet/blob/master/matlab/simplenn/vl_simplenn_display.m",
    metrics=(
        Metric("data_mem", "bytes", "4 bytes for each element of the output", data_mem, "bytes"),
        Metric("param_mem", "bytes", "4 bytes for each filter weight and bias", param_mem, "bytes"),
    ),
    table=table,
)
