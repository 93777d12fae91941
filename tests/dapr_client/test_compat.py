"""The official package's import paths, parameters and defaults exist under our name."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
from pathlib import Path
from typing import Any

import pytest

import dapr_client
from dapr_client import DaprClient, StateResponse, _compat
from dapr_client.aio import DaprClient as AsyncDaprClient

METHODS = [name for name, _ in inspect.getmembers(AsyncDaprClient, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("module", _compat.TABLE)
def test_every_name_of_the_table_can_be_imported(module: str) -> None:
    found = importlib.import_module(f"dapr_client.{module}")
    assert [name for name in found.__all__ if not hasattr(found, name)] == []


@pytest.mark.parametrize("module", _compat.TABLE)
@pytest.mark.filterwarnings("ignore::Warning")
def test_every_name_of_the_table_is_the_official_package_s(module: str) -> None:
    pytest.importorskip("dapr.clients", reason="compares with the official package")
    official = importlib.import_module(f"dapr.{module}")
    ours = importlib.import_module(f"dapr_client.{module}")
    assert [name for name in ours.__all__ if not hasattr(official, name)] == []


OURS = {"delete_bulk_state", "list_jobs", "delete_jobs_by_prefix"}
"""Methods that the official client never had."""

GONE = {name for name in METHODS if "workflow" in name}
"""Methods that it had until 1.17."""


@pytest.mark.parametrize("name", sorted(set(METHODS) - OURS - GONE))
@pytest.mark.filterwarnings("ignore::Warning")
def test_a_method_takes_what_the_official_one_takes(name: str) -> None:
    official = pytest.importorskip("dapr.clients", reason="compares with the official package").DaprClient
    theirs, ours = parameters(official, name), parameters(DaprClient, name)
    assert {key: ours.get(key) for key in theirs} == theirs | (
        # Ours may be left out: the subscription knows what has changed.
        {"handler": None} if name == "subscribe_configuration" else {}
    )
    assert [key for key in ours if key in theirs] == list(theirs)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_both_clients_take_the_same(name: str) -> None:
    assert parameters(DaprClient, name) == parameters(AsyncDaprClient, name)


def test_type_checkers_see_the_public_names_that_there_are() -> None:
    tree = ast.parse(Path(dapr_client.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        (str(node.module), alias.name)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {(f"dapr_client.{module}", name) for module, names in dapr_client.HOMES.items() for name in names}
    assert [name for name in dapr_client.__all__ if not hasattr(dapr_client, name)] == []


def test_an_answer_survives_pickling() -> None:
    answer = StateResponse(b"data", "1", lambda: (("name", "value"),))
    again = pickle.loads(pickle.dumps(answer))
    assert (again, again.headers) == (answer, {"name": ["value"]})


def test_a_name_that_the_official_module_does_not_have_is_told() -> None:
    module = importlib.import_module("dapr_client.clients")
    with pytest.raises(AttributeError, match=r"dapr_client\.clients.*nonsense"):
        _ = module.nonsense


def parameters(kind: Any, name: str) -> dict[str, Any]:
    found = inspect.signature(getattr(kind, name)).parameters.values()
    return {parameter.name: parameter.default for parameter in found if parameter.name != "self"}
