"""Fusion: which operators become part of others, as in a runtime. A relation between rows; nothing is counted here.

An elementwise operator is fused into the operator that makes its operand, if nobody else reads that: what is between
them is neither written nor read. One that only makes its operand wider, as DequantizeLinear does, is fused into its
readers: they read the narrow operand. A constant is then read as narrow as the file holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..dims import Extent, minimum, total
from ..graph import BITS, Model, Op, Tensor
from .rows import Row, body_prefix


@dataclass(frozen=True, slots=True)
class Source:
    """What is read in the place of a tensor that nobody writes: of what it is a view, or what is widened to it."""

    name: str
    dtype: str
    widened_by: int | None = None
    """The row that makes it wider, whose constants (scale, zero point) are read too."""


@dataclass
class Fusion:
    """Who is fused into whom; rows are named by their index in the analysis."""

    fused_into: dict[int, int] = field(default_factory=dict)
    """For a fused row the one that does its work in the end, which is not fused itself."""
    between: dict[int, str] = field(default_factory=dict)
    """For a row that its producer does the work of: the tensor between the two, neither written nor read."""
    sources: dict[int, dict[str, Source]] = field(default_factory=dict)
    """For a row the inputs in whose place it reads something else."""
    stored: dict[int, dict[str, Extent]] = field(default_factory=dict)
    """For a row the constants among its inputs that the file holds in a narrower type, and their bytes there."""


def fuse(model: Model, rows: Sequence[Row], *, joins: bool = False, copied: frozenset[Op] = frozenset()) -> Fusion:
    """The fusion of the rows of a model and of its bodies, each graph by itself.

    Elementwise operators that have one activation among their operands are fused; with `joins`, those with several too,
    as a residual addition into one of its branches. The results of `copied` operators are copies, not slices of their
    operand.
    """
    fusion = Fusion()
    for graph in _graphs(model, rows):
        walk = _Walk(graph, rows, fusion, joins, copied)
        for at in graph.rows:
            walk.step(at)
    for at, into in fusion.fused_into.items():
        while into in fusion.fused_into:
            into = fusion.fused_into[into]
        fusion.fused_into[at] = into
    return fusion


def lies_inside(row: Row, copied: frozenset[Op]) -> bool:
    """Whether the outputs of a row are slices that lie inside its first input."""
    return row.facts is not None and bool(row.facts.slice_offsets) and row.op not in copied


def total_bytes(parts: Iterable[Extent | None]) -> Extent | None:
    """The sum, None when a part is not known."""
    known = list(parts)
    return None if None in known else total(part for part in known if part is not None)


def narrower(nbytes: Extent | None, stored: Extent | None) -> Extent | None:
    """The bytes of a constant, or those that the file holds of it where these are fewer."""
    return nbytes if nbytes is None or stored is None else minimum(nbytes, stored)


@dataclass(slots=True)
class _Graph:
    """The rows of the model itself, or of one body."""

    model: Model
    rows: list[int] = field(default_factory=list)


def _graphs(model: Model, rows: Sequence[Row]) -> Iterable[_Graph]:
    graphs = {"": _Graph(model)}
    for at, row in enumerate(rows):
        graphs[row.prefix].rows.append(at)
        for label, body in row.op.bodies:
            graphs.setdefault(body_prefix(row.prefix, row.op, label), _Graph(body))
    return graphs.values()


class _Walk:
    """The rows of one graph in the order of the schedule, fused into one another."""

    def __init__(self, graph: _Graph, rows: Sequence[Row], fusion: Fusion, joins: bool, copied: frozenset[Op]) -> None:
        self.rows = rows
        self.fusion = fusion
        self.joins = joins
        self.copied = copied
        self.outputs = frozenset(graph.model.outputs)
        self.readers: dict[str, list[int]] = {}
        """The rows that read a tensor's elements; an edge of the DAG may stand for one that needs its shape alone."""
        self.stored: dict[str, Extent] = {}
        """Bytes of the constants that the file holds in a narrower type."""
        self.sources: dict[str, Source] = {}
        self.home: dict[str, int] = {}
        """The row that writes a tensor, or would without the views between them."""
        for at in graph.rows:
            for name in _names_read(rows[at]):
                self.readers.setdefault(name, []).append(at)

    def step(self, at: int) -> None:
        """Note what a row reads in place of its inputs, and fuse it where it can be."""
        row = self.rows[at]
        self.note_operands(at, row)
        facts = row.facts
        if facts is None or facts.work is None or row.unrolled or row.op.bodies:
            return
        if row.constant:
            self.store(row)
        elif facts.is_view or lies_inside(row, self.copied):
            self.resolve_view(at, row)
        elif not (facts.elementwise and (self.fuse_into_readers(at, row) or self.fuse_into_producer(at, row))):
            self.home.update((name, at) for name in row.op.outputs if name)

    def note_operands(self, at: int, row: Row) -> None:
        """Note for a row what stands for its operands, as far as that is something else."""
        sources = {name: self.sources[name] for name in row.op.inputs if name in self.sources}
        stored = {name: self.stored[name] for name in row.op.inputs if name in self.stored}
        if sources:
            self.fusion.sources[at] = sources
        if stored:
            self.fusion.stored[at] = stored

    def store(self, row: Row) -> None:
        """Note what the file holds of a constant that is another one in a wider type."""
        facts = row.facts
        if facts is None or facts.weights == facts.outputs:
            return
        operands = zip(row.op.inputs, row.inputs, strict=True)
        held = [(name, tensor) for name, tensor in operands if tensor is not None and tensor.ranked]
        total = total_bytes(narrower(tensor.nbytes, self.stored.get(name)) for name, tensor in held)
        sizes = [tensor.size for _, tensor in held]
        for name, tensor in zip(row.op.outputs, row.outputs, strict=True):
            if tensor.ranked and tensor.size in sizes and total is not None:
                self.stored[name] = total

    def resolve_view(self, at: int, row: Row) -> None:
        """Let what a view is of stand for its first output; slices are read by themselves, in their operand's type."""
        operand = row.op.inputs[0]
        source = self.sources.get(operand)
        if lies_inside(row, self.copied):
            if source is not None:
                for name in row.op.outputs:
                    self.sources[name] = Source(name, source.dtype, source.widened_by)
            return
        name = row.op.outputs[0]
        self.sources[name] = source or Source(operand, row.outputs[0].dtype)
        if operand in self.home and self.is_only_reader(at, operand):
            self.home[name] = self.home[operand]
        self.home.update(dict.fromkeys(row.op.outputs[1:], at))

    def fuse_into_readers(self, at: int, row: Row) -> bool:
        """Fuse an operator that makes its operand wider into its readers, if all of them can take the operand."""
        operands = self.activations(row)
        output = row.op.outputs[0]
        if len(operands) != 1 or not self.can_widen(output):
            return False
        operand, tensor = operands[0]
        read = self.sources.get(operand) or Source(operand, tensor.dtype)
        if tensor.size != row.outputs[0].size or BITS.get(read.dtype, 0) >= BITS.get(row.outputs[0].dtype, 0):
            return False
        self.sources[output] = Source(read.name, read.dtype, at)
        if operand in self.home and self.is_only_reader(at, operand):
            self.home[output] = self.home[operand]
        self.fusion.fused_into[at] = self.first_reader(output)
        return True

    def first_reader(self, name: str) -> int:
        """The first operator that reads a tensor or a view of it."""
        at = self.readers[name][0]
        while (facts := self.rows[at].facts) is not None and (facts.is_view or lies_inside(self.rows[at], self.copied)):
            at = next(self.readers[name][0] for name in self.rows[at].op.outputs if name in self.readers)
        return at

    def can_widen(self, name: str) -> bool:
        """Whether every reader of a tensor is an operator of this graph that can make it from a narrower one."""
        names = [name]
        while names:
            name = names.pop()
            readers = self.readers.get(name, ())
            if not readers or name in self.outputs:
                return False
            for at in readers:
                row = self.rows[at]
                if row.op.bodies or row.facts is None or row.facts.work is None or row.unrolled:
                    return False
                if lies_inside(row, self.copied):
                    names.extend(row.op.outputs)
                elif row.facts.is_view:
                    names.append(row.op.outputs[0])
                    if row.outputs[0].dtype != (row.inputs[0] and row.inputs[0].dtype):
                        return False
        return True

    def fuse_into_producer(self, at: int, row: Row) -> bool:
        """Fuse an elementwise operator into the one that makes its operand, if there is such a one."""
        operands = self.activations(row)
        if len(operands) != 1 and not self.joins:
            return False
        homes = [
            (self.home[name], name)
            for name, tensor in operands
            if name in self.home and tensor.size == row.outputs[0].size and self.is_only_reader(at, name)
        ]
        if not homes:
            return False
        home, operand = max(homes)
        source = self.sources.get(operand)
        self.fusion.between[at] = source.name if source else operand
        self.fusion.fused_into[at] = home
        self.home.update((name, home) for name in row.op.outputs if name)
        return True

    def activations(self, row: Row) -> list[tuple[str, Tensor]]:
        """The activations whose elements a row reads, by name."""
        found: dict[str, Tensor] = {}
        constant = row.constant_inputs or (False,) * len(row.op.inputs)
        read = (row.facts and row.facts.elements_read) or ()
        for at, (name, tensor) in enumerate(zip(row.op.inputs, row.inputs, strict=True)):
            if tensor is not None and tensor.ranked and not constant[at] and read[at : at + 1] != (0,):
                found[name] = tensor
        return list(found.items())

    def is_only_reader(self, at: int, name: str) -> bool:
        return self.readers.get(name) == [at] and name not in self.outputs


def _names_read(row: Row) -> Iterable[str]:
    """The tensors whose elements a row needs, each once."""
    return dict.fromkeys((*(name for name, _ in row.read), *row.op.captures))
