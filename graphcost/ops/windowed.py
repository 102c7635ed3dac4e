"""Operators that slide a window: convolution, its transpose, pooling.

Spatial axes are those after the first two. Padding taps are counted like any other: kernels multiply them, or are
reported as if they did by every tool there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from ..dims import Dim, Extent, Undecided, bounds, ceil_div
from ..graph import Shape, Tensor, UnknownShape
from ..rules import GLOBAL, NO_WORK, Facts, Window, Work, rule
from ..shapes import joins, one_per_axis
from ..windows import identity
from .pointwise import ACTIVATIONS, fused_activation
from .shape_values import shaped
from .values import integers

Axes = Sequence[int]


def per_axis(value: int | Axes | None, axes: int, default: int) -> tuple[int, ...]:
    """A window attribute, an entry per spatial axis; one entry stands for all. Raises ValueError on a wrong count."""
    if value is None or value == ():
        return (default,) * axes
    entries = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, int):
            raise ValueError(f"{list(entries)} should be whole numbers")
    if len(entries) == 1:
        return entries * axes
    if len(entries) != axes:
        raise ValueError(f"{len(entries)} values {list(entries)} for {axes} spatial axes")
    return entries


class DoesNotFit(ValueError):
    """A window that is larger than an input and its padding."""


def steps(
    size: Extent, kernel: Extent, stride: int, before: int, after: int, dilation: int = 1, round_up: bool = False
) -> Extent:
    """How many positions a window takes along an axis of `size`. Raises DoesNotFit when it does not even once."""
    if stride < 1 or dilation < 1:
        raise ValueError(f"stride {stride} and dilation {dilation} should be at least 1")
    if isinstance(kernel, int) and kernel < 1:
        raise ValueError(f"a kernel of {kernel} is empty")
    slack = size + before + after - dilation * (kernel - 1) - 1  # how far the first window can move
    count = (ceil_div(slack, stride) if round_up else slack // stride) + 1
    most = bounds(count)[1]
    if most is not None and most < 1:
        extent = dilation * (kernel - 1) + 1
        raise DoesNotFit(f"a window of {extent} does not fit an input of {size} padded by {before} and {after}")
    return count


def split_pads(pads: Axes | None, axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """ONNX's pads, all the starts and then all the ends."""
    if not pads:
        return (0,) * axes, (0,) * axes
    if len(pads) != 2 * axes:
        raise ValueError(f"{len(pads)} pads {list(pads)} for {axes} spatial axes, which have two each")
    return tuple(pads[:axes]), tuple(pads[axes:])


def slide(
    x: Tensor,
    kernel: Sequence[Extent],
    strides: int | Axes | None,
    pads: Axes | None,
    dilations: int | Axes | None = None,
    auto_pad: str = "NOTSET",
    ceil_mode: bool = False,
) -> tuple[Window, Shape]:
    """The window of an operator and the spatial extents that it leaves.

    `auto_pad` SAME_* makes ceil(size / stride) positions, padding as that needs; VALID pads nothing
    (https://onnx.ai/onnx/operators/onnx__Conv.html). With `ceil_mode` a last window that would start in the padding
    behind the input is dropped, as ONNX (since version 22) and the frameworks do.
    """
    axes = x.rank - 2
    if axes < 1 or len(kernel) != axes:
        raise ValueError(f"a kernel of {len(kernel)} axes on an input of {x.rank}: there should be {axes}")
    stride, dilation = per_axis(strides, axes, 1), per_axis(dilations, axes, 1)
    before, after = split_pads(None if auto_pad == "VALID" else pads, axes)
    spatial: list[Extent] = []
    starts: list[int] = []
    for axis, size in enumerate(x.shape[2:]):
        k, s, d = kernel[axis], stride[axis], dilation[axis]
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            if s < 1:
                raise ValueError(f"stride {s} should be at least 1")
            count = ceil_div(size, s)
            needed = (count - 1) * s + d * (k - 1) + 1 - size
            extra = needed if isinstance(needed, int) and needed > 0 else 0
            starts.append(extra // 2 if auto_pad == "SAME_UPPER" else extra - extra // 2)
        else:
            count = steps(size, k, s, before[axis], after[axis], d, ceil_mode)
            if ceil_mode:
                count = _clip_last(count, size, s, before[axis])
            starts.append(before[axis])
        spatial.append(count)
    taps = tuple([k for k in kernel if isinstance(k, int)])
    if len(taps) < axes:
        return GLOBAL, tuple(spatial)
    return Window(taps, stride, tuple(starts), dilation), tuple(spatial)


def _clip_last(count: Extent, size: Extent, stride: int, before: int) -> Extent:
    """Drop the last window where it would start beyond the input and the padding before it (pooling_layer.cpp)."""
    overshoot = (count - 1) * stride - size - before
    least, most = bounds(overshoot)
    if least is not None and least >= 0:
        return count - 1
    if most is not None and most < 0:
        return count
    return count - (overshoot >= 0)  # raises Undecided: it depends on the size


@rule("Conv", harmless=("kernel_shape",), weights={"w": "learned", "b": "learned"})
def conv(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Facts:
    """x: [N, C, *spatial], w: [M, C/group, *kernel], b: [M] -> [N, M, *spatial].

    https://onnx.ai/onnx/operators/onnx__Conv.html
    """
    check_groups(x.shape[1], w.shape[1], w.shape[0], group)
    window, spatial = slide(x, w.shape[2:], strides, pads, dilations, auto_pad)
    y = Tensor((x.shape[0], w.shape[0], *spatial), x.dtype)
    taps = prod(w.shape[1:])  # C/group is already in the weight's shape
    return Facts((y,), Work(macs=y.size * taps, adds=y.size if b else 0), _of_first(window))


def _of_first(window: Window) -> Window:
    """A window over the first input only: all of the others, the weights, is seen."""
    if not window.kernel:
        return window
    return Window(window.kernel, window.stride, window.pad, window.dilation, window.up, maps=(None,))


def check_groups(channels: Extent, seen: Extent, filters: Extent, group: int) -> None:
    """Raises ValueError unless `group` parts of the channels are what each filter sees, and filters divide evenly."""
    if group < 1:
        raise ValueError(f"group {group} should be at least 1")
    if isinstance(filters, int) and filters % group:
        raise ValueError(f"{filters} filters cannot be split into {group} groups")
    if isinstance(channels, int) and isinstance(seen, int) and channels != seen * group:
        raise ValueError(f"{channels} channels come in, the filters take {seen} in each of {group} group(s)")


@rule("CausalConvWithState", weights={"w": "learned", "b": "learned", "past": "states"})
def causal_conv(
    x: Tensor, w: Tensor, b: Tensor | None = None, past: Tensor | None = None, *, activation: str = "none"
) -> Facts:
    """x: [N, C, length], w: [C, 1, k] -> like x, and the last k - 1 positions, [N, C, k - 1], for the next call.

    Each channel by itself sees its own past: what `past` holds, or zeros. `activation` is SiLU, under two names.
    https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html
    """
    kernel = w.shape[2]
    seen = _of_first(Window((kernel,), (1,), (kernel - 1,), (1,))) if isinstance(kernel, int) else GLOBAL
    work = Work(macs=x.size * kernel, adds=x.size if b is not None else 0)
    if activation not in ("none", "silu", "swish"):
        raise ValueError(f"there is no activation {activation!r}")
    if activation != "none":
        work += (ACTIVATIONS["Sigmoid"] + Work(muls=1)) * x.size
    return Facts((Tensor(x.shape, x.dtype), Tensor((*x.shape[:2], kernel - 1), x.dtype)), work, seen)


@rule("ConvTranspose", harmless=("kernel_shape",), weights={"w": "learned", "b": "learned"})
def conv_transpose(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    group: int = 1,
    output_padding: Axes | None = None,
    output_shape: Axes | None = None,
    auto_pad: str = "NOTSET",
) -> Facts:
    """x: [N, C, *spatial], w: [C, M/group, *kernel], b: [M] -> [N, M, *spatial]; each input meets every tap.

    https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
    """
    axes = x.rank - 2
    if w.rank != x.rank:
        raise ValueError(f"a weight of {w.rank} axes on an input of {x.rank}")
    if isinstance(x.shape[1], int) and isinstance(w.shape[0], int) and x.shape[1] != w.shape[0]:
        raise ValueError(f"{x.shape[1]} channels come in, the weight takes {w.shape[0]}")
    stride, dilation = per_axis(strides, axes, 1), per_axis(dilations, axes, 1)
    extra = per_axis(output_padding, axes, 0)
    before, after = split_pads(None if auto_pad == "VALID" else pads, axes)
    spatial: list[Extent] = []
    starts: list[int] = []
    for axis, size in enumerate(x.shape[2:]):
        s, reach = stride[axis], dilation[axis] * (w.shape[2 + axis] - 1)
        if s < 1 or dilation[axis] < 1:
            raise ValueError(f"stride {s} and dilation {dilation[axis]} should be at least 1")
        full = s * (size - 1) + extra[axis] + reach + 1
        start: Extent = before[axis]
        if output_shape:
            wanted: Extent = output_shape[-axes:][axis]
            start = _cut_before(full - wanted, auto_pad)
        elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            surplus = full - size * s
            is_short = isinstance(surplus, int) and surplus < 0  # a kernel below its stride: nothing is cut off
            wanted = full if is_short else size * s
            start = _cut_before(surplus, auto_pad)
        else:
            wanted = full - before[axis] - after[axis]
        most = bounds(wanted)[1]
        if most is not None and most < 1:
            raise ValueError(f"nothing is left of {full} positions cut by {before[axis]} and {after[axis]}")
        spatial.append(wanted)
        starts.append(start if isinstance(start, int) else 0)
    y = Tensor((x.shape[0], w.shape[1] * group, *spatial), x.dtype)
    work = Work(macs=x.size * prod(w.shape[1:]), adds=y.size if b else 0)
    if any(isinstance(k, Dim) for k in w.shape[2:]):
        return Facts((y,), work, GLOBAL)
    kernel = tuple(k for k in w.shape[2:] if isinstance(k, int))
    pad = tuple(d * (k - 1) - start for d, k, start in zip(dilation, kernel, starts, strict=True))
    return Facts((y,), work, _of_first(Window(kernel, (1,) * axes, pad, dilation, stride)))


def _cut_before(total: Extent, auto_pad: str) -> Extent:
    """How much of what has to be cut off goes before the first output: the smaller half for SAME_UPPER."""
    total = 0 if isinstance(total, int) and total < 0 else total
    return total // 2 if auto_pad == "SAME_UPPER" else total - total // 2


def pool_work(y: Tensor, taps: Extent, kind: str) -> Work:
    """MAX compares all taps but the first; AVE adds as many and divides once; LP raises each tap to a power besides."""
    joined = joins(y.size * taps, y.size)
    if kind == "MAX":
        return Work(compares=joined)
    if kind == "LP":
        return Work(adds=joined, exps=y.size * (taps + 1))
    return Work(adds=joined, divs=y.size)


def _pool(
    x: Tensor,
    kind: str,
    kernel_shape: Axes,
    strides: Axes | None,
    pads: Axes | None,
    dilations: Axes | None,
    auto_pad: str,
    ceil_mode: int,
) -> Facts:
    try:
        window, spatial = slide(x, tuple(kernel_shape), strides, pads, dilations, auto_pad, bool(ceil_mode))
    except DoesNotFit as problem:
        raise Undecided(f"{problem}; what a pool makes of it, runtimes decide") from problem
    y = Tensor((*x.shape[:2], *spatial), x.dtype)
    return Facts((y,), pool_work(y, prod(kernel_shape), kind), window)


@rule("MaxPool", harmless=("storage_order",))
def max_pool(
    x: Tensor,
    *,
    kernel_shape: Axes,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    outputs: int = 1,
) -> Facts:
    """x: [N, C, *spatial] -> [N, C, *spatial], and the indices of the maxima.

    https://onnx.ai/onnx/operators/onnx__MaxPool.html
    """
    facts = _pool(x, "MAX", kernel_shape, strides, pads, dilations, auto_pad, ceil_mode)
    indices = Tensor(facts.outputs[0].shape, "int64")
    return Facts((*facts.outputs, indices)[:outputs], facts.work, facts.window)


@rule("AveragePool", harmless=("count_include_pad",))
def average_pool(
    x: Tensor,
    *,
    kernel_shape: Axes,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
) -> Facts:
    """x: [N, C, *spatial] -> [N, C, *spatial].  https://onnx.ai/onnx/operators/onnx__AveragePool.html"""
    return _pool(x, "AVE", kernel_shape, strides, pads, dilations, auto_pad, ceil_mode)


@rule("LpPool", harmless=("p",))
def lp_pool(
    x: Tensor,
    *,
    kernel_shape: Axes,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
) -> Facts:
    """x: [N, C, *spatial] -> [N, C, *spatial].  https://onnx.ai/onnx/operators/onnx__LpPool.html"""
    return _pool(x, "LP", kernel_shape, strides, pads, dilations, auto_pad, ceil_mode)


def _global_pool(x: Tensor, kind: str) -> Facts:
    y = Tensor((*x.shape[:2], *[1] * (x.rank - 2)), x.dtype)
    return Facts((y,), pool_work(y, prod(x.shape[2:]), kind), GLOBAL)


@rule("GlobalMaxPool")
def global_max_pool(x: Tensor) -> Facts:
    """x: [N, C, *spatial] -> [N, C, 1, ...].  https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html"""
    return _global_pool(x, "MAX")


@rule("GlobalAveragePool")
def global_average_pool(x: Tensor) -> Facts:
    """x: [N, C, *spatial] -> [N, C, 1, ...].  https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html"""
    return _global_pool(x, "AVE")


@rule("GlobalLpPool", harmless=("p",))
def global_lp_pool(x: Tensor) -> Facts:
    """x: [N, C, *spatial] -> [N, C, 1, ...].  https://onnx.ai/onnx/operators/onnx__GlobalLpPool.html"""
    return _global_pool(x, "LP")


@rule("MaxUnpool")
def max_unpool(
    x: Tensor,
    indices: Tensor,
    wanted: Tensor | None = None,
    *,
    kernel_shape: Axes,
    strides: Axes | None = None,
    pads: Axes | None = None,
) -> Facts:
    """Maxima put back where the indices say: to the given shape, else (size - 1) * stride + kernel - pads.

    https://onnx.ai/onnx/operators/onnx__MaxUnpool.html
    """
    axes = x.rank - 2
    if wanted is not None:
        return Facts((shaped(wanted, x.dtype),), NO_WORK, GLOBAL)
    before, after = split_pads(pads, axes)
    kernel = one_per_axis(kernel_shape, axes, "kernel sizes")
    fields = zip(x.shape[2:], kernel, per_axis(strides, axes, 1), before, after, strict=True)
    extents = [(size - 1) * s + k - a - b for size, k, s, a, b in fields]
    return Facts((Tensor((*x.shape[:2], *extents), x.dtype),), NO_WORK, GLOBAL)


@rule("Col2Im")
def col2im(
    x: Tensor,
    image: Tensor,
    block: Tensor,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
) -> Facts:
    """[N, C * taps, positions] -> [N, C, *image]: overlapping blocks added.

    https://onnx.ai/onnx/operators/onnx__Col2Im.html
    """
    sides, extents = integers(block), integers(image)
    if sides is None or extents is None:
        raise UnknownShape("the shape of the image or of a block is not known")
    y = Tensor((x.shape[0], x.shape[1] // prod(sides), *extents), x.dtype)
    return Facts((y,), Work(adds=x.size), GLOBAL)


@rule("DeformConv", harmless=("kernel_shape",), weights={"w": "learned", "b": "learned"})
def deform_conv(
    x: Tensor,
    w: Tensor,
    offset: Tensor,
    b: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    group: int = 1,
    offset_group: int = 1,
) -> Facts:
    """A convolution whose taps are moved by `offset`, each blended from its neighbours (4 in two axes).

    https://onnx.ai/onnx/operators/onnx__DeformConv.html
    """
    facts = conv(x, w, b, strides=strides, pads=pads, dilations=dilations, group=group)
    y = facts.outputs[0]
    samples = y.shape[0] * x.shape[1] * prod(y.shape[2:]) * prod(w.shape[2:])
    corners = 2 ** (x.rank - 2)
    blend = Work(muls=corners + int(mask is not None), adds=corners - 1) * samples
    return Facts((y,), (facts.work or NO_WORK) + blend + Work(adds=1) * offset.size, GLOBAL)


@rule(
    "com.microsoft.FusedConv", harmless=("kernel_shape", "activation_params"), weights={"w": "learned", "b": "learned"}
)
def fused_conv(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    z: Tensor | None = None,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
    activation: str = "",
) -> Facts:
    """A convolution, a tensor added to it, and an activation."""
    facts = conv(x, w, b, strides=strides, pads=pads, dilations=dilations, group=group, auto_pad=auto_pad)
    after = (fused_activation(activation) + Work(adds=int(z is not None))) * facts.outputs[0].size
    window = replace(facts.window, maps=(*facts.window.maps, (), (), identity(x.rank)))
    return Facts(facts.outputs, (facts.work or NO_WORK) + after, window)
