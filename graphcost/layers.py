"""The layers of an analysis as its users know them: a record per operator with the names that JSON has.

A `Layer` computes nothing and keeps nothing: it reads the analysis when it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, overload

from .dims import Dim, Extent, to_json
from .graph import Model, Tensor, Unread
from .rules import Window, Work

if TYPE_CHECKING:
    from .analysis import Analysis
    from .passes.receptive_field import Field
    from .passes.rows import Row

ELEMENTS = 64
"""Elements of an attribute that are given; of more it is said how many there are."""
LETTERS = 1000
"""The same of text."""


class Layer:
    """One operator: `layer.macs`, `layer.output_shapes`, `layer.kernel`. None is what is not known or does not apply.

    Counts are integers, or formulas (`Dim`) while sizes are open.
    """

    __slots__ = ("_analysis", "_at", "_shared")

    def __init__(self, analysis: Analysis, at: int, shared: dict[int, dict[str, Any]] | None = None) -> None:
        """`shared` is what JSON has of all layers of a signature, for layers that are asked one after the other."""
        self._analysis = analysis
        self._at = at
        self._shared = {} if shared is None else shared

    @property
    def row(self) -> Row:
        """The record that the passes read: tensors, facts, weights."""
        return self._analysis.rows[self._at]

    @property
    def name(self) -> str:
        """The operator's name; inside a body `loop/body/name`."""
        return self.row.name

    @property
    def kind(self) -> str:
        """What the file calls the operator: `Convolution`, `Conv`, `com.microsoft.MatMulNBits`."""
        return self.row.op.type

    @property
    def scope(self) -> str | None:
        """The module path."""
        return self.row.scope or None

    @property
    def inputs(self) -> list[str | None]:
        """Names of tensors, Caffe's as the file has them; None is an optional one left out."""
        return [self._file_name(name) for name in self.row.op.inputs]

    @property
    def outputs(self) -> list[str | None]:
        """The same of what it makes."""
        return [self._file_name(name) for name in self.row.op.outputs]

    def _file_name(self, name: str) -> str | None:
        return self._analysis.model.blob_names.get(name, name) or None

    @property
    def input_shapes(self) -> list[tuple[Extent, ...] | None]:
        """A shape for each input, None where not even the rank is known or it is left out."""
        return [None if tensor is None else _shape(tensor) for tensor in self.row.inputs]

    @property
    def output_shapes(self) -> list[tuple[Extent, ...] | None]:
        """A shape for each output, None where not even the rank is known."""
        return [_shape(tensor) for tensor in self.row.outputs]

    @property
    def output_dtypes(self) -> list[str]:
        """The element type of each output."""
        return [tensor.dtype for tensor in self.row.outputs]

    @property
    def work(self) -> Work | None:
        """Scalar operations in one forward run, by kind."""
        return self.row.work

    @property
    def macs(self) -> Extent | None:
        """Multiply-accumulates in one forward run."""
        return self.row.work.macs if self.row.work else None

    @property
    def ops(self) -> Extent | None:
        """Scalar operations in one forward run, a multiply-accumulate as two."""
        return self.row.work.ops if self.row.work else None

    @property
    def params(self) -> Extent | None:
        """Elements of the weights that it is the first to use."""
        return self._analysis.parameters.rows[self._at]

    @property
    def learned_params(self) -> Extent | None:
        """Those of them that training changes."""
        return self._analysis.parameters.learned_rows[self._at]

    @property
    def param_bytes(self) -> Extent | None:
        """Their bytes."""
        return self._analysis.parameters.row_bytes[self._at]

    @property
    def activation_bytes(self) -> Extent | None:
        """Bytes of its outputs, in-place results too; 0 for what it makes of constants alone."""
        return self.row.activation_bytes

    @property
    def reads(self) -> Extent | None:
        """Bytes that it reads of inputs and weights."""
        return self._analysis.traffic.rows[self._at].reads

    @property
    def writes(self) -> Extent | None:
        """Bytes of its outputs that it writes."""
        return self._analysis.traffic.rows[self._at].writes

    @property
    def intensity(self) -> float | None:
        """Operations for each byte moved."""
        return self._analysis.intensity[self._at]

    @property
    def fused_into(self) -> str | None:
        """The name of the operator that it is fused into, with `Target(fuse=True)`."""
        into = self._analysis.traffic.rows[self._at].fused_into
        return None if into is None else self._analysis.rows[into].name

    @property
    def receptive_field(self) -> Field | None:
        """What one output position sees of the first input that it sees."""
        return self._analysis.receptive_field(self._at)

    @property
    def constant(self) -> bool:
        """Whether it only makes constants: it can run once, before the model does."""
        return self.row.constant

    @property
    def status(self) -> str:
        """`known`, `partial` (shapes or cost, not both) or `unknown`."""
        return self.row.status

    @property
    def note(self) -> str | None:
        """Why something is not known, or what was counted where that needs saying."""
        return self.row.why or None

    @property
    def where(self) -> str | None:
        """The place in the file: `det1.prototxt:14`."""
        return self.row.op.location or None

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes that the file gives the operator, under the file's names, as plain values; no defaults."""
        return {name: plain(value) for name, value in self.row.op.attrs.items() if not isinstance(value, Model)}

    @property
    def kernel(self) -> tuple[int, ...] | None:
        """The kernel of a sliding operator, a size per spatial axis, whatever the file calls it."""
        return self._window("kernel")

    @property
    def stride(self) -> tuple[int, ...] | None:
        """Its stride; of a transposed convolution that of its input's positions is `up`."""
        return self._window("stride")

    @property
    def padding(self) -> tuple[int, ...] | None:
        """Its padding before the first element."""
        return self._window("pad")

    @property
    def dilation(self) -> tuple[int, ...] | None:
        """Its dilation."""
        return self._window("dilation")

    @property
    def up(self) -> tuple[int, ...] | None:
        """The factor by which a transposed convolution or an upsampling spreads its input; None where that is 1."""
        return self._window("up")

    @property
    def group(self) -> int | None:
        """In how many groups its channels are convolved."""
        group = self.row.op.attrs.get("group", 1)
        return group if self.kernel and isinstance(group, int) else None

    def _window(self, part: str) -> tuple[Any, ...] | None:
        """A part of the window of an operator that slides a kernel."""
        facts = self.row.facts
        return (getattr(facts.window, part) or None) if facts is not None and facts.window.kernel else None

    def to_dict(self) -> dict[str, Any]:
        """What JSON has of the layer: plain values, formulas as text."""
        shared = self._of_signature()
        shapes, window, work = shared["output_shapes"], shared["window"], shared["work"]
        return {
            "name": self.name,
            "kind": self.kind,
            "scope": self.scope,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "output_shapes": [None if shape is None else list(shape) for shape in shapes],
            "attributes": self.attributes,
            "window": None if window is None else dict(window),
            "macs": shared["macs"],
            "ops": shared["ops"],
            "params": to_json(self.params),
            "learned_params": to_json(self.learned_params),
            "param_bytes": to_json(self.param_bytes),
            "activation_bytes": shared["activation_bytes"],
            "reads": to_json(self.reads),
            "writes": to_json(self.writes),
            "intensity": self.intensity,
            **_row_times(self._analysis, self._at),
            "fused_into": self.fused_into,
            "folded_into": self.fused_into,  # the key's name before, for one version
            "work": None if work is None else dict(work),
            **_receptive_fields(self._analysis.receptive_fields_of(self._at)),
            "constant": self.constant,
            "status": shared["status"],
            "note": self.note,
            "where": self.where,
        }

    def _of_signature(self) -> dict[str, Any]:
        """What all layers have in common that are the same operation on the same shapes."""
        signature, work = self.row.signature, self.work
        if signature is not None and signature in self._shared:
            return self._shared[signature]
        found = {
            "output_shapes": [None if shape is None else list(map(to_json, shape)) for shape in self.output_shapes],
            "window": self._window_dict(),
            "macs": to_json(self.macs),
            "ops": to_json(self.ops),
            "activation_bytes": to_json(self.activation_bytes),
            "work": {kind: to_json(getattr(work, kind)) for kind in Work.__slots__} if work else None,
            "status": self.status,
        }
        if signature is not None:
            self._shared[signature] = found
        return found

    def _window_dict(self) -> dict[str, Any] | None:
        facts = self.row.facts
        if facts is None or not facts.window.kernel:
            return None
        return {**_plain_window(facts.window), "group": self.group}

    def __repr__(self) -> str:
        shapes = ", ".join("?" if shape is None else "x".join(map(str, shape)) for shape in self.output_shapes)
        macs = "unknown" if self.macs is None else f"{self.macs:,}" if isinstance(self.macs, int) else str(self.macs)
        return f"<Layer {self.name}: {self.kind} -> {shapes or 'nothing'}, {macs} MACs>"


class Layers(Sequence[Layer]):
    """The layers in schedule order: by number, slice or name, `layers["conv1"]`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def __len__(self) -> int:
        return len(self._analysis.rows)

    @overload
    def __getitem__(self, key: int | str) -> Layer: ...
    @overload
    def __getitem__(self, key: slice) -> list[Layer]: ...
    def __getitem__(self, key: int | str | slice) -> Layer | list[Layer]:
        """Raises IndexError, or KeyError with the names nearest to one that does not exist."""
        if isinstance(key, str):
            return Layer(self._analysis, self._analysis.index_of(key))
        numbers = range(len(self))[key]
        if isinstance(numbers, range):
            return [Layer(self._analysis, at) for at in numbers]
        return Layer(self._analysis, numbers)

    def __iter__(self) -> Iterator[Layer]:
        shared: dict[int, dict[str, Any]] = {}
        return (Layer(self._analysis, at, shared) for at in range(len(self)))

    def __repr__(self) -> str:
        return f"<{len(self)} layers: {', '.join(layer.name for layer in self[:3])}{', ...' * (len(self) > 3)}>"


@lru_cache(maxsize=1024)  # a network has few windows
def _plain_window(window: Window) -> Mapping[str, Any]:
    """The parts of a window that say something, as JSON has them."""
    names = {"kernel": "kernel", "stride": "stride", "pad": "padding", "dilation": "dilation", "up": "up"}
    return {name: plain(getattr(window, part)) for part, name in names.items() if getattr(window, part)}


def plain(value: Any) -> Any:
    """An attribute's value as JSON has it. Of a tensor that is given its shape and type, and what it holds if small."""
    if value is None or isinstance(value, int):  # a boolean too
        return value
    if isinstance(value, Tensor):
        shape = [to_json(extent) for extent in value.shape] if value.ranked else None
        known = value.value if value.value is not None and len(value.value) <= ELEMENTS else None
        return {"shape": shape, "dtype": value.dtype, "value": None if known is None else plain(known)}
    if _is_message(value):
        return {name: plain(each) for name, each in value}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value] if len(value) <= ELEMENTS else {"elements": len(value)}
    if isinstance(value, str):
        return value if len(value) <= LETTERS else {"letters": len(value)}
    if isinstance(value, Dim):
        return to_json(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)  # JSON has no infinity
    return None if isinstance(value, Unread) else str(value)


def _is_message(value: Any) -> bool:
    """Whether this is a message of a prototxt, which the importer hands on as pairs of name and value."""
    return (
        isinstance(value, tuple)
        and bool(value)
        and all(isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str) for each in value)
    )


def _shape(tensor: Tensor) -> tuple[Extent, ...] | None:
    return tensor.shape if tensor.ranked else None


def _row_times(analysis: Analysis, at: int) -> dict[str, float | None]:
    """Seconds of one row, measured and at least, where these were asked for.

    What ran as part of another row has no measured time of its own.
    """
    timing, roofline = analysis.timing, analysis.roofline
    found: dict[str, float | None] = {}
    if timing is not None:
        group = timing.leaders.get(at)
        found["time"] = group.seconds if group is not None else None
    found |= {"time_bound": roofline.rows[at].seconds} if roofline is not None else {}
    return found | ({"time_estimate": analysis.estimate.rows[at]} if analysis.estimate is not None else {})


def _receptive_fields(fields: Mapping[str, Field]) -> dict[str, Any]:
    """The field in the first input that is seen, in each one where there are several, and why it is not known."""
    data = {name: field.to_dict() for name, field in fields.items()}
    result: dict[str, Any] = {"rf": next(iter(data.values()), None)}
    if len(data) > 1:
        result["rf_inputs"] = data
    if why := next((field.why for field in fields.values() if field.why), ""):
        result["rf_why"] = why
    return result
