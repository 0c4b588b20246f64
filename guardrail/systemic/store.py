"""Modules as bytes, for the cache and for worker processes: plain values only, which cannot run anything when they are read."""

from __future__ import annotations

import marshal
from dataclasses import fields
from typing import Any

from guardrail.systemic.facts import Argument, Around, Class, Function, Module, Site

_KINDS: tuple[type[Any], ...] = (Around, Argument, Site, Function, Class, Module)
_NUMBER = {kind: number for number, kind in enumerate(_KINDS)}
_FIELDS = {kind: tuple(f.name for f in fields(kind)) for kind in _KINDS}
_PLACES = {  # fields that hold our own objects, and how
    Site: {"around", "arguments"},
    Module: {"functions", "classes"},
    Function: {"sites", "decorators"},
}


def to_bytes(module: Module) -> bytes:
    """The module as bytes."""
    return marshal.dumps(_plain(module, {}))


def from_bytes(data: bytes) -> Module | None:
    """The module again; None where the bytes are none."""
    try:
        found = _made(Module, marshal.loads(data), {})
    except (ValueError, TypeError, AttributeError, EOFError, LookupError, ArithmeticError, MemoryError, RecursionError):
        return None
    return found if isinstance(found, Module) else None


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
    if type(value) in _NUMBER:
        return _plain(value, known)
    if isinstance(value, tuple):
        return tuple(_inside(v, known) for v in value)
    return {k: _plain(v, known) for k, v in value.items()} if isinstance(value, dict) else value


def _made(kind: type[Any], parts: Any, known: dict[int, Any]) -> Any:
    if kind is Site:
        around = tuple(_around(a, known) for a in parts[3])
        arguments = tuple(Argument(*a) for a in parts[4])
        return kind(*parts[:3], around, arguments, *parts[5:])
    if kind is Function:
        decorators = tuple((ref, line, tuple(Argument(*a) for a in given)) for ref, line, given in parts[6])
        at = _FIELDS[Function].index("sites")
        sites = tuple(_made(Site, s, known) for s in parts[at])
        return kind(*parts[:6], decorators, *parts[7:at], sites, *parts[at + 1 :])
    path, name, functions, classes, *rest = parts
    made = {k: _made(Function, v, known) for k, v in functions.items()}
    return Module(path, name, made, {k: Class(*v) for k, v in classes.items()}, *rest)


def _around(parts: Any, known: dict[int, Any]) -> Around:
    found = known.get(id(parts))
    if found is None:
        found = known[id(parts)] = Around(*parts)
    return found
