"""Secrets that are written to logs and to the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    Located,
    called,
    function_name,
    method,
    name_of,
    resolve,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted
from guardrail.credentials import is_live
from guardrail.words import is_secret_name

# ---- secrets in logs ----

_WHOLE = re.compile(r"(^|\.)(request|req)\.(headers|META|cookies|COOKIES)$|^os\.environ$|(^|\.)settings\.__dict__$")
_BODIES = re.compile(r"(^|\.)(request|req)\.(POST|data|form|json|body|get_json\(\))$")
_ENTRY = re.compile(r"(?i)log_?in|auth|password|register|sign_?up|sign_?in|token|session|credential")
_LEVELS = frozenset("debug info warning warn error exception critical log success trace".split())


def secret_is_logged(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A call that writes the value of a secret, or a container that holds some, out."""
    for match in matches:
        if not isinstance(match.node, cst.Call):
            continue
        if method(match.node) == "print" and _is_command(facts):
            continue
        for owner, leaf in _written(facts, match.node):
            if leaks(owner, leaf):
                yield facts.match(match.node, f"`{owner.code(leaf)}` is written out with its value.")
                break


def _is_command(facts: Facts) -> bool:
    """Whether the file is a command, whose output is for the one who runs it."""
    roots = {name.split(".")[0] for name in facts.file.index.imports.values()}
    return bool(roots & {"click", "typer", "argparse", "getpass"}) or bool(
        re.search(r"(^|/)(commands|scripts|cli|bin|tools)(/|\.py$)", facts.path)
    )


def _written(facts: Facts, call: cst.Call) -> Iterator[Located]:
    """The expressions whose values are put into the text."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value in (
            "exc_info",
            "stack_info",
            "stacklevel",
            "file",
            "end",
            "sep",
        ):
            continue
        yield from leaves(facts, arg.value)


def leaves(facts: Facts, node: cst.CSTNode) -> Iterator[Located]:
    """The expressions whose text a formatted, joined or gathered value shows."""
    if isinstance(node, cst.FormattedString):
        for part in node.parts:
            if isinstance(part, cst.FormattedStringExpression):
                yield from leaves(facts, part.expression)
    elif isinstance(node, cst.BinaryOperation):
        yield from leaves(facts, node.left)
        yield from leaves(facts, node.right)
    elif isinstance(node, (cst.Tuple, cst.List)):
        for element in node.elements:
            yield from leaves(facts, element.value)
    elif isinstance(node, cst.Dict):
        for entry in node.elements:
            yield from leaves(facts, entry.value)
    elif isinstance(node, cst.Call) and method(node) in ("format", "str", "repr", "dict", "dumps"):
        for arg in node.args:
            yield from leaves(facts, arg.value)
    else:
        yield facts, node


def leaks(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the text of an expression is the value of a live secret, or holds some."""
    code = dotted(node) or facts.code(node)
    if _WHOLE.search(code) or called(facts, node) & {"locals"}:
        return True
    if _BODIES.search(code) and _ENTRY.search(function_name(facts, node)):
        return True
    if not isinstance(node, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)) or not facts.secret(node):
        return False
    if isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, cst.Slice):
        return False
    if {"pydantic.SecretStr", "bool", "int"} & facts.types(node) or _names_a_secret(facts, node):
        return False
    return _strong(facts, node)


def _names_a_secret(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a plain `secret` is the name by which one is looked up: `self.secrets.get(secret)`, `secrets[secret]`."""
    if not isinstance(node, cst.Name) or node.value not in ("secret", "credential"):
        return False
    for other in facts.nodes:
        if isinstance(other, cst.Name) and other.value == node.value:
            around = facts.parent(other)
            call = facts.parent(around) if isinstance(around, cst.Arg) else None
            if isinstance(around, cst.Index) or (isinstance(call, cst.Call) and method(call) == "get"):
                return True
    return False


def _strong(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the name, or what it stands for, speaks of a live credential."""
    name = name_of(facts, node)
    if isinstance(node, cst.Call):
        inner = node.func.value if isinstance(node.func, cst.Attribute) else node.func
        keys = [facts.constant(a.value) for a in node.args]
        name = next((k for k in keys if isinstance(k, str) and is_secret_name(k)), "") or name_of(facts, inner)
    if isinstance(node, cst.Name) and not is_secret_name(name):
        owner, value = resolve(facts, node)
        return value is not node and isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)) and _strong(owner, value)
    return is_live(name, facts.file.index.imports.values())


# ---- CORS ----
