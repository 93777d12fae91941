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
import pytest
import urllib3
from google.protobuf import any_pb2, json_format, struct_pb2

from dapr_client import (
    Concurrency,
    ConstantFailurePolicy,
    DaprGrpcError,
    DecryptOptions,
    DropFailurePolicy,
    EncryptOptions,
    Job,
    StateItem,
    StateOptions,
    conversation,
)
from dapr_client import TransactionalStateOperation as Step
from dapr_client import TransactionOperationType as Type
from dapr_client.settings import settings
from dapr_client.tools import ConversationTools, ConversationToolsFunction
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


@dataclass(frozen=True, slots=True)
class Planned:
    """A job, as all ways can say it."""

    schedule: str | None = None
    due_time: str | None = None
    repeats: int | None = None
    ttl: str | None = None
    data: Any = None
    retries: int | None = None
    """How often a tick that failed is tried again, a second apart; 0: never; None: nothing is said of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a model answered: its words, and the functions that it wants called, with their arguments."""

    text: str
    calls: Sequence[tuple[str, str]] = ()
    finish_reason: str = "stop"


class Way(ABC):
    """The building blocks by one protocol and one client."""

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

    @abstractmethod
    def schedule(self, name: str, job: Planned, *, overwrite: bool = False) -> None: ...

    @abstractmethod
    def job(self, name: str) -> Planned: ...

    @abstractmethod
    def jobs(self) -> Sequence[str]: ...

    @abstractmethod
    def unschedule(self, name: str) -> None: ...

    @abstractmethod
    def unschedule_all(self, prefix: str) -> None: ...

    @abstractmethod
    def say(self, model: str, texts: Sequence[str], *, scrub: bool = False, scrub_reply: bool = False) -> str: ...

    @abstractmethod
    def ask(
        self, model: str, texts: Sequence[str], *, tools: Mapping[str, Sequence[str]] = {}, choice: str | None = None
    ) -> Said: ...

    @abstractmethod
    def bind(
        self, binding: str, operation: str, data: Any = None, metadata: Mapping[str, str] = {}
    ) -> tuple[bytes, Mapping[str, str]]: ...

    @abstractmethod
    def invoke(
        self,
        app: str,
        method: str,
        data: bytes = b"",
        content_type: str = "text/plain",
        *,
        verb: str = "POST",
        query: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
    ) -> tuple[bytes, str]: ...

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

    def schedule(self, name: str, job: Planned, *, overwrite: bool = False) -> None:
        data = None
        if job.data is not None:
            data = any_pb2.Any()
            data.Pack(json_format.ParseDict(job.data, struct_pb2.Value()))
        policy = DropFailurePolicy() if job.retries == 0 else ConstantFailurePolicy(job.retries, 1)
        wanted = Job(
            name,
            job.schedule,
            job.repeats,
            job.due_time,
            job.ttl,
            data,
            None if job.retries is None else policy,
        )
        self._call("schedule_job", wanted, overwrite)

    def job(self, name: str) -> Planned:
        found: Job = self._call("get_job", name)
        data = struct_pb2.Value()
        if found.data is not None:
            found.data.Unpack(data)
        policy = found.failure_policy
        return Planned(
            found.schedule,
            found.due_time,
            found.repeats,
            found.ttl,
            None if found.data is None else json_format.MessageToDict(data),
            policy.max_retries if isinstance(policy, ConstantFailurePolicy) else None if policy is None else 0,
        )

    def jobs(self) -> Sequence[str]:
        return [job.name for job in self._call("list_jobs")]

    def unschedule(self, name: str) -> None:
        self._call("delete_job", name)

    def unschedule_all(self, prefix: str) -> None:
        self._call("delete_jobs_by_prefix", prefix)

    def say(self, model: str, texts: Sequence[str], *, scrub: bool = False, scrub_reply: bool = False) -> str:
        inputs = [conversation.ConversationInput(text, scrub_pii=scrub) for text in texts]
        return str(self._call("converse_alpha1", model, inputs, scrub_pii=scrub_reply).outputs[0].result)

    def ask(
        self, model: str, texts: Sequence[str], *, tools: Mapping[str, Sequence[str]] = {}, choice: str | None = None
    ) -> Said:
        messages = [conversation.create_user_message(text) for text in texts]
        offered = [
            ConversationTools(
                ConversationToolsFunction(name, parameters={"properties": {one: {"type": "string"} for one in given}})
            )
            for name, given in tools.items()
        ]
        inputs = [conversation.ConversationInputAlpha2(messages)] if messages else []
        answer = self._call("converse_alpha2", model, inputs, tools=offered, tool_choice=choice)
        (found,) = answer.outputs[0].choices
        calls = tuple((call.function.name, call.function.arguments) for call in found.message.tool_calls)
        return Said(found.message.content, calls, found.finish_reason)

    def bind(
        self, binding: str, operation: str, data: Any = None, metadata: Mapping[str, str] = {}
    ) -> tuple[bytes, Mapping[str, str]]:
        given = b"" if data is None else json.dumps(data).encode()
        answer = self._call("invoke_binding", binding, operation, given, metadata)
        return answer.data, {name.lower(): value for name, value in answer.binding_metadata.items()}

    def invoke(
        self,
        app: str,
        method: str,
        data: bytes = b"",
        content_type: str = "text/plain",
        *,
        verb: str = "POST",
        query: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
    ) -> tuple[bytes, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "DAPR_API_METHOD_INVOCATION_PROTOCOL", "grpc")
            answer = self._call(
                "invoke_method", app, method, data, content_type, tuple(headers.items()), verb, tuple(query.items())
            )
        return answer.data, answer.content_type

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

    def schedule(self, name: str, job: Planned, *, overwrite: bool = False) -> None:
        body: dict[str, Any] = {
            "schedule": job.schedule,
            "due_time": job.due_time,
            "repeats": job.repeats,
            "ttl": job.ttl,
            "data": job.data,
            "overwrite": overwrite,
        }
        if job.retries is not None:
            constant = {"constant": {"max_retries": job.retries, "interval": "1s"}}
            body["failure_policy"] = constant if job.retries else {"drop": {}}
        said = {member: value for member, value in body.items() if value is not None}
        self._ask("POST", f"/v1.0/jobs/{quote(name)}", said)

    def job(self, name: str) -> Planned:
        found = self._ask("GET", f"/v1.0/jobs/{quote(name)}").json()
        policy = found.get("failurePolicy")
        return Planned(
            found.get("schedule"),
            found.get("dueTime"),
            found.get("repeats"),
            found.get("ttl"),
            found.get("data", {}).get("value"),
            None if policy is None else policy.get("constant", {}).get("maxRetries", 0),
        )

    def jobs(self) -> Sequence[str]:
        pytest.skip("HTTP has no such operation")

    def unschedule(self, name: str) -> None:
        self._ask("DELETE", f"/v1.0/jobs/{quote(name)}")

    def unschedule_all(self, prefix: str) -> None:
        pytest.skip("HTTP has no such operation")

    def say(self, model: str, texts: Sequence[str], *, scrub: bool = False, scrub_reply: bool = False) -> str:
        body = {"inputs": [{"content": text, "scrubPII": scrub} for text in texts], "scrubPII": scrub_reply}
        answer = self._ask("POST", f"/v1.0-alpha1/conversation/{model}/converse", body)
        return str(answer.json()["outputs"][0]["result"])

    def ask(
        self, model: str, texts: Sequence[str], *, tools: Mapping[str, Sequence[str]] = {}, choice: str | None = None
    ) -> Said:
        messages = [{"ofUser": {"content": [{"text": text}]}} for text in texts]
        offered = [
            {"function": {"name": name, "parameters": {"properties": {one: {"type": "string"} for one in given}}}}
            for name, given in tools.items()
        ]
        body = {"inputs": [{"messages": messages}] if messages else [], "tools": offered}
        body |= {} if choice is None else {"toolChoice": choice}
        answer = self._ask("POST", f"/v1.0-alpha2/conversation/{model}/converse", body)
        (found,) = answer.json()["outputs"][0]["choices"]
        calls = [one["function"] for one in found["message"].get("toolCalls", ())]
        said = tuple((call["name"], call.get("arguments", "")) for call in calls)
        return Said(found["message"].get("content", ""), said, found["finishReason"])

    def bind(
        self, binding: str, operation: str, data: Any = None, metadata: Mapping[str, str] = {}
    ) -> tuple[bytes, Mapping[str, str]]:
        body = {"operation": operation, "metadata": metadata, **({} if data is None else {"data": data})}
        answer = self._ask("POST", f"/v1.0/bindings/{quote(binding)}", body)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        begin = "metadata."
        return answer.data, {n.removeprefix(begin): value for n, value in headers.items() if n.startswith(begin)}

    def invoke(
        self,
        app: str,
        method: str,
        data: bytes = b"",
        content_type: str = "text/plain",
        *,
        verb: str = "POST",
        query: Mapping[str, str] = {},
        headers: Mapping[str, str] = {},
    ) -> tuple[bytes, str]:
        url = f"{self._root}/v1.0/invoke/{quote(app)}/method/{quote(method)}?{urlencode(query)}"
        answer = self._pool.request(verb, url, body=data, headers={"content-type": content_type, **headers})
        if answer.status >= 400:
            raise Refused(answer.status == 409, answer.data.decode())
        return answer.data, answer.headers.get("content-type", "")

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
