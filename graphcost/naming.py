"""Many names in few words: `past_key_values.{0..31}.{key,value}`."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from math import prod

FEW = 3
"""So many names of a kind are worth a pattern."""
LISTED = 4
"""Values that a pattern lists, before it says that there are more."""
Natural = tuple[tuple[int, int, str], ...]
"""A key for sorting: whether each part is no number, the digits of a number, and the part."""
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]+")


def grouped(names: Mapping[str, Hashable]) -> list[tuple[str, list[str]]]:
    """Patterns with the names they stand for, in the order of the first of each; names of a pattern have equal values.

    A name that is like no others stands for itself.
    """
    alike: dict[Hashable, list[str]] = {}
    for name, value in names.items():
        kinds = tuple(["0" if token.isdigit() else token if not token.isalpha() else "a" for token in _tokens(name)])
        alike.setdefault((value, kinds), []).append(name)
    groups = [group for members in alike.values() for group in _patterns(members)]
    position = {name: at for at, name in enumerate(names)}
    return sorted(groups, key=lambda group: position[group[1][0]])


def _tokens(name: str) -> list[str]:
    return _TOKEN.findall(name)


def _patterns(names: list[str]) -> list[tuple[str, list[str]]]:
    """The fewest patterns found for names with the same kinds of tokens."""
    if len(names) < FEW:
        return [(name, [name]) for name in names]
    columns = [list(dict.fromkeys(column)) for column in zip(*map(_tokens, names), strict=True)]
    if prod(map(len, columns)) == len(names) and any(len(values) == 1 and values[0].isalpha() for values in columns):
        return [("".join(map(_choice, columns)), names)]
    words = [at for at, values in enumerate(columns) if len(values) > 1]
    by = min(words, key=lambda at: (columns[at][0].isdigit(), len(columns[at])))
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(_tokens(name)[by], []).append(name)
    return [group for members in parts.values() for group in _patterns(members)]


def _choice(values: Sequence[str]) -> str:
    """One of several values, as a pattern has it: `{0..31}`, `{key,value}`."""
    if len(values) == 1:
        return values[0]
    if values[0].isdigit():
        numbers = sorted(map(int, values))
        if numbers == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 2:
            return f"{{{numbers[0]}..{numbers[-1]}}}"
    return "{" + ",".join([*values[:LISTED], *["..."][: len(values) - LISTED if len(values) > LISTED else 0]]) + "}"


def shortened(text: str, most: int) -> str:
    """Text of at most so many letters, cut in the middle: its beginning says where, its end what."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def natural(text: str) -> Natural:
    """A key that sorts numbers in text by what they are: `7` before `91`, `conv2` before `conv10`, `all` after both."""
    parts = re.findall(r"\d+|\D+", text)
    numbers = [part.lstrip("0") if part.isdecimal() else None for part in parts]
    return tuple(
        (1, 0, part) if number is None else (0, len(number), number)
        for part, number in zip(parts, numbers, strict=True)
    )
