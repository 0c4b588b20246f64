"""The pipeline, from a change to a verdict; the only module that knows all stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail import __version__, policy, snapshot
from guardrail.change import EmptyTree, FolderTree, MemoryTree, Paths, Revisions, Source, prefetch, read_change
from guardrail.delta.loss import merged
from guardrail.findings import order
from guardrail.judgement import FileJudgement, Found, is_python, parted
from guardrail.model import Change, FileChange, Finding, Placement, Status, Tree, Verdict
from guardrail.ownrules import RULES as OWN_RULES
from guardrail.packs import Rules, load_packs
from guardrail.places import superseded
from guardrail.profiling import timed
from guardrail.recall import Recall
from guardrail.settings import BASELINE, FILES, Settings, check_names, load_settings
from guardrail.shown import with_sources
from guardrail.tuning import tuned

if TYPE_CHECKING:
    from guardrail.allows import AllowsOfFile
    from guardrail.cache import Cache


def run(
    source: Source,
    cwd: Path,
    options: Mapping[str, object] | None = None,
    exit_zero: bool = False,
    cache: Cache | None = None,
    config: str = "base",
) -> Verdict:
    """Judge one change: `options` are command-line settings, which go before those of the project; `cache` spares reading files.

    `config` is the side whose settings count: of a change its base, so that it does not set its own rules.
    """
    change = timed("change (git)")(read_change)(source, cwd)
    trusted = change.head if isinstance(source, Paths) or config == "head" else change.base
    settings, rules = settings_and_rules(trusted, options)
    scope = [f for f in (_in_scope(f, settings) for f in change.files) if f]
    files, others = parted(scope, change)
    whole = isinstance(source, Paths)
    today = datetime.now(UTC).date()
    recall = Recall(cache, change, rules, settings, today)
    found = recall.load() if scope else Found(())
    if found is None:
        from guardrail.judge import Judge  # late: an answer that is known needs none of it
        from guardrail.judging import find

        old = superseded(f.path for f in files) if whole else frozenset()
        found = find(Judge(change.base, change.head, rules, True, whole, old, today), change, scope, settings, cache)
        recall.store(found)
    case = policy.Case(change, settings, rules, trusted, scope, found.judgements, whole, isinstance(source, Revisions), today)
    terms = policy.terms_of(case)
    verdict = decide(change, rules, settings, found, exit_zero, [] if whole else others, terms)
    sided = () if trusted is change.base or whole else ("judged by the settings of head, as --config-from says",)
    verdict = replace(verdict, limits=(*found.limits, *terms.limits, *sided), provenance=terms.provenance)
    return with_sources(verdict, change, [] if whole else scope)


@timed("settings and packs")
def settings_and_rules(tree: Tree, options: Mapping[str, object] | None = None) -> tuple[Settings, Rules]:
    """The settings of a tree, with the options of the command line laid over them, and the rules that they call for."""
    prefetch(tree, (*FILES, BASELINE))
    settings = load_settings(tree.read).with_options(**(options or {}))
    rules = load_packs(settings.packs, tree.read, tree.paths() if settings.packs else ())
    check_names(settings, {*(r.id for r in rules.rules), *(r.id for r in OWN_RULES)}, {*rules.surfaces, "policy"})
    return settings, tuned(rules, settings.surfaces)


def load_trusted(root: Path) -> Settings:
    """The settings of a folder as it stands."""
    return load_settings(FolderTree(str(root)).read)


def decide(
    change: Change,
    rules: Rules,
    settings: Settings,
    found: Found,
    exit_zero: bool = False,
    others: Sequence[FileChange] = (),
    terms: policy.Terms | None = None,
) -> Verdict:
    """What was found on both sides → what a change did, and what is to be said of it.

    `others` are the touched files that are not Python; `terms` are those of policy.
    """
    terms = terms or policy.Terms()
    judgements = found.judgements
    everything = [*judgements, *found.pages]
    head = [f for j in everything for f in j.head]
    base = [f for j in everything for f in j.base]
    compared = snapshot.compare(base, head, dict(change.renames), _gone(change, everything))
    findings = snapshot.fingerprinted(terms.among(merged(sorted([*compared, *found.paths], key=order), found.lost)))
    allows: dict[str, AllowsOfFile] = {j.path: j.allows for j in judgements if j.allows is not None}
    skipped = (*change.skipped, *(s for j in judgements for s in j.skipped))
    unread = {s.path for s in skipped}
    texts = {j.path: j.text for j in judgements if j.text}
    decisions = policy.decide(findings, allows, settings, texts, terms)
    placed, unclassified = _placed(others, change, rules)
    placements = [p for j in judgements for p in j.placements] + placed
    return Verdict(
        version=__version__,
        label=change.label,
        complete=not skipped,
        considered=len(judgements),
        analysed=sum(j.path not in unread for j in judgements),
        skipped=tuple(sorted(skipped, key=lambda s: (s.path, s.reason))),
        decisions=decisions,
        placements=tuple(sorted(placements, key=lambda p: (p.path, p.line, p.definition, p.surface))),
        unclassified=tuple(sorted(unclassified)),
        surfaces=rules.surfaces,
        owners=settings.owners,
        exit_code=policy.exit_code(decisions, not skipped, settings, exit_zero),
        sources=texts,
    )


def _placed(others: Sequence[FileChange], change: Change, rules: Rules) -> tuple[list[Placement], list[str]]:
    if not others:
        return [], []
    from guardrail.others import place_others  # late: it needs all that surfaces are weighed by

    return place_others(others, change, rules)


def _gone(change: Change, judgements: Sequence[FileJudgement]) -> Callable[[Finding], bool]:
    """Whether the definition of a base finding is no longer where it was."""
    symbols = {j.path: j.symbols for j in judgements}
    now = {f.base_path: f.head_path for f in change.files if f.base_path}

    def gone(finding: Finding) -> bool:
        path = now.get(finding.path, finding.path)
        return path is None or finding.definition not in symbols.get(path, ())

    return gone


def _in_scope(file: FileChange, settings: Settings) -> FileChange | None:
    """The file without the sides that the settings exclude: one that enters the scope counts as new."""
    head = file.head_path if file.head_path and not settings.excluded(file.head_path) else None
    base = file.base_path if file.base_path and not settings.excluded(file.base_path) else None
    if head is None and base is None:
        return None
    if base is None:
        return FileChange(None, head, copied_from=file.copied_from)
    return FileChange(base, head, file.added, file.removed, file.copied_from)


def check_source(text: str, rules: Rules, path: str = "module.py", triage: bool = True) -> list[Finding]:
    """The findings in a text on its own, lines 1-based; ValueError with the reason where it cannot be read."""
    return list(judge_source(text, rules, path, triage).head)


def check_change(base: Mapping[str, str], head: Mapping[str, str], rules: Rules, triage: bool = True) -> list[Finding]:
    """What a change of some files, given as path → text on both sides, introduces."""
    from guardrail.delta import stage
    from guardrail.judge import Judge

    trees = [MemoryTree(EmptyTree(), {path: text.encode() for path, text in side.items()}) for side in (base, head)]
    differ = sorted(path for path in {*base, *head} if base.get(path) != head.get(path))
    files = [FileChange(path if path in base else None, path if path in head else None) for path in differ]
    change = Change("", "two texts", trees[0], trees[1], tuple(files))
    judge = Judge(change.base, change.head, rules, triage)
    judgements = [judge.judge(f) for f in files if is_python(f.path, change.head if f.head_path else change.base)]
    verdict = decide(change, rules, Settings(), Found(judgements, lost=stage.of_change(judge, change, judgements, files)))
    if verdict.skipped:
        raise ValueError(f"{verdict.skipped[0].path}: {verdict.skipped[0].reason}")
    return [d.finding for d in verdict.decisions if d.finding.status is Status.INTRODUCED]


def judge_source(text: str, rules: Rules, path: str = "module.py", triage: bool = True) -> FileJudgement:
    """All about a text on its own, as if it were a new file; ValueError with the reason where it cannot be read."""
    from guardrail.judge import Judge

    judge = Judge(EmptyTree(), MemoryTree(EmptyTree(), {path: text.encode("utf-8", "surrogatepass")}), rules, triage)
    judgement = judge.judge(FileChange(None, path))
    if judgement.skipped:
        raise ValueError(f"{path}: {judgement.skipped[0].reason}")
    return judgement
