"""What differs between two networks: which layer is which, the deltas, and JSON reports in the place of models."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import Analysis, ModelError
from graphcost.compare import snapshot
from graphcost.compare.result import Diff
from harness import HEAD, conv, image, layer, run

SAME = "kernel_size: 3 pad: 1"
"""A window that keeps the resolution."""


def kinds(found: Diff) -> dict[str, tuple[str, ...]]:
    """What happened to each layer, by its name; a renamed one as `old>new`."""
    return {
        ">".join(dict.fromkeys(each.name for each in (change.old, change.new) if each)): change.kinds
        for change in found.changes
    }


# --- matching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["det1", "det2", "det3", "retinaface", "ssd300", "vgg16"])
def test_a_network_does_not_differ_from_itself(sample: str, root: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / f"prototxt/{sample}.prototxt"))
    found = graphcost.diff(analysis, analysis)
    assert found.empty and found.counts["unchanged"] == len(analysis.rows)


def test_a_layer_is_matched_by_its_name_and_its_cost_compared(net: Any) -> None:
    """4 outputs of 3x3 windows over 3 channels at 6x6 positions, then twice as many outputs."""
    old, new = net(HEAD + conv("a")), net(HEAD + conv("a", outputs=8))
    found = graphcost.diff(old, new)
    assert kinds(found) == {"a": ("changed",)}
    macs = found.changes[0].deltas["macs"]
    assert (macs.old, macs.new, macs.difference) == (4 * 27 * 36, 8 * 27 * 36, 4 * 27 * 36)
    assert macs.percent == 100.0 and found.totals["macs"].difference == 4 * 27 * 36


def test_a_layer_of_another_kind_under_the_same_name_is_another_layer(net: Any) -> None:
    found = graphcost.diff(net(HEAD + layer("a", "ReLU")), net(HEAD + layer("a", "Sigmoid")))
    assert sorted(change.kinds for change in found.changes) == [("added",), ("removed",)]


def test_a_layer_of_another_name_at_the_same_place_is_renamed(net: Any) -> None:
    old = net(HEAD + conv("a") + layer("r", "ReLU", "a") + conv("b", "r"))
    new = net(HEAD + conv("a") + layer("act", "ReLU", "a") + conv("b", "act"))
    found = graphcost.diff(old, new)
    assert kinds(found) == {"r>act": ("renamed",)} and found.counts["unchanged"] == 2


def test_a_network_with_other_names_throughout_still_lines_up(net: Any) -> None:
    """Four layers of one block in turn; of the second network one ReLU is missing."""
    old = net(
        HEAD
        + "".join(conv(f"c{i}", f"r{i - 1}" if i else "data", SAME) + layer(f"r{i}", "ReLU", f"c{i}") for i in range(6))
    )
    text = HEAD
    top = "data"
    for i in range(6):
        text += conv(f"node_{3 * i}", top, SAME)
        top = f"node_{3 * i}"
        if i != 3:
            text += layer(f"node_{3 * i + 1}", "ReLU", top)
            top = f"node_{3 * i + 1}"
    found = graphcost.diff(old, net(text))
    assert found.counts == {"unchanged": 0, "changed": 0, "added": 0, "removed": 1, "renamed": 11, "moved": 0}
    assert [change.old.name for change in found.changes if change.new is None] == ["r3"]


def test_a_network_that_is_numbered_anew_lines_up_by_what_its_layers_are(net: Any) -> None:
    """Exporters number layers: one more at the beginning, and every name is that of the layer before."""
    sizes = [3, 5, 1, 3, 5, 1]

    def chain(first: list[int]) -> Analysis:
        text, top = HEAD, "data"
        for number, size in enumerate([*first, *sizes]):
            text += conv(f"Conv_{number}", top, f"kernel_size: {size} pad: {size // 2}")
            top = f"Conv_{number}"
        return net(text)

    found = graphcost.diff(chain([]), chain([7]))
    assert found.counts["added"] == 1 and found.counts["removed"] == 0
    assert [change.new.name for change in found.changes if change.old is None] == ["Conv_0"]
    assert found.counts["changed"] == 1  # the convolution after it reads four channels instead of three


def test_a_layer_that_runs_elsewhere_is_moved(net: Any) -> None:
    names = list("abcdef")

    def chain(order: list[str]) -> Analysis:
        kinds = dict(zip(names, ["ReLU", "Sigmoid", "TanH", "AbsVal", "BNLL", "ELU"], strict=True))
        text, top = HEAD, "data"
        for name in order:
            text += layer(name, kinds[name], top)
            top = name
        return net(text)

    found = graphcost.diff(chain(names), chain(list("acdebf")))
    assert kinds(found) == {"b": ("moved",)}


def test_branches_in_another_order_are_not_moved(net: Any) -> None:
    left, right = conv("l1") + conv("l2", "l1"), conv("r1") + conv("r2", "r1")
    join = layer("join", "Eltwise", "l2 r2")
    found = graphcost.diff(net(HEAD + left + right + join), net(HEAD + right + left + join))
    assert found.changes == []


def test_a_layer_whose_cost_is_the_same_and_whose_attributes_differ_is_changed(net: Any) -> None:
    old, new = (net(HEAD + conv("a", fields=f"kernel_size: 3 pad: {d} dilation: {d}")) for d in (1, 2))
    assert kinds(graphcost.diff(old, new)) == {"a": ("changed",)}


class Chain:
    """A chain of layers that keep the resolution and the channels, as a list that a test edits."""

    def __init__(self, chance: random.Random, length: int) -> None:
        self.chance = chance
        self.layers = [self.made(f"layer{at}") for at in range(length)]
        self.expected: dict[str, tuple[str, ...]] = {}

    def made(self, name: str) -> tuple[str, str, int]:
        kind = self.chance.choice(["Convolution", "ReLU", "PReLU", "Sigmoid"])
        return name, kind, self.chance.choice([1, 3, 5])

    def text(self) -> str:
        text, top = image(1, 4, 8, 8), "data"
        for name, kind, size in self.layers:
            if kind == "Convolution":
                text += conv(name, top, f"kernel_size: {size} pad: {size // 2}")
            else:
                text += layer(name, kind, top)
            top = name
        return text

    def edit(self, at: int) -> None:
        """Change, rename, remove or add a layer; no two edits are neighbours, so that each can be told."""
        name, kind, size = self.layers[at]
        edit = self.chance.choice(["change", "rename", "remove", "add"])
        if edit == "change" and kind == "Convolution":
            self.layers[at] = (name, kind, size + 2)
            self.expected[name] = ("changed",)
        elif edit == "rename":
            self.layers[at] = (f"new_{name}", kind, size)
            self.expected[f"{name}>new_{name}"] = ("renamed",)
        elif edit == "remove":
            del self.layers[at]
            self.expected[name] = ("removed",)
        else:
            self.layers.insert(at, self.made(f"new_{name}"))
            self.expected[f"new_{name}"] = ("added",)


@pytest.mark.parametrize("seed", range(20))
def test_twenty_random_edits_name_exactly_the_edited_layers(seed: int, net: Any) -> None:
    chance = random.Random(seed)
    chain = Chain(chance, 120)
    old = net(chain.text())
    for at in sorted(chance.sample(range(0, 120, 3), 20), reverse=True):
        chain.edit(at)
    found = graphcost.diff(old, net(chain.text()))
    assert kinds(found) == chain.expected
    assert graphcost.diff(snapshot.to_dict(found.old), snapshot.to_dict(found.new)).counts == found.counts


# --- deltas -----------------------------------------------------------------------------------------------------------


def test_the_layer_that_differs_most_comes_first(net: Any) -> None:
    old = net(HEAD + conv("a", fields=SAME) + conv("b", "a", SAME) + conv("c", "b", SAME))
    new = net(
        HEAD
        + conv("a", fields=SAME)
        + conv("b", "a", "kernel_size: 5 pad: 2")
        + conv("c", "b", "kernel_size: 7 pad: 3")
    )
    assert [change.layer.name for change in graphcost.diff(old, new).changes] == ["c", "b"]


def test_formulas_are_subtracted_while_sizes_are_open(net: Any) -> None:
    old, new = (net(HEAD + conv("a", outputs=o), shapes={"data": ("N", 3, "H", 8)}) for o in (4, 6))
    found = graphcost.diff(old, new)
    difference = found.totals["macs"].difference
    assert str(difference) == str(old.total("macs") // 2) == "324*H*N - 648*N"
    assert "+" not in found.render("csv").splitlines()[1].split(",")[3]
    assert graphcost.diff(old, json.loads(json.dumps(new.to_dict()))).totals["macs"].difference == difference


def test_symbols_of_both_files_are_the_same_whatever_their_smallest_values(net: Any) -> None:
    """A dimension that stands in an ONNX file may be 0, one that a user names is at least 1."""
    old = run("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }")
    new = run("g (float[3, 4] x) => (float[3, 4] y) { y = Relu(x) }", shapes={"x": ("N", 4)})
    assert graphcost.diff(old, new).empty


def test_percent_is_of_the_old_one_and_unknown_where_that_is_nothing(net: Any) -> None:
    found = graphcost.diff(net(HEAD + layer("r", "ReLU")), net(HEAD + layer("r", "ReLU") + conv("a", "r")))
    assert found.totals["macs"].percent is None and found.totals["macs"].difference == 4 * 27 * 36
    back = graphcost.diff(net(HEAD + layer("r", "ReLU") + conv("a", "r")), net(HEAD + layer("r", "ReLU")))
    assert back.totals["macs"].percent == -100.0


def test_totals_that_are_lower_bounds_say_so(net: Any) -> None:
    known, unknown = net(HEAD + conv("a")), net(HEAD + conv("a") + layer("w", "Warp9", "a"))
    found = graphcost.diff(known, unknown)
    assert not found.totals["macs"].exact and found.totals["macs"].difference == 0
    text = found.render("text")
    assert ">= " in text and "Lower bounds on the new side" in text


def test_any_column_can_be_compared(net: Any) -> None:
    old, new = net(HEAD + conv("a")), net(HEAD + conv("a", fields="kernel_size: 5"))
    found = graphcost.diff(old, new, columns=["rf", "netscope.macc"])
    (change,) = found.changes
    assert (change.deltas["rf"].old, change.deltas["rf"].new) == ("3", "5")
    assert change.deltas["netscope.macc"].new == 4 * 75 * 16
    assert "3 -> 5" in found.render("md")


# --- JSON reports -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["prototxt/det3.prototxt", "onnx_models/retinaface.onnx"])
def test_a_json_report_stands_for_its_model(sample: str, root: Path, tmp_path: Path) -> None:
    analysis = graphcost.analyze(graphcost.load(root / sample))
    analysis.save(tmp_path / "report.json")
    assert graphcost.diff(tmp_path / "report.json", analysis).empty
    assert graphcost.diff(analysis.to_dict(), str(tmp_path / "report.json")).empty


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([], "has 0 networks"),
        ({"schema": 7, "generator": "graphcost 9.1"}, "schema 7, made by graphcost 9.1; this version reads 1"),
        ({"layers": []}, "has no schema"),
        ({"schema": 1, "layers": []}, "it has no 'coverage'"),
        (
            {"schema": 1, "coverage": {"complete": True}, "totals": {"macs": "import os"}, "layers": []},
            "is no JSON report",
        ),
        (
            {"schema": 1, "coverage": {"complete": True}, "totals": {"macs": "9**9**9**9"}, "layers": []},
            "is no JSON report",
        ),
        ({"schema": 1, "coverage": 3, "totals": 4, "layers": 5}, "is no JSON report"),
    ],
)
def test_what_is_no_report_is_refused(data: object, reason: str, tmp_path: Path, net: Any) -> None:
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(ModelError, match=reason):
        graphcost.diff(tmp_path / "a.json", net(HEAD + conv("a")))


def test_a_column_that_a_report_does_not_have_is_refused(net: Any) -> None:
    analysis = net(HEAD + conv("a"))
    with pytest.raises(ModelError, match="no column rf; it has"):
        graphcost.diff(analysis.to_dict(), analysis, columns=["rf"])


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["md", "text", "html", "json", "csv"])
def test_every_format_names_the_changed_layer_and_escapes_it(format: str, net: Any) -> None:
    text = HEAD + conv("<b>|a")
    found = graphcost.diff(net(text), net(text.replace("num_output: 4", "num_output: 8")))
    written = found.render(format)
    shown = {"md": r"\<b>¦a", "text": "<b>|a", "html": "&lt;b&gt;|a", "json": "<b>|a", "csv": "<b>|a"}
    assert shown[format] in written
    if format == "html":
        assert 'class="changed"' in written and "<svg" in written and "<script>" not in written


def test_an_unknown_format_is_refused(net: Any) -> None:
    analysis = net(HEAD + conv("a"))
    with pytest.raises(ModelError, match="no format 'pdf' of a diff"):
        graphcost.diff(analysis, analysis).render("pdf")


def test_names_alone_are_counted_where_there_are_many(net: Any) -> None:
    def chain(prefix: str) -> Analysis:
        text, top = HEAD, "data"
        for at in range(15):
            text += layer(f"{prefix}{at}", "ReLU", top)
            top = f"{prefix}{at}"
        return net(text)

    written = graphcost.diff(chain("a"), chain("b")).render("md")
    assert "5 more layers not shown (they only have another name; --format json has them)" in written
