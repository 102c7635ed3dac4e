"""Text in rows and columns, and how a value is written in a cell: 27.0 k, 3.9 KiB, 60.3%, 416·N, `?`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import floor, isfinite, log10
from typing import Literal

from .dims import Dim, Extent, symbols
from .graph import Shape, Tensor

Form = Literal["text", "count", "short", "scaled", "bytes", "share", "ratio", "time"]
"""How people see a value: a count exactly; short as 27.0 k; scaled in the unit of the title; bytes in KiB and MiB; a
share in per cent; a ratio with one decimal; a time, which is in seconds, in s, ms, us or ns."""
Value = Extent | str | float | None
LONG = 60
"""Letters of a formula that people can take in where others stand beside it."""
EXTENT = 20
"""The same of an extent among others, in a shape that is long."""
SHAPES = 8
"""Shapes in a cell that is long."""
BRIEF = "ƒ("
"""What a longer one begins with, as `ƒ(H, W)`: it says only what it depends on."""
NAMED = 3
"""So many of these, and of more that there are more."""
EXPLAINED = f"{BRIEF}...) is a formula too long to stand here; --format json has it."


@dataclass
class Table:
    """Text in rows and columns."""

    titles: tuple[str, ...]
    right: tuple[bool, ...]
    """Which columns hold numbers and are aligned at the right."""
    rows: Sequence[tuple[str, ...]]
    total: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    """Lines that belong under the table."""
    listing: bool = False
    """Lines rather than a table: each row has one cell."""
    marked: frozenset[int] = frozenset()
    """Rows in which something is not known, or that a reader should look at."""
    heading: str = ""
    keys: tuple[str, ...] = ()
    """The columns' keys, where a reader may leave some out."""
    frame: Literal["", "bars", "grid"] = ""
    """How plain text parts the cells of a tool's own table: by bars, or by a line round every cell."""
    rules: frozenset[int] = frozenset()
    """The rows above which a table with bars has a line."""
    continued: list[Table] = field(default_factory=list)
    """Blocks of the same table, where a tool breaks it."""
    closing: list[Table] = field(default_factory=list)
    """Tables that the tool prints below this one."""
    at: tuple[int, ...] = ()
    """Which row of the analysis each row shows, where each shows one."""

    @property
    def blocks(self) -> list[Table]:
        """The table and its further blocks."""
        return [self, *self.continued]

    @property
    def parts(self) -> list[Table]:
        """Its blocks and what its tool prints below them, the notes under the last."""
        *between, last = *self.blocks, *self.closing
        if last is self:
            return [self]
        return [replace(self, notes=[]), *between[1:], replace(last, notes=[*last.notes, *self.notes])]


@lru_cache(maxsize=65536, typed=True)
def show(value: Value, form: str) -> str:
    """A value as people read it; `?` when it is not known."""
    if value is None:
        return "?"
    if isinstance(value, str):
        return value
    if form == "share":
        return f"{100 * float(value):.1f}%" if not isinstance(value, Dim) else formula(value)
    if isinstance(value, Dim) or form == "text":
        return formula(value) if isinstance(value, Dim) else str(value)
    if form == "time":
        return duration(value)
    if form == "scaled":
        return significant(float(value))
    if form == "bytes":
        return scaled(float(value), 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
    if form == "short" and value >= 1000:
        return scaled(float(value), 1000, ("", "k", "M", "G", "T", "P"))
    return f"{value:,.1f}" if form == "ratio" else f"{value:,}"


def significant(number: float, digits: int = 3) -> str:
    """A number with so many significant digits, all those before the point, never as a power: 0.0868, 3.87, 15,470."""
    if not number or not isfinite(number):
        return f"{number:g}"
    places = max(0, digits - 1 - floor(log10(abs(number))))
    text = f"{number:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places > digits else text


def counted(number: int, noun: str) -> str:
    """A number of things: 1 layer, 1,024 layers."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Seconds in the unit that leaves a number of at least 1: 3.2 ms, 41.0 us."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if round(seconds / size, 1) >= 1:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds / 1e-9:,.1f} ns" if seconds else "0 s"


def scaled(value: float, base: int, units: Sequence[str]) -> str:
    """A number with one decimal and the unit that leaves it below `base`: 27.0 k, 3.9 KiB."""
    power = 0
    while round(value, 1) >= base and power < len(units) - 1:
        value /= base
        power += 1
    return f"{value:,.1f} {units[power]}" if power else f"{value:,.0f} {units[0]}".rstrip()


def formula(extent: Extent, most: int | None = None) -> str:
    """A number or a formula for people: 416·N·((H + 1)//2), where a program reads `*`.

    Of a formula of more than `most` letters what it depends on: ƒ(H, N, W).
    """
    text = str(extent).replace("**", "^").replace("*", "·")
    if most is None or len(text) <= most or not isinstance(extent, Dim):
        return text
    names = sorted(symbols(extent))
    return f"{BRIEF}{', '.join([*names[:NAMED], *['...'][: len(names) - NAMED]])})"


def is_abbreviated(cells: Iterable[str]) -> bool:
    """Whether a formula among these cells only says what it depends on."""
    return any(BRIEF in cell for cell in cells)


def shape_text(tensor: Tensor) -> str:
    """A shape in a table: 1x3x12x12, batch x tokens x 768; `scalar` without axes, `?` when it is not known."""
    return extents_text(tensor.shape) if tensor.ranked else "?"


def shapes_text(tensors: Iterable[Tensor], brief: bool = False) -> str:
    """Several shapes in one cell: 1x3x12x12, batch x 4.

    When `brief`, of long formulas among the extents what they depend on, and of many shapes the first.
    """
    most = EXTENT if brief else None
    texts = [extents_text(tensor.shape, most) if tensor.ranked else "?" for tensor in tensors]
    if brief and len(texts) > SHAPES:
        texts[SHAPES:] = [f"{len(texts) - SHAPES} more"]
    return ", ".join(texts)


@lru_cache(maxsize=4096)
def extents_text(shape: Shape, most: int | None = None) -> str:
    """A shape, or a part of one, as it stands in a table: 1x3x8x8, and b x s x 64 where a letter stands in it."""
    extents = [extent_text(extent, most) for extent in shape]
    return ("x" if all(map(str.isdigit, extents)) else " x ").join(extents) or "scalar"


def extent_text(extent: Extent, most: int | None = None) -> str:
    """An extent where others stand beside it: a formula in brackets."""
    text = formula(extent, most)
    return text if text.isalnum() or text.isidentifier() or text.startswith(BRIEF) else f"({text})"
