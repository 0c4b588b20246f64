"""Calls of a model that may use tools: what it is told, and what its tools are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from guardrail.index import MODULE
from guardrail.model import Unreadable
from guardrail.source import parse
from guardrail.systemic.facts import Function, Module
from guardrail.systemic.graph import Graph
from guardrail.systemic.refs import ref, shown

_DEEP = 6  # names and calls that are followed from `tools=`
_TOLD = ("messages", "input", "user_prompt", "prompt")
_ACTS = re.compile(
    r"(^|_)(send|delete|remove|create|update|write|pay|refund|transfer|post|execute|run|shell|bash|book|cancel|deploy|publish|email"
    r"|grant|revoke|invite|charge|purchase|approve|merge|close|reply|upload|insert|drop|edit|save|issue|ban|reset)(_|$)"
)


@dataclass(frozen=True)
class Scope:
    """Where an expression stands, with the nodes among which its names get their values."""

    module: Module
    function: Function
    nodes: tuple[ast.AST, ...]

    @cached_property
    def values(self) -> dict[str, list[ast.expr]]:
        """What each name, and each attribute of self as `self.name`, is given or gets added."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    found.setdefault(shown(ref(target)), []).append(node.value)
        return found


def told(call: ast.Call) -> list[ast.expr]:
    """What a call tells the model."""
    named = [k.value for k in call.keywords if k.arg in _TOLD]
    return named or [a for a in call.args if not isinstance(a, ast.Starred)][:2]


def acts(graph: Graph, call: ast.Call, scope: Scope) -> bool:
    """Whether one of the tools that a call gives the model changes something."""
    looking = _Looking(graph)
    found = {name for k in call.keywords if k.arg == "tools" for name in looking.names(k.value, scope)}
    if not found:
        agents = [*call.args[:1], *([call.func.value] if isinstance(call.func, ast.Attribute) else [])]
        found = {name for each in agents for name in looking.of_agent(each, scope)}
    return any(_ACTS.search(name) for name in found)


@lru_cache(maxsize=64)
def _parsed(data: bytes) -> ast.Module | None:
    try:
        return parse(data.decode("utf-8", "replace"))
    except (Unreadable, RecursionError):
        return None


class _Looking:
    """The search for the names of tools, each definition looked at once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.seen: set[object] = set()

    def names(self, node: ast.AST | None, scope: Scope, deep: int = 0) -> Iterator[str]:
        """The names of the functions, and those given in schemas, in a value."""
        if deep > _DEEP:
            self.graph.project.limits.add(f"the tools of a model were looked for over {_DEEP} steps, and some lead further")
        if node is None or deep > _DEEP:
            return
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                word = getattr(key, "value", None)
                if word == "name" and isinstance(value, ast.Constant):
                    yield str(value.value)
                elif word in ("function", "tools"):
                    yield from self.names(value, scope, deep + 1)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            yield node.id if isinstance(node, ast.Name) else node.attr
            for given, where in self.values(node, scope):
                yield from self.names(given, where, deep + 1)
        elif isinstance(node, ast.Call):
            yield from self._called(node, scope, deep)
        else:
            for part in ast.iter_child_nodes(node):
                yield from self.names(part, scope, deep + 1)

    def _called(self, node: ast.Call, scope: Scope, deep: int) -> Iterator[str]:
        """Of `Tool(send, name="send")` what is given; of a function of the project what it returns."""
        for each in node.args:
            yield from self.names(each, scope, deep + 1)
        for k in node.keywords:
            if k.arg == "name" and isinstance(k.value, ast.Constant):
                yield str(k.value.value)
            elif k.arg in ("func", "function", "fn", "coroutine", "tools"):
                yield from self.names(k.value, scope, deep + 1)
        for value, where in self.values(node.func, scope):
            for result in ast.walk(value) if isinstance(value, (ast.FunctionDef, ast.AsyncFunctionDef)) else ():
                if isinstance(result, ast.Return):
                    yield from self.names(result.value, where, deep + 1)

    def of_agent(self, node: ast.AST, scope: Scope) -> Iterator[str]:
        """The names of the tools of an agent that is made somewhere, and of those that are registered with it."""
        for value, where in self.values(node, scope):
            if isinstance(value, ast.Call):
                given = [k.value for k in value.keywords if k.arg == "tools"]
                named = getattr(value.func, "id", getattr(value.func, "attr", ""))
                given += value.args[1:2] if named.startswith("create_") else []
                for part in given:
                    yield from self.names(part, where, 1)
                name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
                yield from _registered(self.graph.project.read(where.module.path).decode("utf-8", "replace"), name)

    # ---- where a name gets its value -------------------------------------------------------------

    def values(self, node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        """What a name, or an attribute of self, is given, here or in another file; a function itself. Each is told once."""
        name = shown(ref(node))
        key = (scope.module.path, scope.function.symbol, name)
        if key in self.seen:
            return
        self.seen.add(key)
        if name in scope.values:
            yield from ((value, scope) for value in scope.values[name])
        elif name.startswith("self."):
            yield from self._defined(scope.module, name.removeprefix("self."), scope.function.owner)
        else:
            yield from self._elsewhere(node, scope)

    def _elsewhere(self, node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
        project = self.graph.project
        for name in sorted(self.graph.resolver.names(ref(node), scope.module, scope.function)):
            head, _, last = name.rpartition(".")
            path = project.by_name.get(head) if head else scope.module.path
            if path is not None:
                yield from self._defined(project.module(path), last)
            elif (found := project.locate(name)) and "." in found[1]:  # a method
                yield from self._defined(found[0], last, found[1].rpartition(".")[0])

    def _defined(self, module: Module, last: str, owner: str = "") -> Iterator[tuple[ast.AST, Scope]]:
        """The values of a name of a module, or of an attribute of one of its classes."""
        tree = _parsed(self.graph.project.read(module.path))
        body: list[ast.AST] = list(tree.body) if tree else []
        around = Scope(module, module.functions.get(MODULE) or Function(MODULE, 1, 1, 1), tuple(body))
        if owner:
            body = [n for c in body if isinstance(c, ast.ClassDef) and c.name == owner for n in ast.walk(c)]
        for each in body:
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name == last:
                yield each, replace(around, nodes=tuple(ast.walk(each)))
        inside = replace(around, nodes=tuple(body)).values
        yield from ((value, around) for word in ((f"self.{last}", last) if owner else (last,)) for value in inside.get(word, ()))


def _registered(text: str, name: str) -> list[str]:
    """The functions of a file that stand under `@agent.tool`."""
    pattern = rf"@(?:self\.)?{re.escape(name)}\.tool(?:_plain)?\b[^\n]*\n\s*(?:async\s+)?def\s+(\w+)"
    return re.findall(pattern, text) if name else []


__all__ = ["Scope", "acts", "told"]
