"""Receptive fields against the truth: which input elements change an output element when a network really runs.

Random small networks without biases and with positive weights are linear, so their answer to an image with a single 1
is what that element contributes; all of those images are one batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import graphcost

SIDE = 11


@dataclass
class Net:
    """A network being drawn: its nodes, its weights, and the extent of every map."""

    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    maps: dict[str, int] = field(default_factory=lambda: {"x": SIDE})
    exact: bool = True
    """Nothing in it leaves gaps, so the box is not only large enough but as small as can be."""

    def constant(self, value: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, *inputs: str, **attrs: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attrs))
        return name

    def kernel(self, size: int) -> str:
        return self.constant(np.full((1, 1, size, size), 1 / size, np.float32))


def convolution(net: Net, x: str, draw: Any) -> tuple[str, int]:
    k, s, d = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    room = net.maps[x] + before + after - d * (k - 1) - 1
    if room < 0:
        return x, net.maps[x]
    net.exact = net.exact and d == 1 and k >= s
    y = net.add("Conv", x, net.kernel(k), strides=[s, s], dilations=[d, d], pads=[before, before, after, after])
    return y, room // s + 1


def pool(net: Net, x: str, draw: Any) -> tuple[str, int]:
    k, s, up = draw(st.integers(2, 3)), draw(st.integers(1, 2)), draw(st.integers(0, 1))
    room = net.maps[x] - k
    if room < 0:
        return x, net.maps[x]
    y = net.add("AveragePool", x, kernel_shape=[k, k], strides=[s, s], ceil_mode=up)
    return y, (-(-room // s) if up else room // s) + 1


def transposed(net: Net, x: str, draw: Any) -> tuple[str, int]:
    s = draw(st.integers(1, 2))
    k = draw(st.integers(s, 4))
    p = draw(st.integers(0, min(1, k - 1)))
    extent = s * (net.maps[x] - 1) + k - 2 * p
    if not 0 < extent <= 24:
        return x, net.maps[x]
    net.exact = False
    return net.add("ConvTranspose", x, net.kernel(k), strides=[s, s], pads=[p] * 4), extent


def upsampled(net: Net, x: str, draw: Any) -> tuple[str, int]:
    if net.maps[x] > 12:
        return x, net.maps[x]
    net.exact = False
    mode = draw(st.sampled_from(["nearest", "linear"]))
    factor = draw(st.sampled_from([2, 3] if mode == "nearest" else [2]))
    where = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"} if mode == "nearest" else {}
    scales = net.constant(np.array([1, 1, factor, factor], np.float32))
    return net.add("Resize", x, "", scales, mode=mode, **where), net.maps[x] * factor


def cropped(net: Net, x: str, draw: Any) -> tuple[str, int]:
    extent = draw(st.integers(1, net.maps[x]))
    start = draw(st.integers(0, net.maps[x] - extent))
    bounds = [net.constant(np.array(pair, np.int64)) for pair in ([start] * 2, [start + extent] * 2, [2, 3])]
    return net.add("Slice", x, *bounds), extent


def joined(net: Net, x: str, draw: Any) -> tuple[str, int]:
    alike = [name for name, extent in net.maps.items() if extent == net.maps[x]]
    return net.add("Add", x, draw(st.sampled_from(alike))), net.maps[x]


@st.composite
def networks(draw: Any) -> tuple[Net, str]:
    net, x = Net(), "x"
    steps = [convolution, convolution, pool, transposed, upsampled, cropped, joined]
    for _ in range(draw(st.integers(1, 5))):
        y, extent = draw(st.sampled_from(steps))(net, x, draw)
        net.maps[y] = extent
        x = draw(st.sampled_from(list(net.maps))) if draw(st.integers(0, 4)) == 0 else y
    return net, y if y != "x" else net.add("Identity", "x")


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(networks(), st.data())
def test_what_changes_an_output_lies_in_its_box(tmp_path: Path, drawn: tuple[Net, str], data: Any) -> None:
    net, last = drawn
    extent = net.maps.get(last, SIDE)
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])
    result = helper.make_tensor_value_info(last, TensorProto.FLOAT, None)
    graph = helper.make_graph(net.nodes, "net", [image], [result], net.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    batch = np.eye(SIDE * SIDE, dtype=np.float32).reshape(-1, 1, SIDE, SIDE)
    (answer,) = session.run([last], {"x": batch})
    assert answer.shape[2:] == (extent, extent)
    position = data.draw(st.tuples(st.integers(0, extent - 1), st.integers(0, extent - 1)))
    rows, columns = np.divmod(np.flatnonzero(answer[:, 0, position[0], position[1]]), SIDE)

    fields = graphcost.analyze(graphcost.load(tmp_path / "net.onnx"), dims={"N": 1}).receptive_fields
    box = fields.box(last, position)
    if not len(rows):
        return  # nothing but padding is seen
    assert box is not None
    hull = ((rows.min(), rows.max()), (columns.min(), columns.max()))
    for (low, high), (first, final) in zip(box, hull, strict=True):
        assert low <= first and final <= high
        if net.exact:
            assert (low, high) == (first, final)
