"""A proxy in front of any sidecar: it records what is asked, and lets happen what fault plans say.

It is the fake's doors, onion and fault engine around another sidecar in the place of a core. Time is real.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import urllib3
from google.protobuf.empty_pb2 import Empty

from dapr_client.wire import state_pb2
from dapr_testing._servers import HOST, Server
from dapr_testing._settings import Settings
from fakesidecar.errors import ConnectionLost, PassedOn
from fakesidecar.grpcapi.api import GrpcApi, Ready
from fakesidecar.grpcapi.registry import Context, Served, Stream
from fakesidecar.grpcapi.status import DETAILS_KEY
from fakesidecar.httpapi.api import HttpApi
from fakesidecar.httpapi.invocation import INVOKE
from fakesidecar.httpapi.registry import ROUTES
from fakesidecar.sidecar import Sidecar
from fakesidecar.web import Request, Response, Route

if TYPE_CHECKING:
    from fakesidecar.core import Core

OWN = ("user-agent", "content-type", "te", "accept-encoding")
"""Metadata that every hop says for itself, as what begins with `grpc-` or a colon."""
HOP_BY_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})
CONTROL = "control"
"""The block of the proxy's own routes."""
GET_STATE, SAVE_STATE = ("/dapr.proto.runtime.v1.Dapr/" + name for name in ("GetState", "SaveState"))
END = object()


class ProxyServer(Server):
    """A sidecar behind a proxy."""

    def __init__(self, settings: Settings, behind: Server) -> None:
        super().__init__(settings)
        self.name = f"{behind.name}, behind a proxy"
        self._behind = behind
        self._proxy = Sidecar()
        self.watched = self._proxy
        core = self._proxy.core
        self._upstream = Upstream(behind)
        self._proxy.grpc = ProxiedGrpc(core, self._upstream)
        self._proxy.http = proxied_http(core, self._upstream)
        core.state.touch = self._upstream.touch  # type: ignore[method-assign]  # stale etags are made in the stores there
        core.on_restart = self._restart

    @property
    def grpc_endpoint(self) -> str:
        return f"{HOST}:{self._proxy.grpc_port}"

    @property
    def http_endpoint(self) -> str:
        return f"http://{HOST}:{self._proxy.http_port}"

    def start(self) -> None:
        self._behind.start()
        self._proxy.start()

    def stop(self) -> None:
        self._proxy.stop()
        self._upstream.close()
        self._behind.stop()

    def reset(self) -> None:
        self._proxy.reset()
        self._behind.reset()

    def log(self) -> str:
        return self._behind.log()

    def _restart(self, keep_data: bool) -> None:
        """Break the streams; without its data, a sidecar that was started here is really started anew."""
        self._proxy.grpc.break_streams()
        if not keep_data:
            self._behind.stop()
            self._behind.start()


class Upstream:
    """The way to the sidecar behind the proxy."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._endpoint = ""
        self._opened: grpc.Channel | None = None
        self._http = urllib3.PoolManager(retries=False)

    @property
    def channel(self) -> grpc.Channel:
        """A channel to where it is now: another daprd has other ports."""
        with self._lock:
            endpoint = self._server.grpc_endpoint
            if self._opened is None or endpoint != self._endpoint:
                if self._opened is not None:
                    self._opened.close()
                self._opened, self._endpoint = grpc.insecure_channel(endpoint), endpoint
            return self._opened

    def close(self) -> None:
        """Close the channel."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None
            self._http.clear()

    def touch(self, store: str, key: str) -> None:
        """Write a value that is there anew, as somebody else would."""
        get = self.channel.unary_unary(
            GET_STATE, state_pb2.GetStateRequest.SerializeToString, state_pb2.GetStateResponse.FromString
        )
        save = self.channel.unary_unary(SAVE_STATE, state_pb2.SaveStateRequest.SerializeToString, Empty.FromString)
        try:
            found = get(state_pb2.GetStateRequest(store_name=store, key=key))
            if found.etag:
                request = state_pb2.SaveStateRequest(store_name=store)
                request.states.add(key=key, value=found.data)
                save(request)
        except grpc.RpcError as failure:
            raise passed_on(failure) from failure

    # --- HTTP ---

    def fetch(self, core: Core, request: Request) -> Response:
        """Hand a request on, and give the answer."""
        url = f"{self._server.http_endpoint}{request.path}{f'?{request.query}' if request.query else ''}"
        headers = urllib3.HTTPHeaderDict()
        for name, value in request.headers:
            if name.lower() not in HOP_BY_HOP:
                headers.add(name, value)
        try:
            answer = self._http.request(
                request.method, url, body=request.body, headers=headers, redirect=False, decode_content=False
            )
        except urllib3.exceptions.HTTPError as failure:
            raise ConnectionLost from failure
        told = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
        return Response(answer.status, told, answer.data, traced=False)


class ProxiedGrpc(GrpcApi):
    """The RPCs of a sidecar, carried out by another one."""

    def __init__(self, core: Core, upstream: Upstream) -> None:
        super().__init__(core)
        self.filters = []
        self._upstream = upstream

    def find(self, path: str) -> Served | None:
        """What serves the RPC of that path: the other sidecar."""
        served = super().find(path)
        return None if served is None else replace(served, function=self._function(served))

    def prepare(self, served: Served, data: bytes, context: Context) -> Ready:
        """Understand a call; it waits for the other sidecar."""
        ready = super().prepare(served, data, context)
        ready.blocking = True
        return ready

    def _function(self, served: Served) -> Callable[..., Any]:
        if served.method.client_streaming:
            return lambda core, stream: self._bidirectional(served, stream)
        if served.method.server_streaming:
            return lambda core, request, stream: self._server_stream(served, request, stream)
        return lambda core, request, context: self._unary(served, request, context)

    def _unary(self, served: Served, request: Any, context: Context) -> Any:
        method = served.method
        call = self._upstream.channel.unary_unary(
            method.path, method.request.SerializeToString, method.response.FromString
        )
        try:
            answer, done = call.with_call(request, context.timeout, passed(context.metadata))
        except grpc.RpcError as failure:
            raise passed_on(failure) from failure
        context.header += passed(done.initial_metadata())
        context.trailer += passed(done.trailing_metadata())
        return answer

    def _server_stream(self, served: Served, request: Any, stream: Stream) -> None:
        method = served.method
        call = self._upstream.channel.unary_stream(
            method.path, method.request.SerializeToString, method.response.FromString
        )
        pump(call(request, stream.context.timeout, passed(stream.context.metadata)), stream)

    def _bidirectional(self, served: Served, stream: Stream) -> None:
        method = served.method
        waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        call = self._upstream.channel.stream_stream(
            method.path, method.request.SerializeToString, method.response.FromString
        )
        stream.on_message = waiting.put
        stream.on_half_close = lambda: waiting.put(END)
        requests: Iterator[Any] = iter(waiting.get, END)
        pump(call(requests, stream.context.timeout, passed(stream.context.metadata)), stream, lambda: waiting.put(END))


def pump(call: Any, stream: Stream, ended: Callable[[], None] = lambda: None) -> None:
    """Bring what the other sidecar sends to the client, until one of them ends it."""

    def over() -> None:
        ended()
        call.cancel()

    def run() -> None:
        try:
            for message in call:
                stream.send(message)
        except grpc.RpcError as failure:
            stream.finish(passed_on(failure))
        else:
            stream.finish()

    stream.on_close = over
    threading.Thread(target=run, name="proxied stream", daemon=True).start()


def passed(metadata: Iterable[tuple[str, str | bytes]] | None) -> tuple[tuple[str, str | bytes], ...]:
    """The metadata that is handed on."""
    said = metadata or ()
    return tuple((name, value) for name, value in said if name not in OWN and not name.startswith(("grpc-", ":")))


def passed_on(failure: Any) -> PassedOn:
    """An error of the other sidecar, as it came."""
    trailers = dict(failure.trailing_metadata() or ())
    return PassedOn(failure.code(), failure.details() or "", trailers.get(DETAILS_KEY, b""))


def proxied_http(core: Core, upstream: Upstream) -> HttpApi:
    """The routes of a sidecar, carried out by another one; its own are the proxy's."""

    def handed_on(route: Route) -> Route:
        return replace(route, function=upstream.fetch, blocking=True, streams=False)

    routes = [route if route.block == CONTROL else handed_on(route) for route in ROUTES]
    api = HttpApi(core, routes=routes, filters=())
    api._fallback = handed_on(INVOKE)
    return api
