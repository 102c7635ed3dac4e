"""Which activations are alive when: each buffer's birth and last read in the schedule, the live-bytes curve, its peak.

Buffers belong to the outer graph; what a loop or branch keeps inside itself is not in the curve. Weights are apart:
they stay in place the whole time. A view and an in-place result live in the buffer of their first input. No workspace
of any kernel is known here, nor the alignment an allocator adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ..dims import Extent
from ..graph import Model, Tensor
from .infer import Cost


@dataclass(slots=True)
class Buffer:
    """Memory that one tensor, or several that share it, occupy from `birth` to `death`, both steps of the schedule."""

    tensors: list[str]
    nbytes: int
    birth: int
    death: int


@dataclass
class Memory:
    """Live activation bytes while each operator runs, the model's inputs and outputs included."""

    buffers: list[Buffer] = field(default_factory=list)
    curve: list[int] = field(default_factory=list)
    """Bytes alive at each step, an operator's inputs and outputs together."""
    peak_bytes: int | None = None
    """None when a size that matters is not known."""
    peak: Cost | None = None
    """The operator at the peak."""

    def alive(self, step: int) -> list[Buffer]:
        """The buffers alive at a step, largest first."""
        return sorted((b for b in self.buffers if b.birth <= step <= b.death), key=lambda b: -b.nbytes)


def liveness(
    model: Model, rows: Iterable[Cost], inputs: Mapping[str, Tensor], evaluate: Callable[[Extent], int | None]
) -> Memory:
    """The live-bytes curve of the outer graph; `evaluate` turns a symbolic size into bytes, or None."""
    memory = Memory()
    outer = set(model.schedule)
    steps = [row for row in rows if row.op in outer]
    last = max(len(steps) - 1, 0)
    home: dict[str, Buffer] = {}
    complete = True

    def place(name: str, tensor: Tensor, birth: int) -> None:
        nonlocal complete
        nbytes = evaluate(tensor.nbytes) if tensor.ranked else None
        complete = complete and nbytes is not None
        home[name] = Buffer([name], nbytes or 0, birth, birth)
        memory.buffers.append(home[name])

    for name, tensor in inputs.items():
        place(name, tensor, 0)
    for step, row in enumerate(steps):
        for name in row.op.reads:
            if name in home:
                home[name].death = step
        shared = home.get(row.op.inputs[0]) if row.op.inputs else None
        in_place = shared is not None and (row.op.in_place or (row.facts is not None and row.facts.view))
        for at, (name, tensor) in enumerate(zip(row.op.outputs, row.outputs, strict=True)):
            if not name:
                continue
            if at == 0 and in_place and shared is not None:
                home[name] = shared
                shared.tensors.append(name)
                shared.death = step
            else:
                place(name, tensor, step)
    for name in model.outputs:
        if name in home:
            home[name].death = last
    change = [0] * (last + 2)
    for buffer in memory.buffers:
        change[buffer.birth] += buffer.nbytes
        change[buffer.death + 1] -= buffer.nbytes
    alive = 0
    for step in range(len(steps)):
        alive += change[step]
        memory.curve.append(alive)
    if memory.curve and complete:
        memory.peak_bytes = max(memory.curve)
        memory.peak = steps[memory.curve.index(memory.peak_bytes)]
    return memory
