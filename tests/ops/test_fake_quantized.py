"""Quantisers of other tools: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import Stated, assert_states, each, facts_of, t

CASES: list[Stated] = [
    ("org.openvinotoolkit.FakeQuantize", (t(2, 3), t(), t(), t(), t()), {}, [(2, 3)],
     Work(divs=6, compares=18, adds=12, muls=6)),
    ("qonnx.custom_op.general.Quant", (t(2, 3), t(), t(), t()), {}, [(2, 3)], None),
    ("qonnx.custom_op.general.MultiThreshold", (t(2, 3), t(3, 7)), {"out_scale": 2.0, "out_bias": -7.0}, [(2, 3)], Work(compares=42, adds=48, muls=6)),
    ("finn.custom_op.general.MultiThreshold", (t(2, 3), t(1, 7)), {}, [(2, 3)], Work(compares=42, adds=42)),
    ("qonnx.custom_op.general.BipolarQuant", (t(2, 3), t()), {}, [(2, 3)], Work(compares=6, muls=6)),
    ("trt.TRT_FP8DequantizeLinear", (t(2, 3, dtype="float8e4m3fn"), t()), {}, [(2, 3)], Work(adds=6, muls=6)),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


def test_a_quantiser_of_another_tool_gives_the_type_that_it_is_named_after() -> None:
    assert facts_of("trt.TRT_FP8QuantizeLinear", t(2, 3), t()).outputs[0].dtype == "float8e4m3fn"
    assert facts_of("trt.TRT_INT8QuantizeLinear", t(2, 3), t()).outputs[0].dtype == "int8"
    assert facts_of("org.openvinotoolkit.FakeQuantize", t(2, 3), t(), t(), t(), t()).outputs[0].dtype == "float32"
