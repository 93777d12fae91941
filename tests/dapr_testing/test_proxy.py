"""A proxy in front of a sidecar: what is asked goes through, is recorded, and goes wrong as plans say."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator

import pytest
import urllib3

import dapr_testing
from dapr_client import DaprGrpcError, RetryPolicy
from dapr_testing import DaprSidecar, OnlyTheFakeHasIt
from tests.dapr_testing.test_plugin import run

pytestmark = pytest.mark.filterwarnings("ignore:The Distributed Lock API:UserWarning")

KINDS = [
    "proxy:fake",
    pytest.param(
        "proxy:daprd", marks=pytest.mark.skipif(shutil.which("daprd") is None, reason="there is no daprd on PATH")
    ),
]


@pytest.fixture(scope="module", params=KINDS)
def proxy(request: pytest.FixtureRequest) -> Iterator[DaprSidecar]:
    with dapr_testing.sidecar(kind=request.param, components={"statestore": "state.in-memory"}) as view:
        yield view


@pytest.fixture(autouse=True)
def _nothing_is_left(proxy: DaprSidecar) -> Iterator[None]:
    yield
    proxy.faults.clear()
    proxy.calls.clear()


def test_calls_pass_and_are_recorded(proxy: DaprSidecar) -> None:
    with proxy.client() as dapr:
        dapr.save_state("statestore", "7", "paid")
        assert dapr.get_state("statestore", "7").data == b"paid"
    proxy.calls.assert_in_order("state.save", proxy.calls.like("state.get", key="7"))


def test_errors_pass_with_their_details(proxy: DaprSidecar) -> None:
    with proxy.client() as dapr, pytest.raises(DaprGrpcError) as raised:
        dapr.get_state("nowhere", "7")
    assert raised.value.error_code() == "DAPR_STATE_NOT_CONFIGURED" or "nowhere" in str(raised.value)
    assert proxy.calls.assert_called("state.get").outcome == raised.value.code().name


def test_faults_happen_in_front_of_it(proxy: DaprSidecar) -> None:
    policy = RetryPolicy(max_attempts=2)
    policy.sleep = lambda seconds: None
    with proxy.client(retry_policy=policy) as dapr:
        dapr.save_state("statestore", "n", "1")
        etag = dapr.get_state("statestore", "n").etag
        with proxy.faults.when("state.save").lose_reply().once(), pytest.raises(DaprGrpcError) as raised:
            dapr.save_state("statestore", "n", "2", etag=etag)
        assert raised.value.code().name == "ABORTED"
        assert dapr.get_state("statestore", "n").data == b"2"
        with proxy.faults.when("state.get").stale_etag():
            etag = dapr.get_state("statestore", "n").etag
        with pytest.raises(DaprGrpcError):
            dapr.save_state("statestore", "n", "3", etag=etag)


def test_http_goes_the_same_way(proxy: DaprSidecar) -> None:
    url = f"{proxy.http_endpoint}/v1.0/state/statestore"
    with urllib3.PoolManager() as pool:
        body = json.dumps([{"key": "h", "value": {"a": 1}}])
        assert pool.request("POST", url, body=body).status == 204
        assert pool.request("GET", f"{url}/h").json() == {"a": 1}
        assert pool.request("GET", f"{proxy.http_endpoint}/v1.0/state/nowhere/h").status == 400
        with proxy.faults.when("state.get", protocol="http").fail("UNAVAILABLE"):
            assert pool.request("GET", f"{url}/h", retries=False).status == 503
    proxy.calls.assert_called("state.get", key="h", outcome="UNAVAILABLE")


def test_what_only_the_fake_has_is_refused(proxy: DaprSidecar) -> None:
    with pytest.raises(OnlyTheFakeHasIt, match="only the fake sidecar can do this"):
        proxy.clock.advance(1)


@pytest.mark.filterwarnings("ignore:.*Alpha.*:UserWarning")
def test_streams_pass_and_break() -> None:
    components = {"pubsub": "pubsub.in-memory"}
    with dapr_testing.sidecar(kind="proxy:fake", components=components) as proxy, proxy.client() as dapr:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            subscription = dapr.subscribe("pubsub", "orders")
        dapr.publish_event("pubsub", "orders", "1", data_content_type="text/plain")
        message = subscription.next_message()
        assert message is not None
        assert message.data() == "1"
        subscription.respond_success(message)
        subscription.close()
        proxy.calls.assert_called("pubsub.subscribe", topic="orders", times=1)


def test_the_fixture_takes_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(dapr_sidecar, dapr_client):
            dapr_client.save_state("statestore", "k", "v")
            dapr_sidecar.calls.assert_called("state.save", times=1)

        def test_time(dapr_sidecar):
            dapr_sidecar.clock.advance(1)
        """
    )
    outcome = run(pytester, "--dapr-sidecar=proxy:fake", "-rs")
    outcome.assert_outcomes(passed=1, skipped=1)
    outcome.stdout.fnmatch_lines(["dapr sidecar: proxy:fake", "SKIPPED*only the fake sidecar can do this, not *"])
