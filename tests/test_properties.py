"""What holds for every program: triage loses nothing, moving and reformatting introduce nothing, workers do not matter."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest
from command import ROOT, guardrail
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from guardrail.change import EmptyTree, MemoryTree
from guardrail.judge import Judge
from guardrail.judgement import Found
from guardrail.model import Change, FileChange, Status
from guardrail.packs import NOT_PACKS, Rules, own_packs, read_packs
from guardrail.run import check_source, decide
from guardrail.settings import Settings

PROBE = b"""
[surface]
id = "probe"
title = "A probe"
tier = "review-carefully"
why = "It is a test."

[[rule]]
id = "PRB001"
name = "probe-of-a-type"
severity = "P1"
any = ["lib.Client.send(...)"]
unless = ["lib.Client.send(..., safe=True, ...)"]
message = "bad"
remedy = "good"

[[rule]]
id = "PRB002"
name = "probe-of-a-context"
severity = "P1"
any = ["lib.call(...)", "$X.danger"]
context = ["loop", "except", "async"]
message = "bad"
remedy = "good"

[[rule]]
id = "PRB003"
name = "probe-of-a-value"
severity = "P1"
any = ["lib.call(..., limit=$L, ...)", "lib.Client(limit=$L)"]
where.L = { more-than = 100 }
message = "bad"
remedy = "good"

[[rule]]
id = "PRB004"
name = "probe-of-secrets"
severity = "P1"
any = ["$S == $V", "$S = $V"]
where.S = "secret"
where.V = "literal"
message = "bad"
remedy = "good"

[[rule]]
id = "PRB005"
name = "probe-of-text"
severity = "P1"
any = ["lib.call($T, ...)", "lib.Client.send($T, ...)"]
where.T = ["dynamic", "tainted"]
message = "bad"
remedy = "good"
"""


def read_rules() -> Rules:
    packs = [p for p in sorted(own_packs().glob("*.toml")) if p.name not in NOT_PACKS]
    return read_packs([*((p.name, p.read_bytes()) for p in packs), ("probe.toml", PROBE)])


ALL = read_rules()
ONLY_PROBE = read_packs([("probe.toml", PROBE)])
QUICK = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

# ---- programs -------------------------------------------------------------------------------------

APIS = {  # of a module: what is called, and with what
    "requests": ["get(url)", "post(url, verify=False)", "Session().get(url)"],
    "hashlib": ["md5(data)", "new('sha1', data)"],
    "jwt": ["decode(token, options={'verify_signature': False})", "decode(token, KEY, algorithms=LIMITS)"],
    "subprocess": ["run(f'ls {url}', shell=True)", "check_output('ls ' + url, shell=True)"],
    "pickle": ["loads(data)"],
    "random": ["choice(token)"],
    "time": ["sleep(LIMIT)"],
    "lib": ["call(url)", "call(f'{url}/x', limit=LIMIT)", "call(input())", "Client(limit=LIMIT).send(url)"],
}


def bare(module: str, name: str) -> tuple[str, str]:
    return f"import {module}", f"{module}.{name}"


WAYS = [  # to name something of a module: the statements that are needed, and the name
    bare,
    bare,
    lambda m, n: (f"import {m} as other", f"other.{n}"),
    lambda m, n: (f"from {m} import {n}", n),
    lambda m, n: (f"from {m} import {n} as renamed", "renamed"),
    lambda m, n: (f"from {m} import *", n),
    lambda m, n: (f"import {m}\nalias = {m}", f"alias.{n}"),
    lambda m, n: (f"import {m}\nbound = {m}.{n}", "bound"),
    lambda m, n: (f"import {m}\nclass Holder:\n    api = {m}", f"Holder.api.{n}"),
    lambda m, n: (f"import {m}\ndef get_api():\n    return {m}", f"get_api().{n}"),
    lambda m, n: (f"try:\n    import {m} as fast\nexcept ImportError:\n    fast = None", f"fast.{n}"),
    lambda m, n: (f"if True:\n    from {m} import {n} as chosen\nelse:\n    chosen = print", "chosen"),
]
STATEMENTS = [
    "{0}",
    "value = {0}",
    "value: object = {0}",
    "password = {0}",
    "print({0}, [{0}], {{'k': {0}}})",
    "f = lambda: {0}",
    "items = [{0} for item in LIMITS]",
    "assert {0} == 'x'",
    "with {0} as handle:\n    handle.danger",
    "for item in range(3):\n    {0}",
    "while {0}:\n    break",
    "try:\n    {0}\nexcept Exception:\n    pass",
    "try:\n    pass\nexcept (ValueError, OSError) as error:\n    {0}\nfinally:\n    {0}",
    "if {0}:\n    pass\nelif data:\n    {0}",
    "def inner(x={0}):\n    return {0}",
    "@{0}\ndef decorated():\n    pass",
    "del data, url\nurl = data = '1'\n{0}",
    "data = url = input()\n{0}",
    "api_key == 'abc'",
    "token.danger",
]
FUNCTIONS = [
    "def {1}(url, data, token):\n{0}\n    return url",
    "async def {1}(url, data=LIMIT, *token):\n{0}\n    await url",
    "@decorator\ndef {1}(url: str, data: bytes, token: 'str') -> None:\n{0}",
    "class {1}:\n    url = data = token = KEY\n{0}",
]
METHODS = [  # the rest of the call stands apart from the name
    "class {0}:\n    def __init__(self):\n        self.held = {1}\n\n    def use(self, url, data, token):\n        self.held{2}",
    "class {0}(Base):\n    client: {1}\n\n    async def use(self, url, data):\n        self.client.send(data)",
    "def {0}(url, data, token):\n    made = {1}\n    made = made or None\n    return made{2}",
    "def {0}(client: {1}, url, data, token):\n    client.send(url)",
    "def {0}(url, data, token):\n    with {1}(limit=LIMIT) as client:\n        client.send(f'{{url}}')",
]


def indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.split("\n"))


@st.composite
def programs(draw, least: int = 1) -> tuple[str, list[str]]:
    """The head of a module, and the definitions that follow it, in any order."""
    heads = ["KEY = 'k'", draw(st.sampled_from(["LIMIT = 5", "LIMIT = 500", "LIMIT = None"])), "LIMITS = ['HS256', 'none']"]
    blocks = []
    for number in range(draw(st.integers(least, 3))):
        module = draw(st.sampled_from([*sorted(APIS), *["lib"] * 4]))
        call = draw(st.sampled_from(APIS[module]))
        attribute, bracket, rest = call.partition("(")
        head, name = draw(st.sampled_from(WAYS))(module, attribute)
        heads.append(head)
        if draw(st.booleans()):
            body = draw(st.sampled_from(METHODS)).format(f"part_{number}", name, bracket + rest)
            blocks.append(body)
            continue
        lines = [draw(st.sampled_from(STATEMENTS)).format(name + bracket + rest) for _ in range(draw(st.integers(1, 3)))]
        block = draw(st.sampled_from(FUNCTIONS)).format(indented("\n".join(lines)), f"part_{number}")
        if draw(st.booleans()):
            block = draw(st.sampled_from(FUNCTIONS)).format(indented(block), f"outer_{number}")
        blocks.append(block)
    program = "\n".join(heads), blocks
    try:
        ast.parse(joined(*program))
    except SyntaxError:
        assume(False)
    return program


def joined(head: str, blocks: list[str]) -> str:
    return "\n\n\n".join([head, *blocks]) + "\n"


# ---- triage ---------------------------------------------------------------------------------------


def places(text: str, rules: Rules, triage: bool) -> list[object]:
    return list(check_source(text, rules, triage=triage))


@settings(QUICK, max_examples=50)
@given(programs())
def test_candidates_hold_all_that_is_found_by_our_rules(program):
    text = joined(*program)
    assert places(text, ALL, True) == places(text, ALL, False)


@settings(QUICK, max_examples=120)
@given(programs())
def test_candidates_hold_all_that_is_found_by_the_probe(program):
    text = joined(*program)
    assert places(text, ONLY_PROBE, True) == places(text, ONLY_PROBE, False)


def test_the_programs_are_worth_judging():
    found: set[str] = set()

    @settings(QUICK, max_examples=100)
    @given(programs())
    def collect(program):
        found.update(finding.rule for finding in check_source(joined(*program), ONLY_PROBE))

    collect()
    assert found == {"PRB001", "PRB002", "PRB003", "PRB004", "PRB005"}


# ---- introduced -----------------------------------------------------------------------------------


def introduced(base: dict[str, str], head: dict[str, str], rules: Rules = ALL) -> list[str]:
    """What a change between two sets of files introduces."""
    trees = [MemoryTree(EmptyTree(), {p: t.encode() for p, t in side.items()}) for side in (base, head)]
    files = [FileChange(p if p in base else None, p if p in head else None) for p in sorted({*base, *head})]
    judge = Judge(trees[0], trees[1], rules)
    verdict = decide(
        Change("/", "test", trees[0], trees[1], tuple(files)), rules, Settings(), Found([judge.judge(f) for f in files])
    )
    assert verdict.complete
    new = [d.finding for d in verdict.decisions if d.finding.status is Status.INTRODUCED]
    return [f"{f.path}:{f.line}: {f.rule} {f.node}" for f in new]


def commented(text: str) -> str:
    """A comment and blank lines around every line at which a statement begins."""
    tree = ast.parse(text)
    starts = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt) and not hasattr(node, "decorator_list")}
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        blank = number in starts and not line.lstrip().startswith(("elif", "else", "except", "finally"))
        lines += ["", "# why", line + "  # what"] if blank else [line]
    return "\n".join(lines)


def requoted(text: str) -> str:
    """The other quotes, where that is safe."""
    return text if '"' in text else text.replace("'", '"')


def wrapped(text: str) -> str:
    """Arguments on lines of their own: after every comma inside of brackets a new line."""
    pieces, depth = [], 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        pieces.append(",\n        " if char == "," and depth else char)
    return "".join(pieces)


REFORMATS = [lambda text: ast.unparse(ast.parse(text)) + "\n", commented, requoted, wrapped, lambda t: t.replace("\n", "\r\n")]


@settings(QUICK, max_examples=60)
@given(programs(least=2), st.randoms(use_true_random=False))
def test_moving_definitions_introduces_nothing(program, dice):
    head, blocks = program
    moved = blocks[:]
    dice.shuffle(moved)
    assert introduced({"a.py": joined(head, blocks)}, {"a.py": joined(head, moved)}) == []


@settings(QUICK, max_examples=60)
@given(programs(), st.lists(st.sampled_from(range(len(REFORMATS))), min_size=1, max_size=3, unique=True))
def test_reformatting_introduces_nothing(program, chosen):
    before = after = joined(*program)
    for number in sorted(chosen):
        after = REFORMATS[number](after)
    assert ast.dump(ast.parse(after)).replace("\n", "") == ast.dump(ast.parse(before)).replace("\n", "")
    assert introduced({"a.py": before}, {"a.py": after}) == []


def fixtures() -> list[Path]:
    """One example of each pack."""
    folders = sorted(path for path in (ROOT / "fixtures").iterdir() if path.is_dir() and path.name != "demo")
    return [examples[0] for folder in folders if (examples := sorted(folder.rglob("*.py")))]


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: path.parent.name)
def test_reformatting_and_moving_an_example_introduces_nothing(path):
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    tree.body.sort(key=lambda node: isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    assert introduced({"a.py": text}, {"a.py": ast.unparse(tree) + "\n"}) == []


@settings(QUICK, max_examples=30)
@given(programs())
def test_moving_a_file_introduces_nothing(program):
    text = joined(*program)
    assert introduced({"pkg/a.py": text}, {"pkg/b.py": text}) == []


@settings(QUICK, max_examples=15)
@given(programs(), programs())
def test_a_change_and_its_reverse_mirror_each_other(one, other):
    before, after = joined(*one), joined(*other)
    assert introduced({"a.py": before}, {"a.py": before}) == []
    new = {line.split(": ")[1].split()[0] for line in introduced({"a.py": before}, {"a.py": after})}
    assert new <= {finding.rule for finding in check_source(after, ALL, "a.py")}


# ---- reports --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """A folder of forty files with all kinds of findings, one of them unreadable."""
    folder = tmp_path_factory.mktemp("many")
    dice = random.Random(7)
    for number in range(40):
        module = dice.choice(sorted(APIS))
        attribute, bracket, rest = dice.choice(APIS[module]).partition("(")
        head, name = dice.choice(WAYS)(module, attribute)
        lines = [line.format(name + bracket + rest) for line in dice.sample(STATEMENTS, 4)]
        text = joined(f"LIMIT = 500\nLIMITS = KEY = 'k'\n{head}", [FUNCTIONS[0].format(indented("\n".join(lines)), "part")])
        path = folder / f"part{number % 5}" / f"file{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "odd.py").write_bytes(b"\0")
    return folder


@pytest.mark.parametrize("form", ["json", "text", "github"])
def test_a_report_has_the_same_bytes_for_any_number_of_workers_and_any_seed(form, many):
    runs = [
        guardrail("scan", "--format", form, "--map", "--pedantic", "--jobs", jobs, cwd=many, PYTHONHASHSEED=seed)
        for jobs, seed in (("1", "0"), ("4", "1"), ("4", "2"))
    ]
    assert runs[0].code == 2
    assert runs[0].out.count("\n") > 60
    assert runs[1] == runs[0]
    assert runs[2] == runs[0]
