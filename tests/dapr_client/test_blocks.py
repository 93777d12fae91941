"""State, secrets, configuration, locks, metadata: both clients, over ports, against the sidecar."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Iterator

import grpc
import pytest

from dapr_client import (
    BulkStateItem,
    Concurrency,
    ConfigurationResponse,
    DaprClient,
    DaprGrpcError,
    StateItem,
    StateOptions,
    TransactionalStateOperation,
    TransactionOperationType,
    UnlockResponseStatus,
)
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.errors import Detail
from fakesidecar import Sidecar

ALPHA = pytest.mark.filterwarnings("ignore:.*Alpha:UserWarning")
FIRST_WRITE = StateOptions(concurrency=Concurrency.first_write)


@pytest.fixture
def dapr(sidecar: Sidecar) -> Iterator[DaprClient]:
    with DaprClient() as client:
        yield client


def test_what_is_saved_can_be_read_and_deleted(dapr: DaprClient) -> None:
    dapr.save_state("statestore", "key", '{"n": 1}')
    found = dapr.get_state("statestore", "key")
    assert (found.data, found.text(), found.json(), bool(found.etag)) == (b'{"n": 1}', '{"n": 1}', {"n": 1}, True)
    dapr.delete_state("statestore", "key")
    assert dapr.get_state("statestore", "key").data == b""


async def test_what_is_saved_can_be_read_and_deleted_by_the_async_client(sidecar: Sidecar) -> None:
    async with AsyncDaprClient() as dapr:
        await dapr.save_state("statestore", "key", b"value")
        assert (await dapr.get_state("statestore", "key")).data == b"value"
        assert isinstance((await dapr.get_state("statestore", "key")).headers, dict)
        await dapr.delete_state("statestore", "key")
        assert (await dapr.get_state("statestore", "key")).data == b""


def test_many_values_are_saved_read_and_deleted_at_once(dapr: DaprClient) -> None:
    dapr.save_bulk_state("statestore", [StateItem("a", "1", options=FIRST_WRITE), StateItem("b", b"2")])
    found = {item.key: item for item in dapr.get_bulk_state("statestore", ["a", "b", "c"]).items}
    assert {key: item.data for key, item in found.items()} == {"a": b"1", "b": b"2", "c": b""}
    assert isinstance(found["a"], BulkStateItem)
    dapr.delete_bulk_state("statestore", ["a", StateItem("b", b"", etag=found["b"].etag)])
    assert [item.data for item in dapr.get_bulk_state("statestore", ["a", "b"]).items] == [b"", b""]


def test_a_transaction_stores_and_deletes(dapr: DaprClient) -> None:
    dapr.save_state("statestore", "old", "value")
    dapr.execute_state_transaction(
        "statestore",
        [
            TransactionalStateOperation("new", "value"),
            TransactionalStateOperation("old", operation_type=TransactionOperationType.delete),
        ],
    )
    assert [dapr.get_state("statestore", key).data for key in ("new", "old")] == [b"value", b""]


@ALPHA
def test_a_query_finds_values_by_what_is_in_them(dapr: DaprClient) -> None:
    dapr.save_state("queryable", "a", '{"state": "CA"}', state_metadata={"contentType": "application/json"})
    dapr.save_state("queryable", "b", '{"state": "WA"}', state_metadata={"contentType": "application/json"})
    found = dapr.query_state("queryable", '{"filter": {"EQ": {"state": "CA"}}}')
    assert [(item.key, item.json()) for item in found.results] == [("a", {"state": "CA"})]


def test_an_error_tells_all_in_both_forms(dapr: DaprClient) -> None:
    with pytest.raises(DaprGrpcError) as caught:
        dapr.save_state("statestore", "a||b", "value")
    error = caught.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.message() == error.details() == "input key/keyPrefix 'a||b' can't contain '||'"
    assert error.error_code() == "DAPR_STATE_ILLEGAL_KEY"
    assert error.error_info is not None
    assert error.error_info.reason == error.error_info["reason"] == "DAPR_STATE_ILLEGAL_KEY"
    assert error.resource_info == Detail(resource_type="state", resource_name="statestore")
    assert error.bad_request is not None
    assert error.bad_request.field_violations[0].field == "a||b"
    assert str(error) == f"{error.message()} (INVALID_ARGUMENT, DAPR_STATE_ILLEGAL_KEY)"


def test_an_error_survives_pickling(dapr: DaprClient) -> None:
    with pytest.raises(DaprGrpcError) as caught:
        dapr.get_state("nowhere", "key")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.code(), again.status_details()) == (
        str(caught.value),
        caught.value.code(),
        caught.value.status_details(),
    )


async def test_every_block_raises_the_same_family(sidecar: Sidecar) -> None:
    async with AsyncDaprClient() as dapr:
        for call in (
            dapr.get_state("nowhere", "key"),
            dapr.get_secret("nowhere", "key"),
            dapr.get_configuration("nowhere", ["key"]),
            dapr.subscribe_configuration("nowhere", ["key"]),
        ):
            with pytest.raises(DaprGrpcError) as caught:
                await call
            assert "nowhere" in caught.value.message()
            assert isinstance(caught.value.status_details().as_dict(), dict)


def test_secrets_are_read_one_by_one_or_all(dapr: DaprClient) -> None:
    found = dapr.get_secret("vault", "password")
    assert found.secret == {"password": "hunter2"}
    assert "hunter2" not in repr(found)
    assert dapr.get_bulk_secret("vault").secrets == {"password": {"password": "hunter2"}, "pin": {"pin": "1234"}}


def test_configuration_items_are_read(dapr: DaprClient, sidecar: Sidecar) -> None:
    change(sidecar, "colour", "blue", "1")
    found = dapr.get_configuration("settings", ["colour", "missing"])
    item = found.items["colour"]
    assert (list(found.items), item.value, item.version) == (["colour"], "blue", "1")


def test_a_subscription_tells_of_changes_until_it_is_ended(dapr: DaprClient, sidecar: Sidecar) -> None:
    heard: list[tuple[str, dict[str, str]]] = []
    changed = threading.Event()

    def handler(identity: str, response: ConfigurationResponse) -> None:
        heard.append((identity, {key: item.value for key, item in response.items.items()}))
        changed.set()

    subscription = dapr.subscribe_configuration("settings", ["colour"], handler)
    change(sidecar, "colour", "green", "2")
    assert changed.wait(10)
    assert heard == [(str(subscription), {"colour": "green"})]
    assert [(key, item.value, item.version) for key, item in subscription.get_items()] == [("colour", "green", "2")]
    assert dapr.unsubscribe_configuration("settings", subscription)


async def test_the_async_client_tells_of_changes_too(sidecar: Sidecar) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def handler(identity: str, response: ConfigurationResponse) -> None:
        await heard.put(response.items["colour"].value)

    async with AsyncDaprClient() as dapr:
        subscription = await dapr.subscribe_configuration("settings", ["colour"], handler)
        change(sidecar, "colour", "green", "2")
        assert await asyncio.wait_for(heard.get(), 10) == "green"
        assert await dapr.unsubscribe_configuration("settings", subscription)


def test_a_subscription_that_is_open_ends_with_the_client(sidecar: Sidecar) -> None:
    with DaprClient() as dapr:
        subscription = dapr.subscribe_configuration("settings", ["colour"])
    assert subscription.error is None
    assert not [thread for thread in threading.enumerate() if thread.name == "dapr_client"]


async def test_a_subscription_without_a_handler_may_be_awaited_and_begins_with_what_is_there(
    dapr: DaprClient, sidecar: Sidecar
) -> None:
    change(sidecar, "colour", "blue", "1")
    subscription = await dapr.subscribe_configuration(store_name="settings", keys=["colour"], config_metadata={})
    assert [(key, item.value, item.version) for key, item in subscription.get_items()] == [("colour", "blue", "1")]


@ALPHA
def test_a_lock_is_let_go_at_the_end_of_its_block(dapr: DaprClient) -> None:
    with dapr.try_lock("locks", "resource", "anna", 60) as lock:
        assert lock.success
        assert not dapr.try_lock("locks", "resource", "ben", 60)
        assert dapr.unlock("locks", "resource", "ben").status is UnlockResponseStatus.lock_belongs_to_others
    assert dapr.unlock("locks", "resource", "anna").status is UnlockResponseStatus.lock_does_not_exist


@ALPHA
async def test_a_lock_of_the_async_client_is_let_go_at_the_end_of_its_block(sidecar: Sidecar) -> None:
    async with AsyncDaprClient() as dapr:
        async with await dapr.try_lock("locks", "resource", "anna", 60) as lock:
            assert lock
        answer = await dapr.unlock("locks", "resource", "anna")
        assert answer.status is UnlockResponseStatus.lock_does_not_exist


def test_the_sidecar_tells_about_itself(dapr: DaprClient) -> None:
    dapr.set_metadata("team", "blue")
    told = dapr.get_metadata()
    assert told.application_id == "client-test"
    assert told.extended_metadata["team"] == "blue"
    assert "statestore" in {component.name for component in told.registered_components}
    assert told.runtime_version


def test_what_is_missing_is_told_before_the_sidecar_is_asked(dapr: DaprClient) -> None:
    with pytest.raises(ValueError, match="State store name cannot be empty"):
        dapr.get_state(" ", "key")
    with pytest.raises(ValueError, match="States to be saved cannot be empty"):
        dapr.save_bulk_state("statestore", [])
    with pytest.raises(ValueError, match="invalid type for data <class 'int'>"):
        dapr.save_state("statestore", "key", 1)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValueError, match="attributeName name cannot be empty or blank"):
        dapr.set_metadata("", "value")
    with pytest.raises(ValueError, match="attributeValue name cannot be None"):
        dapr.set_metadata("name", None)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValueError, match="Config store name cannot be empty"):
        dapr.get_configuration("", ["key"])
    with pytest.warns(UserWarning, match="Lock"), pytest.raises(ValueError, match="expiry_in_seconds must be"):
        dapr.try_lock("locks", "resource", "anna", 0)


def test_wait_returns_when_there_is_a_connection(dapr: DaprClient) -> None:
    with pytest.warns(DeprecationWarning, match="wait method is deprecated"):
        dapr.wait(10)


def change(sidecar: Sidecar, key: str, value: str, version: str) -> None:
    store = sidecar.core.configuration.store("settings")
    with sidecar.core.guard(False):
        store.set(key, value, version)  # type: ignore[attr-defined]  # the in-memory one can be set
