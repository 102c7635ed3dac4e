"""The library as its users call it: arguments in their own terms, layers as records, data frames, typed options."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import graphcost
from graphcost import ArgumentError, ModelError, Target
from graphcost.report import ReportOptions
from harness import HEAD, conv, layer, proto, run, saved

NET = (HEAD + conv("c") + layer("r", "ReLU", "c")).encode()
MACS = 4 * 6 * 6 * 3 * 3 * 3  # outputs x taps
OPEN = "g (float[N, 8] x, float[8, M] w) => (float[N, M] y) { y = MatMul(x, w) }"


@pytest.fixture(scope="module")
def small() -> graphcost.Analysis:
    return graphcost.analyze(NET)


def test_a_model_is_analysed_in_one_call_from_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(NET)
    for model in (path, str(path), NET, BytesIO(NET), graphcost.load(path)):
        assert graphcost.analyze(model).total("macs") == MACS
    made = proto([onnx.helper.make_node("Relu", ["x"], ["y"])], {"x": [2, 3]})
    for given in (made, saved(made, tmp_path)):
        assert graphcost.analyze(given).total("compares") == 2 * 3


def test_the_phase_is_that_of_the_file_that_is_read() -> None:
    net = (HEAD + layer("t", "ReLU", fields="include { phase: TRAIN }")).encode()
    assert len(graphcost.analyze(net, phase="train")) == 1
    empty = graphcost.analyze(b'input: "x" input_shape { dim: 1 }')
    assert len(empty) == 0 and empty  # one without layers is an analysis too
    with pytest.raises(ArgumentError, match=r"^phase: is about a file that is read"):
        graphcost.analyze(graphcost.load(NET), phase="train")


def test_an_analysis_says_what_it_is(root: Path) -> None:
    det1 = root / "prototxt/det1.prototxt"
    assert repr(graphcost.analyze(det1)) == "<Analysis det1: 44,760 MACs, 6,632 parameters, complete>"
    open_ = graphcost.analyze(det1, shapes={"data": "Nx3x12x12"})
    assert repr(open_) == "<Analysis det1: 44760*N MACs, 6,632 parameters, complete>"
    unknown = graphcost.analyze((HEAD + conv("c") + layer("m", "Mystery", "c")).encode())
    assert repr(unknown) == f"<Analysis network: >= {MACS:,} MACs, 112 parameters, lower bounds>"


def test_layers_have_the_names_that_json_has(small: graphcost.Analysis) -> None:
    data = small.to_dict()["layers"]
    assert len(small) == len(small.layers) == len(data) == 2 and [each.name for each in small] == ["c", "r"]
    for each, known in zip(small, data, strict=True):
        plain = {key: getattr(each, key) for key in known if key not in ("rf", "window", "folded_into", "work")}
        assert plain == {key: known[key] if key != "output_shapes" else [(1, 4, 6, 6)] for key in plain}
    first = small.layers["c"]
    assert first.name == small.layers[0].name == small.layers[:1][0].name == "c"
    assert (first.kind, first.macs, first.params, first.activation_bytes) == ("Convolution", MACS, 112, 4 * 4 * 6 * 6)
    assert (first.kernel, first.stride, first.padding, first.dilation, first.group) == (
        (3, 3),
        (1, 1),
        (0, 0),
        (1, 1),
        1,
    )
    assert first.attributes == {"num_output": 4, "kernel_size": 3} and first.scope is None
    assert small.layers["r"].kernel is None and small.layers["r"].group is None
    assert "c" in small and "d" not in small
    assert repr(first) == f"<Layer c: Convolution -> 1x4x6x6, {MACS:,} MACs>"


def test_a_layer_that_does_not_exist_is_named_with_the_nearest() -> None:
    analysis = graphcost.analyze((HEAD + conv("conv1")).encode())
    with pytest.raises(KeyError, match=r"no operator 'Conv2'; did you mean conv1\?"):
        analysis.layers["Conv2"]
    with pytest.raises(IndexError):
        analysis.layers[1]


def test_attributes_are_plain_values_and_large_ones_are_only_counted() -> None:
    filler = 'convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } }'
    attributes = graphcost.analyze((HEAD + layer("c", "Convolution", fields=filler)).encode()).layers["c"].attributes
    assert attributes["weight_filler"] == {"type": "xavier"}
    node = onnx.helper.make_node(
        "Slice", ["x"], ["y"], starts=[0] * 65, ends=[1], axes=[0], to="i" * 1001, f=float("inf")
    )
    (found,) = graphcost.analyze(proto([node], {"x": [2, 3]}, opset=9))
    expected = {"starts": {"elements": 65}, "ends": [1], "axes": [0], "to": {"letters": 1001}, "f": "inf"}
    assert found.attributes == expected


SHAPES = [
    (1, 3, 24, 24),
    [1, 3, 24, 24],
    "1x3x24x24",
    "1, 3, 24, 24",
    np.array([1, 3, 24, 24]),
    (1, "3", 24, np.int8(24)),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_shape_is_numbers_in_whatever_they_come(shape: Any) -> None:
    assert graphcost.analyze(NET, shapes={"data": shape}).layers["c"].output_shapes == [(1, 4, 22, 22)]


def test_names_in_shapes_and_formulas_in_dims_are_taken_as_text() -> None:
    analysis = graphcost.analyze(NET, shapes={"data": "Nx3xHxH"}, dims={"H": "2*N + 2", "N": "4"})
    assert analysis.layers["c"].output_shapes == [(4, 4, 8, 8)]
    symbolic = graphcost.analyze(run(OPEN).model, dims={"M": graphcost.analyze(run(OPEN).model).inputs["x"].shape[0]})
    assert str(symbolic.total("macs")) == "8*N**2"


WRONG = {
    "a float": ({"shapes": {"data": (1, 3, 24.0, 24)}}, "^shapes: 24.0 is no size of data"),
    "a negative size": ({"shapes": {"data": (1, 3, -1, 24)}}, "^shapes: -1 is no size of data"),
    "no size": ({"shapes": {"data": (1, 3, None, 24)}}, "^shapes: None is no size of data"),
    "a truth": ({"shapes": {"data": (True, 3, 8, 8)}}, "^shapes: True is no size of data"),
    "text that is no size": ({"shapes": {"data": "1x3x?x8"}}, r"^shapes: '\?' is no size of data"),
    "a number for a shape": ({"shapes": {"data": 24}}, "^shapes: data is given 24; a shape is sizes and names"),
    "digits": ({"shapes": {"data": "9" * 5000}}, "^shapes: data has a size of 5,000 digits"),
    "items for a tensor": ({"shapes": {"data": [("float32", (1, 3))]}}, "shapes: input 'data' is one tensor"),
    "an unknown input": ({"shapes": {"dat": (1,)}}, "shapes: there is no input 'dat'; the inputs are: data"),
    "an unknown dimension": ({"dims": {"typo": 1}}, "^dims: .*has no dimension typo; open are: none"),
    "half a dimension": ({"shapes": {"data": "Nx3x8x8"}, "dims": {"N": 1.5}}, "^dims: N is given 1.5, which is no int"),
    "less than none": ({"shapes": {"data": "Nx3x8x8"}, "dims": {"N": -1}}, "^dims: dimension N cannot be -1"),
    "a formula that is none": ({"dims": {"N": "1 +"}}, r"^dims: N is given '1 \+', which is no size or formula"),
    "itself": ({"shapes": {"data": "Nx3x8x8"}, "dims": {"N": "N + 1"}}, "dims: the value of N depends on itself"),
    "content of floats": ({"values": {"data": 1}}, "values: input 'data' is float32 .* only one integer or boolean"),
    "content that is none": ({"values": {"data": "x"}}, "^values: data is given 'x', which is no integer or boolean"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_an_argument_cannot_be_is_said_in_the_terms_of_the_caller(what: str) -> None:
    arguments, reason = WRONG[what]
    with pytest.raises(ArgumentError, match=reason) as refused:
        graphcost.analyze(NET, **arguments)
    assert isinstance(refused.value, ModelError) and isinstance(refused.value, ValueError)
    assert "--" not in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 300


TARGETS = {
    "dtype": ({"dtype": "int9"}, "^dtype: no element type 'int9'; did you mean int8"),
    "no dtype": ({"dtype": 8}, "^dtype: no element type 8; there are float64"),
    "weights": ({"weights_dtype": "bool"}, "^weights_dtype: no element type 'bool'"),
    "io": ({"io": "mine"}, "^io: no choice 'mine'; there are arena, caller"),
    "align": ({"align": "8"}, "^align: 8 bytes cannot be"),
    "device": ({"device": "cortex"}, "^device: no device 'cortex'; did you mean cortex-m"),
}


@pytest.mark.parametrize("what", TARGETS)
def test_a_target_that_does_not_exist_is_refused_at_once(what: str) -> None:
    options, reason = TARGETS[what]
    with pytest.raises(ArgumentError, match=reason) as refused:
        graphcost.analyze(NET, target=Target(**options))
    assert "--" not in str(refused.value)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: graphcost.analyze(5), "a model is a path, bytes, an open binary file or an onnx.ModelProto, not int"),
        (lambda: graphcost.analyze(None), "a model is a path, .* not NoneType"),
        (lambda: graphcost.analyze(NET, shapes=[1, 3]), r"shapes is a mapping of names, as .* and not \[1, 3\]"),
        (lambda: graphcost.analyze(NET, shapes={0: (1,)}), "shapes is a mapping of names"),
        (lambda: graphcost.analyze(NET, dims="N=8"), r"dims is a mapping of names, as \{'N': 8\}, and not 'N=8'"),
        (lambda: graphcost.analyze(NET, target="cortex-m4"), "target is a graphcost.Target, as Target"),
        (lambda: graphcost.analyze(NET, values=3), "values is a mapping of names"),
        (lambda: graphcost.analyze(NET).report(stile="netscope"), "unexpected keyword argument 'stile'"),
    ],
)
def test_arguments_of_another_kind_are_a_type_error_in_words(call: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        call()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("fp16", "float16"), ("half", "float16"), ("F16", "float16"), ("bf16", "bfloat16"), ("FP32", "float32"),
     ("i8", "int8"), ("u4", "uint4"), ("torch.half", "float16"), ("double", "float64"), ("float8_e4m3fn", "float8e4m3fn"),
     ("INT8", "int8"), (None, ""), ("", "")],
)  # fmt: skip
def test_element_types_are_known_by_the_names_that_people_use(name: str, dtype: str) -> None:
    assert Target(dtype=name).dtype == dtype


def test_the_dimensions_nearest_to_one_that_does_not_exist_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"has no dimension n; did you mean N\?; open are: N, M"):
        graphcost.analyze(run(OPEN).model, dims={"n": 8})
    assert graphcost.analyze(run(OPEN).model, dims={"n": 8}, check_dims=False).unused_dims == ("n",)


def test_an_input_without_a_size_is_asked_for_as_an_argument() -> None:
    with pytest.raises(ArgumentError, match=r"how large 'x' is: give it, as shapes=\{'x': '1x3xHxW'\}$"):
        graphcost.analyze(b'input: "x"\n' + layer("r", "ReLU", "x").encode())


def test_an_error_of_an_argument_can_be_sent_to_another_process() -> None:
    error = ArgumentError("dims", "no", "net.onnx", "3", example=("N", "8"))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.argument, copy.example) == (str(error), "dims", ("N", "8"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"style": "netscop"}, r"^style: no style 'netscop'; did you mean netscope\?"),
        ({"columns": ["name", "MAC"]}, r"^columns: no column 'MAC'; did you mean macs"),
        ({"sort": "parms"}, r"^sort: no column 'parms'; did you mean params"),
        ({"by": "scopes"}, r"^by: no grouping 'scopes'; did you mean scope\?"),
        ({"sections": ["memroy"]}, r"^sections: no section 'memroy'; did you mean memory\?"),
        ({"top": -1}, r"^top: -1 rows cannot be shown"),
    ],
)
def test_what_a_report_does_not_have_is_refused_with_what_is_near(
    options: ReportOptions, reason: str, small: graphcost.Analysis
) -> None:
    with pytest.raises(ArgumentError, match=reason):
        small.report(**options)
    with pytest.raises(ArgumentError, match=r"^format: no format 'jsn'; did you mean json\?"):
        small.report().render("jsn")


def test_the_options_of_a_report_are_typed_as_the_report_takes_them() -> None:
    taken = inspect.signature(graphcost.Report).parameters.keys()
    assert ReportOptions.__annotations__.keys() == taken - {"analysis"}


def test_columns_and_sections_are_taken_as_text_too(small: graphcost.Analysis, tmp_path: Path) -> None:
    report = small.report(columns="name, macs", sections="memory")
    assert report.keys == ("name", "macs") and [each.name for each in report.sections] == ["memory"]
    small.save(tmp_path / "report", format="csv", columns="name")
    assert (tmp_path / "report").read_text().split() == ["name", "c", "r"]


def test_records_are_flat_and_of_one_type_a_column(small: graphcost.Analysis) -> None:
    first, second = small.records()
    assert (first["name"], first["macs"], first["output"], first["kernel"]) == ("c", MACS, "1x4x6x6", "3x3")
    assert second["kernel"] is None and all(isinstance(each, int | float | str | None) for each in first.values())
    chosen = small.records(columns=["name", "share", "netscope.macc"])
    assert chosen == [
        {"name": "c", "share": 1.0, "netscope.macc": MACS},
        {"name": "r", "share": None, "netscope.macc": 0},
    ]
    open_ = graphcost.analyze(NET, shapes={"data": "Nx3x8x8"}).records(columns="name,macs,params")
    assert open_[0] == {"name": "c", "macs": f"{MACS}*N", "params": 112} and open_[1]["macs"] == "0"


def test_a_data_frame_has_a_row_for_each_layer(small: graphcost.Analysis) -> None:
    pandas = pytest.importorskip("pandas")
    frame = small.to_dataframe()
    assert list(frame["name"]) == ["c", "r"] and frame["macs"].sum() == MACS and frame["params"].dtype == "Int64"
    assert list(small.to_dataframe(columns="name,macs").columns) == ["name", "macs"]
    unknown = graphcost.analyze((HEAD + conv("c") + layer("m", "Mystery")).encode()).to_dataframe()
    assert (
        unknown["macs"].isna().tolist() == [False, True]
        and unknown["macs"][0] == MACS
        and isinstance(frame, pandas.DataFrame)
    )


def test_records_make_a_frame_of_another_library_too(small: graphcost.Analysis) -> None:
    polars = pytest.importorskip("polars")
    assert polars.DataFrame(small.records())["macs"].sum() == MACS


def test_without_pandas_it_is_said_what_to_do(small: graphcost.Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"to_dataframe needs pandas \(pip install pandas\); analysis.records\(\)"):
        small.to_dataframe()


CLIENT = """
import graphcost
from typing import Any

def cost(path: str) -> dict[str, Any]:
    analysis = graphcost.analyze(path, shapes={"data": (1, 3, "H", "W")}, dims={"H": 24}, target=graphcost.Target(dtype="int8"))
    for layer in analysis:
        print(layer.name, layer.macs, layer.output_shapes, layer.kernel, layer.attributes)
    analysis.save("x.md", columns=["name"], top=3, sort="macs")
    print(analysis.report(style="netscope", sections=["memory"]).render("md"), len(analysis), analysis.layers["conv1"].params)
    return analysis.to_dict()
"""


@pytest.mark.slow
def test_a_client_is_checked_by_mypy_and_so_are_the_names_of_options(root: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(CLIENT)
    bad.write_text(
        'import graphcost\ngraphcost.analyze("x").report(stile="netscope")\ngraphcost.analyze("x").save("y", top="3")\n'
    )
    environment = {**os.environ, "MYPYPATH": str(root)}
    check = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", f"--cache-dir={tmp_path / 'cache'}"]
    done = subprocess.run([*check, str(good), str(bad)], capture_output=True, text=True, cwd=tmp_path, env=environment)
    errors = [
        line
        for line in done.stdout.splitlines()
        if ": error: " in line and Path(line.partition(":")[0]).stem in ("good", "bad")
    ]
    assert len(errors) == 2 and 'bad.py:2: error: Unexpected keyword argument "stile"' in errors[0]
    assert 'bad.py:3: error: Argument "top"' in errors[1]
