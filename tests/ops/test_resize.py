"""Resizing and sampling: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphcost import Work
from graphcost.windows import AxisMap
from harness import (
    IMAGE,
    MS,
    Question,
    Refused,
    Stated,
    assert_refused,
    assert_states,
    assert_unknown,
    each,
    facts_of,
    floats,
    ints,
    t,
)

F32_07, F32_23 = 0.699999988079071, 2.299999952316284
"""The numbers of float32 next to 0.7 and to 2.3."""

CASES: list[Stated] = [
    ("Upsample", (IMAGE, floats(1, 1, 2, 2)), {}, [(1, 4, 16, 16)], Work()),
    ("Upsample", (IMAGE,), {"scales": (1.0, 1.0, 2.0, 0.5)}, [(1, 4, 16, 4)], Work()),
    ("Upsample", (IMAGE,), {"height_scale": 2.0, "width_scale": 3.0, "mode": "bilinear"}, [(1, 4, 16, 24)],
     Work(muls=4 * 16 * 24 * 2 * 2, adds=4 * 16 * 24 * 2)),
    ("Resize", (IMAGE, None, floats(1, 1, 1.5, 2)), {}, [(1, 4, 12, 16)], Work()),
    # exactly, both products are a little below 7 and 69, and float32 has nothing nearer than these
    ("Resize", (t(1, 1, 10, 30), None, floats(1, 1, F32_07, F32_23)), {}, [(1, 1, 7, 69)], Work()),
    ("Resize", (IMAGE, None, None, ints(1, 4, 5, 7)), {"mode": "cubic"}, [(1, 4, 5, 7)], Work(muls=140 * 2 * 4, adds=140 * 2 * 3)),
    ("Resize", (IMAGE, None, None, ints(5, 7)), {"axes": (2, 3)}, [(1, 4, 5, 7)], None),
    ("Resize", (IMAGE, None, None, ints(4, 16)), {"axes": (2, 3), "keep_aspect_ratio_policy": "not_larger"}, [(1, 4, 4, 4)], None),
    ("Resize", (IMAGE, None, None, ints(4, 16)), {"axes": (2, 3), "keep_aspect_ratio_policy": "not_smaller"}, [(1, 4, 16, 16)], None),
    ("Resize", (IMAGE, floats(0, 0, 0.25, 0.25, 1, 1, 0.75, 0.75), floats(1, 1, 2, 2)),
     {"coordinate_transformation_mode": "tf_crop_and_resize"}, [(1, 4, 8, 8)], None),
    ("GridSample", (IMAGE, t(1, 5, 6, 2)), {}, [(1, 4, 5, 6)], Work(muls=120 * 2 * 2 + 60, adds=120 * 2 + 60)),
    ("AffineGrid", (t(2, 2, 3), ints(2, 3, 5, 6)), {}, [(2, 5, 6, 2)], Work(macs=120 * 3)),
    ("RoiAlign", (IMAGE, t(9, 4), t(9)), {"output_height": 2, "output_width": 3, "sampling_ratio": 2}, [(9, 4, 2, 3)],
     Work(muls=216 * 4 * 4, adds=216 * 4 * 3 + 216 * 3, divs=216)),
    (MS + "CropAndResize", (IMAGE, t(9, 4), t(9), ints(2, 3)), {}, [(9, 4, 2, 3)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


UNKNOWN: list[Question] = [
    ("AffineGrid", (t(2, 2, 3), t(4)), {}),
]  # fmt: skip


@each(UNKNOWN)
def test_a_shape_that_stands_in_unknown_contents_is_unknown(case: Question) -> None:
    assert_unknown(case)


REFUSED: list[Refused] = [
    ("Resize", (IMAGE, None, floats(2.0)), {}, "1 scales or sizes for 4 axes"),
]  # fmt: skip


@each(REFUSED)
def test_a_contradiction_is_refused_in_words(case: Refused) -> None:
    assert_refused(case)


def test_resize_10_takes_scales_second() -> None:
    assert facts_of("Resize", IMAGE, floats(1, 1, 2, 2), opset=10).outputs[0].shape == (1, 4, 16, 16)


def test_where_a_resize_of_a_region_looks_is_known_with_the_region() -> None:
    """The middle half of 8 rows, from 8 * 0.25 - 1/2 on, twice as large."""
    sizes, mode = ints(1, 4, 8, 8), {"coordinate_transformation_mode": "tf_crop_and_resize"}
    known = facts_of("Resize", IMAGE, floats(0, 0, 0.25, 0.25, 1, 1, 0.75, 0.75), None, sizes, **mode).window
    unknown = facts_of("Resize", IMAGE, t(8), None, sizes, **mode).window
    assert all(isinstance(axis, AxisMap) for axis in known.maps[0][2:])
    assert unknown.maps == ((None, None, None, None),)  # though there are as many elements as before
    columns = facts_of("Resize", IMAGE, t(2), None, ints(8), axes=(3,), **mode).window
    assert columns.maps == ((0, 1, 2, None),)


@pytest.mark.parametrize(
    ("mode", "scale", "axis"),
    [
        # x = 2i falls on an element, which every mode takes
        ("floor", 0.5, AxisMap(2, stride=2)), ("ceil", 0.5, AxisMap(2, stride=2)),
        ("round_prefer_floor", 0.5, AxisMap(2, stride=2)), ("round_prefer_ceil", 0.5, AxisMap(2, stride=2)),
        # x = i / 2: the element at it or before, or at it or behind, of two that an output may lie between
        ("floor", 2.0, AxisMap(2, kernel=2, pad=1, up=2)), ("ceil", 2.0, AxisMap(2, kernel=2, up=2)),
        ("round_prefer_floor", 2.0, AxisMap(2, kernel=2, pad=1, up=2)),
        ("round_prefer_ceil", 2.0, AxisMap(2, kernel=2, up=2)),
    ],
)  # fmt: skip
def test_the_nearest_element_is_the_one_that_the_rounding_takes(mode: str, scale: float, axis: AxisMap) -> None:
    options = {"mode": "nearest", "nearest_mode": mode, "coordinate_transformation_mode": "asymmetric"}
    window = facts_of("Resize", t(1, 1, 12), None, floats(1, 1, scale), **options).window
    (found,) = [each for each in window.maps[0] if isinstance(each, AxisMap)]
    assert replace(found, border="") == axis
