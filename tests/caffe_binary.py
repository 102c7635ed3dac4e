"""Writes Caffe's binary files for tests: fields by their numbers, or a whole prototxt by the table of caffe.proto."""

from __future__ import annotations

import struct

from graphcost.importers import prototxt
from graphcost.importers.caffe_schema import ENUMS, Spec, fields
from graphcost.importers.wire import varint


def number(field: int, value: int) -> bytes:
    """An integer, boolean or enumeration."""
    return varint(field << 3) + varint(value % 2**64)


def part(field: int, content: bytes | str) -> bytes:
    """A text, a message, or numbers that are packed."""
    data = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(data)) + data


def blob(*shape: int, size: int | None = None) -> bytes:
    """A BlobProto of zeros: 7 is its shape, 5 its data."""
    count = 1
    for extent in shape:
        count *= extent
    dims = b"".join(varint(extent) for extent in shape)
    return part(5, bytes(4 * (count if size is None else size))) + part(7, part(1, dims))


def legacy_blob(num: int, channels: int, height: int, width: int) -> bytes:
    """A BlobProto as before 2015: 1 to 4 are its extents."""
    extents = b"".join(number(at, extent) for at, extent in enumerate((num, channels, height, width), 1))
    return extents + part(5, bytes(4 * num * channels * height * width))


def layer(name: str, kind: str, bottom: str = "", top: str = "", *more: bytes) -> bytes:
    """A LayerParameter in field 100 of a net; 7 is a blob."""
    tops = [part(4, each) for each in (top or name).split()]
    return part(100, b"".join([part(1, name), part(2, kind), *[part(3, b) for b in bottom.split()], *tops, *more]))


def image(*shape: int) -> bytes:
    """An Input layer whose top is `data`: input_param is 143, and its shape 1."""
    return layer("data", "Input", "", "data", part(143, part(1, part(1, b"".join(map(varint, shape))))))


def encoded(text: str) -> bytes:
    """A prototxt as its binary form."""
    return _message(prototxt.parse(text, "net"), "Net")


def _message(message: prototxt.Message, kind: str) -> bytes:
    """The fields that caffe.proto knows, by their numbers as protobuf writes them."""
    specs = fields(kind)
    known = [(specs[name], value) for name, value in message.items() if name in specs]
    return b"".join(_field(spec, value) for spec, value in sorted(known, key=lambda each: each[0].number))


def _field(spec: Spec, value: prototxt.Value) -> bytes:
    if isinstance(value, prototxt.Message):
        return part(spec.number, _message(value, spec.holds))
    if spec.holds in ("string", "bytes"):
        return part(spec.number, str(value))
    if spec.holds == "float":
        assert isinstance(value, (int, float))
        return varint(spec.number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, str):
        return number(spec.number, ENUMS[spec.holds].index(value))
    return number(spec.number, int(value))
