"""The styles and scripts of the page, and the security policy that lets a browser run these and nothing else.

Knows the names of the files and their order; where templates are found is the caller's.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

STYLES = ("report.css", "table.css", "graph.css")
SCRIPTS = ("live.js", "table.js", "expensive.js", "roofline.js", "drawing.js", "plots.js", "charts.js", "graph.js")
"""Each adds to the page by itself; the first makes the numbers that the others draw again."""


@dataclass(frozen=True)
class Assets:
    """The text between <style> and </style> and between <script> and </script>, and the policy with their hashes."""

    style: str
    script: str
    policy: str


def bundle(read: Callable[[str], str], styles: Sequence[str] = STYLES, scripts: Sequence[str] = SCRIPTS) -> Assets:
    """Join the files that `read` gives by name. Raises whatever `read` does for one that is not there."""
    style = "".join(map(read, styles))
    script = "".join(map(read, scripts))
    policy = [
        "default-src 'none'",
        f"style-src '{_digest(style)}'",
        f"script-src '{_digest(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return Assets(style, script, "; ".join(policy))


def _digest(text: str) -> str:
    """As a Content-Security-Policy names an inline element: https://www.w3.org/TR/CSP3/#grammardef-hash-source."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
