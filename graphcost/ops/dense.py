"""Matrix products: fully connected layers and their kin; and elimination, which is no product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from ..dims import Extent
from ..graph import Tensor
from ..rules import GLOBAL, Facts, Window, Work, rule
from ..shapes import broadcast, show_shape
from ..windows import FIRST, AxisMap, IndexMap, mapped, stretched
from .pointwise import fused_activation


def contract(left: Extent, right: Extent) -> Extent:
    """The extent two operands are summed over. Raises ValueError when they disagree."""
    if isinstance(left, int) and isinstance(right, int) and left != right:
        raise ValueError(f"contracted dimensions differ: {left} and {right}")
    return left if isinstance(left, int) else right


@rule("Gemm", harmless=("broadcast",), weights={"a": "learned", "b": "learned", "c": "learned"})
def gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    transA: int = 0,
    transB: int = 0,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Facts:
    """a: [M, K] ([K, M] with transA), b: [K, N] ([N, K] with transB), c: broadcast to the result -> [M, N].

    The product is multiplied by alpha and c by beta, where those are not 1.

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
    scaled = (y.size if alpha != 1 else 0) + (c.size if c is not None and beta != 1 else 0)
    return Facts((y,), Work(macs=rows * columns * depth, muls=scaled, adds=y.size if c else 0), window)


@rule("MatMul", weights={"a": "learned", "b": "learned"})
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


@rule("com.microsoft.FusedMatMul", "com.microsoft.TransposeMatMul", weights={"a": "learned", "b": "learned"})
def fused_matmul(
    a: Tensor,
    b: Tensor,
    *,
    transA: int = 0,
    transB: int = 0,
    transBatchA: int = 0,
    transBatchB: int = 0,
    alpha: float = 1.0,
) -> Facts:
    """MatMul of operands that are transposed first, and a product that is multiplied by alpha.

    transBatch moves the first axis of an operand to the place before the last: [M, *batch, K] is read as
    [*batch, M, K]. trans exchanges the last two axes of the result of that, so that with both [K, *batch, M] is read as
    [*batch, M, K].
    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.FusedMatMul
    """
    orders = _order(a, transA, transBatchA), _order(b, transB, transBatchB)
    left, right = (Tensor(tuple(x.shape[at] for at in order), x.dtype) for x, order in zip((a, b), orders, strict=True))
    facts = matmul(left, right)
    maps = zip(facts.window.maps, orders, strict=False)
    window = replace(facts.window, maps=tuple(_before(order, index_map or ()) for index_map, order in maps))
    scaled = Work(muls=facts.outputs[0].size if alpha != 1 else 0)
    return Facts(facts.outputs, facts.work and facts.work + scaled, window)


def _order(x: Tensor, last: int, batch: int) -> list[int]:
    """The axes of an operand in the order in which MatMul is to read them."""
    order = list(range(x.rank))
    if batch and x.rank > 2:
        order = [*order[1:-1], order[0], order[-1]]
    if last and x.rank > 1:
        order[-2:] = order[-1], order[-2]
    return order


def _before(order: Sequence[int], index_map: IndexMap) -> IndexMap:
    """The map of an operand by its own axes, given that of the operand with its axes in another order."""
    return tuple(index_map[order.index(axis)] for axis in range(len(index_map)))


@rule(
    "com.microsoft.FusedGemm",
    harmless=("activation_alpha", "activation_beta", "activation_gamma"),
    weights={"a": "learned", "b": "learned", "c": "learned"},
)
def fused_gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    transA: int = 0,
    transB: int = 0,
    alpha: float = 1.0,
    beta: float = 1.0,
    activation: str = "",
) -> Facts:
    """Gemm and an activation after it."""
    facts = gemm(a, b, c, transA=transA, transB=transB, alpha=alpha, beta=beta)
    after = fused_activation(activation) * facts.outputs[0].size
    return Facts(facts.outputs, (facts.work or Work()) + after, facts.window)


@rule("Einsum", weights={"operands": "learned"})
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
