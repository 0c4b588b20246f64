"""Standard output and standard error: in UTF-8, in colour where that is wanted."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def speak_utf8() -> None:
    """Make both streams take every character, whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def in_colour(wanted: str) -> bool:
    """Whether to colour: `always`, `never`, or as the terminal and NO_COLOR, FORCE_COLOR say."""
    if wanted != "auto":
        return wanted == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def write(text: str) -> None:
    """Write the text to standard output; a reader that has gone away has read enough."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at the end


def in_words(error: BaseException, debug: bool) -> str:
    """What a person is told: one sentence of an expected failure, a request to report of a bug."""
    from guardrail.model import GuardrailError
    from guardrail.report.escape import one_line

    if isinstance(error, GuardrailError):
        sentence = f"error: {error}"
    elif debug:
        import traceback

        sentence = "internal error; please report it:\n" + "".join(traceback.format_exception(error)).rstrip()
    else:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        sentence = f"internal error: {what}; run again with --debug for the traceback, and please report it"
    return "\n".join(map(one_line, f"guardrail: {sentence}".split("\n")))
