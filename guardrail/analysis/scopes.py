"""Which assignments of a slice give a name its meaning where it is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

SCOPES = (
    cst.FunctionDef,
    cst.Lambda,
    cst.ClassDef,
    cst.Module,
    cst.ListComp,
    cst.SetComp,
    cst.DictComp,
    cst.GeneratorExp,
)
BLOCKS = (cst.IndentedBlock, cst.SimpleStatementSuite, cst.Module)
GROWERS = frozenset("append extend add update insert appendleft setdefault write".split())


@dataclass(frozen=True, slots=True)
class Bind:
    """One place where a name gets a value.

    kind: value (of `node`), item (an element of `node`), with (entered `node`), param, import, def, class, except, grow
    (`node` is added to the value: `x += …`), fill (`node` is put into what the name holds: `x[k] = …`, `x.append(…)`).
    """

    kind: str
    node: cst.CSTNode
    order: int
    block: cst.CSTNode
    name: str = ""  # of an import: the qualified name


@dataclass(slots=True)
class Scopes:
    """The bindings of every scope in a slice, by scope and name."""

    binds: dict[int, dict[str, list[Bind]]] = field(default_factory=dict)
    declared: dict[int, set[str]] = field(default_factory=dict)  # `global` and `nonlocal`
    stars: list[str] = field(default_factory=list)
    attributes: dict[str, list[Bind]] = field(default_factory=dict)  # "self.x"

    def add(self, scope: cst.CSTNode, name: str, bind: Bind) -> None:
        """Note one more binding."""
        self.binds.setdefault(id(scope), {}).setdefault(name, []).append(bind)


class Binder:
    """Collects the bindings of a slice in one pass over its nodes."""

    def __init__(self, nodes: list[cst.CSTNode], parents: dict[int, cst.CSTNode], package: str) -> None:
        """`package` is what relative imports are relative to."""
        self.nodes, self.parents, self.package = nodes, parents, package
        self.order = {id(node): i for i, node in enumerate(nodes)}
        self.scopes = Scopes()
        self._scope_of: dict[int, cst.CSTNode] = {}
        self.filled: list[tuple[cst.Name, Bind]] = []

    def collect(self) -> Scopes:
        """All bindings."""
        for node in self.nodes:
            handler = getattr(self, "_" + type(node).__name__, None)
            if handler is not None:
                handler(node)
        for name, bind in self.filled:  # filling binds no name: it goes where the name is bound, if that is in the slice
            scope = self._bound_scope(name)
            if scope is not None:
                self.scopes.add(scope, name.value, bind)
                self.scopes.binds[id(scope)][name.value].sort(key=lambda b: b.order)
        return self.scopes

    def scope_of(self, node: cst.CSTNode) -> cst.CSTNode:
        """The scope that a node stands in; a function's own name, decorators and annotations are outside of it."""
        child, parent = node, self.parents.get(id(node))
        passed = []
        while parent is not None and id(child) not in self._scope_of:
            passed.append(id(child))
            if type(parent) in SCOPES and not self._outside(parent, child):
                break
            child, parent = parent, self.parents.get(id(parent))
        # without a scope it is the root, for labels too: the name of a function or class is in no list of nodes
        found = self._scope_of.get(id(child)) or parent or self.nodes[0]
        self._scope_of.update(dict.fromkeys(passed, found))
        return found

    @staticmethod
    def _outside(scope: cst.CSTNode, child: cst.CSTNode) -> bool:
        if isinstance(scope, cst.FunctionDef):
            return child is not scope.body and child is not scope.params
        return isinstance(scope, cst.ClassDef) and child is not scope.body

    def _block(self, node: cst.CSTNode) -> cst.CSTNode:
        at: cst.CSTNode = node
        while type(at) not in BLOCKS and id(at) in self.parents:
            at = self.parents[id(at)]
        return at

    def _bind(self, kind: str, target: cst.CSTNode, node: cst.CSTNode, name: str = "") -> None:
        if isinstance(target, cst.Name):
            bind = Bind(kind, node, self.order[id(target)], self._block(target), name)
            self.scopes.add(self._home(target), target.value, bind)
        elif isinstance(target, (cst.Tuple, cst.List)):
            self._unpack(kind, target, node)
        elif isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name):
            bind = Bind(kind, node, self.order[id(target)], self._block(target), name)
            self.scopes.attributes.setdefault(f"{target.value.value}.{target.attr.value}", []).append(bind)
            if target.value.value not in ("self", "cls") and kind == "value":
                self._fill(target.value, node, self.order[id(target)])
        elif isinstance(target, cst.Subscript):
            self._fill(target.value, node, self.order[id(target)])

    def _unpack(self, kind: str, target: cst.Tuple | cst.List, node: cst.CSTNode) -> None:
        values = node.elements if isinstance(node, (cst.Tuple, cst.List)) and kind == "value" else ()
        paired = len(values) == len(target.elements) and not any(
            isinstance(e, cst.StarredElement) for e in (*values, *target.elements)
        )
        for i, element in enumerate(target.elements):
            if paired:
                self._bind("value", element.value, values[i].value)
            else:
                self._bind("item", element.value, node)

    def _home(self, name: cst.Name) -> cst.CSTNode:
        scope = self.scope_of(name)
        if isinstance(self.parents.get(id(name)), cst.NamedExpr):  # a walrus in a comprehension binds outside of it
            while not isinstance(scope, (cst.FunctionDef, cst.Lambda, cst.ClassDef, cst.Module)):
                scope = self.scope_of(scope)
        return scope

    # ---- one method for each node type that binds ----

    def _Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._bind("value", target.target, node.value)

    def _AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind("annotated", node.target, node)

    def _AugAssign(self, node: cst.AugAssign) -> None:
        self._bind("grow", node.target, node.value)

    def _NamedExpr(self, node: cst.NamedExpr) -> None:
        self._bind("value", node.target, node.value)

    def _For(self, node: cst.For) -> None:
        self._bind("item", node.target, node.iter)

    def _CompFor(self, node: cst.CompFor) -> None:
        self._bind("item", node.target, node.iter)

    def _WithItem(self, node: cst.WithItem) -> None:
        if node.asname is not None:
            self._bind("with", node.asname.name, node.item)

    def _Param(self, node: cst.Param) -> None:
        self._bind("param", node.name, node)

    def _FunctionDef(self, node: cst.FunctionDef) -> None:
        self.scopes.add(self.scope_of(node), node.name.value, Bind("def", node, self._at(node), self._block(node)))

    def _ClassDef(self, node: cst.ClassDef) -> None:
        self.scopes.add(self.scope_of(node), node.name.value, Bind("class", node, self._at(node), self._block(node)))

    def _ExceptHandler(self, node: cst.ExceptHandler) -> None:
        if node.name is not None and node.type is not None:
            self._bind("except", node.name.name, node.type)

    def _Global(self, node: cst.Global) -> None:
        self.scopes.declared.setdefault(id(self.scope_of(node)), set()).update(n.name.value for n in node.names)

    def _Nonlocal(self, node: cst.Nonlocal) -> None:
        self.scopes.declared.setdefault(id(self.scope_of(node)), set()).update(n.name.value for n in node.names)

    def _Call(self, node: cst.Call) -> None:
        func = node.func
        if isinstance(func, cst.Attribute) and func.attr.value in GROWERS:
            for arg in node.args:
                self._fill(func.value, arg.value, self._at(node))

    def _fill(self, target: cst.CSTNode, node: cst.CSTNode, order: int) -> None:
        if isinstance(target, cst.Name):
            self.filled.append((target, Bind("fill", node, order, self._block(target))))

    def _bound_scope(self, name: cst.Name) -> cst.CSTNode | None:
        scope = self.scope_of(name)
        while name.value not in self.scopes.binds.get(id(scope), {}):
            if isinstance(scope, cst.Module):
                return None
            scope = self.scope_of(scope)
        return scope

    def _Import(self, node: cst.Import) -> None:
        for alias in node.names:
            full = dotted(alias.name)
            if alias.asname is not None:
                self._imported(node, as_name(alias), full)
            else:
                self._imported(node, full.split(".")[0], full.split(".")[0])

    def _ImportFrom(self, node: cst.ImportFrom) -> None:
        base = absolute(node, self.package)
        if isinstance(node.names, cst.ImportStar):
            self.scopes.stars.append(base)
            return
        for alias in node.names:
            local = as_name(alias) if alias.asname is not None else dotted(alias.name)
            self._imported(node, local, f"{base}.{dotted(alias.name)}")

    def _imported(self, node: cst.CSTNode, local: str, full: str) -> None:
        self.scopes.add(self.scope_of(node), local, Bind("import", node, self._at(node), self._block(node), full))

    def _at(self, node: cst.CSTNode) -> int:
        return self.order[id(node)]


def dotted(node: cst.CSTNode | None) -> str:
    """`a.b.c` of a chain of names, "" of anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr.value}" if left else ""
    return ""


def as_name(alias: cst.ImportAlias) -> str:
    """The local name that `as` gives."""
    return dotted(alias.asname.name) if alias.asname is not None else ""


def absolute(node: cst.ImportFrom, package: str) -> str:
    """The module that a `from` import names, relative ones resolved against the package."""
    name = dotted(node.module)
    if not node.relative:
        return name
    parts = package.split(".") if package else []
    up = len(node.relative) - 1
    base = parts[: len(parts) - up] if up else parts
    return ".".join([*base, *([name] if name else [])])


def enclosing_blocks(node: cst.CSTNode, parents: dict[int, cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """The blocks around a node, inside out."""
    at: cst.CSTNode | None = node
    while at is not None:
        if type(at) in BLOCKS:
            yield at
        at = parents.get(id(at))


def bound_value(bind: Bind) -> cst.CSTNode | None:
    """The expression whose value the name gets, None where it gets a part of it or something else."""
    if bind.kind == "value":
        return bind.node
    if bind.kind == "annotated" and isinstance(bind.node, cst.AnnAssign):
        return bind.node.value
    return None
