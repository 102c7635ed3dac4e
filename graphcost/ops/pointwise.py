"""Elementwise operators: activations, arithmetic, comparison, logic.

The cost of one element of each stands in a table, in scalar operations: an exponential, a logarithm, a root or a sine is
one of `exps`, a comparison, a maximum, a rounding or a logical operation one of `compares`.
"""

from __future__ import annotations

from ..graph import Tensor
from ..rules import NO_WORK, Facts, Work
from ..shapes import broadcast

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
}
"""Scalar operations per element, by ONNX operator."""


def unary(x: Tensor, work: Work, dtype: str | None = None) -> Facts:
    """A result of the input's shape, `work` for each element."""
    return Facts((Tensor(x.shape, dtype or x.dtype),), work * x.size if work is not NO_WORK else NO_WORK)


def binary(a: Tensor, b: Tensor, work: Work, dtype: str | None = None) -> Facts:
    """Two operands stretched to one shape, `work` for each element of it."""
    y = Tensor(broadcast(a.shape, b.shape), dtype or a.dtype)
    return Facts((y,), work * y.size)
