"""Several sizes side by side: each figure is that of an analysis at these sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import ModelError, Target, cli
from graphcost.decide import scenarios
from graphcost.decide.points import Points
from graphcost.page.lines import line
from graphcost.sections import Series
from harness import HEAD, conv, run

DECODER = """g (float[batch, sequence, 16] x, float[batch, 2, past, 8] old, float[batch, total] mask)
    => (float[batch, 2, total, 8] new, float[batch, 2, sequence, total] weights) {
    s = Constant<value = int64[4] {0, -1, 2, 8}>()
    h = Reshape(x, s)
    k = Transpose<perm = [0, 2, 1, 3]>(h)
    new = Concat<axis = 2>(old, k)
    t = Transpose<perm = [0, 1, 3, 2]>(new)
    scores = MatMul(k, t)
    a = Constant<value = int64[2] {1, 2}>()
    m = Unsqueeze(mask, a)
    weights = Add(scores, m)
}"""
"""Two heads of 8, with a cache; the file calls past + sequence total."""


@pytest.mark.parametrize(
    "sample", ["prototxt/det1.prototxt", "prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx"]
)
def test_every_figure_is_that_of_an_analysis_at_these_sizes(sample: str, root: Path) -> None:
    model = graphcost.load(root / sample)
    name = next(iter(model.inputs))
    analysis = graphcost.analyze(model, shapes={name: ("N", 3, "H", "W")})
    sizes = [{"N": 1, "H": 300, "W": 300}, {"N": 2, "H": 512, "W": 301}]
    for given, found in zip(sizes, analysis.sweep(sizes), strict=True):
        exact = graphcost.analyze(model, shapes={name: (given["N"], 3, given["H"], given["W"])})
        assert found == {quantity: exact.total(quantity) for quantity in scenarios.DEFAULT}


def test_times_on_a_device_follow_too(net: Any) -> None:
    text, target = HEAD + conv("a"), Target(device="cortex-m4")
    open_ = net(text, shapes={"data": ("N", 3, 8, 8)}, target=target)
    (found,) = open_.sweep([{"N": 3}], "time_bound")
    exact = net(text, shapes={"data": (3, 3, 8, 8)}, target=target)
    assert found["time_bound"] == exact.roofline.seconds


def test_a_size_that_no_window_fits_has_no_figures(net: Any) -> None:
    analysis = net(HEAD + conv("a"), shapes={"data": (1, 3, "H", 8)})
    assert analysis.sweep([{"H": 2}], "macs", "peak") == [{"macs": None, "peak": None}]


def test_many_points_are_one_analysis(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = net(HEAD + conv("a"), shapes={"data": (1, 3, "H", 8)})
    analysed = []
    exactly = Points.exactly
    monkeypatch.setattr(Points, "exactly", lambda self, sizes: analysed.append(sizes) or exactly(self, sizes))
    found = analysis.sweep([{"H": size} for size in range(3, 203)], "macs", "peak")
    assert [each["macs"] for each in found] == [4 * 27 * 6 * (size - 2) for size in range(3, 203)]
    assert analysed == [{"H": 3}]  # whether the formulas hold


# --- ties -------------------------------------------------------------------------------------------------------------


def test_a_dimension_that_a_declared_output_is_a_sum_of_follows_from_the_others() -> None:
    """Products of each of the new tokens with all keys: 2 heads x new x total x 8."""
    analysis = run(DECODER)
    prefill, decode = analysis.sweep([{"sequence": 5, "past": 0}, {"sequence": 1, "past": 7}], "macs")
    assert (prefill["macs"], decode["macs"]) == (2 * 5 * 5 * 8, 2 * 1 * 8 * 8)


def test_one_of_the_summands_follows_from_the_sum() -> None:
    (found,) = run(DECODER).sweep([{"sequence": 2, "total": 9}], "macs")
    assert found["macs"] == 2 * 2 * 9 * 8


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"sequence": 1, "past": 7, "total": 9}, "total is past \\+ sequence in the file, and 9 is not 8"),
        ({"sequence": 9, "total": 4}, "cannot be 4 here"),
        ({"sequence": 9}, "past is open too"),
        ({"sequence": 9, "past": 1, "width": 3}, "no open dimension width; open are: batch, past, sequence, total"),
    ],
)
def test_sizes_that_contradict_or_do_not_suffice_are_refused(sizes: dict[str, int], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        run(DECODER).sweep([sizes])


# --- what options say -------------------------------------------------------------------------------------------------


def test_a_sweep_goes_through_lists_ranges_and_combinations() -> None:
    found = scenarios.sweep(["batch=1,4", "H=224..300:32"])
    assert [each.name for each in found] == [
        "batch=1, H=224", "batch=1, H=256", "batch=1, H=288", "batch=4, H=224", "batch=4, H=256", "batch=4, H=288",
    ]  # fmt: skip
    assert found[-1].sizes == {"batch": 4, "H": 288}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("H", "should be a dimension and sizes"),
        ("H=", "'' in 'H=' should be a size"),
        ("H=5..1", "has no sizes"),
        ("H=1..9:0", "has no sizes"),
        ("H=1..99999999999", "has more than"),
        ("H=-1", "should be a size of 0 or more"),
        ("H=" + "9" * 200, "should be a size of 0 or more"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        scenarios.sweep([text])


def test_too_many_combinations_are_refused() -> None:
    with pytest.raises(ModelError, match="1,000,000 points are too many"):
        scenarios.sweep(["A=1..1000", "B=1..1000"])


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.prototxt").write_text(HEAD + conv("a"))
    return "a.prototxt"


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(list(words))
    return (code, *capsys.readouterr())


def test_scenarios_have_a_column_each_for_totals_and_groups(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--input", "Nx3xHx8", "--scenario", "one:H=8", "--scenario", "more:N=4,H=18", "--by", "op"]
    code, out, _ = command(capsys, model, *options, "--columns", "macs,peak")
    assert code == 0
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines() if line.startswith("|")]
    assert rows[0] == ["total", "one", "more"] and rows[2] == ["macs", "3.9 k", "41.5 k"]
    assert "## MACs by op" in out and rows[-1] == ["Convolution", "3.9 k", "41.5 k"]


def test_many_points_have_a_row_each(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = command(capsys, model, "--input", "1x3xHx8", "--sweep", "H=1..10", "--columns", "macs")
    assert "| H=10  | 5.2 k |" in out and "?: 2 points whose sizes the network cannot have" in out


def test_scenarios_may_stand_in_the_file_of_budgets(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("graphcost.toml").write_text("[scenario.small]\nH = 8\n")
    _, out, _ = command(capsys, model, "--input", "1x3xHx8", "--scenario", "small", "--format", "json")
    (found,) = json.loads(out)["scenarios"]
    assert found["name"] == "small" and found["totals"]["macs"] == 4 * 27 * 36 and found["sizes"] == {"H": 8}


def test_csv_has_a_line_for_each_point(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--input", "1x3xHx8", "--sweep", "H=2,8", "--columns", "macs,peak", "--format", "csv"]
    _, out, _ = command(capsys, model, *options)
    assert out.splitlines() == ["scenario,H,macs,peak", "H=2,2,,", "H=8,8,3888,1344"]


def test_the_page_draws_what_changes(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--input", "1x3xHx8", "--sweep", "H=2,8,9", "--columns", "macs,params", "--format", "html"]
    _, out, _ = command(capsys, model, *options)
    assert "<h3>macs (multiply-accumulates)</h3>" in out and "<h3>params (elements)</h3>" in out
    assert "<title>H=9: 4.5 k</title>" in out and out.count('<path class="line"') == 2


def test_a_point_without_a_figure_is_a_gap_and_one_that_stays_is_no_chart() -> None:
    chart = line(Series("macs", "short", (("a", 10), ("b", None), ("c", 20), ("d", 20))))
    assert chart is not None and chart.path.count("M") == 2 and chart.path.count("L") == 1 and len(chart.dots) == 3
    assert chart.dots[1].y == chart.dots[2].y == chart.box.top
    assert line(Series("macs", "short", (("a", None), ("b", 3)))) is None
    assert line(Series("macs", "short", (("a", 0), ("b", 0)))) is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--scenario", "small"], "'small' should be a name and sizes, as in prefill:sequence=512,past=0"),
        (["--scenario", "a:H"], "should be a name and sizes"),
        (["--scenario", "a:H=1,H=2"], "H is given twice"),
        (["--scenario", "a:Q=1"], "scenario a: a.prototxt has no open dimension Q; open are: H"),
        (["--sweep", "H=8", "--columns", "rf"], "--columns: rf has no total"),
        (["--sweep", "H=8", "--top", "3"], "is about the table of layers"),
    ],
)
def test_what_cannot_be_is_one_line(
    options: list[str], reason: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = command(capsys, model, "--input", "1x3xHx8", *options)
    assert code == 2 and reason in err and err.count("\n") == 1
