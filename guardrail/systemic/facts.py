"""What is remembered of a file for the view over the project: pure data, found without any other file.

An expression is kept as a `Ref`, a nested tuple: ("name", x), ("attr", ref, x), ("call", ref, refs of arguments),
("item", ref) what iterating gives, ("enter", ref) what `with` gives, ("of", ref, refs) a subscripted type,
("any", refs) one of these, ("held", refs) a dict with these in it, where it is returned or given, ("text", literal). None stands
for what nobody needs to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Ref = tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Around:
    """A block that a site stands in, with the line where it begins.

    `kind` is loop, few (turns), while, with, retry, except, finally, try, branch (of an `if`), last (one that leaves), given (what
    follows `if not …: return`), memo (one for what is not known yet) or lacking (one for what an object lacks).
    """

    kind: str
    line: int
    ref: Ref = None  # what is iterated over, entered or caught; what a memo looks into; of others the name that must be true
    number: int = 0  # of a retry: its attempts, 0 where unknown
    asynchronous: bool = False
    names: tuple[
        str, ...
    ] = ()  # that a loop binds; the errors that the handlers of a try keep; of a branch how it leaves: return, break


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call: keyword ("" for a positional, "*" and "**" for many), what it refers to, its literal value, the
    names in it, and what it shows as a part of a text or of a container."""

    keyword: str
    ref: Ref
    value: object = None
    names: frozenset[str] = frozenset()
    shown: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A call, an iteration, a `with` or a reading of an attribute, with the blocks around it, the innermost first."""

    kind: str  # "call" | "iterate" | "read" | "enter" (the beginning of a `with` block) | "change" (in `changes` only)
    line: int
    ref: Ref
    around: tuple[Around, ...] = ()
    arguments: tuple[Argument, ...] = ()
    awaited: bool = False
    given_to: tuple[Ref, ...] = ()  # the calls that it is an argument of, or in a lambda of
    deferred: bool = False  # in a lambda, so that it runs when somebody calls that
    result_used: bool = True


@dataclass(frozen=True, slots=True)
class Function:
    """A function with its sites; `symbol` is dotted and holds the functions around it, "<module>" is the module's own code."""

    symbol: str
    first: int
    header: int
    last: int
    asynchronous: bool = False
    generator: bool = False
    decorators: tuple[tuple[Ref, int, tuple[Argument, ...]], ...] = ()  # with their lines and arguments
    parameters: tuple[tuple[str, Ref, Ref], ...] = ()  # name, annotation, default
    returns: Ref = None  # the annotation
    results: tuple[Ref, ...] = ()  # what is returned or yielded
    values: Mapping[str, tuple[Ref, ...]] = field(default_factory=dict)  # local name → what is assigned to it
    sites: tuple[Site, ...] = ()
    owner: str = ""  # the class that it is a method of
    empty: bool = False  # nothing but a docstring, `pass`, `...` or a raise
    off: frozenset[str] = frozenset()  # parameters that count as false unless somebody gives them
    positional: int = 0  # how many of its parameters may be given without their names
    changes: tuple[Site, ...] = ()  # of attributes, elements and `global` names, in `with` blocks or in two steps (`deferred`)

    @property
    def name(self) -> str:
        """The last part of the symbol."""
        return self.symbol.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Class:
    """A class: its bases, the values of its attributes (with the method that assigns them), their annotations."""

    symbol: str
    line: int
    bases: tuple[Ref, ...] = ()
    values: Mapping[str, tuple[tuple[str, Ref], ...]] = field(default_factory=dict)
    annotations: Mapping[str, Ref] = field(default_factory=dict)
    decorators: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Module:
    """One file."""

    path: str
    name: str  # dotted, as imports know it
    functions: Mapping[str, Function] = field(default_factory=dict)  # by symbol
    classes: Mapping[str, Class] = field(default_factory=dict)
    imports: Mapping[str, str] = field(default_factory=dict)  # local name → qualified name, those in functions too
    stars: tuple[str, ...] = ()
    mentions: Mapping[str, tuple[tuple[str, int], ...]] = field(
        default_factory=dict
    )  # last name of what is called or given → sites
