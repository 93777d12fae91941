"""Whatever goes wrong with a call of the client: it is tried as often, and as late, as its policy says, and no more."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import grpc
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dapr_client import (
    DaprClient,
    DaprGrpcError,
    DaprHttpError,
    DaprInternalError,
    DecryptOptions,
    EncryptOptions,
    Job,
    RetryPolicy,
)
from dapr_testing import Component, DaprSidecar, FaultPlan, checkers
from dapr_testing import strategies as dapr
from fakesidecar.faults import retry_info
from fakesidecar.faults.effects import HTTP_STATUS
from tests.conformance.conftest import KEYS

STORE = "statestore"
FILES = tempfile.TemporaryDirectory(prefix="binding-")

pytestmark = [
    pytest.mark.filterwarnings("ignore:The .* API:UserWarning", "ignore:.* is deprecated:DeprecationWarning"),
    pytest.mark.dapr(
        components=[
            Component(STORE, "state.in-memory-query", metadata={"actorStateStore": "true"}),
            Component("secretstore", "secretstores.in-memory", metadata=dict.fromkeys("abc", "x")),
            Component("configstore", "configuration.in-memory"),
            Component("lockstore", "lock.in-memory"),
            Component("pubsub", "pubsub.in-memory"),
            Component("files", "bindings.localstorage", metadata={"rootPath": str(FILES.name)}),
            Component("llm", "conversation.echo"),
            Component("keys", "crypto.dapr.localstorage", metadata={"path": str(KEYS)}),
        ]
    ),
]

POLICIES = dapr.retry_policies()
OPERATIONS = dapr.operations(*dapr.METHODS, bindings="files")


def prepare(sidecar: DaprSidecar, operation: dapr.Operation) -> None:
    """What the operation needs, so that it fails by the plan alone."""
    if operation.method == "get_job":
        sidecar.client().schedule_job(Job(operation.arguments["name"], due_time="1h"))
        sidecar.calls.clear()


def waits(policy: RetryPolicy, failures: int) -> list[float]:
    """What is waited after so many failures, by the words of the policy."""
    tries = max(1, policy.max_attempts)
    return [
        min(policy.max_backoff, policy.initial_backoff * policy.backoff_multiplier**number)
        for number in range(min(failures, tries - 1))
    ]


def expect(sidecar: DaprSidecar, policy: RetryPolicy, failures: int, status: grpc.StatusCode, began: float) -> bool:
    """How often it was tried, and when: true if it must have ended well."""
    again = status in policy.retryable_grpc_status_codes
    waited = waits(policy, failures) if again else []
    expected = [began]
    for seconds in waited:
        expected.append(expected[-1] + seconds)
    assert [event.time for event in sidecar.calls] == pytest.approx(expected)
    return len(waited) == failures


@settings(max_examples=1000)
@given(operation=OPERATIONS, policy=POLICIES, status=dapr.error_statuses(), failures=st.integers(1, 6))
def test_a_call_is_tried_as_its_policy_says(
    dapr_sidecar: DaprSidecar,
    operation: dapr.Operation,
    policy: RetryPolicy,
    status: grpc.StatusCode,
    failures: int,
) -> None:
    prepare(dapr_sidecar, operation)
    # The client falls back to the older name of an RPC that a sidecar does not know.
    assume(status is not grpc.StatusCode.UNIMPLEMENTED)
    dapr_sidecar.faults.when(operation.call).fail(status).times(failures)
    began = dapr_sidecar.clock.now()
    ended = None
    try:
        operation(dapr_sidecar.client(retry_policy=policy))
    except DaprGrpcError as error:
        ended = error.code()
    assert ended is (None if expect(dapr_sidecar, policy, failures, status, began) else status)


@settings(max_examples=200)
@given(operation=OPERATIONS, policy=POLICIES, status=dapr.error_statuses(), failures=st.integers(1, 6))
async def test_so_is_one_of_the_async_client(
    dapr_sidecar: DaprSidecar,
    operation: dapr.Operation,
    policy: RetryPolicy,
    status: grpc.StatusCode,
    failures: int,
) -> None:
    prepare(dapr_sidecar, operation)
    assume(status is not grpc.StatusCode.UNIMPLEMENTED)
    dapr_sidecar.faults.when(operation.call).fail(status).times(failures)
    began = dapr_sidecar.clock.now()
    ended = None
    async with dapr_sidecar.aio_client(retry_policy=policy) as client:
        try:
            await operation(client)
        except DaprGrpcError as error:
            ended = error.code()
    assert ended is (None if expect(dapr_sidecar, policy, failures, status, began) else status)


@settings(max_examples=300)
@given(operation=OPERATIONS, policy=POLICIES, plan=dapr.fault_plans(max_size=4))
def test_a_call_ends_as_its_last_try(
    dapr_sidecar: DaprSidecar, operation: dapr.Operation, policy: RetryPolicy, plan: FaultPlan
) -> None:
    prepare(dapr_sidecar, operation)
    dapr_sidecar.faults.use(plan)
    try:
        operation(dapr_sidecar.client(retry_policy=policy))
        ended = "OK"
    except DaprGrpcError as error:
        ended = error.code().name
    tries = dapr_sidecar.calls.matching(operation.call)
    *before, last = tries
    assert last.outcome == ended
    assert len(tries) <= max(1, policy.max_attempts)
    retried = {status.name for status in policy.retryable_grpc_status_codes}
    assert {event.outcome for event in before} <= retried


@given(seconds=st.integers(0, 60), pushback=st.none() | st.integers(-5, 60), policy=POLICIES)
def test_the_server_has_a_say_in_the_wait(
    dapr_sidecar: DaprSidecar, seconds: int, pushback: int | None, policy: RetryPolicy
) -> None:
    policy.retryable_grpc_status_codes = [grpc.StatusCode.UNAVAILABLE]
    trailers = {} if pushback is None else {"grpc-retry-pushback-ms": str(pushback * 1000)}
    dapr_sidecar.faults.when("state.get").fail("UNAVAILABLE", details=(retry_info(seconds),), trailers=trailers).once()
    began = dapr_sidecar.clock.now()
    told = seconds if pushback is None else pushback
    if policy.max_attempts < 2 or told < 0:
        with pytest.raises(DaprGrpcError):
            dapr_sidecar.client(retry_policy=policy).get_state(STORE, "a")
        dapr_sidecar.calls.assert_called("state.get", times=1)
    else:
        dapr_sidecar.client(retry_policy=policy).get_state(STORE, "a")
        own = min(policy.max_backoff, policy.initial_backoff)
        assert dapr_sidecar.clock.now() - began == pytest.approx(max(told, own))


# --- workflows, which have errors of their own, and invocation, which goes over HTTP ---

ALWAYS: Mapping[str, Sequence[Any]] = {
    "start_workflow": ("dapr", "orders"),
    "get_workflow": ("7", "dapr"),
    "raise_workflow_event": ("7", "dapr", "paid"),
    "terminate_workflow": ("7", "dapr"),
    "pause_workflow": ("7", "dapr"),
    "resume_workflow": ("7", "dapr"),
    "purge_workflow": ("7", "dapr"),
    "subscribe_configuration": ("configstore", ["a"], print),
    "unsubscribe_configuration": ("configstore", "1"),
    "schedule_job_alpha1": (Job("a", due_time="1h"),),
    "get_job_alpha1": ("a",),
    "delete_job_alpha1": ("a",),
    "shutdown": (),
}
"""Methods that are tried with a fault that stays."""
FOR_EVER = 1_000_000


@given(method=st.sampled_from(sorted(ALWAYS)), policy=POLICIES, status=dapr.error_statuses())
def test_what_always_fails_is_tried_as_often(
    dapr_sidecar: DaprSidecar, method: str, policy: RetryPolicy, status: grpc.StatusCode
) -> None:
    assume(status is not grpc.StatusCode.UNIMPLEMENTED)
    dapr_sidecar.faults.when("*").fail(status)
    began = dapr_sidecar.clock.now()
    with pytest.raises((DaprGrpcError, DaprInternalError)):
        getattr(dapr_sidecar.client(retry_policy=policy), method)(*ALWAYS[method])
    assert not expect(dapr_sidecar, policy, FOR_EVER, status, began)


@settings(max_examples=50)
@given(policy=POLICIES, status=dapr.error_statuses(), failures=st.integers(1, 6))
def test_so_is_a_call_of_an_application(
    dapr_sidecar: DaprSidecar, policy: RetryPolicy, status: grpc.StatusCode, failures: int
) -> None:
    dapr_sidecar.app("kitchen").on("prepare", returns="done")
    code = HTTP_STATUS[status.name]
    dapr_sidecar.faults.when("invocation.invoke", protocol="http").fail(status).times(failures)
    began = dapr_sidecar.clock.now()
    waited = waits(policy, failures) if code in policy.retryable_http_status_codes else []
    client = dapr_sidecar.client(retry_policy=policy)
    if len(waited) == failures:
        assert client.invoke_method("kitchen", "prepare").text() == "done"
    else:
        with pytest.raises(DaprHttpError) as raised:
            client.invoke_method("kitchen", "prepare")
        assert raised.value.status_code == code
    assert dapr_sidecar.clock.now() - began == pytest.approx(sum(waited))
    assert len(dapr_sidecar.calls.matching("invocation.invoke")) == len(waited) + 1


OTHERS = {"invoke_method", "encrypt", "decrypt"}
"""Methods with a property of their own, above and below."""
UNASKED = {"subscribe", "subscribe_with_handler", "wait", "close", "get_credentials"}
"""Methods without a call that is tried again: topics are subscribed to until they are closed, the rest asks nothing."""


def test_no_method_is_forgotten() -> None:
    methods = {name for name in dir(DaprClient) if not name.startswith("_") and callable(getattr(DaprClient, name))}
    assert methods == {*dapr.METHODS, *ALWAYS, *OTHERS, *UNASKED}


# --- streams ---


@given(method=st.sampled_from(["encrypt", "decrypt"]), after=st.integers(0, 2), policy=POLICIES)
def test_a_stream_is_never_opened_again_after_its_first_message(
    dapr_sidecar: DaprSidecar, method: str, after: int, policy: RetryPolicy
) -> None:
    policy.retryable_grpc_status_codes = [grpc.StatusCode.UNAVAILABLE]
    client = dapr_sidecar.client(retry_policy=policy)
    data, options = b"x" * 200_000, EncryptOptions("keys", "rsa2048.pem", "RSA")
    call: partial[Any] = partial(client.encrypt, data, options)
    if method == "decrypt":
        call = partial(client.decrypt, call().read(), DecryptOptions("keys"))
    dapr_sidecar.faults.when(f"crypto.{method}").cut(after, "UNAVAILABLE")
    with pytest.raises(DaprGrpcError):
        call().read()
    tries = max(1, policy.max_attempts) if after == 0 else 1
    dapr_sidecar.calls.wait_for(f"crypto.{method}", times=tries)
    dapr_sidecar.calls.assert_called(f"crypto.{method}", times=tries)


# --- effects ---


def add(dapr: Any, key: str, amount: int) -> None:
    """Read, change, write with the etag: the way that Dapr's documents teach."""
    found = dapr.get_state(STORE, key)
    dapr.save_state(STORE, key, json.dumps((json.loads(found.data) if found.data else 0) + amount), etag=found.etag)


@settings(max_examples=300)
@given(
    policy=dapr.retry_policies(statuses=[grpc.StatusCode.UNAVAILABLE]),
    plan=dapr.fault_plans("state.save", "state.get", effects=dapr.effects("reset", "delay", "stale_etag", "duplicate")),
)
def test_an_etag_keeps_an_effect_from_coming_twice(
    dapr_sidecar: DaprSidecar, policy: RetryPolicy, plan: FaultPlan
) -> None:
    def balance() -> int:
        return json.loads(dapr_sidecar.state.get(STORE, "a") or b"0")  # type: ignore[no-any-return]

    dapr_sidecar.state.put(STORE, "a", "100")
    dapr_sidecar.faults.use(plan)
    client = dapr_sidecar.client(retry_policy=policy)
    for _ in range(3):
        try:
            with checkers.exactly_once(dapr_sidecar, balance, lambda before: before + 1):
                add(client, "a", 1)
        except DaprGrpcError:
            pass
