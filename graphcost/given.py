"""What a caller of the library says of sizes, checked in the caller's own terms.

A shape is a sequence of sizes and names, or text of the command's form: `(1, 3, "H", "W")`, `"1x3xHxW"`, `"N,3,9,9"`.
Whether a model has such an input or dimension is not known here. A value that cannot be is an ArgumentError; what is
not even of the right kind, a list in the place of a mapping, is a TypeError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import index
from typing import Any

from . import limits
from .dims import Dim, Extent, TooLarge, parse
from .errors import ArgumentError

SHAPE = "a shape is sizes and names, as (1, 3, 'H', 'W') or '1x3xHxW'"


def shapes(given: Mapping[str, Any] | None) -> dict[str, tuple[Any, ...]]:
    """Extents by input; for an input that is a sequence its items, each an element type and a shape."""
    return {name: _shape(name, shape) for name, shape in _mapping("shapes", given, "{'data': (1, 3, 24, 24)}").items()}


def _shape(name: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, str):
        given = given.split("," if "," in given else "x") if given else ()
    if isinstance(given, Mapping | bytes) or not isinstance(given, Iterable):
        raise ArgumentError("shapes", f"{name} is given {_shown(given)}; {SHAPE}")
    return tuple([_item(name, each) if _is_item(each) else _extent(name, each) for each in given])


def _is_item(each: object) -> bool:
    """Whether this is an item of a sequence of tensors: its element type and its shape."""
    return isinstance(each, tuple | list) and len(each) == 2 and isinstance(each[0], str)


def _item(name: str, given: tuple[str, Any]) -> tuple[str, tuple[Any, ...]]:
    return given[0], _shape(name, given[1])


def _extent(name: str, given: object) -> Extent | str:
    """A size, a formula, or the name of a symbolic one. Raises ArgumentError."""
    if isinstance(given, Dim):
        return given
    if isinstance(given, str):
        text = given.strip()
        if text.isdecimal():
            return _number("shapes", name, text)
        if text.isidentifier():
            return text
    else:
        try:
            size = index(given)  # type: ignore[arg-type]  # what has no __index__ says so
        except TypeError:
            size = -1
        if size >= 0 and not isinstance(given, bool):
            return size
    raise ArgumentError("shapes", f"{_shown(given)} is no size of {name}: a size is an integer, 0 or more, or a name")


def dims(given: Mapping[str, Any] | None) -> dict[str, Extent]:
    """Sizes and formulas by dimension; text is read as the command reads it: `{"total": "past + 1"}`."""
    return {name: _dim(name, value) for name, value in _mapping("dims", given, "{'N': 8}").items()}


def _dim(name: str, given: object) -> Extent:
    if isinstance(given, Dim):
        return given
    if isinstance(given, str):
        if given.strip().isdecimal():
            return _number("dims", name, given.strip())
        try:
            return parse(given)
        except (ValueError, TooLarge) as problem:
            raise ArgumentError(
                "dims", f"{name} is given {_shown(given)}, which is no size or formula: {problem}"
            ) from None
    try:
        size = index(given)  # type: ignore[arg-type]
    except TypeError:
        raise ArgumentError("dims", f"{name} is given {_shown(given)}, which is no integer or formula") from None
    if size < 0 or isinstance(given, bool):
        raise ArgumentError("dims", f"dimension {name} cannot be {given}: sizes are 0 or more")
    return size


def values(given: Mapping[str, Any] | None) -> dict[str, int]:
    """The content of inputs of one integer or boolean."""
    found = {}
    for name, value in _mapping("values", given, "{'use_cache': True}").items():
        try:
            found[name] = index(value)
        except TypeError:
            raise ArgumentError("values", f"{name} is given {_shown(value)}, which is no integer or boolean") from None
    return found


def _number(argument: str, name: str, text: str) -> int:
    """Digits as a number; the text of an integer of thousands takes Python minutes, or an error, to read."""
    if len(text) > limits.MAX_DIGITS:
        raise ArgumentError(
            argument, f"{name} has a size of {len(text):,} digits; at most {limits.MAX_DIGITS} are read"
        )
    return int(text)


def _mapping(argument: str, given: object, example: str) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{argument} is a mapping of names, as {example}, and not {_shown(given)}")
    return given


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
