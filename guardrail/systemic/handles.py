"""Sessions and connections that a function gets from a helper of the project, and does not close."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from guardrail.index import MODULE
from guardrail.model import Unreadable
from guardrail.source import parse
from guardrail.systemic.effects import Effect
from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.graph import Deed, Graph, Node
from guardrail.systemic.refs import shown

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.walk import Path

_DEEP = 3  # helpers between a function and what opens the handle
_CLOSES = frozenset("close aclose release disconnect quit shutdown dispose remove terminate invalidate detach wait_closed".split())
_DERIVED = frozenset(
    "cursor begin query execute pubsub pipeline stream makefile transaction invoke_shell open_sftp get_transport channel".split()
)
_FOR_EVER = frozenset({"main", "run", "cli", "serve", "setup", "startup", "lifespan", "__init__", "__enter__", "__aenter__"})
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def handles(graph: Graph, node: Node) -> Iterator[Deed]:
    """The calls of helpers, of the other files as well, that give a handle which the function does not close."""
    function = node.function
    if function.symbol == MODULE or function.name in _FOR_EVER:
        return
    given = {value[1]: name for name, values in function.values.items() for value in values if value and value[0] == "call"}
    for site in function.sites:
        name = given.get(site.ref, "") if _is_plain(site) else ""
        opened = _opened_by(graph, node, site) if name else ""
        if opened and (way := leak(graph.project.text_of(node.key), name, site.line - function.first + 1)):
            yield Deed(site, Effect("handle", f"{opened}|{way}|{name}"))


def _is_plain(site: Site) -> bool:
    """Whether a call may be all that a name is given."""
    inside = site.given_to or site.deferred or any(a.kind == "with" for a in site.around)
    return site.kind == "call" and site.result_used and not inside


def _opened_by(graph: Graph, node: Node, site: Site) -> str:
    """What opens the handle that a call of the project gives: its qualified name."""
    names = graph.resolver.names(site.ref, node.module, node.function)
    if len(names) != 1:
        return ""
    name = next(iter(names))
    opened = graph.resolver.once(("opened by", name), lambda: [found] if (found := _factory(graph, name, _DEEP)) else [])
    return next(iter(opened), "")


def _factory(graph: Graph, name: str, deep: int) -> str:
    """What a function of the project opens anew for each call and hands over, "" where it does not."""
    found = graph.project.locate(name)
    if found and found[1] in found[0].functions and not deep:
        graph.project.limits.add(f"what opens a handle was looked for over {_DEEP} helpers, and some lead further")
    node = graph.node((found[0].path, found[1])) if found and found[1] in found[0].functions and deep else None
    if node is None or node.function.generator or node.function.decorators or not node.function.results:
        return ""
    opened = {_opens(graph, node, result, deep) for result in node.function.results}
    return opened.pop() if len(opened) == 1 else ""


def _opens(graph: Graph, node: Node, result: Ref, deep: int) -> str:
    """What opens the value of a `return`."""
    if result and result[0] == "name":
        values = node.function.values.get(result[1], ())
        if len(values) != 1 or not _only_returned(graph.project.text_of(node.key), result[1]):
            return ""
        result = values[0]
    if not result or result[0] != "call":
        return ""
    listed = graph.effects.listed("systemic", "handle")
    names = graph.resolver.names(result[1], node.module, node.function)
    if names & listed:
        return sorted(names & listed)[0]
    makers = graph.resolver.types(result[1], node.module, node.function)
    if makers and makers <= graph.effects.listed("systemic", "handle-makers"):
        return sorted(makers)[0]
    return _factory(graph, next(iter(names)), deep - 1) if len(names) == 1 else ""


# ---- what a function does with the name ---------------------------------------------------------------


def leak(text: str, name: str, line: int) -> str:
    """How a handle in `name`, opened at a line of the text (1-based), stays open: `never`, `return` or "" where it does not."""
    function = _parsed(text)
    if function is None or _goes_elsewhere(function, name) or _hands_on(function, name):
        return ""
    closing = [n for n in ast.walk(function) if _is_closing(n, name)]
    if not closing:
        return "" if any(isinstance(n, ast.While) and isinstance(n.test, ast.Constant) for n in ast.walk(function)) else "never"
    in_time = {id(n) for t in ast.walk(function) if isinstance(t, ast.Try) for s in t.finalbody for n in ast.walk(s)}
    if any(id(n) in in_time for n in closing):
        return ""
    return "return" if _returns_open(function.body, name, line, False) else ""


def _parsed(text: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        body = parse(textwrap.dedent(text)).body
    except (Unreadable, RecursionError):
        return None
    return body[0] if len(body) == 1 and isinstance(body[0], (ast.FunctionDef, ast.AsyncFunctionDef)) else None


def _is_closing(node: ast.AST, name: str) -> bool:
    """`name.close`, called or handed over."""
    return isinstance(node, ast.Attribute) and node.attr in _CLOSES and isinstance(node.value, ast.Name) and node.value.id == name


def _only_returned(text: str, name: str) -> bool:
    """Whether a helper keeps nothing of what it returns under a name."""
    function = _parsed(text)
    if function is None:
        return False
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id == name:
            node.value = None
    return not _goes_elsewhere(function, name)


def _goes_elsewhere(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether a name is used for anything but a method or an attribute of what it holds, or is given a value twice."""
    used = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name]
    reached = {id(n.value) for n in ast.walk(function) if isinstance(n, ast.Attribute)}
    stored = [n for n in used if isinstance(n.ctx, ast.Store)]
    if len(stored) != 1 or any(isinstance(n, (ast.Global, ast.Nonlocal)) and name in n.names for n in ast.walk(function)):
        return True
    if any(id(n) not in reached and not isinstance(n.ctx, ast.Store) for n in used):
        return True
    inner = (n for scope in ast.walk(function) if scope is not function and isinstance(scope, _SCOPES) for n in ast.walk(scope))
    return any(isinstance(n, ast.Name) and n.id == name for n in inner)


def _returns_open(block: Sequence[ast.stmt], name: str, line: int, closed: bool) -> bool:
    """Whether a `return` comes after the line, and nothing on its way has closed the handle before."""
    for statement in block:
        closed = closed or (not _parts(statement) and any(_is_closing(n, name) for n in ast.walk(statement)))
        if isinstance(statement, ast.Return):
            return statement.lineno > line and not closed
        if any(_returns_open(part, name, line, closed) for part in _parts(statement)):
            return True
        closed = closed or any(_is_closing(n, name) for n in ast.walk(statement))
    return False


def _parts(statement: ast.stmt) -> list[Sequence[ast.stmt]]:
    """The blocks of a statement."""
    own = [getattr(statement, field, None) for field in ("body", "orelse", "finalbody")]
    more = [part.body for field in ("handlers", "cases") for part in getattr(statement, field, ())]
    return [part for part in (*own, *more) if part]


def _hands_on(function: ast.AST, name: str) -> bool:
    """Whether something that lives by the handle, a cursor of it, leaves the function: then the handle is in use."""
    made = {id(n) for n in ast.walk(function) if _is_derived(n, name)}
    kept = {
        t.id
        for n in ast.walk(function)
        if isinstance(n, ast.Assign) and id(n.value) in made
        for t in n.targets
        if isinstance(t, ast.Name)
    }
    given = [n.value for n in ast.walk(function) if isinstance(n, (ast.Return, ast.Yield)) and n.value is not None]
    given += [a for n in ast.walk(function) if isinstance(n, ast.Call) for a in (*n.args, *(k.value for k in n.keywords))]
    given += [n.value for n in ast.walk(function) if isinstance(n, ast.Assign) and not isinstance(n.targets[0], ast.Name)]
    return any(id(part) in made or (isinstance(part, ast.Name) and part.id in kept) for value in given for part in _top(value))


def _top(value: ast.expr) -> list[ast.expr]:
    """A value, and the elements of one that is a tuple."""
    return [value, *(value.elts if isinstance(value, ast.Tuple) else [])]


def _is_derived(node: ast.AST, name: str) -> bool:
    """`name.cursor()`."""
    node = node.value if isinstance(node, ast.Await) else node
    func = node.func if isinstance(node, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr in _DERIVED and isinstance(func.value, ast.Name) and func.value.id == name


# ---- the rule -----------------------------------------------------------------------------------------


def not_closed(judging: Judging, rule: Rule, path: Path) -> str | None:
    """NET006: a handle from a helper, with what has opened it."""
    opened, way, name = path.deed.effect.name.split("|")
    if path.edges:
        return None
    helper = shown(path.deed.site.ref)
    what = f"`{name}`, which `{helper}` opens with {opened},"
    return f"{what} is never closed." if way == "never" else f"{what} stays open where this function returns early."


__all__ = ["handles", "leak", "not_closed"]
