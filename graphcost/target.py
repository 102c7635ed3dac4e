"""Where and how a network is meant to run: what the memory, traffic and time figures of an analysis are of."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ArgumentError
from .graph import BITS
from .suggest import no_such

IO = ("arena", "caller")
FORMER_IO = {"keep": "arena"}
"""Choices that were called otherwise before."""
DTYPES = tuple(dtype for dtype in BITS if "int" in dtype or "float" in dtype)
"""Element types that a tensor of numbers can be converted to."""
ALIASES = {
    "fp64": "float64", "f64": "float64", "double": "float64", "fp32": "float32", "f32": "float32", "float": "float32",
    "single": "float32", "fp16": "float16", "f16": "float16", "half": "float16", "bf16": "bfloat16",
    "fp8": "float8e4m3fn", "f8": "float8e4m3fn", "float8": "float8e4m3fn", "e4m3": "float8e4m3fn",
    "e5m2": "float8e5m2", "fp4": "float4e2m1", "f4": "float4e2m1", "float4": "float4e2m1",
    **{f"{short}{bits}": f"{long}{bits}" for short, long in (("i", "int"), ("s", "int"), ("u", "uint"))
       for bits in (2, 4, 8, 16, 32, 64)},
    "long": "int64", "short": "int16", "byte": "uint8", "char": "int8",
}  # fmt: skip
"""What else element types are called: by frameworks, in papers and on accelerators. `fp8` is the E4M3 of weights."""


def element_type(name: object) -> str:
    """The element type of a name in whatever case, `fp16` and `torch.half` included. Raises ValueError in words."""
    text = name.lower().rpartition(".")[2].replace("-", "").replace("_", "") if isinstance(name, str) else ""
    found = ALIASES.get(text, text)
    if found not in DTYPES:
        raise ValueError(no_such("element type", name, DTYPES))
    return found


QUANTIZE = ("", "int8")
GROUPED = ("int8", "uint8", "int4", "uint4", "int2", "uint2")
"""Element types that weights can have in groups."""


@dataclass(frozen=True)
class Target:
    """A deployment. Raises ArgumentError, a ModelError, for an element type or a choice that does not exist."""

    dtype: str = ""
    """Element type of the activations as if the network were converted; "" leaves the file's own. Other names of a type
    are taken too, such as "fp16" or "bf16"."""
    weights_dtype: str = ""
    """The same for the weights; "" follows `dtype`, and where that is not given the file."""
    io: str = "arena"
    """Where the model's inputs and outputs lie: in the "arena", inputs until their last read and outputs to the end; in
    buffers of the "caller", which cost nothing here."""
    reorder: bool = False
    """Run under the schedule with the lowest peak that is found, rather than the file's."""
    fuse: bool = False
    """Fuse quantisation pairs, normalisations, scalings and activations into the operator that feeds them."""
    device: str = ""
    """A profile by name, or the path of a TOML file."""
    align: int = 1
    """Buffers begin at multiples of so many bytes of the arena."""
    quantize: str = ""
    """"int8": as an int8 deployment holds the network, batch normalisation folded; "" as it is."""
    fold_bn: bool = False
    """Fold scalings and shifts by constants into the operator before them."""
    ram: int | None = None
    """Bytes of memory for activations, in the place of the device's."""
    flash: int | None = None
    """Bytes of memory for weights, in the place of the device's."""

    def __post_init__(self) -> None:
        self._set_type("dtype", self.dtype)
        self._set_weights_type(self.weights_dtype)
        object.__setattr__(self, "io", FORMER_IO.get(self.io, self.io))
        if self.io not in IO:
            raise ArgumentError("io", no_such("choice", self.io, IO))
        if self.quantize not in QUANTIZE:
            raise ArgumentError("quantize", no_such("choice", self.quantize, QUANTIZE[1:]))
        if self.quantize and (self.dtype or self.weights_dtype):
            raise ArgumentError("quantize", "says the types of all tensors: no dtype and no weights_dtype besides")
        object.__setattr__(self, "device", "" if self.device is None else str(self.device))  # a path, say
        if not isinstance(self.align, int) or self.align < 1:
            raise ArgumentError("align", f"{self.align} bytes cannot be; offsets are multiples of 1 or more")

    def _set_weights_type(self, given: object) -> None:
        """The same for the type of the weights, which may have the size of its groups: int4:32."""
        name, colon, group = given.partition(":") if isinstance(given, str) else (given, "", "")
        self._set_type("weights_dtype", name)
        if colon:
            if not (group.isdecimal() and len(group) < 10 and int(group) and self.weights_dtype in GROUPED):
                reason = f"{given!r} should be one of {', '.join(GROUPED)} and the size of its groups: int4:32"
                raise ArgumentError("weights_dtype", reason)
            object.__setattr__(self, "weights_dtype", f"{self.weights_dtype}:{int(group)}")

    def _set_type(self, argument: str, given: object) -> None:
        """Put an element type under its own name; None is none."""
        try:
            object.__setattr__(self, argument, "" if given in ("", None) else element_type(given))
        except ValueError as problem:
            raise ArgumentError(argument, str(problem)) from None

    @property
    def converts(self) -> bool:
        """Whether the network is another one for it: in other types, or with operators folded."""
        return bool(self.dtype or self.weights_dtype or self.quantize or self.fold_bn)

    @property
    def weights_group(self) -> int:
        """Weights that share a scale and a zero point, 0 where they are not grouped: of int4:32 it is 32."""
        return int(self.weights_dtype.partition(":")[2] or 0)


AS_IT_IS = Target()
"""The file's own types and order, on no device in particular."""
