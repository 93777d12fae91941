"""The way to the part of a sidecar that has the workflows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dapr_client._transport import Wiring
from dapr_client.retry import RetryPolicy
from dapr_client.settings import settings

HUB = "/TaskHubSidecarService/"


def hub_path(name: str) -> str:
    """The gRPC path of a call."""
    return HUB + name


def wiring(
    host: str | None,
    port: str | int | None,
    channel: Any,
    api_token: str | None,
    max_message_length: int | None,
    interceptors: Sequence[Any] | None = None,
) -> Wiring:
    """Where to connect to. Without a host and a port the settings say."""
    address = f"{host or settings.DAPR_RUNTIME_HOST}:{port or settings.DAPR_GRPC_PORT}" if host or port else None
    return Wiring(
        address=address,
        channel=channel,
        interceptors=tuple(interceptors or ()),
        max_message_length=max_message_length,
        retry=RetryPolicy(max_attempts=0),
        token=settings.DAPR_API_TOKEN if api_token is None else api_token,
    )
