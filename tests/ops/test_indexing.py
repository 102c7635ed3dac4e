"""Slices, gathers and scatters: shapes and contents against numpy and the onnx package, windows, what is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcost import Facts, Tensor, Window, Work
from graphcost.dims import Undecided, bounds, minimum, substitute, symbol, symbols
from graphcost.ops.indexing import span
from graphcost.ops.values import LIMIT
from graphcost.windows import AxisMap, mapped
from harness import ints, number, onnx_before, t

FactsOf = Callable[..., Facts]

N = symbol("N")
CUBE = np.arange(24, dtype=np.int64).reshape(2, 3, 4)
END = 2**63 - 1


def vector(*elements: int) -> Any:
    return np.array(elements, np.int64)


# --- Slice ------------------------------------------------------------------------------------------------------------

SLICES = [
    ((1,), (3,), (2,), (1,)),
    ((0, 1), (2, 3), (0, 1), (1, 1)),
    ((0,), (END,), (2,), (2,)),
    ((-2,), (END,), (-1,), (1,)),
    ((-1,), (-END - 1,), (2,), (-1,)),
    ((3,), (0,), (2,), (-2,)),
    ((5,), (9,), (2,), (1,)),
    ((2,), (1,), (2,), (1,)),
    ((-100,), (100,), (1,), (3,)),
]


@pytest.mark.parametrize(("starts", "ends", "axes", "steps"), SLICES)
def test_slice_takes_what_onnx_takes(
    agrees: FactsOf, starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...], steps: tuple[int, ...]
) -> None:
    agrees("Slice", CUBE, vector(*starts), vector(*ends), vector(*axes), vector(*steps))


@pytest.mark.parametrize("end", [2**31 - 1, END])
def test_a_slice_backward_to_the_largest_integer_turns_the_axis_round(facts_of: FactsOf, end: int) -> None:
    turned = facts_of("Slice", ints(4, 5, 6), ints(-1), ints(end), ints(0), ints(-1)).outputs[0]
    assert turned == ints(6, 5, 4)
    assert facts_of("Slice", ints(4, 5, 6), ints(-1), ints(end - 1), ints(0), ints(-1)).outputs[0] == ints()


@pytest.mark.parametrize("far", [2**31 - 1, END])
def test_a_slice_to_the_largest_integer_ends_with_an_axis_of_any_size(facts_of: FactsOf, far: int) -> None:
    x = Tensor((symbol("N"),))
    assert facts_of("Slice", x, ints(0), ints(far), ints(0)).outputs[0] == x
    assert facts_of("Slice", x, ints(-far), ints(far), ints(0)).outputs[0] == x


def test_bounds_of_a_slice_are_attributes_before_version_10(facts_of: FactsOf) -> None:
    facts = facts_of("Slice", t(2, 10), opset=9, starts=(1, -4), ends=(2, 2**31 - 1))
    assert facts.outputs[0].shape == (1, 4)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(
    size=st.integers(0, 9),
    start=st.integers(-12, 12) | st.just(END),
    end=st.integers(-12, 12) | st.sampled_from([END, -END]),
    step=st.integers(-4, 4).filter(bool),
)
def test_a_slice_is_pythons(size: int, start: int, end: int, step: int) -> None:
    """But where it goes backward from below the axis: ONNX takes the first element, Python none. And backward up to the
    largest integer it goes as far as there is, as ONNX Runtime has it: Python's None.
    """
    first = max(start, -size) if step < 0 and size else start
    taken = range(size)[slice(first, None if end == END else end, step)]
    begin, length = span(size, start, end, step)
    assert length == len(taken)
    assert not taken or begin == taken[0]


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(size=st.integers(1, 20), start=st.integers(-5, 5), end=st.integers(-5, 5) | st.just(END), step=st.integers(1, 3))
def test_a_slice_of_a_symbolic_axis_is_right_at_every_size(size: int, start: int, end: int, step: int) -> None:
    _, length = span(N, start, end, step)
    assert substitute(length, {"N": size}) == len(range(size)[slice(start, end, step)])


def test_slicing_up_to_a_symbol(facts_of: FactsOf) -> None:
    assert facts_of("Slice", t(512, 64), ints(0), ints(2 * N), ints(0)).outputs[0].shape == (minimum(512, 2 * N), 64)
    assert facts_of("Slice", t(N, 64), ints(0), ints(N - 1), ints(0)).outputs[0].shape == (N - 1, 64)


def test_a_piece_of_known_length_at_a_symbolic_place_is_taken_to_lie_inside(facts_of: FactsOf) -> None:
    """The row of a mask that belongs to the next token: mask[past : past + 1]."""
    assert facts_of("Slice", t(1024, 1024), ints(N), ints(N + 1), ints(0)).outputs[0].shape == (1, 1024)


def test_a_bound_that_may_count_from_either_end_leaves_the_extent_open(facts_of: FactsOf) -> None:
    with pytest.raises(Undecided):
        span(10, 0, N - 5, 1)
    (y,) = facts_of("Slice", t(10, 3), ints(0), ints(N - 5), ints(0)).outputs
    assert y.shape[1] == 3
    assert bounds(y.shape[0]) == (0, None)


def test_unknown_bounds_open_only_the_axes_they_cut(facts_of: FactsOf) -> None:
    (y,) = facts_of("Slice", t(4, 5, 6), t(1, dtype="int64"), ints(3), ints(1)).outputs
    assert (y.shape[0], y.shape[2]) == (4, 6)
    assert symbols(y.shape[1])


def test_unknown_axes_open_all_extents(facts_of: FactsOf) -> None:
    (y,) = facts_of("Slice", t(4, 5), ints(0), ints(3), t(1, dtype="int64")).outputs
    assert all(symbols(extent) for extent in y.shape)


def test_a_slice_of_an_image_is_a_crop(facts_of: FactsOf) -> None:
    facts = facts_of("Slice", t(1, 3, 10, 10), ints(1, 2), ints(9, 10), ints(2, 3), ints(1, 2))
    assert facts.outputs[0].shape == (1, 3, 9 - 1, (10 - 2) // 2)
    read = (0, 1, AxisMap(2, pad=-1), AxisMap(3, stride=2, pad=-2))
    assert facts.window == Window((1, 1), (1, 2), (-1, -2), (1, 1), maps=(read,))
    assert facts.elements_read is not None
    assert facts.elements_read[0] == 1 * 3 * 8 * 4


def test_a_slice_of_channels_keeps_positions_and_a_flip_turns_them_round(facts_of: FactsOf) -> None:
    channels = facts_of("Slice", t(1, 3, 8, 8), ints(1), ints(2), ints(1))
    assert channels.window == mapped((0, AxisMap(1, pad=-1), 2, 3))
    flipped = facts_of("Slice", t(1, 3, 8, 8), ints(-1), ints(-END), ints(3), ints(-1))
    assert flipped.window == mapped((0, 1, 2, AxisMap(3, stride=-1, pad=-7)))


def test_a_gather_says_which_positions_it_picks(facts_of: FactsOf) -> None:
    """One of them leaves its axis out, those that stand evenly are a slice, others are listed."""
    x = t(1, 3, 8, 8)
    assert facts_of("Gather", x, ints(-1), axis=2).window == mapped((0, 1, AxisMap(2, stride=0, pad=-7), 3))
    assert facts_of("Gather", x, number(-1), axis=2).window == mapped((0, 1, AxisMap(0, stride=0, pad=-7), 2))
    assert facts_of("Gather", x, ints(1, 3, 5), axis=2).window == mapped((0, 1, AxisMap(2, stride=2, pad=-1), 3))
    assert facts_of("Gather", x, ints(1, 3, 4), axis=2).window == mapped((0, 1, AxisMap(2, picks=(1, 3, 4)), 3))
    assert facts_of("Gather", x, t(5, dtype="int64"), axis=2).window == mapped((0, 1, None, 3))


def test_a_step_of_zero_is_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="step of 0"):
        facts_of("Slice", t(8), ints(0), ints(8), ints(0), ints(0))


# --- Gather and its kin -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("indices", [np.int64(1), vector(1, 0, -1), np.array([[0, 1], [1, 0]])])
def test_gather_picks_contents(agrees: FactsOf, indices: Any, axis: int) -> None:
    agrees("Gather", CUBE, indices, axis=axis)


def test_an_embedding_reads_the_rows_it_picks(facts_of: FactsOf) -> None:
    facts = facts_of("Gather", t(30522, 768), t(1, 128, dtype="int64"))
    assert facts.outputs[0].shape == (1, 128, 768)
    assert facts.elements_read == (128 * 768, 128)


def test_gather_of_a_shape_with_symbols(facts_of: FactsOf) -> None:
    assert facts_of("Gather", ints(N, 3, 2 * N), ints(-1, 0)).outputs[0].value == (2 * N, N)


def test_an_index_outside_is_a_contradiction(facts_of: FactsOf) -> None:
    with pytest.raises(ValueError, match="index 3 is outside an axis of 3"):
        facts_of("Gather", ints(1, 2, 3), Tensor((), "int64", (3,)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gather_elements_picks_contents(agrees: FactsOf, axis: int) -> None:
    indices = (CUBE * 7 % 4 - 2) % CUBE.shape[axis]
    agrees("GatherElements", CUBE, indices.take([1, 0], axis), axis=axis)


def test_gather_elements_counts_negative_indices_from_the_end(facts_of: FactsOf) -> None:
    assert facts_of("GatherElements", ints(4, 5, 6), ints(-1, 0)).outputs[0].value == (6, 4)


@pytest.mark.parametrize(
    ("indices", "batch_dims"),
    [([[0, 0, 1], [1, 2, 3]], 0), ([[1]], 0), ([[[0, 1]], [[1, -1]]], 0), ([[2], [0]], 1), ([[[2, 1]], [[0, 3]]], 1)],
)
def test_gather_nd_picks_contents(agrees: FactsOf, indices: list[Any], batch_dims: int) -> None:
    agrees("GatherND", CUBE, np.array(indices, np.int64), batch_dims=batch_dims)


@pytest.mark.skipif(onnx_before(1, 23), reason="what the onnx package calculates here is wrong")
@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter_elements_puts_contents_in(agrees: FactsOf, reduction: str) -> None:
    indices = np.array([[[2, 0, 1, 1]], [[0, 1, 2, -1]]], np.int64)
    updates = np.array([[[7, 8, 9, 10]], [[-7, -8, -9, -10]]], np.int64)
    agrees("ScatterElements", CUBE, indices, updates, axis=1, reduction=reduction)


@pytest.mark.skipif(onnx_before(1, 23), reason="what the onnx package calculates here is wrong")
@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter_nd_puts_contents_in(agrees: FactsOf, reduction: str) -> None:
    indices = np.array([[0, 1], [1, 2]], np.int64)
    updates = np.array([[7, 8, 9, 10], [-7, -8, -9, -10]], np.int64)
    agrees("ScatterND", CUBE, indices, updates, reduction=reduction)


def test_a_scatter_that_adds_costs_an_addition_per_update(facts_of: FactsOf) -> None:
    facts = facts_of("ScatterND", t(8, 4), t(3, 1, dtype="int64"), t(3, 4), reduction="add")
    assert facts.work == Work(adds=3 * 4)
    assert facts_of("Scatter", t(8), t(3, dtype="int64"), t(3), opset=9).outputs[0].shape == (8,)


def test_an_update_of_an_unknown_place_makes_the_contents_unknown(facts_of: FactsOf) -> None:
    assert facts_of("ScatterElements", ints(1, 2, 3), t(1, dtype="int64"), ints(7)).outputs[0].value is None


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "inputs", "attrs"),
    [
        ("Slice", (t(2, 3), t(2**40, dtype="int64"), t(2**40, dtype="int64")), {}),
        ("Split", (ints(1, 2), ints(2**62, -(2**62) + 2)), {"outputs": 2}),
        ("Split", (t(7),), {"num_outputs": 2**62, "outputs": 2}),
        ("Expand", (t(0, 1), ints(0, 2**62)), {}),
        ("Tile", (ints(), ints(2**62)), {}),
        ("GatherND", (t(3), t(0, 2**40, dtype="int64")), {}),
        ("ScatterND", (ints(1, 2), Tensor((2, 0), "int64", ()), t(2, 2)), {}),
    ],
)
def test_absurd_sizes_allocate_nothing(
    facts_of: FactsOf, kind: str, inputs: tuple[Tensor, ...], attrs: dict[str, Any]
) -> None:
    try:
        facts = facts_of(kind, *inputs, **attrs)
    except ValueError:
        return
    assert all(len(y.value or ()) <= LIMIT for y in facts.outputs)
