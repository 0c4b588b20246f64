"""The review map of real changes, `explain PATH:LINE` and `surfaces`, through the real command line."""

from __future__ import annotations

import json

import pytest
from command import guardrail
from repos import Repo

TOKENS = """\
import jwt


def read(token, key):
    return jwt.decode(token, key, algorithms=["RS256"], audience="api", options={"require": ["exp"]})


def label(user):
    return user.name.title()
"""
SETTINGS = """\
[owners]
jwt-oauth-saml = ["@org/security", "@ann"]
secrets-config = ["@ops"]
dto-schema = ["@nobody"]
"""


@pytest.fixture
def repo(tmp_path) -> Repo:
    """A project with owners and a file of every sort."""
    repo = Repo(tmp_path / "repo")
    repo.commit({"guardrail.toml": SETTINGS, "README.md": "# Shop\n", "old.xyz": "1\n", "gone.xyz": "1\n", "logo.xcf": b"\0\1"})
    return repo


def test_a_change_of_every_sort(repo):
    repo.write("tokens.py", TOKENS)
    repo.write("README.md", "# Shop\n\nSells.\n")
    repo.write("uv.lock", "version = 1\n" * 500)
    repo.write("logo.xcf", b"\0\2")
    repo.write("old.xyz", "2\n")
    repo.remove("gone.xyz")
    done = guardrail("check", "--map", cwd=repo.root)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:3] == [
        "Review map (HEAD → working tree)",
        "do-not-use",
        (
            "  tokens.py:4 read [4-5]  jwt-oauth-saml (integrates)  "
            "calls jwt.decode, line 5; uses jwt, line 4; names jwt, line 4; 1 more"
        ),
    ]
    assert "  Ask of JWT, OAuth and SAML validation (jwt-oauth-saml):" in lines
    assert "  uv.lock:1 <file> [1-500]  dependency-manifest (integrates)  path uv.lock, line 1" in lines
    assert "  README.md:2 <file> [2-3]  docs-runbook  path README.md, line 2" in lines
    assert lines[-5:] == [
        "7 touched lines: 71% mechanical (use-freely), 29% need judgment (29% do-not-use, 0% review-carefully)",
        "suggested reviewers: @ann (jwt-oauth-saml), @org/security (jwt-oauth-saml)",
        "unclassified: gone.xyz, logo.xcf, old.xyz",
        "",
        "0 introduced, 0 fixed, 0 preexisting, 0 allowed, 0 files unread",
    ]


def test_the_same_in_json(repo):
    repo.write("tokens.py", TOKENS)
    repo.write("README.md", "")
    repo.write("new.bin", b"\0")
    told = guardrail("check", "--format", "json", cwd=repo.root).told
    assert told["unclassified"] == ["new.bin"]
    assert told["reviewers"] == [
        {"owner": "@ann", "surfaces": ["jwt-oauth-saml"]},
        {"owner": "@org/security", "surfaces": ["jwt-oauth-saml"]},
    ]
    assert told["summary"]["lines"] == {"use-freely": 3, "review-carefully": 0, "do-not-use": 2}
    assert [(p["definition"], p["touched"], p["evidence"]) for p in told["surfaces"] if p["path"] == "README.md"] == [
        ("<file>", [], [{"line": 1, "signal": "path README.md"}])
    ]


def test_a_scan_is_of_python_alone(repo):
    repo.write("tokens.py", TOKENS)
    told = guardrail("scan", "--format", "json", cwd=repo.root).told
    assert ({p["path"] for p in told["surfaces"]}, told["unclassified"]) == ({"tokens.py"}, [])
    assert told["summary"]["lines"] == {"use-freely": 3, "review-carefully": 0, "do-not-use": 2}


def test_owners_and_tiers_come_from_the_base(repo):
    repo.write("guardrail.toml", '[owners]\njwt-oauth-saml = ["@eve"]\n[surfaces.jwt-oauth-saml]\ntier = "use-freely"\n')
    repo.write("tokens.py", TOKENS)
    told = guardrail("check", "--format", "json", cwd=repo.root).told
    assert [r["owner"] for r in told["reviewers"]] == ["@ann", "@org/security"]
    assert {p["tier"] for p in told["surfaces"] if p["surface"] == "jwt-oauth-saml"} == {"do-not-use"}


def test_settings_of_surfaces_that_are_not_there(repo):
    repo.commit({"guardrail.toml": '[owners]\njwt = ["@a"]\n[surfaces.crypt]\nenabled = false\n'})
    done = guardrail("check", cwd=repo.root)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "guardrail: error: owners: 'jwt' is no surface",
        "surfaces: 'crypt' is no surface (did you mean \"crypto\"?)",
    ]


# ---- explain PATH:LINE ---------------------------------------------------------------------------


def test_why_a_definition_is_where_it_is(repo):
    repo.write("auth/tokens.py", TOKENS)
    done = guardrail("explain", "tokens.py:5", cwd=repo.root / "auth")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:5] == [
        "auth/tokens.py:4-5 read",
        "",
        "jwt-oauth-saml: do-not-use, integrates, 7 points",
        "  +3 calls jwt.decode, line 5",
        "  +2 uses jwt, line 4",
    ]
    assert "  ask: Is the algorithm pinned by us, and not read from the token?" in done.out
    assert "  owners: @org/security, @ann" in done.out


def test_why_a_definition_is_not_somewhere_else(repo):
    repo.write("tokens.py", TOKENS)
    told = guardrail("explain", "tokens.py:8", cwd=repo.root).out.splitlines()
    assert told[0] == "tokens.py:8-9 label"
    assert told[2:4] == ["boilerplate: use-freely, integrates", "     no branches to speak of, line 8"]
    at = told.index("Not there, though something speaks for it:")
    shown = told[at + 1 :]
    assert shown == ["jwt-oauth-saml: 1 of 4 points", "  +1 module imports jwt, line 8"]


def test_why_a_test_and_a_page_are_where_they_are(repo):
    repo.write("tests/test_tokens.py", TOKENS)
    told = guardrail("explain", "tests/test_tokens.py:5", cwd=repo.root).out.splitlines()
    assert told[:4] == [
        "tests/test_tokens.py:4-5 read",
        "",
        "tests: use-freely, integrates",
        "     path tests/test_tokens.py, line 4",
    ]
    assert "docs-runbook: use-freely, integrates" in guardrail("explain", "README.md:1", cwd=repo.root).out
    assert guardrail("explain", "old.xyz:1", cwd=repo.root).out == "old.xyz:1-1 <file>\n\nIt is on no surface.\n"


@pytest.mark.parametrize(
    ("place", "sentence"),
    {
        "tokens.py:11": "tokens.py has no line 11",
        "tokens.py:0": "tokens.py has no line 0",
        "nowhere.py:1": "there is no file or folder 'nowhere.py' to scan",
        "bad.py:1": "bad.py: ",
        ".:1": ".: not a single file",
    }.items(),
)
def test_a_line_that_cannot_be_explained(repo, place, sentence):
    repo.write("tokens.py", TOKENS)
    repo.write("bad.py", "def f(:\n")
    done = guardrail("explain", place, cwd=repo.root)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"guardrail: error: {sentence}")


# ---- surfaces --------------------------------------------------------------------------------------


def test_surfaces_are_listed(repo):
    told = json.loads(guardrail("surfaces", "--format", "json", cwd=repo.root).out)
    assert [s["tier"] for s in told] == sorted(
        (s["tier"] for s in told), key=["do-not-use", "review-carefully", "use-freely"].index
    )
    words = guardrail("surfaces", cwd=repo.root).out
    for surface in told:
        assert f"{surface['surface']} — {surface['title']} ({surface['tier']})\n  {surface['why']}\n" in words
        assert all(f"  - {question}\n" in words for question in surface["review"])
