"""Numbers that a formula is known to stay within.

Every symbol is an integer from its smallest value up, and no divisor is zero. A bound that is not found is an infinity:
the answer is weaker then, never wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..limits import MAX_SEARCH
from .errors import TooLarge
from .polynomial import LARGEST, SMALLEST, Atom, Form, Interval, Poly, add, divide_term, multiply

INFINITY = math.inf
FEWEST = 20
"""Terms that each formula counts for in a search, though it may have fewer."""


def interval(form: Form) -> Interval:
    """Interval arithmetic over the terms, which takes every atom to vary on its own."""
    if form._interval is None:
        low: float = 0
        high: float = 0
        for monomial, coefficient in form._poly.items():
            span: Interval = (1, 1)
            for atom, power in monomial:
                span = _times(span, atom.interval if power == 1 else _power(atom.interval, power))
            span = _times((coefficient, coefficient), span)
            low = -INFINITY if -INFINITY in (low, span[0]) else low + span[0]
            high = INFINITY if INFINITY in (high, span[1]) else high + span[1]
        form._interval = _widened(low, high)
    return form._interval


def extreme_interval(kind: str, operands: Sequence[Form]) -> Interval:
    """The bounds of a maximum or a minimum."""
    lows, highs = zip(*map(interval, operands), strict=True)
    return (max(lows), max(highs)) if kind == "max" else (min(lows), min(highs))


def quotient_interval(numerator: Form, divisor: Form) -> Interval:
    """The bounds of a floor quotient: none where the divisor may have either sign."""
    low, high = interval(numerator)
    smallest, largest = interval(divisor)
    if smallest < 0:
        return -INFINITY, INFINITY
    smallest = max(smallest, 1)  # a divisor is not zero
    return _floor(low, largest if low >= 0 else smallest), _floor(high, smallest if high >= 0 else largest)


def lower_bound(form: Form, enough: float = INFINITY) -> float:
    """A lower bound, -INFINITY where none is found; the search ends at one that is ``enough``.

    Interval arithmetic loses what ties an atom to the rest: N - N//2 could lie anywhere. So where it leaves the sign
    open, an atom that occurs linearly is replaced by a bound in its own operands: N/2 - 1/2 <= N//2 <= N/2 and
    min(N, 4) <= N.
    """
    return _lower_bound(form, enough, [MAX_SEARCH])


def upper_bound(form: Form, enough: float = -INFINITY) -> float:
    """An upper bound, INFINITY where none is found; the search ends at one that is ``enough``."""
    return -lower_bound(Form.of({monomial: -coefficient for monomial, coefficient in form._poly.items()}), -enough)


def _lower_bound(form: Form, enough: float, left: list[int]) -> float:
    """``left`` has how many terms may still be gone through, here and in what is made of the formula on the way."""
    low = interval(form)[0]
    if low >= enough or low > 0:
        return low
    for atom in _outer_first(form):
        try:
            for replaced, (smallest, largest) in _replacements(form._poly, atom):
                left[0] -= max(len(replaced), FEWEST)
                if left[0] < 0:
                    return low
                found = _lower_bound(Form.of(replaced), enough, left)
                low = max(low, -_floor(-found, largest if found >= 0 else smallest))
                if low >= enough:
                    return low
        except TooLarge:
            continue
    return low


def _outer_first(form: Form) -> list[Atom]:
    """The atoms that may be replaced, those before others that may stand inside them."""
    atoms = {atom for monomial in form._poly for atom, _ in monomial if atom.kind != "symbol"}
    return sorted(atoms, key=lambda atom: (-len(atom.text), atom.key)) if len(atoms) > 1 else list(atoms)


def _replacements(poly: Poly, atom: Atom) -> Iterator[tuple[Poly, Interval]]:
    """Pairs (y, span), poly >= y/s for some s in the span: with bounds of the atom in its place, where it is linear."""
    parts = _linear(poly, atom)
    if parts is None:
        return
    slope, rest = parts
    low, high = interval(Form.of(slope))
    rising, falling = low >= 0, high <= 0
    if atom.kind == "//":
        numerator, divisor = atom.args
        smallest, largest = interval(divisor)
        if smallest >= 0 and (rising or falling):
            nearest = _least_multiple(numerator, divisor) if rising else numerator._poly
            yield add(multiply(slope, nearest), multiply(rest, divisor._poly)), (max(smallest, 1), largest)
    elif rising if atom.kind == "max" else falling:
        for operand in atom.args:
            yield add(multiply(slope, operand._poly), rest), (1, 1)


def _linear(poly: Poly, atom: Atom) -> tuple[Poly, Poly] | None:
    """(slope, rest) of poly == slope * atom + rest, None where the atom stands in a higher power."""
    slope: Poly = {}
    rest: Poly = {}
    for monomial, coefficient in poly.items():
        others = divide_term(monomial, ((atom, 1),))
        if others is None:
            rest[monomial] = coefficient
        elif any(other is atom for other, _ in others):
            return None
        else:
            slope[others] = coefficient
    return slope, rest


def _least_multiple(numerator: Form, divisor: Form) -> Poly:
    """numerator - divisor + 1, which divisor * (numerator//divisor) is not below."""
    less = {monomial: -coefficient for monomial, coefficient in divisor._poly.items()}
    return add(add(numerator._poly, less), {(): 1})


# --- arithmetic of intervals ------------------------------------------------------------------------------------------


def _times(a: Interval, b: Interval) -> Interval:
    if a[0] >= 0 and b[0] >= 0:
        return _product(a[0], b[0]), _product(a[1], b[1])
    corners = [_product(x, y) for x in a for y in b]
    return min(corners), max(corners)


def _product(x: float, y: float) -> float:
    if not x or not y:
        return 0  # also of an infinity, which stands for any number however large
    if isinstance(x, float) or isinstance(y, float):
        return INFINITY if (x > 0) == (y > 0) else -INFINITY
    return x * y


def _power(a: Interval, exponent: int) -> Interval:
    span = a
    for _ in range(exponent - 1):
        span = _widened(*_times(span, a))
    return (max(span[0], 0), span[1]) if exponent % 2 == 0 else span


def _floor(x: float, d: float) -> float:
    """x // d for a positive d, either of which may be infinite."""
    if abs(x) == INFINITY:
        return x
    if d == INFINITY:
        return 0 if x >= 0 else -1
    return x // d


def _widened(low: float, high: float) -> Interval:
    """The same bounds, with one further out in the place of any that takes more than MAX_BITS to write."""
    if SMALLEST < low < LARGEST and (high == INFINITY or SMALLEST < high < LARGEST):
        return low, high
    return (
        -INFINITY if low < SMALLEST else min(low, LARGEST),
        INFINITY if high > LARGEST else max(high, SMALLEST),
    )
