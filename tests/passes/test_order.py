"""Orders with a lower peak: against every order of small graphs, and on graphs whose best order is plain to see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcost
from graphcost.graph import Model, Op, Tensor, build_dag
from graphcost.passes import order
from graphcost.passes.buffers import allocate, live_bytes
from graphcost.passes.memory import Memory, liveness
from graphcost.passes.rows import Row
from graphcost.passes.storage import Storage
from graphcost.rules import NO_WORK, Facts

Spec = list[tuple[int, str, list[int]]]


def number(extent: Any) -> int | None:
    return extent if isinstance(extent, int) else None


def memory(spec: Spec, outputs: Sequence[int] = (), io: str = "arena") -> Memory:
    """A network by lines (elements made, what it does, lines read); line 0 is an input of 4 elements.

    What it does: "makes" a tensor, writes it over an "elementwise" operand where it can, views its first ("view").
    """
    sizes, rows = {0: 4}, []
    for at, (size, does, reads) in enumerate(spec, 1):
        sizes[at] = sizes[reads[0]] if does == "view" else size
        tensor = Tensor((sizes[at],), "int8")
        facts = Facts((tensor,), NO_WORK, elementwise=does == "elementwise", is_view=does == "view")
        op = Op(f"op{at}", "Any", tuple(f"t{read}" for read in reads), (f"t{at}",))
        rows.append(Row(op, op.name, tuple(Tensor((sizes[read],), "int8") for read in reads), (tensor,), facts))
    ends = tuple(f"t{at}" for at in (outputs or [len(spec)]))
    model = Model("network", build_dag([row.op for row in rows], ["t0"]), {"t0": Tensor((4,), "int8")}, ends)
    return liveness(model, rows, model.inputs, number, io)


def orders(storage: Storage) -> Iterator[list[int]]:
    """Every order in which each step comes after the makers of what it reads."""
    maker = {name: at for at, step in enumerate(storage.steps) for name in step.row.op.outputs}
    needs = [{maker[name] for name in step.row.op.all_inputs if name in maker} for step in storage.steps]

    def extend(done: list[int]) -> Iterator[list[int]]:
        if len(done) == len(needs):
            yield done
        for at, earlier in enumerate(needs):
            if at not in done and earlier <= set(done):
                yield from extend([*done, at])

    return extend([])


def networks(most: int) -> st.SearchStrategy[Spec]:
    """Networks of up to `most` operators, some of them with several readers."""
    does = st.sampled_from(["makes", "makes", "elementwise", "view"])

    @st.composite
    def network(draw: Any) -> Spec:
        spec: Spec = []
        for at in range(draw(st.integers(1, most))):
            reads = draw(st.lists(st.integers(max(0, at - 4), at), min_size=1, max_size=3, unique=True))
            spec.append((draw(st.sampled_from([1, 2, 4, 8, 64])), draw(does), reads))
        return spec

    return network()


def strands(length: int) -> st.SearchStrategy[Spec]:
    """Networks of `length` operators in three strands that feed one another now and then: few orders for their size."""
    does = st.sampled_from(["makes", "makes", "elementwise", "view"])
    line = st.tuples(st.sampled_from([1, 4, 16, 64]), does, st.integers(0, 2), st.integers(0, 8))

    def join(lines: list[tuple[int, str, int, int]]) -> Spec:
        ends, spec = [0, 0, 0], []
        for at, (size, does, strand, other) in enumerate(lines, 1):
            reads = [ends[strand], *([ends[other]] if other < 3 and ends[other] != ends[strand] else [])]
            spec.append((size, does, reads))
            ends[strand] = at
        return spec

    return st.lists(line, min_size=length, max_size=length).map(join)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(networks(6), st.sampled_from(["arena", "caller"]), st.data())
def test_the_best_of_all_orders_is_found(spec: Spec, io: str, data: Any) -> None:
    outputs = data.draw(st.lists(st.integers(0, len(spec)), min_size=1, max_size=2, unique=True))
    compare(memory(spec, outputs, io).storage)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(strands(10))
def test_the_best_of_all_orders_of_ten_operators_is_found(spec: Spec) -> None:
    compare(memory(spec).storage)


def compare(storage: Storage) -> None:
    best = min(max(live_bytes(allocate(storage, each), len(each))) for each in orders(storage))
    found = order.search(storage)
    assert found.exact and found.peak_bytes == best <= found.before_bytes


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(networks(10), st.data())
def test_where_sets_are_too_many_the_order_is_valid_and_no_worse(spec: Spec, data: Any) -> None:
    outputs = data.draw(st.lists(st.integers(0, len(spec)), min_size=1, max_size=2, unique=True))
    before = memory(spec, outputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "MAX_EXPANSIONS", 0)
        found = before.reorder()
    assert tuple(build_dag(found.schedule, ["t0"])) == found.schedule  # else it would be sorted anew
    assert sorted(op.name for op in found.schedule) == sorted(row.name for row in before.steps)
    assert found.peak_bytes <= found.before_bytes == before.peak_bytes


def test_a_branch_is_finished_before_the_next_is_begun() -> None:
    """Two branches that swell and shrink: side by side both are large at once, one after the other never.

    The input (4) feeds a and b of 100 each, which shrink to 1 each: 4 + 100 + 100 + 1 before, 4 + 100 + 1 + 1 after.
    """
    spec: Spec = [
        (100, "makes", [0]), (100, "makes", [0]), (1, "makes", [1]), (1, "makes", [2]), (1, "makes", [3, 4]),
    ]  # fmt: skip
    found = memory(spec).reorder()
    assert [op.name for op in found.schedule] == ["op1", "op3", "op2", "op4", "op5"]
    assert found.before_bytes == 4 + 100 + 100 and found.peak_bytes == 1 + 100 + 4
    assert found.saving == 1 - 105 / 204 and found.exact


def test_an_order_that_cannot_be_better_is_left_as_it_is() -> None:
    spec: Spec = [(8, "makes", [0]), (8, "makes", [1]), (8, "makes", [1, 2])]
    before = memory(spec)
    found = before.reorder()
    assert found.schedule == tuple(row.op for row in before.steps) and found.saving == 0 and found.exact


def test_parts_between_two_cuts_are_searched_apart() -> None:
    """Sixteen diamonds in a row: 2**32 orders as a whole, a handful each."""
    spec: Spec = []
    for part in range(16):
        last = 5 * part
        spec += [
            (100, "makes", [last]), (100, "makes", [last]), (1, "makes", [last + 1]), (1, "makes", [last + 2]),
            (4, "makes", [last + 3, last + 4]),
        ]  # fmt: skip
    found = memory(spec).reorder()
    assert found.exact and found.before_bytes == 204 and found.peak_bytes == 105


def test_a_reader_of_what_a_layer_writes_over_stays_before_it(net: Any) -> None:
    """b reads a before the ReLU rewrites it, and may not be moved behind it, though that would save memory."""
    softmax = 'layer {{ name: "{0}" type: "Softmax" bottom: "{1}" top: "{0}" }}'
    pool = 'layer {{ name: "{0}" type: "Pooling" bottom: "{1}" top: "{0}" pooling_param {{ global_pooling: true }} }}'
    analysis = net(
        'input: "data" input_shape { dim: 1 dim: 1 dim: 8 dim: 8 }'
        + softmax.format("a", "data") + softmax.format("b", "a")
        + 'layer { name: "r" type: "ReLU" bottom: "a" top: "a" }'
        + pool.format("small", "a") + pool.format("other", "b")
    )  # fmt: skip
    found = analysis.memory.reorder()
    names = [op.name for op in found.schedule]
    assert names.index("b") < names.index("r")


def test_an_open_size_leaves_nothing_to_order(net: Any) -> None:
    analysis = net('input: "data" input_shape { dim: 2 } layer { name: "a" type: "Mystery" bottom: "data" top: "a" }')
    with pytest.raises(graphcost.ModelError, match="a better order needs every size"):
        analysis.memory.reorder()
