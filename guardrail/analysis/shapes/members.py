"""What classes state in their own bodies, asked once for a class and all of its methods."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from guardrail.analysis.facts import Facts

_MOST = 40  # attributes of a class that are looked at


def makes(facts: Facts, what: re.Pattern[str]) -> bool:
    """Whether the class of the definition gives a name in its body to what a call of such a qualified name makes."""
    definition = facts.file.definition(facts.owner) if facts.owner else None
    header = facts.file.snippet(definition.first, definition.header, header=True) if definition is not None else None
    if header is None:
        return False
    return header.once(what.pattern, header.tree, lambda: any(what.match(name) for name in _made(facts)), False)


def _made(facts: Facts) -> Iterator[str]:
    """The qualified names of what is called in `x = f()` and `x: T = f()` of the class body."""
    bindings = facts.file.index.bindings
    names = [b.name for b in bindings if b.scope == facts.owner and b.kind == "value" and "." not in b.name]
    for name in names[:_MOST]:
        for own, bind in facts.file.origins(facts.owner, name):
            value = getattr(bind.node, "value", None) if bind.kind == "annotated" else bind.node
            if isinstance(value, cst.Call):
                yield from own.names(value.func)
