"""Comments that silence a tool."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from guardrail import places
from guardrail.delta.files import Change, FilePair

_QUIET = re.compile(
    r"#\s*(?P<tool>nosec|nosemgrep|noqa|type:\s*ignore|pyright:\s*ignore|pragma:\s*no\s*cover|pylint:\s*disable)(?P<rest>[^#\n]*)(?P<more>#[^\n]*)?$",
    re.I,
)
_CODES = re.compile(r"^\s*[:=]?\s*(?:\[[\w\-, ]+\]|[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*|[\w-]+(?:\s*,\s*[\w-]+)*)?")
_CODE = re.compile(r"\b[A-Z]+\d+\b")
_SECURITY = re.compile(r"\bS\d{3}\b")  # after `noqa`: B is of another plugin there
_STYLE = re.compile(  # how code looks and where it comes from: to silence that hides no defect
    r"(?:E[1-5]\d{2}|E40\d|B950|W\d{3}|D\d{3}|N8\d{2}|I\d{3}|Q\d{3}|F401|unused-ignore|import(?:-not-found|-untyped)?)\Z"
)
_NOT_RUN = re.compile(
    r"\s*(?:from\s|import\s|pass\b|\.\.\.|raise NotImplementedError|if (?:typing\.)?TYPE_CHECKING|if __name__|def __repr__"
    r"|@(?:\w+\.)*(?:overload|abstractmethod)|(?:el)?if sys\.(?:platform|version_info)|else:|except ImportError)"
)


def security(pair: FilePair) -> Iterator[Change]:
    """New comments that silence a security scanner and give no reason."""
    for line, old, found in _new(pair):
        if _is_security(found) and not _reason(found):
            yield Change(
                line,
                f"`{found[0].strip()}` tells a security tool to keep quiet, and gives no reason.",
                old,
                what=pair.head[line - 1],
            )


def others(pair: FilePair) -> Iterator[Change]:
    """New blanket comments, and those on code that base had without them."""
    if places.is_foreign(pair.path) or pair.path.endswith(".pyi"):
        return
    for line, old, found in _new(pair):
        if _is_security(found) or _reason(found) or _of_style(found):
            continue
        if _harmless(pair.path, pair.head[line - 1], found["tool"].lower(), old):
            continue
        if old or not (_codes(found) or "cover" in found["tool"]):
            yield Change(line, f"`{found[0].strip()}` tells a tool to keep quiet.", old, what=pair.head[line - 1])


def _is_security(found: re.Match[str]) -> bool:
    return found["tool"].lower() in ("nosec", "nosemgrep") or (
        found["tool"].lower() == "noqa" and bool(_SECURITY.search(found["rest"]))
    )


def _harmless(path: str, line: str, tool: str, old: int) -> bool:
    """Wrong types in a new test are meant to be wrong; coverage is not about tests, nor about what is never run."""
    if "cover" in tool:
        return places.is_test(path) or _NOT_RUN.match(line) is not None
    return places.is_test(path) and not old and ("type" in tool or "pyright" in tool)


def _of_style(found: re.Match[str]) -> bool:
    codes = re.findall(r"[\w-]+", _codes(found))
    return bool(codes) and all(_STYLE.match(code) for code in codes)


def _codes(found: re.Match[str]) -> str:
    matched = _CODES.match(found["rest"])
    return matched[0].strip(" :=") if matched else ""


def _reason(found: re.Match[str]) -> bool:
    """Whether there are words beyond the codes."""
    rest = _CODES.sub("", found["rest"], count=1) + (found["more"] or "")
    return len(re.findall(r"[A-Za-z]{3,}(?!\w)", _CODE.sub("", rest))) >= 2


def _new(pair: FilePair) -> Iterator[tuple[int, int, re.Match[str]]]:
    """Line of head, line of base that had the code without the comment (0: none), and the comment."""
    if pair.change.base_path is None:
        return
    base = Counter(line.strip() for line in pair.base)
    bare = _bare(pair.base)
    had = Counter(m["tool"].lower() for m in map(_QUIET.search, pair.base) if m)
    now = Counter(m["tool"].lower() for m in map(_QUIET.search, pair.head) if m)
    touched = pair.change.added
    for number, line in enumerate(pair.head, 1):
        found = _QUIET.search(line) if touched is None or number in touched else None
        if found is None or base[line.strip()] or _in_string(line[: found.start()]):
            continue
        code = _QUIET.sub("", line).strip()
        was = bare.get(code, 0) if code else 0
        broadened = was and _QUIET.search(pair.base[was - 1])
        if now[found["tool"].lower()] > had[found["tool"].lower()] or (broadened and _codes(broadened) and not _codes(found)):
            yield number, was, found


def _bare(lines: list[str]) -> dict[str, int]:
    """Code without its comment → its line; code that stands there more than once cannot be told apart."""
    codes = [_QUIET.sub("", line).strip() for line in lines]
    often = Counter(codes)
    return {code: number for number, code in enumerate(codes, 1) if often[code] == 1}


def _in_string(before: str) -> bool:
    return before.count('"') % 2 == 1 or before.count("'") % 2 == 1
