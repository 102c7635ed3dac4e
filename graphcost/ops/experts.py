"""Mixtures of experts: a few of many networks of two or three layers work on each token.

Each token is worked on by `k` experts. Which those are is decided by the data; of the weights no more than those of as
many experts are read as there are choices.
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MoE
"""

from __future__ import annotations

from math import prod

from ..dims import Extent, Undecided, minimum
from ..graph import BITS, Tensor
from ..rules import GLOBAL, NO_WORK, Facts, Work, rule
from .normalize import softmax_work
from .pointwise import ACTIVATIONS
from .quantized import DEQUANTIZE

GATED = ("swiglu", "geglu")
EXPERT_ACTIVATIONS = {
    "relu": ACTIVATIONS["Relu"],
    "relu2": ACTIVATIONS["Relu"] + Work(muls=1),
    "gelu": ACTIVATIONS["Gelu"],
    "silu": ACTIVATIONS["Swish"],
    "swiglu": ACTIVATIONS["Swish"] + Work(muls=1),
    "geglu": ACTIVATIONS["Gelu"] + Work(muls=1),
    "identity": NO_WORK,
}
"""What an activation costs an element of its result; one that is gated multiplies by the other half besides."""
SETTINGS = (
    "activation_alpha", "activation_beta", "swiglu_limit", "swiglu_limit_after_activation", "use_sparse_mixer",
    "normalize_routing_weights",
)  # fmt: skip
"""The numbers in the activation, and how the shares of the experts are weighed."""


@rule(
    "com.microsoft.MoE",
    harmless=SETTINGS,
    weights={"w1": "learned", "b1": "learned", "w2": "learned", "b2": "learned", "w3": "learned", "b3": "learned"},
)
def moe(
    x: Tensor,
    router: Tensor,
    w1: Tensor,
    b1: Tensor | None,
    w2: Tensor,
    b2: Tensor | None = None,
    w3: Tensor | None = None,
    b3: Tensor | None = None,
    *others: Tensor | None,
    k: int = 1,
    activation_type: str = "relu",
    swiglu_fusion: int = 0,
) -> Facts:
    """x [*tokens, hidden], router [tokens, E], w1 [E, inner, hidden] (twice inner where gate and value are fused),
    w2 [E, hidden, inner], w3 [E, inner, hidden] -> the shape of x.
    """
    hidden = x.shape[-1]
    inner = w1.size // (w1.shape[0] * hidden)
    reads = tuple([0 if each is None else _read(each, x, k) for each in (w1, b1, w2, b2, w3, b3)])
    work = _experts(x, router, inner, w3 is not None, k, activation_type, swiglu_fusion)
    chosen = _chosen(w1, k)
    return Facts((Tensor(x.shape, x.dtype),), work, GLOBAL, elements_read=(x.size, router.size, *reads), experts=chosen)


@rule(
    "com.microsoft.QMoE",
    harmless=(*SETTINGS, "weights_prepacked", "accuracy_level", "block_size"),
    weights={
        "w1": "learned",
        "s1": "quantisation",
        "b1": "learned",
        "w2": "learned",
        "s2": "quantisation",
        "b2": "learned",
        "w3": "learned",
        "others": "quantisation",
    },
)
def qmoe(
    x: Tensor,
    router: Tensor,
    w1: Tensor,
    s1: Tensor | None,
    b1: Tensor | None,
    w2: Tensor,
    s2: Tensor | None = None,
    b2: Tensor | None = None,
    w3: Tensor | None = None,
    *others: Tensor | None,
    k: int = 1,
    activation_type: str = "relu",
    swiglu_fusion: int = 0,
    quant_type: str = "int",
    expert_weight_bits: int = 4,
    fc1_expert_weight_bits: int = 0,
    fc2_expert_weight_bits: int = 0,
    fc3_expert_weight_bits: int = 0,
) -> Facts:
    """MoE whose weights are packed along their last axis, and turned back where they are used."""
    if quant_type not in ("int", "fp4", "nvfp4"):
        raise Undecided(f"how weights of the kind {quant_type} are packed is not known")
    own = (fc1_expert_weight_bits, fc2_expert_weight_bits, fc3_expert_weight_bits)
    bits = [each or expert_weight_bits for each in own]
    first, second, third = (_unpacked(w, b) for w, b in zip((w1, w2, w3), bits, strict=True))
    work = _experts(x, router, w1.shape[1], w3 is not None, k, activation_type, swiglu_fusion)
    chosen = [_read(each, x, k) for each in (first, second, third) if each is not None]
    packed = (None, None, first, None, None, second, None, None, third)
    work += DEQUANTIZE * sum(chosen, 0)
    return Facts((Tensor(x.shape, x.dtype),), work, GLOBAL, packed_as=packed, experts=_chosen(w1, k))


def _experts(x: Tensor, router: Tensor, inner: Extent, three: bool, k: int, activation: str, fusion: int) -> Work:
    """The choice of the experts, and what `k` of them make of each token; `inner` is what the first layer makes."""
    hidden = x.shape[-1]
    tokens = prod(x.shape[:-1])
    if activation not in EXPERT_ACTIVATIONS:
        raise Undecided(f"what the activation {activation} costs is not known")
    fused = activation in GATED and (fusion > 0 or not three)
    made = inner // 2 if fused else inner  # what is left once the gate has met the value
    macs = hidden * inner + made * hidden + (hidden * inner if three else 0)
    each = Work(macs=macs) + EXPERT_ACTIVATIONS[activation] * made + Work(muls=hidden, adds=hidden)
    return softmax_work(router.size, tokens) + Work(compares=router.size) + each * (tokens * k)


def _chosen(weights: Tensor, k: int) -> tuple[int, int] | None:
    """How many experts work on a token, of how many; None where these are not known."""
    experts = weights.shape[0]
    return (min(k, experts), experts) if isinstance(experts, int) else None


def _read(weights: Tensor, x: Tensor, k: int) -> Extent:
    """Elements that are read of the weights of all experts: no more than as many experts as there are choices."""
    experts = weights.shape[0]
    return minimum(experts, prod(x.shape[:-1]) * k) * prod(weights.shape[1:])


def _unpacked(weights: Tensor | None, bits: int) -> Tensor | None:
    if weights is None:
        return None
    if f"uint{bits}" not in BITS or 8 % bits:
        raise Undecided(f"elements of {bits} bits have no type here")
    return Tensor((*weights.shape[:-1], weights.shape[-1] * (8 // bits)), f"uint{bits}")
