"""State that threads share: what a lock guards in one place and nothing guards in another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.scopes import dotted
from guardrail.shared import MUTATORS, UNSHARED
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_LOCKS = frozenset(f"threading.{n}" for n in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"))
_HELD_BY_CALLER = re.compile(r"(locked|unlocked|nolock|no_lock|unsafe|with_lock|under_lock|holding)", re.IGNORECASE)
_NUMBERED = frozenset(
    "id ids next seq sequence number counter balance stock quota seats remaining credits tickets available inventory serial".split()
)


def unguarded_change(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Methods that change, outside of the lock, what other methods of the class change under it."""
    for match in matches:
        method = match.node
        if not isinstance(method, cst.FunctionDef) or not _is_method(facts, method) or not _may_race(facts, method):
            continue
        guarded, called_under_lock = _of_class(facts)
        if not guarded or method.name.value in called_under_lock:
            continue
        reported: set[str] = set()
        for node, attr in _changes(facts, method):
            if attr in guarded and attr not in reported and not _under_lock(facts, node) and _depends_on_old(facts, node, attr):
                reported.add(attr)
                yield facts.match(node, f"`self.{attr}` is changed here without the lock that guards it in `{guarded[attr]}`.")


def _is_method(facts: Facts, method: cst.FunctionDef) -> bool:
    return (
        bool(facts.owner)
        and facts.definition is not None
        and facts.definition.kind == "function"
        and facts.function(method) is None
    )


def _may_race(facts: Facts, method: cst.FunctionDef) -> bool:
    name = method.name.value
    if UNSHARED.match(name) or _HELD_BY_CALLER.search(name) or method.asynchronous is not None:
        return False
    if re.search(r"\block", (method.get_docstring() or ""), re.IGNORECASE):
        return False
    return not any(flow.called(n) == "acquire" for n in flow.own_nodes(method.body))


def _of_class(facts: Facts) -> tuple[dict[str, str], set[str]]:
    """Attribute → a method that changes it under a lock, and the methods that are called under one; found once for a class."""
    unknown: tuple[dict[str, str], set[str]] = ({}, set())
    definition = facts.file.definition(facts.owner)
    if definition is None:
        return unknown
    of_class = facts.file.facts(definition)
    return of_class.once("guarded", of_class.tree, lambda: _survey(facts), unknown)


def _survey(facts: Facts) -> tuple[dict[str, str], set[str]]:
    guarded: dict[str, str] = {}
    called: set[str] = set()
    for definition in facts.file.index.definitions:
        if definition.kind != "function" or definition.symbol.rpartition(".")[0] != facts.owner or "with" not in definition.words:
            continue
        method = facts.file.facts(definition)
        for block in method.nodes:
            if isinstance(block, cst.With) and _locks(method, block):
                for node in flow.own_nodes(block.body):
                    if isinstance(node, cst.Call) and dotted(node.func).startswith("self."):
                        called.add(flow.called(node))
                for _, attr in _changes(method, block.body):
                    guarded.setdefault(attr, definition.symbol.rpartition(".")[2])
    return guarded, called


def _locks(facts: Facts, block: cst.With) -> bool:
    return any(facts.types(item.item) & _LOCKS and dotted(item.item).startswith("self.") for item in block.items)


def _under_lock(facts: Facts, node: cst.CSTNode) -> bool:
    for around in facts.ancestors(node):
        if isinstance(around, cst.With) and any(
            facts.types(i.item) & _LOCKS or re.search(r"lock|mutex|cond|guard", facts.code(i.item), re.IGNORECASE)
            for i in around.items
        ):
            return True
    return False


def _changes(facts: Facts, root: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, str]]:
    """The statements and calls that change an attribute of `self`, and its name."""
    for node in flow.own_nodes(root):
        if isinstance(node, cst.Assign):
            for target in node.targets:
                yield from _target(node, target.target)
        elif isinstance(node, (cst.AugAssign, cst.Del)):
            yield from _target(node, node.target)
        elif flow.called(node) in MUTATORS:
            of = flow.receiver(node)
            if of is not None:
                yield from _target(node, of)


def _target(node: cst.CSTNode, target: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, str]]:
    inner = target.value if isinstance(target, cst.Subscript) else target
    if isinstance(inner, cst.Attribute) and isinstance(inner.value, cst.Name) and inner.value.value == "self":
        yield node, inner.attr.value


def _depends_on_old(facts: Facts, node: cst.CSTNode, attr: str) -> bool:
    """Whether the change takes two steps: `+=`, a new item made from an old one, or any change that a test has led to.

    One call of a method of a list or dict is one step; nothing comes in between.
    """
    if isinstance(node, cst.AugAssign):
        return True
    if isinstance(node, cst.Assign) and _reads(node.value, attr):
        return True
    return any(isinstance(a, (cst.If, cst.While)) and _reads(a.test, attr) for a in facts.ancestors(node))


def _reads(root: cst.CSTNode, attr: str) -> bool:
    return any(dotted(n) == f"self.{attr}" for n in (root, *flow.own_nodes(root)))


# ---- module state in request handlers ------------------------------------------------------------------


def counted_in_handler(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`global n; n += 1` in a handler that runs in threads, for numbers that must be right."""
    for match in matches:
        function = match.node
        if not isinstance(function, cst.FunctionDef) or function.asynchronous is not None:
            continue
        stated = [n for n in flow.own_nodes(function.body) if isinstance(n, cst.Global)]
        names = {i.name.value for n in stated if "handler" in facts.contexts(n) for i in n.names}
        for node in flow.own_nodes(function.body):
            target = _read_and_written(facts, node, names)
            if target is not None and _NUMBERED.intersection(split_words(facts.code(target))) and not _under_lock(facts, node):
                yield facts.match(node, f"`{facts.code(target)}` is read and written in two steps, by all requests at once.")


def _read_and_written(facts: Facts, node: cst.CSTNode, names: set[str]) -> cst.CSTNode | None:
    if isinstance(node, cst.AugAssign):
        target = node.target
        return target if isinstance(target, cst.Name) and target.value in names else None
    if isinstance(node, cst.Assign) and len(node.targets) == 1 and isinstance(node.targets[0].target, cst.Name):
        name = node.targets[0].target
        again = any(isinstance(n, cst.Name) and n.value == name.value for n in flow.own_nodes(node.value))
        return name if name.value in names and again else None
    return None


def kept_in_class(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`self.items.append(…)` in a view whose `items` is a list of the class: all requests fill the same one."""
    for match in matches:
        held = match.env["X"][1]
        if not isinstance(held, cst.Attribute) or not isinstance(held.value, cst.Name) or held.value.value != "self":
            continue
        origins = facts.attribute_origins(held.attr.value)
        in_class = [bind for _, bind in origins if bind.kind in ("value", "annotated")]
        values = [b.node.value if isinstance(b.node, cst.AnnAssign) else b.node for b in in_class]
        own = any(owner.definition is not None for owner, _ in origins)  # a method gives each instance its own
        if (
            values
            and not own
            and all(isinstance(v, (cst.List, cst.Dict, cst.Set)) for v in values)
            and not _under_lock(facts, match.node)
        ):
            yield match
