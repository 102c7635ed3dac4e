"""Matrix products: fully connected layers and their kin."""

from __future__ import annotations

from ..dims import Extent
from ..graph import Tensor
from ..rules import GLOBAL, Facts, Work, rule
from ..shapes import broadcast, show_shape


def contract(left: Extent, right: Extent) -> Extent:
    """The extent two operands are summed over. Raises ValueError when they disagree."""
    if isinstance(left, int) and isinstance(right, int) and left != right:
        raise ValueError(f"contracted dimensions differ: {left} and {right}")
    return left if isinstance(left, int) else right


@rule("Gemm")
def gemm(a: Tensor, b: Tensor, c: Tensor | None = None, *, transA: int = 0, transB: int = 0) -> Facts:
    """a: [M, K] ([K, M] with transA), b: [K, N] ([N, K] with transB), c: broadcast to the result -> [M, N].

    https://onnx.ai/onnx/operators/onnx__Gemm.html
    """
    if a.rank != 2 or b.rank != 2:
        raise ValueError(f"both operands should be matrices, not {show_shape(a.shape)} and {show_shape(b.shape)}")
    rows, left = (a.shape[1], a.shape[0]) if transA else a.shape
    right, columns = (b.shape[1], b.shape[0]) if transB else b.shape
    depth = contract(left, right)
    y = Tensor((rows, columns), a.dtype)
    return Facts((y,), Work(macs=rows * columns * depth, adds=y.size if c else 0), GLOBAL)


@rule("MatMul")
def matmul(a: Tensor, b: Tensor) -> Facts:
    """a: [*batch, M, K], b: [*batch, K, N] -> [*batch, M, N]; a vector lends itself an axis of 1 and loses it again.

    https://onnx.ai/onnx/operators/onnx__MatMul.html
    """
    if not a.rank or not b.rank:
        raise ValueError("a scalar has no matrix product")
    left = a.shape if a.rank > 1 else (1, *a.shape)
    right = b.shape if b.rank > 1 else (*b.shape, 1)
    depth = contract(left[-1], right[-2])
    batch = broadcast(left[:-2], right[:-2])
    full = Tensor((*batch, left[-2], right[-1]), a.dtype)
    rows = full.shape[-2:-1] if a.rank > 1 else ()
    columns = full.shape[-1:] if b.rank > 1 else ()
    y = Tensor((*batch, *rows, *columns), a.dtype)
    return Facts((y,), Work(macs=full.size * depth), GLOBAL)
