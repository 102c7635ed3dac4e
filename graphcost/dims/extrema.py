"""Maxima and minima, without the operands that another one covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from ..limits import MAX_OPERANDS
from .atoms import make_atom
from .bounds import lower_bound
from .errors import TooLarge
from .polynomial import Atom, Form, Poly, as_atom, as_number, from_atom, number_form, subtract
from .text import text

_Operand: TypeAlias = tuple[Form, Atom | None]
"""An operand, and the extreme that it is from where it was one's."""


def extreme(kind: str, operands: Iterable[Form]) -> Poly:
    """The ``max`` or ``min``, as `kind` says, of one or more formulas. Raises TooLarge for more than MAX_OPERANDS."""
    kept: list[_Operand] = []
    for new in _candidates(kind, _flattened(kind, operands)):
        if not any(_covers(kind, old, new) for old in kept):
            kept = [old for old in kept if not _covers(kind, new, old)]
            kept.append(new)
    forms = tuple([form for form, _ in kept])
    return forms[0]._poly if len(forms) == 1 else from_atom(make_atom(kind, forms))


def _flattened(kind: str, operands: Iterable[Form]) -> dict[Form, Atom | None]:
    """The operands, each once; of one that is such an extreme itself, those of it."""
    flat: dict[Form, Atom | None] = {}
    for form in operands:
        atom = as_atom(form._poly)
        if atom is not None and atom.kind == kind:
            flat.update(dict.fromkeys(atom.args, atom))
        else:
            flat.setdefault(form)
    return flat


def _candidates(kind: str, operands: Mapping[Form, Atom | None]) -> list[_Operand]:
    """The one number that counts, then the formulas in the order of their text."""
    numbers: list[int] = []
    formulas: list[_Operand] = []
    for form, origin in operands.items():
        number = as_number(form._poly)
        if number is None:
            formulas.append((form, origin))
        else:
            numbers.append(number)
    if len(formulas) > MAX_OPERANDS:
        raise TooLarge(f"a {kind} of {len(formulas)} operands, more than {MAX_OPERANDS}")
    formulas.sort(key=lambda operand: text(operand[0]))
    if numbers:
        pick = max if kind == "max" else min
        formulas.insert(0, (number_form(pick(numbers)), None))
    return formulas


def _covers(kind: str, one: _Operand, other: _Operand) -> bool:
    """Whether ``one`` is always the more extreme; of two operands of one extreme neither is."""
    (a, origin), (b, other_origin) = one, other
    if origin is not None and origin is other_origin:
        return False
    difference = subtract(a._poly, b._poly) if kind == "max" else subtract(b._poly, a._poly)
    try:
        return lower_bound(Form.of(difference), 0) >= 0
    except TooLarge:
        return False
