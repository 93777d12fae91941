"""Resiliency policies on a clock that stands still."""

from __future__ import annotations

import itertools
import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from dapr_client import DaprClient, DaprGrpcError
from dapr_testing import sidecar
from fakesidecar.clock import VirtualClock
from fakesidecar.core.resiliency import (
    Answered,
    Breaker,
    BreakerOpen,
    Codes,
    DeadlineExceeded,
    Policies,
    Policy,
    RetryPlan,
    codes_of,
    condition_of,
    plan_of,
)
from fakesidecar.errors import ComponentError, EtagMismatch
from fakesidecar.ids import SeededIds
from fakesidecar.resources.resiliency import CircuitBreaker, ComponentTarget, Resiliency, Retry, Target


class Failed(ComponentError):
    """With a code."""

    def __init__(self, code: int | str | StatusCode | None = None) -> None:
        super().__init__(f"failed with {code}")
        self.code = code


def policy(clock: VirtualClock, **more: Any) -> Policy:
    return Policy(clock, lambda: 0.5, **more)


def attempts(clock: VirtualClock, guarded: Policy, *outcomes: Exception | None) -> tuple[list[float], Exception | None]:
    """When attempts were made, in seconds from the start, and how it ended."""
    left, began, times = list(outcomes), clock.now(), list[float]()

    def attempt() -> None:
        times.append(clock.now() - began)
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if outcome is not None:
            raise outcome

    try:
        guarded.run(attempt)
    except ComponentError as error:
        return times, error
    return times, None


def test_a_constant_retry_waits_as_long_each_time() -> None:
    clock = VirtualClock()
    retry = plan_of(Retry(policy="constant", duration="10s", max_retries=3))
    times, error = attempts(clock, policy(clock, retry=retry), Failed())
    assert times == [0, 10, 20, 30]
    assert isinstance(error, Failed)
    assert attempts(clock, policy(clock, retry=retry), Failed(), None) == ([0, 10], None)


def test_an_exponential_retry_waits_longer_each_time_and_gives_up_in_the_end() -> None:
    clock = VirtualClock()
    retry = plan_of(Retry(policy="exponential", max_interval="2s", max_retries=6))
    times, _ = attempts(clock, policy(clock, retry=retry), Failed())
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits == pytest.approx([0.5, 0.75, 1.125, 1.6875, 2.0, 2.0])
    endless = plan_of(Retry(policy="exponential"))
    times, _ = attempts(clock, policy(clock, retry=endless), Failed())
    assert 780 < times[-1] <= 900


@pytest.mark.parametrize(
    ("code", "tries"),
    [
        (503, 2),
        (500, 1),
        (429, 2),
        (431, 2),
        (14, 2),
        (13, 1),
        ("UNAVAILABLE", 2),
        (StatusCode.INTERNAL, 1),
        (None, 2),
        ("?", 2),
    ],
)
def test_only_codes_that_match_are_tried_again_and_what_has_none(code: Any, tries: int) -> None:
    clock = VirtualClock()
    declared = Retry(duration="1s", max_retries=1, http_status_codes="503, 429-431", grpc_status_codes="14")
    times, _ = attempts(clock, policy(clock, retry=plan_of(declared)), Failed(code))
    assert len(times) == tries


def test_what_is_of_no_use_is_not_tried_again() -> None:
    clock = VirtualClock()
    times, _ = attempts(clock, policy(clock, retry=RetryPlan(max_retries=5)), EtagMismatch("etag"))
    assert times == [0]


def test_codes_are_read() -> None:
    assert codes_of(" ") is None
    assert codes_of("1, 5-7") == Codes(((1, 1), (5, 7)))
    with pytest.raises(ValueError, match="invalid literal"):
        codes_of("a-b")


def test_an_attempt_that_took_too_long_failed() -> None:
    clock = VirtualClock()
    guarded = policy(clock, timeout=2.0)
    guarded.run(partial(clock.advance, 2))
    with pytest.raises(DeadlineExceeded, match="context deadline exceeded"):
        guarded.run(partial(clock.advance, 3))


def breaker(clock: VirtualClock, **more: Any) -> Breaker:
    return Breaker(clock, condition_of("consecutiveFailures >= 2"), **more)


def test_a_breaker_opens_waits_tries_and_closes() -> None:
    clock = VirtualClock()
    guarded = policy(clock, breaker=breaker(clock, timeout=60.0))
    for _ in range(2):
        assert attempts(clock, guarded, Failed())[0] == [0]
    times, error = attempts(clock, guarded, None)
    assert (times, str(error)) == ([], "circuit breaker is open")
    clock.advance(60)
    assert attempts(clock, guarded, Failed())[0] == [0]  # half open: one failure opens it again
    assert isinstance(attempts(clock, guarded, None)[1], BreakerOpen)
    clock.advance(60)
    assert attempts(clock, guarded, None) == ([0], None)
    assert attempts(clock, guarded, Failed())[0] == [0]  # closed: it takes two again
    assert attempts(clock, guarded, None) == ([0], None)


def test_a_retry_ends_when_the_breaker_opens() -> None:
    clock = VirtualClock()
    guarded = policy(clock, retry=RetryPlan(seconds=1.0, max_retries=9), breaker=breaker(clock))
    times, error = attempts(clock, guarded, Failed())
    assert (times, str(error)) == ([0, 1], "circuit breaker is open")


def test_a_half_open_breaker_lets_few_through() -> None:
    clock = VirtualClock()
    half_open = breaker(clock, max_requests=2, timeout=1.0)
    for _ in range(2):
        half_open.refusal()
        half_open.ended(failed=True)
    clock.advance(1)
    assert [str(half_open.refusal()) for _ in range(3)] == ["None", "None", "too many requests"]
    half_open.ended(failed=False)
    assert str(half_open.refusal()) == "too many requests"
    half_open.ended(failed=False)
    assert half_open.refusal() is None


def test_a_closed_breaker_forgets_after_its_interval() -> None:
    clock = VirtualClock()
    forgetful = breaker(clock, interval=10.0)
    forgetful.refusal()
    forgetful.ended(failed=True)
    clock.advance(10)
    forgetful.refusal()
    forgetful.ended(failed=True)
    assert forgetful.refusal() is None


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 40)), max_size=30))
def test_a_breaker_is_open_exactly_for_its_time(steps: list[tuple[bool, float]]) -> None:
    clock = VirtualClock()
    tested = breaker(clock, timeout=30.0)
    opened_at: float | None = None
    failures, half_open = 0, False
    for failed, wait in steps:
        clock.advance(wait)
        if opened_at is not None and clock.now() >= opened_at + 30.0:
            opened_at, half_open = None, True
        refused = tested.refusal() is not None
        assert refused == (opened_at is not None)
        if refused:
            continue
        tested.ended(failed)
        failures = failures + 1 if failed else 0
        if failed and (half_open or failures >= 2):
            opened_at, failures = clock.now(), 0
        half_open = False


def test_what_is_offered_is_offered_again_when_the_clock_is_there() -> None:
    clock, offers, ends = VirtualClock(), list[Answered](), list[BaseException | None]()
    guarded = policy(clock, retry=RetryPlan(seconds=10.0, max_retries=2), timeout=5.0)
    guarded.offer(offers.append, ends.append)
    offers[0](Failed())
    offers[0](None)  # twice is once
    assert (len(offers), ends) == (1, [])
    clock.advance(10)
    assert len(offers) == 2
    clock.advance(5)  # no answer in time
    clock.advance(10)
    assert len(offers) == 3
    offers[1](None)  # too late
    offers[2](None)
    assert ends == [None]


def policies(*declared: Resiliency) -> Policies:
    return Policies(declared, VirtualClock(), SeededIds(1))


def test_the_most_special_policy_is_taken() -> None:
    names = [
        "DefaultRetryPolicy",
        "DefaultComponentOutboundRetryPolicy",
        "DefaultStatestoreComponentOutboundRetryPolicy",
    ]
    for count in range(1, 4):
        retries = {name: Retry(duration=f"{number}s") for number, name in enumerate(names[:count], 1)}
        found = policies(Resiliency(retries=retries)).component("store", "Statestore", "Outbound")
        assert found is not None
        assert found.retry is not None
        assert found.retry.seconds == count
    mine = Resiliency(
        timeouts={"short": "1s", "DefaultTimeoutPolicy": "9s"},
        retries={"DefaultRetryPolicy": Retry()},
        apps={"shop": Target(timeout="short")},
        components={"store": ComponentTarget(inbound=Target(timeout="short"))},
    )
    known = policies(mine)
    times = [known.app("shop", "x"), known.app("other", "x"), known.component("store", "Statestore", "Inbound")]
    assert [found and (found.timeout, found.retry is None) for found in times] == [(1, True), (9, False), (1, True)]
    assert policies().app("shop", "x") is None


def test_methods_have_breakers_of_their_own() -> None:
    known = policies(
        Resiliency(
            circuit_breakers={"b": CircuitBreaker(trip="totalFailures > 0")},
            apps={"shop": Target(circuit_breaker="b", circuit_breaker_cache_size=2)},
        )
    )

    def of(method: str) -> Breaker:
        found = known.app("shop", method)
        assert found is not None
        assert found.breaker is not None
        return found.breaker

    first = of("a")
    assert of("a") is first
    assert of("b") is not first
    of("c")  # two are kept
    assert of("a") is not first


UNREADABLE = 'invalid retry configuration "x": 1 error(s) decoding:\n\n* error decoding '


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (Resiliency("r", timeouts={"t": "soon"}), 'invalid duration "t", soon: time: invalid duration "soon"'),
        (
            Resiliency("r", retries={"x": Retry(policy="odd")}),
            UNREADABLE + "'policy': invalid PolicyType \"odd\": unexpected back off policy type: odd",
        ),
        (
            Resiliency("r", retries={"x": Retry(duration="soon")}),
            UNREADABLE + "'duration': invalid duration \"soon\"",
        ),
        (Resiliency("r", retries={"x": Retry(http_status_codes="all")}), "invalid retry configuration"),
        (
            Resiliency("r", circuit_breakers={"x": CircuitBreaker(trip="nonsense >")}),
            UNREADABLE + "'trip': invalid Expr \"nonsense >\": ERROR: <input>:1:11: Syntax error",
        ),
        (
            Resiliency("r", circuit_breakers={"x": CircuitBreaker(interval="soon")}),
            UNREADABLE + "'interval': invalid duration \"soon\"",
        ),
    ],
)
def test_what_is_broken_is_told_and_left_out(broken: Resiliency, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "fakesidecar.resiliency"):
        assert policies(broken).app("shop", "x") is None
    assert f"Could not read resiliency policy r: {reason}" in caplog.text


RESOURCES = """
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: patience}
spec:
  policies:
    retries: {patient: {policy: constant, duration: 1m, maxRetries: 2}}
    circuitBreakers: {wary: {timeout: 1h, trip: consecutiveFailures >= 3}}
  targets:
    components: {outside: {outbound: {retry: patient, circuitBreaker: wary}}}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: outside}
spec: {type: bindings.http, version: v1, metadata: [{name: url, value: "http://127.0.0.1:1"}]}
"""


def test_a_component_is_guarded(tmp_path: Path) -> None:
    policy, component = RESOURCES.split("---")
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "outside.yaml").write_text(component)
    with sidecar(resources=tmp_path) as dapr_sidecar, DaprClient() as dapr:
        began = dapr_sidecar.clock.now()
        with pytest.raises(DaprGrpcError, match="refused"):
            dapr.invoke_binding("outside", "get")
        assert dapr_sidecar.clock.now() == began + 120
        with pytest.raises(DaprGrpcError, match="circuit breaker is open"):
            dapr.invoke_binding("outside", "get")
        assert dapr_sidecar.clock.now() == began + 120
