"""What is masked before it is written to a log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.compare import Lost
from guardrail.delta.guards import nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_LOGS = re.compile(r"(?:^|\.)(?:debug|info|warning|warn|error|exception|critical|log|print|msg|capture_message)\Z")


def bare(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Values that a log call had masked, and has without their mask."""
    for lost in losses:
        facts, value = lost.guard.env["X"]
        if not any(_is_log(facts, a) for a in facts.ancestors(lost.guard.node)):
            continue
        for head in pair.heads:
            node = next((n for n in nodes_of(head) if head.normal(n) == facts.normal(value) and _written(head, n)), None)
            if node is not None:
                yield Lost(lost.guard, head, node)
                break


def _is_log(facts: Facts, node: Any) -> bool:
    return kind_of(node) == "Call" and _LOGS.search(facts.code(node.func)) is not None


def _written(facts: Facts, node: Any) -> bool:
    """Whether a value is an argument of a log call, or stands in a text that is one."""
    for above in facts.ancestors(node):
        if kind_of(above) == "Call":
            return _is_log(facts, above)
    return False
