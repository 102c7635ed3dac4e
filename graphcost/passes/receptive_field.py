"""The receptive field: which part of an input each position of a tensor can see.

One recurrence over `Facts.window` per spatial axis (the axes after the first two), from an input on
(https://distill.pub/2019/computing-receptive-fields/):

    size   += dilation * (kernel - 1) / up * stride_before
    start  -= pad / up * stride_before
    stride  = stride_before * stride / up

where `start` is the input coordinate of the first tap of position 0 (minus what is called the effective padding).
Branches that meet take the union, whatever their starts. Branches whose strides disagree are misaligned, which is not
a number but an answer with a reason: the two ways from where they part. Values do not matter: a tap counts even if its
weight is zero. What a loop or branch does with its inputs is not followed: it sees all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import takewhile
from math import ceil, floor
from typing import Any

from ..dims import Extent
from ..graph import Tensor
from ..rules import GLOBAL, POINTWISE, Window
from .rows import Row

Number = int | Fraction
Interval = tuple[int, int]
ENDS = 4  # operators named at either end of a long way


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial axis, in elements of the input; fractions where the network upsamples."""

    size: Number = 1
    stride: Number = 1
    start: Number = 0

    def centre(self, position: int) -> Number:
        """The input coordinate that an output position is centred on."""
        return _plain(self.start + position * self.stride + Fraction(self.size - 1, 2))

    def position(self, centre: Number) -> Number:
        """The output position that is centred on an input coordinate; a fraction between two positions."""
        return _plain(Fraction(centre - self.start - Fraction(self.size - 1, 2)) / self.stride)

    def through(self, kernel: int, stride: Number, pad: Number, dilation: int, up: int) -> Axis:
        jump = Fraction(self.stride) / up
        return Axis(
            _plain(self.size + dilation * (kernel - 1) * jump),
            _plain(jump * stride),
            _plain(self.start - pad * jump),
        )

    def union(self, other: Axis) -> Axis:
        start = min(self.start, other.start)
        end = max(self.start + self.size, other.start + other.size)
        return Axis(_plain(end - start), self.stride, start)


@dataclass(frozen=True, slots=True)
class Field:
    """What a tensor's positions see of one input: per spatial axis, all of it (`whole`), or not told, and `why`."""

    axes: tuple[Axis, ...] = ()
    whole: bool = False
    why: str = ""

    @property
    def size(self) -> tuple[Number, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> tuple[Number, ...]:
        return tuple(axis.stride for axis in self.axes)

    @property
    def start(self) -> tuple[Number, ...]:
        return tuple(axis.start for axis in self.axes)

    @property
    def padding(self) -> tuple[Number, ...]:
        """The effective padding: how far the first position reaches beyond the input."""
        return tuple(-axis.start for axis in self.axes)

    def told(self, quantity: str) -> str:
        """Its size, stride or start as text, one number where all axes agree: 23, 1.5, 15x7, all, misaligned, ?."""
        if self.whole or self.why:
            return "all" if self.whole else "misaligned" if self.why.startswith("misaligned") else "?"
        return _text(getattr(self, quantity))

    def to_dict(self) -> dict[str, Any] | None:
        """Size, stride and start as JSON has them: a number each, or a list where axes differ; None for not told.

        A size of "all" is the whole input.
        """
        if self.why:
            return None
        if self.whole:
            return {"size": "all", "stride": None, "start": None}

        def one(numbers: Sequence[Number]) -> Any:
            plain = [number if isinstance(number, int) else float(number) for number in numbers]
            return plain[0] if len(set(plain)) == 1 else plain

        return {"size": one(self.size), "stride": one(self.stride), "start": one(self.start)}

    def centre(self, position: Sequence[int]) -> tuple[Number, ...]:
        """The input coordinates that an output position is centred on. Raises ValueError unless it has each axis."""
        return tuple(axis.centre(at) for axis, at in self._along(position))

    def position(self, centre: Sequence[Number]) -> tuple[Number, ...]:
        """The output position that is centred on input coordinates. Raises ValueError unless they have each axis."""
        return tuple(axis.position(at) for axis, at in self._along(centre))

    def _along(self, coordinates: Sequence[Any]) -> Iterator[tuple[Axis, Any]]:
        if len(coordinates) != len(self.axes):
            axes = f"{len(self.axes)} axes" if self.axes else f"no axes: {self.why or 'it is the whole input'}"
            raise ValueError(f"{len(coordinates)} coordinates, and the field has {axes}")
        return zip(self.axes, coordinates, strict=True)


WHOLE = Field(whole=True)


@dataclass
class ReceptiveFields:
    """The fields of every tensor with respect to every input that has spatial axes."""

    rows: list[Row]
    inputs: dict[str, Tensor]
    fields: dict[str, dict[str, Field]] = field(default_factory=dict)
    """Tensor name -> input name -> field; an input that cannot be seen is left out."""

    def of(self, tensor: str, source: str | None = None) -> Field | None:
        """The field of a tensor with respect to an input (its first, unless named); None when it sees nothing of it."""
        seen = self.fields.get(tensor, {})
        return seen.get(source) if source is not None else next(iter(seen.values()), None)

    def box(self, tensor: str, position: Sequence[int], source: str | None = None) -> tuple[Interval, ...] | None:
        """First and last input index per spatial axis that one position of `tensor` can see; None when there is none.

        Followed back through the network step by step, so it is exact where padding cuts the field off and where
        upsampling makes it differ from position to position. Raises ValueError where an extent is not a number, and
        for a position that is not on the map.
        """
        self._check(tensor, position)
        source = source if source is not None else next(iter(self.fields.get(tensor, {})), "")
        needed: dict[str, tuple[Interval, ...]] = {tensor: tuple((at, at) for at in position)}
        for row in reversed(self.rows):
            wanted = [needed[name] for name in row.op.outputs if name in needed]
            if not wanted:
                continue
            interval = _hull(wanted)
            for name, operand in row.read:
                if operand is None or source not in self.fields.get(name, {}):
                    continue
                seen = _back(interval, operand, row)
                if seen is not None:
                    needed[name] = _hull([seen, needed[name]]) if name in needed else seen
        return needed.get(source)

    def _check(self, tensor: str, position: Sequence[int]) -> None:
        made = (pair for row in self.rows for pair in zip(row.op.outputs, row.outputs, strict=False))
        found = next((each for name, each in made if name == tensor), self.inputs.get(tensor))
        extents = found.shape[2:] if found is not None and found.ranked else ()
        if extents and (len(position) != len(extents) or any(map(_beyond, position, extents))):
            where, size = "x".join(map(str, position)), "x".join(map(str, extents))
            raise ValueError(f"there is no position {where} on {tensor}, a map of {size}")


def trace(rows: Iterable[Row], inputs: Mapping[str, Tensor]) -> ReceptiveFields:
    """The receptive fields of all activations of the outer graph."""
    outer = [row for row in rows if row.name == row.op.name]
    result = ReceptiveFields(outer, dict(inputs))
    fields = result.fields
    makers: dict[str, Row] = {}
    for name, tensor in inputs.items():
        if tensor.ranked and tensor.rank > 2:
            fields[name] = {name: Field((Axis(),) * (tensor.rank - 2))}
    for row in outer:
        seen: dict[str, Field] = {}
        first: dict[str, str] = {}
        for name, operand in row.read:
            for source, before in fields.get(name, {}).items():
                after = _forward(before, operand, row)
                if source not in seen:
                    seen[source], first[source] = after, name
                elif (both := _join(seen[source], after)) is not None:
                    seen[source] = both
                else:
                    met = [(seen[source], first[source]), (after, name)]
                    ways = [(field, _way(fields, makers, tensor, source)) for field, tensor in met]
                    seen[source] = Field(why=f"misaligned at {row.name}: {_parting(ways)}")
        for name in row.op.captures:
            seen.update(dict.fromkeys(fields.get(name, {}), WHOLE))
        if seen:
            fields.update((name, seen) for name in row.op.outputs if name)
            makers.update((name, row) for name in row.op.outputs if name)
    return result


def _way(fields: Mapping[str, Mapping[str, Field]], makers: Mapping[str, Row], tensor: str, source: str) -> list[str]:
    """From an input to `tensor`, the operators passed: at each, by way of the first operand that sees the input."""
    way = []
    while (row := makers.get(tensor)) is not None:
        way.append(row.name)
        tensor = next(name for name, _ in row.read if source in fields.get(name, {}))
    return [tensor, *reversed(way)]


def _parting(ways: Sequence[tuple[Field, Sequence[str]]]) -> str:
    """Two ways that cannot be joined, each with its stride, from where they part."""
    (_, one), (_, other) = ways
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    told = []
    for seen, way in ways:
        names = [*way[shared:]]
        if len(names) > 2 * ENDS + 1:
            names[ENDS:-ENDS] = [f"... {len(names) - 2 * ENDS} more ..."]
        told.append(f"stride {_text(seen.stride)} " + (f"by way of {', '.join(names)}" if names else "directly"))
    return f"{'; '.join(told)}; they part at {one[shared - 1]}"


def _text(numbers: Sequence[Number]) -> str:
    return "x".join(f"{float(number):g}" for number in (numbers if len(set(numbers)) > 1 else numbers[:1]))


def _forward(before: Field, operand: Tensor | None, row: Row) -> Field:
    """A field seen through one operator."""
    if before.whole or before.why:
        return before
    if row.facts is None:
        return Field(why=f"{row.name} ({row.op.type}) is not known")
    window = _window(row, len(before.axes))
    if window is GLOBAL or operand is None:
        return WHOLE
    if window is POINTWISE:
        return before if _aligned(operand, row) else WHOLE
    return Field(tuple(axis.through(*entry) for axis, entry in zip(before.axes, _entries(window), strict=True)))


def _window(row: Row, axes: int) -> Window:
    """The operator's window if it speaks of that many axes, else everything."""
    window = row.facts.window if row.facts is not None and not row.op.bodies else GLOBAL
    return window if window is POINTWISE or len(window.kernel) == axes else GLOBAL


def _entries(window: Window) -> Iterator[tuple[int, Number, Number, int, int]]:
    up = window.up or (1,) * len(window.kernel)
    return zip(window.kernel, window.stride, window.pad, window.dilation, up, strict=True)


def _aligned(operand: Tensor, row: Row) -> bool:
    """Whether each output position stands for the same position of the operand: their spatial extents are the same."""
    if not operand.ranked:
        return False
    return all(tensor.ranked and tensor.shape[2:] == operand.shape[2:] for tensor in row.outputs)


def _join(a: Field, b: Field) -> Field | None:
    """What is seen by way of either; None when their strides disagree."""
    if a.why or b.why:
        return a if a.why else b
    if a.whole or b.whole:
        return WHOLE
    if a.stride != b.stride:
        return None
    return Field(tuple(x.union(y) for x, y in zip(a.axes, b.axes, strict=True)))


def _hull(intervals: Sequence[tuple[Interval, ...]]) -> tuple[Interval, ...]:
    return tuple((min(lo for lo, _ in axis), max(hi for _, hi in axis)) for axis in zip(*intervals, strict=True))


def _back(interval: tuple[Interval, ...], operand: Tensor, row: Row) -> tuple[Interval, ...] | None:
    """What an interval of output positions reads of an operand; None when only padding."""
    extents = [_number(extent) for extent in operand.shape[2:]]
    window = _window(row, len(extents))
    if window is GLOBAL or (window is POINTWISE and not _aligned(operand, row)):
        return tuple((0, extent - 1) for extent in extents)
    if window is POINTWISE:
        return interval
    seen = []
    for (low, high), (kernel, stride, pad, dilation, up), extent in zip(
        interval, _entries(window), extents, strict=True
    ):
        first = ceil((low * stride - pad) / Fraction(up))
        last = floor((high * stride - pad + dilation * (kernel - 1)) / Fraction(up))
        if stride.denominator != 1:  # a resize copies the input below: its coordinates are rounded down
            first, last = floor(low * stride - pad), floor(high * stride - pad + dilation * (kernel - 1))
        first, last = max(first, 0), min(last, extent - 1)
        if first > last:
            return None
        seen.append((first, last))
    return tuple(seen)


def _beyond(at: int, extent: Extent) -> bool:
    return at < 0 or (isinstance(extent, int) and at >= extent)


def _number(extent: Extent) -> int:
    if not isinstance(extent, int):
        raise ValueError(f"an extent of {extent} has no box: give it a value")
    return extent


def _plain(number: Number) -> Number:
    """A fraction that is whole as an int."""
    return int(number) if number.denominator == 1 else number
