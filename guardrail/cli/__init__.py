"""The command line: options, exit codes, and the one boundary where errors end; imports wait until they are needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from guardrail import __version__, terminal
from guardrail.cli import policy, telling
from guardrail.cli.options import FORMATS, judging

if TYPE_CHECKING:
    from guardrail.change import Source
    from guardrail.model import Verdict

__all__ = ["FORMATS", "group", "main"]

CLEAN, FINDINGS, UNSURE, INTERRUPTED = 0, 1, 2, 130


def _debug(context: click.Context, _option: click.Parameter, given: bool) -> None:
    if given and context.obj is not None:
        context.obj["debug"] = True


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="guardrail")
def group() -> None:
    """Read a Python change and say where a person must look, what is wrong with it, and what got lost.

    Exit codes: 0 nothing at or above the gate, 1 findings, 2 the answer cannot be trusted.
    """


@group.command()
@click.option("--staged", is_flag=True, help="What is staged, against HEAD.")
@click.option("--base", metavar="REV", help="A commit or branch: what came since its merge base with --head.")
@click.option("--head", metavar="REV", help="With --base: the commit to judge; HEAD by default.")
@click.option("--worktree", is_flag=True, help="With --base: judge the working tree.")
@click.option(
    "--config-from", type=click.Choice(["base", "head"]), default="base", help="Whose settings, packs, baseline; base by default."
)
@click.option("--diff", type=click.File("rb"), metavar="FILE", help="A patch to the working tree; - reads it from stdin.")
@judging
def check(
    staged: bool, base: str | None, head: str | None, worktree: bool, config_from: str, diff: IO[bytes] | None, **options: Any
) -> int:
    """Judge a change: by default the working tree against HEAD."""
    return _judge(_source(staged, base, head, worktree, diff), config_from=config_from, **options)


@group.command()
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@judging
def scan(paths: tuple[str, ...], **options: Any) -> int:
    """Judge whole files and folders: by default the current one."""
    from guardrail.change import Paths

    return _judge(Paths(paths), **options)


@group.command("test")
@click.argument("pack", type=click.Path(exists=True, path_type=Path))
def prove_pack(pack: Path) -> int:
    """Hold the marked examples of a pack against its rules."""
    from guardrail.prove import prove

    failures = prove(pack)
    terminal.write("".join(f"{failure}\n" for failure in failures) or f"{pack}: every example holds\n")
    return FINDINGS if failures else CLEAN


@group.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script that completes commands and options; source it in the shell's start file."""
    from click.shell_completion import get_completion_class

    if found := get_completion_class(shell):
        terminal.write(found(group, {}, "guardrail", "_GUARDRAIL_COMPLETE").source() + "\n")
    return CLEAN


def _source(staged: bool, base: str | None, head: str | None, worktree: bool, diff: IO[bytes] | None) -> Source:
    """The one source that the options name; pre-commit's range where they name none."""
    if staged + (base is not None) + (diff is not None) > 1:
        raise click.UsageError("--staged, --base and --diff name different changes; give one of them.")
    if base is None and (head is not None or worktree):
        raise click.UsageError("--head and --worktree go with --base; say what to compare with.")
    if head is not None and worktree:
        raise click.UsageError("--head and --worktree name different things to judge; give one of them.")
    from guardrail.change import Patch, Revisions, Staged, WorkingTree

    if diff is not None:
        return Patch(diff.read())
    if base is not None:
        return Revisions(base, head, worktree)
    pushed = os.environ.get("PRE_COMMIT_FROM_REF"), os.environ.get("PRE_COMMIT_TO_REF")
    if pushed[0] and pushed[1]:
        return Revisions(pushed[0], pushed[1])
    return Staged() if staged else WorkingTree()


def _judge(
    source: Source,
    *,
    form: str | None,
    output: Sequence[str],
    color: str,
    quiet: bool,
    shown_map: bool | None,
    exit_zero: bool,
    cached: bool,
    profile: bool,
    config_from: str = "base",
    **settings: object,
) -> int:
    """Run the pipeline, write the report, and answer with the exit code."""
    from guardrail.cache import Cache
    from guardrail.outputs import default_format, read_outputs, write_files
    from guardrail.run import run

    asked = "text" if shown_map is not None else default_format(os.environ)
    outputs = read_outputs(form, output, asked)
    given = {key: value for key, value in settings.items() if value is not None and value != ()}
    if profile:
        from guardrail import profiling

        measured, cached, given["jobs"] = profiling.start(), False, 1
    verdict = run(source, Path.cwd(), given, exit_zero, Cache() if cached else None, config_from)
    write_files(outputs.files, lambda name: _report(verdict, name, color == "always", quiet, shown_map))
    if outputs.printed:
        terminal.write(_report(verdict, outputs.printed, terminal.in_colour(color), quiet, shown_map))
    if profile:
        profiling.stop()
        click.echo(measured.table(), err=True, nl=False)
    return verdict.exit_code


def _report(verdict: Verdict, form: str, color: bool, quiet: bool, shown_map: bool | None) -> str:
    if form == "text":
        from guardrail.report import text

        return text.render(verdict, color=color, quiet=quiet, map=shown_map)
    if form == "agent":
        from guardrail.report import agent

        return agent.render(verdict, quiet=quiet)
    from guardrail import report

    return report.FORMATS[form](verdict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; every error ends here."""
    terminal.speak_utf8()
    asked = {"debug": os.environ.get("GUARDRAIL_DEBUG", "0") not in ("", "0")}
    try:
        return int(group.main(arguments, "guardrail", standalone_mode=False, obj=asked) or CLEAN)
    except click.ClickException as error:
        error.show()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        cause = error.__cause__ if isinstance(error, click.Abort) else None  # click's word for ^C and for EOFError
        if isinstance(cause, KeyboardInterrupt):
            return INTERRUPTED
        click.echo(terminal.in_words(cause or error, asked["debug"]), err=True)
    return UNSURE


for _command in (*policy.COMMANDS, *telling.COMMANDS):
    group.add_command(_command)
for _command in (group, *group.commands.values()):
    _command.params.append(
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_debug,
            help="Show the traceback of an internal error; so does GUARDRAIL_DEBUG=1.",
        )
    )
