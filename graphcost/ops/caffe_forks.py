"""Layers that Caffe's forks added: SSD, Faster R-CNN, YOLO, SegNet, C3D, DenseNet, mobile networks.

The same type name can mean different things in different forks; they are told apart by their parameters. A type whose
source says nothing of its shapes has no rule here. Detection layers have the shapes that net initialisation gives
them: how many boxes come out is only known when the network runs.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor, prod
from typing import Any

from ..dims import Extent, ceil_div, minimum
from ..graph import Shape, Tensor, UnknownShape
from ..rules import GLOBAL, NO_WORK, Facts, Window, Work, rule
from ..shapes import broadcast
from . import movement, windowed
from .caffe import LSTM_UNIT, Value, blob, choice, convolve, listed, pooled, spatial, whole
from .detection import suppression
from .pointwise import ACTIVATIONS, binary, unary
from .resize import INTERPOLATION, resized

# --- elementwise -----------------------------------------------------------------------------------------------------


def _same(kind: str, work: Work) -> None:
    @rule(f"caffe.{kind}")
    def elementwise(x: Tensor) -> Facts:
        return unary(x, work)

    elementwise.__doc__ = f"{kind}: [*any] -> the same shape."


for _kind, _work in {
    "ReLU6": ACTIVATIONS["Clip"],
    "HardSwish": ACTIVATIONS["HardSwish"],
    "HardSigmoid": ACTIVATIONS["HardSigmoid"],
    "SeLu": ACTIVATIONS["Selu"],
    "Mish": ACTIVATIONS["Mish"],
    "ShuffleChannel": NO_WORK,
    "Reverse": NO_WORK,
    "Flip": NO_WORK,
}.items():
    _same(_kind, _work)


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
    return Facts((x,), total)


# --- convolution and pooling -----------------------------------------------------------------------------------------


@rule("caffe.ConvolutionDepthwise")
def convolution_depthwise(
    x: Tensor,
    *,
    num_output: Value = None,
    kernel_size: Value = None,
    kernel_h: Value = None,
    kernel_w: Value = None,
    pad: Value = None,
    pad_h: Value = None,
    pad_w: Value = None,
    stride: Value = None,
    stride_h: Value = None,
    stride_w: Value = None,
    dilation: Value = None,
    bias_term: Value = True,
) -> Facts:
    """A convolution with a group for each channel; W [C, 1, kh, kw]."""
    axes = x.rank - 2
    channels = x.shape[1]
    return convolve(
        [x],
        num_output if num_output is not None else channels,
        spatial(axes, kernel_size, kernel_h, kernel_w, None, "kernel_size"),
        spatial(axes, pad, pad_h, pad_w, 0, "pad") * 2,
        spatial(axes, stride, stride_h, stride_w, 1, "stride"),
        spatial(axes, dilation, None, None, 1, "dilation"),
        whole(channels, "channels"),
        bool(bias_term),
    )


@rule("caffe.Convolution3D", "caffe.CONVOLUTION3D")
def convolution_3d(
    x: Tensor,
    *,
    num_output: Value = None,
    kernel_size: Value = None,
    kernel_depth: Value = 1,
    pad: Value = 0,
    temporal_pad: Value = 0,
    stride: Value = 1,
    temporal_stride: Value = 1,
    group: Value = 1,
    filter_group: Value = 1,
    bias_term: Value = True,
) -> Facts:
    """[N, C, L, H, W] -> [N, num_output, L, H, W]: one kernel for both sides, another in time (C3D)."""
    k, p, s = whole(kernel_size, "kernel_size", 1), whole(pad, "pad"), whole(stride, "stride")
    time = (whole(kernel_depth, "kernel_depth", 1), whole(temporal_pad, "temporal_pad"))
    return convolve(
        [x],
        num_output,
        (time[0], k, k),
        (time[1], p, p) * 2,
        (whole(temporal_stride, "temporal_stride"), s, s),
        (1, 1, 1),
        whole(group, "group"),
        bool(bias_term),
    )


@rule("caffe.Deconvolution3D", "caffe.DECONVOLUTION3D")
def deconvolution_3d(
    x: Tensor,
    *,
    num_output: Value = None,
    kernel_size: Value = None,
    kernel_depth: Value = 1,
    pad: Value = 0,
    temporal_pad: Value = 0,
    stride: Value = 1,
    temporal_stride: Value = 1,
    bias_term: Value = True,
) -> Facts:
    """[N, C, L, H, W] -> [N, num_output, L, H, W], the transpose of Convolution3D (C3D)."""
    filters, k = whole(num_output, "num_output", 1), whole(kernel_size, "kernel_size", 1)
    w, b = blob(x.shape[1], filters, whole(kernel_depth, "kernel_depth", 1), k, k), blob(filters)
    p, s = whole(pad, "pad"), whole(stride, "stride")
    facts = windowed.conv_transpose(
        x,
        w,
        b if bias_term else None,
        strides=(whole(temporal_stride, "temporal_stride"), s, s),
        pads=(whole(temporal_pad, "temporal_pad"), p, p) * 2,
    )
    return Facts(facts.outputs, facts.work, facts.window, (w, b) if bias_term else (w,))


@rule("caffe.Pooling3D", "caffe.POOLING3D")
def pooling_3d(
    x: Tensor,
    *,
    pool: Value = "MAX",
    kernel_size: Value = None,
    kernel_depth: Value = 1,
    pad: Value = 0,
    temporal_pad: Value = 0,
    stride: Value = 1,
    temporal_stride: Value = 1,
) -> Facts:
    """[N, C, L, H, W] pooled in time and space; extents are rounded up, and no window is dropped (C3D)."""
    k, p, s = whole(kernel_size, "kernel_size", 1), whole(pad, "pad"), whole(stride, "stride")
    kernel = (whole(kernel_depth, "kernel_depth", 1), k, k)
    pads = (whole(temporal_pad, "temporal_pad"), p, p)
    strides = (whole(temporal_stride, "temporal_stride"), s, s)
    fields = zip(x.shape[2:], kernel, strides, pads, strict=True)
    extents = [pooled(size, k, s, p, p, 1, True, False) for size, k, s, p in fields]
    y = Tensor((*x.shape[:2], *extents))
    kind = "MAX" if choice(pool, "MAX", "AVE", "STOCHASTIC") == "MAX" else "AVE"
    return Facts((y,), windowed.pool_work(y, prod(kernel), kind), Window(kernel, strides, pads, (1, 1, 1)))


@rule("caffe.DenseBlock")
def dense_block(x: Tensor, *, numTransition: Value = 40, initChannel: Value = 16, growthRate: Value = 12) -> Facts:
    """[N, initChannel, H, W] -> [N, initChannel + numTransition * growthRate, H, W]; what it does inside varies."""
    channels = whole(initChannel, "initChannel") + whole(numTransition, "numTransition") * whole(
        growthRate, "growthRate"
    )
    return Facts((Tensor((x.shape[0], channels, *x.shape[2:])),), None, GLOBAL)


@rule("caffe.Correlation")
def correlation(
    a: Tensor,
    b: Tensor,
    *,
    pad: Value = 0,
    kernel_size: Value = None,
    max_displacement: Value = None,
    stride_1: Value = 1,
    stride_2: Value = 1,
) -> Facts:
    """Two [N, C, H, W] -> [N, (2 floor(d / s2) + 1)^2, H', W']: patches compared over displacements (FlowNet)."""
    k, d = whole(kernel_size, "kernel_size", 1), whole(max_displacement, "max_displacement")
    border, p, step = d + (k - 1) // 2, whole(pad, "pad"), whole(stride_1, "stride_1", 1)
    side = 2 * (d // whole(stride_2, "stride_2", 1)) + 1
    extents = [ceil_div(size + 2 * p - 2 * border, step) for size in a.shape[2:]]
    y = Tensor((a.shape[0], side * side, *extents))
    return Facts((y,), Work(macs=y.size * k * k * a.shape[1], divs=y.size), GLOBAL)


# --- normalisation ---------------------------------------------------------------------------------------------------


@rule("caffe.Normalize")
def normalize(
    x: Tensor,
    *,
    across_spatial: Value = True,
    channel_shared: Value = None,
    scale_filler: Value = None,
    outputs: int = 1,
) -> Facts:
    """[N, C, H, W] -> the same shape, divided by its L2 norm and scaled; blob C, or 1 if channel_shared (SSD).

    Without SSD's parameters it is the face networks' layer, which has no blob; that one's second top is the norm.
    """
    groups = x.shape[0] if across_spatial else x.size // x.shape[1]
    scaled = channel_shared is not None or scale_filler is not None
    work = Work(muls=x.size * (2 if scaled else 1), adds=x.size, divs=x.size, exps=groups)
    weights = (blob(1 if channel_shared in (None, True, 1) else x.shape[1]),) if scaled else ()
    norm = Tensor((x.shape[0], 1, *x.shape[2:]))
    return Facts((Tensor(x.shape), norm)[:outputs], work, GLOBAL if across_spatial else Window((), (), (), ()), weights)


@rule("caffe.BN")
def bn(
    x: Tensor,
    *,
    bn_mode: Value = None,
    scale_filler: Value = None,
    slope_filler: Value = None,
    frozen: Value = None,
    momentum: Value = None,
) -> Facts:
    """[N, C, ...] -> the same shape; two blobs [1, C, 1, 1] in SegNet and ENet, four in the others."""
    two = (
        slope_filler is None
        and frozen is None
        and momentum is None
        and (bn_mode is not None or scale_filler is not None)
    )
    channels = x.shape[1]
    work = Work(muls=x.size, adds=x.size) + Work(adds=2, muls=1, divs=1, exps=1) * channels
    return Facts((Tensor(x.shape),), work, weights=(blob(1, channels, 1, 1),) * (2 if two else 4))


@rule("caffe.ChannelNorm")
def channel_norm(x: Tensor) -> Facts:
    """[N, C, H, W] -> [N, 1, H, W], the L2 norm over channels (FlowNet2)."""
    y = Tensor((x.shape[0], 1, *x.shape[2:]))
    return Facts((y,), Work(muls=x.size, adds=x.size, exps=y.size))


# --- resolution ------------------------------------------------------------------------------------------------------


@rule("caffe.Interp")
def interp(
    x: Tensor,
    reference: Tensor | None = None,
    *,
    height: Value = None,
    width: Value = None,
    zoom_factor: Value = None,
    shrink_factor: Value = None,
    pad_beg: Value = 0,
    pad_end: Value = 0,
) -> Facts:
    """Bilinear to a given size, or each extent e, pads added: (e - 1) / shrink + 1, then e + (e - 1)(zoom - 1)."""
    extents: list[Extent] = []
    for axis, size in enumerate(x.shape[2:]):
        given = (height, width)[axis] if axis < 2 else None
        e = size + whole(pad_beg, "pad_beg") + whole(pad_end, "pad_end")
        if given is not None:
            e = whole(given, "height, width", 1)
        elif shrink_factor is not None or zoom_factor is not None:
            e = (e - 1) // whole(shrink_factor if shrink_factor is not None else 1, "shrink_factor", 1) + 1
            e = e + (e - 1) * (whole(zoom_factor if zoom_factor is not None else 1, "zoom_factor", 1) - 1)
        elif reference is not None:
            e = reference.shape[2 + axis]
        extents.append(e)
    return resized(x, (*x.shape[:2], *extents), "linear")


@rule("caffe.Upsample")
def upsample(
    x: Tensor,
    mask: Tensor | None = None,
    *,
    scale: Value = 2,
    stride: Value = None,
    upsample_h: Value = None,
    upsample_w: Value = None,
    pad_out_h: Value = 0,
    pad_out_w: Value = 0,
) -> Facts:
    """SegNet's puts maxima back where the mask says, to a given size or 2i - pad_out; YOLO's repeats elements."""
    factor = whole(scale if stride is None else stride, "scale", 1)
    if mask is None and upsample_h is None:
        return resized(x, (*x.shape[:2], *[size * factor for size in x.shape[2:]]), "nearest")
    given, cut = (upsample_h, upsample_w), (pad_out_h, pad_out_w)
    extents = [
        size * factor - int(less) if wanted is None else whole(wanted, "upsample_h, upsample_w", 1)
        for size, wanted, less in zip(x.shape[2:], given, cut, strict=True)
    ]
    return Facts((Tensor((*x.shape[:2], *extents)),), NO_WORK, GLOBAL)


@rule("caffe.UpsampleDarknet")
def upsample_darknet(x: Tensor, *, stride: Value = 2) -> Facts:
    """The last two axes times `stride`, elements repeated."""
    return upsample(x, stride=stride)


@rule("caffe.Reorg")
def reorg(x: Tensor, *, stride: Value = 2, reverse: Value = False) -> Facts:
    """[N, C, H, W] -> [N, C s^2, H/s, W/s], or back with `reverse` (YOLOv2)."""
    s = whole(stride, "stride", 1)
    return movement.depth_to_space(x, blocksize=s) if reverse else movement.space_to_depth(x, blocksize=s)


@rule("caffe.DepthToSpace")
def depth_to_space(x: Tensor, *, block_size: Value = None, data_format: Value = "NHWC") -> Facts:
    """Channels / b^2, height and width times b; channels last unless data_format is NCHW."""
    b = whole(block_size, "block_size", 1)
    if data_format == "NCHW":
        return movement.depth_to_space(x, blocksize=b)
    n, h, w, c = x.shape
    return Facts((Tensor((n, h * b, w * b, c // (b * b))),), NO_WORK, GLOBAL)


def _resize(kind: str, mode: str) -> None:
    @rule(f"caffe.{kind}")
    def resize(
        x: Tensor,
        *,
        output_height: Value = 0,
        output_width: Value = 0,
        scale_height: Value = None,
        scale_width: Value = None,
        data_format: Value = "NHWC",
    ) -> Facts:
        first = 2 if data_format == "NCHW" else 1
        shape = list(x.shape)
        given = ((output_height, scale_height), (output_width, scale_width))
        for axis, (size, factor) in enumerate(given, first):
            shape[axis] = whole(size, "output_height, output_width") if size else _times(shape[axis], factor)
        return resized(x, shape, mode)

    resize.__doc__ = f"{kind}: height and width to a size, or times a scale; channels last unless data_format is NCHW."


def _times(size: Extent, factor: Value) -> Extent:
    """floor(size * factor)."""
    if factor is None:
        raise ValueError("neither an output size nor a scale is given")
    return floor(size * factor) if isinstance(size, int) else size * whole(int(factor), "scale")


_resize("ResizeBilinear", "linear")
_resize("ResizeNearestNeighbor", "nearest")


@rule("caffe.UNPOOLING", "caffe.Unpooling")
def unpooling(x: Tensor, mask: Tensor | None = None, *, unpool_size: Value = None, kernel_size: Value = None,
              stride: Value = None, pad: Value = 0) -> Facts:  # fmt: skip
    """Maxima put back where a mask says: to `unpool_size`, else stride (i - 1) + kernel - 2 pad (DeconvNet)."""
    if unpool_size is not None:
        side: Any = whole(unpool_size, "unpool_size", 1)
        return Facts((Tensor((*x.shape[:2], side, side)),), NO_WORK, GLOBAL)
    k, s, p = whole(kernel_size, "kernel_size", 1), whole(stride, "stride", 1), whole(pad, "pad")
    return Facts((Tensor((*x.shape[:2], *[s * (e - 1) + k - 2 * p for e in x.shape[2:]])),), NO_WORK, GLOBAL)


# --- movement --------------------------------------------------------------------------------------------------------


@rule("caffe.Permute", "caffe.Transpose")
def permute(x: Tensor, *, order: Value = (), dim: Value = ()) -> Facts:
    """Axes in another order; those that it does not name follow."""
    given = [whole(axis, "order") for axis in listed(order or dim or ())]
    rest = [axis for axis in range(x.rank) if axis not in given]
    facts = movement.transpose(x, perm=(*given, *rest))
    return Facts(facts.outputs, facts.work, facts.window)


@rule("caffe.Squeeze")
def squeeze(x: Tensor, *, axis: Value = None) -> Facts:
    """The given axes of extent 1 go, or all of them."""
    return movement.squeeze(x, axes=tuple(whole(a, "axis") for a in listed(axis)) or None)


@rule("caffe.Pad")
def pad(x: Tensor, *, paddings: Value = ()) -> Facts:
    """Each axis i grows by paddings[2i] + paddings[2i + 1]."""
    amounts = [whole(amount, "paddings") for amount in listed(paddings)]
    return movement.pad(x, pads=(*amounts[::2], *amounts[1::2]))


@rule("caffe.SpaceToBatchND")
def space_to_batch_nd(x: Tensor, *, block_shape: Value = (), paddings: Value = ()) -> Facts:
    """The batch times the blocks; each axis from 1 on, padded, divided by its block (TensorFlow)."""
    blocks = [whole(b, "block_shape", 1) for b in listed(block_shape)]
    pads = [whole(p, "paddings") for p in listed(paddings)]
    shape = list(x.shape)
    for axis, block in enumerate(blocks, 1):
        shape[axis] = (shape[axis] + pads[2 * axis - 2] + pads[2 * axis - 1]) // block
    return Facts((Tensor((shape[0] * prod(blocks), *shape[1:])),), NO_WORK, GLOBAL)


@rule("caffe.BatchToSpaceND")
def batch_to_space_nd(x: Tensor, *, block_shape: Value = (), crops: Value = ()) -> Facts:
    """The batch divided by the blocks; each axis from 1 on times its block, less its crops (TensorFlow)."""
    blocks = [whole(b, "block_shape", 1) for b in listed(block_shape)]
    cuts = [whole(c, "crops") for c in listed(crops)] or [0] * (2 * len(blocks))
    shape = list(x.shape)
    for axis, block in enumerate(blocks, 1):
        shape[axis] = shape[axis] * block - cuts[2 * axis - 2] - cuts[2 * axis - 1]
    return Facts((Tensor((shape[0] // prod(blocks), *shape[1:])),), NO_WORK, GLOBAL)


@rule("caffe.CROP")
def crop_v1(x: Tensor, reference: Tensor) -> Facts:
    """Height and width of the second bottom (the FCN branch's layer, before Crop); where it cuts is not stated."""
    y = Tensor((*x.shape[:2], *reference.shape[2:]))
    return Facts((y,), NO_WORK, GLOBAL, reads=(y.size, 0))


@rule("caffe.MergeCrop")
def merge_crop(x: Tensor, other: Tensor, *, operation: Value = None) -> Facts:
    """The second bottom cut to the first's extents and joined to its channels, or added to them (Greentea)."""
    if operation is not None and choice(operation, "STACK", "ADD") == "ADD":
        return unary(x, Work(adds=1))
    return Facts((Tensor((x.shape[0], x.shape[1] + other.shape[1], *x.shape[2:])),), NO_WORK, GLOBAL)


@rule("caffe.Affinity")
def affinity(x: Tensor, *others: Tensor, outputs: int = 1) -> Facts:
    """[N, C, H, W] -> [1, 2, H, W]; its cost is not stated (Greentea)."""
    return Facts((Tensor((1, 2, *x.shape[2:])),) * outputs, None, GLOBAL)


@rule("caffe.FlowWarp")
def flow_warp(x: Tensor, flow: Tensor) -> Facts:
    """[N, C, H, W] sampled along a flow [N, 2, H, W] -> the same shape (FlowNet2)."""
    return Facts((Tensor(x.shape),), INTERPOLATION["linear"] * (2 * x.size), GLOBAL)


# --- recurrent -------------------------------------------------------------------------------------------------------


@rule("caffe.Lstm")
def lstm(x: Tensor, *, num_output: Value = None) -> Facts:
    """[T, N, I] -> [T, N, H]; blobs W_x [4H, I], W_h [4H, H], b [4H]."""
    hidden = whole(num_output, "num_output", 1)
    if x.rank < 3:
        raise UnknownShape("how many steps the rows of a matrix are is not stated in the file")
    states, depth = x.shape[0] * x.shape[1] * hidden, prod(x.shape[2:])
    work = Work(macs=states * 4 * (depth + hidden)) + (LSTM_UNIT + Work(adds=8)) * states
    weights = (blob(4 * hidden, depth), blob(4 * hidden, hidden), blob(4 * hidden))
    return Facts((Tensor((x.shape[0], x.shape[1], hidden)),), work, GLOBAL, weights)


@rule("caffe.CTCGreedyDecoder")
def ctc_greedy_decoder(x: Tensor, *others: Tensor, outputs: int = 1) -> Facts:
    """[T, N, C] -> [N, T, 1, 1] labels, and [N, 1, 1, 1] scores."""
    steps, batch = x.shape[0], x.shape[1]
    return Facts((Tensor((batch, steps, 1, 1)), Tensor((batch, 1, 1, 1)))[:outputs], Work(compares=x.size), GLOBAL)


# --- detection -------------------------------------------------------------------------------------------------------


@rule("caffe.PriorBox")
def prior_box(
    x: Tensor,
    image: Tensor,
    *,
    min_size: Value = (),
    max_size: Value = (),
    aspect_ratio: Value = (),
    flip: Value = True,
    width: Value = (),
) -> Facts:
    """[N, C, H, W] -> [1, 2, H W n 4]: n boxes at each position, and their variances (SSD, prior_box_layer.cpp).

    n is the ratios (1, each new one, and its inverse with flip) for each min_size, and one more for each max_size;
    FaceBoxes' three min_sizes alone are densified to 16 + 4 + 1, and a clustered layer has one box per width.
    """
    least, most = listed(min_size), listed(max_size)
    ratios = [1.0]
    for ratio in map(float, listed(aspect_ratio)):
        for each in (ratio, 1 / ratio) if flip else (ratio,):
            if all(abs(each - known) >= 1e-6 for known in ratios):
                ratios.append(each)
    boxes = len(listed(width)) or len(ratios) * len(least) + len(most)
    if len(least) == 3 and not most and len(ratios) == 1:
        boxes = 16 + 4 + 1
    if not boxes:
        raise ValueError("no min_size, so there are no boxes")
    y = Tensor((1, 2, x.shape[2] * x.shape[3] * boxes * 4))
    return Facts((y,), Work(adds=y.size // 2, muls=y.size // 2), GLOBAL, reads=(0, 0))


@rule("caffe.PriorBoxClustered")
def prior_box_clustered(x: Tensor, image: Tensor, *, width: Value = ()) -> Facts:
    """[N, C, H, W] -> [1, 2, H W n 4], n the number of widths (OpenVINO)."""
    return prior_box(x, image, width=width)


@rule("caffe.DetectionOutput")
def detection_output(
    locations: Tensor, scores: Tensor, priors: Tensor, *others: Tensor, num_classes: Value = 21, nms_param: Value = ()
) -> Facts:
    """Locations [N, 4P], scores [N, classes P], priors [1, 2, 4P] -> [1, 1, 1, 7] until the network has run.

    What is counted is the most it can take: every box decoded, every score held against the threshold, and in each
    class the top_k best boxes compared pair by pair (detection_output_layer.cpp).
    """
    classes = whole(num_classes, "num_classes", 1)
    best = dict(nms_param).get("top_k", -1) if nms_param else -1
    boxes = scores.size // (scores.shape[0] * classes)
    kept = minimum(boxes, whole(best, "top_k")) if best != -1 else boxes
    work = _decoding(locations) + Work(compares=scores.size) + suppression(kept) * (scores.shape[0] * classes)
    return Facts((Tensor((1, 1, 1, 7)),), work, GLOBAL)


def _decoding(locations: Tensor) -> Work:
    """What every box costs before any is dropped: its centre moved, its sides scaled exponentially."""
    return Work(muls=locations.size, adds=locations.size, exps=locations.size // 2)


@rule("caffe.YoloDetectionOutput", "caffe.Yolov3DetectionOutput")
def yolo_detection_output(*bottoms: Tensor) -> Facts:
    """Feature maps -> [1, 1, 1, 7] until the network has run; what suppression costs depends on the boxes."""
    return Facts((Tensor((1, 1, 1, 7)),), ACTIVATIONS["Sigmoid"] * sum((x.size for x in bottoms), 0), GLOBAL)


@rule("caffe.DetectionEvaluate")
def detection_evaluate(detections: Tensor, truth: Tensor, *, num_classes: Value = None) -> Facts:
    """Detections and ground truth -> [1, 1, num_classes, 5]; an evaluation, whose cost depends on the boxes."""
    return Facts((Tensor((1, 1, whole(num_classes, "num_classes", 1), 5)),), None, GLOBAL)


@rule("caffe.Region")
def region(x: Tensor) -> Facts:
    """[N, C, H, W] -> the same shape with coordinates and scores squashed (YOLOv2)."""
    return unary(x, ACTIVATIONS["Sigmoid"])


def _region_pool(x: Tensor, rois: Tensor, channels: Extent, height: int, width: int, work: Work | None) -> Facts:
    return Facts((Tensor((rois.shape[0], channels, height, width)),), work, GLOBAL)


@rule("caffe.ROIPooling")
def roi_pooling(x: Tensor, rois: Tensor, *, pooled_h: Value = None, pooled_w: Value = None) -> Facts:
    """x [N, C, H, W], rois [R, 5] -> [R, C, pooled_h, pooled_w]; how much a bin compares depends on the boxes."""
    return _region_pool(x, rois, x.shape[1], whole(pooled_h, "pooled_h", 1), whole(pooled_w, "pooled_w", 1), None)


@rule("caffe.ROIAlign")
def roi_align(x: Tensor, rois: Tensor, *, pooled_h: Value = None, pooled_w: Value = None, message: Value = "") -> Facts:
    """x [N, C, H, W], rois [R, 5] -> [R, C, pooled_h, pooled_w]; with roi_pooling_param a grid of one more (MS-CNN)."""
    more = int(message == "roi_pooling_param")
    height, width = whole(pooled_h, "pooled_h", 1) + more, whole(pooled_w, "pooled_w", 1) + more
    return _region_pool(x, rois, x.shape[1], height, width, None)


@rule("caffe.PSROIPooling")
def psroi_pooling(x: Tensor, rois: Tensor, *, output_dim: Value = None, group_size: Value = None) -> Facts:
    """x [N, output_dim g^2, H, W], rois [R, 5] -> [R, output_dim, g, g] (R-FCN)."""
    group = whole(group_size, "group_size", 1)
    return _region_pool(x, rois, whole(output_dim, "output_dim", 1), group, group, None)


def _boxes(kind: str, *shapes: Shape) -> None:
    @rule(f"caffe.{kind}")
    def boxes(*bottoms: Tensor, outputs: int = 1) -> Facts:
        return Facts(tuple(Tensor(shape) for shape in shapes[:outputs]), None, GLOBAL)

    boxes.__doc__ = f"{kind}: boxes for one image; how many survive, and so the cost, is known when it runs."


_boxes("Proposal", (1, 1, 1, 5), (1, 1, 1, 1))
_boxes("BoxOutput", (1, 5, 1, 1), (1, 6, 1, 1))
_boxes("BoxGroupOutput", (1, 5, 1, 1), (1, 6, 1, 1))
_boxes("FrcnnOutput", (1, 7, 1, 1))


@rule("caffe.DecodeBBox")
def decode_bbox(deltas: Tensor, boxes: Tensor, *others: Tensor) -> Facts:
    """Deltas applied to boxes -> as the boxes (Cascade R-CNN)."""
    return Facts((Tensor(boxes.shape),), _decoding(boxes), GLOBAL)


@rule("caffe.ScaleRoute")
def scale_route(boxes: Tensor, *maps: Tensor, outputs: int = 1) -> Facts:
    """The boxes whose size suits a level of the pyramid -> [1, ...] until the network has run (Cascade R-CNN)."""
    tops = tuple(Tensor((1, *(maps[at] if at < len(maps) else boxes).shape[1:])) for at in range(outputs))
    return Facts(tops, Work(compares=boxes.size), GLOBAL)


@rule("caffe.BoxAnnotatorOHEM")
def box_annotator_ohem(
    rois: Tensor, scores: Tensor, losses: Tensor, labels: Tensor, *others: Tensor, outputs: int = 2
) -> Facts:
    """Labels [N, 1, H, W] and weights as the box targets, for the hardest examples (R-FCN)."""
    n, h, w = rois.shape[0], *(tuple(losses.shape[2:]) or (1, 1))
    targets = others[0] if others else labels
    return Facts((Tensor((n, 1, h, w)), Tensor((n, targets.shape[1], h, w)))[:outputs], None, GLOBAL)


PYTHON: dict[str, Callable[..., Facts]] = {
    # py-faster-rcnn, lib/rpn/proposal_layer.py, and SSH after it
    "proposal_layer.ProposalLayer": lambda *x: Facts((Tensor((1, 5)), Tensor((1, 1, 1, 1))), None, GLOBAL),
    "text_proposal_layer.ProposalLayer": lambda *x: Facts((Tensor((1, 4)), Tensor((1, 1, 1, 1))), None, GLOBAL),  # CTPN
    "spatial_dropout.SpatialDropoutLayer": lambda x: Facts((Tensor(x.shape),), NO_WORK),  # ENet
    "eltwise.Eltwise": lambda *x: Facts((Tensor(broadcast(*(each.shape for each in x))),), None),  # synopsys-caffe
}
"""Published layers that are written in Python, by the file and the class."""


@rule("caffe.Python")
def python(*bottoms: Tensor, module: Value = "", layer: Value = "", outputs: int = 1) -> Facts:
    """A layer written in Python: known only for published ones, by their module and class."""
    if (published := PYTHON.get(f"{str(module).rpartition('.')[2]}.{layer}")) is None:
        raise UnknownShape(f"what the Python layer {module}.{layer} does is not in the file")
    facts = published(*bottoms)
    return Facts(facts.outputs[:outputs], facts.work, facts.window)


def _loss(kind: str) -> None:
    @rule(f"caffe.{kind}")
    def loss(*bottoms: Tensor, outputs: int = 1) -> Facts:
        each = Tensor((bottoms[0].shape[0], 1, *bottoms[0].shape[2:]))  # the loss of each position, in R-FCN's
        return Facts((Tensor(()), *[each] * (outputs - 1)), None, GLOBAL)

    loss.__doc__ = f"{kind}: a scalar; a loss for training, whose cost is not stated."


for _kind in ("SmoothL1Loss", "MultiBoxLoss", "WarpCTCLoss", "RegionLoss", "FocalLoss", "CenterLoss", "YoloV3Loss"):
    _loss(_kind)
