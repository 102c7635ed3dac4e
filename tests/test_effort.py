"""How much is done for each operator of a network in which none repeats another, in calls: clocks tell another story on
every machine.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from graphcost import Analysis, Model, analyze
from graphcost.dims import Names
from harness import parsed

BLOCKS = 60
OPERATORS = 4 * BLOCKS


def calls_in(function: Callable[[], object]) -> Counter[str]:
    """The calls that a function makes, by the name of what is called."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            calls[frame.f_code.co_name] += 1
        elif event == "c_call":
            calls[argument.__name__] += 1

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls


@pytest.fixture(scope="module")
def varied() -> Model:
    """Blocks of Relu, Sigmoid, Mul and Concat, each two columns wider than the one before."""
    blocks = [
        f"r{at} = Relu(x{at}) s{at} = Sigmoid(r{at}) m{at} = Mul(r{at}, s{at}) x{at + 1} = Concat<axis = 1>(m{at}, x)"
        for at in range(BLOCKS)
    ]
    return parsed(f"g (float[4, 2] x, float[4, 2] x0) => (x{BLOCKS}) {{ {' '.join(blocks)} }}")


def test_each_rule_is_called_once(varied: Model) -> None:
    calls = calls_in(lambda: analyze(varied))
    assert calls["call_rule"] == calls["infer_op"] == OPERATORS


def test_the_bytes_of_a_tensor_are_multiplied_out_once_for_all_that_ask(varied: Model) -> None:
    """One product for each result and each of the two inputs."""
    analysis = analyze(varied)
    assert calls_in(lambda: analysis.memory)["prod"] == OPERATORS + 2
    assert calls_in(lambda: analysis.activation_bytes)["prod"] == 0


def test_aliases_and_buffers_take_few_calls_for_an_operator(varied: Model) -> None:
    analysis = analyze(varied)
    assert calls_in(lambda: analysis.memory).total() < 36 * OPERATORS


def test_a_name_that_many_wish_for_is_numbered_on_without_trying_all_before() -> None:
    names = Names()
    assert calls_in(lambda: [names(key, "z") for key in range(1000)]).total() < 20 * 1000
    assert names(999, "z") == "z_1000"


def test_putting_rows_in_another_order_takes_time_in_proportion_to_them() -> None:
    """Four times the operators take some 4 times as long; 16 times where each looks at all others."""

    def chain(operators: int) -> Analysis:
        steps = " ".join(f"x{at + 1} = Relu(x{at})" for at in range(operators))
        return analyze(parsed(f"g (float[4, 2] x0) => (x{operators}) {{ {steps} }}"))

    def seconds(analysis: Analysis) -> float:
        start = time.process_time()
        analysis.in_order(analysis.model.schedule)
        return time.process_time() - start

    few, many = chain(1000), chain(4000)
    tries = [(seconds(few), seconds(many)) for _ in range(5)]  # in turns, for machines that are slow now and then
    least_of_few, least_of_many = map(min, zip(*tries, strict=True))
    assert least_of_many < 9 * least_of_few
