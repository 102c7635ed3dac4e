"""The layers of the CS231n course notes' VGG network as a table: window, channels, size, weights and memory.

A cell that would repeat what stands above is empty: the size of a map that keeps it, the channels of a pool. Memory is
in elements of one image and has two significant digits; weights are without biases and cut, not rounded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from ..dims import Extent
from ..rules import GLOBAL
from ..table import Table, extents_text, formula
from . import Convention
from .cs231n import LEFT_OUT, Layer, images_of, listed, millions, short, weights

if TYPE_CHECKING:
    from ..analysis import Analysis

TITLES = ("name", "ksize", "stride", "padding", "channel", "size", "params", "memory")
_NAME = re.compile(r"[^\s/:(),]{1,36}")
_POOLS = {"max_pool": "maxpool", "average_pool": "avgpool"}


def table(analysis: Analysis) -> Table:
    """The table, its sums, and a line on what it leaves out."""
    images = images_of(analysis)
    rows = [("input", "", "", "", _extent(image[-1]), _size(image), "", memory(prod(image))) for image in images]
    layers, left_out = listed(analysis)
    for layer, name in zip(layers, _names(layers), strict=True):
        own = weights(layer.row)
        pool = layer.kind in _POOLS
        rows.append(
            (
                name,
                *_window(layer),
                "" if pool else _extent(layer.after[-1]),
                "" if layer.before[:-1] == layer.after[:-1] else _size(layer.after),
                "" if pool else cut(own),
                memory(prod(layer.after)),
            )
        )
    learned = sum((weights(layer.row) for layer in layers), 0)
    elements = sum(map(prod, [*images, *(layer.after for layer in layers)]), 0)
    total = ("total", "", "", "", "", "", _about(learned, millions(learned)), _about(elements, memory(elements)))
    notes = ["memory is in elements of one image, params are without biases."]
    notes += [LEFT_OUT.format(left_out)] if left_out else []
    return Table(TITLES, (False, *[True] * 7), rows, total, notes)


def cut(count: Extent) -> str:
    """Weights with what follows cut off: 1.7K, 36K, 102.7M."""
    if not isinstance(count, int) or count < 1000:
        return formula(count)
    if count >= 10**6:
        return f"{count // 10**5 / 10:g}M" if count < 10**9 else f"{count // 10**6}M"
    return f"{count // 100 / 10:g}K" if count < 10_000 else f"{count // 1000}K"


def memory(elements: Extent) -> str:
    """Two significant digits, in M from 0.1M on where one decimal says them; below ten thousand all of them."""
    if not isinstance(elements, int) or elements < 10_000:
        return str(elements) if isinstance(elements, int) else formula(elements)
    text = short(elements)
    return f"{int(text[:-1]) / 1000:g}M" if re.fullmatch(r"[1-9]00K", text) else text


def _about(exact: Extent, text: str) -> str:
    return f"~{text}" if isinstance(exact, int) and text[-1:] in ("K", "M") else text


def _names(layers: Sequence[Layer]) -> list[str]:
    """A pool by its kind; others by the file's name if that is short, else by block and place: conv1_2, fc1.

    A block ends at a pool.
    """
    names = []
    numbers: Counter[str] = Counter()
    block = 1
    for layer in layers:
        word = _POOLS.get(layer.kind)
        if word is not None:
            block += 1
        else:
            stem = "fc" if layer.kind == "dense" else f"conv{block}_"
            numbers[stem] += 1
            word = layer.row.name if _NAME.fullmatch(layer.row.name) else f"{stem}{numbers[stem]}"
        names.append(word)
    return names


def _window(layer: Layer) -> tuple[str, str, str]:
    """Kernel, stride and padding; a pool's padding only if it has one."""
    window = layer.row.facts.window if layer.row.facts else GLOBAL
    if layer.kind == "dense" or not window.kernel:
        return "", "", ""
    padding = "" if layer.kind in _POOLS and not any(window.pad) else _each(window.pad)
    return _each(window.kernel), _each(window.stride), padding


def _each(numbers: Sequence[object]) -> str:
    """One number where the axes agree."""
    return "x".join(map(str, numbers if len(set(numbers)) > 1 else numbers[:1]))


def _extent(extent: Extent) -> str:
    return formula(extent) if not isinstance(extent, int) else str(extent)


def _size(extents: tuple[Extent, ...]) -> str:
    return extents_text(extents[:-1])


CONVENTION = Convention(
    name="cs231n_table",
    tool="CS231n course notes, as a table",
    source="https://cs231n.github.io/convolutional-networks/#case",
    metrics=(),
    table=table,
)
