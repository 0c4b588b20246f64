"""Checks of the file-deser pack: where bytes to load come from, and whether a path stays in its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Located
    from guardrail.analysis.match import Match

_CONTAINS = re.compile(
    r"^(is_relative_to|relative_to|commonpath|safe_join|secure_filename|get_valid_filename|valid_name|basename)$"
)
_LOOKS = re.compile(_CONTAINS.pattern + r"|^(startswith|realpath|resolve|\w{0,40}(within|inside|contained|safe)\w{0,40})$")
_REMOTE = re.compile(
    r"^(requests|httpx|urllib\.request|redis|boto3|pika|aio_pika|kafka|aiokafka|confluent_kafka|nats|zmq|socket|http\.client|aiohttp|memcache"
    r"|pymemcache|websockets|ftplib|azure\.storage|google\.cloud\.(storage|pubsub_v1)|huggingface_hub|django\.core\.cache\.caches?)\b"
)
_FROM_ROOT = re.compile(r"\.startswith\([^)]*(os\.sep|os\.path\.sep|/[\"'])")


def contained(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Paths of the user's in definitions that neither clean the name nor hold the result against a folder."""
    if any(_CONTAINS.match(flow.called(n)) for n in facts.nodes) or _below_root(facts):
        return
    for match in matches:
        origin, path = match.env["P"]
        if not _all_checked(origin, path):
            yield match


def _below_root(facts: Facts) -> bool:
    """Whether the resolved path is held against a folder with a separator behind it: `realpath(p).startswith(root + os.sep)`."""
    resolved = any(flow.called(n) in ("realpath", "abspath", "resolve") for n in facts.nodes)
    return resolved and any(isinstance(n, cst.Call) and _FROM_ROOT.search(facts.code(n)) for n in facts.nodes)


def _all_checked(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether each tainted part of the path is compared with a fixed list."""
    tainted = [(f, n) for f, n in _parts(facts, node) if f.tainted(n)]
    return bool(tainted) and all(flow.checked(f, n) for f, n in tainted)


def _parts(facts: Facts, node: cst.CSTNode) -> list[Located]:
    found: list[Located] = []
    for f, n in flow.leaves(facts, node):
        if isinstance(n, cst.Call) and flow.called(n) in (
            "Path",
            "join",
            "joinpath",
            "abspath",
            "normpath",
            "realpath",
            "resolve",
        ):
            for arg in n.args:
                found += _parts(f, arg.value)
            of = flow.receiver(n)
            if of is not None and flow.called(n) in ("joinpath", "resolve"):
                found += _parts(f, of)
        else:
            found.append((f, n))
    return found or [(facts, node)]


def from_afar(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Bytes that came over the network or out of a shared store."""
    for match in matches:
        origin, data = match.env["X"]
        if _remote(origin, data):
            yield match


def _remote(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    if depth > 6:
        return False
    if isinstance(node, (cst.Await, cst.NamedExpr)):
        return _remote(facts, node.expression if isinstance(node, cst.Await) else node.value, depth + 1)
    if isinstance(node, cst.Call):
        if any(_REMOTE.match(n) for n in facts.names(node.func)):
            return True
        of = flow.receiver(node)
        inner = flow.called(node) in ("b64decode", "urlsafe_b64decode", "decompress", "BytesIO", "bytes", "open")
        return (of is not None and flow.called(node) in ("read", "json", "get") and _remote(facts, of, depth + 1)) or (
            inner and any(_remote(facts, a.value, depth + 1) for a in node.args)
        )
    if isinstance(node, cst.Attribute) and node.attr.value in ("content", "text", "body", "raw", "value", "data"):
        return any(_REMOTE.match(t) for t in facts.types(node.value)) or _remote(facts, node.value, depth + 1)
    if isinstance(node, cst.Subscript):
        return _remote(facts, node.value, depth + 1)
    if isinstance(node, cst.Name):
        for origin, bind in facts.origins(node):
            if bind.kind in ("value", "with") and _remote(origin, bind.node, depth + 1):
                return True
    return False


def opened_tar(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`extract` of something that `tarfile.open` made from a path that is no constant."""
    for match in matches:
        for origin, call in flow.makers(facts, flow.receiver(match.node)):
            opened = isinstance(call, cst.Call) and origin.names(call.func) & {
                "tarfile.open",
                "tarfile.TarFile",
                "tarfile.TarFile.open",
            }
            if opened and isinstance(call, cst.Call) and not (call.args and origin.constants(call.args[0].value)):
                yield match
                break


def joined_member(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`join(dest, member.name)` for members of an archive, in a definition that never looks where that leads."""
    if any(_LOOKS.match(flow.called(n)) for n in facts.nodes):
        return
    for match in matches:
        origin, member = match.env["N"]
        base = member.value if isinstance(member, cst.Attribute) else member
        if isinstance(base, cst.Name) and any(
            bind.kind == "item" and re.search(r"getmembers|infolist|namelist|getnames", origin.code(bind.node))
            for _, bind in origin.origins(base)
        ):
            yield match
