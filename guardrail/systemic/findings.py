"""Rules with `reaches`, held against the calls of a project: paths → findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from guardrail import places
from guardrail.detect import checker
from guardrail.findings import filled, finding_of, weigh
from guardrail.model import Confidence, Finding, Note
from guardrail.packs import Rule
from guardrail.systemic.contexts import Contexts
from guardrail.systemic.flags import is_declined, is_switched_off
from guardrail.systemic.flow import Flow
from guardrail.systemic.graph import Graph, Node
from guardrail.systemic.guards import Guard
from guardrail.systemic.injection import Injection
from guardrail.systemic.project import Key, Project
from guardrail.systemic.synthetic import Synthetic
from guardrail.systemic.walk import Hop, Mode, Path, Walk, each_time, not_cached, runs_in_it, starts

FEW = 3  # paths to one effect that a scan tells
_FAR = 3  # calls after which a path is less sure
_LESS = {Confidence.HIGH: Confidence.MEDIUM, Confidence.MEDIUM: Confidence.LOW, Confidence.LOW: Confidence.LOW}
_STOPS = {"async": ("offload", "spawn", "commit", "later", "awaited")}
_MADE = frozenset(
    "retry lock lock-held lazy insert shared-change handle error-kept database-error-kept whole-table whole-body".split()
)
_OTHER_STOPS = ("spawn", "commit", "later")
_STARTING = frozenset({"lifespan", "startup", "on_startup", "shutdown", "on_shutdown", "main", "setup"})


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with its paths: what makes each the same in another version, and its lines in this one."""

    finding: Finding
    paths: frozenset[tuple[tuple[str, ...], tuple[int, ...]]]
    touched: bool

    @property
    def keys(self) -> frozenset[tuple[str, ...]]:
        """What makes its paths the same in another version."""
        return frozenset(key for key, _ in self.paths)


class Judging:
    """One tree, judged; `touched` are the functions that are asked about, `lines` the touched lines of files, None for all."""

    def __init__(
        self, project: Project, tables: Mapping[str, Any], touched: Sequence[Key], lines: Mapping[str, frozenset[int] | None]
    ) -> None:
        self.graph = Graph(project, tables)
        self.contexts = Contexts(self.graph)
        self.synthetic = Synthetic(self.graph, self.contexts)
        self.flow, self.injection = Flow(self.graph), Injection(self.graph, self.contexts)
        self.touched, self.lines = touched, lines
        self.readers: dict[str, tuple[Node | None, bool]] = {}  # class → who keeps its rows in a cache, whether for ever
        self.guards: dict[str, Guard | None] = {}  # state → the lock that its writers hold
        self.walks: dict[tuple[object, ...], Walk] = {}

    def walk(self, context: str, kinds: frozenset[str], stops: Iterable[str] = ()) -> Walk:
        """The search from one kind of context to these kinds of effects."""
        key = (context, kinds)
        if key not in self.walks:
            cut = frozenset(stops or _STOPS.get(context, _OTHER_STOPS))
            enters = {"async": runs_in_it, "loop": not_cached}.get(context, lambda _: True)
            more = self.synthetic.of if kinds & _MADE else lambda _: ()
            mode = Mode(kinds, cut, enters, more, each_time if context == "loop" else lambda _: True)
            self.walks[key] = Walk(self.graph, self.contexts, mode)
        return self.walks[key]

    def find(self, rules: Iterable[Rule], whole: bool) -> Iterator[Found]:
        """What the rules find; `whole`, every function is a touched one, and paths need not be looked for from their middle."""
        for rule in rules:
            yield from self._grouped(rule, self._paths(rule, whole), whole)

    def _paths(self, rule: Rule, whole: bool) -> Iterator[tuple[Path, Node]]:
        kinds = self.graph.effects.group(rule.reaches)
        for context in rule.context:
            values: dict[str, Flow | Injection] = {"secret": self.flow, "foreign": self.injection}
            walk = values.get(context) or self.walk(context, kinds)
            for node in starts(self.graph, self.touched):
                for path in walk.through(node, context, upward=not whole and context != "function"):
                    if self._counts(path) and not (context == "function" and path.edges):
                        yield path, node

    def _counts(self, path: Path) -> bool:
        """Whether anybody minds the path: not in tests, in migrations, in what starts a program, where an argument says not to."""
        first = path.hops[0].node
        if any(places.is_test(hop.node.module.path) for hop in path.hops) or places.is_migration(first.module.path):
            return False
        if is_switched_off(path) or is_declined(self.graph, path):
            return False
        return path.context.kind != "async" or not self._only_starts(first)

    def _only_starts(self, node: Node) -> bool:
        """Whether a coroutine runs while the program starts or ends, when nobody waits for the event loop."""
        if node.function.name in _STARTING:
            return True
        callers = self.graph.callers(node.key)
        return bool(callers) and all(caller.function.name in _STARTING for caller, _ in callers)

    def _grouped(self, rule: Rule, paths: Iterable[tuple[Path, Node]], whole: bool) -> Iterator[Found]:
        """One finding for each anchor, which tells the nearest path and how many more there are."""
        groups: dict[tuple[str, int], list[tuple[Path, Hop, str]]] = {}
        for path, node, message in self._few(rule, paths) if whole else self._checked(rule, paths):
            hop = path.hops[0] if whole else self.anchor(path, node)
            groups.setdefault(self._place(path, hop), []).append((path, hop, message))
        for group in groups.values():
            group.sort(key=lambda g: (not self.is_touched(g[1]), len(g[0].hops), g[1].line, g[0].key))
            path, hop, message = group[0]
            more = len({g[0].hops[0].node.key for g in group}) - 1
            finding = self.finding(rule, path, hop, message or rule.message, more)
            places = frozenset(((rule.id, *g[0].key), tuple(h.line for h in g[0].hops)) for g in group)
            yield Found(finding, places, self.is_touched(hop))

    def _checked(self, rule: Rule, paths: Iterable[tuple[Path, Node]]) -> Iterator[tuple[Path, Node, str]]:
        """The paths that fulfil what the rule asks for beyond their ends, with their messages."""
        for path, node in paths:
            message = checker(rule.check)(self, rule, path) if rule.check else ""
            if message is not None:
                yield path, node, message

    def _few(self, rule: Rule, paths: Iterable[tuple[Path, Node]]) -> Iterator[tuple[Path, Node, str]]:
        """Of very many paths to one effect the shortest few: what a whole project uses is one finding, not hundreds."""
        kept: dict[tuple[object, ...], list[tuple[Path, Node]]] = {}
        for path, node in paths:
            last = path.hops[-1]
            kept.setdefault((last.node.key, last.line, path.context.kind == "loop" and path.hops[0].node.key), []).append(
                (path, node)
            )
        for (_, line, loop), found in kept.items():
            found.sort(key=lambda p: (len(p[0].hops), p[0].hops[0].node.key, p[0].hops[0].line))
            if len(found) > FEW and not loop:
                where = f"{found[0][0].hops[-1].node.module.path}:{line}"
                self.graph.project.limits.add(f"{len(found)} paths lead to {where}, of which the {FEW} shortest are shown")
            yield from self._checked(rule, found) if loop else islice(self._checked(rule, found), FEW)

    @staticmethod
    def _place(path: Path, hop: Hop) -> tuple[str, int]:
        """What one finding is made for: a line; of what a loop repeats, and of retries inside of a retry, the loop."""
        first = path.hops[0]
        if (path.context.kind == "loop" or path.deed.effect.kind == "retry") and hop is first:
            return first.node.module.path, -path.context.line
        return hop.node.module.path, hop.line

    def is_touched(self, hop: Hop) -> bool:
        """Whether the line of a hop is a touched one."""
        lines = self.lines.get(hop.node.module.path, frozenset())
        return lines is None or hop.line in lines

    def anchor(self, path: Path, node: Node) -> Hop:
        """The hop to report at: the first touched line, else where the touched function goes on."""
        for hop in path.hops:
            if self.is_touched(hop):
                return hop
        return next((hop for hop in path.hops if hop.node is node), path.hops[0])

    def finding(self, rule: Rule, path: Path, hop: Hop, message: str, more: int) -> Finding:
        """The finding at one hop of a path."""
        texts = {"CHAIN": chain(path), "EFFECT": path.deed.effect.name, "START": path.hops[0].node.function.symbol}
        said = filled(message, texts)
        if more:
            said += f" ({more} more caller{'s' * (more > 1)} of it do{'es' * (more == 1)} the same.)"
        file = hop.node.module.path
        severity, confidence = weigh(rule, file)
        if len(path.hops) > _FAR + 1 or any(e.cut or e.guessed for e in path.edges):
            confidence = _LESS[confidence]
        text = self.graph.project.read(file).decode("utf-8", "replace").split("\n")
        line = text[hop.line - 1] if hop.line <= len(text) else ""
        return finding_of(
            rule,
            file,
            hop.node.function.symbol,
            (hop.line, len(line) - len(line.lstrip()) + 1, hop.line, len(line) + 1),
            said,
            " ".join(path.key),
            weight=(severity, confidence),
            notes=tuple(notes(path)),
        )


def chain(path: Path) -> str:
    """`views.pay → billing.charge → requests.post`."""
    names = [f"{hop.node.module.name.rpartition('.')[2]}.{hop.node.function.symbol}" for hop in path.hops]
    return " → ".join([*names, short(path.deed.effect.name)])


def short(name: str) -> str:
    """The end of a qualified name that tells what it is."""
    parts = name.split(".")
    return ".".join(parts[-2:]) if len(parts) > 2 else name


def notes(path: Path) -> Iterator[Note]:
    """Each hop of a path with its place."""
    first = path.hops[0].node
    kind = path.context.kind.replace("lock-thread", "lock").replace("lock-async", "lock")
    begins = {"secret": f"{path.context.identity} is handed on", "foreign": f"text from {path.context.identity} comes in"}.get(
        kind, f"the {kind} begins"
    )
    yield Note(first.module.path, path.context.line, f"{begins} here, in {first.function.symbol}")
    for hop, following, edge in zip(path.hops, path.hops[1:], path.edges, strict=False):
        verb = "calls" if edge.callee == following.node.key else "gives it to"
        yield Note(hop.node.module.path, hop.line, f"{hop.node.function.symbol} {verb} {following.node.function.symbol}")
    last = path.hops[-1]
    verb = "changes" if path.deed.effect.kind == "shared-change" else "calls"
    yield Note(last.node.module.path, last.line, f"{last.node.function.symbol} {verb} {path.deed.effect.name}")


def compared(head: Sequence[Found], base: Sequence[Found]) -> Iterator[Finding]:
    """The findings of both sides with their status: a path that base had as often is preexisting."""
    from guardrail.model import Status

    before, now = _counted(base), _counted(head)
    for found in head:
        more = any(not before[key] or (found.touched and now[key] > before[key]) for key in found.keys)
        yield replace(found.finding, status=Status.INTRODUCED if more else Status.PREEXISTING)
    for found in base:
        if not any(now[key] for key in found.keys):
            yield replace(found.finding, status=Status.FIXED)


def _counted(found: Iterable[Found]) -> Counter[tuple[str, ...]]:
    """How often each path is there, by other lines of the same functions."""
    return Counter(key for key, _ in {path for each in found for path in each.paths})
