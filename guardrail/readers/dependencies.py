"""Imports and requirements against what the project declares (DEP001 to DEP003), offline."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache

import tomli
from packaging.utils import canonicalize_name

from guardrail.packs import own_packs
from guardrail.project import Project, read_manifest
from guardrail.readers.masked import code_lines, is_optional
from guardrail.readers.pages import PIPED_TO_SHELL
from guardrail.texts import Page, Spot, spot_in

_IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)(?:from[ \t]+(?P<of>[A-Za-z_][\w.]*)[ \t]+import\b|import[ \t]+(?P<names>[A-Za-z_][\w., \t]*))"
)
_GONE = frozenset(  # modules that the standard library had
    "aifc asynchat asyncore audioop binhex cgi cgitb chunk crypt distutils formatter imp imghdr lib2to3 mailcap msilib nis nntplib"
    " ossaudiodev parser pipes smtpd sndhdr spwd sunau symbol telnetlib uu xdrlib macpath dummy_threading _bootlocale".split()
)
_NEWER = frozenset({"annotationlib", "compression", "profiling"})  # of the standard library, after Python 3.11
_ALWAYS = frozenset(
    {*_NEWER, "setuptools", "pkg_resources", "pip", "__future__", "_typeshed", "typing_extensions", "__main__", "guardrail"}
)
_KEY = re.compile(r"^\s*[\w.-]+\s*=\s*(?=\[)")  # of a list of requirements: a group or an extra
_ASKED = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)(?=\s*=)|(?<=[\"'])[A-Za-z0-9][\w.-]*")
_INSTALL = re.compile(r"\bpip3?\s+install\s+(?P<rest>[^&|;#\n]+)")


def undeclared(page: Page) -> Iterator[Spot]:
    """Imports of top-level modules that neither Python, nor the project, nor anything declared provides."""
    yield from (spot for spot, locked, inside in _foreign(page) if not locked and not inside)


def undeclared_inside(page: Page) -> Iterator[Spot]:
    """The same in functions and classes, where an import is made late, or for those who have it."""
    yield from (spot for spot, locked, inside in _foreign(page) if not locked and inside)


def transitive(page: Page) -> Iterator[Spot]:
    """Imports that only the dependencies of dependencies provide."""
    yield from (spot for spot, locked, _ in _foreign(page) if locked)


def _foreign(page: Page) -> Iterator[tuple[Spot, bool, bool]]:
    project = page.project
    if not project.knows or page.index is None:
        return
    lines = code_lines(page.text)
    for number, line in enumerate(lines, 1):
        found = _IMPORT.match(line)
        for name in _tops(found) if found else ():
            if name in sys.stdlib_module_names or name in _GONE or name in _ALWAYS or provided(name, project.declared):
                continue
            if name not in project.own and not is_optional(lines, number):
                column = line.index(name, found.end("indent") if found else 0) + 1
                said = f"`{name}` is not declared by the project."
                spot = Spot(number, column, column + len(name), said)
                yield spot, provided(name, frozenset(project.locked)), bool(found and found["indent"])


def _tops(found: re.Match[str]) -> list[str]:
    names = [found["of"]] if found["of"] else [part.split(" as ")[0].strip() for part in found["names"].split(",")]
    return [name.partition(".")[0] for name in names if name and not name.startswith(".")]


def provided(name: str, distributions: frozenset[str]) -> bool:
    """Whether one of the distributions may give a module of that name; namespaces and affixes are taken kindly."""
    plain = canonicalize_name(name)
    if plain in distributions or not distributions.isdisjoint(_imports().get(name, ())):
        return True
    bare, words = plain.replace("-", ""), set(plain.split("-"))
    return any(words <= set(d.split("-")) or (len(bare) > 3 and bare in d.replace("-", "")) for d in distributions)


def suspicious(page: Page) -> Iterator[Spot]:
    """Requirements whose name is that of an import, or nearly that of a popular distribution."""
    for number, line in enumerate(page.lines, 1):
        for name in sorted(_named(page, line)):
            said = suspicion(name, page.project)
            column = line.find(name) + 1
            if said and column:
                yield Spot(number, column, column + len(name), said)


def _named(page: Page, line: str) -> set[str]:
    """The distributions that a line asks for."""
    install = _INSTALL.search(line)
    if install:
        words = [w for w in install["rest"].split() if not w.startswith(("-", ".", "/", "$", "{", "<"))]
        return {
            m[0]
            for w in words
            if (m := re.match(r"[A-Za-z0-9][\w.-]*", w.strip("\"'`"))) and "/" not in w and not w.endswith(".txt")
        }
    asked = page.path.rpartition("/")[2]
    if (asked.endswith((".md", ".rst", ".sh", ".yml", ".yaml")) and not asked.startswith("environment")) or asked.startswith(
        "Dockerfile"
    ):
        return set()
    if asked.endswith(".toml"):
        declared = {r.name for r in read_manifest(asked, page.text)}
        return declared.intersection(m[0].strip() for m in _ASKED.finditer(_KEY.sub("", line)))
    return {r.name for r in read_manifest("requirements.txt", line.split("#")[0].strip().lstrip("- "))}


def suspicion(name: str, project: Project) -> str:
    """What is odd about the name of a distribution, "" where nothing is."""
    plain = canonicalize_name(name)
    if plain in _popular() or plain in project.locked:
        return ""
    meant = _imports().get(name)
    if meant and plain not in meant and plain not in {canonicalize_name(d) for d in meant}:
        return f"`{name}` is what people import; the distribution is `{meant[0]}`."
    near = next((p for p in sorted(_popular()) if _is_slip(plain, p)), None)
    return f"`{name}` is nearly `{near}`." if near else ""


def _is_slip(name: str, popular: str) -> bool:
    """Whether a name is a popular one with one letter dropped, doubled, swapped or changed; short names are too near to many."""
    if len(popular) < 6 or abs(len(name) - len(popular)) > 1 or name == popular:
        return False
    if name.replace("-", "") == popular.replace("-", ""):
        return True
    if len(name) == len(popular):
        at = [i for i, (a, b) in enumerate(zip(name, popular, strict=True)) if a != b]
        swapped = len(at) == 2 and at[1] == at[0] + 1 and name[at[0]] == popular[at[1]] and name[at[1]] == popular[at[0]]
        return swapped or (len(at) == 1 and _may_be_meant(name[at[0]], popular[at[0]]))
    longer, shorter = (name, popular) if len(name) > len(popular) else (popular, name)
    return any(longer[:i] + longer[i + 1 :] == shorter and not longer[i].isdigit() for i in range(len(longer)))


def _may_be_meant(char: str, popular: str) -> bool:
    """Whether one character stands for the other: digits are versions, but for those that look like the letter."""
    return not popular.isdigit() and (not char.isdigit() or char + popular in ("0o", "1l", "1i", "5s", "3e"))


_REDIRECTS = (
    (re.compile(r"--extra-index-url[ =]"), "Two indexes: whoever registers a private name on the public one is installed."),
    (re.compile(r"--trusted-host[ =]"), "The certificate of the index is not checked."),
    (re.compile(r"--index-url[ =]http://|--find-links[ =]http://"), "Packages come over a connection that anyone can change."),
    (re.compile(r"git\+http://"), "Code comes over a connection that anyone can change."),
    (
        re.compile(r"git\+(?:https|ssh)://[^\s\"'#;@]*(?:@[^\s/\"'#;@]*/[^\s\"'#;@]*)?(?=[\s\"'#;]|$)"),
        "A repository without a revision: its newest commit is what runs.",
    ),
    (re.compile(r"git\+[^\s\"'#]+@(?:main|master|develop|HEAD)\b"), "A branch, not a revision: its newest commit is what runs."),
)


def redirected(page: Page) -> Iterator[Spot]:
    """Requirements that come from where nobody pinned them."""
    for number, line in enumerate(page.lines, 1):
        text = line.split(" #")[0] if not page.path.endswith(".md") else line
        if text.lstrip().startswith("#"):
            continue
        if spot := spot_in(text, number, _REDIRECTS):
            yield spot


def piped_to_a_shell(page: Page) -> Iterator[Spot]:
    """What a server sends at this moment is run as it is."""
    for number, line in enumerate(page.lines, 1):
        found = PIPED_TO_SHELL.search(line)
        if found and not line.lstrip().startswith("#"):
            yield Spot(number, found.start() + 1, found.end() + 1)


@cache
def _table() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomli.loads((own_packs() / "distributions.toml").read_text("utf-8"))
    return found


@cache
def _imports() -> dict[str, list[str]]:
    return {name: [str(d) for d in given] for name, given in _table()["imports"].items() if isinstance(given, list)}


@cache
def _popular() -> frozenset[str]:
    return frozenset(str(_table()["popular"]["names"]).split()) | {d for given in _imports().values() for d in given}
