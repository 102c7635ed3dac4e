"""Models in formats that are not read, told by their first bytes or their members, and the usual way to ONNX.

Never looks at a file's name. Of formats without a mark (protobuf messages, FlatBuffers without an identifier) the
beginning has to be so special that no ONNX model and no net of Caffe has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Kind = tuple[str, str]
"""What a file is, and what to do about it."""

_TF2ONNX = "convert it with python -m tf2onnx.convert"
_OPTIMUM = "export the model with optimum-cli export onnx --model NAME FOLDER"

KERAS = ("a Keras model (zip)", f"{_TF2ONNX} --keras FILE --output model.onnx")
CHECKPOINT = ("a PyTorch checkpoint (zip)", "load it into its module and export that with torch.onnx.export")
TORCHSCRIPT = ("a TorchScript archive (zip)", "load it with torch.jit.load and export that with torch.onnx.export")
EXPORTED = ("a PyTorch exported program (.pt2)", "load it with torch.export.load and give that to torch.onnx.export")
SAVED_MODEL = ("a TensorFlow SavedModel", f"{_TF2ONNX} --saved-model FOLDER --output model.onnx")
GRAPH_DEF = ("a TensorFlow graph (.pb)", f"{_TF2ONNX} --graphdef FILE --inputs x:0 --outputs y:0 --output model.onnx")
COREML = ("a Core ML model", "give an ONNX export of the model that it was converted from")
PADDLE = ("a PaddlePaddle program (.pdmodel)", "convert it with paddle2onnx --model_dir FOLDER --save_file model.onnx")
CONFIG = ("a config.json, which describes a model and holds none", _OPTIMUM)

_MARKS = (
    (4, b"ORTM", "an ONNX Runtime .ort model (FlatBuffers)", "give the .onnx file it was made from"),
    (4, b"TFL3", "a TensorFlow Lite model", f"{_TF2ONNX} --tflite FILE --output model.onnx"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras .h5, or Caffe weights)",
     f"{_TF2ONNX} --keras FILE --output model.onnx, or give the prototxt"),
    (0, b"GGUF", "a GGUF model", _OPTIMUM.replace("the model", "the model it was made from")),
    (8, b'{"', "a safetensors file", f"it holds weights only: {_OPTIMUM}"),
    (0, b"ftrt", "a TensorRT engine", "give the ONNX file that it was built from"),
    (0, b"ptrt", "a TensorRT engine", "give the ONNX file that it was built from"),
    (0, b"RKNN", "an RKNN model", "give the ONNX file that it was converted from"),
    (0, b"7767517", "an NCNN param file", "give the ONNX or Caffe file that it was converted from"),
    (0, b"\xdd\x85\x76\x00", "an NCNN param file (binary)", "give the ONNX or Caffe file that it was converted from"),
    (0, b"\x12\x01\x00\x00\x00\x00\x00\x00", "an MXNet parameter file", "export symbol and parameters with"
     " mx.onnx.export_model"),
)  # fmt: skip
"""Where the mark stands, the mark, what the file is, what to do about it."""

_MEMBERS: tuple[tuple[str, Kind], ...] = (
    ("serialized_exported_program.json", EXPORTED), ("models/model.json", EXPORTED), ("constants.pkl", TORCHSCRIPT),
    ("data.pkl", CHECKPOINT), ("model.weights.h5", KERAS), ("saved_model.pb", SAVED_MODEL), ("model.mlmodel", COREML),
    ("metadata.json", KERAS),
    (".npy", ("a NumPy archive (.npz)", "give the model, not its weights")),
)  # fmt: skip
"""How a member's name ends in an archive of each kind; a kind whose members another has too stands behind it."""

_FOLDERS: tuple[tuple[str, Kind], ...] = (
    ("saved_model.pb", SAVED_MODEL),
    ("Manifest.json", (f"{COREML[0]} (.mlpackage)", COREML[1])),
    ("config.json", ("a folder of a model whose config.json names it", _OPTIMUM)),
    ("__model__", (PADDLE[0], PADDLE[1])),
)
"""Files that tell what a folder is."""

_JSON: tuple[tuple[bytes, Kind], ...] = (
    (rb'"(?:architectures|model_type|_name_or_path)"', CONFIG),
    (rb'"format"\s*:\s*"(?:graph|layers)-model"',
     ("a TensorFlow.js model", "convert it to a SavedModel with tensorflowjs_converter, and that with tf2onnx")),
    (rb'"class_name"', ("a Keras model's architecture (JSON)", KERAS[1].replace("FILE", "MODEL.keras"))),
    (rb'"nodes"\s*:', ("an MXNet symbol (JSON)", "export it with mx.onnx.export_model")),
    (rb'"weight_map"', ("an index of safetensors files", _OPTIMUM)),
    (rb'"base_code"', PADDLE),
)  # fmt: skip
"""Patterns in a JSON document, and what it is then."""

_TEXTS: tuple[tuple[bytes, bytes, Kind], ...] = (
    (b"<", rb"<!doctype html|<html", ("an HTML page, probably a download that failed", "download the model again")),
    (b"<", rb"(?:<\?xml[^>]*>\s*)?<net\b", ("an OpenVINO IR (.xml)", "give the ONNX file that it was converted from")),
    (b"<", rb"<\?xml", ("an XML document", "give the .onnx or .prototxt file")),
    (b"[#;", rb"(?:[#;][^\n]*+\s*+)*+\[net(?:work)?\]", ("a Darknet .cfg", "convert it to ONNX, as pytorch-YOLOv4's"
     " darknet2onnx does")),
    (b"v", rb"version \d\.\d;", ("an NNEF graph", "give the ONNX file that it was converted from")),
    (b"#if", rb"(?:#[^\n]*+\s*+)*+(?:import|from) [\w.]+(?: import |\s*\n| as )",
     ("a Python script", "run it and export its model with torch.onnx.export or tf2onnx")),
)  # fmt: skip
"""Letters of which one comes first, after blanks; what then has to follow, in any case; and what the text is.

The letters keep most files from having the patterns compiled, which takes longer than to read them.
"""


def describe(head: bytes) -> Kind | None:
    """What a file with these first bytes is, None when it is no format known here."""
    for offset, mark, what, remedy in _MARKS:
        if head.startswith(mark, offset):
            return what, remedy
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        found = next((kind for pattern, kind in _JSON if re.search(pattern, text)), None)
        if found or re.match(rb'[{\[]\s*["{\[\]}\d]', text):
            return found or ("a JSON document", "give the .onnx or .prototxt file")
    for letters, pattern, kind in _TEXTS:
        if text[:1] and text[:1].lower() in letters and re.match(pattern, text, re.IGNORECASE):
            return kind
    return next((kind for is_one, kind in _STRUCTURES if is_one(head)), None)


def describe_archive(names: Iterable[str]) -> Kind | None:
    """What a zip archive with these members is, None when it may as well hold a model that can be read."""
    members = list(names)
    return next((kind for ending, kind in _MEMBERS if any(name.endswith(ending) for name in members)), None)


def describe_folder(names: Iterable[str]) -> Kind | None:
    """What a folder with these files is."""
    members = set(names)
    return next((kind for name, kind in _FOLDERS if name in members), None)


# --- formats without a mark ------------------------------------------------------------------------------------------


def _field(data: bytes, key: int) -> bytes | None:
    """The content of the length-delimited field with this key that a message begins with, cut off where the head is."""
    if data[:1] != bytes([key]):
        return None
    at, length, shift = 1, 0, 0
    while at < len(data) and at < 6:
        length |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return data[at : at + length]
    return None


def _is_text(data: bytes | None) -> bool:
    return bool(data) and all(0x20 <= byte < 0x7F for byte in data or b"")


def _is_graph_def(head: bytes) -> bool:
    """GraphDef begins with a NodeDef: its name, then its operator (graph.proto, node_def.proto of TensorFlow)."""
    node = _field(head, 0x0A)
    name = _field(node, 0x0A) if node else None
    if node is None or name is None or not _is_text(name):
        return False
    return _is_text(_field(node[len(name) + 2 :], 0x12))


def _versioned(head: bytes) -> bytes | None:
    """The message in field 2 behind a small number in field 1, where ONNX has a text: its producer's name."""
    inner = _field(head[2:], 0x12) if head[:1] == b"\x08" and head[1:2] < b"\x80" else None
    return None if inner is None or _is_text(inner[:4]) else inner


def _is_coreml(head: bytes) -> bool:
    """Model of Core ML: its version, and a description that begins with an input and its name (Model.proto)."""
    described = _versioned(head)
    feature = _field(described, 0x0A) if described else None
    return bool(feature) and _is_text(_field(feature or b"", 0x0A))


def _is_saved_model(head: bytes) -> bool:
    """SavedModel: version 1, and a MetaGraphDef that begins with its MetaInfoDef (saved_model.proto)."""
    return head[1:2] == b"\x01" and (_versioned(head) or b"")[:1] == b"\x0a"


def _is_paddle(head: bytes) -> bool:
    """ProgramDesc begins with a BlockDesc, whose index is 0 and whose parent is -1 (framework.proto of Paddle)."""
    return (_field(head, 0x0A) or b"").startswith(b"\x08\x00\x10\xff\xff\xff\xff")


def _is_flatbuffer(head: bytes) -> bool:
    """A FlatBuffers file: an offset to a table, which has the way back to its own description."""
    root = int.from_bytes(head[:4], "little")
    if not 4 <= root <= len(head) - 4 or root % 4:
        return False
    description = root - int.from_bytes(head[root : root + 4], "little", signed=True)
    if not 4 <= description <= len(head) - 4 or description % 2:
        return False
    own, table = (int.from_bytes(head[description + at : description + at + 2], "little") for at in (0, 2))
    return 4 <= own <= 200 and own % 2 == 0 and 4 <= table <= 400


def _after_integer(head: bytes, at: int, key: int) -> int:
    """Where the integer stops that stands there under this key; the end of the head where none does."""
    if head[at : at + 1] != bytes([key]):
        return len(head)
    at += 1
    while at < len(head) and head[at] >= 0x80:
        at += 1
    return at + 1


def _is_solver_state(head: bytes) -> bool:
    """SolverState of Caffe: how many iterations, and the file of the weights (caffe.proto)."""
    file = _field(head[_after_integer(head, 0, 0x08) :], 0x12) or b""
    return file.endswith((b".caffemodel", b".caffemodel.h5"))


def _is_mean(head: bytes) -> bool:
    """A BlobProto of Caffe with its four extents: the mean image of a data set."""
    at = 0
    for key in (0x08, 0x10, 0x18):
        at = _after_integer(head, at, key)
    return head[at : at + 1] == b"\x20"


_STRUCTURES: tuple[tuple[Callable[[bytes], bool], Kind], ...] = (
    (_is_solver_state, ("a Caffe solver state", "give the .caffemodel or the prototxt")),
    (_is_mean, ("a Caffe mean image (.binaryproto)", "give the .caffemodel or the prototxt")),
    (_is_paddle, PADDLE),
    (_is_graph_def, GRAPH_DEF),
    (_is_coreml, COREML),
    (_is_saved_model, SAVED_MODEL),
    (_is_flatbuffer, ("a FlatBuffers file, as MNN models are", "give the ONNX file that it was converted from")),
)
