"""The drawn network in a browser: zoom, drag, find, choose, and colour."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

import graphcost
import harness
from graphcost.page.charts import Charts
from graphcost.page.drawing import View, draw
from harness import image, layer

HEAD = image(1, 3, 32, 32)


def conv(name: str, bottom: str, outputs: int) -> str:
    return harness.conv(name, bottom, "kernel_size: 3 pad: 1", outputs)


def relu(name: str, bottom: str) -> str:
    return layer(name, "ReLU", bottom)


CHAIN = HEAD + "".join(
    conv(f"part{at}/conv", f"part{at - 1}/relu" if at else "data", 4 + at) + relu(f"part{at}/relu", f"part{at}/conv")
    for at in range(12)
)
"""Twelve modules of a convolution and a ReLU each."""


@pytest.fixture
def chain(net: Any) -> graphcost.Analysis:
    return net(CHAIN)  # type: ignore[no-any-return]


def shown(page: Any) -> Any:
    """The page, scrolled to its graph."""
    page.locator("#graph").scroll_into_view_if_needed()
    page.locator(".canvas.live").first.wait_for()
    return page


def nodes(page: Any) -> Any:
    return page.locator(".canvas:not([hidden]) .boxes a")


def node(page: Any, row: int) -> Any:
    return page.locator(f'.canvas:not([hidden]) a[data-row="{row}"]')


def width(page: Any) -> float:
    return float(page.locator(".canvas:not([hidden]) svg").get_attribute("width"))


def seen(page: Any, row: int) -> bool:
    """Whether the middle of a row's box is in what the canvas shows."""
    box = node(page, row).bounding_box()
    canvas = page.locator(".canvas:not([hidden])").bounding_box()
    x, y = box["x"] + box["width"] / 2 - canvas["x"], box["y"] + box["height"] / 2 - canvas["y"]
    return bool(0 < x < canvas["width"] and 0 < y < canvas["height"])


def choices(page: Any) -> Any:
    """What has been chosen since `listen`."""
    return page.evaluate("window.choices")


def listen(page: Any) -> None:
    page.evaluate("""() => {
        window.choices = [];
        document.addEventListener("graphcost:select", ({detail}) => window.choices.push([detail.row, detail.from]));
    }""")


def select(page: Any, row: int) -> None:
    page.evaluate(
        """row => document.dispatchEvent(
            new CustomEvent("graphcost:select", {detail: {row, from: "table"}}))""",
        row,
    )


def test_it_opens_at_the_input_and_can_be_read(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    assert seen(page, 0)
    assert not seen(page, 23)
    assert page.locator("#graph form").is_visible()


def test_in_a_frame_that_gets_its_size_later_it_is_drawn_then(chain: graphcost.Analysis, open_report: Any) -> None:
    page = open_report("<!doctype html><title>A frame</title>")
    page.evaluate(
        """html => new Promise((loaded) => {
            const frame = document.createElement("iframe");
            frame.style.cssText = "width: 0; height: 0; border: 0";
            frame.srcdoc = html;
            frame.addEventListener("load", loaded);
            document.body.append(frame);
        })""",
        chain.report().render("html"),
    )
    page.evaluate("document.querySelector('iframe').style.cssText = 'width: 1000px; height: 800px; border: 0'")
    inside = page.frame_locator("iframe")
    inside.locator(".canvas.live").first.wait_for()
    assert inside.locator(".canvas:not([hidden])").bounding_box()["height"] == 0.8 * 800


def test_buttons_zoom_and_fit(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    before = width(page)
    page.get_by_role("button", name="Zoom in").click()
    assert width(page) == pytest.approx(before * 1.25)
    page.get_by_role("button", name="Zoom out").click()
    assert width(page) == pytest.approx(before)
    page.get_by_role("button", name="Fit").click()
    assert all(seen(page, row) for row in (0, 12, 23))


def test_the_wheel_with_ctrl_zooms_at_the_pointer(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    node(page, 3).hover()
    before, zoomed = node(page, 3).bounding_box(), width(page)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -150)
    page.keyboard.up("Control")
    page.wait_for_function("before => document.querySelector('.canvas svg').width.baseVal.value > before", arg=zoomed)
    after = node(page, 3).bounding_box()
    assert after["width"] > before["width"]
    assert after["y"] + after["height"] / 2 == pytest.approx(before["y"] + before["height"] / 2, abs=2)


def test_dragging_moves_the_drawing_and_chooses_nothing(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    listen(page)
    node(page, 3).hover()
    box = node(page, 3).bounding_box()
    page.mouse.down()
    page.mouse.move(box["x"] + 50, box["y"] - 60, steps=4)
    page.mouse.up()
    assert node(page, 3).bounding_box()["y"] < box["y"] - 30
    assert choices(page) == []


def test_a_click_chooses_the_row(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    listen(page)
    node(page, 2).click()
    assert choices(page) == [[2, "graph"]]
    assert page.locator(".canvas:not([hidden]) .chosen[data-row]").count() == 1


def test_what_is_chosen_elsewhere_is_marked_and_comes_into_view(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    assert not seen(page, 23)
    select(page, 23)
    assert seen(page, 23)
    assert "chosen" in node(page, 23).get_attribute("class")
    assert page.locator(".canvas:not([hidden]) .edges .chosen").count() == 2  # from the convolution, to the output


def test_what_was_chosen_before_the_graph_came_into_view_is_in_it(chain: graphcost.Analysis, open_report: Any) -> None:
    page = open_report(chain)
    select(page, 23)
    assert seen(shown(page), 23)


def test_finding_counts_centres_and_goes_on(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    field = page.get_by_role("searchbox", name="Find")
    field.fill("conv part1")
    status = page.locator("#graph output")
    assert status.inner_text() == "1 of 3"  # 1, 10 and 11
    assert seen(page, 2)
    field.press("Enter")
    assert status.inner_text() == "2 of 3"
    assert seen(page, 20)
    field.fill("no such layer")
    assert status.inner_text() == "no match"
    assert page.locator(".found").count() == 0


def test_finding_zooms_to_what_it_found(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    page.get_by_role("button", name="Fit").click()
    assert node(page, 20).bounding_box()["height"] < 40
    page.get_by_role("searchbox", name="Find").fill("part10/conv")
    assert node(page, 20).bounding_box()["height"] == pytest.approx(64, abs=4)  # and its frame
    assert seen(page, 20)


def test_the_graph_is_drawn_before_anybody_scrolls_to_it(chain: graphcost.Analysis, open_report: Any) -> None:
    """As in a picture of the whole page; the canvas is below the window."""
    page = open_report(chain)
    assert page.locator(".canvas").first.bounding_box()["y"] > 900
    assert page.locator(".canvas.live").count() == 1
    assert seen(page, 0)


def test_a_repeated_block_expands_to_its_first_and_a_row_of_another_is_all_of_them(net: Any, open_report: Any) -> None:
    text = HEAD + "".join(relu(f"r{at}", f"r{at - 1}" if at else "data") for at in range(30))
    page = shown(open_report(net(text)))
    page.get_by_role("radio", name="Repeated blocks as one (1)").check()
    select(page, 7)
    assert page.locator(".canvas:not([hidden]) a.chosen tspan").first.text_content() == "30 x 1 operator"
    page.locator(".canvas:not([hidden]) .sign").click()
    assert node(page, 0).count() == 2  # the fold and its first
    select(page, 0)
    assert page.locator(".canvas:not([hidden]) a.chosen title").all_text_contents()[0].split("\n")[-1] == "r0"


SHEETS = """() => [...document.querySelectorAll(".sheets")].flatMap(sheets =>
    getComputedStyle(sheets).display === "none" ? [] : [...sheets.children].map(sheet => sheet.getAttribute("viewBox")))"""


def test_a_drawing_too_long_for_a_page_is_printed_on_several(chain: graphcost.Analysis, open_report: Any) -> None:
    """26 ranks of 98 pixels, nine on a sheet, between which no box stands; of that which is shown."""
    page = open_report(chain)
    assert page.evaluate(SHEETS) == []
    page.emulate_media(media="print")
    assert page.evaluate(SHEETS) == [f"0 {top} 184 882" for top in (-1, 881, 1763)]
    assert not page.locator(".canvas svg").first.is_visible()
    page.emulate_media(media="screen")
    page.get_by_role("radio", name="Modules (12)").check()
    page.emulate_media(media="print")
    assert page.evaluate(SHEETS) == [f"0 {top} 184 882" for top in (-1, 881)]


def test_the_keyboard_goes_from_box_to_box_and_chooses(chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    listen(page)
    assert page.locator('#graph .canvas:not([hidden]) a[tabindex="0"]').count() == 1
    node(page, 0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert choices(page) == [[2, "graph"]]
    before = width(page)
    page.keyboard.press("+")
    assert width(page) == pytest.approx(before * 1.25)


def test_a_module_stands_for_its_operators(chain: graphcost.Analysis, open_report: Any) -> None:
    """Found by their names, chosen with any of them; and in the other drawing they are marked in its place."""
    page = shown(open_report(chain))
    page.get_by_role("radio", name="Modules (12)").check()
    assert nodes(page).count() == 12
    page.get_by_role("searchbox", name="Find").fill("part11/relu")
    assert page.locator("#graph output").inner_text() == "1 of 2"  # and the output of that name
    listen(page)
    page.locator("a.found").click()
    assert choices(page) == [[22, "graph"]]
    page.get_by_role("radio", name="Operators (24)").check()
    assert page.locator(".canvas:not([hidden]) .boxes .chosen").count() == 2
    assert seen(page, 22)
    select(page, 5)
    page.get_by_role("radio", name="Modules (12)").check()
    assert page.locator(".canvas:not([hidden]) .boxes .chosen tspan").first.text_content() == "part2"


NESTED = (
    HEAD
    + "".join(
        conv(f"{stage}/{part}/conv{at}", f"{stage}/{part}/relu{at - 1}" if at else above, 4)
        + relu(f"{stage}/{part}/relu{at}", f"{stage}/{part}/conv{at}")
        for stage, part, above in (
            ("a", "x", "data"),
            ("a", "y", "a/x/relu2"),
            ("b", "x", "a/y/relu2"),
            ("b", "y", "a/x/relu2"),
        )
        for at in range(3)
    )
    + 'layer { name: "sum" type: "Eltwise" bottom: "b/x/relu2" bottom: "b/y/relu2" top: "sum" }'
)
"""Four modules of six operators each, two beside each other."""


def module(page: Any, name: str) -> Any:
    return page.locator(".canvas:not([hidden]) a.module").filter(has_text=name)


def boxes(page: Any) -> dict[str, Any]:
    """Where each box that is shown stands, by its title."""
    found: dict[str, Any] = page.locator(".canvas:not([hidden]) .boxes a").evaluate_all(
        """all => Object.fromEntries(all.map(each => {
            const {x, y, width, height} = each.querySelector("rect").getBoundingClientRect();
            return [each.querySelector("title").textContent.split("\\n").join(" "), [x, y, x + width, y + height]];
        }))"""
    )
    return found


def apart(one: Any, other: Any) -> bool:
    return bool(one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1])


def lines(page: Any) -> list[str]:
    found: list[str] = page.locator(".canvas:not([hidden]) .edges path").evaluate_all(
        "all => all.map(each => each.getAttribute('d'))"
    )
    return found


@pytest.fixture
def nested(net: Any, open_report: Any) -> Any:
    """Its modules."""
    page = shown(open_report(net(NESTED)))
    page.get_by_role("radio", name="Modules (5)").check()
    return page


def test_a_module_expands_where_it_stands_and_all_others_move_aside(nested: Any) -> None:
    """Two that stand beside each other."""
    before = boxes(nested)
    for name in ("b/x", "b/y"):
        module(nested, name).locator(".sign").click()
    after = boxes(nested)
    frames = [box for title, box in after.items() if title.startswith(("b/x 6", "b/y 6"))]
    inner = {title: box for title, box in after.items() if title not in before}
    assert len(frames) == 2 and len(inner) == 12
    assert apart(*frames)
    for title, box in after.items():
        inside = [frame for frame in frames if not apart(frame, box) and frame != box]
        assert len(inside) == (1 if title in inner else 0)
        assert all(f[0] < box[0] and f[1] < box[1] and box[2] < f[2] and box[3] < f[3] for f in inside)
    assert all(apart(one, other) for one, other in combinations(inner.values(), 2))


def test_what_was_expanded_collapses_to_what_it_was(nested: Any) -> None:
    before = boxes(nested), lines(nested)
    for _ in range(2):
        module(nested, "a/y").locator(".sign").click()
    after = boxes(nested), lines(nested)
    assert after[1] == before[1]
    assert {
        title: [end - start for start, end in zip(box, box[2:], strict=False)] for title, box in after[0].items()
    } == {title: [end - start for start, end in zip(box, box[2:], strict=False)] for title, box in before[0].items()}


def test_the_space_bar_expands(nested: Any) -> None:
    a = module(nested, "a/x")
    assert a.get_attribute("aria-expanded") == "false"
    a.focus()
    nested.keyboard.press("Space")
    assert a.get_attribute("aria-expanded") == "true"
    assert node(nested, 1).count() == 1
    nested.keyboard.press("Space")
    assert a.get_attribute("aria-expanded") == "false"
    assert node(nested, 1).count() == 0


def test_what_is_expanded_is_found_chosen_and_coloured_like_all_else(nested: Any) -> None:
    nested.get_by_role("searchbox", name="Find").fill("b/y/conv1")
    assert nested.locator("a.found tspan").first.text_content() == "b/y"
    module(nested, "b/y").locator(".sign").click()
    assert nested.locator("a.found title").text_content().split("\n")[-1] == "b/y/conv1"
    listen(nested)
    nested.locator("a.found").click()
    assert choices(nested) == [[20, "graph"]]
    assert nested.locator(".canvas:not([hidden]) a.chosen").count() == 1
    nested.get_by_role("combobox", name="Colour by").select_option("learned_params")
    assert node(nested, 20).get_attribute("class").split()[-1] != "h9"
    select(nested, 22)
    assert seen(nested, 22)


def heats(page: Any) -> list[str]:
    """The last class of each box."""
    classes: list[str] = nodes(page).evaluate_all("all => all.map(each => each.getAttribute('class'))")
    return [next(name for name in text.split() if name.startswith("h")) for text in classes]


def written(page: Any) -> list[list[tuple[int, int, str]]]:
    """The lines of each box with their places."""
    found = nodes(page).evaluate_all("""all => all.map(each => [...each.querySelectorAll("tspan")].map(line =>
        [Number(line.getAttribute("x")), Number(line.getAttribute("y")), line.textContent]))""")
    return [[(x, y, text) for x, y, text in lines] for lines in found]


def view(analysis: graphcost.Analysis, key: str) -> View:
    return draw(analysis, Charts(analysis).measured(key)).views[0]


@pytest.mark.parametrize("key", ["macs", "ops", "learned_params", "activation"])
def test_colours_are_those_of_the_chosen_measure(key: str, chain: graphcost.Analysis, open_report: Any) -> None:
    page = shown(open_report(chain))
    page.get_by_role("combobox", name="Colour by").select_option(key)
    boxes = [box for box in view(chain, key).boxes if box.node.rows]
    assert heats(page) == [f"h{box.heat}" for box in boxes]
    assert written(page) == [box.texts for box in boxes]


def scale(page: Any) -> str:
    text: str = page.locator("#graph .scale").text_content()
    return " ".join(text.split())


def test_the_ends_of_the_colours_are_those_of_the_drawing_and_the_measure(
    chain: graphcost.Analysis, open_report: Any
) -> None:
    """The last convolution has 15 x 14 x 9 weights for each of 32 x 32 places, and its module nothing else."""
    page = shown(open_report(chain))
    assert scale(page) == "Colour scale, MACs per box: 0 to 1.9 M"
    page.get_by_role("combobox", name="Colour by").select_option("learned_params")
    assert scale(page) == "Colour scale, params per box: 0 to 1,905"  # and 15 biases
    page.get_by_role("combobox", name="Colour by").select_option("activation")
    assert scale(page) == "Colour scale, activation per box: 0 to 60.0 KiB"  # 4 x 15 x 32 x 32
    page.get_by_role("radio", name="Modules (12)").check()
    assert scale(page) == "Colour scale, activation per box: 0 to 120.0 KiB"  # the ReLU's too


def test_other_sizes_are_drawn_as_a_fresh_analysis_would(net: Any, open_report: Any) -> None:
    """A pooling to a fixed size, so that shares change."""
    pool = 'layer { name: "p" type: "Pooling" bottom: "a" top: "p" pooling_param { pool: AVE global_pooling: true } }'
    text = HEAD + conv("a", "data", 8) + pool + conv("b", "p", 64)
    page = shown(open_report(net(text, shapes={"data": (1, 3, "H", "W")})))
    refused = page.evaluate("graphcost.set({H: 5, W: 7})")
    assert refused == ""
    fresh = net(text, shapes={"data": (1, 3, 5, 7)})
    expected = [box for box in view(fresh, "macs").boxes if box.node.rows]
    assert heats(page) == [f"h{box.heat}" for box in expected]
    assert written(page) == [box.texts for box in expected]
    assert page.evaluate("graphcost.set({})") == ""
    example = net(text, shapes={"data": (1, 3, 128, 128)})
    costs = [box.cost for box in view(example, "macs").boxes if box.node.rows]
    assert [lines[-1][2] for lines in written(page) if len(lines) == 4] == [cost for cost in costs if cost]
    assert scale(page).endswith(" for H = 128, W = 128, an example")


def test_lines_ends_and_modules_say_shapes_under_other_sizes(net: Any, open_report: Any) -> None:
    """And the reported ones again. A label that has no room as a formula has none before."""
    skip = 'layer { name: "s" type: "Eltwise" bottom: "a/c" bottom: "a/r" top: "s" }'
    text = HEAD + conv("a/c", "data", 8).replace("pad: 1", "pad: 0") + relu("a/r", "a/c") + skip
    more = "".join(relu(f"b/{at}", f"b/{at - 1}" if at else "s") for at in range(4))
    page = shown(open_report(net(text + more, shapes={"data": (1, 3, "H", "W")})))

    def said() -> tuple[list[str], list[str]]:
        labels = page.locator(".canvas .labels text").all_text_contents()
        return labels, page.locator(".canvas .boxes .end title, .canvas .boxes .module title").all_text_contents()

    before = said()
    assert before[0] == ["", ""]
    assert page.evaluate("graphcost.set({H: 7, W: 9})") == ""
    labels, titles = said()
    fresh = draw(net(text + more, shapes={"data": (1, 3, 7, 9)}))
    assert [label for label in labels if label] == [e.label for v in fresh.views for e in v.edges if e.label] != []
    ends = [box for v in fresh.views for box in v.boxes if box.node.role not in ("op",)]
    assert titles == ["\n".join((*box.node.lines, *box.node.more)) for box in ends]
    assert page.evaluate("graphcost.set({})") == ""
    assert said() == before


def test_without_scripts_the_drawing_is_there_and_leads_to_the_rows(
    chain: graphcost.Analysis, open_report: Any
) -> None:
    page = open_report(chain, scripts=False)
    assert page.locator("#graph form").is_hidden()
    assert page.locator(".canvas").first.is_visible()
    assert page.locator(".canvas").last.is_hidden()
    for row in (0, 23):
        target = page.locator(f'.canvas a[data-row="{row}"]').first.get_attribute("href")
        assert page.locator(f"tr{target}").count() == 1


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "'><img src=x onerror=alert(1)>", "]]><!--"])
def test_names_are_text(name: str, net: Any, open_report: Any) -> None:
    page = open_report(net(HEAD + harness.conv(name, top="c")))
    assert node(page, 0).locator("title").text_content().split("\n")[-1] == name
    assert page.locator("#graph img").count() == 0


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_narrow_screen_only_the_canvas_scrolls_sideways(root: Any, open_report: Any, dark: bool) -> None:
    page = open_report(root / "prototxt/ssd300.prototxt", width=400, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("document.querySelector('.canvas').scrollWidth") > 400
