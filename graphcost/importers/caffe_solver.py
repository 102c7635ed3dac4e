"""A solver of Caffe names the network it trains, or holds it: which of its nets is meant, and where it lies.

The order in which its fields are looked at, and the states that it gives its nets, are those of Solver::InitTrainNet
and Solver::InitTestNets (https://github.com/BVLC/caffe/blob/master/src/caffe/solver.cpp).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import ModelError
from .caffe_layers import State
from .prototxt import Message, Value

_TEST = ("test_net_param", "test_net", "net_param", "net", "train_net_param", "train_net")
_TRAIN = ("train_net_param", "train_net", "net_param", "net", "test_net_param", "test_net")
_FIELDS = frozenset({*_TEST, "base_lr", "solver_type", "lr_policy", "max_iter", "solver_mode"})


def is_solver(message: Message) -> bool:
    """Whether a file with these fields is a solver rather than a network."""
    is_net = any(name in message for name in ("layer", "layers", "input"))
    return not is_net and any(name in message for name in _FIELDS)


def find_net(solver: Message, path: str, phase: str) -> Message | Path:
    """The network that a solver holds, or the file that it names, which has to lie in its own folder.

    Paths in a solver begin where Caffe is started; a file of that name beside the solver is taken for it. Raises
    ModelError where there is none.
    """
    for name in _TRAIN if phase == "TRAIN" else _TEST:
        given = solver.all(name)
        if given and isinstance(given[0], Message):
            return given[0]
        if given:
            return _file(str(given[0]), path, solver.line_of(name))
    raise ModelError(path, "", "this is a solver, not a network")


def _file(net: str, path: str, line: int) -> Path:
    folder = Path(path).resolve().parent
    try:
        if Path(path).is_file():
            for candidate in (folder / net, folder / Path(net).name):
                file = candidate.resolve()
                if file.is_file() and file.is_relative_to(folder):
                    return Path(path).parent / file.relative_to(folder)
    except (OSError, ValueError, RuntimeError):  # a name that is none, a link that leads to itself
        pass
    raise ModelError(path, str(line), f"this is a solver, and its network {net} is not in its folder: name that file")


def state_of(solver: Message, state: State) -> State:
    """The state in which a solver runs its net: the stages and the level that it adds to the caller's."""
    given = solver.all("train_state" if state.phase == "TRAIN" else "test_state")
    if not given or not isinstance(given[0], Message):
        return state
    level: Value | None = given[0].get("level")
    stages = state.stages | frozenset(map(str, given[0].all("stage")))
    return replace(state, stages=stages, level=level if isinstance(level, int) and not state.level else state.level)


def notes(solver: Message, phase: str) -> list[str]:
    """What a reader should know of the choice among a solver's nets."""
    tests = len(solver.all("test_net")) + len(solver.all("test_net_param"))
    return [f"the solver has {tests} test nets, of which this is the first"] if tests > 1 and phase == "TEST" else []
