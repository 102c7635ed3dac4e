"""What a report takes for granted and what it leaves out, in a line each."""

from __future__ import annotations

from collections.abc import Sequence

from .analysis import Analysis
from .passes.rows import NO_RULE
from .table import counted
from .target import Target

NOTES = 3
"""Operators of which the assumptions say what was counted, before they only count them."""
CAUSES = 5
"""Reasons why operators are not known, before they are only counted."""


def coverage(a: Analysis) -> str:
    """Whether everything was counted, and if not, what was not."""
    if a.complete:
        return "complete"
    if not a.rows:
        return "nothing to count: the graph has no operators"
    number = sum(a.unknown.values())
    causes = ", ".join(f"{kind} x{count}" for kind, count in a.unknown.items())
    parts = [f"the cost of {counted(number, 'operator')} is not known ({causes})"] if number else []
    if a.dependent:
        verb = "depends" if a.dependent == 1 else "depend"
        parts.append(f"{counted(a.dependent, 'more operator' if parts else 'operator')} {verb} on unknown shapes")
    return "lower bounds: " + "; ".join(parts)


def causes(a: Analysis) -> list[str]:
    """Why operators are not known that have a rule: `conv1 (Convolution): field padd is not understood (nearest: pad)`.

    Operators of one type with one reason stand together, and the first few reasons are given.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for row in a.rows if a.unknown else ():
        if row.status != "known" and not row.dependent and row.why and not row.why.startswith(NO_RULE):
            names.setdefault((row.op.type, row.why), []).append(row.name)
    found = [f"{first(of, 2)} ({kind}): {why}" for (kind, why), of in names.items()]
    return [*found[:CAUSES], *([counted(len(found) - CAUSES, "more reason")] if len(found) > CAUSES else [])]


def assumptions(a: Analysis) -> str:
    """What a printed number takes for granted, "" when nothing is open."""
    known = ", ".join(f"{name} = {value}" for name, value in a.assumptions.items())
    open_ = [name for name in a.free_symbols if name not in a.assumptions]
    parts = [f"batch {known} (default; --dim changes it)"] if known else []
    if open_:
        parts.append(f"symbolic dimensions: {first(open_)} (set with --dim {open_[0]}=...)")
    if a.declared:
        numbers = [f"{name} = {number}" for name, number in a.declared.items()]
        parts.append(
            f"data-dependent dimensions, taken from the declared shapes: {first(numbers)} (--dim changes them)"
        )
    if a.defaults:
        numbers = [f"{name} = {number}" for name, number in a.defaults.items()]
        change = f"set with --dim {next(iter(a.defaults))}=300"
        parts.append(f"data-dependent dimensions, as before the network runs: {first(numbers)} ({change})")
    parts += [f"parameters: {first(a.parameters.guesses, NOTES)}"] if a.parameters.guesses else []
    counted_of = [f"{name}: {note}" for name, note in a.notes.items()]
    parts += [first(counted_of, NOTES)] if counted_of else []
    return "; ".join([*parts, *_target_notes(a.target)])


def first(words: Sequence[str], most: int = 8) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _target_notes(target: Target) -> list[str]:
    """In words, what of the target decides sizes, their lives and their moves."""
    weights = target.weights_dtype or target.dtype
    parts = [f"activations as {target.dtype}"] if target.dtype else []
    parts += [f"weights as {weights}"] if weights else []
    words = [", ".join(parts)] if parts else []
    words += ["int8 weights and activations, int32 biases, float32 scales"] if target.quantize else []
    words += ["scalings and shifts by constants folded"] if target.quantize or target.fold_bn else []
    words += ["input and output buffers are the caller's"] if target.io == "caller" else []
    words += ["bytes read and written with operators fused"] if target.fuse else []
    return words + (["run in the order with the lowest peak that was found"] if target.reorder else [])
