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

    def __post_init__(self) -> None:
        for option, dtype in (("--dtype", self.dtype), ("--weights-dtype", self.weights_dtype)):
            if dtype and dtype not in DTYPES:
                raise ModelError(option, "", f"no element type {dtype!r}; there are {', '.join(DTYPES)}")
        object.__setattr__(self, "io", FORMER_IO.get(self.io, self.io))
        if self.io not in IO:
            raise ModelError("--io", "", f"no choice {self.io!r}; there are {', '.join(IO)}")
        if self.align < 1:
            raise ModelError("--align", "", f"{self.align} bytes cannot be; offsets are multiples of 1 or more")


AS_IT_IS = Target()
"""The file's own types and order, on no device in particular."""
