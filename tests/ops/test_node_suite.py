"""The node tests of the ONNX project, as the onnx package makes them: every operator, with results that were computed.

What the files declare of the results is taken out, so that rules alone answer. Small contents, which steer shapes, are
put in as initializers, as exporters do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from onnx.defs import get_all_schemas_with_history
from onnx.helper import np_dtype_to_tensor_dtype

import graphcost
from graphcost.graph import element_type
from graphcost.importers.onnx import build
from graphcost.ops import find

pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # they divide by zero on purpose
    pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="its cases are made with numpy 2"),
]

STEERING = 16  # elements of a list of sizes, axes or scales, at most
DECIDED_BY_DATA = {"ImageDecoder", "NonMaxSuppression", "NonZero", "StringNormalizer", "StringSplit", "Unique"}
DEFINED_COSTLIER = {"test_affine_grid_2d", "test_affine_grid_2d_align_corners"}
"""Their definition makes a volume of the plane: 3 x 4 products at every point, where 2 x 3 are needed."""


@dataclass(frozen=True)
class Result:
    case: str
    maker: str
    """The operator that makes the tensor."""
    true: tuple[int, ...]
    ours: tuple[Any, ...] | None
    true_dtype: str
    dtype: str


def model_of(case: Any) -> tuple[ModelProto, dict[str, tuple[int, ...]]]:
    """The case's model without declared results, and the shapes of its inputs."""
    model = ModelProto.FromString(case.model.SerializeToString())
    del model.graph.value_info[:]
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            output.type.tensor_type.ClearField("shape")
    shapes = {}
    for info, given in zip(model.graph.input, case.data_sets[0][0], strict=True):
        if not isinstance(given, np.ndarray | np.generic):
            continue
        shapes[info.name] = np.shape(given)
        if np.ndim(given) < 2 and np.size(given) <= STEERING and np.asarray(given).dtype.kind in "biufV":
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(given), info.name))
    return model, shapes


@pytest.fixture(scope="module")
def analyses() -> dict[str, tuple[Any, graphcost.Analysis]]:
    found = {}
    for case in collect_testcases(None):
        proto, shapes = model_of(case)
        model = build(proto, case.name)
        given = {name: shapes[name] for name in model.inputs if name in shapes}
        found[case.name] = case, graphcost.analyze(model, shapes=given)
    return found


@pytest.fixture(scope="module")
def results(analyses: dict[str, tuple[Any, graphcost.Analysis]]) -> list[Result]:
    return [result for case, analysis in analyses.values() for result in compared(case, analysis)]


def compared(case: Any, analysis: graphcost.Analysis) -> Iterator[Result]:
    maker = {name: row.op.type for row in analysis.rows for name in row.op.outputs}
    for info, true in zip(case.model.graph.output, case.data_sets[0][1], strict=True):
        if isinstance(true, np.ndarray | np.generic):
            tensor = analysis.tensors[info.name]
            true_dtype = element_type(np_dtype_to_tensor_dtype(np.asarray(true).dtype))
            ours = tensor.shape if tensor.ranked else None
            yield Result(case.name, maker.get(info.name, ""), np.shape(true), ours, true_dtype, tensor.dtype)


def is_open(result: Result) -> bool:
    return result.ours is None or not all(isinstance(extent, int) for extent in result.ours)


def test_no_shape_is_wrong(results: list[Result]) -> None:
    assert [result for result in results if not is_open(result) and result.ours != result.true] == []
    assert len(results) > 1000


def test_only_what_data_decides_is_left_open(results: list[Result]) -> None:
    assert {result.maker for result in results if is_open(result)} <= DECIDED_BY_DATA


def test_the_rank_is_known_even_then(results: list[Result]) -> None:
    assert [result for result in results if result.ours is None or len(result.ours) != len(result.true)] == []


def test_no_element_type_is_wrong(results: list[Result]) -> None:
    assert [result for result in results if result.dtype != result.true_dtype] == []


@pytest.mark.slow
def test_a_rule_multiplies_as_often_as_the_definition_of_its_operator(
    analyses: dict[str, tuple[Any, graphcost.Analysis]],
) -> None:
    """Many operators are defined by a graph of simpler ones, which the suite holds beside them."""
    pairs = [(name, name.removesuffix("_expanded")) for name in analyses if name.endswith("_expanded")]
    macs = [(of, *(analyses[name][1].work.macs for name in (expanded, of))) for expanded, of in pairs]
    unlike = [(of, theirs, ours) for of, theirs, ours in macs if theirs != ours]
    assert [found for found in unlike if found[0] not in DEFINED_COSTLIER] == []
    assert sum(ours != 0 for _, _, ours in macs) > 50


def test_every_standard_operator_has_a_rule_in_each_of_its_versions() -> None:
    standard = [schema for schema in get_all_schemas_with_history() if schema.domain in ("", "ai.onnx.ml")]
    kinds = {(f"{s.domain}.{s.name}".lstrip("."), s.since_version) for s in standard if not s.deprecated}
    assert len(kinds) > 400
    assert {kind for kind, version in kinds if find(kind, version) is None} == set()
