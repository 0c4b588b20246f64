"""Patches: both sides are rebuilt, whichever of them the working tree holds."""

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repos import Repo, numbered_lines

from guardrail.change import Patch, read_change
from guardrail.change.patch_fit import fit
from guardrail.change.patch_text import parse
from guardrail.model import Change, FileChange, GuardrailError, Unreadable

NONE: frozenset[int] = frozenset()

BEFORE: dict[str, str | bytes | None] = {
    "app.py": numbered_lines(30),
    "gone.py": "g = 1\n" * 5,
    "old/name.py": numbered_lines(20).replace("a", "n"),
    "still.py": "s = 1\n",
    "copied.py": numbered_lines(20).replace("a", "c"),
    "crlf.py": "x = 1\r\ny = 2\r\nz = 3\r\n",
    "no newline.py": "a = 1\nb = 2",
    'é "q".py': "q = 1\n",
    "pic.bin": b"\0one",
    "empty.py": "",
}
AFTER: dict[str, str | bytes | None] = {
    "app.py": numbered_lines(30, _3="x = 3\ny = 3", _20="z = 20"),
    "gone.py": None,
    "old/name.py": None,
    "new/name.py": numbered_lines(20, _4="n = 4").replace("a", "n"),
    "still.py": "s = 1\n",
    "copied.py": numbered_lines(20, _1="c = 1").replace("a", "c"),
    "copy.py": numbered_lines(20, _9="c = 9").replace("a", "c"),
    "crlf.py": "x = 1\r\ny = 3\r\nz = 3\r\n",
    "no newline.py": "a = 1\nb = 2\n",
    'é "q".py': "q = 2",
    "pic.bin": b"\0two",
    "empty.py": None,
    "blank.py": "",
    "new.py": "n = 1\n",
}


def content(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def lay(root: Path, files: dict[str, str | bytes | None]) -> Path:
    for path, value in files.items():
        if value is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content(value) or b"")
    return root


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    repo = Repo(tmp_path_factory.mktemp("patch") / "repo")
    repo.commit(BEFORE)
    (repo.root / "still.py").chmod(0o755)
    repo.commit({path: value for path, value in AFTER.items() if value is not None or path in BEFORE})
    return repo


def check_both_sides(found: Change) -> None:
    for path in {*BEFORE, *AFTER} - {"pic.bin"}:
        assert found.base.read(path) == content(BEFORE.get(path)), path
        assert found.head.read(path) == content(AFTER.get(path)), path
    assert set(found.base.paths()) - {"other.py"} == {p for p, value in BEFORE.items() if value is not None}
    assert set(found.head.paths()) - {"other.py"} == {p for p, value in AFTER.items() if value is not None}


@pytest.mark.parametrize("options", ["", "-U0", "-U1", "--no-prefix", "--full-index", "--binary", "--patience", "-R"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_git_diff_on_either_side(repo, tmp_path, options, side):
    order = ("HEAD", "HEAD~1") if options == "-R" else ("HEAD~1", "HEAD")
    text = repo.git("diff", "-M", "-C", "--no-rename-empty", *options.split(), *order)
    lay(tmp_path, BEFORE if side == "before" else AFTER)
    (tmp_path / "other.py").write_text("o = 1\n")
    found = read_change(Patch(text), tmp_path)
    check_both_sides(found)
    assert found.files == (
        FileChange("app.py", "app.py", frozenset({3, 4, 21}), frozenset({3, 20})),
        FileChange(None, "blank.py"),
        FileChange("copied.py", "copied.py", frozenset({1}), frozenset({1})),
        FileChange(None, "copy.py", copied_from="copied.py"),
        FileChange("crlf.py", "crlf.py", frozenset({2}), frozenset({2})),
        FileChange("empty.py", None),
        FileChange("gone.py", None),
        FileChange(None, "new.py"),
        FileChange("old/name.py", "new/name.py", frozenset({4}), frozenset({4})),
        FileChange("no newline.py", "no newline.py", frozenset({2}), frozenset({2})),
        FileChange("pic.bin", "pic.bin"),
        FileChange("still.py", "still.py", NONE, NONE),
        FileChange('é "q".py', 'é "q".py', frozenset({1}), frozenset({1})),
    )
    known, untold = (found.base, found.head) if side == "before" else (found.head, found.base)
    assert known.read("pic.bin") == content((BEFORE if side == "before" else AFTER)["pic.bin"])
    with pytest.raises(Unreadable, match="binary"):
        untold.read("pic.bin")


def test_a_git_repository_keeps_its_top_level(tmp_path):
    repo = Repo(tmp_path)
    repo.commit({"sub/a.py": "a = 1\n"})
    repo.write("sub/a.py", "a = 2\n")
    found = read_change(Patch(repo.git("diff")), tmp_path / "sub")
    assert found.files == (FileChange("sub/a.py", "sub/a.py", frozenset({1}), frozenset({1})),)
    assert found.base.read("sub/a.py") == b"a = 1\n"
    assert found.label == "patch"


@pytest.mark.parametrize("side", [0, 4])
def test_a_series_of_mails_on_the_same_files(tmp_path, side):
    repo = Repo(tmp_path / "repo")
    states: list[dict[str, str | bytes | None]] = [
        {"a.py": numbered_lines(12), "b.py": "b = 1\n", "c.py": "c = 1\n"},
        {"a.py": numbered_lines(12, _2="two"), "b.py": None, "new.py": "n = 1\n"},
        {"a.py": None, "moved.py": numbered_lines(12, _2="two", _5="five"), "b.py": "b = 2\n"},
        {"moved.py": numbered_lines(12, _2="two", _5="5\n5"), "new.py": "n = 1\nn = 2\n", "short.py": "s = 1\n"},
        {"c.py": "c = 2\n", "short.py": None},
    ]
    trees: list[dict[str, str | bytes | None]] = []
    for state in states:
        repo.commit(state)
        trees.append({p: v for p, v in {**(trees[-1] if trees else {}), **state}.items() if v is not None})
    for text in (
        repo.git("format-patch", "-M", "--stdout", "HEAD~4"),
        repo.git("log", "-p", "-M", "--reverse", "HEAD~4..HEAD"),
    ):
        folder = tmp_path / f"tree{len(text)}"
        found = read_change(Patch(text), lay(folder, trees[side]))
        assert found.files == (
            FileChange("b.py", "b.py", frozenset({1}), frozenset({1})),
            FileChange("c.py", "c.py", frozenset({1}), frozenset({1})),
            FileChange("a.py", "moved.py", frozenset({2, 5, 6}), frozenset({2, 5})),
            FileChange(None, "new.py"),
        )
        for path in ("a.py", "b.py", "c.py", "moved.py", "new.py", "short.py"):
            assert found.base.read(path) == content(trees[0].get(path))
            assert found.head.read(path) == content(trees[4].get(path))


@pytest.mark.parametrize("on_disk", [("1", "2"), ("2", "1")])
def test_names_that_are_swapped(tmp_path, on_disk):
    text = b"".join(
        b"diff --git a/%b b/%b\nsimilarity index 100%%\nrename from %b\nrename to %b\n" % (old, new, old, new)
        for old, new in ((b"a.py", b"b.py"), (b"b.py", b"a.py"))
    )
    lay(tmp_path, {"a.py": f"{on_disk[0]}\n", "b.py": f"{on_disk[1]}\n"})
    found = read_change(Patch(text), tmp_path)
    assert found.renames == {"a.py": "b.py", "b.py": "a.py"}
    assert found.base.read("a.py") == found.head.read("b.py") != found.base.read("b.py")


def test_a_plain_diff_with_time_stamps(tmp_path):
    text = (
        b"Only in x: y\ndiff -ruN old/a.py new/a.py\n"
        b"--- old/a.py\t2024-01-01 00:00:00.000 +0000\n+++ new/a.py\t2024-01-02 00:00:00.000 +0000\n"
        b"@@ -1,2 +1,2 @@\n-a = 1\n+a = 2\n b = 1\n"
        b"--- old/n.py\t1970-01-01 00:00:00.000 +0000\n+++ new/n.py\t2024-01-02 00:00:00.000 +0000\n"
        b"@@ -0,0 +1 @@\n+n = 1\n"
        b"--- old/d.py\t2024-01-01 00:00:00.000 +0000\n+++ /dev/null\n@@ -1 +0,0 @@\n-d = 1\n"
    )
    for files in ({"a.py": "a = 1\nb = 1\n", "d.py": "d = 1\n"}, {"a.py": "a = 2\nb = 1\n", "n.py": "n = 1\n"}):
        folder = tmp_path / str(len(files["a.py"])) / str("n.py" in files)
        found = read_change(Patch(text), lay(folder, files))
        assert [(f.base_path, f.head_path) for f in found.files] == [("a.py", "a.py"), ("d.py", None), (None, "n.py")]
        assert found.base.read("a.py") == b"a = 1\nb = 1\n"
        assert found.head.read("a.py") == b"a = 2\nb = 1\n"


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("a/x.py", "b/x.py", "x.py"),
        ("x.py", "x.py", "x.py"),
        ("x.py.orig", "x.py", "x.py"),
        ("a/x.py", "b/x.py", "b/x.py"),
        ("pkg/x.py", "pkg/x.py", "pkg/x.py"),
        ("pkg/x.py", "pkg/x.py", "x.py"),
        ("i/x.py", "w/x.py", "x.py"),
        ("./x.py", "./x.py", "x.py"),
    ],
)
def test_prefixes(tmp_path, old, new, path):
    lay(tmp_path, {path: "x = 1\n"})
    found = read_change(Patch(f"--- {old}\n+++ {new}\n@@ -1 +1 @@\n-x = 1\n+x = 2\n".encode()), tmp_path)
    assert [f.path for f in found.files] == [path]


def test_a_patch_with_crlf_and_a_checkout_with_crlf(tmp_path):
    text = b"--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n-x = 1\n+x = 2\n y = 1\n"
    for name, on_disk, patch in (
        ("one", b"x = 1\r\ny = 1\r\n", text),
        ("two", b"x = 2\r\ny = 1\r\n", text),
        ("three", b"x = 1\ny = 1\n", text.replace(b"\n", b"\r\n")),
        ("four", b"x = 2\r\ny = 1\r\n", text.replace(b"\n", b"\r\n")),
    ):
        found = read_change(Patch(patch), lay(tmp_path / name, {"x.py": on_disk}))
        assert found.files == (FileChange("x.py", "x.py", frozenset({1}), frozenset({1})),)
        assert (found.base.read("x.py") or b"").replace(b"\r\n", b"\n") == b"x = 1\ny = 1\n"
        assert (found.head.read("x.py") or b"").replace(b"\r\n", b"\n") == b"x = 2\ny = 1\n"


def test_an_offset_and_its_line_numbers(tmp_path):
    text = b"--- a/x.py\n+++ b/x.py\n@@ -5,3 +5,3 @@\n a5 = 5\n-a6 = 6\n+six\n a7 = 7\n"
    lay(tmp_path, {"x.py": "new\nnew\n" + numbered_lines(9)})
    found = read_change(Patch(text), tmp_path)
    assert found.files == (FileChange("x.py", "x.py", frozenset({8}), frozenset({8})),)
    assert found.head.read("x.py") == ("new\nnew\n" + numbered_lines(9, _6="six")).encode()


def test_each_file_may_be_on_its_own_side(tmp_path):
    text = b"".join(b"--- a/%b\n+++ b/%b\n@@ -1 +1 @@\n-x = 1\n+x = 2\n" % (n, n) for n in (b"a.py", b"b.py"))
    found = read_change(Patch(text), lay(tmp_path, {"a.py": "x = 1\n", "b.py": "x = 2\n"}))
    assert {found.base.read(p) for p in ("a.py", "b.py")} == {b"x = 1\n"}
    assert {found.head.read(p) for p in ("a.py", "b.py")} == {b"x = 2\n"}


def test_the_ids_decide_where_both_directions_fit(tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit({"a.py": "x\n" * 20})
    text = b"diff --git a/a.py b/a.py\nindex %b..%b 100644\n--- a/a.py\n+++ b/a.py\n@@ -8,6 +8,7 @@\n x\n x\n x\n+x\n x\n x\n x\n"
    ids = [repo.git("hash-object", "--stdin", input=b"x\n" * n).strip()[:10] for n in (20, 21)]
    for count in (20, 21):
        found = read_change(Patch(text % tuple(ids)), lay(tmp_path / str(count), {"a.py": "x\n" * count}))
        assert found.base.read("a.py") == b"x\n" * 20
        assert found.head.read("a.py") == b"x\n" * 21


@pytest.mark.parametrize(
    "on_disk",
    [
        None,
        "",
        "y = 0\n",
        numbered_lines(9, _6="other"),
        numbered_lines(9, _5="other"),
        "p\n" * 4 + "a5 = 5\na6 = 6\na7 = 7\n" + "p\n" * 3 + "a5 = 5\na6 = 6\na7 = 7\n",  # twice, equally near
    ],
)
def test_a_hunk_that_fits_neither_side_is_named(tmp_path, on_disk):
    text = b"--- a/x.py\n+++ b/x.py\n@@ -8,4 +8,4 @@ def f():\n a5 = 5\n-a6 = 6\n+six\n a7 = 7\n p\n"
    text = text.replace(b",4", b",3").replace(b" p\n", b"") if on_disk and "p" in on_disk else text
    lay(tmp_path, {"x.py": on_disk})
    with pytest.raises(GuardrailError, match=r"x\.py, hunk `@@ -8,\d \+8,\d @@ def f\(\):`"):
        read_change(Patch(text), tmp_path)


def test_the_hunk_in_the_way_is_the_one_that_is_named(tmp_path):
    lay(tmp_path, {"x.py": numbered_lines(30, _20="other")})
    text = b"--- a/x.py\n+++ b/x.py\n@@ -3 +3 @@\n-a3 = 3\n+x\n@@ -20 +20 @@\n-a20 = 20\n+y\n"
    with pytest.raises(GuardrailError, match=r"x\.py, hunk `@@ -20 \+20 @@`"):
        read_change(Patch(text), tmp_path)


@pytest.mark.parametrize(
    "name",
    ["../x.py", "a/../../x.py", "/etc/passwd", "a/.git/config", ".GIT/hooks/x", "C:/x.py", "..\\x.py", '"a/\\000"'],
)
def test_names_that_lead_out_of_the_tree(tmp_path, name):
    text = f"--- {name}\n+++ {name}\n@@ -1 +1 @@\n-x\n+y\n"
    for patch in (text, f"diff --git {name} {name}\nold mode 100644\nnew mode 100755\n"):
        with pytest.raises(GuardrailError, match=r"leads out of the tree|git's own folder"):
            read_change(Patch(patch.encode()), tmp_path)
    rename = "diff --git a/x.py b/y.py\nsimilarity index 100%\nrename from x.py\nrename to ../y.py\n"
    with pytest.raises(GuardrailError, match="leads out of the tree"):
        read_change(Patch(rename.encode()), tmp_path)


def test_a_link_in_the_tree_is_not_followed_by_a_patch(tmp_path):
    (tmp_path / "secret.py").write_text("s = 1\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "up").symlink_to(tmp_path)
    with pytest.raises(GuardrailError, match="fits neither"):
        read_change(Patch(b"--- a/up/secret.py\n+++ b/up/secret.py\n@@ -1 +1 @@\n-s = 1\n+s = 2\n"), root)


def test_links_and_submodules_in_a_patch_count_as_absent(tmp_path):
    repo = Repo(tmp_path / "repo")
    repo.commit({"a.py": "a = 1\n", "b.py": "b = 1\n"})
    repo.remove("a.py")
    (repo.root / "a.py").symlink_to("b.py")
    (repo.root / "l.py").symlink_to("b.py")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repo.git("add", "a.py", "l.py")
    for folder, files in (("after", {"b.py": "b = 1\n"}), ("before", {"a.py": "a = 1\n", "b.py": "b = 1\n"})):
        found = read_change(Patch(repo.git("diff", "--cached")), lay(tmp_path / folder, files))
        assert found.files == (FileChange("a.py", None),)
        assert found.base.read("a.py") == b"a = 1\n"
        assert found.head.read("a.py") is None


@pytest.mark.parametrize("text", [b"", b"\n", b" \r\n"])
def test_an_empty_patch_is_an_empty_change(tmp_path, text):
    assert read_change(Patch(text), tmp_path).files == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"hello\n", "holds no diff"),
        (b" x.py | 2 +-\n", "holds no diff"),
        (b"diff --cc x.py\nindex 1,2..3\n", "combined diff"),
        (b"--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n-x\n+y\n", "inside the hunk `@@ -1,3 [+]1,3 @@`"),
        (b"--- a/x.py\n+++ b/x.py\n@@ -1,2 +1 @@\n-x\n+y\n+z\n-x\n", "other lines than its header"),
        (b"--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n\xff\xfe\n", "inside the hunk"),
    ],
)
def test_a_damaged_patch(tmp_path, text, message):
    lay(tmp_path, {"x.py": "x\n"})
    with pytest.raises(GuardrailError, match=message):
        read_change(Patch(text), tmp_path)


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c = 1\n", "\n", "  x\n", "-- y\n", "++ z\n", "\\ n\n", "w\r\n", "\r\n"]))


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str]:
    before = draw(LINES)
    after = list(before)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(after)))
        after[at : at + draw(st.integers(0, 3))] = draw(LINES)
    ends = draw(st.tuples(st.sampled_from(["", "end"]), st.sampled_from(["", "end"])))
    return "".join(before) + ends[0], "".join(after) + ends[1]


def unified(before: str, after: str, context: int) -> bytes:
    """A diff with the mark for a missing newline, which difflib leaves out."""
    sides = [[line + "\n" for line in text.split("\n")[:-1]] + [t for t in [text.split("\n")[-1]] if t] for text in (before, after)]
    lines = difflib.unified_diff(*sides, "a/x.py", "b/x.py", n=context)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines).encode()


@settings(max_examples=200, deadline=None)
@given(texts(), st.integers(0, 4))
def test_a_patch_applied_and_taken_back_gives_the_same_bytes(pair, context):
    before, after = (text.encode() for text in pair)
    files = parse(unified(*pair, context))
    hunks = files[0].hunks if files else []
    bare = context == 0
    forth = fit(before, hunks, backwards=False, bare=bare)
    back = fit(after, hunks, backwards=True, bare=bare)
    assert forth.content == after
    assert back.content == before
    assert forth.offset == back.offset == 0
    assert (forth.added, forth.removed) == (back.added, back.removed)


@settings(max_examples=60, deadline=None)
@given(texts(), st.integers(0, 4), st.booleans())
def test_the_two_sides_of_a_change_are_one_patch_apart(tmp_path_factory, pair, context, taken_back):
    root = tmp_path_factory.mktemp("sides")
    before, after = (text.encode() for text in pair)
    (root / "x.py").write_bytes(after if taken_back else before)
    text = unified(*pair, context)
    if not before or not after:
        return
    found = read_change(Patch(text), root)
    hunks = parse(text)[0].hunks if text else []
    bare = not any(len(hunk.old) > len(hunk.old_lines) for hunk in hunks)
    base, head = found.base.read("x.py"), found.head.read("x.py")
    assert base is not None
    assert head is not None
    assert fit(base, hunks, backwards=False, bare=bare).content == head
    assert (root / "x.py").read_bytes() in (base, head)
