"""Where and how a network is meant to run: what the memory, traffic and time figures of an analysis are of."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ModelError
from .graph import BITS

IO = ("arena", "caller")
FORMER_IO = {"keep": "arena"}
"""Choices that were called otherwise before."""
DTYPES = tuple(dtype for dtype in BITS if "int" in dtype or "float" in dtype)
"""Element types that a tensor of numbers can be converted to."""


QUANTIZE = ("", "int8")
GROUPED = ("int8", "uint8", "int4", "uint4", "int2", "uint2")
"""Element types that weights can have in groups."""


@dataclass(frozen=True)
class Target:
    """A deployment. Raises ModelError for an element type or a choice that does not exist."""

    dtype: str = ""
    """Element type of the activations as if the network were converted; "" leaves the file's own."""
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
        weights_dtype, colon, group = self.weights_dtype.partition(":")
        if colon and not (group.isdecimal() and len(group) < 10 and int(group) and weights_dtype in GROUPED):
            reason = f"{self.weights_dtype!r} should be one of {', '.join(GROUPED)} and the size of its groups: int4:32"
            raise ModelError("--weights-dtype", "", reason)
        for option, dtype in (("--dtype", self.dtype), ("--weights-dtype", weights_dtype)):
            if dtype and dtype not in DTYPES:
                raise ModelError(option, "", f"no element type {dtype!r}; there are {', '.join(DTYPES)}")
        object.__setattr__(self, "io", FORMER_IO.get(self.io, self.io))
        if self.io not in IO:
            raise ModelError("--io", "", f"no choice {self.io!r}; there are {', '.join(IO)}")
        if self.quantize not in QUANTIZE:
            raise ModelError("--quantize", "", f"no choice {self.quantize!r}; there is int8")
        if self.quantize and (self.dtype or self.weights_dtype):
            raise ModelError(
                "--quantize", "", "says the types of all tensors: no --dtype and no --weights-dtype besides"
            )
        if self.align < 1:
            raise ModelError("--align", "", f"{self.align} bytes cannot be; offsets are multiples of 1 or more")

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
