"""What is raised where a formula does not decide, or would be larger than anyone would read."""

from __future__ import annotations

from ..errors import ModelError


class Undecided(ValueError):
    """A comparison whose answer depends on the value of a symbol."""


class TooLarge(ModelError, ValueError):
    """A formula beyond one of the limits that `graphcost.limits` has for them."""

    def __init__(self, reason: str) -> None:
        super().__init__("", "", reason)

    def __reduce__(self) -> tuple[type[TooLarge], tuple[str]]:
        return TooLarge, (self.reason,)
