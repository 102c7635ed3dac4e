"""The layers of an analysis as flat records, for data frames: numbers and text, a column of one kind throughout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import columns as column_table
from .analysis import Analysis
from .dims import Dim, to_json
from .layers import Layer, Layers
from .rules import Work
from .table import Value, shapes_text

if TYPE_CHECKING:
    import pandas

LARGEST = 2**63
"""Integers of a data frame have 64 bits."""


def records(analysis: Analysis, columns: Sequence[str] | str | None = None) -> list[dict[str, Any]]:
    """A dict for each layer. Raises ArgumentError for a column that does not exist."""
    if columns is None:
        rows = [_record(layer) for layer in Layers(analysis)]
        keys = list(rows[0]) if rows else []
        cells = [[row[key] for row in rows] for key in keys]
    else:
        keys = [key.strip() for key in columns.split(",")] if isinstance(columns, str) else list(columns)
        chosen = [column_table.find(key) for key in keys]
        cells = [[column.value(analysis, at) for at in range(len(analysis.rows))] for column in chosen]
        cells = [_numeric(each) if c.form != "text" else each for c, each in zip(chosen, cells, strict=True)]
    uniform = [_uniform(each) for each in cells]
    return [dict(zip(keys, row, strict=True)) for row in zip(*uniform, strict=True)]


def _record(layer: Layer) -> dict[str, Value]:
    row, work = layer.row, layer.work
    return {
        "name": layer.name,
        "kind": layer.kind,
        "scope": layer.scope,
        "input": shapes_text(filter(None, row.inputs)),
        "output": shapes_text(row.outputs),
        "dtype": layer.output_dtypes[0] if layer.output_dtypes else None,
        "kernel": _each(layer.kernel),
        "stride": _each(layer.stride),
        "padding": _each(layer.padding),
        "dilation": _each(layer.dilation),
        "group": layer.group,
        "macs": layer.macs,
        "ops": layer.ops,
        **{kind: getattr(work, kind) if work else None for kind in Work.__slots__ if kind != "macs"},
        "params": layer.params,
        "param_bytes": layer.param_bytes,
        "activation_bytes": layer.activation_bytes,
        "reads": layer.reads,
        "writes": layer.writes,
        "intensity": layer.intensity,
        "status": layer.status,
        "note": layer.note,
        "where": layer.where,
    }


def _each(numbers: Sequence[int] | None) -> str | None:
    """A number per axis as 3x3."""
    return None if numbers is None else "x".join(map(str, numbers))


def _numeric(values: list[Value]) -> list[Value]:
    """A column of numbers, in which "" says that there is nothing to say."""
    return [None if value == "" else value for value in values]


def _uniform(values: list[Value]) -> list[Any]:
    """The values of a column, all as text where one of them is a formula: data frames have one type a column."""
    if not any(isinstance(value, Dim) for value in values):
        return values
    plain = [to_json(value) if isinstance(value, Dim) else value for value in values]
    return [None if value is None else str(value) for value in plain]


def to_dataframe(analysis: Analysis, columns: Sequence[str] | str | None = None) -> pandas.DataFrame:
    """A pandas data frame of the records; counts are of pandas' integers that may have gaps, for what is not known."""
    try:
        import pandas
    except ImportError:
        raise ImportError(
            "to_dataframe needs pandas (pip install pandas); analysis.records() gives the rows to any other library"
        ) from None
    rows = records(analysis, columns)
    series = {}
    for key in rows[0] if rows else ():
        values = [row[key] for row in rows]
        counts = all(value is None or (isinstance(value, int) and abs(value) < LARGEST) for value in values)
        series[key] = pandas.Series(values, dtype="Int64" if counts else None)
    return pandas.DataFrame(series)
