"""Routes held against the other routes of their file: who has a guard, and who scopes what he fetches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import libcst as cst

from guardrail.analysis.checks import order

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.files import FileFacts
    from guardrail.analysis.match import Match
    from guardrail.model import Definition

_ROUTE = re.compile(r"^\s*@([\w.]+)\.(route|get|post|put|patch|delete|api_route)\(\s*(?:[rf]?[\"']([^\"']*)[\"'])?")
_GUARD = re.compile(
    r"(?i)@[\w.]*(login_required|logged_in|auth\w*_required|authenticated|authori[sz]ed?|jwt_required|token_required|permission|"
    r"requires?_\w*(auth|login|role|perm|admin|staff|scope|user)|roles?_(required|accepted)|admin_required|admin_only|staff_member|superuser|"
    r"user_passes_test|protected\b|require_(http_)?basic|requires\(|secured?\b|scopes?_required|\w*login_?required)"
)
_PARAMETER = re.compile(
    r"(?i)(Depends|Security)\(\s*[\w.]*(current|auth|user|admin|permission|require|role|scope|token|principal|verify|login|api_?key|access)\w*|"
    r":\s*[\w.]*(Current\w*(User|Admin|Member|Account|Superuser)|Auth\w*User|LoggedIn\w*|Admin(User|Dep)|UserDep|SuperUser\w*)\b"
)
_PUBLIC = re.compile(
    r"(?i)(log_?in|log_?out|sign_?in|sign_?out|sign_?up|regist|health|ready|readiness|live(ness)?\b|alive|ping|metrics|callback|hook|docs?\b|openapi|"
    r"swagger|redoc|static|asset|favicon|robots|sitemap|public|(^|[/_])index|home\b|landing|about|contact|privacy|terms|imprint|legal|forgot|reset|"
    r"verify|verification|confirm|activat|token|refresh|auth|oauth|sso|saml|oidc|version|status|error|40[0-9]|50[0-9]|invit|subscribe|well.known|schema|config|"
    r"captcha|csrf|otp|mfa|share[d_]|embed|unauth|anonymous|guest|preview|search|help|faq|feed|rss|catalog|test|demo|dev_|debug|root\b|main\b|changelog|licen[cs]e|manifest)"
)
_OWN_CHECK = re.compile(
    r"(?i)^(is_?(authenticated|logged_?in|anonymous|staff|superuser|admin|authorized|allowed)|current_?user|get_current_\w+|check_\w*|has_perm\w*|has_\w*(access|role|permission)\w*|"
    r"verify_\w+|require_\w+|ensure_\w+|authori[sz]e\w*|authenticate\w*|abort|PermissionDenied|Forbidden|Unauthorized|HttpResponseForbidden|compare_digest|"
    r"signature|hmac|api_?key|authorization|permission\w*|login_url|redirect_to_login|can_\w+|user_can\w*|assert_\w+|get_user\w*|user|principal|token)$"
)
_SESSION = r"(request\.|(?<![\w.]))session(\[|\.get\()"
_SHARE = 0.75
_LONGEST = 400  # characters of a line that a query of a person has


@dataclass(frozen=True, slots=True)
class _Route:
    group: str  # the router, or what else makes handlers comparable
    guard: str  # the guard's text, "" where it has none
    open: bool  # whether its name, its path or its own code say that it needs none


_routes: WeakKeyDictionary[FileFacts, dict[int, _Route]] = WeakKeyDictionary()


def guard_forgotten(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A route without a guard among routes of the same router of which at least three, and three in four, have one."""
    if facts.definition is None:
        return
    routes = _of_file(facts.file)
    own = routes.get(facts.definition.first)
    if own is None or own.guard or own.open:
        return
    group = [r for r in routes.values() if r.group == own.group and (r.guard or not r.open)]
    guards = [r.guard for r in group if r.guard]
    if len(guards) < 3 or len(guards) < _SHARE * len(group) or _guarded_as_a_whole(facts.file, own.group):
        return
    usual = max(sorted(set(guards)), key=guards.count)
    for match in matches:
        if isinstance(match.node, cst.FunctionDef) and match.node.name.value == facts.definition.symbol.rpartition(".")[2]:
            name = match.node.name.value
            yield facts.match(
                match.node,
                f"`{name}` has no guard; {len(guards)} of the {len(group)} routes beside it have one, such as `{usual}`.",
            )
            return


def _of_file(file: FileFacts) -> dict[int, _Route]:
    found = _routes.get(file)
    if found is None:
        functions = [d for d in file.index.definitions if d.kind == "function"]
        used = Counter(word for d in functions for word in d.words)  # a function that another one names is no view
        pairs = ((d.first, _route(file, d, used)) for d in functions)
        found = _routes[file] = {first: route for first, route in pairs if route is not None}
    return found


def _route(file: FileFacts, definition: Definition, used: Counter[str]) -> _Route | None:
    lines = file.lines[definition.first - 1 : definition.header]
    head = [line for line in lines if line.lstrip().startswith("@")]
    routed = next((m for m in map(_ROUTE.match, head) if m), None)
    name = definition.symbol.rpartition(".")[2]
    if routed is not None:
        group, path = routed[1], routed[3] or ""
    elif _takes_request(definition, lines) and used[name] <= (name in definition.words):
        group, path = "<views>", ""
    else:
        return None
    public = _PUBLIC.search(name) or _PUBLIC.search(path) or (path in ("", "/") and routed is not None)
    return _Route(group, _guard(lines), bool(public) or _asks_itself(file, definition))


def _asks_itself(file: FileFacts, definition: Definition) -> bool:
    """Whether the body of a route says anything about who calls."""
    if any(_OWN_CHECK.match(word) for word in definition.words):
        return True
    return any(re.search(_SESSION, line) for line in file.lines[definition.first : definition.last])


def _guard(lines: list[str]) -> str:
    """The guard in the decorators or parameters of a route."""
    for line in lines:
        if found := _GUARD.search(line):
            return found[0]
    found = _PARAMETER.search(" ".join(line.strip() for line in lines))
    return found[0] + ("" if ")" in found[0] or "(" not in found[0] else ")") if found else ""


def _takes_request(definition: Definition, lines: list[str]) -> bool:
    """A view of Django: a function of the module whose first parameter is `request`."""
    if "." in definition.symbol or definition.symbol.startswith("_"):
        return False
    return any(
        re.match(r"\s*(async\s+)?def\s+\w+\(\s*request\b[^)]*\)\s*(->\s*[\w.\"']*Response\w*[\"']?\s*)?:", line) for line in lines
    )


def _guarded_as_a_whole(file: FileFacts, group: str) -> bool:
    """Whether the router or the app carries a guard for all of its routes, as far as this file shows."""
    name = re.escape(group)
    whole = re.compile(rf"^\s*@{name}\.(before_request|middleware)\b|^{name}\b.*=.*\bdependencies\s*=|^{name}\.before_request\(")
    made = re.compile(rf"^{name}\b[^=]*=\s*[\w.]+\(")
    for number, line in enumerate(file.lines):
        if whole.search(line) or (made.match(line) and re.search(r"\bdependencies\s*=", _statement(file.lines, number))):
            return True
    return False


def _statement(lines: list[str], first: int) -> str:
    """A line with those after it, up to where its parentheses are closed."""
    text = ""
    for line in lines[first : first + 40]:
        text += line
        if text.count("(") <= text.count(")"):
            break
    return text


# ---- rows fetched without their owner ----

_OWNER = r"(owner|user|account|tenant|org|organi[sz]ation|customer|member|team|company|created_by|author|workspace|project)"
_PRINCIPAL = re.compile(
    r"\b(request\.user|self\.request\.user|current_user|g\.user|request\.state\.user|get_current_user|principal|identity)\b",
    re.IGNORECASE,
)
_SCOPED = re.compile(
    rf"\b{_OWNER}(_id|__\w+)?\s*=|\.{_OWNER}(_id)?\b\s*(==|!=|\))|"
    r"\b(permission|allowed|can_\w+|has_\w+|authorize|check_\w+|is_(staff|superuser|admin))\b",
    re.IGNORECASE,
)


def fetched_for_anyone(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A row picked by an id of the caller's alone, where its class has an owner or others of the file name him."""
    text = order.text_of(facts)
    if not _PRINCIPAL.search(text) or _SCOPED.search(text) or re.search(r"(?i)admin|staff|superuser|AllowAny", text):
        return
    for match in matches:
        model, key = match.env["M"], match.env["K"]
        if not order.is_handler(facts, match.node) or not _from_caller(facts, key[1]):
            continue
        name = facts.code(model[1]).rpartition(".")[2]
        if _has_owner(facts, name) or _scoped_elsewhere(facts, name):
            yield match


def _from_caller(facts: Facts, key: cst.CSTNode) -> bool:
    """Whether the id is user input, or a parameter that a route fills."""
    if facts.tainted(key):
        return True
    return isinstance(key, cst.Name) and any(
        b.kind == "param" and re.search(r"(^|_)(id|pk|uuid|slug)$", key.value) for _, b in facts.origins(key)
    )


def _has_owner(facts: Facts, model: str) -> bool:
    definition = facts.file.definition(model)
    if definition is None or definition.kind != "class":
        return False
    lines = facts.file.lines[definition.first - 1 : definition.last]
    return any(re.match(rf"\s+{_OWNER}(_id)?\s*[:=].*(ForeignKey|Column|Mapped|mapped_column)", line) for line in lines)


def _scoped_elsewhere(facts: Facts, model: str) -> bool:
    """Whether another handler of the file names the owner in a query of the same model."""
    scoped = re.compile(
        rf"\b{re.escape(model)}\b[^\n]*(\b{_OWNER}(_id)?\s*=(?!=)|\.{_OWNER}(_id)?\s*==)"
        r"[^\n]*(user|current|principal|identity|tenant)"
    )
    own = facts.definition
    inside = range(own.first - 1, own.last) if own is not None else range(0)
    return any(
        model in line and len(line) < _LONGEST and scoped.search(line)
        for number, line in enumerate(facts.file.lines)
        if number not in inside
    )
