"""`dapr_sidecar.bindings`: what was invoked, what is answered, what is pushed, what came of it."""

from __future__ import annotations

import http.server
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import dapr_testing
from dapr_client import DaprClient
from dapr_testing import DaprSidecar
from fakesidecar import Component
from tests.http_server import serving

MINUTE = Component("minute", "bindings.cron", metadata={"schedule": "0 * * * * *"})
COMPONENTS = [
    Component("pictures", "bindings.aws.s3", metadata={"bucket": "pictures"}),
    Component("returns", "bindings.kafka", metadata={"brokers": "kafka:9092", "topics": "returns"}),
]


@contextmanager
def shop() -> Iterator[tuple[int, list[tuple[str, bytes]]]]:
    """An application that wants everything, and refuses what is rotten."""
    seen: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.command == "POST":
                seen.append((self.path, body))
            self.send_response(500 if body == b"rotten" else 404 if self.command == "GET" else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = do_OPTIONS = answer  # noqa: N815  (named so by the base class)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (named so by the base class)
            """Nobody wants to know."""

    with serving(Handler) as port:
        yield port, seen


@pytest.mark.dapr(components=COMPONENTS)
def test_what_a_binding_was_asked_for_is_there(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_client.invoke_binding("pictures", "create", b"\xff", {"key": "cat.png"})
    [record] = dapr_sidecar.bindings.invoked("pictures")
    assert (record.operation, record.data, record.metadata["key"], record.error) == ("create", b"\xff", "cat.png", "")
    assert dapr_sidecar.bindings.invoked("returns") == []


@pytest.mark.dapr(components=COMPONENTS)
def test_a_binding_answers_what_it_is_told_to(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    dapr_sidecar.bindings.answer("pictures", "list", {"Contents": []}, {"count": "0"})
    answer = dapr_client.invoke_binding("pictures", "list")
    assert answer.json() == {"Contents": []}
    assert answer.binding_metadata == {"count": "0"}
    with pytest.raises(ValueError, match="no operation 'shrink'"):
        dapr_sidecar.bindings.answer("pictures", "shrink")


@pytest.mark.dapr(components=[*COMPONENTS, MINUTE])
def test_a_binding_that_answers_for_itself_is_told_nothing(dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(TypeError, match=r"bindings\.cron"):
        dapr_sidecar.bindings.answer("minute", "create")
    with pytest.raises(TypeError, match="not loaded"):
        dapr_sidecar.bindings.answer("nobody", "create")


@pytest.mark.dapr(components=COMPONENTS)
def test_nothing_can_be_pushed_without_an_application(dapr_sidecar: DaprSidecar) -> None:
    with pytest.raises(LookupError, match="no application wants the events of a binding 'returns'"):
        dapr_sidecar.bindings.push("returns")


def test_what_is_pushed_reaches_the_application() -> None:
    with shop() as (port, seen), dapr_testing.sidecar(components=[*COMPONENTS, MINUTE], app_port=port) as dapr:
        dapr.bindings.push("returns", {"order": 7})
        dapr.bindings.push("returns", "rotten")
        dapr.clock.advance(120)
        assert seen == [("/returns", b'{"order": 7}'), ("/returns", b"rotten"), ("/minute", b""), ("/minute", b"")]
        told = [(one.binding, one.error) for one in dapr.bindings.deliveries]
        refused = "fails to send binding event to http app channel, status code: 500 body: "
        assert told == [("returns", ""), ("returns", refused), ("minute", ""), ("minute", "")]
        dapr.reset()
        assert dapr.bindings.deliveries == []
        dapr.clock.advance(60)
        assert [one.binding for one in dapr.bindings.deliveries] == ["minute"]


@pytest.mark.dapr(components=[*COMPONENTS, MINUTE])
def test_an_application_that_is_not_there_is_handed_what_it_knows(dapr_sidecar: DaprSidecar) -> None:
    shop = dapr_sidecar.app()
    with pytest.raises(LookupError):
        dapr_sidecar.bindings.push("returns")
    shop.on("returns", status=503).then(status=200)
    dapr_sidecar.bindings.push("returns", "7", {"partition": "2"})
    dapr_sidecar.bindings.push("returns", "8")
    dapr_sidecar.clock.advance(60)
    assert [(one.verb, one.method, one.text()) for one in shop.received] == [
        ("POST", "returns", "7"),
        ("POST", "returns", "8"),
    ]
    assert shop.received[0].header("partition") == "2"
    assert [bool(one.error) for one in dapr_sidecar.bindings.deliveries] == [True, False]


@pytest.mark.dapr(components=[MINUTE])
def test_a_schedule_is_over_with_its_test(dapr_sidecar: DaprSidecar) -> None:
    shop = dapr_sidecar.app().on("minute")
    dapr_sidecar.clock.advance(150)
    shop.assert_called("minute", times=2)


@pytest.mark.dapr(components=[MINUTE])
def test_the_next_test_has_no_application(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.clock.advance(150)
    assert dapr_sidecar.bindings.deliveries == []


def test_stand_ins_can_be_left_out(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="couldn't find binding pictures"):
        dapr_testing.sidecar(components=COMPONENTS, stand_ins=False).__enter__()
