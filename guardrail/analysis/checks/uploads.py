"""Files that clients send: under whose name are they kept, where, and who looks at what they are?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import Located, identifiers, method, named, trace, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_UPLOADS = re.compile(r"(UploadFile|FileStorage|UploadedFile)$")
_CLEANERS = frozenset(
    "secure_filename basename splitext get_valid_filename get_valid_name slugify rsplit split rpartition partition safe_join"
    " sanitize_filename sanitize clean_filename safe_filename".split()
)
_DIGESTS = frozenset("sha256 sha1 md5 blake2b sha512 uuid5 hash len int isinstance".split())
_PARTS = frozenset("suffix name stem suffixes".split())
_WEB_ROOT = re.compile(
    r"(?i)(^|[/._])(static|public|htdocs|wwwroot|webroot|www|static_folder|static_root|media_root|media)($|[/._])"
)
_LOOKS = re.compile(
    r"(?i)allowed|magic|filetype|imghdr|valid|verify|whitelist|accept|is_(image|pdf|safe)|from_buffer|guess|scan|^(ext|extension|suffix)_ok$"
)
_LOOKS_BY_NAME = re.compile(r"(?i)\bext\b|extension|suffix|splitext|header")
_CONTAINS = frozenset("is_relative_to relative_to commonpath safe_join realpath resolve".split())


def _is_upload(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether an expression is a file that a client sends."""
    if any(_UPLOADS.search(name) for name in facts.types(node)):
        return True
    return facts.tainted(node) and any(
        re.search(r"\bfiles\b|\bFILES\b", owner.code(part)) for owner, part in trace(facts, node) if isinstance(part, cst.Attribute)
    )


def _client_names(facts: Facts, path: cst.CSTNode) -> list[Located]:
    """Where the name that the client gave goes into a path."""
    return [
        (owner, part)
        for owner, part in trace(facts, path)
        if isinstance(part, cst.Attribute) and part.attr.value in ("filename", "name") and _is_upload(owner, part.value)
    ]


def _handling(facts: Facts, node: cst.CSTNode) -> str:
    """What is done to the name on its way: "hashed", "cleaned" (or only its ending kept), or "raw"."""
    for around in facts.ancestors(node):
        if isinstance(around, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            break
        if method(around) in _DIGESTS:
            return "hashed"
        if method(around) in _CLEANERS or (isinstance(around, cst.Attribute) and around.attr.value in _PARTS):
            return "cleaned"
    return "raw"


def _in_web_root(facts: Facts, path: cst.CSTNode) -> bool:
    """Whether the path leads into a folder that a web server hands out."""
    for owner, part in trace(facts, path):
        if isinstance(part, (cst.SimpleString, cst.FormattedStringText)):
            text = part.evaluated_value if isinstance(part, cst.SimpleString) else part.value
            if isinstance(text, str) and _WEB_ROOT.search(text):
                return True
        elif (isinstance(part, cst.Attribute) and _WEB_ROOT.search(owner.code(part))) or (
            isinstance(part, cst.Name) and {"static", "public", "media", "htdocs"} & words_of(part.value)
        ):
            return True
    return False


def _type_looked_at(facts: Facts) -> bool:
    """Whether the ending or the content decides anything: a comparison of it, or a function that says so."""
    for node in facts.nodes:
        if isinstance(node, cst.Call) and (method(node) == "endswith" or _LOOKS.search(facts.code(node.func))):
            return True
        if isinstance(node, cst.Comparison) and (_LOOKS_BY_NAME.search(facts.code(node)) or _client_names(facts, node.left)):
            return True
        if isinstance(node, cst.Call) and method(node) == "get" and node.args and _client_names(facts, node.args[0].value):
            return True
        if isinstance(node, cst.Attribute) and facts.names(node) & {"PIL.Image.open", "magic.from_buffer"}:
            return True
    return False


def _trusts_content_type(facts: Facts) -> bool:
    return any(
        isinstance(n, (cst.Comparison, cst.Call)) and re.search(r"\.(content_type|mimetype)\b", facts.code(n)) for n in facts.nodes
    )


def _weakness(facts: Facts, path: Located) -> str:
    """What is wrong with a place that an upload is written to, "" where nothing is."""
    names = [(o, n) for o, n in _client_names(*path) if _handling(o, n) != "hashed"]
    if not names:
        return ""
    if any(_handling(o, n) == "raw" for o, n in names) and not _CONTAINS & identifiers(facts):
        return "The upload is written under the name that the client gave, just as it came."
    if _type_looked_at(facts):
        return ""
    if _trusts_content_type(facts):
        return "Only the content type that the client claims is looked at; the ending of the name stays his choice."
    if _in_web_root(*path):
        return "The upload lands where the web server hands files out, with an ending of the client's choice."
    return ""


def kept_as_sent(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Uploads that are written under a name, or with an ending, that nobody but the client chose."""
    seen: set[int] = set()
    for match in matches:
        path = named(match, "P")
        if path is None or id(match.node) in seen or (facts.tainted(path[1]) and _is_traversal(facts, match.node)):
            continue
        if method(match.node) == "save" and not _saves_upload(facts, match.node):
            continue
        weakness = _weakness(facts, path)
        if weakness:
            seen.add(id(match.node))
            yield facts.match(match.node, weakness)


def _is_traversal(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether FIL005 speaks of a path of the client's here: always for `open`, for `save` of what the client sent."""
    of = flow.receiver(node)
    return method(node) != "save" or (of is not None and facts.tainted(of))


def _saves_upload(facts: Facts, node: cst.CSTNode) -> bool:
    of = flow.receiver(node)
    return of is not None and (_is_upload(facts, of) or any(t.endswith("FileSystemStorage") for t in facts.types(of)))
