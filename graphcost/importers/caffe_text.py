"""What protobuf's text format refuses of a prototxt because caffe.proto says otherwise.

`prototxt` reads any fields; here those that caffe.proto knows are held against it: a field that can stand once and is
given twice, a text where a number or a boolean is meant, an enumeration's value spelt otherwise. What forks add, fields
as well as values, is left to the rules.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ModelError
from .caffe_schema import ENUMS, Spec, fields
from .prototxt import Message, Value

_CLOSED = frozenset({"Phase", "ShareMode"})
"""Enumerations to which no fork has added a value."""
_WHOLE = frozenset({"NetState", "NetStateRule", "BlobShape"})
"""Messages to which no fork has added a field, so that another is a misspelt one."""


def check(message: Message, kind: str, path: str) -> None:
    """Hold a message against the one that caffe.proto calls `kind`, and all within it that caffe.proto knows.

    Raises ModelError with the line of the first field that protobuf would refuse.
    """
    waiting = [(message, kind, "")]
    while waiting:
        message, kind, layer = waiting.pop()
        specs = fields(kind)
        if kind in ("Layer", "V1Layer"):
            layer = f"{message.get('name', '')} ({message.get('type', 'layer')}): "
        if kind in _WHOLE:
            _check_names(message, specs, layer, path)
        if specs:
            waiting += [(inner, holds, layer) for inner, holds in _check_fields(message, specs, layer, path)]


def _check_fields(message: Message, specs: Mapping[str, Spec], layer: str, path: str) -> list[tuple[Message, str]]:
    """Check the fields of one message; those that are messages themselves, and what each is, are returned."""
    inner = []
    seen: set[str] = set()
    for at, (name, value) in enumerate(message.items()):
        spec = specs.get(name)
        if spec is None:
            continue
        if not spec.repeats:
            if name in seen:
                reason = f"{layer}{name} is given twice, and it can stand only once"
                raise ModelError(path, str(message.line_at(at)), reason)
            seen.add(name)
        if type(value) in spec.plain:
            continue
        if isinstance(value, Message) and spec.is_message:
            inner.append((value, spec.holds))
        elif problem := _problem(value, spec):
            raise ModelError(path, str(message.line_at(at)), f"{layer}{name} {problem}")
    return inner


def _check_names(message: Message, specs: Mapping[str, Spec], layer: str, path: str) -> None:
    """Raise ModelError for a field that the message does not have."""
    for at, (name, _) in enumerate(message.items()):
        if name not in specs:
            reason = f"{layer}there is no field {name} here; there are {', '.join(specs)}"
            raise ModelError(path, str(message.line_at(at)), reason)


def _problem(value: Value, spec: Spec) -> str:
    """What is wrong with the value of a field, "" if nothing."""
    if isinstance(value, Message):
        return f"should be {_article(spec.holds)}, not a message in {{}}"
    if spec.is_message:
        return f"should open a message with {{, not be {value!r}"
    if spec.holds == "bool":
        return "" if value in (0, 1) else f"should be true or false, not {value!r}"
    if spec.holds in ("int", "float"):
        return f"should be a {'whole ' if spec.holds == 'int' else ''}number, not {value!r}"
    if spec.holds in ENUMS and isinstance(value, str):
        return _wrong_name(value, spec.holds)
    return ""


def _wrong_name(value: str, enum: str) -> str:
    names = [name for name in ENUMS[enum] if name]
    if value in names or (value.upper() not in names and enum not in _CLOSED):
        return ""
    return f"should be {' or '.join(names)}, not {value!r}"


def _article(holds: str) -> str:
    return "a " + {"int": "whole number", "bool": "boolean", "float": "number", "string": "text"}.get(holds, "name")
