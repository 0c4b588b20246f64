"""Where a definition has the guards of a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.detect import excused
from guardrail.patterns.kinds import Env, Node, Pattern, kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rule

GUARD = "GUARD"  # the metavariable that is the guard itself, where a pattern needs more than that: `@$GUARD` above a `def`
_TEXTS = ("SimpleString", "ConcatenatedString")
_HEADED = frozenset({"With", "If", "For", "While", "Try", "TryStar", "FunctionDef", "ClassDef", "ExceptHandler"})


@dataclass(frozen=True, slots=True)
class Guard:
    """A node of a definition that one of the patterns fits."""

    facts: Facts
    node: Node
    env: Env
    pattern: int  # its number among the patterns

    @property
    def itself(self) -> tuple[Facts, Node]:
        """The guard alone: `$GUARD` where the pattern names it, else the whole node."""
        return self.env.get(GUARD, (self.facts, self.node))

    @property
    def key(self) -> str:
        """The same for guards that say the same; of a block only what it enters or asks."""
        facts, node = self.itself
        kind = kind_of(node)
        if kind == "With":
            return "with " + " ".join(facts.normal(item.item) for item in node.items)
        return facts.normal(node) if kind not in _HEADED else kind + " " + self.text

    @property
    def line(self) -> int:
        """The line in its file."""
        facts, node = self.itself
        return facts.span(node)[0]

    @property
    def text(self) -> str:
        """The guard in one line of code."""
        facts, node = self.itself
        code = facts.code(node)
        return " ".join((code.split("\n", 1)[0] if kind_of(node) in _HEADED else code).split())


def nodes_of(facts: Facts) -> list[Any]:
    """The nodes of a definition; their types go by name, as those of patterns do."""
    return facts.nodes


def guards(facts: Facts, patterns: Sequence[Pattern], rule: Rule, loose: bool = False) -> list[Guard]:
    """The places that fit one of the patterns, each guard once; `where`, `unless` and `context` of the rule hold."""
    by_kind: dict[str, list[tuple[int, Pattern]]] = {}
    for number, pattern in enumerate(patterns):
        for kind in pattern.kinds or _TEXTS:
            by_kind.setdefault(kind, []).append((number, pattern))
    found: dict[tuple[int, int], Guard] = {}
    for node in facts.nodes:
        for number, pattern in by_kind.get(kind_of(node), ()):
            for guard in _fits(facts, node, number, pattern, rule, loose):
                found.setdefault((id(node), id(guard.itself[1])), guard)
    return list(found.values())


def _fits(facts: Facts, node: Node, number: int, pattern: Pattern, rule: Rule, loose: bool) -> Iterator[Guard]:
    for env in pattern.match(node, facts, {}, loose):
        if not all(name not in env or test.holds(*env[name]) for name, test in rule.where.items()):
            continue
        if rule.context and not facts.contexts(node).intersection(rule.context):
            return
        if not any(excused(rule, exception, node, facts, env) for exception in rule.unless):
            yield Guard(facts, node, env, number)


def fitting(node: Node, facts: Facts, patterns: Iterable[Pattern], env: Env, loose: bool = False) -> bool:
    """Whether a node fits one of the patterns, given what metavariables stand for."""
    return any(True for p in patterns if not p.kinds or kind_of(node) in p.kinds for _ in p.match(node, facts, env, loose))


def inside(facts: Facts, node: Node, block: Any) -> bool:
    """Whether a node lies in another one."""
    return node is block or any(above is block for above in facts.ancestors(node))


def header(facts: Facts) -> Any:
    """The `def` or `class` of a definition; all of it where it is the module's own code."""
    return next((n for n in facts.nodes if kind_of(n) in ("FunctionDef", "ClassDef")), facts.tree)


def identifiers(code: str) -> list[str]:
    """The words of some code, keywords and numbers included."""
    return "".join(c if c.isalnum() or c == "_" else " " for c in code).split()
