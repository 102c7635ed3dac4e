"""Convolutions of every kind: BVLC's, depthwise, deformable, in three axes (C3D), transposed, and the like of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from ...dims import Extent, Undecided, ceil_div
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Work, rule
from ...shapes import axis_of
from .. import windowed
from .fields import (
    FILLERS,
    QUANTISED,
    SIDES,
    WINDOW,
    WINDOW_3D,
    WINDOW_ND,
    Sliding,
    Value,
    blob,
    choice,
    sliding,
    sliding_3d,
    sliding_nd,
    whole,
)

HARMLESS = (*FILLERS, *QUANTISED, "force_nd_im2col", "conv_algos_override", "cudnn_convolution_algo_seeker")
"""How a convolution is filled, quantised and run."""


@rule(
    "caffe.Convolution",
    "caffe.DepthwiseConvolution",
    "caffe.ConvolutionRistretto",
    fields=WINDOW + SIDES,
    harmless=HARMLESS,
)
def convolution(
    *bottoms: Tensor,
    num_output: Value = None,
    pad_type: Value = 0,
    group: Value = 1,
    bias_term: Value = True,
    axis: Value = 1,
    fuse_type: Value = "UNFUSED",
    relu: Value = False,
    outputs: int = 1,
    **fields: Value,
) -> Facts:
    """[N, C, *spatial] -> [N, num_output, *spatial], each extent (i + 2 pad - dilation (k - 1) - 1) / stride + 1.

    A pad per side, pad_type (1: ceil(i / stride) positions) and a fused ReLU are Intel's and other forks'.
    """
    if fuse_type not in ("UNFUSED", "FUSED_CONV_RELU"):
        raise Undecided(f"what fuse_type {fuse_type} joins to a convolution is not known")
    _check_tops(bottoms, outputs)
    at = axis_of(whole(axis, "axis"), bottoms[0].rank)
    window = sliding(fields, bottoms[0].rank - at - 1)
    auto_pad = "SAME_UPPER" if pad_type == 1 else "NOTSET"
    facts = convolve(bottoms, num_output, window, whole(group, "group"), bool(bias_term), at, auto_pad)
    if facts.work is None or not (relu or fuse_type == "FUSED_CONV_RELU"):
        return facts
    clipped = sum((y.size for y in facts.outputs), 0)
    return replace(facts, work=facts.work + Work(compares=clipped))


def _check_tops(bottoms: Sequence[Tensor], outputs: int) -> None:
    """Caffe makes a top of each bottom (base_conv_layer.hpp). Raises ValueError for another number of tops."""
    if not bottoms:
        raise ValueError("needs at least 1 bottom")
    if len(bottoms) != outputs:
        raise ValueError(f"{len(bottoms)} bottoms and {outputs} tops; a convolution makes a top of each bottom")


def convolve(
    bottoms: Sequence[Tensor],
    num_output: Value,
    window: Sliding,
    group: int,
    bias: bool,
    axis: int = 1,
    auto_pad: str = "NOTSET",
) -> Facts:
    """One set of filters over each bottom; blobs W [N, C/group, *kernel] and b [N] (conv_layer.cpp)."""
    filters, channels = whole(num_output, "num_output", 1), bottoms[0].shape[axis]
    if group < 1 or (isinstance(channels, int) and channels % group):
        raise ValueError(f"{channels} channels cannot be split into {group} groups")
    weights = _filters(filters, channels // group, window, bias)
    outputs, work, seen = [], NO_WORK, GLOBAL
    for x in bottoms:
        lead = x.shape[:axis]
        facts = windowed.conv(
            Tensor((prod(lead), *x.shape[axis:]), x.dtype),
            *weights,
            strides=window.stride,
            pads=window.pads,
            dilations=window.dilation,
            group=group,
            auto_pad=auto_pad,
        )
        outputs.append(Tensor((*lead, *facts.outputs[0].shape[1:]), x.dtype))
        work, seen = work + (facts.work or NO_WORK), facts.window
    return Facts(tuple(outputs), work, replace(seen, maps=()), weights)  # every bottom is slid over


def _filters(filters: int, channels: Extent, window: Sliding, bias: bool) -> tuple[Tensor, ...]:
    """The blobs of a convolution: its filters, and a bias for each."""
    w = blob(filters, channels, *window.kernel)
    return (w, blob(filters)) if bias else (w,)


@rule("caffe.ConvolutionDepthwise", fields=WINDOW, harmless=HARMLESS)
def convolution_depthwise(
    x: Tensor, *, num_output: Value = None, group: Value = None, bias_term: Value = True, **fields: Value
) -> Facts:
    """A convolution with a group for each channel; W [C, 1, kh, kw]."""
    channels = whole(x.shape[1], "channels")
    if group is not None and whole(group, "group") not in (1, channels):
        raise Undecided(f"{group} groups of {channels} channels in a convolution of one channel each")
    filters = channels if num_output is None else num_output
    return convolve([x], filters, sliding(fields, x.rank - 2), channels, bool(bias_term))


@rule("caffe.Deconvolution", "caffe.DeconvolutionRistretto", fields=WINDOW, harmless=HARMLESS)
def deconvolution(
    *bottoms: Tensor,
    num_output: Value = None,
    group: Value = 1,
    bias_term: Value = True,
    axis: Value = 1,
    outputs: int = 1,
    **fields: Value,
) -> Facts:
    """[N, C, *spatial] -> [N, num_output, *spatial], each extent stride (i - 1) + dilation (k - 1) + 1 - 2 pad.

    Blobs W [C, num_output/group, *kernel] and b [num_output] (deconv_layer.cpp).
    """
    _check_tops(bottoms, outputs)
    if axis_of(whole(axis, "axis"), bottoms[0].rank) != 1:
        raise Undecided(f"a transposed convolution of channels at axis {axis}")
    window = sliding(fields, bottoms[0].rank - 2)
    return _deconvolve(bottoms, num_output, window, whole(group, "group", 1), bool(bias_term))


def _deconvolve(bottoms: Sequence[Tensor], num_output: Value, window: Sliding, group: int, bias: bool) -> Facts:
    filters = whole(num_output, "num_output", 1)
    if filters % group:
        raise ValueError(f"{filters} filters cannot be split into {group} groups")
    w, b = blob(bottoms[0].shape[1], filters // group, *window.kernel), blob(filters) if bias else None
    every = [
        windowed.conv_transpose(
            x, w, b, strides=window.stride, pads=window.pads, dilations=window.dilation, group=group
        )
        for x in bottoms
    ]
    work = sum((facts.work or NO_WORK for facts in every), NO_WORK)
    seen = replace(every[0].window, maps=())  # every bottom is slid over
    return Facts(tuple(facts.outputs[0] for facts in every), work, seen, (w, b) if b else (w,))


@rule("caffe.DeformableConvolution", fields=WINDOW, harmless=(*HARMLESS, "deformable_group"))
def deformable_convolution(
    x: Tensor, offset: Tensor, *, num_output: Value = None, group: Value = 1, bias_term: Value = True, **fields: Value
) -> Facts:
    """A convolution whose taps the second bottom moves; blobs as Convolution's (https://arxiv.org/abs/1703.06211)."""
    window, groups = sliding(fields, x.rank - 2), whole(group, "group", 1)
    w, *b = weights = _filters(whole(num_output, "num_output", 1), x.shape[1] // groups, window, bool(bias_term))
    facts = windowed.deform_conv(
        x, w, offset, *b, strides=window.stride, pads=window.pads, dilations=window.dilation, group=groups
    )
    return Facts(facts.outputs, facts.work, facts.window, weights)


@rule("caffe.Im2col", fields=WINDOW, harmless=("num_output", "bias_term", "group", *FILLERS))
def im2col(x: Tensor, **fields: Value) -> Facts:
    """[N, C, *spatial] -> [N, C * taps, *spatial]: each window's elements, unrolled along the channels."""
    window = sliding(fields, x.rank - 2)
    seen, extents = windowed.slide(x, window.kernel, window.stride, window.pads, window.dilation)
    return Facts((Tensor((x.shape[0], x.shape[1] * prod(window.kernel), *extents)),), NO_WORK, seen)


# --- in three axes ---------------------------------------------------------------------------------------------------


@rule("caffe.Convolution3D", "caffe.CONVOLUTION3D", fields=WINDOW_3D, harmless=(*FILLERS, "filter_group"))
def convolution_3d(
    x: Tensor,
    *,
    num_output: Value = None,
    group: Value = 1,
    bias_term: Value = True,
    **fields: Value,
) -> Facts:
    """[N, C, L, H, W] -> [N, num_output, L, H, W]: one kernel for both sides, another in time (C3D)."""
    return convolve([x], num_output, sliding_3d(fields), whole(group, "group"), bool(bias_term))


@rule("caffe.Deconvolution3D", "caffe.DECONVOLUTION3D", fields=WINDOW_3D, harmless=FILLERS)
def deconvolution_3d(x: Tensor, *, num_output: Value = None, bias_term: Value = True, **fields: Value) -> Facts:
    """[N, C, L, H, W] -> [N, num_output, L, H, W], the transpose of Convolution3D (C3D)."""
    return _deconvolve([x], num_output, sliding_3d(fields), 1, bool(bias_term))


@rule("caffe.NdConvolution", fields=WINDOW + WINDOW_ND, harmless=HARMLESS)
def convolution_nd(
    x: Tensor, *, num_output: Value = None, group: Value = 1, bias_term: Value = True, **fields: Value
) -> Facts:
    """[N, C, *spatial] -> [N, num_output, *spatial], over as many axes as its shapes list."""
    return convolve([x], num_output, sliding_nd(fields, x.rank - 2), whole(group, "group"), bool(bias_term))


# --- like a convolution ----------------------------------------------------------------------------------------------


@rule("caffe.DenseBlock")
def dense_block(
    x: Tensor, *, numTransition: Value = 40, initChannel: Value = 16, growthRate: Value = 12, **inside: Value
) -> Facts:
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
    correlation_type: Value = "MULTIPLY",
) -> Facts:
    """Two [N, C, H, W] -> [N, (2 floor(d / s2) + 1)^2, H', W']: patches compared over displacements (FlowNet)."""
    if choice(correlation_type, "MULTIPLY", "SUBTRACT") != "MULTIPLY":
        raise Undecided("what patches that are subtracted cost is not known")
    k, d = whole(kernel_size, "kernel_size", 1), whole(max_displacement, "max_displacement")
    border, p, step = d + (k - 1) // 2, whole(pad, "pad"), whole(stride_1, "stride_1", 1)
    side = 2 * (d // whole(stride_2, "stride_2", 1)) + 1
    extents = [ceil_div(size + 2 * p - 2 * border, step) for size in a.shape[2:]]
    y = Tensor((a.shape[0], side * side, *extents))
    return Facts((y,), Work(macs=y.size * k * k * a.shape[1], divs=y.size), GLOBAL)
