"""Thresholds, strictness and steps of the tools that guard a project, read as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from guardrail.delta.files import Change, FilePair

_THRESHOLD = re.compile(
    r"(?P<name>fail_under|--cov-fail-under|fail-under|min_coverage|--fail-under)\s*[=:\s]\s*\"?(?P<value>\d+(?:\.\d+)?)"
)
_STRICT = re.compile(
    r"^\s*(?P<name>strict|disallow_\w+|warn_\w+|check_untyped_defs|no_implicit_\w+|strict_\w+|xfail_strict|extra_checks|show_missing_never)"
    r"\s*=\s*(?P<value>[Tt]rue|[Ff]alse|1|0)"
)
_LOOSE = re.compile(
    r"^\s*(?P<name>ignore_errors|ignore_missing_imports|allow_untyped_\w+|allow_redefinition|continue-on-error)\s*[=:]\s*(?P<value>[Tt]rue)"
)
_TOOLS = (
    "pytest",
    "mypy",
    "pyright",
    "ruff",
    "bandit",
    "semgrep",
    "guardrail",
    "flake8",
    "zizmor",
    "pip-audit",
    "safety",
    "codeql",
    "coverage",
)
_RUNS = re.compile(r"\b(" + "|".join(_TOOLS) + r")\b", re.I)
_NEVER_FAILS = re.compile(r"\|\|\s*(?:true|:|exit\s+0)\s*\"?'?\s*$|--exit-zero\b")
_NAMES = re.compile(r"[\"']([A-Z]+\d*)[\"']")


def lowered(pair: FilePair) -> Iterator[Change]:
    """What is lower, off or gone at head."""
    if pair.change.base_path is None or pair.change.head_path is None:
        return
    for check in _CHECKS:
        yield from check(pair)


def _found(pattern: re.Pattern[str], lines: list[str]) -> dict[str, tuple[int, str]]:
    """Name → line and value, in the order of the file; the same name in several sections counts by order."""
    found: dict[str, tuple[int, str]] = {}
    section = ""
    for number, line in enumerate(lines, 1):
        if re.match(r"\s*\[.*\]\s*$", line):
            section = line.strip()
        elif (match := pattern.search(line)) and not line.lstrip().startswith("#"):
            found[f"{section} {match['name']}"] = (number, match["value"])
    return found


def _thresholds(pair: FilePair) -> Iterator[Change]:
    before, after = _found(_THRESHOLD, pair.base), _found(_THRESHOLD, pair.head)
    for name, (line, value) in before.items():
        short = name.split()[-1]
        if name in after and float(after[name][1]) < float(value):
            yield Change(after[name][0], f"`{short}` {value} → {after[name][1]}.", line, what=name)
        elif name not in after and not any(k.split()[-1] == short for k in after) and not _elsewhere(pair, short):
            yield Change(_near(pair, line), f"`{short}` {value} → none.", line, what=name)


def _elsewhere(pair: FilePair, word: str) -> bool:
    """Whether another file of the change has it now."""
    return any(word in line for other in pair.others() for line in other.head)


def _near(pair: FilePair, line: int) -> int:
    """A line of head that stands where a lost one did."""
    return max(1, min(line, len(pair.head)))


def _strictness(pair: FilePair) -> Iterator[Change]:
    before, after = _found(_STRICT, pair.base), _found(_STRICT, pair.head)
    strict_now = any(k.split()[-1] == "strict" and v[1].lower() in ("true", "1") for k, v in after.items())
    for name, (line, value) in before.items():
        short = name.split()[-1]
        if value.lower() in ("false", "0"):
            continue
        now = after.get(name)
        if now and now[1].lower() in ("false", "0"):
            yield Change(now[0], f"`{short}` {value} → {now[1]}.", line, what=name)
        elif now is None and not strict_now and not any(k.split()[-1] == short for k in after) and not _elsewhere(pair, short):
            yield Change(_near(pair, line), f"`{short}` {value} → none.", line, what=name)


def _looseness(pair: FilePair) -> Iterator[Change]:
    before = [m["name"] for m in map(_LOOSE.search, pair.base) if m]
    for number, line in enumerate(pair.head, 1):
        match = _LOOSE.search(line)
        if match is None:
            continue
        if match["name"] in before:
            before.remove(match["name"])
        elif match["name"] in ("ignore_errors", "continue-on-error"):
            yield Change(number, f"`{line.strip()}` is new: failures no longer count here.", what=line)


def _never_failing(pair: FilePair) -> Iterator[Change]:
    for number, line in enumerate(pair.head, 1):
        if _NEVER_FAILS.search(line) and _RUNS.search(line) and line not in pair.base:
            old = _NEVER_FAILS.sub("", line).strip()
            was = next((n for n, text in enumerate(pair.base, 1) if text.strip() == old), 0)
            if was:
                yield Change(number, f"`{line.strip()}` no longer fails.", was, what=line)


def _steps(pair: FilePair) -> Iterator[Change]:
    """Tools that the file ran, and no file of the change runs any more."""
    if "workflows/" not in pair.path and not pair.path.endswith((".gitlab-ci.yml", ".pre-commit-config.yaml")):
        return
    tools = {m[1].lower() for line in pair.base if _ran(line) for m in _RUNS.finditer(line)}
    now = "\n".join(
        [*pair.head, *(line for other in pair.others() for line in other.head if "/" in other.path or other.path)]
    ).lower()
    for tool in sorted(tools):
        if tool not in now:
            line = next(n for n, text in enumerate(pair.base, 1) if _ran(text) and tool in text.lower())
            yield Change(_near(pair, line), f"`{tool}` is no longer run.", line, what=tool)


def _ran(line: str) -> bool:
    return (
        re.match(r"\s*(-\s*)?(run|script|uses|id|repo)\s*:|\s*-?\s*(uv run|python -m|hatch|poetry|tox|nox)?\s*\w", line) is not None
        and "#" not in line[:2]
    )


def _selected(pair: FilePair) -> Iterator[Change]:
    """Families of rules that a linter's `select` no longer has."""
    if not pair.path.endswith((".toml", ".cfg", ".ini")):
        return
    before, after = _select(pair.base), _select(pair.head)
    for section, (line, names) in before.items():
        gone = names - after.get(section, (0, names))[1]
        if section in after and gone and "ALL" not in after[section][1]:
            yield Change(after[section][0], f"`select` no longer has {', '.join(sorted(gone))}.", line, what=section)


def _select(lines: list[str]) -> dict[str, tuple[int, set[str]]]:
    found: dict[str, tuple[int, set[str]]] = {}
    section, at = "", 0
    names: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not at and re.match(r"\s*\[[^\"']*\]\s*$", line):
            section = line.strip()
        if not at and re.match(r"\s*(lint\.)?(extend-)?select\s*=\s*\[", line):
            at, names = number, set()
        if at:
            names |= set(_NAMES.findall(line.split("#")[0]))
            if "]" in line.split("#")[0]:
                key = f"{section} {lines[at - 1].split('=')[0].strip()}"
                found[key] = (at, names)
                at = 0
    return found


_CHECKS: tuple[Callable[[FilePair], Iterator[Change]], ...] = (
    _thresholds,
    _strictness,
    _looseness,
    _never_failing,
    _steps,
    _selected,
)
