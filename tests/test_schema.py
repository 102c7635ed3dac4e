"""What is written as JSON follows the published schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import graphcost
from graphcost import cli, schema
from graphcost.sections import SECTIONS
from graphcost.summary import Failure, Summary
from harness import HEAD, conv, layer, run

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted([*(ROOT / "prototxt").glob("*.prototxt"), *(ROOT / "onnx_models").glob("*.onnx")])


def problems(data: Any) -> list[str]:
    """Where an object does not follow the schema: each place, and what is asked there."""
    validator = jsonschema.Draft202012Validator(
        schema.schema()["$defs"]["report"] | {"$defs": schema.schema()["$defs"]}
    )
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(data)]


def test_the_schema_is_one_and_the_page_has_it(root: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())
    assert (root / "docs/schema.json").read_text(encoding="utf-8") == schema.text(), "run scripts/docs"


def test_the_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--json-schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema.schema()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_follows_the_schema(path: Path) -> None:
    analysis = graphcost.analyze(path)
    assert problems(json.loads(analysis.report().render("json"))) == []
    assert analysis.to_dict()["generator"] == f"graphcost {graphcost.__version__}"


IF = """g (bool c, float[N, 4] x) => (float[N, 4] y) { y = If (c) <
    then_branch = a () => (float[N, 4] p) { p = Relu(x) }, else_branch = b () => (float[N, 4] q) { q = Identity(x) } > }"""
FORMS = {
    "open sizes": lambda: graphcost.analyze(ROOT / "prototxt/det1.prototxt", shapes={"data": "Nx3xHxW"}),
    "an unknown operator": lambda: graphcost.analyze((HEAD + layer("m", "Mystery") + layer("r", "ReLU", "m")).encode()),
    "an input left out": lambda: run("g (float[1, 4] x) => (float[1, 4] y) { y = Clip(x, , ) }"),
    "bodies": lambda: run(IF),
    "no layers": lambda: graphcost.analyze(b'input: "x" input_shape { dim: 1 }'),
    "a target": lambda: graphcost.analyze(
        (HEAD + conv("c") + layer("r", "ReLU", "c")).encode(),
        target=graphcost.Target(dtype="int8", device="cortex-m4", fuse=True, reorder=True),
    ),
}


@pytest.mark.parametrize("what", FORMS)
def test_whatever_is_open_unknown_or_left_out_follows_the_schema(what: str) -> None:
    analysis = FORMS[what]()
    sections = [name for name in SECTIONS if name != "device" or analysis.target.device]
    data = json.loads(analysis.report(sections=sections).render("json"))
    assert problems(data) == [] and set(sections) <= set(data)
    assert '""' not in json.dumps({**data, "model": None, **dict.fromkeys(sections)})  # null, not "", for "not given"


def test_several_models_are_a_list_of_them_and_of_failures() -> None:
    small = graphcost.analyze((HEAD + conv("c")).encode())
    data = Summary([small.report(), Failure("bad.prototxt", "no")], objects=True).data
    jsonschema.validate(json.loads(json.dumps(data)), schema.schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{"schema": 1, "error": "no model"}], schema.schema())


def test_the_schema_has_every_key_of_a_layer_and_forbids_no_other() -> None:
    data = graphcost.analyze((HEAD + conv("c")).encode()).to_dict()
    known = schema.schema()["$defs"]
    assert set(data) <= set(known["report"]["properties"])
    assert set(data["layers"][0]) <= set(known["layer"]["properties"])
    assert problems({**data, "novelty": 1}) == [] and problems({**data, "totals": {}}) != []


def test_the_schema_is_asked_for_without_a_model(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "graphcost", "--json-schema", "prototxt/det1.prototxt"],
        cwd=root, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "takes no model" in done.stderr
