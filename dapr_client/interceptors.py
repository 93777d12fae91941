"""Interceptors that come with the client: call metadata and deadlines for every kind of call.

The client needs neither: it sends its API token and its deadline by itself. They are for channels of your own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio

from dapr_client.settings import api_timeout

WAITS = (
    "/TaskHubSidecarService/WaitForInstanceStart",
    "/TaskHubSidecarService/WaitForInstanceCompletion",
)
"""Calls that wait as long as a workflow runs: only the caller limits them."""


class _CallDetails(grpc.ClientCallDetails):
    """The details of a call, with something changed."""

    def __init__(self, details: Any, **changes: Any) -> None:
        for name in ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression"):
            setattr(self, name, changes[name] if name in changes else getattr(details, name, None))


class _WithMetadata:
    def __init__(self, metadata: Sequence[tuple[str, str]]) -> None:
        self._metadata = list(metadata)

    def _with(self, details: Any) -> _CallDetails:
        return _CallDetails(details, metadata=[*(details.metadata or ()), *self._metadata])


class DaprClientInterceptor(
    _WithMetadata,
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Adds metadata to every call of a channel."""

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._with(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(self._with(client_call_details), request)

    def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return continuation(self._with(client_call_details), request_iterator)

    def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return continuation(self._with(client_call_details), request_iterator)


class DaprClientInterceptorAsync(
    _WithMetadata,
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    """Adds metadata to every call of an async client. A channel of your own must get it once for each kind."""

    def _with(self, details: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *self._metadata)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self._with(client_call_details), request)

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self._with(client_call_details), request)

    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await continuation(self._with(client_call_details), request_iterator)

    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await continuation(self._with(client_call_details), request_iterator)


def _deadline(details: Any) -> float | None:
    """The deadline that the settings give a call that has none."""
    method = details.method.decode() if isinstance(details.method, bytes) else details.method
    return details.timeout if details.timeout is not None or method in WAITS else api_timeout()


class DaprClientTimeoutInterceptor(grpc.UnaryUnaryClientInterceptor):
    """Gives a unary call DAPR_API_TIMEOUT_SECONDS when it has no deadline."""

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return continuation(_CallDetails(client_call_details, timeout=_deadline(client_call_details)), request)


class DaprClientTimeoutInterceptorAsync(grpc.aio.UnaryUnaryClientInterceptor):
    """The same for grpc.aio."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        details = client_call_details
        changed = grpc.aio.ClientCallDetails(
            details.method, _deadline(details), details.metadata, details.credentials, details.wait_for_ready
        )
        return await continuation(changed, request)
