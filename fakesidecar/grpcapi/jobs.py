"""The jobs API over gRPC (dapr pkg/api/universal/jobs.go)."""

from __future__ import annotations

from google.protobuf import any_pb2

from dapr_client.wire import common_pb2, jobs_pb2
from fakesidecar.core import Core
from fakesidecar.core.jobs import Data, Job
from fakesidecar.errors import JobEmpty
from fakesidecar.grpcapi.registry import Context, serves
from fakesidecar.scheduler import DROP, FailurePolicy

NANOSECONDS = 1_000_000_000


@serves("ScheduleJob", "ScheduleJobAlpha1", call="jobs.schedule", target="job.name")
def schedule_job(core: Core, request: jobs_pb2.ScheduleJobRequest, context: Context) -> jobs_pb2.ScheduleJobResponse:
    if not request.HasField("job"):
        raise JobEmpty(info={"appID": core.app_id, "namespace": core.options.namespace or "default"})
    core.jobs.schedule(job_of(request.job), overwrite=request.overwrite)
    return jobs_pb2.ScheduleJobResponse()


@serves("GetJob", "GetJobAlpha1", call="jobs.get", target="name")
def get_job(core: Core, request: jobs_pb2.GetJobRequest, context: Context) -> jobs_pb2.GetJobResponse:
    return jobs_pb2.GetJobResponse(job=message_of(core.jobs.get(request.name)))


@serves("ListJobs", call="jobs.list")
def list_jobs(core: Core, request: jobs_pb2.ListJobsRequest, context: Context) -> jobs_pb2.ListJobsResponse:
    return jobs_pb2.ListJobsResponse(jobs=map(message_of, core.jobs.list()))


@serves("ListJobsAlpha1", call="jobs.list")
def list_jobs_alpha1(
    core: Core, request: jobs_pb2.ListJobsRequestAlpha1, context: Context
) -> jobs_pb2.ListJobsResponseAlpha1:
    return jobs_pb2.ListJobsResponseAlpha1(jobs=map(message_of, core.jobs.list()))


@serves("DeleteJob", "DeleteJobAlpha1", call="jobs.delete", target="name")
def delete_job(core: Core, request: jobs_pb2.DeleteJobRequest, context: Context) -> jobs_pb2.DeleteJobResponse:
    core.jobs.delete(request.name)
    return jobs_pb2.DeleteJobResponse()


@serves("DeleteJobsByPrefix", call="jobs.delete_by_prefix", target="name_prefix")
def delete_jobs_by_prefix(
    core: Core, request: jobs_pb2.DeleteJobsByPrefixRequest, context: Context
) -> jobs_pb2.DeleteJobsByPrefixResponse:
    core.jobs.delete_by_prefix(request.name_prefix)
    return jobs_pb2.DeleteJobsByPrefixResponse()


@serves("DeleteJobsByPrefixAlpha1", call="jobs.delete_by_prefix", target="name_prefix")
def delete_jobs_by_prefix_alpha1(
    core: Core, request: jobs_pb2.DeleteJobsByPrefixRequestAlpha1, context: Context
) -> jobs_pb2.DeleteJobsByPrefixResponseAlpha1:
    core.jobs.delete_by_prefix(request.name_prefix)
    return jobs_pb2.DeleteJobsByPrefixResponseAlpha1()


# --- jobs as messages, for both doors ------------------------------------------------------------


def job_of(message: jobs_pb2.Job) -> Job:
    """The job that a message asks for."""
    return Job(
        message.name,
        schedule=message.schedule if message.HasField("schedule") else None,
        due_time=message.due_time if message.HasField("due_time") else None,
        repeats=message.repeats if message.HasField("repeats") else None,
        ttl=message.ttl if message.HasField("ttl") else None,
        data=Data(message.data.type_url, message.data.value) if message.HasField("data") else None,
        failure_policy=policy_of(message.failure_policy),
    )


def policy_of(message: common_pb2.JobFailurePolicy) -> FailurePolicy:
    """The failure policy that a message asks for; the default one when it names none."""
    kind = message.WhichOneof("policy")
    if kind is None:
        return FailurePolicy()
    if kind == "drop":
        return DROP
    constant = message.constant
    return FailurePolicy(
        constant.interval.ToNanoseconds() / NANOSECONDS if constant.HasField("interval") else None,
        constant.max_retries if constant.HasField("max_retries") else None,
    )


def message_of(job: Job) -> jobs_pb2.Job:
    """A job as the API gives it back."""
    data = None if job.data is None else any_pb2.Any(type_url=job.data.type_url, value=job.data.value)
    return jobs_pb2.Job(
        name=job.name,
        schedule=job.schedule,
        due_time=job.due_time,
        repeats=job.repeats,
        ttl=job.ttl,
        data=data,
        failure_policy=policy_message_of(job.failure_policy),
    )


def policy_message_of(policy: FailurePolicy) -> common_pb2.JobFailurePolicy:
    """A failure policy as the API gives it back."""
    if policy is DROP:
        return common_pb2.JobFailurePolicy(drop=common_pb2.JobFailurePolicyDrop())
    constant = common_pb2.JobFailurePolicyConstant(max_retries=policy.max_retries)
    if policy.interval is not None:
        constant.interval.FromNanoseconds(round(policy.interval * NANOSECONDS))
        constant.interval.SetInParent()
    return common_pb2.JobFailurePolicy(constant=constant)
