"""What classes state in their own bodies, asked once for a class and all of its methods."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from guardrail.analysis.facts import Facts

_MOST = 40  # attributes of a class that are looked at


def makes(facts: Facts, what: re.Pattern[str]) -> bool:
    """Whether the class, or what a method names of its class, is given in the body by a call of such a qualified name."""
    definition = facts.file.definition(facts.owner) if facts.owner else None
    header = facts.file.snippet(definition.first, definition.header, header=True) if definition is not None else None
    if header is None:
        return False
    if facts.definition is not definition:
        return any(what.match(name) for name in _made(facts))
    return header.once(what.pattern, header.tree, lambda: any(what.match(name) for name in _made(facts)), False)


def _made(facts: Facts) -> Iterator[str]:
    """The qualified names of what is called in `x = f()` and `x: T = f()` of the class body; of a method's, what it names."""
    bindings = facts.file.index.bindings
    names = [b.name for b in bindings if b.scope == facts.owner and b.kind == "value" and "." not in b.name]
    if facts.definition is not None and facts.definition.kind == "function":
        names = [name for name in names if name in facts.definition.words]
    for name in names[:_MOST]:
        for own, bind in facts.file.origins(facts.owner, name):
            value = getattr(bind.node, "value", None) if bind.kind == "annotated" else bind.node
            if isinstance(value, cst.Call):
                yield from own.names(value.func)
