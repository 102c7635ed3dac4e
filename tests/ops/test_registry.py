"""The table of rules: what is found, what is refused, what replaces what, and which files are read for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import graphcost
from graphcost import NO_WORK, Facts, Tensor, ops, rules


def same(x: Tensor) -> Facts:
    return Facts((x,), NO_WORK)


def other(x: Tensor) -> Facts:
    return Facts((x, x), NO_WORK)


def test_the_rule_found_is_the_newest_that_is_not_above_the_version(scratch_rules: None) -> None:
    for since in (1, 5):
        graphcost.rule("com.acme.Versioned", since=since)(same)
    found = [ops.find("com.acme.Versioned", version) for version in (0, 1, 4, 5, 9)]
    assert [entry and entry.since for entry in found] == [None, 1, 1, 5, 5]


def test_a_kind_that_has_a_rule_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"caffe\.Softmax already has a rule since version 1, graphcost\.ops\."):
        graphcost.rule("caffe.Softmax")(same)


def test_a_rule_replaces_another_where_it_says_so(scratch_rules: None) -> None:
    graphcost.rule("Relu", replace=True)(same)
    found = ops.find("Relu", 13)
    assert found is not None and found.function is same


def test_what_replaces_a_rule_stays_whichever_is_registered_first(scratch_rules: None) -> None:
    rules.rule("com.acme.Early", replace=True)(same)
    rules.rule("com.acme.Early")(other)
    found = rules.lookup("com.acme.Early", 1)
    assert found is not None and found.function is same


def test_a_file_that_is_put_beside_the_families_is_loaded(tmp_path: Path) -> None:
    """Neither a list nor an import elsewhere names it."""
    for folder in ("ops", "ops/caffe"):
        (tmp_path / folder).mkdir()
    onnx, caffe = "com.acme.Found", "caffe.AcmeFound"
    for file, kind in (("ops/acme.py", onnx), ("ops/caffe/acme.py", caffe)):
        text = f"from graphcost import Facts, NO_WORK\nfrom graphcost.rules import rule\n@rule({kind!r})\ndef f(x):\n    return Facts((x,), NO_WORK)\n"
        (tmp_path / file).write_text(text)
    code = (
        "import sys\nfrom graphcost import ops\nimport graphcost.ops.caffe as caffe\n"
        "ops.__path__.append(sys.argv[1] + '/ops')\ncaffe.__path__.append(sys.argv[1] + '/ops/caffe')\n"
        f"print([ops.find(kind, 1) is not None for kind in ({onnx!r}, {caffe!r}, 'caffe.AcmeMissing')])"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[True, True, False]"


def test_a_caffe_network_loads_no_family_that_only_onnx_has() -> None:
    code = (
        "import sys\nfrom graphcost import ops\nassert ops.find('caffe.Convolution', 1)\n"
        "print('graphcost.ops.windowed' in sys.modules, 'graphcost.ops.attention' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True False"
