"""The same model at other sizes, and the collector that is paused meanwhile."""

from __future__ import annotations

import copy
import gc
import pickle
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import ModelError, Target, analyze, export, load
from graphcost.passes import infer
from harness import HEAD, conv, layer, run, run_weighted


def open_retinaface(root: Path, name: str) -> graphcost.Analysis:
    model = load(root / name)
    return analyze(model, shapes={next(iter(model.inputs)): (1, 3, "H", "W")})


@pytest.mark.parametrize("name", ["prototxt/retinaface.prototxt", "onnx_models/retinaface.onnx"])
def test_at_other_sizes_everything_is_as_if_analysed_anew(name: str, root: Path) -> None:
    analysis = open_retinaface(root, name)
    for height, width in ((480, 640), (321, 97), (640, 640)):
        there = analysis.at(H=height, W=width)
        anew = analyze(analysis.model, shapes={next(iter(analysis.inputs)): (1, 3, height, width)})
        assert there.to_dict() == anew.to_dict()
        assert there.memory.peak_bytes == anew.memory.peak_bytes is not None


def test_some_sizes_may_stay_open(root: Path) -> None:
    analysis = open_retinaface(root, "prototxt/retinaface.prototxt")
    assert analysis.at(W=640).free_symbols == ("H",)
    assert analysis.at(W=640).at(H=480).work == analysis.at(H=480, W=640).work


def test_no_rule_is_called_twice_for_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = open_retinaface(root, "prototxt/retinaface.prototxt")
    called: list[str] = []
    call = infer._Engine.call_rule
    monkeypatch.setattr(
        infer._Engine,
        "call_rule",
        lambda engine, rule, op, *rest: called.append(op.name) or call(engine, rule, op, *rest),
    )
    first, again = analysis.at(H=480, W=640), analysis.at(H=480, W=640)
    assert 0 < len(called) < len(analysis.rows) and first.work == again.work
    called.clear()
    analysis.at(H=480, W=640)
    assert called == []


def test_a_memo_that_is_full_starts_anew(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infer, "MAX_REMEMBERED", 2)
    text = HEAD + conv("a") + conv("b", "a", outputs=2) + layer("c", "ReLU", "b") + layer("d", "Softmax", "c")
    analysis = net(text, shapes={"data": ("N", 3, 8, 8)})
    assert [analysis.at(N=batch).work.macs for batch in (1, 2)] == [3888 + 1152, 2 * (3888 + 1152)]
    assert len(analysis._memo.answers) <= 2


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"Z": 3}, "no dimension Z is open; open are: H, W"),
        ({"H": -3}, "dimension H cannot be -3: sizes are 0 or more"),
        ({"H": 1, "W": 1}, "c"),
    ],
)
def test_sizes_that_cannot_be_are_told(sizes: dict[str, int], reason: str, net: Any) -> None:
    analysis = net(HEAD + conv("c"), shapes={"data": (1, 3, "H", "W")})
    with pytest.raises(ModelError, match=reason):
        analysis.at(**sizes)


def test_where_nothing_is_open_it_is_said_how_to_open_it(net: Any) -> None:
    with pytest.raises(ModelError, match="open some by shapes"):
        net(HEAD + conv("c")).at(H=8)


def test_the_target_holds_at_other_sizes(net: Any) -> None:
    model = net(HEAD + conv("c") + layer("r", "ReLU", "c")).model
    half, full = (
        analyze(model, shapes={"data": (1, 3, "H", 8)}, target=Target(dtype=each)) for each in ("float16", "")
    )
    assert 2 * half.at(H=8).activation_bytes == full.at(H=8).activation_bytes


def test_extents_that_data_decides_can_be_given_too() -> None:
    analysis = run("g (float[4] x) => (y) { i = NonZero(x) y = Cast<to = 1>(i) }")
    (name,) = analysis.free_symbols
    assert analysis.at(**{name: 3}).tensors["y"].shape == (1, 3)


def test_a_copy_can_be_asked_for_other_sizes_too(net: Any) -> None:
    analysis = net(HEAD + conv("c"), shapes={"data": (1, 3, "H", "W")})
    for again in (pickle.loads(pickle.dumps(analysis)), copy.copy(analysis), copy.deepcopy(analysis)):
        assert again.at(H=8, W=8).work == analysis.at(H=8, W=8).work


@pytest.mark.parametrize("way", [lambda each: pickle.loads(pickle.dumps(each)), copy.copy, copy.deepcopy])
def test_a_report_is_the_same_copied(way: Any, net: Any) -> None:
    analysis = net(HEAD + conv("c") + layer("r", "ReLU", "c"))
    for options in ({}, {"style": "netscope"}, {"sections": ["memory", "reconcile"]}, {"sort": "macs", "top": 1}):
        report = analysis.report(**options)
        text = report.render("md")
        assert way(report).render("md") == text == analysis.report(**options).render("md")


def test_the_collector_is_paused_and_comes_back(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    analysis = net(HEAD + conv("c"), shapes={"data": (1, 3, "H", "W")})
    monkeypatch.setattr(graphcost.render, "render", lambda *_: seen.append(gc.isenabled()) or "")
    monkeypatch.setattr(export, "to_dict", lambda *_: seen.append(gc.isenabled()) or {})
    monkeypatch.setattr(infer, "infer", lambda *given, real=infer.infer: seen.append(gc.isenabled()) or real(*given))
    assert gc.isenabled()
    analysis.report().render("md")
    analysis.to_dict()
    analysis.at(H=8)
    assert seen == [False] * 3 and gc.isenabled()


def test_operators_that_see_constants_alone_are_inferred_for_the_first_sizes_only(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run finds out what is the same at every size; the third and all others start from that."""
    analysis = open_retinaface(root, "onnx_models/retinaface.onnx")
    analysis.at(H=320, W=320)
    inferred: list[str] = []
    infer_op = infer._Engine.infer_op

    def counted(engine: infer._Engine, op: graphcost.Op, *rest: Any) -> Any:
        inferred.append(op.name)
        return infer_op(engine, op, *rest)

    monkeypatch.setattr(infer._Engine, "infer_op", counted)
    there = analysis.at(H=480, W=640)
    assert inferred == [row.name for row in there.rows if not row.constant]
    assert len(there.rows) - len(inferred) == 253


def test_what_is_kept_from_other_sizes_changes_no_letter_of_a_report(root: Path) -> None:
    analysis = open_retinaface(root, "onnx_models/retinaface.onnx")
    for size in (320, 480, 512):
        there = analysis.at(H=size, W=size)
    anew = analyze(analysis.model, shapes={next(iter(analysis.inputs)): (1, 3, size, size)})
    assert there.report(all=True).render("json") == anew.report(all=True).render("json")


def test_what_data_decides_of_a_constant_is_asked_at_each_size() -> None:
    """NonZero of a constant sees constants alone, but how many it finds is the user's to say."""
    analysis = run_weighted("g (float[4] x, float[40] w) => (y) { i = NonZero(w) y = Add(x, x) }")
    found = [analysis.at(i_1=count).tensors["i"].shape for count in (1, 2, 1)]
    assert found == [(1, 1), (1, 2), (1, 1)]


def test_whether_a_single_number_is_a_setting_is_asked_at_each_size() -> None:
    """A number added to [N, 8] is a setting where there are several rows of it, as a bias of one output is not."""
    graph = "g (float[4, N] x) => (y) { b = Constant<value_floats = [2.0]>() y = Add(x, b) }"
    analysis = run(graph)
    for size in (8, 1, 8, 1):
        anew = analyze(analysis.model, dims={"N": size})
        assert analysis.at(N=size).parameters.classes == anew.parameters.classes
    assert analysis.at(N=1).parameters.classes != analysis.at(N=8).parameters.classes
