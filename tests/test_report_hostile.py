"""Every report on a repository that tries to break out of it: nothing hides, nothing is run, nobody is called."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser

import pytest
from command import guardrail
from hostile import PATHS, hostile_repository
from markdown_it import MarkdownIt
from schema import conforms, conforms_to_junit
from verdicts import RICH

from guardrail.report import FORMATS

FINDINGS = 3  # in each file, at least


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Every report on the change, by format."""
    folder = tmp_path_factory.mktemp("hostile")
    repo = hostile_repository(folder / "repo")
    outputs = [f"--output={name}={folder / name}" for name in FORMATS]
    done = guardrail("check", *outputs, cwd=repo.root)
    assert done.code == 2, done.err  # two files cannot be read
    return {name: (folder / name).read_bytes().decode() for name in FORMATS} | {"terminal": done.out}


def hidden(text):
    """Characters of a text that nobody sees, or that move the others, but for its line ends."""
    return {c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


@pytest.mark.parametrize("name", [*FORMATS, "terminal"])
def test_nothing_in_a_report_is_hidden(name, reports):
    assert hidden(reports[name]) == set()


@pytest.mark.parametrize("name", ["sarif", "json", "gitlab", "rdjson"])
def test_json_stays_json_and_says_all(name, reports):
    report = conforms(reports[name], name) if name != "json" else json.loads(reports[name])
    told = {"sarif": lambda r: r["runs"][0]["results"], "json": lambda r: r["findings"], "rdjson": lambda r: r["diagnostics"]}
    assert len(told.get(name, list)(report)) >= FINDINGS * len(PATHS)


def test_junit_stays_xml_and_says_all(reports):
    cases = conforms_to_junit(reports["junit"]).findall("testsuite/testcase")
    assert len({case.get("classname") for case in cases}) == len(PATHS) + 3
    assert all(len(case) == 1 and len(case[0]) == 0 for case in cases)


def test_a_ci_log_holds_only_our_commands(reports):
    for line in reports["github"].splitlines():
        assert re.match(
            r"::(error|warning|notice) file=[^:,]*,|::notice::\d|::group::guardrail review map$|::endgroup::$|\| ", line
        ), line
    for name in ("text", "agent", "terminal", "github"):
        commands = [line for line in reports[name].splitlines() if re.search(r"^\s*::|##\w*\[", line)]
        assert all(name == "github" and re.match(r"::(error|warning|notice|group|endgroup)\b", line) for line in commands), name
        assert "##[" not in reports[name]
        assert "##vso[" not in reports[name]


class Page(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and its text outside of scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.attributes, self.links, self.open, self.text = set(), set(), set(), [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        """Keep what it is."""
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value for name, value in attrs if name in ("href", "src", "action")}
        self.open.append(tag)

    def handle_endtag(self, tag):
        """Leave it."""
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        """Keep its words."""
        if not {"script", "style"} & set(self.open[-1:]):
            self.text.append(data)


def test_the_page_has_no_element_and_no_attribute_but_ours(reports):
    page, plain = Page(reports["html"]), Page(FORMATS["html"](RICH))
    assert page.elements <= plain.elements | {"ul", "del", "mark", "details", "summary", "wbr", "section"}
    assert not any(name.startswith("on") or name in ("style", "srcset", "formaction") for name in page.attributes)
    assert all(link.startswith(("#", "data:,")) for link in page.links)
    assert reports["html"].count("<script") == reports["html"].count("</script") == 1
    assert "window.broken=1" in "".join(page.text)  # it is told, as text


def test_a_comment_formats_nothing_and_calls_nobody(reports):
    tokens = MarkdownIt("gfm-like", {"html": True}).parse(reports["markdown"])
    inline = [t for token in tokens for t in token.children or [token]]
    assert not {t.type for t in inline} & {"link_open", "image", "em_open", "heading_close_3"}
    ours = re.compile(r"</?(b|br|sub|details|summary)>|<details open>|<!-- guardrail: review -->")
    for token in inline:
        if token.type in ("html_inline", "html_block"):
            assert "<" not in ours.sub("", token.content), token.content
        if token.type == "text":  # not in code, so a mention, a reference or a link would be made of it
            assert not re.search(r"@\w|#\w|\w:/|www\.", token.content), token.content
    assert not re.search(r"^/", reports["markdown"], re.MULTILINE)  # GitLab's quick actions


def test_each_row_of_the_comments_table_has_its_four_cells(reports):
    rows = [line for line in reports["markdown"].splitlines() if line.startswith("|")]
    assert len(rows) > len(PATHS)
    assert {row.count("|") for row in rows} == {5}


def test_the_comment_fits(reports):
    assert len(reports["markdown"]) <= 65_536


def test_nothing_was_run(reports, tmp_path_factory):
    assert [*tmp_path_factory.getbasetemp().rglob("*broken")] == []
