"""The table of layers in a browser: it says what the file's own table says, and sorts, filters and copies it."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path
from typing import Any

import pytest

import graphcost
import harness
from graphcost import columns
from graphcost.dims import Dim, parse, substitute
from graphcost.table import show
from harness import HEAD, TIMES, conv, layer

SAMPLES = ("prototxt/det1.prototxt", "prototxt/matconvnet_grouped.prototxt", "onnx_models/retinaface.onnx")
NAMES = ["conv1", "PReLU1", "pool1", "conv2", "PReLU2", "conv3", "PReLU3", "conv4-1", "conv4-2", "prob1"]  # det1
MACS = {"conv1": 27000, "conv2": 12960, "conv3": 4608, "conv4-2": 128, "conv4-1": 64}

CONV = conv("a/conv", top="c")
MYSTERY = layer("b/warp", "Mystery", "c", tops="m")

ROWS = """() => [...document.querySelectorAll("#layers tbody tr[data-at]")].map((line) => [...line.cells].map((c) => c.textContent))"""
FOOT = """() => [...document.querySelector("#layers table").tFoot.rows[0].cells].map((cell) => cell.textContent)"""
FILTER, TYPES = "#layers input[name=text]", "#layers select[name=type]"
HEARD = "document.addEventListener('graphcost:select', ({detail}) => (window.heard = detail))"
SHOWN = ("name", "type", "output", "learned_params", "macs", "ops", "activation", "share")
"""The columns that a page has unless it is given others."""


def names(page: Any) -> list[str]:
    """The first cell of each row in the page."""
    return [row[0] for row in page.evaluate(ROWS)]


def chain(length: int) -> str:
    """A network of convolutions and activations by turns."""
    layers = [
        f'layer {{ name: "{kind}{at}" type: "{kind}" bottom: "{f"t{at - 1}" if at else "data"}" top: "t{at}" {rest} }}'
        for at in range(length)
        for kind, rest in [
            ("ReLU", "")
            if at % 2
            else ("Convolution", f"convolution_param {{ num_output: {1 + at % 5} kernel_size: 1 }}")
        ]
    ]
    return HEAD + "\n".join(layers)


@pytest.fixture
def det1(root: Path) -> graphcost.Analysis:
    return graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"))


# --- what cells say ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_cell_of_every_column_says_what_the_file_says_without_scripts(
    sample: str, root: Path, open_report: Any
) -> None:
    keys = [key for key in columns.known() if key not in TIMES]
    report = graphcost.analyze(graphcost.load(root / sample)).report(columns=keys)
    page = open_report(report.analysis, columns=keys)
    shown = report.of_whole_formulas().table
    assert [tuple(row) for row in page.evaluate(ROWS)] == shown.rows
    assert tuple(page.evaluate(FOOT)) == shown.total


@pytest.mark.parametrize("shape", [("N", 3, 8, 8), ("N", 3, "H", "W"), (1, 3, "H", 8)], ids=str)
def test_formulas_stand_where_sizes_are_open(shape: tuple[Any, ...], net: Any, open_report: Any) -> None:
    analysis = net(HEAD + CONV + MYSTERY, shapes={"data": shape})
    keys = ("name", "input", "output", "params", "macs", "ops", "activation", "share", "netscope.macc", "rf")
    page = open_report(analysis, columns=keys)
    assert [tuple(row) for row in page.evaluate(ROWS)] == analysis.report(columns=keys).of_whole_formulas().table.rows
    assert tuple(page.evaluate(FOOT)) == analysis.report(columns=keys).of_whole_formulas().table.total


def test_numbers_are_written_as_everywhere(det1: graphcost.Analysis, open_report: Any) -> None:
    draw = random.Random(7)
    whole = [0, 1, 999, 1000, 1023, 1024, 1050, 99949, 99950, 999949, 999950, 999999, 1048524, 1048525, 2**53 + 1]
    whole += [25 * 2**at for at in range(60)] + [int(10 ** draw.uniform(0, 18)) for _ in range(1500)]
    parts = [n / 1000 for n in range(1001)] + [n / 4096 for n in range(4097)] + [draw.random() for _ in range(500)]
    page = open_report(det1)
    for form in ("count", "short", "bytes"):
        shown = page.evaluate(
            "([form, all]) => all.map((n) => graphcost.show(BigInt(n), form))", [form, list(map(str, whole))]
        )
        assert shown == [show(number, form) for number in whole]
    parts += [part * 10.0**power for part in parts[::50] for power in range(-10, 6)]
    for form in ("share", "ratio", "time"):
        shown = page.evaluate("([form, all]) => all.map((part) => graphcost.show(part, form))", [form, parts])
        assert shown == [show(part, form) for part in parts]


def test_formulas_come_to_what_python_makes_of_them(det1: graphcost.Analysis, open_report: Any) -> None:
    draw = random.Random(11)

    def formula(depth: int) -> str:
        if depth == 0:
            return draw.choice(["N", "H", "W_1", str(draw.randint(1, 40))])
        a, b = formula(depth - 1), formula(draw.randrange(depth))
        return draw.choice([
            f"({a} + {b})", f"({a} - {b})", f"({a})*({b})", f"-({a})", f"({a})//{draw.randint(2, 9)}",
            f"-(-({a})//{draw.randint(2, 9)})", f"max({a}, {b})", f"min({a}, {b}, N)", f"({a})**{draw.randint(1, 3)}",
            f"({a})//(H + {draw.randint(1, 5)})",
        ])  # fmt: skip

    found = [made for made in (parse(formula(draw.randint(1, 4))) for _ in range(600)) if isinstance(made, Dim)]
    at = {"N": 3, "H": 17, "W_1": 2**31 + 5}
    page = open_report(det1)
    results = page.evaluate(
        "([all, N, H, W_1]) => all.map((f) => String(graphcost.exact(f, new Map(Object.entries({N, H, W_1}).map(([k, v]) => [k, BigInt(v)])))))",
        [list(map(str, found)), *at.values()],
    )
    assert len(found) > 300
    assert [int(result) for result in results] == [substitute(each, at) for each in found]


def test_bars_are_as_long_as_the_shares_of_the_total(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1, columns=("name", "macs", "params"))
    bars = "() => [...document.querySelectorAll('#layers tbody tr')].map((line) => line.cells[1].style.getPropertyValue('--part'))"
    assert page.evaluate(bars)[:4] == ["60.3%", "", "", "29.0%"]  # 27,000 and 12,960 of 44,760


def test_rows_that_are_not_known_are_marked_and_totals_are_bounds(net: Any, open_report: Any) -> None:
    page = open_report(net(HEAD + CONV + MYSTERY))
    assert page.locator("#layers tbody tr.unknown").evaluate_all("(all) => all.map((e) => e.cells[0].textContent)") == [
        "b/warp"
    ]
    assert page.evaluate(FOOT)[3] == ">= 112"  # 4 x (3 x 3 x 3) + 4
    page.fill(FILTER, "conv")
    assert page.evaluate(FOOT)[3] == "112"  # of what is known alone


# --- sorting ----------------------------------------------------------------------------------------------------------


def test_a_click_on_a_column_sorts_the_largest_first_then_last_then_as_before(
    det1: graphcost.Analysis, open_report: Any
) -> None:
    page = open_report(det1)
    button = page.get_by_role("button", name="MACs", exact=True)
    header = page.locator("#layers thead th", has=button)
    button.click()
    assert names(page)[:5] == list(MACS) and header.get_attribute("aria-sort") == "descending"
    button.click()
    assert names(page)[-5:] == list(MACS)[::-1] and header.get_attribute("aria-sort") == "ascending"
    button.click()
    assert names(page) == NAMES and header.get_attribute("aria-sort") is None


def test_columns_sort_by_keyboard_and_keep_the_focus(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1)
    page.get_by_role("button", name="layer", exact=True).focus()
    page.keyboard.press("Enter")
    assert names(page) == sorted(NAMES, key=str.lower)
    page.keyboard.press("Enter")
    assert names(page) == sorted(NAMES, key=str.lower, reverse=True)


def test_what_is_not_known_may_be_the_largest(net: Any, open_report: Any) -> None:
    page = open_report(net(HEAD + CONV + MYSTERY))
    page.get_by_role("button", name="ops", exact=True).click()
    assert names(page) == ["b/warp", "a/conv"]


def test_the_order_of_the_report_is_where_it_begins(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1, sort="params", top=3)
    assert names(page) == ["conv3", "conv2", "conv1"]


# --- filtering --------------------------------------------------------------------------------------------------------


def test_totals_follow_the_filter(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1, columns=("name", "type", "params", "macs", "share"))
    page.fill(FILTER, "CONV4")
    assert names(page) == ["conv4-1", "conv4-2"]
    assert page.evaluate(FOOT) == [
        "total of 2 rows",
        "",
        str((32 * 2 + 2) + (32 * 4 + 4)),
        str(64 + 128),
        "0.4%",
    ]  # of 44,760
    assert page.locator("#layers output").inner_text() == "2 of 10 rows"
    page.fill(FILTER, "")
    assert names(page) == NAMES and page.locator("#layers output").inner_text() == ""


def test_live_bytes_of_the_rows_that_are_left_are_not_summed(det1: graphcost.Analysis, open_report: Any) -> None:
    """conv4-1 runs with 136 bytes live and conv4-2 with 152: the most at one time is 152."""
    page = open_report(det1, columns=("name", "peak"))
    page.fill(FILTER, "CONV4")
    assert page.evaluate(FOOT) == ["total of 2 rows", "152 B"]


def test_a_type_can_be_chosen(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1)
    options = page.locator(f"{TYPES} option").all_inner_texts()
    assert options == ["all", "Convolution (5)", "Pooling (1)", "PReLU (3)", "Softmax (1)"]
    page.select_option(TYPES, "PReLU")
    page.fill(FILTER, "2")
    assert names(page) == ["PReLU2"]


def test_every_word_of_the_filter_must_be_there(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1)
    page.fill(FILTER, "1x1 4-2")
    assert names(page) == ["conv4-2"]


# --- columns, groups --------------------------------------------------------------------------------------------------


def test_columns_can_be_chosen(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1)
    page.get_by_text("Columns", exact=True).click()
    for title in ("type", "output", "params", "ops", "activation", "share"):
        page.get_by_role("checkbox", name=title, exact=True).uncheck()
    page.get_by_role("checkbox", name="rf stride").check()
    assert page.locator("#layers thead th").all_inner_texts() == ["layer", "MACs", "rf stride"]
    assert page.evaluate(ROWS)[3] == ["conv2", "13.0 k", "2"]


def test_groups_sort_and_filter_too(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1, by="op")
    assert names(page) == ["Convolution", "PReLU", "Pooling", "Softmax"]
    page.get_by_role("button", name="ops", exact=True).click()
    page.fill(FILTER, "p")
    assert names(page) == ["PReLU", "Pooling"]
    assert page.locator("#layers [data-row], #layers select:visible").count() == 0


# --- copying ----------------------------------------------------------------------------------------------------------


def test_what_is_shown_is_copied_as_the_tables_that_the_command_writes(
    det1: graphcost.Analysis, open_report: Any
) -> None:
    page = open_report(det1)
    page.get_by_role("button", name="Copy as Markdown").click()
    page.get_by_text("Copied 10 rows.").wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    cells = [tuple(cell.strip() for cell in line.strip().strip("|").split("|")) for line in lines]
    table = det1.report().table
    assert [cells[0], *cells[2:]] == [table.titles, *table.rows, table.total]
    page.get_by_role("button", name="Copy as CSV").click()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text == det1.report(columns=SHOWN).render("csv")


def test_only_what_the_filter_leaves_is_copied_in_its_order(net: Any, open_report: Any) -> None:
    odd = CONV.replace("a/conv", r"a \"quoted\", | barred\n conv")
    page = open_report(net(HEAD + odd + MYSTERY, shapes={"data": ("N", 3, "H", 8)}), columns=("name", "macs"))
    page.fill(FILTER, "conv")
    page.get_by_role("button", name="Copy as CSV").click()
    text = page.evaluate("navigator.clipboard.readText()")
    assert list(csv.reader(io.StringIO(text)))[1:] == [[r'a "quoted", | barred\n conv', str(parse("648*N*(H - 2)"))]]


@pytest.mark.parametrize("name", ["=1+1", "-conv", "@a", r"\tconv", "-1", "a\u202eb"])
def test_what_a_spreadsheet_would_run_is_copied_as_the_command_writes_it(name: str, net: Any, open_report: Any) -> None:
    columns = ("name", "macs")
    analysis = net(HEAD + CONV.replace("a/conv", name))
    page = open_report(analysis, columns=columns)
    page.get_by_role("button", name="Copy as CSV").click()
    page.get_by_text("Copied 1 row.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == analysis.report(columns=columns).render("csv")


def test_without_a_clipboard_the_text_stands_selected(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
    page.get_by_role("button", name="Copy as CSV").click()
    held = page.get_by_role("textbox", name="Text to copy")
    held.wait_for()
    assert held.input_value() == page.evaluate("getSelection().toString()") == det1.report(columns=SHOWN).render("csv")


# --- going to rows ----------------------------------------------------------------------------------------------------


def test_a_click_on_a_row_tells_the_others(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1)
    page.evaluate(HEARD)
    page.get_by_role("rowheader", name="conv2").click()
    assert page.evaluate("heard") == {"row": 3, "from": "table"}
    assert page.locator("#layers tr[aria-current]").evaluate_all("(all) => all.map((e) => e.id)") == ["row-3"]


def test_rows_are_gone_through_with_the_arrow_keys(det1: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(det1)
    page.evaluate(HEARD)
    page.locator("#layers tbody tr").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert page.evaluate("heard") == {"row": 2, "from": "table"}
    assert page.evaluate("document.activeElement.id") == "row-2"


def test_a_row_that_others_choose_comes_into_view_whatever_the_filter_hides(net: Any, open_report: Any) -> None:
    page = open_report(net(chain(60)))
    page.fill(FILTER, "ReLU1")
    page.evaluate("document.dispatchEvent(new CustomEvent('graphcost:select', {detail: {row: 50, from: 'chart'}}))")
    row = page.locator("#layers tr[aria-current]")
    assert row.get_attribute("id") == "row-50" and page.locator(FILTER).input_value() == ""
    box, place = page.locator("#layers .scroll").bounding_box(), row.bounding_box()
    assert box["y"] <= place["y"] and place["y"] + place["height"] <= box["y"] + box["height"]
    assert 0 <= place["y"] <= 900 - place["height"]


# --- long networks ----------------------------------------------------------------------------------------------------


def test_ten_thousand_rows_are_made_as_they_come_into_view(net: Any, open_report: Any) -> None:
    page = open_report(net(chain(10_000)))
    lines = page.locator("#layers tbody tr[data-row]")
    assert lines.count() < 150 and names(page)[0] == "Convolution0"
    box = page.locator("#layers .scroll")
    box.evaluate("(box) => (box.scrollTop = box.scrollHeight)")
    page.locator("#row-9999").wait_for()
    assert lines.count() < 150 and names(page)[-1] == "ReLU9999"
    page.evaluate("location.hash = '#row-5000'")
    page.locator("#row-5000[aria-current]").wait_for()
    page.get_by_role("button", name="layer", exact=True).click()
    page.get_by_role("button", name="layer", exact=True).click()
    assert names(page)[0] == "ReLU9999" and lines.count() < 150
    page.fill(FILTER, "ReLU99")
    assert lines.count() == 1 + 5 + 50  # ReLU99, ReLU991 to ReLU999, ReLU9901 to ReLU9999: the odd ones


def test_columns_keep_their_width_while_a_long_table_scrolls(net: Any, open_report: Any) -> None:
    page = open_report(net(chain(2000)))
    widths = (
        "() => [...document.querySelectorAll('#layers thead th')].map((cell) => cell.getBoundingClientRect().width)"
    )
    before = page.evaluate(widths)
    page.locator("#layers .scroll").evaluate("(box) => (box.scrollTop = box.scrollHeight)")
    page.locator("#row-1999").wait_for()
    assert page.evaluate(widths) == before


def test_all_rows_are_printed(net: Any, open_report: Any) -> None:
    page = open_report(net(chain(700)))
    lines = page.locator("#layers tbody tr[data-row]")
    assert lines.count() < 150
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert lines.count() == 700
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert lines.count() < 150


# --- which rows are layers ----------------------------------------------------------------------------------------------

GRAPH = """g (float[1, 4] x) => (float[1, 4] z) {
    c = Constant<value_floats=[1.0, 2.0, 3.0, 4.0]>()
    y = Add(x, c)
    d = Neg(c)
    w = Relu(y)
    z = Mul(w, d)
}"""
"""Five operators, two of which only make constants: the first and the third."""


def numbered(page: Any) -> list[tuple[str, str | None]]:
    """Each row's type and number."""
    found = page.locator("#layers tbody tr").evaluate_all(
        "rows => rows.map(row => [row.cells[1].textContent, row.cells[0].dataset.number ?? null])"
    )
    return [(kind, number) for kind, number in found]


@pytest.mark.parametrize("scripts", [True, False])
def test_rows_are_numbered_as_the_charts_number_layers(scripts: bool, open_report: Any) -> None:
    page = open_report(harness.run(GRAPH), scripts=scripts)
    assert numbered(page) == [("Add", "1"), ("Relu", "2"), ("Mul", "3")]
    sign = page.locator("#layers tbody th").last.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert "data-number" in sign or sign == '"3"'
    assert page.locator("#layers .constants").inner_text().startswith("3 operators; 2 constants not shown")


def test_constants_are_shown_when_they_are_asked_for(open_report: Any) -> None:
    page = open_report(harness.run(GRAPH))
    box = page.get_by_role("checkbox", name="Constants (2)")
    page.get_by_role("checkbox", name="Constants (2)").check()
    assert numbered(page) == [("Constant", None), ("Add", "1"), ("Neg", None), ("Relu", "2"), ("Mul", "3")]
    assert not page.locator("#layers .constants").is_visible()
    assert page.locator("#layers select option").all_inner_texts()[1:] == [
        "Add (1)", "Constant (1)", "Mul (1)", "Neg (1)", "Relu (1)"
    ]  # fmt: skip
    box.uncheck()
    assert len(numbered(page)) == 3


def test_a_link_to_a_constant_shows_the_constants(open_report: Any) -> None:
    page = open_report(harness.run(GRAPH))
    page.evaluate("location.hash = '#row-0'")
    page.wait_for_function("document.querySelectorAll('#layers tbody tr').length === 5")
    assert page.locator("#row-0").get_attribute("aria-current") == "true"


def test_a_report_of_all_rows_begins_with_the_constants(open_report: Any) -> None:
    page = open_report(harness.run(GRAPH), all=True)
    assert len(numbered(page)) == 5 and page.locator("#layers .constants").count() == 0
    page.get_by_role("checkbox", name="Constants (2)").uncheck()
    assert len(numbered(page)) == 3


# --- the most expensive layers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False])
def test_the_five_most_expensive_layers_lead_to_their_rows(
    scripts: bool, det1: graphcost.Analysis, open_report: Any
) -> None:
    """10 x 10 x 10 places x 27 taps; 3 x 3 x 16 x 90; 32 x 144; 4 x 32; 2 x 32: of 44,760."""
    page = open_report(det1, scripts=scripts)
    items = page.locator(".expensive li")
    assert items.all_inner_texts() == [
        "conv1 Convolution 3x3 27.0 k · 60.3%",
        "conv2 Convolution 3x3 13.0 k · 29.0%",
        "conv3 Convolution 3x3 4.6 k · 10.3%",
        "conv4-2 Convolution 1x1 128 · 0.3%",
        "conv4-1 Convolution 1x1 64 · 0.1%",
    ]
    items.nth(2).locator("a").click()
    assert page.evaluate("location.hash") == "#row-5"
    assert page.locator("#row-5 th").inner_text() == "conv3"
    if scripts:
        assert page.locator("#row-5").get_attribute("aria-current") == "true"


def test_the_most_expensive_layers_are_those_of_the_sizes_that_are_given(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(graphcost.analyze(model, shapes={"data": (1, 3, "H", "W")}))
    assert not page.locator(".expensive").is_visible()
    page.evaluate("graphcost.set({H: 24, W: 24})")
    fresh = open_report(graphcost.analyze(model, shapes={"data": (1, 3, 24, 24)}))
    texts = page.locator(".expensive li").all_inner_texts()
    assert texts == fresh.locator(".expensive li").all_inner_texts() != []
    hrefs = "links => links.map(link => link.getAttribute('href'))"
    assert page.locator(".expensive a").evaluate_all(hrefs) == fresh.locator(".expensive a").evaluate_all(hrefs)


def test_the_head_of_the_printed_table_is_text_which_browsers_repeat(
    det1: graphcost.Analysis, open_report: Any
) -> None:
    page = open_report(det1)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#layers thead button").count() == 0
    assert page.locator("#layers thead th").first.inner_text() == "layer"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#layers thead button").count() == 8
