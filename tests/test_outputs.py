"""Several reports in one run: what is printed, what goes to files, and that no file is ever half written."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest
from command import ROOT, guardrail
from repos import Repo

from guardrail.cli import FORMATS
from guardrail.model import GuardrailError
from guardrail.outputs import ASSISTANTS, Outputs, default_format, read_outputs, write_files

CODE = "import requests\n\n\ndef fetch(url):\n    return requests.get(url, verify=False)\n"


@pytest.fixture
def repo(tmp_path):
    """A repository with something to find in its working tree."""
    repo = Repo(tmp_path / "repo")
    repo.commit({"app.py": "import requests\n"})
    repo.write("app.py", CODE)
    return repo


def test_several_reports_in_one_run_and_text_on_the_terminal(repo, tmp_path):
    names = ("sarif", "html", "json", "markdown", "gitlab", "junit", "rdjson", "github", "agent", "text")
    done = guardrail("check", *(f"--output={name}={tmp_path / name}" for name in names), cwd=repo.root)
    assert done.code == 1
    assert "[P1] app.py:5" in done.out
    assert (tmp_path / "text").read_text() == done.out
    assert json.loads((tmp_path / "sarif").read_text())["version"] == "2.1.0"
    assert (tmp_path / "html").read_text().startswith("<!doctype html>")
    assert all((tmp_path / name).stat().st_size for name in names)


def test_a_plain_file_takes_the_place_of_what_is_printed(repo, tmp_path):
    done = guardrail("check", "--format", "json", "--output", tmp_path / "a", "--output", f"sarif={tmp_path / 'b'}", cwd=repo.root)
    assert (done.code, done.out) == (1, "")
    assert json.loads((tmp_path / "a").read_text())["schema"] == "guardrail/1"
    assert json.loads((tmp_path / "b").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("form", "given", "wanted"),
    [
        (None, (), Outputs("text")),
        ("json", (), Outputs("json")),
        (None, ("-",), Outputs("text")),
        (None, ("sarif=a", "html=b=c"), Outputs("text", (("sarif", "a"), ("html", "b=c")))),
        ("json", ("out.json",), Outputs(None, (("json", "out.json"),))),
        (None, ("./srif=x", "A=b"), Outputs(None, (("text", "./srif=x"), ("text", "A=b")))),
    ],
)
def test_what_the_options_ask_for(form, given, wanted):
    assert read_outputs(form, given) == wanted


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("srif=x",), "--output srif=x: 'srif' is no format (did you mean 'sarif'?); a file of that name is ./srif=x"),
        (("sarif=",), "--output: the name of the file is missing"),
        (("sarif=x", "html=./x"), "--output: two reports would go to the same file"),
    ],
)
def test_outputs_that_make_no_sense_are_refused(given, sentence):
    with pytest.raises(GuardrailError) as error:
        read_outputs(None, given)
    assert str(error.value) == sentence


def test_a_wrong_output_is_told_before_anything_is_read(tmp_path):
    done = guardrail("check", "--output", "srif=x", cwd=tmp_path)
    assert "'srif' is no format" in done.refused()


def test_nothing_is_written_where_a_report_cannot_be_made(tmp_path):
    def render(form: str) -> str:
        if form == "html":
            raise ZeroDivisionError
        return form

    with pytest.raises(ZeroDivisionError):
        write_files([("text", str(tmp_path / "a")), ("html", str(tmp_path / "b"))], render)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_in_one_step_and_keeps_its_mode(tmp_path):
    old = tmp_path / "out"
    old.write_text("before")
    old.chmod(0o640)
    with old.open() as held:
        write_files([("text", str(old))], str.upper)
        assert held.read() == "before"  # whoever had it open still reads the whole of the old one
    assert old.read_text() == "TEXT"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_link_is_followed_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "there").write_text("before")
    (tmp_path / "link").symlink_to("there")
    write_files([("text", str(tmp_path / "link"))], str.upper)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there").read_text() == "TEXT"
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE)
    write_files([("text", str(tmp_path / "pipe"))], str.upper)
    assert reader.communicate()[0] == b"TEXT"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(GuardrailError, match=r"cannot write .*folder: Is a directory"):
        write_files([("text", str(tmp_path / "folder"))], str.upper)
    with pytest.raises(GuardrailError, match=r"cannot write .*no/such: No such file or directory"):
        write_files([("text", str(tmp_path / "no" / "such"))], str.upper)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


# ---- assistants ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ASSISTANTS)
def test_an_assistant_gets_its_own_format(name):
    assert default_format({name: "1"}) == "agent"
    assert default_format({name: "0"}) == default_format({name: ""}) == default_format({}) == "text"


def test_an_assistant_may_ask_for_another(repo):
    by_itself = guardrail("check", cwd=repo.root, CLAUDECODE="1")
    asked = guardrail("check", "--format", "text", cwd=repo.root, CLAUDECODE="1")
    mapped = guardrail("check", "--map", cwd=repo.root, CLAUDECODE="1")
    assert by_itself.out.startswith("guardrail: 2 introduced, ")
    assert asked.out.startswith("[P")
    assert mapped.out.startswith("Review map")
    assert by_itself.code == asked.code == mapped.code == 1


def test_a_quiet_run_says_nothing_to_an_assistant_either(repo):
    repo.git("checkout", "-q", "app.py")
    done = guardrail("check", "--staged", "--quiet", cwd=repo.root, GEMINI_CLI="1")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_check_in_text_loads_no_other_format(repo):
    program = (
        "import sys\nfrom guardrail.cli import main\nmain(['check', '--format', 'text', '--no-cache'])\n"
        "print(*sorted(n for n in sys.modules if n.startswith(('guardrail.report', 'pygments', 'xml', 'json'))))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repo.root, env=environment, capture_output=True, text=True, check=True
    )
    loaded = {name.partition("guardrail.report.")[2] for name in done.stdout.splitlines()[-1].split()}
    assert not loaded & {"agent", "github", "gitlab", "html", "json", "junit", "markdown", "rdjson", "sarif", "linehash"}
    assert "pygments" not in done.stdout.splitlines()[-1]


# ---- the page about formats ------------------------------------------------------------------------


def test_the_page_of_formats_names_every_one_and_every_assistant():
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    assert [name for name in FORMATS if f"\n| `{name}` |" not in page] == []
    assert [name for name in ASSISTANTS if name not in page] == []
