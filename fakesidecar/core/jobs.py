"""The jobs building block: what the application is to be told, and when (dapr pkg/api/universal/jobs.go).

The sidecar is its own scheduler. A job that is due while there is no application waits, as it does in Dapr, unless
`JobsBlock.receiver` takes it.
"""

from __future__ import annotations

import math
import unicodedata
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from fakesidecar import golang
from fakesidecar.app import About, AppFailed, AppRequest, AppRpcFailed
from fakesidecar.errors import (
    ApiError,
    JobDeleteFailed,
    JobExists,
    JobGetFailed,
    JobListFailed,
    JobMissing,
    JobNameEmpty,
    JobScheduleFailed,
    JobWithoutSchedule,
)
from fakesidecar.golang import GoError
from fakesidecar.schedule import Plan, parse, parse_time
from fakesidecar.scheduler import FailurePolicy, Scheduler, Standing, Task

if TYPE_CHECKING:
    from fakesidecar.core import Core

DUE_UNREADABLE, DUE_REPEATED = "due time format not recognized", "repeats not supported for due time"
TTL_UNREADABLE = "ttl format not recognized"
VALUE = "type.googleapis.com/google.protobuf.Value"
LONGEST_KEY = 512
KEPT = 10_000
"""How many of the last ticks `JobsBlock.triggered` has."""


@dataclass(frozen=True, slots=True)
class Data:
    """What the application is sent: a google.protobuf.Any."""

    type_url: str = ""
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for, in the words in which it was: `None` is what was not said."""

    name: str
    schedule: str | None = None
    due_time: str | None = None
    repeats: int | None = None
    ttl: str | None = None
    data: Data | None = None
    failure_policy: FailurePolicy = field(default_factory=FailurePolicy)


class Triggered(NamedTuple):
    """A job was due, and was handed over or not."""

    name: str
    due: float
    """When it should be, in seconds since 1970."""
    attempt: int
    """How often this tick had failed before."""
    data: Data | None


_triggered: Callable[[tuple[str, float, int, Data | None]], Triggered] = partial(tuple.__new__, Triggered)
"""The class itself, without its detour through Python: a tenth of the time that a tick takes."""


@dataclass(slots=True)
class Entry:
    """A job and where it stands."""

    job: Job
    task: Task | None = None


class JobsBlock:
    """`schedule`, `get`, `list` and `delete`, and what follows from them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._entries: dict[str, Entry] = {}
        self._scheduler = Scheduler(core.clock, core.guard(blocking=False))
        self._held: list[tuple[Triggered, Task | None]] = []
        """What the application could not be told because it does not listen yet."""
        self.triggered: deque[Triggered] = deque(maxlen=KEPT)
        """The last ticks, each attempt by itself."""
        self.receiver: Callable[[Triggered], bool] | None = None
        """Takes ticks when there is no application, and says whether all went well; None: they wait for one."""

    # --- operations ---

    def schedule(self, job: Job, *, overwrite: bool = False) -> None:
        """Have the application told of a job, from now on."""
        if not job.name:
            raise JobNameEmpty(info=self._info)
        if job.schedule is None and job.due_time is None:
            raise JobWithoutSchedule(info=self._info)
        key = self._checked_key(job.name, JobScheduleFailed)
        now = self._core.clock.now()
        with self._core.guard(blocking=False):
            try:
                plan = plan_of(job, now)
            except GoError as error:
                cause = unknown(f"job failed validation: {error}")
                raise JobScheduleFailed(info=self._info, cause=cause) from None
            before = self._entries.get(job.name)
            if before is not None and not overwrite:
                raise JobExists(info=self._info, key=key)
            self._remove(job.name)
            self._start(job, plan)

    def get(self, name: str) -> Job:
        """A job that has ticks before it."""
        if not name:
            raise JobNameEmpty(info=self._info)
        self._checked_key(name, JobGetFailed)
        entry = self._entries.get(name)
        if entry is None:
            raise JobMissing(info=self._info, name=name)
        return entry.job

    def list(self) -> tuple[Job, ...]:
        """All jobs of the application, by their names."""
        self._check_scheduler(JobListFailed)
        with self._core.guard(blocking=False):
            return tuple(entry.job for _, entry in sorted(self._entries.items()))

    def delete(self, name: str) -> None:
        """Forget a job; one that is not there is forgotten already."""
        if not name:
            raise JobNameEmpty(info=self._info)
        self._checked_key(name, JobDeleteFailed)
        with self._core.guard(blocking=False):
            self._remove(name)

    def delete_by_prefix(self, prefix: str) -> None:
        """Forget all jobs whose names begin so."""
        # go-etcd-cron checks the name that the prefix would make with one letter behind it.
        self._checked_key(prefix + "a", JobDeleteFailed)
        with self._core.guard(blocking=False):
            for name in [name for name in self._entries if name.startswith(prefix)]:
                self._remove(name)

    def trigger(self, name: str) -> None:
        """Have the application told of a job now, besides its schedule; what it answers changes nothing."""
        entry = self._entries.get(name)
        if entry is None:
            raise KeyError(f"there is no job {name!r}")
        self._hand_over(entry.job)

    def app_is_ready(self) -> None:
        """The application takes requests now: tell it what it could not be told before."""
        held, self._held = self._held, []
        for tick, task in held:
            if self._core.app is not None and (task is None or not task.over):
                self._core.app.spawn(self._tell_app(tick, task))

    def reset(self) -> None:
        """Forget all jobs, and all ticks."""
        self._scheduler.reset()
        self._held.clear()
        for name in tuple(self._entries):
            self._remove(name)
        self.triggered.clear()

    def snapshot(self) -> tuple[tuple[Job, float, Standing], ...]:
        """All jobs, when they were scheduled, and how far they have come."""
        tasks = [(entry.job, entry.task) for entry in self._entries.values()]
        return tuple((job, task.plan.begin, task.standing) for job, task in tasks if task is not None)

    def restore(self, kept: Sequence[tuple[Job, float, Standing]]) -> None:
        """Have these jobs, and no others."""
        self.reset()
        for job, begin, standing in kept:
            self._start(job, plan_of(job, begin), standing)

    # --- names ---

    @property
    def _namespace(self) -> str:
        return self._core.options.namespace or "default"

    @property
    def _info(self) -> dict[str, str]:
        return {"appID": self._core.app_id, "namespace": self._namespace}

    def _check_scheduler(self, failed: type[ApiError]) -> None:
        if not self._core.options.scheduler_host_address:
            raise failed(info=self._info, cause="scheduler clients are disabled")

    def _checked_key(self, name: str, failed: type[ApiError]) -> str:
        """The scheduler's key of a job; raises `failed` when it has none, or is none."""
        self._check_scheduler(failed)
        key = f"app||{self._namespace}||{self._core.app_id}||{name}"
        why = None
        if any(character in name for character in "/\\#?"):
            why = "must not contain '/', '\\', '#' or '?'"
        elif any(unicodedata.category(character) == "Cc" for character in name):
            why = "must not contain control characters"
        elif len(key) > LONGEST_KEY:
            why = f"must be at most {LONGEST_KEY} characters"
        if why is not None:
            raise failed(info=self._info, cause=unknown(f"job name is invalid {golang.quote(key)}: {why}"))
        return key

    # --- ticks ---

    def _start(self, job: Job, plan: Plan, standing: Standing | None = None) -> None:
        entry = self._entries[job.name] = Entry(job)

        def finished() -> None:
            if self._entries.get(job.name) is entry:
                del self._entries[job.name]

        deliver = partial(self._hand_over, job)
        if standing is None:
            entry.task = self._scheduler.start(plan, deliver, policy=job.failure_policy, finished=finished)
        else:
            entry.task = self._scheduler.resume(plan, standing, deliver, policy=job.failure_policy, finished=finished)

    def _remove(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None and entry.task is not None:
            self._scheduler.cancel(entry.task)

    def _hand_over(self, job: Job, task: Task | None = None) -> bool | None:
        """Give a tick to whoever takes it; None when that is still under way, or nobody does."""
        app, receiver = self._core.app, self.receiver
        if app is None and receiver is None:
            return None
        if task is None:
            tick = _triggered((job.name, self._core.clock.now(), 0, job.data))
        else:
            tick = _triggered((job.name, task.tick, task.attempt, job.data))
        self.triggered.append(tick)
        if app is None:
            return receiver(tick) if receiver else None
        app.spawn(self._tell_app(tick, task))
        return None

    async def _tell_app(self, tick: Triggered, task: Task | None) -> None:
        assert self._core.app is not None
        tell = self._tell_over_grpc if self._core.app.is_grpc else self._tell_over_http
        try:
            succeeded = await tell(tick)
        except AppFailed:
            if not self._core.health.ready:
                self._held.append((tick, task))
                return
            succeeded = False
        if task is not None:
            self._scheduler.done(task, succeeded)

    async def _tell_over_http(self, tick: Triggered) -> bool:
        assert self._core.app is not None
        try:
            path = golang.url_path(f"/job/{tick.name}")
        except GoError:  # `a%b`: no request can be made for it
            return False
        request = AppRequest("POST", path, body_of(tick.data))
        answer = await self._core.app.request(request, about=About("job", target=tick.name))
        return answer.ok or answer.status == 404  # a job that the application does not know is not told again

    async def _tell_over_grpc(self, tick: Triggered) -> bool:
        from dapr_client.wire import appcallback_pb2

        assert self._core.app is not None
        event: Any = appcallback_pb2.JobEventRequest(name=tick.name, method=f"job/{tick.name}")
        event.http_extension.verb = event.http_extension.POST
        if tick.data is not None:
            event.data.type_url, event.data.value = tick.data.type_url, tick.data.value
            event.data.SetInParent()
            event.content_type = tick.data.type_url
        for name in ("OnJobEvent", "OnJobEventAlpha1"):
            try:
                await self._core.app.rpc(name, event, about=About("job", target=tick.name))
            except AppRpcFailed as error:
                if error.code.name == "UNIMPLEMENTED":
                    continue
                if error.code.name == "UNAVAILABLE":
                    raise
                return error.code.name == "NOT_FOUND"
            return True
        return False


def unknown(text: str) -> str:
    """An error of the scheduler as its client prints it."""
    return f"rpc error: code = Unknown desc = {text}"


def body_of(data: Data | None) -> bytes:
    """What an HTTP application is sent: a Value as JSON, anything else as its bytes, trimmed."""
    if data is None:
        return b""
    if data.type_url != VALUE:
        return data.value.strip()
    from google.protobuf import struct_pb2

    return golang.format_protojson(struct_pb2.Value.FromString(data.value))


def plan_of(job: Job, now: float) -> Plan:
    """When a job's ticks are; raises `GoError` when they cannot be (dapr/go-etcd-cron, scheduler builder)."""
    if job.repeats is not None and job.repeats < 1:
        raise GoError("defined repeats must be greater than 0")
    if job.schedule is None and job.repeats is not None and job.repeats > 1:
        raise GoError("job must have a schedule to repeat")
    if job.schedule is None and job.ttl is not None:
        raise GoError("job must have a schedule to have a ttl")
    due, expires = None, math.inf
    if job.due_time is not None:
        due = parse_time(job.due_time, now, unreadable=DUE_UNREADABLE, repeated=DUE_REPEATED)
    if job.ttl is not None:
        start = now if due is None else due
        expires = parse_time(job.ttl, start, unreadable=TTL_UNREADABLE, repeated=TTL_UNREADABLE)
    if due is not None and due > expires:
        raise GoError("ttl must be greater than due time")
    schedule = None if job.schedule is None else parse(job.schedule)
    return Plan(now, schedule, due, job.repeats, expires)
