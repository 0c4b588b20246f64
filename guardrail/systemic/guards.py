"""State that belongs to another file, and the lock that its other writers hold while they change it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.index import MODULE
from guardrail.shared import UNSHARED
from guardrail.systemic.effects import Effect
from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.graph import Deed, Edge, Graph, Node
from guardrail.systemic.refs import last_name, shown

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.walk import Path

_WRITERS = 2  # functions that hold the lock, at least, before it is known to belong to the state
_UP = 3  # calls upward in which a lock is looked for
_CALLERS = 12  # callers of one function that are asked
_LOCKISH = re.compile(r"lock|mutex|cond|guard|semaphore|synchron|acquire", re.I)


@dataclass(frozen=True, slots=True)
class Guard:
    """The lock of a state, a function that holds it, and how many functions do, and do not."""

    lock: str
    holder: Node
    holding: int
    others: int


def shared_changes(graph: Graph, node: Node) -> Iterator[Deed]:
    """The changes in two steps, with no lock around in the function, of what belongs to another file."""
    if node.function.symbol == MODULE or not any(site.deferred for site in node.function.changes):
        return
    if node.function.asynchronous or UNSHARED.match(node.function.name):
        return
    for site in node.function.changes:
        state = state_of(graph, node, site.ref) if site.deferred and not _is_made_here(node, site.ref) else ""
        if state and _home(graph, state) not in ("", node.key[0]):
            yield Deed(Site("change", site.line, site.ref, site.around), Effect("shared-change", state))


def state_of(graph: Graph, node: Node, ref: Ref) -> str:
    """The qualified name of an attribute of a class of the project, or of a name of a module; "" where neither is known."""
    module, function, resolver = node.module, node.function, graph.resolver
    if ref is None or ref[0] == "global":
        return f"{module.name}.{ref[1]}" if ref else ""
    if ref[0] == "name":
        return module.imports.get(ref[1], f"{module.name}.{ref[1]}") if not _is_local(node, ref[1]) else ""
    if ref[0] != "attr":
        return ""
    owners = resolver.types(ref[1], module, function)
    if len(owners) == 1:
        owner = next(iter(owners))
        if not graph.project.klass(owner):
            return ""
        found = [m for m in resolver.member(owner, ref[2]) if graph.project.klass(m.rpartition(".")[0])]
        return found[0] if found else f"{owner}.{ref[2]}"
    named = [n for n in resolver.names(ref[1], module, function) if _is_module(graph, n)]
    return f"{named[0]}.{ref[2]}" if len(named) == 1 and not owners else ""


def _is_module(graph: Graph, name: str) -> bool:
    found = graph.project.locate(name)
    return found is not None and not found[1]


def _is_local(node: Node, name: str) -> bool:
    """Whether a plain name belongs to the function, or to one around it."""
    scope, functions = node.function.symbol, node.module.functions
    while scope in functions and scope != MODULE:
        function = functions[scope]
        if name in function.values or any(name == p for p, _, _ in function.parameters):
            return True
        scope = scope.rpartition(".")[0]
    return False


def _is_made_here(node: Node, ref: Ref) -> bool:
    """Whether the object that is changed was made by the function itself, so that nobody else has it yet."""
    while ref is not None and ref[0] in ("attr", "call", "of"):
        ref = ref[1]
    return ref is not None and ref[0] == "name" and any(v and v[0] == "call" for v in node.function.values.get(ref[1], ()))


def _home(graph: Graph, state: str) -> str:
    """The file of the class or module that a state belongs to."""
    found = graph.project.locate(state.rpartition(".")[0])
    return found[0].path if found and (not found[1] or found[1] in found[0].classes) else ""


# ---- who holds the lock ------------------------------------------------------------------------------


def not_guarded(judging: Judging, rule: Rule, path: Path) -> str | None:
    """LCK007: the others who change it hold one lock, most of them, and here it is held neither here nor by the callers."""
    node, state = path.hops[-1].node, path.deed.effect.name
    if path.edges or _LOCKISH.search(judging.graph.project.text_of(node.key)):
        return None
    guard = _guard(judging, state)
    if guard is None or guard.holding <= guard.others or _is_held(judging, node, path.deed.site, guard.lock, _UP):
        return None
    holder, lock = guard.holder, guard.lock.rpartition(".")[2]
    where = f"{holder.key[0]}:{holder.function.header}"
    return f"`{shown(path.deed.site.ref)}` is changed without `{lock}`, which `{holder.function.symbol}` ({where}) and others hold."


def _guard(judging: Judging, state: str) -> Guard | None:
    """The lock that most writers of a state hold."""
    if state not in judging.guards:
        judging.guards[state] = _find_guard(judging, state)
    return judging.guards[state]


def _find_guard(judging: Judging, state: str) -> Guard | None:
    held: Counter[str] = Counter()
    holders: dict[str, Node] = {}
    home = _home(judging.graph, state)
    writers = sorted(_writers(judging, state), key=lambda writer: writer[0].key[0] != home)
    for node, sites in writers:
        for lock in frozenset.intersection(*(_locks(judging, node, site, _UP) for site in sites)) - {""}:
            held[lock] += 1
            holders.setdefault(lock, node)
    if not held or max(held.values()) < _WRITERS:
        return None
    lock = max(sorted(held), key=lambda each: held[each])
    return Guard(lock, holders[lock], held[lock], len(writers) - held[lock])


def _writers(judging: Judging, state: str) -> Iterator[tuple[Node, list[Site]]]:
    """The functions that change a state after it is shared, each with the changes."""
    name = state.rpartition(".")[2]
    for module in judging.graph.project.naming(name):
        for symbol, function in module.functions.items():
            some = [site for site in function.changes if site.ref and site.ref[-1] == name]
            node = judging.graph.node((module.path, symbol)) if some and not UNSHARED.match(function.name) else None
            sites = [site for site in some if node and state_of(judging.graph, node, site.ref) == state]
            if node and sites:
                yield node, sites


def _locks(judging: Judging, node: Node, site: Site, up: int) -> frozenset[str]:
    """The locks of threads that are held at a site, by the function or by all of its callers."""
    blocks = [(around, c) for around in site.around for c in judging.contexts.of_block(node, around) if c.kind == "lock-thread"]
    own = frozenset(c.identity or state_of(judging.graph, node, around.ref) for around, c in blocks)
    callers = _asked(judging, node) if up and not own else []
    if not callers or len(callers) > _CALLERS:
        return own
    return own | frozenset.intersection(*(_locks(judging, caller, edge.site, up - 1) for caller, edge in callers))


def _asked(judging: Judging, node: Node) -> list[tuple[Node, Edge]]:
    """The callers of a function; where they are too many to be asked for a lock, the user is told."""
    callers = judging.graph.callers(node.key)
    if len(callers) > _CALLERS:
        judging.graph.project.limits.add(f"of the callers of `{node.function.symbol}` {_CALLERS} were asked for their locks")
    return callers


def _is_held(judging: Judging, node: Node, site: Site, lock: str, up: int) -> bool:
    """Whether nobody comes to a site without the lock, or with the object unshared yet, as far as the callers are known."""
    if lock in _locks(judging, node, site, 0) or any(_LOCKISH.search(last_name(a.ref)) for a in site.around):
        return True
    if UNSHARED.match(node.function.name) or _LOCKISH.search(node.function.name):
        return True
    if not up:
        judging.graph.project.limits.add(f"locks were looked for over {_UP} calls upward, and some may be held further up")
    callers = _asked(judging, node)[:_CALLERS] if up else []
    return bool(callers) and all(_is_held(judging, caller, edge.site, lock, up - 1) for caller, edge in callers)


__all__ = ["not_guarded", "shared_changes", "state_of"]
