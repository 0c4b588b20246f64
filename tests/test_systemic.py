"""Findings about the whole project, in real repositories: what a change makes reachable, from either end of the path."""

import json

import pytest
from command import guardrail
from repos import Repo

VIEWS = """
from fastapi import APIRouter

from shop import prices

router = APIRouter()


@router.get("/price")
async def price(amount: int) -> int:
    return prices.in_euro(amount)
"""
PLAIN_VIEWS = VIEWS.replace("async def", "def")
PRICES = """
from shop.rates import fetch


def in_euro(amount: int) -> int:
    return amount * fetch()
"""
WAITS = """
import time


def fetch() -> int:
    time.sleep(3)
    return 2
"""
KNOWS = """
def fetch() -> int:
    return 2
"""
CHAIN = "views.price → prices.in_euro → rates.fetch → time.sleep"


@pytest.fixture
def shop(tmp_path):
    """A repository of three modules, to be completed."""

    def make(**modules: str) -> Repo:
        repo = Repo(tmp_path / "repo")
        files = {"views": VIEWS, "prices": PRICES, "rates": KNOWS} | modules
        repo.commit({"shop/__init__.py": "", **{f"shop/{name}.py": text for name, text in files.items()}})
        return repo

    return make


def found(repo: Repo, *arguments: str) -> list[dict]:
    """The systemic findings of a check of the working tree."""
    done = guardrail("check", "--format", "json", *arguments, cwd=repo.root)
    assert done.err == ""
    return [f for f in done.told["findings"] if f["rule"] == "ASY001"]


def test_a_helper_that_begins_to_block_is_reported_at_its_call(shop):
    repo = shop()
    repo.write("shop/rates.py", WAITS)
    [finding] = found(repo)
    assert (finding["path"], finding["line"]) == ("shop/rates.py", 6)
    assert CHAIN in finding["message"]
    assert [(n["path"], n["line"]) for n in finding["notes"]] == [
        ("shop/views.py", 9),
        ("shop/views.py", 11),
        ("shop/prices.py", 6),
        ("shop/rates.py", 6),
    ]


def test_a_function_that_becomes_a_coroutine_is_reported_where_it_calls(shop):
    repo = shop(views=PLAIN_VIEWS, rates=WAITS)
    repo.write("shop/views.py", VIEWS)
    [finding] = found(repo)
    assert (finding["path"], finding["line"], finding["status"]) == ("shop/views.py", 11, "introduced")


def test_a_call_that_is_new_in_the_middle_is_reported_there(shop):
    repo = shop(prices="def in_euro(amount: int) -> int:\n    return amount\n", rates=WAITS)
    repo.write("shop/prices.py", PRICES)
    [finding] = found(repo)
    assert (finding["path"], finding["line"]) == ("shop/prices.py", 6)
    assert CHAIN in finding["message"]


def test_a_path_that_was_there_before_is_not_news(shop):
    repo = shop(rates=WAITS)
    repo.write("shop/prices.py", PRICES.replace("amount * fetch()", "2 * amount * fetch()"))
    assert found(repo) == []


def test_a_path_that_nothing_touches_is_not_mentioned(shop):
    repo = shop(rates=WAITS)
    repo.write("shop/other.py", "def nothing() -> None:\n    return None\n")
    assert found(repo) == []


def test_a_path_that_is_cut_is_fixed(shop):
    repo = shop(rates=WAITS)
    repo.write(
        "shop/views.py", VIEWS.replace("return prices.in_euro(amount)", "return await asyncio.to_thread(prices.in_euro, amount)")
    )
    done = guardrail("check", cwd=repo.root)
    assert "1 fixed" in done.out


def test_a_path_through_a_base_class_an_injected_object_and_a_re_export_is_found(tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit(
        {
            "app/__init__.py": "",
            "app/stores/__init__.py": "from .files import Files as Store\n",
            "app/stores/base.py": "import subprocess\n\n\nclass Base:\n    def sync(self):\n        return 1\n",
            "app/stores/files.py": "from .base import Base\n\n\nclass Files(Base):\n    def save(self):\n        self.sync()\n",
            "app/deps.py": "from app.stores import Store\n\n\ndef get_store():\n    return Store()\n",
            "app/main.py": (
                "from typing import Annotated\n\nfrom fastapi import Depends, FastAPI\n\nfrom app.deps import get_store\n\n"
                "app = FastAPI()\n\n\n"
                '@app.post("/")\nasync def save(store: Annotated[object, Depends(get_store)]):\n    store.save()\n'
            ),
        }
    )
    repo.write(
        "app/stores/base.py",
        "import subprocess\n\n\nclass Base:\n    def sync(self):\n        subprocess.run(['sync'], check=True)\n",
    )
    [finding] = found(repo)
    assert "main.save → files.Files.save → base.Base.sync → subprocess.run" in finding["message"]


def test_recursion_ends(tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit()
    repo.write("a.py", "import b\n\n\nasync def f(n):\n    return b.g(n)\n")
    repo.write("b.py", "import a, time\n\n\ndef g(n):\n    h(n)\n    return g(n - 1)\n\n\ndef h(n):\n    g(n)\n    time.sleep(n)\n")
    repo.git("add", "-A")
    assert [(f["path"], f["line"]) for f in found(repo)] == [("a.py", 5)]


def test_a_path_that_is_too_long_is_not_followed(tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit()
    calls = "".join(f"def f{n}():\n    f{n + 1}()\n\n\n" for n in range(12))
    repo.write("a.py", f"import time\n\n\nasync def f():\n    f0()\n\n\n{calls}def f12():\n    time.sleep(1)\n")
    assert found(repo) == []


def test_the_report_prints_the_chain(shop):
    repo = shop()
    repo.write("shop/rates.py", WAITS)
    done = guardrail("check", cwd=repo.root)
    assert CHAIN in done.out
    assert done.code == 1


def test_a_trace_tells_both_directions(shop):
    repo = shop(rates=WAITS)
    done = guardrail("trace", "shop/prices.py:in_euro", cwd=repo.root)
    assert "shop/rates.py:6 fetch sleep time.sleep" in done.out
    assert "shop/views.py:11 price calls in_euro  [async from line 9]" in done.out


def test_a_trace_for_a_machine(shop):
    repo = shop(rates=WAITS)
    told = json.loads(guardrail("trace", "shop/prices.py:in_euro", "--format", "json", cwd=repo.root).out)
    assert [step["name"] for step in told["reaches"]] == ["fetch", "time.sleep"]
    assert [step["symbol"] for step in told["reached_by"]] == ["price"]


def test_a_trace_of_nothing_says_what_there_is(shop):
    sentence = guardrail("trace", "shop/prices.py:in_yen", cwd=shop().root).refused()
    assert sentence == "shop/prices.py: there is no function in_yen here; it has in_euro"


def hub(count: int) -> dict[str, str]:
    """Modules with `count` coroutines that all use one function, which waits already."""
    users = {
        f"app/users_{n}.py": f"from app.secrets import get_secret\n\n\nasync def serve_{n}():\n    return get_secret('{n}')\n"
        for n in range(count)
    }
    kept = "import requests\n\n\ndef fetch(name):\n    return requests.get(name, timeout=3).text\n"
    return {"app/__init__.py": "", "app/kept.py": kept, "app/secrets.py": HUB, **users}


HUB = """
import time

from app.kept import fetch


def get_secret(name):
    if name.startswith("http"):
        return fetch(name)
    return by_name(name)


def by_name(name):
    time.sleep(1)
    return name
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('    if name.startswith("http"):', '    time.sleep(2)\n    if name.startswith("http"):', 8),
        ("    return by_name(name)", "    fetch('x')\n    return by_name(name)", 10),
        ("    time.sleep(1)\n", "    time.sleep(1)\n    time.sleep(2)\n", 15),
    ],
    ids=["its own", "a second call of the same", "the same once more"],
)
def test_what_is_added_behind_a_hub_is_news_though_the_hub_waited_before(tmp_path, old, new, line):
    repo = Repo(tmp_path / "repo")
    repo.commit(hub(40))
    repo.write("app/secrets.py", HUB.replace(old, new))
    assert [(f["path"], f["line"], f["status"]) for f in found(repo)] == [("app/secrets.py", line, "introduced")]


def test_a_bound_that_was_hit_is_said_in_text_and_json(tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit(
        hub(40)
        | {f"app/more_{n}.py": f"import app.secrets\n\n\ndef more_{n}():\n    app.secrets.get_secret('x')\n" for n in range(150)}
    )
    repo.write(
        "app/secrets.py", HUB.replace('    if name.startswith("http"):', '    time.sleep(2)\n    if name.startswith("http"):')
    )
    done = guardrail("check", "--format", "json", cwd=repo.root)
    assert [limit for limit in done.told["limits"] if "`get_secret`" in limit]
    assert f"bound: {done.told['limits'][0]}" in guardrail("check", cwd=repo.root).out


def test_a_trace_says_first_where_time_is_lost_and_what_is_held_meanwhile(tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit(
        {
            "shop/__init__.py": "",
            "shop/pay.py": (
                "from django.db import transaction\n\nfrom shop.gate import charge\n\n\n"
                "def pay(order):\n    log(order)\n    with transaction.atomic():\n        charge(order)\n\n\n"
                "def log(order):\n    return order\n"
            ),
            "shop/gate.py": (
                "import stamina\nimport httpx\n\n\n@stamina.retry(on=httpx.HTTPError, attempts=3)\ndef charge(order):\n"
                "    return httpx.post('https://pay.example.org', json=order, timeout=5)\n"
            ),
        }
    )
    done = guardrail("trace", "shop/pay.py:pay", cwd=repo.root)
    waits, _, reaches = done.out.partition("reaches:")
    inside = "transaction from line 8 of shop/pay.py"
    assert f"shop/gate.py:7 charge net httpx.post  [timeout 5; retry ×3 from line 5; {inside}]" in waits
    assert "shop/gate.py:5 charge retry @stamina.retry (retries ×3)" in waits
    assert "pay calls charge  [transaction from line 8]" in reaches
    assert "log" not in reaches
    told = guardrail("trace", "shop/pay.py:pay", "--format", "json", cwd=repo.root).told
    assert [step["within"] for step in told["reaches"] if step["what"] == "net"] == [[inside]]
