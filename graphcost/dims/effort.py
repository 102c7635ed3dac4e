"""How many terms of wide formulas one analysis may go through.

Limits of one formula alone do not bound a model: a hundred thousand operators may each have a formula of thousands of
terms. Formulas of usual width are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import local

from ..limits import MAX_WIDE_TERMS
from .errors import TooLarge

WIDE = 100
"""Terms up to which a formula is of usual width, and pairs of terms up to which a product is. Sums and products look at
it themselves: for short formulas, which are nearly all, a call would take longer than what it counts.
"""


class _Effort(local):
    """What is left to the analysis that this thread runs; without one nothing is counted."""

    left: int | None = None


_effort = _Effort()


@contextmanager
def bounded_effort() -> Iterator[None]:
    """Within it sums and products of wide formulas raise TooLarge once they have gone through MAX_WIDE_TERMS terms.

    What runs inside another counts on.
    """
    if _effort.left is not None:
        yield
        return
    _effort.left = MAX_WIDE_TERMS
    try:
        yield
    finally:
        _effort.left = None


def spend(terms: int) -> None:
    """Count the terms of a wide formula before they are gone through. Raises TooLarge when there were too many."""
    if _effort.left is None:
        return
    _effort.left -= terms
    if _effort.left < 0:
        raise TooLarge(f"formulas of more than {MAX_WIDE_TERMS:,} terms all together (give sizes numbers)")
