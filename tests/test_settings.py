"""Settings: where they are read from, what they take, and that every mistake is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guardrail.model import GuardrailError, Severity, Unreadable
from guardrail.settings import FIELDS, Settings, check_names, load_settings


def reading(**files: str | bytes) -> Callable[[str], bytes | None]:
    """A reader of files held in memory; `guardrail` and `pyproject` name the two."""
    held = {f"{name}.toml": text.encode() if isinstance(text, str) else text for name, text in files.items()}
    return held.get


def mistakes(**files: str | bytes) -> list[str]:
    with pytest.raises(GuardrailError) as caught:
        load_settings(reading(**files))
    return str(caught.value).split("\n")


def test_without_files_all_is_as_it_was():
    assert load_settings(reading()) == Settings()
    assert load_settings(reading(pyproject="[tool.ruff]\n", guardrail="")) == Settings()


FULL = """
fail-on = "P0"
select = ["JWT", "timing-compare"]
ignore = ["TIM002"]
exclude = ["/build/", "*_pb2.py"]
packs = ["./guardrail-rules"]
pedantic = true
allow-incomplete = true
jobs = 4
"""
ALL_SET = Settings(
    fail_on=Severity.P0,
    select=("JWT", "timing-compare"),
    ignore=("TIM002",),
    exclude=("/build/", "*_pb2.py"),
    packs=("./guardrail-rules",),
    pedantic=True,
    allow_incomplete=True,
    jobs=4,
)


def test_either_file_will_do():
    assert load_settings(reading(guardrail=FULL)) == ALL_SET
    assert load_settings(reading(pyproject="[tool.guardrail]" + FULL)) == ALL_SET
    assert load_settings(reading(guardrail=b"\xef\xbb\xbf" + FULL.encode())) == ALL_SET
    assert load_settings(reading(guardrail=FULL, pyproject="[tool.guardrail]\n")) == ALL_SET


def test_the_table_of_fields_has_all_settings():
    assert {key.replace("-", "_") for key in FIELDS} == set(Settings.__slots__)


def test_never_is_no_gate():
    assert load_settings(reading(guardrail='fail-on = "never"')).fail_on is None


def test_settings_in_both_files_are_a_mistake():
    assert mistakes(guardrail="jobs = 1", pyproject="[tool.guardrail]\njobs = 1") == [
        "guardrail.toml and pyproject.toml ([tool.guardrail]) both have settings; keep one of them"
    ]


def test_all_mistakes_come_at_once():
    text = """
    [tool.guardrail]
    fail-onn = "P1"
    fail-on = "P3"
    select = "JWT"
    ignore = [1]
    exclude = ["!"]
    packs = [""]
    pedantic = "yes"
    allow_incomplete = true
    jobs = true
    zzz = 1
    """
    at = "pyproject.toml: tool.guardrail."
    assert mistakes(pyproject=text) == [
        f'{at}fail-onn: unknown key (did you mean "fail-on"?)',
        f'{at}fail-on: must be one of P0, P1, P2, never, not "P3"',
        f'{at}select: must be a list of strings that are not empty, not "JWT"',
        f"{at}ignore: must be a list of strings that are not empty, not [1]",
        f"{at}exclude: '!' is no pattern as in .gitignore: Invalid git pattern: '!', not ['!']",
        f"{at}packs: must be a list of strings that are not empty, not ['']",
        f'{at}pedantic: must be true or false, not "yes"',
        f'{at}allow_incomplete: unknown key (did you mean "allow-incomplete"?)',
        f"{at}jobs: must be a whole number, 0 or more, not true",
        f"{at}zzz: unknown key",
    ]
    assert mistakes(guardrail="jobs = -1") == ["guardrail.toml: jobs: must be a whole number, 0 or more, not -1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n[x\n", "guardrail.toml:2: Expected ']' at the end of a table declaration"),
        ("\n\na = ", "guardrail.toml:3: Invalid value"),
        (b"a = '\xff'", "guardrail.toml: not valid UTF-8"),
        ("a = " + "[" * 5_000, "guardrail.toml: too deeply nested"),
    ],
)
def test_broken_toml_has_its_place(text: str | bytes, message: str):
    assert mistakes(guardrail=text) == [message]


def test_a_table_that_is_none_is_told():
    assert mistakes(pyproject="[tool]\nguardrail = 1") == ["pyproject.toml: tool.guardrail: must be a table"]
    assert load_settings(reading(pyproject="tool = 1")) == Settings()


def test_an_unreadable_file_is_named():
    def read(path: str) -> bytes:
        raise Unreadable("a symlink out of the tree")

    with pytest.raises(GuardrailError, match=r"^guardrail\.toml: a symlink out of the tree$"):
        load_settings(read)


def test_options_replace_settings_and_none_does_not():
    given = ALL_SET.with_options(fail_on="never", select=("SQL",), ignore=None, jobs=2)
    assert (given.fail_on, given.select, given.ignore, given.jobs) == (None, ("SQL",), ("TIM002",), 2)
    assert Settings().with_options(fail_on=Severity.P2).fail_on is Severity.P2


def test_a_wrong_option_is_told_as_an_option():
    with pytest.raises(GuardrailError, match=r"^--fail-on: must be one of P0, P1, P2, never, not \"P9\"$"):
        Settings().with_options(fail_on="P9")


@pytest.mark.parametrize(
    ("path", "excluded"),
    [
        ("build/a.py", True),
        ("src/build/a.py", False),
        ("a/b_pb2.py", True),
        ("tests/a.py", False),
        ("tests/b.py", True),
    ],
)
def test_excluded_paths(path: str, excluded: bool):
    settings = Settings(exclude=("/build/", "*_pb2.py", "tests/*", "!tests/a.py"))
    assert settings.excluded(path) is excluded
    assert not Settings().excluded(path)


def test_names_that_select_nothing_are_told():
    rules, surfaces = ["JWT001", "JWT002", "TIM001"], ["timing"]
    check_names(Settings(select=("JWT", "timing"), ignore=("TIM001",)), rules, surfaces)
    with pytest.raises(GuardrailError) as caught:
        check_names(Settings(select=("JTW001",), ignore=("zzz",)), rules, surfaces)
    assert str(caught.value).split("\n") == [
        "select: 'JTW001' is no rule, no beginning of one, and no surface (did you mean \"JWT001\"?)",
        "ignore: 'zzz' is no rule, no beginning of one, and no surface",
    ]
