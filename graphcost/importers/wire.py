"""Read an .onnx file without its weights.

A model file is a few kilobytes of structure around megabytes of weights. Here the protobuf wire format is walked over a
memory map of the file: the structure is copied, tensor payloads are stepped over without being touched, and what is
left is handed to protobuf's own message classes: the nodes of the model's graph one by one, since most say what another
has said. The cost is that of the structure, whatever the weights weigh.

Does not know what a model means: no operators, no shapes, no opening of external data files. Wire format:
https://protobuf.dev/programming-guides/encoding/, messages: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import gzip
import importlib.util
import math
import mmap
import re
import stat
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from graphcost.errors import ModelError
from graphcost.importers import sniff

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
    from google.protobuf.message import Message
    from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

Buffer = bytes | mmap.mmap
Names = tuple[tuple[str, ...], tuple[str, ...], str]
"""Of a node's inputs, of its outputs, and its own."""

KEEP_INTEGERS = 16 * 1024  # bytes of an int32 or int64 tensor: shapes, axes, indices steer later shapes; 2048 x int64
KEEP_OTHERS = 1024  # bytes of any other tensor: scales of Resize, a quantisation's zero point; more is weights
KEEP_ATTRIBUTE = 4 * 1024**2  # bytes of an attribute's list or string: tree ensembles fit, embedded engines do not
MAX_STRUCTURE = 64 * 1024**2  # bytes handed to protobuf, whose numbers take up to four times that
MAX_FIELDS = 3_000_000  # nodes, tensors and the like; each takes some 250 bytes even when it is empty
MAX_UNSEEN = 8 * 1024**2  # bytes handed over without counting what is in their smallest parts: a gigabyte at worst
MAX_UNPACKED = 512 * 1024**2  # bytes that a .gz may hold: these do stand in memory
MAX_TEXT = 32 * 1024**2  # bytes of a text model; protobuf's text parser reads some 5 MB a second
MAX_DEPTH = 100  # messages within messages; protobuf itself reads no deeper

# The messages through which a tensor can be reached: field number -> part.
_PARTS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training info", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "function": {7: "node", 11: "attribute"},
    "training info": {1: "graph", 2: "graph"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {},
}

# TensorProto: float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data.
_TENSOR_PAYLOAD = frozenset({4, 5, 6, 7, 9, 10, 11})
_TENSOR_DATA_TYPE = 2
_TENSOR_DOC_STRING = 12
_INTEGER_TYPES = frozenset({6, 7})  # TensorProto.INT32, INT64

_ATTRIBUTE_LISTS = frozenset({7, 8, 9})  # floats, ints, strings
_ATTRIBUTE_NUMBERS = frozenset({7, 8})
_ATTRIBUTE_STRING = 4
_ATTRIBUTE_TYPE = 20

_NAMES = _INPUT, _OUTPUT, _NAME = 0x0A, 0x12, 0x1A  # keys of NodeProto: fields 1, 2 and 3, length-delimited

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4 are groups, which ONNX never had


@dataclass(frozen=True)
class Structure:
    """A model without the payloads of its large tensors, the nodes of its graph apart from the rest."""

    model: ModelProto
    """All but those nodes."""
    nodes: list[bytes]
    """Each a serialized NodeProto, in the order of the file."""
    buffer: Buffer
    path: str

    def node(self, number: int) -> NodeProto:
        """One of the nodes as a message. Raises ModelError, with the byte in the file, when it is malformed."""
        data = self.nodes[number]
        graph = b"\x0a" + _varint(len(data)) + data
        model = b"\x3a" + _varint(len(graph)) + graph  # as deep as it stands in the file: protobuf bounds the depth
        node: NodeProto = _parse(messages().ModelProto, model, self.buffer, self.path).graph.node[0]
        return node


def read(path: str | Path, *, threshold: int | None = None) -> Structure:
    """The model in an `.onnx` file, which gzip may have compressed, without the payloads of its large tensors.

    Text is told from binary by its content, and read as `read_text` does.

    A payload is kept whole or dropped whole; `has_payload` and `has_value` tell. `threshold` is the size in bytes above
    which a tensor's payload is dropped; without it KEEP_INTEGERS and KEEP_OTHERS hold. External data is not opened.

    Raises ModelError when there is no such file, when it is something else or when it is malformed; what is wrong
    within a node is only found when it is asked for.
    """
    buffer = _bytes_of(Path(path))
    head = buffer[: sniff.HEAD]
    if known := sniff.describe(head):
        raise ModelError(str(path), "", f"{known[0]}: {known[1]}")
    if sniff.is_text(head):
        return _read_text(buffer, threshold, str(path))
    return decode(buffer, threshold, path=str(path))


def read_text(path: str | Path, *, threshold: int | None = None) -> Structure:
    """The model in a text file, in protobuf's text format or in ONNX's own (`<ir_version: 8, ...> net (x) => (y) {}`).

    Payloads are dropped as by `read`. Raises ModelError, with the line, when it cannot be read.
    """
    return _read_text(_bytes_of(Path(path)), threshold, str(path))


def decode(buffer: Buffer, threshold: int | None = None, *, path: str = "<bytes>") -> Structure:
    """A serialized ModelProto without the payloads of its large tensors, as `read` says.

    Raises ModelError naming `path` and the byte.
    """
    model, nodes = strip(buffer, threshold, path=path)
    if len(model) + sum(map(len, nodes)) > MAX_UNSEEN:
        seen = _count(model, messages().ModelProto.DESCRIPTOR, path)
        for node in nodes:
            seen = _count(node, messages().NodeProto.DESCRIPTOR, path, seen)
    message: ModelProto = _parse(messages().ModelProto, model, buffer, path)
    if not message.HasField("graph"):
        raise ModelError(path, "", "not an ONNX model, or a truncated one: it has no graph")
    return Structure(message, nodes, buffer, path)


def strip(buffer: Buffer, threshold: int | None = None, *, path: str = "<bytes>") -> tuple[bytes, list[bytes]]:
    """A serialized ModelProto without the payloads of its large tensors and the nodes of its graph, and these.

    What is kept has the bytes that it had. Only what is copied and the keys and lengths on the way to it are touched.
    Parts too small to hold a payload worth dropping are copied unseen, so this is no validation. Raises ModelError
    naming `path` and the byte.
    """
    walk = _Walk(buffer, threshold, path)
    chunks = walk.message(0, len(buffer), "model", 0)
    return walk.copy(0, len(buffer)) if chunks is None else b"".join(chunks), walk.nodes


def names(node: bytes) -> tuple[Names, bytes]:
    """The inputs, the outputs and the name of a serialized NodeProto, and the bytes behind them.

    Names are read as long as they lead, which is where protobuf writes them. Asking a message for them takes longer,
    and what stands behind them is the same in many nodes. A node cut short within its names is all behind them.
    """
    inputs: list[str] = []
    outputs: list[str] = []
    name = ""
    at, end = 0, len(node)
    try:
        while at < end and (key := node[at]) in _NAMES:
            length, start = node[at + 1], at + 2
            if length > 127:  # the highest bit says that more follow
                length, start = _Walk(node, None, "").varint(at + 1, end)
            at = start + length
            text = node[start:at].decode("utf-8", "replace")
            if key == _INPUT:
                inputs.append(text)
            elif key == _OUTPUT:
                outputs.append(text)
            else:
                name = text
    except (IndexError, ModelError):
        at = end + 1
    return ((tuple(inputs), tuple(outputs), name), node[at:]) if at <= end else (((), (), ""), node)


def has_payload(tensor: TensorProto) -> bool:
    """Whether the tensor's elements are here: neither dropped nor in an external file. True when it has none."""
    if tensor.data_location:  # DEFAULT is 0, EXTERNAL is 1
        return False
    if math.prod(tensor.dims) == 0:
        return True
    return any(field.number in _TENSOR_PAYLOAD for field, _ in tensor.ListFields())


def has_value(attribute: AttributeProto) -> bool:
    """Whether the attribute's value is in the message.

    A list or string that was dropped took the attribute's `type` with it, which tells it from one that is empty.
    """
    return attribute.type != 0 or any(field.name not in ("name", "doc_string") for field, _ in attribute.ListFields())


@cache
def messages() -> ModuleType:
    """ONNX's generated protobuf module, without running `onnx/__init__`, which imports numpy and much besides.

    `import onnx` may come before or after: protobuf makes one class per message however often it is described.
    """
    name = "onnx.onnx_ml_pb2"
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec("onnx")
    for folder in (package and package.submodule_search_locations) or ():
        file = Path(folder, "onnx_ml_pb2.py")
        spec = importlib.util.spec_from_file_location("graphcost.importers.onnx_ml_pb2", file)
        if file.exists() and spec and spec.loader:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ModuleNotFoundError("the onnx package is not installed", name="onnx")


class _Walk:
    """One pass over a serialized model. Positions are offsets into the buffer, `end` is the first byte behind."""

    def __init__(self, buffer: Buffer, threshold: int | None, path: str) -> None:
        self.buffer = buffer
        self.path = path
        self.keep_integers = KEEP_INTEGERS if threshold is None else threshold
        self.keep_others = KEEP_OTHERS if threshold is None else threshold
        self.seen = 0  # fields, against MAX_FIELDS
        self.kept = 0  # bytes, against MAX_STRUCTURE
        self.harmless = min(self.keep_integers, self.keep_others)  # a part this small holds nothing to drop
        self.nodes: list[bytes] = []  # those of the model's graph

    def message(self, start: int, end: int, kind: str, depth: int) -> list[bytes] | None:
        """The chunks of the message without payloads, or None when nothing is to be dropped from it.

        What is dropped of the nodes of the model's own graph are these themselves, into `nodes`.
        """
        if depth > MAX_DEPTH:
            raise self.malformed(start, f"more than {MAX_DEPTH} messages within one another")
        parts = _PARTS[kind]
        apart = "node" if kind == "graph" and depth == 1 else ""  # the parts that go into `nodes`
        chunks: list[bytes] = []
        copied = start
        for key, begin, content, stop in self.fields(start, end, kind):
            self.seen += 1
            if self.seen > MAX_FIELDS:
                raise self.malformed(begin, f"more than {MAX_FIELDS} nodes, tensors and other parts")
            part = parts.get(key >> 3)
            if part is None:
                # An attribute has one value: a list rules out tensors and graphs, and its elements are fields.
                if kind == "attribute" and key >> 3 in _ATTRIBUTE_LISTS:
                    break
                continue
            if key & 7 != _DELIMITED:
                raise self.malformed(begin, f"wire type {key & 7} for {_a(part)}, which is length-delimited")
            replaced: list[bytes] | None
            if stop - content <= self.harmless and depth > 0:
                replaced = None
            elif part == "tensor":
                replaced = self.tensor(content, stop)
            elif part == "attribute" and stop - content > KEEP_ATTRIBUTE:
                replaced = self.large_attribute(content, stop, depth + 1)
            else:
                replaced = self.message(content, stop, part, depth + 1)
            if part == apart:
                self.nodes.append(self.copy(content, stop) if replaced is None else b"".join(replaced))
                if begin > copied or not chunks:
                    chunks.append(self.copy(copied, begin))
                copied = stop
            elif replaced is not None:
                chunks.append(self.copy(copied, begin) + _varint(key) + _varint(sum(map(len, replaced))))
                chunks += replaced
                copied = stop
        if not chunks:
            return None
        chunks.append(self.copy(copied, end))
        return chunks

    def tensor(self, start: int, end: int) -> list[bytes] | None:
        """The tensor without its payload, if that is large, and without its documentation, if that is."""
        payload = documentation = data_type = 0
        for key, begin, content, stop in self.fields(start, end, "tensor"):
            number = key >> 3
            if number in _TENSOR_PAYLOAD:
                payload += stop - content
            elif number == _TENSOR_DOC_STRING:
                documentation += stop - begin
            elif number == _TENSOR_DATA_TYPE and key & 7 == _VARINT:
                data_type, _ = self.varint(content, stop)
        dropped: set[int] = set()
        if payload > (self.keep_integers if data_type in _INTEGER_TYPES else self.keep_others):
            dropped |= _TENSOR_PAYLOAD
        if documentation > self.keep_others:
            dropped.add(_TENSOR_DOC_STRING)
        return self.without(start, end, "tensor", dropped) if dropped else None

    def large_attribute(self, start: int, end: int, depth: int) -> list[bytes] | None:
        """The attribute without its string or list and its type, if those are too large; else as any message."""
        values = _ATTRIBUTE_LISTS | {_ATTRIBUTE_STRING}
        size = sum(stop - begin for key, begin, _, stop in self.fields(start, end, "attribute") if key >> 3 in values)
        if size > KEEP_ATTRIBUTE:
            return self.without(start, end, "attribute", values | {_ATTRIBUTE_TYPE})
        return self.message(start, end, "attribute", depth)

    def without(self, start: int, end: int, kind: str, dropped: set[int] | frozenset[int]) -> list[bytes]:
        """The message without the fields of these numbers."""
        kept = bytearray()
        copied = start
        for key, begin, _, stop in self.fields(start, end, kind):
            if key >> 3 in dropped:
                kept += self.copy(copied, begin)
                copied = stop
        kept += self.copy(copied, end)
        return [bytes(kept)]

    def count(self, start: int, end: int, kind: Descriptor, depth: int = 0) -> None:
        """Count every field, of the smallest parts too, against MAX_FIELDS; numbers in lists of attributes aside."""
        if depth > MAX_DEPTH:
            raise self.malformed(start, f"more than {MAX_DEPTH} messages within one another")
        inner = kind.fields_by_number
        for key, begin, content, stop in self.fields(start, end, kind.name):
            self.seen += 1
            if self.seen > MAX_FIELDS:
                raise self.malformed(begin, f"more than {MAX_FIELDS} nodes, tensors and other parts")
            number = key >> 3
            if kind.name == "AttributeProto" and number in _ATTRIBUTE_NUMBERS:
                break
            if key & 7 == _DELIMITED and number in inner and (part := inner[number].message_type) is not None:
                self.count(content, stop, part, depth + 1)

    def copy(self, start: int, end: int) -> bytes:
        self.kept += end - start
        if self.kept > MAX_STRUCTURE:
            raise ModelError(self.path, "", f"more than {MAX_STRUCTURE} bytes even without its weights")
        return self.buffer[start:end]

    def fields(self, start: int, end: int, kind: str) -> Iterator[tuple[int, int, int, int]]:
        """For each field: its key (number << 3 | wire type), where it begins, where its content begins and stops."""
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
            if wire_type == _DELIMITED:
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
                raise self.malformed(begin, f"wire type {wire_type} in {_a(kind)}, which ONNX does not use")
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

    def truncated(self, begin: int, key: int, length: int, end: int, kind: str) -> ModelError:
        number = key >> 3
        part = _PARTS[kind].get(number, f"field {number} of {_a(kind)}")
        if kind == "tensor" and number in _TENSOR_PAYLOAD:
            part = "tensor's payload"
        name = part if part.startswith("field") else _a(part)
        return self.malformed(begin, f"truncated: {name} of {length} bytes goes past the end of {self.bounds(end)}")

    def bounds(self, end: int) -> str:
        size = len(self.buffer)
        return f"the file ({size} bytes)" if end == size else f"what holds it (byte {end})"

    def malformed(self, position: int, reason: str) -> ModelError:
        return ModelError(self.path, f"byte {position}", reason)


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _count(data: bytes, kind: Descriptor, path: str, seen: int = 0) -> int:
    """How many fields there are when so many have been seen. Raises ModelError when they are more than MAX_FIELDS."""
    walk = _Walk(data, None, path)
    walk.seen = seen
    walk.count(0, len(data), kind)
    return walk.seen


def _parse(kind: type[Message], data: bytes, buffer: Buffer, path: str) -> Any:
    """A message of the structure in `buffer`. Raises ModelError, with the byte there, when protobuf refuses it."""
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(data)
    except DecodeError as error:
        _Walk(buffer, -1, path).message(0, len(buffer), "model", 0)  # looks into the small parts too: says where
        raise ModelError(path, "", f"not an ONNX model: {_one_line(str(error))}") from None


def _bytes_of(path: Path) -> Buffer:
    """The file's bytes: mapped, or in memory when they had to be decompressed. At least one."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise ModelError(str(path), "", "is a directory" if stat.S_ISDIR(mode) else "not a regular file")
        with path.open("rb") as file:
            head = file.read(len(sniff.GZIP))
            if not head:  # nor can nothing be mapped
                raise ModelError(str(path), "", "the file is empty")
            if head == sniff.GZIP:
                return _decompressed(path)
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ModelError(str(path), "", (error.strerror or str(error)).lower()) from None


def _decompressed(path: Path) -> bytes:
    data = bytearray()
    try:
        with gzip.open(path) as stream:
            while chunk := stream.read(2**20):
                data += chunk
                if len(data) > MAX_UNPACKED:
                    raise ModelError(str(path), "", f"gzip: more than {MAX_UNPACKED} bytes inside; decompress it first")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ModelError(str(path), "", f"gzip: {_one_line(str(error))}") from None
    if not data:
        raise ModelError(str(path), "", "gzip: nothing inside")
    return bytes(data)


def _read_text(buffer: Buffer, threshold: int | None, path: str) -> Structure:
    if len(buffer) > MAX_TEXT:
        raise ModelError(path, "", f"{len(buffer)} bytes of text, more than the {MAX_TEXT} that are read")
    data = buffer[:]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ModelError(path, str(line), "not text: the bytes are not UTF-8") from None
    # ONNX's syntax opens with attributes in <>, or a graph's name and its inputs in (); comments may precede either.
    if re.match(r"(?:\s|#[^\n]*(?:\n|$))*(?:<|[\w.]+\s*\()", text):
        message = _parse_onnx_syntax(text, path)
    else:
        message = _parse_text_format(text, path)
    return decode(message.SerializeToString(), threshold, path=path)


def _parse_text_format(text: str, path: str) -> Message:
    from google.protobuf import text_format

    message: Message = messages().ModelProto()
    try:
        return text_format.Parse(text, message, allow_unknown_field=False)
    except text_format.ParseError as error:
        line = error.GetLine()
        reason = re.sub(r"^\d+:\d+ : ", "", _one_line(str(error)))
        raise ModelError(path, str(line or ""), f"not an ONNX model as text: {reason}") from None
    except RecursionError:
        raise ModelError(path, "", f"more than {MAX_DEPTH} messages within one another") from None


def _parse_onnx_syntax(text: str, path: str) -> Message:
    from onnx import parser

    try:
        return parser.parse_model(text)
    except parser.ParseError as error:
        cause = error.args[0] if error.args else ""  # the parser hands its report over as bytes
        report = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
        line = re.search(r"line: (\d+)", report)
        reason = _one_line(report.strip().rpartition("\n")[2])
        raise ModelError(path, line[1] if line else "", reason) from None


def _one_line(text: str) -> str:
    return " ".join(text.split())
