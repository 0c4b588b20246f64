"""What branches without deciding anything of the domain, told by words alone."""

from __future__ import annotations

import pytest

from guardrail.chores import chore
from guardrail.index import index_source

CHORES = {
    "def shelve(x):\n    return x.startswith('a') and x.split('b')\n": "works on text",
    "def prune(tree):\n    return tree.leaves or tree.children\n": "works on syntax",
    "def hold(x):\n    return getattr(x, 'a') if isinstance(x, int) else x\n": "works on types",
    "def parse_bill(x):\n    return x\n": "parses, formats or the like by its name",
    "class Bill:\n    def __init__(self, x):\n        self.x = x\n": "is a method of Python's own",
}


@pytest.mark.parametrize(("text", "said"), CHORES.items(), ids=CHORES.values())
def test_a_chore_is_told_by_several_words(text, said):
    assert chore(index_source("a.py", text).definitions[-1], "a") == said


@pytest.mark.parametrize(
    "text", ["def settle(x):\n    return x.strip() if x.open else x\n", "def complete_order(o):\n    o.done = 1\n"]
)
def test_one_word_makes_no_chore(text):
    assert chore(index_source("a.py", text).definitions[-1], "a") == ""


def test_a_module_named_for_parsing_parses():
    settle = index_source("a.py", "def settle(x):\n    return x\n").definitions[-1]
    assert (chore(settle, "shop.parser"), chore(settle, "parser.shop")) == ("parses, formats or the like by its name", "")
