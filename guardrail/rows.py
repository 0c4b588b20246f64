"""How code keeps the rows of a query few, told by its words."""

from __future__ import annotations

import re

FEWER = frozenset(  # what is called with the rows, or on them, and lets few through
    "len bool any sum min max first last get one one_or_none exists filter exclude latest earliest count aggregate in_bulk delete"
    " update next filter_by where scalar scalar_one".split()
)
_PORTIONS = r"paginat|page_size|per_page|islice|exists\(|iterator\("
BOUNDED = re.compile(  # anything that keeps rows away, conditions included
    rf"{_PORTIONS}|\blimit\b|\bwhere\b|\[\s*\w*\s*:\s*|\bpage\b|\.count\(|aggregate|yield_per|stream|fetchmany|"
    r"\btop\b|cursor_after|group_by|max_results",
    re.IGNORECASE,
)
LIMITED = re.compile(  # what gives a query an end, or takes it in portions; conditions do not
    rf"{_PORTIONS}|limit|get_page|\[[^\]]*:[^\]]*\]|\bfirst\(|\.get\(|\bcount\(|fetchone|one\(|chunk|batch|top\b|max_",
    re.IGNORECASE,
)
