"""The page as a whole, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize("sample", ["prototxt/det1.prototxt", "onnx_models/retinaface.onnx"])
def test_a_report_opens_without_a_word_on_the_console_and_asks_for_nothing(
    sample: str, root: Path, open_report
) -> None:
    page = open_report(root / sample)
    assert page.title() == page.locator("h1").inner_text()
