"""The section on memory: the peak, the arena, the weights and the best order, for people and as data."""

from __future__ import annotations

from typing import Any

import pytest

import graphcost
from graphcost.passes.parameters import COPIES, UNTOLD
from graphcost.rules import CLASSES
from graphcost.target import Target
from harness import image, layer


def fc(name: str, bottom: str, outputs: int) -> str:
    return layer(name, "InnerProduct", bottom, f"inner_product_param {{ num_output: {outputs} bias_term: false }}")


TWO = image(1, 4) + "".join(
    (fc("a", "data", 100), fc("b", "data", 100), fc("c", "a", 1), fc("d", "b", 1), layer("e", "Concat", "c d"))
)
"""Two branches that swell to 100 and shrink to 1, side by side in the file: 4 + 100 + 100 elements alive at once."""
WEIGHTS = 4 * 100 * 2 + 100 * 2


def lines(analysis: graphcost.Analysis) -> list[list[str]]:
    """The cells of every line of the report that has some."""
    text = analysis.report(sections=["memory"]).render("md")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_a_person_reads_what_is_alive_and_what_could_be_saved(net: Any) -> None:
    """4 x (100 + 100 + 4) bytes as it stands, 4 x (100 + 4 + 1) one branch after the other."""
    text = lines(net(TWO))
    assert text[2:6] == [
        ["a", "400 B", "49.0%"], ["b", "400 B", "49.0%"], ["data", "16 B", "2.0%"], ["total", "816 B", ""],
    ]  # fmt: skip
    assert text[8:] == [
        ["arena", "816 B", "1.00 x peak live memory (no fragmentation)"],
        ["best execution order", "420 B", "saves 48.5% of the peak (--reorder)"],
        ["weights, float32", "3.9 KiB", "1,000 elements"],
    ]


def test_the_arena_is_aligned_as_the_target_asks(net: Any) -> None:
    """a and b begin at multiples of 64 bytes, so 400 bytes take 448 wherever something lies behind them."""
    analysis = net(TWO, target=Target(align=64))
    assert ["arena", "912 B", "1.00 x peak live memory (no fragmentation), aligned to 64 bytes"] in lines(analysis)
    found = analysis.report(sections=["memory"]).data["memory"]["arena"]
    assert found == {"bytes": 448 + 448 + 16, "lower_bound": 448 + 448 + 16, "align": 64}


def test_under_the_best_order_it_says_so(net: Any) -> None:
    analysis = net(TWO, target=Target(reorder=True))
    assert ["best execution order", "420 B", "the current order is optimal"] in lines(analysis)
    assert [row.name for row in analysis.rows] == ["a", "c", "b", "d", "e"]
    assert analysis.memory.peak_bytes == 420 and analysis.total("params") == WEIGHTS
    assert "lowest peak that was found" in analysis.report().assumptions


def test_an_order_that_was_not_searched_to_the_end_is_said_to_be_unproven(
    net: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No effort is left, and the bound that would prove the order is taken away."""
    monkeypatch.setattr("graphcost.passes.order.MAX_EXPANSIONS", 0)
    monkeypatch.setattr("graphcost.passes.order.floor", lambda storage: 0)
    (found,) = [line for line in lines(net(TWO)) if line[0] == "best execution order"]
    assert found[2].endswith(", not proven best")


def test_a_program_gets_the_same_and_the_curve(net: Any) -> None:
    data = net(TWO).report(sections=["memory"]).data["memory"]
    assert data == {
        "peak_bytes": 816,
        "at": "b",
        "alive": [
            {"tensors": ["a"], "bytes": 400},
            {"tensors": ["b"], "bytes": 400},
            {"tensors": ["data"], "bytes": 16},
        ],
        "curve": [416, 816, 804, 408, 16],
        "arena": {"bytes": 816, "lower_bound": 816, "align": 1},
        "weights": {"float32": 4 * WEIGHTS},
        "weight_classes": dict.fromkeys((*CLASSES, COPIES, UNTOLD), 0) | {"learned": 4 * WEIGHTS},
        "order": {"before": 816, "after": 420, "exact": True},
    }


def test_what_is_not_known_is_said_and_the_weights_stand(net: Any) -> None:
    analysis = net(TWO + layer("m", "Mystery", "e") + layer("n", "ReLU", "m"))
    report = analysis.report(sections=["memory"])
    assert "The peak is not known" in report.render("md") and "1,000 elements" in report.render("md")
    data = report.data["memory"]
    assert data["weights"] == {"float32": 4 * WEIGHTS}
    assert [data[key] for key in ("peak_bytes", "at", "curve", "arena", "order")] == [None] * 5


def test_the_column_of_live_bytes_has_the_peak_as_its_total_and_of_a_group(net: Any) -> None:
    analysis = net(TWO)
    _, cells, _ = analysis.report(columns=["name", "peak"]).values()
    assert cells == [["a", "b", "c", "d", "e"], [416, 816, 804, 408, 16]]
    assert "| total |" in analysis.report(columns=["name", "peak"]).render("md")
    _, cells, _ = analysis.report(columns=["name", "peak"], by="op").values()
    assert cells == [["InnerProduct", "Concat"], [816, 16]]


def test_an_unknown_peak_is_no_number_in_the_column(net: Any) -> None:
    analysis = net(TWO + layer("m", "Mystery", "e"))
    for by in (None, "op"):
        _, (_, live), _ = analysis.report(columns=["name", "peak"], by=by).values()
        assert set(live) == {None}


def test_a_better_order_of_unknown_sizes_is_refused(net: Any) -> None:
    with pytest.raises(graphcost.ModelError, match="needs every size"):
        net(TWO + layer("m", "Mystery", "e"), target=Target(reorder=True))


def test_a_network_that_runs_nothing_says_so(net: Any) -> None:
    text = net('input: "data" input_shape { dim: 1 dim: 4 }').report(sections=["memory"]).render("md")
    assert "No operator runs." in text and "Memory required" not in text


def test_a_network_whose_memory_is_all_the_callers_needs_none(net: Any) -> None:
    text = image(1, 4) + layer("a", "Softmax", "data")
    analysis = net(text, target=Target(io="caller", reorder=True))
    assert lines(analysis)[-2:] == [
        ["arena", "0 B", ""],
        ["best execution order", "0 B", "the current order is optimal"],
    ]
