"""The geometry of the report's charts, in the units of their drawings: what templates turn into SVG.

Finished facts go in; nothing here knows an operator or a file. A size that is left open has no bar: such a chart is
drawn without marks and says why, and scripts draw it when the reader gives a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log
from typing import Any

from ..analysis import Analysis
from ..columns import Column, find, type_text
from ..dims import Dim
from ..table import Value, show
from .kinds import KINDS, kind
from .scales import Tick, label, rounded, step, values

LEAST_WIDTH = 2.5
"""A bar is at least so wide; in a longer network neighbouring layers share one."""
MOST_GROUPS = 12
"""Operator types or scopes in a chart of shares; the rest is summed."""
MOST_NAMED = 6
"""Tensors named beside the peak of the memory."""
MOST_LETTERS = 20
"""Letters of a name in a chart; a longer one loses its middle."""
LETTER = 7.5
"""The width of a letter of what is written at the peak, at most on average."""
WIDE, HALF, NARROW, HEIGHT = 1200, 590, 460, 250
"""Units are CSS pixels in a window wide enough for the whole report; shares are to be read in a narrow one too."""
LINE = 24
"""Height of a row of a chart of shares."""
OPEN = "Some sizes are left open: there is nothing to draw before they have values (--dim, or above with scripts)."


@dataclass(frozen=True)
class Box:
    """Where a chart's marks stand in its drawing."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Mark:
    """A rectangle that stands for something of a row of the analysis; `title` says what when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    row: int
    title: str
    style: str = ""
    """Its class in the style sheet: `k0` and on for kinds of operation, "accent", or "unknown"."""


@dataclass(frozen=True)
class Chart:
    """A chart with axes: `across` is the horizontal one."""

    key: str
    title: str
    summary: str
    """The chart in words."""
    measure: str
    """The key of the column it shows; "" for the memory."""
    across_title: str
    up_title: str
    width: int = WIDE
    height: int = HEIGHT
    box: Box = Box(0, 0, 0, 0)
    across: tuple[Tick, ...] = ()
    up: tuple[Tick, ...] = ()
    marks: tuple[Mark, ...] = ()
    legend: tuple[tuple[int, str], ...] = ()
    """The kinds of operation in it."""
    caption: str = ""


@dataclass(frozen=True)
class Peak:
    """The worst moment of the memory: where its mark stands, what is written there, and what is alive."""

    x: float
    y: float
    text: str
    anchor: str
    """Where the text lies from its mark: "start", "middle" or "end"."""
    row: int
    tensors: tuple[tuple[str, str], ...]
    """Names and bytes, largest first."""
    others: str = ""


@dataclass(frozen=True)
class Memory:
    """Live activations over the schedule as an area of steps."""

    chart: Chart
    path: str
    peak: Peak | None = None


@dataclass(frozen=True)
class Share:
    """One line of a chart of shares."""

    label: str
    mark: Mark
    text: str
    y: float
    """Where its text stands."""


@dataclass(frozen=True)
class Shares:
    """Horizontal bars: who has how much of a total."""

    key: str
    title: str
    summary: str
    measure: str
    """The key of the column they are shares of."""
    measure_title: str
    width: int
    height: int
    box: Box
    lines: tuple[Share, ...]
    caption: str = ""


class Charts:
    """The charts of one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.kinds = [kind(row) for row in analysis.rows]
        self._values: dict[str, list[int | None]] = {}

    @property
    def measure(self) -> Column:
        """What the cost of a layer is: MACs, or operations in a network that has none."""
        return find("macs" if self.total("macs") != 0 else "ops")

    def values(self, key: str) -> list[int | None]:
        """A measure's value of each row, None where it is not known or open."""
        if key not in self._values:
            a, of = self.analysis, find(key).value
            self._values[key] = [_number(a, of(a, at)) for at in range(len(a.rows))]
        return self._values[key]

    def total(self, key: str) -> int | None:
        """A measure's total of what is known, None while sizes that matter are open."""
        of = find(key).total
        return _number(self.analysis, of(self.analysis)) if of is not None else None

    @property
    def layers(self) -> Chart:
        """Row by layer, stacked by kind of operation."""
        return self.bars("cost", "Row by layer", self.measure, WIDE)

    @property
    def parameters(self) -> Chart:
        """Parameters by layer."""
        return self.bars("params", "Parameters by layer", find("params"), HALF)

    def bars(self, key: str, title: str, measure: Column, width: int) -> Chart:
        """A bar per layer in the order of the schedule, or per few neighbours where there are many."""
        count, total = len(self.kinds), self.total(measure.key)
        amounts = self.values(measure.key) if total is not None else [0] * count
        box = Box(72, 12, width - 20, HEIGHT - 44)
        per = _per_bar(count, box)
        stacks = [self._stack(range(start, min(start + per, count)), amounts) for start in range(0, count, per)]
        up = values(max((sum(stack.values()) for stack in stacks), default=0), measure.form)
        slot = (box.right - box.left) / max(len(stacks), 1)
        thick = min(slot * 0.8, 48.0) if slot >= 3 else slot
        unit = (box.bottom - box.top) / up[-1]
        marks: list[Mark] = []
        for number, stack in enumerate(stacks):
            x, y = box.left + slot * (number + 0.5) - thick / 2, box.bottom
            members = range(number * per, min(number * per + per, count))
            for which, amount in stack.items():
                y -= amount * unit
                row = max((at for at in members if self.kinds[at] == which), key=lambda at: amounts[at] or 0)
                text = self._title(members, which, row, amount, total, measure)
                marks.append(
                    Mark(rounded(x), rounded(y), rounded(thick), rounded(amount * unit), row, text, f"k{which}")
                )
            unknown = [at for at in members if amounts[at] is None]
            if unknown:
                name = self.analysis.rows[unknown[0]].name
                text = f"{name}: {measure.title} not known"
                marks.append(
                    Mark(rounded(x), box.top, rounded(thick), box.bottom - box.top, unknown[0], text, "unknown")
                )
        present = sorted({which for stack in stacks for which in stack})
        return Chart(
            key,
            title,
            self._summary(measure, amounts, total),
            measure.key,
            "layer",
            measure.title,
            width,
            HEIGHT,
            box,
            _numbers(count, box),
            tuple(Tick(rounded(box.bottom - value * unit), label(value, measure.form)) for value in up),
            tuple(marks),
            tuple((which, KINDS[which]) for which in present),
            OPEN if total is None else f"Each bar is {per} neighbouring layers." if per > 1 else "",
        )

    def _stack(self, members: Iterable[int], amounts: Sequence[int | None]) -> dict[int, int]:
        """The sums of a bar's layers by kind of operation, in the order of the kinds, without those that are zero."""
        sums: dict[int, int] = {}
        for at in members:
            if (amount := amounts[at] or 0) > 0:
                sums[self.kinds[at]] = sums.get(self.kinds[at], 0) + amount
        return dict(sorted(sums.items()))

    def _title(self, members: range, which: int, row: int, amount: int, total: int | None, measure: Column) -> str:
        of = self.analysis.rows[row]
        share = f", {show(amount / total, 'share')}" if total else ""
        figure = f"{show(amount, measure.form)} {measure.title}{share}"
        if len(members) == 1:
            return f"{of.name} ({type_text(of)}): {figure}"
        return f"layers {members[0] + 1} to {members[-1] + 1}, {KINDS[which]}: {figure}; most in {of.name}"

    def _summary(self, measure: Column, amounts: Sequence[int | None], total: int | None) -> str:
        """A chart of bars in words."""
        if not total:
            return f"{measure.title} of {len(amounts)} layers: {'none' if total == 0 else 'not known'}."
        at = max(range(len(amounts)), key=lambda i: amounts[i] or 0)
        most, name = amounts[at] or 0, self.analysis.rows[at].name
        return (
            f"{measure.title} of {len(amounts)} layers in the order they run, {show(total, measure.form)} together;"
            f" the most, {show(most, measure.form)} or {show(most / total, 'share')}, in {name}."
        )

    @property
    def memory(self) -> Memory:
        """Live activation bytes over the schedule, the peak marked and its tensors named."""
        memory = self.analysis.memory
        rows = list(memory.step_of)
        box = Box(72, 28, HALF - 20, HEIGHT - 44)
        curve = memory.curve if memory.peak_bytes is not None else []
        count = len(rows)
        per = _per_bar(count, box)
        slot = (box.right - box.left) / max(ceil(count / per), 1)
        up = values(max(curve, default=0), "bytes", 4)
        unit = (box.bottom - box.top) / up[-1]
        marks: list[Mark] = []
        path: list[str] = []
        for bin_, start in enumerate(range(0, len(curve), per)):
            at = max(range(start, min(start + per, len(curve))), key=curve.__getitem__)
            x, y = rounded(box.left + slot * bin_), rounded(box.bottom - curve[at] * unit)
            path.append(f"{'V' if path else f'M{box.left} {box.bottom}V'}{y}H{rounded(x + slot)}")
            text = f"{self.analysis.rows[rows[at]].name}: {show(curve[at], 'bytes')} alive"
            marks.append(Mark(x, y, rounded(slot), rounded(curve[at] * unit), rows[at], text))
        if path:
            path.append(f"V{box.bottom}Z")
        peak = self._peak(box, slot / per, unit, rows)
        chart = Chart(
            "memory",
            "Live activations",
            f"Activation bytes alive over {count} steps; {peak.text}." if peak else "The live bytes are not known.",
            "",
            "step of the schedule",
            "bytes",
            HALF,
            HEIGHT,
            box,
            _numbers(count, box),
            tuple(Tick(rounded(box.bottom - value * unit), label(value, "bytes")) for value in up),
            tuple(marks),
            caption=OPEN if peak is None else f"Each step drawn is the highest of {per}." if per > 1 else "",
        )
        return Memory(chart, "".join(path), peak)

    def _peak(self, box: Box, slot: float, unit: float, rows: Sequence[int]) -> Peak | None:
        memory = self.analysis.memory
        if memory.peak is None:
            return None
        at = memory.peak.step
        x = box.left + slot * (at + 0.5)
        alive = memory.peak.tensors
        rest = alive[MOST_NAMED:]
        name = shorten(self.analysis.rows[rows[at]].name, MOST_LETTERS)
        text = f"peak {show(memory.peak.nbytes, 'bytes')} at {name}"
        return Peak(
            rounded(x),
            rounded(box.bottom - memory.peak.nbytes * unit),
            text,
            _anchor(x, len(text) * LETTER, box),
            rows[at],
            tuple((name, show(nbytes, "bytes")) for name, nbytes in alive[:MOST_NAMED]),
            f"{len(rest)} more, {show(sum(nbytes for _, nbytes in rest), 'bytes')}" if rest else "",
        )

    @property
    def types(self) -> Shares:
        """Share of the operations by operator type: nearly every type has some, but few have MACs."""
        groups = [row.op.type for row in self.analysis.rows]
        return self._shares("types", "Share by operator type", groups, find("ops"), coloured=True)

    @property
    def weights(self) -> Shares | None:
        """Share of the parameters by operator type, for files without scopes; None where there are no parameters."""
        if self.scopes is not None or not self.total("params"):
            return None
        groups = [row.op.type for row in self.analysis.rows]
        return self._shares("weights", "Parameters by operator type", groups, find("params"), coloured=True)

    @property
    def scopes(self) -> Shares | None:
        """Share of the cost by module scope, as deep as there is room for; None where the file has no scopes."""
        if len(set(self._scopes)) < 2:
            return None
        return self._shares("scopes", "Share by module scope", self._scopes, self.measure, coloured=False)

    @cached_property
    def _scopes(self) -> list[str]:
        return scopes([row.scope for row in self.analysis.rows])

    def _shares(self, key: str, title: str, groups: Sequence[str], measure: Column, coloured: bool) -> Shares:
        total = self.total(measure.key)
        amounts = self.values(measure.key) if total is not None else [None] * len(groups)
        sums: dict[str, int] = {}
        dearest: dict[str, int] = {}
        for at, (group, amount) in enumerate(zip(groups, amounts, strict=True)):
            sums[group] = sums.get(group, 0) + (amount or 0)
            if (amount or 0) > (amounts[dearest.setdefault(group, at)] or 0):
                dearest[group] = at
        ranked = sorted((group for group in sums if sums[group] > 0), key=lambda group: -sums[group])
        rest = ranked[MOST_GROUPS:]
        shown = [(group, sums[group], dearest[group]) for group in ranked[:MOST_GROUPS]]
        if rest:
            shown.append((f"{len(rest)} others", sum(sums[group] for group in rest), dearest[rest[0]]))
        height = max(len(shown), 1) * LINE
        box = Box(166, 0, NARROW - 52, height)
        longest = max((amount for _, amount, _ in shown), default=1)
        lines = []
        for number, (group, amount, row) in enumerate(shown):
            share = show(amount / (total or 1), "share")
            text = f"{group}: {show(amount, measure.form)} {measure.title}, {share}"
            width = (box.right - box.left) * amount / longest
            style = f"k{self.kinds[row]}" if coloured and number < MOST_GROUPS else "accent"
            mark = Mark(box.left, number * LINE + 4, rounded(width), LINE - 8, row, text, style)
            lines.append(Share(shorten(group, MOST_LETTERS), mark, share, number * LINE + LINE / 2 + 4))
        words = ", ".join(line.mark.title for line in lines[:3])
        summary = f"{words}." if lines else f"{measure.title}: {'none' if total == 0 else 'not known'}."
        caption = OPEN if total is None else ""
        return Shares(key, title, summary, measure.key, measure.title, NARROW, height, box, tuple(lines), caption)

    @cached_property
    def data(self) -> dict[str, Any]:
        """What scripts need beside the figures to draw the charts again, plain values for JSON.

        `scopes` has the distinct scopes and which of them each row has; `tensors`, where sizes can change, the names in
        each buffer with the steps they live from and to.
        """
        names = {name: at for at, name in enumerate(dict.fromkeys(self._scopes))}
        memory = self.analysis.memory
        buffers = memory.buffers if self.analysis.free_symbols else []
        return {
            "kinds": KINDS,
            "kind": self.kinds,
            "scopes": {"values": list(names), "at": [names[scope] for scope in self._scopes]},
            "tensors": [
                [(name, *memory.spans.get(name, (buffer.birth, buffer.death))) for name in buffer.tensors]
                for buffer in buffers
            ],
            "most": {"groups": MOST_GROUPS, "named": MOST_NAMED, "letters": MOST_LETTERS},
            "line": LINE,
            "least": LEAST_WIDTH,
            "letter": LETTER,
            "open": OPEN,
        }


def scopes(names: Sequence[str]) -> list[str]:
    """Module paths cut to the depth that leaves as near to as many as a chart names as can be."""
    paths = [name.split("/") for name in names]

    def distance(depth: int) -> float:
        return abs(log(len({tuple(path[:depth]) for path in paths}) / MOST_GROUPS))

    best = min(range(1, max(map(len, paths), default=1) + 1), key=distance) if paths else 1
    return ["/".join(path[:best]) or "(root)" for path in paths]


def shorten(text: str, most: int) -> str:
    """A text of at most `most` characters, without its middle where it is longer."""
    if len(text) <= most:
        return text
    head = (most - 1) // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def _number(analysis: Analysis, value: Value) -> int | None:
    return analysis.evaluate(value) if isinstance(value, (int, Dim)) else None


def _anchor(x: float, length: float, box: Box) -> str:
    """Which part of a text of some length to put at a place, so that it stays over the marks."""
    if x + length <= box.right:
        return "start"
    return "end" if x - length >= box.left else "middle"


def _per_bar(count: int, box: Box) -> int:
    """How many layers share a bar."""
    return max(ceil(count * LEAST_WIDTH / (box.right - box.left)), 1)


def _numbers(count: int, box: Box) -> tuple[Tick, ...]:
    """Ticks under the middle of layers, numbered from 1."""
    slot = (box.right - box.left) / max(count, 1)
    distance = step(count, "short", max(int((box.right - box.left) / 60), 1))
    shown = [1] if distance > 1 and count else []
    shown += range(distance, count + 1, distance)
    return tuple(Tick(rounded(box.left + slot * (number - 0.5)), str(number)) for number in shown)
