"""What values are held against before they are used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail import places
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_LOWER = ("ge", "gt", "min_length", "min_value", "min_items")  # bounds from below: weaker when they fall
_UPPER = ("le", "lt", "max_length", "max_value", "max_items", "max_digits")
_THERE = ("pattern", "regex", "multiple_of", "validators", "validate", "unique", "allowed_extensions", "decimal_places", "choices")
_NARROW = re.compile(
    r"\bLiteral\[|\b(?:EmailStr|HttpUrl|AnyUrl|AnyHttpUrl|UUID\d?|PositiveInt|NonNegativeInt|PositiveFloat|NonNegativeFloat|con(?:str|int|float|decimal|list)"
    r"|IPvAny\w+|FutureDate|PastDate|AwareDatetime|Strict(?:Int|Str|Bool)|StringConstraints|\w+(?:Enum|Choices))\b"
)
_ASSURES = re.compile(
    r"NotImplementedError|AssertionError|StopIteration|PermissionDenied|PermissionError|Forbidden|Unauthorized|40[13]"
)
_OTHERS = re.compile(
    r"(?i)\b(?:state|nonce|csrf|token|signature|digest|user|owner|permissions?|roles?)\b"
)  # whose loss is another rule's
_BOUND = re.compile(r"\b(?:gt|ge|lt|le|min_length|max_length|pattern|regex|choices)\s*=")
_FREE = re.compile(
    r"(?:Optional\[)?(?:str|int|float|Any|typing\.Any|object|dict|dict\[str, (?:Any|object|str)\])\]?(?:\s*\|\s*None)?\Z"
)


def checks(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Calls that refuse or clean, where the value that they had is still used and no new check has a name that says so."""
    new = frozenset().union(*(f.definition.words for f in pair.heads if f.definition)) - pair.old.words
    if any(
        name.lower().startswith(("validate", "check", "clean", "sanitize", "is_valid", "verify", "parse_", "ensure"))
        for name in new
    ):
        return
    for lost in losses:
        facts, node = lost.guard.itself
        given = [a.value for a in node.args if a.keyword is None]
        first = given[0] if given else getattr(node.func, "value", None)
        root = facts.code(first).split(".")[0].split("(")[0].split("[")[0] if first is not None else ""
        if not root or any(root in (f.definition.words if f.definition else ()) for f in pair.heads):
            yield lost


def bounds(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Arguments of fields that bound their values: gone, or further than before."""
    before = [g for g in guards(pair.base, rule.patterns, rule) if _bounding(g)]
    after = {_field(g): g for f in pair.heads for g in guards(f, rule.patterns, rule)}
    for guard in before:
        now = after.get(_field(guard))
        if now is None or not _field(guard) or _constrained(now):
            continue
        old, new = _bounding(guard), _bounding(now)
        for name, value in old.items():
            if message := _looser(guard.facts, name, value, now.facts, new.get(name)):
                yield Lost(guard, now.facts, now.node, message=f"`{_field(guard)}`: {message}.")


def _constrained(guard: Guard) -> bool:
    return any(a.star == "**" for a in guard.node.args) or ("Literal[" in guard.facts.code(guard.facts.statement(guard.node)))


def _bounding(guard: Guard) -> dict[str, Any]:
    wanted = (*_LOWER, *_UPPER, *_THERE)
    return {a.keyword.value: a.value for a in guard.node.args if a.keyword is not None and a.keyword.value in wanted}


def _field(guard: Guard) -> str:
    """The name that the field has, also in an annotation: `age: Annotated[int, Field(ge=0)]`."""
    for above in guard.facts.ancestors(guard.node):
        if kind_of(above) == "AnnAssign":
            return guard.facts.code(above.target)  # type: ignore[attr-defined]
        if kind_of(above) == "Assign":
            return guard.facts.code(above.targets[0].target)  # type: ignore[attr-defined]
        if kind_of(above) == "Param":
            return guard.facts.code(above.name)  # type: ignore[attr-defined]
    return ""


def _looser(base: Facts, name: str, old: Any, head: Facts, new: Any) -> str:
    was = base.code(old)
    if was in ("None", "False", "[]", "()"):
        return ""
    if new is None:
        return f"{name} {was} → none"
    before, after = base.constant(old), head.constant(new)
    if name in _THERE:
        return f"{name} {was} → {head.code(new)}" if head.code(new) in ("None", "False", "[]", "()") else ""
    if not (isinstance(before, (int, float)) and isinstance(after, (int, float))):
        return f"{name} {was} → None" if head.code(new) == "None" else ""
    loosened = after < before if name in _LOWER else name != "max_length" and after > before
    return f"{name} {was} → {head.code(new)}" if loosened else ""


def refusing(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Conditions whose block refused: raised, returned, aborted; what they asked about is still used, and asked of nowhere."""
    for lost in losses:
        facts, node = lost.guard.itself
        asked = facts.code(lost.guard.env["A"][1]).split(".")[0].split("[")[0].split("(")[0]
        words = frozenset().union(*(f.definition.words for f in pair.heads if f.definition))
        still_asked = any(kind_of(n) in ("If", "Assert") and asked in f.code(n.test) for f in pair.heads for n in nodes_of(f))
        if _refuses(facts, node) and asked in words and not still_asked:
            yield lost


def _refuses(facts: Facts, node: Any) -> bool:
    last = node.body.body[-1] if node.body.body else None
    small = last.body[-1] if kind_of(last) == "SimpleStatementLine" and last.body else None  # type: ignore[union-attr]
    return kind_of(small) in ("Raise", "Return") or (small is not None and "abort(" in facts.code(small))


def loaders(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Parsers that were replaced by dangerous ones: reported where the new one has an argument in common with the old."""
    for lost in losses:
        code = lost.facts.code(lost.node)
        if "SafeLoader" not in code and "CSafeLoader" not in code:
            yield lost


def types(pair: Pair, _rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Fields and parameters whose type refused values, and takes any text or anything now."""
    if places.is_test(pair.head.path):
        return
    new = {name: (node, around) for name, node, around in _annotations(pair.head)}
    for name, old, _ in _annotations(pair.base):
        now, around = new.get(name, (None, None))
        was = pair.base.code(old)
        if now is None or not _refusing_type(pair, was) or not _FREE.match(pair.head.code(now)):
            continue
        if not _BOUND.search(pair.head.code(around)) and not _has_validator(pair, name):
            yield Lost(Guard(pair.base, old, {}, 0), pair.head, now, message=f"`{name}`: {was} → {pair.head.code(now)}.")


def _annotations(facts: Facts) -> Iterator[tuple[str, Any, Any]]:
    """Name, type, and the field or parameter that has it."""
    for node in nodes_of(facts):
        if kind_of(node) == "AnnAssign" and kind_of(node.target) == "Name":
            yield node.target.value, node.annotation.annotation, node
        elif kind_of(node) == "Param" and node.annotation is not None:
            yield node.name.value, node.annotation.annotation, node


def _has_validator(pair: Pair, name: str) -> bool:
    """Whether a method that validates the field is new."""
    wanted = re.compile(rf"validat\w*\([^)\n]*[\"']{re.escape(name)}[\"']|def (?:validate|clean)_{re.escape(name)}\b")
    return wanted.search(pair.after.file.text) is not None and wanted.search(pair.before.file.text) is None


def _refusing_type(pair: Pair, code: str) -> bool:
    """Whether a type is one of few values or has a form of its own: `Literal`, an enumeration, an address."""
    if _NARROW.search(code):
        return True
    named = set(re.findall(r"[A-Z]\w+", code))
    lines = pair.before.words.lines
    headers = (lines[d.header - 1] for d in pair.before.definitions if d.kind == "class" and d.symbol in named)
    return any("Enum" in line or "Choices" in line for line in headers)


def told_nobody(_pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Checks that raised, whose answer nothing reads now."""
    for lost in losses:
        if kind_of(lost.facts.parent(lost.node)) == "Expr":
            yield lost


def raising(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Conditions on a parameter that raised: the parameter is still used, and nothing is new that may ask the same."""
    held = [
        lost for lost in losses if _raises_only(lost.guard) and _is_parameter(lost.guard) and not _OTHERS.search(lost.guard.text)
    ]
    known = {n.value for n in nodes_of(pair.base) if kind_of(n) == "Name"}
    new = {n.value for f in pair.heads for n in nodes_of(f) if kind_of(n) == "Name"} - known
    if held and not new:
        yield from refusing(pair, rule, held)


def _raises_only(guard: Guard) -> bool:
    facts, node = guard.itself
    last = node.body.body[-1] if node.body.body else None
    small = last.body[-1] if kind_of(last) == "SimpleStatementLine" and last.body else None  # type: ignore[union-attr]
    return small is not None and kind_of(small) == "Raise" and _ASSURES.search(facts.code(small)) is None


def _is_parameter(guard: Guard) -> bool:
    """Whether what is asked about came in as a parameter."""
    facts, node = guard.env["A"]
    function = facts.function(guard.node)
    params = getattr(getattr(function, "params", None), "params", ())
    names = {p.name.value for p in (*params, *getattr(getattr(function, "params", None), "kwonly_params", ()))}
    return facts.code(node).split(".")[0].split("[")[0] in names - {"self", "cls"}
