"""Other sizes in the page: everything comes out as a fresh analysis of those sizes has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import pytest

import graphcost
from graphcost import ModelError
from harness import analysed, proto, value_info

COLUMNS = (
    "name", "input", "output", "params", "param_bytes", "macs", "ops", "muls", "adds", "divs", "exps", "compares",
    "activation", "share", "netscope.macc", "torchstat.flops", "thop.macs",
)  # fmt: skip
TOTALS = ("macs", "ops", "params", "param_bytes", "activation_bytes", "peak_activation_bytes")
SIDES = ("N", 3, "H", "W")
POINTS = [(1, 64, 64), (2, 65, 33), (7, 12, 301), (32, 224, 224), (1000, 4096, 2160)]
CROPPED = [(n, h // 32 * 32 + 1, w // 32 * 32 + 1) for n, h, w in POINTS]
"""Sides at which both crops of the feature pyramid take something away: one that happens to keep everything is a view
in a network of known sizes, which formulas cannot tell."""

ROWS = """() => [...document.querySelectorAll("#layers tbody tr[data-at]")].map((line) => [...line.cells].map((c) => c.textContent))"""
FOOT = """() => [...document.querySelector("#layers table").tFoot.rows[0].cells].map((cell) => cell.textContent)"""
CARDS = """() => Object.fromEntries([...document.querySelectorAll("[data-total]")].map((e) => [e.dataset.total, e.textContent]))"""


def sized(model: graphcost.Model, shape: tuple[int | str, ...]) -> graphcost.Analysis:
    return graphcost.analyze(model, shapes={next(iter(model.inputs)): shape})


@pytest.mark.parametrize(
    ("sample", "points"),
    [
        ("prototxt/det1.prototxt", POINTS),
        ("prototxt/retinaface.prototxt", POINTS),
        ("onnx_models/retinaface.onnx", CROPPED),
    ],
)
def test_every_cell_and_total_is_that_of_a_fresh_analysis(
    sample: str, points: list[tuple[int, int, int]], root: Path, open_report: Any
) -> None:
    model = graphcost.load(root / sample)
    page = open_report(sized(model, SIDES), columns=COLUMNS)
    for n, h, w in points:
        fresh = sized(model, (n, 3, h, w))
        table = fresh.report(columns=COLUMNS).table
        assert page.evaluate("(sizes) => graphcost.set(sizes)", {"N": n, "H": h, "W": w}) == ""
        assert [tuple(row) for row in page.evaluate(ROWS)] == table.rows
        assert tuple(page.evaluate(FOOT)) == table.total
        exact = page.evaluate("(keys) => keys.map((key) => String(graphcost.total(key, 'count').value))", TOTALS)
        assert exact == [str(fresh.total(key)) for key in TOTALS]
        found = page.evaluate("graphcost.evaluate()")
        assert found["curve"] == fresh.memory.curve
        assert fresh.memory.peak is not None and fresh.rows[found["row"]] is fresh.memory.peak.row


def test_sizes_given_in_the_form_change_the_cards_and_going_back_restores_them(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(sized(model, SIDES))
    before = page.evaluate(CARDS)
    for name, value in (("N", "3"), ("H", "24"), ("W", "12")):
        page.get_by_label(name, exact=True).fill(value)
    fresh = sized(model, (3, 3, 24, 12)).report()
    assert page.evaluate(CARDS)["macs"] == fresh.show(fresh.analysis.work.macs, "short") != before["macs"]
    assert page.evaluate(CARDS)["peak_activation_bytes"] == fresh.show(fresh.analysis.memory.peak_bytes, "bytes")
    page.get_by_role("button", name="Reset").click()
    page.wait_for_timeout(50)
    assert page.evaluate(CARDS) == before


def test_one_size_of_several_leaves_the_others_in_formulas(root: Path, open_report: Any) -> None:
    page = open_report(
        sized(graphcost.load(root / "prototxt/det1.prototxt"), ("N", 3, 12, "W")), columns=("name", "output")
    )
    page.get_by_label("N", exact=True).fill("5")
    assert page.evaluate(ROWS)[0] == ["conv1", "5 x 10 x 10 x (W - 2)"]


@pytest.mark.parametrize("value", ["0", "-3", "1.5", "1e3", str(2**50 + 1)])
def test_a_size_that_cannot_be_is_marked_and_changes_nothing(value: str, root: Path, open_report: Any) -> None:
    page = open_report(sized(graphcost.load(root / "prototxt/det1.prototxt"), SIDES))
    field, said = page.get_by_label("N", exact=True), page.locator("form.whatif output")
    field.fill("4")
    before = page.evaluate(CARDS), page.evaluate(ROWS)
    field.fill(value)
    assert field.get_attribute("aria-invalid") == "true"
    assert said.inner_text().startswith("N must be a whole number from 1 to ")
    assert (page.evaluate(CARDS), page.evaluate(ROWS)) == before
    field.fill("4")
    assert field.get_attribute("aria-invalid") is None and said.inner_text() == ""


def test_sizes_under_which_a_window_does_not_fit_are_refused_as_by_the_command(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(sized(model, SIDES))
    for side in range(1, 14):
        said = page.evaluate("(sizes) => graphcost.set(sizes)", {"H": side, "W": 12})
        try:
            fresh = sized(model, (1, 3, side, 12))
        except ModelError:
            assert said.startswith("These sizes are too small: the output of conv")
        else:
            assert said == "" and page.evaluate("graphcost.evaluate().totals.macs") == fresh.work.macs


def test_names_that_are_not_asked_for_are_refused(root: Path, open_report: Any) -> None:
    page = open_report(sized(graphcost.load(root / "prototxt/det1.prototxt"), SIDES))
    assert page.evaluate("graphcost.set({M: 2})") == "there is no dimension M"


def test_a_network_of_known_sizes_has_no_form_for_them(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt")
    assert page.locator("form.whatif").count() == 0


def test_numbers_stay_exact_beyond_what_a_double_holds(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(sized(model, SIDES))
    page.evaluate("graphcost.set({N: 2**30, H: 4096, W: 12})")
    expected = sized(model, (2**30, 3, 4096, 12)).work.macs
    assert isinstance(expected, int) and expected > 2**53
    assert page.evaluate("String(graphcost.total('macs').value)") == str(expected)


@pytest.mark.parametrize(("style", "parts"), [("default", ["memory"]), ("netscope", ["layers", "memory"])])
def test_tables_that_do_not_follow_say_so(style: str, parts: list[str], root: Path, open_report: Any) -> None:
    page = open_report(sized(graphcost.load(root / "prototxt/det1.prototxt"), ("N", 3, 12, 12)), style=style)
    said = page.locator("section:has(> p.reported:visible)")
    assert said.count() == 0
    page.get_by_label("N", exact=True).fill("2")
    assert said.evaluate_all("(all) => all.map((part) => part.id)") == parts


def test_groups_follow_the_sizes_too(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(sized(model, SIDES), by="op")
    assert page.evaluate("graphcost.set({N: 2, H: 64, W: 48})") == ""
    table = sized(model, (2, 3, 64, 48)).report(by="op").table
    assert [tuple(row) for row in page.evaluate(ROWS)] == table.rows
    assert tuple(page.evaluate(FOOT)) == table.total


def test_order_and_filter_stay_while_the_figures_change(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(sized(model, SIDES), columns=("name", "macs"))
    page.get_by_role("button", name="MACs", exact=True).click()
    page.fill("#layers input[name=text]", "conv")
    page.evaluate("graphcost.set({H: 12, W: 12})")
    assert page.evaluate(ROWS) == [
        ["conv1", "27.0 k"], ["conv2", "13.0 k"], ["conv3", "4.6 k"], ["conv4-2", "128"], ["conv4-1", "64"],
    ]  # fmt: skip
    assert page.evaluate(FOOT) == ["total of 5 rows", "44.8 k"]


def small(nodes: list[Any], shape: list[int | str]) -> graphcost.Analysis:
    """An ONNX network of floats from x to y."""
    return analysed(proto(nodes, {"x": shape}))


node = onnx.helper.make_node


def test_how_much_the_data_make_can_be_tried(open_report: Any) -> None:
    """NonZero finds as many places as there are: none, at least."""
    page = open_report(small([node("NonZero", ["x"], ["y"])], [6]), columns=("name", "output"))
    field = page.locator("form.whatif input")
    assert field.get_attribute("min") == "0" and field.get_attribute("placeholder") == "not set"
    field.fill("4")
    assert page.evaluate(ROWS)[0][1] == "1x4"


def test_the_peak_is_not_known_at_other_sizes_when_a_branch_keeps_tensors_inside(
    open_report: Any,
) -> None:
    """What a body keeps is one number, of the sizes as reported."""
    body = onnx.helper.make_graph(
        [node("Softmax", ["x"], ["t"]), node("Softmax", ["t"], ["z"])], "body", [], [value_info("z")]
    )
    nodes = [
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Cast", ["s"], ["flag"], to=onnx.TensorProto.BOOL),
        node("If", ["flag"], ["y"], then_branch=body, else_branch=body),
    ]
    analysis = small(nodes, ["N", 4])
    page = open_report(analysis)
    assert page.evaluate("graphcost.total('peak_activation_bytes').value") == analysis.memory.peak_bytes
    page.get_by_label("N", exact=True).fill("8")
    assert page.evaluate("graphcost.total('peak_activation_bytes').text") == "?"
    assert page.evaluate(CARDS)["peak_activation_bytes"] == "?"
