"""Convolutions and pools whose channels come last: the shapes, the work and the window that each states."""

from __future__ import annotations

from graphcost import Work
from graphcost.windows import AxisMap
from harness import IMAGE, MS, Stated, assert_states, each, facts_of, t

BYTES = t(1, 8, 8, 4, dtype="uint8")
SCALES = (t(), t())

CASES: list[Stated] = [
    (MS + "NhwcConv", (t(1, 8, 8, 3), t(6, 3, 3, 3), t(6)), {}, [(1, 6, 6, 6)], Work(macs=(36 * 6) * 27, adds=36 * 6)),
    (MS + "NhwcFusedConv", (t(1, 8, 8, 3), t(6, 3, 3, 3), t(6), t(1, 6, 6, 6)), {"activation": "Relu"}, [(1, 6, 6, 6)],
     Work(macs=(36 * 6) * 27, adds=2 * 36 * 6, compares=36 * 6)),
    (MS + "QLinearConv", (BYTES, *SCALES, t(6, 2, 3, 3, dtype="int8"), *SCALES, t(), t(dtype="uint8")),
     {"channels_last": 1, "group": 2, "strides": (2, 2)}, [(1, 3, 3, 6)],
     Work(macs=(9 * 6) * 18, divs=54, compares=3 * 54, adds=54)),
    (MS + "QLinearConv", (t(1, 4, 8, 8, dtype="uint8"), *SCALES, t(6, 4, 3, 3, dtype="int8"), *SCALES, t(), t(dtype="uint8")),
     {}, [(1, 6, 6, 6)], None),
    (MS + "NhwcMaxPool", (t(2, 9, 10, 5),), {"kernel_shape": (3, 2), "pads": (1, 0, 1, 0), "strides": (2, 2)}, [(2, 5, 5, 5)],
     Work(compares=(2 * 5 * 5 * 5) * 5)),
    (MS + "QLinearGlobalAveragePool", (IMAGE,), {}, [(1, 4, 1, 1)], None),
    (MS + "QLinearGlobalAveragePool", (t(1, 8, 8, 4),), {"channels_last": 1}, [(1, 1, 1, 4)], None),
    (MS + "QLinearAveragePool", (IMAGE,), {"kernel_shape": (2, 2)}, [(1, 4, 7, 7)], None),
    (MS + "QLinearAveragePool", (t(1, 8, 8, 4),), {"kernel_shape": (2, 2), "channels_last": 1}, [(1, 7, 7, 4)],
     Work(adds=196 * (4 - 1) + 196, divs=196 * 2, compares=196 * 3)),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


def test_the_result_of_a_quantised_convolution_is_of_the_type_of_its_zero_point() -> None:
    facts = facts_of(MS + "QLinearConv", BYTES, *SCALES, t(6, 4, 3, 3), *SCALES, t(), t(dtype="int8"), channels_last=1)
    assert facts.outputs[0] == t(1, 6, 6, 6, dtype="int8")


def test_the_window_lies_along_the_axes_in_between() -> None:
    """Channels are mixed by a convolution, and kept apart by a pool."""
    rows, columns = AxisMap(1, kernel=3, stride=2, pad=1), AxisMap(2, kernel=3, stride=2, pad=1)
    attrs = {"pads": (1, 1, 1, 1), "strides": (2, 2)}
    conv = facts_of(MS + "NhwcConv", t(1, 8, 8, 3), t(6, 3, 3, 3), **attrs)
    assert conv.window.maps == ((0, rows, columns, None),)
    pool = facts_of(MS + "NhwcMaxPool", t(1, 8, 8, 3), kernel_shape=(3, 3), **attrs)
    assert pool.window.maps == ((0, rows, columns, 3),)
