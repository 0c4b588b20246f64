"""What a pattern matches, and what it leaves alone: each row is a rule and code of which some lines are marked."""

from __future__ import annotations

import textwrap

import pytest

from guardrail.packs import Rules, read_packs
from guardrail.run import check_source

SURFACE = b"""
[surface]
id = "probe"
title = "A probe"
tier = "review-carefully"
why = "It is a test."
"""


def rules_of(body: str) -> Rules:
    """One rule, PRB001, with this body."""
    rule = f'[[rule]]\nid = "PRB001"\nname = "probe"\nseverity = "P1"\nmessage = "found $X"\nremedy = "mend"\n{body}\n'
    return read_packs([("probe.toml", SURFACE + rule.encode())])


def found(body: str, code: str, path: str = "app/module.py") -> list[int]:
    """The lines where the rule finds something, with triage; checked against the run without it."""
    rules, text = rules_of(body), textwrap.dedent(code)
    lines = [f.line for f in check_source(text, rules, path)]
    assert lines == [f.line for f in check_source(text, rules, path, triage=False)], "triage loses or adds findings"
    return lines


def marked(code: str) -> list[int]:
    """The lines that end in `# hit`."""
    return [n for n, line in enumerate(textwrap.dedent(code).split("\n"), 1) if line.rstrip().endswith("# hit")]


CASES = {
    "the name behind `def`, which stands in no scope": (
        'any = ["def $X(...): ..."]\nwhere.X = { regex = "^save" }',
        """
        class Album:
            def save(self):  # hit
                return saved()
            def load(self):
                return self
        """,
    ),
    "a call of an object that makes others": (
        'any = ["sqlalchemy.ext.asyncio.AsyncSession.commit($X)", "sqlalchemy.ext.asyncio.AsyncSession.get($X, ...)"]',
        """
        from sqlalchemy.ext.asyncio import async_sessionmaker
        Sessions = async_sessionmaker()
        async def f(pk):
            async with Sessions() as session:
                return await session.get(pk)  # hit
        """,
    ),
    "an alias of a module": (
        'any = ["os.system(...)"]',
        """
        import os as operating
        from os import system as run_it
        from os import *
        operating.system("ls")  # hit
        run_it("ls")  # hit
        system("ls")  # hit
        other.system("ls")
        """,
    ),
    "a re-bound name, at module level and inside a function": (
        'any = ["os.system(...)"]',
        """
        import os
        shell = os.system
        def f():
            g = shell
            g("ls")  # hit
        def h(shell):
            shell("ls")
        """,
    ),
    "an import inside the function": (
        'any = ["os.system(...)"]',
        """
        def f():
            from os import system
            system("ls")  # hit
        def g():
            system("ls")
        """,
    ),
    "a builtin that the file redefines": (
        'any = ["eval(...)"]',
        """
        def f(x):
            return eval(x)  # hit
        class Model:
            def run(self, x):
                return self.eval(x)
        """,
    ),
    "types of locals, parameters, self attributes and with targets": (
        'any = ["redis.Redis.get(...)"]',
        """
        import redis
        from typing import Optional
        pool: redis.Redis = make()
        class Store:
            shared: "redis.Redis"
            def __init__(self, client: redis.Redis):
                self.client = client
                self.own = redis.Redis()
            def read(self, key, other):
                self.client.get(key)  # hit
                self.own.get(key)  # hit
                self.shared.get(key)  # hit
                other.get(key)
                pool.get(key)  # hit
        def f(a: Optional[redis.Redis], b: redis.Redis | None, c: dict):
            a.get("k")  # hit
            b.get("k")  # hit
            c.get("k")
            with redis.Redis() as r:
                r.get("k")  # hit
            local = redis.from_url("redis://x")
            local.get("k")  # hit
        def make() -> redis.Redis: ...
        def g():
            make().get("k")  # hit
        """,
    ),
    "a subclass of the type": (
        'any = ["requests.Session.get(...)"]',
        """
        import requests
        class Client(requests.Session):
            def fetch(self, url):
                return self.get(url)  # hit
        def f():
            return Client().get("u")  # hit
        """,
    ),
    "keywords in any order, and none more without dots": (
        'any = ["lib.f($X, a=1, b=$B)"]',
        """
        import lib
        lib.f(0, b=2, a=1)  # hit
        lib.f(0, a=1, b=2)  # hit
        lib.f(0, a=1, b=2, c=3)
        lib.f(0, a=2, b=2)
        lib.f(a=1, b=2)
        """,
    ),
    "dots before and after": (
        'any = ["lib.f(..., key=$X, ...)", "lib.g($X, ..., 3)", "lib.h([..., \'none\', ...])"]',
        """
        import lib
        lib.f(1, 2, other=3, key=4)  # hit
        lib.f(other=3)
        lib.g(1, 2, 3)  # hit
        lib.g(1, 3)  # hit
        lib.g(3)
        lib.h(["a", "none"])  # hit
        lib.h(["a"])
        """,
    ),
    "unless, with a spread of unknown keywords counting as holding it": (
        'any = ["lib.f(...)"]\nunless = ["lib.f(..., timeout=$T, ...)"]',
        """
        import lib
        OPTIONS = {"timeout": 3}
        EMPTY = {"verify": True}
        def f(options):
            lib.f()  # hit
            lib.f(timeout=3)
            lib.f(**options)
            lib.f(**OPTIONS)
            lib.f(**EMPTY)  # hit
        """,
    ),
    "unless around the node": (
        'any = ["lib.f(...)"]\nunless = ["with lib.scope(...): ..."]',
        """
        import lib
        def f():
            with lib.scope(5):
                lib.f()
            async def g():
                async with lib.scope(5):
                    lib.f()
            lib.f()  # hit
        """,
    ),
    "the same metavariable is the same code": (
        'any = ["$X == $X"]',
        """
        a . b == a.b  # hit
        a == b
        """,
    ),
    "constants through assignments": (
        'any = ["lib.f(..., algorithms=None, ...)"]',
        """
        import lib
        ALGS = None
        class C:
            algs = None
            def __init__(self):
                self.other = None
            def f(self, given):
                lib.f(algorithms=ALGS)  # hit
                lib.f(algorithms=self.algs)  # hit
                lib.f(algorithms=self.other)  # hit
                lib.f(algorithms=given)
                local = None
                lib.f(algorithms=local)  # hit
                local = ["RS256"]
                lib.f(algorithms=local)
                options = {"algorithms": None}
                lib.f(**options)  # hit
        """,
    ),
    "a value that may be something unknown is not a constant": (
        'any = ["lib.f(verify=False)"]',
        """
        import lib
        def f(flag):
            verify = flag
            if flag is None:
                verify = False
            lib.f(verify=verify)
        def g(flag):
            verify = True
            if flag:
                verify = False
            lib.f(verify=verify)  # hit
        """,
    ),
    "literal, dynamic and value": (
        'any = ["lib.f($X)"]\nwhere.X = "dynamic"',
        """
        import lib
        TABLE = "users"
        def f(name, ids):
            lib.f("select")
            lib.f(f"select {TABLE}")
            lib.f(name)
            lib.f(f"select {name}")  # hit
            lib.f("select %s" % name)  # hit
            lib.f("select {}".format(name))  # hit
            lib.f("select " + name)  # hit
            query = "select "
            query += name
            lib.f(query)  # hit
            marks = ", ".join(["%s"] * len(ids))
            lib.f(f"select {marks} limit {int(name)}")
            lib.f("a" "b" f"{name}")  # hit
        """,
    ),
    "numbers": (
        'any = ["lib.f($X)"]\nwhere.X = { less-than = 600000 }',
        """
        import lib
        ROUNDS = 100 * 1000
        lib.f(ROUNDS)  # hit
        lib.f(600_000)
        lib.f(1 << 14)  # hit
        lib.f(True)
        """,
    ),
    "a regular expression on strings": (
        'any = ["lib.f($X)"]\nwhere.X = { regex = "^http://" }',
        """
        import lib
        BASE = "http://example.test"
        lib.f(BASE)  # hit
        lib.f(BASE + "/a")  # hit
        lib.f(f"{BASE}/a")  # hit
        lib.f("https://example.test")
        """,
    ),
    "a bare string": (
        'any = ["$X"]\nwhere.X = { regex = "^AKIA[A-Z0-9]{4}" }',
        """
        key = "AKIAAAAA"  # hit
        other = "an AKIAAAAA"
        data = {"k": b"AKIAZZZZ"}  # hit
        """,
    ),
    "type": (
        'any = ["lib.f($X)"]\nwhere.X = { type = "bytes" }',
        """
        import lib
        def f(a: bytes, b: str):
            lib.f(a)  # hit
            lib.f(b)
            lib.f(b"x")  # hit
            lib.f(b.encode())  # hit
        """,
    ),
    "secret": (
        'any = ["$A == $X"]\nwhere.A = "secret"',
        """
        import os
        def f(given, settings, token_count, cfg):
            given == settings.API_KEY  # hit
            given == os.environ["DB_PASSWORD"]  # hit
            given == cfg.get("webhook_secret")  # hit
            given == token_count
            given == settings.PASSWORD_MIN_LENGTH
        """,
    ),
    "the name of a class or function is text": (
        'any = ["class $C(Base): ...", "def $F(...): ..."]\nwhere.C = { regex = "^Old" }\nwhere.F = { regex = "^old_" }',
        """
        class OldOne(Base):  # hit
            pass
        class NewOne(Base):
            pass
        def old_way():  # hit
            pass
        def new_way():
            pass
        """,
    ),
    "contexts": (
        'any = ["time.sleep(...)"]\ncontext = "async"',
        """
        import time
        async def f():
            time.sleep(1)  # hit
            def inner():
                time.sleep(1)
            return lambda: time.sleep(1)
        def g():
            time.sleep(1)
        """,
    ),
    "loop and lock contexts": (
        'any = ["lib.f(...)"]\ncontext = ["loop", "lock"]',
        """
        import lib, threading
        guard = threading.Lock()
        def f(xs):
            for x in lib.f():
                lib.f()  # hit
            [lib.f() for x in xs]  # hit
            [x for x in lib.f()]
            with guard:
                lib.f()  # hit
            while True:
                lib.f()  # hit
            lib.f()
        """,
    ),
    "a container that is filled is still the name that it was": (
        'any = ["lib.store[$K] = $X", "lib.Store.flush(...)"]',
        """
        import lib
        from lib import store
        def f():
            store["a"] = 1  # hit
            made = lib.Store()
            made.update(1)
            made["k"] = 2
            made.flush()  # hit
        """,
    ),
    "operators": (
        'any = ["lib.get($X) or $D", "not lib.ok($X)"]',
        """
        import lib
        a = lib.get("k") or "default"  # hit
        b = lib.get("k") and 1
        if not lib.ok(a):  # hit
            c = lib.ok(a)
        """,
    ),
    "a spread, and the block of a finally": (
        'any = ["lib.f(**$X)", "try: ...\\nfinally: lib.close()"]',
        """
        import lib
        def f(options):
            lib.f(**options)  # hit
            lib.f(1, **options)
            try:
                lib.g()
            finally:  # hit
                lib.close()
            try:
                lib.g()
            finally:
                lib.close()
                lib.more()
        """,
    ),
    "the name of each handler is its own error": (
        'any = ["lib.f($X)"]\nwhere.X = { type = "ValueError" }',
        """
        import lib
        try:
            pass
        except OSError as e:
            lib.f(e)
        except ValueError as e:
            lib.f(e)  # hit
        """,
    ),
    "statements: assignment, return, handler": (
        'any = ["try: ...\\nexcept Exception: pass", "try: ...\\nexcept: ..."]',
        """
        def f():
            try:
                g()
            except Exception:  # hit
                pass
            try:
                g()
            except (ValueError, Exception):  # hit
                pass
            try:
                g()
            except ValueError:
                pass
            try:
                g()
            except:  # hit
                log()
        """,
    ),
    "decorators": (
        'any = ["@lib.guard\\n@lib.route(...)\\ndef $F(...): ..."]',
        """
        import lib
        @lib.guard
        @lib.route("/a")
        def wrong(): ...  # hit
        @lib.route("/b")
        @lib.guard
        def right(): ...
        """,
    ),
    "bases": (
        'any = ["class $X(lib.Base): ..."]',
        """
        import lib
        class A(lib.Base):  # hit
            x = 1
        class B(Other):
            x = 1
        """,
    ),
    "dicts": (
        "any = [\"lib.f(options={..., 'verify_exp': False, ...})\"]",
        """
        import lib
        lib.f(options={"verify_exp": False, "a": 1})  # hit
        lib.f(options=dict(verify_exp=False))  # hit
        lib.f(options={"verify_exp": True})
        OPTIONS = {"verify_exp": False}
        lib.f(options=OPTIONS)  # hit
        """,
    ),
    "a receiver followed through its assignment": (
        'any = ["lib.digest(...).hex()"]',
        """
        import lib
        def f(x):
            d = lib.digest(x)
            return d.hex()  # hit
        """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pattern_matches_the_marked_lines_only(case: str) -> None:
    body, code = CASES[case]
    assert found(body, code) == marked(code)


TAINTED = 'any = ["sink($X)"]\nwhere.X = "tainted"'


def test_user_input_is_followed_and_ends_at_sanitizers() -> None:
    code = """
        import sys, os
        from flask import Flask, request
        from werkzeug.utils import secure_filename
        app = Flask(__name__)
        def helper(text):
            return text.strip()
        def other(text):
            return "fixed"
        @app.route("/<name>")
        def view(name):
            sink(request.args["q"])  # hit
            q = request.args.get("q", "")
            sink(f"x {q}")  # hit
            sink("x" + q.lower())  # hit
            sink({"a": [q]})  # hit
            sink(int(q))
            sink(secure_filename(q))
            sink(q == "a")
            sink(name)  # hit
            sink(helper(q))  # hit
            sink(other(q))
            rows = []
            rows.append(q)
            sink(rows)  # hit
            d = {}
            d["k"] = q
            sink(d)  # hit
            for part in q.split(","):
                sink(part)  # hit
            q = "clean"
            sink(q)
        def plain(name):
            sink(name)
            sink(input())  # hit
            sink(sys.argv[1])  # hit
            sink(os.environ["HOME"])
        """
    assert found(TAINTED, code) == marked(code)


def test_the_environment_of_a_cgi_or_wsgi_program_is_user_input() -> None:
    code = """
        import os
        from os import environ as env
        def main():
            sink(os.environ["QUERY_STRING"])  # hit
            sink(os.environ.get("HTTP_REFERER", ""))  # hit
            sink(env["PATH_INFO"])  # hit
            sink(os.getenv("REMOTE_USER"))  # hit
            sink(os.environ["HOME"])
            sink(os.getenv("DATABASE_URL"))
        def application(environ, start_response):
            sink(environ["QUERY_STRING"])  # hit
            sink(environ["SERVER_NAME"])
        """
    assert found(TAINTED, code) == marked(code)


def test_framework_requests_are_known_by_type() -> None:
    code = """
        from django.http import HttpRequest
        from django.views import View
        from fastapi import Depends, FastAPI, Header, Request
        app = FastAPI()
        def view(request):
            sink(request.GET["q"])  # hit
            sink(request.user)
        class Page(View):
            def get(self, request, pk):
                sink(request.POST.get("a"))  # hit
                sink(self.request.body)  # hit
        def verify(x_key: str = Header(...), q: str = "plain"):
            sink(x_key)  # hit
            sink(q)
        @app.get("/")
        async def api(req: Request, q: str, n: int, db=Depends(make)):
            sink(await req.json())  # hit
            sink(q)  # hit
            sink(n)
            sink(db)
        """
    assert found(TAINTED, code) == marked(code)


def test_messages_show_the_code_that_a_metavariable_stands_for() -> None:
    rules = rules_of('any = ["lib.f($X)"]')
    assert [f.message for f in check_source("import lib\nlib.f( a +\n b)\n", rules)] == ["found a + b"]


def test_a_place_is_found_once_and_its_span_is_one_based() -> None:
    rules = rules_of('any = ["lib.f($X)", "lib.f(...)"]')
    (finding,) = check_source("import lib\ndef g():\n    return lib.f(\n        1)\n", rules)
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (3, 12, 4, 11)
    assert finding.definition == "g"
