"""Timers and reminders: what the sidecar is told of them, and what it says when they are due."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dapr_client._serializers import from_duration
from dapr_client.actor._interface import ActorPayloadDecodeError

TimerCallback = Callable[[Any], Any]


class Remindable(ABC):
    """An actor that can be reminded: it, or an ancestor of its, inherits from this."""

    @abstractmethod
    async def receive_reminder(
        self, name: str, state: bytes, due_time: timedelta, period: timedelta | None, ttl: timedelta | None = None
    ) -> None:
        """A reminder is due; `state` is what it was registered with."""


class ActorReminderFailurePolicy:
    """What becomes of a reminder that the actor failed at: it is dropped, or tried again."""

    def __init__(
        self, *, drop: bool = False, interval: timedelta | None = None, max_retries: int | None = None
    ) -> None:
        if drop and (interval is not None or max_retries is not None):
            raise ValueError("drop policy cannot be combined with interval or max_retries")
        if not drop and interval is None and max_retries is None:
            raise ValueError("specify either drop=True or at least one of interval or max_retries")
        self.drop = drop
        self.interval = interval
        self.max_retries = max_retries

    @classmethod
    def drop_policy(cls) -> ActorReminderFailurePolicy:
        """Do not try again."""
        return cls(drop=True)

    @classmethod
    def constant_policy(
        cls, interval: timedelta | None = None, max_retries: int | None = None
    ) -> ActorReminderFailurePolicy:
        """Try again after each interval, so often; without a number, until it works."""
        return cls(interval=interval, max_retries=max_retries)

    def as_dict(self) -> dict[str, Any]:
        """As Dapr's JSON has it, but for the duration."""
        if self.drop:
            return {"drop": {}}
        said = {"interval": self.interval, "maxRetries": self.max_retries}
        return {"constant": {name: value for name, value in said.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class ActorTimerData:
    """A timer, as it was asked for."""

    timer_name: str
    callback: str
    """The name of the method that is called."""
    state: Any
    due_time: timedelta | None
    period: timedelta | None
    ttl: timedelta | None = None

    def as_dict(self) -> dict[str, Any]:
        """What the sidecar is told, but for durations."""
        body = {
            "callback": self.callback,
            "data": self.state,
            "dueTime": self.due_time or timedelta(),
            "period": self.period or "",
        }
        return body if self.ttl is None else {**body, "ttl": self.ttl}


@dataclass(frozen=True, slots=True)
class ActorReminderData:
    """A reminder, as it was asked for."""

    reminder_name: str
    state: bytes
    due_time: timedelta | None
    period: timedelta | None = None
    ttl: timedelta | None = None
    failure_policy: ActorReminderFailurePolicy | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.state, bytes):
            raise ValueError(f"only bytes are allowed for state: {type(self.state)}")

    def as_dict(self) -> dict[str, Any]:
        """What the sidecar is told, but for durations."""
        body = {
            "reminderName": self.reminder_name,
            "dueTime": self.due_time or timedelta(),
            "period": self.period,
            "data": self.state,
        }
        if self.ttl is not None:
            body["ttl"] = self.ttl
        if self.failure_policy is not None:
            body["failurePolicy"] = self.failure_policy.as_dict()
        return body


@dataclass(frozen=True, slots=True)
class DueReminder:
    """A reminder that is due."""

    name: str
    state: bytes
    due_time: timedelta
    period: timedelta | None
    ttl: timedelta | None


def due_reminder(name: str, body: Any) -> DueReminder:
    """What the sidecar says of a reminder that is due. ActorPayloadDecodeError if it is no such thing."""
    if not isinstance(body, dict):
        raise ActorPayloadDecodeError(f"reminder {name} is not a JSON object")
    try:
        state = base64.b64decode(body.get("data") or "")
    except (ValueError, TypeError) as error:
        raise ActorPayloadDecodeError(f"the data of reminder {name} is not base64: {error}") from error
    times = (_length(body.get(key)) for key in ("dueTime", "period", "ttl"))
    due_time, period, ttl = times
    return DueReminder(name, state, due_time or timedelta(), period, ttl)


def due_timer(name: str, body: Any) -> tuple[str, Any]:
    """The callback of a timer that is due, and what it is given."""
    if not isinstance(body, dict) or not isinstance(body.get("callback"), str):
        raise ActorPayloadDecodeError(f"timer {name} has no callback")
    return body["callback"], body.get("data")


def _length(text: Any) -> timedelta | None:
    """A duration; None for none, and for what is another kind of time (the sidecar says none of these)."""
    try:
        return from_duration(text)
    except (ValueError, TypeError):
        return None
