"""How code keeps the rows of a query few, told by its words."""

from __future__ import annotations

import re

FEWER = frozenset(  # what is called with the rows, or on them, and lets few through
    "len bool any sum min max first last get one one_or_none exists filter exclude latest earliest count aggregate in_bulk delete"
    " update next filter_by where scalar scalar_one".split()
)
BOUNDED = re.compile(
    r"\blimit\b|\bwhere\b|paginat|\[\s*\w*\s*:\s*|page_size|per_page|islice|\bpage\b|\.count\(|aggregate|exists\(|yield_per|iterator\(|stream|fetchmany|"
    r"\btop\b|cursor_after|group_by|max_results",
    re.IGNORECASE,
)
