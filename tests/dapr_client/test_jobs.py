"""Jobs: both clients, over ports, against the sidecar."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import StringValue

from dapr_client import ConstantFailurePolicy, DaprClient, DaprGrpcError, DropFailurePolicy, Job
from dapr_client.aio import DaprClient as AsyncDaprClient
from dapr_client.wire import jobs_pb2
from fakesidecar import Sidecar

from .scripted import Fails, served


@pytest.fixture
def dapr(sidecar: Sidecar) -> Iterator[DaprClient]:
    with DaprClient() as client:
        yield client


def words(text: str) -> Any:
    packed = Any()
    packed.Pack(StringValue(value=text))
    return packed


@pytest.mark.parametrize(
    "job",
    [
        Job("j", schedule="@daily", repeats=3, ttl="48h", data=words("hi"), failure_policy=DropFailurePolicy()),
        Job("j", due_time="1h", failure_policy=ConstantFailurePolicy(5, 2)),
        Job("j", due_time="1h", failure_policy=ConstantFailurePolicy(None, 0.25)),
        Job("j", due_time="1h", failure_policy=ConstantFailurePolicy(0, None)),
    ],
)
def test_a_job_comes_back_as_it_was_scheduled(dapr: DaprClient, job: Job) -> None:
    dapr.schedule_job(job)
    assert dapr.get_job("j") == job
    assert dapr.list_jobs() == [job]


def test_jobs_are_overwritten_and_deleted(dapr: DaprClient) -> None:
    for name in ("red-1", "red-2", "blue"):
        dapr.schedule_job(Job(name, schedule="@hourly"))
    with pytest.raises(DaprGrpcError) as caught:
        dapr.schedule_job(Job("blue", schedule="@daily"))
    assert (caught.value.code(), caught.value.error_code()) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "DAPR_SCHEDULER_SCHEDULE_JOB",
    )
    dapr.schedule_job(Job("blue", schedule="@daily"), overwrite=True)
    assert dapr.get_job("blue").failure_policy == ConstantFailurePolicy(3, 1)
    dapr.delete_job("red-1")
    dapr.delete_job("nobody")
    assert [job.name for job in dapr.list_jobs()] == ["blue", "red-2"]
    dapr.delete_jobs_by_prefix("red")
    assert [job.name for job in dapr.list_jobs()] == ["blue"]
    with pytest.raises(DaprGrpcError, match="job not found: red-2"):
        dapr.get_job("red-2")


async def test_the_async_client_schedules_jobs(sidecar: Sidecar) -> None:
    async with AsyncDaprClient() as dapr:
        await dapr.schedule_job(Job("j", schedule="@hourly"))
        assert (await dapr.get_job("j")).schedule == "@hourly"
        assert len(await dapr.list_jobs()) == 1
        await dapr.delete_job("j")
        await dapr.delete_jobs_by_prefix("")
        assert await dapr.list_jobs() == []


def test_old_names_tell_of_the_new_ones(dapr: DaprClient) -> None:
    with pytest.warns(DeprecationWarning, match="schedule_job_alpha1 is deprecated; use schedule_job instead"):
        dapr.schedule_job_alpha1(Job("j", due_time="1h"))
    with pytest.warns(DeprecationWarning, match="get_job_alpha1 is deprecated; use get_job instead"):
        assert dapr.get_job_alpha1("j").due_time == "1h"
    with pytest.warns(DeprecationWarning, match="delete_job_alpha1 is deprecated; use delete_job instead"):
        dapr.delete_job_alpha1("j")


def test_what_cannot_be_a_job_is_not_asked_for(dapr: DaprClient) -> None:
    for call in (
        lambda: dapr.schedule_job(Job(" ", due_time="1h")),
        lambda: dapr.get_job(""),
        lambda: dapr.delete_job(""),
    ):
        with pytest.raises(ValueError, match="job_name name cannot be empty or blank"):
            call()
    with pytest.raises(ValueError, match="Job must have either schedule or due_time specified"):
        dapr.schedule_job(Job("j"))


def test_a_sidecar_that_knows_only_the_old_names_is_asked_by_them() -> None:
    unimplemented = Fails(grpc.StatusCode.UNIMPLEMENTED)
    answer = jobs_pb2.GetJobResponse(job=jobs_pb2.Job(name="j", due_time="1h")).SerializeToString()
    with (
        served(unimplemented, b"", unimplemented, answer, unimplemented, b"") as script,
        grpc.insecure_channel(script.address) as channel,
    ):
        dapr = DaprClient(channel=channel)
        dapr.schedule_job(Job("j", due_time="1h"))
        assert dapr.get_job("j") == Job("j", due_time="1h")
        dapr.delete_job("j")
        assert len(script.calls) == 6
