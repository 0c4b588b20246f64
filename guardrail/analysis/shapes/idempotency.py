"""Shapes of idempotency: handlers of calls that come more than once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_REQUEST = re.compile(r"(?i)^(_?request|req|payload|event|body|data|message|notification|background_tasks)$")


def takes_a_request(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Functions that are called with what somebody sent."""
    for match in matches:
        if isinstance(match.node, cst.FunctionDef):
            parameters = match.node.params.params
            if any(_REQUEST.match(p.name.value) for p in parameters) or "handler" in facts.contexts(match.node.body):
                yield match
