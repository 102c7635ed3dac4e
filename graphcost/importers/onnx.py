"""ONNX: a ModelProto without its weights -> Model.

Nodes become operators, initializers weights, nested graphs the bodies of the operators that run them; a call of a
function that the file defines becomes an operator with one body. What an operator does is not known here; nor is what a
large weight holds, only its shape.

https://github.com/onnx/onnx/blob/main/docs/IR.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ModelError
from ..graph import Model
from . import onnx_file
from .onnx_definitions import OnnxDefinitions
from .onnx_graph import build_model
from .source import Source

if TYPE_CHECKING:
    from onnx import ModelProto


def read(source: Source) -> Model:
    """The network in an ONNX file: protobuf, or one of ONNX's two text forms. Weights are not read.

    Raises ModelError when the file cannot be read or describes no network: a tensor that nobody makes or that two
    operators make, a cycle, a function that calls itself, graphs nested deeper than MAX_GRAPH_DEPTH.
    """
    return _with_definitions(build_model(onnx_file.read(source)))


def build(message: ModelProto, path: str = "") -> Model:
    """The network of a ModelProto. Raises ModelError as `read` does, and for one too large to be serialized."""
    try:
        data = message.SerializeToString()
    except Exception as problem:  # which one depends on protobuf's version
        reason = f"protobuf cannot serialize this model ({problem}); save it with external data and give that file"
        raise ModelError(path, "", reason) from None
    return _with_definitions(build_model(onnx_file.decode(data, path=path)))


def _with_definitions(model: Model) -> Model:
    model.definitions = OnnxDefinitions()
    return model
