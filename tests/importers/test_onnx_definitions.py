"""What the onnx package answers for operators that have no rule."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from onnx import parser

from graphcost import analyze
from graphcost.dims import symbol
from graphcost.graph import Op, Tensor
from graphcost.importers import onnx as importer
from graphcost.importers import onnx_definitions
from graphcost.importers.onnx_definitions import OnnxDefinitions
from harness import onnx_before

LIBRARY = OnnxDefinitions()
OPSETS = {"": 21, "ai.onnx.ml": 3}


def op(kind: str, inputs: int, **attrs: Any) -> Op:
    return Op("op", kind, tuple(f"x{at}" for at in range(inputs)), ("y",), attrs)


def kinds(operator: Op, *inputs: Tensor | None, opsets: dict[str, int] = OPSETS) -> list[str]:
    model = LIBRARY.expand(operator, inputs, opsets)
    assert model is not None
    return [inner.kind for inner in model.schedule]


def test_an_operator_that_onnx_defines_by_others_is_expanded():
    assert "HardSigmoid" in kinds(op("HardSwish", 1), Tensor((2, 3)))


def test_attributes_left_out_have_the_schemas_defaults():
    model = LIBRARY.expand(op("Celu", 1), (Tensor((2, 3)),), OPSETS)
    assert model is not None
    assert all("alpha" not in inner.attrs or inner.attrs["alpha"] == 1.0 for inner in model.schedule)


def test_a_definition_that_depends_on_the_call_is_made_for_it():
    x, scale = Tensor((2, 3)), Tensor((3,))
    without, with_bias = op("LayerNormalization", 2), op("LayerNormalization", 3)
    assert len(kinds(with_bias, x, scale, scale)) == len(kinds(without, x, scale)) + 1  # it adds the bias


@pytest.mark.parametrize("kind", ["Conv", "acme.Warp", "com.microsoft.Attention"])
def test_what_onnx_does_not_define_is_not_expanded(kind: str):
    assert LIBRARY.expand(op(kind, 1), (Tensor((2, 3)),), OPSETS) is None


def test_shapes_are_those_of_the_packages_own_inference():
    shapes = LIBRARY.shapes(op("Transpose", 1, perm=(1, 0)), (Tensor((2, symbol("N"))),), OPSETS)
    assert shapes == (Tensor((symbol("N"), 2)),)


def test_contents_steer_the_packages_inference():
    target = Tensor((2,), "int64", (3, -1))
    assert LIBRARY.shapes(op("Reshape", 2), (Tensor((2, 6)), target), OPSETS) == (Tensor((3, 4)),)


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [
        (op("acme.Warp", 1), (Tensor((2,)),)),
        (op("MatMul", 2), (Tensor((2, 3)), Tensor((2, 3)))),  # contradictory
        (op("Transpose", 1, perm="no"), (Tensor((2, 3)),)),
        (op("Conv", 0), ()),
    ],
)
def test_what_it_cannot_answer_is_none(operator: Op, inputs: tuple[Tensor, ...]):
    assert LIBRARY.shapes(operator, inputs, OPSETS) is None


ATTENTION = """
<ir_version: 10, opset_import: ["" : 23, "ai.onnx.preview" : 1]>
g (float[1, 2, 4, 8] q, float[1, H, 6, 8] k) => (float[] y, float[1, 2, 4, 8] z) {
  y = ai.onnx.preview.FlexAttention(q, k, k)
  z = Relu(q)
}"""


@pytest.mark.skipif(onnx_before(1, 22), reason="the onnx package does not define the operator so")
def test_a_definition_that_does_not_fit_its_inputs_costs_one_row_and_not_the_report():
    """FlexAttention has no rule; the operators that onnx defines it by refuse three heads beside two."""
    model = importer.build(parser.parse_model(ATTENTION), "net.onnx")
    fitting, other = (analyze(model, dims={"H": heads}) for heads in (2, 3))
    assert fitting.complete and fitting.tensors["y"].shape == (1, 2, 4, 8)
    assert [row.status for row in other.rows] == ["unknown", "known"]


def test_an_expansion_stands_where_its_operator_does():
    operator = op("HardSwish", 1)
    operator.location = "net.onnx, node 7"
    model = LIBRARY.expand(operator, (Tensor((2, 3)),), OPSETS)
    assert model is not None
    assert model.schedule[0].location == "net.onnx, node 7, node 0"


@pytest.mark.parametrize("version", [2**31, 2**40, -1, 0, -(2**63)])
def test_versions_that_no_operator_set_has_define_nothing(version: int):
    for domain in ("", "ai.onnx.preview."):
        operator = op(f"{domain}FlexAttention", 1)
        opsets = {"": version, "ai.onnx.preview": version}
        assert LIBRARY.expand(operator, (Tensor((2, 3)),), opsets) is None
        assert LIBRARY.shapes(operator, (Tensor((2, 3)),), opsets) is None


def test_where_the_package_does_not_run_nothing_is_known_of_an_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a browser, where its messages are there and its compiled part is not."""
    monkeypatch.setitem(sys.modules, "onnx", ModuleType("absent"))
    monkeypatch.setattr(onnx_definitions, "_schema_of", onnx_definitions._schema_of.__wrapped__)  # and not remembered
    celu = op("Celu", 1)
    assert LIBRARY.expand(celu, (Tensor((2, 3)),), OPSETS) is None
    assert LIBRARY.shapes(celu, (Tensor((2, 3)),), OPSETS) is None
