"""What is known about one definition: its nodes, and what its names, types, constants and user input are.

A `Facts` is made of one slice. What the slice does not hold (module constants, sibling methods, local classes) is asked of its
`FileFacts`, which parses just those statements, once.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from guardrail.analysis import annotations, contexts, taint, values
from guardrail.analysis.library import Library
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import Bind, Binder, dotted, enclosing_blocks
from guardrail.analysis.slices import cut, indent_of, parse, parse_lines, split_lines
from guardrail.analysis.walk import normal, walk
from guardrail.model import Definition, SourceFile

Names = frozenset[str]
Origin = tuple["Facts", Bind]
Located = tuple["Facts", cst.CSTNode]
NOTHING: Names = frozenset()
BUILTINS = frozenset(dir(builtins))
DEPTH = 24  # how many assignments and calls are followed before a name counts as unknown

T = TypeVar("T")


class FileFacts:
    """One file of one side: the facts of its definitions, made when they are asked for."""

    def __init__(self, source: SourceFile, library: Library) -> None:
        """Nothing is parsed yet."""
        self.source, self.library, self.index = source, library, source.index
        self.lines = split_lines(source.text)
        self.depth = 0
        self._slices: dict[int, Facts] = {}
        self._snippets: dict[tuple[int, int], Facts | None] = {}
        self._by_name: dict[tuple[str, str], list[tuple[str, int, int, str]]] = {}
        for b in self.index.bindings:
            scope = b.scope if b.name.partition(".")[0] not in ("self", "cls") else b.scope.rpartition(".")[0]
            self._by_name.setdefault((scope, b.name), []).append((b.kind, b.first, b.last, b.scope))
        self._symbols: dict[str, list[Definition]] = {}
        for definition in self.index.definitions:
            self._symbols.setdefault(definition.symbol, []).append(definition)

    @property
    def package(self) -> str:
        """What relative imports in the file are relative to."""
        if self.index.path.endswith("__init__.py"):
            return self.index.module
        return self.index.module.rpartition(".")[0]

    def facts(self, definition: Definition) -> Facts:
        """The facts of one of the file's definitions; Unreadable where libcst cannot parse it."""
        found = self._slices.get(definition.first if definition.kind != "module" else 0)
        if found is None:
            text, offset = cut(self.lines, definition)
            found = Facts(self, parse(text), offset, definition)
            self._slices[definition.first if definition.kind != "module" else 0] = found
        return found

    def snippet(self, first: int, last: int, header: bool = False) -> Facts | None:
        """The facts of a few lines: a module-level statement, or the header of a definition."""
        if (first, last) not in self._snippets:
            lines = self.lines
            tree = parse_lines(lines, first, last)
            if tree is None and header:
                own = [*lines[first - 1 : last], indent_of(lines[last - 1]) + "        pass"]
                own[-1] = indent_of(lines[first - 1]) + "        pass"
                tree = parse_lines(own, 1, len(own))
            offset = first - 2 if indent_of(lines[first - 1]) else first - 1
            self._snippets[first, last] = None if tree is None else Facts(self, tree, offset, None)
        return self._snippets[first, last]

    def origins(self, scope: str, name: str) -> list[Origin]:
        """The bindings of a module-level name, or of a class attribute (`scope` is the class)."""
        found: list[Origin] = []
        for kind, first, last, _ in self._by_name.get((scope, name), ()):
            facts = self.snippet(first, last, header=kind != "value")
            if facts is not None:
                found.extend((facts, b) for b in facts.own_binds(name))
        return found

    def attribute_origins(self, owner: str, attr: str) -> list[Origin]:
        """Where a class gives its instances an attribute: `self.attr = …` in any method, or in the class body."""
        found: list[Origin] = []
        for root in ("self", "cls"):
            for _, first, _last, scope in self._by_name.get((owner, f"{root}.{attr}"), ()):
                for definition in self._symbols.get(scope, ()):
                    if definition.owns(first):
                        facts = self.facts(definition)
                        binds = facts.scopes.attributes.get(f"{root}.{attr}", ())
                        found.extend((facts, b) for b in binds if (facts, b) not in found)
        return found or self.origins(owner, attr)

    def definition(self, symbol: str) -> Definition | None:
        """The last definition of that symbol."""
        return self._symbols[symbol][-1] if symbol in self._symbols else None

    def local_symbol(self, name: str) -> str | None:
        """The symbol of a qualified name that this very file defines."""
        prefix = self.index.module + "."
        symbol = name[len(prefix) :] if name.startswith(prefix) else name
        return symbol if symbol in self._symbols else None


class Facts:
    """The facts of one slice."""

    def __init__(self, file: FileFacts, tree: cst.Module, offset: int, definition: Definition | None) -> None:
        """`offset` is added to a line of the slice to get a line of the file."""
        self.file, self.tree, self.offset, self.definition = file, tree, offset, definition
        self.nodes, self.parents = walk(tree)
        self._binder = Binder(self.nodes, self.parents, file.package)
        self.scopes = self._binder.collect()
        self.order = self._binder.order
        self._memo: dict[tuple[str, int], object] = {}
        self._busy: set[tuple[str, int]] = set()
        self._positions: dict[cst.CSTNode, CodeRange] | None = None

    # ---- the tree ----

    @property
    def path(self) -> str:
        """The file."""
        return self.file.source.path

    @property
    def library(self) -> Library:
        """What is known of libraries."""
        return self.file.library

    @property
    def owner(self) -> str:
        """The symbol of the class that the definition belongs to (itself for a class), or ""."""
        if self.definition is None:
            return ""
        if self.definition.kind == "class":
            return self.definition.symbol
        return self.definition.symbol.rpartition(".")[0]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The node around a node."""
        return self.parents.get(id(node))

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around a node, inside out."""
        at = self.parents.get(id(node))
        while at is not None:
            yield at
            at = self.parents.get(id(at))

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """The smallest statement that the node stands in."""
        at = node
        while not isinstance(at, (cst.BaseSmallStatement, cst.BaseCompoundStatement)) and id(at) in self.parents:
            at = self.parents[id(at)]
        return at

    def is_target(self, node: cst.CSTNode) -> bool:
        """Whether the node is what an assignment assigns to."""
        parent = self.parent(node)
        return isinstance(parent, cst.AssignTarget) or (isinstance(parent, cst.AnnAssign) and parent.target is node)

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | cst.Lambda | None:
        """The innermost function whose body the node stands in."""
        scope = self._binder.scope_of(node)
        while not isinstance(scope, (cst.FunctionDef, cst.Lambda, cst.Module)):
            scope = self._binder.scope_of(scope)
        return None if isinstance(scope, cst.Module) else scope

    def code(self, node: cst.CSTNode) -> str:
        """The source text of a node."""
        return self.tree.code_for_node(node).strip()

    def normal(self, node: cst.CSTNode) -> str:
        """The node's normal form, the same after reformatting."""
        return normal(node)

    def match(self, node: cst.CSTNode, message: str = "") -> Match:
        """A match made by a check."""
        return Match(self, node, {}, message)

    def span(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """First line, column, last line, column (1-based, end exclusive) of a node in its file; of a block its header."""
        if self._positions is None:
            wrapper = MetadataWrapper(self.tree, unsafe_skip_copy=True)
            self._positions = dict(wrapper.resolve(PositionProvider))
        where = self._positions[node]
        start, end = where.start, where.end
        if isinstance(getattr(node, "body", None), (cst.IndentedBlock, cst.SimpleStatementSuite)):
            line = self.file.lines[start.line + self.offset - 1]
            return start.line + self.offset, start.column + 1, start.line + self.offset, len(line.rstrip()) + 1
        return start.line + self.offset, start.column + 1, end.line + self.offset, end.column + 1

    # ---- names ----

    def own_binds(self, name: str) -> list[Bind]:
        """The bindings of a name that a snippet makes at its outermost level."""
        return self.scopes.binds.get(id(self.tree), {}).get(name, [])

    def origins(self, name: cst.Name) -> list[Origin]:
        """The bindings that may give the name its value here."""
        first = scope = self._binder.scope_of(name)
        while not (isinstance(scope, cst.Module) and not self._is_module()):
            binds = self.scopes.binds.get(id(scope), {}).get(name.value)
            visible = scope is first or not isinstance(scope, cst.ClassDef)
            if binds and visible and name.value not in self.scopes.declared.get(id(scope), ()):
                return [(self, b) for b in self._reaching(binds, name, scope is first)]
            if isinstance(scope, cst.Module):
                break
            scope = self._binder.scope_of(scope)
        return self.file.origins("<module>", name.value)

    def _is_module(self) -> bool:
        return self.definition is not None and self.definition.kind == "module"

    def _reaching(self, binds: list[Bind], use: cst.Name, same_scope: bool) -> list[Bind]:
        if not same_scope:
            return binds
        at = self.order[id(use)]
        around = {id(block) for block in enclosing_blocks(use, self.parents)}
        found = []
        for bind in reversed(binds):
            if bind.order < at:
                found.append(bind)
                if bind.kind != "grow" and id(bind.block) in around:
                    break
        return found or binds

    def deref(self, node: cst.CSTNode) -> Located | None:
        """The one expression that a name or `self` attribute stands for, where there is just one."""
        origins: list[Origin] = []
        if isinstance(node, cst.Name):
            origins = self.origins(node)
        elif isinstance(node, cst.Attribute) and dotted(node.value) in ("self", "cls"):
            origins = self.attribute_origins(node.attr.value)
        if len(origins) != 1:
            return None
        facts, bind = origins[0]
        value = bound_value(bind)
        return (facts, value) if value is not None else None

    def attribute_origins(self, attr: str) -> list[Origin]:
        """Where the class of this definition gives itself the attribute."""
        return self.file.attribute_origins(self.owner, attr) if self.owner else []

    def names(self, node: cst.CSTNode | None) -> Names:
        """The qualified names that an expression may go by: `requests.get`, `redis.Redis.get`, `builtins` plainly as `open`."""
        if not isinstance(node, (cst.Name, cst.Attribute)):
            return NOTHING
        return self._once("names", node, lambda: self._names(node), NOTHING)

    def _names(self, node: cst.Name | cst.Attribute) -> Names:
        canonical = self.library.canonical
        if isinstance(node, cst.Attribute):
            attr = node.attr.value
            owners = self.names(node.value) | self.types(node.value)
            found = {canonical(f"{owner}.{attr}") for owner in owners}
            if dotted(node.value) in ("self", "cls"):
                found.update(*(f._bound_names(b) for f, b in self.attribute_origins(attr)))
            return frozenset(found)
        origins = self.origins(node)
        if origins:
            return frozenset().union(*(facts._bound_names(bind) for facts, bind in origins))
        name = node.value
        if name in self.file.index.imports:
            return frozenset({canonical(self.file.index.imports[name])})
        if name in BUILTINS:
            return frozenset({name})
        stars = (*self.file.index.stars, *self.scopes.stars)
        return frozenset({canonical(f"{star}.{name}") for star in stars}) or frozenset({name})

    def _bound_names(self, bind: Bind) -> Names:
        if bind.kind == "import":
            return frozenset({self.library.canonical(bind.name)})
        if bind.kind in ("def", "class") and isinstance(bind.node, (cst.FunctionDef, cst.ClassDef)):
            return frozenset({f"{self.file.index.module}.{bind.node.name.value}"})
        value = bound_value(bind)
        if isinstance(value, cst.IfExp):
            return self.names(value.body) | self.names(value.orelse)
        return self.names(value) if isinstance(value, (cst.Name, cst.Attribute)) else NOTHING

    # ---- types ----

    def types(self, node: cst.CSTNode | None) -> Names:
        """The qualified names of the classes that an expression's value may have, bases included."""
        if node is None:
            return NOTHING
        return self._once("types", node, lambda: self._types(node), NOTHING)

    def _types(self, node: cst.CSTNode) -> Names:
        if isinstance(node, cst.Name):
            found = frozenset().union(*(f._bound_types(b) for f, b in self.origins(node)), NOTHING)
            return found or self.library.instances(self.names(node))
        if isinstance(node, cst.Attribute):
            return self._attribute_types(node)
        if isinstance(node, cst.Call):
            return self._call_types(node)
        if isinstance(node, cst.Await):
            return self.types(node.expression)
        if isinstance(node, cst.NamedExpr):
            return self.types(node.value)
        if isinstance(node, cst.IfExp):
            return self.types(node.body) | self.types(node.orelse)
        if isinstance(node, cst.BooleanOperation):
            return self.types(node.left) | self.types(node.right)
        return annotations.literal_types(node)

    def _attribute_types(self, node: cst.Attribute) -> Names:
        attr = node.attr.value
        if dotted(node.value) in ("self", "cls"):
            found = frozenset().union(*(f._bound_types(b) for f, b in self.attribute_origins(attr)), NOTHING)
            if found:
                return found
            if attr == "request" and self.owner:
                return self.library.request_types(self.file.index)
        owners = self.types(node.value)
        known = frozenset().union(*(self.library.attribute_types(f"{o}.{attr}") for o in owners), NOTHING)
        for owner in owners:
            symbol = self.file.local_symbol(owner)
            if symbol:
                known |= frozenset().union(
                    *(f._bound_types(b) for f, b in self.file.attribute_origins(symbol, attr)), NOTHING
                )
        return known or self.library.instances(self.names(node))

    def _call_types(self, node: cst.Call) -> Names:
        found: set[str] = set()
        for name in self.names(node.func):
            returned = self.library.returned(name)
            symbol = self.file.local_symbol(name)
            definition = self.file.definition(symbol) if symbol else None
            if returned:
                found |= returned
            elif definition is not None and symbol is not None:
                found |= self._made_by(definition, symbol)
            elif name.rpartition(".")[2][:1].isupper():
                found |= self.library.with_bases(name)
        return frozenset(found)

    def _made_by(self, definition: Definition, symbol: str) -> Names:
        if definition.kind == "class":
            return self.class_types(symbol)
        facts = self.file.snippet(definition.first, definition.header, header=True)
        if facts is None:
            return NOTHING
        defs = [n for n in facts.nodes if isinstance(n, cst.FunctionDef)]
        if not defs or defs[0].returns is None:
            return NOTHING
        return annotations.annotated(facts, defs[0].returns.annotation)

    def class_types(self, symbol: str) -> Names:
        """The names of a class of this file and of all its bases, as far as they are known."""
        found = {f"{self.file.index.module}.{symbol}"}
        definition = self.file.definition(symbol)
        facts = definition and self.file.snippet(definition.first, definition.header, header=True)
        if facts:
            for node in facts.nodes:
                if isinstance(node, cst.ClassDef):
                    for base in node.bases:
                        found |= facts._once("base", base, lambda b=base: facts._base_types(b), NOTHING)  # type: ignore[misc]
                    break
        return frozenset(found)

    def _base_types(self, base: cst.Arg) -> Names:
        value = base.value.value if isinstance(base.value, cst.Subscript) else base.value
        found: set[str] = set()
        for name in self.names(value):
            symbol = self.file.local_symbol(name)
            found |= self.class_types(symbol) if symbol else self.library.with_bases(name)
        return frozenset(found)

    def _bound_types(self, bind: Bind) -> Names:
        if bind.kind == "param" and isinstance(bind.node, cst.Param):
            return annotations.param_types(self, bind.node)
        if bind.kind == "annotated" and isinstance(bind.node, cst.AnnAssign):
            return annotations.annotated(self, bind.node.annotation.annotation) or self.types(bind.node.value)
        if bind.kind == "with":
            entered = self.types(bind.node)
            return frozenset().union(*(self.library.entered(t) for t in entered), NOTHING)
        if bind.kind == "item":
            return annotations.element_types(self, bind.node)
        if bind.kind == "except":
            return self.names(bind.node)
        if bind.kind == "import":
            return self.library.instances(frozenset({self.library.canonical(bind.name)}))
        return self.types(bound_value(bind))

    # ---- values ----

    def constants(self, node: cst.CSTNode) -> tuple[object, ...]:
        """The values that an expression may have, () where one of them is not known."""
        return self._once("constants", node, lambda: values.constants(self, node), ())

    def constant(self, node: cst.CSTNode) -> object:
        """The one value that an expression has, `values.UNKNOWN` where it is not known."""
        found = self.constants(node)
        return found[0] if len(found) == 1 else values.UNKNOWN

    def dynamic(self, node: cst.CSTNode) -> bool:
        """Whether the expression is a string put together from parts that are not literal."""
        return self._once("dynamic", node, lambda: values.dynamic(self, node), False)

    def secret(self, node: cst.CSTNode) -> bool:
        """Whether the expression is named like a credential."""
        return self._once("secret", node, lambda: values.secret(self, node), False)

    def tainted(self, node: cst.CSTNode) -> bool:
        """Whether user input may be in the value of the expression."""
        return self._once("tainted", node, lambda: taint.tainted(self, node), False)

    def contexts(self, node: cst.CSTNode) -> frozenset[str]:
        """The contexts that the node stands in: async, loop, lock, transaction, retry, except, handler, test."""
        return self._once("contexts", node, lambda: contexts.contexts(self, node), NOTHING)

    def _once(self, what: str, node: cst.CSTNode, work: Callable[[], T], unknown: T) -> T:
        """The remembered answer; `unknown` while it is being found out (recursion) or when it goes too deep."""
        key = (what, id(node))
        if key in self._memo:
            return self._memo[key]  # type: ignore[return-value]
        if key in self._busy or self.file.depth > DEPTH:
            return unknown
        self._busy.add(key)
        self.file.depth += 1
        try:
            answer = work()
        finally:
            self._busy.discard(key)
            self.file.depth -= 1
        self._memo[key] = answer
        return answer


def bound_value(bind: Bind) -> cst.CSTNode | None:
    """The expression whose value the name gets, None where it gets a part of it or something else."""
    if bind.kind == "value":
        return bind.node
    if bind.kind == "annotated" and isinstance(bind.node, cst.AnnAssign):
        return bind.node.value
    return None
