"""Calls in several processes: each thing has its answer, whatever the others do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from graphcost import workers
from graphcost.errors import ModelError
from graphcost.workers import Bounds, Lost, bounded, call_each


def misbehave(what: str) -> str:
    """Do as one is told, as a model might make its reader do."""
    if what == "hang":
        time.sleep(60)
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        os._exit(7)
    elif what == "fail":
        raise ModelError("m.onnx", "", "it is no model")
    elif what == "grow":
        return str(len(bytearray(2**31)))
    elif what == "slow":
        time.sleep(0.2)
    return f"{what} done"


def test_answers_come_in_the_order_of_the_things() -> None:
    things = ["slow", "a", "b", "slow", "c"]
    assert [*call_each(misbehave, things, 2)] == [(each, f"{each} done") for each in things]


def test_what_hangs_dies_fails_or_grows_is_told_and_the_others_go_on() -> None:
    things = ["a", "hang", "b", "die", "exit", "fail", "grow", "c"]
    found = dict(call_each(misbehave, things, 2, Bounds(timeout=1, memory=2**30)))
    assert [found[each] for each in "abc"] == ["a done", "b done", "c done"]
    assert [str(found[each]) for each in things if len(each) > 1] == [
        "took more than 1 s (--timeout)",
        "the process that read it was ended by signal 9 (Killed)",
        "the process that read it ended with code 7",
        "m.onnx: it is no model",
        "took more than 1,024 MiB of memory (--memory-limit)",
    ]
    assert isinstance(found["fail"], ModelError) and isinstance(found["hang"], Lost)


def test_an_answer_that_cannot_be_pickled_is_told() -> None:
    ((_, problem),) = call_each(lambda _: lambda: 0, ["a"], 1)
    assert isinstance(problem, Lost) and str(problem).startswith("no answer: ")


def test_the_processes_end_with_the_iteration() -> None:
    answers = call_each(lambda _: os.getpid(), range(9), 2)
    pids = {pid for _, pid in (next(answers), next(answers)) if isinstance(pid, int)}
    answers.close()  # type: ignore[attr-defined]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_things_are_taken_on_only_so_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first one is worked at, no more than AHEAD answers can wait."""
    monkeypatch.setattr(workers, "AHEAD", 4)
    taken: list[int] = []

    def things() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    answers = call_each(lambda number: time.sleep(0.3 if number == 0 else 0), things(), 2)
    next(answers)
    assert len(taken) <= 5
    assert len([*answers]) == 49


def test_a_process_of_ones_own_is_bounded_too() -> None:
    with pytest.raises(Lost, match=r"more than 0\.1 s \(--timeout\)"), bounded(Bounds(timeout=0.1)):
        time.sleep(20)
    with pytest.raises(Lost, match=r"more than 1,024 MiB of memory"), bounded(Bounds(memory=2**30)):
        bytearray(2**31)
    with bounded(Bounds(timeout=0.05, memory=2**40)):
        pass
    time.sleep(0.1)  # the alarm is off, and so is the limit
    assert len(bytearray(2**20)) == 2**20


def test_without_an_alarm_or_limit_nothing_changes() -> None:
    handler = signal.getsignal(signal.SIGALRM)
    with bounded(Bounds()):
        assert signal.getsignal(signal.SIGALRM) is handler
