"""What belongs to a change: introduced, fixed and preexisting, by definition and content, never by line."""

from __future__ import annotations

import textwrap

import pytest

from guardrail.change import EmptyTree, MemoryTree
from guardrail.judge import Judge
from guardrail.judgement import Found
from guardrail.model import Change, FileChange, Finding
from guardrail.packs import read_packs
from guardrail.run import decide
from guardrail.settings import Settings

PACK = b"""
[surface]
id = "probe"
title = "A probe"
tier = "review-carefully"
why = "It is a test."

[[rule]]
id = "PRB001"
name = "probe"
severity = "P1"
any = ["lib.bad(...)"]
message = "bad"
remedy = "good"

[[rule]]
id = "PRB002"
name = "probe-of-options"
severity = "P1"
any = ["lib.call(..., verify=False, ...)"]
message = "bad"
remedy = "good"
"""
RULES = read_packs([("probe.toml", PACK)])


def statuses(base: dict[str, str], head: dict[str, str], renames: dict[str, str] | None = None) -> list[str]:
    """`status rule path:line` of everything that a change from `base` to `head` shows."""
    back = {new: old for old, new in (renames or {}).items()}
    files = [FileChange(back.get(p, p if p in base else None), p, frozenset(), frozenset()) for p in sorted(head)]
    files += [FileChange(p, None) for p in sorted(base) if p not in head and p not in (renames or {})]
    sides = [{p: textwrap.dedent(t).encode() for p, t in side.items()} for side in (base, head)]
    trees = [MemoryTree(EmptyTree(), side) for side in sides]
    judge = Judge(trees[0], trees[1], RULES)
    change = Change("/", "test", trees[0], trees[1], tuple(files))
    verdict = decide(change, RULES, Settings(), Found([judge.judge(f) for f in files]))
    return [shown(d.finding) for d in verdict.decisions]


def shown(finding: Finding) -> str:
    return f"{finding.status} {finding.rule} {finding.path}:{finding.line}"


def test_a_new_one_is_introduced_and_an_old_one_is_not() -> None:
    base = "import lib\ndef f():\n    lib.bad(1)\n"
    head = "import lib\n\n\ndef f():\n    lib.bad(1)\n    lib.bad(2)\n"
    assert statuses({"a.py": base}, {"a.py": head}) == ["preexisting PRB001 a.py:5", "introduced PRB001 a.py:6"]


def test_two_equal_ones_are_two() -> None:
    base = "import lib\ndef f():\n    lib.bad(1)\n"
    head = "import lib\ndef f():\n    lib.bad(1)\n    lib.bad(1)\n"
    assert statuses({"a.py": base}, {"a.py": head}) == ["preexisting PRB001 a.py:3", "introduced PRB001 a.py:4"]


def test_a_fixed_one_does_not_pay_for_one_in_another_function() -> None:
    base = "import lib\ndef f():\n    lib.bad(1)\ndef g():\n    pass\n"
    head = "import lib\ndef f():\n    pass\ndef g():\n    lib.bad(1)\n"
    assert statuses({"a.py": base}, {"a.py": head}) == ["fixed PRB001 a.py:3", "introduced PRB001 a.py:5"]


@pytest.mark.parametrize(
    "head",
    [
        'import lib\ndef f(x):\n    lib.bad(\n        "a",\n        x,\n    )\n',
        "import lib\n# words\n\ndef f(x):\n    # more words\n    lib.bad('a', (x))\n",
        'import lib as other\ndef f(x): return other.bad("a", x)\n',
    ],
)
def test_reformatting_introduces_nothing(head: str) -> None:
    base = 'import lib\ndef f(x):\n    lib.bad("a", x)\n'
    (one,) = statuses({"a.py": base}, {"a.py": head})
    assert one.startswith("preexisting")


def test_an_edit_of_an_old_call_is_not_a_new_one() -> None:
    base = "import lib\ndef f(x):\n    lib.bad(x, timeout=3)\n"
    head = "import lib\ndef f(x):\n    lib.bad(x, timeout=4, retries=1)\n"
    assert statuses({"a.py": base}, {"a.py": head}) == ["preexisting PRB001 a.py:3"]


def test_a_renamed_function_and_a_moved_method_introduce_nothing() -> None:
    base = "import lib\nclass A:\n    def f(self):\n        lib.bad(1)\n"
    head = "import lib\nclass A:\n    pass\nclass B:\n    def g(self):\n        lib.bad(1)\n"
    assert statuses({"a.py": base}, {"a.py": head}) == ["preexisting PRB001 a.py:6"]


def test_a_copied_function_introduces() -> None:
    base = "import lib\ndef f():\n    lib.bad(1)\n"
    head = base + "def g():\n    lib.bad(1)\n"
    assert statuses({"a.py": base}, {"a.py": head}) == ["introduced PRB001 a.py:5"]


def test_renamed_and_moved_between_files() -> None:
    text = "import lib\ndef f():\n    lib.bad(1)\n"
    assert statuses({"a.py": text}, {"b.py": text}, {"a.py": "b.py"}) == []
    longer = "import lib\ndef f():\n    lib.bad(1)\n    lib.more()\n"
    assert statuses({"a.py": text}, {"b.py": longer}, {"a.py": "b.py"}) == ["preexisting PRB001 b.py:3"]
    assert statuses({"a.py": text, "b.py": ""}, {"a.py": "", "b.py": text}) == ["preexisting PRB001 b.py:3"]


def test_a_deleted_file_fixes() -> None:
    assert statuses({"a.py": "import lib\nlib.bad()\n"}, {}) == ["fixed PRB001 a.py:2"]


def test_a_constant_or_an_import_changed_elsewhere_in_the_file_counts() -> None:
    base = "import lib\nVERIFY = True\ndef f():\n    lib.call(verify=VERIFY)\n"
    head = base.replace("True", "False")
    assert statuses({"a.py": base}, {"a.py": head}) == ["introduced PRB002 a.py:4"]
    base = "import other as api\ndef f():\n    api.bad()\n"
    head = base.replace("other", "lib")
    assert statuses({"a.py": base}, {"a.py": head}) == ["introduced PRB001 a.py:3"]


def test_what_nothing_touched_is_not_even_looked_at() -> None:
    text = "import lib\ndef f():\n    lib.bad(1)\n"
    assert statuses({"a.py": text}, {"a.py": "# a comment\n" + text}) == []


def test_fingerprints_survive_moves_and_tell_equal_ones_apart() -> None:
    def prints(text: str) -> list[str]:
        tree = MemoryTree(EmptyTree(), {"a.py": text.encode()})
        file = FileChange(None, "a.py")
        change = Change("/", "test", EmptyTree(), tree, (file,))
        verdict = decide(change, RULES, Settings(), Found([Judge(EmptyTree(), tree, RULES).judge(file)]))
        return [f.fingerprint for f in verdict.findings]

    one = prints("import lib\ndef f():\n    lib.bad('x', 1)\n    lib.bad('x', 1)\n")
    other = prints('import lib\n\n\ndef f():\n    lib.bad( "x",1 )\n    y = 3\n    lib.bad("x", 1)\n')
    assert one == other
    assert len(set(one)) == 2
    assert all(p.startswith("v1:") for p in one)
