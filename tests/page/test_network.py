"""What is drawn of a network: which nodes there are, what they say, and what leads to what."""

from __future__ import annotations

from typing import Any

import pytest

import graphcost
from graphcost.graph import Model, Op, Tensor, build_dag
from graphcost.page.network import Graph, Groups, Network
from harness import HEAD, conv, layer

CONV = conv("a/conv", fields="kernel_size: 3 stride: 2 pad: 1", top="c")
RELU = layer("a/relu", "ReLU", "c", tops="r")
MYSTERY = layer("m", "Mystery", "r")


def onnx(*ops: Op, outputs: tuple[str, ...]) -> Network:
    """A network that reads x and y, of 1x8."""
    inputs = {name: Tensor((1, 8)) for name in "xy"}
    return Network(
        graphcost.analyze(Model("net", build_dag(ops, inputs), inputs, outputs, opsets={"": 17}, format="onnx"))
    )


def chain(*names: str) -> Network:
    """Operators one after the other."""
    tensors = ["x", *names]
    ops = (Op(name, "Relu", (before,), (name,)) for before, name in zip(tensors, names, strict=False))
    return onnx(*ops, outputs=names[-1:])


def leads(graph: Graph) -> set[tuple[str, str]]:
    """What leads to what, by the last thing that a node says."""
    return {(graph.nodes[source].lines[-1], graph.nodes[target].lines[-1]) for source, target in graph.links}


def operators(network: Network) -> Graph:
    return network.graph(network.operators)


def modules(network: Network, most: int) -> Groups:
    return network.modules(network.operators, most)


def test_a_node_says_type_shape_and_name(net: Any) -> None:
    conv = operators(Network(net(HEAD + CONV))).nodes[0]
    assert conv.lines == ("Convolution 3x3/2", "1x4x4x4", "a/conv")
    assert (conv.role, conv.rows, conv.known) == ("op", (0,), True)


def test_inputs_and_outputs_are_nodes_and_weights_are_none(net: Any) -> None:
    nodes = operators(Network(net(HEAD + CONV + RELU))).nodes
    assert [(node.role, node.lines[-1]) for node in nodes] == [
        ("op", "a/conv"),
        ("op", "a/relu"),
        ("input", "data 1x3x8x8"),
        ("output", "r"),
    ]


def test_links_lead_from_producers_to_consumers_with_what_they_carry(net: Any) -> None:
    """Nobody knows what the operator without a rule makes, but what it reads."""
    graph = operators(Network(net(HEAD + CONV + RELU + MYSTERY)))
    assert leads(graph) == {("data 1x3x8x8", "a/conv"), ("a/conv", "a/relu"), ("a/relu", "m"), ("m", "m")}
    assert graph.links[1, 2] == Tensor((1, 4, 4, 4))


def test_a_blob_that_is_written_in_place_leads_through_its_writers(net: Any) -> None:
    in_place = RELU.replace('"r"', '"c"')
    after = 'layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { kernel_size: 2 } }'
    graph = operators(Network(net(HEAD + CONV + in_place + after)))
    assert leads(graph) == {("data 1x3x8x8", "a/conv"), ("a/conv", "a/relu"), ("a/relu", "p"), ("p", "p")}


CONSTANT = Op("k", "Constant", (), ("k",), {"value_float": 2.0})


def test_a_constant_is_part_of_the_first_operator_that_reads_it() -> None:
    """And leads nowhere else: its lines would cross all others and say nothing."""
    network = onnx(
        CONSTANT,
        Op("a", "Mul", ("x", "k"), ("a",)),
        Op("b", "Mul", ("a", "k"), ("b",)),
        outputs=("b",),
    )
    graph = operators(network)
    assert [(node.lines[-1], node.rows, node.more) for node in graph.nodes[:2]] == [
        ("a", (1, 0), ("with 1 constant",)),
        ("b", (2,), ()),
    ]
    assert leads(graph) == {("x 1x8", "a"), ("a", "b"), ("b", "b")}


def test_what_is_made_of_constants_alone_is_one_too() -> None:
    double = Op("kk", "Add", ("k", "k"), ("kk",))
    graph = operators(onnx(CONSTANT, double, Op("a", "Mul", ("x", "kk"), ("a",)), outputs=("a",)))
    assert [node.rows for node in graph.nodes if node.role == "op"] == [(2, 0, 1)]


def test_constants_that_nothing_reads_are_left_out() -> None:
    """An exporter folded what read them: the second is made of the first."""
    left = Op("kk", "Neg", ("k",), ("kk",))
    network = onnx(CONSTANT, left, Op("a", "Relu", ("x",), ("a",)), outputs=("a",))
    assert [node.rows for node in operators(network).nodes if node.role == "op"] == [(2,)]
    assert network.hosts == {0: None, 1: None}


def test_a_constant_that_the_model_hands_out_is_a_node() -> None:
    graph = operators(onnx(CONSTANT, Op("a", "Mul", ("x", "k"), ("a",)), outputs=("a", "k")))
    assert leads(graph) == {("k", "k"), ("k", "a"), ("x 1x8", "a"), ("a", "a")}


def test_the_body_of_a_function_hangs_on_the_operator_that_calls_it() -> None:
    body = Model(
        "f", build_dag([Op("inner", "Relu", ("p",), ("q",))], ["p"]), {"p": Tensor((1, 8))}, ("q",), opsets={"": 17}
    )
    call = Op("call", "f", ("x",), ("f",), bodies=(("", body),))
    graph = operators(onnx(call, Op("after", "Relu", ("f",), ("z",)), outputs=("z",)))
    assert leads(graph) == {("x 1x8", "call"), ("call", "call/inner"), ("call", "after"), ("after", "z")}


def branch(*ops: Op) -> Model:
    """A graph that hands out r, and may read k and x of the graph around it."""
    return Model("branch", build_dag(ops, ["k", "x"]), {}, ("r",), opsets={"": 17})


def choice(then: Model, otherwise: Model, captures: tuple[str, ...] = ()) -> Op:
    """One of two graphs, as a scalar input says."""
    return Op("if", "If", ("c",), ("i",), bodies=(("else_branch", otherwise), ("then_branch", then)), captures=captures)


def chosen(*ops: Op) -> Network:
    """A network of a scalar c and of x."""
    inputs = {"c": Tensor((), "bool"), "x": Tensor((1, 8))}
    return Network(graphcost.analyze(Model("net", build_dag(ops, inputs), inputs, ("y",), opsets={"": 17})))


READER = Op("last", "Add", ("x", "i"), ("y",))


def test_a_branch_of_outer_constants_alone_is_part_of_the_operator_that_runs_it() -> None:
    """An exporter writes a choice of weights so; nothing in the branch is left to be drawn."""
    same = [branch(Op(name, "Identity", ("k",), ("r",))) for name in ("one", "other")]
    network = chosen(CONSTANT, choice(*same, captures=("k",)), READER)
    graph = operators(network)
    assert [row.name for row in network.rows] == ["k", "if", "if/else_branch/other", "if/then_branch/one", "last"]
    assert network.hosts == {0: 1, 2: 1, 3: 1}
    assert (graph.nodes[0].lines[-1], graph.nodes[0].more[-1]) == ("if", "with 3 constants")
    assert leads(graph) == {("c scalar", "if"), ("if", "last"), ("x 1x8", "last"), ("last", "y")}


def test_a_branch_hangs_on_the_operator_that_runs_it_though_it_reads_nothing_from_outside() -> None:
    noise = branch(Op("noise", "RandomNormal", (), ("r",), {"shape": (1, 8)}))
    relu = branch(Op("relu", "Relu", ("x",), ("r",)))
    graph = operators(chosen(choice(noise, relu, captures=("x",)), READER))
    assert {("if", "if/then_branch/noise"), ("if", "if/else_branch/relu")} <= leads(graph)


def test_what_is_made_of_a_constant_that_the_model_hands_out_may_be_read_by_nothing() -> None:
    network = onnx(CONSTANT, Op("kk", "Neg", ("k",), ("kk",)), Op("a", "Relu", ("x",), ("a",)), outputs=("a", "k"))
    assert network.hosts == {1: None}
    assert leads(operators(network)) == {("x 1x8", "a"), ("a", "a"), ("k", "k")}


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (4, [("a/x", "0-2"), ("a/y", "3-5"), ("b/x", "6-8"), ("b/y", "9-11")]),
        (3, [("a", "0-5"), ("b", "6-11")]),
    ],
)
def test_modules_are_as_deep_as_there_may_be_groups(most: int, expected: list[tuple[str, str]]) -> None:
    network = chain(*(f"{module}/{part}/{op}" for module in "ab" for part in "xy" for op in range(3)))
    nodes = [node for node in network.graph(modules(network, most)).nodes if node.role == "module"]
    assert [(node.lines[0], f"{node.rows[0]}-{node.rows[-1]}") for node in nodes] == expected


def test_a_module_says_its_name_how_many_operators_it_has_and_what_leaves_it() -> None:
    network = chain("a/1", "a/2", "b/1", "b/2")
    assert network.graph(modules(network, 9)).nodes[0].lines == ("a", "2 operators", "1x8")


def test_a_module_that_is_left_and_entered_again_is_two_nodes() -> None:
    network = chain("a/1", "a/2", "b/1", "b/2", "a/3", "a/4")
    graph = network.graph(modules(network, 9))
    assert [node.lines[0] for node in graph.nodes] == ["a", "b", "a", "x 1x8", "y 1x8", "a/4"]
    assert sorted(graph.links) == [(0, 1), (1, 2), (2, 5), (3, 0)]


def test_a_module_of_one_operator_is_that_operator() -> None:
    network = chain("a/1", "a/2", "b/1", "c/1", "c/2", "c/3")
    assert network.graph(modules(network, 9)).nodes[1].lines == ("Relu", "1x8", "b/1")


def test_constants_belong_to_the_module_of_their_reader() -> None:
    """Files often keep all of them at the beginning."""
    ops = [
        CONSTANT,
        Op("a/1", "Relu", ("x",), ("1",)),
        Op("a/2", "Relu", ("1",), ("2",)),
        Op("b/1", "Mul", ("2", "k"), ("3",)),
        Op("b/2", "Relu", ("3",), ("4",)),
    ]
    network = onnx(*ops, outputs=("4",))
    assert modules(network, 9) == [[1, 2], [3, 0, 4]]
    assert network.graph(modules(network, 9)).nodes[1].lines == ("b", "2 operators", "1x8")


def test_a_part_has_ends_where_the_rest_of_the_network_begins() -> None:
    """One for all that an operator hands on."""
    ops = [
        Op("a/1", "Relu", ("x",), ("1",)),
        Op("b/1", "Add", ("1", "y"), ("2",)),
        Op("b/2", "Relu", ("2",), ("3",)),
        Op("c/1", "Add", ("2", "3"), ("4",)),
        Op("c/2", "Add", ("3", "4"), ("5",)),
    ]
    graph = onnx(*ops, outputs=("5",)).part([[1], [2]])
    assert leads(graph) == {
        ("from a/1", "b/1"),
        ("from y 1x8", "b/1"),
        ("b/1", "b/2"),
        ("b/1", "to c/1"),
        ("b/2", "to 2 operators"),
    }


@pytest.mark.parametrize("names", [("a", "b", "c"), ("a/1", "b/1", "c/1"), ("a/1", "a/2", "a/3")])
def test_there_are_no_modules_where_none_are_named_or_they_would_not_be_fewer(names: tuple[str, ...]) -> None:
    """And not where there is only one."""
    assert modules(chain(*names), 9) == []
