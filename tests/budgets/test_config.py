"""Files of budgets: what they say, and where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphcost import ModelError
from graphcost.budgets import config
from harness import HEAD, conv


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("detector", "reader"):
        (tmp_path / f"models/{name}.prototxt").write_text(HEAD + conv("a"))
    return tmp_path


def read(text: str, name: str = "graphcost.toml") -> config.Config:
    Path(name).write_text(text)
    return config.read(Path(name))


def test_a_model_has_the_limits_of_all_and_its_own_in_their_place(folder: Path) -> None:
    found = read(
        """
        baseline = "costs.json"
        models = ["models/*.prototxt"]
        [max]
        macs = "4.2G"
        params = 1000
        [[model]]
        path = "models/det*.prototxt"
        max = { macs = "1M" }
        dim = { N = 1 }
        complete = true
        """
    )
    limits = {limit.quantity.name: limit.most for limit in found.of("models/detector.prototxt").limits}
    assert limits == {"macs": 1_000_000, "params": 1000}
    assert {limit.quantity.name: limit.most for limit in found.of("models/reader.prototxt").limits}[
        "macs"
    ] == 42 * 10**8
    assert found.of("models/detector.prototxt").complete and not found.of("models/reader.prototxt").complete
    assert found.of("models/detector.prototxt").dims == {"N": "1"}
    assert found.models == ("models/detector.prototxt", "models/reader.prototxt") and found.baseline == "costs.json"


def test_budgets_may_stand_in_pyproject(folder: Path) -> None:
    assert config.find() is None
    (folder / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert config.find() is None
    found = read("[tool.graphcost.max]\nmacs = 10\n", "pyproject.toml")
    assert config.find() == Path("pyproject.toml") and found.budget.limits[0].most == 10


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("complete = true\nbaselin = 'a'", 2, "no key 'baselin'; did you mean baseline?"),
        ("[max]\n\nmcas = 4", 3, "no quantity 'mcas'; did you mean macs"),
        ("max.mcas = 4", 1, "no quantity 'mcas'"),
        ("[max]\nmacs = '4.2Q'", 2, "no unit 'Q' in '4.2Q'"),
        ("[max]\nmacs = true", 2, "should be an amount"),
        ("max = 3", 1, "max should be a table"),
        ("[max]\nrf = 3", 2, "rf has no total"),
        ("\n[[model]]\npath = 'models/detectr.prototxt'", 3, "no model 'models/detectr.prototxt'; did you mean models/detector"),
        ("models = [\n 'models/reader.prototxt',\n 'gone/*.onnx',\n]", 3, "there is no model 'gone/"),
        ("[[model]]\nmax = {}", 1, "a model needs a path"),
        ("[[model]]\npath='models/reader.prototxt'\n[[model]]\npath = 'models/reader.prototxt'\nmaxx = 1", 5, "no key 'maxx'; did you mean max"),
        ("[[model]]\npath = '../*.onnx'", 2, "in the folder of the file"),
        ("[[model]]\npath = '/etc/*'", 2, "in the folder of the file"),
        ("complete = 'yes'", 1, "complete should be true or false"),
        ("ram = '256KIB'", 1, "no unit 'KIB'"),
        ("[dim]\nN = [1]", 2, "N should be a size"),
        ("models = 3", 1, "models should be a text or a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_the_nearest_word(
    text: str, line: int, reason: str, folder: Path
) -> None:
    with pytest.raises(ModelError) as caught:
        read(text)
    assert caught.value.place == str(line) and reason in caught.value.reason


@pytest.mark.parametrize("text", ["max = ", "\udcff", "a = " + "[" * 5000])
def test_what_is_no_toml_is_refused(text: str, folder: Path) -> None:
    Path("graphcost.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ModelError, match="is no TOML"):
        config.read(Path("graphcost.toml"))


def test_a_huge_file_is_refused(folder: Path) -> None:
    Path("graphcost.toml").write_text("#" * (config.LARGEST + 1))
    with pytest.raises(ModelError, match="has more than"):
        config.read(Path("graphcost.toml"))
