"""The largest value of an open dimension with which a network stays within limits.

Found on the formulas: by bisection where it is proven that no limited figure falls as the dimension grows, else by
looking at every value up to where all figures have left their limits for good as far as can be seen. The answer and the
value after it are then analysed anew, so that what is said of both is of a whole analysis and not of the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..analysis import Analysis
from ..errors import ModelError
from ..quantities import Quantity, find
from ..sections import Section
from ..table import Table, show
from ..units import amount
from .points import Points, check_known

HIGHEST = 1 << 40
"""The largest value that is tried."""
SCANNED = 1 << 13
"""Values that are looked at one by one where figures may fall again."""
STEPS_BACK = 256
"""Values below the one that formulas give which are analysed until one can be had."""


@dataclass(frozen=True)
class Within:
    """A limit on a total."""

    quantity: Quantity
    most: Fraction


def within(name: str, most: str | int | float, option: str) -> Within:
    """A limit by the name of a quantity and an amount with its unit. Raises ModelError."""
    quantity = find(name, option)
    return Within(quantity, amount(most, quantity.column.form, option))


@dataclass(frozen=True)
class At:
    """The figures at one value of the dimension."""

    value: int
    totals: tuple[int | float | None, ...]
    """In the order of the limits."""
    error: str = ""
    """Why the network cannot have this size."""


@dataclass(frozen=True)
class Largest:
    """The largest value of a dimension within limits."""

    dim: str
    limits: tuple[Within, ...]
    answer: At | None
    """None when no value is within the limits; `after` then is the smallest one."""
    after: At | None
    """The next value; None when there is no largest one, as no limited figure grows beyond its limit."""
    binding: str = ""
    """The quantity that leaves its limit at the next value; "" when the network cannot have that size."""
    layer: str = ""
    """The layer that makes the most of that quantity there; of a peak, the one that runs then."""
    exact: bool = True
    """Whether every larger value is proven, or was seen, to be above a limit."""

    @property
    def value(self) -> int | None:
        """The answer as a number."""
        return None if self.answer is None else self.answer.value

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "dim": self.dim,
            "value": self.value,
            "limits": {limit.quantity.name: _plain(limit.most) for limit in self.limits},
            "at": self._data(self.answer),
            "next": self._data(self.after),
            "limited_by": self.binding or None,
            "layer": self.layer or None,
            "exact": self.exact,
        }

    def _data(self, at: At | None) -> dict[str, Any] | None:
        if at is None:
            return None
        totals = {limit.quantity.name: total for limit, total in zip(self.limits, at.totals, strict=False)}
        return {"value": at.value, "totals": totals, "error": at.error or None}


def largest(analysis: Analysis, dim: str, limits: Sequence[Within]) -> Largest:
    """The largest value of `dim` within all limits. Raises ModelError when figures depend on more that is open."""
    analysis = analysis.opened([dim])
    check_known(analysis, [dim], "--largest")
    if not limits:
        raise ModelError("--largest", "", f"{dim} needs a limit: --within peak=8MiB")
    search = _Search(Points(analysis), dim, tuple(limits))
    search.check_closed()
    return search.run()


class _Search:
    def __init__(self, points: Points, dim: str, limits: tuple[Within, ...]) -> None:
        self.points, self.dim, self.limits = points, dim, limits
        rest = {name: size for name, size in points.analysis.assumptions.items() if name != dim}
        self.rises = all(points.rises(limit.quantity, dim, rest) for limit in limits)

    def check_closed(self) -> None:
        """Raise ModelError where a limited total depends on other dimensions, or is not known."""
        analysis = self.points.analysis
        open_ = [name for name in analysis.free_symbols if name not in (*analysis.assumptions, self.dim)]
        sizes = [1, 224, 4096, 65536]
        for limit in self.limits:
            if all(self.points.total(limit.quantity, {self.dim: size}) is None for size in sizes):
                hint = f"; set {' '.join(f'--dim {name}=...' for name in open_)}" if open_ else ""
                name = limit.quantity.name
                raise ModelError("--within", "", f"{name} is not known for any {self.dim} that was tried{hint}")

    def within(self, value: int) -> bool:
        """Whether every figure is known and within its limit at a value of the dimension."""
        totals = (self.points.total(limit.quantity, {self.dim: value}) for limit in self.limits)
        return all(total is not None and total <= limit.most for total, limit in zip(totals, self.limits, strict=True))

    def can_have(self, value: int) -> bool:
        return self.points.fits({self.dim: value})

    def run(self) -> Largest:
        first = self.first()
        found, exact = self.bisected(first) if self.rises else self.scanned(first)
        if found is None:
            return self.result(None, first, exact)
        if found >= HIGHEST:
            return Largest(self.dim, self.limits, self.analysed(found), None, exact=False)
        return self.verified(found, first, exact)

    def first(self) -> int:
        """The smallest value that the network can have, as far as formulas tell."""
        value = 1
        while not self.can_have(value) and value < SCANNED:
            value += 1
        return value

    def bisected(self, first: int) -> tuple[int | None, bool]:
        """The last value within the limits where figures only rise."""
        if not self.within(first):
            return None, True
        low, step = first, 1
        while low < HIGHEST and self.within(low + step):
            low, step = low + step, step * 2
        if low >= HIGHEST:
            return HIGHEST, True
        return _boundary(self.within, low, low + step), True

    def scanned(self, first: int) -> tuple[int | None, bool]:
        """The last value within the limits among all up to four times beyond the last power of two that is."""
        power, beyond = 1, 0
        while power < HIGHEST and beyond < 4:
            beyond = 0 if self.within(first + power) else beyond + 1
            power *= 2
        if power >= HIGHEST:
            return HIGHEST, False
        top = first + power
        if top - first <= SCANNED:
            found = next((value for value in range(top, first - 1, -1) if self.within(value)), None)
            return found, True
        low = max((first + (1 << k) for k in range(power.bit_length()) if self.within(first + (1 << k))), default=first)
        edge = _boundary(self.within, low, min(2 * low, top))
        above = range(min(top, edge + SCANNED // 2), edge, -1)
        found = next((value for value in above if self.within(value)), edge)
        return (found if self.within(found) else None), False

    def verified(self, found: int, first: int, exact: bool) -> Largest:
        """The answer once it and the next value have been analysed: at once, or a few values up or down."""
        after = self.analysed(found + 1)
        while not self.is_outside(after) and after.value - found <= STEPS_BACK:  # formulas said more than it is
            after = self.analysed(after.value + 1)
        value = after.value - 1
        answer = self.analysed(value)
        while self.is_outside(answer) and value > first and found - value < STEPS_BACK:
            value, after = value - 1, answer
            answer = self.analysed(value)
        if self.is_outside(answer):
            return self.result(None, first, False)
        return self.result(answer, after.value, exact, after)

    def result(self, answer: At | None, next_: int, exact: bool, after: At | None = None) -> Largest:
        """The answer with what limits it at the next value, or at the first where there is none."""
        after = after or self.analysed(next_)
        binding = next((limit for limit, total in self.pairs(after) if total is not None and total > limit.most), None)
        layer = "" if binding is None else self.layer(binding.quantity, after.value)
        name = "" if binding is None else binding.quantity.name
        return Largest(self.dim, self.limits, answer, after, name, layer, exact)

    def pairs(self, at: At) -> list[tuple[Within, int | float | None]]:
        return list(zip(self.limits, at.totals, strict=False))

    def is_outside(self, at: At) -> bool:
        """Whether a network of this size cannot be, or a figure is not known or above its limit."""
        return bool(at.error) or any(total is None or total > limit.most for limit, total in self.pairs(at))

    def analysed(self, value: int) -> At:
        """The figures of a whole analysis."""
        try:
            exact = self.points.exactly({self.dim: value})
        except ModelError as problem:
            return At(value, (), problem.reason)
        totals = (limit.quantity.total(exact) for limit in self.limits)
        return At(value, tuple([_evaluated(exact, total) for total in totals]))

    def layer(self, quantity: Quantity, value: int) -> str:
        """The layer that makes the most of a quantity."""
        exact = self.points.exactly({self.dim: value})
        if quantity.column.key == "peak":
            return exact.memory.peak.name if exact.memory.peak is not None else ""
        column = quantity.column
        values = [_evaluated(exact, column.value(exact, at)) or 0 for at in range(len(exact.rows))]
        return exact.rows[values.index(max(values))].name if values else ""


def _boundary(within: Callable[[int], bool], low: int, high: int) -> int:
    """The last value that is within, where `low` is and `high` is not and none between changes that twice."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if within(middle) else (low, middle)
    return low


def _evaluated(analysis: Analysis, value: Any) -> int | float | None:
    if isinstance(value, str):
        return None
    if isinstance(value, float):
        return value
    return analysis.evaluate(value)


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)


# --- shown ------------------------------------------------------------------------------------------------------------


def section(dim: str, limits: Sequence[Within]) -> Section:
    """A section of reports that answers the question."""
    found: dict[int, Largest] = {}

    def solved(analysis: Analysis) -> Largest:
        if id(analysis) not in found:
            found[id(analysis)] = largest(analysis, dim, limits)
        return found[id(analysis)]

    return Section(
        "largest",
        f"the largest {dim} within limits",
        lambda analysis: [_table(solved(analysis))],
        lambda analysis: solved(analysis).to_dict(),
    )


def _table(found: Largest) -> Table:
    values = [at for at in (found.answer, found.after) if at is not None]
    titles = ("quantity", "limit", *(f"{found.dim} = {at.value:,}" for at in values))
    rows = []
    for number, limit in enumerate(found.limits):
        totals = [at.totals[number] if at.totals else None for at in values]
        cells = [_exact(limit, total) for total in (_plain(limit.most), *totals)]
        unit = limit.quantity.column.unit
        rows.append((f"{limit.quantity.name} ({unit})" if unit else limit.quantity.name, *cells))
    right = (False, *(True for _ in titles[1:]))
    return Table(titles, right, rows, notes=_notes(found), heading=_heading(found))


def _exact(limit: Within, value: int | float | None) -> str:
    """A figure to the last digit, so that what is above a limit is seen to be."""
    return f"{value:,}" if isinstance(value, int) else show(value, limit.quantity.column.form)


def _heading(found: Largest) -> str:
    if found.value is None:
        return f"No {found.dim} is within the limits"
    if found.after is None:
        return f"Every {found.dim} up to {found.value:,} is within the limits"
    return f"Largest {found.dim}: {found.value:,}"


def _notes(found: Largest) -> list[str]:
    after = found.after
    if after is None:
        return [f"No limited figure grows beyond its limit with {found.dim}."]
    notes = []
    if found.binding:
        layer = f", most of all at {found.layer}" if found.layer else ""
        notes.append(f"At {found.dim} = {after.value:,} {found.binding} is above its limit{layer}.")
    elif after.error:
        notes.append(f"The network cannot have {found.dim} = {after.value:,}: {after.error}")
    notes.append(f"Verified by an analysis at {'both values' if found.answer else 'that value'}.")
    if not found.exact:
        notes.append(f"Figures may fall again as {found.dim} grows: larger values were only sampled.")
    return notes
