"""Jobs: have the application told of something later, once or again and again."""

from __future__ import annotations

from typing import TypeVar
from warnings import warn

import grpc
from google.protobuf.message import Message

from dapr_client._async.block import Block
from dapr_client._checks import not_blank
from dapr_client._response import DaprResponse, Headers
from dapr_client.errors import DaprGrpcError
from dapr_client.jobs import Job, deprecated
from dapr_client.wire import jobs_pb2

R = TypeVar("R", bound=Message)


class JobMethods(Block):
    """What a client can do with jobs."""

    async def schedule_job(self, job: Job, overwrite: bool = False, *, timeout: float | None = None) -> DaprResponse:
        """Have the application told of a job when it is due; one of the same name stays, unless it is overwritten."""
        not_blank(job_name=job.name)
        if not job.schedule and not job.due_time:
            raise ValueError("Job must have either schedule or due_time specified")
        request = jobs_pb2.ScheduleJobRequest(job=job._get_proto(), overwrite=overwrite)
        _, headers = await self._job_call("ScheduleJob", request, jobs_pb2.ScheduleJobResponse, timeout)
        return DaprResponse(headers)

    async def get_job(self, name: str, *, timeout: float | None = None) -> Job:
        """A job that has something before it."""
        not_blank(job_name=name)
        answer, _ = await self._job_call("GetJob", jobs_pb2.GetJobRequest(name=name), jobs_pb2.GetJobResponse, timeout)
        return Job._from_proto(answer.job)

    async def list_jobs(self, *, timeout: float | None = None) -> list[Job]:
        """All jobs of the application."""
        answer, _ = await self._transport.unary(
            "ListJobs", jobs_pb2.ListJobsRequest(), jobs_pb2.ListJobsResponse, None, timeout
        )
        return [Job._from_proto(job) for job in answer.jobs]

    async def delete_job(self, name: str, *, timeout: float | None = None) -> DaprResponse:
        """Forget a job; it is no error if there is none."""
        not_blank(job_name=name)
        request = jobs_pb2.DeleteJobRequest(name=name)
        _, headers = await self._job_call("DeleteJob", request, jobs_pb2.DeleteJobResponse, timeout)
        return DaprResponse(headers)

    async def delete_jobs_by_prefix(self, name_prefix: str, *, timeout: float | None = None) -> DaprResponse:
        """Forget all jobs whose names begin so; an empty text stands for all jobs of the application."""
        request = jobs_pb2.DeleteJobsByPrefixRequest(name_prefix=name_prefix)
        _, headers = await self._transport.unary(
            "DeleteJobsByPrefix", request, jobs_pb2.DeleteJobsByPrefixResponse, None, timeout
        )
        return DaprResponse(headers)

    async def schedule_job_alpha1(
        self, job: Job, overwrite: bool = False, *, timeout: float | None = None
    ) -> DaprResponse:
        """The old name of `schedule_job`."""
        warn(deprecated("schedule_job"), DeprecationWarning, stacklevel=2)
        return await self.schedule_job(job, overwrite, timeout=timeout)

    async def get_job_alpha1(self, name: str, *, timeout: float | None = None) -> Job:
        """The old name of `get_job`."""
        warn(deprecated("get_job"), DeprecationWarning, stacklevel=2)
        return await self.get_job(name, timeout=timeout)

    async def delete_job_alpha1(self, name: str, *, timeout: float | None = None) -> DaprResponse:
        """The old name of `delete_job`."""
        warn(deprecated("delete_job"), DeprecationWarning, stacklevel=2)
        return await self.delete_job(name, timeout=timeout)

    async def _job_call(
        self, name: str, request: Message, response: type[R], timeout: float | None
    ) -> tuple[R, Headers]:
        """Call by the stable name, and by the one of Dapr before 1.18 where there is no other."""
        try:
            return await self._transport.unary(name, request, response, None, timeout)
        except DaprGrpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
        return await self._transport.unary(f"{name}Alpha1", request, response, None, timeout)
