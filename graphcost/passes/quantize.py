"""What a network would hold quantised: weights in narrow integers, with the scales that this needs.

`int8` is what deployment tools for microcontrollers and accelerators make of a float network: int8 weights with a
float32 scale for each output channel, int32 biases, int8 activations
(https://ai.google.dev/edge/litert/models/quantization_spec). `grouped` is weight-only quantisation in groups along the
input axis, each with a scale and a zero point, as `com.microsoft.MatMulNBits` and GGUF lay them out
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#commicrosoftmatmulnbits).

Operators that compute with integers already stay as they are. Not known: which operators a tool leaves in float, and
what quantisation does to results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..dims import Extent, ceil_div
from ..graph import BITS, Tensor
from ..rules import QUANTISATION
from .retype import convert_tensor
from .rows import Inference, Row, Weight, sign

INT8 = "int8"
SCALE, BIAS = "float32", "int32"


def int8(inference: Inference, inputs: Mapping[str, Tensor]) -> tuple[Inference, dict[str, Tensor]]:
    """Rows, tensors and inputs as an int8 deployment has them."""
    rows = [_int8_row(row) for row in inference.rows]
    sign(rows)
    tensors = {name: convert_tensor(tensor, INT8) for name, tensor in inference.tensors.items()}
    return replace(inference, rows=rows, tensors=tensors), {n: convert_tensor(t, INT8) for n, t in inputs.items()}


def _int8_row(row: Row) -> Row:
    """A row with int8 operands; one that holds integers already keeps its constants."""
    quantised = any(_is_narrow(each.tensor) for each in row.weights)
    rank = _rank(row)
    multiplies = row.work is not None and row.work.macs != 0

    def constant(tensor: Tensor) -> Tensor:
        if quantised or "float" not in tensor.dtype:
            return tensor
        is_bias = multiplies and tensor.ranked and tensor.rank < rank
        return convert_tensor(tensor, BIAS if is_bias else INT8)

    fixed = row.constant_inputs or (False,) * len(row.inputs)
    operands = zip(row.inputs, fixed, strict=True)
    inputs = [each and (constant(each) if is_fixed else convert_tensor(each, INT8)) for each, is_fixed in operands]
    weights = [_held(each, constant(each.tensor)) for each in row.weights]
    scaled = [each for each in row.weights if not quantised and _is_scaled(each.tensor, rank, multiplies)]
    scales = [_scales(row, each) for each in scaled]
    facts = row.facts
    if facts is not None:
        made = facts.map(lambda extent: extent, lambda tensor: convert_tensor(tensor, INT8))
        held = tuple([constant(tensor) for tensor in facts.weights])
        facts = replace(made, weights=(*held, *[each.tensor for each in scales]))
    outputs = tuple([(constant if row.constant else _to_int8)(tensor) for tensor in row.outputs])
    return replace(row, inputs=tuple(inputs), outputs=outputs, facts=facts, weights=(*weights, *scales))


def _held(weight: Weight, tensor: Tensor) -> Weight:
    """A weight as another tensor, which is still a parameter if the file's is."""
    return replace(weight, tensor=tensor, file_dtype=weight.file_dtype or weight.tensor.dtype)


def _is_narrow(tensor: Tensor) -> bool:
    """Whether a constant is quantised already; wider integers steer shapes."""
    return "int" in tensor.dtype and BITS.get(tensor.dtype, 64) <= 8


def _rank(row: Row) -> int:
    """The rank of the largest float weight of a row: what has less is a bias."""
    floats = [each.tensor for each in row.weights if each.tensor.ranked and "float" in each.tensor.dtype]
    return max((tensor.rank for tensor in floats), default=0)


def _to_int8(tensor: Tensor) -> Tensor:
    return convert_tensor(tensor, INT8)


def _is_scaled(tensor: Tensor, rank: int, multiplies: bool) -> bool:
    """Whether a float weight becomes int8 with scales; a bias has the scales of its weights."""
    return tensor.ranked and "float" in tensor.dtype and not (multiplies and tensor.rank < rank)


def _scales(row: Row, weight: Weight) -> Weight:
    """The scales of a weight: one for each output channel of what multiplies by it, else one."""
    channels = _channels(row) if row.work is not None and row.work.macs != 0 and weight.tensor.rank > 1 else 1
    return Weight(("scales", weight.key), Tensor((channels,), SCALE), SCALE, use=QUANTISATION)


def _channels(row: Row) -> Extent:
    """The output channels of a row that multiplies."""
    output = row.outputs[0] if row.outputs else None
    if output is None or not output.ranked or output.rank < 2:
        return 1
    windowed = row.facts is not None and bool(row.facts.window.kernel)
    return output.shape[1] if windowed else output.shape[-1]


def grouped(inference: Inference, dtype: str, group: int) -> Inference:
    """The rows with the weights of what multiplies in `dtype`, in groups of so many along the input axis."""
    rows = [_grouped_row(row, dtype, group) for row in inference.rows]
    sign(rows)
    return replace(inference, rows=rows)


def _grouped_row(row: Row, dtype: str, group: int) -> Row:
    if row.work is None or row.work.macs == 0 or row.facts is None:
        return row
    rank = _rank(row)
    packed: dict[Tensor, Tensor] = {}
    weights: list[Weight] = []
    added: list[Tensor] = []
    for each in row.weights:
        tensor = each.tensor
        if not (tensor.ranked and tensor.rank == rank > 1 and "float" in tensor.dtype):
            weights.append(each)
            continue
        values, *others = _packed(tensor, _channels(row), dtype, group)
        packed[tensor] = values
        weights.append(_held(each, values))
        names = zip(("scales", "zero points"), others, strict=True)
        weights += [Weight((name, each.key), other, SCALE, use=QUANTISATION) for name, other in names]
        added += others
    if not packed:
        return row
    fixed = row.constant_inputs or (False,) * len(row.inputs)
    operands = zip(row.inputs, fixed, strict=True)
    inputs = tuple([packed.get(each, each) if each is not None and constant else each for each, constant in operands])
    held = tuple([packed.get(tensor, tensor) for tensor in row.facts.weights])
    return replace(row, inputs=inputs, weights=tuple(weights), facts=replace(row.facts, weights=(*held, *added)))


def _packed(tensor: Tensor, channels: Extent, dtype: str, group: int) -> tuple[Tensor, Tensor, Tensor]:
    """A weight in whole groups for each output channel, the scale of each group, and its zero point.

    Zero points of a channel fill whole bytes. The scales have the type of the weight before.
    """
    along = ceil_div(tensor.size, channels)
    groups = ceil_div(along, group)
    zeros = ceil_div(groups * BITS[dtype], 8)
    values = Tensor((channels, groups, group), dtype)
    return values, Tensor((channels, groups), tensor.dtype), Tensor((channels, zeros), "uint8")
