"""Traffic: the bytes that each operator reads and writes, as the file has them or with operators folded together.

An operator reads its inputs and weights once and writes its outputs once, save where its rule states that it reads less
or that its output is a view or a piece of its input, which is not moved. Operators that see only constants run before
the model does and move nothing in a run; those with bodies move what the operators of their bodies move. What a cache
or a tiling saves and what a kernel's workspace adds is not known here.

Folded, an elementwise operator is part of the operator that makes its operand, if nobody else reads that: what is
between them is neither written nor read. One that only makes its operand wider, as DequantizeLinear does, is part of
its readers: they read the narrow operand. A constant is then read as narrow as the file holds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from ..dims import Extent, maximum, minimum
from ..graph import BITS, Model, Op, Tensor
from ..rules import POINTWISE
from .rows import Row, body_prefix


@dataclass(slots=True)
class Moved:
    """What one row moves, in bytes; None where that is not known."""

    operands: Extent | None
    """Activations that one run reads."""
    constants: Extent | None
    """Weights and other constants that one run reads."""
    results: Extent | None
    """What one run writes."""
    times: Extent = 1
    """Runs in one forward run of the model."""
    dtype: str = ""
    """The element type in which the first activation is read; "" when none is."""
    into: int | None = None
    """The row that this one is folded into and that moves what is left of its bytes."""

    @property
    def reads(self) -> Extent | None:
        """Bytes read in one forward run of the model."""
        if self.operands is None or self.constants is None:
            return None
        return (self.operands + self.constants) * self.times

    @property
    def writes(self) -> Extent | None:
        """Bytes written in one forward run of the model."""
        return None if self.results is None else self.results * self.times

    @property
    def nbytes(self) -> Extent | None:
        """Bytes read and written in one forward run of the model."""
        reads, writes = self.reads, self.writes
        return None if reads is None or writes is None else reads + writes


@dataclass
class Traffic:
    """Bytes moved in one forward run, per row and in total; a total is of the rows that are known."""

    rows: list[Moved]
    """In the order of the analysis' rows."""

    @cached_property
    def reads(self) -> Extent:
        return _total(row.reads for row in self.rows)

    @cached_property
    def writes(self) -> Extent:
        return _total(row.writes for row in self.rows)

    @property
    def nbytes(self) -> Extent:
        return self.reads + self.writes

    def gather(self, amounts: Sequence[Extent | None]) -> list[Extent | None]:
        """An amount per row, those of folded rows added to the row that they are folded into; None when not known."""
        sums = list(amounts)
        for at, (row, amount) in enumerate(zip(self.rows, amounts, strict=True)):
            if row.into is not None:
                into = sums[row.into]
                sums[row.into] = None if into is None or amount is None else into + amount
                sums[at] = 0
        return sums

    @property
    def complete(self) -> bool:
        """Whether the totals are exact rather than lower bounds."""
        return all(row.nbytes is not None for row in self.rows)


def count(
    model: Model,
    rows: Sequence[Row],
    *,
    fuse: bool = False,
    joins: bool = False,
    copied: frozenset[Op] = frozenset(),
) -> Traffic:
    """The bytes that each of `rows` moves.

    With `fuse`, elementwise operators that have one activation among their operands are folded; with `joins`, those
    with several too, as a residual addition into one of its branches. Unbroken pieces of a tensor move nothing, save
    those of `copied` operators.
    """
    if not fuse:
        return Traffic(_alone(rows, copied))
    moved = [Moved(0, 0, 0)] * len(rows)
    for graph in _graphs(model, rows):
        walk = _Walk(graph, rows, joins, copied)
        for at in graph.rows:
            walk.step(at)
        for at in graph.rows:
            moved[at] = walk.moved(at)
    return Traffic(moved)


def _alone(rows: Sequence[Row], copied: frozenset[Op]) -> list[Moved]:
    """What each row moves by itself; networks repeat, so rows with the very same facts and names are asked for once."""
    walk, known, moved = _Walk(_Graph(), rows, joins=False, copied=copied), dict[object, Moved](), []
    for row in rows:
        op = row.op
        names = tuple(map(op.inputs.index, op.inputs)), tuple(map(bool, op.outputs)), bool(op.bodies)
        key = (id(row.facts), names, row.constant_inputs, row.constant, row.unrolled, row.trip_count, op in copied)
        if row.facts is None or key not in known:
            known[key] = walk.part(row).moved(row.trip_count)
        moved.append(known[key])
    return moved


@dataclass(slots=True)
class _Graph:
    """The rows of the model itself, or of one body."""

    outputs: frozenset[str] = frozenset()
    rows: list[int] = field(default_factory=list)


def _graphs(model: Model, rows: Sequence[Row]) -> Iterable[_Graph]:
    graphs = {"": _Graph(frozenset(model.outputs))}
    for at, row in enumerate(rows):
        graphs.setdefault(row.prefix, _Graph()).rows.append(at)
        for label, body in row.op.bodies:
            graphs.setdefault(body_prefix(row.prefix, row.op, label), _Graph(frozenset(body.outputs)))
    return graphs.values()


@dataclass(slots=True)
class _Read:
    """A tensor as it is read: how many elements, None when that is not known, and of which type."""

    elements: Extent | None
    dtype: str

    @property
    def nbytes(self) -> Extent | None:
        if self.elements is None or self.dtype not in BITS:
            return None
        return Tensor((self.elements,), self.dtype).nbytes


@dataclass(slots=True)
class _Part:
    """What one operator, and those folded into it, read and write in one run."""

    reads: dict[str, _Read] = field(default_factory=dict)
    """Activations by name."""
    constants: dict[str, Extent | None] = field(default_factory=dict)
    """Bytes of constants by name, those of an operator's own weights under its name and their number."""
    writes: dict[str, Extent | None] = field(default_factory=dict)
    known: bool = True

    def moved(self, times: Extent, into: int | None = None) -> Moved:
        """The sums of it."""
        if not self.known:
            return Moved(None, None, None, times)
        return Moved(
            _sum(read.nbytes for read in self.reads.values()),
            _sum(self.constants.values()),
            _sum(self.writes.values()),
            times,
            next((read.dtype for read in self.reads.values()), ""),
            into,
        )


@dataclass(slots=True)
class _Source:
    """What is read in the place of a tensor that nobody writes."""

    name: str
    dtype: str
    constants: dict[str, Extent | None]
    """What turning it into that tensor needs: the scales of a DequantizeLinear."""


class _Walk:
    """One graph's rows in the order of the schedule, folded into one another."""

    def __init__(self, graph: _Graph, rows: Sequence[Row], joins: bool, copied: frozenset[Op]) -> None:
        self.graph = graph
        self.rows = rows
        self.joins = joins
        self.copied = copied
        self.parts: dict[int, _Part] = {}
        self.into: dict[int, int] = {}
        self.stored: dict[str, Extent] = {}
        """Bytes of the constants that the file holds in a narrower type."""
        self.sources: dict[str, _Source] = {}
        self.home: dict[str, int] = {}
        """The row that writes a tensor, or would without the views between them."""
        self.readers: dict[str, list[int]] = {}
        for at in graph.rows:
            for name in _names_read(rows[at]):
                self.readers.setdefault(name, []).append(at)

    def step(self, at: int) -> None:
        """Find what a row reads and writes, and fold it where it can be."""
        row = self.rows[at]
        part = self.parts[at] = self.part(row)
        if not part.known or row.facts is None or row.op.bodies:
            return
        if row.constant:
            self.store(row)
        elif row.facts.is_view or self.cut(row):
            self.look_through(at, row)
        elif not (row.facts.elementwise and (self.widen(at, row, part) or self.fold(at, row, part))):
            self.home.update(dict.fromkeys(part.writes, at))

    def moved(self, at: int) -> Moved:
        into = self.into.get(at)
        while into in self.into:
            into = self.into[into]
        return self.parts[at].moved(self.rows[at].trip_count, into)

    def cut(self, row: Row) -> bool:
        """Whether the outputs are pieces that lie inside the first input."""
        return row.facts is not None and bool(row.facts.slice_offsets) and row.op not in self.copied

    def part(self, row: Row) -> _Part:
        """What a row reads and writes by itself."""
        facts = row.facts
        if facts is None or facts.work is None or row.unrolled:
            return _Part(known=False)
        part = _Part()
        if row.constant or row.op.bodies or self.cut(row):
            return part
        written = [(name, _whole(tensor)) for name, tensor in zip(row.op.outputs, row.outputs, strict=True)]
        part.writes = {name: tensor.nbytes for name, tensor in written[facts.is_view :] if name}
        if facts.is_view:
            return part
        stated = facts.elements_read or _stepped_over(row)
        for at, (name, tensor) in enumerate(zip(row.op.inputs, row.inputs, strict=True)):
            if tensor is None:
                continue
            read = _whole(tensor)
            if at < len(stated):  # an element that several outputs need is read once
                read.elements = stated[at] if read.elements is None else minimum(stated[at], read.elements)
            if read.elements == 0:
                continue
            if row.constant_inputs and row.constant_inputs[at]:
                part.constants[name] = _least(read.nbytes, self.stored.get(name))
                continue
            source = self.sources.get(name)
            if source is not None:
                name, read.dtype = source.name, source.dtype
                part.constants.update(source.constants)
            before = part.reads.get(name, read)
            if before.elements is not None and read.elements is not None and before is not read:
                read.elements = maximum(before.elements, read.elements)
            part.reads[name] = read
        if facts.weights != facts.outputs:  # as those of a constant are
            for at, weight in enumerate(facts.weights, len(row.op.inputs)):
                read = _whole(weight)
                read.elements = minimum(stated[at], weight.size) if at < len(stated) else read.elements
                part.constants[f"{row.name}:{at}"] = read.nbytes
        return part

    def store(self, row: Row) -> None:
        """Note what the file holds of a constant that is another one in a wider type."""
        facts = row.facts
        if facts is None or facts.weights == facts.outputs:
            return
        held = [
            _least(tensor.nbytes, self.stored.get(name))
            for name, tensor in zip(row.op.inputs, row.inputs, strict=True)
            if tensor is not None and tensor.ranked
        ]
        sizes = [tensor.size for tensor in row.inputs if tensor is not None and tensor.ranked]
        for name, tensor in zip(row.op.outputs, row.outputs, strict=True):
            if tensor.ranked and tensor.size in sizes and (total := _sum(held)) is not None:
                self.stored[name] = total

    def look_through(self, at: int, row: Row) -> None:
        """Let the outputs of a view stand for what it is a view of."""
        operand = row.op.inputs[0]
        source = self.sources.get(operand)
        if self.cut(row):
            for name in row.op.outputs if source else ():
                assert source is not None
                self.sources[name] = _Source(name, source.dtype, source.constants)
            return
        name = row.op.outputs[0]
        dtype = row.outputs[0].dtype
        self.sources[name] = source or _Source(operand, dtype, {})
        if operand in self.home and self.only_reader(at, operand):
            self.home[name] = self.home[operand]
        self.home.update(dict.fromkeys(row.op.outputs[1:], at))

    def widen(self, at: int, row: Row, part: _Part) -> bool:
        """Fold an operator that makes its operand wider into its readers, if all of them can take the operand."""
        operands = self.operands(row)
        output = row.op.outputs[0]
        if len(operands) != 1 or not self.can_widen(output):
            return False
        (operand, tensor), (name, read) = operands[0], next(iter(part.reads.items()))
        if tensor.size != row.outputs[0].size or BITS.get(read.dtype, 0) >= BITS.get(row.outputs[0].dtype, 0):
            return False
        self.sources[output] = _Source(name, read.dtype, part.constants)
        if operand in self.home and self.only_reader(at, operand):
            self.home[output] = self.home[operand]
        self.into[at] = self.first_reader(output)
        self.parts[at] = _Part()
        return True

    def first_reader(self, name: str) -> int:
        """The first operator that reads a tensor or a view of it."""
        at = self.readers[name][0]
        while (facts := self.rows[at].facts) is not None and (facts.is_view or self.cut(self.rows[at])):
            at = next(self.readers[name][0] for name in self.rows[at].op.outputs if name in self.readers)
        return at

    def can_widen(self, name: str) -> bool:
        """Whether every reader of a tensor is an operator of this graph that can make it from a narrower one."""
        names = [name]
        while names:
            name = names.pop()
            readers = self.readers.get(name, ())
            if not readers or name in self.graph.outputs:
                return False
            for at in readers:
                row = self.rows[at]
                if row.op.bodies or row.facts is None or row.facts.work is None or row.unrolled:
                    return False
                if self.cut(row):
                    names.extend(row.op.outputs)
                elif row.facts.is_view:
                    names.append(row.op.outputs[0])
                    if row.outputs[0].dtype != (row.inputs[0] and row.inputs[0].dtype):
                        return False
        return True

    def fold(self, at: int, row: Row, part: _Part) -> bool:
        """Fold an elementwise operator into the one that makes its operand, if there is such a one."""
        operands = self.operands(row)
        if len(operands) != 1 and not self.joins:
            return False
        homes = [
            (self.home[name], name)
            for name, tensor in operands
            if name in self.home and tensor.size == row.outputs[0].size and self.only_reader(at, name)
        ]
        if not homes:
            return False
        home, operand = max(homes)
        source = self.sources.get(operand)
        between = source.name if source else operand
        root = self.parts[home]
        root.writes.pop(between)
        root.writes.update(part.writes)
        root.constants.update(part.constants)
        part.reads.pop(between)
        for name, read in part.reads.items():
            root.reads.setdefault(name, read)
        self.home.update(dict.fromkeys(part.writes, home))
        self.into[at] = home
        self.parts[at] = _Part()
        return True

    def operands(self, row: Row) -> list[tuple[str, Tensor]]:
        """The activations that a row reads."""
        found: dict[str, Tensor] = {}
        stated = (row.facts and row.facts.elements_read) or ()
        for at, (name, tensor) in enumerate(zip(row.op.inputs, row.inputs, strict=True)):
            unread = (row.constant_inputs and row.constant_inputs[at]) or stated[at : at + 1] == (0,)
            if tensor is not None and tensor.ranked and not unread:
                found[name] = tensor
        return list(found.items())

    def only_reader(self, at: int, name: str) -> bool:
        return self.readers[name] == [at] and name not in self.graph.outputs


def _stepped_over(row: Row) -> tuple[Extent, ...]:
    """Elements of the first input that windows touch, where strides step over some: a quarter under 1x1/2; else ()."""
    window = row.facts.window if row.facts is not None else POINTWISE
    if window.up or all(stride <= kernel for stride, kernel in zip(window.stride, window.kernel, strict=True)):
        return ()
    x, y, axes = row.inputs[0], row.outputs[0], len(window.kernel)
    if x is None or not x.ranked or not y.ranked or not x.rank == y.rank == axes + 2:
        return ()
    spatial = zip(x.shape[2:], y.shape[2:], window.kernel, strict=True)
    return (prod(x.shape[:2]) * prod([minimum(size, steps * kernel) for size, steps, kernel in spatial]),)


def _names_read(row: Row) -> Iterable[str]:
    """The tensors that a row needs; one of which only the shape matters is not read."""
    return dict.fromkeys((*(name for name, _ in row.read), *row.op.captures))


def _whole(tensor: Tensor) -> _Read:
    return _Read(tensor.size if tensor.ranked else None, tensor.dtype)


def _least(nbytes: Extent | None, stored: Extent | None) -> Extent | None:
    return nbytes if nbytes is None or stored is None else minimum(nbytes, stored)


def _total(parts: Iterable[Extent | None]) -> Extent:
    """The sum of what is known; networks repeat, and adding formulas takes time."""
    distinct = Counter(parts)
    return sum((part * times for part, times in distinct.items() if part is not None), 0)


def _sum(parts: Iterable[Extent | None]) -> Extent | None:
    """The sum, None when a part is not known."""
    known = list(parts)
    return None if None in known else sum((part for part in known if part is not None), 0)
