"""RetinaFace on MobileNet-0.25, with the layer names of prototxt/retinaface.prototxt.

It differs from that file where ONNX has its own idiom: the coarser map is doubled by Resize, which has no weights, and
cropped by Shape and Slice; BatchNormalization has the scale in it.
"""

from __future__ import annotations

import numpy as np
import onnx
from builder import Net

SIZE = 640
BLOCKS = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1))
"""MobileNet v1 at a quarter of its width: channels and stride of each depthwise 3x3 followed by a 1x1."""


def retinaface(rng: np.random.Generator | None = None) -> onnx.ModelProto:
    """Faces, boxes and five landmarks at strides 32, 16 and 8, from two anchors at each position.

    Shows depthwise convolution, batch normalisation, a feature pyramid, and shapes that are calculated in the graph.
    """
    net = Net("retinaface", rng)
    blocks = mobilenet(net, net.input("data", 1, 3, SIZE, SIZE))

    c3 = conv_bn_relu(net, "rf_c3_lateral", blocks[12], 256, 64, 1)
    heads(net, context(net, "rf_c3_det", c3), 32)

    c2 = conv_bn_relu(net, "rf_c2_lateral", blocks[10], 128, 64, 1)
    c2 = merged(net, "rf_c2", c2, upsampled(net, "rf_c3_upsampling", c3))
    heads(net, context(net, "rf_c2_det", c2), 16)

    c1 = conv_bn_relu(net, "rf_c1_lateral", blocks[4], 64, 64, 1)
    c1 = merged(net, "rf_c1", c1, upsampled(net, "rf_c2_upsampling", c2))
    heads(net, context(net, "rf_c1_det", c1), 8)
    return net.model()


def conv_bn(net: Net, name: str, x: str, channels: int, filters: int, kernel: int, **window: int) -> str:
    """A convolution without bias that keeps the size but for its stride, and batch normalisation."""
    x = net.conv(x, channels, filters, kernel, name=name, pad=kernel // 2, bias=False, **window)
    return net.batch_norm(x, filters, name=f"{name}_bn")


def conv_bn_relu(net: Net, name: str, x: str, channels: int, filters: int, kernel: int, **window: int) -> str:
    return net.relu(conv_bn(net, name, x, channels, filters, kernel, **window), name=f"{name}_relu")


def mobilenet(net: Net, image: str) -> list[str]:
    """The outputs of `BLOCKS`; strides 8, 16 and 32 end at 4, 10 and 12."""
    x, channels = conv_bn_relu(net, "conv0", image, 3, 8, 3, stride=2), 8
    outputs = []
    for at, (filters, stride) in enumerate(BLOCKS):
        x = conv_bn_relu(net, f"conv{2 * at + 1}", x, channels, channels, 3, stride=stride, group=channels)
        x = conv_bn_relu(net, f"conv{2 * at + 2}", x, channels, filters, 1)
        channels = filters
        outputs.append(x)
    return outputs


def upsampled(net: Net, name: str, x: str) -> str:
    """Twice as high and wide, each pixel repeated."""
    scales = net.floats("upsampling.scales", 1, 1, 2, 2)
    nearest = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    return net.node("Resize", x, "", scales, name=name, **nearest)


def merged(net: Net, name: str, lateral: str, coarser: str) -> str:
    """The coarser map, cut from the top left to the lateral's height and width, is added to it, then smoothed."""
    size = net.node("Shape", lateral, name=f"{name}_size", start=2)
    starts, axes = net.integers("crop.starts", 0, 0), net.integers("crop.axes", 2, 3)
    crop = net.node("Slice", coarser, starts, size, axes, name=f"{name}_crop")
    return conv_bn_relu(net, f"{name}_aggr", net.node("Add", lateral, crop, name=f"{name}_plus"), 64, 64, 3)


def context(net: Net, name: str, x: str) -> str:
    """Receptive fields of 3, 5 and 7 side by side: 32 + 16 + 16 channels."""
    three = conv_bn(net, f"{name}_conv1", x, 64, 32, 3)
    first = conv_bn_relu(net, f"{name}_context_conv1", x, 64, 16, 3)
    five = conv_bn(net, f"{name}_context_conv2", first, 16, 16, 3)
    second = conv_bn_relu(net, f"{name}_context_conv3_1", first, 16, 16, 3)
    seven = conv_bn(net, f"{name}_context_conv3_2", second, 16, 16, 3)
    return net.relu(net.node("Concat", three, five, seven, name=f"{name}_concat", axis=1), name=f"{name}_relu")


def heads(net: Net, x: str, stride: int) -> None:
    """Face or not, which is a softmax over pairs of channels; box; landmarks."""

    def name(what: str) -> str:
        return f"face_rpn_{what}_stride{stride}"

    pairs, anchors = net.integers("face_rpn.pairs", 0, 2, -1, 0), net.integers("face_rpn.anchors", 0, 4, -1, 0)
    score = net.conv(x, 64, 2 * 2, 1, name=name("cls_score"))
    score = net.node("Reshape", score, pairs, name=name("cls_score_reshape"))
    score = net.node("Softmax", score, name=name("cls_prob"), axis=1)
    score = net.node("Reshape", score, anchors, name=name("cls_prob_reshape"))
    box = net.conv(x, 64, 2 * 4, 1, name=name("bbox_pred"))
    landmarks = net.conv(x, 64, 2 * 10, 1, name=name("landmark_pred"))
    for output, channels in ((score, 4), (box, 8), (landmarks, 20)):
        net.output(output, 1, channels, SIZE // stride, SIZE // stride)
