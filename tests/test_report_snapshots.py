"""Whole outputs, held in tests/reports; run as a script, this writes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from verdicts import FULL, RICH, SKIPPED

from guardrail.report import FORMATS

FOLDER = Path(__file__).parent / "reports"
VERDICTS = {"full": FULL, "rich": RICH, "skipped": SKIPPED}
HELD = [(name, form) for name in VERDICTS for form in ("text", "markdown", "github", "agent")]


@pytest.mark.parametrize(("name", "form"), HELD)
def test_a_report_is_what_it_was(name, form):
    assert FORMATS[form](VERDICTS[name]) == (FOLDER / f"{name}.{form}").read_bytes().decode()


if __name__ == "__main__":
    for name, form in HELD:
        (FOLDER / f"{name}.{form}").write_bytes(FORMATS[form](VERDICTS[name]).encode())
