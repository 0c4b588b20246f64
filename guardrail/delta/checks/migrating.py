"""Migrations, and the models that they bring to the database."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from guardrail.delta.files import Change, FilePair
from guardrail.model import Unreadable
from guardrail.source import parse

_FIELD = re.compile(r"^    (?P<name>[a-z]\w*)\s*=\s*(?:\w+\.)?(?P<kind>\w+Field|ForeignKey|OneToOneField|ManyToManyField)\(")
_NO_COLUMN = frozenset(
    "help_text verbose_name choices validators related_name editable blank error_messages limit_choices_to on_delete"
    " default".split()
)


def unmigrated(pair: FilePair) -> Iterator[Change]:
    """Columns of Django models that changed while no migration of the app did."""
    app = pair.path.split("/models")[0]
    migrations = app + "/migrations/"
    if pair.change.base_path is None or not any(p.startswith(migrations) for p in pair.project.files):
        return
    if any((f.head_path or "").startswith(migrations) for f in pair.all_files):
        return
    before, after = _columns(pair.base), _columns(pair.head)
    if before is None or after is None:
        return
    for key, (line, text) in after.items():
        if key[0] in {k[0] for k in before} and (key not in before or before[key][1] != text):
            was = before.get(key, (0, ""))[0]
            yield Change(line, f"The column `{key[1]}` of `{key[0]}` changed, and no migration did.", was, key[0], key[1])
    for key, (line, _) in before.items():
        if key not in after and key[0] in {k[0] for k in after} and not any(k[1] == key[1] for k in after):
            yield Change(1, f"The column `{key[1]}` of `{key[0]}` is gone, and no migration says so.", line, key[0], key[1])


def _columns(lines: list[str]) -> dict[tuple[str, str], tuple[int, str]] | None:
    """Class and name → line and what makes the column; abstract and unmanaged classes left out."""
    try:
        tree = parse("\n".join(lines))
    except Unreadable:
        return None
    found = {}
    for klass in (n for n in tree.body if isinstance(n, ast.ClassDef)):
        if re.search(r"abstract\s*=\s*True|managed\s*=\s*False|proxy\s*=\s*True", ast.unparse(klass)):
            continue
        for node in klass.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
                if _FIELD.match(lines[node.lineno - 1]):
                    found[klass.name, node.targets[0].id] = (node.lineno, _made_of(node.value))
    return found


def _made_of(call: ast.Call) -> str:
    kept = [ast.dump(k) for k in call.keywords if k.arg not in _NO_COLUMN]
    first = [ast.unparse(a) for a in call.args if not isinstance(a, ast.Constant) and "_(" not in ast.unparse(a)]
    return ast.unparse(call.func) + str(first) + str(sorted(kept))


def edited(pair: FilePair) -> Iterator[Change]:
    """Migrations of base whose operations differ at head, or that are gone; squashing left out."""
    if pair.change.base_path is None or pair.path.endswith("__init__.py") or not _is_migration(pair.base):
        return
    if any("replaces" in "\n".join(other.head) for other in pair.others() if "migrations/" in other.path):
        return
    if pair.change.head_path is None or pair.change.head_path.rpartition("/")[2] != pair.change.base_path.rpartition("/")[2]:
        yield Change(1, "A migration that others have run is gone or has another name.", 1, what="gone")
        return
    old, new = _operations(pair.base), _operations(pair.head)
    if old is not None and new is not None and old != new:
        yield Change(
            _first_difference(pair), "A migration that others have run is changed.", _first_difference(pair, True), what="edited"
        )


def _is_migration(lines: list[str]) -> bool:
    text = "\n".join(lines)
    return bool(re.search(r"^class Migration\(|^down_revision\b|^def upgrade\(", text, re.M))


def _operations(lines: list[str]) -> list[str] | None:
    """What the migration does: `operations`, `upgrade`, `downgrade`, and what they are built on."""
    try:
        tree = parse("\n".join(lines))
    except Unreadable:
        return None
    klass = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Migration"), None)
    if klass is not None:
        wanted = ("operations", "dependencies")
        nodes: list[ast.AST] = [n for n in klass.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) in wanted]
    else:
        nodes = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in ("upgrade", "downgrade")]
        nodes += [n for n in tree.body if isinstance(n, ast.Assign | ast.AnnAssign) and "revision" in ast.unparse(n)[:30]]
    return [ast.dump(n) for n in nodes]


def _first_difference(pair: FilePair, base: bool = False) -> int:
    mine, other = (pair.base, set(pair.head)) if base else (pair.head, set(pair.base))
    return next((n for n, line in enumerate(mine, 1) if line not in other and line.strip()), 1)
