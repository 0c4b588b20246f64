"""Words of a text and words of a name: what triage looks for, and which identifiers speak of a credential."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[^\W\d]\w*|[!=^|]=|\^")
_ATTRIBUTE = re.compile(r"\.[\s\\]*([^\W\d]\w*)")
_FROM = r"\bfrom\b[ \t.\\\n]*+(?:[\w.]|[ \t]+(?=\.)|(?<=\.)[ \t]+){0,400}+[ \t\\\n]*+"  # the package that names come from
_LISTED = r"\((?:[^()#]++|#[^\n]*+)*+\)"  # names in parentheses, with comments between them
_IMPORTED = re.compile(rf"{_FROM}\bimport\b[ \t]*({_LISTED}|(?:[^\n\\]|\\\n)*)")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

SECRET_WORDS = frozenset(
    "password passwd pwd passphrase passcode secret secrets token tokens apikey credential credentials signature hmac digest"
    " otp totp pin csrf bearer jwt".split()
)
SECRET_PAIRS = frozenset(
    [
        ("api", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("access", "key"),
        ("signing", "key"),
        ("encryption", "key"),
        ("auth", "header"),
        ("session", "id"),
        ("auth", "key"),
        ("master", "key"),
    ]
)
HARMLESS_WORDS = frozenset(
    "type types kind count len length limit max min num n total usage budget ids index pos offset pad eos bos unk mask vocab url"
    " uri path file dir field fields label name names prefix suffix template form view page ttl expires expiry expire lifetime"
    " created updated policy validator validators strength hint parser lexer stream required require enabled missing valid"
    " invalid changed change error errors re pattern regex algorithm algorithms method methods size bits class cls backend"
    " is has can should use allow help title text message msg description env var timeout age scheme hasher hashers"
    " generator factory provider store storage manager handler endpoint scope scopes grant grants set get"
    " issuer audience leeway seconds minutes hours days domain realm expired remaining claims payload"
    " public charset alphabet chars".split()
)


def attributes_in(text: str) -> frozenset[str]:
    """The names behind a dot, each with it, and so those that are imported from something: they are its names, too."""
    names = set(_ATTRIBUTE.findall(text))
    if not text.isascii():
        names.update(_ATTRIBUTE.findall(unicodedata.normalize("NFKC", text)))
    for imported in _IMPORTED.findall(text) if "import" in text else ():
        names |= words_in(imported)
    return frozenset(f".{name}" for name in names)


def words_in(text: str) -> frozenset[str]:
    """The identifiers, keywords and `==` `!=` `^` `^=` `|=` of a text, strings and comments included."""
    words = frozenset(_WORD.findall(text))
    if not text.isascii():  # Python reads identifiers in their NFKC form
        words |= frozenset(_WORD.findall(unicodedata.normalize("NFKC", text)))
    return words


@lru_cache(maxsize=65536)
def split_words(name: str) -> tuple[str, ...]:
    """The lower-case words of an identifier: `getAPIKey2` gives get, api, key, 2."""
    return tuple(piece.lower() for piece in _PIECE.findall(name))


@lru_cache(maxsize=65536)
def is_secret_name(name: str) -> bool:
    """Whether an identifier or a string key names a credential and not a fact about one (catalogue 1.4, SECRETNAME)."""
    words = split_words(name)
    if not words or HARMLESS_WORDS.intersection(words):
        return False
    return bool(SECRET_WORDS.intersection(words)) or any(pair in SECRET_PAIRS for pair in pairwise(words))
