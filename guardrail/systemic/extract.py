"""Source text → Module: one pass over the syntax tree, in which functions, classes and sites are gathered."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from guardrail.index import MODULE
from guardrail.model import Unreadable
from guardrail.source import first_line, header_line, normalise_newlines, parse
from guardrail.systemic import changes, loops
from guardrail.systemic.expressions import Expressions, Open
from guardrail.systemic.facts import Around, Class, Function, Module, Ref, Site
from guardrail.systemic.refs import annotation, arguments, held, last_name, pairs, ref

_TESTS = 4  # conditions around a statement that are remembered


def extract(path: str, name: str, text: str) -> Module:
    """The facts of one file, given its dotted name; an empty Module where it cannot be read."""
    text = normalise_newlines(text)
    try:
        tree = parse(text)
        gathering = _Gathering(path, name, ["", *text.split("\n")])
        gathering.module(tree)
    except (Unreadable, RecursionError, AttributeError):  # AttributeError: a stand-in of syntax that ast does not know
        return Module(path, name)
    return gathering.finished()


class _Gathering(Expressions):
    def __init__(self, path: str, name: str, lines: list[str]) -> None:
        super().__init__(Open(MODULE, ""))
        self.path, self.name, self.lines = path, name, lines
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, Class] = {}
        self.imports: dict[str, str] = {}
        self.stars: list[str] = []

    def finished(self) -> Module:
        """All that was gathered."""
        classes = {
            symbol: replace(c, values={k: tuple(v) for k, v in self.fields[symbol].items()}, annotations=self.hints[symbol])
            for symbol, c in self.classes.items()
        }
        return Module(self.path, self.name, self.functions, classes, self.imports, tuple(self.stars), self.mentions())

    def mentions(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """The words that may name what a site calls, with the function and the number of the site."""
        found: dict[str, list[tuple[str, int]]] = {}
        for symbol, function in self.functions.items():
            for number, site in enumerate(function.sites):
                for word in {last_name(site.ref), *(last_name(a.ref) for a in site.arguments)} - {""}:
                    found.setdefault(word, []).append((symbol, number))
        return {word: tuple(places) for word, places in sorted(found.items())}

    def module(self, tree: ast.Module) -> None:
        self.block(tree.body)
        self.functions[MODULE] = self.closed(self.open, (1, 1, len(self.lines) - 1))

    def closed(self, done: Open, lines: tuple[int, int, int], **more: Any) -> Function:
        values = {name: tuple(refs) for name, refs in done.values.items()}
        given: dict[str, Any] = {"results": tuple(done.results), "values": values, "sites": tuple(done.sites), **more}
        given["changes"] = tuple(done.changes)
        return Function(done.symbol, *lines, generator=done.generator, owner=done.owner, **given)

    # ---- statements ------------------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> None:
        held = self.open.around
        for node in body:
            self.statement(node)
            if (asked := loops.guard(node)) and asked[0] == "name":
                self.open.around = (Around("given", node.lineno, asked), *self.open.around)
        self.open.around = held

    def within(self, around: Around | None, body: Iterable[ast.stmt]) -> None:
        """A block in one more circumstance."""
        if around is None:
            self.block(body)
            return
        held = self.open.around
        self.open.around = (around, *held)
        self.open.loops += around.kind == "loop"
        self.block(body)
        self.open.loops -= around.kind == "loop"
        self.open.around = held

    def statement(self, node: ast.stmt) -> None:
        for target in changes.changed(node):
            self.change(node, target)
        special = getattr(self, f"on_{type(node).__name__}", None)
        if special is not None:
            special(node)
            return
        for _, value in ast.iter_fields(node):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.stmt):
                    self.statement(child)
                elif isinstance(child, ast.match_case):
                    self.block(child.body)
                elif isinstance(child, ast.AST):
                    self.expression(child)

    def change(self, node: ast.stmt, target: ast.expr) -> None:
        """Remember a change of what others may hold: one inside of a `with`, or one in two steps."""
        self.open.few -= {target.id} if isinstance(target, ast.Name) else set()
        changed = changes.target_of(node, target, self.open.shared)
        twice = changed is not None and changes.in_two_steps(node, target, self.open.tests)
        if changed is not None and (twice or any(a.kind == "with" for a in self.open.around)):
            self.open.changes.append(Site("change", node.lineno, changed, self.open.around, deferred=twice))

    def on_Global(self, node: ast.Global) -> None:
        self.open.shared |= frozenset(node.names)

    def on_FunctionDef(self, node: Any) -> None:
        outer, klass = self.open, self.klass
        decorators = tuple(
            (ref(d.func if isinstance(d, ast.Call) else d), d.lineno, arguments(d) if isinstance(d, ast.Call) else ())
            for d in node.decorator_list
        )
        for each in (*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)):
            self.expression(each)
        prefix = klass or ("" if outer.symbol == MODULE else outer.symbol)
        self.open, self.klass = Open(f"{prefix}.{node.name}" if prefix else node.name, klass), ""
        self.block(node.body)
        lines = (first_line(node, self.lines), header_line(node, self.lines), node.end_lineno)
        self.functions[self.open.symbol] = self.closed(
            self.open,
            lines,
            asynchronous=isinstance(node, ast.AsyncFunctionDef),
            decorators=decorators,
            parameters=_parameters(node.args),
            returns=annotation(node.returns),
            empty=all(_says_nothing(s) for s in node.body),
            off=frozenset(_off(node.args)),
            positional=len(node.args.posonlyargs) + len(node.args.args),
        )
        self.open, self.klass = outer, klass

    on_AsyncFunctionDef = on_FunctionDef

    def on_ClassDef(self, node: ast.ClassDef) -> None:
        outer, klass = self.open, self.klass
        prefix = klass or ("" if outer.symbol == MODULE else outer.symbol)
        symbol = f"{prefix}.{node.name}" if prefix else node.name
        self.classes[symbol] = Class(
            symbol, node.lineno, tuple(ref(b) for b in node.bases), decorators=tuple(ref(d) for d in node.decorator_list)
        )
        self.fields[symbol], self.hints[symbol] = {}, {}
        self.open, self.klass = Open(symbol, symbol), symbol
        self.block(node.body)
        self.open, self.klass = outer, klass

    def on_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imports.setdefault(
                alias.asname or alias.name.split(".")[0], alias.name if alias.asname else alias.name.split(".")[0]
            )

    def on_ImportFrom(self, node: ast.ImportFrom) -> None:
        parts = self.name.split(".")
        package = parts if self.path.endswith("__init__.py") else parts[:-1]
        base = package[: max(0, len(package) - node.level + 1)] if node.level else []
        source = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(source)
            else:
                self.imports.setdefault(alias.asname or alias.name, f"{source}.{alias.name}" if source else alias.name)

    def on_Assign(self, node: Any) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if node.value is not None:
            self.expression(node.value)
        hint = annotation(node.annotation) if isinstance(node, ast.AnnAssign) else None
        for name, value in (pair for target in targets for pair in pairs(target, node.value)):
            self.bind(name, ref(value), hint)
        for target in targets:
            if isinstance(target, ast.Attribute):
                self.expression(target.value)
                self.assign(target)
            elif isinstance(target, ast.Name) and loops.is_small(node.value):
                self.open.few.add(target.id)
            elif not isinstance(target, ast.Name):
                self.expression(target)

    on_AnnAssign = on_Assign

    def on_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.open.results.append(ref(node.value) or held(node.value))
            self.expression(node.value)

    def on_Expr(self, node: ast.Expr) -> None:
        self.expression(node.value, used=False)

    def on_For(self, node: Any) -> None:
        self.iterate(node.iter, isinstance(node, ast.AsyncFor))
        self.bind(node.target, ("item", ref(node.iter)))
        self.within(loops.of_for(node, self.open.few), node.body)
        self.block(node.orelse)

    on_AsyncFor = on_For

    def on_If(self, node: ast.If) -> None:
        self.expression(node.test)
        kind = loops.condition(node.test) or loops.way_on(node.body)
        held, self.open.tests = self.open.tests, (*self.open.tests[-_TESTS:], node.test)
        if kind != "debug":
            said = loops.sought(node.test) if kind == "memo" else loops.flag(node.test)
            self.within(Around(kind, node.lineno, said, names=loops.leaving(node.body)), node.body)
        otherwise = loops.otherwise(node.test) or loops.way_on(node.orelse)
        self.within(Around(otherwise, node.lineno, names=loops.leaving(node.orelse)), node.orelse)
        self.open.tests = held

    def on_While(self, node: ast.While) -> None:
        around = loops.of_while(node) or Around("while", node.lineno)
        self.expression(node.test)
        held, self.open.tests = self.open.tests, (*self.open.tests[-_TESTS:], node.test)
        self.within(around, node.body)
        self.open.tests = held
        self.block(node.orelse)

    def on_With(self, node: Any) -> None:
        asynchronous = isinstance(node, ast.AsyncWith)
        held = self.open.around
        for item in node.items:
            self.expression(item.context_expr, awaited=asynchronous)
            entered = ref(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, ("enter", entered) if entered else None)
            self.open.around = (Around("with", item.context_expr.lineno, entered, 0, asynchronous), *self.open.around)
            self.add(Site("enter", item.context_expr.lineno, entered))
        self.block(node.body)
        self.open.around = held

    on_AsyncWith = on_With

    def on_Try(self, node: Any) -> None:
        caught = tuple(ref(h.type) for h in node.handlers)
        around = Around("try", node.lineno, ("any", caught), names=loops.kept(node.handlers))
        self.within(around if node.handlers else None, node.body)
        for handler in node.handlers:
            self.within(Around("except", handler.lineno, ref(handler.type)), handler.body)
        self.block(node.orelse)
        self.within(Around("finally", node.lineno), node.finalbody)

    on_TryStar = on_Try


def _says_nothing(node: ast.stmt) -> bool:
    """Whether a statement only stands in the place of a body."""
    return isinstance(node, (ast.Pass, ast.Raise)) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _off(arguments: ast.arguments) -> Iterator[str]:
    """The parameters whose default is None, False, 0 or an empty text."""
    plain = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(plain), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    yield from (p.arg for p, default in pairs if isinstance(default, ast.Constant) and not default.value)


def _parameters(arguments: ast.arguments) -> tuple[tuple[str, Ref, Ref], ...]:
    """Name, annotation and default of each parameter."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(plain, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return tuple((p.arg, annotation(p.annotation), ref(default)) for p, default in pairs)
