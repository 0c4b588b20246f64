"""rules/*.toml → Rules. All mistakes of all packs are reported at once: file, rule, key, guess."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from guardrail.packs import compiled
from guardrail.packs.rules import BadPack, Delta, Detector, Rule, Rules, Shape, Signals

__all__ = ["BadPack", "Delta", "Detector", "Rule", "Rules", "Shape", "Signals", "load_packs", "own_packs", "read_packs"]

NOT_PACKS = (
    "library.toml",
    "effects.toml",
    "distributions.toml",
    "peers.toml",
    "examples.toml",
    "provenance.toml",
    "canaries.toml",
)  # tables that the analysis reads


def own_packs() -> Path:
    """The folder of guardrail's own packs: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent.parent / "rules"
    return inside if inside.is_dir() else Path(__file__).parent.parent.parent / "rules"


def load_packs(extra: Iterable[str] = (), read: Callable[[str], bytes | None] | None = None, files: Iterable[str] = ()) -> Rules:
    """guardrail's packs and the user's.

    `extra` are pack files or folders of the reviewed tree, `read` reads a file of it and `files` lists it; without `read` they
    are read from the file system. Raises BadPack with every mistake of every pack.
    """
    problems: list[str] = []
    texts = [(p.name, p.read_bytes()) for p in sorted(own_packs().glob("*.toml")) if p.name not in NOT_PACKS]
    theirs = _user_packs(tuple(extra), read, tuple(files), problems)
    if theirs or problems:
        return replace(read_packs([*texts, *theirs], problems), theirs=compiled.fingerprint(theirs))
    key = compiled.fingerprint(texts)
    rules = compiled.recall(key)
    if rules is None:
        rules = read_packs(texts)
        compiled.keep(key, rules)
    return rules


def read_packs(texts: Iterable[tuple[str, bytes]], problems: list[str] | None = None) -> Rules:
    """Packs given as (file name, content) → Rules; BadPack with every mistake, those in `problems` first."""
    from guardrail.packs.reading import read_packs  # late: what comes compiled is not read

    return read_packs(texts, problems)


def _user_packs(
    extra: tuple[str, ...], read: Callable[[str], bytes | None] | None, files: tuple[str, ...], problems: list[str]
) -> list[tuple[str, bytes]]:
    found = []
    for given in extra:
        clean = given.removeprefix("./").rstrip("/")
        if read is None:
            path = Path(given)
            inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
            names = [str(p) for p in inside if p.is_file()]
        else:
            names = sorted(f for f in files if f.endswith(".toml") and f.rpartition("/")[0] == clean) or [clean]
        contents = [(n, Path(n).read_bytes() if read is None else read(n)) for n in names]
        good = [(n, c) for n, c in contents if c is not None]
        if not good:
            problems.append(f"{given}: there is no pack here")
        found.extend(good)
    return found
