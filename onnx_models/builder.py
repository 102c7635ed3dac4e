"""Net: an ONNX graph under construction, and TorchNet, whose nodes are named as PyTorch's exporter names them.

What it knows of operators is how to spell them; which ones make a network is said in the files beside it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
SMALL = 0.01  # what weights are filled with: the activations of VGG-16 stay finite


class Net:
    """Methods that add an operator return the name of its output, which is the operator's own unless told otherwise."""

    def __init__(self, name: str, rng: np.random.Generator | None = None) -> None:
        """`rng` draws the weights; without one they are constants that the network makes when it runs."""
        self.name = name
        self.rng = rng
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def input(self, name: str, *shape: int) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, name: str, *shape: int) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def node(self, kind: str, *inputs: str, name: str, output: str = "", **attributes: Any) -> str:
        """An operator with one output; an input named "" is left out."""
        output = output or name
        self.nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    def integers(self, name: str, *values: int) -> str:
        """A small tensor that steers a shape."""
        self.initializers[name] = helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        return name

    def floats(self, name: str, *values: float) -> str:
        self.initializers[name] = helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
        return name

    def weight(self, name: str, *shape: int, fill: float = SMALL) -> str:
        """A parameter whose elements are all `fill` or, with an `rng`, lie between half and 1.5 times that."""
        if self.rng is None:
            value = helper.make_tensor("value", TensorProto.FLOAT, [1], [fill])
            return self.node("ConstantOfShape", self.integers(f"{name}.shape", *shape), name=name, value=value)
        numbers = (self.rng.random(shape, np.float32) + np.float32(0.5)) * np.float32(fill)
        self.initializers[name] = numpy_helper.from_array(numbers, name)
        return name

    def conv(
        self, x: str, channels: int, filters: int, kernel: int, *, name: str, weights: str = "",
        stride: int = 1, pad: int = 0, dilation: int = 1, group: int = 1, bias: bool = True,
    ) -> str:  # fmt: skip
        """A square convolution, [1, channels, H, W] -> [1, filters, ...]; `weights` names its parameters."""
        weights = weights or name
        operands = [self.weight(f"{weights}.weight", filters, channels // group, kernel, kernel)]
        if bias:
            operands.append(self.weight(f"{weights}.bias", filters))
        return self.node(
            "Conv", x, *operands, name=name, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
            dilations=[dilation] * 2, group=group,
        )  # fmt: skip

    def batch_norm(self, x: str, channels: int, *, name: str) -> str:
        parts = [self.weight(f"{name}.{part}", channels) for part in ("scale", "bias", "mean")]
        return self.node("BatchNormalization", x, *parts, self.weight(f"{name}.var", channels, fill=1.0), name=name)

    def relu(self, x: str, *, name: str) -> str:
        return self.node("Relu", x, name=name)

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, list(self.initializers.values()))
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, producer_name="graphcost", ir_version=IR_VERSION, opset_imports=[opset])


class TorchNet(Net):
    """Nodes carry the path of the module they come from; functional operators stand at the root and are numbered."""

    def __init__(self, name: str, rng: np.random.Generator | None = None) -> None:
        super().__init__(name, rng)
        self.functions: Counter[str] = Counter()

    def module(self, path: str, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator of the module at `path`."""
        return self.node(kind, *inputs, name=node_name(path, kind), **attributes)

    def function(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator of no module: the first Relu is `/Relu`, the fourth `/Relu_3`."""
        number = self.functions[kind]
        self.functions[kind] += 1
        return self.node(kind, *inputs, name=f"/{kind}_{number}" if number else f"/{kind}", **attributes)

    def conv_module(self, path: str, x: str, channels: int, filters: int, kernel: int, **window: int) -> str:
        return self.conv(x, channels, filters, kernel, name=node_name(path, "Conv"), weights=path, **window)

    def linear_module(self, path: str, x: str, inputs: int, outputs: int, **attributes: Any) -> str:
        """[1, inputs] -> [1, outputs]"""
        operands = self.weight(f"{path}.weight", outputs, inputs), self.weight(f"{path}.bias", outputs)
        return self.module(path, "Gemm", x, *operands, transB=1, **attributes)


def node_name(path: str, kind: str) -> str:
    """`vgg.0` and Conv: `/vgg/vgg.0/Conv`; `L2Norm` and Mul: `/L2Norm/Mul`."""
    stack, dot, _ = path.partition(".")
    return f"/{stack}/{path}/{kind}" if dot else f"/{path}/{kind}"
