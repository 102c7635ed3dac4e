"""A solver leads to the network it trains: the one in it, or a file in its own folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphcost import ModelError, analyze, load
from harness import HEAD, layer

TRAINING = 'base_lr: 0.01 lr_policy: "fixed" max_iter: 10\n'


def net(name: str, more: str = "") -> str:
    return HEAD + layer(name, "ReLU") + more


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def layers(path: Path, **options: str) -> list[str]:
    return [row.name for row in analyze(load(path, phase=options.get("phase", "test"))).rows]


@pytest.mark.parametrize(
    "where", ["net.prototxt", "models/acme/net.prototxt", "/home/acme/net.prototxt", "../net.prototxt"]
)
def test_a_solver_leads_to_the_net_of_that_name_beside_it(tmp_path: Path, where: str):
    """Paths in a solver begin where Caffe was started, which is mostly another folder."""
    written(tmp_path / "net.prototxt", net("outside"))
    beside = written(tmp_path / "in" / "net.prototxt", net("beside"))
    solver = written(tmp_path / "in" / "solver.prototxt", TRAINING + f'net: "{where}"')
    assert layers(solver) == ["beside"]
    assert load(solver).path == str(beside)


def test_a_path_in_the_solvers_folder_goes_before_a_name_in_it(tmp_path: Path):
    written(tmp_path / "net.prototxt", net("beside"))
    written(tmp_path / "deep" / "net.prototxt", net("deep"))
    assert layers(written(tmp_path / "s.prototxt", TRAINING + 'net: "deep/net.prototxt"')) == ["deep"]


def test_a_net_is_never_read_from_outside_the_solvers_folder(tmp_path: Path):
    outside = written(tmp_path / "net.prototxt", net("outside"))
    solver = tmp_path / "in" / "solver.prototxt"
    for where in ("../net.prototxt", str(outside), "none.prototxt", ".", "a\\0b", "/dev/null"):
        written(solver, f'{TRAINING}net: "{where}"')
        with pytest.raises(
            ModelError, match=r"solver\.prototxt:2: this is a solver, and its network .* is not in its folder"
        ):
            load(solver)
    (tmp_path / "in" / "link.prototxt").symlink_to(outside)
    written(solver, f'{TRAINING}net: "link.prototxt"')
    with pytest.raises(ModelError, match="is not in its folder"):
        load(solver)
    with pytest.raises(ModelError, match="<bytes>:1: this is a solver"):
        load(b'net: "net.prototxt" base_lr: 1')


def test_the_phase_chooses_among_a_solvers_nets(tmp_path: Path):
    for name in ("both", "test", "train"):
        written(tmp_path / f"{name}.prototxt", net(name))
    solver = written(
        tmp_path / "s.prototxt", 'train_net: "train.prototxt" test_net: "test.prototxt" test_net: "both.prototxt"'
    )
    assert layers(solver) == ["test"]
    assert layers(solver, phase="train") == ["train"]
    assert load(solver).warnings == ["the solver has 2 test nets, of which this is the first"]
    assert layers(written(solver, 'net: "both.prototxt"')) == ["both"]
    assert layers(written(solver, 'train_net: "train.prototxt"')) == ["train"]


def test_a_net_in_a_solver_is_read_in_its_place():
    inline = f'{TRAINING}net_param {{ name: "inner" {net("both")} }}\ntest_net_param {{ {net("test")} }}'
    assert [op.name for op in load(inline.encode()).schedule] == ["test"]
    assert [op.name for op in load(inline.encode(), phase="train").schedule] == ["both"]
    assert load(inline.encode(), phase="train").name == "inner"
    with pytest.raises(ModelError, match=r"<bytes>:3: x: .*is made by no layer"):
        load(f"{TRAINING}net_param {{\n{layer('x', 'ReLU', 'nowhere')} }}".encode())


def test_a_solver_adds_its_stages_and_its_level():
    rules = layer("s", "ReLU", fields='include { stage: "deep" }') + layer(
        "l", "ReLU", fields="include { min_level: 2 }"
    )
    solver = f'{TRAINING}net_param {{ {net("r", rules)} }}\ntest_state {{ stage: "deep" level: 2 }} train_state {{ level: 3 }}'
    assert [op.name for op in load(solver.encode()).schedule] == ["r", "s", "l"]
    assert [op.name for op in load(solver.encode(), phase="train").schedule] == ["r", "l"]
    assert [op.name for op in load(solver.encode(), phase="train", level=1).schedule] == ["r"]


def test_a_solver_that_leads_to_none_or_to_a_solver_is_refused(tmp_path: Path):
    solver = written(tmp_path / "s.prototxt", TRAINING)
    for text in (TRAINING, TRAINING + 'net: "s.prototxt"'):
        with pytest.raises(ModelError, match="this is a solver, not a network"):
            load(written(solver, text))
    with pytest.raises(ModelError, match="net is given twice"):
        load(written(solver, 'net: "a" net: "b"'))
