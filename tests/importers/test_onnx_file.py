"""Reading .onnx files without their weights, and saying what is wrong with the files that cannot be read."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from graphcost import limits
from graphcost.errors import ModelError
from graphcost.importers import onnx as importer
from graphcost.importers import onnx_file, wire
from graphcost.importers.field_counter import FieldCounter
from graphcost.importers.source import open_source

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
PAYLOAD = ("float_data", "int32_data", "string_data", "int64_data", "raw_data", "double_data", "uint64_data")


def model(*nodes: onnx.NodeProto, weights: Any = (), sparse: Any = (), functions: Any = ()) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, FLOAT, ["N", 4]) for name in "xy")
    body = nodes or (helper.make_node("Relu", ["x"], ["y"], name="relu"),)
    graph = helper.make_graph(body, "g", [x], [y], list(weights), sparse_initializer=list(sparse))
    return helper.make_model(graph, functions=list(functions))


def filled(count: int, dtype: Any = np.float32, name: str = "w") -> TensorProto:
    return numpy_helper.from_array(np.ones(count, dtype), name)


def constant(tensor: TensorProto, output: str = "c") -> onnx.NodeProto:
    return helper.make_node("Constant", [], [output], value=tensor)


def whole(structure: onnx_file.Structure) -> onnx.ModelProto:
    """The model with its nodes in their place."""
    message = onnx.ModelProto()
    message.CopyFrom(structure.model)
    message.graph.node.extend(map(structure.node, range(len(structure.nodes))))
    return message


def stripped(message: onnx.ModelProto, threshold: int | None = None) -> onnx.ModelProto:
    return whole(onnx_file.decode(message.SerializeToString(), threshold))


def tensors(message: Any) -> Iterator[TensorProto]:
    """Every tensor anywhere in a message, found through protobuf's own description of it."""
    if isinstance(message, TensorProto):
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if hasattr(value, "append") else [value]:
                yield from tensors(part)


def has_payload(tensor: TensorProto) -> bool:
    return any(field.name in PAYLOAD for field, _ in tensor.ListFields())


def without_payloads(message: onnx.ModelProto) -> onnx.ModelProto:
    """What reading must give at threshold 0, made the long way from the message with all its weights."""
    copy = onnx.ModelProto()
    copy.CopyFrom(message)
    for tensor in tensors(copy):
        for field in (*PAYLOAD, "doc_string"):
            if field != "doc_string" or len(tensor.doc_string) > limits.KEEP_OTHERS:
                tensor.ClearField(field)
    return copy


def branching(tensor: TensorProto) -> onnx.NodeProto:
    """An If whose branches hold a Constant each."""
    y = helper.make_tensor_value_info("b", FLOAT, None)
    then, other = (helper.make_graph([constant(tensor, "b")], name, [], [y]) for name in ("then", "else"))
    return helper.make_node("If", ["condition"], ["y"], then_branch=then, else_branch=other)


def function(tensor: TensorProto) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 17)]
    default = helper.make_attribute("table", tensor)
    return helper.make_function("local", "F", ["x"], ["c"], [constant(tensor)], opsets, attribute_protos=[default])


def sparse(values: TensorProto, indices: TensorProto) -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(values, indices, [10_000])


def training(tensor: TensorProto) -> onnx.ModelProto:
    message = model()
    message.training_info.add().algorithm.initializer.append(tensor)
    return message


BIG = filled(1000)  # 4,000 bytes of raw_data
MODELS = {
    "no weights": model(),
    "initializer": model(weights=[BIG, filled(3, name="small"), filled(1000, np.int8, "bytes")]),
    "two constants": model(constant(BIG), constant(filled(2000, name="v"), "d")),
    "branch": model(branching(BIG)),
    "branch in branch": model(branching(filled(1)), helper.make_node("F", [], [], g=model(branching(BIG)).graph)),
    "function": model(functions=[function(BIG)]),
    "sparse initializer": model(sparse=[sparse(filled(1000), filled(1000, np.int64, "at"))]),
    "sparse constant": model(
        helper.make_node("Constant", [], ["c"], sparse_value=sparse(filled(1000), filled(1000, np.int64, "at")))
    ),
    "tensors attribute": model(helper.make_node("F", [], [], domain="com.acme", all=[BIG, BIG])),
    "training": training(BIG),
}


@pytest.mark.parametrize("message", MODELS.values(), ids=MODELS)
def test_structure_is_that_of_the_file_and_no_payload_is_left_at_threshold_zero(message: onnx.ModelProto) -> None:
    assert stripped(message, 0) == without_payloads(message)


@pytest.mark.parametrize("message", MODELS.values(), ids=MODELS)
def test_nothing_changes_when_everything_is_below_the_threshold(message: onnx.ModelProto) -> None:
    data, rest = message.SerializeToString(), onnx.ModelProto()
    rest.CopyFrom(message)
    del rest.graph.node[:]
    assert wire.strip(data, 10**6) == (rest.SerializeToString(), [n.SerializeToString() for n in message.graph.node])
    assert stripped(message, 10**6) == message


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"no weights"}))
def test_every_large_float_payload_is_dropped_wherever_it_stands(name: str) -> None:
    large = [t for t in tensors(stripped(MODELS[name])) if t.data_type == FLOAT and t.dims[0] >= 1000]
    assert large
    assert not any(has_payload(tensor) for tensor in large)


@pytest.mark.parametrize(
    ("tensor", "kept"),
    [
        (filled(2048, np.int64), True),  # 2048 x 8 = 16 KiB
        (filled(2049, np.int64), False),
        (filled(4096, np.int32), True),  # 4096 x 4 = 16 KiB
        (filled(4097, np.int32), False),
        (filled(256, np.float32), True),  # 256 x 4 = 1 KiB
        (filled(257, np.float32), False),
        (filled(1025, np.int8), False),  # quantised weights
        (helper.make_tensor("w", FLOAT, [256], [1.0] * 256), True),
        (helper.make_tensor("w", FLOAT, [257], [1.0] * 257), False),
        (helper.make_tensor("w", INT64, [16384], [1] * 16384), True),  # a byte each as varints
        (helper.make_tensor("w", INT64, [16385], [1] * 16385), False),
        (helper.make_tensor("w", TensorProto.DOUBLE, [129], [1.0] * 129), False),
        (helper.make_tensor("w", TensorProto.UINT64, [1025], [1] * 1025), False),
        (helper.make_tensor("w", TensorProto.FLOAT16, [1025], [1.0] * 1025), False),
        (helper.make_tensor("w", STRING, [16], np.array([b"s" * 64] * 16)), True),  # 16 x 64 = 1 KiB
        (helper.make_tensor("w", STRING, [17], np.array([b"s" * 64] * 17)), False),
    ],
    ids=lambda value: f"{TensorProto.DataType.Name(value.data_type)}-{value.dims}" if hasattr(value, "dims") else None,
)
def test_a_payload_is_kept_or_dropped_whole_by_its_size_and_type(tensor: TensorProto, kept: bool) -> None:
    (read,) = stripped(model(weights=[tensor])).graph.initializer
    assert has_payload(read) is kept
    if kept:
        assert read == tensor
    else:
        assert (read.name, read.dims, read.data_type) == (tensor.name, tensor.dims, tensor.data_type)


def test_elements_of_old_encoders_that_stand_one_by_one_are_one_payload() -> None:
    """float_data may come unpacked, a key for each element: 300 of them are 1,200 bytes."""
    tensor = TensorProto(name="w", dims=[300], data_type=FLOAT)
    one = b"\x25\x00\x00\x80\x3f"  # field 4, 32 bits, 1.0
    body = tensor.SerializeToString() + one * 300
    graph = b"\x2a" + wire.varint(len(body)) + body
    (read,) = onnx_file.decode(b"\x3a" + wire.varint(len(graph)) + graph).model.graph.initializer
    assert read == tensor


def test_a_node_cut_short_is_refused_though_all_nodes_say_the_same(tmp_path: Path) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"]).SerializeToString()] * 2
    graph = b"".join(b"\x0a" + wire.varint(len(node)) + node for node in nodes)
    data = bytearray(b"\x3a" + wire.varint(len(graph)) + graph)
    data[-len(nodes[1]) + 1] = 100  # the length of its input's name
    said = reading(bytes(data), tmp_path)
    assert said.startswith(f":byte {len(data) - len(nodes[1])}: truncated: field 1 of a node of 100 bytes goes past")
    with pytest.raises(ModelError, match="truncated: field 1 of a node"):
        importer.read(open_source(tmp_path / "m.onnx"))


def test_external_data_is_described_and_not_opened(tmp_path: Path) -> None:
    tensor = TensorProto(name="w", dims=[1 << 30], data_type=FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="absent.bin")
    tensor.doc_string = "d" * 2000  # long enough to be looked into
    onnx.save(model(weights=[tensor]), tmp_path / "m.onnx")
    (read,) = onnx_file.read(open_source(tmp_path / "m.onnx")).model.graph.initializer
    assert [(entry.key, entry.value) for entry in read.external_data] == [("location", "absent.bin")]
    assert not has_payload(read)


def attribute(**value: Any) -> AttributeProto:
    """The attribute as read back from a model with a node that has it."""
    ((read,),) = (node.attribute for node in stripped(model(helper.make_node("F", [], [], **value))).graph.node)
    assert isinstance(read, AttributeProto)
    return read


def test_an_attribute_list_of_some_size_is_kept() -> None:
    assert attribute(table=list(range(100_000))).ints == list(range(100_000))


@pytest.mark.parametrize(
    "value",
    [[0.5] * (limits.KEEP_ATTRIBUTE // 5 + 1), [b"s" * 1000] * 5000, b"s" * (limits.KEEP_ATTRIBUTE + 1)],
    ids=["floats", "strings", "string"],
)
def test_an_attribute_too_large_to_keep_is_told_from_an_empty_one(value: Any) -> None:
    read = attribute(table=value)
    assert read == AttributeProto(name="table", type=AttributeProto.UNDEFINED)


def test_a_large_tensor_in_a_larger_attribute_is_dropped() -> None:
    read = attribute(value=filled(limits.KEEP_ATTRIBUTE))  # 4 bytes each: four times what is kept of a list
    assert (read.t.dims, read.t.raw_data, read.type) == ([limits.KEEP_ATTRIBUTE], b"", AttributeProto.TENSOR)


def test_weights_are_not_touched(tmp_path: Path) -> None:
    """200 MB of weights, a hole in the file: what Python allocates is the structure."""
    size = 200_000_000
    field = b"\x4a" + wire.varint(size)  # raw_data
    head = TensorProto(name="w", dims=[size // 4], data_type=FLOAT).SerializeToString() + field
    initializer = b"\x2a" + wire.varint(len(head) + size) + head
    nodes = model().graph.SerializeToString()
    graph = nodes + initializer
    file = tmp_path / "sparse.onnx"
    with file.open("wb") as out:
        out.write(b"\x08\x08\x3a" + wire.varint(len(graph) + size) + graph)
        out.truncate(out.tell() + size)
    onnx_file.messages()
    tracemalloc.start()
    try:
        message = onnx_file.read(open_source(file)).model
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert message.graph.initializer[0].dims == [50_000_000]
    assert peak < 1_000_000


@pytest.mark.parametrize("first", ["", "import onnx\n"], ids=["alone", "after onnx"])
def test_messages_are_the_very_classes_of_onnx(first: str) -> None:
    program = f"""{first}
from graphcost.importers import onnx_file
made = onnx_file.messages().ModelProto()
import onnx
assert type(made) is onnx.ModelProto
assert onnx.onnx_ml_pb2.NodeProto is onnx_file.messages().NodeProto
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_reading_imports_neither_onnx_nor_numpy(tmp_path: Path) -> None:
    onnx.save(model(weights=[BIG]), tmp_path / "m.onnx")
    program = f"""
import sys
from graphcost.importers import onnx_file, source
assert onnx_file.read(source.open_source({str(tmp_path / "m.onnx")!r})).node(0).op_type == "Relu"
assert not {{"onnx", "numpy"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# Files that cannot be read.


def reading(data: bytes, tmp_path: Path) -> str:
    """What is said about a file with these bytes."""
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelError) as caught:
        whole(onnx_file.read(open_source(tmp_path / "m.onnx")))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(tmp_path / "m.onnx"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ": the file is empty"),
        (
            b"\x08\x08\x3a\x80\x20" + b"\x0a\x00" * 5,
            ":byte 2: truncated: a graph of 4096 bytes goes past the end of the file (15 bytes)",
        ),
        (b"\x08\x08\x3a\xff\xff", ":byte 3: truncated: an integer goes past the end of the file (5 bytes)"),
        (b"\x08" + b"\xff" * 11, ":byte 1: an integer of more than ten bytes"),
        (b"\x08\x08\x02\x00", ":byte 2: field number 0 in a model"),
        (b"\x08\x08\x0b\x0c", ":byte 2: wire type 3 in a model, which model files do not use"),
        (b"\x08\x08\x38\x01", ":byte 2: wire type 0 for a graph, which is length-delimited"),
        (b"\x08\x08", ": not an ONNX model, or a truncated one: it has no graph"),
        (
            b"\x08\x08\x3a\x05\x0a\x03\x0a\x07x\x28\x01",
            ":byte 6: truncated: field 1 of a node of 7 bytes goes past the end of what holds it (byte 9)",
        ),
        (b"not found", ':1: not an ONNX model as text: Message type "onnx.ModelProto" has no field named "not".'),
    ],
)
def test_a_malformed_file_is_told_by_place_and_reason(data: bytes, said: str, tmp_path: Path) -> None:
    assert reading(data, tmp_path) == said


def test_a_truncated_payload_is_told_by_its_size(tmp_path: Path) -> None:
    """The file was cut short and its outer lengths mended: only the payload's own length is wrong."""
    tensor = TensorProto(name="w" * 2000, dims=[1024], data_type=FLOAT).SerializeToString() + b"\x4a\x80\x20abc"
    graph = b"\x2a" + wire.varint(len(tensor)) + tensor
    said = reading(b"\x3a" + wire.varint(len(graph)) + graph, tmp_path)
    assert said.endswith("truncated: a tensor's payload of 4096 bytes goes past the end of the file (2020 bytes)")


def nested(depth: int) -> bytes:
    """A node whose attribute is a graph with a node whose attribute is a graph ..."""
    data = b""
    for level in range(depth):
        data = (b"\x0a", b"\x32", b"\x2a")[level % 3] + wire.varint(len(data)) + data  # node, g, attribute
    return b"\x3a" + wire.varint(len(data)) + data


@pytest.mark.parametrize("depth", [100, 1000, 100_000 // 3])
def test_nesting_is_bounded(depth: int, tmp_path: Path) -> None:
    assert "more than 100 messages within one another" in reading(nested(depth - depth % 3 + 1), tmp_path)


def test_a_flood_of_empty_nodes_is_refused_before_protobuf_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FIELDS", 1000)
    nodes = b"\x0a\x00" * 1001
    assert "more than 1,000 nodes" in reading(b"\x3a" + wire.varint(len(nodes)) + nodes, tmp_path)


def test_what_no_payload_can_hide_in_is_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bytes make an extent without a value, for which protobuf takes a hundred; numbers in a list take eight."""
    monkeypatch.setattr(limits, "MAX_FIELDS", 1000)
    flood, numbers = model(), model(constant(filled(4)))
    flood.graph.input.add(name="x").type.tensor_type.shape.dim.extend([onnx.TensorShapeProto.Dimension()] * 1001)
    numbers.graph.node[0].attribute.add(name="list", type=onnx.AttributeProto.INTS, ints=[1] * 2001)
    files = [tmp_path / "flood.onnx", tmp_path / "numbers.onnx"]
    for file, message in zip(files, (flood, numbers), strict=True):
        file.write_bytes(message.SerializeToString())
    assert whole(onnx_file.read(open_source(files[1]))) == numbers
    with pytest.raises(ModelError, match="more than 1,000 nodes"):
        onnx_file.read(open_source(files[0]))


def test_only_nodes_that_are_asked_for_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand nodes that say the same have the fields of one: input, output, type."""
    relus = [helper.make_node("Relu", [f"x{at}" if at else "x"], [f"x{at + 1}"]) for at in range(1000)]
    onnx.save(model(*relus), tmp_path / "m.onnx")
    top = len(relus) + 30  # each is a field of the graph all the same
    monkeypatch.setattr(limits, "MAX_FIELDS", top)
    assert len(importer.read(open_source(tmp_path / "m.onnx")).schedule) == 1000
    flood = helper.make_node("F", [], [])
    flood.attribute.extend([AttributeProto()] * top)
    onnx.save(model(*relus, flood), tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=f"byte [0-9]+: more than {top:,} nodes, tensors and other parts"):
        importer.read(open_source(tmp_path / "m.onnx"))


def test_a_structure_beyond_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_STRUCTURE", 500)
    for message in (model(), model(weights=[BIG])):
        message.producer_name = "p" * 500
        assert reading(message.SerializeToString(), tmp_path) == (
            ": more than 500 bytes even without its weights; --limit structure=... allows more"
        )


def test_a_model_cut_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    """Only where a cut leaves whole fields behind the graph is there still a model."""
    data = model(constant(filled(4)), branching(filled(2)), weights=[filled(300)]).SerializeToString()
    message = onnx.ModelProto.FromString(data)
    read = 0
    for size in range(len(data)):
        (tmp_path / "m.onnx").write_bytes(data[:size])
        try:
            cut = whole(onnx_file.read(open_source(tmp_path / "m.onnx")))
        except ModelError as error:
            assert error.reason
        else:
            read += 1
            assert cut.graph.node == message.graph.node
    assert 1 <= read < 10


FLIPPED = model(constant(filled(40)), branching(filled(300)), functions=[function(BIG)], weights=[filled(300)])


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 7)), min_size=1, max_size=5),
    st.sampled_from([None, 0, 100]),
)
def test_flipped_bits_are_read_or_refused(flips: list[tuple[int, int]], threshold: int | None) -> None:
    data = bytearray(FLIPPED.SerializeToString())
    for position, bit in flips:
        data[position] ^= 1 << bit
    try:
        message = whole(onnx_file.decode(bytes(data), threshold))
    except ModelError as error:
        assert error.reason
    else:
        assert message.HasField("graph")


# Text.


@pytest.mark.parametrize(
    "text",
    [
        'ir_version: 8 graph { name: "g" node { input: "x" output: "y" op_type: "Relu" } }',
        '# a comment\n<ir_version: 8, opset_import: ["": 17]>\ng (float[N] x) => (float[N] y) { y = Relu(x) }',
        "g (float[N] x) => (float[N] y) { y = Relu(x) }",
    ],
    ids=["protobuf text", "onnx syntax", "onnx syntax without a header"],
)
def test_text_models_are_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text(text)
    read = whole(onnx_file.read(open_source(tmp_path / "m.txt")))
    assert (read.graph.name, [node.op_type for node in read.graph.node]) == ("g", ["Relu"])


DEEPER = "node { attribute { g { "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "ir_version: 8\nfoo: 3\n",
            ':2: not an ONNX model as text: Message type "onnx.ModelProto" has no field named "foo".',
        ),
        ("ir_version: 8\n", ": not an ONNX model, or a truncated one: it has no graph"),
        ("\n\n", ": not an ONNX model, or a truncated one: it has no graph"),
        ("ir_version: 8\n\xff", ":2: not text: the bytes are not UTF-8"),
        (
            "<ir_version: 8>\ng (int8[N] x => (y) {}",
            ":2: Error parsing TensorProto shape (expected numeric dimension).",
        ),
        ("graph { " + DEEPER * 5000, ": more than 100 messages within one another"),
        ("graph { " + DEEPER * 50 + "} } } " * 50 + "}", ": more than 100 messages within one another"),
    ],
)
def test_text_that_is_no_model_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError) as caught:
        whole(onnx_file.read(open_source(tmp_path / "m.txt")))
    assert str(caught.value).endswith(said)


def test_where_the_onnx_package_does_not_run_its_own_syntax_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a browser, where its messages are there and its compiled part is not."""
    monkeypatch.setitem(sys.modules, "onnx", ModuleType("absent"))
    text = b'<ir_version: 8, opset_import: ["" : 17]>\ng (float[2] x) => (float[2] y) { y = Relu(x) }'
    with pytest.raises(
        ModelError, match="<bytes>: ONNX's own syntax cannot be read where the onnx package does not run"
    ):
        onnx_file.read(open_source(text))


def test_without_the_onnx_package_it_is_said_how_to_get_it(root: Path) -> None:
    """In one line, as a file that cannot be read and no fault of graphcost's own."""
    code = (
        "import importlib.util as util, sys\nfrom graphcost import cli\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'onnx' else find(name, *rest)\n"
        "sys.exit(cli.main(['onnx_models/vgg16.onnx']))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert "is not installed: pip install onnx" in run.stderr


def test_no_more_fields_are_counted_than_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 400 weights of 9 fields, 8 and their own, in 23 bytes each, (400 x 23 / 2 - 4,000) / (23 / 2 - 9) = 240 are
    counted for a bound of 4,000: the others are too short to reach it.
    """
    weights = [TensorProto(name=f"w{at:03}", data_type=1, dims=[1] * 5, doc_string="d") for at in range(400)]
    data = model(weights=weights).SerializeToString()
    monkeypatch.setattr(limits, "MAX_FIELDS", 4000)
    counter = FieldCounter("m.onnx")
    counter.add(data, onnx.ModelProto.DESCRIPTOR)
    assert 240 * 9 < counter.seen < 260 * 9
    assert 4000 - 23 < counter.seen + counter.possible <= 4000
