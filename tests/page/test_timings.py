"""Measured times on the page: bars by layer, coloured by efficiency, and rings under the roofline."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphcost
from graphcost.cli import main
from graphcost.page.charts import Charts
from graphcost.page.timings import BOX, timings

BOARD = 'title = "A board"\nbandwidth = 1e12\nfast_memory = 0\nmacs = { float32 = 1e9 }\n'
CONV1, CONV2 = 27000, 16 * 10 * 9 * 9
"""Multiply-accumulates of two layers of det1."""
TIMES = "conv1,0.04\npool1,0.01\nconv2,1\nconv3,0.1\nconv4-1,0.01\nconv4-2,0.02\nprob1,0.01\n"


@pytest.fixture
def measured(root: Path, tmp_path: Path) -> graphcost.Analysis:
    (tmp_path / "board.toml").write_text(BOARD)
    (tmp_path / "times.csv").write_text(TIMES)
    target = graphcost.Target(device=str(tmp_path / "board.toml"))
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"), target=target)
    return analysis.with_times(tmp_path / "times.csv")


def test_a_bar_is_as_high_as_the_time_of_what_ran_together(measured: graphcost.Analysis) -> None:
    chart = timings(measured)
    assert chart is not None and len(chart.marks) == 7
    by_name = {measured.rows[mark.row].name: mark for mark in chart.marks}
    assert by_name["conv2"].height == pytest.approx(BOX.height)  # 1,000 us is the highest tick
    assert by_name["conv3"].height == pytest.approx(BOX.height / 10)
    assert by_name["conv1"].title == "conv1: 40.0 us, at least 27.0 us, with 1 layer fused"


def test_a_bar_has_the_colour_of_its_efficiency(measured: graphcost.Analysis) -> None:
    """27 of 40 us are 60 % and more; the third convolution's 12.96 of 1,000 us are below 10 %."""
    chart = timings(measured)
    assert chart is not None
    styles = {measured.rows[mark.row].name: mark.style for mark in chart.marks}
    assert styles["conv1"] == "e3" and styles["conv2"] == "e0"
    assert [text for _, text in chart.legend] == ["below 10%", "10% to 30%", "30% to 60%", "60% and more"]


def test_what_was_measured_is_slower_than_the_bound(measured: graphcost.Analysis) -> None:
    """The rings of the roofline: conv1 took 40 us for its 27,000 MACs."""
    reached = {row: speed for row, _, speed in Charts(measured).data["reached"]}
    assert len(reached) == 5 and reached[0] == pytest.approx(CONV1 / 0.04e-3)
    assert measured.roofline is not None
    for row, speed in reached.items():
        work, bound = measured.rows[row].work, measured.roofline.rows[row].seconds
        assert work is not None and bound is not None
        assert speed < int(work.macs) / bound  # type: ignore[arg-type]


def test_without_measured_times_there_are_neither(root: Path) -> None:
    target = graphcost.Target(device="laptop-cpu")
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"), target=target)
    assert timings(analysis) is None and Charts(analysis).data["reached"] == []


def test_the_page_draws_both(root: Path, tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text(BOARD)
    (tmp_path / "times.csv").write_text(TIMES)
    out = tmp_path / "out.html"
    arguments = ["--profile", str(tmp_path / "times.csv"), "--device", str(tmp_path / "board.toml"), "-o", str(out)]
    assert main([str(root / "prototxt/det1.prototxt"), *arguments]) == 0
    text = out.read_text()
    assert 'data-chart="times"' in text and '"reached":[[' in text and "Slowest layers" in text
