"""`guardrail trace`: what a function reaches, who reaches it, and where time may be lost on the way."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from guardrail.model import GuardrailError, Tree
from guardrail.report.escape import one_line
from guardrail.systemic.contexts import Context, Contexts
from guardrail.systemic.graph import Graph, Node
from guardrail.systemic.project import Key, Project
from guardrail.systemic.refs import last_name
from guardrail.systemic.synthetic import Synthetic
from guardrail.systemic.walk import DEPTH

FEW = 200  # functions that a trace shows on each side
_TOLD = ("transaction", "lock-thread", "lock-async", "lock-dist", "retry", "loop", "connection", "deadline")
_WAITS = ("net", "net-async", "sleep", "sleep-async", "proc", "lock", "retry", "mail", "enqueue")
_UNTOLD = (
    "log",
    "redis",
    "lock-held",
    "lazy",
    "error-kept",
    "database-error-kept",
    "foreign",
    "foreign-row",
    "prompt",
    "whole-body",
)
_TIMED = ("net", "net-async")


@dataclass(frozen=True, slots=True)
class Step:
    """One function on the way, or one effect in it; `depth` calls from the function that is asked about."""

    depth: int
    path: str
    line: int
    symbol: str
    what: str  # "call", or the kind of an effect
    name: str  # what is called
    contexts: tuple[str, ...] = ()
    timeout: str = ""  # of a call of the network: its value, "none" where there is none, "" where nobody knows
    within: tuple[str, ...] = ()  # what the functions on the way to this one hold or are in while it runs
    elsewhere: str = ""  # offload, spawn, commit or later: it runs in a thread, or at another time


@dataclass(frozen=True, slots=True)
class Trace:
    """All that was found about one function."""

    path: str
    symbol: str
    line: int
    contexts: tuple[str, ...]
    reaches: tuple[Step, ...]
    reached_by: tuple[Step, ...]
    limits: tuple[str, ...] = field(default=())


def trace(tree: Tree, tables: dict[str, Any], path: str, symbol: str) -> Trace:
    """The trace of `path.py:symbol`; GuardrailError where there is no such function."""
    project = Project(tree)
    graph = Graph(project, tables)
    node = graph.node((path, symbol)) if path in project.paths else None
    if node is None:
        known = sorted(s for s in project.module(path).functions if s != "<module>") if path in project.paths else []
        near = [s for s in known if s.endswith("." + symbol)]
        hint = f"; did you mean {near[0]}?" if near else (f"; it has {', '.join(known[:12])}" if known else "")
        raise GuardrailError(f"{path}: there is no function {symbol} here{hint}")
    tracing = _Tracing(graph)
    down, up = tuple(tracing.down(node)), tuple(tracing.up(node))
    contexts = tuple(_said(c) for c in tracing.contexts.of_function(node) if c.kind != "function")
    return Trace(path, symbol, node.function.first, contexts, down, up, tuple(sorted(project.limits)))


class _Tracing:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.contexts = graph, Contexts(graph)
        self.synthetic = Synthetic(graph, self.contexts)

    def down(self, start: Node) -> Iterator[Step]:
        """Depth first, so that the way of each effect can be read off the indentation; each function once."""
        seen: set[Key] = {start.key}
        todo: list[Step | tuple[Node, int, tuple[str, ...]]] = [(start, 0, ())]
        while todo:
            item = todo.pop()
            if isinstance(item, Step):
                yield item
                continue
            node, depth, within = item
            following: list[tuple[int, list[Any]]] = [(s.line, [s]) for s in self._inside(node, depth, within)]
            for edge in node.edges if depth < DEPTH else ():
                callee = self.graph.node(edge.callee)
                if callee is None or edge.callee in seen:
                    continue
                if len(seen) >= FEW:
                    self.graph.project.limits.add(f"only the first {FEW} functions are shown")
                    break
                seen.add(edge.callee)
                step = self._step(node, edge.site, depth, "call", callee.function.symbol, edge.cut, within)
                held = (*within, *(f"{text} of {node.key[0]}" for text in step.contexts)) if not edge.cut else ()
                following.append((edge.site.line, [step, (callee, depth + 1, held)]))
            for _, items in sorted(following, key=lambda f: f[0], reverse=True):
                todo.extend(reversed(items))

    def _inside(self, node: Node, depth: int, within: tuple[str, ...]) -> Iterator[Step]:
        for deed in (*node.deeds, *self.synthetic.of(node)):
            if deed.effect.kind not in _UNTOLD:
                yield self._step(node, deed.site, depth, deed.effect.kind, deed.effect.name, deed.cut, within)

    def _step(self, node: Node, site: Any, depth: int, what: str, name: str, cut: str, within: tuple[str, ...]) -> Step:
        contexts = tuple(_said(c) for c in self.contexts.at(node, site) if c.kind in _TOLD)
        timeout = _timeout(site) if what in _TIMED else ""
        return Step(depth, node.key[0], site.line, node.function.symbol, what, name, contexts, timeout, within, cut)

    def up(self, start: Node) -> Iterator[Step]:
        """The callers, the nearest first; each once."""
        seen = {start.key}
        todo = deque([(start, 1)])
        while todo:
            node, depth = todo.popleft()
            for caller, edge in self.graph.callers(node.key) if depth <= DEPTH else ():
                if caller.key in seen:
                    continue
                if len(seen) >= FEW:
                    self.graph.project.limits.add(f"only the first {FEW} callers are shown")
                    return
                seen.add(caller.key)
                whole = tuple(_said(c) for c in self.contexts.at(caller, edge.site) if c.kind in (*_TOLD, "async", "task"))
                key, symbol = caller.key
                yield Step(depth, key, edge.site.line, symbol, "call", node.function.symbol, whole, "", (), edge.cut)
                todo.append((caller, depth + 1))


def _said(context: Context) -> str:
    """`transaction at 12`, `retry ×3 at 4`."""
    times = f" ×{context.attempts}" if context.kind == "retry" and context.attempts else ""
    times = f" of {context.attempts} s" if context.kind == "deadline" else times
    return f"{context.kind}{times} from line {context.line}"


def _timeout(site: Any) -> str:
    """What a call says of its timeout."""
    for argument in site.arguments:
        if argument.keyword == "timeout":
            return str(argument.value) if argument.value is not None else (last_name(argument.ref) or "none")
        if argument.keyword == "**":
            return ""
    return "not given"


def as_json(found: Trace) -> str:
    """The trace for a machine."""
    return json.dumps({"version": 1, **asdict(found)}, indent=2, ensure_ascii=False) + "\n"


def in_words(found: Trace) -> str:
    """The trace for a person."""
    head = f"{found.path}:{found.line} {found.symbol}"
    lines = [one_line(head) + (f"  [{'; '.join(found.contexts)}]" if found.contexts else "")]
    lines += ["", "waits for:"] + ([_waiting(step) for step in _waits(found.reaches)] or ["  nothing that is known"])
    lines += ["", "reaches:"] + (_lines(_with_effects(found.reaches)) or ["  nothing that is known"])
    lines += ["", "reached by:"] + (_lines(found.reached_by) or ["  nobody that is known"])
    lines += [f"note: {limit}" for limit in found.limits]
    return "\n".join(lines) + "\n"


def _waits(steps: Sequence[Step]) -> list[Step]:
    """The steps at which time is lost, each place once."""
    return list({(s.path, s.line, s.what, s.name): s for s in reversed(steps) if s.what in _WAITS}.values())[::-1]


def _waiting(step: Step) -> str:
    """Where time is lost, with all that is held meanwhile, and by whom."""
    extras = [*([f"timeout {step.timeout}"] if step.timeout else []), *step.contexts, *step.within, *filter(None, [step.elsewhere])]
    held = f"  [{'; '.join(dict.fromkeys(extras))}]" if extras else ""
    return one_line(f"  {step.path}:{step.line} {step.symbol} {step.what} {step.name}{held}")


def _with_effects(steps: Sequence[Step]) -> list[Step]:
    """The steps without the calls that lead to nothing."""
    kept: list[Step] = []
    deepest = -1  # of the steps that follow and are kept, as far as they belong to this one
    for step in reversed(steps):
        if step.what != "call" or deepest > step.depth:
            kept.append(step)
            deepest = step.depth
    return kept[::-1]


def _lines(steps: Sequence[Step]) -> list[str]:
    return [one_line(_line(step)) if not step.depth else "  " * step.depth + one_line(_line(step)) for step in steps]


def _line(step: Step) -> str:
    extras = [*step.contexts]
    if step.timeout:
        extras.append(f"timeout {step.timeout}")
    if step.elsewhere:
        extras.append(step.elsewhere)
    what = "calls" if step.what == "call" else step.what
    return f"  {step.path}:{step.line} {step.symbol} {what} {step.name}" + (f"  [{'; '.join(extras)}]" if extras else "")
