"""The walk over protobuf's wire format: names told from the rest of a node, and every way to a tensor."""

from __future__ import annotations

from typing import Any

import onnx
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from graphcost.importers import wire

PAYLOAD = ("float_data", "int32_data", "string_data", "int64_data", "raw_data", "double_data", "uint64_data")

NAMES = st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(["x" * 127, "y" * 128, "z" * 16384])


@given(st.lists(NAMES, max_size=3), st.lists(NAMES, max_size=3), NAMES)
def test_the_names_of_a_node_are_told_from_what_it_says_besides(
    inputs: list[str], outputs: list[str], name: str
) -> None:
    said = helper.make_node("Conv", [], [], group=2, pads=[1, 1])
    node = helper.make_node("Conv", inputs, outputs, name, group=2, pads=[1, 1])
    names = tuple(inputs), tuple(outputs), name
    assert wire.split_names(node.SerializeToString()) == (names, said.SerializeToString())


@given(st.binary(max_size=40), st.integers(0, 60))
def test_names_that_go_past_the_end_of_a_node_are_left_to_protobuf(said: bytes, length: int) -> None:
    node = b"\x0a\x01a\x12" + wire.varint(max(length, len(said) + 1)) + said
    for cut in (node, node[:4], node[:3] + b"\x0a\xff", node[:1]):
        assert wire.split_names(cut) == (((), (), ""), cut)


def test_a_name_that_is_not_text_is_read_all_the_same() -> None:
    assert wire.split_names(b"\x0a\x02a\xff\x22\x04Relu") == ((("a\ufffd",), (), ""), b"\x22\x04Relu")


def test_the_walk_knows_every_way_to_a_tensor() -> None:
    """Against onnx's own description: a field through which a tensor is reached must be in the table, no other."""
    names = {
        "ModelProto": "model",
        "GraphProto": "graph",
        "NodeProto": "node",
        "AttributeProto": "attribute",
        "FunctionProto": "function",
        "TrainingInfoProto": "training info",
        "SparseTensorProto": "sparse tensor",
        "TensorProto": "tensor",
    }

    def reaches_tensor(message: Any, above: tuple[str, ...] = ()) -> bool:
        if message.name in above:
            return False
        parts = (field.message_type for field in message.fields if field.message_type)
        return message.name == "TensorProto" or any(reaches_tensor(part, (*above, message.name)) for part in parts)

    for name, kind in names.items():
        fields = [f for f in getattr(onnx, name).DESCRIPTOR.fields if f.message_type and kind != "tensor"]
        ways = {f.number: names[f.message_type.name] for f in fields if reaches_tensor(f.message_type)}
        assert wire.PARTS[kind] == ways
    data = [f for f in TensorProto.DESCRIPTOR.fields if f.name in PAYLOAD]
    assert frozenset(f.number for f in data) == wire.TENSOR_PAYLOAD
