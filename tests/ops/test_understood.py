"""What a rule reads of an operator, what it lists as harmless, and that nothing of the formats' own is left over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnx.defs
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

from graphcost import NO_WORK, Facts, Tensor, Window, ops
from graphcost.graph import Unread
from graphcost.rules import HARMLESS, Rule, lookup, not_understood, rule
from graphcost.windows import NOT_KNOWN

X = Tensor((2, 3))


def schemas() -> Iterator[tuple[str, int, Any]]:
    """Every operator of the onnx package and of onnxruntime's own domains, with each version of its set."""
    own = [schema for schema in get_all_operator_schema() if schema.domain.startswith("com.")]
    for schema in [*onnx.defs.get_all_schemas_with_history(), *own]:
        kind = f"{schema.domain}.{schema.name}" if schema.domain else schema.name
        yield kind, schema.since_version, schema


def test_every_attribute_of_a_schema_is_read_or_listed_as_harmless() -> None:
    """Graphs apart: those are bodies, which the engine runs or counts as unknown."""
    left = set()
    for kind, version, schema in schemas():
        found = ops.find(kind, version)
        names = {name for name, each in schema.attributes.items() if "GRAPH" not in str(each.type)}
        if found is not None and not found.takes_any:
            left |= {(kind, name) for name in names - found.keywords - found.harmless - HARMLESS}
    assert left == set()


def test_every_input_of_a_schema_is_taken() -> None:
    short = set()
    for kind, version, schema in schemas():
        found = ops.find(kind, version)
        if found is not None and found.max_inputs is not None and found.max_inputs < schema.max_input:
            short.add((kind, version, found.max_inputs, schema.max_input))
    assert short == set()


@pytest.fixture
def acme(scratch_rules: None) -> Rule:
    @rule("com.acme.Slide", fields=("kernel", "stride"), harmless=("engine",))
    def slide(x: Tensor, y: Tensor | None = None, *, group: int = 1, outputs: int = 1, **fields: int) -> Facts:
        return Facts((x,) * outputs, NO_WORK)

    found = lookup("com.acme.Slide", 1)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("attrs", "inputs", "reason"),
    [
        (("kernel", "stride", "group", "engine"), (X,), ""),
        (("consumed_inputs", "message", "_note"), (X,), ""),
        (("strid",), (X,), "field strid is not understood (nearest: stride)"),
        (("engin",), (X,), "field engin is not understood (nearest: engine)"),
        (("output",), (X,), "field output is not understood"),
        ((), (X, X, X), "takes at most 2 inputs and has 3"),
        ((), (X, X, None), ""),
    ],
)
def test_what_is_not_understood_is_named(
    acme: Rule, attrs: tuple[str, ...], inputs: tuple[Tensor | None, ...], reason: str
) -> None:
    assert not_understood(acme, dict.fromkeys(attrs, 1), inputs) == reason


def test_a_rule_that_takes_any_field_understands_all(scratch_rules: None) -> None:
    @rule("com.acme.Any")
    def anything(x: Tensor, **fields: int) -> Facts:
        return Facts((x,), NO_WORK)

    found = lookup("com.acme.Any", 1)
    assert found is not None and not_understood(found, {"whatever": 1}, (X,)) == ""


def test_a_field_too_large_to_be_read_is_not_understood_unless_it_is_harmless(acme: Rule) -> None:
    assert not_understood(acme, {"kernel": Unread()}, (X,)) == "attribute kernel is too large to be read"
    assert not_understood(acme, {"engine": Unread()}, (X,)) == ""


def test_only_an_elementwise_operator_keeps_its_shapes_where_a_field_is_not_understood() -> None:
    """Its outputs are as its inputs; the blobs and the cost are not certain either way."""
    sliding = Window((3,), (1,), (1,), (1,))
    assert Facts((X,), NO_WORK, weights=(X,), elementwise=True).shapes_alone() == Facts((X,), None, NOT_KNOWN)
    assert Facts((X,), NO_WORK, sliding).shapes_alone() is None


def test_what_has_no_default_is_required(acme: Rule) -> None:
    concat = ops.find("Concat", 13)
    assert concat is not None and concat.required == {"axis"}
    assert acme.required == set()
