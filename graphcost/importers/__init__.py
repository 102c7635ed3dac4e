"""Files -> Model. What a file is, is told by its content, not its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import ModelError
from ..graph import Model
from .sniff import GZIP, HEAD, describe, is_text


def load(path: str | os.PathLike[str], *, phase: str = "test", level: int = 0, stages: Iterable[str] = ()) -> Model:
    """The network in a `.prototxt` or `.onnx` file.

    `phase`, `level` and `stages` select the layers of a Caffe net. Raises ModelError, one line that names the file, the
    place and the reason, when the file is neither, is damaged, or describes no network.
    """
    name = os.fspath(path)
    try:
        with Path(name).open("rb") as file:
            head = file.read(HEAD)
    except IsADirectoryError:
        raise ModelError(name, "", "a folder, not a model") from None
    except OSError as problem:
        raise ModelError(name, "", problem.strerror or str(problem)) from None
    if not head.strip():
        raise ModelError(name, "", "the file is empty")
    if not head.startswith(GZIP) and (known := describe(head)) is not None:
        raise ModelError(name, "", "{}: {}".format(*known))
    if _is_prototxt(head):
        from . import caffe

        return caffe.read(name, phase=phase, level=level, stages=stages)
    from . import onnx

    return onnx.read(name)


# The first words of ONNX's text forms, behind comments: a field of ModelProto, or `<ir_version` in ONNX's own syntax.
_ONNX_TEXT = re.compile(
    rb"(?:\s|#[^\n]*\n)*(?:<|(?:ir_version|opset_import|producer_\w+|model_version|doc_string|domain|graph|functions|"
    rb"metadata_props|training_info)\s*[:{])"
)


def _is_prototxt(head: bytes) -> bool:
    """Text in any encoding that is not one of ONNX's two text forms. Protobuf's binary form has control characters."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    return is_text(text.decode("latin-1").encode()) and not _ONNX_TEXT.match(text)
