"""guardrail's rules about its own use: what is said of allows, of changes to the guard itself, and of sign-offs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardrail.model import Confidence, Finding, Severity

SURFACE = "policy"
PREFIXES = ("ALW", "POL", "SGN")


@dataclass(frozen=True, slots=True)
class OwnRule:
    """One of them, in the words of `explain`."""

    id: str
    name: str
    severity: Severity
    message: str
    why: str
    remedy: str
    confidence: Confidence = Confidence.HIGH
    surface: str = SURFACE
    refs: tuple[str, ...] = ()
    any: Sequence[str] = ()


ALLOW_MALFORMED = OwnRule(
    "ALW001",
    "allow-malformed",
    Severity.P2,
    "A comment that speaks to guardrail and allows nothing.",
    "",
    "Write `# guardrail: allow[RULE001] reason [until=YYYY-MM-DD]`.",
)
ALLOW_UNKNOWN = OwnRule(
    "ALW002", "allow-unknown-rule", Severity.P2, "An allow names a rule that does not exist.", "", "Name a rule that exists."
)
ALLOW_EXPIRED = OwnRule(
    "ALW003",
    "allow-expired",
    Severity.P2,
    "The last day of an allow or a waiver has passed.",
    "It allows nothing any more; what it let pass is reported again.",
    "Mend what it was for, or look again and set a new date.",
)
ALLOW_UNUSED = OwnRule(
    "ALW004",
    "allow-unused",
    Severity.P2,
    "An allow or a waiver lets nothing pass.",
    "It would hide the next finding of that rule at its place, which nobody has looked at.",
    "Remove it.",
)
SUPPRESSION_ADDED = OwnRule(
    "ALW005",
    "allow-added",
    Severity.P2,
    "The change adds or widens a comment that silences a tool.",
    "The quickest way to make an error go away is to say that it is none.",
    "Mend what the tool found. Where the tool is wrong, a reviewer agrees in words.",
)
GUARD_CHANGED = OwnRule(
    "POL001",
    "guard-changed",
    Severity.P2,
    "The change edits the settings, packs, baseline or waivers by which changes are judged.",
    "This change was judged by those of base; the next one will be judged by these.",
    "Let somebody who owns the policy agree; best in a change of its own.",
)
CALL_CHANGED = OwnRule(
    "POL002",
    "guard-call-changed",
    Severity.P2,
    "The change edits the CI file or hook that calls guardrail.",
    "A check that is not run, or whose answer is not heard, finds nothing.",
    "Let somebody who owns the policy agree; best in a change of its own.",
)
LEFT_SCOPE = OwnRule(
    "POL003",
    "code-left-scope",
    Severity.P1,
    "Code moves to where it is not judged.",
    "The settings of base exclude its new path, so nothing is said of what it does there.",
    "Leave it where it was, or let somebody who owns the policy agree.",
)
NOT_JUDGED = OwnRule(
    "POL004",
    "code-not-judged",
    Severity.P1,
    "Code comes in through something that guardrail does not read.",
    "Python follows links and enters submodules; this check does not.",
    "Bring the file itself, or review what it leads to.",
)
SIGNOFF_MISSING = OwnRule(
    "SGN001",
    "signoff-missing",
    Severity.P1,
    "A definition that needs a sign-off has none.",
    "Somebody other than its author has to have gone through the questions of its surface.",
    "Put the trailer into the last commit or a later one; `guardrail signoff` prints it.",
)
RULES = (
    ALLOW_MALFORMED,
    ALLOW_UNKNOWN,
    ALLOW_EXPIRED,
    ALLOW_UNUSED,
    SUPPRESSION_ADDED,
    GUARD_CHANGED,
    CALL_CHANGED,
    LEFT_SCOPE,
    NOT_JUDGED,
    SIGNOFF_MISSING,
)


def is_ours(rule: str) -> bool:
    """Whether a rule id is one of these: no comment and no waiver lets them pass."""
    return rule.startswith(PREFIXES)


def finding(
    rule: OwnRule, path: str, line: int, message: str, what: str, definition: str, severity: Severity | None = None, width: int = 1
) -> Finding:
    """A finding of such a rule on one line (1-based); `what` is the code or text that it is about, without its place."""
    return Finding(
        rule=rule.id,
        name=rule.name,
        severity=severity or rule.severity,
        confidence=rule.confidence,
        surface=SURFACE,
        path=path,
        definition=definition,
        line=line,
        column=1,
        end_line=line,
        end_column=1 + width,
        message=message,
        why=rule.why,
        remedy=rule.remedy,
        node=" ".join(what.split()),
    )
