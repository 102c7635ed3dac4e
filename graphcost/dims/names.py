"""Names of symbols: what a file calls a dimension, as a Python identifier that no other name becomes."""

from __future__ import annotations

import keyword
import re
from collections.abc import Hashable, Iterable

RESERVED = ("max", "min", "__debug__", *keyword.kwlist)

_ESCAPED = re.compile(r"[^A-Za-z0-9_]|_(?=x[0-9A-F]{2,6}[^A-Za-z0-9])|^\d", re.ASCII)
"""What no identifier has there, and an underscore that with what follows it would read as an escape."""


_ESCAPE = re.compile(r"_x([0-9A-F]{2,6})_")


def escaped(name: str) -> str:
    """``name`` as an identifier, a different one for every name; most stay as they are.

    Characters that an identifier cannot have are written by their code as in names of XML: "batch size" becomes
    ``batch_x20_size``, "2d" ``_x32_d``; so is the first of a word that Python or formulas reserve: ``_x6D_ax``.
    """
    if name in RESERVED:
        return _escape(name[0]) + name[1:]
    return _ESCAPED.sub(lambda found: _escape(found[0]), name) or _escape("_")


def _escape(character: str) -> str:
    return f"_x{ord(character):02X}_"


def spelled(word: str) -> str:
    """The name that was escaped."""
    return "" if word == _escape("_") else _ESCAPE.sub(lambda found: chr(int(found[1], 16)), word)


def identifier(name: str) -> str:
    """``name`` itself where it is an identifier, so also what a report printed; else as it is escaped."""
    return name if name.isascii() and name.isidentifier() and name not in RESERVED else escaped(name)


class Names:
    """Names for what has none in a file: the readable one that is wished for, with a number where that is taken."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._names: dict[Hashable, str] = {}
        self._numbers: dict[str, int] = {}  # the next to try behind a wished name

    def __call__(self, key: Hashable, wish: str) -> str:
        """The name of what `key` stands for: the same whenever it is asked, and no other's."""
        if key not in self._names:
            self._names[key] = self._free(_readable(wish))
            self._taken.add(self._names[key])
        return self._names[key]

    def _free(self, name: str) -> str:
        candidate, number = name, self._numbers.get(name, 2)
        while candidate in self._taken:
            candidate, number = f"{name}_{number}", number + 1
        self._numbers[name] = number
        return candidate


def _readable(wish: str) -> str:
    """An identifier that looks like `wish`, which others may look like too."""
    word = re.sub(r"[^A-Za-z0-9_]", "_", wish) or "_"
    if word in RESERVED:
        return word + "_"
    return "_" + word if word[0].isdigit() else word
