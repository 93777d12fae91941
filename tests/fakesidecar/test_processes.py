"""Applications of different `fakesidecar run` processes: they call each other, one is killed, and comes back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import grpc
import pytest

from dapr_client.wire import common_pb2, invoke_pb2
from tests.parity.process import Redis

from .test_run_file import free_ports

HTTP_APP = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        body = f"{os.environ['APP_ID']} {os.getppid()} {self.path} {body.decode()}".encode()
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["APP_PORT"])), Handler)
print("listening", flush=True)
server.serve_forever()
"""
GRPC_APP = """
import os
from concurrent.futures import ThreadPoolExecutor
import grpc
from dapr_client.wire import common_pb2

class Service(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method.endswith("/OnInvoke"):
            return grpc.unary_unary_rpc_method_handler(
                self.on_invoke, common_pb2.InvokeRequest.FromString, common_pb2.InvokeResponse.SerializeToString)
        if details.method.endswith("/Both"):
            return grpc.stream_stream_rpc_method_handler(lambda requests, _: (data.upper() for data in requests))

    def on_invoke(self, request, context):
        response = common_pb2.InvokeResponse(content_type="text/plain")
        response.data.value = b"cook " + request.data.value
        return response

server = grpc.server(ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Service(),))
server.add_insecure_port("127.0.0.1:" + os.environ["APP_PORT"])
server.start()
print("listening", flush=True)
server.wait_for_termination()
"""


STORE = """
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: store}
spec:
  type: state.redis
  version: v1
  metadata:
  - {name: redisHost, value: "REDIS"}
  - {name: keyPrefix, value: none}
"""


class Running:
    """A `fakesidecar run` and its application."""

    def __init__(self, app_id: str, program: str, *flags: str, names: Path, port: int, **environment: str) -> None:
        environment = {**os.environ, "HOME": str(names.parent), "FAKESIDECAR_NAMES": str(names), **environment}
        command = [sys.executable, "-m", "fakesidecar", "run", "-a", app_id, "-p", str(port), *flags]
        self.process = subprocess.Popen(
            [*command, "--", sys.executable, "-c", program],
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
            start_new_session=True,
        )
        self.http_port, self.grpc_port = map(int, self.until(r"HTTP Port: (\d+)\. gRPC Port: (\d+)").groups())
        self.until("== APP == listening")
        while self.call("/v1.0/healthz")[0] != 204:
            pass

    def until(self, pattern: str) -> re.Match[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"ended without {pattern!r}")

    def call(self, path: str, data: bytes | None = None, *, json_body: bool = False) -> tuple[int, str]:
        headers = {"content-type": "application/json" if json_body else "text/plain"}
        request = Request(f"http://127.0.0.1:{self.http_port}{path}", data=data, headers=headers)
        try:
            with urlopen(request, timeout=15) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def kill(self) -> None:
        """Kill the sidecar and the application, without a chance to say goodbye."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=20)
        assert self.process.stdout is not None
        self.process.stdout.close()


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(app_id: str, program: str, *flags: str, port: int = 0, **environment: str) -> Running:
            port = port or free_ports(1)[0]
            running = Running(app_id, program, *flags, names=tmp_path / "names.db", port=port, **environment)
            stack.callback(running.close)
            return running

        yield begin


def test_one_is_killed_in_the_middle_and_comes_back(start: Start) -> None:
    shop, kitchen = start("shop", HTTP_APP), start("kitchen", HTTP_APP)
    assert shop.call("/v1.0/invoke/kitchen/method/a", b"one")[1] == f"kitchen {kitchen.process.pid} /a one"
    assert kitchen.call("/v1.0/invoke/shop/method/b", b"two")[1] == f"shop {shop.process.pid} /b two"

    kitchen.kill()
    status, text = shop.call("/v1.0/invoke/kitchen/method/a")
    assert (status, json.loads(text)) == (
        500,
        {
            "errorCode": "ERR_DIRECT_INVOKE",
            "message": "failed to invoke, id: kitchen, err: couldn't find service: kitchen",
        },
    )

    again = start("kitchen", HTTP_APP)
    for number in range(4):  # every time: nothing is left of the one before
        answer = shop.call("/v1.0/invoke/kitchen/method/a", b"%d" % number)
        assert answer == (200, f"kitchen {again.process.pid} /a {number}")
    assert "couldn't find service: nobody" in shop.call("/v1.0/invoke/nobody/method/a")[1]


def test_apps_over_grpc_are_called_and_handed_calls(start: Start) -> None:
    shop, cook = start("shop", HTTP_APP), start("cook", GRPC_APP, "-P", "grpc")
    assert shop.call("/v1.0/invoke/cook/method/a", b"soup") == (200, "cook soup")
    to = (("dapr-app-id", "cook"),)
    with grpc.insecure_channel(f"127.0.0.1:{shop.grpc_port}") as channel:
        call: Any = channel.stream_stream("/x.Y/Both")
        assert list(call(iter([b"a", b"b"]), metadata=to)) == [b"A", b"B"]
        cook.kill()
        with pytest.raises(grpc.RpcError, match="couldn't find service: cook"):
            list(call(iter([b"a"]), metadata=to))
        start("cook", GRPC_APP, "-P", "grpc")
        assert list(call(iter([b"a"]), metadata=to)) == [b"A"]
    with grpc.insecure_channel(f"127.0.0.1:{shop.grpc_port}") as channel:
        invoke = channel.unary_unary(
            "/dapr.proto.runtime.v1.Dapr/InvokeService",
            invoke_pb2.InvokeServiceRequest.SerializeToString,
            common_pb2.InvokeResponse.FromString,
        )
        message = common_pb2.InvokeRequest(method="a")
        message.data.value = b"stew"
        answer = invoke(invoke_pb2.InvokeServiceRequest(id="cook", message=message))
        assert answer.data.value == b"cook stew"


def test_they_share_a_redis_that_their_components_name(start: Start, tmp_path: Path) -> None:
    redis = Redis()
    try:
        (tmp_path / "store.yaml").write_text(STORE.replace("REDIS", redis.address))
        flags = ("--resources-path", str(tmp_path))
        shop, kitchen = (start(name, HTTP_APP, *flags, FAKESIDECAR_REDIS="real") for name in ("shop", "kitchen"))
        assert shop.call("/v1.0/state/store", b'[{"key": "a", "value": 1}]', json_body=True)[0] == 204
        assert kitchen.call("/v1.0/state/store/a") == (200, "1")
        for one in (shop, kitchen):
            one.close()
    finally:
        redis.close()
