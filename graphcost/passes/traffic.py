"""Traffic: the bytes that each operator reads and writes, as the file has them or with operators fused.

An operator reads its inputs and weights once and writes its outputs once, save where its rule states that it reads less
or that its output is a view or a slice of its input, which is not moved. Operators that see only constants run before
the model does and move nothing in a run; those with bodies move what the operators of their bodies move. What a cache
or a tiling saves and what a kernel's workspace adds is not known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from ..dims import Extent, maximum, minimum, total
from ..graph import BITS, Op, Tensor
from ..rules import POINTWISE
from .fusion import Fusion, lies_inside, narrower, total_bytes
from .rows import Row


@dataclass(slots=True)
class OpTraffic:
    """What one row moves, in bytes; None where that is not known."""

    activation_reads: Extent | None
    """Activations that one run reads."""
    weight_reads: Extent | None
    """Weights and other constants that one run reads."""
    activation_writes: Extent | None
    """What one run writes."""
    trip_count: Extent = 1
    """Runs in one forward run of the model."""
    dtype: str = ""
    """The element type in which the first activation is read; "" when none is."""
    fused_into: int | None = None
    """The row that this one is fused into and that moves what is left of its bytes."""

    @property
    def reads(self) -> Extent | None:
        """Bytes read in one forward run of the model."""
        if self.activation_reads is None or self.weight_reads is None:
            return None
        return (self.activation_reads + self.weight_reads) * self.trip_count

    @property
    def writes(self) -> Extent | None:
        """Bytes written in one forward run of the model."""
        return None if self.activation_writes is None else self.activation_writes * self.trip_count

    @property
    def nbytes(self) -> Extent | None:
        """Bytes read and written in one forward run of the model."""
        reads, writes = self.reads, self.writes
        return None if reads is None or writes is None else reads + writes


@dataclass
class Traffic:
    """Bytes moved in one forward run, per row and in total; a total is of the rows that are known."""

    rows: list[OpTraffic]
    """In the order of the analysis' rows."""

    @cached_property
    def reads(self) -> Extent:
        return _known_total(row.reads for row in self.rows)

    @cached_property
    def writes(self) -> Extent:
        return _known_total(row.writes for row in self.rows)

    @property
    def nbytes(self) -> Extent:
        return self.reads + self.writes

    def gather(self, amounts: Sequence[Extent | None]) -> list[Extent | None]:
        """An amount per row, those of fused rows added to the row that they are fused into; None when not known."""
        sums = list(amounts)
        for at, (row, amount) in enumerate(zip(self.rows, amounts, strict=True)):
            if row.fused_into is not None:
                into = sums[row.fused_into]
                sums[row.fused_into] = None if into is None or amount is None else into + amount
                sums[at] = 0
        return sums

    @property
    def complete(self) -> bool:
        """Whether the totals are exact rather than lower bounds."""
        return all(row.nbytes is not None for row in self.rows)


def count(rows: Sequence[Row], fusion: Fusion | None = None, *, copied: frozenset[Op] = frozenset()) -> Traffic:
    """The bytes that each row moves, fused as `fusion` has it; contiguous slices move nothing, save `copied` ones."""
    if fusion is None:
        return Traffic(_unfused(rows, copied))
    shares: list[Share] = []
    for at, row in enumerate(rows):
        share = _share(row, copied, _Operands(fusion, at, shares))
        shares.append(share)
        if at in fusion.between:
            shares[fusion.fused_into[at]].absorb(share, fusion.between[at])
    moved = []
    for at, (row, share) in enumerate(zip(rows, shares, strict=True)):
        into = fusion.fused_into.get(at)
        moved.append((share if into is None else Share()).total(row.trip_count, into))
    return Traffic(moved)


def _unfused(rows: Sequence[Row], copied: frozenset[Op]) -> list[OpTraffic]:
    """What each row moves by itself, counted once for all rows of one signature."""
    known: dict[object, OpTraffic] = {}
    moved = []
    for at, row in enumerate(rows):
        key = (at,) if row.signature is None else (row.signature, row.op in copied)
        if key not in known:
            known[key] = _share(row, copied, _Operands()).total(row.trip_count)
        moved.append(known[key])
    return moved


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
class Share:
    """What one operator, and those fused into it, read and write in one run."""

    activations: dict[str, _Read] = field(default_factory=dict)
    """What is read, by name."""
    constants: dict[str, Extent | None] = field(default_factory=dict)
    """Bytes of constants by name, those of an operator's own weights under its name and their number."""
    writes: dict[str, Extent | None] = field(default_factory=dict)
    known: bool = True

    def read(self, name: str, read: _Read) -> None:
        """Read an activation; the elements that are read twice need to be read once."""
        before = self.activations.get(name, read)
        if before.elements is not None and read.elements is not None and before is not read:
            read.elements = maximum(before.elements, read.elements)
        self.activations[name] = read

    def absorb(self, other: Share, between: str) -> None:
        """Add the share of an operator that is fused into this one: what is `between` is neither written nor read."""
        self.writes.pop(between)
        self.writes.update(other.writes)
        self.constants.update(other.constants)
        for name, read in other.activations.items():
            if name != between:
                self.activations.setdefault(name, read)

    def total(self, trip_count: Extent, fused_into: int | None = None) -> OpTraffic:
        """The sums of it."""
        if not self.known:
            return OpTraffic(None, None, None, trip_count)
        return OpTraffic(
            total_bytes(read.nbytes for read in self.activations.values()),
            total_bytes(self.constants.values()),
            total_bytes(self.writes.values()),
            trip_count,
            next((read.dtype for read in self.activations.values()), ""),
            fused_into,
        )


class _Operands:
    """What a row reads in the place of its inputs, as a fusion has it."""

    def __init__(self, fusion: Fusion | None = None, at: int = 0, shares: Sequence[Share] = ()) -> None:
        self.sources = fusion.sources.get(at, {}) if fusion is not None else {}
        self.stored = fusion.stored.get(at, {}) if fusion is not None else {}
        self.shares = shares
        """Those of the rows before it."""

    def read(self, share: Share, name: str, read: _Read) -> None:
        """Let a share read an activation, or what stands for it with the constants that make it wider."""
        source = self.sources.get(name)
        if source is None:
            share.read(name, read)
            return
        if source.widened_by is not None:
            share.constants.update(self.shares[source.widened_by].constants)
        read.dtype = source.dtype
        share.read(source.name, read)


def _share(row: Row, copied: frozenset[Op], operands: _Operands) -> Share:
    """What a row reads and writes by itself."""
    facts = row.facts
    if facts is None or facts.work is None or row.unrolled:
        return Share(known=False)
    if row.constant or row.op.bodies or lies_inside(row, copied):
        return Share()
    share = Share(writes=_writes(row))
    if facts.is_view:
        return share
    limits = facts.elements_read or _stepped_over(row)
    for at, (name, tensor) in enumerate(zip(row.op.inputs, row.inputs, strict=True)):
        read = _limited(tensor, limits[at : at + 1]) if tensor is not None else None
        if read is None or read.elements == 0:
            continue
        if row.constant_inputs and row.constant_inputs[at]:
            share.constants[name] = narrower(read.nbytes, operands.stored.get(name))
        else:
            operands.read(share, name, read)
    if facts.weights != facts.outputs:  # as those of a constant are
        for at, weight in enumerate(facts.weights, len(row.op.inputs)):
            share.constants[f"{row.name}:{at}"] = _limited(weight, limits[at : at + 1]).nbytes
    return share


def _writes(row: Row) -> dict[str, Extent | None]:
    """Bytes of the outputs that are written: the first of a view is not."""
    written = list(zip(row.op.outputs, row.outputs, strict=True))
    view = row.facts is not None and row.facts.is_view
    return {name: _whole(tensor).nbytes for name, tensor in written[view:] if name}


def _whole(tensor: Tensor) -> _Read:
    return _Read(tensor.size if tensor.ranked else None, tensor.dtype)


def _limited(tensor: Tensor, limit: Sequence[Extent]) -> _Read:
    """A tensor of which at most so many elements are read: one that several outputs need is read once."""
    read = _whole(tensor)
    for most in limit:
        read.elements = most if read.elements is None else minimum(most, read.elements)
    return read


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


def _known_total(parts: Iterable[Extent | None]) -> Extent:
    """The sum of what is known; equal formulas are added by a product, which takes less time."""
    distinct = Counter(parts)
    return total(part * times for part, times in distinct.items() if part is not None)
