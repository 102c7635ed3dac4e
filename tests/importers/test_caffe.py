"""Dialects of prototxt, phases, in-place blobs, shared parameters: how layers become operators."""

from __future__ import annotations

from typing import Any

import pytest

import graphcost

HEAD = 'name: "n" input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'


def shapes(analysis: graphcost.Analysis) -> dict[str, tuple[Any, ...]]:
    return {name: tensor.shape for name, tensor in analysis.tensors.items()}


DIALECTS = {
    "V2": 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }',
    "V1": "layers { name: 'c' type: CONVOLUTION bottom: 'data' top: 'c' convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }",
    "V1 by number": "layers { name: 'c' type: 4 bottom: 'data' top: 'c' convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }",
    "V0": "layers { layer { name: 'c' type: 'conv' num_output: 4 kernelsize: 3 pad: 1 } bottom: 'data' top: 'c' }",
    "V0 with a padding layer": "layers { layer { name: 'p' type: 'padding' pad: 1 } bottom: 'data' top: 'p' }\n"
    "layers { layer { name: 'c' type: 'conv' num_output: 4 kernelsize: 3 } bottom: 'p' top: 'c' }",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_says_the_same_convolution(dialect: str, net: Any) -> None:
    analysis = net(HEAD + DIALECTS[dialect])
    assert analysis["c"].op.type == "Convolution"
    assert analysis.tensors["c"].shape == (1, 4, 8, 8)
    assert analysis.total("params") == 4 * 3 * 3 * 3 + 4


INPUTS = {
    "input_shape": 'input: "a" input: "b" input_shape { dim: 2 dim: 5 } input_shape { dim: 7 }',
    "Input layer": 'layer { name: "i" type: "Input" top: "a" top: "b" input_param { shape { dim: 2 dim: 5 } shape { dim: 7 } } }',
    "DummyData": 'layer { name: "i" type: "DummyData" top: "a" top: "b" dummy_data_param { shape { dim: 2 dim: 5 } shape { dim: 7 } } }',
    "named at the head, sized by a layer": 'input: "a" input: "b"\n'
    'layer { name: "i" type: "Input" top: "a" top: "b" input_param { shape { dim: 2 dim: 5 } shape { dim: 7 } } }',
}


@pytest.mark.parametrize("form", INPUTS)
def test_inputs_are_sized_in_several_ways(form: str, net: Any) -> None:
    rest = 'layer { name: "f" type: "ReLU" bottom: "a" top: "f" } layer { name: "g" type: "ReLU" bottom: "b" top: "g" }'
    analysis = net(INPUTS[form] + rest)
    assert {name: tensor.shape for name, tensor in analysis.inputs.items()} == {"a": (2, 5), "b": (7,)}


def test_input_dim_is_four_numbers_an_input(net: Any) -> None:
    dims = " ".join(f"input_dim: {n}" for n in (1, 3, 8, 9, 2, 3, 4, 5))
    analysis = net(f'input: "a" input: "b" {dims} layer {{ name: "f" type: "ReLU" bottom: "b" top: "f" }}')
    assert analysis.inputs["a"].shape == (1, 3, 8, 9) and analysis.tensors["f"].shape == (2, 3, 4, 5)


DATA = {
    "crop and mean": (
        '"Data"',
        "data_param { batch_size: 4 } transform_param { crop_size: 6 mean_value: 1 mean_value: 2 mean_value: 3 }",
        (4, 3, 6, 6),
    ),
    "an image list is colour": (
        '"ImageData"',
        "image_data_param { batch_size: 2 new_height: 5 new_width: 7 }",
        (2, 3, 5, 7),
    ),
    "unless it says not": (
        '"ImageData"',
        "image_data_param { batch_size: 2 new_height: 5 new_width: 7 is_color: false }",
        (2, 1, 5, 7),
    ),
    "memory": ('"MemoryData"', "memory_data_param { batch_size: 2 channels: 1 height: 5 width: 7 }", (2, 1, 5, 7)),
    "frames are an axis": (
        '"VideoData"',
        "video_data_param { batch_size: 2 new_length: 16 } "
        "transform_param { crop_size: 6 mean_value: 1 mean_value: 2 mean_value: 3 }",
        (2, 3, 16, 6, 6),
    ),
    "older dummy": ('"DummyData"', "dummy_data_param { num: 2 channels: 4 height: 5 width: 7 }", (2, 4, 5, 7)),
}


@pytest.mark.parametrize("case", DATA)
def test_a_data_layer_delivers_what_its_parameters_say(case: str, net: Any) -> None:
    type_, fields, shape = DATA[case]
    analysis = net(
        f'layer {{ name: "d" type: {type_} top: "data" {fields} }} layer {{ name: "r" type: "ReLU" bottom: "data" top: "r" }}'
    )
    assert analysis.tensors["r"].shape == shape


def test_segments_stacked_as_channels_have_to_be_sized(net: Any) -> None:
    text = (
        'layer { name: "d" type: "VideoData" top: "data" transform_param { crop_size: 6 mean_value: 1 mean_value: 2 }'
        " video_data_param { batch_size: 2 new_length: 5 num_segments: 3 } }"
        'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    )
    with pytest.raises(graphcost.ModelError, match="--input data="):
        net(text)
    assert net(text, shapes={"data": (2, 30, 6, 6)}).tensors["r"].shape == (2, 30, 6, 6)


def test_a_v1_forks_data_layer_is_an_input(net: Any) -> None:
    text = "layers { name: 'd' type: VIDEO_DATA top: 'data' } layers { name: 'r' type: RELU bottom: 'data' top: 'r' }"
    assert net(text, shapes={"data": (1, 3, 16, 6, 6)}).tensors["r"].shape == (1, 3, 16, 6, 6)


def test_labels_are_inputs_of_the_batch_and_the_image_can_be_given(net: Any) -> None:
    text = (
        'layer { name: "d" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } }'
        'layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { num_output: 10 } }'
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "f" bottom: "label" }'
    )
    analysis = net(text, shapes={"data": (4, 1, 28, 28)})
    assert analysis.inputs["label"].shape == (4,)
    assert analysis["loss"].outputs[0].shape == ()
    assert analysis["f"].work.macs == 4 * 28 * 28 * 10
    with pytest.raises(graphcost.ModelError, match="--input data="):
        net(text)


PHASES = (
    HEAD
    + """
layer { name: "train" type: "ReLU" bottom: "data" top: "x" include { phase: TRAIN } }
layer { name: "test" type: "TanH" bottom: "data" top: "x" include { phase: TEST } }
layer { name: "never" type: "ReLU" bottom: "x" top: "y" exclude { phase: TEST } exclude { phase: TRAIN } }
layer { name: "deep" type: "ReLU" bottom: "x" top: "z" include { min_level: 2 } }
layer { name: "staged" type: "ReLU" bottom: "x" top: "w" include { stage: "extra" not_stage: "less" } }
"""
)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["test"]),
        ({"phase": "train"}, ["train"]),
        ({"level": 2}, ["test", "deep"]),
        ({"stages": ["extra"]}, ["test", "staged"]),
        ({"stages": ["extra", "less"]}, ["test"]),
    ],
)
def test_include_and_exclude_rules_choose_layers(options: dict[str, Any], names: list[str], net: Any) -> None:
    assert [row.name for row in net(PHASES, **options).rows] == names


def test_a_blob_rewritten_in_place_keeps_its_name_and_its_buffer(net: Any) -> None:
    analysis = net(
        HEAD
        + 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 2 kernel_size: 1 } }'
        'layer { name: "r" type: "ReLU" bottom: "c" top: "c" } layer { name: "d" type: "Dropout" bottom: "c" top: "c" }'
    )
    assert [layer["outputs"] for layer in analysis.to_dict()["layers"]] == [["c"], ["c"], ["c"]]
    assert analysis["d"].op.inputs == analysis["r"].op.outputs  # the dataflow is kept apart
    assert analysis.memory.peak_bytes == 4 * (3 * 64 + 2 * 64)


def test_a_layer_may_stand_before_the_one_it_reads(net: Any) -> None:
    late = (
        'layer { name: "b" type: "ReLU" bottom: "a" top: "b" } layer { name: "a" type: "ReLU" bottom: "data" top: "a" }'
    )
    assert [row.name for row in net(HEAD + late).rows] == ["a", "b"]


def test_parameters_shared_by_name_count_once(net: Any) -> None:
    """A siamese net: two branches, one set of weights; the second's bias is its own."""
    branch = (
        'layer {{ name: "{0}" type: "InnerProduct" bottom: "data" top: "{0}" param {{ name: "w" }} param {{ name: "{1}" }}'
        " inner_product_param {{ num_output: 5 }} }}"
    )
    analysis = net(HEAD + branch.format("a", "") + branch.format("b", ""))
    assert analysis.total("params") == 5 * 192 + 5 + 5
    assert analysis.parameters.rows == [5 * 192 + 5, 5]


def test_layers_of_one_name_are_kept_apart(net: Any) -> None:
    twice = (
        'layer { name: "r" type: "ReLU" bottom: "data" top: "a" } layer { name: "r" type: "TanH" bottom: "a" top: "b" }'
    )
    assert [(row.name, row.op.type) for row in net(HEAD + twice).rows] == [("r", "ReLU"), ("r#2", "TanH")]


def test_a_layer_without_a_name_is_called_after_its_top(net: Any) -> None:
    assert net(HEAD + 'layer { type: "ReLU" bottom: "data" top: "a" }').rows[0].name == "a"


def test_a_loss_without_a_top_is_given_one(net: Any) -> None:
    analysis = net(HEAD + 'layer { name: "l" type: "EuclideanLoss" bottom: "data" bottom: "data" }')
    assert analysis["l"].op.outputs == ("(automatic)",)


def test_a_type_without_a_rule_is_named_and_makes_totals_lower_bounds(net: Any) -> None:
    analysis = net(
        HEAD
        + 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 2 kernel_size: 1 } }'
        'layer { name: "m" type: "Mystery" bottom: "c" top: "m" } layer { name: "r" type: "ReLU" bottom: "m" top: "r" }'
    )
    assert analysis.unknown == {"Mystery": 1, "ReLU": 1} and not analysis.complete
    assert analysis.total("macs") == 2 * 3 * 64
    assert ">= 384 MACs" in analysis.report().render("md")
    assert analysis.to_dict()["tensors"]["r"]["shape"] is None


def test_an_input_only_another_stage_brings_is_lent_from_there(net: Any) -> None:
    analysis = net(
        'layer { name: "d" type: "DummyData" top: "data" include { stage: "x" } dummy_data_param { shape { dim: 1 dim: 2 } } }'
        'layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    )
    assert analysis.tensors["r"].shape == (1, 2)
    assert "brought only by d" in analysis.model.warnings[0]
