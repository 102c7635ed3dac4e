"""Polynomials with integer coefficients over atoms, and their arithmetic: what every formula is in the end.

A ``Poly`` maps monomials to coefficients that are not zero; a monomial is a tuple of (atom, power), sorted by the keys
of the atoms. Functions here take and return them as plain dicts, which they never change. A ``Form`` is one that is
finished: hashable, within the limits, and with what was found out about it kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count
from typing import Self, TypeAlias

from ..limits import MAX_BITS, MAX_FACTORS, MAX_FORMULA, MAX_POWER, MAX_PRODUCT, MAX_TERMS
from .effort import WIDE, spend
from .errors import TooLarge

KINDS = ("symbol", "//", "max", "min")
LARGEST = 2**MAX_BITS
SMALLEST = -LARGEST
UNMEASURED = MAX_FORMULA // MAX_FACTORS
"""Characters of all terms, were each one factor, up to which a formula is short however many factors there are."""

Interval: TypeAlias = tuple[float, float]  # integers, or an infinity


class Atom:
    """What a polynomial treats as a variable: a symbol, ``//`` of (numerator, divisor), or ``max``/``min`` of operands.

    Equal atoms are one object (see atoms.py), so they are compared and hashed by identity. Names, text and bounds are
    made once, from those of the operands: nothing recurses through a deep formula later.
    """

    __slots__ = ("__weakref__", "args", "interval", "key", "kind", "lower", "names", "text")

    longest = 0
    """Characters of the longest text so far: formulas of few terms over short ones need not be measured."""
    _serial = count()

    def __init__(
        self, kind: str, args: tuple[Form, ...], lower: int, text: str, names: frozenset[str], interval: Interval
    ) -> None:
        self.kind = kind
        self.args = args
        self.lower = lower
        """The smallest value of a symbol."""
        self.text = text
        if len(text) > Atom.longest:
            Atom.longest = len(text)
        self.names = names
        self.interval = interval
        self.key: tuple[int, str, int, int] = (KINDS.index(kind), text, lower, next(self._serial))
        """Its place among others. Two of one text are over symbols of one name with other smallest values."""


Monomial: TypeAlias = tuple[tuple[Atom, int], ...]
Poly: TypeAlias = dict[Monomial, int]
Terms: TypeAlias = tuple[tuple[Monomial, int], ...]


class Form:
    """A finished polynomial: immutable and hashable. Its slots are for the modules of this package."""

    __slots__ = ("_hash", "_interval", "_poly", "_terms", "_text")

    _poly: Poly
    _hash: int | None
    _interval: Interval | None
    _terms: Terms | None
    _text: str | None

    @classmethod
    def of(cls, poly: Poly) -> Self:
        """Raises TooLarge for a polynomial with too many terms, too long coefficients or too much text."""
        if len(poly) > MAX_TERMS:
            raise TooLarge(f"a formula has {len(poly):,} terms, more than {MAX_TERMS:,} (give sizes numbers)")
        for coefficient in poly.values():
            if not SMALLEST < coefficient < LARGEST:
                raise TooLarge(f"a number of more than {MAX_BITS} bits")
        if len(poly) * Atom.longest > UNMEASURED:
            _check_length(poly)
        form = object.__new__(cls)
        form._poly = poly
        form._hash = form._interval = form._terms = form._text = None
        return form

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Form) and hash(self) == hash(other) and self._poly == other._poly

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._poly.items()))
        return self._hash

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _check_length(poly: Poly) -> None:
    """Raises TooLarge for a formula with more than MAX_FORMULA characters of names and quotients."""
    factors = sum(map(len, poly))
    if factors * Atom.longest <= MAX_FORMULA:
        return
    if sum([len(atom.text) for monomial in poly for atom, _ in monomial]) > MAX_FORMULA:
        raise TooLarge(f"a formula is longer than {MAX_FORMULA:,} characters")


def within_limits(number: int) -> int:
    """The number itself. Raises TooLarge for one of more than MAX_BITS bits."""
    if not SMALLEST < number < LARGEST:
        raise TooLarge(f"a number of more than {MAX_BITS} bits")
    return number


# --- making and taking apart ------------------------------------------------------------------------------------------


def constant(number: int) -> Poly:
    return {(): number} if number else {}


@lru_cache(maxsize=1024)
def number_form(number: int) -> Form:
    """A number as a form. The operands of quotients and maxima are mostly a few small ones."""
    return Form.of(constant(number))


def from_atom(atom: Atom) -> Poly:
    return {((atom, 1),): 1}


def as_number(poly: Poly) -> int | None:
    """The number when the polynomial is one."""
    if not poly:
        return 0
    return poly[()] if len(poly) == 1 and () in poly else None


def as_atom(poly: Poly) -> Atom | None:
    """The atom when the polynomial is one and nothing else."""
    if len(poly) == 1:
        ((monomial, coefficient),) = poly.items()
        if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1:
            return monomial[0][0]
    return None


def atoms_of(form: Form) -> Iterator[Atom]:
    """The atoms of its terms, not those inside them; one as often as it occurs."""
    return (atom for monomial in form._poly for atom, _ in monomial)


def all_atoms(form: Form) -> list[Atom]:
    """Every atom that a formula is made of, once: operands before what is made of them.

    Without recursion, as formulas of deep networks are deep.
    """
    done: dict[Atom, None] = {}
    pending = list(atoms_of(form))
    while pending:
        atom = pending[-1]
        inner = [part for arg in atom.args for part in atoms_of(arg) if part not in done]
        if inner and atom not in done:
            pending.extend(inner)
        else:
            done[pending.pop()] = None
    return list(done)


def degree(monomial: Monomial) -> int:
    return sum([power for _, power in monomial])


def terms(form: Form) -> Terms:
    """The terms in the order they are written: descending degree, then alphabetical."""
    if form._terms is None:
        form._terms = tuple(sorted(form._poly.items(), key=lambda term: _written_at(term[0])))
    return form._terms


def first_coefficient(poly: Poly) -> int:
    """That of the term which is written first, of a polynomial that is no number."""
    monomials = [monomial for monomial in poly if monomial]
    return poly[monomials[0] if len(monomials) == 1 else min(monomials, key=_written_at)]


def _written_at(monomial: Monomial) -> tuple[int, list[tuple[object, int]]]:
    return -degree(monomial), [(atom.key, power) for atom, power in monomial]


# --- sums and products ------------------------------------------------------------------------------------------------


def add(a: Poly, b: Poly) -> Poly:
    if len(a) < len(b):
        a, b = b, a
    if len(a) > WIDE:
        spend(len(a))
    total = a.copy()
    for monomial, coefficient in b.items():
        coefficient += total.get(monomial, 0)
        if coefficient:
            total[monomial] = coefficient
        else:
            del total[monomial]
    return total


def total(polys: Iterable[Poly]) -> Poly:
    """The sum of many."""
    result: Poly = {}
    for poly in polys:
        if len(poly) > WIDE:
            spend(len(poly))
        for monomial, coefficient in poly.items():
            result[monomial] = result.get(monomial, 0) + coefficient
    return {monomial: coefficient for monomial, coefficient in result.items() if coefficient}


def scale(a: Poly, factor: int) -> Poly:
    if not factor:
        return {}
    if len(a) > WIDE:
        spend(len(a))
    return {monomial: coefficient * factor for monomial, coefficient in a.items()}


def subtract(a: Poly, b: Poly) -> Poly:
    return add(a, scale(b, -1))


def multiply(a: Poly, b: Poly) -> Poly:
    """Raises TooLarge for more than MAX_PRODUCT pairs of terms, and for a term beyond MAX_POWER or MAX_FACTORS."""
    pairs = len(a) * len(b)
    if pairs > WIDE:
        if pairs > MAX_PRODUCT:
            raise TooLarge(f"a product of formulas of {len(a)} and {len(b)} terms")
        spend(pairs)
    total: Poly = {}
    for left, c in a.items():
        for right, d in b.items():
            monomial = _times(left, right)
            total[monomial] = total.get(monomial, 0) + c * d
    return {monomial: coefficient for monomial, coefficient in total.items() if coefficient}


def power(base: Poly, exponent: int) -> Poly:
    """Raises TooLarge as soon as a power on the way is beyond the limits."""
    result = constant(1)
    while exponent:
        if exponent & 1:
            result = Form.of(multiply(result, base))._poly
        exponent >>= 1
        if exponent:
            base = Form.of(multiply(base, base))._poly
    return result


def _times(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    powers = dict(a)
    for atom, power in b:
        power += powers.get(atom, 0)
        if power > MAX_POWER:
            raise TooLarge(f"a power of {power}, more than {MAX_POWER}")
        powers[atom] = power
    if len(powers) == len(a):  # still in order
        return tuple(powers.items())
    if len(powers) > MAX_FACTORS:
        raise TooLarge(f"a product of {len(powers)} factors, more than {MAX_FACTORS}")
    return tuple(sorted(powers.items(), key=_place))


def sorted_monomial(factors: Iterable[tuple[Atom, int]]) -> Monomial:
    return tuple(sorted(factors, key=_place))


def _place(factor: tuple[Atom, int]) -> tuple[int, str, int, int]:
    return factor[0].key


# --- division without a rest ------------------------------------------------------------------------------------------


def common_factor(monomials: Iterable[Monomial]) -> Monomial:
    """The greatest monomial that divides all."""
    rest = iter(monomials)
    shared = dict(next(rest))
    for monomial in rest:
        powers = dict(monomial)
        shared = {atom: min(power, powers[atom]) for atom, power in shared.items() if atom in powers}
    return tuple(shared.items())


def divide_term(a: Monomial, b: Monomial) -> Monomial | None:
    """a / b, or None where b does not divide a."""
    powers = dict(a)
    for atom, power in b:
        left = powers.get(atom, 0) - power
        if left < 0:
            return None
        if left:
            powers[atom] = left
        else:
            del powers[atom]
    return tuple(powers.items())


def divide_terms(poly: Poly, monomial: Monomial, number: int) -> Poly:
    """poly / (number * monomial), which divides every term."""
    divided = ((divide_term(term, monomial), coefficient // number) for term, coefficient in poly.items())
    return {term: coefficient for term, coefficient in divided if term is not None}


def divide_exactly(a: Poly, b: Poly) -> Poly | None:
    """The polynomial a / b if b is a factor of a, else None, also where long division goes beyond MAX_PRODUCT.

    The coefficients of ``b`` have no common divisor.
    """
    head = min(b, key=_graded)
    quotient: Poly = {}
    rest = a
    work = 0
    while rest:
        top = min(rest, key=_graded)
        monomial = divide_term(top, head)
        work += len(rest) + len(b)
        if work > WIDE:
            spend(len(rest) + len(b))
        if monomial is None or rest[top] % b[head] or work > MAX_PRODUCT:
            return None
        quotient[monomial] = rest[top] // b[head]
        rest = subtract(rest, multiply({monomial: quotient[monomial]}, b))
    return quotient


def _graded(monomial: Monomial) -> tuple[int, list[tuple[object, int]]]:
    """Graded lexicographic: an order that multiplication keeps, as long division needs. The written one is not."""
    return -degree(monomial), [(atom.key, -power) for atom, power in monomial]
