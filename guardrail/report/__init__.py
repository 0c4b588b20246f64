"""One pure function of the Verdict per format, in one table; a format's module is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from guardrail.model import Verdict

NAMES = ("text", "json", "sarif", "github", "gitlab", "junit", "rdjson", "markdown", "html", "agent")


def _format(name: str) -> Callable[[Verdict], str]:
    def render(verdict: Verdict) -> str:
        rendered: str = import_module(f"guardrail.report.{name}").render(verdict)
        return rendered

    return render


FORMATS: dict[str, Callable[[Verdict], str]] = {name: _format(name) for name in NAMES}
