"""Layers that are written in Python: the file names a module and a class, and nothing says what they do."""

from __future__ import annotations

from collections.abc import Callable

from ...dims import Undecided
from ...graph import Tensor
from ...rules import GLOBAL, NO_WORK, Facts, rule
from ...shapes import broadcast
from .fields import Value

PYTHON: dict[str, Callable[..., Facts]] = {
    # py-faster-rcnn, lib/rpn/proposal_layer.py, and SSH after it
    "proposal_layer.ProposalLayer": lambda *x: Facts((Tensor((1, 5)), Tensor((1, 1, 1, 1))), None, GLOBAL),
    "text_proposal_layer.ProposalLayer": lambda *x: Facts((Tensor((1, 4)), Tensor((1, 1, 1, 1))), None, GLOBAL),  # CTPN
    "spatial_dropout.SpatialDropoutLayer": lambda x: Facts((Tensor(x.shape),), NO_WORK),  # ENet
    "eltwise.Eltwise": lambda *x: Facts((Tensor(broadcast(*(each.shape for each in x))),), None),  # synopsys-caffe
}
"""Published layers that are written in Python, by the file and the class."""


@rule("caffe.Python", harmless=("param_str", "share_in_parallel"))
def python(*bottoms: Tensor, module: Value = "", layer: Value = "", outputs: int = 1) -> Facts:
    """A layer written in Python: known only for published ones, by their module and class."""
    if (published := PYTHON.get(f"{str(module).rpartition('.')[2]}.{layer}")) is None:
        raise Undecided(f"what the Python layer {module}.{layer} does is not in the file")
    facts = published(*bottoms)
    return Facts(facts.outputs[:outputs], facts.work, facts.window)
