"""Which code the tests of a change ask for, told by names: what a test calls, imports, and is called itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.change.trees import prefetch
from guardrail.delta.project import Place, Project
from guardrail.places import is_test
from guardrail.words import split_words, words_in

if TYPE_CHECKING:
    from guardrail.delta.loss import Loss
    from guardrail.model import Finding
    from guardrail.side import Side

_FAILING = re.compile(
    r"[rR]aises|side_effect|HTTP_[45]\d\d|\b(?:4\d\d|50[0-4])\b|\berror|Error\b|Exception\b|\binvalid|\bfail|\bdenied|\bforbidden"
)
_PLAIN = frozenset(
    "run main get post put patch delete call handle process save create update execute apply check clean init".split()
)
MOST = 60  # test files that are searched for a definition


@dataclass(frozen=True)
class Tests:
    """The tests of a change, and those of the project at head."""

    project: Project

    def bear_out(self, wanted: str, loss: Loss) -> bool:
        """Whether a loss stands, of a rule with `tested = wanted`."""
        finding = loss.finding
        if wanted == "no":
            return not any(_about(place, finding.path, finding.definition) for place in self._of_change)
        if wanted == "kept":
            return not self.project.takes_away(words_in(loss.guard))
        return self._with_code(finding)

    def miss_failures(self, path: str, symbol: str) -> bool:
        """Whether tests of head are about a definition, and none of them makes something fail."""
        about = list(self._for(path, symbol))
        return bool(about) and not any(_FAILING.search(side.words.own_text(d)) for side, d in about)

    @cached_property
    def _of_change(self) -> list[Place]:
        """The definitions of test files that are new or changed, the changed modules' own code among them."""
        paths = [f.head_path for f in self.project.change.files if f.head_path and f.head_path.endswith(".py")]
        sides = [side for path in paths if is_test(path) and (side := self.project.head(path))]
        return [(side, d) for side in sides for d in side.definitions if self.project.changed(side, d)]

    @cached_property
    def _code(self) -> list[Place]:
        """The definitions of the change that are no tests, new or changed."""
        paths = [f.head_path for f in self.project.change.files if f.head_path and f.head_path.endswith(".py")]
        sides = [side for path in paths if not is_test(path) and (side := self.project.head(path))]
        return [(side, d) for side in sides for d in side.definitions if d.kind != "module" and self.project.changed(side, d)]

    def _with_code(self, finding: Finding) -> bool:
        """Whether code that the test of a finding names changed too."""
        side = self.project.head(finding.path)
        test = next((d for d in side.definitions if d.symbol == finding.definition), None) if side else None
        return test is not None and any(d.symbol.rpartition(".")[2] in test.words for _, d in self._code)

    def _for(self, path: str, symbol: str) -> Iterator[Place]:
        """The tests of head that are about a definition: those of the change, and those that stand near it and name it."""
        names, near = _names(symbol), self._near(path)
        prefetch(self.project.judge.head, near)
        yield from (place for place in self._of_change if not names.isdisjoint(place[1].words))
        for file in near:
            if any(self.project.mentions(file, name.encode()) for name in names) and (side := self.project.head(file)):
                yield from ((side, d) for d in side.definitions if not names.isdisjoint(d.words))

    def _near(self, path: str) -> list[str]:
        """Test files called like the module first, then those of its package."""
        *folders, name = path.removesuffix(".py").split("/")
        stem, package = name if name != "__init__" else "".join(folders[-1:]), folders[-1] if folders else ""
        like = [p for p in self._files if stem in p.rpartition("/")[2]]
        beside = [p for p in self._files if package and package in p.split("/")]
        return list(dict.fromkeys([*like, *beside]))[:MOST]

    @cached_property
    def _files(self) -> list[str]:
        return [path for path in sorted(self.project.files) if is_test(path)]


def _about(test: Place, path: str, symbol: str) -> bool:
    """Whether a test names the definition, imports its module, or is called like it."""
    side, definition = test
    return not _names(symbol).isdisjoint(definition.words) or _of_module(side, path)


def _names(symbol: str) -> frozenset[str]:
    """The names that a test would call a definition by: its own, or its class where that says more."""
    *owners, own = symbol.split(".")
    common = own in _PLAIN or own.startswith("__")
    return frozenset(owners[-1:] if common and owners else [own, *owners[-1:]])


def _of_module(side: Side, path: str) -> bool:
    """Whether a test file is about a module, by its own name or by what it imports."""
    stem = path.rpartition("/")[2].removesuffix(".py")
    own = {*split_words(side.file.path.rpartition("/")[2].removesuffix(".py"))}
    if stem != "__init__" and {*split_words(stem)} <= own:
        return True
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    imports = side.file.index.imports.values()
    return any(full == module or module.endswith("." + full) or full.startswith(module + ".") for full in imports)
