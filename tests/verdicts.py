"""Verdicts made by hand, for the tests of the reports and of the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from guardrail.model import (
    Confidence,
    Decision,
    Evidence,
    FileChange,
    Finding,
    Note,
    Outcome,
    Placement,
    Role,
    Severity,
    Skipped,
    Status,
    Surface,
    Tier,
    Verdict,
)

LOGIN = """\
import hmac

class Login:
    def verify(self, body, given):
        digest = hmac.new(KEY, body, "sha256").hexdigest()
        return digest == given
"""


def finding_of(
    rule: str,
    severity: Severity,
    surface: str,
    path: str,
    definition: str,
    span: tuple[int, int, int, int],
    message: str,
    **more: Any,
) -> Finding:
    """A finding of high confidence; `rule` is its id and name, `span` line, column, end line and end column."""
    id, name = rule.split()
    line, column, end_line, end_column = span
    given = {"confidence": Confidence.HIGH, **more}
    return Finding(
        id,
        name,
        severity,
        surface=surface,
        path=path,
        definition=definition,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        message=message,
        **given,
    )


TIMING = finding_of(
    "TIM001 mac-compared-with-equals",
    Severity.P0,
    "timing-compare",
    "auth/login.py",
    "Login.verify",
    (6, 16, 6, 31),
    "`==` compares an HMAC digest",
    why="Leaks by timing how much of the digest is right.",
    remedy="hmac.compare_digest(a, b)",
    refs=("CWE-208",),
    notes=(Note("auth/keys.py", 3, "the key is read here"),),
    fingerprint="v1:0123456789abcdef",
)
WEAK = finding_of(
    "NET004 no-timeout",
    Severity.P2,
    "network",
    "app/café.py",
    "<module>",
    (1, 1, 3, 2),
    "`requests.get` waits for ever",
    confidence=Confidence.MEDIUM,
    fingerprint="v1:fedcba9876543210",
)
HOSTILE = finding_of(
    "PRC001 shell-command",
    Severity.P1,
    "process",
    "a\n::error::b\x1b[2J,c:\u202ed\udcff.py",
    "f\u200b",
    (2, 5, 2, 9),
    "100% of `x\r\ny\x07` ##[error] \u2066late\u2069 😀",
    why="::add-mask::why",
    fingerprint="v1:0000000000000000",
)
VERIFY = Placement(
    path="auth/login.py",
    definition="Login.verify",
    line=4,
    end_line=6,
    touched=(6,),
    size=1,
    surface="timing-compare",
    tier=Tier.FORBIDDEN,
    role=Role.IMPLEMENTS,
    evidence=(Evidence(5, "calls hmac.new"), Evidence(6, "compares a digest")),
)
FETCH = Placement(
    path="app/café.py",
    definition="<module>",
    line=1,
    end_line=9,
    touched=(1, 2, 3),
    size=3,
    surface="network",
    tier=Tier.CAREFUL,
    role=Role.COMPOSES,
    evidence=tuple(Evidence(n, f"calls requests.get{n}") for n in range(1, 6)),
)
VERIFY_SENDS = Placement(
    path="auth/login.py",
    definition="Login.verify",
    line=4,
    end_line=6,
    touched=(6,),
    size=1,
    surface="network",
    tier=Tier.CAREFUL,
    role=Role.INTEGRATES,
)
PLAIN = Placement(
    path="auth/login.py",
    definition="Login.__repr__",
    line=8,
    end_line=9,
    touched=(9,),
    size=1,
    surface="plain",
    tier=Tier.FREE,
    role=Role.INTEGRATES,
)
SURFACES = {
    "timing-compare": Surface(
        "timing-compare",
        "Comparison of secrets",
        Tier.FORBIDDEN,
        "It leaks.",
        ("Is it constant in time?", "Who calls it?"),
    ),
    "network": Surface("network", "Calls over the network", Tier.CAREFUL, "It hangs.", ("Is there a timeout?",)),
    "plain": Surface("plain", "Plain code", Tier.FREE, "Tests see it.", ("Never asked.",)),
}


def decided(found: Finding, outcome: Outcome = Outcome.REPORTED, status: str = "introduced", because: str = "") -> Decision:
    """The finding with what became of it."""
    return Decision(replace(found, status=Status(status)), outcome, because)


def verdict(*decisions: Decision, label: str = "HEAD → working tree", **given: object) -> Verdict:
    """A verdict on two files, complete unless something was skipped."""
    fields: dict[str, object] = {
        "version": "0.1.0",
        "label": label,
        "complete": not given.get("skipped"),
        "considered": 2,
        "analysed": 2,
        "skipped": (),
        "decisions": decisions,
        "placements": (),
        "surfaces": SURFACES,
        "sources": {"auth/login.py": LOGIN},
    }
    return Verdict(**{**fields, **given})  # type: ignore[arg-type]


CLEAN = verdict()
SKIPPED = verdict(skipped=(Skipped("bad\x00.py", "null bytes"), Skipped("app/old.py", "invalid syntax at line 2")))
FULL = verdict(
    decided(WEAK, Outcome.BELOW_GATE),
    decided(TIMING),
    decided(HOSTILE, Outcome.ALLOWED, because="app.py:1 allows PRC001: legacy job, T-231"),
    decided(HOSTILE, Outcome.UNSELECTED),
    decided(TIMING, status="fixed"),
    decided(WEAK, status="preexisting"),
    decided(WEAK, Outcome.ALLOWED, status="preexisting"),
    placements=(FETCH, VERIFY_SENDS, VERIFY, PLAIN),
    unclassified=("art/logo.xcf", "odd\nname"),
    owners={"timing-compare": ("@org/security",), "network": ("@org/security", "@ann"), "plain": ("@nobody",)},
    exit_code=1,
)

# ---- a change with a lost guard and a way through three functions ---------------------------------

BEFORE = """\
from flask_login import login_required


@login_required
def pay(request):
    return charge(request.amount)
"""
AFTER = """\
def pay(request):
    return charge(request.amount)
"""
LOST = finding_of(
    "AUT010 access-guard-removed",
    Severity.P0,
    "timing-compare",
    "shop/views.py",
    "pay",
    (1, 5, 1, 8),
    "`@login_required` is gone from `pay`.",
    why="Anybody can pay now.",
    remedy="Put `@login_required` back.",
    refs=("CWE-862",),
    notes=(Note("shop/views.py", 4, "where it was before", "base", "@login_required"),),
    fingerprint="v1:aaaaaaaaaaaaaaaa",
)
WAY = finding_of(
    "ASY001 blocking-call-in-async",
    Severity.P1,
    "network",
    "shop/rates.py",
    "fetch",
    (5, 5, 5, 18),
    "This coroutine blocks its event loop: views.price → rates.fetch → time.sleep.",
    confidence=Confidence.MEDIUM,
    why="Every other request waits.",
    remedy="await asyncio.to_thread(…)",
    notes=(
        Note("shop/views.py", 1, "the async begins here, in price"),
        Note("shop/views.py", 2, "price calls fetch"),
        Note("shop/rates.py", 5, "fetch calls time.sleep"),
    ),
    fingerprint="v1:bbbbbbbbbbbbbbbb",
)
PAY = Placement("shop/views.py", "pay", 1, 2, (1,), "timing-compare", Tier.FORBIDDEN, Role.INTEGRATES, size=1)
RATES = "import time\n\n\ndef fetch():\n    time.sleep(3)\n"
RICH = verdict(
    decided(WAY),
    decided(LOST),
    placements=(PAY,),
    exit_code=1,
    sources={"shop/views.py": AFTER, "shop/rates.py": RATES},
    base_sources={"shop/views.py": BEFORE},
    files=(
        FileChange(None, "shop/rates.py"),
        FileChange("shop/views.py", "shop/views.py", added=frozenset(), removed=frozenset({1, 2, 3, 4})),
    ),
)
