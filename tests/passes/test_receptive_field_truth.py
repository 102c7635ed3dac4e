"""Boxes against the truth, for operators that reorder, cut, join, resample, mix and reshape axes.

Small random networks are run on one image and on copies of it in each of which one element is another; what then
changes in the output has seen that element. All of the copies are one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import graphcost
from graphcost.passes.receptive_field import Field, ReceptiveFields

CHANNELS, HEIGHT, WIDTH = 2, 8, 6
LARGEST = 16  # no map becomes longer
SEEDS = 300
QUICK = 60  # of which so many are run by whoever has a minute
RESIZE_ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
RESIZE_COORDINATES = (
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
)  # fmt: skip


class Net:
    """A network being drawn: its nodes and weights, and the channels and extents of every map."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.maps: dict[str, tuple[int, int, int]] = {"x": (CHANNELS, HEIGHT, WIDTH)}
        self.exact = True
        """Every box is to be as small as can be."""
        self.copies_borders = False
        """What stands beyond a border is copied from inside, which the three numbers of a field do not say."""

    def constant(self, value: object, dtype: type = np.int64) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def positive(self, *shape: int) -> str:
        return self.constant(self.numbers.uniform(0.5, 1, shape), np.float32)

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attrs: object) -> str:
        """A node; the name of its last output."""
        names = [f"t{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attrs))
        return names[-1]

    def shaped(self, name: str, channels: int, height: int, width: int) -> str:
        self.maps[name] = (channels, height, width)
        return name

    def reshape(self, x: str, *shape: int) -> str:
        return self.add("Reshape", x, self.constant(shape))


def conv(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    k, s, d = net.random.randint(1, 3), net.random.randint(1, 2), net.random.randint(1, 2)
    pad = net.random.randint(0, 1)
    sizes = [(extent + 2 * pad - d * (k - 1) - 1) // s + 1 for extent in (h, w)]
    if min(sizes) < 1:
        return x
    net.exact = net.exact and d == 1 and k >= s
    y = net.add("Conv", x, net.positive(2, c, k, k), strides=[s, s], dilations=[d, d], pads=[pad] * 4)
    return net.shaped(y, 2, *sizes)


def conv_along_one_axis(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if net.random.randint(0, 1):
        return net.shaped(net.add("Conv", x, net.positive(2, c, 3, 1), pads=[1, 0, 1, 0]), 2, h, w)
    return net.shaped(net.add("Conv", x, net.positive(2, c, 1, 3), pads=[0, 1, 0, 1]), 2, h, w)


def pool(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if min(h, w) < 2:
        return x
    return net.shaped(net.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), c, h // 2, w // 2)


def transposed_conv(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    s = net.random.randint(1, 2)
    k = net.random.randint(s, 3)
    if max(h, w) * s > LARGEST:
        return x
    net.exact = False
    y = net.add("ConvTranspose", x, net.positive(c, 2, k, k), strides=[s, s])
    return net.shaped(y, 2, *[s * (extent - 1) + k for extent in (h, w)])


def resize(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    mode = net.random.choice(["nearest", "nearest", "linear", "cubic"])
    attrs = {
        "mode": mode,
        "nearest_mode": net.random.choice(RESIZE_ROUNDINGS),
        "coordinate_transformation_mode": net.random.choice(RESIZE_COORDINATES),
    }
    if mode != "nearest" and net.random.randint(0, 3) == 0:
        attrs["antialias"] = 1
    net.exact, net.copies_borders = False, True
    if net.random.randint(0, 1):
        sizes = [net.random.randint(1, LARGEST) for _ in range(2)]
        return net.shaped(net.add("Resize", x, "", "", net.constant(sizes), axes=[2, 3], **attrs), c, *sizes)
    factors = [net.random.choice([0.5, 1 / 3, 0.7, 1, 1.5, 2, 3]) for _ in range(2)]
    sizes = [int(np.floor(np.float32(f) * e)) for f, e in zip(factors, (h, w), strict=True)]
    if not 0 < min(sizes) <= max(sizes) <= LARGEST:
        return x
    return net.shaped(net.add("Resize", x, "", net.constant(factors, np.float32), axes=[2, 3], **attrs), c, *sizes)


def pad(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    mode = net.random.choice(["constant", "edge", "reflect", "wrap"])
    before, after = [[net.random.randint(0, min(2, extent - 1)) for extent in (h, w)] for _ in range(2)]
    amounts = net.constant([0, 0, *before, 0, 0, *after])
    if mode != "constant":
        net.exact, net.copies_borders = False, True
    sizes = [extent + b + a for extent, b, a in zip((h, w), before, after, strict=True)]
    return net.shaped(net.add("Pad", x, amounts, mode=mode), c, *sizes)


def crop(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    axis = net.random.randint(2, 3)
    extent = (h, w)[axis - 2]
    step = net.random.choice([1, 1, 2, -1, -2])
    kept = range(net.random.randint(0, extent - 1), extent)[:: abs(step)]
    start, end = (kept[0], extent) if step > 0 else (extent - 1 - kept[0], -(2**40))
    sizes = [h, w]
    sizes[axis - 2] = len(range(start, extent)[::step]) if step > 0 else len(range(start, -1, step))
    y = net.add("Slice", x, *(net.constant([number]) for number in (start, end, axis, step)))
    net.exact = net.exact and abs(step) == 1
    return net.shaped(y, c, *sizes)


def roll(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    axis = net.random.randint(2, 3)
    extent = (h, w)[axis - 2]
    if extent < 2:
        return x
    at = net.random.randint(1, extent - 1)
    last = net.add("Slice", x, *(net.constant([number]) for number in (at, extent, axis)))
    first = net.add("Slice", x, *(net.constant([number]) for number in (0, at, axis)))
    net.exact = False
    return net.shaped(net.add("Concat", last, first, axis=axis), c, h, w)


def split(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if h < 3:
        return x
    lengths = [1, net.random.randint(1, h - 2)]
    lengths.append(h - sum(lengths))
    y = net.add("Split", x, net.constant(lengths), axis=2, outputs=3)
    net.exact = False
    if net.random.randint(0, 1):
        return net.shaped(net.add("Concat", y, y.replace("_2", "_0"), axis=2), c, lengths[0] + lengths[2], w)
    return net.shaped(y, c, lengths[2], w)


def concat(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    others = [name for name, (_, _, width) in net.maps.items() if width == w and net.maps[name][0] == c]
    other = net.random.choice(others)
    height = h + net.maps[other][1]
    if height > LARGEST:
        return x
    net.exact = False
    return net.shaped(net.add("Concat", x, other, axis=2), c, height, w)


def gather(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    axis = net.random.randint(2, 3)
    extent = (h, w)[axis - 2]
    picks = [net.random.randint(-extent, extent - 1) for _ in range(net.random.randint(1, 6))]
    sizes = [h, w]
    sizes[axis - 2] = len(picks)
    net.exact = False
    return net.shaped(net.add("Gather", x, net.constant(picks), axis=axis), c, *sizes)


def gather_one(net: Net, x: str) -> str:
    """One row, broadcast to the others."""
    c, h, w = net.maps[x]
    row = net.add("Gather", x, net.constant(net.random.randint(0, h - 1)), axis=2)
    net.exact = False
    return net.shaped(net.add("Add", x, net.add("Unsqueeze", row, net.constant([2]))), c, h, w)


def tile(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if 2 * h > LARGEST:
        return x
    net.exact = False
    return net.shaped(net.add("Tile", x, net.constant([1, 1, 2, 1])), c, 2 * h, w)


def add(net: Net, x: str) -> str:
    net.exact = False
    return net.shaped(
        net.add("Add", x, net.random.choice([n for n in net.maps if net.maps[n] == net.maps[x]])), *net.maps[x]
    )


def turned(net: Net, x: str) -> str:
    """Height and width change places."""
    c, h, w = net.maps[x]
    return net.shaped(net.add("Transpose", x, perm=[0, 1, 3, 2]), c, w, h)


def turned_and_added(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if h != w:
        return x
    net.exact = False
    return net.shaped(net.add("Add", x, net.add("Transpose", x, perm=[0, 1, 3, 2])), c, h, w)


def channels_last(net: Net, x: str) -> str:
    """A linear layer and a normalisation over the channels, which come last."""
    c, h, w = net.maps[x]
    y = net.add("MatMul", net.add("Transpose", x, perm=[0, 2, 3, 1]), net.positive(c, 2))
    if net.random.randint(0, 1):
        y = net.add("LayerNormalization", y, net.positive(2), axis=-1)
        net.exact = False
    return net.shaped(net.add("Transpose", y, perm=[0, 3, 1, 2]), 2, h, w)


def tokens(net: Net, x: str) -> str:
    """All positions on one axis, a linear layer, and back."""
    c, h, w = net.maps[x]
    y = net.add("Transpose", net.reshape(x, 0, c, h * w), perm=[0, 2, 1])
    y = net.add("MatMul", y, net.positive(c, 2))
    return net.shaped(net.reshape(net.add("Transpose", y, perm=[0, 2, 1]), 0, 2, h, w), 2, h, w)


def mixed_along_one_axis(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    axis = net.random.randint(2, 3)
    kind = net.random.randrange(5)
    net.exact = False
    if kind == 0:
        return net.shaped(net.add("Softmax", x, axis=axis), c, h, w)
    if kind == 1:
        return net.shaped(net.add("CumSum", x, net.constant(axis)), c, h, w)
    if kind == 2:
        mean = net.add("ReduceMean", x, net.constant([axis]))
        return net.shaped(net.add("Sub", x, mean), c, h, w)
    if kind == 3:
        row = net.add("ReduceMax", x, net.constant([axis]), keepdims=0)
        return net.shaped(net.add("Add", x, net.add("Unsqueeze", row, net.constant([axis]))), c, h, w)
    return net.shaped(net.add("MatMul", x, net.positive(w, w)), c, h, w)


def einsum(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if net.random.randint(0, 1):
        return net.shaped(net.add("Einsum", x, net.positive(2, c), equation="nchw,dc->ndhw"), 2, h, w)
    net.exact = False
    return net.shaped(net.add("Einsum", x, net.positive(3, h), equation="nchw,kh->ncwk"), c, w, 3)


def space_to_depth(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if h % 2 or w % 2 or c > 8:
        return x
    if net.random.randint(0, 1):
        net.exact = False  # which pixel a channel is of is followed through reshapes only
        return net.shaped(net.add("SpaceToDepth", x, blocksize=2), 4 * c, h // 2, w // 2)
    y = net.add("Transpose", net.reshape(x, 0, c, h // 2, 2, w // 2, 2), perm=[0, 3, 5, 1, 2, 4])
    return net.shaped(net.reshape(y, 0, 4 * c, h // 2, w // 2), 4 * c, h // 2, w // 2)


def depth_to_space(net: Net, x: str) -> str:
    c, h, w = net.maps[x]
    if c % 4 or max(h, w) * 2 > LARGEST:
        return x
    if net.random.randint(0, 1):
        net.exact = False
        return net.shaped(net.add("DepthToSpace", x, blocksize=2), c // 4, 2 * h, 2 * w)
    y = net.add("Transpose", net.reshape(x, 0, c // 4, 2, 2, h, w), perm=[0, 1, 4, 2, 5, 3])
    return net.shaped(net.reshape(y, 0, c // 4, 2 * h, 2 * w), c // 4, 2 * h, 2 * w)


def windows(net: Net, x: str) -> str:
    """A softmax over each window of 2x2 positions."""
    c, h, w = net.maps[x]
    if h % 2 or w % 2:
        return x
    y = net.add("Transpose", net.reshape(x, 0, c, h // 2, 2, w // 2, 2), perm=[0, 1, 2, 4, 3, 5])
    y = net.add("Softmax", net.reshape(y, 0, c, h * w // 4, 4), axis=-1)
    y = net.add("Transpose", net.reshape(y, 0, c, h // 2, w // 2, 2, 2), perm=[0, 1, 2, 4, 3, 5])
    net.exact = False
    return net.shaped(net.reshape(y, 0, c, h, w), c, h, w)


def shuffled(net: Net, x: str) -> str:
    """Channels in another order."""
    c, h, w = net.maps[x]
    if c % 2:
        return x
    y = net.add("Transpose", net.reshape(x, 0, 2, c // 2, h, w), perm=[0, 2, 1, 3, 4])
    return net.shaped(net.reshape(y, 0, c, h, w), c, h, w)


def strips(net: Net, x: str) -> str:
    """Rows cut where they do not divide evenly."""
    c, h, w = net.maps[x]
    if (h * w) % 3 or h * w // 3 > LARGEST:
        return x
    net.exact = False
    return net.shaped(net.reshape(x, 0, c, 3, h * w // 3), c, 3, h * w // 3)


OPERATORS: tuple[Callable[[Net, str], str], ...] = (
    conv, conv, conv_along_one_axis, pool, transposed_conv, resize, resize, pad, crop, roll, split, concat, gather,
    gather_one, tile, add, turned, turned_and_added, channels_last, tokens, mixed_along_one_axis, einsum, space_to_depth,
    depth_to_space, windows, shuffled, strips,
)  # fmt: skip


def drawn(seed: int) -> tuple[Net, str]:
    net = Net(seed)
    x = "x"
    for _ in range(net.random.randint(1, 5)):
        x = net.random.choice(OPERATORS)(net, x)
        if net.random.randrange(6) == 0:
            x = net.random.choice(list(net.maps))
    return net, net.add("Identity", x)


def model_of(net: Net, last: str) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", CHANNELS, HEIGHT, WIDTH])
    result = helper.make_tensor_value_info(last, TensorProto.FLOAT, None)
    graph = helper.make_graph(net.nodes, "net", [image], [result], net.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)


def changes(model: onnx.ModelProto) -> np.ndarray:
    """Which output elements each input element changes: [channels, height, width of the input, *output]."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # the model as it is
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).uniform(1, 2, (CHANNELS, HEIGHT, WIDTH)).astype(np.float32)
    batch = np.repeat(image[None], image.size, axis=0)
    one_changed = batch + np.eye(image.size, dtype=np.float32).reshape(batch.shape)
    # what one image gives depends on its place in the batch, by rounding
    (before,), (after,) = (session.run(None, {"x": images}) for images in (batch, one_changed))
    return (before != after).reshape(CHANNELS, HEIGHT, WIDTH, *after.shape[1:])


def fields_of(model: onnx.ModelProto, folder: Path) -> ReceptiveFields:
    onnx.save(model, folder / "net.onnx")
    return graphcost.analyze(graphcost.load(folder / "net.onnx"), dims={"N": 1}).receptive_fields


Seen = tuple[tuple[int, int], ...]


def seen(changed: np.ndarray) -> Seen | None:
    """First and last row and column of the input that changes anything; None when nothing does."""
    rows, columns = np.nonzero(changed.any(axis=tuple({*range(changed.ndim)} - {1, 2})))
    return tuple((int(each.min()), int(each.max())) for each in (rows, columns)) if len(rows) else None


SOME = [pytest.param(seed, marks=[] if seed < QUICK else [pytest.mark.slow]) for seed in range(SEEDS)]


@pytest.mark.parametrize("seed", SOME)
def test_what_changes_an_output_is_in_its_box_and_field(seed: int, tmp_path: Path) -> None:
    net, last = drawn(seed)
    model = model_of(net, last)
    changed = changes(model)
    fields = fields_of(model, tmp_path)
    *_, height, width = changed.shape
    for position in {(0, 0), (height - 1, width - 1), (height // 2, width // 3), (height // 3, width // 2)}:
        found = seen(changed[..., position[0], position[1]])
        if found is None:
            continue  # nothing but padding is seen
        box = fields.box(last, position)
        assert box is not None
        assert all(low <= first and final <= high for (low, high), (first, final) in zip(box, found, strict=True))
        if net.exact:
            assert box == found
        if not net.copies_borders and height * width > 1:  # where channels alone are left, they are the positions
            assert_within(fields.of(last), position, found)


def assert_within(field: Field | None, position: tuple[int, int], found: Seen) -> None:
    """What is seen is no larger than the field says, and where it says; nothing is said of all of an input."""
    assert field is not None
    for axis, (first, final) in zip(field.axes, found, strict=False):
        if axis.size is None:
            continue
        assert final - first + 1 <= axis.size
        if axis.start is not None and axis.stride is not None and axis.along in (2, 3, None):
            start = axis.start + axis.stride * (0 if axis.along is None else position[axis.along - 2])
            assert start <= first and final <= start + axis.size - 1


PLAIN_SCALES = {"scales": (2.0, 3.0, 0.5, 1.5)}
ODD = {"scales": (1 / 3, 0.6, 2.7), "sizes": (1, 5, 13)}


def resized(mode: str, rounding: str, coordinates: str, given: str, amount: float) -> onnx.ModelProto:
    net = Net(0)
    attrs = {"mode": mode, "nearest_mode": rounding, "coordinate_transformation_mode": coordinates, "axes": [2, 3]}
    amounts = net.constant([amount] * 2, np.float32 if given == "scales" else np.int64)
    inputs = ("x", "", amounts) if given == "scales" else ("x", "", "", amounts)
    return model_of(net, net.add("Resize", *inputs, **attrs))


@pytest.mark.parametrize("coordinates", RESIZE_COORDINATES)
@pytest.mark.parametrize("rounding", RESIZE_ROUNDINGS)
def test_a_nearest_resize_looks_where_its_two_modes_say(rounding: str, coordinates: str, tmp_path: Path) -> None:
    """By a scale that 32 bits hold, and keeps the extents whole, the box is the very element."""
    for scale in PLAIN_SCALES["scales"]:
        boxes, found = boxes_of(resized("nearest", rounding, coordinates, "scales", scale), tmp_path)
        assert boxes == found
    for given, amount in odd_amounts():
        boxes, found = boxes_of(resized("nearest", rounding, coordinates, given, amount), tmp_path)
        assert_sound(boxes, found, 1)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("coordinates", RESIZE_COORDINATES[:-1])
def test_a_blending_resize_looks_at_neighbours(mode: str, coordinates: str, tmp_path: Path) -> None:
    """A cubic one at four, of which some may weigh nothing."""
    for given, amount in [*(("scales", scale) for scale in PLAIN_SCALES["scales"]), *odd_amounts()]:
        boxes, found = boxes_of(resized(mode, "floor", coordinates, given, amount), tmp_path)
        assert_sound(boxes, found, 2)


def odd_amounts() -> list[tuple[str, float]]:
    return [(given, amount) for given, amounts in ODD.items() for amount in amounts]


def boxes_of(model: onnx.ModelProto, folder: Path) -> tuple[list[Seen], list[Seen]]:
    """The boxes of the positions on a diagonal of the output, and what is seen there."""
    changed, fields = changes(model), fields_of(model, folder)
    *_, height, width = changed.shape
    positions = [(at, at * width // height) for at in range(height)]
    boxes = [fields.box(model.graph.output[0].name, position) for position in positions]
    return boxes, [seen(changed[..., row, column]) for row, column in positions]  # type: ignore[return-value]


def assert_sound(boxes: Sequence[Seen], found: Sequence[Seen], slack: int) -> None:
    """Each box holds what is seen, and so many elements more at either end at most."""
    for box, inside in zip(boxes, found, strict=True):
        for (low, high), (first, final) in zip(box, inside, strict=True):
            assert first - slack <= low <= first <= final <= high <= final + slack
