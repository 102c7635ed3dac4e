"""Convolutions and pools of com.microsoft on images whose channels come last: [N, *spatial, C].

Weights lie as ONNX's do, [M, C/group, *kernel].
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts, Window, rule
from ..windows import AxisMap, mapped
from . import quantized, windowed
from .quantized import QUANTIZE

Axes = Sequence[int]


def _first(x: Tensor) -> Tensor:
    """[N, *spatial, C] -> [N, C, *spatial]."""
    return Tensor((x.shape[0], x.shape[-1], *x.shape[1:-1]), x.dtype)


def _last(x: Tensor) -> Tensor:
    """[N, C, *spatial] -> [N, *spatial, C]."""
    return Tensor((x.shape[0], *x.shape[2:], x.shape[1]), x.dtype)


def _window(window: Window, mixed: bool) -> Window:
    """The window of an operator on [N, *spatial, C], given that of its like on [N, C, *spatial]."""
    spatial = [
        AxisMap(axis + 1, window.kernel[axis], window.stride[axis], window.pad[axis], window.dilation[axis])
        for axis in range(len(window.kernel))
    ]
    return mapped((0, *spatial, None if mixed else len(spatial) + 1))


def _turned(facts: Facts, mixed: bool) -> Facts:
    """What is stated of [N, C, *spatial], of [N, *spatial, C]."""
    return Facts(tuple([_last(y) for y in facts.outputs]), facts.work, _window(facts.window, mixed))


# --- convolutions -----------------------------------------------------------------------------------------------------


@rule(
    "com.microsoft.NhwcConv",
    "com.microsoft.NhwcFusedConv",
    harmless=("kernel_shape", "activation_params"),
    weights={"w": "learned", "b": "learned"},
)
def conv(
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
    """x [N, *spatial, C], w [M, C/group, *kernel], b [M], z like the result -> [N, *spatial, M]."""
    added = None if z is None else _first(z)
    facts = windowed.fused_conv(_first(x), w, b, added, strides=strides, pads=pads, dilations=dilations, group=group,
                                auto_pad=auto_pad, activation=activation)  # fmt: skip
    return _turned(facts, mixed=True)


@rule(
    "com.microsoft.QLinearConv",
    harmless=("kernel_shape",),
    weights={
        "x_scale": "quantisation",
        "x_zero": "quantisation",
        "w": "learned",
        "w_scale": "quantisation",
        "w_zero": "quantisation",
        "y_scale": "quantisation",
        "y_zero": "quantisation",
        "b": "learned",
    },
)
def qlinear_conv(
    x: Tensor,
    x_scale: Tensor,
    x_zero: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero: Tensor,
    y_scale: Tensor,
    y_zero: Tensor,
    b: Tensor | None = None,
    *,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
    channels_last: int = 0,
) -> Facts:
    """ONNX's QLinearConv, with channels_last on [N, *spatial, C]."""
    image = _first(x) if channels_last else x
    facts = quantized.qlinear_conv(image, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, b, strides=strides,
                                   pads=pads, dilations=dilations, group=group, auto_pad=auto_pad)  # fmt: skip
    return _turned(facts, mixed=True) if channels_last else facts


# --- pools ------------------------------------------------------------------------------------------------------------


@rule("com.microsoft.NhwcMaxPool")
def max_pool(
    x: Tensor,
    *,
    kernel_shape: Axes,
    strides: Axes | None = None,
    pads: Axes | None = None,
    dilations: Axes | None = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
) -> Facts:
    """[N, *spatial, C] of 8 bits, the spatial axes pooled."""
    facts = windowed.max_pool(_first(x), kernel_shape=kernel_shape, strides=strides, pads=pads, dilations=dilations,
                              auto_pad=auto_pad, ceil_mode=ceil_mode)  # fmt: skip
    return _turned(facts, mixed=False)


@rule("com.microsoft.QLinearGlobalAveragePool", weights={"scales": "quantisation"})
def qlinear_global_average_pool(x: Tensor, *scales: Tensor | None, channels_last: int = 0) -> Facts:
    """[N, C, *spatial] -> [N, C, 1, ...]; channels may come last."""
    spatial = (1,) * (x.rank - 2)
    shape = (x.shape[0], *spatial, x.shape[-1]) if channels_last else (*x.shape[:2], *spatial)
    y = Tensor(shape, x.dtype)
    taps = prod(x.shape[1:-1]) if channels_last else prod(x.shape[2:])
    return Facts((y,), windowed.pool_work(y, taps, "AVE") + QUANTIZE * y.size, GLOBAL)


@rule("com.microsoft.QLinearAveragePool", harmless=("count_include_pad",), weights={"scales": "quantisation"})
def qlinear_average_pool(
    x: Tensor,
    *scales: Tensor | None,
    kernel_shape: Axes,
    strides: Axes | None = None,
    pads: Axes | None = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    channels_last: int = 0,
) -> Facts:
    """An average pool of a quantised operand; channels may come last."""
    image = _first(x) if channels_last else x
    facts = windowed.average_pool(
        image, kernel_shape=kernel_shape, strides=strides, pads=pads, auto_pad=auto_pad, ceil_mode=ceil_mode
    )
    y = facts.outputs[0]
    work = (facts.work or NO_WORK) + QUANTIZE * y.size
    if not channels_last:
        return Facts((y,), work, facts.window)
    return Facts((_last(y),), work, _window(facts.window, mixed=False))
