"""Where text comes from that nobody here wrote: answers of models, arguments of tools, what retrievers, pages and rows hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.scopes import dotted
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

_ASKED = re.compile(
    r"^openai\b.*\b(completions|responses|ChatCompletion)\.(create|acreate|parse|stream)$|^anthropic\b.*\b(messages|completions)\.(create|parse|stream)$"
    r"|^(mistralai|ollama|cohere|groq|together)\b.*\b(create|parse|chat|complete|complete_async|generate|stream|chat_stream)$"
    r"|^litellm\.(a?completion|a?text_completion|a?responses)$|^google\.(genai|generativeai)\b.*\b(generate_content|send_message)(_stream)?$"
    r"|^vertexai\b.*\b(generate_content|send_message)$|^boto3\.Client\.(converse|invoke_model)$"
    r"|^(?!.*[Rr]etriever)(langchain|langchain_\w+|langgraph)\b.*\.(a?invoke|a?predict|a?run|a?batch|a?stream|a?generate)$"
    r"|^llama_index\b.*\.(complete|chat|query|acomplete|achat|aquery)$"
    r"|^pydantic_ai\.Agent\.(run|run_sync|run_stream)$|^agents\.Runner\.(run|run_sync|run_streamed)$"
    r"|^(smolagents\.(CodeAgent|ToolCallingAgent)\.run|dspy\.(Predict|ChainOfThought|ReAct)\.__call__|claude_agent_sdk\.query)$"
)
_CHAINED = re.compile(r"^(langchain|langchain_\w+)\.")
_CARRY = frozenset(
    "loads strip lstrip rstrip lower upper title replace split rsplit partition removeprefix removesuffix format"
    " group groups search match findall fullmatch sub get join str bytes encode decode next literal_eval dict list"
    " text model_dump model_dump_json get_final_text get_final_message final_output_as"
    " Path PurePath joinpath with_suffix with_name abspath normpath expanduser markdown fill dedent".split()
)
_CLEANERS = re.compile(r"(^|_)(strip|clean|extract|parse|unwrap|remove|trim)_\w*(fence|code|json|markdown|block|text|answer|reply)")
_ABOUT = frozenset("usage id model created finish_reason stop_reason role index object logprobs system_fingerprint".split())
_TOOLS = frozenset(
    {
        "langchain_core.tools.tool",
        "langchain.tools.tool",
        "langchain.agents.tool",
        "agents.function_tool",
        "agents.tool.function_tool",
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
_TOOL_BASES = frozenset({"langchain_core.tools.BaseTool", "langchain.tools.BaseTool", "smolagents.Tool", "crewai.tools.BaseTool"})
SERVED = frozenset({"mcp.tool", "server.tool"})  # tools whose caller, another program, asks its own user


def said_by_model(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether the value comes from the answer of a model, through attributes, parsing, cleaning and local helpers."""
    if depth > 12:
        return False
    if isinstance(node, cst.Name):
        return any(said_by_model(origin, value, depth + 1) for origin, value in _values(facts, node))
    if isinstance(node, cst.Attribute):
        return node.attr.value not in _ABOUT and said_by_model(facts, node.value, depth + 1)
    if isinstance(node, cst.Call):
        return asks(facts, node) or _carried(facts, node, depth) or _by_helper(facts, node, depth)
    return any(said_by_model(facts, part, depth + 1) for part in _parts(node))


def _values(facts: Facts, node: cst.Name) -> Iterator[tuple[Facts, cst.CSTNode]]:
    for origin, bind in facts.origins(node):
        value = bind.node if bind.kind in ("value", "item", "with", "grow") else getattr(bind.node, "value", None)
        if bind.kind in ("value", "item", "annotated", "with", "grow") and isinstance(value, cst.CSTNode):
            yield origin, value


def _parts(node: cst.CSTNode) -> list[cst.BaseExpression]:
    """The expressions whose text ends up in the value."""
    if isinstance(node, cst.Await):
        return [node.expression]
    if isinstance(node, (cst.Subscript, cst.NamedExpr)):
        return [node.value]
    if isinstance(node, cst.FormattedString):
        return [p.expression for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
    if isinstance(node, (cst.BinaryOperation, cst.BooleanOperation)):
        return [node.left, node.right]
    if isinstance(node, cst.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        return [node.elt]
    if isinstance(node, (cst.List, cst.Tuple)):
        return [e.value for e in node.elements]
    return []


def asks(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether this very call asks a model."""
    if not isinstance(node, cst.Call):
        return False
    if any(_ASKED.match(n) for n in facts.names(node.func)):
        return True
    return flow.called(node) in ("invoke", "ainvoke", "stream", "batch") and _chain(facts, flow.receiver(node))


def _chain(facts: Facts, node: cst.CSTNode | None) -> bool:
    """`prompt | model | parser` with a part of langchain's in it."""
    target = facts.deref(node) if node is not None else None
    facts, node = target or (facts, node)
    if not isinstance(node, cst.BinaryOperation) or not isinstance(node.operator, cst.BitOr):
        return False
    sides = [n for side in (node.left, node.right) for n in _links(side)]
    return any(_CHAINED.match(t) for side in sides for t in facts.types(side))


def _links(node: cst.CSTNode) -> list[cst.CSTNode]:
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
        return [*_links(node.left), node.right]
    return [node]


def _carried(facts: Facts, node: cst.Call, depth: int) -> bool:
    if flow.called(node) not in _CARRY and not _CLEANERS.search(flow.called(node)):
        return False
    of = flow.receiver(node)
    parts = [*([of] if of is not None else []), *(a.value for a in node.args)]
    return any(said_by_model(facts, part, depth + 1) for part in parts)


def _by_helper(facts: Facts, node: cst.Call, depth: int) -> bool:
    """A local function that returns such text."""
    for name in facts.names(node.func):
        symbol = facts.file.local_symbol(name)
        definition = facts.file.definition(symbol) if symbol else None
        if definition is None or definition.kind != "function":
            continue
        inner = facts.file.facts(definition)
        returned = [n.value for n in inner.nodes if isinstance(n, cst.Return) and n.value is not None]
        if inner is not facts and any(said_by_model(inner, value, depth + 4) for value in returned):
            return True
    return False


def tool_decorators(facts: Facts, function: cst.FunctionDef) -> list[cst.Decorator]:
    """The decorators that make a function a tool of an agent."""
    return [d for d in function.decorators if _registers(facts, d)]


def _registers(facts: Facts, decorator: cst.Decorator) -> bool:
    inner = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
    return bool(facts.names(inner) & _TOOLS) or dotted(inner) in ("agent.tool", "agent.tool_plain", *SERVED)


def is_tool(facts: Facts, function: cst.FunctionDef) -> bool:
    """Whether an agent may call the function: by a decorator, or as the method of a tool class."""
    if tool_decorators(facts, function):
        return True
    return function.name.value in ("_run", "_arun", "forward") and bool(facts.class_types(facts.owner) & _TOOL_BASES)


def asked_by_tool(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the expression is a text parameter of a tool, or a part of one, which the model writes."""
    while isinstance(node, (cst.Attribute, cst.Subscript)):
        node = node.value
    function = flow.function_def(facts, node)
    if not isinstance(node, cst.Name) or function is None or not is_tool(facts, function):
        return False
    params = (*function.params.params, *function.params.kwonly_params)
    return any(p.name.value == node.value and _text(facts, p) for p in params)


def _text(facts: Facts, param: cst.Param) -> bool:
    stated = facts.code(param.annotation.annotation) if param.annotation is not None else ""
    return (
        param.name.value not in ("self", "ctx", "context")
        and re.search(r"\b(str|list|dict|Any)\b", stated or "str") is not None
        and re.search(r"Literal|Depends|ToolRuntime|InjectedState|RunContext", stated) is None
    )


def identifiers_in(node: cst.CSTNode) -> set[str]:
    """All plain names and attributes below a node."""
    found = {n.value for n in descendants(node) if isinstance(n, cst.Name)}
    return found | ({node.value} if isinstance(node, cst.Name) else set())
