"""Losses of training: a scalar each, and what some make besides."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from ...dims import Undecided
from ...graph import Tensor
from ...rules import GLOBAL, Facts, Work, rule
from ...shapes import axis_of
from ..normalize import softmax_work
from ..pointwise import ACTIVATIONS
from .fields import LOSS, Value, blob, check_labels, check_targets, choice, whole


def _tops(x: Tensor, outputs: int) -> tuple[Tensor, ...]:
    """The loss, the predictions as they were compared, and in R-FCN's fork the loss of each position."""
    each = Tensor((x.shape[0], 1, *x.shape[2:])) if x.rank else x
    return (Tensor(()), Tensor(x.shape), each)[:outputs]


@rule("caffe.SoftmaxWithLoss", harmless=(*LOSS, "engine"))
def softmax_with_loss(x: Tensor, *others: Tensor, axis: Value = 1, outputs: int = 1) -> Facts:
    """Scores along `axis`, labels and weights of them -> a scalar."""
    classes = x.shape[axis_of(whole(axis, "axis"), x.rank)] if x.rank > 1 else 0
    positions = x.size // classes if classes != 0 else 0
    work = softmax_work(x.size, positions) + Work(exps=positions, adds=positions)
    warning = check_labels(x, _first(others), classes) or check_targets(x, _first(others))
    return Facts(_tops(x, outputs), work, GLOBAL, warning=warning)


@rule("caffe.InfogainLoss", harmless=(*LOSS, "engine", "source"))
def infogain_loss(x: Tensor, *others: Tensor, axis: Value = 1, outputs: int = 1) -> Facts:
    """Scores along `axis`, labels and a matrix of gains -> a scalar."""
    if whole(axis, "axis") != 1:
        raise Undecided(f"what an infogain loss along axis {axis} costs is not known")
    work = softmax_work(x.size, x.shape[0]) + Work(exps=x.size, muls=x.size, adds=x.size)
    return Facts(_tops(x, outputs), work, GLOBAL, warning=check_targets(x, _first(others)))


@rule("caffe.HingeLoss", harmless=LOSS)
def hinge_loss(x: Tensor, *others: Tensor, norm: Value = "L1", outputs: int = 1) -> Facts:
    """Scores and labels -> a scalar; norm L2 squares the margins."""
    squares = x.size if choice(norm, "", "L1", "L2") == "L2" else 0
    work = Work(adds=2 * x.size, compares=x.size, muls=squares)
    return Facts(_tops(x, outputs), work, GLOBAL, warning=check_targets(x, _first(others)))


def _first(others: tuple[Tensor, ...]) -> Tensor | None:
    """The targets, the second bottom of a loss."""
    return others[0] if others else None


def _loss(
    kind: str, work: Callable[[Tensor], Work], harmless: tuple[str, ...], each: bool = False, every: bool = False
) -> None:
    @rule(f"caffe.{kind}", harmless=(*LOSS, *harmless))
    def loss(x: Tensor, *others: Tensor, outputs: int = 1) -> Facts:
        warning = check_targets(x, _first(others), each, every)
        return Facts(_tops(x, outputs), work(x), GLOBAL, warning=warning)

    loss.__doc__ = f"{kind}: predictions and targets -> a scalar."


def _contrastive(x: Tensor) -> Work:
    return Work(adds=2 * x.size, muls=x.size) + Work(exps=1, compares=1, adds=1) * x.shape[0]


_loss("EuclideanLoss", lambda x: Work(adds=2 * x.size, muls=x.size), (), each=True)
_loss("MultinomialLogisticLoss", lambda x: Work(exps=x.shape[0], adds=x.shape[0], compares=x.shape[0]), ())
_loss(
    "SigmoidCrossEntropyLoss",
    lambda x: (ACTIVATIONS["Sigmoid"] + Work(muls=2, adds=3, exps=2)) * x.size,
    (),
    every=True,
)
_loss("ContrastiveLoss", _contrastive, ("margin", "legacy_version"))


# --- of forks: a scalar whatever their fields say, and a cost that is not stated --------------------------------------


def _loss_of_forks(kind: str, is_detection: bool) -> None:
    @rule(f"caffe.{kind}")
    def loss(*bottoms: Tensor, outputs: int = 1, **fields: Value) -> Facts:
        each = Tensor((bottoms[0].shape[0], 1, *bottoms[0].shape[2:]))  # the loss of each position, in R-FCN's
        return Facts((Tensor(()), *[each] * (outputs - 1)), None, GLOBAL, is_detection=is_detection)

    loss.__doc__ = f"{kind}: a scalar; a loss for training, whose cost is not stated."


for _kind in ("MultiBoxLoss", "RegionLoss", "YoloV3Loss"):
    _loss_of_forks(_kind, is_detection=True)
for _kind in ("SmoothL1Loss", "SmoothL1LossOHEM", "WarpCTCLoss", "FocalLoss", "L1Loss"):
    _loss_of_forks(_kind, is_detection=False)


@rule("caffe.CenterLoss", harmless=("center_filler", "alpha", "lambda", *LOSS))
def center_loss(x: Tensor, *others: Tensor, num_output: Value = None, axis: Value = 1, outputs: int = 1) -> Facts:
    """Features and labels -> a scalar; blob: a centre [num_output, K] for each class, whose cost is not stated.

    https://github.com/ydwen/caffe-face, center_loss_layer.cpp
    """
    features = prod(x.shape[axis_of(whole(axis, "axis"), x.rank) :])
    centres = blob(whole(num_output, "num_output", 1), features)
    return Facts((Tensor(()), *[Tensor((x.shape[0], 1))] * (outputs - 1)), None, GLOBAL, (centres,))


@rule("caffe.SoftmaxWithLossOHEM", harmless=(*LOSS, "engine"))
def softmax_with_loss_ohem(x: Tensor, label: Tensor, *, outputs: int = 1) -> Facts:
    """Scores [N, C, ...] and labels -> a scalar, the probabilities, and the loss of each label (R-FCN)."""
    positions = x.shape[0] * prod(x.shape[2:])
    work = softmax_work(x.size, positions) + Work(exps=positions, adds=positions)
    return Facts((Tensor(()), Tensor(x.shape), Tensor(label.shape))[:outputs], work, GLOBAL)
