"""Detection: suppression of overlapping boxes, pooling of regions."""

from __future__ import annotations

from ..dims import Extent
from ..graph import Tensor
from ..rules import GLOBAL, Facts, Work, data_dependent, rule
from ..shapes import of_rank
from .windowed import Axes


def suppression(boxes: Extent) -> Work:
    """The most that non-maximum suppression of so many boxes can take: the overlap of every pair of them.

    An overlap takes four maxima or minima, two clamps and the threshold, six additions, three areas, one division.
    """
    pairs = boxes * (boxes - 1) // 2
    return Work(compares=7, adds=6, muls=3, divs=1) * pairs


@rule(
    "NonMaxSuppression",
    harmless=("center_point_box",),
    weights={"boxes": "tables", "most": "settings", "thresholds": "settings"},
)
def non_max_suppression(boxes: Tensor, scores: Tensor, most: Tensor | None = None, *thresholds: Tensor | None) -> Facts:
    """boxes [N, P, 4], scores [N, classes, P] -> [kept, 3]; the data decides how many are kept.

    What is counted is the most it can take: each score compared with the threshold, every pair of boxes in each class.
    https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
    """
    batch, classes, priors = of_rank(scores.shape, 3, "scores")
    kept: Extent = data_dependent()
    if most is None or (most.value is not None and most.value[0] == 0):
        kept = 0
    work = Work(compares=scores.size) + suppression(priors) * (batch * classes)
    return Facts((Tensor((kept, 3), "int64"),), work, GLOBAL, is_detection=True)


@rule("MaxRoiPool", harmless=("spatial_scale",))
def max_roi_pool(x: Tensor, rois: Tensor, *, pooled_shape: Axes) -> Facts:
    """x [N, C, H, W], rois [R, 5] -> [R, C, *pooled_shape]; how much a bin compares depends on the boxes.

    https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html
    """
    return Facts((Tensor((rois.shape[0], x.shape[1], *pooled_shape), x.dtype),), None, GLOBAL)
