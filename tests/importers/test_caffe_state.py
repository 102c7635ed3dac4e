"""What a Caffe file says of its net as a whole: its state, its inputs, its element type, who makes which blob."""

from __future__ import annotations

import onnx
import pytest

from graphcost import Analysis, ModelError, analyze, load
from graphcost.importers.caffe_types import TYPES, canonical
from graphcost.ops import known
from harness import HEAD, analysed, conv, image, layer, proto

PERMISSIVE = 'param { name: "w" share_mode: PERMISSIVE }'


def read(text: str, **options: object) -> Analysis:
    return analyze(load(text.encode(), **options))  # type: ignore[arg-type]


def refusal(text: str, **options: object) -> str:
    with pytest.raises(ModelError) as refused:
        read(text, **options)
    return str(refused.value)


# --- state ------------------------------------------------------------------------------------------------------------


def test_the_stages_of_the_file_hold_and_its_phase_and_level_do_not():
    """Net's constructor sets phase and level from its arguments and adds stages to those of the file."""
    state = 'state { phase: TRAIN level: 2 stage: "a" }\n'
    rules = {"a": 'stage: "a"', "b": 'stage: "a" stage: "b"', "train": "phase: TRAIN", "high": "min_level: 2"}
    net = state + HEAD + "".join(layer(name, "ReLU", fields=f"include {{ {rule} }}") for name, rule in rules.items())
    assert [row.name for row in read(net).rows] == ["a"]
    assert [row.name for row in read(net, stages=["b"]).rows] == ["a", "b"]
    assert [row.name for row in read(net, phase="train", level=2).rows] == ["a", "train", "high"]


def test_a_net_whose_layers_are_all_left_out_says_which_and_by_what():
    net = HEAD + layer("c", "ReLU", fields="include { phase: TRAIN }")
    assert "<bytes>:2: no layer is left in phase TEST: c (include { phase: TRAIN }); --phase selects them" in refusal(
        net
    )
    net = HEAD + layer("c", "ReLU", fields='exclude { not_stage: "deep" }')
    assert 'no layer is left in phase TEST: c (exclude { not_stage: "deep" }); --stage' in refusal(net)


def test_a_graph_without_operators_is_no_complete_report():
    for analysis in (read(HEAD), analysed(proto([], {"x": [1, 3]}, ["x"]))):
        assert not analysis.complete
        assert analysis.report().coverage == "nothing to count: the graph has no operators"
    assert analysed(proto([onnx.helper.make_node("Relu", ["x"], ["y"])], {"x": [1, 3]})).complete


def test_a_blob_that_only_other_stages_make_names_its_makers():
    heads = "".join(
        layer(f"{stage}_fc", "ReLU", fields=f'include {{ stage: "{stage}" }}', tops="feat")
        for stage in ("wide", "deep")
    )
    said = refusal(HEAD + heads + layer("y", "ReLU", "feat"))
    assert said.startswith(
        "<bytes>:4: y: bottom 'feat' is made only by layers that this phase, level and stage leave out"
    )
    assert 'wide_fc (include { stage: "wide" }), deep_fc (include { stage: "deep" }); --stage selects them' in said


# --- inputs -----------------------------------------------------------------------------------------------------------


def test_five_input_dims_are_those_of_a_video():
    """C3D reads five for each input; a kernel of 3 frames and 3x3 pixels: 2 * 3 * 27 + 2 parameters."""
    dims = " ".join(f"input_dim: {extent}" for extent in (1, 3, 8, 6, 6))
    fields = "convolution_param { num_output: 2 kernel_size: 3 kernel_depth: 3 }"
    c3d = f'layers {{ name: "c" type: CONVOLUTION3D bottom: "data" top: "c" {fields} }}'
    analysis = read(f'input: "data" {dims}\n{c3d}')
    assert analysis.tensors["c"].shape == (1, 2, 6, 4, 4)
    assert analysis.parameters.total == 2 * 3 * 27 + 2


@pytest.mark.parametrize("count", [1, 3, 6, 7])
def test_another_number_of_input_dims_is_refused(count: int):
    net = 'input: "data"\n' + "input_dim: 2\n" * count + layer("r", "ReLU")
    assert f"input_dim stands {count} times; 4 are expected, four for each input" in refusal(net)


def test_each_input_has_its_input_shape():
    net = 'input: "a" input: "b" input_shape { dim: 2 dim: 3 }\n' + layer("s", "Eltwise", "a b")
    assert "there should be an input_shape for each input; there are 1 for 2" in refusal(net)
    assert read(net.replace("input_shape", "input_shape { dim: 2 dim: 3 } input_shape")).tensors["b"].shape == (2, 3)


def test_sizes_without_an_input_are_no_matter():
    """Caffe looks at them for each `input` (UpgradeNetInput)."""
    feed = layer("in", "Input", "", "input_param { shape { dim: 2 } }", "x")
    assert read("input_dim: 3 input_shape { dim: 3 }\n" + feed + layer("r", "ReLU", "x")).tensors["r"].shape == (2,)


def test_fields_of_a_net_that_nobody_knows_are_named():
    net = 'nmae: "a" force_backward: true\n' + HEAD + layer("r", "ReLU")
    assert read(net).warnings == ("fields of the net that are not understood: nmae",)


def test_two_makers_of_a_blob_are_both_named():
    feeds = [
        f'layer {{ name: "feed{n}" type: "Data" top: "data" data_param {{ batch_size: {n} }} }}\n' for n in (64, 100)
    ]
    assert "feed100 (Data): top 'data' is already made by feed64; do include rules" in refusal("".join(feeds))
    sized = feeds[1].replace("}", "} transform_param { crop_size: 8 mean_value: 1 mean_value: 2 mean_value: 3 }", 1)
    assert "already made by feed64" in refusal(feeds[0] + sized)


# --- shared blobs -----------------------------------------------------------------------------------------------------


def tied(outputs: int, param: str = 'param { name: "w" }', inputs: int = 10) -> str:
    """Two layers that share a weight: of 5x10, and of `outputs` by `inputs`."""

    def dense(name: str, bottom: str, count: int, shared: str) -> str:
        return layer(
            name, "InnerProduct", bottom, f"{shared} inner_product_param {{ num_output: {count} bias_term: false }}"
        )

    inputs_ = image(2, 10) + image(2, inputs, name="more")
    return inputs_ + dense("ip1", "data", 5, 'param { name: "w" }') + dense("ip2", "more", outputs, param)


def test_layers_share_a_blob_of_one_shape():
    assert read(tied(5)).parameters.total == 5 * 10


def test_layers_do_not_share_a_blob_of_two_shapes():
    said = refusal(tied(6))
    assert ":4: ip2: its blob 'w' is [6, 10], and [5, 10] in ip1, which it shares" in said
    assert "[10, 5]" in refusal(tied(10, inputs=5))


def test_a_permissive_layer_takes_a_blob_of_another_shape_and_as_many_elements():
    assert read(tied(10, PERMISSIVE, inputs=5)).parameters.total == 5 * 10
    assert "ip2: its blob 'w' is [6, 10], and [5, 10] in ip1" in refusal(tied(6, PERMISSIVE))


def test_the_blobs_of_one_layer_are_shared_as_those_of_two_are():
    net = image(2, 10) + layer(
        "ip", "InnerProduct", fields='param { name: "w" } param { name: "w" } inner_product_param { num_output: 5 }'
    )
    assert "ip: its blob 'w' is [5], and [5, 10] in ip, which it shares" in refusal(net)


def test_v1_lists_names_and_share_modes_apart():
    def dense(bottom: str, count: int, fields: str) -> str:
        given = f"inner_product_param {{ num_output: {count} bias_term: false }}"
        return (
            f'layers {{ name: "ip{count}" type: INNER_PRODUCT bottom: "{bottom}" top: "y{count}" {fields} {given} }}\n'
        )

    net = image(2, 10) + image(2, 5, name="more") + dense("data", 5, 'param: "w"')
    assert read(net + dense("more", 10, 'param: "w" blob_share_mode: PERMISSIVE')).parameters.total == 5 * 10
    assert "its blob 'w'" in refusal(net + dense("more", 10, 'param: "w" blob_share_mode: STRICT'))


# --- types ------------------------------------------------------------------------------------------------------------


def test_the_element_type_that_a_net_asks_for_is_that_of_its_blobs():
    """4*6*6 outputs and 4*27+4 parameters of 2 bytes each."""
    half = read("default_forward_type: FLOAT16 default_backward_type: FLOAT\n" + HEAD + conv("c"))
    assert half.tensors["c"].nbytes == 4 * 6 * 6 * 2
    assert half.parameters.nbytes == (4 * 27 + 4) * 2
    assert half.complete
    assert half.warnings == ("default_forward_type is FLOAT16: floating-point tensors are counted as float16",)


def test_a_layer_with_an_element_type_of_its_own_is_not_understood():
    typed = "default_forward_type: FLOAT16\n" + HEAD + layer("r", "ReLU", fields="forward_type: TYPE")
    assert read(typed.replace("TYPE", "FLOAT16")).complete
    other = read(typed.replace(": TYPE", ": FLOAT"))
    assert not other.complete
    assert other.warnings[1] == "a forward_type of its own, which is not followed: r"


def test_v1_spellings_of_the_types_of_forks_are_those_types():
    """PReLU 8 slopes; Interp 9 + 8*(2-1) = 17 a side; 4*8+4 parameters, 4*17*17 outputs of 8 taps."""
    net = image(1, 8, 9, 9) + (
        'layers { name: "p" type: PRELU bottom: "data" top: "p" }\n'
        'layers { name: "up" type: INTERP bottom: "p" top: "up" interp_param { zoom_factor: 2 } }\n'
        'layers { name: "c" type: CONVOLUTION bottom: "up" top: "c" convolution_param { num_output: 4 kernel_size: 1 } }'
    )
    analysis = read(net)
    assert [row.op.type for row in analysis.rows] == ["PReLU", "Interp", "Convolution"]
    assert (analysis.parameters.total, analysis.work.macs) == (8 + 4 * 8 + 4, 4 * 17 * 17 * 8)


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("BATCH_NORM", "BatchNorm"),
        ("ROI_POOLING", "ROIPooling"),
        ("DETECTION_OUTPUT", "DetectionOutput"),
        ("RELU6", "ReLU6"),
        ("CROP", "CROP"),  # V1's layer of that name is another than V2's Crop
        ("ACME", "ACME"),
        ("Prelu", "Prelu"),
    ],
)
def test_a_name_in_capitals_is_the_type_with_the_same_letters(name: str, type_: str):
    assert canonical(name) == type_


def test_every_listed_type_has_a_rule():
    by_class = {"caffe.Python"}  # its rules are those of modules and classes
    assert {f"caffe.{name}" for name in TYPES} - by_class <= {rule.kind for rule in known()}


def test_a_name_in_capitals_in_a_v2_file_stays_what_it_is():
    """Caffe refuses it there: a layer's type is found by its exact name."""
    assert read(HEAD + layer("p", "PRELU")).unknown == {"PRELU": 1}


def test_a_type_with_a_character_that_cannot_be_seen_is_named():
    said = refusal(HEAD + layer("c", "\u200bReLU"))
    assert said.startswith(
        "<bytes>:2: the type of layer 'c': the invisible character U+200B ZERO WIDTH SPACE stands here"
    )
