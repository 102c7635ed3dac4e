"""The geometry of the charts, against numbers worked out by hand, and what holds for the charts of every sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.page.bars import bar_chart
from graphcost.page.charts import Charts
from graphcost.page.figure import HEIGHT, OPEN, WIDE, Box, Chart, Mark, shorten
from graphcost.page.kinds import KINDS
from graphcost.page.liveness import anchor
from graphcost.page.shares import MAX_GROUPS, Shares, scopes, share_chart
from harness import HEAD, conv, layer

CONV = conv("a/conv", fields="kernel_size: 3 stride: 2 pad: 1", top="c")
RELU = layer("a/relu", "ReLU", "c", tops="r")
FC = layer("b/fc", "InnerProduct", "r", "inner_product_param { num_output: 10 }", "f")
MYSTERY = layer("m", "Mystery", "r")

OPEN_SIZES = {"shapes": {"data": (1, 3, "H", "W")}}

SAMPLES = (
    "prototxt/det1.prototxt",
    "prototxt/ssd300.prototxt",
    "prototxt/vgg16.prototxt",
    "onnx_models/retinaface.onnx",
)


@pytest.fixture
def small(net: Any) -> Charts:
    """3x8x8 -> convolution 4x4x4, 1,728 MACs -> ReLU -> 10 features, 640 MACs."""
    return Charts(net(HEAD + CONV + RELU + FC))


def bars(chart: Chart) -> list[Mark]:
    return [mark for mark in chart.marks if mark.style != "unknown"]


def all_charts(drawn: Charts) -> list[Chart]:
    return [drawn.layers, drawn.parameters, drawn.memory.chart]


def all_shares(drawn: Charts) -> list[Shares]:
    return [drawn.types, *filter(None, (drawn.scopes, drawn.weights))]


def test_a_bar_is_as_high_as_its_share_of_the_axis(small: Charts) -> None:
    chart = small.layers
    plot = chart.box.bottom - chart.box.top
    convolution, dense = bars(chart)
    assert [tick.text for tick in chart.up] == ["0", "500", "1 k", "1.5 k", "2 k"]
    assert convolution.height == pytest.approx(plot * (4 * 4 * 4) * (3 * 3 * 3) / 2000, abs=0.01)
    assert dense.height == pytest.approx(plot * (4 * 4 * 4) * 10 / 2000, abs=0.01)
    assert convolution.y + convolution.height == pytest.approx(chart.box.bottom)


def test_bars_stand_at_the_number_of_their_layer(small: Charts) -> None:
    chart = small.layers
    slot = (chart.box.right - chart.box.left) / 3  # layers
    middles = [mark.x + mark.width / 2 for mark in bars(chart)]
    assert middles == pytest.approx([chart.box.left + slot * 0.5, chart.box.left + slot * 2.5], abs=0.01)
    assert [tick.at for tick in chart.across] == pytest.approx(
        [chart.box.left + slot * at for at in (0.5, 1.5, 2.5)], abs=0.01
    )


def test_a_bar_says_its_layer_its_value_and_its_share(small: Charts) -> None:
    assert bars(small.layers)[0].title == "a/conv (Convolution 3x3/2): 1.7 k MACs, 73.0%"  # 1728 / (1728 + 640)


def test_a_chart_in_words_names_the_total_and_the_most(small: Charts) -> None:
    assert small.layers.summary == (
        "MACs of 3 layers in execution order: total 2.4 k, largest 1.7 k (73.0%) in a/conv."
    )


def test_bars_have_the_colour_of_their_kind_and_the_legend_names_those(small: Charts) -> None:
    assert [mark.style for mark in bars(small.layers)] == ["k0", "k1"]
    assert KINDS[:2] == ("convolution", "matmul / fully connected")
    assert small.layers.legend == ((0, "convolution"), (1, "matmul / fully connected"))


def test_what_is_not_known_stands_as_high_as_the_plot_and_says_so(net: Any) -> None:
    (mark,) = [mark for mark in Charts(net(HEAD + CONV + RELU + MYSTERY)).layers.marks if mark.style == "unknown"]
    assert (mark.row, mark.title) == (2, "m: MACs unknown")
    assert (mark.y, mark.height) == (12, HEIGHT - 44 - 12)


def test_a_network_without_macs_is_drawn_by_its_operations(net: Any) -> None:
    drawn = Charts(net(HEAD + RELU.replace('"c"', '"data"')))
    assert drawn.layers.measure == "ops"
    assert len(bars(drawn.layers)) == 1


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("measure", ["macs", "ops", "params", "activation"])
def test_the_heights_of_the_bars_sum_to_the_total(sample: str, measure: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / sample))
    measured = Charts(analysis).measured(measure)
    chart = bar_chart("x", "", measured, WIDE)
    values = [layer.amount for layer in measured.layers]
    highest = max(bars(chart), key=lambda mark: mark.height)
    unit = highest.height / (values[highest.row] or 0)
    total = sum(value or 0 for value in values)
    assert total == analysis.total("activation_bytes" if measure == "activation" else measure)
    assert sum(mark.height for mark in bars(chart)) == pytest.approx(total * unit, rel=0.01)


@pytest.mark.parametrize("sample", SAMPLES)
def test_nothing_stands_outside_the_drawing(sample: str, root: Path) -> None:
    drawn = Charts(graphcost.analyze(graphcost.load(root / sample)))
    for chart in all_charts(drawn):
        box = chart.box
        assert 0 < box.left < box.right <= chart.width and 0 < box.top < box.bottom < chart.height
        for mark in chart.marks:
            assert box.left - 0.01 <= mark.x <= mark.x + mark.width <= box.right + 0.02
            assert box.top - 0.01 <= mark.y <= mark.y + mark.height <= box.bottom + 0.02
        assert all(box.left <= tick.at <= box.right for tick in chart.across)
        assert all(box.top - 0.01 <= tick.at <= box.bottom for tick in chart.up)
    for shares in all_shares(drawn):
        for line in shares.lines:
            assert shares.box.left <= line.mark.x <= line.mark.x + line.mark.width <= shares.box.right
            assert line.mark.y + line.mark.height <= shares.height


def test_many_layers_share_bars_and_the_caption_says_how_many(net: Any) -> None:
    layers = 895
    text = "".join(
        f'layer {{ name: "r{at}" type: "ReLU" bottom: "{f"t{at - 1}" if at else "data"}" top: "t{at}" }}\n'
        for at in range(layers)
    )
    drawn = Charts(net(HEAD + text))
    chart = drawn.layers
    assert len(bars(chart)) == 299  # three to a bar, one in the last: 1,108 pixels have room for 443
    assert chart.caption == "3 layers per bar."
    assert bars(chart)[0].title.startswith("layers 1 to 3, elementwise: 576 ops")  # 3 x 192
    assert bars(chart)[-1].title.startswith("r894 (ReLU): 192 ops")
    assert len(drawn.memory.chart.marks) == 179  # five to a bar: 498 pixels have room for 199


def test_sizes_that_are_left_open_leave_a_chart_without_marks_and_it_says_why(net: Any) -> None:
    drawn = Charts(net(HEAD + CONV + RELU, **OPEN_SIZES))
    for chart in (drawn.layers, drawn.memory.chart):
        assert chart.marks == () and chart.caption == OPEN
    assert drawn.memory.path == "" and drawn.memory.peak is None
    assert drawn.types.lines == () and "unknown" in drawn.types.summary and drawn.types.caption == OPEN
    assert len(drawn.parameters.marks) == 1  # their number is known


def test_the_memory_is_an_area_of_steps_with_its_peak_marked(net: Any) -> None:
    memory = Charts(net(HEAD + CONV + FC.replace('"r"', '"c"'))).memory
    alive = [192 + 64, 64 + 10]  # elements: data and c, c and f
    box = memory.chart.box
    assert [tick.text for tick in memory.chart.up] == ["0", "256 B", "512 B", "768 B", "1 KiB"]
    heights = [mark.height for mark in memory.chart.marks]
    assert heights == pytest.approx([(box.bottom - box.top) * 4 * each / 1024 for each in alive], abs=0.01)
    assert memory.path.startswith(f"M{box.left} {box.bottom}V{box.top}H")  # 1,024 bytes reach the top
    assert memory.path.endswith(f"V{box.bottom}Z")
    assert memory.peak is not None
    assert (memory.peak.row, memory.peak.text, memory.peak.anchor) == (0, "peak 1.0 KiB at a/conv", "start")
    assert memory.peak.y == box.top


@pytest.mark.parametrize(("x", "length", "expected"), [(100, 300, "start"), (300, 300, "middle"), (450, 300, "end")])
def test_what_is_written_at_the_peak_stays_over_the_marks(x: float, length: float, expected: str) -> None:
    assert anchor(x, length, Box(64, 28, 570, 206)) == expected


def test_the_tensors_of_the_peak_are_named_largest_first(net: Any) -> None:
    peak = Charts(net(HEAD + CONV + FC.replace('"r"', '"c"'))).memory.peak
    assert peak is not None
    assert (peak.tensors, peak.others) == ((("data", "768 B"), ("c", "256 B")), "")


def test_shares_by_type_are_of_operations_and_sum_to_one(small: Charts) -> None:
    """2 x 1,728 + 64 biases; 64 comparisons; 2 x 640 + 10."""
    shares = small.types
    total = 3520 + 64 + 1290
    assert [line.label for line in shares.lines] == ["Convolution", "InnerProduct", "ReLU"]
    assert [line.text for line in shares.lines] == [f"{100 * part / total:.1f}%" for part in (3520, 1290, 64)]
    room = shares.box.right - shares.box.left
    assert [line.mark.width for line in shares.lines] == pytest.approx(
        [room, room * 1290 / 3520, room * 64 / 3520], abs=0.01
    )


def test_a_share_leads_to_the_largest_layer_of_its_group(net: Any) -> None:
    second = CONV.replace("a/conv", "a/conv2").replace('bottom: "data" top: "c"', 'bottom: "r" top: "c2"')
    drawn = Charts(net(HEAD + CONV + RELU + second))  # 64 x 27 against 16 x 36
    assert drawn.types.lines[0].mark.row == 0


def test_what_comes_out_below_zero_has_no_bar_and_no_share(small: Charts) -> None:
    """As a formula can under sizes that are assumed and do not fit the network."""
    measured = small.measured("ops")
    layers = [layer._replace(amount=amount) for layer, amount in zip(measured.layers, (3520, -1, 1290), strict=True)]
    measured = replace(measured, layers=layers)
    assert [mark.row for mark in bars(bar_chart("x", "", measured, WIDE))] == [0, 2]
    shares = share_chart("x", "", measured, lambda layer: layer.name)
    assert [line.label for line in shares.lines] == ["a/conv", "b/fc"]


def test_many_groups_are_cut_and_the_rest_is_summed(net: Any) -> None:
    text = "".join(
        f'layer {{ name: "block{at}/r" type: "ReLU" bottom: "{f"t{at - 1}" if at else "data"}" top: "t{at}" }}\n'
        for at in range(20)
    )
    shares = Charts(net(HEAD + text)).scopes
    assert shares is not None
    assert len(shares.lines) == MAX_GROUPS + 1
    assert shares.lines[-1].label == "8 others" and shares.lines[-1].text == "40.0%"


def test_where_there_are_no_scopes_parameters_are_shared_by_type(net: Any) -> None:
    """112 of the convolution, 650 of the other."""
    drawn = Charts(net(HEAD + CONV.replace("a/", "") + FC.replace("b/", "").replace('"r"', '"c"')))
    assert drawn.scopes is None and drawn.weights is not None
    assert [(line.label, line.text) for line in drawn.weights.lines] == [
        ("InnerProduct", "85.3%"),
        ("Convolution", "14.7%"),
    ]


def test_a_file_without_scopes_has_no_chart_of_them(net: Any) -> None:
    assert Charts(net(HEAD + RELU.replace("a/", "").replace('"c"', '"data"'))).scopes is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/b", "a/c"], ["a/b", "a/c"]),
        (["a", ""], ["a", "(root)"]),
        ([f"a/{at}" for at in range(13)], [f"a/{at}" for at in range(13)]),
        ([f"{at}/{below}" for at in "abcd" for below in range(9)], [at for at in "abcd" for below in range(9)]),
        ([f"{at}/x" for at in range(13)], [str(at) for at in range(13)]),
        ([], []),
    ],
)
def test_scopes_are_as_many_as_a_chart_names_or_nearly(names: list[str], expected: list[str]) -> None:
    assert scopes(names) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("abc", "abc"), ("abcdefghij", "abcdefghij"), ("abcdefghijk", "abc…fghijk")]
)
def test_a_long_name_loses_its_middle(text: str, expected: str) -> None:
    assert shorten(text, 10) == expected


def test_an_empty_network_has_empty_charts(net: Any) -> None:
    drawn = Charts(net(HEAD))
    assert all(chart.marks == () for chart in all_charts(drawn))
    assert drawn.types.lines == ()
