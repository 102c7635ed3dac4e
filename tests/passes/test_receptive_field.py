"""Receptive fields: the textbook recurrence, joins, upsampling, crops, and boxes that are exact."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

import harness
from graphcost.passes.receptive_field import Axis
from harness import image, layer, run, run_weighted

HEAD = image(1, 2, 33, 33)


def conv(name: str, bottom: str, fields: str) -> str:
    return harness.conv(name, bottom, fields, outputs=2)


# a tiny network per trap -> size, stride, start of its last layer
CASES = {
    "one convolution": (conv("x", "data", "kernel_size: 3"), 3, 1, 0),
    "padding starts outside": (conv("x", "data", "kernel_size: 3 pad: 1"), 3, 1, -1),
    "strides multiply": (conv("a", "data", "kernel_size: 3 stride: 2") + conv("x", "a", "kernel_size: 3 stride: 2"), 3 + 2 * 2, 4, 0),
    "dilation": (conv("x", "data", "kernel_size: 3 dilation: 4 pad: 4"), 9, 1, -4),
    "pointwise layers change nothing": (conv("a", "data", "kernel_size: 5 pad: 2") + layer("x", "ReLU", "a"), 5, 1, -2),
    "branches that meet take the union": (
        conv("a", "data", "kernel_size: 3 pad: 1") + conv("b", "data", "kernel_size: 7 pad: 3") + layer("x", "Eltwise", "a b"), 7, 1, -3),
    "a skip connection": (conv("a", "data", "kernel_size: 3 pad: 1") + layer("x", "Eltwise", "a data"), 3, 1, -1),
    "upsampling is a fractional stride": (
        conv("a", "data", "kernel_size: 2 stride: 2")
        + layer("x", "Deconvolution", "a", "convolution_param { num_output: 2 kernel_size: 2 stride: 2 }"), 2 + Fraction(1, 2) * 2, 1, -1),
    "a crop is an offset": (
        layer("x", "Crop", "data c", "crop_param { axis: 2 offset: 3 }"), 1, 1, 3),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_size_stride_and_start(case: str, net: Any) -> None:
    text, size, stride, start = CASES[case]
    reference = (
        layer("c", "Pooling", "data", "pooling_param { kernel_size: 3 stride: 2 }") if "c" in text.split('"')[3] else ""
    )
    analysis = net(HEAD + (reference or conv("c", "data", "kernel_size: 9")) + text)
    field = analysis.receptive_fields.of("x")
    assert (field.size, field.stride, field.start) == ((size,) * 2, (stride,) * 2, (start,) * 2)
    assert field.padding == (-start,) * 2


def chain(first: str, count: int, bottom: str) -> str:
    """Convolutions 1x1, named `first`1, `first`2, ..."""
    names = [bottom, *(f"{first}{at}" for at in range(1, count + 1))]
    return "".join(conv(name, before, "kernel_size: 1") for before, name in pairwise(names))


HALF = conv("half", "stem", "kernel_size: 1 stride: 2")

# what leads from the stem to `one` and to `other` -> how the two ways are told
WAYS = {
    "an operator each": (
        HALF + layer("crop", "Crop", "stem half", "crop_param { axis: 2 }"), "half", "crop",
        "stride 2 by way of half; stride 1 by way of crop; they part at stem"),
    "several operators": (
        HALF + conv("a", "half", "kernel_size: 1") + layer("crop", "Crop", "stem half", "crop_param { axis: 2 }"), "a", "crop",
        "stride 2 by way of half, a; stride 1 by way of crop; they part at stem"),
    "a part in common": (
        chain("s", 2, "stem").replace('"s2"', '"last"') + conv("half", "last", "kernel_size: 1 stride: 2")
        + layer("crop", "Crop", "last half", "crop_param { axis: 2 }"), "half", "crop",
        "stride 2 by way of half; stride 1 by way of crop; they part at last"),
    "a long way is shortened": (
        HALF + chain("a", 19, "half") + layer("crop", "Crop", "stem half", "crop_param { axis: 2 }"), "a19", "crop",
        "stride 2 by way of half, a1, a2, a3, ... 12 more ..., a16, a17, a18, a19; stride 1 by way of crop; they part at stem"),
    "one axis alone": (
        conv("half", "stem", "kernel_size: 1 stride_h: 2 stride_w: 1") + layer("crop", "Crop", "stem half", "crop_param { axis: 2 }"),
        "half", "crop", "stride 2x1 by way of half; stride 1 by way of crop; they part at stem"),
}  # fmt: skip


@pytest.mark.parametrize("case", WAYS)
def test_branches_of_different_strides_are_misaligned_and_both_ways_are_named(case: str, net: Any) -> None:
    text, one, other, told = WAYS[case]
    analysis = net(HEAD + conv("stem", "data", "kernel_size: 3") + text + layer("x", "Eltwise", f"{one} {other}"))
    field = analysis.receptive_fields.of("x")
    assert field.why == f"misaligned at x: {told}"
    assert analysis.to_dict()["layers"][-1]["rf"] is None


def test_an_operand_that_comes_straight_from_the_parting_is_said_to(net: Any) -> None:
    """On a map of one position a stride of 2 does not show in the shape."""
    text = 'input: "data" input_shape { dim: 1 dim: 2 dim: 1 dim: 1 }' + conv("a", "data", "kernel_size: 1 stride: 2")
    field = net(text + layer("x", "Eltwise", "data a")).receptive_fields.of("x")
    assert field.why == "misaligned at x: stride 1 directly; stride 2 by way of a; they part at data"


def test_what_follows_a_misaligned_tensor_keeps_the_reason(net: Any) -> None:
    text = HALF.replace("stem", "data") + layer("crop", "Crop", "data half", "crop_param { axis: 2 }")
    analysis = net(HEAD + text + layer("x", "Eltwise", "half crop") + conv("y", "x", "kernel_size: 3"))
    fields = analysis.receptive_fields
    assert fields.of("y").why == fields.of("x").why != ""


def test_branches_with_different_starts_take_the_union(net: Any) -> None:
    """One crop begins at 0, the other at 5: positions see two places 5 apart."""
    text = "".join(
        layer(f"c{start}", "Crop", "data r", f"crop_param {{ axis: 2 offset: {start} }}") for start in (0, 5)
    )
    fields = net(HEAD + conv("r", "data", "kernel_size: 9") + text + layer("x", "Eltwise", "c0 c5")).receptive_fields
    assert fields.of("x").size == (1 + 5, 1 + 5) and fields.of("x").start == (0, 0)


def test_a_pyramid_is_aligned_where_strides_agree_as_fractions(net: Any) -> None:
    """Stride 3 divided by 3 is the lateral's 1, and no float comes near it."""
    text = conv("down", "data", "kernel_size: 3 stride: 3")
    text += layer("up", "Deconvolution", "down", "convolution_param { num_output: 2 kernel_size: 3 stride: 3 }")
    fields = net(HEAD + text + layer("x", "Eltwise", "data up")).receptive_fields
    assert fields.of("x").stride == (1, 1) and fields.of("x").size == (3 + 2, 3 + 2)


@pytest.mark.parametrize("kind", ["InnerProduct", "Pooling", "MVN"])
def test_layers_that_mix_all_positions_see_the_whole_input(kind: str, net: Any) -> None:
    fields = {
        "InnerProduct": "inner_product_param { num_output: 2 }",
        "Pooling": "pooling_param { global_pooling: true }",
    }
    analysis = net(HEAD + layer("x", kind, "data", fields.get(kind, "")))
    assert analysis.receptive_fields.of("x").whole
    assert analysis.to_dict()["layers"][-1]["rf"]["size"] == "all"


def test_what_normalises_each_position_by_itself_keeps_the_field(net: Any) -> None:
    """Across channels, as SSD scales conv4_3; across positions, the norm needs all of them."""
    text = HEAD + conv("a", "data", "kernel_size: 3")
    text += layer("alone", "Normalize", "a", "norm_param { across_spatial: false }")
    fields = net(text + layer("mixed", "Normalize", "a", "norm_param { across_spatial: true }")).receptive_fields
    assert fields.of("alone").size == (3, 3) and fields.of("mixed").whole


IMAGE = "float[1, 4, 12, 10] x"
CONV = "c = Conv<pads = [1, 1, 1, 1]>(x, w)"
SEVEN = "i = Constant<value = int64 {7}>() "

# what follows an image, or a convolution 3x3 of it -> size, stride and start of y, height before width
AXES = {
    "height and width change places": ("y = Transpose<perm = [0, 1, 3, 2]>(c)", "3", "1", "-1"),
    "channels come last": ("y = Transpose<perm = [0, 2, 3, 1]>(c)", "3", "1", "-1"),
    "the width turned round": (
        "s = Constant<value_ints = [-1]>() e = Constant<value_ints = [-100]>() a = Constant<value_ints = [3]>() "
        "y = Slice(c, s, e, a, s)", "3", "1x-1", "-1x8"),
    "a softmax along the width": ("y = Softmax<axis = 3>(c)", "3xall", "1xall", "-1xall"),
    "a running sum along the height": ("a = Constant<value = int64 {2}>() y = CumSum(c, a)", "allx3", "allx1", "allx-1"),
    "a mean along the height": ("y = ReduceMean<axes = [2]>(c)", "allx3", "allx1", "allx-1"),
    "a product with a matrix": ("y = MatMul(c, w_width)", "3xall", "1xall", "-1xall"),
    "a linear layer over channels that come last": (
        "t = Transpose<perm = [0, 2, 3, 1]>(c) l = MatMul(t, w_channels) y = Transpose<perm = [0, 3, 1, 2]>(l)", "3", "1", "-1"),
    "one row": (SEVEN + "y = Gather<axis = 2>(c, i)", "3", "0x1", "6x-1"),
    "every other row": ("i = Constant<value_ints = [1, 3, 5]>() y = Gather<axis = 2>(c, i)", "3", "2x1", "0x-1"),
    "rows in no order": ("i = Constant<value_ints = [1, 2, 5]>() y = Gather<axis = 2>(c, i)", "3", "variesx1", "variesx-1"),
    "maps above each other": ("y = Concat<axis = 2>(c, c)", "3", "variesx1", "variesx-1"),
    "parts put back where they were": ("a, b = Split<axis = 2>(c, h) y = Concat<axis = 2>(a, b)", "3", "1", "-1"),
    "a roll": ("a, b = Split<axis = 2>(c, h) y = Concat<axis = 2>(b, a)", "3", "variesx1", "variesx-1"),
    "a window over a roll": (
        "a, b = Split<axis = 2>(x, h) r = Concat<axis = 2>(b, a) y = Conv<pads = [1, 1, 1, 1]>(r, w)",
        "allx3", "allx1", "allx-1"),
    "the last part": ("a, y = Split<axis = 2>(c, h)", "3", "1", "4x-1"),
    "repeated": ("r = Constant<value_ints = [1, 1, 2, 1]>() y = Tile(c, r)", "3", "variesx1", "variesx-1"),
    "blocks of pixels folded into channels": (
        "s = Constant<value_ints = [1, 4, 6, 2, 5, 2]>() b = Reshape(x, s) t = Transpose<perm = [0, 3, 5, 1, 2, 4]>(b) "
        "e = Constant<value_ints = [1, 16, 6, 5]>() y = Reshape(t, e)", "2", "2", "0"),
    "channels unfolded into blocks of pixels": (
        "s = Constant<value_ints = [1, 1, 2, 2, 12, 10]>() b = Reshape(x, s) "
        "t = Transpose<perm = [0, 1, 4, 2, 5, 3]>(b) e = Constant<value_ints = [1, 1, 24, 20]>() y = Reshape(t, e)",
        "1.5", "0.5", "-0.5"),
    "all positions on one axis": ("s = Constant<value_ints = [1, 4, 120]>() y = Reshape(c, s)", "3", "varies", "varies"),
    "and back": (
        "s = Constant<value_ints = [1, 4, 120]>() f = Reshape(c, s) e = Constant<value_ints = [1, 4, 12, 10]>() "
        "y = Reshape(f, e)", "3", "1", "-1"),
    "rows that do not divide": ("s = Constant<value_ints = [1, 4, 8, 15]>() y = Reshape(c, s)", "3", "varies", "varies"),
    "channels in groups": ("s = Constant<value_ints = [1, 2, 2, 12, 10]>() y = Reshape(c, s)", "3", "1", "-1"),
    "a channel shuffle": (
        "s = Constant<value_ints = [1, 2, 2, 12, 10]>() g = Reshape(c, s) t = Transpose<perm = [0, 2, 1, 3, 4]>(g) "
        "e = Constant<value_ints = [1, 4, 12, 10]>() y = Reshape(t, e)", "3", "1", "-1"),
    "an image and itself turned": (
        "a, b = Split<axis = 2>(c, k) t = Transpose<perm = [0, 1, 3, 2]>(a) y = Add(t, a)", "all", "all", "all"),
}  # fmt: skip


@pytest.mark.parametrize("case", AXES)
def test_each_axis_is_followed_by_itself(case: str) -> None:
    nodes, size, stride, start = AXES[case]
    constants = "h = Constant<value_ints = [5, 7]>() k = Constant<value_ints = [10, 2]>()"
    weights = "float[4, 4, 3, 3] w, float[10, 7] w_width, float[4, 6] w_channels"
    analysis = run_weighted(f"g ({IMAGE}, {weights}) => (y) {{ {constants} {CONV} {nodes} }}", opset=13)
    field = analysis.receptive_fields.of("y")
    assert [field.format(quantity) for quantity in ("size", "stride", "start")] == [size, stride, start]


def test_what_is_all_of_one_axis_is_so_in_json() -> None:
    *_, last = run(f"g ({IMAGE}) => (y) {{ y = Softmax<axis = 3>(x) }}").to_dict()["layers"]
    assert last["rf"] == {"size": [1, "all"], "stride": [1, None], "start": [0, None]}


def test_a_field_says_along_which_axis_of_the_tensor_positions_lie() -> None:
    fields = run(f"g ({IMAGE}) => (y) {{ y = Transpose<perm = [0, 1, 3, 2]>(x) }}").receptive_fields
    assert [axis.along for axis in fields.of("y").axes] == [3, 2]
    assert fields.box("y", (9, 11)) == ((11, 11), (9, 9))


def test_an_axis_without_one_rule_has_no_centre() -> None:
    nodes = "y = Softmax<axis = 3>(x) z = Concat<axis = 2>(x, x)"
    fields = run(f"g ({IMAGE}) => (y, z) {{ {nodes} }}").receptive_fields
    with pytest.raises(ValueError, match="all of the axis is seen"):
        fields.of("y").centre((1, 1))
    with pytest.raises(ValueError, match="follows no rule"):
        fields.of("z").centre((1, 1))


def test_an_image_whose_channels_come_last_has_its_spatial_axes_before_them() -> None:
    """As TensorFlow's converters write it: scaled, turned, convolved."""
    nodes = "s = Mul(x, w_scale) t = Transpose<perm = [0, 3, 1, 2]>(s) y = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(t, w)"
    text = f"g (float[1, 12, 10, 3] x, float[4, 3, 3, 3] w, float w_scale) => (y) {{ {nodes} }}"
    fields = run_weighted(text).receptive_fields
    assert fields.spatial == {"x": (1, 2)}
    assert fields.of("s").size == (1, 1) and fields.of("y").size == (3, 3) and fields.of("y").stride == (2, 2)
    assert fields.box("y", (5, 0)) == ((9, 11), (0, 1))


def test_weights_that_are_computed_are_seen_by_every_position() -> None:
    """A tracker slides what it made of one image over another."""
    inputs = "float[1, 3, 16, 16] x, float[4, 3, 6, 6] z, float[3, 3, 3, 3] w"
    fields = run_weighted(f"g ({inputs}) => (y) {{ k = Conv(z, w) y = Conv(x, k) }}").receptive_fields
    assert fields.of("y", "x").size == (4, 4) and fields.of("y", "z").whole


def test_a_function_that_no_rule_explains_makes_the_field_unknown_though_shapes_are_declared() -> None:
    fields = run("g (float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y) { y = com.acme.Warp(x) }").receptive_fields
    assert fields.of("y").why == f"{fields.rows[0].name} (com.acme.Warp) is not known"


def test_what_a_branch_reads_of_the_graph_around_it_is_seen_whole() -> None:
    branches = "then_branch = t () => (a) { a = Relu(c) }, else_branch = e () => (b) { b = Neg(c) }"
    nodes = f"c = Conv(x, w) y = If<{branches}>(on)"
    fields = run_weighted(f"g ({IMAGE}, bool on, float[2, 4, 3, 3] w) => (y) {{ {nodes} }}").receptive_fields
    assert fields.of("y", "x").whole
    assert fields.box("y", (0, 0), "x") == ((0, 11), (0, 9))


def test_a_position_may_name_every_axis_of_a_tensor() -> None:
    """Of 120 positions on one axis the 47th is row 4, column 7."""
    nodes = "s = Constant<value_ints = [1, 4, 120]>() y = Reshape(x, s)"
    fields = run(f"g ({IMAGE}) => (y) {{ {nodes} }}").receptive_fields
    assert fields.box("y", (0, 2, 47)) == fields.box("y", (47,)) == ((4, 4), (7, 7))
    with pytest.raises(ValueError, match="no position 0x4x0 on y, a map of 1x4x120"):
        fields.box("y", (0, 4, 0))


# how a border is padded -> the rows that the outputs of an image of 12 rows see, padded by 2 before and behind
BORDERS = {
    "constant": {0: None, 2: (0, 0), 13: (11, 11), 15: None},
    "edge": {0: (0, 0), 1: (0, 0), 14: (11, 11)},
    "reflect": {0: (2, 2), 1: (1, 1), 14: (10, 10), 15: (9, 9)},
    "wrap": {0: (10, 10), 1: (11, 11), 14: (0, 0)},
}


@pytest.mark.parametrize("mode", BORDERS)
def test_a_border_is_seen_where_it_is_copied_from(mode: str) -> None:
    nodes = f'p = Constant<value_ints = [0, 0, 2, 0, 0, 0, 2, 0]>() y = Pad<mode = "{mode}">(x, p)'
    fields = run(f"g ({IMAGE}) => (y) {{ {nodes} }}", opset=19).receptive_fields
    assert fields.of("y").start == (-2, 0)
    for row, rows in BORDERS[mode].items():
        assert fields.box("y", (row, 3)) == (None if rows is None else (rows, (3, 3)))


def test_an_unknown_layer_makes_the_field_unknown_with_its_name(net: Any) -> None:
    analysis = net(HEAD + layer("m", "Mystery", "data"))
    assert analysis.receptive_fields.of("m").why == "m (Mystery) is not known"


def test_positions_and_centres_are_each_others_inverse() -> None:
    axis = Axis(size=7, stride=4, start=-3)
    assert axis.centre(0) == 0 and axis.centre(5) == 20
    assert axis.position(20) == 5 and axis.position(22) == Fraction(11, 2)


def test_a_box_is_cut_off_at_the_border(net: Any) -> None:
    analysis = net(
        HEAD + conv("a", "data", "kernel_size: 3 pad: 1 stride: 2") + conv("x", "a", "kernel_size: 3 pad: 1")
    )
    fields = analysis.receptive_fields
    assert fields.box("x", (0, 0)) == ((0, 3), (0, 3))
    assert fields.box("x", (8, 3)) == ((13, 19), (3, 9))


@pytest.mark.parametrize("position", [(0,), (0, 0, 0), (0, 17), (-1, 0)])
def test_a_position_off_the_map_is_refused(position: tuple[int, ...], net: Any) -> None:
    """Half of 33, rounded up, is 17: positions 0 to 16."""
    fields = net(HEAD + conv("a", "data", "kernel_size: 3 pad: 1 stride: 2")).receptive_fields
    with pytest.raises(ValueError, match=f"no position {'x'.join(map(str, position))} on a, a map of 17x17"):
        fields.box("a", position)


def test_coordinates_are_as_many_as_axes_and_of_no_use_where_there_are_none(net: Any) -> None:
    dense = layer("m", "InnerProduct", "a", "inner_product_param { num_output: 2 }")
    fields = net(HEAD + conv("a", "data", "kernel_size: 3") + dense).receptive_fields
    with pytest.raises(ValueError, match="1 coordinates, and the field has 2 axes"):
        fields.of("a").centre((0,))
    with pytest.raises(ValueError, match="the field has no axes: it is the whole input"):
        fields.of("m").position((0.5,))


def test_a_transposed_convolution_sees_differently_from_position_to_position(net: Any) -> None:
    """Kernel 4, stride 2, pad 1: even outputs see the input before, odd ones the input after."""
    up = layer("x", "Deconvolution", "data", "convolution_param { num_output: 2 kernel_size: 4 stride: 2 pad: 1 }")
    fields = net(HEAD + up).receptive_fields
    assert fields.box("x", (4, 5)) == ((1, 2), (2, 3))


def test_several_inputs_are_told_apart(net: Any) -> None:
    head = 'input: "data" input: "mask" input_shape { dim: 1 dim: 2 dim: 9 dim: 9 } input_shape { dim: 1 dim: 2 dim: 9 dim: 9 }\n'
    fields = net(head + conv("a", "data", "kernel_size: 3 pad: 1") + layer("x", "Eltwise", "a mask")).receptive_fields
    assert fields.of("x", "data").size == (3, 3) and fields.of("x", "mask").size == (1, 1)
    assert fields.of("x", "nobody") is None


TWO_INPUTS = (
    'input: "left" input: "right" input_shape { dim: 1 dim: 2 dim: 16 dim: 16 } input_shape { dim: 1 dim: 2 dim: 16 dim: 16 }\n'
    + conv("a", "left", "kernel_size: 3 pad: 1 stride: 2")
    + conv("b", "right", "kernel_size: 5 pad: 2 stride: 2")
    + layer("x", "Eltwise", "a b")
)


def test_columns_name_the_inputs_where_a_tensor_sees_several(net: Any) -> None:
    rows = net(TWO_INPUTS).report(columns=["name", "rf", "rf_stride", "rf_offset"]).table.rows
    assert rows[1] == ("b", "5", "2", "-2")
    assert rows[2] == ("x", "left 3, right 5", "left 2, right 2", "left -1, right -2")


def test_the_dictionary_has_each_input_where_a_tensor_sees_several(net: Any) -> None:
    _, b, x = net(TWO_INPUTS).to_dict()["layers"]
    assert b["rf"] == {"size": 5, "stride": 2, "start": -2} and "rf_inputs" not in b
    assert x["rf"] == {"size": 3, "stride": 2, "start": -1}
    assert x["rf_inputs"] == {"left": x["rf"], "right": b["rf"]}


def test_a_report_on_fields_says_why_some_are_not_told(net: Any) -> None:
    """Halved by one way and cropped to the same extents by another; each reason stands once."""
    text = HEAD + conv("a", "data", "kernel_size: 2 stride: 2") + conv("b", "data", "kernel_size: 18")
    analysis = net(text + layer("x", "Eltwise", "a b") + layer("y", "ReLU", "x"))
    why = "misaligned at x: stride 2 by way of a; stride 1 by way of b; they part at data"
    table = analysis.report(columns=["name", "rf", "rf_stride"]).table
    assert table.rows[2:] == [("x", "misaligned", "misaligned"), ("y", "misaligned", "misaligned")]
    assert table.notes == [f"Receptive fields: {why}."]
    assert analysis.report(columns=["name", "macs"]).table.notes == []
    layers = analysis.to_dict()["layers"]
    assert layers[2]["rf"] is None and layers[2]["rf_why"] == why
    assert "rf_why" not in layers[0]


def test_of_many_reasons_a_few_are_told_and_the_rest_counted(net: Any) -> None:
    text = HEAD + "".join(layer(f"m{n}", "Mystery", "data") for n in range(5))
    notes = net(text).report(columns=["rf"]).table.notes
    assert notes[0] == "Receptive fields: m0 (Mystery) is not known." and len(notes) == 3 + 1
    assert notes[-1] == "Receptive fields: 2 more such places."
