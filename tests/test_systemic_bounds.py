"""Every bound of the view over the project: where it is hit, the user is told."""

from __future__ import annotations

import pytest

from guardrail import systemic
from guardrail.change.trees import EmptyTree, MemoryTree
from guardrail.judge import Judge, read_library
from guardrail.model import FileChange
from guardrail.packs import Rules, load_packs
from guardrail.systemic.trace import trace

Files = dict[str, str]


@pytest.fixture(scope="module")
def rules() -> Rules:
    """guardrail's own packs."""
    return load_packs()


def tree(files: Files) -> MemoryTree:
    """The files of a project."""
    return MemoryTree(EmptyTree(), {path: text.encode() for path, text in files.items()})


def chain(first: str, last: str, calls: int, handed: str = "", gives: bool = False, name: str = "f") -> str:
    """Functions f1 to fn, each of which calls the next; `first` and `last` are the bodies of the two ends."""
    back = "return " if gives else ""
    links = [f"def {name}{n}({handed}):\n    {back}{name}{n + 1}({handed})\n" for n in range(1, calls)]
    return f"{first}\n\n" + "\n\n".join([*links, f"def {name}{calls}({handed}):\n    {last}\n"])


def wide(many: int, head: str, call: str, body: str = "pass") -> str:
    """A function that calls very many others."""
    inner = "\n".join(f"    g{n}({call})" for n in range(many))
    return f"{head}\n{inner}\n\n\n" + "\n\n".join(f"def g{n}(x=0):\n    {body}\n" for n in range(many))


CLIENT = """import requests
from openai import OpenAI

client = OpenAI()
TOOLS = [{"name": "send_mail"}]


def ask(text):
    client.responses.create(model="m", input=text, tools=TOOLS)


def fetch(url):
    return requests.get(url, timeout=5).text


"""
TABLE = "from django.db import models\n\n\nclass Order(models.Model):\n    owner = models.ForeignKey('Owner')\n\n\n"
SESSION = (
    "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import Session, DeclarativeBase\n\n\n"
    "class Order(DeclarativeBase):\n    pass\n\n\n"
)
OPENS = "import sqlite3\n\n\ndef use():\n    held = f1()\n    held.execute('select 1')\n"
HANDLER = "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
STATE = "import threading\n\nlock = threading.Lock()\ncount = {}\n\n\n"
LOCKED = "".join(f"def hold{n}():\n    with state.lock:\n        state.count['a'] = {n}\n\n\n" for n in range(3))
PASSED = "\n".join(f"    a{n + 1} = a{n}" for n in range(8))

SCANNED: dict[str, tuple[Files, str]] = {
    "functions of a path": (
        {"a.py": "import time\n\n\n" + chain("async def f0():\n    f1()\n", "time.sleep(3)", 12)},
        "paths were followed over 8",
    ),
    "functions that hand a credential on": (
        {"a.py": "import logging\n\n\n" + chain("def f0(api_key):\n    f1(api_key)\n", "logging.info('%s', x)", 12, "x")},
        "values were followed through 8",
    ),
    "parameters that a credential becomes": (
        {"a.py": "def f0(api_key):\n    f(api_key)\n\n\n" + wide(130, "def f(x):", "x")},
        "parameters on the way of `x` of `f`",
    ),
    "functions that hand a text on": (
        {
            "a.py": "from z import ask, h1\n\n\ndef f0(url):\n    f1(h1(url))\n\n\n" + chain("", "ask(x)", 5, "x"),
            "z.py": CLIENT + chain("", "return fetch(url)", 5, "url", gives=True, name="h"),
        },
        "texts were followed through 8",
    ),
    "functions that a text comes to": (
        {
            "a.py": CLIENT
            + "def f0(url):\n    f(fetch(url))\n\n\n"
            + wide(130, "def f(x):", "x", "h(x)")
            + "\n\ndef h(x):\n    ask('a fixed text')\n"
        },
        "ways of a text from `f`",
    ),
    "functions that give a text back": (
        {"a.py": CLIENT + chain("def f0(url):\n    ask(f1(url))\n", "return fetch(url)", 7, "url", gives=True)},
        "is given back, 8 calls",
    ),
    "names of tools": (
        {
            "a.py": CLIENT.replace("TOOLS = [", "A = [")
            + "\n".join(f"{chr(66 + n)} = [*{chr(65 + n)}]" for n in range(8))
            + "\nTOOLS = I\n\n\ndef f0(url):\n    ask(fetch(url))\n"
        },
        "tools of a model were looked for",
    ),
    "re-exports": (
        {f"m{n}.py": f"from m{n + 1} import work\n" for n in range(12)}
        | {"a.py": "from m0 import work\n\n\ndef use():\n    work()\n"},
        "re-exports were followed",
    ),
    "star imports": (
        {f"s{n}.py": "" for n in range(30)}
        | {"a.py": "".join(f"from s{n} import *\n" for n in range(30)) + "\n\ndef use():\n    unknown()\n"},
        "the `import *` of a.py",
    ),
    "functions that a call may mean": (
        {
            "a.py": "".join(f"def w{n}():\n    pass\n\n\n" for n in range(9))
            + "".join(f"work = w{n}\n" for n in range(9))
            + "\n\ndef use():\n    work()\n"
        },
        "may mean more than 6",
    ),
    "things that a value may be": (
        {
            "a.py": "".join(f"def w{n}():\n    pass\n\n\n" for n in range(15))
            + "".join(f"work = w{n}\n" for n in range(15))
            + "\n\ndef use():\n    work()\n"
        },
        "values that may be more than 12",
    ),
    "steps of a name": (
        {
            "a.py": "import time\n\nn0 = time.sleep\n"
            + "".join(f"n{n + 1} = n{n}\n" for n in range(30))
            + "\n\ndef use():\n    n30(1)\n"
        },
        "names were followed over 16",
    ),
    "subclasses": (
        {
            "a.py": "class Base:\n    def work(self):\n        raise NotImplementedError\n\n\n"
            + "".join(f"class K{n}(Base):\n    def work(self):\n        pass\n\n\n" for n in range(30))
            + "def use(it: Base):\n    it.work()\n"
        },
        "of the subclasses of `a.Base`",
    ),
    "levels of subclasses": (
        {
            "a.py": "class K0:\n    def work(self):\n        raise NotImplementedError\n\n\n"
            + "".join(f"class K{n + 1}(K{n}):\n    def work(self):\n        pass\n\n\n" for n in range(8))
            + "def use(it: K0):\n    it.work()\n"
        },
        "subclasses of `a.K0` were looked for over 4",
    ),
    "files with subclasses": (
        {"a.py": "class Base:\n    def work(self):\n        raise NotImplementedError\n\n\ndef use(it: Base):\n    it.work()\n"}
        | {f"k{n}.py": "from a import Base\n\n\nclass K(Base):\n    pass\n" for n in range(210)},
        "`Base` is named in very many files",
    ),
    "callers that may clear a cache": (
        {
            "models.py": TABLE,
            "a.py": "from django.core.cache import cache\nfrom models import Order\n\n\n"
            "def read(pk):\n    cache.set('a', Order.objects.get(pk=pk), timeout=None)\n\n\n"
            "def write(pk):\n    Order.objects.filter(pk=pk).update(owner=None)\n",
            "c.py": "from a import write\n\n\n" + "".join(f"def c{n}():\n    write({n})\n\n\n" for n in range(20)),
        },
        "of the callers of `write` 12",
    ),
    "callers that may hold a lock": (
        {
            "state.py": STATE,
            "held.py": "import state\n\n\n" + LOCKED,
            "a.py": "import state\n\n\ndef add():\n    state.count['a'] += 1\n",
            "c.py": "from a import add\n\n\n" + "".join(f"def c{n}():\n    add()\n\n\n" for n in range(20)),
        },
        "of the callers of `add` 12",
    ),
    "calls upward in which a lock is looked for": (
        {
            "state.py": STATE,
            "held.py": "import state\n\n\n" + LOCKED,
            "a.py": "import state\n\n\n" + chain("def f0():\n    f1()\n", "state.count['a'] += 1", 6),
        },
        "locks were looked for over 3",
    ),
    "calls whose times are added": (
        {
            "a.py": "import asyncio\nimport httpx\n\n\n"
            + chain(
                "async def f0():\n    async with asyncio.timeout(2):\n        await f1()\n",
                "await httpx.AsyncClient().get('u', timeout=9)",
                7,
            )
            .replace("\ndef ", "\nasync def ")
            .replace("    f", "    await f")
        },
        "times were added up over 5",
    ),
    "helpers that open a handle": (
        {"a.py": chain(OPENS, "return sqlite3.connect('d')", 6, gives=True)},
        "what opens a handle was looked for over 3",
    ),
    "steps of what is given back": (
        {
            "a.py": HANDLER
            + SESSION
            + "def every(db: Session):\n    a0 = db.query(Order).all()\n"
            + PASSED
            + "\n    return a8\n\n\n"
            "@router.get('/a')\ndef listed(db: Session):\n    return every(db)\n"
        },
        "what a function gives back was followed over 6",
    ),
    "functions that build a query": (
        {
            "a.py": TABLE
            + "def names():\n    rows = Order.objects.all()\n"
            + "".join(f"    q{n}(rows)\n" for n in range(50))
            + "    return [o.owner.name for o in rows]\n\n\n"
            + "".join(f"def q{n}(rows):\n    pass\n\n\n" for n in range(50))
        },
        "of what builds the query of `names`",
    ),
    "paths to one effect": (
        {
            "a.py": "import time\n\n\ndef wait():\n    time.sleep(3)\n\n\n"
            + "".join(f"async def c{n}():\n    wait()\n\n\n" for n in range(9))
        },
        "9 paths lead to a.py:5",
    ),
}

LOG = "import logging\n\n\ndef note(x):\n    {}\n\n\n"
WRITES = "logging.info('%s', x)"
CHANGED: dict[str, tuple[Files, Files, str]] = {
    "functions back to a context": (
        {"z.py": chain("async def f0():\n    f1()\n", "pass", 12)},
        {"z.py": "import time\n\n\n" + chain("async def f0():\n    f1()\n", "time.sleep(3)", 12)},
        "paths were followed over 8",
    ),
    "functions back to a credential": (
        {"z.py": chain("def f0(api_key):\n    f1(api_key)\n", "pass", 12, "x")},
        {"z.py": "import logging\n\n\n" + chain("def f0(api_key):\n    f1(api_key)\n", WRITES, 12, "x")},
        "values were followed through 8",
    ),
    "callers with a credential": (
        {"z.py": LOG.format("pass")}
        | {f"c{n}.py": "from z import note\n\n\ndef c(api_key):\n    note(api_key)\n" for n in range(40)},
        {"z.py": LOG.format(WRITES)},
        "`x` of `note` gets credentials from very many",
    ),
    "parameters back to a credential": (
        {
            "z.py": LOG.format("pass"),
            "c.py": "from z import note\n\n\n" + "".join(f"def c{n}(y):\n    note(y)\n\n\n" for n in range(140)),
        },
        {"z.py": LOG.format(WRITES)},
        "parameters on the way of `x` of `note`",
    ),
    "callers with a text": (
        {
            "z.py": CLIENT.replace("TOOLS)", "())"),
            "c.py": "from z import ask, fetch\n\n\n" + "".join(f"def c{n}():\n    ask(fetch('u'))\n\n\n" for n in range(40)),
        },
        {"z.py": CLIENT},
        "`ask` is called from very many places",
    ),
    "callers that get a text": (
        {
            "z.py": CLIENT.replace("requests.get(url, timeout=5).text", "''"),
            "c.py": "from z import ask, fetch\n\n\n" + "".join(f"def c{n}():\n    ask(fetch('u'))\n\n\n" for n in range(40)),
        },
        {"z.py": CLIENT},
        "`fetch` is called from very many places",
    ),
    "files with callers": (
        {"z.py": "def work():\n    pass\n"}
        | {f"c{n}.py": f"from z import work\n\n\nasync def c{n}():\n    work()\n" for n in range(210)},
        {"z.py": "import time\n\n\ndef work():\n    time.sleep(3)\n"},
        "`work` is named in very many files",
    ),
    "contexts of one function": (
        {
            "z.py": "def work():\n    pass\n",
            "c.py": "from z import work\n\n\n"
            + "".join(f"async def c{n}():\n    work()\n\n\n" for n in range(40))
            + "def d():\n    work()\n",
        },
        {"z.py": "import time\n\n\ndef work():\n    time.sleep(3)\n"},
        "`work` is called from very many places, of which the nearest 24",
    ),
    "functions on the way to contexts": (
        {
            "z.py": "def work():\n    pass\n",
            "c.py": "from z import work\n\n\n" + "".join(f"def c{n}():\n    work()\n\n\n" for n in range(200)),
        },
        {"z.py": "import time\n\n\ndef work():\n    time.sleep(3)\n"},
        "of the functions that lead to `work` the nearest 120",
    ),
    "functions that one reaches": (
        {"z.py": "", "c.py": "".join(f"def c{n}():\n    c{n + 1}()\n\n\n" for n in range(1600))},
        {"z.py": "from c import c0\n\n\nasync def work():\n    c0()\n"},
        "of what `c0` reaches the nearest 1500",
    ),
}


@pytest.mark.parametrize("case", SCANNED)
def test_a_scan_tells_its_bounds(case, rules):
    files, said = SCANNED[case]
    judge = Judge(EmptyTree(), tree(files), rules, whole=True)
    limits = systemic.find(judge, [FileChange(None, path) for path in files], []).limits
    assert [limit for limit in limits if said in limit], limits


@pytest.mark.parametrize("case", CHANGED)
def test_a_check_tells_its_bounds(case, rules):
    base, changed, said = CHANGED[case]
    judge = Judge(tree(base), tree(base | changed), rules)
    lines = {path: frozenset(range(1, text.count("\n") + 2)) for path, text in changed.items()}
    limits = systemic.find(judge, [FileChange(path, path, some, some) for path, some in lines.items()], []).limits
    assert [limit for limit in limits if said in limit], limits


@pytest.mark.parametrize(("symbol", "said"), [("f", "the first 200 functions"), ("h", "the first 200 callers")])
def test_a_trace_tells_its_bounds(symbol, said):
    text = wide(230, "def f():", "", "h()") + "\n\ndef h():\n    pass\n"
    limits = trace(tree({"a.py": text}), read_library(), "a.py", symbol).limits
    assert [limit for limit in limits if said in limit], limits


def test_nothing_is_said_where_no_bound_was_hit(rules):
    files = {"a.py": CLIENT + chain("async def f0(url):\n    f1(fetch(url))\n", "ask(x)", 3, "x")}
    judge = Judge(EmptyTree(), tree(files), rules, whole=True)
    assert systemic.find(judge, [FileChange(None, "a.py")], []).limits == ()
