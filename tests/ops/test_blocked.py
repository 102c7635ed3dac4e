"""Channels in blocks: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

from graphcost import Work
from harness import MS, Stated, assert_states, each, facts_of, t

CASES: list[Stated] = [
    (MS + "nchwc.ReorderInput", (t(1, 8, 8, 32),), {"channels_last": 1}, [(1, 32, 8, 8)], Work()),
    (MS + "nchwc.ReorderOutput", (t(1, 16, 8, 8),), {"channels": 12}, [(1, 12, 8, 8)], Work()),
    (MS + "nchwc.ReorderOutput", (t(1, 16, 8, 8),), {"channels": 12, "channels_last": 1}, [(1, 8, 8, 12)], Work()),
    (MS + "nchwc.Upsample", (t(1, 16, 8, 8),), {"scales": (1, 1, 2, 2)}, [(1, 16, 16, 16)], Work()),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


def test_positions_stay_what_they_are_wherever_the_channels_go() -> None:
    """Axis by axis of the input: that of the result whose position is read there, None where all of it is."""
    first = facts_of(MS + "nchwc.ReorderOutput", t(1, 16, 8, 6), channels=12).window
    last = facts_of(MS + "nchwc.ReorderOutput", t(1, 16, 8, 6), channels=12, channels_last=1).window
    assert (first.maps, last.maps) == (((0, None, 2, 3),), ((0, None, 1, 2),))
