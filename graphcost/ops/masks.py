"""Tensors of which the position of an element tells what it is: triangles, a diagonal, rows of one hot element."""

from __future__ import annotations

from ..dims import Dim
from ..graph import Scalar, Tensor, element_type
from ..rules import NO_WORK, Facts, data_dependent, rule
from ..shapes import axis_of
from ..windows import identity, mapped
from . import values


@rule("Trilu", "com.microsoft.Trilu")
def trilu(x: Tensor, k: Tensor | None = None, *, upper: int = 1) -> Facts:
    """[*batch, M, N] -> the same shape, the triangle kept that begins `k` above the diagonal and lies above, or below.

    https://onnx.ai/onnx/operators/onnx__Trilu.html
    """
    begins = 0 if k is None else values.item(k)
    value = None
    if x.value is not None and isinstance(begins, int):
        kept = [begins <= distance if upper else distance <= begins for distance in _distances(x)]
        zero = 0.0 if values.is_float(x.dtype) else 0
        value = tuple([element if keep else zero for element, keep in zip(x.value, kept, strict=True)])
    return Facts((Tensor(x.shape, x.dtype, value),), NO_WORK, mapped(identity(x.rank)))


def _distances(x: Tensor) -> list[int]:
    """How far above the diagonal of its matrix each element of a tensor lies."""
    matrices, rows, columns = (values.count(part) for part in (x.shape[:-2], x.shape[-2:-1], x.shape[-1:]))
    return [column - row for row in range(rows) for column in range(columns)] * matrices


@rule("EyeLike")
def eye_like(x: Tensor, *, dtype: int = 0, k: int = 0) -> Facts:
    """[M, N] -> [M, N], ones on a diagonal.  https://onnx.ai/onnx/operators/onnx__EyeLike.html"""
    value = None
    if x.rank == 2 and values.small(x.shape):
        value = tuple([int(distance == k) for distance in _distances(x)])
    kind = element_type(dtype, x.dtype)
    return Facts((Tensor(x.shape, kind, values.cast(value, kind)),), NO_WORK, elements_read=(0,))


@rule("OneHot", weights={"pair": "settings"})
def one_hot(indices: Tensor, depth: Tensor, pair: Tensor, *, axis: int = -1) -> Facts:
    """indices [*any], depth: a scalar, pair: [off, on] -> [*any] with an axis of `depth` put in at `axis`.

    https://onnx.ai/onnx/operators/onnx__OneHot.html
    """
    classes = values.item(depth)
    at = axis_of(axis, indices.rank + 1)
    extent = data_dependent(at) if classes is None else classes if isinstance(classes, Dim) else int(classes)
    y = Tensor((*indices.shape[:at], extent, *indices.shape[at:]), pair.dtype)
    if pair.value is not None and len(pair.value) == 2 and values.small(y.shape):
        y = Tensor(y.shape, y.dtype, _hot(indices, values.count((extent,)), at, *pair.value))
    return Facts((y,), NO_WORK, mapped((*range(at), *range(at + 1, y.rank))))


def _hot(indices: Tensor, classes: int, at: int, off: Scalar, on: Scalar) -> values.Value:
    """`on` where the index names the class, those below 0 counted from the last, `off` elsewhere and for any other."""
    chosen = values.ints(indices)
    if chosen is None:
        return None
    inner = values.count(indices.shape[at:])
    return tuple([
        on if chosen[before + place] % classes == number and -classes <= chosen[before + place] < classes else off
        for before in range(0, len(chosen), max(inner, 1))
        for number in range(classes)
        for place in range(inner)
    ])  # fmt: skip
