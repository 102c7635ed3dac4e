"""The tables of what there is: columns, operators, styles; printed by the command and put into docs/reference.md."""

from __future__ import annotations

from collections.abc import Iterable

from . import columns as column_table
from . import conventions, ops
from . import devices as device_table
from .render import aligned
from .table import Table, show


def columns() -> str:
    """Every column with its unit and definition."""
    return _table(("column", "unit", "what it is"), ((key, c.unit, c.doc) for key in column_table.known()
                  for c in (column_table.find(key),)))  # fmt: skip


def operators() -> str:
    """Every operator that has a rule, with the versions of its operator set from which each rule holds."""
    since: dict[str, list[int]] = {}
    for entry in ops.known():
        since.setdefault(entry.kind, []).append(entry.since)
    return _table(("operator", "since"), ((kind, ", ".join(map(str, versions))) for kind, versions in since.items()))


def styles() -> str:
    """Every convention, the tool that counts so, and where that was read."""
    rows = [("default", "graphcost", "yes", "docs/counting.md")]
    rows += [(c.name, c.tool, "yes" if c.table else "columns only", c.source) for c in conventions.known()]
    return _table(("style", "tool", "table of its own", "read from"), rows)


def devices() -> str:
    """Every device profile that comes along: its peaks in multiply-accumulates a second, bandwidth and memories."""
    found = [device_table.find(name) for name in device_table.DEVICES]
    rows = (
        (
            device.name,
            device.title,
            ", ".join(f"{dtype} {show(rate, 'short')}" for dtype, rate in device.macs.items()),
            f"{show(device.bandwidth, 'short')}B/s",
            *(show(size, "bytes") if size else "" for size in (device.fast_memory, device.memory, device.flash)),
            "bounds only" if device.calibration is None else "bounds, estimates",
        )
        for device in found
    )
    return _table(("device", "what it is", "MAC/s", "bandwidth", "fast memory", "memory", "flash", "times"), rows)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    table = Table(titles, (False,) * len(titles), list(rows))
    return "\n".join(aligned(table, escape=False)) + "\n"
