"""The page as a whole, in a browser: whole in one file, harmless whatever the names, there without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.target import Target

SAMPLES = [
    "prototxt/det1.prototxt",
    "prototxt/ssd300.prototxt",
    "onnx_models/retinaface.onnx",
    "onnx_models/ssd300.onnx",
]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "</title></style><svg onload=alert(1)>",
    "<!--",
    "'${alert(1)}{{7*7}}",
    "a\u202eb\u2028c\td",
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"by": "scope"},
    {"style": "netscope"},
    {"style": "matconvnet"},
    {"sections": ("memory",)},
]


@pytest.fixture
def hostile(net: Any) -> graphcost.Analysis:
    """A network all of whose names are markup: of the model, its input, its layers, types and tensors."""
    names = [name.replace("\\", "\\\\").replace('"', '\\"') for name in HOSTILE]
    text = f'name: "{names[0]}" input: "{names[1]}" input_shape {{ dim: 1 dim: 3 dim: 8 dim: 8 }}\n'
    below = names[1]
    for at, name in enumerate(names):
        last = at == len(names) - 1  # a type with characters that nobody sees is refused
        kind = names[0] if last else "Convolution" if at % 2 == 0 else "ReLU"
        rest = "convolution_param { num_output: 4 kernel_size: 1 }" if kind == "Convolution" else ""
        text += f'layer {{ name: "{name}/{at}" type: "{kind}" bottom: "{below}" top: "{name} {at}" {rest} }}\n'
        below = f"{name} {at}"
    return net(text, shapes={HOSTILE[1]: ("N", 3, 8, "W")})  # type: ignore[no-any-return]


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_report_opens_without_a_word_on_the_console_and_asks_for_nothing(
    sample: str, root: Path, open_report: Any
) -> None:
    page = open_report(root / sample)  # the fixture looks at what was said and fetched
    assert page.title() == page.locator("h1").inner_text()


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_report_of_a_sample_is_smaller_than_400_kilobytes(sample: str, root: Path) -> None:
    html = graphcost.analyze(graphcost.load(root / sample)).report().render("html")
    assert len(html.encode()) < 400_000


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_names_that_are_markup_are_text(options: dict[str, Any], hostile: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(hostile, **options)
    assert page.title() == f"{HOSTILE[0]} (Caffe)"
    assert page.locator("img, script:not([id]) ~ script, [onload], [onerror]").count() == 0
    assert page.locator("script").count() == 2  # data and scripts, as ever
    assert page.locator("#layers").get_by_text(f"{HOSTILE[0]}").count() >= 1


def test_names_that_are_markup_stay_text_while_a_reader_uses_the_page(
    hostile: graphcost.Analysis, open_report: Any
) -> None:
    page = open_report(hostile)
    for title in ("layer", "type", "MACs"):
        page.get_by_role("button", name=title, exact=True).click()
    page.fill("#layers input[name=text]", "<")
    for row in range(len(HOSTILE)):
        select = "(row) => document.dispatchEvent(new CustomEvent('graphcost:select', {detail: {row, from: 'chart'}}))"
        page.evaluate(select, row)
    page.locator("figure[data-chart=params] rect").first.hover()
    page.get_by_label("N", exact=True).fill("3")
    page.get_by_label("W", exact=True).fill("5")
    page.get_by_role("button", name="Copy as Markdown").click()
    assert page.locator("img, [onload], [onerror]").count() == 0
    names = page.locator("#layers tbody th").all_inner_texts()
    assert f"{HOSTILE[0]}/0" in names and r"a\u202eb\u2028c\td/6" in names
    text = page.evaluate("document.documentElement.outerHTML")
    assert not set(text) & set("\u202e\u2028\t")


@pytest.mark.parametrize("sample", SAMPLES)
def test_everything_is_there_without_scripts(sample: str, root: Path, open_report: Any) -> None:
    report = graphcost.analyze(graphcost.load(root / sample)).report()
    page = open_report(report.analysis, scripts=False)
    body, shown = page.locator("#layers tbody tr"), report.of_whole_formulas().table
    assert body.count() == len(shown.rows)
    assert tuple(body.last.locator("th, td").all_inner_texts()) == shown.rows[-1]
    assert body.last.is_visible() and page.locator("#layers tfoot").is_visible()
    assert page.locator("#layers caption").inner_text() and page.locator("#layers thead th[scope=col]").count() == 8
    assert all(len(words) > 20 for words in page.locator("figure .unscripted").all_inner_texts())
    assert page.locator("form:visible").count() == 0  # what does nothing is not offered


def test_without_scripts_a_long_table_is_whole_and_sizes_are_explained(net: Any, open_report: Any) -> None:
    layers = [
        f'layer {{ name: "r{at}" type: "ReLU" bottom: "{f"r{at - 1}" if at else "data"}" top: "r{at}" }}'
        for at in range(600)
    ]
    text = 'input: "data" input_shape { dim: 1 dim: 3 }\n' + "\n".join(layers)
    page = open_report(net(text, shapes={"data": ("N", 3)}), scripts=False)
    assert page.locator("#row-599").is_visible()
    assert page.get_by_text(
        "With scripts enabled, the report can be recomputed here for other input sizes."
    ).is_visible()


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("sample", ["prototxt/det1.prototxt", "onnx_models/retinaface.onnx"])
def test_the_page_never_scrolls_sideways(sample: str, width: int, root: Path, open_report: Any) -> None:
    page = open_report(root / sample, width=width)
    page.get_by_text("Columns", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


BROKEN = """() => {
  const broken = [];
  for (const card of document.querySelectorAll(".card")) {
    const walker = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.parentElement.closest(".formula")) continue; // it may break anywhere
      for (const {0: word, index} of node.data.matchAll(/[^\\s-]+/g)) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        const lines = new Set([...range.getClientRects()].map(({top}) => top));
        if (lines.size > 1) broken.push(word);
      }
    }
  }
  return broken;
}"""
"""Words of the cards that stand on more than one line."""


@pytest.mark.parametrize("width", [1280, 400, 320])
def test_no_word_of_a_card_is_broken(width: int, net: Any, open_report: Any) -> None:
    """Ten digits of parameters, and a layer whose name is wider than its card."""
    name = "a_layer_whose_name_is_wider_than_any_card_that_says_where_the_peak_is"
    text = (
        'input: "data" input_shape { dim: 1 dim: 192 }'
        f' layer {{ name: "{name}" type: "InnerProduct" bottom: "data" top: "f"'
        f" inner_product_param {{ num_output: {2**25} }} }}"
    )
    page = open_report(net(text, target=Target(device="cortex-m7")), width=width)
    assert page.locator(".card", has_text="Parameters").locator(".value").inner_text() == f"{193 * 2**25:,}"
    assert page.evaluate(BROKEN) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".card .at").get_attribute("title") == name


def test_ids_are_unique_and_references_lead_somewhere(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(graphcost.analyze(model, shapes={"data": ("N", 3, "H", "W")}))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))
    names = "['aria-labelledby', 'aria-describedby', 'aria-controls', 'for', 'href']"
    asked = page.evaluate(
        f"{names}.flatMap((n) => [...document.querySelectorAll(`[${{n}}]`)].map((e) => e.getAttribute(n).replace('#', '')))"
    )
    assert set(asked) <= set(ids)


def test_every_control_has_a_name(root: Path, open_report: Any) -> None:
    model = graphcost.load(root / "prototxt/det1.prototxt")
    page = open_report(graphcost.analyze(model, shapes={"data": ("N", 3, "H", "W")}))
    nameless = """() => [...document.querySelectorAll("input, select, textarea, button")].filter((e) =>
        !(e.labels?.length || e.textContent.trim() || e.ariaLabel || e.title)).map((e) => e.outerHTML)"""
    assert page.evaluate(nameless) == []


CUT = """() => [...document.querySelectorAll("#layers table, #layers :is(th, td)")].filter((each) =>
    each.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    || each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent)"""
"""Cells of the table of layers that are cut, or stand beyond the page's right edge."""


@pytest.mark.parametrize("sample", ["onnx_models/retinaface.onnx", "prototxt/ssd300.prototxt"])
def test_nothing_of_the_table_is_cut_in_print_and_the_totals_are_there_once(
    sample: str, root: Path, open_report: Any
) -> None:
    page = open_report(root / sample, width=960)  # what a landscape page has between its margins
    page.emulate_media(media="print")
    assert page.locator("#layers thead th").count() == 8
    assert page.evaluate(CUT) == []
    assert page.evaluate("getComputedStyle(document.querySelector('#layers tfoot')).display") == "table-row-group"
    assert page.get_by_text("Not printed: the drawing is too large to be read on a page.").first.is_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_a_shadow_says_that_a_chart_or_a_table_scrolls(dark: bool, root: Path, open_report: Any) -> None:
    """It stays at the edge while what covers it at the ends scrolls along; on paper there is none."""
    page = open_report(root / "prototxt/det1.prototxt", width=400, dark=dark)
    for place in ("figure[data-chart=cost] .plot", "#layers .scroll"):
        styles = page.locator(place).evaluate(
            "(box) => [box.scrollWidth > box.clientWidth, getComputedStyle(box).backgroundAttachment]"
        )
        assert styles == [True, "local, local, scroll, scroll"]
    page.emulate_media(media="print")
    assert page.locator("#layers .scroll").evaluate("(box) => getComputedStyle(box).backgroundImage") == "none"


def test_on_paper_small_charts_stand_two_abreast_and_keep_their_colours(root: Path, open_report: Any) -> None:
    page = open_report(root / "prototxt/det1.prototxt", width=1000)
    page.emulate_media(media="print")
    boxes = {
        key: page.locator(f"figure[data-chart={key}]").bounding_box() for key in ("cost", "params", "memory", "types")
    }
    assert boxes["params"]["y"] == boxes["memory"]["y"] and boxes["params"]["x"] < boxes["memory"]["x"]
    assert boxes["params"]["width"] < 500 < boxes["cost"]["width"]
    for key in boxes:
        plot, svg = (page.locator(f"figure[data-chart={key}] {part}").bounding_box() for part in (".plot", "svg"))
        assert svg["width"] <= plot["width"] + 1
    kept = "(mark) => [getComputedStyle(mark).printColorAdjust, getComputedStyle(mark, '::before').backgroundColor]"
    assert page.locator(".legend li").first.evaluate(kept) == ["exact", "rgb(0, 114, 178)"]
