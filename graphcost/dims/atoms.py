"""Atoms are made here, each once: whoever makes an equal one gets the same object, as long as anyone holds it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TypeAlias
from weakref import WeakValueDictionary

from ..limits import MAX_FORMULA
from .bounds import INFINITY, extreme_interval, quotient_interval
from .errors import TooLarge
from .polynomial import (
    Atom,
    Form,
    Interval,
    Poly,
    all_atoms,
    as_number,
    atoms_of,
    constant,
    from_atom,
    number_form,
    sorted_monomial,
)
from .text import extreme_text, quotient_text

_atoms: WeakValueDictionary[tuple[object, ...], Atom] = WeakValueDictionary()
_lock = Lock()


def make_atom(kind: str, args: tuple[Form, ...] = (), name: str = "", lower: int = 0) -> Atom:
    """The atom of a kind over operands, or the symbol of a name that is not below ``lower``.

    Raises TooLarge for one whose text has more than MAX_FORMULA characters.
    """
    key = (kind, args, name, lower)
    with _lock:  # so that two threads do not make it at once
        atom = _atoms.get(key)
        if atom is None:
            atom = _atoms[key] = Atom(kind, args, lower, *_description(kind, args, name, lower))
    return atom


def quotient(numerator: Poly, divisor: Poly) -> Poly:
    """``//`` as an atom, or the number that it can only be."""
    number = as_number(divisor)
    atom = make_atom("//", (Form.of(numerator), Form.of(divisor) if number is None else number_form(number)))
    low, high = atom.interval
    return constant(int(low)) if low == high else from_atom(atom)


def names_of(form: Form) -> frozenset[str]:
    """The names of the symbols that a formula depends on."""
    return frozenset().union(*[atom.names for atom in atoms_of(form)])


def _description(kind: str, args: tuple[Form, ...], name: str, lower: int) -> tuple[str, frozenset[str], Interval]:
    """Text, names and bounds of an atom."""
    if kind == "symbol":
        return name, frozenset((name,)), (lower, INFINITY)
    text = quotient_text(*args) if kind == "//" else extreme_text(kind, args)
    if len(text) > MAX_FORMULA:
        raise TooLarge(f"a formula is longer than {MAX_FORMULA:,} characters")
    interval = quotient_interval(*args) if kind == "//" else extreme_interval(kind, args)
    return text, frozenset().union(*map(names_of, args)), interval


# --- as data ----------------------------------------------------------------------------------------------------------

Numbered: TypeAlias = list[tuple[list[tuple[int, int]], int]]
"""A polynomial whose atoms are numbers in a list of entries."""
Entry: TypeAlias = tuple[str, list[Numbered], str, int]
"""An atom: its kind, its operands, and of a symbol the name and the smallest value."""


def flattened(form: Form) -> tuple[list[Entry], Numbered]:
    """A formula as a list of its atoms, operands first: objects nested as deep as formulas are do not pickle."""
    number: dict[Atom, int] = {}
    entries: list[Entry] = []
    for atom in all_atoms(form):
        name = atom.text if atom.kind == "symbol" else ""
        entries.append((atom.kind, [_numbered(arg, number) for arg in atom.args], name, atom.lower))
        number[atom] = len(number)
    return entries, _numbered(form, number)


def restored(entries: Sequence[Entry], poly: Numbered) -> Poly:
    """The formula that was flattened."""
    atoms: list[Atom] = []
    for kind, args, name, lower in entries:
        operands = tuple([Form.of(_of_numbers(arg, atoms)) for arg in args])
        atoms.append(make_atom(kind, operands, name, lower))
    return _of_numbers(poly, atoms)


def _numbered(form: Form, number: dict[Atom, int]) -> Numbered:
    return [([(number[atom], power) for atom, power in term], factor) for term, factor in form._poly.items()]


def _of_numbers(poly: Numbered, atoms: Sequence[Atom]) -> Poly:
    return {sorted_monomial((atoms[number], power) for number, power in term): factor for term, factor in poly}
