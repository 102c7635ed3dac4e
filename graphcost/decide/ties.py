"""Dimensions that a network ties together, as its own declared outputs say: total = past + sequence.

A file names the extents of its outputs. Where it names one by a symbol that inputs have too, and inference finds it to
be a formula of other symbols, the symbol stands for that formula wherever the file uses it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..analysis import Analysis
from ..binding import Binding
from ..dims import Dim, Extent, TooLarge, solve, substitute, symbols
from ..errors import ModelError


def ties(analysis: Analysis) -> dict[str, Extent]:
    """The symbols that stand for formulas of others."""
    model, found = analysis.model, dict[str, Extent]()
    given = {
        name
        for tensor in analysis.inputs.values()
        if tensor.ranked
        for extent in tensor.shape
        for name in symbols(extent)
    }
    for output in model.outputs:
        stated, made = model.declared.get(output), analysis.tensors.get(output)
        if stated is None or made is None or not (stated.ranked and made.ranked) or stated.rank != made.rank:
            continue
        for name, extent in zip(stated.shape, made.shape, strict=True):
            if not isinstance(name, Dim) or not isinstance(extent, Dim) or name == extent:
                continue
            tied = solve(name, extent)
            if tied is None or tied[0] not in given or tied[0] in found or tied[0] in symbols(tied[1]):
                continue
            if not symbols(tied[1]).isdisjoint(found) or not symbols(tied[1]) <= given:
                continue
            found[tied[0]] = tied[1]
    return found


def tied(analysis: Analysis) -> tuple[Analysis, dict[str, Extent]]:
    """The network with its ties in the place of symbols, and these; itself where it cannot be analysed so."""
    found = ties(analysis)
    if not found:
        return analysis, {}
    inputs = {name: tensor.substitute(found) for name, tensor in analysis.inputs.items()}
    binding = Binding(inputs, {**analysis.dims, **found}, frozenset(found))
    try:
        return type(analysis).of(analysis.model, binding, analysis.target), found
    except ModelError:
        return analysis, {}


def resolved(sizes: Mapping[str, int], tied: Mapping[str, Extent], what: str) -> dict[str, int]:
    """Sizes with what ties say of others. Raises ModelError where they contradict each other."""
    found = dict(sizes)
    for _ in range(len(tied) + 1):
        for name, formula in tied.items():
            _follow(found, name, formula, what)
    return {name: size for name, size in found.items() if name not in tied}


def _follow(found: dict[str, int], name: str, formula: Extent, what: str) -> None:
    """Add the size that follows from one tie, where all others in it are known."""
    try:
        rest = substitute(formula, found, empty=True)
    except (ValueError, TooLarge) as problem:
        raise ModelError(what, "", str(problem)) from None
    if isinstance(rest, int):
        if found.setdefault(name, rest) != rest:
            raise ModelError(what, "", f"{name} is {formula} in the file, and {found[name]} is not {rest}")
    elif name in found and len(symbols(rest)) == 1:
        solution = solve(rest, found[name])
        if solution is None or not isinstance(solution[1], int) or solution[1] < 0:
            raise ModelError(what, "", f"{name} is {formula} in the file, which cannot be {found[name]} here")
        found[solution[0]] = solution[1]
