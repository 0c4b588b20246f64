"""Names of credentials that work, and of tokens of another kind."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from guardrail.words import SECRET_PAIRS, SECRET_WORDS, split_words

PASSWORDS = frozenset("password passwd pwd passphrase passcode".split())
_STRONG = SECRET_WORDS - frozenset({"signature", "hmac", "digest", "pin", "csrf"})
_PAIRS = SECRET_PAIRS - frozenset([("signing", "key"), ("encryption", "key"), ("auth", "key"), ("master", "key")])
_OTHER_TOKENS = frozenset(
    "next page continuation cancel cancellation sync resume start cursor pagination input output prompt completion stop special"
    " public masked redacted hashed hash encrypted fingerprint id expired expires days remain age".split()
)
_TOKENIZERS = frozenset(
    "tokenize ast tokenizers transformers tiktoken sentencepiece nltk spacy lark ply sly pygments sqlparse".split()
)


def is_live(name: str, imports: Iterable[str]) -> bool:
    """Whether a name speaks of a credential that works, in a module with these imports: not of a page's or a parser's token."""
    words = split_words(name)
    if set(words) & _OTHER_TOKENS:
        return False
    roots = {n.split(".")[0] for n in imports}
    if roots & _TOKENIZERS and set(words) & {"token", "tokens"}:
        return False
    return bool(set(words) & _STRONG) or any(pair in _PAIRS for pair in pairwise(words))
