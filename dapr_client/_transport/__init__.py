"""How calls reach the sidecar: what the sync and the async transport have in common.

A transport carries, for every call of every kind, the call metadata (API token), the deadline, the retries, and turns
what grpc raises into DaprGrpcError. The clients say what to call; the transports know how.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message

from dapr_client import settings as _settings
from dapr_client._checks import MetadataTuple
from dapr_client._version import USER_AGENT
from dapr_client.endpoint import GrpcEndpoint
from dapr_client.errors import DaprInternalError, DaprUnreachableError
from dapr_client.retry import RetryPolicy
from dapr_client.settings import settings

SERVICE = "/dapr.proto.runtime.v1.Dapr/"
TOKEN_KEY = "dapr-api-token"

JOIN_SECONDS = 5.0
"""How long a handler of the user's may hold up the end of a subscription."""

logger = logging.getLogger("dapr_client")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a client is told about the sidecar and the way to it."""

    address: str | None = None
    channel: Any = None
    """A ready channel, taken over by the client; there is no address then, and no wait for the sidecar's health."""
    interceptors: Sequence[Any] = ()
    max_message_length: int | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    token: str | None = None
    timeout: float | None = None
    credentials: grpc.ChannelCredentials | None = None

    @property
    def metadata(self) -> MetadataTuple | None:
        """What goes with every call."""
        return ((TOKEN_KEY, self.token),) if self.token else None

    def endpoint(self) -> GrpcEndpoint:
        """Where to connect to. DaprInternalError if the address is none."""
        try:
            return GrpcEndpoint(self.address or _settings.grpc_address())
        except ValueError as error:
            raise DaprInternalError(str(error)) from error

    def channel_options(self) -> list[tuple[str, Any]]:
        """What grpc is told about the channel."""
        options: list[tuple[str, Any]] = [("grpc.primary_user_agent", USER_AGENT)]
        if self.max_message_length:
            options.append(("grpc.max_send_message_length", self.max_message_length))
            options.append(("grpc.max_receive_message_length", self.max_message_length))
        elif inbound := settings.DAPR_GRPC_MAX_INBOUND_MESSAGE_SIZE_BYTES:
            options.append(("grpc.max_receive_message_length", inbound))
        return options


class Closed:
    """Stands for the channel of a client that is closed."""

    def __getattr__(self, name: str) -> Any:
        raise DaprInternalError("the client is closed")


CLOSED = Closed()


def path(name: str) -> str:
    """The gRPC path of a call of Dapr's service; a name that is a path already stays."""
    return name if name.startswith("/") else SERVICE + name


def serialize(message: Message) -> bytes:
    """A message of any kind as bytes."""
    return message.SerializeToString()


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What an HTTP call was answered with."""

    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of that name; empty if there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


def unreachable(method: str, url: str, cause: Exception, *, timed_out: bool) -> DaprUnreachableError:
    """The error for an HTTP call that was not answered."""
    text = str(cause) or type(cause).__name__
    error = DaprUnreachableError(f"{method} {url} failed: {text}")
    error.timed_out = timed_out
    return error
