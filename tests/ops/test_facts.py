"""What a rule states, as a record."""

from __future__ import annotations

from dataclasses import fields

from graphcost import NO_WORK, Facts, Tensor, Work
from graphcost.dims import Extent


def test_every_extent_and_every_tensor_of_the_facts_is_mapped() -> None:
    """Each field that holds one; a field that is added without being mapped is found by the last line."""
    one = Tensor((2,))
    facts = Facts(
        (one,), Work(macs=1, muls=2, adds=3, divs=4, exps=5, compares=6), weights=(one,), slice_offsets=(7,),
        elements_read=(8, 9), packed_as=(None, one), trip_counts=(10,),
    )  # fmt: skip

    def ten_more(extent: Extent) -> Extent:
        return extent + 10

    other = Tensor((3,))
    mapped = facts.map(ten_more, lambda tensor: other)
    assert mapped == Facts(
        (other,), Work(macs=11, muls=12, adds=13, divs=14, exps=15, compares=16), weights=(other,), slice_offsets=(17,),
        elements_read=(18, 19), packed_as=(None, other), trip_counts=(20,),
    )  # fmt: skip
    left_alone = {
        "window", "is_view", "elementwise", "anchors", "is_detection", "experts", "note", "warning", "weight_classes",
    }  # fmt: skip
    held = {"outputs", "work", "weights", "slice_offsets", "elements_read", "packed_as", "trip_counts"}
    assert {field.name for field in fields(Facts)} == left_alone | held


def test_what_is_not_stated_stays_so() -> None:
    assert Facts((), None).map(lambda extent: extent + 1, lambda tensor: tensor) == Facts((), None)
    assert Facts((), NO_WORK).map(lambda extent: extent, lambda tensor: tensor) == Facts((), NO_WORK)
