"""What was asked of a sidecar, for tests to look at.

dapr_sidecar.calls.assert_called("state.save", store="orders", key="7", times=1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from grpc import StatusCode

from dapr_testing._criteria import as_arguments, line_of, name_fits, nearest, rule_of
from dapr_testing._waiting import SECONDS, Listeners, waited_for, waited_for_async
from fakesidecar.errors import ApiError
from fakesidecar.faults.rules import Rule
from fakesidecar.interceptors.recording import Event

if TYPE_CHECKING:
    from fakesidecar.call import Call
    from fakesidecar.core import Core

ALWAYS = ("health", "metadata")
"""Blocks whose calls are never unexpected: clients make them by themselves."""
LINES = 200


class UnexpectedCall(AssertionError):
    """In strict mode, a call was made that the test does not allow."""


class NotAllowed(ApiError, code="ERR_UNEXPECTED_CALL", grpc=StatusCode.UNIMPLEMENTED, http=501):
    """What the caller is told of it."""

    template = "the test does not expect this call: {call}"


class Calls(Sequence[Event]):
    """Every call of a test, oldest first."""

    def __init__(self, core: Core, start: float) -> None:
        self._core = core
        self._start = start
        self._allowed: list[Rule] | None = None
        self._unexpected: list[Call] = []

    # --- to look at ---

    @property
    def events(self) -> list[Event]:
        """All of them; those of the sidecar's own controls are left out."""
        return [event for event in self._core.recording.events if event.call.block != "control"]

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        return self.events[index]

    def matching(self, call: str = "*", /, *, outcome: str | None = None, **criteria: Any) -> list[Event]:
        """The calls that are meant; the criteria are those of `faults.when`, `outcome` a gRPC status' name or `OK`."""
        return self._found(rule_of(call, criteria), outcome)

    def _found(self, rule: Rule, outcome: str | None) -> list[Event]:
        return [event for event in self.events if name_fits(rule, event.call) and outcome in (None, event.outcome)]

    def clear(self) -> None:
        """Forget what was asked so far."""
        self._core.recording.clear()
        self._unexpected.clear()

    def timeline(self, since: int = 0) -> str:
        """What was asked, a line per call; `since`: without so many of the first."""
        events = self.events[since:]
        lines = [line_of(event, self._start) for event in events[-LINES:]]
        return "\n".join([f"… and {len(events) - LINES} before", *lines] if len(events) > LINES else lines)

    def __repr__(self) -> str:
        return self.timeline() or "no calls"

    # --- to assert ---

    def assert_called(
        self, call: str = "*", /, *, times: int | None = None, outcome: str | None = None, **criteria: Any
    ) -> Event:
        """Such a call was made (`times`: so often); the last of them."""
        rule = rule_of(call, criteria)
        found = self._found(rule, outcome)
        if not found or times not in (None, len(found)):
            often = "" if times is None else f" {times} time(s), but {len(found)}"
            raise AssertionError(self._explained(f"not called{often}", rule, outcome))
        return found[-1]

    def assert_not_called(self, call: str = "*", /, *, outcome: str | None = None, **criteria: Any) -> None:
        """No such call was made."""
        rule = rule_of(call, criteria)
        if found := self._found(rule, outcome):
            lines = "\n".join(f"  {line_of(event, self._start)}" for event in found)
            raise AssertionError(f"called {len(found)} time(s): {_meant(rule, outcome)}\n{lines}")

    def assert_in_order(self, *wanted: str | Rule) -> list[Event]:
        """These calls were made one after the other, others in between or not; say more of one with `like`."""
        rules = [rule_of(one, {}) if isinstance(one, str) else one for one in wanted]
        found: list[Event] = []
        events = iter(self.events)
        for position, rule in enumerate(rules, 1):
            event = next((one for one in events if name_fits(rule, one.call)), None)
            if event is None:
                raise AssertionError(self._explained(f"call {position} of {len(rules)} did not follow", rule, None))
            found.append(event)
        return found

    @staticmethod
    def like(call: str = "*", /, **criteria: Any) -> Rule:
        """A call, for `assert_in_order` and `strict`."""
        return rule_of(call, criteria)

    def _explained(self, what: str, rule: Rule, outcome: str | None) -> str:
        events = self.events
        timeline = self.timeline()
        said = f"{what}: {_meant(rule, outcome)}\n{nearest(rule, events, self._start)}"
        return f"{said}\nall calls:\n{timeline}" if timeline else said

    # --- to wait for ---

    def wait_for(
        self,
        call: str = "*",
        /,
        *,
        times: int = 1,
        timeout: float = SECONDS,
        outcome: str | None = None,
        **criteria: Any,
    ) -> Event:
        """Wait until such a call has been made (`times`: so often), `timeout` seconds of real time at most."""
        rule = rule_of(call, criteria)
        there = self._there(rule, outcome, times)
        return self._waited(waited_for(self._listeners, there, timeout), rule, outcome, times, timeout)

    async def wait_for_async(
        self,
        call: str = "*",
        /,
        *,
        times: int = 1,
        timeout: float = SECONDS,
        outcome: str | None = None,
        **criteria: Any,
    ) -> Event:
        """`wait_for`, for coroutines: the event loop runs on."""
        rule = rule_of(call, criteria)
        there = self._there(rule, outcome, times)
        return self._waited(await waited_for_async(self._listeners, there, timeout), rule, outcome, times, timeout)

    @property
    def _listeners(self) -> Listeners:
        return self._core.recording.listeners

    def _there(self, rule: Rule, outcome: str | None, times: int) -> Callable[[], bool]:
        return lambda: len(self._found(rule, outcome)) >= times

    def _waited(self, there: bool, rule: Rule, outcome: str | None, times: int, timeout: float) -> Event:
        if not there:
            raise AssertionError(self._explained(f"not called within {timeout} s", rule, outcome))
        return self._found(rule, outcome)[times - 1]

    # --- strictness ---

    def strict(self, *allowed: str | Rule) -> None:
        """From now on every other call fails the test, and is answered with UNIMPLEMENTED.

        Health and metadata are always allowed; called again, it allows more.
        """
        if self._allowed is None:
            self._allowed = []
            self._core.onion.interceptors.insert(1, self._look)
        self._allowed += [rule_of(one, {}) if isinstance(one, str) else one for one in allowed]

    def relax(self) -> None:
        """Be strict no more."""
        if self._allowed is not None:
            self._allowed = None
            self._core.onion.interceptors.remove(self._look)

    def _look(self, call: Call, proceed: Callable[[], Any]) -> Any:
        free = call.block in ("control", *ALWAYS)
        if free or any(name_fits(rule, call) for rule in self._allowed or ()):
            return proceed()
        self._unexpected.append(call)
        raise NotAllowed(call=call.name)

    def check(self) -> None:
        """Raise `UnexpectedCall` when a call was made that is not allowed."""
        if self._unexpected:
            calls = ", ".join(f"{call.name} {call.component} {', '.join(call.targets)}" for call in self._unexpected)
            raise UnexpectedCall(f"calls that the test does not allow: {calls}\nall calls:\n{self.timeline()}")


def _meant(rule: Rule, outcome: str | None) -> str:
    return f"{as_arguments(rule)}{'' if outcome is None else f', outcome={outcome!r}'}"
