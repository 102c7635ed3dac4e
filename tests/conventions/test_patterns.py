"""What PyTorch's tools count of a call that an exporter wrote as other operators, each pattern a network of a few lines.

The numbers are what the tools printed under torch 2.13 for two samples (thop 0.1.1, ptflops 0.7.5 with its pytorch
backend, fvcore 0.1.5, torchinfo 1.8.0, calflops 0.3.2, torchstat 0.0.7; ptflops divides what modules count by the
samples when it is given a tensor, which is undone here), and the networks are what torch.onnx.export wrote for the same
module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphcost import Analysis, conventions
from graphcost.conventions.modules import functional, module_paths
from graphcost.conventions.patterns import calls
from graphcost.dims import Extent
from graphcost.graph import Op, Origin, Tensor
from graphcost.sections.reconcile import reasons, unstated

Build = Callable[[Any], Any]
"""Fills a blank network."""

MAP = Tensor((2, 8, 12, 12))
ELEMENTS = 2 * 8 * 12 * 12
SEQUENCE = Tensor((2, 10, 16))
WORDS = 2 * 10 * 16
TOOLS = ("thop.macs", "ptflops.macs", "fvcore.flops", "torchinfo.mult_adds", "deepspeed.flops", "torchstat.flops")


def totals(analysis: Analysis, keys: tuple[str, ...]) -> dict[str, Extent]:
    found = {}
    for key in keys:
        metric = conventions.metric(*key.split("."))
        assert metric is not None
        found[key] = metric.total(analysis)
    return found


def printed(*counts: int) -> dict[str, int]:
    """What thop, ptflops, fvcore, torchinfo, calflops and torchstat (for the batch) printed."""
    return dict(zip(TOOLS, counts, strict=True))


# --- activations ------------------------------------------------------------------------------------------------------


def silu(net: Any) -> None:
    net.op("act", "Mul", "x", net.op("act", "Sigmoid", "x"))


def gate(net: Any) -> None:
    """A squeeze and excitation: the sigmoid is not of what it is multiplied by."""
    net.op("", "Mul", "x", net.op("act", "Sigmoid", net.op("pool", "GlobalAveragePool", "x")))


def gelu_by_tanh(net: Any) -> None:
    """As the older exporter writes nn.GELU("tanh")."""
    square = net.op("act", "Mul", "x", "x")
    cube = net.op("act", "Mul", "x", square)
    inner = net.op("act", "Add", "x", net.op("act", "Mul", net.made("act", value=0.044715), cube))
    tanh = net.op("act", "Tanh", net.op("act", "Mul", net.made("act", value=0.7978846), inner))
    outer = net.op("act", "Mul", "x", net.op("act", "Add", net.made("act", value=1), tanh))
    net.op("act", "Mul", net.made("act", value=0.5), outer)


def gelu_in_the_model(net: Any) -> None:
    """A power in the place of the cube: the formula written out in the model's own code."""
    cube = net.op("act", "Pow", "x", net.made("act", value=3))
    inner = net.op("act", "Add", "x", net.op("act", "Mul", cube, net.made("act", value=0.044715)))
    tanh = net.op("act", "Tanh", net.op("act", "Mul", inner, net.made("act", value=0.7978846)))
    net.op("act", "Mul", net.op("act", "Add", tanh, net.made("act", value=1)), "x")


def clip(path: str, low: float, high: float) -> Build:
    def build(net: Any) -> None:
        net.op("other", "Identity", net.op(path, "Clip", "x", net.made(path, value=low), net.made(path, value=high)))

    return build


def one(kind: str, **attrs: object) -> Build:
    return lambda net: net.op("act", kind, "x", **attrs)


ACTIVATIONS = [
    ("SiLU", silu, printed(0, ELEMENTS, 0, 0, ELEMENTS, 0)),
    ("a gate is no SiLU", gate, printed(2 * 8 * (144 + 1), 2 * ELEMENTS, ELEMENTS, 0, ELEMENTS, 0)),
    ("GELU by tanh", gelu_by_tanh, printed(0, 2 * ELEMENTS, 0, 0, ELEMENTS, 0)),
    ("GELU that the model writes out", gelu_in_the_model, printed(0, 0, 0, 0, 0, 0)),
    ("ReLU6", clip("act", 0, 6), printed(0, ELEMENTS, 0, 0, 0, ELEMENTS)),
    ("relu6 as a function", clip("", 0, 6), printed(0, ELEMENTS, 0, 0, ELEMENTS, 0)),
    ("Hardtanh", clip("act", -1, 1), printed(0, 0, 0, 0, 0, 0)),
    ("LogSoftmax", one("LogSoftmax", axis=1), printed(0, 0, 0, 0, 0, 0)),
    ("Softmax", one("Softmax", axis=1), printed(3 * ELEMENTS - 2 * 144, ELEMENTS, 0, 0, ELEMENTS, 0)),
    ("Softmax2d, a class of its own", one("Softmax", axis=-3), printed(0, ELEMENTS, 0, 0, ELEMENTS, 0)),
]


@pytest.mark.parametrize(("trap", "build", "wanted"), ACTIVATIONS, ids=[trap for trap, _, _ in ACTIVATIONS])
def test_activations(trap: str, build: Build, wanted: dict[str, int], blank: Any) -> None:
    net = blank(x=MAP)
    build(net)
    assert totals(net.analyse(), TOOLS) == wanted


def test_one_slope_for_all_channels_is_a_parameter(blank: Any) -> None:
    """nn.PReLU(): torchinfo counts its one weight for each of two samples."""
    net = blank(x=MAP)
    net.op("act", "PRelu", "x", weights=((1, 1, 1),))
    assert totals(net.analyse(), ("torchinfo.mult_adds",)) == {"torchinfo.mult_adds": 2 * 1}


# --- normalisation ----------------------------------------------------------------------------------------------------


def group_norm(affine: bool) -> Build:
    """nn.GroupNorm(4, 8): a normalisation of 4 instances, and a product and a sum."""

    def build(net: Any) -> None:
        groups = net.op("norm", "Reshape", "x", net.shape(0, 4, -1))
        ones, zeros = net.made("norm", 4, value=1), net.made("norm", 4, value=0)
        normal = net.op("norm", "InstanceNormalization", groups, ones, zeros)
        y = net.op("norm", "Reshape", normal, net.op("norm", "Shape", "x"))
        if affine:
            y = net.op("norm", "Mul", y, net.weight("onnx::Mul_16", 8, 1, 1))
            net.op("norm", "Add", y, net.weight("onnx::Add_17", 8, 1, 1))
        else:
            y = net.op("norm", "Mul", y, net.made("norm", 1, 1, 1, value=1))
            net.op("norm", "Add", y, net.made("norm", 1, 1, 1, value=0))

    return build


def norm(kind: str, affine: bool = True, **attrs: object) -> Build:
    """An operator whose scale and shift are weights, or ones and zeros that the exporter made."""

    def build(net: Any) -> None:
        size = 16 if kind == "LayerNormalization" else 8
        if affine:
            scale, shift = net.weight("norm.weight", size), net.weight("norm.bias", size)
        else:
            scale, shift = net.made("norm", size, value=1), net.made("norm", size, value=0)
        statistics = [net.weight(f"norm.running_{name}", 8) for name in ("mean", "var")] if kind[0] == "B" else []
        net.op("norm", kind, "x", scale, shift, *statistics, **attrs)

    return build


def layer_norm_written_out(net: Any) -> None:
    """As exporters write nn.LayerNorm(16) before version 17 of the operator set, but for where the axes stand."""
    centred = net.op("norm", "Sub", "x", net.op("norm", "ReduceMean", "x", net.shape(-1)))
    squares = net.op("norm", "Pow", centred, net.made("norm", value=2))
    variance = net.op("norm", "ReduceMean", squares, net.shape(-1))
    root = net.op("norm", "Sqrt", net.op("norm", "Add", variance, net.made("norm", value=1e-5)))
    normal = net.op("norm", "Div", centred, root)
    scaled = net.op("norm", "Mul", normal, net.weight("norm.weight", 16))
    net.op("norm", "Add", scaled, net.weight("norm.bias", 16))


def layer_norm_without_a_bias(net: Any) -> None:
    net.op("norm", "LayerNormalization", "x", net.weight("norm.weight", 16), net.made("norm", 16, value=0), axis=-1)


E, W = ELEMENTS, WORDS
NORMS = [
    ("GroupNorm", MAP, group_norm(affine=True), printed(0, 2 * E, 5 * E, 2 * (8 + 8), 5 * E, 0)),
    ("GroupNorm without affine", MAP, group_norm(affine=False), printed(0, E, 4 * E, 0, 4 * E, 0)),
    ("BatchNorm", MAP, norm("BatchNormalization"), printed(4 * E, 2 * E, 2 * E, 2 * (8 + 8), 2 * E, 2 * E)),
    ("BatchNorm without affine", MAP, norm("BatchNormalization", affine=False), printed(2 * E, E, E, 0, E, E)),
    ("InstanceNorm", MAP, norm("InstanceNormalization"), printed(4 * E, 2 * E, 5 * E, 2 * (8 + 8), 5 * E, 0)),
    ("InstanceNorm without affine", MAP, norm("InstanceNormalization", affine=False), printed(2 * E, E, 4 * E, 0, 4 * E, 0)),
    ("LayerNorm", SEQUENCE, norm("LayerNormalization", axis=-1), printed(4 * W, W, 5 * W, 2 * (16 + 16), 5 * W, 0)),
    ("LayerNorm written out", SEQUENCE, layer_norm_written_out, printed(4 * W, W, 5 * W, 2 * (16 + 16), 5 * W, 0)),
    ("LayerNorm without affine", SEQUENCE, norm("LayerNormalization", affine=False, axis=-1), printed(2 * W, W, 4 * W, 0, 4 * W, 0)),
    ("LayerNorm without a bias", SEQUENCE, layer_norm_without_a_bias, printed(4 * W, W, 5 * W, 2 * 16, 5 * W, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("trap", "x", "build", "wanted"), NORMS, ids=[trap for trap, *_ in NORMS])
def test_normalisations(trap: str, x: Tensor, build: Build, wanted: dict[str, int], blank: Any) -> None:
    net = blank(x=x)
    build(net)
    assert totals(net.analyse(), TOOLS) == wanted


def test_local_response_normalisation_is_a_pool_within_products(blank: Any) -> None:
    """nn.LocalResponseNorm(5): three times its 8 channels, and a pool over those and two zeros on each side."""
    net = blank(x=MAP)
    squares = net.op("norm", "Reshape", net.op("norm", "Mul", "x", "x"), net.shape(2, 1, 8, 12, 12))
    padded = net.op("norm", "Pad", squares, net.shape(0, 0, 2, 0, 0, 0, 0, 2, 0, 0))
    pool = net.op("norm", "AveragePool", padded, kernel_shape=(5, 1, 1), strides=(1, 1, 1), ceil_mode=0)
    total = net.op(
        "norm", "Mul", net.op("norm", "Reshape", pool, net.shape(2, 8, 12, 12)), net.made("norm", value=1e-4)
    )
    net.op("norm", "Div", "x", net.op("norm", "Add", total, net.made("norm", value=1)))
    both = 3 * ELEMENTS + 2 * (8 + 4) * 12 * 12
    assert totals(net.analyse(), TOOLS) == printed(0, both, 0, 0, both, 0)


# --- what an exporter folded ------------------------------------------------------------------------------------------

OUT = 2 * 6 * 10 * 10
CONV = OUT * 8 * 3 * 3


def older(net: Any) -> None:
    """nn.Conv2d(8, 6, 3, bias=False) and nn.BatchNorm2d(6): both weights have lost their names."""
    net.op("conv", "Conv", "x", net.weight("onnx::Conv_11", 6, 8, 3, 3), net.weight("onnx::Conv_12", 6))


def numbered(net: Any) -> None:
    """As versions of PyTorch before 1.13 wrote it: other weights have names."""
    net.weight("fc.weight", 10, 6)
    net.op("conv", "Conv", "x", net.weight("193", 6, 8, 3, 3), net.weight("194", 6))


def test_a_file_that_only_numbers_its_weights_folds_nothing(blank: Any) -> None:
    net = blank(x=MAP)
    net.op("conv", "Conv", "x", net.weight("1", 6, 8, 3, 3), net.weight("2", 6))
    assert totals(net.analyse(), TOOLS) == printed(CONV, CONV + OUT, CONV, CONV + OUT, 2 * CONV + OUT, CONV + OUT)


NORM_CALL = "aten._native_batch_norm_legit_no_training"
FUSED = ("RemoveOptionalBiasFromConv", "FuseBatchNormIntoConv")


def newer(scale: str = "%p_norm_weight", bias: str = "conv.weight_bias") -> Build:
    """The same by the newer exporter: the weight keeps its name, the notes are those of the normalisation."""

    def build(net: Any) -> None:
        arguments = f"%conv2d, {scale}, {scale}, %b_norm_running_mean, %b_norm_running_var, 0.1, 1e-05"
        origin = Origin("torch.nn.modules.batchnorm.BatchNorm2d", "norm", NORM_CALL, arguments, FUSED)
        weights = net.weight("conv.weight", 6, 8, 3, 3), net.weight(bias, 6)
        net.exported("conv", "Conv", "x", *weights, origin=origin)

    return build


FOLDED = [
    ("older exporter", older, printed(CONV + 4 * OUT, CONV + 2 * OUT, CONV + 2 * OUT, CONV + 2 * 2 * 6, 2 * CONV + 2 * OUT, CONV + 2 * OUT)),
    ("older exporter with numbers", numbered, printed(CONV + 4 * OUT, CONV + 2 * OUT, CONV + 2 * OUT, CONV + 2 * 2 * 6, 2 * CONV + 2 * OUT, CONV + 2 * OUT)),
    ("newer exporter", newer(), printed(CONV + 4 * OUT, CONV + 2 * OUT, CONV + 2 * OUT, CONV + 2 * 2 * 6, 2 * CONV + 2 * OUT, CONV + 2 * OUT)),
    ("without affine", newer("None"), printed(CONV + 2 * OUT, CONV + OUT, CONV + OUT, CONV, 2 * CONV + OUT, CONV + OUT)),
    (
        "with a bias of its own",
        newer(bias="conv.bias"),
        printed(CONV + 4 * OUT, CONV + 3 * OUT, CONV + 2 * OUT, CONV + OUT + 2 * 2 * 6, 2 * CONV + 3 * OUT, CONV + 3 * OUT),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("trap", "build", "wanted"), FOLDED, ids=[trap for trap, _, _ in FOLDED])
def test_a_normalisation_that_was_folded_away_counts(
    trap: str, build: Build, wanted: dict[str, int], blank: Any
) -> None:
    net = blank(x=MAP)
    build(net)
    assert totals(net.analyse(), TOOLS) == wanted


def test_a_folded_normalisation_has_a_row_of_its_own_in_the_table_of_modules(blank: Any) -> None:
    net = blank(x=MAP)
    newer()(net)
    table = net.analyse().report(style="torchstat").table
    assert [row[1] for row in table.rows] == ["conv", "norm"]
    assert [row[4] for row in table.rows] == [f"{6 * 8 * 3 * 3}.0", f"{2 * 6}.0"]


def test_a_bias_of_zeros_that_a_rule_removed_counts(blank: Any) -> None:
    """nn.Linear(16, 5) as it is initialised in torchvision's classifiers."""
    net = blank(x=Tensor((2, 16)))
    origin = Origin(
        "torch.nn.modules.linear.Linear", "fc", "aten.linear", "%x, %p_fc_weight, %p_fc_bias", ("RemoveOptionalBiasFromGemm",)
    )  # fmt: skip
    net.exported("fc", "Gemm", "x", net.weight("fc.weight", 5, 16), origin=origin, transB=1)
    product = 2 * 5 * 16
    assert totals(net.analyse(), TOOLS) == printed(
        product, product + 2 * 5, product, product + 2 * 5, 2 * product, product
    )


# --- convolutions, pools and resizes ----------------------------------------------------------------------------------


def transposed(taken: int, made: int, kernel: int, *, bias: bool, group: int = 1) -> Build:
    """nn.ConvTranspose2d(taken, made, kernel, stride=2, padding=1)."""

    def build(net: Any) -> None:
        shapes = ((taken, made // group, kernel, kernel), *(((made,),) if bias else ()))
        net.op("up", "ConvTranspose", "x", weights=shapes, strides=(2, 2), pads=(1,) * 4, group=group)

    return build


TAPS = 3 * 3
TRANSPOSED = [
    # the bias is over the (12 + 2 - 2 - 1) // 2 + 1 positions of a convolution
    ("bias", transposed(8, 6, 3, bias=True), 2 * (2 * 12 * 12 * 8 * 6 * TAPS) + 2 * 6 * 6 * 6),
    ("groups", transposed(8, 8, 3, bias=False, group=4), 0),  # 2 output channels a group, of which 4 groups have none
    ("groups and bias", transposed(8, 8, 4, bias=True, group=2), 2 * (2 * 144 * 16 * 8 * (4 // 2)) + 2 * 4 * 6 * 6),
]


@pytest.mark.parametrize(("trap", "build", "wanted"), TRANSPOSED, ids=[trap for trap, _, _ in TRANSPOSED])
def test_a_transposed_convolution_is_misread_by_calflops(trap: str, build: Build, wanted: int, blank: Any) -> None:
    net = blank(x=MAP)
    build(net)
    assert totals(net.analyse(), ("deepspeed.flops",)) == {"deepspeed.flops": wanted}


@pytest.mark.parametrize(("kernel", "positions"), [(3, 12 * 12), (4, 11 * 11)])
def test_padding_to_the_same_size_is_unknown_to_fvcore_and_misread_by_calflops(
    kernel: int, positions: int, blank: Any
) -> None:
    """nn.Conv2d(8, 6, kernel, padding="same"): of an even kernel calflops leaves out the longer side's padding."""
    net = blank(x=MAP)
    weights = net.weight("conv.weight", 6, 8, kernel, kernel), net.weight("conv.bias", 6)
    net.op("conv", "Conv", "x", *weights, auto_pad="SAME_UPPER", kernel_shape=(kernel, kernel))
    products = 2 * 6 * positions * 8 * kernel * kernel
    assert totals(net.analyse(), ("fvcore.flops", "deepspeed.flops")) == {
        "fvcore.flops": 0,
        "deepspeed.flops": 2 * products + 2 * 6 * positions,
    }


def resize(x: tuple[int, ...], y: tuple[int, ...], mode: str, thop: int, ptflops: int) -> Any:
    return Tensor(x), y, mode, {"thop.macs": thop, "ptflops.macs": ptflops}


RESIZES = [
    # ptflops: the function's outputs, and those of the first image again for the module
    resize((2, 8, 12, 12), (2, 8, 24, 24), "nearest", 2 * 8 * 24 * 24, (2 + 1) * 8 * 24 * 24),
    resize((2, 8, 12, 12), (2, 8, 24, 24), "linear", 11 * 2 * 8 * 24 * 24, (2 + 1) * 8 * 24 * 24),
    resize((2, 8, 12, 12), (2, 8, 24, 24), "cubic", 259 * 2 * 8 * 24 * 24, (2 + 1) * 8 * 24 * 24),
    resize((2, 8, 12), (2, 8, 24), "linear", 5 * 2 * 8 * 24, (2 + 1) * 8 * 24),
    resize((2, 8, 6, 6, 6), (2, 8, 12, 12, 12), "linear", 0, (2 + 1) * 8 * 12**3),  # trilinear is not in thop's table
]


@pytest.mark.parametrize(("x", "y", "mode", "wanted"), RESIZES)
def test_a_module_that_resizes(x: Tensor, y: tuple[int, ...], mode: str, wanted: dict[str, int], blank: Any) -> None:
    net = blank(x=x)
    net.op("up", "Resize", "x", "", "", net.shape(*y), mode=mode)
    assert totals(net.analyse(), tuple(wanted)) == wanted


def test_pooling_to_a_size_is_told_by_the_attributes_that_it_lacks(blank: Any) -> None:
    """nn.AdaptiveAvgPool2d(3) of 12x12 against nn.AvgPool2d(4): the same window."""
    window = {"kernel_shape": (4, 4), "strides": (4, 4)}
    keys = ("thop.macs", "fvcore.flops", "torchstat.flops")
    outputs = 2 * 8 * 3 * 3
    for attrs, wanted in (
        (window, (outputs * (4 * 4 + 1), ELEMENTS, 0)),
        ({**window, "pads": (0,) * 4, "ceil_mode": 0, "count_include_pad": 1}, (outputs, 0, ELEMENTS)),
    ):
        net = blank(x=MAP)
        net.op("pool", "AveragePool", "x", **attrs)
        assert totals(net.analyse(), keys) == dict(zip(keys, wanted, strict=True))


def test_a_mean_over_the_map_is_pooling_only_where_the_exporter_wrote_that_so(blank: Any) -> None:
    """x.mean((2, 3), keepdim=True) is none; the newer exporter writes nn.AdaptiveAvgPool2d(1) as a mean too."""
    net = blank(x=MAP)
    net.op("act", "Relu", net.op("", "ReduceMean", "x", net.shape(2, 3)))
    assert totals(net.analyse(), ("fvcore.flops",)) == {"fvcore.flops": 0}
    for module, arguments in (("torch.nn.modules.pooling.AdaptiveAvgPool2d", ""), ("net.Net", "%x, [-1, -2], True")):
        net = blank(x=MAP)
        origin = Origin(module, "pool", "aten.mean", arguments)
        net.exported("pool", "ReduceMean", "x", net.shape(-1, -2), origin=origin)
        assert totals(net.analyse(), ("fvcore.flops",)) == {"fvcore.flops": ELEMENTS}


# --- attention --------------------------------------------------------------------------------------------------------

HEADS, WIDTH = 4, 16
IN, PROJECTED, SCORES = 2 * 10 * WIDTH * 3 * WIDTH, 2 * 10 * WIDTH * WIDTH, 2 * HEADS * 10 * 10
PRODUCT = SCORES * WIDTH // HEADS


LINEAR = IN + PROJECTED
OWN = 2 * 10 * WIDTH + LINEAR + 2 * PRODUCT + SCORES + 2 * 10 * WIDTH
"""ptflops' formula: the scaling of the queries, the products and the softmax, and a bias behind the output."""
ATTENTION = [
    ("by the names of its weights", {}, printed(0, OWN + 2 * 10 * 3 * WIDTH, LINEAR, 0, 2 * LINEAR, 0)),
    ("by how its projection is taken apart", {"bias": False}, printed(0, OWN, LINEAR, 0, 2 * LINEAR, 0)),
    (
        "with the weights of the average",  # it then calls torch.bmm and softmax, which ptflops counts once more
        {"weights": True},
        printed(
            0,
            OWN + 2 * 10 * 3 * WIDTH + 2 * PRODUCT + SCORES,
            LINEAR + 2 * PRODUCT,
            0,
            2 * LINEAR + SCORES,
            0,
        ),
    ),
]


def heads(**options: bool) -> Build:
    return lambda net: net.multihead("attn", "x", 2, 10, WIDTH, HEADS, **options)


@pytest.mark.parametrize(("trap", "options", "wanted"), ATTENTION, ids=[trap for trap, _, _ in ATTENTION])
def test_multihead_attention(trap: str, options: dict[str, bool], wanted: dict[str, int], blank: Any) -> None:
    net = blank(x=SEQUENCE)
    heads(**options)(net)
    assert totals(net.analyse(), TOOLS) == wanted


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("by_one", [True, False])
def test_fused_attention_is_told_by_the_scaling_of_both_operands(both: bool, by_one: bool, blank: Any) -> None:
    """F.scaled_dot_product_attention is seen by none of them; products that a model scales itself are, and those whose
    operands it multiplies by more than one number.
    """
    net = blank(q=SEQUENCE, k=Tensor((2, 16, 10)), v=SEQUENCE)
    scaled = net.op("", "Mul", "q", net.made("", value=0.5))
    keys = net.op("", "Mul", "k", net.made("", *(() if by_one else (16, 1)), value=0.5)) if both else "k"
    net.op("drop", "Identity", net.op("", "MatMul", net.op("", "Softmax", net.op("", "MatMul", scaled, keys)), "v"))
    products, softmax = 2 * (2 * 10 * 10 * 16), 2 * 10 * 10
    seen = printed(0, products + softmax, products, 0, 2 * products + softmax, 0)
    assert totals(net.analyse(), TOOLS) == (printed(0, 0, 0, 0, 0, 0) if both and by_one else seen)


# --- modules ----------------------------------------------------------------------------------------------------------


def test_torchstat_has_no_row_for_a_function_and_counts_it_as_nothing(blank: Any) -> None:
    net = blank(x=MAP)
    net.op("block/relu", "Relu", net.op("block", "Relu", "x"))
    analysis = net.analyse()
    table = analysis.report(style="torchstat").table
    assert [row[1] for row in table.rows] == ["block.relu"]
    assert totals(analysis, ("torchstat.flops", "torchstat.madd")) == {
        "torchstat.flops": ELEMENTS,
        "torchstat.madd": ELEMENTS // 2,
    }
    assert (
        f"Functional operators have no row: 1 of them, {ELEMENTS:,} operations, {4 * ELEMENTS:,} bytes."
        in table.notes[1]
    )


@pytest.mark.parametrize("axes", [1, 3])
def test_torchstat_knows_convolutions_norms_and_pools_of_images_alone(axes: int, blank: Any) -> None:
    net = blank(x=Tensor((1, 8, *[6] * axes)))
    x = net.op("conv", "Conv", "x", weights=((8, 8, *[1] * axes),))
    x = net.op("pool", "MaxPool", net.norm("norm", x, 8), kernel_shape=(2,) * axes, strides=(2,) * axes, ceil_mode=0)
    net.op("relu", "Relu", x)
    assert totals(net.analyse(), ("torchstat.flops",)) == {"torchstat.flops": 8 * 3**axes}


def test_torchstat_tells_the_last_call_of_a_module_that_is_called_again(blank: Any) -> None:
    """The older exporter writes the second call of block.relu as block.relu_1; here that is of a quarter of the map."""
    net = blank(x=MAP)
    x = net.op(
        "block/pool", "MaxPool", net.op("block/relu", "Relu", "x"), kernel_shape=(2, 2), strides=(2, 2), ceil_mode=0
    )
    net.op("block/relu_1", "Relu", x)
    analysis = net.analyse()
    assert module_paths(analysis) == ("block.relu", "block.pool", "block.relu")
    assert totals(analysis, ("torchstat.flops", "ptflops.macs")) == {
        "torchstat.flops": ELEMENTS + ELEMENTS // 4,  # the pool, and the second call
        "ptflops.macs": 2 * (ELEMENTS + ELEMENTS + ELEMENTS // 4),
    }


def test_a_module_with_a_number_and_weights_of_its_own_is_another(blank: Any) -> None:
    net = blank(x=MAP)
    for name in ("norm", "norm_1"):
        net.op(name, "BatchNormalization", "x", *(net.weight(f"{name}.{each}", 8) for each in ("a", "b", "c", "d")))
    assert module_paths(net.analyse()) == ("norm", "norm_1")


def test_weights_tell_that_a_module_has_children_which_are_never_called(blank: Any) -> None:
    """A block that multiplies by the weight of a linear layer itself, as Swin does: thop sees nothing of it."""
    net = blank(x=SEQUENCE)
    product = net.op("block", "MatMul", "x", net.weight("onnx::MatMul_3", 16, 16))
    net.op("block", "Add", product, net.weight("block.qkv.bias", 16))
    analysis = net.analyse()
    assert functional(analysis) == {0, 1}
    assert totals(analysis, ("thop.macs", "fvcore.flops")) == {"thop.macs": 0, "fvcore.flops": 2 * 10 * 16 * 16}


def test_a_subclass_is_unknown_to_tools_that_compare_classes(blank: Any) -> None:
    """torchvision's LayerNorm2d: thop and ptflops count nothing, torchinfo its weights, fvcore the function."""
    net = blank(x=SEQUENCE)
    origin = Origin("torchvision.models.convnext.LayerNorm2d", "norm", "aten.layer_norm", "%x, [16], %p_a, %p_b, 1e-06")
    net.exported("norm", "LayerNormalization", "x", net.weight("a", 16), net.weight("b", 16), origin=origin, axis=-1)
    keys = ("thop.macs", "ptflops.macs", "torchinfo.mult_adds", "fvcore.flops")
    assert totals(net.analyse(), keys) == dict(zip(keys, (0, 0, 2 * (16 + 16), 5 * WORDS), strict=True))


def test_a_layer_normalisation_that_permutes_is_a_subclass(blank: Any) -> None:
    """torchvision's LayerNorm2d as the older exporter writes it, which names no classes: only thop and ptflops miss it."""
    net = blank(x=MAP)
    x = net.op("norm", "Transpose", "x", perm=(0, 2, 3, 1))
    x = net.op("norm", "LayerNormalization", x, net.weight("norm.weight", 8), net.weight("norm.bias", 8), axis=-1)
    net.op("norm", "Transpose", x, perm=(0, 3, 1, 2))
    assert totals(net.analyse(), TOOLS) == printed(0, 0, 5 * ELEMENTS, 2 * (8 + 8), 5 * ELEMENTS, 0)


def test_a_weight_that_is_written_once_for_two_modules_names_both(blank: Any) -> None:
    """The older exporter writes equal weights once, and an Identity for each further name."""
    net = blank(x=SEQUENCE)
    first = net.weight("a.qkv.bias", 16)
    net.ops.append(Op("Identity_0", "Identity", (first,), ("b.qkv.bias",)))
    x = "x"
    for block in ("a", "b"):
        product = net.op(block, "MatMul", x, net.weight(f"onnx::MatMul_{block}", 16, 16))
        x = net.op(block, "Add", product, f"{block}.qkv.bias")
    assert totals(net.analyse(), ("thop.macs",)) == {"thop.macs": 0}


def test_a_table_of_embeddings_counts_once_a_bag(blank: Any) -> None:
    """nn.EmbeddingBag(50, 16) of two bags as the newer exporter writes it: rows are looked up, then reduced in a loop."""
    net = blank(x=Tensor((14,), "int64"))
    origin = Origin("torch.nn.modules.sparse.EmbeddingBag", "bag", "aten.embedding_bag", "%p_bag_weight, %x, %arange")
    rows = net.exported("bag", "Gather", net.weight("bag.weight", 50, 16), "x", origin=origin)
    (first, second) = (
        net.exported("bag", "ReduceSum", net.exported("bag", "Slice", rows, start, end, origin=origin), axis, origin=origin)
        for start, end, axis in ((net.shape(0), net.shape(7), net.shape(0)), (net.shape(7), net.shape(14), net.shape(0)))
    )  # fmt: skip
    sequence = net.exported("bag", "SequenceConstruct", first, second, origin=origin)
    net.exported("bag", "ConcatFromSequence", sequence, origin=origin, axis=0)
    assert totals(net.analyse(), ("torchinfo.mult_adds",)) == {"torchinfo.mult_adds": 2 * 50 * 16}


EVERY = [
    *((trap, MAP, build) for trap, build, _ in (*ACTIVATIONS, *FOLDED)),
    *((trap, x, build) for trap, x, build, _ in NORMS),
    *((trap, MAP, build) for trap, build, _ in TRANSPOSED),
    *((f"attention {trap}", SEQUENCE, heads(**options)) for trap, options, _ in ATTENTION),
]


@pytest.mark.parametrize(("trap", "x", "build"), EVERY, ids=[trap for trap, _, _ in EVERY])
def test_the_reasons_of_a_tool_sum_to_its_difference_whatever_was_rewritten(
    trap: str, x: Tensor, build: Build, blank: Any
) -> None:
    net = blank(x=x)
    build(net)
    analysis = net.analyse()
    for convention in conventions.known():
        for metric in convention.quoted:
            explained = sum((reason.difference for reason in reasons(analysis, metric)), 0)
            assert explained == metric.total(analysis) - analysis.work.macs, convention.name


def test_a_row_stands_for_itself_where_no_pattern_is(blank: Any) -> None:
    net = blank(x=MAP)
    net.op("act", "Relu", net.conv("conv", "x", 8, 8, 3))
    analysis = net.analyse()
    assert calls(analysis) == tuple((row,) for row in analysis.rows)


# --- what the file does not tell --------------------------------------------------------------------------------------


def notes(net: Any) -> str:
    return "\n".join(unstated(net.analyse()))


def test_a_guess_about_what_was_folded_is_said(blank: Any) -> None:
    """The newer exporter names the rule, and a bias of the normalisation after the weight of the convolution."""
    net = blank(x=MAP)
    older(net)
    assert "folded a normalisation into 1 Conv" in notes(net)
    assert "does not say whether the module has a bias of its own" in notes(net)
    net = blank(x=MAP)
    newer()(net)
    assert "folded a normalisation into 1 Conv" in notes(net)
    assert "a bias of its own" not in notes(net)


def test_products_that_may_have_been_written_in_ways_that_tools_miss_are_said(blank: Any) -> None:
    net = blank(a=SEQUENCE, b=Tensor((2, 16, 10)))
    net.op("", "MatMul", "a", "b")
    assert f"how 1 MatMul of activations ({2 * 10 * 10 * 16 / 1000} k MACs) were written" in notes(net)
    net = blank(x=SEQUENCE)
    heads()(net)
    assert "were written" not in notes(net)
    assert "does not see scaled_dot_product_attention" in notes(net)


def test_functions_that_have_a_spelling_which_tools_miss_are_said(blank: Any) -> None:
    net = blank(x=MAP)
    net.op("block/relu", "Relu", net.op("block", "Relu", "x"))
    assert "1 Relu outside of modules" in notes(net)


def test_a_layer_at_which_torchstat_stops_is_said(blank: Any) -> None:
    net = blank(x=SEQUENCE)
    net.positions("fc", "x", 16, 5)
    assert "torchstat stops at linear layers of more than two axes" in notes(net)
    assert net.analyse().report(style="torchstat").table.notes[-1].endswith("more than two axes: fc.")
