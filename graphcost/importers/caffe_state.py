"""Which layers of a Caffe net a state leaves out, and what that explains: a blob that nobody makes, a net of nothing.

Rules as Caffe has them: Net::FilterNet and Net::StateMeetsRule in
https://github.com/BVLC/caffe/blob/master/src/caffe/net.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..graph import Op
from .caffe_layers import Layer, State
from .caffe_schema import fields
from .prototxt import Message

_FLAGS = {
    "--phase": ("phase",),
    "--level": ("min_level", "max_level"),
    "--stage": ("stage", "not_stage"),
}
"""The options that choose a state, and the fields of a rule that are compared with each."""
HARMLESS = frozenset(
    {
        *("default_forward_type", "default_backward_type", "default_forward_math", "default_backward_math"),
        *("global_grad_scale", "global_grad_scale_adaptive", "default_conv_algos_override", "reduce_buckets"),
        *("version", "eps", "default_cudnn_math_override", "conv_algos_override", "engine", "bn_stats_batch_size"),
        *("compile_net_state", "profile_info", "profile_iter", "profile_warmup", "optimize_train", "optimize_mem"),
    }
)
"""Fields that forks add to the net: its element type, which `caffe_precision` reads, and how it is trained, run or
watched, which changes neither a shape nor the cost."""
NAMED = 4
"""Layers that a message names before it only counts them."""


def file_stages(net: Message) -> frozenset[str]:
    """The stages that the file itself puts its net in; phase and level are the caller's (Net's constructor)."""
    state = net.get("state")
    return frozenset(map(str, state.all("stage"))) if isinstance(state, Message) else frozenset()


def not_understood(net: Message) -> list[str]:
    """What a reader should know of fields of the net itself that stand in no schema."""
    known = fields("Net")
    strange = list(dict.fromkeys(name for name, _ in net.items() if name not in known and name not in HARMLESS))
    named = ", ".join(strange[:NAMED]) + (f" and {len(strange) - NAMED} more" if len(strange) > NAMED else "")
    return [f"fields of the net that are not understood: {named}"] if strange else []


def rules_of(layer: Layer) -> str:
    """The rules of a layer as the file has them: `include { phase: TRAIN }`."""
    pairs = [("include", rule) for rule in layer.includes] + [("exclude", rule) for rule in layer.excludes]
    return " ".join(f"{name} {{ {_fields(rule)} }}" for name, rule in pairs)


def _fields(rule: Message) -> str:
    return " ".join(f'{name}: "{value}"' if "stage" in name else f"{name}: {value}" for name, value in rule.items())


def listed(layers: Sequence[Layer]) -> str:
    """Layers with the rules that leave them out, for a message."""
    named = ", ".join(f"{layer.name} ({rules_of(layer)})" for layer in layers[:NAMED])
    return named + (f" and {len(layers) - NAMED} more" if len(layers) > NAMED else "")


def missing_blob(ops: Iterable[Op], made: Iterable[str], left_out: Sequence[Layer]) -> tuple[str, str] | None:
    """The first blob that is read and that only layers left out make: where it is read, and what to say; else None."""
    known = {*made, *(top for op in ops for top in op.outputs)}
    for op in ops:
        for name in op.inputs:
            makers = [layer for layer in left_out if name in layer.tops] if name not in known else []
            if makers:
                by = f"is made only by layers that this phase, level and stage leave out: {listed(makers)}"
                return op.location, f"{op.name}: bottom {name!r} {by}; {_advice(makers)} selects them"
    return None


def nothing_left(state: State, left_out: Sequence[Layer]) -> str:
    """What to say of a net whose layers are all left out, but those that bring its inputs."""
    chosen = f"phase {state.phase}" + (f", stage {', '.join(sorted(state.stages))}" if state.stages else "")
    return f"no layer is left in {chosen}: {listed(left_out)}; {_advice(left_out)} selects them"


def _advice(layers: Sequence[Layer]) -> str:
    """The options that would select some layers."""
    names = {name for layer in layers for rule in (*layer.includes, *layer.excludes) for name, _ in rule.items()}
    flags = {
        "phase": "--phase",
        "min_level": "--level",
        "max_level": "--level",
        "stage": "--stage",
        "not_stage": "--stage",
    }
    return " or ".join(dict.fromkeys(flags[name] for name in flags if name in names)) or "another state"
