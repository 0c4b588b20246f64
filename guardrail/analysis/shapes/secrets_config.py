"""Shapes of secrets and settings: what is read from the environment, and credentials that are written down or passed on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import libcst as cst

from guardrail.analysis.checks.tracing import below, name_of, named
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.words import is_secret_name, split_words

# What a shell, a terminal or a test runner says of itself: no settings of the program.
_AMBIENT = re.compile(
    r"^(PATH|HOME|USER|USERNAME|LOGNAME|SHELL|TERM|TERM_PROGRAM|COLORTERM|COLUMNS|LINES|EDITOR|VISUAL|PAGER"
    r"|LESS|DISPLAY|HOSTNAME|PWD"
    r"|LANG|LANGUAGE|TZ|TMP|TEMP|TMPDIR|APPDATA|LOCALAPPDATA|COMSPEC|PATHEXT|SYSTEMROOT|NO_COLOR|FORCE_COLOR"
    r"|CLICOLOR.*|PY_COLORS|CI"
    r"|BUILD_NUMBER|GITHUB_ACTIONS|TEAMCITY_VERSION|VIRTUAL_ENV|CONDA_\w+|WAYLAND_DISPLAY|RUN_MAIN|(LC|XDG|PYTEST|PYTHON|COMP)_?\w*"
    r"|WERKZEUG_\w+|JPY_\w+|IDLE\w*|PYCHARM\w*|WINDIR)$"
)
_SWITCH = frozenset("feature flag flags experiment experiments theme color colors experimental".split())
_STORES = re.compile(
    r"(^|[._])(environ|getenv|env|config|conf|settings|vault|keyring|secret_manager|connection_params|ssm)(\W"
    r"|_|$)|get_secret|getenv|read_secret"
)
_MOST = 60  # nodes of a value that are looked at
_HELD = ("module", "class")


def setting(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A variable of the environment that is a setting: not one of the shell's own, and no switch for a feature or a theme."""
    for match in matches:
        key = named(match, "K")
        name = key[0].constant(key[1]) if key is not None else None
        if not isinstance(name, str):
            if not _is_written(facts, match.node):
                yield match
        elif not _AMBIENT.match(name) and not _SWITCH & set(split_words(name)) and not _is_written(facts, match.node):
            yield match


def _is_written(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether `os.environ[…]` is assigned to, deleted or only asked for in a loop over all of it."""
    return facts.is_target(node) or isinstance(facts.parent(node), cst.Del)


def held(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What a module or a class of settings states in its own body."""
    if facts.definition is not None and facts.definition.kind in _HELD:
        yield from matches


def credential(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A name of a credential that a text is written down for, or a value from the settings, the environment or a secret store."""
    syntax = any(re.search(r"(?i)lex|token|pars|scan", part) for part in facts.path.split("/")[-2:])
    for match in matches:
        target, value = named(match, "X"), named(match, "V")
        if target is None or value is None or syntax or not is_secret_name(name_of(*target)):
            continue
        if _written_down(facts, *value) or _from_store(facts, value[1]):
            yield match


def _written_down(facts: Facts, origin: Facts, node: cst.CSTNode) -> bool:
    """A text of some length, stated by a module or class itself: no label, no name of a header, no form field."""
    if facts.definition is None or facts.definition.kind not in _HELD or not isinstance(node, cst.SimpleString):
        return False
    text = origin.constant(node)
    return isinstance(text, (str, bytes)) and len(text) >= 6 and len(text.split()) == 1 and not is_secret_name(str(text))


def _from_store(facts: Facts, node: cst.CSTNode) -> bool:
    """`config("API_KEY")`, `settings.SECRET`, `vault.read(…)`: said by the code that fetches it."""
    return any(
        isinstance(part, (cst.Call, cst.Attribute, cst.Subscript)) and _STORES.search(_head(facts, part))
        for part in islice(below(node), _MOST)
    )


def _head(facts: Facts, node: cst.CSTNode) -> str:
    """What a call calls, and what an attribute or an element is of."""
    of = node.func if isinstance(node, cst.Call) else getattr(node, "value", None)
    return facts.code(of).lower() if isinstance(of, (cst.Name, cst.Attribute)) else ""


def secret_setting(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`settings.SECRET_KEY`, `current_app.config["API_KEY"]`: a secret that is taken out of the settings."""
    for match in matches:
        around = facts.parent(match.node)
        if isinstance(around, cst.Attribute) and around.attr.value == "config":
            around = facts.parent(around)
        read = isinstance(around, (cst.Attribute, cst.Subscript)) and facts.secret(around)
        if read or (isinstance(around, cst.Arg) and _asks_for_secret(facts, around)):
            yield match


def _asks_for_secret(facts: Facts, arg: cst.Arg) -> bool:
    """`getattr(settings, "SECRET_KEY")`, of its first argument."""
    call = facts.parent(arg)
    values = [facts.constant(a.value) for a in call.args] if isinstance(call, cst.Call) else []
    return any(isinstance(value, str) and is_secret_name(value) for value in values)
