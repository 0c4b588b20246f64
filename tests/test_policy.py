"""Allows are read strictly and bound to statements; each finding gets a decision with its reason."""

from __future__ import annotations

import io
import sys
import textwrap
import time
import tokenize
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verdicts import finding_of

from guardrail.allows import AllowsOfFile, find_allows
from guardrail.comments import comments
from guardrail.model import Confidence, Decision, Outcome, Severity, Status
from guardrail.policy import decide, exit_code
from guardrail.settings import Settings

FINDING = finding_of("PRC001 shell-command-built-from-parts", Severity.P0, "process", "app.py", "build", (1, 1, 1, 9), "…")


def found(text: str, known: set[str] | None = None) -> AllowsOfFile:
    return find_allows("app.py", textwrap.dedent(text), known)


def extent(text: str) -> tuple[int, int]:
    """The lines that the one allow in a text is bound to; `@` stands for the comment."""
    (allow,) = found(textwrap.dedent(text).replace("# @", "# guardrail: allow[PRC001] legacy job")).allows
    return allow.first, allow.last


def wrong(comment: str) -> str:
    """What is said of the one comment in a file."""
    result = found(f"x = 1  {comment}\n")
    assert result.allows == ()
    (finding,) = result.findings
    assert (finding.rule, finding.severity, finding.surface) == ("ALW001", Severity.P2, "policy")
    assert (finding.line, finding.column, finding.end_column) == (1, 8, 8 + len(comment))
    assert "`# guardrail: allow[RULE001] reason" in finding.remedy
    return finding.message


# ---- the form --------------------------------------------------------------------------------


def test_an_allow_has_rules_reason_and_date():
    (allow,) = found("x = 1  # guardrail: allow[JWT001, TIM001] legacy job, T-231 until=2027-03-01\n").allows
    assert allow.rules == {"JWT001", "TIM001"}
    assert (allow.reason, allow.until) == ("legacy job, T-231", date(2027, 3, 1))
    assert (allow.line, allow.first, allow.last) == (1, 1, 1)


@pytest.mark.parametrize("reason", ["checked by T-231", "T-231-legacy", "no user input", "日本語の理由です、ここは安全"])
def test_a_reason_may_be_short(reason: str):
    assert found(f"x = 1  # guardrail: allow[JWT001] {reason}\n").allows[0].reason == reason


@pytest.mark.parametrize(
    "reason",
    [
        *("todo", "TODO:", "todo todo", "fixme", "Pending.", "wip", "tbd", "n/a", "ignore", "by design"),
        *("-", "---------------", "false positive", "(false positive!)", "short"),
    ],
)
def test_a_placeholder_is_no_reason(reason: str):
    assert "is no reason that a reviewer could judge" in wrong(f"# guardrail: allow[JWT001] {reason}")


@pytest.mark.parametrize(
    ("comment", "part"),
    [
        ("# guardrail: allow[JWT001]", "there is no reason after the brackets"),
        ("# guardrail: allow[JWT001] until=2027-03-01", "there is no reason after the brackets"),
        ("# guardrail: allow[JWT001]legacy job", "there is no reason after the brackets"),
        ("# guardrail: allow", "it is not of the form"),
        ("# guardrail: allow legacy job", "it is not of the form"),
        ("# guardrail: ignore[JWT001] legacy job", "it is not of the form"),
        ("# guardrail:allow[JWT001] legacy job", "it is not of the form"),
        ("#guardrail: allow[JWT001] legacy job", "it is not of the form"),
        ("# Guardrail: allow[JWT001] legacy job", "it is not of the form"),
        ("## guardrail : allow[JWT001] legacy job", "it is not of the form"),
        ("# guardrail: allow [JWT001] legacy job", "it is not of the form"),
        ("# guardrail: totally fine, trust me", "it is not of the form"),
        ("# guardrail: allow[] legacy job", "a rule id is missing"),
        ("# guardrail: allow[JWT001,] legacy job", "a rule id is missing"),
        ("# guardrail: allow[*] legacy job", "`*` is no rule id"),
        ("# guardrail: allow[JWT] legacy job", "`JWT` is no rule id"),
        ("# guardrail: allow[JWT001 TIM001] legacy job", "`JWT001 TIM001` is no rule id"),
        ("# guardrail: allow[ALW001] legacy job", "ALW001 cannot be allowed"),
        ("# guardrail: allow[JWT001] legacy job until=2027-13-01", "`until=2027-13-01` is no date"),
        ("# guardrail: allow[JWT001] legacy job until=20270301", "`until=20270301` is no date"),
        ("# guardrail: allow[JWT001] legacy job until=", "`until=` is no date"),
        ("# guardrail: allow[JWT001] until=2027-03-01 legacy job", "`until=` comes once and last"),
        ("# guardrail: allow[JWT001] legacy until=2027-03-01 until=2027-03-01", "`until=` comes once and last"),
    ],
)
def test_a_malformed_allow_allows_nothing_and_is_found(comment: str, part: str):
    assert part in wrong(comment)


def test_an_unknown_rule_is_found_and_the_others_are_allowed():
    result = found("x = 1  # guardrail: allow[JWT001, JTW002] legacy job\n", {"JWT001", "JWT002"})
    assert result.allows[0].rules == {"JWT001", "JTW002"}
    assert [(f.rule, f.message) for f in result.findings] == [
        ("ALW002", 'There is no rule JTW002 that could be allowed (did you mean "JWT002"?).')
    ]


def test_a_malformed_allow_is_put_in_its_definition():
    text = """
    class A:
        def f(self):
            x = 1  # guardrail: hm
            # guardrail: hm
    if 1:
        def g():
            def h():
                pass  # guardrail: hm
    # guardrail: hm
    """
    symbols = [f.definition for f in found(text).findings]
    assert symbols == ["A.f", "<module>", "g", "<module>"]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n",
        "guardrail = 1\n",
        "x = '# guardrail: allow[JWT001] legacy job'\n",
        '"""\n# guardrail: allow\n"""\n',
        "x = '''it's # guardrail: a''' + \"\\\"# guardrail: b\"\n",
        "x = r'\\' # guardrail: in a string'\n",
        "# see `# guardrail: allow[JWT001] legacy job`\n",
        "# docs of guardrail: how to\n",
    ],
)
def test_what_is_no_comment_of_ours_is_nothing(text: str):
    assert found(text) == AllowsOfFile()


def test_another_tool_may_come_first():
    assert found("x = 1  # noqa: S105  # guardrail: allow[SEC001] a test value\n").allows[0].reason == "a test value"


@pytest.mark.parametrize("name", ["ast", "argparse", "tarfile", "textwrap", "turtle", "inspect"])
def test_comments_are_those_of_tokenize(name: str):
    text = Path(sys.modules["os"].__file__ or "").with_name(f"{name}.py").read_text("utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    expected = [(t.start[0], t.start[1] + 1, t.string.rstrip()) for t in tokens if t.type == tokenize.COMMENT]
    assert [(line, column, comment.rstrip()) for line, column, comment in comments(text)] == expected


# ---- binding ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("x = 1  # @\n", (1, 1)),
        ("# @\n\n# more\n\nx = (\n1)\n", (5, 6)),
        ("call(  # @\n  1,\n  2,\n)\n", (1, 4)),
        ("call(\n  1,  # @\n  2,\n)\n", (1, 4)),
        ("call(\n  # @\n  1,\n)\n", (1, 4)),
        ("call(\n  1,\n  2,\n)  # @\n", (1, 4)),
        ("x = '''\n\n'''  # @\n", (1, 3)),
        ("def f():  # @\n    x = 1\n", (1, 1)),
        ("def f(\n  a,  # @\n):\n    x = 1\n", (1, 3)),
        ("# @\n@a\n@b(\n 1)\ndef f(\n  a,\n):\n    x = 1\n", (2, 7)),
        ("@a  # @\n@b\nclass A:\n    x = 1\n", (1, 3)),
        ("@a\n# @\n@b\nclass A:\n    x = 1\n", (1, 4)),
        ("def f():\n    # @\n    x = 1\n    y = 2\n", (3, 3)),
        ("with a(\n  b\n) as c:  # @\n    x = 1\n", (1, 3)),
        ("if a:  # @\n    x = 1\nelse:\n    y = 1\n", (1, 1)),
        ("if a:\n    x = 1\nelif (  # @\n  b):\n    y = 1\n", (3, 4)),
        ("if a:\n    x = 1\nelse:  # @\n    # b\n    y = 1\n", (3, 3)),
        ("if a:\n    x = 1\nelse:\n    if b:  # @\n        y = 1\n", (4, 4)),
        ("for a in b:\n    x = 1\nelse:  # @\n    y = 1\n", (3, 3)),
        ("try:  # @\n    x = 1\nexcept A:\n    pass\n", (1, 1)),
        ("try:\n    x = 1\nexcept (\n  A\n):  # @\n    pass\n", (3, 5)),
        ("try:\n    x = 1\n# @\nexcept A:\n    pass\n", (4, 4)),
        ("try:\n    x = 1\nfinally:  # @\n\n    pass\n", (3, 3)),
        ("match (\n a):  # @\n    # b\n    case 1:\n        pass\n", (1, 2)),
        ("match a:\n    case (\n 1\n ):  # @\n        pass\n", (2, 4)),
        ("match a:\n    case 1:\n        x = 1  # @\n", (3, 3)),
        ("match a:  # @\n    case 1: pass\n", (1, 1)),
        ("if a: x = 1  # @\n", (1, 1)),
        ("x = 1; y = (\n  2)  # @\n", (1, 2)),
        ("type X = int\n# @\nx = (\n1)\n", (3, 4)),
        ("def f[T](\n  x: T,\n):  # @\n    match x:\n        case 1: pass\n", (1, 3)),
        ("match x:\n    case 1 if f'{x['a']}':  # @\n        pass\n", (2, 2)),
    ],
)
def test_a_comment_is_bound_to_a_statement_or_a_header(text: str, lines: tuple[int, int]):
    assert extent(text) == lines


def test_a_comment_above_nothing_is_malformed():
    assert "there is no statement" in found("x = 1\n# guardrail: allow[JWT001] legacy job\n").findings[0].message


def test_an_unreadable_file_has_no_allows():
    assert found("x = (  # guardrail: allow[JWT001] legacy job\n") == AllowsOfFile()


def outcome(text: str, line: int, end_line: int = 0, rule: str = "PRC001") -> Outcome:
    held = {"app.py": found(text.replace("# @", "# guardrail: allow[PRC001] legacy job, T-231"))}
    finding = replace(FINDING, line=line, end_line=end_line or line, rule=rule)
    return decide([finding], held, Settings())[0].outcome


BLOCK = "def f():\n    try:\n        a(\n            1)  # @\n    except E:\n        pass\n"


@pytest.mark.parametrize(
    ("line", "end_line", "expected"),
    [
        (3, 4, Outcome.ALLOWED),
        (3, 3, Outcome.ALLOWED),
        (4, 4, Outcome.ALLOWED),
        (1, 6, Outcome.REPORTED),  # the whole function: an allow inside it says nothing of it
        (2, 6, Outcome.REPORTED),
        (5, 6, Outcome.REPORTED),
    ],
)
def test_an_allow_covers_its_statement_and_no_block_around_it(line: int, end_line: int, expected: Outcome):
    assert outcome(BLOCK, line, end_line) is expected


def test_an_allow_on_a_header_covers_the_block_as_a_whole_but_not_what_is_in_it():
    text = "@a\ndef f(\n):  # @\n    x = 1\n    y = 2\n"
    assert [outcome(text, 2, 5), outcome(text, 1, 5), outcome(text, 4)] == ["allowed", "allowed", "reported"]


def test_an_allow_covers_only_the_rules_that_it_names():
    assert outcome("x = 1  # @\n", 1, rule="PRC002") is Outcome.REPORTED


# ---- decisions -------------------------------------------------------------------------------


def decided(settings: Settings | None = None, **changes: object) -> Decision:
    held = {"app.py": found("\n" * 11 + "x = 1  # guardrail: allow[PRC001] legacy job, T-231\n")}
    return decide([replace(FINDING, **changes)], held, settings or Settings())[0]  # type: ignore[arg-type]


def test_an_allowed_finding_says_by_what():
    decision = decided(line=12, end_line=12)
    assert (decision.outcome, decision.because) == (Outcome.ALLOWED, "app.py:12 allows PRC001: legacy job, T-231")


def test_a_finding_in_another_file_is_not_allowed():
    assert decided(line=12, end_line=12, path="b.py").outcome is Outcome.REPORTED


def test_findings_about_allows_are_not_allowed():
    held = {"app.py": found("x = 1  # guardrail: allow[PRC001] legacy job\n")}
    (decision,) = decide([replace(FINDING, rule="ALW001")], held, Settings())
    assert decision.outcome is Outcome.REPORTED


@pytest.mark.parametrize(
    ("select", "ignore", "because"),
    [
        ((), (), ""),
        (("PRC001",), (), ""),
        (("PRC",), (), ""),
        (("process",), (), ""),
        (("JWT", "PRC0"), (), ""),
        (("JWT",), (), "PRC001 is not selected"),
        ((), ("PRC001",), "PRC001 is ignored"),
        ((), ("process",), "PRC001 is ignored"),
        (("PRC",), ("PRC",), "PRC001 is ignored"),
        (("PRC",), ("PRC001",), "PRC001 is ignored"),
        (("PRC001",), ("PRC",), ""),
        (("PRC",), ("process",), ""),
        ((), ("JWT",), ""),
    ],
)
def test_selection(select: tuple[str, ...], ignore: tuple[str, ...], because: str):
    decision = decided(Settings(select=select, ignore=ignore))
    assert decision.because == because
    assert decision.outcome is (Outcome.UNSELECTED if because else Outcome.REPORTED)


def test_low_confidence_is_for_the_pedantic():
    low = {"confidence": Confidence.LOW}
    assert decided(**low).outcome is Outcome.UNSELECTED
    assert decided(Settings(pedantic=True), **low).outcome is Outcome.REPORTED


def test_below_the_gate():
    decision = decided(severity=Severity.P2)
    assert (decision.outcome, decision.because) == (Outcome.BELOW_GATE, "P2 is below the gate, fail-on = P1")
    assert decided(Settings(fail_on=None)).because == "P0 is below the gate, fail-on = never"
    assert decided(Settings(fail_on=Severity.P2), severity=Severity.P2).outcome is Outcome.REPORTED


@pytest.mark.parametrize("status", [Status.FIXED, Status.PREEXISTING])
def test_what_the_change_did_not_introduce_never_fails(status: Status):
    decision = decided(status=status, line=12, end_line=12)
    assert decision.outcome is Outcome.REPORTED
    assert exit_code([decision], True, Settings()) == 0


def test_decisions_are_sorted():
    findings = [replace(FINDING, path=p, line=n, end_line=n) for p in "ba" for n in (2, 1)]
    assert [(d.finding.path, d.finding.line) for d in decide(findings, {}, Settings())] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
    ]


@pytest.mark.parametrize(
    ("severity", "complete", "allow_incomplete", "exit_zero", "code"),
    [
        (Severity.P0, True, False, False, 1),
        (Severity.P1, True, False, False, 1),
        (Severity.P2, True, False, False, 0),
        (Severity.P0, True, False, True, 0),
        (Severity.P0, False, False, False, 2),
        (Severity.P2, False, False, True, 2),
        (Severity.P0, False, True, False, 1),
        (Severity.P2, False, True, False, 0),
        (Severity.P0, False, True, True, 0),
    ],
)
def test_exit_codes(severity: Severity, complete: bool, allow_incomplete: bool, exit_zero: bool, code: int):
    settings = Settings(allow_incomplete=allow_incomplete)
    assert exit_code([decided(settings, severity=severity)], complete, settings, exit_zero) == code


# ---- hostile and arbitrary input -------------------------------------------------------------


def test_many_comments_do_not_hang():
    begun = time.monotonic()
    bad = find_allows("a.py", "x = 1  # guardrail: hm\n" * 40_000)
    good = find_allows("a.py", "x = [\n" + "1,  # guardrail: allow[JWT001] legacy job\n" * 40_000 + "]\n")
    assert (len(bad.findings), len(good.allows)) == (40_000, 40_000)
    assert time.monotonic() - begun < 20


PIECES = st.sampled_from(
    [
        *(
            "# guardrail:",
            " allow[",
            "JWT001",
            "]",
            " legacy job",
            " until=",
            "2027-03-01",
            "\n",
            "\r",
            "x = 1",
            "    ",
        ),
        *(
            "(",
            ")",
            "'",
            '"""',
            "\\",
            "if x:",
            "match x:",
            "case 1:",
            "try:",
            "except:",
            "else:",
            "pass",
            "@a\n",
            "def f():",
        ),
    ]
)


@given(st.lists(PIECES).map("".join) | st.text().map(lambda text: "# guardrail:" + text))
def test_any_text_is_read(text: str):
    result = find_allows("a.py", text)
    for allow in result.allows:
        assert 1 <= allow.first <= allow.last
