"""Which operators are modules of their own and which a forward function calls; tools that walk modules miss the latter.

Read off the module paths that exporters keep, off the names of weights, and, where the file says it, off the class that
an operator was exported from. What is not known: a module whose children all vanished in the export, and which have no
weights either, looks like one that has none; in a file without paths every operator passes for a module, as a Caffe
layer is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from ..passes.rows import Row

if TYPE_CHECKING:
    from ..analysis import Analysis

TORCH = "torch.nn.modules."
"""What the names of PyTorch's own modules begin with."""


@lru_cache(maxsize=4096)  # a module has several operators
def path(scope: str) -> str:
    """PyTorch's dotted path: exporters repeat a container's name in those of its children, as layer1/layer1.0/conv1."""
    parts: list[str] = []
    for part in scope.split("/"):
        if parts and part.startswith(f"{parts[-1]}."):
            parts.pop()
        parts.append(part)
    return ".".join(parts)


def pathless(analysis: Analysis) -> bool:
    """Whether the file keeps no module paths at all."""
    return not any(row.scope for row in analysis.rows)


@lru_cache(maxsize=1)
def module_paths(analysis: Analysis) -> tuple[str, ...]:
    """The dotted path of each row's module, which is called again under its own name.

    The older exporter writes the second call of `relu` as `relu_1`. That passes for a module of its own when it reads
    weights under this name, or when no `relu` does the same.
    """
    stated = [_stated(row) for row in analysis.rows]
    known = {(own, row.op.type) for own, row in zip(stated, analysis.rows, strict=True)}
    paths = []
    for own, row in zip(stated, analysis.rows, strict=True):
        first, _, number = own.rpartition("_")
        again = number.isdigit() and (first, row.op.type) in known and not row.op.origin
        paths.append(first if again and not any(owner(name) == own for name in row.op.inputs) else own)
    return tuple(paths)


def _stated(row: Row) -> str:
    """The path of a row's module; in a body the older exporter writes it in the operator's own name."""
    own = row.op.name.rpartition("/")[0].strip("/") if row.prefix and row.op.name.startswith("/") else row.scope
    return path(own)


def module_class(row: Row) -> str:
    """The class that an operator was exported from, PyTorch's own as `conv.Conv2d`; "" where the file does not say."""
    return row.op.origin.module.removeprefix(TORCH) if row.op.origin else ""


def owner(weight: str) -> str:
    """The path of the module that has a parameter: `layer1.0.conv1` of layer1.0.conv1.weight, or ""."""
    module, parametrised, _ = weight.partition(".parametrizations.")
    module = module if parametrised else weight.rpartition(".")[0]
    return "" if "/" in module or ":" in module else module


@lru_cache(maxsize=1)
def functional(analysis: Analysis) -> frozenset[int]:
    """The numbers of the rows that stand in a container of modules, or in none where others stand in one.

    A convolution is taken for a module wherever it stands: exporters move one into the normalisation they fold into it.
    """
    if pathless(analysis):
        return frozenset()
    containers = set(_containers(analysis))
    return frozenset(
        at
        for at, (own, row) in enumerate(zip(module_paths(analysis), analysis.rows, strict=True))
        if own in containers and row.op.type not in ("Conv", "ConvTranspose")
    )


@lru_cache(maxsize=1)
def derived(analysis: Analysis) -> frozenset[int]:
    """The numbers of the rows whose module is of a class that is not PyTorch's own, such as a subclass.

    The file may name the class; else it is known of a layer normalisation that permutes axes as well.
    """
    paths = module_paths(analysis)
    permuting = {own for own, row in zip(paths, analysis.rows, strict=True) if own and row.op.type == "Transpose"}
    return frozenset(
        at
        for at, (own, row) in enumerate(zip(paths, analysis.rows, strict=True))
        if _foreign(row) or (row.op.origin is None and row.op.type == "LayerNormalization" and own in permuting)
    )


def _foreign(row: Row) -> bool:
    return row.op.origin is not None and row.op.origin.module != "" and not row.op.origin.module.startswith(TORCH)


@lru_cache(maxsize=1)
def superseded(analysis: Analysis) -> frozenset[int]:
    """The numbers of the rows whose module is called again: one of the same type stands further on in its path."""
    if pathless(analysis):
        return frozenset()
    last: dict[tuple[str, str], int] = {}
    again = []
    for at, key in enumerate(zip(module_paths(analysis), (row.op.type for row in analysis.rows), strict=True)):
        if key in last:
            again.append(last[key])
        last[key] = at
    return frozenset(again)


def _containers(analysis: Analysis) -> Iterator[str]:
    """The paths that operators or weights stand below."""
    yield ""
    for own in {*module_paths(analysis), *map(owner, _parameters(analysis))}:
        parts = own.split(".")
        yield from (".".join(parts[:depth]) for depth in range(1, len(parts)))


def _parameters(analysis: Analysis) -> Iterator[str]:
    """The names of weights, also of those that the older exporter writes once because they hold the same."""
    yield from (name for name, tensor in analysis.model.weights.items() if not tensor.dtype.endswith("int64"))
    yield from (name for row in analysis.rows if row.constant and row.op.type == "Identity" for name in row.op.outputs)


def parameterised(row: Row) -> bool:
    """Whether an operator reads a parameter, as far as the file says."""
    return row.op.origin is None or not row.op.origin.function or "%p_" in row.op.origin.arguments
