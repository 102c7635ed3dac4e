"""Detection heads, found by what reads them."""

from __future__ import annotations

from typing import Any

import pytest

import harness
from graphcost.passes import heads
from harness import image, layer

HEAD = image(1, 4, 16, 16)


def conv(name: str, bottom: str) -> str:
    return harness.conv(name, bottom, "kernel_size: 3 pad: 1")


STEM = conv("stem", "data") + conv("box", "stem") + conv("score", "stem")
FLAT = layer("flat", "Flatten", "box") + layer("flat2", "Flatten", "score")
PRIORS = layer("priors", "PriorBox", "stem data", "prior_box_param { min_size: 3 }")

# a small network per case -> the names of its heads
CASES = {
    "maps that are outputs": (STEM, ["box", "score"]),
    "moved": (STEM + layer("x", "Permute", "box", "permute_param { order: 0 order: 2 order: 3 order: 1 }"), ["box", "score"]),
    "changed one by one": (STEM + layer("x", "Softmax", "score") + layer("y", "Sigmoid", "box"), ["box", "score"]),
    "several maps joined": (STEM + FLAT + layer("x", "Concat", "flat flat2"), ["box", "score"]),
    "normalised": (conv("box", "data") + layer("bn", "BatchNorm", "box") + layer("relu", "ReLU", "bn"), ["box"]),
    "read by a layer that makes boxes": (
        STEM + FLAT + PRIORS + layer("x", "DetectionOutput", "flat flat2 priors", "detection_output_param { num_classes: 2 }"),
        ["box", "score"]),
    "read by a loss": (STEM + FLAT + PRIORS + layer("x", "MultiBoxLoss", "flat flat2 priors data"), ["box", "score"]),
    "region proposals": (STEM + layer("x", "Proposal", "score box data"), ["box", "score"]),
    "pooled": (STEM + layer("x", "Pooling", "box", "pooling_param { global_pooling: true }"), ["score"]),
    "multiplied by a matrix": (STEM + layer("x", "InnerProduct", "box", "inner_product_param { num_output: 2 }"), ["score"]),
    "enlarged": (
        STEM + layer("x", "Deconvolution", "box", "convolution_param { num_output: 4 kernel_size: 2 stride: 2 }"), ["score"]),
    "an unknown layer": (STEM + layer("x", "Mystery", "box"), ["score"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_heads_are_the_convolutions_whose_values_become_boxes(case: str, net: Any) -> None:
    text, names = CASES[case]
    analysis = net(HEAD + text)
    assert [row.name for row in heads.find(analysis.rows, analysis.model.outputs)] == names
