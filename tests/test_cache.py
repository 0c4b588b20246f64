"""The cache may be damaged, foreign, full or in use: the answer is always the one without it."""

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from command import guardrail

from guardrail.cache import FILE, Cache
from guardrail.systemic.extract import extract
from guardrail.systemic.store import from_bytes, to_bytes

APP = "import helper\n\n\nasync def serve():\n    helper.work()\n"
HELPER = "import time\n\n\ndef work():\n    time.sleep(1)\n"


@pytest.fixture
def project(tmp_path):
    """A folder with two modules; scans of it use the cache in another one."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "helper.py").write_text(HELPER)
    return folder


@pytest.fixture
def place(tmp_path):
    """The folder of the cache."""
    return tmp_path / "cache"


def scan(project, place, *arguments):
    """The findings of a scan with this cache."""
    done = guardrail("scan", "--format", "json", *arguments, cwd=project, GUARDRAIL_CACHE=str(place))
    assert done.err == ""
    return done.found


WANTED = ["ASY001 app.py:5"]


def test_the_second_run_reads_what_the_first_has_kept(project, place):
    assert scan(project, place) == WANTED
    assert Cache(place).entries() == 4
    assert scan(project, place) == WANTED


def test_a_changed_file_is_read_anew(project, place):
    scan(project, place)
    (project / "helper.py").write_text("def work():\n    return 1\n")
    assert scan(project, place) == []


def test_without_a_cache_nothing_is_kept(project, place):
    assert scan(project, place, "--no-cache") == WANTED
    assert not place.exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(4000)], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_cache_is_replaced(project, place, content):
    place.mkdir()
    (place / FILE).write_bytes(content)
    assert scan(project, place) == WANTED
    assert Cache(place).entries() == 4


def test_a_table_of_another_version_is_replaced(project, place):
    place.mkdir()
    with sqlite3.connect(place / FILE) as other:
        other.execute("CREATE TABLE entries (name TEXT, value TEXT)")
    assert scan(project, place) == WANTED
    assert Cache(place).entries() == 4


def test_a_damaged_entry_is_made_anew(project, place):
    scan(project, place)
    with sqlite3.connect(place / FILE) as table:
        table.execute("UPDATE entries SET data = X'00112233'")
    assert scan(project, place) == WANTED


def test_damage_in_the_middle_of_the_file_changes_no_answer(project, place):
    scan(project, place)
    content = bytearray((place / FILE).read_bytes())
    for at in range(100, len(content), 7):
        content[at] ^= 0xFF
    (place / FILE).write_bytes(content)
    assert scan(project, place) == WANTED


def test_a_place_that_cannot_be_written_changes_no_answer(project, place):
    place.write_text("a file where the folder should be")
    assert scan(project, place) == WANTED
    assert scan(project, "/proc/nowhere/cache") == WANTED


def test_a_full_disk_changes_no_answer(project, tmp_path):
    program = (
        "import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
        "from guardrail.cli import main\nsys.exit(main(['scan', '--no-map']))\n"
    )
    environment = os.environ | {"GUARDRAIL_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "app.serve → helper.work → time.sleep" in done.stdout
    assert scan(project, tmp_path / "cache") == WANTED


def test_runs_at_the_same_time_do_not_disturb_one_another(project, place):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: scan(project, place), range(4))) == [WANTED] * 4
    assert Cache(place).entries() == 4


def test_a_table_that_another_process_holds_is_left_alone(project, place):
    scan(project, place)
    holder = sqlite3.connect(place / FILE)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert scan(project, place) == WANTED
    finally:
        holder.close()
    assert Cache(place).entries() == 4


def test_a_process_that_is_killed_while_it_writes_leaves_a_cache(project, place):
    program = (
        "import os, signal, sqlite3, sys\nfrom guardrail.cache import Cache\n"
        f"from pathlib import Path\nwith Cache(Path({str(place)!r}))._open(True) as table:\n"
        "    rows = ((str(n), b'', bytes(999)) for n in range(5000))\n"
        "    table.executemany('INSERT INTO entries VALUES (?, ?, ?)', rows)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert scan(project, place) == WANTED
    assert Cache(place).entries() == 4


def test_info_and_clear(project, place):
    scan(project, place)
    info = guardrail("cache", "info", cwd=project, GUARDRAIL_CACHE=str(place))
    assert f"{place / FILE}: 4 entries" in info.out
    assert "bytes removed" in guardrail("cache", "clear", cwd=project, GUARDRAIL_CACHE=str(place)).out
    assert not (place / FILE).exists()


def test_a_module_survives_being_bytes():
    text = (
        "from a import b as c\nfrom d import *\n\n\nclass E(c.F):\n    g: int = 1\n\n"
        "    @c.h(i=3)\n    async def j(self, k: 'list[E]' = None):\n        async with self.l as m:\n            for n in k:\n"
        "                await m.o(n, p={'q': 1})\n        return [r() for r in k]\n"
    )
    module = extract("s.py", "s", text)
    assert module.functions["E.j"].sites
    assert from_bytes(to_bytes(module)) == module


def test_bytes_that_are_cut_off_give_none():
    data = to_bytes(extract("a.py", "a", APP))
    assert [end for end in range(len(data)) if from_bytes(data[:end]) is not None] == []
