"""The sites in the expressions of a function, and what its names are given."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from guardrail.systemic import loops
from guardrail.systemic.facts import Around, Ref, Site
from guardrail.systemic.refs import arguments, first_name, ref

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_GIVEN = 3  # calls around an argument that are remembered


class Open:
    """A function while it is gathered."""

    def __init__(self, symbol: str, owner: str) -> None:
        self.symbol, self.owner = symbol, owner
        self.sites: list[Site] = []
        self.values: dict[str, list[Ref]] = {}
        self.results: list[Ref] = []
        self.generator = False
        self.around: tuple[Around, ...] = ()
        self.given: tuple[Ref, ...] = ()
        self.deferred = False
        self.loops = 0
        self.changes: list[Site] = []
        self.shared: frozenset[str] = frozenset()  # names that are declared `global`
        self.tests: tuple[ast.expr, ...] = ()  # of the `if` and `while` around
        self.few: set[str] = set()  # names of small tuples and dicts
        self.assigned: dict[str, set[Ref]] = {}  # name → its attributes that were given a value, which reading does not fetch


class Expressions:
    """Gathers the sites of the function that is open."""

    def __init__(self, opened: Open) -> None:
        self.open = opened
        self.klass = ""
        self.fields: dict[str, dict[str, list[tuple[str, Ref]]]] = {}
        self.hints: dict[str, dict[str, Ref]] = {}

    def bind(self, target: ast.AST, value: Ref, hint: Ref = None) -> None:
        """Remember what a name, or an attribute of self, is given."""
        if isinstance(target, ast.Name):
            self.open.assigned.pop(target.id, None)
            self.open.few.discard(target.id)
            if self.klass and self.open.symbol == self.klass:
                self.fields[self.klass].setdefault(target.id, []).append((self.klass, value))
                if hint:
                    self.hints[self.klass][target.id] = hint
            for given in (value, ("made", hint) if hint else None):
                if given:
                    self.open.values.setdefault(target.id, []).append(given)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in ("self", "cls"):
            owner = self.open.owner
            if owner in self.fields:
                if hint:
                    self.hints[owner].setdefault(target.attr, hint)
                if value:
                    self.fields[owner].setdefault(target.attr, []).append((self.open.symbol, value))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                self.bind(each, ("part", value) if value else None)

    def iterate(self, node: ast.expr, asynchronous: bool = False) -> None:
        """An iteration: what is iterated over is found first."""
        self.expression(node, awaited=asynchronous)
        target = ref(node)
        if target is not None:
            self.add(Site("iterate", node.lineno, target, awaited=asynchronous))

    def add(self, site: Site) -> None:
        """Add a site where it stands."""
        now = self.open
        self.open.sites.append(replace(site, around=now.around, given_to=now.given, deferred=now.deferred))

    def expression(self, node: ast.AST, awaited: bool = False, used: bool = True) -> None:
        """Find the sites in an expression."""
        if isinstance(node, ast.Call):
            self.call(node, awaited, used)
        elif isinstance(node, ast.Await):
            self.expression(node.value, True, used)
        elif isinstance(node, ast.Lambda):
            held, self.open.deferred = self.open.deferred, True
            self.expression(node.body)
            self.open.deferred = held
        elif isinstance(node, _COMPREHENSIONS):
            self.comprehension(node)
        elif isinstance(node, ast.IfExp):
            self.choice(node)
        elif isinstance(node, ast.Attribute):
            self.attribute(node)
        elif not isinstance(node, (ast.Name, ast.Constant)):
            if isinstance(node, (ast.Yield, ast.YieldFrom)):
                self.open.generator = True
                self.open.results.append(("many", ref(node.value)))
            for child in ast.iter_child_nodes(node):
                self.expression(child)

    def choice(self, node: ast.IfExp) -> None:
        """`x if x is not None else look_up()`: what is looked up only where it is not known yet."""
        self.expression(node.test)
        held = self.open.around
        for part, kind in ((node.body, loops.condition(node.test)), (node.orelse, loops.otherwise(node.test))):
            self.open.around = (Around(kind, part.lineno), *held) if kind in ("memo", "lacking") else held
            self.expression(part)
        self.open.around = held

    def attribute(self, node: ast.Attribute) -> None:
        """A reading of an attribute, which in a loop is remembered."""
        if self.open.loops:
            self.read(node)
        self.through(node)
        self.expression(node.value)

    def through(self, node: ast.Attribute) -> None:
        """Of `order.customer.name` or `order.customer.greet()`, outside of loops, the reading of `order.customer`."""
        inner = node.value
        if not self.open.loops and isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
            self.read(inner)

    def read(self, node: ast.Attribute) -> None:
        """A reading of an attribute that was not given a value just before."""
        found = ref(node)
        if found is not None and found not in self.open.assigned.get(first_name(found), ()):
            self.add(Site("read", node.lineno, found))

    def assign(self, node: ast.Attribute) -> None:
        """An attribute of something that has a name is given a value."""
        found = ref(node)
        if found is not None:
            self.open.assigned.setdefault(first_name(found), set()).add(found)

    def call(self, node: ast.Call, awaited: bool, used: bool) -> None:
        """A call: what it is called on, its arguments, then itself."""
        func = ref(node.func)
        if isinstance(node.func, ast.Attribute):
            self.through(node.func)
            self.expression(node.func.value)
        elif not isinstance(node.func, ast.Name):
            self.expression(node.func)
        held = self.open.given
        self.open.given = (func, *held)[:_GIVEN]
        for each in (*node.args, *(k.value for k in node.keywords)):
            self.expression(each)
        self.open.given = held
        if func is not None:
            site = Site("call", getattr(node.func, "end_lineno", None) or node.lineno, func, awaited=awaited, result_used=used)
            self.add(replace(site, arguments=arguments(node)))

    def comprehension(self, node: Any) -> None:
        """A comprehension: all but its first iterable is run once a turn."""
        held = self.open.around
        for generator in node.generators:
            self.iterate(generator.iter, bool(generator.is_async))
            self.bind(generator.target, ("item", ref(generator.iter)))
            around = loops.around(generator, node.lineno, self.open.few)
            self.open.around = (around, *self.open.around)
            self.open.loops += 1
            for condition in generator.ifs:
                self.expression(condition)
        for each in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.expression(each)
        self.open.around = held
        self.open.loops -= len(node.generators)
