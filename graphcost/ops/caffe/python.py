"""Layers that are written in Python: the file names a module and a class, and what these do is known of published ones.

A rule's kind is `caffe.Python:module.Class`. It holds whatever packages the module stands in, so `rpn.proposal_layer`
and `SSH.layers.proposal_layer` have that of `proposal_layer`. Shapes are those that net initialisation gives. What a
detector's layers cost is decided by the boxes, and not stated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod

from ...dims import Undecided
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, PYTHON, F, Facts, Work, rule
from ...shapes import broadcast, joins, of_rank
from ..normalize import softmax_work
from .detection import faster_rcnn_anchors
from .fields import Value, rois


def published(*places: str) -> Callable[[F], F]:
    """Register the rule of layers written in Python, each by the file and the class."""
    return rule(*[f"{PYTHON}:{place}" for place in places], harmless=("param_str",))


NUMBER = r"\d+(?:\.\d+)?"


def _setting(param_str: Value, name: str) -> int:
    """A whole number that a `param_str` in YAML or as a dictionary gives: `'num_classes': 21`. Raises Undecided."""
    found = re.search(rf"\b{name}['\"]?\s*:\s*(\d+)\b", str(param_str))
    if found is None:
        raise Undecided(f"{name} is not in param_str")
    return int(found[1])


def _entry(param_str: Value, at: int, default: int) -> int:
    """A whole number of a `param_str` that is a list: `1248,352,16,1`. Raises Undecided where it is none."""
    entries = [entry.strip() for entry in str(param_str).split(",")]
    if at >= len(entries):
        return default
    if not entries[at].isdecimal():
        raise Undecided(f"entry {at + 1} of param_str is not a whole number")
    return int(entries[at])


# --- Faster R-CNN: https://github.com/rbgirshick/py-faster-rcnn/tree/master/lib/rpn -----------------------------------


@published("proposal_layer.ProposalLayer")
def proposal_layer(*bottoms: Tensor, param_str: Value = "", outputs: int = 1) -> Facts:
    """Scores, deltas and the image's size -> the R best boxes of one image, [R, 5], and their scores.

    At most RPN_POST_NMS_TOP_N boxes, 300 when it is tested (fast_rcnn/config.py). The scores are [R, 1, 1, 1] as before
    the network runs. Without settings of its own it places nine boxes at each position.
    """
    boxes = rois()
    tops = (Tensor((boxes, 5)), Tensor((boxes, 1, 1, 1)))
    own = re.search("scale|ratio|anchor|base", str(param_str))
    ratios, scales = ((), ()) if own else ((0.5, 1, 2), (8, 16, 32))
    stride = re.search(rf"feat_stride['\"]?\s*:\s*({NUMBER})", str(param_str))
    anchors = faster_rcnn_anchors(16, ratios, scales, float(stride[1]) if stride else None)
    return Facts(tops[:outputs], None, GLOBAL, anchors=anchors, is_detection=True)


@published("text_proposal_layer.ProposalLayer")
def text_proposal_layer(*bottoms: Tensor, outputs: int = 1) -> Facts:
    """Scores, deltas and the image's size -> the boxes of lines of text, [R, 4] (https://github.com/tianzhi0549/CTPN)."""
    boxes = rois()
    return Facts((Tensor((boxes, 4)), Tensor((boxes, 1, 1, 1)))[:outputs], None, GLOBAL, is_detection=True)


@published("anchor_target_layer.AnchorTargetLayer")
def anchor_target_layer(scores: Tensor, *others: Tensor, outputs: int = 4) -> Facts:
    """Scores [N, 2A, H, W] of A anchors -> labels [1, 1, A H, W]; targets, and two weights of them, [1, 4A, H, W]."""
    _, channels, height, width = of_rank(scores.shape, 4, "the scores' blob")
    anchors = channels // 2
    target = Tensor((1, 4 * anchors, height, width))
    return Facts((Tensor((1, 1, anchors * height, width)), target, target, target)[:outputs], None, GLOBAL)


@published("proposal_target_layer.ProposalTargetLayer")
def proposal_target_layer(*bottoms: Tensor, param_str: Value = "", outputs: int = 5) -> Facts:
    """Boxes and the truth -> R of the boxes [R, 5], labels [R, 1], then targets and two weights of them [R, 4 classes].

    At most TRAIN.BATCH_SIZE boxes, 128 unless it is configured otherwise.
    """
    boxes = rois()
    target = Tensor((boxes, 4 * _setting(param_str, "num_classes")))
    return Facts((Tensor((boxes, 5)), Tensor((boxes, 1)), target, target, target)[:outputs], None, GLOBAL)


# --- DetectNet: https://github.com/NVIDIA/caffe/tree/caffe-0.17/python/caffe/layers/detectnet -------------------------


@published("clustering.ClusterDetections")
def cluster_detections(coverage: Tensor, boxes: Tensor, *, param_str: Value = "", outputs: int = 1) -> Facts:
    """Coverage [N, classes, H, W] and boxes -> for each class the boxes that are found, [N, at most, 5]."""
    return _clustered(coverage, _entry(param_str, 8, 50), outputs)


@published("clustering.ClusterGroundtruth")
def cluster_groundtruth(coverage: Tensor, boxes: Tensor, *, param_str: Value = "", outputs: int = 1) -> Facts:
    """Labels on a grid -> for each class the boxes that are true, [N, at most, 5]."""
    return _clustered(coverage, _entry(param_str, 4, 50), outputs)


def _clustered(coverage: Tensor, most: int, outputs: int) -> Facts:
    return Facts((Tensor((coverage.shape[0], most, 5)),) * outputs, None, GLOBAL, is_detection=True)


@published("mean_ap.ScoreDetections")
def score_detections(truth: Tensor, found: Tensor) -> Facts:
    """Boxes that are true and boxes that are found -> the latter with what each is, [N, 50, 5]."""
    return Facts((Tensor((truth.shape[0], 50, 5)),), None, GLOBAL)


@published("mean_ap.mAP")
def mean_average_precision(scored: Tensor, *, outputs: int = 3) -> Facts:
    """Boxes with what each is -> mean average precision, precision and recall, [1] each."""
    return Facts((Tensor((1,)),) * outputs, None, GLOBAL)


# --- of one bottom's shape --------------------------------------------------------------------------------------------


@published("spatial_dropout.SpatialDropoutLayer")
def spatial_dropout(x: Tensor) -> Facts:
    """Any shape -> the same; what is trained with some channels dropped runs with all (ENet)."""
    return Facts((Tensor(x.shape),), NO_WORK)


@published("eltwise.Eltwise")
def eltwise(*bottoms: Tensor) -> Facts:
    """Several tensors -> their broadcast shape; which function of them is not in the file (synopsys-caffe-models)."""
    return Facts((Tensor(broadcast(*(each.shape for each in bottoms))),), None)


@published("pylayers.SoftmaxLayer")
def softmax(x: Tensor) -> Facts:
    """Scores [N, C, H, W] -> probabilities that are at least 0.0001: a softmax, an addition and a second division.

    https://github.com/kolesman/SEC, pylayers.py
    """
    positions = x.shape[0] * prod(x.shape[2:])
    again = Work(adds=x.size + joins(x.size, positions), divs=x.size)
    return Facts((Tensor(x.shape),), softmax_work(x.size, positions) + again, GLOBAL)


@published("pylayers.CRFLayer")
def random_field(scores: Tensor, image: Tensor) -> Facts:
    """Scores and the image -> scores of a conditional random field, of the same shape (SEC); its cost is not stated."""
    return Facts((Tensor(scores.shape),), None, GLOBAL)


# --- losses -----------------------------------------------------------------------------------------------------------


@published("pyloss.EuclideanLossLayer")
def euclidean_loss(x: Tensor, target: Tensor) -> Facts:
    """Predictions and targets -> half the mean of squared distances, [1] (examples/pycaffe/layers/pyloss.py)."""
    return Facts((Tensor((1,)),), Work(adds=2 * x.size, muls=x.size), GLOBAL)


@published("pyLayer.DiceLoss", "dice_loss.DiceLoss", "pylayers.SeedLossLayer", "pylayers.ConstrainLossLayer")
def loss(*bottoms: Tensor) -> Facts:
    """Predictions and targets -> a loss for training, [1] (V-Net, SEC); copies differ in what it costs."""
    return Facts((Tensor((1,)),), None, GLOBAL)
