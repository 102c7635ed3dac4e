"""What weights are for: learned, or one of the classes that papers and frameworks do not count as parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

import graphcost
from graphcost import Analysis, rule
from graphcost.rules import NO_WORK, Facts
from harness import HEAD, analysed, conv, integers, layer, proto, run_weighted, zeros


def classes(analysis: Analysis) -> dict[str, Any]:
    """The classes of which the model has any."""
    return {kind: size for kind, size in analysis.parameters.classes.items() if size}


def graph(nodes: list[Any], weights: dict[str, Any], inputs: dict[str, Any], **options: Any) -> Analysis:
    return analysed(proto(nodes, inputs, constants=zeros(weights), **options))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "g (float[1,8,4,4] x, float[8] w_s, float[8] w_b, float[8] w_m, float[8] w_v) => (float[1,8,4,4] y)"
            " { y = BatchNormalization(x, w_s, w_b, w_m, w_v) }",
            {"learned": 8 + 8, "statistics": 8 + 8},
        ),
        (
            "g (float[1,8] x, float w_low, float w_high) => (float[1,8] y) { y = Clip(x, w_low, w_high) }",
            {"settings": 1 + 1},
        ),
        (
            "g (float[1,8] x, float w_fill) => (y) { pads = Constant<value_ints=[0,1,0,1]>() y = Pad(x, pads, w_fill) }",
            {"settings": 1},
        ),
        (
            "g (float[1,1,4,4] x, float[4] w_scales) => (y) { y = Resize<mode=\"nearest\">(x, , w_scales) }",
            {"settings": 4},
        ),
        (
            "g (float[5,1,8] x, float[1,24,8] w, float[1,24,6] w_r, float[1,48] w_b, float[1,1,6] w_h, float[1,1,6] w_c)"
            " => (y) { y = LSTM<hidden_size=6>(x, w, w_r, w_b, , w_h, w_c) }",
            {"learned": 24 * 8 + 24 * 6 + 48, "states": 6 + 6},
        ),
        (
            "g (float[1,8] x, int8[8,4] w_q, float[4] w_scale, int8[4] w_zero) => (y)"
            " { w1 = DequantizeLinear<axis=1>(w_q, w_scale, w_zero) y = MatMul(x, w1) }",
            {"learned": 8 * 4, "quantisation": 4 + 4},
        ),
        ("g (float[1,8] x, float w_two) => (float[1,8] y) { y = Mul(x, w_two) }", {"settings": 1}),
        ("g (float[4,8] x, float[8] w_bias) => (y) { y = Add(x, w_bias) }", {"learned": 8}),
        ("g (float[4,1] x, float[1] w_bias) => (y) { y = Add(x, w_bias) }", {"learned": 1}),
        ("g (float[4,8] x, float[1] w_slope) => (y) { y = PRelu(x, w_slope) }", {"learned": 1}),
    ],
)  # fmt: skip
def test_an_operand_is_of_the_class_that_its_rule_states(text: str, expected: dict[str, int]) -> None:
    analysis = run_weighted(text)
    assert classes(analysis) == expected
    assert analysis.total("params") == sum(expected.values())
    assert analysis.total("learned_params") == expected.get("learned", 0)


def test_the_class_nearest_to_a_weight_counts_and_learned_goes_before_all() -> None:
    """A scale is one of a quantised matrix though a product reads the matrix; a mean that is a bias elsewhere is one."""
    nodes = [
        helper.make_node("BatchNormalization", ["x", "s", "b", "b", "v"], ["n"]),
        helper.make_node("Add", ["n", "two"], ["y"]),
    ]
    found = graph(nodes, {"s": 3, "b": 3, "v": 3, "two": ()}, {"x": [1, 3, 4, 4]})
    assert classes(found) == {"learned": 3 + 3, "statistics": 3, "settings": 1}


def test_what_is_filled_by_a_formula_is_a_table_unless_a_kernel_is_expected_there() -> None:
    """Files whose weights were taken out have ConstantOfShape in their place."""
    nodes = [
        helper.make_node("ConstantOfShape", ["kernel_shape"], ["w"]),
        helper.make_node("ConstantOfShape", ["row"], ["t"]),
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Add", ["c", "t"], ["y"]),
    ]
    constants = integers({"kernel_shape": [4, 3, 1, 1], "row": [1, 1, 1, 8]})
    found = analysed(proto(nodes, {"x": [1, 3, 8, 8]}, constants=constants))
    assert classes(found) == {"learned": 4 * 3, "tables": 8}


@pytest.mark.parametrize(("sample", "learned"), [("vgg16", 138_357_544), ("retinaface", 426_608)])
def test_what_a_node_makes_under_the_name_of_a_modules_weight_is_learned(sample: str, learned: int, root: Path) -> None:
    """The samples' weights, biases among them, are each made by a node."""
    assert graphcost.analyze(root / f"onnx_models/{sample}.onnx").total("learned_params") == learned


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("norm.weight", {"learned": 8, "tables": 2 + 2}),
        ("w", {"learned": 8 + 2 + 2}),
    ],
)
def test_ones_and_zeros_that_an_exporter_puts_into_a_normalisation_of_groups_are_not_learned(
    module: str, expected: dict[str, int]
) -> None:
    """Eight channels in two groups: the module's own factors follow. Where no name tells of a module, they may be."""
    ones, zeros_ = numpy_helper.from_array(np.ones(2, np.float32)), numpy_helper.from_array(np.zeros(2, np.float32))
    nodes = [
        helper.make_node("Constant", [], ["ones"], value=ones),
        helper.make_node("Constant", [], ["zeros"], value=zeros_),
        helper.make_node("Reshape", ["x", "groups"], ["g"]),
        helper.make_node("InstanceNormalization", ["g", "ones", "zeros"], ["n"]),
        helper.make_node("Reshape", ["n", "image"], ["i"]),
        helper.make_node("Mul", ["i", module], ["y"]),
    ]
    constants = [*integers({"groups": [0, 2, -1], "image": [1, 8, 4, 4]}), *zeros({module: [8, 1, 1]})]
    assert classes(analysed(proto(nodes, {"x": [1, 8, 4, 4]}, constants=constants))) == expected


def test_names_tell_of_a_normalisation_that_is_taken_apart_and_that_is_said_to_be_likely() -> None:
    nodes = [
        helper.make_node("Sub", ["x", "bn.running_mean"], ["a"]),
        helper.make_node("Mul", ["a", "bn.weight"], ["b"]),
        helper.make_node("Mul", ["b", "logit_scale"], ["y"]),
    ]
    weights = {"bn.running_mean": (3, 1, 1), "bn.weight": (3, 1, 1), "logit_scale": ()}
    found = graph(nodes, weights, {"x": [1, 3, 4, 4]})
    assert classes(found) == {"learned": 3 + 1, "statistics": 3}
    assert found.parameters.guesses == ["bn.running_mean are likely statistics"]
    assert "parameters: bn.running_mean are likely statistics" in found.report().assumptions


def language_model(head: str, noted: str = "") -> Analysis:
    """An embedding of 50 words and a head of its transposed shape, with what an exporter notes of the last product."""
    product = helper.make_node("MatMul", ["e", head], ["y"])
    if noted:
        for key, value in (
            (
                "pkg.torch.onnx.fx_node",
                f"%linear : call_function[target=torch.ops.aten.linear.default](args = (%e, {noted}), kwargs = {{}})",
            ),
        ):
            entry = product.metadata_props.add()
            entry.key, entry.value = key, value
    nodes = [helper.make_node("Gather", ["wte.weight", "ids"], ["e"]), product]
    ids = helper.make_tensor_value_info("ids", 7, [1, 6])
    return analysed(proto(nodes, [ids], constants=zeros({"wte.weight": (50, 8), head: (8, 50)})))


def test_a_transposed_copy_of_an_embedding_is_counted_once_and_said_to_be_likely() -> None:
    found = language_model("onnx::MatMul_12")
    assert classes(found) == {"learned": 50 * 8, "copies": 50 * 8}
    assert found.parameters.guesses == ["onnx::MatMul_12 is likely a transposed copy of wte.weight"]
    assert classes(language_model("lm_head.weight_t")) == {"learned": 2 * 50 * 8}


def test_what_an_exporter_notes_of_a_product_decides_whether_its_matrix_is_a_copy() -> None:
    assert classes(language_model("val_7", "%p_wte_weight")) == {"learned": 50 * 8, "copies": 50 * 8}
    assert classes(language_model("val_7", "%p_lm_head_weight")) == {"learned": 2 * 50 * 8}


def attention(mask: str) -> Analysis:
    nodes = [
        helper.make_node("MatMul", ["q", "k"], ["s"]),
        helper.make_node("Add", ["s", mask], ["m"]),
        helper.make_node("Softmax", ["m"], ["p"]),
        helper.make_node("MatMul", ["p", "head.weight"], ["y"]),
    ]
    inputs = {"q": [1, 2, 6, 4], "k": [1, 2, 4, 6]}
    return graph(nodes, {mask: (1, 1, 6, 6), "head.weight": (6, 3)}, inputs)


def test_a_nameless_matrix_added_to_scores_is_likely_a_table_and_one_of_a_module_is_learned() -> None:
    assert classes(attention("onnx::Add_9")) == {"learned": 6 * 3, "tables": 6 * 6}
    assert classes(attention("attn.position_bias")) == {"learned": 6 * 3 + 6 * 6}


def test_blobs_of_caffe_are_statistics_where_the_layer_gathers_them(net: Callable[..., Analysis]) -> None:
    """BatchNorm: mean [4], variance [4] and their factor; Scale and PReLU learn."""
    text = HEAD + conv("c") + layer("n", "BatchNorm", "c") + layer("s", "Scale", "n", "scale_param { bias_term: true }")
    found = net(text + layer("p", "PReLU", "s"))
    assert classes(found) == {"learned": (4 * 3 * 9 + 4) + (4 + 4) + 4, "statistics": 4 + 4 + 1}
    nvidia = net(HEAD + layer("n", "BatchNorm", "data", "batch_norm_param { scale_bias: true }"))
    assert classes(nvidia) == {"statistics": 3 + 3 + 1, "learned": 3 + 3}
    segnet = net(HEAD + layer("n", "BN", "data", "bn_param { momentum: 0.9 }"))
    assert classes(segnet) == {"learned": 3 + 3, "statistics": 3 + 3}


def test_the_headline_and_the_tables_lead_with_learned_parameters(net: Callable[..., Analysis]) -> None:
    found = net(HEAD + conv("c") + layer("n", "BatchNorm", "c"))
    learned, statistics = 4 * 3 * 9 + 4, 4 + 4 + 1
    report = found.report()
    assert f"{learned} parameters + {statistics} statistics ({4 * (learned + statistics)} B)" in report.summary
    assert report.table.titles[3] == "params" and report.table.total[3] == str(learned)
    both = found.report(columns=["name", "params"]).table
    assert both.titles == ("layer", "all params") and both.total == ("total", str(learned + statistics))
    data = report.data
    assert data["totals"]["params"] == learned + statistics and data["totals"]["learned_params"] == learned
    assert {k: v for k, v in data["parameter_classes"].items() if v} == {"learned": learned, "statistics": statistics}
    assert [each["learned_params"] for each in data["layers"]] == [learned, 0]
    (_, memory) = found.report(sections=["memory"]).tables
    assert ("of them statistics", f"{4 * statistics} B", f"{statistics} elements") in memory.rows
    assert report.render("csv").splitlines()[0].startswith("name,type,output,params,learned_params,")


def test_weights_among_the_inputs_are_named_in_a_warning() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "kernel_1"], ["c"]),
        helper.make_node("Flatten", ["c"], ["f"]),
        helper.make_node("Gemm", ["f", "fc.weight", "fc.bias"], ["y"]),
    ]
    inputs = {"x": [1, 3, 4, 4], "kernel_1": [2, 3, 1, 1], "fc.weight": [32, 5], "fc.bias": [5]}
    found = analysed(proto(nodes, inputs))
    (warning,) = found.warnings
    elements = 2 * 3 + 32 * 5 + 5
    assert warning == (
        f"weights are among the inputs: kernel_1, fc.weight, fc.bias ({elements} elements); they are not counted as"
        " parameters"
    )


def test_two_factors_of_a_product_may_both_be_inputs() -> None:
    nodes = [helper.make_node("MatMul", ["a", "b"], ["y"])]
    assert analysed(proto(nodes, {"a": [2, 3], "b": [3, 4]})).warnings == ()


def test_a_rule_of_a_plugin_states_what_its_weights_are_for(scratch_rules: None) -> None:
    @rule("com.acme.Norm", weights={"mean": "statistics"})
    def norm(x: graphcost.Tensor, mean: graphcost.Tensor) -> Facts:
        return Facts((x,), NO_WORK)

    found = run_weighted("g (float[1,8] x, float[8] w_m) => (y) { y = com.acme.Norm(x, w_m) }")
    assert classes(found) == {"statistics": 8}
    with pytest.raises(ValueError, match="no input or no class"):
        rule("com.acme.Other", weights={"mean": "colours"})(norm)


def test_counted_weights_keep_their_class_in_another_type() -> None:
    weight = numpy_helper.from_array(np.zeros((8, 4), np.float32), "fc.weight")
    nodes = [helper.make_node("MatMul", ["x", "fc.weight"], ["m"]), helper.make_node("Mul", ["m", "two"], ["y"])]
    model = proto(nodes, {"x": [1, 8]}, constants=[weight, *zeros({"two": ()})])
    found = analysed(model, target=graphcost.Target(dtype="float16"))
    assert classes(found) == {"learned": 32, "settings": 1}
    assert found.parameters.class_bytes["learned"] == 2 * 32


def test_what_only_an_unknown_operator_reads_is_of_unknown_use_and_no_learned_parameter() -> None:
    """It may be a setting; what a known operator reads too is what that one has it for."""
    found = run_weighted(
        "g (float[2, 3] x, float[3] w1, float[3, 3] w2) => (float[2, 3] y) {\n"
        "a = com.acme.Warp(x, w1, w2)\nb = MatMul(x, w2)\ny = Relu(b) }"
    )
    assert classes(found) == {"learned": 3 * 3, "unknown": 3}
    assert "9 parameters + 3 of unknown use" in found.report().render("md")
