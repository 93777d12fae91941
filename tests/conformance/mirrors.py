"""Applications that answer what they were asked, one over HTTP and one over gRPC, in the same JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import grpc

from dapr_client import wire
from dapr_client.wire import common_pb2
from tests.http_server import serving

KIND = "application/x-mirror"
REFUSED = "no such dish"


def image(verb: str, method: str, query: str, data: bytes, headers: Mapping[str, Any]) -> bytes:
    """What was asked, as JSON."""
    seen = {name: value for name, value in headers.items() if name.startswith("x-")}
    body = {"verb": verb, "method": method, "query": dict(parse_qsl(query)), "data": data.hex(), "headers": seen}
    return json.dumps(body).encode()


@contextmanager
def over_http() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            data = self._chunked() if self.headers["transfer-encoding"] else self._plain()
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            refused = parts.path == "/refuse"
            text = image(self.command, unquote(parts.path[1:]), parts.query, data, headers)
            body = json.dumps(REFUSED).encode() if refused else data if parts.path == "/same" else text
            self.send_response(403 if refused else 200)
            self.send_header("content-type", KIND)
            self.send_header("x-mirror", "yes")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815

        def _plain(self) -> bytes:
            return self.rfile.read(int(self.headers.get("content-length", 0)))

        def _chunked(self) -> bytes:
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (named so by the base class)
            """Nobody wants to know."""

    with serving(Handler, daemon_threads=True) as port:
        yield port


ON_INVOKE = wire.method(wire.APP_CALLBACK, "OnInvoke")


class Service(grpc.GenericRpcHandler):
    """Dapr's callback for invocations, and methods of its own that answer in the number of their kind's messages."""

    def service(self, handler_call_details: Any) -> Any:
        def invoked(request: common_pb2.InvokeRequest, context: Any) -> Any:
            if request.method == "refuse":
                context.abort(grpc.StatusCode.PERMISSION_DENIED, REFUSED)
            extension, data = request.http_extension, request.data.value
            verb = common_pb2.HTTPExtension.Verb.Name(extension.verb)
            headers = dict(context.invocation_metadata())
            answer = common_pb2.InvokeResponse(content_type=KIND)
            text = image(verb, request.method, extension.querystring, data, headers)
            answer.data.value = data if request.method == "same" else text
            return answer

        def each(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            for data in requests:
                yield data.upper()

        def refuse(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
            context.set_trailing_metadata((("x-why", "because"),))
            context.abort(grpc.StatusCode.DATA_LOSS, REFUSED)
            yield b""

        own: dict[str, Callable[..., Any]] = {"Each": each, "Refuse": refuse}
        path = handler_call_details.method
        if path == ON_INVOKE.path:
            return grpc.unary_unary_rpc_method_handler(
                invoked, ON_INVOKE.request.FromString, ON_INVOKE.response.SerializeToString
            )
        if path.startswith("/test.Mirror/"):
            return grpc.stream_stream_rpc_method_handler(own[path.rpartition("/")[2]])
        return None


@contextmanager
def over_grpc() -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Service(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
