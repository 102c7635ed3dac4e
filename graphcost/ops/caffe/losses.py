"""Losses of training: a scalar each, and what some make besides."""

from __future__ import annotations

from collections.abc import Callable

from ...graph import Tensor
from ...rules import GLOBAL, Facts, Work, rule
from ..normalize import softmax_work
from ..pointwise import ACTIVATIONS


def _loss(kind: str, work: Callable[[Tensor], Work]) -> None:
    @rule(f"caffe.{kind}")
    def loss(x: Tensor, *others: Tensor, outputs: int = 1) -> Facts:
        each = Tensor((x.shape[0], 1, *x.shape[2:])) if x.rank else x  # R-FCN's third top, the loss of each position
        return Facts((Tensor(()), Tensor(x.shape), each)[:outputs], work(x), GLOBAL)

    loss.__doc__ = f"{kind}: predictions and targets -> a scalar."


def _softmax_loss(x: Tensor) -> Work:
    positions = x.size // x.shape[1] if x.rank > 1 and x.shape[1] != 0 else 0
    return softmax_work(x.size, positions) + Work(exps=positions, adds=positions)


for _kind, _of in {
    "SoftmaxWithLoss": _softmax_loss,
    "EuclideanLoss": lambda x: Work(adds=2 * x.size, muls=x.size),
    "HingeLoss": lambda x: Work(adds=2 * x.size, compares=x.size),
    "InfogainLoss": lambda x: softmax_work(x.size, x.shape[0]) + Work(exps=x.size, muls=x.size, adds=x.size),
    "MultinomialLogisticLoss": lambda x: Work(exps=x.shape[0], adds=x.shape[0], compares=x.shape[0]),
    "SigmoidCrossEntropyLoss": lambda x: (ACTIVATIONS["Sigmoid"] + Work(muls=2, adds=3, exps=2)) * x.size,
    "ContrastiveLoss": lambda x: Work(adds=2 * x.size, muls=x.size) + Work(exps=1, compares=1, adds=1) * x.shape[0],
}.items():
    _loss(_kind, _of)


def _loss_of_fork(kind: str, is_detection: bool) -> None:
    @rule(f"caffe.{kind}")
    def loss(*bottoms: Tensor, outputs: int = 1) -> Facts:
        each = Tensor((bottoms[0].shape[0], 1, *bottoms[0].shape[2:]))  # the loss of each position, in R-FCN's
        return Facts((Tensor(()), *[each] * (outputs - 1)), None, GLOBAL, is_detection=is_detection)

    loss.__doc__ = f"{kind}: a scalar; a loss for training, whose cost is not stated."


for _kind in ("MultiBoxLoss", "RegionLoss", "YoloV3Loss"):
    _loss_of_fork(_kind, is_detection=True)


for _kind in ("SmoothL1Loss", "SmoothL1LossOHEM", "WarpCTCLoss", "FocalLoss", "CenterLoss"):
    _loss_of_fork(_kind, is_detection=False)


@rule("caffe.SoftmaxWithLossOHEM")
def softmax_with_loss_ohem(x: Tensor, label: Tensor, *, outputs: int = 1) -> Facts:
    """Scores [N, C, ...] and labels -> a scalar, the probabilities, and the loss of each label (R-FCN)."""
    positions = x.size // x.shape[1]
    work = softmax_work(x.size, positions) + Work(exps=positions, adds=positions)
    return Facts((Tensor(()), Tensor(x.shape), Tensor(label.shape))[:outputs], work, GLOBAL)
