"""Alias analysis: which tensors share bytes, and which results may reuse a dying input's. It holds in any order.

A view, and what a layer writes over its input on purpose, share an alias set always; so do contiguous slices of a
tensor, unless they are to be copied. An elementwise operator may reuse the whole set of an operand of its output's
size, if nobody reads that later; whether it can depends on the order, so here it is only noted. A kernel's workspace is
not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import networkx as nx

from ..dims import Extent
from ..graph import BITS, Model, Op, Tensor, TensorSequence
from .rows import Row

Evaluate = Callable[[Extent], int | None]


@dataclass(slots=True)
class AliasSet:
    """Bytes of one tensor and of all that always share them."""

    tensors: list[str]
    size: Extent | None
    """Bytes; None when they are not known."""
    nbytes: int
    """The same as a number; 0 when it is not known, which `Storage.known` says."""
    readers: int = 0
    """Steps that read it, and one more when it is an output of the model that has to last."""
    external: bool = False
    """The caller's memory, which costs nothing here."""


@dataclass(slots=True)
class Step:
    """What one operator does to the alias sets, which are named by their index."""

    row: Row
    row_index: int = 0
    reads: tuple[int, ...] = ()
    defines: tuple[int, ...] = ()
    reuses: tuple[int, ...] = ()
    """Sets whose memory the first of those it defines may take, if this step is their last reader."""
    body_peak: int = 0
    """The peak of its bodies in bytes, beside what it reads and defines."""
    body_least: int = 0
    """The same as a lower bound, where a body has operators of which nothing is known."""


@dataclass
class Storage:
    """The alias sets of a graph, and what each operator does to them in the order of the rows."""

    dag: nx.DiGraph = field(default_factory=nx.DiGraph, repr=False)
    """The graph's operators."""
    alias_sets: list[AliasSet] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    """The alias sets of the model's inputs: live from the start."""
    outputs: list[int] = field(default_factory=list)
    """Those of its outputs: live to the end."""
    offsets: dict[str, int] = field(default_factory=dict)
    """Where slices begin in their alias set, in bytes; only those that do not begin where it does."""
    known: bool = True
    """Whether every size is a number."""
    sliced: list[Op] = field(default_factory=list)
    """The operators whose results lie inside the tensor of which they are slices."""


def nbytes(tensor: Tensor) -> Extent | None:
    """Bytes of a tensor, of all items for a sequence; None when its shape or element type is not known."""
    if tensor.ranked:
        return tensor.nbytes if tensor.dtype in BITS else None
    if not isinstance(tensor, TensorSequence):
        return None
    if tensor.items is None:  # of items that are alike in all extents the number is enough
        each = nbytes(tensor.element)
        return each * tensor.length if isinstance(each, int) and tensor.length is not None else None
    known = [size for item in tensor.items if (size := nbytes(item)) is not None]
    return sum(known) if len(known) == len(tensor.items) else None


def share(
    model: Model,
    rows: Iterable[Row],
    inputs: Mapping[str, Tensor],
    evaluate: Evaluate,
    io: str = "arena",
    *,
    alias_slices: bool = True,
) -> Storage:
    """The storage of one graph; of `rows` those of its own operators count. Without `alias_slices` slices are copies.

    `evaluate` turns a symbolic size into a number, or None. Under `io="caller"` inputs and outputs are external, and no
    result reuses an input. Constants are no activations and have no alias set.
    """
    external = frozenset((*inputs, *model.outputs) if io == "caller" else ())
    analysis = _Aliasing(model, evaluate, external, alias_slices)
    storage, alias_of = analysis.storage, analysis.alias_of
    for name, tensor in inputs.items():
        storage.inputs.append(analysis.define(name, tensor))
    for index, row in enumerate(rows):
        if row.op in model.dag:
            storage.steps.append(analysis.step(row, index))
    for number in dict.fromkeys(alias_of[name] for name in model.outputs if name in alias_of):
        storage.outputs.append(number)
        storage.alias_sets[number].readers += 1
    analysis.keep_external()
    return storage


class _Aliasing:
    def __init__(self, model: Model, evaluate: Evaluate, external: frozenset[str], alias_slices: bool) -> None:
        self.storage = Storage(model.dag)
        self.evaluate = evaluate
        self.external = external
        self.alias_slices = alias_slices
        self.alias_of: dict[str, int] = {}
        """The alias set of each tensor."""
        self.fitting_inputs: dict[int, list[bool]] = {}
        """By the identity of the facts."""

    def define(self, name: str, tensor: Tensor) -> int:
        """An alias set of its own for a tensor."""
        external = name in self.external
        size = nbytes(tensor)
        number = size if type(size) is int or size is None else self.evaluate(size)
        if number is None and not external:
            self.storage.known = False
        sets = self.storage.alias_sets
        self.alias_of[name] = index = len(sets)
        sets.append(AliasSet([name], size, number or 0, 0, external))
        return index

    def alias(self, name: str, source: str, offset: Extent, dtype: str) -> bool:
        """Let a tensor share the memory of another, `offset` elements from its start; False where that cuts a byte."""
        bits = BITS.get(dtype, 0)
        if bits % 8 and offset != 0:
            return False
        number = self.alias_of[source]
        shared = self.storage.alias_sets[number]
        self.alias_of[name] = number
        shared.tensors.append(name)
        shared.external = shared.external or name in self.external
        offsets = self.storage.offsets
        if start := (self.evaluate(offset * (bits // 8)) or 0) + offsets.get(source, 0):
            offsets[name] = start
        return True

    def step(self, row: Row, index: int) -> Step:
        """What the operator of a row reads, defines and may reuse."""
        if row.constant:
            return Step(row, index)
        op, facts = row.op, row.facts
        operands = [*map(self.alias_of.get, op.all_inputs)]
        reads = self.read(operands)
        may_alias = op.in_place or (facts is not None and (facts.is_view or facts.slice_offsets))
        starts = self.starts(row) if may_alias else ()
        defines = self.results(row, starts)
        if starts or not defines or not op.outputs[0] or facts is None or not facts.elementwise:
            return Step(row, index, reads, defines)
        return Step(row, index, reads, defines, self.reusable(row, operands, reads, defines[0]))

    def read(self, operands: Sequence[int | None]) -> tuple[int, ...]:
        """The alias sets of some operands, each once; each has one reader more."""
        reads = tuple([number for number in operands if number is not None])
        if len(reads) > 1:
            reads = tuple(dict.fromkeys(reads))
        sets = self.storage.alias_sets
        for number in reads:
            sets[number].readers += 1
        return reads

    def results(self, row: Row, starts: Sequence[Extent]) -> tuple[int, ...]:
        """The alias sets that a row defines: those of its outputs that do not alias its first input at `starts`."""
        op, named = row.op, zip(row.op.outputs, row.outputs, strict=True)
        if not starts:
            return tuple([self.define(name, tensor) for name, tensor in named if name])
        defines = []
        for at, (name, tensor) in enumerate(named):
            if name and not (at < len(starts) and self.alias(name, op.inputs[0], starts[at], tensor.dtype)):
                defines.append(self.define(name, tensor))
        return tuple(defines)

    def starts(self, row: Row) -> tuple[Extent, ...]:
        """Where in the first input those outputs begin that share its memory, in elements; () when none does."""
        op, facts = row.op, row.facts
        view = op.in_place or (facts is not None and facts.is_view)
        offsets = facts.slice_offsets if facts is not None and (view or self.alias_slices) else ()
        sliced = len(offsets) == len(op.outputs) > 0
        if not (view or sliced) or not op.inputs or op.inputs[0] not in self.alias_of:
            return ()
        if not sliced:
            return (0,)
        if not view:
            self.storage.sliced.append(op)
        return offsets

    def reusable(self, row: Row, operands: Sequence[int | None], reads: tuple[int, ...], made: int) -> tuple[int, ...]:
        """The alias sets that `made`, the first output of an elementwise operator, may be written over.

        `operands` are those of its inputs, `reads` each of them once. A set of which another operand is only a part
        cannot be written over: some of its elements would be read after they have changed.
        """
        sets = self.storage.alias_sets
        size = sets[made].size
        if size is None or sets[made].external:
            return ()
        fits = self.fitting_inputs.get(id(row.facts)) or self.compare(row)
        partly = [number for number, fit in zip(operands, fits, strict=False) if not fit]
        whole = [number for number in reads if number not in partly]
        return tuple([number for number in whole if sets[number].size == size and not sets[number].external])

    def keep_external(self) -> None:
        """Let no step write the caller's memory over its own, nor the reverse: whose it is may show at a later view."""
        sets = self.storage.alias_sets
        for step in self.storage.steps if self.external else ():
            if step.reuses:
                own = [number for number in step.reuses if not sets[number].external]
                step.reuses = () if sets[step.defines[0]].external else tuple(own)

    def compare(self, row: Row) -> list[bool]:
        """Which inputs are as large as the first output in bytes and in bits an element."""
        made = row.outputs[0]
        fits = [each is not None and _are_alike(each, made) for each in row.inputs]
        self.fitting_inputs[id(row.facts)] = fits
        return fits


def _are_alike(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have as many bytes, and as many bits an element."""
    if a.dtype == b.dtype and a.ranked and b.ranked and a.shape == b.shape:  # as mostly
        return True
    return BITS.get(a.dtype) == BITS.get(b.dtype) and nbytes(a) == nbytes(b)
