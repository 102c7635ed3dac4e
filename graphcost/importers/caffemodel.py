"""Walk a .caffemodel, Caffe's binary form of a net with its weights, into messages as `prototxt` has them.

The fields get the names that caffe.proto gives their numbers; what a blob holds is stepped over without being touched,
so that the cost is that of the structure, whatever the weights weigh. A field without a number in `caffe_schema` is
kept under the name `#NUMBER`, which no rule knows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NoReturn

from .. import limits
from .caffe_schema import ENUMS, MESSAGES, Spec, is_foreign, numbers
from .prototxt import Message, Value
from .unpack import Buffer
from .wire import Field, Walk

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_NUMBER_OF = {"float": _FIXED32, "double": _FIXED64}
"""The wire types of numbers; those of all others are varints."""

PAYLOAD = frozenset({"data", "diff", "double_data", "double_diff", "raw_data", "raw_diff"})
"""Fields of a BlobProto that hold its numbers."""


class Ordinal(int):
    """Which layer of a binary file it is: takes the place of a line number, and is written `layer 3`."""

    def __str__(self) -> str:
        return f"layer {int(self)}"


def read(buffer: Buffer, path: str) -> Message:
    """The NetParameter in a buffer, without what its blobs hold.

    Raises ModelError naming the byte where it is malformed, and when its structure is larger than MAX_FIELDS and
    MAX_STRUCTURE allow.
    """
    return _Reader(buffer, path).message(0, len(buffer), "Net", Ordinal(0))


class _Reader(Walk):
    """One pass over a serialized NetParameter."""

    def __init__(self, buffer: Buffer, path: str) -> None:
        super().__init__(buffer, path)
        self.kept = 0  # bytes of texts, against MAX_STRUCTURE
        self.layers = 0

    def message(self, start: int, end: int, kind: str, place: Ordinal) -> Message:
        """The message of this kind between two positions, in the layer that `place` says."""
        specs = numbers(kind)
        found: list[tuple[str, Value]] = []
        layer_type = ""
        walked = (
            self.runs(start, end, "blob") if kind == "Blob" else self.fields(start, end, f"{kind} of a .caffemodel")
        )
        for key, begin, content, stop in walked:
            self.count(begin)
            spec = specs.get(key >> 3)
            if spec is not None and spec.name in PAYLOAD and kind == "Blob":
                continue
            if spec is None or (kind == "Layer" and is_foreign(key >> 3, layer_type)) or not _fits(spec, key & 7):
                found.append((f"#{key >> 3}", "not known"))
                continue
            if spec.is_message:
                found.append((spec.name, self.part(content, stop, spec, place)))
                continue
            values = self.values(spec, key & 7, begin, content, stop)
            found += [(spec.name, value) for value in values]
            if spec.name == "type" and kind == "Layer":
                layer_type = str(found[-1][1])
        return Message(tuple(found), place)

    def walk(self, start: int, end: int, kind: str) -> Iterator[Field]:
        """The fields of a message; of the numbers of a blob that stand one by one, each run of them as one."""
        if kind == "Blob":
            return self.runs(start, end, "blob")
        return self.fields(start, end, f"{kind} of a .caffemodel")

    def part(self, start: int, end: int, spec: Spec, place: Ordinal) -> Message:
        """A message within another; those of the net itself are its layers, which are numbered."""
        if spec.holds in ("Layer", "V1Layer"):
            self.layers += 1
            place = Ordinal(self.layers)
        return self.message(start, end, spec.holds, place) if spec.holds in MESSAGES else Message((), place)

    def values(self, spec: Spec, wire_type: int, begin: int, start: int, end: int) -> Iterator[Value]:
        """What a field holds: one value, or several where it repeats and is packed."""
        if spec.holds in ("string", "bytes"):
            yield self.text(start, end)
        elif wire_type != _DELIMITED:
            yield self.number(spec, start, end)[0]
        else:
            while start < end:
                self.count(begin)
                value, start = self.number(spec, start, end)
                yield value

    def number(self, spec: Spec, start: int, end: int) -> tuple[Value, int]:
        """The number at a position, as what the field holds, and where it stops."""
        if spec.holds in _NUMBER_OF:
            form, size = ("<f", 4) if spec.holds == "float" else ("<d", 8)
            if start + size > end:
                raise self.malformed(start, f"truncated: a number goes past the end of {self.bounds(end)}")
            return struct.unpack(form, self.buffer[start : start + size])[0], start + size
        number, stop = self.varint(start, end)
        number -= 2**64 if number >= 2**63 else 0  # negative numbers take ten bytes
        if spec.holds == "bool":
            return bool(number), stop
        names = ENUMS.get(spec.holds, ())
        return (names[number] if 0 <= number < len(names) else None) or number, stop

    def text(self, start: int, end: int) -> str:
        self.kept += end - start
        if self.kept > limits.MAX_STRUCTURE:
            reason = f"more than {limits.MAX_STRUCTURE:,} bytes of names and texts"
            raise self.malformed(start, reason + limits.more("structure"))
        data = self.buffer[start:end]
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def count(self, position: int) -> None:
        self.seen += 1
        if self.seen > limits.MAX_FIELDS:
            self.refuse_size(position)

    def refuse_size(self, position: int) -> NoReturn:
        reason = f"more than {limits.MAX_FIELDS:,} layers, fields and other parts"
        raise self.malformed(position, reason + limits.more("fields"))


def _fits(spec: Spec, wire_type: int) -> bool:
    """Whether a field that holds this can be written so; another fork's field may have the same number."""
    if spec.is_message or spec.holds in ("string", "bytes"):
        return wire_type == _DELIMITED
    return wire_type == _NUMBER_OF.get(spec.holds, _VARINT) or (wire_type == _DELIMITED and spec.repeats)
