"""Credentials among the arguments of calls, by their names, and where they are written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrail.credentials import is_live
from guardrail.systemic.facts import Argument, Ref
from guardrail.systemic.refs import last_name
from guardrail.words import is_secret_name

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.graph import Node
    from guardrail.systemic.walk import Path

_VAGUE = frozenset({"secret", "secrets", "credential", "credentials", "tokens"})  # often the name of one, or an object about it
_TEXTS = frozenset({"str", "bytes"})
_FLAGS = frozenset("bool int float SecretStr SecretBytes Callable Enum".split())
_SETTINGS = frozenset("settings config conf env environ".split())
_LOOKUPS = frozenset({"get", "getenv", "pop"})
_PARSES = re.compile(r"lex|pars|gramma|syntax|token_?i[sz]|highlight")  # modules with tokens of another kind
_HIDES = re.compile(r"redact|mask|scrub|sanit|obfuscat|censor|\*\*\*", re.IGNORECASE)


def logged(judging: Judging, rule: Rule, path: Path) -> str | None:
    """SEC003: the credential is written as it is, and nothing on its way takes it out."""
    if any(_HIDES.search(judging.graph.project.text_of(hop.node.key)) for hop in path.hops):
        return None
    return f"`{path.context.identity}` is written to the log: $CHAIN."


def secret_in(argument: Argument, node: Node) -> str:
    """The name of the credential that an argument is, or shows as a part of its text; "" where it is none."""
    return next((name for ref in (argument.ref, *argument.shown) for name in _names(ref, node)), "")


def _names(ref: Ref, node: Node) -> Iterator[str]:
    """What a Ref is called, where that names a credential."""
    name = _called(ref)
    if name and name.lower() not in _VAGUE and is_secret_name(name) and _is_text(ref, node):
        if is_live(name, node.module.imports.values()) and not _PARSES.search(node.module.name):
            yield name
    elif ref and ref[0] == "name":
        values = node.function.values.get(ref[1], ())
        if len(values) == 1 and values[0] and values[0][0] != "name":
            yield from _names(values[0], node)


def _called(ref: Ref) -> str:
    """`token`, `settings.API_KEY`, `form["password"]`, `os.environ.get("API_KEY")`: their last names; "" of anything else."""
    if ref is None:
        return ""
    if ref[0] == "name":
        return str(ref[1])
    if ref[0] == "attr":
        constant = str(ref[2]).isupper() and last_name(ref[1]) not in _SETTINGS
        return "" if constant else str(ref[2])
    key = ref[2][0] if ref[0] in ("of", "call") and ref[2] else None
    if key and key[0] == "text" and (ref[0] == "of" or last_name(ref[1]) in _LOOKUPS):
        return str(key[1])
    return ""


def _is_text(ref: Ref, node: Node) -> bool:
    """Whether a value may be a text: no object of a known class, no flag, no function, no constant that names something."""
    resolver, project = node.graph.resolver, node.graph.project
    if resolver.types(ref, node.module, node.function) - _TEXTS:
        return False
    if ref is None or ref[0] not in ("name", "attr"):
        return True
    hints = [hint for name, hint, _ in node.function.parameters if ref == ("name", name)]
    if any(last_name(hint) in _FLAGS for hint in hints):
        return False
    values = node.function.values.get(ref[1], ()) if ref[0] == "name" else ()
    if any(value and value[0] in ("item", "text", "part") for value in values):
        return False
    found = [project.locate(name) for name in resolver.names(ref, node.module, node.function)]
    return not any(f and (f[1] in f[0].functions or f[1] in f[0].classes) for f in found)


__all__ = ["logged", "secret_in"]
