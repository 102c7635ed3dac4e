"""What files take that are made to be expensive: seconds of processor time and MB of memory for each MB of structure.

    python benchmarks/hostile.py            # files of 1 and of 4 MB
    python benchmarks/hostile.py 1 2 8      # of other sizes

SECURITY.md promises the two ratios below. The command exits with 1 where a file takes more memory than that, or twice
the time (a machine that does other things beside takes longer).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import TensorProto, helper

SECONDS, MEGABYTES = 6, 200
"""For each MB of structure, at most; as SECURITY.md says."""
MB = 1_000_000

Maker = Callable[[int], bytes]
HEAD = 'input: "data" input_shape { dim: 1 dim: 4 dim: 8 dim: 8 }\n'


def repeated(head: str, line: Callable[[int], str], size: int) -> bytes:
    """A text of numbered lines of so many bytes."""
    parts, length, number = [head], len(head), 0
    while length < size:
        parts.append(line(number))
        length += len(parts[-1])
        number += 1
    return "".join(parts).encode()


def caffe_chain(size: int) -> bytes:
    """Layers one after another, as short as they can be written."""
    return repeated(HEAD, lambda n: f'layer{{name:"{n}"type:"ReLU"bottom:"{n - 1 if n else "data"}"top:"{n}"}}', size)


def caffe_many_unknown(size: int) -> bytes:
    return repeated(HEAD, lambda n: f'layer{{name:"{n}"type:"T{n}"bottom:"data"top:"{n}"}}', size)


def caffe_fields(size: int) -> bytes:
    """One layer of fields that no rule reads."""
    head = HEAD + 'layer { name: "a" type: "ReLU" bottom: "data" top: "a" relu_param { '
    return repeated(head, lambda n: f"f{n}:1 ", size) + b"} }"


def caffe_texts(size: int) -> bytes:
    """Texts that stand side by side are one text."""
    return repeated('name: "a"', lambda _: '"b"', size) + HEAD.encode()


def caffe_dimensions(size: int) -> bytes:
    return repeated('input: "data" input_shape {', lambda _: "dim:1 ", size) + b"}"


def caffe_fan_in(size: int) -> bytes:
    head = HEAD + 'layer { name: "a" type: "Concat" top: "a" '
    return repeated(head, lambda _: 'bottom:"data"', size) + b"}"


def caffe_comments(size: int) -> bytes:
    return repeated(HEAD, lambda _: "#\n", size)


def model(nodes: list[onnx.NodeProto], weights: list[TensorProto] | None = None, inputs: int = 1) -> bytes:
    given = [helper.make_tensor_value_info(f"x{n}", TensorProto.FLOAT, [f"n{n}", 4]) for n in range(inputs)]
    made = [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", given, made, weights or [])
    content: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    return content


def onnx_chain(size: int) -> bytes:
    """Nodes one after another, 20 bytes each."""
    count = size // 24
    return model([helper.make_node("Relu", [f"{n - 1}" if n else "x0"], [f"{n}"]) for n in range(min(count, 190_000))])


def onnx_many_unknown(size: int) -> bytes:
    return model([helper.make_node(f"T{n}", ["x0"], [f"{n}"]) for n in range(min(size // 24, 190_000))])


def onnx_weights(size: int) -> bytes:
    """Small weights, all used by one node."""
    names = [f"w{n}" for n in range(size // 30)]
    weights = [TensorProto(name=name, dims=[1], data_type=TensorProto.FLOAT, raw_data=b"\0" * 4) for name in names]
    return model([helper.make_node("Concat", names, ["y"], axis=0)], weights)


def onnx_integers(size: int) -> bytes:
    """One long list of integers."""
    return model([helper.make_node("Relu", ["x0"], ["y"], numbers=list(range(size // 4)))])


def onnx_texts(size: int) -> bytes:
    return model([helper.make_node("Relu", ["x0"], ["y"], texts=["a"] * (size // 3))])


def onnx_inputs(size: int) -> bytes:
    """Inputs of symbolic sizes, each of its own, added up."""
    count = size // 45
    nodes = [helper.make_node("Relu", [f"x{n}"], [f"y{n}"]) for n in range(count)]
    return model(nodes, inputs=count)


def onnx_wide_formulas(size: int) -> bytes:
    """Tensors of which each is as long as a thousand symbolic sizes together, and another once more."""
    names = [f"x{n}" for n in range(1000)]
    nodes = [helper.make_node("Concat", names, ["y0"], axis=0)]
    nodes += [helper.make_node("Concat", [f"y{n}", "x0"], [f"y{n + 1}"], axis=0) for n in range(size // 44)]
    return model(nodes, inputs=len(names))


def onnx_data_decides(size: int) -> bytes:
    """Lists of positions, whose lengths only the data tells, and what is joined of them."""
    count = size // 34
    nodes = [helper.make_node("NonZero", ["x0"], [f"y{n}"]) for n in range(count)]
    return model([*nodes, helper.make_node("Concat", [f"y{n}" for n in range(count)], ["y"], axis=1)])


def onnx_branches(size: int) -> bytes:
    """Ifs one after another, each of two graphs of one node."""

    def branch(kind: str, x: str) -> onnx.GraphProto:
        made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
        return helper.make_graph([helper.make_node(kind, [x], ["y"])], "b", [], made)

    nodes = [helper.make_node("NonZero", ["x0"], ["found"]), helper.make_node("Cast", ["found"], ["c"], to=9)]
    for n in range(size // 170):
        x, y = f"y{n}" if n else "x0", f"y{n + 1}"
        given = {"then_branch": branch("Relu", x), "else_branch": branch("Neg", x)}
        nodes.append(helper.make_node("If", ["c"], [y], **given))
    return model(nodes)


def onnx_sequences(size: int) -> bytes:
    """A list of tensors that grows by one after another."""
    nodes = [helper.make_node("SequenceConstruct", ["x0"], ["s0"])]
    nodes += [helper.make_node("SequenceInsert", [f"s{n}", "x0"], [f"s{n + 1}"]) for n in range(size // 45)]
    return model([*nodes, helper.make_node("ConcatFromSequence", [nodes[-1].output[0]], ["y"], axis=0)])


def onnx_empty_messages(size: int) -> bytes:
    """Nodes without anything in them: two bytes each."""
    graph = onnx.GraphProto(name="g")
    body = graph.SerializeToString() + b"\x0a\x00" * (size // 2)
    length = len(body)
    prefix = bytearray(b"\x08\x08\x3a")
    while length > 127:
        prefix.append(length & 127 | 128)
        length >>= 7
    return bytes(prefix) + bytes([length]) + body


MAKERS: list[tuple[str, Maker]] = [
    ("prototxt", caffe_chain), ("prototxt", caffe_many_unknown), ("prototxt", caffe_fields),
    ("prototxt", caffe_texts), ("prototxt", caffe_dimensions), ("prototxt", caffe_fan_in),
    ("prototxt", caffe_comments), ("onnx", onnx_chain), ("onnx", onnx_many_unknown), ("onnx", onnx_weights),
    ("onnx", onnx_integers), ("onnx", onnx_texts), ("onnx", onnx_inputs), ("onnx", onnx_wide_formulas),
    ("onnx", onnx_data_decides), ("onnx", onnx_branches), ("onnx", onnx_sequences), ("onnx", onnx_empty_messages),
]  # fmt: skip


def measured(path: Path, *options: str) -> tuple[int, float, float]:
    """The exit code of the command on a file, its seconds of processor time and MB of memory."""
    command = [sys.executable, "-m", "graphcost", str(path), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def main() -> int:
    if sys.argv[1:2] == ["--make"]:  # in a process of its own: what this one holds would count as the command's
        name, size, path = sys.argv[2:]
        Path(path).write_bytes(next(make for _, make in MAKERS if make.__name__ == name)(int(size)))
        return 0
    if sys.argv[1:] == ["--promised"]:
        print(f"{SECONDS} s of processor time and {MEGABYTES} MB")
        return 0
    sizes = [int(each) for each in sys.argv[1:]] or [1, 4]
    over = False
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "empty.prototxt")
        empty.write_text(HEAD + 'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }')
        _, seconds, memory = measured(empty)
        print(f"of a network of one layer: {seconds:.2f} s, {memory:.0f} MB\n")
        print("| file | MB | exit code | s for each MB | MB for each MB |\n|:-----|---:|----------:|----:|----:|")
        for suffix, make in MAKERS:
            for size in sizes:
                path = Path(folder, f"{make.__name__}.{suffix}")
                subprocess.run([sys.executable, __file__, "--make", make.__name__, str(size * MB), path], check=True)
                actual = path.stat().st_size / MB
                code, took, needed = measured(path)
                each, room = max(took - seconds, 0) / actual, max(needed - memory, 0) / actual
                over = over or room > MEGABYTES or each > 2 * SECONDS
                print(f"| {make.__name__} | {actual:.1f} | {code} | {each:.2f} | {room:.0f} |", flush=True)
                path.unlink()
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
