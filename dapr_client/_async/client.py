"""The client: one object for all building blocks of a sidecar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self
from weakref import WeakSet

import grpc

from dapr_client import settings as _settings
from dapr_client._async.bindings import BindingMethods
from dapr_client._async.configuration import ConfigurationMethods
from dapr_client._async.conversation import ConversationMethods
from dapr_client._async.crypto import CryptoMethods
from dapr_client._async.health import wait_for_sidecar
from dapr_client._async.invocation import InvocationMethods
from dapr_client._async.jobs import JobMethods
from dapr_client._async.lock import LockMethods
from dapr_client._async.metadata import MetadataMethods
from dapr_client._async.pubsub import PubSubMethods
from dapr_client._async.secrets import SecretMethods
from dapr_client._async.state import StateMethods
from dapr_client._async.workflow import WorkflowMethods
from dapr_client._transport import Wiring
from dapr_client._transport.aio import AsyncTransport
from dapr_client._transport.http_aio import AsyncHttp
from dapr_client.retry import RetryPolicy
from dapr_client.settings import settings


class DaprClient(
    BindingMethods,
    ConfigurationMethods,
    ConversationMethods,
    CryptoMethods,
    InvocationMethods,
    JobMethods,
    LockMethods,
    MetadataMethods,
    PubSubMethods,
    SecretMethods,
    StateMethods,
    WorkflowMethods,
):
    """Talks to a sidecar.

        async with DaprClient() as client:
            await client.save_state("statestore", "key", "value")

    The address is the argument, else DAPR_GRPC_ENDPOINT, else DAPR_RUNTIME_HOST and DAPR_GRPC_PORT; the forms are in
    dapr_client/endpoint.py. The client waits until the sidecar is healthy (DAPR_HEALTH_TIMEOUT seconds): a sync client
    when it is made, an async one before its first call. Settings are read when the client is made.

    Errors of the sidecar are DaprGrpcError, from every call. Every call takes `timeout` in seconds; without it
    DAPR_API_TIMEOUT_SECONDS applies, to all but streams. A `channel` that is ready is taken over: it is closed with
    the client, and there is no wait for health.
    """

    def __init__(
        self,
        address: str | None = None,
        headers_callback: Callable[[], dict[str, str]] | None = None,
        interceptors: Sequence[Any] | None = None,
        http_timeout_seconds: float | None = None,
        max_grpc_message_length: int | None = None,
        retry_policy: RetryPolicy | None = None,
        *,
        channel: Any = None,
        api_token: str | None = None,
    ) -> None:
        self._headers_callback = headers_callback
        self._http_timeout = (
            settings.DAPR_HTTP_TIMEOUT_SECONDS if http_timeout_seconds is None else http_timeout_seconds
        )
        self.retry_policy = retry_policy or RetryPolicy()
        self._subscriptions = {}
        token = settings.DAPR_API_TOKEN if api_token is None else api_token
        api_url, seconds = _settings.api_url(), float(settings.DAPR_HEALTH_TIMEOUT)
        self._token, self._api_url = token, api_url
        self._http = AsyncHttp(self.retry_policy)
        wiring = Wiring(
            address=address,
            channel=channel,
            interceptors=tuple(interceptors or ()),
            max_message_length=max_grpc_message_length,
            retry=self.retry_policy,
            token=token,
            timeout=_settings.api_timeout(),
            credentials=None if channel is not None else self.get_credentials(),
        )
        self._topics = WeakSet()
        self._healthy = None if channel is not None else lambda: wait_for_sidecar(api_url, token, seconds)
        self._transport = AsyncTransport(wiring, self._healthy)

    @staticmethod
    def get_credentials() -> grpc.ChannelCredentials | None:
        """What a TLS connection trusts: None for the usual authorities. Made to be overridden."""
        return None

    async def close(self) -> None:
        """End subscriptions and the connection."""
        await self._end_topics()
        await self._end_subscriptions()
        await self._http.close()
        await self._transport.close()

    async def __aenter__(self) -> Self:
        await self._transport.ready()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()
