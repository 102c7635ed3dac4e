"""Integer extents that may not be known yet, and their arithmetic.

A tensor's extent is an ``Extent``: a plain ``int``, or a ``Dim``, a formula over named integers with ``+ - * // %``,
``max`` and ``min``. A result without a name in it is an ``int`` again, so a network of known sizes never leaves
Python's own integers.

Assumed: every symbol is an integer not below its ``lower`` (1 for the dims of a model, 0 for extents that data
decides), and no divisor is zero: ``N*M//N`` is ``M``, which is right wherever the quotient exists.

Not known: upper bounds of symbols, and relations between them (that ``S`` is ``past + 1``, that ``H`` is even).
Formulas that are equal as polynomials over their quotients, maxima and minima compare equal; some that agree at every
point do not, such as ``max(0, N - 3) + 3`` and ``max(3, N)``. A comparison is answered where bounds prove the answer,
and raises ``Undecided`` elsewhere. What a file makes too large raises ``TooLarge``, in every operation.

Canonical form: a polynomial with integer coefficients, monomial -> coefficient. A monomial is a sorted tuple of (atom,
power); an atom is a symbol, a floor quotient, a maximum or a minimum. ``a % b`` is ``a - b*(a//b)``, and a ceiling by
a number is a floor: ``-(-N//4)`` becomes ``(N + 3)//4``. That is why padding to a multiple, ``H + (-H) % 7``, comes out
as ``7*((H + 6)//7)``.

From below: errors, effort, polynomial, bounds and text, atoms, division and extrema, names, reading, dim,
substitution, growth.
"""

from .dim import (
    Dim,
    Extent,
    bounds,
    ceil_div,
    floor_div,
    lower_bounds,
    maximum,
    minimum,
    parse,
    read_dimension,
    symbol,
    symbols,
    to_json,
    total,
)
from .effort import bounded_effort
from .errors import TooLarge, Undecided
from .growth import never_falls
from .names import Names, identifier, spelled
from .substitution import resolve, solve, substitute

__all__ = [
    "Dim",
    "Extent",
    "Names",
    "TooLarge",
    "Undecided",
    "bounded_effort",
    "bounds",
    "ceil_div",
    "floor_div",
    "identifier",
    "lower_bounds",
    "maximum",
    "minimum",
    "never_falls",
    "parse",
    "read_dimension",
    "resolve",
    "solve",
    "spelled",
    "substitute",
    "symbol",
    "symbols",
    "to_json",
    "total",
]
