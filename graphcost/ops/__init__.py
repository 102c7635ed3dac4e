"""The rules: one file per operator family, found by looking into this folder.

A Caffe network needs only the families in `caffe/` and what they share; those of this folder itself are loaded when
another operator is asked for. A new file in either folder is loaded like the others, and nothing lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from .. import rules
from ..rules import Rule


def find(kind: str, version: int) -> Rule | None:
    """The newest rule of `kind` that is not above `version` of its operator set; None when there is none."""
    _load_families_of(kind)
    found = (rules.lookup(each, version) for each in _spellings(kind))
    return next((rule for rule in found if rule is not None), None)


def _spellings(kind: str) -> tuple[str, ...]:
    """The kinds whose rules are an operator's, best first: of a Caffe layer written in Python also that of its module
    without the packages around it (`caffe.Python:layer.Class` for `caffe.Python:rpn.layer.Class`), and `caffe.Python`.
    """
    general, colon, place = kind.partition(":")
    if not colon or general != rules.PYTHON:
        return (kind,)
    return kind, f"{general}:{'.'.join(place.split('.')[-2:])}", general


def known() -> tuple[Rule, ...]:
    """Every rule, by kind and version."""
    _load("caffe")
    _load("")
    return rules.registered()


def rule(
    *kinds: str,
    since: int = 1,
    replace: bool = False,
    fields: Iterable[str] = (),
    harmless: Iterable[str] = (),
    weights: Mapping[str, str] = rules.NO_CLASSES,
) -> Callable[[rules.F], rules.F]:
    """`rules.rule` for plugins: the families are loaded first, so that a kind which one of them has is refused here.

    Raises ValueError when a kind already has a rule for that version and `replace` is not set, and for a class of
    weights that does not exist.
    """
    for kind in kinds:
        _load_families_of(kind)
    return rules.rule(*kinds, since=since, replace=replace, fields=fields, harmless=harmless, weights=weights)


def _load_families_of(kind: str) -> None:
    _load("caffe" if kind.startswith("caffe.") else "")


@cache
def _load(folder: str) -> None:
    """Import every module of this package ("") or of a package in it."""
    package = import_module(f".{folder}", __name__) if folder else import_module(__name__)
    for module in iter_modules(package.__path__):
        if not module.ispkg:
            import_module(f".{module.name}", package.__name__)
