"""What the framework called, where an exporter wrote that call as other operators.

Tools that look at a PyTorch module count its calls; the file has what an exporter made of them: a GroupNorm as five
operators, a SiLU as two, a batch normalisation that is gone because it was folded into the convolution before it.
`calls` undoes that: for each row the calls that it stands for, as rows that the formulas of the conventions take. A
pattern is known by how its operators are connected, and by what torch.onnx.export notes of them where it does
(`Op.origin`); the families that only stand here are in `families`.

What is not known, because exporters write the same for all of them: whether a product of two activations was `a @ b`,
torch.matmul or torch.bmm, a sum torch.add or `a + b`, and whether a convolution had a bias before the exporter gave it
that of a normalisation (the older exporter; the newer keeps its name).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any

from ..graph import Op, Tensor
from ..passes.rows import Row, Weight
from ..rules import NO_WORK, Facts
from .families import everywhere, family, linear, one_vector
from .modules import module_class, module_paths, owner, pathless

if TYPE_CHECKING:
    from ..analysis import Analysis

Calls = tuple[Row, ...]
"""The calls that a row stands for: itself, others, or none where another row stands for them."""


@lru_cache(maxsize=1)
def calls(analysis: Analysis) -> tuple[Calls, ...]:
    """For each row of an analysis the calls that it stands for."""
    graph = _Graph(analysis)
    found: dict[int, Calls] = {}
    for at, row in enumerate(analysis.rows):
        recognise = _PATTERNS.get(row.op.type)
        if recognise is not None and not row.constant and row.facts is not None:
            found.update(recognise(graph, at))
    found.update(_attention(graph))
    return tuple([found.get(at, (row,)) for at, row in enumerate(analysis.rows)])


def folded(analysis: Analysis) -> list[Row]:
    """The rows that an exporter folded a normalisation into."""
    pairs = zip(analysis.rows, calls(analysis), strict=True)
    return [row for row, made in pairs if len(made) > 1 and made[-1].op.type == NORM]


NORM = "BatchNormalization"


class _Graph:
    """The rows of an analysis, and who makes and who reads each tensor."""

    def __init__(self, analysis: Analysis) -> None:
        self.rows: Sequence[Row] = analysis.rows
        self.pathless = pathless(analysis)
        self.paths = module_paths(analysis)
        self.named = any(owner(name) or name.startswith("onnx::") for name in analysis.model.weights)
        """Whether weights keep their names at all; the first exporters numbered every one."""
        self.makers: dict[tuple[str, str], int] = {}
        self.readers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for at, row in enumerate(self.rows):
            prefix = row.prefix
            self.makers.update(((prefix, name), at) for name in row.op.outputs if name)
            for name in dict.fromkeys(filter(None, row.op.inputs)):
                self.readers[prefix, name].append(at)

    def maker(self, at: int, name: str, *types: str) -> int | None:
        """The row that makes a tensor which row `at` can read, when it is of one of these types."""
        maker = self.makers.get((self.rows[at].prefix, name))
        return maker if maker is not None and self.rows[maker].op.type in types else None

    def reader(self, at: int, *types: str) -> int | None:
        """The only row that reads the output of a row, when it is of one of these types."""
        row = self.rows[at]
        readers = self.readers.get((row.prefix, row.op.outputs[0]), []) if row.op.outputs else []
        return readers[0] if len(readers) == 1 and self.rows[readers[0]].op.type in types else None

    def factor(self, at: int) -> int | None:
        """Which operand of a product or sum of two is a constant; None when neither or both are."""
        constant = self.rows[at].constant_inputs
        return constant.index(True) if len(constant) == 2 and sum(constant) == 1 else None

    def scaled(self, at: int) -> str:
        """What a row multiplies by a constant, or adds one to; "" when it does something else."""
        factor = self.factor(at)
        return "" if factor is None else self.rows[at].op.inputs[1 - factor]


def _call(row: Row, kind: str, **changed: Any) -> Row:
    """A call that an operator stands for, in its place; what is not named is the operator's own."""
    names, attrs = changed.pop("names", row.op.inputs), changed.pop("attrs", row.op.attrs)
    return replace(row, op=replace(row.op, kind=kind, inputs=names, attrs=attrs), **changed)


def _function(row: Row) -> str:
    """The function that an operator was exported from, as `silu`; "" where the file does not say."""
    return row.op.origin.function.removeprefix("aten.") if row.op.origin else ""


def _argument(row: Row, place: int) -> str | None:
    """An argument of the function that an operator was exported from; None where there is none or it is None."""
    found = re.findall(r"\s*(\[[^\]]*\]|[^,\[]+)", row.op.origin.arguments) if row.op.origin else []
    argument = found[place].strip() if place < len(found) else "None"
    return None if argument == "None" else argument


# --- activations and pools --------------------------------------------------------------------------------------------


def _silu(graph: _Graph, at: int) -> dict[int, Calls]:
    """x * Sigmoid(x)."""
    row = graph.rows[at]
    product = graph.reader(at, "Mul")
    if product is None or _function(row) not in ("", "silu", "silu_"):
        return {}
    if set(graph.rows[product].op.inputs) != {row.op.inputs[0], row.op.outputs[0]}:
        return {}
    return {at: (_call(row, "SiLU"),), product: ()}


def _gelu(graph: _Graph, at: int) -> dict[int, Calls]:
    """x * (1 + Tanh(a * (x + b * x * x * x))) / 2, as exporters write it: the cube by products.

    In a model's own code it usually has a power, and is no call of the function.
    """
    row = graph.rows[at]
    if _function(row) == "gelu":
        return {at: (_call(row, "Gelu"),)}
    scale, plus_one = graph.maker(at, row.op.inputs[0], "Mul"), graph.reader(at, "Add")
    if scale is None or plus_one is None or not graph.scaled(plus_one):
        return {}
    total = graph.maker(at, graph.scaled(scale), "Add")
    return {at: (_call(row, "Gelu"),)} if total is not None and _with_cube(graph, total) else {}


def _with_cube(graph: _Graph, total: int) -> bool:
    """Whether a sum is of x and a multiple of x * (x * x)."""
    names = graph.rows[total].op.inputs
    if len(names) != 2:
        return False
    for name, x in (names, names[::-1]):
        scale = graph.maker(total, name, "Mul")
        cube = None if scale is None else graph.maker(total, graph.scaled(scale), "Mul")
        if cube is None or x not in graph.rows[cube].op.inputs:
            continue
        squares = [graph.maker(cube, each, "Mul") for each in graph.rows[cube].op.inputs]
        return any(square is not None and set(graph.rows[square].op.inputs) == {x} for square in squares)
    return False


def _clip(graph: _Graph, at: int) -> dict[int, Calls]:
    """ReLU6 has the bounds 0 and 6, which bounds that are not known pass for; with others it is a Hardtanh, a clamp."""
    row = graph.rows[at]
    if _function(row) == "relu6" or module_class(row).endswith(".ReLU6"):
        return {}
    if _function(row) or _bounds(row) not in ((0, 6), (None, None)):
        return {at: (_call(row, "Hardtanh"),)}
    return {}


def _bounds(row: Row) -> tuple[float | None, float | None]:
    """The bounds of a Clip, None where they are not known."""
    found: list[float | None] = []
    for operand, name, none in ((1, "min", -inf), (2, "max", inf)):
        tensor = row.inputs[operand] if operand < len(row.inputs) else None
        if tensor is None:
            found.append(float(row.op.attrs.get(name, none)))
        else:
            value = tensor.value[0] if tensor.value else None
            found.append(float(value) if isinstance(value, (int, float)) else None)
    return found[0], found[1]


def _pool(graph: _Graph, at: int) -> dict[int, Calls]:
    """Pooling to a size that is given, local response normalisation, or a mean that is no pooling at all."""
    row = graph.rows[at]
    if (squared := _squares(graph, at)) is not None:
        x = (squared,)
        return {at: (_call(row, "LRN", inputs=x, outputs=x, attrs={"size": row.op.attrs["kernel_shape"][0]}),)}
    kind = family(row)
    if _adaptive(graph, row, kind):
        largest = kind == "max_pool" or row.op.type == "ReduceMax"
        return {at: (_call(row, "AdaptiveMaxPool" if largest else "AdaptiveAveragePool"),)}
    return {at: (_call(row, "Mean"),)} if kind and row.op.type.startswith("Reduce") else {}


def _adaptive(graph: _Graph, row: Row, kind: str) -> bool:
    """Whether a pool is one to a given size: global, of one element each, or by a window the exporter worked out.

    The older exporter writes such a window as kernel and strides alone, and of any other pool all attributes; the newer
    writes a mean or a maximum over the last axes, counted from behind.
    """
    stated = module_class(row)
    if stated.startswith("pooling."):
        return stated.startswith("pooling.Adaptive")
    if row.op.type.startswith("Reduce"):
        over = re.sub(r"[\[\] ]", "", _argument(row, 1) or "")
        return bool(kind) and (over in ("-1,-2", "-2,-1") or (graph.pathless and not _function(row)))
    if everywhere(row) or (row.facts is not None and set(row.facts.window.kernel) == {1}):
        return True
    attrs = row.op.attrs
    unsaid = attrs.keys() <= {"kernel_shape", "strides", "pads"} and not any(attrs.get("pads", ()))
    bare = unsaid and ("pads" in attrs) == (row.op.type == "MaxPool")
    return bare and not graph.pathless and not row.op.origin and attrs.get("kernel_shape") == attrs.get("strides")


def _squares(graph: _Graph, at: int) -> Tensor | None:
    """The x of a local response normalisation, which averages x * x over neighbouring channels."""
    row = graph.rows[at]
    window = row.op.attrs.get("kernel_shape", ())
    if len(window) < 2 or window[0] == 1 or any(extent != 1 for extent in window[1:]):
        return None
    source: int | None = at
    while source is not None and graph.rows[source].op.type != "Mul":
        source = graph.maker(source, graph.rows[source].op.inputs[0], "Pad", "Reshape", "Unsqueeze", "Mul")
    if source is None or len(set(graph.rows[source].op.inputs)) > 1:
        return None
    return graph.rows[source].inputs[0]


def _embedding_bag(graph: _Graph, at: int) -> dict[int, Calls]:
    """Looked-up rows that are reduced bag by bag, in a loop."""
    row = graph.rows[at]
    table = row.inputs[0]
    if not (row.constant_inputs and row.constant_inputs[0]) or table is None or table.rank != 2:
        return {}
    if _function(row) == "embedding_bag":
        ends = (each for each in graph.rows[at:] if each.op.type == "ConcatFromSequence" and _same_call(each, row))
        bags = next((each.outputs for each in ends), ())
        return {at: (_call(row, "EmbeddingBag", outputs=bags),)} if bags else {}
    if row.prefix and graph.reader(at, "ReduceMean", "ReduceSum", "ReduceMax") is not None:
        return {at: (_call(row, "EmbeddingBag", outputs=(Tensor((1, table.shape[1])),)),)}
    return {}


def _same_call(row: Row, other: Row) -> bool:
    return row.op.origin is not None and row.op.origin == other.op.origin


# --- normalisation ----------------------------------------------------------------------------------------------------

_MADE = re.compile(r"(?:.*/)?Constant(?:_\d+)?_output_0")
"""What the older exporter calls a constant that is no parameter of the module."""
_PARAMETERS = {
    "batch_norm": 1, "_native_batch_norm_legit_no_training": 1, "instance_norm": 1, "native_group_norm": 1,
    "group_norm": 2, "layer_norm": 2, "native_layer_norm": 2,
}  # fmt: skip
"""At which argument of a function its scale stands; the shift follows."""


def _missing(graph: _Graph, at: int, operand: int, parameter: int) -> bool:
    """Whether the exporter made an operand because the module has no scale (parameter 0) or no shift (1)."""
    row = graph.rows[at]
    first = _PARAMETERS.get(_function(row))
    if first is not None:
        return _argument(row, first + parameter) is None
    tensor = row.inputs[operand]
    if tensor is None or not _MADE.fullmatch(row.op.inputs[operand]):
        return False
    return tensor.value is None or set(tensor.value) == {1 - parameter}


def _norm(graph: _Graph, at: int) -> dict[int, Calls]:
    """A normalisation without the scale and shift that only the operator wants."""
    row = graph.rows[at]
    names = [
        "" if operand in (1, 2) and name and _missing(graph, at, operand, operand - 1) else name
        for operand, name in enumerate(row.op.inputs)
    ]
    if names == list(row.op.inputs):
        return {}
    kept = [(name, tensor) for name, tensor in zip(names[1:], row.inputs[1:], strict=True) if name and tensor]
    weights = tuple(Weight(name, tensor) for name, tensor in kept)
    return {at: (_call(row, row.op.kind, names=tuple(names), weights=weights),)}


def _group_norm(graph: _Graph, at: int) -> dict[int, Calls]:
    """Reshape, InstanceNormalization, Reshape back, and a product and a sum for its scale and shift."""
    row = graph.rows[at]
    before, after = graph.maker(at, row.op.inputs[0], "Reshape"), graph.reader(at, "Reshape")
    if before is None or after is None:
        return _norm(graph, at)
    x, y = graph.rows[before].inputs[0], graph.rows[after].outputs[0]
    if x is None or not x.ranked or not y.ranked or x.shape != y.shape:
        return _norm(graph, at)
    return _scaled_norm(graph, at, "GroupNormalization", before, after)


def _layer_norm(graph: _Graph, at: int) -> dict[int, Calls]:
    """(x - mean) / Sqrt(mean of its squares + a constant), a product and a sum: before ONNX had an operator for it."""
    row = graph.rows[at]
    centred, root = graph.maker(at, row.op.inputs[0], "Sub"), graph.maker(at, row.op.inputs[-1], "Sqrt")
    if centred is None or root is None:
        return {}
    mean = graph.maker(centred, graph.rows[centred].op.inputs[-1], "ReduceMean")
    shifted = graph.maker(root, graph.rows[root].op.inputs[0], "Add")
    variance = None if shifted is None else graph.maker(shifted, graph.scaled(shifted), "ReduceMean")
    squares = None if variance is None else graph.maker(variance, graph.rows[variance].op.inputs[0], "Pow", "Mul")
    if mean is None or squares is None or graph.rows[squares].op.inputs[0] != row.op.inputs[0]:
        return {}
    if graph.rows[mean].op.inputs[0] != graph.rows[centred].op.inputs[0]:
        return {}
    return _scaled_norm(graph, at, "LayerNormalization", centred, at)


def _scaled_norm(graph: _Graph, at: int, kind: str, first: int, last: int) -> dict[int, Calls]:
    """A normalisation in the place of row `at`, whose scale and shift are what multiplies and adds to row `last`."""
    module, y = graph.paths[at], graph.rows[last].outputs[0]
    found: dict[int, Calls] = {}
    operands: list[tuple[str, Tensor | None]] = [(graph.rows[first].op.inputs[0], graph.rows[first].inputs[0])]
    for parameter, type_ in enumerate(("Mul", "Add")):
        following = graph.reader(last, type_)
        factor = None if following is None else graph.factor(following)
        if following is None or factor is None or graph.paths[following] != module:
            break
        found[last := following] = ()
        missing = _missing(graph, last, factor, parameter)
        scaling = graph.rows[last]
        operands.append(("", None) if missing else (scaling.op.inputs[factor], scaling.inputs[factor]))
    operands += [("", None)] * (3 - len(operands))
    weights = tuple(Weight(name, tensor) for name, tensor in operands[1:] if tensor is not None)
    names, inputs = zip(*operands, strict=True)
    return {**found, at: (_call(graph.rows[at], kind, names=names, inputs=inputs, outputs=(y,), weights=weights),)}


# --- what was folded --------------------------------------------------------------------------------------------------

_RENAMED = re.compile(r"onnx::\w+_\d+|\d+")
"""What the older exporter calls a weight that it computed, instead of its name in the module."""


def _product(graph: _Graph, at: int) -> dict[int, Calls]:
    """A convolution or a linear layer, with the normalisation that was folded into it, and without its bias.

    The newer exporter names the rule that did so; the older takes the names off both the weight and the bias.
    """
    row = graph.rows[at]
    origin = row.op.origin
    names = (*row.op.inputs, "", "")[1:3]
    if origin is not None and any(rule.startswith("FuseBatchNorm") for rule in origin.rewrites):
        own = bool(names[1]) and names[1] == f"{owner(names[0])}.bias"
        norm = ("scale", "shift") if _argument(row, 1) else ("", "")
        return {at: (row if own else _biased(row, None), _norm_of(row, norm, origin.path))}
    if origin is None and row.op.type == "Conv" and graph.named and all(map(_RENAMED.fullmatch, names)):
        return {at: (_biased(row, None), _norm_of(row, ("scale", "shift"), ""))}
    if origin is not None and not names[1] and (lost := _lost_bias(row)) is not None:
        return {at: (_biased(row, lost),)}
    return {}


def _lost_bias(row: Row) -> Tensor | None:
    """The bias that a rule of the newer exporter removed because it was zero; None where there was none."""
    removed = row.op.origin is not None and any("OptionalBias" in rule for rule in row.op.origin.rewrites)
    y = row.outputs[0]
    if not removed or not y.ranked or not y.rank or not (_argument(row, 2) or "").startswith("%p_"):
        return None
    return Tensor((y.shape[-1 if row.op.type == "Gemm" else 1],))


def _biased(row: Row, bias: Tensor | None) -> Row:
    """The same layer with this bias, or without one."""
    facts, y = row.facts, row.outputs[0]
    if facts is not None and facts.work is not None:
        facts = replace(facts, work=replace(facts.work, adds=y.size if bias is not None and y.ranked else 0))
    weights = [weight for weight in row.weights if weight.tensor.rank > 1]
    weights += [] if bias is None else [Weight((row.name, "bias"), bias)]
    return _call(row, row.op.kind, names=row.op.inputs[:2], inputs=row.inputs[:2], facts=facts, weights=tuple(weights))


def _norm_of(row: Row, parameters: tuple[str, str], scope: str) -> Row:
    """The normalisation of what a layer makes."""
    op = Op(row.op.name, NORM, (row.op.outputs[0], *parameters), row.op.outputs, scope=scope, location=row.op.location)
    return Row(op, row.name, row.outputs[:1], row.outputs, Facts(row.outputs, NO_WORK), row.trip_count)


# --- attention --------------------------------------------------------------------------------------------------------

_PACKED = (3, 1, 2, 0, 4)
"""How the axes of a packed projection are permuted, before it is taken apart into queries, keys and values."""


def _attention(graph: _Graph) -> dict[int, Calls]:
    """The operators of nn.MultiheadAttention, and products that scaled_dot_product_attention makes."""
    found: dict[int, Calls] = {}
    fused = _fused_products(graph)
    multihead = _multihead(graph)
    projecting: set[str] = set()
    for at, (module, row) in enumerate(zip(graph.paths, graph.rows, strict=True)):
        if module not in multihead:
            if at in fused:
                found[at] = (_call(row, "ScaledDotProductAttention"),)
            continue
        kind = family(row)
        if linear(row):
            part = "out_proj" if module in projecting else "in_proj"
        elif kind == "matmul":
            part = "mix" if module in projecting else "scores"
            projecting.add(module)
        elif kind == "softmax" or (row.op.type == "Add" and one_vector(row)):
            part = "softmax" if kind == "softmax" else "bias"
        else:
            continue
        call = _call(row, f"MultiheadAttention.{part}")
        again = (_call(row, "BatchedProduct" if kind == "matmul" else row.op.kind),)
        found[at] = (call, *(again if part in ("scores", "mix", "softmax") and at not in fused else ()))
    return found


def _multihead(graph: _Graph) -> set[str]:
    """The paths of nn.MultiheadAttention: by class, by names of weights, or by how the projection is taken apart."""
    found = set()
    for module, row in zip(graph.paths, graph.rows, strict=True):
        named = (f"{module}.in_proj_", f"{module}.out_proj.")
        if (
            module_class(row) == "activation.MultiheadAttention"
            or any(name.startswith(named) for name in row.op.inputs)
            or (row.op.type == "Transpose" and row.op.attrs.get("perm") == _PACKED and module)
        ):
            found.add(module)
    return found


def _fused_products(graph: _Graph) -> set[int]:
    """The two products and the softmax of each scaled_dot_product_attention: both operands of the first are scaled."""
    found: set[int] = set()
    for at, row in enumerate(graph.rows):
        if row.op.type != "Softmax" or row.facts is None:
            continue
        before = graph.maker(at, row.op.inputs[0], "MatMul", "Add", "Where")
        if before is not None and graph.rows[before].op.type != "MatMul":  # a mask
            made = (graph.maker(before, name, "MatMul") for name in graph.rows[before].op.inputs)
            before = next((each for each in made if each is not None), None)
        after = graph.reader(at, "MatMul")
        if before is None or after is None:
            continue
        scaled = [graph.maker(before, name, "Mul") for name in graph.rows[before].op.inputs]
        if _function(row) == "scaled_dot_product_attention" or all(
            each is not None and _by_one_number(graph.rows[each]) for each in scaled
        ):
            found |= {before, at, after}
    return found


def _by_one_number(row: Row) -> bool:
    return any(tensor is not None and tensor.ranked and tensor.size == 1 for tensor in row.inputs)


_PATTERNS: dict[str, Callable[[_Graph, int], dict[int, Calls]]] = {
    "Sigmoid": _silu,
    "Tanh": _gelu,
    "Clip": _clip,
    **dict.fromkeys(
        ("MaxPool", "GlobalMaxPool", "ReduceMax", "AveragePool", "GlobalAveragePool", "ReduceMean", "Pooling"), _pool
    ),
    "Gather": _embedding_bag,
    "InstanceNormalization": _group_norm,
    "Div": _layer_norm,
    **dict.fromkeys((NORM, "LayerNormalization", "GroupNormalization"), _norm),
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm"), _product),
}
"""By operator, what finds the calls that it stands for."""
