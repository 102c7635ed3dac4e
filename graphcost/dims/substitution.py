"""Values in the place of symbols, and the symbol that a value of a formula gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..limits import MAX_BITS
from .dim import Dim, Extent, extent_of, floor_div, maximum, minimum, symbols
from .errors import TooLarge
from .names import identifier, spelled
from .polynomial import LARGEST, Atom, Form, Poly, all_atoms, constant, from_atom, total, within_limits


def substitute(extent: Extent, bindings: Mapping[str, Extent], *, empty: bool = False) -> Extent:
    """``extent`` with extents in the place of names, all at once, brought to canonical form again.

    A name that is no identifier may stand for the symbol that it became (see `escaped`). Raises ValueError for an
    integer below the symbol's smallest value: the formula was simplified on the promise that there is none. With
    `empty` a sum of products takes 0 all the same, as it stands in a file: the length of a cache that is empty. Raises
    TooLarge for a result beyond the limits.
    """
    if isinstance(extent, int):
        return extent
    values = _values(symbols(extent), bindings)
    if not values:
        return extent
    atoms = [*all_atoms(extent)]
    simplified = not empty or any(atom.kind != "symbol" for atom in atoms)
    known: dict[Atom, Extent] = {}
    for atom in atoms:
        known[atom] = _value(atom, values, known, simplified)
    return _evaluated(extent, known)


def _values(names: Iterable[str], bindings: Mapping[str, Extent]) -> dict[str, Extent]:
    """The bindings of some symbols, also under their names in the file. Of many bindings few are of one formula."""
    found: dict[str, Extent] = {}
    for name in names:
        if name in bindings:
            found[name] = bindings[name]
        elif "_x" in name and (name_in_file := spelled(name)) in bindings:
            found[name] = bindings[name_in_file]
    return found


def _value(atom: Atom, values: Mapping[str, Extent], known: Mapping[Atom, Extent], simplified: bool) -> Extent:
    """An atom under values for names, its operands being known."""
    if values.keys().isdisjoint(atom.names):
        return Dim.of(from_atom(atom))
    if atom.kind == "symbol":
        return _checked(values[atom.text], atom, simplified)
    operands = [_evaluated(arg, known) for arg in atom.args]
    if atom.kind == "//":
        return floor_div(*operands)
    return maximum(*operands) if atom.kind == "max" else minimum(*operands)


def _checked(value: Extent, atom: Atom, simplified: bool) -> Extent:
    """A value that a symbol may have in a formula."""
    if isinstance(value, int):
        if value < (atom.lower if simplified else 0):
            raise ValueError(f"{atom.text} is at least {atom.lower if simplified else 0}, not {value}")
        if value > LARGEST:
            raise TooLarge(f"the value of {atom.text} has more than {MAX_BITS} bits")
    return value


def _evaluated(form: Form, known: Mapping[Atom, Extent]) -> Extent:
    """A formula under the values of its atoms."""
    number = 0
    formulas: list[Poly] = []
    for monomial, coefficient in form._poly.items():
        term: Extent = coefficient
        for atom, exponent in monomial:
            value = known[atom]
            term = term * (value if exponent == 1 else value**exponent)
        if isinstance(term, int):
            number += term
        else:
            formulas.append(term._poly)
    return extent_of(total([constant(number), *formulas])) if formulas else within_limits(number)


def resolve(bindings: Mapping[str, Extent]) -> dict[str, Extent]:
    """Bindings whose values are formulas over names that are bound themselves, with the values of these in their place.

    {"total": past + new, "past": 15} binds "total" to new + 15. Raises ValueError where a name depends on itself.
    """
    resolved = {identifier(name): value for name, value in bindings.items()}
    for _ in resolved:
        resolved = {name: substitute(value, resolved) for name, value in resolved.items()}
    for name, value in resolved.items():
        if not symbols(value).isdisjoint(resolved):
            raise ValueError(f"the value of {name} depends on itself: {bindings}")
    return resolved


def solve(extent: Extent, value: Extent) -> tuple[str, Extent] | None:
    """The one symbol of a formula that is linear in it, and what it is where the formula is ``value``.

    2*s0 + 1 is 7 where s0 is 3. None for any other formula, and where there is no such integer.
    """
    if isinstance(extent, int):
        return None
    rest = extent._poly.get((), 0)
    linear = [(monomial, slope) for monomial, slope in extent._poly.items() if monomial]
    ((monomial, slope), *others) = linear
    ((atom, exponent), *factors) = monomial
    if others or factors or exponent != 1 or atom.kind != "symbol":
        return None
    solution = floor_div(value - rest, slope)
    return (atom.text, solution) if solution * slope + rest == value else None
