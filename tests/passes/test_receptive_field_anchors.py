"""Receptive fields against the table that google-research/receptive_field publishes, every end point at 224 and 321.

Size, stride and effective padding are those of https://github.com/google-research/receptive_field (RECEPTIVE_FIELD_TABLE
of its README), computed there from the TensorFlow graphs of TF-Slim. The networks are built here from the architectures
that TF-Slim documents (https://github.com/google-research/tf-slim, nets/); what they leave out, activations and
normalisations, sees one position. A map has as few channels as can be: a receptive field does not depend on them. For
ResNet-v2 and MobileNet-v1 at width 0.75 the table has the numbers of ResNet-v1 and MobileNet-v1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import pytest

import graphcost
from graphcost.graph import Model, Op, Tensor, build_dag
from graphcost.passes.receptive_field import ReceptiveFields

Padding = str | int
SAME, VALID = "SAME_UPPER", "VALID"


class Net:
    """An ONNX network being built; methods return the name of the tensor they make."""

    def __init__(self, resolution: int) -> None:
        self.ops: list[Op] = []
        self.weights: dict[str, Tensor] = {}
        self.channels = {"image": 1}
        self.inputs = {"image": Tensor((1, 1, resolution, resolution))}

    def add(self, kind: str, inputs: Sequence[str], channels: int, name: str, **attrs: object) -> str:
        name = name or f"{kind}{len(self.ops)}"
        self.ops.append(Op(name, kind, tuple(inputs), (name,), attrs))
        self.channels[name] = channels
        return name

    def conv(
        self, x: str, height: int, stride: int = 1, padding: Padding = SAME, *, width: int = 0, name: str = ""
    ) -> str:
        weight = f"w{len(self.weights)}"
        self.weights[weight] = Tensor((1, self.channels[x], height, width or height))
        return self.add("Conv", (x, weight), 1, name, strides=(stride,) * 2, **padded(padding))

    def pool(self, x: str, kernel: int, stride: int, padding: Padding = VALID, *, name: str = "") -> str:
        window = {"kernel_shape": (kernel,) * 2, "strides": (stride,) * 2}
        return self.add("MaxPool", (x,), self.channels[x], name, **window, **padded(padding))

    def concat(self, *branches: str, name: str = "") -> str:
        return self.add("Concat", branches, sum(self.channels[branch] for branch in branches), name, axis=1)

    def plus(self, a: str, b: str, name: str = "") -> str:
        return self.add("Add", (a, b), self.channels[a], name)

    def model(self) -> Model:
        dag = build_dag(self.ops, {*self.inputs, *self.weights})
        return Model("net", dag, self.inputs, (self.ops[-1].name,), self.weights, opsets={"": 22})


def padded(padding: Padding) -> dict[str, object]:
    """SAME is as much as the resolution needs, VALID none; a number is what the network pads by itself."""
    return {"pads": (padding,) * 4} if isinstance(padding, int) else {"auto_pad": padding}


def alexnet_v2(net: Net) -> None:
    x = net.conv("image", 11, 4, VALID, name="conv1")
    x = net.conv(net.pool(x, 3, 2, name="pool1"), 5, name="conv2")
    x = net.conv(net.pool(x, 3, 2), 3, name="conv3")
    x = net.conv(net.conv(x, 3, name="conv4"), 3, name="conv5")
    net.pool(x, 3, 2, name="pool5")


def vgg(depths: Sequence[int]) -> Callable[[Net], None]:
    def build(net: Net) -> None:
        x = "image"
        for block, depth in enumerate(depths, 1):
            for at in range(1, depth + 1):
                x = net.conv(x, 3, name=f"conv{block}_{at}")
            x = net.pool(x, 2, 2, name=f"pool{block}")

    return build


def resnet(depths: Sequence[int]) -> Callable[[Net], None]:
    """The last unit of a block has the stride, in its 3x3, which pads by itself; the last block has none."""

    def build(net: Net) -> None:
        x = net.pool(net.conv("image", 7, 2, 3), 3, 2, SAME)
        for block, depth in enumerate(depths, 1):
            for at in range(1, depth + 1):
                last = at == depth
                stride = 2 if last and block < len(depths) else 1
                shortcut = net.conv(x, 1) if at == 1 else x
                if stride > 1:
                    shortcut = net.pool(shortcut, 1, stride)
                bottleneck = net.conv(net.conv(net.conv(x, 1), 3, stride, 1), 1)
                x = net.plus(shortcut, bottleneck, f"block{block}" if last else "")

    return build


def mobilenet_v1(net: Net) -> None:
    x = net.conv("image", 3, 2, name="Conv2d_0")
    for at, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), 1):
        x = net.conv(net.conv(x, 3, stride), 1, name=f"Conv2d_{at}_pointwise")


def inception_v3(net: Net) -> None:
    x = net.conv("image", 3, 2, VALID, name="Conv2d_1a_3x3")
    x = net.conv(x, 3, 1, VALID, name="Conv2d_2a_3x3")
    x = net.pool(net.conv(x, 3, name="Conv2d_2b_3x3"), 3, 2, name="MaxPool_3a_3x3")
    x = net.conv(net.conv(x, 1, name="Conv2d_3b_1x1"), 3, 1, VALID, name="Conv2d_4a_3x3")
    x = net.pool(x, 3, 2, name="MaxPool_5a_3x3")
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        five, threes = net.conv(net.conv(x, 1), 5), net.conv(net.conv(net.conv(x, 1), 3), 3)
        x = net.concat(net.conv(x, 1), five, threes, pooled(net, x), name=name)

    threes = net.conv(net.conv(net.conv(x, 1), 3), 3, 2, VALID)
    x = net.concat(net.conv(x, 3, 2, VALID), threes, net.pool(x, 3, 2), name="Mixed_6a")
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        once = tall(net, wide(net, net.conv(x, 1), 7), 7)
        twice = wide(net, tall(net, wide(net, tall(net, net.conv(x, 1), 7), 7), 7), 7)
        x = net.concat(net.conv(x, 1), once, twice, pooled(net, x), name=name)

    three = net.conv(net.conv(x, 1), 3, 2, VALID)
    sevens = net.conv(tall(net, wide(net, net.conv(x, 1), 7), 7), 3, 2, VALID)
    x = net.concat(three, sevens, net.pool(x, 3, 2), name="Mixed_7a")
    for name in ("Mixed_7b", "Mixed_7c"):
        one, three = net.conv(x, 1), net.conv(net.conv(x, 1), 3)
        split = [make(net, branch, 3) for branch in (one, three) for make in (wide, tall)]
        x = net.concat(net.conv(x, 1), *split, pooled(net, x), name=name)


def inception_v2(net: Net) -> None:
    x = net.conv("image", 7, 2, name="Conv2d_1a_7x7")
    x = net.conv(net.pool(x, 3, 2, SAME, name="MaxPool_2a_3x3"), 1, name="Conv2d_2b_1x1")
    x = net.pool(net.conv(x, 3, name="Conv2d_2c_3x3"), 3, 2, SAME, name="MaxPool_3a_3x3")
    for name in ("3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b", "5c"):
        stride = 2 if name in ("4a", "5a") else 1
        branches = [net.conv(net.conv(x, 1), 3, stride), net.conv(net.conv(net.conv(x, 1), 3), 3, stride)]
        rest = [net.pool(x, 3, 2, SAME)] if stride == 2 else [net.conv(x, 1), pooled(net, x)]
        x = net.concat(*branches, *rest, name=f"Mixed_{name}")


def inception_v4(net: Net) -> None:
    x = net.conv("image", 3, 2, VALID, name="Conv2d_1a_3x3")
    x = net.conv(net.conv(x, 3, 1, VALID, name="Conv2d_2a_3x3"), 3, name="Conv2d_2b_3x3")
    x = net.concat(net.pool(x, 3, 2), net.conv(x, 3, 2, VALID), name="Mixed_3a")
    sevens = tall(net, wide(net, net.conv(x, 1), 7), 7)
    x = net.concat(net.conv(net.conv(x, 1), 3, 1, VALID), net.conv(sevens, 3, 1, VALID), name="Mixed_4a")
    x = net.concat(net.conv(x, 3, 2, VALID), net.pool(x, 3, 2), name="Mixed_5a")
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_5e"):
        threes = net.conv(net.conv(net.conv(x, 1), 3), 3)
        x = net.concat(net.conv(x, 1), net.conv(net.conv(x, 1), 3), threes, pooled(net, x), name=name)

    x = net.concat(net.conv(x, 3, 2, VALID), reduced(net, x), net.pool(x, 3, 2), name="Mixed_6a")
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_6f", "Mixed_6g", "Mixed_6h"):
        once = tall(net, wide(net, net.conv(x, 1), 7), 7)
        twice = wide(net, tall(net, wide(net, tall(net, net.conv(x, 1), 7), 7), 7), 7)
        x = net.concat(net.conv(x, 1), once, twice, pooled(net, x), name=name)

    sevens = net.conv(tall(net, wide(net, net.conv(x, 1), 7), 7), 3, 2, VALID)
    x = net.concat(net.conv(net.conv(x, 1), 3, 2, VALID), sevens, net.pool(x, 3, 2), name="Mixed_7a")
    for name in ("Mixed_7b", "Mixed_7c", "Mixed_7d"):
        one, three = net.conv(x, 1), wide(net, tall(net, net.conv(x, 1), 3), 3)
        split = [make(net, branch, 3) for branch in (one, three) for make in (wide, tall)]
        x = net.concat(net.conv(x, 1), *split, pooled(net, x), name=name)


def inception_resnet_v2(net: Net) -> None:
    x = net.conv("image", 3, 2, VALID, name="Conv2d_1a_3x3")
    x = net.conv(net.conv(x, 3, 1, VALID, name="Conv2d_2a_3x3"), 3, name="Conv2d_2b_3x3")
    x = net.conv(net.pool(x, 3, 2, name="MaxPool_3a_3x3"), 1, name="Conv2d_3b_1x1")
    x = net.pool(net.conv(x, 3, 1, VALID, name="Conv2d_4a_3x3"), 3, 2, name="MaxPool_5a_3x3")
    threes = net.conv(net.conv(net.conv(x, 1), 3), 3)
    x = net.concat(net.conv(x, 1), net.conv(net.conv(x, 1), 5), threes, pooled(net, x), name="Mixed_5b")
    for _ in range(10):
        threes = net.conv(net.conv(net.conv(x, 1), 3), 3)
        x = net.plus(x, net.conv(net.concat(net.conv(x, 1), net.conv(net.conv(x, 1), 3), threes), 1))

    x = net.concat(net.conv(x, 3, 2, VALID), reduced(net, x), net.pool(x, 3, 2), name="Mixed_6a")
    for at in range(1, 21):
        sevens = tall(net, wide(net, net.conv(x, 1), 7), 7)
        x = net.plus(x, net.conv(net.concat(net.conv(x, 1), sevens), 1), "PreAuxLogits" if at == 20 else "")

    x = net.concat(net.conv(net.conv(x, 1), 3, 2, VALID), reduced(net, x), net.pool(x, 3, 2), name="Mixed_7a")
    for _ in range(10):
        threes = tall(net, wide(net, net.conv(x, 1), 3), 3)
        x = net.plus(x, net.conv(net.concat(net.conv(x, 1), threes), 1))
    net.conv(x, 1, name="Conv2d_7b_1x1")


def reduced(net: Net, x: str) -> str:
    return net.conv(net.conv(net.conv(x, 1), 3), 3, 2, VALID)


def wide(net: Net, x: str, kernel: int) -> str:
    return net.conv(x, 1, width=kernel)


def tall(net: Net, x: str, kernel: int) -> str:
    return net.conv(x, kernel, width=1)


def pooled(net: Net, x: str) -> str:
    return net.conv(net.pool(x, 3, 1, SAME), 1)


NETWORKS: dict[str, Callable[[Net], None]] = {
    "alexnet_v2": alexnet_v2,
    "vgg_a": vgg((1, 1, 2, 2, 2)),
    "vgg_16": vgg((2, 2, 3, 3, 3)),
    "resnet_v1_50": resnet((3, 4, 6, 3)),
    "resnet_v1_101": resnet((3, 4, 23, 3)),
    "resnet_v1_152": resnet((3, 8, 36, 3)),
    "resnet_v1_200": resnet((3, 24, 36, 3)),
    "mobilenet_v1": mobilenet_v1,
    "inception_v2": inception_v2,
    "inception_v3": inception_v3,
    "inception_v4": inception_v4,
    "inception_resnet_v2": inception_resnet_v2,
}

# end point, size, stride, padding at 224, padding at 321 where that is another
PUBLISHED = {
    "alexnet_v2": """
        conv1 11 4 0
        pool1 19 8 0
        conv2 51 8 16
        conv3 99 16 32
        conv4 131 16 48
        conv5 163 16 64
        pool5 195 32 64""",
    "vgg_a": """
        conv1_1 3 1 1
        pool1 4 2 1
        conv2_1 8 2 3
        pool2 10 4 3
        conv3_1 18 4 7
        conv3_2 26 4 11
        pool3 30 8 11
        conv4_1 46 8 19
        conv4_2 62 8 27
        pool4 70 16 27
        conv5_1 102 16 43
        conv5_2 134 16 59
        pool5 150 32 59""",
    "vgg_16": """
        conv1_1 3 1 1
        pool1 6 2 2
        conv2_1 10 2 4
        pool2 16 4 6
        conv3_1 24 4 10
        conv3_2 32 4 14
        pool3 44 8 18
        conv4_1 60 8 26
        conv4_2 76 8 34
        pool4 100 16 42
        conv5_1 132 16 58
        conv5_2 164 16 74
        pool5 212 32 90""",
    "resnet_v1_50": """
        block1 35 8 15 17
        block2 99 16 47 49
        block3 291 32 143 145
        block4 483 32 239 241""",
    "resnet_v1_101": """
        block1 35 8 15 17
        block2 99 16 47 49
        block3 835 32 415 417
        block4 1027 32 511 513""",
    "resnet_v1_152": """
        block1 35 8 15 17
        block2 163 16 79 81
        block3 1315 32 655 657
        block4 1507 32 751 753""",
    "resnet_v1_200": """
        block1 35 8 15 17
        block2 419 16 207 209
        block3 1571 32 783 785
        block4 1763 32 879 881""",
    "mobilenet_v1": """
        Conv2d_0 3 2 0 1
        Conv2d_1_pointwise 7 2 2 3
        Conv2d_2_pointwise 11 4 2 5
        Conv2d_3_pointwise 19 4 6 9
        Conv2d_4_pointwise 27 8 6 13
        Conv2d_5_pointwise 43 8 14 21
        Conv2d_6_pointwise 59 16 14 29
        Conv2d_7_pointwise 91 16 30 45
        Conv2d_8_pointwise 123 16 46 61
        Conv2d_9_pointwise 155 16 62 77
        Conv2d_10_pointwise 187 16 78 93
        Conv2d_11_pointwise 219 16 94 109
        Conv2d_12_pointwise 251 32 94 125
        Conv2d_13_pointwise 315 32 126 157""",
    "inception_v3": """
        Conv2d_1a_3x3 3 2 0
        Conv2d_2a_3x3 7 2 0
        Conv2d_2b_3x3 11 2 2
        MaxPool_3a_3x3 15 4 2
        Conv2d_3b_1x1 15 4 2
        Conv2d_4a_3x3 23 4 2
        MaxPool_5a_3x3 31 8 2
        Mixed_5b 63 8 18
        Mixed_5c 95 8 34
        Mixed_5d 127 8 50
        Mixed_6a 159 16 58
        Mixed_6b 351 16 154
        Mixed_6c 543 16 250
        Mixed_6d 735 16 346
        Mixed_6e 927 16 442
        Mixed_7a 1055 32 490
        Mixed_7b 1183 32 554
        Mixed_7c 1311 32 618""",
    "inception_v2": """
        Conv2d_1a_7x7 7 2 2 3
        MaxPool_2a_3x3 11 4 2 5
        Conv2d_2b_1x1 11 4 2 5
        Conv2d_2c_3x3 19 4 6 9
        MaxPool_3a_3x3 27 8 6 13
        Mixed_3b 59 8 22 29
        Mixed_3c 91 8 38 45
        Mixed_4a 123 16 46 61
        Mixed_4b 187 16 78 93
        Mixed_4c 251 16 110 125
        Mixed_4d 315 16 142 157
        Mixed_4e 379 16 174 189
        Mixed_5a 443 32 190 221
        Mixed_5b 571 32 254 285
        Mixed_5c 699 32 318 349""",
    "inception_v4": """
        Conv2d_1a_3x3 3 2 0
        Conv2d_2a_3x3 7 2 0
        Conv2d_2b_3x3 11 2 2
        Mixed_3a 15 4 2
        Mixed_4a 47 4 14
        Mixed_5a 55 8 14
        Mixed_5b 87 8 30
        Mixed_5c 119 8 46
        Mixed_5d 151 8 62
        Mixed_5e 183 8 78
        Mixed_6a 215 16 86
        Mixed_6b 407 16 182
        Mixed_6c 599 16 278
        Mixed_6d 791 16 374
        Mixed_6e 983 16 470
        Mixed_6f 1175 16 566
        Mixed_6g 1367 16 662
        Mixed_6h 1559 16 758
        Mixed_7a 1687 32 806
        Mixed_7b 1815 32 870
        Mixed_7c 1943 32 934
        Mixed_7d 2071 32 998""",
    "inception_resnet_v2": """
        Conv2d_1a_3x3 3 2 0
        Conv2d_2a_3x3 7 2 0
        Conv2d_2b_3x3 11 2 2
        MaxPool_3a_3x3 15 4 2
        Conv2d_3b_1x1 15 4 2
        Conv2d_4a_3x3 23 4 2
        MaxPool_5a_3x3 31 8 2
        Mixed_5b 63 8 18
        Mixed_6a 415 16 186
        PreAuxLogits 2335 16 1146
        Mixed_7a 2399 32 1162
        Conv2d_7b_1x1 3039 32 1482""",
}


@cache
def fields(network: str, resolution: int) -> ReceptiveFields:
    net = Net(resolution)
    NETWORKS[network](net)
    return graphcost.analyze(net.model()).receptive_fields


@pytest.mark.parametrize("resolution", [224, 321])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_published_end_point(network: str, resolution: int) -> None:
    found, published = [], []
    for line in PUBLISHED[network].strip().splitlines():
        end_point, size, stride, *paddings = line.split()
        padding = paddings[-1 if resolution == 321 else 0]
        published.append((end_point, (int(size),) * 2, (int(stride),) * 2, (int(padding),) * 2))
        field = fields(network, resolution).of(end_point)
        found.append((end_point, field.size, field.stride, field.padding))
    assert found == published


def test_padding_that_keeps_a_size_depends_on_it() -> None:
    """The published table leaves the cell empty where no resolution is given; size and stride are the same anyway."""
    small, large = (fields("mobilenet_v1", side).of("Conv2d_13_pointwise") for side in (224, 321))
    assert (small.size, small.stride) == (large.size, large.stride) == ((315, 315), (32, 32))
    assert (small.padding, large.padding) == ((126, 126), (157, 157))
