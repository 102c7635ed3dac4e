"""Which integer tables are numbers: of those wider than 8 bits, the ones whose rows are picked and then multiplied.

A table of positions is picked from too, and then says where something else is; a quantised embedding is scaled.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from ..graph import BITS, Tensor
from ..rules import Work
from .rows import Row


def multiplied(rows: Iterable[Row]) -> frozenset[Hashable]:
    """The keys of the weights that are such tables."""
    found: set[Hashable] = set()
    picked: dict[str, frozenset[Hashable]] = {}
    """By name, the tensors that hold rows of a table, and of which."""
    for row in rows:
        if row.facts is None or row.facts.work is None or row.constant or not row.outputs:
            continue
        keys = (_held(row, picked) if picked else frozenset()) or _picks(row)
        work = row.facts.work
        if not keys:
            continue
        if work.macs != 0 or work.muls != 0:
            found |= keys if "float" in row.outputs[0].dtype else set()
        elif _hands_on(row):
            picked[row.prefix + row.op.outputs[0]] = keys
    return frozenset(found)


def _held(row: Row, picked: Mapping[str, frozenset[Hashable]]) -> frozenset[Hashable]:
    """The tables of which an operator reads rows; as positions, where others than its first operand hold them."""
    reads = [name for name, _ in row.read]
    if row.facts is None or not row.facts.elementwise:
        reads = [name for name in reads if name == row.op.inputs[0]]
    return frozenset().union(*(picked.get(row.prefix + name, frozenset()) for name in reads))


def _hands_on(row: Row) -> bool:
    """Whether an operator that multiplies nothing makes the same numbers: moved, in another type, or less an offset."""
    if row.facts is None or row.facts.work is None or row.inputs[0] is None:
        return False
    only_adds = row.facts.work == Work(adds=row.facts.work.adds)
    return only_adds and (row.facts.elementwise or row.outputs[0].dtype == row.inputs[0].dtype)


def _picks(row: Row) -> frozenset[Hashable]:
    """The wide integer tables from which an operator that does nothing else picks rows by what it computes."""
    table = row.inputs[0] if row.inputs else None
    if table is None or not is_wide(table) or not (row.constant_inputs and row.constant_inputs[0]):
        return frozenset()
    reads = row.facts.elements_read if row.facts is not None else None
    if reads is None or all(row.constant_inputs) or not table.ranked or table.rank < 2:
        return frozenset()
    return frozenset(weight.key for weight in row.weights if weight.tensor.dtype == table.dtype)


def is_wide(tensor: Tensor) -> bool:
    """Whether a tensor is of integers that are wider than those of quantised weights mostly are."""
    return "int" in tensor.dtype and BITS.get(tensor.dtype, 64) > 8
