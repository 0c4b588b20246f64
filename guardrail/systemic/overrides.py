"""Methods of subclasses that a call on an object of a base class may reach."""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.index import MODULE
from guardrail.systemic.facts import Function, Module, Ref, Site
from guardrail.systemic.project import Key
from guardrail.systemic.refs import last_name
from guardrail.systemic.resolve import Resolver

SUBCLASSES = 24  # of one class that are looked at
_LEVELS = 4  # of inheritance that are followed down
_ABSTRACT = frozenset({"abstractmethod", "abstractproperty"})


class Overrides:
    """Answers for one project; subclasses are found by a search for the name of the class."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver, self.project = resolver, resolver.project
        self._below: dict[str, tuple[str, ...]] = {}

    def of(self, site: Site, callee: Key, module: Module, function: Function) -> Iterator[tuple[Key, Function]]:
        """The methods that may run in place of the one that a site names, by its place."""
        owner, _, method = callee[1].rpartition(".")
        home = self.project.module(callee[0])
        if owner not in home.classes or site.ref is None or site.ref[0] != "attr" or method.startswith("__"):
            return
        if not is_empty(home.functions[callee[1]]) and not self._is_declared(site.ref[1], module, function):
            return
        for name in self.below(f"{home.name}.{owner}"):
            found = self.project.klass(name)
            symbol = f"{found[1].symbol}.{method}" if found else ""
            if found and symbol in found[0].functions:
                yield (found[0].path, symbol), found[0].functions[symbol]

    def _is_declared(self, ref: Ref, module: Module, function: Function) -> bool:
        """Whether the class of an object is only known from an annotation, so that it may be a subclass."""
        if ref is None:
            return False
        if ref[0] == "name":
            return ref[1] not in function.values and any(name == ref[1] and hint for name, hint, _ in function.parameters)
        if ref[0] != "attr" or ref[1] != ("name", "self") or function.owner not in module.classes:
            return False
        owner = module.classes[function.owner]
        given = ((module.functions.get(symbol), value) for symbol, value in owner.values.get(ref[2], ()))
        return ref[2] in owner.annotations or any(f and self._is_declared(v, module, f) for f, v in given if v and v[0] == "name")

    def below(self, kind: str) -> tuple[str, ...]:
        """The subclasses of a class of the project, at most so many."""
        if kind not in self._below:
            found: dict[str, None] = {}
            level = [kind]
            for _ in range(_LEVELS):
                level = [name for each in level[:SUBCLASSES] for name in self._directly(each) if name not in found]
                found.update(dict.fromkeys(level))
            if len(found) > SUBCLASSES:
                self.project.limits.add(f"of the subclasses of `{kind}` {SUBCLASSES} were looked at")
            if any(name not in found for each in level[:SUBCLASSES] for name in self._directly(each)):
                self.project.limits.add(f"subclasses of `{kind}` were looked for over {_LEVELS} levels, and there are more")
            self._below[kind] = tuple(found)[:SUBCLASSES]
        return self._below[kind]

    def _directly(self, kind: str) -> Iterator[str]:
        last = kind.rpartition(".")[2]
        for module in self.project.deriving(last):
            own = module.functions.get(MODULE)
            for found in module.classes.values() if own else ():
                bases = [b[1] if b and b[0] == "of" else b for b in found.bases]
                if own and any(last_name(b) == last and kind in self.resolver.names(b, module, own) for b in bases):
                    yield f"{module.name}.{found.symbol}"


def is_empty(function: Function) -> bool:
    """Whether a method has no body of its own: abstract, or only there to be overridden."""
    return function.empty or any(last_name(ref) in _ABSTRACT for ref, _, _ in function.decorators)


__all__ = ["Overrides", "is_empty"]
