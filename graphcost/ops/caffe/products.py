"""Layers that multiply by a matrix, or look rows of one up."""

from __future__ import annotations

from math import prod

from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, Work, rule
from ...shapes import axis_of
from .. import dense
from .fields import Value, blob, whole


@rule("caffe.InnerProduct")
def inner_product(
    *bottoms: Tensor, num_output: Value = None, bias_term: Value = True, axis: Value = 1, transpose: Value = False
) -> Facts:
    """[*lead, *rest] -> [*lead, num_output]; blobs W [num_output, K], or [K, num_output] with transpose, and b."""
    filters = whole(num_output, "num_output", 1)
    at = axis_of(whole(axis, "axis"), bottoms[0].rank)
    depth = prod(bottoms[0].shape[at:])
    w, b = blob(*((depth, filters) if transpose else (filters, depth))), blob(filters) if bias_term else None
    outputs, work = [], NO_WORK
    for x in bottoms:
        rows = Tensor((prod(x.shape[:at]), prod(x.shape[at:])))
        work += dense.gemm(rows, w, b, transB=not transpose).work or NO_WORK
        outputs.append(Tensor((*x.shape[:at], filters)))
    return Facts(tuple(outputs), work, GLOBAL, (w, b) if b else (w,))


@rule("caffe.Embed")
def embed(x: Tensor, *, num_output: Value = None, input_dim: Value = None, bias_term: Value = True) -> Facts:
    """Indices [*any] -> [*any, num_output]; blobs W [input_dim, num_output] and b. A row of W is copied per index."""
    filters, rows = whole(num_output, "num_output", 1), whole(input_dim, "input_dim", 1)
    y = Tensor((*x.shape, filters))
    weights = (blob(rows, filters), blob(filters)) if bias_term else (blob(rows, filters),)
    return Facts((y,), Work(adds=y.size if bias_term else 0), weights=weights, elements_read=(x.size, y.size))
