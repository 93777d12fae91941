"""Workflows in tests: time that is skipped, activities that are mocked, mishaps, histories."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dapr_client.workflow import (
    DaprWorkflowClient,
    RetryPolicy,
    WorkflowRuntime,
    WorkflowStatus,
    when_any,
)
from dapr_testing import DaprSidecar, FaultNotNeeded, WorkflowFailed, WorkflowNotFinished, sidecar

DAY = timedelta(days=1)
done: list[str] = []


def charge(ctx: Any, amount: int) -> str:
    done.append(f"charge {amount}")
    return f"charged {amount}"


def refund(ctx: Any, amount: int) -> str:
    done.append(f"refund {amount}")
    return f"refunded {amount}"


def order(ctx: Any, amount: int) -> Any:
    receipt = yield ctx.call_activity(charge, input=amount, retry_policy=RETRIES)
    yield ctx.create_timer(DAY)
    return receipt


async def approval(ctx: Any, limit: int) -> str:
    approved, late = ctx.wait_for_external_event("approved"), ctx.create_timer(timedelta(days=limit))
    if await when_any([approved, late]) is late:
        return "late"
    return f"approved by {approved.get_result()}"


def patient(ctx: Any) -> Any:
    return (yield ctx.wait_for_external_event("Go"))


RETRIES = RetryPolicy(first_retry_interval=timedelta(hours=1), max_number_of_attempts=3)


@pytest.fixture
def dapr() -> Iterator[DaprSidecar]:
    with sidecar() as running:
        yield running


@pytest.fixture
def runtime(dapr: DaprSidecar) -> Iterator[WorkflowRuntime]:
    done.clear()
    made = WorkflowRuntime(channel=dapr.channel)
    for activity in (charge, refund):
        made.register_activity(activity)
    for workflow in (order, approval, patient):
        made.register_workflow(workflow)
    with made:
        yield made


pytestmark = pytest.mark.usefixtures("runtime")


class TestTime:
    def test_a_day_passes_while_a_result_is_awaited(self, dapr: DaprSidecar) -> None:
        before = dapr.clock.time
        assert dapr.workflows.run(order, 7) == "charged 7"
        assert dapr.clock.time - before == DAY

    def test_results_may_be_awaited_by_coroutines(self, dapr: DaprSidecar) -> None:
        async def both() -> list[Any]:
            return await asyncio.gather(*(dapr.workflows.run_async("order", amount) for amount in (1, 2)))

        assert asyncio.run(both()) == ["charged 1", "charged 2"]

    def test_time_passes_by_hand_when_skipping_is_off(self, dapr: DaprSidecar) -> None:
        workflows = dapr.workflows
        workflows.skip_time = False
        id = workflows.start(order, 7)
        workflows.advance(DAY - timedelta(seconds=1))
        with pytest.raises(WorkflowNotFinished, match="it waits for timer"):
            workflows.wait(id, timeout=0.05)
        workflows.advance(1)
        assert workflows.wait(id).result() == "charged 7"

    def test_a_delayed_signal_comes_at_its_time(self, dapr: DaprSidecar) -> None:
        workflows = dapr.workflows
        id = workflows.start(approval, 3)
        workflows.signal(id, "approved", "ann", after=timedelta(days=2))
        assert workflows.wait(id).result() == "approved by ann"
        late = workflows.start(approval, 3)
        workflows.signal(late, "approved", "ann", after=timedelta(days=4))
        assert workflows.wait(late).result() == "late"

    def test_a_signal_may_be_taken_back(self, dapr: DaprSidecar) -> None:
        workflows = dapr.workflows
        id = workflows.start(approval, 3)
        timer = workflows.signal(id, "approved", "ann", after=5)
        assert timer is not None
        timer.cancel()
        assert workflows.wait(id).result() == "late"

    def test_run_until_idle_stops_at_what_needs_somebody(self, dapr: DaprSidecar) -> None:
        workflows = dapr.workflows
        first, second = workflows.start(order, 1), workflows.start(patient)
        workflows.run_until_idle()
        assert workflows[first].status is WorkflowStatus.COMPLETED
        assert workflows[second].waits_for == ["event Go"]
        workflows.signal(second, "go", 0)
        assert workflows.wait(second).result() == 0
        assert workflows[second].waits_for == []

    def test_run_until_idle_waits_for_delayed_signals(self, dapr: DaprSidecar) -> None:
        id = dapr.workflows.start(patient)
        dapr.workflows.signal(id, "go", 1, after=DAY)
        dapr.workflows.run_until_idle()
        assert dapr.workflows[id].output == 1

    def test_a_start_that_lies_ahead(self, dapr: DaprSidecar) -> None:
        before = dapr.clock.time
        id = dapr.workflows.start(patient, at=DAY)
        dapr.workflows.signal(id, "go", "now", after=timedelta(days=2))
        assert dapr.workflows.wait(id).result() == "now"
        assert dapr.clock.time - before == 2 * DAY

    def test_clients_that_wait_have_time_skipped(self, dapr: DaprSidecar) -> None:
        with DaprWorkflowClient(channel=dapr.channel()) as client, dapr.workflows.time_skipping():
            id = client.schedule_new_workflow(order, input=3)
            state = client.wait_for_workflow_completion(id, timeout_in_seconds=10)
        assert state is not None
        assert state.serialized_output == '"charged 3"'

    def test_time_stands_still_while_no_client_waits(self, dapr: DaprSidecar) -> None:
        with DaprWorkflowClient(channel=dapr.channel()) as client, dapr.workflows.time_skipping():
            before = dapr.clock.time
            id = client.schedule_new_workflow(order, input=3)
            client.wait_for_workflow_start(id)
            dapr.clock.wait_until_idle()
            assert dapr.clock.time == before

    def test_skipping_within_skipping_ends_by_itself(self, dapr: DaprSidecar) -> None:
        skipping = dapr.workflows.time_skipping
        with DaprWorkflowClient(channel=dapr.channel()) as client, skipping():
            for inner in (skipping, contextlib.nullcontext):
                with inner():
                    id = client.schedule_new_workflow(order, input=3)
                    assert client.wait_for_workflow_completion(id, timeout_in_seconds=10) is not None

    def test_an_event_that_somebody_has_had_is_not_what_the_next_waits_for(
        self, dapr: DaprSidecar, runtime: WorkflowRuntime
    ) -> None:
        @runtime.workflow
        def both(ctx: Any) -> Any:
            yield ctx.create_timer(DAY)
            return [(yield ctx.wait_for_external_event("go")), (yield ctx.wait_for_external_event("go"))]

        id = dapr.workflows.start(both)
        dapr.workflows.signal(id, "go", 1)
        dapr.workflows.run_until_idle()
        assert dapr.workflows[id].waits_for == ["event go"]
        dapr.workflows.signal(id, "GO", 2)
        assert dapr.workflows.wait(id).result() == [1, 2]

    def test_who_is_stuck_is_told_why(self, dapr: DaprSidecar) -> None:
        with pytest.raises(WorkflowNotFinished, match="it waits for event Go"):
            dapr.workflows.run(patient, timeout=0.05)


class TestMocks:
    def test_an_activity_returns_what_the_test_says(self, dapr: DaprSidecar) -> None:
        mock = dapr.workflows.mock(charge, returns="mocked")
        assert dapr.workflows.run(order, 7) == "mocked"
        assert (mock.inputs, done) == ([7], [])
        mock.assert_called(times=1)
        mock.assert_called_with(7)
        with pytest.raises(AssertionError, match=r"not called with 8, but with \[7\]"):
            mock.assert_called_with(8)
        with pytest.raises(AssertionError, match="was called"):
            mock.assert_not_called()

    @pytest.mark.parametrize("value", [None, 0, "", False, [], {"a": [1]}])
    def test_any_value_is_returned_as_it_is(self, dapr: DaprSidecar, value: Any) -> None:
        dapr.workflows.mock("charge", returns=value)
        assert dapr.workflows.run("order", 7) == value

    def test_the_nth_attempt_fails_and_the_worker_does_the_others(self, dapr: DaprSidecar) -> None:
        mock = dapr.workflows.mock("charge", raises=TimeoutError("slow"), attempts=(1, 2))
        before = dapr.clock.time
        assert dapr.workflows.run(order, 7) == "charged 7"
        assert [call.attempt for call in mock.calls] == [1, 2]
        assert dapr.clock.time - before == DAY + timedelta(hours=2)

    def test_a_failure_says_what_has_happened(self, dapr: DaprSidecar) -> None:
        dapr.workflows.mock("charge", raises=ValueError("no money"))
        with pytest.raises(WorkflowFailed, match="activity charge failed  ValueError: no money") as failed:
            dapr.workflows.run(order, 7)
        assert failed.value.failure is not None

    def test_values_one_after_the_other(self, dapr: DaprSidecar) -> None:
        dapr.workflows.mock("charge", side_effect=[OSError("once"), "then"])
        assert dapr.workflows.run(order, 7) == "then"

    def test_a_function_may_ask_the_sidecar(self, dapr: DaprSidecar) -> None:
        with dapr.client() as client:

            def save(amount: int) -> str:
                client.save_state("statestore", "amount", str(amount))
                return threading.current_thread().name

            dapr.workflows.mock("charge", side_effect=save)
            assert dapr.workflows.run(order, 7) == "mock of charge"
            assert client.get_state("statestore", "amount").data == b"7"

    def test_a_function_may_be_a_coroutine_function(self, dapr: DaprSidecar) -> None:
        async def double(amount: int) -> int:
            await asyncio.sleep(0)
            return 2 * amount

        dapr.workflows.mock("charge", side_effect=double)
        assert dapr.workflows.run(order, 7) == 14

    def test_the_latest_mock_answers_until_it_is_removed(self, dapr: DaprSidecar) -> None:
        workflows = dapr.workflows
        workflows.mock("charge", returns="first")
        with workflows.mock("charge", returns="second"), workflows.mock("charge", returns="mine", workflow_id="o-1"):
            assert workflows.run(order, 7, id="o-1") == "mine"
            assert workflows.run(order, 7) == "second"
        assert workflows.run(order, 7) == "first"
        workflows.clear()
        assert workflows.run(order, 7) == "charged 7"

    def test_a_child_is_answered_wherever_it_is_called(self, dapr: DaprSidecar, runtime: WorkflowRuntime) -> None:
        @runtime.workflow
        def parent(ctx: Any) -> Any:
            first = yield ctx.call_child_workflow(order, input=1, retry_policy=RETRIES)
            return [first, (yield ctx.call_child_workflow(patient))]

        workflows = dapr.workflows
        mock = workflows.mock_child(order, side_effect=lambda amount: f"mocked {amount}")
        failing = workflows.mock_child("order", raises=ConnectionError("closed"), attempts=1)
        with workflows.mock_child(patient, returns=0) as none:
            id = workflows.start(parent)
            assert workflows.wait(id).result() == ["mocked 1", 0]
        assert [call.attempt for call in (*failing.calls, *mock.calls)] == [1, 2]
        assert none.inputs == [None]
        workflows[id].assert_in_order("child order failed", "timer fired", "child order completed", "child patient")
        assert not any(run.exists for run in workflows[id].children)
        mock.remove()
        workflows.mock(charge, returns="really")
        workflows.mock_child("patient", raises=ValueError("no patience"))
        with pytest.raises(WorkflowFailed, match="child patient failed  ValueError: no patience"):
            workflows.run(parent)
        with pytest.raises(AssertionError, match="child workflow 'order' was not called 3"):
            mock.assert_called(times=3)

    def test_a_mock_says_one_thing(self, dapr: DaprSidecar) -> None:
        with pytest.raises(TypeError, match="say one of them"):
            dapr.workflows.mock("charge", returns=1, raises=ValueError())


class TestMishaps:
    def test_an_answer_that_is_lost_has_the_activity_run_again(self, dapr: DaprSidecar) -> None:
        mishap = dapr.workflows.lose_answer(charge)
        assert dapr.workflows.run(order, 7) == "charged 7"
        assert (mishap.happened, done) == (True, ["charge 7", "charge 7"])

    def test_an_answer_that_comes_twice_counts_once(self, dapr: DaprSidecar) -> None:
        dapr.workflows.duplicate_answer(charge)
        id = dapr.workflows.start(order, 7)
        dapr.workflows.wait(id).assert_steps(
            "started order", "activity charge", "activity charge completed", "timer", "timer fired", "completed"
        )
        assert done == ["charge 7"]

    @pytest.mark.parametrize("nth", [1, 2, 3])
    def test_a_worker_that_dies_in_a_turn_does_nothing_twice(self, dapr: DaprSidecar, nth: int) -> None:
        mishap = dapr.workflows.lose_turn(order, nth=nth)
        dapr.workflows.duplicate_turn(order)
        assert dapr.workflows.run(order, 7) == "charged 7"
        assert (mishap.happened, done) == (True, ["charge 7"])

    def test_workers_whose_connections_break_come_again(self, dapr: DaprSidecar) -> None:
        id = dapr.workflows.start(order, 7)
        dapr.workflows.disconnect_workers()
        assert dapr.workflows.wait(id).result() == "charged 7"

    def test_a_mishap_that_was_not_needed_fails_the_test(self) -> None:
        with pytest.raises(FaultNotNeeded, match="answer 1 of 'charge' was not lost: there were 0"), sidecar() as dapr:
            dapr.workflows.lose_answer("charge")


class TestHistories:
    STEPS = ("started order", "activity charge", "activity charge completed", "timer", "timer fired", "completed")

    def test_steps(self, dapr: DaprSidecar) -> None:
        run = dapr.workflows.wait(dapr.workflows.start(order, 7, id="o-7"))
        run.assert_steps(*self.STEPS)
        run.assert_in_order("activity charge", "timer fired")
        run.assert_not_happened("activity refund")
        with pytest.raises(AssertionError, match=r"- activity refund\n[\s\S]*\+ activity charge\n"):
            run.assert_steps("started order", "activity refund")
        with pytest.raises(AssertionError, match="step 2 of 2 did not follow: 'activity charge'"):
            run.assert_in_order("timer", "activity charge")
        with pytest.raises(AssertionError, match="happened: timer fired"):
            run.assert_not_happened("timer fired")
        assert repr(run).splitlines() == [
            "order 'o-7' COMPLETED",
            "           0:00:00  started order  7",
            "           0:00:00  activity charge  7",
            '           0:00:00  activity charge completed  "charged 7"',
            "           0:00:00  timer  for 1 day, 0:00:00",
            "    1 day, 0:00:00  timer fired",
            '    1 day, 0:00:00  completed  "charged 7"',
        ]

    def test_what_a_run_tells(self, dapr: DaprSidecar) -> None:
        run = dapr.workflows.wait(dapr.workflows.start(order, 7, id="o-7"))
        assert (run.name, run.input, run.output, run.failure) == ("order", 7, "charged 7", None)
        assert [one.id for one in dapr.workflows] == ["o-7"]
        assert "there is no workflow 'x'; there are o-7" in _message(lambda: dapr.workflows["x"].status)

    def test_a_history_goes_to_a_file_and_comes_back(self, dapr: DaprSidecar, tmp_path: Path) -> None:
        workflows, path = dapr.workflows, tmp_path / "order.json"
        workflows.skip_time = False
        id = workflows.start(order, 7)
        dapr.clock.wait_until_idle()
        workflows[id].to_json(path)
        dapr.reset()
        run = workflows.import_history(path, id="again")
        assert (run.status, run.waits_for) == (WorkflowStatus.RUNNING, ["timer"])
        assert workflows.wait("again").result() == "charged 7"
        assert done == ["charge 7"]

    def test_histories_replay(self, dapr: DaprSidecar) -> None:
        workflows = dapr.workflows
        workflows.run(order, 7)
        workflows.start(patient)
        dapr.clock.wait_until_idle()
        workflows.assert_replays(order, patient)
        workflows.assert_replays(order)
        assert len(workflows.histories) == 2

        def changed(ctx: Any, amount: int) -> Any:
            return (yield ctx.call_activity(refund, input=amount))

        changed.__name__ = "order"
        with pytest.raises(AssertionError, match="does not replay"):
            workflows.assert_replays(changed)


def _message(action: Any) -> str:
    with pytest.raises(LookupError) as raised:
        action()
    return str(raised.value)
