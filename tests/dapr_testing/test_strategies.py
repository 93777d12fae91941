"""What Hypothesis draws is what Dapr takes, and a test with `@given` begins anew with every example."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import Phase, example, find, given, settings
from hypothesis import strategies as st

from dapr_client import BindingRequest, DaprClient, DaprGrpcError, InvokeMethodRequest, Job, StateItem
from dapr_client.aio import DaprClient as AioDaprClient
from dapr_testing import DaprSidecar, FaultPlan, fault_plan, when
from dapr_testing import strategies as dapr
from fakesidecar.clock import START
from fakesidecar.faults.rules import to_json
from tests.dapr_testing.test_plugin import run

pytestmark = pytest.mark.filterwarnings("ignore:The Distributed Lock API:UserWarning")

ONE = settings(max_examples=1, database=None, phases=[Phase.generate])


@given(item=dapr.state_items(), step=dapr.transactions())
def test_state_that_is_drawn_can_be_stored(dapr_client: DaprClient, item: StateItem, step: Any) -> None:
    item.etag = None
    dapr_client.save_bulk_state("statestore", [item])
    assert dapr_client.get_state("statestore", item.key).data == item.value
    dapr_client.execute_state_transaction("statestore", step)


@given(seed=dapr.seeds())
def test_a_seed_that_is_drawn_can_be_planted(dapr_sidecar: DaprSidecar, seed: Any) -> None:
    dapr_sidecar.seed(seed)
    for key, value in seed["state"]["statestore"].items():
        stored = dapr_sidecar.state.get("statestore", key)
        assert stored is not None
        assert json.loads(stored) == value if not isinstance(value, str) else stored == value.encode()


@given(job=dapr.jobs())
def test_a_job_that_is_drawn_can_be_scheduled(dapr_client: DaprClient, job: Job) -> None:
    dapr_client.schedule_job(job)
    assert dapr_client.get_job(job.name).name == job.name


@pytest.mark.dapr(components={"pubsub": "pubsub.in-memory"})
@given(event=dapr.cloud_events())
def test_an_event_that_is_drawn_can_be_published(dapr_sidecar: DaprSidecar, event: Any) -> None:
    told: list[Any] = []
    dapr_sidecar.fake.core.pubsub.subscribe("pubsub", "orders", lambda message: told.append(message.event))
    dapr_sidecar.client().publish_event(
        "pubsub", "orders", json.dumps(event), data_content_type="application/cloudevents+json"
    )
    (found,) = told
    assert {name: found[name] for name in event} == event


@pytest.mark.dapr(components={"pubsub": "pubsub.in-memory"})
@settings(max_examples=50)
@given(drawn=dapr.subscription_messages())
def test_an_event_that_is_drawn_is_like_one_that_is_delivered(dapr_client: DaprClient, drawn: Any) -> None:
    event = {"specversion": drawn.spec_version(), "id": drawn.id(), "source": drawn.source(), "type": drawn.type()}
    event |= {"datacontenttype": drawn.data_content_type(), **drawn.extensions()}
    data = drawn.data()
    event |= {"data_base64": base64.b64encode(data).decode()} if isinstance(data, bytes) else {"data": data}
    with dapr_client.subscribe("pubsub", "orders") as subscription:
        dapr_client.publish_event(
            "pubsub", "orders", json.dumps(event), data_content_type="application/cloudevents+json"
        )
        told = subscription.next_message(timeout=5)
        assert told is not None
        subscription.respond_success(told)
    assert (told.data(), told.id(), told.source(), told.type()) == (data, drawn.id(), drawn.source(), drawn.type())
    assert (told.data_content_type(), told.topic(), told.pubsub_name()) == (
        drawn.data_content_type(),
        drawn.topic(),
        drawn.pubsub_name(),
    )
    assert told.extensions().items() >= drawn.extensions().items()


@given(event=dapr.binding_requests(), call=dapr.invoke_requests())
def test_what_an_application_is_asked_can_be_drawn(event: BindingRequest, call: InvokeMethodRequest) -> None:
    assert all(name.startswith("x-") for name in event.binding_metadata)
    assert (type(event.data), type(call.data)) == (bytes, bytes)


@given(plan=dapr.fault_plans(effects=dapr.effects(*dapr.EFFECTS), max_size=5))
def test_a_plan_that_is_drawn_prints_as_what_makes_it(plan: FaultPlan) -> None:
    import fakesidecar.faults as faults

    again = eval(repr(plan), {**vars(faults), "fault_plan": fault_plan, "when": when})
    assert again == plan
    assert [faults.from_json(one) for one in json.loads(plan.to_json())] == list(plan.rules)


@given(one=dapr.operations())
def test_an_operation_that_is_drawn_can_be_carried_out(
    dapr_client: DaprClient, dapr_sidecar: DaprSidecar, one: dapr.Operation
) -> None:
    dapr_sidecar.secrets.set("secretstore", one.arguments.get("key", "a"), "x")
    if one.method == "get_job":
        dapr_client.schedule_job(Job(one.arguments["name"], due_time="1h"))
    one(dapr_client)
    dapr_sidecar.calls.assert_called(one.call)


def test_every_operation_names_what_the_sidecar_is_asked() -> None:
    drawn = {name: find(dapr.operations(name), lambda one: True, settings=ONE) for name in dapr.METHODS}
    assert {name: one.method for name, one in drawn.items()} == {name: name for name in dapr.METHODS}


def test_a_plan_shrinks_to_what_is_needed() -> None:
    plan = find(
        dapr.fault_plans("state.*", "lock.*", effects=dapr.effects("fail", "reset", "delay")),
        lambda plan: any(rule.call == "lock.*" and rule.effects[0].kind == "reset" for rule in plan.rules),
        settings=settings(derandomize=True, database=None, max_examples=2000),
    )
    assert repr(plan) == "fault_plan(\n    when('lock.*').reset().times(1),\n)"
    assert to_json(plan.rules[0]) == {"call": "lock.*", "times": 1, "effects": [{"kind": "reset"}]}


# --- a run for each example ---------------------------------------------------------------------------------------


@pytest.fixture
def seeded(dapr_sidecar: DaprSidecar) -> None:
    dapr_sidecar.state.put("statestore", "seeded", b"before")
    dapr_sidecar.faults.when("state.delete").fail("UNAVAILABLE").times(1)
    dapr_sidecar.app("kitchen").on("prepare", returns="first").then(returns="second")


@pytest.mark.usefixtures("seeded")
@given(value=st.binary(min_size=1))
@example(value=b"1")
@example(value=b"2")
def test_every_example_begins_as_the_first(dapr_sidecar: DaprSidecar, dapr_client: DaprClient, value: bytes) -> None:
    assert dapr_client.get_state("statestore", "seeded").data == b"before"
    assert dapr_client.get_state("statestore", "k").data == b""
    assert dapr_sidecar.clock.time == START
    with pytest.raises(DaprGrpcError):
        dapr_client.delete_state("statestore", "seeded")
    dapr_client.delete_state("statestore", "seeded")
    dapr_sidecar.calls.assert_called("state.get", times=2)
    dapr_client.save_state("statestore", "k", value)
    dapr_sidecar.clock.advance(5)
    assert dapr_client.invoke_method("kitchen", "prepare", b"").text() == "first"
    dapr_sidecar.app("kitchen").assert_called("prepare", times=1)
    dapr_sidecar.app("office").on("close", returns="")


@given(value=st.binary(min_size=1))
async def test_so_does_every_example_of_a_coroutine(async_dapr_client: AioDaprClient, value: bytes) -> None:
    assert (await async_dapr_client.get_state("statestore", "k")).data == b""
    await async_dapr_client.save_state("statestore", "k", value)


def test_a_failure_ends_in_a_plan_to_copy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from hypothesis import given, settings, strategies as st
        from dapr_testing import strategies as dapr

        @pytest.fixture
        def other(): ...

        @settings(database=None, derandomize=True)
        @given(plan=dapr.fault_plans("state.save", "state.get"))
        def test_it(dapr_sidecar, dapr_client, plan):
            dapr_sidecar.faults.use(plan)
            dapr_client.save_state("statestore", "a", "1")
            dapr_sidecar.calls.assert_called("state.save", times=1)

        @given(value=st.binary())
        def test_others_are_warned_of(dapr_sidecar, other, value): ...

        @given(value=st.binary())
        def test_a_plan_must_come_to_something(dapr_sidecar, value):
            dapr_sidecar.faults.when("state.save").reset()
        """
    )
    outcome = run(pytester)
    outcome.assert_outcomes(failed=3)
    text = outcome.stdout.str()
    assert "    plan=fault_plan(\n" in text.replace("E   ", "")
    assert "when('state.save').fail('UNAVAILABLE').times(1),\n" in text
    outcome.stdout.fnmatch_lines(["*function-scoped fixture*", "*nothing happened by the plan*"])
