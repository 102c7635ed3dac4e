"""SSD300 on VGG-16 with the module names of its PyTorch port: vgg, L2Norm, extras, loc, conf and softmax."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx
from builder import TorchNet
from vgg16 import features

LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "C", 512, 512, 512, "M", 512, 512, 512)
CLASSES = 21  # the 20 of Pascal VOC, and background
BOXES = (4, 6, 6, 6, 4, 4)  # at each position of the maps 38x38, 19x19, 10x10, 5x5, 3x3, 1x1: 8732 in all
BESIDES = (  # the maps after the backbone: 1x1 to so many channels, then a 3x3 to so many
    (256, 512, {"stride": 2, "pad": 1}),
    (128, 256, {"stride": 2, "pad": 1}),
    (128, 256, {}),
    (128, 256, {}),
)

Map = tuple[str, int]
"""A tensor and its channels."""


def ssd300(rng: np.random.Generator | None = None) -> onnx.ModelProto:
    """Offsets and class probabilities of 8732 boxes; prior boxes and non-maximum suppression would come after.

    26,285,486 parameters. Shows module scopes, a pool that rounds up, dilation and a norm spelled in operators.
    """
    net = TorchNet("ssd300", rng)
    layers = features(net, "vgg", net.input("input", 1, 3, 300, 300), LAYERS)
    maps = [(l2_norm(net, "L2Norm", layers[22], 512), 512), (fully_convolutional(net, layers[-1]), 1024)]
    maps += extras(net, maps[-1])

    locations, confidences = [], []
    for at, ((x, channels), boxes) in enumerate(zip(maps, BOXES, strict=True)):
        location = net.conv_module(f"loc.{at}", x, channels, 4 * boxes, 3, pad=1)
        locations.append(net.function("Transpose", location, perm=[0, 2, 3, 1]))
        confidence = net.conv_module(f"conf.{at}", x, channels, CLASSES * boxes, 3, pad=1)
        confidences.append(net.function("Transpose", confidence, perm=[0, 2, 3, 1]))

    locations, confidences = joined(net, locations), joined(net, confidences)
    location = net.function("Reshape", locations, net.integers("loc.shape", 1, -1, 4), output="loc")
    confidence = net.function("Reshape", confidences, net.integers("conf.shape", 1, -1, CLASSES))
    net.output(location, 1, 8732, 4)
    net.output(net.module("softmax", "Softmax", confidence, output="conf", axis=-1), 1, 8732, CLASSES)
    return net.model()


def fully_convolutional(net: TorchNet, x: str) -> str:
    """VGG-16's last pool and two of its dense layers, made into convolutions that keep 19x19."""
    x = net.module("vgg.30", "MaxPool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    x = net.module("vgg.32", "Relu", net.conv_module("vgg.31", x, 512, 1024, 3, pad=6, dilation=6))
    return net.module("vgg.34", "Relu", net.conv_module("vgg.33", x, 1024, 1024, 1))


def l2_norm(net: TorchNet, path: str, x: str, channels: int) -> str:
    """x / sqrt(sum of x^2 over the channels), times a learned weight per channel; the port's epsilon is left out."""
    squares = net.module(path, "Pow", x, net.integers(f"{path}.exponent", 2))
    total = net.module(path, "ReduceSum", squares, net.integers(f"{path}.axes", 1), keepdims=1)
    unit = net.module(path, "Div", x, net.module(path, "Sqrt", total))
    weight = net.weight(f"{path}.weight", channels)
    weight = net.module(path, "Unsqueeze", weight, net.integers(f"{path}.other_axes", 0, 2, 3))
    return net.module(path, "Mul", weight, unit)


def extras(net: TorchNet, last: Map) -> list[Map]:
    """Four coarser maps; their ReLUs are functions, so they belong to no module."""
    maps: list[Map] = []
    x, channels = last
    for at, (narrow, wide, window) in enumerate(BESIDES):
        x = net.function("Relu", net.conv_module(f"extras.{2 * at}", x, channels, narrow, 1))
        x = net.function("Relu", net.conv_module(f"extras.{2 * at + 1}", x, narrow, wide, 3, **window))
        channels = wide
        maps.append((x, channels))
    return maps


def joined(net: TorchNet, heads: Iterable[str]) -> str:
    """All heads behind each other in one row."""
    row = net.integers("row", 1, -1)
    return net.function("Concat", *[net.function("Reshape", head, row) for head in heads], axis=1)
