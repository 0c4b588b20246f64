"""The modules of one tree, found by their dotted names and read when somebody asks for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from guardrail.change.trees import prefetch
from guardrail.index import decode
from guardrail.model import Tree, Unreadable
from guardrail.places import is_test
from guardrail.systemic.extract import extract
from guardrail.systemic.facts import Class, Function, Module, Ref
from guardrail.systemic.search import Search

Key = tuple[str, str]  # path and symbol of a function
FOLLOWED = 8  # re-exports from one module to the next
STARS = 20  # `import *` of one module that are looked into
CANDIDATES = 200  # files with a name in them that are read in search of callers
ReadMany = Callable[["Project", Sequence[str]], Iterable[Module]]


def read_module(path: str, name: str, data: bytes) -> Module:
    """The facts of a file from its bytes; none where they are no text."""
    try:
        return extract(path, name, decode(data))
    except Unreadable:
        return Module(path, name)


@dataclass
class Project:
    """One tree. `skip` says which files nobody wants to hear of; a `twin` is the tree that differs from it by `changed` files."""

    tree: Tree
    skip: Callable[[str], bool] = lambda _: False
    read_many: ReadMany | None = None  # reads many files at once, from a cache or by many processes
    limits: set[str] = field(default_factory=set)  # bounds that were hit, in words
    twin: Project | None = None
    changed: frozenset[str] = frozenset()
    most: int | None = None  # functions that are looked at from one function on, all if None
    _modules: dict[str, Module] = field(default_factory=dict)
    _texts: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def paths(self) -> Sequence[str]:
        """The Python files, sorted."""
        return [p for p in self.tree.paths() if p.endswith(".py") and not self.skip(p)]

    @cached_property
    def known(self) -> frozenset[str]:
        """The same, to look one up."""
        return frozenset(self.paths)

    @cached_property
    def _packages(self) -> frozenset[str]:
        return frozenset(p.rpartition("/")[0] for p in self.paths if p.endswith("__init__.py"))

    @cached_property
    def _tops(self) -> Mapping[str, str]:
        """The outermost package around each folder that is one, or that lies in one without an `__init__.py` of its own."""
        found: dict[str, str] = {}
        for folder in sorted({p.rpartition("/")[0] for p in self.paths}):
            parts = folder.split("/")
            above = ["/".join(parts[:n]) for n in range(len(parts), 0, -1)]
            inside = next((n for n, each in enumerate(above) if each in self._packages), None)
            while inside is not None and inside + 1 < len(above) and above[inside + 1] in self._packages:
                inside += 1
            if inside is not None:
                found[folder] = above[inside]
        return found

    def name(self, path: str) -> str:
        """The dotted name of a file, counted from the outermost folder that is a package."""
        folder = path.rpartition("/")[0]
        top = self._tops.get(folder)
        if top is not None:
            return _dotted(path, top.rpartition("/")[0])
        return _dotted(path, folder.split("/")[0] if folder.split("/")[0] in ("src", "lib") else "")

    @cached_property
    def _roots(self) -> frozenset[str]:
        """The folders from which a program may be started, by what lies in them beside its modules."""
        marks = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "manage.py", "Pipfile")
        return frozenset(p.rpartition("/")[0] for p in self.tree.paths() if p.endswith(marks)) - {""}

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """Dotted name → path; a file is known by its path from every folder that may be on the search path, too."""
        found: dict[str, str] = {}
        for path in self.paths:
            found.setdefault(self.name(path), path)
        for path in self.paths:
            found.setdefault(_dotted(path, ""), path)
        for path in self.paths:
            parts = path.split("/")
            for root in ("/".join(parts[:n]) for n in range(1, len(parts))):
                if root in self._roots:
                    found.setdefault(_dotted(path, root), path)
        return found

    def prepare(self, paths: Iterable[str]) -> None:
        """Read many files at once."""
        wanted = [p for p in paths if p not in self._modules]
        if self.twin is not None:
            self.twin.prepare(p for p in wanted if self._is_shared(p))
            wanted = [p for p in wanted if not self._is_shared(p)]
        prefetch(self.tree, wanted)
        if self.read_many is not None and len(wanted) > 1:
            self.hold(self.read_many(self, wanted))

    def module(self, path: str) -> Module:
        """The facts of a file."""
        found = self._modules.get(path)
        if found is None and self.twin is not None and self._is_shared(path):
            found = self._modules[path] = self.twin.module(path)
        if found is None and self.read_many is not None:
            (found,) = self.read_many(self, [path])
            self._modules[path] = found
        if found is None:
            found = self._modules[path] = read_module(path, self.name(path), self.read(path))
        return found

    def _is_shared(self, path: str) -> bool:
        """Whether the twin has the same file under the same dotted name."""
        twin = self.twin
        return twin is not None and path not in self.changed and path in twin.known and twin.name(path) == self.name(path)

    def hold(self, modules: Iterable[Module]) -> None:
        """Keep modules that somebody else has read."""
        self._modules.update((m.path, m) for m in modules)

    def read(self, path: str) -> bytes:
        """The content of a file, empty where there is none to be had."""
        if path not in self._texts and self.twin is not None and path not in self.changed and path in self.twin.known:
            return self.twin.read(path)
        if path not in self._texts:
            try:
                self._texts[path] = self.tree.read(path) or b""
            except Unreadable:
                self._texts[path] = b""
        return self._texts[path]

    def text_of(self, key: Key) -> str:
        """The text of a function."""
        function = self.module(key[0]).functions[key[1]]
        lines = self.read(key[0]).decode("utf-8", "replace").split("\n")
        return "\n".join(lines[function.first - 1 : function.last])

    # ---- names -----------------------------------------------------------------------------------

    def locate(self, name: str) -> tuple[Module, str] | None:
        """The module and the symbol in it that a dotted name means; the symbol is "" for the module itself."""
        for _ in range(FOLLOWED):
            split = self._split(name)
            if split is None:
                return None
            path, symbol = split
            module = self.module(path)
            first, _, rest = symbol.partition(".")
            if not symbol or first in module.classes or symbol in module.functions or first in self.values(module):
                return module, symbol
            onward = module.imports.get(first) or self._starred(module, first)
            if onward is None or f"{onward}.{rest}".strip(".") == name:
                return None
            name = f"{onward}.{rest}" if rest else onward
        self.limits.add(f"re-exports were followed through {FOLLOWED} modules, and some lead further")
        return None

    def values(self, module: Module) -> Mapping[str, tuple[Ref, ...]]:
        """The names that a module's own code gives a value."""
        own = module.functions.get("<module>")
        return own.values if own else {}

    def _split(self, name: str) -> tuple[str, str] | None:
        head, tail = name, ""
        while head:
            path = self.by_name.get(head)
            if path is not None:
                return path, tail
            head, _, last = head.rpartition(".")
            tail = f"{last}.{tail}" if tail else last
        return None

    def _starred(self, module: Module, name: str) -> str | None:
        if len(module.stars) > STARS:
            self.limits.add(f"of the `import *` of {module.path} the first {STARS} were looked into")
        for star in module.stars[:STARS]:
            path = self.by_name.get(star)
            other = self.module(path) if path else None
            if other and (name in other.functions or name in other.classes or name in self.values(other) or name in other.imports):
                return f"{star}.{name}"
        return None

    def function(self, key: Key) -> Function | None:
        """The function of a key."""
        return self.module(key[0]).functions.get(key[1])

    def klass(self, name: str) -> tuple[Module, Class] | None:
        """The class of a dotted name."""
        found = self.locate(name)
        if found is None or found[1] not in found[0].classes:
            return None
        return found[0], found[0].classes[found[1]]

    # ---- search ----------------------------------------------------------------------------------

    def callers_of(self, name: str, near: str) -> list[Module]:
        """The modules, no tests, in which something of that name may be called; of too many those that name `near` as well."""
        found = self.files_with(name)
        if len(found) > CANDIDATES:
            also = set(self.files_with(near))
            found = sorted(found, key=lambda path: path not in also)[:CANDIDATES]
            self.limits.add(f"`{name}` is named in very many files, of which {CANDIDATES} were searched for callers")
        self.prepare(found)
        return [self.module(path) for path in found]

    def naming(self, name: str) -> list[Module]:
        """The modules, no tests and not too many, in which a name stands."""
        found = self._few(name, self.files_with(name))
        self.prepare(found)
        return [self.module(path) for path in found]

    def deriving(self, name: str) -> list[Module]:
        """The modules, no tests and not too many, in which a class has a base of that name."""
        header = re.compile(rb"\bclass\s+\w+\s*[\[(][^:{]{0,400}?\b" + re.escape(name.encode("utf-8", "surrogateescape")) + rb"\b")
        found = self._few(name, [path for path in self.files_with(name) if header.search(self.read(path))])
        self.prepare(found)
        return [self.module(path) for path in found]

    def _few(self, name: str, paths: list[str]) -> list[str]:
        if len(paths) > CANDIDATES:
            self.limits.add(f"`{name}` is named in very many files, of which the first {CANDIDATES} were looked into")
        return paths[:CANDIDATES]

    def files_with(self, word: str) -> list[str]:
        """The paths of the files, no tests, in which a word stands."""
        if self.twin is None:
            return self.search.files_with(word)
        shared = [path for path in self.twin.files_with(word) if path not in self.changed]
        return sorted([*shared, *self.search.files_with(word)])

    @cached_property
    def search(self) -> Search:
        """The search in the files that the twin does not have."""
        twin = self.twin
        paths = [p for p in self.paths if not is_test(p) and (twin is None or p in self.changed or p not in twin.known)]
        prefetch(self.tree, paths)  # all are looked through, and git is asked once
        return Search(paths, self.read)


def _dotted(path: str, root: str) -> str:
    """The dotted name of a file as it is imported with a folder, "" for the topmost, on the search path."""
    inner = path.removeprefix(f"{root}/" if root else "").removesuffix(".py")
    return (inner.removesuffix("/__init__") or inner).replace("/", ".")
