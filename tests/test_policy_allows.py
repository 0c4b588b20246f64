"""The syntax of allows, held against one scan of a real folder: what is let pass, and what is said of the comment."""

from __future__ import annotations

import pytest
from policed import check, project, rules_of, scan, told

BAD = "HAL001"
HERE = "the hall is empty at night, T-12"
FAR, PAST = "until=2999-12-31", "until=2001-01-01"

# name: text, whether the call at `shout` is let pass, what is said of the comment
CASES: dict[str, tuple[str, bool, set[str]]] = {
    # good: where it stands
    "trailing": (f"shout(1)  # guardrail: allow[HAL001] {HERE}\n", True, set()),
    "above": (f"# guardrail: allow[HAL001] {HERE}\nshout(1)\n", True, set()),
    "above_with_a_gap": (f"# guardrail: allow[HAL001] {HERE}\n\n# and more\nshout(1)\n", True, set()),
    "first_line": (f"shout(  # guardrail: allow[HAL001] {HERE}\n    1,\n)\n", True, set()),
    "last_line": (f"shout(\n    1,\n)  # guardrail: allow[HAL001] {HERE}\n", True, set()),
    "inside": (f"shout(\n    1,  # guardrail: allow[HAL001] {HERE}\n)\n", True, set()),
    "above_an_assignment": (f"# guardrail: allow[HAL001] {HERE}\nx = [\n    shout(1),\n]\n", True, set()),
    "above_a_decorated": (f"# guardrail: allow[HAL001] {HERE}\n@shout(1)\ndef f():\n    pass\n", True, set()),
    "above_a_stack": (f"# guardrail: allow[HAL001] {HERE}\n@other\n@shout(1)\ndef f():\n    pass\n", True, set()),
    "on_the_header": (f"with shout(1):  # guardrail: allow[HAL001] {HERE}\n    pass\n", True, set()),
    "after_another_tool": (f"shout(1)  # noqa: E501  # guardrail: allow[HAL001] {HERE}\n", True, set()),
    "in_a_method": (f"class A:\n    def f(self):\n        shout(1)  # guardrail: allow[HAL001] {HERE}\n", True, set()),
    "crlf": (f"shout(1)  # guardrail: allow[HAL001] {HERE}\r\n", True, set()),
    # good: what it says
    "two_rules": (f"shout(knock(1))  # guardrail: allow[HAL001, DOR001] {HERE}\n", True, set()),
    "no_space_between": (f"shout(knock(1))  # guardrail: allow[HAL001,DOR001] {HERE}\n", True, set()),
    "with_a_day": (f"shout(1)  # guardrail: allow[HAL001] {HERE} {FAR}\n", True, set()),
    "short_reason": ("shout(1)  # guardrail: allow[HAL001] no guests\n", True, set()),
    "reason_with_brackets": (f"shout(1)  # guardrail: allow[HAL001] {HERE} [sic]\n", True, set()),
    "reason_in_another_script": ("shout(1)  # guardrail: allow[HAL001] ここには誰もいません、夜だけ\n", True, set()),
    # bad: the reason (field notes 13)
    "no_reason": ("shout(1)  # guardrail: allow[HAL001]\n", False, {"ALW001"}),
    "todo": ("shout(1)  # guardrail: allow[HAL001] TODO\n", False, {"ALW001"}),
    "todo_later": ("shout(1)  # guardrail: allow[HAL001] todo: fix this later\n", False, {"ALW001"}),
    "dash": ("shout(1)  # guardrail: allow[HAL001] -\n", False, {"ALW001"}),
    "false_positive": ("shout(1)  # guardrail: allow[HAL001] false positive\n", False, {"ALW001"}),
    "by_design": ("shout(1)  # guardrail: allow[HAL001] by design.\n", False, {"ALW001"}),
    "trust_me": ("shout(1)  # guardrail: allow[HAL001] this is fine, trust me\n", False, {"ALW001"}),
    "only_a_day": (f"shout(1)  # guardrail: allow[HAL001] {FAR}\n", False, {"ALW001"}),
    # bad: prose for ids, and no blanket form (field notes 14, 15)
    "blanket": (f"shout(1)  # guardrail: allow {HERE}\n", False, {"ALW001"}),
    "empty_brackets": (f"shout(1)  # guardrail: allow[] {HERE}\n", False, {"ALW001"}),
    "star": (f"shout(1)  # guardrail: allow[*] {HERE}\n", False, {"ALW001"}),
    "all": (f"shout(1)  # guardrail: allow[ALL] {HERE}\n", False, {"ALW001"}),
    "prefix": (f"shout(1)  # guardrail: allow[HAL] {HERE}\n", False, {"ALW001"}),
    "surface": (f"shout(1)  # guardrail: allow[halls] {HERE}\n", False, {"ALW001"}),
    "small_letters": (f"shout(1)  # guardrail: allow[hal001] {HERE}\n", False, {"ALW001"}),
    "prose": ("shout(1)  # guardrail: totally fine trust me\n", False, {"ALW001"}),
    "space_before_the_colon": (f"shout(1)  # guardrail : allow[HAL001] {HERE}\n", False, {"ALW001"}),
    "another_verb": (f"shout(1)  # guardrail: ignore[HAL001] {HERE}\n", False, {"ALW001"}),
    "capital": (f"shout(1)  # Guardrail: allow[HAL001] {HERE}\n", False, {"ALW001"}),
    "unknown_rule": (f"shout(1)  # guardrail: allow[HAL009] {HERE}\n", False, {"ALW002"}),
    "known_and_unknown": (f"shout(1)  # guardrail: allow[HAL001, HAL009] {HERE}\n", True, {"ALW002"}),
    "of_the_guard": (f"shout(1)  # guardrail: allow[HAL001, ALW003] {HERE}\n", False, {"ALW001"}),
    "of_sign_offs": (f"shout(1)  # guardrail: allow[SGN001] {HERE}\n", False, {"ALW001"}),
    # bad: the day (field notes 18)
    "expired": (f"shout(1)  # guardrail: allow[HAL001] {HERE} {PAST}\n", False, {"ALW003"}),
    "no_such_day": (f"shout(1)  # guardrail: allow[HAL001] {HERE} until=2027-02-30\n", False, {"ALW001"}),
    "day_in_words": (f"shout(1)  # guardrail: allow[HAL001] {HERE} until=spring\n", False, {"ALW001"}),
    "two_days": (f"shout(1)  # guardrail: allow[HAL001] {HERE} {FAR} {FAR}\n", False, {"ALW001"}),
    # bad: the wrong place (field notes 15, 17)
    "another_rule": (f"shout(1)  # guardrail: allow[HAL002] {HERE}\n", False, {"ALW004"}),
    "below": (f"shout(1)\n# guardrail: allow[HAL001] {HERE}\n", False, {"ALW001"}),
    "next_statement": (f"shout(1)\nx = 2  # guardrail: allow[HAL001] {HERE}\n", False, {"ALW004"}),
    "on_the_def": (f"def f():  # guardrail: allow[HAL001] {HERE}\n    shout(1)\n", False, {"ALW004"}),
    "above_the_def": (f"# guardrail: allow[HAL001] {HERE}\ndef f():\n    shout(1)\n", False, {"ALW004"}),
    "at_the_top": (f"# guardrail: allow[HAL001] {HERE}\nimport a\n\nshout(1)\n", False, {"ALW004"}),
    "in_a_string": (f'shout("# guardrail: allow[HAL001] {HERE}")\n', False, set()),
    "in_a_docstring": (f'"""# guardrail: allow[HAL001] {HERE}"""\nshout(1)\n', False, set()),
    "nothing_to_allow": (f"x = 1  # guardrail: allow[HAL001] {HERE}\n", True, {"ALW004"}),
    # bad: do-not-use code takes a waiver
    "in_a_vault": (f"unlock(1)  # guardrail: allow[VLT001] {HERE}\n", False, set()),
    "beside_a_vault": (f"def f():\n    unlock_well(1)\n    shout(1)  # guardrail: allow[HAL001] {HERE}\n", False, set()),
}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """What one scan says of every case: name → rules that are reported, and those that are allowed."""
    repo = project(tmp_path_factory.mktemp("allows"))
    for name, (text, _, _) in CASES.items():
        repo.write(f"cases/{name}.py", text)
    repo.commit()
    ran = scan(repo)
    found: dict[str, tuple[set[str], set[str]]] = {name: (set(), set()) for name in CASES}
    for number, key in enumerate(("findings", "allowed")):
        for f in ran.told[key]:
            if f["path"].startswith("cases/"):
                found[f["path"].removeprefix("cases/").removesuffix(".py")][number].add(f["rule"])
    return found


def test_there_are_enough_cases():
    assert len(CASES) >= 40
    assert 15 <= sum(passes for _, passes, _ in CASES.values()) <= len(CASES) - 20


@pytest.mark.parametrize("name", CASES)
def test_what_a_comment_lets_pass_and_what_is_said_of_it(name, scanned):
    _, passes, said = CASES[name]
    reported, _ = scanned[name]
    assert {rule for rule in reported if rule.startswith("ALW")} == said
    assert not {rule for rule in reported if not rule.startswith("ALW")} if passes else reported - said


@pytest.mark.parametrize("name", [n for n, (_, passes, said) in CASES.items() if passes and "ALW004" not in said])
def test_what_is_let_pass_is_listed_as_allowed(name, scanned):
    assert scanned[name][1]


def test_unused_allows_are_told_in_full_scans_only(tmp_path):
    repo = project(tmp_path, **{"lib/a.py": f"x = 1  # guardrail: allow[HAL001] {HERE}\n"})
    assert rules_of(scan(repo)) == {"ALW004"}
    assert rules_of(scan(repo, "lib")) == set()
    repo.write("lib/a.py", f"x = 2  # guardrail: allow[HAL001] {HERE}\n")
    assert "ALW004" not in rules_of(check(repo))


def test_an_allow_of_a_rule_that_was_not_asked_for_is_not_unused(tmp_path):
    repo = project(tmp_path, **{"a.py": f"shout(1)  # guardrail: allow[HAL001] {HERE}\n"})
    assert rules_of(scan(repo, "--ignore", "HAL001")) == set()
    assert rules_of(scan(repo, "--select", "DOR,ALW")) == set()


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_every_format_shows_what_was_allowed_and_why(form, tmp_path):
    repo = project(tmp_path, **{"a.py": f"shout(1)  # guardrail: allow[HAL001] {HERE}\n"})
    out = scan(repo, "--format", form).out
    assert f"a.py:1 allows HAL001: {HERE}" in out


def test_an_allow_on_do_not_use_code_says_that_it_does_not_count(tmp_path):
    repo = project(tmp_path)
    repo.write("a.py", f"unlock(1)  # guardrail: allow[VLT001] {HERE}\n")
    ran = check(repo)
    (finding,) = [f for f in ran.told["findings"] if f["rule"] == "VLT001"]
    assert "takes a waiver in guardrail.toml" in finding["notes"][0]["message"]
    assert ran.code == 1


def test_an_honoured_comment_of_a_peer_does_not_count_on_do_not_use_code(tmp_path):
    text = "import hashlib\n\n\ndef sign(password):\n    return hashlib.md5(password).hexdigest()  # nosec B324\n"
    repo = project(tmp_path, 'honour = ["nosec"]\n', **{"plain.py": text})
    ran = scan(repo)
    assert not any("nosec" in a["because"] for a in ran.told["allowed"])
    assert any("waiver" in n["message"] for f in ran.told["findings"] for n in f["notes"])


# ---- new and widened comments ---------------------------------------------------------------------

OLD = "def f():\n    x = load(1)\n    return x\n"


def changed(tmp_path, before: str, after: str, path: str = "lib.py") -> list[str]:
    """What a change of one file says of comments."""
    repo = project(tmp_path, **{path: before})
    repo.write(path, after)
    return [line for line in told(check(repo)) if line.split()[1] in ("ALW005", "TST008")]


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa: E501",
        "# noqa",
        "# nosec B301",
        "# nosec",
        "# type: ignore",
        "# type: ignore[no-any-return]",
        "# pyright: ignore",
        "# pylint: disable=no-member",
        f"# guardrail: allow[HAL002] {HERE}",
    ],
)
def test_a_new_comment_that_silences_a_tool_is_a_finding(comment, tmp_path):
    (line,) = changed(tmp_path, OLD, OLD.replace("load(1)", f"load(1)  {comment}"))
    assert line.endswith("lib.py:2")


@pytest.mark.parametrize(("call", "severity"), [("shout_well", "P2"), ("knock_well", "P1"), ("unlock_well", "P1")])
def test_it_weighs_what_the_code_weighs(call, severity, tmp_path):
    before = f"def f():\n    {call}(1)\n    return wide(1)\n"
    after = before.replace("wide(1)", "wide(1)  # noqa: E501")
    assert changed(tmp_path, before, after) in ([f"{severity} ALW005 lib.py:3"], [f"{severity} TST008 lib.py:3"])


def test_an_allow_that_lets_a_p0_pass_is_p1_everywhere(tmp_path):
    after = OLD.replace("load(1)", f"shout(1)  # guardrail: allow[HAL001] {HERE}")
    assert changed(tmp_path, OLD, after) == ["P1 ALW005 lib.py:2"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# noqa: E501", "# noqa: E501, S301"),
        ("# noqa: E501", "# noqa"),
        ("# type: ignore[arg-type]", "# type: ignore"),
        (f"# guardrail: allow[HAL002] {HERE}", f"# guardrail: allow[HAL002, DOR002] {HERE}"),
        (f"# guardrail: allow[HAL002] {HERE} until=2998-01-01", f"# guardrail: allow[HAL002] {HERE} {FAR}"),
        (f"# guardrail: allow[HAL002] {HERE} until=2998-01-01", f"# guardrail: allow[HAL002] {HERE}"),
    ],
)
def test_a_widened_comment_is_a_finding(before, after, tmp_path):
    assert changed(tmp_path, OLD.replace("load(1)", f"load(1)  {before}"), OLD.replace("load(1)", f"load(1)  {after}"))


SILENT = OLD.replace("load(1)", "load(1)  # noqa: S301, E501")


@pytest.mark.parametrize(
    "after",
    [
        SILENT.replace("load(1)", "load(1, 2)"),  # the line was edited below its comment
        SILENT.replace(", E501", ""),  # narrowed
        SILENT.replace("  # noqa: S301, E501", ""),  # gone
        "import os\n\n\n" + SILENT,  # moved down
        SILENT.replace("def f", "def g"),  # renamed
        SILENT + "\n\ndef h():\n    return 1\n",
    ],
)
def test_a_comment_that_was_there_is_no_finding(after, tmp_path):
    assert changed(tmp_path, SILENT, after) == []


def test_a_comment_that_moves_with_its_code_to_another_file_is_no_finding(tmp_path):
    repo = project(tmp_path, **{"lib.py": SILENT + "\n\ndef rest():\n    return 2\n"})
    repo.write("lib.py", "def rest():\n    return 2\n")
    repo.write("other.py", SILENT)
    assert "ALW005" not in rules_of(check(repo))


def test_an_allow_does_not_move_from_a_harmless_line_to_a_bad_one(tmp_path):
    before = f"def f(a, b):\n    total = a + b  # guardrail: allow[HAL001] {HERE}\n    return total\n"
    after = f"def f(a, b):\n    total = a + b\n    shout(b)  # guardrail: allow[HAL001] {HERE}\n    return total\n"
    assert changed(tmp_path, before, after) == ["P1 ALW005 lib.py:3"]
