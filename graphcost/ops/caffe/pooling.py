"""Pooling: BVLC's, in three axes (C3D), and into pyramids."""

from __future__ import annotations

from math import prod

from ...dims import Extent, ceil_div, minimum
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Window, rule
from .. import windowed
from .fields import Value, choice, spatial, whole


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
