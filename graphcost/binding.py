"""What a user says of a model's inputs and symbols, bound to what the file says of them.

The file's shapes may have symbols, or no size at all; here they get the user's values. Whether the operators can work
with these sizes is found out by `passes.infer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from . import given
from .dims import Extent, TooLarge, resolve, solve, substitute, symbol, symbols
from .errors import ArgumentError, ModelError
from .graph import Model, Tensor, TensorSequence
from .ops.abstract import sequence_of
from .shapes import show_shape
from .suggest import did_you_mean

ShapeLike: TypeAlias = "str | Iterable[Extent | str | tuple[str, Any]]"
"""A shape as a user gives it: text, or sizes and names; for a sequence of tensors an item each."""

INPUTS = 8
"""Inputs that a message names before it only counts them."""


@dataclass
class Binding:
    """Inputs and symbols at one set of sizes."""

    inputs: dict[str, Tensor]
    dims: dict[str, Extent]
    """The values of symbols: those given, and those that the shapes given for inputs imply."""
    named: frozenset[str] = field(default_factory=frozenset)
    """The symbols that the inputs had before they got values."""

    def at(self, sizes: Mapping[str, Extent]) -> Binding:
        """The same with values for more symbols."""
        inputs = {name: tensor.substitute(sizes) for name, tensor in self.inputs.items()}
        return Binding(inputs, {**self.dims, **sizes}, frozenset(sizes))


def bind(
    model: Model,
    shapes: Mapping[str, ShapeLike] | None = None,
    dims: Mapping[str, Extent | str] | None = None,
    values: Mapping[str, int | bool] | None = None,
) -> Binding:
    """The inputs of `model` under what a user gives: shapes, values of symbols, contents of inputs of one element.

    Raises ArgumentError, a ModelError, when an input has no shape, a name is not one of the model's inputs, a size is
    none, or an input that is given a value holds other things than one integer or boolean. Raises TypeError for what is
    no mapping.
    """
    bindings = _values_of_symbols(model, given.dims(dims))
    inputs = dict(model.inputs)
    for name, shape in given.shapes(shapes).items():
        _check_input(model, name, "shapes")
        inputs[name] = _override(model, name, shape)
        bindings = {**_implied(model.inputs[name], inputs[name]), **bindings}
    inputs.update(_following(model, inputs, frozenset(shapes or ())))
    named: set[str] = set()
    for name, tensor in inputs.items():
        if tensor.ranked:
            named.update(*map(symbols, tensor.shape))
            inputs[name] = _bound(model, name, tensor, bindings)
        elif name in model.unsized_inputs and name not in model.optional_sizes:
            raise _unsized(model, name)
    for name, content in given.values(values).items():
        _check_input(model, name, "values")
        inputs[name] = _with_value(model, name, inputs[name], content)
    return Binding(inputs, bindings, frozenset(named))


def _following(model: Model, inputs: Mapping[str, Tensor], given: frozenset[str]) -> dict[str, Tensor]:
    """The inputs that a user does not give and whose sizes follow those of others, with these sizes."""
    following = {}
    for name, sized_by in model.sized_by.items():
        leader = inputs[sized_by.leader]
        shape = sized_by.shape(leader.shape) if leader.ranked else None
        if shape is not None and name not in given:
            following[name] = Tensor(shape, inputs[name].dtype)
    return following


def _values_of_symbols(model: Model, dims: Mapping[str, Extent]) -> dict[str, Extent]:
    """The values that a user gives symbols, formulas over other symbols with the values of these in their place."""
    try:
        return resolve(dims)
    except (ValueError, TooLarge) as problem:
        raise ArgumentError("dims", str(problem), model.path) from None


def _bound(model: Model, name: str, tensor: Tensor, bindings: Mapping[str, Extent]) -> Tensor:
    """An input with values for symbols of its shape."""
    try:
        shape = tuple([substitute(extent, bindings, empty=True) for extent in tensor.shape])
        return tensor if shape == tensor.shape else replace(tensor, shape=shape)
    except (ValueError, TooLarge) as problem:
        raise ModelError(model.path, "", f"input {name!r} of shape {show_shape(tensor.shape)}: {problem}") from None


def _unsized(model: Model, name: str) -> ArgumentError:
    """What to say of an input whose size has to be given."""
    place, reason, shape, known = model.unsized_inputs[name]
    return ArgumentError("shapes", reason, model.path, place, example=(name, shape), known=known)


def _check_input(model: Model, name: str, argument: str) -> None:
    """Raise ArgumentError where a model has no such input."""
    if name not in model.inputs:
        names = ", ".join([*model.inputs][:INPUTS]) or "none"
        more = f" and {len(model.inputs) - INPUTS} more" if len(model.inputs) > INPUTS else ""
        near = did_you_mean(name, model.inputs) if len(model.inputs) > 1 else ""
        raise ArgumentError(argument, f"there is no input {name!r}{near}; the inputs are: {names}{more}", model.path)


def _with_value(model: Model, name: str, tensor: Tensor, content: int | bool) -> Tensor:
    """An input of one element with its content, which may choose a branch or a trip count."""
    if not tensor.ranked or tensor.size != 1 or not ("int" in tensor.dtype or tensor.dtype == "bool"):
        held = f"{tensor.dtype} {show_shape(tensor.shape) if tensor.ranked else 'of unknown shape'}"
        reason = f"input {name!r} is {held}; only one integer or boolean can be given a value"
        raise ArgumentError("values", reason, model.path)
    return replace(tensor, value=(int(content),))


def _override(model: Model, name: str, shape: tuple[Any, ...]) -> Tensor:
    """The input under the shape that the user gives it."""
    tensor = model.inputs[name]
    are_items = [isinstance(each, tuple) for each in shape]
    if (any(are_items) != isinstance(tensor, TensorSequence) and shape) or len({*are_items}) > 1:
        kind = "a sequence of tensors, as [('float32', (1, 3))]" if isinstance(tensor, TensorSequence) else "one tensor"
        raise ArgumentError("shapes", f"input {name!r} is {kind}, and is given {shape!r}", model.path)
    if isinstance(tensor, TensorSequence):
        items = tuple(Tensor(tuple(map(_extent, extents)), dtype) for dtype, extents in shape)
        return sequence_of(items, tensor.element.dtype)
    return Tensor(tuple(map(_extent, shape)), tensor.dtype)


def _implied(stated: Tensor, given: Tensor) -> dict[str, Extent]:
    """The values that symbols of a file get from the shape a user gives one of its inputs: 2*s0 is 6 where s0 is 3."""
    if not stated.ranked or not given.ranked or stated.rank != given.rank:
        return {}
    pairs = zip(stated.shape, given.shape, strict=True)
    return dict(filter(None, [solve(was, now) for was, now in pairs if was != now]))


def _extent(extent: Extent | str) -> Extent:
    return symbol(extent) if isinstance(extent, str) else extent
