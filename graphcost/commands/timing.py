"""The options on measured times: where they come from, and how they are measured here."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import ModelError

if TYPE_CHECKING:
    from ..api import Analysis


def timed(analysis: Analysis, path: str, options: argparse.Namespace) -> Analysis:
    """The analysis with the measured times that are asked for."""
    if options.profile is not None:
        return analysis.with_times(options.profile)
    if options.measure:
        provider = options.provider or "CPU"
        return analysis.measured(
            path, threads=threads(options), provider=provider, progress=measuring_progress(options)
        )
    return analysis


def threads(options: argparse.Namespace) -> int:
    """How many threads measure, 0 where it is left to the runtime. Raises ModelError for fewer than one."""
    if options.threads is not None and options.threads < 1:
        raise ModelError("--threads", "", f"{options.threads} threads cannot run anything; 1 or more can")
    return options.threads or 0


def measuring_progress(options: argparse.Namespace) -> Callable[[str], None] | None:
    """What writes progress, where somebody can see it and wants to."""
    from ..timing.runtime import terminal

    return None if getattr(options, "quiet", False) else terminal()


def check_timing(options: argparse.Namespace) -> None:
    """Raise ModelError for options that say how to measure where nothing is measured, or that exclude each other."""
    if options.measure and options.profile is not None:
        raise ModelError("--profile", "", "has times measured elsewhere, and --measure measures them here: give one")
    threads(options)
    for name in ("threads", "provider"):
        if getattr(options, name) is not None and not options.measure:
            raise ModelError(f"--{name}", "", "says how to measure: it goes with --measure")
