"""Layers that multiply by a matrix, or look rows of one up."""

from __future__ import annotations

from math import prod

from ...dims import Undecided
from ...graph import Tensor
from ...rules import GLOBAL, Facts, Work, rule
from ...shapes import axis_of
from .. import dense
from .fields import FILLERS, QUANTISED, Value, blob, whole


@rule("caffe.InnerProduct", "caffe.FcRistretto", harmless=(*FILLERS, *QUANTISED))
def inner_product(
    x: Tensor,
    weight: Tensor | None = None,
    *,
    num_output: Value = None,
    bias_term: Value = True,
    axis: Value = 1,
    transpose: Value = False,
) -> Facts:
    """[*lead, *rest] -> [*lead, num_output]; blobs W [num_output, K], or [K, num_output] with transpose, and b.

    A second bottom is the weight itself, and no blob (https://github.com/happynear/caffe-windows,
    inner_product_layer.cpp).
    """
    filters = whole(num_output, "num_output", 1)
    at = axis_of(whole(axis, "axis"), x.rank)
    rows, depth = prod(x.shape[:at]), prod(x.shape[at:])
    w, b = blob(*((depth, filters) if transpose else (filters, depth))), blob(filters) if bias_term else None
    own: tuple[Tensor, ...] = (w, b) if b else (w,)
    if weight is not None:
        if b is not None:
            raise Undecided("whether a layer whose weight is a bottom has a bias of its own is not known")
        if weight.size != w.size:
            raise ValueError(f"a weight of {weight.size} elements for {filters} outputs of {depth} inputs each")
        own = ()
    work = dense.gemm(Tensor((rows, depth)), w, b, transB=not transpose).work
    return Facts((Tensor((*x.shape[:at], filters)),), work, GLOBAL, own)


@rule("caffe.Embed", harmless=FILLERS)
def embed(x: Tensor, *, num_output: Value = None, input_dim: Value = None, bias_term: Value = True) -> Facts:
    """Indices [*any] -> [*any, num_output]; blobs W [input_dim, num_output] and b. A row of W is copied per index."""
    filters, rows = whole(num_output, "num_output", 1), whole(input_dim, "input_dim", 1)
    y = Tensor((*x.shape, filters))
    weights = (blob(rows, filters), blob(filters)) if bias_term else (blob(rows, filters),)
    return Facts((y,), Work(adds=y.size if bias_term else 0), weights=weights, elements_read=(x.size, y.size))
