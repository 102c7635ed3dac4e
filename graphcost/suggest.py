"""What to say of a name that does not exist: the names nearest to it, and what there is.

difflib takes 5 ms to import, so that it is imported where somebody has mistyped.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST = 3
"""Names that are suggested."""
LISTED = 24
"""Names that are listed where there is no suggestion, before the rest are only counted."""
WITH_SUGGESTION = 10
"""Names up to which the list is given although there is a suggestion."""
NEAR = 0.55
"""Similarity (difflib's ratio) from which a name is near: `mac` is to `macs`, `int9` to `int8`, `zzz` to nothing."""


def close_to(word: str, choices: Iterable[str], most: int = MOST) -> list[str]:
    """Up to `most` of the choices that are nearly the word, in whatever case, the nearest first."""
    from difflib import get_close_matches

    spelled: dict[str, str] = {}
    for choice in choices:
        spelled.setdefault(choice.lower(), choice)
    lower = word.lower()
    near = get_close_matches(lower, spelled, most, NEAR)
    near += [each for each in spelled if len(lower) > 2 and lower in each and each not in near]
    return [spelled[each] for each in near[:most]]


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`; did you mean conv1 or conv2?`, "" where nothing is near."""
    near = close_to(word, choices)
    return f"; did you mean {_either(near)}?" if near else ""


def no_such(kind: str, word: object, choices: Iterable[str]) -> str:
    """`no format 'jsn'; did you mean json? There are md, html, json`; a long list only where nothing is near."""
    there = list(choices)
    near = close_to(word, there) if isinstance(word, str) else []
    text = f"no {kind} {_shown(word)}"
    if near and len(there) > WITH_SUGGESTION:
        return f"{text}; did you mean {_either(near)}?"
    listed = ", ".join(there[:LISTED]) + (f" and {len(there) - LISTED} more" if len(there) > LISTED else "")
    return f"{text}; did you mean {_either(near)}? There are {listed}" if near else f"{text}; there are {listed}"


def _shown(word: object) -> str:
    text = repr(word)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
