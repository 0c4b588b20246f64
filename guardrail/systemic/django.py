"""What Django's models give without saying so: managers, query sets, related objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from guardrail.index import MODULE
from guardrail.systemic.facts import Function, Module, Ref

if TYPE_CHECKING:
    from guardrail.systemic.resolve import Resolver

QUERYSET = "django.db.models.QuerySet"
MODEL = "django.db.models.Model"
RELATED = f"{QUERYSET}[]"  # of a reverse relation, whose model nobody looked up
_FOREIGN = frozenset({f"django.db.models.{f}" for f in ("ForeignKey", "OneToOneField")})
_MANY = frozenset({"django.db.models.ManyToManyField"})
_MANAGERS = frozenset({"django.db.models.Manager", "django.db.models.manager.Manager"})
_BUILDS = frozenset(
    "all filter exclude order_by annotate select_related prefetch_related distinct only defer using reverse none select_for_update "
    "alias union intersection difference extra active get_queryset".split()
)
_OWN = frozenset("pk id objects save delete refresh_from_db full_clean clean validate_unique".split())
_ROWS = frozenset("values values_list dates datetimes raw".split())
_ONE = frozenset("get first last create earliest latest get_or_none".split())


def attribute(resolver: Resolver, kind: str, line: Sequence[str], name: str, on_class: bool) -> Iterator[str]:
    """What an attribute of a model holds that its class does not declare as an ordinary value."""
    if QUERYSET in line and "[" in kind and name in ("objects",):
        yield kind
    if MODEL not in line:
        return
    if on_class:
        if name == "objects" or name.endswith("_objects"):
            yield f"{QUERYSET}[{kind}]"
        return
    if name.endswith("_set") or _is_reverse(resolver, line, name):
        yield RELATED


def _is_reverse(resolver: Resolver, line: Sequence[str], name: str) -> bool:
    """Whether an attribute of a model that its classes do not declare can only be the other end of a relation."""
    if name in _OWN or name.startswith(("_", "get_")) or name.endswith("_id") or not name.islower():
        return False
    for each in line:
        found = resolver.project.klass(each)
        if found is None and not each.startswith("django.db.models."):
            return False
        if found is not None and (
            name in found[1].values or name in found[1].annotations or f"{found[1].symbol}.{name}" in found[0].functions
        ):
            return False
    return True


def called(resolver: Resolver, name: str, ref: tuple[object, ...], module: Module, function: Function) -> Iterator[str]:
    """What a call of that name gives: fields give what they point to, methods of query sets give query sets or objects."""
    arguments: tuple[Ref, ...] = ref[2]  # type: ignore[assignment]
    _owner, _, method = name.rpartition(".")
    if name in _FOREIGN or name in _MANY:
        for model in _pointed_to(resolver, arguments[0] if arguments else None, module, function):
            yield f"{QUERYSET}[{model}]" if name in _MANY else model
    elif name == "django.shortcuts.get_object_or_404" and arguments:
        for model in resolver.names(arguments[0], module, function):
            if resolver.project.klass(model):
                yield model
        yield from (inner for t in resolver.types(arguments[0], module, function) if (inner := t.partition("[")[2][:-1]))
    elif method in _BUILDS | _ROWS | _ONE:
        func: Ref = ref[1]  # type: ignore[assignment]
        if func is not None and func[0] == "attr":
            yield from _from_queryset(resolver, resolver.types(func[1], module, function), method)


def _from_queryset(resolver: Resolver, kinds: frozenset[str], method: str) -> Iterator[str]:
    for kind in kinds:
        if not is_queryset(resolver, kind):
            continue
        if method in _BUILDS:
            yield f"{QUERYSET}[?]" if kind == RELATED and method != "all" else kind
        elif method in _ROWS:
            yield f"{QUERYSET}[]"
        elif "[" in kind and not kind.endswith(("[]", "[?]")):
            yield kind[kind.index("[") + 1 : -1]


def _pointed_to(resolver: Resolver, ref: Ref, module: Module, function: Function) -> Iterator[str]:
    """The model that a relation names, by itself, by its name in the same module, or as "app.Model"."""
    if ref is None:
        return
    if ref[0] != "text":
        yield from (n for n in resolver.names(ref, module, function) if resolver.project.klass(n))
        return
    name = str(ref[1]).rpartition(".")[2]
    if name in module.classes:
        yield f"{module.name}.{name}"
    elif name == "self":
        yield from [f"{module.name}.{function.owner}"] if function.owner else []
    elif name in module.imports:
        yield resolver.canonical(module.imports[name])


def is_queryset(resolver: Resolver, kind: str) -> bool:
    """Whether a class is a query set or a manager."""
    return any(each in (QUERYSET, *_MANAGERS) for each in resolver.mro(kind))


def is_relation(resolver: Resolver, kind: str, name: str) -> bool:
    """Whether an attribute of a model is a foreign key, whose object is fetched when it is read."""
    line = resolver.mro(kind)
    if MODEL not in line:
        return False
    for each in line:
        found = resolver.project.klass(each)
        if found is not None and name in found[1].values:
            module, owner = found
            own = module.functions[MODULE]
            values = [v for _, v in owner.values[name] if v and v[0] == "call"]
            return any(resolver.names(v[1], module, own) & _FOREIGN for v in values)
    return False
