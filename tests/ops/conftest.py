"""Rules asked as the engine asks them, and held against what the onnx package calculates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import harness
from graphcost import Facts, Tensor
from graphcost.dims import Undecided
from graphcost.graph import UnknownShape

DEFINED = 21  # the newest version that onnx 1.16 defines

FactsOf = Callable[..., Facts]


def _tensor(array: np.ndarray[Any, Any] | None) -> Tensor | None:
    return None if array is None else Tensor(array.shape, str(array.dtype), tuple(array.ravel().tolist()))


def _calculate(kind: str, arrays: tuple[Any, ...], opset: int, outputs: int, attrs: dict[str, Any]) -> list[Any]:
    """The operator's results by the onnx package's own definition."""
    names = [f"i{at}" if array is not None else "" for at, array in enumerate(arrays)]
    given = {name: array for name, array in zip(names, arrays, strict=True) if name}
    results = [f"o{at}" for at in range(outputs)]
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
    ]
    declared = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in results]
    graph = helper.make_graph([helper.make_node(kind, names, results, **attrs)], "g", inputs, declared)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    return list(ReferenceEvaluator(model).run(None, given))


@pytest.fixture(scope="session")
def facts_of() -> FactsOf:
    """The facts of an operator: `facts_of("Relu", tensor, opset=13)`."""
    return harness.facts_of


@pytest.fixture(scope="session")
def agrees() -> Callable[..., Facts]:
    """FactsOf with contents that are known and with some that are not; compare with what the onnx package calculates.

    Known contents must give the very shape and, unless `followed` is False, the contents. Of unknown contents every
    extent must be the true one or open. Returns the facts of the first.
    """

    def check(
        kind: str, *arrays: Any, opset: int = DEFINED, outputs: int = 1, followed: bool = True, **attrs: Any
    ) -> Facts:
        expected = _calculate(kind, arrays, opset, outputs, attrs)
        tensors = [_tensor(array) for array in arrays]
        facts = harness.facts_of(kind, *tensors, opset=opset, outputs=outputs, **attrs)
        for tensor, array in zip(facts.outputs, expected, strict=True):
            assert tensor.shape == np.shape(array)
            assert tensor.dtype == str(np.asarray(array).dtype)
            if followed:
                assert tensor.value is not None
                assert np.array_equal(np.array(tensor.value), np.ravel(array), equal_nan=True)
            assert tensor.value is None or len(tensor.value) == np.size(array)
        for hidden in range(len(tensors)):
            blind = [t and replace(t, value=None) if at == hidden else t for at, t in enumerate(tensors)]
            try:
                outputs_then = harness.facts_of(kind, *blind, opset=opset, outputs=outputs, **attrs).outputs
            except (UnknownShape, Undecided):
                continue
            for tensor, array in zip(outputs_then, expected, strict=True):
                assert tensor.rank == np.ndim(array)
                pairs = zip(tensor.shape, np.shape(array), strict=True)
                assert all(known == true for known, true in pairs if isinstance(known, int))
        return facts

    return check
