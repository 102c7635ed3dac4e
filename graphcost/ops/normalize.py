"""Normalisations and softmax.

Inference is counted. Per-channel constants that a kernel prepares once (the root of a variance) count per channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..dims import Extent, Undecided
from ..graph import Tensor
from ..rules import GLOBAL, NO_WORK, Facts, Work, rule
from ..shapes import axis_of, joins
from ..windows import along, mapped


def softmax_work(size: Extent, groups: Extent) -> Work:
    """Softmax over `size` elements in `groups`: find each maximum, subtract it, raise, sum, divide."""
    joined = joins(size, groups)
    return Work(compares=joined, adds=size + joined, exps=size, divs=size)


def softmax_of(x: Tensor, length: Extent) -> Facts:
    """Softmax over runs of `length` elements; the result has the input's shape."""
    groups = x.size // length if length != 0 else 0
    return Facts((Tensor(x.shape, x.dtype),), softmax_work(x.size, groups), GLOBAL)


def lrn_work(size: Extent, neighbours: Extent) -> Work:
    """Local response normalisation: x / (k + alpha/n * sum of n squares) ** beta (AlexNet, section 3.3)."""
    return Work(muls=size * (neighbours + 1), adds=size * neighbours, exps=size, divs=size)


def standardise_work(size: Extent, groups: Extent) -> Work:
    """Subtract a mean and divide by a deviation that are computed here, over `size` elements in `groups`."""
    return Work(adds=3 * size, muls=size, divs=size + 2 * groups, exps=groups)


@rule("Softmax", "LogSoftmax", since=13)
def softmax(x: Tensor, *, axis: int = -1) -> Facts:
    """[*any] -> the same shape, normalised along `axis`.  https://onnx.ai/onnx/operators/onnx__Softmax.html"""
    at = axis_of(axis, x.rank)
    return _softmax_along(x, range(at, at + 1) if x.rank else ())


@rule("Softmax", "LogSoftmax")
def softmax_1(x: Tensor, *, axis: int = 1) -> Facts:
    """Before version 13 the axes from `axis` on are normalised together, as if flattened.

    https://onnx.ai/onnx/operators/onnx__Softmax.html#softmax-11
    """
    at = axis_of(axis, x.rank) if x.rank and axis != x.rank else x.rank
    return _softmax_along(x, range(at, x.rank))


def _softmax_along(x: Tensor, axes: Sequence[int]) -> Facts:
    facts = softmax_of(x, prod([x.shape[axis] for axis in axes]))
    return Facts(facts.outputs, facts.work, along(axes, x.rank))


@rule("Hardmax", harmless=("axis",))
def hardmax(x: Tensor) -> Facts:
    """[*any] -> the same shape, 1 at the maximum.  https://onnx.ai/onnx/operators/onnx__Hardmax.html"""
    return Facts((Tensor(x.shape, x.dtype),), Work(compares=x.size), GLOBAL)


@rule(
    "BatchNormalization",
    harmless=("epsilon", "momentum", "is_test", "spatial"),
    weights={"scale": "learned", "bias": "learned", "mean": "statistics", "variance": "statistics"},
)
def batch_normalization(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    *,
    training_mode: int = 0,
    outputs: int = 1,
) -> Facts:
    """[N, C, *any] -> the same shape, and in training the statistics; x * factor + shift, prepared once a channel.

    In training_mode the statistics are those of x, and the running ones are brought up to date.
    https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
    """
    channels = scale.size
    work = Work(muls=x.size, adds=x.size) + Work(adds=2, muls=1, divs=1, exps=1) * channels
    if training_mode:
        averaged = Work(muls=2, adds=1) * (2 * channels)
        work = standardise_work(x.size, channels) + Work(muls=1, adds=1) * x.size + averaged
    statistics = (Tensor(scale.shape, scale.dtype),) * 4
    # the statistics that training makes need every element first
    return Facts(
        (Tensor(x.shape, x.dtype), *statistics)[:outputs], work, elementwise=outputs == 1 and not training_mode
    )


@rule("InstanceNormalization", harmless=("epsilon",), weights={"scale": "learned", "bias": "learned"})
def instance_normalization(x: Tensor, scale: Tensor, bias: Tensor) -> Facts:
    """[N, C, *spatial] -> the same shape, by each channel's own statistics.

    https://onnx.ai/onnx/operators/onnx__InstanceNormalization.html
    """
    work = standardise_work(x.size, x.shape[0] * x.shape[1]) + Work(muls=1, adds=1) * x.size
    return Facts((Tensor(x.shape, x.dtype),), work, GLOBAL)


@rule("GroupNormalization", harmless=("epsilon", "stash_type"), weights={"scale": "learned", "bias": "learned"})
def group_normalization(x: Tensor, scale: Tensor, bias: Tensor, *, num_groups: int) -> Facts:
    """[N, C, *spatial] -> the same shape, by the statistics of groups of channels.

    https://onnx.ai/onnx/operators/onnx__GroupNormalization.html
    """
    work = standardise_work(x.size, x.shape[0] * num_groups) + Work(muls=1, adds=1) * x.size
    return Facts((Tensor(x.shape, x.dtype),), work, GLOBAL)


@rule("com.microsoft.GroupNorm", harmless=("epsilon",), weights={"scale": "learned", "bias": "learned"})
def group_norm(
    x: Tensor, scale: Tensor, bias: Tensor, *, groups: int, activation: int = 0, channels_last: int = 1
) -> Facts:
    """[N, H, W, C], or [N, C, H, W] without channels_last -> the same shape, and SiLU of it with activation 1.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.GroupNorm
    """
    work = standardise_work(x.size, x.shape[0] * groups) + Work(muls=1, adds=1) * x.size
    if activation not in (0, 1):
        raise Undecided(f"what activation {activation} is is not known")
    return Facts((Tensor(x.shape, x.dtype),), work + SILU * (x.size if activation else 0), GLOBAL)


SILU = Work(muls=1, adds=1, divs=1, exps=1)
"""x / (1 + exp(-x))."""


@rule(
    "com.microsoft.SkipGroupNorm",
    harmless=("epsilon",),
    weights={"scale": "learned", "bias": "learned", "added": "learned"},
)
def skip_group_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    skip: Tensor,
    added: Tensor | None = None,
    *,
    groups: int,
    activation: int = 0,
    channels_last: int = 1,
    outputs: int = 1,
) -> Facts:
    """GroupNorm of x + skip + added, and that sum.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.SkipGroupNorm
    """
    facts = group_norm(x, scale, bias, groups=groups, activation=activation, channels_last=channels_last)
    sums = Work(adds=x.size * (1 if added is None else 2))
    return Facts((*facts.outputs * 2,)[:outputs], (facts.work or NO_WORK) + sums, GLOBAL)


@rule(
    "LayerNormalization",
    "com.microsoft.LayerNormalization",
    harmless=("epsilon", "epsion", "stash_type"),  # the second is how an exporter spelt the first
    weights={"scale": "learned", "bias": "learned"},
)
def layer_normalization(
    x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int = -1, outputs: int = 1
) -> Facts:
    """[*any] -> the same shape, standardised over the axes from `axis` on; the mean and 1 / deviation besides.

    https://onnx.ai/onnx/operators/onnx__LayerNormalization.html
    """
    at = axis_of(axis, x.rank)
    statistics = Tensor((*x.shape[:at], *[1] * (x.rank - at)))
    work = standardise_work(x.size, statistics.size) + Work(muls=1, adds=int(bias is not None)) * x.size
    window = along(range(at, x.rank), x.rank)
    return Facts((Tensor(x.shape, x.dtype), statistics, statistics)[:outputs], work, window)


@rule(
    "RMSNormalization",
    "SimplifiedLayerNormalization",
    "com.microsoft.SimplifiedLayerNormalization",
    harmless=("epsilon", "stash_type"),
    weights={"scale": "learned"},
)
def rms_normalization(x: Tensor, scale: Tensor, *, axis: int = -1, outputs: int = 1) -> Facts:
    """[*any] -> the same shape, divided by the root of its mean square, and scaled.

    https://onnx.ai/onnx/operators/onnx__RMSNormalization.html
    """
    at = axis_of(axis, x.rank)
    statistics = Tensor((*x.shape[:at], *[1] * (x.rank - at)))
    work = Work(muls=3, adds=1) * x.size + Work(divs=2, adds=1, exps=1) * statistics.size
    return Facts((Tensor(x.shape, x.dtype), statistics)[:outputs], work, along(range(at, x.rank), x.rank))


@rule(
    "com.microsoft.SkipLayerNormalization",
    harmless=("epsilon",),
    weights={"gamma": "learned", "beta": "learned", "bias": "learned"},
)
def skip_layer_normalization(
    x: Tensor,
    skip: Tensor,
    gamma: Tensor,
    beta: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    outputs: int = 1,
) -> Facts:
    """LayerNormalization(x + skip + bias): [batch, steps, hidden]; the fourth output is the sum itself.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.SkipLayerNormalization
    """
    facts = layer_normalization(x, gamma, beta, outputs=3)
    y, mean, deviation = facts.outputs
    work = (facts.work or Work()) + Work(adds=1 + int(bias is not None)) * x.size
    return Facts((y, mean, deviation, y)[:outputs], work, mapped(*facts.window.maps * 2))


@rule(
    "com.microsoft.SkipSimplifiedLayerNormalization",
    harmless=("epsilon",),
    weights={"gamma": "learned", "bias": "learned"},
)
def skip_simplified_layer_normalization(
    x: Tensor, skip: Tensor, gamma: Tensor, bias: Tensor | None = None, *, outputs: int = 1
) -> Facts:
    """RMSNormalization(x + skip + bias); the fourth output is the sum itself.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """
    facts = rms_normalization(x, gamma, outputs=2)
    y, deviation = facts.outputs
    work = (facts.work or Work()) + Work(adds=1 + int(bias is not None)) * x.size
    return Facts((y, deviation, deviation, y)[:outputs], work, mapped(*facts.window.maps * 2))


@rule(
    "com.microsoft.EmbedLayerNormalization",
    harmless=("epsilon", "mask_index_type"),
    weights={
        "words": "learned",
        "positions": "learned",
        "segment_table": "learned",
        "gamma": "learned",
        "beta": "learned",
        "mask": "tables",
    },
)
def embed_layer_normalization(
    ids: Tensor,
    segments: Tensor | None = None,
    words: Tensor | None = None,
    positions: Tensor | None = None,
    segment_table: Tensor | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    mask: Tensor | None = None,
    position_ids: Tensor | None = None,
    *,
    outputs: int = 1,
) -> Facts:
    """ids [batch, steps] -> [batch, steps, hidden]: embeddings added and normalised; and where the mask ends.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.EmbedLayerNormalization
    """
    if words is None:
        raise ValueError("no table of word embeddings")
    y = Tensor((*ids.shape, words.shape[1]), words.dtype)
    facts = layer_normalization(y, words)
    added = Work(adds=2 if segments is not None else 1) * y.size
    reads = (ids.size, 0 if segments is None else segments.size, y.size, y.size)
    tops = (y, Tensor((ids.shape[0],), "int32"), y)[:outputs]
    return Facts(tops, (facts.work or Work()) + added, GLOBAL, elements_read=reads)


@rule("LpNormalization", harmless=("p",))
def lp_normalization(x: Tensor, *, axis: int = -1) -> Facts:
    """[*any] -> the same shape, divided by the norm along `axis`.

    https://onnx.ai/onnx/operators/onnx__LpNormalization.html
    """
    at = axis_of(axis, x.rank)
    length = x.shape[at]
    groups = x.size // length if length != 0 else 0
    work = Work(muls=x.size, adds=x.size, divs=x.size, exps=groups)
    return Facts((Tensor(x.shape, x.dtype),), work, along({at}, x.rank))


@rule("MeanVarianceNormalization")
def mean_variance_normalization(x: Tensor, *, axes: Sequence[int] = (0, 2, 3)) -> Facts:
    """[*any] -> the same shape, standardised over `axes`.

    https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
    """
    gone = {axis_of(axis, x.rank) for axis in axes}
    over = prod(x.shape[axis] for axis in gone)
    work = standardise_work(x.size, x.size // over if over != 0 else 0)
    return Facts((Tensor(x.shape, x.dtype),), work, along(gone, x.rank))


@rule("LRN", harmless=("alpha", "beta", "bias"))
def lrn(x: Tensor, *, size: int) -> Facts:
    """[N, C, *spatial] -> the same shape, by the squares of `size` neighbouring channels.

    https://onnx.ai/onnx/operators/onnx__LRN.html
    """
    return Facts((Tensor(x.shape, x.dtype),), lrn_work(x.size, size))


@rule("NegativeLogLikelihoodLoss", harmless=("ignore_index",), weights={"weight": "settings"})
def nll_loss(x: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean") -> Facts:
    """[N, C, *d], [N, *d] -> a scalar, or [N, *d].

    https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html
    """
    y = Tensor(target.shape if reduction == "none" else (), x.dtype)
    return Facts((y,), Work(adds=target.size, muls=target.size if weight is not None else 0), GLOBAL)


@rule("SoftmaxCrossEntropyLoss", harmless=("ignore_index",), weights={"weight": "settings"})
def softmax_cross_entropy_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean", outputs: int = 1
) -> Facts:
    """[N, C, *d], [N, *d] -> a scalar or [N, *d], and the logarithms of probabilities.

    https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html
    """
    facts = nll_loss(x, target, weight, reduction=reduction)
    work = (facts.work or Work()) + softmax_work(x.size, target.size) + Work(exps=1) * x.size
    return Facts((*facts.outputs, Tensor(x.shape, x.dtype))[:outputs], work, GLOBAL)
