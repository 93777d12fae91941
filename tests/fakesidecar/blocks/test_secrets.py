"""Secrets: what becomes of a JSON file, which variables are told, who may see what, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakesidecar.options import Options
from fakesidecar.resources.component import Component
from fakesidecar.resources.configuration import Configuration, SecretScope
from fakesidecar.resources.errors import StartupError
from fakesidecar.resources.load import Resources
from fakesidecar.sidecar import Sidecar

from .doors import Refused, grpc_call, http_call, http_ok

CONTENT = {
    "plain": "value",
    "empty": "",
    "number": 5,
    "float": 1.5,
    "big": 12345678901234567890,
    "yes": True,
    "nothing": None,
    "redis": {"password": "p", "hosts": ["one", "two"], "deep": {"er": {"key": "v"}}, "port": 6379},
    "list": ["a", {"b": "c"}],
    "with/slash": "s",
    "with space": "w",
}
FLAT = {
    "plain": "value",
    "empty": "",
    "number": "%!s(float64=5)",
    "float": "%!s(float64=1.5)",
    "big": "%!s(float64=1.2345678901234567e+19)",
    "yes": "%!s(bool=true)",
    "nothing": "%!s(<nil>)",
    "redis:password": "p",
    "redis:hosts:0": "one",
    "redis:hosts:1": "two",
    "redis:deep:er:key": "v",
    "redis:port": "%!s(float64=6379)",
    "list:0": "a",
    "list:1:b": "c",
    "with/slash": "s",
    "with space": "w",
}
BY_OBJECT = {
    "plain": {"plain": "value"},
    "empty": {"empty": ""},
    "redis": {"password": "p", "hosts:0": "one", "hosts:1": "two", "deep:er:key": "v", "port": "%!s(float64=6379)"},
    "with/slash": {"with/slash": "s"},
    "with space": {"with space": "w"},
}
ENVIRONMENT = {"GOLD_ONE": "1", "GOLD_EMPTY": "", "APP_API_TOKEN": "t", "DAPR_X": "hidden", "dapr_y": "hidden"}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(CONTENT), encoding="utf-8")
    return str(path)


@pytest.fixture
def sidecar(file: str) -> Iterator[Sidecar]:
    local = "secretstores.local.file"
    components = [
        Component("flat", local, metadata={"secretsFile": file}),
        Component("dots", local, metadata={"secretsFile": file, "nestedSeparator": "."}),
        Component("multi", local, metadata={"secretsFile": file, "multiValued": "true"}),
        Component("env", "secretstores.local.env"),
        Component("prefixed", "secretstores.local.env", metadata={"prefix": "GOLD_"}),
        Component("memory", "secretstores.in-memory", metadata={"token": "t"}),
    ]
    with Sidecar(Options(environment=ENVIRONMENT), components=components) as running:
        yield running


class Grpc:
    CODES = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "PERMISSION_DENIED", "INTERNAL")

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar

    def get(self, store: str, key: str) -> Mapping[str, str]:
        return dict(grpc_call(self.sidecar, "GetSecret", store_name=store, key=key).data)

    def bulk(self, store: str) -> Mapping[str, Mapping[str, str]]:
        data = grpc_call(self.sidecar, "GetBulkSecret", store_name=store).data
        return {name: dict(secret.secrets) for name, secret in data.items()}


class Http:
    CODES = (
        "ERR_SECRET_STORE_NOT_FOUND",
        "ERR_SECRET_STORES_NOT_CONFIGURED",
        "ERR_PERMISSION_DENIED",
        "ERR_SECRET_GET",
    )

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar

    def get(self, store: str, key: str) -> Mapping[str, str]:
        answer: Mapping[str, str] = http_ok(self.sidecar, "GET", f"/v1.0/secrets/{store}/{key.replace('/', '%2F')}")
        return answer

    def bulk(self, store: str) -> Mapping[str, Mapping[str, str]]:
        answer: Mapping[str, Mapping[str, str]] = http_ok(self.sidecar, "GET", f"/v1.0/secrets/{store}/bulk")
        return answer


DOORS = pytest.mark.parametrize("make", [Grpc, Http])


@pytest.fixture(params=[Grpc, Http])
def door(request: pytest.FixtureRequest, sidecar: Sidecar) -> Any:
    return request.param(sidecar)


def test_a_file_is_flattened_and_what_is_no_text_is_told_as_go_prints_it(door: Any) -> None:
    assert door.bulk("flat") == {name: {name: value} for name, value in FLAT.items()}
    for name, value in FLAT.items():
        assert door.get("flat", name) == {name: value}


def test_the_separator_of_a_flattened_file_can_be_chosen(door: Any) -> None:
    assert door.get("dots", "redis.deep.er.key") == {"redis.deep.er.key": "v"}
    with pytest.raises(Refused, match="secret redis:password not found"):
        door.get("dots", "redis:password")


def test_a_multi_valued_file_has_a_secret_per_object(door: Any) -> None:
    assert door.bulk("multi") == BY_OBJECT
    assert door.get("multi", "redis") == BY_OBJECT["redis"]
    for name in ("number", "list", "nothing", "redis:password"):
        with pytest.raises(Refused, match=f"secret {name} not found"):
            door.get("multi", name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file or directory"),
        ("", "unexpected end of JSON input"),
        ("nonsense", "invalid character 'o' in literal null"),
        ("[]", r"json: cannot unmarshal array into Go value of type map\[string\]interface \{\}"),
        ('{"a": "b"} x', "invalid character 'x' after top-level value"),
    ],
)
def test_a_file_that_cannot_be_read_keeps_the_sidecar_from_starting(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "secrets.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(StartupError, match=message):
        Sidecar(components=[Component("broken", "secretstores.local.file", metadata={"secretsFile": str(path)})])


def test_names_of_metadata_count_in_any_case_of_letters(file: str) -> None:
    metadata = {"SECRETSFILE": file, "multivalued": "TRUE", "NestedSeparator": "/"}
    with Sidecar(components=[Component("store", "secretstores.local.file", metadata=metadata)]) as sidecar:
        assert Grpc(sidecar).get("store", "redis")["hosts/0"] == "one"


def test_variables_are_told_but_those_of_dapr_itself(door: Any) -> None:
    assert door.get("env", "GOLD_ONE") == {"GOLD_ONE": "1"}
    for name in ("GOLD_MISSING", "gold_one", "APP_API_TOKEN", "DAPR_X", "dapr_y"):
        assert door.get("env", name) == {name: ""}
    assert door.bulk("env") == {"GOLD_ONE": {"GOLD_ONE": "1"}, "GOLD_EMPTY": {"GOLD_EMPTY": ""}}


def test_a_prefix_is_put_before_the_name_of_a_variable(door: Any) -> None:
    assert door.get("prefixed", "ONE") == {"ONE": "1"}
    assert door.get("prefixed", "GOLD_ONE") == {"GOLD_ONE": ""}
    assert door.bulk("prefixed") == {"ONE": {"ONE": "1"}, "EMPTY": {"EMPTY": ""}}


def test_secrets_in_memory_come_from_metadata_and_from_the_test(door: Any, sidecar: Sidecar) -> None:
    store: Any = sidecar.core.secrets.store("memory")
    store.set("db", {"user": "u", "password": "p"})
    store.set("key", "k")
    assert door.bulk("memory") == {
        "token": {"token": "t"},
        "db": {"user": "u", "password": "p"},
        "key": {"key": "k"},
    }
    sidecar.reset()
    assert door.bulk("memory") == {"token": {"token": "t"}}


def test_missing_secrets_and_stores_are_refused(door: Any) -> None:
    with pytest.raises(Refused) as refused:
        door.get("flat", "missing")
    message = "failed getting secret with key missing from secret store flat: secret missing not found"
    assert refused.value == Refused(door.CODES[3], message)
    for ask, arguments in ((door.get, ("nowhere", "plain")), (door.bulk, ("nowhere",))):
        with pytest.raises(Refused) as refused:
            ask(*arguments)
        assert refused.value == Refused(door.CODES[0], "failed finding secret store with key nowhere")


@DOORS
def test_without_a_store_nothing_is_configured(make: Any) -> None:
    with Sidecar() as sidecar:
        for ask, arguments in ((make(sidecar).get, ("flat", "plain")), (make(sidecar).bulk, ("flat",))):
            with pytest.raises(Refused) as refused:
                ask(*arguments)
            assert refused.value == Refused(make.CODES[1], "secret store is not configured")


def test_an_unknown_store_is_401_and_a_denied_secret_403_over_http(file: str) -> None:
    with scoped(file, default_access="deny") as sidecar:
        assert http_call(sidecar, "GET", "/v1.0/secrets/nowhere/plain")[0] == 401
        assert http_call(sidecar, "GET", "/v1.0/secrets/flat/plain")[0] == 403


def scoped(file: str, **scope: Any) -> Sidecar:
    """A sidecar whose Configuration has a scope for the store `flat`."""
    settings = Configuration(secret_scopes={"flat": SecretScope("flat", **scope)})
    components = [
        Component(name, "secretstores.local.file", metadata={"secretsFile": file}) for name in ("flat", "other")
    ]
    return Sidecar(resources=Resources(components=components, configuration=settings))


@DOORS
@pytest.mark.parametrize(
    ("scope", "visible"),
    [
        ({}, {"plain", "empty"}),
        ({"default_access": "allow"}, {"plain", "empty"}),
        ({"default_access": "deny"}, set()),
        ({"default_access": "Deny"}, set()),
        ({"denied": frozenset({"plain"})}, {"empty"}),
        ({"default_access": "deny", "allowed": frozenset({"plain"})}, {"plain"}),
        ({"default_access": "allow", "allowed": frozenset({"plain"})}, {"plain"}),
        ({"allowed": frozenset({"plain"}), "denied": frozenset({"plain"})}, {"plain"}),
    ],
)
def test_scopes_say_which_secrets_of_a_store_an_application_sees(
    file: str, make: Any, scope: dict[str, Any], visible: set[str]
) -> None:
    with scoped(file, **scope) as sidecar:
        door = make(sidecar)
        assert door.bulk("flat").keys() & {"plain", "empty"} == visible
        assert door.get("other", "plain") == {"plain": "value"}
        for name in ("plain", "empty"):
            if name in visible:
                assert door.get("flat", name) == {name: CONTENT[name]}
            else:
                with pytest.raises(Refused) as refused:
                    door.get("flat", name)
                assert refused.value == Refused(make.CODES[2], f'access denied by policy to get "{name}" from "flat"')


def test_what_is_denied_is_not_looked_for(file: str) -> None:
    with scoped(file, default_access="deny") as sidecar, pytest.raises(Refused, match="access denied by policy"):
        Grpc(sidecar).get("flat", "missing")
