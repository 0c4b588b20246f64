"""The commands that tell about rules, surfaces, code and the cache; imports wait until they are needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guardrail import terminal

if TYPE_CHECKING:
    from guardrail.packs import Rules

CLEAN = 0
PEERS = ("bandit", "ruff")  # of guardrail.peers, which is not imported for this


@click.command()
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


@click.command()
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


@click.command()
@click.argument("action", type=click.Choice(["info", "clear"]))
def cache(action: str) -> int:
    """Tell about what is kept between runs, or remove it."""
    from guardrail.cache import Cache

    kept = Cache()
    if action == "clear":
        terminal.write(f"{kept.file}: {kept.clear()} bytes removed\n")
    else:
        terminal.write(f"{kept.file}: {kept.entries()} entries, {kept.size()} bytes\n")
    return CLEAN


@click.command("surfaces")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the list; text by default.")
def list_surfaces(form: str) -> int:
    """List the surfaces: tier, why, and what to ask in review."""
    from guardrail.report import described

    known = _rules().surfaces
    terminal.write(described.surfaces_as_json(known) if form == "json" else described.surfaces_in_words(known))
    return CLEAN


@click.command()
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


def _rules() -> Rules:
    """The rules by which a scan of this folder is judged."""
    from guardrail.change import Paths, read_change
    from guardrail.run import settings_and_rules

    return settings_and_rules(read_change(Paths(), Path.cwd()).head)[1]


COMMANDS = (explain, trace, cache, list_surfaces, rules)
