"""Conversations with language models: what is said to them, and what they answer.

Alpha1 is words only; Alpha2 has messages of every kind and calls of tools (see `dapr_client.tools`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any as _Any

from google.protobuf import any_pb2, json_format, struct_pb2, wrappers_pb2

from dapr_client import _clock
from dapr_client.tools import ConversationTools, stringify_tool_output
from dapr_client.wire import ai_pb2

INT32 = range(-(1 << 31), 1 << 31)


@dataclass
class ConversationInput:
    """Words for the model, and whose they are."""

    content: str
    role: str | None = None
    scrub_pii: bool | None = None


@dataclass
class ConversationMessageContent:
    """A part of a message."""

    text: str


@dataclass
class ConversationToolCallsOfFunction:
    """Which function a model wants called, with which arguments (JSON)."""

    name: str
    arguments: str


@dataclass
class ConversationToolCalls:
    """A call that a model asks for."""

    id: str | None = None
    function: ConversationToolCallsOfFunction | None = None


def _print(indent: int, lines: Iterable[str]) -> None:
    for line in lines:
        print(" " * indent + line)  # noqa: T201  # that is what it is for


@dataclass
class _Said:
    """A message of anybody: who they are, and their words."""

    name: str | None = None
    content: list[ConversationMessageContent] = field(default_factory=list)

    def trace_print(self, indent: int = 0) -> None:
        """Print it."""
        _print(indent, self._lines())

    def _lines(self) -> Iterator[str]:
        if self.name:
            yield f"name: {self.name}"
        for number, part in enumerate(self.content):
            title = f"content[{number}]: "
            first, *more = (part.text or "").splitlines() or [""]
            yield title + first
            yield from (" " * len(title) + line for line in more)


@dataclass
class ConversationMessageOfDeveloper(_Said):
    """What the developer of the application says."""


@dataclass
class ConversationMessageOfSystem(_Said):
    """What the system says."""


@dataclass
class ConversationMessageOfUser(_Said):
    """What the user says."""


@dataclass
class ConversationMessageOfAssistant(_Said):
    """What the model has said, and which calls it has asked for."""

    tool_calls: list[ConversationToolCalls] = field(default_factory=list)

    def _lines(self) -> Iterator[str]:
        yield from super()._lines()
        if self.tool_calls:
            yield f"tool_calls: {len(self.tool_calls)}"
        for number, call in enumerate(self.tool_calls):
            name, arguments = (call.function.name, call.function.arguments) if call.function else ("", "")
            yield f"  [{number}] id={call.id or ''} function={name}({arguments})"


@dataclass
class ConversationMessageOfTool:
    """What a tool has given back to a call."""

    tool_id: str | None = None
    name: str = ""
    content: list[ConversationMessageContent] = field(default_factory=list)

    def trace_print(self, indent: int = 0) -> None:
        """Print it."""
        _print(indent, [f"tool_id: {self.tool_id}"] if self.tool_id else [])
        _Said(self.name, self.content).trace_print(indent)


ARROWS = {
    "of_developer": "client[devel]  --------------> LLM[assistant]:",
    "of_system": "client[system] --------------> LLM[assistant]:",
    "of_user": "client[user]   --------------> LLM[assistant]:",
    "of_assistant": "client         <------------- LLM[assistant]:",
    "of_tool": "client[tool]   -------------> LLM[assistant]:",
}
"""The kinds of messages, and how each is printed."""


@dataclass
class ConversationMessage:
    """A message of one kind."""

    of_developer: ConversationMessageOfDeveloper | None = None
    of_system: ConversationMessageOfSystem | None = None
    of_user: ConversationMessageOfUser | None = None
    of_assistant: ConversationMessageOfAssistant | None = None
    of_tool: ConversationMessageOfTool | None = None

    def trace_print(self, indent: int = 0) -> None:
        """Print who says what to whom."""
        _print(0, [""])
        for kind, arrow in ARROWS.items():
            said = getattr(self, kind)
            if said:
                _print(indent, [arrow])
                said.trace_print(indent + 2)

    def to_proto(self) -> ai_pb2.ConversationMessage:
        """The message that is sent."""
        message = ai_pb2.ConversationMessage()
        for kind in ARROWS:
            said = getattr(self, kind)
            if not said:
                continue
            target = getattr(message, kind)
            target.SetInParent()
            target.name = said.name or ""
            target.content.extend(ai_pb2.ConversationMessageContent(text=part.text) for part in said.content or ())
            if kind == "of_assistant":
                target.tool_calls.extend(map(_call_proto, said.tool_calls or ()))
            elif kind == "of_tool" and said.tool_id:
                target.tool_id = said.tool_id
            break
        return message


def _call_proto(call: ConversationToolCalls) -> ai_pb2.ConversationToolCalls:
    message = ai_pb2.ConversationToolCalls(id=call.id or None)
    if call.function:
        message.function.name, message.function.arguments = call.function.name, call.function.arguments
        message.function.SetInParent()
    return message


@dataclass
class ConversationInputAlpha2:
    """Messages that belong together."""

    messages: list[ConversationMessage]
    scrub_pii: bool | None = None


def create_user_message(text: str) -> ConversationMessage:
    """What the user says."""
    return ConversationMessage(of_user=ConversationMessageOfUser(content=[ConversationMessageContent(text)]))


def create_system_message(text: str) -> ConversationMessage:
    """What the system says."""
    return ConversationMessage(of_system=ConversationMessageOfSystem(content=[ConversationMessageContent(text)]))


def create_assistant_message(text: str) -> ConversationMessage:
    """What the model has said."""
    return ConversationMessage(of_assistant=ConversationMessageOfAssistant(content=[ConversationMessageContent(text)]))


def create_tool_message(tool_id: str, name: str, content: _Any) -> ConversationMessage:
    """What a tool has given back to the call of that id."""
    text = ConversationMessageContent(stringify_tool_output(content))
    return ConversationMessage(of_tool=ConversationMessageOfTool(tool_id, name, [text]))


# --- answers -------------------------------------------------------------------------------------


@dataclass
class ConversationResultAlpha1:
    """An answer in words."""

    result: str
    parameters: dict[str, any_pb2.Any] = field(default_factory=dict)


@dataclass
class ConversationResponseAlpha1:
    """What came of a conversation in words."""

    context_id: str | None
    outputs: list[ConversationResultAlpha1]


@dataclass
class ConversationResultAlpha2Message:
    """What the model says, and which calls it asks for."""

    content: str
    tool_calls: list[ConversationToolCalls] = field(default_factory=list)


@dataclass
class ConversationResultAlpha2Choices:
    """One of the answers between which one may choose."""

    finish_reason: str
    index: int
    message: ConversationResultAlpha2Message


@dataclass
class ConversationResultAlpha2CompletionUsageCompletionTokensDetails:
    """What the tokens of the answer went into."""

    accepted_prediction_tokens: int = 0
    audio_tokens: int = 0
    reasoning_tokens: int = 0
    rejected_prediction_tokens: int = 0


@dataclass
class ConversationResultAlpha2CompletionUsagePromptTokensDetails:
    """What the tokens of the question went into."""

    audio_tokens: int = 0
    cached_tokens: int = 0


@dataclass
class ConversationResultAlpha2CompletionUsage:
    """How many tokens it took."""

    completion_tokens: int = 0
    prompt_tokens: int = 0
    total_tokens: int = 0
    completion_tokens_details: ConversationResultAlpha2CompletionUsageCompletionTokensDetails | None = None
    prompt_tokens_details: ConversationResultAlpha2CompletionUsagePromptTokensDetails | None = None


@dataclass
class ConversationResultAlpha2:
    """An answer."""

    choices: list[ConversationResultAlpha2Choices] = field(default_factory=list)
    model: str | None = None
    usage: ConversationResultAlpha2CompletionUsage | None = None


@dataclass
class ConversationResponseAlpha2:
    """What came of a conversation."""

    context_id: str | None
    outputs: list[ConversationResultAlpha2]

    def to_assistant_messages(self) -> list[ConversationMessage]:
        """The answers as messages, to go on with."""
        return [
            ConversationMessage(
                of_assistant=ConversationMessageOfAssistant(
                    content=[ConversationMessageContent(choice.message.content)] if choice.message.content else [],
                    tool_calls=choice.message.tool_calls,
                )
            )
            for output in self.outputs
            for choice in output.choices
        ]


# --- from and to the wire ------------------------------------------------------------------------


def as_any(value: _Any) -> any_pb2.Any:
    """A value of a parameter; ValueError for one of a type that has no message."""
    packed = any_pb2.Any()
    match value:
        case any_pb2.Any():
            return value
        case bool():
            packed.Pack(wrappers_pb2.BoolValue(value=value))
        case str():
            packed.Pack(wrappers_pb2.StringValue(value=value))
        case int() if value in INT32:
            packed.Pack(wrappers_pb2.Int32Value(value=value))
        case int():
            packed.Pack(wrappers_pb2.Int64Value(value=value))
        case float():
            packed.Pack(wrappers_pb2.DoubleValue(value=value))
        case bytes():
            packed.Pack(wrappers_pb2.BytesValue(value=value))
        case _:
            raise ValueError(f"Unsupported parameter type: {type(value)}")
    return packed


def parameters_of(parameters: Mapping[str, _Any] | None) -> dict[str, any_pb2.Any]:
    """The parameters of a request."""
    return {name: as_any(value) for name, value in (parameters or {}).items()}


def input_proto(given: ConversationInputAlpha2) -> ai_pb2.ConversationInputAlpha2:
    """Messages as they are sent."""
    return ai_pb2.ConversationInputAlpha2(
        messages=[message.to_proto() for message in given.messages], scrub_pii=bool(given.scrub_pii)
    )


def tool_proto(given: ConversationTools) -> ai_pb2.ConversationTools:
    """What the model is told of a tool."""
    message = ai_pb2.ConversationTools()
    if given.function:
        message.function.name = given.function.name
        message.function.description = given.function.description or ""
        message.function.SetInParent()
        if given.function.parameters:
            message.function.parameters.CopyFrom(_struct(given.function.parameters))
    return message


def _struct(schema: _Any) -> struct_pb2.Struct:
    if isinstance(schema, struct_pb2.Struct):
        return schema
    if not isinstance(schema, dict):
        raise ValueError(f"Value must be a dictionary, got {type(schema)}")
    return json_format.ParseDict(schema, struct_pb2.Struct())


def outputs_of(outputs: Iterable[ai_pb2.ConversationResultAlpha2]) -> list[ConversationResultAlpha2]:
    """Answers as they are given to the caller."""
    return [
        ConversationResultAlpha2(
            choices=list(map(_choice, output.choices)),
            model=output.model or None,
            usage=_usage(output.usage) if output.HasField("usage") else None,
        )
        for output in outputs
    ]


def _choice(choice: ai_pb2.ConversationResultChoices) -> ConversationResultAlpha2Choices:
    message = ConversationResultAlpha2Message(choice.message.content, list(map(_call, choice.message.tool_calls)))
    return ConversationResultAlpha2Choices(choice.finish_reason, choice.index, message)


def _call(call: ai_pb2.ConversationToolCalls) -> ConversationToolCalls:
    """A call; one that the model gave no id is given one, so that it can be answered."""
    function = ConversationToolCallsOfFunction(call.function.name, call.function.arguments)
    return ConversationToolCalls(call.id or str(_clock.new_id()), function)


def _usage(usage: ai_pb2.ConversationResultAlpha2CompletionUsage) -> ConversationResultAlpha2CompletionUsage:
    spent, asked = usage.completion_tokens_details, usage.prompt_tokens_details
    return ConversationResultAlpha2CompletionUsage(
        usage.completion_tokens,
        usage.prompt_tokens,
        usage.total_tokens,
        ConversationResultAlpha2CompletionUsageCompletionTokensDetails(
            spent.accepted_prediction_tokens,
            spent.audio_tokens,
            spent.reasoning_tokens,
            spent.rejected_prediction_tokens,
        )
        if usage.HasField("completion_tokens_details")
        else None,
        ConversationResultAlpha2CompletionUsagePromptTokensDetails(asked.audio_tokens, asked.cached_tokens)
        if usage.HasField("prompt_tokens_details")
        else None,
    )
