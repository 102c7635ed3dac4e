"""Counts the fields of protobuf's messages before they are parsed: each may take some hundred bytes of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import limits
from .wire import DELIMITED, Walk

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_ATTRIBUTE_NUMBERS = frozenset({7, 8})  # floats, ints


class FieldCounter(Walk):
    """Counts the fields of messages, those of the smallest parts too, by protobuf's own description of them.

    What is left is not counted once it is too short for MAX_FIELDS to be reached: mostly all of it.
    """

    def __init__(self, path: str) -> None:
        super().__init__(b"", path)
        self.possible = 0  # fields in what is left uncounted: each takes two bytes or more
        self.parts: dict[Descriptor, dict[int, Descriptor]] = {}
        """By kind of message, those of its fields that are messages, by their keys: protobuf takes long to say so."""

    def add(self, data: bytes, kind: Descriptor) -> None:
        """Count those of a message. Raises ModelError when there have been more than MAX_FIELDS."""
        self.buffer = data
        counted = 0 if self.may_stop(0) else self.count(0, len(data), kind, 0)
        self.possible += (len(data) - counted) // 2

    def may_stop(self, position: int) -> bool:
        """Whether what stands from there on may be left uncounted too."""
        return self.seen + self.possible + (len(self.buffer) - position) // 2 <= limits.MAX_FIELDS

    def count(self, start: int, end: int, kind: Descriptor, depth: int) -> int:
        """Count those of a part, up to the position that is answered.

        Of an attribute's list of numbers only the first is counted, since the others take a few bytes.
        """
        self.check_depth(start, depth)
        name, most = kind.name, limits.MAX_FIELDS
        parts = self.parts.get(kind)
        if parts is None:
            parts = self.parts[kind] = _parts_of(kind)
        for key, begin, content, stop in self.fields(start, end, name):
            self.seen += 1
            if self.seen > most:
                raise self.too_many(begin)
            if key in parts:
                counted = self.count(content, stop, parts[key], depth + 1)
                if counted < stop or self.may_stop(stop):
                    return counted
            elif name == "AttributeProto" and key >> 3 in _ATTRIBUTE_NUMBERS:
                break
        return end


def _parts_of(kind: Descriptor) -> dict[int, Descriptor]:
    """The fields of a kind of message that are messages themselves, by their keys."""
    fields = [(number, field.message_type) for number, field in kind.fields_by_number.items()]
    return {number << 3 | DELIMITED: part for number, part in fields if part is not None}
