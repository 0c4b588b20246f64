"""Checks of the llm-boundary pack: what a model said, and where it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_ASKED = re.compile(
    r"^(openai|anthropic|mistralai|ollama|cohere|groq|together)\b.*\b(create|parse|chat|complete|generate|stream)$"
    r"|^litellm\.a?completion$|^google\.genai\b.*\bgenerate_content$|^google\.generativeai\b.*\bgenerate_content$"
    r"|^(langchain|langchain_core|langchain_openai|langchain_anthropic|langchain_community)\b.*\.(invoke|ainvoke|predict|run|batch)$"
    r"|^pydantic_ai\.Agent\.(run|run_sync)$|^agents\.Runner\.(run|run_sync)$"
)
_CARRY = frozenset(
    "loads strip strip_fences lower replace split removeprefix removesuffix"
    " group search match findall get join str next literal_eval".split()
)
_TOOLS = frozenset(
    {
        "langchain_core.tools.tool",
        "langchain.tools.tool",
        "langchain.agents.tool",
        "agents.function_tool",
        "smolagents.tool",
        "crewai.tools.tool",
        "claude_agent_sdk.tool",
        "pydantic_ai.Agent.tool",
        "pydantic_ai.Agent.tool_plain",
        "mcp.server.fastmcp.FastMCP.tool",
        "fastmcp.FastMCP.tool",
        "mcp.server.mcpserver.MCPServer.tool",
    }
)


def from_model(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where the argument is what a model answered."""
    for match in matches:
        origin, value = match.env["X"]
        if said_by_model(origin, value):
            yield match


def said_by_model(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether the value comes from the answer of a model, through attributes, parsing, cleaning and local helpers."""
    if depth > 12:
        return False
    if isinstance(node, cst.Await):
        return said_by_model(facts, node.expression, depth + 1)
    if isinstance(node, (cst.Attribute, cst.Subscript)):
        return said_by_model(facts, node.value, depth + 1)
    if isinstance(node, cst.FormattedString):
        parts = [p.expression for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
        return any(said_by_model(facts, p, depth + 1) for p in parts)
    if isinstance(node, (cst.BinaryOperation, cst.BooleanOperation)):
        return said_by_model(facts, node.left, depth + 1) or said_by_model(facts, node.right, depth + 1)
    if isinstance(node, cst.Call):
        return _call(facts, node, depth)
    if isinstance(node, cst.Name):
        for origin, bind in facts.origins(node):
            value = bind.node if bind.kind in ("value", "item", "with") else getattr(bind.node, "value", None)
            if (
                bind.kind in ("value", "item", "annotated", "with")
                and isinstance(value, cst.CSTNode)
                and said_by_model(origin, value, depth + 1)
            ):
                return True
    return False


def _call(facts: Facts, node: cst.Call, depth: int) -> bool:
    names = facts.names(node.func)
    if any(_ASKED.match(n) for n in names):
        return True
    of = flow.receiver(node)
    if flow.called(node) in _CARRY and (
        (of is not None and said_by_model(facts, of, depth + 1)) or any(said_by_model(facts, a.value, depth + 1) for a in node.args)
    ):
        return True
    for name in names:
        symbol = facts.file.local_symbol(name)
        definition = facts.file.definition(symbol) if symbol else None
        if definition is not None and definition.kind == "function":
            inner = facts.file.facts(definition)
            if inner is not facts and any(
                isinstance(n, cst.Return) and n.value is not None and said_by_model(inner, n.value, depth + 4) for n in inner.nodes
            ):
                return True
    return False


def tool_argument(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where the argument is, or holds, a text parameter of a function that an agent may call, unchecked."""
    for match in matches:
        origin, value = match.env["X"]
        function = flow.function_def(facts, match.node)
        if function is None or not any(_is_tool(facts, d) for d in function.decorators):
            continue
        asked = {p.name.value for p in (*function.params.params, *function.params.kwonly_params) if _text(facts, p)}
        for f, leaf in flow.leaves(origin, value):
            base: cst.CSTNode = leaf
            while isinstance(base, (cst.Attribute, cst.Subscript)):
                base = base.value
            if isinstance(base, cst.Name) and base.value in asked and f is facts and not flow.checked(f, leaf):
                yield match
                break


def _is_tool(facts: Facts, decorator: cst.Decorator) -> bool:
    inner = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
    return bool(facts.names(inner) & _TOOLS) or dotted(inner) in (
        "mcp.tool",
        "agent.tool",
        "agent.tool_plain",
        "server.tool",
    )


def _text(facts: Facts, param: cst.Param) -> bool:
    stated = facts.code(param.annotation.annotation) if param.annotation is not None else ""
    return (
        param.name.value not in ("self", "ctx", "context")
        and re.search(r"\b(str|list|dict|Any)\b", stated or "str") is not None
        and "Literal" not in stated
    )
