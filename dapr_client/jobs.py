"""Jobs: what the application is to be told later, and what is done when it fails to listen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any as _Any

from google.protobuf.any_pb2 import Any

from dapr_client.wire import common_pb2, jobs_pb2

NANOSECONDS = 1_000_000_000


def deprecated(name: str) -> str:
    """What is said when a method is called by its old name."""
    return f"{name}_alpha1 is deprecated; use {name} instead."


class FailurePolicy(ABC):
    """What is done when the application does not take a job."""

    @abstractmethod
    def _to_proto(self) -> common_pb2.JobFailurePolicy:
        """The message that says so."""


class DropFailurePolicy(FailurePolicy):
    """A tick that fails is given up."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DropFailurePolicy)

    def __hash__(self) -> int:
        return hash(DropFailurePolicy)

    def __repr__(self) -> str:
        return "DropFailurePolicy()"

    def _to_proto(self) -> common_pb2.JobFailurePolicy:
        return common_pb2.JobFailurePolicy(drop=common_pb2.JobFailurePolicyDrop())


@dataclass
class ConstantFailurePolicy(FailurePolicy):
    """A tick that fails is tried again after a while, for ever if `max_retries` is None."""

    max_retries: int | None = None
    interval_seconds: float | None = 30

    def _to_proto(self) -> common_pb2.JobFailurePolicy:
        constant = common_pb2.JobFailurePolicyConstant(max_retries=self.max_retries)
        if self.interval_seconds is not None:
            constant.interval.FromNanoseconds(round(self.interval_seconds * NANOSECONDS))
            constant.interval.SetInParent()
        return common_pb2.JobFailurePolicy(constant=constant)


@dataclass
class Job:
    """What the application is to be told, and when.

    `schedule` is cron with six fields, `@every 1h`, `@daily`…; `due_time` and `ttl` are times (RFC 3339) or durations
    from now on (`1h30m`, `P1D`). One of `schedule` and `due_time` must be there.
    """

    name: str
    schedule: str | None = None
    repeats: int | None = None
    due_time: str | None = None
    ttl: str | None = None
    data: Any | None = None
    failure_policy: FailurePolicy | None = None

    def _get_proto(self) -> jobs_pb2.Job:
        """The message that asks for the job; without data it has empty data, as the official client sends."""
        return jobs_pb2.Job(
            name=self.name,
            schedule=self.schedule or None,
            repeats=self.repeats,
            due_time=self.due_time or None,
            ttl=self.ttl or None,
            data=self.data or Any(),
            failure_policy=self.failure_policy._to_proto() if self.failure_policy else None,
        )

    @classmethod
    def _from_proto(cls, job_proto: _Any) -> Job:
        """The job that a message tells of."""

        def said(name: str) -> _Any:
            return getattr(job_proto, name) if job_proto.HasField(name) else None

        return cls(
            job_proto.name,
            schedule=said("schedule"),
            repeats=said("repeats"),
            due_time=said("due_time"),
            ttl=said("ttl"),
            data=job_proto.data if job_proto.HasField("data") and job_proto.data.value else None,
            failure_policy=_policy(job_proto.failure_policy),
        )


def _policy(message: common_pb2.JobFailurePolicy) -> FailurePolicy | None:
    kind = message.WhichOneof("policy")
    if kind is None:
        return None
    if kind == "drop":
        return DropFailurePolicy()
    constant = message.constant
    seconds = constant.interval.ToNanoseconds() / NANOSECONDS if constant.HasField("interval") else None
    return ConstantFailurePolicy(
        constant.max_retries if constant.HasField("max_retries") else None,
        int(seconds) if seconds is not None and seconds.is_integer() else seconds,
    )


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A job is due."""

    name: str
    data: bytes = b""

    def get_data_as_string(self, encoding: str = "utf-8") -> str:
        """The data of the job as text."""
        return self.data.decode(encoding)
