"""Settings that guard everything: what a definition lost may hold for the whole project already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from guardrail.delta.project import Project
from guardrail.model import Unreadable
from guardrail.places import is_test

NEAR = 400  # characters after the name of a setting that belong to it
_SETTINGS = re.compile(r"(?:^|/)(?:\w*settings\w*(?:/\w+)?|config/\w+|conf)\.py\Z")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


@dataclass(frozen=True)
class Everywhere:
    """The settings files of head."""

    project: Project

    def holds(self, guarding: Mapping[str, str], guard: str) -> bool:
        """Whether a setting stands for a guard; `guarding` is pattern of a setting → pattern of the guards that it stands for.

        All that the guard is called must be called so in the setting, in any case: `login_required`, `LoginRequiredMiddleware`.
        """
        for setting, guards in guarding.items():
            wanted = [_plain(m[0]) for m in re.finditer(guards, guard)]
            said = [_plain(near) for text in self._texts for near in _around(text, setting)]
            if wanted and any(all(name in near for name in wanted) for near in said):
                return True
        return False

    @cached_property
    def _texts(self) -> list[str]:
        return [self._read(path) for path in sorted(self.project.files) if _SETTINGS.search(path) and not is_test(path)]

    def _read(self, path: str) -> str:
        try:
            data = self.project.judge.head.read(path)
        except Unreadable:
            return ""
        return _COMMENT.sub("", (data or b"").decode("utf-8", "replace"))


def _around(text: str, setting: str) -> list[str]:
    """The text from each place where a setting is named."""
    return [text[m.start() : m.end() + NEAR].split("\n\n")[0] for m in re.finditer(setting, text)]


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
