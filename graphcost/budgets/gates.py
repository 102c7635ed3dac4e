"""Gates: whether a model stays within its budget, decided honestly.

A gate passes only when the figure is certain. A lower bound above the limit fails; one below it is undecided, as is an
open size, unless bounds of the formula prove the answer. Undecided counts as failed, save where the budget allows what
is not counted (`allow-incomplete`). A batch that reports take to be 1 is an open size here: nobody said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..analysis import Analysis
from ..compare.diff import Diff
from ..compare.snapshot import Snapshot, of_analysis
from ..dims import Dim, Extent, bounds, substitute, symbols
from ..quantities import Quantity
from ..report import Report
from ..table import Value, formula, show
from .baseline import Baseline
from .config import Budget, Limit

Verdict = Literal["pass", "fail", "undecided"]
EXPLAINED = 3
"""Layers that explain why a gate failed."""


@dataclass(frozen=True)
class Gate:
    """One decision about one model."""

    name: str
    """What is decided: `max macs`, `growth of params`, `fit RAM`, `complete`."""
    limit: str
    value: str
    verdict: Verdict
    why: str = ""
    """What is not known, or what the verdict takes for granted."""
    layers: tuple[tuple[str, str], ...] = ()
    """The layers that explain a failure, each with its figure."""
    exact_limit: float | int | None = None
    exact_value: int | float | str | None = None

    @property
    def passed(self) -> bool:
        return self.verdict == "pass"


@dataclass(frozen=True)
class Checked:
    """A model and its gates, or why it could not be read."""

    path: str
    gates: tuple[Gate, ...] = ()
    error: str = ""

    @property
    def verdict(self) -> str:
        """The worst of its gates: pass, undecided, fail; error where there are none."""
        found = {gate.verdict for gate in self.gates}
        return "error" if self.error else next((each for each in ("fail", "undecided") if each in found), "pass")


def check(analysis: Analysis, budget: Budget, baseline: Baseline | None = None) -> list[Gate]:
    """The gates of a model. Raises ModelError for a quantity that needs a device where there is none."""
    gates = [_most(analysis, limit, budget) for limit in budget.limits if not limit.growth]
    growing = [limit for limit in budget.limits if limit.growth]
    if growing:
        old = baseline.of(analysis.model.path) if baseline is not None else None
        new = of_analysis(analysis, [limit.quantity.column.key for limit in growing])
        gates += [_growth(analysis, new, old, limit, budget, baseline) for limit in growing]
    if budget.require_fit:
        gates += _fits(analysis, budget)
    if budget.complete:
        gates.append(_complete(analysis))
    return gates


# --- limits -----------------------------------------------------------------------------------------------------------


def _most(analysis: Analysis, limit: Limit, budget: Budget) -> Gate:
    quantity, form = limit.quantity, limit.quantity.column.form
    total = quantity.total(analysis)
    exact = quantity.is_exact(analysis)
    verdict, why = _decide(analysis, total, limit, exact, budget, _assumes(analysis, quantity, total))
    explained = () if verdict == "pass" else _largest(analysis, quantity)
    return Gate(
        f"max {quantity.name}", show(_number(limit.most), form), _shown(analysis, total, form, exact), verdict, why,
        explained, _number(limit.most), _exact(total),
    )  # fmt: skip


def _decide(
    analysis: Analysis, total: Value, limit: Limit, exact: bool, budget: Budget, depends: Sequence[str]
) -> tuple[Verdict, str]:
    """Whether a total is at most so much, and why that is not certain."""
    most, form = limit.most, limit.quantity.column.form
    if total is None or isinstance(total, str):
        return "undecided", _unknown(analysis)
    low, high = bounds(total) if isinstance(total, Dim) else (None, None) if depends else (total, total)
    if low is not None and low > most:
        over = f"over by {show(_number(low - most), form)}"
        if isinstance(total, Dim):
            return "fail", f"{over} at the least, whatever the sizes"
        return "fail", over if exact else f"already this lower bound is {over}"
    assumed = analysis.evaluate(total) if isinstance(total, Dim) else total
    if assumed is not None and assumed > most:
        sizes = ", ".join(f"{name} = {size}" for name, size in analysis.assumptions.items())
        over = f"over by {show(_number(assumed - most), form)}"
        return "fail", f"{over}, already at {sizes}" if isinstance(total, Dim) or depends else over
    if isinstance(total, Dim) and (high is None or high > most):
        return "undecided", _open(symbols(total), analysis)
    if depends:
        return "undecided", _open(depends, analysis)
    if exact:
        return "pass", ""
    lower = f"a lower bound: {Report(analysis).coverage.removeprefix('lower bounds: ')}"
    return ("pass", f"{lower} (allowed)") if budget.allow_incomplete else ("undecided", lower)


def _assumes(analysis: Analysis, quantity: Quantity, total: Value) -> tuple[str, ...]:
    """The open dimensions that a figure without symbols takes to be 1: a peak or a time is of numbers alone."""
    if isinstance(total, Dim) or not analysis.assumptions:
        return ()
    if quantity.column.key in ("peak", "time_bound", "intensity"):
        return tuple(analysis.assumptions)
    return ()


def _unknown(analysis: Analysis) -> str:
    """Why a total is not known."""
    names = [name for name in analysis.free_symbols if name not in analysis.assumptions]
    return _open(names, analysis) if names else Report(analysis).coverage


def _open(names: Iterable[str], analysis: Analysis) -> str:
    ordered = [name for name in analysis.free_symbols if name in set(names)] or sorted(names)
    given = " ".join(f"--dim {name}={analysis.assumptions.get(name, '...')}" for name in ordered)
    return f"depends on {', '.join(ordered)}, open: {given}"


def _number(value: Fraction | float) -> int | float:
    return int(value) if isinstance(value, Fraction) and value.denominator == 1 else float(value)


def _exact(value: Value) -> int | float | str | None:
    return str(value) if isinstance(value, Dim) else value


def _shown(analysis: Analysis, value: Value, form: str, exact: bool) -> str:
    if value is None:
        return "?"
    text = formula(value, 60) if isinstance(value, Dim) else show(value, form)
    return text if exact else f">= {text}"


def _largest(analysis: Analysis, quantity: Quantity) -> tuple[tuple[str, str], ...]:
    """The layers that make the most of a quantity."""
    column = quantity.column
    values = [column.value(analysis, at) for at in range(len(analysis.rows))]
    numbers = [_at(analysis, value) for value in values]
    order = sorted(range(len(values)), key=lambda at: numbers[at], reverse=True)[:EXPLAINED]
    names = [analysis.rows[at].name for at in order]
    texts = [Report(analysis).show(values[at], column.form, 60) for at in order]
    return tuple((name, text) for name, text, at in zip(names, texts, order, strict=True) if numbers[at] > 0)


def _at(analysis: Analysis, value: Value) -> float:
    """How large a value is beside others; a formula where open dimensions are 64."""
    if isinstance(value, Dim):
        number = analysis.evaluate(value)
        found = number if number is not None else substitute(value, dict.fromkeys(symbols(value), 64))
        return float(found) if isinstance(found, int) else 0.0
    return float(value) if isinstance(value, int | float) else 0.0


# --- growth -----------------------------------------------------------------------------------------------------------


def _growth(
    analysis: Analysis, new: Snapshot, old: Snapshot | None, limit: Limit, budget: Budget, baseline: Baseline | None
) -> Gate:
    quantity = limit.quantity
    name, most = f"growth of {quantity.name}", f"{_number(limit.most):,}%"
    if old is None:
        where = f"not in {baseline.path}" if baseline is not None else "no baseline (--baseline FILE)"
        return Gate(name, most, "?", "undecided", where, (), _number(limit.most), None)
    found = Diff(old, new, [column for column in [quantity.column.key] if column in old.columns] or None)
    delta = next((each for each in found.totals.values() if each.column.key == quantity.column.key), None)
    if delta is None or delta.old is None or delta.new is None or isinstance(delta.old, str):
        why = f"the baseline has no {quantity.name}" if delta is None else _unknown(analysis)
        return Gate(name, most, "?", "undecided", why, (), _number(limit.most), None)
    verdict = _grown(delta.old, delta.new, limit.most)
    assumes = () if delta.old == delta.new else _assumes(analysis, quantity, delta.new)
    why = ""
    if verdict == "undecided":
        why = _open(sorted(symbols(_extent(delta.new)) | symbols(_extent(delta.old))), analysis)
    elif verdict == "pass" and assumes:
        verdict, why = "undecided", _open(assumes, analysis)
    elif verdict == "pass" and not delta.exact and not budget.allow_incomplete:
        verdict, why = "undecided", "lower bounds are compared"
    percent = "?" if delta.percent is None else f"{delta.percent:+,.1f}%"
    value = "0%" if delta.old == delta.new else percent
    layers = () if verdict == "pass" else tuple(_changed(found, quantity))
    return Gate(name, most, value, verdict, why, layers, _number(limit.most), delta.percent)


def _grown(old: Value, new: Value, most: Fraction) -> Verdict:
    """Whether what is new is at most so many per cent more, for all sizes that are open."""
    if old == new:
        return "pass"
    if isinstance(old, float) or isinstance(new, float):
        return "pass" if _plain(new) * 100 <= _plain(old) * float(100 + most) else "fail"
    room = _extent(old) * int((100 + most) * most.denominator) - _extent(new) * (100 * most.denominator)
    low, high = bounds(room)
    if low is not None and low >= 0:
        return "pass"
    return "fail" if high is not None and high < 0 else "undecided"


def _plain(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _extent(value: Value) -> Extent:
    return value if isinstance(value, int | Dim) else 0


def _changed(found: Diff, quantity: Quantity) -> Iterator[tuple[str, str]]:
    """The layers that grew most."""
    key = quantity.column.key
    for change in found.changes[:EXPLAINED]:
        delta = change.deltas.get(key)
        if delta is None or delta.old == delta.new or delta.difference is None:
            continue
        number = found.evaluate(delta.difference)
        if number:
            yield change.layer.name, ("+" if number > 0 else "-") + show(abs(number), delta.column.form)
        elif isinstance(delta.difference, Dim):
            yield change.layer.name, formula(delta.difference, 60)


# --- fit and coverage -------------------------------------------------------------------------------------------------


def _fits(analysis: Analysis, budget: Budget) -> Iterator[Gate]:
    fits = [fit for fit in analysis.fits if fit.place != "fast memory"]
    if not fits:
        yield Gate("fit", "", "?", "undecided", "no memory to fit: --device, --ram or --flash says how much there is")
    for fit in fits:
        place = "RAM" if fit.place == "memory" else fit.place
        verdict: Verdict = "undecided" if fit.fits is None else "pass" if fit.fits else "fail"
        why, assumed = "", tuple(analysis.assumptions) if "activations" in fit.what else ()
        if fit.nbytes is None:
            why = _unknown(analysis)
        elif verdict == "pass" and assumed:
            verdict, why = "undecided", _open(assumed, analysis)
        elif verdict == "undecided":
            why = f"a lower bound: {Report(analysis).coverage.removeprefix('lower bounds: ')}"
            verdict = "pass" if budget.allow_incomplete else verdict
        layers = _alive(analysis) if verdict == "fail" and "activations" in fit.what else ()
        value = show(fit.nbytes, "bytes")
        name = f"fit {fit.what} in {place}"
        yield Gate(name, show(fit.capacity, "bytes"), value, verdict, why, layers, fit.capacity, fit.nbytes)


def _alive(analysis: Analysis) -> tuple[tuple[str, str], ...]:
    peak = analysis.memory.peak
    return () if peak is None else tuple((name, show(size, "bytes")) for name, size in peak.tensors[:EXPLAINED])


def _complete(analysis: Analysis) -> Gate:
    if analysis.complete:
        return Gate("complete", "", "complete", "pass")
    rows = [row for row in analysis.rows if row.status != "known" and not row.dependent]
    layers = tuple((row.name, row.op.type) for row in rows[:EXPLAINED])
    return Gate("complete", "", "incomplete", "fail", Report(analysis).coverage, layers)
