"""Placing buffers: never two in one place at one time, aligned, and no worse than what TensorFlow Lite publishes."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import graphcost
from graphcost.graph import Model, Op, Tensor, build_dag
from graphcost.passes import arena
from graphcost.passes.buffers import Buffer
from graphcost.passes.memory import liveness
from graphcost.passes.rows import Row
from graphcost.rules import NO_WORK, Facts

Records = list[tuple[int, int, int]]


def buffers(records: Records) -> list[Buffer]:
    """Buffers by size, first and last step."""
    return [Buffer([f"t{at}"], *record) for at, record in enumerate(records)]


# Sizes, first and last steps, offsets and arena sizes as TensorFlow Lite's tests have them.
# micro: tensorflow/lite/micro/memory_planner/greedy_memory_planner_test.cc (tflite-micro, 03b1a1c)
# gpu: tensorflow/lite/delegates/gpu/common/memory_management_test.cc, strategy GREEDY_BY_SIZE (tensorflow, 2020 on)
CHAIN = [(16, 0, 1), (8, 1, 2), (64, 2, 3), (32, 3, 4), (8, 4, 5)]
COMPLEX = [(32, 0, 1), (32, 1, 4), (8, 2, 5), (16, 3, 5), (8, 4, 5), (64, 5, 7), (8, 6, 8), (8, 7, 8), (16, 8, 9)]
PUBLISHED: list[tuple[str, Records, list[int], int, int]] = [
    ("micro: TestGreedyBasics", [(10, 0, 1), (20, 2, 3)], [0, 0], 20, 1),
    (
        "micro: TestGreedyMedium",
        [(10, 0, 1), (20, 1, 2), (30, 2, 3), (40, 3, 4), (50, 0, 1)],
        [50, 70, 40, 0, 0],
        90,
        1,
    ),
    ("micro: TestOverlapCase", [(100, 0, 1), (50, 2, 3), (20, 1, 2)], [0, 0, 100], 120, 1),
    ("gpu: OneRecord", [(16, 0, 1)], [0], 16, 1),
    ("gpu: ChainRecords", CHAIN, [0, 64, 0, 64, 0], 96, 1),
    ("gpu: ComplexRecords", COMPLEX, [0, 32, 80, 64, 88, 0, 64, 72, 0], 96, 1),
    ("gpu: OffsetAssignmentWithAlignment", CHAIN, [0, 128, 0, 128, 0], 160, 128),
]


@pytest.mark.parametrize(
    ("records", "offsets"),
    [
        ([(2, 0, 1), (6, 0, 1)], [6, 0]),  # of those that begin together the largest first
        ([(4, 0, 1), (4, 0, 1), (8, 2, 3)], [0, 4, 0]),  # two gaps that touch are one
        ([(8, 0, 1), (2, 0, 9), (4, 2, 3), (4, 2, 3)], [0, 8, 0, 4]),  # what is left of a gap is one
        ([(8, 0, 1), (5, 0, 9), (3, 0, 1), (3, 2, 3)], [0, 8, 13, 13]),  # the smallest gap that is large enough
        ([(2, 0, 9), (4, 0, 1), (8, 2, 3)], [4, 0, 6]),  # one in the middle does not grow
        ([(4, 0, 9), (2, 0, 1), (8, 2, 3)], [0, 4, 4]),  # one at the end does
    ],
)
def test_a_sweep_takes_what_has_died_as_an_allocator_does(records: Records, offsets: list[int]) -> None:
    assert arena.sweep(buffers(records), [size for size, _, _ in records]) == offsets


@pytest.mark.parametrize(
    ("records", "offsets", "total", "align"), [row[1:] for row in PUBLISHED], ids=[row[0] for row in PUBLISHED]
)
def test_by_size_buffers_lie_where_tensorflow_lite_puts_them(
    records: Records, offsets: list[int], total: int, align: int
) -> None:
    of = buffers(records)
    sizes = [-(-buffer.nbytes // align) * align for buffer in of]
    order = sorted(range(len(of)), key=lambda at: -of[at].nbytes)
    assert arena.place(sizes, order, arena.conflicts(of) or [], tight=True) == offsets
    assert max(offset + buffer.nbytes for offset, buffer in zip(offsets, of, strict=True)) == total
    assert arena.plan(of, align).nbytes <= total


def test_a_plan_beats_placing_by_size_where_it_can() -> None:
    """TestGreedyMedium takes 90 bytes by size; 10 + 20 + 50 are alive at step 1, and 80 suffice."""
    plan = arena.plan(buffers(PUBLISHED[1][1]))
    assert plan.nbytes == plan.lower_bound == 10 + 20 + 50


def test_the_buffers_of_the_person_detection_model_lie_without_a_gap() -> None:
    """TestPersonDetectionModel: its test asks for less than all 241,027 bytes; what is alive at step 2 suffices."""
    chain = [18432, 18432, 36864, 9216, 18432, 18432, 18432, 4608, 9216, 9216, 9216, 2304]
    chain += [4608] * 10 + [1152, 2304, 2304, 2304, 256, 3]
    records = [(9216, 0, 29), *((size, at, at + 1) for at, size in enumerate(chain[:1]))]
    records += [(size, at + 1, at + 2) for at, size in enumerate(chain[1:])]
    plan = arena.plan(buffers(records))
    assert plan.nbytes == plan.lower_bound == 9216 + 18432 + 36864


def test_allocations_in_order_go_into_the_smallest_gap_that_holds_them() -> None:
    """BasicArenaOperations of tensorflow/lite/simple_memory_arena_test.cc: 2047 and 1023 bytes, aligned to 32."""
    of = buffers([(2047, 1, 3), (2047, 2, 5), (2047, 3, 6), (2047, 5, 6), (1023, 4, 6), (1023, 6, 6)])
    sizes = [2048, 2048, 2048, 2048, 1024, 1024]
    placed = arena.place(sizes, range(6), arena.conflicts(of) or [], tight=True)
    assert placed == [0, 2048, 4096, 0, 6144, 2048]


def records(most: int) -> st.SearchStrategy[Records]:
    """Sizes with a first and a last step each."""
    step = st.integers(0, most)
    one = st.tuples(st.integers(0, 1000), step, step).map(lambda r: (r[0], min(r[1:]), max(r[1:])))
    return st.lists(one, max_size=most)


def check(of: list[Buffer], offsets: Any, align: int) -> None:
    """Who is alive at the same time lies apart, and every offset is a multiple."""
    for at, (a, start) in enumerate(zip(of, offsets, strict=True)):
        assert start % align == 0 and start >= 0
        for b, other in zip(of[:at], offsets[:at], strict=True):
            if a.nbytes and b.nbytes and a.birth <= b.death and b.birth <= a.death:
                assert start + a.nbytes <= other or other + b.nbytes <= start


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(records(24), st.sampled_from([1, 4, 16, 64]))
@example([(1000, 0, 0), (1, 0, 0), (0, 0, 3)], 64)
def test_what_is_alive_together_never_lies_in_one_place(found: Records, align: int) -> None:
    of = buffers(found)
    plan = arena.plan(of, align)
    check(of, plan.offsets, align)
    assert plan.nbytes >= plan.lower_bound
    assert plan.lower_bound >= max(
        (sum(b.nbytes for b in of if b.birth <= step <= b.death) for step in range(25)), default=0
    )


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(records(24), st.sampled_from([1, 16]))
def test_an_allocator_that_sees_one_birth_after_another_keeps_them_apart(found: Records, align: int) -> None:
    """The way of plans with too many neighbours to look at them twice."""
    of = buffers(found)
    check(of, arena.sweep(of, [-(-b.nbytes // align) * align for b in of]), align)


Spec = list[tuple[str, int, list[int]]]


@st.composite
def networks(draw: Any) -> Spec:
    """Operators in a row: what each does, how many elements it makes, and which of the tensors before it it reads."""
    spec: Spec = []
    count = 1
    for _ in range(draw(st.integers(1, 12))):
        does = draw(st.sampled_from(["makes", "elementwise", "elementwise", "view", "cut"]))
        reads = draw(st.lists(st.integers(max(0, count - 5), count - 1), min_size=1, max_size=3, unique=True))
        spec.append((does, draw(st.sampled_from([1, 2, 4, 4, 8])), reads))
        count += 2 if does == "cut" else 1
    return spec


@dataclass
class Network:
    """A network of one-byte elements, and what the bytes of each of its tensors should be."""

    model: Model
    rows: list[Row]
    contents: dict[str, list[str]]


def build(spec: Spec, outputs: list[int]) -> Network:
    """Line by line: "makes" a tensor of so many elements, works "elementwise" on operands as large or of one element,
    has the first operand as a "view", or is its two parts, "cut" at the middle.
    """
    contents = {"t0": [f"t0[{at}]" for at in range(4)]}
    rows: list[Row] = []

    def of(name: str) -> Tensor:
        return Tensor((len(contents[name]),), "int8")

    for does, size, reads in spec:
        names = [f"t{read}" for read in reads]
        fresh = f"t{len(contents)}"
        first = contents[names[0]]
        if does == "elementwise":
            size = max(len(contents[name]) for name in names)
            names = [name for name in names if len(contents[name]) in (1, size)]
        if does == "cut":
            middle = len(first) // 2
            made = {fresh: first[:middle], f"t{len(contents) + 1}": first[middle:]}
        else:
            made = {fresh: first if does == "view" else [f"{fresh}[{at}]" for at in range(size)]}
        inputs = tuple(of(name) for name in names)
        contents |= made
        facts = Facts(
            tuple(of(name) for name in made),
            NO_WORK,
            is_view=does == "view",
            elementwise=does == "elementwise",
            slice_offsets=(0, middle) if does == "cut" else (),
        )
        op = Op(f"op{len(rows)}", does, tuple(names), tuple(made))
        rows.append(Row(op, op.name, inputs, facts.outputs, facts))
    ends = tuple(dict.fromkeys(f"t{end % len(contents)}" for end in outputs))
    model = Model("random", build_dag([row.op for row in rows], ["t0"]), {"t0": Tensor((4,), "int8")}, ends)
    return Network(model, rows, contents)


def run(network: Network, plan: arena.Plan, steps: list[Row]) -> None:
    """Run in the arena: every operator finds in its operands what was put there."""
    arena_: list[str] = [""] * plan.nbytes
    place = {
        name: offset + buffer.offsets.get(name, 0)
        for buffer, offset in zip(plan.buffers, plan.offsets, strict=True)
        for name in buffer.tensors
    }
    contents = network.contents

    def together(*names: str) -> bool:
        return any(set(names) <= set(buffer.tensors) for buffer in plan.buffers)

    def holds(name: str) -> bool:
        return arena_[place[name] : place[name] + len(contents[name])] == contents[name]

    arena_[place["t0"] : place["t0"] + 4] = contents["t0"]
    for row in steps:
        names, result = row.op.inputs, row.op.outputs[0]
        if row.facts is not None and row.facts.elementwise:
            for at, value in enumerate(contents[result]):
                for name in names:
                    element = at if len(contents[name]) > 1 else 0
                    assert arena_[place[name] + element] == contents[name][element]
                arena_[place[result] + at] = value
        elif row.op.kind == "makes":
            arena_[place[result] : place[result] + len(contents[result])] = contents[result]
            assert all(map(holds, names))  # it may read any of them until it has written the last
        elif row.op.kind == "cut" and not together(*names, *row.op.outputs):
            assert holds(names[0])
            for name in row.op.outputs:
                arena_[place[name] : place[name] + len(contents[name])] = contents[name]
            assert holds(names[0])
        else:
            assert all(map(holds, row.op.outputs))  # where they are already
    assert all(map(holds, network.model.outputs))


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(networks(), st.lists(st.integers(0, 30), min_size=1, max_size=2), st.sampled_from([1, 8]))
@example([("makes", 2, [0]), ("cut", 1, [1]), ("elementwise", 1, [1, 2])], [4], 1)  # adds a part to all of its whole
def test_a_network_that_runs_in_its_arena_never_reads_what_was_written_over(
    spec: Spec, outputs: list[int], align: int
) -> None:
    network = build(spec, outputs)
    model = network.model
    memory = liveness(model, network.rows, model.inputs, lambda extent: extent if isinstance(extent, int) else None)
    assert memory.peak_bytes is not None
    run(network, memory.plan(align), network.rows)
    assert memory.plan().lower_bound == memory.peak_bytes <= memory.plan().nbytes


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(networks(), st.lists(st.integers(0, 30), min_size=1, max_size=2))
def test_nor_does_one_that_runs_in_a_better_order(spec: Spec, outputs: list[int]) -> None:
    network = build(spec, outputs)
    model = network.model
    by_op = {row.op: row for row in network.rows}

    def number(extent: Any) -> int | None:
        return extent if isinstance(extent, int) else None

    found = liveness(model, network.rows, model.inputs, number).reorder()
    rows = [by_op[op] for op in found.schedule]
    memory = liveness(model.in_order(found.schedule), rows, model.inputs, number)
    assert memory.peak_bytes == found.peak_bytes
    run(network, memory.plan(), rows)


def test_a_plan_is_written_as_csv_and_json(net: Any, tmp_path: Path) -> None:
    analysis = net(
        'input: "data" input_shape { dim: 1 dim: 25 }'
        'layer { name: "a" type: "Softmax" bottom: "data" top: "a" } layer { name: "b" type: "ReLU" bottom: "a" top: "b" }'
    )
    plan = analysis.memory.plan(align=64)
    plan.save(tmp_path / "plan.csv")
    plan.save(tmp_path / "plan.json")
    rows = list(csv.reader((tmp_path / "plan.csv").open()))
    assert rows == [
        ["tensors", "bytes", "offset", "first_step", "last_step", "first", "last"],
        ["data", "100", "0", "0", "0", "a", "a"],
        ["a b", "100", "128", "0", "1", "a", "b"],
    ]
    written = json.loads((tmp_path / "plan.json").read_text())
    assert (written["bytes"], written["lower_bound"], written["align"]) == (128 + 100, 128 + 100, 64)
    assert [row["offset"] for row in written["buffers"]] == [0, 128]


def test_a_plan_has_no_other_format(net: Any, tmp_path: Path) -> None:
    analysis = net('input: "data" input_shape { dim: 2 } layer { name: "a" type: "ReLU" bottom: "data" top: "a" }')
    with pytest.raises(graphcost.ModelError, match=r"\.csv or \.json, not \.txt"):
        analysis.memory.plan().save(tmp_path / "plan.txt")
    assert not list(tmp_path.glob("plan*"))


def test_an_open_size_leaves_nothing_to_plan(net: Any) -> None:
    analysis = net('input: "data" input_shape { dim: 2 } layer { name: "a" type: "Mystery" bottom: "data" top: "a" }')
    with pytest.raises(graphcost.ModelError, match="size"):
        analysis.memory.plan()
