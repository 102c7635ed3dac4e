"""Receptive fields: the textbook recurrence, joins, upsampling, crops, and boxes that are exact."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

import harness
from graphcost.passes.receptive_field import Axis
from harness import image, layer

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


@pytest.mark.parametrize("kind", ["InnerProduct", "Flatten", "Pooling"])
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
    for kind, alone, mixed in (
        ("Normalize", "norm_param { across_spatial: false }", "norm_param { across_spatial: true }"),
        ("Softmax", "", "softmax_param { axis: 2 }"),
    ):
        fields = net(text + layer("alone", kind, "a", alone) + layer("mixed", kind, "a", mixed)).receptive_fields
        assert fields.of("alone").size == (3, 3) and fields.of("mixed").whole


@pytest.mark.parametrize(("order", "whole"), [("0 1 3 2", True), ("0 2 1 3", True), ("0 1 2 3", False)])
def test_axes_in_another_order_move_positions_though_the_shape_may_not_tell(order: str, whole: bool, net: Any) -> None:
    text = 'input: "data" input_shape { dim: 1 dim: 9 dim: 9 dim: 9 }'
    axes = " ".join(f"order: {axis}" for axis in order.split())
    field = net(text + layer("x", "Permute", "data", f"permute_param {{ {axes} }}")).receptive_fields.of("x")
    assert field.whole is whole


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
    fields = net(HEAD + conv("a", "data", "kernel_size: 3") + layer("m", "Flatten", "a")).receptive_fields
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
