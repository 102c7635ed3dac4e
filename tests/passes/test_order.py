"""Orders with a lower peak: against every order of small graphs, and on graphs whose best order is plain to see."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphcost
from graphcost.graph import Model, Op, Tensor, build_dag
from graphcost.passes import order, order_tasks
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


def lowest(storage: Storage) -> int:
    """The lowest peak of all orders: sets of steps that have run, each with the lowest peak on a way to it."""
    number = {step.row.op: at for at, step in enumerate(storage.steps)}
    needs = [{number[op] for op in storage.dag.pred[step.row.op]} for step in storage.steps]
    best = {frozenset[int](): (0, list[int]())}
    for _ in storage.steps:
        longer: dict[frozenset[int], tuple[int, list[int]]] = {}
        for done, (_, way) in best.items():
            for at in set(number.values()) - done:
                if needs[at] <= done:
                    rest = [other for other in number.values() if other not in done and other != at]
                    curve = live_bytes(allocate(storage, [*way, at, *rest]), len(number))
                    peak = max(curve[: len(way) + 1])
                    if peak < longer.get(done | {at}, (peak + 1, []))[0]:
                        longer[done | {at}] = peak, [*way, at]
        best = longer
    return best[frozenset(number.values())][0]


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
    found = order.search(storage)
    assert found.exact and found.peak_bytes == lowest(storage) <= found.before_bytes


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


def beside(branches: Sequence[Spec], end: int = 1) -> Spec:
    """Branches side by side, each a network of its own on one tensor of 16 elements, and their join."""
    spec: Spec = [(16, "makes", [0])]
    ends = []
    for branch in branches:
        begin = len(spec)
        spec += [(size, does, [begin + read if read else 1 for read in reads]) for size, does, reads in branch]
        ends.append(len(spec))
    return [*spec, (end, "makes", ends)]


def chain(*sizes: int) -> Spec:
    return [(size, "makes", [at]) for at, size in enumerate(sizes)]


def swelling(count: int) -> Spec:
    """Branches that swell to 100 elements and shrink to 1, all of them swollen before the first shrinks."""
    swell: Spec = [(100, "makes", [1])] * count
    shrink: Spec = [(1, "makes", [2 + at]) for at in range(count)]
    return [(16, "makes", [0]), *swell, *shrink, (1, "makes", [2 + count + at for at in range(count)])]


@pytest.mark.parametrize("count", [2, 50, 400])
def test_identical_branches_are_one_after_the_other_however_many(count: int) -> None:
    """When the last is swollen all others are shrunk, and the tensor that all of them read is there still."""
    found = memory(swelling(count)).reorder()
    assert found.exact and found.before_bytes == 16 + count * 100
    assert found.peak_bytes == 16 + (count - 1) * 1 + 100
    assert found.expansions < 12 * count + 50


def test_branches_that_are_not_alike_are_ordered_by_how_far_they_come_down_from_their_hill() -> None:
    """The one that leaves the most beside a small hill is the last: 90 - 1 > 50 - 10 > 60 - 30."""
    spec = beside([chain(60, 30), chain(90, 1), chain(50, 10)])
    found = memory(spec).reorder()
    assert [op.name for op in found.schedule[1:-1]] == ["op4", "op5", "op6", "op7", "op2", "op3"]
    assert found.exact and found.peak_bytes == max(16 + 90 + 1, 16 + 1 + 50 + 10, 11 + 16 + 60, 11 + 60 + 30)


def heads(count: int) -> Spec:
    """Attention head by head: a query, a key and a value of 4 of 64 elements, scores of 32, and what is mixed of them."""
    head: Spec = [
        (4, "makes", [0]), (4, "makes", [0]), (4, "makes", [0]),
        (32, "makes", [1, 2]), (32, "elementwise", [4]), (4, "makes", [5, 3]),
    ]  # fmt: skip
    return beside([head] * count)


def test_identical_heads_are_told_apart_no_more_than_needed() -> None:
    """Twelve of them could begin in 12! orders; twice as many sets for two more of them would be 4 times as many."""
    few, many = memory(heads(10)).reorder(), memory(heads(12)).reorder()
    assert few.exact and many.exact
    assert many.expansions < 3 * few.expansions


@pytest.mark.parametrize(("seed", "count"), [(0, 300), (1, 3000)])
def test_the_effort_is_bounded_where_sets_are_too_many(seed: int, count: int) -> None:
    """A grid: nothing can be gathered, and as many sets have run as there are paths through it."""
    rng = random.Random(seed)
    width = int(count**0.5)
    spec: Spec = []
    for at in range(1, width * width + 1):
        reads = [at - width] if at > width else []
        reads += [at - 1] if at % width != 1 else []
        spec.append((rng.randint(1, 100), "makes", reads or [0]))
    before = memory(spec)
    found = before.reorder()
    assert not found.exact and found.peak_bytes <= before.peak_bytes
    assert found.expansions < 1.2 * order.MAX_EXPANSIONS


def test_a_blob_that_is_rewritten_over_and_over_takes_an_edge_a_layer() -> None:
    """Readers of one version wait for its writer alone: the DAG's edges and no more, not one for each pair of layers."""
    made = Op("make", "Any", ("t0",), ("t1",))
    over = [Op(f"over{at}", "Any", (f"t{at}",), (f"t{at + 1}",), in_place=True) for at in range(1, 500)]
    tensor = Tensor((4,), "int8")
    facts = Facts((tensor,), NO_WORK)
    rows = [Row(op, op.name, (tensor,), (tensor,), facts) for op in (made, *over)]
    model = Model("network", build_dag([row.op for row in rows], ["t0"]), {"t0": tensor}, ("t500",))
    preds = order.precedence(liveness(model, rows, model.inputs, number).storage)
    assert sum(map(len, preds)) == len(over)


def test_inputs_that_nobody_reads_are_alive_during_the_first_step_only() -> None:
    """50 elements of such an input beside the first step: the one that makes the least comes first."""
    rows = []
    for name, size in (("large", 40), ("small", 1)):
        tensor = Tensor((size,), "int8")
        op = Op(name, "Any", ("t0",), (name,))
        rows.append(Row(op, name, (Tensor((4,), "int8"),), (tensor,), Facts((tensor,), NO_WORK)))
    inputs = {"t0": Tensor((4,), "int8"), "label": Tensor((50,), "int8")}
    model = Model("network", build_dag([row.op for row in rows], inputs), inputs, ("large", "small"))
    found = liveness(model, rows, inputs, number).reorder()
    assert [op.name for op in found.schedule] == ["small", "large"]
    assert found.before_bytes == 4 + 50 + 40 and found.peak_bytes == 4 + 50 + 1


@st.composite
def forks(draw: Any) -> Spec:
    """Branches between a fork and a join, some of them identical, some with a fork of their own; the fork may be read
    at the end once more, as where a residual is added.
    """
    size, does = st.sampled_from([1, 4, 9, 64]), st.sampled_from(["makes", "makes", "elementwise"])
    layers = st.lists(st.tuples(size, does), min_size=1, max_size=2)
    branches: list[Spec] = []
    for _ in range(draw(st.integers(1, 2))):
        branch: Spec = [(nbytes, kind, [at]) for at, (nbytes, kind) in enumerate(draw(layers))]
        if draw(st.booleans()):
            last = len(branch)
            branch = [*branch, (draw(size), "makes", [last]), (draw(size), draw(does), [last, last + 1])]
        branches += [branch] * draw(st.integers(1, 2))
    spec = beside(branches[:3], draw(size))
    return [*spec, (draw(size), "elementwise", [len(spec), 1])] if draw(st.booleans()) else spec


@settings(max_examples=60, deadline=None)
@given(forks(), st.sampled_from(["arena", "caller"]))
def test_the_best_of_all_orders_of_branches_is_found(spec: Spec, io: str) -> None:
    compare(memory(spec, io=io).storage)


def test_all_that_run_before_a_task_are_its_ancestors() -> None:
    """Bit n is task n: two branches behind the first task join in task 3, which task 4 follows."""
    above = order_tasks.ancestors([(), (0,), (0,), (1, 2), (3,)])
    assert above == [0, 0b1, 0b1, 0b111, 0b1111]
    assert order_tasks.last_readers([1, 2, 3], above) == [3]
    assert order_tasks.last_readers([1, 2], above) == [1, 2]


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
