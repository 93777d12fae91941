"""Calls, as tests speak of them: `"state.save", store="orders", key="7"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakesidecar.call import Call
from fakesidecar.faults.rules import ANY, Rule
from fakesidecar.interceptors.recording import Event

COMPONENT = ("component", "store", "pubsub", "binding")
TARGET = ("target", "key", "topic", "app", "actor", "workflow", "job", "resource")
"""Words for the component and for what it is asked about; which one is used does not matter."""
OTHERS = ("where", "metadata", "protocol")

WORDS = {
    "state": ("store", "key"),
    "secrets": ("store", "key"),
    "configuration": ("store", "key"),
    "lock": ("store", "resource"),
    "pubsub": ("pubsub", "topic"),
    "bindings": ("binding", "target"),
    "invocation": ("component", "app"),
    "actors": ("component", "actor"),
    "workflow": ("component", "workflow"),
    "jobs": ("component", "job"),
}
"""The words that suit a block."""

NEAREST = 3


def rule_of(call: str, criteria: Mapping[str, Any]) -> Rule:
    """A rule without effects for the calls that a test means."""
    said: dict[str, Any] = {"call": call}
    for name, value in criteria.items():
        if value is None:
            continue
        field = "component" if name in COMPONENT else "target" if name in TARGET else name
        if field not in ("component", "target", *OTHERS):
            raise TypeError(f"calls have no {name!r}: {', '.join((*COMPONENT, *TARGET, *OTHERS))}")
        if field in said:
            raise TypeError(f"{name!r} says twice what the {field} is")
        said[field] = value if field in ("where", "metadata") else str(value)
    return Rule(**said)


def as_arguments(rule: Rule) -> str:
    """The calls that a rule means, as arguments in Python."""
    component, target = WORDS.get(rule.call.partition(".")[0], ("component", "target"))
    named = {component: rule.component, target: rule.target, "protocol": rule.protocol}
    said = [f"{name}={value!r}" for name, value in named.items() if value != ANY]
    said += [f"{name}={dict(value)!r}" for name in ("where", "metadata") if (value := getattr(rule, name))]
    return ", ".join([repr(rule.call), *said])


def line_of(event: Event, start: float) -> str:
    """An event as a line of a timeline."""
    call = event.call
    asked = " ".join(filter(None, (call.name, call.component, ", ".join(event.targets))))
    text = f"#{event.number:<3} {event.time - start:+10.3f} s  {call.protocol}  {asked} → {event.outcome}"
    if event.error is not None:
        text += f" ({event.error})"
    if event.fault is not None:
        text += f"  [fault: {', '.join(effect.kind for effect in event.fault.effects)}]"
    return text


def nearest(rule: Rule, events: list[Event], start: float) -> str:
    """The calls that are most like the ones meant, and what they lack."""
    found = sorted(((list(rule.differences(event.call)), event) for event in events), key=_far)[:NEAREST]
    if not found:
        return "there were no calls at all"
    lines = [f"  {line_of(event, start)}\n      {'; '.join(why) or 'it is meant'}" for why, event in found]
    return "\n".join(["the nearest calls were", *lines])


def _far(found: tuple[list[str], Event]) -> tuple[int, bool, int]:
    why, event = found
    return len(why), bool(why) and why[0].startswith("it is "), -event.number


def name_fits(rule: Rule, call: Call) -> bool:
    """Whether a call is meant."""
    return next(rule.differences(call), None) is None
