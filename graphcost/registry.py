"""Tables of what can be extended: columns, conventions, sections, formats, devices, each under a name of its own.

What comes along is loaded when it is first asked for; what a plugin adds is registered. A name that is taken is refused
unless told to replace it. What a plugin's code raises becomes one line that names the plugin and what it extended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from functools import wraps
from typing import Any, Generic, TypeVar, cast

from .errors import ModelError
from .graph import UnknownShape
from .suggest import close_to

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Registry(Generic[T]):
    """Things of one kind by name: those that come along in their order, then those that plugins add."""

    def __init__(self, kind: str, names: Iterable[str], load: Callable[[str], T]) -> None:
        """`kind` is what messages call one of them; `load` makes one that comes along when it is first asked for."""
        self.kind = kind
        self._load = load
        self._table: dict[str, T | None] = dict.fromkeys(names)  # None: comes along, and is not loaded yet

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __getitem__(self, name: str) -> T:
        """Raises KeyError."""
        thing = self._table[name]
        if thing is None:
            thing = self._table[name] = self._load(name)
        return thing

    def values(self) -> list[T]:
        """All of them."""
        return [self[name] for name in self]

    def close_to(self, name: str) -> list[str]:
        """Up to three names that are nearly the same, in whatever case."""
        return close_to(name, self._table)

    def register(self, name: str, thing: T, *, replace: bool = False) -> None:
        """Add one under a name. Raises ValueError when the name is taken and `replace` is not set."""
        if name in self._table and not replace:
            raise ValueError(f"there is already a {self.kind} {name!r}; replace=True puts another in its place")
        self._table[name] = guarded(thing, f"{self.kind} {name!r}")


def guarded(thing: T, what: str) -> T:
    """A record with each function in it guarded; anything else as it is."""
    if not hasattr(thing, "__dataclass_fields__"):
        return cast(T, guard(thing, what)) if callable(thing) else thing
    changed = {}
    for field in fields(cast(Any, thing)):
        value = getattr(thing, field.name)
        if callable(value) and not isinstance(value, type):
            changed[field.name] = guard(value, what)
        elif isinstance(value, tuple) and value and all(hasattr(each, "__dataclass_fields__") for each in value):
            changed[field.name] = tuple([guarded(each, what) for each in value])
    return cast(T, replace(cast(Any, thing), **changed)) if changed else thing


def guard(function: F, what: str) -> F:
    """A plugin's function whose exceptions become a ModelError that says where they are from and what it extended."""
    if (getattr(function, "__module__", "") or "").startswith("graphcost."):
        return function

    @wraps(function)
    def call(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except (ModelError, UnknownShape):
            raise
        except Exception as problem:  # a plugin may raise anything
            raise plugin_error(function, what, problem) from problem

    return cast(F, call)


def plugin_error(function: Callable[..., Any], what: str, problem: Exception) -> ModelError:
    """What to say of an exception that a plugin's function raised."""
    origin = getattr(function, "__module__", None) or "unknown module"
    return ModelError(f"plugin {origin}", "", f"{what}: {type(problem).__name__}: {problem}")
