"""What packs say, compiled: rules, surfaces and their signals."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from guardrail.model import Confidence, GuardrailError, Severity, Surface, Tier
from guardrail.packs.late import Late
from guardrail.patterns.anchors import ANYWHERE, IN_FILE, OWN, SEARCH, SECRET, SECRETNAME, Anchors, choice, needs, together

if TYPE_CHECKING:
    from packaging.version import Version

    from guardrail.patterns.kinds import Pattern
    from guardrail.patterns.where import Predicate

# Words that open a context inside a definition; the others may come from its decorators or its class.
_OPENERS = {"async": needs("async"), "except": needs("except"), "loop": choice([needs("for"), needs("while")])}
_ANCHORS = "_anchors"
TELLING_LITTLE = frozenset("return def class raise assert pass if for in not with except == != True False None".split())


class BadPack(GuardrailError):
    """Every mistake of every pack, one a line."""


def _as_packs_say(_surface: str, _path: str) -> Tier | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Detector(Late):
    """What to look for in a definition: patterns, what narrows them, and what excuses it."""

    LATE: ClassVar = ("patterns", "unless", "where")

    any: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = field(default_factory=tuple)
    unless: tuple[Pattern, ...] = field(default_factory=tuple)
    where: Mapping[str, Predicate] = field(default_factory=dict)
    context: tuple[str, ...] = ()
    check: str = ""
    near: str = ""  # a regular expression that is found on the definition's lines or on those that its names stand for
    in_file: tuple[str, ...] = ()  # words, one of which the file must hold: for checks that look beyond the definition

    def __getstate__(self) -> dict[str, Any]:
        """What is kept of it, the anchors as bytes: an answer that is known asks for none."""
        state = super().__getstate__()
        if "anchors" in state:
            state[_ANCHORS] = pickle.dumps(state.pop("anchors"), pickle.HIGHEST_PROTOCOL)
        return state

    @cached_property
    def anchors(self) -> Anchors:
        """The words without which none of its patterns can match."""
        if _ANCHORS in self.__dict__:
            kept: Anchors = pickle.loads(self.__dict__[_ANCHORS])
            return kept
        found = choice(self._anchors(text, pattern) for text, pattern in zip(self.any, self.patterns, strict=True))
        in_file = choice(needs(IN_FILE + word) for word in self.in_file) if self.in_file else ANYWHERE
        return together([found, in_file, self._near])

    @property
    def _near(self) -> Anchors:
        """What `near` asks for."""
        if self.near == SECRETNAME:
            return needs(SECRET)
        return needs(SEARCH + self.near) if self.near else ANYWHERE

    def _anchors(self, text: str, pattern: Pattern) -> Anchors:
        from guardrail.patterns.spelling import variables  # late: anchors are kept, and most runs work none out
        from guardrail.patterns.where import name_anchors, regex_anchors

        used = variables(text)
        held = [p for name, p in self.where.items() if name in used]
        parts = [pattern.anchors(), *(p.anchors() for p in held)]
        parts += [name_anchors(p) for name, p in self.where.items() if name == pattern.defines()]
        parts.append(choice(_OPENERS.get(c, ANYWHERE) for c in self.context) if self.context else ANYWHERE)
        found = together(parts)
        if not self.near and all({word.removeprefix(OWN) for word in needed} <= TELLING_LITTLE for needed in found):
            return together([found, *map(regex_anchors, held)])
        return found


@dataclass(frozen=True, kw_only=True)
class Delta(Late):
    """What a rule of losses asks of the head side; the patterns of its detector say what base had."""

    LATE: ClassVar = ("still", "instead")

    still: tuple[Pattern, ...] = field(
        default_factory=tuple
    )  # the protected thing: without it at head the guard died with what it protected
    instead: tuple[Pattern, ...] = field(default_factory=tuple)  # equivalent forms
    weakened: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # metavariable → what loosens its value
    files: tuple[str, ...] = ()  # globs: the check reads whole files of the change, not pairs of definitions
    everywhere: Mapping[str, str] = field(default_factory=dict)  # pattern of a setting → the guards that it stands for
    tested: str = ""  # how the tests of the change must stand to it, one of losses.TESTED


@dataclass(frozen=True, kw_only=True)
class Rule(Detector):
    """What is wrong where a detector finds something; several rules may share an id."""

    id: str
    name: str
    severity: Severity
    confidence: Confidence
    surface: str
    message: str
    why: str = ""
    remedy: str = ""
    refs: tuple[str, ...] = ()
    in_tests: bool = False
    reads: str = ""  # "module:function" that reads the text of files, instead of patterns
    files: tuple[str, ...] = ()  # which files
    versions: Mapping[str, str] = field(default_factory=dict)  # of libraries that the project must be known to use
    unless_versions: Mapping[str, str] = field(default_factory=dict)
    reaches: tuple[str, ...] = ()  # effects that must not be reached from the context, through whatever calls; instead of patterns
    delta: Delta | None = None
    pack: str = ""

    def applies(self, version: Callable[[str], Version | None]) -> bool:
        """Whether the versions that a project uses are those that the rule is about; `version` knows them by name."""
        if not self.versions and not self.unless_versions:
            return True
        from packaging.specifiers import SpecifierSet  # late: few rules ask

        def used(given: Mapping[str, str]) -> list[bool]:
            known = ((version(name), SpecifierSet(text, prereleases=True)) for name, text in given.items())
            return [found is not None and found in wanted for found, wanted in known]

        return all(used(self.versions)) and not any(used(self.unless_versions))


@dataclass(frozen=True, kw_only=True)
class Shape(Detector):
    """A structure that speaks for a surface where a detector finds it."""

    says: str
    by_hand: bool = False  # the primitive itself, made here: role `implements`
    tier: Tier | None = None  # instead of the surface's, where the shape is there


@dataclass(frozen=True)
class Signals:
    """What puts a definition, or a file that is not Python, on a surface; see docs/packs.md."""

    calls: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    decorators: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    low_level: tuple[str, ...] = ()  # calls of parts that are put together here: role `composes`
    by_hand: tuple[Pattern, ...] = ()
    hand_rolled: tuple[str, ...] = ()  # ids of the pack's rules that find the primitive made by hand; they become shapes
    shapes: tuple[Shape, ...] = ()
    decisive: tuple[str, ...] = ()  # paths whose code is on this surface and on no other
    files: tuple[str, ...] = ()  # paths of files that are not Python
    anti: Signals | None = None
    veto: Signals | None = None

    def and_also(self, more: Signals) -> Signals:
        """These signals and the names, words and paths of others."""
        plain = ("calls", "bases", "decorators", "imports", "words", "paths", "low_level", "files")
        return replace(self, **{key: getattr(self, key) + getattr(more, key) for key in plain})


@dataclass(frozen=True)
class Rules:
    """All that the packs say, and what the settings make of their surfaces."""

    rules: tuple[Rule, ...]
    surfaces: Mapping[str, Surface]
    signals: Mapping[str, Signals]
    tiers: Callable[[str, str], Tier | None] = _as_packs_say  # of a surface and a path, where the settings have a say
    searches: Mapping[str, tuple[frozenset[str], bool]] = field(default_factory=dict, compare=False)  # what regexes of anchors tell
    theirs: bytes = b""  # stands for the contents of the user's packs, b"" where there are none
