"""Modules as bytes, for the cache and for worker processes: plain values only, which cannot run anything when they are read.

Each function is a piece of its own, which is made when somebody asks for it: of most modules only a few are asked for.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from guardrail.systemic.facts import Argument, Around, Class, Function, Module, Site

_KINDS: tuple[type[Any], ...] = (Around, Argument, Site, Function, Class, Module)
_FIELDS = {kind: tuple(f.name for f in fields(kind)) for kind in _KINDS}
_PLACES = {  # fields that hold our own objects, and how
    Site: {"around", "arguments"},
    Function: {"sites", "decorators", "changes"},
}


def to_bytes(module: Module) -> bytes:
    """The module as bytes."""
    functions = {symbol: marshal.dumps(_plain(function, {})) for symbol, function in module.functions.items()}
    classes = {symbol: _plain(found, {}) for symbol, found in module.classes.items()}
    rest: tuple[Any, ...] = (module.imports, module.stars, module.mentions)
    return marshal.dumps((module.path, module.name, functions, classes, *rest))


def from_bytes(data: bytes) -> Module | None:
    """The module again; None where the bytes are none."""
    try:
        path, name, functions, classes, *rest = marshal.loads(data)
        return Module(path, name, _Functions(functions), {k: Class(*v) for k, v in classes.items()}, *rest)
    except (ValueError, TypeError, AttributeError, EOFError, LookupError, ArithmeticError, MemoryError, RecursionError):
        return None


class _Functions(Mapping[str, Function]):
    """Functions by their symbols, made from bytes when they are asked for."""

    def __init__(self, pieces: dict[str, bytes]) -> None:
        self._pieces = pieces
        self._made: dict[str, Function] = {}

    def __getitem__(self, symbol: str) -> Function:
        found = self._made.get(symbol)
        if found is None:
            found = self._made[symbol] = _function(marshal.loads(self._pieces[symbol]))
        return found

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._pieces

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces)

    def __len__(self) -> int:
        return len(self._pieces)


def _plain(value: Any, known: dict[int, Any]) -> tuple[Any, ...]:
    """An object of ours as a tuple of its fields; one that is met twice is the same tuple twice."""
    held = known.get(id(value))
    if held is None:
        kind = type(value)
        inner = _PLACES.get(kind, set())
        parts = (_inside(getattr(value, n), known) if n in inner else getattr(value, n) for n in _FIELDS[kind])
        held = known[id(value)] = tuple(parts)
    return held


def _inside(value: Any, known: dict[int, Any]) -> Any:
    if type(value) in _FIELDS:
        return _plain(value, known)
    return tuple(_inside(v, known) for v in value) if isinstance(value, tuple) else value


def _function(parts: Sequence[Any]) -> Function:
    at = _FIELDS[Function].index("sites")
    known: dict[int, Around] = {}
    decorators = tuple((ref, line, tuple(Argument(*a) for a in given)) for ref, line, given in parts[6])
    sites, changes = (tuple(_site(s, known) for s in parts[number]) for number in (at, -1))
    given = (*parts[:6], decorators, *parts[7:at], sites, *parts[at + 1 : -1], changes)
    return Function(*given)


def _site(parts: Sequence[Any], known: dict[int, Around]) -> Site:
    around = tuple(_around(a, known) for a in parts[3])
    given = (*parts[:3], around, tuple(Argument(*a) for a in parts[4]), *parts[5:])
    return Site(*given)


def _around(parts: Any, known: dict[int, Around]) -> Around:
    found = known.get(id(parts))
    if found is None:
        found = known[id(parts)] = Around(*parts)
    return found
