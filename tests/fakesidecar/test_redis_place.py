"""Where components find their Redis: its metadata, its time, and the words of its errors."""

from __future__ import annotations

import socket
import socketserver
import threading

import pytest
import redis

from fakesidecar import VirtualClock
from fakesidecar.errors import ComponentError
from fakesidecar.redis_place import RedisPlace, RedisSettings, dial_text, go_text


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("redisDB", "x", "'redisDB': invalid int \"x\""),
        ("REDISdb", "", "'redisDB': invalid int \"\""),
        ("poolSize", "1.5", "'poolSize': invalid int \"1.5\""),
        ("concurrency", "-1", "'concurrency': invalid uint \"-1\""),
        ("maxLenApprox", "x", "'maxLenApprox': invalid int64 \"x\""),
        ("enableTLS", "perhaps", "'enableTLS': invalid bool \"perhaps\""),
        ("dialTimeout", "soon", '\'dialTimeout\': invalid Duration "soon": time: invalid duration "soon"'),
    ],
)
def test_metadata_is_read_by_its_types(name: str, text: str, complaint: str) -> None:
    with pytest.raises(ComponentError) as caught:
        RedisSettings({name: text})
    assert str(caught.value) == (
        f"redis client configuration error: decode failed. 1 error(s) decoding:\n\n* error decoding {complaint}"
    )


def test_every_problem_is_told() -> None:
    with pytest.raises(ComponentError) as caught:
        RedisSettings({"ttlInSeconds": "soon", "redisDB": "x"})
    assert str(caught.value).endswith(
        "2 error(s) decoding:\n\n* error decoding 'redisDB': invalid int \"x\"\n"
        "* error decoding 'ttlInSeconds': invalid int \"soon\""
    )


def test_a_bare_number_of_a_duration_counts_nanoseconds() -> None:
    settings = RedisSettings({"dialTimeout": "1500000000", "readTimeout": "2s"})
    assert (settings.value("dialTimeout"), settings.value("readTimeout")) == (1.5, 2.0)


def test_the_embedded_redis_lives_in_the_sidecars_time() -> None:
    clock = VirtualClock(1000.0)
    connected = RedisPlace("embedded", clock).connect({"redisHost": "timed"})
    connected(lambda client: client.set("k", "v", ex=10))
    assert connected(lambda client: client.time()) == (1000, 0)
    assert connected(lambda client: client.xadd("s", {"a": "b"})) == b"1000000-0"
    clock.advance(10)
    assert connected(lambda client: client.get("k")) == b"v"
    clock.advance(1)
    assert connected(lambda client: client.get("k")) is None
    connected.close()


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        ("{cause}", "dial tcp {address}: connect: connection refused"),
        ("at {host}: {cause}", "at {address}: dial tcp {address}: connect: connection refused"),
    ],
)
def test_a_real_redis_must_answer(failure: str, text: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ComponentError) as caught:
        RedisPlace("real", VirtualClock()).connect({"redisHost": address, "redisMaxRetries": "-1"}, failure=failure)
    assert str(caught.value) == text.format(address=address)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (redis.ResponseError("unknown command"), "ERR unknown command"),
        (redis.ResponseError("WRONGTYPE Operation"), "WRONGTYPE Operation"),
        (redis.exceptions.NoScriptError("No matching script."), "NOSCRIPT No matching script."),
        (redis.AuthenticationError("invalid username-password pair"), "WRONGPASS invalid username-password pair"),
        (redis.ConnectionError("Connection closed by server."), "EOF"),
        (redis.ConnectionError("dial tcp 127.0.0.1:1: i/o timeout"), "dial tcp 127.0.0.1:1: i/o timeout"),
        (redis.TimeoutError("Timeout reading from socket"), "i/o timeout"),
    ],
)
def test_what_goes_wrong_is_told_in_the_words_of_gos_client(error: Exception, text: str) -> None:
    assert go_text(error) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "dial tcp 127.0.0.1:6379: connect: connection refused"),
        (TimeoutError("timed out"), "dial tcp 127.0.0.1:6379: i/o timeout"),
        (socket.gaierror(-2, "Name or service not known"), "dial tcp: lookup 127.0.0.1: no such host"),
    ],
)
def test_a_connection_that_cannot_be_made_is_told_as_go_dials(error: Exception, text: str) -> None:
    assert dial_text("127.0.0.1", 6379, error) == text


class Agreeable(socketserver.BaseRequestHandler):
    """Answers every command with OK, and tells when it is left."""

    left = threading.Event()

    def handle(self) -> None:
        while data := self.request.recv(65536):
            self.request.sendall(b"+OK\r\n" * sum(line.startswith(b"*") for line in data.split(b"\r\n")))
        self.left.set()


def test_connections_end_with_the_place() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Agreeable) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = RedisPlace("real", VirtualClock())
        connected = place.connect({"redisHost": f"127.0.0.1:{server.server_address[1]}"})
        assert connected(lambda client: client.set("k", "v")) is True
        place.close()
        assert Agreeable.left.wait(5)
        server.shutdown()


def test_redis_is_embedded_or_real() -> None:
    with pytest.raises(ValueError, match="embedded or real"):
        RedisPlace("elsewhere", VirtualClock())
