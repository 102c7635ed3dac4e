"""BVLC Caffe's layers. Caffe keeps its own names and rules of shape, and shares the arithmetic of the other families.

A prototxt leaves weights implicit: a rule makes the blobs that the layer would allocate and states them as `weights`.
Fields that a file gives several times arrive as tuples, enumerations as names or as numbers. Shapes and blobs are
those after net initialisation (the layer's LayerSetUp and Reshape in https://github.com/BVLC/caffe/tree/master/src/caffe/layers).
Work is that of the forward pass in the TEST phase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import prod
from typing import Any

from ...dims import Extent, bounds, ceil_div, minimum
from ...graph import Shape, Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Window, Work, data_dependent, rule
from ...shapes import axis_of, show_shape
from .. import dense, movement, normalize, windowed
from ..normalize import lrn_work, softmax_work, standardise_work
from ..pointwise import ACTIVATIONS, unary

Value = Any  # what a file may say where a number or a name belongs


def whole(value: Value, name: str, least: int | None = None) -> int:
    """A field that should be a whole number, its last value where it is repeated. Raises ValueError."""
    value = value[-1] if isinstance(value, tuple) and value else value
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is {value!r}, not a whole number")
    if least is not None and value < least:
        raise ValueError(f"{name} is {value}, it should be at least {least}")
    return value


def choice(value: Value, *names: str) -> str:
    """An enumeration's value as its name, whether the file gives the name or the number. Raises ValueError."""
    value = value[-1] if isinstance(value, tuple) and value else value
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    if str(value).upper() not in names:
        raise ValueError(f"{value!r} is none of {', '.join(names)}")
    return str(value).upper()


def listed(value: Value) -> tuple[Any, ...]:
    """A repeated field: nothing, one value or a tuple of them."""
    return () if value is None else value if isinstance(value, tuple) else (value,)


def blob(*shape: Extent) -> Tensor:
    """A weight that the layer allocates."""
    return Tensor(shape)


def blob_shape(shape: Value) -> tuple[Any, ...]:
    """The extents of a BlobShape message."""
    return listed(dict(shape).get("dim", ()))


def spatial(axes: int, every: Value, height: Value, width: Value, default: int | None, name: str) -> tuple[int, ...]:
    """A window field per spatial axis: `name_h` and `name_w`, or `name` once or once per axis. Raises ValueError."""
    if height is not None or width is not None:
        if axes != 2:
            raise ValueError(f"{name}_h and {name}_w are for two spatial axes; there are {axes}")
        sides = (height, width)
        if None in sides and default is None:
            raise ValueError(f"{name}_h and {name}_w should be given together")
        return tuple(default or 0 if side is None else whole(side, name) for side in sides)
    entries = listed(every)
    if not entries and default is None:
        raise ValueError(f"{name} is missing")
    return windowed.per_axis(tuple(whole(entry, name) for entry in entries), axes, default or 0)


# --- windows ---------------------------------------------------------------------------------------------------------


def convolve(
    bottoms: Sequence[Tensor],
    num_output: Value,
    kernel: Sequence[int],
    pads: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    group: int,
    bias: bool,
    axis: int = 1,
    auto_pad: str = "NOTSET",
) -> Facts:
    """One set of filters over each bottom; blobs W [N, C/group, *kernel] and b [N] (conv_layer.cpp)."""
    first = bottoms[0]
    filters, channels = whole(num_output, "num_output", 1), first.shape[axis]
    if group < 1 or (isinstance(channels, int) and channels % group):
        raise ValueError(f"{channels} channels cannot be split into {group} groups")
    w, b = blob(filters, channels // group, *kernel), blob(filters) if bias else None
    outputs, work, window = [], NO_WORK, GLOBAL
    for x in bottoms:
        lead = x.shape[:axis]
        folded = Tensor((prod(lead), *x.shape[axis:]), x.dtype)
        facts = windowed.conv(
            folded,
            w,
            b,
            strides=tuple(stride),
            pads=tuple(pads),
            dilations=tuple(dilation),
            group=group,
            auto_pad=auto_pad,
        )
        outputs.append(Tensor((*lead, *facts.outputs[0].shape[1:]), x.dtype))
        work, window = work + (facts.work or NO_WORK), facts.window
    return Facts(tuple(outputs), work, window, (w, b) if b else (w,))


@rule("caffe.Convolution", "caffe.DepthwiseConvolution")
def convolution(
    *bottoms: Tensor,
    num_output: Value = None,
    kernel_size: Value = None,
    kernel_h: Value = None,
    kernel_w: Value = None,
    pad: Value = None,
    pad_h: Value = None,
    pad_w: Value = None,
    pad_l: Value = None,
    pad_r: Value = None,
    pad_t: Value = None,
    pad_b: Value = None,
    pad_type: Value = 0,
    stride: Value = None,
    stride_h: Value = None,
    stride_w: Value = None,
    dilation: Value = None,
    group: Value = 1,
    bias_term: Value = True,
    axis: Value = 1,
) -> Facts:
    """[N, C, *spatial] -> [N, num_output, *spatial], each extent (i + 2 pad - dilation (k - 1) - 1) / stride + 1.

    pad_l, pad_r, pad_t, pad_b and pad_type (1: ceil(i / stride) positions) are Intel's and other forks'.
    """
    at = axis_of(whole(axis, "axis"), bottoms[0].rank)
    axes = bottoms[0].rank - at - 1
    before = after = spatial(axes, pad, pad_h, pad_w, 0, "pad")
    if any(side is not None for side in (pad_l, pad_r, pad_t, pad_b)):
        before = (whole(pad_t or 0, "pad_t"), whole(pad_l or 0, "pad_l"))
        after = (whole(pad_b or 0, "pad_b"), whole(pad_r or 0, "pad_r"))
    return convolve(
        bottoms,
        num_output,
        spatial(axes, kernel_size, kernel_h, kernel_w, None, "kernel_size"),
        before + after,
        spatial(axes, stride, stride_h, stride_w, 1, "stride"),
        spatial(axes, dilation, None, None, 1, "dilation"),
        whole(group, "group"),
        bool(bias_term),
        at,
        "SAME_UPPER" if pad_type == 1 else "NOTSET",
    )


@rule("caffe.Deconvolution")
def deconvolution(
    *bottoms: Tensor,
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
    """[N, C, *spatial] -> [N, num_output, *spatial], each extent stride (i - 1) + dilation (k - 1) + 1 - 2 pad.

    Blobs W [C, num_output/group, *kernel] and b [num_output] (deconv_layer.cpp).
    """
    axes = bottoms[0].rank - 2
    groups, filters = whole(group, "group", 1), whole(num_output, "num_output", 1)
    if filters % groups:
        raise ValueError(f"{filters} filters cannot be split into {groups} groups")
    kernel = spatial(axes, kernel_size, kernel_h, kernel_w, None, "kernel_size")
    w, b = blob(bottoms[0].shape[1], filters // groups, *kernel), blob(filters) if bias_term else None
    every = [
        windowed.conv_transpose(
            x,
            w,
            b,
            strides=spatial(axes, stride, stride_h, stride_w, 1, "stride"),
            pads=spatial(axes, pad, pad_h, pad_w, 0, "pad") * 2,
            dilations=spatial(axes, dilation, None, None, 1, "dilation"),
            group=groups,
        )
        for x in bottoms
    ]
    work = sum((facts.work or NO_WORK for facts in every), NO_WORK)
    return Facts(tuple(facts.outputs[0] for facts in every), work, every[0].window, (w, b) if b else (w,))


@rule("caffe.Im2col")
def im2col(
    x: Tensor,
    *,
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
) -> Facts:
    """[N, C, *spatial] -> [N, C * taps, *spatial]: each window's elements, unrolled along the channels."""
    axes = x.rank - 2
    kernel = spatial(axes, kernel_size, kernel_h, kernel_w, None, "kernel_size")
    window, extents = windowed.slide(
        x,
        kernel,
        spatial(axes, stride, stride_h, stride_w, 1, "stride"),
        spatial(axes, pad, pad_h, pad_w, 0, "pad") * 2,
        spatial(axes, dilation, None, None, 1, "dilation"),
    )
    return Facts((Tensor((x.shape[0], x.shape[1] * prod(kernel), *extents)),), NO_WORK, window)


def pooled(
    size: Extent, kernel: int, stride: int, before: int, after: int, dilation: int, round_up: bool, clip: bool
) -> Extent:
    """Caffe's pooled extent: rounded up, less a last window that would start in the padding (pooling_layer.cpp)."""
    count = windowed.steps(size, kernel, stride, before, after, dilation, round_up)
    return minimum(count, ceil_div(size + before, stride)) if clip else count


@rule("caffe.Pooling")
def pooling(
    x: Tensor,
    *,
    pool: Value = "MAX",
    kernel_size: Value = None,
    kernel_h: Value = None,
    kernel_w: Value = None,
    pad: Value = None,
    pad_h: Value = None,
    pad_w: Value = None,
    pad_l: Value = None,
    pad_r: Value = None,
    pad_t: Value = None,
    pad_b: Value = None,
    stride: Value = None,
    stride_h: Value = None,
    stride_w: Value = None,
    dilation: Value = None,
    pad_type: Value = 0,
    global_pooling: Value = False,
    round_mode: Value = 0,
    ceil_mode: Value = True,
    outputs: int = 1,
) -> Facts:
    """[N, C, *spatial] -> [N, C, *spatial], each extent ceil((i + 2 pad - k) / stride) + 1; FLOOR rounds down.

    ceil_mode false, a pad per side, pad_type (1: ceil(i / stride)) and dilation are forks'. A second top is the mask of
    the maxima.
    """
    axes = x.rank - 2
    kind = "MAX" if choice(pool, "MAX", "AVE", "STOCHASTIC", *_FORK_POOLS) == "MAX" else "AVE"
    if global_pooling:
        facts = windowed.global_max_pool(x) if kind == "MAX" else windowed.global_average_pool(x)
        return Facts(facts.outputs * outputs, facts.work, facts.window)
    kernel = spatial(axes, kernel_size, kernel_h, kernel_w, None, "kernel_size")
    strides = spatial(axes, stride, stride_h, stride_w, 1, "stride")
    dilations = spatial(axes, dilation, None, None, 1, "dilation")
    before = after = spatial(axes, pad, pad_h, pad_w, 0, "pad")
    if any(side is not None for side in (pad_l, pad_r, pad_t, pad_b)):
        before = (whole(pad_t or 0, "pad_t"), whole(pad_l or 0, "pad_l"))
        after = (whole(pad_b or 0, "pad_b"), whole(pad_r or 0, "pad_r"))
    up = choice(round_mode, "CEIL", "FLOOR") == "CEIL" and bool(ceil_mode)
    clip = any(before) or any(after)
    if any(p >= k for p, k in zip(before, kernel, strict=True)):
        raise ValueError(f"pad {list(before)} should be below the kernel {list(kernel)}")
    fields = zip(x.shape[2:], kernel, strides, before, after, dilations, strict=True)
    extents = [pooled(size, k, s, p, q, d, up, clip) for size, k, s, p, q, d in fields]
    if pad_type == 1:
        extents = [ceil_div(size, s) for size, s in zip(x.shape[2:], strides, strict=True)]
    y = Tensor((*x.shape[:2], *extents))
    work = windowed.pool_work(y, prod(kernel), kind)
    return Facts((y,) * outputs, work, Window(kernel, strides, before, dilations))


_FORK_POOLS = ("AVE_EXC_PAD", "AVE_TF")


@rule("caffe.SPP")
def spp(x: Tensor, *, pyramid_height: Value = None, pool: Value = "MAX") -> Facts:
    """[N, C, H, W] -> [N, C * bins]: level l pools into 2^l x 2^l bins, and the levels are joined (spp_layer.cpp)."""
    height = whole(pyramid_height, "pyramid_height", 1)
    kind = choice(pool, "MAX", "AVE", "STOCHASTIC")
    levels, work = [], NO_WORK
    for level in range(height):
        bins = 2**level
        kernel = tuple(ceil_div(size, bins) for size in x.shape[2:])
        pads = tuple((k * bins - size + 1) // 2 for k, size in zip(kernel, x.shape[2:], strict=True))
        facts = pooling(x, pool=kind, kernel_h=kernel[0], kernel_w=kernel[1], stride_h=kernel[0], stride_w=kernel[1],
                        pad_h=pads[0], pad_w=pads[1])  # fmt: skip
        levels.append(facts.outputs[0])
        work += facts.work or NO_WORK
    if height == 1:
        return Facts((levels[0],), work, GLOBAL)
    return Facts((Tensor((x.shape[0], sum((prod(level.shape[1:]) for level in levels), 0))),), work, GLOBAL)


# --- products --------------------------------------------------------------------------------------------------------


@rule("caffe.InnerProduct")
def inner_product(
    *bottoms: Tensor, num_output: Value = None, bias_term: Value = True, axis: Value = 1, transpose: Value = False
) -> Facts:
    """[*lead, *rest] -> [*lead, num_output]; blobs W [num_output, K], or [K, num_output] with transpose, and b."""
    filters = whole(num_output, "num_output", 1)
    at = axis_of(whole(axis, "axis"), bottoms[0].rank)
    depth = prod(bottoms[0].shape[at:])
    w, b = blob(*((depth, filters) if transpose else (filters, depth))), blob(filters) if bias_term else None
    outputs, work = [], NO_WORK
    for x in bottoms:
        rows = Tensor((prod(x.shape[:at]), prod(x.shape[at:])))
        work += dense.gemm(rows, w, b, transB=not transpose).work or NO_WORK
        outputs.append(Tensor((*x.shape[:at], filters)))
    return Facts(tuple(outputs), work, GLOBAL, (w, b) if b else (w,))


@rule("caffe.Embed")
def embed(x: Tensor, *, num_output: Value = None, input_dim: Value = None, bias_term: Value = True) -> Facts:
    """Indices [*any] -> [*any, num_output]; blobs W [input_dim, num_output] and b. A row of W is copied per index."""
    filters, rows = whole(num_output, "num_output", 1), whole(input_dim, "input_dim", 1)
    y = Tensor((*x.shape, filters))
    weights = (blob(rows, filters), blob(filters)) if bias_term else (blob(rows, filters),)
    return Facts((y,), Work(adds=y.size if bias_term else 0), weights=weights, elements_read=(x.size, y.size))


def _recurrent(bottoms: Sequence[Tensor], hidden: int, expose: bool, outputs: int, gates: int, per_step: Work) -> Facts:
    """Blobs in the order Caffe's unrolled net makes them; bottoms x [T, N, ...], cont [T, N], x_static [N, ...]."""
    x = bottoms[0]
    steps, batch, depth = x.shape[0], x.shape[1], prod(x.shape[2:])
    states = (1 if gates == 1 else 2) if expose else 0
    static = len(bottoms) > 2 + states
    weights = [blob(gates * hidden, depth), blob(gates * hidden)]
    macs = steps * batch * depth * gates * hidden + steps * batch * hidden * gates * hidden
    if static:
        rest = prod(bottoms[2].shape[1:])
        weights.append(blob(gates * hidden, rest))
        macs += batch * rest * gates * hidden
    weights.append(blob(gates * hidden, hidden))
    if gates == 1:  # the plain recurrent net has a projection to its output besides
        weights += [blob(hidden, hidden), blob(hidden)]
        macs += steps * batch * hidden * hidden
    work = Work(macs=macs) + per_step * (steps * batch * hidden)
    tops = (Tensor((steps, batch, hidden)), *[Tensor((1, batch, hidden))] * states)
    return Facts(tops[:outputs], work, GLOBAL, tuple(weights))


@rule("caffe.LSTM")
def lstm(*bottoms: Tensor, num_output: Value = None, expose_hidden: Value = False, outputs: int = 1) -> Facts:
    """x [T, N, ...] -> [T, N, num_output]; blobs W_xc [4H, I], b [4H], with a static input [4H, S], W_hc [4H, H]."""
    per_element = LSTM_UNIT + Work(adds=8)  # the input's and the hidden state's part of four gates, and their bias
    return _recurrent(bottoms, whole(num_output, "num_output", 1), bool(expose_hidden), outputs, 4, per_element)


@rule("caffe.RNN", "caffe.Recurrent")
def rnn(*bottoms: Tensor, num_output: Value = None, expose_hidden: Value = False, outputs: int = 1) -> Facts:
    """x [T, N, ...] -> [T, N, num_output]; h' = tanh(W_xh x + W_hh h + b), o = tanh(W_ho h' + b)."""
    per_element = Work(adds=3, exps=2)
    return _recurrent(bottoms, whole(num_output, "num_output", 1), bool(expose_hidden), outputs, 1, per_element)


LSTM_UNIT = ACTIVATIONS["Sigmoid"] * 3 + ACTIVATIONS["Tanh"] * 2 + Work(muls=3, adds=1)
"""One element of c' = f c + i g, h = o tanh(c') (lstm_unit_layer.cpp)."""


@rule("caffe.LSTMUnit")
def lstm_unit(c_prev: Tensor, x: Tensor, cont: Tensor | None = None) -> Facts:
    """c_prev [1, N, H], x [1, N, 4H] -> c and h [1, N, H]."""
    return Facts((c_prev, c_prev), LSTM_UNIT * c_prev.size)


# --- elementwise -----------------------------------------------------------------------------------------------------


def _same(kind: str, work: Work) -> None:
    """A layer whose top is as its bottom, `work` for each element."""

    @rule(f"caffe.{kind}")
    def elementwise(x: Tensor) -> Facts:
        return unary(x, work)

    elementwise.__doc__ = f"{kind}: [*any] -> the same shape."


for _kind, _work in {
    "AbsVal": Work(compares=1),
    "BNLL": ACTIVATIONS["Softplus"] + Work(compares=1),
    "Clip": ACTIVATIONS["Clip"],
    "Dropout": NO_WORK,  # nothing is left out in the TEST phase
    "ELU": ACTIVATIONS["Elu"],
    "Exp": Work(exps=1, muls=1, adds=1),
    "Log": Work(exps=1, muls=1, adds=1),
    "Sigmoid": ACTIVATIONS["Sigmoid"],
    "Swish": ACTIVATIONS["Swish"],
    "TanH": ACTIVATIONS["Tanh"],
    "Threshold": Work(compares=1),
}.items():
    _same(_kind, _work)


@rule("caffe.ReLU")
def relu(x: Tensor, *, negative_slope: Value = 0) -> Facts:
    """[*any] -> the same shape; a slope below zero multiplies besides."""
    return unary(x, ACTIVATIONS["LeakyRelu" if negative_slope else "Relu"])


@rule("caffe.PReLU")
def prelu(x: Tensor, *, channel_shared: Value = False) -> Facts:
    """[N, C, ...] -> the same shape; one blob: a slope per channel, or one for all."""
    return replace(unary(x, ACTIVATIONS["PRelu"]), weights=(blob(1 if channel_shared else x.shape[1]),))


@rule("caffe.Power")
def power(x: Tensor, *, power: Value = 1, scale: Value = 1, shift: Value = 0) -> Facts:
    """(shift + scale x) ** power: each part costs only where it does something."""
    return unary(x, Work(exps=int(power != 1), muls=int(scale != 1), adds=int(shift != 0)))


@rule("caffe.Eltwise")
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


@rule("caffe.Scale")
def scale(
    x: Tensor, factor: Tensor | None = None, *, axis: Value = 1, num_axes: Value = 1, bias_term: Value = False
) -> Facts:
    """x times a factor along `axis`: a blob of x's shape[axis : axis + num_axes], or the second bottom."""
    return _affine(x, factor, axis, num_axes, ("scale", "bias") if bias_term else ("scale",))


@rule("caffe.Bias")
def bias(x: Tensor, other: Tensor | None = None, *, axis: Value = 1, num_axes: Value = 1) -> Facts:
    """x plus a bias along `axis`, which is a blob of x's shape[axis : axis + num_axes], or the second bottom."""
    return _affine(x, other, axis, num_axes, ("bias",))


# --- normalisation ---------------------------------------------------------------------------------------------------


@rule("caffe.BatchNorm")
def batch_norm(x: Tensor) -> Facts:
    """(x - mean) / deviation by stored statistics; blobs mean [C], variance [C] and their common factor [1]."""
    channels = x.shape[1] if x.rank > 1 else 1
    work = Work(adds=x.size, divs=x.size) + Work(adds=1, exps=1) * channels
    return Facts((Tensor(x.shape),), work, weights=(blob(channels), blob(channels), blob(1)), elementwise=True)


@rule("caffe.LRN")
def lrn(x: Tensor, *, local_size: Value = 5, norm_region: Value = "ACROSS_CHANNELS") -> Facts:
    """[N, C, H, W] -> the same shape, each element divided by a power of its neighbours' squares."""
    size = whole(local_size, "local_size", 1)
    if choice(norm_region, "ACROSS_CHANNELS", "WITHIN_CHANNEL") == "ACROSS_CHANNELS":
        return Facts((Tensor(x.shape),), lrn_work(x.size, size))
    axes, side = x.rank - 2, (size - 1) // 2
    window = Window((size,) * axes, (1,) * axes, (side,) * axes, (1,) * axes)
    return Facts((Tensor(x.shape),), lrn_work(x.size, size**axes), window)


@rule("caffe.MVN")
def mvn(x: Tensor, *, normalize_variance: Value = True, across_channels: Value = False) -> Facts:
    """[N, C, ...] -> the same shape with mean 0, and variance 1 unless that is switched off."""
    groups = x.shape[0] if across_channels else x.shape[0] * x.shape[1]
    work = standardise_work(x.size, groups) if normalize_variance else Work(adds=2 * x.size, divs=groups)
    return Facts((Tensor(x.shape),), work, GLOBAL)


@rule("caffe.Softmax")
def softmax(x: Tensor, *, axis: Value = 1) -> Facts:
    """[*any] -> the same shape, normalised along `axis`."""
    return normalize.softmax(x, axis=whole(axis, "axis"))


# --- movement --------------------------------------------------------------------------------------------------------


@rule("caffe.Concat")
def concat(*bottoms: Tensor, axis: Value = 1, concat_dim: Value = None) -> Facts:
    """Bottoms joined along `axis` (`concat_dim` before 2014)."""
    return movement.concat(*bottoms, axis=whole(axis if concat_dim is None else concat_dim, "axis"))


@rule("caffe.Slice")
def slice_(
    x: Tensor, *, axis: Value = 1, slice_dim: Value = None, slice_point: Value = None, outputs: int = 1
) -> Facts:
    """A bottom cut along `axis` at the given points, or into equal parts."""
    at = axis_of(whole(axis if slice_dim is None else slice_dim, "axis"), x.rank)
    size, points = x.shape[at], [whole(point, "slice_point") for point in listed(slice_point)]
    lengths: list[Extent]
    if points:
        if len(points) != outputs - 1:
            raise ValueError(f"{len(points)} slice points make {len(points) + 1} parts; there are {outputs} tops")
        edges: list[Extent] = [0, *points, size]
        lengths = [end - start for start, end in pairwise(edges)]
        if any(isinstance(length, int) and length < 1 for length in lengths):
            raise ValueError(f"slice points {points} do not cut an extent of {size} into parts")
    else:
        if isinstance(size, int) and size % outputs:
            raise ValueError(f"an extent of {size} cannot be cut into {outputs} equal parts")
        lengths = [size // outputs] * outputs
    tops = tuple(Tensor((*x.shape[:at], length, *x.shape[at + 1 :])) for length in lengths)
    starts = [0, *accumulate(lengths[:-1])]
    return Facts(tops, NO_WORK, slice_offsets=movement.begins(x, at, starts, outputs))


@rule("caffe.Split")
def split(x: Tensor, *, outputs: int = 1) -> Facts:
    """The bottom, once for each top."""
    return Facts((Tensor(x.shape),) * outputs, NO_WORK, is_view=True, slice_offsets=(0,) * outputs)


@rule("caffe.Silence")
def silence(*bottoms: Tensor) -> Facts:
    """Takes its bottoms, so that they are no outputs of the net, and looks at none."""
    return Facts((), NO_WORK, elements_read=(0,) * len(bottoms))


@rule("caffe.HDF5Output")
def hdf5_output(*bottoms: Tensor) -> Facts:
    """Reads its bottoms and makes no top."""
    return Facts((), NO_WORK)


@rule("caffe.Crop")
def crop(x: Tensor, reference: Tensor, *, axis: Value = 2, offset: Value = None) -> Facts:
    """x cut to the reference's extents from `axis` on, starting at `offset` (none, one for all, or one per axis)."""
    at = axis_of(whole(axis, "axis"), x.rank)
    offsets = windowed.per_axis(tuple(whole(entry, "offset") for entry in listed(offset)), x.rank - at, 0)
    y = Tensor((*x.shape[:at], *reference.shape[at:]))
    for size, wanted, start in zip(x.shape[at:], y.shape[at:], offsets, strict=True):
        most = bounds(size - wanted - start)[1]
        if most is not None and most < 0:
            raise ValueError(f"cannot cut {wanted} elements from {start} on out of {size}")
    spatial_offsets = ((0,) * at + offsets)[2:]
    ones = (1,) * len(spatial_offsets)
    return Facts((y,), NO_WORK, Window(ones, ones, tuple(-o for o in spatial_offsets), ones), elements_read=(y.size, 0))


@rule("caffe.Reshape")
def reshape(
    x: Tensor, *, shape: Value = (), axis: Value = 0, num_axes: Value = -1, pixelshuffler: Value = None
) -> Facts:
    """The span of axes from `axis` replaced by `shape`: 0 copies the bottom's extent, one -1 takes what is left.

    A fork's `pixelshuffler` p ignores the shape: [N, C, H, W] -> [N, C / p^2, H p, W p].
    """
    if pixelshuffler is not None:
        return movement.depth_to_space(x, blocksize=whole(pixelshuffler, "pixelshuffler", 1))
    wanted = [whole(extent, "dim") for extent in blob_shape(shape)]
    start = whole(axis, "axis")
    start = start if start >= 0 else x.rank + start + 1
    span = whole(num_axes, "num_axes")
    end = x.rank if span == -1 else start + span
    if not 0 <= start <= end <= x.rank:
        raise ValueError(f"axes {start} to {end} are outside a blob of {x.rank} axes")
    middle: list[Extent] = []
    for at, extent in enumerate(wanted):
        if extent == 0 and start + at >= x.rank:
            raise ValueError(f"dim 0 copies axis {start + at} of a blob of {x.rank} axes")
        middle.append(x.shape[start + at] if extent == 0 else extent)
    result = [*x.shape[:start], *middle, *x.shape[end:]]
    if middle.count(-1) > 1:
        raise ValueError("only one dim can be -1")
    if -1 in middle:
        rest = prod(extent for extent in result if extent != -1)
        left = x.size % rest
        if isinstance(left, int) and left:
            raise ValueError(f"{x.size} elements cannot be shaped into multiples of {rest}")
        result[start + middle.index(-1)] = x.size // rest
    elif isinstance(x.size, int) and prod(result) != x.size:
        raise ValueError(f"{show_shape(x.shape)} has {x.size} elements, {show_shape(result)} has {prod(result)}")
    return movement.viewed(x, tuple(result))


@rule("caffe.Flatten")
def flatten(x: Tensor, *, axis: Value = 1, end_axis: Value = -1) -> Facts:
    """Axes `axis` to `end_axis` merged into one."""
    return movement.flat(x, whole(axis, "axis"), whole(end_axis, "end_axis"))


@rule("caffe.Tile")
def tile(x: Tensor, *, axis: Value = 1, tiles: Value = None) -> Facts:
    """The bottom repeated `tiles` times along `axis`."""
    at = axis_of(whole(axis, "axis"), x.rank)
    length = x.shape[at] * whole(tiles, "tiles", 1)
    return Facts((Tensor((*x.shape[:at], length, *x.shape[at + 1 :])),), NO_WORK, GLOBAL)


@rule("caffe.BatchReindex")
def batch_reindex(x: Tensor, index: Tensor) -> Facts:
    """[N, ...] and [M] -> [M, ...]."""
    y = Tensor((index.shape[0], *x.shape[1:]))
    return Facts((y,), NO_WORK, elements_read=(y.size, index.size))


@rule("caffe.Filter")
def filter_(*bottoms: Tensor) -> Facts:
    """The items of each bottom but the last that the last selects; how many, the data decides."""
    tops = tuple(Tensor((data_dependent(), *bottom.shape[1:])) for bottom in bottoms[:-1])
    return Facts(tops, Work(compares=bottoms[-1].size))


@rule("caffe.Parameter")
def parameter(*, shape: Value = ()) -> Facts:
    """A learned blob as a top."""
    w = blob(*(whole(extent, "dim") for extent in blob_shape(shape)))
    return Facts((w,), NO_WORK, weights=(w,))


# --- reduction -------------------------------------------------------------------------------------------------------


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


@rule("caffe.Accuracy")
def accuracy(x: Tensor, label: Tensor, *, top_k: Value = 1, axis: Value = 1, outputs: int = 1) -> Facts:
    """Scores and labels -> a scalar, and on a second top the accuracy of each class."""
    classes = x.shape[axis_of(whole(axis, "axis"), x.rank)]
    return Facts((Tensor(()), Tensor((classes,)))[:outputs], Work(compares=x.size), GLOBAL)


# --- losses ----------------------------------------------------------------------------------------------------------


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
