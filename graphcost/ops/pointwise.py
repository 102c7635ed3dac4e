"""Elementwise operators: activations, arithmetic, comparison, logic, conversion.

The cost of one element of each stands in a table, in scalar operations: an exponential, a logarithm, a root or a sine
is one of `exps`, a comparison, a choice, a maximum, a rounding or a logical operation one of `compares`. Conversion
between element types counts as nothing. Where the contents of a tensor steer shapes, they are calculated too.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

from ..dims import Dim, Undecided
from ..graph import Tensor, Unranked, element_type
from ..rules import NO_WORK, Facts, Work, rule
from ..shapes import axis_of, broadcast
from . import values
from .values import Value, elementwise, exact

_LOGISTIC = Work(adds=1, divs=1, exps=1)  # 1 / (1 + exp(-x))

ACTIVATIONS = {
    "Relu": Work(compares=1),
    "LeakyRelu": Work(compares=1, muls=1),
    "PRelu": Work(compares=1, muls=1),
    "ThresholdedRelu": Work(compares=1),
    "Clip": Work(compares=2),
    "Elu": Work(compares=1, muls=1, adds=1, exps=1),  # alpha * (exp(x) - 1) below zero
    "Celu": Work(compares=1, muls=1, adds=1, divs=1, exps=1),
    "Selu": Work(compares=1, muls=2, adds=1, exps=1),
    "Sigmoid": _LOGISTIC,
    "HardSigmoid": Work(compares=2, muls=1, adds=1),
    "HardSwish": Work(compares=2, muls=2, adds=1),  # x * max(0, min(1, x/6 + 1/2))
    "Tanh": Work(exps=1),
    "Softplus": Work(adds=1, exps=2),  # log(1 + exp(x))
    "Softsign": Work(compares=1, adds=1, divs=1),
    "Swish": _LOGISTIC + Work(muls=2),  # x * sigmoid(beta * x)
    "Mish": Work(muls=1, adds=1, exps=3),  # x * tanh(log(1 + exp(x)))
    "Gelu": Work(muls=3, adds=1, exps=1),  # x/2 * (1 + erf(x / sqrt 2))
    "Shrink": Work(compares=2, adds=1),
    "ParametricSoftplus": Work(muls=2, adds=1, exps=2),  # alpha * log(1 + exp(beta * x))
    "ScaledTanh": Work(muls=2, exps=1),  # alpha * tanh(beta * x)
    "Affine": Work(muls=1, adds=1),  # alpha * x + beta
    "ImageScaler": Work(muls=1, adds=1),  # scale * x + a bias per channel
    "Scale": Work(muls=1),
    "com.microsoft.Gelu": Work(muls=3, adds=1, exps=1),
    "com.microsoft.QuickGelu": _LOGISTIC + Work(muls=2),  # x * sigmoid(alpha * x)
}
"""Scalar operations per element, by operator."""


def fused_activation(name: str) -> Work:
    """What an activation that is fused into another operator costs an element; nothing without a name.

    Raises Undecided for one that is not known.
    """
    if not name:
        return NO_WORK
    if (work := ACTIVATIONS.get(name)) is None:
        raise Undecided(f"what the activation {name} costs is not known")
    return work


Unary = Callable[[Any], Any]
Binary = Callable[[Any, Any], Any]


def unary(x: Tensor, work: Work, dtype: str | None = None, value: Value = None) -> Facts:
    """A result of the input's shape, `work` for each element."""
    y = Tensor(x.shape, dtype or x.dtype, value)
    return Facts((y,), work * x.size if work is not NO_WORK else NO_WORK, elementwise=True)


def binary(a: Tensor, b: Tensor, work: Work, dtype: str | None = None, value: Value = None) -> Facts:
    """Two operands stretched to one shape, `work` for each element of it."""
    y = Tensor(broadcast(a.shape, b.shape), dtype or a.dtype, value)
    return Facts((y,), work * y.size, elementwise=True)


def onnx_link(kind: str) -> str:
    """Where an operator of ai.onnx is specified."""
    return f"https://onnx.ai/onnx/operators/onnx__{kind}.html"


# --- one operand ------------------------------------------------------------------------------------------------------


def _of_float(function: Unary) -> Unary:
    """A function of plain numbers; of a Dim it is not followed."""
    return lambda element: None if isinstance(element, Dim) else function(element)


def _rounding(function: Unary) -> Unary:
    """A rounding to whole numbers, which a Dim is already."""
    return lambda element: element if isinstance(element, Dim) else float(function(element))


def _sign(element: Any) -> int:
    return int(element > 0) - int(element < 0)


_COMPARE, _TRANSCEND = Work(compares=1), Work(exps=1)

UNARY: dict[str, tuple[Work, Unary | None]] = {
    **{kind: (work, None) for kind, work in ACTIVATIONS.items() if kind not in ("Relu", "PRelu", "Clip")},
    "Relu": (ACTIVATIONS["Relu"], lambda element: values.largest(element, 0 * element)),
    "Abs": (_COMPARE, lambda element: values.largest(element, -element)),
    "Neg": (Work(adds=1), operator.neg),
    "Sign": (Work(compares=2), _sign),
    "Floor": (_COMPARE, _rounding(math.floor)),
    "Ceil": (_COMPARE, _rounding(math.ceil)),
    "Round": (_COMPARE, _rounding(round)),  # halves to even, both here and there
    "BitwiseNot": (_COMPARE, _of_float(operator.invert)),
    "Reciprocal": (Work(divs=1), _of_float(lambda element: 1 / element)),
    "Sqrt": (_TRANSCEND, _of_float(math.sqrt)),
    "Exp": (_TRANSCEND, _of_float(math.exp)),
    "Log": (_TRANSCEND, _of_float(math.log)),
    **dict.fromkeys(("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Erf"), (_TRANSCEND, None)),
    **dict.fromkeys(("Sinh", "Cosh", "Asinh", "Acosh", "Atanh"), (_TRANSCEND, None)),
}
"""Work per element and, where it may steer shapes, what becomes of the contents."""

TESTS: dict[str, tuple[Work, Unary]] = {
    "Not": (_COMPARE, lambda element: not element),
    "IsNaN": (_COMPARE, lambda element: element != element),
}
"""The same for operators whose result is a truth value."""


SETTINGS = {
    "Affine": ("alpha", "beta"),
    "Celu": ("alpha",),
    "Elu": ("alpha",),
    "Gelu": ("approximate",),  # by tanh or by erf; either is counted as the one that is defined
    "HardSigmoid": ("alpha", "beta"),
    "ImageScaler": ("bias", "scale"),
    "LeakyRelu": ("alpha",),
    "ParametricSoftplus": ("alpha", "beta"),
    "Scale": ("scale",),
    "ScaledTanh": ("alpha", "beta"),
    "Selu": ("alpha", "gamma"),
    "Shrink": ("bias", "lambd"),
    "Swish": ("alpha",),
    "ThresholdedRelu": ("alpha",),
    "com.microsoft.QuickGelu": ("alpha",),
}
"""The numbers in an activation's formula, which change nothing that is counted."""


def _unary(kind: str, work: Work, function: Unary | None, dtype: str | None = None) -> None:
    @rule(kind, harmless=SETTINGS.get(kind, ()))
    def elementwise_of_one(x: Tensor) -> Facts:
        return unary(x, work, dtype, elementwise(function, x) if function else None)

    elementwise_of_one.__doc__ = f"{kind}: [*any] -> the same shape.  {onnx_link(kind) if '.' not in kind else ''}"


for _kind, (_work, _function) in UNARY.items():
    _unary(_kind, _work, _function)
for _kind, (_work, _test) in TESTS.items():
    _unary(_kind, _work, _test, "bool")


@rule("IsInf")
def is_inf(x: Tensor, *, detect_negative: int = 1, detect_positive: int = 1) -> Facts:
    """[*any] -> bool, whether each is infinite, of a sign that is looked for: a comparison with either.

    https://onnx.ai/onnx/operators/onnx__IsInf.html
    """
    sought = {-math.inf} if detect_negative else set()
    sought |= {math.inf} if detect_positive else set()
    return unary(x, Work(compares=2), "bool", elementwise(lambda element: element in sought, x))


@rule("PRelu", weights={"slope": "learned"})
def prelu(x: Tensor, slope: Tensor) -> Facts:
    """x: [*any], slope: broadcast to x -> the shape of x.  https://onnx.ai/onnx/operators/onnx__PRelu.html"""
    return unary(x, ACTIVATIONS["PRelu"])


@rule("Clip")
def clip(x: Tensor, *, min: float | None = None, max: float | None = None) -> Facts:
    """[*any] -> the same shape; before version 11 the bounds are attributes.

    https://onnx.ai/onnx/operators/onnx__Clip.html
    """
    bounds = [None if bound is None else Tensor((), x.dtype, (bound,)) for bound in (min, max)]
    return clip_between(x, *bounds)


@rule("Clip", since=11, weights={"least": "settings", "most": "settings"})
def clip_between(x: Tensor, least: Tensor | None = None, most: Tensor | None = None) -> Facts:
    """[*any] -> the same shape, a comparison for each bound.  https://onnx.ai/onnx/operators/onnx__Clip.html"""
    y = Tensor(x.shape, x.dtype, x.value)
    for bound, function in ((least, values.largest), (most, values.smallest)):
        if bound is not None:
            known = Tensor((), x.dtype, (values.item(bound),))
            y = Tensor(x.shape, x.dtype, elementwise(function, y, known))
    return unary(x, Work(compares=(least is not None) + (most is not None)), value=y.value)


@rule("Dropout", harmless=("ratio",))
def dropout(x: Tensor, *, is_test: int = 0, outputs: int = 1) -> Facts:
    """[*any] -> the same shape, and the mask: inference, where nothing is left out. Before version 10 the mask is of
    the input's type.

    https://onnx.ai/onnx/operators/onnx__Dropout.html
    """
    return _dropped(x, NO_WORK, x.dtype, outputs)


@rule("Dropout", since=10, harmless=("ratio", "seed"), weights={"ratio": "settings", "training_mode": "settings"})
def dropout_bool_mask(
    x: Tensor, ratio: Tensor | None = None, training_mode: Tensor | None = None, *, outputs: int = 1
) -> Facts:
    """[*any] -> the same shape, and the mask. In training mode elements are kept or not, and those kept scaled.

    https://onnx.ai/onnx/operators/onnx__Dropout.html
    """
    trains = values.item(training_mode) == 1
    return _dropped(x, Work(compares=1, muls=1) if trains else NO_WORK, "bool", outputs)


def _dropped(x: Tensor, work: Work, mask: str, outputs: int) -> Facts:
    if work != NO_WORK:
        return Facts((Tensor(x.shape, x.dtype), Tensor(x.shape, mask))[:outputs], work * x.size, elementwise=True)
    return Facts((x, Tensor(x.shape, mask))[:outputs], NO_WORK, is_view=True)


@rule("Identity")
def identity(x: Tensor) -> Facts:
    """The input, whatever it is.  https://onnx.ai/onnx/operators/onnx__Identity.html"""
    return Facts((x,), NO_WORK, is_view=True)


# --- element types ----------------------------------------------------------------------------------------------------


def _converted(x: Tensor, dtype: str) -> Facts:
    """The same numbers as another element type."""
    y = Tensor(x.shape, dtype, values.cast(x.value, dtype)) if x.ranked else Unranked(dtype)
    return Facts((y,), NO_WORK, elementwise=True)


@rule("Cast", harmless=("saturate", "round_mode"))
def cast(x: Tensor, *, to: int | str) -> Facts:
    """[*any] -> the same shape as another element type, which version 1 spells out.

    https://onnx.ai/onnx/operators/onnx__Cast.html
    """
    if isinstance(to, int):
        return _converted(x, element_type(to))
    name = to.lower()
    return _converted(x, {"float": "float32", "double": "float64"}.get(name, name))


@rule("CastLike", harmless=("saturate", "round_mode"), weights={"like": "settings"})
def cast_like(x: Tensor, like: Tensor) -> Facts:
    """[*any] -> the same shape, as the second input's type.  https://onnx.ai/onnx/operators/onnx__CastLike.html"""
    return replace(_converted(x, like.dtype), elements_read=(x.size, 0) if x.ranked else None)


@rule("BitCast")
def bit_cast(x: Tensor, *, to: int) -> Facts:
    """[*any] -> the same bits read as another type of that width.  https://onnx.ai/onnx/operators/onnx__BitCast.html"""
    return Facts((Tensor(x.shape, element_type(to)),), NO_WORK, is_view=True)


# --- two operands -----------------------------------------------------------------------------------------------------

BINARY: dict[str, tuple[Work, Binary | None]] = {
    "Add": (Work(adds=1), lambda a, b: exact(a, b, operator.add)),
    "Sub": (Work(adds=1), lambda a, b: exact(a, b, operator.sub)),
    "Mul": (Work(muls=1), lambda a, b: exact(a, b, operator.mul)),
    "Div": (Work(divs=1), values.divide),
    "BitwiseAnd": (_COMPARE, operator.and_),
    "BitwiseOr": (_COMPARE, operator.or_),
    "BitwiseXor": (_COMPARE, operator.xor),
}
COMPARISONS: dict[str, Binary] = {
    "Equal": values.equal,
    "Greater": operator.gt,
    "Less": operator.lt,
    "GreaterOrEqual": operator.ge,
    "LessOrEqual": operator.le,
    "And": lambda a, b: bool(a) and bool(b),
    "Or": lambda a, b: bool(a) or bool(b),
    "Xor": lambda a, b: bool(a) != bool(b),
}


def aligned(a: Tensor, b: Tensor, axis: int) -> Tensor:
    """The second operand as before version 7: its first axis stands at `axis` of the first operand."""
    trailing = a.rank - axis_of(axis, a.rank) - b.rank
    if trailing < 0:
        raise ValueError(f"an operand of {b.rank} axes does not fit one of {a.rank} at axis {axis}")
    return Tensor((*b.shape, *[1] * trailing), b.dtype, b.value)


def _binary(kind: str, work: Work, function: Binary | None, dtype: str | None) -> None:
    def answer(a: Tensor, b: Tensor) -> Facts:
        return binary(a, b, work, dtype, elementwise(function, a, b) if function else None)

    @rule(kind, since=7, weights={"a": "number", "b": "number"}, contents_of_all=True)
    def elementwise_of_two(a: Tensor, b: Tensor) -> Facts:
        return answer(a, b)

    @rule(kind, weights={"a": "number", "b": "number"})
    def elementwise_at_axis(a: Tensor, b: Tensor, *, broadcast: int = 0, axis: int | None = None) -> Facts:
        return answer(a, aligned(a, b, axis) if broadcast and axis is not None else b)

    elementwise_of_two.__doc__ = f"{kind}: two shapes broadcast to one.  {onnx_link(kind)}"
    elementwise_at_axis.__doc__ = f"{kind} before version 7: the second operand stands at `axis`.  {onnx_link(kind)}"


for _kind, (_work, _pair) in BINARY.items():
    _binary(_kind, _work, _pair, None)
for _kind, _pair in COMPARISONS.items():
    _binary(_kind, _COMPARE, _pair, "bool")


@rule("Pow", weights={"a": "number", "b": "number"})
def pow_at_axis(a: Tensor, b: Tensor, *, broadcast: int = 0, axis: int | None = None) -> Facts:
    """Pow before version 7: the exponent is aligned at `axis`.  https://onnx.ai/onnx/operators/onnx__Pow.html"""
    return pow_(a, aligned(a, b, axis) if broadcast and axis is not None else b)


@rule("Pow", since=7, weights={"a": "number", "b": "number"})
def pow_(a: Tensor, b: Tensor) -> Facts:
    """Two shapes broadcast to one; a known square or cube counts as its products.

    https://onnx.ai/onnx/operators/onnx__Pow.html
    """
    exponent = values.item(b)
    work = Work(muls=1) if exponent == 2 else Work(muls=2) if exponent == 3 else _TRANSCEND
    return binary(a, b, work, None, elementwise(values.power, a, b))


@rule("Mod", weights={"a": "number", "b": "number"})
def mod(a: Tensor, b: Tensor, *, fmod: int = 0) -> Facts:
    """Two shapes broadcast to one: the remainder has the sign of b, with `fmod` that of a.

    https://onnx.ai/onnx/operators/onnx__Mod.html
    """
    function = _of_floats(math.fmod) if fmod else values.remainder
    return binary(a, b, Work(divs=1), None, elementwise(function, a, b))


def _of_floats(function: Binary) -> Binary:
    return lambda a, b: None if isinstance(a, Dim) or isinstance(b, Dim) else type(a)(function(a, b))


@rule("BitShift")
def bit_shift(a: Tensor, b: Tensor, *, direction: str) -> Facts:
    """Two shapes broadcast to one.  https://onnx.ai/onnx/operators/onnx__BitShift.html"""
    shift = operator.rshift if direction == "RIGHT" else lambda x, by: x << by if 0 <= by < 64 else 0
    return binary(a, b, _COMPARE, None, elementwise(shift, a, b))


# --- any number of operands -------------------------------------------------------------------------------------------


def _variadic(kind: str, work: Work, last: Work, function: Callable[..., Any]) -> None:
    @rule(kind, weights={"operands": "number"})
    def elementwise_of_many(*operands: Tensor) -> Facts:
        if not operands:
            raise ValueError("needs at least 1 input")
        shape = broadcast(*(operand.shape for operand in operands))
        y = Tensor(shape, operands[0].dtype, elementwise(function, *operands))
        return Facts((y,), (work * (len(operands) - 1) + last) * y.size, elementwise=True)

    elementwise_of_many.__doc__ = f"{kind}: any number of shapes broadcast to one.  {onnx_link(kind)}"


def _sum(*elements: Any) -> Any:
    return reduce(lambda a, b: exact(a, b, operator.add), elements)


_variadic("Sum", Work(adds=1), NO_WORK, _sum)
_variadic("Mean", Work(adds=1), Work(divs=1), lambda *elements: values.divide(_sum(*elements), float(len(elements))))
_variadic("Max", _COMPARE, NO_WORK, values.largest)
_variadic("Min", _COMPARE, NO_WORK, values.smallest)


@rule("Where", weights={"condition": "tables", "x": "number", "y": "number"})
def where(condition: Tensor, x: Tensor, y: Tensor) -> Facts:
    """Three shapes broadcast to one.  https://onnx.ai/onnx/operators/onnx__Where.html"""
    shape = broadcast(condition.shape, x.shape, y.shape)
    z = Tensor(shape, x.dtype, values.choose(condition, x, y))
    return Facts((z,), Work(compares=z.size), elementwise=True)


@rule("SwiGLU", harmless=("alpha",))
def swi_glu(gate: Tensor, x: Tensor) -> Facts:
    """swish(gate) * x, both of one shape.  https://onnx.ai/onnx/operators/onnx__SwiGLU.html"""
    return unary(gate, ACTIVATIONS["Swish"] + Work(muls=1))


# --- com.microsoft ----------------------------------------------------------------------------------------------------
# https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md


@rule("com.microsoft.BiasGelu", "com.microsoft.FastGelu", weights={"bias": "learned"})
def bias_gelu(x: Tensor, bias: Tensor | None = None) -> Facts:
    """gelu(x + bias): [*any, C], [C] -> the shape of x."""
    return unary(x, ACTIVATIONS["Gelu"] + Work(adds=int(bias is not None)))


@rule("com.microsoft.BiasSplitGelu", weights={"bias": "learned"})
def bias_split_gelu(x: Tensor, bias: Tensor) -> Facts:
    """[*any, 2*C] + [2*C], one half times the gelu of the other -> [*any, C]."""
    y = Tensor((*x.shape[:-1], x.shape[-1] // 2), x.dtype)
    return Facts((y,), (ACTIVATIONS["Gelu"] + Work(muls=1)) * y.size + Work(adds=x.size))


@rule("com.microsoft.BiasAdd", weights={"bias": "learned"})
def bias_add(x: Tensor, bias: Tensor, skip: Tensor) -> Facts:
    """x + bias + skip: [N, S, C], [C], [N, S, C] -> [N, S, C]."""
    return unary(x, Work(adds=2))


@rule(
    "com.microsoft.BiasDropout",
    harmless=("seed",),
    weights={"bias": "learned", "ratio": "settings", "training": "settings"},
)
def bias_dropout(
    x: Tensor,
    bias: Tensor,
    residual: Tensor | None = None,
    ratio: Tensor | None = None,
    training: Tensor | None = None,
    *,
    outputs: int = 1,
) -> Facts:
    """dropout(x + bias) + residual -> the shape of x, and the mask: inference, where nothing is left out."""
    facts = unary(x, Work(adds=1 + int(residual is not None)))
    return replace(facts, outputs=(*facts.outputs, Tensor(x.shape, "bool"))[:outputs])
