"""What defines an operator, as columns show it: its window, its channels, the types of its weights."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from .dims import Extent
from .graph import Tensor
from .passes.parameters import is_parameter
from .passes.rows import Row
from .rules import POINTWISE, Window


def type_text(row: Row) -> str:
    """The operator's type and what defines it: kernel, /stride, dilation, group; as `Convolution 3x3/2 g32`."""
    return _type_text(row.op.type, _window(row), _group(row))


@lru_cache(maxsize=4096)
def _type_text(type_: str, window: Window, group: int) -> str:
    parts = [type_]
    if window.kernel and window.up:
        parts.append(_each(window.kernel) + "*" + _each(window.up, once=True))
    elif window.kernel and ("Conv" in type_ or {*window.kernel, *window.stride} != {1}):
        stride = "" if set(window.stride) == {1} else "/" + _each(window.stride, once=True)
        dilation = "" if set(window.dilation) == {1} else " d" + _each(window.dilation, once=True)
        parts.append(_each(window.kernel) + stride + dilation)
    if group > 1:
        parts.append(f"g{group}")
    return " ".join(parts)


def kernel(row: Row) -> str:
    """`3x3`; "" where no kernel slides."""
    return _each(_window(row).kernel)


def stride(row: Row) -> str:
    """`2`, or `2x1` where axes differ; of a transposed convolution its stride too."""
    window = _window(row)
    return _each(window.up or window.stride, once=True) if window.kernel else ""


def pad(row: Row) -> str:
    """Padding before the first input, `1` or `1x0`; of a transposed convolution what is cut off."""
    window = _window(row)
    if not window.up:
        return _each(window.pad, once=True) if window.kernel else ""
    extents = zip(window.kernel, window.dilation, window.pad, strict=False)
    return _each([dilation * (taps - 1) - before for taps, dilation, before in extents], once=True)


def dilation(row: Row) -> str:
    """Input elements from one tap to the next."""
    window = _window(row)
    return _each(window.dilation, once=True) if window.kernel else ""


def groups(row: Row) -> int | str:
    """Groups of channels of a convolution; "" for other operators."""
    return _group(row) if _window(row).kernel and row.work is not None and row.work.macs != 0 else ""


def channels(row: Row, of_output: bool) -> Extent | str:
    """Channels of the first input, or of the output, of what slides a kernel; of a product by a matrix the
    extents of that. "" for other operators.
    """
    tensors = row.outputs if of_output else row.inputs
    tensor: Tensor | None = tensors[0] if tensors else None
    if tensor is None or not tensor.ranked or not tensor.rank:
        return ""
    if _window(row).kernel:
        last = "Nhwc" in row.op.kind or row.op.attrs.get("channels_last", 0) or tensor.rank == 1
        return tensor.shape[-1 if last else 1]
    result, work = row.outputs[0], row.work
    if (
        work is None
        or work.macs == 0
        or not result.ranked
        or all(not w.tensor.ranked or w.tensor.rank != 2 for w in row.weights)
    ):
        return ""
    return result.shape[-1] if of_output else divided(work.macs, result.size)


def divided(macs: Extent, outputs: Extent) -> Extent | str:
    """How many products are summed for an output, "" where that is not the same for all."""
    whole = isinstance(macs, int) and isinstance(outputs, int) and outputs and macs % outputs == 0
    return macs // outputs if whole else ""


def weights_dtype(row: Row) -> str:
    """The types of the parameters that it works with: `float32`, `int4, float16`."""
    return ", ".join(dict.fromkeys(weight.tensor.dtype for weight in row.weights if is_parameter(weight, row)))


def _window(row: Row) -> Window:
    return row.facts.window if row.facts else POINTWISE


def _group(row: Row) -> int:
    group = row.op.attrs.get("group", 1)
    return group if isinstance(group, int) else 1


def _each(numbers: Iterable[object], once: bool = False) -> str:
    """A number per axis as 3x3; `once`, of axes that are all alike one."""
    texts = list(map(str, numbers))
    return texts[0] if once and len(set(texts)) == 1 else "x".join(texts)
