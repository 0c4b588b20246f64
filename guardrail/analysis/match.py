"""One place where a pattern holds, and what its metavariables stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from guardrail.analysis.facts import Facts


@dataclass(frozen=True, slots=True)
class Match:
    """A node of a definition, with the metavariables that led to it (each with the facts of the slice that it is from)."""

    facts: Facts
    node: cst.CSTNode
    env: Mapping[str, tuple[Facts, cst.CSTNode]] = field(default_factory=dict)
    message: str = ""  # instead of the rule's, from a check
