"""What several tests share: where the samples are, and networks written in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import graphcost
from graphcost import ops, rules

pytest.register_assert_rewrite("harness")  # its assertions say what differs, as those of tests do

ROOT = Path(__file__).resolve().parent.parent

Net = Callable[..., graphcost.Analysis]


@pytest.fixture
def root() -> Path:
    """The folder that holds prototxt/ and onnx_models/."""
    return ROOT


@pytest.fixture
def net(tmp_path: Path) -> Net:
    """Analyse a prototxt that is given as text."""

    def analyse(text: str, **options: object) -> graphcost.Analysis:
        path = tmp_path / "net.prototxt"
        path.write_text(text)
        selected = {key: options.pop(key) for key in ("phase", "level", "stages") if key in options}
        return graphcost.analyze(graphcost.load(path, **selected), **options)  # type: ignore[arg-type]

    return analyse


@pytest.fixture
def scratch_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of rules as it is; what a test registers or takes out is forgotten after it."""
    ops.known()
    monkeypatch.setattr(rules, "_table", {kind: list(entries) for kind, entries in rules._table.items()})
