"""The analysis: everything that is judged on libcst. Imported only when there is a candidate."""

from guardrail.analysis.facts import Facts
from guardrail.analysis.files import FileFacts
from guardrail.analysis.library import Library
from guardrail.analysis.match import Match

__all__ = ["Facts", "FileFacts", "Library", "Match"]
