"""Checks of VAL003: rows and objects made of whatever fields a request brings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_MODEL_BASES = frozenset(
    {
        "django.db.models.Model",
        "sqlalchemy.orm.DeclarativeBase",
        "sqlmodel.SQLModel",
        "peewee.Model",
        "tortoise.models.Model",
    }
)


def spread_into_model(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Model rows made of every key that a request brings."""
    for match in matches:
        if not isinstance(match.node, cst.Call):
            continue
        spread = [a.value for a in match.node.args if a.star == "**"]
        if not spread or not any(facts.tainted(s) and _whole(facts, s) for s in spread):
            continue
        if flow.called(match.node) in ("create", "update", "update_or_create", "get_or_create", "values") or _is_model(
            facts, match.node
        ):
            yield match


def _whole(facts: Facts, node: cst.BaseExpression) -> bool:
    """Whether the keys are the client's: no display with keys of our own, no validated dump."""
    if isinstance(node, (cst.Dict, cst.DictComp)):
        return False
    if isinstance(node, cst.Name):
        target = facts.deref(node)
        if target is None:
            return all(b.kind != "param" or "Model" not in str(facts.types(node)) for _, b in facts.origins(node))
        return target[1] is not node and isinstance(target[1], cst.BaseExpression) and _whole(target[0], target[1])
    return not (isinstance(node, cst.Call) and flow.called(node) in ("model_dump", "dict", "dump", "load", "copy_with"))


def _is_model(facts: Facts, call: cst.Call) -> bool:
    types = facts.types(call)
    if types & _MODEL_BASES or any(t.endswith((".Model", ".Base", "SQLAlchemy.Model")) and "pydantic" not in t for t in types):
        return True
    return any(re.search(r"^(?!django\.|sqlalchemy\.).*(^|\.)models\.[A-Z]\w*$", n) for n in facts.names(call.func))


def every_key_set(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`setattr(obj, key, …)` with keys that the client sends."""
    for match in matches:
        origin, key = match.env["K"]
        if flow.called(match.env["V"][1]) == "getattr":
            continue
        if not flow.checked(origin, key) and not _own_keys(origin, key):
            yield match


def _own_keys(facts: Facts, key: cst.CSTNode) -> bool:
    """Whether the loop takes its keys from a validated dump."""
    if not isinstance(key, cst.Name):
        return False
    return any(
        re.search(r"model_dump|validated_data|cleaned_data|\.dict\(|asdict", origin.code(bind.node))
        for origin, bind in facts.origins(key)
        if bind.kind == "item"
    )


def bulk_fields(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`fields = "__all__"` of a ModelForm or ModelSerializer that is no admin form."""
    for match in matches:
        symbol = facts.definition.symbol if facts.definition is not None else ""
        outer = symbol.rpartition(".")[0]
        if not symbol.endswith(".Meta") or not outer or "Admin" in outer or "admin" in facts.path:
            continue
        bases = facts.file.facts(facts.definition).class_types(outer) if facts.definition is not None else frozenset()
        if bases & {"rest_framework.serializers.ModelSerializer", "django.forms.ModelForm"} and not re.search(
            "Read|Detail|List|Output", outer
        ):
            yield match
