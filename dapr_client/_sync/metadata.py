# Generated from dapr_client/_async/metadata.py by tools/async_to_sync.py. Do not edit.

"""The sidecar itself: what it tells, waiting for it, ending it."""

from __future__ import annotations

from warnings import warn

from google.protobuf.empty_pb2 import Empty

from dapr_client import metadata as values
from dapr_client._sync.block import Block
from dapr_client._checks import not_blank, not_none
from dapr_client._response import DaprResponse
from dapr_client.wire import metadata_pb2

WAIT_IS_OLD = "The wait method is deprecated. A health check is now done automatically on client initialization."


class MetadataMethods(Block):
    """What a client can ask of the sidecar itself."""

    def get_metadata(self, *, timeout: float | None = None) -> values.GetMetadataResponse:
        """Everything the sidecar tells about itself."""
        answer, headers = self._transport.unary(
            "GetMetadata", metadata_pb2.GetMetadataRequest(), metadata_pb2.GetMetadataResponse, None, timeout
        )
        return values.response(answer, headers)

    def set_metadata(
        self,
        attributeName: str,  # noqa: N803  # the official names
        attributeValue: str,  # noqa: N803
        *,
        timeout: float | None = None,
    ) -> DaprResponse:
        """Add a text to what the sidecar tells about itself."""
        not_blank(attributeName=attributeName)
        not_none(attributeValue=attributeValue)
        request = metadata_pb2.SetMetadataRequest(key=attributeName, value=attributeValue)
        _, headers = self._transport.unary("SetMetadata", request, Empty, None, timeout)
        return DaprResponse(headers)

    def wait(self, timeout_s: float) -> None:
        """Wait until the sidecar's gRPC port takes connections. The client has waited for its health already."""
        warn(WAIT_IS_OLD, DeprecationWarning, stacklevel=2)
        self._transport.connected(timeout_s)

    def shutdown(self, *, timeout: float | None = None) -> DaprResponse:
        """End the sidecar."""
        # Imported here, as it brings the messages of every block.
        from dapr_client.wire import dapr_pb2

        _, headers = self._transport.unary("Shutdown", dapr_pb2.ShutdownRequest(), Empty, None, timeout)
        return DaprResponse(headers)
