"""Files -> Model. What a file is, is told by its content, not its name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import ModelError
from ..graph import Model
from .sniff import describe

HEAD = 4096  # bytes that suffice to tell what a file is


def load(
    path: str | os.PathLike[str], *, phase: str = "test", level: int = 0, stages: Iterable[str] = ()
) -> Model:
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
    from . import caffe

    return caffe.read(name, phase=phase, level=level, stages=stages)
