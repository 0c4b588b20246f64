"""Rows that a retry stores again: what fails after the row is there sends the whole way once more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.refs import last_name

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.walk import Path

_CAN_FAIL = ("net", "net-async", "publish", "proc")
_ANY_ERROR = frozenset({"", "Exception", "BaseException"})
_DATABASE = re.compile(
    r"Integrity|Operational|Deadlock|Serializ|DBAPI|Database|Interface|Unique|Duplicate|StaleData|SQLAlchemy|Lock"
)
_KNOWN = re.compile(r"idempoten|dedup|already|unique_|on_conflict", re.I)
_LOOKS = frozenset(
    "exists filter filter_by get_or_create select_for_update with_for_update update setnx first one_or_none scalar_one_or_none "
    "scalar count fetchone fetchrow fetchval find_one aexists afirst".split()
)
_ERRORS = ("on", "retry", "exception", "autoretry_for", "retry_on_exception", "")


def stored_again(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY005: a retry that somebody asked for covers a row and, behind it, something that can fail."""
    return "" if path.context.sure and _is_repeated(judging, path) else None


def stored_unseen(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY005, less sure: the row is the last that happens, so that only an answer that got lost stores it twice."""
    own = any(_in_transaction(judging, path, number) for number in range(len(path.hops)))
    return (
        ""
        if path.context.sure and path.edges and not own and _is_unnoticed(judging, path) and not _fails_later(judging, path)
        else None
    )


def stored_by_each_delivery(judging: Judging, rule: Rule, path: Path) -> str | None:
    """RTY010: the same in a task that is delivered again after an error."""
    again = any(c.kind == "retry" and not c.sure for c in judging.contexts.of_function(path.hops[0].node))
    return "" if again and _is_repeated(judging, path) else None


def _is_repeated(judging: Judging, path: Path) -> bool:
    """Whether nothing on the way notices the second attempt, and no transaction undoes the first."""
    return _is_unnoticed(judging, path) and _fails_later(judging, path)


def _is_unnoticed(judging: Judging, path: Path) -> bool:
    """Whether nothing on the way knows the second attempt, and the retry is for other errors than those of the database."""
    if any(a.kind in ("except", "memo", "lacking") for site in _sites(path) for a in site.around):
        return False
    if any(_KNOWN.search(judging.graph.project.text_of(hop.node.key)) for hop in path.hops) or _looked_before(path):
        return False
    errors = set(_errors(path))
    return not errors or not all(_DATABASE.search(name) for name in errors)


def _sites(path: Path) -> list[Site]:
    """The site of each hop."""
    return [*(edge.site for edge in path.edges), path.deed.site]


def _looked_before(path: Path) -> bool:
    """Whether a function on the way asks the database, before it goes on, for what may be there already."""
    return any(
        site.kind == "call" and site.line < hop.line and last_name(site.ref) in _LOOKS
        for hop in path.hops
        for site in hop.node.function.sites
    )


def _errors(path: Path) -> Iterator[str]:
    """The last names of the errors after which the retry tries again, as far as it says so."""
    around = path.context.around
    if around is not None:
        for block in _sites(path)[0].around:
            if block.kind == "try":
                yield from block.names
        return
    for _, line, arguments in path.hops[0].node.function.decorators:
        for argument in arguments if line == path.context.line else ():
            if argument.keyword in _ERRORS:
                found = {*_names(argument.ref), *argument.names, *map(last_name, argument.shown)}
                yield from (name for name in found if name[:1].isupper())


def _names(ref: Ref) -> Iterator[str]:
    """The last names of all that a Ref is made of."""
    todo: list[object] = [ref]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple) and part:
            if part[0] in ("name", "attr"):
                yield str(part[-1])
            else:
                todo += part[1:] if isinstance(part[0], str) else part


def _fails_later(judging: Judging, path: Path) -> bool:
    """Whether something inside of the retry comes after the row is committed, and can fail."""
    errors = set(_errors(path))
    databases = not errors or errors & _ANY_ERROR or any(map(_DATABASE.search, errors))
    walk = judging.walk("function", judging.graph.effects.group((*_CAN_FAIL, "change") if databases else _CAN_FAIL))
    outermost = next(
        (n for n, (h, s) in enumerate(zip(path.hops, _sites(path), strict=True)) if _in_transaction(judging, path, n)), None
    )
    for number, hop in enumerate(path.hops):
        if outermost is not None and number > outermost:
            return False
        behind = [d.site for d in walk.deeds(hop.node)]
        behind += [e.site for e in walk.edges(hop.node) if e.site.line > hop.line and walk.down(e.callee)]
        for site in behind:
            inside = number or any(c == path.context for c in judging.contexts.at(hop.node, site))
            if (
                site.line > hop.line
                and inside
                and not _handled(site)
                and not (number == outermost and _shares(judging, path, number, site))
            ):
                return True
    return False


def _handled(site: Site) -> bool:
    """Whether an error at a site is kept, or belongs to what is done after one."""
    return any(a.kind in ("except", "finally") or (a.kind == "try" and _ANY_ERROR & set(a.names)) for a in site.around)


def _transactions(judging: Judging, path: Path, number: int, site: Site) -> list[int]:
    """The lines of the transactions around a site of a hop that lie inside of the retry."""
    found = []
    for context in judging.contexts.at(path.hops[number].node, site):
        if context == path.context and context.around is not None:
            break
        if context.kind == "transaction" and (number or context.around or context.line > path.context.line):
            found.append(context.line)
    return found


def _in_transaction(judging: Judging, path: Path, number: int) -> bool:
    return bool(_transactions(judging, path, number, _sites(path)[number]))


def _shares(judging: Judging, path: Path, number: int, site: Site) -> bool:
    """Whether a site is in the outermost transaction of the row, which it undoes by failing."""
    return _transactions(judging, path, number, _sites(path)[number])[-1] in _transactions(judging, path, number, site)


__all__ = ["stored_again", "stored_by_each_delivery", "stored_unseen"]
