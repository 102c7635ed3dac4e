"""The options of the command that ask about many sizes of one network, as sections of its report."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..arguments import listed
from ..errors import ModelError

if TYPE_CHECKING:
    from ..report import Report
    from ..sections import Section


def size_sections(options: argparse.Namespace) -> list[Section]:
    """The sections that answer --largest, --scenario and --sweep. Raises ModelError for what cannot be read."""
    if options.within and not options.largest:
        raise ModelError("--within", "", "is a limit for --largest DIM")
    found = [_largest(options)] if options.largest else []
    return found + ([_scenarios(options)] if options.scenario or options.sweep else [])


def _scenarios(options: argparse.Namespace) -> Section:
    from ..decide import scenarios

    named = _named() if any(":" not in text for text in options.scenario) else {}
    found = [scenarios.scenario(text, named) for text in options.scenario]
    if options.sweep:
        found += scenarios.sweep(options.sweep)
    return scenarios.section(found, listed(options.columns) or (), options.by, options.sort)


def _named() -> Mapping[str, Mapping[str, str]]:
    """The scenarios of the file of budgets, where there is one."""
    from ..budgets import config

    path = config.find()
    return config.read(path).scenarios if path is not None else {}


def _largest(options: argparse.Namespace) -> Section:
    from ..decide import largest

    limits = []
    for text in options.within:
        name, equals, most = text.partition("=")
        if not equals:
            raise ModelError("--within", "", f"{text[:80]!r} should be a quantity and its limit, as in peak=8MiB")
        limits.append(largest.within(name.strip(), most, "--within"))
    return largest.section(options.largest, limits)


def scenarios_csv(report: Report) -> str | None:
    """The scenarios of a report as CSV, a line for each; None where it has none."""
    section = next((each for each in report.sections if each.name == "scenarios"), None)
    if section is None:
        return None
    from ..decide.scenarios import csv_lines
    from ..render import csv_text

    return csv_text(csv_lines(section.data(report.analysis)))
