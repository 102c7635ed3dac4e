"""What a rule states about an operator, and the table of rules.

A rule is a pure function of tensors and keyword attributes. Its signature is the operator's schema and the only place
where an attribute's default stands; what it returns is a `Facts`. Rules never see a file, a graph or another operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from .dims import Dim, Extent, symbol, total
from .frozen import frozen_dataclass
from .graph import Tensor, Unread
from .suggest import close_to
from .windows import GLOBAL as GLOBAL
from .windows import NOT_KNOWN
from .windows import POINTWISE as POINTWISE
from .windows import Window as Window


@frozen_dataclass(frozen=True, slots=True)
class Work:
    """Scalar operations of one forward run, by kind; `a + b` sums, `a * times` repeats."""

    macs: Extent = 0
    """Multiply-accumulates of convolutions, matrix products, recurrent and attention arithmetic; never a bias."""
    muls: Extent = 0
    adds: Extent = 0
    """Additions and subtractions, those of a bias too."""
    divs: Extent = 0
    exps: Extent = 0
    """Transcendental functions: exp, log, power, square root, sine, error function, ..."""
    compares: Extent = 0
    """Comparisons, maxima, minima, logic and rounding."""

    def __add__(self, other: Work) -> Work:
        return Work(
            self.macs + other.macs,
            self.muls + other.muls,
            self.adds + other.adds,
            self.divs + other.divs,
            self.exps + other.exps,
            self.compares + other.compares,
        )

    def __mul__(self, times: Extent) -> Work:
        return Work(
            self.macs * times,
            self.muls * times,
            self.adds * times,
            self.divs * times,
            self.exps * times,
            self.compares * times,
        )

    @classmethod
    def total(cls, works: Iterable[Work]) -> Work:
        """The sum of many, each formula of which is made once."""
        every = list(works)
        return cls(*[total([getattr(work, kind) for work in every]) for kind in cls.__slots__])

    @property
    def counts(self) -> tuple[Extent, ...]:
        """The counts in the order of the kinds."""
        return self.macs, self.muls, self.adds, self.divs, self.exps, self.compares

    def map(self, change: Callable[[Extent], Extent]) -> Work:
        """Each count changed in the same way."""
        return Work(*[change(getattr(self, kind)) for kind in Work.__slots__])

    @property
    def ops(self) -> Extent:
        """All of them, a multiply-accumulate as two."""
        return 2 * self.macs + self.muls + self.adds + self.divs + self.exps + self.compares


NO_WORK = Work()
"""For an operator that only moves, renames or makes up numbers: its zero is stated."""


LEARNED = "learned"
STATISTICS = "statistics"
SETTINGS = "settings"
QUANTISATION = "quantisation"
TABLES = "tables"
STATES = "states"
CLASSES = {
    LEARNED: "what training finds: kernels, matrices, biases, embeddings, factors of a normalisation",
    STATISTICS: "means and variances that a normalisation gathered while it was trained",
    SETTINGS: "numbers that belong to the operator: bounds, fill values, scales of a resize, a factor of 2",
    QUANTISATION: "scales and zero points of quantised numbers",
    TABLES: "masks, and tables that a formula fills: sines of positions, windows of a transform",
    STATES: "what a recurrence begins with",
}
"""What a weight is for; `learned` is what a paper calls parameters."""
NUMBER = "number"
"""Of an operand that may be anything: it is a setting where it is a single number, else what its name says."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """Boxes that an operator of a detector places at every position of a map, in elements of the network's input."""

    sizes: tuple[tuple[float, float], ...] = ()
    """Width and height of each; empty where the file does not say."""
    step: tuple[float, float] | None = None
    """From the boxes of one position to those of the next, horizontally and vertically; None where that is open."""
    operand: int = 0
    """Which input is the map."""


@frozen_dataclass(frozen=True, slots=True)
class Facts:
    """What a rule answers."""

    outputs: tuple[Tensor, ...]
    work: Work | None
    """Never left out: an operator that costs nothing says NO_WORK, None is a cost that is not known."""
    window: Window = POINTWISE
    weights: tuple[Tensor, ...] = ()
    """Tensors that the operator holds itself: the blobs a Caffe layer allocates, the contents of a Constant."""
    weight_classes: tuple[str, ...] = ()
    """What each of them is for, of CLASSES; what the tuple leaves off is learned, or for its reader to say."""
    is_view: bool = False
    """The first output is the first input under another shape: no bytes move, and the shapes tell what is seen."""
    slice_offsets: tuple[Extent, ...] = ()
    """Where each output begins in the first input, in elements, when each is an unbroken piece of it."""
    elementwise: bool = False
    """Each element of the first output needs that element alone of each operand that is not broadcast to it: the
    operator can run in place, or be fused into the one that makes its operand."""
    elements_read: tuple[Extent, ...] | None = None
    """Elements read of each input, then of each of its own weights; what the tuple leaves off is read whole."""
    packed_as: tuple[Tensor | None, ...] = ()
    """What an input is where its own shape and type are only how it is packed: [8, 64] uint4 in [8, 32] bytes."""
    trip_counts: tuple[Extent, ...] = ()
    """How often each of the operator's bodies runs, in the order of their names."""
    anchors: Anchors | None = None
    """The boxes that it places on a map."""
    is_detection: bool = False
    """It makes boxes, or a loss, of what it reads: that comes from a detector's heads."""
    experts: tuple[int, int] | None = None
    """How many of how many experts work on each token: of the weights whose first axis they are, so many are active."""
    note: str = ""
    """What a reader should know of the count: that it is an upper bound, which branch it is of."""
    warning: str = ""
    """What does not fit in the operands, though a shape can be stated: the framework refuses it when it runs."""

    def map(self, extent: Callable[[Extent], Extent], tensor: Callable[[Tensor], Tensor]) -> Facts:
        """The facts with every size and count changed by `extent`, and every tensor by `tensor`."""
        return replace(
            self,
            outputs=tuple([tensor(each) for each in self.outputs]),
            work=self.work and self.work.map(extent),
            weights=tuple([tensor(each) for each in self.weights]),
            slice_offsets=tuple([extent(each) for each in self.slice_offsets]),
            elements_read=self.elements_read and tuple([extent(each) for each in self.elements_read]),
            packed_as=tuple([each and tensor(each) for each in self.packed_as]),
            trip_counts=tuple([extent(each) for each in self.trip_counts]),
        )

    def shapes_alone(self) -> Facts | None:
        """What stays certain where an attribute is not understood: the shapes of an elementwise operator, no cost."""
        return Facts(self.outputs, None, NOT_KNOWN) if self.elementwise else None


class Body(Protocol):
    """A graph that a rule may run, as a branch or a loop's body: it has one under the keyword of its attribute."""

    @property
    def inputs(self) -> Mapping[str, Tensor]:
        """What the file says of the body's inputs, in order."""

    def __call__(self, *arguments: Tensor | None) -> tuple[Tensor, ...]:
        """Its outputs for these inputs; its rows are those of this run."""

    def accumulate(self, *arguments: Tensor | None) -> tuple[Tensor, ...]:
        """The same, the work of this run added to that of the runs before."""

    @property
    def work(self) -> Work:
        """What is known of the work in its rows."""

    def affords(self, runs: int) -> bool:
        """Whether so many more runs are few beside what may be looked at in all."""

    @property
    def step(self) -> Extent:
        """What stands for the number of any run, from 0 on: a symbol, or the number that the user gives for it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the table holds it: the function, and what its signature says."""

    function: Callable[..., Facts]
    kind: str
    since: int
    min_inputs: int
    """Inputs it cannot do without."""
    max_inputs: int | None
    """Inputs it takes at most; None is any number."""
    keywords: frozenset[str]
    """Attributes that it reads."""
    required: frozenset[str]
    """Those of them that have no default."""
    harmless: frozenset[str]
    """Attributes that it need not read, because they change neither a shape nor the cost."""
    takes_any: bool
    """It accepts keywords that it does not name."""
    replaces: bool = False
    """It stands in the place of another, registered before it or after."""
    classes: tuple[str, ...] = ()
    """What a weight among its inputs is for, in the order of inputs: of CLASSES, NUMBER, or "" where the operator does
    not tell; the last one holds for all further inputs too."""
    contents_of_all: bool = False
    """It reads what its operands hold only where that is known of every one of them."""

    @property
    def is_built_in(self) -> bool:
        """Whether it comes along, rather than from a plugin."""
        return self.function.__module__.startswith("graphcost.")

    def class_of(self, at: int) -> str:
        """What a weight that is input number `at` is for; "" where the operator does not tell."""
        return self.classes[min(at, len(self.classes) - 1)] if self.classes else ""

    def may_be_left_out(self, at: int) -> bool:
        """Whether the function says of an input that it may be None, though others that it needs come after it."""
        code: Any = self.function.__code__
        return "None" in str(self.function.__annotations__.get(code.co_varnames[at], ""))

    @property
    def place(self) -> str:
        """Where its function is written: `graphcost.ops.dense.gemm`."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


NO_CLASSES: Mapping[str, str] = {}
_table: dict[str, list[Rule]] = {}
"""By kind, the newest first."""

F = TypeVar("F", bound=Callable[..., Facts])


def rule(
    *kinds: str,
    since: int = 1,
    replace: bool = False,
    fields: Iterable[str] = (),
    harmless: Iterable[str] = (),
    weights: Mapping[str, str] = NO_CLASSES,
    contents_of_all: bool = False,
) -> Callable[[F], F]:
    """Register a function as the rule of `kinds`, from version `since` of their operator set on.

    Kinds are ONNX operator names, `domain.Name` outside ai.onnx, `caffe.Type` for Caffe layers. A rule that declares
    the keyword `outputs` receives how many outputs the operator has; one that reads a group of attributes together
    names them in `fields` and takes them as `**fields`. `harmless` lists the attributes that change neither a shape nor
    the cost; an operator with any other attribute that the rule does not read is not understood. `weights` says of the
    function's inputs by name what a weight there is for, of CLASSES: `{"mean": STATISTICS}`; one that is not named is
    learned, unless it only passes through. `contents_of_all` says that what operands hold changes nothing unless it is
    known of each, as of an addition: small weights that differ in their values alone are then the same to it. Raises
    ValueError when a kind already has a rule for that version, unless `replace` says that this one is to stand in its
    place, and for an input or a class that does not exist.
    """

    def register(function: F) -> F:
        classes = _classes(function, weights) if weights else ()
        for kind in kinds:
            read = frozenset(fields), frozenset(harmless), classes
            _register(_describe(function, kind, since, replace, *read, contents_of_all=contents_of_all))
        return function

    return register


def _classes(function: Callable[..., Facts], weights: Mapping[str, str]) -> tuple[str, ...]:
    """The class of a weight at each input, the variable inputs last. Raises ValueError for a name that is none."""
    code: Any = function.__code__
    positional = code.co_argcount
    names = list(code.co_varnames[:positional])
    if code.co_flags & 0x04:
        names.append(code.co_varnames[positional + code.co_kwonlyargcount])
    wrong = weights.keys() - set(names) or set(weights.values()) - {*CLASSES, NUMBER}
    if wrong:
        raise ValueError(f"{function.__qualname__}: weights= names {sorted(wrong)}, which is no input or no class")
    return tuple([weights.get(name, "") for name in names])


def _register(new: Rule) -> None:
    """Put a rule into the table; one that replaces stays whichever of the two comes first."""
    others = _table.setdefault(new.kind, [])
    taken = next((entry for entry in others if entry.since == new.since), None)
    if taken is not None and taken.replaces and not new.replaces:
        return
    if taken is not None and not new.replaces:
        raise ValueError(
            f"{new.kind} already has a rule since version {new.since}, {taken.place}; "
            "rule(..., replace=True) puts another in its place"
        )
    kept = [entry for entry in others if entry is not taken]
    _table[new.kind] = sorted([*kept, new], key=lambda entry: -entry.since)


def _describe(
    function: Callable[..., Facts],
    kind: str,
    since: int,
    replaces: bool,
    fields: frozenset[str],
    harmless: frozenset[str],
    classes: tuple[str, ...],
    *,
    contents_of_all: bool,
) -> Rule:
    """Read a signature off the code object; inspect.signature takes fifty times as long."""
    code: Any = function.__code__
    positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
    variadic, any_keyword = bool(code.co_flags & 0x04), bool(code.co_flags & 0x08)
    optional = len(function.__defaults__ or ())
    named = frozenset(code.co_varnames[positional : positional + keyword_only])
    return Rule(
        function,
        kind,
        since,
        min_inputs=positional - optional,
        max_inputs=None if variadic else positional,
        keywords=named | fields,
        required=named.difference(function.__kwdefaults__ or (), ("outputs",)),
        harmless=harmless,
        takes_any=any_keyword and not fields,
        replaces=replaces,
        classes=classes,
        contents_of_all=contents_of_all,
    )


def lookup(kind: str, version: int) -> Rule | None:
    """The newest registered rule of `kind` that is not above `version` of its operator set; None without any."""
    return next((entry for entry in _table.get(kind, ()) if entry.since <= version), None)


def registered() -> tuple[Rule, ...]:
    """Every rule in the table, by kind and version."""
    return tuple(sorted((entry for entries in _table.values() for entry in entries), key=lambda e: (e.kind, e.since)))


HARMLESS = frozenset({"consumed_inputs", "description", "message"})
"""Attributes that change nothing wherever they stand: which inputs an operator of ONNX's first version may overwrite,
a text for people, and that a layer of Caffe's reads the message of another type."""


def not_understood(rule: Rule, attrs: Mapping[str, Any], inputs: Sequence[Tensor | None]) -> str:
    """Why an operator may be another than its rule knows: an attribute or an input that the rule does not read.

    "" where there is none. A name that begins with an underscore is a note that some tool left for itself.
    """
    for name, value in attrs.items():
        known = name in rule.keywords or name in rule.harmless or name in HARMLESS
        known = known or (name in PYTHON_FIELDS and rule.kind.startswith(PYTHON))
        if isinstance(value, Unread) and name not in rule.harmless:
            return f"attribute {name} is too large to be read"
        if not (known or rule.takes_any or name.startswith("_")):
            return f"field {name} is not understood{_nearest(name, rule)}"
    most = rule.max_inputs
    if most is not None and any(tensor is not None for tensor in inputs[most:]):
        return f"takes at most {most} input{'' if most == 1 else 's'} and has {len(inputs)}"
    return ""


def _nearest(name: str, rule: Rule) -> str:
    """The attribute that may be meant by a name, for a message."""
    close = close_to(name, sorted((rule.keywords | rule.harmless) - {"outputs"}), 1)
    return f" (nearest: {close[0]})" if close else ""


PYTHON = "caffe.Python"
"""The kind of a Caffe layer written in Python, before a colon and its module and class."""
PYTHON_FIELDS = frozenset({"module", "layer", "share_in_parallel"})
"""Fields of such a layer that its kind says, or that change nothing; `param_str` is what it is given."""


FRESH = "_x6F_pen_"
"""What the symbols begin with that stand for an extent which only data decides, until they get a name of their own: no
file's name does, since none has an escaped letter (dims/names.py)."""


def data_dependent(axis: int = 0, name: str = "", default: int | None = None) -> Dim:
    """An extent that no shape tells (the boxes that survive, the nonzero elements).

    The engine replaces it by a symbol which the user may bind: it is called `name`, or after the operator's output and
    the axis. With a `default` it is that number until the user gives another one.
    """
    extent = symbol(f"{FRESH}{axis}" + (f"_{'' if default is None else default}_{name}" if name else ""), lower=0)
    assert isinstance(extent, Dim)
    return extent


def wished(fresh: str) -> tuple[str, int | None]:
    """What the symbol of such an extent is to be called, "" where the rule does not say, and its default."""
    default, _, name = fresh.removeprefix(FRESH).partition("_")[2].partition("_")
    return name, int(default) if default else None
