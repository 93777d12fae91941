"""What a language model is: it is given messages and tools, and answers with words, calls of tools, or both."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakesidecar.components.base import ComponentBase


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool that a model asks for, or has asked for."""

    id: str
    name: str
    arguments: str = ""
    """JSON, if the model knows its trade."""
    of_a_function: bool = True
    """False for a call of nothing, which Dapr's messages allow."""


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said."""

    role: str
    """`user`, `system`, `developer`, `assistant`, `tool`; older callers may say anything."""
    texts: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    """Of an assistant."""
    name: str = ""
    tool_id: str = ""
    """Of a tool's answer: which call it answers."""

    @property
    def text(self) -> str:
        """All that was said."""
        return "\n".join(self.texts)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask to be called."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """A JSON schema."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a model is given."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    temperature: float = 0.0
    max_tokens: int | None = None
    response_format: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    context_id: str = ""

    @property
    def text(self) -> str:
        """What was said last."""
        return self.messages[-1].text if self.messages else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answers."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def finish_reason(self) -> str:
        """Why it said no more."""
        return "tool_calls" if self.calls else "stop"


class Model(ComponentBase):
    """A language model."""

    @abstractmethod
    def converse(self, prompt: Prompt) -> Reply:
        """Answer; raises `ComponentError`."""


def words(text: str) -> int:
    """How many tokens a text counts as here."""
    return len(text.split())
