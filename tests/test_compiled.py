"""Rules kept between runs are the rules of the packs, and a file that is broken or foreign is no file."""

from __future__ import annotations

import pickle
import sys

import pytest
from greetings import PACK

from guardrail.packs import compiled, load_packs, read_packs
from guardrail.patterns.literals import told

WHOLE = PACK.encode()
TEXTS = [("greetings.toml", WHOLE)]


@pytest.fixture(autouse=True)
def writing(monkeypatch):
    """Python may write what it compiled."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


@pytest.fixture
def kept(tmp_path):
    """The fingerprint of a pack whose rules were kept."""
    key = compiled.fingerprint(TEXTS)
    compiled.keep(key, read_packs(TEXTS), tmp_path)
    return key


def test_what_was_kept_is_what_was_read(kept, tmp_path):
    found = compiled.recall(kept, tmp_path)
    assert found is not None
    assert found == read_packs(TEXTS)
    assert found.rules[0].anchors == read_packs(TEXTS).rules[0].anchors
    assert len(list(tmp_path.iterdir())) == 1


def test_what_searches_look_for_first_is_kept_with_the_rules(tmp_path):
    texts = [("greetings.toml", WHOLE + b'near = "loud(ly|er)"\n')]
    compiled.keep(compiled.fingerprint(texts), read_packs(texts), tmp_path)
    found = compiled.recall(compiled.fingerprint(texts), tmp_path)
    assert found is not None
    assert found.searches == {"loud(ly|er)": told("loud(ly|er)")}
    assert found == read_packs(texts)


def test_another_pack_is_another_fingerprint(kept, tmp_path):
    for texts in ([("greetings.toml", WHOLE.replace(b"P2", b"P1"))], [("other.toml", WHOLE)], [*TEXTS, ("empty.toml", b"")]):
        assert compiled.fingerprint(texts) != kept
        assert compiled.recall(compiled.fingerprint(texts), tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"junk" * 100, None, "cut", "other"])
def test_a_broken_or_foreign_file_is_no_file(kept, tmp_path, content):
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    broken = {"cut": whole[:-10], "other": whole[:64] + pickle.dumps("rules")}
    file.unlink()
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(broken[content] if isinstance(content, str) else content)
    assert compiled.recall(kept, tmp_path) is None


def test_nothing_is_written_where_python_writes_no_bytecode(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    compiled.keep(compiled.fingerprint(TEXTS), read_packs(TEXTS), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    compiled.keep(compiled.fingerprint(TEXTS), read_packs(TEXTS), tmp_path / "file")


def test_our_own_packs_come_out_the_same_either_way():
    assert load_packs() == load_packs()
