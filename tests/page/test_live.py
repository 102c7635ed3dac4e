"""What the page's scripts read: exact, complete, in few bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import columns
from graphcost.dims import parse, substitute
from graphcost.page import live
from graphcost.target import Target
from harness import HEAD, TIMES, conv, layer

CONV = conv("block/conv", top="c")
RELU = layer("block/relu", "ReLU", "c", tops="r")
MYSTERY = layer("m", "Mystery", "r")

Net = Callable[..., graphcost.Analysis]


def data(analysis: graphcost.Analysis, **options: Any) -> dict[str, Any]:
    """As it arrives in the page."""
    found: dict[str, Any] = json.loads(json.dumps(live.data(analysis.report(**options)), allow_nan=False))
    return found


def column(found: dict[str, Any], key: str, among: str = "columns") -> dict[str, Any]:
    listed = found[among] if among == "columns" else found["table"][among]
    return next(each for each in listed if each["key"] == key)


def cells(found: dict[str, Any], key: str, among: str = "columns") -> list[Any]:
    """A column's cells, row by row."""
    coded = column(found, key, among)
    return [coded["values"][at] for at in coded["at"]] if "at" in coded else coded["values"]


def test_numbers_are_exact(net: Net) -> None:
    found = data(net(HEAD + CONV + RELU))
    assert cells(found, "name") == ["block/conv", "block/relu"]
    assert cells(found, "macs") == [(4 * 6 * 6) * (3 * 3 * 3), 0]
    assert cells(found, "params") == [4 * 3 * 3 * 3 + 4, 0]
    assert cells(found, "output") == [[[1, 4, 6, 6]], [[1, 4, 6, 6]]]
    assert found["totals"]["activation_bytes"] == 2 * (4 * 6 * 6) * 4
    assert found["rows"] == 2 and found["complete"] and found["symbols"] == []


def test_open_sizes_are_formulas_and_symbols_with_what_is_assumed(net: Net) -> None:
    found = data(net(HEAD + CONV + RELU, shapes={"data": ("N", 3, "H", 8)}))
    assert cells(found, "output") == [[["N", 4, "H - 2", 6]]] * 2
    assert parse(cells(found, "macs")[0]) == parse("N*(H - 2)*6 * 4 * 27")
    assert found["symbols"] == [
        {"name": "N", "value": 1, "lower": 1},
        {"name": "H", "value": None, "lower": 1},
    ]
    assert found["sliding"] == [0]  # H must have room for the convolution's window


def test_what_is_not_known_is_null_and_not_zero(net: Net) -> None:
    found = data(net(HEAD + CONV + RELU + MYSTERY))
    assert cells(found, "macs")[2] is None and cells(found, "activation")[2] is None
    assert cells(found, "output")[2] == [None]
    assert cells(found, "status") == ["known", "known", "unknown"]
    assert not found["complete"]


def test_an_integer_that_a_double_cannot_hold_is_text(net: Net) -> None:
    dense = 'layer { name: "%s" type: "InnerProduct" bottom: "%s" top: "%s" inner_product_param { num_output: %d } }\n'
    chain = [dense % (top, bottom, top, 2**25) for bottom, top in pairwise(("data", "a", "b", "c"))]
    found = data(net(HEAD + "".join(chain)))
    assert cells(found, "macs") == [192 * 2**25, 2**50, 2**50]
    assert found["totals"]["param_bytes"] == str(4 * (192 * 2**25 + 2 * 2**50 + 3 * 2**25))
    assert found["totals"]["macs"] == 192 * 2**25 + 2 * 2**50


def test_equal_cells_are_said_once(net: Net) -> None:
    found = data(net(HEAD + CONV + RELU))
    assert column(found, "activation")["values"] == [4 * 6 * 6 * 4] and column(found, "activation")["at"] == [0, 0]
    assert "at" not in column(found, "name")


@pytest.mark.parametrize("key", [key for key in columns.known() if key not in TIMES])
def test_every_column_can_be_shown(key: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"))
    found = data(analysis, columns=("name", key))
    assert found["table"]["keys"] == list(dict.fromkeys(("name", key))) or key == "name"
    if key in ("share", "input", "output"):
        return  # made of the MACs; lists of extents
    assert cells(found, key) == [columns.find(key).value(analysis, at) for at in range(10)]


def test_the_order_of_the_report_is_kept(root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / "prototxt/det1.prototxt"))
    found = data(analysis, sort="macs", top=3)
    names = cells(found, "name")
    assert [names[at] for at in found["table"]["order"]] == ["conv1", "conv2", "conv3"]


def test_groups_have_columns_of_sums(net: Net) -> None:
    found = data(net(HEAD + CONV + RELU), by="scope")
    assert cells(found, "name", "groups") == ["block"] and cells(found, "count", "groups") == [2]
    assert cells(found, "learned_params", "groups") == [4 * 27 + 4]


def test_a_style_has_a_table_of_its_own(net: Net) -> None:
    assert data(net(HEAD + CONV + RELU), style="netscope")["table"]["keys"] == []


@pytest.mark.parametrize(
    "sample", ["prototxt/det1.prototxt", "prototxt/ssd300.prototxt", "onnx_models/retinaface.onnx"]
)
def test_buffers_make_the_live_bytes_of_each_step(sample: str, root: Path) -> None:
    model = graphcost.load(root / sample)
    name, tensor = next(iter(model.inputs.items()))
    found = data(graphcost.analyze(model, shapes={name: ("N", *tensor.shape[1:])}))["memory"]
    assert not found["fixed"]
    sizes = [
        value if isinstance(value, int) else substitute(parse(value), {"N": 3}) for value in found["bytes"]["values"]
    ]
    sizes = [sizes[at] for at in found["bytes"]["at"]]
    curve = [
        sum(
            size
            for size, birth, death in zip(sizes, found["birth"], found["death"], strict=True)
            if birth <= step <= death
        )
        for step in range(len(found["steps"]))
    ]
    assert curve == graphcost.analyze(model, shapes={name: (3, *tensor.shape[1:])}).memory.curve


def test_whether_there_is_a_peak_is_said(net: Net) -> None:
    assert data(net(HEAD + CONV + RELU))["memory"]["known"] is True
    assert data(net(HEAD + CONV + RELU + MYSTERY))["memory"]["known"] is False


def test_json_in_the_page_has_no_character_that_html_reads(net: Net) -> None:
    report = net(HEAD + CONV.replace("block/conv", "</script><!--&<script>")).report()
    page = graphcost.page.build(report, lambda name: "")
    assert not set(page.data) & set("<>&")
    assert cells(json.loads(page.data), "name") == ["</script><!--&<script>"]


def test_what_a_device_makes_of_it_is_there_with_a_device(net: Any) -> None:
    """64 x 4 bytes of weights and 4 x 4 of what is made; the operands are a formula."""
    text = 'input: "data" input_shape { dim: 1 dim: 16 } layer { name: "f" type: "InnerProduct" bottom: "data" top: "f" inner_product_param { num_output: 4 bias_term: false } }'
    target = Target(device="rtx-4090")
    assert live.device(net(text)) is None
    fixed = live.device(net(text, target=target))
    assert fixed is not None and fixed["activation_reads"]["values"] == [64]
    found = live.device(net(text, shapes={"data": ("N", 16)}, target=target))
    assert found is not None
    moved = ("activation_reads", "weight_reads", "activation_writes")
    assert [found[key]["values"] for key in moved] == [["64*N"], [256], ["16*N"]]
    both = ["param_bytes", "peak_activation_bytes"]
    assert found["fits"] == [("weights and peak activations / RAM", both, 24 * 2**30)]
