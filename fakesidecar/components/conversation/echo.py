"""`conversation.echo`: says what it was told, and calls every tool (components-contrib, conversation/echo)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakesidecar.components.conversation import Call, Message, Model, Prompt, Reply, Tool, words
from fakesidecar.components.registry import component
from fakesidecar.errors import ComponentError

GO_TYPES = {str: "string", bool: "bool", float: "float64", list: "[]interface {}", type(None): "<nil>"}


@component("conversation.echo")
class Echo(Model):
    """A model that needs no model."""

    def converse(self, prompt: Prompt) -> Reply:
        text = "\n".join(part for message in prompt.messages for part in said(message))
        calls = [Call(str(index), tool.name, arguments(tool)) for index, tool in enumerate(prompt.tools)]
        calls += [call for message in prompt.messages for call in message.calls]
        return Reply(text, tuple(calls), prompt_tokens=words(text), completion_tokens=words(text))


def said(message: Message) -> list[str]:
    """The texts of a message, as they are said again."""
    if message.role != "tool":
        return list(message.texts)
    return [
        f"Tool Response for tool ID '{message.tool_id}' with name '{message.name}': {text}" for text in message.texts
    ]


def arguments(tool: Tool) -> str:
    """The names of a tool's parameters, which is not what a model would send."""
    properties: Any = tool.parameters.get("properties", {})
    if not isinstance(properties, Mapping):
        kind = GO_TYPES.get(type(properties), type(properties).__name__)
        raise ComponentError(f"tool function properties must be a map[string]any, got {kind}")
    return ",".join(sorted(properties))
