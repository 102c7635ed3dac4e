"""What no rule answers for: every rule is taken away in turn, and the report must say that something is missing."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
import pytest
from onnx import helper

import graphcost
from graphcost import ops, rules
from graphcost.importers import caffe
from graphcost.importers import onnx as importer
from graphcost.rules import Rule
from harness import HEAD, layer, proto


def network(rule: Rule) -> graphcost.Model:
    """A network of one operator of the rule's kind, with as many inputs as it needs."""
    inputs = max(rule.min_inputs, 1)
    if rule.kind.startswith("caffe."):
        text = HEAD + layer("asked", rule.kind.removeprefix("caffe."), " ".join(["data"] * inputs))
        return caffe.read(text, "net.prototxt")
    domain, _, name = rule.kind.rpartition(".")
    asked = helper.make_node(name, ["x"] * inputs, ["y"], name="asked", domain=domain)
    return importer.build(proto([asked], {"x": (1, 4, 8, 8)}, ["y"], domains=[domain] if domain else ()))


def is_defined(kind: str) -> bool:
    """Whether the standard defines it by simpler operators, whose rules answer where it has none."""
    if kind.startswith("caffe.") or not onnx.defs.has(kind):
        return False
    schema = onnx.defs.get_schema(kind)
    return bool(schema.has_function or schema.has_context_dependent_function)


def operators() -> Iterator[Rule]:
    """A rule of every kind; layers of Caffe that bring data from outside are inputs, and no operator of the network."""
    for rule in {rule.kind: rule for rule in ops.known()}.values():
        if not is_defined(rule.kind) and any(op.name == "asked" for op in network(rule).dag):
            yield rule


@pytest.mark.parametrize("rule", [*operators()], ids=lambda rule: rule.kind)
def test_without_its_rule_an_operator_is_named_and_the_totals_are_lower_bounds(rule: Rule, scratch_rules: None) -> None:
    model = network(rule)
    del rules._table[rule.kind]
    analysis = graphcost.analyze(model)
    row = analysis["asked"]
    assert row.work is None and row.status != "known"
    assert not analysis.complete and analysis.unknown == {row.op.type: 1}
    table = analysis.report(columns=["name", "macs", "ops"]).render("md").splitlines()
    assert [line.count(">= 0") for line in table if line.startswith("| total")] == [2]
    assert analysis.to_dict()["coverage"]["unknown_ops"] == {row.op.type: 1}
