"""Which activations are alive when: each buffer's birth and last read in the schedule, the live-bytes curve, its peak.

Weights are apart: they stay in place the whole time. What a loop or branch keeps inside itself counts while the
operator runs, at its worst moment. No workspace of any kernel is known here, nor what an allocator adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..dims import Extent
from ..errors import ModelError
from ..graph import Model, Op, Tensor
from .rows import Row
from .storage import Evaluate, Storage, share

if TYPE_CHECKING:
    from .arena import Plan
    from .order import Order


@dataclass(slots=True)
class Buffer:
    """Memory that one tensor, or several that share it, occupy from `birth` to `death`, both steps of the schedule."""

    tensors: list[str]
    """In the order they are made; `loop/*` stands for all that lives inside an operator while it runs."""
    nbytes: int
    birth: int
    death: int
    size: Extent | None = None
    """Bytes as a formula where sizes are open; None when they are not known."""
    offsets: dict[str, int] = field(default_factory=dict)
    """Where pieces begin in it, in bytes; only those that do not begin where it does."""


@dataclass(frozen=True)
class Peak:
    """The worst moment."""

    row: Row
    """The operator that runs then, the first if there are several such moments."""
    step: int
    nbytes: int
    memory: Memory = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The operator's name."""
        return self.row.name

    @cached_property
    def tensors(self) -> tuple[tuple[str, int], ...]:
        """What is alive, largest first, in bytes; tensors in one buffer as `a = b`, a blob rewritten in place once."""
        alive = [buffer for buffer in self.memory.alive(self.step) if buffer.nbytes]
        return tuple((" = ".join(self.memory.names(buffer, self.step)), buffer.nbytes) for buffer in alive)


@dataclass
class Memory:
    """Live activation bytes while each operator runs, the model's inputs and outputs included."""

    model: Model = field(repr=False)
    storage: Storage = field(repr=False)
    buffers: list[Buffer]
    curve: list[int]
    """Bytes alive at each step, an operator's inputs and outputs together; sizes that are not known count as 0."""
    copied: frozenset[Op] = frozenset()
    """The operators, those of bodies too, that copy pieces of a tensor though these could lie inside it."""
    otherwise: Callable[[], Storage] | None = field(default=None, repr=False)
    """Makes the storage when pieces are copied, or are not, whichever is not so in `storage`; None without pieces."""

    @cached_property
    def steps(self) -> list[Row]:
        """The row that runs at each step: those of the outer graph."""
        return [step.row for step in self.storage.steps]

    @cached_property
    def step_of(self) -> dict[int, int]:
        """The step at which a row runs, by the row's number, in their order; rows inside bodies have none."""
        return {step.at: number for number, step in enumerate(self.storage.steps)}

    @cached_property
    def spans(self) -> dict[str, tuple[int, int]]:
        """The steps at which each tensor is made and last read."""
        spans = dict.fromkeys(self.model.inputs, (0, 0))
        for at, row in enumerate(self.steps):
            for name in row.op.all_inputs:
                if name in spans:
                    spans[name] = (spans[name][0], at)
            spans.update((name, (at, at)) for name in row.op.outputs if name)
        for name in self.model.outputs:
            if name in spans:
                spans[name] = (spans[name][0], len(self.steps) - 1)
        return spans

    @cached_property
    def peak_bytes(self) -> int | None:
        """None when a size that matters is not known, or nothing runs."""
        return max(self.curve) if self.storage.known and self.curve else None

    @property
    def peak(self) -> Peak | None:
        """None where `peak_bytes` is."""
        if self.peak_bytes is None:
            return None
        at = self.curve.index(self.peak_bytes)
        return Peak(self.storage.steps[at].row, at, self.peak_bytes, self)

    def alive(self, step: int) -> list[Buffer]:
        """The buffers alive at a step, largest first."""
        return sorted((b for b in self.buffers if b.birth <= step <= b.death), key=lambda b: -b.nbytes)

    def names(self, buffer: Buffer, step: int) -> list[str]:
        """Those of a buffer's tensors that it holds at a step, as the file calls them."""
        held = [name for name in buffer.tensors if name in self.spans]
        alive = [name for name in held if self.spans[name][0] <= step <= self.spans[name][1]]
        return list(dict.fromkeys(self.model.blob_names.get(name, name) for name in alive or buffer.tensors[:1]))

    def plan(self, align: int = 1) -> Plan:
        """Offsets that are multiples of `align` for every buffer. Raises ModelError when a size is not known."""
        from .arena import plan

        self._check("an arena")
        return plan(self.buffers, align, [row.name for row in self.steps], self.model.blob_names)

    def reorder(self) -> Order:
        """The order with the lowest peak that is found. Raises ModelError when a size is not known."""
        from .order import search

        self._check("a better order")
        return search(self.storage, *([self.otherwise()] if self.otherwise else []))

    def has_pieces(self, step: int) -> bool:
        """Whether a piece of a tensor lies in a buffer that is alive at a step, and has been made by then."""
        cut = set(self.storage.cut)
        runs = {name: at for at, row in enumerate(self.steps) if row.op in cut for name in row.op.outputs}
        alive = self.alive(step) if runs else []
        return any(runs.get(name, step + 1) <= step for buffer in alive for name in buffer.tensors)

    def _check(self, what: str) -> None:
        if not self.storage.known:
            reason = f"{what} needs every size; those of some activations are not known, or open (--input, --dim)"
            raise ModelError(self.model.path, "", reason)


def liveness(
    model: Model, rows: Iterable[Row], inputs: Mapping[str, Tensor], evaluate: Evaluate, io: str = "keep"
) -> Memory:
    """The live-bytes curve of a graph; `evaluate` turns a symbolic size into bytes, or None.

    Under `io="keep"` an input lives from the start until its last read and an output until the end; under "caller" both
    are the caller's and cost nothing here. Pieces lie inside the tensors that they are cut from, which stay as long as
    any of them; where copies of all pieces have a lower peak, they are copies.
    """
    rows = list(rows)

    def lay_out(pieces: bool) -> Memory:
        return _follow(model, rows, share(model, rows, inputs, evaluate, io, pieces=pieces), evaluate)

    inside = lay_out(pieces=True)
    if inside.peak is None or not inside.storage.cut:
        return inside
    if not inside.has_pieces(inside.peak.step):  # then as much is alive at that step when they are copied
        inside.otherwise = lambda: lay_out(pieces=False).storage
        return inside
    copied = lay_out(pieces=False)
    one, other = inside.storage, copied.storage
    inside.otherwise, copied.otherwise = lambda: other, lambda: one
    if copied.peak is None or copied.peak.nbytes >= inside.peak.nbytes:
        return inside
    copied.copied |= frozenset(one.cut)
    return copied


def _follow(model: Model, rows: Sequence[Row], storage: Storage, evaluate: Evaluate) -> Memory:
    """What is alive when, step by step; the rows of an operator's bodies stand after its own."""
    copied: frozenset[Op] = frozenset()
    ends = [step.at for step in storage.steps[1:]] + [len(rows)]
    for step, end in zip(storage.steps, ends, strict=False):
        for _, body in step.row.op.bodies:
            inner = liveness(body, rows[step.at + 1 : end], body.inputs, evaluate, "caller")
            step.inside = max(step.inside, max(inner.curve, default=0))
            storage.known = storage.known and inner.storage.known
            copied |= inner.copied
    buffers = allocate(storage)
    return Memory(model, storage, buffers, live_bytes(buffers, len(storage.steps)), copied)


def allocate(storage: Storage, order: Sequence[int] | None = None) -> list[Buffer]:
    """The buffers of a graph whose steps run in an order: that of the rows unless another is given."""
    blocks = storage.blocks
    numbers = range(len(storage.steps)) if order is None else order
    last = max(len(storage.steps) - 1, 0)
    pending = [block.readers for block in blocks]
    holders: dict[int, Buffer] = {}
    buffers: list[Buffer] = []

    def hold(number: int, birth: int) -> None:
        block = blocks[number]
        holders[number] = Buffer(list(block.tensors), block.nbytes, birth, birth, block.size)
        if not block.outside:
            buffers.append(holders[number])

    for number in storage.given:
        hold(number, 0)
    for at, which in enumerate(numbers):
        step = storage.steps[which]
        for number in step.reads:
            holders[number].death = at
        over = None
        for number in step.takes:
            if pending[number] == 1:
                over = number
                break
        for made in step.makes:
            if over is None:
                hold(made, at)
                continue
            holders[made], over = holders[over], None
            holders[made].tensors += blocks[made].tensors
        for number in step.reads:
            pending[number] -= 1
        if step.inside:
            buffers.append(Buffer([f"{step.row.name}/*"], step.inside, at, at, step.inside))
    for number in storage.kept:
        holders[number].death = last
    for buffer in buffers if storage.offsets else ():
        buffer.offsets = {name: storage.offsets[name] for name in buffer.tensors if name in storage.offsets}
    return buffers


def live_bytes(buffers: Iterable[Buffer], steps: int) -> list[int]:
    """Bytes alive at each of so many steps."""
    change = [0] * (steps + 2)
    for buffer in buffers:
        change[buffer.birth] += buffer.nbytes
        change[buffer.death + 1] -= buffer.nbytes
    curve, alive = [], 0
    for step in range(steps):
        alive += change[step]
        curve.append(alive)
    return curve
