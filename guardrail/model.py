"""The values that the stages hand to one another: frozen, slotted, importing nothing of ours.

Lines and columns are 1-based everywhere; paths are POSIX, relative to the root of the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from guardrail.drafted import Provenance


class GuardrailError(Exception):
    """An expected failure: one sentence for the user, exit code 2."""


class Unreadable(GuardrailError):
    """One file that cannot be read, decoded or parsed; the message is the reason, without the path."""


class Severity(StrEnum):
    """P0 exploitable or data-losing as written, P1 will bite in production, P2 a weakness to schedule."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class Confidence(StrEnum):
    """How sure a rule is; `low` shows only under --pedantic."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Tier(StrEnum):
    """What an assistant may be trusted with, from mild to strict."""

    FREE = "use-freely"
    CAREFUL = "review-carefully"
    FORBIDDEN = "do-not-use"


class Role(StrEnum):
    """How a definition stands to the primitive of its surface."""

    INTEGRATES = "integrates"
    COMPOSES = "composes"
    IMPLEMENTS = "implements"


class Status(StrEnum):
    """What a change did to a finding."""

    INTRODUCED = "introduced"
    FIXED = "fixed"
    PREEXISTING = "preexisting"


# ---- change: two trees, compared -------------------------------------------------------------


class Tree(Protocol):
    """One side of a change: a commit, the git index, a folder, or files held in memory."""

    def read(self, path: str) -> bytes | None:
        """The content of a regular file, None where there is none; Unreadable with the reason else."""

    def paths(self) -> Sequence[str]:
        """All files of this side, sorted."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs; `added` and `removed` are lines of head and base, None meaning all of them."""

    base_path: str | None  # None: the file is new (a copy, too: `copied_from` says of what)
    head_path: str | None  # None: the file is gone
    added: frozenset[int] | None = None
    removed: frozenset[int] | None = None
    copied_from: str | None = None

    @property
    def path(self) -> str:
        """The name to report: that of head, or of base for a deleted file."""
        return self.head_path or self.base_path or ""  # one of them is there


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that should have been read and was not."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Change:
    """Two trees, the files that differ (sorted by path), and what could not be read."""

    root: str  # absolute folder that all paths are relative to
    label: str  # what is compared, in words: "HEAD → working tree"
    base: Tree
    head: Tree
    files: tuple[FileChange, ...]
    skipped: tuple[Skipped, ...] = ()
    identity: Callable[[], str] = lambda: ""  # tells what stands for the contents of both trees; asked only where answers are kept
    opaque: tuple[Skipped, ...] = ()  # links and submodules that come with it, behind which Python finds code

    @property
    def renames(self) -> Mapping[str, str]:
        """Head path → base path, of the files that changed their name."""
        return {f.head_path: f.base_path for f in self.files if f.head_path and f.base_path and f.head_path != f.base_path}


# ---- index: where definitions are ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Definition:
    """A stretch of a file that is judged as one: a function, a class body, or the module's own code.

    `first` to `last` span it, decorators included; `holes` are the spans of the definitions inside it
    (functions nested in functions are no holes: they belong to the outer one).
    """

    symbol: str  # "Login.verify"; "<module>" for the module's own code
    kind: str  # "module" | "class" | "function"
    first: int
    last: int
    header: int  # last line before the body: of `def …:` or `class …:`
    holes: tuple[tuple[int, int], ...] = ()
    words: frozenset[str] = frozenset()  # identifiers, keywords and `==` `!=` in its own lines
    branches: int = 0  # its own lines with if, elif, case, for, while or except; not where an `if` asks for None or a type only

    def owns(self, line: int) -> bool:
        """Whether the line lies in it and in none of its holes."""
        return self.first <= line <= self.last and not any(a <= line <= b for a, b in self.holes)


@dataclass(frozen=True, slots=True)
class Binding:
    """A simple statement or a header that gives a name its meaning: `X = …`, `self.x = …`, `def f`, `class C`."""

    name: str  # "ALGS", "self.cache", "get_client"
    scope: str  # symbol of the definition that it stands in
    kind: str  # "value" | "function" | "class"
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class FileIndex:
    """What a file defines, imports and names. `definitions` tile the file and begin with the module."""

    path: str
    module: str  # dotted, as relative imports see it: "pkg.auth.login"
    definitions: tuple[Definition, ...]
    imports: Mapping[str, str]  # local name → qualified name, of the module's own imports
    stars: tuple[str, ...] = ()  # modules of `from m import *`
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One readable Python file of one side."""

    path: str
    text: str  # decoded, newlines normalised to \n, no BOM
    index: FileIndex


# ---- findings --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains a finding."""

    path: str
    line: int
    message: str
    side: str = "head"  # or "base": where something was that is lost
    code: str = ""  # the lost line


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, where, why, and what to write instead."""

    rule: str
    name: str
    severity: Severity
    confidence: Confidence
    surface: str
    path: str
    definition: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    why: str = ""
    remedy: str = ""
    refs: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    status: Status = Status.INTRODUCED
    fingerprint: str = ""
    node: str = ""  # the normalised code that it is about; compared, never shown


@dataclass(frozen=True, slots=True)
class Evidence:
    """One signal that put a definition on a surface."""

    line: int
    signal: str


@dataclass(frozen=True, slots=True)
class Placement:
    """A definition on a surface."""

    path: str
    definition: str
    line: int
    end_line: int
    touched: tuple[int, ...]
    surface: str
    tier: Tier
    role: Role
    evidence: tuple[Evidence, ...] = ()
    size: int = 0  # lines that count: the touched ones, in a scan all of the definition's own


@dataclass(frozen=True, slots=True)
class Surface:
    """A label that says how much a person must look; read from a pack's [surface]."""

    id: str
    title: str
    tier: Tier
    why: str
    review: tuple[str, ...] = ()
    owners_hint: str = ""


class Outcome(StrEnum):
    """What policy decided about a finding."""

    REPORTED = "reported"
    ALLOWED = "allowed"
    BASELINED = "baselined"  # known when the baseline was written
    BELOW_GATE = "below-gate"  # reported, but does not fail the run
    UNSELECTED = "unselected"  # by --select, --ignore or its confidence


@dataclass(frozen=True, slots=True)
class Decision:
    """A finding, what became of it, and the reason in words."""

    finding: Finding
    outcome: Outcome
    because: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that a report needs; every report is a pure function of it."""

    version: str
    label: str
    complete: bool
    considered: int
    analysed: int
    skipped: tuple[Skipped, ...]
    decisions: tuple[Decision, ...]  # sorted by path, line, column, rule; every status
    placements: tuple[Placement, ...]  # sorted by path, line, surface
    unclassified: tuple[str, ...] = ()  # files of a change that no surface knows, sorted
    surfaces: Mapping[str, Surface] = field(default_factory=dict)
    exit_code: int = 0
    sources: Mapping[str, str] = field(default_factory=dict)  # path → head text of files with findings, for code frames
    base_sources: Mapping[str, str] = field(default_factory=dict)  # base path → what stood there before, of the same files
    files: tuple[FileChange, ...] = ()  # what differs, sorted by path; which lines of the two sides belong together
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # surface → whom to suggest as reviewers
    limits: tuple[str, ...] = ()  # bounds that were hit, and what was therefore not looked at, in words
    provenance: Provenance | None = None  # None: nothing is known of it

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is shown: introduced and neither allowed nor unselected."""
        shown = (Outcome.REPORTED, Outcome.BELOW_GATE)
        return tuple(d.finding for d in self.decisions if d.outcome in shown and d.finding.status is Status.INTRODUCED)
