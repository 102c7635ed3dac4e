"""Totals left as formulas are right wherever they are evaluated: twenty points of real networks against concrete runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphcost
from graphcost.dims import Dim, substitute

# sample and input, and the sizes that its graph is made for: any batch, heights and widths that its strides divide
CASES = {
    "onnx_models/retinaface.onnx": ("data", 32),
    "prototxt/retinaface.prototxt": ("data", 32),
    "prototxt/det1.prototxt": ("data", 1),
}
POINTS = [(1 + at % 4, 3 + at, 2 + (7 * at) % 19) for at in range(20)]


@pytest.mark.slow
@pytest.mark.parametrize("path", CASES)
def test_a_formula_at_twenty_points_equals_the_concrete_run(path: str, root: Path) -> None:
    name, step = CASES[path]
    model = graphcost.load(root / path)
    open_ = graphcost.analyze(model, shapes={name: ("N", 3, "H", "W")})
    for n, h, w in POINTS:
        height, width = (h * step, w * step) if step > 1 else (h + 12, w + 12)
        concrete = graphcost.analyze(model, shapes={name: (n, 3, height, width)})
        point = {"N": n, "H": height, "W": width}
        for quantity in ("macs", "ops", "params", "activation_bytes"):
            formula = open_.total(quantity)
            assert formula is not None and substitute(formula, point) == concrete.total(quantity), quantity
        for tensor, found in open_.tensors.items():
            shape = tuple(substitute(extent, point) for extent in found.shape)
            assert shape == concrete.tensors[tensor].shape


def test_a_total_is_a_formula_in_the_sizes_left_open(root: Path) -> None:
    model = graphcost.load(root / "onnx_models/vgg16.onnx")
    analysis = graphcost.analyze(model, shapes={next(iter(model.inputs)): ("N", 3, 224, 224)})
    assert str(analysis.total("macs")) == f"{15_470_264_320}*N"
    assert isinstance(analysis.total("ops"), Dim) and analysis.total("params") == 138_357_544
