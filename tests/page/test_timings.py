"""Measured times on the page: bars by layer, coloured by efficiency, and rings under the roofline."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphcost
from graphcost.cli import main
from graphcost.page.scatter import scatter
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


def test_rings_stand_at_the_measured_speed_below_the_dots_of_the_bound(measured: graphcost.Analysis) -> None:
    found = scatter(measured)
    assert found is not None
    dots = {mark.row: mark.y + mark.height / 2 for mark in found.chart.marks}
    rings = {mark.row: mark.y + mark.height / 2 for mark in found.measured}
    assert len(rings) == 5 and all(rings[row] > dots[row] for row in rings)  # the drawing's y points down
    assert "Rings: what was measured." in found.chart.caption


def test_without_measured_times_there_are_neither(root: Path) -> None:
    target = graphcost.Target(device="laptop-cpu")
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"), target=target)
    found = scatter(analysis)
    assert timings(analysis) is None and found is not None and found.measured == ()


def test_the_page_draws_both(root: Path, tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text(BOARD)
    (tmp_path / "times.csv").write_text(TIMES)
    out = tmp_path / "out.html"
    arguments = ["--profile", str(tmp_path / "times.csv"), "--device", str(tmp_path / "board.toml"), "-o", str(out)]
    assert main([str(root / "prototxt/det1.prototxt"), *arguments]) == 0
    text = out.read_text()
    assert 'data-chart="times"' in text and 'class="rings measured"' in text and "Slowest layers" in text
