"""The ONNX importer, each trap as a model of a few lines."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from itertools import pairwise
from math import prod
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper, parser

import graphcost
from graphcost import Analysis, Model, ModelError, Tensor, analyze, limits
from graphcost.dims import Extent, symbol
from graphcost.graph import Origin, TensorSequence
from graphcost.importers import onnx as importer
from graphcost.importers import onnx_graph
from graphcost.importers.onnx_proto import tensor_of
from harness import proto as model_of
from harness import zeros

HEAD = '<ir_version: 10, opset_import: ["" : 21]>\n'


def build(text: str, head: str = HEAD) -> Model:
    """The model of a graph in ONNX's own syntax."""
    return importer.build(parser.parse_model(head + text), "net.onnx")


def run(text: str, head: str = HEAD) -> Analysis:
    return analyze(build(text, head))


def shape(analysis: Analysis, name: str) -> tuple[object, ...]:
    return analysis.tensors[name].shape


def graph(nodes: list[onnx.NodeProto], inputs: tuple[str, ...] = ("x",)) -> onnx.ModelProto:
    """A model of these nodes; its inputs are 2x3, and of its output `y` the shape is not declared."""
    return model_of(nodes, {name: [2, 3] for name in inputs}, opset=21)


# --- tensors ----------------------------------------------------------------------------------------------------------


def test_a_tensor_of_absurdly_many_axes_is_refused_and_a_declared_one_not_believed():
    most, more = [1] * limits.MAX_AXES, [1] * (limits.MAX_AXES + 1)
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    proto = graph(nodes)
    proto.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, most, [0.0]))
    assert importer.build(proto).weights["w"].rank == limits.MAX_AXES
    proto.graph.initializer[0].dims.append(1)
    with pytest.raises(ModelError, match="tensor 'w' has 257 axes; more than 256 cannot be meant"):
        importer.build(proto)
    declared = graph(nodes, ("x", "w"))
    declared.graph.input[1].CopyFrom(helper.make_tensor_value_info("w", TensorProto.FLOAT, more))
    assert not importer.build(declared).inputs["w"].ranked


def test_contents_are_kept_of_so_many_elements_and_no_more(monkeypatch):
    monkeypatch.setattr(limits, "MAX_CONTENTS", 5)
    constant = helper.make_node("Constant", [], ["b"], value=helper.make_tensor("", TensorProto.INT64, [2], [4, 5]))
    proto = graph([constant, helper.make_node("Add", ["b", "a"], ["y"])])
    proto.graph.initializer.append(helper.make_tensor("w", TensorProto.INT64, [3], [1, 2, 3]))
    proto.graph.initializer.append(helper.make_tensor("v", TensorProto.INT64, [1], [6]))
    proto.graph.initializer.append(helper.make_tensor("a", TensorProto.FLOAT, [2, 2], [0.0] * 4))
    model = importer.build(proto)
    assert [model.weights[name].value for name in "wva"] == [(1, 2, 3), (6,), None]
    assert model.schedule[0].attrs == {"value": Tensor((2,), "int64")}


def test_attributes_list_so_many_numbers_and_no_more(monkeypatch):
    monkeypatch.setattr(limits, "MAX_LISTED", 5)
    cut = helper.make_node("Pad", ["x"], ["y"], pads=[0, 0, 0, 0], mode="edge")
    assert importer.build(graph([cut])).schedule[0].attrs["pads"] == (0, 0, 0, 0)
    cut.attribute.append(helper.make_attribute("axes", [0, 1]))
    with pytest.raises(ModelError, match="node 0: more than 5 numbers in attributes, 'axes' the last"):
        importer.build(graph([cut]))


def test_an_attribute_too_large_to_be_kept_leaves_its_row_unknown():
    """A table of a million texts; without it the operator would be another."""
    large = helper.make_node(
        "LabelEncoder", ["x"], ["y"], domain="ai.onnx.ml", keys_int64s=[1], values_strings=["abcd"] * 1_000_000
    )
    proto = graph([large])
    proto.opset_import.add(domain="ai.onnx.ml", version=2)
    (row,) = analyze(importer.build(proto)).rows
    assert (row.work, row.why) == (None, "attribute values_strings is too large to be read")


def test_more_operators_than_are_built_are_refused_before_any_is(monkeypatch):
    monkeypatch.setattr(limits, "MAX_OPS", 3)
    monkeypatch.setattr(onnx_graph, "Op", None)
    with pytest.raises(ModelError, match="more than 3 operators"):
        importer.build(graph([helper.make_node("Relu", ["x"], [f"y{at}"]) for at in range(4)]))


def test_an_initializer_that_is_listed_as_input_is_a_weight():
    proto = graph([helper.make_node("Add", ["x", "w"], ["y"])], ("x", "w"))
    proto.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, [2, 3], [0.0] * 6))
    model = importer.build(proto)
    assert list(model.inputs) == ["x"]
    assert model.weights["w"] == Tensor((2, 3), "float32")


def test_contents_are_kept_where_they_may_steer_shapes() -> None:
    """Equal layers with different weights stay equal questions to a rule, which is asked once."""
    kept = [((), TensorProto.FLOAT), ((16,), TensorProto.FLOAT), ((2, 3), TensorProto.INT64)]
    dropped = [((1, 1), TensorProto.FLOAT), ((17,), TensorProto.FLOAT), ((65, 64), TensorProto.INT64)]
    for shape, dtype in (*kept, *dropped):
        size = prod(shape)
        tensor = tensor_of(helper.make_tensor("w", dtype, shape, [1] * size), "w")
        assert tensor.value == ((1,) * size if (shape, dtype) in kept else None)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (TensorProto.INT64, [1, -1, 2**40]),
        (TensorProto.INT32, [1, -1, 7]),
        (TensorProto.UINT8, [0, 128, 255]),
        (TensorProto.INT8, [0, -128, 127]),
        (TensorProto.BOOL, [1, 0, 1]),
        (TensorProto.FLOAT, [0.5, 1.0, -2.0]),
        (TensorProto.DOUBLE, [0.5, 1.0, -2.0]),
        (TensorProto.FLOAT16, [0.5, 1.0, -2.0]),
        (TensorProto.UINT64, [1, 2, 2**63]),
    ],
)
@pytest.mark.parametrize("raw", [False, True])
def test_small_contents_are_read_from_raw_bytes_and_from_typed_fields(dtype, values, raw):
    np_dtype = helper.tensor_dtype_to_np_dtype(dtype)
    import numpy as np

    array = np.array(values, np_dtype)
    proto = helper.make_tensor("t", dtype, [3], array.tobytes() if raw else values, raw=raw)
    assert tensor_of(proto, "").value == tuple(values)


def test_large_float_contents_are_left_in_the_file():
    proto = helper.make_tensor("t", TensorProto.FLOAT, [17], [1.0] * 17)
    assert tensor_of(proto, "") == Tensor((17,), "float32", None)


@pytest.mark.parametrize("number", [n for n in TensorProto.DataType.values() if n])
def test_every_element_type_of_onnx_has_a_name_and_a_size(number):
    tensor = tensor_of(TensorProto(dims=[3], data_type=number), "")
    assert tensor.dtype != "unknown"
    assert tensor.dtype in graphcost.graph.BITS


def test_packed_four_bit_weights_take_half_a_byte_each():
    assert tensor_of(TensorProto(dims=[5, 3], data_type=TensorProto.INT4), "").nbytes == 8  # 15 / 2, up


MICROSOFT = '<ir_version: 10, opset_import: ["" : 21, "com.microsoft" : 1]>\n'


@pytest.mark.parametrize(
    ("bits", "block"),
    [(4, 16), (8, 32)],  # bytes that hold a block of 32 elements
)
def test_weights_packed_into_bytes_count_as_their_elements(bits: int, block: int):
    text = f"""g (float[5, 32] a) => (float[5, 64] y)
      <int64[3] packed = {{64, 1, {block}}}, int64[1] blocks = {{64}}>
    {{
      b = ConstantOfShape <value: tensor = uint8[1] {{0}}> (packed)
      scales = ConstantOfShape (blocks)
      y = com.microsoft.MatMulNBits <K=32, N=64, bits={bits}, block_size=32> (a, b, scales)
    }}"""
    analysis = run(text, MICROSOFT)
    assert analysis.parameters.by_dtype == {f"uint{bits}": 64 * 32, "float32": 64}
    assert analysis.total("param_bytes") == 64 * 32 * bits // 8 + 4 * 64


def test_external_data_is_never_opened():
    proto = graph([helper.make_node("Add", ["x", "w"], ["y"])])
    tensor = proto.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[2, 3])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/nowhere/weights.bin")
    assert importer.build(proto).weights["w"] == Tensor((2, 3), "float32")


def test_a_sparse_initializer_has_its_dense_shape():
    proto = graph([helper.make_node("Add", ["x", "w"], ["y"])])
    sparse = proto.graph.sparse_initializer.add(dims=[2, 3])
    sparse.values.CopyFrom(helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0]))
    sparse.indices.CopyFrom(helper.make_tensor("at", TensorProto.INT64, [1], [4]))
    assert importer.build(proto).weights["w"].shape == (2, 3)


def test_a_negative_extent_of_a_weight_is_refused():
    proto = graph([helper.make_node("Add", ["x", "w"], ["y"])])
    proto.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[2, -3])
    with pytest.raises(ModelError, match=r"'w' has a negative extent: \[2, -3\]"):
        importer.build(proto)


def test_named_dimensions_are_symbols_and_unnamed_ones_get_a_name():
    model = build("g (float[N, 3, ?, W] x, float[N] z) => (float[N, 3] y) { y = Identity(x) }")
    assert model.inputs["x"].shape == (symbol("N"), 3, symbol("x_2"), symbol("W"))
    assert model.inputs["z"].shape == (symbol("N"),)


def dimensions(*names: str) -> tuple[Extent, ...]:
    """The shape of an input whose axes a file calls so; "" leaves one without a name."""
    proto = graph([helper.make_node("Relu", ["x"], ["y"])])
    shape = proto.graph.input[0].type.tensor_type.shape
    del shape.dim[:]
    for name in names:
        shape.dim.add(dim_param=name)
    return importer.build(proto).inputs["x"].shape


def test_a_dimension_that_is_called_by_an_expression_is_what_it_says():
    past, new = symbol("past"), symbol("new")
    assert dimensions("past", "new", "past + new", "floor(past/2 + 1/2)") == (past, new, past + new, (past + 1) // 2)


def test_dimensions_whose_names_look_alike_are_different_ones():
    """The axes without a name stand at places that others are called after."""
    shape = dimensions("batch size", "batch_size", "batch-size", "batch.size", "", "x_4", "x_6", "")
    assert len({str(extent) for extent in shape}) == len(shape)
    assert shape[1] == symbol("batch_size") and shape[4:] == (
        symbol("x_4_2"),
        symbol("x_4"),
        symbol("x_6"),
        symbol("x_7"),
    )


def test_a_negative_dimension_is_not_known():
    proto = graph([helper.make_node("Relu", ["x"], ["y"])])
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert importer.build(proto).inputs["x"].shape == (symbol("x_0"), 3)


def test_a_size_given_for_one_input_holds_wherever_the_file_names_it():
    text = "g (float[N, 3] a, float[N, 3] b) => (float[N, 3] y) { y = acme.Blend(a, b) }"
    model = build(text, '<ir_version: 10, opset_import: ["" : 21, "acme" : 1]>')
    analysis = analyze(model, shapes={"a": (8, 3)})
    assert analysis.inputs["b"].shape == (8, 3)
    assert shape(analysis, "y") == (8, 3)  # from the file's own word


def test_inputs_may_be_sequences_optionals_and_of_unknown_rank():
    model = build("g (seq(float[2, 3]) s, optional(float[4]) o, float[] u) => (float[] y) { y = Identity(u) }")
    assert model.inputs["s"] == TensorSequence(Tensor((2, 3)))
    assert model.inputs["o"] == Tensor((4,))
    assert not model.inputs["u"].ranked


# --- nodes ------------------------------------------------------------------------------------------------------------


def test_unnamed_nodes_are_named_by_type_and_position_and_equal_names_are_told_apart():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"], name="twice"),
        helper.make_node("Relu", ["b"], ["c"], name="twice"),
        helper.make_node("Relu", ["c"], ["y"], name="twice"),
    ]
    assert [op.name for op in importer.build(graph(nodes)).schedule] == ["Relu_0", "twice", "twice#2", "twice#3"]


def test_a_node_knows_its_place_in_the_file():
    assert (
        build("g (float[2] x) => (float[2] y) { a = Relu(x) y = Relu(a) }").schedule[1].location == "net.onnx, node 1"
    )


def test_attributes_become_plain_hashable_values():
    node = helper.make_node("Any", ["x"], ["y"], i=3, f=0.5, s="text", ints=[1, 2], floats=[0.5], strings=["a", "b"])
    node.attribute.append(helper.make_attribute("t", helper.make_tensor("t", TensorProto.INT64, [2], [4, 5])))
    values = helper.make_tensor("v", TensorProto.FLOAT16, [1], [1.0])
    places = helper.make_tensor("at", TensorProto.INT64, [1], [4])
    node.attribute.append(helper.make_attribute("sparse", helper.make_sparse_tensor(values, places, [2, 3])))
    node.attribute.append(helper.make_attribute("type", helper.make_tensor_type_proto(TensorProto.INT8, [6])))
    (op,) = importer.build(graph([node])).schedule
    assert op.attrs == {
        "i": 3, "f": 0.5, "s": "text", "ints": (1, 2), "floats": (0.5,), "strings": ("a", "b"),
        "t": Tensor((2,), "int64", (4, 5)), "sparse": Tensor((2, 3), "float16"), "type": Tensor((6,), "int8"),
    }  # fmt: skip
    hash(tuple(op.attrs.items()))


def test_attributes_without_a_stated_type_are_read_by_the_field_they_fill():
    """IR version 1 had no AttributeProto.type."""
    node = helper.make_node("Conv", ["x"], ["y"], kernel_shape=[3, 3], group=2, auto_pad="VALID")
    for attribute in node.attribute:
        attribute.ClearField("type")
    (op,) = importer.build(graph([node])).schedule
    assert op.attrs == {"kernel_shape": (3, 3), "group": 2, "auto_pad": "VALID"}


def test_text_that_is_not_utf8_is_shown_with_a_replacement():
    data = graph([helper.make_node("Relu", ["x"], ["y"], name="name")]).SerializeToString()
    message = onnx.ModelProto.FromString(data.replace(b"name", b"na\xffe"))
    assert importer.build(message).schedule[0].name == "na�e"


def test_the_standard_domain_has_two_spellings():
    model = build(
        "g (float[2] x) => (float[2] y) { y = ai.onnx.Relu(x) }", '<ir_version: 10, opset_import: ["ai.onnx" : 21]>'
    )
    assert model.opsets == {"": 21}
    assert model.schedule[0].kind == "Relu"


def test_unsorted_nodes_are_sorted():
    nodes = [helper.make_node("Relu", ["a"], ["y"]), helper.make_node("Relu", ["x"], ["a"])]
    assert [op.outputs for op in importer.build(graph(nodes)).schedule] == [("a",), ("y",)]


def test_the_later_of_two_constants_of_one_name_counts():
    nodes = [helper.make_node("Constant", [], ["k"], value_ints=[value, 2]) for value in (6, 3)]
    nodes.append(helper.make_node("Reshape", ["x", "k"], ["y"]))
    assert shape(analyze(importer.build(graph(nodes))), "y") == (3, 2)


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([("Relu", ["nowhere"], ["y"])], "input 'nowhere' is made by no layer"),
        ([("Relu", ["x"], ["y"]), ("Tanh", ["x"], ["y"])], "output 'y' is already made by Relu_0"),
        ([("Add", ["x", "b"], ["y"]), ("Relu", ["y"], ["b"])], "form a cycle"),
    ],
)
def test_graphs_that_are_none_are_refused_naming_the_node(nodes, reason):
    with pytest.raises(ModelError, match=reason):
        importer.build(graph([helper.make_node(*node) for node in nodes]))


def test_a_weight_may_be_an_output():
    proto = graph([])
    proto.graph.initializer.append(helper.make_tensor("y", TensorProto.FLOAT, [2, 3], [0.0] * 6))
    assert shape(analyze(importer.build(proto)), "y") == (2, 3)


@pytest.mark.parametrize("size", ["", [1, 2]])
def test_an_attribute_of_another_type_is_a_contradiction_and_never_a_size(size):
    node = helper.make_node("Multinomial", ["x"], ["y"], sample_size=size)
    with pytest.raises(ModelError, match="Multinomial_0"):
        analyze(importer.build(graph([node])))


def test_an_output_that_nobody_makes_is_a_warning():
    model = importer.build(graph([helper.make_node("Relu", ["x"], ["a"])]))
    assert model.warnings == ["the model's output 'y' is made by no operator"]


def test_what_is_inferred_wins_over_what_the_file_declares():
    analysis = run("g (float[2, 3] x) => (float[7, 3] y) { y = Relu(x) }")
    assert shape(analysis, "y") == (2, 3)
    assert analysis.warnings == ("the file declares 'y' as [7, 3], but it is [2, 3]",)


def test_a_declared_shape_with_open_extents_contradicts_nothing():
    assert run("g (float[2, 3] x) => (float[N, ?] y) { y = Relu(x) }").warnings == ()


def test_module_paths_come_from_metadata_before_names():
    node = helper.make_node("Relu", ["x"], ["y"], name="node_relu_7")
    node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value="['', 'layer1', 'layer1.0', 'relu']")
    assert analyze(importer.build(graph([node]))).rows[0].scope == "layer1/0"


def test_a_fused_convolution_stays_under_its_own_module():
    """torch.onnx.export notes on it the normalisation that was fused into it; its weight keeps its name."""
    weight = "layer1.0.conv1.weight"
    node = helper.make_node("Conv", ["x", weight], ["y"], name="node_Conv_7")
    notes = {
        "pkg.torch.onnx.name_scopes": "['', 'layer1', 'layer1.0', 'layer1.0.bn1', '_native_batch_norm']",
        "pkg.torch.onnx.class_hierarchy": "['Net', 'Sequential', 'Block', 'torch.nn.modules.batchnorm.BatchNorm2d', '']",
        "pkg.torch.onnx.fx_node": "%y : [num_users=1] = call_function[target=torch.ops.aten._native_batch_norm.default]"
        "(args = (%conv2d, None, None, %mean, %var, 0.1, 1e-05), kwargs = {})",
        "pkg.onnxscript.rewriter.rule_name": "RemoveOptionalBiasFromConv, FuseBatchNormIntoConv",
    }
    for key, value in notes.items():
        node.metadata_props.add(key=key, value=value)
    model = model_of([node], {"x": [1, 1, 2, 2]}, constants=zeros({weight: [1, 1, 1, 1]}))
    (row,) = analyze(importer.build(model)).rows
    assert row.scope == "layer1/0/conv1"
    assert row.op.origin == Origin(
        module="torch.nn.modules.batchnorm.BatchNorm2d",
        path="layer1/0/bn1",
        function="aten._native_batch_norm",
        arguments="%conv2d, None, None, %mean, %var, 0.1, 1e-05",
        rewrites=("RemoveOptionalBiasFromConv", "FuseBatchNormIntoConv"),
    )


def test_nodes_that_say_the_same_are_read_once():
    nodes = [
        helper.make_node("Softmax", [a], [b], axis=axis) for a, b, axis in (("x", "a", 1), ("a", "b", 1), ("b", "y", 0))
    ]
    first, second, third = importer.build(graph(nodes)).schedule
    assert first.attrs is second.attrs and (first.attrs, third.attrs) == ({"axis": 1}, {"axis": 0})
    assert [op.location for op in (first, second)] == [", node 0", ", node 1"]


def test_nodes_are_read_in_whatever_order_their_fields_stand(monkeypatch):
    """protobuf promises none: as if no name led."""
    monkeypatch.setattr(onnx_graph.wire, "split_names", lambda node: (((), (), ""), node))
    nodes = [helper.make_node("Relu", ["x"], ["a"], "first"), helper.make_node("Relu", ["a"], ["y"])]
    ops = importer.build(graph(nodes)).schedule
    assert [(op.name, op.inputs, op.outputs) for op in ops] == [("first", ("x",), ("a",)), ("Relu_1", ("a",), ("y",))]


# --- bodies and functions ---------------------------------------------------------------------------------------------

BRANCHES = """
g (bool c, float[2, 3] x, float[2, 3] w) => (float[2, 3] y) {
    y = If (c) <
        then_branch = t () => (float[2, 3] a) { b = Relu(x) a = Add(b, w) },
        else_branch = e () => (float[2, 3] d) { d = Identity(x) }
    >
}
"""


def test_equal_bodies_are_graphs_of_their_own():
    """Weights in both are weights of both: two in each branch of each If."""
    body = "t () => (float[2] a) { a = Constant <value_floats = [1.0, 2.0]> () }"
    choice = f"If (c) <then_branch = {body}, else_branch = {body}>"
    text = f"g (bool c, float[2] x) => (float[2] y) {{ u = {choice} v = {choice} z = Add(x, u) y = Add(z, v) }}"
    first, second, *_ = build(text).schedule
    assert first.bodies[0][1] is not second.bodies[0][1]
    assert run(text).parameters.total == 2 * 2 * 2


def test_memory_does_not_grow_with_how_deep_something_stands():
    size = 1_000_000
    node = helper.make_node("Warp", [], ["y"], domain="com.acme", text=b"a" * size)
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])]
    for _ in range(20):
        node = helper.make_node("If", ["c"], ["y"], then_branch=helper.make_graph([node], "g", [], result))
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    proto = helper.make_model(helper.make_graph([node], "g", [condition], result))
    tracemalloc.start()
    importer.build(proto)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < most < 6 * size


def test_bodies_stand_under_their_attributes_and_their_outer_tensors_are_captured():
    (op,) = build(BRANCHES).schedule
    assert [label for label, _ in op.bodies] == ["else_branch", "then_branch"]
    assert set(op.captures) == {"x", "w"}
    assert op.bodies[1][1].schedule[0].location == "net.onnx, node 0, then_branch, node 0"


def test_what_a_body_in_a_body_reads_is_captured_by_the_outer_operator_too():
    text = """
    g (bool c, float[2] x) => (float[2] y) {
        y = If (c) <
            then_branch = t () => (float[2] a) {
                a = If (c) <then_branch = i () => (float[2] b) { b = Relu(x) },
                            else_branch = j () => (float[2] d) { d = Neg(x) }>
            },
            else_branch = e () => (float[2] f) { f = Identity(x) }
        >
    }
    """
    assert set(build(text).schedule[0].captures) == {"c", "x"}


def test_a_name_that_no_surrounding_graph_has_is_refused():
    with pytest.raises(ModelError, match="'nowhere' is made by no layer"):
        build(BRANCHES.replace("Relu(x)", "Relu(nowhere)"))


FUNCTIONS = '<ir_version: 10, opset_import: ["" : 21, "local" : 1]>\n'
SCALED = """
g (float[2, 3] x) => (float[6] y) { y = local.Flat <to = [6]> (x) }
<domain: "local", opset_import: ["" : 21]>
Flat <to> (a) => (b) { s = Constant <value_ints: ints = @to> () r = Relu(a) b = Reshape(r, s) }
"""


def test_a_call_runs_the_functions_graph_under_its_own_attributes():
    analysis = run(SCALED, FUNCTIONS)
    assert shape(analysis, "y") == (6,)
    assert [row.name for row in analysis.rows] == [
        "Flat_0", "Flat_0/Constant_0", "Flat_0/Relu_1", "Flat_0/Reshape_2",
    ]  # fmt: skip
    assert analysis.complete
    assert analysis.work.compares == 2 * 3


def test_an_attribute_left_out_has_the_functions_default():
    text = SCALED.replace("local.Flat <to = [6]>", "local.Flat").replace("Flat <to>", "Flat <to: ints = [6]>")
    assert shape(run(text, FUNCTIONS), "y") == (6,)


def test_a_function_of_the_file_goes_before_a_rule():
    text = """
    g (float[2, 3] x) => (float[] y) { y = Relu(x) }
    <domain: "", opset_import: ["" : 21]> Relu (a) => (b) { b = Transpose(a) }
    """
    assert shape(run(text), "y") == (3, 2)


def test_a_function_has_its_own_operator_sets():
    """Squeeze takes its axes as an attribute before opset 13, as an input since."""
    text = """
    g (float[1, 3] x) => (float[3] y) { y = local.Drop(x) }
    <domain: "local", opset_import: ["" : 11]> Drop (a) => (b) { b = Squeeze <axes = [0]> (a) }
    """
    assert shape(run(text, FUNCTIONS), "y") == (3,)


def test_an_input_left_out_of_a_call_is_left_out_inside():
    text = """
    g (float[1, 4, 5, 5] x, float[2, 4, 3, 3] w) => (float[] y) { y = local.Layer(x, w) }
    <domain: "local", opset_import: ["" : 21]> Layer (a, k, bias) => (b) { b = Conv(a, k, bias) }
    """
    analysis = run(text, FUNCTIONS)
    assert analysis.work.adds == 0  # no bias
    assert analysis.work.macs == (2 * 3 * 3) * (4 * 3 * 3)


def test_a_weight_passed_to_a_function_counts_once_and_where_it_is_used():
    text = """
    g (float[1, 2] x) => (float[] y) <float[2, 2] w = {1, 2, 3, 4}> { h = local.Layer(x, w) y = local.Layer(h, w) }
    <domain: "local", opset_import: ["" : 21]> Layer (a, k) => (b) { b = MatMul(a, k) }
    """
    analysis = run(text, FUNCTIONS)
    assert analysis.parameters.total == 2 * 2
    assert analysis.parameters.rows == [0, 2 * 2, 0, 0]
    assert analysis.work.macs == 2 * (2 * 2)  # calls x product


def test_a_function_that_calls_itself_is_refused_with_the_chain():
    text = """
    g (float[2] x) => (float[2] y) { y = local.F(x) }
    <domain: "local", opset_import: ["" : 21, "local" : 1]> F (a) => (b) { b = local.G(a) }
    <domain: "local", opset_import: ["" : 21, "local" : 1]> G (a) => (b) { b = local.F(a) }
    """
    with pytest.raises(ModelError, match="a function calls itself: F -> G -> F"):
        build(text, FUNCTIONS)


def functions(count: int, calls: int) -> str:
    """Functions that each call the next so many times."""
    text = "g (float[2] x) => (float[2] y) { y = local.F0(x) }\n"
    for level in range(count):
        chain = ["a", *[f"t{at}" for at in range(calls - 1)], "b"]
        last = level == count - 1
        body = " ".join(f"{y} = {'Relu' if last else f'local.F{level + 1}'}({x})" for x, y in pairwise(chain))
        text += f'<domain: "local", opset_import: ["" : 21, "local" : 1]> F{level} (a) => (b) {{ {body} }}\n'
    return text


def test_functions_that_expand_beyond_bounds_are_refused_at_once():
    with pytest.raises(ModelError, match="more than 200,000 operators once its functions are expanded"):
        build(functions(10, 10), FUNCTIONS)  # 10**10 operators


def test_functions_nested_beyond_bounds_are_refused():
    with pytest.raises(ModelError, match="graphs nested deeper than 50"):
        build(functions(60, 1), FUNCTIONS)


def test_alike_calls_share_one_graph():
    first, second = build(functions(2, 2), FUNCTIONS).schedule[0].bodies[0][1].schedule
    assert first.bodies[0][1] is second.bodies[0][1]


# --- operators without a rule -----------------------------------------------------------------------------------------

UNRULED = '<ir_version: 10, opset_import: ["" : 21, "acme" : 1]>\n'


def test_an_operator_nobody_knows_is_named_and_its_declared_shape_is_taken():
    analysis = run("g (float[2] x) => (float[5] y) { y = acme.Warp(x) }", UNRULED)
    assert analysis.unknown == {"acme.Warp": 1}
    assert shape(analysis, "y") == (5,)
    assert analysis.rows[0].work is None


# --- forms of files ---------------------------------------------------------------------------------------------------


def test_a_file_may_be_compressed(tmp_path: Path):
    proto = graph([helper.make_node("Relu", ["x"], ["y"])])
    path = tmp_path / "net.onnx.gz"
    path.write_bytes(gzip.compress(proto.SerializeToString()))
    assert graphcost.load(path).inputs["x"].shape == (2, 3)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float):
    data = graph([helper.make_node("Relu", ["x"], ["y"])]).SerializeToString()
    path = tmp_path / "net.onnx"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError):
        graphcost.load(path)


def test_flipped_bits_never_end_in_anything_but_a_model_or_its_refusal(tmp_path: Path):
    data = parser.parse_model(HEAD + BRANCHES).SerializeToString()
    path = tmp_path / "net.onnx"
    refused = 0
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        try:
            analyze(graphcost.load(path)).to_dict()
        except ModelError as problem:
            assert "\n" not in str(problem)
            refused += 1
    assert 0 < refused < len(data)


@pytest.mark.parametrize(("dtype", "bits"), [(TensorProto.FLOAT16, 0x3E00), (TensorProto.BFLOAT16, 0x3FC0)])
def test_bits_of_16_bit_floats_are_decoded_in_both_fields(dtype, bits):
    """One and a half: exponent 15 of 5 bits, or 127 of 8, and the first bit of the fraction."""
    listed = TensorProto(dims=[1], data_type=dtype, int32_data=[bits])
    raw = TensorProto(dims=[1], data_type=dtype, raw_data=struct.pack("<H", bits))
    assert tensor_of(listed, "").value == tensor_of(raw, "").value == (1.5,)
