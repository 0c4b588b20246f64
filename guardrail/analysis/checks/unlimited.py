"""Reads and waits without a limit: how much, and how long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_SIZE = re.compile(
    r"content[-_]?length|\.size\b|max_?(body|size|bytes|upload|content|length)|size_?limit|_limit\b|MAX_", re.IGNORECASE
)
_WORKERS = re.compile(r"\b(shared_task|task|actor|job|periodic_task|db_task)\b")
_TASK_PACKAGES = frozenset({"celery", "dramatiq", "rq", "huey", "django_rq", "procrastinate", "taskiq", "arq"})


def whole_upload(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Uploads that are read in one piece, in a function that asks nowhere how large they are."""
    for match in matches:
        text = facts.code(facts.tree)
        if not _SIZE.search(text) and "MAX_CONTENT_LENGTH" not in facts.file.source.text:
            yield match


def waits_for_ever(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Waits without a limit in a request handler, in a queue's task, or under a lock."""
    for match in matches:
        contexts = facts.contexts(match.node)
        where = (
            "request handler"
            if "handler" in contexts
            else "task"
            if in_worker(facts, match.node)
            else "lock"
            if "lock" in contexts
            else ""
        )
        if where and not _of_lock(facts, match.node, where):
            callee = facts.code(match.node.func) if isinstance(match.node, cst.Call) else ""
            held = "while it holds a lock" if where == "lock" else f"in a {where}"
            yield facts.match(match.node, f"`{callee}()` waits without a limit, {held}.")


def _of_lock(facts: Facts, node: cst.CSTNode, where: str) -> bool:
    """`condition.wait()` under its own lock lets go of it."""
    of = flow.receiver(node)
    return where == "lock" and of is not None and bool(facts.types(of) & {"threading.Condition", "multiprocessing.Condition"})


def in_worker(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the function around is a task of a queue."""
    function = flow.function_def(facts, node)
    for decorator in function.decorators if function is not None else ():
        mark = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
        roots = {name.split(".")[0] for name in facts.names(mark)}
        if roots & _TASK_PACKAGES and _WORKERS.search(facts.code(mark)):
            return True
    return False


def waits_for_subtask(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A task that waits for the result of another one."""
    for match in matches:
        if in_worker(facts, match.node) and not any(
            "disable_sync_subtasks" in facts.code(a) for a in getattr(match.node, "args", ())
        ):
            yield match
