"""Whatever goes wrong with a call of the client: it is tried as often, and as late, as its policy says, and no more."""

from __future__ import annotations

import json
import tempfile
from typing import Any

import grpc
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dapr_client import DaprClient, DaprGrpcError, DaprHttpError, DaprInternalError, EncryptOptions, Job, RetryPolicy
from dapr_testing import Component, DaprSidecar, FaultPlan, checkers
from dapr_testing import strategies as dapr
from fakesidecar.faults import retry_info
from fakesidecar.faults.effects import HTTP_STATUS
from tests.conformance.conftest import KEYS

STORE = "statestore"
FILES = tempfile.TemporaryDirectory(prefix="binding-")

pytestmark = [
    pytest.mark.filterwarnings("ignore:The .* API:UserWarning"),
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

MANAGEMENT = ("get_workflow", "terminate_workflow", "pause_workflow", "resume_workflow", "purge_workflow")


@given(method=st.sampled_from(MANAGEMENT), policy=POLICIES, status=dapr.error_statuses())
def test_management_of_workflows_is_tried_as_often(
    dapr_sidecar: DaprSidecar, method: str, policy: RetryPolicy, status: grpc.StatusCode
) -> None:
    dapr_sidecar.faults.when("workflow.*").fail(status)
    with pytest.raises(DaprInternalError):
        getattr(dapr_sidecar.client(retry_policy=policy), method)("7", "dapr")
    again = status in policy.retryable_grpc_status_codes
    assert len(dapr_sidecar.calls) == (max(1, policy.max_attempts) if again else 1)


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


OTHERS = {
    *MANAGEMENT,
    *("start_workflow", "raise_workflow_event", "invoke_method", "encrypt", "decrypt"),
    *("subscribe", "subscribe_with_handler", "subscribe_configuration", "unsubscribe_configuration"),
    *("schedule_job_alpha1", "get_job_alpha1", "delete_job_alpha1", "wait", "shutdown", "close"),
    "get_credentials",
}
"""Methods whose arguments are not drawn: streams, other errors, other protocols, old names, and what ends a client."""


def test_no_method_is_forgotten() -> None:
    methods = {name for name in dir(DaprClient) if not name.startswith("_") and callable(getattr(DaprClient, name))}
    assert methods - OTHERS == set(dapr.METHODS)


# --- streams ---


@given(after=st.integers(0, 2), policy=POLICIES)
def test_a_stream_is_never_opened_again_after_its_first_message(
    dapr_sidecar: DaprSidecar, after: int, policy: RetryPolicy
) -> None:
    policy.retryable_grpc_status_codes = [grpc.StatusCode.UNAVAILABLE]
    dapr_sidecar.faults.when("crypto.encrypt").cut(after, "UNAVAILABLE")
    client = dapr_sidecar.client(retry_policy=policy)
    options = EncryptOptions(component_name="keys", key_name="rsa2048.pem", key_wrap_algorithm="RSA")
    with pytest.raises(DaprGrpcError):
        client.encrypt(b"x" * 200_000, options).read()
    tries = max(1, policy.max_attempts) if after == 0 else 1
    dapr_sidecar.calls.wait_for("crypto.encrypt", times=tries)
    dapr_sidecar.calls.assert_called("crypto.encrypt", times=tries)


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
