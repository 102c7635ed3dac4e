"""Whole networks that were timed on an H100: the bound of its profile is below each of them.

NVIDIA H100 80GB HBM3, PyTorch 2.11, one stream, CUDA graph replay, the median of 5 x 20 runs; networks of torchvision at
3x224x224, in float16 channels last; a decoder of 16 layers at 2,048 past tokens. docs/devices.md shows the table.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import graphcost
from graphcost import Target

MEASURED = [
    # network, batch, multiply-accumulates, seconds in float16, in TF32
    ("resnet", 1, 4089184256, 0.000933, 0.000948),
    ("mobilenet_v3", 1, 216589760, 0.000796, 0.000559),
    ("vgg", 1, 15470264320, 0.000470, 0.000743),
    ("efficientnet", 1, 385814752, 0.001045, 0.000813),
    ("convnext", 1, 4455531264, 0.000721, 0.000726),
    ("regnet", 1, 8473070592, 0.002114, 0.001707),
    ("densenet", 1, 2834161664, 0.001986, 0.002057),
    ("resnet", 32, 130853896192, 0.002648, 0.005658),
    ("mobilenet_v3", 32, 6930872320, 0.001475, 0.002196),
    ("vgg", 32, 495048458240, 0.004229, 0.008345),
    ("efficientnet", 32, 12346072064, 0.002430, 0.003777),
    ("convnext", 32, 142577000448, 0.003300, 0.005931),
    ("regnet", 32, 271138258944, 0.007587, 0.011645),
    ("densenet", 32, 90693173248, 0.005223, 0.008599),
    ("decoder", 1, 1370030080, 0.002436, 0.006748),
    ("decoder", 16, 21920481280, 0.008577, 0.022860),
]
COMPILED = {("resnet", 1): 0.000446, ("resnet", 32): 0.001575, ("mobilenet_v3", 32): 0.000912}
"""Seconds in float16 when a compiler fused what it could."""


@pytest.fixture(scope="module")
def zoo() -> ModuleType:
    path = Path(__file__).parent.parent.parent / "benchmarks/zoo.py"
    spec = importlib.util.spec_from_file_location("zoo", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["zoo"] = module
    spec.loader.exec_module(module)
    return module


def network(zoo: ModuleType, name: str, batch: int) -> graphcost.Model:
    made = zoo.decoder(batch, 2048) if name == "decoder" else getattr(zoo, name)(zoo.image(batch, hollow=True))
    return graphcost.load(made.model().SerializeToString())


@pytest.mark.parametrize(("name", "batch", "macs", "float16", "tf32"), MEASURED)
def test_the_bound_on_an_h100_is_below_what_was_measured_there(
    name: str, batch: int, macs: int, float16: float, tf32: float, zoo: ModuleType
) -> None:
    model = network(zoo, name, batch)
    for dtype, measured in (("float16", min(float16, COMPILED.get((name, batch), float16))), ("", tf32)):
        analysis = graphcost.analyze(model, target=Target(device="h100", dtype=dtype))
        assert analysis.complete and analysis.total("macs") == macs
        assert analysis.roofline is not None and analysis.roofline.seconds is not None
        assert 0 < analysis.roofline.seconds < measured


@pytest.mark.parametrize(
    "name", ["gru", "perceptron", "shufflenet_v2", "unet", "detector", "encoder, short", "quantised"]
)
def test_the_networks_of_the_benchmarks_are_known(name: str, zoo: ModuleType) -> None:
    analysis = graphcost.analyze(graphcost.load(zoo.ZOO[name]().model().SerializeToString()))
    assert analysis.complete and analysis.total("macs") > 0
