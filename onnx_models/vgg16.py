"""VGG-16 with torchvision's module names, and the stack of layers that other networks borrow from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from builder import TorchNet

LAYERS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")


def vgg16(rng: np.random.Generator | None = None) -> onnx.ModelProto:
    """1000 classes at 224x224, before the softmax; dropout, which does nothing at inference, is left out.

    138,357,544 parameters, 15,470,264,320 multiply-accumulates.
    """
    net = TorchNet("vgg16", rng)
    x = features(net, "features", net.input("input", 1, 3, 224, 224), LAYERS)[-1]
    x = net.module("avgpool", "AveragePool", x, kernel_shape=[1, 1])  # adapts to 7x7, which it is at this input
    x = net.linear_module("classifier.0", net.function("Flatten", x), 512 * 7 * 7, 4096)
    x = net.module("classifier.1", "Relu", x)
    x = net.linear_module("classifier.3", x, 4096, 4096)
    x = net.module("classifier.4", "Relu", x)
    net.output(net.linear_module("classifier.6", x, 4096, 1000, output="output"), 1, 1000)
    return net.model()


def features(net: TorchNet, stack: str, x: str, layers: Sequence[int | str]) -> list[str]:
    """The outputs of modules `stack.0`, `stack.1`, ...

    A number stands for a 3x3 convolution to so many channels and the ReLU after it, "M" for a maximum pool that halves
    the size, "C" for one that rounds an odd size up.
    """
    outputs: list[str] = []
    channels = 3
    for layer in layers:
        if isinstance(layer, int):
            x = net.conv_module(f"{stack}.{len(outputs)}", x, channels, layer, 3, pad=1)
            outputs.append(x)
            x = net.module(f"{stack}.{len(outputs)}", "Relu", x)
            channels = layer
        else:
            window = {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": int(layer == "C")}
            x = net.module(f"{stack}.{len(outputs)}", "MaxPool", x, **window)
        outputs.append(x)
    return outputs
