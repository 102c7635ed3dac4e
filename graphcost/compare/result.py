"""What users hold of a comparison: the diff, which can be rendered and saved."""

from __future__ import annotations

from pathlib import Path

from . import diff, text


class Diff(diff.Diff):
    """What differs between two networks, largest first: `changes`, `totals`, `counts`, `empty`, `to_dict()`."""

    def render(self, format: str = "md", top: int = 0) -> str:
        """As text: md, text, html, json or csv; for people at most `top` layers (0: all). Raises ModelError."""
        return text.write(self, format, top)

    def save(self, path: str | Path) -> None:
        """Write it atomically; the suffix names the format (.md, .html, .json, .csv, .txt)."""
        text.save(self, Path(path))
