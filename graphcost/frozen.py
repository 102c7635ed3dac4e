"""Frozen dataclasses that are quick to make: for records of which there are several for each operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ("frozen_dataclass",)

if TYPE_CHECKING:
    from dataclasses import dataclass as frozen_dataclass
else:
    from dataclasses import dataclass

    def frozen_dataclass(*, frozen, slots):
        """`dataclass(frozen=True, slots=True)` to a type checker, which is who keeps it frozen.

        At run time fields are set as those of any class. A frozen dataclass sets each by a call of
        `object.__setattr__`, which makes sixteen fields take four times as long, and `replace` twice as long.
        """

        def decorate(cls):
            return dataclass(slots=slots, unsafe_hash=frozen and "__hash__" not in vars(cls))(cls)

        return decorate
