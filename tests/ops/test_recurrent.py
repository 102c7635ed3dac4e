"""Recurrent cells: the shapes and the work that each states. Numbers show their factors."""

from __future__ import annotations

import pytest

from graphcost import Work
from harness import MS, Stated, assert_states, each, facts_of, t

CASES: list[Stated] = [
    # recurrent: steps x batch x directions x gates x hidden x (input + hidden)
    ("LSTM", (t(7, 2, 5), t(2, 12, 5), t(2, 12, 3)), {"outputs": 3}, [(7, 2, 2, 3), (2, 2, 3), (2, 2, 3)], None),
    ("GRU", (t(7, 2, 5), t(1, 9, 5), t(1, 9, 3)), {"outputs": 2}, [(7, 1, 2, 3), (1, 2, 3)], None),
    ("RNN", (t(2, 7, 5), t(1, 3, 5), t(1, 3, 3)), {"layout": 1}, [(2, 7, 1, 3)],
     Work(macs=7 * 2 * 3 * (5 + 3), adds=42, exps=42)),
    (MS + "DynamicQuantizeLSTM", (t(7, 2, 5), t(1, 5, 12), t(1, 3, 12)), {"outputs": 1}, [(7, 1, 2, 3)], None),
]  # fmt: skip


@each(CASES)
def test_an_operator_states_its_outputs_and_work(case: Stated) -> None:
    assert_states(case)


CELLS = {"LSTM": (4, 2), "GRU": (3, 2), "RNN": (1, 1)}


@pytest.mark.parametrize("kind", CELLS)
def test_a_recurrent_step_multiplies_by_a_matrix_for_each_gate(kind: str) -> None:
    gates, directions = CELLS[kind]
    facts = facts_of(
        kind,
        t(7, 2, 5),
        t(directions, gates * 3, 5),
        t(directions, gates * 3, 3),
        t(directions, 2 * gates * 3),
        outputs=1,
    )
    assert facts.work is not None
    assert facts.work.macs == (7 * 2) * directions * gates * 3 * (5 + 3)


def test_peepholes_multiply_the_state_of_a_cell_into_three_gates() -> None:
    """Seven steps of two sequences, and three states of each."""
    operands = (t(7, 2, 5), t(1, 12, 5), t(1, 12, 3))
    plain = facts_of("LSTM", *operands).work
    peeping = facts_of("LSTM", *operands, None, None, None, None, t(1, 9)).work
    assert plain is not None and peeping == plain + Work(muls=3, adds=3) * (7 * 2 * 3)
