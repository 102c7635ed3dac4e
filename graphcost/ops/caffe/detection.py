"""SSD's, Faster R-CNN's, R-FCN's, Cascade R-CNN's and YOLO's layers in Caffe's forks.

Shapes are those that net initialisation gives: how many boxes come out is only known when the network runs. Where other
layers work with them the user may say it, as the dimension `rois`. Where the boxes decide the cost, it is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt

from ...dims import Extent, Undecided, minimum
from ...graph import Tensor
from ...rules import GLOBAL, Anchors, Facts, Work, rule
from ...shapes import of_rank
from ..detection import suppression
from ..resize import resized
from .fields import Value, differ, listed, numbers, rois, whole

Sizes = tuple[tuple[float, float], ...]

DETECTION = (
    "background_label_id", "code_type", "keep_top_k", "confidence_threshold",
    "variance_encoded_in_target", "normalized", "input_width", "input_height", "nbottom", "objectness_score",
    # what is written or shown of the results
    "save_output_param", "visualize", "visualize_threshold", "save_file", "mean_value", "resize_param",
)  # fmt: skip
"""How a detection output reads its boxes, and which of them it keeps when it runs."""
PROPOSAL = ("min_size", "nms_thresh", "pre_nms_topn", "post_nms_topn")
"""Which proposals are kept when it runs."""


@rule("caffe.PriorBox", harmless=("clip", "variance", "offset", "tf", "yx_order"))
def prior_box(
    x: Tensor,
    image: Tensor,
    *,
    min_size: Value = (),
    max_size: Value = (),
    aspect_ratio: Value = (),
    flip: Value = True,
    width: Value = (),
    height: Value = (),
    step: Value = 0,
    step_w: Value = 0,
    step_h: Value = 0,
    img_size: Value = 0,
    img_w: Value = 0,
    img_h: Value = 0,
) -> Facts:
    """[N, C, H, W] -> [1, 2, H W n 4]: n boxes at each position, and their variances (SSD, prior_box_layer.cpp).

    For each min_size a square, one of the geometric mean if there is a max_size, and one for each other ratio and,
    with flip, its inverse; FaceBoxes densifies min_sizes 32 and 64 of three to 16 and 4; a clustered layer has one box
    per width. A step of 0 is the image's extent over the map's.
    """
    widths, heights = numbers(width, "width"), numbers(height, "height")
    if len(widths) != len(heights):
        raise ValueError(f"{len(widths)} width and {len(heights)} height")
    sizes = tuple((float(wide), float(tall)) for wide, tall in zip(widths, heights, strict=True))
    ratios = numbers(aspect_ratio, "aspect_ratio")
    sizes = sizes or _priors(numbers(min_size, "min_size"), numbers(max_size, "max_size"), ratios, bool(flip))
    if not sizes:
        raise ValueError("no min_size, so there are no boxes")
    across = (step_w or step, img_w or img_size or image.shape[3], x.shape[3])
    down = (step_h or step, img_h or img_size or image.shape[2], x.shape[2])
    y = Tensor((1, 2, x.shape[2] * x.shape[3] * len(sizes) * 4))
    work = Work(adds=y.size // 2, muls=y.size // 2)
    return Facts((y,), work, GLOBAL, elements_read=(0, 0), anchors=Anchors(sizes, _steps(across, down)))


def _priors(least: Sequence[float], most: Sequence[float], others: Sequence[float], flip: bool) -> Sizes:
    """The boxes of SSD's prior box layer at one position, in its order."""
    if most and len(most) != len(least):
        raise ValueError(f"{len(most)} max_size for {len(least)} min_size")
    ratios = [1.0]
    for ratio in map(float, others):
        for each in (ratio, 1 / ratio) if flip else (ratio,):
            if all(abs(each - known) >= 1e-6 for known in ratios):
                ratios.append(each)
    if len(least) == 3 and {32, 64} <= set(least) and not most and len(ratios) == 1:
        return tuple((float(side), float(side)) for side in least for _ in range({32: 16, 64: 4}.get(int(side), 1)))
    sizes = []
    for at, side in enumerate(map(float, least)):
        squares = [side, sqrt(side * most[at])] if most else [side]
        sizes += [(square, square) for square in squares]
        sizes += [(side * sqrt(ratio), side / sqrt(ratio)) for ratio in ratios[1:]]
    return tuple(sizes)


def _steps(*axes: tuple[float, Extent, Extent]) -> tuple[float, float] | None:
    """For each axis what is stated, else the image's extent over the map's; None where one of those is open."""
    across, down = (
        float(stated) if stated else image / cells if isinstance(image, int) and isinstance(cells, int) else None
        for stated, image, cells in axes
    )
    return None if across is None or down is None else (across, down)


@rule("caffe.PriorBoxClustered", harmless=("clip", "variance", "offset", "flip"))
def prior_box_clustered(
    x: Tensor,
    image: Tensor,
    *,
    width: Value = (),
    height: Value = (),
    step: Value = 0,
    step_w: Value = 0,
    step_h: Value = 0,
    img_w: Value = 0,
    img_h: Value = 0,
) -> Facts:
    """[N, C, H, W] -> [1, 2, H W n 4], n the number of widths (OpenVINO)."""
    return prior_box(
        x, image, width=width, height=height, step=step, step_w=step_w, step_h=step_h, img_w=img_w, img_h=img_h
    )


@rule("caffe.DetectionOutput", harmless=DETECTION)
def detection_output(
    locations: Tensor,
    scores: Tensor | None = None,
    priors: Tensor | None = None,
    *others: Tensor,
    num_classes: Value = 21,
    nms_param: Value = (),
    share_location: Value = True,
    no_permute: Value = False,
) -> Facts:
    """Locations [N, 4P], scores [N, classes P], priors [1, 2, 4P] -> [1, 1, 1, 7] until the network has run.

    A fourth bottom is only shown. With two more these are of a first stage, by whose scores boxes are dropped and whose
    locations move the priors (https://github.com/sfzhang15/RefineDet). With no_permute the maps of the heads come as
    they are: those of scores, those of locations, and the priors
    (https://github.com/foss-for-synopsys-dwc-arc-processors/synopsys-caffe).

    What is counted is the most it can take: every box decoded, every score compared with the threshold, and in each
    class the top_k best boxes compared pair by pair (detection_output_layer.cpp).
    """
    if scores is None or priors is None:
        raise Undecided("what a detection output without scores and priors decodes is not known")
    if no_permute:
        locations, scores, priors = _joined_heads((locations, scores, priors, *others))
        others = ()
    if len(others) > 2:
        raise Undecided(f"what {3 + len(others)} bottoms of a detection output are is not known")
    classes = whole(num_classes, "num_classes", 1)
    best = dict(nms_param).get("top_k", -1) if nms_param else -1
    boxes = scores.size // (scores.shape[0] * classes)
    kept = minimum(boxes, whole(best, "top_k")) if best != -1 else boxes
    work = _decoding(locations) + Work(compares=scores.size) + suppression(kept) * (scores.shape[0] * classes)
    if len(others) == 2:
        work += Work(compares=boxes * scores.shape[0]) + _decoding(others[1])
    note = "as if every box passed the threshold and none were suppressed"
    warning = _check_priors(locations, boxes, priors, 1 if share_location else classes)
    return Facts((Tensor((1, 1, 1, 7)),), work, GLOBAL, note=note, warning=warning, is_detection=True)


def _joined_heads(bottoms: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The locations, scores and priors of maps [N, ...] that are not joined yet."""
    half, odd = divmod(len(bottoms), 2)
    if not odd:
        raise ValueError(f"{len(bottoms)} bottoms; there should be as many maps of scores as of locations, and priors")

    def joined(maps: Sequence[Tensor]) -> Tensor:
        return Tensor((maps[0].shape[0], sum((prod(x.shape[1:]) for x in maps), 0)))

    return joined(bottoms[half:-1]), joined(bottoms[:half]), bottoms[-1]


def _check_priors(locations: Tensor, boxes: Extent, priors: Tensor, each: int) -> str:
    """What is wrong where there are not 4 locations and a score of each class for every prior; "" if nothing.

    DetectionOutput refuses it (detection_output_layer.cpp).
    """
    known = priors.shape[2] // 4 if priors.rank > 2 else priors.size // 8
    located = locations.size // (locations.shape[0] * 4 * each)
    if differ(known, located):
        return f"{known} prior boxes, and locations of {located}"
    return f"{known} prior boxes, and scores of {boxes}" if differ(known, boxes) else ""


def _decoding(locations: Tensor) -> Work:
    """What every box costs before any is dropped: its centre moved, its sides scaled exponentially."""
    return Work(muls=locations.size, adds=locations.size, exps=locations.size // 2)


@rule("caffe.YoloDetectionOutput", "caffe.Yolov3DetectionOutput")
def yolo_detection_output(*bottoms: Tensor, **fields: Value) -> Facts:
    """Feature maps -> [1, 1, 1, 7] until the network has run; what suppression costs depends on the boxes."""
    return Facts((Tensor((1, 1, 1, 7)),), None, GLOBAL, is_detection=True)


@rule("caffe.DetectionEvaluate")
def detection_evaluate(detections: Tensor, truth: Tensor, *, num_classes: Value = None, **fields: Value) -> Facts:
    """Detections and ground truth -> [1, 1, num_classes, 5]; an evaluation, whose cost depends on the boxes."""
    return Facts((Tensor((1, 1, whole(num_classes, "num_classes", 1), 5)),), None, GLOBAL)


@rule("caffe.Region")
def region(x: Tensor) -> Facts:
    """[N, C, H, W] -> the same shape; which channels are squashed and which normalised varies (YOLOv2)."""
    return Facts((Tensor(x.shape),), None)


def _region_pool(x: Tensor, rois: Tensor, channels: Extent, height: int, width: int, work: Work | None) -> Facts:
    return Facts((Tensor((rois.shape[0], channels, height, width)),), work, GLOBAL)


@rule("caffe.ROIPooling", harmless=("spatial_scale", "pad_ratio"))
def roi_pooling(x: Tensor, rois: Tensor, *, pooled_h: Value = None, pooled_w: Value = None) -> Facts:
    """x [N, C, H, W], rois [R, 5] -> [R, C, pooled_h, pooled_w]; how much a bin compares depends on the boxes."""
    return _region_pool(x, rois, x.shape[1], whole(pooled_h, "pooled_h", 1), whole(pooled_w, "pooled_w", 1), None)


@rule("caffe.ROIAlign", harmless=("spatial_scale", "pad_ratio", "sampling_ratio"))
def roi_align(x: Tensor, rois: Tensor, *, pooled_h: Value = None, pooled_w: Value = None, message: Value = "") -> Facts:
    """x [N, C, H, W], rois [R, 5] -> [R, C, pooled_h, pooled_w]; with roi_pooling_param a grid of one more (MS-CNN)."""
    more = int(message == "roi_pooling_param")
    height, width = whole(pooled_h, "pooled_h", 1) + more, whole(pooled_w, "pooled_w", 1) + more
    return _region_pool(x, rois, x.shape[1], height, width, None)


@rule("caffe.PSROIPooling", harmless=("spatial_scale",))
def psroi_pooling(x: Tensor, rois: Tensor, *, output_dim: Value = None, group_size: Value = None) -> Facts:
    """x [N, output_dim g^2, H, W], rois [R, 5] -> [R, output_dim, g, g] (R-FCN)."""
    group = whole(group_size, "group_size", 1)
    return _region_pool(x, rois, whole(output_dim, "output_dim", 1), group, group, None)


@rule("caffe.ROIWarping", harmless=("spatial_scale",))
def roi_warping(x: Tensor, rois: Tensor, *, pooled_h: Value = None, pooled_w: Value = None) -> Facts:
    """x [N, C, H, W], rois [R, 5] -> [R, C, pooled_h, pooled_w], sampled bilinearly (MNC); boxes decide the cost."""
    return _region_pool(x, rois, x.shape[1], whole(pooled_h, "pooled_h", 1), whole(pooled_w, "pooled_w", 1), None)


@rule("caffe.MaskPooling")
def mask_pooling(x: Tensor, mask: Tensor) -> Facts:
    """x [R, C, H, W] times a mask [R, 1, H, W] -> the shape of x (MNC)."""
    return Facts((Tensor(x.shape),), Work(muls=x.size))


@rule("caffe.MaskResize")
def mask_resize(x: Tensor, *, output_height: Value = None, output_width: Value = None) -> Facts:
    """[R, C, H, W] -> [R, C, output_height, output_width], bilinearly (MNC)."""
    return resized(x, (*x.shape[:2], whole(output_height, "output_height", 1), whole(output_width, "output_width", 1)),
                   "linear")  # fmt: skip


def _boxes(kind: str, *widths: int) -> None:
    @rule(f"caffe.{kind}")
    def boxes(*bottoms: Tensor, outputs: int = 1, **fields: Value) -> Facts:
        count = rois()
        tops = tuple(Tensor((count, width, 1, 1)) for width in widths[:outputs])
        return Facts(tops, None, GLOBAL, is_detection=True)

    boxes.__doc__ = f"{kind}: R boxes of an image; how many survive, and so the cost, is known when it runs (MS-CNN)."


_boxes("BoxOutput", 5, 6)
_boxes("BoxGroupOutput", 5, 6)
_boxes("FrcnnOutput", 7)


@rule("caffe.Proposal", harmless=PROPOSAL)
def proposal(
    scores: Tensor,
    deltas: Tensor,
    *others: Tensor,
    base_size: Value = None,
    ratio: Value = (),
    scale: Value = (),
    feat_stride: Value = None,
    outputs: int = 1,
) -> Facts:
    """Scores and deltas of the boxes at each position -> the R that are kept of one image, and their scores.

    R is 1 before the network has run, and at most post_nms_topn. The blobs are [1, 1, 1, 5] and [1, 1, 1, 1] then, and
    lose the ones when it runs (https://github.com/sanghoon/caffe, proposal_layer.cpp).

    How many boxes survive, and so the cost, is known when it runs.
    """
    anchors = faster_rcnn_anchors(base_size, listed(ratio), listed(scale), feat_stride)
    count = rois()
    tops = (Tensor((count, 1, 1, 5)), Tensor((count, 1, 1, 1)))
    return Facts(tops[:outputs], None, GLOBAL, anchors=anchors, is_detection=True)


def faster_rcnn_anchors(base: Value, ratios: Sequence[float], scales: Sequence[float], stride: Value) -> Anchors:
    """A box of each ratio has the area of `base` squared, rounded to whole elements, and is then scaled.

    https://github.com/rbgirshick/py-faster-rcnn/blob/master/lib/rpn/generate_anchors.py
    """
    sizes: list[tuple[float, float]] = []
    for each in map(float, ratios if base else ()):
        width = round(sqrt(base**2 / each))
        sizes += [(width * float(factor), round(width * each) * float(factor)) for factor in scales]
    return Anchors(tuple(sizes), (float(stride),) * 2 if stride else None, operand=1)


@rule("caffe.DecodeBBox", harmless=("bbox_mean", "bbox_std"))
def decode_bbox(deltas: Tensor, boxes: Tensor, *others: Tensor) -> Facts:
    """Deltas applied to boxes -> as the boxes (Cascade R-CNN)."""
    return Facts((Tensor(boxes.shape),), _decoding(boxes), GLOBAL)


@rule("caffe.ScaleRoute", harmless=("high_scale", "low_scale"))
def scale_route(boxes: Tensor, *maps: Tensor, outputs: int = 1) -> Facts:
    """The R boxes whose size suits a level of the pyramid, and their maps (Cascade R-CNN)."""
    count = rois()
    tops = tuple(Tensor((count, *(maps[at] if at < len(maps) else boxes).shape[1:])) for at in range(outputs))
    return Facts(tops, None, GLOBAL)


@rule("caffe.ProposalTarget")
def proposal_target(
    boxes: Tensor,
    truth: Tensor,
    *,
    batch_size: Value = None,
    cls_num: Value = None,
    cls_aware: Value = None,
    outputs: int = 6,
) -> Facts:
    """Boxes sampled for training -> rois, labels, targets and two weights of them, matches, and weights of samples.

    B is batch_size, or every box if that is -1; targets are 4 for each class if cls_aware, else 8
    (https://github.com/zhaoweicai/cascade-rcnn, proposal_target_layer.cpp). The data decides the cost.
    """
    if cls_aware is None:
        raise Undecided("forks differ in whether targets are per class where cls_aware is not given")
    rows: Extent = whole(batch_size, "batch_size")
    rows = boxes.shape[0] if rows == -1 else rows
    targets = 4 * whole(cls_num, "cls_num", 1) if cls_aware else 8
    tops = tuple(Tensor((rows, width, 1, 1)) for width in (5, 1, targets, targets, targets, 6, 1))
    return Facts(tops[:outputs], None, GLOBAL)


@rule("caffe.BoxAnnotatorOHEM", harmless=("roi_per_img", "ignore_label"))
def box_annotator_ohem(
    rois: Tensor, scores: Tensor, losses: Tensor, labels: Tensor, *others: Tensor, outputs: int = 2
) -> Facts:
    """Labels [N, 1, H, W] and weights as the box targets, for the hardest examples (R-FCN)."""
    n, h, w = rois.shape[0], *(of_rank(losses.shape, 4, "the losses' blob")[2:] if losses.rank > 2 else (1, 1))
    targets = others[0] if others else labels
    return Facts((Tensor((n, 1, h, w)), Tensor((n, targets.shape[1], h, w)))[:outputs], None, GLOBAL)
