"""Detectors held against the facts of one definition: where their patterns match and their checks agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from guardrail import profiling
from guardrail.model import GuardrailError

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match
    from guardrail.packs import Detector

COMPOUND = frozenset({"With", "For", "While", "If", "FunctionDef", "ClassDef", "ExceptHandler"})
_NAMED = ("Call", "Name", "Attribute")
_TEXTS = ("SimpleString", "ConcatenatedString")
D = TypeVar("D", bound="Detector")


def detect(facts: Facts, detectors: Sequence[D]) -> Iterator[tuple[D, Match]]:
    """Each detector with the places that it finds in the definition."""
    matches: dict[int, dict[int, Match]] = {}  # by detector and node
    detectors = [d for d in detectors if _is_at_home(d, facts)]
    by_kind = _by_kind(detectors)
    first, check = _steps()
    for node in facts.nodes:
        for detector, pattern in _fitting(by_kind.get(type(node).__name__), node, facts):
            held = matches.setdefault(id(detector), {})
            match = first(detector, pattern, node, facts) if id(node) not in held else None
            if match is not None:
                held[id(node)] = match
    for detector in detectors:
        kept: Iterable[Match] = matches.get(id(detector), {}).values()
        if detector.check and kept:
            kept = check(detector, facts, kept)
        yield from ((detector, match) for match in kept)


def _is_at_home(detector: Detector, facts: Facts) -> bool:
    """Whether what the detector wants in the file, and near the definition, is there."""
    if detector.in_file and facts.file.words.isdisjoint(detector.in_file):
        return False
    return not detector.near or facts.definition is None or facts.file.near(facts.definition, detector.near)


def _checked(detector: Detector, facts: Facts, kept: Iterable[Match]) -> Iterable[Match]:
    found: Iterable[Match] = checker(detector.check)(facts, kept)
    return found


def _steps() -> tuple[Callable[..., Match | None], Callable[..., Iterable[Match]]]:
    """How to match a pattern and how to check what it matched; measured where that is asked for."""
    clock = profiling.clock()
    if clock is None:
        return _first, _checked

    def first(detector: Detector, *rest: Any) -> Match | None:
        return clock.rule(_called(detector), _first, detector, *rest)

    def check(detector: Detector, facts: Facts, kept: Iterable[Match]) -> Iterable[Match]:
        return clock.rule(_called(detector), lambda: [*_checked(detector, facts, kept)])

    return first, check


def _called(detector: Detector) -> str:
    """The id of a rule; what a shape says."""
    return str(getattr(detector, "id", "") or f"shape: {getattr(detector, 'says', '')}")


def _by_kind(detectors: Iterable[D]) -> dict[str, dict[str, list[tuple[D, Any]]]]:
    """Detectors by the type of node that their patterns can match, and by the name that it must go by.

    A bare string is looked for among string literals.
    """
    found: dict[str, dict[str, list[tuple[D, Any]]]] = {}
    for detector in detectors:
        for pattern in detector.patterns:
            for kind in pattern.kinds or _TEXTS:
                head = pattern.head() if kind in _NAMED else ""
                found.setdefault(kind, {}).setdefault(head, []).append((detector, pattern))
    return found


def _fitting(by_head: Mapping[str, list[tuple[D, Any]]] | None, node: Any, facts: Facts) -> Iterator[tuple[D, Any]]:
    """The detectors and patterns that a node may fit by its name."""
    if not by_head:
        return
    yield from by_head.get("", ())
    if len(by_head) > ("" in by_head):
        named = node.func if type(node).__name__ == "Call" else node
        for name in sorted(facts.names(named)):
            yield from by_head.get(name, ())
        if type(named).__name__ == "Attribute":
            yield from by_head.get(f".{named.attr.value}", ())


def _first(detector: Detector, pattern: Any, node: Any, facts: Facts) -> Match | None:
    if type(node).__name__ in _TEXTS and type(facts.parent(node)).__name__ == "ConcatenatedString":
        return None
    for env in pattern.match(node, facts, {}):
        if not all(name not in env or test.holds(*env[name]) for name, test in detector.where.items()):
            continue
        if detector.context and not facts.contexts(node).intersection(detector.context):
            return None
        if any(excused(detector, exception, node, facts, env) for exception in detector.unless):
            continue
        from guardrail.analysis.match import Match  # late: this is seldom reached

        return Match(facts, node, env)
    return None


def excused(detector: Detector, exception: Any, node: Any, facts: Facts, env: Any) -> bool:
    """Whether an `unless` holds for the node itself, or (a compound statement) around it."""
    candidates = [node, *facts.ancestors(node)] if COMPOUND.intersection(exception.kinds) else [node]
    for candidate in candidates:
        if exception.kinds and type(candidate).__name__ not in exception.kinds:
            continue
        for found in exception.match(candidate, facts, env, True):
            fresh = {name: value for name, value in found.items() if name not in env}
            if all(name not in fresh or test.holds(*fresh[name]) for name, test in detector.where.items()):
                return True
    return False


@cache
def checker(name: str) -> Callable[..., Any]:
    """The function of a `check`; never one that lies in the code under review, of which nothing is even imported."""
    module, _, function = name.partition(":")
    if not module.startswith("guardrail.") and any(map(_under_review, _places(name, module))):
        raise GuardrailError(f"check {name}: {module} lies in the code under review; install it as a package")
    try:
        found: Callable[..., Any] = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise GuardrailError(f"check {name}: {error}") from error
    return found


def _places(name: str, module: str) -> list[str]:
    """Where the outermost package of a module lies; to look for the module itself would run that package."""
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise GuardrailError(f"check {name}: there is no module {module}")
    return [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.has_location and spec.origin else [])]


def _under_review(place: str) -> bool:
    """Whether something lies in the repository, or the folder, that guardrail runs in and is not installed there."""
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    inside = [p for p in (Path(place).absolute(), Path(place).resolve()) if p.is_relative_to(root)]
    return any("site-packages" not in path.relative_to(root).parts for path in inside)
