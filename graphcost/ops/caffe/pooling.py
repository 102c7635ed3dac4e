"""Pooling: BVLC's, in three axes (C3D), and into pyramids."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ...dims import Extent, ceil_div, minimum
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Window, rule
from .. import windowed
from .fields import (
    QUANTISED,
    SIDES,
    WINDOW,
    WINDOW_3D,
    WINDOW_ND,
    Sliding,
    Value,
    choice,
    sliding,
    sliding_3d,
    sliding_nd,
    whole,
)


@rule("caffe.Pooling", "caffe.PoolingRistretto", fields=WINDOW + SIDES, harmless=("engine", *QUANTISED))
def pooling(
    x: Tensor,
    *,
    pool: Value = "MAX",
    pad_type: Value = 0,
    global_pooling: Value = False,
    round_mode: Value = 0,
    ceil_mode: Value = True,
    outputs: int = 1,
    **fields: Value,
) -> Facts:
    """[N, C, *spatial] -> [N, C, *spatial], each extent ceil((i + 2 pad - k) / stride) + 1; FLOOR rounds down.

    ceil_mode false, a pad per side, pad_type (1: ceil(i / stride)) and dilation are forks'. A second top is the mask of
    the maxima.
    """
    kind = "MAX" if choice(pool, "MAX", "AVE", "STOCHASTIC", *FORK_POOLS) == "MAX" else "AVE"
    if global_pooling:
        facts = windowed.global_max_pool(x) if kind == "MAX" else windowed.global_average_pool(x)
        return Facts(facts.outputs * outputs, facts.work, facts.window)
    window = sliding(fields, x.rank - 2)
    if any(pad >= kernel for pad, kernel in zip(window.before, window.kernel, strict=True)):
        raise ValueError(f"pad {list(window.before)} should be below the kernel {list(window.kernel)}")
    round_up = choice(round_mode, "CEIL", "FLOOR") == "CEIL" and bool(ceil_mode)
    extents = _pooled(x, window, round_up, clip=any(window.pads))
    if pad_type == 1:
        extents = [ceil_div(size, stride) for size, stride in zip(x.shape[2:], window.stride, strict=True)]
    return _pool(x, window, extents, kind, outputs)


FORK_POOLS = ("AVE_EXC_PAD", "AVE_TF")


def _pooled(x: Tensor, window: Sliding, round_up: bool, clip: bool) -> list[Extent]:
    """The extents that pooling leaves, less a last window that would start in the padding (pooling_layer.cpp)."""
    extents: list[Extent] = []
    for axis, size in enumerate(x.shape[2:]):
        kernel, stride, dilation = window.kernel[axis], window.stride[axis], window.dilation[axis]
        before, after = window.before[axis], window.after[axis]
        count = windowed.steps(size, kernel, stride, before, after, dilation, round_up)
        extents.append(minimum(count, ceil_div(size + before, stride)) if clip else count)
    return extents


def _pool(x: Tensor, window: Sliding, extents: Sequence[Extent], kind: str, outputs: int = 1) -> Facts:
    y = Tensor((*x.shape[:2], *extents))
    work = windowed.pool_work(y, prod(window.kernel), kind)
    return Facts((y,) * outputs, work, Window(window.kernel, window.stride, window.before, window.dilation))


@rule("caffe.SPP", harmless=("engine",))
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


@rule("caffe.Pooling3D", "caffe.POOLING3D", fields=WINDOW_3D)
def pooling_3d(x: Tensor, *, pool: Value = "MAX", **fields: Value) -> Facts:
    """[N, C, L, H, W] pooled in time and space; extents are rounded up, and no window is dropped (C3D)."""
    window = sliding_3d(fields)
    kind = "MAX" if choice(pool, "MAX", "AVE", "STOCHASTIC") == "MAX" else "AVE"
    return _pool(x, window, _pooled(x, window, round_up=True, clip=False), kind)


@rule("caffe.NdPooling", fields=WINDOW + WINDOW_ND, harmless=("engine",))
def pooling_nd(x: Tensor, *, pool: Value = "MAX", global_pooling: Value = False, **fields: Value) -> Facts:
    """[N, C, *spatial] pooled over as many axes as its shapes list; extents are rounded up as Pooling's are."""
    kind = "MAX" if choice(pool, "MAX", "AVE", "STOCHASTIC") == "MAX" else "AVE"
    if global_pooling:
        return windowed.global_max_pool(x) if kind == "MAX" else windowed.global_average_pool(x)
    window = sliding_nd(fields, x.rank - 2)
    return _pool(x, window, _pooled(x, window, round_up=True, clip=any(window.pads)), kind)
