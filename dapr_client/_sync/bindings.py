# Generated from dapr_client/_async/bindings.py by tools/async_to_sync.py. Do not edit.

"""Output bindings: have something done outside of Dapr."""

from __future__ import annotations

from collections.abc import Mapping

from dapr_client._sync.block import Block
from dapr_client._checks import NO_METADATA, MetadataTuple, to_bytes, warn_of_metadata
from dapr_client.bindings import BindingResponse
from dapr_client.wire import binding_pb2


class BindingMethods(Block):
    """What a client can do with output bindings."""

    def invoke_binding(
        self,
        binding_name: str,
        operation: str,
        data: bytes | str = "",
        binding_metadata: Mapping[str, str] | None = NO_METADATA,
        metadata: MetadataTuple | None = None,
        *,
        timeout: float | None = None,
    ) -> BindingResponse:
        """Have a binding carry out one of its operations."""
        warn_of_metadata(metadata)
        request = binding_pb2.InvokeBindingRequest(
            name=binding_name, operation=operation, data=to_bytes(data), metadata=binding_metadata or None
        )
        answer, headers = self._transport.unary(
            "InvokeBinding", request, binding_pb2.InvokeBindingResponse, metadata, timeout
        )
        return BindingResponse(answer.data, answer.metadata, headers)
