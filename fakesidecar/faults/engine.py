"""Lets happen what rules say: an interceptor around the core.

Rules are found by what a call is (block, operation, component, protocol) and by its target, so that those about
other calls cost nothing.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from fakesidecar.faults import toward_app
from fakesidecar.faults.effects import Effect, Scene
from fakesidecar.faults.rules import Rule, fits, is_glob
from fakesidecar.ids import seeded
from fakesidecar.interceptors.recording import OK, Event, outcome_of

if TYPE_CHECKING:
    from fakesidecar.call import Call
    from fakesidecar.core import Core

SEEDS = 1 << 32
NONE: Sequence[Armed] = ()
KEPT = 1_000
"""How many calls to the application are kept."""


@dataclass(slots=True, eq=False)
class Armed:
    """A rule that is in force, and what became of it."""

    id: int
    rule: Rule
    random: Random
    added: float
    """When it was added, on the clock."""
    seen: int = 0
    """How many calls it was about."""
    acted: int = 0
    """How many of them something happened to."""

    def acts(self, now: float) -> bool:
        """Whether it acts on the call that it has just seen."""
        rule, seen = self.rule, self.seen
        return (
            (rule.times is None or self.acted < rule.times)
            and (rule.nth is None or seen == rule.nth)
            and (rule.every is None or seen % rule.every == 0)
            and (rule.first is None or seen <= rule.first)
            and (rule.after is None or seen > rule.after)
            and now - self.added >= rule.since
            and (rule.until is None or now - self.added < rule.until)
            and (rule.probability >= 1 or self.random.random() < rule.probability)
        )


@dataclass(slots=True)
class Candidates:
    """The rules that may be about a call, in the order in which they were added."""

    by_target: Mapping[str, list[Armed]]
    """Those that name their target."""
    others: list[Armed]


class Faults:
    """The rules of one sidecar; without any, calls do not pass here."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rules: dict[int, Armed] = {}
        self._last = 0
        self._lock = threading.RLock()
        self._candidates: dict[tuple[str, str, str, str], Candidates | None] = {}
        self._waiting: dict[tuple[str, str], bool] = {}
        self._may_wait = False
        """Whether there may be a rule whose effects take their time."""
        self.on_fault: Callable[[Call, Armed], None] = lambda call, armed: None
        """Hears of every call that something happens to."""
        self.about_app = False
        """Whether any rule is about calls to the application."""
        self.seen_by_app: deque[Event] = deque(maxlen=KEPT)
        """The calls to the application, oldest first, while there was such a rule."""

    # --- the plan ---

    def add(self, rule: Rule) -> Armed:
        """Put a rule in force; the first that acts on a call wins."""
        with self._lock:
            self._last += 1
            return self._arm(self._last, rule)

    def replace(self, id: int, rule: Rule) -> Armed:
        """Put another rule in the place of one, as if it had just been added."""
        with self._lock:
            if id not in self._rules:
                raise KeyError(id)
            return self._arm(id, rule)

    def _arm(self, id: int, rule: Rule) -> Armed:
        if rule.seed is None and any((rule.probability < 1, *(getattr(one, "jitter", 0) for one in rule.effects))):
            rule = replace(rule, seed=self._core.around.ids.random.randrange(SEEDS))
        self._may_wait = self._may_wait or rule.waits
        armed = self._rules[id] = Armed(id, rule, seeded(rule.seed or 0), self._core.clock.now())
        self._changed()
        return armed

    def remove(self, id: int) -> bool:
        """Put a rule out of force; False when there is none of that id."""
        with self._lock:
            found = self._rules.pop(id, None)
            self._changed()
            return found is not None

    def clear(self) -> None:
        """Put all rules out of force."""
        with self._lock:
            self._rules.clear()
            self.seen_by_app.clear()
            self._may_wait = False
            self._changed()

    @property
    def rules(self) -> tuple[Armed, ...]:
        """What is in force, in the order in which it was added."""
        with self._lock:
            return tuple(self._rules.values())

    def _changed(self) -> None:
        self._candidates, self._waiting = {}, {}
        means_app = [armed.rule.means_app for armed in self._rules.values()]
        self.about_app = any(means_app)
        interceptors = self._core.onion.interceptors
        needed, there = not all(means_app), self.intercept in interceptors
        if needed and not there:
            interceptors.append(self.intercept)
        elif there and not needed:
            interceptors.remove(self.intercept)

    # --- on the way of a call ---

    def waits(self, block: str, operation: str) -> bool:
        """Whether what happens to a call may take its time."""
        if not self._may_wait:
            return False
        key = block, operation
        found = self._waiting.get(key)
        if found is None:
            found = any(armed.rule.waits and armed.rule.covers(*key) for armed in self.rules)
            self._waiting[key] = found
        return found

    def intercept(self, call: Call, proceed: Callable[[], Any]) -> Any:
        """Let happen to a call what the first rule that acts says."""
        armed = self._acting(call)
        if armed is None:
            return proceed()
        self.on_fault(call, armed)
        return _through(armed.rule.effects, Scene(call, self._core, armed.random), proceed)

    async def toward_app(
        self,
        call: Call,
        send: toward_app.Send,
        *,
        timeout: float | None = None,
        finish: Callable[[Any], Awaitable[object]] = toward_app.nothing_left,
    ) -> Any:
        """The same for a call that the sidecar makes to its application; raises what a rule says as an `ApiError`."""
        asked, outcome, failure = self._core.clock.now(), OK, None
        armed = self._acting(call)
        try:
            if armed is None:
                return await send()
            way = toward_app.Way(call, self._core.clock, armed.random, timeout, finish)
            return await toward_app.through(armed.rule.effects, way, send)
        except Exception as error:
            outcome, failure = outcome_of(error), error
            raise
        finally:
            rule = None if armed is None else armed.rule
            self.seen_by_app.append(Event(call, outcome, failure, asked, len(self.seen_by_app) + 1, rule))

    def _acting(self, call: Call) -> Armed | None:
        """The first rule that acts on a call."""
        key = call.block, call.operation, call.component, call.protocol
        try:
            candidates = self._candidates[key]
        except KeyError:
            candidates = self._candidates[key] = self._find(call)
        if candidates is None:
            return None
        if candidates.others or call.targets_path:
            found = self._about(candidates, call)
        else:
            found = candidates.by_target.get(call.target, NONE)
        return self._first(found, call) if found else None

    def _find(self, call: Call) -> Candidates | None:
        """The rules that are about calls of that name, component and protocol."""
        by_target: dict[str, list[Armed]] = {}
        others: list[Armed] = []
        for armed in self.rules:
            rule = armed.rule
            if (
                rule.covers(call.block, call.operation)
                and fits(rule.component, call.component)
                and fits(rule.protocol, call.protocol)
                and rule.suits(call)
            ):
                (others if is_glob(rule.target) else by_target.setdefault(rule.target, [])).append(armed)
        return Candidates(by_target, others) if by_target or others else None

    @staticmethod
    def _about(candidates: Candidates, call: Call) -> Sequence[Armed]:
        """The rules that are about the call's targets, in their order."""
        targets = call.targets
        found = [armed for armed in candidates.others if _any_fits(armed.rule.target, targets)]
        if candidates.by_target:
            named = {id(armed): armed for target in targets for armed in candidates.by_target.get(target, ())}
            if named:
                found = sorted((*found, *named.values()), key=lambda armed: armed.id)
        return found

    def _first(self, found: Sequence[Armed], call: Call) -> Armed | None:
        """The first rule that acts; all count the call."""
        now = self._core.clock.now()
        first = None
        with self._lock:
            for armed in found:
                rule = armed.rule
                if (rule.metadata or rule.where) and any(rule.other_differences(call)):
                    continue
                armed.seen += 1
                if first is None and armed.acts(now):
                    armed.acted += 1
                    first = armed
        return first


def _any_fits(glob: str, targets: tuple[str, ...]) -> bool:
    return glob == "*" or any(fits(glob, target) for target in targets)


def _through(effects: tuple[Effect, ...], scene: Scene, proceed: Callable[[], Any]) -> Any:
    if not effects:
        return proceed()
    return effects[0](scene, lambda: _through(effects[1:], scene, proceed))
