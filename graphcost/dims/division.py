"""Floor division, brought to one form: what divides comes out, and one quotient of another becomes one.

Rounded towards minus infinity as Python does. A symbolic divisor is taken not to be zero, so common factors cancel.
"""

from __future__ import annotations

import math

from .atoms import quotient
from .bounds import interval, lower_bound
from .effort import WIDE, spend
from .polynomial import (
    Form,
    Poly,
    add,
    as_atom,
    as_number,
    common_factor,
    constant,
    divide_exactly,
    divide_term,
    divide_terms,
    first_coefficient,
    multiply,
    scale,
    subtract,
)


def floor(a: Poly, b: Poly) -> Poly:
    """a // b. Raises ZeroDivisionError for a constant zero divisor."""
    if len(a) > WIDE:
        spend(len(a))
    number = as_number(b)
    if number is None:
        return _over_formula(a, b)
    if number == 0:
        raise ZeroDivisionError("division by zero")
    return _over_number(a, number) if number > 0 else _over_number(scale(a, -1), -number)


# --- by a number ------------------------------------------------------------------------------------------------------


def _over_number(a: Poly, d: int) -> Poly:
    """a // d for a positive integer d."""
    if d == 1:
        return a
    whole, rest = _whole_multiples(a, d)
    if not rest or as_number(rest) is not None:  # a number from 0 to d - 1
        return whole
    rest, d = _lowest_terms(rest, d)
    if first_coefficient(rest) < 0:  # x//d == -((d - 1 - x)//d): of the two, the one that begins without a minus
        return subtract(whole, _merged(add(scale(rest, -1), constant(d - 1)), d))
    return add(whole, _merged(rest, d))


def _whole_multiples(a: Poly, d: int) -> tuple[Poly, Poly]:
    """(q, r) with a == d*q + r, the constant of r from 0 to d - 1.

    Other coefficients keep their sign, so that 3*N//4 stays visibly non-negative.
    """
    whole: Poly = {}
    rest: Poly = {}
    for monomial, coefficient in a.items():
        multiple = -(-coefficient // d) if monomial and coefficient < 0 else coefficient // d
        if multiple:
            whole[monomial] = multiple
        if coefficient != multiple * d:
            rest[monomial] = coefficient - multiple * d
    return whole, rest


def _lowest_terms(a: Poly, d: int) -> tuple[Poly, int]:
    """(g*x + c)//(g*e) == (x + c//g)//e"""
    shared = math.gcd(d, *[coefficient for monomial, coefficient in a.items() if monomial])
    if shared == 1:
        return a, d
    reduced = {monomial: coefficient // shared for monomial, coefficient in a.items()}
    if not reduced.get((), 1):
        del reduced[()]
    return reduced, d // shared


def _merged(a: Poly, d: int) -> Poly:
    """(x//e + c)//d == (x + c*e)//(e*d), and the quotient of anything else."""
    shift = a.get((), 0)
    inner = as_atom({monomial: coefficient for monomial, coefficient in a.items() if monomial})
    if inner is None or inner.kind != "//":
        return quotient(a, constant(d))
    numerator, divisor = (arg._poly for arg in inner.args)
    return floor(add(numerator, scale(divisor, shift)), scale(divisor, d))


# --- by a formula -----------------------------------------------------------------------------------------------------


def _over_formula(a: Poly, b: Poly) -> Poly:
    """a // b for a symbolic b."""
    if not a:
        return {}
    a, b = _without_common_factors(a, b)
    if as_number(b) is not None:
        return floor(a, b)
    if first_coefficient(b) < 0:
        return floor(scale(a, -1), scale(b, -1))
    for simpler in (_exact, _whole_terms, _of_quotient, _below_divisor):
        result = simpler(a, b)
        if result is not None:
            return result
    return quotient(a, b)


def _without_common_factors(a: Poly, b: Poly) -> tuple[Poly, Poly]:
    """Both over what divides every coefficient and every monomial of the two."""
    monomial = common_factor([*a, *b])
    number = math.gcd(*a.values(), *b.values())
    if not monomial and number == 1:
        return a, b
    return divide_terms(a, monomial, number), divide_terms(b, monomial, number)


def _exact(a: Poly, b: Poly) -> Poly | None:
    """Where all of b but a number divides a."""
    content = math.gcd(*b.values())
    exact = divide_exactly(a, divide_terms(b, (), content))
    return None if exact is None else floor(exact, constant(content))


def _whole_terms(a: Poly, b: Poly) -> Poly | None:
    """Terms that a single-term divisor divides come out: (N*M + 3)//N == M + 3//N"""
    if len(b) > 1:
        return None
    ((factor, number),) = b.items()
    whole: Poly = {}
    rest: Poly = {}
    for monomial, coefficient in a.items():
        divided = divide_term(monomial, factor)
        if divided is None or coefficient % number:
            rest[monomial] = coefficient
        else:
            whole[divided] = coefficient // number
    return add(whole, floor(rest, b)) if whole else None


def _of_quotient(a: Poly, b: Poly) -> Poly | None:
    """(x//y)//b == x//(y*b) for a positive b"""
    inner = as_atom(a)
    if inner is None or inner.kind != "//" or interval(Form.of(b))[0] < 0:
        return None
    numerator, divisor = inner.args
    return floor(numerator._poly, multiply(divisor._poly, b))


def _below_divisor(a: Poly, b: Poly) -> Poly | None:
    """0 where bounds prove 0 <= a < b."""
    if lower_bound(Form.of(a), 0) >= 0 and lower_bound(Form.of(subtract(b, a)), 1) > 0:
        return {}
    return None
