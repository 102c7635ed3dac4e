"""The HTML report as text: what it says first, that it is sound and small, and that no name in a model can harm it."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost.page import Page, build
from graphcost.render import render
from graphcost.summary import Failure, Summary
from graphcost.target import Target
from harness import conv, image, layer

HEAD = 'name: "tiny" ' + image(1, 3, 8, 8)
CONV = conv("conv", top="c")
MYSTERY = layer("m", "Mystery", "c")

SAMPLES = (
    "prototxt/det1.prototxt", "prototxt/det2.prototxt", "prototxt/det3.prototxt", "prototxt/vgg16.prototxt",
    "prototxt/ssd300.prototxt", "prototxt/retinaface.prototxt", "prototxt/matconvnet_grouped.prototxt",
    "onnx_models/retinaface.onnx", "onnx_models/ssd300.onnx", "onnx_models/vgg16.onnx",
)  # fmt: skip
STYLES = ("default", "netscope", "matconvnet", "cs231n", "torchstat")


class Document(HTMLParser):
    """What is in a page: every element's name and attributes, and the text of styles and scripts. Fails on a bad end."""

    VOID = frozenset(("meta", "br", "hr", "input", "link", "img"))

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.raw: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self._open.append(tag)
        if tag in ("script", "style"):
            self.raw.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            self.raw[-1] += data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


def digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def page(analysis: graphcost.Analysis, **options: Any) -> Page:
    return build(analysis.report(**options), lambda name: "")


def cards(analysis: graphcost.Analysis) -> dict[str, str]:
    return {card.title: card.value for card in page(analysis).cards}


def test_the_cards_are_the_totals(net: Any) -> None:
    assert cards(net(HEAD + CONV)) == {
        "Parameters": "112",  # 4 x 27 + 4
        "Weights": "448 B",
        "MACs": "3.9 k",  # 4 x 36 outputs x 27 taps
        "Operations": "7.9 k",  # 2 x 3,888 + 144 biases
        "Peak activations": "1.3 KiB",  # 4 x (192 + 144)
        "Layers": "1",
    }


def test_one_of_a_unit_is_said_in_the_singular(net: Any) -> None:
    scale = 'layer { name: "s" type: "Scale" bottom: "data" top: "s" scale_param { axis: 0 num_axes: 0 } }'
    units = {card.title: (card.value, card.unit) for card in page(net(HEAD + scale)).cards}
    assert (units["Parameters"], units["Layers"]) == (("1", "element"), ("1", "operator"))


def test_a_card_of_a_lower_bound_says_so(net: Any) -> None:
    analysis = net(HEAD + CONV + MYSTERY)
    assert {card.title for card in page(analysis).cards if card.bound} == {
        "Parameters",
        "Weights",
        "MACs",
        "Operations",
    }
    html = analysis.report().render("html")
    assert '<span title="a lower bound">≥</span>' in html
    assert f'<p class="coverage warning">Coverage: {analysis.report().coverage}.</p>' in html
    assert "Mystery" in analysis.report().coverage


def test_a_formula_is_set_smaller_than_a_figure(net: Any) -> None:
    long = {card.title for card in page(net(HEAD + CONV, shapes={"data": ("N", 3, "H", "W")})).cards if card.formula}
    assert long == {"MACs", "Operations"}


def test_the_peak_names_its_layer(net: Any) -> None:
    (at,) = [card.at for card in page(net(HEAD + CONV)).cards if card.at is not None]
    assert at == "conv"


def test_a_peak_that_waits_for_sizes_says_so(net: Any) -> None:
    open_ = page(net(HEAD + CONV, shapes={"data": (1, 3, "H", 8)}))
    assert {card.title: (card.value, card.note) for card in open_.cards}["Peak activations"] == (
        "?",
        "depends on H",
    )


@pytest.mark.parametrize(
    ("device", "value", "note", "warn"),
    [
        ("rtx-4090", "fits", "weights and peak activations / RAM: 1.8 KiB of 24.0 GiB (0.0%)", False),
        (
            "small",
            "does not fit",
            "weights and peak activations / RAM: 1.8 KiB of 1.0 KiB (175.0%)",
            True,
        ),
    ],
)
def test_a_device_has_a_card_for_the_latency_and_one_for_what_fits(
    device: str, value: str, note: str, warn: bool, net: Any, tmp_path: Path
) -> None:
    """448 bytes of weights and 4 x (192 + 144) of activations are 1,792."""
    (tmp_path / "small.toml").write_text(
        'title = "Small"\nsource = ["made up"]\nbandwidth = 1e6\nfast_memory = 0\nmemory = 1024\n[macs]\nfloat32 = 1e3\n'
    )
    path = str(tmp_path / "small.toml") if device == "small" else device
    latency, fit = page(net(HEAD + CONV, target=Target(device=path))).device_cards
    assert latency.title == "Latency, lower bound" and latency.note.endswith("-bound")
    assert (fit.title, fit.value, fit.note, fit.warn) == ("Memory fit", value, note, warn)


def test_an_input_that_is_given_another_shape_says_what_the_file_says(net: Any) -> None:
    (input_,) = page(net(HEAD + CONV, shapes={"data": ("N", 3, 16, 16)})).inputs
    assert (input_.name, input_.shape, input_.declared) == ("data", "N x 3 x 16 x 16", "1x3x8x8")


def test_the_head_says_what_the_model_is(root: Path) -> None:
    path = root / "onnx_models/vgg16.onnx"
    assert page(graphcost.analyze(graphcost.load(path))).about == [
        ("Format", "ONNX"),
        ("Operator sets", "ai.onnx 17"),
        ("File", str(path)),
    ]


def test_the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else(root: Path) -> None:
    html = graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt")).report().render("html")
    style, _, script = Document(html).raw
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy.replace("&#39;", "'").split("; ") == [
        "default-src 'none'",
        f"style-src '{digest(style)}'",
        f"script-src '{digest(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


@pytest.mark.parametrize("style", STYLES)
def test_a_page_is_well_formed_and_needs_nothing_beside_itself(style: str, root: Path) -> None:
    html = graphcost.analyze(graphcost.load(root / "prototxt/det3.prototxt")).report(style=style).render("html")
    document = Document(html)
    assert html.startswith("<!DOCTYPE html>")
    assert [value for value in document.attributes("href") if not value.startswith("#")] == []
    assert document.attributes("src") == []
    assert document.attributes("style") == []  # the policy would ignore them
    assert [name for _, attributes in document.elements for name in attributes if name.startswith("on")] == []


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_what_is_referred_to_is_there_once(sample: str, root: Path) -> None:
    html = graphcost.analyze(graphcost.load(root / sample)).report().render("html")
    document = Document(html)
    ids = document.attributes("id")
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    for name in ("aria-labelledby", "aria-describedby", "for"):
        assert {word for value in document.attributes(name) for word in value.split()} <= set(ids)
    assert {value[1:] for value in document.attributes("href")} <= set(ids)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_report_of_a_sample_is_below_400_kilobytes(sample: str, root: Path) -> None:
    html = graphcost.analyze(graphcost.load(root / sample)).report().render("html")
    assert len(html.encode()) < 400_000


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\\\"><img src=x onerror=alert(1)>", "</script><!--", "<!--", "&lt;b&gt;", "'>{{ 7*7 }}"]
)  # fmt: skip
def test_names_stay_text(name: str, net: Any) -> None:
    """A page about hostile names has the elements of one about harmless names, and its data still reads."""

    def render(word: str) -> str:
        layer = CONV.replace('"conv"', f'"{word}/conv"').replace('"c"', f'"{word}"')
        text = HEAD.replace("tiny", word) + layer + MYSTERY.replace('"c"', f'"{word}"').replace("Mystery", word)
        html: str = net(text).report().render("html")
        return html

    plain = name.replace("\\", "")
    hostile, harmless = Document(render(name)), Document(render(re.sub(r"[^\w/ ]", "x", plain)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert [sorted(each) for _, each in hostile.elements] == [sorted(each) for _, each in harmless.elements]
    assert hostile.raw[0] == harmless.raw[0] and hostile.raw[2] == harmless.raw[2]
    (names,) = [column["values"] for column in json.loads(hostile.raw[1])["columns"] if column["key"] == "name"]
    assert names[0] == f"{plain}/conv"


@pytest.mark.parametrize("options", [{}, {"by": "op"}, {"style": "netscope"}], ids=str)
def test_characters_that_a_browser_would_act_on_unseen_are_shown_escaped(options: dict[str, Any], net: Any) -> None:
    """One that turns the direction of text, one without width, a bell: in names of the model, a layer, a blob."""
    name = "a\u202eb\u200bc\\007"  # a prototxt says a bell so
    layer = CONV.replace('"conv"', f'"{name}/conv"').replace('"c"', f'"{name}"')
    text = HEAD.replace("tiny", name) + layer + MYSTERY.replace('"c"', f'"{name}"')
    html: str = net(text).report(**options).render("html")
    assert set(html) & set("\u202e\u200b\x07") == set()
    assert html.count(r"a\u202eb\u200bc\x07") > 5
    data = json.loads(Document(html).raw[1])
    (names,) = [column["values"] for column in data["columns"] if column["key"] == "name"]
    assert names[0] == r"a\u202eb\u200bc\x07/conv"


def test_a_name_of_several_lines_is_one_line_in_a_cell_and_in_a_box(net: Any) -> None:
    html: str = net(HEAD + CONV.replace('"conv"', r'"first\nsecond"')).report().render("html")
    assert r'<th scope="row" data-number="1">first\nsecond</th>' in html
    assert r"first\nsecond</tspan>" in html


def test_a_notebook_and_a_page_of_several_models_show_them_escaped_too(net: Any) -> None:
    analysis = net(HEAD.replace("tiny", "a\u202eb") + CONV)
    assert r"a\u202eb (Caffe)" in analysis._repr_html_()
    failed = Failure("\u202e.onnx", "it is no model")
    assert r"\u202e.onnx" in render(Summary([analysis.report(), failed]), "html")


def test_the_parts_are_the_sections_asked_for_and_always_the_memory(net: Any) -> None:
    assert [part.name for part in page(net(HEAD + CONV)).parts] == ["memory"]
    assert [part.name for part in page(net(HEAD + CONV), sections=["memory"]).parts] == ["memory"]
