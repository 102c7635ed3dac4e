"""What a runtime calls an operator -> the rows that it is of.

Runtimes keep the names of the file and add to them: `fused conv1`, `conv1_nchwc` (ONNX Runtime), `conv1 + relu1`,
`PWN(/act/Sigmoid, /act/Mul)`, `{ForeignNode[/a/Add.../b/Gemm]}` (TensorRT), `conv1/WithoutBiases` (OpenVINO). Each form
is taken apart; a name that is then none of a row nor of a tensor that a row makes is not joined.

https://docs.nvidia.com/deeplearning/tensorrt/latest/performance/best-practices.html (layer names),
https://github.com/microsoft/onnxruntime/tree/main/onnxruntime/core/optimizer (names of fused nodes)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..graph import Model
from ..passes.rows import Row

_PREFIX = re.compile(r"^(?:fused |Fused)")
_SUFFIX = re.compile(
    r"(?:_kernel_time|_nchwc|_nhwc|_token_\d+|_quant|_matmul|/WithoutBiases|/Duplicated|_cpu|_fused|"
    r"/[A-Za-z]+Fusion(?:_\w*)?/?|_myl\d+_\d+)$"
)
_ADDED = re.compile(
    r"^(?:Reorder(?:Input|Output)|Memcpy(?:ToHost|FromHost)|InsertedPrecisionFreeCast_|InsertedCast_|"
    r"Reformatting CopyNode|"
    r"\[HostToDeviceCopy|.*_(?:acdb|abcd|aBcd8b|aBcd16b)_)"
)
ADDED_KINDS = frozenset({"ReorderInput", "ReorderOutput", "MemcpyToHost", "MemcpyFromHost", "Reorder", "Reformat"})
"""Operators that runtimes add to convert layouts and to copy between memories."""
_FOREIGN = re.compile(r"^\{ForeignNode\[(.+?)\.\.\.(.+?)\]\}$")
_WRAPPED = re.compile(r"^(?:PWN|PointWise|NoOp|Concat|COPY)\((.*)\)$", re.IGNORECASE)
_UNNAMED = re.compile(r"^\(Unnamed Layer\* \d+\)\s*\[[^\]]*\]\s*")


def is_added(name: str, kind: str) -> bool:
    """Whether a runtime's operator is one that it added by itself."""
    return kind in ADDED_KINDS or bool(_ADDED.match(name))


class Names:
    """The rows of a model by their names and by the names of the tensors that they make."""

    def __init__(self, model: Model, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.by_name = {row.name: at for at, row in reversed(list(enumerate(rows)))}
        outer = [(at, row) for at, row in enumerate(rows) if not row.prefix]
        self.makers = {output: at for at, row in outer for output in row.op.outputs if output}
        self.by_tensor = {model.blob_names.get(name, name): at for name, at in self.makers.items()}

    def find(self, name: str) -> tuple[int, ...]:
        """The rows that a runtime's name is of, () when none is."""
        if (foreign := _FOREIGN.match(name)) is not None:
            return self._between(foreign[1], foreign[2])
        return tuple(dict.fromkeys(at for part in _parts(name) for at in self._one(part)))

    def _one(self, name: str) -> Iterator[int]:
        """The row of a name without what runtimes add to it."""
        for candidate in _stripped(name):
            for table in (self.by_name, self.by_tensor):
                if candidate in table:
                    yield table[candidate]
                    return

    def _between(self, first: str, last: str) -> tuple[int, ...]:
        """The rows from one to another in the order of the schedule, as TensorRT names a region by its two ends."""
        ends = [next(self._one(name), None) for name in (first, last)]
        if ends[0] is None or ends[1] is None:
            return ()
        return tuple(range(min(ends[0], ends[1]), max(ends[0], ends[1]) + 1))


def _parts(name: str) -> Iterator[str]:
    """The names in a name that stands for several."""
    name = name.strip()
    while (wrapped := _WRAPPED.match(name)) is not None:
        name = wrapped[1].strip()
    separators = [each for each in (" + ", " || ") if each in name]
    separators += [","] if not separators and ", " in name else []
    if not separators:
        yield _UNNAMED.sub("", name)
        return
    for part in name.split(separators[0]):
        yield from _parts(part)


def _stripped(name: str) -> Iterator[str]:
    """A name, and it without one after another of the things that runtimes put around it."""
    yield name
    name = _PREFIX.sub("", name)
    yield name
    while (shorter := _SUFFIX.sub("", name)) != name:
        name = shorter
        yield name
