"""Checks of the llm-boundary pack: whose text reaches a model, as instruction or beside tools, and what it should not see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, tracing
from guardrail.analysis.checks.model_output import said_by_model
from guardrail.analysis.checks.stored_text import stored, untrusted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Located
    from guardrail.analysis.match import Match

_USERS_WORDS = re.compile(
    r"^(user|customer|client|visitor)_(input|query|message|text|question|prompt|request|comment|msg)$|^(question|user_says)$"
)
_HARMLESS = frozenset("locale language lang timezone tz date today now id pk model uuid count limit page currency country".split())
_OWN = re.compile(r"^(system|instructions?)(_|$)|_(system|instructions?)$|system_prompt|system_message")
_DELIMITER = re.compile(r"(<[\w:-]+[^<>]*>|```\w*|\"\"\"|'''|<<<|\[\[|#{3,}|-{3,}|={3,})\s*$")
_ACTS = re.compile(
    r"(^|_)(send|delete|remove|create|update|write|pay|refund|transfer|post|execute|run|shell|bash|book|cancel|deploy|publish|email"
    r"|grant|revoke|invite|charge|purchase|approve|merge|close|reply|upload|insert|drop|edit|save|issue|ban|reset)(_|$)"
)
_ASKS_FIRST = re.compile(
    r"needs_approval|requires_approval|HumanInTheLoop|interrupt_(before|on)|ApprovalRequired|require_approval|guardrails?="
)
_WRITES = frozenset("dumps str repr format join dict pformat strip dedent".split())
_REDACTS = re.compile(r"redact|mask|scrub|anonymi[sz]e|sanitiz|hash", re.IGNORECASE)


def foreign_instructions(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Instructions with a part that a user, a tool call or a stored text decides, without a mark around it."""
    for match in matches:
        origin, text = match.env["X"]
        if isinstance(match.node, cst.Tuple) and not _in_messages(facts, match.node):
            continue
        if any(_instructs(f, leaf, leaf is text) for f, leaf in flow.leaves(origin, text)):
            yield match


def _in_messages(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether `("system", …)` is one of the messages of a prompt template."""
    around = [a for a in facts.ancestors(node) if isinstance(a, cst.Call)]
    return any(flow.called(a) in ("from_messages", "ChatPromptTemplate", "invoke", "ainvoke") for a in around)


def _instructs(facts: Facts, leaf: cst.CSTNode, whole: bool) -> bool:
    name = tracing.name_of(facts, leaf)
    if name in _HARMLESS or _OWN.search(name) or flow.plain(facts, leaf) or _marked_off(facts, leaf):
        return False
    return untrusted(facts, leaf) or (not whole and _users_words(facts, leaf))


def _users_words(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether it is a parameter whose name says that a user wrote it."""
    if not isinstance(node, cst.Name) or not _USERS_WORDS.match(node.value) or flow.checked(facts, node):
        return False
    return any(bind.kind == "param" for _, bind in facts.origins(node))


def _marked_off(facts: Facts, leaf: cst.CSTNode) -> bool:
    """Whether the literal text before the value opens a block of data: `<ticket>{text}</ticket>`."""
    piece = facts.parent(leaf)
    around = facts.parent(piece) if isinstance(piece, cst.FormattedStringExpression) else None
    if not isinstance(around, cst.FormattedString):
        return False
    before = ""
    for part in around.parts:
        if part is piece:
            break
        before = part.value if isinstance(part, cst.FormattedStringText) else ""
    return _DELIMITER.search(before.replace("\\n", "\n")) is not None


# ---- beside tools ----------------------------------------------------------------------------------


def stored_beside_tools(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Text out of a store, not marked off, in a run whose tools change something and ask nobody."""
    if _ASKS_FIRST.search(facts.file.source.text):
        return
    for match in matches:
        origin, text = match.env["X"]
        read = any(stored(f, leaf) and not _marked_off(f, leaf) for f, leaf in flow.leaves(origin, text))
        if read and any(_ACTS.search(name) for name in _tools(facts, match)):
            yield match


def _tools(facts: Facts, match: Match) -> set[str]:
    """The names of the tools that the run may use."""
    if "T" in match.env:
        return _named(*match.env["T"])
    found: set[str] = set()
    holder = match.env["A"] if "A" in match.env else (facts, flow.receiver(match.node))
    for origin, call in flow.makers(holder[0], holder[1]):
        if isinstance(call, cst.Call):
            given = flow.keyword(call, "tools") or (tracing.argument(call, 1) if flow.called(call).startswith("create_") else None)
            found |= _named(origin, given) if given is not None else set()
            found |= _decorated(origin, holder[1])
    return found


def _named(facts: Facts, node: cst.CSTNode) -> set[str]:
    """Names of functions in a list of tools, and the names that schemas of tools give."""
    found: set[str] = set()
    for owner, part in tracing.trace(facts, node):
        if isinstance(part, cst.Name):
            found.add(part.value)
        elif isinstance(part, cst.Attribute):
            found.add(part.attr.value)
        elif isinstance(part, cst.DictElement) and owner.constant(part.key) == "name":
            value = owner.constant(part.value)
            found |= {value} if isinstance(value, str) else set()
    return found


def _decorated(facts: Facts, agent: cst.CSTNode | None) -> set[str]:
    """The functions of the file that are registered with `@agent.tool`."""
    name = agent.value if isinstance(agent, cst.Name) else agent.attr.value if isinstance(agent, cst.Attribute) else ""
    pattern = rf"@(?:self\.)?{re.escape(name)}\.tool(?:_plain)?\b[^\n]*\n\s*(?:async\s+)?def\s+(\w+)"
    return set(re.findall(pattern, facts.file.source.text)) if name else set()


def remembered(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What a model or a user said, kept for later prompts without a note of where it came from."""
    for match in matches:
        origin, text = match.env["X"]
        if any(said_by_model(f, leaf) or f.tainted(leaf) for f, leaf in flow.leaves(origin, text)):
            yield match


# ---- what a model should not see -------------------------------------------------------------------


def leaks(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Prompts with a credential, a whole environment, all headers or every field of a record in them."""
    for match in matches:
        if any(_leak(f, part) for f, part in _told(*match.env["X"])):
            yield match


def _told(facts: Facts, node: cst.CSTNode, depth: int = 0) -> Iterator[Located]:
    """The values that are written into a prompt, through f-strings, sums, `json.dumps` and plain names."""
    inner: list[cst.BaseExpression] = []
    if isinstance(node, cst.FormattedString):
        inner = [p.expression for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
    elif isinstance(node, cst.BinaryOperation):
        inner = [node.left, node.right]
    elif isinstance(node, cst.Call) and flow.called(node) in _WRITES:
        of = flow.receiver(node)
        inner = [*([of] if of is not None else []), *(a.value for a in node.args)]
    elif isinstance(node, cst.Name) and not facts.secret(node) and (target := facts.deref(node)) and depth < 8:
        yield from _told(*target, depth + 1)
        return
    for part in inner:
        yield from _told(facts, part, depth + 1)
    if not inner:
        yield facts, node


def _leak(facts: Facts, leaf: cst.CSTNode) -> bool:
    if isinstance(leaf, (cst.Name, cst.Attribute, cst.Subscript)) and facts.secret(leaf):
        return not _REDACTS.search(facts.code(leaf))
    if isinstance(leaf, cst.Call):
        return bool(facts.secret(leaf) and facts.names(leaf.func) & {"os.getenv", "os.environ.get"}) or _whole_record(facts, leaf)
    if isinstance(leaf, cst.Attribute):
        return bool(facts.names(leaf) & {"os.environ"}) or (leaf.attr.value in ("headers", "META") and facts.tainted(leaf))
    return False


def _whole_record(facts: Facts, call: cst.Call) -> bool:
    """`user.model_dump()`, `vars(user)`, `model_to_dict(user)` with nothing left out."""
    name, of = flow.called(call), flow.receiver(call)
    if name in ("vars", "model_to_dict") and len(call.args) == 1:
        of = call.args[0].value
    elif name not in ("model_dump", "model_dump_json", "to_dict") or call.args:
        return False
    words = tracing.words_of(facts.code(of)) if of is not None else frozenset()
    return bool(words & {"user", "customer", "patient", "employee", "account", "member"}) and not words & {"request", "message"}
