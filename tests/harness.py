"""What tests build networks and questions with: a Caffe layer in a call, ONNX in its own syntax, a rule asked alone.

`import harness` from any test: pytest puts this folder on the path (setup.cfg, `pythonpath`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from graphcost import Analysis, Facts, Model, Tensor, Work, analyze
from graphcost.dims import Extent, substitute, symbols
from graphcost.graph import UnknownShape
from graphcost.importers import onnx as importer
from graphcost.importers.wire import varint
from graphcost.ops import find
from graphcost.rules import FRESH, wished

NEWEST = 30
"""Above every version of the ONNX operator set that there is: the newest rule answers."""

# --- Caffe ------------------------------------------------------------------------------------------------------------


def script(root: Path, name: str) -> ModuleType:
    """A program of scripts/ as a module."""
    loader = SourceFileLoader(f"scripts_{name}", str(root / "scripts" / name))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = sys.modules[loader.name] = module_from_spec(spec)  # where its dataclasses look for it
    loader.exec_module(module)
    return module


def onnx_before(major: int, minor: int) -> bool:
    """Whether the onnx package is older than that version."""
    return tuple(map(int, onnx.__version__.split(".")[:2])) < (major, minor)


def image(*extents: int, name: str = "data") -> str:
    """The prototxt of a network's input: `image(1, 3, 8, 8)`."""
    return f'input: "{name}" input_shape {{ {" ".join(f"dim: {extent}" for extent in extents)} }}\n'


HEAD = image(1, 3, 8, 8)


def layer(name: str, kind: str, bottoms: str = "data", fields: str = "", tops: str = "") -> str:
    """The prototxt of a layer; bottoms and tops are separated by spaces, and the top is `name` unless it is given."""
    blobs = [f'bottom: "{blob}"' for blob in bottoms.split()] + [f'top: "{blob}"' for blob in tops.split() or [name]]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)} {fields} }}\n'


def conv(name: str, bottom: str = "data", fields: str = "kernel_size: 3", outputs: int = 4, top: str = "") -> str:
    """The prototxt of a convolution; `fields` are those of its window."""
    return layer(name, "Convolution", bottom, f"convolution_param {{ num_output: {outputs} {fields} }}", top)


# --- ONNX -------------------------------------------------------------------------------------------------------------

Shape = Sequence[int | str] | None


def onnx_text(graph: str, opset: int = 17) -> str:
    """A whole model of a graph in ONNX's own syntax; a domain without rules, com.acme, may be used in it."""
    return f'<ir_version: 8, opset_import: ["" : {opset}, "com.acme" : 1]>\n{graph}'


def parsed(graph: str, opset: int = 17) -> Model:
    """The model of a graph in ONNX's own syntax."""
    return importer.build(parser.parse_model(onnx_text(graph, opset)))


def run(graph: str, opset: int = 17, **options: Any) -> Analysis:
    """Analyse a graph in ONNX's own syntax."""
    return analyze(parsed(graph, opset), **options)


def run_weighted(graph: str, opset: int = 21, **options: Any) -> Analysis:
    """The same; of its inputs, those whose names begin with w are weights."""
    model = parsed(graph, opset)
    for name in [name for name in model.inputs if name.startswith("w")]:
        model.weights[name] = model.inputs.pop(name)
    return analyze(model, **options)


def value_info(name: str, shape: Shape = None, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """What a graph says of an input or output; without a shape, its type alone."""
    return helper.make_tensor_value_info(name, dtype, shape)


def zeros(shapes: Mapping[str, Any]) -> list[onnx.TensorProto]:
    """Weights by name and shape."""
    return [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in shapes.items()]


def integers(contents: Mapping[str, Any]) -> list[onnx.TensorProto]:
    """Constants by name: a vector, or one number."""
    return [numpy_helper.from_array(np.array(each, np.int64), name) for name, each in contents.items()]


def proto(
    nodes: Iterable[onnx.NodeProto],
    inputs: Mapping[str, Any] | Iterable[onnx.ValueInfoProto] = (),
    outputs: Iterable[str | onnx.ValueInfoProto] = ("y",),
    constants: Iterable[onnx.TensorProto] = (),
    opset: int = 17,
    domains: Iterable[str] = (),
    **model: Any,
) -> onnx.ModelProto:
    """A model of these nodes: inputs of floats by name and shape, outputs by name, whose shapes are left open."""
    given = [value_info(name, shape) for name, shape in inputs.items()] if isinstance(inputs, Mapping) else list(inputs)
    made = [value_info(each) if isinstance(each, str) else each for each in outputs]
    graph = helper.make_graph(list(nodes), "g", given, made, list(constants))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **model)


def analysed(model: onnx.ModelProto, **options: Any) -> Analysis:
    """Analyse a model that is held in memory."""
    return analyze(importer.build(model), **options)


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    """The file of a model."""
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


def saved_with_holes(path: Path, *, tensors: int, each: int) -> Path:
    """A chain of additions, each of a weight of `each` bytes that the file has as a hole."""
    nodes = [helper.make_node("Add", [f"x{at}", f"w{at}"], [f"x{at + 1}"]) for at in range(tensors)]
    shape = [each // 4]
    ends = [helper.make_tensor_value_info(name, 1, shape) for name in ("x0", f"x{tensors}")]
    outer = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:]))
    body = outer.graph.SerializeToString()
    outer.ClearField("graph")
    opening = [
        TensorProto(name=f"w{at}", data_type=1, dims=shape).SerializeToString() + b"\x4a" + varint(each)
        for at in range(tensors)
    ]
    begun = [b"\x2a" + varint(len(text) + each) + text for text in opening]
    size = len(body) + sum(map(len, begun)) + tensors * each
    with path.open("wb") as file:
        file.write(outer.SerializeToString() + b"\x3a" + varint(size) + body)
        for text in begun:
            file.write(text)
            file.seek(each, 1)
        file.truncate()
    return path


TIMES = (
    "time_bound", "bound_by", "time_estimate", "time", "spread", "duration", "achieved", "bandwidth", "efficiency", "ran_with",
)  # fmt: skip
"""Columns that ask for a device or for measured times."""

# --- one rule, asked alone --------------------------------------------------------------------------------------------

MS = "com.microsoft."
IMAGE = Tensor((1, 4, 8, 8))


def t(*shape: Any, dtype: str = "float32") -> Tensor:
    return Tensor(shape, dtype)


def ints(*elements: Any) -> Tensor:
    """A vector of integers that are known."""
    return Tensor((len(elements),), "int64", elements)


def floats(*elements: Any) -> Tensor:
    return Tensor((len(elements),), "float32", elements)


def number(element: float) -> Tensor:
    """A scalar that is known."""
    return Tensor((), "int64" if isinstance(element, int) else "float32", (element,))


def facts_of(kind: str, *inputs: Tensor | None, opset: int = NEWEST, outputs: int = 1, **attrs: Any) -> Facts:
    """The facts of an operator, asked as the engine asks: `facts_of("Relu", tensor, opset=13)`."""
    rule = find(kind, opset)
    assert rule is not None, f"{kind} has no rule in version {opset}"
    given = {name: tuple(each) if isinstance(each, list) else each for name, each in attrs.items()}
    if "outputs" in rule.keywords:
        given["outputs"] = outputs
    return rule.function(*inputs, **{name: each for name, each in given.items() if name in rule.keywords})


def before_it_runs(facts: Facts) -> Facts:
    """Facts whose extents that data decides are what they are before a network has run."""
    names = {name for y in facts.outputs if y.ranked for extent in y.shape for name in symbols(extent)}
    sizes: dict[str, Extent] = {name: wished(name)[1] or 0 for name in names if name.startswith(FRESH)}
    return facts.map(lambda extent: substitute(extent, sizes), lambda tensor: tensor.substitute(sizes))


Inputs = tuple[Tensor | None, ...]
Stated = tuple[str, Inputs, dict[str, Any], list[tuple[Any, ...]], Work | None]
"""A case in a line: operator, inputs, attributes -> the shapes of its outputs, its work (None: not compared)."""
Typed = tuple[str, Inputs, dict[str, Any], str]
"""Operator, inputs, attributes -> the element type of its first output."""
Question = tuple[str, Inputs, dict[str, Any]]
Refused = tuple[str, Inputs, dict[str, Any], str]
"""Operator, inputs, attributes -> what the refusal says."""


def each(cases: Sequence[Any]) -> pytest.MarkDecorator:
    """A test for every case, called after its operator: the test takes `case`."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case[0])


def assert_states(case: Stated) -> None:
    kind, inputs, attrs, shapes, work = case
    facts = facts_of(kind, *inputs, **attrs)
    assert [y.shape for y in facts.outputs] == shapes
    if work is not None:
        assert facts.work == work


def assert_type(case: Typed) -> None:
    kind, inputs, attrs, dtype = case
    assert facts_of(kind, *inputs, **attrs).outputs[0].dtype == dtype


def assert_open(case: Question) -> None:
    """Some extent of the first output is one that only data decides."""
    kind, inputs, attrs = case
    assert any(FRESH in str(extent) for extent in facts_of(kind, *inputs, **attrs).outputs[0].shape)


def assert_unknown(case: Question) -> None:
    """The shape stands in contents that are not known."""
    kind, inputs, attrs = case
    with pytest.raises(UnknownShape):
        facts_of(kind, *inputs, **attrs)


def assert_refused(case: Refused) -> None:
    kind, inputs, attrs, reason = case
    with pytest.raises(ValueError, match=reason):
        facts_of(kind, *inputs, **attrs)
