"""Shapes of manifests: a script that states its own dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_METADATA = re.compile(r"(?m)^# /// script$")


def inline(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The own code of a module with a block of script metadata."""
    if facts.definition is not None and facts.definition.kind == "module" and _METADATA.search(facts.file.source.text):
        for match in matches:
            yield match
            return
