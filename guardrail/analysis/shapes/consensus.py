"""Agreement made at home: what a class keeps of terms, votes, ballots and logs, in any spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

import libcst as cst

from guardrail.analysis.checks.tracing import below, name_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.files import FileFacts
from guardrail.analysis.match import Match
from guardrail.model import Unreadable
from guardrail.words import split_words

# What a field or a method is about, by the words of its name with `_` between them; the first that fits.
_FIELDS = {
    "vote": re.compile(
        r"(^|_)voted?_(for|count|cast|received|granted|from|by)|(^|_)votes?_(count|received|granted)$|^(granted_)?votes$"
    ),
    "ballot": re.compile(
        r"(^|_)(ballot|proposal_(number|id|num|no)|promised?(_\w+)?|min_proposal|accepted_(value|ballot|proposal|id|n))$"
    ),
    "term": re.compile(r"^((my|self|own|raft|node)_)*((current|leader|election|last_log|last|log|highest|vote)_)?term$"),
    "commit": re.compile(r"(^|_)(commit|committed)_(index|idx)$|(^|_)(last_applied|applied_(index|idx)|last_commit(ted)?)$"),
    "progress": re.compile(r"(^|_)(next|match)_(index|idx)$|(^|_)(last_)?log_(index|idx)$"),
    "leader": re.compile(r"(^|_)(leader(_id|_node|_addr|_uuid)?|primary_id)$"),
    "election": re.compile(r"(^|_)(election_(deadline|timeout|timer|elapsed)|candidate_id)$"),
    "quorum": re.compile(r"(^|_)(quorum(_size)?|majority)$"),
    "view": re.compile(r"(^|_)(view_(number|id|no)|epoch)$"),
    "heartbeat": re.compile(r"(^|_)heart_?beat(_\w+)?$"),
}
_TELLING = frozenset({"vote", "ballot", "term", "commit", "progress"})
_METHODS = re.compile(
    r"(^|_)(request_votes?|append_entries|install_snapshot|become_(candidate|leader|follower|primary)|step_down"
    r"|start_election|run_election|(on|handle|send)_(prepare|promise|accept|propose|vote|commit)\w*|prepare|promise|accept|propose)$"
)
_KEPT = re.compile(
    r"(^|_)(raft|paxos|journal|log_entries|entries|(other|all|voting)_nodes|leader|quorum)(_|$)|(^|_)apply_(command|log|entr)"
)
_VERBS = re.compile(r"^(get|set|has|is|update|load|save|store)_")
_ROLES = re.compile(r"(?i)follower|candidate|leader|primary|standby")
_FEWEST = 3
_known: WeakKeyDictionary[FileFacts, dict[str, tuple[frozenset[str], list[str]]]] = WeakKeyDictionary()
_voters: WeakKeyDictionary[FileFacts, dict[str, list[str]]] = WeakKeyDictionary()


def concept(name: str) -> str:
    """What a name is about, "" for nothing of the sort: of `__raftCurrentTerm` it is the term."""
    spelled = "_".join(split_words(name))
    return next((about for about, pattern in _FIELDS.items() if pattern.search(spelled)), "")


def _kept_by(name: str) -> str:
    """What a method gives or sets: of `getVotedForNodeId` it is the vote."""
    plain = _VERBS.sub("", "_".join(split_words(name)))
    return concept(plain) if plain != name else ""


def _class_state(facts: Facts) -> tuple[frozenset[str], list[str]]:
    """The fields of the protocol that the class of the definition keeps, none where it is no node of one; its voters."""
    classes = _known.get(facts.file)
    if classes is None:
        classes = _known[facts.file] = _read_classes(facts.file)
    return classes.get(facts.owner, (frozenset(), []))


def _read_classes(file: FileFacts) -> dict[str, tuple[frozenset[str], list[str]]]:
    """Every class of a file that is a node of a protocol."""
    fields: dict[str, set[str]] = {}
    methods: dict[str, set[str]] = {}
    writers: dict[str, list[str]] = {}
    for binding in file.index.bindings:
        owner = binding.scope.rpartition(".")[0] if binding.name.startswith(("self.", "cls.")) else binding.scope
        name = binding.name.rpartition(".")[2]
        if binding.kind == "function":
            if _METHODS.search("_".join(split_words(name))):
                methods.setdefault(owner, set()).add(name)
            elif _kept_by(name):
                fields.setdefault(owner, set()).add(name)
        elif concept(name):
            fields.setdefault(owner, set()).add(name)
            if concept(name) in ("vote", "ballot"):
                writers.setdefault(owner, []).append(binding.scope)
    return {
        owner: (frozenset(fields.get(owner, ())), list(dict.fromkeys(writers.get(owner, ()))))
        for owner in {*fields, *methods}
        if owner != "<module>" and _is_node(fields.get(owner, set()), methods.get(owner, set()))
    }


def _is_node(fields: set[str], methods: set[str]) -> bool:
    """Three of the fields, or two with two of the methods; a leader and a heartbeat alone make no protocol."""
    about = {concept(name) for name in fields}
    told = len(about & _TELLING)
    return (told >= 2 and len(about) >= _FEWEST) or (told >= 1 and len(methods) >= 2)


def protocol_state(facts: Facts, _matches: Iterable[Match]) -> Iterator[Match]:
    """The first place where a definition of a node reads or changes its state, or the method that is named for a step."""
    fields, _ = _class_state(facts)
    if not fields or facts.definition is None:
        return
    for node in facts.nodes:
        name = node.attr.value if isinstance(node, cst.Attribute) else node.value if isinstance(node, cst.Name) else ""
        if name in fields and (isinstance(node, cst.Attribute) or facts.definition.kind == "class"):
            yield facts.match(node)
            return
    header = next((n for n in facts.nodes if isinstance(n, cst.FunctionDef)), None)
    if header is not None and (_METHODS.search("_".join(split_words(header.name.value))) or _kept_by(header.name.value)):
        yield facts.match(header)


def kept_by_node(facts: Facts, _matches: Iterable[Match]) -> Iterator[Match]:
    """The first place where a method of a node of a protocol touches its log, its leader or its members."""
    if not _class_state(facts)[0] or facts.definition is None or facts.definition.kind != "function":
        return
    for node in facts.nodes:
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == "self":
            if _KEPT.search("_".join(split_words(node.attr.value))):
                yield facts.match(node)
                return


def role_by_term(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A newer term than one's own, after which one is something else."""
    for match in matches:
        test = match.node
        if not isinstance(test, cst.If) or not isinstance(test.test, cst.Comparison):
            continue
        sides = [test.test.left, *(c.comparator for c in test.test.comparisons)]
        if sum(concept(name_of(facts, s)) in ("term", "ballot") for s in sides) < len(sides):
            continue
        if any(_takes_role(facts, n) for n in below(test.body)):
            yield match


def _takes_role(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Assign):
        return bool(_ROLES.search(facts.code(node)))
    return isinstance(node, cst.Call) and bool(_METHODS.search("_".join(split_words(facts.code(node.func).rpartition(".")[2]))))


def votes_cast(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where a node casts or grants a vote: once in a method, and in the first two methods of the class that do."""
    voters = _voters.setdefault(facts.file, {})
    if facts.owner not in voters:
        voters[facts.owner] = _casting(facts, _class_state(facts)[1])
    if facts.definition is None or facts.definition.symbol not in voters[facts.owner]:
        return
    yield from [match for match in matches if _casts(match.node)][:1]


def _casting(facts: Facts, writers: list[str]) -> list[str]:
    """The first two methods that give a vote to someone."""
    found = []
    for symbol in writers:
        definition = facts.file.definition(symbol)
        if definition is None or symbol.endswith("__init__"):
            continue
        try:
            nodes = facts.file.facts(definition).nodes
        except Unreadable:
            continue
        if any(_casts(node) for node in nodes):
            found.append(symbol)
        if len(found) == 2:
            break
    return found


def _casts(node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.Assign) or (isinstance(node.value, cst.Name) and node.value.value == "None"):
        return False
    names = [t.target.attr.value for t in node.targets if isinstance(t.target, cst.Attribute)]
    return any(concept(name) in ("vote", "ballot") for name in names) and not isinstance(node.value, cst.Integer)
