"""Layers whose tops are as their bottoms, an element at a time."""

from __future__ import annotations

from dataclasses import replace

from ...graph import Shape, Tensor
from ...rules import NO_WORK, Facts, Work, rule
from ...shapes import axis_of, show_shape
from .. import movement
from ..pointwise import ACTIVATIONS, binary, unary
from .fields import Value, blob, choice, listed, whole


def _same(kind: str, work: Work, harmless: tuple[str, ...]) -> None:
    """A layer whose top is as its bottom, `work` for each element."""

    @rule(f"caffe.{kind}", harmless=harmless)
    def elementwise(x: Tensor) -> Facts:
        return unary(x, work)

    elementwise.__doc__ = f"{kind}: [*any] -> the same shape."


for _kind, _work, _harmless in (
    ("AbsVal", Work(compares=1), ()),
    ("BNLL", ACTIVATIONS["Softplus"] + Work(compares=1), ()),
    ("Clip", ACTIVATIONS["Clip"], ("min", "max")),
    # nothing is left out in the TEST phase
    ("Dropout", NO_WORK, ("dropout_ratio", "scale_train", "sample_weights_test")),
    ("ELU", ACTIVATIONS["Elu"], ("alpha",)),
    ("Exp", Work(exps=1, muls=1, adds=1), ("base", "scale", "shift")),
    ("Log", Work(exps=1, muls=1, adds=1), ("base", "scale", "shift")),
    ("Sigmoid", ACTIVATIONS["Sigmoid"], ("engine",)),
    ("Swish", ACTIVATIONS["Swish"], ("beta",)),
    ("TanH", ACTIVATIONS["Tanh"], ("engine",)),
    ("Threshold", Work(compares=1), ("threshold",)),
    # of forks
    ("HardSigmoid", ACTIVATIONS["HardSigmoid"], ("alpha", "beta")),
    ("HardSwish", ACTIVATIONS["HardSwish"], ()),
    ("Mish", ACTIVATIONS["Mish"], ()),
    ("ReLU6", ACTIVATIONS["Clip"], ("engine", "negative_slope", "threshold")),
    ("SeLu", ACTIVATIONS["Selu"], ("alpha", "lambda")),
):
    _same(_kind, _work, _harmless)


@rule("caffe.ReLU", harmless=("engine",))
def relu(x: Tensor, *, negative_slope: Value = 0, relu6: Value = False) -> Facts:
    """[*any] -> the same shape; a slope below zero multiplies besides, a fork's relu6 compares with 6."""
    limit = Work(compares=int(bool(relu6)))
    return unary(x, ACTIVATIONS["LeakyRelu" if negative_slope else "Relu"] + limit)


@rule("caffe.PReLU", harmless=("filler", "engine"))
def prelu(x: Tensor, *, channel_shared: Value = False) -> Facts:
    """[N, C, ...] -> the same shape; one blob: a slope per channel, or one for all."""
    return replace(unary(x, ACTIVATIONS["PRelu"]), weights=(blob(1 if channel_shared else x.shape[1]),))


@rule("caffe.Power")
def power(x: Tensor, *, power: Value = 1, scale: Value = 1, shift: Value = 0) -> Facts:
    """(shift + scale x) ** power: each part costs only where it does something."""
    return unary(x, Work(exps=int(power != 1), muls=int(scale != 1), adds=int(shift != 0)))


@rule("caffe.Eltwise", harmless=("stable_prod_grad",))
def eltwise(*bottoms: Tensor, operation: Value = "SUM", coeff: Value = None) -> Facts:
    """Bottoms of one shape, multiplied, added (with coefficients) or maximised element by element."""
    first = bottoms[0]
    for other in bottoms[1:]:
        for a, b in zip(first.shape, other.shape, strict=False):
            if isinstance(a, int) and isinstance(b, int) and a != b:
                break
        else:
            if other.rank in (first.rank, 0):
                continue
        raise ValueError(f"shapes differ: {' and '.join(show_shape(bottom.shape) for bottom in bottoms)}")
    kind, pairs = choice(operation, "PROD", "SUM", "MAX"), len(bottoms) - 1
    if kind == "PROD":
        work = Work(muls=pairs)
    elif kind == "MAX":
        work = Work(compares=pairs)
    else:
        work = Work(adds=pairs, muls=sum(factor not in (1, -1) for factor in listed(coeff)))
    return unary(first, work)


def _affine(x: Tensor, other: Tensor | None, axis: Value, num_axes: Value, weights: tuple[str, ...]) -> Facts:
    at = axis_of(whole(axis, "axis"), x.rank)
    span = whole(num_axes, "num_axes")
    shape: Shape = x.shape[at:] if span == -1 else x.shape[at : at + span]
    if other is not None:
        shape = other.shape
    own = [blob(*shape) for name in weights if not (other is not None and name == weights[0])]
    work = Work(muls=x.size if "scale" in weights else 0, adds=x.size if "bias" in weights else 0)
    return Facts((Tensor(x.shape, x.dtype),), work, weights=tuple(own), elementwise=True)


@rule("caffe.Scale", harmless=("filler", "bias_filler"))
def scale(
    x: Tensor, factor: Tensor | None = None, *, axis: Value = 1, num_axes: Value = 1, bias_term: Value = False
) -> Facts:
    """x times a factor along `axis`: a blob of x's shape[axis : axis + num_axes], or the second bottom."""
    return _affine(x, factor, axis, num_axes, ("scale", "bias") if bias_term else ("scale",))


@rule("caffe.Bias", harmless=("filler",))
def bias(x: Tensor, other: Tensor | None = None, *, axis: Value = 1, num_axes: Value = 1) -> Facts:
    """x plus a bias along `axis`, which is a blob of x's shape[axis : axis + num_axes], or the second bottom."""
    return _affine(x, other, axis, num_axes, ("bias",))


@rule("caffe.Axpy")
def axpy(factor: Tensor, x: Tensor, y: Tensor) -> Facts:
    """factor [N, C, 1, 1], x and y [N, C, H, W] -> factor * x + y (SENet)."""
    return unary(x, Work(muls=1, adds=1))


@rule("caffe.ChannelScale")
def channel_scale(x: Tensor, factor: Tensor) -> Facts:
    """x [N, ...] times a factor that is broadcast to it -> the shape of x."""
    return unary(x, Work(muls=1))


@rule("caffe.CReLU")
def crelu(x: Tensor, *, axis: Value = 1, concat_axis: Value = None) -> Facts:
    """relu(x) and relu(-x) joined along `axis` (https://arxiv.org/abs/1603.05201)."""
    at = whole(axis if concat_axis is None else concat_axis, "axis")
    return Facts(movement.concat(x, x, axis=at).outputs, Work(compares=2, adds=1) * x.size)


@rule("caffe.Mul")
def mul(x: Tensor, *others: Tensor) -> Facts:
    """Bottoms broadcast to one shape and multiplied."""
    return _broadcast(Work(muls=1), x, *others)


@rule("caffe.Add")
def add(x: Tensor, *others: Tensor) -> Facts:
    """Bottoms broadcast to one shape and added."""
    return _broadcast(Work(adds=1), x, *others)


def _broadcast(work: Work, x: Tensor, *others: Tensor) -> Facts:
    total = NO_WORK
    for other in others:
        facts = binary(x, other, work)
        x, total = facts.outputs[0], total + (facts.work or NO_WORK)
    return Facts((x,), total, elementwise=True)
