"""From the bytes of an ONNX model to protobuf's messages, in whatever form the file has them.

Binary or one of ONNX's two text forms, perhaps compressed: what is left once `wire` has dropped the weights is handed
to protobuf's own message classes, the nodes of the model's graph one by one, since most say what another has said.

Does not know what a model means: no operators, no shapes, no opening of external data files.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .. import limits
from ..errors import ModelError
from . import sniff, wire
from .field_counter import FieldCounter
from .source import Source
from .unpack import Buffer

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from onnx import ModelProto, NodeProto


class Structure:
    """A model without the payloads of its large tensors, the nodes of its graph apart from the rest."""

    def __init__(self, buffer: Buffer, threshold: int | None, path: str) -> None:
        """Raises ModelError naming `path` and the byte when the buffer holds no serialized model."""
        self.buffer = buffer
        self.path = path
        model, self.nodes = wire.strip(buffer, threshold, path=path)
        """Each a serialized NodeProto, in the order of the file."""
        self._counter = FieldCounter(path)  # of what is given to protobuf
        self._count(model, messages().ModelProto)
        self.model: ModelProto = _parse(messages().ModelProto, model, buffer, path)
        """All but those nodes."""
        if not self.model.HasField("graph"):
            raise ModelError(path, "", "not an ONNX model, or a truncated one: it has no graph")

    def node(self, number: int) -> NodeProto:
        """One of the nodes as a message. Raises ModelError, with the byte in the file, when it is malformed.

        Its fields are counted now: most nodes say what another has said and are never asked for.
        """
        data = self.nodes[number]
        self._count(data, messages().NodeProto)
        graph = b"\x0a" + wire.varint(len(data)) + data
        model = b"\x3a" + wire.varint(len(graph)) + graph  # as deep as it stands in the file: protobuf bounds the depth
        node: NodeProto = _parse(messages().ModelProto, model, self.buffer, self.path).graph.node[0]
        return node

    def _count(self, data: bytes, kind: type[Message]) -> None:
        try:
            self._counter.add(data, kind.DESCRIPTOR)
        except ModelError:
            wire.check(self.buffer, self.path)  # names the byte in the file
            raise


def read(source: Source, *, threshold: int | None = None) -> Structure:
    """The model in the bytes of an ONNX file, without the payloads of its large tensors.

    Binary is told from text by its content; text is in protobuf's format or in ONNX's own
    (`<ir_version: 8, ...> net (x) => (y) {}`). `threshold` is the size in bytes above which a tensor's payload is
    dropped; without it KEEP_INTEGERS and KEEP_OTHERS hold. External data is not opened.

    Raises ModelError with the byte or the line when it is malformed; what is wrong within a node is only found when it
    is asked for.
    """
    if sniff.is_text_of_any_encoding(source.data[: sniff.HEAD]):
        return _read_text(source.data, threshold, source.name)
    return Structure(source.data, threshold, source.name)


def decode(buffer: Buffer, threshold: int | None = None, *, path: str = "<bytes>") -> Structure:
    """A serialized ModelProto without the payloads of its large tensors, as `read` says.

    Raises ModelError naming `path` and the byte.
    """
    return Structure(buffer, threshold, path)


@cache
def messages() -> ModuleType:
    """ONNX's generated protobuf module, without running `onnx/__init__`, which imports numpy and much besides.

    `import onnx` may come before or after: protobuf makes one class per message however often it is described. Raises
    ModelError where the package is not installed.
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
    raise ModelError("", "", "the onnx package, by which ONNX files are read, is not installed: pip install onnx")


def _parse(kind: type[Message], data: bytes, buffer: Buffer, path: str) -> Any:
    """A message of the structure in `buffer`. Raises ModelError, with the byte there, when protobuf refuses it."""
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(data)
    except DecodeError as error:
        wire.check(buffer, path)  # says where
        raise ModelError(path, "", f"not an ONNX model: {_one_line(str(error))}") from None


def _read_text(buffer: Buffer, threshold: int | None, path: str) -> Structure:
    if len(buffer) > limits.MAX_TEXT:
        most = limits.MAX_TEXT // limits.MIB
        reason = f"more than {most} MiB of text; give the model in protobuf's binary form"
        raise ModelError(path, "", reason + limits.more("text"))
    data = buffer[:]
    encoding = sniff.encoding_of(data[: sniff.HEAD])
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        name = encoding.removesuffix("-sig").upper()
        raise ModelError(path, str(line), f"not text: the bytes are not {name}") from None
    # ONNX's syntax opens with attributes in <>, or a graph's name and its inputs in (); comments may precede either.
    if re.match(r"(?:\s|#[^\n]*(?:\n|$))*+(?:<|[\w.]+\s*\()", text):
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
        raise ModelError(path, "", f"more than {limits.MAX_MESSAGE_DEPTH} messages within one another") from None


def _parse_onnx_syntax(text: str, path: str) -> Message:
    try:
        from onnx import parser
    except ImportError:  # its compiled part does not run everywhere
        remedy = "give the model in protobuf's binary form"
        raise ModelError(
            path, "", f"ONNX's own syntax cannot be read where the onnx package does not run; {remedy}"
        ) from None
    try:
        return parser.parse_model(text)
    except parser.ParseError as error:
        cause = error.args[0] if error.args else ""  # the parser hands its report over as bytes
        report = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
        line = re.search(r"line: (\d+)", report)
        reason = _one_line(report.strip().rpartition("\n")[2])
        raise ModelError(path, line[1] if line else "", reason) from None
    except (IndexError, ValueError):  # as C++ says it of a number that does not fit
        raise ModelError(path, "", "not an ONNX model as text: a number is too large") from None


def _one_line(text: str) -> str:
    return " ".join(text.split())
