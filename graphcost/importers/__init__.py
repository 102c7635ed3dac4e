"""Files -> Model. What a file is, is told by its content, not its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeGuard

from .. import limits
from ..errors import ModelError
from ..garbage import collection_paused
from ..graph import Model
from . import sniff
from .source import open_source

if TYPE_CHECKING:
    from onnx import ModelProto

AnyFile: TypeAlias = "str | os.PathLike[str] | bytes | IO[Any]"
AnyModel: TypeAlias = "AnyFile | ModelProto"

OPENING = 64 * 1024
"""Bytes among which a text's first word is looked for, behind its comments."""


def load(
    model: AnyModel,
    *,
    phase: str = "test",
    level: int = 0,
    stages: Iterable[str] = (),
    weights: AnyFile | None = None,
) -> Model:
    """The network in a prototxt, a .caffemodel or an ONNX file: its path, its bytes, an open binary file, or an
    onnx.ModelProto.

    `phase`, `level` and `stages` select the layers of a Caffe net. `weights` is the .caffemodel that belongs to a
    prototxt: layers that have no rule get their parameters from it, and those of the others are compared. Raises
    ModelError, one line that names the file, the
    place and the reason, when the file is neither, is damaged, or describes no network.
    """
    with collection_paused():
        loaded = _load(model, phase, level, stages)
        if weights is not None:
            _attach(loaded, weights)
        return loaded


def _attach(model: Model, weights: AnyFile) -> None:
    """Give the layers of a Caffe net the blobs that a .caffemodel holds."""
    source = open_source(weights)
    if model.format != "caffe":
        raise ModelError(source.name, "", f"weights of a Caffe net, and {model.path} is an ONNX model")
    if not sniff.is_caffemodel(source.data[: sniff.HEAD]):
        known = sniff.describe(source.data[: sniff.HEAD])
        raise ModelError(source.name, "", "no .caffemodel" + (f" but {known[0]}" if known else ""))
    from . import caffe_trained, caffemodel

    caffe_trained.attach(model, caffemodel.read(source.data, source.name), source.name)


def _load(model: AnyModel, phase: str, level: int, stages: Iterable[str]) -> Model:
    if _is_model_proto(model):
        from . import onnx

        return onnx.build(model, "<ModelProto>")
    source = open_source(model)
    head = source.data[: sniff.HEAD]
    if (known := sniff.describe(head)) is not None:
        raise ModelError(source.name, "", "{}: {}".format(*known))
    if _is_prototxt(source.data[:OPENING]):
        from . import caffe

        text = source.data[: limits.MAX_PROTOTXT + 1]
        return caffe.read(text, source.name, phase=phase, level=level, stages=stages)
    if sniff.is_caffemodel(head):
        from . import caffe

        return caffe.read_binary(source.data, source.name, phase=phase, level=level, stages=stages)
    from . import onnx

    return onnx.read(source)


def _is_model_proto(model: object) -> TypeGuard[ModelProto]:
    """Told by protobuf's own name for it: importing onnx takes longer than most networks do."""
    return getattr(getattr(model, "DESCRIPTOR", None), "full_name", "") == "onnx.ModelProto"


# Blanks and comments. What has been skipped is not tried again: nothing here takes more than linear time.
_GAP = r"(?:\s|#[^\n]*\n)*+"
# The first words of ONNX's text forms: a field of ModelProto, or `<ir_version` in ONNX's own syntax.
_ONNX_TEXT = re.compile(
    _GAP + r"(?:<|(?:ir_version|opset_import|producer_\w+|model_version|doc_string|domain|graph|functions|"
    r"metadata_props|training_info)\s*[:{])"
)
# The first field of a prototxt, which may have control characters further on; no protobuf message begins so.
_FIELD = re.compile(_GAP + r"[A-Za-z]\w\w+\s*[:{<]")


def _is_prototxt(opening: bytes) -> bool:
    """Whether this is the opening of a text that is in neither of ONNX's two text forms."""
    text = opening.decode(sniff.encoding_of(opening[: sniff.HEAD]), "replace")
    if _ONNX_TEXT.match(text):
        return False
    return sniff.is_text_of_any_encoding(opening[: sniff.HEAD]) or bool(_FIELD.match(text))
