"""Branches that decide nothing of the domain: code that parses, formats, inspects types, carries bytes or reads a command line.

Told by the words of a definition alone, so that nothing has to be parsed for it.
"""

from __future__ import annotations

import re

from guardrail.model import Definition
from guardrail.words import split_words

_SYNTAX = "works on syntax"
ENOUGH = 2  # words of one kind; a single `strip` or `isinstance` is nothing peculiar
_KINDS = {
    "works on text": "startswith endswith split rsplit splitlines partition rpartition isdigit isalpha isspace isalnum"
    " isidentifier isupper islower lstrip rstrip strip expandtabs ljust rjust zfill removeprefix removesuffix join finditer"
    " fullmatch findall",
    _SYNTAX: "leaf leaves token tokens tokenize tokenizer ast cst libcst syms children lineno col_offset grammar grammars lexer"
    " parser siblings next_sibling prev_sibling NodeVisitor NodeTransformer generic_visit",
    "works on types": "isinstance issubclass getattr setattr hasattr callable __name__ __qualname__ __class__ __dict__ __origin__"
    " __annotations__ __wrapped__ get_origin get_args inspect signature isclass iscoroutinefunction annotation annotations"
    " import_string import_module TypeVar schema schemas",
    "carries bytes": "buf buffer bytearray memoryview chunk chunks readinto readline recv sendall decompress compress fileno"
    " BytesIO unpack_from b64decode frombuffer",
    "carries requests": "headers header scope netloc scheme urlparse urlsplit query_string environ content_type hostname receive"
    " wsgi asgi Location charset",
    "waits for peers": "timeout Timeout connect connection conn sock socket deadline poll select selector read_timeout recv",
    "reads a command line": "argv argparse ArgumentParser add_argument add_option getopt isatty stdout stderr stdin echo typer"
    " nargs envvar ctx param is_flag flag_value metavar shlex getpass curses COLUMNS",
    "works on statements": "statement stmt compiled dialect execution_options mapper cursor paramstyle selectable clause",
    "works on files": "listdir scandir walk makedirs abspath realpath dirname basename splitext expanduser is_file is_dir"
    " iterdir rglob isfile isdir unlink",
}
_WORDS = {kind: frozenset(words.split()) for kind, words in _KINDS.items()}
_REGEXES = re.compile(r"(?i)^re$|_(re|regex|regexp|pattern|rx)$|^(regex|regexp)$")
_NAMED = frozenset(
    "parse parser parses lex lexer token tokenize tokenizer scan scanner grammar compile compiler format formatter render renderer"
    " serialize serializer repr str dump dumps print pprint visit visitor walk ast cli argv main retry"
    " retries backoff widget".split()
)
_CARRIES = frozenset(
    "deserialize serialise normalize normalise escape unescape quote unquote encode decode encoder decoder stringify indent"
    " convert converter coerce cast introspect autocomplete tokens grammars"
    " parsing formatting parsers formatters serializers pattern matcher help color colour".split()
)  # these may still reckon with amounts: `convert_price`
_LOGIC = frozenset(("__call__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__iter__", "__next__", "__anext__"))


def named_for_one(symbol: str) -> bool:
    """Whether a definition, or its class, says by its dotted name that it parses, formats, retries or reads a command line."""
    return not _NAMED.isdisjoint(split_words(symbol))


def chore(definition: Definition, module: str) -> str:
    """What a definition of a module does instead of deciding something of the domain, "" where nothing says so."""
    name = definition.symbol.rpartition(".")[2]
    if name.startswith("__") and name.endswith("__") and name not in _LOGIC:
        return "is a method of Python's own"
    spoken = f"{module.rpartition('.')[2]}.{definition.symbol}"
    if named_for_one(spoken) or not _CARRIES.isdisjoint(split_words(spoken)):
        return "parses, formats or the like by its name"
    if any(_REGEXES.search(word) for word in definition.words):
        return "works on text"
    parts = definition.words.union(*map(split_words, definition.words))  # `python_grammar` speaks of a grammar
    said = ((kind, words & (parts if kind == _SYNTAX else definition.words)) for kind, words in _WORDS.items())
    return next((kind for kind, words in said if len(words) >= ENOUGH), "")
