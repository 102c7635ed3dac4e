"""What the pages say is what the code does."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import runpy
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import onnx
import onnx.parser
import pytest

from graphcost import cli, columns, conventions, devices, render, rules, sections
from graphcost.budgets import config
from harness import onnx_text, script


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def scratch_tables(scratch_rules: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables that can be extended as they are; what a test registers is forgotten after it."""
    for table in (columns.COLUMNS, conventions.CONVENTIONS, sections.SECTIONS, render.FORMATS, devices.DEVICES):
        monkeypatch.setattr(table, "_table", dict(table._table))


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="argparse lays its help out in another way")
def test_the_reference_is_not_stale(root: Path) -> None:
    assert (root / "docs/reference.md").read_text(encoding="utf-8") == script(root, "docs").reference(), (
        "run scripts/docs"
    )


def test_the_readme_shows_what_the_command_prints(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert cli.main(["prototxt/det1.prototxt"]) == 0
    assert capsys.readouterr().out.strip() == blocks(root / "README.md", "text")[0].strip()


@pytest.mark.slow
def test_the_commands_of_the_readme_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    lines = re.findall(
        r"^    graphcost (.*?)(?:\s+#.*)?$", (root / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(lines) >= 7
    for line in lines:
        arguments = [str(tmp_path / word) if word == "vgg16.html" else word for word in line.split()]
        assert cli.main(arguments) == 0, line
    assert (tmp_path / "vgg16.html").exists()


def test_the_library_example_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch_tables: None
) -> None:
    (example,) = blocks(root / "README.md", "python")
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    (tmp_path / "prototxt").symlink_to(root / "prototxt")
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path("example.py")
    analysis = names["analysis"]
    assert analysis["conv1"].work.macs == 27000 and analysis.total("macs") == 44760
    assert analysis.parameters.total == 6632 and analysis.unknown == {}
    assert analysis.tensors["conv3"].shape == (1, 32, 1, 1)
    assert str(names["open_"].total("macs")) == "44760*N"
    assert (tmp_path / "det1.html").exists()


UNKNOWN = """input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "m" type: "Mystery" bottom: "c" top: "m" }
layer { name: "r" type: "ReLU" bottom: "m" top: "r" }
layer { name: "h" type: "HardSwoosh" bottom: "c" top: "h" }
layer { name: "q" type: "Cube" bottom: "h" top: "q" }
layer { name: "s" type: "Python" bottom: "q" top: "s" python_param { module: "my.halves" layer: "SwapHalves" param_str: "2" } }
"""
EXTENSIONS = {
    "hard_swoosh": [],
    "acme_family": [],
    "swap_halves": [],
    "reuse": ["--columns", "name,macs,reuse"],
    "widest": ["--section", "widest"],
    "mytool": ["--style", "mytool"],
    "wiki": ["--format", "wiki"],
    "my_board": ["--device", "my-board"],
}
"""What shows that a plugin of the page on extending works."""


def plugins(root: Path) -> dict[str, str]:
    """The plugins on the page on extending by their names."""
    found = {}
    for text in blocks(root / "docs/extending.md", "python"):
        name, _, _ = text.removeprefix("# ").partition(".py\n")
        found[name] = text
    return found


def test_every_plugin_of_extending_is_tried(root: Path) -> None:
    assert set(plugins(root)) == set(EXTENSIONS)


@pytest.mark.parametrize("network", ["det1", "unknown", "open"])
@pytest.mark.parametrize("name", EXTENSIONS)
def test_the_plugins_of_extending_work_on_networks_of_every_kind(
    name: str, network: str, root: Path, tmp_path: Path, scratch_tables: None, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / f"{name}.py"
    plugin.write_text(plugins(root)[name], encoding="utf-8")
    model = root / "prototxt/det1.prototxt"
    if network == "unknown":
        model = tmp_path / "net.prototxt"
        model.write_text(UNKNOWN)
    sizes = ["--input", "data=Nx3xHxW"] if network == "open" else []
    for format in [] if name == "wiki" else [["--format", "html"], ["--format", "json"]]:
        style = [] if name != "mytool" else ["--columns", "name,mytool.flops"]
        options = style or EXTENSIONS[name]
        assert cli.main([str(model), "--plugin", str(plugin), *sizes, *options, *format]) == 0
        reset(name)
    capsys.readouterr()
    assert cli.main([str(model), "--plugin", str(plugin), *sizes, *EXTENSIONS[name]]) == 0
    out, err = capsys.readouterr()
    assert err == "" and SHOWS[name] in out and "det1" * (network != "unknown") in out
    if network == "unknown" and name != "mytool":
        assert "Mystery" in out


SHOWS = {
    "hard_swoosh": "Coverage: ",
    "acme_family": "Coverage: ",
    "swap_halves": "Coverage: ",
    "reuse": "MACs/param",
    "widest": "channels",
    "mytool": "FLOPs",
    "wiki": "^ layer ^ type ^",
    "my_board": "bound by",
}


def reset(name: str) -> None:
    """Forget what a plugin registered, as a new process would have."""
    names = {"mytool": conventions.CONVENTIONS, "reuse": columns.COLUMNS, "widest": sections.SECTIONS}
    names |= {"my-board": devices.DEVICES}
    for key, table in names.items():
        table._table.pop(key, None)
    for kind in ("HardSwoosh", "Cube", "Cosine"):
        for key in (f"caffe.{kind}", f"com.acme.{kind}"):
            rules._table.pop(key, None)
    rules._table.pop("caffe.Python:halves.SwapHalves", None)


def test_the_rules_of_extending_make_their_operators_known(
    root: Path, tmp_path: Path, scratch_tables: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.prototxt").write_text(UNKNOWN)
    arguments = [str(tmp_path / "net.prototxt")]
    for name in ("hard_swoosh", "acme_family", "swap_halves"):
        (tmp_path / f"{name}.py").write_text(plugins(root)[name], encoding="utf-8")
        arguments += ["--plugin", str(tmp_path / f"{name}.py")]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    assert "lower bounds: the cost of 1 operator is not known (Mystery x1); 1 more operator depends on" in out


def test_the_example_on_receptive_fields_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = blocks(root / "docs/receptive_field.md", "python")
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    monkeypatch.chdir(root)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert (names["size"], names["stride"], names["start"]) == ((92, 92), (8, 8), (-42, -42))
    assert names["padding"] == (42, 42) and names["centre"] == (3.5, 3.5) and names["position"] == (19, 0)
    assert names["box"] == ((0, 49), (110, 201))


def test_the_lines_of_the_reconciliation_are_what_the_command_prints(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    assert cli.main(["onnx_models/retinaface.onnx", "--reconcile"]) == 0
    printed = capsys.readouterr().out.splitlines()
    (shown,) = blocks(root / "docs/conventions.md", "text")
    assert [line for line in shown.splitlines() if line not in printed] == []


def test_the_test_row_of_a_convention_is_what_its_example_counts(root: Path, net: Any, scratch_tables: None) -> None:
    """The network and the names are those of the conventions' test."""
    page = root / "docs/extending.md"
    (row,) = re.findall(r'"mytool.flops": \((.*)\),', page.read_text(encoding="utf-8"))
    names = runpy.run_path(str(root / "tests/conventions/test_conventions.py"))
    made: dict[str, Any] = {}
    exec(next(block for block in blocks(page, "python") if "CONVENTION" in block), made)
    counted = [made["flops"](each) or 0 for each in net(names["NET"]).rows]
    assert counted == [eval(part, names) for part in row.split(", ")]


def test_the_example_on_comparing_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example.py").write_text(blocks(root / "docs/diff.md", "python")[0], encoding="utf-8")
    (tmp_path / "prototxt").symlink_to(root / "prototxt")
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path("example.py")
    assert (names["more"], names["first"].layer.name, names["kinds"]) == (93546, "conv2", ("changed",))
    assert names["same"] and (tmp_path / "diff.html").exists()


def test_the_budgets_on_the_page_on_budgets_can_be_read(root: Path, tmp_path: Path) -> None:
    (text,) = blocks(root / "docs/ci.md", "toml")
    (tmp_path / "graphcost.toml").write_text(text, encoding="utf-8")
    (tmp_path / "models").mkdir()
    for name in ("detector-1.onnx", "reader.onnx"):
        (tmp_path / "models" / name).write_bytes(b"")
    found = config.read(tmp_path / "graphcost.toml")
    detector = found.of(str(tmp_path / "models/detector-1.onnx"))
    most = {limit.quantity.name: float(limit.most) for limit in detector.limits if not limit.growth}
    assert most == {"macs": 9e9, "peak_activation_bytes": 256 * 1024, "time_bound": 0.033}
    assert detector.allow_incomplete and not found.of("models/reader.onnx").allow_incomplete


def test_the_action_annotates_writes_the_summary_and_exits_as_the_check_does(root: Path, tmp_path: Path) -> None:
    action = (root / "action.yml").read_text(encoding="utf-8")
    script = textwrap.dedent(action.rpartition("run: |\n")[2])
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MODELS": "prototxt/det1.prototxt prototxt/det2.prototxt",
        "OPTIONS": "--max params=10k",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }
    run = subprocess.run(["bash", "-e", "-c", script], cwd=root, env=environment, capture_output=True, text=True)
    assert run.returncode == 1 and "::error file=prototxt/det2.prototxt," in run.stdout
    assert "❌ fail" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert (tmp_path / "output").read_text() == "exit-code=1\n"


def test_the_example_on_sizes_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example.py").write_text(blocks(root / "docs/sizes.md", "python")[0], encoding="utf-8")
    monkeypatch.chdir(root)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert (names["value"], names["limit"], names["layer"]) == (403, "peak", "conv1")
    assert names["totals"] == [{"macs": 44760}, {"macs": 1930080}]


def test_the_example_on_fitting_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example.py").write_text(blocks(root / "docs/fit.md", "python")[0], encoding="utf-8")
    monkeypatch.chdir(root)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert names["fits"] == {"weights": False, "peak activations": False} and names["nbytes"] == 102112


def test_the_example_on_language_models_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of two heads of 8 in float16: 2 x 8 x 2 bytes a token."""
    graph = """g (float16[batch, 2, sequence, 8] k, float16[batch, 2, past, 8] past_key) => (float16[batch, 2, total, 8] key) {
        key = Concat<axis = 2>(past_key, k)
    }"""
    onnx.save(onnx.parser.parse_model(onnx_text(graph)), tmp_path / "decoder.onnx")
    (tmp_path / "example.py").write_text(blocks(root / "docs/language_models.md", "python")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path("example.py")
    assert names["per_token"] == 2 * 8 * 2
    assert names["prefill"]["macs"] == 0 and names["decode"]["peak"] == 2 * 16 * 2 * 8 * 2


def test_the_profile_on_the_page_on_devices_can_be_read(root: Path, tmp_path: Path) -> None:
    profile, calibration = blocks(root / "docs/devices.md", "toml")
    (tmp_path / "board.toml").write_text(profile + calibration, encoding="utf-8")
    device = devices.load(tmp_path / "board.toml")
    assert device.macs == {"float32": 168e6, "int8": 336e6} and device.levels[0].nbytes == 16384
    assert device.calibration is not None and len(device.calibration.points["gemm"]) == 1


def test_the_example_on_devices_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = blocks(root / "docs/devices.md", "python")
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    monkeypatch.chdir(root)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert round(names["least"], 4) == 0.0776 and round(names["per_byte"], 1) == 10.2
    assert names["lacking"] == ["weights", "peak activations"] and names["moved"] == 2592272


def test_the_example_on_times_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = blocks(root / "docs/time.md", "python")
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    (tmp_path / "prototxt").symlink_to(root / "prototxt")
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path("example.py")
    assert round(names["total"], 7) == 0.00018 and names["names"] == ["conv1", "PReLU1"]


def test_the_example_on_many_models_reads_the_samples(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example.py").write_text(blocks(root / "docs/scale.md", "python")[0], encoding="utf-8")
    monkeypatch.chdir(root)
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert names["failed"] == [] and names["macs"]["prototxt/det1.prototxt"] == 44760
    assert len(names["macs"]) == len([*root.glob("prototxt/*.prototxt"), *root.glob("onnx_models/*.onnx")])


def test_the_commands_on_many_models_are_taken(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those on files that are here; the table goes on when it is asked for again."""
    shown = re.findall(r"^    graphcost ([^\n]*)$", (root / "docs/scale.md").read_text(encoding="utf-8"), re.MULTILINE)
    (tmp_path / "zoo").symlink_to(root / "prototxt")
    for folder in ("prototxt", "onnx_models"):
        (tmp_path / folder).symlink_to(root / folder)
    monkeypatch.chdir(tmp_path)
    here = [command.split() for command in shown if "://" not in command]
    assert len(here) == 2
    for command in (*here, here[1]):
        assert cli.main(command) == 0
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 1 + len([*root.glob("prototxt/*.prototxt")])


@pytest.mark.slow
def test_the_script_on_many_models_runs_on_a_cluster_of_two_workers(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "cluster.py").write_text(blocks(root / "docs/scale.md", "python")[1], encoding="utf-8")
    command = [sys.executable, str(tmp_path / "cluster.py")]
    run = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False, timeout=240)
    assert run.returncode == 0, run.stderr
    assert "prototxt/det1.prototxt 44760" in run.stdout.splitlines()
    assert len(run.stdout.splitlines()) == len([*root.glob("prototxt/*.prototxt"), *root.glob("onnx_models/*.onnx")])


ROOT = Path(__file__).parent.parent
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str, root: Path) -> None:
    path = root / page
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_plan_on_the_page_on_memory_is_the_one_that_is_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = root / "docs/memory.md"
    (command,) = re.findall(r"^    graphcost ([^\n]*--plan [^\n]*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    model, *options = command.split()
    assert cli.main([str(root / model), *options]) == 0
    assert (tmp_path / "plan.csv").read_text() == blocks(page, "csv")[0]


def test_the_example_on_memory_gives_what_its_comments_say(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A convolution makes 4 x 64 x 32 x 32 bytes, a pooling 4 x 64; the input has 4 x 3 x 32 x 32."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.py").write_text(blocks(root / "docs/memory.md", "python")[0], encoding="utf-8")
    names = runpy.run_path(str(tmp_path / "example.py"))
    assert names["peak"].name == "b" and names["peak"].tensors == (("a", 262144), ("b", 262144), ("data", 12288))
    order = names["order"]
    assert [op.name for op in order.schedule] == list("acbde")
    assert (order.before_bytes, order.peak_bytes) == (536576, 262144 + 12288 + 4 * 64)
    assert names["plan"].nbytes == 536576


def test_the_page_on_the_architecture_names_every_room_and_every_pass(root: Path) -> None:
    page = (root / "docs/architecture.md").read_text(encoding="utf-8")
    package = root / "graphcost"
    rooms = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    rooms |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    passes = {path.name for path in (package / "passes").glob("*.py")} - {"__init__.py"}
    importers = {path.name for path in (package / "importers").glob("*.py")} - {"__init__.py"}
    assert {name for name in rooms | passes | importers if f"`{name}`" not in page} == set()


def test_every_line_of_the_page_on_the_library_gives_what_stands_under_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scratch_tables: None
) -> None:
    pytest.importorskip("pandas")
    for folder in ("prototxt", "onnx_models"):
        (tmp_path / folder).symlink_to(root / folder)
    monkeypatch.chdir(tmp_path)
    page = (root / "docs/library.md").read_text(encoding="utf-8")
    assert blocks(root / "docs/library.md", "python") == []  # each is one that is run
    test = doctest.DocTestParser().get_doctest(page.replace("```", ""), {}, "library.md", None, 0)
    said: list[str] = []
    result = doctest.DocTestRunner().run(test, out=said.append)
    assert result.failed == 0, "".join(said)
    assert result.attempted > 40 and (tmp_path / "det1.html").exists()


def test_the_example_of_the_page_on_inputs_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = blocks(root / "docs/inputs.md", "python")
    exec(compile(example, "inputs.md", "exec"), {})


def test_the_commands_of_the_page_on_formats_run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("prototxt", "onnx_models"):
        (tmp_path / folder).symlink_to(root / folder)
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    graphcost (.*)$", (root / "docs/formats.md").read_text(encoding="utf-8"), re.MULTILINE)
    written = ["det1.graphml", "det1.dot", "retinaface.json", "trace.json", "det1.xlsx"]
    if importlib.util.find_spec("xlsxwriter") is None:  # of an extra
        lines, written = lines[:-1], written[:-1]
    assert len(lines) == len(written) and all(cli.main(line.split()) == 0 for line in lines)
    assert {*written} <= {each.name for each in tmp_path.iterdir()}
