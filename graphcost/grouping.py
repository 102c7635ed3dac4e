"""Rows of a table gathered into groups: by operator, module or resolution, and blocks that repeat folded into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .analysis import Analysis
from .columns import Column
from .defining import type_text
from .graph import Tensor
from .passes.rows import Row
from .table import Value, shapes_text

GROUPS = ("op", "scope", "stage", "fold")
LONGEST_BLOCK = 512
"""Layers of a block that is looked for, in a network of no more than FOLDED layers; fewer in a larger one."""
FOLDED = 4_000
LEAST = 4
"""Layers that a fold stands for, at least."""
KINDS = 6
"""Layers of a block that its name lists."""

Group = tuple[str, list[int]]
"""A name, and the numbers of the rows."""


class Fold(NamedTuple):
    """A row by itself, or blocks of rows that repeat one after another."""

    rows: list[int]
    kinds: list[str]
    """The type of each row of a block, with what defines it."""

    @property
    def times(self) -> int:
        return len(self.rows) // len(self.kinds)

    @property
    def block(self) -> list[int]:
        """The rows of the first block."""
        return self.rows[: len(self.kinds)]

    @property
    def text(self) -> str:
        """The kinds of a block, of many the first: `Conv, BatchNormalization, Relu`."""
        more = [f"{len(self.kinds) - KINDS} more"] if len(self.kinds) > KINDS else []
        return ", ".join([*self.kinds[:KINDS], *more])


def groups(analysis: Analysis, rows: Sequence[int], by: str) -> list[Group]:
    """The groups of some rows, in the order of the first of each."""
    if by == "fold":
        return [(_fold_name(analysis, fold), fold.rows) for fold in folds(analysis, rows)]
    found: dict[str, list[int]] = {}
    for at in rows:
        found.setdefault(_group(analysis.rows[at], by), []).append(at)
    return list(found.items())


def group_value(analysis: Analysis, column: Column, rows: Sequence[int]) -> Value:
    """What a column says of a group of rows: mostly their sum."""
    if column.group_value is not None:
        return column.group_value(analysis, rows)
    values = [column.value(analysis, at) for at in rows]
    if column.form == "text":
        distinct = dict.fromkeys(map(str, values))
        return next(iter(distinct)) if len(distinct) == 1 else f"({len(distinct)} kinds)"
    if column.aggregate == "max":
        return _largest(values)
    parts = [value for value in values if value not in (None, "")]
    return sum(parts[1:], parts[0]) if parts else "" if column.form == "share" or None not in values else None


def _fold_name(analysis: Analysis, fold: Fold) -> str:
    return f"{fold.times} x {{{fold.text}}}" if fold.times > 1 else analysis.rows[fold.rows[0]].name


def folds(analysis: Analysis, rows: Sequence[int]) -> list[Fold]:
    """Rows one by one, and blocks that repeat one after another as one: `12 x {Conv, BatchNormalization, Relu}`.

    Two layers are alike that are of one type, with one kernel, and make tensors of one shape.
    """
    number: dict[tuple[str, str], int] = {}
    texts = [(type_text(analysis.rows[at]), shapes_text(analysis.rows[at].outputs)) for at in rows]
    kinds = [number.setdefault(text, len(number)) for text in texts]
    longest = LONGEST_BLOCK if len(rows) <= FOLDED else max(1, LONGEST_BLOCK * FOLDED // len(rows))
    found: list[Fold] = []
    at = 0
    while at < len(rows):
        length, times = _repeats(kinds, at, longest)
        if times == 1 or length * times < LEAST:
            length, times = 1, 1
        members = list(rows[at : at + length * times])
        found.append(Fold(members, [kind for kind, _ in texts[at : at + length]]))
        at += len(members)
    return found


def _repeats(kinds: Sequence[int], start: int, longest: int) -> tuple[int, int]:
    """The length of the block that begins here, and how often it repeats: what covers most layers, by short blocks."""
    best = (1, 1)
    for length in range(1, min(longest, (len(kinds) - start) // 2) + 1):
        if kinds[start] != kinds[start + length]:
            continue
        block, times = kinds[start : start + length], 1
        while kinds[start + times * length : start + (times + 1) * length] == block:
            times += 1
        if times > 1 and times * length > best[0] * best[1]:
            best = (length, times)
    return best


def _largest(values: Sequence[Value]) -> Value:
    """The largest number among values; None when all that there are is not known, "" when there are none."""
    numbers = [value for value in values if isinstance(value, int)]
    return max(numbers) if numbers else None if None in values else ""


def _group(row: Row, by: str) -> str:
    return row.op.type if by == "op" else (row.scope or "(root)") if by == "scope" else _stage(row.outputs)


def _stage(outputs: Sequence[Tensor]) -> str:
    """The resolution an operator works at: the spatial extents of its first output."""
    first = outputs[0] if outputs else None
    if first is None or not first.ranked:
        return "?"
    return "x".join(map(str, first.shape[2:])) or "flat"
