"""The CI recipes: action.yml, its steps in real repositories, and the pieces of docs/ci.md, each run as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import yaml
from command import ROOT
from repos import Repo

from guardrail.report.markdown import MARKER

SCRIPT = ROOT / "ci" / "github.sh"
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
CLEAN = "import requests\n\n\ndef fetch(url):\n    return requests.get(url, timeout=5)\n"
BAD = CLEAN.replace("timeout=5", "timeout=5, verify=False")


def snippets(language):
    """The fenced pieces of the page in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


# ---- what can be said of them as they stand --------------------------------------------------------


def validated(schema, file):
    """What check-jsonschema says of a file, with the schema that it brings along."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def audited(file):
    """What zizmor says of a file, offline."""
    tool = Path(sys.executable).with_name("zizmor")
    return subprocess.run([tool, "--offline", "--no-progress", file], capture_output=True, text=True, check=False)


def test_the_action_is_an_action_and_nothing_is_found_in_it():
    assert validated("github-actions", ROOT / "action.yml").returncode == 0
    done = audited(ROOT / "action.yml")
    assert done.returncode == 0, done.stdout


def test_the_workflow_is_a_workflow_and_nothing_is_found_in_it(tmp_path):
    file = tmp_path / ".github" / "workflows" / "guardrail.yml"
    file.parent.mkdir(parents=True)
    [workflow] = [text for text in snippets("yaml") if "runs-on" in text]
    file.write_text(workflow)
    done = validated("github-workflows", file)
    assert done.returncode == 0, done.stdout
    done = audited(file)
    assert done.returncode == 0, done.stdout


def test_the_pipeline_is_one_of_gitlab(tmp_path):
    [pipeline] = [text for text in snippets("yaml") if "image:" in text]
    (tmp_path / "ci.yml").write_text(pipeline)
    done = validated("gitlab-ci", tmp_path / "ci.yml")
    assert done.returncode == 0, done.stdout


def test_every_step_of_the_action_is_one_of_the_script_and_takes_no_value_into_its_text():
    steps = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["runs"]["steps"]
    called = [re.fullmatch(r'"\$GITHUB_ACTION_PATH/ci/github\.sh" (\w+)', step["run"])[1] for step in steps]
    assert called == ["install", "check", "comment", "upload", "gate"]
    assert os.access(SCRIPT, os.X_OK)


def test_every_input_and_output_is_told_of():
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert [name for name in [*action["inputs"], *action["outputs"]] if f"`{name}`" not in PAGE] == []


def test_the_marker_is_that_of_the_report():
    assert MARKER in SCRIPT.read_text("utf-8")
    assert MARKER in PAGE


# ---- the steps of the action, on a runner ----------------------------------------------------------

GH = """#!/bin/sh
# Stands in for GitHub's command: keeps what it was asked, has the comments that it is told, refuses where the token may not.
printf '%s\\n' "$*" >> "$RUNNER_TEMP/asked"
case " $* " in
    *--paginate*) cat "$RUNNER_TEMP/comments" ;;
    *) [ "${READ_ONLY:-}" != 1 ] || { echo 'HTTP 403: Resource not accessible by integration' >&2; exit 1; } ;;
esac
"""


class Runner:
    """A machine of GitHub Actions: a shallow clone of a pull request's merge commit, and the variables of a job."""

    def __init__(self, folder, depth=1):
        self.folder = folder
        self.server = Repo(folder / "server")
        self.server.commit({"app.py": CLEAN})
        self.server.git("checkout", "-q", "-b", "topic")
        for n in range(5):
            self.server.commit({f"note{n}.txt": "x\n"})
        self.server.commit({"app.py": BAD})
        self.server.git("checkout", "-q", "main")
        self.base = self.server.commit({"other.py": BAD})  # of somebody else, and not of this change
        self.server.git("checkout", "-q", "-b", "merge")
        self.server.git("merge", "-q", "--no-ff", "-m", "merge", "topic")
        self.temp = folder / "temp"
        tools = self.temp / "guardrail" / "venv" / "bin"
        tools.mkdir(parents=True)
        self.tool(tools / "guardrail", f'#!/bin/sh\nexec "{sys.executable}" -m guardrail "$@"\n')
        self.tool(folder / "bin" / "gh", GH)
        (self.temp / "comments").write_text("")
        deep = [f"--depth={depth}"] if depth else []
        clone = ["clone", "-q", *deep, "-b", "merge", self.server.root.as_uri(), str(folder / "work")]
        subprocess.run(["git", *clone], check=True, capture_output=True)
        self.event({"pull_request": {"number": 7, "base": {"sha": self.base}}})

    def tool(self, path, text):
        """Put a command there."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def event(self, event):
        """What started the workflow."""
        (self.temp / "event.json").write_text(json.dumps(event | {"repository": {"default_branch": "main"}}))

    def run(self, step, **variables):
        """Run a step of the action."""
        outer = {k: v for k, v in os.environ.items() if not k.startswith(("GIT", "GUARDRAIL", "CI"))}
        given = {
            "PATH": f"{self.folder / 'bin'}:{outer['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GUARDRAIL_CACHE": f"{os.devnull}/none",
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(self.temp / "event.json"),
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_REPOSITORY": "org/shop",
            "GITHUB_SHA": "1" * 40,
            "GITHUB_REF": "refs/pull/7/merge",
        }
        command = [SCRIPT, step]
        return subprocess.run(
            command,
            cwd=self.folder / "work",
            env=outer | given | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def outputs(self):
        """The outputs that the steps set."""
        return dict(line.split("=", 1) for line in (self.temp / "output").read_text().splitlines())

    @property
    def asked(self):
        """What GitHub was asked."""
        return (self.temp / "asked").read_text().splitlines()


@pytest.fixture
def runner(tmp_path):
    """A runner with a clone of one commit."""
    return Runner(tmp_path)


def annotated(done):
    """The files of the annotations in a log."""
    return re.findall(r"^::(?:error|warning) file=([^,]*),", done.stdout, re.MULTILINE)


def test_a_pull_request_is_compared_with_its_base_though_one_commit_was_fetched(runner):
    done = runner.run("check")
    assert done.returncode == 0, done.stderr  # the last step passes or fails
    assert set(annotated(done)) == {"app.py"}  # and not other.py, which came with the base
    assert runner.outputs["exit-code"] == "1"
    assert runner.outputs["base"] == runner.base
    assert (runner.temp / "summary").read_text().startswith(MARKER)
    assert json.loads(Path(runner.outputs["sarif"]).read_text())["version"] == "2.1.0"
    assert Path(runner.outputs["html"]).read_text().startswith("<!doctype html>")


def test_a_full_clone_stays_one(tmp_path):
    runner = Runner(tmp_path, depth=0)
    assert runner.run("check").returncode == 0
    assert runner.outputs["base"] == runner.base
    assert not (tmp_path / "work" / ".git" / "shallow").exists()


@pytest.mark.parametrize(
    ("name", "event", "files"),
    [
        ("merge_group", lambda r: {"merge_group": {"base_sha": r.base}}, {"app.py"}),
        ("push", lambda r: {"before": r.base}, {"app.py"}),
        ("push", lambda r: {"before": "0" * 40}, {"app.py"}),
        ("workflow_dispatch", lambda r: {}, {"app.py"}),
    ],
    ids=["merge_group", "push", "new-branch", "by-hand"],
)
def test_other_events_have_their_bases(name, event, files, runner):
    runner.event(event(runner))
    done = runner.run("check", GITHUB_EVENT_NAME=name)
    assert set(annotated(done)) == files, done.stderr
    assert runner.outputs["base"] == runner.base


def test_a_base_and_a_gate_by_name(runner):
    done = runner.run("check", BASE="refs/heads/main", FAIL_ON="never")
    assert annotated(done) == ["app.py"]
    assert runner.outputs["exit-code"] == "0"


def test_a_base_that_is_not_there_fails_and_says_so(runner):
    runner.event({"pull_request": {"number": 7, "base": {"sha": "2" * 40}}})
    done = runner.run("check")
    assert done.returncode == 2
    assert f"::error title=guardrail::the base {'2' * 40} cannot be fetched" in done.stderr
    assert runner.run("gate").returncode == 2


def test_a_bad_setting_is_no_answer(runner):
    runner.run("check", FAIL_ON="P9")
    assert runner.outputs["exit-code"] == "2"
    assert "no answer" in (runner.temp / "summary").read_text()
    assert runner.run("comment").returncode == 0
    assert runner.run("upload").returncode == 0
    assert not (runner.temp / "asked").exists()


def test_values_of_the_event_are_never_part_of_a_command(runner):
    runner.event({"pull_request": {"number": 7, "base": {"sha": "$(touch broken);`touch broken`"}}})
    assert runner.run("check").returncode == 2
    assert not [*runner.folder.rglob("broken")]


def test_the_first_comment_is_written_and_the_next_takes_its_place(runner):
    runner.run("check")
    assert runner.run("comment").returncode == 0
    assert runner.asked[0].startswith("api --paginate repos/org/shop/issues/7/comments?per_page=100 --jq ")
    assert runner.asked[1].startswith("api --silent --method POST repos/org/shop/issues/7/comments --field body=@")
    (runner.temp / "comments").write_text("31\n32\n")
    assert runner.run("comment").returncode == 0
    assert runner.asked[3].startswith("api --silent --method PATCH repos/org/shop/issues/comments/31 --field body=@")


def test_a_fork_has_its_summary_and_passes(runner):
    runner.run("check")
    for step in ("comment", "upload"):
        done = runner.run(step, READ_ONLY="1")
        assert done.returncode == 0
        assert "::notice title=guardrail::" in done.stderr
    assert "verify=False" in (runner.temp / "summary").read_text() or "NET" in (runner.temp / "summary").read_text()


def test_alerts_are_uploaded_for_the_commit_of_the_job(runner):
    runner.run("check")
    assert runner.run("upload").returncode == 0
    [asked] = runner.asked
    assert f"code-scanning/sarifs --raw-field commit_sha={'1' * 40} --raw-field ref=refs/pull/7/merge --field sarif=@" in asked
    packed = subprocess.run(
        "base64 -d | gunzip", shell=True, input=Path(asked.rpartition("@")[2]).read_bytes(), capture_output=True, check=True
    )
    assert json.loads(packed.stdout)["version"] == "2.1.0"


@pytest.mark.parametrize(("code", "wanted"), [("0", 0), ("1", 1), ("2", 2), ("", 2)])
def test_the_job_passes_or_fails_as_the_answer_says(code, wanted, runner):
    assert runner.run("gate", CODE=code).returncode == wanted


# ---- the other recipes, as they stand on the page --------------------------------------------------


def shell(script, cwd, folder, **variables):
    """Run a piece of the page with `sh`, where `guardrail` is this one."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "guardrail").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m guardrail "$@"\n')
    (tools / "guardrail").chmod(0o755)
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("GIT", "GUARDRAIL", "CI"))}
    given = {"PATH": f"{tools}:{outer['PATH']}", "PYTHONPATH": str(ROOT), "GUARDRAIL_CACHE": f"{os.devnull}/none"}
    command = ["sh", "-c", script]
    return subprocess.run(command, cwd=cwd, env=outer | given | variables, capture_output=True, text=True, check=False, timeout=120)


def test_any_other_ci(runner, tmp_path):
    [script] = snippets("sh")
    work = tmp_path / "work"
    done = shell(script, work, tmp_path)
    assert done.returncode == 1, done.stderr
    assert "app.py:5" in done.stdout
    assert "other.py" not in done.stdout
    assert (work / "guardrail.xml").exists()
    assert (work / "guardrail.html").exists()


@pytest.fixture
def gitlab():
    """GitLab's notes of a merge request, over HTTP: `notes` and what was `asked`."""

    class Notes(BaseHTTPRequestHandler):
        notes = [{"id": 4, "body": "Looks good."}]  # noqa: RUF012 one for each server
        asked = []  # noqa: RUF012

        def _answer(self, value):
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _written(self):
            assert self.headers["PRIVATE-TOKEN"] == "secret"
            length = int(self.headers["Content-Length"])
            return parse_qs(self.rfile.read(length).decode())["body"][0]

        def do_GET(self):
            """All notes."""
            self.asked.append(("GET", self.path))
            self._answer(self.notes)

        def do_POST(self):
            """One more."""
            self.asked.append(("POST", self.path))
            self.notes.append({"id": 5, "body": self._written()})
            self._answer({})

        def do_PUT(self):
            """Another text for one."""
            self.asked.append(("PUT", self.path))
            self.notes[-1]["body"] = self._written()
            self._answer({})

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Notes.url = f"http://127.0.0.1:{server.server_port}"
    yield Notes
    server.shutdown()
    thread.join()
    server.server_close()


def test_gitlab_gets_its_reports_and_one_note(runner, gitlab, tmp_path):
    [text] = [text for text in snippets("yaml") if "image:" in text]
    job = yaml.safe_load(text)["guardrail"]
    work = tmp_path / "work"
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=work, check=True, capture_output=True)  # GIT_DEPTH: "0"
    done = shell("\n".join(job["script"]), work, tmp_path, CI_MERGE_REQUEST_DIFF_BASE_SHA=runner.base)
    assert done.returncode == 1, done.stderr
    assert {entry["location"]["path"] for entry in json.loads((work / job["artifacts"]["reports"]["codequality"]).read_text())} == {
        "app.py"
    }
    assert (work / job["artifacts"]["reports"]["junit"]).exists()
    assert all((work / path).exists() for path in job["artifacts"]["paths"])
    variables = {"CI_API_V4_URL": gitlab.url, "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "7"}
    for _ in range(2):
        done = shell("\n".join(job["after_script"]), work, tmp_path, GUARDRAIL_TOKEN="secret", **variables)
        assert done.returncode == 0, done.stderr
    assert [verb for verb, _ in gitlab.asked] == ["GET", "POST", "GET", "PUT"]
    assert gitlab.asked[-1][1] == "/projects/1/merge_requests/7/notes/5"
    assert [note["id"] for note in gitlab.notes] == [4, 5]
    assert gitlab.notes[1]["body"] == (work / "guardrail.md").read_text()
    assert shell("\n".join(job["after_script"]), work, tmp_path, **variables).returncode == 0  # a fork has no token
