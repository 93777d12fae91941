"""The conversation API over gRPC (dapr pkg/api/universal/conversation.go)."""

from __future__ import annotations

from typing import Any

from google.protobuf import struct_pb2

from dapr_client.wire import ai_pb2
from fakesidecar.components.conversation import Call, Message, Prompt, Reply, Tool
from fakesidecar.core import Core
from fakesidecar.core.conversation import Input
from fakesidecar.grpcapi.registry import Context, serves


@serves("ConverseAlpha1", call="conversation.converse", component="name")
def converse_alpha1(core: Core, request: ai_pb2.ConversationRequest, context: Context) -> ai_pb2.ConversationResponse:
    return answer_alpha1(core, request)


@serves("ConverseAlpha2", call="conversation.converse", component="name")
def converse_alpha2(
    core: Core, request: ai_pb2.ConversationRequestAlpha2, context: Context
) -> ai_pb2.ConversationResponseAlpha2:
    return answer_alpha2(core, request)


# --- requests and answers, for both doors --------------------------------------------------------


def answer_alpha1(core: Core, request: ai_pb2.ConversationRequest) -> ai_pb2.ConversationResponse:
    """Converse in words only; the answer brings the parameters back."""
    # Whatever role is given, nothing is a tool's answer here: there are no tools.
    inputs = [
        Input((Message("user" if one.role == "tool" else one.role, (one.content,)),), one.scrubPII)
        for one in request.inputs
    ]
    prompt = Prompt((), temperature=request.temperature, metadata=dict(request.metadata), context_id=request.contextID)
    reply = core.conversation.converse(request.name, inputs, prompt, scrub_reply=request.scrubPII)
    result = ai_pb2.ConversationResult(result=reply.text, parameters=request.parameters)
    return ai_pb2.ConversationResponse(contextID=request.contextID or None, outputs=[result])


def answer_alpha2(core: Core, request: ai_pb2.ConversationRequestAlpha2) -> ai_pb2.ConversationResponseAlpha2:
    """Converse with messages of all kinds, and with tools."""
    inputs = [Input(tuple(map(_message, one.messages)), one.scrub_pii) for one in request.inputs]
    prompt = Prompt(
        (),
        tools=tuple(_tool(one.function) for one in request.tools if one.HasField("function")),
        tool_choice=request.tool_choice,
        temperature=request.temperature,
        max_tokens=request.max_tokens if request.HasField("max_tokens") else None,
        response_format=_plain(request.response_format),
        metadata=dict(request.metadata),
        context_id=request.context_id,
    )
    reply = core.conversation.converse(request.name, inputs, prompt, scrub_reply=request.scrub_pii)
    return ai_pb2.ConversationResponseAlpha2(context_id=request.context_id or None, outputs=[_result(reply)])


def _message(message: ai_pb2.ConversationMessage) -> Message | None:
    kind = message.WhichOneof("message_types")
    if kind is None:
        return None
    said: Any = getattr(message, kind)
    return Message(
        kind.removeprefix("of_"),
        tuple(part.text for part in said.content),
        tuple(map(_call, said.tool_calls)) if kind == "of_assistant" else (),
        name=said.name,
        tool_id=said.tool_id if kind == "of_tool" else "",
    )


def _call(call: ai_pb2.ConversationToolCalls) -> Call:
    return Call(call.id, call.function.name, call.function.arguments, of_a_function=call.HasField("function"))


def _tool(tool: ai_pb2.ConversationToolsFunction) -> Tool:
    return Tool(tool.name, tool.description, _plain(tool.parameters))


def _plain(value: Any) -> Any:
    """A google.protobuf.Struct or Value in Python's terms."""
    if isinstance(value, struct_pb2.Struct):
        return {key: _plain(item) for key, item in value.fields.items()}
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    found = getattr(value, kind)
    if kind == "list_value":
        return [_plain(item) for item in found.values]
    return _plain(found) if kind == "struct_value" else found


def _result(reply: Reply) -> ai_pb2.ConversationResultAlpha2:
    calls = [
        ai_pb2.ConversationToolCalls(
            id=call.id or None,
            function=ai_pb2.ConversationToolCallsOfFunction(name=call.name, arguments=call.arguments),
        )
        for call in reply.calls
    ]
    message = ai_pb2.ConversationResultMessage(content=reply.text, tool_calls=calls)
    return ai_pb2.ConversationResultAlpha2(
        choices=[ai_pb2.ConversationResultChoices(finish_reason=reply.finish_reason, message=message)],
        model=reply.model or None,
        usage=ai_pb2.ConversationResultAlpha2CompletionUsage(
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            total_tokens=reply.prompt_tokens + reply.completion_tokens,
        ),
    )
