"""Layers of Caffe's forks that change an image's resolution: interpolation, repetition, unpooling, moving channels.

The same name can mean different things in different forks; their parameters tell them apart.
"""

from __future__ import annotations

from dataclasses import replace
from math import floor
from typing import Any

from ...dims import Extent
from ...graph import Shape, Tensor
from ...rules import GLOBAL, NO_WORK, Facts, rule
from ...shapes import of_rank
from .. import movement
from ..resize import INTERPOLATION, resized
from ..sampling import REPEATED, Sampling
from .fields import Value, choice, whole


@rule("caffe.Interp", harmless=("use_blob_size",))
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
    kept = pad_beg == 0 and pad_end == 0
    facts = resized(x, (*x.shape[:2], *extents), "linear", _CORNERS if kept else None)
    return replace(facts, elements_read=(x.size, 0))


_CORNERS = Sampling("align_corners", exact=False)


@rule("caffe.Resample")
def resample(
    x: Tensor,
    reference: Tensor | None = None,
    *,
    height: Value = None,
    width: Value = None,
    type: Value = "LINEAR",
    antialias: Value = True,
) -> Facts:
    """[N, C, H, W] -> [N, C, *the reference's extents], or the given ones (FlowNet2, resample_layer.cpp).

    With antialias a reduction reads more neighbours the stronger it is; what that costs is not stated.
    """
    if reference is not None:
        extents: Shape = reference.shape[2:]
    else:
        extents = (whole(height, "height", 1), whole(width, "width", 1))
    mode = choice(type, "", "NEAREST", "CUBIC", "LINEAR").lower()
    sampling = Sampling("half_pixel", antialias=bool(antialias), exact=False)
    facts = resized(x, (*x.shape[:2], *extents), mode, sampling)
    facts = replace(facts, elements_read=(*(facts.elements_read or (x.size,)), 0))
    grows = all(
        isinstance(size, int) and isinstance(wanted, int) and wanted >= size
        for size, wanted in zip(x.shape[2:], extents, strict=True)
    )
    return facts if grows or mode == "nearest" or not antialias else replace(facts, work=None)


@rule("caffe.Downsample")
def downsample(
    x: Tensor, reference: Tensor | None = None, *, top_height: Value = None, top_width: Value = None
) -> Facts:
    """[N, C, H, W] -> the reference's height and width, or the given ones (FlowNet); its cost is not stated."""
    extents = reference.shape[2:] if reference is not None else (
        whole(top_height, "top_height", 1), whole(top_width, "top_width", 1)
    )  # fmt: skip
    return Facts((Tensor((*x.shape[:2], *extents)),), None, GLOBAL)


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
        return resized(x, (*x.shape[:2], *[size * factor for size in x.shape[2:]]), "nearest", REPEATED)
    given, cut = (upsample_h, upsample_w), (pad_out_h, pad_out_w)
    extents = [
        size * factor - int(less) if wanted is None else whole(wanted, "upsample_h, upsample_w", 1)
        for size, wanted, less in zip(of_rank(x.shape, 4, "the blob")[2:], given, cut, strict=True)
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
    n, h, w, c = of_rank(x.shape, 4, "the blob")
    return Facts((Tensor((n, h * b, w * b, c // (b * b))),), NO_WORK, GLOBAL)


def _resize(kind: str, mode: str) -> None:
    @rule(f"caffe.{kind}", harmless=("align_corners", "half_pixel_centers"))
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
            shape[axis] = whole(size, "output_height, output_width") if size else _scaled(shape[axis], factor)
        return resized(x, shape, mode)

    resize.__doc__ = f"{kind}: height and width to a size, or times a scale; channels last unless data_format is NCHW."


_resize("ResizeBilinear", "linear")


_resize("ResizeNearestNeighbor", "nearest")


def _scaled(size: Extent, factor: Value) -> Extent:
    """floor(size * factor)."""
    if factor is None:
        raise ValueError("neither an output size nor a scale is given")
    return floor(size * factor) if isinstance(size, int) else size * whole(int(factor), "scale")


@rule("caffe.UNPOOLING", "caffe.Unpooling", harmless=("unpool", "engine"))
def unpooling(x: Tensor, mask: Tensor | None = None, *, unpool_size: Value = None, kernel_size: Value = None,
              stride: Value = None, pad: Value = 0) -> Facts:  # fmt: skip
    """Maxima put back where a mask says: to `unpool_size`, else stride (i - 1) + kernel - 2 pad (DeconvNet)."""
    if unpool_size is not None:
        side: Any = whole(unpool_size, "unpool_size", 1)
        return Facts((Tensor((*x.shape[:2], side, side)),), NO_WORK, GLOBAL)
    k, s, p = whole(kernel_size, "kernel_size", 1), whole(stride, "stride", 1), whole(pad, "pad")
    return Facts((Tensor((*x.shape[:2], *[s * (e - 1) + k - 2 * p for e in x.shape[2:]])),), NO_WORK, GLOBAL)


@rule("caffe.FlowWarp", harmless=("fill_value",))
def flow_warp(x: Tensor, flow: Tensor) -> Facts:
    """[N, C, H, W] sampled along a flow [N, 2, H, W] -> the same shape (FlowNet2)."""
    return Facts((Tensor(x.shape),), INTERPOLATION["linear"] * (2 * x.size), GLOBAL)
