"""Normalisations and softmax.

Inference is counted. Per-channel constants that a kernel prepares once (the root of a variance) count per channel.
"""

from __future__ import annotations

from ..dims import Extent
from ..graph import Tensor
from ..rules import GLOBAL, Facts, Work


def softmax_work(size: Extent, groups: Extent) -> Work:
    """Softmax over `size` elements in `groups`: find each maximum, subtract it, raise, sum, divide."""
    return Work(compares=size - groups, adds=2 * size - groups, exps=size, divs=size)


def softmax_of(x: Tensor, length: Extent) -> Facts:
    """Softmax over runs of `length` elements; the result has the input's shape."""
    groups = x.size // length if length != 0 else 0
    return Facts((Tensor(x.shape, x.dtype),), softmax_work(x.size, groups), GLOBAL)


def lrn_work(size: Extent, neighbours: Extent) -> Work:
    """Local response normalisation: x / (k + alpha/n * sum of n squares) ** beta (AlexNet, section 3.3)."""
    return Work(muls=size * (neighbours + 1), adds=size * neighbours, exps=size, divs=size)


def standardise_work(size: Extent, groups: Extent) -> Work:
    """Subtract a mean and divide by a deviation that are computed here, over `size` elements in `groups`."""
    return Work(adds=3 * size, muls=size, divs=size + 2 * groups, exps=groups)
