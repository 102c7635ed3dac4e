"""The VGG table of the CS231n course notes: memory in elements and weights of every layer, with their arithmetic.

Convolutions, pools and fully connected layers only, one image; biases are not counted as weights, and in-place
activations not as memory. Memory figures carry two significant digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from ..dims import Extent
from ..graph import Tensor
from ..passes.rows import Row
from ..table import Table, extent_text, extents_text, formula
from . import Convention, Metric
from .families import family, share

if TYPE_CHECKING:
    from ..analysis import Analysis


def memory(row: Row) -> Extent | None:
    """Elements of the output for one image; 0 for what the table does not list."""
    y = row.outputs[0] if row.outputs else None
    if y is None or not y.ranked:
        return None
    return prod(y.shape[1:]) if family(row) in ("conv", "dense", "max_pool", "average_pool") else 0


def weights(row: Row) -> Extent:
    """Filter and matrix elements, without biases."""
    if family(row) not in ("conv", "dense"):
        return 0
    return sum((weight.tensor.size for weight in row.weights if weight.tensor.rank > 1), 0)


def short(elements: Extent) -> str:
    """Two significant digits with K or M: 3.2M, 150K; below a thousand all of them."""
    if not isinstance(elements, int) or elements < 1000:
        return formula(elements)
    unit, factor = ("M", 10**6) if elements >= 10**6 else ("K", 10**3)
    return f"{float(f'{elements / factor:.2g}'):g}{unit}"


@dataclass(frozen=True)
class Layer:
    """A layer that the notes list, with the extents before and after it: of one image, channels last."""

    row: Row
    kind: str
    before: tuple[Extent, ...]
    after: tuple[Extent, ...]


LEFT_OUT = "{} layers of other types do arithmetic and are not listed here."


def images_of(analysis: Analysis) -> list[tuple[Extent, ...]]:
    """Height, width and channels of every input."""
    return [_hwc(tensor) for tensor in analysis.inputs.values() if tensor.ranked and tensor.rank > 1]


def listed(analysis: Analysis) -> tuple[list[Layer], int]:
    """Convolutions, pools and fully connected layers in order, and how many others do arithmetic."""
    last = (images_of(analysis) or [()])[-1]  # what a fully connected layer flattens
    layers: list[Layer] = []
    left_out = 0
    for row in analysis.rows:
        kind = family(row)
        y = row.outputs[0] if row.outputs else None
        idle = "pool" in kind and row.facts is not None and set(row.facts.window.kernel) == {1}
        if idle or kind not in ("conv", "dense", "max_pool", "average_pool") or y is None or not y.ranked:
            left_out += row.status != "known" or (row.work is not None and row.work.ops != 0)
            continue
        before, last = last, _hwc(y)
        layers.append(Layer(row, kind, before, last))
    return layers, left_out


def table(analysis: Analysis) -> Table:
    """The course's listing, and a line on what it leaves out."""
    images = images_of(analysis)
    layers, left_out = listed(analysis)
    lines = [(f"INPUT: {_box(image)}        memory:  {_memory(image)}   weights: 0",) for image in images]
    lines += [(_line(each.row, each.kind, each.before, each.after, weights(each.row)),) for each in layers]
    elements = sum(map(prod, [*images, *(layer.after for layer in layers)]), 0)
    learned = sum((weights(layer.row) for layer in layers), 0)
    lines.append(("",))
    total = int(float(short(elements).rstrip("M")) * 4) if isinstance(elements, int) and elements >= 10**7 else 0
    size = f"{total}MB" if total else f"{formula(4 * elements)} bytes"
    lines.append((f"TOTAL memory: {short(elements)} * 4 bytes ~= {size} / image (only forward! ~*2 for bwd)",))
    lines.append((f"TOTAL params: {millions(learned)} parameters",))
    notes = [LEFT_OUT.format(left_out)] if left_out else []
    return Table(("",), (False,), lines, notes=notes, listing=True)


def _line(row: Row, kind: str, before: tuple[Extent, ...], after: tuple[Extent, ...], own: Extent) -> str:
    count = f"{own:,}" if isinstance(own, int) else formula(own)
    if kind == "dense":
        factors = "*".join(map(extent_text, (*_flattened(before, own, after[-1]), after[-1])))
        return f"FC: {_box(after)}  memory:  {_memory(after)}  weights: {factors} = {count}"
    window = row.facts.window.kernel if row.facts else ()
    if kind == "conv":
        taps = "*".join(map(str, (*window, share(own, prod(window) * after[-1]))))
        title = f"CONV{'x'.join(dict.fromkeys(map(str, window)))}-{after[-1]}"
        return f"{title}: {_box(after)}  memory:  {_memory(after)}   weights: ({taps})*{after[-1]} = {count}"
    title = f"POOL{'x'.join(dict.fromkeys(map(str, window)))}"
    return f"{title}: {_box(after)}  memory:  {_memory(after)}  weights: 0"


def _flattened(before: tuple[Extent, ...], own: Extent, filters: Extent) -> tuple[Extent, ...]:
    """What a fully connected layer reads: the map before it if that is what it flattens, without axes of 1."""
    depth = share(own, filters)
    return tuple(extent for extent in before if extent != 1) if prod(before) == depth else (depth,)


def _hwc(tensor: Tensor) -> tuple[Extent, ...]:
    """The extents of one image, channels last; 1x1 where there are no spatial axes, all of a vector being channels."""
    return (*(tensor.shape[2:] or (1, 1)), tensor.shape[1] if tensor.rank > 1 else tensor.size)


def _box(extents: tuple[Extent, ...]) -> str:
    return f"[{extents_text(extents)}]"


def _memory(extents: tuple[Extent, ...]) -> str:
    factors = [extent for extent in extents if extent != 1]
    if len(factors) < 2:
        return formula(prod(factors))
    return f"{'*'.join(map(extent_text, factors))}={short(prod(factors))}"


def millions(count: Extent) -> str:
    """A sum in whole millions, below one all of it."""
    return f"{count / 10**6:.0f}M" if isinstance(count, int) and count >= 10**6 else formula(count)


CONVENTION = Convention(
    name="cs231n",
    tool="CS231n course notes",
    source="https://cs231n.github.io/convolutional-networks/#case",
    metrics=(
        Metric("memory", "elements", "outputs of convolutions, pools and fully connected layers, one image", memory),
        Metric("weights", "elements", "filters and matrices, without biases", weights),
    ),
    table=table,
)
