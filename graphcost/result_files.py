"""A table of models in a file that grows as they are read: CSV, JSON Lines or Parquet.

A line is there as soon as its model has been read, so that a run which is killed loses nothing: the next one goes on
where it ended and reads only what is not there yet, or has changed since. A Parquet file is whole or not there; until
it is, its rows lie in a file of JSON Lines beside it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from .columns import find
from .data_text import csv_lines, json_line, spreadsheet_text
from .dims import Dim, to_json
from .errors import ModelError
from .files import write
from .remote import status
from .summary import ModelRow
from .workers import OPTIONS

if TYPE_CHECKING:
    import pyarrow

BEFORE, AFTER = ("model", "input"), ("complete", "error", "size", "modified")
"""What a row has before and after the figures; the last two tell whether its model is still the same."""
SUFFIXES = (".csv", ".jsonl", ".parquet")
JOURNAL = ".partial.jsonl"
"""What is added to the name of a Parquet file for the rows that are not in it yet."""


@dataclass(frozen=True)
class Entry:
    """A row that is there already."""

    status: tuple[int | None, str]
    error: str
    is_exact: bool
    line: str = ""
    """As it stands in the file; "" in a Parquet file."""

    def holds(self, now: tuple[int | None, str]) -> bool:
        """Whether the model need not be read again: it is the same, and was not given up for want of time or memory."""
        return now == self.status and now[0] is not None and not any(option in self.error for option in OPTIONS)


def open_table(path: Path, keys: Sequence[str]) -> ResultTable:
    """The table in a file, to be continued, or a new one; `keys` are those of its columns.

    Raises ModelError when the file is there and is none, or one of other columns, or a package is missing.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return ParquetTable(path, keys)
    return LineTable(path, CsvForm(keys) if suffix == ".csv" else JsonForm((*BEFORE, *keys, *AFTER)))


class ResultTable:
    """What the tables have in common: which models they have, and going on from there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        """By the name of the model as it is written in the file."""
        self.failed = False
        """Whether one of the models that were asked for could not be read, now or before."""
        self.incomplete: list[tuple[str, str]] = []
        """Those of them whose totals are lower bounds, and what these leave out."""

    def named(self, model: str) -> str:
        """A model's name as it is written in the file."""
        return model.encode("utf-8", "replace").decode()

    def missing(self, models: Iterable[str]) -> list[str]:
        """The models that are to be read; rows of the same models as they were before are let go."""
        found = []
        for model in models:
            name = self.named(model)
            entry = self.entries.get(name)
            if entry is None or not entry.holds(status(model)):
                found.append(model)
                self.entries.pop(name, None)
            elif entry.error:
                self.failed = True
            elif not entry.is_exact:
                self.incomplete.append((model, "its totals in the table are lower bounds"))
        return found

    def __enter__(self) -> Self:
        raise NotImplementedError

    def add(self, row: ModelRow) -> None:
        """Write the row of a model. Raises ModelError when that cannot be."""
        self.failed = self.failed or bool(row.error)
        if row.missing:
            self.incomplete.append((row.path, row.missing))
        self.write(row)

    def write(self, row: ModelRow) -> None:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError


class CsvForm:
    """A line for each model; formulas as text, nothing where a figure is not known."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.named = spreadsheet_text
        self.head = csv_lines([(*BEFORE, *keys, *AFTER)], str)

    def line(self, row: ModelRow) -> str:
        complete = None if row.error else "no" if row.missing else "yes"
        totals = [row.totals.get(key) for key in self.keys]
        cells = [row.path, row.inputs, *totals, complete, row.error or None, row.size, row.modified]
        return csv_lines([cells], spreadsheet_text)

    def entry(self, line: str) -> tuple[str, Entry] | None:
        cells = next(csv.reader([line]), [])
        if len(cells) != len(BEFORE) + len(self.keys) + len(AFTER):
            return None
        complete, error, size, modified = cells[-4:]
        return cells[0], Entry((int(size) if size.isdecimal() else None, modified), error, complete == "yes", line)


class JsonForm:
    """A JSON object for each model, on a line of its own."""

    head = ""

    def __init__(self, names: Sequence[str], record: Callable[[ModelRow], dict[str, Any]] | None = None) -> None:
        self.names = list(names)
        self.record = record or partial(_record, names[len(BEFORE) : -len(AFTER)])
        self.named: Callable[[str], str] | None = None

    def line(self, row: ModelRow) -> str:
        return json_line(self.record(row)) + "\n"

    def entry(self, line: str) -> tuple[str, Entry] | None:
        try:
            record = json.loads(line)
        except ValueError:
            return None
        if not isinstance(record, dict) or list(record) != self.names or not isinstance(record["model"], str):
            return None
        return record["model"], _entry(record, line)


def _record(keys: Sequence[str], row: ModelRow) -> dict[str, Any]:
    figures = {key: _plain(row.totals.get(key)) for key in keys}
    return {"model": row.path, "input": None if row.error else row.inputs, **figures, **_ending(row)}


def _ending(row: ModelRow) -> dict[str, Any]:
    complete = None if row.error else row.complete
    return {"complete": complete, "error": row.error or None, "size": row.size, "modified": row.modified}


def _plain(value: Any) -> Any:
    return to_json(value) if isinstance(value, Dim) else value


def _entry(record: dict[str, Any], line: str = "") -> Entry:
    return Entry((record["size"], record["modified"] or ""), record["error"] or "", bool(record["complete"]), line)


class LineTable(ResultTable):
    """CSV or JSON Lines."""

    def __init__(self, path: Path, form: CsvForm | JsonForm) -> None:
        super().__init__(path)
        self.form = form
        self.is_new = not path.exists() or not path.stat().st_size
        self._whole = True  # as it is, it can be added to
        self._lines = 0
        self._file: IO[str]
        if not self.is_new:
            self._read()

    def named(self, model: str) -> str:
        return self.form.named(model) if self.form.named else super().named(model)

    def _read(self) -> None:
        try:
            with self.path.open(encoding="utf-8", newline="\n") as file:
                head = file.readline() if self.form.head else ""
                if head != self.form.head and self.form.head.startswith(head) and "\n" not in head:
                    self._whole = False  # killed while it was begun
                elif head != self.form.head:
                    raise self._other("its columns are " + head[:200].strip())
                for number, line in enumerate(file, 1 + bool(head)):
                    self._note(line, number)
        except (OSError, UnicodeDecodeError) as problem:
            raise ModelError(str(self.path), "", f"cannot be continued: {problem}") from None

    def _note(self, line: str, number: int) -> None:
        self._lines += 1
        found = self.form.entry(line) if line.endswith("\n") else None
        if found is not None:
            self.entries[found[0]] = found[1]
        elif line.endswith("\n"):
            raise self._other(f"line {number} is not of this table")
        # the last line of a run that was killed while it wrote is read again

    def _other(self, what: str) -> ModelError:
        return ModelError(str(self.path), "", f"is another table, {what}; remove it or name another file")

    def __enter__(self) -> Self:
        """Raises ModelError when the file cannot be written."""
        if self.is_new or not self._whole or len(self.entries) != self._lines:
            write(self.form.head + "".join(entry.line for entry in self.entries.values()), self.path)
        try:
            self._file = self.path.open("a", encoding="utf-8", newline="\n")
        except OSError as problem:
            raise self._unwritten(problem) from None
        return self

    def write(self, row: ModelRow) -> None:
        try:
            self._file.write(self.form.line(row).encode("utf-8", "replace").decode())
            self._file.flush()
        except OSError as problem:
            raise self._unwritten(problem) from None

    def _unwritten(self, problem: OSError) -> ModelError:
        return ModelError(str(self.path), "", f"cannot be written: {problem.strerror or problem}")

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # each row is written when it is added; what cannot be has been told
            self._file.close()


class ParquetTable(ResultTable):
    """Columns of 64-bit integers and floating-point numbers, with the batch and what else a report assumes put in.

    What has no such number, as it depends on open sizes, stands in the text of the column `formulas`.
    """

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        super().__init__(path)
        self.keys = keys
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            reason = "Parquet is written by pyarrow, which is not installed: pip install 'graphcost[table]'"
            raise ModelError(str(path), "", reason) from None
        self.schema = _schema(keys)
        journal = path.with_name(path.name + JOURNAL)
        if path.exists():
            self._read()
        self.journal = LineTable(journal, JsonForm(self.schema.names, partial(_numbers, keys)))
        self.entries |= self.journal.entries

    def _read(self) -> None:
        from pyarrow import ArrowException, parquet

        try:
            with parquet.ParquetFile(self.path) as file:
                if file.schema_arrow.names != self.schema.names:
                    names = ", ".join(file.schema_arrow.names)
                    reason = f"is another table, its columns are {names}; remove it or name another file"
                    raise ModelError(str(self.path), "", reason)
                for batch in file.iter_batches(columns=["model", *AFTER]):
                    self.entries.update((record["model"], _entry(record)) for record in batch.to_pylist())
        except (OSError, ArrowException) as problem:
            raise ModelError(str(self.path), "", f"cannot be continued: {problem}") from None

    def missing(self, models: Iterable[str]) -> list[str]:
        found = super().missing(models)
        self.journal.entries = {name: entry for name, entry in self.entries.items() if entry.line}
        return found

    def __enter__(self) -> Self:
        self.journal.__enter__()
        return self

    def write(self, row: ModelRow) -> None:
        self.journal.write(row)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put all rows into one file, also when the run was broken off."""
        self.journal.__exit__(kind, problem, trace)
        self._merge()
        self.journal.path.unlink(missing_ok=True)

    def _merge(self) -> None:
        from pyarrow import ArrowException, parquet

        temporary = self.path.with_name(self.path.name + ".partial")
        try:
            with parquet.ParquetWriter(temporary, self.schema) as writer:
                for batch in self._batches():
                    writer.write_batch(batch)
            temporary.replace(self.path)
        except (OSError, ArrowException) as problem:
            temporary.unlink(missing_ok=True)
            raise ModelError(str(self.path), "", f"cannot be written: {problem}") from None

    def _batches(self) -> Iterator[pyarrow.RecordBatch]:
        """The rows of the file that still hold, then those of the journal."""
        import pyarrow
        from pyarrow import parquet

        if self.path.exists():
            with parquet.ParquetFile(self.path) as file:
                for batch in file.iter_batches():
                    names = batch.column("model").to_pylist()
                    held = [name in self.entries and not self.entries[name].line for name in names]
                    yield batch.filter(pyarrow.array(held, pyarrow.bool_()))
        with self.journal.path.open(encoding="utf-8") as lines:
            while records := [json.loads(line) for _, line in zip(range(10_000), lines, strict=False)]:
                yield pyarrow.RecordBatch.from_pylist(records, self.schema)


def _schema(keys: Sequence[str]) -> pyarrow.Schema:
    import pyarrow

    kinds = {"text": pyarrow.string(), "count": pyarrow.int64(), "short": pyarrow.int64(), "bytes": pyarrow.int64()}
    figures = [(key, kinds.get(find(key).form, pyarrow.float64())) for key in keys]
    texts = [(name, pyarrow.string()) for name in BEFORE]
    ending = [("complete", pyarrow.bool_()), ("error", pyarrow.string())]
    ending += [("size", pyarrow.int64()), ("modified", pyarrow.string())]
    return pyarrow.schema([*texts, *figures, ("formulas", pyarrow.string()), *ending])


def _numbers(keys: Sequence[str], row: ModelRow) -> dict[str, Any]:
    """A record of numbers, and the formulas of those that are none, or have more than 64 bits."""
    figures, formulas = {}, {}
    for key in keys:
        total, number = row.totals.get(key), row.numbers.get(key)
        fits = not isinstance(number, int) or abs(number) < 2**63
        figures[key] = number if fits else None
        if isinstance(total, Dim) or not fits:
            formulas[key] = str(_plain(total))
    inputs = None if row.error else row.inputs
    text = json_line(formulas) if formulas else None
    return {"model": row.path, "input": inputs, **figures, "formulas": text, **_ending(row)}
