"""Parameters: every learned or constant number that the model carries, counted once however often it is used.

Floating-point and quantised (at most 8-bit) tensors count wherever they hide. Wider integers steer shapes and indices
and do not, save where an operator that multiplies reads them: an int16 matrix, the int32 bias of a quantised layer, a
table whose rows are scaled. A weight belongs to the row of the first operator that computes with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from ..dims import Extent, floor_div
from ..graph import BITS
from .rows import Row, Weight
from .tables import multiplied


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
    result = Parameters()
    seen: set[Hashable] = set()
    rows = list(rows)
    tables = multiplied(rows)
    for row in rows:
        elements: Extent = 0
        nbytes: Extent = 0
        for weight in row.weights:
            if weight.key in seen or not (weight.key in tables or learned(weight, row)):
                continue
            seen.add(weight.key)
            tensor = weight.tensor
            elements += tensor.size
            nbytes += tensor.nbytes
            result.by_dtype[tensor.dtype] = result.by_dtype.get(tensor.dtype, 0) + tensor.size
            result.bytes_by_dtype[tensor.dtype] = result.bytes_by_dtype.get(tensor.dtype, 0) + tensor.nbytes
        hidden = row.facts is None and row.op.may_own_weights
        result.rows.append(None if hidden else elements)
        result.row_bytes.append(None if hidden else nbytes)
        result.total += elements
        result.nbytes += nbytes
    return result


NUMBERS = ("int16", "uint16", "int32")
"""Types wider than 8 bits that quantised tensors have; positions and lengths are of 64 bits."""


def active(rows: Iterable[Row], counted: Parameters) -> Extent:
    """Parameters that work on one token; experts that are not chosen for it do not."""
    resting: Extent = 0
    seen: set[Hashable] = set()
    for row in rows:
        chosen = row.facts.experts if row.facts is not None else None
        for weight in row.weights if chosen else ():
            tensor = weight.tensor
            if chosen and weight.key not in seen and learned(weight, row) and tensor.rank > 1:
                if tensor.shape[0] == chosen[1]:
                    resting += floor_div(tensor.size * (chosen[1] - min(chosen)), chosen[1])
                seen.add(weight.key)
    return counted.total - resting


def learned(weight: Weight, row: Row) -> bool:
    """Whether a constant that an operator reads is a parameter of it."""
    dtype = weight.file_dtype or weight.tensor.dtype
    if not weight.tensor.ranked or dtype in ("bool", "string"):
        return False
    if "int" not in dtype or BITS.get(dtype, 64) <= 8:
        return True
    if weight.is_scaled and dtype in NUMBERS:
        return True
    if row.work is None or row.work.macs == 0:
        return False
    # Positions and lengths that attention and packed products read are int64; a matrix of these has a product of these.
    return dtype in NUMBERS or any(output.dtype == dtype for output in row.outputs)
