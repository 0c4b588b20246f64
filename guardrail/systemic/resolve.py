"""What class the value of a Ref has at its place. Nothing where that is not known.

A class with elements is written with them in brackets: `list[shop.models.Order]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.index import MODULE
from guardrail.systemic import django
from guardrail.systemic.facts import Class, Function, Module, Ref
from guardrail.systemic.names import EMPTY, NameResolver, Names

_SAME = frozenset("list tuple set frozenset sorted reversed iter enumerate copy cast wraps".split())
_INJECTED = frozenset({"fastapi.Depends", "fastapi.Security", "fastapi.params.Depends"})
_HOLDERS = frozenset("Annotated Optional Union ClassVar Final Mapped Required NotRequired Type type".split())
_MANY = frozenset(
    "list List Sequence Iterable Iterator set Set frozenset tuple Tuple Collection AsyncIterator AsyncIterable Generator "
    "AsyncGenerator QuerySet deque".split()
)


class Resolver(NameResolver):
    """Answers for one project about names and classes."""

    def types(self, ref: Ref, module: Module, function: Function) -> Names:
        """The classes that the value of a Ref may have, without their bases."""
        return self.once(("types", ref, module.path, function.symbol), lambda: self._types(ref, module, function))

    def _types(self, ref: Ref, module: Module, function: Function) -> Iterator[str]:
        if ref is None:
            return
        kind = ref[0]
        if kind == "name":
            yield from self._types_of_name(ref[1], module, function)
        elif kind == "attr":
            yield from self._types_of_attribute(ref, module, function)
        elif kind == "call":
            yield from self._types_of_call(ref, module, function)
        elif kind == "made":
            yield from self.annotated(ref[1], module, function)
        elif kind == "many":
            yield from (f"list[{t}]" for t in self.types(ref[1], module, function))
        elif kind == "item" or (kind == "of" and not ref[3]):
            yield from (_inner(t) for t in self.types(ref[1], module, function) if _inner(t))
        elif kind == "of":
            yield from self.types(ref[1], module, function)
        elif kind == "enter":
            for each in self.types(ref[1], module, function):
                yield from self.library.entered(each) if "[" not in each else [each]
            yield from self._entered_from_generator(ref[1], module, function)
        elif kind == "any":
            for each in ref[1]:
                yield from self.types(each, module, function)

    def _entered_from_generator(self, ref: Ref, module: Module, function: Function) -> Iterator[str]:
        """`with session() as s`, where session is a generator of the project under @contextmanager."""
        for kind in self.types(ref, module, function):
            if kind.startswith("list["):
                yield _inner(kind)

    def _types_of_name(self, name: str, module: Module, function: Function) -> Iterator[str]:
        scope: Function | None = function
        while scope is not None and scope.symbol != MODULE:
            if name in scope.values:
                for value in scope.values[name]:
                    yield from self.types(value, module, scope)
            found = next((p for p in scope.parameters if p[0] == name), None)
            if found is not None:
                yield from self._types_of_parameter(found, module, scope)
            if found is not None or name in scope.values:
                return
            if name == "self":
                break
            scope = module.functions.get(scope.symbol.rpartition(".")[0])
        for each in self._plain(name, module, function):
            yield from self._value_of(each)

    def _types_of_parameter(self, given: tuple[str, Ref, Ref], module: Module, function: Function) -> Iterator[str]:
        name, hint, default = given
        if function.owner and function.parameters and function.parameters[0][0] == name and name in ("self", "cls"):
            yield f"{module.name}.{function.owner}"
            return
        injected = list(self._injected(default, module, function)) if default else []
        if hint is not None and not injected:
            injected = [i for part in (hint[2] if hint[0] == "of" else ()) for i in self._injected(part, module, function)]
        yield from injected
        if hint is not None:
            yield from self.annotated(hint, module, function)

    def _injected(self, ref: Ref, module: Module, function: Function) -> Iterator[str]:
        """What `Depends(get_repository)` hands over."""
        if ref and ref[0] == "call" and ref[2] and self.names(ref[1], module, function) & _INJECTED:
            for name in self.names(ref[2][0], module, function):
                for kind in self.returned(name):
                    yield _inner(kind) if kind.startswith("list[") else kind

    def _value_of(self, name: str) -> Iterator[str]:
        """The classes of what a module-level name holds."""
        yield from self.library.instances(frozenset({name}))
        found = self.project.locate(name)
        if found is not None and found[1] in self.project.values(found[0]):
            own = found[0].functions[MODULE]
            for value in own.values[found[1]]:
                yield from self.types(value, found[0], own)

    def annotated(self, ref: Ref, module: Module, function: Function) -> Iterator[str]:
        """The classes that an annotation allows."""
        if ref is None:
            return
        if ref[0] == "any":
            for each in ref[1]:
                yield from self.annotated(each, module, function)
        elif ref[0] == "of":
            name = (ref[1] or ("",))[-1]
            if name in _HOLDERS:
                for each in ref[2][:1] if name == "Annotated" else ref[2]:
                    yield from self.annotated(each, module, function)
            elif name in _MANY and ref[2]:
                prefix = django.QUERYSET if name == "QuerySet" else "list"
                yield from (f"{prefix}[{t}]" for t in self.annotated(ref[2][0], module, function))
            elif name not in ("dict", "Dict", "Mapping", "Callable"):
                yield from self.annotated(ref[1], module, function)
        elif ref[0] in ("name", "attr"):
            for name in self.names(ref, module, function):
                if name not in ("None", "str", "int", "typing.Any", "bool", "float"):
                    yield name

    def _types_of_attribute(self, ref: tuple[object, ...], module: Module, function: Function) -> Iterator[str]:
        inner, attribute = ref[1], str(ref[2])
        owners = self.types(inner, module, function)  # type: ignore[arg-type]
        for kind in owners:
            yield from self.field(kind, attribute)
        for name in self.names(inner, module, function):  # type: ignore[arg-type]
            yield from self._value_of(f"{name}.{attribute}")
            found = self.project.klass(name)
            if found is not None:
                yield from self.field(name, attribute, on_class=True)

    def field(self, kind: str, attribute: str, on_class: bool = False) -> Iterator[str]:
        """The classes of an attribute of an object of that class."""
        line = self.mro(kind)
        for each in line:
            found = self.project.klass(each)
            if found is None:
                yield from self.library.attribute_types(f"{each}.{attribute}")
                continue
            yield from self._own_field(each, *found, attribute)
        yield from django.attribute(self, kind, line, attribute, on_class)

    def _own_field(self, name: str, module: Module, owner: Class, attribute: str) -> Iterator[str]:
        own = module.functions.get(MODULE, EMPTY)
        if attribute in owner.annotations:
            yield from self.annotated(owner.annotations[attribute], module, own)
        for symbol, value in owner.values.get(attribute, ()):
            yield from self.types(value, module, self.scope_of(module, symbol))
        method = module.functions.get(f"{owner.symbol}.{attribute}")
        if method is not None and is_property(method):
            yield from self.returned(f"{name}.{attribute}")

    def _types_of_call(self, ref: tuple[object, ...], module: Module, function: Function) -> Iterator[str]:
        func: Ref = ref[1]  # type: ignore[assignment]
        arguments: tuple[Ref, ...] = ref[2]  # type: ignore[assignment]
        if func is not None and func[0] == "name" and func[1] in _SAME and arguments:
            yield from self.types(arguments[-1 if func[1] == "cast" else 0], module, function)
            return
        if func == ("name", "super"):
            if function.owner:
                yield from self.mro(f"{module.name}.{function.owner}")[1:2]
            return
        names = self.names(func, module, function)
        for name in names:
            yield from self.returned(name)
            yield from django.called(self, name, ref, module, function)
        if not names:
            for kind in self.types(func, module, function):
                yield from self.returned(f"{kind}.__call__")

    def returned(self, name: str) -> Names:
        """The classes of what a call of that name gives."""
        return self.once(("returned", name), lambda: self._returned(name))

    def _returned(self, name: str) -> Iterator[str]:
        found = self.project.locate(name)
        if found is None or not found[1]:
            known = self.library.returned(name)
            yield from known
            if not known and name.rpartition(".")[2][:1].isupper():
                yield name
            return
        module, symbol = found
        if symbol in module.classes:
            yield f"{module.name}.{symbol}"
            return
        made = module.functions.get(symbol)
        if made is None:
            for value in self.project.values(module).get(symbol, ()):
                for kind in self.types(value, module, module.functions[MODULE]):
                    yield from self.returned(f"{kind}.__call__")
            return
        hinted = list(self.annotated(made.returns, module, made))
        if hinted:
            yield from hinted
            return
        for result in made.results[:4]:
            yield from self.types(result, module, made)


def is_property(function: Function) -> bool:
    """Whether a method is read like an attribute."""
    return any(d and d[-1] in ("property", "cached_property") for d, _, _ in function.decorators)


def _inner(kind: str) -> str:
    inner = kind[kind.index("[") + 1 : -1] if kind.endswith("]") else ""
    return "" if inner == "?" else inner
