"""Which tensors share memory at which sizes: laid out on formulas, and chosen between at numbers.

Slices of a tensor lie inside it, or are copies where that has a lower peak (`passes.memory.liveness`). Which it is
depends on the sizes, so both are laid out once, and for each point the one is taken that an analysis would take.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ..analysis import Analysis
from ..dims import Extent
from ..graph import Op
from ..passes import fusion, traffic
from ..passes.buffers import Buffer, allocate, live_bytes
from ..passes.memory import Memory
from ..passes.storage import share

Evaluate = Callable[[Extent | None], int | None]


class Layout:
    """Buffers whose sizes are formulas, and the bytes that rows move under them."""

    def __init__(self, analysis: Analysis, alias_slices: bool) -> None:
        a = self.analysis = analysis
        storage = share(a.model, a.rows, a.inputs, a.evaluate, a.target.io, alias_slices=alias_slices)
        self.memory = Memory(a.model, storage, allocate(storage), [])
        self.sliced = bool(storage.sliced)
        self.copied: frozenset[Op] = frozenset()

    def curve(self, evaluate: Evaluate) -> list[int] | None:
        """Live bytes at each step; None when a size is open or not known, or nothing runs."""
        sized = []
        for buffer in self.memory.buffers:
            if buffer.size is None or (nbytes := evaluate(buffer.size)) is None:
                return None
            sized.append(Buffer([], nbytes, buffer.birth, buffer.death))
        return live_bytes(sized, len(self.memory.steps)) or None

    @cached_property
    def traffic(self) -> traffic.Traffic:
        """What `Analysis.traffic` is under this layout."""
        a, copied = self.analysis, self.copied
        fused = fusion.fuse(a.model, a.rows, copied=copied) if a.target.fuse else None
        return traffic.count(a.rows, fused, copied=copied)


class Layouts:
    """The layouts of a network without bodies: those of bodies depend on sizes in more ways."""

    def __init__(self, analysis: Analysis) -> None:
        self.aliased = Layout(analysis, alias_slices=True)
        self.analysis = analysis

    @cached_property
    def copied(self) -> Layout:
        """Where slices are copies."""
        layout = Layout(self.analysis, alias_slices=False)
        layout.copied = frozenset(self.aliased.memory.storage.sliced)
        return layout

    def at(self, evaluate: Evaluate) -> tuple[Layout, int | None]:
        """The layout that an analysis has at some sizes, and its peak."""
        curve = self.aliased.curve(evaluate)
        if curve is None:
            return self.aliased, None
        peak = max(curve)
        if self.aliased.sliced and self.aliased.memory.has_slices(curve.index(peak)):
            other = self.copied.curve(evaluate)
            if other is not None and max(other) < peak:
                return self.copied, max(other)
        return self.aliased, peak
