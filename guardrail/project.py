"""What a project says of itself: the distributions that it declares and has locked, its Python, its own modules."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import tomli
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from guardrail.globs import among
from guardrail.model import Tree, Unreadable

LOCKS = ("**/uv.lock", "**/poetry.lock", "**/pdm.lock", "**/pylock*.toml", "**/Pipfile.lock")
MANIFESTS = (
    *("**/pyproject.toml", "**/setup.cfg", "**/setup.py", "**/Pipfile", "**/environment*.yml", "**/environment*.yaml"),
    *("**/*requirements*.txt", "**/*requirements*.in", "**/requirements/**", "**/constraints*.txt"),
)
SCRIPT = re.compile(r"(?m)^# /// script\n(?P<content>(?:^#(?:| .*)\n)+?)^# ///$")
_HOLDERS = frozenset(
    "dependencies optional-dependencies dependency-groups dev-dependencies requires packages dev-packages features"
    " extra-dependencies".split()
)
_YAML_ITEM = re.compile(r"^\s*-\s*[\"']?([A-Za-z0-9][\w.-]*(?:\[[\w,]*\])?\s*[=<>!~]*=?\s*[\w.*]*)")
_MOST = 2_000_000  # bytes of a manifest


class Project:
    """One side of a project, read when it is asked for; a file that cannot be read says nothing."""

    def __init__(self, tree: Tree) -> None:
        """Nothing is read yet."""
        self.tree = tree

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What the manifests declare, all groups and extras together."""
        return tuple(r for path in self._paths(MANIFESTS) for r in read_manifest(path, self._text(path)))

    @cached_property
    def declared(self) -> frozenset[str]:
        """The canonical names of the distributions that are declared."""
        return frozenset(canonicalize_name(r.name) for r in self.requirements)

    @cached_property
    def locked(self) -> Mapping[str, Version]:
        """Canonical name → version, from lock files."""
        return {name: version for path in self._paths(LOCKS) for name, version in read_lock(path, self._text(path))}

    @cached_property
    def knows(self) -> bool:
        """Whether there is a manifest at all."""
        return bool(self._paths(MANIFESTS))

    @cached_property
    def own(self) -> frozenset[str]:
        """Names that an import may mean in this repository: of every folder and of every Python file."""
        found: set[str] = set()
        for path in self.tree.paths():
            *folders, name = path.split("/")
            found.update(folders)
            if name.endswith((".py", ".pyi", ".so", ".pyx")):
                found.add(name.partition(".")[0])
        return frozenset(found)

    @cached_property
    def python(self) -> Version | None:
        """The oldest Python that the project supports."""
        said = [_table(self._text(p)).get("project", {}).get("requires-python") for p in self._paths(("**/pyproject.toml",))]
        bounds = [b for text in said if isinstance(text, str) and (b := _lower(text)) is not None]
        return min(bounds, default=None)

    def version(self, name: str) -> Version | None:
        """The version of a distribution: locked, else the lowest that is declared; `python` is a name like the others."""
        if name == "python":
            return self.python
        locked = self.locked.get(name)
        if locked is not None:
            return locked
        bounds = [_lower(str(r.specifier)) for r in self.requirements if canonicalize_name(r.name) == name]
        return min((b for b in bounds if b is not None), default=None)

    def of(self, text: str) -> Project:
        """The project of one file: a script that declares its own dependencies (PEP 723) is one of its own."""
        found = SCRIPT.search(text) if "# /// script" in text else None
        return Script(self.tree, found["content"]) if found else self

    def _paths(self, globs: tuple[str, ...]) -> list[str]:
        return among(self.tree.paths(), globs)

    def _text(self, path: str) -> str:
        try:
            data = self.tree.read(path) or b""
        except Unreadable:
            return ""
        return data.decode("utf-8-sig", "replace") if len(data) <= _MOST else ""


class Script(Project):
    """A file with a block of metadata."""

    def __init__(self, tree: Tree, block: str) -> None:
        """`block` are the comment lines between the marks."""
        super().__init__(tree)
        self.table = _table("".join(line[2:] if line.startswith("# ") else line[1:] for line in block.splitlines(keepends=True)))

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """Those of the block."""
        return tuple(_requirements(self.table.get("dependencies", [])))

    @cached_property
    def knows(self) -> bool:
        """A block knows, even an empty one."""
        return True

    @cached_property
    def python(self) -> Version | None:
        """That of the block."""
        said = self.table.get("requires-python")
        return _lower(said) if isinstance(said, str) else None


def read_manifest(path: str, text: str) -> Iterator[Requirement]:
    """The requirements that a manifest declares, whatever group they are in."""
    name = path.rpartition("/")[2]
    if name in ("pyproject.toml", "Pipfile"):
        yield from _of_toml(_table(text))
    elif name == "setup.py":
        yield from _requirements(_strings(text))
    elif name == "setup.cfg":
        yield from _requirements(line.strip() for line in text.splitlines() if line[:1] in (" ", "\t"))
    elif name.endswith((".yml", ".yaml")):
        items = (m[1] for line in text.splitlines() if (m := _YAML_ITEM.match(line)))
        yield from _requirements(re.sub(r"(?<![=<>!~])=(?!=)", "==", item) for item in items)
    else:
        yield from _requirements(line.split(" #")[0].split(" --")[0].strip().rstrip("\\") for line in text.splitlines())


def read_lock(path: str, text: str) -> Iterator[tuple[str, Version]]:
    """Canonical names and versions of a lock file."""
    if path.endswith("Pipfile.lock"):
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            return
        groups = [g for g in table.values() if isinstance(g, dict)] if isinstance(table, dict) else []
        found: Iterable[Any] = ({"name": n, **p} for g in groups for n, p in g.items() if isinstance(p, dict))
    else:
        table = _table(text)
        found = table.get("package", table.get("packages", []))
    for package in found if not isinstance(found, (str, dict)) else ():
        name, version = (package.get("name"), package.get("version")) if isinstance(package, dict) else (None, None)
        if isinstance(name, str) and isinstance(version, str):
            try:
                yield canonicalize_name(name), Version(version.lstrip("="))
            except InvalidVersion:
                continue


def _of_toml(table: Mapping[str, Any]) -> Iterator[Requirement]:
    """PEP 621 and 735, build requirements, poetry, pdm, Pipfile: lists and tables under the keys that hold requirements."""
    stack: list[tuple[bool, Any]] = [(False, table)]
    while stack:
        inside, value = stack.pop()
        if isinstance(value, dict):
            if inside:
                named = ((name, said) for name, said in value.items() if name != "python" and not isinstance(said, list))
                yield from _requirements(f"{name}{_specifier(said)}" for name, said in named)
            stack.extend((inside or key in _HOLDERS, below) for key, below in value.items())
        elif isinstance(value, list) and inside:
            yield from _requirements(item for item in value if isinstance(item, str))
        elif isinstance(value, list):
            stack.extend((False, item) for item in value if isinstance(item, dict))


def _specifier(said: Any) -> str:
    """Poetry's and Pipfile's ways to give a version, as a specifier: `^1.2` is `>=1.2`."""
    text = said.get("version", "") if isinstance(said, dict) else said
    if not isinstance(text, str):
        return ""
    first = text.split(",")[0].strip()
    if first[:1] in "^~" and not first.startswith("~="):
        return f">={first[1:]}"
    return first if first[:1] in "=<>!~" else f"=={first}" if first[:1].isdigit() else ""


def _requirements(texts: Iterable[Any]) -> Iterator[Requirement]:
    for text in texts if not isinstance(texts, str) else ():
        if isinstance(text, str) and text[:1].isalnum() and len(text) < 300:
            try:
                yield Requirement(text)
            except InvalidRequirement:
                continue


def _strings(text: str) -> Iterator[str]:
    """The string constants of a setup.py, which is never run."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.splitlines()


def _table(text: str) -> dict[str, Any]:
    try:
        return tomli.loads(text)
    except (tomli.TOMLDecodeError, RecursionError):
        return {}


def _lower(specifier: str) -> Version | None:
    """The lowest version that a specifier names."""
    try:
        bounds = [
            Version(s.version.removesuffix(".*")) for s in SpecifierSet(specifier) if s.operator in ("==", ">=", ">", "~=", "===")
        ]
    except (InvalidSpecifier, InvalidVersion):
        return None
    return max(bounds, default=None)
