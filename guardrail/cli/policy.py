"""The commands about policy: baseline, waive, signoff, config, doctor, init."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guardrail import terminal

if TYPE_CHECKING:
    from guardrail.change import Source

CLEAN, FINDINGS, UNSURE = 0, 1, 2


@click.command()
@click.option("--prune", is_flag=True, help="Only take away what is no longer found.")
@click.option("--output", metavar="FILE", help="Instead of the file that the settings name; relative to the root.")
@click.option("--jobs", type=click.IntRange(min=0), metavar="N", help="Processes; one per core by default.")
def baseline(prune: bool, output: str | None, jobs: int | None) -> int:
    """Write the known findings of the whole project, which `scan` then leaves be."""
    from guardrail.change import Paths
    from guardrail.outputs import write_files
    from guardrail.policy.known import renewed, root_of
    from guardrail.run import load_trusted, run

    root = root_of(Path.cwd())
    path = output or load_trusted(root).baseline
    given = {} if jobs is None else {"jobs": jobs}
    text, come, gone = renewed(run(Paths(), root, given), root, path, prune)
    write_files([("baseline", str(root / path))], lambda _: text)
    terminal.write(f"{path}: {text.count(chr(10))} findings, {come} new, {gone} gone\n")
    return CLEAN


@click.command()
@click.argument("rule")
@click.argument("place", metavar="PATH[:LINE]")
@click.option("--base", metavar="REV", help="Look for it in what came since; by default in the working tree, then in the file.")
@click.option("--reason", default="", help="Why it may stay; a reviewer must be able to judge it.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--until", default="", metavar="YYYY-MM-DD", help="The last day that it holds.")
def waive(rule: str, place: str, base: str | None, reason: str, owner: str, until: str) -> int:
    """Print the [[waiver]] for a finding, with the fingerprint of its code, to be put into guardrail.toml."""
    from guardrail.policy.waiving import tables

    path, _, line = place.rpartition(":") if place.rpartition(":")[2].isdecimal() else (place, "", "0")
    terminal.write(tables(Path.cwd(), rule, path, int(line), base, {"reason": reason, "owner": owner, "until": until}))
    return CLEAN


@click.command()
@click.option("--base", metavar="REV", help="Of what came since its merge base with HEAD; by default of the working tree.")
def signoff(base: str | None) -> int:
    """Print the trailers by which you sign off the current change, for the last paragraph of a commit message."""
    from guardrail.policy.signing import trailers

    lines, warnings = trailers(Path.cwd(), _source(base))
    terminal.write("".join(f"{line}\n" for line in lines))
    for warning in warnings:
        click.echo(f"guardrail: {warning}", err=True)
    return CLEAN


@click.command()
@click.argument("path", default="")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the answer; text by default.")
def config(path: str, form: str) -> int:
    """Tell which settings apply, to one file if it is named, and which of them say so."""
    from guardrail.policy.applied import applied, as_json, in_words

    found = applied(Path.cwd(), path)
    terminal.write(as_json(found) if form == "json" else in_words(found))
    return CLEAN


@click.command()
def doctor() -> int:
    """Prove that the guard is closed: a known mistake for every pack, and what of git, settings and hooks is there."""
    from guardrail.doctor import examine, in_words

    found = examine(Path.cwd())
    terminal.write(in_words(found))
    return UNSURE if any(f.open for f in found) else CLEAN


@click.command()
@click.option("--ci", type=click.Choice(["github", "gitlab", "none"]), help="By default the one that the repository points to.")
@click.option("--yes", is_flag=True, help="Write without asking.")
def init(ci: str | None, yes: bool) -> int:
    """Set up settings, a pre-commit hook and a CI step: shown first, written after a yes; nothing is overwritten."""
    from guardrail.setup import plan, write

    steps = plan(Path.cwd(), ci)
    terminal.write("".join(step.shown() for step in steps))
    if not any(step.text for step in steps):
        return CLEAN
    if not yes and not click.confirm("Write this?", default=False, err=True):
        terminal.write("Nothing was written.\n")
        return CLEAN
    terminal.write("".join(f"{line}\n" for line in write(steps)))
    return CLEAN


def _source(base: str | None) -> Source:
    from guardrail.change import Revisions, WorkingTree

    return WorkingTree() if base is None else Revisions(base)


COMMANDS = (baseline, waive, signoff, config, doctor, init)
