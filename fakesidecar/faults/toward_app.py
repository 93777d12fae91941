"""What happens to a call that the sidecar makes to its application: an event, a job, a method that somebody invokes.

The rules are those of calls to the sidecar, and name what they mean: `app.event`, `app.*`. What happens, happens on the
event loop and keeps no thread waiting. A delivery that is to take longer waits for the clock, which nobody moves for
it; a call that somebody waits for moves the clock itself, as it does between its retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from fakesidecar.errors import ConnectionLost, DeadlinePassed, NoAnswer
from fakesidecar.faults.effects import Delay, Duplicate, Effect, Fail, Hang, Reset

if TYPE_CHECKING:
    from fakesidecar.call import Call
    from fakesidecar.clock import Clock

BLOCK = "app"
"""What calls to the application are of; only a rule that says so means them."""
WAITED_FOR = frozenset({"invoke", "actor"})
"""The calls whose answers somebody waits for, who may be the one that would move the clock."""

Send = Callable[[], Awaitable[Any]]


async def nothing_left(answer: object) -> None:
    """An answer that is there as a whole needs no reading."""


@dataclass(frozen=True, slots=True)
class Way:
    """The way of one call to the application."""

    call: Call
    clock: Clock
    random: Random
    timeout: float | None
    """Seconds after which the sidecar gives up; None when it never does."""
    finish: Callable[[Any], Awaitable[object]]
    """Reads an answer that nobody will be given."""

    async def wait(self, seconds: float) -> None:
        """Let time pass on the clock, until the sidecar gives up at most."""
        gives_up = self.timeout is not None and seconds >= self.timeout
        seconds = self.timeout if gives_up and self.timeout is not None else seconds
        if self.call.operation in WAITED_FOR:
            await asyncio.to_thread(self.clock.pass_time, seconds)
        else:
            await self.clock.sleep(seconds)
        if gives_up:
            raise DeadlinePassed

    async def applied(self, send: Send) -> None:
        """Let the application see to the call; what it answers is lost."""
        await self.finish(await send())


async def through(effects: Sequence[Effect], way: Way, send: Send) -> Any:
    """Let effects happen to a call, the first one outermost; raises what they raise, and what `send` does."""
    if not effects:
        return await send()
    return await STEPS[type(effects[0])](effects[0], way, lambda: through(effects[1:], way, send))


async def _fail(effect: Fail, way: Way, send: Send) -> Any:
    if effect.applied:
        await way.applied(send)
    raise effect.error()


async def _reset(effect: Reset, way: Way, send: Send) -> Any:
    if effect.applied:
        await way.applied(send)
    raise ConnectionLost


async def _delay(effect: Delay, way: Way, send: Send) -> Any:
    seconds = effect.drawn(way.random)
    if not effect.applied:
        await way.wait(seconds)
        return await send()
    answer = await send()
    await way.wait(seconds)
    return answer


async def _hang(effect: Hang, way: Way, send: Send) -> Any:
    if effect.applied:
        await way.applied(send)
    if way.timeout is None:
        raise NoAnswer
    await way.wait(way.timeout)


async def _duplicate(effect: Duplicate, way: Way, send: Send) -> Any:
    for _ in range(effect.times - 1):
        await way.applied(send)
    return await send()


STEPS: Mapping[type[Effect], Callable[[Any, Way, Send], Awaitable[Any]]] = {
    Fail: _fail,
    Reset: _reset,
    Delay: _delay,
    Hang: _hang,
    Duplicate: _duplicate,
}
"""What can happen to such a call."""
