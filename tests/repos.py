"""Real git repositories in temporary folders, for tests."""

import os
import subprocess
from pathlib import Path

_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "C",
    "GIT_COMMITTER_EMAIL": "c@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Repo:
    """A repository; its methods are what a person does in it."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        if not (root / ".git").exists():
            self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str, input: bytes = b"", ok: bool = True, **variables: str) -> bytes:
        """Run git as a person would, and return what it prints."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | _ENVIRONMENT | variables
        done = subprocess.run(["git", *arguments], cwd=self.root, env=environment, input=input, capture_output=True)
        if ok and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout

    def write(self, path: str, content: str | bytes) -> Path:
        """Put a file into the working tree."""
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content.encode() if isinstance(content, str) else content)
        return full

    def remove(self, path: str) -> None:
        """Take a file out of the working tree."""
        (self.root / path).unlink()

    def commit(self, files: dict[str, str | bytes | None] | None = None) -> str:
        """Write files (None: remove), add everything and commit; the id of the commit."""
        for path, content in (files or {}).items():
            if content is None:
                self.remove(path)
            else:
                self.write(path, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "step")
        return self.git("rev-parse", "HEAD").decode().strip()


def numbered_lines(count: int, **changed: str) -> str:
    """Lines `a1 = 1` …, with some of them replaced: numbered_lines(9, _3="x")."""
    return "".join(changed.get(f"_{n}", f"a{n} = {n}") + "\n" for n in range(1, count + 1))
