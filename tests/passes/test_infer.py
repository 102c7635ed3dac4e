"""Inference: each distinct question is asked once, what has no rule stays unknown, and what can be said is said."""

from __future__ import annotations

from typing import Any

import pytest

import graphcost
from graphcost import Facts, ModelError, Tensor, Work, analyze, ops, rules
from graphcost.graph import UnknownShape
from graphcost.rules import NO_WORK
from harness import image, layer, run_weighted
from harness import run as onnx

HEAD = image(2, 3)


@pytest.fixture
def asked(scratch_rules: None) -> list[tuple[Any, ...]]:
    """Rules of its own for a test: caffe.Counted notes every question it is asked."""
    questions: list[tuple[Any, ...]] = []

    @graphcost.rule("caffe.Counted")
    def counted(x: Tensor, *, factor: int = 1, outputs: int = 1) -> Facts:
        questions.append((x.shape, factor, outputs))
        return Facts((x,) * outputs, Work(muls=x.size * factor))

    return questions


def test_a_question_is_asked_once_however_often_it_comes(asked: list[tuple[Any, ...]], net: Any) -> None:
    chain = "".join(layer(f"l{i}", "Counted", f"l{i - 1}" if i else "data") for i in range(50))
    assert net(HEAD + chain).total("muls") == 50 * 6
    assert asked == [((2, 3), 1, 1)]


def test_another_shape_attribute_or_number_of_outputs_is_another_question(
    asked: list[tuple[Any, ...]], net: Any
) -> None:
    text = HEAD + layer("a", "Counted") + layer("b", "Counted", fields="counted_param { factor: 2 }")
    text += 'layer { name: "c" type: "Counted" bottom: "data" top: "c" top: "d" }\n'
    text += layer("f", "Flatten", fields="flatten_param { axis: 0 }") + layer("e", "Counted", "f")
    assert net(text).total("muls") == 6 + 12 + 6 + 6
    assert asked == [((2, 3), 1, 1), ((2, 3), 2, 1), ((2, 3), 1, 2), ((6,), 1, 1)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ("counted_param { factr: 2 }", "field factr is not understood (nearest: factor)"),
        ("counted_param { engine: CUDNN }", "field engine is not understood"),
        ("counted_parm { factor: 2 }", "field counted_parm is not understood"),
        ("counted_param { _note: 1 }", ""),
        ("weight_decay: 1 blobs_lr: 1 propagate_down: false", ""),
    ],
)
def test_a_field_that_a_rule_neither_reads_nor_lists_makes_its_row_unknown(
    asked: list[tuple[Any, ...]], net: Any, fields: str, reason: str
) -> None:
    analysis = net(HEAD + layer("a", "Counted", fields=fields))
    assert analysis["a"].why == reason and analysis["a"].status == ("unknown" if reason else "known")
    assert analysis.complete == (not reason)


def test_a_field_that_changes_nothing_is_listed_by_its_rule(scratch_rules: None, net: Any) -> None:
    graphcost.rule("caffe.Listed", harmless=("filler",))(lambda x: Facts((x,), Work(muls=x.size)))
    analysis = net(HEAD + layer("a", "Listed", fields='listed_param { filler { type: "xavier" } }'))
    assert analysis["a"].work == Work(muls=6)


def test_a_contradiction_of_a_field_that_is_not_understood_is_none(net: Any) -> None:
    """The kernel of five does not fit a map of three, unless the unknown field means that it does."""
    text = 'input: "data" input_shape { dim: 1 dim: 1 dim: 3 dim: 3 }'
    fields = "convolution_param { num_output: 1 kernel_size: 5 wrapping: true }"
    assert "wrapping" in net(text + layer("c", "Convolution", fields=fields))["c"].why
    with pytest.raises(ModelError, match="does not fit"):
        net(text + layer("c", "Convolution", fields=fields.replace("wrapping: true", "")))


def test_an_attribute_that_is_missing_is_named(net: Any) -> None:
    with pytest.raises(ModelError, match="attribute axis is missing"):
        onnx("g (float[2, 3] x) => (y) { y = Concat(x, x) }")


def test_every_analysis_asks_anew(asked: list[tuple[Any, ...]], net: Any) -> None:
    model = net(HEAD + layer("a", "Counted")).model
    analyze(model)
    analyze(model, shapes={"data": (5, 3)})
    assert [shape for shape, *_ in asked] == [(2, 3), (2, 3), (5, 3)]


def test_what_follows_an_unknown_operator_is_unknown_too_and_the_rest_is_not(net: Any) -> None:
    text = HEAD + layer("a", "Mystery") + layer("b", "ReLU", "a") + layer("c", "ReLU") + layer("d", "Mystery")
    analysis = net(text)
    assert [row.status for row in analysis.rows] == ["unknown", "unknown", "known", "unknown"]
    assert analysis.unknown == {"Mystery": 2} and analysis.dependent == 1 and analysis.unknown_tensors == 3
    assert analysis["a"].why == "no rule for Mystery"
    assert analysis["a"].work is None and analysis.work == Work(compares=6)
    assert analysis.memory.peak_bytes is None and analysis.activation_bytes == 4 * 6


def test_parameters_of_an_unknown_shape_make_the_total_a_lower_bound(net: Any) -> None:
    product = "inner_product_param { num_output: 4 }"
    text = (
        HEAD
        + layer("a", "Mystery")
        + layer("f", "InnerProduct", "a", product)
        + layer("g", "InnerProduct", "data", product)
    )
    analysis = net(text)
    assert not analysis.complete and analysis.total("params") == 4 * 3 + 4
    assert ">= 16 parameters" in analysis.report().render("md")


def test_a_rule_that_cannot_tell_makes_its_row_unknown_with_its_reason(asked: list[tuple[Any, ...]], net: Any) -> None:
    @graphcost.rule("caffe.Undecided")
    def undecided(x: Tensor) -> Facts:
        raise UnknownShape("nobody knows")

    analysis = net(HEAD + layer("a", "Undecided"))
    assert (analysis["a"].status, analysis["a"].why) == ("unknown", "nobody knows")


def test_shapes_without_a_cost_are_half_known(asked: list[tuple[Any, ...]], net: Any) -> None:
    @graphcost.rule("caffe.Priceless")
    def priceless(x: Tensor) -> Facts:
        return Facts((x,), None)

    analysis = net(HEAD + layer("a", "Priceless") + layer("b", "ReLU", "a"))
    assert [row.status for row in analysis.rows] == ["partial", "known"]
    assert analysis.tensors["b"].shape == (2, 3) and not analysis.complete


@pytest.mark.parametrize("problem", [ValueError("wrong"), TypeError("wrong"), ZeroDivisionError("wrong"), IndexError("wrong"), KeyError("wrong"), AttributeError("wrong")])  # fmt: skip
def test_whatever_a_rule_raises_is_told_with_its_operator(
    problem: Exception, asked: list[tuple[Any, ...]], net: Any
) -> None:
    @graphcost.rule("caffe.Broken")
    def broken(x: Tensor, *, factor: int = 1) -> Facts:
        raise problem

    with pytest.raises(ModelError, match=r":2: a \(Broken\): '?wrong'?; inputs \[2, 3\], attributes \{factor: 7\}$"):
        net(HEAD + layer("a", "Broken", fields="broken_param { factor: 7 }"))


@pytest.mark.parametrize("problem", [TypeError("wrong"), ZeroDivisionError("wrong"), KeyError("wrong")])
def test_what_a_rule_of_the_package_does_not_foresee_leaves_its_row_unknown(
    problem: Exception, asked: list[tuple[Any, ...]], net: Any
) -> None:
    def unforeseen(x: Tensor) -> Facts:
        raise problem

    unforeseen.__module__ = "graphcost.ops.unforeseen"
    graphcost.rule("caffe.Unforeseen")(unforeseen)
    analysis = net(HEAD + layer("a", "Unforeseen") + layer("c", "ReLU"))
    assert (analysis["a"].status, analysis["a"].why) == (
        "unknown",
        "Unforeseen takes other inputs or attributes than these",
    )
    assert analysis["c"].status == "known" and not analysis.complete


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (Facts((Tensor((2**30, 2**30)),), NO_WORK), "cannot be meant"),
        (Facts((Tensor((-1,)),), NO_WORK), "cannot be meant"),
        (Facts((Tensor(("3",)),), NO_WORK), "cannot have the shape"),  # type: ignore[arg-type]
        (Facts((), Work(macs="3")), "an attribute of the wrong type"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_that_cannot_be_is_refused(facts: Facts, reason: str, asked: list[tuple[Any, ...]], net: Any) -> None:
    graphcost.rule("caffe.Absurd")(lambda x: facts)
    with pytest.raises(ModelError, match=reason):
        net(HEAD + layer("a", "Absurd"))


def test_an_operator_without_a_rule_is_counted_by_its_own_definition(asked: list[tuple[Any, ...]]) -> None:
    """The onnx package defines LessOrEqual as Or(Less, Equal)."""
    graph = "g (float[2, 3] x, float[3] y) => (bool[2, 3] z) { z = LessOrEqual(x, y) }"
    del rules._table["LessOrEqual"]
    analysis = onnx(graph)
    assert analysis.complete and analysis.tensors["z"] == Tensor((2, 3), "bool")
    assert analysis.work == Work(compares=3 * 6)


def test_an_operator_without_a_definition_gets_its_shape_from_the_onnx_package(asked: list[tuple[Any, ...]]) -> None:
    del rules._table["Det"]
    analysis = onnx("g (float[5, 3, 3] x) => (float[K] z) { y = Det(x) z = Relu(y) }")
    assert [(row.status, row.outputs[0].shape) for row in analysis.rows] == [("partial", (5,)), ("known", (5,))]
    assert analysis.unknown == {"Det": 1}


def test_the_files_own_word_stands_where_there_is_neither_rule_nor_definition() -> None:
    text = "g (float[N, 3] x) => (float[N, 5] z) <float[N, 5] y> { y = com.acme.Warp(x) z = Relu(y) }"
    analysis = onnx(text, dims={"N": 4})
    assert [row.status for row in analysis.rows] == ["partial", "known"]
    assert analysis.tensors["z"].shape == (4, 5) and analysis.rows[1].work == Work(compares=20)
    assert analysis.unknown == {"com.acme.Warp": 1}
    assert analysis.to_dict()["coverage"] == {
        "complete": False,
        "unknown_ops": {"com.acme.Warp": 1},
        "dependent_ops": 0,
        "unknown_tensors": 0,
    }


def test_nothing_is_said_where_nothing_is_known() -> None:
    analysis = onnx("g (float[2, 3] x) => (y) { y = com.acme.Warp(x) }")
    assert analysis.rows[0].facts is None and analysis.to_dict()["tensors"]["y"]["shape"] is None
    assert analysis.to_dict()["layers"][0]["macs"] is None


def test_an_operator_set_that_is_older_gets_the_rule_of_its_time(asked: list[tuple[Any, ...]]) -> None:
    for since in (1, 5):
        graphcost.rule("com.acme.Versioned", since=since)(lambda x, since=since: Facts((x,), Work(muls=since)))
    for version, expected in ((1, 1), (4, 1), (5, 5), (9, 5)):
        found = ops.find("com.acme.Versioned", version)
        assert found is not None and found.since == expected
    assert ops.find("com.acme.Versioned", 0) is None


def test_more_tops_than_a_rule_tells_of_are_unknown(net: Any) -> None:
    text = HEAD + 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" top: "extra" }'
    analysis = net(text)
    assert analysis.tensors["r"].shape == (2, 3) and not analysis.tensors["extra"].ranked
    assert analysis["r"].status == "partial"


def test_more_bottoms_than_a_rule_takes_leave_the_cost_open(net: Any) -> None:
    text = HEAD + 'layer { name: "r" type: "ReLU" bottom: "data" bottom: "data" top: "r" }'
    row = net(text)["r"]
    assert row.work is None and row.why == "takes at most 1 input and has 2"
    assert row.outputs[0].shape == (2, 3)  # an elementwise layer's, whatever else it does


def test_a_result_that_is_left_out_is_no_constant_input() -> None:
    """Both have no name; Clip's lower bound is missing, whatever is made of constants."""
    analysis = onnx("""
        g (float[4] x) => (float[4] y) <float[4] w = {1, 2, 3, 4}, float most = {6}> {
            d, , deviation = LayerNormalization(w, w)
            z = Add(x, d)
            y = Clip(z, , most)
        }
    """)
    clip = analysis.rows[-1]
    assert clip.op.inputs[1] == "" and analysis.rows[0].op.outputs[1] == ""
    assert clip.constant_inputs == (False, False, True)
    assert [weight.tensor.shape for weight in clip.weights] == [()]


DECLARED = """g (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w, float[4, 4, 3, 3] v) => (float[1, 4, 4, 4] y)
<float[1, 4, 6, 6] a, float[1, 4, 6, 6] b> { a = Conv(x, w)  b = com.acme.Warp(a)  y = Conv(b, v) }"""


def test_a_declared_shape_behind_an_unknown_operator_holds_at_the_files_own_sizes_alone() -> None:
    first, second = 4 * 6 * 6 * 27, 4 * 4 * 4 * 36
    assert onnx(DECLARED).total("macs") == first + second
    larger = onnx(DECLARED, shapes={"x": (1, 3, 10, 10)})
    assert larger.total("macs") == 4 * 8 * 8 * 27 and not larger.complete
    assert not larger.tensors["b"].ranked and larger.rows[2].dependent


def test_weights_of_an_operator_that_nobody_knows_are_parameters_all_the_same() -> None:
    graph = """g (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w, float[4, 4, 3, 3] w2, float[7] w3) => (float[] y) {
        a = Conv(x, w)  b = com.acme.Warp(a, w3)  y = Conv(b, w2) }"""
    analysis = run_weighted(graph)
    assert analysis.parameters.rows == [4 * 27, 7, 4 * 36] and not analysis.complete


def test_a_layer_of_an_unknown_type_may_hold_blobs_and_is_not_said_to_have_none(net: Any) -> None:
    analysis = net(HEAD + layer("a", "Mystery") + layer("b", "ReLU", "a"))
    assert analysis.parameters.rows == [None, None]
    assert [each["params"] for each in analysis.to_dict()["layers"]] == [None, None]


def test_wide_integers_are_parameters_where_an_operator_multiplies_by_them() -> None:
    product = run_weighted("g (int64[2, 8] x, int64[8, 4] w) => (int64[] y) { y = MatMul(x, w) }")
    assert product.parameters.total == 8 * 4
    table = run_weighted("g (int64[2] x, int64[8] w) => (int64[] y) { y = Gather(w, x) }")
    assert table.parameters.total == 0  # it may as well be a list of positions
