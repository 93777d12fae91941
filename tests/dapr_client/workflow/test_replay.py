"""Histories in, actions out."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from dapr_client.wire import history_events_pb2
from dapr_client.workflow import (
    DaprWorkflowContext,
    NonRetryableError,
    RetryPolicy,
    Task,
    TaskFailedError,
    when_all,
    when_any,
)
from dapr_client.workflow._replay import Execution, replay
from tests.dapr_client.workflow.histories import (
    answer,
    child,
    child_completed,
    child_failed,
    completed,
    failed,
    fired,
    raised,
    registry,
    resumed,
    scheduled,
    started,
    suspended,
    terminated,
    timer,
    turn,
    words,
)

Workflow = Generator[Task[Any], Any, Any]
Context = DaprWorkflowContext
BEGUN = [turn(), started()]


def test_each_result_leads_to_the_next_action() -> None:
    def workflow(ctx: Context, input: int) -> Workflow:
        doubled = yield ctx.call_activity("double", input=input)
        return (yield ctx.call_activity("double", input=doubled))

    first = [turn(), started(input="3")]
    second = [*first, scheduled(1, "double"), turn(1)]
    third = [*second, completed(1, "6"), scheduled(2, "double"), turn(2)]
    assert words(answer(workflow, [], *first)) == ["1 double(3)"]
    assert words(answer(workflow, second, completed(1, "6"))) == ["2 double(6)"]
    assert words(answer(workflow, third, completed(2, "12"))) == ["3 COMPLETED 12"]


async def sums(ctx: Context, input: list[int]) -> int:
    results = await when_all([ctx.call_activity("double", input=one) for one in input])
    await ctx.create_timer(timedelta(seconds=5))
    return sum(results)


def test_an_async_workflow_awaits_what_others_yield() -> None:
    first = [turn(), started(input="[1, 2]")]
    second = [*first, scheduled(1, "double"), scheduled(2, "double"), turn(1)]
    assert words(answer(sums, [], *first)) == ["1 double(1)", "2 double(2)"]
    assert words(answer(sums, second, completed(2, "4"))) == []
    assert words(answer(sums, second, completed(2, "4"), completed(1, "2"))) == ["3 createTimer 6"]
    third = [*second, completed(2, "4"), completed(1, "2"), timer(3), turn(6)]
    assert words(answer(sums, third, fired(3))) == ["4 COMPLETED 6"]


def test_a_plain_function_is_a_workflow() -> None:
    assert words(answer(lambda ctx, input: [input], [], turn(), started(input="0"))) == ["1 COMPLETED [0]"]
    assert words(answer(lambda ctx: None, [], *BEGUN)) == ["1 COMPLETED"]
    assert words(answer(lambda ctx, input="left out": input, [], *BEGUN)) == ['1 COMPLETED "left out"']


@pytest.mark.parametrize("value", ["0", '""', "false", "[]", "{}"])
def test_a_falsy_payload_survives(value: str) -> None:
    def workflow(ctx: Context, input: Any) -> Workflow:
        back = yield ctx.call_activity("echo", input=input)
        told = yield ctx.wait_for_external_event("told")
        ctx.continue_as_new([back, told])

    first = [turn(), started(input=value)]
    assert words(answer(workflow, [], *first)) == [f"1 echo({value})"]
    past = [*first, scheduled(1, "echo"), turn(1)]
    assert words(answer(workflow, past, raised("Told", value), completed(1, value))) == [
        f"2 CONTINUED_AS_NEW [{value}, {value}]"
    ]


def test_objects_come_back_with_attributes() -> None:
    @dataclass
    class Order:
        item: str
        count: int

    def workflow(ctx: Context, order: Any) -> Any:
        return [order.item, Order("b", 1), SimpleNamespace(c=2)]

    given = answer(workflow, [], turn(), started(input='{"item": "a", "__durabletask_autoobject__": true}'))
    mark = '"__durabletask_autoobject__": true'
    assert words(given) == [f'1 COMPLETED ["a", {{"item": "b", "count": 1, {mark}}}, {{"c": 2, {mark}}}]']


def test_a_model_is_made_of_what_its_parameter_s_annotation_says() -> None:
    class Model:
        def __init__(self, n: int) -> None:
            self.n = n

        @classmethod
        def model_validate(cls, value: Any) -> Model:
            return cls(value["n"])

        def model_dump(self, mode: str) -> Any:
            return {"n": self.n + 1}

    def workflow(ctx: Context, model: Any) -> Any:
        return model

    workflow.__annotations__["model"] = Model | None
    assert words(answer(workflow, [], turn(), started(input='{"n": 1}'))) == ['1 COMPLETED {"n": 2}']


# --- failures and retries ---


def test_a_failed_activity_can_be_caught_and_tells_of_the_other_side() -> None:
    def workflow(ctx: Context) -> Workflow:
        try:
            yield ctx.call_activity("a")
        except TaskFailedError as error:
            return [str(error), error.details.error_type, error.details.message, error.details.stack_trace]

    assert words(answer(workflow, [*BEGUN, scheduled(1, "a"), turn()], failed(1))) == [
        '2 COMPLETED ["i: Activity task #1 failed: boom", "ValueError", "boom", null]'
    ]


def test_a_failure_that_nobody_catches_fails_the_workflow() -> None:
    def workflow(ctx: Context) -> Workflow:
        yield ctx.call_child_workflow("c")

    past = [*BEGUN, child(1, "c", "i:0001"), turn()]
    assert words(answer(workflow, past, child_failed(1))) == [
        "2 FAILED TaskFailedError: Sub-orchestration task #1 failed: boom"
    ]
    raising = answer(lambda ctx: 1 // 0, [], *BEGUN)
    assert words(raising) == ["1 FAILED ZeroDivisionError: integer division or modulo by zero"]
    assert "test_replay.py" in raising.actions[0].completeWorkflow.failureDetails.stackTrace.value
    assert isinstance(raising.failure, ZeroDivisionError)


def retried(**policy: Any) -> Any:
    def workflow(ctx: Context) -> Workflow:
        first = timedelta(seconds=1)
        return (yield ctx.call_activity("a", input=0, retry_policy=RetryPolicy(first_retry_interval=first, **policy)))

    return workflow


def attempts(workflow: Any, *failures: Any) -> list[str]:
    """What a workflow that calls one activity asks for, attempt after attempt."""
    history, said, id = [*BEGUN, scheduled(1, "a")], [], 1
    for failure in failures:
        given = answer(workflow, [*history, turn()], failure(id))
        said += words(given)
        if not given.lasts:
            break
        history += [turn(), failure(id), timer(id + 1)]
        again = answer(workflow, [*history, turn()], fired(id + 1))
        assert words(again) == [f"{id + 2} a(0)"]
        history += [turn(), fired(id + 1), scheduled(id + 2, "a")]
        id += 2
    return said


def test_a_failed_activity_is_tried_again_as_the_policy_says() -> None:
    three = retried(max_number_of_attempts=3, backoff_coefficient=2)
    end = "FAILED TaskFailedError: i: Activity task"
    assert attempts(three, failed, failed, failed) == [
        "2 activityRetry 1",
        "4 activityRetry 2",
        f"6 {end} #5 failed: boom",
    ]
    short = retried(max_number_of_attempts=9, retry_timeout=timedelta(seconds=3))
    assert attempts(short, failed, failed, failed)[-1] == f"6 {end} #5 failed: boom"
    capped = retried(max_number_of_attempts=9, backoff_coefficient=9, max_retry_interval=timedelta(seconds=2))
    assert attempts(capped, failed, failed, failed) == ["2 activityRetry 1", "4 activityRetry 2", "6 activityRetry 2"]


def test_some_errors_are_not_tried_again() -> None:
    policy = retried(max_number_of_attempts=9, non_retryable_error_types=[KeyError, "Special"])
    for details in ({"kind": "KeyError"}, {"kind": "Special"}, {"kind": "NonRetryableError"}, {"isNonRetriable": True}):
        assert attempts(policy, lambda id, details=details: failed(id, **details))[0].startswith("2 FAILED")
    assert NonRetryableError.__name__ == "NonRetryableError"


def test_all_attempts_of_a_call_have_one_id() -> None:
    workflow = retried(max_number_of_attempts=3)
    first = answer(workflow, [], *BEGUN).actions[0].scheduleTask.taskExecutionId
    past = [*BEGUN, scheduled(1, "a"), turn(1), failed(1), timer(2), turn(2)]
    assert answer(workflow, past, fired(2)).actions[0].scheduleTask.taskExecutionId == first != ""


def test_a_child_that_is_tried_again_keeps_its_id() -> None:
    def workflow(ctx: Context) -> Workflow:
        policy = RetryPolicy(first_retry_interval=timedelta(seconds=1), max_number_of_attempts=2)
        yield ctx.call_child_workflow("c", retry_policy=policy)

    past = [*BEGUN, child(1, "c", "i:0001"), turn(), child_failed(1), timer(2), turn()]
    assert words(answer(workflow, past, fired(2))) == ["3 c() as i:0001"]


def test_a_policy_that_cannot_be_is_refused() -> None:
    for wrong in (
        {"max_number_of_attempts": 0},
        {"first_retry_interval": timedelta(-1)},
        {"backoff_coefficient": 0.5},
        {"max_retry_interval": timedelta(-1)},
        {"retry_timeout": timedelta(-1)},
    ):
        with pytest.raises(ValueError, match="must be >= "):
            RetryPolicy(**{"first_retry_interval": timedelta(1), "max_number_of_attempts": 1, **wrong})  # type: ignore[arg-type]


# --- events ---


def waits(ctx: Context, timeout: float | None = None) -> Workflow:
    try:
        told = yield ctx.wait_for_external_event("Ev", timeout=None if timeout is None else timedelta(seconds=timeout))
        yield ctx.call_activity("a", input=told)
    except TimeoutError as error:
        return str(error)


def test_a_wait_for_an_event_shows_as_a_timer_that_never_fires() -> None:
    assert words(answer(waits, [], *BEGUN)) == ["1 externalEvent never"]
    assert words(answer(waits, [], turn(), started(input="-1"))) == ["1 externalEvent never"]
    assert words(answer(waits, [*BEGUN, timer(1), turn()], raised("EV", "1"))) == ["2 a(1)"]


def test_an_event_that_came_early_is_there_at_once() -> None:
    assert words(answer(waits, [], *BEGUN[:1], raised("eV", "1"), BEGUN[1])) == ["1 a(1)"]


def test_a_wait_ends_at_its_timeout() -> None:
    begun = [turn(), started(input="2")]
    assert words(answer(waits, [], *begun)) == ["1 externalEvent 2"]
    assert words(answer(waits, [*begun, timer(1), turn(2)], fired(1))) == [
        "2 COMPLETED \"Timed out after datetime.timedelta(seconds=2) waiting for external event 'Ev'\""
    ]
    assert words(answer(waits, [*begun, timer(1), turn(1)], raised("Ev", "1"), fired(1))) == ["2 a(1)"]
    assert words(answer(waits, [], turn(), started(input="0"))) == [
        "1 COMPLETED \"Wait for external event 'Ev' canceled immediately due to zero timeout\""
    ]


def test_events_of_a_name_go_to_those_who_wait_in_order() -> None:
    def workflow(ctx: Context) -> Workflow:
        tasks = [ctx.wait_for_external_event("e") for _ in range(2)]
        return (yield when_all(tasks))

    past = [*BEGUN, timer(1), timer(2), turn()]
    assert words(answer(workflow, past, raised("E", "1"), raised("e", "2"))) == ["3 COMPLETED [1, 2]"]


def test_histories_without_timers_for_waits_still_fit() -> None:
    def workflow(ctx: Context) -> Workflow:
        told = ctx.wait_for_external_event("e")
        done = ctx.call_child_workflow("c")
        also = ctx.create_timer(timedelta(seconds=1))
        results = yield when_all([told, done, also])
        return results

    past = [*BEGUN, child(1, "c", "i:0001"), timer(2, createTimer=history_events_pb2.TimerOriginCreateTimer()), turn()]
    given = answer(workflow, past, raised("e", "1"), child_completed(1, "2"), fired(2))
    assert words(given) == ["3 COMPLETED [1, 2, null]"]


# --- other ends ---


def test_continue_as_new_takes_over_what_nobody_waited_for() -> None:
    def workflow(ctx: Context, save: bool) -> Workflow:
        yield ctx.create_timer(timedelta(seconds=1))
        ctx.call_activity("never sent")
        ctx.continue_as_new({"n": 0}, save_events=save)
        yield ctx.create_timer(timedelta(seconds=1))
        raise AssertionError("it goes on")

    for save, carried in (("true", ["A", "b"]), ("false", [])):
        past = [turn(), started(input=save), timer(1), turn()]
        given = answer(workflow, past, raised("A", "0"), fired(1), raised("b"))
        assert words(given) == ['4 CONTINUED_AS_NEW {"n": 0}'] or words(given) == ['3 CONTINUED_AS_NEW {"n": 0}']
        assert [one.eventRaised.name for one in given.actions[0].completeWorkflow.carryoverEvents] == carried


def test_termination_ends_what_waits_and_what_begins_again_but_not_what_is_done() -> None:
    def again(ctx: Context) -> None:
        ctx.continue_as_new(1)

    assert words(answer(waits, [*BEGUN, timer(1), turn()], terminated('"why"'))) == ['2 TERMINATED "why"']
    assert words(answer(waits, [*BEGUN, timer(1), turn()], terminated())) == ["2 TERMINATED"]
    assert words(answer(again, [], *BEGUN, terminated())) == ["1 TERMINATED"]
    assert words(answer(lambda ctx: 1, [], *BEGUN, terminated())) == ["1 COMPLETED 1"]


def test_what_comes_after_the_end_is_not_heard() -> None:
    def workflow(ctx: Context, again: bool) -> Workflow:
        policy = RetryPolicy(first_retry_interval=timedelta(seconds=1), max_number_of_attempts=2)
        yield when_any([ctx.call_activity("a"), ctx.call_activity("b", retry_policy=policy)])
        if again:
            ctx.continue_as_new(1)

    for again, end in (("false", "COMPLETED"), ("true", "CONTINUED_AS_NEW 1")):
        past = [turn(), started(input=again), scheduled(1, "a"), scheduled(2, "b"), turn()]
        assert words(answer(workflow, past, completed(1), failed(2))) == [f"3 {end}"]


def test_what_ends_does_not_ask_for_more() -> None:
    def workflow(ctx: Context) -> Workflow:
        try:
            yield ctx.create_timer(timedelta(seconds=1))
        finally:
            yield ctx.call_activity("cleanup")

    assert words(answer(workflow, [*BEGUN, timer(1), turn()], terminated())) == ["2 TERMINATED"]


def test_a_suspended_workflow_goes_on_when_it_is_resumed() -> None:
    def workflow(ctx: Context) -> Workflow:
        yield ctx.call_activity("a")
        yield ctx.call_activity("b")

    past = [*BEGUN, scheduled(1, "a"), turn()]
    assert words(answer(workflow, past, suspended(), suspended(), completed(1))) == []
    held = [*past, suspended(), completed(1), turn()]
    assert words(answer(workflow, held, resumed())) == ["2 b()"]
    assert words(answer(workflow, held, terminated())) == ["2 TERMINATED"]
    assert words(answer(workflow, past, resumed(), completed(1))) == ["2 b()"]
    # What was asked for before is asked for once.
    assert words(answer(workflow, [*past, completed(1), suspended(), scheduled(2, "b"), turn()])) == []


def test_answers_that_come_twice_or_to_nobody_change_nothing() -> None:
    def workflow(ctx: Context) -> Workflow:
        one = yield ctx.call_activity("a")
        yield ctx.create_timer(timedelta(seconds=1))
        return one

    past = [*BEGUN, scheduled(1, "a"), turn()]
    strange = [fired(1), completed(7), failed(9), child_failed(3), fired(8), completed(1, "1"), completed(1, "2")]
    assert words(answer(workflow, past, *strange)) == ["2 createTimer 1"]
    later = [*past, *strange, timer(2), turn()]
    assert words(answer(workflow, later, completed(2, "9"), failed(2), fired(2))) == ["3 COMPLETED 1"]


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        (lambda ctx, x: x, "JSONDecodeError: Expecting value"),
        (lambda ctx: object(), "TypeError: Object of type object is not JSON serializable"),
        (lambda ctx: (yield 3), "TypeError: a workflow waits for tasks of its context, not for int: 3"),
        (lambda: 1, "TypeError: "),
    ],
)
def test_a_workflow_that_cannot_work_fails(workflow: Any, said: str) -> None:
    assert words(answer(workflow, [], turn(), started(input="bad")))[0].startswith(f"1 FAILED {said}")


def test_a_result_that_cannot_be_read_is_an_error_where_it_is_awaited() -> None:
    def workflow(ctx: Context) -> Workflow:
        try:
            yield ctx.call_activity("a")
        except ValueError as error:
            return type(error).__name__

    past = [*BEGUN, scheduled(1, "a"), turn()]
    assert words(answer(workflow, past, completed(1, "{bad"))) == ['2 COMPLETED "JSONDecodeError"']
    assert words(answer(workflow, past, completed(1, ""))) == ["2 COMPLETED"]


def test_an_unknown_workflow_fails() -> None:
    nothing = registry()
    given = replay(Execution("i", nothing.workflow, nothing.name_of), [*BEGUN, scheduled(1, "a")], [turn()])
    assert words(given) == ["1 FAILED OrchestratorNotRegisteredError: A 'wf' orchestrator was not registered."]


# --- versions ---


def versioned(version: str | None = None) -> list[str]:
    known = registry()
    known.add_workflow(lambda ctx: "old", "wf", "v1", latest=False)
    known.add_workflow(lambda ctx: "new", "wf", "v2")
    begun = [turn(name=version) if version else turn(), started()]
    given = replay(Execution("i", known.workflow, known.name_of), [], begun)
    return [*words(given), str(given.version)]


def test_an_instance_stays_with_its_version() -> None:
    assert versioned() == ['1 COMPLETED "new"', "v2"]
    assert versioned("v1") == ['1 COMPLETED "old"', "v1"]
    assert versioned("v9") == ["1 workflowVersionNotAvailable", "None"]


def test_a_patch_is_for_those_who_have_not_been_there_yet() -> None:
    def workflow(ctx: Context) -> Workflow:
        first = ctx.is_patched("p1")
        yield ctx.call_activity("a")
        return [first, ctx.is_patched("p1"), ctx.is_patched("p2"), ctx.is_replaying]

    new = answer(workflow, [], *BEGUN)
    assert (words(new), new.patches) == (["1 a()"], ("p1",))
    patched = answer(workflow, [turn(patches=["p1"]), started(), scheduled(1, "a"), turn()], completed(1))
    assert (words(patched), patched.patches) == (["2 COMPLETED [true, true, true, false]"], ("p1", "p2"))
    old = answer(workflow, [*BEGUN, scheduled(1, "a"), turn()], completed(1))
    assert (words(old), old.patches) == (["2 COMPLETED [false, false, true, false]"], ("p2",))


# --- the same in each replay ---


def test_time_chance_and_ids_are_the_same_in_each_replay() -> None:
    seen: list[list[str]] = []

    def workflow(ctx: Context) -> Workflow:
        def look() -> list[Any]:
            return [
                ctx.now(),
                ctx.current_utc_datetime,
                ctx.now_with_sequence(),
                ctx.current_utc_datetime_with_sequence(),
                ctx.uuid4(),
                ctx.new_guid(),
                ctx.random().random(),
                ctx.random_string(8),
                ctx.random_int(1, 1000),
                ctx.random_choice(range(1000)),
            ]

        first = look()
        yield ctx.create_timer(timedelta(seconds=60))
        seen.append([*map(str, first), *map(str, look())])

    past = [*BEGUN, timer(1), turn(60)]
    for _ in range(2):
        answer(workflow, past, fired(1))
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == len(seen[0]) - 3  # what is no sequence is the same in a turn
    assert (seen[0][0], seen[0][10]) == ("2024-05-01 12:00:00.250000", "2024-05-01 12:01:00.250000")


def test_an_answer_to_an_earlier_round_is_not_taken_for_one_to_this() -> None:
    def workflow(ctx: Context) -> Workflow:
        first = yield ctx.call_activity("a")
        return [first, (yield ctx.call_activity("b"))]

    past = [*BEGUN, scheduled(1, "a"), turn(1)]
    late = answer(workflow, past, child_completed(1, "0"), completed(1, "1"), failed(2), fired(2))
    assert words(late) == ["2 b()"]
    past += [completed(1, "1"), scheduled(2, "b"), turn(2)]
    assert words(answer(workflow, past, completed(2, "2"))) == ["3 COMPLETED [1, 2]"]


def test_each_round_has_ids_of_its_own_be_it_of_the_same_moment() -> None:
    seen = []

    def workflow(ctx: Context) -> Workflow:
        seen.append(str(ctx.uuid4()))
        yield ctx.call_activity("a")

    calls = [
        answer(workflow, [], turn(), started("wf", execution=execution)).actions[0].scheduleTask.taskExecutionId
        for execution in ("e1", "e1", "e2")
    ]
    assert [one == calls[0] for one in calls] == [one == seen[0] for one in seen] == [True, True, False]


def test_chance_says_what_it_cannot_do() -> None:
    def workflow(ctx: Context) -> list[str]:
        said = []
        for ask in (
            lambda: ctx.random_string(-1),
            lambda: ctx.random_string(1, alphabet=""),
            lambda: ctx.random_int(2, 1),
            lambda: ctx.random_choice([]),
        ):
            with pytest.raises((ValueError, IndexError)) as caught:
                ask()
            said.append(type(caught.value).__name__)
        return said

    assert words(answer(workflow, [], *BEGUN)) == [
        '1 COMPLETED ["ValueError", "ValueError", "ValueError", "IndexError"]'
    ]


def test_a_workflow_knows_that_it_is_replayed() -> None:
    seen = []

    def workflow(ctx: Context) -> Workflow:
        seen.append(ctx.is_replaying)
        yield ctx.call_activity("a")
        seen.append(ctx.is_replaying)

    answer(workflow, [*BEGUN, scheduled(1, "a"), turn()], completed(1))
    assert seen == [True, False]


# --- histories of other code ---


def test_a_history_of_other_code_is_told_side_by_side() -> None:
    def workflow(ctx: Context) -> Workflow:
        yield ctx.call_activity("reserve")
        yield ctx.call_activity("charge")
        yield ctx.wait_for_external_event("done")

    past = [
        *(turn(), started(), scheduled(1, "reserve"), turn(), completed(1), timer(2), turn(), fired(2)),
        *(child(3, "ship"), turn()),
    ]
    given = answer(workflow, past, completed(3))
    assert given.failure is not None
    assert str(given.failure).splitlines() == [
        "the code asked for something else as number 2",
        "     the history has        this code asks for",
        "  1  activity 'reserve'     activity 'reserve'",
        "* 2  timer                  activity 'charge'",
        "* 3  child workflow 'ship'  -",
    ]
    assert words(given)[0].startswith("3 FAILED NonDeterminismError: ")


@pytest.mark.parametrize(
    "recorded",
    [scheduled(1, "other"), timer(1), child(1, "a"), scheduled(2, "a")],
    ids=["name", "timer", "child", "number"],
)
def test_an_action_that_the_code_did_not_ask_for_is_no_history_of_it(recorded: Any) -> None:
    def workflow(ctx: Context) -> Workflow:
        yield ctx.call_activity("a")

    assert "NonDeterminismError" in words(answer(workflow, [*BEGUN, recorded, turn()]))[0]


def test_code_that_fails_where_it_did_not_tells_why() -> None:
    def workflow(ctx: Context) -> Workflow:
        yield ctx.call_activity("a")
        raise KeyError("x")

    past = [*BEGUN, scheduled(1, "a"), turn(), completed(1), scheduled(2, "b"), turn()]
    told = str(answer(workflow, past).failure).splitlines()[0]
    assert told == "the code did not ask for what the history has as number 2: it failed with KeyError('x')"


# --- tasks ---


def test_tasks_know_how_far_they_are() -> None:
    one, two, three = Task[int](), Task[int](), Task[int]()
    both, either = when_all([one, two]), when_any([one, two])
    parts: list[Task[Any]] = [when_any([two, three]), one]
    nested = when_all(parts)
    assert (both.pending_tasks, both.get_completed_tasks(), both.get_tasks()) == (2, 0, [one, two])
    for early in (one.get_result, one.get_exception, both.get_result):
        with pytest.raises(ValueError, match="has not"):
            early()
    error = KeyError("x")
    one.settle(error=error)
    one.settle(1)
    assert (one.is_failed, one.get_exception(), either.get_result()) == (True, error, one)
    assert (both.is_complete, both.pending_tasks) == (False, 1)
    two.settle(2)
    assert (both.is_failed, nested.get_exception()) == (True, error)
    for late in (both.get_result, one.get_result):
        with pytest.raises(KeyError):
            late()
    assert when_any([two, three]).get_result() is two
    nothing: list[Task[Any]] = []
    results: list[Any] = [task.get_result() for task in (when_all([two, two]), when_all(nothing), when_any(nothing))]
    assert results == [[2, 2], [], []]


def test_a_loop_may_wait_for_the_rest_again_and_again() -> None:
    def workflow(ctx: Context) -> Workflow:
        left, order = [ctx.call_activity("a", input=n) for n in range(3)], []
        while left:
            first = yield when_any(left)
            left.remove(first)
            order.append(first.get_result())
        return order

    past = [*BEGUN, *(scheduled(n + 1, "a") for n in range(3)), turn()]
    assert words(answer(workflow, past, completed(3, "2"), completed(1, "0"), completed(2, "1"))) == [
        "4 COMPLETED [2, 0, 1]"
    ]
