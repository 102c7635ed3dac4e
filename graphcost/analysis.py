"""Everything known of a model at one set of sizes, as data: computed by the passes when it is asked for.

How it is laid out and written is not known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from .binding import Binding
from .dims import Dim, Extent, identifier, spelled, substitute, symbol, symbols, total
from .errors import ArgumentError, ModelError
from .garbage import collection_paused
from .graph import Model, Op, Tensor
from .passes import blobs, infer, memory, missing_weights, parameters
from .passes.rows import Inference, Row
from .rules import NO_WORK, Work
from .shapes import show_shape
from .suggest import did_you_mean, no_such
from .target import AS_IT_IS, Target

if TYPE_CHECKING:
    from .devices import Device
    from .passes import caches, estimate, fusion, receptive_field, roofline, traffic
    from .passes.timing import Timing

SHOWN = 5  # declared shapes that are contradicted, before they are only counted
TOTALS = (
    "macs",
    "ops",
    "params",
    "learned_params",
    "param_bytes",
    "activation_bytes",
    "peak_activation_bytes",
    "reads",
    "writes",
)


def _note(text: str) -> str:
    return f": {text}" if text else ""


class Evaluator:
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
        """`of` makes one from a model."""
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
        self.defaults: dict[str, int] = inference.assumed
        """Extents that data decides and that have the number of before the network runs, unless `dims` names them."""
        self._named = inference.named
        self._memo: infer.Memo | None = None
        self.timing: Timing | None = None
        """Times that were measured, where some were joined (`timing.join`)."""

    @classmethod
    def of(cls, model: Model, binding: Binding, target: Target = AS_IT_IS, memo: infer.Memo | None = None) -> Self:
        """The analysis of a model in the order of its schedule. Raises ModelError when operators contradict.

        `memo` is that of another analysis of the same model, which has answers that this one may need too.
        """
        inputs = binding.inputs
        memo = infer.Memo() if memo is None else memo
        inference = infer.infer(model, inputs, binding.dims, memo)
        inference.named |= binding.named
        if target.converts or model.dtype:
            from .passes import deploy

            inference, inputs = deploy.convert(model, inference, inputs, target)
        found = cls(model, inputs, binding.dims, inference, target)
        found._memo = memo
        return found

    def at(self, **sizes: Extent) -> Self:
        """The same model at other sizes: values for symbolic dimensions by name, `analysis.at(H=480, W=640)`.

        What rules have answered is shared, so that trying many sizes takes less than analysing the model anew. Raises
        ModelError for a dimension that is not open, and where operators contradict each other at these sizes.
        """
        for name, size in sizes.items():
            if name not in self.free_symbols:
                open_ = ", ".join(self.free_symbols) or "none (open some by shapes, as (1, 3, 'H', 'W'))"
                raise ModelError(self.model.path, "", f"no dimension {name} is open; open are: {open_}")
            if isinstance(size, int) and size < 0:
                raise ModelError(self.model.path, "", f"dimension {name} cannot be {size}: sizes are 0 or more")
        with collection_paused():
            found = type(self).of(self.model, Binding(self.inputs, self.dims).at(sizes), self.target, self._memo)
            return found.in_order(found.memory.reorder().schedule) if self.target.reorder else found

    def in_order(self, schedule: Iterable[Op]) -> Self:
        """The same analysis of the same operators run in another order, which changes nothing about each of them."""
        model = self.model.in_order(schedule)
        chunks: dict[Op, list[Row]] = {}
        for row in self.rows:  # those of an operator's bodies stand after its own
            chunks.setdefault(row.op if row.op in model.dag else next(reversed(chunks)), []).append(row)
        rows = [row for op in model.dag for row in chunks[op]]
        made = {name: self.tensors[name] for op in model.dag for name in op.outputs if name in self.tensors}
        tensors = {name: tensor for name, tensor in self.tensors.items() if name not in made} | made
        inference = Inference(rows, tensors, self._named, self.declared, self.defaults)
        return type(self)(model, self.inputs, self.dims, inference, self.target)

    def __getstate__(self) -> dict[str, Any]:
        """Pickled and copied as what it was made of; what was worked out from that is worked out again."""
        cls = type(self)
        made_of = {k: v for k, v in vars(self).items() if not isinstance(getattr(cls, k, None), cached_property)}
        return made_of | {"_memo": None}

    @cached_property
    def _by_name(self) -> dict[str, int]:
        return {self.rows[at].name: at for at in reversed(range(len(self.rows)))}

    def index_of(self, name: str) -> int:
        """The number of an operator's row. Raises KeyError with the names nearest to it."""
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(f"no operator {name!r}{did_you_mean(str(name), self._by_name)}") from None

    def __getitem__(self, name: str) -> Row:
        """The row of an operator: `analysis["conv1"].work.macs`. Raises KeyError with the names nearest to it."""
        return self.rows[self.index_of(name)]

    def __contains__(self, name: object) -> bool:
        """Whether there is an operator of that name."""
        return name in self._by_name

    @cached_property
    def parameters(self) -> parameters.Parameters:
        """Elements and bytes of the weights, by dtype and by row."""
        return parameters.count(self.rows)

    @cached_property
    def active_parameters(self) -> Extent:
        """Parameters that work on one token: of a mixture of experts those of the chosen ones, of all else all."""
        return parameters.active(self.rows, self.parameters)

    @cached_property
    def caches(self) -> list[caches.Cache]:
        """The caches that the model hands on from one run to the next."""
        stated = [tensor for tensor in self.model.inputs.values() if tensor.ranked]
        if not any(isinstance(size, Dim) for tensor in stated for size in tensor.shape):
            return []  # a cache grows along an axis that is open in the file
        from .passes import caches

        return caches.find(self.model, self.inputs, self.tensors, self.rows)

    @cached_property
    def layer_rows(self) -> tuple[int, ...]:
        """The numbers of the rows that people call layers: all but those that only make constants."""
        return tuple([at for at, row in enumerate(self.rows) if not row.constant])

    @cached_property
    def distinct_rows(self) -> tuple[list[int], list[int]]:
        """The first row of each signature, and for every row the place of its signature among these."""
        known: dict[object, int] = {}
        firsts: list[int] = []
        places: list[int] = []
        for at, row in enumerate(self.rows):
            place = known.setdefault((at,) if row.signature is None else row.signature, len(firsts))
            if place == len(firsts):
                firsts.append(at)
            places.append(place)
        return firsts, places

    @cached_property
    def _distinct(self) -> list[tuple[Row, int]]:
        """The first row of each signature, and how many rows have it; see `passes.rows.sign`."""
        firsts, places = self.distinct_rows
        count = Counter(places)
        return [(self.rows[at], count[place]) for place, at in enumerate(firsts)]

    @cached_property
    def work(self) -> Work:
        """Scalar operations of one forward run; a lower bound unless `complete`."""
        numbers = [NO_WORK.counts]
        distinct = Counter[Work]()  # sums of formulas take time
        for row, count in self._distinct:
            work = row.work
            if work is None or work is NO_WORK:
                continue
            counts = work.counts
            if set(map(type, counts)) == {int}:
                numbers.append(counts if count == 1 else (work * count).counts)
            else:
                distinct[work] += count
        numeric = Work(*map(sum, zip(*numbers, strict=True)))
        return Work.total([numeric, *(work * count for work, count in distinct.items())])

    @cached_property
    def unknown(self) -> dict[str, int]:
        """Operator types whose shapes or cost are not known, and not for want of an input's, with their counts."""
        unknown = Counter[str]()
        for row, count in self._distinct:
            if row.status != "known" and not row.dependent:
                unknown[row.op.type] += count
        return dict(unknown)

    @cached_property
    def dependent(self) -> int:
        """How many operators are not known only because what they read is not."""
        return sum(count for row, count in self._distinct if row.status != "known" and row.dependent)

    @cached_property
    def unknown_tensors(self) -> int:
        """Activations of unknown rank."""
        return sum(not tensor.ranked for tensor in self.tensors.values())

    @cached_property
    def unused_dims(self) -> tuple[str, ...]:
        """Names in `dims` that nothing in the model has."""
        unused = self.dims.keys() - self._named
        graphs = [self.model]
        while unused and graphs:
            graph = graphs.pop()
            for tensor in [*graph.inputs.values(), *graph.declared.values()]:
                for extent in tensor.shape if tensor.ranked else ():
                    unused = unused.difference(*[(name, spelled(name)) for name in symbols(extent)])
            graphs += [body for op in graph.dag for _, body in op.bodies]
        return tuple(name for name in self.dims if name in unused)

    def check_dims(self) -> None:
        """Raise ArgumentError where a dimension was given a value that nothing in the model has."""
        if not self.unused_dims:
            return
        unused = [*self.unused_dims]
        given = [name for name in self.dims if name not in unused]
        near = did_you_mean(unused[0], [*self.free_symbols, *given, *self.declared]) if len(unused) == 1 else ""
        open_ = ", ".join(self.free_symbols) or "none"
        path = self.model.path or self.model.name
        raise ArgumentError("dims", f"{path} has no dimension {', '.join(unused)}{near}; open are: {open_}")

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
        more = [f"{len(stale) - SHOWN} more declared shapes disagree with inference"] if len(stale) > SHOWN else []
        unused = [f"unused dimension {name}" for name in self.unused_dims]
        doubts = [f"{row.name}: {row.facts.warning}" for row in self.rows if row.facts and row.facts.warning]
        weights = blobs.warnings(self.rows, self.model.weights_path) if self.model.weights_path else []
        if outside := missing_weights.warning(missing_weights.weights_among_inputs(self.model), self.inputs):
            weights = [outside, *weights]
        return (*self.model.warnings, *weights, *self._unsized, *doubts, *unused, *stale[:SHOWN], *more)

    @property
    def _unsized(self) -> list[str]:
        """What to give of each input without a size on which an operator computes."""
        read = {name for row in self.rows if row.dependent for name in row.op.inputs}
        unsized = self.model.unsized_inputs
        return [
            f"{unsized[name][1]}: give it, as --input {name}={unsized[name][2]}{_note(unsized[name][3])}"
            for name, tensor in self.inputs.items()
            if name in unsized and name in read and not tensor.known
        ]

    @cached_property
    def notes(self) -> dict[str, str]:
        """What a reader should know of the count of some operators, by name: which branch it is of, say."""
        return {row.name: row.why for row in self.rows if row.why and row.status == "known"}

    @property
    def complete(self) -> bool:
        """Whether every total is exact rather than a lower bound; those of a graph without operators say nothing."""
        return bool(self.rows) and not self.unknown and not self.dependent

    @cached_property
    def activation_bytes(self) -> Extent:
        """Bytes of every tensor an operator makes; in-place results too (they are made, if not stored apart).

        What operators make of constants alone is no activation: it can be made once, before the model runs.
        """
        made = Counter[Extent]()  # sums of formulas take time
        for row, count in self._distinct:
            for tensor in row.outputs if not row.constant else ():
                if tensor.ranked:
                    made[tensor.nbytes] += count
        return total(nbytes * count for nbytes, count in made.items())

    @cached_property
    def free_symbols(self) -> tuple[str, ...]:
        """The symbols that are still open, in the order of the inputs, then those that data decides."""
        tensors = [*self.inputs.values(), *self.tensors.values()]
        shapes = dict.fromkeys([tensor.shape for tensor in tensors if tensor.ranked])
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
        return {name: 1 for name in self.free_symbols if name in leading and name not in inside}

    @cached_property
    def assumed(self) -> Self:
        """The same model at the sizes of `assumptions`; itself where there are none, or the model cannot have them."""
        if not self.assumptions:
            return self
        binding = Binding(self.inputs, self.dims).at(self.assumptions)
        try:
            assumed = type(self).of(self.model, binding, self.target, self._memo)
        except ModelError:  # the best 2 of a single number
            return self
        assumed.timing = self.timing
        return assumed

    def opened(self, names: Iterable[str]) -> Self:
        """The same model with those extents open that data decides and the file or a rule has a number for.

        Itself where no name is such an extent's.
        """
        wanted = [identifier(name) for name in names]
        found = {name: symbol(name, lower=0) for name in wanted if name in self.defaults or name in self.declared}
        binding = Binding(self.inputs, {**self.dims, **found})
        return type(self).of(self.model, binding, self.target) if found else self

    def total(self, quantity: str) -> Extent | None:
        """A total by name: macs, ops, params, learned_params, param_bytes, activation_bytes, peak_activation_bytes,
        reads, writes, or a kind of Work.

        A lower bound unless `complete`; the peak, reads and writes are None when a part of them is not known. Raises
        KeyError for another name.
        """
        if quantity in Work.__slots__ or quantity == "ops":
            return getattr(self.work, quantity)  # type: ignore[no-any-return]
        totals: dict[str, Any] = {
            "params": lambda: self.parameters.total,
            "learned_params": lambda: self.parameters.learned,
            "param_bytes": lambda: self.parameters.nbytes,
            "activation_bytes": lambda: self.activation_bytes,
            "peak_activation_bytes": lambda: self.memory.least_peak_bytes,
            "reads": lambda: self.traffic.reads if self.traffic.complete else None,
            "writes": lambda: self.traffic.writes if self.traffic.complete else None,
        }
        if quantity not in totals:
            raise KeyError(no_such("total", quantity, (*TOTALS, *Work.__slots__)))
        return totals[quantity]()  # type: ignore[no-any-return]

    @cached_property
    def memory(self) -> memory.Memory:
        """Live activation bytes over the schedule; open dimensions count as `assumptions` says."""
        return memory.liveness(self.model, self.rows, self.inputs, self._evaluator, self.target.io)

    @cached_property
    def fused_traffic(self) -> traffic.Traffic:
        """The least bytes that a device moves: traffic with all fused that can be, whatever the target, and no slice of
        a tensor copied.
        """
        from .passes import traffic

        return traffic.count(self.rows, self.fusion)

    @cached_property
    def fusion(self) -> fusion.Fusion:
        """Who is fused into whom, with all fused that can be."""
        from .passes import fusion

        return fusion.fuse(self.model, self.rows, joins=True)

    @cached_property
    def traffic(self) -> traffic.Traffic:
        """Bytes that each row reads and writes; with `target.fuse` as if operators were fused.

        Slices of a tensor are copies where `memory` says so.
        """
        from .passes import fusion, traffic

        copied = self.memory.copied
        fused = fusion.fuse(self.model, self.rows, copied=copied) if self.target.fuse else None
        return traffic.count(self.rows, fused, copied=copied)

    @cached_property
    def intensity(self) -> list[float | None]:
        """Per row, operations for each byte moved, of what is fused into it too; None when open or not known."""
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
        """The operations of each row and of what is fused into it."""
        return self.traffic.gather([row.work.ops if row.work is not None else None for row in self.rows])

    @cached_property
    def device(self) -> Device | None:
        """The device of the target. Raises ModelError when there is no such profile, or it is wrong."""
        if not self.target.device:
            return None
        from . import devices

        return devices.find(self.target.device)

    @cached_property
    def fits(self) -> list[roofline.Fit]:
        """Whether weights and peak activations fit the memories of the target's device, or those given in their place.

        Memory for activations alone is what `ram` gives where there is no device.
        """
        from .passes import roofline

        weights, peak = self.evaluate(self.parameters.nbytes), self.memory.least_peak_bytes
        rooms = roofline.rooms(self.device, self.target.ram, self.target.flash)
        return roofline.fits(rooms, peak, weights, self.complete)

    @cached_property
    def roofline(self) -> roofline.Roofline | None:
        """The least time that each row takes on the target's device; None without one."""
        from .passes import roofline

        if self.device is None:
            return None
        return roofline.bound(self.rows, self.fused_traffic, self.device, self.evaluate)

    @cached_property
    def estimate(self) -> estimate.Estimate | None:
        """The time that each row should take on the target's device; None without one, or where it only bounds."""
        from .passes import estimate

        if self.device is None:
            return None
        return estimate.estimate(self.model, self.rows, self.fused_traffic, self.device, self.evaluate)

    @cached_property
    def receptive_fields(self) -> receptive_field.ReceptiveFields:
        """What each activation sees of the inputs: `.of("conv4").size`, `.box("conv4", (3, 5))`."""
        from .passes import receptive_field

        return receptive_field.trace(self.rows, self.inputs)

    def receptive_fields_of(self, at: int) -> Mapping[str, receptive_field.Field]:
        """The receptive field of the first output of row `at` in each input that it sees."""
        row = self.rows[at]
        if not row.op.outputs or row.name != row.op.name:
            return {}
        return self.receptive_fields.fields.get(row.op.outputs[0], {})

    def receptive_field(self, at: int) -> receptive_field.Field | None:
        """The same in the first input that it sees."""
        return next(iter(self.receptive_fields_of(at).values()), None)

    def evaluate(self, extent: Extent | None) -> int | None:
        """A number under `assumptions`; None when a symbol without one is left in it."""
        return self._evaluator(extent)

    @cached_property
    def _evaluator(self) -> Evaluator:
        return Evaluator(self.assumptions)
