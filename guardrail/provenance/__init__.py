"""Which lines of a change were drafted with an assistant: signs in commits, git-ai's notes, blame."""

from guardrail.provenance.lines import provenance_of
from guardrail.provenance.signs import PERSON, Sign, is_assistant, sign_of

__all__ = ["PERSON", "Sign", "is_assistant", "provenance_of", "sign_of"]
