"""What a terminal shows while one model takes long: the model, and for how many seconds it has been at it.

Nothing is shown for a short while, as most models take less, and nothing where nobody looks: into a file or a pipe.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..printable import printable

AFTER = 1.0
"""Seconds before anything is shown."""
EVERY = 0.5
"""Seconds from one line to the next."""


@contextmanager
def progress(name: str, quiet: bool = False, *, after: float = AFTER, every: float = EVERY) -> Iterator[None]:
    """Show on stderr, if that is a terminal, that a model is being worked on; the line is gone at the end."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    worker = threading.Thread(target=_show, args=(printable(name), done, after, every), daemon=True)
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()


def _show(name: str, done: threading.Event, after: float, every: float) -> None:
    begun = time.monotonic()
    if done.wait(after):
        return
    while True:
        print(f"\r[{time.monotonic() - begun:.0f} s] {name}\x1b[K", end="", file=sys.stderr, flush=True)
        if done.wait(every):
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            return
