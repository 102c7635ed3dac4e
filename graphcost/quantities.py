"""Quantities: what a user can limit, compare or solve for by name. Each is a column that has a total.

The names of `Analysis.total` are taken besides the columns' own, and `ram` and `flash` for what these memories hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import columns
from .analysis import TOTALS, Analysis
from .columns import Column
from .errors import ModelError
from .suggest import close_to
from .table import Value

ALIASES = {
    "activation_bytes": "activation",
    "peak_activation_bytes": "peak",
    "ram": "peak",
    "flash": "param_bytes",
}
"""Other names of columns."""
TOTAL_OF = {"activation": "activation_bytes", "peak": "peak_activation_bytes"}
"""The columns whose totals have another name in JSON."""


@dataclass(frozen=True)
class Quantity:
    """A total of a model under the name that a user gave it."""

    name: str
    column: Column

    def total(self, analysis: Analysis) -> Value:
        """The total: a number, a formula while sizes are open, None when it is not known."""
        assert self.column.total is not None
        return self.column.total(analysis)

    def is_exact(self, analysis: Analysis) -> bool:
        """Whether the total is exact rather than a lower bound."""
        return self.column.total_is_exact(analysis)


def find(name: str, option: str = "") -> Quantity:
    """A quantity by name. Raises ModelError with the nearest names when there is none, or its column has no total."""
    try:
        column = columns.find(ALIASES.get(name, name))
    except ModelError:
        close = close_to(name, known(), 3)
        hint = f"; did you mean {', '.join(close)}?" if close else f"; there are {', '.join(TOTALS)}"
        raise ModelError(option, "", f"no quantity {name!r}{hint}") from None
    if column.total is None:
        raise ModelError(option, "", f"{name} has no total; there are {', '.join(TOTALS)}")
    return Quantity(name, column)


def known() -> tuple[str, ...]:
    """The names of all quantities."""
    return tuple(dict.fromkeys([*TOTALS, *ALIASES, *(key for key in columns.known() if columns.find(key).total)]))
