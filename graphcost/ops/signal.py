"""Signal processing: Fourier transforms, windows, mel filters."""

from __future__ import annotations

from math import prod

from ..dims import Dim, Extent, Undecided
from ..graph import Shape, Tensor, UnknownShape, element_type
from ..rules import GLOBAL, Facts, Work, data_dependent, rule
from ..shapes import axis_of
from .values import integers, ints


def fft_work(transforms: Extent, length: Extent) -> Work | None:
    """Radix-2 butterflies: n/2 * log2(n) of 4 multiplications and 6 additions each (Cooley and Tukey, 1965)."""
    if not isinstance(length, int):
        return None
    butterflies = transforms * (length * max((length - 1).bit_length(), 0) // 2)
    return Work(muls=4, adds=6) * butterflies


def _transform(x: Tensor, axis: int, length: Tensor | None, onesided: int, inverse: int) -> Facts:
    at = axis_of(axis, x.rank)
    given = integers(length)
    if length is not None and given is None:
        raise UnknownShape("the length of the transform is not known")
    n = given[0] if given else 2 * (x.shape[at] - 1) if onesided and inverse else x.shape[at]
    bins = n // 2 + 1 if onesided and not inverse else n
    parts = 1 if onesided and inverse else 2
    y = Tensor((*x.shape[:at], bins, *x.shape[at + 1 : -1], parts), x.dtype)
    others = prod(x.shape[:at]) * prod(x.shape[at + 1 : -1])
    return Facts((y,), fft_work(others, n), GLOBAL)


@rule("DFT", since=20)
def dft(
    x: Tensor, length: Tensor | None = None, axis: Tensor | None = None, *, inverse: int = 0, onesided: int = 0
) -> Facts:
    """[*any, n, *any, 1 or 2] -> complex pairs with n, `length` or n // 2 + 1 along the axis.

    https://onnx.ai/onnx/operators/onnx__DFT.html
    """
    at = ints(axis)
    if axis is not None and at is None:
        raise UnknownShape("the axis of the transform is not known")
    return _transform(x, at[0] if at else -2, length, onesided, inverse)


@rule("DFT", since=17)
def dft_17(x: Tensor, length: Tensor | None = None, *, axis: int = 1, inverse: int = 0, onesided: int = 0) -> Facts:
    """The axis is an attribute in version 17.  https://onnx.ai/onnx/operators/onnx__DFT.html#dft-17"""
    return _transform(x, axis, length, onesided, inverse)


@rule("STFT", weights={"window": "tables"})
def stft(
    x: Tensor, step: Tensor, window: Tensor | None = None, length: Tensor | None = None, *, onesided: int = 1
) -> Facts:
    """[batch, samples, 1 or 2] -> [batch, frames, bins, 2].  https://onnx.ai/onnx/operators/onnx__STFT.html"""
    hop, given = integers(step), integers(length)
    size: Extent | None = given[0] if given else window.shape[0] if window is not None else None
    if hop is None or size is None:
        raise UnknownShape("the step or the length of a frame is not known")
    frames = (x.shape[1] - size) // hop[0] + 1
    y = Tensor((x.shape[0], frames, size // 2 + 1 if onesided else size, 2), x.dtype)
    work = fft_work(x.shape[0] * frames, size)
    return Facts((y,), work and work + Work(muls=x.shape[0] * frames * size if window is not None else 0), GLOBAL)


@rule("HannWindow", "HammingWindow", "BlackmanWindow", harmless=("periodic",))
def window_(size: Tensor, *, output_datatype: int = 1) -> Facts:
    """A scalar n -> [n], cosines summed.  https://onnx.ai/onnx/operators/onnx__HannWindow.html"""
    found = integers(size)
    y = Tensor((found[0] if found else data_dependent(),), element_type(output_datatype, "float32"))
    return Facts((y,), Work(muls=2, adds=1, divs=1, exps=1) * y.size)


@rule(
    "MelWeightMatrix",
    weights={"bins": "settings", "length": "settings", "rate": "settings", "low": "settings", "high": "settings"},
)
def mel_weight_matrix(
    bins: Tensor, length: Tensor, rate: Tensor, low: Tensor, high: Tensor, *, output_datatype: int = 1
) -> Facts:
    """Scalars -> [length // 2 + 1, bins].  https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html"""
    columns, size = integers(bins), integers(length)
    rows: Extent = size[0] // 2 + 1 if size else data_dependent(0)
    y = Tensor((rows, columns[0] if columns else data_dependent(1)), element_type(output_datatype, "float32"))
    return Facts((y,), None if isinstance(rows, Dim) else Work(muls=1, adds=1, divs=1) * y.size, GLOBAL)


@rule("com.microsoft.Rfft")
def rfft(x: Tensor, *, signal_ndim: int = 1, normalized: int = 0, onesided: int = 1) -> Facts:
    """[*any, n] -> complex pairs [*any, n // 2 + 1, 2].

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.Rfft
    """
    return _real_transform(x, (*x.shape[:-1], x.shape[-1] // 2 + 1, 2), x.shape[-1], signal_ndim, normalized, onesided)


@rule("com.microsoft.Irfft")
def irfft(x: Tensor, *, signal_ndim: int, normalized: int = 0, onesided: int = 1) -> Facts:
    """Complex pairs [*any, n // 2 + 1, 2] -> [*any, n], n even.

    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.Irfft
    """
    length = 2 * (x.shape[-2] - 1)
    return _real_transform(x, (*x.shape[:-2], length), length, signal_ndim, normalized, onesided)


def _real_transform(x: Tensor, shape: Shape, length: Extent, axes: int, normalized: int, onesided: int) -> Facts:
    if axes != 1 or not onesided:
        raise Undecided(f"a transform of {axes} axes, onesided {onesided}")
    y = Tensor(shape, x.dtype)
    transforms = prod(shape[:-2] if len(shape) > x.rank else shape[:-1])
    work = fft_work(transforms, length)
    return Facts((y,), work and work + Work(muls=y.size if normalized else 0), GLOBAL)
