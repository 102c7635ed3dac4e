"""Operators that draw random numbers.

A uniform number is scaled and shifted to its range, a normal one costs a logarithm, a root and a sine besides
(https://en.wikipedia.org/wiki/Box-Muller_transform). The steps of the generator itself are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Tensor, element_type
from ..rules import Facts, Work, rule
from ..shapes import of_rank

UNIFORM = Work(muls=1, adds=1)
NORMAL = Work(muls=2, adds=1, exps=3)


SETTINGS = ("seed", "low", "high", "mean", "scale")
"""Where the generator starts, and the range or the spread of what it draws."""


def _random(kind: str, work: Work) -> None:
    @rule(kind, harmless=SETTINGS)
    def random(*, shape: Sequence[int], dtype: int = 1) -> Facts:
        y = Tensor(tuple(shape), element_type(dtype))
        return Facts((y,), work * y.size)

    random.__doc__ = f"{kind}: numbers of the given shape.  https://onnx.ai/onnx/operators/onnx__{kind}.html"


def _random_like(kind: str, work: Work, reads: tuple[int, ...] | None = (0,)) -> None:
    @rule(kind, harmless=SETTINGS)
    def random_like(x: Tensor, *, dtype: int = 0) -> Facts:
        return Facts((Tensor(x.shape, element_type(dtype, x.dtype)),), work * x.size, elements_read=reads)

    random_like.__doc__ = f"{kind}: [*any] -> the same shape.  https://onnx.ai/onnx/operators/onnx__{kind}.html"


for _kind, _work in (("RandomNormal", NORMAL), ("RandomUniform", UNIFORM)):
    _random(_kind, _work)
    _random_like(f"{_kind}Like", _work)
_random_like("Bernoulli", Work(compares=1), reads=None)


@rule("Multinomial", harmless=("seed",))
def multinomial(x: Tensor, *, sample_size: int = 1, dtype: int = 6) -> Facts:
    """x: unnormalised log probabilities [batch, classes] -> [batch, sample_size].

    They are raised and summed up, and each sample searched among the sums.
    https://onnx.ai/onnx/operators/onnx__Multinomial.html
    """
    batch, classes = of_rank(x.shape, 2, "input")
    y = Tensor((batch, sample_size), element_type(dtype))
    return Facts((y,), Work(exps=x.size, adds=x.size, compares=y.size * classes))
