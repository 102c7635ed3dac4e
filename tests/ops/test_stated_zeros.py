"""The operators whose rules state that they cost nothing: docs/counting.md has each of them, with the reason."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from graphcost import NO_WORK, Work, ops

HEADING = "## Stated zeros"


@cache
def definitions(path: str) -> dict[int, ast.FunctionDef]:
    """The functions of a file by their first line, that of a decorator where there is one."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {min([node.lineno, *(each.lineno for each in node.decorator_list)]): node for node in found}


def states_zero(function: Callable[..., Any]) -> bool:
    """Whether a rule can answer NO_WORK: in the facts it builds, in what it looks up, or by a function it ends with."""
    node = definitions(function.__code__.co_filename).get(function.__code__.co_firstlineno)
    return holds_zero(function) or (
        node is not None and (any(map(is_zero, works(node))) or any(map(states_zero, ends_with(function, node))))
    )


def works(node: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a function gives as the work of the facts that it builds."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Facts":
            yield from call.args[1:2]


def is_zero(work: ast.expr) -> bool:
    """NO_WORK, or NO_WORK under a condition of its own; not where it only stands for a zero handed in."""
    if isinstance(work, ast.IfExp):
        handed_in = any(isinstance(each, ast.Name) and each.id == "NO_WORK" for each in ast.walk(work.test))
        return not handed_in and (is_zero(work.body) or is_zero(work.orelse))
    return isinstance(work, ast.Name) and work.id == "NO_WORK"


def holds_zero(function: Callable[..., Any]) -> bool:
    """Whether it is made for a work of nothing, or looks one up in a table of its module."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    tables = [function.__globals__.get(name) for name in function.__code__.co_names]
    looked_up = [each for table in tables if isinstance(table, dict) for each in table.values()]
    firsts = [each[0] if isinstance(each, tuple) and each else each for each in looked_up]
    return any(isinstance(each, Work) and each == NO_WORK for each in (*cells, *firsts))


def ends_with(function: Callable[..., Any], node: ast.FunctionDef) -> Iterator[Callable[..., Any]]:
    """The functions of the package whose work it gives as its own, with other outputs perhaps."""
    adds_to_it = any(isinstance(work, ast.BinOp) for work in works(node))
    for each in ast.walk(node):
        builds = isinstance(each, ast.Return) and ast.unparse(each).startswith("return Facts(")
        answers = (isinstance(each, ast.Return) and not builds) or (
            isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "facts" and not adds_to_it
        )
        for call in ast.walk(each) if answers else ():
            called = named(function, call.func) if isinstance(call, ast.Call) else None
            if inspect.isfunction(called) and returns_facts(called) and called is not function:
                yield called


def named(function: Callable[..., Any], name: ast.expr) -> Any:
    """What a name, or a name of a module, stands for in a function."""
    match name:
        case ast.Name(id=own):
            return function.__globals__.get(own)
        case ast.Attribute(value=ast.Name(id=module), attr=own):
            return getattr(function.__globals__.get(module), own, None)
    return None


def returns_facts(function: Callable[..., Any]) -> bool:
    return function.__module__.startswith("graphcost.ops") and function.__annotations__.get("return") == "Facts"


def test_every_operator_with_a_stated_zero_is_listed_with_its_reason(root: Path) -> None:
    text = (root / "docs" / "counting.md").read_text(encoding="utf-8")
    section = text.partition(f"{HEADING}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    listed = [kind for _, operators in rows for kind in re.findall(r"[\w.:]+", operators)]
    assert sorted(listed) == sorted({rule.kind for rule in ops.known() if states_zero(rule.function)})
    assert all(reason.strip() for reason, _ in rows)
