"""Which loops repeat their body for each of many things, which only a few times, and which until it succeeds."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from guardrail.systemic.facts import Around, Ref
from guardrail.systemic.refs import last_name, ref

FEW = 5  # turns of a loop over a literal that nobody minds
_SLICE = 10  # elements of a slice that somebody has kept short on purpose
_BATCHES = re.compile(r"batch|chunk|paginat|pages\b|get_pages|grouper|slices")
_TRIES = re.compile(r"attempt|retr(y|ies)|tries|\btry_")
_UNDOING = frozenset({"rollback", "set_rollback", "savepoint_rollback", "exit", "abort"})
_LEAVING = (ast.Return, ast.Raise, ast.Break)


def of_for(node: Any, few: Collection[str] = ()) -> Around:
    """What a `for` loop is to the calls in its body; `few` are names that stand for few things."""
    retry = _retry_of_for(node)
    if retry is not None:
        return retry
    found = around(node, node.lineno, few)
    ends = isinstance(node.body[-1], _LEAVING) or _is_search(node.body)
    return Around("few", node.lineno) if ends and found.kind == "loop" else found


def around(node: Any, line: int, few: Collection[str] = ()) -> Around:
    """What a loop with a target and an iterable is: `loop`, or `few` for few turns or one for each batch."""
    names = tuple(n.id for n in ast.walk(node.target) if isinstance(n, ast.Name))
    kind = "few" if _few(node.iter) or _named(node.iter) in few else "loop"
    return Around(kind, line, ref(node.iter), 0, bool(getattr(node, "is_async", isinstance(node, ast.AsyncFor))), names)


def is_small(value: ast.expr | None) -> bool:
    """Whether a value is a tuple or a dict that is written down with few elements; a list may still grow."""
    if not isinstance(value, (ast.Tuple, ast.Dict)):
        return False
    parts = value.keys if isinstance(value, ast.Dict) else value.elts
    return 0 < len(parts) <= FEW and not any(part is None or isinstance(part, ast.Starred) for part in parts)


def _named(iterable: ast.expr) -> str:
    """The name of what a loop runs over, also of a dict whose items it runs over."""
    inner = iterable.func if isinstance(iterable, ast.Call) and not iterable.args else None
    if isinstance(inner, ast.Attribute) and inner.attr in ("items", "keys", "values"):
        iterable = inner.value
    return iterable.id if isinstance(iterable, ast.Name) else ""


def _is_search(body: Sequence[ast.stmt]) -> bool:
    """Whether a loop looks for the first of something: it ends with `if found: return …`, on what it has asked for in this turn."""
    last = body[-1]
    if not isinstance(last, ast.If) or last.orelse or not isinstance(last.body[-1], (ast.Return, ast.Break)):
        return False
    if any(isinstance(n, ast.Not) or (isinstance(n, ast.Compare) and isinstance(n.ops[0], ast.Is)) for n in ast.walk(last.test)):
        return False  # what leaves at the first that is missing looks at all of them when all is well
    if any(isinstance(n, ast.Await) for n in ast.walk(last.test)) or isinstance(last.test, ast.Call):
        return True
    asked = {n for s in body if isinstance(s, ast.Assign) and _calls(s.value) for t in s.targets for n in _names(t)}
    return bool(asked & set(_names(last.test)))


def _calls(value: ast.expr) -> bool:
    return isinstance(value.value if isinstance(value, ast.Await) else value, ast.Call)


def _few(iterable: ast.expr) -> bool:
    if isinstance(iterable, ast.Subscript):
        last = iterable.slice.upper if isinstance(iterable.slice, ast.Slice) else None
        return isinstance(last, ast.Constant) and isinstance(last.value, int) and last.value <= _SLICE
    if isinstance(iterable, (ast.Tuple, ast.List, ast.Set)):
        return len(iterable.elts) <= FEW and not any(isinstance(e, ast.Starred) for e in iterable.elts)
    if not isinstance(iterable, ast.Call):
        name = last_name(ref(iterable))
        return _BATCHES.search(name.lower()) is not None or name.endswith("Choices") or (name.isupper() and len(name) > 1)
    name = last_name(ref(iterable.func))
    if name == "range":
        last = iterable.args[-1] if iterable.args else None
        return len(iterable.args) == 3 or (isinstance(last, ast.Constant) and isinstance(last.value, int) and last.value <= FEW)
    if name in ("enumerate", "list", "tuple", "sorted", "reversed", "tqdm", "set") and iterable.args:
        return _few(iterable.args[0])
    return _BATCHES.search(name.lower()) is not None


def condition(test: ast.expr) -> str:
    """What an `if` says of its body.

    `memo` where it runs for what is not known yet, `lacking` where it fills in what an object lacks, `debug` where it is not for
    production.
    """
    if _debug(test):
        return "debug"
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    every = all if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else any
    if every(map(_is_lacking, parts)):
        return "lacking"
    either = every is all and all(map(_is_unknown, parts))
    return "memo" if _is_unknown(test) or either else ""


def _is_unknown(test: ast.expr) -> bool:
    """`key not in found`, `found is None`, `not hasattr(self, "_found")`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and isinstance(test.operand, ast.Call):
        return last_name(ref(test.operand.func)) == "hasattr"
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    none = isinstance(test.comparators[0], ast.Constant) and test.comparators[0].value is None
    return isinstance(test.ops[0], ast.NotIn) or (isinstance(test.ops[0], ast.Is) and none)


def flag(test: ast.expr) -> Ref:
    """The name that a condition asks to be true, alone or among others."""
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    return next((ref(part) for part in parts if isinstance(part, ast.Name)), None)


def guard(node: ast.stmt) -> Ref:
    """The name without which a statement leaves: `if not name: return`."""
    if not isinstance(node, ast.If) or node.orelse or leaving(node.body) != ("return",):
        return None
    return ref(node.test.operand) if isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not) else None


def sought(test: ast.expr) -> Ref:
    """What a `memo` test looks into: `x` of `x is None`, `known` of `key not in known`."""
    if not isinstance(test, ast.Compare):
        return None
    return ref(test.comparators[0] if isinstance(test.ops[0], ast.NotIn) else test.left)


def otherwise(test: ast.expr) -> str:
    """The same of what happens where the test does not hold: `memo` behind `x is not None` and behind `x in known`."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        turned: dict[type, ast.cmpop] = {ast.IsNot: ast.Is(), ast.In: ast.NotIn()}
        op = turned.get(type(test.ops[0]))
        return condition(ast.Compare(test.left, [op], test.comparators)) if op else ""
    return ""


def _is_lacking(test: ast.expr) -> bool:
    """`not self.code`."""
    if not isinstance(test, ast.UnaryOp) or not isinstance(test.op, ast.Not) or not isinstance(test.operand, ast.Attribute):
        return False
    return isinstance(test.operand.value, ast.Name) and test.operand.value.id == "self"


def _debug(test: ast.expr) -> bool:
    parts = (n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(test) if isinstance(n, (ast.Name, ast.Attribute)))
    return any("debug" in part.lower() for part in parts) and not any(isinstance(n, ast.Not) for n in ast.walk(test))


def of_while(node: ast.While) -> Around | None:
    """A `while` is a loop only where it retries: else nobody knows how often it turns, and servers turn for ever."""
    tried = _tries(node.body)
    if tried is None or _polls(node.body, tried):
        return None
    words = " ".join(n.id for n in ast.walk(node) if isinstance(n, ast.Name)).lower()
    if _TRIES.search(words) or _sleeps(node.body):
        return Around("retry", node.lineno)
    return None


def _polls(body: Sequence[ast.stmt], tried: ast.Try) -> bool:
    """Whether a loop waits before each turn, whether or not something failed in the one before."""
    before = body[: next((n for n, s in enumerate(body) if s is tried), 0)]
    return _sleeps([*before, *tried.body])


def _retry_of_for(node: Any) -> Around | None:
    """`for attempt in range(n): try: …; return … except …: …`."""
    name = node.target.id if isinstance(node.target, ast.Name) else ""
    if not isinstance(node.iter, ast.Call) or last_name(ref(node.iter.func)) not in ("range", "count"):
        return None
    tried = _tries(node.body)
    if tried is None:
        return None
    said = _TRIES.search(name.lower()) or _TRIES.search(" ".join(_names(node.iter)).lower())
    if not said and any(n == name for statement in tried.body for n in _names(statement)):
        return None
    return Around("retry", node.lineno, _bound(node.iter), _number(node.iter))


def _bound(call: ast.Call) -> Ref:
    return ref(call.args[-1]) if call.args else None


def _number(call: ast.Call) -> int:
    values = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, int)]
    if not call.args or len(values) != len(call.args):
        return 0
    return values[0] if len(values) == 1 else values[1] - values[0]


def _tries(body: Sequence[ast.stmt]) -> Any:
    """The `try` of a loop that leaves the loop when all is well, and turns once more when something failed."""
    for statement in body:
        if isinstance(statement, (ast.With, ast.AsyncWith)) and (inner := _tries(statement.body)) is not None:
            return inner
        if not isinstance(statement, ast.Try) or all(leaves(h.body) for h in statement.handlers):
            continue
        after = body[list(body).index(statement) + 1 :]
        if any(_stops(s) for s in (*statement.body, *statement.orelse)) or any(
            isinstance(s, (ast.Return, ast.Break)) for s in after
        ):
            return statement
    return None


def _stops(statement: ast.stmt) -> bool:
    """Whether a statement leaves the loop around it, perhaps under a condition."""
    if isinstance(statement, (ast.Return, ast.Break)):
        return True
    inner: list[ast.stmt] = []
    if isinstance(statement, (ast.If, ast.With, ast.AsyncWith)):
        inner = [*statement.body, *getattr(statement, "orelse", [])]
    return any(_stops(s) for s in inner)


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether a block always ends by leaving: return, raise or break."""
    return bool(body) and isinstance(body[-1], _LEAVING)


def leaving(body: Sequence[ast.stmt]) -> tuple[str, ...]:
    """How a branch of an `if` leaves the loop around it: ("return",), also for raise, ("break",), or () where it does not."""
    if not leaves(body):
        return ()
    return ("break",) if isinstance(body[-1], ast.Break) else ("return",)


def way_on(body: Sequence[ast.stmt]) -> str:
    """What a branch is that says nothing by its test: `last` where it leaves, so that a loop does not come to it again."""
    return "last" if leaves(body) else "branch"


def kept(handlers: Sequence[ast.ExceptHandler]) -> tuple[str, ...]:
    """The last names of the errors that handlers neither raise again nor answer with a rollback; "" for all errors."""
    found: list[str] = []
    for handler in handlers:
        nodes = [n for statement in handler.body for n in ast.walk(statement)]
        undone = any(isinstance(n, ast.Call) and last_name(ref(n.func)) in _UNDOING for n in nodes)
        if not undone and not any(isinstance(n, ast.Raise) for n in nodes):
            types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            found += [last_name(ref(t)) for t in types]
    return tuple(found)


def _sleeps(body: Iterable[ast.stmt]) -> bool:
    calls = (n for statement in body for n in ast.walk(statement) if isinstance(n, ast.Call))
    return any(last_name(ref(c.func)) in ("sleep", "wait") for c in calls)


def _names(node: ast.AST) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
