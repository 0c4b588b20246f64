"""By which dotted names the files of a tree are known, whatever folders lie around them."""

from __future__ import annotations

import pytest

from guardrail.change.trees import EmptyTree, MemoryTree
from guardrail.systemic.project import Project
from guardrail.systemic.refs import pairs


def project(*paths: str) -> Project:
    """A tree of empty files."""
    return Project(MemoryTree(EmptyTree(), dict.fromkeys(paths, b"")))


@pytest.mark.parametrize(
    ("paths", "path", "name"),
    [
        (("shop/__init__.py", "shop/cart.py"), "shop/cart.py", "shop.cart"),
        (("shop/__init__.py",), "shop/__init__.py", "shop"),
        (("src/shop/__init__.py", "src/shop/cart.py"), "src/shop/cart.py", "shop.cart"),
        (("src/cart.py",), "src/cart.py", "cart"),
        (("shop/cart.py",), "shop/cart.py", "shop.cart"),
        (("back/shop/__init__.py", "back/shop/views/cart.py"), "back/shop/views/cart.py", "shop.views.cart"),
        (("back/shop/__init__.py", "back/shop/a/b/cart.py"), "back/shop/a/b/cart.py", "shop.a.b.cart"),
        (("a/__init__.py", "a/b/__init__.py", "a/b/c.py"), "a/b/c.py", "a.b.c"),
        (("a/__init__.py", "a/b/c/__init__.py", "a/b/c/d.py"), "a/b/c/d.py", "c.d"),
        (("cart.py",), "cart.py", "cart"),
    ],
)
def test_a_file_has_the_name_that_its_outermost_package_gives_it(paths, path, name):
    assert project(*paths).name(path) == name
    assert project(*paths).by_name[name] == path


@pytest.mark.parametrize("mark", ["pyproject.toml", "requirements.txt", "setup.py", "manage.py"])
def test_a_file_is_known_by_its_name_below_a_folder_that_a_program_starts_from(mark):
    known = project(f"back/{mark}", "back/shop/cart.py").by_name
    assert known["shop.cart"] == known["back.shop.cart"] == "back/shop/cart.py"


def test_a_folder_without_such_a_file_gives_no_names():
    assert "shop.cart" not in project("back/notes.txt", "back/shop/cart.py").by_name


def test_a_name_of_its_own_goes_before_one_below_such_a_folder():
    known = project("tools/setup.py", "tools/shop/__main__.py", "shop/__init__.py", "shop/cart.py", "tools/shop/cart.py").by_name
    assert known["shop.cart"] == "shop/cart.py"


def test_values_are_paired_with_their_names():
    import ast

    def shown(text: str) -> list[tuple[str, str]]:
        node = ast.parse(text).body[0]
        assert isinstance(node, ast.Assign)
        return [(ast.unparse(a), ast.unparse(b) if b else "") for a, b in pairs(node.targets[0], node.value)]

    assert shown("self.a, b = c, d()") == [("self.a", "c"), ("b", "d()")]
    assert shown("a, *b = c, d") == [("(a, *b)", "(c, d)")]
    assert shown("a, b = c") == [("(a, b)", "c")]
