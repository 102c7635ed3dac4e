"""Where the charts' marks stand, against numbers worked out by hand, and what holds for the charts of every sample."""

from __future__ import annotations

from math import log10
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.target import Target
from harness import HEAD, conv, layer

CONV = conv("a/conv", fields="kernel_size: 3 stride: 2 pad: 1", top="c")
RELU = layer("a/relu", "ReLU", "c", tops="r")
FC = layer("b/fc", "InnerProduct", "r", "inner_product_param { num_output: 10 }", "f")
MYSTERY = layer("m", "Mystery", "r")
POOL = layer("pool", "Pooling", "c", "pooling_param { kernel_size: 2 }", "p")
SAMPLES = ("prototxt/det1.prototxt", "prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx")

WIDE, HALF, NARROW = (72, 12, 1180, 206), (72, 12, 570, 206), (166, 0, 408)
"""Left, top, right and bottom of where marks stand in a chart of the full width and of half of it; of shares."""
DEVICE = """title = "A device"
source = ["made up"]
bandwidth = {bandwidth}
fast_memory = 0
[macs]
float32 = {peak}
"""
MARKS = """(key) => [...document.querySelectorAll(`figure[data-chart="${key}"] .marks rect`)].map((mark) => ({
    ...Object.fromEntries(["x", "y", "width", "height"].map((name) => [name, Number(mark.getAttribute(name))])),
    row: Number(mark.dataset.row), style: mark.getAttribute("class"), says: mark.textContent}))"""
TICKS = """([key, side]) => [...document.querySelectorAll(`figure[data-chart="${key}"] .${side} text`)].map((text) =>
    [text.textContent, Number(text.getAttribute(side === "up" ? "y" : "x")) - (side === "up" ? 4 : 0)])"""


def marks(page: Any, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(MARKS, key)
    return found


def ticks(page: Any, key: str, side: str) -> dict[str, float]:
    return dict(page.evaluate(TICKS, [key, side]))


def caption(page: Any, key: str) -> str:
    text: str = page.locator(f'figure[data-chart="{key}"] .caption').text_content()
    return text


@pytest.fixture
def small(net: Any, open_report: Any) -> Any:
    """3x8x8 -> convolution 4x4x4, 1,728 MACs -> ReLU -> 10 features, 640 MACs."""
    return open_report(net(HEAD + CONV + RELU + FC))


def test_a_bar_is_as_high_as_its_share_of_the_axis_and_stands_at_the_number_of_its_layer(small: Any) -> None:
    left, top, right, bottom = WIDE
    convolution, dense = marks(small, "cost")
    assert list(ticks(small, "cost", "up")) == ["0", "500", "1 k", "1.5 k", "2 k"]
    assert convolution["height"] == pytest.approx((bottom - top) * (4 * 4 * 4) * (3 * 3 * 3) / 2000, abs=0.01)
    assert dense["height"] == pytest.approx((bottom - top) * (4 * 4 * 4) * 10 / 2000, abs=0.01)
    assert convolution["y"] + convolution["height"] == pytest.approx(bottom, abs=0.01)
    middles = [mark["x"] + mark["width"] / 2 for mark in (convolution, dense)]
    slot = (right - left) / 3  # layers
    assert middles == pytest.approx([left + slot * 0.5, left + slot * 2.5], abs=0.01)
    assert ticks(small, "cost", "across") == pytest.approx(
        {str(at + 1): left + slot * (at + 0.5) for at in range(3)}, abs=0.01
    )
    assert convolution["says"] == "a/conv (Convolution 3x3/2): 1.7 k MACs, 73.0%"  # 1728 / (1728 + 640)
    assert [mark["style"] for mark in (convolution, dense)] == ["k0", "k1"]
    legend = small.locator('figure[data-chart="cost"] .legend li').all_inner_texts()
    assert legend == ["convolution", "matmul / fully connected"]


def test_shares_are_as_long_as_they_are_beside_the_largest(small: Any) -> None:
    """2 x 1,728 + 64 biases; 64 comparisons; 2 x 640 + 10."""
    left, _, right = NARROW
    expected = [(right - left) * each / 3520 for each in (3520, 1290, 64)]
    assert [mark["width"] for mark in marks(small, "types")] == pytest.approx(expected, abs=0.01)
    texts = small.locator('figure[data-chart="types"] svg text').all_text_contents()
    total = 3520 + 64 + 1290
    shares = [f"{100 * part / total:.1f}%" for part in (3520, 1290, 64)]
    assert texts == ["Convolution", shares[0], "InnerProduct", shares[1], "ReLU", shares[2]]


def test_a_share_leads_to_the_largest_layer_of_its_group(net: Any, open_report: Any) -> None:
    """64 x 27 against 16 x 36."""
    second = CONV.replace("a/conv", "a/conv2").replace('bottom: "data" top: "c"', 'bottom: "r" top: "c2"')
    assert marks(open_report(net(HEAD + CONV + RELU + second)), "types")[0]["row"] == 0


def test_what_is_not_known_stands_as_high_as_the_plot_and_says_so(net: Any, open_report: Any) -> None:
    page = open_report(net(HEAD + CONV + RELU + MYSTERY))
    (mark,) = [mark for mark in marks(page, "cost") if mark["style"] == "unknown"]
    assert (mark["row"], mark["says"]) == (2, "m: MACs unknown")
    assert (mark["y"], mark["height"]) == (12, 194)


def test_the_memory_is_an_area_of_steps_with_its_peak_marked(net: Any, open_report: Any) -> None:
    page = open_report(net(HEAD + CONV + FC.replace('"r"', '"c"')))
    left, top, right, bottom = 72, 28, 570, 206
    alive = [192 + 64, 64 + 10]  # elements: data and c, c and f
    assert list(ticks(page, "memory", "up")) == ["0", "256 B", "512 B", "768 B", "1 KiB"]
    heights = [mark["height"] for mark in marks(page, "memory")]
    assert heights == pytest.approx([(bottom - top) * 4 * each / 1024 for each in alive], abs=0.01)
    path = page.locator(".area").get_attribute("d")
    assert path.startswith(f"M{left} {bottom}V{top}H") and path.endswith(f"H{right}V{bottom}Z")  # 1,024 reach the top
    peak = page.locator(".peak text")
    assert (peak.text_content(), peak.get_attribute("text-anchor")) == ("peak 1.0 KiB at a/conv", "start")
    assert page.locator(".peak circle").get_attribute("cy") == str(top)


def test_many_layers_share_bars_and_the_caption_says_how_many(net: Any, open_report: Any) -> None:
    """Three to a bar, one in the last: 1,108 pixels have room for 443; in the memory five: 498 have room for 199."""
    text = "".join(
        f'layer {{ name: "r{at}" type: "ReLU" bottom: "{f"t{at - 1}" if at else "data"}" top: "t{at}" }}\n'
        for at in range(895)
    )
    page = open_report(net(HEAD + text))
    found = marks(page, "cost")
    assert len(found) == 299 and caption(page, "cost") == "3 layers per bar."
    assert found[0]["says"].startswith("layers 1 to 3, elementwise: 576 ops")  # 3 x 192
    assert found[-1]["says"].startswith("r894 (ReLU): 192 ops")
    assert len(marks(page, "memory")) == 179 and caption(page, "memory") == "Maximum of 5 steps."


def test_many_groups_are_cut_and_the_rest_is_summed(net: Any, open_report: Any) -> None:
    text = "".join(
        f'layer {{ name: "block{at}/r" type: "ReLU" bottom: "{f"t{at - 1}" if at else "data"}" top: "t{at}" }}\n'
        for at in range(20)
    )
    page = open_report(net(HEAD + text))
    assert len(marks(page, "scopes")) == 12 + 1
    assert page.locator('figure[data-chart="scopes"] svg text').all_text_contents()[-2:] == ["8 others", "40.0%"]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_stands_outside_the_drawing_and_bars_sum_to_the_total(
    sample: str, width: int, root: Path, open_report: Any
) -> None:
    analysis = graphcost.analyze(graphcost.load(root / sample))
    page = open_report(analysis, width=width)
    boxes = {"cost": WIDE if width == 1280 else HALF, "params": HALF, "memory": (72, 28, 570, 206)}
    for key, (left, top, right, bottom) in boxes.items():
        for mark in marks(page, key):
            assert left - 0.01 <= mark["x"] <= mark["x"] + mark["width"] <= right + 0.02
            assert top - 0.01 <= mark["y"] <= mark["y"] + mark["height"] <= bottom + 0.02
        assert all(left <= at <= right for at in ticks(page, key, "across").values())
    largest = max(marks(page, "params"), key=lambda mark: mark["height"])
    column = [graphcost.columns.find("learned_params").value(analysis, at) for at in range(len(analysis.rows))]
    if caption(page, "params") == "":  # a bar each
        total = sum(mark["height"] for mark in marks(page, "params"))
        assert total == pytest.approx(sum(column) * largest["height"] / column[largest["row"]], rel=0.01)


@pytest.fixture
def roofline(net: Any, open_report: Any, tmp_path: Path) -> Any:
    """The page of a network on a device of so many MACs and bytes a second."""

    def draw(text: str, peak: float, bandwidth: float) -> Any:
        (tmp_path / "device.toml").write_text(DEVICE.format(peak=peak, bandwidth=bandwidth))
        return open_report(net(text, target=Target(device=str(tmp_path / "device.toml"))))

    return draw


ROOFS = """() => [...document.querySelectorAll(".roofs path")].map((path) => path.getAttribute("d"))"""


def test_a_layer_that_memory_binds_lies_on_the_slope(roofline: Any) -> None:
    """64 x 27 MACs on 4 x (192 + 112 + 64) bytes: 1.17 a byte; 1,000 bytes a second let pass 1,174 MACs."""
    page = roofline(HEAD + CONV, peak=1e6, bandwidth=1e3)
    left, top, right, bottom = 72, 20, 1180, 306
    across = ["1", "2", "5", "10", "20", "50", "100", "200", "500", "1 k"]  # the ridge: 1e6 / 1e3
    assert list(ticks(page, "roofline", "across")) == across
    assert list(ticks(page, "roofline", "up")) == [f"{each} k" for each in across[:-1]] + ["1 M"]
    share = log10(1728 / 1472) / 3
    (mark,) = marks(page, "roofline")
    middle = mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2
    assert middle == pytest.approx((left + share * (right - left), bottom - share * (bottom - top)), abs=0.02)
    assert page.evaluate(ROOFS)[0] == f"M{left} {bottom}L{right} {top}"
    assert page.locator(".roofs text").first.text_content() == "1.0 kB/s"


def test_a_layer_that_arithmetic_binds_lies_under_the_flat_roof(roofline: Any) -> None:
    """1e3 MACs and 1e6 bytes a second: the roofs meet at 0.001 MACs a byte, and the layer has 1.17."""
    page = roofline(HEAD + CONV, peak=1e3, bandwidth=1e6)
    (mark,) = marks(page, "roofline")
    height = f"{mark['y'] + mark['height'] / 2:g}"
    _, flat, beyond = page.evaluate(ROOFS)
    assert flat == f"M72 {height}H1180" and beyond == f"M72 {height}H72"
    assert list(ticks(page, "roofline", "across")) == ["0.001", "0.01", "0.1", "1", "10"]
    assert mark["says"] == "a/conv (Convolution 3x3/2): 1.2 MACs per byte, at least 1.7 s, compute-bound"
    assert page.locator(".roofs text").last.text_content() == "1.0 kMAC/s in float32"


def test_a_narrow_span_of_speeds_fills_the_roofline(root: Path, open_report: Any) -> None:
    """A microcontroller's 168 M MACs a second, and layers that memory leaves 100 M of them."""
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(graphcost.analyze(model, target=Target(device="cortex-m4")))
    assert list(ticks(page, "roofline", "up")) == ["100 M", "120 M", "150 M", "200 M"]
    heights = [mark["y"] for mark in marks(page, "roofline")]
    assert max(heights) - min(heights) > 286 / 2  # of the drawing's height


def test_layers_without_macs_are_counted_but_not_drawn(roofline: Any) -> None:
    page = roofline(HEAD + CONV + POOL, peak=1e6, bandwidth=1e3)
    assert len(marks(page, "roofline")) == 1
    assert caption(page, "roofline").endswith("Not shown: 1 layer without MACs or of unknown cost.")
