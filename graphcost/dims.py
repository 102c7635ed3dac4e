"""Integer extents that may not be known yet, and their arithmetic.

A tensor's extent is an ``Extent``: a plain ``int``, or a ``Dim``, a formula over named integers with ``+ - * // %``,
``max`` and ``min``. A result without a name in it is an ``int`` again, so a network of known sizes never leaves
Python's own integers.

Assumed: every symbol is an integer not below its ``least`` (1 for the dims of a model, 0 for extents that data
decides), and no divisor is zero: ``N*M//N`` is ``M``, which is right wherever the quotient exists.

Not known: upper bounds of symbols, and relations between them (that ``S`` is ``past + 1``, that ``H`` is even).
Formulas that are equal as polynomials over their quotients, maxima and minima compare equal; some that agree at every
point do not, such as ``max(0, N - 3) + 3`` and ``max(3, N)``. A comparison is answered where bounds prove the answer,
and raises ``Undecided`` elsewhere.

Canonical form: a polynomial with integer coefficients, monomial -> coefficient. A monomial is a sorted tuple of (atom,
power); an atom is a symbol, a floor quotient, a maximum or a minimum. ``a % b`` is ``a - b*(a//b)``, and a ceiling by
a number is a floor: ``-(-N//4)`` becomes ``(N + 3)//4``. That is why padding to a multiple, ``H + (-H) % 7``, comes out
as ``7*((H + 6)//7)``.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    import ast

__all__ = [
    "Dim",
    "Extent",
    "TooLarge",
    "Undecided",
    "bounds",
    "ceil_div",
    "floor_div",
    "identifier",
    "leasts",
    "maximum",
    "minimum",
    "parse",
    "plain",
    "product",
    "substitute",
    "symbol",
    "symbols",
]

MAX_TERMS = 2_000  # of one polynomial
MAX_TEXT = 50_000  # characters of one formula, written or read
MAX_OPERANDS = 200  # of one max or min: they are compared in pairs
MAX_BITS = 10_000  # of a coefficient in a product, or a constant that parse() raises to a power

INFINITY = math.inf


class Undecided(ValueError):
    """A comparison whose answer depends on the value of a symbol."""


class TooLarge(ValueError):
    """A formula that grew beyond what anyone would read: MAX_TERMS, MAX_TEXT or MAX_OPERANDS."""


class Dim:
    """An integer expression over symbols: canonical, immutable, hashable.

    Made by ``symbol()`` and by arithmetic; ``Dim("2*N + 1")`` parses. ``==`` compares canonical forms.
    ``< <= > >=`` and ``bool()`` raise ``Undecided`` where the bounds of the symbols prove neither answer.
    """

    __slots__ = ("_hash", "_interval", "_poly", "_terms", "_text")

    _poly: Poly
    _hash: int | None
    _interval: Interval | None
    _terms: Terms | None
    _text: str | None

    def __new__(cls, formula: str) -> Dim:
        dim = parse(formula)
        if isinstance(dim, int):
            raise ValueError(f"{formula!r} is the integer {dim}: it has no symbol")
        return dim

    def __add__(self, other: Extent) -> Extent:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return _extent(_add(self._poly, _poly(other)))

    __radd__ = __add__

    def __sub__(self, other: Extent) -> Extent:
        if not isinstance(other, (int, Dim)):
            return NotImplemented
        return _extent(_add(self._poly, _scale(_poly(other), -1)))

    def __rsub__(self, other: int) -> Extent:
        return -self + other

    def __neg__(self) -> Dim:
        return _dim(_scale(self._poly, -1))

    def __pos__(self) -> Dim:
        return self

    def __mul__(self, other: Extent) -> Extent:
        if isinstance(other, int):
            return _dim(_scale(self._poly, other)) if other else 0
        if not isinstance(other, Dim):
            return NotImplemented
        return _extent(_multiply(self._poly, other._poly))

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Extent:
        if not isinstance(power, int):
            return NotImplemented
        if power < 0:
            raise ValueError(f"({self})**{power} is not an integer")
        result: Extent = 1
        square: Extent = self
        while power:
            if power & 1:
                result = result * square
            power >>= 1
            if power:
                square = square * square
        return result

    def __floordiv__(self, other: Extent) -> Extent:
        return floor_div(self, other) if isinstance(other, (int, Dim)) else NotImplemented

    def __rfloordiv__(self, other: int) -> Extent:
        return floor_div(other, self) if isinstance(other, int) else NotImplemented

    def __mod__(self, other: Extent) -> Extent:
        return self - other * floor_div(self, other) if isinstance(other, (int, Dim)) else NotImplemented

    def __rmod__(self, other: int) -> Extent:
        return other - self * floor_div(other, self) if isinstance(other, int) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Dim) and hash(self) == hash(other) and self._poly == other._poly

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._poly.items()))
        return self._hash

    def __lt__(self, other: Extent) -> bool:
        return _decide(self, "<", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __le__(self, other: Extent) -> bool:
        return _decide(self, "<=", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __gt__(self, other: Extent) -> bool:
        return _decide(self, ">", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __ge__(self, other: Extent) -> bool:
        return _decide(self, ">=", other) if isinstance(other, (int, Dim)) else NotImplemented

    def __bool__(self) -> bool:
        if _lower(self) > 0 or _lower(-self) > 0:
            return True
        raise Undecided(f"whether {self} is 0 depends on {_names(self)}")

    def __str__(self) -> str:
        if self._text is None:
            self._text = _formula(_terms(self))
        return self._text

    def __repr__(self) -> str:
        return f"Dim({str(self)!r})"

    def __reduce__(self) -> tuple[Callable[[Poly], Dim], tuple[Poly]]:
        return _dim, (self._poly,)


Extent: TypeAlias = int | Dim


class _Atom:
    """What a polynomial treats as a variable: a symbol, ``//`` of (numerator, divisor), or ``max``/``min`` of operands.

    Atoms are interned (see _atom), so the equality of deep formulas is mostly a test of identity. Names, text and
    bounds are computed once, from those of the operands, so that nothing recurses through a deep formula later.
    """

    __slots__ = ("__weakref__", "_hash", "args", "interval", "key", "kind", "least", "names", "text")

    def __init__(self, kind: str, args: tuple[Extent, ...], name: str, least: int) -> None:
        self.kind = kind
        self.args = args
        self.least = least
        self._hash = hash((kind, args, name, least))
        if kind == "symbol":
            self.text = name
            self.names = frozenset((name,))
            self.interval: Interval = (least, INFINITY)
        else:
            self.text = _quotient_text(*args) if kind == "//" else f"{kind}({', '.join(map(str, args))})"
            self.names = frozenset().union(*map(symbols, args))
            self.interval = _atom_interval(kind, args)
            if len(self.text) > MAX_TEXT:
                raise TooLarge(f"a formula over {', '.join(sorted(self.names))} is longer than {MAX_TEXT} characters")
        self.key = (("symbol", "//", "max", "min").index(kind), self.text, least)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        # Reached when two threads made the same atom at once, before either was interned.
        return isinstance(other, _Atom) and self.key == other.key and self.args == other.args

    def __reduce__(self) -> tuple[Callable[..., _Atom], tuple[object, ...]]:
        return _atom, (self.kind, self.args, self.text if self.kind == "symbol" else "", self.least)


Monomial: TypeAlias = tuple[tuple[_Atom, int], ...]
Poly: TypeAlias = dict[Monomial, int]
Terms: TypeAlias = tuple[tuple[Monomial, int], ...]
Interval: TypeAlias = tuple[float, float]  # integers, or an infinity

_atoms: WeakValueDictionary[tuple[object, ...], _Atom] = WeakValueDictionary()


def _atom(kind: str, args: tuple[Extent, ...], name: str = "", least: int = 0) -> _Atom:
    key = (kind, args, name, least)
    atom = _atoms.get(key)
    if atom is None:
        atom = _atoms[key] = _Atom(kind, args, name, least)
    return atom


# --- making and taking apart ------------------------------------------------------------------------------------------


def identifier(name: str) -> str:
    """``name`` as a Python identifier: other characters become ``_``; keywords, ``max`` and ``min`` get one at the end.

    Different names can meet in one identifier ("a b" and "a-b" are both ``a_b``); they are then the same symbol.
    """
    word = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    if word[0].isdigit():
        word = "_" + word
    return word + "_" if keyword.iskeyword(word) or word in ("max", "min", "__debug__") else word


def symbol(name: str, least: int = 1) -> Dim:
    """A free integer, not below ``least``. The same name with another ``least`` is another symbol."""
    return _alone(_atom("symbol", (), identifier(name), least))


def plain(x: Extent | None) -> int | str | None:
    """An extent as JSON has it: an integer, a formula as text in Python syntax, None for what is not known."""
    return str(x) if isinstance(x, Dim) else x


def symbols(x: Extent) -> frozenset[str]:
    """The names that ``x`` depends on."""
    if isinstance(x, int):
        return frozenset()
    return frozenset().union(*(atom.names for monomial in x._poly for atom, _ in monomial))


def leasts(x: Extent) -> dict[str, int]:
    """The names that ``x`` depends on, each with its smallest value."""
    found: dict[str, int] = {}
    seen: set[_Atom] = set()
    pending = _atoms_of(x)
    while pending:
        atom = pending.pop()
        if atom in seen:
            continue
        seen.add(atom)
        if atom.kind == "symbol":
            found[atom.text] = max(atom.least, found.get(atom.text, atom.least))
        pending.extend(inner for arg in atom.args for inner in _atoms_of(arg))
    return dict(sorted(found.items()))


def _dim(poly: Poly) -> Dim:
    if len(poly) > MAX_TERMS:
        raise TooLarge(f"a formula has {len(poly)} terms, more than {MAX_TERMS}")
    dim = object.__new__(Dim)
    dim._poly = poly
    dim._hash = dim._interval = dim._terms = dim._text = None
    return dim


def _extent(poly: Poly) -> Extent:
    """The polynomial as an int where it is constant. ``poly`` has no zero coefficient."""
    if not poly:
        return 0
    if len(poly) == 1 and () in poly:
        return poly[()]
    return _dim(poly)


def _alone(atom: _Atom) -> Dim:
    return _dim({((atom, 1),): 1})


def _sole_atom(x: Extent) -> _Atom | None:
    """The atom when ``x`` is an atom and nothing else."""
    if isinstance(x, Dim) and len(x._poly) == 1:
        ((monomial, coefficient),) = x._poly.items()
        if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1:
            return monomial[0][0]
    return None


def _poly(x: Extent) -> Poly:
    if isinstance(x, int):
        return {(): int(x)} if x else {}
    return x._poly


def _degree(monomial: Monomial) -> int:
    return sum(power for _, power in monomial)


def _terms(x: Dim) -> Terms:
    """The terms in the order they are written: descending degree, then alphabetical."""
    if x._terms is None:
        order = {
            monomial: (-_degree(monomial), [(atom.key, power) for atom, power in monomial]) for monomial in x._poly
        }
        x._terms = tuple(sorted(x._poly.items(), key=lambda term: order[term[0]]))
    return x._terms


def _names(x: Extent) -> str:
    return ", ".join(sorted(symbols(x)))


# --- polynomials ------------------------------------------------------------------------------------------------------


def _add(a: Poly, b: Poly) -> Poly:
    if len(a) < len(b):
        a, b = b, a
    total = a.copy()
    for monomial, coefficient in b.items():
        _accumulate(total, monomial, coefficient)
    return total


def _accumulate(total: Poly, monomial: Monomial, coefficient: int) -> None:
    coefficient += total.get(monomial, 0)
    if coefficient:
        total[monomial] = coefficient
    else:
        total.pop(monomial, None)


def _scale(a: Poly, factor: int) -> Poly:
    return {monomial: coefficient * factor for monomial, coefficient in a.items()}


def _multiply(a: Poly, b: Poly) -> Poly:
    if len(a) * len(b) > 100 * MAX_TERMS:
        raise TooLarge(f"a product of formulas of {len(a)} and {len(b)} terms")
    total: Poly = {}
    for left, c in a.items():
        for right, d in b.items():
            _accumulate(total, _join(left, right), c * d)
    if any(coefficient.bit_length() > MAX_BITS for coefficient in total.values()):
        raise TooLarge(f"a coefficient of more than {MAX_BITS} bits")
    return total


def _join(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    powers = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda factor: factor[0].key))


def _cut(a: Monomial, b: Monomial) -> Monomial | None:
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


def _common(monomials: Iterable[Monomial]) -> Monomial:
    """The greatest monomial that divides all."""
    rest = iter(monomials)
    shared = dict(next(rest))
    for monomial in rest:
        powers = dict(monomial)
        shared = {atom: min(power, powers[atom]) for atom, power in shared.items() if atom in powers}
    return tuple(shared.items())


def _exact(a: Poly, b: Poly) -> Poly | None:
    """The polynomial a / b if b is a factor of a, else None. The coefficients of ``b`` have no common divisor."""

    def leading(poly: Poly) -> Monomial:
        # Graded lexicographic: an order that multiplication keeps, as long division needs. The written one is not.
        return min(poly, key=lambda m: (-_degree(m), [(atom.key, -power) for atom, power in m]))

    head = leading(b)
    quotient: Poly = {}
    rest = a
    while rest:
        top = leading(rest)
        monomial = _cut(top, head)
        if monomial is None or rest[top] % b[head]:
            return None
        coefficient = rest[top] // b[head]
        quotient[monomial] = coefficient
        rest = _add(rest, _multiply({monomial: -coefficient}, b))
    return quotient


# --- division ---------------------------------------------------------------------------------------------------------


def floor_div(a: Extent, b: Extent) -> Extent:
    """a // b, rounded towards minus infinity as Python does.

    Raises ZeroDivisionError for a constant zero divisor; a symbolic divisor is taken not to be zero.
    """
    if isinstance(b, int):
        if isinstance(a, int):
            return a // b
        if b == 0:
            raise ZeroDivisionError(f"({a})//0")
        return _over_int(a, b) if b > 0 else _over_int(-a, -b)
    return _over_dim(a, b)


def ceil_div(a: Extent, b: Extent) -> Extent:
    """a / b rounded up: -((-a)//b)."""
    return -floor_div(-a, b)


def _over_int(a: Extent, d: int) -> Extent:
    """a // d for a positive integer d."""
    if isinstance(a, int) or d == 1:
        return a // d if isinstance(a, int) else a

    # Whole multiples of d come out; coefficients keep their sign, so that 3*N//4 stays visibly non-negative.
    whole: Poly = {}
    part: Poly = {}
    constant = 0
    for monomial, coefficient in a._poly.items():
        if monomial:
            out = coefficient // d if coefficient > 0 else -(-coefficient // d)
            if coefficient - out * d:
                part[monomial] = coefficient - out * d
        else:
            out, constant = divmod(coefficient, d)
        if out:
            whole[monomial] = out
    if not part:
        return _extent(whole)

    # (g*x + c)//(g*e) == (x + c//g)//e
    shared = math.gcd(d, *part.values())
    if shared > 1:
        part = {monomial: coefficient // shared for monomial, coefficient in part.items()}
        constant //= shared
        d //= shared

    # x//d == -((d - 1 - x)//d): of the two, the one whose first coefficient is positive
    sign = 1
    if _terms(_dim(part))[0][1] < 0:
        sign = -1
        part = _scale(part, -1)
        constant = d - 1 - constant

    # (x//e + c)//d == (x + c*e)//(e*d)
    inner = _sole_atom(_dim(part))
    if inner is not None and inner.kind == "//":
        numerator, divisor = inner.args
        quotient = floor_div(numerator + constant * divisor, divisor * d)
    else:
        if constant:
            part[()] = constant
        quotient = _quotient(_dim(part), d)
    return _extent(whole) + sign * quotient


def _over_dim(a: Extent, b: Dim) -> Extent:
    """a // b for a symbolic b."""
    if isinstance(a, int) and a == 0:
        return 0

    # Common factors cancel: of the coefficients, of the monomials, and all of b (but for a number) where it divides a.
    top, bottom = _poly(a), b._poly
    monomial = _common([*top, *bottom])
    number = math.gcd(*top.values(), *bottom.values())
    if monomial or number > 1:
        top = _reduce(top, monomial, number)
        bottom = _reduce(bottom, monomial, number)
    a, divisor = _extent(top), _extent(bottom)
    if isinstance(divisor, int):
        return floor_div(a, divisor)
    if _terms(divisor)[0][1] < 0:
        return floor_div(-a, -divisor)
    content = math.gcd(*bottom.values())
    exact = _exact(top, _reduce(bottom, (), content))
    if exact is not None:
        return floor_div(_extent(exact), content)

    # Terms that a single-term divisor divides come out, as for an integer divisor: (N*M + 3)//N == M + 3//N
    whole: Poly = {}
    if len(bottom) == 1:
        ((factor, coefficient),) = bottom.items()
        for term in top:
            cut = _cut(term, factor)
            if cut is not None and top[term] % coefficient == 0:
                whole[cut] = top[term] // coefficient
        if whole:
            a = a - _extent(whole) * divisor
            return _extent(whole) + floor_div(a, divisor)

    # (x//y)//b == x//(y*b) for a positive b
    inner = _sole_atom(a)
    if inner is not None and inner.kind == "//" and _interval(divisor)[0] >= 0:
        return floor_div(inner.args[0], inner.args[1] * divisor)
    if _lower(a) >= 0 and _lower(divisor - a) > 0:
        return 0
    return _quotient(a, divisor)


def _reduce(poly: Poly, monomial: Monomial, number: int) -> Poly:
    """poly / (number * monomial), which divides every term."""
    reduced = ((_cut(term, monomial), coefficient // number) for term, coefficient in poly.items())
    return {term: coefficient for term, coefficient in reduced if term is not None}


def _quotient(numerator: Extent, divisor: Extent) -> Extent:
    atom = _atom("//", (numerator, divisor))
    low, high = atom.interval
    return int(low) if low == high else _alone(atom)


# --- max, min, product ------------------------------------------------------------------------------------------------


def maximum(*xs: Extent) -> Extent:
    """The largest of one or more extents."""
    return _extreme("max", xs)


def minimum(*xs: Extent) -> Extent:
    """The smallest of one or more extents."""
    return _extreme("min", xs)


def _extreme(kind: str, xs: tuple[Extent, ...]) -> Extent:
    pick = max if kind == "max" else min
    operands: dict[Extent, None] = {}
    for x in xs:
        inner = _sole_atom(x)
        operands.update(dict.fromkeys(inner.args if inner is not None and inner.kind == kind else (x,)))
    numbers = [x for x in operands if isinstance(x, int)]
    unknown = sorted((x for x in operands if isinstance(x, Dim)), key=str)
    if not unknown:
        return pick(numbers)
    if len(unknown) > MAX_OPERANDS:
        raise TooLarge(f"a {kind} of {len(unknown)} operands, more than {MAX_OPERANDS}")

    def covers(x: Extent, y: Extent) -> bool:
        return _lower(x - y if kind == "max" else y - x) >= 0

    kept: list[Extent] = []
    candidates: list[Extent] = [pick(numbers), *unknown] if numbers else [*unknown]
    for x in candidates:
        if not any(covers(other, x) for other in kept):
            kept = [other for other in kept if not covers(x, other)]
            kept.append(x)
    return kept[0] if len(kept) == 1 else _alone(_atom(kind, tuple(kept)))


def product(xs: Iterable[Extent]) -> Extent:
    """The product of extents; 1 for none. At the speed of math.prod, which it is."""
    return math.prod(xs)


# --- bounds and comparison --------------------------------------------------------------------------------------------


def bounds(x: Extent) -> tuple[int | None, int | None]:
    """Two numbers that ``x`` is known to stay within, None where there is no bound or none was found."""
    if isinstance(x, int):
        return x, x
    low, high = _lower(x), -_lower(-x)
    return (int(low) if low > -INFINITY else None), (int(high) if high < INFINITY else None)


def _decide(a: Extent, relation: str, b: Extent) -> bool:
    """Whether ``a relation b``, from the sign of a - b."""
    difference = a - b
    low, high = _lower(difference), -_lower(-difference)
    if relation in ("<", ">="):
        if high < 0 or low >= 0:
            return (high < 0) == (relation == "<")
    elif high <= 0 or low > 0:
        return (high <= 0) == (relation == "<=")
    raise Undecided(f"whether {difference} {relation} 0 depends on {_names(difference)}")


def _interval(x: Extent) -> Interval:
    """Interval arithmetic over the terms, which takes every atom to vary on its own."""
    if isinstance(x, int):
        return x, x
    if x._interval is None:
        low: float = 0
        high: float = 0
        for monomial, coefficient in x._poly.items():
            span: Interval = (coefficient, coefficient)
            for atom, power in monomial:
                span = _span_times(span, _span_power(atom.interval, power))
            low = -INFINITY if -INFINITY in (low, span[0]) else low + span[0]
            high = INFINITY if INFINITY in (high, span[1]) else high + span[1]
        x._interval = (low, high)
    return x._interval


def _span_times(a: Interval, b: Interval) -> Interval:
    def times(x: float, y: float) -> float:
        if not x or not y:
            return 0  # also of an infinity, which stands for any number however large
        if isinstance(x, float) or isinstance(y, float):
            return INFINITY if (x > 0) == (y > 0) else -INFINITY
        return x * y

    corners = [times(x, y) for x in a for y in b]
    return min(corners), max(corners)


def _span_power(a: Interval, power: int) -> Interval:
    span = a
    for _ in range(power - 1):
        span = _span_times(span, a)
    return (max(span[0], 0), span[1]) if power % 2 == 0 else span


def _atom_interval(kind: str, args: tuple[Extent, ...]) -> Interval:
    spans = [_interval(arg) for arg in args]
    lows, highs = zip(*spans, strict=True)
    if kind == "max":
        return max(lows), max(highs)
    if kind == "min":
        return min(lows), min(highs)
    (low, high), (least, most) = spans
    if least < 0:
        return -INFINITY, INFINITY
    least = max(least, 1)  # a divisor is not zero
    return _floor(low, most if low >= 0 else least), _floor(high, least if high >= 0 else most)


def _floor(x: float, d: float) -> float:
    """x // d for a positive d, either of which may be infinite."""
    if abs(x) == INFINITY:
        return x
    if d == INFINITY:
        return 0 if x >= 0 else -1
    return x // d


def _lower(x: Extent, budget: list[int] | None = None) -> float:
    """A lower bound of x, -INFINITY where none is found.

    Interval arithmetic loses what ties an atom to the rest: N - N//2 could lie anywhere. So where it leaves the sign
    open, an atom that occurs linearly is replaced by a bound in its own operands: N/2 - 1/2 <= N//2 <= N/2 and
    min(N, 4) <= N. ``budget`` is how many more such attempts are made.
    """
    low = _interval(x)[0]
    if isinstance(x, int) or low > 0:
        return low
    budget = [16] if budget is None else budget
    atoms = {atom for monomial in x._poly for atom, _ in monomial if atom.kind != "symbol"}
    for atom in sorted(atoms, key=lambda atom: (-len(atom.text), atom.key)):  # outer atoms before those inside them
        for replaced, (least, most) in _replacements(x, atom):
            if not budget[0]:
                return low
            budget[0] -= 1
            found = _lower(replaced, budget)
            low = max(low, -_floor(-found, most if found >= 0 else least))
    return low


def _replacements(x: Dim, atom: _Atom) -> Iterator[tuple[Extent, Interval]]:
    """Pairs (y, span), x >= y/s for some s in the span: x = slope*atom + rest with a bound in the atom's place."""
    slope_terms: Poly = {}
    rest_terms: Poly = {}
    for monomial, coefficient in x._poly.items():
        others = _cut(monomial, ((atom, 1),))
        if others is None:
            rest_terms[monomial] = coefficient
        elif any(other is atom for other, _ in others):
            return  # not linear
        else:
            slope_terms[others] = coefficient
    slope, rest = _extent(slope_terms), _extent(rest_terms)
    least, most = _interval(slope)
    rising, falling = least >= 0, most <= 0
    if atom.kind == "//":
        numerator, divisor = atom.args
        least, most = _interval(divisor)
        if least >= 0 and (rising or falling):
            nearest = numerator - divisor + 1 if rising else numerator
            yield slope * nearest + rest * divisor, (max(least, 1), most)
    elif rising if atom.kind == "max" else falling:
        for operand in atom.args:
            yield slope * operand + rest, (1, 1)


# --- as text ----------------------------------------------------------------------------------------------------------


def _formula(terms: Terms) -> str:
    text = ""
    for monomial, coefficient in terms:
        sign = "-" if coefficient < 0 else "+"
        size = _term_text(monomial, abs(coefficient), bare=bool(text) or sign == "+")
        if text:
            text += f" {sign} {size}"
        else:
            text = size if sign == "+" else f"-{size}"
    return text


def _term_text(monomial: Monomial, coefficient: int, bare: bool) -> str:
    """One term. A quotient alone in it goes without parentheses where ``bare``, that is not behind a leading minus."""
    if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1 and bare:
        return monomial[0][0].text
    factors = [str(coefficient)] if coefficient != 1 or not monomial else []
    for atom, power in monomial:
        base = f"({atom.text})" if atom.kind == "//" else atom.text
        factors.append(base if power == 1 else f"{base}**{power}")
    return "*".join(factors)


def _quotient_text(numerator: Extent, divisor: Extent) -> str:
    top, bottom = str(numerator), str(divisor)
    atom = _sole_atom(numerator)
    if isinstance(numerator, Dim) and (len(numerator._poly) > 1 or (atom is not None and atom.kind == "//")):
        top = f"({top})"
    atom = _sole_atom(divisor)
    if isinstance(divisor, Dim) and (atom is None or atom.kind == "//"):
        bottom = f"({bottom})"
    return f"{top}//{bottom}"


def parse(text: str, least: Mapping[str, int] | None = None) -> Extent:
    """Read a formula as ``str()`` writes it: integers, names, ``+ - * // % **``, ``max(...)``, ``min(...)``.

    Nothing is executed. ``least`` has the smallest values of those names for which it is not 1. Raises ValueError for
    text that is anything else, TooLarge for too much of it.
    """
    import ast

    if len(text) > MAX_TEXT:
        raise TooLarge(f"a formula of {len(text)} characters, more than {MAX_TEXT}")
    try:
        return _read(ast.parse(text.strip(), mode="eval").body, least or {})
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{_shown(text)} is not a formula of integers, names, + - * // % **, max and min") from None
    except ZeroDivisionError:
        raise ValueError(f"{_shown(text)} divides by zero") from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def _read(node: ast.expr, least: Mapping[str, int]) -> Extent:
    import ast

    # A sum of many terms nests to the left: that spine is walked, not recursed into.
    spine: list[ast.BinOp] = []
    while isinstance(node, ast.BinOp):
        spine.append(node)
        node = node.left
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            result: Extent = value
        case ast.Name(id=name):
            result = symbol(name, least.get(name, 1))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            result = -_read(operand, least)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            result = _read(operand, least)
        case ast.Call(func=ast.Name(id="max" | "min" as kind), args=[_, *_] as operands, keywords=[]):
            result = _extreme(kind, tuple(_read(operand, least) for operand in operands))
        case _:
            raise ValueError(f"a formula has no {_shown(ast.unparse(node))}")
    for outer in reversed(spine):
        right = _read(outer.right, least)
        match outer.op:
            case ast.Add():
                result = result + right
            case ast.Sub():
                result = result - right
            case ast.Mult():
                result = result * right
            case ast.FloorDiv():
                result = floor_div(result, right)
            case ast.Mod():
                result = result % right
            case ast.Pow():
                result = _power(result, right)
            case _:
                raise ValueError(f"a formula has no {_shown(ast.unparse(outer))}: divide with //")
    return result


def _power(base: Extent, power: Extent) -> Extent:
    if not isinstance(power, int) or power < 0:
        raise ValueError(f"the exponent of ({base})**({power}) is not a known natural number")
    bits = max(abs(coefficient).bit_length() for coefficient in _poly(base).values()) if base != 0 else 0
    if power * max(bits, 1) > MAX_BITS:
        raise TooLarge(f"the power {power} is too large to write out")
    return int(base**power) if isinstance(base, int) else base**power


# --- substitution -----------------------------------------------------------------------------------------------------


def substitute(x: Extent, bindings: Mapping[str, Extent]) -> Extent:
    """``x`` with extents in the place of names, brought to canonical form again.

    Names may be given as the file spells them (see identifier). Raises ValueError for an integer below the symbol's
    ``least``: the formula was simplified on the promise that there is none.
    """
    values = {identifier(name): value for name, value in bindings.items()}
    if isinstance(x, int) or values.keys().isdisjoint(symbols(x)):
        return x
    known: dict[_Atom, Extent] = {}
    pending = _atoms_of(x)
    while pending:  # operands before what is made of them, without recursion: formulas of deep networks are deep
        atom = pending[-1]
        inner = [part for arg in atom.args for part in _atoms_of(arg) if part not in known]
        if atom not in known and inner:
            pending.extend(inner)
            continue
        pending.pop()
        if atom not in known:
            known[atom] = _bound(atom, values, known)
    return _evaluate(x, known)


def _atoms_of(x: Extent) -> list[_Atom]:
    return [] if isinstance(x, int) else [atom for monomial in x._poly for atom, _ in monomial]


def _bound(atom: _Atom, values: Mapping[str, Extent], known: Mapping[_Atom, Extent]) -> Extent:
    if values.keys().isdisjoint(atom.names):
        return _alone(atom)
    if atom.kind == "symbol":
        value = values[atom.text]
        if isinstance(value, int) and value < atom.least:
            raise ValueError(f"{atom.text} is at least {atom.least}, not {value}")
        return value
    args = [_evaluate(arg, known) for arg in atom.args]
    return floor_div(*args) if atom.kind == "//" else _extreme(atom.kind, tuple(args))


def _evaluate(x: Extent, known: Mapping[_Atom, Extent]) -> Extent:
    if isinstance(x, int):
        return x
    constant = 0
    total: Poly = {}
    for monomial, coefficient in x._poly.items():
        term: Extent = coefficient
        for atom, power in monomial:
            value = known[atom]
            term = term * (value if power == 1 else value**power)
        if isinstance(term, int):
            constant += term
        else:
            for part, factor in term._poly.items():
                _accumulate(total, part, factor)
    _accumulate(total, (), constant)
    return _extent(total)
