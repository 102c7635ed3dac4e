"""Tables of many models that grow in a file, and go on where they were."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from graphcost import ModelError, cli, result_files
from graphcost.result_files import JOURNAL, open_table
from graphcost.summary import ModelRow
from harness import HEAD, conv

KEYS = ("params", "macs")
ENDINGS = ["csv", "jsonl", "parquet"]


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three models in the current folder, the second of them none."""
    for name, outputs in (("a", 4), ("c", 8)):
        (tmp_path / f"{name}.prototxt").write_text(HEAD + conv("c", outputs=outputs))
    (tmp_path / "b.prototxt").write_text("no model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a table by their model, everything as text."""
    if path.suffix == ".csv":
        rows: Any = list(csv.DictReader(path.read_text().splitlines()))
    elif path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    assert len({row["model"] for row in rows}) == len(rows)
    return {row["model"]: {key: str(value) for key, value in row.items()} for row in rows}


def scan(*options: str, output: str) -> int:
    if output.endswith("parquet"):
        pytest.importorskip("pyarrow")
    return cli.main([".", "--jobs", "1", "--columns", "params,macs", "-o", output, *options])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that a table says are to be read."""
    found: list[str] = []
    missing = result_files.ResultTable.missing
    monkeypatch.setattr(
        result_files.ResultTable, "missing",
        lambda table, models: [found.append(name) or name for name in missing(table, models)],
    )  # fmt: skip
    return found


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_model_has_a_row_and_the_reason_where_it_has_no_figures(ending: str, zoo: Path, capsys: Any) -> None:
    assert scan(output=f"rows.{ending}") == 2
    rows = read(zoo / f"rows.{ending}")
    assert [*rows] == ["a.prototxt", "b.prototxt", "c.prototxt"]
    assert [rows[f"{name}.prototxt"]["params"] for name in "ac"] == ["112", "224"]  # 4, 8 x (3 x 3 x 3 + 1)
    assert [rows[f"{name}.prototxt"]["macs"] for name in "ac"] == ["3888", "7776"]  # 4, 8 x 3 x 3 x 3 x 6 x 6
    assert rows["a.prototxt"]["complete"].lower() in ("yes", "true") and rows["a.prototxt"]["error"] in ("", "None")
    assert rows["b.prototxt"]["params"] in ("", "None") and "expected" in rows["b.prototxt"]["error"]
    assert rows["a.prototxt"]["size"] == str((zoo / "a.prototxt").stat().st_size)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_second_run_reads_only_what_is_new_or_changed(ending: str, zoo: Path, opened: list[str]) -> None:
    scan(output=f"rows.{ending}")
    before = read(zoo / f"rows.{ending}")
    opened.clear()
    assert scan(output=f"rows.{ending}") == 2 and opened == []  # the model that is none still is none
    assert read(zoo / f"rows.{ending}") == before
    (zoo / "b.prototxt").write_text(HEAD + conv("c", outputs=2))
    (zoo / "d.prototxt").write_text(HEAD + conv("c", outputs=16))
    os.utime(zoo / "a.prototxt", (1, 1))
    assert scan(output=f"rows.{ending}") == 0
    assert opened == ["a.prototxt", "b.prototxt", "d.prototxt"]
    after = read(zoo / f"rows.{ending}")
    assert {name[0]: row["params"] for name, row in after.items()} == {"a": "112", "b": "56", "c": "224", "d": "448"}
    assert after["a.prototxt"]["modified"].startswith("1970-01-01T00:00:01")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_run_that_was_killed_while_it_wrote_goes_on(ending: str, zoo: Path, opened: list[str]) -> None:
    scan(output=f"rows.{ending}")
    whole = (zoo / f"rows.{ending}").read_text()
    for cut in range(1, len(whole), 37):
        (zoo / f"rows.{ending}").write_text(whole[:-cut])
        opened.clear()
        scan(output=f"rows.{ending}")
        assert (zoo / f"rows.{ending}").read_text() == whole
        assert 1 <= len(opened) <= 3


def test_a_parquet_run_that_was_killed_left_its_rows_beside_it(zoo: Path, opened: list[str]) -> None:
    pytest.importorskip("pyarrow")
    scan(output="rows.parquet")
    whole = read(zoo / "rows.parquet")
    (zoo / "rows.parquet").unlink()
    table = open_table(zoo / "rows.parquet", KEYS)
    table.missing([])
    table.__enter__()
    size, modified = int(whole["a.prototxt"]["size"]), whole["a.prototxt"]["modified"]
    figures: dict[str, Any] = {"params": 112, "macs": 3888}
    table.add(ModelRow("a.prototxt", inputs="1x3x8x8", totals=figures, numbers=figures, size=size, modified=modified))
    table.journal._file.close()  # type: ignore[attr-defined]  # and here it is killed
    assert [path.name for path in zoo.glob("rows*")] == [f"rows.parquet{JOURNAL}"]
    opened.clear()
    scan(output="rows.parquet")
    assert opened == ["b.prototxt", "c.prototxt"] and read(zoo / "rows.parquet") == whole
    assert [path.name for path in zoo.glob("rows*")] == ["rows.parquet"]


def test_what_was_given_up_for_want_of_time_is_read_again(zoo: Path) -> None:
    with open_table(zoo / "rows.jsonl", KEYS) as table:
        told = result_files.status("a.prototxt")
        for reason in ("took more than 1 s (--timeout)", "it is no model"):
            table.add(ModelRow("a.prototxt", error=reason, size=told[0], modified=told[1]))
            table.add(ModelRow(reason, error=reason, size=told[0], modified=told[1]))
    lines = (zoo / "rows.jsonl").read_text().splitlines(keepends=True)
    for line, missing in ((lines[0], ["a.prototxt"]), (lines[2], [])):
        (zoo / "rows.jsonl").write_text(line)
        again = open_table(zoo / "rows.jsonl", KEYS)
        assert again.missing(["a.prototxt"]) == missing and again.failed == (not missing)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_of_other_columns_is_not_written_over(ending: str, zoo: Path, capsys: Any) -> None:
    scan(output=f"rows.{ending}")
    before = (zoo / f"rows.{ending}").read_bytes()
    capsys.readouterr()
    assert cli.main([".", "--jobs", "1", "--columns", "peak", "-o", f"rows.{ending}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"graphcost: error: rows.{ending}: is another table, ") and error.count("\n") == 1
    assert "remove it or name another file" in error
    assert (zoo / f"rows.{ending}").read_bytes() == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_no_table_is_not_written_over(ending: str, zoo: Path, capsys: Any) -> None:
    (zoo / f"rows.{ending}").write_bytes(b"\xff\xfe something dear\n")
    assert scan(output=f"rows.{ending}") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (zoo / f"rows.{ending}").read_bytes() == b"\xff\xfe something dear\n"


def test_formulas_and_large_numbers_stand_as_text(zoo: Path) -> None:
    """A batch is assumed to be 1, a height is not."""
    parquet = pytest.importorskip("pyarrow.parquet")
    (zoo / "b.prototxt").unlink()
    for output in ("rows.parquet", "rows.jsonl"):
        assert scan("--input", "data=Nx3xHx8", output=output) == 0
    table = parquet.read_table(zoo / "rows.parquet")
    assert [str(table.schema.field(key).type) for key in (*KEYS, "complete", "size")] == [
        "int64",
        "int64",
        "bool",
        "int64",
    ]
    row, _ = table.to_pylist()
    assert (row["params"], row["macs"]) == (112, None) and json.loads(row["formulas"]) == {"macs": "648*H*N - 1296*N"}
    assert json.loads((zoo / "rows.jsonl").read_text().splitlines()[0])["macs"] == "648*H*N - 1296*N"
    many: Any = {"params": 2**70, "macs": 5}
    assert (
        result_files._numbers(KEYS, ModelRow("m", totals=many, numbers=many))["formulas"] == f'{{"params": "{2**70}"}}'
    )


def test_names_of_any_letters_are_found_again(zoo: Path, opened: list[str]) -> None:
    for name in ("=cmd.prototxt", "a,b.prototxt", "line\nbreak.prototxt", 'quote".prototxt'):
        (zoo / name).write_text(HEAD + conv("c"))
    for ending in ENDINGS:
        if ending == "parquet":
            pytest.importorskip("pyarrow")
        scan(output=f"rows.{ending}")
        assert len(opened) == 7
        opened.clear()
        scan(output=f"rows.{ending}")
        assert opened == []


def test_strict_holds_for_what_is_in_the_table_already(zoo: Path, capsys: Any) -> None:
    (zoo / "b.prototxt").write_text(HEAD + 'layer { name: "m" type: "Mystery" bottom: "data" top: "m" }')
    for _ in range(2):
        assert scan("--strict", output="rows.csv") == 1
        assert "b.prototxt: --strict: " in capsys.readouterr().err


def test_a_disk_that_is_full_is_told(zoo: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    with pytest.raises(ModelError, match="cannot be written"), open_table(zoo / "rows.csv", KEYS) as table:
        table._file = open("/dev/full", "a")  # type: ignore[attr-defined]  # noqa: PTH123, SIM115
        for _ in range(2):
            table.add(ModelRow("a", error="e"))


def test_without_pyarrow_it_is_said_how_to_get_it(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ModelError, match=r"pip install 'graphcost\[table\]'"):
        open_table(zoo / "rows.parquet", KEYS)
