"""The options that `check` and `scan` share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "rdjson", "markdown", "html", "agent")  # of guardrail.report


def judging(command: Callable[..., int]) -> Callable[..., int]:
    """The command with these options."""
    options = [
        click.option("--format", "form", type=click.Choice(FORMATS), help="Of the report; text, or agent for an assistant."),
        click.option(
            "--output",
            multiple=True,
            metavar="[FORMAT=]FILE",
            help="FORMAT=FILE writes one more report, as often as you like; FILE alone takes the place of what is printed.",
        ),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Colours and code frames; auto: on a terminal.",
        ),
        click.option(
            "--fail-on",
            type=click.Choice(["P0", "P1", "P2", "never"]),
            help="The gate: the mildest severity that fails the run; P1 by default.",
        ),
        click.option(
            "--select", multiple=True, callback=_listed, metavar="RULES", help="Only these: ids, beginnings of ids, surfaces."
        ),
        click.option("--ignore", multiple=True, callback=_listed, metavar="RULES", help="Not these, named likewise."),
        click.option("--pedantic", is_flag=True, default=None, help="Show findings of low confidence, too."),
        click.option("--allow-incomplete", is_flag=True, default=None, help="Do not fail for a file that is unread."),
        click.option("--exit-zero", is_flag=True, help="Exit with 0 for findings, too; never hides a 2."),
        click.option("--jobs", type=click.IntRange(min=0), metavar="N", help="Processes; 0, the default: one per core."),
        click.option("--quiet", "-q", is_flag=True, help="Findings only, and nothing where there are none."),
        click.option(
            "--cache/--no-cache", "cached", default=True, help="Keep what was read of files for the next run.", show_default=True
        ),
        click.option("--profile", is_flag=True, help="Tell on standard error where the time went; one process, no cache."),
        click.option("--map/--no-map", "shown_map", default=None, help="Only the review map, or all but it."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _listed(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    return tuple(part.strip() for text in given for part in text.split(",") if part.strip())
