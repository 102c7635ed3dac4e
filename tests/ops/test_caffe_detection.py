"""Boxes that detection layers place on their maps: how large they are, and how far apart."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

import harness
from graphcost import Facts, Tensor
from graphcost.dims import symbol
from graphcost.ops import find
from graphcost.rules import Anchors

MAP, IMAGE = Tensor((1, 8, 38, 38)), Tensor((1, 3, 300, 600))


def facts_of(kind: str, *inputs: Tensor, **fields: Any) -> Facts:
    rule = find(f"caffe.{kind}", 1)
    assert rule is not None
    return rule.function(*inputs, **fields)


def placed(**fields: Any) -> Anchors:
    anchors = facts_of("PriorBox", MAP, IMAGE, **fields).anchors
    assert anchors is not None
    return anchors


SIZES: dict[str, tuple[dict[str, Any], list[tuple[float, float]]]] = {
    "a square": ({"min_size": 30}, [(30, 30)]),
    "a square between two sizes": ({"min_size": 30, "max_size": 60}, [(30, 30), (sqrt(30 * 60),) * 2]),
    "a ratio and its inverse": (
        {"min_size": 30, "aspect_ratio": 4},
        [(30, 30), (30 * 2, 30 / 2), (30 / 2, 30 * 2)],
    ),
    "a ratio alone": ({"min_size": 30, "aspect_ratio": 4, "flip": False}, [(30, 30), (60, 15)]),
    "each size by itself": (
        {"min_size": (10, 20), "max_size": (40, 80)},
        [(10, 10), (20, 20), (20, 20), (40, 40)],
    ),
    "FaceBoxes densifies": ({"min_size": (32, 64, 128)}, [(32, 32)] * 16 + [(64, 64)] * 4 + [(128, 128)]),
    "clustered": ({"width": (3.5, 9), "height": (7, 4)}, [(3.5, 7), (9, 4)]),
}


@pytest.mark.parametrize("case", SIZES)
def test_the_sizes_of_prior_boxes(case: str) -> None:
    fields, sizes = SIZES[case]
    assert placed(**fields).sizes == tuple(pytest.approx(size) for size in sizes)


def test_as_many_boxes_come_out_as_have_a_size() -> None:
    facts = facts_of("PriorBox", MAP, IMAGE, min_size=30, max_size=60, aspect_ratio=(2, 3))
    assert facts.anchors is not None and len(facts.anchors.sizes) == 1 + 1 + 2 * 2
    assert facts.outputs[0].shape == (1, 2, 38 * 38 * 6 * 4)


@pytest.mark.parametrize(
    ("fields", "step"),
    [
        ({"step": 8}, (8, 8)),
        ({"step_w": 16, "step_h": 8}, (16, 8)),
        ({}, (600 / 38, 300 / 38)),  # the image's extent over the map's
        ({"img_size": 380}, (380 / 38, 380 / 38)),
        ({"img_w": 380, "img_h": 190}, (380 / 38, 190 / 38)),
    ],
)
def test_the_step_of_prior_boxes(fields: dict[str, int], step: tuple[float, float]) -> None:
    assert placed(min_size=30, **fields).step == pytest.approx(step)


def test_a_step_of_an_open_extent_is_not_known() -> None:
    facts = facts_of("PriorBox", Tensor((1, 8, symbol("H"), 38)), IMAGE, min_size=30)
    assert facts.anchors == Anchors(((30, 30),), None)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"min_size": (1, 2), "max_size": 3}, "1 max_size for 2 min_size"),
        ({"width": (1, 2), "height": 3}, "2 width and 1 height"),
    ],
)
def test_sizes_that_do_not_pair_are_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        placed(**fields)


def test_the_nine_boxes_of_faster_r_cnn() -> None:
    """Published with its code: base 16, ratios 1/2, 1 and 2, scales 8, 16 and 32."""
    facts = facts_of(
        "Proposal", MAP, MAP, base_size=16, ratio=(0.5, 1, 2), scale=(8, 16, 32), feat_stride=16, outputs=2
    )  # fmt: skip
    wide, square, tall = (23, 12), (16, 16), (11, 22)
    sizes = [(width * scale, height * scale) for width, height in (wide, square, tall) for scale in (8, 16, 32)]
    assert sizes[0] == (184, 96)
    assert facts.anchors == Anchors(tuple(sizes), (16, 16), operand=1)
    assert [top.shape for top in harness.before_it_runs(facts).outputs] == [(1, 1, 1, 5), (1, 1, 1, 1)]


@pytest.mark.parametrize(
    ("param_str", "stride"), [("'feat_stride': 16", (16, 16)), ('{"feat_stride": 8}', (8, 8)), ("", None)]
)
def test_the_layer_in_python_places_the_same_boxes(param_str: str, stride: Any) -> None:
    facts = facts_of("Python:rpn.proposal_layer.ProposalLayer", MAP, MAP, param_str=param_str)
    assert facts.anchors is not None and facts.anchors.step == stride and facts.anchors.operand == 1
    assert len(facts.anchors.sizes) == 3 * 3 and facts.anchors.sizes[3] == (16 * 8, 16 * 8)


def test_the_boxes_of_a_layer_in_python_with_settings_of_its_own_are_not_known() -> None:
    facts = facts_of("Python:rpn.proposal_layer.ProposalLayer", MAP, param_str="'feat_stride': 16\n'scales': [4, 8]")
    assert facts.anchors is not None and facts.anchors.sizes == () and facts.anchors.step == (16, 16)


def test_boxes_of_which_the_file_says_nothing_have_no_sizes() -> None:
    assert facts_of("Proposal", MAP, MAP).anchors == Anchors((), None, operand=1)
