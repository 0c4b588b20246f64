"""Methods that a framework calls to hold something back, and that a class has no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from guardrail import places
from guardrail.delta.files import Change, FilePair
from guardrail.words import words_in

if TYPE_CHECKING:
    from guardrail.delta.project import Place
    from guardrail.model import Definition
    from guardrail.side import Side

_VALIDATES = re.compile(
    r"@(?:\w+\.)*(?:field_validator|model_validator|validator|root_validator|validates|validates_schema|pre_load)\b"
)
_CHECKED = re.compile(r"class\s+\w+\s*\([^)]*(?:Serializer|Form|Model)\b")
_CLEANS = re.compile(r"(?:validate|clean)(?:_\w+)?\Z")
_ADMITS = frozenset(
    "get_queryset has_permission has_object_permission has_add_permission has_change_permission has_delete_permission"
    " has_view_permission has_module_permission check_permissions check_object_permissions get_permissions test_func is_accessible"
    " before_request get_authenticators get_throttles".split()
)
_PRINCIPAL = re.compile(
    r"(?i)\b(?:request|self|info|context)\.\w*\.?user\b|current_user|tenant|owner|is_staff|is_superuser|perm|\b40[13]\b"
)
_ANYBODY = re.compile(r"\A\s*(?:return\s+(?:True|super\(\)[^\n]*|\[\s*(?:permissions\.)?AllowAny\(\)\s*\])|pass|\.\.\.)\s*\Z")
_COMMENT = re.compile(r"#[^\n]*")
Test = Callable[["Side", "Definition"], bool]


def validators(pair: FilePair) -> Iterator[Change]:
    """Methods that validated fields of a class that is still there."""
    for klass, old in _gone(pair, _validates):
        yield Change(
            klass.header, f"`{old.symbol}` validated what is put in; now nothing does.", old.header, klass.symbol, old.symbol
        )


def admissions(pair: FilePair) -> Iterator[Change]:
    """Methods that said who may see what, of a class that is still there."""
    for klass, old in _gone(pair, _admits):
        said = f"`{old.symbol}` said who may; now what `{klass.symbol}` inherits decides."
        yield Change(klass.header, said, old.header, klass.symbol, old.symbol)


def _validates(side: Side, method: Definition) -> bool:
    if _VALIDATES.search(_between(side, method.first, method.header)):
        return True
    return _CLEANS.match(_name(method)) is not None and _CHECKED.search(_header_of(side, method)) is not None


def _admits(side: Side, method: Definition) -> bool:
    body = _between(side, method.header + 1, method.last)
    return _name(method) in _ADMITS and _PRINCIPAL.search(body) is not None and not _ANYBODY.match(body)


def _gone(pair: FilePair, wanted: Test) -> Iterator[tuple[Definition, Definition]]:
    """Class of head and the method that it lost, where nothing that is new in the file may stand for it."""
    old, new = pair.sides()
    if old is None or new is None or places.is_test(pair.path) or places.is_migration(pair.path):
        return
    now = {d.symbol for d in new.definitions}
    classes = {d.symbol: d for d in new.definitions if d.kind == "class"}
    before = {d.symbol for d in old.definitions}
    for method in old.definitions:
        klass = classes.get(method.symbol.rpartition(".")[0])
        if method.kind != "function" or klass is None or method.symbol in now or not wanted(old, method):
            continue
        come = [d for d in new.definitions if d.symbol not in before and d.symbol.startswith(klass.symbol + ".")]
        if not come and not _says_more(old, new, klass) and not _inherits(pair, (new, klass), _name(method), wanted):
            if _still_asked(method, klass, new) and not _moved(pair, method):
                yield klass, method


def _still_asked(method: Definition, klass: Definition, side: Side) -> bool:
    """Whether a field that a validator names is still there; of other methods always."""
    name = _name(method)
    field = re.sub(r"\A(?:validate|clean|check)_", "", name)
    return not re.match(r"(?:validate|clean)_\w", name) or field in klass.words or "model" in _header_of(side, method).lower()


def _moved(pair: FilePair, method: Definition) -> bool:
    """Whether other code of the change now names the method, or a constant that it asked for."""
    wanted = {_name(method)} | {word for word in method.words if word.isupper() and "_" in word}
    paths = [f.head_path for f in pair.all_files if f.head_path and f.head_path.endswith(".py") and not places.is_test(f.head_path)]
    sides = [side for path in paths if (side := pair.project.head(path))]
    functions = ((side, d) for side in sides for d in side.definitions if d.kind == "function")
    return any(not wanted.isdisjoint(d.words - pair.project.before(side, d)) for side, d in functions)


def _says_more(old: Side, new: Side, klass: Definition) -> bool:
    """Whether the class's own lines say something that they did not say before: another base, another type, a constraint."""
    was = next((d for d in old.definitions if d.symbol == klass.symbol), None)
    return was is None or not _said(new, klass) <= _said(old, was)


def _said(side: Side, klass: Definition) -> frozenset[str]:
    return words_in(_COMMENT.sub("", side.words.own_text(klass)))


def _inherits(pair: FilePair, klass: Place, name: str, wanted: Test) -> bool:
    """Whether a base class in the project has such a method."""
    for side, above in pair.project.classes(*_symbol(klass)):
        for method in side.definitions:
            if method.symbol == f"{above.symbol}.{name}" and above is not klass[1] and wanted(side, method):
                return True
    return False


def _symbol(klass: Place) -> tuple[Side, str]:
    return klass[0], klass[1].symbol


def _name(method: Definition) -> str:
    return method.symbol.rpartition(".")[2]


def _header_of(side: Side, method: Definition) -> str:
    owner = method.symbol.rpartition(".")[0]
    klass = next((d for d in side.definitions if d.kind == "class" and d.symbol == owner), None)
    return _between(side, klass.first, klass.header) if klass else ""


def _between(side: Side, first: int, last: int) -> str:
    return "\n".join(side.words.lines[first - 1 : last])
