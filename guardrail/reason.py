"""Whether the reason that somebody gives for an exception is one that a reviewer can judge."""

from __future__ import annotations

import re

_PLACEHOLDERS = frozenset(
    "todo fixme xxx wip tbd tba na n a none nil ignore ignored skip ok okay fine safe pending later temporary temp"
    " reason because false positive by design intended known issue see above below fp alarm"
    " fix this it is the for now not an be will please trust me just to do lint linter warning error noise"
    " suppress suppressed silence silenced allow allowed guardrail bypass wontfix won t as expected".split()
)


def is_reason(text: str) -> bool:
    """False for nothing, for a placeholder (`todo`, `-`, `false positive`), and for one short word."""
    words = re.findall(r"\w+", text.lower())
    return not _PLACEHOLDERS.issuperset(words) and (len(words) >= 2 or len(text.strip()) >= 10)
