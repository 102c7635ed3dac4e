"""Whether a formula is known never to fall as one of its symbols grows, the others staying as they are."""

from __future__ import annotations

from .bounds import lower_bound
from .dim import Dim, Extent, symbol, symbols
from .errors import TooLarge
from .polynomial import Atom, Form, all_atoms
from .substitution import substitute


def never_falls(extent: Extent, name: str) -> bool:
    """Whether that is proven: False means that it is not known.

    Sums of products of factors that are not negative and never fall themselves do not fall; of other formulas the
    difference from one value of the symbol to the next is bounded.
    """
    if not isinstance(extent, Dim) or name not in symbols(extent):
        return True
    known: dict[Atom, bool] = {}
    for atom in all_atoms(extent):  # operands come before what is made of them
        known[atom] = _atom(atom, name, known)
    return _form(extent, name, known) or _difference(extent, name)


def _form(form: Form, name: str, known: dict[Atom, bool]) -> bool:
    for monomial, coefficient in form._poly.items():
        if any(name in atom.names for atom, _ in monomial):
            factors = all(atom.interval[0] >= 0 and known[atom] for atom, _ in monomial)
            if coefficient < 0 or not factors:
                return False
    return True


def _atom(atom: Atom, name: str, known: dict[Atom, bool]) -> bool:
    if name not in atom.names or atom.kind == "symbol":
        return True
    if atom.kind == "//":
        numerator, divisor = atom.args
        fixed = all(name not in each.names for each in all_atoms(divisor))
        return fixed and lower_bound(divisor, 1) >= 1 and _form(numerator, name, known)
    return all(_form(each, name, known) for each in atom.args)


def _difference(extent: Dim, name: str) -> bool:
    """Whether the next value of the symbol is bounded to give no less."""
    here = symbol(name)
    try:
        step = substitute(extent, {name: here + 1}) - substitute(extent, {name: here})
    except (ValueError, TooLarge):
        return False
    return step >= 0 if isinstance(step, int) else lower_bound(step, 0) >= 0
