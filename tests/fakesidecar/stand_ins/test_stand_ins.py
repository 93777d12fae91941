"""Stand-ins: a folder of production components loads and works, with what each type has and no more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakesidecar.clock import VirtualClock
from fakesidecar.components import stand_ins
from fakesidecar.components.conversation import Message
from fakesidecar.components.crypto import Sealed
from fakesidecar.components.registry import block_of, find, known
from fakesidecar.components.state import Json, Upsert
from fakesidecar.core.conversation import Input
from fakesidecar.core.crypto import unwrap, wrap
from fakesidecar.errors import ApiError
from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.load import load
from fakesidecar.sidecar import Sidecar

PRODUCTION = Path(__file__).parent / "production"
VALUES = """
vault: {cosmos-key: AccountKey==, openai-key: sk-1, several: {user: shop, port: 5432}}
settings: {color: "blue||7"}
kubernetes: {kafka-password: s3cret}
"""


@pytest.fixture
def values(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_text(VALUES)
    return path


def shop(values: str | Path = "", **more: Any) -> Sidecar:
    options = Options(stand_ins=True, values_file=values, resources_paths=(PRODUCTION,), **more)
    return Sidecar(options, resources=load(options), clock=VirtualClock())


@pytest.fixture
def sidecar(values: Path) -> Iterator[Sidecar]:
    with shop(values) as sidecar:
        yield sidecar


def one(type: str, **metadata: str) -> Sidecar:
    return Sidecar(Options(stand_ins=True), components=[Component("it", type, metadata=metadata)], clock=VirtualClock())


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fact", stand_ins.facts().values(), ids=lambda fact: f"{fact.type}-{fact.version}")
def test_every_type_loads_with_what_it_requires_and_not_without(fact: stand_ins.Fact) -> None:
    assert find(fact.type, fact.version) is None or block_of(fact.type) is None
    metadata = {names.split("|")[-1].upper(): "x" for names in fact.required}
    component = Component("it", fact.type, fact.version, metadata=metadata)
    with Sidecar(Options(stand_ins=True), components=[component]) as sidecar:
        [listed] = sidecar.core.metadata.get().components
        assert listed.capabilities == (*fact.features, "STAND_IN")
    for missing in metadata:
        lacking = Component("it", fact.type, fact.version, metadata={**metadata, missing: ""})
        with pytest.raises(StartupError, match=f"(?i)missing required metadata property: .*{missing}"):
            Sidecar(Options(stand_ins=True), components=[lacking])


def test_there_is_no_stand_in_for_what_is_served() -> None:
    assert not {cls.component_type.name for cls in known()} & {type for type, _ in stand_ins.facts()}


@pytest.mark.parametrize(
    ("type", "version"), [("state.nothing", "v1"), ("state.mongodb", "v2"), ("brew.coffee", "v1"), ("state.", "v1")]
)
def test_what_dapr_does_not_know_fails_as_in_daprd(type: str, version: str) -> None:
    reasons = []
    for stand_in in (True, False):
        with pytest.raises(StartupError) as raised:
            Sidecar(Options(stand_ins=stand_in), components=[Component("it", type, version)])
        reasons.append(raised.value.message)
    assert reasons[0] == reasons[1]


def test_without_stand_ins_production_does_not_start() -> None:
    options = Options(resources_paths=(PRODUCTION,))
    with pytest.raises(StartupError, match=r"couldn't find secret store secretstores\.azure\.keyvault/v1"):
        Sidecar(options, resources=load(options))


# --- production ---------------------------------------------------------------------------------------------------


def test_production_says_what_stands_in(values: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "fakesidecar.stand_ins"), shop(values) as sidecar:
        listed = {one.name: one for one in sidecar.core.metadata.get().components}
    assert len(listed) == 10
    assert "Component orders (state.azure.cosmosdb/v1) is stood in for in memory" in caplog.messages
    assert listed["orders"].type == "state.azure.cosmosdb"
    assert listed["events"].capabilities == ("BULK_PUBSUB", "STAND_IN")


def test_production_needs_no_values() -> None:
    with shop() as sidecar:
        assert len(sidecar.core.components) == 10


def test_cosmos_db_keeps_etags_and_answers_queries(sidecar: Sidecar) -> None:
    state = sidecar.core.state
    state.save("orders", [Upsert("1", Json({"paid": True})), Upsert("2", Json({"paid": False}))])
    found = state.get("orders", "1")
    assert found is not None
    assert found.etag
    with pytest.raises(ApiError, match="possible etag mismatch"):
        state.save("orders", [Upsert("1", b"", etag="another")])
    selected = state.query("orders", b'{"filter": {"EQ": {"paid": true}}}')
    assert [item.key for item in selected.items] == ["1"]


def test_stores_lack_what_their_types_lack(sidecar: Sidecar) -> None:
    state, clock = sidecar.core.state, sidecar.clock
    assert isinstance(clock, VirtualClock)
    with pytest.raises(ApiError, match="doesn't support"):
        state.transact("sessions", [Upsert("k", b"v")])
    with pytest.raises(ApiError, match="query"):
        state.query("sessions", b"{}")
    state.save("sessions", [Upsert("k", b"v", metadata={"ttlInSeconds": "5"}, etag="7", concurrency="first-write")])
    state.save("carts", [Upsert("k", b"v", metadata={"ttlInSeconds": "5"})])
    found = state.get("sessions", "k")
    assert found is not None
    assert found.etag is None
    clock.advance(10)
    assert state.get("sessions", "k") is None, "memcached has times to live"
    assert state.get("carts", "k") is not None, "zookeeper has none"


def test_secrets_are_in_the_users_file(sidecar: Sidecar) -> None:
    assert sidecar.core.secrets.get("vault", "cosmos-key") == {"cosmos-key": "AccountKey=="}
    assert sidecar.core.secrets.get("vault", "several") == {"user": "shop", "port": "5432"}
    resolved = {spec.name: spec.metadata for spec, _ in sidecar.core.components}
    assert resolved["orders"]["masterKey"] == "AccountKey=="
    assert resolved["events"]["saslPassword"] == "s3cret"
    assert "vaultName" not in sidecar.core.secrets.bulk_get("vault")
    sidecar.core.secrets.store("vault").set("late", "x")  # type: ignore[attr-defined]  # as tests do
    sidecar.reset()
    assert set(sidecar.core.secrets.bulk_get("vault")) == {"cosmos-key", "openai-key", "several"}


def test_settings_are_in_the_users_file(sidecar: Sidecar) -> None:
    [(key, setting)] = sidecar.core.configuration.get("settings", []).items()
    assert (key, setting.value, setting.version) == ("color", "blue", "7")


def test_topics_deliver(sidecar: Sidecar) -> None:
    got: list[Any] = []
    sidecar.core.pubsub.subscribe("events", "orders", lambda event: got.append(event.data))
    sidecar.core.pubsub.publish("events", "orders", b"7")
    sidecar.clock.wait_until_idle()
    assert len(got) == 1


@pytest.mark.parametrize(("type", "patterns"), [("pubsub.kafka", False), ("pubsub.mqtt3", True)])
def test_topics_are_patterns_where_the_type_has_them(type: str, patterns: bool) -> None:
    got: list[Any] = []
    with one(type, brokers="kafka:9092") as sidecar:
        sidecar.core.pubsub.subscribe("it", "orders*", lambda event: got.append(event.data))
        sidecar.core.pubsub.publish("it", "orders-7", b"7")
        sidecar.clock.wait_until_idle()
    assert len(got) == patterns


def test_bindings_record(sidecar: Sidecar) -> None:
    bindings = sidecar.core.bindings
    assert bindings.invoke("pictures", "create", b"\xff", metadata={"key": "cat.png"}) is None
    [record] = bindings.invoked
    assert (record.binding, record.operation, record.data) == ("pictures", "create", b"\xff")
    with pytest.raises(ApiError, match=r"does not support operation shrink\. supported operations:create get delete"):
        bindings.invoke("pictures", "shrink")
    with pytest.raises(ApiError, match=r"does not support operation get\. supported operations:create"):
        bindings.invoke("returns", "get")


def test_keys_are_made_when_they_are_asked_for(sidecar: Sidecar) -> None:
    provider = sidecar.core.crypto.provider("keys")
    sealed = wrap(provider, "any", "RSA-OAEP-256", b"0123456789abcdef")
    assert unwrap(provider, "any", "RSA-OAEP-256", Sealed(sealed.data)) == b"0123456789abcdef"
    kept = provider.snapshot()
    provider.reset()
    provider.restore(kept)
    assert unwrap(provider, "any", "RSA-OAEP-256", Sealed(sealed.data)) == b"0123456789abcdef"


def test_keys_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text('{"it": {"k": "MDEyMzQ1Njc4OWFiY2RlZg==", "jwk": {"kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZg"}}}')
    component = Component("it", "crypto.kubernetes.secrets")
    with Sidecar(Options(stand_ins=True, values_file=path), components=[component]) as sidecar:
        provider = sidecar.core.crypto.provider("it")
        assert provider.key("k").material == provider.key("jwk").material == b"0123456789abcdef"


def test_models_say_that_they_are_none_until_they_are_told_what_to_say(sidecar: Sidecar) -> None:
    inputs = [Input((Message("user", ("Hello",)),))]
    assert "nobody has told it" in sidecar.core.conversation.converse("assistant", inputs).text
    sidecar.core.conversation.model("assistant").when("Hello", say="Hi.")  # type: ignore[attr-defined]  # as tests do
    assert sidecar.core.conversation.converse("assistant", inputs).text == "Hi."


def test_all_of_it_can_be_kept_and_brought_back(sidecar: Sidecar) -> None:
    from fakesidecar.snapshots import dumps, loads, restore, snapshot

    sidecar.core.state.save("orders", [Upsert("1", b"x")])
    kept = loads(dumps(snapshot(sidecar.core)))
    sidecar.reset()
    restore(sidecar.core, kept)
    assert sidecar.core.state.get("orders", "1") is not None


# --- the file of values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["[1]", "a: 1", "{", "\xff"])
def test_a_file_of_values_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "values.yaml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(StartupError, match="failed to read values from"):
        shop(path)


def test_a_file_of_values_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="failed to read values from"):
        shop(tmp_path / "nothing.yaml")
