"""Walk serialized ONNX models without their weights.

A model file is a few kilobytes of structure around megabytes of weights. Here the protobuf wire format is walked where
it lies (a memory map of the file): the structure is copied, tensor payloads are stepped over without being touched.
The cost is that of the structure, whatever the weights weigh.

Knows which messages may hold a tensor, and nothing else of what a model means. Wire format:
https://protobuf.dev/programming-guides/encoding/, messages: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from .. import limits
from ..errors import ModelError
from ..slices import Slices
from .repeats import possessive
from .unpack import Buffer

Field = tuple[int, int, int, int]
"""A field's key (number << 3 | wire type), where it begins, where its content begins, and where that stops."""
NodeNames = tuple[tuple[str, ...], tuple[str, ...], str]
"""Of a node's inputs, of its outputs, and its own."""

# The messages through which a tensor can be reached: field number -> part.
PARTS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training info", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "training info": {1: "graph", 2: "graph"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}

TENSOR_PAYLOAD = frozenset({4, 5, 6, 7, 9, 10, 11})
"""TensorProto's float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data."""
_TENSOR_DATA_TYPE = 2
_TENSOR_DOC_STRING = 12
_INTEGER_TYPES = frozenset({6, 7})  # TensorProto.INT32, INT64

_ATTRIBUTE_LISTS = frozenset({7, 8, 9})  # floats, ints, strings
_ATTRIBUTE_STRING = 4
_ATTRIBUTE_TYPE = 20


def _varints(key: str) -> bytes:
    """A pattern of varints, each behind a key."""
    return possessive(rf"{key}[\x80-\xff]{{0,9}}+[\x00-\x7f]", "+").encode()


# Numbers of a list that stand one by one, each with its key, as old encoders wrote them: of a TensorProto float_data,
# double_data, int32_data, int64_data and uint64_data, of an AttributeProto floats and ints; of a BlobProto of Caffe
# data, diff, double_data and double_diff.
_RUNS = {
    "tensor": rb"(?:\x25.{4})++|(?:\x51.{8})++|" + _varints(r"[\x28\x38\x58]"),
    "attribute": rb"(?:\x3d.{4})++|" + _varints(r"\x40"),
    "blob": rb"(?:\x2d.{4})++|(?:\x35.{4})++|(?:\x41.{8})++|(?:\x49.{8})++",
}
_RUN_KEYS = frozenset(b"\x25\x51\x28\x38\x58\x3d\x40\x2d\x35\x41\x49")
_LONGEST_NUMBER = 11  # bytes, with its key
_RUN_PIECE = 1024**2  # bytes of a file read in slices that are looked at together

_NAME_KEYS = _INPUT, _OUTPUT, _NAME = 0x0A, 0x12, 0x1A  # keys of NodeProto: fields 1, 2 and 3, length-delimited

_VARINT, _FIXED64, DELIMITED, _FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4 are groups, which ONNX never had


def strip(buffer: Buffer, threshold: int | None = None, *, path: str = "<bytes>") -> tuple[bytes, list[bytes]]:
    """A serialized ModelProto without the payloads of its large tensors and the nodes of its graph, and these.

    A payload is kept whole or dropped whole. `threshold` is the size in bytes above which it is dropped; without it
    KEEP_INTEGERS and KEEP_OTHERS hold. What is kept has the bytes that it had. Only what is copied and the keys and
    lengths on the way to it are touched. Parts too small to hold a payload worth dropping are copied unseen, so this is
    no validation. Raises ModelError naming `path` and the byte.
    """
    stripper = _Stripper(buffer, threshold, path)
    chunks = stripper.message(0, len(buffer), "model", 0)
    model = stripper.copy(0, len(buffer)) if chunks is None else b"".join(chunks)
    return model, stripper.nodes


def check(buffer: Buffer, path: str) -> None:
    """Walk a serialized ModelProto into its smallest parts. Raises ModelError for the first that is malformed."""
    _Stripper(buffer, -1, path).message(0, len(buffer), "model", 0)


def split_names(node: bytes) -> tuple[NodeNames, bytes]:
    """The inputs, the outputs and the name of a serialized NodeProto, and the bytes behind them.

    Names are read as long as they lead, which is where protobuf writes them. Asking a message for them takes longer,
    and what stands behind them is the same in many nodes. A node cut short within its names is all behind them.
    """
    inputs: list[str] = []
    outputs: list[str] = []
    own: list[str] = []
    position, end = 0, len(node)
    try:
        while position < end and (key := node[position]) in _NAME_KEYS:
            length, start = node[position + 1], position + 2
            if length > 127:  # the highest bit says that more follow
                length, start = Walk(node, "").varint(position + 1, end)
            position = start + length
            try:
                name = node[start:position].decode()
            except UnicodeDecodeError:
                name = node[start:position].decode("utf-8", "replace")
            (inputs if key == _INPUT else outputs if key == _OUTPUT else own).append(name)
    except (IndexError, ModelError):
        position = end + 1
    if position > end:
        return ((), (), ""), node
    return (tuple(inputs), tuple(outputs), own[-1] if own else ""), node[position:]


class Walk:
    """Reads fields of a buffer. Positions are offsets into it, `end` is the first byte behind what is read."""

    def __init__(self, buffer: Buffer, path: str) -> None:
        self.buffer = buffer
        self.path = path
        self.seen = 0  # fields, against MAX_FIELDS

    def runs(self, start: int, end: int, kind: str) -> Iterator[Field]:
        """The fields of a tensor or attribute; numbers of a list that stand one by one as one field, keys and all.

        There may be a hundred million of them, which takes a minute to go through and two seconds to skip.
        """
        run = re.compile(_RUNS[kind], re.DOTALL)
        position = start
        while position < end:
            for key, begin, content, stop in self.fields(position, end, kind):
                position = stop
                if key in _RUN_KEYS and (after := self.after_run(run, begin, end)) > begin:
                    position = after
                    yield key, begin, begin, position
                    break
                yield key, begin, content, stop

    def after_run(self, run: re.Pattern[bytes], begin: int, end: int) -> int:
        """Where numbers that stand one by one from `begin` on stop: there itself when none does."""
        if not isinstance(self.buffer, Slices):
            match = run.match(self.buffer, begin, end)
            return match.end() if match else begin
        position = begin
        while match := run.match(piece := self.buffer[position : min(position + _RUN_PIECE, end)]):
            position += match.end()
            if len(piece) - match.end() > _LONGEST_NUMBER:
                break
        return position

    def fields(self, start: int, end: int, kind: str) -> Iterator[Field]:
        """The fields of a message of this kind, in the order of the file. Raises ModelError for a malformed one."""
        buffer = self.buffer
        position = start
        while position < end:
            begin = position
            key = buffer[position]
            position += 1
            if key >= 0x80:
                key, position = self.varint(begin, end)
            if key < 8:
                raise self.malformed(begin, f"field number 0 in {_a(kind)}")
            wire_type = key & 7
            content = position
            if wire_type == DELIMITED:
                if position < end and (length := buffer[position]) < 0x80:
                    content = position + 1
                elif position + 1 < end and (high := buffer[position + 1]) < 0x80:
                    length, content = length & 0x7F | high << 7, position + 2
                else:
                    length, content = self.varint(position, end)
                position = content + length
            elif wire_type == _VARINT:
                _, position = self.varint(position, end)
            elif wire_type == _FIXED32:
                position += 4
            elif wire_type == _FIXED64:
                position += 8
            else:
                raise self.malformed(begin, f"wire type {wire_type} in {_a(kind)}, which model files do not use")
            if position > end:
                raise self.truncated(begin, key, position - content, end, kind)
            yield key, begin, content, position

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """The variable-length integer at this position, and where it stops."""
        begin = position
        value = shift = 0
        while position < end:
            byte = self.buffer[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
            if shift >= 70:
                raise self.malformed(begin, "an integer of more than ten bytes")
        raise self.malformed(begin, f"truncated: an integer goes past the end of {self.bounds(end)}")

    def too_many(self, position: int) -> ModelError:
        reason = f"more than {limits.MAX_FIELDS:,} nodes, tensors and other parts"
        return self.malformed(position, reason + limits.more("fields"))

    def check_depth(self, position: int, depth: int) -> None:
        if depth > limits.MAX_MESSAGE_DEPTH:
            raise self.malformed(position, f"more than {limits.MAX_MESSAGE_DEPTH} messages within one another")

    def truncated(self, begin: int, key: int, length: int, end: int, kind: str) -> ModelError:
        number = key >> 3
        part = PARTS.get(kind, {}).get(number, f"field {number} of {_a(kind)}")
        if kind == "tensor" and number in TENSOR_PAYLOAD:
            part = "tensor's payload"
        name = part if part.startswith("field") else _a(part)
        return self.malformed(begin, f"truncated: {name} of {length} bytes goes past the end of {self.bounds(end)}")

    def bounds(self, end: int) -> str:
        size = len(self.buffer)
        return f"the file ({size} bytes)" if end == size else f"what holds it (byte {end})"

    def malformed(self, position: int, reason: str) -> ModelError:
        return ModelError(self.path, f"byte {position}", reason)


class _Kept:
    """What is kept of one message: copies of the stretches between the fields that are left out or replaced."""

    __slots__ = ("changed", "chunks", "position", "stripper")

    def __init__(self, stripper: _Stripper, start: int) -> None:
        self.stripper = stripper
        self.chunks: list[bytes] = []
        self.position = start  # up to here the message has been copied, replaced or left out
        self.changed = False

    def leave_out(self, begin: int, stop: int) -> None:
        """Leave out the field that begins and stops there."""
        if begin > self.position:
            self.chunks.append(self.stripper.copy(self.position, begin))
        self.position = stop
        self.changed = True

    def replace(self, begin: int, stop: int, key: int, content: list[bytes]) -> None:
        """Put other content in the place of the field's."""
        self.leave_out(begin, stop)
        self.chunks.append(varint(key) + varint(sum(map(len, content))))
        self.chunks += content

    def finish(self, end: int) -> list[bytes] | None:
        """The chunks of the message; None when all of it is kept as it is."""
        if not self.changed:
            return None
        if end > self.position:
            self.chunks.append(self.stripper.copy(self.position, end))
        return self.chunks


class _Stripper(Walk):
    """One pass over a serialized model that copies all but payloads."""

    def __init__(self, buffer: Buffer, threshold: int | None, path: str) -> None:
        super().__init__(buffer, path)
        self.keep_integers = limits.KEEP_INTEGERS if threshold is None else threshold
        self.keep_others = limits.KEEP_OTHERS if threshold is None else threshold
        self.harmless = min(self.keep_integers, self.keep_others)  # a part this small holds nothing to drop
        self.kept = 0  # bytes, against MAX_STRUCTURE
        self.nodes: list[bytes] = []  # those of the model's graph

    def message(self, start: int, end: int, kind: str, depth: int) -> list[bytes] | None:
        """The chunks of the message without payloads, or None when nothing is to be dropped from it.

        The nodes of the model's own graph are dropped too: they go into `nodes`.
        """
        self.check_depth(start, depth)
        parts, most = PARTS[kind], limits.MAX_FIELDS
        is_main_graph = kind == "graph" and depth == 1
        kept, nodes = _Kept(self, start), self.nodes
        for key, begin, content, stop in self.fields(start, end, kind):
            self.seen += 1
            if self.seen > most:
                raise self.too_many(begin)
            part = parts.get(key >> 3)
            if part is None:
                # An attribute has one value: a list rules out tensors and graphs, and its elements are fields.
                if kind == "attribute" and key >> 3 in _ATTRIBUTE_LISTS:
                    break
                continue
            if key & 7 != DELIMITED:
                raise self.malformed(begin, f"wire type {key & 7} for {_a(part)}, which is length-delimited")
            small = stop - content <= self.harmless and depth > 0
            replaced = None if small else self.part(content, stop, part, depth + 1)
            if is_main_graph and part == "node":
                nodes.append(self.copy(content, stop) if replaced is None else b"".join(replaced))
                kept.leave_out(begin, stop)
            elif replaced is not None:
                kept.replace(begin, stop, key, replaced)
        return kept.finish(end)

    def part(self, start: int, end: int, kind: str, depth: int) -> list[bytes] | None:
        """The chunks of a part without payloads, or None when nothing is to be dropped from it."""
        if kind == "tensor":
            return self.tensor(start, end)
        if kind == "attribute" and end - start > limits.KEEP_ATTRIBUTE:
            return self.large_attribute(start, end, depth)
        return self.message(start, end, kind, depth)

    def tensor(self, start: int, end: int) -> list[bytes] | None:
        """The tensor without its payload, if that is large, and without its documentation, if that is."""
        payload = documentation = data_type = 0
        for key, begin, content, stop in self.runs(start, end, "tensor"):
            number = key >> 3
            if number in TENSOR_PAYLOAD:
                payload += stop - content
            elif number == _TENSOR_DOC_STRING:
                documentation += stop - begin
            elif number == _TENSOR_DATA_TYPE and key & 7 == _VARINT:
                data_type, _ = self.varint(content, stop)
        dropped: set[int] = set()
        if payload > (self.keep_integers if data_type in _INTEGER_TYPES else self.keep_others):
            dropped |= TENSOR_PAYLOAD
        if documentation > self.keep_others:
            dropped.add(_TENSOR_DOC_STRING)
        return self.without(start, end, "tensor", dropped) if dropped else None

    def large_attribute(self, start: int, end: int, depth: int) -> list[bytes] | None:
        """The attribute without its string or list, if those are too large; else as any message.

        Its type then says UNDEFINED, which tells it from an attribute that says none.
        """
        values = _ATTRIBUTE_LISTS | {_ATTRIBUTE_STRING}
        size = sum(stop - begin for key, begin, _, stop in self.runs(start, end, "attribute") if key >> 3 in values)
        if size > limits.KEEP_ATTRIBUTE:
            kept = self.without(start, end, "attribute", values | {_ATTRIBUTE_TYPE})
            return [*kept, varint(_ATTRIBUTE_TYPE << 3 | _VARINT) + b"\0"]
        return self.message(start, end, "attribute", depth)

    def without(self, start: int, end: int, kind: str, dropped: Set[int]) -> list[bytes]:
        """The message without the fields of these numbers. They may be millions, so no list of pieces is made."""
        kept = bytearray()
        position = start
        for key, begin, _, stop in self.runs(start, end, kind):
            if key >> 3 in dropped:
                kept += self.copy(position, begin)
                position = stop
        kept += self.copy(position, end)
        return [bytes(kept)]

    def copy(self, start: int, end: int) -> bytes:
        """Bytes of the buffer, counted. Raises ModelError when there are more than MAX_STRUCTURE."""
        self.kept += end - start
        if self.kept > limits.MAX_STRUCTURE:
            reason = f"more than {limits.MAX_STRUCTURE:,} bytes even without its weights"
            raise ModelError(self.path, "", reason + limits.more("structure"))
        return self.buffer[start:end]


def varint(value: int) -> bytes:
    """An integer in variable length, as it stands in a message."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
