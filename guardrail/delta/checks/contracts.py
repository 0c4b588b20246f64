"""What clients, callers and messages on their way rely on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from guardrail import places
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, header, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

Losses = Iterable[Lost]
_ASKED = re.compile(r"(Request|Create|Update|Input|Payload|Params|Patch|In|Command|Body)$")
_ANSWERED = re.compile(r"(Response|Out|Output|Read|Public|Result|View|Serializer|Schema|Resource|Detail|Summary)$")
_INJECTED = ("Depends", "Security", "Request", "Response", "BackgroundTasks", "WebSocket", "Session", "self", "cls", "Annotated")


def required_fields(pair: Pair, _rule: Rule, _losses: Losses) -> Iterator[Lost]:
    """Fields that a request model did not have, or had with a default."""
    old, new = _fields(pair.base), _fields(pair.head)
    for name, node in new.items() if _is_model(pair) and _ASKED.search(pair.new.symbol) else ():
        before = old.get(name)
        if _required(pair.head, node) and (before is None or not _required(pair.base, before)):
            what = "is new and required" if before is None else "is required now"
            yield _lost(pair, before, node, f"`{pair.new.symbol}.{name}` {what}.")


def response_fields(pair: Pair, _rule: Rule, _losses: Losses) -> Iterator[Lost]:
    """Fields that a response model or a serializer had."""
    if (
        not _is_model(pair)
        or not _ANSWERED.search(pair.new.symbol)
        or pair.old.symbol.rpartition(".")[2] != pair.new.symbol.rpartition(".")[2]
    ):
        return
    old, new = _fields(pair.base), _fields(pair.head)
    gone = [name for name in old if name not in new and not name.startswith("_") and name not in ("model_config", "Meta")]
    if new and not _bases_changed(pair):
        for name in gone:
            yield _lost(pair, old[name], None, f"`{pair.new.symbol}.{name}` is gone from the response.")


def _is_model(pair: Pair) -> bool:
    return not places.is_test(pair.head.path) and pair.new.kind == "class"


def _bases_changed(pair: Pair) -> bool:
    old, new = (next((n for n in nodes_of(f) if kind_of(n) == "ClassDef"), None) for f in (pair.base, pair.head))
    return old is None or new is None or [pair.base.code(b) for b in old.bases] != [pair.head.code(b) for b in new.bases]


def _fields(facts: Facts) -> dict[str, Any]:
    """The annotated names and, in a serializer, the assigned calls of a class body."""
    found = {}
    klass = next((n for n in nodes_of(facts) if kind_of(n) == "ClassDef"), None)
    for line in klass.body.body if klass is not None else ():
        for small in getattr(line, "body", ()) if kind_of(line) == "SimpleStatementLine" else ():
            if kind_of(small) == "AnnAssign" and kind_of(small.target) == "Name":
                found[small.target.value] = small
            elif kind_of(small) == "Assign" and kind_of(small.targets[0].target) == "Name" and kind_of(small.value) == "Call":
                found[small.targets[0].target.value] = small
    return found


def _required(facts: Facts, node: Any) -> bool:
    if kind_of(node) != "AnnAssign" or "ClassVar" in facts.code(node.annotation.annotation):
        return False
    if node.value is None:
        return True
    code = facts.code(node.value).replace(" ", "")
    return code == "..." or code.startswith(
        ("Field(...", "Field(gt", "Field(ge", "Field(min_length", "Field(max_length", "Field(description")
    )


def _lost(pair: Pair, old: Any, new: Any, message: str) -> Lost:
    was = old if old is not None else header(pair.base)
    return Lost(Guard(pair.base, was, {}, 0), pair.head, new if new is not None else header(pair.head), message=message)


# ---- parameters ----


def _parameters(facts: Facts) -> dict[str, tuple[Any, bool]]:
    """Name → parameter, and whether it must be given; of a method without `self`."""
    function = next((n for n in nodes_of(facts) if kind_of(n) == "FunctionDef"), None)
    if function is None:
        return {}
    params = function.params
    every = [*params.posonly_params, *params.params, *params.kwonly_params]
    return {p.name.value: (p, p.default is None) for p in every if p.name.value not in ("self", "cls")}


def _open(facts: Facts, star: str) -> bool:
    function = header(facts)
    return kind_of(function) == "FunctionDef" and kind_of(getattr(function.params, star)) == "Param"


def required_parameters(pair: Pair, _rule: Rule, losses: Losses) -> Iterator[Lost]:
    """Parameters of an endpoint that a client must send and did not have to."""
    old, new = _parameters(pair.base), _parameters(pair.head)
    path = " ".join(pair.head.code(d.decorator) for d in getattr(header(pair.head), "decorators", ()))
    for name, (node, needed) in new.items():
        code = pair.head.code(node)
        if not needed or any(word in code for word in _INJECTED) or "{" + name in path or "CurrentUser" in code or "Dep" in code:
            continue
        if name not in old and len(new) > len(old) and not _typed_model(pair.head, node):
            yield _lost(pair, None, node, f"`{pair.new.symbol}` asks for `{name}` now.")
        elif name in old and not old[name][1]:
            yield _lost(pair, old[name][0], node, f"`{pair.new.symbol}` now needs `{name}`.")


def _typed_model(facts: Facts, param: Any) -> bool:
    """Whether a parameter is of a class: perhaps one that the framework gives."""
    if param.annotation is None:
        return True
    return facts.code(param.annotation.annotation).split("|")[0].strip() not in (
        "int",
        "str",
        "bool",
        "float",
        "UUID",
        "date",
        "datetime",
    )


def signature(pair: Pair, _rule: Rule, _losses: Losses) -> Iterator[Lost]:
    """Functions in `__all__`: parameters that are gone, required, or no longer where they were."""
    name = pair.new.symbol
    if "." in name or name != pair.old.symbol or not _exported(pair, name):
        return
    if message := _broken(pair):
        yield _lost(pair, None, None, f"`{name}` {message}.")


def _exported(pair: Pair, name: str) -> bool:
    text = pair.after.file.text
    start = text.find("__all__")
    listed = text[start : start + 4000].partition("]")[0] if start >= 0 else ""
    return f'"{name}"' in listed or f"'{name}'" in listed


def _broken(pair: Pair) -> str:
    """What a caller of base would stumble over, in words; "" where nothing."""
    old, new = _parameters(pair.base), _parameters(pair.head)
    gone = [p for p in old if p not in new]
    if gone and not (_open(pair.head, "star_kwarg") or _open(pair.head, "star_arg")):
        return f"no longer takes `{gone[0]}`"
    needed = [p for p, (_, must) in new.items() if must and (p not in old or not old[p][1])]
    if needed:
        return f"needs `{needed[0]}` now"
    order = [p for p in old if p in new]
    if [p for p in new if p in old] != order:
        return "takes its parameters in another order"
    return ""


def payload(pair: Pair, _rule: Rule, losses: Losses) -> Iterator[Lost]:
    """Tasks whose messages of base no longer fit: parameters gone, renamed or required, another name."""
    if pair.old.symbol.rpartition(".")[2] != pair.new.symbol.rpartition(".")[2] or places.is_test(pair.head.path):
        return
    old, new = (list(_parameters(f)) for f in (pair.base, pair.head))
    message = _broken(pair)
    decorators = [" ".join(f.code(d.decorator) for d in getattr(header(f), "decorators", ())) for f in (pair.base, pair.head)]
    tasks = ("task", "actor", "job", "defn")
    if message and old != new and all(any(t in d for t in tasks) for d in decorators):
        yield _lost(pair, None, None, f"The task `{pair.new.symbol}` {message}; messages on their way do not know that.")


def status(pair: Pair, _rule: Rule, _losses: Losses) -> Iterator[Lost]:
    """`status_code=` of a route that has another value."""
    old, new = _status(pair.base), _status(pair.head)
    was = _number(pair.base, old) if old is not None else ""
    now = _number(pair.head, new) if new is not None else "200" if _is_route(pair.head) else ""
    if was and now and was != now:
        said = pair.head.code(new) if new is not None else "the default, 200"
        yield _lost(pair, old, new, f"status_code of `{pair.new.symbol}` {pair.base.code(old)} → {said}.")


def _number(facts: Facts, node: Any) -> str:
    """The number of a status, by whatever name it goes; its code where that is not known."""
    values = facts.constants(node)
    code = facts.code(node)
    named = re.search(r"HTTP_(\d{3})", code)
    member = code.rpartition(".")[2]
    if named or len(values) == 1:
        return named[1] if named else str(int(values[0])) if isinstance(values[0], int) else str(values[0])
    return str(HTTPStatus[member].value) if member in HTTPStatus.__members__ else code


def _is_route(facts: Facts) -> bool:
    return any(re.match(r"\w+\.(get|post|put|patch|delete|api_route)\(", facts.code(d.decorator)) for d in header(facts).decorators)


def _status(facts: Facts) -> Any:
    for decorator in getattr(header(facts), "decorators", ()):
        for argument in getattr(decorator.decorator, "args", ()):
            if argument.keyword is not None and argument.keyword.value == "status_code":
                return argument.value
    return None


def members(pair: Pair, _rule: Rule, _losses: Losses) -> Iterator[Lost]:
    """Members of an enum that are gone or have another value."""
    old, new = _members(pair.base), _members(pair.head)
    if not new or places.is_test(pair.head.path) or pair.old.symbol != pair.new.symbol:
        return
    kept = {pair.head.normal(n.value) for n in new.values()}
    for name, node in old.items():
        now = new.get(name)
        was = pair.base.code(node.value)
        if now is None and pair.base.normal(node.value) in kept and "auto()" not in was:
            continue  # only the name is another: what is stored stays
        if now is None:
            yield _lost(pair, node, None, f"`{pair.new.symbol}.{name}` ({was}) is gone.")
        elif pair.base.normal(node.value) != pair.head.normal(now.value) and "auto()" not in was:
            yield _lost(pair, node, now, f"`{pair.new.symbol}.{name}` {was} → {pair.head.code(now.value)}.")


def _members(facts: Facts) -> dict[str, Any]:
    klass = header(facts)
    lines = klass.body.body if kind_of(klass) == "ClassDef" else ()
    small = [s for line in lines if kind_of(line) == "SimpleStatementLine" for s in line.body if kind_of(s) == "Assign"]
    return {s.targets[0].target.value: s for s in small if kind_of(s.targets[0].target) == "Name"}
