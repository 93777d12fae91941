"""The applications of a recording: they answer as recorded and keep what they were sent."""

from __future__ import annotations

import http.server
import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import grpc
from google.protobuf import any_pb2, json_format, message
from google.rpc import status_pb2

from dapr_client import wire

from .expressions import evaluate
from .values import REQUEST_HEADERS, Json, body_as_json, bytes_as_json, headers_as_json, json_as_bytes, message_as_json

Route: TypeAlias = dict[str, Json]
"""One line of an application's script: what is asked, and the reply or the list of replies."""

_pause = threading.Event().wait  # never set: an application that takes its time


class Script:
    """What an application answers to what. Of a list of replies each serves once, the last one for good."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._replies: dict[str, list[Json]] = {}
        self._lock = threading.Lock()
        for route in routes:
            self.change(route)

    def change(self, route: Route) -> None:
        """From now on, answer this route so."""
        asked = {key: part for key, part in route.items() if key in ("method", "path", "when")}
        self._replies[_key(asked)] = list(route["replies"]) if "replies" in route else [route["reply"]]

    def reply(self, *questions: Json) -> Json:
        """The reply to the first of these that the script knows; None for none."""
        with self._lock:
            for asked in questions:
                replies = self._replies.get(_key(asked))
                if replies:
                    return replies.pop(0) if len(replies) > 1 else replies[0]
        return None

    def conditions(self, method: str) -> list[dict[str, str]]:
        """The fields on whose values a gRPC method's replies depend."""
        asked = [json.loads(key) for key in self._replies]
        return [one["when"] for one in asked if one.get("method") == method and "when" in one]


def _key(asked: Json) -> str:
    return json.dumps(asked, sort_keys=True)


class App:
    """An application that a sidecar is told of, on a port of its own."""

    protocol: str

    def __init__(self, routes: Iterable[Route]) -> None:
        self.script = Script(routes)
        self.received: queue.Queue[Json] = queue.Queue()
        self.aside: list[Json] = []
        """What only asks how to reach the application: subscriptions, actor types."""
        self.busy = 0
        """How many requests it is taking its time over."""
        self.port = self._listen()

    def _listen(self) -> int:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _linger(self, reply: Json) -> None:
        if "delay" in reply:
            self.busy += 1
            _pause(reply["delay"])
            self.busy -= 1


class HttpApp(App):
    """An application that is called over HTTP; what its script does not know is 404."""

    protocol = "http"

    def _listen(self) -> int:
        app = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                app._handle(self)

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):  # whatever the verb
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A caller that hung up is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self._server.server_address[1]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        content = _body_of(handler)
        path = handler.path.split("?")[0]
        request = {
            "method": handler.command,
            "path": handler.path,
            "headers": headers_as_json(handler.headers.items(), REQUEST_HEADERS),
            "body": body_as_json(content, handler.headers.get("content-type", "")),
        }
        reply = self.script.reply(
            {"method": handler.command, "path": handler.path}, {"method": handler.command, "path": path}, {"path": path}
        ) or {"status": 404}
        if path.startswith(("/dapr/", "/healthz")):
            self.aside.append(request)
        else:
            self.received.put(request)
        self._linger(reply)
        self._answer(handler, reply, request)

    @staticmethod
    def _answer(handler: http.server.BaseHTTPRequestHandler, reply: Json, request: Json) -> None:
        if reply.get("hangs_up"):
            handler.close_connection = True
            return
        said = evaluate(reply.get("body"), lambda _: request)  # a reply may name parts of what was asked
        body = json.dumps(said["json"]).encode() if said and "json" in said else json_as_bytes(said)
        handler.send_response_only(reply["status"])
        for name, value in reply.get("headers", {}).items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)


def _body_of(handler: http.server.BaseHTTPRequestHandler) -> bytes:
    if "content-length" in handler.headers:
        return handler.rfile.read(int(handler.headers["content-length"]))
    if "chunked" not in handler.headers.get("transfer-encoding", ""):
        return b""
    content = b""
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        content += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return content


class GrpcApp(App, grpc.GenericRpcHandler):
    """An application that is called over gRPC.

    Methods of Dapr's callback services answer by script. Methods of any other service give back what
    they are sent, for the transparent proxy; those with Fail in their name end in an error.
    """

    protocol = "grpc"

    def _listen(self) -> int:
        self._server = grpc.server(ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((self,))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return port

    def close(self) -> None:
        self._server.stop(None)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        path = handler_call_details.method
        service, _, name = path.removeprefix("/").rpartition("/")
        metadata = headers_as_json(handler_call_details.invocation_metadata, REQUEST_HEADERS)
        if service in (wire.APP_CALLBACK, wire.APP_CALLBACK_ALPHA, wire.APP_CALLBACK_HEALTH_CHECK):
            return self._callback(wire.method(service, name), metadata)
        if service.startswith("grpc."):
            return None
        return self._echo(path, name, metadata)

    def _callback(self, method: wire.Method, metadata: Json) -> grpc.RpcMethodHandler[Any, Any]:
        def answer(request: message.Message, context: grpc.ServicerContext) -> message.Message:
            seen = {"method": method.name, "metadata": metadata, "request": message_as_json(request)}
            asks_how_to_reach_it = method.name in ("ListTopicSubscriptions", "ListInputBindings", "HealthCheck")
            if asks_how_to_reach_it:
                self.aside.append(seen)
            when = [
                {"method": method.name, "when": fields}
                for fields in self.script.conditions(method.name)
                if all(getattr(request, field, None) == value for field, value in fields.items())
            ]
            reply = self.script.reply(*when, {"method": method.name})
            if reply is None:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method.name} is not served")
            if not asks_how_to_reach_it:
                self.received.put(seen)
            self._linger(reply)
            return _reply(reply, method.response, context, seen)

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=method.request.FromString, response_serializer=_serialized
        )

    def _echo(self, path: str, name: str, metadata: Json) -> grpc.RpcMethodHandler[bytes, bytes]:
        def begin(context: grpc.ServicerContext) -> None:
            context.send_initial_metadata((("x-app-header", "one"),))
            context.set_trailing_metadata((("x-app-trailer", "two"),))

        def fail(context: grpc.ServicerContext) -> None:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "the app says no")

        def once(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.received.put({"method": path, "metadata": metadata, "request": bytes_as_json(request)})
            begin(context)
            if name == "Fail":
                fail(context)
            return request

        def each(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            self.received.put({"method": path, "metadata": metadata})
            begin(context)
            for request in requests:
                self.received.put({"message": bytes_as_json(request)})
                yield request
            if "Fail" in name:
                fail(context)

        if name.startswith("Stream"):
            return grpc.stream_stream_rpc_method_handler(each)
        return grpc.unary_unary_rpc_method_handler(once)


def _serialized(reply: message.Message) -> bytes:
    return reply.SerializeToString()


def _reply(reply: Json, kind: type[message.Message], context: grpc.ServicerContext, request: Json) -> message.Message:
    if "code" in reply:
        code = grpc.StatusCode[reply["code"]]
        if "details" in reply:
            status = status_pb2.Status(code=code.value[0], message=reply["message"])
            status.details.extend(json_format.ParseDict(detail, any_pb2.Any()) for detail in reply["details"])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, reply["message"])
    if "header" in reply:
        context.send_initial_metadata(tuple(reply["header"].items()))
    if "trailer" in reply:
        context.set_trailing_metadata(tuple(reply["trailer"].items()))
    return kind(**evaluate(reply["response"], lambda _: request))
