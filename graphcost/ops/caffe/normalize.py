"""Normalisation by stored or by present statistics."""

from __future__ import annotations

from math import prod

from ...dims import Undecided
from ...graph import Tensor
from ...rules import GLOBAL, POINTWISE, Facts, Window, Work, rule
from ..normalize import lrn_work, standardise_work
from ..normalize import softmax as softmax_along
from .fields import LOSS, QUANTISED, Value, blob, choice, whole

STATISTICS = ("use_global_stats", "moving_average_fraction", "eps", "add_eps_before_sqrt", "engine")
"""How statistics are gathered in training, and what keeps a deviation from being zero."""


@rule("caffe.BatchNorm", harmless=STATISTICS)
def batch_norm(x: Tensor, *, scale_bias: Value = False, scale_filler: Value = None, bias_filler: Value = None) -> Facts:
    """(x - mean) / deviation by stored statistics; blobs mean [C], variance [C] and their common factor [1].

    NVIDIA's fork scales and shifts besides, where scale_bias or a filler says so: two blobs [C] more.
    """
    channels = x.shape[1] if x.rank > 1 else 1
    work = Work(adds=x.size, divs=x.size) + Work(adds=1, exps=1) * channels
    weights: tuple[Tensor, ...] = (blob(channels), blob(channels), blob(1))
    if scale_bias or scale_filler is not None or bias_filler is not None:
        work, weights = work + Work(muls=x.size, adds=x.size), (*weights, blob(channels), blob(channels))
    return Facts((Tensor(x.shape),), work, weights=weights, weight_classes=("statistics",) * 3, elementwise=True)


@rule("caffe.BN", harmless=("shift_filler", "bias_filler", "eps", "icnet", "engine"))
def bn(
    x: Tensor,
    *,
    bn_mode: Value = None,
    scale_filler: Value = None,
    slope_filler: Value = None,
    frozen: Value = None,
    momentum: Value = None,
) -> Facts:
    """[N, C, ...] -> the same shape; two blobs [1, C, 1, 1] in SegNet and ENet, in the others mean and variance too."""
    two = (
        slope_filler is None
        and frozen is None
        and momentum is None
        and (bn_mode is not None or scale_filler is not None)
    )
    channels = x.shape[1]
    work = Work(muls=x.size, adds=x.size) + Work(adds=2, muls=1, divs=1, exps=1) * channels
    classes = ("learned",) * 2 + ("statistics",) * (0 if two else 2)
    weights = (blob(1, channels, 1, 1),) * len(classes)
    return Facts((Tensor(x.shape),), work, weights=weights, weight_classes=classes, elementwise=True)


@rule("caffe.LRN", "caffe.LRNRistretto", harmless=("alpha", "beta", "k", "engine", *QUANTISED))
def lrn(x: Tensor, *, local_size: Value = 5, norm_region: Value = "ACROSS_CHANNELS") -> Facts:
    """[N, C, H, W] -> the same shape, each element divided by a power of its neighbours' squares."""
    size = whole(local_size, "local_size", 1)
    if choice(norm_region, "ACROSS_CHANNELS", "WITHIN_CHANNEL") == "ACROSS_CHANNELS":
        return Facts((Tensor(x.shape),), lrn_work(x.size, size))
    axes, side = x.rank - 2, (size - 1) // 2
    window = Window((size,) * axes, (1,) * axes, (side,) * axes, (1,) * axes)
    return Facts((Tensor(x.shape),), lrn_work(x.size, size**axes), window)


@rule("caffe.MVN", harmless=("eps",))
def mvn(x: Tensor, *, normalize_variance: Value = True, across_channels: Value = False) -> Facts:
    """[N, C, ...] -> the same shape with mean 0, and variance 1 unless that is switched off."""
    groups = x.shape[0] if across_channels else x.shape[0] * x.shape[1]
    work = standardise_work(x.size, groups) if normalize_variance else Work(adds=2 * x.size, divs=groups)
    return Facts((Tensor(x.shape),), work, GLOBAL)


@rule("caffe.Softmax", harmless=("engine", *LOSS))
def softmax(x: Tensor, *, axis: Value = 1) -> Facts:
    """[*any] -> the same shape, normalised along `axis`."""
    return softmax_along(x, axis=whole(axis, "axis"))


@rule("caffe.Normalize", harmless=("eps", "bp_norm"))
def normalize(
    x: Tensor,
    *,
    across_spatial: Value = True,
    channel_shared: Value = None,
    scale_filler: Value = None,
    normalize_type: Value = "L2",
    outputs: int = 1,
) -> Facts:
    """[N, C, H, W] -> the same shape, divided by its L2 norm and scaled; blob C, or 1 if channel_shared (SSD).

    Without SSD's parameters it is the face networks' layer, which has no blob; that one's second top is the norm.
    """
    if normalize_type != "L2":
        raise Undecided(f"what a norm {normalize_type} costs is not known")
    groups = x.shape[0] if across_spatial else x.shape[0] * prod(x.shape[2:])
    scaled = channel_shared is not None or scale_filler is not None
    work = Work(muls=x.size * (2 if scaled else 1), adds=x.size, divs=x.size, exps=groups)
    weights = (blob(1 if channel_shared in (None, True, 1) else x.shape[1]),) if scaled else ()
    norm = Tensor((x.shape[0], 1, *x.shape[2:]))
    return Facts((Tensor(x.shape), norm)[:outputs], work, GLOBAL if across_spatial else POINTWISE, weights)


@rule("caffe.ChannelNorm")
def channel_norm(x: Tensor) -> Facts:
    """[N, C, H, W] -> [N, 1, H, W], the L2 norm over channels (FlowNet2)."""
    y = Tensor((x.shape[0], 1, *x.shape[2:]))
    return Facts((y,), Work(muls=x.size, adds=x.size, exps=y.size))
