"""Formulas and names of dimensions as text, read without running anything and without recursion.

Two languages share one reader. What ``str()`` of a formula writes: integers, names, ``+ - * // % **``, ``max`` and
``min``. And what exporters write as the name of a dimension, in sympy's notation and torch's: besides these ``/``,
decimal numbers and more functions, over values that are quotients until something rounds them.

https://docs.sympy.org/latest/modules/printing.html#module-sympy.printing.str
https://github.com/pytorch/pytorch/blob/main/torch/utils/_sympy/functions.py
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ..limits import MAX_BITS, MAX_EXPRESSION, MAX_FORMULA
from . import division, extrema
from .atoms import make_atom
from .bounds import lower_bound, upper_bound
from .errors import TooLarge
from .names import RESERVED, escaped
from .polynomial import Form, Poly, add, as_number, constant, from_atom, multiply, power, scale
from .text import shortened

ONE = constant(1)


class Ratio(NamedTuple):
    """A value: one integer formula over another."""

    top: Poly
    bottom: Poly = ONE


class Function(NamedTuple):
    """What a name before parentheses stands for."""

    call: Callable[..., Ratio]
    operands: int
    """How many it takes; 0 for one or more."""


class Language(NamedTuple):
    """What may stand in a text."""

    functions: Mapping[str, Function]
    symbol: Callable[[str], Poly]
    """The symbol of a name. Raises ValueError for what is none."""
    integers: bool
    """Whether every value is an integer: no ``/`` and no decimal point."""


def formula(text: str, lower: Mapping[str, int] | None = None) -> Poly:
    """A formula as ``str()`` writes it. ``lower`` has the smallest values of those names for which it is not 1.

    Raises ValueError for text that is anything else, TooLarge for too much of it.
    """
    smallest = lower or {}

    def symbol(name: str) -> Poly:
        if name in RESERVED or not name.isidentifier():
            raise ValueError(f"a formula has no {shortened(name)!r}")
        return from_atom(make_atom("symbol", name=name, lower=smallest.get(name, 1)))

    try:
        return _read(text, Language(EXTREMA, symbol, integers=True)).top
    except ZeroDivisionError:
        raise ValueError(f"{shortened(text)!r} divides by zero") from None


def expression(text: str) -> Poly | None:
    """What the name of a dimension says of others: ``past + 1``, ``2*s0``, ``floor(a/2 + 1/2)``.

    None where it is but a name, as ``batch``, ``batch-size`` (a minus stands apart), ``H/W``, ``8`` or ``data.1``. An
    extent is an integer, so one that is called ``a/2`` says that ``a`` is even.
    """
    if len(text) > MAX_EXPRESSION or not _MAY_BE_EXPRESSION.search(text) or _IN_A_WORD.search(text):
        return None
    try:
        value = _read(text, Language(FUNCTIONS, _named, integers=False))
        if as_number(value.bottom) is None:
            return None
        poly = _floor(value).top
        return None if upper_bound(Form.of(poly)) < 0 else poly
    except (ValueError, ZeroDivisionError):
        return None


_MAY_BE_EXPRESSION = re.compile(r"[A-Za-z_].*[-+*/%()]|[-+*/%()].*[A-Za-z_]", re.DOTALL)
_IN_A_WORD = re.compile(r"\w-\w")


def _named(name: str) -> Poly:
    return from_atom(make_atom("symbol", name=escaped(name), lower=1))


# --- the reader -------------------------------------------------------------------------------------------------------

_WORD = r"[A-Za-z_]\w*(?:\.\w+)*"
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>\d+(?:\.\d*)?)|(?P<call>{_WORD})\s*\(|(?P<name>{_WORD})|(?P<open>\()|(?P<close>\))|(?P<comma>,)"
    r"|(?P<operator>//|\*\*|[-+*/%]))\s*",
    re.ASCII,
)


@dataclass(slots=True)
class _Waiting:
    """An operator that waits for its right operand, or an open parenthesis."""

    call: Callable[..., Ratio]
    precedence: int
    """0 of a parenthesis, which waits for the one that closes it."""
    operands: int
    takes: int
    """How many operands there must be; 0 for one or more."""


class _Reader:
    """One text, token by token: values on one stack, what waits for more of them on another."""

    def __init__(self, text: str, language: Language) -> None:
        self.text = text
        self.language = language
        self.values: list[Ratio] = []
        self.waiting: list[_Waiting] = []
        self.wants_operand = True

    def operand(self, kind: str, token: str) -> None:
        """Take what may stand where an operand begins."""
        if kind == "number":
            self.values.append(self.number(token))
            self.wants_operand = False
        elif kind == "name":
            self.values.append(Ratio(self.language.symbol(token)))
            self.wants_operand = False
        elif kind == "call":
            function = self.function(token)
            self.waiting.append(_Waiting(function.call, 0, 1, function.operands))
        elif kind == "open":
            self.waiting.append(_Waiting(_same, 0, 1, 1))
        elif token in PREFIXES:
            self.waiting.append(_Waiting(PREFIXES[token], 3, 1, 1))
        else:
            raise self.problem()

    def continuation(self, kind: str, token: str) -> None:
        """Take what may stand behind an operand."""
        if kind == "operator":
            precedence, call = OPERATORS[token]
            if token == "/" and self.language.integers:
                raise ValueError(f"a formula has no '/': divide with // in {shortened(self.text)!r}")
            self.apply(precedence + (token == "**"))  # which is taken from the right
            self.waiting.append(_Waiting(call, precedence, 2, 2))
            self.wants_operand = True
        elif kind == "comma":
            self.parenthesis().operands += 1
            self.wants_operand = True
        elif kind == "close":
            opened = self.parenthesis()
            if opened.takes not in (0, opened.operands):
                raise self.problem()
            self.call()
        else:
            raise self.problem()

    def result(self) -> Ratio:
        if self.wants_operand:
            raise self.problem()
        self.apply(1)
        if self.waiting:  # an open parenthesis
            raise self.problem()
        return self.values[0]

    def apply(self, precedence: int) -> None:
        """Apply the operators that bind at least so tightly."""
        while self.waiting and self.waiting[-1].precedence >= precedence:
            self.call()

    def parenthesis(self) -> _Waiting:
        """The innermost one that is open, all within it applied."""
        self.apply(1)
        if not self.waiting:
            raise self.problem()
        return self.waiting[-1]

    def call(self) -> None:
        """Apply what stands on top of the stack to its operands."""
        top = self.waiting.pop()
        operands = self.values[-top.operands :]
        del self.values[-top.operands :]
        value = top.call(*operands)
        self.values.append(Ratio(Form.of(value.top)._poly, Form.of(value.bottom)._poly))

    def number(self, digits: str) -> Ratio:
        if len(digits) > MAX_BITS // 4:
            raise TooLarge(f"a number of {len(digits)} digits")
        if "." not in digits:
            return Ratio(constant(int(digits)))
        value = Fraction(digits)
        if self.language.integers or value != Fraction(float(digits)):  # 1.333 is nearly 4/3, and so is its product
            raise ValueError(f"a formula has no {digits!r}")
        return Ratio(constant(value.numerator), constant(value.denominator))

    def function(self, name: str) -> Function:
        name = name.removeprefix("math.").removeprefix("torch.")
        if name not in self.language.functions:
            raise ValueError(f"a formula has no {shortened(name)!r}")
        return self.language.functions[name]

    def problem(self) -> ValueError:
        shown = shortened(self.text)
        return ValueError(f"{shown!r} is not a formula of integers, names, + - * // % **, max and min")


def _read(text: str, language: Language) -> Ratio:
    if len(text) > MAX_FORMULA:
        raise TooLarge(f"a formula of {len(text):,} characters, more than {MAX_FORMULA:,}")
    reader = _Reader(text, language)
    for kind, token in _tokens(text, reader):
        if reader.wants_operand:
            reader.operand(kind, token)
        else:
            reader.continuation(kind, token)
    return reader.result()


def _tokens(text: str, reader: _Reader) -> Iterator[tuple[str, str]]:
    """Kinds and texts of the tokens."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise reader.problem()
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


# --- arithmetic of quotients ------------------------------------------------------------------------------------------


def _same(a: Ratio) -> Ratio:
    return a


def _negative(a: Ratio) -> Ratio:
    return Ratio(scale(a.top, -1), a.bottom)


def _add(a: Ratio, b: Ratio) -> Ratio:
    if a.bottom == b.bottom:
        return Ratio(add(a.top, b.top), a.bottom)
    return Ratio(add(multiply(a.top, b.bottom), multiply(b.top, a.bottom)), multiply(a.bottom, b.bottom))


def _subtract(a: Ratio, b: Ratio) -> Ratio:
    return _add(a, _negative(b))


def _multiply(a: Ratio, b: Ratio) -> Ratio:
    return Ratio(multiply(a.top, b.top), multiply(a.bottom, b.bottom))


def _divide(a: Ratio, b: Ratio) -> Ratio:
    if not b.top:
        raise ZeroDivisionError("division by zero")
    return _multiply(a, Ratio(b.bottom, b.top))


def _floor(a: Ratio) -> Ratio:
    return a if a.bottom == ONE else Ratio(division.floor(a.top, a.bottom))


def _ceiling(a: Ratio) -> Ratio:
    return _negative(_floor(_negative(a)))


def _floor_divide(a: Ratio, b: Ratio) -> Ratio:
    return _floor(_divide(a, b))


def _ceiling_divide(a: Ratio, b: Ratio) -> Ratio:
    return _ceiling(_divide(a, b))


def _remainder(a: Ratio, b: Ratio) -> Ratio:
    return _subtract(a, _multiply(b, _floor_divide(a, b)))


def _modular_index(a: Ratio, divisor: Ratio, modulus: Ratio) -> Ratio:
    return _remainder(_floor_divide(a, divisor), modulus)


def _power(base: Ratio, exponent: Ratio) -> Ratio:
    number = as_number(exponent.top)
    if number is None or number < 0 or exponent.bottom != ONE:
        raise ValueError("the exponent of a power is not a known natural number")
    return Ratio(power(base.top, number), power(base.bottom, number))


def _magnitude(a: Ratio) -> Ratio:
    """The absolute value of what cannot be negative."""
    if lower_bound(Form.of(a.top)) < 0 or lower_bound(Form.of(a.bottom)) < 0:
        raise ValueError("the sign of a value is not known")
    return a


def _truncate(a: Ratio) -> Ratio:
    """Rounded towards zero, of what cannot be negative."""
    return _floor(_magnitude(a))


def _maximum(*values: Ratio) -> Ratio:
    return _extreme("max", values)


def _minimum(*values: Ratio) -> Ratio:
    return _extreme("min", values)


def _extreme(kind: str, values: tuple[Ratio, ...]) -> Ratio:
    """Over a common divisor, where all are numbers."""
    bottoms = [as_number(value.bottom) for value in values]
    if not all(bottoms):
        raise ValueError(f"a {kind} of quotients by symbols")
    common = math.lcm(*filter(None, bottoms))
    tops = [
        Form.of(scale(value.top, common // bottom)) for value, bottom in zip(values, bottoms, strict=True) if bottom
    ]
    return Ratio(extrema.extreme(kind, tops), constant(common))


PREFIXES: Mapping[str, Callable[[Ratio], Ratio]] = {"+": _same, "-": _negative}
OPERATORS: Mapping[str, tuple[int, Callable[[Ratio, Ratio], Ratio]]] = {
    "+": (1, _add), "-": (1, _subtract), "*": (2, _multiply), "/": (2, _divide), "//": (2, _floor_divide),
    "%": (2, _remainder), "**": (4, _power),
}  # fmt: skip
"""Each with how tightly it binds; a prefix binds by 3."""
EXTREMA: Mapping[str, Function] = {"max": Function(_maximum, 0), "min": Function(_minimum, 0)}
FUNCTIONS: Mapping[str, Function] = {
    **EXTREMA,
    **dict.fromkeys(("Max", "sym_max"), EXTREMA["max"]),
    **dict.fromkeys(("Min", "sym_min"), EXTREMA["min"]),
    **dict.fromkeys(("floor", "FloorToInt"), Function(_floor, 1)),
    **dict.fromkeys(("ceil", "ceiling", "CeilToInt"), Function(_ceiling, 1)),
    **dict.fromkeys(("trunc", "int", "TruncToInt"), Function(_truncate, 1)),
    **dict.fromkeys(("abs", "Abs"), Function(_magnitude, 1)),
    **dict.fromkeys(("Identity", "ToFloat", "sym_float"), Function(_same, 1)),
    **dict.fromkeys(("FloorDiv", "CleanDiv"), Function(_floor_divide, 2)),
    **dict.fromkeys(("TrueDiv", "IntTrueDiv", "FloatTrueDiv"), Function(_divide, 2)),
    **dict.fromkeys(("Mod", "mod", "PythonMod"), Function(_remainder, 2)),
    **dict.fromkeys(("Pow", "PowByNatural"), Function(_power, 2)),
    "CeilDiv": Function(_ceiling_divide, 2),
    "ModularIndexing": Function(_modular_index, 3),
}
"""Of names of dimensions, also behind `math.` and `torch.`"""
