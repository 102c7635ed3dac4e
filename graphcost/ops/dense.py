"""Matrix products: fully connected layers and their kin; and elimination, which is no product."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..rules import GLOBAL, Facts, Window, Work, rule
from ..shapes import broadcast, show_shape
from ..windows import FIRST, AxisMap, IndexMap, mapped, stretched


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
    left_map, right_map = (None, 0) if transA else (0, None), (1, None) if transB else (None, 1)
    added = stretched(c.shape, y.shape) if c is not None and c.ranked else ()
    window = mapped(left_map, right_map, added)
    return Facts((y,), Work(macs=rows * columns * depth, adds=y.size if c else 0), window)


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
    return Facts((y,), Work(macs=full.size * depth), _product_window(a, b, y))


def _product_window(a: Tensor, b: Tensor, y: Tensor) -> Window:
    """Rows are seen along a's last axis, columns along b's last but one; vectors are seen as a whole."""
    if a.rank < 2 or b.rank < 2:
        return GLOBAL
    rows, columns = y.rank - 2, y.rank - 1
    return mapped(
        (*stretched(a.shape[:-2], y.shape[:-2]), rows, None), (*stretched(b.shape[:-2], y.shape[:-2]), None, columns)
    )


@rule("com.microsoft.FusedMatMul", "com.microsoft.TransposeMatMul")
def fused_matmul(
    a: Tensor, b: Tensor, *, transA: int = 0, transB: int = 0, transBatchA: int = 0, transBatchB: int = 0
) -> Facts:
    """MatMul of operands whose last two axes, or whose batch axes, are turned first.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedMatMul
    """
    return matmul(_turned(a, transA, transBatchA), _turned(b, transB, transBatchB))


def _turned(x: Tensor, last: int, batch: int) -> Tensor:
    shape = list(x.shape)
    if batch and x.rank > 2:  # the axis before the last goes to the front
        shape = [shape[-2], *shape[:-2], shape[-1]]
        shape = [*shape[1:-1], shape[0], shape[-1]] if not last else shape
    if last and x.rank > 1:
        shape[-2], shape[-1] = shape[-1], shape[-2]
    return Tensor(tuple(shape), x.dtype)


@rule("com.microsoft.FusedGemm")
def fused_gemm(a: Tensor, b: Tensor, c: Tensor | None = None, *, transA: int = 0, transB: int = 0) -> Facts:
    """Gemm and an activation after it; one comparison an element is counted for that."""
    facts = gemm(a, b, c, transA=transA, transB=transB)
    return Facts(facts.outputs, (facts.work or Work()) + Work(compares=1) * facts.outputs[0].size, facts.window)


@rule("Einsum")
def einsum(*operands: Tensor, equation: str) -> Facts:
    """Indices of each operand -> those of the result; an ellipsis stands for axes that broadcast.

    Operands are contracted from the left, two at a time: each step multiplies and adds once for every combination of
    the indices it sees, less those that nothing later needs. With one operand there is nothing to multiply.
    https://onnx.ai/onnx/operators/onnx__Einsum.html
    """
    terms, result = _indices(equation, operands)
    if strange := set(result).difference(*terms):
        raise ValueError(f"{equation!r} names {', '.join(sorted(strange))}, which no operand has")
    extents: dict[str, Extent] = {}
    for term, operand in zip(terms, operands, strict=True):
        for index, extent in zip(term, operand.shape, strict=True):
            (extents[index],) = broadcast((extents.get(index, 1),), (extent,))
    y = Tensor(tuple(extents[index] for index in result), operands[0].dtype)
    window = mapped(*(_indexed(term, x, result, y) for term, x in zip(terms, operands, strict=True)))
    if len(operands) == 1:
        moved = set(terms[0]) == set(result)
        return Facts((y,), Work(adds=0 if moved else prod(extents[i] for i in set(terms[0]))), window)
    macs: Extent = 0
    left = set(terms[0])
    for at, term in enumerate(terms[1:], 1):
        macs = macs + prod(extents[index] for index in left | set(term))
        later = set(result).union(*terms[at + 1 :])
        left = (left | set(term)) & later
    return Facts((y,), Work(macs=macs), window)


def _indexed(term: str, operand: Tensor, result: str, y: Tensor) -> IndexMap:
    """How an operand is read by an index for each of its axes: all of it along those that are summed over."""

    def entry(index: str, extent: Extent) -> int | AxisMap | None:
        if index not in result or term.count(index) > 1 or result.count(index) > 1:
            return None
        axis = result.index(index)
        return FIRST if extent == 1 and y.shape[axis] != 1 else axis

    return tuple([entry(index, extent) for index, extent in zip(term, operand.shape, strict=True)])


def _indices(equation: str, operands: Sequence[Tensor]) -> tuple[list[str], str]:
    """The indices of each operand and of the result, one character an axis; digits stand for those of an ellipsis."""
    text = "".join(equation.split())
    before, arrow, after = text.partition("->")
    terms = before.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"{equation!r} names {len(terms)} operands; there are {len(operands)}")
    pairs = [(term, operand) for term, operand in zip(terms, operands, strict=True) if "..." in term]
    widest = max((operand.rank - len(term) + 3 for term, operand in pairs), default=0)
    hidden = "0123456789"[:widest]
    full = []
    for term, operand in zip(terms, operands, strict=True):
        axes = operand.rank - len(term.replace("...", ""))
        spelled = term.replace("...", hidden[widest - axes :]) if "..." in term else term
        if len(spelled) != operand.rank:
            raise ValueError(f"{term!r} names {len(spelled)} axes of a tensor of {operand.rank}")
        full.append(spelled)
    if arrow:
        return full, after.replace("...", hidden)
    seen = "".join(full)
    return full, hidden + "".join(sorted(i for i in set(seen) if seen.count(i) == 1 and i not in hidden))


@rule("Det")
def det(x: Tensor) -> Facts:
    """[*batch, n, n] -> [*batch], the product of the pivots.  https://onnx.ai/onnx/operators/onnx__Det.html

    With k rows left below a pivot, the largest is looked for, and each takes a quotient and k products and differences.
    """
    n = _square(x)
    quotients, products = n * (n - 1) // 2, n * (n - 1) * (2 * n - 1) // 6  # sums of k and of k^2 below n
    y = Tensor(x.shape[:-2], x.dtype)
    return Facts((y,), Work(muls=products + n, adds=products, divs=quotients, compares=quotients) * y.size, GLOBAL)


@rule("com.microsoft.Inverse")
def inverse(x: Tensor) -> Facts:
    """[*batch, n, n] -> the same shape; elimination takes about n^3 products and sums a matrix.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.Inverse
    """
    return Facts((Tensor(x.shape, x.dtype),), Work(muls=1, adds=1) * (x.size * _square(x)), GLOBAL)


def _square(x: Tensor) -> Extent:
    """The extent of the matrices in the last two axes. Raises ValueError when they are not square."""
    sides = x.shape[-2:]
    if len(sides) < 2 or len({side for side in sides if isinstance(side, int)}) > 1:
        raise ValueError(f"the operand should be square matrices, not {show_shape(x.shape)}")
    return contract(*sides)
