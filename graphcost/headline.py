"""Inputs in few words: those that differ in a number and a last word alone are one.

`past_key_values.{0..31}.{key,value} batch x 8 x past x 64` stands for 64 inputs of that shape.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .graph import Tensor
from .table import shape_text

FEWEST = 3
"""Numbers from which on names are gathered."""
_PARTS = re.compile(r"(?P<head>\D*)(?P<number>\d{1,6})(?P<stem>(?:.*[._/])?)(?P<last>[^._/]*)", re.DOTALL)
"""The first number of a name, and the last word after it."""


@dataclass
class _Family:
    """The inputs of one shape whose names differ in a number and a last word."""

    head: str
    stem: str
    words: dict[int, list[str]] = field(default_factory=dict)
    """The last words by number."""

    @property
    def text(self) -> str:
        """Their names in one; "" where they are too few, or numbers or words are missing."""
        numbers, words = sorted(self.words), {tuple(each) for each in self.words.values()}
        if len(numbers) < FEWEST or len(words) > 1 or numbers[-1] - numbers[0] != len(numbers) - 1:
            return ""
        (last,) = words
        ending = last[0] if len(last) == 1 else f"{{{','.join(last)}}}"
        return f"{self.head}{{{numbers[0]}..{numbers[-1]}}}{self.stem}{ending}"


def grouped(inputs: Mapping[str, Tensor]) -> list[tuple[str, int]]:
    """Each input, or several in one at the place of the first, as name and shape; and how many these are."""
    families: dict[tuple[str, ...], _Family] = {}
    family_of: dict[str, _Family] = {}
    for name, tensor in inputs.items():
        if (match := _PARTS.fullmatch(name)) is not None:
            key = (match["head"], match["stem"], shape_text(tensor), tensor.dtype)
            family = family_of[name] = families.setdefault(key, _Family(match["head"], match["stem"]))
            family.words.setdefault(int(match["number"]), []).append(match["last"])
    texts: dict[str, int] = {}
    for name, tensor in inputs.items():
        together = family_of[name].text if name in family_of else ""
        text = f"{together or name} {shape_text(tensor)}"
        texts[text] = texts.get(text, 0) + 1
    return list(texts.items())
