"""What was measured on a machine to estimate times there, as a profile of it holds it.

A point is a group of rows that ran as one, described by a few sizes, and its time. Which sizes these are is the
business of `passes.estimate`, which describes the rows of a network in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: sizes, each more than 0, and seconds."""

    at: tuple[float, ...]
    amount: float
    """Multiply-accumulates or elements, of which the time is made."""
    seconds: float


@dataclass(frozen=True)
class Calibration:
    """The points of a machine and a runtime, and how well they told the time of networks that they were not made of."""

    points: Mapping[str, tuple[Point, ...]] = field(hash=False)
    """By family: `conv`, `depthwise`, `gemm`, or an operator's type."""
    call: float = 0.0
    """Seconds of a run of an empty model."""
    operator: float = 0.0
    """Seconds from one operator to the next."""
    machine: str = ""
    runtime: str = ""
    threads: int = 0
    date: str = ""
    networks: int = 0
    """How many networks were measured to see how far estimates are off."""
    half_within: float | None = None
    """Of half of them the estimate is off by no more than this share of the measured time."""
    most_within: float | None = None
    """Of nine in ten."""
