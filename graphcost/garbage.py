"""Python's search for reference cycles, paused while many small objects are built that hold none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collection_paused() -> Iterator[None]:
    """Suspend the cyclic garbage collector and restore it as it was.

    Loading and analysing 10,000 layers makes some 200,000 objects and drops few: searching them for cycles on the way
    takes 18 to 56 % more time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
