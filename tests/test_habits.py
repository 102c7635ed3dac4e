"""The command's habits: what it says of a word that is nearly right, its help, completion, progress, defaults in a file."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphcost import cli, commands, config, options
from graphcost.commands import help as help_command
from graphcost.commands.parsers import parsers
from graphcost.commands.progress import progress
from graphcost.suggest import close_to, did_you_mean, no_such
from harness import HEAD, conv, layer

DET1 = str(Path(__file__).resolve().parent.parent / "prototxt/det1.prototxt")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of any repository, so that no file but the test's own gives defaults."""
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(list(arguments))
    return (code, *capsys.readouterr())


NEARLY = {
    "an option": (
        ["--colums", "macs"],
        "no option '--colums'; did you mean --columns or --list-columns? (see graphcost",
    ),
    "an option with its value": (["--formt=md"], "no option '--formt'; did you mean --format"),
    "a style": (["--style", "NetScope2"], "--style: no style 'NetScope2'; did you mean netscope?"),
    "a device": (["--device", "Cortex_M4"], "--device: no device 'Cortex_M4'; did you mean cortex-m4"),
    "a type": (["--dtype", "flaot16"], "--dtype: no element type 'flaot16'; did you mean float16, "),
    "weights": (["--weights-dtype", "int5"], "--weights-dtype: no element type 'int5'; did you mean int"),
    "a format": (["--format", "JSNO"], "--format: no format 'JSNO'; did you mean json?"),
    "a group": (["--by", "Scopes"], "--by: no grouping 'Scopes'; did you mean scope? There are op, scope, stage"),
    "a section": (["--section", "memry"], "--section: no section 'memry'; did you mean memory?"),
    "a column": (["--columns", "name,Parms"], "--columns: no column 'Parms'; did you mean params"),
    "a column to sort by": (["--sort", "mac"], "--sort: no column 'mac'; did you mean macs"),
    "a choice": (
        ["--phase", "tset"],
        "--phase: no choice 'tset'; did you mean test? There are train, test; see graphcost",
    ),
    "an input": (["--input", "dat=1x3x12x12"], "--input: there is no input 'dat'; the inputs are: data"),
    "a dimension": (["--input", "Nx3xHxW", "--dim", "h=8"], "has no dimension h; did you mean H?; open are: N, H, W"),
    "nothing near": (["--zzzzzz"], "no option '--zzzzzz'; see graphcost --help"),
}


@pytest.mark.parametrize("what", NEARLY)
def test_what_is_nearly_a_name_is_answered_with_the_name(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, reason = NEARLY[what]
    code, out, err = run(capsys, DET1, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1) and reason in err


def test_of_several_inputs_the_nearest_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.prototxt").write_text(HEAD + HEAD.replace('"data"', '"mask"') + layer("s", "Eltwise", "data mask"))
    _, _, err = run(capsys, "net.prototxt", "--input", "Msk=1x3x8x8")
    assert "there is no input 'Msk'; did you mean mask?; the inputs are: data, mask" in err


def test_suggestions_look_past_case_and_list_what_there_is_where_nothing_is_near() -> None:
    assert close_to("CONV1", ["conv1", "conv2", "pool"]) == ["conv1", "conv2"]
    assert close_to("macs", ["netscope.macc", "fvcore.macs"]) == ["fvcore.macs"]
    assert did_you_mean("zzz", ["conv1"]) == ""
    assert no_such("format", "zzz", ["md", "html"]) == "no format 'zzz'; there are md, html"
    assert no_such("format", "htm", ["md", "html"]) == "no format 'htm'; did you mean html? There are md, html"
    many = [f"name{number}" for number in range(100)]
    assert no_such("column", "zzz", many).endswith("name23 and 76 more")
    assert len(no_such("column", "x" * 5000, many)) < 400


def test_options_are_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, DET1, "--form", "md")
    assert code == 2 and "no option '--form'; did you mean --format" in err


@pytest.mark.parametrize(
    ("given", "dtype"), [("fp16", "float16"), ("half", "float16"), ("BF16", "bfloat16"), ("i8", "int8")]
)
def test_element_types_have_the_names_of_frameworks(given: str, dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, DET1, "--dtype", given)
    assert f"activations as {dtype}" in out


# --- help -------------------------------------------------------------------------------------------------------------


def test_help_ends_with_commands_examples_and_exit_codes() -> None:
    text = options.usage()
    assert len(options.EXAMPLES) == 6 and all(f"  {command}\n" in text for command in options.EXAMPLES)
    assert all(f"  {code}   {what}\n" in text for code, what in options.EXIT_CODES.items()) and set(
        options.EXIT_CODES
    ) == {0, 1, 2, 3}
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("command", [command for command in options.EXAMPLES if "model.onnx" in command])
def test_the_examples_of_help_run(command: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.onnx").symlink_to(root / "prototxt/det3.prototxt")  # one input of a fixed rank, and quick
    assert run(capsys, *command.split()[1:])[0] == 0


def test_every_subcommand_is_in_the_help_and_each_name_there_is_one() -> None:
    assert all(commands.find(name) is not None for name in options.COMMANDS)
    assert parsers().keys() <= options.COMMANDS.keys()
    assert help_command.topic("diff").startswith("usage: graphcost diff OLD NEW")
    assert commands.find("det1.prototxt") is None


TOPICS = {
    "": "usage: graphcost MODEL",
    "inputs": "model inputs:\n  --input NAME=SHAPE",
    "deployment target": "deployment target:\n  --device",
    "dim": "--dim NAME=VALUE",
    "--dtype": "--dtype TYPE",
    "exit codes": "exit codes:\n  0   done",
    "examples": "examples:\n  graphcost model.onnx\n",
    "columns": "| column ",
    "styles": "| style ",
    "devices": "| device ",
    "formats": "md              .md .markdown\n",
    "configuration": "configuration:\n  Defaults",
}


@pytest.mark.parametrize("topic", TOPICS)
def test_help_on_a_topic_is_that_part_of_the_help(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "help", *topic.split())
    assert (code, err) == (0, "") and out.startswith(TOPICS[topic])


def test_help_on_what_does_not_exist_names_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "help", "colums")
    assert (code, out) == (2, "") and "no help on 'colums'; did you mean columns" in err


def test_the_listing_of_operators_is_a_topic() -> None:
    assert "caffe.Convolution" in help_command.topic("ops")


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_has_a_letter_too(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main([option])
    assert done.value.code == 0 and capsys.readouterr().out.startswith("graphcost 0.")


# --- progress ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_model_that_takes_long_is_shown_and_the_line_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress("net\x1b[2J.onnx", after=0.0, every=0.01):
        while terminal.getvalue().count("\r") < 2:
            time.sleep(0.001)
    shown = terminal.getvalue()
    assert shown.startswith("\r[0 s] net") and "\x1b[2J" not in shown and shown.endswith("\r\x1b[K")


@pytest.mark.parametrize("quiet", [True, False])
def test_nothing_is_shown_to_a_file_nor_when_it_is_quiet(quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal() if quiet else io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress("net.onnx", quiet, after=0.0, every=0.001):
        time.sleep(0.01)
    assert stream.getvalue() == ""


def test_quiet_leaves_out_the_progress_of_several_models(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for option, shown in ([], 2), (["-q"], 0):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        assert cli.main([DET1, DET1.replace("det1", "det2"), *option]) == 0
        assert terminal.getvalue().count("/2]") == shown


# --- defaults in a file -----------------------------------------------------------------------------------------------


def test_defaults_come_from_the_nearest_file_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "repository" / "models" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "graphcost.toml").write_text('style = "netscope"')
    assert config.find(inner).path is None  # outside of a repository only the folder itself counts
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "repository" / "pyproject.toml").write_text('[tool.graphcost]\ndevice = "cortex-m4"\n')
    assert config.find(inner).table == {"device": "cortex-m4"}
    (inner / "pyproject.toml").write_text("[tool.other]\n# graphcost is not in it\n")
    assert config.find(inner).path == tmp_path / "repository" / "pyproject.toml"
    (inner.parent / "graphcost.toml").write_text("top = 3")
    assert config.find(inner).path == inner.parent / "graphcost.toml"


FILE = """device = "cortex-m4"
columns = ["name", "macs"]
top = 2
dim = {N = 8}
input = "Nx3x12x12"
max = {macs = "1M"}
require-fit = true
"""


def test_options_are_taken_from_the_file_and_the_command_line_goes_before_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("graphcost.toml").write_text(FILE)
    _, out, err = run(capsys, DET1, "--format", "csv")
    assert (out, err) == (f"name,macs\nconv1,{8 * 27000}\nconv2,{8 * 12960}\n", "")
    assert run(capsys, DET1, "--format", "csv", "--dim", "N=2", "--top", "1")[1] == f"name,macs\nconv1,{2 * 27000}\n"
    assert "ID" in run(capsys, DET1, "--style", "netscope")[1]  # its own columns: those of the file make way
    assert (
        run(capsys, DET1, "--format", "csv", "--no-config", "--columns", "name,macs")[1].splitlines()[1]
        == "conv1,27000"
    )


def test_the_file_is_shown_with_what_the_command_line_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(capsys, "--show-config")[1]
        == "# no graphcost.toml, and no [tool.graphcost] in a pyproject.toml, in this folder\n"
    )
    Path("graphcost.toml").write_text(FILE)
    lines = run(capsys, "--show-config", "--top", "5")[1].splitlines()
    assert lines[0] == f"# {Path('graphcost.toml').absolute()}" and lines[1] == 'device = "cortex-m4"'
    assert lines[3] == "top = 2  # the command line says otherwise" and 'max = {macs = "1M"}' in lines


def test_what_a_file_says_of_one_model_is_no_hindrance_for_several(capsys: pytest.CaptureFixture[str]) -> None:
    Path("graphcost.toml").write_text('columns = "name,macs"\nmemory = true\nphase = "test"\n')
    code, out, err = run(capsys, DET1, DET1.replace("det1", "det2"), "--format", "csv")
    assert (code, err) == (0, "") and out.startswith("model,input,count,params,")
    assert run(capsys, DET1, "--columns", "name", "--format", "csv")[1].startswith("name\nconv1\n")


def test_a_phase_in_the_file_is_no_hindrance_for_a_model_that_has_none(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("graphcost.toml").write_text('phase = "test"\n')
    assert run(capsys, str(root / "onnx_models/vgg16.onnx"), "--top", "1")[0] == 0


REFUSED = {
    "no option": ('colums = "name"', "no option 'colums'; did you mean columns?"),
    "no TOML": ("device =", "is no TOML"),
    "no truth": ("memory = 1", "memory = 1: it is true or false"),
    "no text": ("device = true", "device = true: it is no text, number or list of them"),
    "no choice": ('phase = "tset"', "--phase: no choice 'tset'; did you mean test?"),
    "no number": ('top = "ten"', "argument --top: invalid int value: 'ten'"),
    "code": ('plugin = "evil.py"', "plugin is for the command line alone"),
    "a file to write": ('output = "x.md"', "output is for the command line alone"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_cannot_be_meant_is_refused_in_a_line_that_names_it(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text, reason = REFUSED[what]
    Path("graphcost.toml").write_text(text)
    code, out, err = run(capsys, DET1)
    assert (code, out, err.count("\n")) == (2, "", 1) and reason in err and "graphcost.toml: " in err


def test_a_table_that_is_none_and_a_file_that_is_too_large_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text('[tool]\ngraphcost = "x"\n')
    assert "tool.graphcost is no table" in run(capsys, DET1)[2]
    Path("graphcost.toml").write_text("#" * (1 << 20) + "\n")
    assert "has more than 1,048,576 bytes" in run(capsys, DET1)[2]


def test_a_device_of_the_file_lies_beside_it(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "board.toml").write_bytes((root / "graphcost/profiles/cortex-m4.toml").read_bytes())
    (tmp_path / "graphcost.toml").write_text('device = "board.toml"')
    monkeypatch.chdir(tmp_path / "inner")
    assert "time bound" in run(capsys, DET1)[1]


def test_budgets_and_defaults_of_options_stand_in_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("graphcost.toml").write_text(
        'columns = "name,macs"\nformat = "json"\ndevice = "cortex-m4"\n[max]\nmacs = "50k"\n'
    )
    code, out, err = run(capsys, "check", DET1, "--format", "text")
    assert (code, err) == (0, "") and "macs: 44.8 k of 50.0 k" in out
    assert run(capsys, DET1, "--format", "csv")[1].startswith("name,macs\nconv1,27000\n")
    Path("graphcost.toml").write_text('colums = "name"\n[max]\nmacs = "50k"\n')
    assert "colums" in run(capsys, "check", DET1)[2]


def test_the_keys_of_budgets_are_those_that_their_reader_knows() -> None:
    from graphcost import options_file
    from graphcost.budgets.config import TOP

    assert frozenset(TOP) == options_file.BUDGETS


def test_what_a_file_says_can_be_read_again() -> None:
    import tomllib

    value = {"a-b": 'q"\\\n\x7f', "c d": [1, 2.5, True], "e": {"f": False}}
    lines = "\n".join(f"{config.written({key: each})[1:-1]}" for key, each in value.items())
    assert tomllib.loads(lines) == value


def test_a_pyproject_of_another_project_costs_no_parser(root: Path) -> None:
    Path("pyproject.toml").write_text('[project]\nname = "other"\n')
    code = f"import sys; from graphcost.cli import main; main([{DET1!r}]); print('tomllib' in sys.modules, 'difflib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert done.stdout.splitlines()[-1] == "False False"


# --- operators without a rule -----------------------------------------------------------------------------------------

UNKNOWN = HEAD + layer("w", "WarpGrid", fields='warp_param { factor: 2 mode: "near" from: 3 }') + conv("c")


def test_a_report_ends_with_the_first_lines_of_the_rule_that_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.prototxt").write_text(UNKNOWN)
    lines = ['    @graphcost.rule("caffe.WarpGrid")', '    def warp_grid(x, *, factor=2, mode="near"):']
    for format in ("md", "text"):
        out = run(capsys, "net.prototxt", "--format", format)[1].splitlines()
        assert out[-2:] == lines and "for --plugin (docs/extending.md)" in out[-4]
    assert "rule(&#34;caffe.WarpGrid&#34;)" in run(capsys, "net.prototxt", "--format", "html")[1]
    assert "@graphcost" not in run(capsys, DET1)[1]


def test_those_lines_make_the_operator_known_in_a_plugin(
    capsys: pytest.CaptureFixture[str], scratch_rules: None
) -> None:
    Path("net.prototxt").write_text(UNKNOWN)
    pasted = "\n".join(line[4:] for line in run(capsys, "net.prototxt")[1].splitlines()[-2:]).replace(
        "factor", "factor", 1
    )
    body = "\n    return graphcost.Facts((x,), graphcost.NO_WORK)\n"
    Path("warp.py").write_text("import graphcost\n" + pasted.replace("):", ", **others):") + body)
    code, out, err = run(capsys, "net.prototxt", "--plugin", "warp.py", "--strict")
    assert (code, err) == (0, "") and "Coverage: complete." in out


def test_a_name_from_a_file_is_no_code_in_those_lines() -> None:
    from graphcost import analyze
    from graphcost.rule_stub import stubs

    name = 'W\\"):\\nimport os #'
    (lines,) = stubs(analyze((HEAD + layer("w", name)).encode()).rows)
    decorator, signature = lines.split("\n")
    compile(f"{lines}\n    pass\n", "pasted.py", "exec")
    assert decorator.startswith("@graphcost.rule(") and signature.startswith("def ") and signature.endswith("(x):")
