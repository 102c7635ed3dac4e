"""Figures of one analysis at many sizes, by substitution in its formulas: no operator is asked again.

Where a window would not fit or a size would be negative, there is no figure. Which tensors share memory is decided
once, on the formulas: at numbers that happen to be equal an analysis may find more to share, never less.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from functools import cached_property

from ..analysis import Analysis, Evaluator
from ..binding import Binding
from ..dims import Dim, Extent, bounds, never_falls, substitute
from ..errors import ModelError
from ..passes.buffers import live_bytes
from ..quantities import Quantity

SHARED = ("parameters", "_distinct", "work", "activation_bytes", "free_symbols", "fused_traffic", "device")
"""What of an analysis is the same at all sizes: formulas, and what depends on none."""

Sizes = Mapping[str, int]


class Points:
    """The figures of an analysis at any sizes of its open dimensions."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._totals: dict[str, object] = {}

    def total(self, quantity: Quantity, sizes: Sizes) -> int | float | None:
        """A total at some sizes; None where it is not known, depends on more, or the network cannot have these sizes.

        Raises ModelError for a quantity that needs a device where there is none.
        """
        if not self.fits(sizes):
            return None
        key = quantity.column.key
        if key == "peak" and self.buffers_follow:
            return self._peak(sizes)
        if key not in ("peak", "time_bound", "intensity"):
            if key not in self._totals:
                self._totals[key] = quantity.total(self.analysis)
            total = self._totals[key]
            if isinstance(total, Dim):
                return self._number(total, sizes)
            return total if isinstance(total, int | float) else None
        view = self.at(sizes)
        found = quantity.total(view)
        return view.evaluate(found) if isinstance(found, Dim) else found if isinstance(found, int | float) else None

    def at(self, sizes: Sizes) -> Analysis:
        """The analysis with these sizes in the place of what it assumes: formulas stay, numbers are of these."""
        view = copy.copy(self.analysis)
        for name in SHARED:
            vars(view)[name] = getattr(self.analysis, name)
        vars(view)["assumptions"] = {**self.analysis.assumptions, **sizes}
        return view

    def exactly(self, sizes: Sizes) -> Analysis:
        """An analysis of the network at these sizes. Raises ModelError when its operators cannot have them."""
        a = self.analysis
        return type(a).of(a.model, Binding(a.inputs, a.dims).at(sizes), a.target)

    # --- memory -------------------------------------------------------------------------------------------------------

    @cached_property
    def buffers_follow(self) -> bool:
        """Whether the same buffers hold the same tensors at all sizes: there are no slices to copy, and no bodies."""
        memory = self.analysis.memory
        bodies = any(step.body_peak for step in memory.storage.steps) or any(row.op.bodies for row in memory.steps)
        return memory.alternative is None and not bodies and self.analysis.complete

    def _peak(self, sizes: Sizes) -> int | None:
        curve = self.curve(sizes)
        return max(curve) if curve else None

    def curve(self, sizes: Sizes) -> list[int] | None:
        """Live bytes at each step; None when a size is open."""
        memory = self.analysis.memory
        evaluate, buffers = self._evaluator(sizes), []
        for buffer in memory.buffers:
            nbytes = evaluate(buffer.size)
            if nbytes is None:
                return None
            buffers.append(_Span(nbytes, buffer.birth, buffer.death))
        return live_bytes(buffers, len(memory.steps))  # type: ignore[arg-type]

    # --- sizes that the network cannot have ---------------------------------------------------------------------------

    def fits(self, sizes: Sizes) -> bool:
        """Whether every window has a position at these sizes and no extent is negative; open ones are not looked at."""
        evaluate = self._evaluator(sizes)
        return all((number := evaluate(extent)) is None or number >= least for extent, least in self._extents)

    @cached_property
    def _extents(self) -> list[tuple[Dim, int]]:
        """The extents that depend on sizes, each with the least that it may be."""
        least: dict[Dim, int] = {}
        for row in self.analysis.rows:
            slides = row.facts is not None and bool(row.facts.window.kernel)
            for tensor in row.outputs:
                for axis, extent in enumerate(tensor.shape if tensor.ranked else ()):
                    if isinstance(extent, Dim):
                        smallest = 1 if slides and axis > 1 else 0
                        least[extent] = max(least.get(extent, 0), smallest)
        return [(extent, smallest) for extent, smallest in least.items() if (bounds(extent)[0] or -1) < smallest]

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _number(self, value: Extent, sizes: Sizes) -> int | None:
        return self._evaluator(sizes)(value)

    def _evaluator(self, sizes: Sizes) -> Evaluator:
        key = tuple(sizes.items())
        if self._last is None or self._last[0] != key:
            self._last = key, Evaluator({**self.analysis.assumptions, **sizes})
        return self._last[1]

    _last: tuple[tuple[tuple[str, int], ...], Evaluator] | None = None

    def rises(self, quantity: Quantity, dim: str, sizes: Sizes) -> bool:
        """Whether it is proven that a total never falls as a dimension grows, the others having these sizes."""
        key = quantity.column.key
        if key == "peak":
            memory = self.analysis.memory
            return self.buffers_follow and all(_rises(buffer.size, dim, sizes) for buffer in memory.buffers)
        total = quantity.total(self.analysis) if key not in ("time_bound", "intensity") else None
        return isinstance(total, int) or (isinstance(total, Dim) and _rises(total, dim, sizes))


class _Span:
    """A buffer at some sizes: what `live_bytes` reads of one."""

    __slots__ = ("birth", "death", "nbytes")

    def __init__(self, nbytes: int, birth: int, death: int) -> None:
        self.nbytes, self.birth, self.death = nbytes, birth, death


def _rises(extent: Extent | None, dim: str, sizes: Sizes) -> bool:
    """Whether a formula never falls as a symbol grows."""
    if not isinstance(extent, Dim):
        return extent is not None
    given = substitute(extent, {name: size for name, size in sizes.items() if name != dim}, empty=True)
    return never_falls(given, dim)


def check_known(analysis: Analysis, names: Iterable[str], option: str) -> None:
    """Raise ModelError for a dimension that is not open, or does not exist."""
    for name in names:
        if name not in analysis.free_symbols:
            open_ = ", ".join(analysis.free_symbols) or "none"
            raise ModelError(option, "", f"{analysis.model.path} has no open dimension {name}; open are: {open_}")
