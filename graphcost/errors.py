"""The one error a reader of model files raises, and how any other is told."""

from __future__ import annotations

from .printable import printable


class ModelError(Exception):
    """A model file that cannot be read: one line, whatever names the file holds, of file, place and reason."""

    def __init__(self, path: str, place: str, reason: str) -> None:
        """`place` is a line or a byte offset in words ("14", "byte 1234"), or "" when it is the whole file."""
        super().__init__(path, place, reason)
        self.path = path
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        text = ": ".join(filter(None, (":".join(filter(None, (self.path, self.place))), self.reason)))
        return printable(text)


def internal_error(path: str, problem: BaseException) -> ModelError:
    """What to say of an exception that nothing foresaw, so that it is not taken for a fault of the model."""
    what = f"{type(problem).__name__}: {problem}"[:300]
    reason = f"internal error: {what} (GRAPHCOST_DEBUG=1 shows where; please report it)"
    return ModelError(path, "", reason)
