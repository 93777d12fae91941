"""Which calls a rule is about, and rules as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakesidecar import Component, Sidecar
from fakesidecar.call import Call
from fakesidecar.clock import VirtualClock
from fakesidecar.faults import (
    BadPlan,
    Cut,
    Delay,
    Fail,
    Hang,
    Reset,
    Rule,
    Truncate,
    bad_request,
    from_json,
    retry_info,
    to_json,
)
from fakesidecar.faults.effects import KINDS, Injected
from fakesidecar.ids import SeededIds

FAIL = (Fail(),)


@pytest.fixture
def it() -> Sidecar:
    return Sidecar(components=[Component("orders", "state.in-memory")], clock=VirtualClock(), ids=SeededIds(7))


def acts(it: Sidecar, calls: int, **call: Any) -> list[int]:
    """Which of some calls, counted from 1, fail."""
    asked = Call(**{"block": "state", "operation": "save", "component": "orders", "target": "7", **call})
    failed = []
    for number in range(1, calls + 1):
        try:
            it.core.onion(asked, lambda: None)
        except Injected:
            failed.append(number)
    return failed


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"times": 2}, [1, 2]),
        ({"first": 3}, [1, 2, 3]),
        ({"nth": 4}, [4]),
        ({"every": 2}, [2, 4, 6]),
        ({"after": 4}, [5, 6]),
        ({"after": 1, "first": 3}, [2, 3]),
        ({"after": 2, "every": 2, "times": 1}, [4]),
        ({"every": 2, "times": 2}, [2, 4]),
        ({"every": 2, "first": 5}, [2, 4]),
        ({"probability": 0.0}, []),
    ],
)
def test_some_calls_of_many(it: Sidecar, said: dict[str, Any], expected: list[int]) -> None:
    armed = it.core.faults.add(Rule(call="state.save", effects=FAIL, **said))
    assert acts(it, 6) == expected
    assert (armed.seen, armed.acted) == (6, len(expected))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"call": "state.save"}, True),
        ({"call": "state.*"}, True),
        ({"call": "*"}, True),
        ({"call": "state.get"}, False),
        ({"component": "ord*"}, True),
        ({"component": "Orders"}, False),
        ({"target": "7"}, True),
        ({"target": "[0-9]"}, True),
        ({"target": "8"}, False),
        ({"protocol": "grpc"}, True),
        ({"protocol": "http"}, False),
        ({"metadata": {"user-agent": "*python*"}}, True),
        ({"metadata": {"user-agent": "*go*"}}, False),
        ({"metadata": {"tenant": "*"}}, True),
        ({"metadata": {"tenant": "?*"}}, False),
        ({"where": {"options.consistency": "strong"}}, True),
        ({"where": {"options.consistency": "eventual"}}, False),
        ({"where": {"items.price": "2?"}}, True),
    ],
)
def test_calls_are_meant_by_globs(it: Sidecar, said: dict[str, Any], meant: bool) -> None:
    rule = Rule(effects=FAIL, **said)
    it.core.faults.add(rule)
    call: dict[str, Any] = {
        "headers": [("user-agent", "grpc-python/1")],
        "sent": {"options": {"consistency": "strong"}, "items": [{"price": 1}, {"price": 23}]},
    }
    assert acts(it, 1, **call) == ([1] if meant else [])
    differences = list(rule.differences(Call("state", "save", "orders", "7", **call)))
    assert bool(differences) is not meant


def test_one_target_of_many_is_enough(it: Sidecar) -> None:
    it.core.faults.add(Rule(target="b", effects=FAIL))
    call = {"sent": {"states": [{"key": "a"}, {"key": "b"}]}, "targets_path": "states.key"}
    assert acts(it, 1, **call) == [1]
    assert acts(it, 1, **call | {"targets_path": "states.none"}) == []


def test_a_window_on_the_clock(it: Sidecar) -> None:
    assert isinstance(it.clock, VirtualClock)
    it.core.faults.add(Rule(since=10, until=20, effects=FAIL))
    found = []
    for second in range(30):
        if acts(it, 1):
            found.append(second)
        it.clock.advance(1)
    assert found == list(range(10, 20))


def test_chance_is_the_same_for_the_same_seed_and_is_told(it: Sidecar) -> None:
    armed = it.core.faults.add(Rule(probability=0.5, effects=FAIL))
    found = acts(it, 40)
    assert 5 < len(found) < 35
    seed = armed.rule.seed
    assert seed is not None
    it.core.faults.clear()
    it.core.faults.add(armed.rule)
    assert acts(it, 40) == found
    it.core.faults.clear()
    it.core.faults.add(Rule(probability=0.5, seed=seed + 1, effects=FAIL))
    assert acts(it, 40) != found


def test_the_first_rule_that_acts_wins_and_all_count(it: Sidecar) -> None:
    add = it.core.faults.add
    first = add(Rule(nth=2, effects=(Fail("ABORTED"),)))
    second = add(Rule(target="7", nth=2, effects=FAIL))
    third = add(Rule(target="7", effects=FAIL))
    assert acts(it, 3) == [1, 2, 3]
    assert [(one.seen, one.acted) for one in (first, second, third)] == [(3, 1), (3, 0), (3, 2)]


def test_rules_come_and_go(it: Sidecar) -> None:
    faults = it.core.faults
    armed = faults.add(Rule(effects=FAIL))
    assert acts(it, 1) == [1]
    faults.replace(armed.id, Rule(call="lock.*", effects=FAIL))
    assert acts(it, 1) == []
    assert faults.remove(armed.id)
    assert not faults.remove(armed.id)
    with pytest.raises(KeyError):
        faults.replace(armed.id, Rule(effects=FAIL))
    assert it.core.onion.interceptors == []
    faults.add(Rule(effects=FAIL))
    it.reset()
    assert faults.rules == ()
    assert acts(it, 1) == []


def test_the_sidecars_own_controls_are_never_meant(it: Sidecar) -> None:
    it.core.faults.add(Rule(effects=FAIL))
    assert acts(it, 1, block="control", operation="faults") == []


RULES = [
    Rule(effects=FAIL),
    Rule(call="state.save", component="orders", target="7*", times=2, effects=(Delay(0.5, jitter=1), Fail("ABORTED"))),
    Rule(where={"a.b": "c"}, metadata={"user-agent": "*"}, nth=3, since=1, until=2.5, effects=(Hang(applied=True),)),
    Rule(probability=0.25, seed=7, every=2, first=9, after=1, effects=(Cut(2, "ABORTED", "enough"),)),
    Rule(
        protocol="http",
        effects=(
            Fail(details=(retry_info(1.5), bad_request(key="bad")), headers={"retry-after": "2"}, body={"a": [1]}),
            Truncate(size=3),
        ),
    ),
    *(Rule(effects=(kind(),)) for kind in KINDS.values()),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.effects[0].kind)
def test_rules_are_the_same_after_json(rule: Rule) -> None:
    import json

    assert from_json(json.loads(json.dumps(to_json(rule)))) == rule


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"effects": []},
        {"effects": "fail"},
        {"effects": [{}]},
        {"effects": [{"kind": "explode"}]},
        {"effects": [{"kind": "fail", "status": "OK"}]},
        {"effects": [{"kind": "fail", "status": "NOPE"}]},
        {"effects": [{"kind": "fail", "details": [{"@type": "type.googleapis.com/google.rpc.Nope"}]}]},
        {"effects": [{"kind": "fail", "details": [{"@type": "google.rpc.RetryInfo", "nope": 1}]}]},
        {"effects": [{"kind": "fail", "nope": 1}]},
        {"effects": [{"kind": "fail", "applied": 1}]},
        {"effects": [{"kind": "delay", "seconds": "1"}]},
        {"effects": [{"kind": "delay", "seconds": True}]},
        {"effects": [{"kind": "delay", "seconds": -1}]},
        {"effects": [{"kind": "duplicate", "times": 1}]},
        {"effects": [{"kind": "cut", "after": -1}]},
        {"effects": [{"kind": "drip", "size": 0}]},
        {"effects": [{"kind": "fail"}], "nope": 1},
        {"effects": [{"kind": "fail"}], "call": 1},
        {"effects": [{"kind": "fail"}], "times": 0},
        {"effects": [{"kind": "fail"}], "times": 1.5},
        {"effects": [{"kind": "fail"}], "probability": 2},
        {"effects": [{"kind": "fail"}], "since": 2, "until": 1},
        {"effects": [{"kind": "truncate"}], "protocol": "grpc"},
        {"effects": [{"kind": "truncate"}, {"kind": "cut"}]},
    ],
    ids=str,
)
def test_what_could_never_happen_is_refused(value: Any) -> None:
    with pytest.raises(BadPlan):
        from_json(value)


def test_effects_happen_to_calls_that_they_can_happen_to(it: Sidecar) -> None:
    rule = Rule(effects=(Truncate(),))
    armed = it.core.faults.add(rule)
    assert acts(it, 1, protocol="grpc") == []
    assert armed.seen == 0
    assert list(rule.differences(Call("state", "get"))) == ["truncate cannot happen to a call of state over grpc"]


def test_a_reset_after_a_delay_is_both(it: Sidecar) -> None:
    from fakesidecar.errors import ConnectionLost

    it.core.faults.add(Rule(effects=(Delay(3), Reset(applied=True))))
    before, done = it.clock.now(), []
    carry_out: Callable[[], Any] = lambda: done.append(1)  # noqa: E731
    with pytest.raises(ConnectionLost):
        it.core.onion(Call("state", "save"), carry_out)
    assert (it.clock.now() - before, done) == (3, [1])
