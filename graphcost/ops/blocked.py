"""com.microsoft.nchwc: convolutions and pools on channels stored in blocks, as onnxruntime saves optimised models.

Shapes are stated as if the channels were not blocked. A block has as many channels as the machine that saved the model
has vector lanes (8 or 16), which no file says: channels that had to be rounded up to whole blocks stay open.
https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/graph/contrib_ops/nchwc_schema_defs.cc
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dims import Extent
from ..graph import Tensor
from ..rules import NO_WORK, Facts, data_dependent, rule
from ..shapes import of_rank, one_per_axis
from ..windows import mapped
from . import resize, windowed
from .sampling import REPEATED

LARGEST_BLOCK = 16

rule("com.microsoft.nchwc.Conv", harmless=("kernel_shape", "activation_params"))(windowed.fused_conv)
rule("com.microsoft.nchwc.MaxPool", harmless=("storage_order",))(windowed.max_pool)
rule("com.microsoft.nchwc.AveragePool", harmless=("count_include_pad",))(windowed.average_pool)
rule("com.microsoft.nchwc.GlobalMaxPool")(windowed.global_max_pool)
rule("com.microsoft.nchwc.GlobalAveragePool")(windowed.global_average_pool)


@rule("com.microsoft.nchwc.ReorderInput")
def reorder_input(x: Tensor, *, channels_last: int = 0) -> Facts:
    """[N, C, H, W], or [N, H, W, C] with `channels_last` -> [N, C in whole blocks, H, W]."""
    n, *rest = of_rank(x.shape, 2, "X", or_more=True)
    channels, spatial = (rest[-1], rest[:-1]) if channels_last else (rest[0], rest[1:])
    window = mapped((0, *range(2, x.rank), None) if channels_last else (0, None, *range(2, x.rank)))
    return Facts((Tensor((n, _in_blocks(channels), *spatial), x.dtype),), NO_WORK, window)


@rule("com.microsoft.nchwc.ReorderOutput")
def reorder_output(x: Tensor, *, channels: int, channels_last: int = 0) -> Facts:
    """[N, C in whole blocks, H, W] -> [N, channels, H, W], or [N, H, W, channels] with `channels_last`."""
    n, _, *spatial = of_rank(x.shape, 2, "X", or_more=True)
    shape = (n, *spatial, channels) if channels_last else (n, channels, *spatial)
    first = 1 if channels_last else 2
    return Facts((Tensor(shape, x.dtype),), NO_WORK, mapped((0, None, *range(first, first + len(spatial)))))


@rule("com.microsoft.nchwc.Upsample", harmless=("coordinate_transformation_mode",))
def upsample(x: Tensor, *, scales: Sequence[int] = (1, 1, 1, 1), mode: str = "nearest") -> Facts:
    """[N, C, H, W] -> every axis times its whole scale."""
    shape = [size * scale for size, scale in zip(x.shape, one_per_axis(scales, x.rank, "scales"), strict=True)]
    return resize.resized(x, shape, mode, REPEATED if mode == "nearest" else None)


def _in_blocks(channels: Extent) -> Extent:
    whole = isinstance(channels, int) and channels % LARGEST_BLOCK == 0
    return channels if whole else data_dependent(1)
