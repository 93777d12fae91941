"""Actors, as others call them: proxies, and the client that they and the actors themselves go through."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from urllib.parse import quote

from dapr_client import settings as _settings
from dapr_client._async.health import wait_for_sidecar
from dapr_client._serializers import DefaultJSONSerializer, Serializer
from dapr_client._transport import TOKEN_KEY, HttpReply
from dapr_client._transport.http_aio import AsyncHttp
from dapr_client._version import USER_AGENT
from dapr_client.actor._context import REENTRANCY_HEADER, reentrancy_ctx
from dapr_client.actor._interface import ActorId, ActorInterface, ActorMethod, methods_of
from dapr_client.errors import DaprHttpError
from dapr_client.retry import RetryPolicy
from dapr_client.settings import settings

IN_SEGMENT = "!$&'()*+,;=:@-._~"
EXPIRES = "metadata.ttlexpiretime"


@dataclass(frozen=True, slots=True)
class Stored:
    """What an actor keeps under a name."""

    data: bytes
    """Empty: nothing."""
    expires: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one name in a transaction."""

    name: str
    data: bytes | None
    """None: it is deleted."""
    metadata: Mapping[str, str]


class DaprActorClientBase(ABC):
    """What can be asked of the sidecar about actors."""

    @abstractmethod
    async def invoke_method(self, actor_type: str, actor_id: str, method: str, data: bytes | None = None) -> bytes:
        """Call a method of an actor."""

    @abstractmethod
    async def save_state_transactionally(self, actor_type: str, actor_id: str, data: bytes) -> None:
        """Change what an actor keeps, all or nothing; `data` is Dapr's JSON of operations."""

    @abstractmethod
    async def get_state(self, actor_type: str, actor_id: str, name: str) -> bytes:
        """What an actor keeps under a name; empty if there is nothing."""

    @abstractmethod
    async def register_reminder(self, actor_type: str, actor_id: str, name: str, data: bytes) -> None:
        """Have an actor reminded; `data` is Dapr's JSON of a reminder."""

    @abstractmethod
    async def unregister_reminder(self, actor_type: str, actor_id: str, name: str) -> None:
        """Remind an actor no more."""

    @abstractmethod
    async def register_timer(self, actor_type: str, actor_id: str, name: str, data: bytes) -> None:
        """Have a method of an actor called; `data` is Dapr's JSON of a timer."""

    @abstractmethod
    async def unregister_timer(self, actor_type: str, actor_id: str, name: str) -> None:
        """End a timer."""

    async def read_state(self, actor_type: str, actor_id: str, name: str) -> Stored:
        """What an actor keeps under a name, and whether it is there for some time only."""
        return Stored(await self.get_state(actor_type, actor_id, name))

    async def change_state(self, actor_type: str, actor_id: str, changes: Sequence[Change]) -> None:
        """Change what an actor keeps, all or nothing."""
        operations = b",".join(_operation(change) for change in changes)
        await self.save_state_transactionally(actor_type, actor_id, b"[" + operations + b"]")

    async def close(self) -> None:
        """Close the connections."""


def _operation(change: Change) -> bytes:
    # Put together from bytes, as the value is JSON already.
    fields = {"key": json.dumps(change.name).encode()}
    if change.data is not None:
        fields["value"] = change.data
    if change.metadata:
        fields["metadata"] = json.dumps(dict(change.metadata)).encode()
    request = b",".join(b'"%s":%s' % (name.encode(), value) for name, value in fields.items())
    return b'{"operation":"%s","request":{%s}}' % (b"delete" if change.data is None else b"upsert", request)


class DaprActorHttpClient(DaprActorClientBase):
    """Asks the sidecar about actors, over HTTP. Where the sidecar is, the settings say, with every call.

    An answer of 300 and above is a DaprHttpError. The first call waits until the sidecar is healthy.
    """

    def __init__(
        self,
        message_serializer: Serializer | None = None,
        timeout: float | None = 60,
        headers_callback: Callable[[], Mapping[str, str]] | None = None,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        self._serializer = message_serializer or DefaultJSONSerializer()
        self._timeout = timeout
        self._headers_callback = headers_callback
        self._http = AsyncHttp(retry_policy or RetryPolicy())
        self._healthy = ""
        """The address of the sidecar that was found healthy."""

    async def invoke_method(self, actor_type: str, actor_id: str, method: str, data: bytes | None = None) -> bytes:
        reentrancy = reentrancy_ctx.get()
        headers = {REENTRANCY_HEADER: reentrancy} if reentrancy else {}
        return (await self._ask("POST", (actor_type, actor_id, "method", method), data, headers)).body

    async def save_state_transactionally(self, actor_type: str, actor_id: str, data: bytes) -> None:
        await self._ask("PUT", (actor_type, actor_id, "state"), data)

    async def get_state(self, actor_type: str, actor_id: str, name: str) -> bytes:
        return (await self.read_state(actor_type, actor_id, name)).data

    async def read_state(self, actor_type: str, actor_id: str, name: str) -> Stored:
        reply = await self._ask("GET", (actor_type, actor_id, "state", name))
        return Stored(reply.body, bool(reply.header(EXPIRES)))

    async def register_reminder(self, actor_type: str, actor_id: str, name: str, data: bytes) -> None:
        await self._ask("PUT", (actor_type, actor_id, "reminders", name), data)

    async def unregister_reminder(self, actor_type: str, actor_id: str, name: str) -> None:
        await self._ask("DELETE", (actor_type, actor_id, "reminders", name))

    async def register_timer(self, actor_type: str, actor_id: str, name: str, data: bytes) -> None:
        await self._ask("PUT", (actor_type, actor_id, "timers", name), data)

    async def unregister_timer(self, actor_type: str, actor_id: str, name: str) -> None:
        await self._ask("DELETE", (actor_type, actor_id, "timers", name))

    async def close(self) -> None:
        await self._http.close()

    async def _ask(
        self, verb: str, path: Sequence[str], body: bytes | None = None, more: Mapping[str, str] | None = None
    ) -> HttpReply:
        api, token = _settings.api_url(), settings.DAPR_API_TOKEN
        if self._healthy != api:
            await wait_for_sidecar(api, token, float(settings.DAPR_HEALTH_TIMEOUT))
            self._healthy = api
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, **(more or {})}
        if token:
            headers[TOKEN_KEY] = token
        if self._headers_callback is not None:
            headers |= self._headers_callback()
        url = f"{api}/actors/{'/'.join(quote(part, safe=IN_SEGMENT) for part in path)}"
        reply = await self._http.request(verb, url, headers=headers, body=body, timeout=self._timeout)
        if not 200 <= reply.status < 300:
            raise DaprHttpError(self._serializer, reply.body, reply.status, reply.reason)
        return reply


class ActorFactoryBase(ABC):
    """Makes proxies."""

    @abstractmethod
    def create(
        self, actor_type: str, actor_id: ActorId | str, actor_interface: type[ActorInterface] | None = None
    ) -> ActorProxy:
        """A proxy of an actor."""


class ActorProxyFactory(ActorFactoryBase):
    """Makes proxies that go through one client: over HTTP, unless another one is given."""

    def __init__(
        self,
        message_serializer: Serializer | None = None,
        http_timeout_seconds: float | None = None,
        retry_policy: RetryPolicy | None = None,
        *,
        client: DaprActorClientBase | None = None,
    ) -> None:
        seconds = settings.DAPR_HTTP_TIMEOUT_SECONDS if http_timeout_seconds is None else http_timeout_seconds
        self._message_serializer = message_serializer or DefaultJSONSerializer()
        self._client = client or DaprActorHttpClient(
            self._message_serializer, timeout=seconds, retry_policy=retry_policy
        )

    def create(
        self, actor_type: str, actor_id: ActorId | str, actor_interface: type[ActorInterface] | None = None
    ) -> ActorProxy:
        return ActorProxy(self._client, actor_type, actor_id, actor_interface, self._message_serializer)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()


class ActorProxy:
    """Stands for an actor, wherever it lives.

        counter = ActorProxy.create("CounterActor", ActorId("1"), Counter)
        await counter.Add(5)

    With an interface its methods can be called, by the names that callers use or by those that they have in Python;
    without one, `invoke_method` sends bytes.
    """

    _default_factory: ClassVar[ActorProxyFactory | None] = None

    def __init__(
        self,
        client: DaprActorClientBase,
        actor_type: str,
        actor_id: ActorId | str,
        actor_interface: type[ActorInterface] | None,
        message_serializer: Serializer,
    ) -> None:
        self._client = client
        self._actor_type = actor_type
        self._actor_id = ActorId(actor_id) if isinstance(actor_id, str) else actor_id
        self._actor_interface = actor_interface
        self._message_serializer = message_serializer

    @classmethod
    def create(
        cls,
        actor_type: str,
        actor_id: ActorId | str,
        actor_interface: type[ActorInterface] | None = None,
        actor_proxy_factory: ActorFactoryBase | None = None,
    ) -> ActorProxy:
        """A proxy of an actor; it goes through a factory that all of this process share unless one is given."""
        if actor_proxy_factory is None:
            actor_proxy_factory = ActorProxy._default_factory = ActorProxy._default_factory or ActorProxyFactory()
        return actor_proxy_factory.create(actor_type, actor_id, actor_interface)

    @property
    def actor_id(self) -> ActorId:
        """Which actor of its type it is."""
        return self._actor_id

    @property
    def actor_type(self) -> str:
        """The type of the actor."""
        return self._actor_type

    async def invoke_method(self, method: str, raw_body: bytes | None = None) -> bytes:
        """Call a method with bytes; gives the bytes of the answer."""
        if raw_body is not None and not isinstance(raw_body, bytes):
            raise ValueError(f"raw_body {type(raw_body)} is not bytes type")
        return await self._client.invoke_method(self._actor_type, str(self._actor_id), method, raw_body)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._actor_interface is None:
            raise ValueError("actor_interface is not set. use invoke method.")
        methods = methods_of(self._actor_interface)
        method = methods.get(name) or next((one for one in methods.values() if one.attribute == name), None)
        if method is None:
            raise AttributeError(f"{self._actor_interface.__name__} has no attribute {name}")
        return CallableProxy(self, method, self._message_serializer)


class CallableProxy:
    """A method of an actor, to be called."""

    def __init__(self, proxy: ActorProxy, method: ActorMethod, message_serializer: Serializer) -> None:
        self._proxy = proxy
        self._method = method
        self._message_serializer = message_serializer

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        if len(given) > 1:
            raise ValueError("does not support multiple arguments")
        body = None
        if given:
            body = given[0] if isinstance(given[0], bytes) else self._message_serializer.serialize(given[0])
        answer = await self._proxy.invoke_method(self._method.name, body)
        return self._message_serializer.deserialize(answer, self._method.return_type) if answer else None
