"""Layers that sum, average or pick the largest."""

from __future__ import annotations

from ...graph import Shape, Tensor
from ...rules import GLOBAL, Facts, Work, rule
from ...shapes import axis_of
from .fields import Value, check_labels, choice, whole


@rule("caffe.Reduction")
def reduction(x: Tensor, *, operation: Value = "SUM", axis: Value = 0, coeff: Value = 1) -> Facts:
    """shape[:axis]: everything from `axis` on summed (as it is, in magnitude, squared) or averaged."""
    at = whole(axis, "axis")
    y = Tensor(x.shape[: axis_of(at, x.rank)])
    kind = choice(operation, "", "SUM", "ASUM", "SUMSQ", "MEAN")
    per_element = {"ASUM": Work(adds=1, compares=1), "SUMSQ": Work(adds=1, muls=1)}.get(kind, Work(adds=1))
    scaled = Work(muls=y.size if coeff != 1 else 0, divs=y.size if kind == "MEAN" else 0)
    return Facts((y,), per_element * x.size + scaled, GLOBAL)


@rule("caffe.ArgMax")
def arg_max(x: Tensor, *, out_max_val: Value = False, top_k: Value = 1, axis: Value = None) -> Facts:
    """The top_k along `axis`, in its place; without one [N, 1, top_k], or [N, 2, top_k] with out_max_val."""
    best = whole(top_k, "top_k", 1)
    if axis is not None:
        at = axis_of(whole(axis, "axis"), x.rank)
        shape: Shape = (*x.shape[:at], best, *x.shape[at + 1 :])
    else:
        shape = (x.shape[0], 2 if out_max_val else 1, best, *[1] * (x.rank - 3))
    return Facts((Tensor(shape),), Work(compares=x.size * best), GLOBAL)


@rule("caffe.Accuracy", harmless=("ignore_label",))
def accuracy(x: Tensor, label: Tensor, *, top_k: Value = 1, axis: Value = 1, outputs: int = 1) -> Facts:
    """Scores and labels -> a scalar, and on a second top the accuracy of each class."""
    classes = x.shape[axis_of(whole(axis, "axis"), x.rank)]
    tops = (Tensor(()), Tensor((classes,)))[:outputs]
    return Facts(tops, Work(compares=x.size), GLOBAL, warning=check_labels(x, label, classes))
