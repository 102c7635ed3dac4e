"""What a network holds quantised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import ModelError, Target
from harness import HEAD, conv, layer, run_weighted

INT8 = Target(quantize="int8")


def test_int8_weights_have_a_scale_for_each_channel_and_int32_biases(net: Any) -> None:
    """4 x 27 int8 weights, 4 float32 scales, 4 int32 biases; the activations take a byte an element."""
    analysis = net(HEAD + conv("a"), target=INT8)
    assert analysis.parameters.nbytes == 108 + 4 * 4 + 4 * 4
    assert analysis.parameters.bytes_by_dtype == {"int8": 108, "int32": 16, "float32": 16}
    assert analysis.memory.peak_bytes == 3 * 64 + 4 * 36
    assert analysis.total("macs") == net(HEAD + conv("a")).total("macs") and analysis.complete


def test_batch_normalisation_is_folded_first(net: Any) -> None:
    text = HEAD + conv("a", fields="kernel_size: 3 bias_term: false") + layer("bn", "BatchNorm", "a")
    assert net(text, target=INT8).parameters.nbytes == 108 + 4 * 4 + 4 * 4


def test_other_weights_have_one_scale(net: Any) -> None:
    assert net(HEAD + layer("p", "PReLU"), target=INT8).parameters.nbytes == 3 + 4


def test_a_matrix_has_a_scale_for_each_column() -> None:
    graph = "g (float[2, 8] x, float[8, 5] wa) => (float[2, 5] y) { y = MatMul(x, wa) }"
    assert run_weighted(graph, target=INT8).parameters.nbytes == 40 + 5 * 4


def test_what_is_quantised_already_stays() -> None:
    graph = """g (float[2, 8] x, int8[8, 5] wa, float ws) => (float[2, 5] y) {
        d = DequantizeLinear(wa, ws) y = MatMul(x, d)
    }"""
    analysis, before = run_weighted(graph, target=INT8), run_weighted(graph)
    assert analysis.parameters.nbytes == before.parameters.nbytes


def test_groups_have_a_scale_and_a_zero_point_each() -> None:
    """Of 70 inputs 3 groups of 32 for each of 5 columns: half a byte a weight, float32 scales, 3 half bytes in 2."""
    graph = "g (float[2, 70] x, float[70, 5] wa, float[5] wb) => (float[2, 5] y) { m = MatMul(x, wa) y = Add(m, wb) }"
    analysis = run_weighted(graph, target=Target(weights_dtype="int4:32"))
    assert analysis.parameters.nbytes == 5 * 96 // 2 + 5 * 3 * 4 + 5 * 2 + 5 * 4
    half = run_weighted(graph, target=Target(weights_dtype="int4:32", dtype="float16"))
    assert half.parameters.nbytes == 5 * 96 // 2 + 5 * 3 * 2 + 5 * 2 + 5 * 2


@pytest.mark.parametrize("sample", ["retinaface.onnx", "vgg16.onnx"])
@pytest.mark.parametrize("target", [INT8, Target(weights_dtype="int4:32"), Target(fold_bn=True)])
def test_nothing_else_of_a_network_changes(sample: str, target: Target, root: Path) -> None:
    model = graphcost.load(root / "onnx_models" / sample)
    plain, converted = graphcost.analyze(model), graphcost.analyze(model, target=target)
    assert converted.complete and converted.total("macs") == plain.total("macs")
    assert {name: t.shape for name, t in converted.tensors.items()} == {n: t.shape for n, t in plain.tensors.items()}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"quantize": "int7"}, "no choice 'int7'; there is int8"),
        ({"quantize": "int8", "dtype": "float16"}, "says the types of all"),
        ({"weights_dtype": "int4:0"}, "should be one of int8, uint8, int4"),
        ({"weights_dtype": "float16:32"}, "should be one of"),
        ({"weights_dtype": "int4:x"}, "should be one of"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, str], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        Target(**options)
