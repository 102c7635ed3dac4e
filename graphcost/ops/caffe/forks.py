"""Layers of Caffe's forks that stand in no family: binary networks, autoencoders, optical flow, detectors trained."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from ...dims import Undecided
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, STATISTICS, Facts, Work, rule
from ...shapes import of_rank
from .convolution import HARMLESS, convolution
from .fields import FILLERS, SIDES, WINDOW, Value, blob, choice, listed, sliding, whole
from .products import inner_product

ONCE = "as if its weights were made binary once, before it runs"

# --- binary networks (https://github.com/zhaoweicai/hwgq) ------------------------------------------------------


@rule("caffe.BinaryConvolution", fields=WINDOW + SIDES, harmless=HARMLESS)
def binary_convolution(
    *bottoms: Tensor,
    num_output: Value = None,
    group: Value = 1,
    bias_term: Value = True,
    axis: Value = 1,
    outputs: int = 1,
    **fields: Value,
) -> Facts:
    """A convolution with the sign of each weight, times the mean size of its filter's; blobs as Convolution's."""
    facts = convolution(
        *bottoms, num_output=num_output, group=group, bias_term=bias_term, axis=axis, outputs=outputs, **fields
    )
    return replace(facts, note=ONCE)


@rule("caffe.BinaryInnerProduct", harmless=FILLERS)
def binary_inner_product(
    x: Tensor, *, num_output: Value = None, bias_term: Value = True, axis: Value = 1, transpose: Value = False
) -> Facts:
    """An inner product with the sign of each weight, times the mean size of its row's; blobs as InnerProduct's."""
    facts = inner_product(x, num_output=num_output, bias_term=bias_term, axis=axis, transpose=transpose)
    return replace(facts, note=ONCE)


@rule("caffe.Quant", harmless=("backward_func", "clip_thr"))
def quant(x: Tensor, *, forward_func: Value = "", centers: Value = (), negative_slope: Value = 0) -> Facts:
    """Each element brought to one of a few levels -> the same shape.

    `hwgq` compares it with the middles between the centers, which may take all of them (quant_layer.cpp of HWGQ).
    """
    costs = {
        "sign": Work(compares=1),
        "hard_tanh": Work(compares=2),
        "relu": Work(compares=2, muls=1, adds=1),
        "hwgq": Work(compares=1 + len(listed(centers))),
    }
    each = costs.get(str(forward_func))
    return Facts((Tensor(x.shape),), None if each is None else each * x.size, elementwise=True)


# --- autoencoders (https://github.com/YutingZhang/caffe-recon-dec) ----------------------------------------------------


@rule("caffe.Depooling", fields=WINDOW, harmless=("engine",))
def depooling(x: Tensor, mask: Tensor | None = None, *, pool: Value = "MAX", **fields: Value) -> Facts:
    """[N, C, *spatial] -> the inverse of Pooling, each extent stride (i - 1) + k - 2 pad.

    Maxima go where a mask says; an average is spread over its window (depooling_layer.cpp).
    """
    window = sliding(fields, x.rank - 2)
    sides = zip(x.shape[2:], window.kernel, window.stride, window.before, strict=True)
    y = Tensor((*x.shape[:2], *[stride * (size - 1) + kernel - 2 * pad for size, kernel, stride, pad in sides]))
    spread = choice(pool, "MAX", "AVE") == "AVE"
    return Facts((y,), Work(divs=1, adds=prod(window.kernel)) * x.size if spread else NO_WORK, GLOBAL)


@rule("caffe.SafeInv")
def safe_inverse(x: Tensor) -> Facts:
    """1 / x, and 0 where x is 0 -> the same shape."""
    return Facts((Tensor(x.shape),), Work(compares=1, divs=1) * x.size, elementwise=True)


# --- FlowNet and FlowNet2 (https://github.com/lmb-freiburg/flownet2) --------------------------------------------------


@rule("caffe.DataAugmentation")
def data_augmentation(
    x: Tensor,
    coefficients: Tensor | None = None,
    *,
    crop_height: Value = None,
    crop_width: Value = None,
    recompute_mean: Value = 0,
    outputs: int = 1,
    **fields: Value,
) -> Facts:
    """[N, C, H, W] -> [N, C, *crop], changed in ways that the fields and chance decide, and with what coefficients.

    Blobs: the number of runs, and with recompute_mean a mean of each element and of each channel
    (data_augmentation_layer.cpp). What it costs is not stated.
    """
    if (crop_height is None) != (crop_width is None):
        raise Undecided("crop_height and crop_width are given together or not at all")
    sides = x.shape[2:]
    if crop_height is not None:
        sides = (whole(crop_height, "crop_height", 1), whole(crop_width, "crop_width", 1))
    y = Tensor((*x.shape[:2], *sides))
    weights = (blob(1, 1, 1, 1), blob(1, *y.shape[1:]), blob(1, y.shape[1], 1, 1))
    tops = (y,) if coefficients is None else (y, Tensor(coefficients.shape))
    blobs = weights if recompute_mean else weights[:1]
    return Facts(tops[:outputs], None, GLOBAL, blobs, weight_classes=(STATISTICS,) * len(blobs))


@rule("caffe.FlowAugmentation")
def flow_augmentation(
    flow: Tensor, first: Tensor, second: Tensor, *, crop_height: Value = None, crop_width: Value = None, **fields: Value
) -> Facts:
    """A flow [N, 2, H, W] as it is between two augmented images -> [N, 2, *crop]; its cost is not stated."""
    sides = whole(crop_height, "crop_height", 1), whole(crop_width, "crop_width", 1)
    return Facts((Tensor((*flow.shape[:2], *sides)),), None, GLOBAL)


# --- a conditional random field as a recurrent network (https://github.com/torrvision/crfasrnn) -----------------------


@rule("caffe.MultiStageMeanfield", "caffe.MULTI_STAGE_MEANFIELD")
def mean_field(unary: Tensor, softmax: Tensor, image: Tensor, **fields: Value) -> Facts:
    """Scores [N, C, H, W], twice, and the image -> scores of the same shape; what filtering costs, the image decides.

    Blobs: weights of the spatial and of the bilateral filter, and how classes go together, [1, 1, C, C] each
    (multi_stage_meanfield.cpp).
    """
    classes = unary.shape[1]
    return Facts((Tensor(unary.shape),), None, GLOBAL, (blob(1, 1, classes, classes),) * 3)


# --- training of Faster R-CNN in C++ (anchor_target_layer.cpp, as that in Python) -------------------------------------


@rule("caffe.AnchorTarget", harmless=("base_size", "feat_stride"))
def anchor_target(scores: Tensor, *others: Tensor, ratio: Value = (), scale: Value = (), outputs: int = 4) -> Facts:
    """Scores [N, C, H, W] of A anchors, one for each ratio and scale -> labels [1, 1, A H, W]; targets, and two weights
    of them, [1, 4A, H, W]. The data decides the cost.
    """
    anchors = len(listed(ratio)) * len(listed(scale))
    if not anchors:
        raise Undecided("how many anchors there are is not in the file")
    height, width = of_rank(scores.shape, 4, "the scores' blob")[2:]
    target = Tensor((1, 4 * anchors, height, width))
    return Facts((Tensor((1, 1, anchors * height, width)), target, target, target)[:outputs], None, GLOBAL)
