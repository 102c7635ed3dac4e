"""Which charts there are and what they say in words; where scripts put their marks is in tests/browser/test_plots.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphcost.page.charts import OPEN, Charts, Figure, Live, scopes
from graphcost.page.figure import shorten
from graphcost.page.kinds import KINDS
from graphcost.target import Target
from harness import HEAD, conv, layer

CONV = conv("a/conv", fields="kernel_size: 3 stride: 2 pad: 1", top="c")
RELU = layer("a/relu", "ReLU", "c", tops="r")
FC = layer("b/fc", "InnerProduct", "r", "inner_product_param { num_output: 10 }", "f")
POOL = layer("pool", "Pooling", fields="pooling_param { kernel_size: 2 }")
MYSTERY = layer("m", "Mystery", "r")

OPEN_SIZES = {"shapes": {"data": (1, 3, "H", "W")}}
DEVICE = """title = "A device"
source = ["made up"]
bandwidth = 1e3
fast_memory = 0
[macs]
float32 = 1e6
"""


@pytest.fixture
def small(net: Any) -> Charts:
    """3x8x8 -> convolution 4x4x4, 1,728 MACs -> ReLU -> 10 features, 640 MACs."""
    return Charts(net(HEAD + CONV + RELU + FC))


def figures(charts: Charts) -> dict[str, Figure]:
    return {figure.key: figure for figure in charts.figures}


def test_the_charts_stand_in_an_order_with_their_measures(small: Charts) -> None:
    assert [(figure.key, figure.measure, figure.wide) for figure in small.figures] == [
        ("cost", "macs", True),
        ("params", "learned_params", False),
        ("memory", "", False),
        ("types", "ops", False),
        ("scopes", "macs", False),
    ]


def test_a_chart_in_words_names_the_total_and_the_most(small: Charts) -> None:
    assert figures(small)["cost"].words == (
        "MACs of 3 layers in execution order: total 2.4 k, largest 1.7 k (73.0%) in a/conv."  # 1728 / (1728 + 640)
    )


def test_rows_that_only_make_constants_are_no_layers_of_a_chart(root: Path) -> None:
    import graphcost

    found = figures(Charts(graphcost.analyze(graphcost.load(root / "onnx_models/retinaface.onnx"))))
    assert found["cost"].words.startswith("MACs of 164 layers in execution order: ")
    assert found["memory"].words.startswith("Live activation bytes over 164 execution steps: ")


def test_a_network_without_macs_is_shown_by_its_operations(net: Any) -> None:
    assert figures(Charts(net(HEAD + RELU.replace('"c"', '"data"'))))["cost"].measure == "ops"


def test_shares_in_words_are_largest_first(small: Charts) -> None:
    """2 x 1,728 + 64 biases; 64 comparisons; 2 x 640 + 10: of 4,874."""
    assert figures(small)["types"].words == "ops: Convolution 72.2%, InnerProduct 26.5%, ReLU 1.3%."


def test_many_groups_are_cut_and_the_rest_is_summed(net: Any) -> None:
    text = "".join(
        f'layer {{ name: "block{at}/r" type: "ReLU" bottom: "{f"t{at - 1}" if at else "data"}" top: "t{at}" }}\n'
        for at in range(20)
    )
    words = figures(Charts(net(HEAD + text)))["scopes"].words
    assert words.count("block") == 12 and words.endswith(", 8 others 40.0%.")


def test_where_there_are_no_scopes_parameters_are_shared_by_type(net: Any) -> None:
    """112 of the convolution, 650 of the other."""
    found = figures(Charts(net(HEAD + CONV.replace("a/", "") + FC.replace("b/", "").replace('"r"', '"c"'))))
    assert "scopes" not in found
    assert found["weights"].words == "params: InnerProduct 85.3%, Convolution 14.7%."


def test_the_memory_says_its_peak_and_names_what_is_live_largest_first(net: Any) -> None:
    charts = Charts(net(HEAD + CONV + FC.replace('"r"', '"c"')))
    assert figures(charts)["memory"].words == "Live activation bytes over 2 execution steps: peak 1.0 KiB at a/conv."
    assert charts.live == Live((("data", "768 B"), ("c", "256 B")))


def test_sizes_that_are_left_open_leave_charts_without_figures(net: Any) -> None:
    charts = Charts(net(HEAD + CONV + RELU, **OPEN_SIZES))
    found = figures(charts)
    assert found["cost"].words.endswith(": unknown.") and found["memory"].words.endswith(": unknown.")
    assert found["types"].words == "ops: unknown."
    assert charts.live == Live() and charts.data["open"] == OPEN
    assert "total 112" in found["params"].words  # their number is known


def test_the_roofline_is_there_with_a_device_and_layers_that_multiply(net: Any, tmp_path: Path) -> None:
    (tmp_path / "device.toml").write_text(DEVICE)
    target = Target(device=str(tmp_path / "device.toml"))
    roofline = figures(Charts(net(HEAD + CONV + RELU, target=target)))["roofline"]
    assert roofline.title == "Roofline of A device"
    assert roofline.words == "1 layer by arithmetic intensity and attainable MAC/s, 1 of 1 memory-bound."
    waiting = figures(Charts(net(HEAD + CONV, target=target, **OPEN_SIZES)))["roofline"]
    assert waiting.words == "Unknown until the symbolic dimensions have values."
    assert "roofline" not in figures(Charts(net(HEAD + POOL, target=target)))
    assert "roofline" not in figures(Charts(net(HEAD + CONV)))


def test_scripts_have_the_kind_of_each_row(small: Charts) -> None:
    names = [KINDS[kind] for kind in small.data["kind"]]
    assert names == ["convolution", "elementwise", "matmul / fully connected"]


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


def test_an_empty_network_has_charts_that_say_so(net: Any) -> None:
    assert figures(Charts(net(HEAD)))["types"].words == "ops: none."
