"""Which reports a run writes, and where: one to standard output, any number to files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from guardrail.model import GuardrailError
from guardrail.report import FORMATS

ASSISTANTS = (  # variables that an assistant sets for the commands that it runs
    "AI_AGENT",
    "ANTIGRAVITY_AGENT",
    "AUGMENT_AGENT",
    "CLAUDECODE",
    "CLINE_ACTIVE",
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_SANDBOX_NETWORK_DISABLED",
    "CODEX_THREAD_ID",
    "CURSOR_AGENT",
    "GEMINI_CLI",
    "OPENCODE",
)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is wanted: `printed` goes to standard output unless it is None, `files` are format and path."""

    printed: str | None
    files: tuple[tuple[str, str], ...] = ()


def read_outputs(form: str | None, given: Sequence[str], default: str = "text") -> Outputs:
    """The outputs that `--format` and `--output` ask for; GuardrailError where they make no sense.

    `FORMAT=FILE` adds a file and leaves standard output alone; a plain `FILE` takes the place of standard output.
    """
    printed: str | None = form or default
    files: list[tuple[str, str]] = []
    for text in given:
        name, equals, path = text.partition("=")
        if equals and name in FORMATS:
            files.append((name, path))
        elif equals and name.isalnum() and name.islower():
            raise GuardrailError(f"--output {text}: {name!r} is no format{_guess(name)}; a file of that name is ./{text}")
        elif text != "-":
            files.append((form or default, text))
            printed = None
    paths = [path for _, path in files]
    if "" in paths:
        raise GuardrailError("--output: the name of the file is missing")
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        raise GuardrailError("--output: two reports would go to the same file")
    return Outputs(printed, tuple(files))


def default_format(environment: Mapping[str, str]) -> str:
    """The format where none is asked for: `agent` for an assistant, `text` for anybody else."""
    return "agent" if any(environment.get(name, "0") not in ("", "0", "false") for name in ASSISTANTS) else "text"


def write_files(files: Sequence[tuple[str, str]], render: Callable[[str], str]) -> None:
    """Write each report to its file; all are made before the first is written, and a file is never seen half written."""
    made = [(path, render(form).encode("utf-8", "backslashreplace")) for form, path in files]
    for path, data in made:
        try:
            _replace(path, data)
        except (OSError, ValueError) as error:
            raise GuardrailError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error


def _replace(path: str, data: bytes) -> None:
    """Put the data where the path leads, in one step; what is no regular file, as a pipe, is written to as it is."""
    target = Path(os.path.realpath(path))
    mode = target.stat().st_mode if target.exists() else None
    if mode is not None and not stat.S_ISREG(mode):
        target.write_bytes(data)
        return
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        with beside.open("xb") as file:
            file.write(data)
        if mode is not None:
            beside.chmod(stat.S_IMODE(mode))
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _guess(name: str) -> str:
    from difflib import get_close_matches  # only mistakes need it

    return "".join(f" (did you mean {word!r}?)" for word in get_close_matches(name, FORMATS, n=1))
