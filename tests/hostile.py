"""A repository that tries to break out of every report: by paths, identifiers, strings, comments and reasons."""

from __future__ import annotations

from pathlib import Path

from repos import Repo

PATHS = [
    "<script>window.broken=1<\\script>.py",
    'a" onload="window.broken=1" x="/b.py',
    "<img src=x onerror=window.broken=1>.py",
    "x\n::error file=x::broken\n::set-output name=a::b.py",
    "##[error]broken ##vso[task.complete].py",
    "| a | b | @everyone #1 [x](https:broken.example).py",
    "`` ` `` </code> **b** ~~d~~ <!-- --> .py",
    "\x1b[31m\x1b]0;broken\x07.py",
    "\u202e\u2066yp.live\u2069.py",
    "]]>-->&amp;&#60;b&#62;.py",
    "javascript:window.broken=1 {{7*7}} ${7*7} $(touch broken).py",
    "%0A::error::broken%0D.py",
]
NOT_UTF8 = b"\xff\xfe.py"
TEXT = r"</script><script>window.broken=1</script> \" onload=window.broken=1 --> ]]> ``` @everyone #1 | <b> ${x} {{x}} https://broken.example"
BEFORE = f"""
import hmac
import requests


def send(request):
    if not hmac.compare_digest(request.token, request.secret["{TEXT}"]):  # \u202e {TEXT}
        raise PermissionError
    return requests.post("https://example.org/{TEXT}", timeout=5)  # {TEXT}
"""
AFTER = f"""
import requests


def send(request):
    if request.token != request.secret["{TEXT}"]:  # \u202e\u2066 {TEXT}
        raise PermissionError
    requests.get("https://example.org", verify=False)  # guardrail: allow[NET004] {TEXT} \u202e
    return requests.post("https://example.org/{TEXT}", verify=False)  # \u2066 {TEXT}
"""
BROKEN = "def f(:\n"


def hostile_repository(folder: Path) -> Repo:
    """The repository, its working tree changed: every file lost two guards, two files cannot be read."""
    repo = Repo(folder)
    repo.commit(dict.fromkeys(PATHS, BEFORE))
    for path in PATHS:
        repo.write(path, AFTER)
    repo.write("<script>window.broken=1<\\script>unread\n::error::x.py", BROKEN)
    repo.write("@everyone | ` unread.py", BROKEN)
    (folder / "new").mkdir()
    with open(bytes(folder / "new") + b"/" + NOT_UTF8, "wb") as file:  # noqa: PTH123 a Path cannot be made of these bytes everywhere
        file.write(AFTER.encode())
    return repo
