"""The one error that users see: of a file that cannot be read, or of an argument that cannot be taken."""

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


class ArgumentError(ModelError, ValueError):
    """An argument that cannot be taken. The message names it as the library does: `shapes`, `dims`, `dtype`, ...

    The command says the same with the option in the place of the argument.
    """

    def __init__(
        self,
        argument: str,
        reason: str,
        path: str = "",
        place: str = "",
        example: tuple[str, str] = ("", ""),
        known: str = "",
    ) -> None:
        """`path` is the model that it is about; `example` a name and a value that could be given for it, and `known`
        what of that is in the file.
        """
        super().__init__(path, place, reason)
        self.args = (argument, reason, path, place, example, known)
        self.known = known
        self.argument = argument
        self.example = example

    def __str__(self) -> str:
        name, value = self.example
        if name:
            known = f": {self.known}" if self.known else ""
            return printable(f"{super().__str__()}: give it, as {self.argument}={{{name!r}: {value!r}}}{known}")
        argument = ModelError("", "", f"{self.argument}: {self.reason}")
        return str(ModelError(self.path, self.place, str(argument)))


def internal_error(path: str, problem: BaseException) -> ModelError:
    """What to say of an exception that nothing foresaw, so that it is not taken for a fault of the model."""
    what = f"{type(problem).__name__}: {problem}"[:300]
    reason = f"internal error: {what} (GRAPHCOST_DEBUG=1 shows where; please report it)"
    return ModelError(path, "", reason)
