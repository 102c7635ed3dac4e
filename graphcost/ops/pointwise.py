"""Elementwise operators: activations, arithmetic, comparison, logic.

The cost of one element of each stands in a table, in scalar operations: an exponential, a logarithm, a root or a sine
is one of `exps`, a comparison, a maximum, a rounding or a logical operation one of `compares`. Where the contents of
a tensor steer shapes, the arithmetic is done on them too.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from ..dims import Dim, maximum, minimum
from ..graph import Tensor, element_type
from ..rules import NO_WORK, Facts, Work, rule
from ..shapes import axis_of, broadcast
from . import values
from .values import divide, elementwise, equal, exact

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
    "ParametricSoftplus": Work(muls=2, adds=1, exps=2),
    "ScaledTanh": Work(muls=2, exps=1),
    "com.microsoft.Gelu": Work(muls=3, adds=1, exps=1),
    "com.microsoft.QuickGelu": _LOGISTIC + Work(muls=2),
}
"""Scalar operations per element, by ONNX operator."""


def unary(x: Tensor, work: Work, dtype: str | None = None, value: values.Value = None) -> Facts:
    """A result of the input's shape, `work` for each element."""
    y = Tensor(x.shape, dtype or x.dtype, value)
    return Facts((y,), work * x.size if work is not NO_WORK else NO_WORK)


def binary(a: Tensor, b: Tensor, work: Work, dtype: str | None = None, value: values.Value = None) -> Facts:
    """Two operands stretched to one shape, `work` for each element of it."""
    y = Tensor(broadcast(a.shape, b.shape), dtype or a.dtype, value)
    return Facts((y,), work * y.size)


def _dimless(function: Callable[[float], Any]) -> Callable[[Any], Any]:
    """A function of plain numbers that leaves a Dim, which is whole already, as it is."""
    return lambda element: element if isinstance(element, Dim) else float(function(element))


UNARY: dict[str, tuple[Work, Callable[[Any], Any] | None]] = {
    **{kind: (work, None) for kind, work in ACTIVATIONS.items() if kind not in ("Relu", "PRelu", "Clip")},
    "Relu": (ACTIVATIONS["Relu"], lambda a: maximum(a, 0) if not isinstance(a, float) else max(a, 0.0)),
    "Abs": (Work(compares=1), lambda a: maximum(a, -a) if not isinstance(a, float) else abs(a)),
    "Neg": (Work(adds=1), operator.neg),
    "Reciprocal": (Work(divs=1), lambda a: 1 / a if isinstance(a, float) else None),
    "Floor": (Work(compares=1), _dimless(math.floor)),
    "Ceil": (Work(compares=1), _dimless(math.ceil)),
    "Round": (Work(compares=1), _dimless(round)),
    "Sqrt": (Work(exps=1), lambda a: math.sqrt(a) if isinstance(a, float) else None),
    "Exp": (Work(exps=1), lambda a: math.exp(a) if isinstance(a, float) else None),
    "Log": (Work(exps=1), lambda a: math.log(a) if isinstance(a, float) else None),
    "Sign": (Work(compares=2), lambda a: int(a > 0) - int(a < 0)),
    "BitwiseNot": (Work(compares=1), None),
    **dict.fromkeys(("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Erf"), (Work(exps=1), None)),
    **dict.fromkeys(("Sinh", "Cosh", "Asinh", "Acosh", "Atanh"), (Work(exps=1), None)),
}
"""Work per element and, where it may steer shapes, what becomes of the contents."""


def _unary(kind: str, work: Work, function: Callable[[Any], Any] | None) -> None:
    @rule(kind)
    def elementwise_of_one(x: Tensor) -> Facts:
        return unary(x, work, value=elementwise(function, x) if function else None)

    link = f"https://onnx.ai/onnx/operators/onnx__{kind}.html" if "." not in kind else kind
    elementwise_of_one.__doc__ = f"{kind}: [*any] -> the same shape.  {link}"


for _kind, (_work, _function) in UNARY.items():
    _unary(_kind, _work, _function)


@rule("Not")
def not_(x: Tensor) -> Facts:
    """[*any] of bool -> the same shape.  https://onnx.ai/onnx/operators/onnx__Not.html"""
    return unary(x, Work(compares=1), "bool", elementwise(operator.not_, x))


@rule("IsNaN", "IsInf")
def is_nan(x: Tensor) -> Facts:
    """[*any] -> bool of the same shape.  https://onnx.ai/onnx/operators/onnx__IsNaN.html"""
    return unary(x, Work(compares=1), "bool")


@rule("PRelu")
def prelu(x: Tensor, slope: Tensor) -> Facts:
    """x: [*any], slope: broadcast to x -> the shape of x.  https://onnx.ai/onnx/operators/onnx__PRelu.html"""
    return unary(x, ACTIVATIONS["PRelu"])


@rule("Clip")
def clip(x: Tensor, least: Tensor | None = None, most: Tensor | None = None) -> Facts:
    """[*any] -> the same shape; bounds are attributes before 11.  https://onnx.ai/onnx/operators/onnx__Clip.html"""
    value = x.value
    if value is not None and least is not None:
        value = elementwise(maximum, Tensor(x.shape, x.dtype, value), least)
    if value is not None and most is not None:
        value = elementwise(minimum, Tensor(x.shape, x.dtype, value), most)
    return unary(x, ACTIVATIONS["Clip"], value=value)


@rule("Dropout")
def dropout(
    x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None, *, outputs: int = 1, is_test: int = 1
) -> Facts:
    """[*any] -> the same shape, and the mask: inference, where nothing is left out.

    https://onnx.ai/onnx/operators/onnx__Dropout.html
    """
    return Facts((Tensor(x.shape, x.dtype, x.value), Tensor(x.shape, "bool"))[:outputs], NO_WORK, view=True)


@rule("Identity")
def identity(x: Tensor) -> Facts:
    """The input, whatever it is.  https://onnx.ai/onnx/operators/onnx__Identity.html"""
    return Facts((x,), NO_WORK, view=True)


@rule("Cast")
def cast(x: Tensor, *, to: int | str = 1) -> Facts:
    """[*any] -> the same shape as another element type.  https://onnx.ai/onnx/operators/onnx__Cast.html"""
    dtype = element_type(to) if isinstance(to, int) else to.lower().replace("double", "float64")
    dtype = "float32" if dtype == "float" else dtype
    return unary(x, NO_WORK, dtype, values.cast(x.value, dtype) if x.value is not None else None)


@rule("CastLike")
def cast_like(x: Tensor, like: Tensor) -> Facts:
    """[*any] -> the same shape with the type of the second input.  https://onnx.ai/onnx/operators/onnx__CastLike.html"""
    return unary(x, NO_WORK, like.dtype, values.cast(x.value, like.dtype))


BINARY: dict[str, tuple[Work, Callable[[Any, Any], Any] | None]] = {
    "Add": (Work(adds=1), lambda a, b: exact(a, b, operator.add)),
    "Sub": (Work(adds=1), lambda a, b: exact(a, b, operator.sub)),
    "Mul": (Work(muls=1), lambda a, b: exact(a, b, operator.mul)),
    "Div": (Work(divs=1), divide),
    "Pow": (Work(exps=1), lambda a, b: a ** int(b) if float(b).is_integer() and 0 <= b <= 8 else None),
    "Mod": (Work(divs=1), lambda a, b: a % b),
    "BitShift": (Work(compares=1), None),
    "BitwiseAnd": (Work(compares=1), None),
    "BitwiseOr": (Work(compares=1), None),
    "BitwiseXor": (Work(compares=1), None),
}
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "Equal": equal,
    "Greater": operator.gt,
    "Less": operator.lt,
    "GreaterOrEqual": operator.ge,
    "LessOrEqual": operator.le,
    "And": lambda a, b: bool(a) and bool(b),
    "Or": lambda a, b: bool(a) or bool(b),
    "Xor": lambda a, b: bool(a) != bool(b),
}


def _binary(kind: str, work: Work, function: Callable[[Any, Any], Any] | None, dtype: str | None) -> None:
    link = f"https://onnx.ai/onnx/operators/onnx__{kind}.html"

    def answer(a: Tensor, b: Tensor) -> Facts:
        return binary(a, b, work, dtype, elementwise(function, a, b) if function else None)

    @rule(kind, since=7)
    def elementwise_of_two(a: Tensor, b: Tensor) -> Facts:
        return answer(a, b)

    @rule(kind)
    def with_axis(a: Tensor, b: Tensor, *, broadcast: int = 0, axis: int | None = None) -> Facts:
        if broadcast and axis is not None:  # before version 7 the second operand could be aligned anywhere
            trailing = a.rank - axis_of(axis, a.rank) - b.rank
            b = Tensor((*b.shape, *[1] * max(trailing, 0)), b.dtype, b.value)
        return answer(a, b)

    elementwise_of_two.__doc__ = f"{kind}: two shapes broadcast to one.  {link}"
    with_axis.__doc__ = f"{kind} before version 7: the second operand is aligned at `axis`.  {link}"


for _kind, (_work, _pair) in BINARY.items():
    _binary(_kind, _work, _pair, None)
for _kind, _pair in COMPARISONS.items():
    _binary(_kind, Work(compares=1), _pair, "bool")


def _variadic(kind: str, work: Work, last: Work, function: Callable[..., Any] | None) -> None:
    @rule(kind)
    def elementwise_of_many(*operands: Tensor) -> Facts:
        shape = broadcast(*(operand.shape for operand in operands))
        y = Tensor(shape, operands[0].dtype, elementwise(function, *operands) if function else None)
        return Facts((y,), (work * (len(operands) - 1) + last) * y.size)

    elementwise_of_many.__doc__ = (
        f"{kind}: any number of shapes broadcast to one.  https://onnx.ai/onnx/operators/onnx__{kind}.html"
    )


_variadic("Sum", Work(adds=1), NO_WORK, None)
_variadic("Mean", Work(adds=1), Work(divs=1), None)
_variadic("Max", Work(compares=1), NO_WORK, lambda *e: max(e) if isinstance(e[0], float) else maximum(*e))
_variadic("Min", Work(compares=1), NO_WORK, lambda *e: min(e) if isinstance(e[0], float) else minimum(*e))


@rule("Where")
def where(condition: Tensor, x: Tensor, y: Tensor) -> Facts:
    """Three shapes broadcast to one.  https://onnx.ai/onnx/operators/onnx__Where.html"""
    shape = broadcast(condition.shape, x.shape, y.shape)
    z = Tensor(shape, x.dtype, elementwise(lambda c, a, b: a if c else b, condition, x, y))
    return Facts((z,), Work(compares=z.size))


@rule("Affine", "Scale")
def affine(x: Tensor) -> Facts:
    """alpha * x + beta, an experimental operator of the first operator sets."""
    return unary(x, Work(muls=1, adds=1))


@rule("ImageScaler")
def image_scaler(x: Tensor) -> Facts:
    """[N, C, H, W] scaled, and a bias per channel added; experimental, removed in version 10."""
    return unary(x, Work(muls=1, adds=1))


@rule("com.microsoft.BiasGelu", "com.microsoft.FastGelu")
def bias_gelu(x: Tensor, bias: Tensor | None = None) -> Facts:
    """gelu(x + bias): [*any, C], [C] -> the shape of x."""
    return unary(x, ACTIVATIONS["Gelu"] + Work(adds=int(bias is not None)))
