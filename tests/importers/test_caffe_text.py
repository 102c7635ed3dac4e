"""What protobuf would refuse of a prototxt is refused here too, in one line."""

from __future__ import annotations

import pytest

from graphcost import ModelError, analyze, load
from graphcost.importers import caffe_schema
from harness import HEAD, conv, layer


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (conv("c", fields="kernel_size: 3\n num_output: 6"), ":3: c (Convolution): num_output is given twice"),
        (
            conv("c", fields='kernel_size: 3\n bias_term: "false"'),
            ":3: c (Convolution): bias_term should be true or false, not 'false'",
        ),
        (conv("c", fields="kernel_size: 3 bias_term: 2"), "bias_term should be true or false, not 2"),
        (conv("c", fields='kernel_size: "3"'), "kernel_size should be a whole number, not '3'"),
        (conv("c", fields="kernel_size: 3 group: true"), "group should be a whole number, not True"),
        (conv("c", fields="kernel_size: 3.0"), "kernel_size should be a whole number, not 3.0"),
        (conv("c", fields="kernel_size: 3 weight_filler: 1"), "weight_filler should open a message"),
        (conv("c", fields="kernel_size { dim: 3 }"), "kernel_size should be a whole number, not a message"),
        (layer("r", "ReLU", fields="include { phase: test }"), "phase should be TRAIN or TEST, not 'test'"),
        (layer("p", "Pooling", fields="pooling_param { kernel_size: 2 pool: ave }"), "pool should be MAX or AVE or"),
        (
            layer("r", "ReLU", fields='param { name: "a" share_mode: LAX }'),
            "share_mode should be STRICT or PERMISSIVE",
        ),
        (
            layer("r", "ReLU", fields="exclude { pase: TEST }"),
            "r (ReLU): there is no field pase here; there are phase, min_",
        ),
        (
            layer("r", "Reshape", fields="reshape_param { shape { dim: 0 dm: 3 } }"),
            "there is no field dm here; there are dim",
        ),
        (
            'state { stages: "a" }\n' + layer("r", "ReLU"),
            "there is no field stages here; there are phase, level, stage",
        ),
        (layer("r", "ReLU", fields='name: "s"'), "name is given twice"),
        ("state { phase: TEST phase: TRAIN }\n" + layer("r", "ReLU"), "phase is given twice"),
        (
            'layers { name: "r" type: RELU bottom: "data" top: "r" relu_param { negative_slope: "a" } }',
            "negative_slope",
        ),
        (
            'layers { layer { name: "r" type: "relu" num_output: 1 num_output: 2 } bottom: "data" top: "r" }',
            "num_output",
        ),
    ],
)
def test_what_protobuf_refuses_is_refused_with_its_line(net: str, reason: str):
    with pytest.raises(ModelError) as refusal:
        load((HEAD + net).encode())
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    "fields",
    [
        "kernel_size: 3 kernel_size: 5",  # a repeated field
        "kernel_size: 3 bias_term: 0",  # a boolean as a number
        "kernel_size: 3 weight_filler { value: 1 }",  # a float as an integer
    ],
)
def test_what_protobuf_takes_is_taken(fields: str):
    assert analyze(load((HEAD + conv("c", fields=fields)).encode())).complete


def test_values_and_fields_that_forks_add_are_left_to_the_rules():
    net = HEAD + layer("p", "Pooling", fields="pooling_param { kernel_size: 2 pool: LP_POOL }")
    assert load(net.encode()).schedule[0].attrs["pool"] == "LP_POOL"
    net = HEAD + layer("a", "Acme", fields='acme_param { gain: "1" gain: 2 }')
    assert load(net.encode()).schedule[0].attrs["gain"] == ("1", 2)


def test_every_message_and_enumeration_that_a_field_names_is_listed():
    kinds = {spec.holds for message in caffe_schema.MESSAGES for spec in caffe_schema.fields(message).values()}
    scalars = {"int", "bool", "float", "double", "string", "bytes", "enum", "Opaque", "LayerType"}
    assert kinds <= scalars | set(caffe_schema.MESSAGES) | set(caffe_schema.ENUMS)


def test_a_number_that_forks_reuse_is_of_the_type_of_layer_that_its_field_is_named_after():
    """130 is python_param, of a Python layer; in a layer of another type it may be any fork's."""
    named = {spec.number: name for name, spec in caffe_schema.fields("Layer").items() if spec.number >= 130}
    others = {"norm_param": "Normalize", "recurrent_param": "LSTM"}
    types = {"Python", "PReLU", "SPP", "Reshape", "Log", "Flatten", "Reduction", "Embed", "Tile", "BatchNorm", "ELU",
             "Bias", "Scale", "Input", "Crop", "Parameter", "Swish", "Clip", "AnnotatedData", "MultiBoxLoss", "Permute",
             "PriorBox", "DetectionOutput", "DetectionEvaluate", "VideoData", *others.values()}  # fmt: skip
    by_field = {f"{kind.lower()}param": kind for kind in types}
    assert len(named) == len(types)
    for number, name in named.items():
        own = others.get(name) or by_field[name.replace("_", "")]
        assert {kind for kind in types if not caffe_schema.is_foreign(number, kind)} == {own}


@pytest.mark.parametrize("message", sorted(caffe_schema.MESSAGES))
def test_no_number_of_a_message_is_given_twice(message: str):
    numbered = [spec for spec in caffe_schema.fields(message).values() if spec.number]
    assert len(caffe_schema.numbers(message)) == len(numbered) > 0
