"""Shapes of calls to other systems: requests sent through a client whose type is not known, and bytes over a socket."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_OPTIONS = frozenset("json headers timeout allow_redirects follow_redirects verify cert proxies stream auth".split())
_CLIENT = re.compile(
    r"(HTTPS?|Http|SMTP|FTP|SOCKS|Proxy|TCP|TLS|SSL)\w*(Connection|Pool|Client|Transport|Manager|Adapter)$|ConnectionPool$"
)
_NETWORK = frozenset("socket ssl http h2 httpcore urllib3 select smtplib ftplib".split())
_PLAIN = frozenset(("__repr__", "__str__", "__eq__", "__hash__"))
_SERVES = frozenset(("listen", "start_server", "create_server", "socketserver"))
_ADDRESS = re.compile(r"(?i)https?://|^[rbuf]*[\"']/|\b\w*(url|uri|endpoint|base_path|href)\w*\b")


def sends(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls that are given an address, or what only a request takes: `timeout=`, `json=`, `headers=`."""
    for match in matches:
        if isinstance(match.node, cst.Call) and match.node.args:
            named = {a.keyword.value for a in match.node.args if a.keyword is not None}
            first = [facts.code(a.value) for a in match.node.args[:2] if a.keyword is None or a.keyword.value == "url"]
            if named & _OPTIONS or any(_ADDRESS.search(text) for text in first):
                yield match


def own_client(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class that is a connection, a pool or a client by its name, in a module that reaches the network, and its methods."""
    modules = {full.split(".")[0] for full in facts.file.index.imports.values()}
    if _CLIENT.search(facts.owner) and modules & _NETWORK:
        found = (m for m in matches if isinstance(m.node, (cst.ClassDef, cst.FunctionDef)) and m.node.name.value not in _PLAIN)
        yield from no_server(facts, found)


def no_server(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Uses of a socket in a definition, and a file, where nobody is let in."""
    if not any(_SERVES & d.words for d in facts.file.index.definitions):
        yield from matches
