"""Does a stranger learn by the words of an answer who has an account here?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.account_timing import BY_IDENTITY, absent, looked_up
from guardrail.analysis.checks.tracing import below, identifiers, symbol, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_LOGIN = frozenset("login signin authenticate authentication otp passcode".split())
_RECOVER = frozenset("forgot forgotten recover recovery magic reset resend".split())
_JOIN = frozenset("register registration signup".split())
_NOBODY = re.compile(
    r"(?i)\b(no|unknown) (such )?(user|account|e-?mail|username|member)\b|\bnot registered\b|"
    r"\b(user|account|e-?mail|e-?mail address|username|member|customer)\b[^.]{0,50}"
    r"(\bnot found|\bdoes(n't| not) exist|\bnot exist|\bunknown|\bnot recogni[sz]ed|\bcould not be found|\bcannot be found)"
)
_WRONG = re.compile(
    r"(?i)\b(wrong|incorrect|invalid|bad) (password|passcode)\b|\bpassword (is )?(wrong|incorrect|invalid|not correct)"
)
_TAKEN = re.compile(
    r"(?i)\b(e-?mail|username|user|account)\b.{0,40}\balready (registered|exists|taken|in use|used)|\balready registered\b"
)
_GENERIC = re.compile(r"(?i)\bor\b|\bif\b|credentials|and/or")
_NO_STRANGER = re.compile(r"(?i)current_user|login_required|superuser|staff|admin|require_|get_current|is_authenticated")


def _told(facts: Facts, node: cst.CSTNode) -> str:
    """The fixed texts of an answer."""
    found = []
    for part in below(node):
        if isinstance(part, cst.FormattedStringText):
            found.append(part.value)
        elif isinstance(part, (cst.SimpleString, cst.Name, cst.Attribute)):
            found += [known for known in facts.constants(part) if isinstance(known, str)]
    return " ".join(found)


def _purpose(facts: Facts) -> frozenset[str]:
    """The words of the function's name, its class and its routes."""
    said = symbol(facts)
    for node in facts.nodes:
        if isinstance(node, cst.Decorator):
            said += " " + _told(facts, node)
    said = re.sub(r"(?i)(sign|log)[_-]?(in|up)\b", lambda m: (m[1] + m[2]).lower(), said.replace("/", " "))
    return words_of(re.sub(r"(?i)(sign|log)[_-]?(in|up)(?=[_A-Z])", lambda m: (m[1] + m[2]).lower() + "_", said))


def _open_to_strangers(facts: Facts) -> bool:
    """Whether the function is for people who have not logged in, and who name themselves."""
    names = identifiers(facts)
    if any(_NO_STRANGER.search(n) for n in names) or _NO_STRANGER.search(facts.path + symbol(facts)):
        return False
    return any(BY_IDENTITY.search(n) for n in names - _LOGIN)


def _by_token(facts: Facts) -> bool:
    """Whether a token that was mailed says who it is."""
    return any("token" in words_of(name) and "csrf" not in name for name in identifiers(facts))


def answer_names_the_cause(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Answers of a login or a recovery that tell a missing user from a wrong password."""
    purpose = _purpose(facts)
    login, recover = purpose & _LOGIN, purpose & _RECOVER
    if not (login or recover) or purpose & _JOIN or not _open_to_strangers(facts) or (recover and not login and _by_token(facts)):
        return
    answers = [(m, _told(facts, m.node)) for m in matches]
    answers = [(m, text) for m, text in answers if not _GENERIC.search(text)]
    found = [m for m, text in answers if _NOBODY.search(text)]
    if login and not found:
        found = [m for m, text in answers if _WRONG.search(text)] or _other_status(facts, [m for m, _ in answers])
    yield from found


def _other_status(facts: Facts, answers: list[Match]) -> list[Match]:
    """The 404 for a user who is not there, in a function that answers 401 or the like for a wrong password."""
    status = {id(m.node): _status(facts, m.node) for m in answers}
    if not {400, 401, 403} & set(status.values()):
        return []
    return [m for m in answers if status[id(m.node)] == 404 and _of_missing_user(facts, m.node)]


def _status(facts: Facts, node: cst.CSTNode) -> int:
    for part in below(node):
        if isinstance(part, cst.Integer) and 400 <= part.evaluated_value < 500:
            return part.evaluated_value
        if isinstance(part, cst.Attribute) and (found := re.search(r"(?:^|_)(4\d\d)(?:_|$)", part.attr.value)):
            return int(found[1])
    return 0


def _of_missing_user(facts: Facts, node: cst.CSTNode) -> bool:
    around = next((a for a in facts.ancestors(node) if isinstance(a, cst.If)), None)
    names = {n.value: n for n in below(around.test) if isinstance(n, cst.Name)} if around is not None else {}
    return around is not None and any(absent(around.test, name) and looked_up(facts, node_) for name, node_ in names.items())


def answer_names_the_owner(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Answers of a registration that say that an address has an account."""
    if _purpose(facts) & _JOIN and _open_to_strangers(facts):
        yield from (m for m in matches if _TAKEN.search(_told(facts, m.node)))
