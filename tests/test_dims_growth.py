"""Formulas that never fall as a symbol grows."""

from __future__ import annotations

import pytest

from graphcost.dims import never_falls, parse, substitute


@pytest.mark.parametrize(
    "text",
    ["3*N + M", "N*M**2", "10*((N + 15)//16)", "max(N, 7*M)", "min(N, 4)", "N**2 - N", "M - 5", "2*((N + 1)//2)*N"],
)
def test_what_is_proven_never_to_fall_does_not(text: str) -> None:
    formula = parse(text)
    assert never_falls(formula, "N")
    values = [substitute(formula, {"N": n, "M": 3}) for n in range(1, 60)]
    assert values == sorted(values)


@pytest.mark.parametrize("text", ["-N", "M - N", "N%7", "100//N", "N - 7*(N//7)", "max(10 - N, 0)"])
def test_what_falls_somewhere_is_not_proven(text: str) -> None:
    assert not never_falls(parse(text), "N")
