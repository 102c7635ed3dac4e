"""Mixtures of experts: the shapes, the work and what is read. Numbers show their factors."""

from __future__ import annotations

import pytest

from graphcost import Facts, Work
from graphcost.dims import Undecided
from graphcost.ops.experts import EXPERT_ACTIVATIONS
from harness import MS, facts_of, t

X, ROUTER = t(2, 3, 16), t(6, 4)  # six tokens, four experts of 16 -> 32 -> 16


def macs(facts: Facts) -> object:
    assert facts.work is not None
    return facts.work.macs


def test_each_token_is_worked_on_by_as_many_experts_as_are_chosen() -> None:
    facts = facts_of(MS + "MoE", X, ROUTER, t(4, 32, 16), t(4, 32), t(4, 16, 32), t(4, 16), k=2)
    assert facts.outputs[0].shape == (2, 3, 16)
    assert macs(facts) == (6 * 2) * (16 * 32 + 32 * 16)


def test_a_third_layer_and_a_gate_that_is_fused_are_counted() -> None:
    """Of a fused gate and value half is left for the second layer."""
    three = facts_of(MS + "MoE", X, ROUTER, t(4, 32, 16), None, t(4, 16, 32), None, t(4, 32, 16), k=1)
    assert macs(three) == 6 * (3 * 16 * 32)
    attrs = {"k": 1, "activation_type": "swiglu", "swiglu_fusion": 1}
    fused = facts_of(MS + "MoE", X, ROUTER, t(4, 64, 16), None, t(4, 16, 32), **attrs)
    assert macs(fused) == 6 * (16 * 64 + 32 * 16)


def test_no_more_experts_are_read_than_are_chosen() -> None:
    """One token chooses two of four, six tokens may choose all."""
    weights = (t(4, 32, 16), None, t(4, 16, 32))
    one = facts_of(MS + "MoE", t(1, 16), t(1, 4), *weights, k=2)
    assert one.elements_read == (16, 4, 2 * 32 * 16, 0, 2 * 16 * 32, 0, 0, 0)
    assert facts_of(MS + "MoE", X, ROUTER, *weights, k=2).elements_read == (96, 24, 4 * 512, 0, 4 * 512, 0, 0, 0)


def test_packed_experts_hold_what_their_bits_say() -> None:
    packed = (t(4, 32, 8, dtype="uint8"), t(4, 32), None, t(4, 16, 16, dtype="uint8"), t(4, 16))
    facts = facts_of(MS + "QMoE", X, ROUTER, *packed, k=2)
    assert facts.packed_as[2] == t(4, 32, 16, dtype="uint4") and facts.packed_as[5] == t(4, 16, 32, dtype="uint4")
    assert macs(facts) == (6 * 2) * (16 * 32 + 32 * 16)


@pytest.mark.parametrize("attrs", [{"quant_type": "fp8"}, {"expert_weight_bits": 3}, {"activation_type": "warp"}])
def test_what_is_packed_or_activated_in_another_way_is_not_understood(attrs: dict[str, object]) -> None:
    packed = (t(4, 32, 8, dtype="uint8"), t(4, 32), None, t(4, 16, 16, dtype="uint8"), t(4, 16))
    with pytest.raises(Undecided):
        facts_of(MS + "QMoE", X, ROUTER, *packed, **attrs)


def test_every_activation_has_a_cost() -> None:
    assert set(EXPERT_ACTIVATIONS) >= {"relu", "gelu", "silu", "swiglu", "identity"}
    assert EXPERT_ACTIVATIONS["identity"] == Work()
