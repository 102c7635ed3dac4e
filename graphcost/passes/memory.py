"""Which activations are alive when: each buffer's birth and last read in the schedule, the live-bytes curve, its peak.

Weights are apart: they stay in place the whole time. What a loop or branch keeps inside itself counts while the
operator runs, at its own peak. No workspace of any kernel is known here, nor what an allocator adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..dims import symbols
from ..errors import ModelError
from ..graph import Model, Op, Tensor
from .buffers import Buffer, allocate, least_live_bytes, live_bytes
from .rows import Row
from .storage import Evaluate, Storage, share

if TYPE_CHECKING:
    from .arena import Plan
    from .order import Order


@dataclass(frozen=True)
class Peak:
    """The step at which the most bytes are alive."""

    row: Row
    """The operator that runs then, the first if there are several such steps."""
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
    """The operators, those of bodies too, that copy slices of a tensor though these could lie inside it."""
    alternative: Callable[[], Storage] | None = field(default=None, repr=False)
    """Makes the storage when slices are copied, or are not, whichever is not so in `storage`; None without slices."""

    @cached_property
    def steps(self) -> list[Row]:
        """The row that runs at each step: those of the outer graph."""
        return [step.row for step in self.storage.steps]

    @cached_property
    def step_of(self) -> dict[int, int]:
        """The step at which a row runs, by the row's number, in their order; rows inside bodies have none."""
        return {step.row_index: number for number, step in enumerate(self.storage.steps)}

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

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The names that sizes of the tensors depend on; none where a size is not known at all."""
        sizes = {buffer.size for buffer in self.buffers}
        known = [size for size in sizes if size is not None]
        return frozenset[str]().union(*map(symbols, known)) if len(known) == len(sizes) else frozenset()

    @cached_property
    def least_peak_bytes(self) -> int | None:
        """The lowest that the peak can be: less than `peak_bytes` where an operator of which nothing is known may pass
        on the memory that it reads. None where that is.
        """
        if self.peak_bytes is None or self.is_exact:
            return self.peak_bytes
        return max(least_live_bytes(self.buffers, len(self.curve)))

    @cached_property
    def is_exact(self) -> bool:
        """Whether it is known of every operator if its results share memory with what it reads."""
        return not any(buffer.may_lie_in or buffer.least is not None for buffer in self.buffers)

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
        self._check("an arena")
        if align not in self._plans:
            from . import arena

            steps = [row.name for row in self.steps]
            self._plans[align] = arena.plan(self.buffers, align, steps, self.model.blob_names)
        return self._plans[align]

    @cached_property
    def _plans(self) -> dict[int, Plan]:
        """By their alignment."""
        return {}

    def reorder(self) -> Order:
        """The order with the lowest peak that is found. Raises ModelError when a size is not known."""
        self._check("a better order")
        return self._best_order

    @cached_property
    def _best_order(self) -> Order:
        from . import order

        return order.search(self.storage, *([self.alternative()] if self.alternative else []))

    def has_slices(self, step: int) -> bool:
        """Whether a slice of a tensor lies in a buffer that is alive at a step, and has been made by then."""
        sliced = set(self.storage.sliced)
        made = {name: at for at, row in enumerate(self.steps) if row.op in sliced for name in row.op.outputs}
        alive = self.alive(step) if made else []
        return any(made.get(name, step + 1) <= step for buffer in alive for name in buffer.tensors)

    def _check(self, what: str) -> None:
        if not self.storage.known:
            reason = f"{what} needs every size; some are not known, or symbolic dimensions without a value"
            raise ModelError(self.model.path, "", reason)


def liveness(
    model: Model, rows: Iterable[Row], inputs: Mapping[str, Tensor], evaluate: Evaluate, io: str = "arena"
) -> Memory:
    """The live-bytes curve of a graph; `evaluate` turns a symbolic size into bytes, or None.

    Under `io="arena"` an input lives from the start until its last read, an output until the end; under "caller" both
    are the caller's and cost nothing here. Slices lie inside the tensor that they are cut from, which stays as long as
    any of them; where copies of all slices have a lower peak, they are copies.
    """
    rows = list(rows)

    def lay_out(alias_slices: bool) -> Memory:
        storage = share(model, rows, inputs, evaluate, io, alias_slices=alias_slices)
        copied = _add_bodies(storage, rows, evaluate)
        buffers = allocate(storage)
        return Memory(model, storage, buffers, live_bytes(buffers, len(storage.steps)), copied)

    aliased = lay_out(alias_slices=True)
    if aliased.peak is None or not aliased.storage.sliced:
        return aliased
    if not aliased.has_slices(aliased.peak.step):  # then as much is alive at that step when they are copied
        aliased.alternative = lambda: lay_out(alias_slices=False).storage
        return aliased
    copied = lay_out(alias_slices=False)
    aliased.alternative, copied.alternative = lambda: copied.storage, lambda: aliased.storage
    if copied.peak is None or copied.peak.nbytes >= aliased.peak.nbytes:
        return aliased
    copied.copied |= frozenset(aliased.storage.sliced)
    return copied


def _add_bodies(storage: Storage, rows: Sequence[Row], evaluate: Evaluate) -> frozenset[Op]:
    """Add the peaks of operators' bodies, whose rows stand after the operator's own; the slices that bodies copy."""
    copied: frozenset[Op] = frozenset()
    ends = [step.row_index for step in storage.steps[1:]] + [len(rows)]
    for step, end in zip(storage.steps, ends, strict=False):
        for _, body in step.row.op.bodies:
            inner = liveness(body, rows[step.row_index + 1 : end], body.inputs, evaluate, "caller")
            step.body_peak = max(step.body_peak, max(inner.curve, default=0))
            step.body_least = max(step.body_least, inner.least_peak_bytes or 0)
            storage.known = storage.known and inner.storage.known
            copied |= inner.copied
    return copied
