"""Work that is done once for an object: behind a test of what it keeps in an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.systemic.facts import Function, Ref
from guardrail.systemic.refs import last_name, roots

if TYPE_CHECKING:
    from guardrail.systemic.walk import Path

_OWNERS = frozenset({"self", "cls"})


def is_kept(path: Path) -> bool:
    """Whether a function on the way goes on only while what it keeps is not there: `if self.key is None: self.key = …`."""
    sites = [*(edge.site for edge in path.edges), path.deed.site]
    return any(
        around.kind == "memo" and _lasts(hop.node.function, around.ref)
        for hop, site in zip(path.hops[1:], sites[1:], strict=True)
        for around in site.around
    )


def _lasts(function: Function, ref: Ref) -> bool:
    """Whether something belongs to an object, or was looked up in what belongs to it: `key = self.keys.get(salt)`."""
    if ref is None or ref[0] not in ("name", "attr"):
        return False
    if ref[0] == "attr":
        return bool(roots(ref) & _OWNERS)
    looked = (value for value in function.values.get(str(ref[1]), ()) if value and value[0] == "call")
    return any(last_name(value) == "get" and roots(value[1]) & _OWNERS for value in looked)


__all__ = ["is_kept"]
