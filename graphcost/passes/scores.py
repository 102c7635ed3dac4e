"""Rows that add a constant to the scores of attention, where that is written in single operators: a mask, or a bias of
positions that an exporter has expanded from a small table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .rows import Row

_THROUGH = frozenset({"Add", "Sub", "Mul", "Div", "Reshape", "Cast", "Where", "Identity", "Squeeze", "Unsqueeze"})
_ADDS = frozenset({"Add", "Sub", "Where"})
_PRODUCTS = frozenset({"MatMul", "Gemm", "Einsum"})


def biased_scores(rows: Sequence[Row]) -> frozenset[int]:
    """Which rows, by id(), add a constant to what a Softmax makes of a product: [..., queries, keys] to the same."""
    if all(row.op.kind != "Softmax" for row in rows):
        return frozenset()
    maker = {row.prefix + name: row for row in rows for name in row.op.outputs}
    found: set[int] = set()
    for row in rows:
        if row.op.kind == "Softmax":
            path = list(_before(row, maker))
            if any(each.op.kind in _PRODUCTS for each in path):
                found.update(id(each) for each in path if each.op.kind in _ADDS and _adds_matrix(each))
    return frozenset(found)


def _before(row: Row, maker: dict[str, Row]) -> Iterator[Row]:
    """The rows that a Softmax's operand comes from, up to products."""
    waiting = [row.prefix + row.op.inputs[0]]
    seen = set(waiting)
    while waiting:
        source = maker.get(waiting.pop())
        if source is None or source.constant:
            continue
        if source.op.kind in _THROUGH:
            names = {source.prefix + name for name in source.op.inputs} - seen
            seen |= names
            waiting += names
        elif source.op.kind not in _PRODUCTS:
            continue
        yield source


def _adds_matrix(row: Row) -> bool:
    """Whether a constant operand has the last two axes of the result, rather than one value for a row of it."""
    result = row.outputs[0]
    for constant, operand in zip(row.constant_inputs, row.inputs, strict=False):
        if constant and operand is not None and operand.ranked and result.ranked and operand.rank > 1:
            matrix = operand.shape[-2:]
            if 1 not in matrix and matrix == result.shape[-2:]:
                return True
    return False
