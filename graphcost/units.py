"""Amounts with units, as users write limits and sizes: 4.2G, 256KiB, 33ms, 2%. Exact: no binary fractions.

A prefix without a unit is a power of 1000, of bytes too; KiB, MiB, GiB and TiB are powers of 1024.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import NoReturn

from . import limits
from .errors import ModelError
from .suggest import close_to

Units = Mapping[str, int | Fraction]
_PREFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
COUNTS: Units = {"": 1, **_PREFIXES}
BYTES: Units = {
    **COUNTS,
    "B": 1,
    **{f"{prefix}B": size for prefix, size in _PREFIXES.items()},
    **{f"{prefix}iB": 1 << 10 * power for power, prefix in enumerate("KMGT", 1)},
}
_MICRO = Fraction(1, 10**6)
TIMES: Units = {"": 1, "s": 1, "ms": Fraction(1, 10**3), "us": _MICRO, "µs": _MICRO, "ns": Fraction(1, 10**9)}
PERCENT: Units = {"": 1, "%": 1}
UNITS: Mapping[str, Units] = {
    "bytes": BYTES,
    "time": TIMES,
    "count": COUNTS,
    "short": COUNTS,
    "ratio": {"": 1},
    "share": PERCENT,
}
"""The units of a quantity, by how its values are written (`table.Form`)."""

_NUMBER = re.compile(r"\s*(\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)\s*(\D*?)\s*")


def amount(text: str | int | float, form: str, option: str = "") -> Fraction:
    """What a text says in the units of a form: bytes, seconds, per cent or a number. Raises ModelError."""
    units = UNITS[form]
    if isinstance(text, int | float) and not isinstance(text, bool):
        return _number(str(text), str(text), option)
    match = _NUMBER.fullmatch(str(text)) if len(str(text)) <= limits.MAX_DIGITS else None
    if match is None:
        _refuse(option, f"{str(text)[:40]!r} is no amount of 0 or more, as in {_example(form)}")
    number, unit = match.groups()
    if unit not in units:
        close = close_to(unit, [each for each in units if each], 3)
        known = f"did you mean {', '.join(close)}?" if close else f"there are {', '.join(filter(None, units))}"
        _refuse(option, f"no unit {unit[:20]!r} in {str(text)[:40]!r}; {known}")
    return _number(number, str(text), option) * units[unit]


def size(text: str | int, option: str) -> int:
    """A number of bytes: 256KiB. Raises ModelError, also for a part of a byte."""
    found = amount(text, "bytes", option)
    if found.denominator != 1:
        _refuse(option, f"{text!r} is no whole number of bytes")
    return int(found)


def _number(number: str, text: str, option: str) -> Fraction:
    try:
        found = Fraction(number.replace("_", ""))
    except (ValueError, ZeroDivisionError):
        _refuse(option, f"{text[:40]!r} is no amount")
    if found < 0:
        _refuse(option, f"{text[:40]!r} is less than 0")
    return found


def _example(form: str) -> str:
    return {"bytes": "256KiB", "time": "33ms", "share": "2%", "ratio": "1.5"}.get(form, "4.2G")


def _refuse(option: str, reason: str) -> NoReturn:
    raise ModelError(option, "", reason)
