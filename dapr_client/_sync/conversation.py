# Generated from dapr_client/_async/conversation.py by tools/async_to_sync.py. Do not edit.

"""Conversations: ask a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct

from dapr_client import conversation as values
from dapr_client._sync.block import Block
from dapr_client.tools import ConversationTools
from dapr_client.wire import ai_pb2


class ConversationMethods(Block):
    """What a client can ask of language models."""

    def converse_alpha1(
        self,
        name: str,
        inputs: Sequence[values.ConversationInput],
        *,
        context_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        scrub_pii: bool | None = None,
        temperature: float | None = None,
        timeout: float | None = None,
    ) -> values.ConversationResponseAlpha1:
        """Ask a model in words; `scrub_pii` takes what is private out of the answer."""
        request = ai_pb2.ConversationRequest(
            name=name,
            inputs=[
                ai_pb2.ConversationInput(content=one.content, role=one.role, scrubPII=bool(one.scrub_pii))
                for one in inputs
            ],
            contextID=context_id,
            parameters=values.parameters_of(parameters),
            metadata=metadata or {},
            scrubPII=bool(scrub_pii),
            temperature=temperature,
        )
        answer, _ = self._transport.unary("ConverseAlpha1", request, ai_pb2.ConversationResponse, None, timeout)
        outputs = [values.ConversationResultAlpha1(one.result, dict(one.parameters)) for one in answer.outputs]
        return values.ConversationResponseAlpha1(answer.contextID, outputs)

    def converse_alpha2(
        self,
        name: str,
        inputs: Sequence[values.ConversationInputAlpha2],
        *,
        context_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        scrub_pii: bool | None = None,
        temperature: float | None = None,
        tools: Sequence[ConversationTools] | None = None,
        tool_choice: str | None = None,
        response_format: Struct | None = None,
        prompt_cache_retention: Duration | None = None,
        max_tokens: int | None = None,
        timeout: float | None = None,
    ) -> values.ConversationResponseAlpha2:
        """Ask a model with messages of every kind, and let it ask for calls of tools.

        `tool_choice` is `auto`, `none`, `required` or the name of a tool.
        """
        request = ai_pb2.ConversationRequestAlpha2(
            name=name,
            inputs=map(values.input_proto, inputs),
            context_id=context_id,
            parameters=values.parameters_of(parameters),
            metadata=metadata or {},
            scrub_pii=bool(scrub_pii),
            temperature=temperature,
            tools=map(values.tool_proto, tools or ()),
            tool_choice=tool_choice,
            response_format=response_format,
            prompt_cache_retention=prompt_cache_retention,
            max_tokens=max_tokens,
        )
        answer, _ = self._transport.unary(
            "ConverseAlpha2", request, ai_pb2.ConversationResponseAlpha2, None, timeout
        )
        return values.ConversationResponseAlpha2(answer.context_id, values.outputs_of(answer.outputs))
