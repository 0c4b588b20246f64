"""Verdicts made by hand, for the tests of the reports and of the command line."""

from __future__ import annotations

from guardrail.model import (
    Confidence,
    Decision,
    Evidence,
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

TIMING = Finding(
    rule="TIM001",
    name="mac-compared-with-equals",
    severity=Severity.P0,
    confidence=Confidence.HIGH,
    surface="timing-compare",
    path="auth/login.py",
    definition="Login.verify",
    line=6,
    column=16,
    end_line=6,
    end_column=31,
    message="`==` compares an HMAC digest",
    why="Leaks by timing how much of the digest is right.",
    remedy="hmac.compare_digest(a, b)",
    refs=("CWE-208",),
    notes=(Note("auth/keys.py", 3, "the key is read here"),),
    fingerprint="1:0123456789abcdef",
)
WEAK = Finding(
    rule="NET004",
    name="no-timeout",
    severity=Severity.P2,
    confidence=Confidence.MEDIUM,
    surface="network",
    path="app/café.py",
    definition="<module>",
    line=1,
    column=1,
    end_line=3,
    end_column=2,
    message="`requests.get` waits for ever",
    fingerprint="1:fedcba9876543210",
)
HOSTILE = Finding(
    rule="PRC001",
    name="shell-command",
    severity=Severity.P1,
    confidence=Confidence.HIGH,
    surface="process",
    path="a\n::error::b\x1b[2J,c:\u202ed\udcff.py",
    definition="f\u200b",
    line=2,
    column=5,
    end_line=2,
    end_column=9,
    message="100% of `x\r\ny\x07` ##[error] \u2066late\u2069 😀",
    why="::add-mask::why",
    fingerprint="1:0000000000000000",
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


def decided(finding: Finding, outcome: Outcome = Outcome.REPORTED, status: str = "introduced", because: str = "") -> Decision:
    """The finding with what became of it."""
    kept = {name: getattr(finding, name) for name in finding.__dataclass_fields__}
    return Decision(Finding(**{**kept, "status": Status(status)}), outcome, because)


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
