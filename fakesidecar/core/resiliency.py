"""Resiliency at work: timeouts, retries and circuit breakers, all on the clock (dapr pkg/resiliency, kit/retry).

A policy is a retry around a circuit breaker around a timeout. What is tried may be a function, a coroutine, or
something that says later how it went; a `Course` knows for all three what comes after each attempt. Whoever waits
for a call lets time pass (a virtual clock moves); a delivery that is tried again waits for the clock.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from grpc import StatusCode

from fakesidecar import golang
from fakesidecar.errors import ComponentError
from fakesidecar.later import end_as, fail, failed, settle
from fakesidecar.resources.resiliency import CircuitBreaker, Resiliency, Retry, Target

if TYPE_CHECKING:
    from fakesidecar.clock import Clock
    from fakesidecar.ids import Ids

log = logging.getLogger("fakesidecar.resiliency")

T = TypeVar("T")
D = TypeVar("D")

CONSTANT_SECONDS = 5.0
FIRST_SECONDS, FACTOR, JITTER, MAX_SECONDS, ELAPSED_SECONDS = 0.5, 1.5, 0.5, 60.0, 900.0
"""An exponential retry that says nothing else (kit/retry, DefaultConfig)."""
OPEN_SECONDS = 60.0
TRIP = "consecutiveFailures > 5"
ITS_MARK = "INVALID_ARGUMENT"
"""What the library of CEL puts around its errors."""
INVALID = "invalid retry configuration {name}"
"""What daprd says of circuit breakers, too."""
BREAKERS = 100
"""How many circuit breakers of one application's methods are kept (circuitBreakerCacheSize)."""
BREAKERS_OF_ACTORS = 5000

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "state": ("get", "set", "delete", "bulk_get", "transact", "query"),
    "secrets": ("get", "bulk_get"),
    "configuration": ("get",),
    "lock": ("try_lock", "unlock"),
    "bindings": ("invoke",),
    "pubsub": ("publish",),
    "crypto": ("key",),
    "conversation": ("converse",),
}
"""What the outbound policies of a component guard, by building block."""


class DeadlineExceeded(ComponentError):
    """An attempt took longer than its policy lets it."""

    def __init__(self) -> None:
        super().__init__("context deadline exceeded")


class BreakerOpen(ComponentError):
    """A circuit breaker lets nothing through."""

    permanent = True


class NotTaken(Exception):
    """An event was not taken by the application, and may be offered again."""

    permanent = False

    def __init__(self, text: str, code: int | str = "") -> None:
        super().__init__(text)
        self.code = code
        """The HTTP status or the gRPC code that says so, where one does."""


# --- retries ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Codes:
    """`429,500-599`."""

    ranges: tuple[tuple[int, int], ...]

    def __contains__(self, code: int) -> bool:
        return any(low <= code <= high for low, high in self.ranges)


def codes_of(text: str) -> Codes | None:
    """The codes that a text lists, None for all; raises ValueError."""
    if not text.strip():
        return None
    ranges = []
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        ranges.append((int(low), int(high or low)))
    return Codes(tuple(ranges))


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """When to try again, and after which failures."""

    exponential: bool = False
    seconds: float = CONSTANT_SECONDS
    max_seconds: float = MAX_SECONDS
    max_retries: float = math.inf
    http: Codes | None = None
    grpc: Codes | None = None

    def wait(self, retry: int, elapsed: float, random: Callable[[], float]) -> float | None:
        """Seconds before a retry (the first is 0); None when there is none."""
        if retry >= self.max_retries:
            return None
        if not self.exponential:
            return self.seconds
        mean = min(self.max_seconds, FIRST_SECONDS * FACTOR**retry)
        wait = mean * (1 - JITTER + 2 * JITTER * random())
        return wait if elapsed + wait <= ELAPSED_SECONDS else None

    def covers(self, error: BaseException) -> bool:
        """Whether a failure is one to try again after; one without a code always is."""
        if getattr(error, "permanent", False):
            return False
        code = code_of(error)
        if code is None:
            return True
        codes = self.http if code >= 100 else self.grpc
        return codes is None or code in codes


def code_of(error: BaseException) -> int | None:
    """The HTTP status or the gRPC code that a failure carries."""
    code = getattr(error, "code", None)
    if isinstance(code, StatusCode):
        return int(code.value[0])
    if isinstance(code, str):
        return int(StatusCode[code].value[0]) if code in StatusCode.__members__ else None
    return code if isinstance(code, int) and code >= 0 else None


# --- circuit breakers ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Counts:
    """What a circuit breaker has seen since its state changed, by the names of its conditions."""

    requests: int = 0
    total_successes: int = 0
    total_failures: int = 0
    consecutive_successes: int = 0
    consecutive_failures: int = 0

    def add(self, failed: bool) -> None:
        """Count the end of a request."""
        if failed:
            self.total_failures += 1
            self.consecutive_failures, self.consecutive_successes = self.consecutive_failures + 1, 0
        else:
            self.total_successes += 1
            self.consecutive_successes, self.consecutive_failures = self.consecutive_successes + 1, 0

    def as_variables(self) -> dict[str, int]:
        """By the names that a condition knows them by."""
        return {
            "requests": self.requests,
            "totalSuccesses": self.total_successes,
            "totalFailures": self.total_failures,
            "consecutiveSuccesses": self.consecutive_successes,
            "consecutiveFailures": self.consecutive_failures,
        }


CLOSED, HALF_OPEN, OPEN = "closed", "half-open", "open"


KeptBreaker: TypeAlias = tuple[str, Counts, float]
"""A circuit breaker's state, what it has seen, and when that ends."""


@dataclass(slots=True)
class Breaker:
    """Lets nothing through for a while, when too much went wrong (sony/gobreaker)."""

    clock: Clock
    trips: Callable[[Counts], bool]
    max_requests: int = 1
    """How many are let through when it is half open."""
    interval: float = 0.0
    """After so many seconds it forgets what it saw when closed; 0: it does not."""
    timeout: float = OPEN_SECONDS
    state: str = CLOSED
    counts: Counts = field(default_factory=Counts)
    _until: float = 0.0

    def __post_init__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let everything through, and forget what was seen."""
        self._change(CLOSED)

    def refusal(self) -> BreakerOpen | None:
        """Why a request is not let through, None when it is."""
        self._move_on()
        if self.state == OPEN:
            return BreakerOpen("circuit breaker is open")
        if self.state == HALF_OPEN and self.counts.requests >= self.max_requests:
            return BreakerOpen("too many requests")
        self.counts.requests += 1
        return None

    def ended(self, failed: bool) -> None:
        """A request that was let through has ended."""
        self._move_on()
        if self.state == OPEN:
            return
        self.counts.add(failed)
        if self.state == CLOSED:
            if failed and self.trips(self.counts):
                self._change(OPEN)
        elif failed:
            self._change(OPEN)
        elif self.counts.consecutive_successes >= self.max_requests:
            self._change(CLOSED)

    def snapshot(self) -> KeptBreaker:
        """What it has come to."""
        return self.state, replace(self.counts), self._until

    def restore(self, kept: KeptBreaker) -> None:
        """Be as it was then."""
        self.state, counts, self._until = kept
        self.counts = replace(counts)

    def _move_on(self) -> None:
        if self._until and self._until <= self.clock.now():
            self._change(HALF_OPEN if self.state == OPEN else self.state)

    def _change(self, state: str) -> None:
        self.state, self.counts = state, Counts()
        wait = {CLOSED: self.interval, OPEN: self.timeout, HALF_OPEN: 0.0}[state]
        self._until = self.clock.now() + wait if wait else 0.0


def condition_of(trip: str) -> Callable[[Counts], bool]:
    """When a circuit breaker trips; raises ValueError for what is no condition."""
    from cel_expr_python import cel

    variables = dict.fromkeys(Counts().as_variables(), cel.Type.INT)
    try:
        expression = cel.NewEnv(variables=variables).compile(trip)
    except RuntimeError as error:
        text = str(error).removeprefix(f"{ITS_MARK}: ").removesuffix(f" [{ITS_MARK}]")
        raise ValueError(f"invalid Expr {golang.quote(trip)}: {text}") from error
    return lambda counts: expression.eval(data=counts.as_variables()).value() is True


# --- policies --------------------------------------------------------------------------------------------------------


class Course:
    """One thing that is to be done under a policy: what comes before and after each attempt."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._began = policy.clock.now()
        self._retries = 0

    def refusal(self) -> BreakerOpen | None:
        """Why an attempt is not made, None when it is."""
        return self._policy.breaker.refusal() if self._policy.breaker is not None else None

    def after(self, error: BaseException | None) -> float | None:
        """Seconds until the next attempt, after one has ended; None when there is none."""
        policy = self._policy
        if policy.breaker is not None:
            policy.breaker.ended(error is not None)
        if error is None or policy.retry is None or not policy.retry.covers(error):
            return None
        wait = policy.retry.wait(self._retries, policy.clock.now() - self._began, policy.random)
        self._retries += 1
        return wait


Answered = Callable[[BaseException | None], None]
"""Hears how an attempt, or all of them, went."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What guards something."""

    clock: Clock
    random: Callable[[], float]
    timeout: float | None = None
    retry: RetryPlan | None = None
    breaker: Breaker | None = None

    def run(self, attempt: Callable[[], T]) -> T:
        """Do it, and again; the caller waits. That an attempt took too long is found out when it is over."""
        course = Course(self)
        while True:
            if refusal := course.refusal():
                raise refusal
            began = self.clock.now()
            try:
                value = attempt()
                if self.timeout is not None and self.clock.now() - began > self.timeout:
                    raise DeadlineExceeded
            except ComponentError as error:
                wait = course.after(error)
                if wait is None:
                    raise
            else:
                course.after(None)
                return value
            self.clock.pass_time(wait)

    async def run_async(
        self,
        attempt: Callable[[], Awaitable[T]],
        failure_of: Callable[[T], BaseException | None],
        discard: Callable[[T], Awaitable[None]],
    ) -> T:
        """Do it, and again, on the event loop; an answer that is a failure is given when there is no better one."""
        course = Course(self)
        while True:
            if refusal := course.refusal():
                raise refusal
            try:
                value = await self._in_time(attempt())
            except ComponentError as error:
                wait = course.after(error)
                if wait is None:
                    raise
            else:
                wait = course.after(failure_of(value))
                if wait is None:
                    return value
                await discard(value)
            await asyncio.to_thread(self.clock.pass_time, wait)

    def run_later(self, attempt: Callable[[], Future[T]]) -> Future[T]:
        """Do what is answered later, and again; whoever waits lets time pass."""
        course, result = Course(self), Future[T]()

        def begin() -> None:
            if refusal := course.refusal():
                fail(result, refusal)
                return
            try:
                future = attempt()
            except Exception as error:
                future = failed(error)
            self._in_time_later(future).add_done_callback(ended)

        def ended(done: Future[T]) -> None:
            error = done.exception()
            wait = course.after(error)
            if error is None:
                settle(result, done.result())
            elif wait is None:
                fail(result, error)
            else:
                threading.Thread(target=go_on, args=(wait,), name="fakesidecar retry", daemon=True).start()

        def go_on(wait: float) -> None:
            self.clock.pass_time(wait)
            begin()

        begin()
        return result

    def _in_time_later(self, future: Future[T]) -> Future[T]:
        if self.timeout is None:
            return future
        result = Future[T]()
        lift = self.clock.limit(self.timeout, lambda: fail(result, DeadlineExceeded()))
        result.add_done_callback(lambda _: lift())
        future.add_done_callback(partial(end_as, result))
        return result

    def offer(self, attempt: Callable[[Answered], None], answered: Answered) -> None:
        """Do what says later how it went, and again when the clock is so far; nobody waits."""
        course = Course(self)

        def begin() -> None:
            if refusal := course.refusal():
                answered(refusal)
                return
            attempt(self._timed(ended))

        def ended(error: BaseException | None) -> None:
            wait = course.after(error)
            if wait is None:
                answered(error)
            else:
                self.clock.call_later(wait, begin)

        begin()

    async def _in_time(self, attempt: Awaitable[T]) -> T:
        if self.timeout is None:
            return await attempt
        loop = asyncio.get_running_loop()
        work, late = asyncio.ensure_future(attempt), loop.create_future()

        def ring() -> None:
            loop.call_soon_threadsafe(late.cancel)

        lift = self.clock.limit(self.timeout, ring)
        try:
            await asyncio.wait((work, late), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise DeadlineExceeded
        finally:
            lift()
            work.cancel()
            late.cancel()

    def _timed(self, answered: Answered) -> Answered:
        if self.timeout is None:
            return answered
        left = [answered]

        def first(error: BaseException | None) -> None:
            lift()
            try:
                told = left.pop()
            except IndexError:  # it was too late
                return
            told(error)

        lift = self.clock.limit(self.timeout, lambda: first(DeadlineExceeded()))
        return first


OF_APPS = ("DefaultApp{}Policy", "Default{}Policy")
OF_ACTORS = ("DefaultActor{}Policy", "Default{}Policy")
"""The names of default policies, the most special one first."""

Kept = OrderedDict[tuple[str, str], Breaker]
"""Circuit breakers of which a number is kept, those that were used last."""


class Policies:
    """What guards the applications and components that a sidecar deals with."""

    def __init__(self, declared: Sequence[Resiliency], clock: Clock, ids: Ids) -> None:
        self._clock, self._random = clock, ids.random.random
        self._timeouts: dict[str, float] = {}
        self._retries: dict[str, RetryPlan] = {}
        self._breakers: dict[str, Breaker] = {}
        """The declared ones: what guards something has copies."""
        self._apps: dict[str, Target] = {}
        self._actors: dict[str, Target] = {}
        self._components: dict[tuple[str, str], Target] = {}
        self._of_components: dict[tuple[str, str, str], Policy | None] = {}
        """What `component` has answered: it stays as it is."""
        self._by_method: Kept = OrderedDict()
        self._by_actor: Kept = OrderedDict()
        for resiliency in declared:
            try:
                self._add(resiliency)
            except ValueError as error:
                log.error("Could not read resiliency policy %s: %s", resiliency.name, error)

    def _add(self, declared: Resiliency) -> None:
        timeouts = read_all(declared.timeouts, golang.parse_duration, "invalid duration {name}, {text}")
        retries = read_all(declared.retries, plan_of, INVALID)
        breakers = read_all(declared.circuit_breakers, self._breaker, INVALID)
        self._timeouts |= timeouts
        self._retries |= retries
        self._breakers |= breakers
        self._apps |= declared.apps
        self._actors |= declared.actors
        for name, target in declared.components.items():
            self._components |= {(name, "Outbound"): target.outbound, (name, "Inbound"): target.inbound}

    def _breaker(self, declared: CircuitBreaker) -> Breaker:
        return Breaker(
            self._clock,
            read("trip", condition_of, declared.trip or TRIP),
            declared.max_requests or 1,
            read("interval", duration_of, declared.interval or "0"),
            read("timeout", duration_of, declared.timeout) if declared.timeout else OPEN_SECONDS,
        )

    def app(self, app_id: str, method: str) -> Policy | None:
        """What guards calls of an application's method."""
        target = self._apps.get(app_id)
        most = (target and target.circuit_breaker_cache_size) or BREAKERS
        key = app_id, method
        return self._policy(target, OF_APPS, lambda name: self._kept(self._by_method, key, name, most))

    def actor(self, type: str, id: str) -> Policy | None:
        """What guards calls of an actor's methods."""
        target = self._actors.get(type)
        most = (target and target.circuit_breaker_cache_size) or BREAKERS_OF_ACTORS
        key = type, "" if target and target.circuit_breaker_scope == "type" else id
        return self._policy(target, OF_ACTORS, lambda name: self._kept(self._by_actor, key, name, most))

    def component(self, name: str, kind: str, direction: str) -> Policy | None:
        """What guards a component: its kind is that of its building block (`Statestore`), the direction `Outbound`."""
        key = name, kind, direction
        if key not in self._of_components:
            patterns = (
                f"Default{kind}Component{direction}{{}}Policy",
                f"DefaultComponent{direction}{{}}Policy",
                "DefaultComponent{}Policy",
                "Default{}Policy",
            )
            self._of_components[key] = self._policy(self._components.get((name, direction)), patterns, self._copy)
        return self._of_components[key]

    def offer(self, name: str, block: str, attempt: Callable[[Answered], None], answered: Answered) -> None:
        """Offer what comes in from a component, as often as there is reason to."""
        policy = self.component(name, KINDS[block], "Inbound")
        if policy is None:
            attempt(answered)
        else:
            policy.offer(attempt, answered)

    def reset(self) -> None:
        """Close every circuit breaker."""
        self._by_method.clear()
        self._by_actor.clear()
        for policy in self._of_components.values():
            if policy is not None and policy.breaker is not None:
                policy.breaker.close()

    def snapshot(self) -> list[tuple[str, tuple[str, ...], KeptBreaker]]:
        """Every circuit breaker that was asked, those of each kind in the order in which they were used."""
        return [(kind, key, breaker.snapshot()) for kind, key, breaker in self._asked()]

    def restore(self, kept: Sequence[tuple[str, tuple[str, ...], KeptBreaker]]) -> None:
        """Have every circuit breaker be as it was then."""
        self.reset()
        policies: Mapping[str, Callable[..., Policy | None]]
        policies = {"app": self.app, "actor": self.actor, "component": self.component}
        for kind, key, breaker in kept:
            policy = policies[kind](*key)
            if policy is not None and policy.breaker is not None:
                policy.breaker.restore(breaker)

    def _asked(self) -> Iterator[tuple[str, tuple[str, ...], Breaker]]:
        for app, breaker in self._by_method.items():
            yield "app", app, breaker
        for actor, breaker in self._by_actor.items():
            yield "actor", actor, breaker
        for component, policy in self._of_components.items():
            if policy is not None and policy.breaker is not None:
                yield "component", component, policy.breaker

    def _named(
        self, target: Target | None, patterns: tuple[str, ...]
    ) -> tuple[float | None, RetryPlan | None, str | None]:
        def find(kind: str, named: str, known: Mapping[str, Any]) -> str | None:
            # What is a target has no default policies, whichever it names (dapr pkg/resiliency, EndpointPolicy).
            names = [named] if target is not None else [pattern.format(kind) for pattern in patterns]
            return next((name for name in names if name in known), None)

        named = target or Target()
        timeout = find("Timeout", named.timeout, self._timeouts)
        retry = find("Retry", named.retry, self._retries)
        breaker = find("CircuitBreaker", named.circuit_breaker, self._breakers)
        return self._timeouts.get(timeout or ""), self._retries.get(retry or ""), breaker

    def _kept(self, breakers: Kept, key: tuple[str, str], name: str, most: int) -> Breaker:
        """The breaker of a key, made now if it is not among those that were used last."""
        breakers[key] = breakers.pop(key) if key in breakers else self._copy(name)
        while len(breakers) > most:
            breakers.popitem(last=False)
        return breakers[key]

    def _copy(self, name: str) -> Breaker:
        return replace(self._breakers[name])

    def _policy(
        self, target: Target | None, patterns: tuple[str, ...], breaker_of: Callable[[str], Breaker]
    ) -> Policy | None:
        if not (self._timeouts or self._retries or self._breakers):
            return None
        timeout, retry, name = self._named(target, patterns)
        if timeout is None and retry is None and name is None:
            return None
        return Policy(self._clock, self._random, timeout, retry, breaker_of(name) if name else None)


def plan_of(declared: Retry) -> RetryPlan:
    """A retry as it is declared; raises ValueError."""
    retries = declared.max_retries
    return RetryPlan(
        exponential=read("policy", is_exponential, declared.policy or "constant"),
        seconds=read("duration", duration_of, declared.duration) if declared.duration else CONSTANT_SECONDS,
        max_seconds=read("maxInterval", duration_of, declared.max_interval) if declared.max_interval else MAX_SECONDS,
        max_retries=math.inf if retries is None or retries < 0 else retries,
        http=codes_of(declared.http_status_codes),
        grpc=codes_of(declared.grpc_status_codes),
    )


def read(name: str, parse: Callable[[str], T], text: str) -> T:
    """A field that is declared as a text; raises ValueError as daprd tells of it (dapr kit/config, Decode)."""
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"1 error(s) decoding:\n\n* error decoding '{name}': {error}") from error


def read_all(declared: Mapping[str, D], parse: Callable[[D], T], what: str) -> dict[str, T]:
    """Policies of a kind by their names; raises ValueError, which names the one that cannot be read."""
    found = {}
    for name, each in declared.items():
        try:
            found[name] = parse(each)
        except (ValueError, golang.GoError) as error:
            raise ValueError(f"{what.format(name=golang.quote(name), text=each)}: {error}") from error
    return found


def is_exponential(text: str) -> bool:
    """Whether a retry waits longer each time."""
    if text.lower() not in ("constant", "exponential"):
        raise ValueError(f"invalid PolicyType {golang.quote(text)}: unexpected back off policy type: {text}")
    return text.lower() == "exponential"


def duration_of(text: str) -> float:
    """The seconds of a duration."""
    try:
        return golang.parse_duration(text)
    except golang.GoError as error:
        raise ValueError(f"invalid duration {golang.quote(text)}") from error


KINDS = {
    "state": "Statestore",
    "pubsub": "Pubsub",
    "bindings": "Binding",
    "secrets": "Secretstore",
    "configuration": "Configuration",
    "lock": "Lock",
    "crypto": "Crypto",
    "conversation": "Conversation",
}
"""Building block, and its name in those of default policies."""


def guard(component: Any, policy: Policy | None) -> None:
    """Have what is asked of a component go under a policy; whoever asks may have to wait then."""
    if policy is None:
        return
    for name in OPERATIONS.get(component.component_type.block, ()):
        if hasattr(component, name):
            setattr(component, name, _guarded(getattr(component, name), policy))
    component.blocking = True


def _guarded(operation: Callable[..., T], policy: Policy) -> Callable[..., T]:
    @wraps(operation)
    def run(*args: Any, **kwargs: Any) -> T:
        return policy.run(lambda: operation(*args, **kwargs))

    return run
