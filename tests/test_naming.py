"""Many names in few words."""

from __future__ import annotations

import pytest

from graphcost.naming import grouped, natural, shortened


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        ([f"past.{at}.key" for at in range(32)], ["past.{0..31}.key"]),
        (
            [f"past_key_values.{at}.{which}" for at in range(3) for which in ("key", "value")],
            ["past_key_values.{0..2}.{key,value}"],
        ),
        (["in1", "in3", "in5"], ["in{1,3,5}"]),
        ([f"in{at}" for at in (1, 3, 5, 7, 11, 13)], ["in{1,3,5,7,...}"]),
        (["input_ids", "attention_mask", "position_ids"], ["input_ids", "attention_mask", "position_ids"]),
        (["a0", "b", "a1", "a2"], ["a{0..2}", "b"]),
        (["in1", "in2"], ["in1", "in2"]),
    ],
)
def test_names_that_are_alike_share_a_pattern(names: list[str], patterns: list[str]) -> None:
    found = grouped(dict.fromkeys(names, "1x3"))
    assert [pattern for pattern, _ in found] == patterns
    assert sorted(name for _, members in found for name in members) == sorted(names)


def test_names_of_different_things_stay_apart() -> None:
    found = grouped({"in0": "1x3", "in1": "1x3", "in2": "1x4", "in3": "1x3"})
    assert [members for _, members in found] == [["in0", "in1", "in3"], ["in2"]]


def test_a_long_text_is_cut_in_the_middle() -> None:
    assert shortened("backbone/layer1/0/conv1/Conv", 11) == "backb…/Conv"
    assert shortened("conv1", 5) == "conv1"


def test_numbers_in_text_sort_by_what_they_are() -> None:
    assert sorted(["conv10", "conv2", "conv", "conv02b"], key=natural) == ["conv", "conv2", "conv02b", "conv10"]
    assert sorted(["all", "91", "7x11", "7", "07x2", "9" * 5000], key=natural) == [
        "7",
        "07x2",
        "7x11",
        "91",
        "9" * 5000,
        "all",
    ]
