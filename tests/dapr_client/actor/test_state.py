"""The state manager against a model: whatever is done in whichever turns, the store has what well-ended turns set."""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dapr_testing
from dapr_client.actor import (
    Actor,
    ActorGrpcHost,
    ActorId,
    ActorInterface,
    ActorProxyFactory,
    Actors,
    DaprActorGrpcClient,
    actormethod,
)
from dapr_testing import DaprSidecar

from .hosting import KINDS, hosted
from .test_hosting import kept

TYPE = "ScriptedActor"
CONFIG = """
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: config}
spec:
  features: [{name: ActorStateTTL, enabled: true}]
"""
NAMES = ['"quoted"\n', "plain", "ünï/cödé"]


class Scripted(ActorInterface):
    @actormethod()
    async def run(self, script: list[list[Any]]) -> list[Any]: ...


class ScriptedActor(Actor, Scripted):
    """Does what it is told to its state, and tells what came of it."""

    async def run(self, script: list[list[Any]]) -> list[Any]:
        return [await self._step(*step) for step in script]

    async def _step(self, operation: str, *arguments: Any) -> Any:
        manager = self._state_manager
        if operation == "fail":
            raise ArithmeticError
        if operation == "merge":
            name, value = arguments
            return await manager.add_or_update_state(name, value, lambda _, kept: [kept])
        if operation == "spoil":  # changes a value in place, and does not set it
            found, value = await manager.try_get_state(*arguments)
            if found and isinstance(value, list):
                value.append("spoilt")
            return None
        try:
            return await getattr(manager, operation)(*arguments)
        except (KeyError, ValueError) as error:
            return type(error).__name__


def copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


@dataclass
class Model:
    """What the store has, and what a turn sees."""

    saved: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)

    def run(self, script: list[list[Any]]) -> list[Any] | None:
        """What a turn answers, None when it fails."""
        self.seen = copied(self.saved)
        answers = []
        for operation, *arguments in script:
            if operation == "fail":
                return None
            if operation == "save_state":
                self.saved = copied(self.seen)
            answers.append(copied(self._step(operation, *arguments)))
        self.saved = copied(self.seen)
        return answers

    def _step(self, operation: str, name: str = "", value: Any = None) -> Any:
        seen = self.seen
        there = name in seen
        match operation:
            case "set_state":
                seen[name] = value
            case "get_state":
                return seen.get(name) if there else "KeyError"
            case "try_get_state":
                return [there, seen.get(name)]
            case "contains_state":
                return there
            case "add_state" | "try_add_state":
                seen.setdefault(name, value)
                return {"add_state": "ValueError" if there else None, "try_add_state": not there}[operation]
            case "remove_state" | "try_remove_state":
                seen.pop(name, None)
                return {"remove_state": None if there else "KeyError", "try_remove_state": there}[operation]
            case "get_or_add_state":
                return seen.setdefault(name, value)
            case "merge":
                seen[name] = [seen[name]] if there else value
                return seen[name]
        return None


names = st.sampled_from(NAMES)
values: st.SearchStrategy[Any] = st.sampled_from([None, 0, 1.5, "x", "2024-01-01", "5m", [], {"a": "10s"}])
steps = st.one_of(
    st.tuples(st.sampled_from(["set_state", "add_state", "try_add_state", "get_or_add_state", "merge"]), names, values),
    st.tuples(
        st.sampled_from(["get_state", "try_get_state", "contains_state", "remove_state", "try_remove_state"]), names
    ),
    st.tuples(st.sampled_from(["save_state"])),
    st.tuples(st.sampled_from(["fail"])),
)
turns = st.lists(st.tuples(st.sampled_from(["call", "deactivate"]), st.lists(steps, max_size=8)), max_size=6)


@pytest.fixture(scope="module")
def dapr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaprSidecar]:
    config = tmp_path_factory.mktemp("config") / "config.yaml"
    config.write_text(CONFIG)
    with dapr_testing.sidecar(intercept_channels=True, config=config) as dapr:
        yield dapr


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=turns)
def test_the_store_has_what_well_ended_turns_set(dapr: DaprSidecar, plan: list[tuple[str, list[Any]]]) -> None:
    dapr.fake.reset()
    asyncio.run(_play(dapr, plan))


async def ran(script: list[Any]) -> Any:
    """What the actor answers; None when it failed (whose error is JSON for callers over gRPC)."""
    client = DaprActorGrpcClient()
    answer = json.loads(await client.invoke_method(TYPE, "1", "run", json.dumps(script).encode()))
    await client.close()
    return None if isinstance(answer, dict) else answer


async def _play(dapr: DaprSidecar, plan: list[tuple[str, list[Any]]]) -> None:
    actors, model = Actors(), Model()

    host = ActorGrpcHost(actors=actors)
    await host.register_actor(ScriptedActor)
    async with host:
        for kind, script in plan:
            if kind == "deactivate":
                if (TYPE, "1") in dapr.actors.active:
                    await asyncio.to_thread(dapr.actors.deactivate, TYPE, "1")
                continue
            expected = model.run([list(step) for step in script])
            assert await ran(script) == expected
            assert kept(dapr, TYPE, "1") == model.saved


@pytest.fixture
async def hosting(dapr: DaprSidecar) -> AsyncIterator[DaprSidecar]:
    dapr.fake.reset()
    host = ActorGrpcHost(actors=Actors())
    await host.register_actor(ScriptedActor)
    async with host:
        yield dapr


async def test_a_value_that_was_changed_in_place_is_as_it_was_in_the_next_turn(hosting: DaprSidecar) -> None:
    await ran([["set_state", "plain", [1]]])
    assert await ran([["spoil", "plain"], ["get_state", "plain"]]) == [None, [1, "spoilt"]]
    assert await ran([["get_state", "plain"]]) == [[1]]


async def test_what_is_kept_for_some_time_is_gone_afterwards(hosting: DaprSidecar) -> None:
    await ran([["set_state_ttl", "plain", 1, 10], ["set_state_ttl", "other", 1, -1]])
    asked = [["get_state", "plain"], ["contains_state", "other"], ["get_state_names"]]
    assert await ran(asked) == [1, False, ["plain"]]
    await asyncio.to_thread(hosting.clock.advance, 11)
    assert await ran([["try_get_state", "plain"]]) == [[False, None]]


async def test_a_save_that_failed_leaves_nothing_behind(hosting: DaprSidecar) -> None:
    await ran([["set_state", "plain", 1]])
    hosting.faults.when("actors.transact").fail("UNAVAILABLE").times(1)
    assert await ran([["set_state", "plain", 2], ["set_state", "new", 2]]) is None
    assert await ran([["get_state", "plain"], ["contains_state", "new"]]) == [1, False]


@pytest.mark.parametrize("kind", KINDS)
async def test_names_of_state_are_any_text_and_nothing_is_a_value(kind: str) -> None:
    """Names go into JSON, and into URLs."""
    names = [
        '"',
        "\\",
        "\n\t",
        "\x7f",
        "a/b",
        "a%2Fb",
        "a?b#c",
        "ünï 猫 🐈",
        " ",
        '"},{"operation":"delete"',
        "||",
    ]
    actor = ActorProxyFactory().create(TYPE, ActorId("1"), Scripted)
    async with hosted(kind, ScriptedActor) as dapr:
        await actor.run([["set_state", name, None] for name in names])
        assert kept(dapr, TYPE, "1") == dict.fromkeys(names)
        await asyncio.to_thread(dapr.actors.deactivate, TYPE, "1")
        assert await actor.run([["try_get_state", name] for name in names]) == [[True, None]] * len(names)
        await actor.run([["remove_state", name] for name in names])
        assert kept(dapr, TYPE, "1") == {}
