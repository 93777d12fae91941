"""What Hypothesis draws for tests that use Dapr: every kind of value, fault plans, and whole sequences of operations.

    from hypothesis import given

    from dapr_testing import strategies as dapr

    @given(plan=dapr.fault_plans("state.*"), key=dapr.keys())
    def test_an_order_is_saved_once(dapr_sidecar, plan, key):
        dapr_sidecar.faults.use(plan)
        ...

What is drawn first and shrunk to is what a person would write: the key `a`, a plan of one rule that acts once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dapr_client import (
    BindingRequest,
    BulkPublishEntry,
    Concurrency,
    Consistency,
    ConstantFailurePolicy,
    DropFailurePolicy,
    FailurePolicy,
    InvokeMethodRequest,
    Job,
    RetryPolicy,
    StateItem,
    StateOptions,
    SubscriptionMessage,
    TopicEventResponseStatus,
    TransactionalStateOperation,
    TransactionOperationType,
)
from dapr_client.conversation import ConversationInput, ConversationInputAlpha2, create_user_message
from dapr_client.wire.appcallback_pb2 import TopicEventRequest
from dapr_testing._criteria import rule_of
from dapr_testing._faults import FaultPlan, Plan
from fakesidecar.faults import (
    Cut,
    Delay,
    Drip,
    Duplicate,
    Effect,
    Fail,
    Hang,
    NotReady,
    Reset,
    Restart,
    Rule,
    StaleEtag,
    Truncate,
    bad_request,
    error_info,
    retry_info,
)
from fakesidecar.faults.effects import HTTP_STATUS, KINDS

__all__ = [
    "METHODS",
    "Operation",
    "binding_requests",
    "bulk_publish_entries",
    "cloud_events",
    "configurations",
    "due_times",
    "durations",
    "effects",
    "error_details",
    "error_statuses",
    "etags",
    "failure_policies",
    "fault_plans",
    "faults",
    "invoke_requests",
    "jobs",
    "json_values",
    "keys",
    "metadata",
    "names",
    "operations",
    "retry_policies",
    "schedules",
    "secrets",
    "seeds",
    "state_items",
    "state_options",
    "subscription_messages",
    "topic_statuses",
    "transactions",
    "values",
]

SIMPLE_KEYS = ("a", "b", "c")
LETTERS = st.characters(codec="utf-8")
SEPARATOR = "||"
"""What daprd puts between the parts of a key, and refuses in one."""


# --- names, keys and values ---------------------------------------------------------------------------------------


def names() -> SearchStrategy[str]:
    """What components, apps, topics, locks and jobs may be called."""
    return st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True).filter(lambda name: not name.endswith("-"))


def keys(*, simple: bool = False) -> SearchStrategy[str]:
    """Keys of state: mostly a few that meet again and again, and any text that Dapr takes (`simple`: none of that)."""
    few = st.sampled_from(SIMPLE_KEYS)
    odd = st.text(LETTERS, min_size=1, max_size=20).filter(lambda key: SEPARATOR not in key)
    return few if simple else few | odd


def json_values() -> SearchStrategy[Any]:
    """Anything that JSON can say; numbers that every language keeps as they are."""
    numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15, allow_nan=False)
    leaves = st.none() | st.booleans() | numbers | st.text(LETTERS)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS), inner, max_size=3),
        max_leaves=8,
    )


def values() -> SearchStrategy[bytes]:
    """What is stored: bytes, which are often JSON."""
    return st.binary(max_size=16) | json_values().map(lambda value: json.dumps(value).encode())


def metadata() -> SearchStrategy[dict[str, str]]:
    """Metadata of a request, that no component knows."""
    return st.dictionaries(names().map(lambda name: f"x-{name}"), st.text(LETTERS, max_size=8), max_size=2)


def etags(*known: str) -> SearchStrategy[str | None]:
    """What a write says of the etag: nothing, one of those known, or one that nobody ever had."""
    claims = [None, *known, "no-such-etag"]
    return st.sampled_from(claims)


ANY_KEY, ANY_VALUE = keys(), values()


# --- state, secrets, configuration --------------------------------------------------------------------------------


def state_options() -> SearchStrategy[StateOptions]:
    """How a write treats replicas and rivals."""
    return st.builds(StateOptions, st.sampled_from(Consistency), st.sampled_from(Concurrency))


def state_items(
    keys: SearchStrategy[str] = ANY_KEY, values: SearchStrategy[bytes | str] = ANY_VALUE
) -> SearchStrategy[StateItem]:
    """A value, its key, and how it is to be written."""
    return st.builds(StateItem, keys, values, etags(), st.none() | state_options())


def transactions(
    keys: SearchStrategy[str] = ANY_KEY, values: SearchStrategy[bytes | str] = ANY_VALUE, *, max_size: int = 4
) -> SearchStrategy[list[TransactionalStateOperation]]:
    """The steps of a transaction, no key twice."""
    upserts = st.builds(TransactionalStateOperation, keys, values)
    delete = TransactionOperationType.delete
    deletes = st.builds(lambda key: TransactionalStateOperation(key, operation_type=delete), keys)
    return st.lists(upserts | deletes, min_size=1, max_size=max_size, unique_by=lambda step: step.key)


def secrets() -> SearchStrategy[dict[str, dict[str, str]]]:
    """Secrets by name, each with one value or several."""
    several = st.dictionaries(names(), st.text(LETTERS, max_size=8), min_size=1, max_size=2)
    return st.dictionaries(names(), several, max_size=3)


def configurations() -> SearchStrategy[dict[str, str]]:
    """Settings by key."""
    return st.dictionaries(names(), st.text(LETTERS, max_size=8), max_size=3)


def seeds(
    *, state: str = "statestore", secret: str = "secretstore", configuration: str = "configstore"
) -> SearchStrategy[dict[str, Any]]:
    """All that a sidecar holds when a test begins, for `dapr_sidecar.seed`."""
    stored = st.dictionaries(keys(), json_values(), max_size=4)
    return st.fixed_dictionaries(
        {
            "state": st.fixed_dictionaries({state: stored}),
            "secrets": st.fixed_dictionaries({secret: secrets()}),
            "configuration": st.fixed_dictionaries({configuration: configurations()}),
        }
    )


# --- events -------------------------------------------------------------------------------------------------------

CONTENT_TYPES = ("application/json", "text/plain", "application/octet-stream")


@st.composite
def cloud_events(draw: st.DrawFn, *, topic: str | None = None) -> dict[str, Any]:
    """A CloudEvent 1.0 as JSON has it: data of any content type, optional attributes and extensions or none."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": draw(st.integers(1, 99).map(str) | st.uuids().map(str)),
        "source": draw(names()),
        "type": draw(st.sampled_from(["com.dapr.event.sent", "order.placed"])),
    }
    kind = draw(st.sampled_from(CONTENT_TYPES))
    event["datacontenttype"] = kind
    if kind == "application/json":
        event["data"] = draw(json_values())
    elif kind == "text/plain":
        event["data"] = draw(st.text(LETTERS))
    else:
        event["data_base64"] = base64.b64encode(draw(st.binary(max_size=16))).decode()
    optional = {"subject": names(), "time": st.just("2020-01-01T00:00:00Z"), "ext1": st.text(LETTERS, max_size=8)}
    for name, strategy in optional.items():
        if draw(st.booleans()):
            event[name] = draw(strategy)
    if topic is not None:
        event["topic"] = topic
    return event


def bulk_publish_entries(*, max_size: int = 4) -> SearchStrategy[list[BulkPublishEntry]]:
    """Events that are published at once, each with an id of its own."""
    entry = st.builds(BulkPublishEntry, values(), content_type=st.sampled_from(CONTENT_TYPES))
    return st.lists(entry, min_size=1, max_size=max_size).map(_numbered)


def _numbered(entries: list[BulkPublishEntry]) -> list[BulkPublishEntry]:
    for number, entry in enumerate(entries):
        entry.entry_id = str(number)
    return entries


# --- what handlers of an application are given --------------------------------------------------------------------


@st.composite
def subscription_messages(draw: st.DrawFn, *, pubsub: str = "pubsub", topic: str = "orders") -> SubscriptionMessage:
    """An event as a handler of a topic is given it."""
    event = draw(cloud_events())
    if "data_base64" in event:
        data = base64.b64decode(event["data_base64"])
    elif event["datacontenttype"] == "application/json":
        # null is delivered as no data at all.
        data = b"" if event["data"] is None else json.dumps(event["data"]).encode()
    else:
        data = event["data"].encode()
    told = TopicEventRequest(
        id=event["id"],
        source=event["source"],
        type=event["type"],
        spec_version=event["specversion"],
        data_content_type=event["datacontenttype"],
        data=data,
        topic=topic,
        pubsub_name=pubsub,
        path="/",
    )
    told.extensions.update({name: event[name] for name in ("ext1", "subject", "time") if name in event})
    return SubscriptionMessage(told)


def binding_requests() -> SearchStrategy[BindingRequest]:
    """An event as a handler of an input binding is given it."""
    return st.builds(BindingRequest, values(), metadata())


def invoke_requests() -> SearchStrategy[InvokeMethodRequest]:
    """A call as a method of an application is given it."""
    return st.builds(InvokeMethodRequest, values(), st.sampled_from(CONTENT_TYPES))


def topic_statuses() -> SearchStrategy[TopicEventResponseStatus]:
    """What a subscriber says of an event."""
    return st.sampled_from(TopicEventResponseStatus)


# --- time ---------------------------------------------------------------------------------------------------------


def durations(*, min_seconds: int = 1, max_seconds: int = 86_400) -> SearchStrategy[str]:
    """A time span as Go writes it: `90s`, `1h0m1s`."""
    return st.integers(min_seconds, max_seconds).flatmap(
        lambda seconds: st.sampled_from(
            [f"{seconds}s", f"{seconds // 3600}h{seconds % 3600 // 60}m{seconds % 60}s", f"{seconds * 1000}ms"]
        )
    )


def schedules() -> SearchStrategy[str]:
    """When a job is due, again and again: `@every 5s`, `@daily`, cron with six fields."""
    words = st.sampled_from(["@yearly", "@monthly", "@weekly", "@daily", "@hourly"])
    second, minute, hour = (_cron_field(0, top) for top in (59, 59, 23))
    cron = st.tuples(second, minute, hour, _cron_field(1, 28), _cron_field(1, 12), _cron_field(0, 6)).map(" ".join)
    return durations().map("@every {}".format) | words | cron


def _cron_field(low: int, high: int) -> SearchStrategy[str]:
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(lambda pair: "{}-{}".format(*sorted(pair)))
    return st.just("*") | number.map(str) | st.integers(1, high or 1).map("*/{}".format) | spans


def due_times() -> SearchStrategy[str]:
    """When something is due once: a span from now on, as Go or ISO 8601 writes it, or a time in the far future."""
    iso = st.integers(1, 86_400).map("PT{}S".format)
    times = st.integers(2031, 2099).map("{}-01-01T00:00:00Z".format)
    return durations() | iso | times


def failure_policies() -> SearchStrategy[FailurePolicy]:
    """What becomes of a job that the application does not take."""
    again = st.builds(ConstantFailurePolicy, st.integers(1, 5), st.integers(1, 60))
    return st.builds(DropFailurePolicy) | again


def jobs() -> SearchStrategy[Job]:
    """A job: due once, or again and again."""
    more: dict[str, Any] = {"failure_policy": st.none() | failure_policies()}
    once = st.builds(Job, names(), due_time=due_times(), **more)
    often = st.builds(Job, names(), schedules(), repeats=st.none() | st.integers(1, 5), **more)
    return once | often


# --- what goes wrong ----------------------------------------------------------------------------------------------

STATUSES = tuple(grpc.StatusCode[name] for name in ("UNAVAILABLE", *sorted(set(HTTP_STATUS) - {"UNAVAILABLE"})))


def error_statuses() -> SearchStrategy[grpc.StatusCode]:
    """A gRPC status of an error."""
    return st.sampled_from(STATUSES)


def error_details() -> SearchStrategy[tuple[Mapping[str, Any], ...]]:
    """The details of an error, as servers send them."""
    kinds: list[SearchStrategy[Mapping[str, Any]]] = [
        st.builds(retry_info, st.integers(0, 30)),
        st.builds(error_info, st.sampled_from(["DAPR_STATE_NOT_FOUND", "QUOTA"])),
        st.builds(lambda name: bad_request(**{name: "is wrong"}), st.sampled_from(["key", "value"])),
    ]
    return st.lists(st.one_of(kinds), max_size=2).map(tuple)


def retry_policies(*, max_attempts: int = 5, statuses: Sequence[grpc.StatusCode] = ()) -> SearchStrategy[RetryPolicy]:
    """How a client tries again; waits are of whole seconds. `statuses`: those that it retries."""
    some = st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3, unique=True)
    return st.builds(
        RetryPolicy,
        max_attempts=st.integers(0, max_attempts),
        initial_backoff=st.integers(1, 10),
        max_backoff=st.integers(1, 30),
        backoff_multiplier=st.sampled_from([1, 1.5, 2]),
        retryable_grpc_status_codes=st.just([*statuses]) if statuses else some,
    )


EFFECTS: Mapping[str, SearchStrategy[Effect]] = {
    "fail": st.builds(
        lambda status, applied, details: Fail(status.name, "", applied, details),
        error_statuses(),
        st.booleans(),
        error_details(),
    ),
    "reset": st.builds(Reset, st.booleans()),
    "delay": st.builds(Delay, st.integers(1, 60), st.just(0.0), st.booleans()),
    "duplicate": st.builds(Duplicate, st.integers(2, 3)),
    "stale_etag": st.builds(StaleEtag),
    "hang": st.builds(Hang, st.booleans()),
    "cut": st.builds(Cut, st.integers(0, 5), st.just("") | error_statuses().map(lambda status: status.name)),
    "truncate": st.builds(Truncate, st.integers(0, 64)),
    "drip": st.builds(Drip, st.integers(1, 64), st.integers(1, 5)),
    "not_ready": st.builds(NotReady),
    "restart": st.builds(Restart, st.booleans(), st.booleans()),
}
"""How each kind of effect is drawn, the plainest first."""
assert EFFECTS.keys() == KINDS.keys()

USUAL = ("fail", "reset", "delay", "duplicate", "stale_etag")
"""What happens to unary calls, and leaves the sidecar as it is."""


def effects(*kinds: str) -> SearchStrategy[Effect]:
    """Something that happens to a call; without kinds, what can happen to any unary call: `USUAL`."""
    if unknown := set(kinds) - set(EFFECTS):
        raise ValueError(f"no effects: {', '.join(sorted(unknown))} ({', '.join(EFFECTS)})")
    return st.one_of([EFFECTS[kind] for kind in kinds or USUAL])


USUAL_EFFECTS = effects()


def faults(
    *calls: str, effects: SearchStrategy[Effect] = USUAL_EFFECTS, max_times: int = 3, **criteria: Any
) -> SearchStrategy[Plan]:
    """A rule: one of the calls (globs; every call without any), and what happens to some of them.

    The criteria are those of `faults.when`: `store="orders"`, `key="7*"`.
    """
    meant = [rule_of(call, criteria) for call in calls or ("*",)]
    which = st.one_of(
        st.builds(lambda number: {"times": number}, st.integers(1, max_times)),
        st.builds(lambda number: {"nth": number}, st.integers(2, max_times + 1)),
        st.builds(lambda number: {"every": number}, st.integers(2, max_times + 1)),
    )
    return st.builds(_fault, st.sampled_from(meant), effects, which)


def _fault(rule: Rule, effect: Effect, which: Mapping[str, Any]) -> Plan:
    return Plan(None, replace(rule, effects=(effect,), **which))


def fault_plans(
    *calls: str,
    effects: SearchStrategy[Effect] = USUAL_EFFECTS,
    min_size: int = 0,
    max_size: int = 3,
    max_times: int = 3,
    **criteria: Any,
) -> SearchStrategy[FaultPlan]:
    """Some rules as one plan, for `dapr_sidecar.faults.use`; printed as the code that makes it."""
    one = faults(*calls, effects=effects, max_times=max_times, **criteria)
    return st.lists(one, min_size=min_size, max_size=max_size).map(
        lambda plans: FaultPlan(tuple(plan.rule for plan in plans))
    )


# --- operations ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a client and its arguments: call it with a client, of either kind."""

    call: str
    """`state.save`, as plans and spies name what the sidecar is asked."""
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, client: Any) -> Any:
        """Carry it out; with an asyncio client the answer is awaited."""
        answer: Any | Awaitable[Any] = getattr(client, self.method)(**self.arguments)
        return answer

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"Operation({self.call!r}, {self.method!r}, dict({said}))"


Drawn = SearchStrategy[dict[str, Any]]
CONVERSE = ("converse_alpha1", "converse_alpha2")
DEFAULT_NAMES = {
    "state": "statestore",
    "secrets": "secretstore",
    "configuration": "configstore",
    "lock": "lockstore",
    "pubsub": "pubsub",
    "bindings": "binding",
    "conversation": "llm",
}
"""The components that operations name."""
SPECIAL = frozenset({"query_state", "publish_event", "publish_events", "invoke_binding", *CONVERSE})
"""Methods whose component is not there, or cannot do it, by default."""


def _asked(**arguments: SearchStrategy[Any]) -> Callable[[str], Drawn]:
    """The arguments of a method that names no component."""
    return lambda component: st.fixed_dictionaries(arguments)


def _of(parameter: str, **arguments: SearchStrategy[Any]) -> Callable[[str], Drawn]:
    """The arguments of a method whose component is the parameter."""
    return lambda component: st.fixed_dictionaries({parameter: st.just(component), **arguments})


def _said(message: Callable[[str], Any]) -> SearchStrategy[list[Any]]:
    """Something that is said to a model."""
    return st.lists(st.text(LETTERS, min_size=1, max_size=8).map(message), min_size=1, max_size=2)


_KEYS = keys(simple=True)
_SOME = st.lists(_KEYS, min_size=1, max_size=3, unique=True)
_OWNERS = st.sampled_from(["ann", "ben"])

METHODS: Mapping[str, tuple[str, Callable[[str], Drawn]]] = {
    "save_state": ("state.save", _of("store_name", key=_KEYS, value=values())),
    "get_state": ("state.get", _of("store_name", key=_KEYS)),
    "delete_state": ("state.delete", _of("store_name", key=_KEYS)),
    "save_bulk_state": (
        "state.save",
        _of("store_name", states=st.lists(st.builds(StateItem, _KEYS, values()), min_size=1, max_size=3)),
    ),
    "get_bulk_state": ("state.bulk_get", _of("store_name", keys=_SOME)),
    "delete_bulk_state": (
        "state.bulk_delete",
        _of("store_name", states=_SOME.map(lambda found: [StateItem(key, b"") for key in found])),
    ),
    "execute_state_transaction": ("state.transact", _of("store_name", operations=transactions(_KEYS))),
    "query_state": ("state.query", _of("store_name", query=st.just('{"filter": {}}'))),
    "get_secret": ("secrets.get", _of("store_name", key=_KEYS)),
    "get_bulk_secret": ("secrets.bulk_get", _of("store_name")),
    "get_configuration": ("configuration.get", _of("store_name", keys=_SOME)),
    "try_lock": (
        "lock.try_lock",
        _of("store_name", resource_id=_KEYS, lock_owner=_OWNERS, expiry_in_seconds=st.integers(1, 60)),
    ),
    "unlock": ("lock.unlock", _of("store_name", resource_id=_KEYS, lock_owner=_OWNERS)),
    "publish_event": (
        "pubsub.publish",
        _of("pubsub_name", topic_name=_KEYS, data=values(), data_content_type=st.just("application/octet-stream")),
    ),
    "publish_events": (
        "pubsub.bulk_publish",
        _of("pubsub_name", topic_name=_KEYS, data=st.lists(st.binary(max_size=8), min_size=1, max_size=3)),
    ),
    "invoke_binding": ("bindings.invoke", _of("binding_name", operation=st.just("create"), data=values())),
    "converse_alpha1": ("conversation.converse", _of("name", inputs=_said(ConversationInput))),
    "converse_alpha2": (
        "conversation.converse",
        _of("name", inputs=_said(lambda text: ConversationInputAlpha2([create_user_message(text)]))),
    ),
    "schedule_job": ("jobs.schedule", _asked(job=jobs(), overwrite=st.just(True))),
    "get_job": ("jobs.get", _asked(name=_KEYS)),
    "list_jobs": ("jobs.list", _asked()),
    "delete_job": ("jobs.delete", _asked(name=_KEYS)),
    "delete_jobs_by_prefix": ("jobs.delete_by_prefix", _asked(name_prefix=_KEYS)),
    "get_metadata": ("metadata.get", _asked()),
    "set_metadata": ("metadata.set", _asked(attributeName=names(), attributeValue=st.text(LETTERS, max_size=8))),
}
"""The unary methods of a client whose arguments can be drawn: what the sidecar is asked by each, and with what."""


def operations(*methods: str, **components: str) -> SearchStrategy[Operation]:
    """A method of a client with its arguments: `operations("save_state", "get_state", state="orders")`.

    Without methods, any whose component is there by default: state, secrets, configuration, locks, jobs, metadata.
    """
    if unknown := set(components) - set(DEFAULT_NAMES):
        raise TypeError(f"no blocks with components: {', '.join(sorted(unknown))} ({', '.join(DEFAULT_NAMES)})")
    names = {**DEFAULT_NAMES, **components}
    return st.one_of([_operation(method, names) for method in methods or sorted(METHODS.keys() - SPECIAL)])


def _operation(method: str, names: Mapping[str, str]) -> SearchStrategy[Operation]:
    try:
        call, drawn = METHODS[method]
    except KeyError:
        raise ValueError(f"no method that can be drawn: {method!r} ({', '.join(METHODS)})") from None
    arguments = drawn(names.get(call.partition(".")[0], ""))
    return st.builds(Operation, st.just(call), st.just(method), arguments)
