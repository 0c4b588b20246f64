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
