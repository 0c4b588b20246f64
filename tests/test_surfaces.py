"""Surfaces: what puts a definition there, in which role, at which tier, and what keeps it away."""

from __future__ import annotations

import pytest

from guardrail.model import Role, Tier
from guardrail.packs import BadPack, Rules, load_packs, read_packs
from guardrail.run import judge_source
from guardrail.settings import load_settings
from guardrail.surfaces import place_file
from guardrail.tuning import tuned

PACK = """
[surface]
id = "vault"
title = "The vault"
tier = "do-not-use"
why = "It holds the money."
review = ["Who has the key?"]

[surface.signals]
calls = ["vault.open", "vault.recipes.*"]
low-level = ["vault.bolt", "vault.hinge", "vault.wheels.*"]
bases = ["vault.Door"]
decorators = ["vault.guarded"]
imports = ["vault"]
words = ["safe", "combination", "deposit"]
paths = ["**/vaults/*.py"]
by-hand = ["tumblers($X)", "$A ^ $B"]
hand-rolled = ["VLT001"]
files = ["**/*.key", "keys/**"]
not = { words = ["toy"], calls = ["toyshop.sell"], paths = ["**/toys/*.py"] }
veto = { imports = ["playground"] }

[[surface.shape]]
says = "dials by hand"
any = ["for $N in combination: ..."]
by-hand = true

[[surface.shape]]
says = "asks for the combination"
any = ["input(...)"]

[[surface.shape]]
says = "drills"
any = ["drill(...)"]
tier = "use-freely"

[[rule]]
id = "VLT001"
name = "home-made-bolt"
severity = "P1"
any = ["forge(...)"]
message = "A bolt made at home."
remedy = "Buy one."

[[rule]]
id = "VLT002"
name = "door-left-open"
severity = "P1"
any = ["leave(...)"]
message = "The door is left open."
remedy = "Shut it."
"""
FREE = """
[surface]
id = "{0}"
title = "{0}"
tier = "{1}"
why = "Because."
[surface.signals]
calls = ["{0}.call"]
imports = ["{0}"]
"""
PACKS = [
    ("vault.toml", PACK.encode()),
    *(
        (f"{name}.toml", FREE.format(name, tier).encode())
        for name, tier in (("boilerplate", "use-freely"), ("pages", "use-freely"))
    ),
    ("logic.toml", FREE.format("business-logic", "review-carefully").encode()),
]
BRANCHES = "    if x: pass\n    elif y: pass\n    for z in x:\n        if z: pass\n"


@pytest.fixture(scope="module")
def rules() -> Rules:
    """One surface with every kind of signal, and the surfaces for what nothing claims."""
    return read_packs(PACKS)


def placed(rules: Rules, text: str, path: str = "app.py", symbol: str = "f") -> dict[str, tuple[str, str]]:
    """Surface → tier and role of one definition; triage and analysis of everything agree."""
    by_triage, by_all = (judge_source(text, rules, path, triage=triage).placements for triage in (True, False))
    assert by_triage == by_all
    return {p.surface: (p.tier, p.role) for p in by_triage if p.definition == symbol}


ON = {
    "a call and a use of the import": "import vault\ndef f():\n    vault.open()\n",
    "a call behind an alias": "from vault import open as o\ndef f():\n    o()\n",
    "anything below a package": "from vault.recipes.steel import door\ndef f():\n    door()\n",
    "a decorator": "import vault\n@vault.guarded\ndef f():\n    pass\n",
    "two words and a use": "import vault\ndef f(safe, combination):\n    return vault\n",
    "a shape alone": "def f():\n    input()\n",
    "a method of a class with the base": "import vault\nclass f(vault.Door):\n    pass\n",
}
OFF = {
    "words alone": "def f(safe, combination, deposit): pass\n",
    "an import of the module alone": "import vault\ndef f(safe): pass\n",
    "an import of the module and two words": "import vault\ndef f(safe, combination): pass\n",
    "a use alone": "import vault\ndef f():\n    return vault\n",
    "a word inside of a word": "import vault\ndef f(unsafe, deposits):\n    return vault\n",
    "a call with a counter-word": "import vault\ndef f(toy):\n    vault.open()\n",
    "a shape with a counter-call": "import toyshop\ndef f():\n    input(toyshop.sell())\n",
    "everything under a veto": "import vault, playground\ndef f(safe, combination):\n    vault.open(input())\n",
    "somebody else's name": "import bank as vault\ndef f():\n    vault.open()\n",
}


@pytest.mark.parametrize("text", ON.values(), ids=ON)
def test_enough_speaks_for_it(text, rules):
    assert placed(rules, text)["vault"] == (Tier.FORBIDDEN, Role.INTEGRATES)


@pytest.mark.parametrize("text", OFF.values(), ids=OFF)
def test_too_little_speaks_for_it(text, rules):
    assert placed(rules, text) == {"boilerplate": (Tier.FREE, Role.INTEGRATES)}


def test_the_path_is_a_point(rules):
    text = "import vault\ndef f(safe):\n    return vault\n"
    assert "vault" not in placed(rules, text)
    assert "vault" in placed(rules, text, "src/vaults/one.py")
    assert "vault" not in placed(rules, "import vault\ndef f():\n    vault.open()\n", "src/toys/one.py")


def test_the_import_itself_is_no_use_of_it(rules):
    assert placed(rules, "from vault import open, Door\n", symbol="<module>") == {"boilerplate": (Tier.FREE, Role.INTEGRATES)}


ROLES = {
    "a high-level call": ("vault.open()", Role.INTEGRATES),
    "one part in a few lines is a wrapper": ("vault.bolt()", Role.INTEGRATES),
    "one part in many lines": ("vault.bolt()\n" + "    x = 1\n" * 12, Role.COMPOSES),
    "two parts": ("vault.bolt(vault.hinge())", Role.COMPOSES),
    "two parts below one package are one": ("vault.wheels.a(vault.wheels.b)", Role.INTEGRATES),
    "both patterns by hand": ("vault.open(tumblers(1) ^ 2)", Role.IMPLEMENTS),
    "one of two patterns by hand": ("vault.open(tumblers(1))", Role.INTEGRATES),
    "a shape by hand": ("for n in combination: pass", Role.IMPLEMENTS),
    "a hand-rolled rule": ("forge()", Role.IMPLEMENTS),
    "by hand and with parts": ("vault.bolt(vault.hinge(forge()))", Role.IMPLEMENTS),
}


@pytest.mark.parametrize(("body", "role"), ROLES.values(), ids=ROLES)
def test_the_role(body, role, rules):
    assert placed(rules, f"import vault\ndef f():\n    {body}\n")["vault"] == (Tier.FORBIDDEN, role)


def test_a_shape_may_have_a_tier_of_its_own(rules):
    assert placed(rules, "def f():\n    drill()\n")["vault"] == (Tier.FREE, Role.INTEGRATES)


def test_evidence_is_words_with_lines(rules):
    text = "import vault\n\n\ndef f(safe):\n    vault.open(\n        input()\n    )\n"
    (found,) = [p for p in judge_source(text, rules).placements if p.definition == "f"]
    assert [(e.line, e.signal) for e in found.evidence] == [
        (6, "asks for the combination: input()"),
        (5, "calls vault.open"),
        (4, "uses vault"),
        (4, "names safe"),
    ]


def test_what_nothing_claims_is_logic_where_it_branches_and_else_glue(rules):
    assert placed(rules, f"def f(x, y):\n{BRANCHES}") == {"business-logic": (Tier.CAREFUL, Role.IMPLEMENTS)}
    assert placed(rules, "def f(x, y):\n    if x: pass\n") == {"boilerplate": (Tier.FREE, Role.INTEGRATES)}
    both = placed(rules, f"import pages\ndef f(x, y):\n    pages.call()\n{BRANCHES}")
    assert both == {"business-logic": (Tier.CAREFUL, Role.IMPLEMENTS), "pages": (Tier.FREE, Role.INTEGRATES)}
    claimed = placed(rules, f"import vault\ndef f(x, y):\n    vault.open()\n{BRANCHES}")
    assert list(claimed) == ["vault"]


def test_a_finding_is_raised_where_the_primitive_is_made_by_hand(rules):
    def severity(body: str) -> str:
        return next(f.severity for f in judge_source(f"def f():\n    {body}\n", rules).head if f.rule == "VLT002")

    assert severity("leave()") == "P1"
    assert severity("leave(forge())") == "P0"


def test_a_hand_rolled_rule_must_be_one_of_the_surface():
    wrong = PACK.replace('hand-rolled = ["VLT001"]', 'hand-rolled = ["VLT001", "VLT009"]')
    with pytest.raises(BadPack, match=r'^vault: hand-rolled: "VLT009" is no rule of this surface$'):
        read_packs([("vault.toml", wrong.encode())])


WRONG_SHAPES = {
    '[surface.shape]\nsays = "x"': "shape: wants [[surface.shape]] tables",
    '[[surface.shape]]\nsays = "x"': "any: is missing",
    '[[surface.shape]]\nany = ["f()"]': "says: is missing",
    '[[surface.shape]]\nsays = "x"\nany = ["f("]': "any: `f(`: not Python: '(' was never closed",
    '[[surface.shape]]\nsays = "x"\nany = ["f()"]\nby-hand = 1': "by-hand: wants true or false",
    '[[surface.shape]]\nsays = "x"\nany = ["f()"]\ntier = "strict"': 'tier: "strict" is none of',
    '[[surface.shape]]\nsays = "x"\nany = ["f()"]\nmessage = "m"': "message: unknown key",
}


@pytest.mark.parametrize(("shape", "mistake"), WRONG_SHAPES.items(), ids=WRONG_SHAPES.values())
def test_a_mistake_in_a_shape(shape, mistake):
    start = PACK.index("[[surface.shape]]")
    pack = PACK[:start] + shape + "\n\n" + PACK[PACK.index("[[rule]]") :]
    with pytest.raises(BadPack) as caught:
        read_packs([("vault.toml", pack.encode())])
    assert str(caught.value).startswith(f"vault.toml: {mistake}")


# ---- files that are not Python -----------------------------------------------------------------


def test_a_file_stands_where_its_path_says(rules):
    def on(path: str) -> list[str]:
        return [p.surface.id for p in place_file(path, rules)]

    assert [on(p) for p in ("door.key", "a/b.key", "keys/x/y.txt", "door.txt")] == [["vault"], ["vault"], ["vault"], []]


# ---- what a project says -----------------------------------------------------------------------


def settled(rules: Rules, text: str) -> Rules:
    """The rules under these settings."""
    return tuned(rules, load_settings({"guardrail.toml": text.encode()}.get).surfaces)


OPENS = "import vault\ndef f():\n    vault.open()\n"


def test_a_project_may_lower_a_tier_and_raise_it_by_path(rules):
    text = """
    [surfaces.vault]
    tier = "review-carefully"
    tiers = { "payments/**" = "do-not-use", "payments/drafts/" = "use-freely" }
    """
    ours = settled(rules, text)
    tiers = [placed(ours, OPENS, path)["vault"][0] for path in ("a.py", "payments/a.py", "payments/drafts/a.py")]
    assert tiers == [Tier.CAREFUL, Tier.FORBIDDEN, Tier.FREE]
    assert ours.surfaces["vault"].tier is Tier.CAREFUL
    assert placed(ours, "def f():\n    drill()\n")["vault"][0] is Tier.CAREFUL  # the project's word goes before the shape's


def test_a_project_may_turn_a_surface_off(rules):
    ours = settled(rules, "[surfaces.vault]\nenabled = false\n")
    assert placed(ours, OPENS) == {"boilerplate": (Tier.FREE, Role.INTEGRATES)}
    assert "vault" in ours.surfaces  # its rules still say where they belong
    assert placed(settled(rules, "[surfaces.business-logic]\nenabled = false\n"), f"def f(x, y):\n{BRANCHES}") == {}


def test_a_project_may_add_signals(rules):
    ours = settled(
        rules, '[surfaces.vault.signals]\ncalls = ["acme.lock"]\nwords = ["acme"]\nfiles = ["*.pem"]\nlow-level = ["acme.pin"]\n'
    )
    text = "import acme\ndef f(safe):\n    acme.{}()\n"
    assert placed(ours, text.format("lock"))["vault"] == (Tier.FORBIDDEN, Role.INTEGRATES)
    assert placed(ours, text.format("pin") + "    x = 1\n" * 12)["vault"] == (Tier.FORBIDDEN, Role.COMPOSES)
    assert "vault" not in placed(rules, text.format("lock"))
    assert "vault" in placed(ours, OPENS)
    assert [p.surface.id for p in place_file("a.pem", ours)] == ["vault"]


# ---- our own -----------------------------------------------------------------------------------

CATALOGUE = """
http-handler orm-model dto-schema tests sql-text docs-runbook
business-logic concurrency txn-isolation retry-breaker cache-invalidation
crypto jwt-oauth-saml consensus lock-free timing-compare auth-state
schema-migration llm-boundary secrets-config file-deser api-contract state-machine idempotency outbound-io dependency-manifest
"""


def test_all_surfaces_of_the_catalogue_are_there():
    own = load_packs()
    assert set(CATALOGUE.split()) <= set(own.surfaces)
    assert set(own.surfaces) - set(CATALOGUE.split()) == {"injection", "boilerplate", "source-text"}
