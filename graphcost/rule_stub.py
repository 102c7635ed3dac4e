"""The first lines of a rule for an operator that has none, ready to be pasted into a plugin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from keyword import iskeyword
from typing import Any

from .passes.rows import NO_RULE, Row

KINDS = 3
"""Operators for which lines are given; the others are only counted."""
ATTRIBUTES = 8
"""Attributes that become keywords; a rule takes any others together."""
LETTERS = 40
"""Letters of an attribute's text up to which it is given as the default."""


def stubs(rows: Iterable[Row]) -> list[str]:
    """Decorator and signature for each kind of operator without a rule, the first few of them."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.work is None and row.why.startswith(NO_RULE):
            first.setdefault(row.op.kind, row)
    return [stub(row) for row in [*first.values()][:KINDS]]


def stub(row: Row) -> str:
    """`@graphcost.rule("com.acme.Warp")` and `def warp(x, *, factor=2):`, of what the file gives the operator."""
    inputs = [f"x{number}" for number in range(1, len(row.inputs) + 1)] if len(row.inputs) > 1 else ["x"]
    attributes = {name: value for name, value in row.op.attrs.items() if name.isascii() and _is_name(name)}
    keywords = [f"{name}={_default(value)}" for name, value in [*attributes.items()][:ATTRIBUTES]]
    star = ["*"] if keywords else []
    others = ["**others"] if len(attributes) > ATTRIBUTES else []
    signature = ", ".join([*inputs[: len(row.inputs)], *star, *keywords, *others])
    return f"@graphcost.rule({_quoted(row.op.kind)})\ndef {_function(row.op.type)}({signature}):"


def _is_name(text: str) -> bool:
    return text.isidentifier() and not iskeyword(text)


def _quoted(text: str) -> str:
    """Text as Python has it, in double quotes, in ASCII."""
    escaped = ascii(text)[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{escaped}"'


def _function(kind: str) -> str:
    """`com.acme.HardSwoosh` as hard_swoosh."""
    last = re.sub(r"[^A-Za-z0-9]+", "_", kind.rpartition(".")[2])
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower().strip("_")
    return name if _is_name(name) else f"rule_{name}"


def _default(value: Any) -> str:
    """A value that stands well in a signature; None for what is long or no plain value."""
    if isinstance(value, str):
        return _quoted(value) if len(value) <= LETTERS else "None"
    simple = value is None or isinstance(value, int | float)
    return (
        repr(value) if simple and len(repr(value)) <= LETTERS and repr(value) not in ("inf", "nan", "-inf") else "None"
    )
