"""The command line: options to sources and settings, exit codes, and where errors end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from command import guardrail
from greetings import PACK
from verdicts import CLEAN, FULL, HOSTILE, SKIPPED, TIMING, decided, verdict

from guardrail import __version__, cli, outputs, report, terminal
from guardrail.cache import Cache
from guardrail.change import Patch, Paths, Revisions, Staged, WorkingTree
from guardrail.model import GuardrailError, Verdict
from guardrail.report import text

ROOT = Path(__file__).parent.parent


@dataclass
class Pipeline:
    """Stands in for `guardrail.run`: keeps what it was given, answers with what it was told."""

    answer: Verdict = CLEAN
    error: BaseException | None = None
    calls: list[tuple[object, dict[str, object], bool]] = field(default_factory=list)

    def run(
        self,
        source: object,
        cwd: Path,
        options: dict[str, object],
        exit_zero: bool = False,
        cache: Cache | None = None,
        config: str = "base",
    ) -> Verdict:
        """Take the place of the pipeline."""
        assert (cwd, config) == (Path.cwd(), "base")
        assert cache is None or cache.file.name
        self.calls.append((source, options, exit_zero))
        if self.error:
            raise self.error
        return self.answer


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch):
    """No colour and no range from outside."""
    ours = ("NO_COLOR", "FORCE_COLOR", "GUARDRAIL_DEBUG", "PRE_COMMIT_FROM_REF", "PRE_COMMIT_TO_REF")
    for name in (*ours, *outputs.ASSISTANTS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pipeline(monkeypatch):
    """A pipeline that finds nothing unless told otherwise."""
    stand_in = Pipeline()
    monkeypatch.setitem(sys.modules, "guardrail.run", stand_in)
    return stand_in


# ---- sources and settings ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ("check", WorkingTree()),
        ("check --staged", Staged()),
        ("check --base main", Revisions("main")),
        ("check --base main --head topic", Revisions("main", "topic")),
        ("check --base main --worktree", Revisions("main", worktree=True)),
        ("check --diff change.patch", Patch(b"a patch\xff\n")),
        ("scan", Paths()),
        ("scan a b/c.py", Paths(("a", "b/c.py"))),
    ],
)
def test_options_name_a_source(arguments, source, pipeline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("change.patch").write_bytes(b"a patch\xff\n")
    assert cli.main(arguments.split()) == 0
    assert pipeline.calls == [(source, {}, False)]


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ("check", Revisions("old", "new")),
        ("check --staged", Revisions("old", "new")),
        ("check --base main", Revisions("main")),
        ("scan", Paths()),
    ],
)
def test_the_range_of_pre_commit_is_honoured(arguments, source, pipeline, monkeypatch):
    monkeypatch.setenv("PRE_COMMIT_FROM_REF", "old")
    assert cli.main(["check", "--staged"]) == 0  # one of the two is no range
    monkeypatch.setenv("PRE_COMMIT_TO_REF", "new")
    assert cli.main(arguments.split()) == 0
    assert [call[0] for call in pipeline.calls] == [Staged(), source]


@pytest.mark.parametrize(
    ("arguments", "settings", "exit_zero"),
    [
        ("--fail-on P0 --jobs 2", {"fail_on": "P0", "jobs": 2}, False),
        ("--fail-on never --exit-zero", {"fail_on": "never"}, True),
        (
            "--select JWT,TIM001 --select SQL --ignore SQL004",
            {"select": ("JWT", "TIM001", "SQL"), "ignore": ("SQL004",)},
            False,
        ),
        ("--pedantic --allow-incomplete", {"pedantic": True, "allow_incomplete": True}, False),
    ],
)
def test_only_what_is_given_reaches_the_settings(arguments, settings, exit_zero, pipeline):
    for command in ("check", "scan"):
        assert cli.main([command, *arguments.split()]) == 0
        assert pipeline.calls[-1][1:] == (settings, exit_zero)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("check --staged --base main", "--staged, --base and --diff name different changes; give one of them."),
        ("check --head topic", "--head and --worktree go with --base; say what to compare with."),
        ("check --worktree --staged", "--head and --worktree go with --base; say what to compare with."),
        (
            "check --base a --head b --worktree",
            "--head and --worktree name different things to judge; give one of them.",
        ),
        ("check --diff nowhere.patch", "'nowhere.patch': No such file or directory"),
        ("chekc", "No such command 'chekc'. (Did you mean one of: 'cache', 'check'?)"),
        ("check --stage", "'--staged'"),
        ("check --format jsn", "'jsn' is not one of 'text', 'json', 'sarif', "),
        ("check --fail-on P4", "'P4' is not one of 'P0', 'P1', 'P2', 'never'."),
        ("check --jobs -1", "-1 is not in the range x>=0."),
        ("scan --staged", "No such option '--staged'."),
    ],
)
def test_a_wrong_option_is_one_clear_sentence(arguments, sentence, pipeline, capsys):
    assert cli.main(arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: guardrail ")
    assert sentence in err.splitlines()[-1]
    assert not pipeline.calls


# ---- reports -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", cli.FORMATS)
def test_a_report_in_each_format(form, pipeline, capsys):
    pipeline.answer = FULL
    assert cli.main(["check", "--format", form]) == 1
    assert capsys.readouterr() == (report.FORMATS[form](FULL), "")


def test_the_formats_are_those_of_the_reports():
    assert tuple(report.FORMATS) == cli.FORMATS


def test_quiet_and_map_reach_the_text(pipeline, capsys):
    assert cli.main(["check", "-q"]) == 0
    assert capsys.readouterr().out == ""
    pipeline.answer = replace(FULL, label="scan of .")
    for given, wanted in (("--map", True), ("--no-map", False)):
        assert cli.main(["scan", given]) == 1
        assert capsys.readouterr().out == text.render(pipeline.answer, map=wanted)


@pytest.mark.parametrize(
    ("variables", "arguments", "coloured"),
    [
        ({}, "", False),
        ({}, "--color always", True),
        ({"FORCE_COLOR": "1"}, "", True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "", False),
        ({"NO_COLOR": "1"}, "--color always", True),
        ({"FORCE_COLOR": "1"}, "--color never", False),
        ({"FORCE_COLOR": "1"}, "--format json", False),
    ],
)
def test_when_there_is_colour(variables, arguments, coloured, pipeline, monkeypatch, capsys):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    pipeline.answer = verdict(decided(TIMING))
    cli.main(["check", *arguments.split()])
    assert ("\x1b[" in capsys.readouterr().out) is coloured


def test_a_terminal_has_colour_unless_it_is_dumb(monkeypatch):
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setenv("TERM", "xterm")
    assert terminal.in_colour("auto")
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal.in_colour("auto")


def test_output_goes_to_the_file_and_nowhere_else(pipeline, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    pipeline.answer = replace(verdict(decided(HOSTILE)), exit_code=1)
    for form, render in report.FORMATS.items():
        assert cli.main(["check", "--format", form, "--output", str(tmp_path / form)]) == 1
        assert (tmp_path / form).read_bytes().decode() == render(pipeline.answer)
    assert capsys.readouterr() == ("", "")


def test_a_dash_is_standard_output(pipeline, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check", "--output", "-"]) == 0
    assert capsys.readouterr().out == text.render(CLEAN)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_is_2(pipeline, tmp_path, capsys):
    assert cli.main(["check", "--output", str(tmp_path / "no" / "such")]) == 2
    assert capsys.readouterr() == (
        "",
        f"guardrail: error: cannot write {tmp_path}/no/such: No such file or directory\n",
    )


@pytest.mark.parametrize("answer", [CLEAN, FULL, replace(SKIPPED, exit_code=2)], ids=["clean", "full", "skipped"])
def test_the_exit_code_is_that_of_the_verdict(answer, pipeline):
    pipeline.answer = answer
    assert cli.main(["check", "--format", "json"]) == answer.exit_code


# ---- where errors end --------------------------------------------------------------------------


def test_an_expected_failure_is_one_escaped_sentence(pipeline, capsys):
    pipeline.error = GuardrailError("rules/a.toml: unknown key\nrules/b\x1b.toml: no id")
    assert cli.main(["check"]) == 2
    assert capsys.readouterr() == ("", "guardrail: error: rules/a.toml: unknown key\nrules/b\\x1b.toml: no id\n")


@pytest.mark.parametrize("error", [ValueError("odd \x1b[2J"), EOFError("odd \x1b[2J")])
def test_a_bug_asks_to_be_reported(error, pipeline, capsys):
    pipeline.error = error
    assert cli.main(["check"]) == 2
    again = "run again with --debug for the traceback, and please report it"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.lstrip("\n") == f"guardrail: internal error: {type(error).__name__}: odd \\x1b[2J; {again}\n"


@pytest.mark.parametrize("arguments", ["--debug check", "check --debug", "scan"])
def test_debug_shows_the_traceback(arguments, pipeline, capsys, monkeypatch):
    if "--debug" not in arguments:
        monkeypatch.setenv("GUARDRAIL_DEBUG", "1")
    pipeline.error = ValueError("odd")
    assert cli.main(arguments.split()) == 2
    err = capsys.readouterr().err
    assert err.startswith("guardrail: internal error; please report it:\nTraceback (most recent call last):\n")
    assert err.endswith("\nValueError: odd\n")


def test_an_interrupt_is_130_without_a_traceback(pipeline, capsys):
    pipeline.error = KeyboardInterrupt()
    assert cli.main(["check"]) == 130
    assert capsys.readouterr() == ("", "\n")


# ---- as a process ------------------------------------------------------------------------------

STAND_IN = """
import sys, types
sys.path[:0] = [{tests!r}]
import verdicts
sys.modules["guardrail.run"] = types.SimpleNamespace(run=lambda *_, **__: {answer})
from guardrail.cli import main
sys.exit(main())
"""


def started(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program in a fresh interpreter."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, env=environment, check=False)


def test_a_poor_locale_does_not_matter():
    answer = "verdicts.verdict(verdicts.decided(verdicts.HOSTILE), label='\\udcff')"
    program = STAND_IN.format(tests=str(Path(__file__).parent), answer=answer)
    done = started(program, "check", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == text.render(verdict(decided(HOSTILE)))


def test_a_reader_that_goes_away_hears_no_complaint(tmp_path):
    answer = "verdicts.replace(verdicts.FULL, placements=verdicts.FULL.placements * 2_000)"
    program = STAND_IN.format(tests=str(Path(__file__).parent), answer=answer).replace(
        "import verdicts\n", "import verdicts, dataclasses; verdicts.replace = dataclasses.replace\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, "check", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1  # what was found is found


def test_the_version_needs_nothing_but_the_command_line():
    program = (
        "import sys\nfrom guardrail.cli import main\nassert main(['--version']) == 0\n"
        "slow = 'guardrail', 'pygments', 'importlib.metadata'\n"
        "print(*sorted(name for name in sys.modules if name.startswith(slow)))"
    )
    assert started(program).stdout.decode().splitlines() == [
        f"guardrail, version {__version__}",
        "guardrail guardrail.cli guardrail.cli.options guardrail.cli.policy guardrail.cli.telling guardrail.terminal",
    ]


def test_the_package_is_a_command():
    done = subprocess.run([sys.executable, "-m", "guardrail", "-h"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: guardrail [OPTIONS] COMMAND")


@pytest.mark.parametrize("command", [[], ["check"], ["scan"], ["explain"], ["rules"], ["test"], ["completion"]], ids=str)
def test_help_on_everything(command, capsys):
    assert cli.main([*command, "-h"]) == 0
    assert cli.main([*command, "--help"]) == 0
    assert capsys.readouterr().out.count(f"Usage: {' '.join(['guardrail', *command])} ") == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_of_a_shell(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    assert f"_GUARDRAIL_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_completion_completes():
    done = started(
        "from guardrail.cli import main; main()",
        _GUARDRAIL_COMPLETE="bash_complete",
        COMP_WORDS="guardrail ch",
        COMP_CWORD="1",
    )
    assert done.stdout == b"plain,check\n"


# ---- rules, explain, test ----------------------------------------------------------------------


def test_rules_are_listed(capsys):
    assert cli.main(["rules"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert cli.main(["rules", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {line.split()[0] for line in listed} == {rule["rule"] for rule in told}
    assert {rule["severity"] for rule in told} <= {"P0", "P1", "P2"}
    assert None not in {rule["tier"] for rule in told}


def test_a_rule_and_its_surface_are_explained(capsys):
    assert cli.main(["rules"]) == 0
    rule, severity, confidence, surface, name = capsys.readouterr().out.splitlines()[0].split()
    assert cli.main(["explain", rule]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{rule} {name}\n\nseverity: {severity}\nconfidence: {confidence}\nsurface: {surface} (")
    assert "\nFlagged:\n  " in told
    assert "\nNot flagged:\n  " in told or "\nBefore:\n  " in told
    assert cli.main(["explain", surface]) == 0
    assert f"  {rule}  " in capsys.readouterr().out


def test_what_is_unknown_is_not_explained(capsys):
    assert cli.main(["explain", "TIM0001"]) == 2
    assert capsys.readouterr() == ("", "guardrail: error: no rule or surface 'TIM0001' (did you mean 'TIM001'?)\n")


def test_the_rules_of_the_project_are_told_of_too(tmp_path, monkeypatch, capsys):
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "greetings.toml").write_text(PACK)
    (tmp_path / "guardrail.toml").write_text('packs = ["./packs"]\n')
    monkeypatch.chdir(tmp_path)
    assert cli.main(["explain", "greeting-shouted"]) == 0
    assert capsys.readouterr().out.startswith("GRE001 greeting-shouted\n\nseverity: P2\n")


def test_a_pack_is_proved_by_its_examples(tmp_path, capsys):
    pack = tmp_path / "greetings.toml"
    pack.write_text(PACK)
    examples = tmp_path / "fixtures" / "greetings"
    examples.mkdir(parents=True)
    (examples / "one.py").write_text("shout(1)  # expect: GRE001\ngreet(1)\n")
    assert cli.main(["test", str(pack)]) == 0
    assert capsys.readouterr() == (f"{pack}: every example holds\n", "")
    (examples / "one.py").write_text("shout(1)\n")
    assert cli.main(["test", str(pack)]) == 1
    assert capsys.readouterr().out.startswith("greetings/one.py:1: GRE001 is found, and not marked\n")


def test_a_pack_that_is_not_there_is_2(tmp_path, capsys):
    assert cli.main(["test", str(tmp_path / "no.toml")]) == 2
    assert "no.toml' does not exist" in capsys.readouterr().err


def test_a_profile_tells_where_the_time_went(tmp_path):
    (tmp_path / "a.py").write_text("import hashlib\n\n\ndef stored(password):\n    return hashlib.md5(password.encode())\n")
    plain = guardrail("scan", "--format", "json", "--no-cache", cwd=tmp_path)
    measured = guardrail("scan", "--format", "json", "--profile", cwd=tmp_path)
    assert (measured.code, measured.out) == (plain.code, plain.out)
    head, rules = measured.err.split("\n\n")
    names = [line.split(maxsplit=2)[2] for line in head.splitlines()]
    assert names[0] == "stage"
    assert {"index (ast)", "triage", "parsing (libcst)", "rules", "surfaces", "calls across functions", "all else"} < set(names)
    assert "CRY007" in rules
    assert sum(float(line.split()[1].rstrip("%")) for line in head.splitlines()[1:]) == pytest.approx(100, abs=len(names))
