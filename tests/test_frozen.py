"""Frozen dataclasses that are quick to make."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace

from graphcost.graph import Tensor
from graphcost.rules import NO_WORK, Facts, Work


def test_hashes_and_compares_by_its_fields() -> None:
    assert Work(macs=3) == Work(3)
    assert len({Work(macs=3), Work(3), Work(4)}) == 2


def test_is_made_without_a_call_for_each_field() -> None:
    """A frozen dataclass of the standard library makes one for each of the sixteen."""
    calls: list[str] = []
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    Facts((), NO_WORK)
    sys.setprofile(None)
    assert calls.count("c_call") <= 1  # setprofile itself


def test_a_tensor_keeps_its_hash_to_itself() -> None:
    """Hashes of text differ from one process to the next, so a pickled tensor must not carry one."""
    asked, fresh = Tensor((2, 3)), Tensor((2, 3))
    hash(asked)
    assert pickle.dumps(asked) == pickle.dumps(fresh)


def test_a_replaced_shape_has_bytes_of_its_own() -> None:
    tensor = Tensor((2, 3))
    assert tensor.nbytes == 2 * 3 * 4
    assert replace(tensor, shape=(5,)).nbytes == 5 * 4
