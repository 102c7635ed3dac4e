"""Inputs in few words."""

from __future__ import annotations

import pytest

from graphcost import Tensor
from graphcost.headline import grouped

CACHE = Tensor((1, 8, 16, 64))


def test_inputs_that_differ_in_a_number_and_a_last_word_are_one() -> None:
    names = [f"past_key_values.{at}.{word}" for at in range(32) for word in ("key", "value")]
    inputs = {"ids": Tensor((1, 4), "int64"), **dict.fromkeys(names, CACHE), "mask": Tensor((1, 20))}
    assert grouped(inputs) == [
        ("ids 1x4", 1),
        ("past_key_values.{0..31}.{key,value} 1x8x16x64", 64),
        ("mask 1x20", 1),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ["in0", "in1"],  # too few
        ["in0", "in1", "in3"],  # one is missing
        ["a0.key", "a1.key", "a2.value"],  # another word
        ["0", "x", "image"],
    ],
)
def test_others_stand_alone(names: list[str]) -> None:
    assert grouped(dict.fromkeys(names, CACHE)) == [(f"{name} 1x8x16x64", 1) for name in names]


def test_inputs_of_other_shapes_or_types_are_apart() -> None:
    inputs = {f"p.{at}.k": Tensor((1, 2 if at < 3 else 4), "float32" if at < 6 else "int8") for at in range(9)}
    assert grouped(inputs) == [("p.{0..2}.k 1x2", 3), ("p.{3..5}.k 1x4", 3), ("p.{6..8}.k 1x4", 3)]


def test_numbers_with_zeros_before_them_are_numbers() -> None:
    assert grouped({f"layer_{at:02}": CACHE for at in range(4)}) == [("layer_{0..3} 1x8x16x64", 4)]
