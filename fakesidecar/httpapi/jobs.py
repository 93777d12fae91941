"""The jobs API over HTTP (dapr pkg/api/http/jobs.go): no listing here."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2
from google.protobuf.message import Message

from dapr_client.wire import common_pb2, jobs_pb2
from fakesidecar import golang
from fakesidecar.core import Core
from fakesidecar.errors import JobNameEmpty, JobNameTwice, NoJson
from fakesidecar.grpcapi.jobs import job_of, message_of
from fakesidecar.httpapi.bodies import read_message
from fakesidecar.httpapi.registry import route
from fakesidecar.web import Request, Response, empty

PATHS = ("/v1.0/jobs/{name}", "/v1.0-alpha1/jobs/{name}")


@route("POST", *PATHS, call="jobs.schedule", target="name")
def schedule_job(core: Core, request: Request) -> Response:
    asked: Any = read_message(request, body_message())
    if asked.name:
        raise JobNameTwice(info={"appID": core.app_id})
    if not request.params["name"].strip():
        raise JobNameEmpty(info={"appID": core.app_id, "namespace": core.options.namespace or "default"})
    job = jobs_pb2.Job(name=request.params["name"])
    for name in ("schedule", "repeats", "due_time", "ttl"):
        if asked.HasField(name):
            setattr(job, name, getattr(asked, name))
    job.failure_policy.CopyFrom(asked.failure_policy)
    if asked.HasField("data"):
        job.data.Pack(asked.data)
    core.jobs.schedule(job_of(job), overwrite=asked.overwrite)
    return empty()


@route("GET", *PATHS, call="jobs.get", target="name")
def get_job(core: Core, request: Request) -> Response:
    job = message_of(core.jobs.get(request.params["name"]))
    try:
        return Response(200, [("content-type", "application/json")], golang.format_protojson(job))
    except golang.GoError as error:
        raise NoJson(cause=error) from error


@route("DELETE", *PATHS, call="jobs.delete", target="name")
def delete_job(core: Core, request: Request) -> Response:
    core.jobs.delete(request.params["name"])
    return empty()


# --- the body ------------------------------------------------------------------------------------

_TYPES = descriptor_pb2.FieldDescriptorProto
FIELDS: tuple[tuple[str, Any, str], ...] = (
    ("name", _TYPES.TYPE_STRING, ""),
    ("schedule", _TYPES.TYPE_STRING, ""),
    ("repeats", _TYPES.TYPE_UINT32, ""),
    ("due_time", _TYPES.TYPE_STRING, ""),
    ("ttl", _TYPES.TYPE_STRING, ""),
    ("data", _TYPES.TYPE_MESSAGE, struct_pb2.Value.DESCRIPTOR.full_name),
    ("overwrite", _TYPES.TYPE_BOOL, ""),
    ("failure_policy", _TYPES.TYPE_MESSAGE, common_pb2.JobFailurePolicy.DESCRIPTOR.full_name),
)
"""The body: a job whose data is any JSON (dapr/proto/internals/v1/jobs.proto, which no client sees)."""


@cache
def body_message() -> type[Message]:
    """The message that the body is read as."""
    file = descriptor_pb2.FileDescriptorProto(
        name="fakesidecar/httpapi/jobs.proto",
        package="fakesidecar.httpapi",
        syntax="proto3",
        dependency=[struct_pb2.DESCRIPTOR.name, common_pb2.DESCRIPTOR.name],
    )
    message = file.message_type.add(name="JobBody")
    for number, (name, type_, type_name) in enumerate(FIELDS, 1):
        field = message.field.add(name=name, number=number, type=type_, label=_TYPES.LABEL_OPTIONAL)
        if type_name:
            field.type_name = f".{type_name}"
        else:
            field.proto3_optional, field.oneof_index = True, len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("fakesidecar.httpapi.JobBody"))
