"""Times guardrail against its floors and its peers, interleaved; prints one table, puts it into docs/performance.md.

Peers live in an environment of their own, bench/.venv. SEMGREP_RULES names a folder with Semgrep's public Python rules: they
are not on PyPI, so without it Semgrep is left out.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from corpora import django, git, history
from measure import Cost, Work, interleaved, once
from plots import plot

BENCH = Path(__file__).parent
HOME = BENCH / ".corpora"
CACHE = HOME / "cache"
PAGE = BENCH.parent / "docs" / "performance.md"
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.DOTALL)
EMPTY, SMALL = 200, 3_000  # bytes: files that are copied for scans of many, so that 20,000 take minutes
PEERS = ("bandit", "ruff", "fixit", "semgrep")
GUARDRAIL = Path(sys.executable).parent / "guardrail"
PARSE = "import ast,pathlib,sys\nfor p in pathlib.Path(sys.argv[1]).rglob('*.py'): ast.parse(p.read_bytes())"


def peers(names: tuple[str, ...]) -> Path:
    """The folder of the peers' commands, installed on the first run."""
    home = BENCH / ".venv"
    commands = home / "bin"
    if not all((commands / name).exists() for name in names):
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([commands / "python", "-m", "pip", "install", "-qq", *names], check=True)
    return commands


def works(repository: Path) -> list[Work]:
    """Everything that is timed, cheapest first."""
    python, source = sys.executable, repository / "django"  # peers that heed .gitignore find nothing in .corpora itself
    commands = peers(PEERS)
    dull = [GUARDRAIL, "check", "--base", "main", "--head", "dull"]
    found = [
        Work("python -c pass", [python, "-c", "pass"], repository),
        Work("import libcst", [python, "-c", "import libcst"], repository),
        Work("guardrail --version", [GUARDRAIL, "--version"], repository),
        Work("guardrail --help", [GUARDRAIL, "--help"], repository),
        Work("check, empty change", [GUARDRAIL, "check"], repository),
        Work("check, nothing of interest, cold", dull, repository, cold=True),
        Work("check, nothing of interest, warm", dull, repository, warm=True),
    ]
    for count in (1, 5, 50):
        command = [GUARDRAIL, "check", "--base", "main", "--head", f"files-{count}"]
        found.append(Work(f"check, {count} file{'s' * (count > 1)}, cold", command, repository, 2, cold=True))
        found.append(Work(f"check, {count} file{'s' * (count > 1)}, warm", command, repository, 3, warm=True))
    other = [GUARDRAIL, "check", "--base", "main", "--head", "others"]
    new = [GUARDRAIL, "check", "--base", "main", "--head", "files-5"]
    found.append(Work("check, 5 files, new, after a check of 47 others", new, repository, 2, after=other))
    scan = [GUARDRAIL, "scan", "--no-map", "django"]
    found += [
        Work("ast.parse of Django", [python, "-c", PARSE, source], repository, 3),
        Work("scan of Django, cold, one process", [*scan, "--jobs", "1", "--no-cache"], repository, 1),
        Work("scan of Django, cold", scan, repository, 1, cold=True),
        Work("scan of Django, warm", scan, repository, 2, warm=True),
        Work(
            "ruff check --select ALL --no-cache",
            [commands / "ruff", "check", "--select", "ALL", "--no-cache", "-q", source],
            repository,
            3,
        ),
        Work("bandit -r", [commands / "bandit", "-q", "-r", source], repository, 2),
    ]
    found.append(Work("fixit lint", [commands / "fixit", "--quiet", "lint", source], repository, 1))
    if rules := os.environ.get("SEMGREP_RULES"):
        semgrep = [commands / "semgrep", "scan", "--metrics=off", "--disable-version-check", "-q", "--config", rules, source]
        found.append(Work("semgrep, public Python rules", semgrep, repository, 1))
    return found


def growth(source: Path, repository: Path) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Seconds and megabytes against the size of the work."""
    check: list[tuple[int, Cost]] = []
    for lines in (10, 100, 1_000, 10_000):
        command = [GUARDRAIL, "check", "--no-cache", "--base", "main", "--head", f"lines-{lines}"]
        check.append((lines, once(command, repository)))
    scan: list[tuple[int, Cost]] = []
    files = sorted(path for path in source.rglob("*.py") if EMPTY < path.stat().st_size < SMALL)
    for count in (100, 400, 1_600, 6_400, 20_000):
        folder = HOME / "many"
        shutil.rmtree(folder, ignore_errors=True)
        for number in range(count):
            original = files[number % len(files)]
            copy = folder / f"part{number // len(files)}" / original.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(original, copy)
        git(folder, "init", "--quiet")  # a repository of its own: git ignores what lies in .corpora
        scan.append((count, once([GUARDRAIL, "scan", "--no-map", "--no-cache", folder], folder)))
    return {
        "check": {"seconds": [(n, c.wall) for n, c in check], "megabytes": [(n, c.peak) for n, c in check]},
        "scan": {"seconds": [(n, c.wall) for n, c in scan], "megabytes": [(n, c.peak) for n, c in scan]},
    }


def table(costs: dict[str, Cost]) -> str:
    """One row per measurement: figures, and how many times `import libcst` and `bandit -r` that is."""
    floor, peer = costs["import libcst"].wall, costs["bandit -r"].wall
    rows = ["| work | wall, s | processor, s | peak, MB | × import libcst | × bandit |", "|---|--:|--:|--:|--:|--:|"]
    for name, cost in costs.items():
        rows.append(
            f"| {name} | {cost.wall:.2f} | {cost.cpu:.2f} | {cost.peak:.0f} | {cost.wall / floor:.1f} | {cost.wall / peer:.3f} |"
        )
    return "\n".join(rows) + "\n"


def main() -> None:
    """Measure, print, write."""
    HOME.mkdir(exist_ok=True)
    releases = django(HOME)
    source = releases["5.2"]
    repository = history(HOME, releases)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    text = f"{machine}; medians, wall time unless said otherwise\n\n{table(interleaved(works(repository), CACHE))}"
    print(text)
    PAGE.write_text(TABLE.sub(lambda _: f"\n{text}\n", PAGE.read_text("utf-8")), encoding="utf-8")
    grown = growth(source, repository)
    for name, across in (("check", "touched lines"), ("scan", "files")):
        picture = plot(f"guardrail {name}, cold", across, "seconds, megabytes", grown[name])
        PAGE.with_name(f"performance-{name}.svg").write_text(picture, encoding="utf-8")
        print(name, *(f"{n}: {s:.2f} s, {m:.0f} MB" for (n, s), (_, m) in zip(*grown[name].values(), strict=True)), sep="\n  ")


if __name__ == "__main__":
    main()
