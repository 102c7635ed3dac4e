"""Caffe layers written in Python: what reports call them, rules of plugins, and the number of boxes that they propose."""

from __future__ import annotations

from typing import Any

import pytest

import graphcost
import harness
from graphcost import NO_WORK, Dim, Facts, Tensor

UNKNOWN = harness.HEAD + harness.layer(
    "swap", "Python", "data", 'python_param { module: "my.halves" layer: "SwapHalves" param_str: "3, 4" }', "a b"
)
DETECTOR = (
    harness.image(1, 8, 6, 6)
    + harness.layer(
        "proposal", "Python", "data", 'python_param { module: "rpn.proposal_layer" layer: "ProposalLayer" }', "rois"
    )
    + harness.layer("pool", "ROIPooling", "data rois", "roi_pooling_param { pooled_h: 2 pooled_w: 2 }")
    + harness.layer("fc", "InnerProduct", "pool", "inner_product_param { num_output: 10 bias_term: false }")
)


def test_a_layer_is_called_by_its_module_and_class(net: Any) -> None:
    analysis = net(UNKNOWN)
    assert analysis.unknown == {"Python:my.halves.SwapHalves": 1}
    assert analysis.to_dict()["layers"][0]["kind"] == "Python:my.halves.SwapHalves"
    assert "Python:my.halves.SwapHalves x1" in analysis.report().render("text")
    assert "Python:my.halves.SwapHalves" in analysis.report(by="op").render("text")
    assert analysis["swap"].why == "no rule for Python:my.halves.SwapHalves"


@pytest.mark.parametrize("place", ["my.halves.SwapHalves", "halves.SwapHalves"])
def test_a_plugin_teaches_a_layer_by_its_class(place: str, net: Any, scratch_rules: None) -> None:
    """Its rule is given param_str and the number of tops."""

    @graphcost.rule(f"caffe.Python:{place}")
    def swap(x: Tensor, *, param_str: str, outputs: int) -> Facts:
        return Facts((Tensor((int(param_str.split(",")[0]), *x.shape[1:])),) * outputs, NO_WORK)

    analysis = net(UNKNOWN)
    assert analysis.tensors["a"].shape == analysis.tensors["b"].shape == (3, 3, 8, 8)
    assert analysis.complete


def test_a_rule_that_does_not_read_what_a_layer_is_given_does_not_know_it(net: Any, scratch_rules: None) -> None:
    @graphcost.rule("caffe.Python:halves.SwapHalves")
    def swap(x: Tensor, *, outputs: int) -> Facts:
        return Facts((x,) * outputs, NO_WORK)

    assert net(UNKNOWN)["swap"].why.startswith("field param_str is not understood")


def test_a_plugin_replaces_the_rule_of_a_published_layer(net: Any, scratch_rules: None) -> None:
    with pytest.raises(ValueError, match="already has a rule"):
        graphcost.rule("caffe.Python:proposal_layer.ProposalLayer")(lambda *x: Facts(x, NO_WORK))

    @graphcost.rule("caffe.Python:proposal_layer.ProposalLayer", replace=True)
    def proposal(*bottoms: Tensor) -> Facts:
        return Facts((Tensor((20, 5)),), NO_WORK)

    assert net(DETECTOR).tensors["pool"].shape == (20, 8, 2, 2)


def test_the_number_of_boxes_is_stated_and_can_be_given(net: Any) -> None:
    analysis = net(DETECTOR)
    assert analysis.tensors["rois"].shape == (1, 5)
    assert analysis.to_dict()["assumptions"] == {"rois": 1}
    assert "rois = 1 (set with --dim rois=300)" in analysis.report().render("text")
    given = net(DETECTOR, dims={"rois": 300})
    assert given.tensors["rois"].shape == (300, 5)
    assert given["fc"].work is not None and given["fc"].work.macs == 300 * (8 * 2 * 2) * 10
    assert not given.warnings and "rois =" not in given.report().render("text")


def test_each_stage_of_a_detector_has_boxes_of_its_own(net: Any) -> None:
    stages = harness.image(1, 8, 6, 6) + "".join(
        harness.layer(name, kind, "data data") for name, kind in [("one", "BoxOutput"), ("two", "Proposal")]
    )
    analysis = net(stages, dims={"rois": 300, "rois_2": 128})
    assert analysis.tensors["one"].shape == (300, 5, 1, 1) and analysis.tensors["two"].shape == (128, 1, 1, 5)
    assert not analysis.warnings


def test_the_number_of_boxes_may_be_a_formula(net: Any) -> None:
    analysis = net(DETECTOR, dims={"rois": Dim("N") * 300})
    assert str(analysis.tensors["rois"].shape[0]) == "300*N"


def test_the_number_of_boxes_can_be_swept_and_solved_for(net: Any) -> None:
    """Each box costs 8 * 2 * 2 * 10 multiply-accumulates."""
    analysis = net(DETECTOR)
    assert analysis.sweep([{"rois": 1}, {"rois": 300}], "macs") == [{"macs": 320}, {"macs": 300 * 320}]
    assert analysis.largest("rois", macs=320 * 50 + 1).value == 50
    assert analysis.opened(["rois", "H"]).free_symbols == ("rois",)
    assert analysis.opened(["H"]) is analysis
