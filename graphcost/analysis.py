"""analyze(): run the passes over a model; Analysis: everything known of it, computed when asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .dims import Dim, Extent, identifier, substitute, symbol, symbols, to_json
from .errors import ModelError
from .graph import UNKNOWN, Model, Tensor, TensorSequence
from .passes import infer, memory, parameters
from .passes.rows import Inference, Row
from .rules import NO_WORK, Work
from .shapes import show_shape
from .target import AS_IT_IS, Target

if TYPE_CHECKING:
    from .devices import Device
    from .passes import receptive_field, roofline, traffic
    from .report import Report

SHOWN = 5  # declared shapes that are contradicted, before they are only counted
TOTALS = ("macs", "ops", "params", "param_bytes", "activation_bytes", "peak_activation_bytes", "reads", "writes")


def analyze(
    model: Model,
    *,
    shapes: Mapping[str, Iterable[int | str]] | None = None,
    dims: Mapping[str, int] | None = None,
    target: Target = AS_IT_IS,
) -> Analysis:
    """What `model` costs.

    `shapes` overrides inputs: `{"data": (1, 3, 640, 640)}`; a text extent such as `"N"` leaves that axis symbolic. What
    it says of a symbol of the file holds for the other inputs too. A sequence takes its items: `[("float32", (1, 3))]`.
    `dims` gives symbolic dimensions values: `{"N": 8}`; `target` says where and how the network is to run. Raises
    ModelError when an input has no shape, a name is not one of the model's, operators contradict each other, or the
    target asks for a better order and a size is not known.
    """
    bindings: dict[str, Extent] = {}
    for name, value in (dims or {}).items():
        if value < 0:
            raise ModelError(model.path, "", f"dimension {name} cannot be {value}: sizes are 0 or more")
        bindings[identifier(name)] = value
    inputs = dict(model.inputs)
    for name, shape in (shapes or {}).items():
        if name not in inputs:
            names = ", ".join(inputs) or "none"
            raise ModelError(model.path, "", f"there is no input {name!r}; the inputs are: {names}")
        inputs[name] = _override(inputs[name], tuple(shape))
        bindings = {**_implied(model.inputs[name], inputs[name]), **bindings}
    named: set[str] = set()
    for name, tensor in inputs.items():
        if tensor.ranked:
            named.update(*map(symbols, tensor.shape))
            inputs[name] = _bound(tensor, bindings)
        elif name in model.unsized_inputs:
            raise ModelError(model.path, *model.unsized_inputs[name])
    analysis = _infer(model, inputs, bindings, named, target)
    if not target.reorder:
        return analysis
    return _infer(replace(model, schedule=analysis.memory.reorder().schedule), inputs, bindings, named, target)


def _infer(
    model: Model, inputs: dict[str, Tensor], bindings: dict[str, Extent], named: set[str], target: Target
) -> Analysis:
    """The analysis of a model in the order of its schedule."""
    inference = infer.infer(model, inputs, bindings)
    inference.named |= named
    if target.dtype or target.weights_dtype:
        from .passes import retype

        inference, inputs = retype.convert(inference, inputs, target.dtype, target.weights_dtype or target.dtype)
    return Analysis(model, inputs, bindings, inference, target)


def _bound(tensor: Tensor, bindings: Mapping[str, Extent]) -> Tensor:
    """A tensor of known rank with values for symbols of its shape."""
    return Tensor(tuple(substitute(extent, bindings) for extent in tensor.shape), tensor.dtype, tensor.value)


def _override(tensor: Tensor, shape: tuple[Any, ...]) -> Tensor:
    """The input under the shape that the user gives it."""
    if isinstance(tensor, TensorSequence):
        items = tuple(Tensor(tuple(map(_extent, extents)), dtype) for dtype, extents in shape)
        return TensorSequence(items[0] if items else tensor.element, items)
    return Tensor(tuple(map(_extent, shape)), tensor.dtype)


def _implied(stated: Tensor, given: Tensor) -> dict[str, Extent]:
    """The values that symbols of a file get from the shape a user gives one of its inputs."""
    if not stated.ranked or not given.ranked or stated.rank != given.rank:
        return {}
    pairs = zip(stated.shape, given.shape, strict=True)
    return {str(was): now for was, now in pairs if isinstance(was, Dim) and was == symbol(str(was)) and was != now}


def _extent(extent: int | str) -> Extent:
    if isinstance(extent, str):
        return int(extent) if extent.isdecimal() else symbol(extent)
    return extent


class _Numbers:
    """The numbers that extents are under assumptions, each found once. It holds no analysis: results of one hold it."""

    def __init__(self, assumptions: Mapping[str, int]) -> None:
        self.assumptions = assumptions
        self.found: dict[Dim, int | None] = {}

    def __call__(self, extent: Extent | None) -> int | None:
        if not isinstance(extent, Dim):
            return extent
        if extent not in self.found:
            closed = symbols(extent) <= self.assumptions.keys()
            number = substitute(extent, self.assumptions) if closed else None
            self.found[extent] = number if isinstance(number, int) else None
        return self.found[extent]


class Analysis:
    """What one model costs at one set of input shapes. Counts are integers, or formulas while dimensions are open."""

    def __init__(
        self,
        model: Model,
        inputs: dict[str, Tensor],
        dims: dict[str, Extent],
        inference: Inference,
        target: Target = AS_IT_IS,
    ) -> None:
        self.model = model
        self.target = target
        self.inputs = inputs
        self.dims = dims
        self.rows: list[Row] = inference.rows
        """A Row per operator in schedule order, bodies flattened as `loop/body/op`."""
        self.tensors: dict[str, Tensor] = inference.tensors
        """Every activation by name."""
        self.declared: dict[str, int] = inference.declared
        """Extents that data decides and the file declares: it is believed, unless `dims` names them."""
        self._named = inference.named

    @cached_property
    def _by_name(self) -> dict[str, Row]:
        return {row.name: row for row in reversed(self.rows)}

    def __getitem__(self, name: str) -> Row:
        """The row of an operator: `analysis["conv1"].work.macs`. Raises KeyError naming what is alike."""
        try:
            return self._by_name[name]
        except KeyError:
            from difflib import get_close_matches

            alike = get_close_matches(name, self._by_name, 3)
            raise KeyError(f"no operator {name!r}" + (f"; did you mean {', '.join(alike)}?" if alike else "")) from None

    @cached_property
    def parameters(self) -> parameters.Parameters:
        """Elements and bytes of the weights, by dtype and by row."""
        return parameters.count(self.rows)

    @cached_property
    def alike(self) -> list[int]:
        """For each row the first that is the same operation on the same shapes: one of a few, as networks repeat.

        Rows that are alike differ in their names, those of their tensors, their weights and their places alone.
        """
        first: dict[Hashable, int] = {}
        return [
            first.setdefault((id(row.facts or row), id(row.outputs), row.op.kind, row.trip_count, row.constant), at)
            for at, row in enumerate(self.rows)
        ]

    @cached_property
    def _kinds(self) -> list[tuple[Row, int]]:
        """A row of each kind that is not like another, and how many are like it."""
        return [(self.rows[first], count) for first, count in Counter(self.alike).items()]

    @cached_property
    def work(self) -> Work:
        """Scalar operations of one forward run; a lower bound unless `complete`."""
        distinct = Counter[Work]()  # sums of formulas take time
        for row, count in self._kinds:
            if (work := row.work) is not None:
                distinct[work] += count
        return sum((work * count for work, count in distinct.items()), NO_WORK)

    @cached_property
    def unknown(self) -> dict[str, int]:
        """Operator types whose shapes or cost are not known, with how many there are of each."""
        unknown = Counter[str]()
        for row, count in self._kinds:
            if row.status != "known":
                unknown[row.op.type] += count
        return dict(unknown)

    @cached_property
    def unknown_tensors(self) -> int:
        """Activations of unknown rank."""
        return sum(not tensor.ranked for tensor in self.tensors.values())

    @cached_property
    def idle_dims(self) -> tuple[str, ...]:
        """Names in `dims` that nothing in the model has."""
        idle = self.dims.keys() - self._named
        graphs = [self.model]
        while idle and graphs:
            graph = graphs.pop()
            for tensor in [*graph.inputs.values(), *graph.declared.values()]:
                for extent in tensor.shape if tensor.ranked else ():
                    idle = idle.difference(symbols(extent))
            graphs += [body for op in graph.schedule for _, body in op.bodies]
        return tuple(name for name in self.dims if name in idle)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of a report should know of the file: its oddities, and shapes it states that are not so."""
        stale = []
        for name, stated in self.model.declared.items():
            found = self.tensors.get(name)
            if found is None or not (found.ranked and stated.ranked) or name in self.inputs:
                continue
            pairs = zip(found.shape, stated.shape, strict=False)
            if found.rank != stated.rank or any(a != b for a, b in pairs if isinstance(a, int) and isinstance(b, int)):
                shapes = f"{show_shape(stated.shape)}, but it is {show_shape(found.shape)}"
                stale.append(f"the file declares {name!r} as {shapes}")
        more = [f"{len(stale) - SHOWN} more declared shapes are not so"] if len(stale) > SHOWN else []
        idle = [f"nothing in the model is called {name}, so its value changes nothing" for name in self.idle_dims]
        return (*self.model.warnings, *idle, *stale[:SHOWN], *more)

    @property
    def complete(self) -> bool:
        """Whether every total is exact rather than a lower bound."""
        return not self.unknown

    @cached_property
    def activation_bytes(self) -> Extent:
        """Bytes of every tensor an operator makes; in-place results too (they are made, if not stored apart).

        What operators make of constants alone is no activation: it can be made once, before the model runs.
        """
        made = Counter[Extent]()  # sums of formulas take time
        for row, count in self._kinds:
            for tensor in row.outputs if not row.constant else ():
                if tensor.ranked:
                    made[tensor.nbytes] += count
        return sum((nbytes * count for nbytes, count in made.items()), 0)

    @cached_property
    def free(self) -> tuple[str, ...]:
        """The symbols that are still open, in the order of the inputs, then those that data decides."""
        tensors = [*self.inputs.values(), *self.tensors.values()]
        shapes = dict.fromkeys([tensor.shape for tensor in tensors if tensor.ranked])  # networks repeat
        extents = dict.fromkeys(extent for shape in shapes for extent in shape)
        formulas = [extent for extent in extents if isinstance(extent, Dim)]
        return tuple(dict.fromkeys(name for extent in formulas for name in sorted(symbols(extent))))

    @cached_property
    def assumptions(self) -> dict[str, int]:
        """What a report assumes to print a number: 1 for open symbols that only ever lead an input, as a batch does."""
        leading: set[str] = set()
        inside: set[str] = set()
        for tensor in self.inputs.values():
            for axis, extent in enumerate(tensor.shape if tensor.ranked else ()):
                (inside if axis else leading).update(symbols(extent))
        return {name: 1 for name in self.free if name in leading and name not in inside}

    @cached_property
    def assumed(self) -> Analysis:
        """The same model at the sizes of `assumptions`; itself where there are none, or the model cannot have them."""
        if not self.assumptions:
            return self
        given = self.assumptions
        inputs = {name: _bound(tensor, given) if tensor.ranked else tensor for name, tensor in self.inputs.items()}
        try:
            return _infer(self.model, inputs, {**self.dims, **given}, set(given), self.target)
        except ModelError:  # the best 2 of a single number
            return self

    def total(self, quantity: str) -> Extent | None:
        """A total by name: macs, ops, params, param_bytes, activation_bytes, peak_activation_bytes, reads, writes, or
        a kind of Work.

        A lower bound unless `complete`; the peak, reads and writes are None when a part of them is not known. Raises
        KeyError for another name.
        """
        if quantity in Work.__slots__ or quantity == "ops":
            return getattr(self.work, quantity)  # type: ignore[no-any-return]
        totals: dict[str, Any] = {
            "params": lambda: self.parameters.total,
            "param_bytes": lambda: self.parameters.nbytes,
            "activation_bytes": lambda: self.activation_bytes,
            "peak_activation_bytes": lambda: self.memory.peak_bytes,
            "reads": lambda: self.traffic.reads if self.traffic.complete else None,
            "writes": lambda: self.traffic.writes if self.traffic.complete else None,
        }
        if quantity not in totals:
            raise KeyError(f"no total {quantity!r}; there are {', '.join((*TOTALS, *Work.__slots__))}")
        return totals[quantity]()  # type: ignore[no-any-return]

    @cached_property
    def memory(self) -> memory.Memory:
        """Live activation bytes over the schedule; open dimensions count as `assumptions` says."""
        return memory.liveness(self.model, self.rows, self.inputs, self._numbers, self.target.io)

    @cached_property
    def folded(self) -> traffic.Traffic:
        """The least bytes that a device moves: traffic with all folded together that can be, whatever the target, and
        no piece of a tensor copied.
        """
        from .passes import traffic

        return traffic.count(self.model, self.rows, fuse=True, joins=True)

    @cached_property
    def traffic(self) -> traffic.Traffic:
        """Bytes that each row reads and writes; with `target.fuse` as if operators were folded together.

        Pieces of a tensor are copies where `memory` says so.
        """
        from .passes import traffic

        return traffic.count(self.model, self.rows, fuse=self.target.fuse, copied=self.memory.copied)

    @cached_property
    def intensity(self) -> list[float | None]:
        """Per row, operations for each byte moved, of what is folded into it too; None when open or not known."""
        return [self.intensity_of([at]) for at in range(len(self.rows))]

    @property
    def mean_intensity(self) -> float | None:
        """Operations for each byte moved by all rows; None when open or not known."""
        return self.intensity_of(range(len(self.rows)))

    def intensity_of(self, rows: Iterable[int]) -> float | None:
        """Operations for each byte that some rows move together; None when they move none, or that of one is open or
        not known.
        """
        pairs = [(self.evaluate(self._gathered[at]), self.evaluate(self.traffic.rows[at].nbytes)) for at in rows]
        known = [(ops, moved) for ops, moved in pairs if ops is not None and moved is not None]
        moved = sum(moved for _, moved in known)
        return sum(ops for ops, _ in known) / moved if moved and len(known) == len(pairs) else None

    @cached_property
    def _gathered(self) -> list[Extent | None]:
        """The operations of each row and of what is folded into it."""
        return self.traffic.gather([row.work.ops if row.work is not None else None for row in self.rows])

    @cached_property
    def device(self) -> Device | None:
        """The device of the target. Raises ModelError when there is no such profile, or it is wrong."""
        from . import devices

        return devices.find(self.target.device) if self.target.device else None

    @cached_property
    def fits(self) -> list[roofline.Fit]:
        """Whether the weights and the activations at their peak have room on the target's device."""
        from .passes import roofline

        if self.device is None:
            return []
        weights = self.evaluate(self.parameters.nbytes)
        return roofline.fits(self.device, self.memory.peak_bytes, weights, self.complete)

    @cached_property
    def roofline(self) -> roofline.Roofline | None:
        """The least time that each row takes on the target's device; None without one."""
        from .passes import roofline

        if self.device is None:
            return None
        return roofline.bound(self.rows, self.folded, self.device, self.evaluate)

    @cached_property
    def receptive_fields(self) -> receptive_field.ReceptiveFields:
        """What each activation sees of the inputs: `.of("conv4").size`, `.box("conv4", (3, 5))`."""
        from .passes import receptive_field

        return receptive_field.trace(self.rows, self.inputs)

    def fields(self, at: int) -> Mapping[str, receptive_field.Field]:
        """The receptive field of the first output of row `at` in each input that it sees."""
        row = self.rows[at]
        if not row.op.outputs or row.name != row.op.name:
            return {}
        return self.receptive_fields.fields.get(row.op.outputs[0], {})

    def field(self, at: int) -> receptive_field.Field | None:
        """The same in the first input that it sees."""
        return next(iter(self.fields(at).values()), None)

    def evaluate(self, extent: Extent | None) -> int | None:
        """A number under `assumptions`; None when a symbol without one is left in it."""
        return self._numbers(extent)

    @cached_property
    def _numbers(self) -> _Numbers:
        return _Numbers(self.assumptions)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of `--format json`: integers, open dimensions as formulas in text, None for unknown."""
        model, blob = self.model, self.model.blob_names
        return {
            "schema": 1,
            "model": {"path": model.path, "name": model.name, "format": model.format, "opsets": dict(model.opsets)},
            "inputs": [{"name": name, **_tensor(tensor)} for name, tensor in self.inputs.items()],
            "outputs": [{"name": blob.get(name, name), **_tensor(self._tensor(name))} for name in model.outputs],
            "assumptions": dict(self.assumptions),
            "declared": dict(self.declared),
            "target": asdict(self.target),
            "totals": {quantity: to_json(self.total(quantity)) for quantity in TOTALS},
            "coverage": {
                "complete": self.complete,
                "unknown_ops": dict(self.unknown),
                "unknown_tensors": self.unknown_tensors,
            },
            "layers": [self._layer(at, row) for at, row in enumerate(self.rows)],
            "tensors": {blob.get(name, name): _tensor(tensor) for name, tensor in self.tensors.items()},
        }

    def _tensor(self, name: str) -> Tensor:
        return self.tensors.get(name) or self.model.weights.get(name) or UNKNOWN

    def _layer(self, at: int, row: Row) -> dict[str, Any]:
        blob, work = self.model.blob_names, row.work
        return {
            "name": row.name,
            "kind": row.op.type,
            "scope": row.scope,
            "inputs": [blob.get(name, name) for name in row.op.inputs],
            "outputs": [blob.get(name, name) for name in row.op.outputs],
            "output_shapes": [_tensor(tensor)["shape"] for tensor in row.outputs],
            "macs": to_json(work.macs) if work else None,
            "ops": to_json(work.ops) if work else None,
            "params": to_json(self.parameters.rows[at]),
            "reads": to_json(self.traffic.rows[at].reads),
            "writes": to_json(self.traffic.rows[at].writes),
            "intensity": self.intensity[at],
            "folded_into": None if (into := self.traffic.rows[at].into) is None else self.rows[into].name,
            "work": {kind: to_json(getattr(work, kind)) for kind in Work.__slots__} if work else None,
            **_fields(self.fields(at)),
            "status": row.status,
            "where": row.op.location,
        }

    def report(self, **options: Any) -> Report:
        """The report that the command prints: `analysis.report(style="netscope").render("md")`; see Report."""
        from .report import Report

        return Report(self, **options)

    def _repr_html_(self) -> str:
        """What a notebook shows of an analysis: its summary and its table."""
        from .render import fragment
        from .report import few

        return fragment(self.report(top=few(self)))

    def _repr_markdown_(self) -> str:
        """The same where only Markdown is shown."""
        from .report import few

        return self.report(top=few(self)).render("md")

    def save(self, path: str | Path, **options: Any) -> None:
        """Write a report; the suffix names the format (.md, .html, .json, .csv, .txt). Written whole or not at all."""
        from .render import save

        save(self.report(**options), Path(path))


def _fields(fields: Mapping[str, receptive_field.Field]) -> dict[str, Any]:
    """The field in the first input that is seen, in each one where there are several, and why it is not told."""
    told = {name: field.to_dict() for name, field in fields.items()}
    result: dict[str, Any] = {"rf": next(iter(told.values()), None)}
    if len(told) > 1:
        result["rf_inputs"] = told
    if why := next((field.why for field in fields.values() if field.why), ""):
        result["rf_why"] = why
    return result


def _tensor(tensor: Tensor) -> dict[str, Any]:
    shape = [to_json(extent) for extent in tensor.shape] if tensor.ranked else None
    return {"shape": shape, "dtype": tensor.dtype}
