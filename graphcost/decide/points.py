"""Figures of one analysis at many sizes, by substitution in its formulas: no operator is asked again.

Where a window would not fit or a size would be negative, there is no figure. Which tensors share memory is decided
once, on the formulas: at numbers that happen to be equal an analysis may find more to share, never less.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..analysis import Analysis, Evaluator
from ..binding import Binding
from ..dims import Dim, Extent, TooLarge, bounds, never_falls, substitute
from ..errors import ModelError
from ..graph import Tensor
from ..passes import caches
from ..quantities import Quantity
from ..table import Value
from .layouts import Layout, Layouts

SHARED = ("parameters", "_distinct", "work", "activation_bytes", "free_symbols", "fused_traffic", "device")
"""What of an analysis is the same at all sizes: formulas, and what depends on none."""

BY_LAYOUT = ("peak", "reads", "writes")
"""Columns whose totals depend on which tensors share memory."""
Sizes = Mapping[str, int]


class Points:
    """The figures of an analysis at any sizes of its open dimensions."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._totals: dict[str, Value] = {}
        self._point: _Point | None = None
        self.analysed = False
        """Whether every point is analysed anew."""

    def total(self, quantity: Quantity, sizes: Sizes) -> int | float | None:
        """A total at some sizes; None where it is not known, depends on more, or the network cannot have these sizes.

        Raises ModelError for a quantity that needs a device where there is none.
        """
        point = self._at(sizes)
        if point.exact is not None:
            return _evaluated(point.exact, quantity.total(point.exact))
        if not point.fits:
            return None
        key = quantity.column.key
        if key in BY_LAYOUT and self.layouts is not None:
            layout, peak = point.layout(self.layouts)
            return peak if key == "peak" else point.evaluate(getattr(layout.traffic, key))
        if key in (*BY_LAYOUT, "time_bound", "intensity"):
            view = self.at(sizes)
            return _evaluated(view, quantity.total(view))
        if key not in self._totals:
            self._totals[key] = quantity.total(self.analysis)
        return self.number(self._totals[key], sizes)

    def number(self, value: Value, sizes: Sizes) -> int | float | None:
        """A formula at some sizes; None where it depends on more, or the network cannot have these sizes."""
        point = self._at(sizes)
        if not point.fits or isinstance(value, str):
            return None
        return value if isinstance(value, float) else point.evaluate(value)

    def cache(self, sizes: Sizes) -> tuple[int | float | None, int | float | None]:
        """Positions that a run at some sizes adds to the caches, and the bytes that these keep after it."""
        exact = self._at(sizes).exact
        found = (exact or self.analysis).caches
        if not found:
            return None, None
        added, kept = found[0].added, caches.nbytes(found)
        if exact is not None:
            return exact.evaluate(added), exact.evaluate(kept)
        return self.number(added, sizes), self.number(kept, sizes)

    def fits(self, sizes: Sizes) -> bool:
        """Whether every window has a position at these sizes and no extent is negative; open ones are not looked at."""
        return self._at(sizes).fits

    def _at(self, sizes: Sizes) -> _Point:
        """The point of these sizes; the last one is kept, as several totals are asked of each."""
        if self._point is None or self._point.sizes != sizes or self._point.analysed != self.analysed:
            self._point = self._made(dict(sizes))
        return self._point

    def _made(self, sizes: dict[str, int]) -> _Point:
        """A point; of a size of 0 it has an analysis, since formulas are simplified as if there were none."""
        evaluate = _Evaluator({**self.analysis.assumptions, **sizes})
        if self.analysed or 0 in sizes.values():
            try:
                return _Point(sizes, evaluate, True, self.exactly(sizes), self.analysed)
            except ModelError:
                return _Point(sizes, evaluate, False, analysed=self.analysed)
        fits = all((number := evaluate(extent)) is None or number >= least for extent, least in self._extents)
        return _Point(sizes, evaluate, fits)

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
        try:
            inputs = {name: _sized(tensor, sizes) for name, tensor in a.inputs.items()}
        except (ValueError, TooLarge) as problem:
            raise ModelError(a.model.path, "", str(problem)) from None
        return type(a).of(a.model, Binding(inputs, {**a.dims, **sizes}, frozenset(sizes)), a.target)

    @cached_property
    def layouts(self) -> Layouts | None:
        """Which tensors share memory; None where operators have bodies, or something is not known."""
        bodies = any(row.op.bodies for row in self.analysis.rows)
        return Layouts(self.analysis) if self.analysis.complete and not bodies else None

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

    def rises(self, quantity: Quantity, dim: str, sizes: Sizes) -> bool:
        """Whether it is proven that a total never falls as a dimension grows, the others having these sizes."""
        key = quantity.column.key
        if key == "peak":
            if self.layouts is None or self.layouts.aliased.sliced:
                return False
            return all(_rises(buffer.size, dim, sizes) for buffer in self.layouts.aliased.memory.buffers)
        total = None if key in ("reads", "writes", "time_bound", "intensity") else quantity.total(self.analysis)
        return isinstance(total, int) or (isinstance(total, Dim) and _rises(total, dim, sizes))


class _Evaluator(Evaluator):
    """Numbers under sizes; None where a formula was simplified as if a size were larger."""

    def __call__(self, extent: Extent | None) -> int | None:
        try:
            return super().__call__(extent)
        except (ValueError, TooLarge):
            return None


@dataclass
class _Point:
    """What is known of one point."""

    sizes: dict[str, int]
    evaluate: Evaluator
    fits: bool
    exact: Analysis | None = None
    """A whole analysis, where formulas do not hold."""
    analysed: bool = False
    """Whether that was asked for."""
    _layout: tuple[Layout, int | None] | None = None

    def layout(self, layouts: Layouts) -> tuple[Layout, int | None]:
        if self._layout is None:
            self._layout = layouts.at(self.evaluate)
        return self._layout


def _sized(tensor: Tensor, sizes: Sizes) -> Tensor:
    """A tensor with numbers for symbols; 0 too, as the length of a cache that is empty."""
    if not tensor.ranked:
        return tensor
    return replace(tensor, shape=tuple([substitute(extent, sizes, empty=True) for extent in tensor.shape]))


def _evaluated(analysis: Analysis, value: Value) -> int | float | None:
    if isinstance(value, str):
        return None
    return value if isinstance(value, float) else analysis.evaluate(value)


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
