"""What is to go wrong in a test, said in a line.

dapr_sidecar.faults.when("state.save", store="orders").fail("UNAVAILABLE").times(2)

with dapr_sidecar.faults.when("state.*").reset():
    ...

A plan that belongs to no sidecar yet is data, prints as the code that makes it, and is put in force with `use`:

plan = fault_plan(when("state.save").lose_reply().once(), when("state.get").stale_etag())
dapr_sidecar.faults.use(plan)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dapr_testing._criteria import as_arguments, nearest, rule_of
from fakesidecar.faults import (
    Armed,
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
    from_json,
    to_json,
)
from fakesidecar.faults.rules import given

if TYPE_CHECKING:
    import grpc

    from fakesidecar.core import Core


class FaultNotNeeded(AssertionError):
    """A test has a fault plan that nothing happened by: it does not test what it says."""


class Faults:
    """The fault plans of a sidecar."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._plans: list[Plan] = []

    def when(self, call: str = "*", /, **criteria: Any) -> Plan:
        """Calls of that name (`state.save`, `state.*`) that something is to happen to; what, the plan says.

        `store` (or `component`, `pubsub`, `binding`), `key` (or `topic`, `app`, `actor`, `workflow`, `job`,
        `resource`, `target`) and `protocol` narrow them down, and so do `where`, fields of the request by their
        paths, and `metadata`. Texts are globs.
        """
        return self._plan(rule_of(call, criteria))

    def add(self, rule: Rule) -> Plan:
        """Put a rule in force as it is."""
        plan = self._plan(rule)
        plan._put()
        return plan

    def _plan(self, rule: Rule) -> Plan:
        plan = Plan(self._core, rule)
        self._plans.append(plan)
        return plan

    def use(self, plan: FaultPlan | Plan) -> list[Plan]:
        """Put a plan in force that was made without a sidecar: it need not come to anything, as it may be drawn."""
        rules = plan.rules if isinstance(plan, FaultPlan) else (plan.rule,)
        return [self.add(rule).optional() for rule in rules]

    def not_ready(self, seconds: float | None = None) -> Plan:
        """Say that the sidecar is not ready, for some seconds on the clock or until the test's end."""
        plan = self.when("health.*").not_ready()
        return plan if seconds is None else plan.until(seconds)

    def from_json(self, plan: str | Path | Mapping[str, Any] | list[Any]) -> list[Plan]:
        """Put the rules of a plan in force: JSON as text, in a file, or parsed."""
        if isinstance(plan, Path):
            plan = plan.read_text(encoding="utf-8")
        value = json.loads(plan) if isinstance(plan, str) else plan
        return [self.add(from_json(rule)) for rule in (value if isinstance(value, list) else [value])]

    def to_json(self) -> str:
        """The rules that are in force, as JSON."""
        return json.dumps([to_json(armed.rule) for armed in self._core.faults.rules])

    def clear(self) -> None:
        """Put everything out of force, without a look at whether it was needed."""
        self._core.faults.clear()
        self._plans.clear()

    def again(self, plans: Iterable[Plan]) -> None:
        """Put plans in force again, as if they had just been made; no others are."""
        self.clear()
        for plan in plans:
            plan._armed = None
            self._plans.append(plan)
            if plan.rule.effects and not plan._over:
                plan._put()

    def check(self) -> None:
        """Raise `FaultNotNeeded` for plans that are in force and that nothing happened by."""
        idle = [plan for plan in self._plans if plan.idle]
        if idle:
            raise FaultNotNeeded("\n".join(plan.why_idle() for plan in idle))

    def __iter__(self) -> Iterator[Plan]:
        return iter(tuple(self._plans))

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._plans))


class Plan:
    """Calls, and what happens to them. Every method narrows it or adds to it, and gives it back."""

    def __init__(self, core: Core | None, rule: Rule) -> None:
        self._core = core
        self._rule = rule
        self._armed: Armed | None = None
        self._over = False
        self._optional = False

    # --- what happens ---

    def fail(self, status: grpc.StatusCode | str = "UNAVAILABLE", message: str = "", **more: Any) -> Plan:
        """Answer with an error before the call is carried out; `more` are fields of `fakesidecar.faults.Fail`."""
        return self._then(Fail(status if isinstance(status, str) else status.name, message, **more))

    def apply_then_fail(self, status: grpc.StatusCode | str = "UNAVAILABLE", message: str = "", **more: Any) -> Plan:
        """Carry the call out, and answer with an error all the same."""
        return self.fail(status, message, applied=True, **more)

    def delay(self, seconds: float, *, jitter: float = 0.0, applied: bool = False) -> Plan:
        """Take so many seconds longer, on the clock; `applied`: after the call was carried out."""
        return self._then(Delay(seconds, jitter, applied))

    def hang(self, *, applied: bool = False) -> Plan:
        """Never answer: the caller's deadline ends it."""
        return self._then(Hang(applied))

    def reset(self, *, applied: bool = False) -> Plan:
        """Break the connection before the call is carried out."""
        return self._then(Reset(applied))

    def lose_reply(self) -> Plan:
        """Carry the call out, and break the connection before the answer."""
        return self.reset(applied=True)

    def duplicate(self, times: int = 2) -> Plan:
        """Carry the call out more than once; the last answer is given."""
        return self._then(Duplicate(times))

    def stale_etag(self) -> Plan:
        """Let somebody else write the same keys: after a read, before a write."""
        return self._then(StaleEtag())

    def cut(self, after: int = 0, status: grpc.StatusCode | str = "", message: str = "") -> Plan:
        """End a stream after so many messages: by a broken connection, or with a status."""
        return self._then(Cut(after, status if isinstance(status, str) else status.name, message))

    def truncate(self, size: int | None = None, *, part: float = 0.5) -> Plan:
        """Break the connection in the middle of an HTTP body."""
        return self._then(Truncate(size, part))

    def drip(self, size: int = 1, *, pause: float = 1.0) -> Plan:
        """Send the answer some bytes at a time, with a pause between."""
        return self._then(Drip(size, pause))

    def not_ready(self) -> Plan:
        """Say that the sidecar is not ready: for `health.*`."""
        return self._then(NotReady())

    def restart(self, *, keep_data: bool = True, applied: bool = False) -> Plan:
        """Let the sidecar end and start again, with what its stores hold or without."""
        return self._then(Restart(keep_data, applied))

    # --- to which of the calls ---

    def times(self, count: int) -> Plan:
        """So many times at most."""
        return self._narrow(times=count)

    def once(self) -> Plan:
        """One time at most."""
        return self.times(1)

    def nth(self, number: int) -> Plan:
        """To the nth call alone, counted from 1 and from now."""
        return self._narrow(nth=number)

    def every(self, number: int) -> Plan:
        """To every nth call."""
        return self._narrow(every=number)

    def first(self, count: int) -> Plan:
        """To some of the first calls alone."""
        return self._narrow(first=count)

    def after(self, count: int) -> Plan:
        """Only to calls that come after so many that go well."""
        return self._narrow(after=count)

    def with_probability(self, probability: float) -> Plan:
        """By chance, drawn from a seed."""
        return self._narrow(probability=probability)

    def seed(self, seed: int) -> Plan:
        """What chance and jitter are drawn from; the sidecar draws one otherwise, and the plan tells it."""
        return self._narrow(seed=seed)

    def since(self, seconds: float) -> Plan:
        """Not before so many seconds from now, on the clock."""
        return self._narrow(since=seconds)

    def until(self, seconds: float) -> Plan:
        """No more after so many seconds from now, on the clock."""
        return self._narrow(until=seconds)

    def optional(self) -> Plan:
        """It is no error when nothing happens by it."""
        self._optional = True
        return self

    def _then(self, effect: Effect) -> Plan:
        return self._narrow(effects=(*self._rule.effects, effect))

    def _narrow(self, **fields: Any) -> Plan:
        self._rule = replace(self._rule, **fields)
        if self._rule.effects:
            self._put()
        return self

    def _put(self) -> None:
        if self._core is None:
            return
        faults = self._core.faults
        self._armed = faults.add(self._rule) if self._armed is None else faults.replace(self._armed.id, self._rule)
        self._rule = self._armed.rule

    # --- what became of it ---

    @property
    def rule(self) -> Rule:
        """It as data."""
        return self._rule

    @property
    def seen(self) -> int:
        """How many calls it was about."""
        return 0 if self._armed is None else self._armed.seen

    @property
    def acted(self) -> int:
        """How many of them something happened to."""
        return 0 if self._armed is None else self._armed.acted

    def to_json(self) -> dict[str, Any]:
        """It as JSON values."""
        return to_json(self._rule)

    def remove(self) -> None:
        """Put it out of force, without a look at whether it was needed."""
        self._over = True
        if self._core is not None and self._armed is not None:
            self._core.faults.remove(self._armed.id)

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, kind: type[BaseException] | None, *failure: object) -> None:
        idle = self.idle
        self.remove()
        if idle and kind is None:
            raise FaultNotNeeded(self.why_idle())

    @property
    def idle(self) -> bool:
        """Whether it is in force, or was meant to be, and nothing has happened by it."""
        return not self._optional and not self._over and not self.acted

    def why_idle(self) -> str:
        """Why nothing has happened by it, as far as that can be told."""
        text = f"nothing happened by the plan\n  {self!r}\n"
        if self._core is None or self._armed is None:
            return f"{text}because it does not say what is to happen"
        if self.seen:
            return f"{text}though it was about {self.seen} call(s): see which of them it means"
        if self._rule.means_app:
            events = list(self._core.faults.seen_by_app)
        else:
            events = [event for event in self._core.recording.events if event.call.block != "control"]
        return f"{text}because no call was meant by it; {nearest(self._rule, events, self._armed.added)}"

    def __repr__(self) -> str:
        steps = [*map(_effect, self._rule.effects), *_timing(self._rule), *(["optional()"] if self._optional else [])]
        start = "when" if self._core is None else "faults.when"
        return ".".join([f"{start}({as_arguments(self._rule)})", *steps])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """As Hypothesis prints it: not by how it was drawn."""
        printer.text(repr(self))


def when(call: str = "*", /, **criteria: Any) -> Plan:
    """A plan that belongs to no sidecar yet; the criteria are those of `faults.when`."""
    return Plan(None, rule_of(call, criteria))


@dataclass(frozen=True, slots=True, repr=False)
class FaultPlan:
    """Some rules as one value: property tests draw it, and print it as the code that makes it."""

    rules: tuple[Rule, ...] = ()

    def __repr__(self) -> str:
        lines = "".join(f"\n    {Plan(None, rule)!r}," for rule in self.rules)
        return f"fault_plan({lines}\n)" if lines else "fault_plan()"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The same, indented as Hypothesis prints around it."""
        with printer.group(4, "fault_plan(", ""):
            for rule in self.rules:
                printer.break_()
                printer.text(f"{Plan(None, rule)!r},")
        if self.rules:
            printer.break_()
        printer.text(")")

    def to_json(self) -> str:
        """Its rules as JSON, for `faults.from_json` and `fakesidecar faults add`."""
        return json.dumps([to_json(rule) for rule in self.rules])


def fault_plan(*plans: Plan) -> FaultPlan:
    """One plan of many, to hand to `faults.use`."""
    return FaultPlan(tuple(plan.rule for plan in plans))


def _effect(effect: Effect) -> str:
    said = given(effect)
    first = FIRST.get(effect.kind)
    parts = [repr(said.pop(first, getattr(effect, first)))] if first else []
    return f"{effect.kind}({', '.join([*parts, *(f'{name}={value!r}' for name, value in said.items())])})"


FIRST = {"fail": "status", "delay": "seconds", "cut": "after", "duplicate": "times"}
"""What is said of an effect without its name."""


def _timing(rule: Rule) -> Iterator[str]:
    for name in ("times", "nth", "every", "first", "after"):
        if (value := getattr(rule, name)) is not None:
            yield f"{name}({value})"
    if rule.probability != 1:
        yield f"with_probability({rule.probability})"
    if rule.seed is not None:
        yield f"seed({rule.seed})"
    if rule.since:
        yield f"since({rule.since})"
    if rule.until is not None:
        yield f"until({rule.until})"
