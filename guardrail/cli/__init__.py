"""The command line: options, exit codes, and the one boundary where errors end; imports wait until they are needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from guardrail import __version__, terminal
from guardrail.cli.policy import COMMANDS

if TYPE_CHECKING:
    from guardrail.change import Source
    from guardrail.model import Verdict
    from guardrail.packs import Rules

CLEAN, FINDINGS, UNSURE, INTERRUPTED = 0, 1, 2, 130
FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "rdjson", "markdown", "html", "agent")  # of guardrail.report
PEERS = ("bandit", "ruff")  # of guardrail.peers, likewise


def _debug(context: click.Context, _option: click.Parameter, given: bool) -> None:
    if given and context.obj is not None:
        context.obj["debug"] = True


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="guardrail")
def group() -> None:
    """Read a Python change and say where a person must look, what is wrong with it, and what got lost.

    Exit codes: 0 nothing at or above the gate, 1 findings, 2 the answer cannot be trusted.
    """


def judging(command: Callable[..., int]) -> Callable[..., int]:
    """The options that `check` and `scan` share."""
    options = [
        click.option("--format", "form", type=click.Choice(FORMATS), help="Of the report; text, or agent for an assistant."),
        click.option(
            "--output",
            multiple=True,
            metavar="[FORMAT=]FILE",
            help="FORMAT=FILE writes one more report, as often as you like; FILE alone takes the place of what is printed.",
        ),
        click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="And code frames."),
        click.option(
            "--fail-on",
            type=click.Choice(["P0", "P1", "P2", "never"]),
            help="The gate: the mildest severity that fails the run; P1 by default.",
        ),
        click.option("--select", multiple=True, callback=_listed, metavar="RULES", help="Only these, by id or prefix."),
        click.option("--ignore", multiple=True, callback=_listed, metavar="RULES", help="Not these, by id or prefix."),
        click.option("--pedantic", is_flag=True, default=None, help="Show findings of low confidence, too."),
        click.option("--allow-incomplete", is_flag=True, default=None, help="Do not fail for a file that is unread."),
        click.option("--exit-zero", is_flag=True, help="Exit with 0 for findings, too; never hides a 2."),
        click.option("--jobs", type=click.IntRange(min=0), metavar="N", help="Processes; one per core by default."),
        click.option("--quiet", "-q", is_flag=True, help="Findings only, and nothing where there are none."),
        click.option(
            "--cache/--no-cache", "cached", default=True, help="Keep what was read of files for the next run.", show_default=True
        ),
        click.option("--map/--no-map", "shown_map", default=None, help="Only the review map, or all but it."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _listed(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.strip() for text in given for part in text.split(",") if part.strip())


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


@group.command()
@click.argument("name", metavar="RULE|SURFACE|PATH:LINE")
def explain(name: str) -> int:
    """Tell all about a rule or a surface, or why the code at a line stands on its surfaces."""
    path, _, line = name.rpartition(":")
    if path and line.isdecimal():
        from guardrail.report import reasons
        from guardrail.why import why

        terminal.write(reasons.render(why(path, int(line), Path.cwd())))
        return CLEAN
    from guardrail.examples import examples
    from guardrail.ownrules import RULES as OWN_RULES
    from guardrail.report import described

    known = _rules()
    terminal.write(described.explained(name, (*known.rules, *OWN_RULES), known.surfaces, examples()))
    return CLEAN


@group.command()
@click.argument("function", metavar="PATH.PY:FUNCTION")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the trace; text by default.")
def trace(function: str, form: str) -> int:
    """Tell what a function reaches and who reaches it: timeouts, retries, locks, transactions, calls to others."""
    from guardrail.change import Paths, read_change
    from guardrail.judge import read_library
    from guardrail.systemic import trace as tracing

    path, _, symbol = function.rpartition(":")
    if not path or not symbol:
        raise click.UsageError("name a function as path.py:function or path.py:Class.method.")
    change = read_change(Paths(), Path.cwd())
    inside = Path(os.path.relpath(Path.cwd() / path, change.root)).as_posix()
    found = tracing.trace(change.head, read_library(), inside, symbol)
    terminal.write(tracing.as_json(found) if form == "json" else tracing.in_words(found))
    return CLEAN


@group.command()
@click.argument("action", type=click.Choice(["info", "clear"]))
def cache(action: str) -> int:
    """Tell about what is kept between runs, or remove it."""
    from guardrail.cache import Cache

    kept = Cache()
    if action == "clear":
        terminal.write(f"{kept.file}: {kept.clear()} bytes removed\n")
    else:
        terminal.write(f"{kept.file}: {kept.entries()} files, {kept.size()} bytes\n")
    return CLEAN


@group.command("surfaces")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the list; text by default.")
def list_surfaces(form: str) -> int:
    """List the surfaces: tier, why, and what to ask in review."""
    from guardrail.report import described

    known = _rules().surfaces
    terminal.write(described.surfaces_as_json(known) if form == "json" else described.surfaces_in_words(known))
    return CLEAN


@group.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the list; text by default.")
@click.option("--map", "peer", type=click.Choice(PEERS), help="List a peer's codes, and the rules that cover them.")
def rules(form: str, peer: str | None) -> int:
    """List the rules."""
    from guardrail.report import described

    known = _rules()
    if peer:
        from guardrail.peers import covered

        codes = covered(peer)
        terminal.write(described.map_as_json(peer, codes) if form == "json" else described.map_in_words(codes, known.rules))
        return CLEAN
    terminal.write(described.as_json(known.rules, known.surfaces) if form == "json" else described.table(known.rules))
    return CLEAN


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
    verdict = run(source, Path.cwd(), given, exit_zero, Cache() if cached else None, config_from)
    write_files(outputs.files, lambda name: _report(verdict, name, color == "always", quiet, shown_map))
    if outputs.printed:
        terminal.write(_report(verdict, outputs.printed, terminal.in_colour(color), quiet, shown_map))
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


def _rules() -> Rules:
    """The rules by which a scan of this folder is judged."""
    from guardrail.change import Paths, read_change
    from guardrail.run import settings_and_rules

    return settings_and_rules(read_change(Paths(), Path.cwd()).head)[1]


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


for _command in COMMANDS:
    group.add_command(_command)
for _command in (group, *group.commands.values()):
    _command.params.append(
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            callback=_debug,
            help="Show the traceback of an internal error.",
        )
    )
