"""Layers under the roofs of a device, against numbers worked out by hand."""

from __future__ import annotations

from math import log10
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.page.figure import OPEN
from graphcost.page.scatter import RADIUS, Scatter, scatter
from graphcost.target import Target
from harness import HEAD, conv, layer

CONV = conv("conv", fields="kernel_size: 3 stride: 2 pad: 1", top="c")
POOL = layer("pool", "Pooling", "c", "pooling_param { kernel_size: 2 }", "p")
DEVICE = """title = "A device"
source = ["made up"]
bandwidth = {bandwidth}
fast_memory = 0
[macs]
float32 = {peak}
"""


@pytest.fixture
def drawn(net: Any, tmp_path: Path) -> Any:
    """The scatter of a network on a device of so many MACs and bytes a second."""

    def draw(text: str, peak: float, bandwidth: float, **options: Any) -> Scatter | None:
        (tmp_path / "device.toml").write_text(DEVICE.format(peak=peak, bandwidth=bandwidth))
        return scatter(net(text, target=Target(device=str(tmp_path / "device.toml")), **options))

    return draw


def middle(found: Scatter) -> tuple[float, float]:
    (mark,) = found.chart.marks
    return mark.x + RADIUS, mark.y + RADIUS


def test_a_layer_that_memory_binds_lies_on_the_slope(drawn: Any) -> None:
    """64 x 27 MACs on 4 x (192 + 112 + 64) bytes: 1.17 a byte; 1,000 bytes a second let pass 1,174 MACs."""
    found = drawn(HEAD + CONV, peak=1e6, bandwidth=1e3)
    box = found.chart.box
    assert [tick.text for tick in found.chart.across] == ["1", "10", "100", "1 k"]  # the ridge: 1e6 / 1e3
    assert [tick.text for tick in found.chart.up] == ["1 k", "10 k", "100 k", "1 M"]
    share = log10(1728 / 1472) / 3
    assert middle(found) == pytest.approx(
        (box.left + share * (box.right - box.left), box.bottom - share * (box.bottom - box.top)), abs=0.01
    )
    slope = found.roofs[0]
    assert slope.path == f"M{box.left} {box.bottom}L{box.right} {box.top}" and slope.text == "1.0 kB/s"


def test_a_layer_that_arithmetic_binds_lies_under_the_flat_roof(drawn: Any) -> None:
    found = drawn(HEAD + CONV, peak=1e3, bandwidth=1e6)
    flat = found.roofs[1]
    assert flat.text == "1.0 kMAC/s in float32"
    assert flat.path.endswith(f" {middle(found)[1]:g}H{found.chart.box.right}")
    assert flat.beyond.startswith(f"M{found.chart.box.left} {middle(found)[1]:g}H")
    assert found.chart.marks[0].title == "conv (Convolution 3x3/2): 1.2 MACs per byte, at least 1.7 s, compute-bound"


def test_the_ridge_is_inside_the_drawing_where_every_layer_lies_far_beyond_it(drawn: Any) -> None:
    """1e3 MACs and 1e6 bytes a second: the roofs meet at 0.001 MACs a byte, and the layer has 1.17."""
    found = drawn(HEAD + CONV, peak=1e3, bandwidth=1e6)
    assert [tick.text for tick in found.chart.across] == ["0.001", "0.01", "0.1", "1", "10"]
    assert found.roofs[1].path.startswith(f"M{found.chart.box.left} ")


def test_layers_without_macs_are_counted_but_not_drawn(drawn: Any) -> None:
    found = drawn(HEAD + CONV + POOL, peak=1e6, bandwidth=1e3)
    assert len(found.chart.marks) == 1
    assert found.chart.caption.endswith("Not shown: 1 layer without MACs or of unknown cost.")


def test_there_is_none_without_a_device_or_macs_and_nothing_in_it_while_sizes_are_open(net: Any, drawn: Any) -> None:
    assert scatter(net(HEAD + CONV)) is None
    assert drawn(HEAD + POOL.replace('"c"', '"data"'), peak=1e6, bandwidth=1e3) is None
    waiting = drawn(HEAD + CONV, peak=1e6, bandwidth=1e3, shapes={"data": (1, 3, "H", "W")})
    assert (waiting.chart.marks, waiting.roofs, waiting.chart.caption) == ((), (), OPEN)


@pytest.mark.parametrize("device", ["raspberry-pi-4", "a100", "laptop-cpu"])
@pytest.mark.parametrize("sample", ["prototxt/vgg16.prototxt", "onnx_models/retinaface.onnx"])
def test_nothing_stands_outside_the_drawing(device: str, sample: str, root: Path) -> None:
    found = scatter(graphcost.analyze(graphcost.load(root / sample), target=Target(device=device)))
    assert found is not None
    box = found.chart.box
    for mark in found.chart.marks:
        assert box.left <= mark.x + RADIUS <= box.right and box.top <= mark.y + RADIUS <= box.bottom
    for roof in found.roofs:
        assert box.left < roof.x <= box.right and 0 < roof.y < box.bottom
