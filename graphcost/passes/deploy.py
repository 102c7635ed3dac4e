"""The network as a target holds it: scalings folded, quantised, in other element types."""

from __future__ import annotations

from ..graph import Model, Tensor
from ..target import Target
from .rows import Inference


def convert(
    model: Model, inference: Inference, inputs: dict[str, Tensor], target: Target
) -> tuple[Inference, dict[str, Tensor]]:
    """Rows, tensors and inputs as the target asks for; the same where it asks for nothing."""
    if target.fold_bn or target.quantize:
        from . import fold

        inference = fold.fold(model, inference)
    if target.quantize:
        from . import quantize

        return quantize.int8(inference, inputs)
    weights_dtype, _, grouped = target.weights_dtype.partition(":")
    if grouped:
        from . import quantize

        inference = quantize.grouped(inference, weights_dtype, target.weights_group)
        weights_dtype = ""
    dtype = target.dtype or model.dtype
    if dtype or weights_dtype:
        from . import retype

        inference, inputs = retype.convert(inference, inputs, dtype, weights_dtype or dtype)
    return inference, inputs
