"""What is known about one slice: its nodes, and what its names, types, constants and user input are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

import libcst as cst
from libcst.metadata import CodeRange

from guardrail.analysis import contexts, naming, strings, taint, types, values
from guardrail.analysis.match import Match
from guardrail.analysis.positions import positions
from guardrail.analysis.scopes import Bind, Binder, bound_value, dotted, enclosing_blocks
from guardrail.analysis.walk import normal, walk

if TYPE_CHECKING:
    from guardrail.analysis.files import FileFacts
    from guardrail.analysis.library import Library
    from guardrail.model import Definition

Names = frozenset[str]
Origin = tuple["Facts", Bind]
Located = tuple["Facts", cst.CSTNode]
NOTHING: Names = frozenset()
_DOT = r"(?:\.\s*|^\s*)"  # before an attribute; it may stand at the end of the line above
DEPTH = 24  # how many assignments and calls are followed before a name counts as unknown

T = TypeVar("T")


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
        self._positions: Mapping[cst.CSTNode, CodeRange] | None = None

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
        return _plain_code(node) or self.tree.code_for_node(node).strip()

    def normal(self, node: cst.CSTNode) -> str:
        """The node's normal form, the same after reformatting."""
        return normal(node)

    def match(self, node: cst.CSTNode, message: str = "") -> Match:
        """A match made by a check."""
        return Match(self, node, {}, message)

    def span(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        """First line, column, last line, column (1-based, end exclusive) of a node in its file; of a block its header."""
        if self._positions is None:
            self._positions = positions(self.tree)
        where = self._positions[node]
        start, end = where.start, where.end
        if isinstance(getattr(node, "body", None), (cst.IndentedBlock, cst.SimpleStatementSuite)):
            line = self.file.lines[start.line + self.offset - 1]
            return start.line + self.offset, start.column + 1, start.line + self.offset, len(line.rstrip()) + 1
        return start.line + self.offset, start.column + 1, end.line + self.offset, end.column + 1

    def line(self, node: cst.CSTNode) -> int:
        """The line of a name or a chain of names; without positions where its last word stands on one line only."""
        word = node.value if isinstance(node, cst.Name) else node.attr.value if isinstance(node, cst.Attribute) else ""
        if self._positions is None and self.definition is not None and word:
            first, last = self.definition.first, self.definition.last
            stands = re.compile(rf"{_DOT if isinstance(node, cst.Attribute) else ''}\b{re.escape(word)}\b").search
            rows = [n for n in range(first, last + 1) if stands(self.file.lines[n - 1]) and self.definition.owns(n)]
            if len(rows) == 1:
                return rows[0]
        return self.span(node)[0]

    # ---- names ----

    def own_binds(self, name: str) -> list[Bind]:
        """The bindings of a name that a snippet makes at its outermost level."""
        return self.scopes.binds.get(id(self.tree), {}).get(name, [])

    def origins(self, name: cst.Name) -> list[Origin]:
        """The bindings that may give the name its value here."""
        if id(name) not in self.parents:
            return []  # a label, such as the name of a `def`, stands in no scope
        first = scope = self._binder.scope_of(name)
        while not (isinstance(scope, cst.Module) and not self._is_module()):
            binds = self.scopes.binds.get(id(scope), {}).get(name.value)
            visible = scope is first or not isinstance(scope, cst.ClassDef)
            if binds and visible and name.value not in self.scopes.declared.get(id(scope), ()):
                return [(self, b) for b in self._reaching(binds, name, scope is first)]
            outer = self._binder.scope_of(scope)
            if isinstance(scope, cst.Module) or outer is scope:  # the name of a definition itself stands in no scope
                break
            scope = outer
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
                if bind.kind not in ("grow", "fill") and id(bind.block) in around:
                    break
        return found or binds

    def deref(self, node: cst.CSTNode) -> Located | None:
        """The one expression that a name or `self` attribute stands for, where there is just one."""
        origins: list[Origin] = []
        if isinstance(node, cst.Name):
            origins = self.origins(node)
        elif isinstance(node, cst.Attribute) and dotted(node.value) in ("self", "cls"):
            origins = self.attribute_origins(node.attr.value)
        origins = [(facts, bind) for facts, bind in origins if bind.kind != "fill"]
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
        return self.once("names", node, lambda: naming.names(self, node), NOTHING)

    def types(self, node: cst.CSTNode | None) -> Names:
        """The qualified names of the classes that an expression's value may have, bases included."""
        if node is None:
            return NOTHING
        return self.once("types", node, lambda: types.types(self, node), NOTHING)

    def class_types(self, symbol: str) -> Names:
        """The names of a class of this file and of all its bases, as far as they are known."""
        return types.class_types(self, symbol)

    # ---- values ----

    def constants(self, node: cst.CSTNode) -> tuple[object, ...]:
        """The values that an expression may have, () where one of them is not known."""
        return self.once("constants", node, lambda: values.constants(self, node), ())

    def constant(self, node: cst.CSTNode) -> object:
        """The one value that an expression has, `values.UNKNOWN` where it is not known."""
        found = self.constants(node)
        return found[0] if len(found) == 1 else values.UNKNOWN

    def dynamic(self, node: cst.CSTNode) -> bool:
        """Whether the expression is a string put together from parts that are not literal."""
        return self.once("dynamic", node, lambda: strings.dynamic(self, node), False)

    def secret(self, node: cst.CSTNode) -> bool:
        """Whether the expression is named like a credential."""
        return self.once("secret", node, lambda: values.secret(self, node), False)

    def tainted(self, node: cst.CSTNode) -> bool:
        """Whether user input may be in the value of the expression."""
        return self.once("tainted", node, lambda: taint.tainted(self, node), False)

    def dead(self, node: cst.CSTNode) -> bool:
        """Whether the node stands in a branch that is never taken: of `if False:`, or the `else` of `if True:`."""
        child = node
        for around in self.ancestors(node):
            if isinstance(around, cst.If) and isinstance(around.test, cst.Name) and child is not around.test:
                taken = around.body if around.test.value == "True" else around.orelse if around.test.value == "False" else child
                if child is not taken:
                    return True
            child = around
        return False

    def contexts(self, node: cst.CSTNode) -> frozenset[str]:
        """The contexts that the node stands in: async, loop, lock, transaction, retry, except, handler, test."""
        return self.once("contexts", node, lambda: contexts.contexts(self, node), NOTHING)

    def once(self, what: str, node: cst.CSTNode, work: Callable[[], T], unknown: T) -> T:
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


def _plain_code(node: cst.CSTNode) -> str:
    """The text of a plain name or a chain of such, much quicker than libcst gives it; "" of anything else."""
    if isinstance(node, cst.Name):
        return "" if node.lpar else node.value
    if isinstance(node, cst.Attribute) and not node.lpar and node.dot.whitespace_before.empty and node.dot.whitespace_after.empty:
        left = _plain_code(node.value)
        return f"{left}.{node.attr.value}" if left else ""
    return ""
