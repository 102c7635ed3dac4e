"""What a network would cost in other element types: every floating-point tensor as if it were converted.

Integers and booleans steer, index or are quantised already, and stay. A weight is converted whatever it is for: that
runtimes keep biases and scales of quantised layers wider is not known here, nor what the conversion does to results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from ..dims import Extent
from ..graph import Tensor, TensorSequence, Unranked
from .rows import Inference, Row, Weight, sign


def convert(
    inference: Inference, inputs: Mapping[str, Tensor], dtype: str, weights_dtype: str
) -> tuple[Inference, dict[str, Tensor]]:
    """Rows, tensors and inputs with activations in `dtype` and weights in `weights_dtype`; "" leaves what there is."""
    activations, weights = _Conversion(dtype), _Conversion(weights_dtype)
    rows = [_row(row, activations, weights) for row in inference.rows]
    sign(rows)
    tensors = {name: activations(tensor) for name, tensor in inference.tensors.items()}
    return replace(inference, rows=rows, tensors=tensors), {name: activations(t) for name, t in inputs.items()}


def _row(row: Row, activations: _Conversion, weights: _Conversion) -> Row:
    made = weights if row.constant else activations
    fixed = row.constant_inputs or (False,) * len(row.inputs)
    operands = zip(row.inputs, fixed, strict=True)
    facts = row.facts
    if facts is not None:
        held = made if facts.weights == facts.outputs else weights  # a constant is the weight it holds
        facts = replace(facts.map(_same, made), weights=tuple([held(tensor) for tensor in facts.weights]))
    return replace(
        row,
        inputs=tuple([tensor and (weights if constant else activations)(tensor) for tensor, constant in operands]),
        outputs=tuple([made(tensor) for tensor in row.outputs]),
        facts=facts,
        weights=tuple([_weight(each, weights) for each in row.weights]),
    )


def _weight(weight: Weight, conversion: _Conversion) -> Weight:
    dtype = weight.file_dtype or weight.tensor.dtype
    return replace(weight, tensor=conversion(weight.tensor), file_dtype=dtype)


def _same(extent: Extent) -> Extent:
    return extent


@lru_cache(maxsize=4096)  # most tensors of a network are like many others
def convert_tensor(tensor: Tensor, dtype: str) -> Tensor:
    """A tensor as if it were of another element type, where it holds floating-point numbers."""
    return _Conversion(dtype)(tensor)


class _Conversion:
    """Converts tensors, each distinct one once."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.done: dict[Tensor, Tensor] = {}

    def __call__(self, tensor: Tensor) -> Tensor:
        if not self.dtype or "float" not in tensor.dtype:
            return tensor
        if tensor not in self.done:
            self.done[tensor] = self._convert(tensor)
        return self.done[tensor]

    def _convert(self, tensor: Tensor) -> Tensor:
        if isinstance(tensor, TensorSequence):
            items = None if tensor.items is None else tuple(map(self, tensor.items))
            return TensorSequence(self(tensor.element), items, tensor.length)
        return replace(tensor, dtype=self.dtype) if tensor.ranked else Unranked(self.dtype)
