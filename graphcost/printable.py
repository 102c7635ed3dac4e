"""Text from a model's file as it may be shown: what a terminal, a page or an editor would act on is escaped.

Control characters, marks that turn the direction of text, characters without width and halves of surrogate pairs can
make a name look like another, or a terminal obey it. Letters of any script stay as they are.
"""

from __future__ import annotations

import re
from functools import cache

_RANGES = (
    "\x00-\x1f\x7f-\x9f"  # controls
    "\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"  # no width, or turning text
    "\u2028-\u202e\u2066-\u2069"  # ends of lines and paragraphs, embeddings, overrides and isolates
    "\ud800-\udfff"
    "\U000e0000-\U000e007f"  # tags
)
"""The characters in question, as ranges of a regular expression."""


@cache
def _unsafe() -> re.Pattern[str]:
    return re.compile(f"[{_RANGES}]")


def printable(text: str) -> str:
    """The text on one line, with what must not be obeyed as `\\u202e`."""
    return text if text.isprintable() else _unsafe().sub(_escaped, text)  # Python prints none of those


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()


def printable_lines(text: str) -> str:
    """The same of a text of several lines, such as a whole page."""
    return "\n".join(map(printable, text.split("\n")))
