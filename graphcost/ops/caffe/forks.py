"""Layers that Caffe's forks added: those of SegNet, C3D, FlowNet, SENet, mobile and recurrent networks.

The same type name can mean different things in different forks; they are told apart by their parameters. A type whose
source says nothing of its shapes has no rule. Layers that find boxes are in caffe_detection.py, those that change
the resolution in caffe_resize.py.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from ...dims import ceil_div
from ...graph import Tensor, UnknownShape
from ...rules import GLOBAL, NO_WORK, POINTWISE, Facts, Window, Work, rule
from ...shapes import broadcast
from .. import movement, windowed
from ..pointwise import ACTIVATIONS, binary, unary
from ..resize import INTERPOLATION
from .bvlc import LSTM_UNIT, Value, blob, choice, convolve, listed, pooled, spatial, whole

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
}.items():
    _same(_kind, _work)


@rule("caffe.ShuffleChannel")
def shuffle_channel(x: Tensor) -> Facts:
    """[N, C, ...] -> the same maps in another order."""
    return Facts((Tensor(x.shape, x.dtype),), NO_WORK)


@rule("caffe.Reverse", "caffe.Flip")
def reversed_(x: Tensor) -> Facts:
    """[*any] -> the same elements in another order, which moves positions."""
    return Facts((Tensor(x.shape, x.dtype),), NO_WORK, GLOBAL)


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


@rule("caffe.DeformableConvolution")
def deformable_convolution(
    x: Tensor,
    offset: Tensor,
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
    group: Value = 1,
    bias_term: Value = True,
) -> Facts:
    """A convolution whose taps the second bottom moves; blobs as Convolution's (https://arxiv.org/abs/1703.06211)."""
    axes, groups = x.rank - 2, whole(group, "group", 1)
    kernel = spatial(axes, kernel_size, kernel_h, kernel_w, None, "kernel_size")
    filters = whole(num_output, "num_output", 1)
    w, b = blob(filters, x.shape[1] // groups, *kernel), blob(filters) if bias_term else None
    facts = windowed.deform_conv(
        x,
        w,
        offset,
        b,
        strides=spatial(axes, stride, stride_h, stride_w, 1, "stride"),
        pads=spatial(axes, pad, pad_h, pad_w, 0, "pad") * 2,
        dilations=spatial(axes, dilation, None, None, 1, "dilation"),
        group=groups,
    )
    return Facts(facts.outputs, facts.work, facts.window, (w, b) if b else (w,))


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
    return Facts((Tensor(x.shape), norm)[:outputs], work, GLOBAL if across_spatial else POINTWISE, weights)


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
    return Facts((Tensor(x.shape),), work, weights=(blob(1, channels, 1, 1),) * (2 if two else 4), elementwise=True)


@rule("caffe.ChannelNorm")
def channel_norm(x: Tensor) -> Facts:
    """[N, C, H, W] -> [N, 1, H, W], the L2 norm over channels (FlowNet2)."""
    y = Tensor((x.shape[0], 1, *x.shape[2:]))
    return Facts((y,), Work(muls=x.size, adds=x.size, exps=y.size))


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
    return Facts((y,), NO_WORK, GLOBAL, elements_read=(y.size, 0))


@rule("caffe.MergeCrop")
def merge_crop(x: Tensor, other: Tensor, *, operation: Value = None) -> Facts:
    """The second bottom cut to the first's extents and joined to its channels, or added to them (Greentea)."""
    if operation is not None and choice(operation, "STACK", "ADD") == "ADD":
        return Facts((Tensor(x.shape, x.dtype),), Work(adds=x.size))
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
    """[T, N, C] -> [N, T, 1, 1] labels, and [N, 1, 1, 1] scores: the best of C at each step.

    With a second bottom it is an evaluation in one fork and bounds the sequences in another; nothing tells which.
    """
    if others or outputs > 2:
        raise UnknownShape("forks differ in what the second bottom is, and in the tops it makes")
    steps, batch, classes = x.shape
    scores = Work(adds=steps * batch) if outputs == 2 else NO_WORK
    work = Work(compares=steps * batch * (classes - 1)) + scores
    return Facts((Tensor((batch, steps, 1, 1)), Tensor((batch, 1, 1, 1)))[:outputs], work, GLOBAL)


# --- layers written in Python -----------------------------------------------------------------------------------------


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
