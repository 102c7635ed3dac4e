"""The options of the command that ask about many sizes of one network, as sections of its report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import ModelError

if TYPE_CHECKING:
    from ..sections import Section


def size_sections(options: argparse.Namespace) -> list[Section]:
    """The sections that answer --largest. Raises ModelError for limits that cannot be read."""
    if options.within and not options.largest:
        raise ModelError("--within", "", "is a limit for --largest DIM")
    return [_largest(options)] if options.largest else []


def _largest(options: argparse.Namespace) -> Section:
    from ..decide import largest

    limits = []
    for text in options.within:
        name, equals, most = text.partition("=")
        if not equals:
            raise ModelError("--within", "", f"{text[:80]!r} should be a quantity and its limit, as in peak=8MiB")
        limits.append(largest.within(name.strip(), most, "--within"))
    return largest.section(options.largest, limits)
