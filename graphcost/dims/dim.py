"""``Dim``, an integer that is not known yet, and the arithmetic of extents, which are integers or such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

from . import division, extrema, polynomial
from .atoms import Entry, Numbered, flattened, make_atom, names_of, restored
from .bounds import INFINITY, lower_bound, upper_bound
from .errors import Undecided
from .names import escaped, identifier
from .polynomial import (
    Form,
    Poly,
    add,
    all_atoms,
    constant,
    from_atom,
    multiply,
    number_form,
    power,
    scale,
    subtract,
    within_limits,
)
from .text import shortened, text


class Dim(Form):
    """An integer expression over symbols: canonical, immutable, hashable.

    Made by ``symbol()`` and by arithmetic; ``Dim("2*N + 1")`` parses. ``==`` compares canonical forms.
    ``< <= > >=`` and ``bool()`` raise ``Undecided`` where the bounds of the symbols prove neither answer. Arithmetic
    raises ``TooLarge`` for a formula beyond the limits.
    """

    __slots__ = ()

    def __new__(cls, formula: str) -> Dim:
        from . import reading

        extent = extent_of(reading.formula(formula))
        if isinstance(extent, int):
            raise ValueError(f"{formula!r} is the integer {extent}: it has no symbol")
        return extent

    def __add__(self, other: Extent) -> Extent:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return extent_of(add(self._poly, poly_of(other)))

    __radd__ = __add__

    def __sub__(self, other: Extent) -> Extent:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return extent_of(subtract(self._poly, poly_of(other)))

    def __rsub__(self, other: int) -> Extent:
        return -self + other

    def __neg__(self) -> Dim:
        return Dim.of(scale(self._poly, -1))

    def __pos__(self) -> Dim:
        return self

    def __mul__(self, other: Extent) -> Extent:
        if isinstance(other, int):
            return Dim.of(scale(self._poly, other)) if other else 0
        if not isinstance(other, Dim):
            return NotImplemented
        return extent_of(multiply(self._poly, other._poly))

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> Extent:
        if not isinstance(exponent, int):
            return NotImplemented
        if exponent < 0:
            raise ValueError(f"({self})**{exponent} is not an integer")
        return extent_of(power(self._poly, exponent))

    def __floordiv__(self, other: Extent) -> Extent:
        return floor_div(self, other) if isinstance(other, (int, Dim)) else NotImplemented

    def __rfloordiv__(self, other: int) -> Extent:
        return floor_div(other, self) if isinstance(other, int) else NotImplemented

    def __mod__(self, other: Extent) -> Extent:
        return self - other * floor_div(self, other) if isinstance(other, (int, Dim)) else NotImplemented

    def __rmod__(self, other: int) -> Extent:
        return other - self * floor_div(other, self) if isinstance(other, int) else NotImplemented

    def __lt__(self, other: Extent) -> bool:
        return _decide(self, "<", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __le__(self, other: Extent) -> bool:
        return _decide(self, "<=", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __gt__(self, other: Extent) -> bool:
        return _decide(self, ">", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __ge__(self, other: Extent) -> bool:
        return _decide(self, ">=", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __bool__(self) -> bool:
        if lower_bound(self, 1) > 0 or upper_bound(self, -1) < 0:
            return True
        raise Undecided(f"whether {_shown(self)} is 0 depends on {_names(self)}")

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        return f"Dim({text(self)!r})"

    def __reduce__(self) -> tuple[Callable[..., Dim], tuple[list[Entry], Numbered]]:
        return _unpickled, flattened(self)


Extent: TypeAlias = int | Dim


def _unpickled(entries: list[Entry], poly: Numbered) -> Dim:
    return Dim.of(restored(entries, poly))


def symbol(name: str, lower: int = 1) -> Dim:
    """A free integer, not below ``lower``. The same name with another ``lower`` is another symbol.

    A name that is no identifier becomes one (see `identifier`).
    """
    return Dim.of(from_atom(make_atom("symbol", name=identifier(name), lower=lower)))


def parse(text: str, lower: Mapping[str, int] | None = None) -> Extent:
    """Read a formula as ``str()`` writes it: integers, names, ``+ - * // % **``, ``max(...)``, ``min(...)``.

    Nothing is executed. ``lower`` has the smallest values of those names for which it is not 1. Raises ValueError for
    text that is anything else, TooLarge for too much of it.
    """
    from . import reading

    return extent_of(reading.formula(text, lower))


@lru_cache(maxsize=4096)  # a file names a few hundred dimensions in thousands of tensors
def read_dimension(name: str) -> Extent:
    """What a file's name of a dimension says: a formula where it is an expression, else the symbol of that name.

    ``past_sequence_length + 1``, ``2*s0``, ``((s0 - 1)//2) + 1``, ``Max(1, s0)``, ``floor(a/2 + 1/2)``,
    ``CeilToInt(IntTrueDiv(s0, 2))`` are expressions; ``batch-size``, ``H/W`` and ``data.1`` are names, and different
    names are different symbols.
    """
    from . import reading

    poly = reading.expression(name)
    return symbol(escaped(name)) if poly is None else extent_of(poly)


def extent_of(poly: Poly) -> Extent:
    """The polynomial as an extent: an int where it is constant."""
    if not poly:
        return 0
    if len(poly) == 1 and () in poly:
        return within_limits(poly[()])
    return Dim.of(poly)


def poly_of(extent: Extent) -> Poly:
    return constant(int(extent)) if isinstance(extent, int) else extent._poly


def _form(extent: Extent) -> Form:
    return number_form(int(extent)) if isinstance(extent, int) else extent


def to_json(extent: Extent | None) -> int | str | None:
    """An extent as JSON has it: an integer, a formula as text in Python syntax, None for what is not known."""
    return text(extent) if isinstance(extent, Dim) else extent


def symbols(extent: Extent) -> frozenset[str]:
    """The names that an extent depends on."""
    return frozenset() if isinstance(extent, int) else names_of(extent)


def lower_bounds(extent: Extent) -> dict[str, int]:
    """The names that an extent depends on, each with its smallest value."""
    found: dict[str, int] = {}
    for atom in [] if isinstance(extent, int) else all_atoms(extent):
        if atom.kind == "symbol":
            found[atom.text] = max(atom.lower, found.get(atom.text, atom.lower))
    return dict(sorted(found.items()))


def floor_div(a: Extent, b: Extent) -> Extent:
    """a // b, rounded towards minus infinity as Python does.

    Raises ZeroDivisionError for a constant zero divisor; a symbolic divisor is taken not to be zero.
    """
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    return extent_of(division.floor(poly_of(a), poly_of(b)))


def ceil_div(a: Extent, b: Extent) -> Extent:
    """a / b rounded up: -((-a)//b)."""
    return -floor_div(-a, b)


def maximum(*extents: Extent) -> Extent:
    """The largest of one or more extents."""
    if all(isinstance(extent, int) for extent in extents):
        return max(extents)
    return extent_of(extrema.extreme("max", map(_form, extents)))


def minimum(*extents: Extent) -> Extent:
    """The smallest of one or more extents."""
    if all(isinstance(extent, int) for extent in extents):
        return min(extents)
    return extent_of(extrema.extreme("min", map(_form, extents)))


def total(extents: Iterable[Extent]) -> Extent:
    """The sum of extents, in time that their terms take; adding up wide formulas one by one takes the square of it."""
    number = 0
    formulas: list[Poly] = []
    for extent in extents:
        if isinstance(extent, int):
            number += extent
        else:
            formulas.append(extent._poly)
    return extent_of(polynomial.total([constant(number), *formulas])) if formulas else number


def bounds(extent: Extent) -> tuple[int | None, int | None]:
    """Two numbers that an extent is known to stay within, None where there is no bound or none was found."""
    if isinstance(extent, int):
        return extent, extent
    low, high = lower_bound(extent), upper_bound(extent)
    return (int(low) if low > -INFINITY else None), (int(high) if high < INFINITY else None)


_RELATIONS = {">=": (0, True), "<": (0, False), ">": (1, True), "<=": (1, False)}
"""Each as whether a difference of integers reaches a number or does not."""


def _decide(a: Extent, relation: str, b: Extent) -> bool:
    """Whether ``a relation b``, from what bounds prove of a - b."""
    difference = a - b
    number, reached = _RELATIONS[relation]
    if isinstance(difference, int):
        return (difference >= number) == reached
    if lower_bound(difference, number) >= number:
        return reached
    if upper_bound(difference, number - 1) < number:
        return not reached
    raise Undecided(f"whether {_shown(difference)} {relation} 0 depends on {_names(difference)}")


def _shown(extent: Extent) -> str:
    return shortened(str(extent), 200)


def _names(extent: Extent) -> str:
    return shortened(", ".join(sorted(symbols(extent))), 200)
