"""The texts of packs → Rules, and what is wrong with them taken together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

import tomli

from guardrail.model import Surface
from guardrail.packs.reader import Reader
from guardrail.packs.rules import BadPack, Detector, Rule, Rules, Shape, Signals
from guardrail.packs.tables import read_rule, read_surface


def read_packs(texts: Iterable[tuple[str, bytes]], problems: list[str] | None = None) -> Rules:
    """Packs given as (file name, content) → Rules; BadPack with every mistake, those in `problems` first."""
    problems = [] if problems is None else problems
    rules: list[Rule] = []
    surfaces: dict[str, Surface] = {}
    signals: dict[str, Signals] = {}
    for name, data in texts:
        _read_pack(name, data, rules, surfaces, signals, problems)
    for rule in rules:
        if rule.surface and rule.surface not in surfaces:
            problems.append(f'{rule.pack}: {rule.id}: surface: there is no surface "{rule.surface}"')
    for name, given in signals.items():
        unknown = [i for i in given.hand_rolled if i not in {rule.id for rule in rules if rule.surface == name}]
        problems.extend(f'{name}: hand-rolled: "{i}" is no rule of this surface' for i in unknown)
    problems.extend(_disagreements(rules))
    if problems:
        raise BadPack("\n".join(problems))
    if not rules:
        raise BadPack("no rules were loaded")
    return Rules(tuple(rules), surfaces, {name: _with_hand_rolled(given, rules) for name, given in signals.items()})


def _with_hand_rolled(signals: Signals, rules: Iterable[Rule]) -> Signals:
    """The signals, the detectors of their hand-rolled rules being shapes."""
    own = [rule for rule in rules if rule.id in signals.hand_rolled]
    detectors = [{f.name: getattr(rule, f.name) for f in fields(Detector)} for rule in own]
    return replace(signals, shapes=signals.shapes + tuple(Shape(**d, says="by hand", by_hand=True) for d in detectors))


def _read_pack(
    name: str,
    data: bytes,
    rules: list[Rule],
    surfaces: dict[str, Surface],
    signals: dict[str, Signals],
    problems: list[str],
) -> None:
    try:
        pack = tomli.loads(data.decode("utf-8"))
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{name}: not TOML: {error}")
        return
    except RecursionError:
        problems.append(f"{name}: too deeply nested")
        return
    reader = Reader(problems, name)
    reader.known(pack, ("surface", "rule"))
    surface = ""
    if "surface" in pack:
        given = read_surface(reader, pack["surface"])
        if given is not None:
            surface = given[0].id
            if surface in surfaces:
                reader.problem("surface", f'"{surface}" is defined by another pack already')
            surfaces[surface], signals[surface] = given
    tables = pack.get("rule", [])
    if not isinstance(tables, list):
        reader.problem("rule", "wants [[rule]] tables")
        return
    for table in tables:
        rule = read_rule(name, table, surface, problems)
        if rule is not None:
            rules.append(rule)


def _disagreements(rules: list[Rule]) -> Iterable[str]:
    """One id has one name, and one name has one id."""
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for rule in rules:
        if names.setdefault(rule.id, rule.name) != rule.name:
            yield f'{rule.pack}: {rule.id}: name: "{rule.name}" here, "{names[rule.id]}" elsewhere'
        if ids.setdefault(rule.name, rule.id) != rule.id:
            yield f'{rule.pack}: {rule.id}: name: "{rule.name}" is the name of {ids[rule.name]}'
