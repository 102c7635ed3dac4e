"""The receptive field: which part of an input each position of a tensor can see.

One recurrence per axis of the input, from the input on (https://distill.pub/2019/computing-receptive-fields/):

    size   += dilation * (kernel - 1) / up * stride_before
    start  -= pad / up * stride_before
    stride  = stride_before * stride / up

where `start` is the input coordinate of the first tap of position 0 (minus what is called the effective padding). How
axes are followed that are reordered, reshaped, mixed or joined stands in `reach`, how an operator reads its inputs in
`index_maps`, and what one position sees exactly in `boxes`.

Branches that meet take the union, whatever their starts. Branches whose strides disagree are misaligned, which is not
a number but an answer with a reason: the two ways from where they part. Values do not matter: a tap counts even if its
weight is zero. What a border brings back (reflected, repeated, clamped) is in the boxes, not in the three numbers. What
a loop or branch does with its inputs is not followed: it sees all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import takewhile
from typing import Any

from ..dims import Extent
from ..graph import UNKNOWN, Shape, Tensor
from ..windows import AxisMap, IndexMap
from . import boxes, reach
from .boxes import Interval
from .index_maps import View, convolves, index_map, operands
from .reach import Number, Reach, Seen, Step, whole
from .rows import Row

ENDS = 4  # operators named at either end of a long way


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an input, in its elements; fractions where the network upsamples.

    A size of None is all of it; a stride and start of None vary from position to position by no rule.
    """

    size: Number | None = 1
    stride: Number | None = 1
    start: Number | None = 0
    along: int | None = None
    """The axis of the tensor whose positions look `stride` apart; None where none does."""

    def centre(self, position: int) -> Number:
        """The input coordinate that an output position is centred on. Raises ValueError where there is no rule."""
        size, stride, start = self._numbers()
        return whole(start + position * stride + Fraction(size - 1, 2))

    def position(self, centre: Number) -> Number:
        """The output position that is centred on an input coordinate; a fraction between two positions.

        Raises ValueError where there is no rule, or all positions see the same.
        """
        size, stride, start = self._numbers()
        if not stride:
            raise ValueError("every position sees the same part of the input")
        return whole(Fraction(centre - start - Fraction(size - 1, 2)) / stride)

    def _numbers(self) -> tuple[Number, Number, Number]:
        if self.size is None:
            raise ValueError("all of the axis is seen, which has no centre")
        if self.stride is None or self.start is None:
            raise ValueError("where a position looks follows no rule: see the box of a position")
        return self.size, self.stride, self.start

    def text(self, quantity: str) -> str:
        """Its size, stride or start as a number, or as `all` or `varies`."""
        number = getattr(self, quantity)
        return f"{float(number):g}" if number is not None else "all" if self.size is None else "varies"


@dataclass(frozen=True, slots=True)
class Field:
    """What a tensor's positions see of one input: per spatial axis, all of it (`whole`), or not known, and `why`."""

    axes: tuple[Axis, ...] = ()
    whole: bool = False
    why: str = ""

    @property
    def size(self) -> tuple[Number | None, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> tuple[Number | None, ...]:
        return tuple(axis.stride for axis in self.axes)

    @property
    def start(self) -> tuple[Number | None, ...]:
        return tuple(axis.start for axis in self.axes)

    @property
    def padding(self) -> tuple[Number | None, ...]:
        """The effective padding: how far the first position reaches beyond the input."""
        return tuple(None if axis.start is None else -axis.start for axis in self.axes)

    def format(self, quantity: str) -> str:
        """Its size, stride or start as text, one number where all axes agree: 23, 1.5, 15x7, 3xall, varies, all,
        misaligned, ?."""
        if self.whole or self.why:
            return "all" if self.whole else "misaligned" if self.why.startswith("misaligned") else "?"
        return _joined([axis.text(quantity) for axis in self.axes])

    told = format

    def to_dict(self) -> dict[str, Any] | None:
        """Size, stride and start as JSON has them: a number each, or a list where axes differ; None for not known.

        A size of "all" is all of the input, or of an axis; a stride and start of None vary.
        """
        if self.why:
            return None
        if self.whole:
            return {"size": "all", "stride": None, "start": None}
        sizes = ["all" if axis.size is None else _plain(axis.size) for axis in self.axes]
        return {"size": _one(sizes), "stride": _one(map(_plain, self.stride)), "start": _one(map(_plain, self.start))}

    def centre(self, position: Sequence[int]) -> tuple[Number, ...]:
        """The input coordinates that an output position is centred on.

        Raises ValueError unless it has each axis, and each axis a rule.
        """
        return tuple(axis.centre(at) for axis, at in self._along(position))

    def position(self, centre: Sequence[Number]) -> tuple[Number, ...]:
        """The output position that is centred on input coordinates. Raises ValueError as `centre` does."""
        return tuple(axis.position(at) for axis, at in self._along(centre))

    def _along(self, coordinates: Sequence[Any]) -> Iterator[tuple[Axis, Any]]:
        if len(coordinates) != len(self.axes):
            axes = f"{len(self.axes)} axes" if self.axes else f"no axes: {self.why or 'it is the whole input'}"
            raise ValueError(f"{len(coordinates)} coordinates, and the field has {axes}")
        return zip(self.axes, coordinates, strict=True)


WHOLE = Field(whole=True)
ALL_OF_AXIS = Axis(None, None, None)


def _plain(number: Number | None) -> int | float | None:
    return number if number is None or isinstance(number, int) else float(number)


def _one(entries: Iterable[Any]) -> Any:
    """One entry where all agree, else a list of them."""
    listed = list(entries)
    return listed[0] if len(set(listed)) == 1 else listed


def _joined(texts: Sequence[str]) -> str:
    return "x".join(texts if len(set(texts)) > 1 else texts[:1])


@dataclass
class ReceptiveFields:
    """The fields of every tensor with respect to every input that has spatial axes."""

    rows: list[Row]
    inputs: dict[str, Tensor]
    fields: dict[str, dict[str, Field]] = field(default_factory=dict)
    """Tensor name -> input name -> field; an input that cannot be seen is left out."""
    spatial: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The spatial axes of each input: those after the first two, or before the channels where these come last."""

    def of(self, tensor: str, source: str | None = None) -> Field | None:
        """The field of a tensor with respect to an input (its first, unless named); None when it sees nothing of it."""
        seen = self.fields.get(tensor, {})
        return seen.get(source) if source is not None else next(iter(seen.values()), None)

    def box(self, tensor: str, position: Sequence[int], source: str | None = None) -> tuple[Interval, ...] | None:
        """First and last input index per spatial axis that one position of `tensor` can see; None when there is none.

        A position has an index per spatial axis (those after the first two), or one per axis of the tensor. It is
        followed back through the network step by step, so it is exact where padding cuts the field off and where
        upsampling makes it differ from position to position. Raises ValueError where an extent is not a number, and
        for a position that is not on the map.
        """
        source = source if source is not None else next(iter(self.fields.get(tensor, {})), "")
        needed = {tensor: self._box_at(tensor, position)}
        for row in reversed(self.rows):
            for number, output in enumerate(row.op.outputs):
                if output in needed:
                    for name, box in self._operand_boxes(row, number, needed[output], source):
                        needed[name] = boxes.hull(box, needed[name], self._shapes[name]) if name in needed else box
        if source not in needed:
            return None
        extents = self._shapes[source]
        return tuple(boxes.interval(needed[source][axis], extents[axis]) for axis in self.spatial[source])

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        """The shapes of all tensors that have one."""
        made = (pair for row in self.rows for pair in zip(row.op.outputs, row.outputs, strict=False))
        return {name: tensor.shape for name, tensor in [*self.inputs.items(), *made] if tensor.ranked}

    def _operand_boxes(self, row: Row, output: int, box: boxes.Box, source: str) -> Iterator[tuple[str, boxes.Box]]:
        """What a box of an output of a row needs of each operand that sees an input."""
        after = self._shapes.get(row.op.outputs[output], ())
        for number, name in operands(row):
            if name in self._shapes and source in self.fields.get(name, {}):
                needed = boxes.back(box, index_map(row, number, output), self._shapes[name], after)
                if needed is not None:
                    yield name, needed
        for name in row.op.captures:
            if name in self._shapes and source in self.fields.get(name, {}):
                yield name, (None,) * len(self._shapes[name])

    def _box_at(self, tensor: str, position: Sequence[int]) -> boxes.Box:
        """The box of one position. Raises ValueError when there is no such position."""
        shape = self._shapes.get(tensor, ())
        lead = 0 if len(position) == len(shape) else 2
        extents = shape[lead:]
        if not extents:
            return (None,) * len(shape)
        if len(position) != len(extents) or any(map(_beyond, position, extents)):
            where, size = "x".join(map(str, position)), "x".join(map(str, extents))
            raise ValueError(f"there is no position {where} on {tensor}, a map of {size}")
        digits = [_digit(extent, index) for extent, index in zip(extents, position, strict=True)]
        return (*[None] * lead, *digits)


def trace(rows: Iterable[Row], inputs: Mapping[str, Tensor]) -> ReceptiveFields:
    """The receptive fields of all activations of the outer graph."""
    outer = [row for row in rows if row.name == row.op.name]
    followed = _Trace(outer)
    spatial: dict[str, tuple[int, ...]] = {}
    for name, tensor in inputs.items():
        if tensor.ranked and tensor.rank > 2:
            spatial[name] = spatial_axes(name, tensor, outer)
            followed.add(name, {name: tuple([Reach(1, 0, (Step(axis, 1),)) for axis in spatial[name]])}, tensor)
    for row in outer:
        for number, name in enumerate(row.op.outputs):
            if name and (seen := followed.output(row, number)):
                followed.add(name, seen, row.outputs[number] if number < len(row.outputs) else UNKNOWN)
    return ReceptiveFields(outer, dict(inputs), followed.fields, spatial)


def spatial_axes(source: str, tensor: Tensor, rows: Iterable[Row]) -> tuple[int, ...]:
    """The spatial axes of an input: those along which the first convolution slides, else all after the first two."""
    orders = {source: tuple(range(tensor.rank))}  # the input's axes as they lie in tensors that only reorder them
    for row in rows:
        for number, name in operands(row):
            order = orders.get(name)
            if order is None or row.facts is None or not row.op.outputs:
                continue
            if number == 0 and convolves(row):
                return tuple(sorted(order[2:]))
            leads = [entry.axis if isinstance(entry, AxisMap) else entry for entry in _axis_maps(row, number)]
            if sorted(lead for lead in leads if lead is not None) == list(range(tensor.rank)):
                orders[row.op.outputs[0]] = tuple([order[leads.index(axis)] for axis in range(tensor.rank)])
    return tuple(range(2, tensor.rank))


def _axis_maps(row: Row, number: int) -> IndexMap:
    found = index_map(row, number)
    return () if isinstance(found, View) else found


@dataclass(frozen=True)
class _Trace:
    """What the tensors of a graph see, followed from operator to operator."""

    rows: Sequence[Row]
    seen: dict[str, dict[str, Seen | str]] = field(default_factory=dict)
    """Tensor name -> input name -> what is seen of it, or why that is not known."""
    fields: dict[str, dict[str, Field]] = field(default_factory=dict)
    maps: dict[tuple[int | None, int, int], IndexMap | View] = field(default_factory=dict)
    """The index maps of operators that were met, by their signature: most repeat another."""
    stated: dict[tuple[int, Shape], Field] = field(default_factory=dict)
    """What is seen, by identity, as a field of a tensor of that shape: most operators leave it as it is."""

    def add(self, name: str, seen: dict[str, Seen | str], tensor: Tensor) -> None:
        """Note what a tensor sees."""
        self.seen[name] = seen
        shape = tensor.shape if tensor.ranked else ()
        self.fields[name] = {source: self._field(found, shape) for source, found in seen.items()}

    def _field(self, seen: Seen | str, shape: Shape) -> Field:
        """As a field; `seen` is kept, so that nothing else has its identity."""
        key = (id(seen), shape)
        found = self.stated.get(key)
        if found is None:
            found = self.stated[key] = _field(seen, shape)
        return found

    def output(self, row: Row, number: int) -> dict[str, Seen | str]:
        """What an output of a row sees of each input."""
        if number and _like_first(row, number):
            return self.seen.get(row.op.outputs[0], {})
        seen: dict[str, Seen | str] = {}
        first: dict[str, str] = {}
        for operand, name in operands(row):
            if name not in self.seen:
                continue
            for source, after in self._through(row, operand, name, number):
                if source not in seen:
                    seen[source], first[source] = after, name
                else:
                    seen[source] = self._meet(row, number, source, (first[source], seen[source]), (name, after))
        for name in row.op.captures:
            for source, before in self.seen.get(name, {}).items():
                seen[source] = before if isinstance(before, str) else (None,) * len(before)
        return seen

    def _through(self, row: Row, operand: int, name: str, output: int) -> Iterator[tuple[str, Seen | str]]:
        """What is seen of each input by way of one operand."""
        if row.facts is None or not row.facts.window.known:
            why = f"{row.name} ({row.op.type}) is not known"
            for source, seen in self.seen[name].items():
                yield source, seen if isinstance(seen, str) or not any(seen) else why
            return
        found, x = self._map(row, operand, output), row.inputs[operand]
        shape = x.shape if x is not None and found else ()
        for source, seen in self.seen[name].items():
            yield source, seen if isinstance(seen, str) else reach.through(seen, found, shape)

    def _map(self, row: Row, operand: int, output: int) -> IndexMap | View:
        key = (row.signature, operand, output)
        found = self.maps.get(key)
        if found is None or row.signature is None:
            found = self.maps[key] = index_map(row, operand, output)
        return found

    def _meet(
        self, row: Row, output: int, source: str, one: tuple[str, Seen | str], other: tuple[str, Seen | str]
    ) -> Seen | str:
        """What is seen by way of either of two operands, each by name; why, where they are misaligned."""
        (_, a), (_, b) = one, other
        if isinstance(a, str) or isinstance(b, str):
            return a if isinstance(a, str) else b
        y = row.outputs[output]
        joins = row.facts.window.joins if row.facts is not None else None
        shape = y.shape if y.ranked else ()
        both = reach.union(a, b, shape) if joins is None else reach.end_to_end(a, b, joins, shape)
        if both is not None:
            return both
        ways = [(_field(seen, shape).format("stride"), self._way(name, source)) for name, seen in (one, other)]
        return f"misaligned at {row.name}: {_parting(ways)}"

    def _way(self, tensor: str, source: str) -> list[str]:
        """From an input to `tensor`, the operators passed: at each, by way of the first operand that sees the input."""
        way = []
        for row in reversed(self.rows):
            if tensor in row.op.outputs:
                way.append(row.name)
                names = (*(name for _, name in operands(row)), *row.op.captures)
                tensor = next(name for name in names if source in self.seen.get(name, {}))
        return [tensor, *reversed(way)]


def _like_first(row: Row, number: int) -> bool:
    """Whether an output sees what the first does."""
    if row.facts is None or number >= len(row.outputs):
        return True
    y, first = row.outputs[number], row.outputs[0]
    return row.facts.window.cuts is None and y.ranked and first.ranked and y.shape == first.shape


def _parting(ways: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Two ways that cannot be joined, each with its stride, from where they part."""
    (_, one), (_, other) = ways
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    parts = []
    for stride, way in ways:
        names = [*way[shared:]]
        if len(names) > 2 * ENDS + 1:
            names[ENDS:-ENDS] = [f"... {len(names) - 2 * ENDS} more ..."]
        parts.append(f"stride {stride} " + (f"by way of {', '.join(names)}" if names else "directly"))
    return f"{'; '.join(parts)}; they part at {one[shared - 1]}"


def _field(seen: Seen | str, shape: Shape) -> Field:
    if isinstance(seen, str):
        return Field(why=seen)
    if not any(seen):
        return WHOLE
    return Field(tuple([Axis(*numbers) if numbers else ALL_OF_AXIS for numbers in reach.stated(seen, shape)]))


def _digit(extent: Extent, index: int) -> tuple[boxes.Digit]:
    return (boxes.Digit(boxes.number(extent), index, index),)


def _beyond(at: int, extent: Extent) -> bool:
    return at < 0 or (isinstance(extent, int) and at >= extent)
