"""Operators of other tools that bring numbers to a grid, as if they were quantised, and keep their shape."""

from __future__ import annotations

from ..graph import Tensor
from ..rules import Facts, Work, rule
from .quantized import DEQUANTIZE, QUANTIZE


def _fake(kind: str, work: Work, harmless: tuple[str, ...], dtype: str = "") -> None:
    """An operand brought to a grid, and back unless it gets the type `dtype`."""

    @rule(kind, harmless=harmless, weights={"parameters": "quantisation"})
    def fake(x: Tensor, *parameters: Tensor | None) -> Facts:
        return Facts((Tensor(x.shape, dtype or x.dtype),), work * x.size, elementwise=True)

    fake.__doc__ = f"{kind}: [*any] -> the same shape."


# https://github.com/openvinotoolkit/openvino: levels between two bounds
_fake("org.openvinotoolkit.FakeQuantize", QUANTIZE + DEQUANTIZE, ("levels", "auto_broadcast"))
# https://github.com/fastmachinelearning/qonnx, under the name of each of its times
for _domain in ("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"):
    _fake(f"{_domain}.Quant", QUANTIZE + DEQUANTIZE, ("narrow", "rounding_mode", "signed"))
    _fake(f"{_domain}.IntQuant", QUANTIZE + DEQUANTIZE, ("narrow", "rounding_mode", "signed"))
    _fake(f"{_domain}.FloatQuant", QUANTIZE + DEQUANTIZE, (
        "has_infinity", "has_nan", "has_subnormal", "rounding_mode", "saturation",
    ))  # fmt: skip
    _fake(f"{_domain}.BipolarQuant", Work(compares=1, muls=1), ())
    _fake(f"{_domain}.Trunc", QUANTIZE + DEQUANTIZE, ("narrow", "rounding_mode", "signed"))

    @rule(f"{_domain}.MultiThreshold", harmless=("data_layout", "out_dtype"), weights={"thresholds": "quantisation"})
    def multi_threshold(x: Tensor, thresholds: Tensor, *, out_scale: float = 1.0, out_bias: float = 0.0) -> Facts:
        """How many of a channel's thresholds each element reaches, scaled -> the same shape (QONNX)."""
        levels = thresholds.shape[-1]
        each = Work(compares=levels, adds=levels + int(out_bias != 0), muls=int(out_scale != 1))
        return Facts((Tensor(x.shape, x.dtype),), each * x.size, elementwise=True)


# TensorRT's, as its model optimiser exports them
_fake("trt.TRT_FP8QuantizeLinear", QUANTIZE, ("axis", "saturate"), "float8e4m3fn")
_fake("trt.TRT_INT8QuantizeLinear", QUANTIZE, ("axis", "saturate"), "int8")


def _back(kind: str) -> None:
    @rule(kind, harmless=("axis", "block_size"), weights={"scale": "quantisation", "zero": "quantisation"})
    def back(x: Tensor, scale: Tensor, *zero: Tensor | None) -> Facts:
        return Facts((Tensor(x.shape, scale.dtype),), DEQUANTIZE * x.size, elementwise=True)

    back.__doc__ = f"{kind}: [*any] -> the same shape in the scale's type."


for _kind in ("FP8", "INT8", "INT4"):
    _back(f"trt.TRT_{_kind}DequantizeLinear")
