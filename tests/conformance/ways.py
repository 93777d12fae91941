"""The ways in which a building block can be used: each asks in its own manner, all answer in the same terms."""

from __future__ import annotations

import asyncio
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import grpc
import urllib3

from dapr_client import Concurrency, DaprGrpcError, DecryptOptions, EncryptOptions, StateItem, StateOptions
from dapr_client import TransactionalStateOperation as Step
from dapr_client import TransactionOperationType as Type
from dapr_testing import DaprSidecar


class Refused(Exception):
    """The sidecar said no."""

    def __init__(self, conflict: bool, message: str) -> None:
        super().__init__(message)
        self.conflict = conflict
        """Somebody else changed the value meanwhile (ABORTED, 409)."""


@dataclass(frozen=True, slots=True)
class Value:
    """A stored value and its etag; None when there is none."""

    data: Any
    etag: str | None


NOTHING = Value(None, None)


class Way(ABC):
    """State, secrets, configuration, locks, crypto and publishing by one protocol and one client."""

    @abstractmethod
    def get(self, store: str, key: str) -> Value: ...

    @abstractmethod
    def bulk_get(self, store: str, keys: Sequence[str]) -> Mapping[str, Any]: ...

    @abstractmethod
    def save(
        self, store: str, key: str, value: Any, *, etag: str | None = None, first: bool = False, ttl: int | None = None
    ) -> None: ...

    @abstractmethod
    def save_all(self, store: str, values: Mapping[str, Any]) -> None: ...

    @abstractmethod
    def delete(self, store: str, key: str, *, etag: str | None = None) -> None: ...

    @abstractmethod
    def transact(self, store: str, upserts: Mapping[str, Any], deletes: Sequence[str]) -> None: ...

    @abstractmethod
    def query(self, store: str, query: Mapping[str, Any]) -> Mapping[str, Any]: ...

    @abstractmethod
    def secret(self, store: str, name: str) -> Mapping[str, str]: ...

    @abstractmethod
    def secrets(self, store: str) -> Mapping[str, Mapping[str, str]]: ...

    @abstractmethod
    def settings(self, store: str, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]: ...

    @abstractmethod
    def lock(self, store: str, resource: str, owner: str, seconds: int) -> bool: ...

    @abstractmethod
    def unlock(self, store: str, resource: str, owner: str) -> str: ...

    @abstractmethod
    def publish(
        self, pubsub: str, topic: str, data: str, content_type: str, metadata: Mapping[str, str] = {}
    ) -> None: ...

    @abstractmethod
    def publish_all(self, pubsub: str, topic: str, texts: Sequence[str]) -> None: ...

    @abstractmethod
    def encrypt(self, store: str, key: str, algorithm: str, data: bytes, cipher: str = "aes-gcm") -> bytes: ...

    @abstractmethod
    def decrypt(self, store: str, document: bytes, key: str = "") -> bytes: ...

    def close(self) -> None:
        """Let go of everything."""


UNLOCKED = ("success", "lock_does_not_exist", "lock_belongs_to_others", "internal_error")


class ClientWay(Way):
    """Our client, sync or async."""

    def __init__(self, client: Any, finish: Callable[[Any], Any] = lambda answer: answer) -> None:
        self._client, self._finish = client, finish

    def _call(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        return self._finished(getattr(self._client, name), *arguments, **keywords)

    def _finished(self, action: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the alpha APIs
                return self._finish(action(*arguments, **keywords))
        except DaprGrpcError as error:
            raise Refused(error.code() is grpc.StatusCode.ABORTED, error.details() or "") from error

    def get(self, store: str, key: str) -> Value:
        answer = self._call("get_state", store, key)
        return Value(json.loads(answer.data), answer.etag) if answer.data else NOTHING

    def bulk_get(self, store: str, keys: Sequence[str]) -> Mapping[str, Any]:
        answer = self._call("get_bulk_state", store, keys)
        return {item.key: json.loads(item.data) if item.data else None for item in answer.items}

    def save(
        self, store: str, key: str, value: Any, *, etag: str | None = None, first: bool = False, ttl: int | None = None
    ) -> None:
        options = StateOptions(concurrency=Concurrency.first_write) if first else None
        metadata = {} if ttl is None else {"ttlInSeconds": str(ttl)}
        self._call("save_state", store, key, json.dumps(value), etag, options, metadata)

    def save_all(self, store: str, values: Mapping[str, Any]) -> None:
        self._call("save_bulk_state", store, [StateItem(key, json.dumps(value)) for key, value in values.items()])

    def delete(self, store: str, key: str, *, etag: str | None = None) -> None:
        self._call("delete_state", store, key, etag)

    def transact(self, store: str, upserts: Mapping[str, Any], deletes: Sequence[str]) -> None:
        steps = [Step(key, json.dumps(value), operation_type=Type.upsert) for key, value in upserts.items()]
        steps += [Step(key, b"", operation_type=Type.delete) for key in deletes]
        self._call("execute_state_transaction", store, steps)

    def query(self, store: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._call("query_state", store, json.dumps(query))
        return {item.key: json.loads(item.value) for item in answer.results}

    def secret(self, store: str, name: str) -> Mapping[str, str]:
        return dict(self._call("get_secret", store, name).secret)

    def secrets(self, store: str) -> Mapping[str, Mapping[str, str]]:
        return {name: dict(secret) for name, secret in self._call("get_bulk_secret", store).secrets.items()}

    def settings(self, store: str, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        items = self._call("get_configuration", store, keys).items
        return {key: (item.value, item.version) for key, item in items.items()}

    def lock(self, store: str, resource: str, owner: str, seconds: int) -> bool:
        return bool(self._call("try_lock", store, resource, owner, seconds).success)

    def unlock(self, store: str, resource: str, owner: str) -> str:
        return str(self._call("unlock", store, resource, owner).status.name)

    def publish(self, pubsub: str, topic: str, data: str, content_type: str, metadata: Mapping[str, str] = {}) -> None:
        self._call("publish_event", pubsub, topic, data, metadata, data_content_type=content_type)

    def publish_all(self, pubsub: str, topic: str, texts: Sequence[str]) -> None:
        assert not self._call("publish_events", pubsub, topic, list(texts)).failed_entries

    def encrypt(self, store: str, key: str, algorithm: str, data: bytes, cipher: str = "aes-gcm") -> bytes:
        answer = self._call("encrypt", data, EncryptOptions(store, key, algorithm, cipher))
        return bytes(self._finished(answer.read))

    def decrypt(self, store: str, document: bytes, key: str = "") -> bytes:
        return bytes(self._finished(self._call("decrypt", document, DecryptOptions(store, key)).read))

    def close(self) -> None:
        self._finish(self._client.close())


class HttpWay(Way):
    """The HTTP API as it is."""

    def __init__(self, sidecar: DaprSidecar) -> None:
        self._root = sidecar.http_endpoint
        self._pool = urllib3.PoolManager()

    def _ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body)
        answer = self._pool.request(
            method, self._root + path, body=content, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )
        if answer.status >= 400:
            raise Refused(answer.status == 409, json.loads(answer.data)["message"])
        return answer

    def get(self, store: str, key: str) -> Value:
        answer = self._ask("GET", f"/v1.0/state/{store}/{quote(key)}")
        return Value(json.loads(answer.data), answer.headers["etag"]) if answer.data else NOTHING

    def bulk_get(self, store: str, keys: Sequence[str]) -> Mapping[str, Any]:
        items = self._ask("POST", f"/v1.0/state/{store}/bulk", {"keys": list(keys)}).json()
        return {item["key"]: item.get("data") for item in items}

    def save(
        self, store: str, key: str, value: Any, *, etag: str | None = None, first: bool = False, ttl: int | None = None
    ) -> None:
        item: dict[str, Any] = {"key": key, "value": value}
        item |= {} if etag is None else {"etag": etag}
        item |= {"options": {"concurrency": "first-write"}} if first else {}
        item |= {} if ttl is None else {"metadata": {"ttlInSeconds": str(ttl)}}
        self._ask("POST", f"/v1.0/state/{store}", [item])

    def save_all(self, store: str, values: Mapping[str, Any]) -> None:
        self._ask("POST", f"/v1.0/state/{store}", [{"key": key, "value": value} for key, value in values.items()])

    def delete(self, store: str, key: str, *, etag: str | None = None) -> None:
        self._ask("DELETE", f"/v1.0/state/{store}/{quote(key)}", **({} if etag is None else {"if_match": etag}))

    def transact(self, store: str, upserts: Mapping[str, Any], deletes: Sequence[str]) -> None:
        steps = [{"operation": "upsert", "request": {"key": key, "value": value}} for key, value in upserts.items()]
        steps += [{"operation": "delete", "request": {"key": key}} for key in deletes]
        self._ask("POST", f"/v1.0/state/{store}/transaction", {"operations": steps})

    def query(self, store: str, query: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._ask("POST", f"/v1.0-alpha1/state/{store}/query", query)
        return {item["key"]: item["data"] for item in answer.json()["results"]} if answer.data else {}

    def secret(self, store: str, name: str) -> Mapping[str, str]:
        found: Mapping[str, str] = self._ask("GET", f"/v1.0/secrets/{store}/{name}").json()
        return found

    def secrets(self, store: str) -> Mapping[str, Mapping[str, str]]:
        found: Mapping[str, Mapping[str, str]] = self._ask("GET", f"/v1.0/secrets/{store}/bulk").json()
        return found

    def settings(self, store: str, keys: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        query = "&".join(f"key={quote(key)}" for key in keys)
        answer = self._ask("GET", f"/v1.0/configuration/{store}?{query}")
        items = answer.json() if answer.data else {}
        return {key: (item["value"], item.get("version", "")) for key, item in items.items()}

    def lock(self, store: str, resource: str, owner: str, seconds: int) -> bool:
        body = {"resourceId": resource, "lockOwner": owner, "expiryInSeconds": seconds}
        return bool(self._ask("POST", f"/v1.0-alpha1/lock/{store}", body).json()["success"])

    def unlock(self, store: str, resource: str, owner: str) -> str:
        body = {"resourceId": resource, "lockOwner": owner}
        return UNLOCKED[self._ask("POST", f"/v1.0-alpha1/unlock/{store}", body).json()["status"]]

    def publish(self, pubsub: str, topic: str, data: str, content_type: str, metadata: Mapping[str, str] = {}) -> None:
        query = urlencode({f"metadata.{name}": value for name, value in metadata.items()})
        path = f"{self._root}/v1.0/publish/{pubsub}/{quote(topic)}?{query}"
        answer = self._pool.request("POST", path, body=data, headers={"content-type": content_type})
        if answer.status >= 400:
            raise Refused(False, answer.json()["message"])

    def publish_all(self, pubsub: str, topic: str, texts: Sequence[str]) -> None:
        entries = [
            {"entryId": str(number), "event": text, "contentType": "text/plain"} for number, text in enumerate(texts)
        ]
        self._ask("POST", f"/v1.0/publish/bulk/{pubsub}/{quote(topic)}", entries)

    def encrypt(self, store: str, key: str, algorithm: str, data: bytes, cipher: str = "aes-gcm") -> bytes:
        headers = {
            "dapr_key_name": key,
            "dapr_key_wrap_algorithm": algorithm,
            "dapr_data_encryption_cipher": cipher,
        }
        return bytes(self._ask("PUT", f"/v1.0-alpha1/crypto/{store}/encrypt", data, **headers).data)

    def decrypt(self, store: str, document: bytes, key: str = "") -> bytes:
        headers = {"dapr_key_name": key} if key else {}
        return bytes(self._ask("PUT", f"/v1.0-alpha1/crypto/{store}/decrypt", document, **headers).data)

    def close(self) -> None:
        self._pool.clear()


WAYS = ("client in process", "client over gRPC", "async client in process", "async client over gRPC", "HTTP")


@contextmanager
def open_way(name: str, sidecar: DaprSidecar) -> Any:
    """One of `WAYS` to a sidecar."""
    transport: Any = "in-process" if name.endswith("in process") else "grpc"
    if name == "HTTP":
        way: Way = HttpWay(sidecar)
        yield way
        way.close()
    elif name.startswith("client"):
        way = ClientWay(sidecar.client(transport=transport))
        yield way
        way.close()
    else:
        with asyncio.Runner() as runner:

            async def wait(answer: Any) -> Any:
                return await answer

            way = ClientWay(sidecar.aio_client(transport=transport), lambda answer: runner.run(wait(answer)))
            yield way
            way.close()
