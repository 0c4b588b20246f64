"""The index tiles a file, reads what Python reads, and says why where it cannot."""

from __future__ import annotations

import ast
import encodings.aliases
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardrail.analysis.depth import is_too_deep
from guardrail.analysis.newsyntax import read_statements
from guardrail.index import decode, index_source, module_name
from guardrail.model import Definition, FileIndex, Unreadable

NESTED = textwrap.dedent(
    '''\
    """Module."""
    import os, a.b, a.b as c
    from x import y as z, w

    @decorate(
        1
    )
    @again
    class Outer(
        Base,
    ):
        """Doc."""
        limit = 3

        class Inner: pass

        @property
        def value(self) -> int:
            # a comment
            if self.x == 1:
                return 2
            def helper():
                self.no = 1
            return 3

        if limit:
            async def later(self): self.x: int = 1; self.y, (cls.z, *self.w) = 1, (2, 3)

    try:
        def fallback(
            a,
            b=(1,
               2)
        ):

            with open(a) as self.no: return b
    except ImportError:
        fallback = None
    # the end
    '''
)


def index(text: str, path: str = "pkg/mod.py") -> FileIndex:
    return index_source(path, textwrap.dedent(text))


def definition(found: FileIndex, symbol: str) -> Definition:
    return next(d for d in found.definitions if d.symbol == symbol)


def bindings(found: FileIndex) -> list[tuple[str, str, str, int, int]]:
    return [(b.name, b.scope, b.kind, b.first, b.last) for b in found.bindings]


def assert_tiles(found: FileIndex, text: str) -> None:
    count = max(1, text.count("\n") + (not text.endswith("\n")))
    assert found.definitions[0].symbol == "<module>"
    assert [d.first for d in found.definitions] == sorted(d.first for d in found.definitions)
    for line in range(1, count + 1):
        assert sum(d.owns(line) for d in found.definitions) == 1
    for d in found.definitions:
        assert 1 <= d.first <= d.header <= d.last <= count


# ---- definitions -----------------------------------------------------------------------------


def test_definitions_have_their_lines():
    found = index(NESTED)
    assert [(d.symbol, d.kind, d.first, d.header, d.last) for d in found.definitions] == [
        ("<module>", "module", 1, 1, 39),
        ("Outer", "class", 5, 11, 27),
        ("Outer.Inner", "class", 15, 15, 15),
        ("Outer.value", "function", 17, 18, 24),
        ("Outer.later", "function", 27, 27, 27),
        ("fallback", "function", 30, 34, 36),
    ]
    assert found.definitions[0].holes == ((5, 27), (30, 36))
    assert definition(found, "Outer").holes == ((15, 15), (17, 24), (27, 27))
    assert_tiles(found, NESTED)


def test_words_are_those_of_the_own_lines():
    found = index(NESTED)
    outer, value = definition(found, "Outer"), definition(found, "Outer.value")
    assert {"decorate", "again", "class", "limit", "Doc", "if"} <= outer.words
    assert not {"value", "later", "fallback", "os"} & outer.words
    assert {"property", "value", "comment", "==", "helper", "no"} <= value.words
    assert "==" not in outer.words
    assert (outer.branches, value.branches, found.definitions[0].branches) == (1, 1, 1)


def test_branches_count_lines_that_begin_one():
    text = "if a:\n    pass\nelif b: pass\nfor x in y:\n    while z:\n        iffy = 1 if a else 2\n"
    assert index(text).definitions[0].branches == 4


def test_words_hold_both_spellings_of_a_wide_identifier():
    assert {"eval", "\uff45val"} <= index("\uff45val(x)\n").definitions[0].words


@pytest.mark.parametrize("text", ["", "\n", "x", "x\n", "\n\n", "# a\n\n", "\f\nx\n", "a = '\u2028'\n"])
def test_small_files_are_one_module(text: str):
    found = index_source("a.py", text)
    assert len(found.definitions) == 1
    assert_tiles(found, text)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("def f(): return 1\n", 1),
        ("def f():\n    return 1\n", 1),
        ("def f(): # why\n\n    # because\n\n    return 1\n", 1),
        ("def f(a='''\n# x\n'''\n): return a\n", 4),
        ("def f(\n    a,  # b\n):\n    # c\n    return a\n", 3),
        ("def f():\n    @g\n    def h(): pass\n", 1),
        ("def f():\\\n  return 1\n", 1),
        ("def f(a=(\n  1)): '''é\n'''\n", 2),
        ("class A(B,\n  C): x = 1\n", 2),
    ],
)
def test_a_header_ends_at_its_colon(text: str, header: int):
    assert index(text).definitions[1].header == header


def test_a_decorator_in_brackets_begins_at_its_sign():
    assert index("x = 1\n@(\n  a\n  @ b)\ndef f(): pass\n").definitions[1].first == 2


# ---- imports and bindings --------------------------------------------------------------------


def test_imports_of_the_module():
    assert index(NESTED).imports == {"os": "os", "a": "a", "c": "a.b", "z": "x.y", "w": "x.w"}


def test_imports_in_blocks_count_and_the_first_of_a_name_is_preferred():
    found = index(
        """\
        import json
        try:
            import ujson as json
        except ImportError:
            import json
        if TYPE_CHECKING:
            from a import B
        with silence():
            from s import *
        def f():
            import hidden
        class C:
            import hidden
        """
    )
    assert found.imports == {"json": "ujson", "B": "a.B"}
    assert found.stars == ("s",)


@pytest.mark.parametrize(
    ("path", "line", "expected"),
    [
        ("src/pkg/auth/login.py", "from . import x", {"x": "pkg.auth.x"}),
        ("src/pkg/auth/login.py", "from ..db import x as y", {"y": "pkg.db.x"}),
        ("pkg/__init__.py", "from .db import x", {"x": "pkg.db.x"}),
        ("pkg/__init__.py", "from . import x", {"x": "pkg.x"}),
        ("top.py", "from . import x", {"x": "x"}),
        ("top.py", "from ...far import x", {"x": "far.x"}),
        ("__init__.py", "from .db import x", {"x": "db.x"}),
    ],
)
def test_relative_imports_start_from_the_package(path: str, line: str, expected: dict[str, str]):
    assert index(line, path).imports == expected


def test_a_relative_star_is_resolved():
    assert index("from ..a.b import *\n", "p/q/r.py").stars == ("p.a.b",)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("src/pkg/auth/login.py", "pkg.auth.login"),
        ("lib/a.py", "a"),
        ("pkg/__init__.py", "pkg"),
        ("src/src/a.py", "src.a"),
        ("src.py", "src"),
        ("a.pyi", "a"),
        ("bin/tool", "bin.tool"),
        ("", ""),
    ],
)
def test_module_names(path: str, name: str):
    assert module_name(path) == name


def test_bindings_have_scope_kind_and_lines():
    assert bindings(index(NESTED)) == [
        ("Outer", "<module>", "class", 5, 11),
        ("limit", "Outer", "value", 13, 13),
        ("Inner", "Outer", "class", 15, 15),
        ("value", "Outer", "function", 17, 18),
        ("later", "Outer", "function", 27, 27),
        ("self.x", "Outer.later", "value", 27, 27),
        ("self.y", "Outer.later", "value", 27, 27),
        ("cls.z", "Outer.later", "value", 27, 27),
        ("self.w", "Outer.later", "value", 27, 27),
        ("fallback", "<module>", "function", 30, 34),
        ("fallback", "<module>", "value", 38, 38),
    ]


def test_value_bindings_span_the_statement():
    found = index(
        """\
        A, (B, *C) = (
            1, (2, 3))
        D: int
        D += 1
        E = F = None
        E.g = E[0] = 1
        class K:
            d: str = "x"
            def m(self):
                if self.a:
                    self.b = call(
                        1)
                with lock(
                ) as self.c, other() as local:
                    self.d += 1
                match self:
                    case 1:
                        cls.e = 2
                local = 1
                def inner(self):
                    self.no = 1
        def f(self):
            self.no = 1
        """
    )
    assert [b for b in bindings(found) if b[2] == "value"] == [
        ("A", "<module>", "value", 1, 2),
        ("B", "<module>", "value", 1, 2),
        ("C", "<module>", "value", 1, 2),
        ("D", "<module>", "value", 3, 3),
        ("D", "<module>", "value", 4, 4),
        ("E", "<module>", "value", 5, 5),
        ("F", "<module>", "value", 5, 5),
        ("d", "K", "value", 8, 8),
        ("self.b", "K.m", "value", 11, 12),
        ("self.c", "K.m", "value", 13, 14),
        ("self.d", "K.m", "value", 15, 15),
        ("cls.e", "K.m", "value", 18, 18),
    ]


# ---- newer syntax ----------------------------------------------------------------------------

NEWER = [
    "type X = int\n",
    "def f[T](x: T) -> T:\n    return x\n",
    "class A[T]:\n    def m(self):\n        self.x = 1\n",
    'x = f"{y["a"]}"\n',
    "try:\n    import a\nexcept A, B:\n    import b as a\n",
    't = t"{x}"\n',
    "x = " + "1" * 5000 + "\n",
]


@pytest.mark.parametrize("text", NEWER)
def test_libcst_reads_newer_syntax(text: str):
    assert_tiles(index(text), text)


def test_newer_syntax_is_indexed_like_older():
    newer = NESTED.replace("import os", 'f"{x["a"]}"; import os')
    found, known = index(newer), index(NESTED)
    assert (found.imports, found.stars, found.bindings) == (known.imports, known.stars, known.bindings)
    assert found.definitions[1:] == known.definitions[1:]


def test_a_type_alias_binds_its_name():
    assert bindings(index("type X = (\n  int)\n")) == [("X", "<module>", "value", 1, 2)]


def library() -> list[Path]:
    """Some modules of the standard library with all kinds of statements."""
    names = "ast asyncio/base_events enum dataclasses typing tarfile contextlib email/header"
    return [Path(ast.__file__).parent / f"{name}.py" for name in names.split()]


@pytest.mark.parametrize("path", library(), ids=lambda path: path.name)
def test_libcst_and_ast_give_the_same_index(path: Path, monkeypatch: pytest.MonkeyPatch):
    text = decode(path.read_bytes())
    expected = index_source("a/b.py", text)
    monkeypatch.setattr("guardrail.index.parse", lambda text: read_statements(text, ""))
    assert index_source("a/b.py", text) == expected


def test_reading_by_ast_does_not_import_libcst():
    code = "import sys, guardrail.index as i; i.index_source('a.py', 'x = 1'); sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- what cannot be read ---------------------------------------------------------------------


def unread(text: str) -> str:
    with pytest.raises(Unreadable) as caught:
        index_source("a.py", text)
    return str(caught.value)


def test_the_reason_has_the_line():
    assert unread("x = 1\ny = = 2\n") == "invalid syntax at line 2"
    assert unread("x = (\n") == "invalid syntax at line 1: '(' was never closed"


def test_the_reason_is_that_of_the_parser_that_came_further():
    assert unread("type X = int\nx = 1\ny = = 2\n") == "invalid syntax at line 3"


@pytest.mark.parametrize("line", ["print 'a'", "exec 'x'", "raise E, 'x'", "x = 0777", "x = `y`", "if a <> b: pass"])
def test_python_2_is_named(line: str):
    assert unread(f"x = 1\n{line}\n") == f"Python 2 syntax? invalid syntax at line 2: {line}"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + ")" * 10_000,
        "[" * 10_000,
        "x = f'{" + "(" * 10_000,
        "type X = int\nx = " + "(" * 150 + ")" * 150,
        "type X = int\nx = " + "lambda: " * 10_000 + "1",
        "type X = int\nx = " + "-" * 100_000 + "1",
        "type X = int\nx = 1" + " and 1" * 100_000,
        "type X = int\nx = " + "(not " * 90 + "not " * 950 + "1" + ")" * 90,
        'f"{"a"' + "(" * 5_000 + '"b"}"',
        "f'{" * 60,
        "type X = int\nif 1: pass\n" + "elif 1: pass\n" * 5_000,
        "x = " + "-" * 50_000 + "1",
        "".join(" " * i + "if 1:\n" for i in range(150)) + " " * 150 + "pass\n",
    ],
    ids=range(13),
)
def test_deep_nesting_is_told(text: str):
    assert unread(text).startswith("too deeply nested")


@pytest.mark.parametrize(
    "text",
    [
        "x = [" + "-1, " * 50_000 + "]",
        "x = ':( :( '\n# :( (\n" * 500,
        "f'{x:(<10}({y!r:{z}}' 'a'\n" * 500,
        "rf'\\{x}(' rb'(' f'\\N{LEFT PARENTHESIS}(' f'{{(' f'''\n'(' ''' \"'\"\n" * 500,
        "x.y(1)[2].z = -a + b\n" * 5_000,
        "f'''{a['''(''']}''' \n" * 500,
    ],
)
def test_wide_is_not_deep(text: str):
    assert not is_too_deep(text)


def test_large_files_do_not_hang():
    begun = time.monotonic()
    assert len(index_source("a.py", "x = 1\n" * 500_000).bindings) == 500_000
    assert index_source("a.py", "x = '" + "a" * 2_000_000 + "'\n").bindings
    assert index_source("a.py", "x = [" + "1, " * 400_000 + "]\n").bindings
    assert unread("y = = 1\n" * 500_000) == "invalid syntax at line 1"
    assert unread("type X = int\n" * 200_000).startswith("invalid syntax at line 1")
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"\xef\xbb\xbf# coding: utf-8\nx\n", "# coding: utf-8\nx\n"),
        (b"# -*- coding: latin-1 -*-\n\xe9\n", "# -*- coding: latin-1 -*-\n\xe9\n"),
        (
            b"#!/bin/python\r# vim: set fileencoding=cp1252 :\r\x80\r",
            "#!/bin/python\n# vim: set fileencoding=cp1252 :\n\u20ac\n",
        ),
        (b"x = 1\n# coding: latin-1\n", "x = 1\n# coding: latin-1\n"),
        (b"\n\n# coding: nonsense\n", "\n\n# coding: nonsense\n"),
        ("é = '…'\n".encode(), "é = '…'\n"),
    ],
)
def test_decoding(data: bytes, text: str):
    assert decode(data) == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x = 1\0\n", "contains NUL bytes, so it is no Python source"),
        ("x = 1\n".encode("utf-16"), "contains NUL bytes, so it is no Python source"),
        (b"x = 1\ny = '\xff'\n", "not valid UTF-8: byte 0xff at line 2"),
        (b"# coding: nonsense\n", "unknown encoding 'nonsense' in the coding cookie"),
        (b"# coding: idna\n", "unknown encoding 'idna' in the coding cookie"),
        (b"# coding: ascii\n\xe9\n", "not valid ascii: byte 0xe9 at line 2"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "the coding cookie says 'latin-1', but the file begins with a UTF-8 byte"),
        (b"# coding: hex\n", "cannot be decoded as hex: "),
        (b"# coding: ../x\n", "unknown encoding '..' in the coding cookie"),
    ],
)
def test_undecodable_files_have_a_reason(data: bytes, reason: str):
    with pytest.raises(Unreadable) as caught:
        decode(data)
    assert str(caught.value).startswith(reason)


# ---- properties ------------------------------------------------------------------------------

CODECS = sorted({*encodings.aliases.aliases.values(), "idna", "punycode", "undefined", "unicode_escape", "utf_8_sig"})
COOKIES = st.builds(lambda name, rest: b"# coding: %b\n%b" % (name.encode(), rest), st.sampled_from(CODECS), st.binary())
MANY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
PYTHONIC = st.text(st.sampled_from("abf if else:=()[]{}\n\t \"'#\\@,.0159\r\f\u2028\xe9"), max_size=80)


def try_index(text: str) -> FileIndex | None:
    """The index, or None where there is a reason for there being none; anything else is raised."""
    try:
        return index_source("a/b.py", text)
    except Unreadable:
        return None


@MANY
@given(st.text() | PYTHONIC)
def test_any_text_is_indexed_or_unreadable(text: str):
    if found := try_index(text):
        assert_tiles(found, text.replace("\r\n", "\n").replace("\r", "\n"))


@MANY
@given(st.binary() | COOKIES)
def test_any_bytes_are_decoded_or_unreadable(data: bytes):
    try:
        text = decode(data)
    except Unreadable:
        return
    assert "\r" not in text
    try_index(text)


SIMPLE = st.sampled_from(
    [
        "pass",
        "x = (\n1,\n)",
        "self.x = 1",
        '"""a\n\nb"""',
        "# note\npass",
        "\n\npass\n",
        "import a.b as c",
        "y: int = 2; z = 3",
        "x += \\\n  1",
    ]
)
HEADERS = st.sampled_from(
    [
        "if a:",
        "for x in y:",
        "while x:",
        "with a(\n) as b:",
        "class A:",
        "class B(\n  A\n):",
        "def f(self):",
        "@d\n@e(\n)\ndef g(\n  self,\n):",
        "async def h():",
        "@(\n a)\nclass C:",
        "def k[T](x: T):",
    ]
)
GAPS = st.sampled_from(["\n", " # c\n", "\n# c\n\n"])


def write(header: str, gap: str, body: list[str]) -> str:
    """A compound statement: header, gap, and a body that is indented."""
    return header + (gap + textwrap.indent("\n".join(body), "    ") if body else " pass")


PROGRAMS = st.recursive(SIMPLE, lambda inner: st.builds(write, HEADERS, GAPS, st.lists(inner, max_size=4)), max_leaves=12)


@MANY
@given(st.lists(PROGRAMS, max_size=5).map("\n".join))
def test_programs_are_tiled(text: str):
    found = index_source("a.py", text)
    assert_tiles(found, text)
    lines = text.split("\n")
    for d in found.definitions[1:]:
        assert lines[d.first - 1].split()[0].startswith(("@", "def", "class", "async"))
        assert ":" in lines[d.header - 1]


def test_questions_for_nothing_or_a_type_and_prose_do_not_branch():
    asked = "if a is None:\n    pass\nif isinstance(a, int):\n    pass\n"
    text = asked + "'''\nif the moon is full\nfor ever\n'''\nif (\n    a > 1\n):\n    pass\n"
    assert index(text).definitions[0].branches == 1
