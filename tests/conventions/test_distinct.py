"""Rows that tools do not tell apart are asked about once, and what the tools count is the same as row by row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from graphcost import Analysis, Metric, analyze, conventions
from graphcost.conventions.distinct import distinct
from graphcost.sections.reconcile import reasons
from harness import HEAD, conv, layer, run

CHAIN = HEAD + conv("c0") + "".join(layer(f"r{at}", "ReLU", f"r{at - 1}" if at else "c0") for at in range(50))
LOOP = """g (int64 n, bool c, float[4, 4] x) => (float[4, 4] y, float[4, 4] z) { z = Relu(x) w = Relu(z) y = Loop (n, c, w) <
    body = b (int64 i, bool k, float[4, 4] p) => (bool k2, float[4, 4] q) { k2 = Identity(k)  t = MatMul(p, p)  q = Relu(t) } > }"""


def metrics() -> list[Metric]:
    """All of the conventions that come along."""
    return [metric for convention in conventions.known() for metric in convention.metrics if metric.per_signature]


def check(analysis: Analysis) -> None:
    for metric in metrics():
        alone = replace(metric, per_signature=False)
        assert metric.total(analysis) == alone.total(analysis), metric.key
        assert reasons(analysis, metric) == reasons(analysis, alone), metric.key


@pytest.mark.parametrize("path", ["prototxt/det1.prototxt", "prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx"])
def test_tools_count_the_same_of_the_samples(root: Path, path: str) -> None:
    check(analyze(root / path))


@pytest.mark.parametrize("options", [{}, {"values": {"n": 3}}], ids=["open", "three"])
def test_tools_count_the_same_of_bodies(options: dict[str, dict[str, int]]) -> None:
    check(run(LOOP, **options))


def test_layers_that_repeat_are_asked_about_once() -> None:
    """A convolution and 50 alike."""
    analysis = analyze(CHAIN.encode())
    assert [count for _, count in distinct(analysis)] == [1, 50]
    asked: list[str] = []
    metric = Metric("m", "", "", lambda row: asked.append(row.name) or 1, per_signature=True)
    assert metric.total(analysis) == 51 and asked == ["c0", "r0"]


def test_a_metric_of_somebody_else_is_asked_about_each_row() -> None:
    """It may look at names."""
    metric = Metric("m", "", "", lambda row: int(row.name == "r7"))
    assert metric.total(analyze(CHAIN.encode())) == 1


def test_rows_with_other_weights_are_told_apart() -> None:
    net = HEAD + conv("a") + conv("b", fields="kernel_size: 3 bias_term: false")
    assert [count for _, count in distinct(analyze(net.encode()))] == [1, 1]
