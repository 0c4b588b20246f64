"""Packs: every mistake is told, all of them at once, with file, rule, key and a guess; and our own packs are whole."""

from __future__ import annotations

import re
from itertools import groupby

import pytest

from guardrail.model import Severity, Tier
from guardrail.packs import NOT_PACKS, BadPack, Rules, load_packs, own_packs, read_packs

SURFACE = """
[surface]
id = "greetings"
title = "Greetings"
tier = "use-freely"
why = "They are read aloud."
"""
RULE = """
[[rule]]
id = "GRE001"
name = "greeting-shouted"
severity = "P2"
any = ["shout($WORDS, ...)"]
message = "`shout` greets too loudly."
remedy = "Call greet."
"""


def without(table: str, key: str) -> str:
    """The table with one key left out."""
    return re.sub(rf"(?m)^{key} = .*\n", "", table)


def changed(table: str, key: str, value: str) -> str:
    """The table with another value for a key."""
    assert re.search(rf"(?m)^{key} = ", table)
    return re.sub(rf"(?m)^({key}) = .*$", lambda match: f"{match[1]} = {value}", table)


def mistakes(*packs: str | bytes) -> list[str]:
    """What is wrong with some packs, which are called a.toml, b.toml …"""
    texts = [(f"{name}.toml", p.encode() if isinstance(p, str) else p) for name, p in zip("abcdef", packs, strict=False)]
    with pytest.raises(BadPack) as caught:
        read_packs(texts)
    return str(caught.value).split("\n")


def test_a_pack_becomes_a_surface_and_its_rules():
    rules = read_packs([("greetings.toml", (SURFACE + RULE).encode())])
    (rule,) = rules.rules
    assert (rule.id, rule.severity, rule.confidence, rule.surface) == ("GRE001", Severity.P2, "high", "greetings")
    assert (rule.pack, rule.refs, rule.context, rule.in_tests) == ("greetings.toml", (), (), False)
    assert (rules.surfaces["greetings"].tier, rules.surfaces["greetings"].title) == (Tier.FREE, "Greetings")


# ---- one mistake ----------------------------------------------------------------------------------

WRONG_RULES = {
    # unknown keys
    RULE + 'mesage = "x"': 'mesage: unknown key (did you mean "message"?)',
    RULE + "in_tests = true": 'in_tests: unknown key (did you mean "in-tests"?)',
    RULE + "zebra = 1": "zebra: unknown key",
    # wrong types
    changed(RULE, "message", "3"): "message: wants a string",
    changed(RULE, "any", "[]"): "any: is missing",
    changed(RULE, "any", '"shout(...)"'): "any: wants a list of strings",
    changed(RULE, "any", "[1]"): "any: wants a list of strings",
    RULE + 'refs = "CWE-1"': "refs: wants a list of strings",
    RULE + 'unless = "greet()"': "unless: wants a list of strings",
    RULE + "where = 3": "where: wants where.NAME = …",
    RULE + "context = 3": "context: wants a word or a list of words",
    RULE + "check = 3": "check: wants a string",
    RULE + 'in-tests = "yes"': "in-tests: wants true or false",
    # words out of a closed set
    changed(RULE, "severity", '"P3"'): 'severity: "P3" is none of P0, P1, P2',
    changed(RULE, "severity", "0"): "severity: ",
    RULE + 'confidence = "hihg"': 'confidence: "hihg" is none of high, medium, low (did you mean "high"?)',
    RULE + 'context = "asinc"': 'context: unknown context "asinc" (did you mean "async"?)',
    RULE + 'context = ["loop", "weekend"]': 'context: unknown context "weekend"',
    # forms
    changed(RULE, "id", '"GREET1"'): "id: wants three capitals and three digits, such as JWT001",
    changed(RULE, "id", '"gre001"'): "id: wants three capitals and three digits, such as JWT001",
    RULE + 'check = "a.b.c"': 'check: wants "module:function"',
    RULE + 'check = "os; import x:f"': 'check: wants "module:function"',
    RULE + 'surface = "greeting"': 'surface: there is no surface "greeting"',
    # patterns
    changed(RULE, "any", '["shout("]'): "any: `shout(`: not Python: '(' was never closed",
    changed(RULE, "any", '["a = 1; b = 2"]'): "any: `a = 1; b = 2`: ",
    changed(RULE, "any", '[""]'): "any: ``: ",
    RULE + 'unless = ["for"]': "unless: `for`: ",
    # where
    RULE + 'where.WORD = "literal"': 'where.WORD: no pattern names $WORD (did you mean "WORDS"?)',
    RULE + 'where.WORDS = "litteral"': 'where.WORDS: unknown test "litteral" (did you mean "literal"?)',
    RULE + "where.WORDS = { moar-than = 3 }": 'where.WORDS: unknown test "moar-than" (did you mean "more-than"?)',
    RULE + 'where.WORDS = { less-than = "3" }': "where.WORDS: less-than wants a number",
    RULE + "where.WORDS = { less-than = true }": "where.WORDS: less-than wants a number",
    RULE + "where.WORDS = { literal = 1 }": "where.WORDS: literal wants true or false",
    RULE + "where.WORDS = { regex = '(' }": "where.WORDS: not a regular expression: ",
    RULE + "where.WORDS = { regex = 1 }": "where.WORDS: regex wants a string",
    RULE + "where.WORDS = { type = 1 }": "where.WORDS: type wants a qualified name or a list of them",
    RULE + "where.WORDS = {}": 'where.WORDS: wants a word such as "dynamic"',
    RULE + "where.WORDS = 3": 'where.WORDS: wants a word such as "dynamic"',
}


@pytest.mark.parametrize(("rule", "mistake"), WRONG_RULES.items(), ids=WRONG_RULES.values())
def test_a_mistake_in_a_rule(rule, mistake):
    (told,) = mistakes(SURFACE + rule)
    assert re.match(r"a\.toml: [^:]+: ", told)
    assert told.split(": ", 2)[2].startswith(mistake)
    if not mistake.endswith(": "):
        assert told.split(": ", 2)[2] == mistake or mistake.endswith((" ", '"dynamic"'))


@pytest.mark.parametrize("key", ["id", "name", "severity", "any", "message", "remedy"])
def test_a_rule_needs(key):
    where = "a rule without id" if key == "id" else "GRE001"
    assert mistakes(SURFACE + without(RULE, key)) == [f"a.toml: {where}: {key}: is missing"]


@pytest.mark.parametrize("key", ["id", "title", "tier", "why"])
def test_a_surface_needs(key):
    assert f"a.toml: {key}: is missing" in mistakes(without(SURFACE, key) + RULE)


WRONG_SURFACES = {
    SURFACE + 'owner-hint = "x"': 'a.toml: owner-hint: unknown key (did you mean "owners-hint"?)',
    changed(SURFACE, "tier", '"use-frely"'): (
        'a.toml: tier: "use-frely" is none of use-freely, review-carefully, do-not-use (did you mean "use-freely"?)'
    ),
    SURFACE + 'review = "Is it loud?"': "a.toml: review: wants a list of strings",
    SURFACE + 'signals.words = "hello"': "a.toml: words: wants a list of strings",
    SURFACE + "signals = 1": "a.toml: signals: wants a table",
    SURFACE + 'signals.wrods = ["hello"]': 'a.toml: wrods: unknown key (did you mean "words"?)',
    SURFACE + 'signals.not = { by-hand = ["x"] }': "a.toml: by-hand: unknown key",
    SURFACE + 'signals.by-hand = ["f("]': "a.toml: by-hand: `f(`: not Python: '(' was never closed",
    "surface = 1": "a.toml: surface: wants a [surface] table",
    SURFACE + "[rules]": 'a.toml: rules: unknown key (did you mean "rule"?)',
}


@pytest.mark.parametrize(("surface", "mistake"), WRONG_SURFACES.items(), ids=WRONG_SURFACES.values())
def test_a_mistake_in_a_surface(surface, mistake):
    assert mistakes(surface + "\n" + RULE)[0] == mistake


@pytest.mark.parametrize(
    ("pack", "mistake"),
    [
        ("[surface\n", "a.toml: not TOML: "),
        (b"\xff", "a.toml: not TOML: "),
        ("x = " + "[" * 5_000, "a.toml: too deeply nested"),
        ("rule = 1\n" + SURFACE, "a.toml: rule: wants [[rule]] tables"),
        (SURFACE + "[rule]\n", "a.toml: rule: wants [[rule]] tables"),
        (SURFACE + changed(RULE, "any", "3") + "where.WORDS = 'literal'", "a.toml: GRE001: any: wants a list of strings"),
        (SURFACE.replace("[surface]", "rule = [1]\n[surface]"), "a.toml: rule: wants a table"),
        (RULE, "a.toml: GRE001: surface: is missing, and the pack has no [surface]"),
        (SURFACE, "no rules were loaded"),
        ("", "no rules were loaded"),
    ],
)
def test_a_pack_that_is_none(pack, mistake):
    assert mistakes(pack)[0].startswith(mistake)


# ---- mistakes between rules and packs -------------------------------------------------------------


def test_one_id_has_one_name_and_one_name_has_one_id():
    assert mistakes(SURFACE + RULE + changed(RULE, "name", '"shouting"')) == [
        'a.toml: GRE001: name: "shouting" here, "greeting-shouted" elsewhere'
    ]
    assert mistakes(SURFACE + RULE + changed(RULE, "id", '"GRE002"')) == [
        'a.toml: GRE002: name: "greeting-shouted" is the name of GRE001'
    ]
    assert len(read_packs([("a.toml", (SURFACE + RULE + RULE).encode())]).rules) == 2


def test_a_surface_is_defined_once():
    other = changed(RULE, "id", '"GRE002"').replace("greeting-shouted", "greeting-sung")
    assert mistakes(SURFACE + RULE, SURFACE + other) == ['b.toml: surface: "greetings" is defined by another pack already']


def test_a_rule_may_stand_on_the_surface_of_another_pack():
    rules = read_packs([("a.toml", (RULE + 'surface = "greetings"').encode()), ("b.toml", SURFACE.encode())])
    assert [rule.surface for rule in rules.rules] == ["greetings"]


def test_all_mistakes_of_all_packs_come_together():
    first = SURFACE + changed(changed(RULE, "severity", '"P7"'), "id", '"GRE1"') + 'whre.WORDS = "literal"'
    second = changed(RULE, "any", '["shout(", "greet)"]') + 'surface = "nowhere"\ncontext = "lop"'
    assert mistakes(first, "[[", second) == [
        'a.toml: GRE1: whre: unknown key (did you mean "where"?)',
        "a.toml: GRE1: id: wants three capitals and three digits, such as JWT001",
        'a.toml: GRE1: severity: "P7" is none of P0, P1, P2',
        *[m for m in mistakes(first, "[[", second) if m.startswith("b.toml: not TOML: ")],
        "c.toml: GRE001: any: `shout(`: not Python: '(' was never closed",
        *[m for m in mistakes(first, "[[", second) if m.startswith("c.toml: GRE001: any: `greet)`: ")],
        'c.toml: GRE001: context: unknown context "lop" (did you mean "loop"?)',
    ]


def test_mistakes_name_the_file_of_the_user(tmp_path):
    (tmp_path / "good.toml").write_text(RULE + 'surface = "outbound-io"')
    (tmp_path / "bad.toml").write_text(without(RULE, "name") + 'surface = "outbound-io"')
    with pytest.raises(BadPack) as caught:
        load_packs([str(tmp_path), str(tmp_path / "nowhere")])
    assert str(caught.value).split("\n") == [
        f"{tmp_path / 'nowhere'}: there is no pack here",
        f"{tmp_path / 'bad.toml'}: GRE001: name: is missing",
    ]


# ---- our own packs --------------------------------------------------------------------------------

REFERENCE = r"CWE-\d+|CVE-\d{4}-\d+|ASVS \d+\.\d+\.\d+|LLM\d\d|ASI\d\d"
OPERATIONS = {"schema-migration", "tests"}  # what breaks there is no weakness that CWE lists


@pytest.fixture(scope="module")
def own() -> Rules:
    """guardrail's own packs, which load without a problem."""
    return load_packs()


def test_there_is_a_surface_for_each_pack(own):
    packs = {path.stem for path in own_packs().glob("*.toml") if path.name not in NOT_PACKS}
    assert packs - {"systemic"} == set(own.surfaces)  # the rules about the whole project name their surfaces
    assert {rule.pack.removesuffix(".toml") for rule in own.rules if not rule.reaches} <= set(own.surfaces)
    assert {rule.pack for rule in own.rules if rule.reaches} == {"systemic.toml"}
    for id, surface in own.surfaces.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", id)
        assert surface.title
        assert surface.why


def test_every_rule_says_what_is_wrong_and_what_to_do(own):
    for rule in own.rules:
        said = f"{rule.pack}: {rule.id} {rule.name}"
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", rule.name), said
        assert rule.message.strip() == rule.message != "", said
        assert rule.remedy.strip() == rule.remedy != "", said
        assert "  " not in rule.message + rule.why + rule.remedy, said
        assert all(re.fullmatch(REFERENCE, ref) for ref in rule.refs), said
        assert any(ref.startswith("CWE-") for ref in rule.refs) or rule.surface in OPERATIONS, said
        fits = rule.patterns or (rule.reads and rule.files) or (rule.reaches and rule.context) or (rule.delta and rule.delta.files)
        assert fits, said


def test_a_rule_stands_in_one_pack_under_one_name(own):
    def key(rule):
        return rule.id

    for id, same in groupby(sorted(own.rules, key=key), key):
        rules = list(same)
        assert len({rule.name for rule in rules}) == len({rule.surface for rule in rules}) == 1, id
        assert len({rule.pack for rule in rules if not rule.reaches}) <= 1, id
        assert len({rule.surface for rule in rules}) == 1, id


def test_messages_name_only_what_their_patterns_bind(own):
    for rule in own.rules:
        bound = {
            "CALLEE",
            *({"GUARD", "DEFINITION"} if rule.delta else ()),
            *({"CHAIN", "EFFECT", "START"} if rule.reaches else ()),
            *re.findall(r"\$([A-Z][A-Z0-9_]*)", " ".join(rule.any)),
        }
        named = set(re.findall(r"\$([A-Z][A-Z0-9_]*)", rule.message + rule.why + rule.remedy))
        assert named <= bound, f"{rule.pack}: {rule.id} {rule.name}"


def test_every_check_is_there(own):
    import importlib

    shapes = {shape.check for signals in own.signals.values() for shape in signals.shapes}
    for check in ({rule.check for rule in own.rules} | shapes) - {""}:
        module, _, function = check.partition(":")
        places = ("analysis.checks.", "analysis.shapes.", "delta.checks.", "systemic.")
        assert module.removeprefix("guardrail.").startswith(places), check
        assert callable(getattr(importlib.import_module(module), function)), check
