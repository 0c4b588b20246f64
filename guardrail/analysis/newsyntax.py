"""Files whose grammar is newer than the running interpreter: read by libcst, handed on as ast stand-ins."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from guardrail.analysis.depth import is_too_deep
from guardrail.model import Unreadable

_LARGEST = 2_000_000  # characters; libcst takes seconds for more, and hours for the wrong ones
_PLACE = re.compile(r"error at (\d+):\d+")


def read_statements(text: str, reason: str) -> ast.Module:
    """The statements of a file as ast nodes without their expressions; Unreadable, by default for `reason`."""
    if len(text) > _LARGEST:
        raise Unreadable(reason)
    if is_too_deep(text):
        raise Unreadable("too deeply nested")
    try:
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        places = wrapper.resolve(PositionProvider)
        return ast.Module(body=_Reading(places).block(wrapper.module.body), type_ignores=[])
    except cst.ParserSyntaxError as error:
        raise Unreadable(_later(reason, str(error))) from None
    except (RecursionError, MemoryError):
        raise Unreadable("too deeply nested") from None
    except (cst.CSTValidationError, ValueError):
        raise Unreadable(reason) from None


def _later(reason: str, message: str) -> str:
    """The reason of the parser that came further: what stopped ast may be no more than new grammar."""
    if "Python 2" in reason or "never closed" in reason:
        return reason
    theirs, ours = _PLACE.search(message), re.search(r"at line (\d+)", reason)
    if theirs and ours and int(theirs[1]) > int(ours[1]):
        return f"invalid syntax at line {theirs[1]}"
    return reason


class _Reading:
    """Turns libcst statements into ast statements with the same places."""

    def __init__(self, places: Any) -> None:
        self.places = places

    def block(self, nodes: Iterable[cst.CSTNode]) -> list[Any]:
        """The statements of a block; those of one line come one by one."""
        found: list[Any] = []
        for node in nodes:
            if isinstance(node, cst.SimpleStatementLine):
                found += [self.put(self.simple(small), small) for small in node.body]
            else:
                found.append(self.put(self.compound(node), node))
        return found

    def suite(self, node: Any) -> list[Any]:
        """The statements of the body that a compound statement or a clause has; none where there is none."""
        if node is None:
            return []
        body = node.body
        if isinstance(body, cst.SimpleStatementSuite):
            return [self.put(self.simple(small), small) for small in body.body]
        return self.block(body.body)

    def put(self, made: Any, node: cst.CSTNode) -> Any:
        """Give a made node the place of the one that it stands for."""
        place: CodeRange = self.places[node]
        made.lineno, made.col_offset = place.start.line, place.start.column
        made.end_lineno, made.end_col_offset = place.end.line, place.end.column
        return made

    def compound(self, node: Any) -> Any:
        """The stand-in for one compound statement."""
        match node:
            case cst.FunctionDef() | cst.ClassDef():
                kind = ast.FunctionDef if isinstance(node, cst.FunctionDef) else ast.ClassDef
                decorators = [self.put(_make(ast.Pass), item.decorator) for item in node.decorators]
                return _make(kind, name=node.name.value, body=self.suite(node), decorator_list=decorators)
            case cst.If():
                branch = node.orelse
                other = [self.put(self.compound(branch), branch)] if isinstance(branch, cst.If) else self.suite(branch)
                return _make(ast.If, body=self.suite(node), orelse=other)
            case cst.For() | cst.While():
                return _make(ast.For, body=self.suite(node), orelse=self.suite(node.orelse))
            case cst.With():
                targets = self.targets([item.asname.name for item in node.items if item.asname])
                items = [_make(ast.withitem, optional_vars=target) for target in targets]
                return _make(ast.With, items=items, body=self.suite(node))
            case cst.Try() | cst.TryStar():
                handlers = [self.put(_make(ast.ExceptHandler, body=self.suite(item)), item) for item in node.handlers]
                other, final = self.suite(node.orelse), self.suite(node.finalbody)
                return _make(ast.Try, body=self.suite(node), handlers=handlers, orelse=other, finalbody=final)
            case cst.Match():
                cases = [self.put(_make(ast.match_case, body=self.suite(case)), case) for case in node.cases]
                return _make(ast.Match, cases=cases)
        return _make(ast.Pass)

    def simple(self, node: Any) -> Any:
        """The stand-in for one simple statement."""
        match node:
            case cst.Import() | cst.ImportFrom():
                return _import(node)
            case cst.Assign():
                return _make(ast.Assign, targets=self.targets([item.target for item in node.targets]))
            case cst.AnnAssign() | cst.AugAssign():
                return _make(ast.AugAssign, target=self.target(node.target))
            case cst.TypeAlias():
                return _make(ast.Assign, targets=[self.target(node.name)])
        return _make(ast.Pass)

    def targets(self, nodes: Sequence[Any]) -> list[Any]:
        """The stand-ins for several assignment targets."""
        return [self.target(node) for node in nodes]

    def target(self, node: Any) -> Any:
        """The stand-in for an assignment target, as far as the index looks at it."""
        match node:
            case cst.Name():
                return _make(ast.Name, id=node.value)
            case cst.Attribute():
                return _make(ast.Attribute, value=self.target(node.value), attr=node.attr.value)
            case cst.Tuple() | cst.List():
                return _make(ast.Tuple, elts=self.targets(node.elements))
            case cst.Element() | cst.StarredElement():
                return self.target(node.value)
        return _make(ast.Constant, value=None)


def _make(kind: type[ast.AST], **fields: Any) -> Any:
    """A node with some of its fields; its own constructor would ask for all."""
    node = kind.__new__(kind)
    for name, value in fields.items():
        setattr(node, name, value)
    return node


def _import(node: cst.Import | cst.ImportFrom) -> Any:
    """The stand-in for an import, which is all that the index asks of one."""
    names = [_make(ast.alias, name="*", asname=None)]
    if not isinstance(node.names, cst.ImportStar):
        names = [_make(ast.alias, name=_dotted(item.name), asname=item.evaluated_alias) for item in node.names]
    if isinstance(node, cst.Import):
        return _make(ast.Import, names=names)
    return _make(ast.ImportFrom, module=_dotted(node.module) or None, names=names, level=len(node.relative))


def _dotted(node: cst.BaseExpression | None) -> str:
    """The text of a dotted name."""
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""
