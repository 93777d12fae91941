"""Components that are declared become components that run, or a last word in daprd's terms."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from fakesidecar import Component, Options, SeededIds, Sidecar, VirtualClock
from fakesidecar.components.registry import Surroundings
from fakesidecar.errors import ComponentError
from fakesidecar.resources import SecretRef, StartupError
from fakesidecar.resources.process import process, resolve

INIT = "[INIT_COMPONENT_FAILURE]: initialization error occurred for broken ({0}/v1): "
CREATE = INIT.replace("INIT", "CREATE")
ENVIRONMENT = {"HOME": "/root", "DAPR_X": "no", "APP_API_TOKEN": "no", "A B": "no"}


@pytest.fixture
def around() -> Surroundings:
    return Sidecar(
        Options(app_id="shop", namespace="prod", environment=ENVIRONMENT), clock=VirtualClock(), ids=SeededIds(1)
    ).core.around


def no_store(store: str, name: str) -> Mapping[str, str] | None:
    return None


def vault(store: str, name: str) -> Mapping[str, str] | None:
    if store != "vault":
        return None
    if name == "missing":
        raise ComponentError("secret missing not found")
    return {name: "value", "key": "other value"}


def last_words(component: Component, around: Surroundings) -> str:
    with pytest.raises(StartupError) as caught:
        process([component], around, add=lambda *_: None, secret=no_store)
    assert caught.value.exit_code == 1
    return caught.value.message


@pytest.mark.parametrize(
    ("kind", "noun"),
    [
        ("state.foo", "state store"),
        ("pubsub.foo", "message bus"),
        ("secretstores.foo", "secret store"),
        ("configuration.foo", "configuration store"),
        ("lock.foo", "lock store"),
        ("crypto.foo", "crypto provider"),
        ("conversation.foo", "conversation"),
    ],
)
def test_an_unknown_type_is_not_found_in_its_block(around: Surroundings, kind: str, noun: str) -> None:
    said = last_words(Component("broken", kind), around)
    expected = f"process component broken error: {INIT}{CREATE}couldn't find {noun} {{0}}/v1".format(kind)
    assert said == expected


def test_bindings_and_middleware_are_wrapped_in_their_own_ways(around: Surroundings) -> None:
    head = "process component broken error: "
    assert last_words(Component("broken", "bindings.foo"), around) == (
        head + INIT.format("bindings.foo") + "couldn't find binding broken (bindings.foo/v1)"
    )
    kind = "middleware.http.foo"
    assert last_words(Component("broken", kind), around) == (
        head + INIT.format(kind) + CREATE.format(kind) + head + f"HTTP middleware {kind}/v1 has not been registered"
    )


@pytest.mark.parametrize(
    "kind", ["nonsense.foo", "nonsense", "workflow.foo", "nameresolution.mdns", "State.In-Memory", ""]
)
def test_an_unknown_category_is_an_incorrect_type(around: Surroundings, kind: str) -> None:
    assert last_words(Component("broken", kind), around) == f"process component broken error: incorrect type {kind}"


@pytest.mark.parametrize("version", ["", "v0", "v1", "V1"])
def test_the_first_version_has_many_names(around: Surroundings, version: str) -> None:
    added: list[Component] = []
    component = Component("store", "state.in-memory", version)
    process([component], around, add=lambda spec, _: added.append(spec), secret=no_store)
    assert added == [component]


@pytest.mark.parametrize("version", ["v2", "1", "v1beta1"])
def test_other_versions_must_exist(around: Surroundings, version: str) -> None:
    said = last_words(Component("broken", "state.in-memory", version), around)
    assert said.endswith(f"couldn't find state store state.in-memory/{version}")


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("bindings.cron", "schedule not set"),
        ("crypto.dapr.jwks", "empty metadata properties"),
        ("crypto.dapr.localstorage", "failed to load metadata: metadata property 'path' is required"),
        ("bindings.localstorage", "failed to parse metadata: property rootPath must not be empty"),
    ],
)
def test_a_component_that_refuses_is_wrapped_twice(around: Surroundings, kind: str, complaint: str) -> None:
    said = last_words(Component("broken", kind), around)
    assert said == f"process component broken error: {INIT}{INIT}{complaint}".format(kind)


def test_errors_are_ignored_when_the_component_says_so(around: Surroundings, caplog: pytest.LogCaptureFixture) -> None:
    added: list[str] = []
    declared = [Component("broken", "state.foo", ignore_errors=True), Component("good", "state.in-memory")]
    with caplog.at_level(logging.ERROR, logger="fakesidecar"):
        process(declared, around, add=lambda spec, _: added.append(spec.name), secret=no_store)
    assert added == ["good"]
    assert "Ignoring error processing component: process component broken error: [INIT_COMP" in caplog.text


def test_the_error_says_where_the_component_is_declared(around: Surroundings) -> None:
    with pytest.raises(StartupError, match="couldn't find") as caught:
        process([Component("b", "state.foo", source="x.yaml, document 2")], around, add=print, secret=no_store)
    assert caught.value.hint == "component 'b' is declared in x.yaml, document 2"


# --- secrets, variables, templates -------------------------------------------------------------


def resolved(around: Surroundings, **parts: Any) -> Mapping[str, str] | None:
    found = resolve(Component("c", "state.in-memory", **parts), around, vault)
    return None if found is None else found.metadata


def test_secrets_are_filled_in(around: Surroundings) -> None:
    refs = {"a": SecretRef("s"), "b": SecretRef("s", "key"), "c": SecretRef("s", "nokey")}
    metadata = {"a": "", "b": "over", "c": "kept"}
    assert resolved(around, metadata=metadata, secret_refs=refs, secret_store="vault") == {
        "a": "value",
        "b": "other value",
        "c": "kept",
    }


def test_a_missing_secret_is_told_and_left_empty(around: Surroundings, caplog: pytest.LogCaptureFixture) -> None:
    found = resolved(around, metadata={"a": ""}, secret_refs={"a": SecretRef("missing")}, secret_store="vault")
    assert found == {"a": ""}
    assert "Error getting secret: secret missing not found" in caplog.text


def test_a_component_waits_for_a_store_that_is_not_loaded(
    around: Surroundings, caplog: pytest.LogCaptureFixture
) -> None:
    refs = {"a": SecretRef("s")}
    assert resolved(around, secret_refs=refs, secret_store="nowhere") is None
    assert "Component c references a secret store that isn't loaded: nowhere" in caplog.text
    assert resolved(around, secret_refs=refs) == {}
    assert resolved(around, secret_store="nowhere") == {}


def test_variables_fill_what_is_empty_and_secret_ones_are_denied(around: Surroundings) -> None:
    names = {"a": "HOME", "b": "HOME", "c": "DAPR_X", "d": "APP_API_TOKEN", "e": "A B", "f": "NONE"}
    found = resolved(around, metadata={"b": "mine"}, env_refs=names)
    assert found == {"a": "/root", "b": "mine", "f": ""}


def test_templates_are_filled_in(around: Surroundings) -> None:
    metadata = {"a": "{appID}-{namespace}", "b": "{uuid}/{uuid}", "c": "{other}"}
    found = resolved(around, metadata=metadata)
    assert found is not None
    one, two = found["b"].split("/")
    assert (found["a"], found["c"]) == ("shop-prod.shop", "{other}")
    assert one != two
    assert len(one) == len(two) == 36


def test_a_pod_name_is_needed_where_it_is_named(around: Surroundings) -> None:
    said = last_words(Component("broken", "state.in-memory", metadata={"p": "{podName}"}), around)
    assert said.endswith("failed to parse metadata: property p refers to {podName} but podName is not set")
