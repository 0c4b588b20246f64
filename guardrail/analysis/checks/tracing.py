"""What the security checks share: following a value back through its assignments, and looking around in a definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import Bind, dotted
from guardrail.analysis.walk import children
from guardrail.words import split_words

Located = tuple[Facts, cst.CSTNode]
_MOST = 400  # nodes looked at before a trace is given up
_FOLLOWED = frozenset({"value", "annotated", "item", "grow", "fill", "with"})
DRESSING = frozenset("encode decode strip lower upper".split())  # methods that leave the text of a value as it is
_LOOPS = (cst.For, cst.While)
_COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)


def below(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The node and all in it, names of attributes and of keywords left out."""
    stack = [node]
    while stack:
        at = stack.pop()
        yield at
        for child in children(at):
            if isinstance(at, cst.Attribute) and child is at.attr:
                continue
            if isinstance(at, cst.Arg) and child is at.keyword:
                continue
            stack.append(child)


def bound(bind: Bind) -> cst.CSTNode | None:
    """The expression that a binding takes its value, or a part of it, from."""
    if bind.kind == "annotated":
        return getattr(bind.node, "value", None)
    return bind.node if bind.kind in _FOLLOWED else None


def origins(facts: Facts, node: cst.CSTNode) -> list[Located]:
    """The expressions that a name or `self` attribute may stand for."""
    found: list[tuple[Facts, Bind]] = []
    if isinstance(node, cst.Name):
        found = facts.origins(node)
    elif isinstance(node, cst.Attribute) and dotted(node.value) in ("self", "cls"):
        found = facts.attribute_origins(node.attr.value)
    values = [(owner, bound(bind)) for owner, bind in found]
    return [(owner, value) for owner, value in values if value is not None]


def trace(facts: Facts, node: cst.CSTNode) -> Iterator[Located]:
    """Every node that the value is made of, through assignments."""
    stack: list[Located] = [(facts, node)]
    seen: set[int] = set()
    count = 0
    while stack:
        owner, at = stack.pop()
        for part in below(at):
            if id(part) in seen:
                continue
            seen.add(id(part))
            count += 1
            if count > _MOST:
                return
            yield owner, part
            if isinstance(part, (cst.Name, cst.Attribute)):
                stack.extend(origins(owner, part))


def resolve(facts: Facts, node: cst.CSTNode) -> Located:
    """What a name finally stands for; itself where that is not one thing."""
    for _ in range(8):
        target = facts.deref(node)
        if target is None or target[1] is node:
            break
        facts, node = target
    return facts, node


def unwrap(facts: Facts, node: cst.CSTNode, methods: frozenset[str]) -> Located:
    """What is inside of calls of methods that only dress a value, such as `.encode()`."""
    facts, node = resolve(facts, node)
    while isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in methods:
        facts, node = resolve(facts, node.func.value)
    return facts, node


def method(node: cst.CSTNode) -> str:
    """The last name of what a call calls: `get` of `a.b().get(…)`."""
    if isinstance(node, cst.Call):
        func = node.func
        if isinstance(func, cst.Attribute):
            return func.attr.value
        return func.value if isinstance(func, cst.Name) else ""
    return ""


def calls(facts: Facts) -> Iterator[cst.Call]:
    """The calls of the slice."""
    return (n for n in facts.nodes if isinstance(n, cst.Call))


def called(facts: Facts, node: cst.CSTNode) -> frozenset[str]:
    """The qualified names of what is called, none for anything but a call."""
    return facts.names(node.func) if isinstance(node, cst.Call) else frozenset()


def argument(node: cst.Call, at: int, keyword: str = "") -> cst.BaseExpression | None:
    """A positional argument, or a keyword."""
    plain = [a.value for a in node.args if a.keyword is None and not a.star]
    named = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
    if keyword and keyword in named:
        return named[keyword]
    return plain[at] if 0 <= at < len(plain) else None


def name_of(facts: Facts, node: cst.CSTNode) -> str:
    """The name that a target or expression goes by: of `a.b` it is b, of `a["b"]` b."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return node.attr.value
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        key = facts.constant(node.slice[0].slice.value)
        return key if isinstance(key, str) else ""
    return ""


def key_read(facts: Facts, node: cst.CSTNode) -> tuple[cst.BaseExpression, str] | None:
    """Receiver and key of `x["key"]` and `x.get("key")`."""
    if isinstance(node, cst.Subscript):
        key = name_of(facts, node)
        return (node.value, key) if key else None
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "get" and node.args:
        value = facts.constant(node.args[0].value)
        return (node.func.value, value) if isinstance(value, str) else None
    return None


def identifiers(facts: Facts) -> frozenset[str]:
    """All names, attributes and keywords of the slice, lower case."""
    found = set()
    for node in facts.nodes:
        if isinstance(node, cst.Name):
            found.add(node.value.lower())
        elif isinstance(node, cst.Attribute):
            found.add(node.attr.value.lower())
        elif isinstance(node, cst.Arg) and node.keyword is not None:
            found.add(node.keyword.value.lower())
        elif isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            found.add(node.name.value.lower())
    return frozenset(found)


def texts(facts: Facts) -> Iterator[str]:
    """The string constants of the slice."""
    for node in facts.nodes:
        if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
            value = node.evaluated_value
            yield value if isinstance(value, str) else value.decode("utf-8", "replace") if value else ""
        elif isinstance(node, cst.FormattedStringText):
            yield node.value


def words_of(text: str) -> frozenset[str]:
    """The lower-case words of a piece of code."""
    return frozenset(split_words(text))


def symbol(facts: Facts) -> str:
    """The dotted name of the definition, "" where there is none."""
    return facts.definition.symbol if facts.definition is not None else ""


def function_name(facts: Facts, node: cst.CSTNode) -> str:
    """The name of the function around the node."""
    around = facts.function(node)
    return around.name.value if isinstance(around, cst.FunctionDef) else ""


def in_loop(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the node is run again and again inside its function."""
    return loop_around(facts, node) is not None


def loop_around(facts: Facts, node: cst.CSTNode) -> cst.CSTNode | None:
    """The innermost loop or comprehension whose turns run the node."""
    child = node
    for around in facts.ancestors(node):
        if isinstance(around, (cst.FunctionDef, cst.Lambda)):
            return None
        if isinstance(around, _LOOPS) and child is around.body:
            return around
        if isinstance(around, _COMPREHENSIONS) and child is not around.for_in:
            return around
        child = around
    return None


def inside(facts: Facts, node: cst.CSTNode, around: cst.CSTNode) -> bool:
    """Whether a node stands in another one."""
    return node is around or any(a is around for a in facts.ancestors(node))


def result_unused(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Matches whose value nobody looks at."""
    return (m for m in matches if flow.is_statement(m.facts, m.node))


def named(match: Match, name: str) -> Located | None:
    """What a metavariable stands for."""
    return match.env.get(name)
