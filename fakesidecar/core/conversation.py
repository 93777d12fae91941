"""The conversation building block: models by name, and what is kept from them.

After dapr pkg/api/universal/conversation.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fakesidecar.components.conversation import Message, Model, Prompt, Reply
from fakesidecar.errors import (
    ComponentError,
    ConversationFailed,
    ConversationInputsMissing,
    ConversationInvalid,
    ConversationModelNotFound,
    ConversationToolChoiceInvalid,
)
from fakesidecar.pii import scrub
from fakesidecar.resources.component import Component

if TYPE_CHECKING:
    from fakesidecar.core import Core

NOTHING_MORE = Prompt(())
CHOICES = "'auto', 'none', 'required', or a specific tool name matching the tools available to be used"


@dataclass(frozen=True, slots=True)
class Input:
    """Messages that belong together; None stands for one that is nothing."""

    messages: tuple[Message | None, ...]
    scrub: bool = False
    """What is private is kept from the model."""


class ConversationBlock:
    """`converse` with the models that are loaded."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._models: dict[str, Model] = {}

    def add(self, spec: Component, model: Model) -> None:
        """Load a model under its component's name."""
        self._models[spec.name] = model

    def model(self, name: str) -> Model:
        """The model of that name."""
        try:
            return self._models[name]
        except KeyError:
            raise ConversationModelNotFound(name=name) from None

    def converse(
        self, name: str, inputs: Sequence[Input], prompt: Prompt = NOTHING_MORE, *, scrub_reply: bool = False
    ) -> Reply:
        """Give a model the messages of all inputs, and what else is in the prompt; its answer is one for all."""
        model = self.model(name)
        if not inputs:
            raise ConversationInputsMissing(name=name)
        messages = tuple(checked(name, message, given.scrub) for given in inputs for message in given.messages)
        check_tool_choice(name, prompt)
        try:
            with self._core.guard(model.blocking):
                reply = model.converse(replace(prompt, messages=messages))
        except ComponentError as error:
            raise ConversationFailed(name=name, cause=error) from error
        return replace(reply, text=scrub(reply.text)) if scrub_reply else reply

    def blocking(self, name: str) -> bool:
        """Whether the model of that name takes its time."""
        model = self._models.get(name)
        return model is not None and model.blocking

    def reset(self) -> None:
        """Forget what was said."""
        for model in self._models.values():
            model.reset()

    def close(self) -> None:
        """Let models think no longer."""
        for model in self._models.values():
            model.close()


def checked(name: str, message: Message | None, scrubbed: bool) -> Message:
    """A message as the model is given it; what tools are to be called with is never scrubbed."""
    if message is None:
        raise ConversationInvalid(name=name, cause="message type cannot be nil")
    if not all(call.of_a_function for call in message.calls):
        raise ConversationInvalid(name=name, cause="tool types cannot be nil")
    return replace(message, texts=tuple(map(scrub, message.texts))) if scrubbed else message


def check_tool_choice(name: str, prompt: Prompt) -> None:
    """Refuse a choice that names none of the tools, and the need of a tool where there is none."""
    choice = prompt.tool_choice
    if not prompt.tools:
        if choice == "required":
            raise ConversationToolChoiceInvalid(name=name, cause=f"tool choice must be {CHOICES}")
        return
    if choice not in ("", "auto", "none", "required", *(tool.name for tool in prompt.tools)):
        raise ConversationToolChoiceInvalid(name=name, cause=f"tool choice selected was not found. Must be {CHOICES}")
