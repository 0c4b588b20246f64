"""Routes that clients know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from guardrail import places
from guardrail.delta.files import Change, FilePair

_DECORATED = re.compile(
    r"^\s*@\w+(?:\.\w+)*\.(?P<method>get|post|put|patch|delete|websocket|route|api_route)\(\s*[\"'](?P<path>[^\"']*)[\"']", re.M
)
_LISTED = re.compile(
    r"\b(?P<method>path|re_path|Route|WebSocketRoute|add_url_rule|add_api_route)\(\s*r?[\"'](?P<path>[^\"']*)[\"']"
)
_TEXTS = re.compile(r"(\"{3}|'{3})[\s\S]*?\1")  # an example in a docstring is no route
_ASKED = re.compile(r"\bmethods\s*=\s*[\[({]([^\])}]*)")


def gone(pair: FilePair) -> Iterator[Change]:
    """Routes of base that no file of the change has at head."""
    if places.is_test(pair.path) or places.is_script(pair.path) or pair.change.base_path is None:
        return
    before = _routes(pair.base)
    if not before:
        return
    now = set(_routes(pair.head)) | {route for other in pair.others() for route in _routes(other.head)}
    fresh = [route for route in now if route not in before]
    for (method, path), line in before.items():
        if (method, path) in now:
            continue
        became = next((f"{m} {p}" for m, p in fresh if m == method or p == path), "none")
        yield Change(
            _near(pair, line),
            f"The route {method} {path or '(empty)'} is gone ({method} {path} → {became}).",
            line,
            what=f"{method} {path}",
        )


def _routes(lines: list[str]) -> dict[tuple[str, str], int]:
    """Method and path of each route → its line; `route` is what its `methods=` says, and else `get`."""
    found: dict[tuple[str, str], int] = {}
    code = _TEXTS.sub(lambda m: "\n" * m[0].count("\n"), "\n".join(lines)).split("\n")
    for number, line in enumerate(code, 1):
        if match := _DECORATED.match(line) or (None if line.lstrip().startswith("#") else _LISTED.search(line)):
            for method in _methods(match["method"], " ".join(code[number - 1 : number + 4])):
                found.setdefault((method, match["path"]), number)
    return found


def _methods(name: str, decorator: str) -> list[str]:
    if name not in ("route", "api_route", "add_url_rule", "add_api_route"):
        return [name]
    given = _ASKED.search(decorator.partition("def ")[0])
    return sorted(re.findall(r"\w+", given[1].lower())) if given else ["get"]


def _near(pair: FilePair, line: int) -> int:
    """The line of head that holds what stood below the route, else its old line."""
    below = next((text for text in pair.base[line : line + 4] if text.strip().startswith(("def ", "async def "))), None)
    found = [n for n, text in enumerate(pair.head, 1) if below is not None and text.startswith(below.split("(")[0] + "(")]
    if found:
        return found[0]
    return max(1, min(line, len(pair.head)))
