"""The house rules: who may import what, how long a module may be, what must be documented and proven."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from guardrail.packs import load_packs

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "guardrail"
PATHS = sorted(PACKAGE.rglob("*.py"))
TREES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text("utf-8"))
    for path in PATHS
}
PACKAGES = {".".join(path.parent.relative_to(ROOT).parts) for path in PATHS if path.name == "__init__.py"}
ONLY_IN = {"libcst": "analysis", "click": "cli", "subprocess": "change", "pygments": "report"}


def imported(name: str, nodes: Iterator[ast.AST]) -> set[str]:
    """The modules that these nodes import into a module; `from a import b` means `a.b` where that is a module."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = name.split(".")[: len(name.split(".")) - node.level + (name in PACKAGES)] if node.level else []
            base = ".".join([*up, *filter(None, [node.module])])
            parts = [f"{base}.{alias.name}" for alias in node.names]
            found |= {part if part in TREES else base for part in parts}
    return found


def at_run_time(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that are run when the module is imported, `if TYPE_CHECKING:` left out."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)


def public_functions(tree: ast.Module) -> Iterator[ast.AST]:
    """Functions, classes and methods that others may call: no name on the way begins with an underscore."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_functions(ast.Module(node.body, []))


@pytest.mark.parametrize("name", TREES)
def test_a_library_stays_in_its_layer(name):
    layer = name.split(".")[1:2]
    top = {used.split(".")[0] for used in imported(name, ast.walk(TREES[name]))}
    assert not {library for library in top & set(ONLY_IN) if layer != [ONLY_IN[library]]}


def test_imports_run_one_way():
    graph = {name: imported(name, at_run_time(tree)) & set(TREES) - {name} for name, tree in TREES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " → ".join(error.args[1]))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_enough_to_be_read(path):
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= 300


@pytest.mark.parametrize("name", TREES)
def test_what_is_public_says_what_it_is(name):
    tree = TREES[name]
    silent = [node.name for node in public_functions(tree) if not ast.get_docstring(node)]
    assert ast.get_docstring(tree)
    assert silent == []


def test_every_rule_has_an_example_that_it_finds():
    marks = re.compile(r"# expect: ([A-Z0-9, ]+)")
    shown = {
        id.strip()
        for path in (ROOT / "fixtures").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
        for ids in marks.findall(path.read_text("utf-8"))
        for id in ids.split(",")
    }
    assert sorted({rule.id for rule in load_packs().rules} - shown) == []


def test_every_example_belongs_to_a_pack():
    folders = {path.name for path in (ROOT / "fixtures").iterdir() if path.is_dir()} - {"demo", "trial", "__pycache__"}
    assert sorted(folders - {path.stem for path in (ROOT / "rules").glob("*.toml")}) == []


@pytest.fixture
def unchanged(tmp_path):
    """A repository whose working tree is what was committed."""
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com"]
    (tmp_path / "app.py").write_text("import hashlib\n\nprint(hashlib.md5(b'').hexdigest())\n")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "start"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize("arguments", [["--version"], ["check"]], ids=" ".join)
def test_no_time_is_spent_on_libcst_without_a_candidate(arguments, unchanged):
    program = (
        "import sys\n"
        "from guardrail.cli import main\n"
        f"sys.argv = ['guardrail', *{arguments}]\n"
        "try:\n    code = main()\n"
        "except SystemExit as done:\n    code = done.code\n"
        "print('code', code or 0, 'libcst' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=unchanged, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "code 0 False", done.stdout + done.stderr
