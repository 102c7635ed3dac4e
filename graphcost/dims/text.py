"""A formula as text in Python's syntax, which reading.py reads back to the same formula."""

from __future__ import annotations

from collections.abc import Sequence

from .polynomial import Form, Monomial, Terms, as_atom, as_number, terms


def text(form: Form) -> str:
    if form._text is None:
        form._text = _sum(terms(form))
    return form._text


def quotient_text(numerator: Form, divisor: Form) -> str:
    top, bottom = text(numerator), text(divisor)
    if len(numerator._poly) > 1 or _is_quotient(numerator):
        top = f"({top})"
    if as_number(divisor._poly) is None and (as_atom(divisor._poly) is None or _is_quotient(divisor)):
        bottom = f"({bottom})"
    return f"{top}//{bottom}"


def extreme_text(kind: str, operands: Sequence[Form]) -> str:
    return f"{kind}({', '.join(map(text, operands))})"


def shortened(written: str, length: int = 80) -> str:
    """Text as a message has it."""
    return written if len(written) <= length else written[: length - 3] + "..."


def _is_quotient(form: Form) -> bool:
    atom = as_atom(form._poly)
    return atom is not None and atom.kind == "//"


def _sum(terms: Terms) -> str:
    if not terms:
        return "0"
    pieces: list[str] = []
    for monomial, coefficient in terms:
        negative = coefficient < 0
        pieces += (" - " if negative else " + ", _term(monomial, abs(coefficient), bare=bool(pieces) or not negative))
    pieces[0] = "-" if pieces[0] == " - " else ""
    return "".join(pieces)


def _term(monomial: Monomial, coefficient: int, bare: bool) -> str:
    """One term. A quotient alone in it goes without parentheses where ``bare``, that is not behind a leading minus."""
    if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1 and bare:
        return monomial[0][0].text
    factors = [str(coefficient)] if coefficient != 1 or not monomial else []
    for atom, power in monomial:
        base = f"({atom.text})" if atom.kind == "//" else atom.text
        factors.append(base if power == 1 else f"{base}**{power}")
    return "*".join(factors)
