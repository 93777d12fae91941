"""Output bindings: what a server is sent and what is said of its answer, files that stay in their folder, errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fakesidecar import golang
from fakesidecar.clock import VirtualClock
from fakesidecar.components.bindings import Reply
from fakesidecar.errors import InvokeBindingFailed
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.sidecar import Sidecar

from .doors import Refused, grpc_call, http_call, http_ok


class Web(BaseHTTPRequestHandler):
    """Answers by path: a number is a status, `/away` leads to `/200`, `/round` to itself."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))  # type: ignore[attr-defined]  # Server's
        name = self.path.partition("?")[0].rpartition("/")[2]
        self.send_response(int(name) if name.isdigit() else 302)
        if not name.isdigit():
            self.send_header("location", "/200" if name == "away" else self.path)
        self.send_header("x-two", "a")
        self.send_header("x-two", "b")
        self.send_header("content-length", "4")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"said")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (named so by the base class)
        """Nobody wants to know."""


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Web)


@pytest.fixture
def web() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def sidecar(web: Server, tmp_path: Path) -> Iterator[Sidecar]:
    components = [
        Component("web", "bindings.http", metadata={"url": f"http://127.0.0.1:{web.server_port}/200"}),
        Component("files", "bindings.localstorage", metadata={"rootPath": str(tmp_path / "files")}),
    ]
    with Sidecar(components=components) as running:
        yield running


def invoke(sidecar: Sidecar, name: str, operation: str, data: bytes = b"", **metadata: str) -> Reply | None:
    return sidecar.core.bindings.invoke(name, operation, data, metadata=metadata)


def refusal(sidecar: Sidecar, name: str, operation: str, data: bytes = b"", **metadata: str) -> str:
    with pytest.raises(InvokeBindingFailed) as raised:
        invoke(sidecar, name, operation, data, **metadata)
    return raised.value.message.removeprefix(f"error invoking output binding {name}: ")


# --- the API ------------------------------------------------------------------------------------------------------


def test_both_doors_pass_data_and_metadata(sidecar: Sidecar) -> None:
    answer = grpc_call(sidecar, "InvokeBinding", name="web", operation="create", data=b"order")
    assert answer.data == b"said"
    assert answer.metadata["statusCode"] == "200"
    assert answer.metadata["X-Two"] == "a, b"
    made = {"operation": "create", "data": "aGVsbG8=", "metadata": {"fileName": "a"}}
    assert http_ok(sidecar, "PUT", "/v1.0/bindings/files", made) == {"fileName": "a"}
    gone = {"operation": "delete", "metadata": {"fileName": "a"}}
    assert http_call(sidecar, "POST", "/v1.0/bindings/files", gone) == (204, None)


@pytest.mark.parametrize(
    ("name", "operation", "reason"),
    [
        ("nowhere", "", "operation field is missing from request"),
        ("nowhere", "get", "couldn't find output binding nowhere"),
        (
            "files",
            "GET",
            "binding files does not support operation GET. supported operations:create get list delete",
        ),
    ],
)
def test_what_is_not_there_is_refused(sidecar: Sidecar, name: str, operation: str, reason: str) -> None:
    message = f"error invoking output binding {name}: {reason}"
    with pytest.raises(Refused) as raised:
        grpc_call(sidecar, "InvokeBinding", name=name, operation=operation)
    assert raised.value == Refused("INTERNAL", message)
    with pytest.raises(Refused) as raised:
        http_ok(sidecar, "POST", f"/v1.0/bindings/{name}", {"operation": operation})
    assert raised.value == Refused("ERR_INVOKE_OUTPUT_BINDING", message)


# --- bindings.http ------------------------------------------------------------------------------------------------


def test_metadata_with_a_capital_are_headers(sidecar: Sidecar, web: Server) -> None:
    invoke(sidecar, "web", "post", b"x", **{"X-Custom": "one", "x-lower": "two", "Content-Type": "text/plain"})
    [(method, path, headers, body)] = web.seen
    assert (method, path, body) == ("POST", "/200", b"x")
    assert headers["X-Custom"] == "one"
    assert headers["Content-Type"] == "text/plain"
    assert "x-lower" not in {name.lower() for name in headers}


def test_only_some_methods_have_a_body(sidecar: Sidecar, web: Server) -> None:
    for operation in ("create", "put", "patch", "get", "head", "delete", "options", "trace"):
        invoke(sidecar, "web", operation, b"x")
    sent = [(method, body) for method, _, _, body in web.seen]
    assert sent == [("POST", b"x"), ("PUT", b"x"), ("PATCH", b"x")] + [
        (method, b"") for method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE")
    ]


def test_a_status_that_is_no_success_is_an_error_unless_told_otherwise(sidecar: Sidecar) -> None:
    with pytest.raises(InvokeBindingFailed) as raised:
        invoke(sidecar, "web", "get", path="/404")
    assert raised.value.metadata["status"] == "404 Not Found"
    lenient = invoke(sidecar, "web", "get", path="/404", errorIfNot2XX="false")
    assert lenient is not None
    assert lenient.data == b"said"


def test_redirects_are_followed_but_not_for_ever(sidecar: Sidecar, web: Server) -> None:
    invoke(sidecar, "web", "post", b"x", path="/away")
    assert [(method, path, body) for method, path, _, body in web.seen] == [
        ("POST", "/200/away", b"x"),
        ("GET", "/200", b""),
    ]
    assert refusal(sidecar, "web", "get", path="round").endswith('/200/round": stopped after 10 redirects')


def test_what_cannot_be_sent_is_told_as_go_tells_it(sidecar: Sidecar, web: Server) -> None:
    sidecar.add(Component("nowhere", "bindings.http"))
    sidecar.add(Component("closed", "bindings.http", metadata={"url": "http://127.0.0.1:1"}))
    assert refusal(sidecar, "nowhere", "get") == 'Get "": unsupported protocol scheme ""'
    refused = "dial tcp 127.0.0.1:1: connect: connection refused"
    assert refusal(sidecar, "closed", "post") == f'Post "http://127.0.0.1:1": {refused}'
    broken = refusal(sidecar, "web", "get", b"", **{"X-Broken": "a\nb"})
    assert broken.endswith('net/http: invalid header field value for "X-Broken"')
    assert web.seen == []


# --- bindings.localstorage ----------------------------------------------------------------------------------------


def test_no_name_leads_out_of_the_folder(sidecar: Sidecar, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    (tmp_path / "files" / "up").symlink_to("..")
    (tmp_path / "files" / "root").symlink_to("/")
    for name in ("../secret", "up/secret", "root/secret", "/../../secret", "up/../up/secret"):
        assert refusal(sidecar, "files", "get", fileName=name) == f"file not found: {tmp_path}/files/secret"


def test_links_that_go_round_are_refused(sidecar: Sidecar, tmp_path: Path) -> None:
    (tmp_path / "files" / "loop").symlink_to("loop")
    assert "too many levels of symbolic links" in refusal(sidecar, "files", "get", fileName="loop")


def test_files_are_listed_in_order(sidecar: Sidecar, tmp_path: Path) -> None:
    for name in ("b", "a/c", "a/b"):
        invoke(sidecar, "files", "create", b"-", fileName=name)
    listed = invoke(sidecar, "files", "list")
    assert listed is not None
    assert golang.unmarshal(listed.data) == [f"{tmp_path}/files/{name}" for name in ("a/b", "a/c", "b")]


@pytest.mark.parametrize(
    ("data", "kept"),
    [(b'"text"', b"\xb5\xecm"), (b"aGVs\nbG8=", b"hello"), (b"not base64", b"not base64"), (b'"\\/"', b'"\\/"')],
)
def test_data_are_unpacked(sidecar: Sidecar, data: bytes, kept: bytes) -> None:
    invoke(sidecar, "files", "create", data, fileName="f")
    assert invoke(sidecar, "files", "get", fileName="f") == Reply(kept)


def test_a_root_must_be_a_folder_that_may_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root, reason in [
        ("", "must not be empty"),
        ("/proc/self", "points to a disallowed location"),
        (str(tmp_path / "file"), "represents a file and not a directory"),
    ]:
        with pytest.raises(StartupError, match=f"failed to parse metadata: property rootPath {reason}"):
            Sidecar(components=[Component("files", "bindings.localstorage", metadata={"rootPath": root})])


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (rb'"a\n\x41\101\u00e9\U0001f600\""', b'a\nAA\xc3\xa9\xf0\x9f\x98\x80"'),
        (b"`raw\\n\r`", b"raw\\n"),
        (rb"'\''", b"'"),
        ("'é'".encode(), "é".encode()),
        (b'"\xff"', b"\xef\xbf\xbd"),
    ],
)
def test_go_literals_are_read(literal: bytes, value: bytes) -> None:
    assert golang.unquote(literal) == value


@pytest.mark.parametrize("literal", [b"", b'"', b"plain", b'"a\nb"', rb'"\ud83d"', rb'"\400"', rb'"\'"', b"'ab'"])
def test_what_is_no_go_literal_is_refused(literal: bytes) -> None:
    with pytest.raises(golang.GoError, match="invalid syntax"):
        golang.unquote(literal)


# --- Redis --------------------------------------------------------------------------------------------------------


@pytest.fixture
def redis_binding() -> Iterator[Sidecar]:
    with Sidecar(components=[Component("redis", "bindings.redis")], clock=VirtualClock()) as sidecar:
        yield sidecar


def test_a_redis_keeps_values_under_keys(redis_binding: Sidecar) -> None:
    assert invoke(redis_binding, "redis", "create", b'"v"', key="k") is None
    assert invoke(redis_binding, "redis", "get", key="k") == Reply(b'"v"')
    assert invoke(redis_binding, "redis", "get", key="k", delete="true") == Reply(b'"v"')
    assert invoke(redis_binding, "redis", "get", key="k") == Reply(b"")
    assert invoke(redis_binding, "redis", "increment", b"9", key="n") is None
    assert invoke(redis_binding, "redis", "increment", key="n") is None
    assert invoke(redis_binding, "redis", "get", key="n") == Reply(b"2")
    assert invoke(redis_binding, "redis", "delete", key="n") is None
    assert invoke(redis_binding, "redis", "delete", key="n") is None


def test_a_redis_lets_values_expire(redis_binding: Sidecar) -> None:
    invoke(redis_binding, "redis", "create", b"v", key="k", ttlInSeconds="5")
    assert isinstance(redis_binding.clock, VirtualClock)
    redis_binding.clock.advance(4)
    assert invoke(redis_binding, "redis", "get", key="k") == Reply(b"v")
    redis_binding.clock.advance(2)
    assert invoke(redis_binding, "redis", "get", key="k") == Reply(b"")
    invoke(redis_binding, "redis", "create", b"v", key="k", ttlInSeconds="0")
    assert invoke(redis_binding, "redis", "get", key="k") == Reply(b"")


@pytest.mark.parametrize(
    ("operation", "metadata", "reason"),
    [
        ("get", {}, "redis binding: missing key in request metadata"),
        ("nope", {}, "binding redis does not support operation nope. supported operations:create delete get increment"),
        ("create", {"key": "k", "ttlInSeconds": "x"}, "ttl value must be a valid integer: actual is 'x'"),
        ("create", {"key": "k", "ttlInSeconds": "-1"}, "ttl value must be higher than zero: actual is '-1'"),
        ("increment", {"key": "text"}, "ERR value is not an integer or out of range"),
    ],
)
def test_a_redis_refuses_as_daprd_does(
    redis_binding: Sidecar, operation: str, metadata: dict[str, str], reason: str
) -> None:
    invoke(redis_binding, "redis", "create", b"words", key="text")
    assert refusal(redis_binding, "redis", operation, b"v", **metadata) == reason
