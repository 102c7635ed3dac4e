"""Repetitions that give nothing back, in every Python."""

from __future__ import annotations

import re

import pytest

from graphcost.importers import repeats
from graphcost.importers.repeats import possessive


@pytest.mark.parametrize("exact", [False, repeats.EXACT])
def test_a_repetition_ends_where_its_last_whole_round_does(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third round of `ab?c` fails after its `ab`, and the fifth letter is no part of the match."""
    monkeypatch.setattr(repeats, "EXACT", exact)
    found = re.match(possessive("ab?c", "+"), "acabcab")
    assert found is not None and found.group() == "acabc"
    assert re.match(possessive("ab?c", "*") + "c", "acabc") is None  # the last c is not given back
