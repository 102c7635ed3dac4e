"""Convolutions of every kind: BVLC's, depthwise, deformable, in three axes (C3D), transposed, and the like of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ...dims import ceil_div
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Work, rule
from ...shapes import axis_of
from .. import windowed
from .fields import Value, blob, spatial, whole


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
