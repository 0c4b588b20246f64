"""Writes docs/rules.md and docs/surfaces.md from the packs, rules/examples.toml from the fixtures, the README's from the demo.

`make docs` runs it, a test holds the pages equal.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from guardrail.examples import Example, as_toml, gather
from guardrail.model import Confidence, Role, Severity, Tier
from guardrail.packs import Rule, Rules, Signals, load_packs

DOCS = Path(__file__).parent
ROOT = DOCS.parent
README = ROOT / "README.md"
EXAMPLE = re.compile(r"(?P<head>```console\n\$ make demo\n)(?P<shown>.*?)(?P<foot>```\n)", re.DOTALL)
QUESTIONS = re.compile(r"^ +(?:Ask of|-) .*\n", re.MULTILINE)
NOTE = "<!-- written by `make docs` from rules/*.toml; edit those -->"
SEVERITIES = {
    Severity.P0: "exploitable or data-losing as written",
    Severity.P1: "will bite in production, mend it in this change",
    Severity.P2: "a weakness to schedule",
}
TIERS = {
    Tier.FORBIDDEN: "a person writes it, or a vetted library does",
    Tier.CAREFUL: "an assistant may draft it, a person goes through the questions",
    Tier.FREE: "an assistant may write it, the usual review will do",
}

ROLES = {
    Role.IMPLEMENTS: "makes the primitive itself; on a do-not-use surface that is a finding of its own",
    Role.COMPOSES: "puts low-level parts of a library together, and decides their order",
    Role.INTEGRATES: "calls a library that knows how",
}


def pages(rules: Rules) -> dict[str, str]:
    """Name → text of every generated page."""
    return {"rules.md": rules_page(rules), "surfaces.md": surfaces_page(rules)}


def rules_page(rules: Rules) -> str:
    """One section per surface, in it one per public id, in it one item per detector."""
    ids = {rule.id for rule in rules.rules}
    given = gather(ROOT / "fixtures", ids)
    lines = [NOTE, "", "# Rules", ""]
    lines += [f"{len(ids)} rules; `guardrail explain RULE` shows one of them in the terminal. `$NAME` stands for"]
    lines += ["the code that was found. Confidence is high unless it is named.", ""]
    lines += [f"- **{severity}** {text}" for severity, text in SEVERITIES.items()]
    by_surface = sorted(rules.rules, key=lambda rule: (rule.surface, rule.id))
    for surface, group in groupby(by_surface, key=lambda rule: rule.surface):
        lines += ["", f"## [{surface}](surfaces.md#{surface})"]
        for (code, name), detectors in groupby(group, key=lambda rule: (rule.id, rule.name)):
            lines += ["", f"### {code} {name}", "", *map(item, detectors), *shown(code, given)]
    return "\n".join(lines) + "\n"


def shown(code: str, given: Mapping[str, Example]) -> list[str]:
    """The example of a rule: code that is flagged, and code like it that is not."""
    example = given.get(code)
    if example is None:
        return []
    blocks = [("Before:", example.before), ("Flagged:", example.flagged), ("Not flagged:", example.fine)]
    return [line for title, text in blocks if text for line in ("", title, "", "```python", *text.splitlines(), "```")]


def item(rule: Rule) -> str:
    """What one detector says, and what to write instead."""
    how_sure = "" if rule.confidence is Confidence.HIGH else f", {rule.confidence} confidence"
    parts = [f"- **{rule.severity}**{how_sure}: {rule.message}", rule.why, f"Instead: {rule.remedy}"]
    refs = f"({', '.join(rule.refs)})" if rule.refs else ""
    return " ".join(part for part in [*parts, refs] if part)


def surfaces_page(rules: Rules) -> str:
    """One section per surface, the strictest tier first."""
    lines = [NOTE, "", "# Surfaces", ""]
    lines += ["A touched definition is put on surfaces; their tier says how far an assistant may be trusted there."]
    lines += ["`guardrail explain PATH:LINE` tells why some code is on one.", ""]
    lines += [f"- **{tier}**: {text}" for tier, text in TIERS.items()]
    lines += ["", "Roles, of a definition on a surface:", "", *(f"- **{role}**: {text}" for role, text in ROLES.items())]
    order = list(TIERS)
    for surface in sorted(rules.surfaces.values(), key=lambda s: (order.index(s.tier), s.id)):
        lines += ["", f"## {surface.id}", "", f"**{surface.title}** · {surface.tier}", "", surface.why]
        if surface.review:
            lines += ["", *(f"- {question}" for question in surface.review)]
        lines += [line for said in speaks_for(rules.signals[surface.id]) for line in ("", said)]
    return "\n".join(lines) + "\n"


def speaks_for(signals: Signals) -> list[str]:
    """What puts code there, the names of single functions left out."""
    packages = {name.split(".")[0] for name in signals.imports}
    spoken = {
        "Shapes": sorted({shape.says for shape in signals.shapes} - {"by hand"}),
        "Made by hand, as found by": sorted(f"[{rule}](rules.md)" for rule in signals.hand_rolled),
        "Packages": sorted(f"`{name}`" for name in packages),
        "Other files": sorted(f"`{glob}`" for glob in signals.files),
    }
    return [f"{what}: {', '.join(names)}." for what, names in spoken.items() if names]


def example() -> str:
    """What the demo prints, without the questions of the review map."""
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plain = {**os.environ, "NO_COLOR": "1", "PATH": commands}
    demo = subprocess.run([ROOT / "fixtures/demo/run.sh"], env=plain, stdout=subprocess.PIPE, text=True, check=True)
    return QUESTIONS.sub("", demo.stdout)


def main() -> None:
    """Rewrite the pages, the examples of the rules and that of the README."""
    own = {rule.id for rule in load_packs().rules}
    (ROOT / "rules" / "examples.toml").write_text(as_toml(gather(ROOT / "fixtures", own)), encoding="utf-8")
    for name, text in pages(load_packs()).items():
        (DOCS / name).write_text(text, encoding="utf-8")
    readme = EXAMPLE.sub(lambda m: m["head"] + example() + m["foot"], README.read_text("utf-8"), count=1)
    README.write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    main()
