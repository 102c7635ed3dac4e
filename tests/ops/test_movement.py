"""Operators that move elements: shapes, contents and windows; a case is a row, contents against the onnx package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcost import NO_WORK, Facts, Tensor, Window
from graphcost.dims import Undecided, symbol
from graphcost.graph import UNKNOWN, UnknownShape
from graphcost.windows import AxisMap, mapped
from harness import ints, t

FactsOf = Callable[..., Facts]

N, S = symbol("N"), symbol("S")
CUBE = np.arange(24, dtype=np.int64).reshape(2, 3, 4)


def vector(*elements: int) -> Any:
    return np.array(elements, np.int64)


# --- Reshape, Flatten -------------------------------------------------------------------------------------------------

RESHAPES = [
    (t(2, 3, 4), (6, 4), (6, 4)),
    (t(2, 3, 4), (-1,), (2 * 3 * 4,)),
    (t(2, 3, 4), (0, -1), (2, 3 * 4)),
    (t(2, 3, 4), (4, 0, 2), (4, 3, 2)),
    (t(2, 3, 4), (2, 3, 4, 1), (2, 3, 4, 1)),
    (t(1), (), ()),
    (t(0, 3), (-1, 3), (0, 3)),
    (t(N, 3, 4), (-1, 12), (N, 12)),
    (t(N, 3, 4), (0, -1), (N, 12)),
    (t(N, 3, 4), (N, -1), (N, 12)),
    (t(N, S, 64), (N, S, 8, 8), (N, S, 8, 8)),
    (t(N, S, 64), (-1, 64), (N * S, 64)),
    (t(2, 3, 4), (None, 12), (2, 12)),  # the one extent that is not known is what is left
]


@pytest.mark.parametrize(("x", "target", "expected"), RESHAPES)
def test_reshape(facts_of: FactsOf, x: Tensor, target: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    facts = facts_of("Reshape", x, ints(*target))
    assert facts.outputs[0].shape == expected
    assert facts.is_view
    assert facts.work == NO_WORK
    if None not in target:
        assert facts_of("Reshape", x, opset=1, shape=target).outputs[0].shape == expected


def test_reshape_with_allowzero_takes_zero_as_an_extent(facts_of: FactsOf) -> None:
    assert facts_of("Reshape", t(0, 3), ints(3, 0), allowzero=1).outputs[0].shape == (3, 0)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ((5, 5), r"\[2, 3, 4\] has 24 elements, \[5, 5\] has 25"),
        ((5, -1), "24 elements of .* do not divide into 5"),
        ((-1, -1), "more than one extent"),
        ((2, 3, 4, 0), "copied from a tensor of 3 axes"),
    ],
)
def test_reshape_names_a_contradiction(facts_of: FactsOf, target: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        facts_of("Reshape", t(2, 3, 4), ints(*target))


def test_reshape_of_an_unknown_tensor_to_a_known_shape_is_known(facts_of: FactsOf) -> None:
    assert facts_of("Reshape", UNKNOWN, ints(2, 5)).outputs[0].shape == (2, 5)
    with pytest.raises(UnknownShape):
        facts_of("Reshape", UNKNOWN, ints(2, -1))


def test_reshape_by_contents_that_are_not_known_still_has_its_number_of_axes(facts_of: FactsOf) -> None:
    assert facts_of("Reshape", t(2, 3, 4), t(2, dtype="int64")).outputs[0].rank == 2
    assert facts_of("Reshape", t(2, 3, 4), t(1, dtype="int64")).outputs[0].shape == (2 * 3 * 4,)
    with pytest.raises(UnknownShape):
        facts_of("Reshape", t(2, 3, 4), t(N, dtype="int64"))


@pytest.mark.parametrize(("axis", "expected"), [(0, (1, 24)), (1, (2, 12)), (3, (24, 1)), (-1, (6, 4)), (-3, (1, 24))])
def test_flatten(facts_of: FactsOf, axis: int, expected: tuple[int, int]) -> None:
    assert facts_of("Flatten", t(2, 3, 4), axis=axis).outputs[0].shape == expected


def test_flatten_of_a_scalar_is_a_matrix_of_one(facts_of: FactsOf) -> None:
    assert facts_of("Flatten", t(), axis=0).outputs[0].shape == (1, 1)


# --- Squeeze, Unsqueeze, Transpose ------------------------------------------------------------------------------------


@pytest.mark.parametrize("opset", [11, 13])
@pytest.mark.parametrize(
    ("axes", "expected"), [((0,), (3, 1, 4)), ((-2,), (1, 3, 4)), ((0, 2), (3, 4)), (None, (3, 4))]
)
def test_axes_are_an_attribute_before_version_13_and_an_input_from_then_on(
    facts_of: FactsOf, opset: int, axes: tuple[int, ...] | None, expected: tuple[int, ...]
) -> None:
    x = t(1, 3, 1, 4)
    if opset < 13:
        facts = facts_of("Squeeze", x, opset=opset, axes=axes)
        back = facts_of("Unsqueeze", facts.outputs[0], opset=opset, axes=axes or (0, 2))
    else:
        facts = facts_of("Squeeze", x, None if axes is None else ints(*axes))
        back = facts_of("Unsqueeze", facts.outputs[0], ints(*(axes or (0, 2))))
    assert facts.outputs[0].shape == expected
    assert facts.is_view
    assert back.outputs[0].shape == x.shape


def test_squeezing_what_may_be_1_is_undecided(facts_of: FactsOf) -> None:
    with pytest.raises(Undecided):
        facts_of("Squeeze", t(N, 3))
    assert facts_of("Squeeze", t(2 * N, 1)).outputs[0].shape == (2 * N,)


def test_squeezing_an_axis_that_is_not_1_is_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="axis 1 has extent 3"):
        facts_of("Squeeze", t(1, 3), ints(1))


@pytest.mark.parametrize("perm", [None, [0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_transpose_moves_contents(agrees: FactsOf, perm: list[int] | None) -> None:
    agrees("Transpose", CUBE, **({} if perm is None else {"perm": perm}))


def test_a_transposition_says_where_each_axis_goes(facts_of: FactsOf) -> None:
    assert facts_of("Transpose", t(2, 3, 4, 5), perm=(1, 0, 2, 3)).window == mapped((1, 0, 2, 3))
    assert facts_of("Transpose", t(2, 3, 4, 5), perm=(0, 2, 3, 1)).window == mapped((0, 3, 1, 2))


# --- Concat, Split ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_concat_joins_contents(agrees: FactsOf, axis: int) -> None:
    agrees("Concat", CUBE, CUBE + 100, CUBE * -1, axis=axis)


def test_concat_joins_channels_unless_told_otherwise_before_version_4(facts_of: FactsOf) -> None:
    assert facts_of("Concat", t(2, 3), t(2, 5), opset=3).outputs[0].shape == (2, 3 + 5)


def test_concat_keeps_what_is_known_beside_what_is_not(facts_of: FactsOf) -> None:
    joined = facts_of("Concat", ints(N), t(2, dtype="int64"), ints(4), axis=0).outputs[0]
    assert joined.value == (N, None, None, 4)


def test_concat_of_different_ranks_is_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="ranks differ"):
        facts_of("Concat", t(2, 3), t(2), axis=0)


SPLITS = [
    (11, None, {"split": [2, 5]}, [2, 5]),
    (13, (2, 5), {}, [2, 5]),
    (13, None, {}, [4, 3]),
    (18, None, {"num_outputs": 3}, [3, 3, 1]),
    (18, None, {"num_outputs": 7}, [1] * 7),
]


@pytest.mark.parametrize(("opset", "lengths", "attrs", "expected"), SPLITS)
def test_split(
    facts_of: FactsOf, opset: int, lengths: tuple[int, ...] | None, attrs: dict[str, Any], expected: list[int]
) -> None:
    inputs = [ints(*range(7)), *([] if lengths is None else [ints(*lengths)])]
    facts = facts_of("Split", *inputs, opset=opset, outputs=len(expected), **attrs)
    assert [top.shape for top in facts.outputs] == [(length,) for length in expected]
    assert [element for top in facts.outputs for element in top.value or ()] == list(range(7))


def test_split_of_a_symbolic_axis(facts_of: FactsOf) -> None:
    facts = facts_of("Split", t(3 * N, 2), outputs=3, axis=0)
    assert [top.shape for top in facts.outputs] == [(N, 2)] * 3


def test_parts_that_do_not_add_up_are_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="do not add up to 7"):
        facts_of("Split", t(7), ints(3, 3), outputs=2)


# --- Expand, Tile, Pad ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 3, 1), (5, 1, 3, 4), (4,), ()])
def test_expand_broadcasts_both_ways(agrees: FactsOf, shape: tuple[int, ...]) -> None:
    agrees("Expand", CUBE[:1], vector(*shape))


def test_expand_to_symbols(facts_of: FactsOf) -> None:
    assert facts_of("Expand", t(1, 3, 1), ints(N, 1, S)).outputs[0].shape == (N, 3, S)


@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 3), (0, 1, 1)])
def test_tile_repeats_contents(agrees: FactsOf, repeats: tuple[int, ...]) -> None:
    agrees("Tile", CUBE, vector(*repeats))


def test_tile_repeats_one_axis_in_version_1(facts_of: FactsOf) -> None:
    assert facts_of("Tile", t(2, 3), ints(4), ints(1), opset=1).outputs[0].shape == (2, 3 * 4)


@pytest.mark.parametrize("pads", [(0, 0, 1, 0, 0, 2), (1, 2, 0, 0, 1, 3)])
def test_pad_frames_contents(agrees: FactsOf, pads: tuple[int, ...]) -> None:
    agrees("Pad", CUBE, vector(*pads), np.int64(9), mode="constant")


def test_negative_pads_cut(facts_of: FactsOf) -> None:
    """1 goes from the start of the second axis and 2 from the end of the third, which begins with a 9."""
    x = Tensor((2, 3, 4), "int64", tuple(range(24)))
    (y,) = facts_of("Pad", x, ints(0, -1, 1, 0, 0, -2), Tensor((), "int64", (9,))).outputs
    assert y.shape == (2, 3 - 1, 4 + 1 - 2)
    assert y.value == (9, 4, 5, 9, 8, 9, 9, 16, 17, 9, 20, 21)


PADS_BEFORE_11: list[tuple[int, dict[str, Any]]] = [
    (1, {"paddings": (0, 0, 1, 2, 0, 0, 3, 4)}),
    (2, {"pads": (0, 0, 1, 2, 0, 0, 3, 4)}),
]


@pytest.mark.parametrize(("opset", "attrs"), PADS_BEFORE_11)
def test_pad_takes_attributes_before_version_11(facts_of: FactsOf, opset: int, attrs: dict[str, Any]) -> None:
    facts = facts_of("Pad", t(1, 3, 8, 8), opset=opset, **attrs)
    assert facts.outputs[0].shape == (1, 3, 8 + 1 + 3, 8 + 2 + 4)
    assert facts.window == Window((1, 1), (1, 1), (1, 2), (1, 1), maps=((0, 1, AxisMap(2, pad=1), AxisMap(3, pad=2)),))


def test_pad_of_named_axes(facts_of: FactsOf) -> None:
    facts = facts_of("Pad", t(1, 3, 8, 8), ints(1, 2, 3, 4), None, ints(-2, -1))
    assert facts.outputs[0].shape == (1, 3, 8 + 1 + 3, 8 + 2 + 4)


def test_padding_to_a_multiple_is_a_formula(facts_of: FactsOf) -> None:
    """What detectors do before their pyramid: H + (-H) mod 32."""
    height = symbol("H")
    facts = facts_of("Pad", t(1, 3, height), ints(0, 0, 0, 0, 0, (-height) % 32))
    assert facts.outputs[0].shape[2] == 32 * ((height + 31) // 32)


# --- images -----------------------------------------------------------------------------------------------------------


def test_depth_to_space_and_back(facts_of: FactsOf) -> None:
    there = facts_of("DepthToSpace", t(1, 3 * 2 * 2, 5, 6), blocksize=2)
    assert there.outputs[0].shape == (1, 3, 5 * 2, 6 * 2)
    assert facts_of("SpaceToDepth", there.outputs[0], blocksize=2).outputs[0].shape == (1, 3 * 2 * 2, 5, 6)


def test_depth_that_does_not_divide_is_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="an extent of 5 does not divide into 4"):
        facts_of("DepthToSpace", t(1, 5, 2, 2), blocksize=2)


def test_crop_takes_a_border_or_a_size(facts_of: FactsOf) -> None:
    """Border is left, top, right, bottom."""
    assert facts_of("Crop", t(1, 3, 10, 20), opset=1).outputs[0] == t(1, 3, 10, 20)
    facts = facts_of("Crop", t(1, 3, 10, 20), opset=1, border=(1, 2, 3, 4))
    assert facts.outputs[0].shape == (1, 3, 10 - 2 - 4, 20 - 1 - 3)
    assert facts.window.pad == (-2, -1)
    assert facts_of("Crop", t(1, 3, 10, 20), opset=1, border=(1, 2, 3, 4), scale=(5, 6)).outputs[0].shape == (
        1,
        3,
        5,
        6,
    )


def test_center_crop_pad_sets_the_named_axes(facts_of: FactsOf) -> None:
    assert facts_of("CenterCropPad", t(3, 20, 8), ints(10, 9), axes=(1, 2)).outputs[0].shape == (3, 10, 9)


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("Tile", (ints(1, 2), ints(2**40))),
        ("Expand", (ints(1), ints(2**40))),
        ("Pad", (ints(1, 2), ints(2**40, 0))),
    ],
)
def test_contents_never_grow_beyond_the_limit(facts_of: FactsOf, kind: str, inputs: tuple[Tensor, ...]) -> None:
    (y,) = facts_of(kind, *inputs).outputs
    assert y.value is None
    assert y.size > 2**39


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_reshaping_keeps_the_number_of_elements(facts_of: FactsOf, data: st.DataObject) -> None:
    """Any shape, symbols among its extents; -1 in the place of one of the new extents gives that one back."""
    extents = data.draw(st.lists(st.sampled_from([1, 2, 3, 5, N, S, N + 1]), min_size=1, max_size=4))
    target = data.draw(st.permutations(extents))
    hole = data.draw(st.integers(0, len(target) - 1))
    wanted = [-1 if at == hole else extent for at, extent in enumerate(target)]
    assert facts_of("Reshape", t(*extents), ints(*wanted)).outputs[0].shape == tuple(target)
