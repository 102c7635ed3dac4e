"""Which tensors share bytes, and which results may be written over a dying input: facts that hold in any order.

A view, and what a layer writes over its input on purpose, share a block always; so do unbroken pieces of a tensor,
unless they are to be copied. An elementwise operator may take over the whole block of an operand of its output's size,
if nobody reads that block later; whether it can depends on the order, so here it is only noted. What a kernel needs
besides its operands is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from ..dims import Extent
from ..graph import BITS, Model, Op, Tensor, TensorSequence
from .rows import Row

Evaluate = Callable[[Extent], int | None]


@dataclass(slots=True)
class Block:
    """Bytes of one tensor and of all that always share them."""

    tensors: list[str]
    size: Extent | None
    """Bytes; None when they are not known."""
    nbytes: int
    """The same as a number; 0 when it is not known, which `Storage.known` says."""
    readers: int = 0
    """Steps that read it, and one more when it is an output of the model that has to last."""
    outside: bool = False
    """Somebody else's memory: the caller's."""


@dataclass(slots=True)
class Step:
    """What one operator does to the blocks, by their number."""

    row: Row
    at: int = 0
    """The row's number."""
    reads: tuple[int, ...] = ()
    makes: tuple[int, ...] = ()
    takes: tuple[int, ...] = ()
    """Blocks that the first of those it makes may take over, if this step is their last reader."""
    inside: int = 0
    """Bytes that are alive in its bodies at their worst moment, beside what it reads and makes."""


@dataclass
class Storage:
    """The blocks of a graph, and what each operator does to them in the order of the rows."""

    blocks: list[Block] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    """The blocks of the inputs: alive from the start."""
    kept: list[int] = field(default_factory=list)
    """The blocks of the outputs: alive to the end."""
    offsets: dict[str, int] = field(default_factory=dict)
    """Where pieces begin in their block, in bytes; only those that do not begin where it does."""
    known: bool = True
    """Whether every size is a number."""
    cut: list[Op] = field(default_factory=list)
    """The operators whose results lie inside the tensor of which they are pieces."""


def nbytes(tensor: Tensor) -> Extent | None:
    """Bytes of a tensor, of all items for a sequence; None when its shape or element type is not known."""
    if tensor.ranked:
        return tensor.nbytes if tensor.dtype in BITS else None
    if not isinstance(tensor, TensorSequence) or tensor.items is None:
        return None
    known = [size for item in tensor.items if (size := nbytes(item)) is not None]
    return sum(known) if len(known) == len(tensor.items) else None


def share(
    model: Model,
    rows: Iterable[Row],
    inputs: Mapping[str, Tensor],
    evaluate: Evaluate,
    io: str = "keep",
    *,
    pieces: bool = True,
) -> Storage:
    """The storage of one graph; of `rows` those of its own operators count. Without `pieces`, those are copies.

    `evaluate` turns a symbolic size into a number, or None. Under `io="caller"` inputs and outputs are outside, and no
    result is written over an input. Constants are not activations and have no block.
    """
    sharing = _Sharing(evaluate, frozenset((*inputs, *model.outputs) if io == "caller" else ()), pieces)
    storage, home = sharing.storage, sharing.home
    for name, tensor in inputs.items():
        storage.given.append(sharing.make(name, tensor))
    ops = model.dag
    for at, row in enumerate(rows):
        if row.op in ops:
            storage.steps.append(sharing.step(row, at))
    for number in dict.fromkeys(home[name] for name in model.outputs if name in home):
        storage.kept.append(number)
        storage.blocks[number].readers += 1
    return storage


class _Sharing:
    def __init__(self, evaluate: Evaluate, outside: frozenset[str], pieces: bool) -> None:
        self.storage = Storage()
        self.evaluate = evaluate
        self.outside = outside
        self.pieces = pieces
        self.home: dict[str, int] = {}
        """The number of the block that each tensor is in."""
        self.alike_inputs: dict[int, tuple[list[bool], list[bool]]] = {}
        """By the identity of the facts."""
        self.sizes: dict[int, tuple[Extent | None, int | None]] = {}
        """Bytes of tensors by their identity: the rows hold them as long as this lives."""

    def measure(self, tensor: Tensor) -> tuple[Extent | None, int | None]:
        """Bytes of a tensor as they are, and as a number."""
        size = nbytes(tensor)
        self.sizes[id(tensor)] = measured = size, None if size is None else self.evaluate(size)
        return measured

    def make(self, name: str, tensor: Tensor) -> int:
        """A block of its own for a tensor."""
        outside = name in self.outside
        size, number = self.sizes.get(id(tensor)) or self.measure(tensor)  # once for each: networks repeat
        if number is None and not outside:
            self.storage.known = False
        blocks = self.storage.blocks
        self.home[name] = at = len(blocks)
        blocks.append(Block([name], size, number or 0, 0, outside))
        return at

    def join(self, name: str, source: str, offset: Extent, dtype: str) -> bool:
        """Put a tensor into the block of another, `offset` elements from its beginning; False where bytes are cut."""
        bits = BITS.get(dtype, 0)
        if bits % 8 and offset != 0:
            return False
        number = self.home[source]
        block = self.storage.blocks[number]
        self.home[name] = number
        block.tensors.append(name)
        block.outside = block.outside or name in self.outside
        offsets = self.storage.offsets
        if at := (self.evaluate(offset * (bits // 8)) or 0) + offsets.get(source, 0):
            offsets[name] = at
        return True

    def step(self, row: Row, at: int) -> Step:
        """What the operator of row `at` reads, makes and may take over."""
        if row.constant:
            return Step(row, at)
        blocks, op, facts = self.storage.blocks, row.op, row.facts
        operands = [*map(self.home.get, op.all_inputs)]
        reads = tuple([number for number in operands if number is not None])
        if len(reads) > 1:
            reads = tuple(dict.fromkeys(reads))
        for number in reads:
            blocks[number].readers += 1
        starts = (
            self.starts(row) if op.in_place or (facts is not None and (facts.is_view or facts.slice_offsets)) else ()
        )
        makes: list[int] = []
        for output, name in enumerate(op.outputs):
            tensor = row.outputs[output]
            if name and not (output < len(starts) and self.join(name, op.inputs[0], starts[output], tensor.dtype)):
                makes.append(self.make(name, tensor))
        if starts or not makes or not op.outputs[0] or facts is None or not facts.elementwise:
            return Step(row, at, reads, tuple(makes))
        return Step(row, at, reads, tuple(makes), self.takes(row, operands, makes[0]))

    def starts(self, row: Row) -> tuple[Extent, ...]:
        """Where in the first input those outputs begin that lie in its block, in elements."""
        op, facts = row.op, row.facts
        views = op.in_place or (facts is not None and facts.is_view)
        cut = facts is not None and len(facts.slice_offsets) == len(op.outputs) > 0 and (views or self.pieces)
        if not (views or cut) or not op.inputs or op.inputs[0] not in self.home:
            return ()
        if facts is None or not cut:
            return (0,)
        if not views:
            self.storage.cut.append(op)
        return facts.slice_offsets

    def takes(self, row: Row, operands: Sequence[int | None], made: int) -> tuple[int, ...]:
        """The blocks that the first output of an elementwise operator may be written over: a block of its own.

        `operands` are the blocks of what it reads. One of which another operand sees a part cannot be written over.
        """
        blocks = self.storage.blocks
        size = blocks[made].size
        if size is None or blocks[made].outside:
            return ()
        alike, other = self.alike_inputs.get(id(row.facts)) or self.alike(row)
        whole: Iterable[int | None] = compress(operands, alike)
        if len(operands) - operands.count(None) > 1:
            partly = set(compress(operands, other))
            whole = [number for number in dict.fromkeys(whole) if number not in partly]
        fitting = [at for at in whole if at is not None and blocks[at].size == size and not blocks[at].outside]
        return tuple(fitting)

    def alike(self, row: Row) -> tuple[list[bool], list[bool]]:
        """Which inputs have the bytes and the bits of the first output, and which have not.

        They are the same in all rows of the very same facts.
        """
        made = row.outputs[0]
        stored = nbytes(made), BITS.get(made.dtype)
        alike = [each is not None and (nbytes(each), BITS.get(each.dtype)) == stored for each in row.inputs]
        self.alike_inputs[id(row.facts)] = found = alike, [not each for each in alike]
        return found
