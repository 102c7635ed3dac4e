"""Dialects of prototxt, phases, in-place blobs, shared parameters: how layers become operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import limits
from graphcost.importers import caffe, caffe_layers
from harness import image

HEAD = 'name: "n" ' + image(1, 3, 8, 8)


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
    with pytest.raises(graphcost.ModelError, match=r"shapes=.'data': "):
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
    with pytest.raises(graphcost.ModelError, match=r"shapes=.'data': "):
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
    assert analysis.unknown == {"Mystery": 1} and analysis.dependent == 1 and not analysis.complete
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


MIXED = """
layers { layer { name: "v0" type: "conv" num_output: 2 kernelsize: 3 biasterm: false } bottom: "data" top: "v0" }
layers { name: "v1" type: INNER_PRODUCT bottom: "v0" top: "v1" inner_product_param { num_output: 5 } }
layer { name: "v2" type: "Softmax" bottom: "v1" top: "v2" }
"""


def test_dialects_may_be_mixed_in_one_file(net: Any) -> None:
    analysis = net(HEAD + MIXED)
    assert [(row.name, row.op.type) for row in analysis.rows] == [
        ("v0", "Convolution"), ("v1", "InnerProduct"), ("v2", "Softmax")
    ]  # fmt: skip
    assert analysis.total("params") == 2 * 3 * 3 * 3 + (5 * 2 * 6 * 6 + 5)


@pytest.mark.parametrize(("number", "name", "type_"), [(n, *pair) for n, pair in sorted(caffe_layers.V1_TYPES.items())])
def test_v1_types_are_read_by_name_and_number(number: int, name: str, type_: str, tmp_path: Path) -> None:
    for spelled in (name, number, f'"{name}"'):
        path = tmp_path / "net.prototxt"
        path.write_text(HEAD + f"layers {{ name: 'l' type: {spelled} bottom: 'data' top: 'l' }}")
        assert [op.kind for op in caffe.read(path.read_bytes(), str(path)).schedule] == [f"caffe.{type_}"]


@pytest.mark.parametrize("name", sorted(caffe_layers.V0_TYPES))
def test_v0_types_become_those_of_today(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(HEAD + f"layers {{ layer {{ name: 'l' type: '{name}' }} bottom: 'data' top: 'l' }}")
    assert [op.kind for op in caffe.read(path.read_bytes(), str(path)).schedule] == [
        f"caffe.{caffe_layers.V0_TYPES[name]}"
    ]


PADDED = """
layers {{ layer {{ name: "p1" type: "padding" pad: 2 }} bottom: "data" top: "p1" }}
layers {{ layer {{ name: "l" type: "{0}" kernelsize: 5 {1} }} bottom: "p1" top: "l" }}
"""


@pytest.mark.parametrize(
    ("kind", "fields", "shape"), [("conv", "num_output: 4", (1, 4, 8, 8)), ("pool", "pool: AVE", (1, 3, 8, 8))]
)
def test_a_padding_layer_of_v0_becomes_padding_of_the_layer_it_feeds(
    kind: str, fields: str, shape: tuple[int, ...], net: Any
) -> None:
    analysis = net(HEAD + PADDED.format(kind, fields))
    assert [row.name for row in analysis.rows] == ["l"] and analysis.tensors["l"].shape == shape


MEANS = "mean_value: 1 mean_value: 2 mean_value: 3"
SIZED = [
    ('"ImageData" image_data_param { batch_size: 2 new_height: 9 new_width: 9 } transform_param { crop_size: 5 }', (2, 3, 5, 5)),
    ('"WindowData" window_data_param { batch_size: 2 crop_size: 5 }', (2, 3, 5, 5)),
    (f'"AnnotatedData" data_param {{ batch_size: 2 }} transform_param {{ {MEANS} resize_param {{ height: 9 width: 7 }} }}', (2, 3, 9, 7)),
    (f'"Data" data_param {{ batch_size: 2 }} transform_param {{ {MEANS} resize_param {{ resize_mode: FIT_LARGE_SIZE_AND_PAD height: 9 width: 7 }} }}', (2, 3, 9, 7)),
    (f'"Data" data_param {{ batch_size: 2 }} transform_param {{ {MEANS} crop_h: 4 crop_w: 6 resize_param {{ height: 9 width: 7 }} }}', (2, 3, 4, 6)),
]  # fmt: skip
UNSIZED = [
    ('"HDF5Data" hdf5_data_param { batch_size: 2 }', "data=2x3xHxW: batch 2 is in the file, the channels, height and width are not"),
    ('"Data" data_param { batch_size: 2 } transform_param { crop_size: 5 }', "data=2x3x5x5: batch 2 and crop 5 are in the file, the channels are not"),
    ('"VideoData" video_data_param { new_length: 8 new_height: 5 new_width: 6 } transform_param { mean_value: 1 mean_value: 2 }',
     "data=1x2x8x5x6: channels 2, frames 8, height 5 and width 6 are in the file, the batch is not"),
    (f'"AnnotatedData" transform_param {{ {MEANS} resize_param {{ resize_mode: FIT_SMALL_SIZE height: 9 width: 7 }} }}',
     "data=1x3xHxW: channels 3 is in the file, the batch, height and width are not"),
    ('"Python" python_param { module: "m" layer: "L" }', "data=1x3xHxW"),
    ('"Python" python_param { module: "voc_layers" layer: "VOCSegDataLayer" }', "data=1x3xHxW: batch 1 and channels 3 are in the file"),
    ('"MySpecialData"', "data=1x3xHxW"),
]  # fmt: skip


def _fed(source: str) -> str:
    return f'layer {{ name: "d" type: {source} top: "data" top: "label" }} layer {{ name: "r" type: "ReLU" bottom: "data" top: "r" }}'


@pytest.mark.parametrize(("source", "shape"), SIZED, ids=lambda value: str(value).split()[0])
def test_a_data_layer_is_sized_by_the_file(source: str, shape: Any, net: Any) -> None:
    analysis = net(_fed(source))
    assert analysis.tensors["r"].shape == shape and "label" in analysis.inputs


@pytest.mark.parametrize(("source", "ask"), UNSIZED, ids=lambda value: str(value).split()[0])
def test_a_data_layer_that_the_file_does_not_size_is_asked_for_with_what_is_known(
    source: str, ask: str, net: Any
) -> None:
    with pytest.raises(graphcost.ModelError, match=r":1: the file does not say how large 'data' is") as refused:
        net(_fed(source))
    shape, colon, known = ask.removeprefix("data=").partition(": ")
    assert f"give it, as shapes={{'data': '{shape}'}}{colon}{known}" in str(refused.value)
    assert net(_fed(source), shapes={"data": (2, 3, 11, 13)}).tensors["r"].shape == (2, 3, 11, 13)


LABELS = [
    ('"ImageData" image_data_param { batch_size: 2 new_height: 5 new_width: 7 }', (2,)),
    ('IMAGE_SEG_DATA image_data_param { batch_size: 2 label_type: PIXEL } transform_param { crop_size: 5 }', (2, 1, 5, 5)),
    ('"ImageSegData" image_data_param { batch_size: 2 } transform_param { crop_size: 5 }', (2, 1, 5, 5)),
    ('WINDOW_SEG_DATA image_data_param { batch_size: 2 label_type: PIXEL } transform_param { crop_size: 5 }', (2, 1, 5, 5)),
    ('"DenseImageData" dense_image_data_param { batch_size: 2 new_height: 5 new_width: 7 }', (2, 1, 5, 7)),
    ('"ImageLabelmapData" image_data_param { batch_size: 2 new_height: 5 new_width: 7 }', (2, 1, 5, 7)),
    ('VIDEO_DATA image_data_param { batch_size: 2 new_length: 8 crop_size: 5 mean_value: 1 mean_value: 2 }', (2, 1, 1, 1, 1)),
    ('"MySpecialData" my_param { batch_size: 2 height: 5 width: 7 channels: 3 }', None),
    (f'"AnnotatedData" data_param {{ batch_size: 2 }} transform_param {{ {MEANS} resize_param {{ height: 9 width: 7 }} }}', None),
]  # fmt: skip


@pytest.mark.parametrize(("source", "shape"), LABELS, ids=lambda value: str(value).split()[0])
def test_a_label_is_a_number_an_image_or_an_image_or_not_known(source: str, shape: Any, net: Any) -> None:
    label = net(_fed(source)).inputs["label"]
    assert (label.shape if label.known else None) == shape


@pytest.mark.parametrize(
    ("kind", "label"), [("Data", (7,)), ("ImageSegData", (7, 1, 11, 13)), ("MySpecialData", None), ("HDF5Data", None)]
)
def test_a_label_follows_the_image_that_is_given(kind: str, label: Any, net: Any) -> None:
    source = (
        f'"{kind}" image_data_param {{ batch_size: 2 }} transform_param {{ crop_size: 5 mean_value: 1 mean_value: 2 }}'
    )
    found = net(_fed(source), shapes={"data": (7, 3, 11, 13)}).inputs["label"]
    assert (found.shape if found.known else None) == label
    given = net(_fed(source), shapes={"data": (7, 3, 11, 13), "label": (7, 4)})
    assert given.inputs["label"].shape == (7, 4)


def test_a_label_follows_a_symbolic_batch(net: Any) -> None:
    source = '"Data" data_param { batch_size: 2 } transform_param { crop_size: 5 mean_value: 1 mean_value: 2 }'
    analysis = net(_fed(source), shapes={"data": ("N", 3, 5, 5)}, dims={"N": 6})
    assert analysis.inputs["label"].shape == (6,)


def test_the_size_of_a_label_is_asked_for_where_a_layer_computes_on_it(net: Any) -> None:
    """HDF5Data's tops have the shapes of the file's datasets (hdf5_data_layer.cpp)."""
    text = (
        'layer { name: "d" type: "HDF5Data" top: "data" top: "label" hdf5_data_param { batch_size: 6 } }'
        'layer { name: "s" type: "Slice" bottom: "label" top: "a" top: "b" slice_param { axis: 1 slice_point: 3 } }'
    )
    analysis = net(text, shapes={"data": (6, 10)})
    assert not analysis.complete
    assert any("--input label=6x...: batch 6 is in the file" in warning for warning in analysis.warnings)
    sized = net(text, shapes={"data": (6, 10), "label": (6, 4)})
    assert sized.tensors["b"].shape == (6, 1) and sized.complete and not sized.warnings


def test_a_python_layer_with_a_bottom_is_an_operator(net: Any) -> None:
    analysis = net(HEAD + 'layer { name: "p" type: "Python" bottom: "data" top: "p" python_param { module: "m" } }')
    assert list(analysis.inputs) == ["data"] and analysis.unknown == {"Python:m": 1}


def test_an_old_dummy_layer_without_numbers_has_to_be_sized(net: Any) -> None:
    text = 'layer { name: "d" type: "DummyData" top: "data" } layer { name: "r" type: "ReLU" bottom: "data" top: "r" }'
    with pytest.raises(graphcost.ModelError, match=r"shapes=.'data': "):
        net(text)


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ("include { phase: TEST }", True), ("include { phase: 1 }", True), ("include { phase: 0 }", False),
        ("exclude { phase: TRAIN }", True), ("exclude { phase: TEST }", False),
        ("include { phase: TRAIN } include { phase: TEST }", True),
        ("include { min_level: 1 }", False), ("include { max_level: 0 }", True), ("include { max_level: -1 }", False),
        ("include { stage: 'a' }", False), ("include { not_stage: 'a' }", True), ("exclude { not_stage: 'a' }", False),
        ("include { phase: TEST stage: 'a' }", False), ("include { }", True), ("exclude { }", False),
    ],
)  # fmt: skip
def test_rules_are_met_as_caffe_meets_them(rule: str, counts: bool, net: Any) -> None:
    text = 'layer { name: "always" type: "ReLU" bottom: "data" top: "b" }'
    analysis = net(HEAD + text + f'layer {{ name: "l" type: "ReLU" bottom: "data" top: "a" {rule} }}')
    assert ("l" in [row.name for row in analysis.rows]) == counts


def test_a_blob_rewritten_twice_by_one_layer_name_stays_apart(net: Any) -> None:
    again = 'layer { name: "r" type: "ReLU" bottom: "data" top: "data" } '
    analysis = net(HEAD + again * 3)
    assert [row.name for row in analysis.rows] == ["r", "r#2", "r#3"]
    data = analysis.to_dict()
    assert data["tensors"] == {"data": {"shape": [1, 3, 8, 8], "dtype": "float32"}}
    assert data["outputs"] == [{"name": "data", "shape": [1, 3, 8, 8], "dtype": "float32"}]


def test_a_reader_beside_an_in_place_layer_reads_what_stands_there_when_it_runs(net: Any) -> None:
    analysis = net(
        HEAD
        + 'layer { name: "a" type: "TanH" bottom: "data" top: "a" } layer { name: "r" type: "ReLU" bottom: "a" top: "a" }'
        'layer { name: "b" type: "TanH" bottom: "a" top: "b" }'
    )
    assert analysis["b"].op.inputs == analysis["r"].op.outputs != analysis["a"].op.outputs


def test_bare_param_names_of_v1_are_shared_too(net: Any) -> None:
    branch = "layers {{ name: '{0}' type: INNER_PRODUCT bottom: 'data' top: '{0}' param: 'w' param: 'b' inner_product_param {{ num_output: 5 }} }}"
    assert net(HEAD + branch.format("a") + branch.format("b")).total("params") == 5 * 192 + 5


def test_a_net_without_layers_is_its_inputs(net: Any) -> None:
    analysis = net(HEAD)
    assert analysis.rows == [] and analysis.tensors["data"].shape == (1, 3, 8, 8) and not analysis.complete


def test_fields_of_every_param_message_come_together(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        HEAD + 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" loss_weight: 1 include { phase: TEST } '
        "convolution_param { num_output: 2 kernel_size: 3 kernel_size: 5 weight_filler { type: 'xavier' } } my_param { fast: true } }"
    )
    (op,) = caffe.read(path.read_bytes(), str(path)).schedule
    assert op.attrs["kernel_size"] == (3, 5) and op.attrs["fast"] is True and op.attrs["message"] == "my_param"
    assert "loss_weight" not in op.attrs and hash(tuple(op.attrs.items()))


def test_every_spelling_of_the_text_format_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(
        b'\xef\xbb\xbf# gr\xf6\xdfe\r\nname: \'n\' "et"\r\ninput: "data", input_shape: < dim: [1, 3]; dim: 8 dim: 0x8 >\r\n'
        b'layer: { name: "c"; type: "Pooling", bottom: "data" top: "c" pooling_param { pool: "AVE" global_pooling: True } }\r\n'
    )
    analysis = graphcost.analyze(graphcost.load(path))
    assert analysis.model.name == "net" and analysis.tensors["c"].shape == (1, 3, 1, 1)
    assert analysis["c"].op.location == f"{path}:4"


def test_layers_without_names_that_rewrite_a_blob_are_told_apart_in_short(net: Any) -> None:
    text = 'input: "x" input_shape { dim: 2 }\n' + 'layer { type: "ReLU" bottom: "x" top: "x" }\n' * 300
    model = net(text).model
    assert len(model.blob_names) == len({op.name for op in model.schedule}) == 300
    assert set(model.blob_names.values()) == {"x"} and max(map(len, model.blob_names)) < 10


def test_a_blob_of_more_axes_than_caffe_has_is_refused(net: Any) -> None:
    with pytest.raises(graphcost.ModelError, match=":2: a shape of 33 axes; Caffe's blobs have at most 32"):
        net('input: "x"\ninput_shape { ' + "dim: 1 " * 33 + "}")


def test_more_layers_than_are_read_are_refused(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LAYERS", 2)
    with pytest.raises(graphcost.ModelError, match="3 layers; more than 2 are not read"):
        net('input: "x" input_shape { dim: 2 }\n' + 'layer { type: "ReLU" bottom: "x" top: "x" }\n' * 3)


def test_a_blob_counts_at_its_layer_whoever_reads_it(net: Any) -> None:
    """Caffe's Parameter layer owns its blob (parameter_layer.hpp): 10 * 128, though constants alone are made of it."""
    alone = (
        'layer { name: "w" type: "Parameter" top: "w" parameter_param { shape { dim: 10 dim: 128 } } }'
        'layer { name: "r" type: "ReLU" bottom: "w" top: "r" }'
    )
    assert net(alone).parameters.rows == [10 * 128, 0]
    read = (
        'input: "x" input_shape { dim: 2 dim: 128 }' + alone + 'layer { name: "f" type: "InnerProduct" bottom: "x" '
        'bottom: "r" top: "f" inner_product_param { num_output: 10 bias_term: false } }'
    )
    assert net(read).parameters.rows == [10 * 128, 0, 0]
