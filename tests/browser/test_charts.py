"""The charts in a browser: what is pointed at, where a click leads, and what they are under other sizes and measures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.target import Target
from harness import HEAD, conv

SAMPLES = ("prototxt/det1.prototxt", "onnx_models/ssd300.onnx", "onnx_models/retinaface.onnx")

DRAWN = """() => [...document.querySelectorAll("figure[data-chart]")].flatMap((figure) => [...figure.querySelectorAll(
  "svg [x], svg [cx], svg .area, .legend li, .caption, .live-tensors li")].map((e) => [
    figure.dataset.chart, e.localName, e.textContent,
    ...["class", "data-row", "x", "y", "width", "height", "cx", "cy", "d"].map((name) => e.getAttribute(name))]))"""
"""Everything in the charts: which chart, what it is, what it says, and where it stands."""

HEARD = "document.addEventListener('graphcost:select', ({detail}) => (window.heard = detail))"


def same(drawn: list[list[str | None]], expected: list[list[str | None]]) -> None:
    """Assert that two drawings say the same, and that no place differs by more than a rounding to hundredths."""
    number = re.compile(r"-?\d+(?:\.\d+)?")
    assert [line[:5] for line in drawn] == [line[:5] for line in expected]
    for line, wanted in zip(drawn, expected, strict=True):
        places, due = ([float(n) for text in each[5:] for n in number.findall(text or "")] for each in (line, wanted))
        assert places == pytest.approx(due, abs=0.0101), line[:3]


def figure(page: Any, key: str) -> Any:
    return page.locator(f'figure[data-chart="{key}"]')


def test_what_is_pointed_at_is_said_beside_it(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt")
    figure(page, "cost").locator("rect").first.hover()
    assert page.locator(".tip").inner_text() == "conv1 (Convolution 3x3): 27.0 k MACs, 60.3%"
    page.mouse.move(0, 0)
    assert page.locator(".tip").inner_text() == ""


def test_a_bar_too_short_to_meet_is_pointed_at_above_it(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt")
    bar = figure(page, "cost").locator('rect[data-row="7"]')  # 64 of 45 k MACs
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] - 60)
    assert page.locator(".tip").inner_text().startswith("conv4-1 (Convolution 1x1): 64 MACs")


def test_the_arrow_keys_go_from_bar_to_bar_and_enter_chooses(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt")
    page.evaluate(HEARD)
    figure(page, "cost").locator(".plot").focus()
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home"):
        page.keyboard.press(key)
        said.append(page.locator(".tip").inner_text().split(" ")[0])
    assert said == ["conv1", "conv2", "conv1", "conv4-2", "conv1"]
    page.keyboard.press("Enter")
    assert page.evaluate("window.heard") == {"row": 0, "from": "chart"}
    page.keyboard.press("Escape")
    assert page.locator(".tip").inner_text() == ""


@pytest.mark.parametrize("key", ["cost", "params", "memory", "types"])
def test_a_click_on_a_mark_chooses_its_layer(key: str, root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt")
    page.evaluate(HEARD)
    mark = figure(page, key).locator("rect").nth(1)
    mark.click()
    assert page.evaluate("window.heard") == {"row": int(mark.get_attribute("data-row")), "from": "chart"}
    assert "chosen" in mark.get_attribute("class")


def test_a_layer_chosen_elsewhere_is_marked_in_the_charts(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt")
    page.evaluate("document.dispatchEvent(new CustomEvent('graphcost:select', {detail: {row: 3, from: 'table'}}))")
    marked = page.locator("rect.chosen")
    rows = marked.evaluate_all("marks => marks.map((m) => [m.closest('figure').dataset.chart, m.dataset.row])")
    largest = [["types", "0"], ["weights", "5"]]  # of its type: conv1 by operations, conv3 by parameters
    assert rows == [["cost", "3"], ["params", "3"], ["memory", "3"], *largest]


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 24, 24), (1, 640, 480), (8, 37, 91)])
def test_charts_under_other_sizes_are_those_of_a_fresh_report(
    batch: int, height: int, width: int, root: Path, open_report: Any
) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(graphcost.analyze(model, shapes={"data": ("N", 3, "H", "W")}))
    assert page.evaluate(f"graphcost.set({{N: {batch}, H: {height}, W: {width}}})") == ""
    fresh = open_report(graphcost.analyze(model, shapes={"data": (batch, 3, height, width)}))
    same(page.evaluate(DRAWN), fresh.evaluate(DRAWN))


def test_charts_of_open_sizes_are_drawn_for_an_example_and_say_so(root: Path, open_report: Any) -> None:
    """As a fresh report of these sizes draws them; what does not depend on them is drawn as it is."""
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(graphcost.analyze(model, shapes={"data": (1, 3, "H", "W")}))
    note = "Drawn for H = 128, W = 128, an example: Input sizes above changes it."
    assert [figure(page, key).locator(".caption").inner_text() for key in ("cost", "memory", "types")] == [note] * 3
    assert figure(page, "params").locator(".caption").inner_text() == ""
    fresh = open_report(graphcost.analyze(model, shapes={"data": (1, 3, 128, 128)}))
    drawn = [[*line[:2], line[2].replace(note, ""), *line[3:]] for line in page.evaluate(DRAWN)]
    same(drawn, fresh.evaluate(DRAWN))
    assert "·H" in page.locator('.card [data-total="macs"]').inner_text()  # the totals are as they were
    page.evaluate("graphcost.set({H: 12, W: 12})")
    assert figure(page, "cost").locator(".caption").inner_text() == ""
    page.evaluate("graphcost.set({})")
    assert figure(page, "cost").locator(".caption").inner_text() == note


def test_an_example_fits_the_network_and_where_none_does_a_chart_says_why_it_is_empty(
    net: Any, open_report: Any
) -> None:
    """A window of 200 fits into 224, and one of 600 into none of the examples."""
    for kernel, expected in ((200, "Drawn for H = 224"), (600, "Nothing to draw until")):
        text = HEAD + conv("c", fields=f"kernel_size: {kernel}")
        page = open_report(net(text, shapes={"data": (1, 3, "H", 1000)}))
        assert figure(page, "cost").locator(".caption").inner_text().startswith(expected)


def test_a_long_formula_on_a_card_gives_way_to_its_value(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det3.prototxt")
    page = open_report(graphcost.analyze(model, shapes={"data": (1, 3, "H", "W")}))
    macs = page.locator('.card [data-total="macs"]')
    formula = macs.get_attribute("title")
    assert "formula" in macs.get_attribute("class") and "·H" in formula
    page.evaluate("graphcost.set({H: 48, W: 48})")
    assert (macs.inner_text(), macs.get_attribute("class"), macs.get_attribute("title")) == ("12.9 M", "", "")
    page.evaluate("graphcost.set({})")
    assert macs.get_attribute("class") == "formula" and macs.get_attribute("title") == formula


ROOFLINE = {"target": Target(device="cortex-m7")}


def test_the_roofline_says_what_is_pointed_at(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(graphcost.analyze(model, shapes={"data": ("N", 3, 12, 12)}, **ROOFLINE))
    page.evaluate(HEARD)
    dot = figure(page, "roofline").locator("rect").nth(1)
    dot.hover()
    assert page.locator(".tip").inner_text().startswith("conv2 (Convolution 3x3): ")
    dot.click()
    assert page.evaluate("window.heard") == {"row": 3, "from": "chart"}


UNDER_ROOFS = """() => {
  const chart = document.querySelector('[data-chart="roofline"]');
  const all = (name, of) => [...chart.querySelectorAll(name)].map(of);
  return {
    marks: all(".marks rect", (m) => [+m.getAttribute("x"), +m.getAttribute("y"), m.dataset.row, m.getAttribute("class"), m.textContent]),
    roofs: all(".roofs path", (path) => path.getAttribute("d")), texts: all("svg text", (text) => text.textContent),
    legend: all(".legend li", (each) => each.textContent), caption: chart.querySelector(".caption").textContent,
    label: chart.querySelector("svg").getAttribute("aria-label"),
    cards: [...document.querySelectorAll("[data-device]")].map((card) => [card.className, card.innerText]),
  };
}"""


@pytest.mark.parametrize("device", ["cortex-m7", "rtx-4090", "raspberry-pi-4", "coral-edge-tpu"])
@pytest.mark.parametrize("sample", ["prototxt/det3.prototxt", "onnx_models/retinaface.onnx"])
def test_the_roofline_and_what_a_device_makes_of_it_are_those_of_a_fresh_analysis(
    sample: str, device: str, root: Path, open_report: Any
) -> None:
    """And go back to what was reported."""
    model, target = graphcost.load(root / sample), Target(device=device)
    page = open_report(graphcost.analyze(model, shapes={"data": ("N", 3, "H", "W")}, target=target))
    before = page.evaluate(UNDER_ROOFS) if device != "coral-edge-tpu" else None
    for n, h, w in [(1, 65, 65), (64, 225, 97), (512, 1025, 1025)]:
        fresh = graphcost.analyze(model, shapes={"data": (n, 3, h, w)}, target=target)
        assert page.evaluate("(sizes) => graphcost.set(sizes)", {"N": n, "H": h, "W": w}) == ""
        seconds = page.evaluate("graphcost.bound.rows.map(({seconds, by}) => [seconds, by ?? ''])")
        assert fresh.roofline is not None
        assert [each.by for each in fresh.roofline.rows] == [by for _, by in seconds]
        assert [each.seconds for each in fresh.roofline.rows] == [pytest.approx(value) for value, _ in seconds]
        other = open_report(fresh)
        if device != "coral-edge-tpu":
            assert page.evaluate(UNDER_ROOFS) == other.evaluate(UNDER_ROOFS)
    if before:
        page.evaluate("graphcost.set({})")
        assert page.evaluate(UNDER_ROOFS) == before


def test_another_measure_draws_the_chart_anew(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt")
    cost = figure(page, "cost")
    assert cost.locator("rect").count() == 5
    cost.locator("select").select_option("ops")
    assert cost.locator("rect").count() == 10  # every layer computes something
    assert cost.locator(".axes > .name").last.text_content() == "ops"
    assert cost.locator(".legend li").all_inner_texts() == ["convolution", "normalisation", "elementwise", "pooling"]
    types = figure(page, "types")
    types.locator("select").select_option("learned_params")
    assert types.locator("title").all_text_contents() == [
        "Convolution: 6,574 params, 99.1%",
        "PReLU: 58 params, 0.9%",
    ]


def test_without_scripts_the_charts_are_there_in_words_and_offer_nothing(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt", scripts=False)
    assert figure(page, "cost").locator("svg").count() == 0
    assert figure(page, "cost").inner_text().split("\n")[-1] == (
        "MACs of 10 layers in execution order: total 44.8 k, largest 27.0 k (60.3%) in conv1."
    )
    assert figure(page, "cost").locator(".of").inner_text() == "MACs"
    assert figure(page, "memory").locator(".live-tensors li").count() == 2
    assert page.locator("figure select").count() == 0


def test_a_narrow_window_has_its_charts_drawn_anew_to_be_read(root: Path, open_report: Any) -> None:
    """And a wide one again when the window is."""
    page = open_report(root / "prototxt/det1.prototxt")
    width = lambda: figure(page, "cost").locator("svg").get_attribute("width")  # noqa: E731
    assert width() == "1200"
    page.set_viewport_size({"width": 400, "height": 900})
    page.wait_for_function("document.querySelector('[data-chart=cost] svg').getAttribute('width') === '590'")
    assert page.evaluate("document.querySelector('[data-chart=cost] .plot').scrollWidth") < 600


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("sample", SAMPLES)
def test_the_page_never_scrolls_sideways(sample: str, width: int, root: Path, open_report: Any) -> None:
    page = open_report(root / sample, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("sample", SAMPLES)
def test_no_label_of_a_chart_is_cut_or_lies_on_another(sample: str, root: Path, open_report: Any) -> None:
    page = open_report(root / sample)
    wrong = page.evaluate("""() => [...document.querySelectorAll("figure svg")].flatMap((svg) => {
      const all = svg.getBoundingClientRect();
      const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
      const cut = texts.filter(([, b]) => b.left < all.left - 1 || b.right > all.right + 1 || b.top < all.top - 1
        || b.bottom > all.bottom + 1);
      const over = texts.filter(([, a], i) => texts.some(([, b], j) => i < j && a.left < b.right && b.left < a.right
        && a.top < b.bottom - 2 && b.top < a.bottom - 2));
      return [...cut, ...over].map(([text]) => text);
    })""")
    assert wrong == []


def test_the_page_prints_in_light_colours_with_the_titles_of_its_columns(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt", dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) != "rgb(255, 255, 255)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.locator("#layers thead th").first.is_visible() and not page.locator("nav").is_visible()
    assert page.locator("#layers thead").inner_text().split()[:2] == ["layer", "type"]
