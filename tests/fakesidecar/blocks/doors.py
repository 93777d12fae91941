"""Both doors of a sidecar, as little of a client as they can be called with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

import grpc
from google.protobuf.json_format import MessageToDict

from dapr_client import wire
from fakesidecar.sidecar import Sidecar

SECONDS = 10.0
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Refused(Exception):
    """An answer that is an error: the gRPC code's name or the HTTP error code, and the message."""

    code: str
    message: str


def grpc_call(sidecar: Sidecar, name: str, /, **fields: Any) -> Any:
    """Make a unary call."""
    method = wire.method(wire.DAPR, name)
    with grpc.insecure_channel(f"{HOST}:{sidecar.grpc_port}") as channel:
        call = channel.unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        try:
            return call(method.request(**fields), timeout=SECONDS)
        except grpc.RpcError as error:
            raise Refused(error.code().name, error.details() or "") from error


class GrpcStream:
    """A server stream; iterating gives what comes down."""

    def __init__(self, sidecar: Sidecar, name: str, **fields: Any) -> None:
        method = wire.method(wire.DAPR, name)
        self._channel = grpc.insecure_channel(f"{HOST}:{sidecar.grpc_port}")
        self._call = self._channel.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )(method.request(**fields), timeout=SECONDS)

    def next(self) -> dict[str, Any]:
        """The next message, as protobuf JSON."""
        return MessageToDict(next(self._call))

    def rest(self) -> Iterator[dict[str, Any]]:
        """All messages until the end."""
        return (MessageToDict(message) for message in self._call)

    def code(self) -> str:
        """How the stream ended; waits for it."""
        return str(self._call.code().name)

    def details(self) -> str:
        """What was said when the stream ended."""
        return str(self._call.details())

    def close(self) -> None:
        """Go away."""
        self._call.cancel()
        self._channel.close()


def http_call(
    sidecar: Sidecar, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None
) -> tuple[int, Any]:
    """Make a request; the status and the JSON of the answer, None without one."""
    connection = HTTPConnection(HOST, sidecar.http_port, timeout=SECONDS)
    target = quote(path, safe="/%") + (f"?{urlencode(query, doseq=True)}" if query else "")
    try:
        connection.request(method, target, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def http_ok(sidecar: Sidecar, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
    """The JSON of an answer that must not be an error."""
    status, answer = http_call(sidecar, method, path, body, query)
    if status >= 300:
        raise Refused(answer.get("errorCode", ""), answer["message"])
    return answer
