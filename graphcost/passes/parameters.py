"""Parameters: every learned or constant number that the model carries, counted once however often it is used.

Floating-point and quantised (at most 8-bit) tensors count wherever they hide. Wider integers steer shapes and indices
and do not, save where an operator that multiplies reads them: an int16 matrix, the int32 bias of a quantised layer. A
weight belongs to the row of the first operator that computes with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from ..dims import Extent, total
from ..graph import BITS
from .rows import Row, Weight


@dataclass
class Parameters:
    """Counts of one model; `rows` has the new parameters of each row, in the order of the rows."""

    total: Extent = 0
    nbytes: Extent = 0
    by_dtype: dict[str, Extent] = field(default_factory=dict)
    bytes_by_dtype: dict[str, Extent] = field(default_factory=dict)
    rows: list[Extent | None] = field(default_factory=list)
    """None where an operator of which nothing is known may hold weights of its own."""
    row_bytes: list[Extent | None] = field(default_factory=list)


def count(rows: Iterable[Row]) -> Parameters:
    """Elements and bytes of every weight, each at the first row that uses it."""
    seen: set[Hashable] = set()
    by_dtype: dict[str, list[Extent]] = {}
    bytes_by_dtype: dict[str, list[Extent]] = {}
    elements_of: list[Extent | None] = []
    bytes_of: list[Extent | None] = []
    for row in rows:
        elements: Extent = 0
        nbytes: Extent = 0
        for weight in row.weights:
            if weight.key in seen or not learned(weight, row):
                continue
            seen.add(weight.key)
            tensor = weight.tensor
            size, stored = tensor.size, tensor.nbytes
            by_dtype.setdefault(tensor.dtype, []).append(size)
            bytes_by_dtype.setdefault(tensor.dtype, []).append(stored)
            elements += size
            nbytes += stored
        hidden = row.facts is None and row.op.may_own_weights
        elements_of.append(None if hidden else elements)
        bytes_of.append(None if hidden else nbytes)
    elements_by = {dtype: total(sizes) for dtype, sizes in by_dtype.items()}
    bytes_by = {dtype: total(sizes) for dtype, sizes in bytes_by_dtype.items()}
    sums = total(elements_by.values()), total(bytes_by.values())
    return Parameters(*sums, elements_by, bytes_by, elements_of, bytes_of)


def learned(weight: Weight, row: Row) -> bool:
    """Whether a constant that an operator reads is a parameter of it."""
    dtype = weight.file_dtype or weight.tensor.dtype
    if not weight.tensor.ranked or dtype in ("bool", "string"):
        return False
    if "int" not in dtype or BITS.get(dtype, 64) <= 8:
        return True
    if row.work is None or row.work.macs == 0:
        return False
    # Positions and lengths that attention and packed products read are int64; a matrix of these has a product of these.
    return dtype in ("int16", "uint16", "int32") or any(output.dtype == dtype for output in row.outputs)
