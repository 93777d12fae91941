"""What Dapr promises holds, whatever goes wrong, and what breaks a promise is found and told."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dapr_client import DaprClient, DaprGrpcError, RetryPolicy, TopicEventResponse
from dapr_testing import DaprSidecar, FaultPlan, checkers
from dapr_testing import strategies as dapr

pytestmark = pytest.mark.filterwarnings("ignore:The Distributed Lock API:UserWarning")

STORE = "statestore"
WHO = ("ann", "ben")


@pytest.fixture
def history(dapr_sidecar: DaprSidecar) -> checkers.History:
    return checkers.History(dapr_sidecar.clock.now)


STEPS = st.lists(
    st.tuples(st.sampled_from(["save", "cas", "delete", "get"]), st.sampled_from("ab"), st.sampled_from(WHO)),
    max_size=12,
)


@given(
    plan=dapr.fault_plans("state.save", "state.get", "state.delete", effects=dapr.effects("reset", "delay")),
    steps=STEPS,
    attempts=st.integers(1, 3),
)
def test_state_is_linearizable_whatever_is_lost(
    dapr_sidecar: DaprSidecar, plan: FaultPlan, steps: list[tuple[str, str, str]], attempts: int
) -> None:
    history = checkers.History(dapr_sidecar.clock.now)
    policy = RetryPolicy(max_attempts=attempts)
    clients = {who: history.watch(dapr_sidecar.client(retry_policy=policy), who) for who in WHO}
    etags: dict[tuple[str, str], str] = {}
    dapr_sidecar.faults.use(plan)
    for number, (step, key, who) in enumerate(steps):
        client, value = clients[who], str(number)
        with contextlib.suppress(DaprGrpcError):
            match step:
                case "save":
                    client.save_state(STORE, key, value)
                case "cas":
                    client.save_state(STORE, key, value, etag=etags.get((who, key)))
                case "delete":
                    client.delete_state(STORE, key)
                case "get":
                    etags[who, key] = client.get_state(STORE, key).etag
    checkers.linearizable(history)


def test_so_it_is_for_clients_that_write_at_the_same_time(dapr_sidecar: DaprSidecar, history: checkers.History) -> None:
    dapr_sidecar.state.put(STORE, "n", "0")
    dapr_sidecar.faults.when("state.save").lose_reply().every(3)
    done: list[int] = []

    def count(client: DaprClient) -> None:
        for _ in range(5):
            with contextlib.suppress(DaprGrpcError):
                found = client.get_state(STORE, "n")
                client.save_state(STORE, "n", str(int(found.data) + 1), etag=found.etag)
                done.append(1)

    clients = [history.watch(dapr_sidecar.client(), who) for who in (*WHO, "eve")]
    threads = [threading.Thread(target=count, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checkers.linearizable(history, initial={"n": b"0"})
    assert int(dapr_sidecar.state.get(STORE, "n") or b"") >= len(done)


def test_a_write_that_is_lost_is_found(dapr_sidecar: DaprSidecar, history: checkers.History) -> None:
    ann = history.watch(dapr_sidecar.client(), "ann")
    ann.save_state(STORE, "7", "paid")
    dapr_sidecar.clock.advance(1)
    dapr_sidecar.state.delete(STORE, "7")
    ann.get_state(STORE, "7")
    with pytest.raises(checkers.Violation) as raised:
        checkers.linearizable(history)
    lines = str(raised.value).splitlines()
    assert lines[0] == "'7' of 'statestore' is not what it would be if every call had happened at one moment"
    assert lines[1] == (
        "  1. #1      +0.000 s  ann      save_state(store_name='statestore', key='7', value='paid') → OK"
    )
    assert lines[2].endswith("get_state(store_name='statestore', key='7') → data=b'' etag=''")
    assert "'7' holds b'paid', and no other call fits" in lines[3]


def test_a_conflict_that_was_none_is_found(dapr_sidecar: DaprSidecar, history: checkers.History) -> None:
    ann = history.watch(dapr_sidecar.client(), "ann")
    ann.save_state(STORE, "7", "new")
    etag = ann.get_state(STORE, "7").etag
    dapr_sidecar.faults.when("state.save").apply_then_fail("ABORTED")
    with pytest.raises(DaprGrpcError):
        ann.save_state(STORE, "7", "paid", etag=etag)
    ann.get_state(STORE, "7")
    with pytest.raises(checkers.Violation):
        checkers.linearizable(history)


def test_what_expires_is_no_violation(dapr_sidecar: DaprSidecar, history: checkers.History) -> None:
    ann = history.watch(dapr_sidecar.client(), "ann")
    ann.save_state(STORE, "7", "new", state_metadata={"ttlInSeconds": "5"})
    ann.get_state(STORE, "7")
    dapr_sidecar.clock.advance(6)
    ann.get_bulk_state(STORE, ["7"])
    checkers.linearizable(history)


# --- effects ---


def withdraw(dapr: DaprClient, amount: int, *, careful: bool) -> None:
    found = dapr.get_state(STORE, "balance")
    dapr.save_state(STORE, "balance", str(int(found.data) - amount), etag=found.etag if careful else None)


def deposit_carelessly(dapr: DaprClient, amount: int) -> None:
    for _ in range(2):
        with contextlib.suppress(DaprGrpcError):
            withdraw(dapr, -amount, careful=False)
            return


def test_an_effect_that_comes_twice_is_found(dapr_sidecar: DaprSidecar, dapr_client: DaprClient) -> None:
    def balance() -> int:
        return int(dapr_sidecar.state.get(STORE, "balance") or 0)

    dapr_sidecar.state.put(STORE, "balance", "100")
    with checkers.exactly_once(dapr_sidecar, balance, lambda before: before - 10):
        withdraw(dapr_client, 10, careful=True)
    dapr_sidecar.faults.when("state.save").lose_reply().once()
    with (
        pytest.raises(checkers.Violation, match=r"there is 110, not 100 \(it ended well\)\n.*\n.*fault: reset"),
        checkers.exactly_once(dapr_sidecar, balance, lambda before: before + 10),
    ):
        deposit_carelessly(dapr_client, 10)


# --- events ---

PUBSUB = pytest.mark.dapr(components={"pubsub": "pubsub.in-memory"})


@PUBSUB
def test_events_are_delivered_at_least_once(dapr_sidecar: DaprSidecar, history: checkers.History) -> None:
    client = history.watch(dapr_sidecar.client())
    enough = threading.Event()

    def handle(message: Any) -> TopicEventResponse:
        if message.data() == "3":
            enough.set()
        return TopicEventResponse("success")

    close = client.subscribe_with_handler("pubsub", "orders", history.handler(handle, "kitchen"))
    dapr_sidecar.faults.when("pubsub.publish").fail("UNAVAILABLE").nth(2)
    for number in range(1, 4):
        with contextlib.suppress(DaprGrpcError):
            client.publish_event("pubsub", "orders", str(number), data_content_type="text/plain")
    assert enough.wait(5)
    close()
    checkers.at_least_once(history, topic="orders", subscribers=["kitchen"])
    checkers.no_lost_ack(history)
    with pytest.raises(checkers.Violation, match="office was to be given b'1' 1 time"):
        checkers.at_least_once(history, subscribers=["office"])


class Message:
    """A delivery, as a handler is given one."""

    def __init__(self, id: str, data: bytes = b"x") -> None:
        self._id, self._data = id, data

    def id(self) -> str:
        return self._id

    def pubsub_name(self) -> str:
        return "pubsub"

    def topic(self) -> str:
        return "orders"

    def data(self) -> bytes:
        return self._data


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        (["success"], None),
        (["retry", "success"], None),
        (["success", "success"], "was given again what it had taken"),
        (["drop", "success"], "was given again what it had taken"),
        (["retry"], "did not take 1, and was not given it again"),
    ],
)
def test_what_was_taken_does_not_come_again(answers: list[str], wrong: str | None) -> None:
    history = checkers.History()
    for answer in answers:
        history.handler(lambda message, answer=answer: answer, "kitchen")(Message("1"))
    with pytest.raises(checkers.Violation, match=wrong) if wrong else contextlib.nullcontext():
        checkers.no_lost_ack(history)
    with pytest.raises(checkers.Violation, match="which nobody published"):
        checkers.at_least_once(history)


# --- locks ---


@given(
    plan=dapr.fault_plans("lock.*", effects=dapr.effects("fail", "reset", "delay")),
    steps=st.lists(st.tuples(st.sampled_from(["lock", "unlock", "wait"]), st.sampled_from(WHO)), max_size=12),
)
def test_a_lock_has_one_owner_whatever_is_lost(
    dapr_sidecar: DaprSidecar, plan: FaultPlan, steps: list[tuple[str, str]]
) -> None:
    history = checkers.History(dapr_sidecar.clock.now)
    client = history.watch(dapr_sidecar.client())
    dapr_sidecar.faults.use(plan)
    for step, who in steps:
        with contextlib.suppress(DaprGrpcError):
            match step:
                case "lock":
                    client.try_lock("lockstore", "r", who, 10)
                case "unlock":
                    client.unlock("lockstore", "r", who)
                case "wait":
                    dapr_sidecar.clock.advance(4)
    checkers.mutual_exclusion(history)


def test_two_owners_are_found(dapr_sidecar: DaprSidecar, history: checkers.History) -> None:
    ann, ben = (history.watch(dapr_sidecar.client(), who) for who in WHO)
    with ann.try_lock("lockstore", "r", "ann", 10) as taken:
        assert taken
    assert ben.try_lock("lockstore", "r", "ben", 10)
    checkers.mutual_exclusion(history)
    dapr_sidecar.lock.release("lockstore", "r", "ben")
    assert ann.try_lock("lockstore", "r", "ann", 10)
    with pytest.raises(checkers.Violation, match="ann was given 'r' while ben held it\n"):
        checkers.mutual_exclusion(history)


def test_work_that_outlives_its_lease_is_found(dapr_sidecar: DaprSidecar, history: checkers.History) -> None:
    ann, ben = (history.watch(dapr_sidecar.client(), who) for who in WHO)
    ann.try_lock("lockstore", "r", "ann", 10)
    with history.inside("r", "ann"):
        dapr_sidecar.clock.advance(11)
        assert ben.try_lock("lockstore", "r", "ben", 10)
        with history.inside("r", "ben"):
            pass
    with pytest.raises(checkers.Violation, match="ann and ben were inside 'r' at the same time\n"):
        checkers.mutual_exclusion(history)
