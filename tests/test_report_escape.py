"""Escaping: nothing that reaches a terminal or a CI log moves, hides or orders anything."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.report.escape import characters, command_data, command_property, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain `==` — é 日本 😀", "plain `==` — é 日本 😀"),
        ("\x1b[2J\x07\x00\x7f\x9b", r"\x1b[2J\x07\x00\x7f\x9b"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202e\u2066\u200b\u200d\ufeff\u2028\u00ad", r"\u202e\u2066\u200b\u200d\ufeff\u2028\xad"),
        ("\U000e0041\U000e0100\ufe0f\u3164\u034f", r"\U000e0041\U000e0100\ufe0f\u3164\u034f"),
        ("\udcff", r"\udcff"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text, shown):
    assert characters(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("  ::set-env name=a::b", r"  \x3a:set-env name=a::b"),
        ("x ##[set-env]##vso[task]", r"x \x23#[set-env]\x23#vso[task]"),
        ("a::b ## c [d] ### #", "a::b ## c [d] ### #"),
    ],
)
def test_what_a_runner_obeys_is_broken(text, shown):
    assert one_line(text) == shown


def test_commands_and_properties_are_escaped_as_the_runner_reads_them():
    assert command_data("a%b\r\nc:d,e") == "a%25b%0D%0Ac:d,e"
    assert command_property("a%b\r\nc:d,e") == "a%25b%0D%0Ac%3Ad%2Ce"


@settings(deadline=None)
@given(st.text(st.characters()))
def test_one_line_is_one_line_without_controls(text):
    shown = one_line(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not shown.lstrip().startswith("::")
    assert one_line(shown) == shown
