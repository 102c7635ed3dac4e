"""The blobs that a trained file holds for a layer, compared with those that the layer's rule allocates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..graph import Op, Tensor
from ..rules import Facts
from ..shapes import show_shape
from .rows import Row

NAMED = 4
"""Layers that a message names before it only counts them."""


def difference(op: Op, facts: Facts) -> str:
    """How the blobs in the file differ from the rule's: which, and both shapes; "" where they do not.

    Caffe refuses to load such a file (Net::CopyTrainedLayersFrom). Extents of 1 are not compared: older files pad every
    shape to four axes.
    """
    held, allocated = op.blobs or (), facts.weights
    for at, (theirs, ours) in enumerate(zip(held, allocated, strict=False)):
        if _differ(theirs, ours):
            return f"blob {at} is {show_shape(theirs.shape)}, and {op.type} has {show_shape(ours.shape)}"
    if len(held) != len(allocated):
        return f"{_listed(held)}, and {op.type} has {_listed(allocated)}"
    return ""


def warnings(rows: Iterable[Row], path: str) -> list[str]:
    """Where the blobs in the trained file at `path` are not those of the layers, and the layers that it leaves out."""
    said, missing = [], []
    for row in rows:
        if row.facts is None or row.facts.work is None:
            continue
        if row.op.blobs is None:
            missing += [row.name] if row.facts.weights else []
        elif different := difference(row.op, row.facts):
            said.append(f"{row.name}: in {path} {different}")
    if missing:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        said.append(f"no weights in {path} for {', '.join(missing[:NAMED])}{more}")
    return said


def _differ(a: Tensor, b: Tensor) -> bool:
    shapes = [[extent for extent in tensor.shape if extent != 1] for tensor in (a, b)]
    pairs = zip(*shapes, strict=False)
    return len(shapes[0]) != len(shapes[1]) or any(m != n for m, n in pairs if isinstance(n, int))


def _listed(blobs: Sequence[Tensor]) -> str:
    shapes = ", ".join(show_shape(tensor.shape) for tensor in blobs)
    return f"{len(blobs)} blob{'' if len(blobs) == 1 else 's'}" + (f" ({shapes})" if shapes else "")
