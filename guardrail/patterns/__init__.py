"""What a rule can say: patterns compiled from Python text; each kind has `anchors()` and `match()` side by side."""

from guardrail.patterns.anchors import Anchors, Words
from guardrail.patterns.kinds import Env, Pattern
from guardrail.patterns.reading import read_pattern
from guardrail.patterns.spelling import BadPattern
from guardrail.patterns.where import Predicate, read_predicate

__all__ = ["Anchors", "BadPattern", "Env", "Pattern", "Predicate", "Words", "read_pattern", "read_predicate"]
